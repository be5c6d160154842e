"""What travels between actors: exit reasons, and the messages that the runtime itself sends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import pykka

    from actors._process import Monitor

__all__ = ["Crashed", "Down", "Exit", "ExitReason", "Killed", "NoProc", "Normal", "Refusal", "Shutdown", "is_orderly"]


@dataclass(frozen=True, slots=True)
class Normal:
    """The actor had nothing left to do: it was stopped, or ended by itself.

    OTP: the reason `normal` (A1).
    """


@dataclass(frozen=True, slots=True)
class Shutdown:
    """The actor was told to end, in order; `detail` may say why.

    OTP: the reasons `shutdown` (`Shutdown()`) and `{shutdown, term}` (`Shutdown(term)`) (A5, B23).
    """

    detail: object = None


@dataclass(frozen=True, slots=True)
class Killed:
    """The actor was ended by `ref.kill()`, which can't be trapped.

    OTP: the reason `killed` (A6).
    """


@dataclass(frozen=True, slots=True)
class NoProc:
    """There was no such actor (any more) when it was linked, monitored or asked.

    OTP: the reason `noproc` (A18, A25).
    """


@dataclass(frozen=True, slots=True, eq=False)
class Crashed:
    """An exception that nobody caught ended the actor; `exception` carries its traceback.

    Two are equal when their exceptions have the same type and the same `args`.

    OTP: the reason `{exception, stacktrace}` (A2).
    """

    exception: BaseException

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Crashed):
            return NotImplemented
        mine, theirs = self.exception, other.exception
        return type(mine) is type(theirs) and mine.args == theirs.args

    def __hash__(self) -> int:
        return hash((Crashed, type(self.exception)))


ExitReason: TypeAlias = object
"""`Normal`, `Shutdown`, `Killed`, `NoProc` or `Crashed`; or any value but None that an actor gave to `exit()`."""


def is_orderly(reason: ExitReason) -> bool:
    """Tell whether `reason` is a normal end: not logged as a crash, and not restarted when transient (A5, B23)."""
    return isinstance(reason, Normal | Shutdown)


def shown(value: object) -> str:
    """Return its `repr()`; of a value that has none because that fails, its type: who waits is to hear of an end."""
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - whatever it is, it is not the error to tell of
        return f"<{type(value).__name__} whose repr() fails>"


@dataclass(frozen=True, slots=True)
class Exit:
    """An exit signal, as a message to an actor that traps exits.

    Args:
        ref: who ended, or who sent the signal; None when that was no actor.
        reason: its exit reason.

    OTP: `{'EXIT', Pid, Reason}` (A13).
    """

    ref: pykka.ActorRef[Any] | None
    reason: ExitReason


@dataclass(frozen=True, slots=True)
class Down:
    """A monitored actor ended; sent once for each monitor.

    Args:
        ref: the ref that was given to `monitor()` (a named ref stays the named ref, A27).
        reason: its exit reason; `NoProc()` when it had ended before.
        monitor: what `monitor()` returned.

    OTP: `{'DOWN', MonitorRef, process, Pid, Reason}` (A24).
    """

    ref: pykka.ActorRef[Any]
    reason: ExitReason
    monitor: Monitor


@dataclass(frozen=True, slots=True)
class Refusal:
    """Returned by a handler to answer an ask with an error, and live on.

    An exception that a handler *raises* ends the actor. One that it returns in a `Refusal` is raised in the asker
    only; told messages have nobody to refuse, and it does nothing there.

    Raises:
        TypeError: it is given what is no `Exception`.

    Example:
        def on_receive(self, message):
            if message.amount > self.balance:
                return Refusal(ValueError("not enough"))
    """

    exception: Exception

    def __post_init__(self) -> None:
        if not isinstance(self.exception, Exception):
            msg = "a Refusal takes an exception, which is raised in the asker: Refusal(ValueError(...)); got "
            raise TypeError(msg + shown(self.exception))
