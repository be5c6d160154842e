"""python -m benchmarks: this library beside what its users would take instead, in the same run; prints ratios.

Each pair is run in turn, several times; the medians are compared. Machines are noisy: a ratio says more than a figure.
The results of the last full run are kept in benchmarks/RESULTS.md. `--smoke` runs everything once, with a hundredth of
the work, and keeps nothing.
"""

from __future__ import annotations

import argparse
import logging
import platform
import statistics
import sys
from pathlib import Path

from benchmarks.cases import CASES

ROUNDS = 5
RESULTS = Path(__file__).parent / "RESULTS.md"


def measure(case, rounds, scale):
    """Return the medians of ours and theirs: operations per second."""
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(case.ours(max(case.operations // scale, 10)))
        theirs.append(case.theirs(max(case.operations // scale, 10)))
    return statistics.median(ours), statistics.median(theirs)


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks", allow_abbrev=False)
    parser.add_argument("--smoke", action="store_true", help="a short run that only shows that everything works")
    parser.add_argument("only", nargs="*", help="names of cases")
    options = parser.parse_args()

    # Crashes are part of what is measured; their logs are not.
    logging.getLogger("pykka_otp").addHandler(logging.NullHandler())
    logging.getLogger("pykka_otp").propagate = False
    logging.getLogger("pykka").setLevel(logging.CRITICAL)
    rounds, scale = (1, 100) if options.smoke else (ROUNDS, 1)
    lines = [
        (
            f"CPython {platform.python_version()}, {platform.system()} {platform.machine()}; medians of {rounds} "
            "rounds, operations per second"
        ),
        "",
        "| what | pykka-otp | beside it | ratio |",
        "|---|---|---|---|",
    ]
    print("\n".join(lines), flush=True)
    for case in CASES:
        if options.only and case.name not in options.only:
            continue
        ours, theirs = measure(case, rounds, scale)
        line = f"| {case.name} | {ours:,.0f} | {theirs:,.0f} ({case.rival}) | {ours / theirs:.2f} |"
        lines.append(line)
        print(line, flush=True)
    if not options.smoke and not options.only:
        RESULTS.write_text("# The last full run of `make bench`\n\n" + "\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
