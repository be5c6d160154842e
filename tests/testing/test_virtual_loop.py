"""Async handlers in a simulation: their coroutines take steps in virtual time, in the one thread."""

from __future__ import annotations

import asyncio
import gc
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

import pytest

from actors import Actor, ActorDied, Deadlock, Killed, Normal, WouldBlock, checkpoint, now, sleep
from actors.testing import Livelock, NotSimulated, System, TestRuntime
from tests.support import Probe


class Running(Actor):
    """Runs the coroutine function that it is sent."""

    async def on_receive(self, function):
        return await function()


def test_sleeping_coroutines_wait_at_the_same_time():
    async def sleep():
        await asyncio.sleep(2.0)
        return now()

    with System() as system:
        answers = [Running.start().ask(sleep, block=False) for _ in range(100)]

        assert [answer.get() for answer in answers] == [2.0] * 100
        assert system.now() == 2.0


def test_a_coroutine_awaits_an_actor():
    with System():
        probe = Probe.start()

        async def ask():
            return await probe.ask(lambda: "answer", block=False)

        assert Running.start().ask(ask) == "answer"


def test_a_time_out_of_asyncio_is_virtual():
    async def wait():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(30.0):
                await asyncio.get_running_loop().create_future()
        return now()

    with System():
        assert Running.start().ask(wait) == 30.0


def test_no_time_passes_for_a_time_out_whose_wait_is_over():
    async def wait():
        return await asyncio.wait_for(asyncio.sleep(1.0, "done"), 1000.0)

    with System() as system:
        assert Running.start().ask(wait) == "done"

        with pytest.raises(Deadlock):
            Running.start().ask(lambda: asyncio.get_running_loop().create_future())
        assert system.now() == 1.0


def test_of_two_equal_timers_only_that_goes_which_is_cancelled():
    log = []

    async def cancel_one():
        loop = asyncio.get_running_loop()
        timers = [loop.call_at(5.0, log.append, "called") for _ in range(2)]
        timers[0].cancel()

    with System() as system:
        Running.start().ask(cancel_one)

        system.run_until(lambda: log)
        assert system.now() == 5.0


def test_tasks_of_a_coroutine_interleave():
    async def count(log, name):
        for number in range(3):
            log.append((name, number))
            await asyncio.sleep(0)

    async def both():
        log = []
        await asyncio.gather(count(log, "a"), count(log, "b"))
        return log

    with System():
        log = Running.start().ask(both)

    assert [entry for entry in log if entry[0] == "a"] == [("a", 0), ("a", 1), ("a", 2)]
    assert log != sorted(log)


def test_what_would_block_the_loop_is_refused_as_ever():
    with System() as system:
        probe = Probe.start()
        system.expect_crash(WouldBlock)

        async def block():
            return probe.ask(lambda: "never")

        with pytest.raises(WouldBlock):
            Running.start().ask(block)


@pytest.mark.parametrize(
    "reach_out",
    [
        lambda: asyncio.open_connection("127.0.0.1", 9),
        lambda: asyncio.get_running_loop().getaddrinfo("localhost", 9),
        lambda: asyncio.start_server(print, "127.0.0.1", 0),
        lambda: asyncio.create_subprocess_exec("true"),
        lambda: asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, print),
    ],
    ids=["a connection", "an address", "a server", "a process", "a signal"],
)
def test_what_reaches_out_of_the_program_is_refused_with_what_to_do(reach_out):
    class Reaching(Actor):
        async def on_receive(self, _message):
            await reach_out()

    with pytest.raises(NotSimulated, match=r"of the event loop.*hand in something") as refused, System():
        Reaching.start().ask("go")

    assert __file__ in refused.value.where


class Waiting(Actor):
    """Has a coroutine wait until others act on what it shows them."""

    def __init__(self, shown):
        self.shown = shown

    async def on_receive(self, how):
        loop = asyncio.get_running_loop()
        self.shown.update(loop=loop, future=loop.create_future(), event=asyncio.Event(), queue=asyncio.Queue())
        return await how(self.shown)


