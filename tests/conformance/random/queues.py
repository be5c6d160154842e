"""Random scenarios of queues: puts, demand, batches, who gets what, and the ends of workers and queues (E1 to E88)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import TypeVar

from tests.conformance.language import Json, Op, Scenario, Step, at, open_gate
from tests.conformance.outcome import Epoch, Outcome
from tests.conformance.random.backlog import BacklogModel
from tests.conformance.random.genstage import GenStageModel
from tests.conformance.random.stages import QueueModel, Several, State, Worker, after, begun, frozen, is_orderly

__all__ = ["Foretold", "comes_out_in_one_way", "foretold", "scenario"]

T = TypeVar("T")

QUEUE: Json = {"kind": "queue", "name": "Q"}
PROC: Json = {"kind": "proc"}
PUTTERS = ["p", "q"]
WORKERS = ["v", "w", "x"]

LIMITS = [(1, 0), (1, 0), (1, 0), (2, 1), (2, 0), (3, 1), (3, 2), (4, 0), (4, 2), (5, 2), (6, 1), (10, 5), (10, 8)]
"""Of demand: `max_demand` and `min_demand`."""

RESTARTS = ["permanent", "permanent", "transient", "temporary"]
OFTEN = 100
"""Restarts, more than there may be."""

CANCELS = ["permanent", "transient", "temporary", "temporary"]
REASONS: list[Json] = ["boom", "normal", "shutdown", ["shutdown", 1]]

MODELS: tuple[QueueModel, QueueModel] = (GenStageModel(), BacklogModel())
"""OTP's, and ours."""

ALIKE = 0.5
"""How many scenarios have to come out here as on OTP; in others what is meant to differ may come up."""

TRIES = 12
"""How often something else is tried, when what was drawn may come out in several ways."""


def scenario(random: Random) -> Scenario:
    """Write one: a queue, two who put, up to three workers to begin with, supervised or not; four to twelve steps."""
    names = WORKERS[: random.choice([0, 1, 1, 2, 2, 3, 3])]
    supervised = names[: random.choice([0, 0, 0, 1, 2, 3])]
    actors = {"Q": QUEUE, **dict.fromkeys(PUTTERS, PROC)}
    if supervised:
        children = [{"id": name, **_worker(random), "restart": random.choice(RESTARTS)} for name in supervised]
        actors["S"] = {"kind": "sup", "children": children, "max_restarts": OFTEN}
    actors |= {name: _worker(random) for name in names if name not in supervised}
    writer = QueueWriter(random, QueueCourse(actors))
    return Scenario("a random one", (), actors, [writer.step() for _ in range(random.randint(4, 12))], stages=True)


def comes_out_in_one_way(scenario: Scenario) -> bool:
    """Whether a scenario has one outcome, whatever the schedule; False when that isn't certain."""
    return foretold(scenario) is not None


@dataclass(frozen=True)
class Foretold:
    """What will come of a scenario, as far as it is foretold: events that are handled, ends, and how many wait.

    Args:
        theirs: on OTP.
        ours: here.
        causes: the rules by which it is otherwise.
    """

    theirs: Outcome
    ours: Outcome
    causes: frozenset[str]

    def part_of(self, outcome: Outcome) -> Outcome:
        """Return of an outcome what is foretold."""
        return [_foretold_part(epoch) for epoch in outcome]


def foretold(scenario: Scenario) -> Foretold | None:
    """Return what will come of a scenario with a queue; None when that isn't certain."""
    try:
        course = QueueCourse(scenario.actors)
    except Several:
        return None
    if not all(course.takes(step) for step in scenario.steps):
        return None
    theirs, ours = zip(*course.foretold, strict=True)
    return Foretold([*theirs], [*ours], course.causes)


def _foretold_part(epoch: Epoch) -> Epoch:
    part: Epoch = {}
    for observer, of in epoch.items():
        for sender, seen in of.items():
            known = [what for what in seen if _is_foretold(sender, what)]
            if known:
                part.setdefault(observer, {})[sender] = known
    return part


def _is_foretold(sender: str, what: Json) -> bool:
    match what:
        case ["events", _] | ["did", "waiting", _]:
            return True
        case ["end", _]:
            return sender != "Q#1"
    return False


def _worker(random: Random) -> Json:
    most, least = random.choice(LIMITS)
    limits = {"max_demand": most, "min_demand": least}
    return {"kind": "worker", "queue": "Q", **limits, "cancel": random.choice(CANCELS)}


