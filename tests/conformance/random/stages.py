"""A model of a queue and its workers, which goes through every order in which they may act.

What each does at a time is a *move*: who acts has its next operation, the queue reads what it was told, a worker reads
a message or goes on with what it has read. A step comes out in one way when all orders of moves end in the same state,
with the same seen on the way. OTP's queue is in `genstage.py`, and ours in `backlog.py`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

from tests.conformance.language import Json

__all__ = ["Line", "Op", "QueueModel", "Several", "State", "Worker", "after", "begun", "frozen", "is_orderly", "served"]

MOST = 2000
"""States of a step; one with more is taken for one that comes out in several ways."""

FORETOLD = {"kind", "id", "queue", "max_demand", "min_demand", "cancel", "restart"}
"""What a worker may have."""

Op: TypeAlias = tuple[Json, ...]
Line: TypeAlias = tuple[tuple[str, int], ...]


class Several(Exception):
    """It may come out in several ways."""


class Worker(NamedTuple):
    """A worker as it is at a moment.

    Args:
        name: what it is called in the scenario.
        restart: when its supervisor restarts it; None if it has none.
        most: its `max_demand`.
        least: its `min_demand`.
        cancel: what its queue's end does to it, on OTP.
        demand: events that it has asked for, and not read.
        mail: what it has to read.
        todo: what is left of what it has read.
        doom: the reason of a signal that it will die of.
        is_alive: whether it hasn't died.
        number: which of its incarnations it is, from 1.
        seen: what it, and those before it, have seen in this step.
    """

    name: str
    restart: str | None
    most: int
    least: int
    cancel: str
    demand: int
    mail: tuple[Op, ...] = ()
    todo: tuple[Op, ...] = ()
    doom: Json = None
    is_alive: bool = True
    number: int = 1
    seen: tuple[Op, ...] = ()

    @property
    def label(self) -> str:
        return f"{self.name}#{self.number}"

    def having_seen(self, *what: Json) -> Worker:
        """Return it with one thing more seen."""
        return self._replace(seen=(*self.seen, (self.label, *what)))

    @property
    def not_begun(self) -> tuple[Op, ...]:
        """The events that it has, and that its handler hasn't been called with."""
        calls = [op for op in self.todo if op[0] == "call"]
        return tuple(event for what, events in [*calls, *self.mail] if what in {"call", "events"} for event in events)


class State(NamedTuple):
    """All that is known at a moment.

    Args:
        workers: by their labels.
        line: the workers that are subscribed, by label, and what they have asked for, in the dispatcher's order (E44).
        waiting: events that nobody has asked for.
        inbox: what the queue has to read.
        acting: what is left for who acts to do.
        restarting: the workers that their supervisor has to restart.
        open_gates: the gates that are open.
        is_paused: whether the queue hands out nothing.
        has_ended: whether the queue has.
        is_putting: whether somebody is amid a put of several.
        owed: how many events the queue's module has been asked for, and not emitted, on OTP.
        left: what workers had asked for that have left, on OTP (E49).
        buffer: what was emitted for those, on OTP.
        held: what was emitted and asked for in a pause, on OTP (E34).
        causes: the rules by which it comes out otherwise here than on OTP.
        seen: what who acts has seen in this step.
    """

    workers: dict[str, Worker]
    line: Line = ()
    waiting: tuple[Op, ...] = ()
    inbox: tuple[Op, ...] = ()
    acting: tuple[Op, ...] = ()
    restarting: tuple[str, ...] = ()
    open_gates: frozenset[str] = frozenset()
    is_paused: bool = False
    has_ended: bool = False
    is_putting: bool = False
    owed: int = 0
    left: int = 0
    buffer: tuple[Op, ...] = ()
    held: tuple[Op, ...] = ()
    causes: frozenset[str] = frozenset()
    seen: tuple[Op, ...] = ()

    @property
    def key(self) -> Json:
        """What tells it from others."""
        return (tuple(self.workers.values()), *self[1:])

    @property
    def alive(self) -> list[Worker]:
        return [worker for worker in self.workers.values() if worker.is_alive]

    def with_worker(self, worker: Worker) -> State:
        """Return it with one worker changed."""
        return self._replace(workers={**self.workers, worker.name: worker})

    def because_of(self, rule: str) -> State:
        """Return it as one that comes out otherwise here, by a rule."""
        return self._replace(causes=self.causes | {rule})

    def worker(self, label: str) -> Worker | None:
        """Return who is alive and has a label."""
        return next((worker for worker in self.alive if worker.label == label), None)

    def mailed(self, name: str, message: Op) -> State:
        """Return it with a message more for a worker, if that lives."""
        worker = self.workers.get(name)
        if worker is None:
            raise Several
        return self.with_worker(worker._replace(mail=(*worker.mail, message))) if worker.is_alive else self

    def asked_by(self, label: str, count: int) -> State:
        """Return it with a worker that asks for more, and stands behind all who ask for as much (E44)."""
        demand = dict(self.line)
        return self._replace(line=_behind(self.without_claim(label).line, (label, demand[label] + count)))

    def without_claim(self, label: str) -> State:
        """Return it without what a worker has asked for."""
        return self._replace(line=tuple(claim for claim in self.line if claim[0] != label))


