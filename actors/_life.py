"""The life of an actor, as its own code lives it: begin, one step for each message, the end.

Written once. The drivers, in `_scheduler`, say only on which thread `turn` is called, and when.
"""

from __future__ import annotations

import logging
import reprlib
from types import AsyncGeneratorType, CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any

from pykka import messages as pykka_messages

from actors._future import Request
from actors._mail import NO_REPLY, Control, Fired, Inspect, StopRequest, Told, unwrapped
from actors._process import ALIVE
from actors.errors import ExitRequest, Ignore, IgnoredElsewhere, NotBegun, ProcessKilled
from actors.messages import Crashed, Exit, Normal, Refusal, is_orderly, shown

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from actors._process import Process
    from actors.messages import ExitReason

__all__ = ["TURN", "UNFINISHED", "depart", "finish", "turn"]

logger = logging.getLogger("pykka_otp.crash")

TURN = 100
"""Messages that an actor handles before others have their turn."""


def turn(process: Process, limit: int = TURN) -> None:
    """Do what there is to do for an actor that was claimed: up to `limit` messages. It may be gone afterwards.

    Nothing of a user's is raised. After an error of the runtime's own the driver has to end the actor.
    """
    process.busy = True
    if not process.started and process.reason is ALIVE:
        _begin(process)
    for _ in range(limit):
        if process.reason is not ALIVE or process.fatal is not ALIVE or not (process.inbox or process.taken):
            break
        try:
            message = process.take()
        except IndexError:
            # A killer has emptied it since.
            break
        # In hand first, looked at second: a kill between the two finds who asked.
        process.handling = message
        if process.reason is not ALIVE:
            process.handling = None
            process.lose(message)
            break
        if isinstance(message, Request):
            content = message.message
            _HANDLERS.get(type(content), _receive)(process, content, message)
        else:
            _HANDLERS.get(type(message), _receive)(process, message, None)
        process.handled += 1
        process.handling = None
    if process.fatal is not ALIVE:
        _end(process, process.fatal, signalled=True)
    process.busy = False
    if process.reason is not ALIVE:
        depart(process)


def depart(process: Process) -> None:
    """Be gone, when the tasks of a dead actor have ended too."""
    if process.tasks is not None:
        process.runtime.end_tasks(process)
    process.depart()


def _begin(process: Process) -> None:
    actor: Any = process.actor
    try:
        _run(process, actor.on_start)
        actor._otp_after_start()
        process.mark_started()
    except ProcessKilled:
        _unwound(process)
    except IgnoredElsewhere as error:
        _fail_start(process, Crashed(error))
    except Ignore:
        process.start_ignored = True
        process.close(Normal())
    except ExitRequest as request:
        _fail_start(process, request.reason)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it ends this actor and no other
        _fail_start(process, Crashed(error))


def _fail_start(process: Process, reason: ExitReason) -> None:
    _report(process, reason)
    if not process.started:
        process.runtime.dead_letters.add_failed_start(process.ref, reason)
    process.close(reason)


def _handle_stop(process: Process, message: StopRequest, asked: Request | None) -> None:
    process.add_stop(message.done)
    _leave(process, message.reason, asked=asked)


def _handle_pykka_stop(process: Process, _message: object, asked: Request | None) -> None:
    if asked is not None:
        # It will have got what it wanted, as in Pykka.
        process.when_ended(lambda _process: asked.answer(None))
    _end(process, Normal())


def _handle_told(process: Process, message: Told, asked: Request | None) -> None:
    _receive(process, message.message, asked)


def _handle_exit(process: Process, message: Exit, asked: Request | None) -> None:
    # One without a reason is no end, but a message that somebody has made.
    if process.parent is not None and message.ref is process.parent.ref and message.reason is not None:
        # The parent's exit ends an actor that traps exits too, after what was queued before it (A63, A73).
        _leave(process, message.reason, asked=asked)
    else:
        _receive(process, message, asked)


def _handle_fired(process: Process, message: Fired, asked: Request | None) -> None:
    if not message.down.monitor.flushed:
        _receive(process, message.down, asked)


def _handle_inspect(process: Process, _message: object, asked: Request | None) -> None:
    actor: Any = process.actor
    if asked is not None:
        asked.answer(actor._otp_inspect())


_HANDLERS: dict[type, Any] = {
    StopRequest: _handle_stop,
    Told: _handle_told,
    pykka_messages._ActorStop: _handle_pykka_stop,
    Exit: _handle_exit,
    Fired: _handle_fired,
    Inspect: _handle_inspect,
}


