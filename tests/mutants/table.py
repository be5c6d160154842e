"""The table of docs/mutants.md."""

from __future__ import annotations

from functools import cache

from tests.mutants.mutant import Found, Mutant
from tests.mutants.mutants import MUTANTS

__all__ = ["HEAD", "found", "row", "table"]

HEAD = """\
| the product, but | what is broken | found by | at the level of | in schedule |
|---|---|---|---|---|"""


@cache
def found(mutant: Mutant) -> Found | None:
    """What a mutant is found by; looked for once."""
    return mutant.hunt()


def row(mutant: Mutant, schedule: object) -> str:
    """One line of the table."""
    place = f"`{mutant.where.__name__}.{mutant.name}`"
    scenario = mutant.scenario.__name__.replace("_", " ")
    return f"| {mutant.what} | {place} | {scenario} | {mutant.level} | {schedule} |"


def table() -> str:
    """All of it, made anew."""
    schedules = {mutant: one.schedule if (one := found(mutant)) else "not found" for mutant in MUTANTS}
    return "\n".join([HEAD, *(row(mutant, schedule) for mutant, schedule in schedules.items())])
