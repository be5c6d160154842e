"""Plain Pykka actors, as somebody else wrote them, with an OTP life."""

from __future__ import annotations

import gc
import threading

import pykka
import pytest

from actors import (
    ActorDied,
    ActorRef,
    Crashed,
    Down,
    Exit,
    NameUnavailable,
    NoProc,
    Normal,
    adopt,
    current_actor,
    demonitor,
    exit,
    link,
    monitor,
    register_name,
    whereis,
)
from actors.testing import settle
from tests.support import CAP, Gate, Probe, TrappingProbe, crash, ended, received, received_nothing, watching

rule = pytest.mark.rule


class Plain(pykka.ThreadingActor):
    """Nothing but Pykka's: runs what it is sent, and writes down its last hooks."""

    use_daemon_thread = True

    def __init__(self, log=None):
        super().__init__()
        self.log = [] if log is None else log

    def on_receive(self, message):
        return message() if callable(message) else message

    def on_stop(self):
        self.log.append("on_stop")

    def on_failure(self, exception_type, exception_value, traceback):
        self.log.append(("on_failure", exception_type))

    def double(self, number):
        return 2 * number


@pytest.fixture
def plain():
    ref = Plain.start()
    yield ref
    ref.stop()


@rule("A1", "A24")
def test_a_plain_actor_that_was_stopped_is_down_with_normal(plain):
    watcher = watching(plain)

    assert plain.stop() is True

    down = received(watcher)
    assert (down.ref, down.reason) == (plain, Normal())
    assert received_nothing(watcher)


@rule("A2", "A24")
def test_a_plain_actor_that_crashed_is_down_with_its_exception():
    log = []
    plain = Plain.start(log)
    watcher = watching(plain)

    plain.tell(crash)

    assert received(watcher).reason == Crashed(ValueError("boom"))
    assert log == [("on_failure", ValueError)]


def test_a_failed_ask_does_not_end_a_plain_actor(plain):
    watcher = watching(plain)

    with pytest.raises(ValueError, match="boom"):
        plain.ask(crash)

    assert plain.ask("alive") == "alive"
    assert received_nothing(watcher)


def test_a_plain_actor_that_stops_itself_is_down_too():
    class Shy(Plain):
        def on_receive(self, message):
            self.stop()

    plain = Shy.start()
    watcher = watching(plain)

    plain.tell("hello")

    assert received(watcher).reason == Normal()


@rule("A12")
def test_a_plain_actor_takes_a_linked_one_along(plain):
    peer = Probe.start()
    peer.ask(lambda: link(plain))

    plain.tell(crash)

    assert peer.join(CAP)
    assert peer.exit_reason == Crashed(ValueError("boom"))


@rule("A13")
def test_a_trapping_actor_hears_of_a_plain_ones_end(plain):
    peer = TrappingProbe.start()
    peer.ask(lambda: link(plain))

    plain.stop()

    assert received(peer) == Exit(adopt(plain), Normal())


@rule("A12")
def test_a_plain_actor_dies_with_one_it_is_linked_to():
    log = []
    plain, peer = Plain.start(log), Probe.start()
    peer.ask(lambda: link(plain))

    peer.tell(lambda: exit("boom"))

    assert ended(plain).exit_reason == "boom"
    assert not plain.is_alive()
    assert log == ["on_stop"]


@rule("A12")
def test_a_signal_to_a_plain_actor_goes_ahead_of_its_queue():
    gate, log = Gate(), []
    plain = Plain.start(log)
    adopted = adopt(plain)
    plain.tell(gate.pass_through)
    gate.await_arrival()
    plain.tell(lambda: log.append("never"))

    adopted.exit("boom")
    gate.open()

    assert ended(plain).exit_reason == "boom"
    assert log == ["on_stop"]


@rule("A15")
def test_a_normal_signal_does_nothing_to_a_plain_actor(plain):
    adopt(plain).exit(Normal())

    assert plain.ask("alive") == "alive"


def test_an_adopted_ref_does_what_a_ref_does(plain):
    adopted = adopt(plain)

    assert isinstance(adopted, ActorRef)
    assert (adopted.state(), adopted.exit_reason, adopted.is_alive()) == ("alive", None, True)
    assert adopted.ask("hello") == "hello"
    assert adopted.proxy().double(4).get() == 8
    adopted.tell("hello")


@rule("A76")
def test_an_adopted_actor_can_be_stopped_with_a_reason():
    log = []
    plain = Plain.start(log)
    adopted = adopt(plain)

    assert adopted.stop(reason="why") is True

    assert (adopted.exit_reason, adopted.state()) == ("why", "gone")
    assert adopted.stop() is False
    assert plain.stop() is False
    assert log == ["on_stop"]


@rule("A73")
def test_an_adopted_actor_handles_what_came_before_its_stop():
    gate, log = Gate(), []
    plain = Plain.start(log)
    plain.tell(gate.pass_through)
    gate.await_arrival()
    plain.tell(lambda: log.append("before"))
    stops = [adopt(plain).stop(block=False, reason=reason) for reason in ("first", "second")]

    gate.open()

    assert [stop.get() for stop in stops] == [True, True]
    assert adopt(plain).exit_reason == "first"
    assert log == ["before", "on_stop"]


