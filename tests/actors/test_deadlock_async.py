"""Async handlers that wait by way of tasks and threads of their own are told of a circle too, and of nothing else."""

from __future__ import annotations

import asyncio
import threading
from functools import partial

import pytest

from actors import Actor, Deadlock
from actors.testing import settle
from tests.actors.coroutines import Answering, Latch
from tests.support import CAP, Gate, Probe


class Tolerant(Answering):
    """Outlives what it is asked to do."""

    crash_on_failed_ask = False


async def directly(ask):
    return await ask()


async def by_gather(ask):
    return await asyncio.gather(ask(), asyncio.sleep(0))


async def by_gather_in_gather(ask):
    return await asyncio.gather(asyncio.gather(ask()), ask_nobody())


async def by_a_task(ask):
    return await asyncio.create_task(by_hand(ask))


async def by_a_task_of_a_task(ask):
    return await asyncio.create_task(by_a_task(ask))


async def by_a_task_that_waits_already(ask):
    task = asyncio.create_task(by_hand(ask))
    await let_all_others_go_on()
    return await task


async def by_gather_of_what_waits_already(ask):
    tasks = [asyncio.create_task(by_a_task(ask)), asyncio.create_task(ask_nobody())]
    await let_all_others_go_on()
    return await asyncio.gather(*tasks)


async def by_wait_for(ask):
    return await asyncio.wait_for(ask(), CAP)


async def by_wait_for_of_a_task(ask):
    return await asyncio.wait_for(asyncio.create_task(by_hand(ask)), CAP)


async def by_a_timeout(ask):
    async with asyncio.timeout(CAP):
        return await by_gather(ask)


async def by_a_group(ask):
    async with asyncio.TaskGroup() as group:
        group.create_task(by_hand(ask))
        group.create_task(ask_nobody())


async def by_a_task_in_a_group(ask):
    async with asyncio.TaskGroup() as group:
        group.create_task(by_a_task(ask))


async def by_hand(ask):
    return await ask()


async def ask_nobody():
    return None


async def let_all_others_go_on():
    for _ in range(5):
        await asyncio.sleep(0)


WAYS = [
    directly,
    by_gather,
    by_gather_in_gather,
    by_a_task,
    by_a_task_of_a_task,
    by_a_task_that_waits_already,
    by_gather_of_what_waits_already,
    by_wait_for,
    by_wait_for_of_a_task,
    by_a_timeout,
    by_a_group,
    by_a_task_in_a_group,
]


def only_error(raised):
    """What was raised, or what a group of one has in it."""
    error = raised.value
    while isinstance(error, ExceptionGroup):
        (error,) = error.exceptions
    return error


@pytest.mark.parametrize("way", WAYS)
def test_who_waits_for_itself_is_told_so(way):
    ref = Tolerant.start()

    with pytest.raises((Deadlock, ExceptionGroup)) as raised:
        ref.ask(lambda: way(lambda: ref.ask(ask_nobody, block=False)), timeout=CAP)

    error = only_error(raised)
    assert isinstance(error, Deadlock)
    assert str(error) == "Tolerant would wait for itself; use tell(), or call the method directly"
    assert ref.ask(ask_nobody, timeout=CAP) is None


@pytest.mark.parametrize("way", WAYS)
def test_who_closes_a_circle_is_told_so(way):
    friend, ref = Probe.start(), Tolerant.start()

    with pytest.raises((Deadlock, ExceptionGroup)) as raised:
        ref.ask(lambda: way(lambda: friend.ask(lambda: ref.ask(ask_nobody), block=False)), timeout=CAP)

    # Whichever it is; the other's error is the answer to the first.
    assert any(circle in str(only_error(raised)) for circle in ("Probe -> Tolerant -> Probe", "Tolerant -> Probe"))


@pytest.mark.parametrize("way", WAYS)
def test_a_circle_of_async_handlers_is_seen(way):
    class Other(Tolerant):
        pass

    one, other = Tolerant.start(), Other.start()

    def ask_back():
        return way(lambda: one.ask(ask_nobody, block=False))

    with pytest.raises((Deadlock, ExceptionGroup)) as raised:
        one.ask(lambda: way(lambda: other.ask(ask_back, block=False)), timeout=CAP)

    assert "Tolerant -> Other" in str(only_error(raised))


def test_the_circle_may_be_closed_by_a_wait_for_one_that_waits_already():
    friend, ref, gate, asked = Probe.start(), Tolerant.start(), Gate(), Latch()

    def ask_back():
        gate.pass_through()
        return ref.ask(ask_nobody)

    async def await_later():
        task = asyncio.create_task(by_hand(lambda: friend.ask(ask_back, block=False)))
        await asked.pass_through()
        return await task

    answer = ref.ask(await_later, block=False)
    gate.await_arrival()
    gate.open()
    settle()
    asked.await_arrival()
    asked.open()

    with pytest.raises(Deadlock, match="Tolerant -> Probe -> Tolerant"):
        answer.get(timeout=CAP)


@pytest.mark.parametrize("way", [directly, by_gather, by_a_task, by_wait_for, by_a_task_that_waits_already])
def test_a_thread_that_the_handler_awaits_counts_as_well(way):
    ref = Tolerant.start()

    with pytest.raises(Deadlock, match="Tolerant would wait for itself; use tell"):
        ref.ask(lambda: way(lambda: asyncio.to_thread(ref.ask, ask_nobody)), timeout=CAP)