class QueueModel(ABC):
    """How a queue goes on, and what its workers' ends do to it."""

    @abstractmethod
    def told(self, state: State, message: Op) -> State:
        """Have it told of a put, of a worker that has come, asks or has died, or of a pause."""

    @abstractmethod
    def read(self, state: State) -> State:
        """Have it read what is first in its inbox."""

    @abstractmethod
    def may_die(self, state: State, worker: Worker) -> bool:
        """Whether a worker that a signal is on its way to may die of it now."""

    @abstractmethod
    def may_go_on(self, state: State, worker: Worker) -> bool:
        """Whether such a worker may do more before that."""

    @abstractmethod
    def put(self, state: State, op: Op) -> tuple[State, tuple[Op, ...]]:
        """Have somebody do a put; return what is left for it to do of that."""

    @abstractmethod
    def ended(self, state: State, reason: Json) -> State:
        """Have the queue end."""


def begun(name: str, spec: Json) -> Worker:
    """Return a worker as it begins.

    Raises:
        Several: it is one that isn't foretold.
    """
    if spec.keys() - FORETOLD:
        raise Several
    # Unless it says otherwise, it asks for more on OTP (F29).
    most = spec.get("max_demand", 0)
    least = spec.get("min_demand", most // 2)
    if not 0 <= least < most:
        raise Several
    return Worker(name, spec.get("restart"), most, least, spec.get("cancel", "permanent"), demand=most)


def frozen(value: Json) -> Json:
    """Return JSON as what can be told apart fast."""
    return tuple(map(frozen, value)) if isinstance(value, list) else value


def after(queue: QueueModel, state: State) -> State:
    """Go on until nobody can.

    Raises:
        Several: that may come out in several ways.
    """
    rest: dict[Json, State] = {}
    found = {state.key}
    ahead = [state]
    while ahead:
        one = ahead.pop()
        moved = list(_moves(queue, one))
        if not moved:
            rest[one.key] = one
        for more in moved:
            if more.key not in found:
                found.add(more.key)
                ahead.append(more)
        if len(rest) > 1 or len(found) > MOST:
            raise Several
    (last,) = rest.values()
    return last


def served(state: State, events: tuple[Op, ...]) -> tuple[State, tuple[Op, ...]]:
    """Send events to who has asked for most, until nobody has asked for more (E45); return what is left of them."""
    while events and state.line and state.line[0][1] > 0:
        (label, count), *others = state.line
        now, events = events[:count], events[count:]
        worker = state.worker(label)
        # What is sent to the dead is lost.
        state = state.because_of("F1") if worker is None else state.mailed(worker.name, ("events", now))
        state = state._replace(line=_behind(tuple(others), (label, count - len(now))))
    return state, events


def _behind(line: Line, claim: tuple[str, int]) -> Line:
    place = next((number for number, (_, count) in enumerate(line) if count < claim[1]), len(line))
    return (*line[:place], claim, *line[place:])


def _moves(queue: QueueModel, state: State) -> Iterator[State]:
    """Yield each state that may be next. What changes nothing for the others is done first, in any order."""
    if not any(op[0] == "signal" for op in state.acting):
        for worker in state.alive:
            if worker.doom is None and _is_private(state, worker):
                yield _worked(queue, state, worker)
                return
    if state.inbox:
        yield queue.read(state)
    for worker in state.alive:
        if worker.doom is not None and queue.may_die(state, worker):
            yield _dead(queue, state, worker, "killed" if worker.doom == "kill" else worker.doom)
        if _can_work(state, worker) and (worker.doom is None or queue.may_go_on(state, worker)):
            yield _worked(queue, state, worker)
    # That a worker has gone comes to the queue before the next one does.
    if state.restarting and not any(message[0] == "down" for message in state.inbox):
        yield _restarted(queue, state)
    if state.acting:
        yield _acted(queue, state)


# Who acts


def _acted(queue: QueueModel, state: State) -> State:
    op, *rest = state.acting
    state = state._replace(acting=tuple(rest))
    match op:
        case ("put" | "putting", "Q", _):
            state, left = queue.put(state, op)
            return state._replace(acting=(*left, *state.acting))
        case ("pause" | "resume", "Q") if not state.has_ended:
            return queue.told(state, op)
        case ("start", name, worker) if name not in state.workers and not state.has_ended:
            # Who starts it is linked to it for a moment.
            return _subscribed(queue, state._replace(acting=(("unlink", name), *state.acting)), worker)
        case ("unlink", name) if state.workers[name].is_alive and state.workers[name].doom is None:
            return state
        case ("tell", name, ops):
            return state.mailed(name, ("do", ops))
        case ("send", name, value):
            return state.mailed(name, ("note", value))
        case ("signal", name, reason):
            return _signalled(state, name, reason)
        case ("alive" | "monitor", "Q", *_):
            return state
        case ("alive" | "monitor", name, *_) if name in state.workers:
            return state._replace(seen=(*state.seen, (name, state.workers[name].is_alive)))
        case ("note", _):
            return state
    raise Several


def _signalled(state: State, name: str, reason: Json) -> State:
    worker = state.workers.get(name)
    if worker is None or worker.doom is not None:
        raise Several
    if not worker.is_alive or reason == "normal":
        return state
    if reason != "kill" and worker.todo:
        state = state.because_of("A12")
    return state.with_worker(worker._replace(doom=reason))


# Workers


def _is_private(state: State, worker: Worker) -> bool:
    if worker.todo:
        return worker.todo[0][0] in {"call", "note", "send"} or _passes(state, worker)
    return bool(worker.mail)


def _passes(state: State, worker: Worker) -> bool:
    return worker.todo[0][0] == "gate" and worker.todo[0][1] in state.open_gates


def _can_work(state: State, worker: Worker) -> bool:
    if worker.todo:
        return worker.todo[0][0] != "gate" or _passes(state, worker)
    return bool(worker.mail)


def _worked(queue: QueueModel, state: State, worker: Worker) -> State:
    if not worker.todo:
        return state.with_worker(_read_by(worker))
    op, *rest = worker.todo
    worker = worker._replace(todo=tuple(rest))
    state = state.with_worker(worker)
    match op:
        case ("call", events):
            return state.with_worker(worker.having_seen("events", tuple(number for number, _ in events)))
        case ("note" | "send", *_):
            return state.with_worker(worker.having_seen(*op))
        case ("gate", _):
            return state
        case ("ask", count):
            return queue.told(state, ("ask", worker.label, count))
        case ("put" | "putting", "Q", _):
            state, left = queue.put(state, op)
            worker = state.workers[worker.name]
            return state.with_worker(worker._replace(todo=(*left, *worker.todo)))
        case ("raise", message):
            return _dead(queue, state, worker, ("crash", message))
        case ("exit", reason):
            return _dead(queue, state, worker, reason)
    raise Several


def _read_by(worker: Worker) -> Worker:
    message, *rest = worker.mail
    worker = worker._replace(mail=tuple(rest))
    match message:
        case ("events", events):
            return _planned(worker, events)
        case ("do", ops):
            return worker._replace(todo=ops)
        case ("over", reason):
            return worker._replace(todo=(("exit", reason),))
    return worker.having_seen(*message)


def _planned(worker: Worker, events: tuple[Op, ...]) -> Worker:
    """Have a worker handle events, call by call, and ask again when it has few to come (E17, E18)."""
    todo: list[Op] = []
    demand, size = worker.demand, worker.most - worker.least
    for first in range(0, len(events), size):
        batch = events[first : first + size]
        todo.append(("call", batch))
        todo += [op for _, ops in batch for op in ops]
        demand -= len(batch)
        if demand <= worker.least:
            todo.append(("ask", worker.most - demand))
            demand = worker.most
    return worker._replace(todo=tuple(todo), demand=demand)


def _dead(queue: QueueModel, state: State, worker: Worker, reason: Json) -> State:
    dead = worker._replace(is_alive=False, mail=(), todo=(), doom=None).having_seen("end", reason)
    state = queue.told(state.with_worker(dead), ("down", worker.label, worker.not_begun))
    return state._replace(restarting=(*state.restarting, worker.name)) if _is_restarted(worker, reason) else state


def _is_restarted(worker: Worker, reason: Json) -> bool:
    return worker.restart == "permanent" or (worker.restart == "transient" and not is_orderly(reason))


def is_orderly(reason: Json) -> bool:
    """Whether an end is normal, or a shutdown."""
    return reason in ("normal", "shutdown") or reason[0] == "shutdown"


def _restarted(queue: QueueModel, state: State) -> State:
    name, *others = state.restarting
    last = state.workers[name]
    fresh = Worker(*last[: Worker._fields.index("demand")], demand=last.most, number=last.number + 1, seen=last.seen)
    return _subscribed(queue, state._replace(restarting=tuple(others)), fresh)


def _subscribed(queue: QueueModel, state: State, worker: Worker) -> State:
    state = queue.told(state.with_worker(worker), ("subscribe", worker.label))
    return queue.told(state, ("ask", worker.label, worker.most))
