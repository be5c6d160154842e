"""Which siblings are restarted with a child, in which order."""

from __future__ import annotations

import pytest

from actors import Shutdown
from supervision import Supervisor
from tests.supervision.nursery import BOOMED, Family, boom, fail, family, ignore, ours, plain, throw, trapping
from tests.support import CAP

rule = pytest.mark.rule

KINDS = pytest.mark.parametrize("kind", [ours, trapping, plain])
GROUPS = pytest.mark.parametrize("strategy", ["one_for_all", "rest_for_one"])


def changed(before, after):
    """The names of the children whose actor isn't the one it was."""
    return "".join(name for name in after if after[name] is not before.get(name))


@pytest.mark.threads
@rule("B24")
@KINDS
def test_one_for_one_restarts_only_the_child_at_its_place(nursery, kind):
    sup = family(nursery, [kind(nursery, name) for name in "abc"])
    before = sup.children()

    sup.end("b")

    assert sup.names() == ["a", "b", "c"]
    assert changed(before, sup.children()) == "b"
    assert nursery.entries() == ["a starts", "b starts", "c starts", "b starts"]


@pytest.mark.threads
@rule("B25")
@KINDS
def test_one_for_all_ends_all_in_reverse_then_starts_all(nursery, kind):
    sup = family(nursery, [kind(nursery, name) for name in "abc"], strategy="one_for_all")
    before = sup.children()
    nursery.entries()

    sup.end("b")

    assert changed(before, sup.children()) == "abc"
    assert nursery.entries() == ["c stops", "a stops", "a starts", "b starts", "c starts"]
    assert (before["a"].exit_reason, before["c"].exit_reason) == (Shutdown(), Shutdown())


@pytest.mark.threads
@rule("B26")
@KINDS
def test_rest_for_one_restarts_the_child_and_those_after_it(nursery, kind):
    sup = family(nursery, [kind(nursery, name) for name in "abcde"], strategy="rest_for_one")
    before = sup.children()
    nursery.entries()

    sup.end("c")

    assert changed(before, sup.children()) == "cde"
    assert nursery.entries() == ["e stops", "d stops", "c starts", "d starts", "e starts"]


@pytest.mark.threads
@rule("B27")
@GROUPS
@KINDS
def test_a_group_restart_forgets_temporary_siblings(nursery, strategy, kind):
    sup = family(nursery, [kind(nursery, "a"), kind(nursery, "t", restart="temporary")], strategy=strategy)
    sibling = sup["t"]
    nursery.entries()

    sup.end("a")

    assert sup.names() == ["a"]
    assert sibling.exit_reason == Shutdown()
    assert nursery.entries() == ["t stops", "a starts"]


@rule("B28")
def test_a_group_restart_starts_whatever_has_a_place(nursery):
    nursery.starts_with("i", ignore)
    children = ["a", ours(nursery, "b", restart="transient"), "c", "i", ours(nursery, "d", restart="temporary")]
    sup = family(nursery, children, strategy="one_for_all")
    sup["b"].stop()
    sup.ref.terminate_child("c")
    assert [name for name, ref in sup.children().items() if ref is None] == ["b", "c", "i"]
    nursery.entries()

    sup.end("a")

    assert all(ref.is_alive() for ref in sup.children().values())
    assert nursery.entries() == ["d stops", "a starts", "b starts", "c starts", "i starts"]


@rule("B28")
def test_a_deleted_child_does_not_come_back(nursery):
    sup = family(nursery, "abc", strategy="one_for_all")
    sup.ref.terminate_child("b")
    sup.ref.delete_child("b")

    sup.end("a")

    assert sup.names() == ["a", "c"]


@rule("B26", "B28")
def test_rest_for_one_revives_only_behind_the_crash(nursery):
    transients = {name: ours(nursery, name, restart="transient") for name in "ac"}
    sup = family(nursery, [transients["a"], "b", transients["c"], "d"], strategy="rest_for_one")
    for name in "ac":
        sup[name].stop()
    nursery.entries()

    sup.end("b")

    assert sup["a"] is None
    assert nursery.entries() == ["d stops", "b starts", "c starts", "d starts"]


@pytest.mark.threads
@rule("B29")
@GROUPS
@KINDS
def test_transient_siblings_come_back_in_a_group_restart(nursery, strategy, kind):
    sup = family(nursery, [kind(nursery, "a"), kind(nursery, "b", restart="transient")], strategy=strategy)
    sibling = sup["b"]

    sup.end("a")

    assert sup["b"].is_alive()
    assert sup["b"] is not sibling


@rule("B30", "B31")
def test_an_added_child_is_last_and_belongs_to_the_group(nursery):
    sup = family(nursery, "ab", strategy="rest_for_one")
    sup.ref.start_child(ours(nursery, "c"))
    nursery.entries()

    sup.end("b")

    assert sup.names() == ["a", "b", "c"]
    assert nursery.entries() == ["c stops", "b starts", "c starts"]


@rule("B30")
def test_a_restarted_supervisor_has_only_its_initial_children(nursery):
    first = Supervisor.child_spec([ours(nursery, "w")], strategy="one_for_one").replace(id="first")
    second = Supervisor.child_spec([], strategy="one_for_one", max_restarts=0).replace(id="second")
    top = family(nursery, [first, second], strategy="one_for_all")
    inner = Family(top["second"])
    for name in "xy":
        inner.ref.start_child(ours(nursery, name))

    inner.end("x")
    assert inner.ref.join(CAP)

    assert Family(top["first"])["w"].is_alive()
    assert Family(top["second"]).names() == []
    assert nursery.entries()[-3:] == ["y stops", "w stops", "w starts"]


