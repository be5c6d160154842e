"""Timers and time: `send_after`, `now`, `sleep`, `checkpoint`."""

from __future__ import annotations

import math
import threading
from contextvars import copy_context

import pykka
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors import Killed, checkpoint, named, now, register_name, send_after, sleep, unregister_name
from tests.support import CAP, Gate, ManualClock, Probe, ended, received, received_nothing

rule = pytest.mark.rule


@rule("A40")
def test_a_message_comes_when_its_time_has_come(clock):
    actor = Probe.start()
    send_after(actor, "tick", 5)

    clock.advance(4.999)
    assert received_nothing(actor)
    clock.advance(0.001)

    assert received(actor) == "tick"


@rule("A40")
def test_a_message_comes_just_once_and_as_it_is(clock):
    actor = Probe.start()
    message = object()
    send_after(actor, message, 1)

    clock.advance(100)

    assert received(actor) is message
    assert received_nothing(actor)


@rule("A40")
def test_no_delay_still_lets_a_later_message_go_first(clock):
    actor = Probe.start()

    actor.ask(lambda: (send_after(actor, "t0", 0), actor.tell("s")))
    clock.advance(0)

    assert [received(actor), received(actor)] == ["s", "t0"]


@rule("A40")
@pytest.mark.parametrize("seconds", [-1, -0.001, math.inf, math.nan])
def test_a_delay_that_is_none_is_an_error(seconds):
    with pytest.raises(ValueError, match="finite number of seconds >= 0"):
        send_after(Probe.start(), "tick", seconds)


@rule("A40")
def test_the_machines_clock_sends_too():
    actor = Probe.start()

    send_after(actor, "tick", 0.01)

    assert received(actor) == "tick"


@rule("A41", "A45")
def test_cancelling_returns_what_was_left_and_prevents_the_message(clock):
    actor = Probe.start()
    timer = send_after(actor, "tick", 0.2)
    clock.advance(0.05)

    assert timer.cancel() == pytest.approx(0.15)

    assert timer.cancel() is None
    clock.advance(1)
    assert received_nothing(actor)


@rule("A41")
def test_cancelling_after_the_message_was_sent_says_so(clock):
    actor = Probe.start()
    timer = send_after(actor, "tick", 0.01)
    clock.advance(0.03)

    assert timer.cancel() is None
    assert received(actor) == "tick"


@rule("A41")
def test_looking_at_a_timer_does_not_stop_it(clock):
    actor = Probe.start()
    timer = send_after(actor, "tick", 2)

    clock.advance(0.5)
    assert timer.remaining() == pytest.approx(1.5)
    clock.advance(1.5)

    assert timer.remaining() is None
    assert received(actor) == "tick"


@rule("A42")
def test_a_timer_for_a_dead_actor_has_nothing_left():
    actor = Probe.start()
    actor.stop()

    timer = send_after(actor, "tick", 1)

    assert timer.remaining() is None
    assert timer.cancel() is None


@rule("A42")
def test_a_timer_ends_with_its_actor(clock):
    actor = Probe.start()
    timer = send_after(actor, "tick", 1)
    assert timer.remaining() == pytest.approx(1)

    actor.stop()

    assert timer.remaining() is None
    clock.advance(2)


@rule("A42")
def test_a_timer_for_a_ref_never_reaches_a_successor(clock):
    first = Probe.options(name="cache").start()
    send_after(first, "tick", 1)
    first.stop()
    second = Probe.options(name="cache").start()

    clock.advance(2)

    assert received_nothing(second)


@rule("A42")
def test_a_timer_for_a_ref_ends_with_its_actor(clock):
    probe, other = Probe.start(), Probe.start()
    timers = [send_after(probe, "expire", 3600.0) for _ in range(3)]
    kept = send_after(other, "expire", 3600.0)
    timers[0].cancel()
    assert clock._pending() == 3

    probe.kill()
    ended(probe)

    assert clock._pending() == 1
    assert [timer.cancel() for timer in timers] == [None] * 3
    assert send_after(probe, "expire", 3600.0).remaining() is None
    assert clock._pending() == 1
    assert kept.cancel() == 3600.0


@rule("A42")
def test_a_timer_that_has_fired_leaves_nothing_with_its_actor(clock):
    probe = Probe.start()
    send_after(probe, "tick", 1.0)

    clock.advance(1.0)

    assert received(probe) == "tick"
    assert not probe._process.ended_callbacks


