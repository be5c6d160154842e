"""Events, and who listens to them; those that the runtime itself emits."""

from __future__ import annotations

import logging
import re
import threading
from pathlib import Path

import pytest

from actors import (
    Actor,
    ActorDied,
    AlreadyAttached,
    Crashed,
    GenServer,
    Killed,
    NoReply,
    Normal,
    Ok,
    Runtime,
    Shutdown,
    Stop,
    UnknownHandler,
    current_actor,
    exit,
    sleep,
    telemetry,
)
from tests.support import Probe, crash, ended, received

rule = pytest.mark.rule

REQUEST = ("shop", "request")
FAILURE = ("telemetry", "handler", "failure")
ACTOR_EVENTS = [("pykka_otp", "actor", end) for end in ("start", "stop", "exception")]
MESSAGE_EVENTS = [("pykka_otp", "message", end) for end in ("start", "stop", "exception")]


class Told:
    """Keeps what a handler was told."""

    def __init__(self, *events):
        self.events = []
        telemetry.attach_many(self, events, self.listen)

    def listen(self, event, measurements, metadata, config):
        self.events.append((event, measurements, metadata))

    @property
    def names(self):
        return [event for event, _, _ in self.events]

    def only(self):
        [event] = self.events
        return event


def fail(event, measurements, metadata, config):
    raise ValueError(config)


# Handlers


@rule("G1")
def test_a_handler_gets_the_event_its_measurements_its_metadata_and_its_config():
    calls = []
    telemetry.attach("mine", REQUEST, lambda *args: calls.append(args), "config")

    telemetry.execute(REQUEST, {"bytes": 3}, {"user": 7})

    assert calls == [(REQUEST, {"bytes": 3}, {"user": 7}, "config")]


@rule("G1")
def test_an_id_is_attached_once_whatever_the_event():
    telemetry.attach("mine", REQUEST, fail)

    with pytest.raises(AlreadyAttached, match="'mine' is attached already") as caught:
        telemetry.attach("mine", ("another",), fail)
    assert caught.value.handler_id == "mine"


@rule("G1")
def test_a_detached_handler_is_told_nothing_more():
    told = Told(REQUEST, ("another",))

    telemetry.detach(told)
    telemetry.execute(REQUEST)
    telemetry.execute(("another",))

    assert told.events == []


@rule("G1")
def test_detaching_what_is_not_attached_is_an_error():
    with pytest.raises(UnknownHandler, match="no telemetry handler 'mine'"):
        telemetry.detach("mine")


@rule("G1")
@pytest.mark.parametrize("event", [(), "shop", ["shop"], ("shop", 1)])
def test_the_name_of_an_event_is_a_tuple_of_strings(event):
    with pytest.raises(ValueError, match="non-empty tuple of strings"):
        telemetry.attach("mine", event, fail)
    with pytest.raises(ValueError, match="non-empty tuple of strings"):
        telemetry.span(event)


@rule("G1")
def test_one_handler_listens_to_several_events():
    told = Told(REQUEST, ("another",), REQUEST)

    telemetry.execute(("another",))
    telemetry.execute(REQUEST)

    assert told.names == [("another",), REQUEST]


@rule("G2")
@pytest.mark.parametrize("event", [("shop",), ("shop", "request", "stop"), ("request",), ("shop", "requests")])
def test_only_the_whole_name_counts(event):
    told = Told(REQUEST)

    telemetry.execute(event)

    assert told.events == []


@rule("G2")
def test_handlers_have_run_in_the_emitting_thread_when_execute_returns():
    threads = []
    for number in range(2):
        telemetry.attach(number, REQUEST, lambda *_: threads.append(threading.current_thread()))

    telemetry.execute(REQUEST)

    assert threads == [threading.current_thread()] * 2


@rule("G2")
def test_a_handler_runs_in_the_actor_that_emits():
    callers = []
    probe = Probe.start()
    telemetry.attach("mine", REQUEST, lambda *_: callers.append(current_actor()))

    probe.ask(lambda: telemetry.execute(REQUEST))

    assert callers == [probe]


def test_handlers_belong_to_one_runtime():
    told = Told(REQUEST)

    with Runtime():
        telemetry.execute(REQUEST)

    assert told.events == []


# Handlers that fail


