"""The time of a simulation."""

from __future__ import annotations

import heapq
import itertools
import math
from functools import partial
from typing import TYPE_CHECKING

from actors._clock import Clock, Ticket

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from actors.testing._simulation import Simulation

__all__ = ["VirtualClock"]


class VirtualClock(Clock):
    """Time that stands still while anybody can run, and jumps to the next timer when nobody can."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self._now = 0.0
        self._tickets: list[tuple[float, int, Ticket]] = []
        self._numbers = itertools.count()
        self._looked_at = -math.inf

    def now(self) -> float:
        return self._now

    def look(self) -> float:
        """What time it is, and a little more if that was said before: some wait until less than nothing is left."""
        self._looked_at = max(self._now, math.nextafter(self._looked_at, math.inf))
        return self._looked_at

    def call_at(self, deadline: float, callback: Callable[[], None]) -> Ticket:
        ticket = Ticket(deadline, callback)
        heapq.heappush(self._tickets, (deadline, next(self._numbers), ticket))
        return ticket

    def cancel(self, ticket: Ticket) -> bool:
        return ticket.take() is not None

    def wait(self, lock: threading.Lock, timeout: float | None) -> bool:
        """Have the simulation go on until the test's wait is over."""
        return self.simulation.run_until(partial(lock.acquire, False), timeout, gate=lock)  # noqa: FBT003 - as threading's

    def close(self) -> None:
        self._tickets.clear()

    def next_deadline(self) -> float | None:
        """When the next call is due; None when none is to come."""
        tickets = self._tickets
        while tickets and tickets[0][2].callback is None:
            heapq.heappop(tickets)
        return tickets[0][0] if tickets else None

    def fire_next(self) -> None:
        """Move on to the next call that is due, and make it."""
        deadline, _, ticket = heapq.heappop(self._tickets)
        callback = ticket.take()
        self._now = max(self._now, deadline)
        if callback is not None:
            callback()

    def move_to(self, moment: float) -> None:
        """Let it be so late, when it isn't later yet."""
        self._now = max(self._now, moment)