@rule("A61")
def test_who_waits_in_an_adopted_actors_queue_gets_its_reason():
    gate = Gate()
    plain = Plain.start()
    adopted = adopt(plain)
    plain.tell(lambda: (gate.pass_through(), crash()))
    gate.await_arrival()
    ours, theirs = adopted.ask("never", block=False), plain.ask("never", block=False)

    gate.open()

    for answer in (ours, theirs):
        with pytest.raises(pykka.ActorDeadError) as raised:
            answer.get(timeout=CAP)
        assert raised.value.reason == Crashed(ValueError("boom"))


def test_what_an_adopted_actor_is_asked_may_be_answered_and_waited_for_by_others(plain):
    gate, asker, waiting = Gate(), Probe.start(), Probe.start()
    plain.tell(gate.pass_through)
    gate.await_arrival()
    adopted = adopt(plain)
    answer = asker.ask(lambda: adopted.ask("question"), block=False)
    settle()

    envelope = plain.actor_inbox.get(timeout=CAP)
    seen = waiting.ask(lambda: envelope.reply_to.get(timeout=CAP), block=False)
    settle()
    envelope.reply_to.set("answer")

    assert envelope.message == "question"
    assert answer.get(timeout=CAP) == seen.get(timeout=CAP) == "answer"
    gate.open()


def test_a_plain_stop_that_waits_is_answered_when_the_actor_crashes():
    gate = Gate()
    plain = Plain.start()
    adopt(plain)
    plain.tell(lambda: (gate.pass_through(), crash()))
    gate.await_arrival()
    answer = plain.stop(block=False)

    gate.open()

    assert answer.get(timeout=CAP) is True


@rule("A3")
@pytest.mark.parametrize("send", ["tell", "ask"])
def test_a_plain_actor_can_exit_with_a_reason(send):
    log = []
    plain = Plain.start(log)
    adopt(plain)

    if send == "tell":
        plain.tell(lambda: exit("why"))
    else:
        with pytest.raises(ActorDied):
            plain.ask(lambda: exit("why"))

    assert ended(plain).exit_reason == "why"
    assert log == ["on_stop"]


def test_an_adopted_actor_knows_itself(plain):
    adopted = adopt(plain)

    assert plain.ask(current_actor) is adopted


def test_an_adopted_actor_can_watch_others(plain):
    got = []

    class Watching(Plain):
        def on_receive(self, message):
            if isinstance(message, Down):
                got.append(message)
                return None
            return super().on_receive(message)

    other = Probe.start()
    watcher = Watching.start()
    adopt(watcher)
    watch = watcher.ask(lambda: monitor(other))

    other.stop()

    assert watcher.ask(lambda: list(got)) == [Down(other, Normal(), watch)]
    watcher.stop()


@rule("A26")
def test_an_adopted_actor_can_flush_a_down():
    gate, got = Gate(), []

    class Watching(Plain):
        def on_receive(self, message):
            if isinstance(message, Down):
                got.append(message)
                return None
            return super().on_receive(message)

    other, watcher = Probe.start(), Watching.start()
    adopt(watcher)
    watch = watcher.ask(lambda: monitor(other))
    watcher.tell(lambda: (gate.pass_through(), demonitor(watch, flush=True)))
    gate.await_arrival()
    other.stop()

    gate.open()

    assert watcher.ask(lambda: list(got)) == []
    watcher.stop()


# When it is adopted


def test_adopting_twice_gives_one_ref(plain):
    assert adopt(plain) is adopt(plain)
    assert adopt(adopt(plain)) is adopt(plain)


def test_our_own_actors_are_adopted_already():
    ref = Probe.start()

    assert adopt(ref) is ref


@rule("A24")
def test_an_actor_adopted_while_it_runs_a_handler_is_noticed():
    gate = Gate()
    plain = Plain.start()
    plain.tell(lambda: (gate.pass_through(), crash()))
    gate.await_arrival()

    watcher = watching(plain)
    gate.open()

    assert received(watcher).reason == Crashed(ValueError("boom"))


@rule("A6")
def test_an_actor_adopted_while_it_runs_a_handler_can_be_killed():
    gate, log = Gate(), []
    plain = Plain.start(log)
    plain.tell(gate.pass_through)
    gate.await_arrival()
    watcher = watching(plain)

    adopt(plain).kill()

    assert received(watcher)
    assert adopt(plain).state() == "abandoned"
    gate.open()
    assert ended(plain).state() == "gone"
    assert log == []


@rule("A25")
def test_monitoring_a_plain_actor_that_has_ended_gives_noproc(plain):
    plain.stop()

    watcher = watching(plain)

    assert received(watcher).reason == NoProc()


def forgotten():
    """A ref to a plain actor of which nothing is left."""
    ref = Plain.start()
    thread = next(t for t in threading.enumerate() if t is not threading.main_thread() and t.name.startswith("Plain-"))
    ref.stop()
    thread.join(CAP)
    gc.collect()
    return ref


@rule("A18", "A25")
def test_of_a_plain_actor_that_is_no_more_all_is_as_of_a_dead_one():
    plain = forgotten()
    watcher, trapping = watching(plain), TrappingProbe.start()

    assert received(watcher).reason == NoProc()
    trapping.ask(lambda: link(plain))
    assert received(trapping) == Exit(plain, NoProc())
    with pytest.raises(ActorDied):
        watcher.ask(lambda: link(plain))
    with pytest.raises(ActorDied):
        adopt(plain)


@rule("A8", "A32", "A33")
def test_a_plain_actor_can_have_a_name(plain):
    register_name("plain", plain)
    assert whereis("plain") is adopt(plain)
    with pytest.raises(NameUnavailable):
        register_name("another", plain)
    watcher = watching(plain)

    plain.stop()
    received(watcher)

    assert whereis("plain") is None
