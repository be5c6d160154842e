"""Refs: how actors, and everybody else, hold on to an actor."""

from __future__ import annotations

from threading import RLock, get_ident
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

import pykka

from actors._call import call
from actors._checks import check_flag, check_name, check_reason
from actors._clock import check_timeout
from actors._fork import free_in_child
from actors._future import Future, Request
from actors._inbox import Inbox
from actors._kill import kill
from actors._mail import Told
from actors._process import ALIVE, Process, checkpoint, current, is_gone
from actors._scheduler import Carrier
from actors._waits import refuse_deadlock
from actors.errors import ActorDied, NoSuchName
from actors.messages import ExitReason, NoProc, Normal
from actors.runtime import current_runtime

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Hashable

    from actors._process import ProcessState

__all__ = ["ActorRef", "NamedRef", "named"]

A = TypeVar("A", bound=pykka.Actor)

_NORMAL = Normal()


# For urns, which are made late.
_naming = free_in_child(RLock())


class ActorRef(pykka.ActorRef[A]):
    """Reference to one actor, for its whole life and beyond. Works as `pykka.ActorRef`, and adds an OTP life.

    A restarted actor is a new one with a new ref (A10); `named()` gives a ref that follows the name instead.
    """

    _process: Process

    def __init__(self, process: Process) -> None:
        # Pykka's own is not called: what it would keep is the record's.
        self._process = process

    @property
    def actor_class(self) -> type[A]:  # type: ignore[override]  # Pykka's is an attribute
        """The class of the actor."""
        actor_class: Any = self._process.actor_class
        return actor_class  # type: ignore[no-any-return]  # the record of an A

    @property
    def actor_urn(self) -> str:  # type: ignore[override]
        """A name for the actor that is unique in the world; made when it is first asked for."""
        process = self._process
        if process.urn is None:
            urn = process.new_urn()
            # Not the runtime's lock: Pykka's registry asks for urns with its own held.
            with _naming:
                process.urn = process.urn or urn
        return process.urn

    @property
    def actor_inbox(self) -> Inbox:  # type: ignore[override]
        """The mailbox, as Pykka sees it."""
        return Inbox(self._process)

    @property
    def actor_stopped(self) -> threading.Event:  # type: ignore[override]
        """Set when the actor takes no more messages."""
        return self._process.stopped_event()

    @property
    def _actor_weakref(self) -> Callable[[], A | None]:  # type: ignore[override]
        actor: Any = self._process.actor
        return lambda: actor

    @property
    def name(self) -> Hashable | None:
        """The name that the actor has now."""
        return self._process.name

    def state(self) -> ProcessState:
        """Tell how far its life has come.

        `"alive"`; `"dead"`: it takes no more messages, its last hook runs; `"abandoned"`: it was killed, and its code
        still runs; `"gone"`: no line of its code can run any more.
        """
        return self._process.state

    @property
    def exit_reason(self) -> ExitReason | None:
        """What the actor died of; None while it lives."""
        reason = self._process.reason
        return None if reason is ALIVE else reason

    def is_alive(self) -> bool:
        """Tell whether the actor takes messages now."""
        checkpoint("is_alive", self)
        return self._process.reason is ALIVE

    def tell(self, message: object) -> None:
        """Send a message, and don't wait; but for room, when the actor's mailbox has a bound and `overflow` says so.

        Raises:
            ActorDied: the actor has ended (a `pykka.ActorDeadError`).
            MailboxFull: its mailbox has no room, and `overflow="raise"`.
        """
        sender = current()
        if sender is not None and sender.alert:
            sender.checkpoint("tell", self, message)
        if isinstance(message, Request):
            message = Told(message)
        process = self._process
        if not process.put(message):
            process.lose(message)
            raise self._died()

    @overload
    def ask(self, message: object, *, block: Literal[False], timeout: float | None = None) -> pykka.Future[Any]: ...

    @overload
    def ask(self, message: object, *, block: Literal[True] = True, timeout: float | None = None) -> Any: ...

    @overload
    def ask(self, message: object, *, block: bool = True, timeout: float | None = None) -> Any | pykka.Future[Any]: ...

    def ask(  # pyright: ignore[reportIncompatibleMethodOverride] - as Pykka's, but for the order of overloads
        self, message: object, *, block: bool = True, timeout: float | None = None
    ) -> Any | pykka.Future[Any]:
        """Send a message and return the reply, or a future of it when `block` is False.

        Args:
            block: whether to wait for the reply.
            timeout: seconds to wait when blocking; None waits for ever.

        Raises:
            TypeError: `block` is neither True nor False; nothing was sent.
            ActorDied: the actor had ended, or ended before it answered; `reason` is its exit reason (A58, A61).
            MailboxFull: its mailbox had no room, and `overflow` isn't `"block"`.
            CallTimeout: no reply in time (a `pykka.Timeout`).
            ValueError: `timeout` is no number of seconds, or negative; nothing was sent.
            WouldBlock: a coroutine of an actor's, which all others would wait for; nothing was sent.
            Deadlock: the actor asks itself (A69), or one that waits for it, such as its starter (B70), maybe by way of
                others; the message says which.
            Exception: what the handler raised. That has ended the actor, unless it has `crash_on_failed_ask = False`.
        """
        if timeout is not None or block is not True:
            check_flag(block, "block")
            check_timeout(timeout)
        target = self._process
        asker = current()
        if asker is not None:
            if asker.alert:
                asker.checkpoint("ask", self, message)
            driver = asker.driver
            if block and type(driver) is Carrier and driver.ident == get_ident():
                return call(asker, driver, target, message, timeout)
        request = Request(message, target)
        if asker is not None and block:
            if asker.runtime._event_loop is not None:
                asker.refuse_to_block()
            if target is asker or target.waiting_for is not None:
                _refuse_deadlock(asker, request)
        if not target.put(request):
            request.refuse(self._died())
        if block:
            return request.get(timeout=timeout)
        target.await_room(request)
        return request

    @overload
    def stop(self, *, block: Literal[True] = True, timeout: float | None = None, reason: ExitReason = ...) -> bool: ...

    @overload
    def stop(
        self, *, block: Literal[False], timeout: float | None = None, reason: ExitReason = ...
    ) -> pykka.Future[bool]: ...

    @overload
    def stop(
        self, *, block: bool = True, timeout: float | None = None, reason: ExitReason = ...
    ) -> bool | pykka.Future[bool]: ...

    def stop(
        self, *, block: bool = True, timeout: float | None = None, reason: ExitReason = _NORMAL
    ) -> bool | pykka.Future[bool]:
        """Ask the actor to end with `reason` after what it was sent before, and wait until it has (A37, A73).

        It is gone then, unless it was killed meanwhile: `join()` waits for that.

        Args:
            block: whether to wait; else a future of the answer is returned.
            timeout: seconds to wait; None waits for ever. The request stays when the time is over (A76).
            reason: its exit reason, any value but None.

        Returns:
            True when the actor ended now; False when it had ended, or had begun to, before it was asked. The end of
            servers and supervisors is waited for then too, as in OTP; that of others isn't, as in Pykka.

        Raises:
            CallTimeout: it is not gone in time.
            TypeError: `block` is neither True nor False; it isn't asked to end.
            ValueError: `timeout` is no number of seconds, or negative, or `reason` is None; it isn't asked to end.
            WouldBlock: a coroutine of an actor's, which all others would wait for; it isn't asked to end.
            Deadlock: the actor would wait for its own end.
        """
        check_flag(block, "block")
        check_timeout(timeout)
        check_reason(reason)
        checkpoint("stop", self, reason)
        target = self._process
        future: Future[bool] = Future(target.runtime)
        future.target = target
        asker = current()
        if block and asker is not None:
            asker.refuse_to_block()
            _refuse_deadlock(asker, future)
        target.request_stop(reason, future)
        return future.get(timeout=timeout) if block else future

    def exit(self, reason: ExitReason) -> None:
        """Send an exit signal: ends the actor with `reason`, or is a message `Exit` to one that traps exits.

        It goes ahead of the messages in the mailbox, takes effect when the running handler has returned, and does
        nothing to a dead actor. `Normal()` is ignored by an actor that doesn't trap exits.

        Raises:
            ValueError: `reason` is None.

        OTP: `Process.exit/2` (A15).
        """
        check_reason(reason)
        checkpoint("exit", self, reason)
        self._process.signal(current(), reason)

    def kill(self) -> None:
        """End the actor with `Killed()`, whatever it does, trapping exits or not.

        It is dead for everybody at once. Code of it that is running ends where it next enters the runtime (an ask, a
        registration, `is_alive()`, `checkpoint()`); until then it is *abandoned*, and what it holds is not given to
        others. What it tidies up with goes through: a timer's `cancel()`, `reply()`, a Queue's `close()`, `pause()`,
        `resume()` and `purge()`.

        OTP: `Process.exit(pid, :kill)` (A6); differs, since a thread can't be killed.
        """
        checkpoint("kill", self)
        kill(self._process)

    def join(self, timeout: float | None = None) -> bool:
        """Wait until the actor is gone: no line of its code can run any more.

        Args:
            timeout: seconds; None waits for ever.

        Returns:
            False when the time was over before.

        Raises:
            ValueError: `timeout` is no number of seconds, or negative.
            Deadlock: the actor is the caller, or waits for it; not when `timeout` is 0.
        """
        check_timeout(timeout)
        return self._process.wait_until(is_gone, timeout)

    def _died(self) -> ActorDied:
        return ActorDied(f"{self} not found", NoProc())


