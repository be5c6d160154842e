"""python -m examples.user_sync.seeds: each lock with 20 seeds; prints a table of what the witness and the job saw."""

from __future__ import annotations

import argparse
import sys

from examples.user_sync.compare import available_rows, run_row


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m examples.user_sync.seeds", allow_abbrev=False)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--latency", type=float, default=0.005)
    options = parser.parse_args()

    print("| --lock | seed | events | double syncs | stuck | synced | dead | crashes | as promised |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    broken = 0
    for row in available_rows():
        for seed in range(1, options.seeds + 1):
            figures = run_row(row, seed, options.latency)
            holds = row.holds(figures)
            broken += not holds
            counts = (figures[name] for name in ("events", "double_syncs", "stuck", "synced", "dead", "crashes"))
            cells = " | ".join(f"{count:,}" for count in counts)
            print(f"| {row.title} | {seed} | {cells} | {'yes' if holds else 'NO'} |", flush=True)
    print(f"\n{broken} runs were not as promised.")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
