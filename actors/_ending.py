"""Ending all actors of a runtime within a time, so that each has an orderly end that can have one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors._kill import kill_all
from actors._process import is_gone, wait_for_any
from actors.messages import Shutdown

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._clock import Clock
    from actors._process import Process

__all__ = ["await_gone", "end_all"]


def end_all(find: Callable[[], list[Process]], timeout: float, clock: Clock) -> list[Process]:
    """End all actors; return those that did not end by themselves, and were killed: all of them when there is no time.

    In order for half of the time. What is stuck costs the others their order after that, but not their end.

    Args:
        find: returns those that aren't gone, in the order in which they were started.
        timeout: seconds of `clock` for all together.
    """
    if timeout > 0:
        begun = clock.now()
        _stop_in_order(find, clock, begun + timeout / 2)
        _stop_at_once(_roots(find()), clock, begun + timeout * 3 / 4)
        # In the order in which they were started: a supervisor has to know before it hears of its children's ends.
        _stop_at_once(find(), clock, begun + timeout)
    left = find()
    kill_all(reversed(left))
    for process in left:
        _join(process)
    return [process for process in left if process.killed]


def _stop_in_order(find: Callable[[], list[Process]], clock: Clock, deadline: float) -> None:
    asked: set[Process] = set()
    # Again, for those who have lost their parents by it.
    while roots := [root for root in _roots(find()) if root not in asked]:
        for root in roots:
            if clock.now() >= deadline:
                return
            asked.add(root)
            root.request_stop(Shutdown())
            await_gone(root, clock, deadline)


def _stop_at_once(processes: list[Process], clock: Clock, deadline: float) -> None:
    for process in processes:
        process.request_stop(Shutdown())
    for process in processes:
        await_gone(process, clock, deadline)


def _roots(processes: list[Process]) -> list[Process]:
    """Those whom no living parent ends, latest first."""
    return [process for process in reversed(processes) if process.parent is None or process.parent.announced]


def await_gone(process: Process, clock: Clock, deadline: float) -> None:
    """Wait until an actor is gone, and with it the thread that it had for itself; or until the time is over."""
    wait_for_any([process], is_gone, max(deadline - clock.now(), 0.0), clock=clock)
    _join(process)


def _join(process: Process) -> None:
    # One that failed before it was to run has no home.
    if process.gone and hasattr(process, "home"):
        process.home.join()
