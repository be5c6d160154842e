"""What tests of actors use: settling, faults, and a runtime that finds what is left behind."""

from __future__ import annotations

import asyncio
import logging
import math
import threading

import pykka
import pytest

from actors import (
    Actor,
    ActorDied,
    Crashed,
    Down,
    GenServer,
    Killed,
    Normal,
    Ok,
    Registry,
    Shutdown,
    send_after,
    sleep,
)
from actors._future import Future
from actors.testing import LeakedActors, ManualClock, NotSettled, TestRuntime, await_down, crash, settle
from tests.support import Gate, Probe, ended, received, received_nothing, watching

AT_ONCE = 0.01
"""Seconds of real time; for what is to fail."""


class Relay(Actor):
    """Passes a number on, one less, until it is 0."""

    def __init__(self, seen):
        self._seen = seen

    def on_receive(self, message):
        number, others = message
        self._seen.append(number)
        if number > 0:
            others[number % len(others)].tell((number - 1, others))


# settle


def test_settling_waits_until_all_messages_are_handled():
    seen = []
    relays = [Relay.start(seen) for _ in range(5)]
    for relay in relays:
        relay.tell((100, relays))

    settle()

    assert len(seen) == 5 * 101


def test_settling_finds_actors_of_both_kinds_at_work():
    seen = []
    relays = [Relay.options(runs_on=runs_on).start(seen) for runs_on in ("thread", "shared", "thread", "shared")]
    relays[0].tell((500, relays))

    settle()

    assert len(seen) == 501


def test_settling_with_nobody_there_returns_at_once():
    settle(0)


def test_an_actor_that_starts_has_not_settled(hasty_threads):
    started = []

    class Slow(Actor):
        def on_start(self):
            started.extend(Probe.start().ask(lambda n=n: n) for n in range(3))

    Slow.start()

    settle()

    assert started == [0, 1, 2]


def test_an_actor_that_waits_for_an_answer_has_settled():
    answer = Future()
    asker = Probe.start()
    asked = asker.ask(answer.get, block=False)

    settle()

    answer.set("answer")
    assert asked.get() == "answer"


def test_an_actor_that_was_woken_has_not_settled_before_it_has_gone_on(hasty_threads):
    done = []
    for number in range(50):
        answer = Future()
        Probe.start().tell(lambda answer=answer, number=number: (answer.get(), done.append(number)))
        settle()

        answer.set(None)
        settle()

        assert done == list(range(number + 1))


def test_an_actor_that_sleeps_has_set_its_timer_when_all_has_settled(clock, hasty_threads):
    woken = []
    for number in range(50):
        Probe.start().tell(lambda number=number: (sleep(5.0), woken.append(number)))
        settle()

        clock.advance(5.0)
        settle()

        assert woken == list(range(number + 1))


def test_what_a_timer_sends_is_handled_when_all_has_settled(clock):
    probe = Probe.start()
    send_after(probe, "time", 5.0)

    clock.advance(5.0)
    settle()

    assert received(probe) == "time"


def test_a_coroutine_that_can_go_on_has_not_settled():
    steps = []

    class Stepping(Actor):
        async def on_receive(self, message):
            for _ in range(100):
                await asyncio.sleep(0)
            steps.append(await Probe.start().ask(lambda: "asked", block=False))

    Stepping.start().tell("go")

    settle()

    assert steps == ["asked"]


def test_a_coroutine_that_waits_has_settled():
    answer = Future()

    class Awaiting(Actor):
        async def on_receive(self, message):
            return await answer

    asked = Awaiting.start().ask("go", block=False)

    settle()

    answer.set("answer")
    assert asked.get() == "answer"


def test_an_actor_that_ends_has_settled_when_it_is_gone():
    probe = Probe.start()
    probe.tell(lambda: 1 / 0)
    other = Probe.start()
    other.stop(block=False)

    settle()

    assert (probe.state(), other.state()) == ("gone", "gone")


def test_who_does_not_settle_is_named_with_what_it_does():
    gate = Gate()
    stuck = Probe.options(runs_on="thread").start()
    stuck.tell(gate.pass_through)
    gate.await_arrival()
    stuck.tell("behind")
    Probe.start()

    with pytest.raises(NotSettled, match=r"pass_through.*1 more in its mailbox") as caught:
        settle(AT_ONCE)

    assert caught.value.actors == (stuck,)
    assert str(stuck) in str(caught.value)
    gate.open()
    settle()


