"""Hypothesis draws what is told, what goes wrong, and who goes on; what it finds is small."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule, run_state_machine_as_test

from actors.testing.properties import Case, DrawnFault, SystemMachine, cases, faults
from tests.testing import explored

# The same in each run of the suite, and no file is written.
PHASES = [Phase.generate, Phase.shrink]
SETTINGS = settings(derandomize=True, database=None, deadline=None, max_examples=200, phases=PHASES)
QUICK = settings(SETTINGS, max_examples=30, stateful_step_count=10, phases=[Phase.generate], report_multiple_bugs=False)

USERS = st.sampled_from(["u1", "u2"])


def is_synced_twice(case, syncer_class):
    table, overlaps = set(), []
    with case.system() as system:
        syncers = [syncer_class.start(table, overlaps) for _ in range(2)]
        for number, user in enumerate(case.commands):
            syncers[number % 2].tell(user)
        system.run_until_idle()
    return bool(overlaps)


def test_a_race_is_found_with_as_few_commands_as_it_takes():
    case = find(cases(USERS), lambda case: is_synced_twice(case, explored.Syncer), settings=SETTINGS)

    assert case.commands == ["u1", "u1"]
    assert case.faults == []


@given(cases(USERS))
@settings(QUICK)
def test_no_race_is_found_where_there_is_none(case):
    assert not is_synced_twice(case, explored.SyncerThatEntersAtOnce)


def account_dies(case):
    with case.system() as system:
        account = explored.Account.start()
        for amount in case.commands:
            account.tell(("add", amount))
        system.run_until_idle()
        return not account.is_alive()


def test_what_goes_wrong_is_drawn_and_made_small():
    drawn = cases(st.integers(1, 5), faults(explored.Account, "Clerk-1", kinds=["crash"]))
    case = find(drawn, account_dies, settings=SETTINGS)

    assert case == Case(0, [1], [DrawnFault("crash", explored.Account, "receive", 1)])


@pytest.mark.parametrize("kind", ["crash", "kill"])
def test_a_fault_strikes_where_it_was_drawn(kind):
    assert account_dies(Case(0, [1, 1], [DrawnFault(kind, explored.Account, "handled", 2)]))
    assert not account_dies(Case(0, [1], [DrawnFault(kind, explored.Account, "handled", 2)]))


@pytest.mark.parametrize(("seed", "again"), [(0, "System(0, policy=actors.testing.explore.InTurn())"), (7, "seed=7")])
def test_a_failure_says_how_to_have_the_same_run_again(seed, again):
    with Case(seed, [], []).system() as system:
        assert system.story().endswith(f"again with: {again}")


class Accounts(SystemMachine):
    """Clerks pay into an account; whenever all is quiet, nothing is missing."""

    clerk_class = explored.FairClerk

    def begin(self):
        self.account = explored.Account.start()
        self.clerks = [self.clerk_class.start(self.account) for _ in range(2)]
        self.paid = 0

    @rule(amount=st.integers(1, 5), number=st.integers(0, 1))
    def pay(self, amount, number):
        self.clerks[number].tell(amount)
        self.paid += amount

    @rule()
    def wait(self):
        self.system.run_until_idle()
        assert self.account.ask("balance") == self.paid, "money is missing"

    @invariant()
    def everybody_is_there(self):
        if hasattr(self, "account"):
            assert self.account.is_alive()


class UnfairAccounts(Accounts):
    clerk_class = explored.Clerk


class CrashingAccounts(Accounts):
    @rule(fault=faults(explored.Account, kinds=["crash"]))
    def something_goes_wrong(self, fault):
        fault.inject(self.system)


class UnexpectedlyCrashingAccounts(SystemMachine):
    @rule()
    def crash(self):
        explored.Theatre.start(reserves=False).tell(("which is free?", None))


def test_a_state_machine_finds_nothing_where_nothing_is_wrong():
    run_state_machine_as_test(Accounts, settings=QUICK)


def test_a_state_machine_finds_a_race():
    with pytest.raises(AssertionError, match="money is missing"):
        run_state_machine_as_test(UnfairAccounts, settings=QUICK)


def test_the_rules_of_a_state_machine_may_inject_faults():
    with pytest.raises(Exception) as caught:
        run_state_machine_as_test(CrashingAccounts, settings=QUICK)
    assert "something_goes_wrong(fault=DrawnFault('crash'" in "".join(caught.value.__notes__)


def test_a_state_machine_fails_by_a_crash_that_nobody_expects():
    with pytest.raises(AssertionError, match="Theatre-1#1 crashed of AttributeError"):
        run_state_machine_as_test(UnexpectedlyCrashingAccounts, settings=QUICK)


class AccountsWithABeginningOfTheirOwn(Accounts):
    @initialize(amount=st.integers(1, 5))
    def a_first_deposit(self, amount):
        self.pay(amount, 0)

    @initialize()
    def another_account(self):
        self.account.ask("balance")
        explored.Account.start()

    @rule()
    def see_that_both_are_there(self):
        assert len(self.system.runtime.processes()) == 4


def test_initialize_rules_of_a_machine_s_own_come_when_it_has_begun():
    run_state_machine_as_test(AccountsWithABeginningOfTheirOwn, settings=QUICK)


def test_hypothesis_is_imported_by_one_module_only():
    code = (
        "import sys, actors.testing, actors.testing.explore, actors.testing.system\n"
        "assert 'hypothesis' not in sys.modules\n"
        "import actors.testing.properties\n"
        "assert 'hypothesis' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
