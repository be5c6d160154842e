"""How a supervisor itself ends: with its parent, by its stop, by a kill; and by nobody else's wish."""

from __future__ import annotations

import pytest

from actors import CallTimeout, Crashed, Exit, Killed, Normal, Shutdown, exit, link
from supervision import ChildSpec, Supervisor
from tests.supervision.nursery import BOOMED, Family, Ours, Plain, boom, family, ours, plain, trapping
from tests.support import CAP, Probe, TrappingProbe, received

rule = pytest.mark.rule

KINDS = pytest.mark.parametrize("kind", [ours, trapping, plain])


class Parent(Probe):
    """A probe that can be told to crash."""

    def on_receive(self, message):
        if isinstance(message, BaseException):
            raise message
        return super().on_receive(message)


# The parent


@pytest.mark.threads
@rule("B86", "B90")
@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (lambda parent: parent.stop(), Normal()),
        (lambda parent: parent.tell(lambda: exit("weird")), "weird"),
        (lambda parent: parent.tell(boom()), BOOMED),
        (lambda parent: parent.kill(), Killed()),
    ],
    ids=["normal", "weird", "crash", "kill"],
)
@KINDS
def test_a_supervisor_ends_with_its_parent_and_its_reason(nursery, kind, end, reason):
    parent = Parent.start()
    sup = parent.ask(lambda: family(nursery, [kind(nursery, name) for name in "ab"]))
    children = sup.children().values()
    nursery.entries()

    end(parent)
    assert sup.ref.join(CAP)

    assert sup.ref.exit_reason == reason
    assert nursery.entries() == ["b stops", "a stops"]
    assert [child.exit_reason for child in children] == [Shutdown(), Shutdown()]


@pytest.mark.threads
@rule("B86")
def test_a_whole_tree_ends_from_its_leaves(nursery):
    inner = Supervisor.child_spec([ours(nursery, "b"), plain(nursery, "c")], strategy="one_for_one")
    with Supervisor.start_link([ours(nursery, "a"), inner, ours(nursery, "d")], strategy="one_for_one") as top:
        nursery.entries()

    assert not top.is_alive()
    assert top.exit_reason == Shutdown()
    assert nursery.entries() == ["d stops", "c stops", "b stops", "a stops"]


# Strangers


@rule("B87")
@pytest.mark.parametrize("reason", [Shutdown(), Normal(), Killed(), "whatever"], ids=repr)
@pytest.mark.parametrize("sender", ["nobody", "an actor", "a child"])
def test_exit_signals_of_strangers_do_nothing(nursery, caplog, sender, reason):
    sup = family(nursery, "ab")
    before = sup.children()

    match sender:
        case "nobody":
            sup.ref.exit(reason)
        case "an actor":
            Probe.start().ask(lambda: sup.ref.exit(reason))
        case _:
            sup["a"].ask(lambda: sup.ref.exit(reason))

    assert sup.children() == before
    assert caplog.records == []


@rule("B87")
@pytest.mark.parametrize("reason", [BOOMED.exception, SystemExit(1)], ids=repr)
def test_the_end_of_a_stranger_that_linked_itself_does_nothing(nursery, reports, reason):
    sup, stranger = family(nursery, "ab"), Parent.start()
    before = sup.children()
    stranger.ask(lambda: link(sup.ref))

    stranger.tell(reason)
    assert stranger.join(CAP)

    assert sup.children() == before
    assert reports() == []


# A kill


@pytest.mark.threads
@rule("B88")
def test_a_killed_supervisor_takes_its_children_along(nursery, reports):
    sup = family(nursery, [ours(nursery, "a"), trapping(nursery, "b"), plain(nursery, "c")])
    children = sup.children().values()

    sup.ref.kill()

    assert all(ref.join(CAP) for ref in (sup.ref, *children))
    assert sup.ref.exit_reason == Killed()
    assert [child.exit_reason for child in children] == [Killed()] * 3
    assert sorted(nursery.entries()[3:]) == ["a stops", "b stops", "c stops"]
    assert reports() == []


@pytest.mark.threads
@rule("B88")
def test_a_kill_reaches_the_leaves_of_the_tree(nursery):
    inner = Supervisor.child_spec([ours(nursery, "b"), plain(nursery, "c")], strategy="one_for_one")
    top = family(nursery, [inner.replace(id="inner")])
    leaves = Family(top["inner"]).children().values()

    top.ref.kill()

    assert all(leaf.join(CAP) for leaf in leaves)


@rule("B88")
def test_a_killed_supervisor_is_restarted_with_its_children(nursery):
    inner = Supervisor.child_spec([ours(nursery, "b")], strategy="one_for_one").replace(id="inner")
    top = family(nursery, [inner])
    killed = Family(top["inner"])
    b = killed["b"]

    killed.ref.kill()
    assert killed.ref.join(CAP)

    assert Family(top["inner"])["b"].is_alive()
    assert b.join(CAP)


