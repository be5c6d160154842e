"""What the program is told on its command line, checked."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NoReturn, TypeAlias, get_args

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["LockName", "Options", "parse"]

LockName: TypeAlias = Literal["none", "table", "registry", "postgres"]


@dataclass(frozen=True, slots=True)
class Options:
    """The program's options; times are in seconds, shares from 0 to 1."""

    input: str | None = None
    lock: LockName = "registry"
    workers: int = 8
    latency: float = 0.02
    crash_rate: float = 0.0
    poison_rate: float = 0.0
    retry_delay: float = 0.05
    attempts: int = 10
    seed: int = 0
    json: bool = False
    kill_registry_after: int | None = None
    kill_queue_after: int | None = None
    db: str | None = None
    dsn: str | None = None
    processes: int = 1
    service: str | None = None


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, and ends with exit code 2."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"user_sync: {message}\n")


def parse(arguments: Sequence[str]) -> Options:
    """Return the options; on a bad one print a line to stderr and exit with code 2."""
    return Options(**vars(_parser().parse_args(arguments)))


def _parser() -> _Parser:
    parser = _Parser(
        prog="python -m examples.user_sync",
        description="Sync users with a slow remote service, never one user by two workers at once.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("input", nargs="?", metavar="INPUT", help="a file with one user id a line, - for standard input;"
        " without it 2,000 events for 200 users, Zipf-distributed")  # fmt: skip
    add("--lock", choices=get_args(LockName), default="registry", help="how two syncs of one user are kept apart")
    add("--workers", type=_count, default=8, metavar="N", help="workers in the pool (8)")
    add("--latency", type=_seconds, default=0.02, metavar="SECONDS", help="how long the service takes a sync (0.02)")
    add("--crash-rate", type=_share, default=0.0, metavar="SHARE", help="share of syncs in which the worker crashes")
    add("--poison-rate", type=_share, default=0.0, metavar="SHARE", help="share of events that crash every worker")
    add("--retry-delay", type=_seconds, default=0.05, metavar="SECONDS",
        help="when an event comes back whose user is locked (0.05)")  # fmt: skip
    add("--attempts", type=_count, default=10, metavar="N", help="attempts before an event is a dead letter (10)")
    add("--seed", type=int, default=0, metavar="N", help="for what is left to chance (0)")
    add("--json", action="store_true", help="print one JSON object as the last line of stdout")
    add("--kill-registry-after", type=_count, metavar="EVENTS", help="kill the Registry's actor after so many syncs")
    add("--kill-queue-after", type=_count, metavar="EVENTS", help="kill the Queue's actor after so many syncs")
    add("--db", metavar="FILE", help="SQLite database of synced users (a temporary one)")
    add("--dsn", metavar="DSN", help="PostgreSQL server for --lock postgres (a private one, started for the run)")
    add("--processes", type=_count, default=1, metavar="N", help="share the events among so many processes (1)")
    add("--service", metavar="URL", help=argparse.SUPPRESS)
    return parser


def _number(kind: Callable[[str], float], text: str, wanted: str) -> float:
    try:
        value = kind(text)
        # Whole numbers may be larger than any float.
        float(value)
    except (ValueError, OverflowError):
        value = math.nan
    if not math.isfinite(value) or value < 0:
        msg = f"expected {wanted}; got {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return value


def _seconds(text: str) -> float:
    return _number(float, text, "a number of seconds >= 0")


def _count(text: str) -> int:
    value = int(_number(int, text, "a whole number >= 1"))
    if value < 1:
        msg = f"expected a whole number >= 1; got {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return value


def _share(text: str) -> float:
    value = _number(float, text, "a share from 0 to 1")
    if value > 1:
        msg = f"expected a share from 0 to 1; got {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return value
