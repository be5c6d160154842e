"""What the tests share: actors to watch others with, and places where actors wait."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from actors import Actor, adopt, monitor
from actors.testing import ManualClock
from actors.testing._clock import PATIENCE_SECONDS
from actors.testing._faults import wait_until

__all__ = [
    "CAP",
    "INTERRUPT",
    "Gate",
    "ManualClock",
    "Probe",
    "TrappingProbe",
    "crash",
    "ended",
    "received",
    "received_nothing",
    "watching",
]

CAP = PATIENCE_SECONDS
"""Seconds of real time after which a wait of a test has failed. Nothing waits that long when it works."""


INTERRUPT = pytest.param(KeyboardInterrupt(), marks=pytest.mark.threads, id="KeyboardInterrupt()")
"""As an argument of a test: what ends one actor only, and all of a simulation."""


class Probe(Actor):
    """An actor that runs what the test asks it to, and shows the test what else it gets.

    probe = Probe.start()
    probe.ask(lambda: monitor(ref))   # runs inside the actor; an exception reaches the test, and doesn't end it
    probe_received(probe)             # the next message that isn't a function
    """

    crash_on_failed_ask = False
    use_daemon_thread = True

    def __init__(self) -> None:
        self.received: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def on_receive(self, message: Any) -> Any:
        if callable(message):
            return message()
        self.received.put(message)
        return None


class TrappingProbe(Probe):
    """A probe that traps exits."""

    trap_exit = True


def received(probe: Any) -> Any:
    """The next message that a probe got, waiting for it."""
    actor = probe._process.actor
    assert actor is not None, f"{probe} has ended: {probe.exit_reason!r}"
    return actor.received.get(timeout=CAP)


def received_nothing(probe: Any) -> bool:
    """Whether a probe has got no message that the test hasn't seen. What was sent before has arrived."""
    actor = probe._process.actor
    probe.ask(lambda: None)
    return actor.received.empty()


class Gate:
    """A place where an actor waits until the test lets it on."""

    def __init__(self) -> None:
        self._reached = threading.Event()
        self._open = threading.Event()

    def pass_through(self) -> None:
        """Called by the actor: say that it is here, and wait until the gate is open."""
        self._reached.set()
        assert self._open.wait(CAP), "nobody opened the gate"

    def await_arrival(self) -> None:
        """Called by the test: wait until an actor is here."""
        assert self._reached.wait(CAP), "nobody came to the gate"

    def open(self) -> None:
        """Called by the test: let the actor on."""
        self._open.set()


@contextmanager
def held_elsewhere(lock: Any) -> Iterator[None]:
    """Have another thread hold a lock meanwhile."""
    gate = Gate()

    def hold() -> None:
        with lock:
            gate.pass_through()

    holder = threading.Thread(target=hold)
    holder.start()
    gate.await_arrival()
    try:
        yield
    finally:
        gate.open()
        holder.join()


def watching(*refs: Any) -> Any:
    """A probe that monitors these actors, each once, in this order."""
    watcher = Probe.start()
    for ref in refs:
        watcher.ask(lambda ref=ref: monitor(ref))
    return watcher


def crash(message: str = "boom") -> None:
    """What a probe is told to crash."""
    raise ValueError(message)


def ended(ref: Any) -> Any:
    """Wait until an actor, ours or a plain one, is gone; return our ref to it."""
    adopted = adopt(ref)
    assert wait_until(adopted._process, lambda process: process.gone, CAP), f"{ref} has not ended"
    return adopted
