"""The pytest plugin: what its fixtures are, where their seeds come from, and what a failure shows."""

from __future__ import annotations

import os
import random
import re
import shlex
import sys
import textwrap
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
# Some start programs that start programs.
pytestmark = pytest.mark.timeout(60)

ROOT = Path(__file__).resolve().parents[2]

ACTORS = """
import pytest
from actors import Actor


class Counter(Actor):
    def __init__(self):
        self.count = 0

    def on_receive(self, message):
        self.count += message
        return self.count
"""

RACE = """
class Runner(Actor):
    def on_receive(self, message):
        board, name = message
        board.append(name)


def race():
    board = []
    runners = [Runner.start() for _ in range(8)]
    for number, runner in enumerate(runners):
        runner.tell((board, number))
    return board
"""


@pytest.fixture
def project(pytester, monkeypatch):
    """Runs pytest with the plugin over a file of tests, in this process or in one of its own."""
    monkeypatch.delenv("ACTOR_SEED", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    for name in ("CI", "BUILD_NUMBER"):  # where pytest repeats a failure's whole text in its summary
        monkeypatch.delenv(name, raising=False)

    def run(source, *options, apart=False):
        pytester.makepyfile(test_it=ACTORS + textwrap.dedent(source))
        plugins = ("-p", "supervision.pytest_plugin")
        run = pytester.runpytest_subprocess if apart else pytester.runpytest_inprocess
        return run(*plugins, *options)

    return run


def printed(result, word):
    """What the tests printed after a word: `word: ...`."""
    return re.findall(rf"{word}: ([^{{\n]+)$", result.stdout.str(), re.MULTILINE)


# Nothing until it is used


def test_a_run_without_its_fixtures_imports_nothing_of_ours_but_the_plugin(pytester, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeconftest("""
        import sys

        def pytest_unconfigure():
            ours = [name for name in sys.modules if name.partition(".")[0] in ("actors", "supervision", "pykka")]
            print("imported:", *sorted(ours))
    """)
    pytester.makepyfile(test_nothing="def test_nothing(): pass")

    result = pytester.runpytest_subprocess("-p", "supervision.pytest_plugin", "-p", "no:cacheprovider", "-s")

    result.assert_outcomes(passed=1)
    assert printed(result, "imported") == ["supervision supervision.pytest_plugin"]


def test_the_entry_point_names_the_plugin():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert project["entry-points"]["pytest11"] == {"pykka-otp": "supervision.pytest_plugin"}


# Fixtures


def test_system_is_a_simulated_one_in_which_a_long_time_takes_none(project):
    result = project("""
        def test_it(system):
            from actors import send_after, now
            counter = Counter.start()
            assert counter.ask(2) == 2
            system.advance(3600)
            assert now() == system.now() == 3600
            assert [step.point for step in system.trace][:2] == ["on_start", "receive"]
    """)

    result.assert_outcomes(passed=1)


def test_real_system_is_a_runtime_that_finds_what_is_left_behind(project):
    result = project("""
        def test_it(real_system):
            from actors import current_runtime
            from actors.testing import TestRuntime
            assert current_runtime() is real_system
            assert isinstance(real_system, TestRuntime)
            assert Counter.start().ask(2) == 2
    """)

    result.assert_outcomes(passed=1)


@pytest.mark.parametrize("place", ["system", "real_system"])
def test_what_is_supervised_is_restarted_and_ends_with_the_test_in_reverse(project, place):
    result = project(f"""
        order = []

        class Named(Actor):
            def __init__(self, name):
                self.name = name

            def on_start(self):
                order.append("start " + self.name)

            def on_receive(self, message):
                raise ValueError(message)

            def on_stop(self):
                order.append("stop " + self.name)

        def test_it({place}, start_supervised):
            from actors.testing import await_down
            first = start_supervised((Named, "first"), id=1)
            second = start_supervised((Named, "second"), id=2)
            with pytest.raises(ValueError):
                second.ask("boom")
            if hasattr({place}, "expect_crash"):
                {place}.expect_crash(ValueError)

        def test_after():
            assert order == ["start first", "start second", "start second", "stop second", "stop first"]
    """)

    result.assert_outcomes(passed=2)


def test_a_test_that_asks_for_both_systems_is_refused(project):
    result = project("""
        def test_it(system, real_system):
            pass
    """)

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*either `system`, which is simulated, or `real_system`; this one asks for both*"])


def test_a_system_of_another_s_is_told_apart(project):
    result = project("""
        @pytest.fixture
        def system():
            return "linux"

        def test_it(start_supervised):
            pass
    """)

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*needs the fixture 'system' of pykka-otp; another has this name, and gave 'linux'*"])


def test_actors_that_live_on_outside_of_any_system_are_named_at_the_end(project, pytester):
    pytester.makeconftest("""
        def pytest_unconfigure():
            from actors import current_runtime
            current_runtime().stop_all()
    """)
    result = project(
        """
        def test_it():
            Counter.start()
        """,
        apart=True,
    )

    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(
        ["*actors that were started outside of any system*", "*Counter*", "*the program waits*"]
    )


def test_names_that_the_test_s_module_has_bound_to_the_clock_and_to_sleep_are_virtual_from_the_beginning(project):
    result = project("""
        from time import monotonic, sleep

        def test_it(system):
            sleep(3600)
            assert monotonic() == system.now() == 3600
    """)

    result.assert_outcomes(passed=1)


def test_what_is_supervised_lives_in_a_simulated_system_unless_the_test_asks_for_the_real_one(project):
    result = project("""
        def test_it(start_supervised):
            from actors import current_runtime
            start_supervised(Counter)
            assert type(current_runtime()).__name__ == "SimulatedRuntime"
    """)

    result.assert_outcomes(passed=1)


# Seeds

SEEDS = (
    RACE
    + """
@pytest.mark.parametrize("number", range(4))
def test_it(system, number):
    board = race()
    system.run_until_idle()
    print(f"{number} seed: {system.seed} {board} {system.digest}")
"""
)


def test_the_seed_is_that_of_the_test_whatever_else_is_run_in_whichever_order(project):
    all_of_them = printed(project(SEEDS, "-s"), "seed")
    alone = printed(project(SEEDS, "-s", "-k", "2"), "seed")
    backwards = printed(project(SEEDS, "-s", "-p", "pytest_randomly", "--randomly-seed=3"), "seed")

    assert len(set(all_of_them)) == 4
    assert alone == [all_of_them[2]]
    assert sorted(backwards) == sorted(all_of_them)


@pytest.mark.parametrize("dist", ["load", "loadgroup"])
def test_the_seed_is_the_same_on_each_worker_of_xdist(project, dist):
    pytest.importorskip("xdist")
    source = (
        SEEDS.replace("@pytest.mark", "@pytest.mark.xdist_group('group')\n@pytest.mark", 1) + "    assert not number"
    )
    alone = project(source, "-p", "xdist")

    result = project(source, "-p", "xdist", "-n", "2", "--dist", dist, apart=True)

    assert len(printed(alone, "seed")) == 3
    assert sorted(printed(result, "seed")) == sorted(printed(alone, "seed"))


def test_the_seed_can_be_said(project):
    result = project(SEEDS, "-s", "--actor-seed=77")

    assert [line.partition(" ")[0] for line in printed(result, "seed")] == ["77"] * 4


def test_a_random_seed_is_another_in_each_test_and_a_failure_says_how_to_have_it_again(project):
    source = SEEDS + "    assert False"
    hunt = project(source, "--actor-seed=random")
    commands = printed(hunt, "again with")
    node, seed = re.fullmatch(r"pytest '(.+)' --actor-seed=(\d+)", commands[2]).groups()

    again = project(source, node, f"--actor-seed={seed}")

    assert len(set(commands)) == 4
    assert printed(again, "seed") == [printed(hunt, "seed")[2]]
    assert printed(again, "again with") == [commands[2]]


def test_chance_of_others_is_left_alone(project):
    random.seed(5)
    state = random.getstate()

    project(SEEDS, "--actor-seed=random").assert_outcomes(passed=4)

    assert random.getstate() == state


# Failures


def test_a_failure_tells_the_last_steps_and_who_is_there(project):
    result = project("""
        def test_it(system):
            counter = Counter.start()
            counter.ask(2)
            assert counter.ask(3) == 6
    """)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E*assert 5 == 6",
            "E*the last steps:",
            "E*0.000  Counter-1#1 *receive 3",
            "E*the actors:",
            "E*Counter-1#1 (alive), holds {'count': 5}, 0 more in its mailbox",
            "E*again with: pytest 'test_it.py::test_it' --actor-seed=*",
        ]
    )


