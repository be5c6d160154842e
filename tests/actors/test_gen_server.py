"""GenServer: calls, casts and plain messages, and what their callbacks may return."""

from __future__ import annotations

import logging

import pytest

from actors import (
    Actor,
    ActorDied,
    BadReturn,
    CallExit,
    CallTimeout,
    Continue,
    Crashed,
    Deadlock,
    GenServer,
    Killed,
    NoProc,
    NoReply,
    Normal,
    NoSuchName,
    Ok,
    Refusal,
    Reply,
    Request,
    Shutdown,
    Stop,
    current_actor,
    exit,
    send_after,
)
from tests.actors.scripted import Scripted, Shy, adding, answer, doing, returning, state_of
from tests.support import INTERRUPT, Gate, Probe, TrappingProbe, crash, ended, received_nothing

rule = pytest.mark.rule


class Count(Request[int]):
    """Asks a counter for its count."""


class Counter(GenServer[int]):
    """A server as a user would write it."""

    def init(self, start, *, step=1):
        self.step = step
        return Ok(start)

    def handle_call(self, request, sender, state):
        match request:
            case Count():
                return Reply(state, state)
            case "reset":
                return Reply(None, 0)

    def handle_cast(self, request, state):
        return NoReply(state + request * self.step)


def busy(server):
    """The gate at which a server waits, in a cast."""
    gate = Gate()

    def wait(state):
        gate.pass_through()
        return NoReply(state)

    server.cast(wait)
    gate.await_arrival()
    return gate


def reason_of_failed_call(server, request, **options):
    with pytest.raises(CallExit) as raised:
        server.call(request, **options)
    return raised.value.reason


def test_a_server_keeps_its_state_from_callback_to_callback():
    counter = Counter.start(40, step=2)

    counter.cast(1)

    assert counter.call(Count()) == 42
    assert counter.call("reset") is None
    assert counter.call(Count()) == 0


@rule("A56")
def test_calls_casts_and_messages_stand_in_one_queue():
    server = Scripted.start()

    server.cast(adding(1))
    server.tell(2)
    server.cast(adding(3))

    assert state_of(server) == (1, 2, 3)


def test_an_ask_is_a_call():
    assert Counter.start(7).ask(Count()) == 7


def test_a_call_by_ask_may_be_waited_for_later():
    assert Counter.start(7).ask(Count(), block=False).get() == 7


def test_what_a_server_is_told_is_a_plain_message_whatever_it_is():
    server = Scripted.start()
    message = adding(1)

    server.tell(message)

    assert state_of(server) == (message,)


def test_what_a_timer_sends_is_a_plain_message(clock):
    server = Scripted.start()
    send_after(server, "tick", 2.0)

    clock.advance(2.0)

    assert state_of(server) == ("tick",)


# What callbacks return


@rule("A57")
@pytest.mark.parametrize(
    "returned",
    [
        None,
        "wat",
        Ok(()),
        Reply(1, ()),
        Stop("why", (), reply=1),
        NoReply((), then=-1),
        NoReply((), then="soon"),
        NoReply((), then=True),
        NoReply((), then=float("nan")),
    ],
    ids=repr,
)
def test_what_a_cast_cant_return_ends_the_server_with_its_old_state(returned):
    log = []
    server = Scripted.start(lambda: Ok("old"), log)

    server.cast(returning(returned))

    assert ended(server).exit_reason == BadReturn(returned)
    assert log == [(BadReturn(returned), "old")]


@rule("A57")
@pytest.mark.parametrize("returned", [None, "wat", Ok(()), Reply(1, "new", then="soon"), NoReply("new", then=-1)])
def test_what_a_call_cant_return_ends_the_server_unanswered_with_its_old_state(returned):
    log = []
    server = Scripted.start(lambda: Ok("old"), log)

    assert reason_of_failed_call(server, returning(returned)) == BadReturn(returned)
    assert log == [(BadReturn(returned), "old")]


@rule("A57")
def test_what_a_plain_message_cant_return_ends_the_server():
    class Wrong(Scripted):
        def handle_info(self, message, state):
            return message

    server = Wrong.start()

    server.tell("wat")

    assert ended(server).exit_reason == BadReturn("wat")


@rule("A57", "A72")
@pytest.mark.parametrize("callback", ["handle_info", "handle_continue"])
@pytest.mark.parametrize("returned", [None, Reply(1, "new"), Stop("why", "new", reply=1)], ids=repr)
def test_the_state_of_before_is_left_by_what_no_callback_can_return(callback, returned):
    log = []
    server = Named.start(lambda: Ok("old"), log)

    if callback == "handle_info":
        server.tell(returned)
    else:
        server.cast(returning(NoReply("old", Continue(returning(returned)))))

    assert ended(server).exit_reason == BadReturn(returned)
    assert log == [(BadReturn(returned), "old")]


