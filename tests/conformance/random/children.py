"""Writes supervisors and their children, as random scenarios have them."""

from __future__ import annotations

from itertools import count
from random import Random
from typing import TypeVar

from tests.conformance.language import Json, Op
from tests.conformance.random.tree import gates_of, is_simple

__all__ = ["PROC", "ChildWriter"]

T = TypeVar("T")

PROC: Json = {"kind": "proc"}

STRATEGIES = ["one_for_one", "one_for_all", "rest_for_one"]
RESTARTS = ["permanent", "permanent", "transient", "temporary"]
ALLOWED = [0, 1, 1, 2, 2, 3, 3]
MANY = [1, 2, 3, 9]
"""Restarts that are allowed where starts may fail at gates, so that they are tried again."""

AT_ONCE = "brutal_kill"
TIME_TO_END: list[Json] = [None, None, None, AT_ONCE, "infinity"]
TEN_TICKS = 10

FAILURES: list[Op] = [["stop", "nope"], ["exit", "nope"], ["raise", "ouch"], ["bad", "weird"], ["stop", "shutdown"]]
WORSE: list[Op] = [["raise", "worse"], ["exit", "normal"], ["exit", ["shutdown", 1]], ["exit", "other"]]
NO_START: list[Json] = [["raise", "ouch"], ["exit", "nope"], ["return", "weird"]]


class ChildWriter:
    """Writes who is in a tree.

    Args:
        random: chooses.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._numbers = count(1)
        self._has_gates = self._chance(0.5)
        self.max_seconds: Json = None if self._has_gates or self._chance(0.85) else 1

    def sup(self, workers: list[str], sups: list[str], first: int) -> Json:
        """Describe a supervisor, whose children take their labels; `first` is the first start that may fail."""
        children: list[Json] = []
        for _ in range(self._random.randint(1, 4)):
            if sups and self._chance(0.25):
                children.append(self.sub(sups.pop(0), workers, sups, first))
            elif workers:
                children.append(self.worker(workers.pop(0), first))
        is_tried = any(is_start for child in children for _, is_start in gates_of(child))
        window = {} if self.max_seconds is None else {"max_seconds": self.max_seconds}
        return {
            "kind": "sup",
            "reports": True,
            "children": children,
            "strategy": self._pick(STRATEGIES),
            "max_restarts": self._pick(MANY if is_tried else ALLOWED),
            **window,
        }

    def sub(self, label: str, workers: list[str], sups: list[str], first: int) -> Json:
        """Describe a supervisor that is a child."""
        spec = {"id": label, **self.sup(workers, sups, first), "restart": self._pick(RESTARTS)}
        shutdown = self._pick(TIME_TO_END)
        if shutdown == "infinity" or (shutdown == AT_ONCE and all(map(is_simple, spec["children"]))):
            spec["shutdown"] = shutdown
        if self._chance(0.1):
            spec["init"] = [["on", self._pick([first, 2, 3]), [self._pick([["ignore"], ["raise", "ouch"]])]]]
        return spec

    def worker(self, label: str, first: int) -> Json:
        """Describe a child that is none."""
        spec: Json = {"id": label, "restart": self._pick(RESTARTS)}
        shutdown = self._pick([*TIME_TO_END, TEN_TICKS] if self.max_seconds is None else TIME_TO_END)
        if shutdown is not None:
            spec["shutdown"] = shutdown
        if self._chance(0.1):
            return {**spec, **PROC}
        init = self._init(first)
        is_asked = any(name != "push" for name, *_ in init) or self._chance(0.6)
        spec |= {"kind": "server", "trap": is_asked}
        if init:
            spec["init"] = init
        if is_asked and self._chance(0.15):
            spec["terminate"] = [self._at_gate() if self._has_gates and self._chance(0.4) else self._pick(WORSE)]
        if first == 1 and self._chance(0.05):
            spec["start"] = self._pick(NO_START)
        return spec

    def held(self, label: str) -> Json:
        """Describe a child whose start takes until a gate is opened, and of which nothing remains."""
        init = [self._at_gate(), ["ignore"]]
        return {"id": label, "kind": "server", "trap": True, "restart": "temporary", "init": init}

    def _init(self, first: int) -> list[Op]:
        init: list[Op] = [["push", next(self._numbers)]] if self._chance(0.2) else []
        if self._chance(0.5 if self._has_gates else 0.3):
            attempts = self._pick([[first], [2], [2], [2, 3]])
            init += [[self._pick(["on", "on", "since"]), attempt, self._trouble()] for attempt in attempts]
        return init

    def _trouble(self) -> list[Op]:
        trouble = [self._at_gate()] if self._has_gates and self._chance(0.6) else []
        if not trouble or self._chance(0.7):
            trouble.append(["ignore"] if self._chance(0.2) else self._pick(FAILURES))
        return trouble

    def _at_gate(self) -> Op:
        return ["gate", f"g{next(self._numbers)}"]

    def _pick(self, choices: list[T]) -> T:
        return self._random.choice(choices)

    def _chance(self, chance: float) -> bool:
        return self._random.random() < chance
