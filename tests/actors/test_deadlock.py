"""Actors that wait for each other are told so at once."""

from __future__ import annotations

import asyncio
import threading

import pytest

from actors import Actor, ActorDied, CallTimeout, Deadlock, GenServer, NoReply, Ok, Reply, inspect_state, sleep
from actors.testing import settle
from tests.support import CAP, Gate, Probe

rule = pytest.mark.rule


class Chain(Actor):
    """Asks the next in a list of refs, with the rest of the list."""

    use_daemon_thread = True
    crash_on_failed_ask = False

    def on_receive(self, refs):
        return refs[0].ask(refs[1:]) if refs else "the end"


class Alpha(Chain):
    pass


class Beta(Chain):
    pass


class Gamma(Chain):
    pass


@rule("A69")
def test_an_actor_that_asks_itself_is_told_so():
    probe = Probe.start()

    with pytest.raises(Deadlock, match="Probe would wait for itself") as raised:
        probe.ask(lambda: probe.ask("never"))
    assert raised.value.reason == "calling_self"


def test_two_that_ask_each_other_are_told_of_the_cycle():
    alpha, beta = Alpha.start(), Beta.start()

    with pytest.raises(Deadlock, match="Beta -> Alpha -> Beta"):
        alpha.ask([beta, alpha])


def test_who_only_looks_whether_an_answer_is_there_waits_for_nobody(clock):
    class Asked(Probe):
        pass

    one, other = Probe.start(), Asked.start()

    def ask_and_look():
        answer = other.ask(lambda: one.ask(lambda: "answer"), block=False)
        sleep(1.0)
        with pytest.raises(CallTimeout):
            answer.get(timeout=0)
        assert one.join(timeout=0) is False
        return answer

    asked = one.ask(ask_and_look, block=False)
    clock.await_timers()
    settle()
    clock.advance(1.0)

    assert asked.get(timeout=CAP).get(timeout=CAP) == "answer"


def test_a_longer_cycle_is_named_as_a_whole():
    alpha, beta, gamma = Alpha.start(), Beta.start(), Gamma.start()

    with pytest.raises(Deadlock, match="Gamma -> Alpha -> Beta -> Gamma"):
        alpha.ask([beta, gamma, alpha])


def test_the_cycle_is_shown_with_what_each_handles():
    alpha, beta = Alpha.start(), Beta.start()

    with pytest.raises(Deadlock) as raised:
        alpha.ask([beta, alpha])

    (note,) = raised.value.__notes__
    show = alpha._process.show
    assert sorted(note.splitlines()) == [f"Alpha handles {show([beta, alpha])}", f"Beta handles {show([alpha])}"]


def test_a_chain_without_a_cycle_is_none():
    alpha, beta, gamma = Alpha.start(), Beta.start(), Gamma.start()

    assert alpha.ask([beta, gamma]) == "the end"


def test_the_actors_live_on_and_can_be_asked():
    alpha, beta = Alpha.start(), Beta.start()
    with pytest.raises(Deadlock):
        alpha.ask([beta, alpha])

    assert alpha.ask([beta]) == "the end"
    assert beta.ask([alpha]) == "the end"


def test_a_time_out_makes_no_difference():
    alpha, probe = Probe.start(), Probe.start()

    with pytest.raises(Deadlock):
        alpha.ask(lambda: probe.ask(lambda: alpha.ask(lambda: "never", timeout=1000)))


def test_whoever_stops_one_that_waits_for_it_is_told_so():
    asker, stopper = Probe.start(), Probe.start()

    with pytest.raises(Deadlock):
        asker.ask(lambda: stopper.ask(asker.stop))


def test_a_future_that_is_got_later_counts_as_well():
    alpha, beta = Probe.start(), Probe.start()
    gate = Gate()

    def beta_asks_back():
        gate.pass_through()
        return alpha.ask(lambda: "never")

    def alpha_asks():
        future = beta.ask(beta_asks_back, block=False)
        gate.open()
        return future.get(timeout=CAP)

    # Whichever closes the cycle gets the error; beta's is the answer to alpha, so the test sees it in any case.
    with pytest.raises(Deadlock):
        alpha.ask(alpha_asks)