@rule("A57")
def test_a_time_out_that_never_ends_is_none():
    server = Scripted.start(lambda: Ok((), then=float("inf")))

    server.cast(adding("cast", then=float("inf")))

    assert state_of(server) == ("cast",)


NEXT = "NoReply(state) or Stop(reason, state)"
THEN = ", where then is Continue(argument), seconds >= 0, or None"


class Named(Scripted):
    """A server whose name is told."""

    def handle_info(self, message, state):
        return message


@rule("A57")
@pytest.mark.parametrize(
    ("end", "callback", "expected"),
    [
        (
            lambda server: server.ask(returning(None), block=False),
            "Named.handle_call()",
            "Reply(value, state), NoReply(state) or Stop(reason, state, reply)",
        ),
        (lambda server: server.cast(returning(Reply(1, 2))), "Named.handle_cast()", NEXT),
        (lambda server: server.tell("wat"), "Named.handle_info()", NEXT),
        (
            lambda server: server.cast(returning(NoReply((), Continue(returning(Ok(1)))))),
            "Named.handle_continue()",
            NEXT,
        ),
        (lambda server: server.cast(returning(NoReply((), then="soon"))), "Named.handle_cast()", NEXT + THEN),
    ],
    ids=["call", "cast", "info", "continue", "then"],
)
def test_a_bad_return_names_the_callback_and_what_it_may_return(end, callback, expected, caplog):
    server = Named.start()

    end(server)

    reason = ended(server).exit_reason
    assert (reason.callback, reason.expected) == (callback, expected)
    assert f"Named exited: {reason!r}" in caplog.text
    assert f"callback='{callback}', expected='{expected}'" in caplog.text


# Calls that fail


@rule("A58", "A57")
@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (returning(Stop("why", ())), "why"),
        (returning(Stop(Normal(), ())), Normal()),
        (returning(Stop(Shutdown(1), ())), Shutdown(1)),
        (doing(crash), Crashed(ValueError("boom"))),
        (doing(lambda: exit("ex")), "ex"),
        (returning("wat"), BadReturn("wat")),
        (doing(lambda: current_actor().kill()), Killed()),
    ],
)
def test_a_call_whose_server_ends_instead_raises_with_its_reason(request_, reason):
    server = Scripted.start()

    with pytest.raises(ActorDied) as raised:
        server.call(request_)

    assert raised.value.reason == reason
    assert ended(server).exit_reason == reason


@rule("A57", "A75")
def test_a_call_may_be_answered_by_a_server_that_stops():
    server = Scripted.start()

    assert server.call(returning(Stop("why", (), reply="rep"))) == "rep"
    assert ended(server).exit_reason == "why"


@rule("A58")
def test_what_was_raised_in_the_server_never_reaches_its_caller_as_it_is():
    asker, server = Probe.start(), Scripted.start()

    with pytest.raises(ActorDied) as raised:
        asker.ask(lambda: server.call(doing(crash)))

    assert isinstance(raised.value.reason.exception, ValueError)
    assert asker.is_alive()


@rule("A58")
def test_a_caller_that_doesnt_catch_it_crashes_of_a_failed_call():
    caller, server = Probe.start(), Scripted.start()
    caller._process.actor.crash_on_failed_ask = True

    with pytest.raises(ActorDied):
        caller.ask(lambda: server.call(returning(Stop("why", ()))))

    crashed = ended(caller).exit_reason.exception
    assert isinstance(crashed, ActorDied)
    assert crashed.reason == "why"


@rule("A58", "A61")
def test_calling_a_server_that_has_ended_gives_noproc():
    server = Scripted.start()
    server.stop(reason="why")

    assert reason_of_failed_call(server, answer(1)) == NoProc()


@rule("A58", "A59")
def test_a_server_may_refuse_a_call_and_live():
    server = Scripted.start()

    with pytest.raises(ValueError, match="not enough"):
        server.call(answer(Refusal(ValueError("not enough"))))

    assert server.call(answer("still here")) == "still here"


@rule("A58", "A59", "A60")
def test_a_call_out_of_time_is_handled_all_the_same(clock):
    server = Scripted.start()
    gate = busy(server)
    caller = Probe.start()

    failed = caller.ask(lambda: server.call(lambda _sender, _state: Reply("late", "changed"), timeout=2.0), block=False)
    clock.await_timers()
    clock.advance(2.0)

    with pytest.raises(CallTimeout) as raised:
        failed.get()
    assert raised.value.reason == "timeout"
    gate.open()
    assert caller.ask(lambda: state_of(server)) == "changed"


