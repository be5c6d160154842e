"""Threads that take turns line by line: what is found, how it is told, and that it comes again."""

from __future__ import annotations

import _thread
import queue
import threading
import time
from types import SimpleNamespace

import pytest

from actors.errors import Deadlock
from actors.testing.system import System
from actors.testing.threads import FailedSchedule, NothingToExplore, explore_threads
from tests.support import Probe
from tests.testing import raced


def add(counter):
    counter.add()


def is_two(counter):
    assert counter.value == 2


def found(*functions, **options):
    with pytest.raises(FailedSchedule) as caught:
        explore_threads(*functions, only=[raced], **options)
    return caught.value


def test_a_count_that_can_be_lost_is_lost_in_some_schedule():
    failed = found(add, add, given=raced.Counter, check=is_two)

    assert isinstance(failed.error, AssertionError)
    assert failed.schedule < 50


@pytest.mark.parametrize("wrong", [False, 0, []])
def test_a_check_fails_by_what_is_false_too_and_holds_when_it_returns_nothing(wrong):
    failed = found(add, add, given=raced.Counter, check=lambda counter: counter.value == 2 or wrong)

    assert str(failed.error) == f"the check doesn't hold: it returned {wrong!r}"


def test_a_failure_shows_who_ran_which_line():
    failed = found(add, add, given=raced.Counter, check=is_two)

    assert {step.thread for step in failed.steps} == {"add-1", "add-2"}
    assert {step.function for step in failed.steps} == {"Counter.add"}
    assert "testing/raced.py:" in str(failed)
    assert "self.value = value + 1" in str(failed)
    assert f"again with: seed={failed.seed}, schedules=1" in str(failed)


def test_a_failed_schedule_is_run_again_by_its_seed():
    failed = found(add, add, given=raced.Counter, check=is_two, schedules=100)

    again = found(add, add, given=raced.Counter, check=is_two, seed=failed.seed, schedules=1)

    assert again.steps == failed.steps


def test_the_same_seed_makes_the_same_schedules():
    reports = [explore_threads(add, add, only=[raced], given=raced.Counter, schedules=200, seed=7) for _ in range(2)]

    assert reports[0] == reports[1]
    assert 10 < reports[0].distinct < 200
    assert reports[0].points > reports[0].switches > 200


@pytest.mark.parametrize("counter", [raced.GuardedCounter, raced.CounterOfModule])
def test_who_comes_to_a_lock_that_a_paused_one_holds_hands_on(counter):
    report = explore_threads(add, add, add, only=[raced], given=counter, check=is_three)

    assert report.distinct > 100


def is_three(counter):
    assert counter.value == 3


def test_a_lock_of_a_module_is_itself_again_afterwards():
    before = raced.lock_of_module, raced.Lock, threading.Lock, threading.Thread.start, time.sleep

    explore_threads(add, add, only=[raced], given=raced.CounterOfModule, schedules=1)

    assert before == (raced.lock_of_module, raced.Lock, threading.Lock, threading.Thread.start, time.sleep)


def test_a_deadlock_is_told_with_the_place_of_each():
    failed = found(raced.Forks.eat_from_left, raced.Forks.eat_from_right, given=raced.Forks)

    assert isinstance(failed.error, Deadlock)
    assert "eat_from_left-1 waits for a lock at testing/raced.py:" in str(failed.error)
    assert "eat_from_right-2 waits for a lock at testing/raced.py:" in str(failed.error)


def test_conditions_and_events_hand_on_too():
    report = explore_threads(
        raced.Mail.send, raced.Mail.receive, raced.Mail.send, only=[raced], given=raced.Mail, check=is_delivered
    )

    assert report.distinct > 500


def is_delivered(mail):
    assert mail.receive() == "hello"


def test_who_waits_without_a_lock_is_passed_by_until_others_have_run():
    assert explore_threads(raced.Flag.await_it, raced.Flag.raise_it, only=[raced], given=raced.Flag).distinct > 100


def test_a_schedule_that_never_ends_is_a_failure():
    failed = found(raced.Flag.await_it, given=raced.Flag, max_points=1000)

    assert "max_points=1000" in str(failed.error)


def test_a_queue_with_a_time_out_ends_by_either():
    def get(world):
        try:
            world.got.append(world.queue.get(timeout=5))
        except queue.Empty:
            world.got.append(None)

    def make():
        one = SimpleNamespace(queue=queue.Queue(), got=[])
        one.queue.put("an item")
        return one

    def one_has_it(world):
        assert sorted(world.got, key=str) == [None, "an item"]

    explore_threads(get, get, given=make, check=one_has_it, only=[queue], schedules=50)


