"""The Worker: what it asks for, what it handles, and how it ends."""

from __future__ import annotations

import pytest

from actors import (
    Crashed,
    Ignore,
    Queue,
    Retry,
    Shutdown,
    StartFailed,
    UnknownQueue,
    Worker,
    exit,
    whereis,
)
from supervision import Supervisor
from tests.support import CAP, Gate, ended

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
        return self.script(event)


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


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf")])
def test_a_worker_with_a_timeout_that_is_no_time_is_refused_at_once(seconds, queue):
    class Wrong(Scripted):
        timeout = seconds

    with pytest.raises(ValueError, match="timeout must be a finite number of seconds >= 0"):
        Wrong(queue, None)


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


@rule("E14")
def test_a_worker_that_ignores_its_start_or_fails_it_gets_no_event(queue):
    class Beginning(Scripted):
        def on_start(self):
            self.script()

    def ignore():
        raise Ignore

    queue.put("x")
    with pytest.raises(Ignore):
        Beginning.start_link(queue, ignore)
    with pytest.raises(StartFailed) as failed:
        Beginning.start_link(queue, lambda: exit("boom"))

    assert failed.value.reason == "boom"
    assert queue.stats().handed == 0


@rule("E33")
def test_what_a_handler_returns_is_dropped(queue):
    queue.put_many(["x", "y"])

    worker = Scripted.start_link(queue, lambda event: [f"after {event}"])

    assert queue.join(CAP)
    assert worker.is_alive()
    assert queue.stats().put == queue.stats().acked == 2


@rule("E17", "E19", "E27", "E47")
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


@rule("E18", "E19")
def test_a_worker_asks_again_when_it_has_handled_a_batch_not_before(queue):
    gates, begun = {1: Gate(), 3: Gate()}, []

    class Four(Batches):
        max_demand = 4
        min_demand = 2

    def script(events):
        begun.append(list(events))
        if events[0] in gates:
            gates[events[0]].pass_through()

    queue.pause()
    queue.put_many([1, 2, 3, 4])
    Four.start_link(queue, [], script)
    queue.resume()
    gates[1].await_arrival()
    queue.put_many([5, 6, 7, 8])
    whereis("jobs").ask("handled what came before")

    assert (queue.stats().in_flight, queue.stats().ready) == (4, 4)
    gates[1].open()
    gates[3].await_arrival()
    assert begun == [[1, 2], [3, 4]]
    assert (queue.stats().in_flight, queue.stats().acked, queue.stats().ready) == (4, 2, 2)
    gates[3].open()
    assert queue.join(CAP)
    assert begun == [[1, 2], [3, 4], [5, 6], [7, 8]]


def test_a_worker_takes_other_messages_between_its_events(queue):
    log = []

    class Chatty(Scripted):
        def on_receive(self, message):
            log.append(message)
            return len(log)

    worker = Chatty.start_link(queue, log.append)
    queue.put("event")
    assert queue.join(CAP)

    assert worker.ask("message") == 2

    queue.put("another event")
    assert queue.join(CAP)
    assert log == ["event", "message", "another event"]


@rule("F2", "F19", "F28")
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


@rule("F1", "F3")
@pytest.mark.parametrize("reason", [Shutdown(), "enough"])
def test_a_worker_told_to_exit_finishes_its_event_and_begins_no_other(reason, queue):
    gate, handled = Gate(), []

    class Several(Scripted):
        max_demand = 3
        min_demand = 0

    def script(event):
        gate.pass_through()
        handled.append(event)

    queue.pause()
    queue.put_many([1, 2, 3])
    worker = Several.start(queue, script)
    queue.resume()
    gate.await_arrival()
    queue.pause()

    worker.exit(reason)
    gate.open()

    assert worker.join(CAP)
    assert handled == [1]
    assert queue.pending() == [2, 3]
    assert (queue.stats().acked, queue.stats().failed) == (1, 0)


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


def test_workers_may_fill_their_own_queue_over_its_bound():
    queue, handled = Queue("narrow", maxsize=2), []
    queue.start_link()

    def script(event):
        handled.append(event)
        if event < 6:
            queue.put(event + 1)
            queue.put(event + 1)

    for _ in range(2):
        Scripted.start_link(queue, script)
    queue.put(0)

    assert queue.join(CAP)
    assert len(handled) == 2**7 - 1
