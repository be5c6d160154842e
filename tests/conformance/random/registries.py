"""Random scenarios of registries: keys, who has them, and the ends of both (D1 to D90)."""

from __future__ import annotations

from collections import defaultdict
from random import Random

from tests.conformance.language import Json, Op, Scenario, Step, at
from tests.conformance.random.course import Course, Turn
from tests.conformance.random.servers import CHILDREN, ServerWriter
from tests.conformance.random.writer import LABELS, REASONS, TRAPPING

__all__ = ["comes_out_in_one_way", "scenario"]

UNIQUE: Json = {"kind": "registry", "keys": "unique"}
DUPLICATE: Json = {"kind": "registry", "keys": "duplicate"}

KEYS = ["k", "l"]

TABLES = ["R", "R", "R", "R", "D", "D", "D", "S", "S", "X"]
"""Whom one asks: a unique one, a duplicate one, one of either kind that may end, and one that never was."""

READER = "o"
"""Who does nothing else, and lives on."""

READS = 0.1
"""How often it reads all."""

HOW_OFTEN = {
    "reg": 14,
    "reg!": 3,
    "unreg": 6,
    "lookup": 7,
    "keys": 4,
    "count": 2,
    "freeze": 4,
    "thaw": 6,
    "end": 2,
    "watch": 1,
    "call": 4,
    "cast": 1,
    "push": 1,
    "halt": 2,
    "start": 2,
    "tell": 3,
    "send": 1,
    "link": 2,
    "unlink": 1,
    "monitor": 3,
    "trap": 1,
    "signal": 3,
    "exit": 2,
    "raise": 1,
    "catch": 1,
    "register": 1,
    "whereis": 1,
    "gate": 1,
}


def scenario(random: Random) -> Scenario:
    """Write one: three registries, two to four actors, and one who reads; four to eleven steps."""
    labels = LABELS[: random.randint(2, 4)]
    actors: dict[str, Json] = {"R": UNIQUE, "D": DUPLICATE, "S": random.choice([UNIQUE, DUPLICATE])}
    actors |= {label: random.choice(_kinds(label)) for label in labels}
    actors[READER] = {"kind": "proc"}
    writer = RegistryWriter(random, RegistryCourse(actors), HOW_OFTEN)
    steps = [writer.step() for _ in range(random.randint(3, 10))]
    return Scenario("a random one", (), actors, [*steps, writer.reading()])


def comes_out_in_one_way(scenario: Scenario) -> bool:
    """Whether a scenario has one outcome, whatever the schedule; False when that isn't certain."""
    course = RegistryCourse(scenario.actors)
    return all(course.takes(step) for step in scenario.steps)


def _kinds(label: str) -> list[Json]:
    """What an actor may be: those from the third on are servers."""
    server = {"kind": "server"}
    return [
        {"kind": "proc"},
        TRAPPING,
        server,
        {**server, "trap": True, "terminate": [["keys", "R", label]]},
        {**server, "init": [["reg", "R", "k", label]]},
        {**server, "init": [["reg", "D", "k", label]], "terminate": [["keys", "D", label]]},
    ]


class RegistryCourse(Course):
    """What may have happened in a scenario with registries so far.

    Who asks for an owner that may be dying may find it or not. So nobody asks once somebody may be dying; and nobody
    reads while a registry is frozen in which an owner may have died since (D26). A registry ends when it can't have an
    owner, which would end with it on OTP, and isn't asked then (D70).
    """

    def __init__(self, actors: dict[str, Json]) -> None:
        self.tables = {label: spec["keys"] for label, spec in actors.items() if spec["kind"] == "registry"}
        self.owned: defaultdict[str, set[tuple[str, Json]]] = defaultdict(set)
        """Who may have what, by registry."""
        self.owners: defaultdict[str, set[str]] = defaultdict(set)
        """Who may have had something."""
        self.awaited: set[str] = set()
        """The registries that somebody may ask in a later step: after its gate, or when it terminates."""
        self.frozen: set[str] = set()
        self.stale: set[str] = set()
        """Those with owners that may be dead."""
        self.thawed: set[str] = set()
        self.ended: set[str] = set()
        super().__init__({label: spec for label, spec in actors.items() if label not in self.tables})
        for label, spec in self.actors.items():
            self.begins(label, spec)

    def begins(self, label: str, spec: Json) -> None:
        """Note what an actor does as it starts, and will do as it ends."""
        for _, table, key, _ in spec.get("init", []):
            self.owns(label, table, key)
        self.awaited |= {table for _, table, _ in spec.get("terminate", [])}

    def owns(self, actor: str, table: str, key: Json) -> None:
        """Note that an actor may have a key."""
        self.owned[table].add((actor, key))
        self.owners[table].add(actor)

    def may_die(self, doomed: set[str]) -> None:
        """Note whose entries may outlive them."""
        self.stale |= {table for table in self.frozen if doomed & self.owners[table]}

    def turn(self, actor: str) -> Turn | None:
        """Have an actor act; None when it may be held at its gate."""
        self.stale -= self.thawed
        self.thawed = set()
        return RegistryTurn(self, actor) if self.may_act(actor) else None


