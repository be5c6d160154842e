"""Which scenarios of supervisors can come out in one way only, so that two that play them can be compared.

Within a step one actor acts, and then its supervisors do, one after the other: it comes out in one way while nothing
else dies or asks meanwhile. Several deaths and calls come together where a supervisor waits at a gate, in a child's
start or end, and has read none of them: each comes in a step of its own. So it is asked what may wait at the worst:
once a step may have led anyone to a gate, all whose gates are closed may be there, and whoever has asked something.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.conformance.language import Json, Op, Scenario, Step

__all__ = ["LONG", "PARENT", "ROOT", "STARTER", "Tree", "comes_out_in_one_way", "gates_of", "is_simple"]

ROOT = "sup"
PARENT = "p"
"""Who may start the root with a link."""
STARTER = "n"
"""Who may start it without one; the start may fail."""

QUESTIONS = {"which_children", "count_children", "delete_child"}
REQUESTS = {"start_child", "terminate_child", "restart_child"}
CALLS = {*QUESTIONS, *REQUESTS, "halt"}
ENDS = {"exit", "raise", "stop", "bad"}
DISTURBS = {*REQUESTS, *ENDS, "halt", "signal", "start"}
"""After which others may act."""

LONG = 55
"""Ticks after which no restart counts any more where windows are of a second."""
SHORT = 110
"""Ticks that pass in all, at most, where they are of five."""


def comes_out_in_one_way(scenario: Scenario) -> bool:
    """Whether a scenario has one outcome, whatever the schedule; False when that isn't certain."""
    tree = Tree(scenario.actors)
    return tree.is_clear and all(tree.takes(step) for step in scenario.steps)


