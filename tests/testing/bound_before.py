"""A module that has bound names of its own to what blocks a thread."""

from __future__ import annotations

from contextlib import ExitStack
from queue import SimpleQueue
from threading import Lock, RLock
from time import monotonic, sleep
from typing import Any

from actors import Actor, now
from actors.testing import SimulatedTestCase, System


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


def naps(_system):
    """A scenario that sleeps and reads the clock before any actor runs."""
    sleep(3600)
    assert monotonic() == 3600
    for answer in [Sleeper.start().ask(1, block=False) for _ in range(2)]:
        assert answer.get() == 3601


def naps_in_a_system_of_its_own():
    with System() as system:
        naps(system)


def naps_in_a_system_that_is_entered_for_it():
    with ExitStack() as stack:
        naps(stack.enter_context(System()))


class Napping(SimulatedTestCase):
    __test__ = False

    def test_it(self):
        naps(self.system)