@rule("A59", "A60")
@pytest.mark.parametrize("by_name", [False, True], ids=["by ref", "by name"])
def test_the_answer_to_a_call_out_of_time_is_never_taken_for_another(by_name, clock):
    server = Scripted.options(name="server").start()
    server = Scripted.named("server") if by_name else server
    gate = busy(server)
    caller = TrappingProbe.start()
    failed = caller.ask(lambda: server.call(answer("late"), timeout=2.0), block=False)
    clock.await_timers()
    clock.advance(2.0)
    with pytest.raises(CallTimeout):
        failed.get()

    second = caller.ask(lambda: server.call(answer("in time")), block=False)
    clock.await_timers()
    gate.open()

    assert second.get() == "in time"
    assert received_nothing(caller)


@rule("A62")
def test_a_call_may_wait_for_ever(clock):
    server = Scripted.start()
    gate = busy(server)
    call = Probe.start().ask(lambda: server.call(answer("at last"), timeout=None), block=False)

    clock.advance(1_000_000.0)
    gate.open()

    assert call.get() == "at last"


@rule("A58")
def test_a_call_waits_five_seconds_by_default(clock):
    server = Scripted.start()
    gate = busy(server)

    failed = Probe.start().ask(lambda: server.call(answer(1)), block=False)
    clock.await_timers()
    clock.advance(4.9)
    clock.await_timers()
    clock.advance(0.1)

    with pytest.raises(CallTimeout):
        failed.get()
    gate.open()


@rule("A62")
def test_a_call_with_no_time_is_sent():
    server = Scripted.start()
    gate = busy(server)

    with pytest.raises(CallTimeout):
        server.call(lambda _sender, _state: Reply(None, "changed"), timeout=0)

    gate.open()
    assert state_of(server) == "changed"


@rule("A62")
@pytest.mark.parametrize("timeout", [-1, -0.001, float("nan"), float("inf"), "5"])
def test_a_call_with_a_time_that_is_none_is_not_sent(timeout):
    server = Scripted.start()

    with pytest.raises(ValueError, match="timeout must be seconds >= 0"):
        server.call(lambda _sender, _state: Reply(None, "changed"), timeout=timeout)

    assert state_of(server) == ()


@rule("A60")
def test_the_call_of_a_caller_that_died_is_handled(clock):
    server = Scripted.start()
    gate = busy(server)
    caller = Probe.start()
    caller.tell(lambda: server.call(lambda _sender, _state: Reply(None, "changed")))
    clock.await_timers()

    caller.kill()
    gate.open()

    assert state_of(server) == "changed"


@rule("A61")
def test_all_callers_of_a_server_that_ends_get_its_reason():
    server = Scripted.start()
    gate = busy(server)
    server.cast(returning(Stop("why", ())))
    calls = [server.ask(answer(1), block=False) for _ in range(3)]

    gate.open()

    for call in calls:
        with pytest.raises(ActorDied) as raised:
            call.get()
        assert raised.value.reason == "why"


@rule("A58", "A61")
@pytest.mark.parametrize(
    "request_",
    [returning(Stop(Shy(), ())), returning(Shy()), doing(lambda: {}[Shy()])],
    ids=["stop", "bad return", "crash"],
)
def test_a_caller_hears_of_an_end_whose_reason_cant_be_shown(request_):
    server = Scripted.start()

    reason = reason_of_failed_call(server, request_)

    assert reason is ended(server).exit_reason


@rule("A69")
def test_a_server_that_calls_itself_is_told_so():
    server = Scripted.start()

    reason = reason_of_failed_call(server, doing(lambda: current_actor().call(answer(1))))

    assert isinstance(reason.exception, Deadlock)
    assert reason.exception.reason == "calling_self"


@rule("A69")
@pytest.mark.parametrize(
    "wait", [lambda named: named.call(answer(1)), lambda named: named.stop()], ids=["call", "stop"]
)
def test_nor_may_a_server_wait_for_itself_by_its_name(wait):
    server = Scripted.options(name="server").start()

    reason = reason_of_failed_call(server, doing(lambda: wait(Scripted.named("server"))))

    assert reason.exception.reason == "calling_self"


@rule("A69")
def test_a_server_may_cast_to_itself():
    server = Scripted.start()

    def cast(_sender, state):
        current_actor().cast(adding("cast"))
        return Reply(None, state)

    server.call(cast)

    assert state_of(server) == ("cast",)


# Casts that nobody gets


