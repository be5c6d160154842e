"""Links: who dies with whom, and who only hears of it."""

from __future__ import annotations

import pytest

from actors import (
    Actor,
    ActorDied,
    Crashed,
    Exit,
    Killed,
    NoProc,
    Normal,
    NoSuchName,
    NotAnActor,
    Shutdown,
    current_actor,
    exit,
    link,
    named,
    trap_exit,
    unlink,
)
from tests.support import CAP, Gate, Probe, TrappingProbe, crash, ended, received, received_nothing

rule = pytest.mark.rule


def linked(actor_class, *others):
    """An actor of this class, linked to these others."""
    actor = actor_class.start()
    for other in others:
        actor.ask(lambda other=other: link(other))
    return actor


def end(ref, reason):
    """End an actor from within, as `exit(reason)` does."""
    ref.tell(lambda: exit(reason))
    ended(ref)


@rule("A12")
@pytest.mark.parametrize("reason", ["boom", ("a", 1), 0, NoProc()], ids=repr)
def test_a_linked_actor_dies_with_the_same_reason(reason):
    peer = Probe.start()
    actor = linked(Probe, peer)

    end(peer, reason)

    assert ended(actor).exit_reason == reason


@rule("A2", "A12")
def test_a_linked_actor_dies_of_the_same_crash():
    peer = Probe.start()
    actor = linked(Probe, peer)

    peer.tell(crash)

    assert ended(actor).exit_reason == Crashed(ValueError("boom"))


@rule("A5")
@pytest.mark.parametrize("reason", [Shutdown(), Shutdown(1)], ids=repr)
def test_shutdown_is_not_harmless_on_a_link(reason):
    peer = Probe.start()
    actor = linked(Probe, peer)

    end(peer, reason)

    assert ended(actor).exit_reason == reason


@rule("A12", "A23")
def test_a_normal_end_harms_nobody_linked():
    peer = Probe.start()
    actor = linked(Probe, peer)

    end(peer, Normal())

    assert received_nothing(actor)
    assert actor.is_alive()


@rule("A12")
def test_an_exit_runs_along_a_chain_of_links():
    far = Probe.start()
    near = linked(Probe, far)
    watcher = linked(TrappingProbe, near)

    far.exit("boom")

    assert received(watcher) == Exit(near, "boom")
    assert near.exit_reason == far.exit_reason == "boom"
    assert received_nothing(watcher)


@rule("A12")
def test_a_linked_exit_goes_ahead_of_the_queue():
    gate = Gate()
    handled = []
    peer = Probe.start()
    actor = linked(Probe, peer)
    actor.tell(gate.pass_through)
    gate.await_arrival()
    actor.tell(lambda: handled.append("queued"))

    end(peer, "boom")
    gate.open()

    assert ended(actor).exit_reason == "boom"
    assert handled == []


@rule("A13")
@pytest.mark.parametrize("reason", [Normal(), Shutdown(), "boom", "kill"], ids=repr)
def test_an_actor_that_traps_exits_gets_every_one_as_a_message(reason):
    peer = Probe.start()
    actor = linked(TrappingProbe, peer)

    end(peer, reason)

    assert received(actor) == Exit(peer, reason)
    assert actor.is_alive()


@rule("A13")
def test_an_exit_is_handled_in_its_turn():
    gate = Gate()
    peer = Probe.start()
    actor = linked(TrappingProbe, peer)
    actor.tell(gate.pass_through)
    gate.await_arrival()
    actor.tell("before")

    end(peer, "boom")
    actor.tell("after")
    gate.open()

    assert [received(actor) for _ in range(3)] == ["before", Exit(peer, "boom"), "after"]


@rule("A6", "A13", "A14")
def test_a_killed_peer_is_seen_as_killed_by_trapping_and_others():
    peer = TrappingProbe.start()
    trapping = linked(TrappingProbe, peer)
    other = linked(Probe, peer)

    peer.kill()

    assert received(trapping) == Exit(peer, Killed())
    assert ended(other).exit_reason == Killed()


