"""The example as a user starts it: a process, its output, its end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import pytest

from examples.user_sync.postgres import find_binaries

ROOT = Path(__file__).resolve().parents[2]
CAP = 90.0


def require_postgres() -> None:
    """Skip what needs a server where there is none; in CI, where one has to be, let it fail."""
    if find_binaries() is None and "CI" not in os.environ:
        pytest.skip("the programs of a PostgreSQL server aren't installed (Debian: the package 'postgresql')")


class Program:
    """`python -X dev -W error -m examples.user_sync ARGUMENTS`, with temporary files in a folder of the test's."""

    def __init__(self, *arguments: str, folder: Path, stdin: int | bytes | None = subprocess.DEVNULL) -> None:
        self._input = stdin if isinstance(stdin, bytes) else None
        self.process = subprocess.Popen(
            [sys.executable, "-X", "dev", "-W", "error", "-m", "examples.user_sync", *arguments],
            cwd=ROOT,
            env={**os.environ, "TMPDIR": str(folder)},
            stdin=subprocess.PIPE if self._input is not None else stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self.process.kill()
        self.process.communicate()

    def first_line(self) -> bytes:
        """Wait for the first line of progress, which says that the work has begun."""
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def children(self) -> list[int]:
        """The processes that it has started."""
        pids: list[int] = []
        for thread in Path(f"/proc/{self.process.pid}/task").iterdir():
            with suppress(FileNotFoundError, ProcessLookupError):  # a thread that ended meanwhile has none
                pids += map(int, (thread / "children").read_text().split())
        return pids

    def finish(self) -> tuple[int, str, str]:
        """Wait for its end; return exit code, stdout and stderr."""
        out, err = self.process.communicate(self._input, timeout=CAP)
        return self.process.returncode, out.decode(), err.decode()

    def figures(self) -> dict[str, Any]:
        """Wait for its end, in which nothing went wrong, and return what it reports."""
        code, out, err = self.finish()
        assert err == ""
        assert code == 0
        return json.loads(out.splitlines()[-1])


def adds_up(figures: dict[str, Any]) -> bool:
    """Whether every event is accounted for."""
    return figures["events"] == sum(figures[name] for name in ("synced", "dead", "stuck", "left"))
