"""What actors are called in a simulation: by class, in the order of their start, and by which of their lives it is."""

from __future__ import annotations

import pytest

from actors import Actor, checkpoint
from actors.testing import System
from actors.testing._shown import name_of
from supervision import Supervisor
from supervision.children import child_spec
from supervision.testing import start_supervised, stop_supervised


class Account(Actor):
    runs_on = "thread"

    def __init__(self, owner):
        self.owner = owner

    def on_receive(self, message):
        checkpoint()
        return message


def account_of(owner, **options):
    return child_spec((Account, owner), id=owner, **options)


def refs(supervisor):
    return {child.id: child.child for child in supervisor.which_children()}


def names(supervisor):
    return {owner: name_of(ref._process) for owner, ref in refs(supervisor).items()}


@pytest.mark.parametrize("strategy", ["one_for_one", "one_for_all", "rest_for_one"])
@pytest.mark.parametrize("crashing", ["ann", "ben", "cho"])
def test_each_child_that_is_restarted_follows_itself(strategy, crashing):
    owners = ["ann", "ben", "cho"]
    with System() as system:
        supervisor = Supervisor.start_link(map(account_of, owners), strategy=strategy)
        accounts = refs(supervisor)
        system.crash(accounts[crashing])
        accounts[crashing].tell("a word")
        system.run_until_idle()

        restarted = {owner for owner in owners if not accounts[owner].is_alive()}
        lives = {owner: 2 if owner in restarted else 1 for owner in owners}
        assert names(supervisor) == {owner: f"Account-{owners.index(owner) + 1}#{lives[owner]}" for owner in owners}


@pytest.mark.parametrize("seed", range(10))
def test_a_child_that_was_killed_is_followed_though_its_code_goes_on(seed):
    with System(seed) as system:
        supervisor = Supervisor.start_link([account_of("ann"), account_of("ben")], strategy="one_for_one")
        system.kill_at("Account-1", "checkpoint")
        refs(supervisor)["ann"].tell("a word")
        system.run_until_idle()
        system.crash("Account-2")
        refs(supervisor)["ben"].tell("a word")
        system.run_until_idle()

        assert names(supervisor) == {"ann": "Account-1#2", "ben": "Account-2#2"}


def test_a_new_child_is_no_other_life_of_one_that_had_another_id():
    with System() as system:
        start_supervised(account_of("ann", restart="temporary")).stop()
        start_supervised(account_of("ben", restart="temporary"))
        system.run_until_idle()
        start_supervised(account_of("ann"))

        starts = [step.actor for step in system.trace if step.point == "on_start"]
        assert starts[1:] == ["Account-1#1", "Account-2#1", "Account-1#2"]


def test_a_child_that_was_stopped_and_is_started_again_is_the_same():
    with System():
        start_supervised(account_of("ann"))
        start_supervised(account_of("ben"))
        stop_supervised("ann")
        stop_supervised("ben")

        assert name_of(start_supervised(account_of("ben"))._process) == "Account-2#2"
        assert name_of(start_supervised(account_of("ann"))._process) == "Account-1#2"


def test_a_child_that_fails_to_start_again_is_the_same_when_it_does():
    with System() as system:
        supervisor = Supervisor.start_link([account_of("ann"), account_of("ben")], strategy="one_for_all")
        system.crash("Account-2")
        system.fail_start("Account-1", times=1)
        refs(supervisor)["ben"].tell("a word")
        system.run_until_idle()

        assert names(supervisor) == {"ann": "Account-1#3", "ben": "Account-2#2"}


def test_what_a_supervisor_starts_beside_its_children_is_no_life_of_theirs():
    class Starting(Supervisor):
        def __init__(self):
            super().__init__([account_of("ann")], strategy="one_for_one")

        def on_start(self):
            super().on_start()
            Account.start_link("another")

    with System() as system:
        supervisor = Starting.start_link()
        system.crash("Account-1")
        refs(supervisor)["ann"].tell("a word")
        system.run_until_idle()

        assert names(supervisor) == {"ann": "Account-1#2"}
