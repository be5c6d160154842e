"""The record that the runtime keeps of one actor, and what actors do to each other's records.

Everything here that touches more than one record happens under the runtime's lock, so that a link, a monitor, a name
and a death are seen by all or by nobody. What an actor's own code does is in `_life`.
"""

from __future__ import annotations

import threading
import uuid
from collections import deque
from contextlib import suppress
from contextvars import ContextVar
from itertools import repeat, starmap
from threading import get_ident
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from actors import _pykka_registry
from actors._awaited import InnerWait, errand_of_thread
from actors._clock import ThreadWaiter
from actors._fork import free_in_child
from actors._links import effect_of_signal
from actors._mail import Asked, Fired, StopRequest
from actors._waits import AwaitedProcess, Several, refuse_deadlock
from actors.errors import ActorDied, ProcessKilled, WouldBlock
from actors.messages import Down, Exit, ExitReason, NoProc, Shutdown, shown

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Hashable, Mapping, Sequence
    from contextvars import Context

    import pykka

    from actors._clock import Clock, Waiter
    from actors._observer import Observer
    from actors._waits import Waits
    from actors.runtime import Runtime

__all__ = [
    "ALIVE",
    "FORKED",
    "NONE_YET",
    "OVER",
    "Driver",
    "Home",
    "Monitor",
    "Process",
    "ProcessState",
    "checkpoint",
    "chosen",
    "current",
    "is_gone",
    "lock_of_all",
    "new_waiter",
    "set_current",
    "wait_for_any",
]

ProcessState: TypeAlias = Literal["alive", "dead", "abandoned", "gone"]


class _Alive:
    """What stands in place of an exit reason while there is none."""

    def __repr__(self) -> str:
        return "ALIVE"


ALIVE = _Alive()


NONE_YET: Mapping[asyncio.Future[Any], object] = MappingProxyType({})
"""The tasks of an actor that has run a coroutine: callbacks of that may start some."""


OVER: Mapping[asyncio.Future[Any], object] = MappingProxyType({})
"""The tasks of one that has ended: there will be none."""


FORKED = Shutdown("forked")
"""What all actors have died of as a forked child sees it."""


class Sample:
    """What was seen of an actor's work by looking at it now and then."""

    __slots__ = ("handled", "seconds", "since")

    def __init__(self) -> None:
        self.seconds = 0.0
        # When the message was first seen in hand before which so many had been handled.
        self.since: float | None = None
        self.handled = 0


class Home(Protocol):
    """Where an actor runs."""

    def schedule(self, process: Process, /) -> None:
        """Have the actor look at what has come. Called once for each time that it is claimed."""
        ...

    def rouse(self, process: Process, /) -> None:
        """Claim the actor if it is idle, and have it look; else see to it that somebody does who has claimed it.

        So it mends what the handler of a signal has interrupted. Such a one runs after calls, when functions begin,
        and when loops go on: never between the claim and the call that hands the actor over.
        """
        ...

    def let_end(self) -> None:
        """Let an actor that was idle, and is to stop, come to its end before the caller does something else."""
        ...

    def join(self) -> None:
        """Wait until nothing is left of a gone actor."""
        ...


class Driver(Protocol):
    """The thread on which the code of an actor runs."""

    ident: int | None

    @property
    def new_waiter(self) -> Callable[[], Waiter]:
        """Make a waiter for code that runs on this thread."""
        ...


class Claimer(Protocol):
    """Who claims an actor, and may be interrupted meanwhile."""

    has_claim: bool


class Monitor:
    """What `monitor()` returns: one watch of one actor over another. It names its `Down`."""

    __slots__ = ("active", "flushed", "given", "made_at", "target", "watcher")

    def __init__(self, watcher: Process, target: Process | None, given: pykka.ActorRef[Any]) -> None:
        self.watcher = watcher
        self.target = target
        self.given = given
        self.active = target is not None
        self.flushed = False
        self.made_at = watcher.at_work

    def is_of_dead(self) -> bool:
        """Whether it was made by the code that runs still, of one that was dead: the Down is to come (A26)."""
        return self.target is None and not self.flushed and self.made_at == self.watcher.at_work

    def forget(self) -> None:
        """Let the target know no more of it; called with the lock held."""
        if self.target is not None and self.target.monitors is not None:
            self.target.monitors.pop(self, None)

    def __repr__(self) -> str:
        return f"<Monitor of {self.given}>"


