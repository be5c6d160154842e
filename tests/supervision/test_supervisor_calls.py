"""What a supervisor can be asked, and when it refuses."""

from __future__ import annotations

import pytest

from actors import ActorDied, AlreadyStarted, Crashed, InvalidChildSpec, NoProc, Shutdown, StartFailed, whereis
from supervision import (
    ChildAlreadyPresent,
    ChildAlreadyStarted,
    ChildCounts,
    ChildInfo,
    ChildNotFound,
    ChildRunning,
    ChildSpec,
    Supervisor,
)
from tests.supervision.nursery import Ours, boom, fail, family, ignore, ours, plain, throw
from tests.support import CAP

rule = pytest.mark.rule

KINDS = pytest.mark.parametrize("kind", [ours, plain])

CALLS = {
    "start_child": lambda ref: ref.start_child(Ours),
    "terminate_child": lambda ref: ref.terminate_child("a"),
    "restart_child": lambda ref: ref.restart_child("a"),
    "delete_child": lambda ref: ref.delete_child("a"),
    "which_children": lambda ref: ref.which_children(),
    "count_children": lambda ref: ref.count_children(),
}


# The supervisor itself


@rule("B70")
@pytest.mark.parametrize("call", CALLS)
def test_a_call_to_a_supervisor_that_has_ended_raises(nursery, call):
    sup = family(nursery, "a")
    sup.ref.stop()

    with pytest.raises(ActorDied) as caught:
        CALLS[call](sup.ref)

    assert caught.value.reason == NoProc()


@rule("B70")
@pytest.mark.parametrize("call", CALLS)
def test_a_call_that_waits_when_the_supervisor_ends_raises_why(nursery, call):
    sup = family(nursery, "a", max_restarts=0)
    a = sup["a"]

    with sup.held(nursery):
        a.tell(boom())
        assert a.join(CAP)
        asked = CALLS[call](sup.later)

    with pytest.raises(ActorDied) as caught:
        asked.get(timeout=CAP)
    assert caught.value.reason == Shutdown()


@rule("B70")
def test_calls_and_ends_are_handled_in_the_order_they_came(nursery):
    sup = family(nursery, "ab")
    old = sup["b"]

    with sup.held(nursery):
        first = sup.later.which_children()
        sup.later.terminate_child("a")
        second = sup.later.which_children()
        old.tell(boom())
        assert old.join(CAP)
        third = sup.later.which_children()

    children = [[info.child for info in asked.get(timeout=CAP)] for asked in (first, second, third)]
    assert children[0][0] is children[1][0] is old
    assert [listed[1] is None for listed in children] == [False, True, True]
    assert children[2][0] is nursery.latest["b"]


@pytest.mark.threads
@rule("B70")
@KINDS
def test_a_child_may_call_its_supervisor_while_it_runs(nursery, kind):
    sup = family(nursery, [kind(nursery, "a")])

    started = sup["a"].ask(lambda: sup.ref.start_child(kind(nursery, "b")))

    assert sup["b"] is started


# start_child


@pytest.mark.threads
@rule("B71")
@KINDS
def test_start_child_returns_the_ref_of_the_new_child(nursery, kind):
    sup = family(nursery, "a")

    ref = sup.ref.start_child(kind(nursery, "b"))

    assert ref.ask("hello") == "hello"
    assert sup["b"] is ref
    assert sup.names() == ["a", "b"]


@rule("B71")
@pytest.mark.parametrize("child", ["no child", {}, None, int])
def test_what_is_no_child_never_reaches_the_supervisor(nursery, child):
    sup = family(nursery, "a")
    before = sup.children()

    with pytest.raises(InvalidChildSpec):
        sup.ref.start_child(child)

    assert sup.children() == before


@rule("B71")
def test_the_id_of_a_running_child_is_taken(nursery):
    sup = family(nursery, "a")

    with pytest.raises(ChildAlreadyStarted, match="give the new one another id") as caught:
        sup.ref.start_child(plain(nursery, "a"))

    assert caught.value.ref is sup["a"]
    assert nursery.entries() == ["a starts"]


