"""GenServer: a server in OTP's style, whose state is a value that its callbacks get and return."""

from __future__ import annotations

import logging
import queue
from dataclasses import dataclass, field, replace
from types import CoroutineType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, NoReturn, Self, TypeAlias, cast, overload
from weakref import WeakValueDictionary, ref

from typing_extensions import TypeVar

from actors._future import Request as Asked
from actors._hooks import makes_use_of
from actors._mail import NO_REPLY, Control, Wrapping
from actors._process import ALIVE, pass_by
from actors._process import current as current_process
from actors.actor import Actor, Options, _spawn, await_start
from actors.errors import ActorDied, ExitRequest, Ignore, MailboxFull, NotBegun, ProcessKilled, StartFailed
from actors.messages import Crashed, ExitReason, Refusal
from actors.ref import ActorRef, NamedRef

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Hashable

    import pykka

    from actors._bounded import Overflow
    from actors._clock import Ticket
    from actors._hooks import Hooks
    from actors._process import Process
    from actors._scheduler import RunsOn

__all__ = [
    "BadReturn",
    "Continue",
    "Error",
    "From",
    "GenServer",
    "GenServerOptions",
    "GenServerRef",
    "IdleTimeout",
    "NoReply",
    "Ok",
    "Reply",
    "Request",
    "Stop",
]

logger = logging.getLogger("pykka_otp.gen_server")

S = TypeVar("S")
S_co = TypeVar("S_co", covariant=True)
R = TypeVar("R")
G = TypeVar("G", bound="GenServer[Any]", default=Any)


# What callbacks return


@dataclass(frozen=True, slots=True)
class Continue:
    """Given as `then`: `handle_continue(argument, state)` runs at once, before any message that waits (A64)."""

    argument: Any = None


Then: TypeAlias = Continue | float | None
"""What follows a callback: `Continue(argument)`; or a time-out in seconds, after which `handle_info` gets
`IdleTimeout()` unless a message comes first (A65); or just the next message."""


@dataclass(frozen=True, slots=True)
class Ok(Generic[S_co]):
    """Returned by `init`: the server is up, with this state (A47)."""

    state: S_co
    then: Then = None


@dataclass(frozen=True, slots=True)
class Error:
    """Returned by `init`: there will be no server, and that is no crash.

    Who starts it gets `StartFailed(reason)`; the server ends with `Normal()`, so nothing is logged, and nobody who is
    linked to it is hurt (A48).
    """

    reason: ExitReason


@dataclass(frozen=True, slots=True)
class Reply(Generic[S_co]):
    """Returned by `handle_call`: answer the caller with `value`, and go on with `state` (A57).

    A `Refusal` as the value is raised in the caller.
    """

    value: object
    state: S_co
    then: Then = None


@dataclass(frozen=True, slots=True)
class NoReply(Generic[S_co]):
    """Returned by any callback but `init`: go on with `state` (A57).

    After `handle_call` the caller keeps waiting, until somebody calls `sender.reply(value)` (A67).
    """

    state: S_co
    then: Then = None


class _Same:
    """In place of a state: the one that the server has."""

    def __repr__(self) -> str:
        return "the state it has"


_SAME = _Same()


@dataclass(frozen=True, slots=True)
class Stop(Generic[S_co]):
    """Returned by any callback: end the server with `reason`, after `terminate` (A57, A71).

    Args:
        reason: its exit reason.
        state: what `terminate` gets; by default the state that the server has.
        reply: after `handle_call`, the answer to the caller, who gets it when `terminate` has returned, whatever the
            reason (A75). Without one the caller gets `ActorDied(reason)`.
    """

    reason: ExitReason
    state: S_co | _Same = _SAME
    reply: object = NO_REPLY


# What callbacks get


@dataclass(frozen=True, slots=True)
class IdleTimeout:
    """What `handle_info` gets when nothing has come for the seconds that the last callback returned (A65).

    OTP: the message `timeout`.
    """


class From:
    """Who waits for the answer to a call; may be kept, and passed to other actors and threads."""

    __slots__ = ("_asked",)

    def __init__(self, asked: Asked) -> None:
        self._asked = asked

    def reply(self, value: object) -> bool:
        """Answer the call, from anywhere; a `Refusal` is raised in the caller.

        Returns:
            Whether it is the first answer; later ones are dropped. Whether anybody still waits is not looked at.

        OTP: `GenServer.reply/2` (A67).
        """
        pass_by("reply", value)
        return self._answer(value)

    def _answer(self, value: object) -> bool:
        try:
            if isinstance(value, Refusal):
                self._asked.set_exception((type(value.exception), value.exception, None))
            else:
                self._asked.set(value)
        except queue.Full:
            return False
        return True


