"""Time: the only room that asks the machine for it."""

from __future__ import annotations

import heapq
import itertools
import logging
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "Clock",
    "SystemClock",
    "ThreadWaiter",
    "Ticket",
    "Waiter",
    "Wakeable",
    "check_seconds",
    "check_timeout",
    "real_now",
    "thread_seconds",
    "wall_nanoseconds",
]

logger = logging.getLogger("pykka_otp.clock")


def check_timeout(timeout: object, name: str = "timeout") -> None:
    """Refuse what is no time to wait: it is seconds, or None for ever.

    Raises:
        ValueError: saying what was expected, and what came.
    """
    if timeout is not None and not _is_seconds(timeout):
        msg = f"{name} must be seconds >= 0, or None to wait for ever; got {timeout!r}"
        raise ValueError(msg)


def check_seconds(seconds: object, name: str = "timeout") -> None:
    """Refuse what is no time that a wait must be over in.

    Raises:
        ValueError: saying what was expected, and what came.
    """
    if not _is_seconds(seconds):
        msg = f"{name} must be a finite number of seconds >= 0; got {seconds!r}"
        raise ValueError(msg)


def _is_seconds(value: object) -> bool:
    if type(value) is float:
        # Most are: it is on the way of each sleep.
        return 0.0 <= value <= sys.float_info.max
    # Not even an int may be more than a float can be: clocks count in those.
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= sys.float_info.max


class Wakeable(Protocol):
    """What is told that something has come."""

    def release(self) -> None:
        """End the wait; from any thread, before it begins as well, and any number of times."""
        ...


class Waiter(Wakeable, Protocol):
    """One wait of one thread or actor."""

    def wait(self, clock: Clock, timeout: float | None, /) -> bool:
        """Block until somebody releases it; False after `timeout` seconds of `clock`. Called once, by who waits."""
        ...


class ThreadWaiter:
    """Blocks a thread."""

    __slots__ = ("_lock", "is_released")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()
        self.is_released = False

    def wait(self, clock: Clock, timeout: float | None) -> bool:
        return clock.wait(self._lock, timeout)

    def release(self) -> None:
        self.is_released = True
        try:  # noqa: SIM105 - who waits wakes at once, and waits again for this thread to sleep
            self._lock.release()
        except RuntimeError:
            # Somebody else has ended the wait before: its answer and a kill may meet.
            pass


class Ticket:
    """A call that a clock will make; `deadline` is in seconds of that clock."""

    __slots__ = ("callback", "deadline")

    def __init__(self, deadline: float, callback: Callable[[], None]) -> None:
        self.deadline = deadline
        self.callback: Callable[[], None] | None = callback

    def take(self) -> Callable[[], None] | None:
        """Give out the callback, once: whoever gets it (the clock, or who cancels) decides what becomes of it."""
        callback, self.callback = self.callback, None
        return callback


@runtime_checkable
class Clock(Protocol):
    """What a runtime needs of time. All times are seconds, as float."""

    def now(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        ...

    def call_at(self, deadline: float, callback: Callable[[], None]) -> Ticket:
        """Call `callback`, which must be quick and not raise, when `deadline` has come; never before.

        Calls with an equal deadline are made in the order in which they were asked for (A44).

        Raises:
            RuntimeError: no thread can be started that would make the call.
        """
        ...

    def cancel(self, ticket: Ticket) -> bool:
        """Prevent the call; False when it was made or cancelled before."""
        ...

    def wait(self, lock: threading.Lock, timeout: float | None) -> bool:
        """Block the thread until `lock` can be acquired; False after `timeout` seconds (None: never)."""
        ...

    def close(self) -> None:
        """Make no more calls, and leave no thread behind."""
        ...


_FEW = 100
"""Cancelled tickets that a clock keeps without a thought."""


class SystemClock:
    """The machine's monotonic clock, with one thread that makes the calls while there are any to come."""

    on_wait: Callable[[], object] | None = None
    """Called by each thread that is about to wait, while somebody wants to know."""

    def __init__(self) -> None:
        self._tickets: list[tuple[float, int, Ticket]] = []
        self._numbers = itertools.count()
        self._cancelled = 0
        # A finalizer that cancels a timer may come between two lines of the same thread that holds it. Taken by itself,
        # since the handler of a signal may come between a condition and its lock.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._thread: threading.Thread | None = None
        self._closed = False

    def now(self) -> float:
        return time.monotonic()

    def call_at(self, deadline: float, callback: Callable[[], None]) -> Ticket:
        ticket = Ticket(deadline, callback)
        with self._lock:
            if self._thread is None and not self._closed:
                # First, since it may fail.
                thread = threading.Thread(target=self._run, name="actors-clock", daemon=True)
                thread.start()
                self._thread = thread
            if not self._tickets or deadline < self._tickets[0][0]:
                # Before it is there, since the handler of a signal may come between: later ones wake nobody. And all:
                # one may be left in the list that was woken before.
                self._changed.notify_all()
            heapq.heappush(self._tickets, (deadline, next(self._numbers), ticket))
        return ticket

    def cancel(self, ticket: Ticket) -> bool:
        with self._lock:
            if ticket.take() is None:
                return False
            self._cancelled += 1
            if self._cancelled > _FEW and self._cancelled > len(self._tickets) // 2:
                self._drop_cancelled()
            return True

    def _drop_cancelled(self) -> None:
        # A cancelled ticket stays until its time comes, which may be far off; so many would pile up.
        self._tickets = [entry for entry in self._tickets if entry[2].callback is not None]
        heapq.heapify(self._tickets)
        self._cancelled = 0

    def wait(self, lock: threading.Lock, timeout: float | None) -> bool:
        if (on_wait := self.on_wait) is not None:
            on_wait()
        if timeout is None:
            return lock.acquire()
        # The platform's longest wait is some 290 years; a longer one is none.
        return lock.acquire(timeout=min(max(timeout, 0.0), threading.TIMEOUT_MAX))

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._tickets.clear()
            self._changed.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _run(self) -> None:
        with self._lock:
            if self._thread is not threading.current_thread():
                # The handler of a signal has interrupted who started it, before that could say so.
                return
        while (due := self._next_due()) is not None:
            try:
                due()
            except BaseException:
                # It is the clock of all others too.
                logger.exception("a timer has failed")

    def _next_due(self) -> Callable[[], None] | None:
        with self._lock:
            while not self._closed:
                if not self._tickets:
                    self._changed.wait()
                    continue
                deadline, _, ticket = self._tickets[0]
                if (remaining := deadline - time.monotonic()) > 0 and ticket.callback is not None:
                    self._changed.wait(min(remaining, threading.TIMEOUT_MAX))
                    continue
                heapq.heappop(self._tickets)
                if (callback := ticket.take()) is None:
                    self._cancelled -= 1
                    continue
                return callback
            return None


def real_now() -> float:
    """Seconds by the machine's monotonic clock, whatever the clock of a runtime says."""
    return time.monotonic()


def wall_nanoseconds() -> int:
    """Nanoseconds since 1970, by the clock on the wall, which may be set back."""
    return time.time_ns()


_clock_of_thread: Any = getattr(time, "pthread_getcpuclockid", None)


def thread_seconds(ident: int | None) -> float | None:
    """Processor time that a living thread has taken; None where the platform doesn't tell."""
    if ident is None or _clock_of_thread is None:
        return None
    return time.clock_gettime(_clock_of_thread(ident))
