"""Handlers that are coroutines: run on one event loop, one message at a time for each actor."""

from __future__ import annotations

import asyncio
import contextvars
import queue
import threading

import pytest

from actors import (
    Actor,
    ActorDied,
    CallTimeout,
    Continue,
    Crashed,
    GenServer,
    Killed,
    NoReply,
    Ok,
    ProcessKilled,
    Task,
    Undelivered,
    WouldBlock,
    current_actor,
    exit,
    whereis,
)
from actors._future import Future
from tests.actors.coroutines import Answering, Latch, Waiting, five
from tests.support import CAP, INTERRUPT, Probe, ended, received_nothing

rule = pytest.mark.rule


def test_an_async_handler_answers_with_what_its_coroutine_returns():
    class Doubling(Actor):
        async def on_receive(self, number):
            await asyncio.sleep(0)
            return number * 2

    assert Doubling.start().ask(21) == 42


def test_one_message_is_handled_at_a_time():
    latch, log = Latch(), []
    ref = Waiting.start(latch, log)

    answers = [ref.ask(number, block=False) for number in (1, 2)]
    latch.await_arrival()
    latch.open()

    assert [answer.get(timeout=CAP) for answer in answers] == [1, 2]
    assert log == ["begins 1", "ends 1", "begins 2", "ends 2"]


def test_others_go_on_while_a_handler_awaits():
    latch = Latch()
    waiting = Waiting.start(latch)
    answer = waiting.ask("slow", block=False)
    latch.await_arrival()

    assert Probe.start().ask(lambda: "quick") == "quick"

    latch.open()
    assert answer.get(timeout=CAP) == "slow"


def test_an_exception_of_the_coroutine_ends_the_actor_and_reaches_the_asker():
    class Failing(Actor):
        async def on_receive(self, _message):
            raise ValueError("boom")

    ref = Failing.start()

    with pytest.raises(ValueError, match="boom"):
        ref.ask("go")
    assert ended(ref).exit_reason == Crashed(ref.exit_reason.exception)


def test_a_coroutine_may_end_its_actor_with_a_reason():
    class Leaving(Actor):
        async def on_receive(self, reason):
            exit(reason)

    ref = Leaving.start()
    ref.tell("done here")

    assert ended(ref).exit_reason == "done here"


@pytest.mark.parametrize("error", [SystemExit(3), INTERRUPT, GeneratorExit()], ids=repr)
def test_what_would_end_a_program_ends_one_actor_only(error):
    victim, other = Answering.start(), Answering.start()
    latch = Latch()

    async def wait():
        await latch.pass_through()
        return "unharmed"

    async def end_it_all():
        raise error

    waiting = other.ask(wait, block=False)
    latch.await_arrival()
    with pytest.raises(ActorDied) as caught:
        victim.ask(end_it_all)
    latch.open()

    assert caught.value.reason == ended(victim).exit_reason == Crashed(error)
    assert waiting.get(timeout=CAP) == "unharmed"
    assert other.ask(five) == 5


@pytest.mark.parametrize("error", [SystemExit(3), INTERRUPT], ids=repr)
def test_a_task_of_a_coroutines_own_that_would_end_a_program_ends_nothing(error, caplog):
    actor = Answering.start()

    async def end_it_all():
        raise error

    async def start_a_task():
        (ended,), _ = await asyncio.wait([asyncio.create_task(end_it_all())])
        # Seen: asyncio would log it some time later.
        assert ended.exception() is error
        return "unharmed"

    assert actor.ask(start_a_task, timeout=CAP) == "unharmed"
    assert actor.ask(five, timeout=CAP) == 5
    (record,) = [record for record in caplog.records if record.name == "pykka_otp.event_loop"]
    assert record.exc_info[1] is error


def test_a_coroutine_knows_whose_it_is():
    class Asked(Actor):
        async def on_receive(self, _message):
            await asyncio.sleep(0)
            return current_actor()

    ref = Asked.start()

    assert ref.ask("who are you?") is ref


@pytest.mark.threads
def test_a_coroutine_for_which_no_thread_can_be_started_fails_and_the_next_is_run(shortage):
    with shortage("actors-event-loop"), pytest.raises(RuntimeError, match="can't start new thread"):
        Answering.start().ask(five)

    assert Answering.start().ask(five, timeout=CAP) == 5


