"""Whatever is asked ends in an answer or an error, also when it is no message of a user's, or nothing works."""

from __future__ import annotations

from functools import partial

import pytest
from pykka._envelope import Envelope
from pykka.messages import _ActorStop

from actors import Actor, ActorDied, Down, Exit, GenServer, NoReply, Normal, Ok, Reply, exit
from actors._future import Future
from actors._mail import StopRequest, Told
from actors.testing import settle
from tests.actors.coroutines import Answering
from tests.support import CAP, Gate, Probe, TrappingProbe, ended, received


class Echo(Actor):
    """Answers with what it is asked."""

    trap_exit = True

    def on_receive(self, message):
        return message


class EchoServer(GenServer[None]):
    trap_exit = True

    def init(self):
        return Ok(None)

    def handle_call(self, request, sender, state):
        return Reply(request, state)

    def handle_info(self, message, state):
        return NoReply(state)


class Unprintable:
    """Can be neither shown nor compared."""

    __hash__ = None

    def __repr__(self):
        raise RuntimeError("no repr")

    def __eq__(self, other):
        raise RuntimeError("no eq")


class Odd(type):
    """The type of classes that can't be looked up in a dict."""

    __hash__ = None

    def __eq__(cls, other):
        return cls is other


class OddlyTyped(metaclass=Odd):
    pass


@pytest.mark.parametrize("actor_class", [Echo, EchoServer])
@pytest.mark.parametrize(
    "message",
    [
        Down(None, None, None),
        Down(None, "why", "no monitor"),
        Exit(None, "why"),
        Exit("no ref", None),
        Told("told"),
        None,
        Unprintable(),
        Envelope("message"),
        Future(),
    ],
    ids=lambda message: type(message).__name__,
)
def test_what_looks_like_the_runtimes_own_is_a_message_when_it_is_asked(actor_class, message):
    actor = actor_class.start()

    answer = actor.ask(message, timeout=CAP)

    assert answer is message or answer == message.message
    assert actor.is_alive()


def test_a_request_is_a_message_when_it_is_asked():
    echo = Echo.start()
    request = echo.ask("first", block=False)

    assert echo.ask(request, timeout=CAP) is request


@pytest.mark.parametrize("actor_class", [Echo, EchoServer])
def test_who_asks_for_pykkas_stop_is_answered_when_the_last_hook_has_run(actor_class):
    log = []

    class Logged(actor_class):
        def on_stop(self):
            log.append("on_stop")

        def terminate(self, reason, state):
            log.append("terminate")

    actor = Logged.start()

    assert actor.ask(_ActorStop(), timeout=CAP) is None

    assert log == ["on_stop" if actor_class is Echo else "terminate"]
    assert ended(actor).exit_reason == Normal()


@pytest.mark.parametrize("message", [lambda parent: Exit(parent, "why"), lambda _: StopRequest("why")])
def test_who_asks_for_what_ends_an_actor_hears_of_its_end(message):
    parent = Probe.start()
    child = parent.ask(TrappingProbe.start_link)

    with pytest.raises(ActorDied) as raised:
        child.ask(message(parent), timeout=CAP)

    assert raised.value.reason == "why"
    assert ended(child).exit_reason == "why"


def test_an_exit_without_a_reason_is_no_end_of_a_parents():
    parent = Probe.start()
    child = parent.ask(TrappingProbe.start_link)

    child.tell(Exit(parent, None))

    assert received(child) == Exit(parent, None)
    assert child.is_alive()


@pytest.mark.threads
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_error_of_the_runtimes_own_ends_the_actor_and_is_told_to_who_asked():
    echo = Echo.start()

    with pytest.raises(ActorDied) as raised:
        echo.ask(OddlyTyped(), timeout=CAP)

    assert isinstance(raised.value.reason.exception, TypeError)
    assert ended(echo).exit_reason == raised.value.reason


class Uncomfortable(Exception):
    def __repr__(self):
        raise RuntimeError("no repr")

    __str__ = __repr__


def crash_uncomfortably():
    raise Uncomfortable


@pytest.mark.parametrize("end", [lambda: exit(Unprintable()), crash_uncomfortably], ids=["exit", "crash"])
def test_a_reason_that_cant_be_shown_reaches_all_who_wait(end, caplog):
    gate = Gate()

    class Strict(Probe):
        crash_on_failed_ask = True

    actor = Strict.start()
    actor.tell(gate.pass_through)
    gate.await_arrival()
    in_hand = actor.ask(end, block=False)
    queued = [actor.ask(lambda: "never", block=False) for _ in range(3)]
    stopped = actor.stop(block=False)

    gate.open()

    for answer in in_hand, *queued:
        with pytest.raises((ActorDied, Uncomfortable)):
            answer.get(timeout=CAP)
    assert stopped.get(timeout=CAP) is True
    assert ended(actor).state() == "gone"
    assert [record.name for record in caplog.records] == ["pykka_otp.crash"]


async def awaited(future):
    return await future


@pytest.mark.parametrize(
    "wait",
    [
        lambda future: Probe.start().ask(lambda: future.get(timeout=CAP), block=False),
        lambda future: Probe.start().ask(lambda: future.map(str).get(timeout=CAP), block=False),
        lambda future: Answering.start().ask(partial(awaited, future), block=False),
    ],
    ids=["get", "map", "await"],
)
def test_the_answer_to_what_was_taken_out_of_a_mailbox_can_be_waited_for_by_anybody(wait):
    probe, asker, held = Probe.start(), Probe.start(), Future()
    probe.tell(held.get)
    settle()
    answer = asker.ask(lambda: probe.ask("question"), block=False)
    settle()

    envelope = probe.actor_inbox.get()
    waiting = wait(envelope.reply_to)
    settle()
    envelope.reply_to.set("answer")

    assert envelope.message == "question"
    assert waiting.get(timeout=CAP) == answer.get(timeout=CAP) == "answer"
    held.set(None)


def test_what_was_taken_out_of_a_mailbox_is_no_edge_of_a_cycle():
    probe, asker, held = Probe.start(), Probe.start(), Future()
    probe.tell(held.get)
    settle()
    answer = asker.ask(lambda: probe.ask("question"), block=False)
    settle()
    envelope = probe.actor_inbox.get()
    held.set(None)

    free = probe.ask(lambda: asker.ask(lambda: "free", timeout=CAP), block=False)
    settle()
    envelope.reply_to.set("answer")

    assert answer.get(timeout=CAP) == "answer"
    assert free.get(timeout=CAP) == "free"


def test_what_is_put_into_the_mailbox_of_a_dead_actor_is_answered():
    probe = Probe.start()
    inbox = probe.actor_inbox
    probe.stop()
    answer = Future()

    inbox.put(Envelope("question", answer))

    with pytest.raises(ActorDied):
        answer.get(timeout=CAP)
