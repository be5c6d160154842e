"""PostgreSQL's locks as the job uses them, on a private server of the tests' own."""

from __future__ import annotations

import contextlib
import os
import pwd
import select
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from examples.user_sync import postgres
from examples.user_sync.postgres import AdvisoryLocks, PostgresUnavailable, PrivateCluster, find_binaries, lock_key
from tests.examples.program import require_postgres
from tests.support import CAP

ROOT = Path(__file__).resolve().parents[2]

needs_server = pytest.mark.postgres

# Says where its cluster is, as a user who isn't root, and keeps it until its standard input ends.
OWNER = """
import os, sys
from examples.user_sync.postgres import PrivateCluster
if os.geteuid() == 0:
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
with PrivateCluster.start() as cluster:
    print(cluster.folder, os.geteuid(), flush=True)
    sys.stdin.read()
"""

# Takes the lock, says whether it got it, and keeps it until its standard input ends.
HOLDER = """
import sys
from examples.user_sync.postgres import AdvisoryLocks
locks = AdvisoryLocks(sys.argv[1])
print(locks.acquire("ada"), flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def dsn():
    """The server that those tests share which don't end it."""
    require_postgres()
    with PrivateCluster.start() as cluster:
        yield cluster.dsn


@pytest.fixture
def sessions(dsn):
    """Two sessions of two workers."""
    with AdvisoryLocks(dsn) as one, AdvisoryLocks(dsn) as other:
        yield one, other


@contextlib.contextmanager
def program(source, *arguments):
    """Run a Python program, with pipes to it; it is killed at the end of the block."""
    command = [sys.executable, "-c", source, *arguments]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for_lock(dsn, user):
    """Take a user's lock in a new session, waiting at the server for it; an error when nobody releases it."""
    milliseconds = round(CAP * 1000)
    with psycopg.connect(dsn, options=f"-c statement_timeout={milliseconds}") as session:
        session.execute("SELECT pg_advisory_lock(%s)", (lock_key(user),))


def server_pid(folder):
    return int((folder / "data" / "postmaster.pid").read_text().split()[0])


@contextlib.contextmanager
def watched(*pids):
    """Watch processes, which are to end in the block or soon after it."""
    with contextlib.ExitStack() as stack:
        handles = [os.pidfd_open(pid) for pid in pids]
        for handle in handles:
            stack.callback(os.close, handle)
        yield
        assert all(select.select([handle], [], [], CAP)[0] for handle in handles)


def has_ended(pid):
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], 0)[0])
    finally:
        os.close(handle)


