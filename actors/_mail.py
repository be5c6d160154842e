"""What lies in mailboxes beside users' messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pykka

    from actors.messages import Down, ExitReason

__all__ = ["NO_REPLY", "Asked", "Control", "Fired", "Inspect", "StopRequest", "Told", "Wrapping", "unwrapped"]


class Control:
    """A message of the runtime's own, or of an actor's to itself: nobody misses it when it is lost."""

    __slots__ = ()


class Wrapping:
    """A user's message in something of the runtime's own."""

    __slots__ = ()

    @property
    def content(self) -> object:
        """The user's message."""
        raise NotImplementedError


class Fired(Wrapping):
    """The `Down` that a monitor sends. It is void when that was flushed; one that somebody passes on never is."""

    __slots__ = ("down",)

    def __init__(self, down: Down) -> None:
        self.down = down

    @property
    def content(self) -> Down:
        return self.down


class StopRequest(Control):
    """Asks an actor to end with `reason` when its turn in the mailbox comes (A73); `done` is set when it has."""

    __slots__ = ("done", "reason")
    __match_args__ = ("reason", "done")

    def __init__(self, reason: ExitReason, done: pykka.Future[bool] | None = None) -> None:
        self.reason = reason
        self.done = done


class Asked:
    """A message that somebody waits for an answer to."""

    __slots__ = ()

    def refuse(self, error: BaseException) -> None:
        """Answer with an error, unless it was answered before."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Told(Wrapping):
    """A told message that would be taken for an asked one."""

    message: object

    @property
    def content(self) -> object:
        return self.message


@dataclass(frozen=True, slots=True)
class Inspect:
    """Asks an actor for its state."""


class _NoReply:
    """What a handler returns to leave its asker waiting: the answer comes later, from elsewhere (A67)."""

    def __repr__(self) -> str:
        return "NO_REPLY"


NO_REPLY = _NoReply()


def unwrapped(message: object) -> object:
    """The user's message in what lies in a mailbox."""
    return message.content if isinstance(message, Wrapping) else message
