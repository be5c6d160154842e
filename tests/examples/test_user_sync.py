"""The job from end to end, as its users start it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import threading

import pytest

from examples.user_sync.compare import ROWS
from tests.examples.program import Program, adds_up

pytestmark = pytest.mark.timeout(180)

QUICK = ("--latency", "0.002", "--retry-delay", "0.01", "--json")


@pytest.fixture
def users(tmp_path):
    """A file of 400 events for 20 users."""
    path = tmp_path / "users.txt"
    path.write_text("".join(f"user-{number * 7 % 20}\n" for number in range(400)))
    return str(path)


@pytest.mark.parametrize("row", [row for row in ROWS if not row.needs_postgres], ids=lambda row: row.title)
def test_each_lock_shows_what_the_readme_promises(row, tmp_path):
    with Program(*row.arguments, "--crash-rate=0.2", *QUICK, folder=tmp_path) as program:
        figures = program.figures()

    assert row.holds(figures)
    assert adds_up(figures)


@pytest.mark.postgres
@pytest.mark.parametrize("row", [row for row in ROWS if row.needs_postgres], ids=lambda row: row.title)
def test_advisory_locks_show_what_the_readme_promises(row, tmp_path):
    with Program(*row.arguments, "--crash-rate=0.2", *QUICK, folder=tmp_path) as program:
        figures = program.figures()

    assert row.holds(figures)
    assert adds_up(figures)


def test_poisonous_events_become_dead_letters_and_the_rest_is_synced(tmp_path):
    with Program("--poison-rate=0.02", "--attempts=3", *QUICK, folder=tmp_path) as program:
        figures = program.figures()

    assert figures["dead"] > 0
    assert figures["synced"] + figures["dead"] == figures["events"] == 2_000
    assert figures["crashes"] == 3 * figures["dead"]
    assert figures["double_syncs"] == 0


def test_standard_input_is_read_and_the_database_kept(tmp_path):
    database = tmp_path / "users.db"
    lines = b"ada\n\ngrace\n  ada  \n\n"
    with Program("-", "--db", str(database), *QUICK, folder=tmp_path, stdin=lines) as program:
        figures = program.figures()

    assert (figures["events"], figures["synced"]) == (3, 3)
    with contextlib.closing(sqlite3.connect(database)) as connection:
        syncs = dict(connection.execute("SELECT id, syncs FROM users"))
    assert syncs == {"ada": 2, "grace": 1}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("nothing.txt",), "nothing.txt: No such file or directory"),
        (("/tmp",), "/tmp: Is a directory"),
        (("--db", "/nowhere/users.db"), "/nowhere/users.db: unable to open database file"),
        (("--lock=postgres", "--dsn=host=/nowhere"), "host=/nowhere: connection"),
        (("--crash-rate", "2"), "expected a share from 0 to 1; got '2'"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_code_two(arguments, complaint, tmp_path):
    with Program(*arguments, folder=tmp_path) as program:
        code, _, err = program.finish()

    assert code == 2
    assert complaint in err
    assert err.count("\n") == 1


def test_input_that_is_not_utf8_ends_the_run_with_one_line(tmp_path):
    with Program("-", *QUICK, folder=tmp_path, stdin=b"ada\n\xff\n") as program:
        code, _, err = program.finish()

    assert (code, err) == (2, "user_sync: standard input, line 2: not UTF-8\n")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_drains_and_reports_what_is_left(number, code, tmp_path):
    with Program("--latency=0.05", "--json", folder=tmp_path) as program:
        program.first_line()

        program.process.send_signal(number)

        ended_with, out, err = program.finish()
    figures = json.loads(out.splitlines()[-1])
    assert (ended_with, err) == (code, "")
    assert figures["left"] > 0
    assert figures["double_syncs"] == 0
    assert adds_up(figures)


def test_a_second_signal_stops_at_once_and_leaves_nothing(tmp_path):
    with Program("--latency=60", "--json", folder=tmp_path) as program:
        program.first_line()
        (service,) = program.children()

        program.process.send_signal(signal.SIGINT)
        program.process.send_signal(signal.SIGTERM)

        code, _, _ = program.finish()
    # The two may arrive in any order, or as one when they arrive together; then the drain is cut off by the test's end.
    assert code in {130, 143}
    assert is_gone(service)
    assert list(tmp_path.iterdir()) == []


def test_the_service_killed_in_mid_run_ends_in_a_finished_run(tmp_path):
    with Program("--latency=0.005", "--json", folder=tmp_path) as program:
        program.first_line()
        (service,) = program.children()

        os.kill(service, signal.SIGKILL)

        figures = program.figures()
    assert figures["witness_restarts"] == 1
    assert figures["crashes"] >= 1
    assert figures["synced"] == figures["events"] == 2_000
    assert figures["double_syncs"] == 0


def test_nothing_is_left_behind_after_a_run(users, tmp_path):
    folder = tmp_path / "temporary"
    folder.mkdir()
    with Program(users, "--crash-rate=0.3", *QUICK, folder=folder) as program:
        program.first_line()
        children = program.children()
        figures = program.figures()

    assert figures["synced"] == 400
    assert children
    assert all(is_gone(child) for child in children)
    assert list(folder.iterdir()) == []


def test_a_long_input_is_taken_only_as_there_is_room(tmp_path):
    readable, writable = os.pipe()
    with Program("-", "--latency=0.05", "--json", folder=tmp_path, stdin=readable) as program:
        os.close(readable)
        writer = threading.Thread(target=write_users, args=(writable, 200_000))
        writer.start()
        program.first_line()

        program.process.send_signal(signal.SIGINT)

        _, out, err = program.finish()
        writer.join(10)
    figures = json.loads(out.splitlines()[-1])
    assert err == ""
    assert not writer.is_alive()
    # The queue has room for 10,000; what else was written is in the pipe, or was never taken.
    assert 0 < figures["events"] <= 10_000 + figures["synced"] + 8
    assert adds_up(figures)


def test_a_reader_who_goes_away_ends_the_run_quietly(tmp_path):
    with Program("--latency=0.005", folder=tmp_path) as program:
        program.first_line()

        program.process.stdout.close()

        assert program.process.wait(60) == 141
        assert program.process.stderr.read() == b""


def test_a_service_that_stays_away_ends_the_run_all_the_same(users, tmp_path):
    with Program(users, "--service=http://127.0.0.1:9", "--attempts=2", *QUICK, folder=tmp_path) as program:
        code, out, err = program.finish()

    figures = json.loads(out.splitlines()[-1])
    assert figures["synced"] == 0
    assert adds_up(figures)
    assert (code, figures["left"] > 0) in {(1, True), (0, False)}
    assert err.count("\n") == code


def test_plain_output_shows_progress_and_the_result(users, tmp_path):
    with Program(users, "--latency=0.002", folder=tmp_path) as program:
        code, out, err = program.finish()

    assert (code, err) == (0, "")
    assert out.startswith("registry: synced ")
    assert "double syncs  0" in out


def write_users(fd, count):
    with contextlib.suppress(BrokenPipeError), os.fdopen(fd, "wb", buffering=0) as pipe:
        for number in range(count):
            pipe.write(b"user-%d\n" % (number % 5_000))


def is_gone(pid):
    """Whether a process has ended; waits for one that is ending, with the help of `tail`."""
    return subprocess.run(["tail", f"--pid={pid}", "-f", "/dev/null"], timeout=20, check=False).returncode == 0
