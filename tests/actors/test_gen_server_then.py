"""What follows a callback of a GenServer: a continue, or an idle time-out."""

from __future__ import annotations

import pytest

from actors import (
    ActorDied,
    Continue,
    Crashed,
    Down,
    Exit,
    IdleTimeout,
    NoReply,
    Ok,
    Reply,
    Stop,
    current_actor,
    inspect_state,
    link,
    monitor,
    whereis,
)
from actors.testing import settle
from tests.actors.scripted import Scripted, TrappingScripted, adding, answer, doing, returning, state_of
from tests.support import Gate, Probe, TrappingProbe, crash, ended, received

rule = pytest.mark.rule


def telling_itself(message, returned):
    """What a callback does: send the server a message, and then return this."""

    def do(*_arguments):
        current_actor().tell(message)
        return returned

    return do


# Continues


@rule("A64")
def test_the_continue_of_init_comes_before_what_init_sent():
    server = Scripted.start(telling_itself("message", Ok((), Continue(adding("continue")))))

    assert state_of(server) == ("continue", "message")


@rule("A64")
def test_continues_follow_one_another_before_any_message():
    def call(sender, _state):
        def first(state):
            current_actor().tell("second message")
            return NoReply((*state, "first"), Continue(second))

        def second(state):
            sender.reply(None)
            return NoReply((*state, "second"))

        current_actor().tell("first message")
        return NoReply((), Continue(first))

    server = Scripted.start()
    server.call(call)

    assert state_of(server) == ("first", "second", "first message", "second message")


@rule("A64")
def test_the_continues_of_casts_and_messages_come_before_what_was_sent_meanwhile():
    class Both(Scripted):
        def handle_info(self, message, state):
            then = Continue(adding(f"after {message}")) if message.startswith("m") else None
            return NoReply((*state, message), then)

    def first(state):
        current_actor().tell("m1")
        return NoReply((*state, "cast"), Continue(second))

    def second(state):
        current_actor().tell("m2")
        return NoReply((*state, "x"), Continue(adding("y")))

    server = Both.start()
    server.cast(first)
    settle()

    assert state_of(server) == ("cast", "x", "y", "m1", "after m1", "m2", "after m2")


@rule("A63", "A64")
def test_a_chain_of_continues_is_finished_before_the_end_of_the_parent_is_seen():
    log, gate, parent = [], Gate(), Probe.start()

    def wait(state):
        gate.pass_through()
        return NoReply((*state, "first"), Continue(adding("second")))

    parent.tell(lambda: TrappingScripted.options(name="server").start_link(lambda: Ok((), Continue(wait)), log))
    gate.await_arrival()
    server = whereis("server")

    parent.exit("why")
    gate.open()

    assert ended(server).exit_reason == "why"
    assert log == [("why", ("first", "second"))]


@rule("A64")
def test_a_continue_comes_before_a_stop_that_waits():
    log = []
    gate = Gate()

    def init():
        gate.pass_through()
        return Ok((), Continue(adding("continue")))

    starting = Probe.start().ask(lambda: Scripted.options(name="server").start(init, log), block=False)
    gate.await_arrival()
    stopped = Scripted.named("server").stop(block=False, reason="why")
    gate.open()

    assert stopped.get() is True
    assert log == [("why", ("continue",))]
    starting.get()


@rule("A64")
def test_a_start_does_not_wait_for_the_continue():
    gate = Gate()

    def wait(state):
        gate.pass_through()
        return NoReply((*state, "continue"))

    server = Scripted.start(lambda: Ok((), Continue(wait)))

    gate.await_arrival()
    gate.open()
    assert state_of(server) == ("continue",)


@rule("A64", "A71")
def test_a_continue_of_init_that_fails_is_no_failed_start():
    log = []

    server = Scripted.start(lambda: Ok("state", Continue(doing(crash))), log)

    assert ended(server).exit_reason == Crashed(ValueError("boom"))
    assert log == [(Crashed(ValueError("boom")), "state")]


