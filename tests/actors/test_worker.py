"""The Worker: what it asks for, what it handles, and how it ends."""

from __future__ import annotations

import threading

import pytest

from actors import (
    AlreadyRegistered,
    Backoff,
    ChildSpec,
    Crashed,
    HandlerTimeout,
    Killed,
    Queue,
    Registry,
    Retry,
    StartFailed,
    UnknownQueue,
    Worker,
    checkpoint,
    whereis,
)
from supervision import Supervisor
from tests.support import CAP, Gate, Probe, ended

rule = pytest.mark.rule


@pytest.fixture
def queue():
    """A queue, started, that tries again at once."""
    made = Queue("jobs", max_attempts=3, backoff=lambda _attempt, _reason: 0.0)
    made.start_link()
    return made


class Batches(Worker):
    """Tells a list which batches it gets."""

    use_daemon_thread = True
    max_demand = 10
    min_demand = 6

    def __init__(self, queue, log, script=lambda _events: None):
        super().__init__(queue)
        self.log, self.script = log, script

    def handle_events(self, events):
        self.log.append(list(events))
        self.script(events)


class Scripted(Worker):
    """Does with an event what a function says."""

    use_daemon_thread = True

    def __init__(self, queue, script):
        super().__init__(queue)
        self.script = script

    def handle_event(self, event):
        self.script(event)


def test_a_worker_without_a_handler_is_refused_at_once(queue):
    class Idle(Worker):
        pass

    with pytest.raises(TypeError, match=r"Idle must override handle_event\(event\), or handle_events\(events\)"):
        Idle(queue)


@rule("E5", "E7", "E12")
@pytest.mark.parametrize("limits", [(0, None), (5, 5), (1, 1), (2, -1)])
def test_a_worker_with_limits_that_cannot_work_is_refused_at_once(limits, queue):
    class Wrong(Scripted):
        max_demand, min_demand = limits

    with pytest.raises(ValueError, match="_demand must be"):
        Wrong(queue, None)
    with pytest.raises(StartFailed):
        Wrong.start_link(queue, None)


def test_an_unknown_way_with_errors_is_refused_at_once(queue):
    class Wrong(Scripted):
        on_error = "ignore"

    with pytest.raises(ValueError, match="on_error must be 'crash' or 'fail'; got 'ignore'"):
        Wrong(queue, None)


@rule("E8", "E11")
def test_a_worker_of_a_queue_never_started_does_not_start():
    with pytest.raises(StartFailed) as failed:
        Scripted.start_link(Queue("nobody"), None)

    assert isinstance(failed.value.__cause__, UnknownQueue)


@rule("E17", "E19", "E47")
def test_batches_are_as_large_as_the_two_limits_say(queue):
    log, gate = [], Gate()
    queue.put_many(range(25))

    Batches.start_link(queue, log, lambda events: gate.pass_through() if events == [24] else None)
    gate.await_arrival()

    assert all(len(batch) <= 4 for batch in log)
    assert [event for batch in log for event in batch] == list(range(25))
    assert queue.stats().in_flight == 1
    gate.open()
    assert queue.join(CAP)


@rule("E16", "E22", "E83")
def test_a_worker_never_has_more_in_hand_than_it_asked_for(queue):
    log, gate = [], Gate()
    queue.put_many(range(25))

    Batches.start_link(queue, log, lambda _events: gate.pass_through())
    gate.await_arrival()

    assert log == [[0, 1, 2, 3]]
    assert (queue.stats().in_flight, queue.stats().ready) == (10, 15)
    gate.open()
    assert queue.join(CAP)


@rule("F2", "F28")
def test_a_crash_in_a_batch_is_a_failed_attempt_of_all_of_it(queue):
    log = []

    def script(_events):
        if len(log) == 1:
            raise ValueError("bad")

    queue.pause()
    queue.put_many(["a", "bad", "c"])
    first = Batches.start(queue, log, script)
    queue.resume()
    ended(first)
    Batches.start(queue, log, script)

    assert queue.join(CAP)
    assert log[0] == ["a", "bad", "c"]
    assert sorted(event for batch in log[1:] for event in batch) == ["a", "bad", "c"]
    assert (queue.stats().failed, queue.stats().acked) == (3, 3)


def test_one_exception_fails_one_event_of_those_in_hand(queue):
    class Several(Scripted):
        max_demand = 3
        min_demand = 0

    handled = []

    def script(event):
        handled.append(event)
        if event == "bad" and handled.count("bad") == 1:
            raise ValueError(event)

    queue.pause()
    queue.put_many(["a", "bad", "c"])
    first = Several.start(queue, script)
    queue.resume()
    ended(first)
    Several.start(queue, script)

    assert queue.join(CAP)
    assert sorted(handled) == ["a", "bad", "bad", "c"]
    assert (queue.stats().failed, queue.stats().acked) == (1, 3)


@rule("F8")
def test_a_batch_may_be_retried_as_a_whole(queue):
    log = []

    def script(_events):
        if len(log) == 1:
            raise Retry(after=0.0)

    queue.pause()
    queue.put_many([1, 2, 3])
    worker = Batches.start_link(queue, log, script)
    queue.resume()

    assert queue.join(CAP)
    assert log == [[1, 2, 3], [1, 2, 3]]
    assert worker.is_alive()


def test_a_system_exit_in_a_handler_ends_this_worker_only(queue):
    handled = []

    def script(event):
        if event == "exit" and "exit" not in handled:
            handled.append(event)
            raise SystemExit(3)
        handled.append(event)

    one = Scripted.start(queue, script)
    queue.put("exit")
    ended(one)
    other = Scripted.start(queue, script)
    queue.put("after")

    assert queue.join(CAP)
    assert one.exit_reason == Crashed(SystemExit(3))
    assert other.is_alive()
    assert sorted(handled) == ["after", "exit", "exit"]