def test_what_a_coroutine_sets_of_context_variables_is_the_actors_from_then_on():
    user = contextvars.ContextVar("user", default="nobody")

    async def set_user():
        user.set("ada")

    async def fail_as_another():
        user.set("grace")
        raise ValueError("boom")

    async def ask_user():
        return user.get()

    class Patient(Answering):
        crash_on_failed_ask = False

    ref, other = Patient.start(), Answering.start()
    ref.ask(set_user)
    seen = [ref.ask(ask_user), other.ask(ask_user)]
    with pytest.raises(ValueError, match="boom"):
        ref.ask(fail_as_another)

    assert [*seen, ref.ask(ask_user)] == ["ada", "nobody", "grace"]


def test_hooks_may_be_coroutines_too():
    log = []

    class Hooked(Actor):
        async def on_start(self):
            await asyncio.sleep(0)
            log.append("started")

        async def on_stop(self):
            await asyncio.sleep(0)
            log.append("stopped")

    Hooked.start_link().stop()

    assert log == ["started", "stopped"]


def test_methods_called_by_proxy_may_be_coroutines():
    class Greeter(Actor):
        async def greet(self, name):
            await asyncio.sleep(0)
            return f"hello {name}"

    assert Greeter.start().proxy().greet("you").get() == "hello you"


def test_an_actor_awaits_the_answer_of_another():
    class Outer(Actor):
        async def on_receive(self, inner):
            return await inner.ask(lambda: "inner", block=False)

    assert Outer.start().ask(Probe.start()) == "inner"


def test_a_call_that_would_block_the_event_loop_is_an_error():
    class Blocking(Actor):
        crash_on_failed_ask = False

        async def on_receive(self, other):
            return other.ask(lambda: "never", timeout=CAP)

    other = Probe.start()
    blocked = Blocking.start()
    # So that the answer can't be there before it is waited for.
    other.ask(lambda: None)

    with pytest.raises(WouldBlock, match="await"):
        blocked.ask(other)


@pytest.mark.parametrize(
    "block",
    [
        lambda probe: probe.ask(lambda: probe._process.actor.received.put("paid")),
        lambda probe: probe.stop(),
        lambda _probe: Probe.options(name="orphan").start_link(),
    ],
    ids=["ask", "stop", "start_link"],
)
def test_what_would_block_the_event_loop_is_refused_before_anything_is_done(block):
    actor, probe = Answering.start(), Probe.start()

    async def try_to_block():
        with pytest.raises(WouldBlock):
            block(probe)

    actor.ask(try_to_block)

    assert received_nothing(probe)
    assert whereis("orphan") is None


@pytest.mark.parametrize(
    ("look", "seen"),
    [
        (lambda other, _wait: other.ask("?", block=False).get(timeout=0), CallTimeout),
        (
            lambda other, _wait: other.ask("?", block=False).map(str).get(timeout=0),
            CallTimeout,
        ),
        (lambda other, _wait: other.join(timeout=0), False),
        (lambda _other, wait: Task.async_(wait).yield_(0), None),
        (lambda _other, wait: Task.yield_many([Task.async_(wait)], 0)[0][1], None),
        (lambda _other, wait: Task.await_many([Task.async_(wait)], 0), CallTimeout),
    ],
    ids=["future", "mapped future", "join", "yield_", "yield_many", "await_many"],
)
def test_a_coroutine_may_look_whether_something_has_come(look, seen):
    actor, busy, latch = Answering.start(), Answering.start(), Latch()
    busy.tell(latch.pass_through)
    latch.await_arrival()

    async def look_at_busy():
        try:
            return look(busy, latch.pass_through)
        except CallTimeout as error:
            return type(error)

    assert actor.ask(look_at_busy) == seen
    latch.open()


@rule("A6")
def test_a_kill_cancels_the_coroutine_and_the_actor_is_gone_when_it_has_ended():
    latch, log = Latch(), []
    ref = Waiting.start(latch, log)
    ref.tell("work")
    latch.await_arrival()

    ref.kill()

    assert ref.join(CAP)
    assert ref.exit_reason == Killed()
    assert log == ["begins work", "ends work"]