def _receive(process: Process, message: object, asked: Request | None) -> None:
    actor: Any = process.actor
    try:
        observer = process.observer
        response = actor._handle_receive(message) if observer is None else observer.handle(process, message)
        if type(response) in _SPECIAL_RESPONSES:
            _respond(process, response, asked)
        # Stashed, it isn't in hand any more.
        elif asked is not None and process.handling is asked:
            asked.answer(response)
    except ProcessKilled as kill:
        _unwound(process)
        if asked is not None:
            process.refuse(asked)
        elif isinstance(kill, NotBegun):
            process.runtime.dead_letters.add(process.ref, message, process.reason)
    except ExitRequest as request:
        _leave(process, request.reason, asked=asked)
    except BaseException as error:  # whatever it is, it ends this actor and no other
        is_answer = isinstance(error, Exception) and not actor.crash_on_failed_ask
        if is_answer and asked is not None and process.handling is asked:
            logger.info("Exception returned from %s to caller:", process.ref, exc_info=_exc_info(error))
            _fail(asked, error)
        else:
            _crash(process, error, asked=asked)


def _run(process: Process, hook: Callable[[], object]) -> None:
    """Call one of the actor's hooks, which may be a coroutine function."""
    result = hook()
    if type(result) in UNFINISHED:
        finish(process, result)


def finish(process: Process, result: object) -> object:
    """Run the coroutine that a hook or handler has given; return what it gives in the end.

    Raises:
        TypeError: that is a generator.
    """
    if type(result) is CoroutineType:
        result = process.runtime.run_coroutine(process, result)
    if type(result) in _GENERATORS:
        raise TypeError(
            f"a handler of {process.label} gave a generator, whose code has not run, and would run outside of the "
            "actor; return a list, or await what takes time, in an async def"
        )
    return result


_GENERATORS = frozenset({GeneratorType, AsyncGeneratorType})

UNFINISHED = _GENERATORS | {CoroutineType}


def _respond(process: Process, response: Any, asked: Request | None) -> None:
    """Do with what a handler has returned as its type says."""
    if type(response) in UNFINISHED:
        response = finish(process, response)
    if asked is None or process.handling is not asked:
        return
    if isinstance(response, Refusal):
        _fail(asked, response.exception)
    elif response is NO_REPLY:
        asked.defer()
    else:
        asked.answer(response)


_SPECIAL_RESPONSES = UNFINISHED | {Refusal, type(NO_REPLY)}


def _fail(asked: Request | None, error: BaseException) -> None:
    if asked is not None:
        asked.refuse(error)


def _unwound(process: Process) -> None:
    """A kill, or a signal, has unwound the code. Raised by hand, with neither, it is as good as a crash."""
    if not process.killed and process.fatal is ALIVE:
        process.close(Crashed(ProcessKilled("raised without a kill")))


def _leave(process: Process, reason: ExitReason, *, asked: Request | None = None) -> None:
    """End in order because the actor's own code, its parent or a stop said so."""
    _report(process, reason)
    _end(process, reason, asked=asked)


def _end(process: Process, reason: ExitReason, *, asked: Request | None = None, signalled: bool = False) -> None:
    """End in order: `on_stop` runs, and may give another reason (A74).

    Args:
        signalled: whether it is an exit signal that ends the actor.
    """
    actor: Any = process.actor
    if not process.close(reason):
        return
    process.refuse(asked)
    process.handling = None
    try:
        _run(process, lambda: actor._otp_stopping(reason, signalled=signalled))
    except ProcessKilled:
        _unwound(process)
    except ExitRequest as request:
        _report(process, request.reason)
        process.revise(request.reason)
    except BaseException as error:  # noqa: BLE001 - whatever it is, it ends this actor and no other
        _report(process, Crashed(error))
        process.revise(Crashed(error))


def _crash(process: Process, error: BaseException, *, asked: Request | None) -> None:
    """End by an exception: the asker gets it too, and `on_failure` runs."""
    actor: Any = process.actor
    if not process.close(Crashed(error)):
        # Killed over it, and the kill has answered.
        return
    _report(process, Crashed(error))
    if isinstance(error, Exception):
        _fail(asked, error)
    else:
        # A SystemExit, raised again in the asker, would end the program, or another actor.
        process.refuse(asked)
    process.handling = None
    try:
        _run(process, lambda: actor._otp_failing(error))
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
    actor: Any = process.actor
    message = unwrapped(process.handling)
    last = {"last_message": None if isinstance(message, Control) else message}
    state = actor._otp_last_state()
    extra = {"actor": process.label, "reason": reason, **last, **state}
    details = "".join(f"\n{name}: {_SHORT.repr(value)}" for name, value in (last | state).items()) if state else ""
    if isinstance(reason, Crashed):
        error = reason.exception
        logger.error("Unhandled exception in %s:%s", process.ref, details, exc_info=_exc_info(error), extra=extra)
    else:
        logger.error("%s exited: %s%s", process.label, shown(reason), details, extra=extra)


# Of a message or a state, which may be of any size, and whose own repr() may fail.
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 200


def _exc_info(error: BaseException) -> tuple[type[BaseException], BaseException, TracebackType | None]:
    return (type(error), error, error.__traceback__)
