"""What will come of a scenario with a queue and its workers: on OTP, and here."""

from __future__ import annotations

from dataclasses import dataclass

from tests.conformance.language import Json, Op, Scenario, Step
from tests.conformance.outcome import Epoch, Outcome
from tests.conformance.random.backlog import BacklogModel
from tests.conformance.random.genstage import GenStageModel
from tests.conformance.random.stages import QueueModel, Several, State, after, begun, frozen

__all__ = ["OFTEN", "PROC", "QUEUE", "Foretold", "QueueCourse", "foretold"]

QUEUE: Json = {"kind": "queue", "name": "Q"}
PROC: Json = {"kind": "proc"}

OFTEN = 100
"""The restarts that a supervisor of workers allows: more than there may be."""

MODELS: tuple[QueueModel, QueueModel] = (GenStageModel(), BacklogModel())
"""OTP's, and ours."""


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
            ops = rest
        case [["halt", "Q", reason]]:
            return _ended(model, state, frozen(reason))
        case [["signal", "Q", "kill" | "boom" as reason]]:
            return _ended(model, state, "killed" if reason == "kill" else reason)
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


def _ended(model: QueueModel, state: State, reason: Json) -> State:
    # A worker that is restarted later would find nobody on OTP.
    if state.has_ended or any(worker.restart is not None for worker in state.workers.values()):
        raise Several
    return after(model, model.ended(state, reason))


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
