"""Refs: tell, ask, stop, join, and what they say of an actor's life."""

from __future__ import annotations

import pykka
import pytest

from actors import (
    Actor,
    ActorDied,
    ActorRef,
    CallExit,
    CallTimeout,
    Crashed,
    Deadlock,
    Killed,
    NoProc,
    Normal,
    Shutdown,
    current_actor,
    exit,
)
from tests.support import Gate, Probe, TrappingProbe, crash, ended, received, received_nothing, watching

rule = pytest.mark.rule


def busy(actor_class=Probe):
    """An actor that waits in a handler, and the gate at which it does."""
    gate = Gate()
    ref = actor_class.start()
    ref.tell(gate.pass_through)
    gate.await_arrival()
    return ref, gate


def test_telling_sends_and_does_not_wait():
    ref, gate = busy()

    assert ref.tell("hello") is None

    gate.open()
    assert received(ref) == "hello"


def test_asking_returns_what_the_handler_returns():
    assert Probe.start().ask(lambda: "reply") == "reply"


def test_asking_without_blocking_returns_a_future():
    ref, gate = busy()

    answer = ref.ask(lambda: "reply", block=False)

    gate.open()
    assert isinstance(answer, pykka.Future)
    assert answer.get() == "reply"


@rule("A7")
def test_telling_a_dead_actor_raises_what_pykka_raises():
    ref = Probe.start()
    ref.stop()

    with pytest.raises(pykka.ActorDeadError) as raised:
        ref.tell("hello")

    assert isinstance(raised.value, ActorDied)
    assert raised.value.reason == NoProc()


@rule("A58", "A61")
@pytest.mark.parametrize("end", [lambda ref: ref.stop(reason="why"), lambda ref: ref.kill()], ids=["stop", "kill"])
def test_asking_a_dead_actor_gives_noproc(end):
    ref = Probe.start()
    end(ref)
    ended(ref)

    with pytest.raises(ActorDied) as raised:
        ref.ask("hello")

    assert raised.value.reason == NoProc()


def test_a_future_from_a_dead_actor_fails_when_it_is_read():
    ref = Probe.start()
    ref.stop()

    answer = ref.ask("hello", block=False)

    with pytest.raises(ActorDied):
        answer.get()


@rule("A58")
@pytest.mark.parametrize("reason", ["why", Normal(), Shutdown(1)], ids=repr)
def test_who_asked_an_actor_that_ends_instead_gets_its_reason(reason):
    with pytest.raises(CallExit) as raised:
        Probe.start().ask(lambda: exit(reason))

    assert raised.value.reason == reason


@rule("A61")
def test_all_who_wait_get_the_reason_and_later_ones_noproc():
    ref, gate = busy()
    ref.tell(lambda: exit("why"))
    answers = [ref.ask(lambda: "never", block=False) for _ in range(3)]

    gate.open()

    for answer in answers:
        with pytest.raises(ActorDied) as raised:
            answer.get()
        assert raised.value.reason == "why"
    with pytest.raises(ActorDied) as raised:
        ended(ref).ask("hello")
    assert raised.value.reason == NoProc()


@rule("A61")
def test_a_linked_asker_hears_of_the_end_by_its_ask_first():
    asker = Probe.start()
    ref = asker.ask(Probe.start_link)

    asker.tell(lambda: ref.ask(lambda: exit("why")))

    # The link's signal comes when the other is gone; by then the asker has died of its ask.
    assert ended(asker).exit_reason.exception.reason == "why"


@rule("A58", "A61")
def test_an_asker_that_is_not_linked_dies_of_the_failed_ask():
    asker, ref = Probe.start(), Probe.start()

    asker.tell(lambda: ref.ask(lambda: exit("why")))

    error = ended(asker).exit_reason.exception
    assert isinstance(error, ActorDied)
    assert error.reason == "why"


@rule("A59")
def test_an_asker_that_catches_the_failure_lives():
    asker, ref = Probe.start(), Probe.start()

    def ask():
        try:
            ref.ask(lambda: exit("why"))
        except CallExit as failed:
            return failed.reason

    assert asker.ask(ask) == "why"
    assert received_nothing(asker)


