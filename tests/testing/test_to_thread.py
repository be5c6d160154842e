"""What coroutines have run in threads: in a simulation each function runs beside the actor, and may block."""

from __future__ import annotations

import asyncio
import contextvars
import queue
import threading
import time

import pytest

from actors import Actor, Deadlock, Killed, checkpoint, current_actor, now, sleep
from actors.testing import NotSimulated, System, TestRuntime
from actors.testing.explore import explore
from tests.support import Probe


class Running(Actor):
    """Runs the coroutine function that it is sent."""

    async def on_receive(self, function):
        return await function()


class Echo(Actor):
    """Takes its time."""

    def on_receive(self, message):
        sleep(0.01)
        return message


@pytest.fixture(params=[System, pytest.param(TestRuntime, marks=pytest.mark.real)], ids=["simulated", "real"])
def either(request):
    with request.param() as runtime:
        yield runtime


def in_executor(function):
    return asyncio.get_running_loop().run_in_executor(None, function)


# As on the real runtime


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("run", [asyncio.to_thread, in_executor])
def test_a_function_may_block_while_others_go_on(run):
    opened = threading.Event()
    running = Running.start()

    answer = running.ask(lambda: run(opened.wait), block=False)
    Running.start().ask(lambda: asyncio.sleep(0.01))
    opened.set()

    assert answer.get() is True


@pytest.mark.usefixtures("either")
def test_a_function_may_ask_an_actor_and_sleep():
    echo, running = Echo.start(), Running.start()

    def ask():
        sleep(0.01)
        return echo.ask("question")

    assert running.ask(lambda: asyncio.to_thread(ask)) == "question"


@pytest.mark.usefixtures("either")
def test_a_function_acts_in_the_actors_name_when_it_is_given_the_context():
    running = Running.start()

    assert running.ask(lambda: asyncio.to_thread(current_actor)) == running
    assert running.ask(lambda: in_executor(current_actor)) is None


@pytest.mark.usefixtures("either")
def test_a_function_has_a_copy_of_the_coroutines_context():
    variable = contextvars.ContextVar("variable", default="default")

    def change():
        before = variable.get()
        variable.set("of the function")
        return before

    async def have_it_changed():
        variable.set("of the coroutine")
        found = [await asyncio.to_thread(change), await in_executor(change)]
        return found, variable.get()

    assert Running.start().ask(have_it_changed) == (["of the coroutine", "default"], "of the coroutine")


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3)])
def test_what_a_function_raises_is_raised_where_it_is_awaited(error):
    def fail():
        raise error

    async def catch():
        try:
            await asyncio.to_thread(fail)
        except BaseException as caught:
            return caught is error

    assert Running.start().ask(catch) is True


@pytest.mark.usefixtures("either")
def test_a_function_that_nobody_awaits_any_more_goes_on_and_the_actor_is_not_gone_before_it_has_ended():
    arrived, opened, log = queue.Queue(), threading.Event(), []

    def work():
        arrived.put("here")
        opened.wait()
        log.append("ended")

    async def give_up():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await asyncio.to_thread(work)

    running = Running.start()
    running.ask(give_up)
    arrived.get()
    running.stop(block=False)
    assert running.join(0.01) is False

    opened.set()

    assert running.join() is True
    assert log == ["ended"]


@pytest.mark.usefixtures("either")
def test_a_killed_actor_is_abandoned_until_its_function_has_ended():
    arrived, opened = queue.Queue(), threading.Event()

    def work():
        arrived.put("here")
        opened.wait()

    running = Running.start()
    running.tell(lambda: asyncio.to_thread(work))
    Echo.start().ask("")
    arrived.get()
    running.kill()
    assert running.join(0.01) is False
    assert running.state() == "abandoned"

    opened.set()

    assert running.join() is True
    assert running.exit_reason == Killed()


# In virtual time, and by the seed


def test_functions_block_at_the_same_time():
    async def sleep_together():
        await asyncio.gather(*[asyncio.to_thread(time.sleep, 3600.0) for _ in range(100)])
        return now()

    with System():
        assert Running.start().ask(sleep_together) == 3600.0


def order_of_functions(seed):
    log = []

    def work(number):
        for _ in range(3):
            log.append(number)
            checkpoint()

    async def work_together():
        await asyncio.gather(*[asyncio.to_thread(work, number) for number in range(3)])

    with System(seed=seed):
        Running.start().ask(work_together)
    return tuple(log)


def test_functions_take_turns_by_the_seed():
    orders = [order_of_functions(seed) for seed in range(20)]

    assert orders == [order_of_functions(seed) for seed in range(20)]
    assert len(set(orders)) > 5


def lose_an_update(system):
    seen = {"count": 0}

    def add():
        count = seen["count"]
        checkpoint()
        seen["count"] = count + 1

    async def add_twice():
        await asyncio.gather(asyncio.to_thread(add), asyncio.to_thread(add))

    Running.start().ask(add_twice)
    assert seen["count"] == 2


def test_an_update_that_two_functions_lose_is_found():
    with pytest.raises(AssertionError) as found:
        explore(lose_an_update, schedules=100)

    assert "thread 2 of Running-1#1" in str(found.value)


# What it can't do


def test_without_the_context_a_function_cant_wait_for_actors():
    with System() as system:
        probe = Probe.start()

        with pytest.raises(NotSimulated, match=r"run_in_executor\(\) runs.*take asyncio.to_thread\(\)"):
            Running.start().ask(lambda: in_executor(lambda: probe.ask(int)))

        system.leave_unchecked()


@pytest.mark.parametrize("run", [asyncio.to_thread, in_executor])
def test_a_function_starts_no_thread(run):
    with System() as system:
        with pytest.raises(NotSimulated, match="the start of a thread"):
            Running.start().ask(lambda: run(threading.Thread(target=print).start))

        system.leave_unchecked()


def test_a_function_that_needs_a_lock_of_the_coroutine_that_awaits_it_is_told_of():
    async def wait_for_itself():
        lock = threading.Lock()
        lock.acquire()
        await asyncio.to_thread(lock.acquire)

    told = "thread 1 of Running-1#1 waits for a lock that Running-1#1 has"
    with pytest.raises(Deadlock, match=told), System() as system:
        Running.start().tell(wait_for_itself)
        system.run_until_idle()


def test_a_function_that_waits_for_ever_is_told_of_and_ends_with_the_test():
    ended = []

    def wait_for_ever():
        try:
            threading.Event().wait()
        finally:
            ended.append("function")

    with pytest.raises(Deadlock, match="thread 1 of Running-1#1 waits"), System():
        Running.start().ask(lambda: asyncio.to_thread(wait_for_ever))

    assert ended == ["function"]
