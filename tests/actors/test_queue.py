"""The Queue: what is put, handed out, answered, taken back and given up."""

from __future__ import annotations

import threading

import pytest

from actors import (
    AlreadyStarted,
    Backoff,
    Crashed,
    Killed,
    Queue,
    QueueClosed,
    QueueFull,
    Reject,
    Retry,
    Snooze,
    UnknownQueue,
    Worker,
    checkpoint,
    whereis,
)
from tests.support import CAP, Gate, Probe, ended

rule = pytest.mark.rule


def started(**settings):
    """A queue of these settings, started, that backs off for 0.1, 0.2, 0.4 ... seconds."""
    queue = Queue("jobs", **{"backoff": Backoff(0.1, jitter=0.0), **settings})
    queue.start_link()
    return queue


class Recorder(Worker):
    """Tells a list what it handles."""

    use_daemon_thread = True

    def __init__(self, queue, log):
        super().__init__(queue)
        self.log = log

    def handle_event(self, event):
        self.log.append(event)


class Scripted(Worker):
    """Does with an event what a function says, which may wait, raise, or return."""

    use_daemon_thread = True

    def __init__(self, queue, script):
        super().__init__(queue)
        self.script = script

    def handle_event(self, event):
        self.script(event)


class Forgiving(Scripted):
    on_error = "fail"


def balance(queue):
    """Whether every event is accounted for."""
    stats = queue.stats()
    return stats.put == stats.ready + stats.delayed + stats.in_flight + stats.acked + stats.dead


