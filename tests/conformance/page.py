"""python -m tests.conformance.page: say in docs/semantics.md, at each rule, which scenarios play it on OTP."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

from tests.conformance.library import FAMILIES, recorded

__all__ = ["PAGE", "differing", "played", "with_scenarios"]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "semantics.md"

_HEAD = "| rule | what it says | ours | shown by | played on OTP |"
_RULE = re.compile(r"^\| ([A-G]\d+[a-z]?) \|")
_CITED = re.compile(r"\b[A-G]\d+[a-z]?\b")
_COLUMNS = 5


def played() -> dict[str, str]:
    """What is said of the scenarios of each rule."""
    scenarios: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for family in FAMILIES:
        for scenario in recorded(family)["scenarios"]:
            for rule in scenario["rules"]:
                scenarios[rule].append(scenario)
    return {rule: _said_of(rule, of_rule) for rule, of_rule in scenarios.items()}


def differing() -> dict[str, set[str]]:
    """By which of the rules that they play scenarios come out otherwise: {"a proc's parent ends": {"A63"}}."""
    return {
        scenario["name"]: {rule for rule in scenario["rules"] if _differs_by(rule, scenario)}
        for family in FAMILIES
        for scenario in recorded(family)["scenarios"]
        if scenario.get("differs")
    }


def _differs_by(rule: str, scenario: dict[str, Any]) -> bool:
    return rule in _CITED.findall(scenario.get("differs", ""))


def _said_of(rule: str, scenarios: list[dict[str, Any]]) -> str:
    said = scenarios[0]["name"].replace("|", "/")
    if len(scenarios) > 1:
        said += f", and {len(scenarios) - 1} more"
    differ = sum(1 for scenario in scenarios if _differs_by(rule, scenario))
    newer = sum(1 for scenario in scenarios if scenario.get("newer"))
    not_yet = sum(1 for scenario in scenarios if scenario.get("not_yet"))
    for count, what in ((differ, "differ"), (newer, "as a newer OTP"), (not_yet, "not yet")):
        said += f"; {count} {what}" if count else ""
    return said


def with_scenarios(page: str) -> str:
    """The page with its last column as the scenarios are now."""
    of_rule = played()
    lines = []
    for line in page.splitlines():
        cells = line.split(" | ")
        if rule := _RULE.match(line):
            cells = [cell.removesuffix(" |") for cell in cells[: _COLUMNS - 1]]
            line = " | ".join([*cells, of_rule.get(rule[1], "-")]) + " |"  # noqa: PLW2901
        elif line.startswith("| rule |"):
            line = _HEAD  # noqa: PLW2901
        elif lines and lines[-1] == _HEAD:
            line = "|---" * _COLUMNS + "|"  # noqa: PLW2901
        lines.append(line)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(with_scenarios(PAGE.read_text()))
