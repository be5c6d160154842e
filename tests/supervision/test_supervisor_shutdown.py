"""How a supervisor ends its children: a signal, the time that they have for it, and what it calls a clean end."""

from __future__ import annotations

import pytest

from actors import ActorDied, CallTimeout, Crashed, Deadlock, Killed, Normal, Shutdown, unlink
from actors._future import Future
from actors.testing import settle
from supervision import ChildRunning, ChildSpec, Supervisor
from tests.supervision.nursery import (
    BOOMED,
    Family,
    Ours,
    Plain,
    Trapping,
    boom,
    fail,
    family,
    ours,
    plain,
    throw,
    trapping,
)
from tests.support import CAP, Probe, received, watching

rule = pytest.mark.rule

KINDS = pytest.mark.parametrize("kind", [ours, trapping, plain])
RESTARTS = pytest.mark.parametrize("restart", ["permanent", "transient", "temporary"])


def keep_busy(nursery, ref):
    """Have a child stand at a gate in the middle of a message, where no signal reaches it."""
    gate = nursery.gate()
    ref.tell(gate.pass_through)
    gate.await_arrival()
    return gate


@rule("B59", "B62", "B73")
@KINDS
@pytest.mark.parametrize("shutdown", [5.0, "infinity"])
def test_a_child_ends_in_order_when_it_is_terminated(nursery, reports, kind, shutdown):
    sup = family(nursery, [kind(nursery, "a", shutdown=shutdown)])
    child = sup["a"]

    sup.ref.terminate_child("a")

    assert child.state() == "gone"
    assert child.exit_reason == Shutdown()
    assert nursery.entries() == ["a starts", "a stops"]
    assert reports() == []


@rule("B59", "B64")
@KINDS
@RESTARTS
def test_a_child_that_takes_too_long_is_killed_and_reported(nursery, reports, clock, kind, restart):
    sup = family(nursery, [kind(nursery, "a", shutdown=0.05, restart=restart)])
    child = sup["a"]
    gate = keep_busy(nursery, child)

    terminated = sup.later.terminate_child("a")
    clock.await_timers()
    clock.advance(0.049)
    assert child.exit_reason is None
    clock.advance(0.001)

    assert terminated.get(timeout=CAP) is None
    assert child.exit_reason == Killed()
    assert child.state() == "abandoned"
    assert reports() == [("shutdown_error", "a", Killed())]
    assert sup.children() == ({} if restart == "temporary" else {"a": None})
    gate.open()
    assert child.join(CAP)
    assert nursery.entries() == ["a starts"]


@rule("B59")
@KINDS
def test_while_it_waits_for_a_child_it_answers_nobody(nursery, clock, kind):
    sup = family(nursery, [kind(nursery, "a")])
    gate = keep_busy(nursery, sup["a"])

    terminated, counted = sup.later.terminate_child("a"), sup.later.count_children()
    clock.await_timers()
    with pytest.raises(CallTimeout):
        counted.get(timeout=0)
    gate.open()

    assert terminated.get(timeout=CAP) is None
    assert counted.get(timeout=CAP).active == 0


@rule("B59")
@KINDS
def test_a_child_with_unlimited_time_is_waited_for(nursery, reports, clock, kind):
    sup, gate = family(nursery, [kind(nursery, "a", shutdown="infinity")]), nursery.gate()
    child = sup["a"]
    nursery.stops_with("a", gate.pass_through)

    terminated = sup.later.terminate_child("a")
    gate.await_arrival()
    clock.advance(1e9)
    gate.open()

    assert terminated.get(timeout=CAP) is None
    assert child.exit_reason == Shutdown()
    assert reports() == []


@rule("B59", "B63")
@KINDS
@RESTARTS
def test_brutal_kill_gives_no_signal_and_is_no_error(nursery, reports, kind, restart):
    sup = family(nursery, [kind(nursery, "a", shutdown="brutal_kill", restart=restart)])
    child = sup["a"]

    sup.ref.terminate_child("a")
    assert child.join(CAP)

    assert child.exit_reason == Killed()
    assert nursery.entries() == ["a starts"]
    assert reports() == []


@rule("B60")
@pytest.mark.parametrize("kind", [ours, plain])
@RESTARTS
def test_no_time_at_all_is_enough_for_one_that_doesnt_trap(nursery, reports, kind, restart):
    sup = family(nursery, [kind(nursery, "a", shutdown=0, restart=restart)])
    child = sup["a"]

    sup.ref.terminate_child("a")

    assert not child.is_alive()
    assert child.join(CAP)
    assert reports() == []


