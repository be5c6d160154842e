"""Four ways to keep two workers from syncing the same user at once. Only one row of each differs."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from actors import AlreadyRegistered, Registry, current_actor
from examples.user_sync.postgres import AdvisoryLocks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from actors import ActorRef

__all__ = ["AdvisoryLock", "Busy", "NoLock", "RegistryLock", "Table", "TableLock", "UserLock"]


class Busy(Exception):
    """Another worker has this user now."""


class UserLock(Protocol):
    """A worker's way to have a user for itself."""

    def holding(self, user: str) -> AbstractContextManager[None]:
        """Hold the user for the time of a `with` block.

        Raises:
            Busy: another worker has it; at once, nobody waits here.
        """
        ...

    def close(self) -> None:
        """Give back what the lock needs; called when the worker ends."""
        ...


class NoLock:
    """Hope for the best."""

    @contextmanager
    def holding(self, _user: str) -> Iterator[None]:
        yield

    def close(self) -> None:
        """Nothing to give back."""


class Table:
    """A plain table of who has which user, shared by all workers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holders: dict[str, ActorRef[Any] | None] = {}

    def insert(self, user: str) -> bool:
        with self._lock:
            if user in self._holders:
                return False
            self._holders[user] = current_actor()
            return True

    def delete(self, user: str) -> None:
        with self._lock:
            del self._holders[user]

    def stuck_users(self) -> set[str]:
        """Return the users whose holder is gone: nobody will ever delete them."""
        with self._lock:
            return {user for user, ref in self._holders.items() if ref is not None and ref.state() == "gone"}


class TableLock:
    """Insert on start, delete on end: right, until a worker crashes in between."""

    def __init__(self, table: Table) -> None:
        self._table = table

    @contextmanager
    def holding(self, user: str) -> Iterator[None]:
        if not self._table.insert(user):
            raise Busy(user)
        yield
        # In no `finally`: this is how it is done without anybody who watches the holders. A worker that dies doesn't
        # come by here.
        self._table.delete(user)

    def close(self) -> None:
        """Nothing to give back."""


class RegistryLock:
    """The worker registers itself under the user's id, and the Registry watches the worker."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    @contextmanager
    def holding(self, user: str) -> Iterator[None]:
        try:
            self._registry.register(user)
        except AlreadyRegistered:
            raise Busy(user) from None
        try:
            yield
        finally:
            self._registry.unregister(user)

    def close(self) -> None:
        """Nothing to give back: the Registry does, when the worker is gone."""


class AdvisoryLock:
    """PostgreSQL's session locks: the server frees them when the worker's connection ends."""

    def __init__(self, dsn: str) -> None:
        self._locks = AdvisoryLocks(dsn)

    @contextmanager
    def holding(self, user: str) -> Iterator[None]:
        if not self._locks.acquire(user):
            raise Busy(user)
        try:
            yield
        finally:
            self._locks.release(user)

    def close(self) -> None:
        self._locks.close()
