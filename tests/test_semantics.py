"""docs/semantics.md has a row for every rule: a test that shows it, or that it is not built yet."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "semantics.md"
CITATION = re.compile(r"\b([A-G]\d{1,2}[a-z]?|A10\d)\b")
ROW = re.compile(r"^\| (?P<number>[A-G]\d+[a-z]?) \| (?P<rule>[^|]+) \| (?P<how>[^|]+) \| (?P<tests>[^|]+) \|$")


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