@rule("A68")
def test_a_cast_to_a_dead_server_does_nothing():
    server = Scripted.start()
    server.stop()

    assert server.cast(adding(1)) is None


@rule("A68")
def test_a_cast_to_a_name_that_nobody_has_does_nothing():
    assert Scripted.named("nobody").cast(adding(1)) is None


@rule("A39", "A58")
def test_a_call_to_a_name_that_nobody_has_names_it():
    with pytest.raises(NoSuchName) as raised:
        Scripted.named("nobody").call(answer(1))

    assert raised.value.name == "nobody"
    assert raised.value.reason == NoProc()


def test_a_server_is_called_and_cast_by_its_name():
    Scripted.options(name="server").start()
    named = Scripted.named("server")

    named.cast(adding(1))

    assert state_of(named) == (1,)


def test_a_name_finds_the_server_that_has_it_now():
    named = Scripted.named("server")
    Scripted.options(name="server").start(lambda: Ok("first"))
    assert state_of(named) == "first"

    named.stop()
    Scripted.options(name="server").start(lambda: Ok("second"))

    assert state_of(named) == "second"


@pytest.mark.threads
@rule("A68")
def test_a_cast_that_nobody_handles_is_a_dead_letter_of_what_was_cast(runtime):
    server = Scripted.start()
    gate = busy(server)
    lost = []
    runtime.dead_letters.listen(lost.append)

    server.stop(block=False)
    server.cast("lost")
    gate.open()
    ended(server)
    runtime.dead_letters.close()

    assert [letter.message for letter in lost] == ["lost"]


# Answers from elsewhere


@rule("A67")
def test_a_call_may_be_answered_later_by_anybody():
    server, helper = Scripted.start(), Probe.start()

    def hand_on(sender, state):
        helper.tell(lambda: sender.reply("else"))
        return NoReply(state)

    assert server.call(hand_on) == "else"


@rule("A67")
def test_a_call_may_be_answered_by_a_later_callback_of_the_server():
    server = Scripted.start()
    call = server.ask(lambda sender, _state: NoReply(sender), block=False)

    def answer_it(sender):
        sender.reply("later")
        return NoReply(())

    server.cast(answer_it)

    assert call.get() == "later"


@rule("A67")
def test_a_server_that_answers_twice_is_heard_once():
    server = Scripted.start()
    first, second = [], []

    def reply_twice(sender, state):
        first.append(sender.reply("one"))
        second.append(sender.reply("two"))
        return Reply("three", state)

    assert server.call(reply_twice) == "one"
    assert (first, second) == ([True], [False])
    assert server.call(answer("next")) == "next"


@rule("A67")
def test_a_call_may_be_refused_later():
    server = Scripted.start()

    def refuse(sender, state):
        sender.reply(Refusal(ValueError("not enough")))
        return NoReply(state)

    with pytest.raises(ValueError, match="not enough"):
        server.call(refuse)


@rule("A67")
def test_a_call_may_be_answered_from_outside_of_actors():
    server, kept, asked = Scripted.start(), [], Gate()

    def keep(sender, state):
        kept.append(sender)
        asked.pass_through()
        return NoReply(state)

    call = Probe.start().ask(lambda: server.call(keep), block=False)
    asked.await_arrival()
    asked.open()

    assert kept[0].reply("from outside") is True
    assert call.get() == "from outside"


@rule("A60", "A67")
def test_answering_a_caller_that_has_died_does_nothing(clock):
    server, caller, kept = Scripted.start(), Probe.start(), []

    def keep(sender, state):
        kept.append(sender)
        return NoReply(state)

    caller.tell(lambda: server.call(keep))
    clock.await_timers()
    caller.kill()
    ended(caller)
    state_of(server)

    assert kept[0].reply("to nobody") is True
    assert server.call(answer("next")) == "next"


@rule("A67")
def test_answering_a_caller_that_gave_up_does_nothing():
    server = Scripted.start()
    kept = []

    def keep(sender, state):
        kept.append(sender)
        return NoReply(state)

    with pytest.raises(CallTimeout):
        server.call(keep, timeout=0)
    state_of(server)

    assert kept[0].reply("late") is True
    assert server.call(answer("next")) == "next"


@rule("A61")
@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (lambda server: server.cast(returning(Stop("why", ()))), "why"),
        (lambda server: server.cast(doing(crash)), Crashed(ValueError("boom"))),
        (lambda server: server.stop(), Normal()),
        (lambda server: server.exit("signal"), "signal"),
        (lambda server: server.kill(), Killed()),
    ],
    ids=["stop", "crash", "stopped", "signal", "kill"],
)
def test_a_caller_left_without_an_answer_gets_the_reason_of_the_end(end, reason):
    server = Scripted.start()
    call = server.ask(returning(NoReply(())), block=False)
    state_of(server)

    end(server)

    with pytest.raises(ActorDied) as raised:
        call.get()
    assert raised.value.reason == reason


