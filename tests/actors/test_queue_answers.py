"""The Queue and what workers say of an event: handled, failed, later, never; and what becomes of it then."""

from __future__ import annotations

import pytest

from actors import Backoff, Crashed, Reject, Retry, Shutdown, Snooze
from actors import exit as exit_actor
from tests.actors.workshop import Forgiving, Scripted, balance, caught_up, settle, started
from tests.support import CAP, Probe, ended

rule = pytest.mark.rule


def ended_or_done(worker, queue, attempt):
    """Wait until the worker has crashed, and the queue has noted the failed attempt."""
    ended(worker)
    caught_up()
    assert queue.stats().failed == attempt


@rule("F2", "F10")
def test_an_answer_for_what_was_taken_back_is_refused():
    queue = started()
    queue.put("x")
    backlog = queue._backlog()
    probe, other = Probe.start(), Probe.start()
    subscription = backlog.subscribe(probe._process)
    backlog.ask(subscription, 1)
    (delivery,) = list(subscription.in_hand.values())
    probe.stop()
    caught_up()
    second = backlog.subscribe(other._process)
    backlog.ask(second, 1)
    (again,) = list(second.in_hand.values())

    assert backlog.ack(again)
    assert not backlog.ack(delivery)
    assert not backlog.ack(again)

    assert (queue.stats().acked, queue.stats().stale) == (1, 2)
    assert balance(queue)


@rule("F4", "F5", "F28", "E84")
def test_a_poisonous_event_ends_in_the_dead_letters_with_its_reasons(clock):
    queue, log = started(max_attempts=3), []

    def script(event):
        log.append(event)
        if event == "poison":
            raise ValueError(event)

    queue.put_many(["poison", "good"])
    for number in range(1, 4):
        worker = Scripted.start(queue, script)
        ended_or_done(worker, queue, number)
        clock.advance(1)

    (letter,) = queue.dead_letters()
    assert (letter.event, letter.attempts) == ("poison", 3)
    assert [failure.reason for failure in letter.failures] == [Crashed(ValueError("poison"))] * 3
    assert queue.join(CAP)
    assert "good" in log
    assert balance(queue)


@rule("F5")
def test_a_dead_letter_can_be_tried_again_or_forgotten():
    queue, log, broken = started(max_attempts=1), [], [True]

    def script(event):
        if broken[0]:
            raise Reject(event)
        log.append(event)

    Scripted.start_link(queue, script)
    queue.put_many(["a", "b"])
    assert queue.join(CAP)
    first, second = queue.dead_letters()

    broken[0] = False
    assert queue.retry(first)
    assert not queue.retry(first)

    assert queue.join(CAP)
    assert log == ["a"]
    assert queue.dead_letters() == [second]
    assert queue.purge() == 1
    assert queue.dead_letters() == []
    assert balance(queue)


def test_a_dead_letter_box_that_is_full_drops_the_oldest():
    queue = started(max_dead_letters=2)

    def script(event):
        raise Reject(event)

    Scripted.start_link(queue, script)
    queue.put_many([1, 2, 3])

    assert queue.join(CAP)
    assert [letter.event for letter in queue.dead_letters()] == [2, 3]
    assert queue.stats().dead == 3


@rule("F6")
def test_failures_are_tried_again_after_longer_and_longer_times(clock):
    queue, attempts = started(max_attempts=4), []

    def script(event):
        attempts.append((event, clock.now() - 1000.0))
        if event == "bad":
            raise ValueError

    Forgiving.start_link(queue, script)
    queue.put("bad")
    for seconds in (0.1, 0.2, 0.4):
        settle(queue)
        queue.put(f"other {seconds}")
        settle(queue)
        clock.advance(seconds)
    settle(queue)

    assert [round(at, 6) for event, at in attempts if event == "bad"] == [0.0, 0.1, 0.3, 0.7]
    assert len(attempts) == 7
    assert [letter.event for letter in queue.dead_letters()] == ["bad"]


@rule("F6")
def test_the_default_backoff_doubles_up_to_a_cap_with_upward_jitter():
    exact = Backoff(0.1, cap=60.0, jitter=0.0)
    assert [exact(attempt, None) for attempt in (1, 2, 3, 10, 11, 5000)] == [0.1, 0.2, 0.4, 51.2, 60.0, 60.0]

    jittered = [Backoff(seed=7)(attempt, None) / exact(attempt, None) for attempt in range(1, 50)]
    assert all(1.0 <= ratio <= 1.1 for ratio in jittered)
    assert [Backoff(seed=7)(3, None) for _ in range(3)] == [Backoff(seed=7)(3, None)] * 3


