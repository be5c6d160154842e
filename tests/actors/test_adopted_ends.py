"""Plain Pykka actors that fail in every way, and under a supervisor."""

from __future__ import annotations

import logging

import pykka
import pytest

from actors import (
    ActorDied,
    Crashed,
    Shutdown,
    adopt,
    exit,
    trap_exit,
)
from supervision import Supervisor
from tests.support import CAP, Probe, crash, ended, received, watching

rule = pytest.mark.rule


class Plain(pykka.ThreadingActor):
    """Nothing but Pykka's: runs what it is sent, and writes down its last hooks."""

    use_daemon_thread = True

    def __init__(self, log=None):
        super().__init__()
        self.log = [] if log is None else log

    def on_receive(self, message):
        return message() if callable(message) else message

    def on_stop(self):
        self.log.append("on_stop")

    def on_failure(self, exception_type, exception_value, traceback):
        self.log.append(("on_failure", exception_type))

    def double(self, number):
        return 2 * number


def system_exit():
    raise SystemExit(3)


@rule("A2")
def test_a_system_exit_ends_a_plain_actor_and_nobody_else():
    log = []
    plain, plain_neighbour, neighbour = Plain.start(log), Plain.start(), Probe.start()
    watcher = watching(plain)

    plain.tell(system_exit)

    assert received(watcher).reason == Crashed(SystemExit(3))
    assert log == [("on_failure", SystemExit)]
    assert plain_neighbour.is_alive()
    assert neighbour.is_alive()
    plain_neighbour.stop()


@rule("A2", "A58")
def test_who_asked_a_plain_actor_does_not_share_its_system_exit():
    plain = Plain.start()
    adopt(plain)

    with pytest.raises(ActorDied) as raised:
        plain.ask(system_exit, timeout=CAP)

    assert raised.value.reason == Crashed(SystemExit(3))
    assert ended(plain).exit_reason == Crashed(SystemExit(3))


@rule("A74")
@pytest.mark.parametrize(("cause", "error"), [(crash, ValueError("boom")), (system_exit, SystemExit(3))])
def test_a_failing_last_hook_of_a_plain_actor_is_its_reason(cause, error):
    class Clumsy(Plain):
        def on_stop(self):
            cause()

    plain, neighbour = Clumsy.start(), Plain.start()
    watcher = watching(plain)

    plain.stop()

    assert received(watcher).reason == Crashed(error)
    assert neighbour.is_alive()
    neighbour.stop()


@pytest.mark.parametrize("cause", [crash, system_exit], ids=["exception", "system exit"])
def test_a_failing_on_failure_does_not_replace_the_reason_and_is_logged(cause, caplog):
    class Clumsy(Plain):
        def on_failure(self, *exc_info):
            cause()

    plain, neighbour = Clumsy.start(), Plain.start()
    watcher = watching(plain)

    plain.tell(lambda: 1 / 0)

    assert isinstance(received(watcher).reason.exception, ZeroDivisionError)
    assert len([record for record in caplog.records if record.levelno == logging.ERROR]) == 2
    assert neighbour.is_alive()
    neighbour.stop()


# Under a supervisor


def supervised(cls, *args, **options):
    supervisor = Supervisor.start_link([(cls, *args)], strategy="one_for_one", **options)
    return supervisor, supervisor.which_children()[0].child


def test_a_supervisor_restarts_a_plain_actor():
    supervisor, first = supervised(Plain)
    watcher = watching(first)

    first.tell(system_exit)
    received(watcher)

    second = supervisor.which_children()[0].child
    assert second is not first
    assert second.ask("alive") == "alive"


@rule("A63")
def test_a_plain_actor_that_traps_exits_still_ends_with_its_supervisor():
    log = []
    supervisor, child = supervised(Plain, log)
    child.ask(lambda: trap_exit(True))

    supervisor.stop()

    assert child.exit_reason == Shutdown()
    assert log == ["on_stop"]


@rule("A48")
@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        (crash, Crashed(ValueError("boom"))),
        (system_exit, Crashed(SystemExit(3))),
        (lambda: exit("why"), "why"),
    ],
    ids=["exception", "system exit", "exit"],
)
def test_a_plain_actor_whose_start_fails_says_why(cause, reason):
    class Failing(Plain):
        def on_start(self):
            cause()

    supervisor = Supervisor.start_link([], strategy="one_for_one")

    with pytest.raises(Exception, match="could not be started") as raised:
        supervisor.start_child(Failing)

    assert raised.value.reason == reason
