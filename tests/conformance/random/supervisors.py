"""Random scenarios of supervisors: restarts, strategies, intensity, retries, shutdown, calls, ends (B1 to B97)."""

from __future__ import annotations

from itertools import count
from random import Random
from typing import TypeVar

from tests.conformance.language import Json, Op, Scenario, Step, advance, at, open_gate
from tests.conformance.random.tree import LONG, PARENT, ROOT, STARTER, Tree, comes_out_in_one_way, gates_of
from tests.conformance.random.writer import REASONS, TRAPPING

__all__ = ["comes_out_in_one_way", "scenario"]

T = TypeVar("T")

PROC: Json = {"kind": "proc"}
BYSTANDERS: dict[str, Json] = {"m": PROC, STARTER: PROC, "o": PROC, "t": TRAPPING}

STRATEGIES = ["one_for_one", "one_for_all", "rest_for_one"]
RESTARTS = ["permanent", "permanent", "transient", "temporary"]
ALLOWED = [0, 1, 1, 2, 2, 3, 3]
MANY = [1, 2, 3, 9]
"""So that tries that fail go on."""

TIME_TO_END: list[Json] = [None, None, None, "brutal_kill", "infinity", 10]
OVER = 14
"""Ticks after which one that has ten to end is killed."""

FAILURES: list[Op] = [["stop", "nope"], ["exit", "nope"], ["raise", "ouch"], ["bad", "weird"], ["stop", "shutdown"]]
WORSE: list[Op] = [["raise", "worse"], ["exit", "normal"], ["exit", ["shutdown", 1]], ["exit", "other"]]
NO_START: list[Json] = [["raise", "ouch"], ["exit", "nope"], ["return", "weird"]]

HOW_OFTEN = {"end": 10, "call": 7, "watch": 2, "signal": 3, "halt": 1, "hold": 2, "parent": 1, "work": 1}
"""How often each kind of step is tried, beside the others."""

TRIES = 20
"""After how many steps that may not be, a scenario is over."""


def scenario(random: Random) -> Scenario:
    """Write one: a tree of up to three supervisors, three to twelve steps, and what is seen of it then."""
    return SupervisorWriter(random).scenario()


