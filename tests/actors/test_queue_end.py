"""The Queue that is closed, drained, paused or waited for."""

from __future__ import annotations

import threading

import pytest

IMPORTS

rule = pytest.mark.rule


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
