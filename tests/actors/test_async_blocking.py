"""Coroutines that block the event loop of all: named, once for each class, at no cost while all wait."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading

import pytest

from actors import Runtime, _watchdog, current_runtime
from actors._watchdog import Watchdog
from tests.actors.coroutines import Answering, Latch, five
from tests.support import CAP, Gate

TOO_MANY = _watchdog.HELD_AFTER + 1
"""Looks after which somebody is named who has gone on with nothing since the first."""


@pytest.fixture
def hasty_watchdog(monkeypatch):
    """Have the watchdog look often."""
    monkeypatch.setattr(_watchdog, "WATCH_SECONDS", 0.001)


@pytest.fixture
def look(monkeypatch):
    """A function that looks as the watchdog does, so many times; that itself never does, however long it all takes."""
    monkeypatch.setattr(Watchdog, "_rouse", lambda _watchdog: None)

    def look(times):
        for _ in range(times):
            current_runtime().scheduler.watchdog._look()

    return look


@pytest.fixture
def next_record():
    """A function that returns the next thing that is logged of the scheduler, waiting for it."""
    records = queue.SimpleQueue()
    handler = logging.Handler()
    handler.emit = records.put
    logger = logging.getLogger("pykka_otp.scheduler")
    logger.addHandler(handler)
    yield lambda: records.get(timeout=CAP)
    logger.removeHandler(handler)


class Bell:
    """The watchdog's, which tells when that sleeps."""

    def __init__(self, watchdog):
        self._bell, self.sleeps = watchdog._bell, threading.Semaphore(0)

    def acquire(self):
        self.sleeps.release()
        self._bell.acquire()

    def release(self):
        self._bell.release()


class Blocking(Answering):
    """Blocks the event loop where the test says."""


def blocking_at(gate):
    async def block():
        gate.pass_through()
        return "done"

    return block


def test_who_blocks_the_event_loop_is_named_once_with_file_and_line(look, caplog):
    ref = Blocking.start()

    for _ in range(2):
        gate = Gate()
        answer = ref.ask(blocking_at(gate), block=False)
        gate.await_arrival()
        look(2 * TOO_MANY)
        gate.open()
        assert answer.get(timeout=CAP) == "done"

    (record,) = caplog.records
    assert (record.levelname, record.actor) == ("WARNING", "Blocking")
    assert record.getMessage().startswith("Blocking blocks the event loop that all async handlers share, at ")
    file, line = record.where.rsplit(":", 1)
    assert file.endswith("support.py")
    assert int(line) > 0
    assert "asyncio.to_thread" in record.getMessage()
    assert "runs_on = 'thread'" in record.getMessage()


def test_who_blocks_the_event_loop_is_named_after_so_many_looks_and_not_before(look, caplog):
    gate = Gate()
    Blocking.start().tell(blocking_at(gate))
    gate.await_arrival()

    look(TOO_MANY - 1)
    assert caplog.records == []
    look(1)
    assert [record.actor for record in caplog.records] == ["Blocking"]

    gate.open()


def test_a_class_is_named_that_blocks_again_after_others_and_each_once(look, caplog):
    class Second(Blocking):
        pass

    for ref in Blocking.start(), Second.start(), Blocking.start():
        gate = Gate()
        answer = ref.ask(blocking_at(gate), block=False)
        gate.await_arrival()
        look(TOO_MANY)
        gate.open()
        assert answer.get(timeout=CAP) == "done"

    assert [record.actor for record in caplog.records] == ["Blocking", "Second"]


def test_a_task_beside_the_handler_that_blocks_is_named_as_its_actors(look, caplog):
    gate, tasks = Gate(), []

    async def start():
        tasks.append(asyncio.create_task(blocking_at(gate)()))

    Blocking.start().tell(start)
    gate.await_arrival()
    look(TOO_MANY)

    assert [record.actor for record in caplog.records] == ["Blocking"]
    gate.open()


def test_who_awaits_for_long_is_not_named(monkeypatch, hasty_watchdog, caplog):
    looked = threading.Semaphore(0)
    look = Watchdog._look

    def note(watchdog):
        try:
            return look(watchdog)
        finally:
            looked.release()

    monkeypatch.setattr(Watchdog, "_look", note)
    latch = Latch()
    waiting = Answering.start()
    answer = waiting.ask(latch.pass_through, block=False)
    latch.await_arrival()

    for _ in range(2 * _watchdog.HELD_AFTER):
        assert looked.acquire(timeout=CAP)
        # Something else that the loop has to do, which is over soon.
        assert Answering.start().ask(five) == 5

    latch.open()
    answer.get(timeout=CAP)
    assert caplog.records == []


def test_the_watchdog_sleeps_while_all_wait_and_is_roused_by_the_loop_alone(hasty_watchdog, next_record):
    latch, gate = Latch(), Gate()

    async def wait_and_block():
        await latch.pass_through()
        gate.pass_through()

    with Runtime() as runtime:
        bell = runtime.scheduler.watchdog._bell = Bell(runtime.scheduler.watchdog)
        refs = [Blocking.start() for _ in range(3)]
        for ref in refs:
            ref.tell(wait_and_block)
            latch.await_arrival()
        assert bell.sleeps.acquire(timeout=CAP)

        latch.open()

        assert next_record().actor == "Blocking"
        gate.open()


def test_an_error_of_the_watchdogs_own_does_not_end_it(monkeypatch, hasty_watchdog, next_record):
    where = _watchdog._where

    def fail_once(ident):
        monkeypatch.setattr(_watchdog, "_where", where)
        raise KeyboardInterrupt

    monkeypatch.setattr(_watchdog, "_where", fail_once)
    gate = Gate()
    Blocking.start().tell(blocking_at(gate))

    assert next_record().levelname == "CRITICAL"
    assert next_record().actor == "Blocking"
    gate.open()