def test_a_backoff_that_fails_loses_no_event(caplog):
    def broken(_attempt, _reason):
        raise ZeroDivisionError

    queue = started(max_attempts=2, backoff=broken)
    Forgiving.start_link(queue, lambda _event: 1 / 0)

    queue.put("x")

    assert queue.join(CAP)
    assert [letter.attempts for letter in queue.dead_letters()] == [2]


@rule("D85", "E89", "F8", "F11")
def test_a_snoozed_event_comes_back_later_and_costs_no_attempt(clock):
    queue, seen = started(max_attempts=2), []

    def script(event):
        seen.append(event)
        if seen.count("x") <= 5 and event == "x":
            raise Snooze(1.0)

    Scripted.start_link(queue, script)
    queue.put_many(["x", "y"])
    for _ in range(5):
        settle(queue)
        clock.advance(1.0)
    settle(queue)

    assert seen == ["x", "y", "x", "x", "x", "x", "x"]
    stats = queue.stats()
    assert (stats.acked, stats.snoozed, stats.failed, stats.dead) == (2, 5, 0, 0)


@rule("F8")
def test_snoozes_leave_all_attempts_to_be_made(clock):
    queue, seen = started(max_attempts=2), []

    def script(event):
        seen.append(event)
        raise Snooze(1.0) if len(seen) <= 5 else ValueError

    Forgiving.start_link(queue, script)
    queue.put("x")
    for _ in range(6):
        settle(queue)
        clock.advance(1.0)
    settle(queue)

    (letter,) = queue.dead_letters()
    assert (len(seen), letter.attempts, len(letter.failures)) == (7, 2, 2)


@rule("F8")
def test_a_rejected_event_is_a_dead_letter_at_once():
    queue = started(max_attempts=5)

    def script(event):
        raise Reject(f"no {event}")

    Scripted.start_link(queue, script)
    queue.put("x")

    assert queue.join(CAP)
    (letter,) = queue.dead_letters()
    assert (letter.attempts, [failure.reason for failure in letter.failures]) == (1, ["no x"])


@rule("F8")
def test_a_retry_is_a_failed_attempt_with_a_time_of_its_own(clock):
    queue, seen = started(max_attempts=2), []

    def script(event):
        seen.append(clock.now() - 1000.0)
        raise Retry(after=7.0) from OSError("down")

    worker = Scripted.start_link(queue, script)
    queue.put("x")
    settle(queue)
    clock.advance(7.0)
    settle(queue)

    assert seen == [0.0, 7.0]
    assert worker.is_alive()
    (letter,) = queue.dead_letters()
    assert [failure.reason for failure in letter.failures] == [Crashed(OSError("down"))] * 2


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf")])
def test_a_snooze_and_a_retry_refuse_bad_times(bad):
    with pytest.raises(ValueError, match="Snooze"):
        Snooze(bad)
    with pytest.raises(ValueError, match="Retry"):
        Retry(bad)


@rule("F4")
def test_a_worker_may_fail_an_event_and_live():
    queue, log = started(max_attempts=1), []

    def script(event):
        if event == "bad":
            raise ValueError(event)
        log.append(event)

    worker = Forgiving.start_link(queue, script)
    queue.put_many(["a", "bad", "c"])

    assert queue.join(CAP)
    assert log == ["a", "c"]
    assert worker.is_alive()
    assert [letter.event for letter in queue.dead_letters()] == ["bad"]


@rule("F4")
def test_an_exit_in_a_forgiving_workers_handler_only_fails_the_event():
    queue = started(max_attempts=1)

    worker = Forgiving.start_link(queue, lambda _event: exit_actor("enough"))
    queue.put("x")

    assert queue.join(CAP)
    assert worker.is_alive()
    assert [letter.event for letter in queue.dead_letters()] == ["x"]


@rule("F3", "F5")
def test_a_worker_that_leaves_with_each_attempt_uses_them_up():
    queue = started(max_attempts=2)
    queue.put("x")

    for _ in range(2):
        ended(Scripted.start(queue, lambda _event: exit_actor(Shutdown("not now"))))

    (letter,) = queue.dead_letters()
    assert (letter.attempts, [failure.reason for failure in letter.failures]) == (2, [Shutdown("not now")])


