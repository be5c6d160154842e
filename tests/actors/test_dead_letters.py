"""Messages that nobody will ever handle, and starts that failed: counted, and told to who listens."""

from __future__ import annotations

import logging
import queue
import threading

import pykka
import pytest

from actors import (
    Actor,
    ActorDied,
    Crashed,
    Exit,
    FailedStart,
    GenServer,
    Ignore,
    Killed,
    NoProc,
    Normal,
    NoSuchName,
    Ok,
    Shutdown,
    Undelivered,
    adopt,
    current_runtime,
    exit,
    link,
    monitor,
    named,
    send_after,
)
from tests.support import CAP, Gate, Probe, crash, ended, received

rule = pytest.mark.rule


class Busy(Probe):
    """A probe that blocks its own thread."""

    runs_on = "thread"


@pytest.fixture
def dead_letters(runtime):
    return runtime.dead_letters


@pytest.fixture
def letters(dead_letters):
    """A function that returns the next dead letter."""
    told = queue.SimpleQueue()
    dead_letters.listen(told.put)
    return lambda: told.get(timeout=CAP)


def test_a_message_to_a_dead_actor_is_counted_and_told(dead_letters, letters):
    probe = Probe.start()
    probe.stop(reason=Shutdown("done"))

    with pytest.raises(ActorDied):
        probe.tell("late")

    assert letters() == Undelivered(probe, "late", Shutdown("done"))
    assert dead_letters.count == 1


def test_messages_behind_a_stop_are_counted_and_told_in_order(dead_letters, letters):
    gate = Gate()
    probe = Busy.start()
    probe.tell(gate.pass_through)
    gate.await_arrival()

    probe.stop(block=False)
    for number in range(200):
        probe.tell(number)
    gate.open()
    ended(probe)

    assert [letters() for _ in range(200)] == [Undelivered(probe, number, Normal()) for number in range(200)]
    assert dead_letters.count == 200


def test_messages_behind_a_crash_are_told_with_what_the_actor_died_of(letters):
    gate = Gate()
    probe = Busy.start()
    probe.tell(gate.pass_through)
    gate.await_arrival()

    probe.tell(crash)
    probe.tell("never")
    gate.open()

    assert letters() == Undelivered(probe, "never", Crashed(ValueError("boom")))


def test_a_message_in_hand_when_its_actor_is_killed_is_no_dead_letter(dead_letters, letters):
    gate = Gate()
    probe = Busy.start()
    probe.tell(gate.pass_through)
    gate.await_arrival()

    probe.tell("behind")
    probe.kill()
    gate.open()
    ended(probe)

    assert letters() == Undelivered(probe, "behind", Killed())
    assert dead_letters.count == 1


def test_what_somebody_waits_for_is_answered_instead(dead_letters):
    gate = Gate()
    probe = Busy.start()
    probe.tell(gate.pass_through)
    gate.await_arrival()

    probe.stop(block=False)
    answer = probe.ask("question", block=False)
    gate.open()

    with pytest.raises(ActorDied):
        answer.get(timeout=CAP)
    with pytest.raises(ActorDied):
        probe.ask("late")
    assert dead_letters.count == 0


def test_what_the_runtime_itself_sends_is_not_missed(dead_letters):
    gate = Gate()
    watcher, probe = Busy.options(trap_exit=True).start(), Probe.start()
    watcher.ask(lambda: (link(probe), monitor(probe)))
    watcher.tell(gate.pass_through)
    gate.await_arrival()

    watcher.stop(block=False)
    probe.stop()
    watcher.stop(block=False)
    gate.open()
    ended(watcher)

    assert dead_letters.count == 0


def test_a_message_that_looks_like_the_runtimes_own_but_was_asked_for_is_a_message(letters):
    probe = Probe.start()
    probe.stop()
    request = Probe.start().ask(lambda: None, block=False)

    with pytest.raises(ActorDied):
        probe.tell(request)

    assert letters() == Undelivered(probe, request, Normal())


@rule("A42")
def test_what_a_timer_sends_to_nobody_is_told(clock, letters):
    probe = Probe.start()
    send_after(probe, "wake up", 1.0)
    send_after(named("nobody"), "hello", 2.0)

    probe.stop()
    clock.advance(3.0)

    assert letters() == Undelivered(probe, "wake up", Normal())
    assert letters() == Undelivered(named("nobody"), "hello", NoProc())


@rule("A7")
def test_a_message_to_a_name_that_nobody_has_is_told(dead_letters, letters):
    with pytest.raises(NoSuchName):
        named("nobody").tell("hello")

    assert letters() == Undelivered(named("nobody"), "hello", NoProc())
    assert dead_letters.count == 1


@rule("A68")
def test_a_cast_to_a_dead_server_is_told_as_it_was_cast(letters):
    class Server(GenServer[None]):
        def init(self):
            return Ok(None)

    server = Server.start()
    server.stop()

    server.cast("late")

    assert letters() == Undelivered(server, "late", Normal())


