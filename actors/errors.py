"""The errors that callers can catch. Each says what was expected, what came, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pykka

from actors._checks import check_reason
from actors.messages import NoProc, shown

if TYPE_CHECKING:
    from actors.messages import ExitReason

__all__ = [
    "ActorDied",
    "ActorError",
    "AlreadyAttached",
    "AlreadyRegistered",
    "AlreadyStarted",
    "CallExit",
    "CallTimeout",
    "CannotStash",
    "Deadlock",
    "ExitRequest",
    "HandlerTimeout",
    "Ignore",
    "InvalidChildSpec",
    "MailboxFull",
    "NameUnavailable",
    "NoSuchName",
    "NotAnActor",
    "NotTheOwner",
    "ProcessKilled",
    "QueueClosed",
    "QueueFull",
    "StartFailed",
    "StashFull",
    "UnknownHandler",
    "UnknownQueue",
    "UnknownRegistry",
    "WouldBlock",
]


class ActorError(Exception):
    """What all errors of this package have in common."""


class ExitRequest(Exception):
    """Raised by `exit(reason)`: ends the actor with `reason` unless somebody above catches it (A3).

    Raises:
        ValueError: `reason` is None.
    """

    def __init__(self, reason: ExitReason) -> None:
        check_reason(reason)
        super().__init__(reason)
        self.reason = reason


class Ignore(Exception):
    """Raised by `on_start` to say that there is nothing to run; the start is no failure.

    `start_link()` lets it through to its caller; a supervisor keeps the child's place without an actor.

    OTP: the return value `ignore` of `init` (A47, B12).
    """


class IgnoredElsewhere(Ignore):
    """What `start_link()` lets through: not the actor that calls, but the one that it starts has ignored its start."""


class ProcessKilled(BaseException):
    """Raised inside a killed actor where its code next enters the runtime, so that it unwinds.

    A `BaseException`, so that `except Exception` doesn't hold up the end. Code that swallows it runs on as an
    abandoned body, and keeps its registrations and deliveries.
    """


class NotBegun(ProcessKilled):
    """A kill that came before the coroutine of an async handler had taken its first step."""


class NotAnActor(ActorError, RuntimeError):
    """The function works on the calling actor, and was called outside of one."""


class NotTheOwner(ActorError, ValueError):
    """Only who started a task can wait for it (A84)."""


class CallExit(ActorError):
    """An ask that got no answer; `reason` says why.

    OTP: the exit of the caller of `GenServer.call` (A58).
    """

    def __init__(self, message: str, reason: ExitReason) -> None:
        super().__init__(message)
        self.reason = reason


class ActorDied(CallExit, pykka.ActorDeadError):
    """The actor ended before it answered, or was not there: `reason` is its exit reason, or `NoProc()`.

    `NoSuchName` is its sibling for a name that nobody has.
    """


class NoSuchName(ActorDied):
    """No living actor has this name now (A7, A39)."""

    def __init__(self, name: object) -> None:
        super().__init__(f"no living actor is named {name!r}", NoProc())
        self.name = name


class CallTimeout(CallExit, pykka.Timeout):
    """No answer came in time. The request stays where it is, and is handled all the same (A60)."""


class Deadlock(CallExit):
    """The answer could never come: the actor would wait for itself, or for one that waits for it (A69, B70).

    Whoever would close the circle gets it, and the message names that. An async handler waits for what the tasks and
    threads wait for that it awaits: directly, by `asyncio.gather()`, `asyncio.wait_for()`, a `TaskGroup` or
    `asyncio.to_thread()`. A circle isn't seen that goes through another future of asyncio's, such as that of
    `asyncio.wait()` or `asyncio.shield()`, an event, a lock or a queue; or through a wait for any of several. Those who
    are in it wait until a time-out ends it.
    """


class WouldBlock(ActorError, RuntimeError):
    """A coroutine of an async handler called what blocks, and would stop all others with it; it has to await."""


class StartFailed(ActorError):
    """An actor could not be started; `reason` is what it died of (A48)."""

    def __init__(self, what: str, reason: ExitReason) -> None:
        super().__init__(f"{what} could not be started: {shown(reason)}")
        self.reason = reason


class AlreadyStarted(StartFailed):
    """The name of the actor to be started belongs to `ref`, which lives (A34)."""

    def __init__(self, name: object, ref: pykka.ActorRef[Any]) -> None:
        super().__init__(f"actor {name!r}", ("already_started", ref))
        self.name = name
        self.ref = ref


class NameUnavailable(ActorError, ValueError):
    """The name can't be given to, or taken from, this actor (A32, A33)."""


