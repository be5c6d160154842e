"""One run of the job: set up, feed, watch, drain when told to, and say what it came to."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from actors import Backoff, ChildSpec, Queue, Runtime
from examples.user_sync.display import Glance, display_for
from examples.user_sync.job import LOCKS, Board, Job
from examples.user_sync.locks import AdvisoryLock, NoLock, RegistryLock, Table, TableLock
from examples.user_sync.postgres import PrivateCluster, check_server
from examples.user_sync.remote import Listener, RemoteUsers
from examples.user_sync.report import Result
from examples.user_sync.source import EVENTS, Lines, made_up, open_input
from examples.user_sync.store import Store
from examples.user_sync.system import Feed, RemoteService, start_system
from examples.user_sync.witness import read_testimony

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from actors import ActorRef
    from examples.user_sync.locks import UserLock
    from examples.user_sync.options import Options

__all__ = ["Interruption", "Outcome", "Setting", "run"]

TICK_SECONDS = 0.1
DRAIN_SECONDS = 30.0
QUEUE_SIZE = 10_000
GAVE_UP = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to, and the exit code that says so."""

    result: Result
    exit_code: int


class Interruption:
    """Ctrl-C and SIGTERM: the first one is noted, for the run to drain; a second one stops the program at once."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self.on_first: Callable[[int], None] | None = None
        self.at_once = ExitStack()
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._received)
        return self

    def __exit__(self, *_exc_info: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def exit_code(self) -> int:
        """As shells have it: 130 after Ctrl-C, 143 after SIGTERM."""
        return 0 if self.signal is None else 128 + self.signal

    def _received(self, number: int, _frame: FrameType | None) -> None:
        if self.signal is not None:
            self.at_once.close()
            # Threads may be anywhere in their work: nothing but the end of the process stops them now.
            os._exit(128 + number)
        self.signal = number
        if self.on_first is not None:
            self.on_first(number)


class Setting:
    """What stands around a run: a temporary folder, the witness's file, the service's address, and the database."""

    def __init__(self, options: Options, stack: ExitStack, interruption: Interruption) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="user-sync-"))
        for exits in (stack, interruption.at_once):
            exits.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.database = options.db if options.db is not None else str(self.folder / "users.db")
        Store(self.database).close()
        self.testimony = self.folder / "witness.log"
        self._options = options
        self._listener = stack.enter_context(Listener()) if options.service is None else None
        self.service_url = self._listener.url if self._listener is not None else options.service or ""
        self.dsn = self._dsn(stack, interruption) if options.lock == "postgres" else ""

    def _dsn(self, stack: ExitStack, interruption: Interruption) -> str:
        if self._options.dsn is not None:
            check_server(self._options.dsn)
            return self._options.dsn
        cluster = stack.enter_context(PrivateCluster.start())
        interruption.at_once.callback(cluster.stop)
        return cluster.dsn

    def service(self) -> ChildSpec | None:
        """How the tree starts the remote service; None when it is another's."""
        if self._listener is None:
            return None
        return ChildSpec(RemoteService, (self._listener, self.testimony, self._options.latency))

    def witnessed(self) -> tuple[int | None, int | None]:
        """Return the double syncs and the restarts that the witness saw, if it is ours to ask."""
        if self._listener is None:
            return None, None
        testimony = read_testimony(self.testimony)
        return testimony.double_syncs, testimony.restarts


def run(options: Options) -> Outcome:
    """Run the job in this process.

    Raises:
        InputError, StoreError, PostgresUnavailable: the options ask for what can't be had.
    """
    with Interruption() as interruption, ExitStack() as stack:
        lines = stack.enter_context(open_input(options.input)) if options.input is not None else None
        setting = Setting(options, stack, interruption)
        feed = Feed(iter(lines) if lines is not None else made_up(options.seed), options.poison_rate, options.seed)
        return _Run(options, setting, feed, lines, interruption).outcome()


