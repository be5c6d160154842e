"""What the tests share: a clock that they move themselves, and actors to watch others with."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import queue
import threading
from typing import TYPE_CHECKING, Any

from actors import Actor, adopt, monitor
from actors._clock import Ticket

if TYPE_CHECKING:
    from collections.abc import Callable


CAP = 10.0
"""Seconds of real time after which a wait of a test has failed. Nothing waits that long when it works."""


class ManualClock:
    """Time that stands still until the test says `advance(seconds)`.

    A wait with a time-out ends when it is woken, or when the clock is advanced past it.
    """

    def __init__(self) -> None:
        self._now = 1000.0
        self._tickets: list[tuple[float, int, Ticket]] = []
        self._numbers = itertools.count()
        self._lock = threading.Condition()

    def now(self) -> float:
        return self._now

    def call_at(self, deadline: float, callback: Callable[[], None]) -> Ticket:
        ticket = Ticket(deadline, callback)
        with self._lock:
            heapq.heappush(self._tickets, (deadline, next(self._numbers), ticket))
            self._lock.notify_all()
        return ticket

    def cancel(self, ticket: Ticket) -> bool:
        with self._lock:
            return ticket.take() is not None

    def wait(self, lock: threading.Lock, timeout: float | None) -> bool:
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            with contextlib.suppress(RuntimeError):
                lock.release()

        if timeout is not None and timeout <= 0:
            return lock.acquire(blocking=False)
        ticket = None if timeout is None else self.call_at(self._now + timeout, expire)
        if not lock.acquire(timeout=CAP):
            msg = f"nothing ended a wait of {timeout} seconds; was the clock to be advanced?"
            raise AssertionError(msg)
        if ticket is not None:
            self.cancel(ticket)
        return not expired.is_set()

    def close(self) -> None:
        with self._lock:
            self._tickets.clear()

    def advance(self, seconds: float) -> None:
        """Move the time, and make the calls that fall due, in order, in this thread."""
        end = self._now + seconds
        while (due := self._take_due(end)) is not None:
            due()
        self._now = end

    def await_timers(self, count: int = 1) -> None:
        """Wait until `count` calls are to come: until somebody waits for the time to pass."""
        with self._lock:
            reached = self._lock.wait_for(lambda: self._pending() >= count, timeout=CAP)
        assert reached, f"{self._pending()} timers are set, not {count}"

    def _pending(self) -> int:
        return sum(1 for _, _, ticket in self._tickets if ticket.callback is not None)

    def _take_due(self, end: float) -> Callable[[], None] | None:
        with self._lock:
            while self._tickets and self._tickets[0][0] <= end:
                deadline, _, ticket = heapq.heappop(self._tickets)
                if (callback := ticket.take()) is not None:
                    self._now = max(self._now, deadline)
                    return callback
            return None


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
    assert adopted.join(CAP), f"{ref} has not ended"
    return adopted