@rule("A61", "A74")
def test_a_caller_left_without_an_answer_gets_the_reason_of_a_terminate_that_fails():
    server = Scripted.start(terminate=crash)
    call = server.ask(returning(NoReply(())), block=False)
    state_of(server)

    server.stop()

    with pytest.raises(ActorDied) as raised:
        call.get()
    assert raised.value.reason == Crashed(ValueError("boom"))


@rule("A61", "A67")
def test_a_caller_left_by_a_server_that_is_killed_at_work_hears_of_it_at_once():
    server, kept = Scripted.start(), []

    def keep(sender, state):
        kept.append(sender)
        return NoReply(state)

    call = server.ask(keep, block=False)
    gate = busy(server)

    server.kill()

    with pytest.raises(ActorDied) as raised:
        call.get(timeout=0)
    assert raised.value.reason == Killed()
    assert server.state() == "abandoned"
    assert kept[0].reply("of a body that runs on") is False
    gate.open()
    ended(server)


@rule("A61", "A67")
def test_what_a_killed_server_defers_later_is_refused_too():
    server = Scripted.start()
    gate = Gate()

    def defer(_sender, state):
        gate.pass_through()
        return NoReply(state)

    call = server.ask(defer, block=False)
    gate.await_arrival()
    server.kill()
    gate.open()

    ended(server)
    with pytest.raises(ActorDied) as raised:
        call.get(timeout=0)
    assert raised.value.reason == Killed()


# Callbacks that aren't there


class Bare(GenServer[None]):
    """A server without callbacks."""

    def init(self, then=None):
        return Ok(None, then)


@rule("A70")
def test_without_handle_info_a_message_is_logged_and_dropped(caplog):
    server = Bare.start()

    with caplog.at_level(logging.ERROR, "pykka_otp.gen_server"):
        server.tell("hello")
        server.stop()

    assert [record.getMessage() for record in caplog.records] == ["Bare got a message that it doesn't handle: 'hello'"]
    assert server.exit_reason == Normal()


@rule("A70")
def test_without_handle_call_a_call_ends_the_server():
    reason = reason_of_failed_call(Bare.start(), "x")

    assert isinstance(reason.exception, NotImplementedError)
    assert str(reason.exception) == "Bare was called with 'x', and defines no handle_call()"


@rule("A70")
@pytest.mark.parametrize(
    ("send", "message"),
    [
        (lambda: cast_to(Bare.start()), "Bare got the cast 'x', and defines no handle_cast()"),
        (lambda: Bare.start(Continue("x")), "Bare is to continue with 'x', and defines no handle_continue()"),
    ],
    ids=["cast", "continue"],
)
def test_without_its_callback_a_cast_or_a_continue_ends_the_server(send, message):
    reason = ended(send()).exit_reason

    assert isinstance(reason.exception, NotImplementedError)
    assert str(reason.exception) == message


def cast_to(server):
    server.cast("x")
    return server


@rule("A70")
def test_a_message_that_an_own_handle_info_does_not_know_ends_the_server():
    class Picky(Scripted):
        def handle_info(self, message, state):
            match message:
                case "known":
                    return NoReply(state)

    server = Picky.start()

    server.tell("unknown")

    assert ended(server).exit_reason == BadReturn(None)


def test_a_server_has_no_proxy():
    with pytest.raises(TypeError, match="has no proxy"):
        Counter.start(1).proxy()


def test_callbacks_may_be_coroutine_functions():
    class Slow(GenServer[list[object]]):
        async def init(self):
            return Ok(["init"], Continue("continue"))

        async def handle_continue(self, argument, state):
            return NoReply([*state, argument])

        async def handle_cast(self, request, state):
            return NoReply([*state, request])

        async def handle_info(self, message, state):
            return NoReply([*state, message])

        async def handle_call(self, request, sender, state):
            return Reply([*state, request], state)

    server = Slow.start()
    server.cast("cast")
    server.tell("info")

    assert server.call("call") == ["init", "continue", "cast", "info", "call"]


@rule("A2")
@pytest.mark.parametrize("error", [SystemExit(1), INTERRUPT, BaseException("odd")], ids=repr)
def test_what_would_end_a_program_ends_one_server_only(error):
    other = Actor.start()

    def fail():
        raise error

    assert reason_of_failed_call(Scripted.start(), doing(fail)) == Crashed(error)
    assert other.is_alive()
