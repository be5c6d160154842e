"""The Queue: what is put, when it is handed out, and how much there is room for."""

from __future__ import annotations

import threading
from contextvars import copy_context
from operator import is_

import pykka
import pytest

from actors import Actor, AlreadyStarted, Queue, QueueFull, Reject, UnknownQueue, adopt
from tests.actors.workshop import Recorder, Scripted, balance, caught_up, settle, started
from tests.support import CAP, Gate, Probe

rule = pytest.mark.rule


@rule("E32")
def test_a_queue_that_cannot_be_is_refused_at_once():
    for bad in ({"max_attempts": 0}, {"maxsize": 0}, {"max_dead_letters": -1}, {"max_attempts": 1.5}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            Queue("jobs", **bad)
    with pytest.raises(ValueError, match="name"):
        Queue("")


@rule("E14")
def test_a_queue_with_an_argument_that_it_has_not_is_refused_at_once():
    with pytest.raises(TypeError, match="buffer_keep"):
        Queue("jobs", buffer_keep="first")


def test_a_queue_never_started_is_unknown():
    with pytest.raises(UnknownQueue, match="unknown queue: 'jobs'"):
        Queue("jobs").put(1)


def test_a_second_queue_of_the_name_is_refused():
    started()

    with pytest.raises(AlreadyStarted):
        Queue("jobs").start_link()


@pytest.mark.parametrize("bad", [{"delay": -1.0}, {"delay": float("nan")}, {"timeout": -1.0}, {"timeout": True}])
def test_a_bad_time_is_refused_before_anything_is_put(bad):
    queue = started()

    with pytest.raises(ValueError, match="must be a finite number of seconds >= 0"):
        queue.put("x", **bad)
    assert queue.stats().put == 0


class Plain(pykka.ThreadingActor):
    """A plain Pykka actor that puts what it gets."""

    use_daemon_thread = True

    def __init__(self, queue):
        super().__init__()
        self.queue = queue

    def on_receive(self, message):
        self.queue.put(message)


@pytest.mark.threads
@rule("E28")
def test_events_are_put_from_anywhere_and_handled_in_order():
    queue, log = started(), []
    Recorder.start(queue, log)

    queue.put("the main thread")
    Probe.start().ask(lambda: queue.put("an actor"))
    plain = Plain.start(queue)
    adopt(plain)
    plain.ask("a plain actor")
    plain.stop()
    thread = threading.Thread(target=copy_context().run, args=(queue.put, "a thread"))
    thread.start()
    thread.join()

    assert queue.join(CAP)
    assert log == ["the main thread", "an actor", "a plain actor", "a thread"]


def test_a_worker_may_put_what_comes_of_its_event():
    queue, log = started(), []

    def script(number):
        log.append(number)
        if number < 5:
            queue.put(number + 1)

    Scripted.start_link(queue, script)
    queue.put(1)

    assert queue.join(CAP)
    assert log == [1, 2, 3, 4, 5]


class Strange:
    """Can be neither hashed nor compared."""

    __hash__ = None

    def __eq__(self, _other):
        raise TypeError


def test_an_event_may_be_any_object_even_none():
    queue, log = started(max_attempts=1), []
    events = [None, [1], {"two": 2}, Strange(), Strange(), ValueError("three")]

    def script(event):
        log.append(event)
        raise Reject(event)

    Scripted.start_link(queue, script)
    assert queue.put_many(events) == len(events)

    assert queue.join(CAP)
    assert all(map(is_, log, events))
    strange = queue.dead_letters()[3]
    assert queue.retry(strange)
    assert queue.join(CAP)
    assert len(log) == len(events) + 1


@rule("E26", "E46", "E82", "E83", "F29")
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


@rule("F7")
def test_an_earlier_event_put_later_is_handed_out_when_it_is_due(clock):
    queue, log = started(), []
    Recorder.start_link(queue, log)
    queue.put("far", delay=10)
    caught_up()

    queue.put("near", delay=1)
    caught_up()
    clock.advance(1)
    settle(queue)

    assert log == ["near"]


@rule("E30", "F14")
def test_a_put_into_a_full_queue_waits_for_room(clock):
    queue, log = started(maxsize=2), []
    queue.put_many([1, 2])
    waiting = Probe.start().ask(lambda: queue.put(3, timeout=5.0), block=False)
    clock.await_timers(1)

    with pytest.raises(QueueFull, match=r"no room for 4 within 0\.0 seconds: it holds 2"):
        queue.put(4, timeout=0.0)
    Recorder.start_link(queue, log)

    waiting.get(timeout=CAP)
    assert queue.join(CAP)
    assert log == [1, 2, 3]


@rule("E89", "F7", "F14")
def test_delayed_events_take_room_too():
    queue = started(maxsize=2)
    queue.put("ready")
    queue.put("delayed", delay=60)

    with pytest.raises(QueueFull):
        queue.put("one too many", timeout=0.0)


@rule("F14")
def test_events_in_flight_take_no_room():
    queue, gate = started(maxsize=1), Gate()
    Scripted.start_link(queue, lambda _event: gate.pass_through())
    queue.put("in flight")
    gate.await_arrival()

    queue.put("ready", timeout=0.0)

    assert (queue.stats().in_flight, queue.stats().ready) == (1, 1)
    gate.open()
    assert queue.join(CAP)


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
def test_room_goes_to_who_still_waits_for_it(clock):
    queue, log = started(maxsize=1), []
    queue.put("first")
    impatient = Probe.start().ask(lambda: queue.put("impatient", timeout=1.0), block=False)
    clock.await_timers(1)
    patient = Probe.start().ask(lambda: queue.put("patient", timeout=9.0), block=False)
    clock.await_timers(2)
    clock.advance(1.0)

    Recorder.start_link(queue, log)

    patient.get(timeout=CAP)
    with pytest.raises(QueueFull):
        impatient.get(timeout=CAP)
    assert queue.join(CAP)
    assert log == ["first", "patient"]


def test_a_kill_ends_the_wait_for_room_and_puts_nothing(clock):
    queue = started(maxsize=1)
    queue.put(1)
    putter = Probe.start()
    putter.tell(lambda: queue.put(2, timeout=5.0))
    clock.await_timers(1)

    putter.kill()

    assert putter.join(CAP)
    assert queue.pending() == [1]


def test_a_killed_actor_puts_nothing_any_more():
    queue, gate, putter = started(), Gate(), Probe.start()
    putter.tell(lambda: (gate.pass_through(), queue.put("too late")))
    gate.await_arrival()

    putter.kill()
    gate.open()

    assert putter.join(CAP)
    assert queue.stats().put == 0


@rule("F14")
def test_many_put_at_once_and_the_bound_holds(hasty_threads):
    queue, seen = started(maxsize=3), []

    def script(event):
        stats = queue.stats()
        seen.append((event, stats.ready + stats.delayed))

    Scripted.start_link(queue, script)
    putters = [Probe.start() for _ in range(20)]

    answers = [
        putter.ask(lambda number=number: queue.put_many((number, count) for count in range(20)), block=False)
        for number, putter in enumerate(putters)
    ]

    assert [answer.get(timeout=CAP) for answer in answers] == [20] * 20
    assert queue.join(CAP)
    assert sorted(event for event, _ in seen) == [(number, count) for number in range(20) for count in range(20)]
    assert max(waiting for _, waiting in seen) <= 3
    # Each putter's own events are handled in the order in which it put them.
    assert [[count for (number, count), _ in seen if number == one] for one in range(20)] == [list(range(20))] * 20


def test_a_kill_inside_put_never_loses_nor_halves_an_event(hasty_threads):
    """A thousand actors put as fast as they can, with and without room, and are killed wherever they are."""
    queue, log = started(maxsize=3), []
    Recorder.start_link(queue, log)

    class Busy(Actor):
        use_daemon_thread = True

        def on_receive(self, message):
            number, began = message
            began.set()
            for count in range(1_000_000):
                queue.put((number, count))

    for number in range(1_000):
        began = threading.Event()
        putter = Busy.start()
        putter.tell((number, began))
        assert began.wait(CAP)
        putter.kill()
        assert putter.join(CAP)
        assert balance(queue)

    assert queue.join(CAP)
    assert queue.stats().put == queue.stats().acked == len(log) == len(set(log))
    # Of each actor the first so many events, none left out.
    last = {}
    for number, count in log:
        assert count == last.get(number, -1) + 1
        last[number] = count