@rule("B60")
def test_no_time_at_all_kills_one_that_traps(nursery, reports):
    sup = family(nursery, [trapping(nursery, "a", shutdown=0)])
    keep_busy(nursery, sup["a"])

    sup.ref.terminate_child("a")

    assert sup["a"] is None
    assert reports() == [("shutdown_error", "a", Killed())]


@rule("B60", "B61")
@KINDS
def test_times_count_for_each_child_one_after_the_other(nursery, reports, clock, kind):
    sup = family(nursery, [kind(nursery, name, shutdown=1) for name in "abc"])
    children = sup.children()
    for child in children.values():
        keep_busy(nursery, child)

    stopped = sup.ref.stop(block=False)
    ended = []
    for _ in children:
        clock.await_timers()
        clock.advance(0.5)
        ended.append("".join(name for name, child in children.items() if child.exit_reason == Killed()))
        clock.advance(0.5)

    assert stopped.get(timeout=CAP)
    assert ended == ["", "c", "bc"]
    assert reports() == [("shutdown_error", name, Killed()) for name in "cba"]


@rule("B61")
@KINDS
def test_the_next_child_is_told_when_the_one_before_is_gone(nursery, kind):
    sup, gate = family(nursery, [kind(nursery, name) for name in "abc"]), nursery.gate()
    nursery.stops_with("b", gate.pass_through)
    nursery.entries()

    stopped = sup.ref.stop(block=False)
    gate.await_arrival()
    assert nursery.entries() == ["c stops", "b stops"]
    gate.open()

    assert stopped.get(timeout=CAP)
    assert nursery.entries() == ["a stops"]


@rule("B62")
@KINDS
def test_only_one_that_traps_reads_its_queue_before_it_ends(nursery, clock, kind):
    sup = family(nursery, [kind(nursery, "a")])
    gate = keep_busy(nursery, sup["a"])
    sup["a"].tell(lambda: nursery.diary.append("a reads on"))

    terminated = sup.later.terminate_child("a")
    clock.await_timers()
    gate.open()

    assert terminated.get(timeout=CAP) is None
    assert nursery.entries() == ["a starts", *["a reads on"] * (kind is trapping), "a stops"]


@rule("B63", "B64")
@RESTARTS
@pytest.mark.parametrize("kind", [ours, trapping])
@pytest.mark.parametrize("reason", [Shutdown(), Normal(), Shutdown("x"), "other"], ids=repr)
def test_which_ends_are_reported_depends_on_the_restart_type(nursery, reports, kind, restart, reason):
    sup = family(nursery, [kind(nursery, "a", restart=restart)])
    nursery.stops_with("a", fail(reason))
    child = sup["a"]

    sup.ref.terminate_child("a")

    assert child.exit_reason == reason
    is_clean = reason == Shutdown() or (restart != "permanent" and reason != "other")
    assert reports() == ([] if is_clean else [("shutdown_error", "a", reason)])


@rule("B63", "B64")
@KINDS
@RESTARTS
@pytest.mark.parametrize("error", [boom(), SystemExit(1)], ids=repr)
def test_a_crash_in_on_stop_is_reported_and_no_more(nursery, reports, kind, restart, error):
    sup = family(nursery, [plain(nursery, "b"), kind(nursery, "a", restart=restart)], max_restarts=0)
    nursery.stops_with("a", throw(error))
    bystander = sup["b"]

    sup.ref.terminate_child("a")

    assert bystander.ask("hello") == "hello"
    assert sup["b"] is bystander
    assert reports() == [("shutdown_error", "a", Crashed(error))]


@rule("B64")
def test_a_bad_end_of_a_child_isnt_its_supervisors_reason(nursery, reports):
    sup = family(nursery, "ab")
    nursery.stops_with("b", throw(boom()))

    sup.ref.stop(reason=Shutdown("enough"))

    assert sup.ref.exit_reason == Shutdown("enough")
    assert reports() == [("shutdown_error", "b", BOOMED)]


@rule("B63", "B65")
@KINDS
@RESTARTS
@pytest.mark.parametrize("reason", [BOOMED, Shutdown(), Normal()], ids=repr)
def test_a_child_found_dead_is_judged_by_what_it_died_of(nursery, reports, kind, restart, reason):
    sup = family(nursery, [kind(nursery, "a", restart=restart)], max_restarts=0)
    child = sup["a"]

    with sup.held(nursery):
        terminated = sup.later.terminate_child("a")
        if reason == BOOMED:
            child.tell(boom())
        else:
            child.stop(reason=reason)
        assert child.join(CAP)

    assert terminated.get(timeout=CAP) is None
    assert sup.children() == ({} if restart == "temporary" else {"a": None})
    is_reported = reason == BOOMED or (reason == Normal() and restart == "permanent")
    assert reports() == ([("shutdown_error", "a", reason)] if is_reported else [])