@rule("F5")
def test_a_dead_letter_says_when_each_attempt_failed(clock):
    queue = started(max_attempts=2)
    Forgiving.start_link(queue, lambda _event: 1 / 0)

    queue.put("x")
    settle(queue)
    clock.advance(0.1)
    settle(queue)

    (letter,) = queue.dead_letters()
    assert [round(failure.at - 1000.0, 6) for failure in letter.failures] == [0.0, 0.1]


@rule("F5")
def test_a_dead_letter_tried_again_gets_one_more_attempt_each_time():
    queue, seen = started(max_attempts=3, backoff=lambda _attempt, _reason: 0.0), []

    def script(event):
        seen.append(event)
        raise Retry

    Scripted.start_link(queue, script)
    queue.put("x")
    assert queue.join(CAP)

    for attempts in (3, 3):
        (letter,) = queue.dead_letters()
        assert letter.attempts == attempts
        queue.retry(letter)
        assert queue.join(CAP)

    assert len(seen) == 5
    assert len(queue.dead_letters()[0].failures) == 5
    assert balance(queue)


@rule("F5", "F14")
def test_a_dead_letter_comes_back_into_a_full_and_closed_queue():
    queue = started(maxsize=1)

    def script(event):
        raise Reject(event)

    worker = Scripted.start_link(queue, script)
    queue.put("dead")
    assert queue.join(CAP)
    ended_in_order(worker)
    queue.put("ready")
    queue.close()

    assert queue.retry(queue.dead_letters()[0])

    assert queue.pending() == ["ready", "dead"]


def ended_in_order(worker):
    worker.stop()
    assert worker.join(CAP)


@rule("F6")
def test_the_backoff_is_asked_with_the_attempt_and_the_reason():
    asked = []

    def backoff(attempt, reason):
        asked.append((attempt, reason))
        return 0.0

    queue = started(max_attempts=3, backoff=backoff)

    def script(event):
        raise ValueError(event)

    Forgiving.start_link(queue, script)
    queue.put("x")

    assert queue.join(CAP)
    assert asked == [(1, Crashed(ValueError("x"))), (2, Crashed(ValueError("x")))]


@rule("F6")
def test_a_backoff_may_look_at_the_queue_that_asks_it():
    queue = started(max_attempts=2, backoff=lambda _attempt, _reason: float(queue.stats().ready))

    worker = Scripted.start(queue, lambda _event: 1 / 0)
    queue.put("crashes its worker")
    ended(worker)
    Forgiving.start_link(queue, lambda _event: 1 / 0)
    queue.put("fails")

    assert queue.join(CAP)
    assert sorted(letter.event for letter in queue.dead_letters()) == ["crashes its worker", "fails"]


@pytest.mark.parametrize("worker", [Scripted, Forgiving])
@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, ArithmeticError])
def test_no_error_of_a_backoff_loses_an_event_or_its_worker(error, worker, caplog):
    def broken(_attempt, _reason):
        raise error

    queue = started(max_attempts=3, backoff=broken)
    queue.put("x")

    for _ in range(3):
        ref = worker.start(queue, lambda _event: 1 / 0)
        if worker is Scripted:
            assert ended(ref).exit_reason == Crashed(ZeroDivisionError("division by zero"))
    assert queue.join(CAP)

    assert [letter.attempts for letter in queue.dead_letters()] == [3]
    assert balance(queue)


@rule("F6")
@pytest.mark.parametrize("seconds", [-5.0, 0.0, float("nan"), float("inf")])
def test_a_backoff_that_says_nothing_sensible_means_at_once(seconds):
    queue = started(max_attempts=2, backoff=lambda _attempt, _reason: seconds)
    Forgiving.start_link(queue, lambda _event: 1 / 0)

    queue.put("x")

    assert queue.join(CAP)
    assert [letter.attempts for letter in queue.dead_letters()] == [2]


@rule("F8")
def test_a_retry_without_a_time_waits_as_the_queue_backs_off(clock):
    queue, seen = started(max_attempts=2), []

    def script(event):
        seen.append(round(clock.now() - 1000.0, 6))
        raise Retry

    Scripted.start_link(queue, script)
    queue.put("x")
    settle(queue)
    clock.advance(0.1)
    settle(queue)

    assert seen == [0.0, 0.1]
    (letter,) = queue.dead_letters()
    assert isinstance(letter.failures[0].reason.exception, Retry)
