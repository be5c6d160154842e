"""python -m tests.conformance: play random scenarios on the real OTP and here, and compare.

Run by `make conformance`. One that comes out otherwise here, and isn't meant to, is made as small as can be and
printed, and the exit code is 1; so it is when more than one in a thousand come out in more than one way on OTP.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from random import SystemRandom

from tests.conformance.gen_stage import LEFT_OUT
from tests.conformance.generate import RANDOM_FAMILIES, comes_out_in_one_way, generate
from tests.conformance.language import Scenario
from tests.conformance.mutants import HEAD, MUTANTS, found_by, row
from tests.conformance.otp import Oracle, is_there
from tests.conformance.pasted import pasted
from tests.conformance.quiet import quiet
from tests.conformance.shrink import shrunk
from tests.conformance.trial import Difference, Tally, difference, on_otp, try_again, try_all

SHOWN = 5
"""How many of a family are printed."""


def main() -> int:
    """Return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__.partition("\n")[0])
    parser.add_argument("families", nargs="*", choices=[[], *RANDOM_FAMILIES], metavar="family", help="all by default")
    parser.add_argument("-n", "--number", type=int, default=2000, help="of scenarios of each family")
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**9), help="what they come of")
    parser.add_argument("--mutants", action="store_true", help="have them find in what ways the product is broken")
    arguments = parser.parse_args()
    if not is_there():
        parser.error("this machine has no Elixir")
    with Oracle() as oracle, quiet():
        versions = f"Elixir {oracle.versions['elixir']}, OTP {oracle.versions['otp']}"
        print(f"seed {arguments.seed}, {versions}")
        if arguments.mutants:
            print(HEAD)
        play = hunt_mutants if arguments.mutants else try_family
        families = _families(oracle, arguments)
        is_fine = [play(oracle, family, arguments.number, arguments.seed) for family in families]
    return int(not all(is_fine))


def _families(oracle: Oracle, arguments: argparse.Namespace) -> list[str]:
    """Return those that are to be played: what needs GenStage is left out without it, unless it was asked for."""
    asked = arguments.families or RANDOM_FAMILIES
    left_out = [family for family in asked if generate(family, 1, 0)[0].stages and not oracle.has_stages]
    for family in left_out:
        print(f"{family}: {LEFT_OUT}")
    if left_out and arguments.families:
        sys.exit(2)
    return [family for family in asked if family not in left_out]


def try_family(oracle: Oracle, family: str, number: int, seed: int) -> bool:
    """Play a family; return whether all but a few that are unstable come out as on OTP, or are meant not to."""
    began = time.monotonic()
    tally = try_all(oracle, generate(family, number, seed))
    print(_summary(family, tally, time.monotonic() - began))
    for scenario in tally.unstable[:SHOWN]:
        print(f"\nunstable on OTP:\n{json.dumps(scenario.to_json())}")
    minimal = [_minimal(oracle, family, one) for one in tally.different[:SHOWN]]
    for text, small in {json.dumps(small.scenario.to_json()): small for small in minimal}.items():
        print("", *small.lines, text, pasted(small.scenario), sep="\n")
    return not tally.different and not tally.too_unstable


def hunt_mutants(oracle: Oracle, family: str, number: int, seed: int) -> bool:
    """Play a family until each of its mutants is found; return whether all are."""
    left = list(MUTANTS[family])
    for count, (scenario, theirs) in enumerate(on_otp(oracle, generate(family, number, seed)), 1):
        differs = difference(scenario, theirs)
        if differs and not differs.meant:
            continue
        for mutant in [one for one in left if found_by(one, [(scenario, theirs)])]:
            print(row(family, mutant, count), flush=True)
            left.remove(mutant)
        if not left:
            break
    for mutant in left:
        print(row(family, mutant, "not found"), flush=True)
    return not left


def _summary(family: str, tally: Tally, seconds: float) -> str:
    meant = Counter(" and ".join(f"{meant.rule}: {meant.why}" for meant in one.meant) for one in tally.meant)
    same = tally.played - len(tally.unstable) - len(tally.meant) - len(tally.different)
    counts = [
        f"{family}: {tally.played} scenarios in {seconds:.0f} s, {tally.played / seconds:.0f} a second",
        f"{same} as on OTP, {tally.once} of them not at once",
        *(f"{number} meant to differ ({why})" for why, number in meant.items()),
        f"{len(tally.unstable)} unstable on OTP{', which is too many' if tally.too_unstable else ''}",
        f"{len(tally.different)} different",
    ]
    return "\n  ".join(counts)


def _minimal(oracle: Oracle, family: str, found: Difference) -> Difference:
    def difference_of(scenario: Scenario) -> Difference | None:
        theirs = try_again(oracle, scenario, times=2) if comes_out_in_one_way(family, scenario) else None
        found = None if theirs is None else difference(scenario, theirs)
        return None if found is None or found.meant else found

    small = shrunk(found.scenario, lambda scenario: difference_of(scenario) is not None)
    return difference_of(small) or found


if __name__ == "__main__":
    sys.exit(main())
