"""The machine's clock: calls in time and in order, waits that end, nothing left behind."""

from __future__ import annotations

import gc
import math
import threading

import pytest

from actors._clock import SystemClock, ThreadWaiter, Ticket
from tests.support import CAP, Gate

rule = pytest.mark.rule

SOON = 0.005
"""Seconds; for what must really happen."""

NEVER = 3600.0
"""Seconds; for what must not happen while the test runs."""


@pytest.fixture
def system():
    system = SystemClock()
    yield system
    system.close()


class Calls:
    """The calls that a clock has made, and a wait for a number of them."""

    def __init__(self, system, count=1):
        self._system = system
        self._done = threading.Semaphore(0)
        self._count = count
        self.made = []

    def note(self, what):
        def call():
            self.made.append((what, self._system.now()))
            self._done.release()

        return call

    def names(self):
        for _ in range(self._count):
            assert self._done.acquire(timeout=CAP), f"only {self.made} came"
        return [what for what, _ in self.made]


def held(system):
    """A gate that holds up the clock's thread, so that what is asked for meanwhile is seen all at once."""
    gate = Gate()
    system.call_at(system.now(), gate.pass_through)
    gate.await_arrival()
    return gate


def clock_threads():
    return [thread for thread in threading.enumerate() if thread.name == "actors-clock"]


def test_time_never_goes_back(system):
    moments = [system.now() for _ in range(1000)]

    assert moments == sorted(moments)


@rule("A40")
def test_a_call_is_never_made_before_its_deadline(system):
    calls = Calls(system)
    deadline = system.now() + SOON

    system.call_at(deadline, calls.note("call"))

    assert calls.names() == ["call"]
    assert calls.made[0][1] >= deadline


@rule("A44")
def test_calls_with_one_deadline_come_in_the_order_asked_for(system):
    calls = Calls(system, count=20)
    deadline = system.now() + SOON

    for number in range(20):
        system.call_at(deadline, calls.note(number))

    assert calls.names() == list(range(20))


@rule("A44")
def test_an_earlier_deadline_goes_first_though_asked_for_later(system):
    calls = Calls(system, count=3)
    gate = held(system)
    now = system.now()

    system.call_at(now + 2 * SOON, calls.note("last"))
    system.call_at(now + SOON, calls.note("second"))
    system.call_at(now, calls.note("first"))
    gate.open()

    assert calls.names() == ["first", "second", "last"]


def test_a_nearer_call_overtakes_one_that_is_waited_for(system):
    system.call_at(system.now() + NEVER, lambda: None)

    # Again and again, so that the clock does wait for the far one.
    for _ in range(20):
        calls = Calls(system)
        system.call_at(system.now() + SOON / 5, calls.note("near"))

        assert calls.names() == ["near"]


def test_a_deadline_in_the_past_is_due_at_once(system):
    calls = Calls(system)

    system.call_at(system.now() - 5.0, calls.note("late"))

    assert calls.names() == ["late"]


@rule("A41")
def test_a_cancelled_call_is_not_made(system):
    calls = Calls(system)
    gate = held(system)
    cancelled = system.call_at(system.now(), calls.note("cancelled"))

    assert system.cancel(cancelled)

    system.call_at(system.now(), calls.note("behind it"))
    gate.open()
    assert calls.names() == ["behind it"]


@rule("A41")
def test_cancelling_tells_whether_the_call_was_still_to_come(system):
    calls = Calls(system)
    made = system.call_at(system.now(), calls.note("made"))
    calls.names()
    cancelled = system.call_at(system.now() + NEVER, calls.note("cancelled"))

    assert system.cancel(made) is False
    assert system.cancel(cancelled) is True
    assert system.cancel(cancelled) is False


def test_cancelled_calls_of_far_deadlines_do_not_pile_up(system):
    system.call_at(system.now() + NEVER / 2, lambda: None)
    gc.collect()
    before = sum(isinstance(thing, Ticket) for thing in gc.get_objects())

    for _ in range(5000):
        system.cancel(system.call_at(system.now() + NEVER, lambda: None))

    gc.collect()
    after = sum(isinstance(thing, Ticket) for thing in gc.get_objects())
    assert after - before < 500


