"""Which ends of a child lead to a restart, for actors of ours and of plain Pykka."""

from __future__ import annotations

import pytest

from actors import Actor, ActorDied, Crashed, Down, Killed, Normal, Shutdown, StartFailed, exit, monitor, send_after
from supervision import ChildAlreadyPresent, ChildNotFound
from tests.supervision.nursery import BOOMED, boom, family, ours, plain, throw, trapping
from tests.support import CAP, Probe, received

rule = pytest.mark.rule

KINDS = pytest.mark.parametrize("kind", [ours, trapping, plain])

ENDS = {
    "normal": (lambda ref: ref.stop(), Normal()),
    "shutdown": (lambda ref: ref.stop(reason=Shutdown()), Shutdown()),
    "shutdown with detail": (lambda ref: ref.stop(reason=Shutdown("info")), Shutdown("info")),
    "crash": (lambda ref: ref.tell(boom()), BOOMED),
    "kill": (lambda ref: ref.kill(), Killed()),
}
ABNORMAL = {"crash", "kill"}


def end(ref, how):
    """End a child in one of the ways of `ENDS`; its supervisor has been told when this returns."""
    act, reason = ENDS[how]
    act(ref)
    assert ref.join(CAP)
    assert ref.exit_reason == reason


@rule("B19", "B20", "G9")
@KINDS
@pytest.mark.parametrize("how", ENDS)
def test_a_permanent_child_is_started_again_after_any_end(nursery, reports, kind, how):
    sup = family(nursery, [kind(nursery, "a", restart="permanent")])
    old = sup["a"]

    end(old, how)

    assert sup["a"].is_alive()
    assert sup["a"] is not old
    assert sup.counts() == (1, 1, 0, 1)
    assert reports() == [("child_terminated", "a", ENDS[how][1])]
    assert reports.full()[0].child is old


@rule("B19", "B20", "B21", "G9")
@KINDS
@pytest.mark.parametrize("how", ENDS)
def test_a_transient_child_is_started_again_after_an_abnormal_end(nursery, reports, kind, how):
    sup = family(nursery, [kind(nursery, "a", restart="transient")])
    old = sup["a"]

    end(old, how)

    if how in ABNORMAL:
        assert sup["a"].is_alive()
        assert sup["a"] is not old
        assert reports() == [("child_terminated", "a", ENDS[how][1])]
    else:
        assert sup.children() == {"a": None}
        assert sup.counts() == (1, 0, 0, 1)
        assert reports() == []


@rule("B19", "B20", "B78")
@KINDS
@pytest.mark.parametrize("how", ENDS)
def test_a_temporary_child_is_forgotten_after_any_end(nursery, reports, kind, how):
    sup = family(nursery, [kind(nursery, "a", restart="temporary")])

    end(sup["a"], how)

    assert sup.counts() == (0, 0, 0, 0)
    assert nursery.entries().count("a starts") == 1
    assert reports() == ([("child_terminated", "a", ENDS[how][1])] if how in ABNORMAL else [])


@rule("B23")
@pytest.mark.parametrize("reason", ["normal", "shutdown", ("shutdown", "a", "b"), False])
def test_a_value_that_looks_like_an_orderly_end_is_abnormal(nursery, reason):
    sup = family(nursery, [ours(nursery, "a", restart="transient")])

    old = sup.end("a", lambda: exit(reason))

    assert old.exit_reason == reason
    assert sup["a"].is_alive()


@rule("B21")
def test_a_transient_child_that_ended_can_be_started_by_hand(nursery):
    sup = family(nursery, [ours(nursery, "a", restart="transient")])
    end(sup["a"], "normal")
    with pytest.raises(ChildAlreadyPresent):
        sup.ref.start_child(ours(nursery, "a"))

    restarted = sup.ref.restart_child("a")

    assert restarted.is_alive()
    assert sup["a"] is restarted


@rule("B22")
@pytest.mark.parametrize("strategy", ["one_for_one", "one_for_all", "rest_for_one"])
@pytest.mark.parametrize(("restart", "how"), [("temporary", "crash"), ("temporary", "kill"), ("transient", "normal")])
def test_an_end_without_restart_touches_no_siblings(nursery, strategy, restart, how):
    sup = family(nursery, ["a", ours(nursery, "t", restart=restart), "b"], strategy=strategy, max_restarts=0)
    before = sup.children()

    end(sup["t"], how)

    assert (sup["a"], sup["b"]) == (before["a"], before["b"])
    assert nursery.entries() == ["a starts", "t starts", "b starts"] + ["t stops"] * (how == "normal")


@KINDS
def test_an_orderly_end_runs_on_stop_before_the_restart(nursery, kind):
    sup = family(nursery, [kind(nursery, "a")])

    end(sup["a"], "shutdown")

    assert sup["a"].is_alive()
    assert nursery.entries() == ["a starts", "a stops", "a starts"]