class QueueCourse:
    """What has happened in a scenario with a queue so far, on OTP and here.

    Args:
        actors: the scenario's.
    """

    def __init__(self, actors: dict[str, Json]) -> None:
        self.putters = {label for label, spec in actors.items() if spec["kind"] == "proc"}
        self.foretold: list[tuple[Epoch, Epoch]] = []
        """What workers see, and how many events wait, epoch by epoch: on OTP, and here."""
        workers = tuple(("start", name, begun(name, spec)) for name, spec in _workers_of(actors).items())
        self.sides = [after(model, State({}, acting=workers)) for model in MODELS]
        """What is known on OTP, and here."""
        self._close_epoch(None)

    @property
    def causes(self) -> frozenset[str]:
        """The rules by which it comes out otherwise here."""
        return self.sides[0].causes | self.sides[1].causes

    def takes(self, step: Step, *, alike: bool = False) -> bool:
        """Go on by a step; False, and it doesn't, when it may come out in several ways.

        Args:
            alike: whether it has to come out here as on OTP.
        """
        before = self.sides
        try:
            self.sides = [self._after(model, state, step) for model, state in zip(MODELS, before, strict=True)]
        except Several:
            return False
        self._close_epoch(step)
        theirs, ours = self.foretold[-1]
        if (theirs != ours and not self.causes) or (alike and self.causes):
            self.sides = before
            del self.foretold[-1]
            return False
        return True

    def _close_epoch(self, step: Step | None) -> None:
        theirs, ours = (_epoch(state, step) for state in self.sides)
        self.foretold.append((theirs, ours))
        self.sides = [_unseen(state) for state in self.sides]

    def _after(self, model: QueueModel, state: State, step: Step) -> State:
        match step:
            case {"open": gate}:
                return after(model, state._replace(open_gates=state.open_gates | {gate}))
            case {"at": actor, "do": ops} if actor in self.putters:
                return _acted(model, state, ops)
            case {"at": actor, "do": ops} if _is_idle(state, actor):
                return after(model, state.mailed(actor, ("do", frozen(ops))))
        raise Several


def _acted(model: QueueModel, state: State, ops: list[Op]) -> State:
    match ops:
        case [["waiting", "Q"], *rest] if not state.has_ended and not state.is_paused:
            # Only when all are at rest: events that were put just now are still to be handed out here.
            return _acted(model, state, rest)
        case [["halt", "Q", _]]:
            return _ended(state, ops[0][2])
        case [["signal", "Q", "kill"]]:
            return _ended(state, "killed")
    return after(model, state._replace(acting=tuple(map(_op, ops))))


def _workers_of(actors: dict[str, Json]) -> dict[str, Json]:
    """Return the specs of workers, by name; a supervisor's are restarted, as often as need be."""
    if actors.get("Q") != QUEUE:
        raise Several
    workers = {}
    for name, spec in actors.items():
        match spec:
            case {"kind": "worker", "queue": "Q"}:
                workers[name] = spec
            case {"kind": "sup", "children": children, "max_restarts": most} if most == OFTEN:
                workers |= {child["id"]: {"restart": "permanent", **child} for child in children}
            case {"kind": "queue" | "proc"} if spec in (QUEUE, PROC):
                pass
            case _:
                raise Several
    return workers


def _ended(state: State, reason: Json) -> State:
    """End the queue, if all its workers live on, and nothing is left for them that would be lost on OTP (F21)."""
    is_loss = state.waiting or state.buffer or state.held or any(_puts(worker) for worker in state.alive)
    if state.has_ended or is_loss or not all(_outlives(worker, reason) for worker in state.workers.values()):
        raise Several
    return state._replace(has_ended=True)


def _is_idle(state: State, actor: str) -> bool:
    worker = state.workers.get(actor)
    return worker is not None and worker.is_alive and not worker.todo


def _epoch(state: State, step: Step | None) -> Epoch:
    """Return what a step lets be seen, as far as it is foretold."""
    epoch: Epoch = {}
    match step:
        case {"at": actor, "do": [["waiting", _], *_]}:
            waiting = len(state.waiting) + len(state.buffer)
            epoch[f"{actor}#1"] = {f"{actor}#1": [["did", "waiting", waiting]]}
    for label, *what in (seen for worker in state.workers.values() for seen in worker.seen):
        match what:
            case ["events", numbers]:
                epoch.setdefault(label, {}).setdefault("Q", []).append(["events", list(numbers)])
            case ["end", reason]:
                epoch.setdefault("*", {})[label] = [["end", _thawed(reason)]]
    return epoch


def _thawed(value: Json) -> Json:
    return [_thawed(one) for one in value] if isinstance(value, tuple) else value


