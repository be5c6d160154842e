"""Plain Pykka actors that are killed, and that end while others still write to them."""

from __future__ import annotations

import contextlib
import queue
import threading

import pykka
import pytest

from actors import (
    ActorDied,
    Down,
    Exit,
    Killed,
    ProcessKilled,
    Runtime,
    adopt,
    link,
    monitor,
    send_after,
    sleep,
    trap_exit,
)
from actors._process import lock_of_all
from actors.testing import ManualClock
from tests.support import CAP, Gate, Probe, crash, ended, held_elsewhere, received, received_nothing, watching

rule = pytest.mark.rule


class Plain(pykka.ThreadingActor):
    """Nothing but Pykka's: runs what it is sent, and writes down what it does."""

    use_daemon_thread = True

    def __init__(self, log=None):
        super().__init__()
        self.log = [] if log is None else log

    def on_receive(self, message):
        return message()

    def on_stop(self):
        self.log.append("on_stop")

    def on_failure(self, *exc_info):
        self.log.append("on_failure")


def held_between_taking_and_handling(log):
    """A plain actor that waits at a gate when it has taken a message, and hasn't begun to handle it."""
    gate = Gate()

    class Inbox(queue.Queue):
        def get(self, *args, **kwargs):
            envelope = super().get(*args, **kwargs)
            if envelope.message == held:
                gate.pass_through()
            return envelope

    class Held(Plain):
        @staticmethod
        def _create_actor_inbox():
            return Inbox()

    def held():
        log.append("handled")
        return "reply"

    return Held.start(log), gate, held


@rule("A6")
def test_an_idle_plain_actor_is_gone_soon_after_its_kill():
    log = []
    plain = Plain.start(log)
    watcher = watching(plain)

    adopt(plain).kill()

    assert received(watcher).reason == Killed()
    assert adopt(plain).join(CAP)
    assert not plain.is_alive()
    assert plain not in pykka.ActorRegistry.get_all()
    assert log == []


@rule("A6", "A8")
def test_a_plain_actor_killed_in_a_handler_is_abandoned_until_it_returns():
    gate, log = Gate(), []
    plain = Plain.start(log)
    adopted = adopt(plain)
    watcher = watching(plain)
    plain.ask(lambda: None)
    plain.tell(lambda: (gate.pass_through(), log.append("handler ends")))
    gate.await_arrival()
    plain.tell(lambda: log.append("never"))

    adopted.kill()

    assert received(watcher).reason == Killed()
    assert (adopted.state(), adopted.is_alive(), plain.is_alive()) == ("abandoned", False, False)
    gate.open()
    assert adopted.join(CAP)
    assert adopted.state() == "gone"
    assert log == ["handler ends"]
    assert received_nothing(watcher)


@rule("A6")
@pytest.mark.parametrize("hook", ["on_stop", "on_failure"])
def test_a_plain_actor_killed_in_its_last_hook_is_not_gone_before_it_ends(hook):
    gate = Gate()
    held = type("Held", (Plain,), {hook: lambda self, *_: gate.pass_through()})
    plain = held.start()
    watcher = watching(plain)
    if hook == "on_stop":
        plain.stop(block=False)
    else:
        plain.tell(crash)
    gate.await_arrival()

    adopt(plain).kill()

    assert received(watcher).reason == Killed()
    assert adopt(plain).state() == "abandoned"
    gate.open()
    assert adopt(plain).join(CAP)
    assert adopt(plain).exit_reason == Killed()
    assert received_nothing(watcher)


@rule("A6")
def test_a_plain_actor_killed_over_a_message_it_has_just_taken_handles_it_no_more():
    log = []
    plain, gate, held = held_between_taking_and_handling(log)
    adopted = adopt(plain)
    adopted.ask(lambda: None)
    answer = plain.ask(held, block=False)
    gate.await_arrival()

    adopted.kill()
    gate.open()

    with pytest.raises(ActorDied) as raised:
        answer.get(timeout=CAP)
    assert raised.value.reason == Killed()
    assert adopted.join(CAP)
    assert log == []


@rule("A12")
@pytest.mark.parametrize("send", ["tell", "ask"])
def test_a_signal_over_a_message_just_taken_is_the_reason_all_the_same(send):
    log = []
    plain, gate, held = held_between_taking_and_handling(log)
    adopted = adopt(plain)
    answer = plain.ask(held, block=False) if send == "ask" else plain.tell(held)
    gate.await_arrival()

    adopted.exit("boom")
    gate.open()

    assert adopted.join(CAP)
    assert adopted.exit_reason == "boom"
    assert log == ["on_stop"]
    if send == "ask":
        with pytest.raises(ActorDied) as raised:
            answer.get(timeout=CAP)
        assert raised.value.reason == "boom"


@rule("A6")
@pytest.mark.parametrize("ending", [lambda: "result", lambda: sleep(0)], ids=["returns", "unwinds"])
def test_who_asked_a_plain_actor_that_was_killed_gets_an_error_and_no_result(ending):
    gate = Gate()
    plain = Plain.start()
    adopted = adopt(plain)
    answer = plain.ask(lambda: (gate.pass_through(), ending()), block=False)
    gate.await_arrival()

    adopted.kill()
    gate.open()

    with pytest.raises(ActorDied) as raised:
        answer.get(timeout=CAP)
    assert raised.value.reason == Killed()
    assert adopted.join(CAP)


