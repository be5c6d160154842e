"""The pytest plugin: simulated systems as fixtures, the same in each run, and their story when a test fails.

It imports nothing of these packages until one of its fixtures is used. So it lies here, where the package itself
imports nothing at once, and not in `actors`.
"""

from __future__ import annotations

import contextlib
import gc
import os
import secrets
import shlex
import sys
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol
from zlib import crc32

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from actors.testing import System, TestRuntime
    from actors.testing._runs import Scenario
    from actors.testing.explore import Exploration
    from supervision.testing import StartSupervised

_SEED = "ACTOR_SEED"

_system = pytest.StashKey["System"]()

_schedule = pytest.StashKey[Any]()
"""That of `--replay`."""

_explored = pytest.StashKey[list[str]]()
"""The scenarios that a test has explored."""


class Explore(Protocol):
    """The type of the fixture `explore`."""

    def __call__(self, scenario: Scenario, **options: Any) -> Exploration:
        """Run a scenario in many schedules."""
        ...


_HAD_AGAIN = "was had again, and passes"


class _Replayed(BaseException):
    """The schedule of `--replay` was had again, and passes: the test is over, which nothing in it may prevent."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("actors", "simulated actors")
    group.addoption(
        "--actor-seed",
        default=os.environ.get(_SEED),
        metavar="SEED",
        help="the seed of all simulated systems: any text; 'random' for another one in each test. By default each test"
        f" has its own, made of its node id. The environment variable {_SEED} says the same.",
    )
    group.addoption(
        "--schedules",
        type=int,
        metavar="N",
        help="how many schedules explore() tries, whatever a test says; but for those that go through all",
    )
    group.addoption(
        "--replay",
        metavar="FILE",
        help="run the test that has saved a schedule to this file, when it failed, and have explore() run that alone",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Have test cases of unittest, which get no options, find the seed; and read the schedule of `--replay`."""
    seed = config.getoption("--actor-seed")
    if seed is not None:
        patch = pytest.MonkeyPatch()
        patch.setenv(_SEED, seed)
        config.add_cleanup(patch.undo)
    file = config.getoption("--replay")
    if file is not None:
        from actors.testing.explore import Schedule  # noqa: PLC0415

        try:
            config.stash[_schedule] = Schedule.load(file)
        except (OSError, ValueError) as error:
            raise pytest.UsageError(f"--replay: {error}") from error


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run nothing but the test whose schedule is to be had again; where it isn't found, all those that explore."""
    schedule = config.stash.get(_schedule, None)
    if schedule is None:
        return
    meant = {item for item in items if _id_of(item) == schedule.test}
    meant = meant or {item for item in items if "explore" in getattr(item, "fixturenames", ())}
    config.hook.pytest_deselected(items=[item for item in items if item not in meant])
    items[:] = [item for item in items if item in meant]


def _seed_of(node: Any) -> object:
    given = node.config.getoption("--actor-seed")
    if given == "random":
        return secrets.randbits(32)
    return crc32(_id_of(node).encode()) if given is None else given


def _id_of(node: Any) -> str:
    # Its node id, but for the name of a group that pytest-xdist may have added.
    return f"{node.parent.nodeid}::{node.name}"


def _command_for(node: Any, option: str) -> str:
    """What to type in a shell to run a test alone, from where this run was begun."""
    file, colons, name = _id_of(node).partition("::")
    path = os.path.relpath(node.config.rootpath / file, node.config.invocation_params.dir)
    quoted = f"{path}{colons}{name}".replace("'", "'\"'\"'")
    return f"pytest '{quoted}' {option}"


@pytest.fixture
def system(request: pytest.FixtureRequest) -> Iterator[System]:
    """A simulated system: actors run in it in virtual time, the same way in each run with the same seed."""
    from actors.testing import System  # noqa: PLC0415
    from actors.testing._stand_ins import stand_ins  # noqa: PLC0415

    _refuse_both(request)
    node = request.node
    seed = _seed_of(node)
    with System(seed) as system:
        stand_ins.replace_around(request.module.__name__)
        system.again = _command_for(node, f"--actor-seed={seed}")
        node.stash[_system] = system
        yield system


@pytest.fixture
def real_system(request: pytest.FixtureRequest) -> Iterator[TestRuntime]:
    """A runtime with threads and the machine's time, at whose end all actors are stopped, and leaks are failures.

    Crashes are none: the test asserts what has become of them.
    """
    from actors.testing import TestRuntime  # noqa: PLC0415

    _refuse_both(request)
    with TestRuntime() as runtime:
        yield runtime


@pytest.fixture
def start_supervised(request: pytest.FixtureRequest) -> StartSupervised:
    """`start_supervised(child)`: start a child, restarted when it crashes, that ends with the test.

    In the `real_system`, when the test asks for that; else in the simulated one.
    """
    from actors import Runtime  # noqa: PLC0415
    from actors.testing import System  # noqa: PLC0415
    from supervision.testing import start_supervised  # noqa: PLC0415

    name = "real_system" if "real_system" in request.fixturenames else "system"
    given = request.getfixturevalue(name)
    if not isinstance(given, System | Runtime):
        pytest.fail(
            f"start_supervised needs the fixture {name!r} of pykka-otp; another has this name, and gave {given!r}"
        )
    return start_supervised


