"""A simulated system for each test of unittest."""

from __future__ import annotations

import functools
import inspect
import os
import secrets
import unittest
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from zlib import crc32

from actors.runtime import current_runtime
from actors.testing._stand_ins import stand_ins
from actors.testing.system import System

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["SimulatedTestCase"]

_Error: TypeAlias = "tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]"


class SimulatedTestCase(unittest.TestCase):
    """A test case each of whose tests has a simulated system of its own, `self.system`.

        class TestCounter(SimulatedTestCase):
            def test_it_counts_from_nothing_after_a_crash(self):
                counter = start_supervised(Counter)
                self.system.crash(counter, nth=2)
                ...

    A `setUp` of its own begins with `super().setUp()`. Together with `unittest.IsolatedAsyncioTestCase` its tests may
    be `async def`.

    The seed is made of the test's name; the environment variable `ACTOR_SEED` says another, or `random` for a new one
    each time. A test that fails tells in a note what happened last, and how to have it again. A crash that wasn't
    expected is found when the system ends, which `unittest.expectedFailure` doesn't cover.
    """

    _system: System | None = None

    def setUp(self) -> None:
        """Begin the simulation; it ends after `tearDown` and the test's own cleanups."""
        super().setUp()
        seed = _seed_of(self.id())
        system = System(seed)
        system.again = f"ACTOR_SEED={seed} {self._command()}"
        self._system = self.enterContext(system)
        stand_ins.replace_around(type(self).__module__)

    def _command(self) -> str:
        """What to type in a shell to run this test alone, by pytest where that runs it."""
        test, _, _ = os.environ.get("PYTEST_CURRENT_TEST", "").rpartition(" ")
        name = f"::{type(self).__name__}::{self._testMethodName}"
        if test.endswith(name):
            # Its path is one from the root of the project, wherever pytest was begun.
            file = os.path.relpath(inspect.getfile(type(self)))
            return f"pytest '{test if Path(test.partition('::')[0]).exists() else file + name}'"
        return f"python -m unittest {self.id()}"

    @property
    def system(self) -> System:
        """The system of this test."""
        if self._system is None:
            raise RuntimeError("there is no system yet; begin setUp() with super().setUp()")
        return self._system

    def run(self, result: unittest.TestResult | None = None) -> unittest.TestResult | None:
        """Run the test."""
        result = self.defaultTestResult() if result is None else result
        told: Any = _Told(result, self)
        case: Any = self
        case.setUp = functools.partial(self._set_up, self.setUp)
        try:
            super().run(told)
        finally:
            del case.setUp
        return result

    def _set_up(self, set_up: Callable[[], None]) -> None:
        """Set up, and refuse to go on in the runtime that is there without a system; end what was started in that."""
        runtime = current_runtime()
        before = runtime.processes()
        set_up()
        if self._system is None:
            for process in runtime.processes():
                if process not in before:
                    process.ref.stop()
            raise RuntimeError(f"the test has no system: begin {type(self).__name__}.setUp() with super().setUp()")


class _Told:
    """Has failures tell the story of their system, while that is there, and its end add nothing to them."""

    def __init__(self, result: unittest.TestResult, case: SimulatedTestCase) -> None:
        self._result = result
        self._case = case

    def __getattr__(self, name: str) -> Any:
        return getattr(self._result, name)

    def addError(self, test: unittest.TestCase, error: _Error) -> None:  # noqa: N802 - as unittest calls it
        self._tell(error)
        self._result.addError(test, error)

    def addFailure(self, test: unittest.TestCase, error: _Error) -> None:  # noqa: N802 - the same
        self._tell(error)
        self._result.addFailure(test, error)

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:  # noqa: N802 - the same
        if self._case._system is not None:
            self._case._system.leave_unchecked()
        self._result.addSkip(test, reason)

    def addSubTest(  # noqa: N802 - the same
        self, test: unittest.TestCase, subtest: unittest.TestCase, error: _Error | None
    ) -> None:
        self._tell((None, None, None) if error is None else error)
        self._result.addSubTest(test, subtest, error)

    def _tell(self, error: _Error) -> None:
        system = self._case._system
        if system is not None and error[1] is not None:
            system.explain(error[1])
            system.leave_unchecked()


def _seed_of(name: str) -> object:
    given = os.environ.get("ACTOR_SEED")
    if given == "random":
        return secrets.randbits(32)
    return crc32(name.encode()) if given is None else given
