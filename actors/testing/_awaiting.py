"""Waits of the test's own coroutines: the simulation goes on when they have nothing else to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from actors.errors import Deadlock
    from actors.testing._simulation import Simulation

__all__ = ["Awaiting"]

_PATIENCE = 100
"""How many turns the others of the loop have before one looks whether the simulation can go on."""


class Awaiting:
    """Has a simulation go on for coroutines that await something of it in one event loop of the test's."""

    def __init__(self, simulation: Simulation, loop: asyncio.AbstractEventLoop) -> None:
        self._simulation = simulation
        self._loop = loop
        # By what is set in the end: whether it is over.
        self._waits: dict[asyncio.Future[None], Callable[[], bool]] = {}
        # Whether the loop will have it go on.
        self._is_scheduled = False
        # How often nobody could go on, since somebody did.
        self._deadlocks = 0

    def add(self, is_over: Callable[[], bool], done: asyncio.Future[None]) -> None:
        """Have everybody run until that holds; `done` gets what the simulation fails with before."""
        self._waits[done] = is_over
        done.add_done_callback(self._waits.pop)
        if not self._is_scheduled:
            self._go_on_later()

    def _go_on_later(self, patience: int = _PATIENCE) -> None:
        """Go on after others of the loop have had their turn, so many times at most."""
        self._is_scheduled = True
        self._loop.call_soon(self._go_on, patience)

    def _go_on(self, patience: int) -> None:
        """Go on until one of the waits is over, if all who can have done what they can before."""
        if patience and self._are_others_ready():
            self._go_on_later(patience - 1)
            return
        self._is_scheduled = False
        if not self._waits:
            return
        # Who has what it waits for is ready then.
        is_over = self._is_any_over if self._are_others_ready() else self._are_others_ready
        try:
            went_on = self._simulation.run_until(is_over, None, raises=False)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - it is raised in all who wait
            self._fail(error)
            return
        self._deadlocks = 0 if went_on else self._deadlocks + 1
        # One of the others may do something about it.
        turns = self._deadlocks * _PATIENCE
        if went_on or (turns < self._simulation.max_steps and self._are_others_ready()):
            self._go_on_later()
        else:
            self._fail(self._deadlock())

    def _deadlock(self) -> Deadlock:
        deadlock = self._simulation.never_over()
        if getattr(self._loop, "_scheduled", ()):
            deadlock.add_note(_REAL_TIME)
        return deadlock

    def _are_others_ready(self) -> bool:
        # asyncio's own, which it keeps to itself; other loops may always have some.
        return bool(getattr(self._loop, "_ready", True))

    def _is_any_over(self) -> bool:
        return any(done.done() or is_over() for done, is_over in self._waits.items())

    def _fail(self, error: BaseException) -> None:
        for done in self._waits:
            # Also in one who has an answer by now: he may be the last to be told.
            if not done.done():
                done.set_exception(error)


_REAL_TIME = """\
a coroutine of the test waits for real time to pass, as by asyncio.sleep(), which nobody waits for here: \
have it await an actor, or call system.advance()"""
