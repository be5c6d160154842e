"""Schedules: made small, written down, had again, and told apart from code that they don't fit any more."""

from __future__ import annotations

import contextlib
import functools
import json
import queue
from dataclasses import replace

import pytest

from actors import Actor
from actors.testing import Livelock
from actors.testing._runs import World, follow, run_recorded
from actors.testing._shrink import shrink
from actors.testing.explore import (
    Deviation,
    Pct,
    RandomWalk,
    ScenarioFailed,
    Schedule,
    StaleReplay,
    explore,
    replay,
)
from tests.mutants import scenarios
from tests.testing import explored, explored_later


@functools.cache
def failure(scenario, **options):
    with pytest.raises(ScenarioFailed) as caught:
        explore(scenario, **options)
    return caught.value


SCENARIOS = [
    explored.lost_update,
    explored.seat_sold_twice,
    explored.double_sync,
    explored.crashes_are_survived,
    explored.killed_while_at_work,
]


@pytest.mark.parametrize("policy", [RandomWalk, Pct])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_whoever_has_decided_the_deviations_make_the_same_run(scenario, policy):
    for number in range(30):
        first = run_recorded(scenario, str(number), policy(number, 20), World(1000))
        second, missed = follow(scenario, str(number), first.deviations, World(1000))

        assert second.trace == first.trace
        assert second.deviations == first.deviations
        assert not missed


@pytest.mark.parametrize("name", scenarios.SCENARIOS)
def test_the_deviations_of_queues_registries_and_supervisors_make_the_same_run(name, monkeypatch):
    def scenario(system):
        monkeypatch.setattr(scenarios, "System", lambda _seed: contextlib.nullcontext(system))
        scenarios.SCENARIOS[name](0)

    for seed in "123":
        for policy in RandomWalk, Pct:
            first = run_recorded(scenario, seed, policy(seed, 100), World(10_000))
            second, missed = follow(scenario, seed, first.deviations, World(10_000))

            assert second.trace == first.trace
            assert not missed


@pytest.mark.parametrize("scenario", [explored.double_sync, explored.audit])
def test_each_step_of_a_small_schedule_is_needed(scenario):
    failed = failure(scenario)
    steps = failed.schedule.deviations

    assert 0 < len(steps) < 10
    for step in steps:
        came, _ = follow(scenario, failed.schedule.seed, [other for other in steps if other is not step], World(1000))
        assert came.error is None


@pytest.mark.parametrize(("scenario", "steps"), [(explored.double_sync, 2), (explored.audit, 1)])
@pytest.mark.parametrize("seed", range(4))
def test_a_schedule_is_as_small_as_any_that_fails_so(scenario, steps, seed):
    assert len(failure(scenario, seed=seed).schedule.deviations) == steps


@pytest.mark.parametrize("wanted", [set(), {3}, {0, 9}, {2, 3, 4}, set(range(10))])
def test_what_is_left_of_many_is_what_is_needed(wanted):
    asked = []

    def still(items):
        asked.append(items)
        return wanted <= set(items)

    assert shrink(range(10), still, tries=100) == sorted(wanted)
    assert len(asked) < 40


def test_no_more_is_asked_than_may_be():
    asked = []

    def still(items):
        asked.append(items)
        return 7 in items

    left = shrink(range(1000), still, tries=5)

    assert len(asked) == 5
    assert 7 in left
    assert len(left) < 1000


def test_faults_that_dont_matter_are_left_out():
    schedule = failure(explored.money_is_lost_in_a_crash).schedule

    assert [(one.kind, one.then) for one in schedule.deviations] == [("fault", "crash")]


def test_a_schedule_fails_as_before():
    failed = failure(explored.double_sync)

    with pytest.raises(AssertionError, match="synced twice at once") as caught:
        replay(explored.double_sync, failed.schedule)
    assert caught.value.__notes__[-1] == "failed as before"