class SupervisorWriter:
    """Writes one scenario.

    Args:
        random: chooses.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._numbers = count(1)
        self._has_gates = self._chance(0.5)
        self._max_seconds: Json = None if self._has_gates or self._chance(0.9) else 1
        self._kinds = [kind for kind, times in HOW_OFTEN.items() for _ in range(times)]
        self._last = ""
        self._actors = dict(BYSTANDERS)
        self._tree = Tree(self._actors)
        self._steps: list[Step] = []

    def scenario(self) -> Scenario:
        """Write it."""
        how = self._pick(["there", "there", "there", "linked", "started"])
        spec = self._sup([*"abcdefgh"], ["sub", "low"], 1 if how == "started" else 2)
        if how == "there":
            self._actors[ROOT] = spec
        elif how == "linked":
            self._actors[PARENT] = self._pick([PROC, TRAPPING])
        self._tree = Tree(self._actors)
        if how == "linked":
            self._take(at(PARENT, ["start", ROOT, spec, "link"]))
        elif how == "started":
            self._take(at(STARTER, ["start", ROOT, spec]))
        for _ in range(self._random.randint(3, 12)):
            if not any(self._take(self._step()) for _ in range(TRIES)):
                break
        for gate in sorted(self._tree.reached):
            self._take(open_gate(gate))
        for sup in self._sups():
            self._take(at("m", ["which_children", sup], ["count_children", sup]))
        return Scenario("a random one", (), self._actors, self._steps)

    def _take(self, step: Step) -> bool:
        taken = self._tree.takes(step)
        if taken:
            self._steps.append(step)
        return taken

    # Who is there

    def _sup(self, workers: list[str], sups: list[str], first: int) -> Json:
        """Describe a supervisor, whose children have some of the labels; the first is the start that may fail."""
        children: list[Json] = []
        for _ in range(self._random.randint(1, 4)):
            if sups and self._chance(0.25):
                label = sups.pop(0)
                children.append(self._child({"id": label, **self._sup(workers, sups, first)}, first))
            elif workers:
                children.append(self._child(self._worker(workers.pop(0), first), first))
        is_tried = any(is_start for child in children for _, is_start in gates_of(child))
        options = {"strategy": self._pick(STRATEGIES), "max_restarts": self._pick(MANY if is_tried else ALLOWED)}
        if self._max_seconds is not None:
            options["max_seconds"] = self._max_seconds
        return {"kind": "sup", "reports": True, "children": children, **options}

    def _worker(self, label: str, first: int) -> Json:
        if self._chance(0.1):
            return {"id": label, **PROC}
        spec: Json = {"id": label, "kind": "server", "trap": self._chance(0.7)}
        init: list[Op] = [["push", next(self._numbers)]] if self._chance(0.2) else []
        if self._chance(0.5 if self._has_gates else 0.3):
            attempts = self._pick([[first], [2], [2], [2, 3]])
            init += [[self._pick(["on", "on", "since"]), attempt, self._trouble()] for attempt in attempts]
            spec["trap"] = True
        if init:
            spec["init"] = init
        if spec["trap"] and self._chance(0.15):
            spec["terminate"] = [["gate", self._gate()] if self._has_gates and self._chance(0.4) else self._pick(WORSE)]
        if first == 1 and self._chance(0.05):
            spec["start"] = self._pick(NO_START)
        return spec

    def _child(self, spec: Json, first: int) -> Json:
        spec["restart"] = self._pick(RESTARTS)
        shutdown = self._pick(TIME_TO_END)
        if shutdown is not None and (spec["kind"] != "sup" or shutdown == "infinity"):
            spec["shutdown"] = shutdown
        if self._max_seconds is not None and isinstance(shutdown, int):
            spec.pop("shutdown", None)
        if spec["kind"] == "sup" and self._chance(0.1):
            spec["init"] = [["on", self._pick([first, 2, 3]), [self._pick([["ignore"], ["raise", "ouch"]])]]]
        if spec["kind"] == "sup" and shutdown == "brutal_kill" and not self._has_gates and not _has_sup(spec):
            spec["shutdown"] = shutdown
        return spec

    def _trouble(self) -> list[Op]:
        """Return what a start is to do."""
        trouble: list[Op] = [["gate", self._gate()]] if self._has_gates and self._chance(0.6) else []
        if not trouble or self._chance(0.7):
            trouble.append(["ignore"] if self._chance(0.2) else self._pick(FAILURES))
        return trouble

    def _gate(self) -> str:
        return f"g{next(self._numbers)}"

    # What happens

    def _step(self) -> Step:
        if self._tree.reached and self._chance(0.25):
            return open_gate(self._pick(sorted(self._tree.reached)))
        if self._tree.reached and self._chance(0.1):
            return advance(OVER)
        if self._max_seconds is not None and self._chance(0.15):
            return advance(LONG)
        bystander = self._pick(sorted(self._tree.bystanders))
        if self._tree.closed and not self._tree.reached and self._chance(0.4):
            return at(self._mortal(), self._end())
        if self._tree.reached and self._chance(0.3):
            return at(bystander, self._call())
        sup = self._pick(self._sups())
        match self._pick(self._kinds):
            case "end":
                return at(self._mortal(), *self._at_work(), self._end())
            case "work":
                return at(self._mortal(), *self._at_work(), ["note", next(self._numbers)])
            case "call":
                return at(bystander, *(self._call() for _ in range(self._random.randint(1, 3))))
            case "watch":
                label = self._pick(sorted(self._tree.entered))
                watch: Op = ["link", label] if bystander == "t" else ["monitor", label, f"m{next(self._numbers)}"]
                return at(bystander, watch)
            case "signal":
                label = self._pick([*sorted(self._tree.entered), PARENT])
                return at(bystander, ["signal", label, self._pick([*REASONS, "kill"])])
            case "halt":
                return at(bystander, ["halt", sup, self._pick(REASONS)])
            case "hold":
                gate = self._gate()
                return at(bystander, ["start_child", sup, {"id": f"nobody of {sup}", **_held(gate)}])
        return at(PARENT, ["exit", self._pick(REASONS)])

    def _sups(self) -> list[str]:
        return sorted(label for label in self._tree.entered if self._tree.kinds[label] == "sup")

    def _mortal(self) -> str:
        """Pick a child that is no supervisor: often the last one again, or one that has a gate."""
        gated = sorted(label for gate, (label, _) in self._tree.gates.items() if gate in self._tree.closed)
        if not self._tree.reached and gated and self._chance(0.5):
            self._last = self._pick(gated)
        elif not self._last or self._chance(0.6):
            self._last = self._pick(sorted(label for label, kind in self._tree.kinds.items() if kind != "sup") or [""])
        return self._last

    def _at_work(self) -> list[Op]:
        return [["push", next(self._numbers)]] if self._chance(0.1) and self._tree.kinds.get(self._last) != "proc" else []

    def _end(self) -> Op:
        reason = self._pick(["boom", *REASONS])
        ends: list[Op] = [["exit", reason], ["raise", "ouch"]]
        if self._tree.kinds.get(self._last) == "server":
            ends += [["stop", reason], ["stop", reason], ["bad", "nonsense"]]
        return self._pick(ends)

    def _call(self) -> Op:
        sup, label = self._asked()
        match self._pick(["start", "start", "terminate", "terminate", "restart", "restart", "delete", "delete", "which", "count"]):
            case "start":
                return ["start_child", sup, self._added(label)]
            case ("which" | "count") as what:
                return [f"{what}_children", sup]
            case what:
                return [f"{what}_child", sup, label]

    def _asked(self) -> tuple[str, str]:
        """Pick a supervisor, and a child that it may have; often one that may be at a gate."""
        at_gates = sorted({self._tree.gates[gate][0] for gate in self._tree.reached} - {f"nobody of {ROOT}"})
        if at_gates and self._chance(0.7):
            label = self._pick(at_gates)
            return self._tree.above[label] or ROOT, label
        sup = self._pick(self._sups())
        own = sorted(label for label, above in self._tree.above.items() if above == sup)
        return sup, self._pick([*own, *own, f"x{sup}", f"y{sup}"])

    def _added(self, label: str) -> Json:
        if self._tree.kinds.get(label) == "sup" or (label not in self._tree.kinds and self._chance(0.15)):
            return self._child({"id": label, **self._sup([f"{label}1", f"{label}2"], [], 1)}, 1)
        return self._child(self._worker(label, 1), 1)

    def _pick(self, choices: list[T]) -> T:
        return self._random.choice(choices)

    def _chance(self, chance: float) -> bool:
        return self._random.random() < chance


def _held(gate: str) -> Json:
    """Describe a child whose start takes until a gate is opened, and of which nothing remains."""
    return {"kind": "server", "trap": True, "restart": "temporary", "init": [["gate", gate], ["ignore"]]}


def _has_sup(spec: Json) -> bool:
    return any(child["kind"] == "sup" for child in spec["children"])
