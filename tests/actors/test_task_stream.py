"""Streams of tasks: so many at a time, in order or not, given up early, or late."""

from __future__ import annotations

import threading
from itertools import count, islice

import pytest

from actors import ActorDied, CallTimeout, Crashed, Done, Exited, Killed, Normal, Task, current_actor, exit
from tests.support import CAP, Gate, Probe, TrappingProbe, ended, received_nothing

rule = pytest.mark.rule


def values(outcomes):
    return [outcome.value for outcome in outcomes]


@rule("A95")
def test_each_input_has_a_task_of_its_own_and_the_values_come_in_order():
    assert list(Task.async_stream(range(5), lambda n: n * n)) == [Done(n * n) for n in range(5)]


@rule("A95")
def test_nothing_is_started_before_it_is_iterated_over():
    begun = []

    stream = Task.async_stream(range(3), begun.append)

    assert begun == []
    assert len(list(stream)) == 3
    assert sorted(begun) == [0, 1, 2]


@rule("A95")
def test_no_more_than_so_many_run_at_once():
    lock, running, most = threading.Lock(), [], []

    def work(number):
        with lock:
            running.append(number)
            most.append(len(running))
        with lock:
            running.remove(number)

    list(Task.async_stream(range(50), work, max_concurrency=3))

    assert max(most) <= 3


@rule("A96")
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


@rule("A96")
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


@rule("A97")
def test_to_one_that_traps_exits_a_failure_is_yielded_in_its_place():
    consumer = TrappingProbe.start()

    outcomes = consumer.ask(lambda: list(Task.async_stream(range(3), failing_at(1))))

    assert outcomes == [Done(0), Exited("why"), Done(2)]
    assert received_nothing(consumer)


@rule("A97")
def test_any_other_actor_gets_an_exception_with_the_reason():
    consumer = Probe.start()

    with pytest.raises(ActorDied) as raised:
        consumer.ask(lambda: list(Task.async_stream(range(3), failing_at(1))))
    assert raised.value.reason == "why"


@rule("A97")
def test_a_normal_end_without_a_value_is_yielded_to_all():
    consumer = Probe.start()

    outcomes = consumer.ask(lambda: list(Task.async_stream(range(2), failing_at(1, Normal()))))

    assert outcomes == [Done(0), Exited(Normal())]


def test_outside_of_actors_a_failure_is_yielded():
    (outcome,) = Task.async_stream([0], lambda _n: 1 / 0)

    assert isinstance(outcome.reason, Crashed)


@rule("A98")
def test_a_task_that_is_too_slow_ends_the_stream(clock):
    gate, refs = Gate(), []

    def work(_number):
        refs.append(current_actor())
        gate.pass_through()

    consumer = Probe.start()
    answer = consumer.ask(lambda: list(Task.async_stream([0], work, timeout=3)), block=False)
    gate.await_arrival()
    clock.await_timers()
    clock.advance(3)

    with pytest.raises(CallTimeout):
        answer.get(timeout=None)
    assert refs[0].exit_reason == Killed()
    gate.open()
    ended(refs[0])


@rule("A98")
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


@rule("A99")
def test_who_stops_early_leaves_no_task_alive():
    gate, refs = Gate(), []

    def work(number):
        refs.append(current_actor())
        if number:
            gate.pass_through()
        return number

    stream = Task.async_stream(count(), work, max_concurrency=3)
    assert next(stream) == Done(0)
    gate.await_arrival()
    stream.close()

    assert not any(ref.is_alive() for ref in refs)
    gate.open()
    for ref in refs:
        ended(ref)


@rule("A99")
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


@rule("A100")
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
