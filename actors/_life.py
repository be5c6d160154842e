"""The life of an actor as its own thread lives it: begin, one step for each message, the end.

A driver calls `run`; which thread that is on is the scheduler's business.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from queue import Full
from typing import TYPE_CHECKING, Any

import pykka
from pykka import messages as pykka_messages

from actors._process import ALIVE, NO_REPLY, WAKE, StopRequest, set_current
from actors.errors import ExitRequest, Ignore, ProcessKilled
from actors.messages import Crashed, Down, Exit, Normal, Refusal, is_orderly

if TYPE_CHECKING:
    from types import TracebackType

    from pykka._envelope import Envelope

    from actors._process import Process
    from actors.messages import ExitReason

__all__ = ["run"]

logger = logging.getLogger("pykka_otp.crash")


def run(process: Process) -> None:
    """Live the whole life of an actor."""
    set_current(process)
    try:
        _begin(process)
        while process.reason is ALIVE:
            process.busy = False
            envelope = process.mailbox.get()
            process.busy = True
            _step(process, envelope)
    except BaseException as error:
        # Nothing of a user's comes here: an error of the runtime's own must not leave a living record behind.
        process.close(Crashed(error))
        raise
    finally:
        process.depart()


def _begin(process: Process) -> None:
    actor = process.actor
    if process.killed or actor is None:
        # The kill may have come before the starter entered it in Pykka's registry.
        pykka.ActorRegistry.unregister(process.ref)
        return
    try:
        actor.on_start()
        _after_start(actor)
        process.mark_started()
    except ProcessKilled:
        _unwound(process)
    except Ignore:
        process.start_ignored = True
        process.close(Normal())
    except ExitRequest as request:
        _report(process, request.reason)
        process.close(request.reason)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it ends this actor and no other
        _report(process, Crashed(error))
        process.close(Crashed(error))


def _after_start(actor: pykka.Actor) -> None:
    hook = getattr(actor, "_otp_after_start", None)
    if hook is not None:
        hook()


def _stopping(actor: pykka.Actor, reason: ExitReason, *, signalled: bool) -> None:
    hook = getattr(actor, "_otp_stopping", None)
    if hook is not None:
        hook(reason, signalled=signalled)
    else:
        actor.on_stop()


def _failing(actor: pykka.Actor, error: BaseException) -> None:
    hook = getattr(actor, "_otp_failing", None)
    if hook is not None:
        hook(error)
    else:
        actor.on_failure(*_exc_info(error))


def _step(process: Process, envelope: Envelope[Any]) -> None:
    # In hand first, looked at second: a kill between the two finds who asked.
    process.handling = envelope
    if process.reason is not ALIVE:
        process.refuse(envelope)
    elif process.fatal is not ALIVE:
        _end(process, process.fatal, asked=envelope, signalled=True)
    else:
        _handle(process, envelope)
    process.handling = None


def _handle(process: Process, envelope: Envelope[Any]) -> None:
    match envelope.message:
        case _ if envelope.message is WAKE:
            return
        case StopRequest(reason):
            _leave(process, reason)
        case pykka_messages._ActorStop():
            _end(process, Normal())
        case Exit(ref, reason) if process.parent is not None and ref is process.parent.ref:
            # The parent's exit ends an actor that traps exits too, after what was queued before it (A63, A73).
            _leave(process, reason)
        case Down(monitor=monitor) if monitor.flushed:
            return
        case _:
            _receive(process, envelope)


def _receive(process: Process, envelope: Envelope[Any]) -> None:
    actor = process.actor
    if actor is None:
        return
    try:
        response = actor._handle_receive(envelope.message)
    except ProcessKilled:
        _unwound(process)
        process.refuse(envelope)
    except ExitRequest as request:
        _leave(process, request.reason, asked=envelope)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it ends this actor and no other
        if isinstance(error, Exception) and envelope.reply_to is not None and not _crashes_on_failed_ask(actor):
            _fail(envelope, error)
        else:
            _crash(process, error, asked=envelope)
    else:
        _answer(envelope, response)


def _answer(envelope: Envelope[Any], response: object) -> None:
    if response is NO_REPLY:
        return
    if isinstance(response, Refusal):
        _fail(envelope, response.exception)
    elif envelope.reply_to is not None:
        # The first answer counts: a kill may have given one already (A67).
        with suppress(Full):
            envelope.reply_to.set(response)


def _fail(envelope: Envelope[Any], error: BaseException) -> None:
    if envelope.reply_to is not None:
        with suppress(Full):
            envelope.reply_to.set_exception(_exc_info(error))


def _crashes_on_failed_ask(actor: pykka.Actor) -> bool:
    return bool(getattr(actor, "crash_on_failed_ask", True))


def _unwound(process: Process) -> None:
    """A kill has unwound the code. Raised by hand, in an actor that nobody killed, it is as good as a crash."""
    if not process.killed:
        process.close(Crashed(ProcessKilled("raised without a kill")))


def _leave(process: Process, reason: ExitReason, *, asked: Envelope[Any] | None = None) -> None:
    """End in order because the actor's own code, its parent or a stop said so."""
    _report(process, reason)
    _end(process, reason, asked=asked)


def _end(
    process: Process, reason: ExitReason, *, asked: Envelope[Any] | None = None, signalled: bool = False
) -> None:
    """End in order: `on_stop` runs, and may give another reason (A74).

    Args:
        signalled: whether it is an exit signal that ends the actor.
    """
    actor = process.actor
    if actor is None or not process.close(reason):
        return
    if asked is not None:
        process.refuse(asked)
    try:
        _stopping(actor, reason, signalled=signalled)
    except ProcessKilled:
        _unwound(process)
    except ExitRequest as request:
        _report(process, request.reason)
        process.revise(request.reason)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it ends this actor and no other
        _report(process, Crashed(error))
        process.revise(Crashed(error))


def _crash(process: Process, error: BaseException, *, asked: Envelope[Any]) -> None:
    """End by an exception: the asker gets it too, and `on_failure` runs."""
    actor = process.actor
    if actor is None or not process.close(Crashed(error)):
        # Killed over it, and the kill has answered.
        return
    _report(process, Crashed(error))
    if isinstance(error, Exception):
        _fail(asked, error)
    else:
        # A SystemExit, raised again in the asker, would end the program, or another actor.
        process.refuse(asked)
    try:
        _failing(actor, error)
    except ProcessKilled:
        _unwound(process)
    except ExitRequest as request:
        process.revise(request.reason)
    except BaseException as second:  # noqa: BLE001 - the first error is the reason; this one is reported
        _report(process, Crashed(second))


def _report(process: Process, reason: ExitReason) -> None:
    """Log an abnormal end, once, before anybody is told of it (A9, A78)."""
    if is_orderly(reason):
        return
    extra = {"actor": process.label, "reason": reason}
    if isinstance(reason, Crashed):
        logger.error("%s crashed", process.label, exc_info=_exc_info(reason.exception), extra=extra)
    else:
        logger.error("%s exited: %r", process.label, reason, extra=extra)


def _exc_info(error: BaseException) -> tuple[type[BaseException], BaseException, TracebackType | None]:
    return (type(error), error, error.__traceback__)