def test_a_thread_that_the_handler_awaits_may_not_wait_for_the_actors_end():
    ref = Tolerant.start()

    with pytest.raises(Deadlock, match="to end, call exit"):
        ref.ask(lambda: asyncio.to_thread(ref.join), timeout=CAP)


def test_a_thread_that_closes_a_circle_is_told_so():
    friend, ref = Probe.start(), Tolerant.start()

    with pytest.raises(Deadlock):
        ref.ask(lambda: asyncio.to_thread(friend.ask, lambda: ref.ask(ask_nobody)), timeout=CAP)


@pytest.mark.parametrize("derive", [lambda f: f.map(str), lambda f: f.join(f), lambda f: f.map(str).map(str)])
def test_a_future_made_of_others_is_awaited_as_those_are(derive):
    ref = Tolerant.start()

    with pytest.raises(Deadlock, match="would wait for itself; use tell"):
        ref.ask(lambda: directly(lambda: derive(ref.ask(ask_nobody, block=False))), timeout=CAP)


def test_a_future_made_of_one_that_fails_fails_as_that_does():
    failing, ref = Probe.start(), Tolerant.start()

    def fail():
        raise ValueError("as it was")

    with pytest.raises(ValueError, match="as it was"):
        ref.ask(lambda: directly(lambda: failing.ask(fail, block=False).map(str)), timeout=CAP)


# What the handler doesn't wait for is no edge


def test_a_task_that_the_handler_leaves_behind_may_ask_the_actor():
    ref, tasks = Answering.start(), []

    async def leave_one_behind():
        tasks.append(asyncio.create_task(by_hand(lambda: ref.ask(ask_nobody, block=False))))
        await let_all_others_go_on()
        return "left"

    async def await_it():
        await asyncio.wait(tasks)
        return tasks[0].result()

    assert ref.ask(leave_one_behind, timeout=CAP) == "left"
    assert Answering.start().ask(await_it, timeout=CAP) is None


def test_the_first_of_some_is_enough_for_who_waits_for_any():
    ref = Answering.start()

    async def await_any():
        asks = asyncio.create_task(by_hand(lambda: ref.ask(ask_nobody, block=False)))
        other = asyncio.create_task(let_all_others_go_on())
        done, _ = await asyncio.wait([asks, other], return_when=asyncio.FIRST_COMPLETED)
        assert done == {other}
        return asks

    asks = ref.ask(await_any, timeout=CAP)

    async def see():
        await asyncio.wait([asks])
        return asks.result()

    assert Answering.start().ask(see, timeout=CAP) is None


def test_a_future_that_any_of_some_tasks_sets_is_not_that_of_each():
    ref = Answering.start()

    def set_once(future, _task):
        if not future.done():
            future.set_result("set")

    async def await_any():
        future = asyncio.get_running_loop().create_future()
        asks = asyncio.create_task(by_hand(lambda: ref.ask(ask_nobody, block=False)))
        other = asyncio.create_task(let_all_others_go_on())
        for task in asks, other:
            task.add_done_callback(partial(set_once, future))
        return await future, asks

    done, asks = ref.ask(await_any, timeout=CAP)

    async def see():
        await asyncio.wait([asks])
        return asks.result()

    assert (done, Answering.start().ask(see, timeout=CAP)) == ("set", None)


@pytest.mark.threads
def test_a_thread_that_the_handler_leaves_behind_may_ask_the_actor():
    ref, answered = Answering.start(), threading.Event()

    def ask():
        ref.ask(ask_nobody, timeout=CAP)
        answered.set()

    async def lend():
        asyncio.get_running_loop().run_in_executor(None, ask)
        await let_all_others_go_on()

    ref.ask(lend, timeout=CAP)

    assert answered.wait(CAP)


def test_who_waits_for_the_actor_is_asked_by_a_task_that_is_awaited_by_nobody():
    friend, ref, latch = Probe.start(), Answering.start(), Latch()
    tasks = []

    async def begin():
        tasks.append(asyncio.create_task(by_hand(lambda: friend.ask(lambda: ref.ask(ask_nobody), block=False))))
        await latch.pass_through()

    answer = ref.ask(begin, block=False)
    latch.await_arrival()
    settle()
    latch.open()

    assert answer.get(timeout=CAP) is None

    async def see():
        await asyncio.wait(tasks)
        return tasks[0].result()

    assert Answering.start().ask(see, timeout=CAP) is None


def test_a_task_of_an_earlier_message_counts_for_who_awaits_it():
    """The handler that awaits it isn't the one that has made it."""

    class Collector(Actor):
        use_daemon_thread = True
        crash_on_failed_ask = False
        task = None

        async def on_receive(self, latch):
            if self.task is None:
                self.task = asyncio.create_task(self.ask_myself(latch))
                return await let_all_others_go_on()
            if latch is None:
                return None
            latch.open()
            await let_all_others_go_on()
            return await self.task

        async def ask_myself(self, latch):
            await latch.pass_through()
            return await self.actor_ref.ask(None, block=False)

    ref, latch = Collector.start(), Latch()
    ref.ask(latch, timeout=CAP)

    with pytest.raises(Deadlock, match="Collector would wait for itself"):
        ref.ask(latch, timeout=CAP)


def test_who_is_told_of_a_circle_waits_for_the_answer_no_more():
    ref = Tolerant.start()
    asked = []

    async def ask_oneself():
        asked.append(ref.ask("never", block=False))
        return await asked[0]

    with pytest.raises(Deadlock):
        ref.ask(ask_oneself)

    assert asked[0]._waiters == []
