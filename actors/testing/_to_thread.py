"""What coroutines have run in threads, by `asyncio.to_thread()`: in a simulation each function is a body of its own."""

from __future__ import annotations

import contextvars
from concurrent.futures import Executor, Future
from functools import partial
from typing import TYPE_CHECKING, Any

from actors._awaited import Errand
from actors.testing._shown import name_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from greenlet import greenlet

    from actors.testing._simulation import Simulation

__all__ = ["CALLS_USERS", "Helper", "Helpers"]


class Helper:
    """Runs one function beside the actor that wants it, as a thread does: it may block, and others go on.

    Args:
        errand: what it is lent for; None when no actor wants it.
    """

    greenlet: greenlet | None = None

    def __init__(self, known_as: str, errand: Errand | None, function: Callable[[], Any], future: Future[Any]) -> None:
        self.known_as = known_as
        self.errand = errand
        self._function = function
        self._future = future

    def run_once(self, simulation: Simulation) -> None:
        # A thread begins with no context.
        contextvars.Context().run(self._carry_out, simulation)

    def _carry_out(self, simulation: Simulation) -> None:
        if not self._future.set_running_or_notify_cancel():
            return
        try:
            result = self._function()
        except BaseException as error:  # noqa: BLE001 - it is raised where the function is waited for
            simulation.is_interrupted_by(error)
            self._future.set_exception(error)
        else:
            self._future.set_result(result)


CALLS_USERS = Helper._carry_out.__code__
"""What calls the function of a user, which may be one of the standard library that makes locks."""


class Helpers(Executor):
    """What stands in the virtual event loop for the threads of the real one.

    Args:
        note: called with the future of each function.
    """

    def __init__(self, simulation: Simulation, note: Callable[[Callable[..., object], Future[Any]], object]) -> None:
        self._simulation = simulation
        self._note = note
        # How many there were so far, for whom.
        self._counts: dict[str, int] = {}

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        errand: Any = getattr(function, "__self__", None)
        call, whose = partial(function, *args, **kwargs), "the event loop"
        if isinstance(errand, Errand):
            # Not by way of it: the thread in which it would be known is that of all.
            call, whose = partial(args[0], *args[1:], **kwargs), name_of(errand.process)
        else:
            errand = None
        self._counts[whose] = number = self._counts.get(whose, 0) + 1
        helper = Helper(f"thread {number} of {whose}", errand, call, future)
        self._simulation.ready.append(helper)
        self._note(function, future)
        return future
