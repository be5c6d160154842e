"""Who looks on while one actor works: those who trace it, and telemetry. An actor that nobody watches has none."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from actors._life import finish
from actors._mail import unwrapped
from actors._process import ALIVE
from actors._telemetry import ACTOR, MESSAGE, failure
from actors.errors import ExitRequest, ProcessKilled
from actors.messages import Crashed, ExitReason, is_orderly

if TYPE_CHECKING:
    from collections.abc import Callable

    import pykka

    from actors._process import Process

__all__ = ["Observer", "Traced"]

logger = logging.getLogger("pykka_otp.trace")


@dataclass(frozen=True, slots=True)
class Traced:
    """Something that a traced actor did. A `Traced` that is itself a message to a traced actor is not traced.

    Args:
        ref: the actor.
        event: `"received"`: its handler begins with a message; `"handled"`: that has returned; `"failed"`: that has
            raised; `"ended"`: no code of the actor can run any more.
        at: when, in seconds of the runtime's clock, as `now()`.
        message: what the handler got.
        seconds: how long the handler took, waits included; None where none has ended.
        reason: what the handler raised, as the exit reason that it makes; or what the actor died of.
    """

    ref: pykka.ActorRef[Any]
    event: Literal["received", "handled", "failed", "ended"]
    at: float
    message: object = None
    seconds: float | None = None
    reason: ExitReason = None


Listener: TypeAlias = "Callable[[Traced], object]"


class Observer:
    """What is known of an actor that is looked at, and who is to be told."""

    __slots__ = ("began", "handling_since", "listeners")

    def __init__(self) -> None:
        # In the order in which they came; keyed by what identifies each.
        self.listeners: dict[object, Listener] = {}
        self.began: float | None = None
        # When the handler that runs now was called.
        self.handling_since: float | None = None

    def started(self, process: Process) -> None:
        """Tell that an actor is there; called by its starter."""
        self.began = process.runtime.clock.now()
        telemetry = process.runtime.telemetry
        telemetry.execute((*ACTOR, "start"), telemetry.times(), _metadata(process))

    def handle(self, process: Process, message: object, receive: Callable[[object], object] | None = None) -> object:
        """Have the actor handle a message, and tell those who look on.

        Args:
            receive: its handler, where that isn't its `_handle_receive`.
        """
        content = unwrapped(message)
        telemetry = process.runtime.telemetry
        clock = process.runtime.clock
        self.handling_since = began = clock.now()
        metadata = {**_metadata(process), "message": content, "telemetry_span_context": object()}
        telemetry.execute((*MESSAGE, "start"), telemetry.times(), metadata)
        self._tell(process, Traced(process.ref, "received", began, content))
        try:
            response = self._call(process, message, receive)
        except ProcessKilled:
            # Nothing is told of a handler that is killed (G5).
            raise
        except BaseException as error:
            ended = clock.now()
            self._tell(process, Traced(process.ref, "failed", ended, content, ended - began, _reason(error)))
            if isinstance(error, ExitRequest) and is_orderly(error.reason):
                telemetry.execute((*MESSAGE, "stop"), _duration(process, began, ended), metadata)
            else:
                telemetry.execute((*MESSAGE, "exception"), _duration(process, began, ended), metadata | _failure(error))
            raise
        else:
            ended = clock.now()
            self._tell(process, Traced(process.ref, "handled", ended, content, ended - began))
            telemetry.execute((*MESSAGE, "stop"), _duration(process, began, ended), metadata)
            return response
        finally:
            self.handling_since = None

    def _call(self, process: Process, message: object, receive: Callable[[object], object] | None) -> object:
        actor: Any = process.actor
        return finish(process, (receive or actor._handle_receive)(message))

    def ended(self, process: Process) -> None:
        """Tell that an actor has ended; called once, when no code of it can run any more."""
        runtime = process.runtime
        reason = process.reason
        assert reason is not ALIVE, "it has ended, so it died of something"
        now = runtime.clock.now()
        self._tell(process, Traced(process.ref, "ended", now, reason=reason))
        metadata = _metadata(process) | {"reason": reason}
        if is_orderly(reason):
            runtime.telemetry.execute((*ACTOR, "stop"), _duration(process, self.began, now), metadata)
            return
        crash = reason.exception if isinstance(reason, Crashed) else None
        metadata |= {
            "kind": "exit" if crash is None else "error",
            "stacktrace": None if crash is None else crash.__traceback__,
        }
        runtime.telemetry.execute((*ACTOR, "exception"), _duration(process, self.began, now), metadata)

    def _tell(self, process: Process, event: Traced) -> None:
        if type(event.message) is Traced:
            return
        for key, listener in list(self.listeners.items()):
            try:
                listener(event)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                if isinstance(error, ProcessKilled):
                    # It met the kill of the actor whose code runs it; that takes effect where this enters next.
                    continue
                process.runtime.remove_listener(process, key)
                logger.exception("a listener of a trace of %s failed, and is removed", process.label)


def _metadata(process: Process) -> dict[str, Any]:
    parent = None if process.parent is None else process.parent.ref
    return {"actor": process.ref, "actor_class": process.actor_class, "name": process.name, "parent": parent}


def _duration(process: Process, began: float | None, ended: float) -> dict[str, float]:
    measurements: dict[str, float] = {"monotonic_time": process.runtime.telemetry.monotonic_time()}
    if began is not None:
        measurements["duration"] = round((ended - began) * 1e9)
    return measurements


def _failure(error: BaseException) -> dict[str, Any]:
    kind, reason, stacktrace = failure(error)
    return {"kind": kind, "reason": reason, "stacktrace": stacktrace}


def _reason(error: BaseException) -> ExitReason:
    return error.reason if isinstance(error, ExitRequest) else Crashed(error)
