"""How many restarts are too many, and what giving up looks like from outside."""

from __future__ import annotations

import pytest

from actors import Exit, Killed, Shutdown, link
from supervision import Supervisor
from tests.supervision.nursery import BOOMED, Family, family, ours, plain, trapping
from tests.support import CAP, TrappingProbe, received

rule = pytest.mark.rule

KINDS = pytest.mark.parametrize("kind", [ours, trapping, plain])
GAVE_UP = "reached_max_restart_intensity"


def gives_up(sup):
    """Wait for the end of a supervisor, and say what it died of."""
    assert sup.ref.join(CAP)
    return sup.ref.exit_reason


def lives(sup):
    """Whether a supervisor, having heard all that was sent to it, lives with all its children."""
    return all(ref.is_alive() for ref in sup.children().values())


@pytest.mark.threads
@rule("B36", "B43")
@KINDS
def test_one_restart_more_than_allowed_ends_the_supervisor(nursery, reports, kind):
    sup = family(nursery, [kind(nursery, "a")], max_restarts=2, max_seconds=3600)
    for _ in range(2):
        sup.end("a")
        assert lives(sup)

    last = sup.end("a")

    assert gives_up(sup) == Shutdown()
    assert reports() == [("child_terminated", "a", BOOMED)] * 3 + [("shutdown", "a", GAVE_UP)]
    assert reports.full()[-1].child is last
    assert nursery.diary.count("a starts") == 3


@pytest.mark.threads
@rule("B36", "B43", "B90")
@KINDS
@pytest.mark.parametrize("strategy", ["one_for_one", "one_for_all", "rest_for_one"])
def test_giving_up_ends_all_children_in_reverse(nursery, kind, strategy):
    sup = family(nursery, [kind(nursery, name) for name in "abc"], strategy=strategy, max_restarts=0)
    before = sup.children()
    nursery.entries()

    sup.end("b")

    assert gives_up(sup) == Shutdown()
    assert nursery.entries() == ["c stops", "a stops"]
    assert (before["c"].exit_reason, before["a"].exit_reason) == (Shutdown(), Shutdown())


@pytest.mark.threads
@rule("B43")
@KINDS
def test_a_kill_counts_as_any_other_end(nursery, reports, kind):
    sup = family(nursery, [kind(nursery, "a")], max_restarts=0)

    sup["a"].kill()

    assert gives_up(sup) == Shutdown()
    assert reports() == [("child_terminated", "a", Killed()), ("shutdown", "a", GAVE_UP)]


@rule("B38")
def test_restarts_outside_the_window_are_not_counted(nursery, clock):
    sup = family(nursery, "a", max_restarts=1, max_seconds=1)

    for _ in range(4):
        sup.end("a")
        assert lives(sup)
        clock.advance(2.1)


@rule("B37")
@pytest.mark.parametrize(
    ("phase", "gap", "survives"),
    [(0.05, 1.0, False), (0.05, 1.001, True), (0.9, 1.0, False), (0.9, 1.15, True), (0.0, 0.999, False)],
)
def test_the_window_is_measured_in_exact_seconds(nursery, clock, phase, gap, survives):
    sup = family(nursery, "a", max_restarts=1, max_seconds=1)
    clock.advance(phase)
    sup.end("a")
    assert lives(sup)

    clock.advance(gap)
    sup.end("a")

    if survives:
        assert lives(sup)
    else:
        assert gives_up(sup) == Shutdown()


@rule("B37")
def test_the_window_may_be_a_fraction_of_a_second(nursery, clock):
    sup = family(nursery, "a", max_restarts=1, max_seconds=0.25)
    sup.end("a")
    assert lives(sup)

    clock.advance(0.5)
    sup.end("a")

    assert lives(sup)


@rule("B39")
def test_the_children_of_a_supervisor_share_one_budget(nursery, reports):
    sup = family(nursery, "ab", max_restarts=2)
    for name in "ab":
        sup.end(name)
        assert lives(sup)

    sup.end("a")

    assert gives_up(sup) == Shutdown()
    assert reports()[-1] == ("shutdown", "a", GAVE_UP)