@rule("B59", "B67")
@pytest.mark.parametrize("cls", [Ours, Trapping, Plain])
def test_a_child_that_was_started_unlinked_ends_in_order(nursery, reports, cls):
    sup = family(nursery, [ChildSpec(cls.start, (nursery, "a"), id="a")])
    child = sup["a"]

    sup.ref.terminate_child("a")

    assert child.exit_reason == Shutdown()
    assert nursery.entries() == ["a starts", "a stops"]
    assert reports() == []


@rule("B66")
@KINDS
def test_a_child_that_unlinked_itself_is_ended_all_the_same(nursery, reports, kind):
    sup = family(nursery, [kind(nursery, "a")])
    child = sup["a"]
    child.ask(lambda: unlink(sup.ref))

    sup.ref.terminate_child("a")

    assert child.exit_reason == Shutdown()
    assert nursery.entries() == ["a starts", "a stops"]
    assert reports() == []


@rule("B66", "B67")
@KINDS
def test_the_end_of_an_unlinked_child_goes_unseen(nursery, reports, kind):
    sup = family(nursery, [kind(nursery, "a")])
    child = sup["a"]
    child.ask(lambda: unlink(sup.ref))
    sup.end("a")

    assert sup["a"] is child
    assert sup.counts() == (1, 0, 0, 1)
    with pytest.raises(ChildRunning):
        sup.ref.restart_child("a")

    sup.ref.terminate_child("a")
    assert reports() == [("shutdown_error", "a", BOOMED)]
    assert sup.ref.restart_child("a").is_alive()


@rule("B68")
@pytest.mark.usefixtures("children_that_block")
def test_a_supervisor_killed_while_it_ends_leaves_no_children(nursery, reports, clock):
    children = [ours(nursery, "w"), trapping(nursery, "t"), ours(nursery, "s", shutdown="infinity")]
    inner = Supervisor.child_spec(children, strategy="one_for_one").replace(id="inner", shutdown=1)
    top, gate = family(nursery, [inner]), nursery.gate()
    sup = Family(top["inner"])
    w, t, s = sup.children().values()
    nursery.stops_with("s", gate.pass_through)

    terminated = top.later.terminate_child("inner")
    gate.await_arrival()
    clock.await_timers()
    clock.advance(1)
    assert terminated.get(timeout=CAP) is None
    gate.open()

    assert all(ref.join(CAP) for ref in (sup.ref, w, t, s))
    assert [ref.exit_reason for ref in (sup.ref, w, t, s)] == [Killed(), Killed(), Killed(), Shutdown()]
    assert reports() == [("shutdown_error", "inner", Killed())]


@rule("B69")
def test_children_without_an_actor_are_passed_over(nursery, reports):
    sup = family(nursery, "abc")
    sup.ref.terminate_child("b")
    nursery.entries()

    sup.ref.stop()

    assert nursery.entries() == ["c stops", "a stops"]
    assert reports() == []


# A child that waits for its supervisor, which waits for its end


@rule("B73")
@pytest.mark.parametrize("shutdown", [1000.0, "infinity"])
def test_a_child_that_has_itself_terminated_ends_at_once(nursery, reports, shutdown):
    sup = family(nursery, [ours(nursery, "a", shutdown=shutdown)])
    child = sup["a"]

    with pytest.raises(ActorDied):
        child.ask(lambda: sup.ref.terminate_child("a"))

    assert child.exit_reason == Killed()
    assert sup["a"] is None
    assert reports() == []


def test_a_child_that_asks_its_supervisor_as_it_ends_is_told_so_at_once(nursery, reports):
    sup = family(nursery, [ours(nursery, "a", shutdown="infinity")])
    child = sup["a"]
    nursery.stops_with("a", sup.ref.count_children)

    sup.ref.terminate_child("a")

    assert isinstance(child.exit_reason, Crashed)
    assert isinstance(child.exit_reason.exception, Deadlock)


def test_a_child_that_asks_its_supervisor_too_late_ends_of_the_signal(nursery, reports):
    sup = family(nursery, [ours(nursery, "a", shutdown="infinity")])
    child = sup["a"]
    busy = Future()
    asked = child.ask(lambda: busy.get() or sup.ref.count_children(), block=False)
    watcher = watching(child)
    terminated = Probe.start().ask(lambda: sup.ref.terminate_child("a"), block=False)
    settle()

    busy.set(None)

    terminated.get(timeout=CAP)
    assert received(watcher).reason == Shutdown()
    with pytest.raises(ActorDied):
        asked.get(timeout=CAP)
    assert nursery.entries() == ["a starts", "a stops"]
    assert reports() == []
