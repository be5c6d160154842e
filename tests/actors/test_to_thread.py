"""What coroutines have run in threads: as with asyncio's own, but that those hold no program."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from actors import Actor, _to_thread, current_runtime
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


def run_at_once(count, *, together=None):
    """Have so many functions run in threads, none of which ends before as many are `together`; return who did it."""
    barrier, threads = threading.Barrier(together or count), []

    def work():
        barrier.wait(CAP)
        threads.append(threading.current_thread())

    async def work_at_once():
        await asyncio.gather(*[asyncio.to_thread(work) for _ in range(count)])

    Patient.start().ask(work_at_once, timeout=CAP)
    return threads


@pytest.mark.threads
def test_there_is_a_thread_for_each_function_as_long_as_there_are_not_very_many():
    assert len(set(run_at_once(100))) == 100


@pytest.mark.threads
def test_of_threads_that_have_nothing_to_do_only_some_stay(monkeypatch):
    monkeypatch.setattr(_to_thread, "SPARE", 2)

    first = set(run_at_once(5))
    second = set(run_at_once(3))

    assert len(first & second) == 2


@pytest.mark.threads
def test_a_thread_ends_that_nobody_needs(monkeypatch):
    monkeypatch.setattr(_to_thread, "SPARE", 0)

    for thread in run_at_once(5):
        thread.join(CAP)
        assert not thread.is_alive()


@pytest.mark.threads
def test_there_are_so_many_threads_and_no_more_and_what_is_too_much_waits(monkeypatch, caplog):
    monkeypatch.setattr(_to_thread, "LIMIT", 4)

    threads = run_at_once(12, together=4)

    assert len(threads) == 12
    assert len(set(threads)) == 4
    assert [record.getMessage() for record in caplog.records] == [
        "all 4 threads of asyncio.to_thread() are busy; what else is to run there waits"
    ]


class Link(Actor):
    """Asks the next one, in a thread."""

    use_daemon_thread = True

    def __init__(self, following):
        self.following = following

    async def on_receive(self, message):
        return 0 if self.following is None else 1 + await asyncio.to_thread(self.following.ask, message)


def test_a_long_chain_of_actors_may_ask_each_other_in_threads():
    link = None
    for _ in range(101):
        link = Link.start(link)

    assert link.ask("how many follow?", timeout=CAP) == 100


def test_functions_that_hang_take_no_thread_from_others():
    gates = [Gate() for _ in range(40)]
    try:
        for gate in gates:
            hanging = Patient.start()
            hanging.tell(partial(asyncio.to_thread, gate.pass_through))
            gate.await_arrival()
            hanging.kill()

        assert Patient.start().ask(lambda: asyncio.to_thread(lambda: "served"), timeout=CAP) == "served"
    finally:
        for gate in gates:
            gate.open()


def test_a_coroutine_cant_take_the_threads_from_others():
    actor, other = Patient.start(), Patient.start()

    async def replace():
        with ThreadPoolExecutor() as executor:
            asyncio.get_running_loop().set_default_executor(executor)

    for take in (lambda: asyncio.get_running_loop().shutdown_default_executor(), replace):
        with pytest.raises(RuntimeError, match=r"the threads of asyncio\.to_thread\(\) are for all actors of the "):
            actor.ask(take, timeout=CAP)

    assert other.ask(lambda: asyncio.to_thread(lambda: "served"), timeout=CAP) == "served"


@pytest.mark.threads
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


@pytest.mark.threads
def test_without_any_thread_the_coroutine_is_told_so(shortage):
    actor = Patient.start()
    actor.ask(lambda: asyncio.sleep(0))

    with shortage("actors-to-thread"), pytest.raises(RuntimeError, match="can't start new thread"):
        actor.ask(lambda: asyncio.to_thread(time.monotonic), timeout=CAP)

    assert actor.ask(lambda: asyncio.to_thread(lambda: "later"), timeout=CAP) == "later"


@pytest.mark.threads
def test_what_was_given_up_before_it_began_is_not_run(monkeypatch):
    monkeypatch.setattr(_to_thread, "LIMIT", 4)
    gate, log = Gate(), []

    class Hurried(Actor):
        async def on_receive(self, _message):
            blocked = [asyncio.create_task(asyncio.to_thread(gate.pass_through)) for _ in range(4)]
            await asyncio.sleep(0)
            late = asyncio.create_task(asyncio.to_thread(log.append, "late"))
            await asyncio.sleep(0)
            late.cancel()
            await asyncio.gather(late, return_exceptions=True)
            gate.open()
            await asyncio.gather(*blocked)

    Hurried.start().ask("go", timeout=CAP)

    assert log == []


@pytest.mark.threads
def test_nobody_blocks_the_event_loop_who_waits_for_a_thread_to_begin(monkeypatch, gate):
    class Slow(threading.Thread):
        def start(self):
            gate.pass_through()
            super().start()

    actor = Patient.start()
    actor.ask(lambda: asyncio.sleep(0), timeout=CAP)
    event_loop = current_runtime()._event_loop
    monkeypatch.setattr(_to_thread.threading, "Thread", Slow)

    answer = actor.ask(lambda: asyncio.to_thread(lambda: "done"), block=False)
    gate.await_arrival()
    while_it_begins = event_loop.running
    gate.open()

    assert while_it_begins is None
    assert answer.get(timeout=CAP) == "done"
