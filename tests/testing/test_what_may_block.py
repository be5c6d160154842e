"""What blocks, in which handlers: a simulation refuses what the real runtime refuses, and nothing else."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import suppress

import pytest

from actors import Actor, Agent, GenServer, Ok, Queue, QueueFull, Reply, Task, WouldBlock, checkpoint, sleep
from actors.testing import System, TestRuntime


@pytest.fixture(params=[System, pytest.param(TestRuntime, marks=pytest.mark.real)], ids=["simulated", "real"])
def either(request):
    with request.param() as runtime:
        yield runtime


class Echo(Actor):
    def on_receive(self, message):
        return message


class Slow(Actor):
    """Has room for one message, and takes its time."""

    def on_receive(self, _message):
        sleep(0.01)


class World:
    """What the operations need: made by the test, used by the actor."""

    def __init__(self):
        self.echo = Echo.start()
        self.slow = Slow.options(max_mailbox=1, overflow="block").start()
        self.answer = self.echo.ask("answer", block=False)
        self.answer.get()
        self.jobs = Queue("jobs", maxsize=1)
        self.jobs.start_link()
        self.jobs.put("first")

    def answer_to_come(self):
        return self.echo.ask("answer", block=False)


def put_in_vain(jobs):
    with suppress(QueueFull):
        jobs.put("second", timeout=0.01)


def fill(slow):
    for number in range(4):
        slow.tell(number)


WAITS = {
    "sleep": lambda _: sleep(0.01),
    "ask": lambda world: world.echo.ask("question"),
    "get of a future": lambda world: world.answer_to_come().get(),
    "get with a time-out": lambda world: world.answer_to_come().get(timeout=10.0),
    "get of a proxy's attribute": lambda world: world.echo.proxy().actor_urn.get(),
    "stop": lambda world: world.echo.stop(),
    "join": lambda world: world.echo.join(0.01),
    "join of a killed one": lambda world: (world.echo.kill(), world.echo.join()),
    "start_link": lambda _: Echo.start_link(),
    "await_ of a task": lambda _: Task.async_(pow, 2, 3).await_(),
    "yield_ of a task": lambda _: Task.async_(pow, 2, 3).yield_(10.0),
    "await_many": lambda _: Task.await_many([Task.async_(pow, 2, 3)]),
    "a stream of tasks": lambda _: list(Task.async_stream([1], abs)),
    "an agent": lambda _: Agent.start(dict).get(len),
    "put into a full queue": lambda world: put_in_vain(world.jobs),
    "join of a queue": lambda world: world.jobs.join(0.01),
    "drain of a queue": lambda world: world.jobs.drain(0.01),
    "tell to a full mailbox": lambda world: fill(world.slow),
}

DOES_NOT_WAIT = {
    "a look at a future": lambda world: world.answer.get(timeout=0),
    "get of what is there": lambda world: world.answer.get(),
    "tell": lambda world: world.echo.tell("news"),
    "checkpoint": lambda _: checkpoint(),
    "time.sleep": lambda _: time.sleep(0.01),
    "an event of threading": lambda _: threading.Event().wait(0.01),
}


def attempt(operation):
    """What it is refused with; None when it isn't."""
    try:
        operation()
    except Exception as error:
        return type(error)
    return None


async def attempt_later(operation):
    await asyncio.sleep(0)
    return attempt(operation)


class Coroutine(Actor):
    async def on_receive(self, operation):
        return await attempt_later(operation)

    async def method(self, operation):
        return await attempt_later(operation)


class Plain(Actor):
    def on_receive(self, operation):
        return attempt(operation)


class CoroutineServer(GenServer):
    def init(self):
        return Ok(None)

    async def handle_call(self, operation, _from, state):
        return Reply(await attempt_later(operation), state)


class PlainServer(GenServer):
    def init(self):
        return Ok(None)

    def handle_call(self, operation, _from, state):
        return Reply(attempt(operation), state)


def asked_of_agent(attempt, operation):
    return Agent.start(dict).get(lambda _: attempt(operation))


COROUTINES = {
    "an actor's": lambda operation: Coroutine.start().ask(operation),
    "a method's": lambda operation: Coroutine.start().proxy().method(operation).get(),
    "a server's": lambda operation: CoroutineServer.start().call(operation),
    "an agent's": lambda operation: asked_of_agent(attempt_later, operation),
    "a task's": lambda operation: Task.async_(attempt_later, operation).await_(),
}

OTHERS = {
    "an actor's": lambda operation: Plain.start().ask(operation),
    "one's with a thread": lambda operation: Plain.options(runs_on="thread").start().ask(operation),
    "a server's": lambda operation: PlainServer.start().call(operation),
    "an agent's": lambda operation: asked_of_agent(attempt, operation),
    "a task's": lambda operation: Task.async_(attempt, operation).await_(),
}


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("operation", WAITS.values(), ids=WAITS)
@pytest.mark.parametrize("run", COROUTINES.values(), ids=COROUTINES)
def test_what_waits_in_an_actors_name_is_refused_in_a_coroutine(run, operation):
    world = World()

    assert run(lambda: operation(world)) is WouldBlock


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("operation", WAITS.values(), ids=WAITS)
@pytest.mark.parametrize("run", OTHERS.values(), ids=OTHERS)
def test_what_waits_may_wait_where_it_holds_up_one_actor_alone(run, operation):
    world = World()

    assert run(lambda: operation(world)) is None


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("operation", DOES_NOT_WAIT.values(), ids=DOES_NOT_WAIT)
@pytest.mark.parametrize("run", COROUTINES.values(), ids=COROUTINES)
def test_what_only_looks_or_knows_of_no_actors_is_not_refused(run, operation):
    world = World()

    assert run(lambda: operation(world)) is None