class Tree:
    """What may have happened in a scenario so far.

    Args:
        actors: the scenario's: bystanders, and the root, unless one of them starts it.
    """

    def __init__(self, actors: dict[str, Json]) -> None:
        self.bystanders = {label: spec for label, spec in actors.items() if spec["kind"] == "proc"}
        self.kinds: dict[str, str] = {}
        """Of supervisors and their children, by label, which is the id of a child."""
        self.above: dict[str, str | None] = {}
        """The supervisor of each."""
        self._killed: set[str] = set()
        """Supervisors that may be killed by the one above."""
        self.entered: set[str] = set()
        """Who has certainly been there."""
        self.gates: dict[str, tuple[str, bool]] = {}
        """Whose each gate is, and whether it is in its start."""
        self.closed: set[str] = set()
        self.reached: set[str] = set()
        """The closed gates at which somebody may wait."""
        self.waiting: set[str] = set()
        """Bystanders who may wait for a supervisor that waits."""
        self._reasons: list[Json] = []
        """Of what a supervisor that waits may be about to end."""
        self._max_seconds: Json = None
        self._passed = 0
        roots = {label: spec for label, spec in actors.items() if spec["kind"] != "proc"}
        self.is_clear = roots.keys() <= {ROOT} and all(self._plants(spec) for spec in roots.values())

    def takes(self, step: Step) -> bool:
        """Go on by a step; False, and nothing is done, when it may come out in several ways."""
        if not self._allows(step):
            return False
        match step:
            case {"open": gate}:
                self._open(gate)
            case {"advance": ticks}:
                self._passed += ticks
            case {"at": actor, "do": ops}:
                for op in ops:
                    self._do(actor, op)
        return True

    # Who may be there

    def _plants(self, root: Json) -> bool:
        """Have the root start; False when it doesn't fit, or may fail."""
        spec = {**root, "id": ROOT}
        self._max_seconds = spec.get("max_seconds")
        if spec["kind"] != "sup" or not self._fits(spec, None):
            return False
        self._add(spec, None)
        return self._enters(spec)

    def _fits(self, spec: Json, sup: str | None) -> bool:
        """Whether a supervisor may have such a child: with a label, and gates, that are nobody else's."""
        label = spec["id"]
        is_known = label in self.kinds
        if label in self.bystanders or (is_known and (self.kinds[label], self.above[label]) != (spec["kind"], sup)):
            return False
        if any(gate in self.gates for gate, _ in gates_of(spec)) or (sup in self._killed and not is_simple(spec)):
            return False
        match spec["kind"]:
            case "sup":
                return self._fits_with_children(spec)
            case "server":
                takes_time = isinstance(spec.get("shutdown"), int)
                is_clear = spec.get("trap") or _dies_of_signals_only(spec)
                return is_clear and not (takes_time and self._max_seconds is not None)
        return not spec.get("trap")

    def _fits_with_children(self, spec: Json) -> bool:
        children = spec.get("children", [])
        is_killed = spec.get("shutdown") == "brutal_kill"
        if isinstance(spec.get("shutdown"), int) or (is_killed and not all(map(is_simple, children))):
            return False
        if list(gates_of(spec)) or spec.get("max_seconds") != self._max_seconds:
            return False
        labels = {child["id"] for child in children} | {spec["id"]}
        return len(labels) == len(children) + 1 and all(self._fits(child, spec["id"]) for child in children)

    def _add(self, spec: Json, sup: str | None) -> None:
        self.kinds[spec["id"]], self.above[spec["id"]] = spec["kind"], sup
        for gate, is_start in gates_of(spec):
            self.gates[gate] = (spec["id"], is_start)
            self.closed.add(gate)
        if spec["kind"] == "sup" and spec.get("shutdown") == "brutal_kill":
            self._killed.add(spec["id"])
        for child in spec.get("children", []):
            self._add(child, spec["id"])

    def _enters(self, spec: Json) -> bool:
        """Note who is certain to be there after a first start; whether it is certain to go well."""
        if "start" in spec:
            return False
        self.entered.add(spec["id"])
        first = next((name for name, *_ in _flat(spec.get("init", []), attempt=1) if name != "push"), None)
        return first == "ignore" or (first is None and all(map(self._enters, spec.get("children", []))))

    def _below(self, label: str) -> set[str]:
        own = {child for child, sup in self.above.items() if sup == label}
        return own.union(*map(self._below, own))

    # What may be done

    def _allows(self, step: Step) -> bool:
        match step:
            case {"open": gate}:
                return gate in self.gates
            case {"advance": ticks}:
                return bool(ticks >= LONG if self._max_seconds is not None else self._passed + ticks <= SHORT)
            case {"at": actor, "do": [*before, last]}:
                if actor not in self.bystanders:
                    return self._may_end(actor, last) and all(name in {"note", "push"} for name, *_ in before)
                is_free = actor not in self.waiting and all(map(self._is_over_at_once, before))
                return is_free and all(self._may(actor, *op) for op in step["do"])
        return False

    def _may_end(self, child: str, op: Op) -> bool:
        ways = {"proc": {"exit", "raise", "note"}, "server": {*ENDS, "note", "push"}}
        return op[0] in ways.get(self.kinds.get(child, ""), set()) and not self._may_wait(child)

    def _is_over_at_once(self, op: Op) -> bool:
        match op[0]:
            case "note" | "monitor" | "link":
                return True
            case "terminate_child" | "restart_child":
                return not self.closed
        return op[0] in QUESTIONS and not self.reached

    def _may(self, actor: str, name: str, *args: Json) -> bool:
        if name == "note":
            return True
        if actor == PARENT:
            # It may end with its supervisor, and isn't to be amid something then.
            return name == "exit" or (name == "start" and self._may_start(actor, *args))
        match name, *args:
            case "start", *_:
                return self._may_start(actor, *args)
            case "monitor", label, _:
                return label in self.entered
            case "link", label:
                return label in self.entered and bool(self.bystanders[actor].get("trap"))
            case "signal", label, reason:
                return actor != STARTER and self._may_be_struck(label, reason)
            case "start_child", sup, spec:
                return self._hears(sup) and self._fits(spec, sup)
            case "halt", sup, reason:
                # Whether one ended of this, or before of the same, isn't told apart here.
                return self._hears(sup) and not (self.reached and reason in ["shutdown", *self._reasons])
        return name in CALLS and self._hears(args[0])

    def _may_start(self, actor: str, label: str, spec: Json, how: str = "start") -> bool:
        if label != ROOT or self.kinds or (actor, how) not in {(PARENT, "link"), (STARTER, "start")}:
            return False
        # One that ends as soon as it has started may or may not do so before its starter has undone their link.
        if _may_be_held(spec):
            return False
        tree = Tree(self.bystanders)
        goes_well = tree._plants(spec)
        return goes_well or (actor == STARTER and bool(tree.kinds))

    def _may_be_struck(self, label: str, reason: Json) -> bool:
        if label == PARENT:
            return PARENT in self.bystanders
        if label not in self.entered or self._may_wait(label):
            return False
        if self.kinds[label] != "sup" or reason != "kill":
            return True
        # A start isn't cut here (A53); and supervisors below it would end each by itself, while it is restarted.
        return not self.reached and (label == ROOT or all(self.kinds[child] != "sup" for child in self._below(label)))

    def _hears(self, sup: str) -> bool:
        """Whether a supervisor is none that may be ending, and waits for that: who asks it is told so at once (A61)."""
        if sup not in self.entered or self.kinds[sup] != "sup":
            return False
        below = self._below(sup)
        at_gates = [self.gates[gate] for gate in self.reached]
        return all(is_start and self.above[label] == sup for label, is_start in at_gates if label in below)

    def _may_wait(self, label: str) -> bool:
        return any(self.gates[gate][0] == label for gate in self.reached)

    # What comes of it

    def _open(self, gate: str) -> None:
        self.closed.discard(gate)
        self.reached.discard(gate)
        if not self.reached:
            self.waiting.clear()
            self._reasons.clear()

    def _do(self, actor: str, op: Op) -> None:
        match op:
            case ["start", _, spec, *_]:
                self._plants(spec)
            case ["start_child", sup, spec]:
                self._add(spec, sup)
            case [("exit" | "signal" | "halt"), *_, reason]:
                self._reasons.append("killed" if reason == "kill" else reason)
        if op[0] in DISTURBS:
            self.reached |= self.closed
        if self.reached and op[0] in {*CALLS, "start"}:
            self.waiting.add(actor)


