"""Arguments that can't work are refused where they are given, with what was expected, what came, and what to do."""

from __future__ import annotations

import math
import re
from functools import partial

import pykka
import pytest

from actors import (
    Actor,
    Crashed,
    GenServer,
    Ok,
    Stop,
    Task,
    adopt,
    demonitor,
    exit,
    info,
    inspect_state,
    link,
    monitor,
    named,
    register_name,
    send_after,
    sleep,
    telemetry,
    trace,
    trap_exit,
    unlink,
    unregister_name,
    whereis,
)
from actors.errors import ExitRequest
from tests.support import Probe, TrappingProbe, ended, received_nothing

rule = pytest.mark.rule

TAKE_A_REF = {
    "link": link,
    "unlink": unlink,
    "monitor": monitor,
    "send_after": lambda ref: send_after(ref, "hello", 1),
    "register_name": lambda ref: register_name("cache", ref),
    "adopt": adopt,
    "info": info,
    "inspect_state": inspect_state,
    "trace": lambda ref: trace(ref, print),
}


@pytest.mark.parametrize("function", TAKE_A_REF.values(), ids=TAKE_A_REF)
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (lambda: "cache", "ref must be an actor's ref; got 'cache'; for an actor's name it is named('cache')"),
        (lambda: None, "ref must be an actor's ref; got None"),
        (lambda: Probe, "ref must be an actor's ref; got the class Probe; start it, and take what start() returns"),
        (lambda: Probe.start().proxy(), "it is its actor_ref"),
        (Actor, "it is its actor_ref"),
    ],
    ids=["name", "None", "class", "proxy", "actor"],
)
def test_what_is_no_ref_is_refused(function, given, expected):
    probe = Probe.start()

    with pytest.raises(TypeError, match=re.escape(expected)):
        probe.ask(lambda: function(given()))

    assert whereis("cache") is None


TAKE_A_NAME = {
    "register_name": lambda name: register_name(name, Probe.start()),
    "unregister_name": unregister_name,
    "whereis": whereis,
    "named": named,
    "options": lambda name: Probe.options(name=name),
}


@pytest.mark.parametrize("function", TAKE_A_NAME.values(), ids=TAKE_A_NAME)
def test_what_is_not_hashable_is_no_name(function):
    with pytest.raises(TypeError, match=re.escape("name must be hashable, as a str or a tuple of str; got ['a']")):
        function(["a"])


@rule("A17")
@pytest.mark.parametrize("flag", ["yes", 1, None], ids=repr)
def test_exits_are_trapped_or_not(flag):
    probe = Probe.start()

    with pytest.raises(TypeError, match=f"flag must be True or False; got {flag!r}"):
        probe.ask(lambda: trap_exit(flag))

    assert info(probe).trap_exit is False


@pytest.mark.parametrize("option", ["link", "trap_exit"])
def test_an_option_that_is_a_flag_is_true_or_false(option):
    with pytest.raises(TypeError, match=f"{option} must be True or False; got 'yes'"):
        Probe.options(**{option: "yes"})


def shown(seconds):
    return "huge" if seconds == 10**400 else repr(seconds)


TAKE_SECONDS = {
    "sleep": sleep,
    "send_after": lambda seconds: send_after(Probe.start(), "tick", seconds),
}


@rule("A40")
@pytest.mark.parametrize("function", TAKE_SECONDS.values(), ids=TAKE_SECONDS)
@pytest.mark.parametrize("seconds", [-1, -0.001, math.inf, math.nan, 10**400, "1", True, None], ids=shown)
def test_what_is_no_time_is_refused(function, seconds):
    with pytest.raises(ValueError, match=f"seconds must be a finite number of seconds >= 0; got {seconds!r}"):
        function(seconds)


@pytest.mark.parametrize("call", [lambda ref: ref.ask("up", timeout=10**400), lambda ref: ref.stop(timeout=10**400)])
def test_what_no_clock_can_count_is_no_time_out(call):
    probe = Probe.start()

    with pytest.raises(ValueError, match="timeout must be seconds >= 0, or None to wait for ever; got 1000"):
        call(probe)

    assert probe.is_alive()


