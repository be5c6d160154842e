"""Plain Pykka actors, unmodified, given an OTP life: the loop's hooks are wrapped on the instance.

Adopted at its first supervise, monitor, link or register, such an actor keeps Pykka's ways (a failed ask doesn't end
it), with one exception: a `SystemExit`, or another `BaseException`, ends it and nobody else.
"""

from __future__ import annotations

import functools
import sys
import threading
from contextlib import suppress
from queue import Empty, Full, Queue
from typing import TYPE_CHECKING, Any, NoReturn

import pykka
from pykka import messages as pykka_messages
from pykka._envelope import Envelope

from actors import _pykka_registry
from actors._checks import check_ref
from actors._clock import ThreadWaiter
from actors._fork import free_in_child
from actors._future import Request
from actors._mail import Control, Fired, Inspect, StopRequest
from actors._process import ALIVE, Process, current, set_current
from actors.actor import await_start, has_settled, public_attributes
from actors.errors import ActorDied, ExitRequest, StartFailed
from actors.messages import Crashed, Exit, ExitReason, NoProc, Normal, shown
from actors.ref import ActorRef
from actors.runtime import current_runtime

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from actors._process import Claimer, Driver
    from actors.runtime import Runtime

__all__ = ["adopt", "process_of", "start_adopted"]

_adoption = free_in_child(threading.RLock())


class _PlainThread:
    """The thread of a plain Pykka actor."""

    new_waiter = ThreadWaiter

    def __init__(self) -> None:
        self.ident: int | None = threading.get_ident()


class _Wake(Control):
    """A message without content, to a loop that looks only when there is one: look at what has changed."""


_WAKE = _Wake()

_SENT_UNDER_LOCK = (Exit, Fired)
"""To wait for room for one of these would be to have all others wait."""

_NOTHING = object()


class AdoptedProcess(Process):
    """The record of a plain Pykka actor. What differs is who closes its mailbox, and what may wait in it."""

    __slots__ = ("is_guest", "mailbox")

    def __init__(self, runtime: Runtime, actor: pykka.Actor, parent: Process | None) -> None:
        super().__init__(runtime, type(actor), parent=parent)
        self.actor = actor
        self.mailbox: Any = actor.actor_inbox
        self.urn = actor.actor_urn
        self.stopped = actor.actor_stopped
        self.is_guest = parent is None
        self.ref = ActorRef(self)
        self.home = self

    def put(self, message: object) -> bool:
        if isinstance(message, _SENT_UNDER_LOCK):
            return self.put_at_once(message)
        return self._put(message, self.mailbox.put)

    def put_at_once(self, message: object) -> bool:
        return self._put(message, self._put_over_bound)

    def _put_over_bound(self, envelope: Envelope[Any]) -> None:
        mailbox = self.mailbox
        if not isinstance(mailbox, Queue):
            # Pykka's own is one; what else there is has no bound that is known here.
            mailbox.put(envelope)
            return
        with mailbox.mutex:
            mailbox._put(envelope)
            mailbox.unfinished_tasks += 1
            mailbox.not_empty.notify()

    def _put(self, message: object, put: Callable[[Envelope[Any]], object]) -> bool:
        if self.reason is not ALIVE:
            return False
        put(Envelope(message.message, message.reply_to) if isinstance(message, Request) else Envelope(message))
        # It may have closed its mailbox, and emptied it for the last time, between the lines above.
        if self.reason is not ALIVE:
            self.refuse_mail()
        return True

    def new_driver(self) -> Driver:
        """What the code runs on that calls."""
        return _PlainThread()

    def mailbox_length(self) -> int:
        return int(self.mailbox.qsize())

    def refuse_mail(self) -> None:
        while not self.mailbox.empty():
            with suppress(Empty):
                self._refuse(self.mailbox.get_nowait())
        if self.killed:
            # What was to wake it may have been among them.
            self.wake()

    def _refuse(self, envelope: Envelope[Any]) -> None:
        if envelope.reply_to is None:
            self.lose(envelope.message)
            return
        # The first answer counts.
        with suppress(Full):
            if isinstance(envelope.message, pykka_messages._ActorStop):
                # Of Pykka's own `stop()`, which has got what it wanted.
                envelope.reply_to.set(None)
            else:
                error = ActorDied(f"{self.label} ended before it answered: {shown(self.reason)}", self.reason)
                envelope.reply_to.set_exception((ActorDied, error, None))

    # Pykka's loop runs it, and looks at whatever is in its inbox.

    def claim_for(self, claimer: Claimer) -> None:
        claimer.has_claim = not self.busy

    def give_up_claim_of(self, claimer: Claimer) -> None:
        claimer.has_claim = False

    def wake(self) -> None:
        # A full inbox is looked at anyway.
        with suppress(Full):
            self.mailbox.put_nowait(Envelope(_WAKE))

    def schedule(self, _process: Process) -> None:
        self.wake()

    def rouse(self, _process: Process) -> None:
        self.wake()

    def let_end(self) -> None:
        """Its thread is Pykka's to run."""

    def join(self) -> None:
        """Its thread is Pykka's to wait for."""

    def shut(self) -> None:
        """Leave it to Pykka's loop, which unregisters the actor, and whose end empties its inbox."""

    def take_out(self) -> None:
        if self.stopped is not None:
            self.stopped.set()
        # By hand, since Pykka takes a lock for it: who holds that may wait for ours, which is held here.
        if self.actor is not None:
            _pykka_registry.remove(self.actor.actor_ref)


