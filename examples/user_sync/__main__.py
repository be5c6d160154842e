"""python -m examples.user_sync: the job itself. `--help` lists the options."""

from __future__ import annotations

import logging
import sys

from examples.user_sync.postgres import PostgresUnavailable

from examples.user_sync.options import parse
from examples.user_sync.processes import run_processes
from examples.user_sync.run import run
from examples.user_sync.source import InputError
from examples.user_sync.store import StoreError


def main(arguments: list[str]) -> int:
    """Run the job; return the exit code: 0, 2 when it was told what it can't do, 130 or 143 after a signal."""
    options = parse(arguments)
    # Crashes are this program's daily bread; it counts them itself.
    logging.getLogger("pykka_otp").addHandler(logging.NullHandler())
    logging.getLogger("pykka_otp").propagate = False
    try:
        outcome = run(options) if options.processes == 1 else run_processes(options)
    except (InputError, StoreError, PostgresUnavailable) as error:
        sys.stderr.write(f"user_sync: {error}\n")
        return 2
    sys.stdout.write(f"{outcome.result.to_json() if options.json else outcome.result.to_text()}\n")
    sys.stdout.flush()
    return outcome.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
