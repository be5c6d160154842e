"""Mailboxes with a bound: who waits, who gets an error, and what is dropped."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading

import pytest

from actors import (
    Actor,
    ActorDied,
    CallTimeout,
    Deadlock,
    Down,
    Exit,
    GenServer,
    MailboxFull,
    NoReply,
    Normal,
    Ok,
    Shutdown,
    WouldBlock,
    info,
    inspect_state,
    monitor,
    send_after,
)
from actors._future import Future
from actors._mail import Inspect
from actors._process import Process
from actors.testing import settle
from tests.support import CAP, Gate, Probe, ended, received

BOUND = 2


class Bounded(Probe):
    max_mailbox = BOUND


class Held:
    """An actor that waits in its handler, and goes on when it is released."""

    def __init__(self, ref):
        self.ref = ref
        self._release = Future()
        ref.tell(self._release.get)
        settle()

    def release(self):
        self._release.set(None)
        settle()


def held(overflow="block"):
    return Held(Bounded.options(overflow=overflow).start())


def full(overflow="block"):
    """A held actor with the messages 1 and 2 in its mailbox."""
    receiver = held(overflow)
    receiver.ref.tell(1)
    receiver.ref.tell(2)
    return receiver


def all_received(ref):
    """What a probe got, in order, when it has handled all that it was sent."""
    ref.ask(lambda: None)
    messages = ref._process.actor.received
    return [messages.get_nowait() for _ in range(messages.qsize())]


def waiting_to_tell(ref, *messages):
    """Actors that wait until they have told `ref` their message, in the order of the messages."""
    senders = []
    for message in messages:
        sender = Probe.start()
        sender.tell(lambda message=message: (ref.tell(message), "told"))
        settle()
        senders.append(sender)
    return senders


def is_waiting(sender):
    return sender._process.waiting_for is not None


# Room


@pytest.mark.parametrize("overflow", ["block", "raise", "drop_oldest", "drop_newest"])
def test_as_many_messages_may_wait_as_the_bound_says(overflow):
    receiver = full(overflow)

    receiver.release()

    assert all_received(receiver.ref) == [1, 2]


def test_the_message_in_hand_takes_no_room():
    receiver = held("raise")

    receiver.ref.tell(1)
    receiver.ref.tell(2)

    with pytest.raises(MailboxFull):
        receiver.ref.tell(3)
    receiver.release()


def test_room_comes_back_as_messages_are_handled():
    ref = Bounded.options(overflow="raise").start()

    for number in range(10 * BOUND):
        ref.ask(lambda: None)
        ref.tell(number)
        ref.ask(lambda: None)

    assert all_received(ref) == list(range(10 * BOUND))


def test_a_large_mailbox_keeps_its_order_as_it_fills_and_empties():
    receiver = Held(Probe.options(max_mailbox=1000, overflow="raise").start())
    for number in range(1000):
        receiver.ref.tell(number)
    with pytest.raises(MailboxFull):
        receiver.ref.tell("too much")

    receiver.release()

    assert all_received(receiver.ref) == list(range(1000))


def test_stops_exits_and_downs_always_find_room():
    class Trapping(Bounded):
        trap_exit = True

    receiver = Held(Trapping.options(overflow="raise").start())
    other = Probe.start()
    receiver.release()
    receiver.ref.ask(lambda: monitor(other))
    receiver = Held(receiver.ref)
    receiver.ref.tell(1)
    receiver.ref.tell(2)

    other.stop()
    receiver.ref.exit("signal")
    stopped = receiver.ref.stop(block=False)
    receiver.release()

    got = ended(receiver.ref)
    assert stopped.get() is True
    assert got.exit_reason == Normal()


def test_a_down_and_an_exit_take_no_room_from_others():
    class Trapping(Bounded):
        trap_exit = True

    ref = Trapping.options(overflow="raise").start()
    other = Probe.start()
    ref.ask(lambda: monitor(other))
    receiver = Held(ref)
    other.stop()
    ref.exit("signal")

    ref.tell(1)
    ref.tell(2)
    receiver.release()

    down, exited, *messages = all_received(ref)
    assert isinstance(down, Down)
    assert isinstance(exited, Exit)
    assert messages == [1, 2]


def test_a_kill_finds_a_full_actor(clock):
    receiver = full()

    receiver.ref.kill()

    assert ended(receiver.ref).state() == "gone"


# Block


def test_an_actor_that_tells_waits_until_there_is_room():
    receiver = full()
    (sender,) = waiting_to_tell(receiver.ref, 3)
    assert is_waiting(sender)

    receiver.release()

    assert not is_waiting(sender)
    assert all_received(receiver.ref) == [1, 2, 3]


def test_a_thread_that_tells_waits_until_there_is_room(clock):
    gate = Gate()
    ref = Bounded.options(runs_on="thread").start()
    ref.tell(gate.pass_through)
    gate.await_arrival()
    ref.tell(1)
    ref.tell(2)
    waits = threading.Event()
    clock.on_wait = waits.set
    telling = threading.Thread(target=ref.tell, args=(3,))
    telling.start()
    assert waits.wait(CAP)
    clock.on_wait = None

    gate.open()

    telling.join(CAP)
    assert not telling.is_alive()
    assert [received(ref) for _ in range(3)] == [1, 2, 3]


def test_senders_that_wait_keep_their_order():
    receiver = full()
    waiting_to_tell(receiver.ref, 3, 4, 5, 6, 7)

    receiver.release()

    assert all_received(receiver.ref) == [1, 2, 3, 4, 5, 6, 7]


def test_a_fast_sender_is_held_to_the_pace_of_a_slow_receiver():
    ref = Bounded.start()
    lengths = []

    def tell_many():
        for number in range(100):
            ref.tell(lambda number=number: lengths.append(ref._process.mailbox_length()))

    Probe.start().ask(tell_many)
    ref.ask(lambda: None)

    assert len(lengths) == 100
    assert max(lengths) <= BOUND


def test_an_actor_that_tells_itself_never_waits():
    ref = Bounded.start()

    ref.ask(lambda: [ref.tell(number) for number in range(10)])

    assert all_received(ref) == list(range(10))


def test_a_timers_message_never_waits_and_is_not_lost(clock):
    receiver = full()
    send_after(receiver.ref, "time", 5.0)

    clock.advance(5.0)
    receiver.release()

    assert all_received(receiver.ref) == [1, 2, "time"]


def test_a_killed_sender_waits_no_more_and_its_message_is_not_sent():
    receiver = full()
    first, second = waiting_to_tell(receiver.ref, 3, 4)

    first.kill()

    assert ended(first).state() == "gone"
    receiver.release()
    assert all_received(receiver.ref) == [1, 2, 4]
    assert not is_waiting(second)


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_senders_that_wait_for_one_that_ends_get_actor_died(end):
    receiver = full()
    sender = Probe.start()
    told = sender.ask(lambda: receiver.ref.tell(3), block=False)
    settle()

    if end == "kill":
        receiver.ref.kill()
    else:
        receiver.ref.exit(Shutdown())
        receiver.release()

    with pytest.raises(ActorDied):
        told.get()


def test_a_message_whose_sender_waited_in_vain_is_a_dead_letter(runtime):
    receiver = full()
    waiting_to_tell(receiver.ref, 3)

    receiver.ref.kill()
    settle()

    assert runtime.dead_letters.count == 3


def test_who_asks_a_full_actor_gets_the_answer_when_there_is_room():
    receiver = full()
    asker = Probe.start()
    answer = asker.ask(lambda: receiver.ref.ask(lambda: "answer"), block=False)
    settle()

    receiver.release()

    assert answer.get() == "answer"


def test_an_asks_time_out_covers_the_wait_for_room(clock):
    receiver = full()
    asker = Probe.start()
    answer = asker.ask(lambda: receiver.ref.ask(3, timeout=5.0), block=False)
    settle()

    clock.advance(5.0)

    with pytest.raises(CallTimeout):
        answer.get()
    receiver.release()
    assert all_received(receiver.ref) == [1, 2, 3], "the request stays where it is"


def test_who_asks_without_blocking_waits_for_room_and_not_for_the_answer():
    receiver = full()
    asker = Probe.start()
    future = asker.ask(lambda: receiver.ref.ask(lambda: "answer", block=False), block=False)
    settle()
    assert is_waiting(asker)

    receiver.release()

    assert future.get().get() == "answer"


def test_an_ask_that_waits_for_room_of_one_that_ends_gets_actor_died():
    receiver = full()
    asker = Probe.start()
    blocking = asker.ask(lambda: receiver.ref.ask(3), block=False)
    other = Probe.start()
    not_blocking = other.ask(lambda: receiver.ref.ask(4, block=False), block=False)
    settle()

    receiver.ref.kill()

    with pytest.raises(ActorDied):
        blocking.get()
    with pytest.raises(ActorDied):
        not_blocking.get().get()


def test_actors_that_wait_for_each_others_room_and_answer_are_told_of_the_cycle():
    ref = Bounded.start()
    sender = Probe.start()
    go = Future()
    answered = ref.ask(lambda: (go.get(), sender.ask("question"))[1], block=False)
    settle()
    ref.tell(1)
    ref.tell(2)
    told = sender.ask(lambda: ref.tell(3), block=False)
    settle()

    go.set(None)

    with pytest.raises(Deadlock, match="Bounded -> Probe -> Bounded"):
        answered.get()
    assert told.get() is None, "there is room, now that the handler has failed"


def test_a_sender_that_would_close_the_cycle_is_told_and_sends_nothing():
    ref = Bounded.start()
    sender = Probe.start()
    go = Future()
    told = sender.ask(lambda: (go.get(), ref.tell(3)), block=False)
    asking = ref.ask(lambda: sender.ask(lambda: "answer"), block=False)
    settle()
    ref.tell(1)
    ref.tell(2)

    go.set(None)

    with pytest.raises(Deadlock, match="Probe -> Bounded -> Probe"):
        told.get()
    assert asking.get() == "answer"
    assert all_received(ref) == [1, 2]


def test_a_coroutine_may_ask_a_full_actor_and_await_the_answer():
    receiver = full()

    class Asking(Actor):
        async def on_receive(self, message):
            return await receiver.ref.ask(message, block=False)

    answer = Asking.start().ask(lambda: "answer", block=False)
    settle()
    receiver.release()

    assert answer.get() == "answer"


def test_a_coroutine_that_would_have_to_wait_to_tell_gets_an_error():
    receiver = full()

    async def tell():
        receiver.ref.tell(3)

    with pytest.raises(WouldBlock, match="event loop"):
        asyncio.run(tell())

    receiver.release()
    assert all_received(receiver.ref) == [1, 2]


# Raise


def test_telling_a_full_actor_raises_and_says_what_to_do():
    receiver = full("raise")

    with pytest.raises(MailboxFull, match="max_mailbox=2") as caught:
        receiver.ref.tell(3)

    assert str(receiver.ref) in str(caught.value)
    assert "overflow='block'" in str(caught.value)
    assert (caught.value.ref, caught.value.max_mailbox) == (receiver.ref, 2)
    receiver.release()
    assert all_received(receiver.ref) == [1, 2]


@pytest.mark.parametrize("overflow", ["raise", "drop_newest"])
def test_an_ask_that_finds_no_room_is_answered_with_the_error(overflow):
    receiver = full(overflow)

    future = receiver.ref.ask(3, block=False)

    with pytest.raises(MailboxFull):
        future.get()
    with pytest.raises(MailboxFull):
        receiver.ref.ask(3)
    receiver.release()


# Drop


def test_drop_newest_drops_what_finds_no_room():
    receiver = full("drop_newest")

    receiver.ref.tell(3)
    receiver.ref.tell(4)
    receiver.release()

    assert all_received(receiver.ref) == [1, 2]


def test_drop_oldest_drops_what_has_waited_longest():
    receiver = full("drop_oldest")

    receiver.ref.tell(3)
    receiver.release()
    assert all_received(receiver.ref) == [2, 3]


def test_drop_oldest_leaves_alone_what_has_no_bound():
    class Trapping(Bounded):
        trap_exit = True

    receiver = Held(Trapping.options(overflow="drop_oldest").start())
    receiver.ref.exit("signal")

    for number in range(200):
        receiver.ref.tell(number)
    receiver.release()

    exited, *messages = all_received(receiver.ref)
    assert isinstance(exited, Exit)
    assert messages == [198, 199]


def test_a_timed_exit_takes_no_room(clock):
    class Trapping(Bounded):
        trap_exit = True

    receiver = Held(Trapping.options(overflow="raise").start())
    for _ in range(2 * BOUND):
        send_after(receiver.ref, Exit(None, Shutdown()), 0.5)
    clock.advance(0.5)

    receiver.ref.tell(1)
    receiver.ref.tell(2)
    receiver.release()

    assert all_received(receiver.ref)[-2:] == [1, 2]


def test_an_ask_that_makes_room_for_another_is_answered_with_the_error():
    receiver = held("drop_oldest")
    asked = receiver.ref.ask(1, block=False)
    receiver.ref.tell(2)

    receiver.ref.tell(3)

    with pytest.raises(MailboxFull):
        asked.get()
    receiver.release()
    assert all_received(receiver.ref) == [2, 3]


@pytest.mark.parametrize("overflow", ["drop_oldest", "drop_newest"])
def test_drops_are_counted_and_logged_once(overflow, caplog):
    receiver = full(overflow)

    for number in range(5):
        receiver.ref.tell(number)

    assert info(receiver.ref).messages_dropped == 5
    (record,) = [record for record in caplog.records if record.name == "pykka_otp.mailbox"]
    assert "Bounded" in record.getMessage()
    assert overflow in record.getMessage()
    receiver.release()


@pytest.mark.parametrize(("overflow", "lost"), [("drop_oldest", 1), ("drop_newest", 3)])
def test_what_is_dropped_is_a_dead_letter(runtime, overflow, lost):
    receiver = full(overflow)
    letters = queue.SimpleQueue()
    runtime.dead_letters.listen(letters.put)

    receiver.ref.tell(3)
    receiver.ref.ask(4, block=False)

    letter = letters.get(timeout=CAP)
    assert (letter.ref, letter.message) == (receiver.ref, lost)
    assert isinstance(letter.reason, MailboxFull)
    receiver.release()


@pytest.mark.parametrize("overflow", ["block", "raise", "drop_oldest", "drop_newest"])
def test_looking_inside_takes_no_room(overflow):
    receiver = full(overflow)
    looker = Probe.start()

    state = looker.ask(lambda: receiver.ref.ask(Inspect(), block=False), timeout=CAP)
    receiver.release()

    assert "received" in state.get(timeout=CAP)
    assert all_received(receiver.ref) == [1, 2]
    assert "received" in inspect_state(receiver.ref)


@pytest.mark.threads
def test_a_dropping_actor_that_tells_itself_drops_too():
    ref = Bounded.options(overflow="drop_newest").start()

    ref.ask(lambda: [ref.tell(number) for number in range(5)])

    assert all_received(ref) == [0, 1]


# Many at once


def tell_from_many(ref, senders, count):
    """Tell an actor from many threads and actors at once, each in order; return when all have."""

    def tell_all(sender):
        for number in range(count):
            ref.tell((sender, number))

    threads = [threading.Thread(target=tell_all, args=(f"thread {number}",)) for number in range(senders)]
    for thread in threads:
        thread.start()
    asked = [Probe.start().ask(lambda n=n: tell_all(f"actor {n}"), block=False) for n in range(senders)]
    for answer in asked:
        answer.get()
    for thread in threads:
        thread.join(CAP)
        assert not thread.is_alive()
    settle()


def in_order_of_senders(messages):
    return all(
        numbers == sorted(numbers)
        for who in {sender for sender, _ in messages}
        for numbers in [[number for sender, number in messages if sender == who]]
    )


def test_nothing_is_lost_when_many_wait_for_room(hasty_threads):
    ref = Bounded.start()

    tell_from_many(ref, senders=4, count=100)

    got = all_received(ref)
    assert len(set(got)) == len(got) == 800
    assert in_order_of_senders(got)


@pytest.mark.parametrize("overflow", ["drop_oldest", "drop_newest"])
def test_what_is_not_handled_was_dropped_and_counted(hasty_threads, overflow):
    ref = Bounded.options(overflow=overflow).start()

    tell_from_many(ref, senders=4, count=100)

    got = all_received(ref)
    assert len(got) + info(ref).messages_dropped == 800
    assert in_order_of_senders(got)


@pytest.mark.parametrize("overflow", ["block", "raise", "drop_oldest", "drop_newest"])
def test_all_room_is_back_when_many_have_sent(hasty_threads, overflow):
    class Deaf(Bounded):
        def on_receive(self, message):
            return message() if callable(message) else None

    ref = Deaf.options(overflow=overflow).start()

    def tell_patiently():
        for number in range(200):
            with contextlib.suppress(MailboxFull):
                ref.tell(number)

    threads = [threading.Thread(target=tell_patiently) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(CAP)
    settle()

    assert ref._process._held == 0


@pytest.mark.parametrize("overflow", ["block", "raise", "drop_oldest", "drop_newest"])
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_what_was_sent_to_one_that_ends_is_handled_or_refused_or_a_dead_letter(hasty_threads, end, overflow, runtime):
    ref = Bounded.options(overflow=overflow, max_mailbox=1).start()
    received = ref._process.actor.received
    told = [0] * 4
    answers = []

    def send_until_it_ends(number):
        with contextlib.suppress(ActorDied):
            while True:
                try:
                    ref.tell("told")
                except MailboxFull:
                    pass
                except ActorDied:
                    # What is told to the dead is a dead letter too.
                    told[number] += 1
                    raise
                else:
                    told[number] += 1
                answers.append(ref.ask("asked", block=False))

    threads = [threading.Thread(target=send_until_it_ends, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    handled = [received.get(timeout=CAP)]
    ref.kill() if end == "kill" else ref.stop(block=False)
    for thread in threads:
        thread.join(CAP)
        assert not thread.is_alive()
    ended(ref)

    # None of the askers waits for ever.
    for answer in answers:
        with contextlib.suppress(ActorDied, MailboxFull):
            answer.get(timeout=CAP)
    handled += [received.get_nowait() for _ in range(received.qsize())]
    assert handled.count("told") + runtime.dead_letters.count == sum(told)
    assert ref._process.mailbox_length() == ref._process.senders_waiting == 0


# Options


def test_the_option_outranks_the_class():
    receiver = Held(Bounded.options(max_mailbox=1, overflow="raise").start())
    receiver.ref.tell(1)

    with pytest.raises(MailboxFull, match="max_mailbox=1"):
        receiver.ref.tell(2)
    receiver.release()


class Server(GenServer):
    """Waits in its first message, with room for one."""

    max_mailbox = 1

    def init(self, release):
        return Ok(release)

    def handle_info(self, message, release):
        release.get()
        return NoReply(release)

    def handle_cast(self, request, release):
        release.get()
        return NoReply(release)


def full_server(overflow):
    """A server that waits, with one message in its mailbox; and what lets it go on."""
    release = Future()
    server = Server.options(overflow=overflow).start(release)
    server.tell("held up")
    settle()
    server.tell("waits")
    return server, release


def test_servers_have_bounds_as_other_actors():
    server, release = full_server("raise")

    with pytest.raises(MailboxFull):
        server.tell("too much")
    with pytest.raises(MailboxFull):
        server.call("too much")
    release.set(None)


@pytest.mark.threads
@pytest.mark.rule("A68")
@pytest.mark.parametrize("overflow", ["raise", "drop_newest"])
def test_a_cast_that_finds_no_room_is_dropped_and_nobody_is_told(overflow, runtime, caplog):
    server, release = full_server(overflow)
    letters = []
    runtime.dead_letters.listen(letters.append)

    assert server.cast("too much") is None

    runtime.dead_letters.close()
    assert [letter.message for letter in letters] == ["too much"]
    assert isinstance(letters[0].reason, MailboxFull)
    assert info(server).messages_dropped == 1
    assert "the mailbox of Server is full" in caplog.text
    release.set(None)


@pytest.mark.rule("A68")
def test_a_cast_waits_for_room_where_the_server_says_so():
    server, release = full_server("block")
    sender = Probe.start()

    sent = sender.ask(lambda: server.cast("has room later"), block=False)
    settle()
    assert is_waiting(sender)
    release.set(None)

    assert sent.get() is None
    assert info(server).messages_dropped == 0


@pytest.mark.parametrize("bad", [0, -1, True, 2.0, "2"])
def test_a_bound_that_is_none_is_refused_at_once(bad):
    with pytest.raises(ValueError, match="max_mailbox must be a whole number >= 1"):
        Actor.options(max_mailbox=bad)

    with pytest.raises(ValueError, match=r"Wrong\.max_mailbox must be a whole number >= 1"):
        type("Wrong", (Actor,), {"max_mailbox": bad})


def test_an_unknown_overflow_is_refused_at_once():
    with pytest.raises(ValueError, match="overflow must be one of 'block', 'raise', 'drop_oldest', 'drop_newest'"):
        Actor.options(max_mailbox=1, overflow="wait")

    with pytest.raises(ValueError, match=r"Wrong\.overflow must be one of"):
        type("Wrong", (Actor,), {"overflow": "wait"})


@pytest.mark.threads
def test_an_actor_made_by_hand_has_the_bound_of_its_class():
    class Small(Actor):
        max_mailbox = 1

    assert Small().actor_ref._process.max_mailbox == 1
    assert type(Actor().actor_ref._process) is Process, "who has no bound pays nothing for it"