def test_a_failure_that_isnt_the_one_before_says_so():
    schedule = failure(explored.double_sync).schedule

    def fails_elsewhere(system):
        explored.no_double_sync(system)
        raise KeyError("u1")

    with pytest.raises(KeyError) as caught:
        replay(fails_elsewhere, schedule)
    assert caught.value.__notes__[-1].startswith("failed otherwise than before: AssertionError in _syncs")


SAID = {"audits": 1, "why": "money is lost"}
"""What a test changes."""


def two_asserts(system):
    sums = []
    explored.audit_into(sums, system)
    assert len(sums) == SAID["audits"], "an audit is missing"
    assert sums == [0], SAID["why"]


def two_asserts_that_say_the_same(system):
    sums = []
    explored.audit_into(sums, system)
    assert len(sums) == SAID["audits"]
    assert sum(sums) == 0


def two_asserts_of_several_lines(system):
    sums = []
    explored.audit_into(sums, system)
    # fmt: off
    assert (
        len(sums)
        == SAID["audits"]
    )
    assert (
        sum(sums)
        == 0
    )
    # fmt: on


def two_failures_of_pytest(system):
    sums = []
    explored.audit_into(sums, system)
    if len(sums) != SAID["audits"]:
        pytest.fail("an audit is missing")
    if sums != [0]:
        pytest.fail("money is lost")


def two_failures_of_a_library(system):
    sums = []
    explored.audit_into(sums, system)
    if len(sums) != SAID["audits"]:
        queue.Queue().get_nowait()
    if sums != [0]:
        queue.LifoQueue().get_nowait()


TWO_FAILURES = [
    two_asserts,
    two_asserts_that_say_the_same,
    two_asserts_of_several_lines,
    two_failures_of_pytest,
    two_failures_of_a_library,
]


@functools.cache
def schedule_of(scenario):
    return failure(scenario).schedule


def notes_of(scenario, schedule):
    with pytest.raises((AssertionError, pytest.fail.Exception, queue.Empty)) as caught:
        replay(scenario, schedule)
    # Before them there is the story.
    return caught.value.__notes__[1:]


@pytest.mark.parametrize("scenario", TWO_FAILURES)
def test_another_failure_of_the_same_function_isnt_the_one_before(scenario, monkeypatch):
    schedule = schedule_of(scenario)
    assert notes_of(scenario, schedule) == ["failed as before"]

    monkeypatch.setitem(SAID, "audits", 2)

    assert notes_of(scenario, schedule) == [f"failed otherwise than before: {schedule.failure}"]


@pytest.mark.parametrize("scenario", TWO_FAILURES)
def test_another_failure_for_want_of_the_steps_lists_them(scenario, monkeypatch):
    schedule = schedule_of(scenario)
    monkeypatch.setitem(SAID, "audits", 2)
    monkeypatch.setattr(explored.Mover, "on_receive", lambda self, message: None)

    not_met, what = notes_of(scenario, schedule)

    assert not_met == f"1 of its schedule's steps were not met:\n{schedule}"
    assert what == f"failed otherwise than before: {schedule.failure}"


def test_the_same_statement_fails_as_before_whatever_it_says(monkeypatch, tmp_path):
    file = tmp_path / "schedule.json"
    failure(two_asserts, save=file)
    monkeypatch.setitem(SAID, "why", "a cent is missing")

    assert notes_of(two_asserts, file) == ["failed as before"]


def test_a_statement_that_has_changed_fails_as_before_if_it_says_the_same():
    schedule = schedule_of(two_asserts)
    assert schedule.statement == "assert sums == [0], SAID['why']"

    for statement in "assert not any(sums)", "":
        assert notes_of(two_asserts, replace(schedule, statement=statement)) == ["failed as before"]
    for statement in "assert not any(sums)", "":
        changed = replace(schedule, statement=statement, failure="AssertionError in two_asserts: an audit is missing")
        assert notes_of(two_asserts, changed)[0].startswith("failed otherwise than before")