class RegistryTurn(Turn):
    """What one actor does at a time, with registries too."""

    _course: RegistryCourse

    def take(self, op: Op) -> bool:
        """Have the actor do this next; False, and it doesn't, when it may come out in several ways."""
        name, *args = op
        if name == "reg!":
            return self._reg_or_die(*args)
        if name == "reg" and self._step.acting is self and self._is_free_for_certain(*args):
            return self._reg(*args)
        taken = super().take(op)
        self._course.may_die(self._step.doomed)
        return taken

    def _is_free_for_certain(self, table: str, *_: Json) -> bool:
        """Whether all that may be dying are dead: their keys are free, though not cleaned up yet (D14)."""
        return self._course.tables.get(table) == "unique" and self._step.doomed <= self._step.buried

    def _asks(self, table: str) -> bool:
        if self._has_waited:
            self._course.awaited.add(table)
        return table not in self._course.ended

    def _reads(self, table: str) -> bool:
        return table not in self._course.stale and self._asks(table)

    def _reg(self, table: str, key: Json, _value: Json) -> bool:
        if not self._asks(table):
            return False
        self._course.owns(self._actor, table, key)
        return True

    def _reg_or_die(self, table: str, key: Json, value: Json) -> bool:
        step = self._step
        if step.acting is not self or step.doomed or not self._asks(table):
            return False
        taken = self._end(["already_registered", "another"]) and self._reg(table, key, value)
        self._course.may_die(step.doomed)
        return taken

    def _unreg(self, table: str, key: Json) -> bool:
        # One that is told to, or called, may not be: whoever tells it may be dead.
        if self._is_first and not self._has_waited:
            self._course.owned[table].discard((self._actor, key))
        return self._asks(table)

    def _lookup(self, table: str, _key: Json) -> bool:
        return self._reads(table)

    def _keys(self, table: str, label: str) -> bool:
        return label in self._course.actors and self._reads(table)

    def _count(self, table: str) -> bool:
        return self._reads(table)

    def _freeze(self, table: str) -> bool:
        course = self._course
        # Once: what is thawed again stays so. And who is held may read later.
        if table not in course.tables or table in course.frozen | course.awaited | course.ended or course.held:
            return False
        course.frozen.add(table)
        course.awaited.add(table)
        return True

    def _thaw(self, table: str) -> bool:
        is_certain = self._is_first and not self._has_waited and self._actor not in self._course.fallen
        if table not in self._course.frozen or not is_certain:
            return False
        self._course.frozen.discard(table)
        self._course.thawed.add(table)
        return True

    def _gate(self, gate: str) -> bool:
        course = self._course
        is_plain = course.actors[self._actor]["kind"] == "proc"
        return is_plain and not (course.frozen or course.stale) and super()._gate(gate)

    def _start(self, label: str, spec: Json, how: str) -> bool:
        if any(table in self._course.ended for _, table, *_ in [*spec.get("init", []), *spec.get("terminate", [])]):
            return False
        taken = super()._start(label, spec, how)
        if taken:
            self._course.begins(label, spec)
        return taken

    def _monitor(self, to: str, name: str) -> bool:
        if to not in self._course.tables:
            return super()._monitor(to, name)
        self._begun.add(name)
        self._course.watchers[to].add(self._actor)
        self._hear_of_the_dead()
        return True

    def _halt(self, to: str, reason: Json) -> bool:
        if to not in self._course.tables:
            return super()._halt(to, reason)
        if not self._ends(to):
            return False
        self._step.told |= self._course.watchers[to]
        return True

    def _signal(self, to: str, reason: Json) -> bool:
        if to not in self._course.tables:
            return super()._signal(to, reason)
        step, watchers = self._step, self._course.watchers[to]
        if reason != "kill" or watchers & step.doomed or not self._ends(to):
            return False
        step.target = to if step.target is None else ""
        step.doomed.add(to)
        step.heard |= watchers
        return True

    def _ends(self, table: str) -> bool:
        course = self._course
        if self._has_waited or course.owned[table] or table in course.awaited | course.ended:
            return False
        course.ended.add(table)
        return True


class RegistryWriter(ServerWriter):
    """Writes what actors do with registries, too."""

    _course: RegistryCourse

    returns = 0.15

    def step(self) -> Step:
        """Write the next."""
        self._labels = [label for label in self._course.actors if label != READER]
        return self.reading() if self._random.random() < READS else super().step()

    def reading(self) -> Step:
        """Write a step in which all is read."""
        turn = self._course.turn(READER)
        assert turn is not None, "it is never held"
        reads: list[Op] = [["lookup", table, key] for table in "RDS" for key in KEYS]
        reads += [["count", table] for table in "RDS"]
        taken = [op for op in reads if turn.take(op)]
        return at(READER, *(taken or [["note", next(self._numbers)]]))

    def _ops(self, actor: str, turn: Turn) -> list[Op]:
        ops = super()._ops(actor, turn)
        self._labels.remove(READER)
        return ops

    def _op(self, kind: str, actor: str) -> Op:
        table, key = self._pick(TABLES), self._pick(KEYS)
        match kind:
            case "reg" | "reg!":
                # What the dead have left is wanted most.
                return [kind, self._pick([*sorted(self._course.stale) * 3, table]), key, next(self._numbers)]
            case "unreg":
                return ["unreg", *self._pick([*self._had_by(actor), (table, key)])]
            case "lookup":
                return ["lookup", table, key]
            case "keys":
                return ["keys", table, self._actor()]
            case "count":
                return ["count", table]
            case "freeze":
                return ["freeze", self._pick(["R", "D"])]
            case "thaw":
                return ["thaw", self._pick(sorted(self._course.frozen) or ["R"])]
            case "watch":
                return ["monitor", "S", self._new(self._monitors, "m")]
            case "end":
                return self._pick([["halt", "S", self._pick(REASONS)], ["signal", "S", "kill"]])
            case "start":
                label = self._pick(CHILDREN)
                return ["start", label, self._pick(_kinds(label)[2:]), self._pick(["link", "start"])]
        return super()._op(kind, actor)

    def _had_by(self, actor: str) -> list[tuple[str, Json]]:
        """Return what an actor may have: registries and keys."""
        owned = self._course.owned
        return [(table, key) for table in "RDS" for key in KEYS if (actor, key) in owned[table]]
