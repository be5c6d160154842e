"""Streams of tasks: so many at a time, in order or not, given up early, or late."""

from __future__ import annotations

import threading
from contextlib import suppress
from itertools import count, islice

import pytest

from actors import (
    Actor,
    ActorDied,
    CallTimeout,
    Crashed,
    Done,
    Exited,
    Killed,
    Normal,
    Task,
    WouldBlock,
    current_actor,
    exit,
)
from actors.testing import settle
from tests.support import CAP, Gate, Probe, TrappingProbe, crash, ended, received_nothing

rule = pytest.mark.rule


def values(outcomes):
    return [outcome.value for outcome in outcomes]


@rule("A95", "C37")
def test_each_input_has_a_task_of_its_own_and_the_values_come_in_order():
    assert list(Task.async_stream(range(5), lambda n: n * n)) == [Done(n * n) for n in range(5)]


@rule("A95", "C37")
def test_nothing_is_started_before_it_is_iterated_over():
    begun = []

    stream = Task.async_stream(range(3), begun.append)

    assert begun == []
    assert len(list(stream)) == 3
    assert sorted(begun) == [0, 1, 2]


class Held:
    """A function that stands still for each input until the test lets it on; `refs` are the tasks that have begun."""

    def __init__(self):
        self.refs = {}
        self._gates = [Gate() for _ in range(10)]

    def __call__(self, number):
        self.refs[number] = current_actor()
        self._gates[number].pass_through()
        return number

    def await_begin(self, *numbers):
        for number in numbers:
            self._gates[number].await_arrival()

    def let_on(self, *numbers):
        for number in numbers:
            self._gates[number].open()

    def is_alive(self, number):
        return self.refs[number].is_alive()


@pytest.fixture
def held():
    held = Held()
    yield held
    held.let_on(*range(10))
    for ref in held.refs.values():
        ended(ref)


