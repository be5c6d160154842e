"""Locks that nobody opens any more: a test whose actors wait for one fails, though it may not wait itself."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

import pytest

from actors import Actor, CallTimeout, Deadlock, checkpoint, send_after, sleep
from actors.testing import System
from actors.testing.explore import ScenarioFailed, explore
from actors.testing.system import UnexpectedCrash
from supervision.testing import crash_sweep, start_supervised


class Both(Actor):
    """Takes one lock, and then another."""

    def on_receive(self, locks):
        first, second = locks
        with first:
            checkpoint()
            with second:
                pass


def in_two_orders(system):
    one, other = threading.Lock(), threading.Lock()
    Both.start().tell((one, other))
    Both.start().tell((other, one))
    system.run_until_idle()


def in_one_order(system):
    one, other = threading.Lock(), threading.Lock()
    Both.start().tell((one, other))
    Both.start().tell((one, other))
    system.run_until_idle()


def in_two_orders_unawaited(_system):
    one, other = threading.Lock(), threading.RLock()
    Both.start().tell((one, other))
    Both.start().tell((other, one))


@pytest.mark.parametrize("scenario", [in_two_orders, in_two_orders_unawaited])
def test_two_that_take_two_locks_in_two_orders_are_found(scenario):
    with pytest.raises(ScenarioFailed, match="wait for locks that nobody can open any more") as failed:
        explore(scenario, schedules=50)

    assert isinstance(failed.value.__cause__, Deadlock)
    assert "Both-1#1 waits for a lock that Both-2#1 has" in str(failed.value)
    assert "Both-2#1 waits for a lock that Both-1#1 has" in str(failed.value)


def test_two_that_take_two_locks_in_one_order_are_left_alone():
    assert explore(in_one_order, schedules=50).schedules == 50


class Careless(Actor):
    """Doesn't give back what it has when it crashes."""

    def on_receive(self, lock):
        lock.acquire()
        checkpoint()
        lock.release()


def careless(system):
    lock = threading.Lock()
    for name in ("one", "other"):
        start_supervised(Careless, id=name).tell(lock)
    system.run_until_idle()


def test_a_crash_that_leaves_a_lock_behind_isnt_survived():
    sweep = crash_sweep(careless)

    [lost] = sweep.not_survived
    assert lost.point == "checkpoint"
    assert "waits for a lock that Careless-1#1 had when it ended" in str(lost.failure)


def waits_for_an_event(_lock):
    threading.Event().wait()


def waits_in_vain_for_a_while(lock):
    assert not lock.acquire(timeout=5)


def waits_for_the_test(lock):
    lock.acquire()


class Told(Actor):
    """Does what it is told."""

    def on_receive(self, message):
        message()


@pytest.mark.parametrize("do", [waits_for_an_event, waits_in_vain_for_a_while, waits_for_the_test])
def test_who_waits_for_what_may_come_still_is_left_alone(do):
    with System() as system:
        lock = threading.Lock()
        lock.acquire()
        Told.start().tell(lambda: do(lock))
        system.run_until_idle()


def test_who_waits_for_one_that_is_at_work_is_left_alone():
    with System() as system:
        lock = threading.Lock()

        def work():
            lock.acquire()
            sleep(1000)
            lock.release()

        Told.start().tell(work)
        system.run_until_idle()
        Told.start().tell(lock.acquire)
        system.run_until_idle()


def at_once(other, lock):
    other.tell(lock.release)


def in_ten_seconds(other, lock):
    send_after(other, lock.release, 10)


@pytest.mark.parametrize("open_later", [at_once, in_ten_seconds])
def test_a_lock_that_another_is_about_to_open_is_left_alone(open_later):
    with System() as system:
        lock = threading.Lock()
        first = Told.start()
        first.ask(lock.acquire)
        first.stop()
        Told.start().tell(lock.acquire)
        system.run_until_idle()
        open_later(Told.start(), lock)


def test_who_waits_in_vain_for_such_a_test_is_told_whose_lock_it_is():
    with pytest.raises(Deadlock, match="Told-2#1 waits for a lock that Told-1#1 had when it ended"), System() as system:
        lock = threading.Lock()
        first = Told.start()
        first.tell(lock.acquire)
        first.stop()
        second = Told.start()
        second.tell(lock.acquire)
        second.ask(lambda: None)
        system.run_until_idle()


def take_both(one, other):
    with one:
        sleep(1)
        with other:
            pass


