"""Fixtures for all tests: a runtime of their own, and a clock that they move themselves."""

from __future__ import annotations

import gc
import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pykka
import pytest

from actors import Actor, Runtime, _pykka_registry
from actors.testing import TestRuntime
from actors.testing._policy import RandomWalk
from actors.testing.system import System
from tests.support import Gate, ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import AbstractContextManager


# A shell has what it runs in the background ignore interrupts, and so would the programs that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


PLACES = [
    pytest.param("shared", marks=pytest.mark.real),
    pytest.param("thread", marks=pytest.mark.real),
    "simulated",
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of the two packages for both places where actors can run, and in a simulation."""
    if {"actors", "supervision"} & set(metafunc.definition.path.parts[-3:-1]):
        is_simulated = _is_simulated(metafunc.definition, metafunc.fixturenames)
        metafunc.parametrize("runs_on", PLACES if is_simulated else PLACES[:2], indirect=True)


def _is_simulated(test: pytest.Item, fixtures: Iterable[str]) -> bool:
    if test.path.name in NOT_SIMULATED or test.get_closest_marker("threads") is not None:
        return False
    return NEED_THREADS.isdisjoint(fixtures)


NOT_SIMULATED = {
    "test_adopted.py",
    "test_adopted_ends.py",
    "test_adopted_kill.py",
    "test_adopted_moves.py",
    "test_async_blocking.py",
    "test_async_tasks.py",
    "test_backlog.py",
    "test_clock.py",
    "test_dead_letters.py",
    "test_docstrings.py",
    "test_fork.py",
    "test_inspection.py",
    "test_interrupted.py",
    "test_life_races.py",
    "test_process_timers.py",
    "test_registry_races.py",
    "test_runtime.py",
    "test_scheduler.py",
    "test_supervisor_restart.py",
    "test_supervisor_shutdown.py",
    "test_testing.py",
    "test_worker_timeout.py",
}
"""Files whose tests are about threads, the machine's time or plain Pykka actors, or look at what a simulation has
otherwise. Single tests of other files are marked with `threads`."""


NEED_THREADS = {"clock", "hasty_threads"}
"""Fixtures that have no meaning where there is one thread, whose time is virtual."""


PROGRAMS = {
    "examples",
    "test_docs.py",
    "test_ends.py",
    "test_explore_together.py",
    "test_pytest_plugin.py",
    "test_readme.py",
}
"""Files and folders whose tests start programs."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Know which tests need threads, processes or the machine's time: what is not simulated."""
    items[:] = [item for item in items if not _is_for_threads(item)]
    for item in items:
        if PROGRAMS & set(item.path.parts):
            item.add_marker(pytest.mark.real)


def _is_for_threads(test: Any) -> bool:
    """Whether a test would be simulated with an argument that is marked with `threads`."""
    arguments = test.callspec.params if hasattr(test, "callspec") else {}
    return arguments.get("runs_on") == "simulated" and test.get_closest_marker("threads") is not None


def pytest_collection_finish() -> None:
    """Have the collector of garbage pass over what has been there since the beginning: so many tests live long."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def runs_on(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where actors run whose class doesn't say it."""
    place = getattr(request, "param", Actor.runs_on)
    if place == "simulated":
        return place
    monkeypatch.setattr(Actor, "runs_on", place)
    return place


@pytest.fixture(autouse=True)
def runtime(request: pytest.FixtureRequest, runs_on: str) -> Iterator[Runtime]:
    """The runtime in which the test's actors live; with the test's clock, when it asks for one."""
    before = set(pykka.ActorRegistry.get_all())
    yield from _runtime(request, runs_on)
    # Of records that a test has driven by hand, and of runs that it has left where they failed.
    for ref in pykka.ActorRegistry.get_all():
        if ref not in before:
            _pykka_registry.remove(ref)


def _runtime(request: pytest.FixtureRequest, runs_on: str) -> Iterator[Runtime]:
    if runs_on == "simulated":
        seed = request.node.nodeid
        with System(seed, policy=RandomWalk(seed, prompt_kills=True), record=False) as system:
            # What crashes in these tests is meant to.
            system.expect_crash(BaseException, times=None, at_least=0)
            yield system.runtime
        return
    clock = request.getfixturevalue("clock") if "clock" in request.fixturenames else None
    with TestRuntime(clock=clock) as runtime:
        yield runtime


@pytest.fixture
def clock() -> ManualClock:
    """The time of the test's runtime, which stands still until the test advances it."""
    return ManualClock()


@pytest.fixture
def gate() -> Iterator[Gate]:
    """A gate that is open at the end, so that nobody is left standing there."""
    gate = Gate()
    yield gate
    gate.open()


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Make the interpreter switch threads as often as it can, so that what can go wrong between two lines does."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.fixture
def shortage(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], AbstractContextManager[None]]:
    """`with shortage("actors-clock"):`, and no thread can be started whose name begins so."""
    start = threading.Thread.start

    @contextmanager
    def shortage(prefix: str) -> Iterator[None]:
        def refuse(thread: threading.Thread) -> None:
            if thread.name.startswith(prefix):
                raise RuntimeError("can't start new thread")
            start(thread)

        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            yield

    return shortage
