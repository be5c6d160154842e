"""The runtime of a simulation: the product's own, but for who runs when, and what time it is."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from actors._backlog import Events
from actors._bounded import Bound, BoundedProcess
from actors._life import UNFINISHED, finish
from actors._observer import Observer
from actors._process import Process
from actors._telemetry import ACTOR, MESSAGE
from actors._waits import parts_of
from actors.dead_letters import DeadLetters, FailedStart, Undelivered
from actors.errors import ProcessKilled
from actors.gen_server import GenServer
from actors.messages import Crashed
from actors.runtime import Runtime
from actors.testing._awaiting import Awaiting
from actors.testing._bodies import SimulatedBody
from actors.testing._stand_ins import refuse_plain
from actors.testing._virtual_loop import SimulatedEventLoop

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    import pykka
    from greenlet import greenlet

    from actors._clock import Clock, Waiter
    from actors._process import Monitor
    from actors._waits import Waits
    from actors.messages import ExitReason
    from actors.testing._simulation import Simulation

__all__ = ["SimulatedRuntime", "crash_of"]

_ADDED = ("greenlet", "known_as", "simulation")

_LINK = "a link"
"""What an exit signal is of that a link has sent."""


class SimulatedProcess(SimulatedBody, Process):
    """The record of an actor in a simulation."""

    __slots__ = _ADDED

    def put(self, message: object) -> bool:
        simulation = self.simulation
        if simulation.drops is not None and simulation.drops(self, message):
            return True
        post = simulation.post
        if post is None or post.is_delivering:
            return super().put(message)
        return post.mail(self, message, super().put)

    def put_at_once(self, message: object) -> bool:
        # A timer is nobody's whose other messages it could come before.
        drops = self.simulation.drops
        return (drops is not None and drops(self, message)) or super().put(message)

    def signal(self, sender: Process | None, reason: ExitReason) -> None:
        post = self.simulation.post
        if post is None or sender is self:
            super().signal(sender, reason)
        else:
            post.send(sender, self, lambda: super(SimulatedProcess, self).signal(sender, reason))

    def _receive_signal(self, sender: Process | None, reason: ExitReason, *, from_self: bool = False) -> None:
        post = self.simulation.post
        if post is None or post.is_delivering or from_self:
            super()._receive_signal(sender, reason, from_self=from_self)
        else:
            # Of a link, since one that was sent by hand is on its way already.
            post.send(sender, self, lambda: self._receive_signal(sender, reason), _LINK)

    def unlink(self, other: Process) -> None:
        super().unlink(other)
        if self.simulation.post is not None:
            self.simulation.post.take_back(other, self, _LINK)

    def demonitor(self, monitor: Monitor, *, flush: bool) -> bool:
        post = self.simulation.post
        if post is not None and monitor.watcher is self:
            post.take_back(monitor.target, self, monitor)
        return super().demonitor(monitor, flush=flush)

    def wait_for(self, waits: Waits, waiter: Waiter, timeout: float | None) -> bool:
        post = self.simulation.post
        if post is None:
            return super().wait_for(waits, waiter, timeout)
        targets = [part.target for part in parts_of(waits) if part.target is not None]
        try:
            return super().wait_for(waits, waiter, timeout)
        finally:
            for target in targets:
                # It has learnt of what the other did last.
                post.flush(target, self)

    def announce(self) -> None:
        self.simulation.names.ended(self)
        super().announce()


class SimulatedBoundedProcess(SimulatedBody, BoundedProcess):
    """The record of an actor with a bound on its mailbox, in a simulation."""

    __slots__ = _ADDED

    def put(self, message: object) -> bool:
        drops = self.simulation.drops
        return (drops is not None and drops(self, message)) or super().put(message)

    def announce(self) -> None:
        self.simulation.names.ended(self)
        super().announce()


class _Watching(Observer):
    """Tells the simulation what an actor does."""

    __slots__ = ("is_handled",)

    def __init__(self) -> None:
        super().__init__()
        # Whether the handler of the message in hand has ended, and what follows its answer goes on.
        self.is_handled = False

    def started(self, process: Process) -> None:
        if self.listeners or process.runtime._observes_all:
            super().started(process)

    def handle(self, process: Any, message: object, receive: Callable[[object], object] | None = None) -> object:
        simulation: Simulation = process.simulation
        # A worker comes to its events one after the other, and is struck there.
        is_batch = type(message) is Events
        strikes = () if is_batch else simulation.strikes
        simulation.note(process, "events" if is_batch else "receive", (message,))
        self.is_handled = False
        if strikes:
            _strike(process, "receive", message)
        if self.listeners or process.runtime._observes_all:
            response = super().handle(process, message, receive)
        else:
            # As the observer does, without the calls.
            response = (receive or process.actor._handle_receive)(message)
            if type(response) in UNFINISHED:
                response = finish(process, response)
        if strikes and not self.is_handled:
            _strike(process, "handled", message)
        return response

    def ended(self, process: Any) -> None:
        simulation: Simulation = process.simulation
        crash = crash_of(process)
        if crash is None or not simulation.is_interrupted_by(crash):
            simulation.note(process, "ended", (process.reason,))
            simulation.ended(process)
        if self.listeners or process.runtime._observes_all:
            super().ended(process)


def crash_of(process: Process) -> BaseException | None:
    """What an actor has crashed of; None of one that hasn't, and of one that a signal brought the crash of another."""
    reason = process.reason
    if not isinstance(reason, Crashed) or reason is process.fatal:
        return None
    # One that traps exits ends by its parent's all the same.
    is_parents = process.parent is not None and reason is process.parent.reason
    return None if is_parents else reason.exception


def _strike(process: Any, point: str, message: object) -> None:
    """Have those faults strike that are to strike here, as if the handler itself had failed."""
    try:
        for strike in process.simulation.strikes:
            strike(process, point, (message,))
    except ProcessKilled:
        raise
    except BaseException as error:
        if isinstance(process.actor, GenServer):
            # It ends by itself, and cleans up.
            process.actor._end(error)
        raise


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

    # Nothing comes by itself.
    _moment_seconds = 0.0

    def __init__(self, simulation: Simulation, seed: object) -> None:
        self._seed = seed
        self._random: random.Random | None = None
        self.simulation = simulation
        self._awaiting: dict[asyncio.AbstractEventLoop, Awaiting] = {}
        self.is_of_parent = False
        self._begin(simulation.clock, simulation.scheduler)
        self.dead_letters = SimulatedDeadLetters(self, simulation)
        simulation.processes = self.processes

    def new_process(
        self, actor_class: type[pykka.Actor], parent: Process | None, *, trapping: bool, bound: Bound | None = None
    ) -> Process:
        self.simulation.refuse_looker(f"starts {actor_class.__name__}")
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

    def help_on(self, is_over: Callable[[], bool], done: asyncio.Future[None]) -> None:
        """Have everybody run until that holds, when others of that event loop have nothing to do."""
        loop = done.get_loop()
        if loop not in self._awaiting:
            self._awaiting[loop] = Awaiting(self.simulation, loop)
        self._awaiting[loop].add(is_over, done)

    def admit(self, process: Process, *, link: bool = False, name: Any = None) -> None:
        if not isinstance(process, SimulatedBody):
            refuse_plain(self.simulation, process.actor_class)
        super().admit(process, link=link, name=name)
        process.observer = _Watching()

    def _fit_observers(self) -> None:
        self._observes_all = self.telemetry.listens_to(ACTOR) or self.telemetry.listens_to(MESSAGE)

    def _fit_observer(self, process: Process) -> None:
        """Every actor has one."""
