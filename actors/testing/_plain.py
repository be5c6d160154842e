"""Plain Pykka actors in a simulation: their classes as they are, but for the thread and the mailbox."""

from __future__ import annotations

from queue import Empty
from typing import TYPE_CHECKING, Any, TypeVar

import pykka

from actors._adopted import AdoptedProcess, _adopt
from actors._future import Future
from actors.actor import Actor
from actors.runtime import current_runtime
from actors.testing._bodies import SimulatedBody

if TYPE_CHECKING:
    from greenlet import greenlet
    from pykka._envelope import Envelope

    from actors._clock import Waiter
    from actors._process import Driver, Process
    from actors.runtime import Runtime
    from actors.testing._simulation import Simulation

__all__ = ["simulated"]

A = TypeVar("A", bound="pykka.Actor")


class _Inbox:
    """A mailbox in which an actor waits for messages without a thread."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._envelopes: list[Envelope[Any]] = []
        self._waiter: Waiter | None = None

    def put(self, envelope: Envelope[Any], /) -> None:
        self._simulation.refuse_looker("sends a message")
        self._envelopes.append(envelope)
        if self._waiter is not None:
            self._waiter.release()

    # There is always room.
    put_nowait = put

    def get(self) -> Envelope[Any]:
        if self._envelopes:
            # Others may have their turn between two messages.
            self._simulation.step_aside()
        while not self._envelopes:
            self._waiter = self._simulation.scheduler.driver.new_waiter()
            self._waiter.wait(self._simulation.clock, None)
            self._waiter = None
        return self._envelopes.pop(0)

    def get_nowait(self) -> Envelope[Any]:
        if not self._envelopes:
            raise Empty
        return self._envelopes.pop(0)

    def empty(self) -> bool:
        return not self._envelopes

    def qsize(self) -> int:
        return len(self._envelopes)


class SimulatedAdoptedProcess(SimulatedBody, AdoptedProcess):
    """The record of a plain Pykka actor in a simulation."""

    __slots__ = ("greenlet", "known_as", "simulation")

    def __init__(self, runtime: Runtime, actor: pykka.Actor, parent: Process | None) -> None:
        super().__init__(runtime, actor, parent)
        simulated: Any = runtime
        self.simulation = simulated.simulation
        self.known_as = self.simulation.names.name(type(actor), parent)
        self.greenlet: greenlet | None = None
        self.alert = True
        # Pykka has given them one.
        self.urn = actor.actor_urn = actor.actor_ref.actor_urn = self.new_urn()
        # Nobody else ends it with the test.
        self.is_guest = False

    def new_driver(self) -> Driver:
        return self.simulation.scheduler.driver

    def run_once(self, simulation: Simulation) -> None:
        simulation.begun(self)
        actor: Any = self.actor
        actor._actor_loop()

    def announce(self) -> None:
        self.simulation.names.ended(self)
        super().announce()


def simulated(cls: type[A]) -> type[A]:
    """Return a class of the same name whose actors do what those of `cls` do, in the simulation that they start in.

    Raises:
        TypeError: it is no class of actors; or one whose actors are simulated as it is.
    """
    if not isinstance(cls, type) or not issubclass(cls, pykka.Actor):
        raise TypeError(f"adopt() takes a class of plain Pykka actors, before they are started; got {cls!r}")
    if issubclass(cls, _Simulated):
        return cls
    if issubclass(cls, Actor):
        raise TypeError(f"{cls.__name__} is simulated as it is: call its own start(), without adopt()")
    names = {"__module__": cls.__module__, "__doc__": cls.__doc__}
    made: Any = type(cls.__name__, (_Simulated, cls), names)
    return made  # type: ignore[no-any-return]  # a subclass of cls


class _Simulated:
    _otp_record_class = SimulatedAdoptedProcess

    @staticmethod
    def _create_actor_inbox() -> _Inbox:
        return _Inbox(_simulation())

    @staticmethod
    def _create_future() -> Future[Any]:
        return Future(current_runtime())

    def _start_actor_loop(self) -> None:
        _simulation().refuse_looker(f"starts {type(self).__name__}")
        actor: Any = self
        process: Any = _adopt(actor, parent=None)
        _simulation().ready.append(process)


def _simulation() -> Simulation:
    runtime: Any = current_runtime()
    simulation: Simulation = runtime.simulation
    return simulation