def test_the_story_is_told_once(project):
    result = project("""
        def test_a_probe_that_waits_in_vain(system):
            system.probe().assert_receive(str)

        def test_a_crash(system):
            Counter.start().tell("a word")
            system.run_until_idle()
    """)

    result.assert_outcomes(failed=2)
    assert result.stdout.str().count("the last steps:") == 2
    result.stdout.fnmatch_lines(["E*UnexpectedCrash: Counter-1#1 crashed of TypeError(*); expect_crash() it*"])


CRASHES = """
def crash(system):
    Counter.start().tell("a word")
    system.run_until_idle()
"""


def test_a_test_whose_actor_crashes_fails_and_so_may_be_expected_to(project):
    result = project(
        CRASHES
        + """
@pytest.mark.xfail(strict=True)
def test_that_is_expected_to_fail(system):
    crash(system)

def test_that_is_not(system):
    crash(system)
"""
    )

    result.assert_outcomes(xfailed=1, failed=1)


def test_a_crash_is_told_once_however_the_test_ends(project):
    result = project(
        CRASHES
        + """
@pytest.fixture
def crashed(system):
    crash(system)
    raise LookupError

def test_that_fails_of_it(system):
    Counter.start().ask("a word")

def test_that_fails_of_something_else_and_would_have_expected_more(system):
    system.expect_crash(KeyError)
    system.kill_at("Counter-2", "receive")
    crash(system)
    assert False

def test_that_expected_another(system):
    system.expect_crash(KeyError)
    crash(system)

def test_that_is_skipped(system):
    crash(system)
    pytest.skip("not today")

def test_that_does_not_begin(crashed):
    pass
"""
    )

    result.assert_outcomes(failed=3, skipped=1, errors=1)
    result.stdout.no_fnmatch_line("*ERROR at teardown*")


