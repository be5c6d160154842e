"""What type checkers see of a GenServer and an Agent; `make check` runs them over this file too."""

from __future__ import annotations

# An error that is expected here and isn't found is an error itself.
# pyright: reportUnnecessaryTypeIgnoreComment=true
import asyncio
from dataclasses import dataclass
from typing import Any, assert_type

from pykka import Future

from actors import (
    Agent,
    AgentRef,
    From,
    GenServer,
    GenServerRef,
    NoReply,
    Ok,
    Reply,
    Request,
    Stop,
)


class Total(Request[int]):
    """A request without arguments, answered by an int."""


@dataclass(frozen=True)
class Describe(Request[str]):
    """A request with arguments, answered by a str."""

    prefix: str


class Counter(GenServer[int]):
    """A server with annotations."""

    def init(self, start: int) -> Ok[int] | Stop[int]:
        return Ok(start) if start >= 0 else Stop("negative")

    def handle_call(self, request: Total | Describe | str, sender: From, state: int) -> Reply[int] | Stop[int]:
        match request:
            case Total():
                return Reply(state, state)
            case Describe(prefix):
                return Reply(f"{prefix}{state}", state)
            case _:
                return Stop("unknown", state)

    # Each may name what it gets as it likes.
    async def handle_cast(self, amount: int, count: int) -> NoReply[int]:
        return NoReply(count + amount)


class Broken(GenServer[int]):
    """A server whose state has the wrong type."""

    def init(self) -> Ok[str]:  # type: ignore[override]
        return Ok("not an int")


def test_the_answer_of_a_call_has_the_type_that_its_request_names() -> None:
    counter = Counter.start(40)
    counter.cast(2)

    assert assert_type(counter.call(Total()), int) == 42
    assert assert_type(counter.call(Describe("total: "), timeout=None), str) == "total: 42"


def test_the_answer_of_an_ask_has_that_type_too_now_or_later() -> None:
    counter = Counter.start(40)
    later = counter.ask(Total(), block=False)

    assert assert_type(counter.ask(Total()), int) == 40
    assert_type(counter.ask(Describe("total: "), timeout=5.0), str)
    assert_type(later, Future[int])
    assert assert_type(later.get(), int) == 40


def test_the_answer_of_an_ask_is_awaited_with_its_type() -> None:
    async def total() -> int:
        return assert_type(await Counter.start(40).ask(Total(), block=False), int)

    assert asyncio.run(total()) == 40


def test_the_answer_of_any_other_call_is_any() -> None:
    class Echo(GenServer[None]):
        def init(self) -> Ok[None]:
            return Ok(None)

        def handle_call(self, request: Any, sender: From, state: None) -> Reply[None]:
            return Reply(request, state)

    echo = Echo.start()

    assert assert_type(echo.call("hello"), Any) == "hello"
    assert assert_type(echo.ask("hello"), Any) == "hello"
    assert assert_type(echo.ask("hello", block=False), Future[Any]).get() == "hello"


def test_a_server_is_started_with_a_ref_that_calls() -> None:
    assert_type(Counter.start(1), GenServerRef[Counter])
    assert_type(Counter.start_link(1), GenServerRef[Counter])
    assert_type(Counter.options(name="counter").start(1), GenServerRef[Counter])
    assert_type(Counter.options(name="other").start_link(1), GenServerRef[Counter])
    assert_type(Counter.named("counter"), GenServerRef[Counter])


def test_a_ref_that_is_annotated_may_leave_out_the_class() -> None:
    def total_of(server: GenServerRef) -> int:
        return server.call(Total())

    assert total_of(Counter.start(40)) == 40


def test_an_agent_knows_the_type_of_its_state() -> None:
    agent = Agent.start(lambda: 1)

    assert_type(agent, AgentRef[int])
    assert assert_type(agent.get(lambda state: f"{state}"), str) == "1"
    assert assert_type(agent.get_and_update(lambda state: (str(state), state + 1)), str) == "1"
    assert_type(Agent.options(name="agent").start(lambda: "state"), AgentRef[str])


def test_an_agent_is_changed_by_functions_of_its_state() -> None:
    agent = Agent.start(lambda: 1)

    agent.update(lambda state: state + 1)
    agent.cast(lambda state: state + 1)
    agent.update(lambda state: f"{state}")  # type: ignore[arg-type, return-value]

    assert agent.get(str) == "3"


async def one_later() -> int:
    return 1


async def text_later(state: int) -> str:
    return str(state)


async def more_later(state: int) -> int:
    return state + 1


async def text_and_more_later(state: int) -> tuple[str, int]:
    return str(state), state + 1


def test_an_agent_knows_what_coroutine_functions_give() -> None:
    agent = Agent.start(one_later)

    assert_type(agent, AgentRef[int])
    assert_type(Agent.options().start_link(one_later), AgentRef[int])
    agent.update(more_later)
    agent.cast(more_later)
    assert assert_type(agent.get(text_later), str) == "3"
    assert assert_type(agent.get_and_update(text_and_more_later), str) == "3"
    agent.update(text_later)  # type: ignore[arg-type]
