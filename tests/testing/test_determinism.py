"""The same seed makes the same run: in each process, with each hash seed, on each Python. What doesn't is found out."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid

import pykka
import pytest

from actors import Actor, Registry
from actors.testing.explore import NotDeterministic, ScenarioFailed, explore
from actors.testing.system import System
from tests.testing import explored

VARYING = [explored.by_random, explored.by_uuid, explored.by_real_time, explored.by_the_order_of_a_set]
STEADY = [explored.by_chance_of_the_system, explored.by_the_order_of_names, explored.an_event_that_is_tried_again]

DIGESTS = ["e502f5f79b0e518d", "4f2b438459c79d91"]
"""Of what `explored.everything` does, whatever Python runs it; others when there are other switch points."""


@pytest.mark.parametrize("scenario", VARYING, ids=lambda scenario: scenario.__name__)
def test_a_handler_that_does_something_else_each_time_is_found_out(scenario):
    with pytest.raises(NotDeterministic, match="schedule 0 came out otherwise") as caught:
        explore(scenario, schedules=2, elsewhere=True)

    assert "thrown" in caught.value.first
    assert caught.value.first != caught.value.second
    assert "use system.random" in str(caught.value)
    assert "sort it" in str(caught.value)


@pytest.mark.parametrize("scenario", STEADY, ids=lambda scenario: scenario.__name__)
def test_a_handler_that_does_the_same_each_time_is_left_alone(scenario):
    assert explore(scenario, schedules=101, elsewhere=True).schedules == 101


def test_a_failure_that_doesnt_come_again_isnt_taken_for_a_race():
    runs = []

    def scenario(system):
        explored.no_lost_update(system)
        runs.append("run")
        assert len(runs) != 50

    with pytest.raises(NotDeterministic, match=r"AssertionError in .*scenario"):
        explore(scenario, schedules=100)


def test_a_failure_that_hangs_on_the_order_of_a_set_isnt_taken_for_a_race():
    with pytest.raises(NotDeterministic, match="thrown"):
        explore(explored.fails_by_the_order_of_a_set, schedules=100, elsewhere=True)


# Other processes know nothing of what a test has patched.


def test_what_a_test_has_patched_is_patched_in_all_runs_of_its_own_process(monkeypatch):
    monkeypatch.setattr(explored, "fee", lambda: 1)

    with pytest.raises(ScenarioFailed, match="a fee is missing"):
        explore(explored.fees_from_afar)


@pytest.mark.parametrize("elsewhere", [{"elsewhere": True}, {"workers": 2}], ids=lambda options: next(iter(options)))
def test_who_asks_for_other_processes_has_a_failure_compared_with_what_is_patched_in_none(monkeypatch, elsewhere):
    monkeypatch.setattr(explored, "fee", lambda: 1)

    with pytest.raises(NotDeterministic, match="there is no network"):
        explore(explored.fees_from_afar, schedules=200, **elsewhere)


# A class of the scenario's module makes its locks by a default that was bound when that was imported.


def test_what_a_module_binds_when_it_is_imported_is_the_same_elsewhere():
    assert explore(explored.books_with_locks, schedules=2, elsewhere=True).schedules == 2


@pytest.mark.parametrize("workers", [1, 2])
def test_a_lock_that_is_real_in_one_process_is_real_in_several(workers):
    with pytest.raises(ScenarioFailed, match="can't be simulated"):
        explore(explored.reads_under_a_lock, schedules=20, workers=workers)


# Pytest has compiled the asserts here to say more than they do in another process.


def asserts_by_itself(system):
    sums = []
    explored.audit_into(sums, system)
    assert sums == [0]


class Checking(Actor):
    def on_receive(self, sums):
        assert sums == [0]


def has_an_actor_assert(system):
    sums = []
    explored.audit_into(sums, system)
    Checking.start().tell(sums)
    system.run_until_idle()


@pytest.mark.parametrize("scenario", [asserts_by_itself, has_an_actor_assert], ids=lambda scenario: scenario.__name__)
def test_what_an_assert_says_of_itself_in_one_process_alone_is_no_difference(scenario):
    with pytest.raises(ScenarioFailed, match=r"assert \[.*\] == \[0\]"):
        explore(scenario, elsewhere=True)


def test_an_address_in_a_message_is_no_difference():
    def scenario(system):
        sums = []
        explored.audit_into(sums, system)
        if sums != [0]:
            raise ValueError(f"{object()!r} isn't right")

    with pytest.raises(ScenarioFailed, match="isn't right"):
        explore(scenario)


def test_one_schedule_in_a_hundred_is_run_again():
    runs = []

    def scenario(system):
        explored.no_lost_update(system)
        runs.append(system.seed)

    explore(scenario, schedules=250)

    assert sorted({seed for seed in runs if runs.count(seed) == 2}) == ["0-0", "0-100", "0-200"]


def test_all_schedules_are_only_gone_through_where_they_are_the_same_each_time():
    runs = []

    def scenario(system):
        runs.append("run")
        names = "ab" if len(runs) % 2 else "a"
        explored.halves(names, [])(system)

    with pytest.raises(NotDeterministic):
        explore(scenario, exhaustive=True)


def digests(hash_seed):
    """What another process, in which sets have another order, says of two runs."""
    code = "from tests.testing.explored import digests; print(*digests())"
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return ran.stdout.split()


@pytest.mark.parametrize("hash_seed", ["0", "1", "1234"])
def test_a_trace_is_the_same_with_any_hash_seed_and_on_any_python(hash_seed):
    assert digests(hash_seed) == DIGESTS


# What exceptions say of actors and objects


def asks_a_dead_one():
    dead = explored.Account.start()
    dead.stop()
    dead.ask("balance")


def asks_for_too_long():
    explored.Stubborn.start().ask("work", timeout=1)


def takes_a_key_of_another():
    shops = Registry("shops of a test")
    shops.start_link()
    for account in [explored.Account.start(), explored.Account.start()]:
        shops.register("key", owner=account)


def asks_a_proxy_for_what_there_is_not():
    explored.Account.start().proxy().nothing.get()


def names_an_object_and_itself():
    raise ValueError(object(), f"{object()!r}", explored.Account.start().actor_urn, uuid.uuid4().urn)


class Doing(Actor):
    def on_receive(self, function):
        function()


def asks_for_an_object():
    explored.Stubborn.start().ask(object(), timeout=1)


FAILURES = [
    asks_a_dead_one,
    asks_for_too_long,
    asks_for_an_object,
    takes_a_key_of_another,
    asks_a_proxy_for_what_there_is_not,
    names_an_object_and_itself,
]


@pytest.mark.parametrize("fail", FAILURES, ids=lambda fail: fail.__name__)
def test_what_exceptions_say_of_actors_and_objects_is_no_difference_where_an_actor_crashes(fail):
    def scenario(system):
        system.slow(explored.Stubborn, 5, must_strike=False)
        system.expect_crash(Exception, actor=Doing)
        for actor, function in [(Doing.start(), fail), (Doing.start(), list)]:
            actor.tell(function)
        system.advance(10)

    assert explore(scenario, schedules=5).schedules == 5


@pytest.mark.parametrize("fail", FAILURES, ids=lambda fail: fail.__name__)
def test_what_exceptions_say_of_actors_and_objects_is_no_difference_where_the_scenario_fails(fail):
    def scenario(system):
        system.slow(explored.Stubborn, 5, must_strike=False)
        sums = []
        explored.audit_into(sums, system)
        if sums != [0]:
            fail()

    with pytest.raises(ScenarioFailed) as caught:
        explore(scenario)
    assert "switch" in {step.kind for step in caught.value.schedule.deviations}


class Telling(Actor):
    """Tells another what an exception has said."""

    def on_receive(self, message):
        function, log = message
        try:
            function()
        except Exception as error:
            log.tell(f"failed: {error}")
            log.tell((str(error), error))


# The last has a urn of its own in its text, made by chance.
@pytest.mark.parametrize("fail", FAILURES[:-1], ids=lambda fail: fail.__name__)
def test_what_exceptions_say_of_actors_and_objects_is_no_difference_where_an_actor_tells_it(fail):
    def scenario(system):
        system.slow(explored.Stubborn, 5, must_strike=False)
        log = system.probe().ref
        for actor in [Telling.start(), Telling.start()]:
            actor.tell((fail, log))
        system.advance(10)

    assert explore(scenario, schedules=5).schedules == 5


class Checked(Actor):
    value = 2

    def on_receive(self, message):
        assert self.value == 1


def test_the_address_in_what_an_assert_of_an_actor_says_is_no_difference():
    def scenario(system):
        for actor in [Checked.start(), Checked.start()]:
            actor.tell("look")
        system.run_until_idle()

    with pytest.raises(ScenarioFailed, match=r"where 2 = <.*Checked object"):
        explore(scenario, schedules=5)


def test_an_actor_has_the_same_urn_in_each_run_and_each_has_another():
    runs = []
    for seed in range(2):
        with System(seed) as system:
            runs.append([explored.Account.start().actor_urn, explored.Account.start().actor_urn])
            plain = system.adopt(Plain).start()
            runs[-1] += [plain.actor_urn]
            assert plain.proxy().actor_urn.get() == plain.actor_urn
            assert all(pykka.ActorRegistry.get_by_urn(urn).actor_urn == urn for urn in runs[-1])

    assert runs[0] == runs[1]
    assert len(set(runs[0])) == 3


class Plain(pykka.ThreadingActor):
    pass
