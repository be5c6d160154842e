"""The content of a queue as a state machine, beside a naive one: whatever happens, every event is in one place."""

from __future__ import annotations

import threading
from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from actors import Crashed, Killed, QueueClosed, QueueFull, Shutdown
from actors._backlog import Backlog, QueueSettings
from actors._process import ALIVE
from tests.support import ManualClock

MAX_ATTEMPTS = 3
MAXSIZE = 5

indices = st.integers(0, 9)


class FakeRuntime:
    def __init__(self):
        self.clock = ManualClock()

    def wait(self, waiter, timeout):
        return waiter.wait(self.clock, timeout)


class FakeWorker:
    """A worker as the backlog sees it: alive or not, gone or not, and a mailbox."""

    def __init__(self):
        self.reason = ALIVE
        self.gone = False
        self.got = []
        self.asked = self.received = 0

    def put(self, message):
        assert self.reason is ALIVE
        assert message.deliveries
        self.got += message.deliveries
        self.received += len(message.deliveries)
        return True

    def when_gone(self, callback):
        self.callback = callback

    def lacks(self):
        """How many events it has asked for and not got."""
        return self.asked - self.received if self.reason is ALIVE else 0


class FakeKeeper:
    """The queue's actor, which reads its mail when the test says so."""

    def __init__(self):
        self.reason = ALIVE
        self.mail = []
        self.alarm = None

    def put(self, message):
        if self.reason is not ALIVE:
            return False
        self.mail.append(message)
        return True


class NaiveQueue:
    """What a queue holds, in plain lists. Who gets an event is not its business."""

    def __init__(self):
        self.ready, self.delayed, self.in_flight, self.dead, self.acked = [], [], [], [], []
        self.attempts = Counter()
        self.put = self.delays = self.handed = self.failed = self.snoozed = self.taken_back = self.stale = 0
        self.paused = self.closed = False

    def waiting(self):
        return len(self.ready) + len(self.delayed)

    def delay(self, event, due):
        self.delays += 1
        self.delayed.append((due, self.delays, event))
        self.delayed.sort()

    def release(self, now):
        while self.delayed and self.delayed[0][0] <= now:
            self.ready.append(self.delayed.pop(0)[2])

    def hand_out(self, now, demand):
        self.release(now)
        if not self.paused:
            events, self.ready = self.ready[:demand], self.ready[demand:]
            self.in_flight += events
            self.attempts.update(events)
            self.handed += len(events)

    def fail(self, event, due):
        self.failed += 1
        if self.attempts[event] >= MAX_ATTEMPTS:
            self.dead.append(event)
        else:
            self.delay(event, due)