def test_what_cannot_be_simulated_or_has_no_end_is_told_once(project):
    result = project("""
import asyncio
import threading
import time
import pytest
from actors import Actor, checkpoint

LOCK = threading.Lock()

class Holding(Actor):
    def on_receive(self, message):
        with LOCK:
            time.sleep(1)

class Endless(Actor):
    def on_receive(self, message):
        while True:
            checkpoint()

def test_a_lock(system):
    for answer in [Holding.start().ask(1, block=False) for _ in range(2)]:
        answer.get()

def test_no_end(system):
    for _ in range(2):
        Endless.start().tell("go")
    system.run_until_idle()

class Polling(Actor):
    async def on_receive(self, message):
        while True:
            await asyncio.sleep(0)

def test_no_end_of_a_coroutine(system):
    Polling.start().ask("go")

def test_skipped(system):
    Endless.start().tell("go")
    pytest.skip("not today")
""")

    result.assert_outcomes(failed=3, skipped=1)


def test_what_crashes_after_the_test_or_never_came_is_told_at_the_end(project):
    result = project(
        CRASHES
        + """
@pytest.fixture
def crashing_late(system):
    yield
    crash(system)

def test_late(crashing_late):
    pass

def test_at_the_very_end(system):
    Counter.start().tell("a word")

def test_never(system):
    system.expect_crash(KeyError)

def test_as_expected(system, crashing_late):
    system.expect_crash(TypeError, times=2)
    crash(system)
"""
    )

    result.assert_outcomes(passed=4, errors=3)


def test_a_test_that_is_skipped_tells_nothing(project):
    result = project("""
        def test_it(system):
            pytest.skip("not today")
    """)

    result.assert_outcomes(skipped=1)
    result.stdout.no_fnmatch_line("*the last steps*")


# Exploration

EXPLORED = """
from actors import checkpoint

class Till(Actor):
    def on_receive(self, box):
        seen = box[0]
        checkpoint()
        box[0] = seen + 1

def two_tills(system):
    box = [0]
    tills = [Till.start() for _ in range(2)]
    for till in tills:
        till.tell(box)
    system.run_until_idle()
    assert box == [2], "an update is lost"

def test_it(explore):
    print("explored:", explore(two_tills))

def test_mended(explore):
    def one_after_the_other(system):
        tills = [Till.start() for _ in range(2)]
        for till in tills:
            till.ask([0])

    print("explored:", explore(one_after_the_other, schedules=5))
"""


def test_a_scenario_is_explored_and_the_schedule_that_fails_is_had_again(project):
    hunt = project(EXPLORED, "-k", "not mended")
    node, file = replayed(hunt)

    again = project(EXPLORED, node, f"--replay={file}")

    hunt.assert_outcomes(failed=1)
    hunt.stdout.fnmatch_lines(["E*ScenarioFailed: schedule * failed: AssertionError: an update is lost*"])
    again.assert_outcomes(failed=1)
    again.stdout.fnmatch_lines(["E*AssertionError: an update is lost", "E*failed as before"])