def test_many_wait_at_once():
    latch = Latch()
    refs = [Waiting.start(latch) for _ in range(500)]
    answers = [ref.ask(number, block=False) for number, ref in enumerate(refs)]
    for _ in refs:
        latch.await_arrival()

    latch.open()

    assert [answer.get(timeout=CAP) for answer in answers] == list(range(500))


def test_a_kill_ends_what_a_thread_of_the_actors_own_waits_for():
    """The thread was given the actor's context, and asks in its name, while the coroutine awaits the thread."""
    outcome = queue.SimpleQueue()
    begun = threading.Event()

    class Silent(Future):
        """Never answers, and tells when it is waited for."""

        def _add_waiter(self, waiter):
            begun.set()
            return super()._add_waiter(waiter)

    silent = Silent()

    def ask_and_wait():
        try:
            silent.get()
        except BaseException as error:
            outcome.put(error)
            raise

    async def ask_in_a_thread():
        await asyncio.to_thread(ask_and_wait)

    ref = Answering.start()
    asked = ref.ask(ask_in_a_thread, block=False)
    assert begun.wait(CAP)

    ref.kill()

    assert isinstance(outcome.get(timeout=CAP), ProcessKilled)
    with pytest.raises(ActorDied):
        asked.get(timeout=CAP)
    assert ended(ref).exit_reason == Killed()


# Killed before the coroutine has begun


@pytest.fixture
def held_up(gate):
    """The event loop is held up by somebody's coroutine until the gate opens: no other begins."""

    async def hold_up():
        gate.pass_through()

    Answering.start().tell(hold_up)
    gate.await_arrival()
    return gate


@pytest.fixture
def letters(runtime):
    """A function that returns the next dead letter."""
    told = queue.SimpleQueue()
    runtime.dead_letters.listen(told.put)
    return lambda: told.get(timeout=CAP)


class Late(Actor):
    """Tells that its handler was called, and returns a coroutine."""

    use_daemon_thread = True

    def __init__(self, called, log):
        self.called, self.log = called, log

    def on_receive(self, message):
        self.called.release()
        return self.work(message)

    async def work(self, message):
        self.log.append(message)


def test_a_told_message_whose_coroutine_never_began_is_a_dead_letter(held_up, letters):
    called, log = threading.Semaphore(0), []
    ref = Late.start(called, log)
    ref.tell("work")
    assert called.acquire(timeout=CAP)

    ref.kill()
    held_up.open()

    assert letters() == Undelivered(ref, "work", Killed())
    assert ref.join(CAP)
    assert log == []


def test_a_told_message_whose_coroutine_began_is_no_dead_letter(runtime):
    latch = Latch()
    ref = Waiting.start(latch)
    ref.tell("work")
    latch.await_arrival()

    ref.kill()

    assert ref.join(CAP)
    assert runtime.dead_letters.count == 0


class AsyncServer(GenServer[str]):
    """Tells which of its callbacks were called, and returns their coroutines."""

    def init(self, called):
        self.called = called
        return Ok("")

    def handle_cast(self, request, state):
        self.called.release()
        return self.go_on(request) if request == "first" else NoReply(state, Continue(request))

    def handle_continue(self, argument, state):
        self.called.release()
        return self.go_on(argument)

    async def go_on(self, _argument):
        return NoReply("")


def test_a_cast_whose_coroutine_never_began_is_a_dead_letter(held_up, letters):
    called = threading.Semaphore(0)
    server = AsyncServer.start(called)
    server.cast("first")
    assert called.acquire(timeout=CAP)

    server.kill()
    held_up.open()

    assert letters().ref is server
    assert server.join(CAP)


def test_a_cast_that_was_handled_is_no_dead_letter_though_its_continue_never_began(runtime, held_up):
    called = threading.Semaphore(0)
    server = AsyncServer.start(called)
    server.cast("second")
    for _ in range(2):
        assert called.acquire(timeout=CAP)

    server.kill()
    held_up.open()

    assert server.join(CAP)
    assert runtime.dead_letters.count == 0
