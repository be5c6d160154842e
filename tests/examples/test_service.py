"""The service, its client and its process; and that the witness accuses nobody who is innocent."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from examples.user_sync.remote import Listener, RemoteUsers, ServiceFailed, ServiceProcess, SyncCrashed
from examples.user_sync.witness import read_testimony
from tests.support import CAP

ROOT = Path(__file__).parents[2]
THREADS = 16
LONG = 60.0
"""Seconds that a sync takes which isn't to end within the test."""

ORPHANED = """
import pathlib, sys
from examples.user_sync.remote import Listener, ServiceProcess
listener = Listener()
service = ServiceProcess(listener, pathlib.Path(sys.argv[1]), latency=60)
service.start()
print(service.url, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def witness(tmp_path):
    return tmp_path / "witness.log"


@pytest.fixture
def listener():
    with Listener() as listener:
        yield listener


@pytest.fixture
def serve(listener, witness):
    """Start a service; at the end of the test it is stopped."""
    started = []

    def start(latency=0.0):
        started.append(ServiceProcess(listener, witness, latency=latency))
        started[-1].start()
        return started[-1]

    yield start
    for service in started:
        service.stop(patience=0.0)


def connect(url):
    address = urlsplit(url)
    return socket.create_connection((address.hostname, address.port), timeout=CAP)


def read_when_idle(url, witness):
    """The testimony when the service has dealt with all that reached it before this call."""
    assert httpx.get(f"{url}/health", trust_env=False).is_success
    return read_testimony(witness)


class Pool:
    """Threads that sync users, half of the time crash, and do each event until it was carried out by the service."""

    def __init__(self, url, lock_of):
        self._url = url
        self._lock_of = lock_of
        self.calls = threading.Semaphore(0)

    def run(self, events):
        with ThreadPoolExecutor(THREADS) as pool:
            futures = [pool.submit(self._work, events[number::THREADS]) for number in range(THREADS)]
            for future in futures:
                future.result()

    def _work(self, events):
        with RemoteUsers(self._url) as remote:
            for user, crash in events:
                while not self._is_done(remote, user, crash):
                    pass

    def _is_done(self, remote, user, crash):
        try:
            with self._lock_of(user):
                remote.sync(user, crash=crash)
        except SyncCrashed:
            pass
        except httpx.TransportError:
            return False
        self.calls.release()
        return True


def made_up_events(count, users):
    chance = random.Random(17)
    events = [(f"user {number % users}", number < count / 2) for number in range(count)]
    chance.shuffle(events)
    return events


def one_lock_each():
    locks = defaultdict(threading.Lock)
    for user, _ in made_up_events(200, 20):
        locks[user]
    return locks.__getitem__


@pytest.mark.timeout(300)
@pytest.mark.parametrize("latency", [0.002, 0.005])
def test_a_perfect_mutex_is_never_accused_falsely(serve, witness, latency):
    url = serve(latency).url
    Pool(url, one_lock_each()).run(made_up_events(2_000, 20))
    testimony = read_when_idle(url, witness)
    assert testimony.double_syncs == 0
    assert testimony.begins == testimony.ends + testimony.aborts == 2_000
    assert len(testimony.users) == 20


def test_without_a_mutex_double_syncs_are_seen(serve, witness):
    Pool(serve(0.005).url, lambda _user: nullcontext()).run(made_up_events(400, 20))
    assert read_testimony(witness).double_syncs > 0


def test_after_a_kill_the_calls_go_on_there(serve, witness):
    first = serve(0.005)
    pool = Pool(first.url, one_lock_each())
    with ThreadPoolExecutor(1) as background:
        run = background.submit(pool.run, made_up_events(600, 20))
        for _ in range(100):
            assert pool.calls.acquire(timeout=CAP)
        os.kill(first.pid, signal.SIGKILL)
        assert first.wait(CAP) == -signal.SIGKILL
        assert serve(0.005).url == first.url
        run.result(timeout=CAP)
    testimony = read_testimony(witness)
    assert testimony.restarts == 1
    assert testimony.double_syncs == 0
    assert testimony.begins == testimony.ends + testimony.aborts >= 600


def test_a_killed_service_s_open_syncs_are_aborted(serve, witness):
    first = serve(LONG)
    with open_sync(first.url, "ann") as lines:
        assert read_testimony(witness).begins == 1
        os.kill(first.pid, signal.SIGKILL)
        assert lines.recv(1) == b""
    first.wait(CAP)
    assert read_testimony(witness).aborts == 0
    serve()
    assert read_testimony(witness).aborts == 1


@contextmanager
def open_sync(url, user):
    """A sync that has begun, as the connection that waits for its end."""
    with connect(url) as line:
        line.sendall(f"POST /users/{user}/sync HTTP/1.1\r\nHost: here\r\n\r\n".encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += line.recv(1)
        yield line


def test_a_crash_is_in_the_middle_of_a_sync(serve, witness):
    url = serve(LONG).url
    with RemoteUsers(url) as remote:
        for count in range(1, 4):
            with pytest.raises(SyncCrashed, match="ann"):
                remote.sync("ann", crash=True)
            testimony = read_when_idle(url, witness)
            assert (testimony.begins, testimony.ends, testimony.aborts) == (count, 0, count)


def test_a_client_that_waits_too_long_aborts_the_sync(serve, witness):
    url = serve(LONG).url
    with RemoteUsers(url, timeout=0.1) as remote, pytest.raises(httpx.ReadTimeout):
        remote.sync("ann")
    testimony = read_when_idle(url, witness)
    assert (testimony.begins, testimony.ends, testimony.aborts) == (1, 0, 1)


def test_a_closed_connection_alone_aborts_the_sync(serve, witness):
    service = serve(LONG)
    with open_sync(service.url, "ann"):
        pass
    with pytest.raises(SyncCrashed), RemoteUsers(service.url) as remote:
        remote.sync("ann", crash=True)
    testimony = read_when_idle(service.url, witness)
    assert (testimony.begins, testimony.aborts, testimony.double_syncs) == (2, 2, 0)


def test_a_request_given_up_unread_never_begins(serve, listener, witness):
    for _ in range(20):
        with RemoteUsers(listener.url, timeout=0.01) as remote, pytest.raises(httpx.ReadTimeout):
            remote.sync("ann")
    with RemoteUsers(serve().url) as remote:
        remote.sync("ann")
    testimony = read_testimony(witness)
    assert (testimony.begins, testimony.ends, testimony.double_syncs) == (1, 1, 0)


def test_a_request_waits_for_a_service_to_come(serve, listener, witness):
    with ThreadPoolExecutor(1) as background, RemoteUsers(listener.url) as remote:
        call = background.submit(remote.sync, "ann")
        serve()
        call.result(timeout=CAP)
    assert read_testimony(witness).ends == 1


def test_a_hung_service_is_given_up_in_time(serve, witness):
    service = serve()
    os.kill(service.pid, signal.SIGSTOP)
    with RemoteUsers(service.url, timeout=0.1) as remote, pytest.raises(httpx.ReadTimeout):
        remote.sync("ann")
    os.kill(service.pid, signal.SIGCONT)
    with RemoteUsers(service.url) as remote:
        remote.sync("ann")
    assert read_testimony(witness).double_syncs == 0


def test_a_sync_takes_as_long_as_was_said(serve):
    with RemoteUsers(serve(0.2).url) as remote:
        began = time.monotonic()
        remote.sync("ann")
        assert 0.2 <= time.monotonic() - began < CAP


def test_one_connection_serves_call_after_call(serve, witness):
    with RemoteUsers(serve().url) as remote:
        for number in range(50):
            remote.sync(f"user {number}")
    assert read_testimony(witness).ends == 50


def test_a_user_id_on_the_wire_is_any_text(serve, witness):
    users = {" ", "a b", "a/b", "/", "sync", "x/sync", "?q=1#f", "%2F", "ünï☃", "line\nbreak", "\0", ".", "..", "../x"}
    with RemoteUsers(serve().url) as remote:
        for user in users:
            remote.sync(user)
    testimony = read_testimony(witness)
    assert testimony.users == users
    assert testimony.ends == len(users)


def test_the_answer_names_the_user_and_the_time(serve):
    answer = httpx.post(f"{serve().url}/users/a%2Fb/sync", trust_env=False)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json().keys() == {"user", "synced_at"}
    assert answer.json()["user"] == "a/b"


def test_the_service_says_that_it_is_healthy(serve):
    answer = httpx.get(f"{serve().url}/health", trust_env=False)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_a_refusal_is_an_error_of_the_call(serve, witness):
    with RemoteUsers(f"{serve().url}/elsewhere") as remote, pytest.raises(httpx.HTTPStatusError):
        remote.sync("ann")
    assert read_testimony(witness).begins == 0


def test_a_stopped_service_leaves_nothing_behind(serve, witness):
    service = serve()
    with RemoteUsers(service.url) as remote:
        remote.sync("ann")
        service.stop()
        service.stop()
    assert service.wait(0) == 0
    with pytest.raises(ProcessLookupError):
        os.kill(service.pid, 0)


def test_a_stop_aborts_the_syncs_in_progress(serve, witness):
    service = serve(LONG)
    with open_sync(service.url, "ann"):
        service.stop(patience=CAP)
    assert service.wait(0) == 0
    testimony = read_testimony(witness)
    assert (testimony.begins, testimony.aborts) == (1, 1)


def test_a_service_that_can_not_start_says_why(listener, tmp_path):
    service = ServiceProcess(listener, tmp_path / "missing" / "witness.log", latency=0.0)
    with pytest.raises(ServiceFailed, match="No such file or directory"):
        service.start()
    assert service.wait(0) != 0


def test_a_service_too_slow_to_start_is_ended(listener, witness):
    service = ServiceProcess(listener, witness, latency=0.0)
    with pytest.raises(ServiceFailed):
        service.start(timeout=0.0)
    assert service.wait(0) < 0


def test_the_service_ends_with_its_standard_input(witness):
    command = [sys.executable, "-m", "examples.user_sync.service", "--witness", witness, "--port", "0"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as service:
        said, url = service.stdout.readline().split()
        assert said == "ready"
        assert httpx.get(f"{url}/health", trust_env=False).status_code == 200
        rest = service.communicate(timeout=CAP)
    assert rest == ("", "")
    assert service.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_service_ends_cleanly_on_a_signal(witness, number):
    command = [sys.executable, "-m", "examples.user_sync.service", "--witness", witness]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as service:
        service.stdout.readline()
        service.send_signal(number)
        assert service.wait(CAP) == 0
        assert service.communicate(timeout=CAP) == ("", "")


def test_no_service_outlives_a_killed_parent(witness):
    command = [sys.executable, "-c", ORPHANED, witness]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as parent:
        url = parent.stdout.readline().strip()
        with open_sync(url, "ann"), connect(url) as line:
            parent.kill()
            parent.wait(CAP)
            # Reset, when the service has ended before it took the connection.
            with suppress(ConnectionResetError):
                assert line.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        connect(url)


def test_start_to_stop_warns_of_no_leak(witness):
    program = f"{ORPHANED}\nservice.stop()\nlistener.close()\ndel service"
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", program, witness]
    done = subprocess.run(command, cwd=ROOT, input=b"", capture_output=True, timeout=CAP, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