def gates_of(spec: Json) -> Iterator[tuple[str, bool]]:
    """Yield the gates of a child itself, and whether each is in its start."""
    for part in ("init", "terminate"):
        for name, *args in _flat(spec.get(part, [])):
            if name == "gate":
                yield args[0], part == "init"


def _may_be_held(spec: Json) -> bool:
    """Whether a first start may take until a gate is opened."""
    is_at_gate = any(name == "gate" for name, *_ in _flat(spec.get("init", []), attempt=1))
    return is_at_gate or any(map(_may_be_held, spec.get("children", [])))


def is_simple(spec: Json) -> bool:
    """Whether a supervisor may be killed that has such a child: it ends at once, and by itself."""
    return spec["kind"] != "sup" and not list(gates_of(spec))


def _flat(ops: list[Op], attempt: int | None = None) -> Iterator[Op]:
    """Yield what is done in a certain attempt, or in any."""
    for op in ops:
        match op:
            case [("on" | "since"), which, inner]:
                if attempt in {None, which}:
                    yield from _flat(inner, attempt)
            case _:
                yield op


def _dies_of_signals_only(spec: Json) -> bool:
    """Whether one that doesn't trap exits isn't amid an end of its own when a signal comes.

    On OTP it ends of the signal then: amid what it does last (B62), or before its failed start has ended it.
    """
    return all(name in {"push", "gate"} for name, *_ in _flat(spec.get("init", []))) and not any(
        name == "gate" for name, *_ in _flat(spec.get("terminate", []))
    )
