"""Who goes on at a switch point: the decisions of a simulation, apart from what carries them out."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.testing._simulation import Body

__all__ = ["InTurn", "Policy", "RandomWalk"]


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
    """Everybody goes on as long as he can; then it is the turn of who has waited longest."""

    def next_of(self, ready: Sequence[Body], running: Body | None) -> Body:
        return ready[0] if running is None else running

    def kill_lands(self, _body: Body) -> bool:
        return True


class RandomWalk:
    """Anybody may be next, each as likely as any other.

    Args:
        seed: the same seed makes the same decisions.
        prompt_kills: whether a killed actor's code notices that at its next switch point, always.
    """

    def __init__(self, seed: object, *, prompt_kills: bool = False) -> None:
        self._prompt_kills = prompt_kills
        generator = random.Random(str(seed))
        self._random = generator.random
        # How many kills have been passed by, by actor.
        self._passed: dict[Body, int] = {}

    def next_of(self, ready: Sequence[Body], running: Body | None) -> Body:
        if running is None:
            return ready[int(self._random() * len(ready))]
        index = int(self._random() * (len(ready) + 1))
        return running if index == len(ready) else ready[index]

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