def test_a_shutdown_waits_for_the_event_in_hand_and_begins_no_other(queue):
    gate, handled = Gate(), []

    class Several(Scripted):
        max_demand = 3
        min_demand = 0

    def script(event):
        gate.pass_through()
        handled.append(event)

    queue.pause()
    queue.put_many([1, 2, 3])
    with Supervisor.start_link([(Several, queue, script)], strategy="one_for_one") as supervisor:
        queue.resume()
        gate.await_arrival()
        stopping = supervisor.stop(block=False)
        queue.pause()
        gate.open()
        assert stopping.get(timeout=CAP)
    whereis("jobs").ask("handled what came before")

    assert handled[0] == 1
    assert queue.stats().acked == len(handled)
    assert queue.pending() == [event for event in [1, 2, 3] if event not in handled]


@rule("F9", "F24")
def test_a_hung_handler_is_abandoned_and_its_event_and_key_stay_held(queue, clock, caplog):
    locks = Registry("locks")
    locks.start_link()
    gate, begun = Gate(), []

    class Hanging(Scripted):
        timeout = 30.0

    def script(event):
        locks.register(event)
        begun.append(event)
        if len(begun) == 1:
            gate.pass_through()
            checkpoint()
        locks.unregister(event)

    with Supervisor.start_link([ChildSpec(Hanging, (queue, script), id="w")], strategy="one_for_one") as supervisor:
        hung = supervisor.which_children()[0].child
        queue.put("ada")
        gate.await_arrival()
        clock.advance(29.9)
        assert hung.is_alive()

        clock.advance(0.2)

        assert (hung.state, hung.exit_reason) == ("abandoned", Killed())
        assert supervisor.which_children()[0].child is not hung
        assert queue.stats().in_flight == 1
        with pytest.raises(AlreadyRegistered):
            Probe.start().ask(lambda: locks.register("ada"))
        assert [holder.state for holder in locks.holders()] == ["abandoned"]
        assert "ran longer than 30.0 seconds" in caplog.text

        gate.open()
        assert hung.join(CAP)
        assert queue.join(CAP)
    assert begun == ["ada", "ada"]
    assert queue.stats().failed == 1


@rule("F9")
def test_a_handler_that_hung_too_often_is_a_dead_letter_with_that_reason(clock):
    queue, gates = Queue("jobs", max_attempts=1), [Gate()]
    queue.start_link()

    class Hanging(Scripted):
        timeout = 1.0

    def script(_event):
        gates[0].pass_through()
        checkpoint()

    hung = Hanging.start(queue, script)
    queue.put("x")
    gates[0].await_arrival()
    clock.advance(1.0)
    gates[0].open()
    assert hung.join(CAP)

    assert queue.join(CAP)
    (letter,) = queue.dead_letters()
    assert isinstance(letter.failures[0].reason, Crashed)
    assert isinstance(letter.failures[0].reason.exception, HandlerTimeout)


@rule("F9")
def test_quick_handlers_are_never_ended_by_the_time_limit(queue, clock):
    class Quick(Scripted):
        timeout = 1.0

    worker = Quick.start_link(queue, lambda _event: clock.advance(0.9))
    queue.put_many(range(10))

    assert queue.join(CAP)
    clock.advance(5.0)
    assert worker.is_alive()


@rule("F21", "E85")
def test_a_crash_of_the_queue_restarts_the_queue_and_no_worker():
    queue, log = Queue("jobs", backoff=Backoff(0.0)), []
    workers = [ChildSpec(Scripted, (queue, log.append), id=number) for number in range(20)]
    with Supervisor.start_link([queue, *workers], strategy="one_for_one", max_restarts=1) as supervisor:
        before = {info.id: info.child for info in supervisor.which_children()}
        queue.put_many(range(100))

        whereis("jobs").kill()
        queue.put_many(range(100, 200))

        assert queue.join(CAP)
        after = {info.id: info.child for info in supervisor.which_children()}
    assert sorted(log) == list(range(200))
    assert [child_id for child_id in before if before[child_id] is not after[child_id]] == ["jobs"]


@rule("E84", "E87", "F1")
def test_a_workers_crash_costs_its_siblings_nothing(queue):
    gate, handled, lock = Gate(), [], threading.Lock()

    def script(event):
        with lock:
            handled.append(event)
            is_first_try = handled.count(event) == 1
        if event == "held":
            gate.pass_through()
        if event == "crash" and is_first_try:
            raise ValueError

    pool = [ChildSpec(Scripted, (queue, script), id=number) for number in range(3)]
    with Supervisor.start_link(pool, strategy="one_for_one") as supervisor:
        queue.put("held")
        gate.await_arrival()
        queue.put_many(["crash", "other"])
        before = {info.id: info.child for info in supervisor.which_children()}
        gate.open()

        assert queue.join(CAP)
        after = {info.id: info.child for info in supervisor.which_children()}
    assert sorted(handled) == ["crash", "crash", "held", "other"]
    assert sum(before[child_id] is not after[child_id] for child_id in before) <= 1
    assert queue.stats().acked == 3


def test_subclasses_may_name_their_own_attributes_as_they_like(queue):
    class Careless(Worker):
        use_daemon_thread = True

        def __init__(self, queue, log):
            super().__init__(queue)
            self._queue = self._demand = self._backlog = self._watch = self._subscription = self._process = None
            self.log = log

        def handle_event(self, event):
            self.log.append(event)

    log = []
    Careless.start_link(queue, log)
    queue.put("x")

    assert queue.join(CAP)
    assert log == ["x"]