def test_a_schedule_is_had_again_by_the_exploration_that_it_belongs_to_alone(project):
    code = (
        EXPLORED
        + """
def fine(system):
    for box in [[0], [0]]:
        Till.start().tell(box)
    system.run_until_idle()

def test_both(explore):
    explore(fine, schedules=5)
    explore(two_tills)

def test_another(explore):
    explore(fine, schedules=5)

def test_without(system):
    pass
"""
    )
    hunt = project(code, "-k", "both")
    file = replayed(hunt)[1]

    again = project(code, f"--replay={file}")
    another = project(code, "-k", "another or without", "-rs", f"--replay={file}")

    again.assert_outcomes(failed=1, deselected=4)
    again.stdout.fnmatch_lines(["E*AssertionError: an update is lost", "E*failed as before"])
    another.assert_outcomes(skipped=1, deselected=4)
    another.stdout.fnmatch_lines(
        [
            f"none of these tests had {file} again",
            "*is a schedule of test_it.two_tills; this test explores test_it.fine",
        ]
    )


def replayed(result):
    """The test and the file of the command that a failure prints."""
    return re.search(r"again with: pytest '(.+)' --replay=(\S+)$", result.stdout.str(), re.MULTILINE).groups()


SIBLINGS = """
import functools

def fine(system):
    tills = [Till.start() for _ in range(2)]
    for till in tills:
        till.tell([0])
    system.run_until_idle()

def tills(count, system):
    two_tills(system) if count == 3 else fine(system)

def test_lambdas(explore):
    explore(lambda system: fine(system), schedules=20)
    explore(lambda system: two_tills(system))

def test_partials(explore):
    explore(functools.partial(tills, 2), schedules=20)
    explore(functools.partial(tills, 3))

@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_siblings(explore, count):
    def some(system):
        tills(count, system)

    explore(some, schedules=20)

def test_that_looks_at_what_was_seen_before(explore):
    assert explore(fine, exhaustive=True).complete
    explore(two_tills)
"""


@pytest.mark.parametrize("name", ["lambdas", "partials", "siblings", "that_looks_at_what_was_seen_before"])
def test_scenarios_of_one_name_are_told_apart(project, name):
    hunt = project(EXPLORED + SIBLINGS, "-k", name)

    again = project(EXPLORED + SIBLINGS, f"--replay={replayed(hunt)[1]}")

    assert hunt.parseoutcomes()["failed"] == 1
    again.assert_outcomes(failed=1, deselected=8)
    again.stdout.fnmatch_lines(["E*AssertionError: an update is lost", "E*failed as before"])


def test_a_test_is_over_when_its_schedule_was_had_again(project):
    code = (
        EXPLORED
        + """
def test_more(explore, system):
    system.crash(Till)
    try:
        explore(two_tills)
    except Exception:
        raise
    else:
        assert explore is None, "goes on"
"""
    )
    file = replayed(project(code, "-k", "more"))[1]

    again = project(code.replace("box[0] = seen + 1", "box[0] += 1"), f"--replay={file}")

    again.assert_outcomes(passed=1, deselected=2)


def test_a_test_whose_fixture_has_had_the_schedule_again_is_over_before_it_begins(project):
    code = (
        EXPLORED
        + """
@pytest.fixture
def explored(explore):
    return explore(two_tills)

def test_more(explored):
    pass
"""
    )
    file = replayed(project(code, "-k", "more"))[1]

    again = project(code.replace("box[0] = seen + 1", "box[0] += 1"), "-rs", f"--replay={file}")

    again.assert_outcomes(skipped=1, deselected=2)
    again.stdout.fnmatch_lines(["*the schedule of test_it.two_tills was had again, and passes"])
    again.stdout.no_fnmatch_line("none of these tests had*")


def test_a_test_that_explores_its_schedules_scenario_no_more_fails(project):
    file = replayed(project(EXPLORED, "-k", "not mended"))[1]

    mended = EXPLORED.replace("box[0] = seen + 1", "box[0] += 1")
    other = project(mended.replace("two_tills", "both_tills"), f"--replay={file}")
    none = project(EXPLORED.replace("explore(two_tills)", "len([])"), f"--replay={file}")

    for result, explored in (other, "test_it.both_tills"), (none, "nothing"):
        result.assert_outcomes(failed=1, deselected=1)
        result.stdout.fnmatch_lines([f"{file} is a schedule of test_it.two_tills; this test explores {explored}"])


