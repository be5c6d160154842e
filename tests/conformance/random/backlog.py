"""Our queue, as `stages.py` has it: it gives back what a worker had not begun, and hands out when it comes to it."""

from __future__ import annotations

from tests.conformance.language import Json
from tests.conformance.random.stages import Op, QueueModel, Several, State, Worker, served

__all__ = ["BacklogModel"]

POKE = ("poke",)


class BacklogModel(QueueModel):
    """Is told of all at once, and hands out all that is there: to who asks at once, and what is put a moment later."""

    def told(self, state: State, message: Op) -> State:
        match message:
            case ("subscribe", label):
                return state._replace(line=(*state.line, (label, 0)))
            case ("ask", label, count):
                return _handed_out(state.asked_by(label, count)) if label in dict(state.line) else state
            case ("down", label, not_begun):
                # Before all that waits, and to another (F1).
                state = state.without_claim(label)._replace(waiting=not_begun + state.waiting)
                return _poked(state.because_of("F1") if not_begun else state)
            case ("pause", _) if not state.is_paused:
                return state._replace(is_paused=True)
            case ("resume", _) if state.is_paused:
                return _poked(state._replace(is_paused=False))
        raise Several

    def put(self, state: State, op: Op) -> tuple[State, tuple[Op, ...]]:
        what, queue, events = op
        if state.is_putting and what == "put":
            raise Several
        if what == "put" and len(events) > 1:
            # It pauses the queue, so that all are handed out together.
            return state._replace(is_putting=True), (("putting", queue, events),)
        return _poked(state._replace(waiting=state.waiting + events, is_putting=False)), ()

    def ended(self, state: State, reason: Json) -> State:
        """Have all remain, and who asks gets what is there (F21); what is put is handed out by nobody."""
        return state._replace(has_ended=True)

    def read(self, state: State) -> State:
        return _handed_out(state._replace(inbox=()))

    def may_die(self, state: State, worker: Worker) -> bool:
        """Whether it is at nothing that it finishes first (A12), or is killed as it waits."""
        is_between = not worker.todo or worker.todo[0][0] == "call"
        return is_between or (worker.doom == "kill" and worker.todo[0][0] == "gate")

    def may_go_on(self, state: State, worker: Worker) -> bool:
        if not worker.todo:
            return True
        what = worker.todo[0][0]
        # What is killed as it works goes on, and nobody sees it; one that is to die may die of something else.
        if what != "call" and (worker.doom == "kill" or what in {"raise", "exit"}):
            raise Several
        return what != "call"


def _handed_out(state: State) -> State:
    if state.is_paused or state.is_putting:
        return state
    state, waiting = served(state, state.waiting)
    return state._replace(waiting=waiting)


def _poked(state: State) -> State:
    return state if state.has_ended else state._replace(inbox=(POKE,))
