"""The production code as several threads use it at once, handed on at each of its lines and locks."""

from __future__ import annotations

import pytest

from tests.lines.scenarios import SCENARIOS

SCHEDULES = 150


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS)
def test_it_is_right_whoever_goes_on_at_whichever_line(scenario):
    report = scenario().explore(SCHEDULES)

    assert report.schedules == SCHEDULES
    assert report.distinct > SCHEDULES // 4
