"""Workers in their supervision trees: who is restarted, and that every event is handled all the same."""

from __future__ import annotations

import threading
from collections import Counter

import pytest

from actors import AlreadyRegistered, Backoff, ChildSpec, Queue, Registry, Snooze, checkpoint, whereis
from supervision import Supervisor
from tests.actors.workshop import Scripted, balance, started
from tests.support import CAP, Gate

rule = pytest.mark.rule


@pytest.fixture
def queue():
    """A queue, started, that tries again at once."""
    return started(max_attempts=3, backoff=lambda _attempt, _reason: 0.0)


@rule("F21", "E85")
def test_a_crash_of_the_queue_restarts_the_queue_and_no_worker():
    queue, log = Queue("jobs", backoff=Backoff(0.0)), []
    workers = [ChildSpec(Scripted, (queue, log.append), id=number) for number in range(20)]
    with Supervisor.start_link([queue, *workers], strategy="one_for_one", max_restarts=1) as supervisor:
        before = {info.id: info.child for info in supervisor.which_children()}
        queue.put_many(range(100))

        whereis("jobs").kill()
        queue.put_many(range(100, 200))

        assert queue.join(CAP)
        after = {info.id: info.child for info in supervisor.which_children()}
    assert sorted(log) == list(range(200))
    assert [child_id for child_id in before if before[child_id] is not after[child_id]] == ["jobs"]


@rule("E84", "E87", "F1")
def test_a_workers_crash_costs_its_siblings_nothing(queue):
    gate, handled, lock = Gate(), [], threading.Lock()

    def script(event):
        with lock:
            handled.append(event)
            is_first_try = handled.count(event) == 1
        if event == "held":
            gate.pass_through()
        if event == "crash" and is_first_try:
            raise ValueError

    pool = [ChildSpec(Scripted, (queue, script), id=number) for number in range(3)]
    with Supervisor.start_link(pool, strategy="one_for_one") as supervisor:
        queue.put("held")
        gate.await_arrival()
        queue.put_many(["crash", "other"])
        before = {info.id: info.child for info in supervisor.which_children()}
        gate.open()

        assert queue.join(CAP)
        after = {info.id: info.child for info in supervisor.which_children()}
    assert sorted(handled) == ["crash", "crash", "held", "other"]
    assert sum(before[child_id] is not after[child_id] for child_id in before) <= 1
    assert queue.stats().acked == 3


def ids_restarted(supervisor, before):
    return {info.id for info in supervisor.which_children() if before[info.id] is not info.child}


@rule("E86", "F1")
def test_under_rest_for_one_the_queues_crash_is_one_restart():
    queue, log = Queue("jobs"), []
    pool = [ChildSpec(Scripted, (queue, log.append), id=number) for number in range(10)]
    with Supervisor.start_link([queue, *pool], strategy="rest_for_one", max_restarts=1) as supervisor:
        before = {info.id: info.child for info in supervisor.which_children()}
        queue.put_many(range(50))

        whereis("jobs").kill()

        assert ids_restarted(supervisor, before) == {"jobs", *range(10)}
        queue.put_many(range(50, 100))
        assert queue.join(CAP)
    assert sorted(log) == list(range(100))
    assert balance(queue)


@rule("E87", "F26")
def test_in_a_tree_of_two_floors_a_workers_crash_restarts_it_alone():
    queue, log = Queue("jobs", backoff=lambda _attempt, _reason: 0.0), []

    def script(event):
        log.append(event)
        if event == "crash" and log.count("crash") == 1:
            raise ValueError

    pool = [ChildSpec(Scripted, (queue, script), id=number) for number in range(4)]
    inner = Supervisor.child_spec(pool, strategy="one_for_one").replace(id="pool")
    with Supervisor.start_link([queue, inner], strategy="rest_for_one", max_restarts=1) as outer:
        floors = {info.id: info.child for info in outer.which_children()}
        workers = {info.id: info.child for info in floors["pool"].which_children()}

        queue.put("crash")
        assert queue.join(CAP)

        assert ids_restarted(outer, floors) == set()
        assert len(ids_restarted(floors["pool"], workers)) == 1
        whereis("jobs").kill()
        assert ids_restarted(outer, floors) == {"jobs", "pool"}
        queue.put("after")
        assert queue.join(CAP)
    assert log == ["crash", "crash", "after"]


@rule("E88", "F28")
def test_a_poisonous_event_with_few_attempts_leaves_the_supervisor_alive(queue):
    log = []

    def script(event):
        if event == "poison":
            raise ValueError(event)
        log.append(event)

    pool = [ChildSpec(Scripted, (queue, script), id=number) for number in range(2)]
    with Supervisor.start_link(pool, strategy="one_for_one", max_restarts=3) as supervisor:
        queue.put_many(["poison", *range(10)])

        assert queue.join(CAP)

        assert supervisor.is_alive()
    assert sorted(log) == list(range(10))
    assert [letter.event for letter in queue.dead_letters()] == ["poison"]


class Alone:
    """Handles a user's event with the user's key registered; notes whether anybody else was at the same user."""

    def __init__(self, locks):
        self.locks = locks
        self.inside = {}
        self.handled = Counter()
        self.clashes = []
        self.lock = threading.Lock()

    def __call__(self, event):
        user, _number = event
        try:
            self.locks.register(user)
        except AlreadyRegistered:
            raise Snooze(0.0) from None
        try:
            if self.inside.setdefault(user, event) is not event:
                self.clashes.append(user)
            # A kill takes effect here; what follows still runs with the key held.
            checkpoint()
        finally:
            self.inside.pop(user, None)
        self.locks.unregister(user)
        with self.lock:
            self.handled[event] += 1


@rule("D81", "F1", "F8", "F11")
def test_with_a_key_for_each_user_no_two_workers_have_the_same_user(queue, hasty_threads):
    locks = Registry("locks")
    locks.start_link()
    alone = Alone(locks)
    events = [(number % 3, number) for number in range(150)]
    for _ in range(4):
        Scripted.start_link(queue, alone)

    queue.put_many(events)

    assert queue.join(CAP)
    assert alone.clashes == []
    assert alone.handled == Counter(events)
    assert queue.stats().failed == 0
    assert locks.count() == 0


@rule("D81", "F1", "F11")
@pytest.mark.timeout(60)
def test_workers_killed_at_any_moment_share_no_user_and_lose_no_event(hasty_threads):
    queue, locks = Queue("jobs", max_attempts=100_000, backoff=lambda _attempt, _reason: 0.0), Registry("locks")
    alone = Alone(locks)
    events = [(number % 3, number) for number in range(300)]
    pool = [ChildSpec(Scripted, (queue, alone), id=number) for number in range(4)]
    with Supervisor.start_link([queue, locks, *pool], strategy="one_for_one", max_restarts=100_000) as supervisor:
        queue.put_many(events)
        for number in range(200):
            children = supervisor.which_children()
            children[number % len(children)].child.kill()
            assert balance(queue)

        assert queue.join(30)
        assert locks.count() == 0
    assert alone.clashes == []
    assert set(alone.handled) == set(events)
    assert queue.stats().acked == len(events)
