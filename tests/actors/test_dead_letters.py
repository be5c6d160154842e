"""Messages that nobody will ever handle, and starts that failed: counted, and told to who listens."""

from __future__ import annotations

import logging
import queue
import threading

import pykka
import pytest
from pykka._envelope import Envelope

from actors import (
    Actor,
    ActorDied,
    Crashed,
    Exit,
    FailedStart,
    GenServer,
    Ignore,
    Killed,
    MailboxFull,
    NoProc,
    Normal,
    NoSuchName,
    Ok,
    Shutdown,
    StartFailed,
    Undelivered,
    adopt,
    current_runtime,
    exit,
    info,
    link,
    monitor,
    named,
    send_after,
    stash,
    trace,
)
from actors._adopted import start_adopted
from actors._future import Future
from actors._kill import kill
from actors._process import Process
from actors.testing import settle
from tests.support import CAP, Gate, Probe, crash, ended, received

rule = pytest.mark.rule


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
    probe = Probe.start()
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
    probe = Probe.start()
    probe.tell(gate.pass_through)
    gate.await_arrival()

    probe.tell(crash)
    probe.tell("never")
    gate.open()

    assert letters() == Undelivered(probe, "never", Crashed(ValueError("boom")))


def test_a_message_in_hand_when_its_actor_is_killed_is_no_dead_letter(dead_letters, letters):
    gate = Gate()
    probe = Probe.start()
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
    probe = Probe.start()
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
    watcher, probe = Probe.options(trap_exit=True).start(), Probe.start()
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


# Every way in which a told message can be lost: each is told of once, whatever the actor's end


class Plain(pykka.ThreadingActor):
    """Does what it is told to."""

    use_daemon_thread = True

    def on_receive(self, message):
        if callable(message):
            message()


ENDS = {
    "stop": (lambda ref: ref.stop(block=False), Normal()),
    "exit signal": (lambda ref: ref.exit("why"), "why"),
    "kill": (lambda ref: ref.kill(), Killed()),
}


def told(letters, number):
    """The next so many dead letters, and that there were no more."""
    lost = [letters() for _ in range(number)]
    with pytest.raises(NoSuchName):
        named("nobody").tell("the last")
    assert letters().message == "the last"
    return lost


@pytest.mark.parametrize("kind", [Probe, Plain], ids=["ours", "plain Pykka"])
@pytest.mark.parametrize(("end", "reason"), ENDS.values(), ids=ENDS)
def test_what_waits_while_an_actor_is_ended_is_told_once(letters, kind, end, reason):
    gate = Gate()
    ref = adopt(kind.start())
    ref.tell(gate.pass_through)
    gate.await_arrival()

    end(ref)
    if reason != Killed():
        for number in range(3):
            ref.tell(number)
    gate.open()
    ended(ref)

    expected = [] if reason == Killed() else [Undelivered(ref, number, reason) for number in range(3)]
    assert told(letters, len(expected)) == expected


@pytest.mark.parametrize("kind", [Probe, Plain], ids=["ours", "plain Pykka"])
@pytest.mark.parametrize(("end", "reason"), list(ENDS.values())[1:], ids=list(ENDS)[1:])
def test_what_came_before_the_signal_that_overtook_it_is_told_once(letters, kind, end, reason):
    gate = Gate()
    ref = adopt(kind.start())
    ref.tell(gate.pass_through)
    gate.await_arrival()
    for number in range(3):
        ref.tell(number)

    end(ref)
    gate.open()
    ended(ref)

    assert told(letters, 3) == [Undelivered(ref, number, reason) for number in range(3)]


@pytest.mark.parametrize("kind", [Probe, Plain], ids=["ours", "plain Pykka"])
@pytest.mark.parametrize("end", ENDS)
def test_who_stops_an_actor_that_another_end_overtakes_is_answered(kind, end):
    gate = Gate()
    ref = adopt(kind.start())
    ref.tell(gate.pass_through)
    gate.await_arrival()
    stopped = ref.stop(block=False)

    ENDS[end][0](ref)
    gate.open()

    assert stopped.get(timeout=CAP) is True
    ended(ref)


@pytest.mark.parametrize("kind", [Probe, Plain], ids=["ours", "plain Pykka"])
def test_what_is_behind_a_crash_is_told_once(letters, kind):
    gate = Gate()
    ref = adopt(kind.start())
    ref.tell(gate.pass_through)
    gate.await_arrival()

    ref.tell(crash)
    ref.tell("behind")
    gate.open()
    ended(ref)

    assert told(letters, 1) == [Undelivered(ref, "behind", Crashed(ValueError("boom")))]


@pytest.mark.parametrize("kind", [Probe, Plain], ids=["ours", "plain Pykka"])
def test_what_is_told_to_the_dead_is_told_once(letters, kind):
    ref = adopt(kind.start())
    ref.stop()

    with pytest.raises(ActorDied):
        ref.tell("late")

    assert told(letters, 1) == [Undelivered(ref, "late", Normal())]


