"""python -m tests.mutants: break the product in each known way, and print in which schedule that is found."""

from __future__ import annotations

import logging

from tests.mutants.table import table

if __name__ == "__main__":
    # Crashes are what it is about, and who is paused while it logs would keep the lock of the log.
    logging.disable(logging.CRITICAL)
    print(table())
