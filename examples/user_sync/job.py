"""What all parts of a run share, and the worker that does the work."""

from __future__ import annotations

import random
import threading
import weakref
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from actors import Queue, Registry, Snooze, Worker, whereis
from examples.user_sync.locks import Busy

if TYPE_CHECKING:
    from collections.abc import Callable

    from examples.user_sync.locks import UserLock
    from examples.user_sync.options import Options
    from examples.user_sync.remote import RemoteUsers
    from examples.user_sync.source import SyncEvent
    from examples.user_sync.store import Store

__all__ = ["LOCKS", "Board", "Job", "SyncWorker"]

LOCKS = Registry("user_locks", keys="unique")


class Board:
    """What happens, counted by those to whom it happens; any thread may write and look."""

    def __init__(self, kill_after: list[tuple[int, str]]) -> None:
        self._lock = threading.Lock()
        self._kill_after = kill_after
        self.holding: dict[int, str] = {}
        self.synced = 0
        self.crashes = 0
        self.starts = 0

    def started(self) -> None:
        with self._lock:
            self.starts += 1

    def crashed(self) -> None:
        with self._lock:
            self.crashes += 1

    def finished(self) -> None:
        """Count a sync; and kill whom the options say is to be killed after so many."""
        with self._lock:
            self.synced += 1
            victims = [name for after, name in self._kill_after if after == self.synced]
        for ref in filter(None, map(whereis, victims)):
            ref.kill()


@dataclass(frozen=True)
class Job:
    """What the workers of a run share; of the service and the database, how each gets a connection of its own."""

    options: Options
    queue: Queue
    connect: Callable[[], RemoteUsers]
    open_store: Callable[[], Store]
    make_lock: Callable[[], UserLock]
    board: Board
    chance: random.Random = field(default_factory=random.Random)


class SyncWorker(Worker):
    """Syncs one user after the other. Blocked by nobody's lock: a locked user's event comes back later."""

    # The program waits for the end of the job, and for no worker that hangs.
    use_daemon_thread: ClassVar[bool] = True

    def __init__(self, job: Job, number: int) -> None:
        super().__init__(job.queue)
        self._job = job
        self._number = number
        self._belongings = ExitStack()
        # Also when this worker is killed, and no hook of it runs: what it holds is given back when it is collected,
        # which can't be before its code has ended.
        weakref.finalize(self, self._belongings.close)

    def on_start(self) -> None:
        own = self._belongings
        self._remote = self._job.connect()
        own.callback(self._remote.close)
        self._store = self._job.open_store()
        own.callback(self._store.close)
        self._lock = self._job.make_lock()
        own.callback(self._lock.close)
        self._job.board.started()

    def handle_event(self, event: SyncEvent) -> None:
        try:
            with self._lock.holding(event.user):
                self._sync(event)
        except Busy:
            raise Snooze(self._job.options.retry_delay) from None
        self._job.board.finished()

    def _sync(self, event: SyncEvent) -> None:
        board, options = self._job.board, self._job.options
        board.holding[self._number] = event.user
        try:
            crash = event.is_poison or self._job.chance.random() < options.crash_rate
            self._remote.sync(event.user, crash=crash)
            self._store.record(event.user)
        finally:
            board.holding.pop(self._number, None)

    def on_stop(self) -> None:
        self._belongings.close()

    def on_failure(self, *_exc_info: object) -> None:
        self._job.board.crashed()
        self._belongings.close()
