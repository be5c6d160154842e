"""Agent: functions that read and change a state."""

from __future__ import annotations

import asyncio
import logging

import pytest

from actors import (
    ActorDied,
    AgentRef,
    AlreadyStarted,
    BadReturn,
    CallTimeout,
    ChildSpec,
    Crashed,
    Deadlock,
    Error,
    Ignore,
    NoProc,
    Refusal,
    StartFailed,
    Stop,
    current_actor,
    exit,
    whereis,
)
from actors import Agent as AgentClass
from supervision import Supervisor
from tests.support import Gate, Probe, TrappingProbe, crash, ended, received_nothing

rule = pytest.mark.rule

BOOM = Crashed(ValueError("boom"))


class Agent(AgentClass):
    """The class under test, by a name of the test's own, so that logs show whose name they give."""


def same(state):
    return state


def crashing(_state):
    crash()


def reason_of(call, *arguments):
    with pytest.raises(ActorDied) as raised:
        call(*arguments)
    return raised.value.reason


@rule("A101")
def test_a_function_reads_the_state_and_leaves_it():
    agent = Agent.start(lambda: [1, 2])

    assert isinstance(agent, AgentRef)
    assert agent.get(len) == 2
    assert agent.get(same) == [1, 2]


@rule("A101")
def test_a_function_changes_the_state():
    agent = Agent.start(lambda: 1)

    assert agent.update(lambda state: state + 1) is None

    assert agent.get(same) == 2


@rule("A101")
def test_a_function_answers_and_changes_the_state():
    agent = Agent.start(lambda: 1)

    assert agent.get_and_update(lambda state: (f"was {state}", state + 1)) == "was 1"

    assert agent.get(same) == 2


@rule("A101")
def test_functions_run_in_the_agent_one_after_the_other():
    agent = Agent.start(list)

    agent.cast(lambda state: [*state, "cast"])
    agent.update(lambda state: [*state, "update"])

    assert agent.get(same) == ["cast", "update"]
    assert agent.get(lambda _state: current_actor()) == agent


def test_functions_may_be_coroutine_functions():
    async def make():
        await asyncio.sleep(0)
        return ["made"]

    async def add(state):
        await asyncio.sleep(0)
        return [*state, "added"]

    async def last(state):
        return state[-1]

    async def take(state):
        return state[-1], state[:-1]

    agent = Agent.start(make)
    agent.cast(add)
    agent.update(add)

    assert agent.get(last) == "added"
    assert agent.get_and_update(take) == "added"
    assert agent.get(same) == ["made", "added"]


@rule("A103")
def test_a_coroutine_function_that_fails_ends_the_agent():
    async def fail(_state):
        crash()

    agent = Agent.start(list)

    assert reason_of(agent.get, fail) == BOOM
    assert ended(agent).exit_reason == BOOM


@rule("A101")
@pytest.mark.parametrize(
    ("method", "argument"), [("get", "read"), ("update", "change"), ("get_and_update", "change"), ("cast", "change")]
)
def test_what_is_no_function_is_refused_to_the_caller_and_ends_nobody(method, argument):
    agent = Agent.start(list)

    with pytest.raises(TypeError, match=f"{argument} must be a function of the state; got 3"):
        getattr(agent, method)(3)

    assert agent.get(same) == []


@rule("A102")
@pytest.mark.parametrize("start", [Agent.start, Agent.start_link, Agent.options().start, Agent.options().start_link])
def test_a_state_instead_of_a_function_is_refused_with_what_to_give(start):
    with pytest.raises(
        TypeError, match=r"make must be a function that returns the state, as in .*lambda: .*; got \{\}"
    ):
        start({})


@rule("A101")
def test_a_cast_to_a_dead_agent_does_nothing():
    agent = Agent.start(list)
    agent.stop()

    assert agent.cast(same) is None
    assert Agent.named("nobody").cast(same) is None


@rule("A101")
@pytest.mark.parametrize("method", ["get", "update", "get_and_update"])
def test_a_dead_agent_is_not_there(method):
    agent = Agent.start(list)
    agent.stop()

    assert reason_of(getattr(agent, method), same) == NoProc()


@rule("A101")
@pytest.mark.parametrize("method", ["get", "update", "get_and_update"])
def test_an_agent_is_waited_for_five_seconds_by_default(method, clock):
    agent = Agent.start(list)
    gate = held(agent)

    failed = Probe.start().ask(lambda: getattr(agent, method)(lambda state: (state, state)), block=False)
    clock.await_timers()
    clock.advance(4.9)
    clock.await_timers()
    clock.advance(0.1)

    with pytest.raises(CallTimeout):
        failed.get()
    gate.open()


def held(agent):
    """The gate at which an agent waits, in a function that was cast to it."""
    gate = Gate()

    def wait(state):
        gate.pass_through()
        return state

    agent.cast(wait)
    gate.await_arrival()
    return gate


@rule("A102")
@pytest.mark.parametrize("state", [None, Ignore, Error("x"), Stop(1), Refusal(ValueError())], ids=repr)
def test_the_state_may_be_anything(state):
    agent = Agent.start(lambda: state)

    assert agent.get(lambda it: it is state) is True


@rule("A102")
@pytest.mark.parametrize(("make", "reason"), [(crash, BOOM), (lambda: exit("why"), "why")], ids=["raises", "exits"])
def test_an_agent_whose_state_cannot_be_made_does_not_start(make, reason):
    with pytest.raises(StartFailed) as raised:
        Agent.start(make)

    assert raised.value.reason == reason


