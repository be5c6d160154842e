"""What is injected at a worker strikes at the events that it handles, and not at the batches in which they come."""

from __future__ import annotations

import pytest

from actors import Backoff, HandlerTimeout, Queue, Retry, Worker, checkpoint
from actors.testing import InjectedCrash, NeverStruck, System
from supervision.testing import crash_sweep, start_supervised


class Box(Worker):
    """Keeps what it handles."""

    max_demand = 3

    def __init__(self, queue, done):
        super().__init__(queue)
        self.done = done

    def handle_event(self, event):
        self.done.append(event)


class AsyncBox(Box):
    async def handle_event(self, event):
        self.done.append(event)


class Lenient(Box):
    on_error = "fail"


class Hasty(Box):
    timeout = 2.0


class Batches(Box):
    min_demand = 1

    def handle_events(self, events):
        self.done.append(list(events))


def start(cls):
    """A queue, and a worker of it; with what that has handled."""
    queue, done = Queue("jobs", max_attempts=3, backoff=Backoff(1.0, jitter=0.0)), []
    start_supervised(queue)
    start_supervised((cls, queue, done))
    return queue, done


def test_no_event_of_a_queue_is_lost_on_its_way():
    with pytest.raises(NeverStruck, match="drop of Box at 'mail': met 0 times"), System() as system:
        queue, done = start(Box)
        system.drop(Box)

        queue.put(1)

        assert queue.join(60)
        assert done == [1]


@pytest.mark.parametrize("cls", [Box, AsyncBox])
def test_a_crash_after_the_work_comes_before_it_is_known_so_the_event_comes_again(cls):
    with System() as system:
        queue, done = start(cls)
        system.crash(cls, when="after")

        queue.put("mail")

        assert queue.join(60)
        assert done == ["mail", "mail"]
        assert queue.stats().failed == 1


def test_a_crash_before_the_work_is_a_failed_attempt_as_one_of_the_handler_is():
    with System() as system:
        queue, done = start(Box)
        system.crash(Box)

        queue.put("mail")

        assert queue.join(60)
        assert done == ["mail"]
        assert queue.stats().failed == 1
        assert system.now() == 1.0


@pytest.mark.parametrize("matcher", [2, lambda event: event == 2])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_at_an_event_is_found_among_those_that_came_with_it(matcher, when):
    with System() as system:
        queue, done = start(Box)
        system.crash(Box, message=matcher, when=when)

        queue.put_many([1, 2, 3])

        assert queue.join(60)
        assert done == ([1, 3, 2] if when == "before" else [1, 2, 3, 2])


def test_a_crash_at_a_type_of_event():
    with System() as system:
        queue, done = start(Box)
        system.crash(Box, message=str)

        queue.put_many([1, "two"])

        assert queue.join(60)
        assert done == [1, "two"]


def test_the_nth_event_is_counted_and_not_the_nth_batch():
    with System() as system:
        queue, done = start(Box)
        system.crash(Box, nth=3)

        queue.put_many("abc")

        assert queue.join(60)
        assert done == ["a", "b", "c"]
        assert queue.stats().failed == 1


def test_events_that_are_handled_together_are_struck_together_when_one_of_them_is_meant():
    with System() as system:
        queue, done = start(Batches)
        fault = system.crash(Batches, message=1, when="after")
        second = system.crash(Batches, nth=2, when="after")

        queue.put_many([1, 2, 3])

        assert queue.join(60)
        assert done[0] == [1, 2]
        assert sorted(event for batch in done for event in batch) == [1, 1, 2, 2, 3, 3]
        assert (fault.fired, second.fired) == (1, 1)


def test_what_is_raised_is_as_if_the_handler_raised_it():
    with System() as system:
        queue, done = start(Lenient)
        system.crash(Lenient, InjectedCrash)
        system.crash(Lenient, Retry(5.0), nth=2)

        queue.put(1)

        assert queue.join(60)
        assert done == [1]
        assert queue.stats().failed == 2
        assert [step.actor for step in system.trace if step.point == "on_start"].count("Lenient-1#1") == 1
        assert system.now() == 6.0


def test_a_slow_handler_is_seen_by_the_workers_timeout():
    with System() as system:
        queue, done = start(Hasty)
        system.slow(Hasty, 5.0, message=2, nth=1)

        queue.put_many([1, 2])

        assert queue.join(60)
        assert done == [1, 2]
        assert queue.stats().failed == 1
        timeouts = [step.about for step in system.trace if step.point == "ended" and step.actor.startswith("Hasty")]
        assert timeouts == ["Killed()"]


def test_the_reason_of_an_event_whose_handler_was_too_slow_is_the_timeout():
    with System() as system:
        queue, _ = start(Hasty)
        system.slow(Hasty, 5.0)

        queue.put(1)

        assert queue.join(60)
        (letter,) = queue.dead_letters()
        assert {type(failure.reason.exception) for failure in letter.failures} == {HandlerTimeout}


def test_a_worker_is_held_at_an_event():
    with System() as system:
        queue, done = start(Box)
        held = system.hold(Box, message=2)

        queue.put_many([1, 2, 3])
        system.run_until_idle()

        assert held.has_arrived
        assert done == [1]
        held.release()
        assert queue.join(60)
        assert done == [1, 2, 3]


def test_a_worker_is_killed_at_an_event_and_its_handler_goes_no_further_than_to_its_next_step():
    class Stepping(Box):
        # A thread of its own may go on for longer.
        runs_on = "shared"

        def handle_event(self, event):
            super().handle_event(("begun", event))
            checkpoint()
            super().handle_event(event)

    with System() as system:
        queue, done = start(Stepping)
        system.kill_at(Stepping, "receive", message=2)

        queue.put_many([1, 2])

        assert queue.join(60)
        assert done == [("begun", 1), 1, ("begun", 2), ("begun", 2), 2]


def test_the_trace_shows_the_batch_and_then_each_event():
    with System() as system:
        queue, _ = start(Box)
        queue.put_many([1, 2])
        assert queue.join(60)

        steps = [(step.point, step.about) for step in system.trace if step.actor == "Box-1#1"]

    assert steps[1:] == [
        ("events", "[1, 2]"),
        ("take", "1"),
        ("receive", "1"),
        ("ack", "1"),
        ("take", "2"),
        ("receive", "2"),
        ("ack", "2"),
    ]


def test_a_sweep_crashes_a_worker_before_and_after_each_event():
    def scenario(_system):
        queue, done = start(Box)
        queue.put_many([1, 2])
        assert queue.join(60)
        assert set(done) == {1, 2}

    swept = crash_sweep(scenario, actors=[Box], kill=True)

    places = [(point.point, point.about) for point in swept.points if point.fault == "crash"]
    assert places == [(point, about) for about in "12" for point in ("take", "receive", "handled", "ack")]
    swept.check()
