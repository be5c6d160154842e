"""Each way in which the product is broken here is found; and the product itself passes what finds it."""

from __future__ import annotations

import sys

import pytest

from tests.mutants.mutant import Mutant, StaleMutant, digest_of, first_failure
from tests.mutants.mutants import MUTANTS
from tests.mutants.scenarios import SCENARIOS
from tests.mutants.table import found, row
from tests.test_readme import ROOT

OF_LINES = [mutant for mutant in MUTANTS if mutant.level == "lines"]


def named(mutants):
    return pytest.mark.parametrize("mutant", mutants, ids=[mutant.broken.__name__ for mutant in mutants])


@named(MUTANTS)
def test_the_product_passes_what_a_mutant_is_found_by(mutant):
    failure = found(mutant)

    assert failure is not None, f"not found in {mutant.schedules} schedules"
    assert first_failure(mutant.scenario, failure.schedule) is None


def test_there_are_twenty_at_least_and_some_are_seen_by_threads_only():
    assert len(MUTANTS) >= 20
    assert len(OF_LINES) >= 5


@named(OF_LINES)
def test_what_threads_find_is_not_seen_where_actors_are_handed_on(mutant):
    with mutant.applied():
        failures = {name: first_failure(scenario, 3) for name, scenario in SCENARIOS.items()}

    assert not any(failures.values()), failures


@named(MUTANTS)
def test_a_mutant_differs_from_the_method_that_it_replaces(mutant):
    assert digest_of(mutant.broken) != mutant.source


class Product:
    def method(self):
        return 1


def test_a_mutant_whose_original_has_changed_says_so_and_how_it_is_mended():
    stale = Mutant(Product, "method", "0" * 12, lambda self: 2, SCENARIOS["messages_put_aside"], 1)

    with pytest.raises(StaleMutant, match=f"Product.method has changed.*source='{digest_of(Product.method)}'"):
        stale.hunt()


def test_the_product_is_itself_again_after_a_hunt():
    class Scenario:
        seen = None

    def look(seed):
        Scenario.seen = Product().method()

    Mutant(Product, "method", digest_of(Product.method), lambda self: 2, look, 1).hunt()

    assert Scenario.seen == 2
    assert Product().method() == 1


@named(MUTANTS)
def test_the_page_says_in_which_schedule(mutant):
    page = (ROOT / "docs/mutants.md").read_text()
    # Lines are counted by the interpreter, and another version's are others.
    is_exact = mutant.level == "actors" or sys.version_info[:2] == (3, 11)
    failure = found(mutant)

    assert failure is not None
    line = row(mutant, failure.schedule) if is_exact else row(mutant, "").rpartition("|  |")[0]
    assert f"\n{line}" in page, "make mutants, and put the table into docs/mutants.md"


def test_the_page_tells_of_no_others():
    page = (ROOT / "docs/mutants.md").read_text()

    assert page.count("| lines |") + page.count("| actors |") == len(MUTANTS)