@rule("A50", "A102")
def test_a_starter_that_traps_exits_gets_no_exit_of_an_agent_that_does_not_start():
    starter = TrappingProbe.start()

    with pytest.raises(StartFailed) as raised:
        starter.ask(lambda: Agent.start_link(crash))

    assert raised.value.reason == BOOM
    assert received_nothing(starter)


@rule("A103")
@pytest.mark.parametrize("method", ["get", "update", "get_and_update"])
@pytest.mark.parametrize(
    ("function", "reason"), [(crashing, BOOM), (lambda _state: exit("why"), "why")], ids=["raises", "exits"]
)
def test_a_function_that_fails_ends_the_agent_and_its_caller_hears_why(method, function, reason):
    agent = Agent.start(list)

    assert reason_of(getattr(agent, method), function) == reason
    assert ended(agent).exit_reason == reason


@rule("A103")
@pytest.mark.parametrize("answer", ["bad", ("one",), (1, 2, 3), [1, 2], None], ids=repr)
def test_an_answer_that_is_no_pair_ends_the_agent(answer):
    agent = Agent.start(list)

    assert reason_of(agent.get_and_update, lambda _state: answer) == BadReturn(answer)
    assert ended(agent).exit_reason == BadReturn(answer)


@rule("A103")
def test_an_answer_that_is_no_pair_is_named_with_its_function():
    def no_pair(state):
        return state

    reason = reason_of(Agent.start(list).get_and_update, no_pair)

    assert reason.callback == f"Agent.get_and_update() of {no_pair.__qualname__}"
    assert reason.expected == "a pair: the answer, and the new state"


@rule("A103")
@pytest.mark.parametrize(
    ("function", "reason"), [(crashing, BOOM), (lambda _state: exit("why"), "why")], ids=["raises", "exits"]
)
def test_nobody_hears_of_a_cast_that_ends_the_agent(function, reason):
    agent = Agent.start(list)

    assert agent.cast(function) is None

    assert ended(agent).exit_reason == reason


@rule("A104")
@pytest.mark.parametrize("method", ["update", "get_and_update"])
def test_a_change_out_of_time_is_made_all_the_same(method, clock):
    agent = Agent.start(lambda: "old")
    gate = held(agent)
    change = {"update": lambda _state: "new", "get_and_update": lambda state: (state, "new")}[method]

    failed = Probe.start().ask(lambda: getattr(agent, method)(change, timeout=2.0), block=False)
    clock.await_timers()
    clock.advance(2.0)

    with pytest.raises(CallTimeout):
        failed.get()
    assert agent.is_alive()
    gate.open()
    assert agent.get(same) == "new"


@rule("A62", "A101")
@pytest.mark.parametrize("method", ["get", "update", "get_and_update"])
def test_a_negative_time_is_an_error_of_the_caller(method):
    agent = Agent.start(list)

    with pytest.raises(ValueError, match="timeout must be seconds >= 0"):
        getattr(agent, method)(same, timeout=-1)

    assert agent.is_alive()


@rule("A105")
@pytest.mark.parametrize("method", ["get", "update", "get_and_update"])
def test_an_agent_that_calls_itself_ends_of_it(method):
    agent = Agent.start(list)

    reason = reason_of(getattr(agent, method), lambda _state: agent.get(same))

    assert isinstance(reason.exception, Deadlock)
    assert reason.exception.reason == "calling_self"
    assert ended(agent).exit_reason == reason


@rule("A106")
def test_a_stray_message_is_logged_and_dropped(caplog):
    agent = Agent.start(lambda: 1)

    with caplog.at_level(logging.ERROR):
        agent.tell("stray")
        assert agent.get(same) == 1

    assert [record.getMessage() for record in caplog.records] == ["Agent got a message that it doesn't handle: 'stray'"]


@rule("A106")
def test_an_agent_is_stopped_as_any_actor():
    agent = Agent.start(list)

    assert agent.stop(reason="why") is True
    assert agent.exit_reason == "why"
    assert agent.stop() is False


@rule("A106")
def test_an_agent_is_restarted_by_its_supervisor_with_a_new_state():
    spec = Agent.options(name="scores").child_spec(dict)
    supervisor = Supervisor.start_link([spec], strategy="one_for_one")
    scores = Agent.named("scores")
    first = whereis("scores")
    scores.update(lambda state: state | {"ada": 3})

    assert reason_of(scores.get, lambda state: state["grace"]) == Crashed(KeyError("grace"))
    ended(first)
    supervisor.which_children()

    assert scores.get(same) == {}


@rule("A106")
def test_an_agent_class_has_a_child_spec():
    assert Agent.child_spec(dict) == ChildSpec(Agent, (dict,))


def test_an_agent_that_is_called_otherwise_says_how_it_is_asked():
    reason = reason_of(Agent.start(list).call, "state?")

    assert str(reason.exception) == "an agent is asked by get(), update() or get_and_update(); got the call 'state?'"


def test_an_agent_started_with_a_link_takes_its_starter_along():
    starter = Probe.start()
    agent = starter.ask(lambda: Agent.start_link(list))

    agent.cast(crashing)

    assert ended(starter).exit_reason == BOOM


def test_a_name_is_taken_once():
    agent = Agent.options(name="scores").start(dict)

    with pytest.raises(AlreadyStarted) as raised:
        Agent.options(name="scores").start(dict)

    assert raised.value.ref == agent