@rule("A95", "C38")
@pytest.mark.parametrize(("options", "width"), [({"max_concurrency": 3}, 3), ({}, 2)], ids=["given", "by default"])
def test_just_so_many_run_at_once(options, width, held, clock, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    consumer = Probe.start()

    answer = consumer.ask(lambda: values(Task.async_stream(range(5), held, **options)), block=False)
    held.await_begin(*range(width))
    clock.await_timers()
    assert sorted(held.refs) == list(range(width))

    held.let_on(0)
    held.await_begin(width)
    clock.await_timers()
    assert sorted(held.refs) == list(range(width + 1))
    held.let_on(*range(5))
    assert answer.get() == [0, 1, 2, 3, 4]


@rule("A95", "A98")
def test_a_task_has_five_seconds_by_default(held, clock):
    consumer = Probe.start()

    answer = consumer.ask(lambda: values(Task.async_stream([0], held)), block=False)
    held.await_begin(0)
    clock.await_timers()
    clock.advance(4.9)
    clock.await_timers()
    with pytest.raises(CallTimeout):
        answer.get(timeout=0)
    clock.advance(0.1)

    with pytest.raises(CallTimeout, match="longer than 5"):
        answer.get()


@rule("A95")
def test_the_time_of_each_task_begins_with_it(held, clock):
    consumer = Probe.start()
    stream = Task.async_stream(range(2), held, max_concurrency=1, timeout=3, on_timeout="kill_task")

    answer = consumer.ask(lambda: list(stream), block=False)
    held.await_begin(0)
    clock.await_timers()
    clock.advance(2)
    held.let_on(0)
    held.await_begin(1)
    clock.await_timers()
    clock.advance(2.9)
    clock.await_timers()
    assert held.is_alive(1)
    clock.advance(0.1)

    assert answer.get() == [Done(0), Exited("timeout")]


@rule("A96", "C38")
def test_a_slow_first_one_doesnt_stop_the_others():
    others_are_done = threading.Semaphore(0)

    def work(number):
        if number == 0:
            for _ in range(5):
                assert others_are_done.acquire(timeout=CAP)
        else:
            others_are_done.release()
        return number

    assert values(Task.async_stream(range(6), work, max_concurrency=2)) == [0, 1, 2, 3, 4, 5]


@rule("A96", "C38")
def test_unordered_ones_come_as_they_end():
    gate = Gate()

    def work(number):
        if number == 0:
            gate.pass_through()
        return number

    stream = Task.async_stream(range(3), work, max_concurrency=2, ordered=False)

    assert values(islice(stream, 2)) == [1, 2]
    gate.open()
    assert values(stream) == [0]


def failing_at(bad, reason="why"):
    def work(number):
        if number == bad:
            exit(reason)
        return number

    return work


@rule("A97", "C40")
def test_to_one_that_traps_exits_a_failure_is_yielded_in_its_place():
    consumer = TrappingProbe.start()

    outcomes = consumer.ask(lambda: list(Task.async_stream(range(3), failing_at(1))))

    assert outcomes == [Done(0), Exited("why"), Done(2)]
    assert received_nothing(consumer)


@rule("A97", "C40")
def test_any_other_actor_gets_an_exception_with_the_reason():
    consumer = Probe.start()

    with pytest.raises(ActorDied) as raised:
        consumer.ask(lambda: list(Task.async_stream(range(3), failing_at(1))))
    assert raised.value.reason == "why"


@rule("A97", "A99")
def test_a_failure_that_ends_the_stream_leaves_no_task_alive(held):
    consumer = Probe.start()
    taken = []

    def inputs():
        for number in count():
            taken.append(number)
            yield number

    def work(number):
        if number == 0:
            held.await_begin(1)
            exit("why")
        return held(number)

    with pytest.raises(ActorDied):
        consumer.ask(lambda: list(Task.async_stream(inputs(), work, max_concurrency=2)))

    assert not held.is_alive(1)
    assert taken[:2] == [0, 1]
    assert len(taken) <= 3, "one that takes the place of the failed one, at most"


@rule("A97")
def test_an_actor_that_doesnt_catch_a_failure_crashes_with_its_reason():
    consumer = Probe.start()
    consumer._process.actor.crash_on_failed_ask = True

    consumer.tell(lambda: list(Task.async_stream([0], failing_at(0))))

    assert ended(consumer).exit_reason.exception.reason == "why"


@rule("A97", "A98")
def test_a_failure_may_be_yielded_with_its_input():
    consumer = TrappingProbe.start()

    outcomes = consumer.ask(lambda: list(Task.async_stream(range(2), failing_at(1), zip_input_on_exit=True)))

    assert outcomes == [Done(0), Exited((1, "why"))]


@rule("A97")
def test_a_normal_end_without_a_value_is_yielded_to_all():
    consumer = Probe.start()

    outcomes = consumer.ask(lambda: list(Task.async_stream(range(2), failing_at(1, Normal()))))

    assert outcomes == [Done(0), Exited(Normal())]


def test_a_stream_that_would_block_the_event_loop_starts_nothing():
    begun = []

    class Later(Actor):
        crash_on_failed_ask = False

        async def on_receive(self, _message):
            return list(Task.async_stream([1], begun.append))

    with pytest.raises(WouldBlock):
        Later.start().ask("iterate")

    settle()
    assert begun == []


def test_outside_of_actors_a_failure_is_yielded():
    (outcome,) = Task.async_stream([0], lambda _n: 1 / 0)

    assert isinstance(outcome.reason, Crashed)


@rule("A98", "A99", "C39")
def test_a_task_that_is_too_slow_ends_the_stream_and_all_others(held, clock):
    consumer = Probe.start()

    answer = consumer.ask(lambda: list(Task.async_stream(range(2), held, timeout=3, max_concurrency=2)), block=False)
    held.await_begin(0, 1)
    clock.await_timers()
    clock.advance(3)

    with pytest.raises(CallTimeout):
        answer.get(timeout=None)
    assert [held.refs[number].exit_reason for number in (0, 1)] == [Killed(), Killed()]


@rule("A98", "C39")
def test_or_it_alone_is_killed_and_yielded(clock, gate):

    def work(number):
        refs[number] = current_actor()
        begun.release()
        if number == 0:
            gate.pass_through()
        return number

    refs, begun = {}, threading.Semaphore(0)
    consumer = Probe.start()
    stream = Task.async_stream(
        range(2), work, timeout=3, on_timeout="kill_task", zip_input_on_exit=True, max_concurrency=2
    )
    answer = consumer.ask(lambda: list(stream), block=False)
    assert begun.acquire(timeout=CAP)
    assert begun.acquire(timeout=CAP)
    ended(refs[1])
    clock.await_timers()
    clock.advance(3)

    assert answer.get(timeout=None) == [Exited((0, "timeout")), Done(1)]
    gate.open()
    ended(refs[0])


def take_one(stream):
    assert next(stream) == Done(0)
    stream.close()


def break_off(stream):
    for outcome in stream:
        assert outcome == Done(0)
        break


def raise_on(stream):
    for _ in stream:
        crash()


@rule("A99", "C41")
@pytest.mark.parametrize("stop", [take_one, break_off, raise_on, lambda stream: list(islice(stream, 1))])
def test_who_stops_early_leaves_no_task_alive_and_no_message_behind(stop, held):
    held.let_on(0)
    consumer = TrappingProbe.start()

    def consume():
        with suppress(ValueError):
            stop(Task.async_stream(count(), held, max_concurrency=3))
        return {number: held.is_alive(number) for number in held.refs}

    alive = consumer.ask(consume)

    assert 0 in alive
    assert not any(alive.values())
    assert received_nothing(consumer)


@rule("A99", "C41")
def test_an_exception_of_the_source_leaves_no_task_alive():
    gate, refs = Gate(), []

    def work(_number):
        refs.append(current_actor())
        gate.pass_through()

    def source():
        yield 1
        gate.await_arrival()
        raise ValueError("source")

    with pytest.raises(ValueError, match="source"):
        list(Task.async_stream(source(), work, max_concurrency=2))

    assert refs[0].exit_reason == Killed()
    gate.open()
    ended(refs[0])


@rule("A99")
def test_the_tasks_end_with_the_actor_that_iterates():
    gate, refs = Gate(), []

    def work(_number):
        refs.append(current_actor())
        gate.pass_through()

    consumer = Probe.start()
    consumer.tell(lambda: list(Task.async_stream([0], work, timeout=None)))
    gate.await_arrival()

    consumer.kill()

    assert consumer.join(CAP)
    assert refs[0].exit_reason == Killed()
    gate.open()
    ended(refs[0])


@rule("A99")
def test_the_tasks_of_an_actor_that_is_killed_at_work_on_an_outcome_end_at_once(held, gate):
    consumer = Probe.start()

    def consume():
        for _ in Task.async_stream(range(2), held, max_concurrency=2):
            gate.pass_through()

    held.let_on(0)
    consumer.tell(consume)
    gate.await_arrival()
    held.await_begin(1)

    consumer.kill()

    assert not held.is_alive(1)


@rule("A100", "C37")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_concurrency": 0}, "max_concurrency must be a whole number >= 1"),
        ({"timeout": -1}, "timeout must be seconds >= 0"),
        ({"on_timeout": "wat"}, "on_timeout must be one of 'exit', 'kill_task'"),
    ],
)
def test_bad_arguments_are_refused_when_the_stream_is_made(arguments, message):
    with pytest.raises(ValueError, match=message):
        Task.async_stream([1], str, **arguments)