class Process:
    """One actor's life as others see it: alive; then dead, its mailbox closed; then gone, no code of it left to run.

    Others are told of its end (names released, Exit and Down sent: *announced*) when it is gone; a killed one is
    announced at once, and is *abandoned* from then on until its code has really ended.

    Whoever holds the claim of an actor has it looked at: its home, which runs it and lets go when nothing is left to
    do; or, when it is killed while idle, the killer. So nothing is ever done in an actor's name by two at once. There
    may be a million of them: what an idle actor doesn't need isn't there.
    """

    __slots__ = (
        "_idle",
        "actor",
        "actor_class",
        "alert",
        "announced",
        "busy",
        "context",
        "driver",
        "ended_callbacks",
        "fatal",
        "gone",
        "gone_callbacks",
        "handled",
        "handling",
        "helpers",
        "holds_program",
        "home",
        "inbox",
        "killed",
        "links",
        "monitors",
        "name",
        "observer",
        "parent",
        "quiet_for",
        "reason",
        "ref",
        "runtime",
        "sample",
        "spectators",
        "start_ignored",
        "started",
        "stashed",
        "stopped",
        "taken",
        "tasks",
        "trapping",
        "urn",
        "waiter",
        "waiting_for",
        "watching",
    )

    is_guest = False
    """Whether it was started by somebody else, and is only known here."""

    dropped = 0
    """How many messages found no room in a mailbox with a bound."""

    ref: pykka.ActorRef[Any]
    home: Home

    def __init__(
        self,
        runtime: Runtime,
        actor_class: type[pykka.Actor],
        *,
        parent: Process | None = None,
        trapping: bool = False,
    ) -> None:
        self.runtime = runtime
        self.actor_class = actor_class
        self.actor: pykka.Actor | None = None
        self.parent = parent
        self.name: Hashable | None = None
        self.urn: str | None = None
        self.trapping = trapping

        # Told messages as they are, asked ones as a `Request`.
        self.inbox: list[object] = []
        # The oldest messages, last first, when many have come at once: a long list isn't taken from at its front.
        self.taken: list[object] | None = None
        # Messages that the actor has put aside.
        self.stashed: list[object] | None = None
        # One entry while the actor is idle, which whoever takes it out has claimed; from the first moment somebody has:
        # its starter. Taking from a list, and adding to one, is atomic; and to see that one is empty costs less than to
        # try a lock, which most messages to a busy actor would do.
        self._idle: list[None] = []

        self.started = False
        self.start_ignored = False
        # The starter that waits for the start hears of its failure by the answer, not by a signal as well (A50).
        self.quiet_for: Process | None = None
        # True while user code may run.
        self.busy = True
        # A fatal exit signal that has been received, to take effect at the next message boundary.
        self.fatal: ExitReason = ALIVE
        self.reason: ExitReason = ALIVE
        self.killed = False
        # Whether its code has to stop and look where it enters the runtime.
        self.alert = False
        self.announced = False
        self.gone = False

        # The message in hand: who asked it is answered when the actor is killed over it.
        self.handling: object = None
        self.handled = 0
        # Who looks on, and what was seen by looking; None for most.
        self.observer: Observer | None = None
        self.sample: Sample | None = None
        # Whether the program is to live as long as it does, though it has no thread of its own.
        self.holds_program = False
        # Where its code runs, since it was run first.
        self.driver: Driver | None = None
        # What its code has set of context variables.
        self.context: Context | None = None
        # Tasks that its coroutines have started, and what those run in threads, in this order; None while it has run no
        # coroutine. Changed by the event loop alone.
        self.tasks: Mapping[asyncio.Future[Any], object] | None = None
        # With what its code waits; and for what, when one actor alone can end that.
        self.waiter: Waiter | None = None
        self.waiting_for: Waits | None = None
        # With what others wait that act in its name: threads that were given its context.
        self.helpers: set[Waiter] | None = None

        # In the order of their making: so are others told of the end.
        self.links: dict[Process, None] | None = None
        self.monitors: dict[Monitor, None] | None = None
        self.watching: dict[Monitor, None] | None = None
        self.spectators: dict[Waiter, Callable[[Process], bool]] | None = None
        self.ended_callbacks: dict[Callable[[Process], None], None] | None = None
        self.gone_callbacks: dict[Callable[[Process], None], None] | None = None
        # Pykka's flag, made when somebody looks: set as soon as the mailbox is closed.
        self.stopped: threading.Event | None = None

    def __repr__(self) -> str:
        return f"<Process {self.label} {self.state}>"

    @property
    def label(self) -> str:
        return self.actor_class.__name__

    @property
    def full_label(self) -> str:
        """What tells it from others of its class."""
        if self.name is not None:
            return f"{self.label} {self.name!r}"
        return f"{self.label} ({self.ref.actor_urn.removeprefix('urn:uuid:')[:_URN_LENGTH]})"

    def show(self, message: object) -> str:
        """Show what it handles, to those who look on."""
        return shown(message)

    def new_urn(self) -> str:
        """Make a name that is unique in the world."""
        return uuid.uuid4().urn

    @property
    def state(self) -> ProcessState:
        if self.gone:
            return "gone"
        if self.announced:
            return "abandoned"
        return "alive" if self.reason is ALIVE else "dead"

    @property
    def at_work(self) -> tuple[int, bool]:
        """What its code is at: equal for all that one handler or hook does."""
        return self.handled, self.handling is None

    def stopped_event(self) -> threading.Event:
        with self.runtime.lock:
            if self.stopped is None:
                self.stopped = threading.Event()
                if self.reason is not ALIVE:
                    self.stopped.set()
            return self.stopped

    # Mail

    def put(self, message: object) -> bool:
        """Put a message, or a `Request`, into the mailbox; False when it is closed, and the message is not taken."""
        if self.reason is not ALIVE:
            return False
        try:
            self.inbox.append(message)
            if self._idle:
                self.home.rouse(self)
        except BaseException:
            # Most likely raised by the handler of a signal. The message is there, and has to be seen.
            self.wake()
            raise
        # The actor may have closed its mailbox, and emptied it for the last time, between the lines above.
        if self.reason is not ALIVE:
            self.refuse_mail()
        return True

    def wake(self) -> None:
        """Have the actor look at what has come, unless it is about to."""
        # It has no home while its starter has the claim.
        if hasattr(self, "home"):
            self.home.rouse(self)

    def claim(self) -> bool:
        """Have it looked at by the caller; False when somebody else does."""
        try:
            del self._idle[0]
        except IndexError:
            return False
        return True

    def claim_for(self, claimer: Claimer) -> None:
        """Have it looked at by this one, unless somebody else does.

        No handler of a signal comes between the claim and the note of it, nor between those of its end.
        """
        try:
            del self._idle[0]
            claimer.has_claim = True
        except IndexError:
            pass

    def give_up_claim_of(self, claimer: Claimer) -> None:
        """Have it looked at by whoever claims it next."""
        claimer.has_claim = False
        self._idle.append(None)

    @property
    def is_idle(self) -> bool:
        return bool(self._idle)

    def begin_idle(self, home: Home) -> None:
        """Be given to its home by the starter, who has the claim, with nothing to run."""
        self.home = home
        self._idle.append(None)
        # As in `rest()`.
        if self.inbox or self.fatal is not ALIVE or self.killed:
            home.rouse(self)

    def rest(self) -> bool:
        """Give up the claim; False when there is more to do, and the claim is kept."""
        self._idle.append(None)
        # Whoever came before this line left it to the holder of the claim, and is seen here.
        if self.inbox or self.taken or self.fatal is not ALIVE or self.killed:
            return not self.claim()
        return True

    def take(self) -> object:
        """Take the next message out of the mailbox.

        Raises:
            IndexError: it is empty.
        """
        if self.taken:
            return self.taken.pop()
        if len(self.inbox) > _MANY:
            self._take_many()
            return self.take()
        return self.inbox.pop(0)

    def _take_many(self) -> None:
        with _taking:
            if self.taken:
                # Put back by somebody just now.
                return
            taken = self.inbox[::-1]
            length = len(taken)
            # There before they are gone here, with no call between: who looks, or is interrupted, loses none.
            self.taken = taken
            # What has come since the copy stays.
            del self.inbox[:length]

    def mailbox_length(self) -> int:
        return len(self.inbox) + len(self.taken or ())

    def put_at_once(self, message: object) -> bool:
        """Put a message for a sender that can't wait for room, nor be told that there is none, such as a timer."""
        return self.put(message)

    def await_room(self, message: object) -> None:
        """Wait until a `Request` that was put has found room, where mailboxes have a bound."""

    def put_back(self, messages: Sequence[object]) -> None:
        """Put messages in front of all others, the first of them first."""
        with _taking:
            if self.taken is None:
                self.taken = []
            self.taken.extend(reversed(messages))
        self.wake()
        # As in `put`.
        if self.reason is not ALIVE:
            self.refuse_mail()

    def stash(self, message: object) -> None:
        """Put the message in hand aside; what the handler returns is no answer to it then."""
        with _taking:
            if self.stashed is None:
                self.stashed = []
            self.stashed.append(message)
        self.handling = None
        # As in `put`.
        if self.reason is not ALIVE:
            self.refuse_mail()

    def unstash(self) -> None:
        """Put back what was put aside."""
        with _taking:
            stashed, self.stashed = self.stashed, None
        if stashed:
            self.put_back(stashed)

    def refuse_mail(self) -> None:
        """Answer everybody who still waits in the mailbox of a dead actor (A61)."""
        if not (self.inbox or self.taken or self.stashed):
            return
        lost: deque[object] = deque()
        late: list[object] = []
        try:
            self._lose_all(lost, late)
        except BaseException:
            # Most likely raised by the handler of a signal, and nobody else has what was taken.
            self._lose_all(lost, late)
            raise

    def _lose_all(self, lost: deque[object], late: list[object]) -> None:
        with _taking:
            if self.stashed:
                lost += self.stashed
                self.stashed = None
            # One by one, and with no look first: the actor's own code may be taking from the other end. No handler of a
            # signal comes before what was taken is there.
            if self.taken:
                with suppress(IndexError):
                    lost.extend(starmap(self.taken.pop, repeat(())))
            with suppress(IndexError):
                late.extend(starmap(self.inbox.pop, repeat(())))
            lost += late[::-1]
            del late[:]
        while lost:
            self.lose(lost[0])
            del lost[0]

    def lose(self, message: object) -> None:
        """Answer for a message that will not be handled, or count it as a dead letter."""
        if isinstance(message, Asked):
            self.refuse(message)
        elif isinstance(message, StopRequest):
            self.add_stop(message.done)
        else:
            self.runtime.dead_letters.add(self.ref, message, self.reason)

    def refuse(self, message: object) -> None:
        """Answer for an asked message that will not be answered otherwise."""
        if isinstance(message, Asked):
            reason = self.fatal if self.reason is ALIVE else self.reason
            message.refuse(ActorDied(f"{self.label} ended before it answered: {shown(reason)}", reason))

    # Waiting

    @property
    def is_doomed(self) -> bool:
        """Whether an exit signal has ended it already, but for the handler in hand."""
        return self.fatal is not ALIVE and self.reason is ALIVE

    @property
    def runs_here(self) -> bool:
        """Whether the calling thread is the one that its code runs on, and no other that acts in its name."""
        driver = self.driver
        return driver is not None and driver.ident == get_ident()

    def new_waiter(self, timeout: float | None = None) -> Waiter:
        """A waiter for code of this actor, which may run in a thread that it started.

        Args:
            timeout: how long it will wait; with 0, which is only a look, in a coroutine too.
        """
        driver = self.driver
        if driver is not None and driver.ident == get_ident():
            return driver.new_waiter()
        if timeout != 0:
            self.refuse_to_block()
        return ThreadWaiter()

    def refuse_to_block(self) -> None:
        """Refuse what would wait in a coroutine of this actor, and with it all others."""
        if get_ident() == self.runtime.event_loop_ident:
            msg = "would block the event loop that all async handlers share; "
            msg += "await a future: ask(block=False), stop(block=False); or await asyncio.to_thread(...)"
            raise WouldBlock(msg)

    def pass_by(self, _point: str, *_about: object) -> None:
        """Be at a point of its code where a simulation may have others go on first, or something go wrong.

        Args:
            _point: what the code is about to do.
            _about: with what.
        """

    def checkpoint(self, _point: str = "checkpoint", *_about: object) -> None:
        """Pass by such a point, and let a kill take effect; called in its own code wherever that enters the runtime."""
        self.unwind()

    def begin_handling(self, *_messages: object) -> None:
        """Be about to handle messages that came in another, where a simulation may have something go wrong."""

    def end_handling(self, *_messages: object) -> None:
        """Have handled those; or one, before its answer and what follows that. A simulation may do the same here."""

    def unwind(self) -> None:
        """Let a kill take effect."""
        if self.killed:
            raise ProcessKilled(self.label)

    def wait(self, waiter: Waiter, timeout: float | None, clock: Clock | None = None) -> bool:
        """Wait in this actor's name, by its runtime's clock or the one that is given; a kill ends the wait."""
        clock = clock or self.runtime.clock
        if not self.runs_here:
            return self._wait_elsewhere(waiter, timeout, clock)
        # Published first, looked at second: a kill between the two finds either the waiter or the checkpoint.
        self.waiter = waiter
        try:
            if self.killed:
                raise ProcessKilled(self.label)
            return waiter.wait(clock, timeout)
        finally:
            self.waiter = None
            if self.killed:
                raise ProcessKilled(self.label)

    def wait_for(self, waits: Waits, waiter: Waiter, timeout: float | None) -> bool:
        """Wait as `wait()` does, for what one actor alone can end, or nobody in particular.

        Raises:
            Deadlock: that one waits for this one.
        """
        if not self.runs_here:
            errand = errand_of_thread(self)
            if errand is None:
                return self._wait_elsewhere(waiter, timeout, self.runtime.clock)
            with InnerWait(errand, self, waits, waiter.release):
                errand.look_soon()
                return self._wait_elsewhere(waiter, timeout, self.runtime.clock)
        # Whoever has come to wait since it was said has seen it.
        was_said_before = waits is self.waiting_for
        # Here too: of two that come to wait for each other, one at least sees the other.
        self.waiting_for = waits
        try:
            if not was_said_before:
                refuse_deadlock(self, waits)
            return self.wait(waiter, timeout)
        finally:
            self.waiting_for = None

    def _wait_elsewhere(self, waiter: Waiter, timeout: float | None, clock: Clock) -> bool:
        """Wait in another thread than its code runs on, which goes on."""
        with self.runtime.lock:
            if self.helpers is None:
                self.helpers = set()
            self.helpers.add(waiter)
        try:
            if self.killed:
                raise ProcessKilled(self.label)
            return waiter.wait(clock, timeout)
        finally:
            with self.runtime.lock:
                self.helpers.discard(waiter)
            if self.killed:
                raise ProcessKilled(self.label)

    def await_later(self, target: Process, reached: Callable[[Process], bool]) -> None:
        """Say that this one is about to wait, so that the other, which begins now, can't come to wait for it."""
        if self.runs_here:
            self.waiting_for = AwaitedProcess(target, reached)

    def wait_of(self, target: Process, reached: Callable[[Process], bool]) -> AwaitedProcess:
        """Describe a wait that is about to begin; by the same as before, when that was said."""
        said = self.waiting_for
        if isinstance(said, AwaitedProcess) and said.target is target and said.reached is reached:
            return said
        return AwaitedProcess(target, reached)

    def wait_until(self, reached: Callable[[Process], bool], timeout: float | None) -> bool:
        """Block the calling thread or actor until this one's life has come so far; False after `timeout` seconds.

        Raises:
            Deadlock: this one waits for the calling actor.
        """
        return wait_for_any([self], reached, timeout)

    def add_spectator(self, waiter: Waiter, reached: Callable[[Process], bool]) -> None:
        """Have `waiter` released when it has come so far; at once, if it has."""
        with self.runtime.lock:
            if self.spectators is None:
                self.spectators = {}
            # Entered first, looked at second; who changes something does it the other way round.
            self.spectators[waiter] = reached
            if reached(self):
                waiter.release()

    def remove_spectator(self, waiter: Waiter) -> None:
        with self.runtime.lock:
            if self.spectators is not None:
                self.spectators.pop(waiter, None)

    def mark_started(self) -> None:
        # Killed meanwhile, it isn't up, however far its code came.
        self.started = self.reason is ALIVE
        self.quiet_for = None
        if self.spectators:
            with self.runtime.lock:
                self._wake_spectators()

    def _wake_spectators(self) -> None:
        if not self.spectators:
            return
        for waiter in [waiter for waiter, reached in self.spectators.items() if reached(self)]:
            waiter.release()
            self.spectators.pop(waiter, None)

    # Links and monitors

    def link(self, other: Process) -> None:
        """Link the two, or learn that the other is no more (A11, A18)."""
        if other is self:
            return
        with self.runtime.lock:
            if not other.announced:
                self.add_link(other)
                return
            if self.trapping:
                self.put(Exit(other.ref, NoProc()))
                return
        raise ActorDied(f"{other.label} can't be linked: it has ended", NoProc())

    def add_link(self, other: Process) -> None:
        """Enter a link on both sides; called with the lock held."""
        for process, peer in ((self, other), (other, self)):
            if process.links is None:
                process.links = {}
            process.links[peer] = None

    def unlink(self, other: Process) -> None:
        with self.runtime.lock:
            for process, peer in ((self, other), (other, self)):
                if process.links is None:
                    continue
                process.links.pop(peer, None)

    def monitor(self, target: Process | None, given: pykka.ActorRef[Any]) -> Monitor:
        with self.runtime.lock:
            if target is None or target.announced:
                monitor = Monitor(self, None, given)
                self.put(Fired(Down(given, NoProc(), monitor)))
                return monitor
            monitor = Monitor(self, target, given)
            if target is self:
                # Never fires (A30): nobody would be left to read the Down.
                monitor.active = False
            else:
                if target.monitors is None:
                    target.monitors = {}
                target.monitors[monitor] = None
                if self.watching is None:
                    self.watching = {}
                self.watching[monitor] = None
            return monitor

    def demonitor(self, monitor: Monitor, *, flush: bool) -> bool:
        with self.runtime.lock:
            if monitor.watcher is not self:
                return False
            was_active, monitor.active = monitor.active, False
            if monitor.is_of_dead():
                was_active = flush = True
            # Once flushed, for good: a Down that still lies in the mailbox must not come back.
            monitor.flushed = monitor.flushed or flush
            if self.watching is not None:
                self.watching.pop(monitor, None)
            monitor.forget()
            return was_active

    # Exit signals

    def signal(self, sender: Process | None, reason: ExitReason) -> None:
        """Receive an exit signal that somebody sent explicitly (A15, A16)."""
        with self.runtime.lock:
            self._receive_signal(sender, reason, from_self=sender is self)

    def _receive_signal(self, sender: Process | None, reason: ExitReason, *, from_self: bool = False) -> None:
        if self.reason is not ALIVE:
            return
        match effect_of_signal(reason, trapping=self.trapping, from_self=from_self):
            case "message":
                self.put(Exit(sender.ref if sender is not None else None, reason))
            case "die":
                if self.fatal is ALIVE:  # the first fatal signal decides (A21)
                    self.fatal = reason
                # Also for a second one: the handler of a signal may have come between these two.
                self.wake()
            case _:
                pass

    # The end, as told to others

    def close(self, reason: ExitReason) -> bool:
        """Begin to die with `reason`: take no more messages. False when the actor is dead already."""
        with self.runtime.lock:
            if self.reason is not ALIVE:
                return False
            self.reason = reason
        self.shut()
        return True

    def shut(self) -> None:
        """Take no more messages, having a reason to end; those that have come are refused."""
        self.take_out()
        self.refuse_mail()

    def take_out(self) -> None:
        """Take it out of Pykka's sight, since it takes no more messages."""
        if self.stopped is not None:
            self.stopped.set()
        _pykka_registry.remove(self.ref)

    def revise(self, reason: ExitReason) -> None:
        """Die with another reason than the one given to `close`, since the last hook failed (A74)."""
        with self.runtime.lock:
            if not self.announced:
                self.reason = reason

    def depart(self) -> None:
        """Be gone: called by the holder of the claim, when no code of the actor can run any more.

        May be called again when it was interrupted, or an error has stopped it.
        """
        # Before anybody can see it gone: who does, finds what it held given back.
        self._call_back()
        with self.runtime.lock:
            if not self.gone:
                self.announce()
                self.gone = True
            # Dropped without the lock: their finalizers are the code of others, and may wait for who wants it.
            left: list[object] = [self.actor, self.context, self.parent]
            # With its parent, the youngest of many generations would keep them all.
            self.actor = self.context = self.parent = None
            self.runtime.forget(self)
        left.clear()
        self.tell_ended()
        # Those who asked for it in between.
        self._call_back()

    def leave_behind(self) -> None:
        """Be gone in a forked child, whatever it was doing: there is no thread to run it."""
        self.reason = FORKED
        self.announced = self.gone = True
        self.gone_callbacks = self.observer = None
        if self.stopped is not None:
            self.stopped._at_fork_reinit()  # type: ignore[attr-defined]  # as `threading` itself does
            self.stopped.set()
        _pykka_registry.remove(self.ref)

    def _call_back(self) -> None:
        observer, self.observer = self.observer, None
        if observer is not None:
            observer.ended(self)
        if self.gone_callbacks:
            self._call_each(self.gone_callbacks)

    def _call_each(self, callbacks: dict[Callable[[Process], None], None]) -> None:
        """Call them, and take them out one by one: others may be at it too, or add one."""
        while callbacks:
            for callback in list(callbacks):
                self._take_and_call(callback, callbacks)

    def _take_and_call(
        self, callback: Callable[[Process], None], callbacks: dict[Callable[[Process], None], None]
    ) -> None:
        has_taken = False
        try:
            with self.runtime.lock:
                # No handler of a signal comes between the two.
                has_taken = callback in callbacks
                callbacks.pop(callback, None)
            if has_taken:
                callback(self)
        except BaseException:
            # Most likely raised by the handler of a signal, and nobody else has it.
            if has_taken:
                callback(self)
            raise

    def announce(self) -> None:
        """Tell others of its end; called with the lock held, and to be followed by `tell_ended()` without it.

        What is interrupted goes on with the next call: an Exit or a Down is rather sent twice than never.
        """
        self.announced = True
        # Names first: who has seen the Exit or the Down can take the name at once (A8).
        self.runtime.release_name(self)
        links = self.links or {}
        for peer in list(links):
            if peer.links is not None:
                peer.links.pop(self, None)
            if peer is not self.quiet_for:
                peer._receive_signal(self, self.reason)
            links.pop(peer, None)
        self.links = None
        monitors = self.monitors or {}
        for monitor in list(monitors):
            monitor.active = False
            if monitor.watcher.watching is not None:
                monitor.watcher.watching.pop(monitor, None)
            monitor.watcher.put(Fired(Down(monitor.given, self.reason, monitor)))
            monitors.pop(monitor, None)
        self.monitors = None
        for monitor in self.watching or ():
            monitor.forget()
        self.watching = None

    def tell_ended(self) -> None:
        """Tell those who wait for its end."""
        if self.spectators:
            with self.runtime.lock:
                self._wake_spectators()
        if self.ended_callbacks:
            self._call_each(self.ended_callbacks)

    # Looking inside

    def look_at(self, seconds: float) -> float | None:
        """Note that its code is at work, and has been for `seconds`; return when its message was first seen in hand."""
        sample = self.sample
        if sample is None:
            sample = self.sample = Sample()
        sample.seconds += seconds
        if self.handling is None:
            sample.since = None
        elif sample.since is None or sample.handled != self.handled:
            sample.handled = self.handled
            sample.since = self.runtime.clock.now()
        return sample.since

    # Stopping

    def request_stop(self, reason: ExitReason, done: pykka.Future[bool] | None = None) -> None:
        """Ask the actor to end with `reason`, when what it was sent before is handled; does nothing to a dead one.

        Args:
            done: to be set when it has ended: to True, or to False when it was about to before. Pykka's way is not to
                wait for that one, OTP's is to.
        """
        was_idle = self.is_idle
        if not self.put(StopRequest(reason, done)):
            if done is None:
                return
            if getattr(self.actor_class, "_otp_second_stop_waits", False):
                self.when_ended(lambda _process: done.set(False))
            else:
                done.set(False)
        elif was_idle:
            self.home.let_end()

    def add_stop(self, done: pykka.Future[bool] | None) -> None:
        """Set `done` when the actor has ended, which it is about to."""
        if done is not None:
            self.when_ended(lambda _process: done.set(True))

    def when_ended(self, callback: Callable[[Process], None]) -> None:
        """Have `callback` called once, quickly and without raising, when others are told; at once if they have been."""
        with self.runtime.lock:
            if not self.announced:
                if self.ended_callbacks is None:
                    self.ended_callbacks = {}
                self.ended_callbacks[callback] = None
                return
        callback(self)

    def not_when_ended(self, callback: Callable[[Process], None]) -> None:
        """Don't have `callback` called."""
        with self.runtime.lock:
            if self.ended_callbacks is not None:
                self.ended_callbacks.pop(callback, None)

    def when_gone(self, callback: Callable[[Process], None]) -> None:
        """Have `callback` called once, quickly and without raising, as the actor goes; at once if it is gone."""
        with self.runtime.lock:
            if not self.gone:
                if self.gone_callbacks is None:
                    self.gone_callbacks = {}
                self.gone_callbacks[callback] = None
                return
        callback(self)