def test_a_test_that_has_another_name_now_is_known_by_its_scenario(project):
    file = replayed(project(EXPLORED, "-k", "not mended"))[1]

    again = project(EXPLORED.replace("test_it", "test_two_tills"), f"--replay={file}")

    again.assert_outcomes(failed=1, skipped=1)
    again.stdout.fnmatch_lines(["E*AssertionError: an update is lost", "E*failed as before"])


def test_a_failure_before_it_leaves_the_schedule_as_it_is(project):
    file = replayed(project(EXPLORED, "-k", "not mended"))[1]
    schedule = Path(file).read_text()

    again = project(EXPLORED.replace("two_tills", "both_tills"), f"--replay={file}")

    again.assert_outcomes(failed=1, deselected=1)
    again.stdout.fnmatch_lines(["E*ScenarioFailed: *an update is lost*"])
    assert Path(file).read_text() == schedule


@pytest.mark.parametrize("content", [None, "no schedule"])
def test_a_file_that_is_no_schedule_ends_the_run_before_it_begins(project, pytester, content):
    if content is not None:
        pytester.path.joinpath("it.json").write_text(content)

    result = project(EXPLORED, "--replay=it.json")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --replay: *it.json*"])


def test_commands_are_printed_as_a_shell_takes_them(project):
    code = (
        EXPLORED
        + """
@pytest.mark.parametrize("word", ["it's", 'a "b" $c'])
def test_words(system, word):
    assert not word

@pytest.mark.parametrize("word", ["it's"])
def test_explored(explore, word):
    explore(two_tills, save="it's a file.json")
"""
    )
    commands = [shlex.split(command) for command in printed(project(code, "-k", "word or explored"), "again with")]

    assert [command[:2] for command in commands] == [
        ["pytest", "test_it.py::test_words[it's]"],
        ["pytest", 'test_it.py::test_words[a "b" $c]'],
        ["pytest", "test_it.py::test_explored[it's]"],
    ]
    assert commands[-1][2] == "--replay=it's a file.json"


def test_how_many_schedules_are_tried_can_be_said(project):
    result = project(EXPLORED, "-s", "-k", "mended", "--schedules=30")

    assert printed(result, "explored")[0].startswith("30 schedules")


def test_those_that_go_through_all_schedules_are_left_alone(project):
    result = project(EXPLORED.replace("schedules=5", "exhaustive=True"), "-s", "-k", "mended", "--schedules=1")

    result.assert_outcomes(passed=1)
    assert "these are all" in printed(result, "explored")[0]


# Async tests

AWAITING = """
import asyncio

class Sleeper(Actor):
    async def on_receive(self, seconds):
        await asyncio.sleep(seconds)
        return "awake"

MARK
async def test_it(system):
    sleeper = Sleeper.start()
    assert await sleeper.ask(3600, block=False) == "awake"
    assert system.now() == 3600
"""


@pytest.mark.parametrize(
    ("plugin", "mark"),
    [("pytest_asyncio.plugin", "@pytest.mark.asyncio"), ("anyio.pytest_plugin", "@pytest.mark.anyio")],
)
def test_await_drives_the_simulation_in_an_async_test(pytester, project, plugin, mark):
    pytest.importorskip(plugin)
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    backend = "@pytest.fixture\ndef anyio_backend():\n    return 'asyncio'\n"

    result = project(AWAITING.replace("MARK", mark) + backend, "-p", plugin, apart=True)

    result.assert_outcomes(passed=1)


# unittest

CASE = """
import unittest
from actors.testing import SimulatedTestCase
from supervision.testing import start_supervised

class TestCounter(SimulatedTestCase):
    def test_it(self):
        counter = start_supervised(Counter)
        print("seed:", self.system.seed)
        self.assertEqual(counter.ask(2), 3)
"""


def test_a_test_case_of_unittest_takes_the_seed_that_was_given_and_tells_its_story(project, monkeypatch):
    result = project(CASE, "-s", "--actor-seed=77")

    result.assert_outcomes(failed=1)
    assert printed(result, "seed") == ["77"]
    result.stdout.fnmatch_lines(
        [
            "E*AssertionError: 2 != 3",
            "E*the last steps:",
            "E*again with: ACTOR_SEED=77 pytest 'test_it.py::TestCounter::test_it'",
        ]
    )
    assert "ACTOR_SEED" not in os.environ


