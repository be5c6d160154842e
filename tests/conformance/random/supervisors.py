"""Random scenarios of supervisors: restarts, strategies, intensity, retries, shutdown, calls, ends (B1 to B97)."""

from __future__ import annotations

from random import Random

from tests.conformance.language import Json, Op, Scenario, Step, advance, at, open_gate
from tests.conformance.random.children import PROC, ChildWriter
from tests.conformance.random.tree import LONG, PARENT, ROOT, STARTER, Tree, comes_out_in_one_way
from tests.conformance.random.writer import REASONS, TRAPPING

__all__ = ["comes_out_in_one_way", "scenario"]

BYSTANDERS: dict[str, Json] = {"m": PROC, STARTER: PROC, "o": PROC, "t": TRAPPING}

OVER = 14
"""Ticks after which one that has ten to end is killed."""

HOW_OFTEN = {"end": 10, "call": 7, "watch": 2, "signal": 3, "halt": 1, "hold": 2, "parent": 1, "work": 1}
"""How often each kind of step is tried, beside the others."""

ASKED = {"start": 2, "terminate": 2, "restart": 2, "delete": 2, "which": 1, "count": 1}
"""How often each kind of call is."""

TRIES = 20
"""After how many steps that may not be, a scenario is over."""


def scenario(random: Random) -> Scenario:
    """Write one: a tree of up to three supervisors, some three to twelve steps, and what is seen of it then."""
    return SupervisorWriter(random).scenario()


class SupervisorWriter(ChildWriter):
    """Writes one scenario.

    Args:
        random: chooses.
    """

    def __init__(self, random: Random) -> None:
        super().__init__(random)
        self._actors = dict(BYSTANDERS)
        self._tree = Tree(self._actors)
        self._steps: list[Step] = []
        self._last = ""

    def scenario(self) -> Scenario:
        """Write it."""
        self._begin(self._pick(["there", "there", "there", "linked", "started"]))
        for _ in range(self._random.randint(3, 12)):
            if not any(self._take(self._step()) for _ in range(TRIES)):
                break
        for gate in sorted(self._tree.reached):
            self._take(open_gate(gate))
        for sup in self._sups():
            self._take(at("m", ["which_children", sup], ["count_children", sup]))
        return Scenario("a random one", (), self._actors, self._steps)

    def _begin(self, how: str) -> None:
        if how == "there":
            self._actors[ROOT] = self._root(first=2)
        elif how == "linked":
            self._actors[PARENT] = self._pick([PROC, TRAPPING])
        self._tree = Tree(self._actors)
        if how == "linked":
            self._take(at(PARENT, ["start", ROOT, self._root(first=2), "link"]))
        while how == "started" and not self._take(at(STARTER, ["start", ROOT, self._root(first=1)])):
            pass

    def _root(self, first: int) -> Json:
        return self.sup([*"abcdefgh"], ["sub", "low"], first)

    def _take(self, step: Step) -> bool:
        taken = self._tree.takes(step)
        if taken:
            self._steps.append(step)
        return taken

    def _step(self) -> Step:
        tree = self._tree
        if tree.reached:
            if self._chance(0.25):
                return open_gate(self._pick(sorted(tree.reached)))
            if self._chance(0.1):
                return advance(OVER)
            if self._chance(0.3):
                return at(self._bystander(), self._call())
        elif tree.closed and self._chance(0.4):
            return at(self._child(), self._end())
        if self.max_seconds is not None and self._chance(0.5):
            return self._pick([advance(LONG), at(self._child(), self._end())])
        return self._any_step(self._often(HOW_OFTEN))

    def _any_step(self, kind: str) -> Step:
        match kind:
            case "end":
                return at(self._child(), *self._work(), self._end())
            case "work":
                return at(self._child(), *self._work(), ["note", next(self._numbers)])
            case "call":
                return at(self._bystander(), *(self._call() for _ in range(self._random.randint(1, 3))))
            case "watch":
                label, name = self._pick(sorted(self._tree.entered)), f"m{next(self._numbers)}"
                return self._pick([at("t", ["link", label]), at(self._bystander(), ["monitor", label, name])])
            case "signal":
                label = self._pick([*sorted(self._tree.entered), PARENT])
                return at(self._bystander(), ["signal", label, self._pick([*REASONS, "kill"])])
            case "halt":
                return at(self._bystander(), ["halt", self._pick(self._sups()), self._pick(REASONS)])
            case "hold":
                sup = self._pick(self._sups())
                return at(self._bystander(), ["start_child", sup, self.held(f"nobody of {sup}")])
        return at(PARENT, ["exit", self._pick(REASONS)])

    # Who does something

    def _bystander(self) -> str:
        """Pick one that is free, if one is."""
        return self._pick(sorted(self._tree.bystanders.keys() - self._tree.waiting) or [PARENT])

    def _sups(self) -> list[str]:
        return sorted(label for label in self._tree.entered if self._tree.kinds[label] == "sup")

    def _child(self) -> str:
        """Pick a child that is no supervisor: often the last one again, or one with a gate."""
        tree = self._tree
        gated = sorted({tree.gates[gate][0] for gate in tree.closed})
        if gated and not tree.reached and self._chance(0.5):
            self._last = self._pick(gated)
        elif not self._last or self._chance(0.6):
            self._last = self._pick(sorted(label for label, kind in tree.kinds.items() if kind != "sup") or [ROOT])
        return self._last

    # What it does

    def _work(self) -> list[Op]:
        is_server = self._tree.kinds[self._last] == "server"
        return [["push", next(self._numbers)]] if is_server and self._chance(0.1) else []

    def _end(self) -> Op:
        reason = self._pick(["boom", *REASONS])
        ends: list[Op] = [["exit", reason], ["raise", "ouch"]]
        if self._tree.kinds[self._last] == "server":
            ends += [["stop", reason], ["stop", reason], ["bad", "nonsense"]]
        return self._pick(ends)

    def _call(self) -> Op:
        sup, label = self._place()
        match self._often(ASKED):
            case "start":
                return ["start_child", sup, self._added(label)]
            case ("which" | "count") as what:
                return [f"{what}_children", sup]
            case what:
                return [f"{what}_child", sup, label]

    def _place(self) -> tuple[str, str]:
        """Pick a supervisor, and a child that it may have: often one that may be at a gate."""
        tree = self._tree
        at_gates = sorted({tree.gates[gate][0] for gate in tree.reached})
        if at_gates and self._chance(0.7):
            label = self._pick(at_gates)
            return tree.above[label] or ROOT, label
        sup = self._pick(self._sups())
        own = sorted(label for label, above in tree.above.items() if above == sup)
        return sup, self._pick([*own, *own, f"x of {sup}", f"y of {sup}"])

    def _added(self, label: str) -> Json:
        kind = self._tree.kinds.get(label)
        if kind == "sup" or (kind is None and self._chance(0.15)):
            return self.sub(label, [f"{label}, 1", f"{label}, 2"], [], first=1)
        return self.worker(label, first=1)

    def _often(self, how_often: dict[str, int]) -> str:
        return self._random.choices([*how_often], [*how_often.values()])[0]