async def wait_for_future(shown):
    return await shown["future"]


async def wait_for_event(shown):
    await shown["event"].wait()
    return "woken"


async def wait_for_item(shown):
    return await shown["queue"].get()


async def put(shown):
    await shown["queue"].put("woken")


FROM_ELSEWHERE = {
    "a result": (wait_for_future, lambda shown: shown["future"].set_result("woken")),
    "an event": (wait_for_event, lambda shown: shown["event"].set()),
    "an item": (wait_for_item, lambda shown: shown["queue"].put_nowait("woken")),
    "a callback": (wait_for_event, lambda shown: shown["loop"].call_soon(shown["event"].set)),
    "a timer": (wait_for_event, lambda shown: shown["loop"].call_later(1.0, shown["event"].set)),
    "an end": (wait_for_future, lambda shown: shown["future"].cancel()),
}

THREADSAFE = {
    "a result": (
        wait_for_future,
        lambda shown: shown["loop"].call_soon_threadsafe(shown["future"].set_result, "woken"),
    ),
    "an event": (wait_for_event, lambda shown: shown["loop"].call_soon_threadsafe(shown["event"].set)),
    "a coroutine": (
        wait_for_item,
        lambda shown: asyncio.run_coroutine_threadsafe(put(shown), shown["loop"]).result(),
    ),
}


@pytest.mark.parametrize(("how", "wake"), FROM_ELSEWHERE.values(), ids=FROM_ELSEWHERE)
@pytest.mark.parametrize("runs_on", ["shared", "thread"])
def test_what_wakes_no_real_loop_wakes_none_when_other_actors_call_it_and_the_deadlock_says_so(how, wake, runs_on):
    shown = {}
    with System() as system:
        answer = Waiting.start(shown).ask(how, block=False)
        system.run_until_idle()
        Probe.options(runs_on=runs_on).start().ask(lambda: wake(shown))

        with pytest.raises(Deadlock, match=r"the event loop isn't woken.*call_soon_threadsafe"):
            answer.get()


@pytest.mark.parametrize(("how", "wake"), FROM_ELSEWHERE.values(), ids=FROM_ELSEWHERE)
def test_nor_when_the_test_does(how, wake):
    shown = {}
    with System() as system:
        answer = Waiting.start(shown).ask(how, block=False)
        system.run_until_idle()
        wake(shown)

        with pytest.raises(Deadlock, match="the event loop isn't woken"):
            answer.get()


@pytest.mark.parametrize("name", [name for name in FROM_ELSEWHERE if name != "an end"])
def test_what_else_wakes_it_has_that_be_seen(name):
    how, wake = FROM_ELSEWHERE[name]
    shown = {}
    with System() as system:
        answer = Waiting.start(shown).ask(how, block=False)
        system.run_until_idle()
        wake(shown)
        Running.start().tell(partial(asyncio.sleep, 0))

        assert answer.get() == "woken"


@pytest.mark.parametrize("runtime", [System, pytest.param(TestRuntime, marks=pytest.mark.real)])
def test_a_hook_that_is_no_coroutine_may_cancel_the_actors_tasks(runtime):
    class Timing(Actor):
        async def on_start(self):
            self.task = asyncio.create_task(asyncio.sleep(1000.0))

        async def on_receive(self, message):
            return message

        def on_stop(self):
            self.task.cancel()

    with runtime():
        timing = Timing.start()
        assert timing.ask("hello") == "hello"
        timing.stop()

        assert timing.exit_reason == Normal()


@pytest.mark.parametrize(("how", "wake"), THREADSAFE.values(), ids=THREADSAFE)
@pytest.mark.parametrize("runtime", [System, pytest.param(TestRuntime, marks=pytest.mark.real)])
def test_others_wake_a_coroutine_by_what_is_meant_for_threads(runtime, how, wake):
    shown = {}
    with runtime():
        waker = Probe.start()

        async def have_it_woken(shown):
            waker.tell(lambda: wake(shown))
            return await how(shown)

        assert Waiting.start(shown).ask(have_it_woken) == "woken"