def _unseen(state: State) -> State:
    workers = {name: worker._replace(seen=()) for name, worker in state.workers.items()}
    return state._replace(workers=workers, seen=())


def _op(op: Op) -> tuple[Json, ...]:
    match op:
        case ["start", name, spec]:
            return ("start", name, begun(name, spec))
    return tuple(frozen(op))


def _outlives(worker: Worker, reason: Json) -> bool:
    if worker.restart is not None:
        # One that is restarted later finds nobody.
        return False
    return not worker.is_alive or worker.cancel == "temporary" or (worker.cancel == "transient" and is_orderly(reason))


def _puts(worker: Worker) -> bool:
    return "'put'" in repr((worker.todo, worker.mail))


class QueueWriter:
    """Writes the steps of one scenario.

    Args:
        random: chooses.
        course: says what may come next.
    """

    def __init__(self, random: Random, course: QueueCourse) -> None:
        self._random = random
        self._course = course
        self._alike = random.random() < ALIKE
        self._numbers = count(1)
        self._monitors = count(1)

    def step(self) -> Step:
        """Write the next."""
        kinds = [(self._acting, 8), (self._opening, 6), (self._waiting, 2), (self._ending, 1)]
        for _ in range(TRIES):
            step = self._one_of(kinds)()
            if step is not None and self._course.takes(step, alike=self._alike):
                return step
        step = at(self._pick(PUTTERS), ["note", next(self._numbers)])
        self._course.takes(step)
        return step

    # Steps

    def _acting(self) -> Step | None:
        kinds = [(self._put, 10), (self._start, 2), (self._to_worker, 5), (self._pause, 1), (self._resume, 6)]
        ops = [self._one_of(kinds)() for _ in range(self._pick([1, 1, 1, 2, 2, 3]))]
        written = [op for op in ops if op is not None]
        return at(self._pick(PUTTERS), *written) if written else None

    def _opening(self) -> Step | None:
        gates = sorted({worker.todo[0][1] for side in self._course.sides for worker in side.alive if worker.todo})
        return open_gate(self._pick(gates)) if gates else None

    def _waiting(self) -> Step:
        return at(self._pick(PUTTERS), ["waiting", "Q"])

    def _ending(self) -> Step:
        return at("p", self._pick([["halt", "Q", self._pick(REASONS)], ["signal", "Q", "kill"]]))

    # Operations

    def _put(self) -> Op:
        return ["put", "Q", [self._event() for _ in range(self._pick([1, 1, 2, 2, 3, 4, 5, 6]))]]

    def _start(self) -> Op | None:
        new = [name for name in WORKERS if name not in self._course.sides[0].workers]
        return ["start", new[0], _worker(self._random)] if new else None

    def _to_worker(self) -> Op | None:
        names = list(self._course.sides[0].workers)
        return self._told(self._pick(names)) if names else None

    def _told(self, name: str) -> Op:
        number = next(self._numbers)
        ops: list[Op] = [
            *[["signal", name, self._pick(["kill", "kill", *REASONS])]] * (2 if self._alike else 6),
            ["tell", name, [self._doing(number)]],
            ["tell", name, [["gate", f"g{number}"]]],
            ["send", name, number],
            ["monitor", name, f"m{number}"],
            ["alive", name],
        ]
        return self._pick(ops)

    def _pause(self) -> Op | None:
        return None if self._course.sides[0].is_paused else ["pause", "Q"]

    def _resume(self) -> Op | None:
        return ["resume", "Q"] if self._course.sides[0].is_paused else None

    def _event(self) -> Json:
        number = next(self._numbers)
        held: Op = ["gate", f"g{number}"]
        chance = self._random.random()
        if chance < 0.4:
            return [number, []]
        if chance < 0.75:
            return [number, [held]]
        last = self._doing(number)
        return [number, self._pick([[last], [held, last]])]

    def _doing(self, number: int) -> Op:
        ops: list[Op] = [
            ["raise", "ouch"],
            ["raise", "ouch"],
            ["exit", self._pick(REASONS)],
            ["note", number],
            ["send", "p", number],
            ["put", "Q", [[next(self._numbers), []] for _ in range(self._random.randint(1, 3))]],
        ]
        return self._pick(ops)

    # Chance

    def _one_of(self, kinds: list[tuple[Callable[[], T], int]]) -> Callable[[], T]:
        ((write, _),) = self._random.choices(kinds, [weight for _, weight in kinds])
        return write

    def _pick(self, choices: list[T]) -> T:
        return self._random.choice(choices)
