"""The remote service as its clients see it, and its process as the one that starts it does."""

from __future__ import annotations

import select
import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self
from urllib.parse import quote

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Listener", "RemoteUsers", "ServiceFailed", "ServiceProcess", "SyncCrashed"]

ROOT = Path(__file__).resolve().parents[2]


class SyncCrashed(Exception):
    """The worker crashed in the middle of a sync of this user, as it was asked to."""


class ServiceFailed(Exception):
    """The service's process didn't come to serve; says what it wrote to stderr."""


class RemoteUsers:
    """A client of the service, with one connection; for use by one thread.

    Args:
        url: where the service is.
        timeout: seconds that any step of a call may take: to connect, to send, to get the next part of the answer.
    """

    def __init__(self, url: str, *, timeout: float = 5.0) -> None:
        # No proxy and no certificates of the environment: the service is on this machine.
        limits = httpx.Limits(max_connections=1)
        self._client = httpx.Client(base_url=url, timeout=timeout, limits=limits, trust_env=False, verify=False)

    def sync(self, user: str, *, crash: bool = False) -> None:
        """Sync one user, and return when it is done.

        Whatever is raised, the connection is closed by then, and the service has noticed: it aborts the sync before it
        takes any later request. One that hangs does so when it goes on.

        Args:
            user: the user's id, any text.
            crash: raise an exception when the sync has begun, and without waiting for its end.

        Raises:
            SyncCrashed: as asked for.
            httpx.HTTPError: the service can't be reached, went away, took too long, or refused.
        """
        with self._client.stream("POST", f"/users/{_quoted(user)}/sync") as response, _hanging_up_on_error(response):
            response.raise_for_status()
            if crash:
                raise SyncCrashed(user)
            response.read()

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self.close()


def _quoted(user: str) -> str:
    # The dots too: a user of the name `..` would be taken for a step up in the path.
    return quote(user, safe="").replace(".", "%2E")


@contextmanager
def _hanging_up_on_error(response: httpx.Response) -> Iterator[None]:
    """Let no exception out before the service has taken note that this side hung up."""
    connection: socket.socket = response.extensions["network_stream"].get_extra_info("socket")
    # A handle of our own: the client closes its one on an error, which alone wouldn't say when the service noticed.
    with connection.dup() as line:
        try:
            yield
        except BaseException:
            with suppress(OSError):
                line.shutdown(socket.SHUT_WR)
                while line.recv(4096):
                    pass
            raise


class Listener:
    """A port of this machine, kept while the processes that serve it come and go; clients wait in between."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=1024)
        host, port = self._socket.getsockname()
        self.url = f"http://{host}:{port}"

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self.close()


class ServiceProcess:
    """One process of the service, from `start` to `stop`. It ends with this process, however this one ends.

    Args:
        listener: the port to serve; one process at a time.
        witness: the file in which the service records each sync.
        latency: seconds that a sync takes.
    """

    def __init__(self, listener: Listener, witness: Path, *, latency: float) -> None:
        self._listener = listener
        self._options = ["--witness", str(witness.resolve()), "--latency", str(latency)]
        self._process: subprocess.Popen[bytes] | None = None
        self._files = ExitStack()

    @property
    def url(self) -> str:
        return self._listener.url

    @property
    def pid(self) -> int:
        return self._started().pid

    def start(self, timeout: float = 10.0) -> None:
        """Start the process, and return when it serves, at most `timeout` seconds later.

        Raises:
            ServiceFailed: it ended, or didn't come to serve in time; nothing is left of it.
        """
        if self._process is not None:
            raise RuntimeError("this process was started already; make another one")
        with ExitStack() as failed:
            failed.callback(self.stop, patience=0.0)
            stderr = self._files.enter_context(tempfile.TemporaryFile())
            self._process = self._spawn(stderr)
            if not _is_ready(self._process, timeout):
                raise ServiceFailed(f"the service didn't come to serve: {_read_again(stderr) or 'silence'}")
            failed.pop_all()

    def wait(self, timeout: float | None = None) -> int:
        """Wait until the process has ended, and return its exit code; -9 after SIGKILL.

        Raises:
            subprocess.TimeoutExpired: it is still there after so many seconds.
        """
        return self._started().wait(timeout)

    def stop(self, patience: float = 3.0) -> None:
        """End the process, when it is still there, and clean up; any number of times.

        Args:
            patience: seconds that it gets to end by itself.
        """
        if self._process is not None:
            _end(self._process, patience)
        self._files.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self.stop()

    def _spawn(self, stderr: IO[bytes]) -> subprocess.Popen[bytes]:
        fd = self._listener.fileno()
        return subprocess.Popen(
            [sys.executable, "-m", f"{__package__}.service", "--fd", str(fd), *self._options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            pass_fds=[fd],
            cwd=ROOT,
            # Ctrl-C is for this process, which needs the service until it has ended its work.
            process_group=0,
        )

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("this process wasn't started yet")
        return self._process


def _is_ready(process: subprocess.Popen[bytes], timeout: float) -> bool:
    """Wait for the line that says so; return False when the process ended or the time is over."""
    assert process.stdout is not None
    poll = select.poll()
    poll.register(process.stdout, select.POLLIN)
    return bool(poll.poll(timeout * 1000)) and process.stdout.readline().startswith(b"ready")


def _end(process: subprocess.Popen[bytes], patience: float) -> None:
    process.terminate()
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def _read_again(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace").strip()