class NamedRef(ActorRef[A]):
    """A ref that looks up who has the name at each use, and so stays right when that one is restarted."""

    def __init__(self, name: Hashable) -> None:
        check_name(name)
        self._name = name

    @property
    def _process(self) -> Process:  # type: ignore[override]  # looked up instead of kept
        process = current_runtime().whereis(self._name)
        if process is None:
            raise NoSuchName(self._name)
        return process

    @property
    def name(self) -> Hashable:
        """The name that is looked up."""
        return self._name

    def tell(self, message: object) -> None:
        """Send a message to whoever has the name now, and don't wait.

        Raises:
            NoSuchName: nobody has it (A7).
        """
        try:
            super().tell(message)
        except NoSuchName:
            current_runtime().dead_letters.add(self, message, NoProc())
            raise

    def is_alive(self) -> bool:
        """Tell whether a living actor has the name now."""
        checkpoint("is_alive", self)
        process = current_runtime().whereis(self._name)
        return process is not None and process.reason is ALIVE

    def __repr__(self) -> str:
        return f"<NamedRef {self._name!r}>"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NamedRef) and other._name == self._name

    def __hash__(self) -> int:
        return hash((NamedRef, self._name))


def named(name: Hashable) -> NamedRef[Any]:
    """Return a ref to whoever has the name when it is used: how actors find each other across restarts.

    Sending to a name that nobody has raises `NoSuchName` (A7).

    Raises:
        TypeError: `name` is not hashable.
    """
    return NamedRef(name)


def _refuse_deadlock(asker: Process, future: Future[Any]) -> None:
    """Refuse an ask before it is sent, when its answer could never come."""
    if not asker.runs_here:
        return
    asker.waiting_for = future
    try:
        refuse_deadlock(asker, future)
    finally:
        asker.waiting_for = None
