"""Waits of the test's own coroutines: the simulation goes on when they have nothing else to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from actors.errors import Deadlock

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from actors.testing._simulation import Simulation

__all__ = ["Awaiting"]


class _Wait(NamedTuple):
    is_over: Callable[[], bool]
    done: asyncio.Future[None]

    @property
    def has_ended(self) -> bool:
        """Whether nobody has to go on for it: it is over, or given up."""
        return self.is_over() or self.done.done()


class Awaiting:
    """Has a simulation go on for coroutines that await something of it in an event loop of the test's."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._waits: list[_Wait] = []
        # The event loop that will have it go on.
        self._loop: asyncio.AbstractEventLoop | None = None
        # How often nobody could go on, since somebody did.
        self._deadlocks = 0

    def add(self, is_over: Callable[[], bool], done: asyncio.Future[None]) -> None:
        """Have everybody run until that holds; `done` gets what the simulation fails with before."""
        self._waits.append(_Wait(is_over, done))
        loop = done.get_loop()
        if self._loop is not loop:
            self._go_on_later(loop, _PATIENCE)

    def _go_on_later(self, loop: asyncio.AbstractEventLoop, patience: int) -> None:
        self._loop = loop
        loop.call_soon(self._go_on, loop, patience)

    def _go_on(self, loop: asyncio.AbstractEventLoop, patience: int) -> None:
        """Go on until one of the waits is over, if all who can have done what they can before."""
        if patience and _are_others_ready(loop):
            self._go_on_later(loop, patience - 1)
            return
        self._loop = None
        self._waits = [wait for wait in self._waits if not wait.has_ended]
        if not self._waits:
            return
        try:
            self._simulation.run_until(lambda: any(wait.has_ended for wait in self._waits), None)
        except Deadlock as deadlock:
            # One of the others may do something about it.
            self._deadlocks += 1
            if self._deadlocks < _PATIENCE and _are_others_ready(loop):
                self._go_on_later(loop, _PATIENCE)
            else:
                if getattr(loop, "_scheduled", ()):
                    deadlock.add_note(_REAL_TIME)
                self._fail(deadlock)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - it is raised in all who wait
            self._fail(error)
        else:
            self._deadlocks = 0
            self._go_on_later(loop, _PATIENCE)

    def _fail(self, error: BaseException) -> None:
        for wait in self._waits:
            # Also in one who has an answer by now: he may be the last to be told.
            if not wait.done.done():
                wait.done.set_exception(error)


def _are_others_ready(loop: asyncio.AbstractEventLoop) -> bool:
    # asyncio's own, which it keeps to itself; other loops may always have some.
    return bool(getattr(loop, "_ready", True))


_REAL_TIME = """\
a coroutine of the test waits for real time to pass, as by asyncio.sleep(), which nobody waits for here: \
have it await an actor, or call system.advance()"""

_PATIENCE = 100
"""How many times others of the loop have their turn first."""
