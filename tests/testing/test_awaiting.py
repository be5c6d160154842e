"""The test's own coroutines: while all of them wait, the simulation goes on, until one has what it waits for."""

from __future__ import annotations

import asyncio
import signal
import threading

import pytest

from actors import Actor, Deadlock, GenServer, NoReply, Ok, now, sleep
from actors.testing import Livelock, StepTooLong, System


class Sleeper(Actor):
    def on_receive(self, seconds):
        sleep(seconds)
        return now()


class Gate(GenServer):
    """Who calls is answered when it is opened."""

    def init(self, _argument):
        return Ok(None)

    def handle_call(self, _request, sender, _waiting):
        return NoReply(sender)

    def handle_cast(self, _request, waiting):
        waiting.reply("open")
        return NoReply(None)


async def spin():
    while True:  # noqa: ASYNC110 - what this is about
        await asyncio.sleep(0)


def in_system(test, **options):
    with System(**options) as system:
        return asyncio.run(test(system))


def test_another_coroutine_may_do_what_one_waits_for():
    async def test(_system):
        gate = Gate.start_link(None)

        async def open_it():
            gate.cast("open")

        answer, _ = await asyncio.gather(gate.ask("enter", block=False), open_it())
        return answer

    assert in_system(test) == "open"


@pytest.mark.parametrize("steps", [50, 5000, 50_000])
def test_another_may_take_many_steps_of_its_own_before(steps):
    async def test(_system):
        gate = Gate.start_link(None)

        async def open_it():
            for _ in range(steps):
                await asyncio.sleep(0)
            gate.cast("open")

        answer, _ = await asyncio.gather(gate.ask("enter", block=False), open_it())
        return answer

    assert in_system(test) == "open"


@pytest.mark.parametrize("seconds", [(1, 2, 3), (3, 2, 1), (2, 2, 2)])
def test_several_wait_at_the_same_time(seconds):
    async def test(_system):
        return await asyncio.gather(*(Sleeper.start().ask(each, block=False) for each in seconds))

    assert in_system(test) == list(seconds)


def test_one_goes_on_as_soon_as_it_has_what_it_waits_for_though_another_waits_still():
    async def test(_system):
        gate = Gate.start_link(None)
        waiting = asyncio.ensure_future(gate.ask("enter", block=False))
        woken = await Sleeper.start().ask(5, block=False)
        assert not waiting.done()
        gate.cast("open")
        return woken, await waiting

    assert in_system(test) == (5.0, "open")


def test_one_who_never_rests_does_not_stop_the_simulation():
    async def test(_system):
        spinning = asyncio.create_task(spin())
        woken = await Sleeper.start().ask(5, block=False)
        spinning.cancel()
        return woken

    assert in_system(test) == 5.0


def test_what_can_never_come_is_a_deadlock_for_all_who_wait():
    async def test(_system):
        gates = [Gate.start_link(None) for _ in range(2)]
        return await asyncio.gather(*(gate.ask("enter", block=False) for gate in gates), return_exceptions=True)

    assert [type(error) for error in in_system(test)] == [Deadlock, Deadlock]


def test_what_can_never_come_is_a_deadlock_though_another_never_rests():
    async def test(_system):
        spinning = asyncio.create_task(spin())
        with pytest.raises(Deadlock):
            await Gate.start_link(None).ask("enter", block=False)
        return spinning.cancel()

    assert in_system(test, max_steps=1000)


def test_a_simulation_that_fails_fails_the_coroutine_that_waits_for_it():
    class Endless(Actor):
        async def on_receive(self, _message):
            while True:  # noqa: ASYNC110 - what this is about
                await asyncio.sleep(0)

    async def test(_system):
        await Endless.start().ask("go", block=False)

    with pytest.raises(Livelock, match="Endless-1#1 handles 'go'"):
        in_system(test, max_steps=1000)


def test_what_fails_in_the_very_step_that_answers_is_told_all_the_same():
    came = []

    class Answering(Actor):
        def on_receive(self, message):
            came.append(message)

    async def test(system):
        system.always(lambda: not came)
        await Answering.start().ask("hello", block=False)

    with pytest.raises(AssertionError, match="to hold always"):
        in_system(test)


class Spinning(Actor):
    def on_receive(self, _message):
        while True:
            pass


async def await_it(_system):
    await Spinning.start().ask("spin", block=False)


async def ask_it(_system):
    Spinning.start().ask("spin")


