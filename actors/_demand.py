"""The arithmetic of demand, pure: what a consumer asks for, and who gets the next events."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, NamedTuple, TypeVar

__all__ = ["Allotment", "Batch", "DemandDispatcher", "check_demand", "split_batches"]

C = TypeVar("C")


class Batch(NamedTuple):
    """One call of a handler: how many events it gets, and how many are asked for after it."""

    size: int
    ask: int


def check_demand(max_demand: object, min_demand: object) -> tuple[int, int]:
    """Return a consumer's two limits, with the default of the lower one: half of the upper (E5, E7).

    Raises:
        ValueError: `max_demand` isn't a whole number >= 1, or `min_demand` isn't one from 0 to `max_demand - 1`.
    """
    if not isinstance(max_demand, int) or isinstance(max_demand, bool) or max_demand < 1:
        msg = f"max_demand must be a whole number of events >= 1; got {max_demand!r}"
        raise ValueError(msg)
    if min_demand is None:
        return max_demand, max_demand // 2
    if not isinstance(min_demand, int) or isinstance(min_demand, bool) or not 0 <= min_demand < max_demand:
        msg = f"min_demand must be a whole number of events from 0 to {max_demand - 1}; got {min_demand!r}"
        raise ValueError(msg)
    return max_demand, min_demand


@lru_cache(maxsize=1024)
def split_batches(events: int, *, max_demand: int, min_demand: int, demand: int) -> tuple[tuple[Batch, ...], int]:
    """Cut one message of `events` into the calls that handle it, and say what is asked for after each.

    A call gets at most `max_demand - min_demand` events, whatever came at once. After a call that brings the demand
    down to `min_demand` or less, it is filled up to `max_demand` again.

    Args:
        demand: events asked for and not received before this message.

    Returns:
        The batches in order, and the demand after them.

    GenStage: E17, E18, E20, E24 (events beyond the demand are handled, and not asked for again).
    """
    batches = []
    expected = demand
    while events > 0:
        size = min(events, max_demand - min_demand)
        events -= size
        # What came beyond the demand doesn't count against it, or it would be asked for a second time.
        counted = min(size, expected)
        expected -= counted
        demand -= counted
        ask = max_demand - demand if demand <= min_demand else 0
        demand += ask
        batches.append(Batch(size, ask))
    return tuple(batches), demand


class Allotment(NamedTuple, Generic[C]):
    """The next `events` events, so many, go to `consumer`."""

    consumer: C
    events: int


@dataclass(slots=True)
class _Claim(Generic[C]):
    consumer: C
    demand: int


class DemandDispatcher(Generic[C]):
    """Who gets the next events: the consumer with the highest demand; among equals, the one who waits longest.

    With a demand of one each it is the line of idle workers (E46).

    GenStage: DemandDispatcher (E44, E45).
    """

    def __init__(self) -> None:
        self._claims: list[_Claim[C]] = []

    def subscribe(self, consumer: C) -> None:
        """Add a consumer, at the end and without demand."""
        self._claims.append(_Claim(consumer, 0))

    def cancel(self, consumer: C) -> int:
        """Remove a consumer; return the demand that it leaves behind."""
        for index, claim in enumerate(self._claims):
            if claim.consumer == consumer:
                del self._claims[index]
                return claim.demand
        return 0

    def ask(self, consumer: C, count: int) -> bool:
        """Add to a consumer's demand; it goes behind all that have as much or more. False for one that has left."""
        for index, claim in enumerate(self._claims):
            if claim.consumer == consumer:
                del self._claims[index]
                claim.demand += count
                self._put_back(claim)
                return True
        return False

    def demand(self) -> int:
        """Return the demand of all."""
        return sum(claim.demand for claim in self._claims)

    def dispatch(self, events: int) -> list[Allotment[C]]:
        """Share out up to `events`; what nobody asked for is left out."""
        allotments: list[Allotment[C]] = []
        while events > 0 and self._claims and self._claims[0].demand > 0:
            claim = self._claims.pop(0)
            count = min(events, claim.demand)
            events -= count
            claim.demand -= count
            self._put_back(claim)
            allotments.append(Allotment(claim.consumer, count))
        return allotments

    def _put_back(self, claim: _Claim[C]) -> None:
        claims, demand = self._claims, claim.demand
        index = len(claims)
        while index and claims[index - 1].demand < demand:
            index -= 1
        claims.insert(index, claim)
