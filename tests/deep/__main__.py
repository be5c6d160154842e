"""python -m tests.deep: explore the job of the example for minutes, and write down what was seen, and at which rate.

Run by `make explore`. It ends with an error when something isn't found, or is found that shouldn't be.
"""

from __future__ import annotations

import argparse
import gc
import platform
import resource
import time
from concurrent.futures import ProcessPoolExecutor, wait
from itertools import chain
from pathlib import Path

from greenlet import greenlet

from actors.testing.explore import ScenarioFailed, explore
from tests.examples import simulated_job

REPORT = Path(__file__).resolve().parents[2] / "benchmarks" / "EXPLORED.md"

FOUND_WITHIN = 50
"""Schedules in which a known fault has to be found."""

ROUNDS = 3

ALONE = 1000
"""Schedules of one process."""

TOGETHER = 8000
"""Schedules of two processes, each of which takes half a second to start: as long as some hundred schedules."""

COUNTED = 30_000_000
"""Numbers that are added up to see what two cores do."""

BATCH = 2000
"""Schedules after which memory is looked at first, and then again and again."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.deep", description=__doc__.partition("\n")[0])
    parser.add_argument("--schedules", type=int, default=20_000, help="of the Registry's lock, with crashes")
    arguments = parser.parse_args()
    lines = [
        "# The job of the example, explored",
        "",
        "Four workers, twenty events of five users; the classes of `examples/user_sync`, with a remote service in",
        "virtual time and a store that keeps nothing. Written by `make explore`, on",
        f"Python {platform.python_version()}, {platform.machine()}; the rates hang on what else the machine does.",
        "",
        "| what | seen |",
        "|---|---|",
    ]
    for row in chain(faults(), rates(), many_with_crashes(arguments.schedules)):
        line = "| {} | {} |".format(*row)
        print(line, flush=True)  # noqa: T201 - it takes minutes
        lines.append(line)
    REPORT.write_text("\n".join(lines) + "\n", encoding="utf-8")


def faults():
    """What is wrong with the other locks."""
    known = [
        ("no lock: a user is synced twice at once", simulated_job.without_a_lock),
        ("the table's lock and a crash: a user is stuck", simulated_job.with_a_table_and_a_crash),
    ]
    for what, scenario in known:
        try:
            explored = explore(scenario, schedules=FOUND_WITHIN)
        except ScenarioFailed as failed:
            yield what, f"found in schedule {failed.explored.schedules} of {FOUND_WITHIN} at most"
        else:
            raise SystemExit(f"{what}: not found; {explored}")


def rates():
    """What a schedule takes, in one process and in two; each beside the other, since the machine's pace may vary."""
    scenario = simulated_job.with_the_registry_unchecked
    alone, together = [], []
    for number in range(ROUNDS):
        alone.append(explore(scenario, schedules=ALONE, seed=number))
        together.append(explore(scenario, schedules=TOGETHER, workers=2, seed=number))
    one, two = max(alone, key=_rate), max(together, key=_rate)
    ratios = sorted(_rate(many) / _rate(few) for few, many in zip(alone, together, strict=True))
    yield (
        "the Registry's lock, one process",
        f"{_rate(one):.0f} schedules, {one.steps / one.seconds:.0f} steps a second",
    )
    yield (
        f"the same, two processes, {TOGETHER} schedules with their start",
        f"{_rate(two):.0f} schedules a second; in {ROUNDS} rounds {', '.join(f'{ratio:.2f}' for ratio in ratios)} x",
    )
    yield "the same of a plain loop, which is what two cores of this machine do", f"{plain_ratio():.2f} x"


def plain_ratio():
    """How much more two processes get done than one, when each only counts; each at its best of three."""
    with ProcessPoolExecutor(2) as pool:
        # They take their time to start.
        _counted(pool, 2)
        alone = min(_counted(pool, 1) for _ in range(ROUNDS))
        together = min(_counted(pool, 2) for _ in range(ROUNDS))
    return 2 * alone / together


def _counted(pool, times):
    """Seconds of real time that it takes to count so many times, side by side."""
    begin = time.perf_counter()
    wait([pool.submit(count) for _ in range(times)])
    return time.perf_counter() - begin


def count():
    """Take a second or two."""
    total = 0
    for number in range(COUNTED):
        total += number
    return total


def many_with_crashes(schedules):
    """Whether all is well in the end, whatever crashes, and nothing is left of so many runs."""
    scenario = simulated_job.with_the_registry_and_crashes
    runs = faults = distinct = 0
    memory = []
    while runs < schedules:
        explored = explore(scenario, schedules=min(BATCH, schedules - runs), seed=f"deep-{runs}")
        runs += explored.schedules
        faults += explored.faults
        distinct += explored.distinct
        memory.append(resident_bytes())
    gc.collect()
    greenlets = sum(1 for one in gc.get_objects() if isinstance(one, greenlet) and not one.dead and one.parent)
    batches = f"{distinct} of them distinct within their batch of {BATCH}"
    yield "the Registry's lock, with crashes", f"{runs} schedules, {batches}; {faults} crashes, all survived"
    yield (
        f"memory after {min(BATCH, runs)} schedules and after {runs}",
        f"{memory[0] >> 20} MiB, {memory[-1] >> 20} MiB",
    )
    yield "greenlets left", str(greenlets)


def _rate(explored):
    return explored.schedules / explored.seconds


def resident_bytes():
    """What the process has in memory now, where the platform tells; else the most that it ever had."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