async def have_time_pass(system):
    Spinning.start().tell("spin")
    system.advance(1.0)


async def end_with_it(_system):
    Spinning.start().tell("spin")


@pytest.mark.parametrize("act", [await_it, ask_it, have_time_pass, end_with_it])
def test_a_step_that_takes_too_long_is_interrupted_however_an_async_test_has_it_go_on(act):
    async def test():
        with System(step_seconds=0.2) as system:
            await act(system)

    with pytest.raises(StepTooLong, match="while True"):
        asyncio.run(test())


def test_an_interrupt_ends_an_async_test_where_it_waits():
    class Interrupted(Actor):
        def on_receive(self, _message):
            signal.raise_signal(signal.SIGINT)

    gone_on = []

    async def test(system):
        Interrupted.start().tell("hello")
        system.advance(1.0)
        gone_on.append("on")

    with pytest.raises(KeyboardInterrupt):
        in_system(test)
    assert gone_on == []


def test_what_was_left_in_another_loop_stops_nobody():
    async def leave():
        waiting = asyncio.ensure_future(Sleeper.start().ask(1, block=False))
        await asyncio.sleep(0)
        return waiting

    async def wait():
        spinning = asyncio.create_task(spin())
        woken = await Sleeper.start().ask(5, block=False)
        spinning.cancel()
        return woken

    with System(), asyncio.Runner() as runner:
        waiting = runner.run(leave())

        assert asyncio.run(wait()) == 5.0
        assert not waiting.done()


def test_another_thread_may_have_a_simulation_of_its_own_beside_asyncio():
    def simulate():
        async def test(_system):
            return await Sleeper.start().ask(5, block=False)

        return in_system(test)

    async def main():
        return await asyncio.to_thread(simulate)

    assert asyncio.run(main()) == 5.0


def test_many_wait_at_the_same_time():
    async def test(_system):
        sleepers = [Sleeper.start() for _ in range(1000)]
        return await asyncio.gather(*(sleeper.ask(1.0, block=False) for sleeper in sleepers))

    assert in_system(test) == [1.0] * 1000


def test_a_deadlock_says_that_another_waits_for_real_time():
    async def test(_system):
        gate = Gate.start_link(None)

        async def open_it():
            await asyncio.sleep(3600)
            gate.cast("open")

        await asyncio.gather(gate.ask("enter", block=False), open_it())

    with pytest.raises(Deadlock) as caught:
        in_system(test)

    assert "as by asyncio.sleep(), which nobody waits for here" in caught.value.__notes__[0]


def test_a_deadlock_is_one_though_another_never_rests():
    async def test(_system):
        spinning = asyncio.create_task(spin())
        try:
            await Gate.start_link(None).ask("enter", block=False)
        finally:
            spinning.cancel()

    with pytest.raises(Deadlock):
        in_system(test)


class Locked(Actor):
    def on_receive(self, lock):
        with lock:
            lock.acquire()


def test_a_deadlock_that_nobody_was_told_of_since_others_went_on_fails_the_test_at_its_end():
    async def test(_system):
        Locked.start().tell(threading.Lock())
        gate = Gate.start_link(None)

        async def open_it():
            for _ in range(150):
                await asyncio.sleep(0)
            gate.cast("open")

        answer, _ = await asyncio.gather(gate.ask("enter", block=False), open_it())
        assert answer == "open"

    with pytest.raises(Deadlock, match="Locked-1#1 waits for a lock that it has itself"):
        in_system(test)


def test_a_deadlock_that_an_async_test_was_told_of_is_told_once():
    async def test(_system):
        with pytest.raises(Deadlock, match="Locked-1#1 waits for a lock that it has itself"):
            await Locked.start().ask(threading.Lock(), block=False)

    in_system(test)


def test_who_waits_no_more_is_not_waited_for():
    async def test(_system):
        waiting = asyncio.ensure_future(Sleeper.start().ask(100, block=False))
        await asyncio.sleep(0)
        waiting.cancel()
        return await Sleeper.start().ask(5, block=False)

    assert in_system(test) == 5.0


def test_a_second_loop_has_it_go_on_where_the_first_was_left():
    async def leave(_system):
        waiting = asyncio.ensure_future(Sleeper.start().ask(100, block=False))
        await asyncio.sleep(0)
        assert not waiting.done()

    async def wait():
        return await Sleeper.start().ask(5, block=False)

    with System() as system:
        asyncio.run(leave(system))

        assert asyncio.run(wait()) == 5.0
