"""python -m examples.user_sync.compare: the job with each lock that this machine can run, side by side.

With `--check` it ends with exit code 1 when a row isn't what it should be; `--seed N` and `--latency SECONDS` as in
the job itself.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from examples.user_sync.postgres import find_binaries

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ROWS", "Row", "available_rows", "run_row"]

ROOT = Path(__file__).resolve().parents[2]
CRASH_RATE = 0.2

Figures: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Row:
    """One way to run the job, and what it must show."""

    title: str
    arguments: tuple[str, ...]
    promise: str
    holds: Callable[[Figures], bool]
    needs_postgres: bool = False


def _is_right(figures: Figures) -> bool:
    done = figures["synced"] + figures["dead"]
    return bool(figures["double_syncs"] == 0 and figures["stuck"] == 0 and done == figures["events"])


def _syncs_twice(figures: Figures) -> bool:
    done = figures["synced"] + figures["dead"]
    return bool(figures["double_syncs"] > 0 and figures["stuck"] == 0 and done == figures["events"])


def _gets_stuck(figures: Figures) -> bool:
    return bool(figures["double_syncs"] == 0 and figures["stuck"] > 0 and figures["left"] == 0)


ROWS = (
    Row("none", ("--lock=none",), "Nothing keeps two workers apart: the witness saw users synced twice at once.",
        _syncs_twice),
    Row("table", ("--lock=table",), "Right until a worker crashes: its users stay locked, and are never synced again.",
        _gets_stuck),
    Row("registry", ("--lock=registry",), "The Registry frees what a crashed worker held: nothing doubled, nothing "
        "stuck.", _is_right),
    Row("registry, killed", ("--lock=registry", "--kill-registry-after=500", "--kill-queue-after=700"),
        "The same, with the Registry's and the Queue's actors killed on the way: what they hold outlives them.",
        _is_right),
    Row("postgres", ("--lock=postgres",), "The server frees a crashed worker's locks with its connection; each lock "
        "costs two round trips.", _is_right, needs_postgres=True),
    Row("postgres, 2 processes", ("--lock=postgres", "--processes=2"), "And it holds across processes, which is what "
        "it is for.", _is_right, needs_postgres=True),
)  # fmt: skip


def available_rows() -> list[Row]:
    """Return the rows that this machine can run."""
    return [row for row in ROWS if not row.needs_postgres or find_binaries() is not None]


def run_row(row: Row, seed: int, latency: float) -> Figures:
    """Run the job as the row says, and return its figures.

    Raises:
        RuntimeError: it didn't come to its end.
    """
    command = [
        *(sys.executable, "-m", "examples.user_sync", *row.arguments),
        *(f"--crash-rate={CRASH_RATE}", f"--seed={seed}", f"--latency={latency}", "--json"),
    ]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        msg = f"{' '.join(command)} ended with exit code {done.returncode}"
        raise RuntimeError(msg)
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def table_head() -> str:
    return (
        "| --lock | events | double syncs | stuck | synced + dead | crashes | requeued | seconds | events/s |\n"
        "|---|---|---|---|---|---|---|---|---|"
    )


def table_row(row: Row, figures: Figures) -> str:
    done = figures["synced"] + figures["dead"]
    return (
        f"| {row.title} | {figures['events']:,} | {figures['double_syncs']:,} | {figures['stuck']:,} | {done:,} "
        f"| {figures['crashes']:,} | {figures['requeued']:,} | {figures['seconds']:.1f} "
        f"| {figures['events_per_second']:.0f} |"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m examples.user_sync.compare", allow_abbrev=False)
    parser.add_argument("--check", action="store_true", help="fail when a row isn't what it should be")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--latency", type=float, default=0.02)
    options = parser.parse_args()

    rows = available_rows()
    print(f"2,000 syncs of 200 users by 8 workers, every fifth sync crashes; seed {options.seed}\n")
    print(table_head(), flush=True)
    broken = []
    for row in rows:
        figures = run_row(row, options.seed, options.latency)
        print(table_row(row, figures), flush=True)
        if not row.holds(figures):
            broken.append(row.title)
    print()
    for row in rows:
        print(f"{row.title}: {row.promise}")
    if len(rows) < len(ROWS):
        print("postgres: left out, this machine has no PostgreSQL server; install the package 'postgresql'.")
    if broken:
        print(f"\nnot as it should be: {', '.join(broken)}")
    return 1 if broken and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
