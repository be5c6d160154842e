"""What an actor can do as an OTP process: links, monitors, exits, names, timers.

The functions act for the actor whose code calls them. Those that need one raise `NotAnActor` elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from actors._adopted import process_of
from actors._checks import check_flag, check_name
from actors._clock import check_seconds
from actors._process import ALIVE, Monitor, Process, new_waiter
from actors._process import checkpoint as _checkpoint
from actors._process import current as current_process
from actors._process import pass_by as _pass_by
from actors.errors import ActorDied, ExitRequest, NameUnavailable, NoSuchName, NotAnActor
from actors.messages import Exit, ExitReason, NoProc
from actors.ref import ActorRef, NamedRef
from actors.runtime import current_runtime

if TYPE_CHECKING:
    from collections.abc import Hashable

    import pykka

    from actors.runtime import Runtime

__all__ = [
    "Timer",
    "checkpoint",
    "current_actor",
    "demonitor",
    "exit",
    "link",
    "monitor",
    "now",
    "register_name",
    "send_after",
    "sleep",
    "trap_exit",
    "unlink",
    "unregister_name",
    "whereis",
]


def _actor(function: str) -> Process:
    process = current_process()
    if process is None:
        msg = f"{function}() acts for the calling actor; call it from an actor's own code"
        raise NotAnActor(msg)
    return process


def _caller(function: str, *about: object) -> Process:
    process = _actor(function)
    process.checkpoint(function, *about)
    return process


def current_actor() -> ActorRef[Any] | None:
    """Return the ref of the actor whose code calls, or None outside of actors."""
    process = current_process()
    if process is None:
        return None
    ref: Any = process.ref
    return ref  # type: ignore[no-any-return]  # every record's ref is an ActorRef


# Links and monitors


def link(ref: pykka.ActorRef[Any]) -> None:
    """Link the calling actor and another: when one ends, the other gets an exit signal with the reason.

    Linking twice is linking once; linking oneself does nothing. When the other has ended, an actor that traps exits
    gets the message `Exit(ref, NoProc())`. With a named ref, the actor that has the name now is linked.

    Raises:
        ActorDied: the other has ended, and the caller doesn't trap exits; `NoSuchName` when nobody has the name.
        TypeError: `ref` is no actor's ref.

    OTP: `Process.link/1` (A11, A18).
    """
    process = _caller("link", ref)
    try:
        other = process_of(ref)
    except NoSuchName:
        if not process.trapping:
            raise
        other = None
    if other is not None:
        process.link(other)
    elif process.trapping:
        process.put(Exit(ref, NoProc()))
    else:
        msg = f"{ref} can't be linked: it has ended"
        raise ActorDied(msg, NoProc())


def unlink(ref: pykka.ActorRef[Any]) -> None:
    """Remove the link to another actor, if there is one; an `Exit` that has arrived stays in the mailbox.

    OTP: `Process.unlink/1` (A19, A20).
    """
    process = _caller("unlink", ref)
    other = _process_or_none(ref)
    if other is not None:
        process.unlink(other)


def monitor(ref: pykka.ActorRef[Any]) -> Monitor:
    """Watch another actor: the caller gets one message `Down(ref, reason, monitor)` when it ends.

    An actor that has ended, or a name that nobody has, gives it at once, with `NoProc()`: it arrives when the caller
    has handled what it is at. Monitors stack: each has a `Down` of its own. With a named ref, the actor that has the
    name now is watched.

    OTP: `Process.monitor/1` (A24, A25, A27).
    """
    return _caller("monitor", ref).monitor(_process_or_none(ref), ref)


def _process_or_none(ref: pykka.ActorRef[Any]) -> Process | None:
    try:
        return process_of(ref)
    except NoSuchName:
        return None


def demonitor(monitor: Monitor, *, flush: bool = False) -> bool:
    """End a watch; with `flush` a `Down` of it that has arrived but wasn't handled is removed too.

    Returns:
        Whether the watch was still on; False when its `Down` had been sent, or it is not the caller's.

    Raises:
        TypeError: `monitor` is none.

    OTP: `Process.demonitor/2` (A26); what it returns is OTP's answer with the option `info`.
    """
    process = _caller("demonitor", monitor)
    given: object = monitor
    if not isinstance(given, Monitor):
        raise TypeError(f"monitor must be what monitor() returned; got {given!r}")
    return process.demonitor(monitor, flush=flush)


# Exits


def trap_exit(flag: bool) -> bool:  # noqa: FBT001 - as Process.flag(:trap_exit, flag)
    """Choose whether exit signals to the calling actor arrive as messages `Exit`; return what it was before.

    Raises:
        TypeError: `flag` is neither True nor False.

    OTP: `Process.flag(:trap_exit, flag)` (A13, A17).
    """
    process = _caller("trap_exit", flag)
    check_flag(flag)
    with process.runtime.lock:
        before, process.trapping = process.trapping, flag
    return before


def exit(reason: ExitReason) -> NoReturn:
    """End the calling actor with `reason`: any value but None; `on_stop` runs.

    Raises:
        ExitRequest: always; who catches it lives on.
        ValueError: `reason` is None.

    OTP: `exit/1` (A3).
    """
    _caller("exit", reason)
    raise ExitRequest(reason)


# Names


def whereis(name: Hashable) -> ActorRef[Any] | None:
    """Return the actor that has the name now, or None (A33). `named(name)` follows the name instead."""
    check_name(name)
    _checkpoint("whereis", name)
    process = current_runtime().whereis(name)
    if process is None:
        return None
    ref: Any = process.ref
    return ref  # type: ignore[no-any-return]  # every record's ref is an ActorRef


def register_name(name: Hashable, ref: pykka.ActorRef[Any]) -> None:
    """Give an actor a name. It is free again when the actor has ended, before anybody is told of the end.

    Raises:
        NameUnavailable: the name is taken, or the actor has one already, or has ended, or is of another runtime than
            the calling code's.
        TypeError: `name` is not hashable, or `ref` is no actor's ref.

    OTP: `Process.register/2` (A32).
    """
    check_name(name)
    _checkpoint("register_name", ref, name)
    process = process_of(ref)
    if process is None:
        raise NameUnavailable(f"{ref} can't be named {name!r}: it has ended")
    current_runtime().register_name(name, process)


def unregister_name(name: Hashable) -> None:
    """Free a name; anybody may (A33).

    Raises:
        NameUnavailable: nobody has it.
    """
    check_name(name)
    _checkpoint("unregister_name", name)
    current_runtime().unregister_name(name)


# Time


def now() -> float:
    """Return the runtime's time: seconds since some fixed moment."""
    return current_runtime().clock.now()


