"""The Queue that is closed, drained, paused or waited for."""

from __future__ import annotations

import pytest

from actors import QueueClosed
from tests.actors.workshop import Forgiving, Recorder, Scripted, at_work, balance, caught_up, settle, started
from tests.support import CAP, Gate, Probe

rule = pytest.mark.rule


@rule("F23")
def test_a_closed_queue_takes_nothing_and_tells_those_who_wait(clock):
    queue = started(maxsize=1)
    queue.put(1)
    waiting = [Probe.start().ask(lambda: queue.put(2, timeout=5.0), block=False) for _ in range(3)]
    clock.await_timers(3)

    queue.close()

    for putter in waiting:
        with pytest.raises(QueueClosed):
            putter.get(timeout=CAP)
    with pytest.raises(QueueClosed, match="queue 'jobs' takes no more events"):
        queue.put(3)
    assert queue.pending() == [1]


@rule("F14", "F23")
def test_a_closed_queue_still_takes_what_comes_back(clock):
    queue, seen = started(max_attempts=2), []

    def script(event):
        seen.append(event)
        if len(seen) == 1:
            raise ValueError

    queue.put("x")
    queue.close()
    Forgiving.start_link(queue, script)
    settle(queue)
    clock.advance(0.1)

    assert queue.join(CAP)
    assert seen == ["x", "x"]


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
    with pytest.raises(QueueClosed):
        queue.put(3)


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


@rule("E34", "E36", "F22")
def test_a_paused_queue_hands_out_nothing_and_forgets_no_demand():
    queue, log = started(), []
    Recorder.start_link(queue, log)
    queue.pause()

    queue.put_many([1, 2])
    caught_up()
    assert (log, queue.stats().ready) == ([], 2)
    assert queue.drain(CAP).ready == 2
    queue.resume()

    assert queue.join(CAP)
    assert log == [1, 2]


@rule("F23")
def test_a_drain_waits_for_what_falls_due_before_its_end(clock):
    queue, log = started(), []
    queue.put("in time", delay=9)
    queue.put("too late", delay=11)
    Recorder.start_link(queue, log)
    draining = Probe.start().ask(lambda: queue.drain(10.0), block=False)
    clock.await_timers(2)

    clock.advance(9.0)

    left = draining.get(timeout=CAP)
    assert log == ["in time"]
    assert (left.ready, left.delayed, left.in_flight) == (0, 1, 0)


@rule("F23")
def test_a_drain_waits_for_further_attempts(clock):
    queue, seen = started(max_attempts=3), []

    def script(event):
        seen.append(event)
        if len(seen) < 3:
            raise ValueError

    queue.put("x")
    Forgiving.start_link(queue, script)
    settle(queue)
    draining = Probe.start().ask(lambda: queue.drain(10.0), block=False)
    clock.await_timers(2)

    clock.advance(0.1)
    settle(queue)
    clock.advance(0.2)

    assert draining.get(timeout=CAP).acked == 1
    assert seen == ["x", "x", "x"]


@rule("F22")
def test_a_pause_stops_hand_outs_only(clock):
    queue, log = started(), []
    worker, gate = at_work(queue, "in hand")
    queue.pause()

    gate.open()
    queue.put("put meanwhile")
    queue.put("due meanwhile", delay=1)
    settle(queue)
    clock.advance(1)
    settle(queue)

    assert (queue.stats().acked, queue.stats().ready, queue.stats().delayed) == (1, 2, 0)
    Recorder.start_link(queue, log)
    settle(queue)
    assert log == []
    queue.resume()
    assert queue.join(CAP)
    assert worker.is_alive()
    assert queue.stats().acked == 3


@rule("F22")
def test_a_resumed_queue_serves_those_who_asked_in_their_order():
    queue, log = started(), []
    queue.pause()
    workers = [Scripted.start_link(queue, lambda event, name=name: log.append((name, event))) for name in "abc"]
    queue.put_many([1, 2, 3])

    queue.resume()

    assert queue.join(CAP)
    assert sorted(log) == [("a", 1), ("b", 2), ("c", 3)]
    assert all(worker.is_alive() for worker in workers)


def test_a_join_waits_for_delays_and_gives_up_in_time(clock):
    queue = started()
    queue.put("x", delay=60)
    Recorder.start_link(queue, [])
    assert not queue.join(0.0)
    joining = Probe.start().ask(lambda: queue.join(100.0), block=False)
    clock.await_timers(2)

    clock.advance(60.0)

    assert joining.get(timeout=CAP)
    queue.put("y", delay=60)
    joining = Probe.start().ask(lambda: queue.join(10.0), block=False)
    clock.await_timers(2)
    clock.advance(10.0)
    assert not joining.get(timeout=CAP)


def test_a_join_waits_for_what_a_pause_holds_back(clock):
    queue, log = started(), []
    Recorder.start_link(queue, log)
    queue.pause()
    queue.put("x")
    assert not queue.join(0.0)
    joining = Probe.start().ask(lambda: queue.join(5.0), block=False)
    clock.await_timers(1)

    queue.resume()

    assert joining.get(timeout=CAP)
    assert log == ["x"]


def test_a_join_of_an_empty_queue_waits_for_nothing():
    assert started().join()


def test_a_join_is_over_when_the_last_event_is_a_dead_letter(clock):
    queue = started(max_attempts=1)
    worker, gate = at_work(queue, "x")
    joining = Probe.start().ask(lambda: queue.join(5.0), block=False)
    clock.await_timers(1)

    worker.kill()
    gate.open()

    assert joining.get(timeout=CAP)
    assert [letter.event for letter in queue.dead_letters()] == ["x"]
    assert balance(queue)
