"""The runtime of a simulation: the product's own, but for who runs when, and what time it is."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from actors._bounded import Bound, BoundedProcess
from actors._life import UNFINISHED, finish
from actors._observer import Observer
from actors._process import Process
from actors._telemetry import ACTOR, MESSAGE
from actors.dead_letters import DeadLetters, FailedStart, Undelivered
from actors.runtime import Runtime
from actors.testing._simulation import SimulatedBody, Simulation
from actors.testing._virtual_loop import SimulatedEventLoop

if TYPE_CHECKING:
    from collections.abc import Callable

    import pykka
    from greenlet import greenlet

    from actors._clock import Clock

__all__ = ["SimulatedRuntime"]

_ADDED = ("greenlet", "known_as", "simulation")


class SimulatedProcess(SimulatedBody, Process):
    """The record of an actor in a simulation."""

    __slots__ = _ADDED

    def depart(self) -> None:
        super().depart()
        self.simulation.names.ended(self)


class SimulatedBoundedProcess(SimulatedBody, BoundedProcess):
    """The record of an actor with a bound on its mailbox, in a simulation."""

    __slots__ = _ADDED

    def depart(self) -> None:
        super().depart()
        self.simulation.names.ended(self)


class _Watching(Observer):
    """Tells the simulation what an actor does."""

    __slots__ = ()

    def started(self, process: Process) -> None:
        if self.listeners or process.runtime._observes_all:
            super().started(process)

    def handle(self, process: Any, message: object, receive: Callable[[object], object] | None = None) -> object:
        simulation: Simulation = process.simulation
        simulation.note(process, "receive", (message,))
        for strike in simulation.strikes:
            strike(process, "receive", (message,))
        if self.listeners or process.runtime._observes_all:
            response = super().handle(process, message, receive)
        else:
            # As the observer does, without the calls.
            response = (receive or process.actor._handle_receive)(message)
            if type(response) in UNFINISHED:
                response = finish(process, response)
        for strike in simulation.strikes:
            strike(process, "handled", (message,))
        return response

    def ended(self, process: Any) -> None:
        process.simulation.note(process, "ended", (process.reason,))
        process.simulation.ended(process)
        if self.listeners or process.runtime._observes_all:
            super().ended(process)


class _Teller:
    """Tells listeners of dead letters, as a body of its own."""

    known_as = "dead letters"
    greenlet: greenlet | None = None

    def __init__(self, letters: SimulatedDeadLetters) -> None:
        self._letters = letters

    def run_once(self, _simulation: Simulation) -> None:
        self._letters.tell_next()


class SimulatedDeadLetters(DeadLetters):
    """Dead letters whose listeners are told by the simulation, and not by a thread."""

    def __init__(self, runtime: Runtime, simulation: Simulation) -> None:
        super().__init__(runtime)
        self._waiting: list[Undelivered | FailedStart] = []
        self._simulation = simulation
        self._teller = _Teller(self)

    def _tell(self, letter: Undelivered | FailedStart) -> None:
        if not self._listening:
            return
        self._waiting.append(letter)
        if len(self._waiting) == 1:
            self._simulation.ready.append(self._teller)

    def tell_next(self) -> None:
        """Tell of the first letter that waits."""
        self._report(self._waiting.pop(0))
        if self._waiting:
            self._simulation.ready.append(self._teller)


class SimulatedRuntime(Runtime):
    """A runtime whose actors are run by a simulation.

    Args:
        seed: of what the product itself leaves to chance.
    """

    def __init__(self, simulation: Simulation, seed: object) -> None:
        self._seed = seed
        self._random: random.Random | None = None
        self.simulation = simulation
        self.is_of_parent = False
        self._begin(simulation.clock, simulation.scheduler)
        self.dead_letters = SimulatedDeadLetters(self, simulation)
        simulation.processes = self.processes

    def new_process(
        self, actor_class: type[pykka.Actor], parent: Process | None, *, trapping: bool, bound: Bound | None = None
    ) -> Process:
        process: SimulatedProcess | SimulatedBoundedProcess
        if bound is None:
            process = SimulatedProcess(self, actor_class, parent=parent, trapping=trapping)
        else:
            process = SimulatedBoundedProcess(self, actor_class, bound, parent=parent, trapping=trapping)
        process.simulation = self.simulation
        process.known_as = self.simulation.names.name(actor_class, parent)
        process.greenlet = None
        process.alert = True
        return process

    @property
    def real_time(self) -> Clock:
        return self.clock

    def random(self) -> float:
        # Made when it is needed, which it seldom is, and takes longer than much else here.
        if self._random is None:
            self._random = random.Random(f"{self._seed} of the runtime")
        return self._random.random()

    def _new_event_loop(self) -> SimulatedEventLoop:
        return SimulatedEventLoop(self.simulation)

    def help_on(self, is_over: Callable[[], bool]) -> None:
        """Have everybody run until that holds; for one who awaits it in an event loop of his own."""
        self.simulation.run_until(is_over, None)

    def admit(self, process: Process, *, link: bool = False, name: Any = None) -> None:
        super().admit(process, link=link, name=name)
        process.observer = _Watching()

    def _fit_observers(self) -> None:
        self._observes_all = self.telemetry.listens_to(ACTOR) or self.telemetry.listens_to(MESSAGE)

    def _fit_observer(self, process: Process) -> None:
        """Every actor has one."""