@dataclass(frozen=True, slots=True)
class BadReturn:
    """The exit reason of a server whose callback returned what it can't (A57).

    Two are equal when their values are.

    Args:
        value: what was returned.
        callback: what returned it: the class of the server, and the callback.
        expected: what it may return.

    OTP: `{bad_return_value, Value}`.
    """

    value: object
    callback: str = field(default="", compare=False)
    expected: str = field(default="", compare=False)


class Request(Generic[R]):
    """May be the base of what is asked in a `call`, and says for type checkers what the answer is.

    Example:
        class Count(Request[int]): ...

        ref.call(Count()) + 1  # an int
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class _Cast(Wrapping):
    request: Any

    @property
    def content(self) -> object:
        return self.request


class _Idle(Control, Wrapping):
    """A time-out to come, and the message that it sends.

    It doesn't keep alive the server, which may be killed without being able to cancel it.
    """

    __slots__ = ("_server", "seconds", "ticket")

    def __init__(self, server: GenServer[Any], seconds: float) -> None:
        self._server = ref(server)
        self.seconds = seconds
        self.ticket: Ticket | None = None

    @property
    def content(self) -> object:
        return IdleTimeout()

    def is_over(self) -> None:
        server = self._server()
        if server is not None:
            server._otp_process.put(self)


class GenServerRef(ActorRef[G], Generic[G]):
    """A ref to a server, with `call` and `cast`.

    `ask` is a `call` without a time-out of its own. What is sent by `tell` is a plain message, for `handle_info`.
    """

    _start_error: Error | None = None
    """What `init` declined with."""

    if TYPE_CHECKING:
        # The answer has the type that its request names. The other overloads are those of the base.

        @overload  # type: ignore[override]
        def ask(
            self, message: Request[R], *, block: Literal[False], timeout: float | None = None
        ) -> pykka.Future[R]: ...

        @overload
        def ask(self, message: Request[R], *, block: Literal[True] = True, timeout: float | None = None) -> R: ...

        @overload
        def ask(self, message: object, *, block: Literal[False], timeout: float | None = None) -> pykka.Future[Any]: ...

        @overload
        def ask(self, message: object, *, block: Literal[True] = True, timeout: float | None = None) -> Any: ...

        @overload
        def ask(
            self, message: object, *, block: bool = True, timeout: float | None = None
        ) -> Any | pykka.Future[Any]: ...

        def ask(  # noqa: D102  # pyright: ignore[reportIncompatibleMethodOverride]
            self, message: object, *, block: bool = True, timeout: float | None = None
        ) -> Any | pykka.Future[Any]: ...

    @overload
    def call(self, request: Request[R], timeout: float | None = 5.0) -> R: ...

    @overload
    def call(self, request: object, timeout: float | None = 5.0) -> Any: ...

    def call(self, request: object, timeout: float | None = 5.0) -> Any:
        """Send a request to `handle_call`, and wait for the answer.

        Args:
            timeout: seconds; None waits for ever, 0 sends and doesn't wait.

        Raises:
            ActorDied: the server was not there, or ended before it answered: of an exception, too, which is then
                `reason.exception` (A58, A61).
            NoSuchName: nobody has the name.
            CallTimeout: no answer in time; the request is handled all the same (A60).
            Deadlock: the server would wait for itself (A69), or for one that waits for it.
            ValueError: `timeout` is no number of seconds, or negative; nothing was sent (A62).

        OTP: `GenServer.call/3`.
        """
        return self.ask(request, timeout=timeout)

    def cast(self, request: Any, /) -> None:
        """Send a request to `handle_cast`, and don't wait; but for room, where the server has `overflow="block"`.

        Nobody is told when the server isn't there, nor when its mailbox has no room and `overflow="raise"`: it is a
        dead letter then.

        Raises:
            WouldBlock, Deadlock: it would have to wait for room where it can't.

        OTP: `GenServer.cast/2` (A68).
        """
        message = _Cast(request)
        try:
            self.tell(message)
        except MailboxFull as full:
            server: Any = full.ref
            server._process.drop(message)
        except ActorDied:
            return

    def proxy(self) -> NoReturn:
        """Refuse: a server's state isn't in its attributes, so a proxy would show nothing.

        Raises:
            TypeError: always.
        """
        msg = f"{self} has no proxy: a GenServer's state is passed from callback to callback; use call()"
        raise TypeError(msg)


class _NamedGenServerRef(NamedRef[G], GenServerRef[G]):  # pyright: ignore[reportIncompatibleVariableOverride] - looked up instead of kept
    """A ref to whatever server has the name."""


InitReturn: TypeAlias = Ok[S] | Error | Stop[S]
CallReturn: TypeAlias = Reply[S] | NoReply[S] | Stop[S]
Return: TypeAlias = NoReply[S] | Stop[S]


class GenServer(Actor, Generic[S]):
    """An actor in OTP's style: its state is a value, which each callback gets, and returns anew.

    Callbacks run one at a time, in the order in which the messages were sent: calls, casts and plain messages stand in
    one queue (A56). Each may be `async def`.

    - `init(...)` gets the arguments of `start()`.
    - `handle_call(request, sender, state)`, for `ref.call(request)`.
    - `handle_cast(request, state)`, for `ref.cast(request)`.
    - `handle_info(message, state)`, for anything else: told messages, timers, `Exit`, `Down`, `IdleTimeout`.
    - `handle_continue(argument, state)`, right after a callback that returned `then=Continue(argument)`.
    - `terminate(reason, state)`, before the server ends.

    A callback that raises, or returns what it can't, ends the server; who called it gets `ActorDied`. Actors that keep
    their state in attributes are `Actor`s; Pykka's `on_receive`, `on_stop` and `on_failure` aren't used here.

    Example:
        >>> class Counter(GenServer[int]):
        ...     def init(self, start):
        ...         return Ok(start)
        ...
        ...     def handle_call(self, request, sender, state):
        ...         return Reply(state, state)
        ...
        ...     def handle_cast(self, amount, state):
        ...         return NoReply(state + amount)
        >>> counter = Counter.start(40)
        >>> counter.cast(2)
        >>> counter.call("count")
        42
        >>> counter.stop()
        True

    OTP: `GenServer` (A46 to A78).
    """

    _otp_second_stop_waits: ClassVar[bool] = True

    _otp_hooks: ClassVar[Hooks] = {
        **Actor._otp_hooks,
        "init": None,
        "handle_call": ("request", "sender", "state"),
        "handle_cast": ("request", "state"),
        "handle_info": ("message", "state"),
        "handle_continue": ("argument", "state"),
        "terminate": ("reason", "state"),
    }
    _otp_state: S
    _otp_terminated = False
    _otp_idle: _Idle | None = None
    _otp_idles = False
    _otp_deferred: WeakValueDictionary[int, Asked] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Keep the arguments for `init`, which runs in the server itself; override that one."""
        super().__init__()
        self._otp_arguments = (args, kwargs)

    # Callbacks

    def init(self, *args: Any, **kwargs: Any) -> InitReturn[S] | Coroutine[Any, Any, InitReturn[S]]:
        """Return `Ok(state)`: the server is up. `start()` waits for it.

        It may also return `Error(reason)` or `Stop(reason)`, or raise `Ignore`; `terminate` isn't called then.

        OTP: `init/1` (A47, A48).
        """
        msg = f"{type(self).__name__} must define init(), and return Ok(state); it was started with {args} {kwargs}"
        raise NotImplementedError(msg)

    def handle_call(
        self,
        request: Any,
        sender: From,
        state: S,
        /,
    ) -> CallReturn[S] | Coroutine[Any, Any, CallReturn[S]]:
        """Handle a call: return `Reply(value, state)`, `NoReply(state)` or `Stop(reason, state)`.

        OTP: `handle_call/3` (A57); without one a call ends the server (A70).
        """
        msg = f"{type(self).__name__} was called with {request!r}, and defines no handle_call()"
        raise NotImplementedError(msg)

    def handle_cast(self, request: Any, state: S, /) -> Return[S] | Coroutine[Any, Any, Return[S]]:
        """Handle a cast: return `NoReply(state)` or `Stop(reason, state)`.

        OTP: `handle_cast/2` (A57); without one a cast ends the server (A70).
        """
        msg = f"{type(self).__name__} got the cast {request!r}, and defines no handle_cast()"
        raise NotImplementedError(msg)

    def handle_info(self, message: Any, state: S, /) -> Return[S] | Coroutine[Any, Any, Return[S]]:
        """Handle any other message: return `NoReply(state)` or `Stop(reason, state)`.

        OTP: `handle_info/2` (A57); without one a message is logged and dropped (A70, G12).
        """
        label = type(self).__name__
        extra = {"actor": label, "actor_name": self._otp_process.name, "unhandled": message}
        logger.error("%s got a message that it doesn't handle: %r", label, message, extra=extra)
        return NoReply(state)

    def handle_continue(self, argument: Any, state: S, /) -> Return[S] | Coroutine[Any, Any, Return[S]]:
        """Go on after a callback that returned `then=Continue(argument)`: return as `handle_cast` does.

        OTP: `handle_continue/2` (A64); without one the server ends (A70).
        """
        msg = f"{type(self).__name__} is to continue with {argument!r}, and defines no handle_continue()"
        raise NotImplementedError(msg)

    def terminate(self, reason: ExitReason, state: S, /) -> object:
        """Clean up before the server ends with `reason`; what it returns is of no account.

        It runs after a `Stop`, an exception, an `exit()` or a bad return in any callback but `init`, after
        `ref.stop()`, and when the parent of a server that traps exits has ended. It doesn't run when an exit signal
        ends a server that doesn't trap exits, nor after a kill. When it fails itself, that is the exit reason.

        Args:
            reason: what the server is about to die of.
            state: the state of the `Stop`; else the last one that a callback returned.

        OTP: `terminate/2` (A71, A72, A74).
        """

    # Starting

    @classmethod
    def start(cls, *args: Any, **kwargs: Any) -> GenServerRef[Self]:  # pyright: ignore[reportIncompatibleMethodOverride] - Self is invariant
        """Start a server, and wait until its `init` has returned, which gets these arguments.

        Raises:
            StartFailed: `init` failed, or declined; `reason` says why (A48).
            Ignore: `init` raised it.

        OTP: `GenServer.start/3` (A46).
        """
        return cls.options().start(*args, **kwargs)

    @classmethod
    def start_link(cls, *args: Any, **kwargs: Any) -> GenServerRef[Self]:  # pyright: ignore[reportIncompatibleMethodOverride] - Self is invariant
        """Start a server, linked to the calling actor, its parent; otherwise as `start()`.

        OTP: `GenServer.start_link/3` (A46, A49).
        """
        return cls.options().start_link(*args, **kwargs)

    @classmethod
    def options(  # noqa: PLR0913  # pyright: ignore[reportIncompatibleMethodOverride] - Self is invariant
        cls,
        *,
        name: Hashable | None = None,
        link: bool = False,
        trap_exit: bool | None = None,
        start_timeout: float | None = None,
        runs_on: RunsOn | None = None,
        max_mailbox: int | None = None,
        overflow: Overflow | None = None,
    ) -> GenServerOptions[Self]:
        """Return how to start a server of this class; as `Actor.options`, but for `start()`, which waits for `init`."""
        return GenServerOptions(
            cls,
            name=name,
            link=link,
            trap_exit=trap_exit,
            start_timeout=start_timeout,
            runs_on=runs_on,
            max_mailbox=max_mailbox,
            overflow=overflow,
        )

    @classmethod
    def named(cls, name: Hashable) -> GenServerRef[Self]:
        """Return a ref to whatever server has the name when it is used.

        To call a name that nobody has raises `NoSuchName`; to cast to it does nothing (A39, A68).
        """
        return _NamedGenServerRef(name)

    # How it works

    def _otp_create_ref(self, process: Process) -> ActorRef[Any]:
        return GenServerRef(process)

    def _otp_after_start(self) -> None:
        then = self._init()
        if not isinstance(then, Continue):
            self._go_on(then)
            return
        # Who waits for the start needn't wait for what follows it, nor hear of it (A64).
        self._otp_process.mark_started()
        try:
            self._go_on(then)
        except ProcessKilled:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it is, it ends this server and no other
            self._end(error)

    def _handle_receive(self, message: Any) -> Any:
        if type(message) is _Idle:
            if message is not self._otp_idle:
                # Another message came between its time and its turn.
                return None
            message = IdleTimeout()
        self._cancel_idle()
        asked = self._otp_process.handling
        try:
            if isinstance(asked, Asked):
                return self._handle_asked(message, asked)
            if type(message) is _Cast:
                then = self._accept(self._run(self.handle_cast, message.request, self._otp_state), "handle_cast")
            else:
                then = self._accept(self._run(self.handle_info, message, self._otp_state), "handle_info")
            self._go_on(then)
        except ProcessKilled:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it is, it ends this server and no other
            self._end(error)

    def _otp_stopping(self, reason: ExitReason, *, signalled: bool) -> None:
        self._cancel_idle()
        if not signalled:
            self._terminate(reason)

    def _otp_failing(self, error: BaseException) -> None:
        # Not of a callback, but of what one gave as a reply.
        self._terminate(Crashed(error))

    def _otp_may_hand_on(self) -> bool:
        return makes_use_of(self.handle_call, _SENDER)

    def _otp_last_state(self) -> dict[str, object]:
        return {"state": self._otp_state} if hasattr(self, "_otp_state") else {}

    def _otp_held(self) -> object:
        return getattr(self, "_otp_state", None)

    def _otp_handler_of(self, message: object) -> str:
        if type(message) is Asked:
            return "handle_call"
        return "handle_cast" if type(message) is _Cast else "handle_info"

    def _otp_inspect(self) -> object:
        idle = self._otp_idle
        if idle is not None:
            # It is looked at, and so not idle (A66).
            self._cancel_idle()
            self._await_idle(idle.seconds)
        return self._otp_state

    def _init(self) -> Then:
        if not hasattr(self, "_otp_arguments"):
            raise TypeError(
                f"{type(self).__name__}.__init__() doesn't call super().__init__(); "
                "define init() instead, which gets the arguments of start() and returns Ok(state)"
            )
        args, kwargs = self._otp_arguments
        del self._otp_arguments
        match self._run(self.init, *args, **kwargs):
            case Ok(state, then) if _is_then(then):
                self._otp_state = state
                return then
            case Error() as error:
                cast("GenServerRef", self.actor_ref)._start_error = error
                raise Ignore
            case Stop(reason, reply=reply) if reply is NO_REPLY:
                raise ExitRequest(reason)
            case returned:
                raise self._bad_return(returned, "init")

    def _handle_asked(self, request: object, asked: Asked) -> object:
        sender = From(asked)
        returned = self._run(self.handle_call, request, sender, self._otp_state)
        match returned:
            case Reply(value, state, None):
                self._otp_state = state
                return value
            case Reply(value, state, then) if _is_then(then):
                self._otp_state = state
                if self._otp_process.handling is asked:
                    self._otp_process.end_handling(request)
                    sender._answer(value)
                self._go_on(then)
            case Stop(reason, state, reply) if reply is not NO_REPLY:
                self._keep(state)
                try:
                    self._terminate(reason)
                finally:
                    sender._answer(reply)
                raise ExitRequest(reason)
            case _:
                then = self._accept(returned, "handle_call")
                # Stashed, it isn't in hand any more, and will come again.
                if self._otp_process.handling is asked:
                    self._defer(asked)
                self._go_on(then)
        return NO_REPLY

    def _accept(self, returned: object, callback: str) -> Then:
        """Take over the state that a callback returned; return what is to follow."""
        match returned:
            case NoReply(state, then) if _is_then(then):
                self._otp_state = state
                return then
            case Stop(reason, state, reply) if reply is NO_REPLY:
                self._keep(state)
                raise ExitRequest(reason)
            case _:
                raise self._bad_return(returned, callback)

    def _go_on(self, then: Then) -> None:
        while isinstance(then, Continue):
            if self._otp_process.fatal is not ALIVE:
                # An exit signal ends the server ahead of its queue, and so ahead of this.
                return
            returned = self._run_next(self.handle_continue, then.argument, self._otp_state)
            then = self._accept(returned, "handle_continue")
        if then is not None:
            self._await_idle(then)

    def _bad_return(self, returned: object, callback: str) -> ExitRequest:
        expected = _MAY_RETURN.get(callback, "NoReply(state) or Stop(reason, state)")
        if isinstance(returned, Ok | Reply | NoReply) and not _is_then(returned.then):
            expected += ", where then is Continue(argument), seconds >= 0, or None"
        return ExitRequest(BadReturn(returned, f"{type(self).__name__}.{callback}()", expected))

    def _keep(self, state: S | _Same) -> None:
        if not isinstance(state, _Same):
            self._otp_state = state

    def _defer(self, asked: Asked) -> None:
        """Leave the answer to anybody; have the caller told when the server ends and none has come (A61)."""
        # Now, not when the callback returns: what follows it may wait for others.
        asked.defer()
        if self._otp_deferred is None:
            # Weakly: a call that nobody waits for any more, and nobody can answer, needn't be kept.
            deferred = self._otp_deferred = WeakValueDictionary[int, Asked]()
            self._otp_process.when_ended(lambda process: _refuse_all(process, deferred))
        self._otp_deferred[id(asked)] = asked

    def _end(self, error: BaseException) -> NoReturn:
        """End because of an error of a callback, or what it returned; `terminate` may give another reason (A74)."""
        reason = _reason_of(error)
        try:
            self._terminate(reason)
        except ProcessKilled:
            raise
        except BaseException as second:  # noqa: BLE001 - whatever it is, it is the reason
            reason = _reason_of(second)
        raise ExitRequest(reason) from error

    def _terminate(self, reason: ExitReason) -> None:
        """Call `terminate`, once, whatever comes of it."""
        if not self._otp_terminated:
            self._otp_terminated = True
            self._run_next(self.terminate, reason, self._otp_state)

    def _run(self, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call one of the user's callbacks, which may be a coroutine function."""
        process = self._otp_process
        process.unwind()
        result = callback(*args, **kwargs)
        if type(result) is CoroutineType:
            return process.runtime.run_coroutine(process, result)
        return result

    def _run_next(self, callback: Callable[..., Any], *args: Any) -> Any:
        """Call a callback that follows another: the message in hand was begun, though this may not be."""
        try:
            return self._run(callback, *args)
        except NotBegun as kill:
            raise ProcessKilled(*kill.args) from None

    def _await_idle(self, seconds: float) -> None:
        if not self._otp_idles:
            # A kill of one that is idle runs no code of it.
            self._otp_idles = True
            self._otp_process.when_gone(lambda _process: self._cancel_idle())
        idle = self._otp_idle = _Idle(self, seconds)
        if seconds == 0:
            # Behind what waits already, which goes first.
            idle.is_over()
            return
        clock = self._otp_process.runtime.clock
        idle.ticket = clock.call_at(clock.now() + seconds, idle.is_over)

    def _cancel_idle(self) -> None:
        idle = self._otp_idle
        if idle is None:
            return
        self._otp_idle = None
        if idle.ticket is not None:
            self._otp_process.runtime.clock.cancel(idle.ticket)


class GenServerOptions(Options[G], Generic[G]):
    """How to start servers of a class: what `GenServer.options()` returns. Can be kept, and used many times."""

    __slots__ = ()

    def start(self, *args: Any, **kwargs: Any) -> GenServerRef[G]:
        """Start a server and wait for it: `GenServer.start` with these options.

        Raises:
            AlreadyStarted: another actor has the name; `ref` is that one (A34).
            StartFailed: `init` failed or declined; or it took too long, and the server was killed.
            Ignore: `init` raised it.
            NotAnActor: `link=True` outside of an actor.
        """
        process = _spawn(self, args, kwargs, waits=True)
        started = cast("GenServerRef[G]", process.ref)
        try:
            await_start(process, self.start_timeout)
        except Ignore:
            if started._start_error is None:
                raise
            raise StartFailed(process.label, started._start_error.reason) from None
        return started

    def start_link(self, *args: Any, **kwargs: Any) -> GenServerRef[G]:
        """Start a server, linked, and wait for it: `GenServer.start_link` with these options."""
        linked = replace(self, link=current_process() is not None)
        return linked.start(*args, **kwargs)


_SENDER = 1
"""Which argument of `handle_call` is the sender, from 0."""

_MAY_RETURN = {
    "init": "Ok(state), Error(reason) or Stop(reason)",
    "handle_call": "Reply(value, state), NoReply(state) or Stop(reason, state, reply)",
}
"""What callbacks may return that may return other things than most."""


def _is_then(then: object) -> bool:
    if then is None or isinstance(then, Continue):
        return True
    return isinstance(then, int | float) and not isinstance(then, bool) and then >= 0


def _reason_of(error: BaseException) -> ExitReason:
    return error.reason if isinstance(error, ExitRequest) else Crashed(error)


def _refuse_all(process: Process, deferred: WeakValueDictionary[int, Asked]) -> None:
    # A list of them all, taken at one go: the server, killed at work, may be adding to them.
    for reference in deferred.valuerefs():
        process.refuse(reference())