def in_two_orders_for_certain(_system):
    one, other = threading.Lock(), threading.Lock()
    first, second = Told.start(), Told.start()
    second.tell(lambda: take_both(other, one))
    first.ask(lambda: take_both(one, other))


def after_one_who_is_gone(_system):
    lock = threading.Lock()
    first = Told.start()
    first.ask(lock.acquire)
    first.stop()
    Told.start().ask(lock.acquire)


def in_coroutines(_system):
    lock = threading.Lock()
    ToldAsync.start().tell(lock)
    ToldAsync.start().ask(lock)


@pytest.mark.parametrize("scenario", [in_two_orders_for_certain, after_one_who_is_gone, in_coroutines])
def test_a_test_may_show_that_actors_deadlock(scenario):
    with System() as system, pytest.raises(Deadlock, match=r"waits for a lock that (Told-|it)"):
        scenario(system)


def test_what_deadlocks_after_one_that_was_meant_fails_the_test():
    with pytest.raises(Deadlock, match="wait for locks that nobody can open any more") as failed, System() as system:
        with pytest.raises(Deadlock):
            after_one_who_is_gone(system)
        lock = threading.Lock()
        Told.start().tell(lambda: take_both(lock, lock))
        system.advance(5)

    assert "Told-3#1 waits for a lock that it has itself" in str(failed.value)
    assert "Told-2#1" not in str(failed.value)


def by_itself(_lock):
    lock = threading.Lock()
    Told.start().tell(lambda: take_both(lock, lock))


def by_an_ask(_system):
    ask_holding_what_the_other_wants(timeout=None)


def ask_holding_what_the_other_wants(timeout):
    lock = threading.Lock()
    asking, asked = Told.start(), Told.start()

    def ask_with_it():
        with lock, suppress(CallTimeout):
            sleep(2)
            asked.ask(lambda: None, timeout=timeout)

    asking.tell(ask_with_it)
    asked.tell(lambda: sleep(1))
    asked.tell(lambda: take_both(lock, threading.Lock()))


def by_coroutines(_system):
    """Waits for what another coroutine has over an await: it is to go on in the same thread."""
    lock = threading.Lock()
    for _ in range(2):
        ToldAsync.start().tell(lock)


class DoesAsync(Actor):
    """Does what it is told, in a coroutine."""

    async def on_receive(self, message):
        await message()


async def take_at_once(lock):
    with lock:
        pass


def by_an_ask_of_what_a_coroutine_answers(_system):
    lock = threading.Lock()
    asking, asked = Told.start(), DoesAsync.start()

    def ask_with_it():
        with lock:
            asked.ask(lambda: take_at_once(lock))

    asking.tell(ask_with_it)


def by_a_coroutine_that_asks(_system):
    lock = threading.Lock()
    asking, asked = DoesAsync.start(), Told.start()

    async def ask_with_it():
        with lock:
            await asked.ask(lambda: take_both(lock, threading.Lock()), block=False)

    asking.tell(ask_with_it)


class ToldAsync(Actor):
    """Holds a lock over an await."""

    async def on_receive(self, lock):
        with lock:
            await asyncio.sleep(1)


class Beating(Actor):
    """Has a timer, always."""

    def on_start(self):
        send_after(self.actor_ref, "beat", 10)

    def on_receive(self, _message):
        send_after(self.actor_ref, "beat", 10)


@pytest.mark.parametrize("others", [[], [Beating]], ids=["alone", "beside a timer"])
@pytest.mark.parametrize(
    ("scenario", "waits"),
    [
        (by_itself, "Told-1#1 waits for a lock that it has itself"),
        (by_an_ask, "Told-2#1 waits for a lock that Told-1#1 has"),
        (by_coroutines, "event loop waits for a lock that it has itself"),
        (
            by_an_ask_of_what_a_coroutine_answers,
            "event loop waits for a lock that Told-1#1 has, in a coroutine of DoesAsync-1#1",
        ),
        (by_a_coroutine_that_asks, "Told-1#1 waits for a lock that DoesAsync-1#1 has"),
    ],
)
def test_other_circles_are_found_as_well(scenario, waits, others):
    with pytest.raises(Deadlock, match=waits), System() as system:
        for other in others:
            other.start()
        scenario(system)
        system.advance(5)


