"""Waiting until nothing moves any more."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from actors._adopted import AdoptedProcess
from actors._clock import SystemClock, ThreadWaiter, check_seconds
from actors._mail import unwrapped
from actors._process import current
from actors._scheduler import Parked
from actors.runtime import current_runtime
from actors.testing._clock import PATIENCE_SECONDS, ManualClock
from actors.testing._virtual_clock import VirtualClock

if TYPE_CHECKING:
    from actors._process import Process
    from actors.runtime import Runtime

__all__ = ["NotSettled", "refuse_in_actors", "settle"]


class NotSettled(AssertionError):
    """Some actors still work; `actors` are their refs."""

    def __init__(self, busy: list[Process], seconds: float) -> None:
        what = "; ".join(map(_work_of, busy)) or "a coroutine holds up the event loop"
        super().__init__(f"not all has settled within {seconds} seconds: {what}")
        self.actors: tuple[Any, ...] = tuple(process.ref for process in busy)


# What tells that somebody rests has one listener.
_settling = threading.Lock()


def settle(timeout: float = PATIENCE_SECONDS) -> None:
    """Wait until no actor of the current runtime can go on by itself: each is idle, its mailbox empty, or waits.

    One that waits, for an answer, for room, for the time to pass, or in a coroutine for the world outside, has settled,
    whatever lies in its mailbox. Plain Pykka actors aren't looked at: their loop doesn't say when it has nothing to do.

    Args:
        timeout: seconds of real time.

    Raises:
        NotSettled: an actor still works after that time; the message says which, and at what.
        RuntimeError: called by an actor, which would wait for itself.
        ValueError: `timeout` is no finite number of seconds, or negative.
    """
    refuse_in_actors("settle")
    check_seconds(timeout)
    runtime = current_runtime()
    clock: Any = runtime.clock
    if isinstance(clock, VirtualClock):
        clock.simulation.run_until_idle()
        return
    changed = threading.Event()
    with _settling:
        runtime.scheduler.on_rest = clock.on_wait = changed.set
        try:
            _settle(runtime, changed, timeout)
        finally:
            runtime.scheduler.on_rest = clock.on_wait = None


def refuse_in_actors(function: str) -> None:
    """Refuse what a test may do, and an actor may not."""
    if current() is not None:
        raise RuntimeError(f"{function}() is for the test itself; in an actor's code it would wait for that actor")


def _settle(runtime: Runtime, changed: threading.Event, seconds: float) -> None:
    real_time = SystemClock()
    deadline = real_time.now() + seconds
    while True:
        # Cleared first, looked at second: what rests after the look is heard of.
        changed.clear()
        before = _work_done(runtime)
        is_quiet = not _busy(runtime)
        loop_is_quiet = is_quiet and _await_event_loop(runtime, deadline - real_time.now())
        # Nobody has done anything between the two looks: so there was a moment at which all were quiet.
        if loop_is_quiet and not _busy(runtime) and _work_done(runtime) == before:
            return
        remaining = deadline - real_time.now()
        if remaining <= 0 or not (is_quiet or changed.wait(remaining)):
            raise NotSettled(_busy(runtime), seconds)


def _processes(runtime: Runtime) -> list[Process]:
    return [process for process in runtime.processes() if not isinstance(process, AdoptedProcess)]


def _work_done(runtime: Runtime) -> list[tuple[Process, int, object]]:
    return [(process, process.handled, process.waiter) for process in _processes(runtime)]


def _busy(runtime: Runtime) -> list[Process]:
    return [process for process in _processes(runtime) if not (process.is_idle or _waits(process))]


def _waits(process: Process) -> bool:
    waiter = process.waiter
    match waiter:
        case Parked():
            return waiter.parked is not None and not waiter._is_released
        case ThreadWaiter():
            clock = process.runtime.clock
            is_waiting = not isinstance(clock, ManualClock) or clock.is_waited_on(waiter._lock)
            return is_waiting and not waiter.is_released
        case _:
            return False


def _await_event_loop(runtime: Runtime, seconds: float) -> bool:
    """Wait until all coroutines wait; False when they don't in time."""
    event_loop = runtime._event_loop
    if event_loop is None:
        return True
    idle = threading.Event()
    event_loop.when_idle(idle.set)
    return idle.wait(seconds)


def _work_of(process: Process) -> str:
    at = "works" if process.handling is None else f"handles {process.show(unwrapped(process.handling))}"
    return f"{process.ref} ({process.state}) {at}, {process.mailbox_length()} more in its mailbox"
