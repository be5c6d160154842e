"""What is kept of synced users, in SQLite."""

from __future__ import annotations

import sqlite3
import time

__all__ = ["Store", "StoreError"]

SCHEMA = "CREATE TABLE IF NOT EXISTS users (id TEXT PRIMARY KEY, last_sync REAL NOT NULL, syncs INTEGER NOT NULL)"
UPSERT = """
    INSERT INTO users VALUES (?, ?, 1)
    ON CONFLICT (id) DO UPDATE SET last_sync = excluded.last_sync, syncs = syncs + 1
"""


class StoreError(Exception):
    """The database can't be used; says in one line which and why."""


class Store:
    """One connection to the database of synced users; each worker has its own.

    Args:
        path: the database file, made when it isn't there.

    Raises:
        StoreError: it can't be opened, or is no database.
    """

    def __init__(self, path: str) -> None:
        try:
            # Autocommit; opened by a worker's thread, and closed by another when the worker was killed.
            self._connection = sqlite3.connect(path, timeout=30.0, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            msg = f"{path}: {error}"
            raise StoreError(msg) from error
        try:
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute(SCHEMA)
            self._connection.execute("SELECT id, last_sync, syncs FROM users LIMIT 0")
        except sqlite3.Error as error:
            self._connection.close()
            msg = f"{path}: {error}"
            raise StoreError(msg) from error

    def record(self, user: str) -> None:
        """Note that a user was synced now."""
        self._connection.execute(UPSERT, (user, time.time()))

    def total_syncs(self) -> int:
        """Return how many syncs were noted, of all users."""
        (total,) = self._connection.execute("SELECT coalesce(sum(syncs), 0) FROM users").fetchone()
        return int(total)

    def close(self) -> None:
        self._connection.close()
