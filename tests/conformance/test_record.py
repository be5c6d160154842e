"""What is recorded is stored only when what comes of it here is as on OTP, or as is said."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.conformance import record
from tests.conformance.language import Newer, Scenario
from tests.conformance.record import kept, objections

SCENARIO = Scenario("a note", ("A1",), {"a": {"kind": "proc"}}, [{"at": "a", "do": [["note", 1]]}])
THEIRS = [{}, {"a#1": {"a#1": [["note", 1]]}}]
OTHER = [{}, {"a#1": {"a#1": [["note", 2]]}}]
THIRD = [{}, {"a#1": {"a#1": [["note", 3]]}}]
DIFFERS = replace(SCENARIO, differs="because (A1)")
NEWER = replace(SCENARIO, newer=Newer("OTP 99", "otherwise (A1)", ([1, "a#1", "a#1", [["note", 2]]],)))
NOT_YET = replace(SCENARIO, not_yet="A1")


@pytest.mark.parametrize(
    ("scenario", "ours", "listed", "accepted"),
    [
        pytest.param(SCENARIO, [THEIRS], None, [], id="as on OTP"),
        pytest.param(DIFFERS, [OTHER], OTHER, [], id="another as it was stored"),
        pytest.param(DIFFERS, [OTHER], None, ["a note"], id="another that was read"),
        pytest.param(NEWER, [OTHER], None, [], id="as a newer version is told to"),
        pytest.param(NOT_YET, [], None, [], id="nothing, as it isn't built yet"),
    ],
)
def test_what_is_as_it_is_said_to_be_is_stored(scenario, ours, listed, accepted):
    assert objections(scenario, THEIRS, ours, listed, accepted) == []


@pytest.mark.parametrize(
    ("scenario", "ours", "listed", "accepted", "objection"),
    [
        pytest.param(SCENARIO, [OTHER], None, [], "comes out otherwise here", id="not as on OTP"),
        pytest.param(
            SCENARIO, [OTHER], None, ["a note"], "comes out otherwise here", id="not as on OTP, and not meant"
        ),
        pytest.param(SCENARIO, [THEIRS, OTHER], None, [], "in 2 ways here", id="in two ways"),
        pytest.param(SCENARIO, [], None, [], "what is built", id="nothing, though it is built"),
        pytest.param(DIFFERS, [OTHER], None, [], "another difference", id="another that nobody has read"),
        pytest.param(DIFFERS, [THIRD], OTHER, [], "another difference", id="another than was stored"),
        pytest.param(DIFFERS, [THEIRS], THEIRS, ["a note"], "comes out as on OTP", id="as on OTP, and meant not to"),
        pytest.param(NEWER, [THEIRS], None, [], "comes out otherwise here", id="as the recorded version"),
        pytest.param(NEWER, [THIRD], None, ["a note"], "comes out otherwise here", id="as no version"),
        pytest.param(NOT_YET, [THEIRS], None, [], "what is built", id="something, though it isn't built yet"),
    ],
)
def test_what_is_not_as_it_is_said_to_be_is_told_and_not_stored(scenario, ours, listed, accepted, objection):
    first, *_ = objections(scenario, THEIRS, ours, listed, accepted)

    assert first.startswith("a note: ")
    assert objection in first


VERSIONS = {"elixir": "1.14.0", "otp": "25", "gen_stage": "none"}
STORED = {**SCENARIO.to_json(), "outcome": THEIRS}


@pytest.mark.parametrize(
    ("stored", "unstable", "versions", "still"),
    [
        pytest.param([STORED], [], VERSIONS, {"a note": STORED}, id="as it is written"),
        pytest.param([], ["a note"], VERSIONS, {"a note": None}, id="unstable"),
        pytest.param([{**STORED, "steps": []}], [], VERSIONS, {}, id="written otherwise now"),
        pytest.param([STORED], [], {**VERSIONS, "otp": "26"}, {}, id="of another version"),
        pytest.param([{**STORED, "name": "gone"}], ["gone too"], VERSIONS, {}, id="not written any more"),
    ],
)
def test_what_is_stored_as_it_is_written_needs_not_be_played_again(stored, unstable, versions, still, monkeypatch):
    monkeypatch.setattr(record, "written", lambda _: [SCENARIO])
    before = {"versions": VERSIONS, "unstable": unstable, "scenarios": stored}

    assert kept("processes", before, versions) == still


LOADED = """
import signal
from tests.conformance.record import load
with load():
    print("loaded", flush=True)
    signal.pause()
"""


def test_nothing_keeps_the_processors_busy_when_the_recording_is_killed():
    command = [sys.executable, "-c", LOADED]
    folder = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, start_new_session=True) as runner:
        assert runner.stdout is not None
        assert runner.stdout.readline() == b"loaded\n"
        runner.terminate()
        try:
            # It comes to an end when nobody is left who might write.
            assert runner.communicate(timeout=10) == (b"", None)
        except subprocess.TimeoutExpired:
            os.killpg(runner.pid, signal.SIGKILL)
            raise