@pytest.mark.parametrize("options", [[], ["-p", "xdist", "-n", "1", "--dist", "loadgroup"]])
def test_the_command_of_a_test_case_in_a_folder_runs_it_from_the_root_of_the_project(
    project, pytester, monkeypatch, options
):
    if options:
        pytest.importorskip("xdist")
    tests = pytester.mkdir("tests")
    tests.joinpath("test_case.py").write_text(
        ACTORS + CASE.replace("class Test", "@pytest.mark.xdist_group('group')\nclass Test")
    )

    hunt = project("", *options, "-k", "TestCounter", apart=True)
    seed, command, node = shlex.split(printed(hunt, "again with")[-1])
    monkeypatch.setenv(*seed.split("="))
    again = project("", node, apart=True)

    assert command == "pytest"
    again.assert_outcomes(failed=1)
    assert printed(again, "again with") == printed(hunt, "again with")


@pytest.mark.parametrize("name", ["TestCounter", "test_it_has_no_end"])
def test_a_command_is_one_for_the_folder_where_pytest_was_begun(project, pytester, monkeypatch, name):
    pytester.makeini("[pytest]")
    tests = pytester.mkdir("tests")
    tests.joinpath("test_case.py").write_text(ACTORS + CASE + "def test_it_has_no_end(system):\n    assert False\n")
    monkeypatch.chdir(tests)

    hunt = project("", "-k", name, apart=True)
    command = shlex.split(printed(hunt, "again with")[-1])
    again = project("", next(word for word in command if "::" in word), apart=True)

    again.assert_outcomes(failed=1)
    assert f" test_case.py::{name}" in " ".join(command)


# Tools


def test_a_breakpoint_stops_in_the_actors_code(project, pytester):
    """The simulation runs in the thread of the test, so a debugger finds its terminal, and everything stands still."""
    pytester.makeconftest("""
        import sys

        def look():
            frame = sys._getframe(1)
            print("at:", frame.f_code.co_name, frame.f_locals["message"])

        sys.breakpointhook = look
    """)
    result = project(
        """
        class Stopping(Actor):
            def on_receive(self, message):
                breakpoint()

        def test_it(system):
            Stopping.start().ask("hello")
    """,
        "-s",
        "-p",
        "no:debugging",
    )

    result.assert_outcomes(passed=1)
    assert printed(result, "at") == ["on_receive hello"]


def test_coverage_sees_the_code_of_actors(project, pytester):
    """Actors run in greenlets of the test's own thread: coverage is told by `concurrency`."""
    pytest.importorskip("coverage")
    Path(".coveragerc").write_text("[run]\nconcurrency = thread, greenlet\nsource = shop\n")
    pytester.makepyfile(
        shop="""
        from actors import Actor, sleep

        class Shop(Actor):
            def on_receive(self, message):
                sleep(1)
                return self.serve(message)

            def serve(self, message):
                return "served " + message
        """,
        test_shop="""
        from shop import Shop

        def test_it(system):
            assert Shop.start().ask("tea") == "served tea"
        """,
    )
    run = [sys.executable, "-m", "coverage", "run", "-m", "pytest", "-p", "supervision.pytest_plugin", "test_shop.py"]
    pytest_run = pytester.run(*run)
    pytest_run.stdout.fnmatch_lines(["*1 passed*"])

    report = pytester.run(sys.executable, "-m", "coverage", "report", "-m")

    report.stdout.fnmatch_lines(["shop.py*100%*"])


def test_garbage_that_shows_a_traceback_when_it_is_collected_doesnt_end_pytest(project):
    """CPython 3.11 can't parse code while it parses other code; pytest parses a test's to show where it has failed."""
    long = "\n".join(f"    x{n} = a + b * (c - {n}) + a(b(1, 2), [1, 2])" for n in range(300))
    result = project(
        f"""
import gc, traceback

def show(*_):
    try:
        (1 + 1) / (1 - 1)
    except ZeroDivisionError:
        traceback.format_exc()

def test_fails():
    gc.callbacks.append(show)
    assert False

def test_is_as_it_was():
    gc.callbacks.remove(show)
    assert gc.isenabled()

def never_called(a, b, c):
{long}
""",
        apart=True,
    )

    result.assert_outcomes(failed=1, passed=1)