@rule("A50", "A64")
def test_a_starter_that_traps_exits_gets_that_of_a_continue_of_init_that_fails():
    starter, gate = TrappingProbe.start(), Gate()

    def fail(_state):
        gate.pass_through()
        crash()

    starter.tell(lambda: TrappingScripted.options(name="server").start_link(lambda: Ok((), Continue(fail))))
    gate.await_arrival()
    server = whereis("server")
    gate.open()

    assert received(starter) == Exit(server, Crashed(ValueError("boom")))


@rule("A64")
def test_a_continue_of_init_may_stop_the_server():
    log = []

    server = Scripted.start(lambda: Ok("old", Continue(returning(Stop("why", "new")))), log)

    assert ended(server).exit_reason == "why"
    assert log == [("why", "new")]


@rule("A64")
def test_a_caller_has_its_answer_before_the_continue_runs():
    gate = Gate()
    server = Scripted.start()

    def wait(state):
        gate.pass_through()
        return NoReply((*state, "continue"))

    assert server.call(returning(Reply("answer", (), Continue(wait)))) == "answer"

    gate.await_arrival()
    gate.open()
    assert state_of(server) == ("continue",)


@rule("A64")
def test_a_caller_keeps_its_answer_though_the_continue_stops_the_server():
    server = Scripted.start()

    assert server.call(returning(Reply("answer", (), Continue(returning(Stop("cs", ())))))) == "answer"

    assert ended(server).exit_reason == "cs"


@rule("A64", "A67")
def test_a_continue_may_answer_a_call():
    server = Scripted.start()

    def later(sender, state):
        def reply(state):
            sender.reply("from the continue")
            return NoReply(state)

        return NoReply(state, Continue(reply))

    assert server.call(later) == "from the continue"


@rule("A67", "A69")
def test_a_caller_whose_answer_is_left_to_others_is_in_no_circle_while_the_continue_runs():
    server, helper, caller, kept = Scripted.start(), Probe.start(), Probe.start(), []

    def ask_back():
        return caller.ask(lambda: "free again")

    def later(sender, state):
        kept.append(sender)
        return NoReply(state, Continue(lambda state: NoReply((*state, helper.ask(ask_back)))))

    call = caller.ask(lambda: server.call(later), block=False)
    settle()
    kept[0].reply("from elsewhere")

    assert call.get() == "from elsewhere"
    assert state_of(server) == ("free again",)


@rule("A61", "A64")
def test_a_caller_left_by_a_continue_that_fails_gets_the_reason():
    server = Scripted.start()

    with pytest.raises(ActorDied) as raised:
        server.call(returning(NoReply((), Continue(doing(crash)))))

    assert raised.value.reason == Crashed(ValueError("boom"))


@rule("A64")
def test_an_endless_chain_of_continues_is_ended_by_an_exit_signal():
    gate = Gate()

    def again(state):
        gate.pass_through()
        return NoReply(state, Continue(again))

    server = Scripted.start(lambda: Ok((), Continue(again)))
    gate.await_arrival()

    server.exit("signal")
    gate.open()

    assert ended(server).exit_reason == "signal"


# Idle time-outs


@rule("A65")
@pytest.mark.parametrize(
    "idle",
    [
        lambda: Scripted.start(lambda: Ok((), then=2.0)),
        lambda: after_a_cast(NoReply((), then=2.0)),
        lambda: after_a_call(Reply(None, (), then=2.0)),
        lambda: after_a_cast(NoReply((), then=Continue(returning(NoReply((), then=2))))),
    ],
    ids=["init", "cast", "call", "continue"],
)
def test_a_server_that_nobody_writes_to_is_told_so_once(idle, clock):
    server = idle()
    clock.await_timers()

    clock.advance(2.0)
    clock.advance(10.0)

    assert state_of(server) == (IdleTimeout(),)


def after_a_cast(returned):
    server = Scripted.start()
    server.cast(returning(returned))
    return server


