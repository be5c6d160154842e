"""Bodies: what a simulation runs, how they wait, and the scheduler by which the product hands actors over to it."""

from __future__ import annotations

import contextvars
import threading
import uuid
from typing import TYPE_CHECKING, Any, Protocol

from actors._life import turn
from actors._process import Process, set_current
from actors.testing._shown import shown
from actors.testing._to_thread import Helper

if TYPE_CHECKING:
    from collections.abc import Callable

    from greenlet import greenlet

    from actors._awaited import Errand
    from actors._clock import Clock, Waiter
    from actors._scheduler import RunsOn
    from actors.testing._simulation import Simulation

__all__ = ["Body", "SimulatedBody", "SimulatedScheduler"]


class Body(Protocol):
    """What can run in a simulation: an actor, or something that the runtime does beside them."""

    known_as: str
    greenlet: greenlet | None

    def run_once(self, simulation: Simulation, /) -> None:
        """Do the next piece of work; called in a greenlet, which it may leave to come back."""
        ...


class _Parked:
    """A wait of a body."""

    __slots__ = ("_body", "_is_released", "_simulation")

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._body: Body | None = None
        self._is_released = False

    def wait(self, clock: Clock, timeout: float | None) -> bool:
        if self._is_released:
            return True
        if timeout is not None and timeout <= 0:
            return False
        simulation = self._simulation
        self._body = simulation.running
        if timeout is None:
            simulation.leave()
            return True
        ticket = clock.call_at(clock.now() + timeout, self.release)
        simulation.leave()
        return ticket.take() is not None

    def release(self) -> None:
        if not self._is_released:
            self._is_released = True
            if self._body is not None:
                self._simulation.ready.append(self._body)


class _Home:
    """Where simulated actors run, whatever their `runs_on` says: it says only how they die."""

    def __init__(self, simulation: Simulation, runs_on: RunsOn) -> None:
        self.runs_on: RunsOn = runs_on
        self.schedule: Callable[[Any], None] = simulation.ready.append

    def rouse(self, process: Any) -> None:
        if process.claim():
            self.schedule(process)

    def let_end(self) -> None:
        """Nothing to do: no thread ends with the actor."""

    def join(self) -> None:
        """Nothing to wait for: no thread ends with the actor."""


class _Driver:
    """The thread of the test, which all run in."""

    def __init__(self, simulation: Simulation) -> None:
        self.ident: int | None = threading.get_ident()
        self._simulation = simulation

    def new_waiter(self) -> Waiter:
        return _Parked(self._simulation)


class SimulatedScheduler:
    """Has actors run by a simulation."""

    on_rest: Callable[[], object] | None = None

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._homes = {"shared": _Home(simulation, "shared"), "thread": _Home(simulation, "thread")}
        self.driver = _Driver(simulation)

    def start(self, process: Process, runs_on: RunsOn, **_how: bool) -> None:
        # The test is the program; and each start is a step, also of an actor that has nothing to run.
        process.home = self._homes[runs_on]
        process.driver = self.driver
        process.home.schedule(process)

    def tell_rest(self) -> None:
        """Nobody waits for it."""

    def leave_behind(self) -> None:
        """A forked child of a test has nothing to simulate."""

    def close(self, _seconds: float) -> None:
        self._simulation.close()


_URNS = uuid.UUID("6f1d3c1e-5a0b-4c3e-9a34-2d1f0d7f6c11")
"""The namespace of simulated actors' urns."""


class SimulatedBody:
    """What a simulation adds to the record of an actor."""

    __slots__ = ()

    if TYPE_CHECKING:
        simulation: Simulation
        known_as: str
        greenlet: greenlet | None

    @property
    def runs_here(self) -> bool:
        # There is one thread; what stands for others are helpers.
        return type(self.simulation.running) is not Helper

    def errand_here(self) -> Errand | None:
        running: Any = self.simulation.running
        errand: Errand | None = None if self.runs_here else running.errand
        process: Any = self
        return errand if errand is not None and errand.process is process else None

    @property
    def full_label(self) -> str:
        return self.known_as

    def show(self, message: object) -> str:
        return shown(message)

    def new_urn(self) -> str:
        # The same in each run, since texts of exceptions tell it.
        return uuid.uuid5(_URNS, self.known_as).urn

    def run_once(self, simulation: Simulation) -> None:
        process: Any = self
        if process.gone:
            # Killed while it was idle.
            return
        context = process.context
        if context is None:
            context = process.context = contextvars.Context()
            context.run(set_current, process)
            simulation.begun(process)
        context.run(turn, process, 1)
        if not (process.gone or process.rest()):
            simulation.ready.append(process)

    def new_waiter(self, timeout: float | None = None) -> Waiter:
        if timeout != 0:
            process: Any = self
            process.refuse_to_block()
        return _Parked(self.simulation)

    def pass_by(self, point: str, *about: object) -> None:
        process: Any = self
        self.simulation.at_point(process, point, about)

    def begin_handling(self, *messages: object) -> None:
        process: Any = self
        self.simulation.note(process, "receive", messages)
        for strike in self.simulation.strikes:
            strike(process, "receive", messages)

    def end_handling(self, *messages: object) -> None:
        process: Any = self
        process.observer.is_handled = True
        for strike in self.simulation.strikes:
            strike(process, "handled", messages)

    def checkpoint(self, point: str = "checkpoint", *about: object) -> None:
        process: Any = self
        self.simulation.at_point(process, point, about)
        if process.killed and self.simulation.kill_lands(process):
            process.unwind()