def test_the_mail_of_a_plain_pykka_actor_that_ends_is_told(letters):
    class Plain(pykka.ThreadingActor):
        def on_receive(self, message):
            message()

    gate = Gate()
    plain = Plain.start()
    adopted = adopt(plain)
    plain.tell(gate.pass_through)
    gate.await_arrival()

    plain.stop(block=False)
    plain.tell("behind")
    gate.open()

    assert letters() == Undelivered(adopted, "behind", Normal())
    ended(adopted)


# Failed starts


@pytest.mark.parametrize(("fail", "reason"), [(crash, Crashed(ValueError("boom"))), (lambda: exit("why"), "why")])
def test_a_failed_start_that_nobody_waits_for_is_told(letters, fail, reason):
    class Failing(Actor):
        def on_start(self):
            fail()

    actor = Failing.start()

    assert letters() == FailedStart(actor, reason)
    assert ended(actor).exit_reason == reason


def test_what_was_sent_to_an_actor_that_fails_to_start_is_told_after_its_failure(letters):
    gate = Gate()

    class Failing(Actor):
        runs_on = "thread"

        def on_start(self):
            gate.pass_through()
            crash()

    actor = Failing.start()
    actor.tell("hello")
    gate.open()

    assert letters() == FailedStart(actor, Crashed(ValueError("boom")))
    assert letters() == Undelivered(actor, "hello", Crashed(ValueError("boom")))


def test_an_ignored_start_has_not_failed(letters):
    class Ignored(Actor):
        def on_start(self):
            raise Ignore

    ended(Ignored.start())
    named_nobody = named("nobody")
    with pytest.raises(NoSuchName):
        named_nobody.tell("next")

    assert letters() == Undelivered(named_nobody, "next", NoProc())


# Listening


def test_an_actor_may_listen(dead_letters):
    listener, probe = Probe.start(), Probe.start()
    dead_letters.listen(listener)
    probe.stop()

    with pytest.raises(ActorDied):
        probe.tell("late")

    assert received(listener) == Undelivered(probe, "late", Normal())


def test_who_has_cancelled_is_told_nothing_more(dead_letters, letters):
    cancelled = queue.SimpleQueue()
    listening = dead_letters.listen(cancelled.put)

    listening.cancel()
    listening.cancel()
    with pytest.raises(NoSuchName):
        named("nobody").tell("hello")

    letters()
    assert cancelled.empty()


def test_a_listener_that_raises_is_removed_and_logged(dead_letters, caplog):
    calls = []
    told = queue.SimpleQueue()

    def bad(letter):
        calls.append(letter.message)
        crash()

    dead_letters.listen(bad)
    dead_letters.listen(told.put)

    for message in (1, 2):
        with pytest.raises(NoSuchName):
            named("nobody").tell(message)

    assert [told.get(timeout=CAP).message for _ in range(2)] == [1, 2]
    assert calls == [1]
    [record] = [record for record in caplog.records if record.name == "pykka_otp.dead_letters"]
    assert (record.levelname, record.exc_info[1].args) == ("ERROR", ("boom",))


def test_a_listener_that_has_ended_is_removed_and_makes_no_dead_letters(dead_letters, letters):
    listener = Probe.start()
    dead_letters.listen(listener)
    listener.stop()

    for message in (1, 2):
        with pytest.raises(NoSuchName):
            named("nobody").tell(message)

    assert [letters().message for _ in range(2)] == [1, 2]
    assert dead_letters.count == 2


def test_a_listener_works_in_the_runtime_that_it_listens_to(runtime, dead_letters):
    runtimes = queue.SimpleQueue()
    dead_letters.listen(lambda _: runtimes.put(current_runtime()))

    with pytest.raises(NoSuchName):
        named("nobody").tell("hello")

    assert runtimes.get(timeout=CAP) is runtime


def test_dead_letters_are_logged_for_who_wants_to_see_them(runtime, caplog):
    caplog.set_level(logging.DEBUG, "pykka_otp.dead_letters")

    with pytest.raises(NoSuchName):
        named("nobody").tell("hello")
    runtime.close()

    assert "nobody will handle 'hello', sent to <NamedRef 'nobody'>: NoProc()" in caplog.messages


def test_while_nobody_listens_there_is_no_thread_for_it(dead_letters):
    with pytest.raises(NoSuchName):
        named("nobody").tell("hello")

    assert dead_letters.count == 1
    assert "actors-dead-letters" not in [thread.name for thread in threading.enumerate()]


def test_nothing_is_missed_of_a_message_that_many_send_while_an_actor_ends(dead_letters, hasty_threads):
    handled = []

    class Counting(Actor):
        def on_receive(self, message):
            handled.append(message)

    actor = Counting.start()
    sent, refused = [], []

    def send(number):
        for index in range(200):
            try:
                actor.tell((number, index))
            except ActorDied:
                refused.append(index)
            sent.append(index)

    senders = [threading.Thread(target=send, args=(number,)) for number in range(3)]
    for sender in senders:
        sender.start()
    actor.stop()
    for sender in senders:
        sender.join()
    ended(actor)

    assert len(sent) == 600
    assert len(handled) + dead_letters.count == 600


def test_an_exit_that_was_told_by_a_user_is_like_the_runtimes_own(dead_letters):
    probe = Probe.start()
    probe.stop()

    with pytest.raises(ActorDied):
        probe.tell(Exit(probe, "why"))

    assert dead_letters.count == 0