def test_a_queue_that_cannot_be_is_refused_at_once():
    for bad in ({"max_attempts": 0}, {"maxsize": 0}, {"max_dead_letters": -1}, {"max_attempts": 1.5}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            Queue("jobs", **bad)
    with pytest.raises(ValueError, match="name"):
        Queue("")


def test_a_queue_never_started_is_unknown():
    with pytest.raises(UnknownQueue, match="unknown queue: 'jobs'"):
        Queue("jobs").put(1)


def test_a_second_queue_of_the_name_is_refused():
    started()

    with pytest.raises(AlreadyStarted):
        Queue("jobs").start_link()


@pytest.mark.parametrize("bad", [{"delay": -1.0}, {"delay": float("nan")}, {"timeout": -1.0}])
def test_a_bad_time_is_refused_before_anything_is_put(bad):
    queue = started()

    with pytest.raises(ValueError, match="must be a finite number of seconds >= 0"):
        queue.put("x", **bad)
    assert queue.stats().put == 0


def test_events_are_put_from_anywhere_and_handled_in_order():
    queue, log = started(), []
    Recorder.start(queue, log)

    queue.put(1)
    Probe.start().ask(lambda: queue.put(2))
    threading.Thread(target=lambda: None).start()
    queue.put_many([3, [4], {"five": 5}])

    assert queue.join(CAP)
    assert log == [1, 2, 3, [4], {"five": 5}]


@rule("E46", "E82", "E83", "F29")
def test_each_idle_worker_gets_one_event_and_the_next_when_done():
    queue, gates, log = started(), {}, []

    def script(event):
        log.append(event)
        gates[event].pass_through()

    gates.update({event: Gate() for event in "abcde"})
    for _ in range(3):
        Scripted.start_link(queue, script)

    queue.put_many("abcde")
    for event in "abc":
        gates[event].await_arrival()

    assert (queue.stats().in_flight, queue.stats().ready) == (3, 2)
    gates["b"].open()
    gates["d"].await_arrival()
    assert queue.pending()[0] == "e"
    for gate in gates.values():
        gate.open()
    assert queue.join(CAP)


class Two(Scripted):
    """Has two events in hand: one that it handles, and one that waits in its mailbox."""

    max_demand = 2
    min_demand = 0


def wait_then_unwind(gate):
    """A script that waits at the gate, and then comes by where a kill takes effect."""

    def script(_event):
        gate.pass_through()
        checkpoint()

    return script


def killed_with_two_in_hand(queue, events):
    gate = Gate()
    worker = Two.start_link(queue, wait_then_unwind(gate))
    queue.put_many(events)
    gate.await_arrival()
    whereis("jobs").ask("handled what came before")
    worker.kill()
    assert queue.stats().in_flight == 2
    gate.open()
    assert worker.join(CAP)


@rule("F1")
def test_a_killed_workers_events_go_to_the_front_in_their_old_order():
    queue, log = started(), []
    killed_with_two_in_hand(queue, ["u1", "u2", "u3"])

    Recorder.start_link(queue, log)

    assert queue.join(CAP)
    assert log == ["u1", "u2", "u3"]
    assert (queue.stats().handed, queue.stats().taken_back) == (5, 2)


@rule("F3")
def test_an_event_that_was_only_in_the_mailbox_loses_no_attempt():
    queue, log = started(max_attempts=1), []
    killed_with_two_in_hand(queue, ["begun", "waiting"])

    Recorder.start_link(queue, log)

    assert queue.join(CAP)
    assert log == ["waiting"]
    assert [(letter.event, letter.failures[0].reason) for letter in queue.dead_letters()] == [("begun", Killed())]


@rule("F1")
def test_a_killed_worker_finishes_what_it_is_at_and_begins_nothing_more():
    queue, gate, log = started(), Gate(), []

    def script(event):
        gate.pass_through()
        log.append(("killed", event))

    worker = Two.start_link(queue, script)
    queue.put_many(["u1", "u2"])
    gate.await_arrival()
    worker.kill()
    gate.open()
    assert worker.join(CAP)
    Scripted.start_link(queue, lambda event: log.append(("other", event)))

    assert queue.join(CAP)
    assert log == [("killed", "u1"), ("other", "u2")]


@rule("F2", "F10")
def test_an_answer_for_what_was_taken_back_is_refused():
    queue = started()
    queue.put("x")
    backlog = queue._backlog()
    probe, other = Probe.start(), Probe.start()
    subscription = backlog.subscribe(probe._process)
    backlog.ask(subscription, 1)
    (delivery,) = list(subscription.in_hand.values())
    probe.stop()
    whereis("jobs").ask("handled what came before")
    second = backlog.subscribe(other._process)
    backlog.ask(second, 1)
    (again,) = list(second.in_hand.values())

    assert backlog.ack(again)
    assert not backlog.ack(delivery)
    assert not backlog.ack(again)

    assert (queue.stats().acked, queue.stats().stale) == (1, 2)
    assert balance(queue)


@rule("F4", "F5", "F28", "E84")
def test_a_poisonous_event_ends_in_the_dead_letters_with_its_reasons(clock):
    queue, log = started(max_attempts=3), []

    def script(event):
        log.append(event)
        if event == "poison":
            raise ValueError(event)

    queue.put_many(["poison", "good"])
    for number in range(1, 4):
        worker = Scripted.start(queue, script)
        ended_or_done(worker, queue, number)
        clock.advance(1)

    (letter,) = queue.dead_letters()
    assert (letter.event, letter.attempts) == ("poison", 3)
    assert [failure.reason for failure in letter.failures] == [Crashed(ValueError("poison"))] * 3
    assert queue.join(CAP)
    assert "good" in log
    assert balance(queue)


def ended_or_done(worker, queue, attempt):
    """Wait until the worker has crashed, and the queue has noted the failed attempt."""
    ended(worker)
    whereis("jobs").ask("handled what came before")
    assert queue.stats().failed == attempt


@rule("F5")
def test_a_dead_letter_can_be_tried_again_or_forgotten():
    queue, log, broken = started(max_attempts=1), [], [True]

    def script(event):
        if broken[0]:
            raise Reject(event)
        log.append(event)

    Scripted.start_link(queue, script)
    queue.put_many(["a", "b"])
    assert queue.join(CAP)
    first, second = queue.dead_letters()

    broken[0] = False
    assert queue.retry(first)
    assert not queue.retry(first)

    assert queue.join(CAP)
    assert log == ["a"]
    assert queue.dead_letters() == [second]
    assert queue.purge() == 1
    assert queue.dead_letters() == []
    assert balance(queue)


@rule("F6")
def test_failures_are_tried_again_after_longer_and_longer_times(clock):
    queue, attempts = started(max_attempts=4), []

    def script(event):
        attempts.append((event, clock.now() - 1000.0))
        if event == "bad":
            raise ValueError

    Forgiving.start_link(queue, script)
    queue.put("bad")
    for seconds in (0.1, 0.2, 0.4):
        settle(queue)
        queue.put(f"other {seconds}")
        settle(queue)
        clock.advance(seconds)
    settle(queue)

    assert [round(at, 6) for event, at in attempts if event == "bad"] == [0.0, 0.1, 0.3, 0.7]
    assert len(attempts) == 7
    assert [letter.event for letter in queue.dead_letters()] == ["bad"]


def settle(queue):
    """Wait until nothing that is due now is ready or in flight, and all have said so."""
    assert queue._backlog().wait_idle(0.0, None)
    whereis("jobs").ask("handled what came before")
    assert queue._backlog().wait_idle(0.0, None)


@rule("F6")
def test_the_default_backoff_doubles_up_to_a_cap_with_upward_jitter():
    exact = Backoff(0.1, cap=60.0, jitter=0.0)
    assert [exact(attempt, None) for attempt in (1, 2, 3, 10, 11, 5000)] == [0.1, 0.2, 0.4, 51.2, 60.0, 60.0]

    jittered = [Backoff(seed=7)(attempt, None) / exact(attempt, None) for attempt in range(1, 50)]
    assert all(1.0 <= ratio <= 1.1 for ratio in jittered)
    assert [Backoff(seed=7)(3, None) for _ in range(3)] == [Backoff(seed=7)(3, None)] * 3


def test_a_backoff_that_fails_loses_no_event(caplog):
    def broken(_attempt, _reason):
        raise ZeroDivisionError

    queue = started(max_attempts=2, backoff=broken)
    Forgiving.start_link(queue, lambda _event: 1 / 0)

    queue.put("x")

    assert queue.join(CAP)
    assert [letter.attempts for letter in queue.dead_letters()] == [2]


@rule("F7")
def test_delayed_events_come_when_due_and_never_before(clock):
    queue, log = started(), []
    Recorder.start_link(queue, log)

    queue.put("a", delay=2)
    queue.put("b", delay=1)
    queue.put("c")

    settle(queue)
    assert log == ["c"]
    clock.advance(0.999)
    settle(queue)
    assert log == ["c"]
    clock.advance(0.001)
    settle(queue)
    assert log == ["c", "b"]
    clock.advance(1)
    settle(queue)
    assert log == ["c", "b", "a"]


@rule("F7")
def test_due_events_line_up_behind_the_ready_ones_by_due_time(clock):
    queue, log = started(), []
    queue.put("late", delay=2)
    queue.put("first of two", delay=1)
    queue.put("second of two", delay=1)
    queue.put("ready")
    clock.advance(2)

    Recorder.start_link(queue, log)
    settle(queue)

    assert log == ["ready", "first of two", "second of two", "late"]


@rule("F8", "F11")
def test_a_snoozed_event_comes_back_later_and_costs_no_attempt(clock):
    queue, seen = started(max_attempts=2), []

    def script(event):
        seen.append(event)
        if seen.count("x") <= 5 and event == "x":
            raise Snooze(1.0)

    Scripted.start_link(queue, script)
    queue.put_many(["x", "y"])
    for _ in range(5):
        settle(queue)
        clock.advance(1.0)
    settle(queue)

    assert seen == ["x", "y", "x", "x", "x", "x", "x"]
    stats = queue.stats()
    assert (stats.acked, stats.snoozed, stats.failed, stats.dead) == (2, 5, 0, 0)


@rule("F8")
def test_a_rejected_event_is_a_dead_letter_at_once():
    queue = started(max_attempts=5)

    def script(event):
        raise Reject(f"no {event}")

    Scripted.start_link(queue, script)
    queue.put("x")

    assert queue.join(CAP)
    (letter,) = queue.dead_letters()
    assert (letter.attempts, [failure.reason for failure in letter.failures]) == (1, ["no x"])


@rule("F8")
def test_a_retry_is_a_failed_attempt_with_a_time_of_its_own(clock):
    queue, seen = started(max_attempts=2), []

    def script(event):
        seen.append(clock.now() - 1000.0)
        raise Retry(after=7.0) from OSError("down")

    worker = Scripted.start_link(queue, script)
    queue.put("x")
    settle(queue)
    clock.advance(7.0)
    settle(queue)

    assert seen == [0.0, 7.0]
    assert worker.is_alive()
    (letter,) = queue.dead_letters()
    assert [failure.reason for failure in letter.failures] == [Crashed(OSError("down"))] * 2


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf")])
def test_a_snooze_and_a_retry_refuse_bad_times(bad):
    with pytest.raises(ValueError, match="Snooze"):
        Snooze(bad)
    with pytest.raises(ValueError, match="Retry"):
        Retry(bad)


@rule("F4")
def test_a_worker_may_fail_an_event_and_live():
    queue, log = started(max_attempts=1), []

    def script(event):
        if event == "bad":
            raise ValueError(event)
        log.append(event)

    worker = Forgiving.start_link(queue, script)
    queue.put_many(["a", "bad", "c"])

    assert queue.join(CAP)
    assert log == ["a", "c"]
    assert worker.is_alive()
    assert [letter.event for letter in queue.dead_letters()] == ["bad"]


@rule("F14")
def test_a_put_into_a_full_queue_waits_for_room():
    queue, log = started(maxsize=2), []
    queue.put_many([1, 2])
    entered = threading.Event()

    class Putter(Probe):
        def on_receive(self, message):
            entered.set()
            return super().on_receive(message)

    waiting = Putter.start().ask(lambda: queue.put(3), block=False)
    assert entered.wait(CAP)
    with pytest.raises(QueueFull, match=r"no room for 4 within 0\.0 seconds: it holds 2"):
        queue.put(4, timeout=0.0)

    Recorder.start_link(queue, log)

    waiting.get(timeout=CAP)
    assert queue.join(CAP)
    assert log == [1, 2, 3]


@rule("F14")
def test_a_put_gives_up_when_its_time_is_over(clock):
    queue = started(maxsize=1)
    queue.put(1)
    waiting = Probe.start().ask(lambda: queue.put(2, timeout=5.0), block=False)
    clock.await_timers(1)

    clock.advance(5.0)

    with pytest.raises(QueueFull):
        waiting.get(timeout=CAP)
    assert queue.pending() == [1]


@rule("F14")
def test_what_comes_back_is_taken_even_over_the_bound():
    queue, gate = started(maxsize=1), Gate()

    worker = Scripted.start_link(queue, wait_then_unwind(gate))
    queue.put(1)
    gate.await_arrival()
    queue.put(2)

    worker.kill()
    gate.open()
    assert worker.join(CAP)
    whereis("jobs").ask("handled what came before")

    assert queue.pending() == [1, 2]
    with pytest.raises(QueueFull):
        queue.put(3, timeout=0.0)


def test_a_kill_ends_the_wait_for_room_and_puts_nothing():
    queue = started(maxsize=1)
    queue.put(1)
    putter = Probe.start()
    entered = threading.Event()
    putter.tell(lambda: (entered.set(), queue.put(2)))
    assert entered.wait(CAP)

    putter.kill()

    assert putter.join(CAP)
    assert queue.pending() == [1]


@rule("F23")
def test_a_closed_queue_takes_nothing_and_tells_those_who_wait():
    queue = started(maxsize=1)
    queue.put(1)
    entered = threading.Event()
    waiting = Probe.start().ask(lambda: (entered.set(), queue.put(2)), block=False)
    assert entered.wait(CAP)

    queue.close()

    with pytest.raises(QueueClosed):
        waiting.get(timeout=CAP)
    with pytest.raises(QueueClosed, match="queue 'jobs' takes no more events"):
        queue.put(3)


@rule("F23")
def test_a_drain_hands_out_what_is_there_and_reports_what_is_left(clock):
    queue, log = started(), []
    queue.put_many([1, 2])
    queue.put("too late", delay=100)
    Recorder.start_link(queue, log)

    left = queue.drain(10.0)

    assert log == [1, 2]
    assert (left.ready, left.delayed, left.in_flight) == (0, 1, 0)
    assert queue.pending() == ["too late"]


@rule("F24")
def test_a_drain_past_its_time_reports_what_is_in_flight(clock):
    queue, gate = started(), Gate()
    Scripted.start_link(queue, lambda _event: gate.pass_through())
    queue.put("slow")
    gate.await_arrival()
    draining = Probe.start().ask(lambda: queue.drain(0.1), block=False)
    clock.await_timers(1)

    clock.advance(0.1)

    assert draining.get(timeout=CAP).in_flight == 1
    gate.open()


@rule("F22")
def test_a_paused_queue_hands_out_nothing_and_forgets_no_demand():
    queue, log = started(), []
    Recorder.start_link(queue, log)
    queue.pause()

    queue.put_many([1, 2])
    whereis("jobs").ask("handled what came before")
    assert (log, queue.stats().ready) == ([], 2)
    assert queue.drain(CAP).ready == 2
    queue.resume()

    assert queue.join(CAP)
    assert log == [1, 2]


def test_the_content_outlives_the_queues_actor_and_works_on_in_the_gap(clock):
    queue, gate, log = started(), Gate(), []

    def script(event):
        if event == "in hand":
            gate.pass_through()
        log.append(event)

    worker = Scripted.start_link(queue, script)
    queue.put("in hand")
    gate.await_arrival()
    queue.put("ready")
    queue.put("delayed", delay=1)

    keeper = whereis("jobs")
    keeper.kill()
    assert keeper.join(CAP)
    queue.put("put in the gap")
    gate.open()

    queue.start_link()
    settle(queue)
    clock.advance(1)
    settle(queue)
    assert log == ["in hand", "ready", "put in the gap", "delayed"]
    assert queue.stats().handed == 4
    assert worker.is_alive()
    assert balance(queue)


def test_a_worker_that_goes_in_the_gap_has_its_events_taken_back():
    queue, gate, log = started(), Gate(), []
    worker = Scripted.start_link(queue, wait_then_unwind(gate))
    queue.put("x")
    gate.await_arrival()
    whereis("jobs").kill()
    worker.kill()
    gate.open()
    assert worker.join(CAP)

    queue.start_link()
    Recorder.start_link(queue, log)

    assert queue.join(CAP)
    assert log == ["x"]


def test_a_worker_may_subscribe_while_the_queues_actor_is_down():
    queue, log = started(), []
    keeper = whereis("jobs")
    keeper.kill()
    assert keeper.join(CAP)

    Recorder.start_link(queue, log)
    queue.put("x")
    queue.start_link()

    assert queue.join(CAP)
    assert log == ["x"]


def test_a_dead_letter_box_that_is_full_drops_the_oldest():
    queue = started(max_dead_letters=2)

    def script(event):
        raise Reject(event)

    Scripted.start_link(queue, script)
    queue.put_many([1, 2, 3])

    assert queue.join(CAP)
    assert [letter.event for letter in queue.dead_letters()] == [2, 3]
    assert queue.stats().dead == 3