@rule("A6")
def test_who_waits_in_the_queue_of_a_killed_plain_actor_is_answered_at_once():
    gate = Gate()
    plain = Plain.start()
    adopted = adopt(plain)
    plain.tell(gate.pass_through)
    gate.await_arrival()
    answer = plain.ask(lambda: "never", block=False)

    adopted.kill()

    with pytest.raises(ActorDied):
        answer.get(timeout=CAP)
    gate.open()
    assert adopted.join(CAP)


@rule("A6")
def test_a_kill_wakes_a_plain_actor_out_of_a_wait_of_ours():
    raised, asleep = [], Gate()
    plain = Plain.start()
    adopted = adopt(plain)

    def handler():
        asleep.open()
        asleep.pass_through()
        try:
            sleep(60)
        except BaseException as error:
            raised.append(type(error))
            raise

    plain.tell(handler)
    asleep.await_arrival()

    adopted.kill()

    assert adopted.join(CAP)
    assert raised == [ProcessKilled]


@rule("A24")
def test_concurrent_adoptions_are_one():
    for _ in range(50):
        log = []
        plain = Plain.start(log)
        barrier = threading.Barrier(4)
        watchers = [Probe.start() for _ in range(4)]

        def watch(plain=plain, barrier=barrier):
            barrier.wait(CAP)
            monitor(plain)
            return adopt(plain)

        answers = [watcher.ask(watch, block=False) for watcher in watchers]
        refs = {answer.get() for answer in answers}
        plain.tell(crash)

        assert refs == {adopt(plain)}
        for watcher in watchers:
            assert received(watcher).ref is plain
            assert received_nothing(watcher)
            watcher.stop()
        assert log == ["on_failure"]


@pytest.mark.usefixtures("hasty_threads")
@pytest.mark.parametrize("end", ["stop", "kill", "crash"])
def test_writing_to_an_ending_plain_actor_hangs_neither_side(end):
    for _ in range(40):
        adopted = adopt(Plain.start())
        answers = []

        def write(adopted=adopted, answers=answers):
            for _ in range(200):
                answers.append(adopted.ask(lambda: None, block=False))

        threads = [threading.Thread(target=write, daemon=True) for _ in range(2)]
        for thread in threads:
            thread.start()
        match end:
            case "stop":
                adopted.stop(block=False)
            case "kill":
                adopted.kill()
            case "crash":
                adopted.tell(crash)

        assert adopted.join(CAP)
        for thread in threads:
            thread.join(CAP)
            assert not thread.is_alive()
        for answer in answers:
            with contextlib.suppress(ActorDied):
                answer.get(timeout=CAP)


def test_a_kill_waits_for_no_lock_of_pykkas():
    plain = Plain.start()
    adopted = adopt(plain)

    with held_elsewhere(pykka.ActorRegistry._actor_refs_lock):
        adopted.kill()
        assert adopted.exit_reason == Killed()
    ended(plain)


def test_pykkas_registry_finds_an_actor_by_its_urn_whoever_holds_our_lock():
    ref = Probe.start()

    with held_elsewhere(lock_of_all):
        assert pykka.ActorRegistry.get_by_urn(ref.actor_urn) == ref


class Narrow(pykka.ThreadingActor):
    """Nothing but Pykka's, with an inbox in which one message finds room: runs what it is sent."""

    use_daemon_thread = True

    def __init__(self, log):
        super().__init__()
        self.log = log

    @staticmethod
    def _create_actor_inbox():
        return queue.Queue(maxsize=1)

    def on_receive(self, message):
        return message() if callable(message) else self.log.append(message)


def crowd(plain, gate):
    """Have it wait at the gate in a handler, with a full inbox."""
    plain.tell(gate.pass_through)
    gate.await_arrival()
    plain.tell("what fills it")


def test_a_signal_to_one_whose_inbox_is_full_waits_for_no_room(gate):
    plain = Narrow.start([])
    adopted = adopt(plain)
    crowd(plain, gate)

    adopted.exit("boom")

    gate.open()
    assert ended(plain).exit_reason == "boom"


@rule("A31")
def test_a_down_to_one_whose_inbox_is_full_waits_for_no_room_and_is_last_in_it(gate):
    log = []
    watched = Probe.start()
    plain = Narrow.start(log)
    adopt(plain)
    watch = plain.ask(lambda: monitor(watched))
    crowd(plain, gate)

    watched.kill()

    gate.open()
    plain.stop()
    assert ended(plain).exit_reason is not None
    assert log == ["what fills it", Down(watched, Killed(), watch)]


def test_an_exit_to_one_that_traps_and_whose_inbox_is_full_waits_for_no_room(gate):
    log = []
    peer = Probe.start()
    plain = Narrow.start(log)
    adopt(plain)
    plain.ask(lambda: (trap_exit(True), link(peer)))
    crowd(plain, gate)

    peer.exit("boom")
    ended(peer)

    gate.open()
    plain.stop()
    assert ended(plain).exit_reason is not None
    assert log == ["what fills it", Exit(peer, "boom")]


def test_a_timer_for_one_whose_inbox_is_full_keeps_no_other_waiting(gate):
    log = []
    with Runtime(clock=ManualClock()) as runtime:
        plain = Narrow.start(log)
        adopt(plain)
        other = Probe.start()
        crowd(plain, gate)
        send_after(plain, "late", 1)
        send_after(other, "on time", 1)

        runtime.clock.advance(1)

        assert received(other) == "on time"
    gate.open()
    plain.stop()
    ended(plain)
    assert log == ["what fills it", "late"]
