"""The job of the example in a simulation: its own classes, but for the remote service and the writer to SQLite."""

from __future__ import annotations

import random

from actors import Backoff, ChildSpec, Queue, sleep
from examples.user_sync.job import LOCKS, Board, Job, SyncWorker
from examples.user_sync.locks import NoLock, RegistryLock, Table, TableLock
from examples.user_sync.options import Options
from examples.user_sync.system import Feed, start_system
from supervision.testing import start_supervised

POINTS = ["receive", "take", "register", "sleep", "unregister", "ack"]
"""Of a worker's code: where it crashes."""


class Remote:
    """Syncs in virtual time, and knows who is being synced."""

    def __init__(self, under_way, done):
        self._under_way = under_way
        self._done = done

    def sync(self, user, *, crash):
        self._under_way.append(user)
        try:
            sleep(0.02)
        finally:
            self._under_way.remove(user)
        self._done.append(user)

    def close(self):
        pass


class Store:
    """Keeps nothing."""

    def record(self, user):
        pass

    def close(self):
        pass


class World:
    """One run of the job."""

    def __init__(self, make_lock, users, workers):
        self.users = users
        self.under_way, self.done, self.table = [], [], Table()
        self.job = Job(
            options=Options(workers=workers),
            queue=Queue("sync_events", max_attempts=10, backoff=Backoff(0.01, cap=1.0, jitter=0.0)),
            connect=lambda: Remote(self.under_way, self.done),
            open_store=Store,
            make_lock=lambda: make_lock(self),
            board=Board([]),
            chance=random.Random(0),
        )
        self.feed = Feed(iter(users), 0.0, 0)
        self.system = ChildSpec(start_system, (self.job, self.feed, None), type="supervisor")

    def nobody_twice_at_once(self):
        return len(self.under_way) == len(set(self.under_way))

    def run(self):
        """Start all, and wait, as the program does, until each event is synced or given up."""
        start_supervised(self.system)
        in_time = self.feed.ended.wait(60) and self.job.queue.join(60)
        assert in_time, "an event is neither synced nor given up"
        assert set(self.done) == set(self.users), "a user isn't synced"


# Four workers and twenty events of five users

USERS = [f"user-{number % 5}" for number in range(20)]
WORKERS = 4


def no_lock(_world):
    """Hope for the best."""
    return NoLock()


def table_lock(world):
    """A plain table."""
    return TableLock(world.table)


def registry_lock(_world):
    """Ours."""
    return RegistryLock(LOCKS)


def without_a_lock(system):
    """A user is synced twice at once, sooner or later."""
    world = World(no_lock, USERS, WORKERS)
    system.always(world.nobody_twice_at_once)
    world.run()


def with_a_table_and_a_crash(system):
    """A user is stuck whose worker crashes in the midst of its sync."""
    world = World(table_lock, USERS, WORKERS)
    _crash(system, "sleep")
    world.run()


def with_the_registry(system):
    """All goes well."""
    world = World(registry_lock, USERS, WORKERS)
    system.always(world.nobody_twice_at_once)
    world.run()
    assert not LOCKS.holders(), "a key is held still"


def with_the_registry_unchecked(system):
    """The same, and nobody looks at each step: what a schedule costs."""
    World(registry_lock, USERS, WORKERS).run()


def with_the_registry_and_crashes(system):
    """All goes well in the end, though workers crash, and the Registry or the Queue."""
    for _ in range(3):
        _crash(system, system.random.choice(POINTS))
    keeper = system.random.choice(["RegistryKeeper-1", "QueueKeeper-1"])
    system.crash_at(keeper, "receive", nth=system.random.randint(1, 2))
    system.expect_crash(times=None, at_least=0)
    with_the_registry(system)


def _crash(system, point):
    system.crash_at(SyncWorker, point, nth=system.random.randint(1, len(USERS)))