def after_a_call(returned):
    server = Scripted.start()
    server.call(returning(returned))
    return server


@rule("A65")
@pytest.mark.parametrize(
    ("send", "added"),
    [
        (lambda server: server.tell("message"), ("message",)),
        (lambda server: server.cast(adding("cast")), ("cast",)),
        (lambda server: server.call(answer(1)), ()),
    ],
    ids=["message", "cast", "call"],
)
def test_any_message_ends_the_time_out_for_good(send, added, clock):
    server = Scripted.start(lambda: Ok((), then=2.0))

    clock.advance(1.0)
    send(server)
    settle()
    clock.advance(10.0)

    assert state_of(server) == added


@rule("A65")
@pytest.mark.parametrize(("watch", "kind"), [(link, Exit), (monitor, Down)])
def test_the_end_of_another_ends_the_time_out_too(watch, kind, clock):
    other = Probe.start()

    def init():
        watch(other)
        return Ok((), then=2.0)

    server = TrappingScripted.start(init)
    clock.advance(1.0)
    other.stop()
    settle()
    clock.advance(10.0)

    assert [type(message) for message in state_of(server)] == [kind]


@rule("A65")
def test_a_message_that_comes_just_before_the_time_out_takes_its_place(clock):
    gate = Gate()

    def wait(state):
        gate.pass_through()
        return NoReply(state)

    server = Scripted.start(lambda: Ok((), then=2.0))
    server.cast(wait)
    gate.await_arrival()
    clock.advance(2.0)
    gate.open()

    assert state_of(server) == ()


@rule("A65")
def test_a_message_that_waited_already_ends_the_time_out(clock):
    gate = Gate()

    def wait(_state):
        gate.pass_through()
        return NoReply((), then=2.0)

    server = Scripted.start()
    server.cast(wait)
    gate.await_arrival()
    server.tell("waiting")
    gate.open()
    settle()

    clock.advance(2.0)

    assert state_of(server) == ("waiting",)


@rule("A65")
def test_a_time_out_of_nothing_comes_at_once_when_nothing_waits():
    server = Scripted.start(lambda: Ok((), then=0))

    assert state_of(server) == (IdleTimeout(),)


@rule("A65")
def test_a_time_out_of_nothing_lets_what_waits_go_first():
    server = Scripted.start(telling_itself("early", Ok((), then=0.0)))

    assert state_of(server) == ("early",)


@rule("A65")
def test_a_time_out_is_returned_anew_to_come_again(clock):
    class Ticking(Scripted):
        def handle_info(self, message, state):
            return NoReply((*state, message), then=2.0)

    server = Ticking.start(lambda: Ok((), then=2.0))
    for _ in range(3):
        clock.await_timers()
        clock.advance(2.0)

    assert state_of(server) == (IdleTimeout(),) * 3


@rule("A66")
def test_looking_at_the_state_starts_the_time_out_over(clock):
    server = Scripted.start(lambda: Ok((), then=2.0))

    clock.advance(1.5)
    assert inspect_state(server) == ()
    clock.advance(1.5)
    assert inspect_state(server) == ()
    clock.advance(2.0)

    assert state_of(server) == (IdleTimeout(),)


@rule("A65")
def test_a_server_that_has_ended_leaves_no_time_out_behind(clock):
    server = Scripted.start(lambda: Ok((), then=60.0))

    server.stop()

    assert clock._pending() == 0


@rule("A65")
def test_the_time_out_of_a_killed_server_does_nothing(clock):
    server = Scripted.start(lambda: Ok((), then=2.0))
    server.kill()
    ended(server)

    clock.advance(2.0)

    assert server.is_alive() is False


@rule("A65")
def test_a_server_that_is_killed_while_idle_leaves_no_time_out_behind(clock):
    server = Scripted.start(returning(Ok((), 3600.0)))
    clock.await_timers()

    server.kill()
    ended(server)

    assert clock._pending() == 0
