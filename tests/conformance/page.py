"""python -m tests.conformance.page: say in the docs what was recorded.

That is, in docs/semantics.md at each rule, which scenarios play it on OTP; and in docs/conformance.md how many there
are of each family, and what comes of them on newer versions.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.conformance.language import Scenario
from tests.conformance.library import FAMILIES, recorded
from tests.conformance.outcome import Outcome

__all__ = ["CONFORMANCE", "PAGE", "differing", "newer", "played", "with_scenarios", "with_tables"]

_DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = _DOCS / "semantics.md"
CONFORMANCE = _DOCS / "conformance.md"

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


def with_tables(page: str) -> str:
    """The page on conformance with its tables as what was recorded is now: each stands between two comments."""
    for name, lines in (("families", _families()), ("newer", _newer_ones())):
        begins, ends = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        before, _, rest = page.partition(begins)
        _, _, after = rest.partition(ends)
        page = before + begins + "\n" + "\n".join(lines).rstrip() + "\n\n" + ends + after
    return page


_FAMILIES_HEAD = "| family | recorded on | scenarios | of these races | meant to differ | newer | not yet | unstable |"


def _families() -> Iterator[str]:
    yield _FAMILIES_HEAD
    yield "|---" * _FAMILIES_HEAD.count(" |") + "|"
    for family in FAMILIES:
        stored = recorded(family)
        versions, scenarios = stored["versions"], stored["scenarios"]
        on = f"Elixir {versions['elixir']}, OTP {versions['otp']}"
        if any(scenario.get("stages") for scenario in scenarios):
            on += f", GenStage {versions['gen_stage']}"
        counts = [sum(1 for scenario in scenarios if said in scenario) for said in _SAID]
        cells = [family, on, len(scenarios), *counts, "; ".join(stored["unstable"]) or "none"]
        yield f"| {' | '.join(map(str, cells))} |"


_SAID = ["outcomes", "differs", "newer", "not_yet"]
"""What is stored only of those that race, are meant to differ, follow a newer version, or aren't built yet."""


def newer() -> dict[tuple[str, str], list[tuple[Scenario, Outcome]]]:
    """The scenarios that come out otherwise on newer versions, with what was recorded, by version and what it does."""
    found: dict[tuple[str, str], list[tuple[Scenario, Outcome]]] = defaultdict(list)
    for family in FAMILIES:
        for stored in recorded(family)["scenarios"]:
            scenario = Scenario.from_json(stored)
            if scenario.newer:
                found[scenario.newer.version, scenario.newer.why].append((scenario, stored["outcome"]))
    return found


def _newer_ones() -> Iterator[str]:
    for (version, why), scenarios in newer().items():
        yield from (f"{version}: {why}.", "", "| scenario | step | who | as recorded | there |", "|---" * 5 + "|")
        for scenario, outcome in scenarios:
            name = scenario.name + (", not built yet" if scenario.not_yet else "")
            for number, observer, sender, seen in scenario.newer.seen if scenario.newer else ():
                whom = observer if observer == sender else f"{observer} of {sender}"
                both = [_shown(outcome[number].get(observer, {}).get(sender, [])), _shown(seen)]
                yield f"| {' | '.join([name, str(number), whom, *both])} |"
                name = ""
        yield ""


def _shown(seen: list[Any]) -> str:
    return ", ".join(f"`{json.dumps(what)}`" for what in seen) or "nothing"


if __name__ == "__main__":
    PAGE.write_text(with_scenarios(PAGE.read_text()))
    CONFORMANCE.write_text(with_tables(CONFORMANCE.read_text()))