class Desk(GenServer[list]):
    """Keeps its callers waiting until somebody else has them answered."""

    def init(self, at_the_desk):
        self.at_the_desk = at_the_desk
        return Ok([])

    def handle_call(self, request, sender, state):
        match request:
            case "wait":
                self.at_the_desk.set()
                return NoReply([*state, sender])
            case ("answer with what you hear from", other):
                word = other.ask(lambda: "a word")
                for waiting in state:
                    waiting.reply(word)
                return Reply("done", [])


def test_a_deferred_answer_is_no_edge_of_a_cycle():
    at_the_desk = threading.Event()
    desk = Desk.start(at_the_desk)
    caller = Probe.start()
    helper = Probe.start()
    waiting = caller.ask(lambda: desk.call("wait", timeout=CAP), block=False)
    assert at_the_desk.wait(CAP)

    assert desk.call(("answer with what you hear from", helper)) == "done"

    assert waiting.get(timeout=CAP) == "a word"


class Relay(GenServer[None]):
    """Has its callers answered by another actor, and asks them something before it returns."""

    def init(self):
        return Ok(None)

    def handle_call(self, request, sender, state):
        helper, caller = request
        helper.tell(lambda: sender.reply("from the helper"))
        return NoReply(caller.ask(lambda: "from the caller"))

    def handle_cast(self, keep, state):
        keep.append(state)
        return NoReply(state)


class AsyncRelay(Relay):
    async def handle_call(self, request, sender, state):
        helper, caller = request
        helper.tell(lambda: sender.reply("from the helper"))
        return NoReply(await caller.ask(lambda: "from the caller", block=False))


@pytest.mark.parametrize("cls", [Relay, AsyncRelay])
def test_an_answer_that_a_handler_has_left_to_another_is_no_edge_of_a_cycle(cls):
    caller, helper, relay, kept = Probe.start(), Probe.start(), cls.start(), []

    assert caller.ask(lambda: relay.call((helper, caller))) == "from the helper"

    relay.cast(kept)
    inspect_state(relay)
    assert kept == ["from the caller"]


def wrapped(function):
    def wrapper(*args):
        return function(*args)

    return wrapper


class Unseen(Relay):
    handle_call = wrapped(Relay.handle_call)


def test_nor_is_one_of_a_handler_that_cant_be_seen_into():
    caller, helper = Probe.start(), Probe.start()
    unseen = Unseen.start()

    assert caller.ask(lambda: unseen.call((helper, caller))) == "from the helper"


class AskingBack(GenServer[None]):
    """Asks its callers something before it answers, as only itself can."""

    def init(self):
        return Ok(None)

    def handle_call(self, caller, _sender, state):
        return Reply(caller.ask(lambda: "never"), state)


def test_an_answer_that_only_the_handler_can_give_is_one():
    caller, server = Probe.start(), AskingBack.start()

    with pytest.raises(ActorDied) as died:
        caller.ask(lambda: server.call(caller))

    assert isinstance(died.value.reason.exception, Deadlock)


# What has come is no wait any more, though who waits hasn't run since


def test_who_was_answered_may_be_asked_by_who_has_answered():
    alpha, beta = Probe.start(), Probe.start()

    def ask_and_be_asked():
        answer = beta.ask(lambda: "answered", block=False)
        beta.tell(lambda: beta._process.actor.received.put(alpha.ask(lambda: "free", timeout=CAP)))
        return answer.get(timeout=CAP)

    assert alpha.ask(ask_and_be_asked) == "answered"
    assert beta._process.actor.received.get(timeout=CAP) == "free"


def test_a_child_that_is_up_may_ask_its_parent():
    told = threading.Event()

    class Child(GenServer[None]):
        def init(self, parent):
            self.parent = parent
            self.actor_ref.tell("ask your parent")
            return Ok(None)

        def handle_info(self, message, _state):
            assert self.parent.ask(lambda: "free", timeout=CAP) == "free"
            told.set()
            return NoReply(None)

    parent = Probe.start()

    parent.ask(lambda: Child.start_link(parent))

    assert told.wait(CAP)


def test_who_was_let_in_may_be_asked_by_who_made_the_room():
    sender = Probe.start()
    receiver = Probe.options(max_mailbox=1).start()

    def tell_twice():
        receiver.tell(lambda: receiver._process.actor.received.put(sender.ask(lambda: "free", timeout=CAP)))
        receiver.tell("the second, which waits for room")

    sender.ask(tell_twice)

    assert receiver._process.actor.received.get(timeout=CAP) == "free"


# The end of another is waited for as well


