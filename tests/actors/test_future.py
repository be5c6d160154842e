"""Futures work as Pykka's; their waits are the runtime's."""

from __future__ import annotations

import asyncio
import gc
import operator
import queue
import sys
import threading
import traceback

import pykka
import pytest

from actors import Actor, CallExit, CallTimeout
from actors._future import Future, Request, _LoopWaiter
from tests.support import CAP, Gate, Probe, crash, ended, received_nothing

rule = pytest.mark.rule


@pytest.fixture
def future():
    return Future()


def done(value):
    future = Future()
    future.set(value)
    return future


def failing(exception):
    future = Future()
    future.set_exception((type(exception), exception, None))
    return future


def getting(future, timeout=None):
    """A probe's answer: what `future.get(timeout=timeout)` gives there."""
    return Probe.start().ask(lambda: future.get(timeout=timeout), block=False)


def test_a_future_is_one_of_pykkas(future):
    assert isinstance(future, pykka.Future)
    assert isinstance(Actor._create_future(), Future)


@pytest.mark.parametrize("value", [1, None, 0, "", [], pykka.Timeout], ids=repr)
def test_the_value_that_was_set_can_be_got_again_and_again(future, value):
    future.set(value)

    assert [future.get(), future.get(timeout=0)] == [value, value]


def test_set_without_a_value_sets_none(future):
    future.set()

    assert future.get() is None


def test_the_value_is_not_copied(future):
    value = object()

    future.set(value)

    assert future.get() is value


def test_a_wait_ends_when_the_value_is_set(future, clock):
    answer = getting(future, timeout=5)
    clock.await_timers()

    future.set("late")

    assert answer.get() == "late"


def test_all_who_wait_get_the_value(future, clock):
    answers = [getting(future, timeout=5) for _ in range(5)]
    clock.await_timers(5)

    future.set("for all")

    assert [answer.get() for answer in answers] == ["for all"] * 5


@rule("A58")
def test_a_get_out_of_time_raises_what_pykka_raises(future, clock):
    answer = getting(future, timeout=5)
    clock.await_timers()

    clock.advance(5)

    with pytest.raises(pykka.Timeout) as raised:
        answer.get()
    assert isinstance(raised.value, CallTimeout)
    assert isinstance(raised.value, CallExit)
    assert raised.value.reason == "timeout"
    assert "within 5 seconds" in str(raised.value)


@rule("A62")
@pytest.mark.parametrize("timeout", [0, 0.0])
def test_a_get_with_no_time_does_not_wait(future, timeout):
    with pytest.raises(CallTimeout):
        future.get(timeout=timeout)


def test_a_get_out_of_time_can_be_repeated(future):
    with pytest.raises(CallTimeout):
        future.get(timeout=0)
    future.set("at last")

    assert future.get(timeout=0) == "at last"


def test_the_exception_that_was_set_is_raised_by_each_get(future):
    error = ValueError("boom")
    future.set_exception((ValueError, error, None))

    for _ in range(2):
        with pytest.raises(ValueError, match="boom") as raised:
            future.get()
        assert raised.value is error


def test_an_exception_being_handled_is_set_with_its_traceback(future):
    def guilty():
        raise ValueError("boom")

    try:
        guilty()
    except ValueError:
        future.set_exception()

    with pytest.raises(ValueError, match="boom") as raised:
        future.get()
    assert "guilty" in [frame.name for frame in traceback.extract_tb(raised.value.__traceback__)]


def test_repeated_gets_do_not_lengthen_the_traceback(future):
    try:
        raise ValueError("boom")
    except ValueError:
        future.set_exception(sys.exc_info())

    lengths = set()
    for _ in range(3):
        try:
            future.get()
        except ValueError as error:
            lengths.add(len(traceback.extract_tb(error.__traceback__)))

    assert len(lengths) == 1


def test_an_exception_may_be_given_by_its_class_alone(future):
    future.set_exception((KeyError, None, None))

    with pytest.raises(KeyError):
        future.get()


@pytest.mark.parametrize("nothing", [None, (None, None, None)])
def test_setting_no_exception_at_all_is_an_error(future, nothing):
    with pytest.raises(TypeError, match="exc_info"):
        future.set_exception(nothing)