@rule("A59", "A60")
def test_a_request_out_of_time_is_handled_all_the_same(clock):
    handled = []
    ref, gate = busy()
    asker = Probe.start()
    answer = asker.ask(lambda: ref.ask(lambda: handled.append("done"), timeout=0.02), block=False)
    clock.await_timers()

    clock.advance(0.02)

    with pytest.raises(CallTimeout):
        answer.get()
    gate.open()
    assert ref.ask(lambda: "its own reply") == "its own reply"
    assert handled == ["done"]
    assert received_nothing(asker)


@rule("A60")
def test_the_request_of_an_asker_that_died_is_handled():
    handled = []
    ref, gate = busy()
    asker = Probe.start()
    asking = Gate()

    def ask():
        answer = ref.ask(lambda: handled.append("done"), block=False)
        asking.open()
        asking.pass_through()
        answer.get()

    asker.tell(ask)
    asking.await_arrival()

    asker.kill()
    gate.open()

    assert ref.ask(lambda: "alive") == "alive"
    assert handled == ["done"]
    assert ended(asker).exit_reason == Killed()


@rule("A62")
def test_an_ask_with_no_time_sends_and_does_not_wait():
    handled = []
    ref, gate = busy()

    with pytest.raises(CallTimeout):
        ref.ask(lambda: handled.append("done"), timeout=0)

    gate.open()
    ref.ask(lambda: None)
    assert handled == ["done"]


@rule("A69")
@pytest.mark.parametrize("wait", [lambda ref: ref.ask("hello"), lambda ref: ref.stop()], ids=["ask", "stop"])
def test_an_actor_that_would_wait_for_itself_is_told_so(wait):
    ref = Probe.start()

    with pytest.raises(Deadlock, match="itself") as raised:
        ref.ask(lambda: wait(ref))

    assert raised.value.reason == "calling_self"
    assert ref.is_alive()


@rule("A69")
def test_an_actor_may_send_to_itself_and_not_wait():
    ref = Probe.start()

    ref.ask(lambda: ref.tell("to myself"))
    answer = ref.ask(lambda: ref.ask(lambda: "later", block=False))

    assert received(ref) == "to myself"
    assert answer.get() == "later"


@rule("A69")
@pytest.mark.parametrize("wait", [lambda ref: ref.ask("hello"), lambda ref: ref.stop()], ids=["ask", "stop"])
def test_a_start_that_would_wait_for_its_starter_is_told_so(wait):
    reasons = []
    starter = Probe.start()

    class Child(Probe):
        def on_start(self):
            try:
                wait(starter)
            except Deadlock as error:
                reasons.append(error.reason)

    starter.ask(Child.start_link)

    assert reasons == ["deadlock"]


def test_a_child_may_ask_its_starter_when_it_is_up():
    starter = Probe.start()
    child = starter.ask(Probe.start_link)

    assert child.ask(lambda: starter.ask(lambda: "reply")) == "reply"


# stop


@rule("A73")
def test_stop_comes_after_what_was_sent_before():
    handled = []
    ref, gate = busy()
    ref.tell(lambda: handled.append("before"))
    stopped = ref.stop(block=False)
    ref.tell(lambda: handled.append("after"))
    answer = ref.ask("after", block=False)

    gate.open()

    assert stopped.get() is True
    assert handled == ["before"]
    with pytest.raises(ActorDied) as raised:
        answer.get()
    assert raised.value.reason == Normal()


@rule("A76")
@pytest.mark.parametrize("reason", ["custom", Shutdown("why"), 0], ids=repr)
def test_stop_ends_an_actor_with_the_reason_given(reason):
    ref = Probe.start()
    watcher = watching(ref)

    assert ref.stop(reason=reason) is True

    assert ref.exit_reason == reason
    assert received(watcher).reason == reason


@rule("A76")
def test_stop_ends_an_actor_that_traps_exits():
    ref = TrappingProbe.start()

    assert ref.stop() is True

    assert ref.exit_reason == Normal()


@rule("A37", "A76")
def test_when_stop_has_returned_the_actor_is_gone():
    log = []

    class Tidy(Probe):
        def on_stop(self):
            log.append("on_stop")

    for _ in range(100):
        ref = Tidy.start()

        ref.stop()

        assert ref.state() == "gone"
    assert len(log) == 100


@rule("A76")
def test_stopping_a_dead_actor_is_false():
    ref = Probe.start()

    assert [ref.stop(), ref.stop(), ref.stop(block=False).get()] == [True, False, False]


