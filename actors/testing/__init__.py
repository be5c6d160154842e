"""For tests of actors: a simulated system for tests that are fast and the same each time; and a real one.

In a `System` actors run in the test's own thread, in virtual time, as a seed says: `docs/testing.md` begins there.

Where threads and real time are what is to be tested, a `TestRuntime` finds what a test leaves behind, and nothing
sleeps or polls: `ManualClock`, `settle()`, `crash()`, `await_down()`. What a test waits for in vain ends with an
`AssertionError` that says what didn't happen, after ten seconds of real time unless said otherwise.
"""

from actors.testing._clock import ManualClock
from actors.testing._faults import await_down, crash
from actors.testing._injection import ANY, Fault, Held, InjectedCrash, Matcher, NeverStruck, Selector
from actors.testing._runtime import LeakedActors, TestRuntime
from actors.testing._settle import NotSettled, settle
from actors.testing._simulation import Livelock
from actors.testing._stand_ins import NotSimulated
from actors.testing._told import Step
from actors.testing._watch import StepTooLong
from actors.testing.case import SimulatedTestCase
from actors.testing.probe import Like, Probe, like
from actors.testing.system import NotReached, System, UnexpectedCrash

__all__ = [
    "ANY",
    "Fault",
    "Held",
    "InjectedCrash",
    "LeakedActors",
    "Like",
    "Livelock",
    "ManualClock",
    "Matcher",
    "NeverStruck",
    "NotReached",
    "NotSettled",
    "NotSimulated",
    "Probe",
    "Selector",
    "SimulatedTestCase",
    "Step",
    "StepTooLong",
    "System",
    "TestRuntime",
    "UnexpectedCrash",
    "await_down",
    "crash",
    "like",
    "settle",
]