@rule("A6", "A14")
def test_exiting_with_kill_is_an_ordinary_exit():
    peer = Probe.start()
    trapping = linked(TrappingProbe, peer)
    other = linked(Probe, peer)

    end(peer, "kill")

    assert received(trapping) == Exit(peer, "kill")
    assert ended(other).exit_reason == "kill"


@rule("A11")
def test_a_link_works_in_both_directions():
    peer = Probe.start()
    actor = linked(Probe, peer)

    end(actor, "boom")

    assert ended(peer).exit_reason == "boom"


@rule("A11")
def test_linking_twice_gives_one_exit():
    peer = Probe.start()
    actor = linked(TrappingProbe, peer, peer)
    peer.ask(lambda: link(actor))

    end(peer, "boom")

    assert received(actor) == Exit(peer, "boom")
    assert received_nothing(actor)


@rule("A11")
def test_one_unlink_undoes_linking_twice():
    peer = Probe.start()
    actor = linked(TrappingProbe, peer, peer)
    actor.ask(lambda: unlink(peer))

    end(peer, "boom")

    assert received_nothing(actor)


@rule("A11", "A19")
def test_either_side_may_undo_a_link():
    peer = Probe.start()
    actor = linked(Probe, peer)
    peer.ask(lambda: unlink(actor))

    end(peer, "boom")

    assert received_nothing(actor)
    assert actor.is_alive()


@rule("A11")
def test_linking_oneself_does_nothing():
    actor = Probe.start()

    actor.ask(lambda: link(actor))

    end(actor, "boom")
    assert actor.exit_reason == "boom"


@rule("A18")
def test_linking_a_dead_actor_raises():
    peer = Probe.start()
    peer.stop()
    actor = Probe.start()

    with pytest.raises(ActorDied, match="it has ended") as raised:
        actor.ask(lambda: link(peer))

    assert raised.value.reason == NoProc()
    assert actor.is_alive()


@rule("A18")
def test_linking_a_dead_actor_is_an_exit_message_when_trapping():
    peer = Probe.start()
    end(peer, "long ago")

    actor = linked(TrappingProbe, peer)

    assert received(actor) == Exit(peer, NoProc())


@rule("A18")
def test_linking_a_name_that_nobody_has_is_as_linking_the_dead():
    actor, trapping = Probe.start(), TrappingProbe.start()

    with pytest.raises(NoSuchName) as raised:
        actor.ask(lambda: link(named("nobody")))
    trapping.ask(lambda: link(named("nobody")))

    assert raised.value.reason == NoProc()
    assert received(trapping) == Exit(named("nobody"), NoProc())


@rule("A18")
def test_an_actor_in_its_last_hook_can_be_linked_still():
    gate = Gate()

    class Lingering(Probe):
        def on_stop(self):
            gate.pass_through()

    peer = Lingering.start()
    end_of_peer = peer.stop(block=False, reason="late")
    gate.await_arrival()

    actor = linked(TrappingProbe, peer)
    gate.open()

    assert received(actor) == Exit(peer, "late")
    assert end_of_peer.get(timeout=CAP)


@rule("A19")
def test_unlinking_leaves_an_exit_that_has_arrived():
    gate = Gate()
    peer = Probe.start()
    actor = linked(TrappingProbe, peer)
    actor.tell(gate.pass_through)
    gate.await_arrival()
    actor.tell(lambda: unlink(peer))

    end(peer, "boom")
    gate.open()

    assert received(actor) == Exit(peer, "boom")


@rule("A20")
def test_unlinking_what_was_never_linked_does_nothing():
    dead = Probe.start()
    dead.stop()
    actor, stranger = Probe.start(), Probe.start()

    actor.ask(lambda: unlink(stranger))
    actor.ask(lambda: unlink(dead))
    actor.ask(lambda: unlink(actor))
    actor.ask(lambda: unlink(named("nobody")))

    assert actor.is_alive()