@rule("A76")
def test_a_stop_out_of_time_still_stops_later(clock):
    ref, gate = busy()
    answer = Probe.start().ask(lambda: ref.stop(timeout=0.02), block=False)
    clock.await_timers()

    clock.advance(0.02)

    with pytest.raises(CallTimeout):
        answer.get()
    assert ref.is_alive()
    gate.open()
    assert ended(ref).exit_reason == Normal()


@rule("A76")
def test_stop_returns_true_when_the_actor_ended_of_something_else():
    ref, gate = busy()
    ref.tell(lambda: exit("mine"))
    stopped = ref.stop(block=False)

    gate.open()

    assert stopped.get() is True
    assert ref.exit_reason == "mine"


def test_all_who_stop_an_actor_at_once_are_answered():
    ref, gate = busy()

    stops = [ref.stop(block=False, reason=reason) for reason in ("first", "second", "third")]
    gate.open()

    assert [stop.get() for stop in stops] == [True, True, True]
    assert ref.exit_reason == "first"


# State


def test_a_living_actor_has_no_exit_reason():
    ref = Probe.start()

    assert (ref.state(), ref.exit_reason, ref.is_alive(), ref.name) == ("alive", None, True, None)


@rule("A10")
def test_a_ref_is_its_actors_for_its_whole_life_and_beyond():
    ref = Probe.start()
    ref.tell(crash)
    ended(ref)

    other = Probe.start()

    assert ref != other
    assert ref.exit_reason == Crashed(ValueError("boom"))
    assert ref.actor_class is Probe


def test_join_waits_until_the_actor_is_gone(clock):
    ref, gate = busy()
    answer = Probe.start().ask(ref.join, block=False)

    ref.exit("boom")
    assert ref.join(0) is False
    gate.open()

    assert answer.get() is True
    assert ref.join(0) is True


def test_join_gives_up_when_its_time_is_over(clock):
    ref, gate = busy()
    answer = Probe.start().ask(lambda: ref.join(5), block=False)
    clock.await_timers()

    clock.advance(5)

    assert answer.get() is False
    gate.open()


def test_a_ref_says_whose_it_is():
    ref = Probe.start()

    assert str(ref).startswith("Probe (urn:uuid:")
    assert repr(ref) == f"<ActorRef for {ref}>"


def test_the_refs_of_an_actor_are_one():
    ref = Probe.start()

    assert ref.ask(current_actor) is ref
    assert isinstance(ref, ActorRef)
    assert isinstance(Actor.start(), ActorRef)


WAITS = {
    "ask": lambda ref, timeout: ref.ask("hello", timeout=timeout),
    "get": lambda ref, timeout: ref.ask(lambda: None, block=False).get(timeout=timeout),
    "stop": lambda ref, timeout: ref.stop(timeout=timeout),
    "join": lambda ref, timeout: ref.join(timeout),
}


@rule("A62")
@pytest.mark.parametrize("timeout", [-1, float("nan"), float("inf"), "3", True, False], ids=repr)
@pytest.mark.parametrize("wait", WAITS.values(), ids=list(WAITS))
@pytest.mark.parametrize("place", ["in an actor", "outside"])
def test_what_is_no_time_to_wait_is_refused_at_once_and_nothing_is_sent(wait, timeout, place):
    probe, other = Probe.start(), Probe.start()

    with pytest.raises(ValueError, match=rf"timeout must be seconds >= 0, or None to wait for ever; got {timeout!r}"):
        other.ask(lambda: wait(probe, timeout)) if place == "in an actor" else wait(probe, timeout)

    assert received_nothing(probe)
    assert probe.is_alive()


@pytest.mark.parametrize("timeout", [-1, float("nan"), "3", True], ids=repr)
def test_what_is_no_time_to_start_is_refused_before_anything_starts(timeout):
    with pytest.raises(ValueError, match="start_timeout must be seconds >= 0"):
        Probe.options(start_timeout=timeout)


@pytest.mark.parametrize("asker", ["an actor", "a thread"])
def test_a_time_out_says_who_has_not_answered_what(asker):
    ref, gate = busy()
    ask = lambda: ref.ask(("sync", 7), timeout=0)  # noqa: E731

    with pytest.raises(CallTimeout) as caught:
        Probe.start().ask(ask) if asker == "an actor" else ask()

    assert f"{ref} has not answered ('sync', 7) within 0 seconds" in str(caught.value)
    gate.open()
