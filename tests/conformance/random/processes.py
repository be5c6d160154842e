"""Random scenarios of processes: ends, links, exit signals, monitors, names and timers (rules A1 to A45)."""

from __future__ import annotations

from random import Random

from tests.conformance.language import Json, Scenario
from tests.conformance.random.course import Course, comes_out_in_one_way
from tests.conformance.random.writer import LABELS, TRAPPING, Writer

__all__ = ["comes_out_in_one_way", "scenario"]

HOW_OFTEN = {
    "send": 3,
    "send_name": 1,
    "note": 1,
    "link": 4,
    "unlink": 1,
    "monitor": 3,
    "monitor_name": 1,
    "demonitor": 1,
    "trap": 1,
    "signal": 4,
    "exit": 2,
    "raise": 1,
    "catch": 1,
    "register": 2,
    "unregister": 1,
    "whereis": 1,
    "alive": 1,
    "after": 2,
    "cancel": 1,
    "remaining": 1,
    "gate": 1,
    "tell": 1,
}
"""How often each kind of operation is tried, beside the others."""


def scenario(random: Random) -> Scenario:
    """Write one: two to five actors, three to twelve steps."""
    labels = LABELS[: random.randint(2, 5)]
    actors: dict[str, Json] = {label: random.choice([{"kind": "proc"}, TRAPPING]) for label in labels}
    writer = Writer(random, Course(actors), HOW_OFTEN)
    return Scenario("a random one", (), actors, [writer.step() for _ in range(random.randint(3, 12))])
