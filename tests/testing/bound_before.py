"""A module that has bound names of its own to what blocks a thread."""

from __future__ import annotations

from queue import SimpleQueue
from threading import Lock, RLock
from time import sleep
from typing import Any

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


SHOP: Any = None


class Shut:
    """A context manager whose lock is the shop's of this module."""

    def __enter__(self):
        SHOP.lock.acquire()

    def __exit__(self, *_exc_info):
        SHOP.lock.release()
