"""python -m benchmarks: this library beside what its users would take instead, in the same run; prints ratios.

The sides of a row are measured in turn, several rounds, each measurement in a process of its own; the medians are
compared. Machines are noisy: a ratio says more than a figure. The last full run is kept in benchmarks/RESULTS.md.

`--smoke` runs small sizes once, keeps nothing, and fails when a row reaches less than half of its floor, or on a slow
machine as much less of a floor that is no ratio as a plain loop is slower there. `--peers` runs
other Python libraries as well, each in an environment of its own, which is made the first time; what can't be made, as
without a network, is left out. A smoke run is without them, and without Elixir.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

from benchmarks import peers
from benchmarks.rows import AHEAD_ROWS, PEER_ROWS, ROWS

HERE = Path(__file__).parent
RESULTS = HERE / "RESULTS.md"
SECONDS = 120
NAMES = {"shared": "ours", "thread": "ours, on threads of their own", "pykka": "Pykka", "elixir": "Elixir"}


SMOKE_TRIES = 4
"""How often a row of a short run is measured until it counts as too slow: the machine may be busy with other things."""


PLAIN_SECONDS = 0.037
"""What `plain_seconds()` is at most where a floor that is a number of its own is asked for in full."""


def plain_seconds():
    """How long the interpreter takes, at its best of ten, to add up the first million numbers."""
    best = float("inf")
    for _ in range(10):
        begin = time.perf_counter()
        total = 0
        for number in range(1_000_000):
            total += number
        best = min(best, time.perf_counter() - begin)
    return best


def measure(side, row, size):
    """Measure one side of a row once, in a process of its own; None when that can't be."""
    if side in peers.PEERS:
        return measure_peer(peers.PEERS[side], row, size)
    if side == "elixir":
        if shutil.which("elixir") is None:
            return None
        command = ["elixir", str(HERE / "elixir" / "rows.exs"), row.name, str(size)]
    else:
        command = [sys.executable, "-m", "benchmarks.measure", side, row.name, str(size)]
    done = run(command)
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        msg = f"{row.name}, {side}: exit code {done.returncode}"
        raise RuntimeError(msg)
    return json.loads(done.stdout.splitlines()[-1])


def measure_peer(peer, row, size):
    """Measure a peer once; None when it can't do the row, or when that has failed, which is said and ends nothing."""
    try:
        done = run([str(peer.python), str(peer.script), row.name, str(int(size * peer.share))])
        if done.returncode == 0:
            return json.loads(done.stdout.splitlines()[-1])
        problem = next(reversed(done.stderr.strip().splitlines()), f"exit code {done.returncode}")
    except subprocess.TimeoutExpired:
        problem = f"not done after {SECONDS} s"
    except (OSError, IndexError, ValueError) as error:
        problem = repr(error)
    print(f"{peer.name} is left out of {row.name!r}: {problem}", file=sys.stderr)
    return None


def run(command):
    return subprocess.run(
        command, cwd=HERE.parent, capture_output=True, text=True, timeout=SECONDS, check=False, stdin=subprocess.DEVNULL
    )


def measure_all(row, sides, rounds, size):
    """Return the figures of each side, a list for each, measured in turn; who can't be measured once is left out."""
    figures = {side: [] for side in sides}
    for _ in range(rounds):
        for side in list(figures):
            value = measure(side, row, size)
            if value is None:
                del figures[side]
            else:
                figures[side].append(value)
    return figures


def ratio(row, medians, rival, side="shared"):
    """How many times as good as a rival's the figure of a side of ours is."""
    ours, theirs = medians[side], medians[rival]
    return theirs / ours if row.less_is_better else ours / theirs


def without_elixir(row):
    return replace(row, sides=tuple(side for side in row.sides if side != "elixir"))


def missed(row, medians, share, pace=1.0):
    """The floors that a row doesn't reach, or not that share of them.

    A floor that is a number of its own hangs on the machine: `pace` is the share of it that this one is asked for.
    """
    ours = medians[row.sides[0]]
    if row.name in AHEAD_ROWS:
        yield from (f"ahead of {side}" for side in peers.PEERS if ours < medians.get(side, 0) * share)
    for floor in row.floors:
        if floor.rival is not None:
            if floor.rival in medians and ratio(row, medians, floor.rival, floor.side) < floor.at_least * share:
                yield shown(floor)
        elif row.less_is_better and ours > floor.at_least / share:
            yield f"at most {floor.at_least:,g} {row.unit}"
        elif not row.less_is_better and ours < floor.at_least * share * pace:
            yield f"at least {floor.at_least:,g} {row.unit}"


def shown(floor):
    """A floor that is measured by a rival."""
    side = "" if floor.side == "shared" else f"{NAMES[floor.side].removeprefix('ours, ')}: "
    return f"{side}{floor.at_least:g} x {NAMES[floor.rival]}"


def number(value):
    return f"{value:,.0f}" if value >= 100 or value == 0 else f"{value:.2f}"


