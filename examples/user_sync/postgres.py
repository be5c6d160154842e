"""PostgreSQL's session advisory locks, and a private server for those who have none running."""

from __future__ import annotations

import hashlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Self

import psycopg

__all__ = ["AdvisoryLocks", "PostgresUnavailable", "PrivateCluster", "check_server", "find_binaries"]

CONNECT_SECONDS = 5
STATEMENT_SECONDS = 5
START_SECONDS = 30.0
STOP_SECONDS = 10.0
DEBIAN = Path("/usr/lib/postgresql")

# Runs the server until its own standard input ends, which it does with the process that holds the other end, however
# that one ends; then the server stops, and the folder goes. Until then a server that ended by itself leaves its log.
# The signal is repeated, since a server that has only begun to start ignores it.
KEEPER = """
folder=$1; shift
exec 3<&0
"$@" </dev/null >"$folder/log" 2>&1 3<&- &
server=$!
{
    read -r _ <&3
    while [ ! -e "$folder/ended" ] && kill -INT $server; do sleep 0.05; done
} 2>/dev/null &
wait $server
: >"$folder/ended"
wait
rm -rf "$folder"
"""

SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "shared_buffers": "16MB",
    "max_connections": "200",
}


class PostgresUnavailable(Exception):
    """There is no PostgreSQL server to be had; says in one line what to do."""


