"""Making the schedule of a failure small."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, TypeVar

from actors.testing._policy import Pct, RandomWalk
from actors.testing._runs import follow, run_recorded
from actors.testing._watch import StepTooLong

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actors.testing._exploring import Plan, Which
    from actors.testing._runs import Run
    from actors.testing._schedule import Deviation

__all__ = ["Smaller", "shrink"]

T = TypeVar("T")

_TRIES = 500
"""Runs that may be spent to leave out steps of a schedule."""

_OTHERS = 60
"""Schedules that are tried beside the one that was found."""


class Smaller:
    """Looks for small schedules with the failure of one.

    Args:
        first: the run that has failed, recorded.
    """

    def __init__(self, plan: Plan, which: Which, first: Run) -> None:
        self._plan = plan
        self._seed = plan.seed_of(which)
        self._which = which
        self._failure = first.failure
        self._best = first

    def smallest(self) -> Run:
        """Return the run with the fewest deviations that was found to fail as the first did.

        One that blocks for real ends the search: each further one may, for as long.
        """
        with contextlib.suppress(StepTooLong):
            self._search()
        return self._best

    def _search(self) -> None:
        self._shrink(self._best)
        # A long way may have led there of which each step counts; others may be short.
        for number in range(_OTHERS):
            if len(self._best.deviations) <= 1:
                break
            make = (RandomWalk, Pct)[number % 2]
            seed = f"{self._seed} otherwise {number}"
            if self._plan.run_by(make(seed), self._which).failure == self._failure:
                self._shrink(run_recorded(self._plan.scenario, self._seed, make(seed), self._plan.world))

    def _shrink(self, run: Run) -> None:
        shrink(run.deviations, self._still_fails, tries=_TRIES)

    def _still_fails(self, deviations: Sequence[Deviation]) -> bool:
        came, _ = follow(self._plan.scenario, self._seed, deviations, self._plan.world)
        if came.failure != self._failure:
            return False
        self._best = min(came, self._best, key=lambda one: len(one.deviations))
        return True


def shrink(items: Sequence[T], still: Callable[[Sequence[T]], bool], *, tries: int) -> list[T]:
    """Return as few of the items, in their order, as will do: each of those that are left is needed.

    Args:
        still: whether these do; true of all.
        tries: how often that may be asked; then more than are needed may be left.

    This is `ddmin` of Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input" (2002), which leaves
    out ever smaller parts.
    """
    left = list(items)
    size = len(left)
    while size and tries > 0:
        start = 0
        removed = False
        while start < len(left) and tries > 0:
            fewer = left[:start] + left[start + size :]
            tries -= 1
            if still(fewer):
                left = fewer
                removed = True
            else:
                start += size
        if size > 1 or not removed:
            size //= 2
    return left