def test_a_kill_cancels_a_coroutine_whose_finally_blocks_run():
    log = []

    async def wait():
        try:
            await asyncio.sleep(1000.0)
        finally:
            log.append("ends")

    with System() as system:
        running = Running.start()
        answer = running.ask(wait, block=False)
        system.run_until_idle()

        running.kill()

        with pytest.raises(ActorDied) as died:
            answer.get()
        assert died.value.reason == Killed()
        assert running.join()
    assert log == ["ends"]


def test_a_test_that_awaits_in_a_loop_of_its_own_has_the_simulation_go_on():
    async def wait():
        await asyncio.sleep(3.0)
        return "done"

    async def test():
        with System() as system:
            assert await Running.start().ask(wait, block=False) == "done"
            return system.now()

    assert asyncio.run(test()) == 3.0


REFUSED = {
    "a thread of an executor": lambda: asyncio.get_running_loop().run_in_executor(ThreadPoolExecutor(), print),
    "a thread, by a function that runs in one": lambda: asyncio.to_thread(threading.Thread(target=print).start),
    "a thread": lambda: threading.Thread(target=print).start(),
    "a loop of its own": lambda: asyncio.run(None),
    "too many steps": lambda: [checkpoint() for _ in range(100)],
}


@pytest.mark.parametrize("refused", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("ends_first", ["the loop", "the system"])
def test_what_fails_in_a_coroutine_leaves_the_tests_own_loops_as_they_were(refused, ends_first):
    log = []

    async def fail():
        try:
            awaitable = refused()
            await awaitable
        finally:
            # It is the simulation's here, as ever.
            log.append(type(asyncio.get_running_loop()).__name__)

    async def ask():
        await Running.start().ask(fail, block=False)

    async def test():
        with System(max_steps=50):
            await ask()

    if ends_first == "the system":
        with pytest.raises((NotSimulated, Livelock)):
            asyncio.run(test())
    else:
        with System(max_steps=50) as system:
            with pytest.raises((NotSimulated, Livelock)):
                asyncio.run(ask())
            assert asyncio.run(asyncio.sleep(0, "another")) == "another"
            system.leave_unchecked()

    assert asyncio.run(asyncio.sleep(0, "another")) == "another"
    assert log == ["VirtualLoop"]


def test_coroutines_go_on_when_another_was_refused_something():
    async def refused():
        threading.Thread(target=print).start()

    with System() as system:
        with pytest.raises(NotSimulated):
            Running.start().ask(refused)
        system.expect_crash(BaseException, times=None, at_least=0)

        assert Running.start().ask(lambda: asyncio.sleep(3.0, "done")) == "done"


def test_a_coroutine_that_blocks_the_loop_is_woken_by_nothing_but_the_time():
    async def block():
        time.sleep(10.0)  # noqa: ASYNC251 - what this is about
        return now()

    class Late(Actor):
        def on_receive(self, other):
            sleep(3.0)
            return other.ask(lambda: asyncio.sleep(0, "done"))

    with System():
        blocking = Running.start().ask(block, block=False)
        late = Late.start().ask(Running.start(), block=False)

        assert blocking.get() == 10.0
        assert late.get() == "done"


def test_what_would_end_a_program_in_a_task_of_a_coroutines_own_ends_neither_the_test_nor_others(caplog):
    async def fail():
        raise SystemExit

    async def begin():
        asyncio.get_running_loop().call_soon(lambda: (_ for _ in ()).throw(SystemExit))
        await asyncio.sleep(1.0)
        return "unharmed"

    with System():
        assert Running.start().ask(begin) == "unharmed"
    assert "would end the program" in caplog.text


def test_tasks_that_failed_and_nobody_asked_are_told_of_at_the_end_in_order(caplog):
    """As the real loop does it, but at a moment that no garbage collector decides."""
    tasks = []

    async def fail(why):
        raise ValueError(why)

    async def start_some():
        tasks.extend(asyncio.create_task(fail(why)) for why in ("first", "asked for", "last"))
        await asyncio.sleep(1.0)
        assert isinstance(tasks[1].exception(), ValueError)

    with System():
        Running.start().ask(start_some)
        assert not caplog.records

    told = [record for record in caplog.records if record.name == "asyncio"]
    assert [str(record.exc_info[1]) for record in told] == ["first", "last"]
    assert all("exception was never retrieved" in record.getMessage() for record in told)


def test_tasks_that_fail_are_told_of_when_nothing_refers_to_them(caplog):
    async def fail():
        raise ValueError("forgotten")

    async def start_many():
        for _ in range(1000):
            asyncio.create_task(asyncio.sleep(0.0))  # noqa: RUF006 - what this is about
        asyncio.create_task(fail())  # noqa: RUF006
        await asyncio.sleep(1.0)

    with System():
        Running.start().ask(start_many)
        gc.collect()
        assert not caplog.records

    assert [str(record.exc_info[1]) for record in caplog.records] == ["forgotten"]


def test_a_task_that_resists_its_end_is_left_behind_without_a_word(caplog):
    async def resist():
        while True:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0)

    with pytest.raises(Livelock), System(max_steps=1000):
        Running.start().ask(resist)
    gc.collect()

    assert [record.message for record in caplog.records if record.name == "asyncio"] == []