_MANY = 64
"""Messages at which a mailbox is taken from in bulk."""

_URN_LENGTH = 8
"""Characters of an actor's urn that tell it from others of its class."""

lock_of_all = free_in_child(threading.RLock())
"""For what concerns two records, of one runtime or of two: links, monitors, deaths. A finalizer that links, or stops,
may come between two lines of the same thread that holds it."""

# For mailboxes of which much is taken at a time, and for those of the dead. A finalizer that sends may come between two
# lines of the same thread that holds it.
_taking = free_in_child(threading.RLock())

_current: ContextVar[Process | None] = ContextVar("current actor", default=None)

current = _current.get
"""The record of the actor whose code calls, or None outside of actors."""

set_current = _current.set

chosen: ContextVar[Runtime | None] = ContextVar("chosen runtime", default=None)
"""The runtime of the `with runtime:` around."""


def checkpoint(point: str, *about: object) -> None:
    """Be at a point of the calling actor's code, if it is one that calls; a kill takes effect there."""
    process = current()
    if process is not None:
        process.checkpoint(point, *about)


def pass_by(point: str, *about: object) -> None:
    """Be at a point of the calling actor's code that a kill passes by, so that what it tidies up with goes through."""
    process = current()
    if process is not None:
        process.pass_by(point, *about)


