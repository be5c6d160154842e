"""Plain Pykka actors in a simulation: their classes as they are, but for the thread and the mailbox."""

from __future__ import annotations

from queue import Empty
from typing import TYPE_CHECKING, Any, TypeVar

import pykka
from pykka.messages import _ActorStop

from actors._adopted import AdoptedProcess, _adopt
from actors._future import Future
from actors._process import checkpoint
from actors.actor import Actor
from actors.runtime import current_runtime
from actors.testing._bodies import SimulatedBody

if TYPE_CHECKING:
    from collections.abc import Callable

    from greenlet import greenlet
    from pykka._envelope import Envelope

    from actors._clock import Waiter
    from actors._process import Driver, Process
    from actors.runtime import Runtime
    from actors.testing._simulation import Simulation

__all__ = ["simulated"]

A = TypeVar("A", bound="pykka.Actor")


class _Answer(Future[Any]):
    """The answer to what a plain actor is asked.

    That is no `target`, whose circles are refused: plain actors wait for each other for ever, or until a time is over.
    """

    asked: Process | None = None


class _Inbox:
    """A mailbox in which an actor waits for messages without a thread."""

    def __init__(self, simulation: Simulation) -> None:
        self.process: Process | None = None
        self._simulation = simulation
        self._envelopes: list[Envelope[Any]] = []
        self._waiter: Waiter | None = None

    def put(self, envelope: Envelope[Any], /) -> None:
        self._simulation.refuse_looker("sends a message")
        self._envelopes.append(envelope)
        if isinstance(envelope.reply_to, _Answer):
            envelope.reply_to.asked = self.process
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
        plain_ref: Any = actor.actor_ref
        plain_ref.known_as = self.known_as
        self.mailbox.process = self
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


class _Ref(pykka.ActorRef[Any]):
    """Pykka's own, but that each operation is a switch point, as it is with the refs of others."""

    _is_sending = False

    def is_alive(self) -> bool:
        # Pykka looks, too, before it sends: that is one operation.
        if not self._is_sending:
            checkpoint("is_alive", self)
        return super().is_alive()

    def tell(self, message: Any) -> None:
        checkpoint("stop" if isinstance(message, _ActorStop) else "tell", self, message)
        self._send(super().tell, message)

    def ask(self, message: Any, *, block: bool = True, timeout: float | None = None) -> Any:
        checkpoint("stop" if isinstance(message, _ActorStop) else "ask", self, message)
        answer = self._send(super().ask, message, block=False)
        return answer.get(timeout=timeout) if block else answer

    def _send(self, send: Callable[..., Any], message: Any, **options: Any) -> Any:
        self._is_sending = True
        try:
            return send(message, **options)
        finally:
            self._is_sending = False


class _Simulated:
    _otp_record_class = SimulatedAdoptedProcess

    # Where Pykka has it, from before any code of the actor's on.
    @property
    def _actor_ref(self) -> pykka.ActorRef[Any]:
        ref: pykka.ActorRef[Any] = self.__dict__["_actor_ref"]
        return ref

    @_actor_ref.setter
    def _actor_ref(self, ref: pykka.ActorRef[Any]) -> None:
        ref.__class__ = _Ref
        self.__dict__["_actor_ref"] = ref

    @staticmethod
    def _create_actor_inbox() -> _Inbox:
        return _Inbox(_simulation())

    @staticmethod
    def _create_future() -> Future[Any]:
        return _Answer(current_runtime())

    def _start_actor_loop(self) -> None:
        _simulation().refuse_looker(f"starts {type(self).__name__}")
        actor: Any = self
        process: Any = _adopt(actor, parent=None)
        _simulation().ready.append(process)


def _simulation() -> Simulation:
    runtime: Any = current_runtime()
    simulation: Simulation = runtime.simulation
    return simulation