@rule("B31")
def test_places_are_kept_but_for_those_deleted(nursery):
    sup = family(nursery, "abc")

    sup.ref.terminate_child("a")
    sup.ref.restart_child("a")
    assert sup.names() == ["a", "b", "c"]

    sup.ref.terminate_child("a")
    sup.ref.delete_child("a")
    sup.ref.start_child(ours(nursery, "a"))
    assert sup.names() == ["b", "c", "a"]


@rule("B31")
def test_a_new_place_is_the_place_in_a_group_restart(nursery):
    sup = family(nursery, "abc", strategy="rest_for_one")
    sup.ref.terminate_child("a")
    sup.ref.delete_child("a")
    sup.ref.start_child(ours(nursery, "a"))
    nursery.entries()

    sup.end("b")

    assert sup.names() == ["b", "c", "a"]
    assert nursery.entries() == ["a stops", "c stops", "b starts", "c starts", "a starts"]


# Deaths close together: the supervisor is held while all of them arrive.


def end_together(nursery, sup, *names):
    """Let children crash, in this order, before the supervisor handles any of their ends."""
    refs = [sup[name] for name in names]
    with sup.held(nursery):
        for ref in refs:
            ref.tell(boom())
            assert ref.join(CAP)


@pytest.mark.threads
@rule("B32", "B39")
@KINDS
def test_two_deaths_are_two_restarts_under_one_for_one(nursery, reports, kind):
    sup = family(nursery, [kind(nursery, name) for name in "abc"], max_restarts=1)

    end_together(nursery, sup, "a", "b")
    assert sup.ref.join(CAP)

    assert reports()[-1] == ("shutdown", "b", "reached_max_restart_intensity")


@pytest.mark.threads
@rule("B32", "B35", "B65")
@KINDS
def test_two_deaths_are_one_restart_under_one_for_all(nursery, reports, kind):
    sup = family(nursery, [kind(nursery, name) for name in "abc"], strategy="one_for_all", max_restarts=1)
    nursery.entries()

    end_together(nursery, sup, "a", "b")

    assert all(ref.is_alive() for ref in sup.children().values())
    assert nursery.entries() == ["c stops", "a starts", "b starts", "c starts"]
    assert reports() == [("child_terminated", "a", BOOMED), ("shutdown_error", "b", BOOMED)]


@pytest.mark.threads
@rule("B32")
@KINDS
def test_the_earlier_childs_death_covers_the_later_ones(nursery, kind):
    sup = family(nursery, [kind(nursery, name) for name in "abc"], strategy="rest_for_one", max_restarts=1)
    nursery.entries()

    end_together(nursery, sup, "a", "b")

    assert all(ref.is_alive() for ref in sup.children().values())
    assert nursery.entries() == ["c stops", "a starts", "b starts", "c starts"]


@pytest.mark.threads
@rule("B32")
@KINDS
def test_the_later_childs_death_doesnt_cover_the_earlier_ones(nursery, reports, kind):
    sup = family(nursery, [kind(nursery, name) for name in "abc"], strategy="rest_for_one", max_restarts=1)

    end_together(nursery, sup, "b", "a")
    assert sup.ref.join(CAP)

    assert sup.ref.exit_reason == Shutdown()
    assert reports()[-1] == ("shutdown", "a", "reached_max_restart_intensity")


@rule("B34")
def test_a_death_during_a_group_restart_is_a_new_one(nursery, reports):
    sup = family(nursery, "ab", strategy="one_for_all", max_restarts=1)
    gate = nursery.gate()
    nursery.starts_with("b", gate.pass_through)

    first = sup["a"]
    first.tell(boom())
    gate.await_arrival()
    asked = sup.later.which_children()
    restarted = nursery.latest["a"]
    restarted.tell(boom())
    assert restarted.join(CAP)
    gate.open()
    assert {info.id for info in asked.get(timeout=CAP)} == {"a", "b"}
    assert sup.ref.join(CAP)

    assert reports() == [
        ("child_terminated", "a", BOOMED),
        ("child_terminated", "a", BOOMED),
        ("shutdown", "a", "reached_max_restart_intensity"),
    ]


@pytest.mark.threads
@rule("B34")
@KINDS
def test_a_group_restart_takes_in_the_ends_that_wait(nursery, reports, kind):
    children = [
        kind(nursery, "a"),
        kind(nursery, "b", restart="transient"),
        kind(nursery, "c", restart="temporary"),
    ]
    sup = family(nursery, children, strategy="one_for_all", max_restarts=1)
    a, b, c = sup.children().values()

    with sup.held(nursery):
        a.tell(boom())
        assert a.join(CAP)
        b.stop()
        c.tell(boom())
        assert c.join(CAP)

    assert sup.names() == ["a", "b"]
    assert sup["b"].is_alive()
    assert reports() == [("child_terminated", "a", BOOMED), ("shutdown_error", "c", BOOMED)]


@rule("B35", "B64")
@GROUPS
@pytest.mark.parametrize(
    ("act", "reason"),
    [(fail("other"), "other"), (throw(boom()), BOOMED), (fail(Shutdown("x")), Shutdown("x"))],
    ids=["exits", "crashes", "detail"],
)
def test_a_sibling_that_ends_badly_is_reported_and_restarted(nursery, reports, strategy, act, reason):
    sup = family(nursery, "ab", strategy=strategy)
    nursery.stops_with("b", act)

    sup.end("a")

    assert all(ref.is_alive() for ref in sup.children().values())
    assert reports() == [("child_terminated", "a", BOOMED), ("shutdown_error", "b", reason)]
