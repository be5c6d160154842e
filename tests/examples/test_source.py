"""Where the user ids come from."""

from __future__ import annotations

import os
import threading
from collections import Counter

import pytest

from examples.user_sync.source import CHUNK_BYTES, InputError, Lines, made_up, open_input


def lines_of(path):
    with open_input(str(path)) as lines:
        return list(lines)


def test_a_file_gives_one_user_a_line_without_blanks(tmp_path):
    path = tmp_path / "users"
    path.write_bytes(b"ada\n\n  grace \r\n\t\nbarbara")

    assert lines_of(path) == ["ada", "grace", "barbara"]


def test_lines_longer_than_a_chunk_come_whole(tmp_path):
    path = tmp_path / "users"
    long = "é" * CHUNK_BYTES
    path.write_text(f"{long}\nshort\n", encoding="utf-8")

    assert lines_of(path) == [long, "short"]


def test_a_line_that_is_not_utf8_is_named(tmp_path):
    path = tmp_path / "users"
    path.write_bytes(b"ada\n\xff\xfe\n")

    with pytest.raises(InputError, match=r"users, line 2: not UTF-8"):
        lines_of(path)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(InputError, match="nothing: No such file"):
        open_input(str(tmp_path / "nothing"))
    with pytest.raises(InputError, match="Is a directory"):
        open_input(str(tmp_path))


def test_stopping_ends_a_reading_that_waits_for_more():
    readable, writable = os.pipe()
    try:
        with Lines(readable, "a pipe", owns_fd=False) as lines:
            read = []
            first = threading.Event()

            def read_all():
                for line in lines:
                    read.append(line)
                    first.set()

            reader = threading.Thread(target=read_all)
            reader.start()
            os.write(writable, b"ada\n")
            assert first.wait(5)

            lines.stop()

            reader.join(5)
            assert not reader.is_alive()
            assert read == ["ada"]
    finally:
        os.close(readable)
        os.close(writable)


def test_made_up_events_are_skewed_and_depend_on_the_seed_only():
    users = list(made_up(7))

    assert users == list(made_up(7)) != list(made_up(8))
    assert len(users) == 2_000
    counts = Counter(users)
    assert len(counts) <= 200
    assert counts["user-001"] > 10 * counts["user-150"]