def parent(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def family(folder):
    """The processes of a cluster: the server, its own children, and what stands between it and us."""
    server = server_pid(folder)
    keeper = parent(server)
    return [keeper, *children(keeper), *children(server)]


def open_files():
    return sorted(path.name for path in Path("/proc/self/fd").iterdir())


@needs_server
def test_a_stopped_cluster_leaves_nothing_behind():
    before = open_files()
    with PrivateCluster.start() as cluster:
        processes = family(cluster.folder)
        with psycopg.connect(cluster.dsn) as session:
            assert session.execute("SELECT 1").fetchone() == (1,)
        session.close()
        assert cluster.folder.stat().st_mode & 0o777 == 0o700

    assert len(processes) >= 3
    assert all(has_ended(pid) for pid in processes)
    assert not cluster.folder.exists()
    assert open_files() == before


@needs_server
def test_a_cluster_stops_while_sessions_are_open():
    with PrivateCluster.start() as cluster, AdvisoryLocks(cluster.dsn) as locks:
        assert locks.acquire("ada")
        server = server_pid(cluster.folder)
        cluster.stop()

        assert has_ended(server)
        with pytest.raises(psycopg.OperationalError):
            locks.acquire("grace")
    assert not cluster.folder.exists()


@needs_server
def test_the_server_listens_on_its_socket_only(dsn):
    with psycopg.connect(dsn) as session:
        assert session.execute("SHOW listen_addresses").fetchone() == ("",)


@needs_server
def test_a_server_that_hangs_is_killed_at_last(monkeypatch):
    monkeypatch.setattr(postgres, "STOP_SECONDS", 0.1)
    cluster = PrivateCluster.start()
    server = server_pid(cluster.folder)

    with watched(server):
        os.kill(server, signal.SIGSTOP)
        cluster.stop()

    assert not cluster.folder.exists()


@needs_server
def test_a_server_that_is_starting_stops_too(monkeypatch):
    begun = []
    monkeypatch.setattr(PrivateCluster, "_await_ready", lambda cluster: begun.append(cluster) or 1 / 0)

    with pytest.raises(ZeroDivisionError):
        PrivateCluster.start()

    (cluster,) = begun
    assert cluster._process.returncode == 0, "killed, after it didn't stop"
    assert not cluster.folder.exists()


@needs_server
def test_a_cluster_ends_with_its_killed_owner():
    with program(OWNER) as owner:
        folder = Path(owner.stdout.readline().split()[0].decode())

        with watched(*family(folder)):
            owner.kill()

    assert not folder.exists()


@needs_server
def test_an_ordinary_user_has_a_cluster_too():
    with program(OWNER) as owner:
        folder, user = owner.stdout.readline().decode().split()
        assert user != "0"
        assert Path(folder).stat().st_uid == int(user)

        owner.communicate(timeout=CAP)

    assert owner.returncode == 0
    assert not Path(folder).exists()


@needs_server
@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
@pytest.mark.parametrize("name", ["postgres", "nobody"])
def test_root_has_its_cluster_run_by_another(name, monkeypatch):
    user = pwd.getpwnam(name)
    monkeypatch.setattr(pwd, "getpwall", lambda: [user])

    with PrivateCluster.start() as cluster:
        server = server_pid(cluster.folder)

        assert Path(f"/proc/{server}").stat().st_uid == user.pw_uid
    assert not cluster.folder.exists()


@needs_server
@pytest.mark.parametrize("value", ["nonsense", "-1"])
def test_a_failed_start_says_why_in_one_line(value, monkeypatch):
    before = open_files()
    folders = []
    monkeypatch.setitem(postgres.SETTINGS, "max_connections", value)
    monkeypatch.setattr(postgres, "_ordinary_user", keeping(folders, postgres._ordinary_user))

    with pytest.raises(PostgresUnavailable, match=r"didn't start: .*max_connections") as caught:
        PrivateCluster.start()

    assert "\n" not in str(caught.value)
    assert not folders[0].exists()
    assert open_files() == before


def keeping(arguments, function):
    """Return the function, which now keeps what it is called with."""

    def call(argument):
        arguments.append(argument)
        return function(argument)

    return call


@needs_server
def test_a_second_session_is_refused_until_release(sessions):
    one, other = sessions
    assert one.acquire("ada")

    assert not other.acquire("ada")
    one.release("ada")

    assert other.acquire("ada")
    assert not one.acquire("ada")


@needs_server
def test_closing_the_connection_frees_all_its_locks(sessions, dsn):
    one, other = sessions
    assert one.acquire("ada")
    assert one.acquire("grace")
    assert not other.acquire("ada")

    one.close()
    one.close()

    wait_for_lock(dsn, "ada")
    wait_for_lock(dsn, "grace")


@needs_server
def test_a_killed_holders_lock_is_freed_by_the_server(sessions, dsn):
    _, other = sessions
    with program(HOLDER, dsn) as holder:
        assert holder.stdout.readline() == b"True\n"
        assert not other.acquire("ada")

        holder.kill()

        wait_for_lock(dsn, "ada")


@needs_server
def test_releasing_what_is_not_held_is_an_error(sessions):
    one, other = sessions
    assert one.acquire("ada")

    with pytest.raises(RuntimeError, match="'ada' isn't held"):
        other.release("ada")

    assert not other.acquire("ada")


@needs_server
def test_distinct_users_are_locked_at_once(sessions):
    one, other = sessions
    users = [f"user-{number}" for number in range(200)]

    assert all(one.acquire(user) for user in users[::2])
    assert all(other.acquire(user) for user in users[1::2])


@needs_server
@pytest.mark.parametrize(
    "user",
    ["", "ž 測試 🙂", "o'brien; --", "%s %%", "a\0b", "\ud800", "x" * 100_000],
    ids=lambda user: ascii(user)[:20],
)
def test_any_text_can_be_a_users_id(user, sessions):
    one, other = sessions

    assert one.acquire(user)
    assert not other.acquire(user)
    one.release(user)


@needs_server
def test_a_broken_connection_is_replaced_by_another(sessions, dsn):
    one, other = sessions
    assert one.acquire("ada")
    with psycopg.connect(dsn) as session:
        session.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory'")

    with pytest.raises(psycopg.OperationalError):
        one.acquire("grace")

    assert other.acquire("ada")
    assert one.acquire("grace")


@needs_server
def test_a_session_has_limits_and_a_name(sessions, dsn):
    one, _ = sessions
    assert one.acquire("ada")

    with psycopg.connect(dsn) as session:
        names = session.execute("SELECT application_name FROM pg_stat_activity WHERE datname = 'postgres'").fetchall()
    assert ("user_sync",) in names
    assert one._session().execute("SHOW statement_timeout").fetchone() == ("5s",)


def test_users_keys_are_stable_and_differ():
    users = [f"user-{number}" for number in range(10_000)]
    keys = {lock_key(user) for user in users}

    assert lock_key("ada") == 1_562_989_052_550_317_351
    assert len(keys) == len(users)
    assert all(-(2**63) <= key < 2**63 for key in keys)


def test_connections_are_made_only_when_needed():
    with AdvisoryLocks("host=/nowhere") as locks:
        with pytest.raises(psycopg.OperationalError):
            locks.acquire("ada")
        locks.close()


def test_missing_programs_are_told_in_one_line(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgres, "DEBIAN", tmp_path)

    with pytest.raises(PostgresUnavailable, match=r"install the package 'postgresql'.* --dsn$") as caught:
        PrivateCluster.start()

    assert "\n" not in str(caught.value)


def test_the_newest_server_is_chosen_by_number(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgres, "DEBIAN", tmp_path)
    for version in ("9.6", "15", "16"):
        make_programs(tmp_path / version / "bin", "initdb", "postgres")
    make_programs(tmp_path / "17" / "bin", "psql")

    assert find_binaries() == tmp_path / "16" / "bin"


def test_a_server_on_path_is_taken_first(monkeypatch, tmp_path):
    make_programs(tmp_path / "clients", "psql", "initdb")
    make_programs(tmp_path / "server", "initdb", "postgres")
    make_programs(tmp_path / "16" / "bin", "initdb", "postgres")
    monkeypatch.setenv("PATH", f"{tmp_path / 'clients'}{os.pathsep}{tmp_path / 'server'}")
    monkeypatch.setattr(postgres, "DEBIAN", tmp_path)

    assert find_binaries() == tmp_path / "server"


def make_programs(folder, *names):
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).touch(mode=0o755)
