"""Who goes on at a switch point: the decisions of a simulation, apart from what carries them out."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.testing._bodies import Body

__all__ = ["InTurn", "Pct", "Policy", "RandomWalk", "Systematic"]


class Policy(Protocol):
    """Decides, at each switch point, who runs next."""

    def next_of(self, ready: Sequence[Body], running: Body | None, /) -> Body:
        """Choose among those that can run.

        Args:
            ready: those that wait for their turn, who has waited longest first.
            running: who is at the switch point and can go on; None when that one waits, or has nothing left to do;
                `ready` isn't empty then.
        """
        ...

    def kill_lands(self, body: Body, /) -> bool:
        """Whether a killed actor's code notices it at this switch point of its own."""
        ...


class InTurn:
    """Everybody goes on as long as he can, or nearly; then it is the turn of who has waited longest."""

    def __init__(self) -> None:
        self._running: Body | None = None
        self._times = 0

    def next_of(self, ready: Sequence[Body], running: Body | None) -> Body:
        if running is None:
            return ready[0]
        if running is not self._running:
            self._running = running
            self._times = 0
        self._times += 1
        if self._times <= _SELFISH:
            return running
        # It may be that he waits for what another is to do.
        self._times = 0
        return ready[0]

    def kill_lands(self, _body: Body) -> bool:
        return True


_SELFISH = 1000
"""How often somebody goes on while others wait, before they have their turn."""


class _ByChance:
    """What chance decides whoever goes on: whether a killed actor's code notices it."""

    def __init__(self, seed: str, *, prompt_kills: bool) -> None:
        self._random = random.Random(seed).random
        self._prompt_kills = prompt_kills
        # How many kills have been passed by, by actor.
        self._passed: dict[Body, int] = {}

    def kill_lands(self, body: Body) -> bool:
        if self._prompt_kills:
            return True
        passed = self._passed.get(body, 0)
        # One in eight never notices: its code swallows the kill, or doesn't come by.
        if passed < 0:
            return False
        if passed == 0 and self._random() < _SWALLOWED:
            self._passed[body] = -1
            return False
        self._passed[body] = passed + 1
        return self._random() < _NOTICED


_SWALLOWED = 1 / 8
_NOTICED = 1 / 2


class RandomWalk(_ByChance):
    """Anybody may be next, each as likely as any other.

    Args:
        seed: the same seed makes the same decisions.
        prompt_kills: whether a killed actor's code notices that at its next switch point, always.
    """

    def __init__(self, seed: object, _decisions: int = 0, *, prompt_kills: bool = False) -> None:
        super().__init__(str(seed), prompt_kills=prompt_kills)

    def next_of(self, ready: Sequence[Body], running: Body | None) -> Body:
        if running is None:
            return ready[int(self._random() * len(ready))]
        index = int(self._random() * (len(ready) + 1))
        return running if index == len(ready) else ready[index]


class Pct(_ByChance):
    """Who has the highest priority goes on, always; at a few moments he who would go on falls behind all others.

    So one actor may be far ahead of another, as it seldom is when everybody is as likely as any other. Who has been
    passed over many times, since another goes on and on, gets his turn: all priorities are drawn again.

    Args:
        seed: the same seed makes the same decisions.
        decisions: how many there are in a run, about.
        changes: the moments at which somebody falls behind. A bug that needs d actors at d certain points, one after
            the other, is found with `changes=d - 1`, by one run in (actors x decisions ** (d - 1)), or more.
        prompt_kills: whether a killed actor's code notices that at its next switch point, always.
    """

    def __init__(self, seed: object, decisions: int = 100, *, changes: int = 3, prompt_kills: bool = False) -> None:
        super().__init__(f"{seed} of priorities", prompt_kills=prompt_kills)
        self._changes = {int(self._random() * max(decisions, changes)) for _ in range(changes)}
        self._made = 0
        self._priorities: dict[Body, float] = {}
        self._passed_over: Body | None = None
        self._times = 0

    def next_of(self, ready: Sequence[Body], running: Body | None) -> Body:
        candidates = ready if running is None else [*ready, running]
        priorities = self._priorities
        for body in candidates:
            if body not in priorities:
                priorities[body] = self._random()
        chosen = max(candidates, key=priorities.__getitem__)
        if self._made in self._changes:
            # Below all that have fallen before.
            priorities[chosen] = -1.0 - self._made
            chosen = max(candidates, key=priorities.__getitem__)
        self._made += 1
        self._look_after(ready[0], chosen)
        return chosen

    def _look_after(self, first: Body, chosen: Body) -> None:
        if first is chosen or first is not self._passed_over:
            self._passed_over = first
            self._times = 0
            return
        self._times += 1
        if self._times >= _STARVED:
            self._times = 0
            self._priorities.clear()


_STARVED = 100
"""How often somebody is passed over before all priorities are drawn again."""


class Systematic:
    """The schedules of a scenario one after the other: all with at most so many preemptions.

    A preemption has another go on though the one at the switch point could; or has a kill pass by. Who goes on when
    somebody waits, or has nothing left to do, costs none. Each run follows one path; `advance()` turns to the next.

    Args:
        preemptions: None for any number.
        path: the decisions to begin with, each by its number among what could be decided.
    """

    def __init__(self, preemptions: int | None, path: Sequence[int] = ()) -> None:
        self._preemptions = preemptions
        self._path = list(path)
        # What was decided; among how many; whether another decision costs a preemption.
        self._taken: list[tuple[int, int, bool]] = []
        self.strayed = False
        """Whether a run had less to decide at some point than the one before, and so isn't the same in each run."""

    def next_of(self, ready: Sequence[Body], running: Body | None) -> Body:
        if running is None:
            return ready[self._decide(len(ready), costs=False)]
        index = self._decide(len(ready) + 1, costs=True)
        return ready[index - 1] if index else running

    def kill_lands(self, _body: Body) -> bool:
        return self._decide(2, costs=True) == 0

    def _decide(self, count: int, *, costs: bool) -> int:
        at = len(self._taken)
        index = self._path[at] if at < len(self._path) else 0
        if index >= count:
            self.strayed = True
            index = 0
        self._taken.append((index, count, costs))
        return index

    def advance(self) -> bool:
        """Turn to the next path, after a run; False when that was the last."""
        spent = sum(1 for index, _, costs in self._taken if costs and index)
        while self._taken:
            index, count, costs = self._taken.pop()
            spent -= costs and index > 0
            if index + 1 < count and (not costs or self._preemptions is None or spent < self._preemptions):
                self._path = [*(taken for taken, _, _ in self._taken), index + 1]
                self._taken = []
                return True
        return False

    @property
    def path(self) -> tuple[int, ...]:
        """The decisions that the next run begins with."""
        return tuple(self._path)
