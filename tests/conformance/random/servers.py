"""Random scenarios of servers: calls, casts, what callbacks return, stops; parents, links, exits (A46 to A78)."""

from __future__ import annotations

from random import Random

from tests.conformance.language import Json, Op, Scenario
from tests.conformance.random.course import Course, Turn, comes_out_in_one_way
from tests.conformance.random.writer import LABELS, REASONS, TRAPPING, Writer

__all__ = ["comes_out_in_one_way", "scenario"]

KINDS: list[Json] = [
    {"kind": "proc"},
    TRAPPING,
    {"kind": "server"},
    {"kind": "server", "trap": True},
    {"kind": "server", "terminate": [["note", 0]]},
]

CHILDREN = ["x", "y"]

HOW_OFTEN = {
    "call": 10,
    "cast": 4,
    "push": 4,
    "halt": 2,
    "start": 3,
    "send": 2,
    "tell": 1,
    "note": 1,
    "link": 2,
    "unlink": 1,
    "monitor": 3,
    "demonitor": 1,
    "trap": 1,
    "signal": 2,
    "exit": 1,
    "raise": 1,
    "catch": 1,
    "alive": 1,
}

RETURNS = 0.5
"""How often a callback says what it returns."""

GOES_ON = 0.1
"""How often one that says so, and owes no reply, goes on with something before anything else."""


def scenario(random: Random) -> Scenario:
    """Write one: two to five actors, of which the first is a server; three to ten steps."""
    labels = LABELS[: random.randint(2, 5)]
    actors: dict[str, Json] = {label: random.choice(KINDS) for label in labels}
    actors["a"] = random.choice(KINDS[2:])
    writer = ServerWriter(random, Course(actors), HOW_OFTEN)
    return Scenario("a random one", (), actors, [writer.step() for _ in range(random.randint(3, 10))])


class ServerWriter(Writer):
    """Writes what servers do, and their parents, too."""

    returns = RETURNS

    def _ops(self, actor: str, turn: Turn) -> list[Op]:
        ops = super()._ops(actor, turn)
        self._labels = list(self._course.actors)
        return ops

    def _handled(self, how: str, actor: str, turn: Turn) -> list[Op]:
        ops = self._ops(actor, turn)
        if self._course.actors[actor]["kind"] == "server" and self._random.random() < self.returns:
            if how != "call" and self._random.random() < GOES_ON:
                more = self._ops(actor, turn)
                return [*ops, ["noreply", ["continue", more]]] if more else ops
            returned = self._returned(how)
            if turn.take(returned):
                ops.append(returned)
        return ops

    def _returned(self, how: str) -> Op:
        reason = self._pick(REASONS)
        if how == "call":
            value = next(self._numbers)
            return self._pick([["reply", value], ["reply_state"], ["stop", reason, value], ["stop", reason], BAD])
        return self._pick([["noreply"], ["stop", reason], BAD])

    def _op(self, kind: str, actor: str) -> Op:
        match kind:
            case "push":
                return ["push", next(self._numbers)]
            case "start":
                return ["start", self._pick(CHILDREN), self._pick(KINDS[2:]), self._pick(["link", "link", "start"])]
            case "halt":
                return ["halt", self._actor(), self._pick(REASONS)]
        return super()._op(kind, actor)


BAD: Op = ["bad", "nonsense"]