@rule("B71")
def test_the_id_of_a_child_that_is_down_is_taken(nursery):
    sup = family(nursery, "a")
    sup.ref.terminate_child("a")

    with pytest.raises(ChildAlreadyPresent, match="restart_child"):
        sup.ref.start_child(plain(nursery, "a"))

    assert sup.ref.restart_child("a").ask(lambda: None) is None
    assert nursery.entries() == ["a starts", "a stops", "a starts"]


@rule("B12", "B71")
@pytest.mark.parametrize(("restart", "kept"), [("permanent", {"a": None}), ("temporary", {})])
def test_a_start_that_is_ignored_returns_none(nursery, restart, kept):
    sup = family(nursery)
    nursery.starts_with("a", ignore)

    assert sup.ref.start_child(ours(nursery, "a", restart=restart)) is None

    assert sup.children() == kept


@pytest.mark.threads
@rule("B42", "B72")
@KINDS
def test_a_start_that_fails_leaves_no_trace(nursery, reports, kind):
    sup = family(nursery, "a", strategy="one_for_all", max_restarts=0)
    before = sup.children()
    nursery.starts_with("c", throw(boom()))

    with pytest.raises(StartFailed) as caught:
        sup.ref.start_child(kind(nursery, "c"))

    assert caught.value.reason == Crashed(boom())
    assert sup.children() == before
    assert reports() == []
    assert sup.ref.start_child(kind(nursery, "c")).is_alive()


@rule("B72")
def test_a_start_whose_name_is_taken_says_by_whom(nursery):
    owner = Ours.options(name="front").start(nursery, "owner")
    sup = family(nursery)

    with pytest.raises(AlreadyStarted) as caught:
        sup.ref.start_child(Ours.options(name="front").child_spec(nursery, "a"))

    assert caught.value.ref is owner
    assert sup.children() == {}


# terminate_child, restart_child, delete_child


@pytest.mark.threads
@rule("B73")
@KINDS
@pytest.mark.parametrize("strategy", ["one_for_one", "one_for_all", "rest_for_one"])
def test_a_terminated_child_stays_down_and_its_siblings_up(nursery, kind, strategy):
    sup = family(nursery, [kind(nursery, name) for name in "abc"], strategy=strategy, max_restarts=0)
    before = sup.children()

    sup.ref.terminate_child("b")

    assert before["b"].state() == "gone"
    assert sup.children() == {**before, "b": None}


@rule("B73")
def test_terminating_a_child_that_is_down_does_nothing(nursery, reports):
    sup = family(nursery, "a")
    sup.ref.terminate_child("a")

    sup.ref.terminate_child("a")

    assert sup.children() == {"a": None}
    assert reports() == []


@rule("B73", "B74", "B75")
@pytest.mark.parametrize("call", ["terminate_child", "restart_child", "delete_child"])
def test_an_unknown_id_is_refused(nursery, call):
    sup = family(nursery, "a")
    running = sup["a"]

    for unknown in ("zz", running):
        with pytest.raises(ChildNotFound, match="there is no child"):
            getattr(sup.ref, call)(unknown)

    assert sup["a"] is running


@pytest.mark.threads
@rule("B73", "B78")
@KINDS
def test_a_terminated_temporary_child_is_forgotten(nursery, kind):
    sup = family(nursery, [kind(nursery, "t", restart="temporary")])

    sup.ref.terminate_child("t")

    for call in (sup.ref.terminate_child, sup.ref.restart_child, sup.ref.delete_child):
        with pytest.raises(ChildNotFound):
            call("t")
    assert sup.ref.start_child(kind(nursery, "t", restart="temporary")).is_alive()


@pytest.mark.threads
@rule("B74")
@KINDS
def test_restart_child_starts_one_that_is_down(nursery, kind):
    sup = family(nursery, [kind(nursery, name) for name in "ab"])
    sup.ref.terminate_child("a")

    ref = sup.ref.restart_child("a")

    assert ref.ask("hello") == "hello"
    assert sup["a"] is ref
    assert sup.names() == ["a", "b"]