@rule("G3")
def test_a_handler_that_fails_is_detached_from_all_its_events_and_harms_nobody(caplog):
    telemetry.attach_many("bad", [REQUEST, ("another",)], fail, "boom")
    told = Told(REQUEST, ("another",))

    telemetry.execute(REQUEST)
    telemetry.execute(("another",))

    assert told.names == [REQUEST, ("another",)]
    with pytest.raises(UnknownHandler):
        telemetry.detach("bad")
    [record] = [record for record in caplog.records if record.name == "pykka_otp.telemetry"]
    assert (record.levelname, record.handler_id, record.event_name) == ("ERROR", "bad", REQUEST)
    assert record.exc_info[1].args == ("boom",)


@rule("G3")
def test_the_failure_of_a_handler_is_an_event():
    told = Told(FAILURE)
    telemetry.attach("bad", REQUEST, fail, "boom")

    telemetry.execute(REQUEST)

    _, measurements, metadata = told.only()
    assert set(measurements) == {"monotonic_time", "system_time"}
    stacktrace, reason = metadata.pop("stacktrace"), metadata.pop("reason")
    assert metadata == {"event_name": REQUEST, "handler_id": "bad", "handler_config": "boom", "kind": "error"}
    assert (type(reason), reason.args) == (ValueError, ("boom",))
    assert stacktrace is reason.__traceback__


@rule("G3")
@pytest.mark.parametrize("error", [SystemExit(1), GeneratorExit()])
def test_a_handler_that_wants_to_end_it_all_only_ends_itself(error):
    def end_it_all(*_):
        raise error

    told = Told(FAILURE)
    telemetry.attach("bad", REQUEST, end_it_all)

    telemetry.execute(REQUEST)

    assert told.only()[2]["reason"] is error


@rule("G3")
def test_a_handler_that_exits_does_not_end_the_actor_that_emits():
    told = Told(FAILURE)
    telemetry.attach("bad", REQUEST, lambda *_: exit("why"))
    probe = Probe.start()

    probe.ask(lambda: telemetry.execute(REQUEST))

    assert probe.is_alive()
    assert (told.only()[2]["kind"], told.only()[2]["reason"]) == ("exit", "why")


@rule("G3")
def test_a_handler_of_failures_that_fails_ends_there():
    telemetry.attach("worse", FAILURE, fail)
    told = Told(FAILURE)
    telemetry.attach("bad", REQUEST, fail)

    telemetry.execute(REQUEST)

    assert sorted(metadata["handler_id"] for _, _, metadata in told.events) == ["bad", "worse"]


def test_a_handler_that_meets_the_kill_of_its_actor_stays():
    probe = Probe.start()
    calls = []

    def meet_the_kill(*_):
        calls.append("called")
        probe.kill()
        sleep(0)

    telemetry.attach("mine", REQUEST, meet_the_kill)
    probe.tell(lambda: telemetry.execute(REQUEST))
    ended(probe)

    assert calls == ["called"]
    telemetry.detach("mine")


# Spans


@rule("G4", "G5")
def test_a_span_tells_of_its_start_and_its_stop(clock):
    told = Told((*REQUEST, "start"), (*REQUEST, "stop"), (*REQUEST, "exception"))

    with telemetry.span(REQUEST, {"user": 7}) as span:
        clock.advance(1.5)
        span.metadata["rows"] = 3
        span.measurements["bytes"] = 10

    [(start, begun, start_metadata), (stop, done, stop_metadata)] = told.events
    assert (start, stop) == ((*REQUEST, "start"), (*REQUEST, "stop"))
    assert begun["monotonic_time"] == 1000_000_000_000
    assert begun["system_time"] > 1_600_000_000_000_000_000
    assert done == {"duration": 1_500_000_000, "monotonic_time": 1001_500_000_000, "bytes": 10}
    context = start_metadata.pop("telemetry_span_context")
    assert stop_metadata.pop("telemetry_span_context") is context
    assert (start_metadata, stop_metadata) == ({"user": 7}, {"rows": 3})


@rule("G4")
def test_further_measurements_do_not_hide_the_duration(clock):
    told = Told((*REQUEST, "stop"))

    with telemetry.span(REQUEST) as span:
        span.measurements.update(duration=-1, monotonic_time=-1)

    assert told.only()[1] == {"duration": 0, "monotonic_time": 1000_000_000_000}


@rule("G4", "G5")
def test_a_span_that_raises_tells_of_the_exception_and_raises_on(clock):
    told = Told((*REQUEST, "start"), (*REQUEST, "stop"), (*REQUEST, "exception"))

    with pytest.raises(ValueError, match="boom") as caught, telemetry.span(REQUEST, {"id": 1}) as span:
        clock.advance(2.0)
        span.metadata["rows"] = 3
        crash()

    [(_, _, start_metadata), (event, measurements, metadata)] = told.events
    assert event == (*REQUEST, "exception")
    assert measurements == {"duration": 2_000_000_000, "monotonic_time": 1002_000_000_000}
    assert metadata.pop("stacktrace") is not None
    assert metadata == {**start_metadata, "kind": "error", "reason": caught.value}


