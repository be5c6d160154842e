"""Actors that wait for each other are told so at once."""

from __future__ import annotations

import threading

import pytest

from actors import Actor, Deadlock, GenServer, NoReply, Ok, Reply
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


def test_a_longer_cycle_is_named_as_a_whole():
    alpha, beta, gamma = Alpha.start(), Beta.start(), Gamma.start()

    with pytest.raises(Deadlock, match="Gamma -> Alpha -> Beta -> Gamma"):
        alpha.ask([beta, gamma, alpha])


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