def test_the_clock_of_a_simulation_in_another_thread_is_left_alone():
    arrived, seen = _thread.allocate_lock(), _thread.allocate_lock()
    arrived.acquire()
    seen.acquire()

    def meet(_counter):
        arrived.release()
        seen.acquire()

    exploring = threading.Thread(
        target=lambda: explore_threads(add, add, only=[raced], given=raced.Counter, check=meet, schedules=1)
    )
    with System() as system:
        exploring.start()
        arrived.acquire()
        try:
            assert Probe.start().ask(queue.time) == system.now()
        finally:
            seen.release()
            exploring.join()


def test_a_wait_with_a_time_out_ends_by_either():
    heard = set()

    explore_threads(
        lambda bell: bell.wait(10.0),
        raced.Bell.ring,
        only=[raced],
        given=raced.Bell,
        check=lambda bell: heard.add(bell.heard),
        schedules=50,
    )

    assert heard == {True, False}


def test_a_wait_that_nobody_ends_is_a_deadlock_though_the_other_has_ended():
    failed = found(raced.Bell.wait, lambda bell: None, given=raced.Bell)

    assert isinstance(failed.error, Deadlock)
    assert "wait-1 waits" in str(failed.error)


def test_what_a_thread_raises_fails_its_schedule():
    failed = found(lambda counter: 1 / 0, given=raced.Counter)

    assert isinstance(failed.error, ZeroDivisionError)
    assert failed.__cause__ is failed.error


def test_threads_that_come_to_no_line_of_the_modules_are_an_error():
    with pytest.raises(NothingToExplore, match="raced"):
        explore_threads(lambda: None, lambda: None, only=[raced], schedules=10)


def test_a_thread_alone_is_an_error_since_no_other_can_go_on():
    with pytest.raises(NothingToExplore, match="one thread"):
        explore_threads(add, only=[raced], given=raced.Counter, schedules=10)


def test_a_thread_alone_that_fails_fails_its_schedule():
    assert isinstance(found(lambda _: 1 / 0, given=raced.Counter).error, ZeroDivisionError)


def test_a_thread_that_depends_on_more_than_the_seed_is_told_of():
    runs = []

    def fail_once(_counter):
        runs.append(1)
        assert len(runs) > 1

    with pytest.raises(AssertionError, match="more than the seed"):
        explore_threads(fail_once, add, only=[raced], given=raced.Counter, schedules=1)


def test_a_thread_that_is_started_meanwhile_is_refused():
    failed = found(lambda _: threading.Thread(target=print).start(), given=raced.Counter)

    assert "no thread can be started" in str(failed.error)


def test_no_thread_is_left_behind():
    before = set(threading.enumerate())

    found(raced.Forks.eat_from_left, raced.Forks.eat_from_right, given=raced.Forks)

    assert set(threading.enumerate()) == before


@pytest.mark.parametrize("wrong", [{"functions": []}, {"only": []}, {"schedules": 0}])
def test_there_is_something_to_explore(wrong):
    options = {"functions": [add], "only": [raced], "schedules": 1, **wrong}

    with pytest.raises(ValueError, match="got"):
        explore_threads(*options.pop("functions"), **options, given=raced.Counter)


async def is_async(_counter):
    """Never run."""


@pytest.mark.parametrize(
    ("function", "options", "error", "why"),
    [
        (is_async, {}, TypeError, "functions must be such that aren't async"),
        (add, {"seed": "a"}, TypeError, "seed must be a whole number"),
        (add, {"schedules": "x"}, TypeError, "schedules must be a whole number"),
        (add, {"max_points": 0}, ValueError, "max_points must be a whole number >= 1"),
    ],
)
def test_what_cant_be_explored_is_refused_by_its_name(function, options, error, why):
    with pytest.raises(error, match=why):
        explore_threads(function, add, only=[raced], given=raced.Counter, **options)


@pytest.mark.parametrize("only", [raced, [raced.__name__], raced.__name__, [time], [raced, "raced"]])
def test_what_is_no_list_of_modules_of_python_is_refused(only):
    with pytest.raises(TypeError, match=r"only must be a list of modules of Python code, such as \[counters\]; got"):
        explore_threads(add, only=only, given=raced.Counter)


@pytest.mark.parametrize("call", [lambda: time.sleep(-1), lambda: threading.Lock().acquire(False, 1)])
def test_what_the_real_ones_refuse_is_refused(call):
    failed = found(call)

    with pytest.raises(ValueError) as real:
        call()
    assert str(failed.error) == str(real.value)