@rule("G5")
def test_each_span_has_a_context_of_its_own_unless_given_one():
    told = Told((*REQUEST, "start"))

    for metadata in ({}, {}, {"telemetry_span_context": "mine"}):
        with telemetry.span(REQUEST, metadata):
            pass

    contexts = [metadata["telemetry_span_context"] for _, _, metadata in told.events]
    assert contexts[2] == "mine"
    assert len(set(contexts)) == 3


@rule("G5")
def test_a_kill_within_a_span_ends_it_without_an_event():
    told = Told((*REQUEST, "start"), (*REQUEST, "stop"), (*REQUEST, "exception"))
    probe = Probe.start()

    def killed_within():
        with telemetry.span(REQUEST):
            probe.kill()
            sleep(0)

    probe.tell(killed_within)
    ended(probe)

    assert told.names == [(*REQUEST, "start")]


# The runtime's own events


@rule("G6")
def test_an_orderly_life_is_a_span(clock):
    told = Told(*ACTOR_EVENTS)

    probe = Probe.options(name="probe").start()
    clock.advance(3.0)
    probe.stop(reason=Shutdown("done"))
    ended(probe)

    [(start, begun, at_start), (stop, done, at_stop)] = told.events
    assert (start, set(begun)) == (("pykka_otp", "actor", "start"), {"monotonic_time", "system_time"})
    assert at_start == {"actor": probe, "actor_class": Probe, "name": "probe", "parent": None}
    assert (stop, done["duration"]) == (("pykka_otp", "actor", "stop"), 3_000_000_000)
    assert at_stop == {**at_start, "reason": Shutdown("done")}


@rule("G6")
def test_a_life_that_ends_badly_is_an_exception():
    told = Told(("pykka_otp", "actor", "exception"))

    crashed, killed, gave_up = Probe.start(), Probe.start(), Probe.start()
    crashed.tell(crash)
    ended(crashed)
    killed.kill()
    ended(killed)
    gave_up.tell(lambda: exit("why"))
    ended(gave_up)

    shown = [(metadata["actor"], metadata["kind"], metadata["reason"]) for _, _, metadata in told.events]
    assert shown == [
        (crashed, "error", Crashed(ValueError("boom"))),
        (killed, "exit", Killed()),
        (gave_up, "exit", "why"),
    ]
    assert [metadata["stacktrace"] is None for _, _, metadata in told.events] == [False, True, True]


@rule("G6")
def test_of_a_life_that_began_before_anybody_listened_only_the_duration_is_unknown():
    probe = Probe.start()
    told = Told(*ACTOR_EVENTS)

    probe.stop()
    ended(probe)

    event, measurements, metadata = told.only()
    assert (event, set(measurements)) == (("pykka_otp", "actor", "stop"), {"monotonic_time"})
    assert metadata["reason"] == Normal()


def test_a_child_says_who_its_parent_is():
    told = Told(("pykka_otp", "actor", "start"))
    parent = Probe.start()

    child = parent.ask(Probe.start_link)

    assert [(metadata["actor"], metadata["parent"]) for _, _, metadata in told.events] == [
        (parent, None),
        (child, parent),
    ]


def test_an_actor_that_fails_in_its_init_has_a_life_too():
    class Stillborn(Actor):
        def __init__(self):
            crash()

    told = Told(*ACTOR_EVENTS)

    with pytest.raises(ValueError, match="boom"):
        Stillborn.start()

    assert [event[-1] for event in told.names] == ["start", "exception"]


@rule("G6")
def test_a_handled_message_is_a_span(clock):
    told = Told(*MESSAGE_EVENTS)
    probe = Probe.start()

    def work():
        clock.advance(0.25)

    probe.ask(work)

    [(start, begun, at_start), (stop, done, at_stop)] = told.events
    assert (start, stop) == (("pykka_otp", "message", "start"), ("pykka_otp", "message", "stop"))
    assert set(begun) == {"monotonic_time", "system_time"}
    assert done == {"duration": 250_000_000, "monotonic_time": 1000_250_000_000}
    assert at_start == at_stop
    assert (at_start["actor"], at_start["message"]) == (probe, work)