@KINDS
def test_a_told_message_that_raises_restarts_the_child(nursery, kind):
    sup = family(nursery, [kind(nursery, "a"), kind(nursery, "b")])
    bystander = sup["b"]

    old = sup.end("a")

    assert old.exit_reason == BOOMED
    assert sup["a"].ask("hello") == "hello"
    assert sup["b"] is bystander


def test_an_asked_message_that_raises_restarts_a_child_of_ours(nursery):
    sup = family(nursery, "a")
    old = sup["a"]

    with pytest.raises(RuntimeError, match="boom"):
        old.ask(boom())
    assert old.join(CAP)

    assert sup["a"].is_alive()
    assert sup["a"] is not old


def test_an_asked_message_that_raises_keeps_a_plain_child_alive(nursery):
    sup = family(nursery, [plain(nursery, "a")])
    old = sup["a"]

    with pytest.raises(RuntimeError, match="boom"):
        old.ask(boom())

    assert old.ask("hello") == "hello"
    assert sup["a"] is old


@KINDS
def test_a_timers_message_that_raises_restarts_the_child(nursery, clock, kind):
    sup = family(nursery, [kind(nursery, "a")])
    old = sup["a"]
    send_after(old, boom(), 5)

    clock.advance(5)
    assert old.join(CAP)

    assert sup["a"].is_alive()
    assert sup["a"] is not old


@KINDS
@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), GeneratorExit()], ids=repr)
@pytest.mark.parametrize("asked", [True, False])
def test_a_base_exception_ends_only_its_child_which_is_restarted(nursery, kind, error, asked):
    sup = family(nursery, [kind(nursery, "a"), plain(nursery, "b"), ours(nursery, "c")])
    old, bystanders = sup["a"], [sup["b"], sup["c"]]

    answer = old.ask(error, block=False) if asked else old.tell(error)
    assert old.join(CAP)

    assert old.exit_reason == Crashed(error)
    assert sup["a"].ask("hello") == "hello"
    assert [sup["b"], sup["c"]] == bystanders
    assert all(ref.ask("hello") == "hello" for ref in bystanders)
    if asked:
        with pytest.raises(ActorDied):
            answer.get(timeout=CAP)


@KINDS
@pytest.mark.parametrize("error", [boom(), SystemExit(1)], ids=repr)
def test_a_crash_in_on_start_ends_only_that_child(nursery, kind, error):
    sup = family(nursery, [plain(nursery, "b"), ours(nursery, "c")])
    bystanders = sup.children()
    nursery.starts_with("a", throw(error))

    with pytest.raises(StartFailed) as caught:
        sup.ref.start_child(kind(nursery, "a"))

    assert caught.value.reason == Crashed(error)
    assert sup.children() == bystanders
    assert all(ref.ask("hello") == "hello" for ref in bystanders.values())


def test_who_watches_a_child_hears_of_its_end_before_the_restart(nursery):
    sup = family(nursery, "a")
    old, watcher = sup["a"], Probe.start()
    watcher.ask(lambda: monitor(old))

    sup.end("a")

    down = received(watcher)
    assert isinstance(down, Down)
    assert (down.ref, down.reason) == (old, BOOMED)


def test_a_name_is_free_for_the_child_that_is_started_again(nursery):
    class Front(Actor):
        use_daemon_thread = True

        def on_receive(self, message):
            raise message

    sup = family(nursery, [Front.options(name="front").child_spec()])

    old = sup.end("front")

    assert sup["front"].name == "front"
    assert sup["front"] is not old


@rule("B73", "B78")
def test_a_temporary_child_that_ended_is_unknown_to_all_calls(nursery):
    sup = family(nursery, [ours(nursery, "t", restart="temporary")])
    end(sup["t"], "crash")

    for call in (sup.ref.terminate_child, sup.ref.restart_child, sup.ref.delete_child):
        with pytest.raises(ChildNotFound):
            call("t")

    assert sup.ref.start_child(ours(nursery, "t", restart="temporary")).is_alive()


@rule("B33", "B65")
@pytest.mark.parametrize("kind", [ours, plain])
def test_the_end_of_a_former_child_restarts_nobody(nursery, kind):
    sup = family(nursery, [kind(nursery, "a")], max_restarts=0)
    former = sup["a"]

    with sup.held(nursery):
        terminated, restarted = sup.later.terminate_child("a"), sup.later.restart_child("a")
        former.tell(boom())
        assert former.join(CAP)

    assert terminated.get(timeout=CAP) is None
    assert sup["a"] is restarted.get(timeout=CAP)
    assert sup["a"].is_alive()
