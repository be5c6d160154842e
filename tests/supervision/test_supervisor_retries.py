"""What happens when the start fails in a restart: it is tried again, and all others are heard in between."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from actors import Crashed, Shutdown, StartFailed
from supervision import ChildAlreadyPresent, ChildRestarting, Supervisor
from tests.supervision.nursery import BOOMED, Family, boom, fail, family, ignore, ours, plain, throw
from tests.support import CAP

rule = pytest.mark.rule

KINDS = pytest.mark.parametrize("kind", [ours, plain])
GAVE_UP = "reached_max_restart_intensity"


@pytest.mark.threads
@rule("B41", "B47", "B49")
@KINDS
@pytest.mark.parametrize("max_restarts", [0, 1, 3])
def test_each_failed_restart_is_tried_again_and_counted(nursery, reports, kind, max_restarts):
    sup = family(nursery, [kind(nursery, "a"), kind(nursery, "b")], max_restarts=max_restarts)
    nursery.entries()
    nursery.always_starts_with("a", throw(boom()))

    sup.end("a")
    assert sup.ref.join(CAP)

    assert sup.ref.exit_reason == Shutdown()
    assert reports() == [
        ("child_terminated", "a", BOOMED),
        *[("start_error", "a", BOOMED)] * max_restarts,
        ("shutdown", "a", GAVE_UP),
    ]
    assert nursery.entries() == ["a starts"] * max_restarts + ["b stops"]


@pytest.mark.threads
@rule("B41", "B47")
@KINDS
def test_a_retry_that_succeeds_has_used_up_two_restarts(nursery, reports, kind):
    sup = family(nursery, [kind(nursery, "a")], max_restarts=2)
    up = nursery.mark()
    nursery.starts_with("a", throw(boom()), up.pass_through)

    sup.end("a")
    up.await_arrival()
    assert sup["a"].is_alive()
    assert reports() == [("child_terminated", "a", BOOMED), ("start_error", "a", BOOMED)]
    sup.end("a")

    assert sup.ref.join(CAP)
    assert reports()[-1] == ("shutdown", "a", GAVE_UP)


@rule("B47")
@pytest.mark.parametrize(
    ("act", "reason"),
    [(fail("nope"), "nope"), (throw(SystemExit(1)), Crashed(SystemExit(1)))],
    ids=["exits", "raises SystemExit"],
)
def test_a_restart_can_fail_in_any_way(nursery, reports, act, reason):
    sup = family(nursery, "a", max_restarts=1)
    nursery.always_starts_with("a", act)

    sup.end("a")
    assert sup.ref.join(CAP)

    assert reports()[1] == ("start_error", "a", reason)


@rule("B38", "B41")
def test_retries_spread_over_time_go_on_for_ever(nursery, clock):
    sup, up = family(nursery, "a", max_restarts=1, max_seconds=5), nursery.mark()

    def fail_after_a_while():
        clock.advance(6)
        raise boom()

    nursery.starts_with("a", *[fail_after_a_while] * 5, up.pass_through)

    sup["a"].tell(boom())
    up.await_arrival()

    assert sup["a"].is_alive()


@contextmanager
def between_attempts(nursery, sup, name):
    """Let a child crash, and its first restart fail; what is asked inside is handled before it is tried again."""
    gate = nursery.gate()

    def act():
        gate.pass_through()
        raise boom()

    nursery.starts_with(name, act)
    sup[name].tell(boom())
    gate.await_arrival()
    yield
    gate.open()


@pytest.mark.threads
@rule("B48", "B50")
@KINDS
def test_between_two_attempts_the_child_shows_as_restarting(nursery, kind):
    sup = family(nursery, [kind(nursery, name) for name in "abc"], strategy="rest_for_one", max_restarts=100)
    a = sup["a"]

    with between_attempts(nursery, sup, "b"):
        listed, counted = sup.later.which_children(), sup.later.count_children()

    assert [info.child for info in listed.get(timeout=CAP)] == [None, "restarting", a]
    counts = counted.get(timeout=CAP)
    assert (counts.specs, counts.active, counts.workers) == (3, 1, 3)


@rule("B50", "B71", "B74", "B75")
@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda sup, nursery: sup.start_child(ours(nursery, "b")), ChildAlreadyPresent),
        (lambda sup, nursery: sup.restart_child("b"), ChildRestarting),
        (lambda sup, nursery: sup.delete_child("b"), ChildRestarting),
    ],
    ids=["start_child", "restart_child", "delete_child"],
)
def test_a_restarting_child_is_refused_to_all_but_terminate(nursery, call, error):
    sup, up = family(nursery, "ab", max_restarts=100), nursery.mark()

    with between_attempts(nursery, sup, "b"):
        refused = call(sup.later, nursery)
        nursery.starts_with("b", up.pass_through)

    with pytest.raises(error):
        refused.get(timeout=CAP)
    up.await_arrival()
    assert sup["b"].is_alive()


@pytest.mark.threads
@rule("B50", "B51", "B73")
@KINDS
def test_terminate_child_ends_the_attempts(nursery, kind):
    sup = family(nursery, [kind(nursery, name) for name in "abc"], strategy="rest_for_one", max_restarts=100)
    nursery.entries()

    with between_attempts(nursery, sup, "b"):
        terminated = sup.later.terminate_child("b")
    terminated.get(timeout=CAP)

    # The next attempt would stand in the mailbox ahead of these two.
    assert (sup["b"], sup["c"]) == (None, None)
    assert sup.counts() == (3, 1, 0, 3)
    assert nursery.entries() == ["c stops", "b starts"]


@rule("B74")
def test_restart_child_after_the_attempts_fails_once(nursery):
    sup = family(nursery, "ab", max_restarts=100)
    with between_attempts(nursery, sup, "b"):
        sup.later.terminate_child("b")
    nursery.always_starts_with("b", fail("flaky"))
    nursery.entries()

    with pytest.raises(StartFailed) as caught:
        sup.ref.restart_child("b")

    assert caught.value.reason == "flaky"
    assert sup["b"] is None
    assert nursery.entries() == ["b starts"]


@rule("B51")
def test_a_deleted_child_is_not_tried_again(nursery):
    sup = family(nursery, "ab", max_restarts=100)
    nursery.entries()

    with between_attempts(nursery, sup, "b"):
        sup.later.terminate_child("b")
        sup.later.delete_child("b")

    assert sup.names() == ["a"]
    assert sup.names() == ["a"]
    assert nursery.entries() == ["b starts"]


@rule("B51")
def test_a_child_restarted_with_its_group_is_not_tried_again(nursery):
    sup = family(nursery, "abc", strategy="rest_for_one", max_restarts=2)
    a = sup["a"]

    with between_attempts(nursery, sup, "b"):
        a.tell(boom())
        assert a.join(CAP)

    restarted = sup.children()
    assert all(ref.is_alive() for ref in restarted.values())
    assert sup.children() == restarted


@rule("B55")
def test_those_behind_a_child_that_was_given_up_stay_down(nursery):
    sup = family(nursery, "abc", strategy="rest_for_one", max_restarts=100)
    with between_attempts(nursery, sup, "b"):
        sup.later.terminate_child("b")

    assert sup.ref.restart_child("b").is_alive()

    assert sup["c"] is None
    assert sup.ref.restart_child("c").is_alive()


@rule("B56")
def test_a_child_started_behind_a_restarting_one_is_restarted_with_it(nursery):
    sup, up = family(nursery, "abc", strategy="rest_for_one", max_restarts=100), nursery.mark()
    nursery.starts_with("c", None, up.pass_through)

    with between_attempts(nursery, sup, "b"):
        started = sup.later.restart_child("c")
    up.await_arrival()

    assert started.get(timeout=CAP).exit_reason == Shutdown()
    assert all(ref.is_alive() for ref in sup.children().values())


@pytest.mark.threads
@rule("B52", "B53")
@KINDS
def test_one_for_all_starts_anew_from_the_first_when_one_fails(nursery, reports, kind):
    sup = family(nursery, [kind(nursery, name) for name in "abc"], strategy="one_for_all")
    nursery.entries()
    up = nursery.mark()
    nursery.starts_with("b", throw(boom()))
    nursery.starts_with("c", up.pass_through)

    sup.end("c")
    up.await_arrival()

    assert all(ref.is_alive() for ref in sup.children().values())
    assert nursery.entries() == [
        *["b stops", "a stops", "a starts", "b starts"],
        *["a stops", "a starts", "b starts", "c starts"],
    ]
    assert reports() == [("child_terminated", "c", BOOMED), ("start_error", "b", BOOMED)]
    assert reports.full()[-1].child is None


@rule("B52")
@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
def test_between_attempts_those_started_run_and_the_rest_waits(nursery, strategy):
    sup, gate = family(nursery, "abc", strategy=strategy), nursery.gate()

    def act():
        gate.pass_through()
        raise boom()

    nursery.starts_with("b", act)

    sup["a"].tell(boom())
    gate.await_arrival()
    started = nursery.latest["a"]
    listed = sup.later.which_children()
    gate.open()

    assert [info.child for info in listed.get(timeout=CAP)] == [None, "restarting", started]


@pytest.mark.threads
@rule("B52", "B54")
@KINDS
def test_rest_for_one_goes_on_from_the_one_that_failed(nursery, kind):
    sup = family(nursery, [kind(nursery, name) for name in "abc"], strategy="rest_for_one")
    up = nursery.mark()
    nursery.entries()
    nursery.starts_with("b", throw(boom()))
    nursery.starts_with("c", up.pass_through)

    sup.end("a")
    up.await_arrival()

    assert all(ref.is_alive() for ref in sup.children().values())
    assert nursery.entries() == ["c stops", "b stops", "a starts", "b starts", "b starts", "c starts"]


@rule("B57")
@pytest.mark.parametrize("strategy", ["one_for_one", "one_for_all", "rest_for_one"])
def test_a_restart_that_is_ignored_is_no_failure(nursery, reports, strategy):
    sup = family(nursery, "abc", strategy=strategy)
    nursery.starts_with("b", ignore)

    sup.end("b")

    assert sup["b"] is None
    assert sup.counts() == (3, 2, 0, 3)
    assert reports() == [("child_terminated", "b", BOOMED)]
    assert sup.ref.restart_child("b").is_alive()


@rule("B58", "B69")
def test_a_supervisor_that_retries_ends_when_its_parent_says(nursery):
    inner = Supervisor.child_spec(
        [ours(nursery, name) for name in "ab"], strategy="one_for_one", max_restarts=10**6, max_seconds=3600
    )
    top = family(nursery, [inner.replace(id="inner")])
    sup, looping = Family(top["inner"]), nursery.mark()
    b = sup["b"]
    nursery.starts_with("a", throw(boom()), throw(boom()))
    nursery.always_starts_with("a", lambda: (looping.pass_through(), throw(boom())()))

    sup.end("a")
    looping.await_arrival()
    top.ref.terminate_child("inner")

    assert sup.ref.exit_reason == Shutdown()
    assert b.exit_reason == Shutdown()
    assert nursery.entries()[-1] == "b stops"