@rule("G6")
def test_a_message_that_fails_is_an_exception():
    told = Told(*MESSAGE_EVENTS)
    probe = Probe.start()

    with pytest.raises(ValueError, match="boom"):
        probe.ask(crash)

    [(_, _, at_start), (event, measurements, metadata)] = told.events
    assert (event, set(measurements)) == (("pykka_otp", "message", "exception"), {"duration", "monotonic_time"})
    assert (metadata["kind"], metadata["reason"].args) == ("error", ("boom",))
    assert metadata["telemetry_span_context"] is at_start["telemetry_span_context"]


def test_a_handler_that_ends_its_actor_in_order_has_not_failed():
    class Server(GenServer[None]):
        def init(self):
            return Ok(None)

        def handle_cast(self, reason, state):
            return Stop(reason)

    told = Told(*MESSAGE_EVENTS)
    orderly, other = Server.start(), Server.start()

    orderly.cast(Shutdown())
    ended(orderly)
    other.cast("why")
    ended(other)

    assert [event[-1] for event in told.names] == ["start", "stop", "start", "exception"]
    assert [metadata["message"] for _, _, metadata in told.events] == [Shutdown(), Shutdown(), "why", "why"]


def test_an_async_handler_is_a_span_until_it_has_ended(clock):
    class Async(Actor):
        async def on_receive(self, message):
            clock.advance(message)

    told = Told(("pykka_otp", "message", "stop"))

    Async.start().ask(4.0)

    assert told.only()[1]["duration"] == 4_000_000_000


@rule("G5")
def test_a_handler_that_is_killed_has_no_end():
    told = Told(*MESSAGE_EVENTS)
    probe = Probe.start()

    def be_killed():
        probe.kill()
        sleep(0)

    probe.tell(be_killed)
    ended(probe)

    assert told.names == [("pykka_otp", "message", "start")]


def test_an_actor_that_lives_is_listened_to_from_now_on_and_until_then():
    probe = Probe.start()
    probe.ask(lambda: None)

    told = Told(*MESSAGE_EVENTS)
    probe.ask(lambda: None)
    telemetry.detach(told)
    probe.ask(lambda: None)

    assert [event[-1] for event in told.names] == ["start", "stop"]


@pytest.mark.threads
def test_nobody_looks_on_at_an_actor_that_nobody_listens_to():
    probe = Probe.start()
    assert probe._process.observer is None

    told = Told(*ACTOR_EVENTS)
    assert probe._process.observer is not None

    telemetry.detach(told)
    assert probe._process.observer is None
    assert Probe.start()._process.observer is None


def test_a_handler_that_fails_while_an_actor_ends_does_not_hold_up_its_end():
    telemetry.attach("bad", ("pykka_otp", "actor", "stop"), fail)
    watcher, probe = Probe.start(), Probe.start()

    assert probe.stop()

    with pytest.raises(ActorDied):
        probe.tell("late")
    assert watcher.is_alive()


def test_the_page_names_the_events_that_there_are():
    page = Path(__file__).resolve().parents[2].joinpath("docs", "telemetry.md").read_text()

    named = {tuple(re.findall(r'"(\w+)"', row)) for row in re.findall(r"^\| `\((.+?)\)`", page, re.MULTILINE)}

    assert named == {*ACTOR_EVENTS, *MESSAGE_EVENTS, FAILURE}


# Reports


@rule("G11")
@pytest.mark.parametrize("reason", [Normal(), Shutdown(), Shutdown("detail")])
def test_an_orderly_end_reports_nothing(reason, caplog):
    class Server(GenServer[None]):
        def init(self):
            return Ok(None)

    probe, server = Probe.start(), Server.start()

    probe.stop(reason=reason)
    server.stop(reason=reason)

    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@rule("G11")
def test_the_report_of_a_crash_carries_the_exception(caplog):
    probe = Probe.start()

    probe.tell(crash)
    ended(probe)

    [record] = [record for record in caplog.records if record.name == "pykka_otp.crash"]
    assert record.exc_info[1].args == ("boom",)
    assert (record.actor, record.reason) == ("Probe", Crashed(ValueError("boom")))


@rule("G12")
def test_a_message_that_a_server_does_not_handle_is_logged_and_ends_nobody(caplog):
    class Server(GenServer[str]):
        def init(self):
            return Ok("state")

        def handle_cast(self, probe, state):
            probe.tell(state)
            return NoReply(state)

    server, probe = Server.options(name="server").start(), Probe.start()

    server.tell("what?")
    server.cast(probe)

    assert received(probe) == "state"
    [record] = [record for record in caplog.records if record.name == "pykka_otp.gen_server"]
    assert record.levelname == "ERROR"
    assert (record.actor, record.actor_name, record.unhandled) == ("Server", "server", "what?")
