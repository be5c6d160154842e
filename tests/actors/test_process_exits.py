"""Exit signals: `ref.exit(reason)`, `exit(reason)`, and which of two ends counts."""

from __future__ import annotations

import pytest

from actors import Actor, ActorDied, Exit, Killed, Normal, NotAnActor, Shutdown, exit, link, monitor
from tests.support import Gate, Probe, TrappingProbe, ended, received, received_nothing

rule = pytest.mark.rule


@rule("A3")
@pytest.mark.parametrize("reason", [("a", 1), "kill", 0, False, Normal(), Shutdown("why")], ids=repr)
def test_exit_ends_an_actor_with_just_that_reason(reason):
    actor = Probe.start()

    actor.tell(lambda: exit(reason))

    assert ended(actor).exit_reason == reason
    assert not actor.is_alive()


@rule("A3")
def test_an_exit_that_is_caught_ends_nobody():
    actor = Probe.start()

    def handler():
        try:
            exit("foo")
        except Exception as error:
            return error.reason

    assert actor.ask(handler) == "foo"
    assert actor.is_alive()


@rule("A3", "A58")
def test_who_asked_an_actor_that_exits_gets_its_reason():
    actor = Probe.start()

    with pytest.raises(ActorDied) as raised:
        actor.ask(lambda: exit("why"))

    assert raised.value.reason == "why"
    assert ended(actor).exit_reason == "why"


def test_only_actors_exit():
    with pytest.raises(NotAnActor, match="actor's own code"):
        exit("main")


@rule("A15")
def test_a_normal_signal_from_another_is_ignored():
    actor = Probe.start()

    actor.exit(Normal())

    assert received_nothing(actor)
    assert actor.is_alive()


@rule("A15")
@pytest.mark.parametrize("reason", [Shutdown(), "boom", Killed()], ids=repr)
def test_any_other_signal_ends_an_actor_with_it(reason):
    actor = Probe.start()

    actor.exit(reason)

    assert ended(actor).exit_reason == reason


@rule("A15")
@pytest.mark.parametrize("reason", [Normal(), Shutdown(), "boom", Killed()], ids=repr)
def test_a_trapping_actor_gets_the_signal_and_its_sender(reason):
    actor, sender = TrappingProbe.start(), Probe.start()

    sender.ask(lambda: actor.exit(reason))

    assert received(actor) == Exit(sender, reason)
    assert actor.is_alive()


@rule("A15")
def test_a_signal_from_outside_has_no_sender():
    actor = TrappingProbe.start()

    actor.exit("boom")

    assert received(actor) == Exit(None, "boom")


@rule("A16")
def test_a_normal_signal_to_oneself_ends_the_actor():
    actor = Probe.start()

    actor.tell(lambda: actor.exit(Normal()))

    assert ended(actor).exit_reason == Normal()


@rule("A16")
@pytest.mark.parametrize("reason", [Normal(), "foo"], ids=repr)
def test_a_trapping_actors_signal_to_itself_is_a_message(reason):
    actor = TrappingProbe.start()

    actor.ask(lambda: actor.exit(reason))

    assert received(actor) == Exit(actor, reason)


@rule("A16")
def test_a_trapping_actor_can_kill_itself():
    actor = TrappingProbe.start()

    actor.tell(actor.kill)

    assert ended(actor).exit_reason == Killed()


@rule("A12")
def test_a_signal_waits_for_the_handler_and_nothing_else():
    gate = Gate()
    log = []

    class Subject(Probe):
        def on_stop(self):
            log.append("on_stop")

    actor = Subject.start()
    actor.tell(lambda: (gate.pass_through(), log.append("handler ends")))
    gate.await_arrival()
    actor.tell(lambda: log.append("queued"))

    actor.exit("boom")
    assert actor.is_alive()
    gate.open()

    assert ended(actor).exit_reason == "boom"
    assert log == ["handler ends", "on_stop"]


@rule("A12", "A28")
def test_what_a_handler_sends_after_the_signal_arrives_before_the_down():
    gate = Gate()
    watcher, actor = Probe.start(), Probe.start()
    watcher.ask(lambda: monitor(actor) and None)
    actor.tell(lambda: (gate.pass_through(), watcher.tell("sent after the signal")))
    gate.await_arrival()

    actor.exit("boom")
    gate.open()

    assert received(watcher) == "sent after the signal"
    assert received(watcher).reason == "boom"


@rule("A21")
def test_the_first_of_two_fatal_signals_decides():
    gate = Gate()
    actor = Probe.start()
    actor.tell(gate.pass_through)
    gate.await_arrival()

    actor.exit("a")
    actor.exit("b")
    gate.open()

    assert ended(actor).exit_reason == "a"


@rule("A6", "A21")
def test_a_kill_overtakes_a_signal_that_has_not_taken_effect_yet():
    gate = Gate()
    actor = Probe.start()
    actor.tell(gate.pass_through)
    gate.await_arrival()

    actor.exit("a")
    actor.kill()
    gate.open()

    assert ended(actor).exit_reason == Killed()


@rule("A21")
def test_a_signal_received_decides_over_a_later_end_of_a_link():
    gate = Gate()
    peer = Probe.start()
    actor = Probe.start()
    actor.ask(lambda: link(peer))
    actor.tell(gate.pass_through)
    gate.await_arrival()

    actor.exit("a")
    peer.stop(reason="b")
    gate.open()

    assert ended(actor).exit_reason == "a"


@rule("A6", "A21")
def test_a_trapping_actor_told_to_shut_down_can_still_be_killed():
    actor = TrappingProbe.start()
    actor.exit(Shutdown())
    assert received(actor) == Exit(None, Shutdown())

    actor.kill()

    assert ended(actor).exit_reason == Killed()


@rule("A7")
def test_a_signal_to_a_dead_actor_vanishes():
    actor = Probe.start()
    actor.stop()

    actor.exit("too late")
    actor.kill()

    assert actor.exit_reason == Normal()


@rule("A61")
def test_who_waits_in_the_queue_of_a_signalled_actor_gets_its_reason():
    gate = Gate()
    actor = Probe.start()
    actor.tell(gate.pass_through)
    gate.await_arrival()
    answers = [actor.ask(lambda: "never", block=False) for _ in range(3)]

    actor.exit("boom")
    gate.open()

    for answer in answers:
        with pytest.raises(ActorDied) as raised:
            answer.get()
        assert raised.value.reason == "boom"


@rule("A17")
def test_a_class_may_trap_exits_from_the_start():
    class Trapping(Actor):
        trap_exit = True

        def on_start(self):
            self.seen = []

        def on_receive(self, message):
            if message != "seen":
                self.seen.append(message)
            return self.seen

    actor = Trapping.start()

    actor.exit("boom")

    assert actor.ask("seen") == [Exit(None, "boom")]
