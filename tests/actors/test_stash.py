"""Messages that are put aside until the actor is ready for them."""

from __future__ import annotations

import queue

import pykka
import pytest

from actors import (
    Actor,
    ActorDied,
    CallTimeout,
    CannotStash,
    Continue,
    Crashed,
    Deadlock,
    GenServer,
    NoReply,
    NotAnActor,
    Ok,
    Refusal,
    Reply,
    StashFull,
    Undelivered,
    exit,
    stash,
    unstash,
)
from actors._future import Future
from actors.testing import settle
from tests.actors.scripted import Scripted
from tests.support import CAP, Probe, ended, received, received_nothing, watching


class Door(Probe):
    """Puts everything aside until it is opened, and shows afterwards what it handles."""

    is_open = False

    def on_receive(self, message):
        if message == "open":
            self.is_open = True
            unstash()
        elif message == "close":
            self.is_open = False
        elif not self.is_open and not callable(message):
            stash()
            return "ignored"
        else:
            return super().on_receive(message)
        return None


class Asked(Actor):
    """Answers when it is ready."""

    crash_on_failed_ask = False

    def __init__(self, meanwhile=lambda: "ignored"):
        self._meanwhile = meanwhile
        self._is_ready = False

    def on_receive(self, message):
        if message == "ready":
            self._is_ready = True
            unstash()
        elif not self._is_ready:
            stash()
            return self._meanwhile()
        return f"answer to {message}"


def all_received(ref):
    """What a probe got, in order, when it has handled all that it was sent."""
    ref.ask(lambda: None)
    messages = ref._process.actor.received
    return [messages.get_nowait() for _ in range(messages.qsize())]


# Order


def test_stashed_messages_come_back_in_their_old_order():
    door = Door.start()
    for number in range(5):
        door.tell(number)

    door.tell("open")

    assert all_received(door) == [0, 1, 2, 3, 4]


def test_stashed_messages_come_before_those_that_wait():
    door = Door.start()
    release = Future()
    door.tell(1)
    door.tell(2)
    door.tell(release.get)
    door.tell("open")
    door.tell(3)

    release.set(None)

    assert all_received(door) == [1, 2, 3]


@pytest.mark.parametrize("waiting", [10, 1000])
def test_the_order_holds_in_a_long_mailbox(waiting):
    door = Door.start()
    release = Future()
    door.tell(-2)
    door.tell(-1)
    door.tell(release.get)
    door.tell("open")
    for number in range(waiting):
        door.tell(number)

    release.set(None)

    assert all_received(door) == list(range(-2, waiting))


def test_a_message_may_be_stashed_again():
    door = Door.start()
    for message in (1, "open", "close", 2, 3):
        door.tell(message)
    assert all_received(door) == [1]

    door.tell("open")

    assert all_received(door) == [2, 3]


def test_unstashing_nothing_does_nothing():
    door = Door.start()

    door.tell("open")
    door.ask(unstash)

    assert received_nothing(door)


def test_what_is_stashed_is_not_in_the_mailbox():
    door = Door.start()
    door.tell(1)
    settle()

    assert door.actor_inbox.qsize() == 0
    door.tell("open")
    assert received(door) == 1


# Asks


@pytest.mark.parametrize("response", ["ignored", None, Refusal(ValueError("ignored"))])
def test_who_asked_goes_on_waiting_whatever_the_handler_returns(response):
    asked = Asked.start(lambda: response)

    answer = asked.ask("question", block=False)
    settle()
    with pytest.raises(CallTimeout):
        answer.get(timeout=0)

    asked.tell("ready")
    assert answer.get() == "answer to question"


def test_an_actor_waits_for_an_answer_that_is_stashed():
    asked = Asked.start()
    asker = Probe.start()
    answer = asker.ask(lambda: asked.ask("question"), block=False)
    settle()

    asked.tell("ready")

    assert answer.get() == "answer to question"


def test_async_handlers_stash_too():
    class Later(Actor):
        is_ready = False

        async def on_receive(self, message):
            if message == "ready":
                self.is_ready = True
                unstash()
            elif not self.is_ready:
                stash()
            return f"answer to {message}"

    later = Later.start()
    answer = later.ask("question", block=False)
    later.tell("ready")

    assert answer.get() == "answer to question"


@pytest.mark.parametrize(
    "returned", [NoReply(False), NoReply(False, 60.0), Reply("ignored", False), Reply("ignored", False, 60.0)], ids=repr
)
def test_servers_stash_calls(returned):
    class Server(GenServer):
        def init(self):
            return Ok(False)

        def handle_call(self, request, from_, ready):
            if not ready:
                stash()
                return returned
            return Reply(f"answer to {request}", ready)

        def handle_cast(self, request, ready):
            unstash()
            return NoReply(True)

    server = Server.start()
    answer = server.ask("question", block=False)
    settle()

    server.cast("ready")

    assert answer.get() == "answer to question"


def test_a_server_that_asks_who_waits_for_its_stash_is_told_of_the_circle():
    def put_aside(_sender, state):
        stash()
        return NoReply(state)

    server, caller = Scripted.start(), Probe.start()
    answer = caller.ask(lambda: server.call(put_aside), block=False)
    settle()

    server.cast(lambda _state: caller.ask(lambda: "never"))

    assert isinstance(ended(server).exit_reason.exception, Deadlock)
    with pytest.raises(ActorDied):
        answer.get()


# A handler that fails after all


class Failing(Probe):
    """Puts a message aside, or takes it back, and fails."""

    def __init__(self, *steps):
        super().__init__()
        self._steps = steps

    def on_receive(self, message):
        if callable(message):
            return super().on_receive(message)
        for step in self._steps:
            step()
        raise ValueError("after all")


