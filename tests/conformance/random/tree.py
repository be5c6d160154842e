"""Which scenarios of supervisors can come out in one way only, so that two that play them can be compared.

Within a step one actor acts, and then its supervisors do, one after the other: it comes out in one way while nothing
else dies or asks meanwhile. Several deaths and calls come together where a supervisor waits at a gate, in a child's
start or end, and has read none of them: each comes in a step of its own. So what may happen is asked of gates: once a
step may have had anyone come to one, all that belong to closed gates may wait there, and with them whoever asks.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.conformance.language import Json, Op, Scenario, Step

__all__ = ["CALLS", "ENDS", "PARENT", "ROOT", "STARTER", "Tree", "comes_out_in_one_way", "gates_of"]

ROOT = "sup"
PARENT = "p"
"""Who may start the root with a link."""
STARTER = "n"
"""Who may start it without one; the start may fail."""

QUESTIONS = {"which_children", "count_children", "delete_child"}
CALLS = QUESTIONS | {"start_child", "terminate_child", "restart_child", "halt"}
ENDS = {"exit", "raise", "stop", "bad"}
FAILS = ENDS | {"gate"}

LONG = 55
"""Ticks after which no restart counts any more in a window of one second; what is shorter is within the others."""
SHORT = 110
"""Ticks that pass in all at most where windows are of five seconds."""


def comes_out_in_one_way(scenario: Scenario) -> bool:
    """Whether a scenario has one outcome, whatever the schedule; False when that isn't certain."""
    tree = Tree(scenario.actors)
    return tree.is_clear and all(tree.takes(step) for step in scenario.steps)


