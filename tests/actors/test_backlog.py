"""The content of a queue as a state machine: whatever happens, every event is in exactly one place."""

from __future__ import annotations

import threading
from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from actors._backlog import Backlog, QueueSettings
from actors._process import ALIVE
from actors.messages import Crashed, Killed, Shutdown
from tests.support import ManualClock

MAX_ATTEMPTS = 3


class FakeRuntime:
    def __init__(self):
        self.clock = ManualClock()


class FakeProcess:
    """A worker as the backlog sees it: alive or not, gone or not, and a mailbox."""

    def __init__(self):
        self.reason = ALIVE
        self.gone = False
        self.deliveries = []

    def put(self, message):
        if self.reason is not ALIVE:
            return False
        self.deliveries += message.deliveries
        return True

    def when_gone(self, callback):
        self.callback = callback


class FakeKeeper:
    """The queue's actor, which does what it is told when the test says so."""

    reason = ALIVE

    def __init__(self):
        self.mail = []

    def put(self, message):
        self.mail.append(message)
        return True


class QueueContent(RuleBasedStateMachine):
    """Puts, asks, answers and deaths in any order."""

    def __init__(self):
        super().__init__()
        self.runtime = FakeRuntime()
        settings = QueueSettings(MAX_ATTEMPTS, lambda attempt, _reason: float(attempt), None, 1_000)
        self.backlog = Backlog(self.runtime, "jobs", settings)
        self.backlog.adopt(FakeKeeper())
        self.numbers = iter(range(1_000_000))
        self.put = set()
        self.done = Counter()
        self.asked = Counter()

    workers = Bundle("workers")

    @rule(delay=st.sampled_from([0.0, 0.0, 1.0, 5.0]))
    def put_one(self, delay):
        event = next(self.numbers)
        self.put.add(event)
        self.backlog.put(event, delay, None)

    @rule(target=workers)
    def subscribe(self):
        process = FakeProcess()
        process.subscription = self.backlog.subscribe(process)
        return process

    @rule(worker=workers, count=st.integers(1, 4))
    def ask(self, worker, count):
        if worker.reason is ALIVE:
            self.asked[worker] += count
            self.backlog.ask(worker.subscription, count)

    @rule()
    def hand_out(self):
        self.backlog.hand_out()

    @rule(seconds=st.sampled_from([0.5, 1.0, 3.0]))
    def time_passes(self, seconds):
        self.runtime.clock.advance(seconds)

    @rule(worker=workers, answer=st.sampled_from(["ack", "fail", "snooze", "reject", "start"]))
    def answer(self, worker, answer):
        if not worker.deliveries:
            return
        delivery = worker.deliveries.pop(0)
        delivery.started = True
        in_hand = delivery.id in worker.subscription.in_hand
        match answer:
            case "ack":
                accepted = self.backlog.ack(delivery)
                self.done[delivery.event] += accepted
            case "fail":
                accepted = self.backlog.fail(delivery, Crashed(ValueError()))
            case "snooze":
                accepted = self.backlog.snooze(delivery, 1.0)
            case "reject":
                accepted = self.backlog.reject(delivery, "no")
            case _:
                worker.deliveries.insert(0, delivery)
                return
        assert accepted == in_hand

    @rule(worker=workers, reason=st.sampled_from([Killed(), Shutdown(), Crashed(ValueError("x")), "boom"]))
    def die(self, worker, reason):
        """Dead, and not yet gone: what it has in hand stays with it."""
        if worker.reason is ALIVE:
            worker.reason = reason

    @rule(target=workers, worker=consumes(workers))
    def be_gone(self, worker):
        if worker.reason is ALIVE:
            worker.reason = Shutdown()
        worker.gone = True
        self.backlog.take_back(worker)
        assert not worker.subscription.in_hand
        return multiple()

    @rule()
    def restart_the_keeper(self):
        self.backlog.adopt(FakeKeeper())

    @invariant()
    def every_event_is_in_one_place(self):
        stats = self.backlog.stats()
        assert stats.put == len(self.put)
        assert stats.put == stats.ready + stats.delayed + stats.in_flight + stats.acked + stats.dead
        pending = Counter(self.backlog.pending())
        dead = Counter(letter.event for letter in self.backlog.dead_letters())
        assert pending + dead + self.done == Counter(self.put)

    @invariant()
    def nobody_has_more_than_it_asked_for(self):
        for worker, count in self.asked.items():
            assert len(worker.subscription.in_hand) <= count

    @invariant()
    def nothing_is_handed_out_more_often_than_allowed(self):
        for letter in self.backlog.dead_letters():
            assert 1 <= letter.attempts <= MAX_ATTEMPTS
            assert letter.failures

    @invariant()
    def a_living_worker_with_demand_leaves_nothing_ready_after_a_hand_out(self):
        self.backlog.hand_out()
        stats = self.backlog.stats()
        assert stats.ready == 0 or self.backlog._dispatcher.demand() == 0


@pytest.mark.rule("F1", "F30")
@pytest.mark.timeout(120)
def test_whatever_happens_every_event_is_in_exactly_one_place():
    machine = QueueContent.TestCase
    machine.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)

    machine("runTest").runTest()


def test_puts_from_many_threads_lose_nothing():
    backlog = Backlog(FakeRuntime(), "jobs", QueueSettings(1, lambda *_: 0.0, None, 10))

    def put_many():
        for number in range(500):
            backlog.put(number, 0.0, None)

    threads = [threading.Thread(target=put_many) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert Counter(backlog.pending()) == Counter(dict.fromkeys(range(500), 8))