@pytest.mark.parametrize("crash_on_failed_ask", [True, False])
@pytest.mark.parametrize("steps", [(stash,), (stash, unstash)], ids=["stashed", "put back"])
def test_a_handler_that_fails_with_its_message_aside_ends_the_actor_and_all_who_asked_hear_of_it(
    monkeypatch, crash_on_failed_ask, steps
):
    monkeypatch.setattr(Failing, "crash_on_failed_ask", crash_on_failed_ask)
    failing = Failing.start(*steps)

    with pytest.raises(ActorDied) as raised:
        failing.ask("question")

    assert raised.value.reason == ended(failing).exit_reason == Crashed(ValueError("after all"))


@pytest.mark.parametrize("steps", [(stash,), (stash, unstash)], ids=["stashed", "put back"])
def test_a_told_message_whose_handler_fails_with_it_aside_is_a_dead_letter_once(runtime, steps):
    letters = queue.SimpleQueue()
    runtime.dead_letters.listen(letters.put)
    failing = Failing.start(*steps)

    failing.tell("message")
    ended(failing)

    assert letters.get(timeout=CAP) == Undelivered(failing, "message", Crashed(ValueError("after all")))
    assert runtime.dead_letters.count == 1


def test_a_server_whose_callback_fails_with_its_message_aside_answers_with_what_it_died_of():
    class Server(GenServer[None]):
        def init(self):
            return Ok(None)

        def handle_call(self, request, sender, state):
            stash()
            raise ValueError("after all")

    server = Server.start()

    with pytest.raises(ActorDied) as raised:
        server.call("question")

    assert raised.value.reason == ended(server).exit_reason == Crashed(ValueError("after all"))


@pytest.mark.parametrize("then", [None, 5.0, Continue("on")], ids=["nothing", "time-out", "continue"])
def test_what_a_server_replies_to_a_call_that_it_has_put_aside_is_ignored(then):
    class Server(GenServer[bool]):
        def init(self):
            return Ok(False)

        def handle_call(self, request, sender, ready):
            if not ready:
                stash()
                return Reply("ignored", ready, then)
            return Reply("answer", ready)

        def handle_cast(self, request, ready):
            unstash()
            return NoReply(True)

        def handle_continue(self, argument, ready):
            return NoReply(ready)

        def handle_info(self, message, ready):
            return NoReply(ready)

    server = Server.start()
    answer = server.ask("question", block=False)
    server.cast("ready")

    assert answer.get() == "answer"


# The end


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_stashed_asks_of_one_that_ends_get_actor_died(end):
    asked = Asked.start()
    answers = [asked.ask(number, block=False) for number in range(3)]
    settle()

    getattr(asked, end)()

    for answer in answers:
        with pytest.raises(ActorDied):
            answer.get()


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_stashed_messages_of_one_that_ends_are_dead_letters(runtime, end):
    door = Door.start()
    door.tell(1)
    door.tell(2)
    settle()

    getattr(door, end)()

    ended(door)
    assert runtime.dead_letters.count == 2


def test_a_message_that_a_dead_actors_code_stashes_is_answered_all_the_same():
    class Late(Actor):
        def on_receive(self, message):
            process.ref.kill()
            process.stash(process.handling)

    late = Late.start()
    process = late._process

    with pytest.raises(ActorDied):
        late.ask("question")
    ended(late)


# Misuse


def test_stashing_outside_of_actors_is_an_error():
    with pytest.raises(NotAnActor):
        stash()
    with pytest.raises(NotAnActor):
        unstash()


def test_stashing_twice_is_an_error_and_the_message_is_stashed_once():
    class Twice(Door):
        def on_receive(self, message):
            if message == 1 and not self.is_open:
                stash()
                with pytest.raises(CannotStash, match="once"):
                    stash()
                return None
            return super().on_receive(message)

    door = Twice.start()
    door.tell(1)

    door.tell("open")

    assert all_received(door) == [1]


@pytest.mark.parametrize("hook", ["on_start", "on_stop"])
def test_stashing_in_a_hook_is_an_error(hook):
    raised = []

    def stash_nothing(self):
        try:
            stash()
        except CannotStash as error:
            raised.append(error)

    ref = type("Subject", (Actor,), {hook: stash_nothing}).start()
    ref.stop()

    (error,) = raised
    assert "no message is in hand" in str(error)


@pytest.mark.threads
def test_a_plain_pykka_actor_cannot_stash():
    class Plain(pykka.ThreadingActor):
        def on_receive(self, message):
            stash()

    plain = Plain.start()
    watching(plain)

    with pytest.raises(CannotStash, match="plain Pykka actor"):
        plain.ask("question")
    plain.stop()


# The bound


def test_as_many_messages_may_be_stashed_as_may_wait():
    asked = Asked.options(max_mailbox=2).start()
    answers = [asked.ask(number, block=False) for number in range(2)]

    with pytest.raises(StashFull, match="max_mailbox=2") as caught:
        asked.ask("too much")

    assert (caught.value.ref, caught.value.max_mailbox) == (asked, 2)
    asked.tell("ready")
    assert [answer.get() for answer in answers] == ["answer to 0", "answer to 1"]


def test_what_is_unstashed_has_room_whatever_waits():
    door = Door.options(max_mailbox=2, overflow="raise").start()
    door.tell(1)
    settle()
    door.tell(2)
    settle()
    release = Future()
    door.tell(release.get)
    settle()
    door.tell("open")
    door.tell(3)

    release.set(None)
    settle()

    assert all_received(door) == [1, 2, 3]
    door.ask(lambda: None)


def test_an_actor_that_exits_over_a_stashed_message_answers_it():
    asked = Asked.start(lambda: exit("done"))

    with pytest.raises(ActorDied):
        asked.ask("question")

    assert ended(asked).exit_reason == "done"