def new_waiter(timeout: float | None = None) -> Waiter:
    """A waiter for one wait of the calling thread or actor, and for how long."""
    process = current()
    return ThreadWaiter() if process is None else process.new_waiter(timeout)


def wait_for_any(
    processes: Sequence[Process],
    reached: Callable[[Process], bool],
    timeout: float | None,
    *,
    clock: Clock | None = None,
    needed: Sequence[Process] = (),
) -> bool:
    """Block the calling thread or actor until one of these has come so far; False after `timeout` seconds.

    Args:
        clock: by which the time is measured that a caller gives who goes on when it is over, and does without: such
            waits close no circle. By default the caller's.
        needed: those without which the caller can't go on, so that it will wait again until they have come so far; the
            only one is such in any case.

    Raises:
        Deadlock: one that is needed waits for the calling actor.
    """
    waiter = new_waiter(timeout)
    process = current()
    try:
        for target in processes:
            target.add_spectator(waiter, reached)
        if process is None:
            return waiter.wait(clock or processes[0].runtime.clock, timeout)
        if clock is not None or timeout == 0:
            # Who only looks, too, does without.
            return process.wait(waiter, timeout, clock)
        if len(processes) == 1:
            return process.wait_for(process.wait_of(processes[0], reached), waiter, timeout)
        return process.wait_for(Several([AwaitedProcess(target, reached) for target in needed]), waiter, timeout)
    finally:
        for target in processes:
            target.remove_spectator(waiter)


def is_gone(process: Process) -> bool:
    """Whether no code of it is left to run, as what is waited for."""
    return process.gone
