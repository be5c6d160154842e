"""python -m tests.conformance.record [FAMILY ...]: play the scenarios on OTP, and store what came of them.

Each is played twenty times, half of them while other programs keep all processors busy. One that comes out in more than
one way isn't stored, but counted; one that races is played fifty times, and each of its outcomes is stored.

Each is played here, too. A family isn't stored, and the exit code is 1, when one comes out otherwise here and isn't
meant to, or in another way than was stored of it. `--accept SCENARIO` stores that way, once somebody has read it.

With `--new` only those are played that aren't stored as they are written; all others keep what came of them.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from tests.conformance.gen_stage import LEFT_OUT
from tests.conformance.language import Json, Scenario
from tests.conformance.library import FAMILIES, recorded, store, written
from tests.conformance.not_built import NotBuilt
from tests.conformance.otp import Oracle
from tests.conformance.ours import play
from tests.conformance.outcome import Outcome, differences, told
from tests.conformance.quiet import quiet
from tests.conformance.races import is_allowed

RUNS = 20
RACES = 50
SCHEDULES = 3
"""In how many each is played here."""
_SIDE_BY_SIDE = 8
_LOAD = """
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0))).start()
while True: pass
"""
"""Keeps a processor busy until nobody holds its input open, as nobody does whom a signal has killed."""


def _plays(oracle: Oracle, scenarios: list[Scenario], times: int) -> list[list[Outcome]]:
    """Play each so many times, some of them side by side."""
    wanted = [scenario for scenario in scenarios for _ in range(times)]
    outcomes = []
    for first in range(0, len(wanted), _SIDE_BY_SIDE):
        futures = [oracle.submit(scenario) for scenario in wanted[first : first + _SIDE_BY_SIDE]]
        outcomes += [future.result(timeout=120) for future in futures]
    return [outcomes[first : first + times] for first in range(0, len(outcomes), times)]


@contextlib.contextmanager
def load() -> Iterator[None]:
    """Keep all processors busy meanwhile, and no longer than this process lives."""
    with contextlib.ExitStack() as stack:
        for _ in range(os.cpu_count() or 1):
            stack.enter_context(subprocess.Popen([sys.executable, "-c", _LOAD], stdin=subprocess.PIPE))
        yield


def _distinct(outcomes: Iterable[Outcome]) -> list[Outcome]:
    return [json.loads(text) for text in dict.fromkeys(json.dumps(outcome, sort_keys=True) for outcome in outcomes)]


def record(
    oracle: Oracle, family: str, accepted: list[str], *, only_new: bool = False
) -> tuple[dict[str, Any], list[str]]:
    """Play a family's scenarios; return what is to be stored, and what is against that."""
    before = recorded(family)
    still = kept(family, before, oracle.versions) if only_new else {}
    scenarios = [scenario for scenario in written(family) if scenario.name not in still]
    listed = {stored["name"]: stored.get("ours") for stored in before["scenarios"]}
    at_ease = _plays(oracle, scenarios, RUNS - RUNS // 2)
    with load():
        under_load = _plays(oracle, scenarios, RUNS // 2)
    admitted: list[dict[str, Json]] = []
    unstable: list[str] = []
    wrong: list[str] = []
    for scenario, *both_halves in zip(scenarios, at_ease, under_load, strict=True):
        outcomes = [outcome for half in both_halves for outcome in half]
        if scenario.races:
            outcomes = _distinct([*outcomes, *_plays(oracle, [scenario], RACES - RUNS)[0]])
            others = _others(scenario, outcomes)
            wrong += _objections_to_a_race(scenario, outcomes, others)
            both = {"ours": others} if scenario.differs else {}
            admitted.append({**scenario.to_json(), "outcomes": outcomes, **both})
            continue
        distinct = _distinct(outcomes)
        if len(distinct) > 1:
            unstable.append(scenario.name)
            continue
        ours = _ours(scenario)
        wrong += objections(scenario, distinct[0], ours, listed.get(scenario.name), accepted)
        is_other = {"ours": ours[0]} if scenario.differs else {}
        admitted.append({**scenario.to_json(), "outcome": distinct[0], **is_other})
    unstable += [name for name, stored in still.items() if stored is None]
    admitted += [stored for stored in still.values() if stored is not None]
    order = [scenario.name for scenario in written(family)]
    admitted.sort(key=lambda stored: order.index(stored["name"]))
    return {"versions": oracle.versions, "unstable": sorted(unstable, key=order.index), "scenarios": admitted}, wrong


def kept(family: str, before: dict[str, Any], versions: dict[str, str]) -> dict[str, dict[str, Json] | None]:
    """Return those that are stored as they are written, and were played on the same versions; None when unstable."""
    if before["versions"] != versions:
        return {}
    now = {scenario.name: scenario for scenario in written(family)}
    as_written = {
        stored["name"]: stored
        for stored in before["scenarios"]
        if Scenario.from_json(stored) == now.get(stored["name"])
    }
    return {**as_written, **dict.fromkeys(name for name in before["unstable"] if name in now)}


def _ours(scenario: Scenario) -> list[Outcome]:
    """What comes of a scenario here; nothing when it is about what isn't built yet."""
    try:
        return _distinct(play(scenario, seed) for seed in range(SCHEDULES))
    except NotBuilt:
        return []


def _others(scenario: Scenario, theirs: list[Outcome]) -> list[Outcome]:
    """What comes of a race here, and didn't on OTP."""
    ours = _distinct(play(scenario, seed) for seed in range(RUNS))
    return [outcome for outcome in ours if outcome not in theirs]


def objections(
    scenario: Scenario, theirs: Outcome, ours: list[Outcome], listed: Outcome | None, accepted: list[str]
) -> list[str]:
    """Return what is against storing what came of a scenario, in lines.

    Args:
        theirs: what came of it on OTP.
        ours: each way in which it came out here; none when it is about what isn't built yet.
        listed: what was stored as coming of it here, if anything was.
        accepted: the names of those of which somebody has read what comes of them here.
    """
    if scenario.not_yet or not ours:
        is_as_said = bool(scenario.not_yet) and not ours
        return [] if is_as_said else [f"{scenario.name}: what is built, and what is said of that, aren't the same"]
    if len(ours) > 1:
        return [f"{scenario.name}: comes out in {len(ours)} ways here"]
    if scenario.differs:
        lines = differences(theirs, ours[0])
        if lines and (scenario.name in accepted or listed == ours[0]):
            return []
        how = "another difference than the one that is stored" if lines else "comes out as on OTP, and is meant not to"
    else:
        lines = differences(told(theirs, scenario.newer) if scenario.newer else theirs, ours[0])
        if not lines:
            return []
        how = "comes out otherwise here"
    return [f"{scenario.name}: {how}", *(f"  {line}" for line in lines)]


def _objections_to_a_race(scenario: Scenario, outcomes: list[Outcome], others: list[Outcome]) -> list[str]:
    if scenario.differs and not others:
        return [f"{scenario.name}: comes out as on OTP, and is meant not to"]
    theirs = [outcome for outcome in outcomes if not is_allowed(scenario.name, outcome)]
    ours = [outcome for outcome in others if not is_allowed(scenario.name, outcome)]
    return [
        f"{scenario.name}: its rules don't allow what came of it {where}: {json.dumps(outcome)}"
        for where, refused in (("on OTP", theirs), ("here", ours))
        for outcome in refused
    ]


def main() -> int:
    """Record families, all by default; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance.record", description=__doc__.partition("\n")[0])
    parser.add_argument("families", nargs="*", choices=[[], *FAMILIES], metavar="family", help="all by default")
    parser.add_argument("--accept", action="append", default=[], metavar="SCENARIO", help="whose difference was read")
    parser.add_argument("--new", action="store_true", help="play those only that aren't stored as they are written")
    arguments = parser.parse_args()
    is_fine = True
    with Oracle(looks=5) as oracle, quiet():
        for family in arguments.families or FAMILIES:
            if any(scenario.stages for scenario in written(family)) and not oracle.has_stages:
                print(f"{family}: {LEFT_OUT}")
                continue
            what, wrong = record(oracle, family, arguments.accept, only_new=arguments.new)
            print(f"{family}: {len(what['scenarios'])} recorded, {len(what['unstable'])} unstable {what['unstable']}")
            if wrong:
                print(f"{family}: not stored", *wrong, sep="\n")
                is_fine = False
            else:
                store(family, what)
    return int(not is_fine)


if __name__ == "__main__":
    sys.exit(main())
