"""What the service saw, in a file that outlives it: each sync that began, ended, or was aborted."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Testimony", "Witness", "WitnessError", "read_testimony"]


class WitnessError(Exception):
    """The file holds what no witness wrote; says in one line where."""


@dataclass(frozen=True, slots=True)
class Testimony:
    """What a file of records says, counted.

    Attributes:
        begins: syncs that began.
        ends: syncs that were carried out to their end.
        aborts: syncs whose client, or whose service, went away before the end.
        double_syncs: syncs that began while another one of the same user was open.
        restarts: starts of the service after the first.
        users: the ids of all users of whom a sync began.
    """

    begins: int
    ends: int
    aborts: int
    double_syncs: int
    restarts: int
    users: frozenset[str]


class Witness:
    """Writes the records of one service process; for use by one thread.

    Each record is in the file when the call returns, and so outlives a service that is killed. Syncs that an earlier
    process left open are aborted first: their connections ended with it.

    Args:
        path: the file, made when it isn't there.

    Raises:
        WitnessError: the file holds something else.
        OSError: the file can't be read or written.
    """

    def __init__(self, path: Path) -> None:
        earlier = _Reading(path)
        self._last_sync = earlier.last_sync
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        if earlier.lacks_newline:
            self._append("\n")
        self._record("start")
        for sync in earlier.open:
            self.abort(sync)

    def begin(self, user: str) -> int:
        """Record that a sync of this user begins, and return the sync's number."""
        self._last_sync += 1
        self._record("begin", sync=self._last_sync, user=user)
        return self._last_sync

    def end(self, sync: int) -> None:
        """Record that the sync was carried out to its end."""
        self._record("end", sync=sync)

    def abort(self, sync: int) -> None:
        """Record that the sync was given up."""
        self._record("abort", sync=sync)

    def close(self) -> None:
        os.close(self._fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self.close()

    def _record(self, what: str, **facts: int | str) -> None:
        self._append(json.dumps({"record": what, **facts}) + "\n")

    def _append(self, text: str) -> None:
        data = text.encode("ascii")
        if os.write(self._fd, data) != len(data):
            raise OSError("a record was written in part: the disk is full")


def read_testimony(path: Path) -> Testimony:
    """Return what the file says so far; a service may be writing it. A file that isn't there says nothing.

    Raises:
        WitnessError: the file holds something else.
        OSError: the file can't be read.
    """
    reading = _Reading(path)
    return Testimony(
        begins=reading.begins,
        ends=reading.ends,
        aborts=reading.aborts,
        double_syncs=reading.double_syncs,
        restarts=max(0, reading.starts - 1),
        users=frozenset(reading.users),
    )


class _Reading:
    """A file of records, read from its first line to its last."""

    def __init__(self, path: Path) -> None:
        self.begins = self.ends = self.aborts = self.double_syncs = self.starts = 0
        self.last_sync = 0
        self.users: set[str] = set()
        self.open: dict[int, str] = {}
        self._after_torn_line = False
        text = path.read_bytes() if path.exists() else b""
        self.lacks_newline = bool(text) and not text.endswith(b"\n")
        for number, line in enumerate(text.splitlines(), start=1):
            try:
                self._take(line)
            except (ValueError, KeyError, TypeError) as error:
                raise WitnessError(f"{path}, line {number}: not a record of a witness") from error

    def _take(self, line: bytes) -> None:
        try:
            record = json.loads(line)
        except ValueError:
            # A process was killed in the middle of writing it, and only the next process may come after it. No part of
            # a record can be taken for a record: its last brace is missing.
            if self._after_torn_line:
                raise
            self._after_torn_line = True
            return
        if self._after_torn_line and record["record"] != "start":
            raise ValueError("the process that left a torn line went on")
        self._after_torn_line = False
        self._count(record)

    def _count(self, record: dict[str, Any]) -> None:
        match record["record"]:
            case "start":
                self.starts += 1
            case "begin":
                self._begin(record["sync"], record["user"])
            case "end":
                self.ends += 1
                del self.open[record["sync"]]
            case "abort":
                self.aborts += 1
                del self.open[record["sync"]]
            case _:
                raise ValueError("unknown record")

    def _begin(self, sync: int, user: str) -> None:
        self.begins += 1
        self.double_syncs += user in self.open.values()
        self.users.add(user)
        self.last_sync = max(self.last_sync, sync)
        self.open[sync] = user
