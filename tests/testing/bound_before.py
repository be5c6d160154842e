"""A module that has bound names of its own to what blocks a thread."""

from __future__ import annotations

from queue import SimpleQueue
from threading import Lock, RLock
from time import sleep

from actors import Actor, now


class Sleeper(Actor):
    """Sleeps, and says what time it is."""

    def on_receive(self, seconds):
        sleep(seconds)
        return now()


class Maker(Actor):
    """Makes what others wait for."""

    def on_receive(self, _message):
        return Lock(), RLock(), SimpleQueue()