@rule("A17")
def test_trap_exit_returns_what_it_was():
    actor = Probe.start()

    assert [actor.ask(lambda flag=flag: trap_exit(flag)) for flag in (True, True, False)] == [False, True, True]


@rule("A17")
def test_trapping_counts_from_the_moment_it_is_switched():
    peer = Probe.start()
    actor = linked(Probe, peer)
    actor.ask(lambda: trap_exit(True))

    end(peer, "boom")

    assert received(actor) == Exit(peer, "boom")


@rule("A17")
def test_switching_trapping_off_leaves_exits_that_have_arrived():
    gate = Gate()
    peer = Probe.start()
    actor = linked(TrappingProbe, peer)
    actor.tell(lambda: (gate.pass_through(), trap_exit(False)))
    gate.await_arrival()

    end(peer, "boom")
    gate.open()

    assert received(actor) == Exit(peer, "boom")
    actor.exit("now it counts")
    assert ended(actor).exit_reason == "now it counts"


@rule("A22")
def test_a_child_that_dies_while_starting_tells_its_parent():
    class Stillborn(Probe):
        def on_start(self):
            exit("stillborn")

    parent = TrappingProbe.start()

    child = parent.ask(Stillborn.options(link=True).start)

    assert received(parent) == Exit(child, "stillborn")


@rule("A23")
def test_children_outlive_a_parent_that_ends_normally():
    parent = Probe.start()
    child = parent.ask(Probe.start_link)

    end(parent, Normal())

    assert received_nothing(child)
    assert child.is_alive()


@rule("A63")
@pytest.mark.parametrize("reason", [Normal(), Shutdown(), "boom"], ids=repr)
def test_a_trapping_child_ends_with_its_parent_whatever_the_reason(reason):
    stopped = []

    class Child(TrappingProbe):
        def on_stop(self):
            stopped.append(self)

    parent = Probe.start()
    child = parent.ask(Child.start_link)

    end(parent, reason)

    assert ended(child).exit_reason == reason
    assert len(stopped) == 1


@rule("A63")
def test_a_trapping_child_hears_of_others_and_lives():
    parent, stranger = Probe.start(), Probe.start()
    child = parent.ask(TrappingProbe.start_link)

    stranger.ask(lambda: child.exit(Shutdown()))

    assert received(child) == Exit(stranger, Shutdown())
    assert child.is_alive()


@rule("A63")
def test_a_child_that_unlinked_itself_outlives_its_parent():
    parent = Probe.start()
    child = parent.ask(TrappingProbe.start_link)
    child.ask(lambda: unlink(parent))

    end(parent, "boom")

    assert received_nothing(child)


@rule("A63", "A73")
def test_a_trapping_child_first_handles_what_came_before_its_parents_end():
    gate = Gate()
    handled = []
    parent = Probe.start()
    child = parent.ask(TrappingProbe.start_link)
    child.tell(gate.pass_through)
    gate.await_arrival()
    child.tell(lambda: handled.append("before"))

    end(parent, Shutdown())
    child.tell(lambda: handled.append("after"))
    gate.open()

    assert ended(child).exit_reason == Shutdown()
    assert handled == ["before"]


@pytest.mark.parametrize("function", [link, unlink], ids=["link", "unlink"])
def test_links_are_made_by_actors_only(function):
    actor = Probe.start()

    with pytest.raises(NotAnActor, match=f"{function.__name__}\\(\\)"):
        function(actor)


def test_trapping_is_chosen_by_actors_only():
    with pytest.raises(NotAnActor):
        trap_exit(True)


def test_the_current_actor_is_whose_code_runs():
    actor = Probe.start()

    assert current_actor() is None
    assert actor.ask(current_actor) is actor


@rule("A12")
def test_an_actor_may_be_linked_to_many():
    hub = Actor.start()
    rim = [linked(TrappingProbe, hub) for _ in range(20)]

    hub.kill()

    assert [received(actor) for actor in rim] == [Exit(hub, Killed())] * 20