def test_whether_a_stop_is_waited_for_is_true_or_false():
    probe = Probe.start()

    with pytest.raises(TypeError, match="block must be True or False; got 'no'"):
        probe.stop(block="no")

    assert probe.is_alive()


@pytest.mark.parametrize("block", [None, 0, 1])
def test_whether_an_answer_is_waited_for_is_true_or_false(block):
    probe, other, told = Probe.start(), Probe.start(), []

    with pytest.raises(TypeError, match=f"block must be True or False; got {block}"):
        probe.ask(lambda: told.append("sent"), block=block)
    with pytest.raises(TypeError, match=f"block must be True or False; got {block}"):
        other.ask(lambda: probe.ask(lambda: told.append("sent"), block=block))

    assert probe.ask(lambda: told) == []


@rule("A100")
def test_whether_a_stream_gives_inputs_with_reasons_is_true_or_false():
    with pytest.raises(TypeError, match="zip_input_on_exit must be True or False; got 3"):
        Task.async_stream([], print, zip_input_on_exit=3)


def test_a_watch_is_what_monitor_returned():
    probe = Probe.start()

    with pytest.raises(TypeError, match="monitor must be what monitor\\(\\) returned; got <ActorRef"):
        probe.ask(lambda: demonitor(probe))


def test_a_listener_is_a_function_or_a_ref(runtime):
    probe = Probe.start()

    for listen in runtime.dead_letters.listen, partial(trace, probe):
        with pytest.raises(TypeError, match="listener must be a function, or an actor's ref; got 3"):
            listen(3)


@rule("G1")
def test_a_telemetry_handler_is_a_function():
    with pytest.raises(TypeError, match="function must be callable, with four arguments; got 3"):
        telemetry.attach("mine", ("shop", "request"), 3)

    telemetry.attach("mine", ("shop", "request"), print)


@rule("G1")
def test_the_id_of_a_telemetry_handler_is_hashable():
    with pytest.raises(
        TypeError, match=re.escape("handler_id must be hashable, as a str or a tuple of str; got ['a']")
    ):
        telemetry.attach(["a"], ("shop", "request"), print)
    with pytest.raises(TypeError, match="handler_id must be hashable"):
        telemetry.detach(["a"])


@rule("G1")
def test_an_event_that_nobody_could_listen_to_is_not_emitted():
    with pytest.raises(ValueError, match="non-empty tuple of strings"):
        telemetry.execute("shop")


GIVE_A_REASON = {
    "exit": lambda _: exit(None),
    "stop": lambda ref: ref.stop(reason=None),
    "stop without waiting": lambda ref: ref.stop(block=False, reason=None),
    "signal": lambda ref: ref.exit(None),
    "ExitRequest": lambda _: ExitRequest(None),
}


@rule("A3")
@pytest.mark.parametrize("function", GIVE_A_REASON.values(), ids=GIVE_A_REASON)
def test_none_is_no_exit_reason(function):
    probe, other = Probe.start(), TrappingProbe.start()

    with pytest.raises(
        ValueError, match=re.escape("reason must not be None, which is the exit_reason of those that live")
    ):
        probe.ask(lambda: function(other))

    assert received_nothing(other)
    assert probe.is_alive()


@rule("A3")
def test_a_server_that_stops_with_none_has_crashed():
    class Server(GenServer[None]):
        def init(self):
            return Ok(None)

        def handle_info(self, message, state):
            return Stop(None)

    server = Server.start()

    server.tell("stop")

    assert isinstance(ended(server).exit_reason, Crashed)
    assert isinstance(server.exit_reason.exception, ValueError)


@pytest.mark.threads
def test_a_plain_pykka_ref_is_a_ref():
    plain = pykka.ThreadingActor.start()

    Probe.start().ask(lambda: unlink(plain))

    assert plain.stop()
