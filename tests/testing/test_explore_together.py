"""Exploration in several processes: the same is found, whoever is quick; and who can't take part says why."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from actors.testing import StepTooLong
from actors.testing.explore import NotDeterministic, ScenarioFailed, explore
from tests.testing import explored


def test_several_processes_see_what_one_sees():
    alone = explore(explored.no_lost_update, schedules=150)
    together = explore(explored.no_lost_update, schedules=150, workers=2)

    for what in "schedules", "distinct", "steps", "decisions", "faults":
        assert getattr(together, what) == getattr(alone, what)


def test_several_processes_find_the_failure_that_one_finds():
    failures = []
    for workers in 1, 2, 3:
        with pytest.raises(ScenarioFailed) as caught:
            explore(explored.audit, seed=3, workers=workers)
        failures.append(caught.value)

    assert len({failure.schedule for failure in failures}) == 1
    assert len({str(failure).partition("\n")[0] for failure in failures}) == 1


def test_what_blocks_for_real_in_one_of_several_processes_ends_them_all():
    with pytest.raises(StepTooLong, match="_NEVER_RELEASED") as caught:
        explore(explored.blocks_in_schedule_three, schedules=1_000_000, workers=2)

    assert "it was schedule 3, seed '0-3'" in caught.value.__notes__


def test_a_failure_comes_before_a_later_schedule_that_blocks_in_another_process(tmp_path, monkeypatch):
    monkeypatch.setenv("BLOCKED", str(tmp_path / "blocked"))

    with pytest.raises(ScenarioFailed, match="schedule 3"):
        explore(explored.blocks_before_an_earlier_one_fails, schedules=8, workers=2)


def test_several_processes_find_out_what_hangs_on_the_order_of_a_set():
    with pytest.raises(NotDeterministic, match="thrown"):
        explore(explored.by_the_order_of_a_set, schedules=2, workers=2)


def test_faults_that_strike_in_one_process_only_have_struck():
    seen = explore(explored.crash_of_the_second_payment, schedules=20, workers=2)

    assert seen.faults == 20


def test_each_process_takes_all_policies(tmp_path, monkeypatch):
    monkeypatch.setenv("POLICIES_OF", str(tmp_path))

    explore(explored.no_lost_update, schedules=20, workers=2, policies=[explored.noted_walk, explored.noted_pct])

    taken = [set(file.read_text().split()) for file in tmp_path.iterdir()]
    assert taken == [{"walk", "pct"}] * 2


def test_a_scenario_that_others_cant_import_is_refused():
    def local(system):
        explored.no_lost_update(system)

    for options in {"workers": 2}, {"elsewhere": True}:
        with pytest.raises(
            ValueError, match=r"local.* can't be run in another process.*functions at the top of a module"
        ):
            explore(local, schedules=2, **options)


def test_a_scenario_of_the_main_module_is_refused(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "from tests.testing.explored import no_lost_update\n"
        "from actors.testing.explore import explore\n"
        "def scenario(system): no_lost_update(system)\n"
        "explore(no_lost_update, schedules=4, workers=2)\n"
        "explore(scenario, schedules=4, workers=2)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run([sys.executable, program], env=environment, capture_output=True, text=True, check=False)

    # The first is of a module, and so it runs, though the program isn't made to be run twice.
    assert ran.stderr.splitlines()[-1].startswith("actors.testing._elsewhere.CannotImport: <function scenario")
    assert "it is of the main module" in ran.stderr


def test_an_error_that_is_none_of_the_scenarios_comes_through():
    with pytest.raises(TypeError, match="isn't async"):
        explore(explored.not_a_scenario, workers=2)


def test_a_process_that_ends_is_told_of():
    with pytest.raises(RuntimeError, match="ended with exit code 3"):
        explore(explored.ends_its_process, workers=2)


def test_what_a_scenario_prints_elsewhere_is_no_answer():
    assert explore(explored.prints, schedules=4, workers=2).schedules == 4


def test_time_ends_an_exploration_of_several():
    assert explore(explored.no_lost_update, seconds=0.01, workers=2).schedules >= 1