def test_calls_that_remain_keep_their_order_when_many_are_cancelled(system):
    calls = Calls(system, count=50)
    gate = held(system)
    deadline = system.now()
    tickets = [system.call_at(deadline, calls.note(number)) for number in range(1000)]

    for number, ticket in enumerate(tickets):
        if number % 20:
            system.cancel(ticket)
    gate.open()

    assert calls.names() == list(range(0, 1000, 20))


def test_a_call_may_ask_for_the_next_one(system):
    calls = Calls(system)

    system.call_at(system.now(), lambda: system.call_at(system.now(), calls.note("next")))

    assert calls.names() == ["next"]


def test_a_wait_ends_when_it_is_woken(system):
    waiter = ThreadWaiter()
    system.call_at(system.now() + SOON, waiter.release)

    assert waiter.wait(system, CAP) is True


def test_a_wait_without_limit_ends_when_it_is_woken(system):
    waiter = ThreadWaiter()
    system.call_at(system.now() + SOON, waiter.release)

    assert waiter.wait(system, None) is True


def test_a_wait_ends_when_its_time_is_over(system):
    begin = system.now()

    assert ThreadWaiter().wait(system, SOON) is False
    assert system.now() - begin >= SOON


@rule("A62")
@pytest.mark.parametrize("timeout", [0, 0.0, -1.0])
def test_no_time_is_no_wait(system, timeout):
    assert ThreadWaiter().wait(system, timeout) is False


@pytest.mark.parametrize("timeout", [1e300, math.inf, threading.TIMEOUT_MAX * 2])
def test_a_wait_may_be_longer_than_the_platform_can_wait(system, timeout):
    waiter = ThreadWaiter()
    system.call_at(system.now() + SOON, waiter.release)

    assert waiter.wait(system, timeout) is True


def test_a_call_may_be_further_off_than_the_platform_can_wait(system):
    calls = Calls(system)
    system.call_at(math.inf, calls.note("never"))

    system.call_at(system.now() + SOON, calls.note("soon"))

    assert calls.names() == ["soon"]


def test_a_wait_may_be_woken_twice():
    waiter = ThreadWaiter()

    waiter.release()
    waiter.release()

    assert waiter.wait(SystemClock(), 0) is True


def test_a_closed_clock_makes_no_calls_and_leaves_no_thread():
    others = clock_threads()
    system = SystemClock()
    made = []
    system.call_at(system.now() + NEVER, lambda: made.append("pending"))
    assert len(clock_threads()) == len(others) + 1

    system.close()
    system.call_at(system.now(), lambda: made.append("too late"))

    assert clock_threads() == others
    assert made == []


def test_a_clock_may_be_closed_from_one_of_its_calls():
    system = SystemClock()
    closed = threading.Event()

    def close():
        system.close()
        closed.set()

    system.call_at(system.now(), close)

    assert closed.wait(CAP)


def test_a_clock_without_calls_has_no_thread():
    others = clock_threads()

    system = SystemClock()
    ThreadWaiter().wait(system, 0)

    assert clock_threads() == others


def test_a_call_for_which_no_thread_can_be_started_is_refused_and_the_next_is_made(system, shortage):
    calls = Calls(system)

    with shortage("actors-clock"), pytest.raises(RuntimeError, match="can't start new thread"):
        system.call_at(system.now(), calls.note("refused"))
    system.call_at(system.now(), calls.note("made"))

    assert calls.names() == ["made"]


@pytest.mark.parametrize("error", [ValueError("boom"), KeyboardInterrupt(), SystemExit(3)], ids=repr)
def test_a_call_that_fails_is_logged_and_the_next_is_made(error, system, caplog):
    made = threading.Event()

    def fail():
        raise error

    now = system.now()
    system.call_at(now, fail)
    system.call_at(now + SOON, made.set)

    assert made.wait(CAP)
    (record,) = caplog.records
    assert (record.name, record.exc_info[1]) == ("pykka_otp.clock", error)


def test_a_finalizer_may_cancel_a_call_amid_the_clocks_own_work(system):
    ticket = system.call_at(system.now() + NEVER, lambda: None)

    with system._changed:
        assert system.cancel(ticket)
