"""GenStage's queue, as `stages.py` has it: that of its documentation, and its dispatcher (E26 to E49)."""

from __future__ import annotations

from tests.conformance.language import Json
from tests.conformance.random.stages import Op, QueueModel, State, Worker, is_orderly, served

__all__ = ["GenStageModel"]


class GenStageModel(QueueModel):
    """Reads all in the order in which it came, and hands out what each brings."""

    def told(self, state: State, message: Op) -> State:
        return state if state.has_ended else state._replace(inbox=(*state.inbox, message))

    def put(self, state: State, op: Op) -> tuple[State, tuple[Op, ...]]:
        return self.told(state.because_of("F21") if state.has_ended else state, op), ()

    def ended(self, state: State, reason: Json) -> State:
        """Have what it holds lost, and its workers end with it, unless they are to outlive that (E62, E66)."""
        ends = [worker.name for worker in state.alive if not _outlives(worker, reason)]
        if ends or state.waiting or state.buffer or state.held:
            state = state.because_of("F21")
        for name in ends:
            state = state.mailed(name, ("over", reason))
        return state._replace(has_ended=True)

    def may_die(self, state: State, worker: Worker) -> bool:
        return True

    def may_go_on(self, state: State, worker: Worker) -> bool:
        return True

    def read(self, state: State) -> State:
        message, *rest = state.inbox
        state = state._replace(inbox=tuple(rest))
        match message:
            case ("subscribe", label):
                return state._replace(line=(*state.line, (label, 0)))
            case ("ask", label, count):
                return _asked(state, label, count)
            case ("put", _, events):
                return _emitted(state._replace(waiting=state.waiting + events))
            case ("down", label, not_begun):
                if not_begun:
                    state = state.because_of("F1")
                left = sum(count for one, count in state.line if one == label)
                return state.without_claim(label)._replace(left=state.left + left)
            case ("pause", _):
                return state._replace(is_paused=True)
            case ("resume", _):
                return _resumed(state)
        raise AssertionError(message)


def _outlives(worker: Worker, reason: Json) -> bool:
    return worker.cancel == "temporary" or (worker.cancel == "transient" and is_orderly(reason))


def _asked(state: State, label: str, count: int) -> State:
    if label not in dict(state.line):
        return state
    told_before = min(state.left, count)
    state = state.asked_by(label, count)._replace(left=state.left - told_before)
    return _demanded(state, count - told_before)


def _demanded(state: State, count: int) -> State:
    """Serve what is in the buffer, and ask the queue's module for the rest (E27)."""
    events, buffer = state.buffer[:count], state.buffer[count:]
    state = _dispatched(state._replace(buffer=buffer), events)
    left = count - len(events)
    return _held(state, ("demand", left)) if left else state


def _held(state: State, what: Op) -> State:
    if state.is_paused:
        return state._replace(held=(*state.held, what))
    return _done(state, what)


def _done(state: State, what: Op) -> State:
    match what:
        case ("demand", count):
            return _emitted(state._replace(owed=state.owed + count))
        case ("dispatch", events):
            state, surplus = served(state, events)
            if surplus:
                state = state.because_of("E49")
            return state._replace(buffer=state.buffer + surplus, left=max(state.left - len(surplus), 0))
    raise AssertionError(what)


def _emitted(state: State) -> State:
    """Have the queue's module emit what it owes, and has."""
    events, waiting = state.waiting[: state.owed], state.waiting[state.owed :]
    return _dispatched(state._replace(waiting=waiting, owed=state.owed - len(events)), events)


def _dispatched(state: State, events: tuple[Op, ...]) -> State:
    return _held(state, ("dispatch", events)) if events else state


def _resumed(state: State) -> State:
    """Do what was held, one after the other, as it came (E34)."""
    held = state.held
    state = state._replace(is_paused=False, held=())
    for what in held:
        state = _demanded(state, what[1]) if what[0] == "demand" else _done(state, what)
    return state