def process_of(ref: pykka.ActorRef[Any]) -> Process | None:
    """The record of the actor that `ref` leads to, adopting it when it is a plain Pykka actor.

    None when a plain Pykka actor is no more.

    Raises:
        NoSuchName: nobody has the name of a named ref.
        TypeError: `ref` is no actor's ref.
    """
    if isinstance(ref, ActorRef):
        return ref._process
    check_ref(ref)
    actor = ref._actor_weakref()
    return _adopt(actor, parent=None) if actor is not None else None


def adopt(ref: pykka.ActorRef[Any]) -> ActorRef[Any]:
    """Return our kind of ref to an actor of plain Pykka, with `exit_reason`, `kill()` and `join()`.

    Raises:
        ActorDied: the actor is no more.
        TypeError: `ref` is no actor's ref.
    """
    process = process_of(ref)
    if process is None:
        msg = f"{ref} can't be adopted: it has ended"
        raise ActorDied(msg, NoProc())
    adopted: Any = process.ref
    return adopted  # type: ignore[no-any-return]  # every record's ref is an ActorRef


def start_adopted(cls: type[pykka.Actor], args: tuple[Any, ...], kwargs: dict[str, Any]) -> ActorRef[Any]:
    """Start a plain Pykka actor under the calling actor: linked, and wrapped before its loop starts."""
    try:
        actor = cls(*args, **kwargs)
    except Exception as error:
        raise StartFailed(cls.__name__, Crashed(error)) from error
    starter = current()
    process = _adopt(actor, parent=starter)
    if process.observer is not None:
        process.observer.started(process)
    if starter is not None:
        starter.await_later(process, has_settled)
    pykka.ActorRegistry.register(actor.actor_ref)
    actor._start_actor_loop()
    await_start(process, None)
    ref: Any = process.ref
    return ref  # type: ignore[no-any-return]  # every record's ref is an ActorRef


def _adopt(actor: pykka.Actor, parent: Process | None) -> Process:
    with _adoption:
        known = getattr(actor, "_otp_process", None)
        if isinstance(known, Process):
            return known
        runtime = current_runtime()
        process = getattr(actor, "_otp_record_class", AdoptedProcess)(runtime, actor, parent)
        process.quiet_for = parent
        runtime.admit(process, link=parent is not None)
        actor._otp_process = process  # type: ignore[attr-defined]
        _Wrapped(actor, process).wrap()
    if parent is None:
        process.mark_started()
        if actor.actor_stopped.is_set():
            # It ended before it was wrapped, so that nobody will tell: as good as never having been there.
            process.close(NoProc())
            process.depart()
    return process


