"""What a supervisor logs."""

from __future__ import annotations

import logging

import pytest

from actors import ActorDied, GenServer, Killed, Normal, Ok, StartFailed
from supervision import Report, Supervisor
from tests.supervision.nursery import BOOMED, boom, fail, family, ignore, ours, plain, throw
from tests.support import CAP

rule = pytest.mark.rule

KINDS = pytest.mark.parametrize("kind", [ours, plain])


@pytest.fixture
def logged(caplog):
    """The records that supervisors log, those of progress too."""
    caplog.set_level(logging.INFO, "pykka_otp.progress")
    return lambda: [record for record in list(caplog.records) if hasattr(record, "report")]


@pytest.mark.threads
@rule("B93", "B94", "G7")
@pytest.mark.parametrize("name", ["sup", None])
@KINDS
def test_a_start_is_reported_as_progress(nursery, logged, name, kind):
    spec = kind(nursery, "a")

    sup = family(nursery, [spec], name=name)

    (record,) = logged()
    assert (record.name, record.levelno) == ("pykka_otp.progress", logging.INFO)
    assert record.report == Report(name or sup.ref, "progress", None, spec, sup["a"])
    assert "'a'" in record.getMessage()


@rule("B93", "B94", "G8")
@pytest.mark.parametrize("name", ["sup", None])
def test_a_crash_is_reported_as_an_error(nursery, logged, name):
    spec = ours(nursery, "a")
    sup = family(nursery, [spec], name=name)

    old = sup.end("a")
    assert sup["a"].is_alive()

    _, record, _ = logged()
    assert (record.name, record.levelno) == ("pykka_otp.supervisor", logging.ERROR)
    assert record.report == Report(name or sup.ref, "child_terminated", BOOMED, spec, old)
    assert "boom" in record.getMessage()


@rule("G8")
def test_the_four_kinds_of_error_are_told_apart(nursery, reports):
    sup = family(nursery, [ours(nursery, "a"), ours(nursery, "b")], strategy="one_for_all", max_restarts=1)
    nursery.stops_with("b", fail("other"))
    nursery.always_starts_with("a", throw(boom()))

    sup.end("a")
    assert sup.ref.join(CAP)

    assert reports() == [
        ("child_terminated", "a", BOOMED),
        ("shutdown_error", "b", "other"),
        ("start_error", "a", BOOMED),
        ("shutdown", "a", "reached_max_restart_intensity"),
    ]


@rule("B96")
def test_the_reports_of_one_event_come_in_its_order(nursery, logged):
    sup = family(nursery, "ab", strategy="one_for_all")
    nursery.stops_with("b", fail(Normal()))
    before = len(logged())

    sup.end("a")
    sup.children()

    reported = [record.report for record in logged()[before:]]
    assert [(report.context, report.offender.id, report.reason) for report in reported] == [
        ("child_terminated", "a", BOOMED),
        ("shutdown_error", "b", Normal()),
        ("progress", "a", None),
        ("progress", "b", None),
    ]


class Fragile(GenServer[None]):
    """A server that crashes when it is called."""

    def init(self):
        return Ok(None)

    def handle_call(self, request, _sender, _state):
        raise ValueError(request)


@rule("G10")
@pytest.mark.parametrize("is_killed", [False, True], ids=["crashed", "killed"])
def test_a_crash_in_a_call_is_reported_by_the_server_and_then_by_its_supervisor(is_killed, caplog):
    caplog.set_level(logging.INFO, "pykka_otp.progress")
    sup = Supervisor.start_link([Fragile], strategy="one_for_one")
    before = len(caplog.records)
    (server,) = (info.child for info in sup.which_children())

    if is_killed:
        server.kill()
    else:
        with pytest.raises(ActorDied):
            server.call("boom")
    sup.which_children()

    reported = [(record.name, getattr(record, "report", None)) for record in caplog.records[before:]]
    of_the_server = [] if is_killed else [("pykka_otp.crash", None)]
    assert [(name, report and report.context) for name, report in reported] == [
        *of_the_server,
        ("pykka_otp.supervisor", "child_terminated"),
        ("pykka_otp.progress", "progress"),
    ]
    if not is_killed:
        assert caplog.records[before].last_message == "boom"
        assert caplog.records[before].state is None


@rule("B97")
def test_what_is_answered_or_wanted_is_not_reported(nursery, reports):
    sup = family(nursery, [ours(nursery, "a"), ours(nursery, "t", restart="transient")])
    nursery.starts_with("b", throw(boom()))
    nursery.starts_with("i", ignore)

    with pytest.raises(StartFailed):
        sup.ref.start_child(ours(nursery, "b"))
    sup.ref.start_child(ours(nursery, "i"))
    sup["t"].stop()
    sup.ref.terminate_child("a")
    sup.ref.stop()

    assert reports() == []


@pytest.mark.threads
@rule("B20", "B93", "B95")
@KINDS
def test_a_report_has_the_actor_that_ended(nursery, reports, kind):
    sup = family(nursery, [kind(nursery, "a")])
    old = sup["a"]

    old.kill()
    assert old.join(CAP)
    sup.children()

    (report,) = reports.full()
    assert (report.child, report.reason) == (old, Killed())
