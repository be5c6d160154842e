"""What a run came to."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

__all__ = ["Result"]


@dataclass(frozen=True, slots=True)
class Result:
    """What a run came to; at its end events = synced + dead + stuck + left.

    Args:
        events: lines read and queued.
        synced: events handled.
        requeued: times that an event came back later, its user being locked.
        crashes: crashes of workers.
        restarts: restarts of workers.
        dead: events in the dead letters.
        stuck: events left whose user's holder is gone.
        left: other events left, after a drain.
        double_syncs: syncs that the witness saw begin while another sync of that user was open; None when it is
            another's to ask.
        witness_restarts: restarts of the remote service; None as above.
        seconds: from the first event to the last.
        events_per_second: synced events over that time.
    """

    events: int
    synced: int
    requeued: int
    crashes: int
    restarts: int
    dead: int
    stuck: int
    left: int
    double_syncs: int | None
    witness_restarts: int | None
    seconds: float
    events_per_second: float

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    def to_text(self) -> str:
        lines = [f"{name.replace('_', ' '):>18}  {_shown(value)}" for name, value in asdict(self).items()]
        return "\n".join(lines)


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else "-"
