"""Exploration: known races are found, in schedules that can be counted, and nothing is found where there is none."""

from __future__ import annotations

import traceback

import pytest

from actors.testing import StepTooLong
from actors.testing.explore import (
    InTurn,
    NotExhausted,
    NothingExplored,
    Pct,
    RandomWalk,
    ScenarioFailed,
    Schedule,
    explore,
    replay,
)
from actors.testing.system import System
from supervision.testing import crash_sweep
from tests.testing import explored

WOKEN_TOGETHER = [explored.woken_by_sleeps, explored.woken_by_timers, explored.woken_by_timers_of_no_time]
RACES = [explored.lost_update, explored.seat_sold_twice, explored.double_sync, *WOKEN_TOGETHER]
FIXED = [explored.no_lost_update, explored.no_seat_sold_twice, explored.no_double_sync]
POLICIES = [RandomWalk, Pct]


def named(values):
    return [value.__name__ for value in values]


def failure(scenario, **options):
    with pytest.raises(ScenarioFailed) as caught:
        explore(scenario, **options)
    return caught.value


@pytest.mark.parametrize("policy", POLICIES, ids=named(POLICIES))
@pytest.mark.parametrize("scenario", RACES, ids=named(RACES))
def test_a_known_race_is_found_within_a_few_dozen_schedules(scenario, policy):
    failed = failure(scenario, policies=[policy], schedules=40)

    assert isinstance(failed.failure, AssertionError)


@pytest.mark.parametrize("policy", POLICIES, ids=named(POLICIES))
@pytest.mark.parametrize("scenario", FIXED, ids=named(FIXED))
def test_nothing_is_found_where_the_race_is_mended(scenario, policy):
    seen = explore(scenario, policies=[policy], schedules=200)

    assert seen.schedules == 200


@pytest.mark.parametrize("scenario", RACES, ids=named(RACES))
def test_a_known_race_is_found_when_all_schedules_are_gone_through(scenario):
    assert isinstance(failure(scenario, exhaustive=True).failure, AssertionError)


@pytest.mark.parametrize("scenario", FIXED, ids=named(FIXED))
def test_all_schedules_are_gone_through_where_the_race_is_mended(scenario):
    assert explore(scenario, exhaustive=True, preemptions=1).complete is True


def test_in_turn_the_double_sync_doesnt_show():
    with System(policy=InTurn()) as system:
        explored.double_sync(system)


@pytest.mark.parametrize(
    ("names", "preemptions", "count"),
    [
        # Each order of the actors, undisturbed.
        ("ab", 0, 2),
        # And each in which the first is disturbed at its half.
        ("ab", 1, 4),
        # All ways to merge aa and bb: 4! / (2! 2!).
        ("ab", 2, 6),
        ("ab", None, 6),
        # 6! / (2! 2! 2!).
        ("abc", None, 90),
        ("abc", 0, 6),
    ],
)
def test_each_schedule_is_seen_exactly_once_when_all_are_gone_through(names, preemptions, count):
    ways = []
    seen = explore(explored.halves(names, ways), exhaustive=True, preemptions=preemptions)

    # The first is run twice.
    assert len(ways) - 1 == len(set(ways)) == count
    assert seen.complete is True
    assert (seen.schedules, seen.distinct) == (count, count)
    assert "these are all" in str(seen)


@pytest.mark.parametrize(("limit", "seen"), [({"schedules": 50}, 50), ({"seconds": 1e-9}, 1)])
def test_it_is_an_error_that_not_all_schedules_were_gone_through(limit, seen):
    with pytest.raises(NotExhausted, match=r"there are more.*more schedules=.*fewer preemptions=") as caught:
        explore(explored.halves("abc", []), exhaustive=True, preemptions=None, **limit)

    assert (caught.value.explored.schedules, caught.value.explored.complete) == (seen, False)


@pytest.mark.parametrize("policy", POLICIES, ids=named(POLICIES))
def test_chance_sees_all_schedules_of_a_small_scenario(policy):
    ways = []
    explore(explored.halves("ab", ways), policies=[policy], schedules=200)

    assert set(ways) == {"aabb", "abab", "abba", "baab", "baba", "bbaa"}


def test_a_report_tells_schedules_steps_decisions_and_faults():
    seen = explore(explored.crashes_are_survived, schedules=100)

    assert seen.schedules == 100
    assert 1 < seen.distinct <= 100
    assert seen.faults == 100
    # An ask and a tell of the clerk that lives, and one more in each schedule: the test's own are no switch points.
    assert seen.steps == 200
    assert seen.decisions > 200
    assert "100 schedules" in str(seen)
    assert seen.complete is None


def test_an_exploration_in_which_nobody_could_have_gone_on_instead_shows_nothing():
    def alone(system):
        explored.Account.start().ask("balance")

    with pytest.raises(NothingExplored, match="never more than one actor"):
        explore(alone, schedules=3)


def test_an_exploration_whose_faults_never_strike_shows_nothing():
    with pytest.raises(NothingExplored, match="crash of Clerk at 'receive'"):
        explore(explored.crash_that_never_comes, schedules=3)


def test_a_failure_is_that_of_the_first_schedule_that_fails_and_the_same_each_time():
    first, second = failure(explored.double_sync), failure(explored.double_sync)

    assert first.schedule == second.schedule
    assert first.explored.schedules == second.explored.schedules
    assert str(first).partition("after")[0] == str(second).partition("after")[0]


