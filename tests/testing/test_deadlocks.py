"""Locks that nobody opens any more: a test whose actors wait for one fails, though it may not wait itself."""

from __future__ import annotations

import threading

import pytest

from actors import Actor, Deadlock, checkpoint, send_after, sleep
from actors.testing import System
from actors.testing.explore import ScenarioFailed, explore
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
