"""What is logged, as a scenario sees it: reports of supervisors (§B.11), and abnormal ends of servers (A9, A78)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from actors import current_actor

if TYPE_CHECKING:
    from tests.conformance.world import World

__all__ = ["reports_seen"]

_SUPERVISORS = logging.getLogger("pykka_otp.supervisor")
_CRASHES = logging.getLogger("pykka_otp.crash")


@contextmanager
def reports_seen(world: World) -> Iterator[None]:
    """Have a world see what those of its supervisors and servers log of which a scenario is to see it."""
    handlers = [(_SUPERVISORS, _Reports(world)), (_CRASHES, _Ends(world))]
    for logger, handler in handlers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        for logger, handler in handlers:
            logger.removeHandler(handler)


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


class _Ends(logging.Handler):
    """Its records come in the code of the server that ends."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        server = current_actor()
        hearer = self._world.logging.get(server) if server is not None else None
        if hearer is not None:
            said: Any = [self._world.term(record.__dict__[what]) for what in ("reason", "state")]
            last = getattr(record.__dict__["last_message"], "ops", None)
            self._world.saw(hearer, self._world.label_of(server), ["logged", record.levelname.lower(), *said, last])