@pytest.mark.parametrize("settled", [lambda: done(1), lambda: failing(ValueError())])
def test_an_outcome_can_be_set_only_once(settled):
    future = settled()

    with pytest.raises(queue.Full):
        future.set(2)
    with pytest.raises(queue.Full):
        future.set_exception((ValueError, ValueError(), None))
    with pytest.raises(queue.Full):
        future.set_get_hook(lambda timeout: 3)


def test_a_get_hook_gives_the_value_once_and_gets_the_timeout(future):
    timeouts = []

    def hook(timeout):
        timeouts.append(timeout)
        return "hooked"

    future.set_get_hook(hook)

    assert [future.get(timeout=2.5), future.get()] == ["hooked", "hooked"]
    assert timeouts == [2.5]


def test_a_future_with_a_get_hook_takes_no_outcome(future):
    future.set_get_hook(lambda timeout: "hooked")

    with pytest.raises(queue.Full):
        future.set(1)
    with pytest.raises(queue.Full):
        future.set_exception((ValueError, ValueError(), None))


def test_map_passes_the_value_through_a_function(future):
    mapped = future.map(lambda x: x + 1)

    future.set(30)

    assert mapped.get(timeout=0) == 31


def test_filter_keeps_the_items_that_pass(future):
    filtered = future.filter(lambda x: x > 10)

    future.set(range(8, 13))

    assert filtered.get(timeout=0) == [11, 12]


def test_join_lists_the_values_of_all(future):
    plain = pykka.ThreadingFuture()
    joined = future.join(done(2), plain)

    future.set(1)
    plain.set(3)

    assert joined.get(timeout=0) == [1, 2, 3]


def test_a_plain_future_can_join_ours():
    plain = pykka.ThreadingFuture()
    plain.set(1)

    assert plain.join(done(2)).get(timeout=0) == [1, 2]


def test_reduce_folds_the_items_from_the_left():
    assert done([1, 2, 3]).reduce(operator.sub).get() == -4
    assert done([1, 2]).reduce(operator.add, 10).get() == 13
    assert done([]).reduce(operator.add, 5).get() == 5


def test_what_is_derived_of_a_failure_fails_alike():
    derived = failing(ValueError("boom")).map(str).map(len)

    with pytest.raises(ValueError, match="boom"):
        derived.get()


def test_the_timeout_goes_through_to_where_the_wait_is(future, clock):
    answer = getting(future.map(str), timeout=3)
    clock.await_timers()

    clock.advance(3)

    with pytest.raises(CallTimeout):
        answer.get()


def test_pykkas_get_all_takes_our_futures():
    assert pykka.get_all([done(1), done(2)], timeout=0) == [1, 2]


def test_a_future_can_be_awaited_as_pykkas():
    async def handler():
        return await done(5)

    steps = handler()
    steps.send(None)

    with pytest.raises(StopIteration) as stopped:
        steps.send(None)
    assert stopped.value.value == 5


# In an event loop


@pytest.mark.threads
def test_a_future_is_awaited_without_blocking_the_loop():
    gate = Gate()
    probe = Probe.options(runs_on="thread").start()

    async def main():
        answer = asyncio.ensure_future(awaiting(probe.ask(lambda: (gate.pass_through(), "answer")[1], block=False)))
        # The loop goes on: it can see the actor arrive, and let it on.
        await asyncio.to_thread(gate.await_arrival)
        gate.open()
        return await answer

    assert asyncio.run(main()) == "answer"


async def awaiting(future):
    return await future


def test_an_exception_is_raised_by_the_await():
    probe = Probe.start()

    async def main():
        return await probe.ask(crash, block=False)

    with pytest.raises(ValueError, match="boom"):
        asyncio.run(main())


@pytest.mark.threads
def test_cancelling_an_await_gives_up_the_wait_and_nothing_else():
    gate = Gate()
    probe = Probe.options(runs_on="thread").start()
    future = probe.ask(lambda: (gate.pass_through(), "answer")[1], block=False)

    async def main():
        waiting = asyncio.ensure_future(awaiting(future))
        await asyncio.to_thread(gate.await_arrival)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(main())
    gate.open()

    assert future.get(timeout=CAP) == "answer"


