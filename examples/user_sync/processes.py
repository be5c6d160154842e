"""The job shared among several processes: one service, one database, and the events dealt out in turn."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from actors import Runtime
from examples.user_sync.report import Result
from examples.user_sync.run import Interruption, Outcome, Setting
from examples.user_sync.source import InputError, Lines, made_up, open_input
from supervision import Supervisor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from examples.user_sync.options import Options

__all__ = ["run_processes"]

ROOT = Path(__file__).resolve().parents[2]


class _Child:
    """One process of the job: gets its events on standard input, and says in its last line what they came to."""

    def __init__(self, options: Options, setting: Setting, number: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "examples.user_sync", "-", *_arguments(options, setting, number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            # Ctrl-C is for the parent, which passes it on: once.
            start_new_session=True,
        )
        self._last_line = b""
        self._reader = threading.Thread(target=self._read, name=f"process-{number}", daemon=True)
        self._reader.start()

    def feed(self, user: str) -> None:
        """Give the child an event, waiting while it has enough; nothing when it takes no more."""
        try:
            self._stdin.write(user.encode() + b"\n")
            self._stdin.flush()
        except OSError:
            # It was told to end, or died: what it was given and didn't do is in its report, or missing from the sum.
            return

    def end_feeding(self) -> None:
        try:
            self._stdin.close()
        except OSError:
            # What was still to be written has nobody to read it.
            return

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        self._process.kill()

    def result(self) -> dict[str, Any] | None:
        """Wait for the child's end, and return what it reports; None when it died without a report."""
        self._process.wait()
        self._reader.join()
        try:
            report: dict[str, Any] = json.loads(self._last_line)
        except ValueError:
            return None
        return report

    @property
    def _stdin(self) -> IO[bytes]:
        assert self._process.stdin is not None, "made with a pipe"
        return self._process.stdin

    def _read(self) -> None:
        assert self._process.stdout is not None, "made with a pipe"
        with self._process.stdout as stdout:
            for line in stdout:
                self._last_line = line


def run_processes(options: Options) -> Outcome:
    """Run the job in `options.processes` processes, against one service and one database.

    Raises:
        InputError, StoreError, PostgresUnavailable: the options ask for what can't be had.
    """
    with Interruption() as interruption, ExitStack() as stack:
        lines = stack.enter_context(open_input(options.input)) if options.input is not None else None
        setting = Setting(options, stack, interruption)
        stack.enter_context(Runtime())
        service = setting.service()
        stack.enter_context(Supervisor.start_link([service] if service else [], strategy="one_for_one"))
        children = [_Child(options, setting, number) for number in range(options.processes)]
        began = time.monotonic()
        _pass_signals_on(interruption, children, lines)
        fed = _Feeding(children, lines if lines is not None else made_up(options.seed))
        reports = [child.result() for child in children]
        fed.finish()
        if fed.error is not None:
            raise fed.error
        result = _sum(reports, setting, time.monotonic() - began)
        return Outcome(result, interruption.exit_code or int(None in reports or result.left > 0))


def _arguments(options: Options, setting: Setting, number: int) -> list[str]:
    given: dict[str, object] = {
        "lock": options.lock,
        "workers": options.workers,
        "latency": options.latency,
        "crash-rate": options.crash_rate,
        "poison-rate": options.poison_rate,
        "retry-delay": options.retry_delay,
        "attempts": options.attempts,
        "seed": options.seed * options.processes + number,
        "kill-registry-after": options.kill_registry_after,
        "kill-queue-after": options.kill_queue_after,
        "db": setting.database,
        "dsn": setting.dsn or None,
        "service": setting.service_url,
    }
    return ["--json", *(f"--{name}={value}" for name, value in given.items() if value is not None)]


def _pass_signals_on(interruption: Interruption, children: list[_Child], lines: Lines | None) -> None:
    def pass_on(number: int) -> None:
        if lines is not None:
            lines.stop()
        for child in children:
            child.signal(number)

    interruption.on_first = pass_on
    for child in children:
        interruption.at_once.callback(child.kill)
    if interruption.signal is not None:
        # It came while the children were being started.
        pass_on(interruption.signal)


class _Feeding:
    """Deals the events out to the children, one each in turn."""

    def __init__(self, children: list[_Child], users: Iterable[str]) -> None:
        self._children = children
        self._users = users
        self.error: InputError | None = None
        self._thread = threading.Thread(target=self._feed, name="feeding", daemon=True)
        self._thread.start()

    def finish(self) -> None:
        self._thread.join()

    def _feed(self) -> None:
        try:
            for number, user in enumerate(self._users):
                self._children[number % len(self._children)].feed(user)
        except InputError as error:
            self.error = error
        finally:
            for child in self._children:
                child.end_feeding()


def _sum(reports: list[dict[str, Any] | None], setting: Setting, seconds: float) -> Result:
    present = [report for report in reports if report is not None]
    counted = [f.name for f in fields(Result) if f.type == "int"]
    sums = {name: sum(report[name] for report in present) for name in counted}
    double_syncs, witness_restarts = setting.witnessed()
    return Result(
        **sums,
        double_syncs=double_syncs,
        witness_restarts=witness_restarts,
        seconds=seconds,
        events_per_second=sums["synced"] / seconds,
    )