def test_a_crash_that_leaves_a_lock_behind_isnt_survived_beside_a_timer():
    def beside_a_timer(system):
        Beating.start()
        careless(system)

    [lost] = crash_sweep(beside_a_timer, faults=2).not_survived

    assert "waits for a lock that Careless-1#1 had when it ended" in str(lost.failure)


@pytest.mark.parametrize("rounds", [1, 2])
def test_a_lock_that_others_open_than_who_has_shut_it_is_no_ones(rounds):
    def play(mine, others):
        for _ in range(rounds):
            mine.acquire()
            others.release()
        mine.acquire()

    with System() as system:
        ping, pong = threading.Lock(), threading.Lock()
        pong.acquire()
        Told.start().tell(lambda: play(ping, pong))
        Told.start().tell(lambda: play(pong, ping))
        system.run_until_idle()


def test_what_one_had_who_ended_in_a_coroutine_is_what_he_had():
    async def crash_with_it():
        lock.acquire()
        raise LookupError

    waits = "Told-1#1 waits for a lock that DoesAsync-1#1 had when it ended"
    with pytest.raises(Deadlock, match=waits), System() as system:
        lock = threading.Lock()
        system.expect_crash(LookupError)
        DoesAsync.start().tell(crash_with_it)
        system.run_until_idle()
        Told.start().tell(lock.acquire)
        system.run_until_idle()


def test_a_lock_that_one_task_of_an_actor_has_while_another_asks_is_left_alone():
    async def hold():
        with lock:
            await asyncio.sleep(10)

    async def ask_beside():
        task = asyncio.create_task(hold())
        await asyncio.sleep(1)
        await asked.ask(lambda: take_both(lock, threading.Lock()), block=False)
        await task

    with System() as system:
        lock = threading.Lock()
        asked = Told.start()
        DoesAsync.start().tell(ask_beside)
        system.advance(5)


def test_who_asks_for_a_time_is_left_alone():
    with System() as system:
        ask_holding_what_the_other_wants(timeout=60)
        system.advance(5)


def test_a_circle_of_locks_is_none_as_long_as_one_waits_for_a_time():
    def patiently(first, second):
        with first:
            sleep(1)
            if second.acquire(timeout=60):
                second.release()

    with System() as system:
        one, other = threading.Lock(), threading.Lock()
        Told.start().tell(lambda: patiently(one, other))
        Told.start().tell(lambda: patiently(other, one))
        system.advance(5)


def test_what_happens_after_the_test_only_to_see_a_lock_opened_is_none_of_its_crashes():
    class Watchdog(Actor):
        def on_start(self):
            send_after(self.actor_ref, "nobody came", 5)

        def on_receive(self, message):
            raise LookupError(message)

    with System() as system:
        lock = threading.Lock()
        gone = Told.start()
        gone.ask(lock.acquire)
        gone.stop()
        Told.start().tell(lock.acquire)
        system.run_until_idle()
        send_after(Told.start(), lock.release, 10)
        Watchdog.start()


def fail():
    raise LookupError


def fail_when_it_has_slept():
    sleep(2)
    fail()


def wait_for_a_lock_until_somebody_else_has_waited_for_a_time(system):
    ask_holding_what_the_other_wants(timeout=60)
    system.advance(5)


@pytest.mark.parametrize("others", [lambda _system: None, wait_for_a_lock_until_somebody_else_has_waited_for_a_time])
@pytest.mark.parametrize("do", [[fail], [fail_when_it_has_slept], [lambda: sleep(2), fail]])
class TestWhatActorsHaveToDoWhenTheTestEnds:
    """It is the test's, whether others wait for a lock then or don't."""

    def test_it_fails_the_test(self, do, others):
        with pytest.raises(UnexpectedCrash, match="Told-1#1 crashed of LookupError"), System() as system:
            told = Told.start()
            others(system)
            for one in do:
                told.tell(one)

    def test_it_may_be_expected(self, do, others):
        with System() as system:
            told = Told.start()
            others(system)
            system.expect_crash(LookupError)
            for one in do:
                told.tell(one)


class Restless(Actor):
    """Goes on for ever."""

    def on_receive(self, message):
        self.actor_ref.tell(message)


def test_who_waits_for_ever_is_found_beside_one_who_goes_on_for_ever():
    with (
        pytest.raises(Deadlock, match="Told-1#1 waits for a lock that it has itself"),
        System(max_steps=1000) as system,
    ):
        by_itself(system)
        system.advance(5)
        Restless.start().tell("on")
