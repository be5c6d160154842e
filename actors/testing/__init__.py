"""For tests of actors: time that stands still, waiting for all to have settled, faults, and a runtime that finds leaks.

Nothing here sleeps or polls. What a test waits for in vain ends with an `AssertionError` that says what didn't happen,
after ten seconds of real time unless said otherwise.
"""

from actors.testing._clock import ManualClock
from actors.testing._faults import await_down, crash
from actors.testing._runtime import LeakedActors, TestRuntime
from actors.testing._settle import NotSettled, settle

__all__ = [
    "LeakedActors",
    "ManualClock",
    "NotSettled",
    "TestRuntime",
    "await_down",
    "crash",
    "settle",
]
