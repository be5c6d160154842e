"""The record that the runtime keeps of one actor, and what actors do to each other's records.

Everything here that touches more than one record happens under the runtime's lock, so that a link, a monitor, a name
and a death are seen by all or by nobody. What an actor's own thread does is in `_life`.
"""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from queue import Empty, Full, SimpleQueue
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import pykka
from pykka._envelope import Envelope

from actors._clock import new_waiter, wake
from actors._links import effect_of_signal
from actors.errors import ActorDied, ProcessKilled
from actors.messages import Down, Exit, ExitReason, Killed, NoProc

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from actors._clock import Waiter
    from actors.runtime import Runtime

__all__ = ["ALIVE", "NO_REPLY", "WAKE", "Monitor", "Process", "ProcessState", "StopRequest", "current", "set_current"]

logger = logging.getLogger("pykka_otp.crash")

ProcessState: TypeAlias = Literal["alive", "dead", "abandoned", "gone"]


class _Alive:
    """What stands in place of an exit reason, since any value, None included, may be one."""

    def __repr__(self) -> str:
        return "ALIVE"


ALIVE = _Alive()


class _Wake:
    """A message without content: look again at what has changed."""


WAKE = _Wake()


class _NoReply:
    """What a handler returns to leave its asker waiting: the answer comes later, from elsewhere (A67)."""

    def __repr__(self) -> str:
        return "NO_REPLY"


NO_REPLY = _NoReply()


@dataclass(frozen=True, slots=True)
class StopRequest:
    """Asks an actor to end with `reason` when its turn in the mailbox comes (A73)."""

    reason: ExitReason


class Monitor:
    """What `monitor()` returns: one watch of one actor over another. It names its `Down`."""

    __slots__ = ("active", "flushed", "given", "target", "watcher")

    def __init__(self, watcher: Process, target: Process | None, given: pykka.ActorRef[Any]) -> None:
        self.watcher = watcher
        self.target = target
        self.given = given
        self.active = target is not None
        self.flushed = False

    def __repr__(self) -> str:
        return f"<Monitor of {self.given}>"