def checkpoint() -> None:
    """Let a kill of the calling actor take effect here; call it in long computations. Nothing outside of actors."""
    _checkpoint("checkpoint")


def sleep(seconds: float) -> None:
    """Block for `seconds` of the runtime's time; a kill of the calling actor ends it.

    Raises:
        ValueError: `seconds` is negative, not finite, or no number.
    """
    check_seconds(seconds, "seconds")
    process = current_process()
    if process is None:
        new_waiter().wait(current_runtime().clock, seconds)
    else:
        process.checkpoint("sleep", seconds)
        process.wait(process.new_waiter(), seconds)


class Timer:
    """A message that will be sent. What `send_after()` returns; anybody may cancel it (A43)."""

    def __init__(self, runtime: Runtime, ref: pykka.ActorRef[Any], message: object, seconds: float) -> None:
        self._runtime = runtime
        self._ref = ref
        self._message = message
        # A name is looked up when the time has come: its holder of that moment gets the message (A42).
        self._name = ref.name if isinstance(ref, NamedRef) else None
        self._target = process_of(ref) if self._name is None else None
        self._ticket = runtime.clock.call_at(runtime.clock.now() + seconds, self._fire)
        if self._target is not None:
            self._target.when_ended(self._drop)
            if self._ticket.callback is None:
                # It has fired meanwhile.
                self._forget()

    def cancel(self) -> float | None:
        """Prevent the message.

        Returns:
            The seconds that were left; None when it was sent or cancelled before, or its actor has ended (A41, A42).
        """
        _pass_by("cancel", self._ref, self._message)
        left = self._left()
        self._forget()
        return left if self._runtime.clock.cancel(self._ticket) else None

    def remaining(self) -> float | None:
        """Return the seconds left; None when it was sent or cancelled, or its actor has ended (A41, A42)."""
        _checkpoint("remaining", self._ref, self._message)
        return self._left()

    def _left(self) -> float | None:
        has_ended = self._name is None and not _is_alive(self._target)
        if self._ticket.callback is None or has_ended:
            return None
        return max(self._ticket.deadline - self._runtime.clock.now(), 0.0)

    def _drop(self, target: Process) -> None:
        # It may be for hours from now, and there may be many.
        if self._runtime.clock.cancel(self._ticket):
            target.lose(self._message)

    def _forget(self) -> None:
        if self._target is not None:
            self._target.not_when_ended(self._drop)

    def _fire(self) -> None:
        self._forget()
        target = self._target if self._name is None else self._runtime.whereis(self._name)
        if target is None:
            self._runtime.dead_letters.add(self._ref, self._message, NoProc())
        elif not target.put_at_once(self._message):
            target.lose(self._message)


def _is_alive(process: Process | None) -> bool:
    return process is not None and process.reason is ALIVE


def send_after(ref: pykka.ActorRef[Any], message: object, seconds: float) -> Timer:
    """Send `message` to an actor after `seconds`, never before; 0 still goes through the mailbox.

    The timer is nobody's: it fires although its maker has ended (A43). It ends with the actor that it is for; a named
    ref is looked up when the time has come, so a restarted actor gets what was meant for its name (A42).

    Raises:
        ValueError: `seconds` is negative, not finite, or no number.
        TypeError: `ref` is no actor's ref.

    OTP: `Process.send_after/3` (A40).
    """
    check_seconds(seconds, "seconds")
    _checkpoint("send_after", ref, message)
    return Timer(current_runtime(), ref, message, seconds)
