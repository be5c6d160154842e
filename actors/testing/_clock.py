"""Time that a test moves by itself."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import math
import threading
from typing import TYPE_CHECKING

from actors._clock import Clock, Ticket

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PATIENCE_SECONDS", "ManualClock"]

PATIENCE_SECONDS = 10.0
"""Real time after which a test has waited in vain. Nothing waits that long when it works."""


class ManualClock(Clock):
    """Time that stands still until the test says `advance(seconds)`.

    A wait with a time-out ends when it is woken, or when the clock is advanced past it. A thread that nobody and
    nothing wakes gets an `AssertionError` after ten seconds of real time.

    Example:
        >>> from actors import Actor, send_after
        >>> from actors.testing import ManualClock, TestRuntime, settle
        >>> class Alarm(Actor):
        ...     def on_receive(self, message):
        ...         print(message)
        >>> clock = ManualClock()
        >>> with TestRuntime(clock=clock):
        ...     timer = send_after(Alarm.start(), "it is time", 60.0)
        ...     clock.advance(59.0)
        ...     settle()
        ...     print(timer.remaining())
        ...     clock.advance(1.0)
        ...     settle()
        1.0
        it is time
    """

    def __init__(self) -> None:
        self.on_wait: Callable[[], object] | None = None
        self._now = 1000.0
        self._tickets: list[tuple[float, int, Ticket]] = []
        self._numbers = itertools.count()
        # By the locks that they wait for.
        self._waiting: set[threading.Lock] = set()
        self._changed = threading.Condition()

    def advance(self, seconds: float) -> None:
        """Move the time, and make the calls that fall due, in order, in this thread.

        What they set in motion goes on in other threads; `settle()` waits for that. A timer that an actor sets when it
        is woken counts from the end of the move; move in steps, and settle in between, when that matters.

        Raises:
            ValueError: `seconds` is negative or not finite.
        """
        if not math.isfinite(seconds) or seconds < 0:
            raise ValueError(f"seconds must be a finite number >= 0, since time doesn't go back; got {seconds!r}")
        end = self._now + seconds
        while (due := self._take_due(end)) is not None:
            due()
        self._now = end

    def await_timers(self, count: int = 1) -> None:
        """Wait until `count` calls are to come: until somebody waits for the time to pass.

        Raises:
            AssertionError: there aren't so many after ten seconds of real time.
        """
        with self._changed:
            reached = self._changed.wait_for(lambda: self._pending() >= count, timeout=PATIENCE_SECONDS)
        if not reached:
            raise AssertionError(f"{self._pending()} timers are set, not {count}")

    def is_waited_on(self, lock: threading.Lock) -> bool:
        """Tell whether a thread waits for `lock`, and its time isn't over."""
        return lock in self._waiting

    # What a runtime needs of a clock

    def now(self) -> float:
        return self._now

    def call_at(self, deadline: float, callback: Callable[[], None]) -> Ticket:
        ticket = Ticket(deadline, callback)
        with self._changed:
            heapq.heappush(self._tickets, (deadline, next(self._numbers), ticket))
            self._changed.notify_all()
        return ticket

    def cancel(self, ticket: Ticket) -> bool:
        with self._changed:
            return ticket.take() is not None

    def wait(self, lock: threading.Lock, timeout: float | None) -> bool:
        if timeout is not None and timeout <= 0:
            return lock.acquire(blocking=False)
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            self._waiting.discard(lock)
            with contextlib.suppress(RuntimeError):
                lock.release()

        ticket = None if timeout is None else self.call_at(self._now + timeout, expire)
        self._waiting.add(lock)
        if expired.is_set():
            self._waiting.discard(lock)
        try:
            if (on_wait := self.on_wait) is not None:
                on_wait()
            if not lock.acquire(timeout=PATIENCE_SECONDS):
                raise AssertionError(f"nothing ended a wait of {timeout} seconds; was the clock to be advanced?")
        finally:
            self._waiting.discard(lock)
            if ticket is not None:
                self.cancel(ticket)
        return not expired.is_set()

    def close(self) -> None:
        with self._changed:
            self._tickets.clear()

    def _pending(self) -> int:
        return sum(1 for _, _, ticket in self._tickets if ticket.callback is not None)

    def _take_due(self, end: float) -> Callable[[], None] | None:
        with self._changed:
            while self._tickets and self._tickets[0][0] <= end:
                deadline, _, ticket = heapq.heappop(self._tickets)
                if (callback := ticket.take()) is None:
                    continue
                self._now = max(self._now, deadline)
                return callback
            return None
