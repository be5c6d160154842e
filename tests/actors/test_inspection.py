"""Looking inside an actor: what it is doing, what it holds, what happens in it."""

from __future__ import annotations

import time

import pykka
import pytest

from actors import (
    Actor,
    ActorDied,
    CallTimeout,
    Crashed,
    Deadlock,
    GenServer,
    Handling,
    IdleTimeout,
    NoReply,
    Normal,
    Ok,
    Reply,
    Traced,
    adopt,
    exit,
    info,
    inspect_state,
    link,
    monitor,
    named,
    now,
    telemetry,
    trace,
    trap_exit,
)
from tests.support import CAP, Gate, Probe, crash, ended, received

rule = pytest.mark.rule


class Blocker(Probe):
    """A probe that blocks its own thread."""

    runs_on = "thread"


class Counter(Actor):
    def __init__(self):
        self.count = 0
        self._secret = 1

    def on_receive(self, message):
        self.count += 1


class Server(GenServer[int]):
    def init(self, probe=None):
        self.probe = probe
        return Ok(0)

    def handle_call(self, request, sender, state):
        return Reply(state, state + 1, then=request)

    def handle_info(self, message, state):
        self.probe.tell((message, now()))
        return NoReply(state)


class Plain(pykka.ThreadingActor):
    def __init__(self):
        super().__init__()
        self.count = 0

    def on_receive(self, message):
        return message()


# info


def test_an_idle_actor_shows_what_it_is(runs_on):
    probe = Probe.options(name="probe").start()
    probe.ask(lambda: None)

    shown = info(probe)

    assert (shown.ref, shown.state, shown.exit_reason, shown.name) == (probe, "alive", None, "probe")
    assert (shown.parent, shown.runs_on, shown.trap_exit) == (None, runs_on, False)
    assert (shown.links, shown.monitors, shown.monitored_by) == ((), (), ())
    assert shown.mailbox_length == 0


def test_an_actor_shows_its_relations():
    parent, other = Probe.start(), Probe.options(name="other").start()
    child = parent.ask(Probe.start_link)
    child.ask(lambda: (trap_exit(True), link(other), monitor(named("other")), monitor(other)))
    parent.ask(lambda: monitor(child))

    shown = info(child)

    assert (shown.parent, shown.trap_exit) == (parent, True)
    assert set(shown.links) == {parent, other}
    assert set(shown.monitors) == {named("other"), other}
    assert shown.monitored_by == (parent,)
    assert info(other).monitored_by == (child, child)


def test_a_busy_actor_shows_what_waits_and_what_it_handles(clock):
    gate = Gate()
    blocker = Blocker.start()
    blocker.ask(lambda: None)
    blocker.tell(gate.pass_through)
    gate.await_arrival()
    blocker.tell("waits")
    clock.advance(7.0)

    first = info(blocker)
    clock.advance(7.0)
    second = info(blocker)
    gate.open()

    assert (first.mailbox_length, first.messages_handled) == (1, 1)
    assert first.handling == Handling(type(gate.pass_through), 1007.0, exact=False)
    assert second.handling == first.handling


@pytest.mark.parametrize("look_on", ["trace", "telemetry"])
def test_of_an_actor_that_somebody_looks_at_the_time_of_a_handler_is_exact(clock, look_on):
    gate = Gate()
    blocker = Blocker.start()
    if look_on == "trace":
        trace(blocker, lambda event: None)
    else:
        telemetry.attach("mine", ("pykka_otp", "message", "stop"), lambda *_: None)
    blocker.tell(gate.pass_through)
    gate.await_arrival()
    clock.advance(7.0)

    shown = info(blocker)
    gate.open()

    assert shown.handling == Handling(type(gate.pass_through), 1000.0, exact=True)
    blocker.ask(lambda: None)
    assert info(blocker).handling is None


def test_a_handled_message_is_shown_as_it_was_sent():
    gate = Gate()

    class Blocking(GenServer[None]):
        runs_on = "thread"

        def init(self):
            return Ok(None)

        def handle_cast(self, request, state):
            gate.pass_through()
            return NoReply(state)

    server = Blocking.start()
    server.cast(12)
    gate.await_arrival()

    shown = info(server)
    gate.open()

    assert shown.handling.message_type is int