class _Run:
    def __init__(
        self, options: Options, setting: Setting, feed: Feed, lines: Lines | None, interruption: Interruption
    ) -> None:
        self._options = options
        self._setting = setting
        self._feed = feed
        self._lines = lines
        self._interruption = interruption
        self._table = Table()
        self._queue = Queue(
            "sync_events", max_attempts=options.attempts, backoff=Backoff(0.01, cap=1.0), maxsize=QUEUE_SIZE
        )
        self._board = Board(_victims(options, self._queue))
        self._began = time.monotonic()

    def outcome(self) -> Outcome:
        job = Job(
            options=self._options,
            queue=self._queue,
            connect=partial(RemoteUsers, self._setting.service_url),
            open_store=partial(Store, self._setting.database),
            make_lock=self._lock_maker(),
            board=self._board,
            chance=random.Random(f"crash-{self._options.seed}"),
        )
        with Runtime():
            root = start_system(job, self._feed, self._setting.service())
            self._began = time.monotonic()
            try:
                self._watch(root)
            finally:
                self._stop_feeding()
                root.stop()
            result = self._result()
        if self._feed.error is not None:
            raise self._feed.error
        return Outcome(result, self._exit_code(result))

    def _lock_maker(self) -> Callable[[], UserLock]:
        match self._options.lock:
            case "none":
                return NoLock
            case "table":
                return lambda: TableLock(self._table)
            case "registry":
                return lambda: RegistryLock(LOCKS)
            case "postgres":
                return lambda: AdvisoryLock(self._setting.dsn)

    def _watch(self, root: ActorRef[Any]) -> None:
        """Wait for the end: all done, only stuck users left, told to stop, or the tree given up."""
        with display_for(is_terminal=sys.stdout.isatty()) as display:
            while root.is_alive() and self._interruption.signal is None and not self._is_done():
                display.show(self._glance())
            if self._interruption.signal is not None and root.is_alive():
                self._queue.pause()
                self._stop_feeding()
                self._queue.drain(DRAIN_SECONDS)
            display.show(self._glance())

    def _is_done(self) -> bool:
        """Wait a moment; tell whether nothing is left that can be done."""
        if self._feed.ended.wait(TICK_SECONDS) and self._queue.join(TICK_SECONDS):
            return True
        pending = self._pending()
        # A queue that is full of stuck users lets nobody else in.
        is_at_its_end = self._feed.ended.is_set() or len(pending) >= QUEUE_SIZE
        return is_at_its_end and {event.user for event in pending} <= self._table.stuck_users()

    def _pending(self) -> list[Any]:
        return self._queue.pending()

    def _stop_feeding(self) -> None:
        if self._lines is not None:
            self._lines.stop()
        self._queue.close()

    def _glance(self) -> Glance:
        return Glance(
            lock=self._options.lock,
            queue=self._queue.stats(),
            holding=self._board.holding,
            workers=self._options.workers,
            crashes=self._board.crashes,
            restarts=max(self._board.starts - self._options.workers, 0),
            expected=self._expected(),
            seconds=time.monotonic() - self._began,
        )

    def _expected(self) -> int | None:
        if self._lines is None:
            return EVENTS
        return self._feed.events if self._feed.ended.is_set() else None

    def _result(self) -> Result:
        seconds = time.monotonic() - self._began
        stats = self._queue.stats()
        stuck_users = self._table.stuck_users()
        stuck = sum(1 for event in self._pending() if event.user in stuck_users)
        double_syncs, witness_restarts = self._setting.witnessed()
        return Result(
            events=stats.put,
            synced=stats.acked,
            requeued=stats.snoozed,
            crashes=self._board.crashes,
            restarts=max(self._board.starts - self._options.workers, 0),
            dead=stats.dead,
            stuck=stuck,
            left=stats.ready + stats.delayed + stats.in_flight - stuck,
            double_syncs=double_syncs,
            witness_restarts=witness_restarts,
            seconds=seconds,
            events_per_second=stats.acked / seconds,
        )

    def _exit_code(self, result: Result) -> int:
        if self._interruption.signal is not None:
            return self._interruption.exit_code
        return GAVE_UP if result.left else 0


def _victims(options: Options, queue: Queue) -> list[tuple[int, str]]:
    victims = [(options.kill_registry_after, LOCKS.name), (options.kill_queue_after, queue.name)]
    return [(after, name) for after, name in victims if after is not None]
