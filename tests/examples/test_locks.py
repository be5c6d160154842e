"""The four locks, each as a worker uses it."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest

from actors import ActorError, Registry, Worker
from examples.user_sync.locks import Busy, NoLock, RegistryLock, Table, TableLock
from examples.user_sync.store import Store, StoreError
from tests.support import Probe


@pytest.fixture
def registry_lock():
    registry = Registry("locks")
    registry.start_link()
    return RegistryLock(registry)


def holds_forever(lock, user):
    """Enter the lock, and never leave it."""
    held = lock.holding(user)
    held.__enter__()
    _never_left.append(held)
    return held


_never_left = []


@pytest.fixture(autouse=True)
def leave_at_last():
    """Close what nobody has left: the interpreter would, at any time and in any thread, and complain."""
    yield
    while _never_left:
        # Whose it was is gone, so that the end of it fails.
        with contextlib.suppress(ActorError):
            _never_left.pop().gen.close()


def crash(probe):
    """End the probe with an exception while it holds what it holds."""
    probe.tell("crash")


class Crasher(Probe):
    def on_receive(self, message):
        if message == "crash":
            raise RuntimeError(message)
        return super().on_receive(message)


def test_no_lock_lets_everybody_in():
    lock = NoLock()

    with lock.holding("ada"), lock.holding("ada"):
        pass


@pytest.mark.parametrize("kind", ["table", "registry"])
def test_a_held_user_is_busy_for_others_until_released(kind, registry_lock):
    lock = registry_lock if kind == "registry" else TableLock(Table())
    holder, other = Probe.start(), Probe.start()
    held = holder.ask(lambda: holds_forever(lock, "ada"))

    with pytest.raises(Busy):
        other.ask(lambda: holds_forever(lock, "ada"))
    holder.ask(lambda: held.__exit__(None, None, None))

    other.ask(lambda: holds_forever(lock, "ada"))


def test_the_table_keeps_a_crashed_holders_user_locked():
    table = Table()
    lock = TableLock(table)
    holder, other = Crasher.start(), Probe.start()
    holder.ask(lambda: holds_forever(lock, "ada"))
    assert table.stuck_users() == set()

    crash(holder)
    assert holder.join(5)

    with pytest.raises(Busy):
        other.ask(lambda: holds_forever(lock, "ada"))
    assert table.stuck_users() == {"ada"}


def test_the_registry_frees_a_crashed_holders_user(registry_lock):
    holder, other = Crasher.start(), Probe.start()
    holder.ask(lambda: holds_forever(registry_lock, "ada"))

    crash(holder)
    assert holder.join(5)

    other.ask(lambda: holds_forever(registry_lock, "ada"))


def test_the_store_counts_a_users_syncs(tmp_path):
    store = Store(str(tmp_path / "users.db"))
    for user in ("ada", "grace", "ada"):
        store.record(user)

    assert store.total_syncs() == 3
    store.close()


def test_a_file_that_is_no_database_is_named(tmp_path):
    path = tmp_path / "letter.txt"
    path.write_text("Dear database, " * 100)

    with pytest.raises(StoreError, match=r"letter\.txt: "):
        Store(str(path))


def test_a_database_with_other_columns_is_named(tmp_path):
    path = tmp_path / "users.db"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE users (name TEXT)")

    with pytest.raises(StoreError, match="no such column"):
        Store(str(path))


def test_the_worker_of_the_job_is_an_ordinary_worker():
    from examples.user_sync.job import SyncWorker

    assert issubclass(SyncWorker, Worker)
    assert SyncWorker.max_demand == 1