class Counted:
    """What is to be called at an actor's end, and counts how often it is compared."""

    compared = 0

    def __call__(self, process):
        raise AssertionError

    def __eq__(self, other):
        Counted.compared += 1
        return self is other

    def __hash__(self):
        return id(self)


@rule("A42")
def test_to_cancel_one_of_many_timers_takes_no_look_at_the_others():
    process = Probe.start()._process
    callbacks = [Counted() for _ in range(100)]
    for callback in callbacks:
        process.when_ended(callback)

    for callback in reversed(callbacks):
        process.not_when_ended(callback)

    assert not process.ended_callbacks
    assert Counted.compared < len(callbacks)


@rule("A42")
def test_a_timer_for_a_name_reaches_who_has_it_then(clock):
    first = Probe.options(name="cache").start()
    timer = send_after(named("cache"), "tick", 0.150)
    clock.advance(0.030)
    first.stop()
    assert timer.remaining() == pytest.approx(0.120)
    clock.advance(0.030)
    second = Probe.start()
    register_name("cache", second)

    clock.advance(0.090)

    assert received(second) == "tick"


@rule("A42")
def test_a_timer_for_a_name_that_nobody_has_does_nothing(clock):
    actor = Probe.options(name="cache").start()
    timer = send_after(named("cache"), "tick", 1)
    unregister_name("cache")

    clock.advance(2)

    assert timer.remaining() is None
    assert received_nothing(actor)


@rule("A43")
def test_a_timer_fires_though_its_maker_has_ended(clock):
    actor, maker = Probe.start(), Probe.start()
    maker.ask(lambda: send_after(actor, "tick", 1))
    maker.stop()

    clock.advance(1)

    assert received(actor) == "tick"


@rule("A43")
def test_anybody_may_cancel_a_timer(clock):
    actor, maker, other = Probe.start(), Probe.start(), Probe.start()
    timer = maker.ask(lambda: send_after(actor, "tick", 1))

    assert other.ask(timer.cancel) == pytest.approx(1)

    clock.advance(2)
    assert received_nothing(actor)


@rule("A44")
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(delays=st.lists(st.integers(min_value=0, max_value=5), max_size=12))
def test_messages_come_by_deadline_and_then_as_they_were_made(runtime, delays):
    clock = runtime.clock = ManualClock()
    actor = Probe.start()
    for number, delay in enumerate(delays):
        send_after(actor, (delay, number), delay)

    clock.advance(5)

    came = [received(actor) for _ in delays]
    assert came == sorted(came)
    actor.stop()


def test_a_timer_for_a_plain_actor_works_too(clock):
    gate = Gate()
    got = []

    class Plain(pykka.ThreadingActor):
        use_daemon_thread = True

        def on_receive(self, message):
            got.append(message)
            gate.open()
            gate.pass_through()

    plain = Plain.start()
    timer = send_after(plain, "tick", 1)
    assert timer.remaining() == pytest.approx(1)

    clock.advance(1)
    gate.await_arrival()

    assert got == ["tick"]
    assert plain.stop()


def test_now_is_the_runtimes_time(clock):
    before = now()

    clock.advance(2.5)

    assert now() - before == pytest.approx(2.5)
    assert Probe.start().ask(now) == now()


def test_sleep_lasts_as_long_as_the_runtimes_time(clock):
    answer = Probe.start().ask(lambda: (sleep(5), "awake"), block=False)
    clock.await_timers()

    clock.advance(4.9)
    with pytest.raises(pykka.Timeout):
        answer.get(timeout=0)
    clock.advance(0.1)

    assert answer.get() == (None, "awake")


def test_sleep_works_outside_of_actors(clock):
    before = now()
    sleeper = threading.Thread(target=copy_context().run, args=(sleep, 5))
    sleeper.start()
    clock.await_timers()

    clock.advance(5)

    sleeper.join(CAP)
    assert not sleeper.is_alive()
    assert now() - before == 5


@rule("A6")
def test_a_killed_actor_sets_no_more_timers(clock):
    gate = Gate()
    other = Probe.start()
    actor = Probe.start()
    actor.tell(lambda: (gate.pass_through(), send_after(other, "too late", 1)))
    gate.await_arrival()

    actor.kill()
    gate.open()

    assert actor.join(CAP)
    clock.advance(2)
    assert received_nothing(other)
    assert actor.exit_reason == Killed()


def test_a_checkpoint_does_nothing_to_who_was_not_killed():
    checkpoint()

    assert Probe.start().ask(checkpoint) is None
