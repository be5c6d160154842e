"""Looking inside an actor while it works: what it is doing, what it holds, what happens in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import pykka
from pykka.messages import ProxyCall, ProxyGetAttr, ProxySetAttr

from actors._adopted import AdoptedProcess, adopt, process_of
from actors._bounded import BoundedProcess
from actors._checks import check_listener
from actors._clock import thread_seconds
from actors._mail import Inspect, unwrapped
from actors._observer import Traced
from actors._scheduler import OwnThread
from actors.actor import Actor, public_attributes
from actors.errors import ActorDied
from actors.messages import NoProc

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from actors._process import Process, ProcessState
    from actors._scheduler import RunsOn
    from actors.messages import ExitReason
    from actors.ref import ActorRef

__all__ = ["Handling", "Info", "Trace", "Traced", "info", "inspect_state", "trace"]


@dataclass(frozen=True, slots=True)
class Handling:
    """A message that an actor is handling.

    Args:
        handler: the name of the method: `"on_receive"`, `"handle_call"`; of one that was called by proxy, its own.
        message: the message itself, no copy of it; a Worker's is the list of the events that it was given.
        since: when the handler was called, in seconds of the runtime's clock, as `now()`.
        exact: whether `since` is just that, because somebody traces the actor or listens to telemetry. Else nobody has
            noted it, and `since` is the latest moment at which it can have been: when the actor's own thread woke for
            this message; when the watchdog saw it at work, which looks every 10 ms at code that runs on shared threads;
            or when an `info()` first did, as with one that waits in its handler and took less than that before.
    """

    handler: str
    message: object
    since: float
    exact: bool


@dataclass(frozen=True, slots=True)
class Info:
    """What is known of an actor from outside: what `info()` returns.

    Args:
        ref: the actor.
        state: how far its life has come, as `ref.state()` says.
        exit_reason: what it died of; None while it lives.
        name: the name that it has now.
        parent: who started it with a link.
        runs_on: where its code runs.
        trap_exit: whether it traps exits now.
        links: those that it is linked to, in the order in which they were linked.
        monitors: those that it watches, once for each monitor, as it named them.
        monitored_by: those that watch it, once for each monitor.
        holds: the state that it holds, as `inspect_state()` gives it, but read from outside at this moment: a handler
            may be half-way through a change. No copy: look, and don't touch. None when there is none yet, or any more.
        mailbox_length: how many messages wait.
        messages_stashed: how many it has put aside, by `stash()`.
        senders_waiting: how many messages wait for room in its mailbox, those of its askers included.
        messages_handled: how many it has handled.
        messages_dropped: how many found no room in its mailbox, or made room for others, as `overflow` says.
        handling: what it is handling now; None when nothing is, or it is starting or ending.
        seconds: how much time its code has taken so far; None when that isn't known.
        seconds_from: `"cpu clock"`: its own thread's processor time; `"samples"`: each time that the watchdog found its
            code running on a shared thread counts as the 10 ms between two looks.

    OTP: `Process.info/1`, and `reductions` as seconds.
    """

    ref: ActorRef[Any]
    state: ProcessState
    exit_reason: ExitReason | None
    name: Hashable | None
    parent: ActorRef[Any] | None
    runs_on: RunsOn
    trap_exit: bool
    links: tuple[ActorRef[Any], ...]
    monitors: tuple[pykka.ActorRef[Any], ...]
    monitored_by: tuple[ActorRef[Any], ...]
    holds: object = field(repr=False)
    mailbox_length: int
    messages_stashed: int
    senders_waiting: int
    messages_handled: int
    messages_dropped: int
    handling: Handling | None
    seconds: float | None
    seconds_from: Literal["cpu clock", "samples"] | None


def info(ref: pykka.ActorRef[Any]) -> Info:
    """Return what is known of an actor now, without asking it: it may be stuck, or dead.

    Of a plain Pykka actor less is known: neither what it is handling nor its time.

    Raises:
        ActorDied: a plain Pykka actor, not known here before, has ended.
        NoSuchName: nobody has the name of a named ref.
    """
    process = _process_of(ref)
    with process.runtime.lock:
        handling = _handling(process)
        seconds, seconds_from = _seconds(process)
        return Info(
            ref=_ref_of(process),
            state=process.state,
            exit_reason=_ref_of(process).exit_reason,
            name=process.name,
            parent=None if process.parent is None else _ref_of(process.parent),
            runs_on=_runs_on(process),
            trap_exit=process.trapping,
            links=tuple(_ref_of(peer) for peer in process.links or ()),
            monitors=tuple(monitor.given for monitor in process.watching or ()),
            monitored_by=tuple(_ref_of(monitor.watcher) for monitor in process.monitors or ()),
            holds=_holds(process),
            mailbox_length=process.mailbox_length(),
            messages_stashed=len(process.stashed or ()),
            senders_waiting=process.senders_waiting if isinstance(process, BoundedProcess) else 0,
            messages_handled=process.handled,
            messages_dropped=process.dropped,
            handling=handling,
            seconds=seconds,
            seconds_from=seconds_from,
        )


def inspect_state(ref: pykka.ActorRef[Any], timeout: float | None = 5.0) -> Any:
    """Return an actor's state: a GenServer's state, another actor's public attributes as a dict.

    The actor itself looks, between two messages: after what was sent to it before. What is returned is the state, no
    copy of it: look, and don't touch.

    Args:
        timeout: seconds; None waits for ever.

    Raises:
        ActorDied: the actor has ended.
        CallTimeout: it didn't come to it in time.
        Deadlock: it would wait for itself.

    OTP: `:sys.get_state/2` (A66).
    """
    return adopt(ref).ask(Inspect(), timeout=timeout)


class Trace:
    """A listener's look at an actor: what `trace()` returns."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def cancel(self) -> None:
        """Tell the listener no more; twice is as good as once."""
        self._process.runtime.remove_listener(self._process, self)


