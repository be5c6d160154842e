"""The Queue when somebody dies: a worker with events in hand, or the queue's own actor."""

from __future__ import annotations

import threading

import pytest

from actors import Crashed, Killed, Queue, QueueFull, whereis
from actors._backlog import Backlog
from supervision import Supervisor
from tests.actors.workshop import (
    Forgiving,
    Recorder,
    Scripted,
    Two,
    at_work,
    balance,
    caught_up,
    settle,
    started,
    wait_then_unwind,
)
from tests.support import CAP, Gate, Probe, ended

rule = pytest.mark.rule


def killed_with_two_in_hand(queue, events):
    gate = Gate()
    worker = Two.start_link(queue, wait_then_unwind(gate))
    queue.put_many(events)
    gate.await_arrival()
    caught_up()
    worker.kill()
    assert queue.stats().in_flight == 2
    gate.open()
    assert worker.join(CAP)


@rule("E65", "F1", "F27")
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
    caught_up()

    assert queue.pending() == [1, 2]
    with pytest.raises(QueueFull):
        queue.put(3, timeout=0.0)


@rule("F1", "F3")
def test_attempts_count_what_was_begun_and_nothing_else():
    attempts = {}

    def backoff(attempt, reason):
        attempts[reason.exception.args[0]] = attempt
        return 60.0

    def script(event):
        raise ValueError(event)

    queue = started(backoff=backoff)
    killed_with_two_in_hand(queue, ["u1", "u2", "u3"])

    Forgiving.start_link(queue, script)
    settle(queue)

    assert attempts == {"u1": 2, "u2": 1, "u3": 1}


@rule("E65", "F1", "F28")
def test_a_crash_fails_the_event_in_hand_and_the_others_come_first(clock):
    queue, log = started(), []

    def script(event):
        raise ValueError(event)

    queue.pause()
    queue.put_many(["culprit", "innocent", "later"])
    worker = Two.start(queue, script)
    queue.resume()
    assert ended(worker).exit_reason == Crashed(ValueError("culprit"))

    assert (queue.stats().ready, queue.stats().delayed, queue.stats().failed) == (2, 1, 1)
    Recorder.start_link(queue, log)
    settle(queue)
    clock.advance(0.1)
    settle(queue)
    assert log == ["innocent", "later", "culprit"]


@rule("F1", "F2")
def test_what_a_killed_worker_had_handled_is_not_handled_again():
    queue, gate, log = started(), Gate(), []

    def script(event):
        log.append(event)
        if event == "second":
            wait_then_unwind(gate)(event)

    queue.pause()
    queue.put_many(["first", "second", "third"])
    worker = Three.start_link(queue, script)
    queue.resume()
    gate.await_arrival()

    worker.kill()
    gate.open()
    assert worker.join(CAP)
    Recorder.start_link(queue, log)

    assert queue.join(CAP)
    assert log == ["first", "second", "second", "third"]


class Three(Scripted):
    max_demand = 3
    min_demand = 0


@rule("F1", "F27")
def test_events_of_an_abandoned_worker_wait_until_its_code_has_ended():
    queue, log, handled = started(), [], threading.Event()

    def script(event):
        log.append(event)
        handled.set()

    worker, gate = at_work(queue, "held")
    worker.kill()
    Scripted.start_link(queue, script)

    queue.put("other")
    assert handled.wait(CAP)

    assert worker.state() == "abandoned"
    assert log == ["other"]
    gate.open()
    assert queue.join(CAP)
    assert log == ["other", "held"]


class Pair(Scripted):
    max_demand = 2


@rule("E15", "E18", "F1")
def test_the_last_ask_of_a_worker_killed_long_ago_upsets_nobody():
    queue, log, gate = started(), [], Gate()
    worker = Pair.start_link(queue, lambda _event: gate.pass_through())
    queue.put("in hand")
    gate.await_arrival()
    worker.kill()
    queue.put("not for the dead")
    caught_up()

    gate.open()

    assert worker.join(CAP)
    assert queue.pending() == ["not for the dead"]
    Recorder.start_link(queue, log)
    assert queue.join(CAP)
    assert log == ["not for the dead"]


def test_unhashable_events_come_back_as_others_do():
    queue, log = started(), []
    events = [{"n": 1}, {"n": 2}]
    killed_with_two_in_hand(queue, events)

    Recorder.start_link(queue, log)

    assert queue.join(CAP)
    assert log == events
    assert log[0] is events[0]


@rule("E62", "E66")
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


@rule("E9")
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


def kill_the_keeper():
    keeper = whereis("jobs")
    keeper.kill()
    return keeper


def hold_the_keeper():
    """Have the queue's actor wait at a gate, its mail unread."""
    gate = Gate()
    keeper = whereis("jobs")
    keeper._process.actor.on_receive = lambda _message: gate.pass_through()
    keeper.tell("wait")
    gate.await_arrival()
    return gate