@pytest.mark.parametrize(
    ("derive", "expected"),
    [
        (lambda future: future.map(lambda value: value + 1), 6),
        (lambda future: future.join(done(7)), [5, 7]),
        (lambda future: future.map(lambda value: [value, 9]).filter(lambda item: item > 5), [9]),
        (lambda future: future.map(lambda value: [value, 9]).reduce(lambda one, other: one + other), 14),
    ],
)
def test_derived_futures_can_be_awaited(derive, expected):
    async def main():
        return await derive(Probe.start().ask(lambda: 5, block=False))

    assert asyncio.run(main()) == expected


def test_a_hook_of_ones_own_doesnt_block_the_loop():
    future = Future()
    let_on = threading.Event()
    future.set_get_hook(lambda _timeout: let_on.wait(CAP) and "value")

    async def main():
        value = asyncio.ensure_future(awaiting(future))
        # The loop goes on: it can let the hook on.
        asyncio.get_running_loop().call_soon(let_on.set)
        return await value

    assert asyncio.run(main()) == "value"


@rule("A59")
@rule("A60")
def test_an_answer_that_comes_too_late_is_dropped_and_the_message_is_handled(clock):
    gate, handled = Gate(), []
    probe = Probe.options(runs_on="thread").start()
    asker = Probe.start()
    answer = asker.ask(lambda: probe.ask(lambda: (gate.pass_through(), handled.append(1)), timeout=3), block=False)
    gate.await_arrival()
    clock.await_timers()
    clock.advance(3)
    with pytest.raises(CallTimeout):
        answer.get(timeout=None)

    gate.open()

    assert probe.ask(lambda: "next") == "next"
    assert handled == [1]
    assert received_nothing(asker)


def test_all_who_wait_are_woken_though_some_go_meanwhile(future):
    woken = []

    class Leaving:
        def release(self):
            woken.append(self)
            future._waiters.remove(self)

    for _ in range(3):
        future._add_waiter(Leaving())

    future.set("value")

    assert len(woken) == 3


def test_a_loop_that_closes_over_a_wait_does_no_harm_to_who_answers(future, monkeypatch):
    loop = asyncio.new_event_loop()
    future._add_waiter(_LoopWaiter(loop))
    loop.close()
    # As if it was closed between the look and the call.
    with monkeypatch.context() as patch:
        patch.setattr(loop, "is_closed", lambda: False)
        future.set("value")

    assert future.get(timeout=0) == "value"


@pytest.mark.parametrize("answer", ["answer", "refuse"])
def test_all_who_wait_for_an_answer_are_woken_though_some_go_meanwhile(answer):
    woken = []
    request = Request("question", Probe.start()._process)

    class Leaving:
        def release(self):
            woken.append(self)
            request._waiters.remove(self)

    for _ in range(3):
        request._add_waiter(Leaving())

    getattr(request, answer)(ValueError())

    assert len(woken) == 3


def test_a_future_forgets_who_was_killed_while_waiting_for_it(future, clock):
    waiting = Probe.start()
    waiting.tell(lambda: future.get(timeout=5))
    clock.await_timers()

    waiting.kill()
    ended(waiting)

    assert future._waiters == []


def test_awaiting_what_is_made_of_a_failure_raises_it_and_logs_nothing(future, caplog):
    future.set_exception((ValueError, ValueError("boom"), None))

    async def wait():
        with pytest.raises(ValueError, match="boom"):
            await future.map(str)

    asyncio.run(wait())
    gc.collect()

    assert caplog.records == []


def test_a_cancelled_await_of_what_is_made_of_a_future_leaves_no_task(future):
    async def wait():
        waiting = asyncio.ensure_future(_awaiting(future.map(str)))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert asyncio.run(wait()) == set()
    assert future._waiters == []


async def _awaiting(future):
    return await future


@pytest.mark.threads
def test_awaiting_a_join_with_a_future_of_plain_pykkas_leaves_the_loop_to_others(gate):
    class Plain(pykka.ThreadingActor):
        use_daemon_thread = True

        def on_receive(self, message):
            message()
            return "plain"

    plain = Plain.start()

    async def open_later():
        # A loop that is blocked comes no further than to its next round.
        for _ in range(10):
            await asyncio.sleep(0)
        gate.open()

    async def await_both():
        opening = asyncio.create_task(open_later())
        joined = Probe.start().ask(lambda: "ours", block=False).join(plain.ask(gate.pass_through, block=False))
        outcome = await joined
        await opening
        return outcome

    assert asyncio.run(await_both()) == ["ours", "plain"]
    plain.stop()
