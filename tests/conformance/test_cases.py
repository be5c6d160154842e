"""Each case that the rules come with is played by scenarios, or it is said why it isn't."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest

from tests.conformance.cases import CASES, NOT_PLAYED, PLAYED_BY
from tests.conformance.library import FAMILIES, written

NAMES = [scenario.name for family in FAMILIES for scenario in written(family)]


@pytest.mark.parametrize("case", CASES)
def test_a_case_is_played_by_scenarios_or_left_out_for_a_reason(case):
    assert case in PLAYED_BY or NOT_PLAYED.get(case)


@pytest.mark.parametrize("case", PLAYED_BY)
def test_the_scenarios_of_a_case_are_there(case):
    missing = [pattern for pattern in PLAYED_BY[case] if not any(fnmatchcase(name, pattern) for name in NAMES)]

    assert PLAYED_BY[case]
    assert missing == []


def test_nothing_is_said_of_cases_that_there_are_not():
    assert (PLAYED_BY.keys() | NOT_PLAYED.keys()) - set(CASES) == set()