class Unprintable:
    """A message whose repr() fails."""

    def __init__(self, function):
        self._function = function

    def __call__(self):
        self._function()

    def __repr__(self):
        raise KeyError("no repr")


def test_who_does_not_settle_is_named_whatever_it_handles():
    gate = Gate()
    stuck = Probe.options(runs_on="thread").start()
    stuck.tell(Unprintable(gate.pass_through))
    gate.await_arrival()

    with pytest.raises(NotSettled, match=r"handles <Unprintable whose repr\(\) fails>"):
        settle(AT_ONCE)

    gate.open()
    settle()


def test_a_coroutine_that_holds_up_the_event_loop_is_named():
    gate = Gate()

    class Holding(Actor):
        async def on_receive(self, message):
            gate.pass_through()

    Holding.start().tell("go")
    gate.await_arrival()

    with pytest.raises(NotSettled, match="event loop"):
        settle(AT_ONCE)

    gate.open()
    settle()


def test_an_actor_cannot_wait_for_itself_to_settle():
    with pytest.raises(RuntimeError, match="for the test itself"):
        Probe.start().ask(settle)


def test_settling_costs_nothing_afterwards(runtime):
    settle()

    assert runtime.scheduler.on_rest is None
    assert runtime.clock.on_wait is None


def test_other_runtimes_are_none_of_its_business():
    gate = Gate()
    busy = Probe.options(runs_on="thread").start()
    busy.tell(gate.pass_through)
    gate.await_arrival()

    with TestRuntime():
        settle()

    gate.open()


# crash


def test_a_crash_is_as_if_the_handler_had_raised(caplog):
    failures = []

    class Subject(Probe):
        def on_failure(self, exception_type, exception_value, traceback):
            failures.append(exception_value)

    error = ValueError("injected")
    subject = Subject.start()
    watcher = watching(subject)

    crash(subject, error)

    assert subject.exit_reason == Crashed(error)
    assert failures == [error]
    assert received(watcher).reason == Crashed(error)
    assert [record.exc_info[1] for record in caplog.records if record.levelno == logging.ERROR] == [error]


def test_a_crash_comes_ahead_of_what_waits():
    release = Future()
    probe = Probe.start()
    probe.tell(release.get)
    settle()
    answers = [probe.ask(number, block=False) for number in range(100)]
    with pytest.raises(AssertionError, match="not gone"):
        crash(probe, ValueError("injected"), timeout=0)

    release.set(None)

    for answer in answers:
        with pytest.raises(ActorDied):
            answer.get()
    ended(probe)


def test_a_server_terminates_with_the_injected_crash():
    reasons = []

    class Server(GenServer):
        def init(self):
            return Ok(None)

        def terminate(self, reason, state):
            reasons.append(reason)

    error = ValueError("injected")
    server = Server.start()

    crash(server, error)

    assert reasons == [Crashed(error)]
    assert server.exit_reason == Crashed(error)


def test_a_plain_pykka_actor_can_be_crashed():
    class Plain(pykka.ThreadingActor):
        pass

    error = ValueError("injected")
    plain = Plain.start()

    crash(plain, error)

    assert not plain.is_alive()


def test_an_actor_that_has_ended_cannot_be_crashed():
    probe = Probe.start()
    probe.stop()

    with pytest.raises(ActorDied):
        crash(probe, ValueError("injected"))


@pytest.mark.parametrize("thing", ["no exception", ValueError, None], ids=repr)
def test_an_actor_can_crash_of_an_exception_only(thing):
    probe = Probe.start()

    with pytest.raises(TypeError, match=r"exception must be .* such as ValueError\('boom'\); got"):
        crash(probe, thing)

    assert probe.ask(lambda: "unharmed") == "unharmed"


BAD_SECONDS = pytest.mark.parametrize("seconds", [-1.0, math.nan, math.inf, None, "soon", True])


