"""What coroutines have run in threads: as with asyncio's own, but that those hold no program."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from actors import Actor, _to_thread
from tests.actors.coroutines import Answering
from tests.support import CAP, Gate


class Patient(Answering):
    """Outlives what its coroutines raise."""

    crash_on_failed_ask = False


def test_a_function_gives_its_value_or_its_error():
    actor = Patient.start()

    assert actor.ask(lambda: asyncio.to_thread(divmod, 7, 2), timeout=CAP) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        actor.ask(lambda: asyncio.to_thread(divmod, 7, 0), timeout=CAP)


def test_what_would_end_a_thread_ends_none():
    def leave():
        raise SystemExit

    async def leave_and_go_on():
        with pytest.raises(SystemExit):
            await asyncio.to_thread(leave)
        return await asyncio.to_thread(lambda: "served")

    assert Patient.start().ask(leave_and_go_on, timeout=CAP) == "served"


def test_a_thread_serves_again_when_it_has_served():
    async def one_after_the_other():
        idents = set()
        for _ in range(100):
            idents.add(await asyncio.to_thread(threading.get_ident))
        return len(idents)

    assert Patient.start().ask(one_after_the_other, timeout=CAP) < 100


def test_there_are_so_many_threads_and_no_more_and_what_is_too_much_waits():
    gate, names = Gate(), []

    def work():
        gate.pass_through()
        names.append(threading.current_thread().name)

    async def work_at_once():
        calls = [asyncio.create_task(asyncio.to_thread(work)) for _ in range(3 * _to_thread.SIZE)]
        # All have been given to the threads.
        await asyncio.sleep(0)
        gate.open()
        await asyncio.gather(*calls)

    Patient.start().ask(work_at_once, timeout=CAP)

    assert len(names) == 3 * _to_thread.SIZE
    assert len(set(names)) <= _to_thread.SIZE


def test_where_no_thread_can_be_started_the_others_do_it_all(shortage):
    gate = Gate()

    async def two():
        first = asyncio.create_task(asyncio.to_thread(gate.pass_through))
        await asyncio.sleep(0)
        with shortage("actors-to-thread"):
            second = asyncio.create_task(asyncio.to_thread(lambda: "done by the first"))
            await asyncio.sleep(0)
        gate.open()
        await first
        return await second

    assert Patient.start().ask(two, timeout=CAP) == "done by the first"


def test_without_any_thread_the_coroutine_is_told_so(shortage):
    actor = Patient.start()
    actor.ask(lambda: asyncio.sleep(0))

    with shortage("actors-to-thread"), pytest.raises(RuntimeError, match="can't start new thread"):
        actor.ask(lambda: asyncio.to_thread(time.monotonic), timeout=CAP)

    assert actor.ask(lambda: asyncio.to_thread(lambda: "later"), timeout=CAP) == "later"


def test_what_was_given_up_before_it_began_is_not_run():
    gate, log = Gate(), []

    class Hurried(Actor):
        async def on_receive(self, _message):
            blocked = [asyncio.create_task(asyncio.to_thread(gate.pass_through)) for _ in range(_to_thread.SIZE)]
            await asyncio.sleep(0)
            late = asyncio.create_task(asyncio.to_thread(log.append, "late"))
            await asyncio.sleep(0)
            late.cancel()
            await asyncio.gather(late, return_exceptions=True)
            gate.open()
            await asyncio.gather(*blocked)

    Hurried.start().ask("go", timeout=CAP)

    assert log == []
