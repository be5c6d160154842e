"""What a run looks like while it goes on: a live table on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from actors import QueueStats

__all__ = ["Display", "Glance", "display_for"]

SECONDS_BETWEEN_LINES = 1.0
REDRAWS_PER_SECOND = 4


@dataclass(frozen=True, slots=True)
class Glance:
    """What is to be seen at one moment; `expected` is the number of events in all, when it is known."""

    lock: str
    queue: QueueStats
    holding: Mapping[int, str]
    workers: int
    crashes: int
    restarts: int
    expected: int | None
    seconds: float

    @property
    def rate(self) -> float:
        """Events per second so far."""
        return self.queue.acked / self.seconds if self.seconds > 0 else 0.0

    @property
    def eta(self) -> str:
        """Seconds to go at that rate, as text."""
        if self.expected is None or self.rate == 0:
            return "unknown"
        return f"{max(self.expected - self.queue.acked - self.queue.dead, 0) / self.rate:.0f} s"

    @property
    def share(self) -> str:
        """How much is done, as text."""
        if not self.expected:
            return f"{self.queue.acked:,}"
        return f"{self.queue.acked:,} of {self.expected:,} ({self.queue.acked / self.expected:.0%})"


class Display(Protocol):
    """Shows a run; a context manager."""

    def show(self, glance: Glance) -> None:
        """Show how things stand."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, exception_type: type[BaseException] | None, exception: BaseException | None, tb: TracebackType | None
    ) -> None: ...


def display_for(*, is_terminal: bool) -> Display:
    """Return the display that suits stdout."""
    return _LiveTable() if is_terminal else _Lines()


class _LiveTable:
    def __init__(self) -> None:
        self._live = Live(console=Console(), refresh_per_second=REDRAWS_PER_SECOND, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self._live.stop()

    def show(self, glance: Glance) -> None:
        self._live.update(_table(glance))


class _Lines:
    def __init__(self) -> None:
        self._next = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc_info: object) -> None:
        sys.stdout.flush()

    def show(self, glance: Glance) -> None:
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + SECONDS_BETWEEN_LINES
        queue = glance.queue
        sys.stdout.write(
            f"{glance.lock}: synced {glance.share}, ready {queue.ready:,}, waiting {queue.delayed:,}, "
            f"snoozed {queue.snoozed:,}, dead {queue.dead:,}, crashes {glance.crashes:,}, "
            f"restarts {glance.restarts:,}, {glance.rate:,.0f}/s, to go {glance.eta}\n"
        )
        sys.stdout.flush()


def _table(glance: Glance) -> Table:
    queue = glance.queue
    table = Table(title=f"user sync, lock: {glance.lock}", caption=f"synced {glance.share}; to go {glance.eta}")
    table.add_column("worker", justify="right")
    table.add_column("holds")
    table.add_column("queue")
    table.add_column("", justify="right")
    facts = [
        ("ready", f"{queue.ready:,}"),
        ("waiting", f"{queue.delayed:,}"),
        ("in flight", f"{queue.in_flight:,}"),
        ("snoozed", f"{queue.snoozed:,}"),
        ("dead letters", f"{queue.dead:,}"),
        ("crashes", f"{glance.crashes:,}"),
        ("restarts", f"{glance.restarts:,}"),
        ("events/s", f"{glance.rate:,.0f}"),
    ]
    holding = dict(glance.holding)
    for row in range(max(glance.workers, len(facts))):
        worker = (str(row), holding.get(row, "")) if row < glance.workers else ("", "")
        table.add_row(*worker, *(facts[row] if row < len(facts) else ("", "")))
    return table
