"""Looking inside an actor: what it is doing, what it holds, what happens in it."""

from __future__ import annotations

import time

import pykka
import pytest
from pykka.messages import ProxyCall

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
    Queue,
    Reply,
    Traced,
    Worker,
    adopt,
    exit,
    info,
    inspect_state,
    link,
    monitor,
    named,
    now,
    stash,
    telemetry,
    trace,
    trap_exit,
)
from actors._future import Future
from actors.testing import settle
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
    probe = Probe.start()
    probe.ask(lambda: None)
    probe.tell(gate.pass_through)
    gate.await_arrival()
    probe.tell("waits")
    clock.advance(7.0)

    shown = info(probe)
    gate.open()

    assert (shown.mailbox_length, shown.messages_handled) == (1, 1)
    assert (shown.handling.handler, shown.handling.message) == ("on_receive", gate.pass_through)


class SlowToEnd(Probe):
    def on_stop(self):
        self.gate.pass_through()

    def on_failure(self, *_exc_info):
        self.gate.pass_through()


@pytest.mark.parametrize("end", ["stop", "signal", "crash"])
def test_one_that_ends_handles_nothing(end, gate):
    probe = SlowToEnd.start()
    probe._process.actor.gate = gate
    match end:
        case "stop":
            probe.stop(block=False)
        case "signal":
            probe.exit("boom")
        case "crash":
            probe.tell(crash)
    gate.await_arrival()

    shown = info(probe)

    assert (shown.state, shown.handling) == ("dead", None)


def test_an_actors_own_thread_knows_since_when_it_works_at_what_has_woken_it(clock):
    gate = Gate()
    blocker = Blocker.start()
    blocker.ask(lambda: None)
    clock.advance(5.0)
    settle()
    blocker.tell(gate.pass_through)
    gate.await_arrival()
    clock.advance(7.0)

    shown = info(blocker)
    gate.open()

    assert (shown.handling.since, shown.handling.exact) == (1005.0, False)


def test_what_an_actor_came_to_later_is_shown_since_the_first_look(clock):
    gates = [Gate(), Gate()]
    blocker = Blocker.start()
    for gate in gates:
        blocker.tell(gate.pass_through)
    gates[0].await_arrival()
    clock.advance(3.0)
    gates[0].open()
    gates[1].await_arrival()
    clock.advance(7.0)

    first = info(blocker)
    clock.advance(7.0)
    second = info(blocker)
    gates[1].open()

    assert (first.handling.since, first.handling.exact) == (1010.0, False)
    assert second.handling == first.handling


def test_an_actor_that_waits_in_its_handler_is_shown_since_the_first_look(clock, monkeypatch):
    monkeypatch.setattr(Probe, "runs_on", "shared")
    release = Future()
    probe = Probe.start()
    probe.tell(release.get)
    settle()
    clock.advance(7.0)

    first = info(probe)
    clock.advance(7.0)
    second = info(probe)
    release.set(None)

    assert (first.handling.message, first.handling.since) == (release.get, 1007.0)
    assert second.handling == first.handling


def test_a_busy_actor_shows_what_is_put_aside_and_who_waits_for_room():
    class Stashing(Probe):
        def on_receive(self, message):
            if not callable(message):
                stash()
                return None
            return super().on_receive(message)

    release = Future()
    stashing, teller, asker = Stashing.options(max_mailbox=2).start(), Probe.start(), Probe.start()
    stashing.tell("aside")
    settle()
    stashing.tell(release.get)
    settle()
    stashing.tell("aside too")
    stashing.tell(lambda: None)
    teller.tell(lambda: stashing.tell(lambda: None))
    answer = asker.ask(lambda: stashing.ask(lambda: "answer"), block=False)
    settle()

    shown = info(stashing)
    release.set(None)

    assert (shown.mailbox_length, shown.messages_stashed, shown.senders_waiting) == (2, 1, 2)
    assert answer.get() == "answer"
    shown = info(stashing)
    assert (shown.mailbox_length, shown.messages_stashed, shown.senders_waiting) == (0, 2, 0)


class Handlers(Counter):
    """Stands at a gate in its handlers."""

    def __init__(self, gate):
        super().__init__()
        self.gate = gate

    def on_receive(self, message):
        self.gate.pass_through()

    def louder(self, by):
        self.gate.pass_through()


class ServerHandlers(GenServer[Gate]):
    def init(self, gate):
        return Ok(gate)

    def handle_call(self, request, sender, gate):
        gate.pass_through()
        return Reply(None, gate)

    def handle_cast(self, request, gate):
        gate.pass_through()
        return NoReply(gate)

    handle_info = handle_cast


