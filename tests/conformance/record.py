"""python -m tests.conformance.record [FAMILY ...]: play the scenarios on OTP, and store what came of them.

Each is played twenty times, half of them while other programs keep all processors busy. One that comes out in more than
one way isn't stored, but counted; one that races is played fifty times, and each of its outcomes is stored.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from tests.conformance.language import Scenario
from tests.conformance.library import FAMILIES, store, written
from tests.conformance.otp import GEN_STAGE_SOURCE, Oracle
from tests.conformance.ours import play
from tests.conformance.outcome import Outcome
from tests.conformance.quiet import quiet

RUNS = 20
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


@contextlib.contextmanager
def _load() -> Iterator[None]:
    """Keep all processors busy meanwhile."""
    command = [sys.executable, "-c", "while True: pass"]
    with contextlib.ExitStack() as stack:
        for _ in range(os.cpu_count() or 1):
            # Killed before it is waited for.
            stack.callback(stack.enter_context(subprocess.Popen(command)).kill)
        yield


def _distinct(outcomes: Iterable[Outcome]) -> list[Outcome]:
    return [json.loads(text) for text in dict.fromkeys(json.dumps(outcome, sort_keys=True) for outcome in outcomes)]


def record(oracle: Oracle, family: str) -> dict[str, Any]:
    """Play a family's scenarios; return what is to be stored."""
    scenarios = written(family)
    at_ease = _plays(oracle, scenarios, RUNS - RUNS // 2)
    with _load():
        under_load = _plays(oracle, scenarios, RUNS // 2)
    admitted, unstable = [], []
    for scenario, *both_halves in zip(scenarios, at_ease, under_load, strict=True):
        outcomes = [outcome for half in both_halves for outcome in half]
        if scenario.races:
            outcomes += _plays(oracle, [scenario], RACES - RUNS)[0]
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
