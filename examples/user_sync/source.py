"""Where the user ids come from: a file, standard input, or made up."""

from __future__ import annotations

import os
import random
import select
from contextlib import closing
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["InputError", "Lines", "SyncEvent", "made_up", "open_input"]

EVENTS = 2_000
USERS = 200
CHUNK_BYTES = 64 * 1024


class InputError(Exception):
    """The input can't be read; says in one line which and why."""


@dataclass(frozen=True, slots=True)
class SyncEvent:
    """Something happened to a user, who is to be synced; `is_poison`: whoever tries, crashes."""

    user: str
    is_poison: bool = False


def made_up(seed: int) -> Iterator[str]:
    """Yield 2,000 ids of 200 users, as skewed as life: the n-th most active comes 1/n as often as the first."""
    chance = random.Random(seed)
    weights = list(accumulate(1 / rank for rank in range(1, USERS + 1)))
    names = [f"user-{number:03}" for number in range(1, USERS + 1)]
    yield from chance.choices(names, cum_weights=weights, k=EVENTS)


class Lines:
    """The lines of a file or pipe, as they come; closing it from another thread ends the reading.

    Read by the bytes and not through Python's buffered standard input, which a thread that waits in it would keep
    locked when the program ends.
    """

    def __init__(self, fd: int, name: str, *, owns_fd: bool) -> None:
        self._fd = fd
        self._name = name
        self._owns_fd = owns_fd
        self._closed_read, self._closed_write = os.pipe()

    def __iter__(self) -> Iterator[str]:
        """Yield the lines that aren't blank, without white space around them.

        Raises:
            InputError: a line is no UTF-8, or reading fails.
        """
        number = 0
        rest = b""
        while chunk := self._read():
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                number += 1
                yield from self._decode(line, number)
        yield from self._decode(rest, number + 1)

    def stop(self) -> None:
        """End the reading, from another thread: what waits for more input gets none."""
        os.write(self._closed_write, b"\0")

    def close(self) -> None:
        os.close(self._closed_read)
        os.close(self._closed_write)
        if self._owns_fd:
            os.close(self._fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self.close()

    def _read(self) -> bytes:
        try:
            readable, _, _ = select.select([self._fd, self._closed_read], [], [])
            return b"" if self._closed_read in readable else os.read(self._fd, CHUNK_BYTES)
        except OSError as error:
            msg = f"{self._name}: {error.strerror}"
            raise InputError(msg) from error

    def _decode(self, line: bytes, number: int) -> Iterator[str]:
        try:
            text = line.decode().strip()
        except UnicodeDecodeError:
            msg = f"{self._name}, line {number}: not UTF-8"
            raise InputError(msg) from None
        if text:
            yield text


def open_input(name: str) -> Lines:
    """Open a file, or standard input for `-`.

    Raises:
        InputError: there is no such file, or it can't be read.
    """
    if name == "-":
        try:
            os.fstat(0)
        except OSError as error:
            msg = f"standard input: {error.strerror}"
            raise InputError(msg) from error
        return Lines(0, "standard input", owns_fd=False)
    try:
        fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        msg = f"{name}: {error.strerror}"
        raise InputError(msg) from error
    lines = Lines(fd, name, owns_fd=True)
    try:
        os.read(fd, 0)
    except OSError as error:
        with closing(lines):
            msg = f"{name}: {error.strerror}"
            raise InputError(msg) from error
    return lines
