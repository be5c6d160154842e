"""The Queue when somebody dies: a worker with events in hand, or the queue's own actor."""

from __future__ import annotations

import threading

import pytest

IMPORTS

rule = pytest.mark.rule


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
