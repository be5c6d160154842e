"""Random scenarios of processes: ends, links, exit signals, monitors, names and timers (rules A1 to A45)."""

from __future__ import annotations

from itertools import count
from random import Random
from typing import TypeVar

from tests.conformance.language import Json, Op, Scenario, Step, advance, at, open_gate
from tests.conformance.random.course import Course, Turn, comes_out_in_one_way

__all__ = ["comes_out_in_one_way", "scenario"]

T = TypeVar("T")

LABELS = "abcde"
NAMES = ["n", "o"]
NEVER_MADE = ""
REASONS: list[Json] = ["boom", "normal", "shutdown", ["shutdown", 1], "kill", "killed", "bang"]

ADVANCE = 4
"""Ticks that pass at a time."""

ADVANCES = 0.15
"""How often time passes, once there are timers."""

DELAYS = [2, 6]
"""Ticks of timers: so none is due when time stands still."""

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
KINDS = [kind for kind, times in HOW_OFTEN.items() for _ in range(times)]

TRAPPING: Json = {"kind": "proc", "trap": True}


def scenario(random: Random) -> Scenario:
    """Write one: two to five actors, three to twelve steps."""
    labels = LABELS[: random.randint(2, 5)]
    actors: dict[str, Json] = {label: random.choice([{"kind": "proc"}, TRAPPING]) for label in labels}
    writer = Writer(random, Course(actors))
    return Scenario("a random one", (), actors, [writer.step() for _ in range(random.randint(3, 12))])


class Writer:
    """Writes the steps of one scenario.

    Args:
        random: chooses.
        course: says what may come next.
    """

    def __init__(self, random: Random, course: Course) -> None:
        self._random = random
        self._course = course
        self._labels = list(course.actors)
        self._numbers = count(1)
        self._monitors: list[str] = []
        self._timers: list[str] = []
        self._partners: dict[str, list[str]] = {label: [] for label in self._labels}
        self._signalled = self._labels[0]

    def step(self) -> Step:
        """Write the next."""
        if self._timers and self._random.random() < ADVANCES:
            return advance(ADVANCE)
        actor = self._pick(self._labels)
        turn = self._course.turn(actor)
        if turn is not None:
            return at(actor, *self._ops(actor, turn))
        self._course.held.discard(actor)
        return open_gate(actor)

    def _ops(self, actor: str, turn: Turn) -> list[Op]:
        ops: list[Op] = []
        for _ in range(self._random.randint(1, 4)):
            kind = self._pick(KINDS)
            if kind == "tell":
                to = self._actor()
                inner = turn.tell(to)
                if inner is not None:
                    ops.append(["tell", to, self._ops(to, inner)])
                continue
            op = self._op(kind, actor)
            if turn.take(op):
                ops.append(op)
        return ops or [["note", next(self._numbers)]]

    def _op(self, kind: str, actor: str) -> Op:
        match kind:
            case "send":
                return ["send", self._actor(), next(self._numbers)]
            case "send_name":
                return ["send", self._named(), next(self._numbers)]
            case "note":
                return ["note", next(self._numbers)]
            case "link":
                to = self._actor()
                self._partners[actor].append(to)
                self._partners[to].append(actor)
                return ["link", to]
            case "unlink":
                return ["unlink", self._pick([*self._partners[actor], self._actor()])]
            case "alive":
                return ["alive", self._actor()]
            case "monitor":
                return ["monitor", self._actor(), self._new(self._monitors, "m")]
            case "monitor_name":
                return ["monitor", self._named(), self._new(self._monitors, "m")]
            case "demonitor":
                return ["demonitor", self._pick([*self._monitors, NEVER_MADE]), self._pick([False, True])]
            case "trap":
                return ["trap", self._pick([False, True])]
            case "signal":
                self._signalled = self._pick([self._signalled, self._actor()])
                return ["signal", self._signalled, self._pick(REASONS)]
            case "exit":
                return ["exit", self._pick(REASONS)]
            case "raise":
                return ["raise", "ouch"]
            case "catch":
                return ["catch", [["note", next(self._numbers)], self._pick([["exit", "boom"], ["raise", "ouch"]])]]
            case "register":
                return ["register", self._pick(NAMES), self._actor()]
            case "unregister" | "whereis":
                return [kind, self._pick(NAMES)]
            case "after":
                to = self._pick([*self._labels, self._named()])
                return ["after", self._new(self._timers, "t"), to, next(self._numbers), self._pick(DELAYS)]
            case "cancel" | "remaining":
                return [kind, self._pick([*self._timers, NEVER_MADE])]
        return ["gate", actor]

    def _pick(self, choices: list[T]) -> T:
        return self._random.choice(choices)

    def _actor(self) -> str:
        return self._pick(self._labels)

    def _named(self) -> str:
        return f"@{self._pick(NAMES)}"

    def _new(self, made: list[str], prefix: str) -> str:
        made.append(f"{prefix}{len(made) + 1}")
        return made[-1]