class Tree:
    """What may have happened in a scenario so far.

    Args:
        actors: the scenario's.
    """

    def __init__(self, actors: dict[str, Json]) -> None:
        self.bystanders = {label: spec for label, spec in actors.items() if spec["kind"] == "proc"}
        self.kinds: dict[str, str] = {}
        """Of supervisors, and of their children, by label, which is the child's id."""
        self.above: dict[str, str | None] = {}
        """The supervisor of each."""
        self.entered: set[str] = set()
        """Who has certainly been there."""
        self.gates: dict[str, tuple[str, bool]] = {}
        """Whose each is, and whether it is in its start."""
        self.closed: set[str] = set()
        self.reached: set[str] = set()
        """The closed gates at which somebody may wait."""
        self.waiting: set[str] = set()
        """Bystanders who may wait for a supervisor that waits."""
        self.reasons: list[Json] = []
        """Of what one that waits may have to end already."""
        self._max_seconds: Json = None
        self._passed = 0
        roots = [(label, spec) for label, spec in actors.items() if spec["kind"] == "sup"]
        self.is_clear = all(label == ROOT and self._plants(spec) for label, spec in roots)

    def _plants(self, root: Json, *, may_fail: bool = False) -> bool:
        """Have the root be there; False when it doesn't fit."""
        spec = {"id": ROOT, **root}
        if self.kinds or not self._fits(spec, None, spec.get("max_seconds")):
            return False
        self._max_seconds = spec.get("max_seconds")
        self._adds(spec, None)
        return self._enters(spec) or may_fail

    def below(self, label: str) -> set[str]:
        """Return all whom a supervisor may have, at any depth."""
        own = {child for child, sup in self.above.items() if sup == label}
        return own.union(*map(self.below, own))

    # What may be there

    def _fits(self, spec: Json, sup: str | None, max_seconds: Json) -> bool:
        label, shutdown = spec["id"], spec.get("shutdown")
        is_new = label not in self.kinds
        if label in self.bystanders or not (is_new or (self.kinds[label], self.above[label]) == (spec["kind"], sup)):
            return False
        # A gate of one that was there before could have been reached already.
        if any(gate in self.gates for gate, _ in gates_of(spec)):
            return False
        if spec["kind"] == "sup":
            children = spec.get("children", [])
            labels = [label, *(child["id"] for child in children)]
            kept = shutdown in {None, "infinity"} or not any(
                child["kind"] == "sup" or list(gates_of(child)) for child in children
            )
            own = not any(gates_of(spec)) and not isinstance(shutdown, int) and spec.get("max_seconds") == max_seconds
            fresh = is_new or all(self.above.get(child["id"], label) == label for child in children)
            unique = len({*labels}) == len(labels)
            return kept and own and fresh and unique and all(self._fits(one, label, max_seconds) for one in children)
        if spec["kind"] == "proc":
            return not spec.get("trap")
        # One that doesn't trap exits ends on OTP amid what it does (B62); and when it hasn't started, of that or of its
        # supervisor's end, which may follow.
        is_asked = not any(gates_of({**spec, "init": []})) and not _without_start(spec.get("init", []))
        stays = spec.get("trap") or is_asked
        return bool(spec["kind"] == "server" and stays and not (isinstance(shutdown, int) and max_seconds is not None))

    def _adds(self, spec: Json, sup: str | None) -> None:
        label = spec["id"]
        self.kinds[label], self.above[label] = spec["kind"], sup
        for gate, is_start in gates_of(spec):
            self.gates[gate] = (label, is_start)
            self.closed.add(gate)
        for child in spec.get("children", []):
            self._adds(child, label)

    def _enters(self, spec: Json) -> bool:
        """Note who is certain to be there after a first start, in order; whether that is certain to go well."""
        if "start" in spec:
            return False
        self.entered.add(spec["id"])
        first = next(_at_first(spec.get("init", [])), None)
        return first not in FAILS and (first == "ignore" or all(map(self._enters, spec.get("children", []))))

    # What may be done

    def takes(self, step: Step) -> bool:
        """Go on by a step; False, and nothing is done, when it may come out in several ways."""
        if not self._allows(step):
            return False
        match step:
            case {"open": gate}:
                self.closed.discard(gate)
                self.reached.discard(gate)
                if not self.reached:
                    self.waiting.clear()
                    self.reasons.clear()
            case {"advance": ticks}:
                self._passed += ticks
            case {"at": actor, "do": ops}:
                for op in ops:
                    self._goes_on(actor, op)
        return True

    def _allows(self, step: Step) -> bool:
        match step:
            case {"open": gate}:
                return gate in self.gates
            case {"advance": ticks}:
                return bool(ticks >= LONG if self._max_seconds is not None else self._passed + ticks <= SHORT)
            case {"at": actor, "do": [*before, last]}:
                if actor in self.bystanders:
                    is_free = actor not in self.waiting and [name for name, *_ in before].count("start_child") == 0
                    return is_free and all(self._disturbs_nobody(op) for op in before) and self._may_all(actor, step)
                is_child = self.kinds.get(actor) in {"server", "proc"} and not self._may_wait(actor)
                returns = {"exit", "raise"} if self.kinds.get(actor) == "proc" else ENDS
                return is_child and _are_quiet(before) and (_are_quiet([last]) or last[0] in returns)
        return False

    def _may_all(self, actor: str, step: Step) -> bool:
        return all(self._may(actor, *op) for op in step["do"])

    def _disturbs_nobody(self, op: Op) -> bool:
        """Whether one may go on after it, since it is over then."""
        name = op[0]
        return name in {"note", "monitor", "link"} or (name in CALLS - {"halt", "start_child"} and not self.closed)

    def _may(self, actor: str, name: str, *args: Json) -> bool:
        match name, *args:
            case "note", _:
                return True
            # A supervisor's parent may end with it.
            case "monitor", label, _:
                return label in self.entered and actor != PARENT
            case "link", label:
                return label in self.entered and actor != PARENT and bool(self.bystanders[actor].get("trap"))
            case "start", label, spec, *how:
                is_parent = (actor, how) == (PARENT, ["link"])
                if label != ROOT or not (is_parent or (actor, how) == (STARTER, [])):
                    return False
                return Tree(self.bystanders)._plants(spec, may_fail=not is_parent) and not self.kinds
            case "start_child", sup, spec:
                return actor != PARENT and self._hears(sup) and self._fits(spec, sup, self._max_seconds)
            case "signal", label, reason:
                return actor not in {PARENT, STARTER} and self._may_be_struck(label, reason)
            case "exit", _:
                return actor == PARENT
            # Whether one has ended by this stop, or before by the same reason, isn't told apart here.
            case "halt", _, reason if self.reached and reason in ["shutdown", *self.reasons]:
                return False
        return name in CALLS and actor != PARENT and self._hears(args[0])

    def _hears(self, sup: str) -> bool:
        """Whether a supervisor isn't one that ends, and waits for that: who asks it hears at once here (A61)."""
        if self.kinds.get(sup) != "sup" or sup not in self.entered:
            return False
        at_gates = [self.gates[gate] for gate in self.reached]
        below = self.below(sup)
        return all(is_start and self.above[label] == sup for label, is_start in at_gates if label in below)

    def _may_be_struck(self, label: str, reason: Json) -> bool:
        if label == PARENT:
            return PARENT in self.bystanders
        if label not in self.entered or self._may_wait(label):
            return False
        if self.kinds[label] != "sup" or reason != "kill":
            return True
        # Supervisors below it end each by itself, while it is restarted; and a start isn't cut here (A53).
        alone = label == ROOT or not any(self.kinds[child] == "sup" for child in self.below(label))
        return alone and not self.reached

    def _may_wait(self, label: str) -> bool:
        return any(self.gates[gate][0] == label for gate in self.reached)

    def _goes_on(self, actor: str, op: Op) -> None:
        match op:
            case ["start", _, spec, *_]:
                self._plants(spec, may_fail=True)
            case ["start_child", sup, spec]:
                self._adds(spec, sup)
        if op[0] in {"exit", "signal", "halt"} and self.reached:
            self.reasons.append("killed" if op[-1] == "kill" else op[-1])
        if op[0] in CALLS - QUESTIONS | ENDS | {"signal", "start"}:
            self.reached |= self.closed
        if op[0] in CALLS | {"start"} and self.reached:
            self.waiting.add(actor)


def gates_of(spec: Json) -> Iterator[tuple[str, bool]]:
    """Yield the gates at which one waits itself, and whether in its start."""
    for gate in _gates(spec.get("init", [])):
        yield gate, True
    for gate in _gates(spec.get("terminate", [])):
        yield gate, False


def _gates(ops: list[Op]) -> Iterator[str]:
    for name, *args in ops:
        if name == "gate":
            yield args[0]
        elif name in {"on", "since"}:
            yield from _gates(args[1])


def _at_first(ops: list[Op]) -> Iterator[str]:
    """Yield what may decide a first start."""
    for name, *args in ops:
        if name in {"on", "since"}:
            yield from _at_first(args[1]) if args[0] == 1 else ()
        elif name in FAILS | {"ignore"}:
            yield name


def _without_start(ops: list[Op]) -> bool:
    """Whether a start may come to nothing."""
    return any(
        name in ENDS | {"ignore"} or (name in {"on", "since"} and _without_start(args[1])) for name, *args in ops
    )


def _are_quiet(ops: list[Op]) -> bool:
    return all(name in {"note", "push"} for name, *_ in ops)
