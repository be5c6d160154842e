"""The page on conformance says what was recorded, and on which versions it is otherwise."""

from __future__ import annotations

import re

import pytest

from tests.conformance.library import FAMILIES, recorded
from tests.conformance.mutants import HEAD, MUTANTS, WITHIN, row
from tests.conformance.outcome import differences, told
from tests.conformance.page import CONFORMANCE, newer, with_tables

NEWER = [
    pytest.param(scenario, outcome, id=scenario.name)
    for scenarios in newer().values()
    for scenario, outcome in scenarios
]


def number(version):
    """The numbers of a version, after what it is of: "Elixir 1.19" has 1 and 19."""
    return [int(part) for part in re.findall(r"\d+", version)]


def test_the_page_has_the_families_and_what_newer_versions_do_as_they_are_recorded():
    page = CONFORMANCE.read_text()

    assert page == with_tables(page), "python -m tests.conformance.page"


def test_each_rule_of_newer_versions_is_on_the_page_with_both_outcomes():
    page = CONFORMANCE.read_text()

    for (version, why), scenarios in newer().items():
        assert f"{version}: {why}." in page
        for scenario, _ in scenarios:
            assert scenario.name in page


def test_the_page_says_of_each_mutant_in_which_scenario_it_is_found():
    _, _, table = CONFORMANCE.read_text().partition(HEAD)
    rows = table.strip().partition("\n\n")[0].splitlines()
    scenarios = {line.rpartition(" | ")[0]: int(line.rpartition(" | ")[2].removesuffix(" |")) for line in rows}
    expected = [row(family, mutant, "") for family, mutants in MUTANTS.items() for mutant in mutants]

    assert sorted(scenarios) == sorted(line.rpartition(" | ")[0] for line in expected), 'ARGS="--mutants"'
    assert all(0 < number <= WITHIN for number in scenarios.values())


@pytest.mark.parametrize(("scenario", "outcome"), NEWER)
def test_what_a_newer_version_does_is_otherwise_wherever_that_is_told(scenario, outcome):
    for one in scenario.newer.seen:
        epoch, observer, sender, seen = one
        assert outcome[epoch].get(observer, {}).get(sender, []) != seen

    assert differences(outcome, told(outcome, scenario.newer)) != []


@pytest.mark.parametrize(("scenario", "outcome"), NEWER)
def test_what_a_newer_version_does_is_a_rule_that_the_scenario_plays(scenario, outcome):
    assert set(re.findall(r"\b[A-G]\d+[a-z]?\b", scenario.newer.why)) & set(scenario.rules)


def test_newer_versions_are_newer_than_those_that_were_recorded():
    for version, _ in newer():
        program = version.split()[0].lower()
        for family in FAMILIES:
            assert number(version) > number(recorded(family)["versions"][program])


def test_the_version_of_gen_stage_is_recorded_of_those_that_need_it():
    for family in FAMILIES:
        stored = recorded(family)
        if any(scenario.get("stages") for scenario in stored["scenarios"]):
            assert re.fullmatch(r"\d+\.\d+\.\d+.*|source [0-9a-f]{12}", stored["versions"]["gen_stage"])