def test_another_seed_takes_other_ways():
    ways, others = [], []
    explore(explored.halves("abc", ways), schedules=10)
    explore(explored.halves("abc", others), schedules=10, seed=1)

    assert ways != others


def test_a_failure_tells_the_schedule_the_last_steps_and_a_test():
    message = "".join(traceback.format_exception(failure(explored.double_sync)))

    assert "failed: AssertionError: synced twice at once" in message
    assert "Syncer-1#1: at checkpoint" in message
    assert "def test_double_sync_again():" in message
    assert "the last steps:" in message


def counted(scenario, runs):
    def scenario_counted(system):
        runs.append(system.seed)
        scenario(system)

    return scenario_counted


@pytest.mark.parametrize("exhaustive", [False, True])
def test_what_blocks_for_real_ends_an_exploration_in_its_first_run(exhaustive):
    runs = []

    with pytest.raises(StepTooLong, match="_NEVER_RELEASED") as caught:
        explore(counted(explored.blocks_for_real, runs), exhaustive=exhaustive)

    assert len(runs) == 1
    assert "it was schedule 0, seed '0-0'" in caught.value.__notes__


def test_what_blocks_for_real_in_a_later_schedule_says_in_which():
    runs = []

    with pytest.raises(StepTooLong) as caught:
        explore(counted(explored.blocks_in_schedule_three, runs))

    assert runs.count("0-3") == 1
    assert runs[-1] == "0-3"
    assert "it was schedule 3, seed '0-3'" in caught.value.__notes__


def test_what_blocks_for_real_ends_a_replay():
    runs = []

    with pytest.raises(StepTooLong) as caught:
        replay(counted(explored.blocks_for_real, runs), Schedule("0"))

    assert len(runs) == 1
    assert not any("before" in note for note in caught.value.__notes__)


def test_what_blocks_for_real_while_a_schedule_is_made_small_leaves_it_as_small_as_it_is():
    runs, blocked = [], []

    def scenario(system):
        runs.append(system.seed)
        # Found, and had again twice: then it is made small.
        if len(runs) > runs.index(runs[-1]) + 3:
            blocked.append(system.seed)
            explored.blocks_for_real(system)
        explored.double_sync(system)

    failed = failure(scenario, seed=1)

    assert "synced twice at once" in str(failed)
    assert failed.schedule.deviations
    assert len(blocked) == 1


def test_time_ends_an_exploration():
    assert explore(explored.no_lost_update, seconds=0.01).schedules >= 1


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"schedules": 0}, "schedules must be more than 0"),
        ({"seconds": -1.0}, "seconds must be more than 0"),
        ({"workers": 0}, "workers must be more than 0"),
        ({"exhaustive": True, "preemptions": -1}, "preemptions must be a whole number >= 0"),
        ({"exhaustive": True, "preemptions": 1.5}, "preemptions must be a whole number >= 0"),
        ({"exhaustive": True, "preemptions": "x"}, "preemptions must be a whole number >= 0"),
        ({"policies": ()}, "policies must name one"),
        ({"exhaustive": True, "workers": 2}, "workers must be 1"),
    ],
)
def test_what_shows_nothing_is_refused(options, why):
    with pytest.raises(ValueError, match=why):
        explore(explored.no_lost_update, **options)


def test_an_async_scenario_is_refused():
    async def scenario(system):
        """Never run."""

    with pytest.raises(TypeError, match="isn't async"):
        explore(scenario)


def yields(system):
    yield system


@pytest.mark.parametrize("wrong", [lambda: None, lambda system, more: None, yields, "a name"])
@pytest.mark.parametrize("run", [explore, lambda scenario: replay(scenario, Schedule("0")), crash_sweep])
def test_what_cant_be_run_with_a_system_is_refused_at_once(run, wrong):
    with pytest.raises(TypeError, match="a scenario must be a function"):
        run(wrong)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"schedules": "x"}, "schedules must be a whole number; got 'x'"),
        ({"schedules": 2.5}, r"schedules must be a whole number; got 2\.5"),
        ({"workers": 1.5}, "workers must be a whole number"),
        ({"seconds": "x"}, "seconds must be a number; got 'x'"),
        ({"policies": [1]}, r"policies must be a list .*; got \[1\]"),
        ({"policies": RandomWalk}, "policies must be a list"),
    ],
)
def test_what_is_no_number_or_no_policy_is_refused_by_its_name(options, why):
    with pytest.raises(TypeError, match=why):
        explore(explored.no_lost_update, **options)


def test_the_library_logs_nothing_while_a_scenario_is_explored_and_again_after_it(caplog):
    explore(explored.crashes_are_survived, schedules=5)
    assert not caplog.records

    with System() as system:
        explored.crashes_are_survived(system)
    assert caplog.records


@pytest.mark.parametrize("policy", POLICIES, ids=named(POLICIES))
def test_who_is_passed_over_again_and_again_gets_his_turn(policy):
    class Busy(explored.Actor):
        def on_receive(self, others):
            while not others:
                explored.checkpoint()

    class Quiet(explored.Actor):
        def on_receive(self, others):
            others.append("done")

    def scenario(system):
        others = []
        for actor in [Busy.start(), Quiet.start()]:
            actor.tell(others)
        system.run_until_idle()

    explore(scenario, policies=[policy], schedules=20)