def test_a_failure_as_before_lists_steps_that_were_not_met_as_well():
    schedule = schedule_of(two_asserts)
    nobody = Deviation("switch", "Nobody-1#1", "tell", then="Mover-1#1")

    notes = notes_of(two_asserts, replace(schedule, deviations=(*schedule.deviations, nobody)))

    assert notes == [f"1 of its schedule's steps were not met:\n  {nobody}", "failed as before"]


def test_a_schedule_passes_when_the_race_is_mended_and_its_steps_are_there_still():
    schedule = failure(explored.double_sync).schedule

    replay(explored.double_sync_mended_by_a_second_look, schedule)


def test_a_schedule_that_passes_for_want_of_its_steps_is_stale():
    schedule = failure(explored.audit).schedule

    with pytest.raises(StaleReplay, match=r"1 of its schedule's steps were not met:\n.*Mover-1#1: at tell") as caught:
        replay(explored.no_lost_update, schedule)
    assert caught.value.unmet == list(schedule.deviations)


def test_a_schedule_whose_next_actor_cant_go_on_is_stale():
    step = failure(explored.double_sync).schedule.deviations[0]
    nobody = Deviation(step.kind, step.actor, step.point, step.message, step.nth, then="Nobody-1#1")

    with pytest.raises(StaleReplay, match="Nobody-1#1 goes on"):
        replay(explored.double_sync, Schedule("0", (nobody,)))


def test_a_schedule_is_saved_and_loaded(tmp_path):
    file = tmp_path / "schedule.json"
    failed = failure(explored.double_sync, save=file)

    assert Schedule.load(file) == failed.schedule
    assert f"saved as {file}" in str(failed)
    with pytest.raises(AssertionError, match="synced twice at once"):
        replay(explored.double_sync, file)


def test_a_saved_schedule_can_be_read(tmp_path):
    file = tmp_path / "schedule.json"
    schedule = Schedule("7", (Deviation("turn", "Worker-2#1", "receive", "Job", 2, "Worker-1#1"),), "ValueError: no")
    schedule.save(file)

    assert json.loads(file.read_text()) == {
        "seed": "7",
        "failure": "ValueError: no",
        "delivery": "runtime",
        "deviations": [
            {
                "kind": "turn",
                "actor": "Worker-2#1",
                "point": "receive",
                "message": "Job",
                "nth": 2,
                "then": "Worker-1#1",
            }
        ],
    }


@pytest.mark.parametrize("content", ["{}", "no json", '{"seed": "1", "failure": "", "deviations": [{"what": 1}]}'])
def test_a_file_that_holds_no_schedule_is_refused(tmp_path, content):
    file = tmp_path / "schedule.json"
    file.write_text(content)

    with pytest.raises(ValueError, match=r"schedule.json must be what Schedule.save\(\) has written"):
        replay(explored.double_sync, file)


def test_a_schedule_is_printed_as_a_test_that_fails_as_before():
    failed = failure(explored.double_sync)
    program = failed.schedule.as_test("double_sync")
    names = {"double_sync": explored.double_sync}
    exec(program, names)

    assert program in str(failed)
    with pytest.raises(AssertionError, match="synced twice at once"):
        names["test_double_sync_again"]()


class CountsDown(Actor):
    def on_receive(self, number):
        if number:
            self.actor_ref.tell(number - 1)


def takes_many_steps(system):
    for actor in [CountsDown.start() for _ in range(2)]:
        actor.tell(100)
    system.run_until_idle()


def test_a_run_that_was_too_long_is_too_long_again(tmp_path):
    file = tmp_path / "schedule.json"
    failed = failure(takes_many_steps, max_steps=50, save=file)
    names = {"takes_many_steps": takes_many_steps}
    exec(failed.schedule.as_test("takes_many_steps"), names)

    for again in names["test_takes_many_steps_again"], lambda: replay(takes_many_steps, file):
        with pytest.raises(Livelock, match="max_steps=50") as caught:
            again()
        assert caught.value.__notes__[-1] == "failed as before"
    replay(takes_many_steps, file, max_steps=1000)