class AlreadyRegistered(ActorError):
    """The key has a holder whose code can still run: `owner`.

    OTP: `{error, {already_registered, pid}}` (D13).
    """

    def __init__(self, registry: str, key: object, owner: pykka.ActorRef[Any]) -> None:
        super().__init__(f"key {key!r} of registry {registry!r} is held by {owner}")
        self.registry = registry
        self.key = key
        self.owner = owner


class UnknownRegistry(ActorError, LookupError):
    """No registry of this name was ever started in this runtime (D10)."""

    def __init__(self, name: str) -> None:
        super().__init__(f"unknown registry: {name!r}; start it first, before those who use it")
        self.name = name


class UnknownQueue(ActorError, LookupError):
    """No queue of this name was ever started in this runtime."""

    def __init__(self, name: str) -> None:
        super().__init__(f"unknown queue: {name!r}; start it first, before those who use it")
        self.name = name


class AlreadyAttached(ActorError, ValueError):
    """The id belongs to a telemetry handler that is attached, to whatever event (G1)."""

    def __init__(self, handler_id: object) -> None:
        super().__init__(f"a telemetry handler {handler_id!r} is attached already; detach it first, or use another id")
        self.handler_id = handler_id


class UnknownHandler(ActorError, LookupError):
    """No telemetry handler of this id is attached; one that failed was detached (G1, G3)."""

    def __init__(self, handler_id: object) -> None:
        super().__init__(f"no telemetry handler {handler_id!r} is attached; it never was, or it failed")
        self.handler_id = handler_id


class MailboxFull(ActorError):
    """The mailbox of an actor had no room for a message; `QueueFull` is its sibling for a Queue."""

    def __init__(self, ref: pykka.ActorRef[Any], max_mailbox: int) -> None:
        super().__init__(
            f"the mailbox of {ref} has no room for more than max_mailbox={max_mailbox} messages; "
            "send fewer, or later, or give it overflow='block', and senders wait for room"
        )
        self.ref = ref
        self.max_mailbox = max_mailbox


class CannotStash(ActorError, RuntimeError):
    """`stash()` puts the message in hand aside, once, in a handler; and there is none, or none of that kind."""


class StashFull(ActorError):
    """An actor has stashed as many messages as its mailbox may hold."""

    def __init__(self, ref: pykka.ActorRef[Any], max_mailbox: int) -> None:
        super().__init__(
            f"{ref} can't stash more than max_mailbox={max_mailbox} messages; "
            "unstash() earlier, return a Refusal to those who ask, or give it a higher bound"
        )
        self.ref = ref
        self.max_mailbox = max_mailbox


class QueueFull(ActorError):
    """The queue had no room for the event in the time given (F14)."""


class QueueClosed(ActorError):
    """The queue takes no more events: it is being drained (F23)."""


class HandlerTimeout(ActorError):
    """A handler ran longer than its worker's `timeout`; the worker was given up (F9)."""


class InvalidChildSpec(ActorError, ValueError):
    """A child spec, or an entry of a children list, that no supervisor can use.

    `reason` is OTP's error value as a tuple, such as `("invalid_shutdown", -1)` (B2).
    """

    def __init__(self, message: str, reason: tuple[object, ...]) -> None:
        super().__init__(message)
        self.reason = reason