class EventHandler(Worker):
    def __init__(self, queue, gate):
        super().__init__(queue)
        self._gate = gate

    def handle_event(self, event):
        self._gate.pass_through()


class BatchHandler(EventHandler):
    handle_events = EventHandler.handle_event


@pytest.mark.parametrize(
    ("actor_class", "send", "handler", "message"),
    [
        (Handlers, lambda ref: ref.tell("hello"), "on_receive", "hello"),
        (Handlers, lambda ref: ref.proxy().louder(5), "louder", ProxyCall(("louder",), (5,), {})),
        (ServerHandlers, lambda ref: ref.ask("hello", block=False), "handle_call", "hello"),
        (ServerHandlers, lambda ref: ref.cast("hello"), "handle_cast", "hello"),
        (ServerHandlers, lambda ref: ref.tell("hello"), "handle_info", "hello"),
        (EventHandler, lambda _: Queue("jobs").put("hello"), "handle_event", ["hello"]),
        (BatchHandler, lambda _: Queue("jobs").put("hello"), "handle_events", ["hello"]),
    ],
)
def test_a_busy_actor_shows_which_handler_is_at_which_message(actor_class, send, handler, message):
    gate = Gate()
    if issubclass(actor_class, Worker):
        jobs = Queue("jobs")
        jobs.start_link()
        ref = actor_class.start(jobs, gate)
    else:
        ref = actor_class.options(runs_on="thread").start(gate)
    send(ref)
    gate.await_arrival()

    shown = info(ref)
    gate.open()

    assert (shown.handling.handler, shown.handling.message) == (handler, message)
    ref.stop()


def test_an_actor_shows_what_it_holds_though_it_does_not_come_to_its_messages():
    gate = Gate()
    counter, server = Handlers.start(gate), ServerHandlers.options(runs_on="thread").start(gate)
    plain = Plain.start()
    server.cast("hello")
    gate.await_arrival()

    assert info(counter).holds == {"count": 0, "gate": gate}
    assert info(server).holds is gate
    assert info(plain).holds == {"count": 0}

    gate.open()
    plain.stop()
    for ref in counter, server:
        ref.stop()
        assert info(ref).holds is None


def test_what_an_actor_holds_is_looked_at_while_it_changes(hasty_threads):
    class Growing(Actor):
        runs_on = "thread"

        def on_receive(self, message):
            for number in range(2000):
                setattr(self, f"attribute_{number % 50}", number)
                if number % 3 == 0:
                    delattr(self, f"attribute_{number % 50}")

    growing = Growing.start()
    answer = growing.ask("grow", block=False)

    sizes = [len(info(growing).holds) for _ in range(200)]

    answer.get()
    assert max(sizes) <= 50


def test_what_an_actor_holds_is_read_without_running_any_code_of_its():
    class Shy(Actor):
        def __init__(self):
            self.__dict__["name"] = "its name"

        @property
        def name(self):
            raise RuntimeError("not to be called")

        @name.setter
        def name(self, name):
            raise RuntimeError("not to be called")

    shy = Shy.start()

    assert info(shy).holds == inspect_state(shy) == {"name": "its name"}


def test_the_repr_of_an_info_does_not_show_what_an_actor_holds():
    server = ServerHandlers.start("x" * 10_000)

    assert len(repr(info(server))) < 1_000


@pytest.mark.parametrize("look_on", ["trace", "telemetry"])
def test_of_an_actor_that_somebody_looks_at_the_time_of_a_handler_is_exact(clock, look_on):
    gate = Gate()
    probe = Probe.start()
    if look_on == "trace":
        trace(probe, lambda event: None)
    else:
        telemetry.attach("mine", ("pykka_otp", "message", "stop"), lambda *_: None)
    probe.tell(gate.pass_through)
    gate.await_arrival()
    clock.advance(7.0)

    shown = info(probe)
    gate.open()

    assert shown.handling == Handling("on_receive", gate.pass_through, 1000.0, exact=True)
    settle()
    assert info(probe).handling is None


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
    probe = Probe.start()
    probe.tell(gate.pass_through)
    gate.await_arrival()
    probe.kill()

    shown = info(probe)
    gate.open()

    assert shown.state == "abandoned"
    assert shown.handling.message == gate.pass_through


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
    assert shown.handling.message == gate.pass_through
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
    probe = Probe.start()
    probe.tell(gate.pass_through)
    gate.await_arrival()

    with pytest.raises(CallTimeout):
        inspect_state(probe, timeout=0)

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
