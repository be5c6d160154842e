"""Waits of the test's own coroutines: the simulation goes on when they have nothing else to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

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
        # asyncio's own, which it keeps to itself; other loops are given as long as a busy one.
        if patience and getattr(loop, "_ready", True):
            self._go_on_later(loop, patience - 1)
            return
        self._loop = None
        self._waits = [wait for wait in self._waits if not wait.has_ended]
        if not self._waits:
            return
        try:
            self._simulation.run_until(lambda: any(wait.has_ended for wait in self._waits), None)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - it is raised in all who wait
            for wait in self._waits:
                if not wait.has_ended:
                    wait.done.set_exception(error)
            return
        self._go_on_later(loop, _PATIENCE)


_PATIENCE = 100
"""How many times others of the loop have their turn first."""
