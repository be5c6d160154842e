"""The base class for tests of unittest: a simulated system in each test."""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import sys
import unittest

import pytest

from actors import Actor, current_runtime
from actors.testing import SimulatedTestCase
from supervision.testing import start_supervised


class Counter(Actor):
    def __init__(self):
        self.count = 0

    def on_receive(self, message):
        self.count += message
        return self.count


class Cases(SimulatedTestCase):
    """Never collected: they are run by the tests below, one by one."""

    __test__ = False
    seen = []

    def setUp(self):
        super().setUp()
        self.counter = start_supervised(Counter)

    def test_passing(self):
        assert self.counter.ask(2) == 2
        self.system.advance(3600)
        self.seen.append((self.system.seed, self.system.now()))

    def test_failing(self):
        assert self.counter.ask(2) == 3

    def test_in_parts(self):
        for number in 1, 2:
            with self.subTest(number=number):
                assert self.counter.ask(1) == 1

    def test_crashing(self):
        self.counter.tell("a word")
        self.system.run_until_idle()

    def test_failing_of_a_crash(self):
        self.counter.ask("a word")

    def test_crashing_in_parts(self):
        with self.subTest():
            self.counter.ask("a word")

    def test_crashing_and_skipped(self):
        self.test_crashing()
        self.skipTest("not today")

    def test_recovering(self):
        self.system.crash(self.counter)
        self.counter.tell(5)
        self.system.run_until_idle()
        assert not self.counter.is_alive()

    def test_cleaning_up(self):
        self.addCleanup(lambda: self.seen.append(self.counter.ask(1)))

    @unittest.skip("not today")
    def test_skipped(self):
        raise AssertionError


class AsyncCases(SimulatedTestCase, unittest.IsolatedAsyncioTestCase):
    __test__ = False

    async def test_awaiting(self):
        assert await Counter.start().ask(2, block=False) == 2
        assert current_runtime() is self.system.runtime


class Forgetful(SimulatedTestCase):
    __test__ = False

    def setUp(self):
        self.counter = self.system.probe()

    def test_it(self):
        raise AssertionError


class ForgetfulAndGreen(SimulatedTestCase):
    __test__ = False
    started = []

    def setUp(self):
        self.started.append(Counter.start())

    def test_it(self):
        """Would pass."""


@pytest.fixture(autouse=True)
def no_seed(monkeypatch):
    monkeypatch.delenv("ACTOR_SEED", raising=False)
    Cases.seen.clear()


def run(case):
    output = io.StringIO()
    result = unittest.TextTestRunner(output).run(case)
    return result, output.getvalue()


def test_each_test_has_a_system_of_its_own():
    result, _ = run(Cases("test_passing"))

    assert result.wasSuccessful()
    assert [now for _, now in Cases.seen] == [3600]


def test_the_seed_is_the_same_in_each_run_unless_another_is_said(monkeypatch):
    run(Cases("test_passing"))
    run(Cases("test_passing"))
    monkeypatch.setenv("ACTOR_SEED", "77")
    run(Cases("test_passing"))
    monkeypatch.setenv("ACTOR_SEED", "random")
    run(Cases("test_passing"))

    seeds = [seed for seed, _ in Cases.seen]
    assert seeds[0] == seeds[1]
    assert seeds[2] == "77"
    assert len(set(seeds)) == 3


@pytest.mark.parametrize("name", ["test_failing_of_a_crash", "test_crashing_in_parts", "test_crashing_and_skipped"])
def test_a_crash_is_told_once_however_the_test_ends(name):
    result, _output = run(Cases(name))

    assert len(result.errors) + len(result.failures) + len(result.skipped) == 1


@pytest.mark.parametrize("name", ["test_failing", "test_in_parts"])
def test_a_failure_tells_the_story_once_and_how_to_have_it_again(name):
    result, output = run(Cases(name))

    assert len(result.failures) == 1
    assert output.count("the last steps:") == 1
    assert "Counter-1#1 (alive), holds {'count': 2}" in output
    assert f"python -m unittest {Cases(name).id()}" in output


@pytest.mark.parametrize("how", [["tests of ours/cases.py"], ["-m", "cases"]], ids=["a file", "a module"])
def test_tests_of_the_main_program_say_how_to_have_them_again(tmp_path, how):
    folder = tmp_path / "tests of ours"
    folder.mkdir()
    (folder / "cases.py").write_text(
        "import unittest\n"
        "from actors.testing import SimulatedTestCase\n"
        "class Cases(SimulatedTestCase):\n"
        "    def test_failing(self): self.fail(f'seed {self.system.seed}')\n"
        "    def test_passing(self): pass\n"
        "unittest.main()\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(folder)])}

    def output_of(command):
        ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        return ran.stderr

    first = output_of([sys.executable, *how])
    _, again = first.split("again with: ")
    command = again.partition("\n")[0].replace("python", shlex.quote(sys.executable), 1)
    second = output_of(["sh", "-c", command])

    assert "Ran 2 tests" in first
    assert "Ran 1 test " in second
    assert re.findall(r"seed \d+", second) == re.findall(r"seed \d+", first)


def test_a_crash_that_nobody_expects_is_a_failure():
    result, output = run(Cases("test_crashing"))

    assert len(result.failures) == 1
    assert "UnexpectedCrash: Counter-1#1 crashed of TypeError" in output


@pytest.mark.parametrize("name", ["test_recovering", "test_cleaning_up"])
def test_crashes_that_were_injected_and_cleanups_of_the_test_have_their_place(name):
    result, output = run(Cases(name))

    assert result.wasSuccessful(), output


def test_a_test_that_is_skipped_has_no_system():
    result, _ = run(Cases("test_skipped"))

    assert len(result.skipped) == 1


def test_a_set_up_that_forgets_the_one_of_the_base_is_told_so():
    result, output = run(Forgetful("test_it"))

    assert len(result.errors) == 1
    assert "begin setUp() with super().setUp()" in output


def test_a_test_without_a_system_fails_and_what_it_has_started_ends():
    result, output = run(ForgetfulAndGreen("test_it"))

    assert len(result.errors) == 1
    assert "the test has no system: begin ForgetfulAndGreen.setUp() with super().setUp()" in output
    assert not ForgetfulAndGreen.started[0].is_alive()


def test_await_drives_the_simulation_in_an_async_test():
    result, output = run(AsyncCases("test_awaiting"))

    assert result.wasSuccessful(), output
