"""Agent: a state that others read and change by functions, which run in the agent, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from actors.errors import ExitRequest
from actors.gen_server import BadReturn, From, GenServer, GenServerOptions, GenServerRef, NoReply, Ok, Reply, Request
from actors.ref import NamedRef

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from actors._bounded import Overflow
    from actors._process import Process
    from actors._scheduler import RunsOn
    from actors.ref import ActorRef

__all__ = ["Agent", "AgentOptions", "AgentRef"]

S = TypeVar("S")
R = TypeVar("R")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Get(Request[R]):
    read: Callable[[Any], R]


@dataclass(frozen=True, slots=True)
class _Update(Request[None]):
    change: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _GetAndUpdate(Request[R]):
    change: Callable[[Any], tuple[R, Any]]


class AgentRef(GenServerRef, Generic[S]):
    """A ref to an agent, with what can be done to its state.

    Each function runs in the agent, and gets the state. One that raises ends the agent, and the state is lost; the
    caller gets `ActorDied`, with the exception in its reason (A103). The calls raise what `GenServerRef.call` raises;
    one that is out of time is carried out all the same (A104).
    """

    def get(self, read: Callable[[S], R], timeout: float | None = 5.0) -> R:
        """Return what `read(state)` returns, and leave the state as it is.

        Args:
            timeout: seconds; None waits for ever.

        OTP: `Agent.get/3` (A101).
        """
        return self.call(_Get(read), timeout)

    def update(self, change: Callable[[S], S], timeout: float | None = 5.0) -> None:
        """Make what `change(state)` returns the state, and wait until it is.

        Args:
            timeout: seconds; None waits for ever.

        OTP: `Agent.update/3` (A101).
        """
        self.call(_Update(change), timeout)

    def get_and_update(self, change: Callable[[S], tuple[R, S]], timeout: float | None = 5.0) -> R:
        """Have `change(state)` return a pair: what is returned here, and the new state.

        Anything else that it returns ends the agent with `BadReturn` (A103).

        Args:
            timeout: seconds; None waits for ever.

        OTP: `Agent.get_and_update/3` (A101).
        """
        return self.call(_GetAndUpdate(change), timeout)

    def cast(self, change: Callable[[S], S], /) -> None:
        """Make what `change(state)` returns the state, and don't wait; nobody is told when that fails.

        OTP: `Agent.cast/2` (A101).
        """
        super().cast(change)


class _NamedAgentRef(NamedRef["GenServer[Any]"], AgentRef[S]):  # pyright: ignore[reportIncompatibleVariableOverride] - looked up instead of kept
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

    @classmethod
    def start(cls, make: Callable[[], T]) -> AgentRef[T]:  # type: ignore[override]  # its ref knows the state instead
        """Start an agent whose state is what `make()` returns, which is called in the agent.

        Raises:
            StartFailed: `make` failed (A102).
        """
        return cls.options().start(make)

    @classmethod
    def start_link(cls, make: Callable[[], T]) -> AgentRef[T]:  # type: ignore[override]  # the same
        """Start an agent, linked to the calling actor; otherwise as `start()`."""
        return cls.options().start_link(make)

    @classmethod
    def options(  # type: ignore[override]  # noqa: PLR0913 - the same
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

    def init(self, make: Callable[[], S]) -> Ok[S]:
        """Make the state."""
        return Ok(make())

    def handle_call(self, request: Any, sender: From, state: S) -> Reply[S]:  # noqa: ARG002 - all are answered at once
        """Run a function that somebody waits for."""
        match request:
            case _Get(read):
                return Reply(read(state), state)
            case _Update(change):
                return Reply(None, change(state))
            case _GetAndUpdate(change):
                return self._reply_of(change, change(state))
            case _:
                msg = f"an agent is asked by get(), update() or get_and_update(); got the call {request!r}"
                raise TypeError(msg)

    def handle_cast(self, request: Any, state: S) -> NoReply[S]:
        """Run a function that nobody waits for."""
        return NoReply(request(state))

    def _reply_of(self, change: Callable[[S], object], answer: object) -> Reply[S]:
        match answer:
            case (reply, state) if isinstance(answer, tuple):
                return Reply(reply, state)
            case _:
                callback = f"{type(self).__name__}.get_and_update() of {getattr(change, '__qualname__', change)}"
                raise ExitRequest(BadReturn(answer, callback, "a pair: the answer, and the new state"))

    def _otp_create_ref(self, process: Process) -> ActorRef[Any]:
        return AgentRef[Any](process)


class AgentOptions(GenServerOptions):
    """How to start agents: what `Agent.options()` returns. Can be kept, and used many times."""

    __slots__ = ()

    def start(self, make: Callable[[], T]) -> AgentRef[T]:
        """Start an agent: `Agent.start` with these options."""
        return cast("AgentRef[T]", super().start(make))

    def start_link(self, make: Callable[[], T]) -> AgentRef[T]:
        """Start an agent, linked: `Agent.start_link` with these options."""
        return cast("AgentRef[T]", super().start_link(make))