def test_the_watchdog_sees_since_when_and_how_long_a_shared_actor_works(monkeypatch):
    monkeypatch.setattr(Probe, "runs_on", "shared")
    gate = Gate()
    probe = Probe.start()

    def work():
        sampled = probe._process
        deadline = time.monotonic() + CAP
        while sampled.sample is None or sampled.sample.seconds < 0.03:
            assert time.monotonic() < deadline, "the watchdog does not look"
        gate.pass_through()

    began = probe._process.runtime.clock.now()
    probe.tell(work)
    gate.await_arrival()
    shown = info(probe)
    gate.open()

    assert (shown.seconds_from, shown.handling.exact) == ("samples", False)
    assert shown.seconds >= 0.03
    assert began <= shown.handling.since <= probe._process.runtime.clock.now()


def test_the_time_of_an_actor_with_its_own_thread_is_that_threads():
    probe = Blocker.start()

    def work():
        began = time.thread_time()
        while time.thread_time() < began + 0.02:
            pass

    probe.ask(work)
    shown = info(probe)

    assert shown.seconds_from == "cpu clock"
    assert shown.seconds >= 0.02


def test_a_dead_actor_shows_how_it_ended():
    probe = Probe.options(name="probe").start()
    probe.tell(crash)
    ended(probe)

    shown = info(probe)

    assert (shown.state, shown.exit_reason, shown.name) == ("gone", Crashed(ValueError("boom")), None)
    assert (shown.handling, shown.links, shown.mailbox_length) == (None, (), 0)


def test_an_actor_that_was_killed_in_a_handler_shows_what_it_is_still_doing():
    gate = Gate()
    blocker = Blocker.start()
    blocker.tell(gate.pass_through)
    gate.await_arrival()
    blocker.kill()

    shown = info(blocker)
    gate.open()

    assert shown.state == "abandoned"
    assert shown.handling.message_type is type(gate.pass_through)


def test_a_plain_pykka_actor_shows_what_is_known_of_it():
    plain = Plain.start()
    gate = Gate()
    adopted = adopt(plain)
    plain.tell(gate.pass_through)
    gate.await_arrival()

    shown = info(plain)
    gate.open()
    plain.stop()

    assert (shown.ref, shown.state, shown.runs_on) == (adopted, "alive", "thread")
    assert shown.handling.message_type is type(gate.pass_through)
    assert (shown.seconds, shown.seconds_from) == (None, None)


def test_a_plain_pykka_actor_that_is_no_more_has_nothing_to_show():
    plain = Plain.start()
    plain.stop()

    with pytest.raises(ActorDied):
        info(plain)


# inspect_state


def test_an_actors_state_is_its_public_attributes():
    counter = Counter.start()
    counter.tell("one")
    counter.tell("two")

    assert inspect_state(counter) == {"count": 2}


def test_a_servers_state_is_its_state():
    server = Server.start()
    server.call(None)

    assert inspect_state(server) == 1


def test_a_plain_pykka_actor_can_be_inspected():
    plain = Plain.start()

    shown = inspect_state(plain)
    plain.stop()

    assert shown == {"count": 0}


def test_inspecting_takes_its_turn_in_the_mailbox(clock):
    gate = Gate()
    blocker = Blocker.start()
    blocker.tell(gate.pass_through)
    gate.await_arrival()

    with pytest.raises(CallTimeout):
        inspect_state(blocker, timeout=0)

    gate.open()


def test_a_dead_actor_has_no_state():
    probe = Probe.start()
    probe.stop()

    with pytest.raises(ActorDied):
        inspect_state(probe)


def test_an_actor_does_not_wait_for_its_own_state():
    probe = Probe.start()

    with pytest.raises(Deadlock):
        probe.ask(lambda: inspect_state(probe))


@rule("A66")
def test_inspecting_a_server_starts_its_idle_time_over(clock):
    probe = Probe.start()
    server = Server.start(probe)
    server.call(10.0)

    clock.advance(9.0)
    inspect_state(server)
    clock.advance(9.0)
    inspect_state(server)
    clock.advance(10.0)

    assert received(probe) == (IdleTimeout(), 1028.0)


# trace


def test_a_trace_tells_of_messages_as_they_are_received_and_handled(clock):
    events = []
    probe = Probe.start()

    def work():
        clock.advance(2.0)

    trace(probe, events.append)
    probe.ask(work)

    assert events == [
        Traced(probe, "received", 1000.0, work),
        Traced(probe, "handled", 1002.0, work, seconds=2.0),
    ]


