"""What supervisors report (§B.11), as a scenario sees it: in the order of what they do to their children."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from actors import current_actor

if TYPE_CHECKING:
    from tests.conformance.world import World

__all__ = ["reports_seen"]

_LOGGER = logging.getLogger("pykka_otp.supervisor")


@contextmanager
def reports_seen(world: World) -> Iterator[None]:
    """Have a world see the errors that those of its supervisors report that are to show them."""
    handler = _Reports(world)
    _LOGGER.addHandler(handler)
    try:
        yield
    finally:
        _LOGGER.removeHandler(handler)


class _Reports(logging.Handler):
    """Its records come in the supervisor's own code."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        supervisor = current_actor()
        report = getattr(record, "report", None)
        if report is not None and supervisor in self._world.reporting:
            name = self._world.reporting[supervisor]
            seen = ["report", report.context, report.offender.id, self._world.term(report.reason)]
            self._world.saw(name, name, seen)