def test_an_actor_that_joins_itself_is_told_so():
    probe = Probe.start()

    with pytest.raises(Deadlock, match="would wait for itself; to end, call exit"):
        probe.ask(probe.join)


def test_an_actor_that_stops_itself_and_waits_is_told_how_to_end():
    probe = Probe.start()

    with pytest.raises(Deadlock, match="to end, call exit"):
        probe.ask(probe.stop)


def test_whoever_joins_one_that_waits_for_it_is_told_so():
    asker, joiner = Probe.start(), Probe.start()

    with pytest.raises(Deadlock):
        asker.ask(lambda: joiner.ask(asker.join))


def test_one_that_is_joined_may_not_ask_who_waits_for_its_end():
    refused = threading.Event()

    class Leaver(Actor):
        def __init__(self, gate, waiting):
            self.gate, self.waiting = gate, waiting

        def on_stop(self):
            self.gate.pass_through()
            try:
                self.waiting.ask(lambda: "never")
            except Deadlock:
                refused.set()

    gate, probe = Gate(), Probe.start()
    leaver = Leaver.start(gate, probe)
    leaver.stop(block=False)
    gate.await_arrival()

    joined = probe.ask(lambda: gate.open() or leaver.join(), block=False)

    # Whichever closes the cycle is told so; if that is the one who ends, it goes on, and has ended then.
    refused_joiner = False
    try:
        joined.get(timeout=CAP)
    except Deadlock:
        refused_joiner = True
    assert refused.is_set() is not refused_joiner


# What other code does in an actor's name, while its own goes on


def test_a_thread_of_an_actors_own_may_ask_who_waits_for_the_actor():
    asked, answered = threading.Event(), threading.Event()

    class Helped(Actor):
        use_daemon_thread = True

        async def on_receive(self, message):
            if message == "begin":
                self.helper = asyncio.create_task(asyncio.to_thread(self.ask_for, "help"))
            return message

        def ask_for(self, what):
            asked.set()
            assert friend.ask(lambda: helped.ask("are you free?"), timeout=CAP) == "are you free?"
            answered.set()

    friend = Probe.start()
    helped = Helped.start()

    helped.ask("begin")

    assert asked.wait(CAP)
    assert answered.wait(CAP)


def test_a_background_task_of_an_actors_own_may_await_who_waits_for_the_actor():
    answered = threading.Event()

    class Helped(Actor):
        use_daemon_thread = True

        async def on_receive(self, message):
            if message == "begin":
                self.helper = asyncio.create_task(self.await_answer())
            return message

        async def await_answer(self):
            assert await friend.ask(lambda: helped.ask("are you free?"), block=False) == "are you free?"
            answered.set()

    friend = Probe.start()
    helped = Helped.start()

    helped.ask("begin")

    assert answered.wait(CAP)


def test_every_await_of_an_async_handler_counts():
    class Patient(Actor):
        use_daemon_thread = True
        crash_on_failed_ask = False

        async def on_receive(self, message):
            assert await friend.ask(lambda: "first", block=False) == "first"
            # Whichever closes the cycle is told so; the other's error is the answer to this one.
            await friend.ask(lambda: patient.ask("never"), block=False)

    patient, friend = Patient.start(), Probe.start()

    with pytest.raises(Deadlock):
        patient.ask("begin")


# How those in a circle are called


@pytest.mark.threads
def test_those_of_one_class_are_told_apart_by_their_urns():
    refs = [Probe.start() for _ in range(2)]

    with pytest.raises(Deadlock) as raised:
        refs[0].ask(lambda: refs[1].ask(lambda: refs[0].ask("never")))

    first, second = (f"Probe ({ref.actor_urn.removeprefix('urn:uuid:')[:8]})" for ref in refs)
    assert str(raised.value).endswith(f"{second} -> {first} -> {second}")
    assert {line.split(" handles ")[0] for line in raised.value.__notes__[0].splitlines()} == {first, second}


@pytest.mark.threads
def test_those_of_one_class_are_told_apart_by_their_names():
    class Other(Probe):
        pass

    one, two, other = Probe.options(name="one").start(), Probe.options(name="two").start(), Other.start()

    with pytest.raises(Deadlock, match="Probe 'two' -> Probe 'one' -> Other -> Probe 'two'"):
        one.ask(lambda: other.ask(lambda: two.ask(lambda: one.ask("never"))))