class QueueContent(RuleBasedStateMachine):
    """Puts, asks, answers, deaths of workers and of the queue's actor, in any order."""

    def __init__(self):
        super().__init__()
        self.runtime = FakeRuntime()
        content = QueueSettings(MAX_ATTEMPTS, lambda attempt, _reason: float(attempt), MAXSIZE, 1_000)
        self.backlog = Backlog(self.runtime, "jobs", content)
        self.naive = NaiveQueue()
        self.everybody = []
        self.new_keeper()

    def now(self):
        return self.runtime.clock.now()

    def one_of(self, index, is_meant):
        """Some worker of this kind, if there is any."""
        meant = [worker for worker in self.everybody if is_meant(worker)]
        return meant[index % len(meant)] if meant else None

    def demand(self):
        return sum(worker.lacks() for worker in self.everybody)

    @rule(delay=st.sampled_from([0.0, 0.0, 0.0, 1.0, 5.0]))
    def put(self, delay):
        naive = self.naive
        if naive.closed or naive.waiting() >= MAXSIZE:
            with pytest.raises(QueueClosed if naive.closed else QueueFull):
                self.backlog.put("refused", delay, 0.0)
            return
        naive.put += 1
        self.backlog.put(naive.put, delay, 0.0)
        if delay:
            naive.delay(naive.put, self.now() + delay)
        else:
            naive.ready.append(naive.put)

    @rule()
    def subscribe(self):
        worker = FakeWorker()
        worker.subscription = self.backlog.subscribe(worker)
        self.everybody.append(worker)

    @rule(index=indices, count=st.integers(1, 4))
    def ask(self, index, count):
        """Also of a dead one: the code of a killed worker comes so far, long after its kill."""
        worker = self.one_of(index, lambda worker: not worker.gone)
        if worker is None:
            return
        worker.asked += count
        demand, is_served_at_once = self.demand(), worker.reason is ALIVE and self.naive.ready
        self.backlog.ask(worker.subscription, count)
        if is_served_at_once:
            self.naive.hand_out(self.now(), demand)
        elif worker.reason is not ALIVE:
            self.hand_out(demand)

    @rule()
    def read_mail(self):
        """The queue's actor does what it was told to."""
        self.hand_out(self.demand())

    def hand_out(self, demand):
        self.keeper.mail.clear()
        self.backlog.hand_out()
        self.keeper.alarm = self.backlog.next_due()
        self.naive.hand_out(self.now(), demand)
        assert self.naive.paused or not self.naive.ready or self.demand() == 0

    @rule(seconds=st.sampled_from([0.5, 1.0, 3.0]))
    def time_passes(self, seconds):
        self.runtime.clock.advance(seconds)
        if self.keeper.alarm is not None and self.keeper.alarm <= self.now():
            self.backlog.poke()

    @rule(index=indices, answer=st.sampled_from(["start", "ack", "fail", "fail", "retry", "snooze", "reject"]))
    def handle(self, index, answer):
        """Also of a gone one, whose answers are stale."""
        worker = self.one_of(index, lambda worker: worker.got)
        if worker is None:
            return
        delivery = worker.got[0]
        delivery.started = True
        if answer == "start":
            return
        del worker.got[0]
        answers = {
            "ack": lambda: self.backlog.ack(delivery),
            "fail": lambda: self.backlog.fail(delivery, Crashed(ValueError())),
            "retry": lambda: self.backlog.fail(delivery, Crashed(ValueError()), 2.5),
            "snooze": lambda: self.backlog.snooze(delivery, 1.0),
            "reject": lambda: self.backlog.reject(delivery, "no"),
        }
        naive, event, attempt = self.naive, delivery.event, self.naive.attempts[delivery.event]
        accepted = answers[answer]()
        assert accepted == (not worker.gone)
        if not accepted:
            naive.stale += 1
            return
        naive.in_flight.remove(event)
        match answer:
            case "ack":
                naive.acked.append(event)
            case "fail":
                naive.fail(event, self.now() + attempt)
            case "retry":
                naive.fail(event, self.now() + 2.5)
            case "snooze":
                naive.snoozed += 1
                naive.attempts[event] -= 1
                naive.delay(event, self.now() + 1.0)
            case _:
                naive.failed += 1
                naive.dead.append(event)

    @rule(index=indices, reason=st.sampled_from([Killed(), Shutdown(), Crashed(ValueError("x")), "boom"]))
    def die(self, index, reason):
        """Dead, and not yet gone: what it has in hand stays with it."""
        worker = self.one_of(index, lambda worker: worker.reason is ALIVE)
        if worker is not None:
            worker.reason = reason

    @rule(index=indices, timed_out=st.booleans())
    def be_gone(self, index, timed_out):
        worker = self.one_of(index, lambda worker: worker.reason is not ALIVE and not worker.gone)
        if worker is None:
            return
        worker.gone = True
        naive, back = self.naive, []
        for delivery in worker.subscription.in_hand.values():
            event = delivery.event
            attempt = naive.attempts[event]
            naive.in_flight.remove(event)
            naive.taken_back += 1
            if timed_out and delivery.started:
                delivery.error = Crashed(TimeoutError())
            if not delivery.started:
                naive.attempts[event] -= 1
                back.append(event)
            elif delivery.error is None and worker.reason in (Killed(), Shutdown()) and attempt < MAX_ATTEMPTS:
                back.append(event)
            else:
                naive.fail(event, self.now() + attempt)
        naive.ready[:0] = back
        worker.callback(worker)
        assert not worker.subscription.in_hand

    @rule(paused=st.booleans())
    def pause(self, paused):
        self.naive.paused = paused
        self.backlog.pause(paused=paused)

    @rule()
    def retry_a_dead_letter(self):
        letters = self.backlog.dead_letters()
        if letters:
            assert self.backlog.retry(letters[0])
            assert not self.backlog.retry(letters[0])
            event = self.naive.dead.pop(0)
            self.naive.attempts[event] = min(letters[0].attempts, MAX_ATTEMPTS - 1)
            self.naive.ready.append(event)

    @rule()
    def new_keeper(self):
        self.keeper = FakeKeeper()
        self.backlog.adopt(self.keeper)
        self.read_mail()

    @rule()
    def lose_the_keeper(self):
        """Killed, and for now there is no other; what it was told is lost with it."""
        self.keeper.reason = Killed()

    @rule()
    def a_keeper_is_killed_as_it_starts(self):
        late = FakeKeeper()
        late.reason = Killed()
        self.backlog.adopt(late)

    @rule()
    def close(self):
        # Seldom, since little happens afterwards.
        if self.naive.put > 20:
            self.naive.closed = True
            self.backlog.close()

    @invariant()
    def it_holds_what_a_naive_queue_holds(self):
        naive = self.naive
        delayed = [event for _, _, event in naive.delayed]
        pending = self.backlog.pending()
        assert pending[: naive.waiting()] == naive.ready + delayed
        assert sorted(pending[naive.waiting() :]) == sorted(naive.in_flight)
        assert self.backlog.next_due() == (naive.delayed[0][0] if naive.delayed else None)
        letters = [(letter.event, letter.attempts) for letter in self.backlog.dead_letters()]
        assert letters == [(event, naive.attempts[event]) for event in naive.dead]

    @invariant()
    def every_event_is_counted_in_one_place(self):
        stats, naive = self.backlog.stats(), self.naive
        assert stats.put == stats.ready + stats.delayed + stats.in_flight + stats.acked + stats.dead
        assert (stats.put, stats.ready, stats.delayed) == (naive.put, len(naive.ready), len(naive.delayed))
        assert (stats.in_flight, stats.acked, stats.dead) == (
            len(naive.in_flight),
            len(naive.acked),
            len(naive.dead),
        )
        assert (stats.handed, stats.failed, stats.snoozed) == (naive.handed, naive.failed, naive.snoozed)
        assert (stats.taken_back, stats.stale) == (naive.taken_back, naive.stale)
        assert len(set(naive.acked)) == len(naive.acked)

    @invariant()
    def nobody_gets_more_than_it_asked_for(self):
        assert all(worker.received <= worker.asked for worker in self.everybody)

    @invariant()
    def nothing_is_handed_out_more_often_than_allowed(self):
        assert all(attempts <= MAX_ATTEMPTS for attempts in self.naive.attempts.values())
        assert all(letter.failures for letter in self.backlog.dead_letters())

    @invariant()
    def the_actor_is_told_of_all_that_it_must_do(self):
        if self.keeper.reason is not ALIVE or self.keeper.mail:
            return
        assert self.naive.paused or not self.naive.ready or self.demand() == 0
        due = self.backlog.next_due()
        assert due is None or self.keeper.alarm is not None
        assert due is None or self.keeper.alarm <= due


@pytest.mark.rule("F1", "F3", "F7", "F10", "F22", "F30")
@pytest.mark.timeout(180)
def test_whatever_happens_every_event_is_in_exactly_one_place():
    machine = QueueContent.TestCase
    machine.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)

    machine("runTest").runTest()


def test_puts_from_many_threads_lose_nothing(hasty_threads):
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
