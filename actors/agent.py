"""Agent: a state that others read and change by functions, which run in the agent, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, overload

from actors.errors import ExitRequest
from actors.gen_server import BadReturn, From, GenServer, GenServerOptions, GenServerRef, NoReply, Ok, Reply, Request
from actors.messages import shown
from actors.ref import NamedRef

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Hashable

    from actors._bounded import Overflow
    from actors._process import Process
    from actors._scheduler import RunsOn
    from actors.ref import ActorRef

__all__ = ["Agent", "AgentOptions", "AgentRef"]

S = TypeVar("S")
R = TypeVar("R")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Get(Request[Any]):
    read: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Update(Request[None]):
    change: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _GetAndUpdate(Request[Any]):
    change: Callable[[Any], Any]


class AgentRef(GenServerRef[Any], Generic[S]):
    """A ref to an agent, with what can be done to its state.

    Each function runs in the agent, and gets the state; it may be `async def`. One that raises ends the agent, and the
    state is lost; the caller gets `ActorDied`, with the exception in its reason (A103). The calls raise what
    `GenServerRef.call` raises, and `TypeError` for what is no function; one that is out of time is carried out all the
    same (A104).
    """

    @overload
    def get(self, read: Callable[[S], Coroutine[Any, Any, R]], timeout: float | None = 5.0) -> R: ...

    @overload
    def get(self, read: Callable[[S], R], timeout: float | None = 5.0) -> R: ...

    def get(self, read: Callable[[S], Any], timeout: float | None = 5.0) -> Any:
        """Return what `read(state)` returns, and leave the state as it is.

        Args:
            timeout: seconds; None waits for ever.

        OTP: `Agent.get/3` (A101).
        """
        _check_function("read", read)
        return self.call(_Get(read), timeout)

    def update(self, change: Callable[[S], S | Coroutine[Any, Any, S]], timeout: float | None = 5.0) -> None:
        """Make what `change(state)` returns the state, and wait until it is.

        Args:
            timeout: seconds; None waits for ever.

        OTP: `Agent.update/3` (A101).
        """
        _check_function("change", change)
        self.call(_Update(change), timeout)

    @overload
    def get_and_update(
        self, change: Callable[[S], Coroutine[Any, Any, tuple[R, S]]], timeout: float | None = 5.0
    ) -> R: ...

    @overload
    def get_and_update(self, change: Callable[[S], tuple[R, S]], timeout: float | None = 5.0) -> R: ...

    def get_and_update(self, change: Callable[[S], Any], timeout: float | None = 5.0) -> Any:
        """Have `change(state)` return a pair: what is returned here, and the new state.

        Anything else that it returns ends the agent with `BadReturn` (A103).

        Args:
            timeout: seconds; None waits for ever.

        OTP: `Agent.get_and_update/3` (A101).
        """
        _check_function("change", change)
        return self.call(_GetAndUpdate(change), timeout)

    def cast(self, change: Callable[[S], S | Coroutine[Any, Any, S]], /) -> None:
        """Make what `change(state)` returns the state, and don't wait; nobody is told when that fails.

        OTP: `Agent.cast/2` (A101).
        """
        _check_function("change", change)
        super().cast(change)


class _NamedAgentRef(NamedRef[Any], AgentRef[S]):  # pyright: ignore[reportIncompatibleVariableOverride] - looked up instead of kept
    """A ref to whatever agent has the name."""


class Agent(GenServer[S]):
    """A server that holds a state and knows nothing of it: what to do is said by functions.

    Example:
        >>> scores = Agent.start(dict)
        >>> scores.update(lambda state: state | {"ada": 3})
        >>> scores.get(lambda state: state["ada"])
        3
        >>> scores.stop()
        True

    OTP: `Agent` (A101 to A106).
    """

    @overload
    @classmethod
    def start(cls, make: Callable[[], Coroutine[Any, Any, T]]) -> AgentRef[T]: ...

    @overload
    @classmethod
    def start(cls, make: Callable[[], T]) -> AgentRef[T]: ...

    @classmethod
    def start(cls, make: Callable[[], Any]) -> AgentRef[Any]:
        """Start an agent whose state is what `make()` returns, which is called in the agent, and may be `async def`.

        Raises:
            StartFailed: `make` failed (A102).
            TypeError: `make` is no function.
        """
        return cls.options().start(make)

    @overload
    @classmethod
    def start_link(cls, make: Callable[[], Coroutine[Any, Any, T]]) -> AgentRef[T]: ...

    @overload
    @classmethod
    def start_link(cls, make: Callable[[], T]) -> AgentRef[T]: ...

    @classmethod
    def start_link(cls, make: Callable[[], Any]) -> AgentRef[Any]:
        """Start an agent, linked to the calling actor; otherwise as `start()`."""
        return cls.options().start_link(make)

    @classmethod
    def options(  # noqa: PLR0913 - one for each that an actor has
        cls,
        *,
        name: Hashable | None = None,
        link: bool = False,
        trap_exit: bool | None = None,
        start_timeout: float | None = None,
        runs_on: RunsOn | None = None,
        max_mailbox: int | None = None,
        overflow: Overflow | None = None,
    ) -> AgentOptions:
        """Return how to start an agent; as `GenServer.options`."""
        return AgentOptions(
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
    def named(cls, name: Hashable) -> AgentRef[Any]:
        """Return a ref to whatever agent has the name when it is used."""
        return _NamedAgentRef(name)

    def init(self, make: Callable[[], Any]) -> Ok[S]:
        """Make the state."""
        return Ok(self._run(make))

    def handle_call(self, request: Any, sender: From, state: S) -> Reply[S]:  # noqa: ARG002 - all are answered at once
        """Run a function that somebody waits for."""
        match request:
            case _Get(read):
                return Reply(self._run(read, state), state)
            case _Update(change):
                return Reply(None, self._run(change, state))
            case _GetAndUpdate(change):
                return self._reply_of(change, self._run(change, state))
            case _:
                msg = f"an agent is asked by get(), update() or get_and_update(); got the call {request!r}"
                raise TypeError(msg)

    def handle_cast(self, request: Any, state: S) -> NoReply[S]:
        """Run a function that nobody waits for."""
        return NoReply(self._run(request, state))

    def _reply_of(self, change: Callable[[S], Any], answer: Any) -> Reply[S]:
        match answer:
            case (reply, state) if isinstance(answer, tuple):
                return Reply(reply, state)
            case _:
                callback = f"{type(self).__name__}.get_and_update() of {getattr(change, '__qualname__', change)}"
                raise ExitRequest(BadReturn(answer, callback, "a pair: the answer, and the new state"))

    def _otp_create_ref(self, process: Process) -> ActorRef[Any]:
        return AgentRef[Any](process)


class AgentOptions(GenServerOptions[Any]):
    """How to start agents: what `Agent.options()` returns. Can be kept, and used many times."""

    __slots__ = ()

    @overload
    def start(self, make: Callable[[], Coroutine[Any, Any, T]]) -> AgentRef[T]: ...

    @overload
    def start(self, make: Callable[[], T]) -> AgentRef[T]: ...

    def start(self, make: Callable[[], Any]) -> AgentRef[Any]:
        """Start an agent: `Agent.start` with these options."""
        _check_maker(make)
        return cast("AgentRef[Any]", super().start(make))

    @overload
    def start_link(self, make: Callable[[], Coroutine[Any, Any, T]]) -> AgentRef[T]: ...

    @overload
    def start_link(self, make: Callable[[], T]) -> AgentRef[T]: ...

    def start_link(self, make: Callable[[], Any]) -> AgentRef[Any]:
        """Start an agent, linked: `Agent.start_link` with these options."""
        _check_maker(make)
        return cast("AgentRef[Any]", super().start_link(make))


def _check_function(name: str, function: object) -> None:
    if not callable(function):
        raise TypeError(f"{name} must be a function of the state; got {shown(function)}")


def _check_maker(make: object) -> None:
    if not callable(make):
        raise TypeError(f"make must be a function that returns the state, as in lambda: state; got {shown(make)}")