@BAD_SECONDS
@pytest.mark.parametrize(
    "wait",
    [
        lambda _probe, seconds: settle(seconds),
        await_down,
        lambda probe, seconds: crash(probe, ValueError("injected"), seconds),
    ],
    ids=["settle", "await_down", "crash"],
)
def test_what_is_waited_for_has_a_time(wait, seconds):
    probe = Probe.start()

    with pytest.raises(ValueError, match="timeout must be a finite number of seconds >= 0; got"):
        wait(probe, seconds)

    assert probe.ask(lambda: "unharmed") == "unharmed"


def test_a_crash_that_never_comes_is_an_error():
    gate = Gate()
    stuck = Probe.options(runs_on="thread").start()
    stuck.tell(gate.pass_through)
    gate.await_arrival()

    with pytest.raises(AssertionError, match="alive, and not gone"):
        crash(stuck, ValueError("injected"), timeout=AT_ONCE)

    gate.open()
    ended(stuck)


# await_down


def test_awaiting_an_end_returns_the_exit_reason():
    probe = Probe.start()
    probe.stop(block=False, reason="had enough")

    assert await_down(probe) == "had enough"
    assert await_down(probe) == "had enough", "it may be asked again"


def test_a_killed_actor_is_down_before_it_is_gone(clock):
    gate = Gate()
    stuck = Probe.options(runs_on="thread").start()
    stuck.tell(gate.pass_through)
    gate.await_arrival()

    stuck.kill()

    assert await_down(stuck) == Killed()
    assert stuck.state() == "abandoned"
    gate.open()
    ended(stuck)


def test_awaiting_the_end_of_one_that_lives_on_is_an_error():
    with pytest.raises(AssertionError, match="alive still"):
        await_down(Probe.start(), timeout=AT_ONCE)


def test_the_end_of_a_plain_pykka_actor_can_be_awaited():
    class Plain(pykka.ThreadingActor):
        pass

    plain = Plain.start()
    watcher = watching(plain)
    plain.stop()

    assert await_down(plain) in {Normal(), received(watcher).reason}


# TestRuntime


def test_a_runtime_stops_all_actors_at_its_end():
    with TestRuntime():
        probes = [Probe.start() for _ in range(5)]

    assert {probe.exit_reason for probe in probes} == {Shutdown()}


def test_a_runtime_has_the_clock_that_it_is_given():
    clock = ManualClock()

    with TestRuntime(clock=clock) as runtime:
        assert runtime.clock is clock


def test_an_actor_that_does_not_stop_is_a_leak():
    gate = Gate()

    with pytest.raises(LeakedActors, match="has outlived the runtime") as caught, TestRuntime(patience=AT_ONCE):
        stuck = Probe.options(runs_on="thread").start()
        stuck.tell(gate.pass_through)
        gate.await_arrival()

    assert stuck.exit_reason == Killed()
    (actor,) = caught.value.actors
    assert actor.startswith(str(stuck))
    (thread,) = caught.value.threads
    assert thread.startswith("Probe")
    gate.open()
    ended(stuck)


def test_a_leak_under_a_clock_that_stands_still_is_found_too():
    gate = Gate()

    with (
        pytest.raises(LeakedActors) as caught,
        TestRuntime(clock=ManualClock(), patience=AT_ONCE),
    ):
        stuck = Probe.options(runs_on="thread").start()
        stuck.tell(gate.pass_through)
        gate.await_arrival()

    assert len(caught.value.actors) == 1
    gate.open()
    ended(stuck)


def test_who_ends_in_order_once_it_is_stopped_is_no_leak():
    """However late that is, since another is stuck."""
    gate = Gate()

    with pytest.raises(LeakedActors) as caught, TestRuntime(patience=2.0):
        others = [Probe.start() for _ in range(3)]
        stuck = Probe.options(runs_on="thread").start()
        stuck.tell(gate.pass_through)
        gate.await_arrival()

    (actor,) = caught.value.actors
    assert actor == f"{stuck} (abandoned)"
    assert {other.exit_reason for other in others} == {Shutdown()}
    gate.open()
    ended(stuck)


def test_an_actor_that_only_a_kill_ends_is_a_leak():
    with pytest.raises(LeakedActors) as caught, TestRuntime(patience=AT_ONCE):
        waiting = Probe.start()
        waiting.tell(Future().get)
        settle()

    assert caught.value.actors == (f"{waiting} (killed)",)
    assert caught.value.threads == ()