def find_binaries() -> Path | None:
    """Return the folder of a PostgreSQL server's programs: the one on PATH, else the newest of Debian's, else None."""
    on_path = [Path(folder).absolute() for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    newest_first = sorted(DEBIAN.glob("*/bin"), key=_version, reverse=True)
    for folder in [*on_path, *newest_first]:
        # Debian has clients on PATH, without a server.
        if all(shutil.which(program, path=folder) for program in ("initdb", "postgres")):
            return folder
    return None


def _version(folder: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", folder.parent.name)]


class PrivateCluster:
    """A PostgreSQL server of one's own, in a temporary folder, reached through a socket in that folder only.

        with PrivateCluster.start() as cluster:
            psycopg.connect(cluster.dsn)

    Started by root it runs as an ordinary user, since PostgreSQL refuses root. It ends with the process that started
    it, however that one ends.
    """

    def __init__(self, folder: Path, process: subprocess.Popen[bytes]) -> None:
        self.folder = folder
        self._process = process
        self.dsn = f"host={folder} user=postgres dbname=postgres"

    @classmethod
    def start(cls) -> Self:
        """Make a cluster, and start its server; takes a second or two.

        Raises:
            PostgresUnavailable: the programs are not there, or the server doesn't come up.
        """
        binaries = find_binaries()
        if binaries is None:
            msg = "PostgreSQL's server programs were not found: install the package 'postgresql', or give --dsn"
            raise PostgresUnavailable(msg)
        # Short, since the path of a socket may have about a hundred bytes only.
        folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
        with ExitStack() as failed:
            failed.callback(shutil.rmtree, folder, ignore_errors=True)
            identity = _ordinary_user(folder)
            _make_cluster(binaries, folder, identity)
            cluster = cls(folder, _start_server(binaries, folder, identity))
            failed.callback(cluster.stop)
            cluster._await_ready()
            failed.pop_all()
        return cluster

    def stop(self) -> None:
        """Stop the server, and remove all that there was of it; any number of times."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            # The server is in the group of its keeper.
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self.stop()

    def _await_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        ended = self.folder / "ended"
        while self._process.poll() is None and not ended.exists() and time.monotonic() < deadline:
            with suppress(psycopg.OperationalError), psycopg.connect(self.dsn, connect_timeout=CONNECT_SECONDS):
                return
            # The server has no way to tell a stranger that it is ready, but to answer.
            time.sleep(0.02)
        log = self.folder / "log"
        said = log.read_text(errors="replace") if log.exists() else ""
        raise PostgresUnavailable(f"the private PostgreSQL server didn't start: {_reason(said)}")


def _reason(said: str) -> str:
    """Return the line that tells what went wrong, of all that a program said; the last one when none does."""
    lines = said.strip().splitlines() or ["it said nothing"]
    errors = [line for line in lines if re.search(r"\b(PANIC|FATAL|ERROR|error):", line)]
    return (errors or lines)[-1].strip()


def _ordinary_user(folder: Path) -> dict[str, Any]:
    """Return how to start a program as an ordinary user, to whom the folder is given; nothing when we are one."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _make_cluster(binaries: Path, folder: Path, identity: dict[str, Any]) -> None:
    command = [
        *(str(binaries / "initdb"), "--pgdata", str(folder / "data"), "--username=postgres", "--auth=trust"),
        *("--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"),
    ]
    try:
        made = subprocess.run(command, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, check=False, **identity)
    except OSError as error:
        raise PostgresUnavailable(f"the private PostgreSQL cluster couldn't be made: {error}") from error
    if made.returncode != 0:
        said = made.stderr.decode(errors="replace")
        raise PostgresUnavailable(f"the private PostgreSQL cluster couldn't be made: {_reason(said)}")


def _start_server(binaries: Path, folder: Path, identity: dict[str, Any]) -> subprocess.Popen[bytes]:
    server = [str(binaries / "postgres"), "-D", str(folder / "data"), "-k", str(folder)]
    settings = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
    return subprocess.Popen(
        ["/bin/sh", "-c", KEEPER, "sh", str(folder), *server, *settings],
        cwd="/",
        stdin=subprocess.PIPE,
        # Ctrl-C is for the program that uses the server.
        start_new_session=True,
        **identity,
    )


class AdvisoryLocks:
    """One session's locks on users, over a connection of its own; for use by one thread.

    The server frees them when the connection ends, in whatever way. The key is a hash of the user's id with 64 bits
    (BLAKE2b), so two users could share one, which costs a little waiting and no mistake.

    Args:
        dsn: the server, as PostgreSQL writes it.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: psycopg.Connection[tuple[bool]] | None = None

    def acquire(self, user: str) -> bool:
        """Take the lock of this user if no other session has it; tell whether it was taken. Doesn't wait.

        A session that takes a lock twice has to release it twice.

        Raises:
            psycopg.Error: the server can't be reached, or doesn't answer in time.
        """
        return self._call("SELECT pg_try_advisory_lock(%s)", user)

    def release(self, user: str) -> None:
        """Give the lock of this user back.

        Raises:
            RuntimeError: this session doesn't have it.
            psycopg.Error: the server can't be reached; then it has freed all locks of this session, or will.
        """
        if not self._call("SELECT pg_advisory_unlock(%s)", user):
            msg = f"the lock of {user!r} isn't held by this session"
            raise RuntimeError(msg)

    def close(self) -> None:
        """End the session, and with it all of its locks; any number of times."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self.close()

    def _call(self, query: str, user: str) -> bool:
        key = lock_key(user)
        try:
            row = self._session().execute(query, (key,)).fetchone()
        except BaseException:
            # Whether the server did it is unknown; without the connection it holds nothing.
            self.close()
            raise
        assert row is not None, "these functions return one row"
        return row[0]

    def _session(self) -> psycopg.Connection[tuple[bool]]:
        if self._connection is None:
            self._connection = psycopg.connect(
                self._dsn,
                autocommit=True,
                connect_timeout=CONNECT_SECONDS,
                application_name="user_sync",
                options=f"-c statement_timeout={STATEMENT_SECONDS}s",
            )
        return self._connection


def check_server(dsn: str) -> None:
    """Make sure that there is a server to be reached.

    Raises:
        PostgresUnavailable: there is none; says why in one line.
    """
    try:
        psycopg.connect(dsn, connect_timeout=CONNECT_SECONDS).close()
    except psycopg.Error as error:
        said = " ".join(str(error).split())
        raise PostgresUnavailable(f"{dsn}: {said}") from error


def lock_key(user: str) -> int:
    """Return a user's key among the server's advisory locks: a whole number of 64 bits, with a sign."""
    # Half a surrogate pair, which JSON lets through, is a character like others here.
    name = user.encode(errors="surrogatepass")
    return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "big", signed=True)