def test_what_was_taken_but_not_begun_when_its_actor_was_killed_is_told_once(letters, monkeypatch):
    take = Process.take

    def take_and_be_killed(process):
        message = take(process)
        if message == "taken":
            kill(process)
        return message

    monkeypatch.setattr(Process, "take", take_and_be_killed)
    probe = Probe.start()

    probe.tell("taken")
    ended(probe)

    assert told(letters, 1) == [Undelivered(probe, "taken", Killed())]
    assert (info(probe).messages_handled, info(probe).handling) == (0, None)


@pytest.mark.parametrize(("end", "reason"), ENDS.values(), ids=ENDS)
def test_what_is_stashed_when_its_actor_ends_is_told_once_and_in_order(letters, end, reason):
    gate = Gate()

    class Stashing(Probe):
        def on_receive(self, message):
            if not callable(message):
                stash()
            return super().on_receive(message) if callable(message) else None

    ref = Stashing.start()
    ref.tell(1)
    ref.tell(2)
    ref.tell(gate.pass_through)
    gate.await_arrival()
    ref.tell(3)

    end(ref)
    gate.open()
    ended(ref)

    # A stop waits for its turn, and so for what came before it.
    assert told(letters, 3) == [Undelivered(ref, number, reason) for number in (1, 2, 3)]


@pytest.mark.parametrize(("overflow", "dropped"), [("drop_oldest", 1), ("drop_newest", 3)])
def test_what_finds_no_room_is_told_once(letters, overflow, dropped):
    gate = Gate()
    ref = Probe.options(max_mailbox=2, overflow=overflow).start()
    ref.tell(gate.pass_through)
    gate.await_arrival()

    for number in (1, 2, 3):
        ref.tell(number)
    gate.open()

    (letter,) = told(letters, 1)
    assert (letter.ref, letter.message, type(letter.reason)) == (ref, dropped, MailboxFull)


def test_what_waits_for_room_when_the_actor_ends_is_told_once_by_its_sender(letters):
    release = Future()
    full, sender = Probe.options(max_mailbox=1).start(), Probe.start()
    full.tell(release.get)
    settle()
    full.tell("waits")
    sent = sender.ask(lambda: full.tell("for room"), block=False)
    settle()

    full.exit("why")
    release.set(None)

    with pytest.raises(ActorDied):
        sent.get(timeout=CAP)
    assert told(letters, 2) == [Undelivered(full, "waits", "why"), Undelivered(full, "for room", "why")]


@pytest.mark.parametrize("hook", ["__init__", "on_start"])
def test_what_was_sent_to_an_actor_that_never_came_up_is_told_once(letters, hook):
    def fail(self):
        self.actor_ref.tell("early")
        crash()

    failing = type("Failing", (Actor,), {hook: fail})

    with pytest.raises(StartFailed):
        failing.start_link()

    lost = [letter for letter in told(letters, 1 if hook == "__init__" else 2) if isinstance(letter, Undelivered)]
    assert [(letter.message, letter.reason) for letter in lost] == [("early", Crashed(ValueError("boom")))]


def test_what_a_plain_actor_that_never_came_up_was_sent_is_told_once(letters):
    class Failing(Plain):
        def on_start(self):
            self.actor_ref.tell("early")
            crash()

    with pytest.raises(StartFailed):
        Probe.start().ask(lambda: start_adopted(Failing, (), {}))

    lost = [letter for letter in told(letters, 2) if isinstance(letter, Undelivered)]
    assert [(letter.message, letter.reason) for letter in lost] == [("early", Crashed(ValueError("boom")))]


def test_what_a_timer_sends_to_a_full_mailbox_is_not_lost(clock, dead_letters):
    gate = Gate()
    ref = Probe.options(max_mailbox=1, overflow="raise").start()
    ref.tell(gate.pass_through)
    gate.await_arrival()
    ref.tell("waits")
    send_after(ref, "tick", 1)

    clock.advance(1)
    gate.open()

    assert [received(ref), received(ref)] == ["waits", "tick"]
    assert dead_letters.count == 0


def test_what_is_put_into_a_closed_mailbox_by_hand_is_told_once(letters):
    probe = Probe.start()
    inbox = probe.actor_inbox
    probe.stop()

    inbox.put(Envelope("late"))

    assert told(letters, 1) == [Undelivered(probe, "late", Normal())]


def test_what_a_trace_tells_a_listener_that_has_ended_is_not_missed(dead_letters):
    listener, probe = Probe.start(), Probe.start()
    trace(probe, listener)
    listener.stop()

    probe.ask(lambda: None)

    assert dead_letters.count == 0


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


def test_what_no_thread_can_be_started_for_is_told_later(letters, shortage, caplog):
    with shortage("actors-dead-letters"):
        for message in (1, 2):
            with pytest.raises(NoSuchName):
                named("nobody").tell(message)

    with pytest.raises(NoSuchName):
        named("nobody").tell(3)

    assert [letters().message for _ in range(3)] == [1, 2, 3]
    [record] = [record for record in caplog.records if record.name == "pykka_otp.dead_letters"]
    assert record.getMessage().startswith("no thread can be started")


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
