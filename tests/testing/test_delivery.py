"""When messages and signals arrive in a simulation, and which never do."""

from __future__ import annotations

import pytest

from actors import Actor, ActorDied, Crashed, Exit, demonitor, link, monitor, unlink
from actors import exit as end
from actors.errors import CallTimeout, Deadlock
from actors.messages import Down, Normal
from actors.testing import System
from actors.testing.explore import ScenarioFailed, explore, replay
from tests.testing import explored

rule = pytest.mark.rule

SEEDS = range(60)


class Sink(Actor):
    """Keeps what it gets; does what it is told to by a function."""

    trap_exit = True

    def __init__(self):
        self.got = []

    def on_receive(self, message):
        if callable(message):
            return message(self)
        self.got.append(message)
        return None


class Sender(Actor):
    """Does what it is told to by a function."""

    def on_receive(self, message):
        return message(self)


def orders(scenario, delivery):
    """The different outcomes of a scenario in many schedules."""
    seen = set()
    for seed in SEEDS:
        with System(seed, delivery=delivery) as system:
            seen.add(tuple(scenario(system)))
    return seen


def straight_and_by_way_of_another(system):
    sink, courier, sender = Sink.start(), Sender.start(), Sender.start()

    def send(_sender):
        sink.tell("straight")
        courier.tell(lambda _courier: sink.tell("by way of another"))

    sender.tell(send)
    system.run_until_idle()
    return sink.ask(lambda sink: sink.got)


def test_messages_arrive_at_once_as_in_the_runtime_unless_said_otherwise():
    assert orders(straight_and_by_way_of_another, "runtime") == {("straight", "by way of another")}


@rule("A28")
def test_between_different_senders_there_is_no_order_with_the_delivery_of_otp():
    assert orders(straight_and_by_way_of_another, "otp") == {
        ("straight", "by way of another"),
        ("by way of another", "straight"),
    }


@rule("A28")
def test_what_one_sends_to_one_other_keeps_its_order_to_its_exit_and_its_down():
    def scenario(system):
        sink, sender = Sink.start(), Sender.start()
        sink.ask(lambda _sink: (monitor(sender), link(sender)))

        def send(_sender):
            for number in range(4):
                sink.tell(number)
            raise KeyError

        system.expect_crash(KeyError)
        sender.tell(send)
        system.run_until_idle()
        return [type(one) if isinstance(one, Exit | Down) else one for one in sink.ask(lambda sink: sink.got)]

    assert orders(scenario, "otp") == {(0, 1, 2, 3, Exit, Down)}


class Herald(Actor):
    """Tells on one whose end it hears of."""

    def __init__(self, watched, sink):
        self._watched = watched
        self._sink = sink

    def on_start(self):
        monitor(self._watched)

    def on_receive(self, _down):
        self._sink.tell("it is dead")


@rule("A28")
def test_another_may_hear_of_an_end_before_what_the_dead_has_sent_arrives():
    def scenario(system):
        sink, sender = Sink.start(), Sender.start()
        Herald.start(sender, sink)

        def send(_sender):
            sink.tell("last words")
            end(Normal())

        sender.tell(send)
        system.run_until_idle()
        return sink.ask(lambda sink: sink.got)

    assert orders(scenario, "otp") == {("last words", "it is dead"), ("it is dead", "last words")}


@rule("A28")
def test_an_answer_comes_after_what_was_sent_before_it():
    def scenario(_system):
        sink, server = Sink.start(), Sender.start()

        def serve(_server):
            sink.tell("before the answer")
            return "answer"

        def ask(sink):
            answer = server.ask(serve)
            sink.actor_ref.tell(answer)

        sink.ask(ask)
        return sink.ask(lambda sink: sink.got)

    assert orders(scenario, "otp") == {("before the answer", "answer")}


def test_what_is_given_up_doesnt_arrive_any_more():
    def scenario(system):
        sink, sender = Sink.start(), Sender.start()
        watch = sink.ask(lambda _sink: monitor(sender))
        sink.ask(lambda _sink: link(sender))
        sink.ask(lambda _sink: (demonitor(watch), unlink(sender)))
        system.expect_crash(KeyError)

        def fail(_sender):
            raise KeyError

        sender.tell(fail)
        system.run_until_idle()
        return sink.ask(lambda sink: sink.got)

    assert orders(scenario, "otp") == {()}


