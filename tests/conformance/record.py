"""python -m tests.conformance.record [FAMILY ...]: play the scenarios on OTP, and store what came of them.

Each is played ten times. One that comes out in more than one way isn't stored, but counted; one that races is played
fifty times, and each of its outcomes is stored.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any

from tests.conformance.language import Scenario
from tests.conformance.library import FAMILIES, store, written
from tests.conformance.otp import GEN_STAGE_SOURCE, Oracle
from tests.conformance.ours import play
from tests.conformance.outcome import Outcome
from tests.conformance.quiet import quiet

RUNS = 10
RACES = 50
_SIDE_BY_SIDE = 8


def _plays(oracle: Oracle, scenarios: list[Scenario], times: int) -> list[list[Outcome]]:
    """Play each so many times, some of them side by side."""
    wanted = [scenario for scenario in scenarios for _ in range(times)]
    outcomes = []
    for first in range(0, len(wanted), _SIDE_BY_SIDE):
        futures = [oracle.submit(scenario) for scenario in wanted[first : first + _SIDE_BY_SIDE]]
        outcomes += [future.result(timeout=120) for future in futures]
    return [outcomes[first : first + times] for first in range(0, len(outcomes), times)]


def _distinct(outcomes: Iterable[Outcome]) -> list[Outcome]:
    return [json.loads(text) for text in dict.fromkeys(json.dumps(outcome, sort_keys=True) for outcome in outcomes)]


def record(oracle: Oracle, family: str) -> dict[str, Any]:
    """Play a family's scenarios; return what is to be stored."""
    scenarios = written(family)
    plays = _plays(oracle, scenarios, RUNS)
    admitted, unstable = [], []
    for scenario, outcomes in zip(scenarios, plays, strict=True):
        if scenario.races:
            outcomes += _plays(oracle, [scenario], RACES - RUNS)[0]  # noqa: PLW2901
            admitted.append({**scenario.to_json(), "outcomes": _distinct(outcomes)})
            continue
        distinct = _distinct(outcomes)
        if len(distinct) > 1:
            unstable.append(scenario.name)
            continue
        both = {"ours": play(scenario)} if scenario.has_its_own else {}
        admitted.append({**scenario.to_json(), "outcome": distinct[0], **both})
    return {"versions": oracle.versions, "unstable": unstable, "scenarios": admitted}


def main(families: list[str]) -> None:
    """Record families, all by default."""
    with Oracle(looks=5) as oracle, quiet():
        for family in families or FAMILIES:
            if any(scenario.stages for scenario in written(family)) and not oracle.has_stages:
                print(f"{family}: left out, since {GEN_STAGE_SOURCE} doesn't say where GenStage's source is")  # noqa: T201
                continue
            what = record(oracle, family)
            print(f"{family}: {len(what['scenarios'])} recorded, {len(what['unstable'])} unstable {what['unstable']}")  # noqa: T201
            store(family, what)


if __name__ == "__main__":
    main(sys.argv[1:])
