"""What was recorded on the real OTP comes out here as well."""

from __future__ import annotations

import copy
from itertools import permutations

import pytest

from tests.conformance.language import Scenario
from tests.conformance.library import FAMILIES, recorded, written
from tests.conformance.not_built import NotBuilt
from tests.conformance.ours import play, play_on_threads
from tests.conformance.outcome import differences, told
from tests.conformance.quiet import quiet
from tests.conformance.races import ALLOWED, is_allowed

STORED = [(family, stored) for family in FAMILIES for stored in recorded(family)["scenarios"]]
SEEDS = range(3)
"""Schedules in which each is played."""
SEEDS_OF_A_RACE = range(20)
ENOUGH_FOR_A_RACE = 100
"""Schedules in which each outcome of a race has to come."""


def cases():
    for family, stored in STORED:
        scenario = Scenario.from_json(stored)
        if not scenario.races:
            not_yet = pytest.mark.xfail(reason=f"{scenario.not_yet} is not built yet", strict=True, raises=NotBuilt)
            yield pytest.param(
                scenario, stored, marks=[not_yet] if scenario.not_yet else [], id=f"{family}: {scenario.name}"
            )


def races():
    for family, stored in STORED:
        scenario = Scenario.from_json(stored)
        if scenario.races:
            yield pytest.param(scenario, stored, id=f"{family}: {scenario.name}")


MAX_UNSTABLE = 0.02


@pytest.fixture(autouse=True)
def without_logs():
    with quiet():
        yield


def played(scenario, player, how):
    """What comes of a scenario, played in a schedule of the simulation or on threads."""
    try:
        return player(scenario, how)
    except NotBuilt as error:
        # From which line it comes is told to nobody, and would take longer to find than all else.
        raise error.with_traceback(None) from None


def expected(scenario, stored):
    """What has to come of it here."""
    if scenario.newer:
        return told(stored["outcome"], scenario.newer)
    return stored["ours" if scenario.differs else "outcome"]


@pytest.mark.parametrize(("scenario", "stored"), list(cases()))
def test_a_recorded_scenario_comes_out_as_on_otp(scenario, stored):
    for seed in SEEDS:
        assert differences(expected(scenario, stored), played(scenario, play, seed)) == []


@pytest.mark.real
@pytest.mark.parametrize(("scenario", "stored"), list(cases()))
def test_a_recorded_scenario_comes_out_on_threads_as_on_otp(scenario, stored):
    assert differences(expected(scenario, stored), played(scenario, play_on_threads, "shared")) == []


@pytest.mark.parametrize(("scenario", "stored"), list(races()))
def test_a_race_comes_out_as_it_did_on_otp_or_as_its_rules_allow(scenario, stored):
    for seed in SEEDS_OF_A_RACE:
        outcome = play(scenario, seed)
        assert outcome in stored["outcomes"] or is_allowed(scenario.name, outcome)


@pytest.mark.parametrize(("scenario", "stored"), list(races()))
def test_the_rules_of_a_race_allow_what_otp_did(scenario, stored):
    for outcome in stored["outcomes"]:
        assert is_allowed(scenario.name, outcome)


@pytest.mark.parametrize(("scenario", "stored"), list(races()))
def test_the_rules_of_a_race_refuse_what_is_half_one_outcome_and_half_another(scenario, stored):
    for one, other in permutations([*stored["outcomes"], *stored.get("ours", [])], 2):
        for number, epoch in enumerate(other):
            for observer in epoch:
                mixture = copy.deepcopy(one)
                mixture[number][observer] = epoch[observer]
                is_whole = mixture in stored["outcomes"] or mixture in stored.get("ours", [])
                assert is_whole or not is_allowed(scenario.name, mixture)


def test_the_rules_are_of_races_that_there_are():
    assert ALLOWED.keys() == {scenario.name for family in FAMILIES for scenario in written(family) if scenario.races}


@pytest.mark.parametrize(("scenario", "stored"), list(races()))
def test_a_race_comes_out_in_each_of_the_ways_in_which_it_did_on_otp(scenario, stored):
    left = [*stored["outcomes"], *stored.get("ours", [])]
    for seed in range(ENOUGH_FOR_A_RACE):
        outcome = play(scenario, seed)
        left = [one for one in left if one != outcome]
    assert left == []


@pytest.mark.real
@pytest.mark.parametrize(("scenario", "stored"), list(races()))
def test_a_race_comes_out_on_threads_as_it_did_on_otp_or_as_its_rules_allow(scenario, stored):
    outcome = play_on_threads(scenario, "shared")
    assert outcome in stored["outcomes"] or is_allowed(scenario.name, outcome)


@pytest.mark.parametrize(
    ("family", "stored"), STORED, ids=lambda value: value if isinstance(value, str) else value["name"]
)
def test_a_difference_that_is_meant_is_one(family, stored):
    scenario = Scenario.from_json(stored)
    if scenario.races:
        assert bool(scenario.differs) == bool(stored.get("ours"))
        assert [outcome for outcome in stored.get("ours", []) if outcome in stored["outcomes"]] == []
    elif scenario.differs or scenario.newer:
        assert differences(stored["outcome"], expected(scenario, stored)) != []


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_stored_is_what_is_written(family):
    stored = recorded(family)
    unstable = stored["unstable"]

    scenarios = [Scenario.from_json(scenario) for scenario in stored["scenarios"]]

    assert scenarios == [scenario for scenario in written(family) if scenario.name not in unstable]
    assert len({scenario.name for scenario in scenarios}) == len(scenarios)


def test_few_scenarios_are_unstable():
    unstable = sum(len(recorded(family)["unstable"]) for family in FAMILIES)

    assert unstable <= MAX_UNSTABLE * len(STORED)
