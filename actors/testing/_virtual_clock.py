"""The time of a simulation."""

from __future__ import annotations

import heapq
import itertools
import math
from functools import partial
from typing import TYPE_CHECKING

from actors._clock import Clock, Ticket
from actors.testing._stand_ins import NotSimulated, where_called
from actors.testing._to_thread import Helper

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from greenlet import greenlet

    from actors.testing._simulation import Simulation

__all__ = ["VirtualClock"]


class _Alarm:
    """Makes the calls that are due by now, one after the other: others may go on between two of them."""

    known_as = "the next timer"
    greenlet: greenlet | None = None

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock

    def run_once(self, _simulation: Simulation) -> None:
        self._clock.fire_due()


class VirtualClock(Clock):
    """Time that stands still while anybody can run, and jumps to the next timer when nobody can."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self._now = 0.0
        self._tickets: list[tuple[float, int, Ticket]] = []
        self._numbers = itertools.count()
        self._alarm = _Alarm(self)
        self._is_ringing = False
        self.looks: dict[object, int] = {}
        """How often each has looked since time stands still, of those who may poll."""
        self._looked_at = 0.0

    def now(self) -> float:
        return self._now

    def look(self, who: object) -> float:
        """What time it is; after many looks a little more each time: some wait until less than nothing is left."""
        if self._looked_at < self._now:
            self._looked_at = self._now
            self.looks.clear()
        self.looks[who] = count = self.looks.get(who, 0) + 1
        if count > _PATIENT_LOOKS:
            # For all: nobody may have been told what is later.
            self._looked_at = math.nextafter(self._looked_at, math.inf)
        return self._looked_at

    def call_at(self, deadline: float, callback: Callable[[], None]) -> Ticket:
        self.simulation.refuse_looker("sets a timer")
        ticket = Ticket(deadline, callback)
        heapq.heappush(self._tickets, (deadline, next(self._numbers), ticket))
        if deadline <= self._now:
            self._ring()
        return ticket

    def cancel(self, ticket: Ticket) -> bool:
        return ticket.take() is not None

    def wait(self, lock: threading.Lock, timeout: float | None) -> bool:
        """Have the simulation go on until the test's wait is over."""
        if isinstance(self.simulation.running, Helper):
            what = "a wait for actors in a function that run_in_executor() runs, without the actor's context,"
            self.simulation.fail(NotSimulated(what, where_called(), "take asyncio.to_thread(), which hands it on"))
        return self.simulation.run_until(partial(lock.acquire, False), timeout, gate=lock)  # noqa: FBT003 - as threading's

    def close(self) -> None:
        self._tickets.clear()

    def next_deadline(self) -> float | None:
        """When the next call is due; None when none is to come."""
        tickets = self._tickets
        while tickets and tickets[0][2].callback is None:
            heapq.heappop(tickets)
        return tickets[0][0] if tickets else None

    def due_now(self) -> int:
        """How many calls are due by now."""
        return sum(deadline <= self._now and ticket.callback is not None for deadline, _, ticket in self._tickets)

    def fire_next(self) -> None:
        """Move on to the next call that is due, and make it; others of that moment come when it is their turn."""
        deadline, _, ticket = heapq.heappop(self._tickets)
        callback = ticket.take()
        self._now = max(self._now, deadline)
        if callback is not None:
            callback()
        if self._is_due():
            self._ring()

    def fire_due(self) -> None:
        """Make the next call that is due by now."""
        self._is_ringing = False
        if self._is_due():
            self.fire_next()

    def move_to(self, moment: float) -> None:
        """Let it be so late, when it isn't later yet."""
        self._now = max(self._now, moment)

    def _is_due(self) -> bool:
        deadline = self.next_deadline()
        return deadline is not None and deadline <= self._now

    def _ring(self) -> None:
        if not self._is_ringing:
            self._is_ringing = True
            self.simulation.ready.append(self._alarm)


_PATIENT_LOOKS = 1000
"""How often one is told the same."""