def line_of(row, figures):
    medians = {side: statistics.median(values) for side, values in figures.items()}
    ours = figures[row.sides[0]]
    spread = f" ({number(min(ours))} to {number(max(ours))})" if len(ours) > 1 else ""
    beside = ", ".join(
        f"{NAMES.get(side, side)} {number(medians[side])} ({ratio(row, medians, side):.2f})"
        for side in row.sides[1:]
        if side in medians
    )
    floors = [
        shown(floor) if floor.rival is not None else f"{'<=' if row.less_is_better else '>='} {floor.at_least:,g}"
        for floor in row.floors
    ]
    measured = peers.PEERS.keys() & medians.keys()
    if row.name in AHEAD_ROWS and measured:
        # A peer that wasn't measured isn't one that ours is ahead of.
        floors.append("ahead of every peer" + (" measured" if measured != peers.PEERS.keys() else ""))
    not_reached = list(missed(row, medians, 1.0))
    reached = "" if not floors else "reached" if not not_reached else f"**not: {', '.join(not_reached)}**"
    told = (row.name, f"{number(medians[row.sides[0]])}{spread} {row.unit}", beside, ", ".join(floors), reached)
    return f"| {' | '.join(told)} |"


def lines_of_peers(compared, others):
    """A table of what the peers reach, and of how many times as good ours is, in the same run."""
    yield from [
        "",
        "Other Python libraries, in brackets how many times as good ours is; - where there is no figure. Outside is",
    ]
    yield from [
        "another thread with ours, and with theirs the thread, mostly the event loop, in which their actors run.",
        "",
    ]
    yield from [", ".join(f"{peer.name} {peer.version} on CPython {python_version(peer)}" for peer in others) + ".", ""]
    yield "| what | ours | " + " | ".join(peer.name for peer in others) + " |"
    yield "|---" * (2 + len(others)) + "|"
    for row, medians in compared:
        figures = (
            f"{number(medians[peer.name])} ({ratio(row, medians, peer.name):.2f})" if peer.name in medians else "-"
            for peer in others
        )
        yield f"| {row.name} | {number(medians[row.sides[0]])} {row.unit} | " + " | ".join(figures) + " |"


def python_version(peer):
    return run([str(peer.python), "-c", "import platform; print(platform.python_version())"]).stdout.strip()


def versions():
    pykka, greenlet = (importlib.metadata.version(name) for name in ("pykka", "greenlet"))
    line = f"{os.cpu_count()} CPUs, {platform.system()} {platform.machine()}; CPython {platform.python_version()}, "
    line += f"Pykka {pykka}, greenlet {greenlet}"
    if shutil.which("elixir") is not None:
        told = subprocess.run(["elixir", "--version"], capture_output=True, text=True, check=True).stdout
        line += ", " + told.strip().splitlines()[-1]
    return line


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks", allow_abbrev=False)
    parser.add_argument("--smoke", action="store_true", help="a short run that only compares with half of the floors")
    parser.add_argument("--peers", action="store_true", help="measure other Python libraries as well")
    parser.add_argument("only", nargs="*", help="names of rows")
    options = parser.parse_args()

    rows = [row for row in ROWS if (not options.only or row.name in options.only)]
    if options.smoke:
        rows = [
            replace(row, sides=tuple(side for side in row.sides if side != "elixir")) for row in rows if row.in_smoke
        ]
    head = [
        versions() + ".",
        "",
        "Medians of several rounds, with the least and the most; beside them the medians of others in the same run,",
        "and in brackets how many times as good ours is.",
        "",
        "| what | ours | beside it | floor | |",
        "|---|---|---|---|---|",
    ]
    print("\n".join(head), flush=True)
    others = peers.installed() if options.peers and not options.smoke else []
    lines, failed, compared = [], [], []
    for row in rows:
        rounds, size = (1, row.smoke_size) if options.smoke else (row.rounds, row.size)
        beside = [peer.name for peer in others if row.name in PEER_ROWS]
        for _ in range(SMOKE_TRIES if options.smoke else 1):
            figures = measure_all(row, (*row.sides, *beside), rounds, size)
            medians = {side: statistics.median(values) for side, values in figures.items()}
            # A machine that is slow, or busy, is asked for as much less as plain code takes longer there.
            pace = min(1.0, PLAIN_SECONDS / plain_seconds())
            below = [f"{row.name}: {floor}" for floor in missed(row, medians, 0.5, pace)]
            if not below:
                break
        lines.append(line_of(row, figures))
        print(lines[-1], flush=True)
        if beside:
            compared.append((row, medians))
        failed += below
    if compared:
        below = list(lines_of_peers(compared, others))
        print("\n".join(below), flush=True)
        lines += below
    if not options.smoke and not options.only:
        notes = RESULTS.read_text().partition("\n## ")
        RESULTS.write_text(
            "\n".join(["# The last full run of `make bench`", "", *head, *lines, ""]) + notes[1] + notes[2]
        )
    if options.smoke and failed:
        print("less than half of the floor:", *failed, sep="\n  ", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
