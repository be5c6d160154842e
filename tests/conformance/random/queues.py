"""Random scenarios of queues: puts, demand, batches, who gets what, and the ends of workers and queues (E1 to E88)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from random import Random
from typing import TypeVar

from tests.conformance.language import Json, Op, Scenario, Step, at, open_gate
from tests.conformance.random.foretold import OFTEN, PROC, QUEUE, QueueCourse, foretold

__all__ = ["comes_out_in_one_way", "scenario"]

T = TypeVar("T")

PUTTERS = ["p", "q"]
WORKERS = ["v", "w", "x"]

LIMITS = [(1, 0), (1, 0), (1, 0), (2, 1), (2, 0), (3, 1), (3, 2), (4, 0), (4, 2), (5, 2), (6, 1), (10, 5), (10, 8)]
"""Of demand: `max_demand` and `min_demand`."""

RESTARTS = ["permanent", "permanent", "transient", "temporary"]
CANCELS = ["permanent", "transient", "temporary", "temporary"]
REASONS: list[Json] = ["boom", "normal", "shutdown", ["shutdown", 1]]

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


def _worker(random: Random) -> Json:
    most, least = random.choice(LIMITS)
    limits = {"max_demand": most, "min_demand": least}
    return {"kind": "worker", "queue": "Q", **limits, "cancel": random.choice(CANCELS)}


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
        kinds = [(self._acting, 8), (self._opening, 6), (self._waiting, 2), (self._ending, 1 if self._alike else 2)]
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
        return at("p", self._pick([["halt", "Q", self._pick(REASONS)], ["signal", "Q", self._pick(["kill", "boom"])]]))

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