def trace(ref: pykka.ActorRef[Any], listener: Callable[[Traced], object] | pykka.ActorRef[Any]) -> Trace:
    """Have everything that an actor does told to `listener`, as `Traced`, until the trace is cancelled.

    What is told of are messages that a handler gets; not stops, nor other messages that the runtime handles itself.
    `info()` knows exact times of an actor that is traced.

    Args:
        ref: the actor.
        listener: a function, called in the actor's own code, which waits for it; or a ref, whose actor gets them as
            messages. One that raises, or has ended, is removed, and that is logged.

    Raises:
        ActorDied: the actor has ended.
        TypeError: `ref` is no actor's ref, or `listener` neither a function nor a ref.

    OTP: `:erlang.trace/3`, and `:sys.trace/2`.
    """
    check_listener(listener)
    process = _process_of(ref)
    trace = Trace(process)
    function = listener.tell if isinstance(listener, pykka.ActorRef) else listener
    if not process.runtime.add_listener(process, trace, function):
        msg = f"{ref} can't be traced: it has ended"
        raise ActorDied(msg, NoProc())
    return trace


def _process_of(ref: pykka.ActorRef[Any]) -> Process:
    process = process_of(ref)
    if process is None:
        msg = f"nothing is known of {ref}: it has ended"
        raise ActorDied(msg, NoProc())
    return process


def _ref_of(process: Process) -> ActorRef[Any]:
    ref: Any = process.ref
    return ref  # type: ignore[no-any-return]  # every record's ref is an ActorRef


def _handling(process: Process) -> Handling | None:
    message = process.handling
    if message is None:
        return None
    observer = process.observer
    exactly_since = None if observer is None else observer.handling_since
    since = _seen_since(process) if exactly_since is None else exactly_since
    if since is None:
        # It has just returned.
        return None
    return Handling(_handler_of(process, message), unwrapped(message), since, exact=exactly_since is not None)


def _seen_since(process: Process) -> float | None:
    home = getattr(process, "home", None)
    if isinstance(home, OwnThread) and home.woke is not None:
        handled, woke = home.woke
        if handled == process.handled:
            return woke
    return process.look_at(0.0)


def _handler_of(process: Process, message: object) -> str:
    content = unwrapped(message)
    if isinstance(content, ProxyCall | ProxyGetAttr | ProxySetAttr):
        return ".".join(content.attr_path)
    actor = process.actor
    return actor._otp_handler_of(message) if isinstance(actor, Actor) else "on_receive"


def _holds(process: Process) -> object:
    actor = process.actor
    if actor is None:
        return None
    return actor._otp_held() if isinstance(actor, Actor) else public_attributes(actor)


def _seconds(process: Process) -> tuple[float | None, Literal["cpu clock", "samples"] | None]:
    home = getattr(process, "home", None)
    if isinstance(home, OwnThread):
        # Its thread lives, unless it is gone: the lock that we have is needed to go.
        seconds = None if process.gone else thread_seconds(home.thread.ident)
        return seconds, None if seconds is None else "cpu clock"
    if isinstance(process, AdoptedProcess):
        return None, None
    return (0.0 if process.sample is None else process.sample.seconds), "samples"


def _runs_on(process: Process) -> RunsOn:
    home = getattr(process, "home", None)
    return "thread" if isinstance(home, OwnThread) or isinstance(process, AdoptedProcess) else "shared"