def test_a_trace_tells_of_a_failure_and_of_the_end(clock):
    events = []
    probe = Probe.start()

    trace(probe, events.append)
    probe.tell(crash)
    ended(probe)

    assert events == [
        Traced(probe, "received", 1000.0, crash),
        Traced(probe, "failed", 1000.0, crash, 0.0, Crashed(ValueError("boom"))),
        Traced(probe, "ended", 1000.0, reason=Crashed(ValueError("boom"))),
    ]


def test_a_trace_tells_of_an_exit_with_its_reason(clock):
    events = []
    probe = Probe.start()

    trace(probe, events.append)
    probe.tell(lambda: exit("why"))
    ended(probe)

    assert [(event.event, event.reason) for event in events] == [
        ("received", None),
        ("failed", "why"),
        ("ended", "why"),
    ]


def test_a_trace_tells_of_a_message_that_was_cast_as_it_was_cast():
    class Casting(Server):
        def handle_cast(self, request, state):
            return NoReply(state)

    events = []
    server = Casting.start()

    trace(server, events.append)
    server.cast("hello")
    server.stop()

    assert [(event.event, event.message) for event in events] == [
        ("received", "hello"),
        ("handled", "hello"),
        ("ended", None),
    ]


def test_an_actor_may_be_told_of_another():
    listener, probe = Probe.start(), Probe.start()

    trace(probe, listener)
    probe.tell("hello")
    probe.stop()

    assert [received(listener).event for _ in range(3)] == ["received", "handled", "ended"]


def test_two_actors_that_trace_each_other_do_not_chase_their_tails():
    first, second = Probe.start(), Probe.start()
    trace(first, second)
    trace(second, first)

    def look():
        return None

    first.tell("hello")
    assert [received(second).message for _ in range(2)] == ["hello", "hello"]
    second.ask(look)

    assert received(first) == "hello"
    assert [received(first).message for _ in range(2)] == [look, look]


def test_a_cancelled_trace_tells_nothing_more():
    events = []
    probe = Probe.start()
    look = trace(probe, events.append)

    look.cancel()
    look.cancel()
    probe.ask(lambda: None)

    assert events == []
    assert probe._process.observer is None


def test_traces_of_one_actor_do_not_end_one_another():
    first, second = [], []
    probe = Probe.start()
    look = trace(probe, first.append)
    trace(probe, second.append)

    look.cancel()
    probe.ask(lambda: None)

    assert (len(first), len(second)) == (0, 2)


@pytest.mark.parametrize("fail", [crash, lambda: exit("why"), lambda: (_ for _ in ()).throw(SystemExit(1)).__next__()])
def test_a_listener_that_raises_is_removed_and_logged_and_harms_nobody(fail, caplog):
    events = []

    def bad(event):
        events.append(event)
        fail()

    probe = Probe.start()
    trace(probe, bad)

    assert probe.ask(lambda: "answer") == "answer"
    assert probe.ask(lambda: "answer") == "answer"

    assert [event.event for event in events] == ["received"]
    [record] = [record for record in caplog.records if record.name == "pykka_otp.trace"]
    assert (record.levelname, record.getMessage()) == (
        "ERROR",
        "a listener of a trace of Probe failed, and is removed",
    )


def test_a_listener_that_has_ended_is_removed():
    listener, probe = Probe.start(), Probe.start()
    trace(probe, listener)
    listener.stop()

    probe.ask(lambda: None)

    assert probe._process.observer is None


def test_a_listener_is_called_in_the_actors_own_code():
    probe, other = Probe.start(), Probe.start()
    answers = []

    trace(probe, lambda event: answers.append(other.ask(lambda: event.event)))
    probe.ask(lambda: None)

    assert answers == ["received", "handled"]


def test_a_plain_pykka_actor_can_be_traced():
    events = []
    plain = Plain.start()

    trace(plain, events.append)
    plain.ask(lambda: None)
    plain.stop()
    ended(events[0].ref)

    assert [event.event for event in events] == ["received", "handled", "ended"]


def test_an_actor_that_has_ended_can_not_be_traced():
    probe = Probe.start()
    probe.stop()

    with pytest.raises(ActorDied):
        trace(probe, print)


def test_a_trace_of_an_actor_that_is_killed_while_idle_tells_of_its_end():
    events = []
    probe = Probe.start()
    probe.ask(lambda: None)

    trace(probe, events.append)
    probe.kill()
    ended(probe)

    assert [event.event for event in events] == ["ended"]


def test_a_traced_actor_that_stops_by_itself_ends_normally():
    events = []
    probe = Probe.start()

    trace(probe, events.append)
    probe.stop()

    assert [(event.event, event.reason) for event in events] == [("ended", Normal())]
