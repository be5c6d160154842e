"""python -m examples.user_sync: the job itself. `--help` lists the options."""

from __future__ import annotations

import logging
import os
import sys

from actors import StartFailed
from examples.user_sync.options import parse
from examples.user_sync.postgres import PostgresUnavailable
from examples.user_sync.processes import run_processes
from examples.user_sync.run import run
from examples.user_sync.source import InputError
from examples.user_sync.store import StoreError

BAD_USE = 2
FAILED = 1
BROKEN_PIPE = 141


def main(arguments: list[str]) -> int:
    """Run the job; return the exit code.

    0; 2 when it was told what it can't do; 130 or 143 after a signal; 1 when it gave up.
    """
    options = parse(arguments)
    # Crashes are this program's daily bread; it counts them itself.
    logging.getLogger("pykka_otp").addHandler(logging.NullHandler())
    logging.getLogger("pykka_otp").propagate = False
    try:
        outcome = run(options) if options.processes == 1 else run_processes(options)
        print(outcome.result.to_json() if options.json else outcome.result.to_text(), flush=True)
    except (InputError, StoreError, PostgresUnavailable) as error:
        return complain(error, BAD_USE)
    except StartFailed as error:
        return complain(error, FAILED)
    except BrokenPipeError:
        # Nobody reads any more; nor is there to be a complaint when the program closes its stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    if outcome.exit_code == FAILED:
        return complain("gave up: workers crashed more often than their supervisor allows", FAILED)
    return outcome.exit_code


def complain(about: object, exit_code: int) -> int:
    print(f"user_sync: {about}", file=sys.stderr)
    return exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
