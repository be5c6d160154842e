"""The job of the example, simulated, with a crash at each point of its worker, its Queue and its Registry."""

from __future__ import annotations

import random

import pytest

from actors import Backoff, ChildSpec, Queue, sleep
from examples.user_sync.job import LOCKS, Board, Job, SyncWorker
from examples.user_sync.locks import RegistryLock, Table, TableLock
from examples.user_sync.options import Options
from examples.user_sync.system import Feed, start_system
from supervision.testing import crash_sweep, start_supervised

USERS = ["ann", "ben", "ann", "cat"]


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

    def __init__(self, make_lock):
        self.under_way, self.done, self.table = [], [], Table()
        self.job = Job(
            options=Options(workers=2),
            queue=Queue("sync_events", max_attempts=10, backoff=Backoff(0.01, cap=1.0, jitter=0.0)),
            connect=lambda: Remote(self.under_way, self.done),
            open_store=Store,
            make_lock=lambda: make_lock(self),
            board=Board([]),
            chance=random.Random(0),
        )
        feed = Feed(iter(USERS), 0.0, 0)
        self.system = ChildSpec(start_system, (self.job, feed, None), type="supervisor")

    def nobody_twice_at_once(self):
        return len(self.under_way) == len(set(self.under_way))

    def is_done(self):
        given_up = [letter.event.user for letter in self.job.queue.dead_letters()]
        return len(self.done) + len(given_up) >= len(USERS) and not self.job.queue.pending()


def sweep(make_lock, **options):
    worlds = []

    def the_job(system):
        world = World(make_lock)
        worlds.append(world)
        system.always(world.nobody_twice_at_once)
        start_supervised(world.system)
        assert system.run_until(world.is_done, within=60), "an event is neither synced nor given up"
        assert set(world.done) == set(USERS), "a user isn't synced"

    def no_key_is_held(_system):
        return not LOCKS.holders() and not worlds[-1].table.stuck_users()

    victims = [SyncWorker, "QueueKeeper-1", "RegistryKeeper-1"]
    return crash_sweep(the_job, actors=victims, finally_=no_key_is_held, **options)


@pytest.mark.timeout(120)
def test_with_the_lock_of_the_registry_each_crash_is_survived():
    swept = sweep(lambda _world: RegistryLock(LOCKS), kill=True)

    swept.check()

    assert {point.actor.partition("-")[0] for point in swept.points} == {"SyncWorker", "QueueKeeper", "RegistryKeeper"}
    assert {point.point for point in swept.points} >= {"receive", "take", "register", "sleep", "unregister", "ack"}


@pytest.mark.timeout(120)
def test_the_table_lock_has_a_hole_where_its_holder_crashes():
    swept = sweep(lambda world: TableLock(world.table))

    assert {(point.actor.partition("-")[0], point.point) for point in swept.not_survived} == {("SyncWorker", "sleep")}
    assert swept.survived
