"""Writes the steps of random scenarios."""

from __future__ import annotations

from collections import defaultdict
from itertools import count
from random import Random
from typing import TypeVar

from tests.conformance.language import Json, Op, Step, advance, at, open_gate
from tests.conformance.random.course import Course, Turn

__all__ = ["LABELS", "TRAPPING", "Writer"]

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

TRAPPING: Json = {"kind": "proc", "trap": True}


class Writer:
    """Writes the steps of one scenario.

    Args:
        random: chooses.
        course: says what may come next.
        how_often: how often each kind of operation is tried, beside the others.
    """

    def __init__(self, random: Random, course: Course, how_often: dict[str, int]) -> None:
        self._random = random
        self._course = course
        self._kinds = [kind for kind, times in how_often.items() for _ in range(times)]
        self._labels = list(course.actors)
        self._numbers = count(1)
        self._monitors: list[str] = []
        self._timers: list[str] = []
        self._partners: defaultdict[str, list[str]] = defaultdict(list)
        self._signalled = self._labels[0]

    def step(self) -> Step:
        """Write the next."""
        if self._timers and self._random.random() < ADVANCES:
            return advance(ADVANCE)
        actor = self._pick(self._labels)
        turn = self._course.turn(actor)
        if turn is not None:
            return at(actor, *self._handled("tell", actor, turn))
        self._course.held.discard(actor)
        return open_gate(actor)

    def _ops(self, actor: str, turn: Turn) -> list[Op]:
        ops: list[Op] = []
        for _ in range(self._random.randint(1, 4)):
            kind = self._pick(self._kinds)
            if kind in {"tell", "cast", "call"}:
                to = self._actor()
                inner = turn.begin(kind, to)
                if inner is not None:
                    ops.append([kind, to, self._handled(kind, to, inner)])
                    inner.give_back(turn)
                continue
            op = self._op(kind, actor)
            if turn.take(op):
                ops.append(op)
        note = ["note", next(self._numbers)]
        if not ops and turn.take(note):
            ops.append(note)
        return ops

    def _handled(self, how: str, actor: str, turn: Turn) -> list[Op]:
        """Write what an actor does with a message that came so."""
        return self._ops(actor, turn)

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