@pytest.mark.threads
@rule("B88")
@KINDS
def test_a_kill_in_the_middle_of_a_start_leaves_nobody(nursery, kind):
    sup, gate = family(nursery, "b"), nursery.gate()
    b = sup["b"]
    nursery.starts_with("a", gate.pass_through)

    sup.later.start_child(kind(nursery, "a"))
    gate.await_arrival()
    sup.ref.kill()
    gate.open()

    assert all(ref.join(CAP) for ref in (sup.ref, nursery.latest["a"], b))


@pytest.mark.threads
@rule("B67", "B88")
@pytest.mark.parametrize("cls", [Ours, Plain])
def test_a_kill_in_a_start_function_leaves_nobody(nursery, cls):
    sup, gate, started = family(nursery), nursery.gate(), []

    def start():
        started.append(cls.start(nursery, "a"))
        gate.pass_through()
        return started[0]

    sup.later.start_child(ChildSpec(start, id="a"))
    gate.await_arrival()
    sup.ref.kill()
    gate.open()

    assert sup.ref.join(CAP)
    assert started[0].actor_stopped.wait(CAP)


# Its stop


@pytest.mark.threads
@rule("B89", "B90")
@KINDS
@pytest.mark.parametrize("reason", [Normal(), Shutdown(), Shutdown("enough"), "custom"], ids=repr)
def test_a_stopped_supervisor_ends_its_children_in_reverse(nursery, kind, reason):
    sup = family(nursery, [kind(nursery, name) for name in "ab"])
    children = sup.children().values()
    nursery.entries()

    assert sup.ref.stop(reason=reason)

    assert sup.ref.exit_reason == reason
    assert nursery.entries() == ["b stops", "a stops"]
    assert [child.exit_reason for child in children] == [Shutdown(), Shutdown()]


@rule("B89")
@pytest.mark.parametrize(("reason", "logged"), [(Normal(), False), (Shutdown("x"), False), ("custom", True)])
def test_only_an_abnormal_stop_is_logged_as_a_crash(nursery, caplog, reason, logged):
    sup = family(nursery, "a")

    sup.ref.stop(reason=reason)

    assert [record.reason for record in caplog.records if record.name == "pykka_otp.crash"] == [reason] * logged


@rule("B89")
@pytest.mark.usefixtures("children_that_block")
def test_who_waits_for_a_stop_may_give_up(nursery, clock):
    sup = family(nursery, [ours(nursery, "a", shutdown="infinity")])
    gate = nursery.gate()
    nursery.stops_with("a", gate.pass_through)

    waiting = Probe.start().ask(lambda: sup.ref.stop(timeout=5), block=False)
    gate.await_arrival()
    clock.await_timers()
    clock.advance(5)
    with pytest.raises(CallTimeout):
        waiting.get(timeout=CAP)
    gate.open()

    assert sup.ref.join(CAP)
    assert sup.ref.exit_reason == Normal()


@rule("B89")
@pytest.mark.parametrize(
    ("restart", "reason", "restarted"),
    [("permanent", Normal(), True), ("transient", Shutdown(), False), ("transient", "custom", True)],
)
def test_a_parent_reacts_to_a_stopped_supervisor_as_to_any_child(nursery, restart, reason, restarted):
    inner = Supervisor.child_spec([ours(nursery, "b")], strategy="one_for_one").replace(id="inner", restart=restart)
    top = family(nursery, [inner])
    stopped = top["inner"]

    stopped.stop(reason=reason)

    assert (top["inner"] is not None) == restarted
    assert top["inner"] is not stopped


@rule("B89")
def test_its_starter_hears_what_a_supervisor_ended_with(nursery):
    starter = TrappingProbe.start()
    sup = starter.ask(lambda: family(nursery, "a"))

    sup.ref.stop(reason=Shutdown("enough"))

    assert received(starter) == Exit(sup.ref, Shutdown("enough"))


# What it doesn't understand


@rule("B91")
def test_an_unexpected_message_is_logged_and_ignored(nursery, caplog):
    sup = family(nursery, "a")
    before = sup.children()

    sup.ref.tell("hello")

    assert sup.children() == before
    assert [record.getMessage() for record in caplog.records] == ["Supervisor got an unexpected message: 'hello'"]


@rule("B91")
def test_an_unknown_question_is_answered_with_an_error(nursery):
    sup = family(nursery, "a")
    before = sup.children()

    with pytest.raises(TypeError, match="hello"):
        sup.ref.ask("hello")

    assert sup.children() == before


def test_an_error_of_its_own_ends_its_children_too(nursery):
    class Broken(Supervisor):
        def on_receive(self, message):
            if message == "break":
                raise boom()
            return super().on_receive(message)

    broken = Broken.start_link([ours(nursery, "a"), ours(nursery, "b")], strategy="one_for_one")
    nursery.entries()

    broken.tell("break")
    assert broken.join(CAP)

    assert broken.exit_reason == Crashed(boom())
    assert nursery.entries() == ["b stops", "a stops"]