def _refuse_both(request: pytest.FixtureRequest) -> None:
    if {"system", "real_system"} <= set(request.fixturenames):
        pytest.fail("a test has either `system`, which is simulated, or `real_system`; this one asks for both")


@pytest.fixture
def explore(request: pytest.FixtureRequest) -> Explore:
    """`explore(scenario)`: run it in many schedules; one that fails is made small, and saved to be had again.

    Takes what `actors.testing.explore.explore` takes, and returns what that does. The seed is that of the test. With
    `--replay` it runs the schedule of a file, if that is one of the scenario's, and ends the test.
    """
    from actors.testing.explore import ScenarioFailed, explore, full_name_of, replay  # noqa: PLC0415

    node = request.node
    schedule = node.config.stash.get(_schedule, None)
    schedules = node.config.getoption("--schedules")
    seed = _seed_of(node)
    explored = node.stash[_explored] = []
    times: Counter[str] = Counter()

    def explore_here(scenario: Scenario, **options: Any) -> Exploration:
        name = full_name_of(scenario)
        times[name] += 1
        if times[name] > 1:
            # As two lambdas of one function.
            name = f"{name}, number {times[name]}"
        explored.append(name)
        if schedule is not None and schedule.scenario in ("", name):
            replay(scenario, schedule)
            raise _Replayed(f"the schedule of {name} {_HAD_AGAIN}")
        if schedules is not None and not options.get("exhaustive"):
            options["schedules"] = schedules
        options.setdefault("seed", seed)
        save = options.setdefault("save", _place_for(node))
        if schedule is not None:
            # Not in the place of the one that is to be had again.
            save = options["save"] = None
        try:
            return explore(scenario, **options)
        except ScenarioFailed as failed:
            if save is not None:
                replace(failed.schedule, scenario=name, test=_id_of(node)).save(save)
                option = shlex.quote(f"--replay={save}")
                failed.add_note(f"again with: {_command_for(node, option)}")
            raise

    return explore_here


def _place_for(node: Any) -> Path | None:
    """Where the schedule of a test that fails is saved: in the cache of pytest, where there is one."""
    cache = getattr(node.config, "cache", None)
    return None if cache is None else cache.mkdir("actors") / f"{crc32(_id_of(node).encode())}.json"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, object, object]:
    """Have a test that doesn't begin say why, and nothing else; one whose fixture has replayed needn't."""
    with _told_once(item):
        try:
            return (yield)
        except _Replayed as replayed:
            pytest.skip(str(replayed))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Have a test fail whose actors have crashed, as long as it is the test: its fixtures' end may see more of them."""
    try:
        with _told_once(item):
            result = yield
            system = item.stash.get(_system, None)
            if system is not None:
                system.check_crashes()
            _check_replayed(item)
            return result
    except _Replayed:
        return None


def _check_replayed(item: pytest.Item) -> None:
    """Have a test fail that was to have its schedule again, and hasn't; one whose schedule it isn't is skipped."""
    schedule = item.config.stash.get(_schedule, None)
    if schedule is None:
        return
    explored: list[str] = item.stash.get(_explored, [])
    file: Any = item.config.getoption("--replay")
    reason = f"{file} is a schedule of {schedule.scenario}; this test explores {', '.join(explored) or 'nothing'}"
    if schedule.test == _id_of(item):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


@contextlib.contextmanager
def _told_once(item: pytest.Item) -> Generator[None, None, None]:
    """Have the end of the system of a test that fails, or is skipped, add nothing to that."""
    try:
        yield
    except BaseException:
        system = item.stash.get(_system, None)
        if system is not None:
            system.leave_unchecked()
        raise


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what happened in the system of a test that fails, while it is all there."""
    if call.excinfo is None or call.excinfo.errisinstance(pytest.skip.Exception):
        return (yield)
    system = item.stash.get(_system, None)
    if system is not None:
        system.explain(call.excinfo.value)
    with _no_garbage_meanwhile():
        return (yield)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say that nobody had the schedule of `--replay`; and name the actors that hold up the end of the program."""
    stats = terminalreporter.stats
    file = terminalreporter.config.getoption("--replay")
    had = {"passed", "failed", "xfailed", "xpassed", "error"} & set(stats)
    # Or in a fixture.
    had |= {"skipped" for report in stats.get("skipped", ()) if _HAD_AGAIN in str(report.longrepr)}
    if file is not None and not had:
        terminalreporter.line(f"none of these tests had {file} again")
    _name_those_who_live_on(terminalreporter)


def _name_those_who_live_on(terminalreporter: pytest.TerminalReporter) -> None:
    module: Any = sys.modules.get("actors.runtime")
    default = [] if module is None else module._default
    left = [process for runtime in default for process in runtime.processes()]
    holding = [process.label for process in left if not process.actor_class.use_daemon_thread]
    if holding:
        terminalreporter.section("actors that were started outside of any system, and live on")
        terminalreporter.line("\n".join(holding))
        terminalreporter.line(
            "the program waits for their end: stop() them, or have the test take the fixture `system`"
        )


@contextlib.contextmanager
def _no_garbage_meanwhile() -> Generator[None]:
    """Have no garbage collected while pytest shows a failure, which may make CPython 3.11 fail.

    Pytest parses the test's code then. What is collected meanwhile and shows a traceback, as a task of asyncio does
    that has failed, has code parsed as well, and one within the other is a SystemError there, which ends pytest.
    """
    if sys.version_info >= (3, 12) or not gc.isenabled():
        yield
        return
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