class _Wrapped:
    """The hooks of Pykka's loop, with what the runtime must know added before and after."""

    def __init__(self, actor: pykka.Actor, process: AdoptedProcess) -> None:
        self.actor = actor
        self.process = process
        self.failed = False
        # The end is settled: what Pykka's loop makes of the exception that was raised to leave it is nothing.
        self.over = False
        # A message that was taken, and that the end came before.
        self.not_begun: object = _NOTHING

    def wrap(self) -> None:
        hooks = ("_actor_loop_setup", "_actor_loop_teardown", "_handle_receive", "_handle_failure", "_stop")
        for name in (*hooks, "on_failure"):
            setattr(self.actor, f"_plain_{name}", getattr(self.actor, name))
            setattr(self.actor, name, getattr(self, name))

    def _plain(self, name: str, *args: object) -> Any:
        return getattr(self.actor, f"_plain_{name}")(*args)

    def _actor_loop_setup(self) -> None:
        self._begin_here()
        try:
            self._plain("_actor_loop_setup")
        except BaseException:  # noqa: BLE001 - whatever it is, it ends this actor and no other
            self.actor._handle_failure(*sys.exc_info())
        if self.process.reason is ALIVE:
            self.process.mark_started()
        elif not self.process.killed:
            self.process.runtime.dead_letters.add_failed_start(self.process.ref, self.process.reason)
        self.process.busy = False

    def _begin_here(self) -> None:
        set_current(self.process)
        self.process.driver = self.process.new_driver()

    def _handle_receive(self, message: Any) -> Any:
        process = self.process
        if current() is not process:
            # Adopted while its loop ran.
            self._begin_here()
        # Busy first, looked at second: a kill between the two finds it abandoned, or is found.
        process.busy = True
        try:
            return self._handle(message)
        except Exception:
            raise
        except BaseException as error:
            if not process.killed:
                self._crash(error)
            raise self._died() from error
        finally:
            process.busy = False

    def _handle(self, message: Any) -> Any:
        process = self.process
        if process.killed or process.fatal is not ALIVE:
            self.not_begun = message
            if process.killed:
                raise self._died()
            self._leave(process.fatal)
        match message:
            case _Wake():
                return None
            case StopRequest(reason, done):
                process.add_stop(done)
                self._leave(reason)
            case Exit(ref, reason) if process.parent is not None and ref is process.parent.ref and reason is not None:
                self._leave(reason)
            case Fired(down=down):
                return None if down.monitor.flushed else self._handle_users(down)
            case Inspect():
                return public_attributes(self.actor)
            case _:
                pass
        return self._handle_users(message)

    def _handle_users(self, message: Any) -> Any:
        process = self.process
        process.handling = message
        try:
            response = self._receive(message)
        except ExitRequest as request:
            self._leave(request.reason)
        finally:
            process.handled += 1
            process.handling = None
        if process.killed:
            raise self._died()
        return response

    def _receive(self, message: object) -> object:
        receive = functools.partial(self._plain, "_handle_receive")
        observer = None if isinstance(message, pykka_messages._ActorStop) else self.process.observer
        return receive(message) if observer is None else observer.handle(self.process, message, receive)

    def _leave(self, reason: ExitReason) -> NoReturn:
        """End in order; the exception is for who asked, if the message was asked."""
        self._end(reason)
        self.over = True
        raise self._died()

    def _died(self) -> ActorDied:
        process = self.process
        return ActorDied(f"{process.label} ended before it answered: {shown(process.reason)}", process.reason)

    def _crash(self, error: BaseException) -> None:
        exc_info = (type(error), error, error.__traceback__)
        self.actor._handle_failure(*exc_info)
        try:
            self.actor.on_failure(*exc_info)
        except Exception:  # noqa: BLE001 - the first error is the reason; Pykka reports this one
            self._plain("_handle_failure", *sys.exc_info())
        self.over = True

    def _stop(self) -> None:
        self._end(Normal() if self.process.fatal is ALIVE else self.process.fatal)

    def _end(self, reason: ExitReason) -> None:
        if self.process.close(reason):
            self._plain("_stop")

    def _handle_failure(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.process.killed or self.over:
            # Called for a told message; who asked has the exception.
            not_begun, self.not_begun = self.not_begun, _NOTHING
            if not_begun is not _NOTHING:
                self.process.lose(not_begun)
            return
        if not self.failed and exception_value is not None:
            self.failed = True
            reason = exception_value.reason if isinstance(exception_value, ExitRequest) else Crashed(exception_value)
            if not self.process.close(reason):
                self.process.revise(reason)
        self._plain("_handle_failure", exception_type, exception_value, traceback)

    def on_failure(self, *exc_info: Any) -> None:
        process = self.process
        # Pykka's loop calls it after the message: it is busy again, and as there, a kill finds that or is found.
        process.busy = True
        try:
            if not process.killed and not self.over:
                self._plain("on_failure", *exc_info)
        except Exception:
            raise
        except BaseException as error:
            raise self._died() from error
        finally:
            process.busy = False

    def _actor_loop_teardown(self) -> None:
        self.process.close(Normal())
        # Not Pykka's own: it would wait for ever for a message that another thread has refused meanwhile.
        self.process.refuse_mail()
        self.process.depart()
