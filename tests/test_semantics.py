"""docs/semantics.md has a row for every rule: a test that shows it, or that it is not built yet."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conformance.meant import MEANT
from tests.conformance.page import differing, with_scenarios

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "semantics.md"
CITATION = re.compile(r"\b([A-G]\d{1,2}[a-z]?|A10\d)\b")
ROW = re.compile(
    r"^\| (?P<number>[A-G]\d+[a-z]?) \| (?P<rule>[^|]+) \| (?P<how>[^|]+) \| (?P<tests>[^|]+) \| [^|]+ \|$"
)


PART = re.compile(r"^\| (?P<part>[A-G]|all) \| (?P<counts>[\d |]+) \|$")
STATES = ["kept", "differ", "in part", "not yet", "left out"]


class Row(NamedTuple):
    """A line of the page's tables."""

    number: str
    rule: str
    how: str
    tests: list[str]

    @property
    def state(self):
        """What the column `ours` begins with, or has in it, says how far the rule is followed."""
        if self.how == "not yet":
            return "not yet"
        if self.how.startswith("partly: "):
            return "in part"
        return "differ" if re.search(r"\bdiffers\b", self.how) else "kept"


def rows():
    matches = filter(None, map(ROW.match, PAGE.read_text().splitlines()))
    return [Row(m["number"], m["rule"], m["how"], shown_by(m["tests"])) for m in matches]


def shown_by(cell):
    return [] if cell == "-" else [test.strip("`") for test in cell.split(", ")]


def left_out():
    """The rules that the introduction names as left out on purpose."""
    (paragraph,) = [text for text in PAGE.read_text().split("\n\n") if text.startswith("Left out on purpose")]
    return re.findall(r"\b([A-G]\d+[a-z]?) \(", paragraph)


def meant():
    """The rules that the introduction's list of differences names."""
    introduction = PAGE.read_text().partition("\n## ")[0]
    return set(CITATION.findall(introduction.partition("Where we mean to differ")[2]))


def counted():
    """The introduction's table: for each part, and for all, the number of rules, and of those in each state."""
    matches = filter(None, map(PART.match, PAGE.read_text().splitlines()))
    return {m["part"]: [int(count) for count in m["counts"].split(" | ")] for m in matches}


def numeric(number):
    return number[0], int(re.sub(r"\D", "", number)), number


def cited_in_docstrings_and_comments():
    citations = {}
    for package in ("actors", "supervision"):
        for path in (ROOT / package).glob("*.py"):
            for number in CITATION.findall(path.read_text()):
                citations.setdefault(number, path.name)
    return citations


@functools.cache
def marked_in_tests():
    """The rules that each test is marked with: {"tests/x.py::test_y": {"B1"}}."""
    marked = {}
    for path in (ROOT / "tests").rglob("test_*.py"):
        for function in ast.walk(ast.parse(path.read_text())):
            if isinstance(function, ast.FunctionDef) and (numbers := rules_of(function)):
                marked[f"{path.relative_to(ROOT)}::{function.name}"] = numbers
    return marked


def rules_of(function):
    return {
        argument.value
        for decorator in function.decorator_list
        if isinstance(decorator, ast.Call) and ast.unparse(decorator.func).split(".")[-1] == "rule"
        for argument in decorator.args
        if isinstance(argument, ast.Constant)
    }


def test_every_rule_that_code_cites_is_on_the_page():
    listed = {row.number for row in rows()}

    assert {n: where for n, where in cited_in_docstrings_and_comments().items() if n not in listed} == {}


def test_every_rule_that_a_test_is_marked_with_is_on_the_page():
    listed = {row.number for row in rows()}

    assert {test: numbers - listed for test, numbers in marked_in_tests().items() if numbers - listed} == {}


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.number)
def test_a_rules_row_names_tests_that_are_marked_with_it(row):
    marked = marked_in_tests()

    if row.state in ("kept", "differ"):
        assert row.tests, "a rule without a test is a wish"
    for test in row.tests:
        assert row.number in marked.get(test, set()), f"{test} is not marked @rule({row.number!r})"


def test_a_rule_that_is_not_built_yet_has_no_tests():
    not_yet = {row.number for row in rows() if row.state == "not yet"}

    assert [row.number for row in rows() if row.state == "not yet" and row.tests] == []
    assert {test: numbers & not_yet for test, numbers in marked_in_tests().items() if numbers & not_yet} == {}


def test_the_rows_stand_in_the_order_of_their_numbers_once_each():
    numbers = [row.number for row in rows()]

    assert numbers == sorted(set(numbers), key=numeric)


def test_the_introduction_counts_the_rules_and_how_far_they_are_followed():
    states = [(row.number, row.state) for row in rows()] + [(number, "left out") for number in left_out()]
    expected = {}
    for part in [*"ABCDEFG", "all"]:
        of_part = [state for number, state in states if part in (number[0], "all")]
        expected[part] = [len(of_part), *(of_part.count(state) for state in STATES)]

    assert counted() == expected
    assert f"The {expected['all'][0]} rules" in PAGE.read_text()


@pytest.mark.parametrize("part", "ABCDEFG")
def test_the_numbers_of_a_part_are_without_gaps(part):
    numbers = sorted((n for n in [*(row.number for row in rows()), *left_out()] if n[0] == part), key=numeric)
    previous = f"{part}0"

    for number in numbers:
        assert number in successors(previous), f"{number} follows {previous}"
        previous = number


def successors(number):
    """The numbers that may follow one: the next whole one, and the next with a letter."""
    part, whole, letter = re.fullmatch(r"([A-G])(\d+)([a-z]?)", number).groups()
    return {f"{part}{int(whole) + 1}", f"{part}{whole}{chr(ord(letter) + 1) if letter else 'a'}"}


def test_a_rule_says_that_it_differs_when_scenarios_differ_by_it():
    says_so = {row.number for row in rows() if re.search(r"\bdiffers\b", row.how)}

    assert {name: by - says_so for name, by in differing().items() if by - says_so} == {}


def test_what_comes_out_otherwise_is_on_the_list_of_what_is_meant():
    recorded = set().union(*differing().values())
    random = {meant.rule for meant in MEANT}

    assert recorded | random <= meant()


def test_what_is_on_the_list_of_what_is_meant_differs_by_its_row():
    differ = {row.number for row in rows() if row.state == "differ"}
    ours = {row.number for row in rows() if row.number.startswith("F")}

    assert meant() <= differ | ours


def test_a_scenario_that_differs_names_a_rule_that_it_plays():
    assert [name for name, by in differing().items() if not by] == []


def test_the_page_says_which_recorded_scenarios_play_a_rule():
    page = PAGE.read_text()

    assert page == with_scenarios(page), "python -m tests.conformance.page"