@rule("B40")
@pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])
def test_a_group_restart_counts_once(nursery, strategy):
    sup = family(nursery, "abc", strategy=strategy, max_restarts=2)
    for name in "ab":
        sup.end(name)
        assert lives(sup)

    sup.end("c")

    assert gives_up(sup) == Shutdown()


@rule("B42")
def test_what_it_is_asked_to_do_counts_nothing(nursery):
    sup = family(nursery, "abc", strategy="one_for_all", max_restarts=0)
    before = sup.children()

    for _ in range(2):
        sup.ref.terminate_child("b")
        sup.ref.restart_child("b")
    sup.ref.start_child(ours(nursery, "d"))

    assert lives(sup)
    assert (sup["a"], sup["c"]) == (before["a"], before["c"])


@rule("B42")
@pytest.mark.parametrize("restart", ["transient", "temporary"])
def test_ends_without_a_restart_count_nothing(nursery, restart):
    children = [ours(nursery, name, restart=restart) for name in "abc"]
    sup = family(nursery, [*children, "d"], max_restarts=0)

    for name in "abc":
        ref = sup[name]
        ref.stop()
        assert ref.join(CAP)

    assert sup["d"].is_alive()


def nested(nursery, restart):
    """A top supervisor, max_restarts 1, of a supervisor `mid`, max_restarts 0, of `w` and `w2`."""
    mid = Supervisor.child_spec([ours(nursery, name) for name in ("w", "w2")], strategy="one_for_one", max_restarts=0)
    return family(nursery, [mid.replace(id="mid", restart=restart)], max_restarts=1)


@rule("B44", "B45")
def test_a_permanent_supervisor_that_gave_up_is_started_afresh(nursery, reports):
    top = nested(nursery, "permanent")
    mid = Family(top["mid"])
    nursery.entries()

    mid.end("w")
    assert gives_up(mid) == Shutdown()

    assert lives(Family(top["mid"]))
    assert nursery.entries() == ["w2 stops", "w starts", "w2 starts"]
    assert reports() == [
        ("child_terminated", "w", BOOMED),
        ("shutdown", "w", GAVE_UP),
        ("child_terminated", "mid", Shutdown()),
    ]


@rule("B45")
def test_a_restarted_supervisor_has_an_empty_window(nursery):
    mid = Supervisor.child_spec([ours(nursery, "w")], strategy="one_for_one", max_restarts=1).replace(id="mid")
    top = family(nursery, [mid], max_restarts=1)
    first = Family(top["mid"])
    first.end("w")
    assert lives(first)
    first.end("w")
    assert gives_up(first) == Shutdown()

    second = Family(top["mid"])
    second.end("w")

    assert lives(second)
    assert top["mid"] is second.ref


@rule("B45")
def test_supervisors_give_up_one_after_the_other_to_the_root(nursery, reports):
    top = nested(nursery, "permanent")
    first = Family(top["mid"])
    first.end("w")
    assert gives_up(first) == Shutdown()
    second = Family(top["mid"])

    second.end("w")

    assert gives_up(top) == Shutdown()
    assert reports()[-2:] == [("child_terminated", "mid", Shutdown()), ("shutdown", "mid", GAVE_UP)]


@rule("B44")
@pytest.mark.parametrize(("restart", "left"), [("transient", {"mid": None}), ("temporary", {})])
def test_others_than_permanent_supervisors_stay_down_when_they_gave_up(nursery, reports, restart, left):
    top = nested(nursery, restart)
    mid = Family(top["mid"])

    mid.end("w")
    assert gives_up(mid) == Shutdown()

    assert top.children() == left
    assert reports() == [("child_terminated", "w", BOOMED), ("shutdown", "w", GAVE_UP)]


@rule("B46")
def test_who_is_linked_to_a_supervisor_that_gave_up_hears_of_it(nursery):
    sup, onlooker = family(nursery, "a", max_restarts=0), TrappingProbe.start()
    onlooker.ask(lambda: link(sup.ref))

    sup.end("a")

    assert received(onlooker) == Exit(sup.ref, Shutdown())


@rule("B46")
def test_its_starter_is_linked_to_a_supervisor_that_gives_up(nursery):
    starter = TrappingProbe.start()
    sup = starter.ask(lambda: family(nursery, "a", max_restarts=0))

    sup.end("a")

    assert received(starter) == Exit(sup.ref, Shutdown())