class Process:
    """One actor's life as others see it: alive; then dead, its mailbox closed; then gone, no code of it left to run.

    Others are told of its end (names released, Exit and Down sent: *announced*) when it is gone; a killed one is
    announced at once, and is *abandoned* from then on until its code has really ended.
    """

    __slots__ = (
        "actor",
        "announced",
        "busy",
        "fatal",
        "gone",
        "gone_callbacks",
        "handling",
        "is_guest",
        "killed",
        "label",
        "links",
        "mailbox",
        "monitors",
        "name",
        "parent",
        "quiet_for",
        "reason",
        "ref",
        "runtime",
        "spectators",
        "start_ignored",
        "started",
        "stopped",
        "stops",
        "thread",
        "trapping",
        "waiter",
        "watching",
    )

    def __init__(self, runtime: Runtime, label: str, *, parent: Process | None = None, trapping: bool = False) -> None:
        self.runtime = runtime
        self.label = label
        self.ref: pykka.ActorRef[Any]
        self.actor: pykka.Actor | None = None
        self.mailbox: SimpleQueue[Envelope[Any]] = SimpleQueue()
        self.parent = parent
        self.name: Hashable | None = None
        self.trapping = trapping
        self.thread: threading.Thread | None = None
        # Whether it was started by somebody else, and is only known here.
        self.is_guest = False

        self.started = False
        self.start_ignored = False
        # The starter that waits for the start hears of its failure by the answer, not by a signal as well (A50).
        self.quiet_for: Process | None = None
        # True while user code may run; from the first moment, since `__init__` and `on_start` come first.
        self.busy = True
        # A fatal exit signal that has been received, to take effect at the next message boundary.
        self.fatal: ExitReason = ALIVE
        self.reason: ExitReason = ALIVE
        # Pykka's flag: set as soon as the mailbox is closed.
        self.stopped = threading.Event()
        # The message in hand: who asked it is answered when the actor is killed over it.
        self.handling: Envelope[Any] | None = None
        self.killed = False
        self.announced = False
        self.gone = False

        self.links: set[Process] = set()
        self.monitors: dict[Monitor, None] = {}
        self.watching: set[Monitor] = set()
        self.stops: list[pykka.Future[bool]] = []
        self.waiter: Waiter | None = None
        self.spectators: dict[Waiter, Callable[[Process], bool]] = {}
        self.gone_callbacks: list[Callable[[Process], None]] = []

    def __repr__(self) -> str:
        return f"<Process {self.label} {self.state}>"

    @property
    def state(self) -> ProcessState:
        if self.gone:
            return "gone"
        if self.announced:
            return "abandoned"
        return "alive" if self.reason is ALIVE else "dead"

    # Mail

    def put(self, message: object, reply_to: pykka.Future[Any] | None = None) -> bool:
        """Put a message into the mailbox; False when it is closed, and the message is not taken."""
        if self.reason is not ALIVE:
            return False
        self.mailbox.put(Envelope(message, reply_to))
        # The actor may have closed its mailbox, and emptied it for the last time, between the two lines above.
        if self.reason is not ALIVE:
            self.refuse_mail()
        return True

    def wake(self) -> None:
        self.mailbox.put(Envelope(WAKE))

    def refuse_mail(self) -> None:
        """Answer everybody who still waits in the mailbox of a dead actor (A61)."""
        while True:
            try:
                envelope = self.mailbox.get_nowait()
            except Empty:
                break
            self.refuse(envelope)
        if self.killed:
            # What was to wake the actor may have been among them.
            self.wake()

    def refuse(self, envelope: Envelope[Any]) -> None:
        if envelope.reply_to is None:
            return
        error = ActorDied(f"{self.label} ended before it answered: {self.reason!r}", self.reason)
        # The first answer counts: the handler may have returned at the same moment as it was killed.
        with suppress(Full):
            envelope.reply_to.set_exception((type(error), error, None))

    # Waiting

    def checkpoint(self) -> None:
        """Let a kill of this actor take effect; called in its own thread wherever its code enters the runtime."""
        if self.killed:
            raise ProcessKilled(self.label)

    def wait(self, waiter: Waiter, timeout: float | None) -> bool:
        """Wait in this actor's own thread; a kill ends the wait."""
        # Published first, looked at second: a kill between the two finds either the waiter or the checkpoint.
        self.waiter = waiter
        try:
            self.checkpoint()
            return self.runtime.clock.wait(waiter, timeout)
        finally:
            self.waiter = None
            self.checkpoint()

    def wait_until(self, reached: Callable[[Process], bool], timeout: float | None) -> bool:
        """Block the calling thread or actor until this one's life has come so far; False after `timeout` seconds."""
        waiter = new_waiter()
        with self.runtime.lock:
            if reached(self):
                return True
            self.spectators[waiter] = reached
        try:
            return self.runtime.wait(waiter, timeout)
        finally:
            with self.runtime.lock:
                self.spectators.pop(waiter, None)

    def mark_started(self) -> None:
        with self.runtime.lock:
            # Killed meanwhile, it isn't up, however far its code came.
            self.started = self.reason is ALIVE
            self.quiet_for = None
            self._wake_spectators()

    def _wake_spectators(self) -> None:
        for waiter in [waiter for waiter, reached in self.spectators.items() if reached(self)]:
            del self.spectators[waiter]
            wake(waiter)

    # Links and monitors

    def link(self, other: Process) -> None:
        """Link the two, or learn that the other is no more (A11, A18)."""
        if other is self:
            return
        with self.runtime.lock:
            if not other.announced:
                self.links.add(other)
                other.links.add(self)
                return
            if self.trapping:
                self.put(Exit(other.ref, NoProc()))
                return
        raise ActorDied(f"{other.label} can't be linked: it has ended", NoProc())

    def unlink(self, other: Process) -> None:
        with self.runtime.lock:
            self.links.discard(other)
            other.links.discard(self)

    def monitor(self, target: Process | None, given: pykka.ActorRef[Any]) -> Monitor:
        with self.runtime.lock:
            if target is None or target.announced:
                monitor = Monitor(self, None, given)
                self.put(Down(given, NoProc(), monitor))
                return monitor
            monitor = Monitor(self, target, given)
            # Monitoring oneself never fires (A30): nobody would be left to read the Down.
            if target is not self:
                target.monitors[monitor] = None
                self.watching.add(monitor)
            return monitor

    def demonitor(self, monitor: Monitor, *, flush: bool) -> bool:
        with self.runtime.lock:
            if monitor.watcher is not self:
                return False
            was_active, monitor.active = monitor.active, False
            # Once flushed, for good: a Down that still lies in the mailbox must not come back.
            monitor.flushed = monitor.flushed or flush
            self.watching.discard(monitor)
            if monitor.target is not None:
                monitor.target.monitors.pop(monitor, None)
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
            case "die" if self.fatal is ALIVE:  # the first fatal signal decides (A21)
                self.fatal = reason
                self.wake()
            case _:
                pass

    def kill(self) -> None:
        """End the actor now as others see it, and as soon as may be in truth (A6)."""
        with self.runtime.lock:
            if self.gone or self.killed:
                return
            self.killed = True
            self.reason = Killed()
            told = self._announce()
            abandoned = self.busy
            waiter = self.waiter
            handling = self.handling
        self._shut()
        if handling is not None:
            self.refuse(handling)
        self._tell_ended(told)
        if waiter is not None:
            wake(waiter)
        if not abandoned:
            self.depart()
        else:
            logger.warning(
                "%s was killed while its code was running: its registrations and deliveries are held until it ends",
                self.label,
                extra={"actor": self.label},
            )

    # The end, as told to others

    def close(self, reason: ExitReason) -> bool:
        """Begin to die with `reason`: take no more messages. False when the actor is dead already."""
        with self.runtime.lock:
            if self.reason is not ALIVE:
                return False
            self.reason = reason
        self._shut()
        return True

    def _shut(self) -> None:
        self.stopped.set()
        pykka.ActorRegistry.unregister(self.ref)
        self.refuse_mail()

    def revise(self, reason: ExitReason) -> None:
        """Die with another reason than the one given to `close`, since the last hook failed (A74)."""
        with self.runtime.lock:
            if not self.announced:
                self.reason = reason

    def depart(self) -> None:
        """Be gone: called when no code of the actor can run any more."""
        # Before anybody can see it gone: who does, finds what it held given back.
        self._call_back()
        with self.runtime.lock:
            if self.gone:
                return
            told = [] if self.announced else self._announce()
            self.gone = True
            self.actor = None
            self.runtime.forget(self)
        self._tell_ended(told)
        # Those who asked for it in between.
        self._call_back()

    def _call_back(self) -> None:
        with self.runtime.lock:
            callbacks, self.gone_callbacks = self.gone_callbacks, []
        for callback in callbacks:
            callback(self)

    def _announce(self) -> list[pykka.Future[bool]]:
        self.announced = True
        # Names first: who has seen the Exit or the Down can take the name at once (A8).
        self.runtime.release_name(self)
        links, self.links = self.links, set()
        for peer in links:
            peer.links.discard(self)
            if peer is not self.quiet_for:
                peer._receive_signal(self, self.reason)
        for monitor in self.monitors:
            monitor.active = False
            monitor.watcher.watching.discard(monitor)
            monitor.watcher.put(Down(monitor.given, self.reason, monitor))
        self.monitors = {}
        for monitor in self.watching:
            if monitor.target is not None:
                monitor.target.monitors.pop(monitor, None)
        self.watching = set()
        stops, self.stops = self.stops, []
        return stops

    def _tell_ended(self, stops: list[pykka.Future[bool]]) -> None:
        with self.runtime.lock:
            self._wake_spectators()
        for future in stops:
            future.set(True)

    # Stopping

    def request_stop(self, reason: ExitReason) -> None:
        """Ask the actor to end with `reason`, when what it was sent before is handled; does nothing to a dead one."""
        self.put(StopRequest(reason))

    def add_stop(self, future: pykka.Future[bool]) -> bool:
        with self.runtime.lock:
            if self.announced:
                return False
            self.stops.append(future)
            return True

    def when_gone(self, callback: Callable[[Process], None]) -> None:
        """Have `callback` called once, quickly and without raising, as the actor goes; at once if it is gone."""
        with self.runtime.lock:
            if not self.gone:
                self.gone_callbacks.append(callback)
                return
        callback(self)


_current: ContextVar[Process | None] = ContextVar("current actor", default=None)


def current() -> Process | None:
    """The record of the actor whose code calls, or None outside of actors."""
    return _current.get()


def set_current(process: Process) -> None:
    _current.set(process)