@rule("F1", "F10", "F21")
@pytest.mark.parametrize("is_held", [False, True], ids=["idle", "held with its mail unread"])
@pytest.mark.parametrize("is_paused", [False, True], ids=["running", "paused"])
def test_a_keeper_killed_in_any_state_loses_and_doubles_nothing(is_held, is_paused, clock):
    queue, log = started(), []
    holder, gate = at_work(queue, "in hand")
    idle = Recorder.start_link(queue, log)
    queue.put("delayed", delay=1)
    caught_up()
    if is_paused:
        queue.pause()
    held = hold_the_keeper() if is_held else None
    queue.put("put before")

    keeper = kill_the_keeper()
    queue.put("put in the gap")
    queue.put("delayed in the gap", delay=2)
    gate.open()
    queue.start_link()
    if held is not None:
        held.open()
    assert keeper.join(CAP)
    queue.resume()
    settle(queue)
    clock.advance(2)
    settle(queue)

    assert queue.stats().acked == queue.stats().handed == queue.stats().put == 5
    assert queue.stats().stale == 0
    assert holder.is_alive()
    assert idle.is_alive()
    assert len(log) == len(set(log))


@rule("F10")
def test_an_answer_is_taken_while_the_queues_actor_is_down():
    queue = started()
    worker, gate = at_work(queue, "in hand")
    keeper = kill_the_keeper()
    assert keeper.join(CAP)

    gate.open()

    assert queue.join(CAP)
    assert worker.is_alive()
    assert (queue.stats().acked, queue.stats().stale) == (1, 0)


@rule("E62", "E69", "F21")
def test_demand_outlives_the_queues_actor():
    queue, log = started(), []
    workers = [Recorder.start_link(queue, log) for _ in range(3)]
    caught_up()

    assert kill_the_keeper().join(CAP)
    queue.start_link()
    queue.put_many(range(10))

    assert queue.join(CAP)
    assert sorted(log) == list(range(10))
    assert all(worker.is_alive() for worker in workers)


@rule("E49")
def test_what_a_worker_asked_for_that_has_left_holds_back_no_event():
    queue, log = started(), []
    leaver = Two.start_link(queue, log.append)
    caught_up()
    leaver.stop()
    assert leaver.join(CAP)
    queue.put(1)
    caught_up()

    Recorder.start_link(queue, log)
    queue.put_many([2, 3])

    assert queue.join(CAP)
    assert log == [1, 2, 3]


@rule("F14")
def test_room_that_comes_in_the_gap_is_told_to_who_waits(clock):
    queue, log = started(maxsize=1), []
    queue.put("first")
    waiting = Probe.start().ask(lambda: queue.put("second", timeout=5.0), block=False)
    clock.await_timers(1)
    assert kill_the_keeper().join(CAP)

    Recorder.start_link(queue, log)

    waiting.get(timeout=CAP)
    queue.start_link()
    assert queue.join(CAP)
    assert log == ["first", "second"]


def test_a_keeper_killed_as_it_starts_never_takes_over(monkeypatch):
    queue, log, gate = started(), [], Gate()
    Recorder.start_link(queue, log)
    assert kill_the_keeper().join(CAP)
    adopt = Backlog.adopt

    def adopt_late(backlog, keeper):
        gate.pass_through()
        adopt(backlog, keeper)

    monkeypatch.setattr(Backlog, "adopt", adopt_late)
    starter = Probe.start()
    starter.tell(queue.start_link)
    gate.await_arrival()
    late = kill_the_keeper()
    monkeypatch.undo()
    queue.start_link()

    gate.open()
    assert late.join(CAP)
    queue.put("x")

    assert queue.join(CAP)
    assert log == ["x"]


def test_a_keeper_killed_again_and_again_loses_and_doubles_nothing(hasty_threads):
    queue, log = Queue("jobs"), []
    with Supervisor.start_link([queue], strategy="one_for_one", max_restarts=1_000) as supervisor:
        for _ in range(3):
            Recorder.start_link(queue, log)
        for number in range(200):
            queue.put(number)
            keeper = whereis("jobs")
            if keeper is not None:
                keeper.kill()
            supervisor.which_children()

        assert queue.join(CAP)
    assert sorted(log) == list(range(200))
    assert queue.stats().handed == 200
    assert balance(queue)


def test_workers_killed_again_and_again_lose_no_event(hasty_threads):
    """Each event is handled to its end at least once, and in one place at every moment."""
    queue, log = started(max_attempts=10_000, backoff=lambda _attempt, _reason: 0.0), []
    queue.put_many(range(300))
    with Supervisor.start_link([(Recorder, queue, log)], strategy="one_for_one", max_restarts=10_000) as supervisor:
        for _ in range(300):
            (info,) = supervisor.which_children()
            info.child.kill()
            assert balance(queue)

        assert queue.join(CAP)
    assert set(log) == set(range(300))
    assert queue.stats().acked == 300
