"""The errors are what users of Pykka, and of plain Python, catch."""

from __future__ import annotations

import pykka
import pytest

import actors.errors
from actors import (
    Actor,
    ActorDied,
    ActorError,
    AlreadyStarted,
    CallExit,
    CallTimeout,
    Crashed,
    Deadlock,
    ExitRequest,
    Ignore,
    NameUnavailable,
    NoProc,
    NoSuchName,
    NotAnActor,
    ProcessKilled,
    StartFailed,
)

rule = pytest.mark.rule


@pytest.mark.parametrize(
    ("error", "also"),
    [
        (ActorDied, pykka.ActorDeadError),
        (CallTimeout, pykka.Timeout),
        (NoSuchName, ActorDied),
        (AlreadyStarted, StartFailed),
        (NameUnavailable, ValueError),
        (NotAnActor, RuntimeError),
        (Deadlock, CallExit),
    ],
)
def test_errors_are_caught_as_what_their_users_know(error, also):
    assert issubclass(error, also)


def test_all_errors_have_a_common_base_but_signals():
    signals = {ExitRequest, Ignore, ProcessKilled}
    exported = {getattr(actors.errors, name) for name in actors.errors.__all__}

    assert {error for error in exported if not issubclass(error, ActorError)} == signals


@rule("A6")
def test_except_exception_does_not_catch_a_kill():
    assert not issubclass(ProcessKilled, Exception)


@rule("A58")
def test_a_failed_call_carries_its_reason_as_a_value():
    assert CallExit("what happened", "why").reason == "why"
    assert ActorDied("what happened", Crashed(ValueError())).reason == Crashed(ValueError())


@rule("A39")
def test_an_unknown_name_stands_in_its_error():
    error = NoSuchName("cache")

    assert error.name == "cache"
    assert error.reason == NoProc()
    assert str(error) == "no living actor is named 'cache'"


@rule("A34")
def test_already_started_carries_who_has_the_name():
    ref = Actor().actor_ref

    error = AlreadyStarted("cache", ref)

    assert error.ref is ref
    assert error.reason == ("already_started", ref)
    assert "cache" in str(error)


@rule("A48")
def test_a_failed_start_says_what_and_why():
    error = StartFailed("Cache", Crashed(ValueError("no disk")))

    assert str(error) == "Cache could not be started: Crashed(exception=ValueError('no disk'))"