def test_a_plain_pykka_actor_that_ends_late_is_no_leak(gate):
    class Plain(pykka.ThreadingActor):
        def on_stop(self):
            gate.pass_through()

    with TestRuntime():
        plain = Plain.start()
        watching(plain)
        plain.stop(block=False)
        gate.await_arrival()
        threading.Timer(AT_ONCE, gate.open).start()


@BAD_SECONDS
def test_a_runtimes_patience_is_a_time(seconds):
    with pytest.raises(ValueError, match="patience must be a finite number of seconds >= 0; got"):
        TestRuntime(patience=seconds)


def test_a_test_runtime_refuses_what_is_no_clock():
    with pytest.raises(TypeError, match="clock must be a Clock"):
        TestRuntime(clock=3)


def test_a_test_runtime_may_be_closed_early(runtime):
    with pytest.raises(ValueError, match="timeout must be a finite number"):
        runtime.close(-1.0)

    with TestRuntime() as inner:
        probe = Probe.start()
        inner.close()

        assert probe.exit_reason == Shutdown()


def test_a_key_that_an_abandoned_actor_holds_is_a_leak():
    gate = Gate()
    locks = Registry("locks")

    def hold():
        locks.register("key")
        gate.pass_through()

    with pytest.raises(LeakedActors, match="registry 'locks' is held by") as caught, TestRuntime(patience=AT_ONCE):
        locks.start_link()
        holder = Probe.options(runs_on="thread").start()
        holder.tell(hold)
        gate.await_arrival()

    assert caught.value.keys == (("locks", "key", str(holder)),)
    gate.open()
    ended(holder)


def test_a_thread_that_outlives_the_runtime_is_a_leak():
    over = threading.Event()

    with pytest.raises(LeakedActors, match="'left-behind' has not ended"), TestRuntime(patience=AT_ONCE):
        thread = threading.Thread(target=over.wait, name="left-behind")
        thread.start()

    over.set()
    thread.join()


def test_a_plain_pykka_actor_that_nobody_stops_is_a_leak():
    class Plain(pykka.ThreadingActor):
        pass

    with pytest.raises(LeakedActors, match="Plain") as caught, TestRuntime(patience=AT_ONCE):
        plain = Plain.start()
        watching(plain)

    assert len(caught.value.actors) == 1
    plain.stop()


def test_an_error_of_the_test_itself_is_not_hidden_by_a_leak():
    gate = Gate()

    with pytest.raises(ZeroDivisionError), TestRuntime(patience=AT_ONCE):
        stuck = Probe.options(runs_on="thread").start()
        stuck.tell(gate.pass_through)
        gate.await_arrival()
        raise ZeroDivisionError

    gate.open()
    ended(stuck)


# ManualClock


def test_time_stands_still_until_it_is_moved():
    clock = ManualClock()
    before = clock.now()

    clock.advance(2.5)

    assert clock.now() == before + 2.5


def test_calls_are_made_in_the_order_of_their_times_at_their_times():
    clock = ManualClock()
    start = clock.now()
    made = []
    for seconds in (3, 1, 2, 1):
        clock.call_at(start + seconds, lambda seconds=seconds: made.append((seconds, clock.now() - start)))

    clock.advance(2)

    assert made == [(1, 1), (1, 1), (2, 2)]


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf")])
def test_time_does_not_go_back_nor_to_infinity(bad):
    with pytest.raises(ValueError, match="finite number >= 0"):
        ManualClock().advance(bad)


def test_timers_that_nobody_sets_are_an_error(monkeypatch):
    monkeypatch.setattr("actors.testing._clock.PATIENCE_SECONDS", AT_ONCE)

    with pytest.raises(AssertionError, match="0 timers are set, not 1"):
        ManualClock().await_timers()


def test_a_wait_that_nothing_ends_is_an_error(clock, monkeypatch):
    monkeypatch.setattr("actors.testing._clock.PATIENCE_SECONDS", AT_ONCE)

    with pytest.raises(AssertionError, match="was the clock to be advanced"):
        sleep(5.0)


def test_a_down_is_seen_once_all_has_settled():
    probe = Probe.start()
    watcher = watching(probe)

    crash(probe, ValueError("injected"))
    settle()

    assert isinstance(received(watcher), Down)
    assert received_nothing(watcher)