class TestOfClerks:
    """A test class with a scenario of its own, as pytest takes it."""

    __test__ = False

    def no_double_sync(self, system):
        explored.double_sync(system)


def test_a_scenario_that_is_a_method_is_printed_as_that_of_an_object_made_anew():
    failed = failure(TestOfClerks().no_double_sync)
    program = failed.schedule.as_test("TestOfClerks().no_double_sync")
    names = {"TestOfClerks": TestOfClerks}
    exec(program, names)

    assert program in str(failed)
    with pytest.raises(AssertionError, match="synced twice at once") as caught:
        names["test_TestOfClerks_no_double_sync_again"]()
    assert caught.value.__notes__[-1] == "failed as before"


@pytest.mark.parametrize(
    ("name", "called"),
    [("<lambda>", "scenario"), ("<partial>", "scenario"), ("test_it.<locals>.two_clerks", "two_clerks")],
)
def test_a_scenario_that_a_test_beside_it_doesnt_know_is_to_be_put_there(name, called):
    program = Schedule("0").as_test(name)

    compile(program, "test", "exec")
    assert program.splitlines()[-2].strip().startswith("# Put the name of the scenario here")
    assert program.splitlines()[-1].strip() == f"replay({called}, schedule)"


@pytest.mark.parametrize(
    ("deviation", "text"),
    [
        (
            Deviation("fault", "Worker-2#1", "handled", "Job", 1, "crash", shown="Job(key='k7')"),
            "Worker-2#1: crash when it has handled Job(key='k7'), before it answers",
        ),
        (
            Deviation("fault", "Worker-2#1", "receive", "Job", 2, "crash"),
            "Worker-2#1: crash before it handles Job, time 2",
        ),
        (
            Deviation("fault", "Worker-2#1", "take", "Job", 1, "kill", shown="Job(key='k7')"),
            "Worker-2#1: kill at take(Job(key='k7'))",
        ),
        (
            Deviation("switch", "Worker-2#1", "ack", "Job", 3, "Queue-1#1"),
            "Worker-2#1: at ack(Job), time 3, before that Queue-1#1 goes on",
        ),
        (
            Deviation("turn", "Worker-2#1", "receive", "Job", 1, "Queue-1#1"),
            "Worker-2#1: before it handles Job, Queue-1#1 goes on first",
        ),
        (
            Deviation("turn", "Worker-2#1", "ask", "str", 1, "Queue-1#1"),
            "Worker-2#1: back from ask(str), Queue-1#1 goes on first",
        ),
        (Deviation("unharmed", "Worker-2#1", "tell", "str"), "Worker-2#1: killed, goes on from tell(str)"),
    ],
)
def test_a_step_reads_like_a_sentence(deviation, text):
    assert str(deviation) == text


def saved(scenario, count, directory):
    """So many different schedules in which a scenario fails, in files."""
    found = {}
    for seed in range(30):
        file = directory / f"{scenario.__name__}-{seed}.json"
        schedule = failure(scenario, seed=seed, save=file).schedule
        found.setdefault(schedule.deviations, file)
        if len(found) == count:
            break
    return list(found.values())


def fails_as_before(scenario, file):
    try:
        replay(scenario, file)
    except StaleReplay:
        return False
    except AssertionError as error:
        return "failed as before" in error.__notes__
    return False


def test_most_schedules_still_fail_when_a_variable_has_another_name_and_there_is_one_actor_and_message_more(tmp_path):
    syncs = saved(explored.double_sync, 6, tmp_path)
    audits = saved(explored.audit, 4, tmp_path)
    assert len(syncs + audits) == 10
    for later in explored_later.double_sync, explored_later.audit:
        # It is the schedule that makes them fail.
        replay(later, Schedule("0"))

    again = [fails_as_before(explored_later.double_sync, file) for file in syncs]
    again += [fails_as_before(explored_later.audit, file) for file in audits]
    assert again.count(True) >= 8