def test_a_link_given_up_while_the_exit_is_on_its_way_sends_none():
    with System(delivery="otp") as system:
        sink, sender = Sink.start(), Sender.start()
        sink.ask(lambda _sink: link(sender))
        held = system.hold(sink, "unlink")
        system.expect_crash(KeyError)

        def fail(_sender):
            raise KeyError

        sink.tell(lambda _sink: unlink(sender))
        system.run_until_idle()
        simulation = system._simulation
        sender.tell(fail)
        system.run_until(lambda: not sender.is_alive())
        on_its_way = [body.known_as for body in simulation.ready]
        held.release()

        assert sink.ask(lambda sink: sink.got) in ([], [Exit(sender, Crashed(KeyError()))])
        assert on_its_way, "the exit is on its way"


def test_what_is_asked_of_one_who_is_dead_when_it_arrives_is_refused():
    def scenario(_system):
        sink, asker = Sink.start(), Sender.start()
        answers = []

        def ask(_asker):
            answers.append(sink.ask(lambda _sink: "alive", block=False))

        asker.ask(ask)
        sink.stop()
        return [type(_outcome_of(answers[0]))]

    def _outcome_of(future):
        try:
            return future.get()
        except Exception as error:
            return error

    assert orders(scenario, "otp") == {(str,), (ActorDied,)}


def test_another_delivery_is_refused():
    with pytest.raises(ValueError, match="delivery must be 'runtime' or 'otp'; got 'late'"):
        System(delivery="late")


# Lost ones


def test_a_message_is_lost_that_matches():
    with System() as system:
        sink = Sink.start()
        fault = system.drop(sink, "b")
        for message in "abb":
            sink.tell(message)

        assert sink.ask(lambda sink: sink.got) == ["a", "b"]
        assert fault.fired == 1
        assert any(step.point == "dropped" for step in system.trace)


def test_all_that_match_are_lost():
    with System(delivery="otp") as system:
        sink = Sink.start()
        system.drop(sink, str, nth=None)
        for message in (1, "a", 2, "b"):
            sink.tell(message)

        assert sink.ask(lambda sink: sink.got) == [1, 2]


def test_who_asks_what_is_lost_waits_in_vain():
    with System() as system:
        sink = Sink.start()
        system.drop(sink)

        with pytest.raises(CallTimeout):
            sink.ask(lambda _sink: 1, timeout=5.0)


def test_a_deadlock_says_what_was_lost():
    with System() as system:
        sink = Sink.start()
        system.drop(sink, nth=None)
        sink.tell("hello")

        with pytest.raises(Deadlock) as caught:
            sink.ask("what?")

        assert str(caught.value).splitlines()[-3:] == [
            "  no actor waits",
            "  Sink-1#1 never got 'hello': drop() has it be lost",
            "  Sink-1#1 never got 'what?': drop() has it be lost",
        ]


def test_a_deadlock_where_nothing_was_lost_says_nothing_of_that():
    with System() as system:
        system.drop(Sink, "b", must_strike=False)

        with pytest.raises(Deadlock) as caught:
            system.run_until(lambda: False)

        assert "drop()" not in str(caught.value)


def test_exits_downs_and_stops_are_never_lost():
    with System() as system:
        sink, sender = Sink.start(), Sender.start()
        sink.ask(lambda _sink: (monitor(sender), link(sender)))
        system.drop(Actor, nth=None, must_strike=False)
        sender.stop()
        system.run_until_idle()
        system.drop(Actor, nth=1, must_strike=False)

        assert [type(one) for one in sink._process.actor.got] == [Exit, Down]
        assert sink.stop()
        assert sink.exit_reason == Normal()


# Explored


def test_a_scenario_that_relies_on_order_between_senders_passes_as_the_runtime_delivers():
    explore(explored.relies_on_order_between_senders, schedules=200)


def test_its_reliance_is_found_with_the_delivery_of_otp_and_had_again():
    with pytest.raises(ScenarioFailed) as caught:
        explore(explored.relies_on_order_between_senders, schedules=200, delivery="otp")

    schedule = caught.value.schedule
    assert schedule.delivery == "otp"
    assert "delivery='otp'" in str(caught.value)
    assert "mail from Till-2" in str(schedule)
    with pytest.raises(AssertionError, match="bill"):
        replay(explored.relies_on_order_between_senders, schedule)
