"""The job of the example, simulated, with a crash at each point of its worker, its Queue and its Registry."""

from __future__ import annotations

import pytest

from actors.testing.explore import ScenarioFailed, explore
from examples.user_sync.job import LOCKS, SyncWorker
from examples.user_sync.locks import RegistryLock, TableLock
from supervision.testing import crash_sweep
from tests.examples import simulated_job
from tests.examples.simulated_job import World

USERS = ["ann", "ben", "ann", "cat"]


def sweep(make_lock, *others, **options):
    """Crash the workers and the queue, and others, at each of their points."""
    worlds = []

    def the_job(system):
        world = World(make_lock, USERS, workers=2)
        worlds.append(world)
        system.always(world.nobody_twice_at_once)
        world.run()

    def no_key_is_held(_system):
        return not LOCKS.holders() and not worlds[-1].table.stuck_users()

    victims = [SyncWorker, "QueueKeeper-1", *others]
    return crash_sweep(the_job, actors=victims, finally_=no_key_is_held, **options)


@pytest.mark.timeout(120)
def test_with_the_lock_of_the_registry_each_crash_is_survived():
    swept = sweep(lambda _world: RegistryLock(LOCKS), "RegistryKeeper-1", kill=True)

    swept.check()

    assert {point.actor.partition("-")[0] for point in swept.points} == {"SyncWorker", "QueueKeeper", "RegistryKeeper"}
    assert {point.point for point in swept.points} >= {"receive", "take", "register", "sleep", "unregister", "ack"}


@pytest.mark.timeout(120)
def test_the_table_lock_has_a_hole_where_its_holder_crashes():
    swept = sweep(lambda world: TableLock(world.table))

    assert {(point.actor.partition("-")[0], point.point) for point in swept.not_survived} == {("SyncWorker", "sleep")}
    assert swept.survived


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("scenario", "failure"),
    [
        (simulated_job.without_a_lock, "what is to hold always doesn't: nobody_twice_at_once"),
        (simulated_job.with_a_table_and_a_crash, "an event is neither synced nor given up"),
    ],
)
def test_what_is_wrong_with_the_other_locks_is_found_within_50_schedules(scenario, failure):
    with pytest.raises(ScenarioFailed, match=failure):
        explore(scenario, schedules=50)


@pytest.mark.timeout(120)
def test_the_registrys_lock_survives_crashes_in_many_schedules():
    explored = explore(simulated_job.with_the_registry_and_crashes, schedules=200)

    assert explored.faults > 200
