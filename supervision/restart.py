"""What a supervisor decides about restarts, pure: whether, which siblings, and how often at most."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar, get_args

from actors import ExitReason, Killed, Normal, Shutdown, is_orderly
from supervision.errors import InvalidOption

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from actors.child_spec import Restart
    from actors.child_spec import Shutdown as ShutdownTime

__all__ = ["Intensity", "Strategy", "affected", "check_strategy", "is_clean_end", "needs_restart"]

Strategy: TypeAlias = Literal["one_for_one", "one_for_all", "rest_for_one"]

T = TypeVar("T")


def check_strategy(strategy: object) -> None:
    """Refuse what is no strategy (B8)."""
    if strategy not in get_args(Strategy):
        message = f"strategy must be one of {', '.join(map(repr, get_args(Strategy)))}; got {strategy!r}"
        raise InvalidOption(message, ("invalid_strategy", strategy))


def needs_restart(restart: Restart, reason: ExitReason) -> bool:
    """Whether a child of this restart type is started again after it ended with `reason`.

    OTP: the table of restart types and exit reasons (B19, B23).
    """
    match restart:
        case "permanent":
            return True
        case "transient":
            return not is_orderly(reason)
        case "temporary":
            return False


def affected(strategy: Strategy, children: Iterable[T], failed: T) -> Sequence[T]:
    """Which children a strategy restarts together when one has ended, in start order.

    OTP: B24 (one_for_one), B25 (one_for_all), B26 (rest_for_one).
    """
    match strategy:
        case "one_for_one":
            return [failed]
        case "one_for_all":
            return list(children)
        case "rest_for_one":
            in_order = list(children)
            return in_order[in_order.index(failed) :]


def is_clean_end(restart: Restart, shutdown: ShutdownTime | None, reason: ExitReason) -> bool:
    """Whether a child that its supervisor ended did so as wanted; else it is reported (B63)."""
    wanted = Killed() if shutdown == "brutal_kill" else Shutdown()
    if reason == wanted:
        return True
    return restart != "permanent" and isinstance(reason, Normal | Shutdown)


@dataclass(slots=True)
class Intensity:
    """How many restarts are too many: more than `max_restarts` within `max_seconds`.

    The window slides, and its edge counts: a restart exactly `max_seconds` ago is inside.

    OTP: B36 to B39. Differs: seconds are exact, where OTP rounds down to whole ones (B37).
    """

    max_restarts: int
    max_seconds: float
    _times: deque[float]

    def __init__(self, max_restarts: int = 3, max_seconds: float = 5.0) -> None:
        if not isinstance(max_restarts, int) or isinstance(max_restarts, bool) or max_restarts < 0:
            message = f"max_restarts must be a whole number >= 0; got {max_restarts!r}"
            raise InvalidOption(message, ("invalid_intensity", max_restarts))
        is_number = isinstance(max_seconds, int | float) and not isinstance(max_seconds, bool)
        if not is_number or not math.isfinite(max_seconds) or max_seconds <= 0:
            message = f"max_seconds must be a number of seconds > 0; got {max_seconds!r}"
            raise InvalidOption(message, ("invalid_period", max_seconds))
        self.max_restarts = max_restarts
        self.max_seconds = max_seconds
        self._times = deque()

    def allows_restart(self, now: float) -> bool:
        """Note a restart that is wanted at time `now`, in seconds; False when it is one too many."""
        self._times.append(now)
        while now - self._times[0] > self.max_seconds:
            self._times.popleft()
        return len(self._times) <= self.max_restarts