@rule("B74", "B75")
@pytest.mark.parametrize("call", ["restart_child", "delete_child"])
def test_a_running_child_is_neither_restarted_nor_deleted(nursery, call):
    sup = family(nursery, "a")
    running = sup["a"]

    with pytest.raises(ChildRunning, match="terminate_child"):
        getattr(sup.ref, call)("a")

    assert sup["a"] is running
    assert nursery.entries() == ["a starts"]


@rule("B74")
def test_restart_child_may_be_ignored(nursery):
    sup = family(nursery, "a")
    sup.ref.terminate_child("a")
    nursery.starts_with("a", ignore)

    assert sup.ref.restart_child("a") is None

    assert sup.children() == {"a": None}


@pytest.mark.threads
@rule("B42", "B74")
@KINDS
def test_a_restart_by_hand_that_fails_is_not_tried_again(nursery, reports, kind):
    sup = family(nursery, [kind(nursery, "a")], max_restarts=0)
    sup.ref.terminate_child("a")
    nursery.entries()
    nursery.starts_with("a", throw(boom()))

    with pytest.raises(StartFailed) as caught:
        sup.ref.restart_child("a")

    assert caught.value.reason == Crashed(boom())
    assert sup.children() == {"a": None}
    assert nursery.entries() == ["a starts"]
    assert reports() == []


@rule("B75")
def test_delete_child_forgets_one_that_is_down(nursery):
    sup = family(nursery, "ab")
    sup.ref.terminate_child("a")

    sup.ref.delete_child("a")

    assert sup.names() == ["b"]
    with pytest.raises(ChildNotFound):
        sup.ref.restart_child("a")


@rule("B71", "B73", "B74", "B75")
def test_the_calls_agree_over_a_childs_whole_life(nursery):
    sup = family(nursery, "a")

    sup.ref.terminate_child("a")
    assert sup.counts() == (1, 0, 0, 1)
    again = sup.ref.restart_child("a")
    assert sup.children() == {"a": again}
    sup.ref.terminate_child("a")
    sup.ref.delete_child("a")
    assert sup.counts() == (0, 0, 0, 0)

    assert sup.ref.start_child(ours(nursery, "a")) is sup["a"]


# which_children, count_children


@pytest.mark.threads
@rule("B76")
def test_which_children_lists_the_last_started_first(nursery):
    inner = Supervisor.child_spec([], strategy="one_for_one").replace(id="inner")
    sup = family(nursery, ["a", plain(nursery, "b"), inner])
    sup.ref.terminate_child("a")

    listed = sup.ref.which_children()

    assert listed == [
        ChildInfo("inner", sup["inner"], "supervisor"),
        ChildInfo("b", sup["b"], "worker"),
        ChildInfo("a", None, "worker"),
    ]


@pytest.mark.threads
@rule("B77")
def test_count_children_counts_the_known_and_the_running(nursery):
    supervisors = [
        Supervisor.child_spec([], strategy="one_for_one").replace(id=name, restart="transient") for name in "stu"
    ]
    sup = family(nursery, ["a", plain(nursery, "b"), *supervisors])
    sup.ref.terminate_child("u")
    sup.ref.terminate_child("a")

    assert sup.ref.count_children() == ChildCounts(specs=5, active=3, supervisors=3, workers=2)


@rule("B77", "B79")
def test_a_type_is_counted_as_it_was_said(nursery):
    sup = family(nursery, [ours(nursery, "a", type="supervisor")])

    assert sup.ref.count_children() == ChildCounts(specs=1, active=1, supervisors=1, workers=0)


@rule("B77")
def test_a_dead_child_isnt_active_before_its_end_is_handled(nursery):
    sup = family(nursery, "a")
    a = sup["a"]

    with sup.held(nursery):
        counted = sup.later.count_children()
        a.tell(boom())
        assert a.join(CAP)

    counts = counted.get(timeout=CAP)
    assert (counts.specs, counts.active) == (1, 0)


def test_a_failed_start_says_which_child_it_was(nursery):
    sup = family(nursery)
    nursery.starts_with("a", fail("nope"))

    with pytest.raises(StartFailed, match="nope"):
        sup.ref.start_child(ChildSpec(Ours, (nursery, "a"), id="a"))

    assert whereis("a") is None