@pytest.mark.parametrize("in_a_task", [False, True])
def test_a_coroutine_that_waits_for_ever_for_a_lock_ends_with_the_test_without_a_word_and_so_do_others(
    in_a_task, caplog
):
    ended = []

    async def take_it_twice():
        lock = threading.Lock()
        lock.acquire()
        await asyncio.sleep(1.0)
        lock.acquire()

    async def act():
        if in_a_task:
            tasks.append(asyncio.create_task(take_it_twice()))
            await asyncio.sleep(10.0)
        else:
            await take_it_twice()

    tasks = []
    with System():
        Running.start().tell(lambda: note_when_it_ends("another", ended))
        with pytest.raises(Deadlock):
            Running.start().ask(act)
    gc.collect()

    assert ended == ["another"]
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []


async def note_when_it_ends(number, ended):
    try:
        await asyncio.Event().wait()
    finally:
        ended.append(number)


def test_tasks_that_an_actor_leaves_behind_are_cancelled_in_the_order_in_which_they_have_begun():
    ended = []

    async def begin_many():
        for number in range(50):
            asyncio.create_task(note_when_it_ends(number, ended))  # noqa: RUF006 - what this is about

    with System():
        Running.start().ask(begin_many)

    assert ended == list(range(50))


async def sleep_and_return(number):
    await asyncio.sleep(100.0)
    return number


@pytest.mark.parametrize("made_from", [asyncio.create_task, asyncio.shield], ids=["tasks", "futures"])
def test_what_asyncio_hands_out_in_a_set_comes_in_the_same_order_in_each_run(made_from):
    kept = []

    async def wait_for_all():
        awaited = [made_from(sleep_and_return(number)) for number in range(50)]
        kept.append(awaited)
        done, _ = await asyncio.wait(awaited)
        return [future.result() for future in done]

    def run():
        with System():
            return Running.start().ask(wait_for_all)

    assert run() == run()


def test_tasks_of_a_group_are_cancelled_in_the_same_order_in_each_run():
    kept = []

    async def have_one_fail():
        ended = []
        with suppress(ExceptionGroup):
            async with asyncio.TaskGroup() as group:
                kept.append([group.create_task(note_when_it_ends(number, ended)) for number in range(50)])
                await asyncio.sleep(1.0)
                raise ValueError
        return ended

    def run():
        with System():
            return Running.start().ask(have_one_fail)

    assert run() == run()
