"""The Registry without its actor: the table outlives it, and works on while it is down."""

from __future__ import annotations

import pytest

from actors import Actor, AlreadyRegistered, Crashed, Registry, Shutdown, StartFailed, UnknownRegistry, whereis
from actors.registry import RegistryTable
from supervision import FailedToStartChild, Supervisor
from tests.support import CAP, Gate, Probe, received_nothing

rule = pytest.mark.rule


@pytest.fixture
def keys():
    """A registry of unique keys, started."""
    registry = Registry("keys")
    registry.start_link()
    return registry


def register(probe, registry, key):
    probe.ask(lambda: registry.register(key))


def is_free(registry, key):
    """Whether another actor gets the key; it gives it back."""
    probe = Probe.start()
    try:
        register(probe, registry, key)
    except AlreadyRegistered:
        return False
    finally:
        probe.stop()
    return True


def hold_the_keeper():
    """Have the registry's actor wait at a gate, its mail unread."""
    gate = Gate()
    keeper = whereis("keys")
    keeper._process.actor.on_receive = lambda _message: gate.pass_through()
    keeper.tell("wait")
    gate.await_arrival()
    return gate


def kill_the_keeper():
    keeper = whereis("keys")
    keeper.kill()
    assert keeper.join(CAP)


def caught_up():
    """Wait until the registry's actor has handled what it was sent before."""
    whereis("keys").ask("handled what came before")


@rule("D16", "D60", "D70", "D71", "D74", "D86", "D88")
def test_the_table_outlives_its_actor_and_works_on_in_the_gap(keys):
    holder, gone_in_the_gap, newcomer = Probe.start(), Probe.start(), Probe.start()
    register(holder, keys, "k")
    register(gone_in_the_gap, keys, "g")
    keeper = whereis("keys")

    keeper.kill()
    assert keeper.join(CAP)

    assert holder.is_alive()
    assert not is_free(keys, "k")
    register(newcomer, keys, "n")
    gone_in_the_gap.stop()
    assert is_free(keys, "g")
    assert [entry.owner for entry in keys.lookup("n")] == [newcomer]

    keys.start_link()
    assert not is_free(keys, "k")
    assert not is_free(keys, "n")
    newcomer.stop()
    assert keys.count() == 1
    # The restarted actor has swept up what the dead had held, and watches those who came while it was away.
    whereis("keys").ask("handled what came before")
    assert [entry.key for entry in keys.holders()] == ["k"]


@rule("D8", "D91")
def test_a_supervised_registry_is_restarted_with_its_table():
    keys = Registry("keys")
    with Supervisor.start_link([keys], strategy="one_for_one") as supervisor:
        holder = Probe.start()
        register(holder, keys, "k")
        before = whereis("keys")

        before.kill()
        supervisor.which_children()

        assert whereis("keys") is not before
        assert not is_free(keys, "k")
        holder.stop()
        assert is_free(keys, "k")


@rule("D17", "D72", "D73")
def test_all_calls_work_as_ever_while_the_actor_is_down(keys):
    holder, rival = Probe.start(), Probe.start()
    kill_the_keeper()

    register(holder, keys, "k")
    with pytest.raises(AlreadyRegistered) as refused:
        register(rival, keys, "k")
    assert refused.value.owner is holder
    assert keys.keys(holder) == ["k"]
    assert keys.count() == 1
    holder.ask(lambda: keys.unregister("k"))

    register(rival, keys, "k")
    assert [registration.owner for registration in keys.lookup("k")] == [rival]


def test_what_a_gone_owner_held_is_dropped_though_nobody_watches(keys):
    holder = Probe.start()
    register(holder, keys, "k")
    kill_the_keeper()

    holder.stop()
    assert holder.join(CAP)

    assert keys.holders() == []


@rule("D87")
@pytest.mark.parametrize("is_held", [False, True], ids=["idle", "held with its mail unread"])
def test_a_keeper_killed_in_any_state_loses_and_frees_nothing(is_held, keys):
    holder, before, meanwhile = Probe.start(), Probe.start(), Probe.start()
    register(holder, keys, "held")
    register(before, keys, "freed before")
    register(meanwhile, keys, "freed meanwhile")
    gate = hold_the_keeper() if is_held else None
    before.stop()
    assert before.join(CAP)

    keeper = whereis("keys")
    keeper.kill()
    meanwhile.stop()
    assert meanwhile.join(CAP)
    keys.start_link()
    if gate is not None:
        gate.open()
    assert keeper.join(CAP)
    caught_up()

    assert [entry.key for entry in keys.holders()] == ["held"]
    assert not is_free(keys, "held")
    assert is_free(keys, "freed before")
    assert is_free(keys, "freed meanwhile")


@rule("D70")
def test_owners_never_hear_of_the_end_of_the_registrys_actor(keys):
    holder = Probe.start()
    register(holder, keys, "k")

    whereis("keys").stop()

    assert holder.is_alive()
    assert received_nothing(holder)
    assert not is_free(keys, "k")


@rule("D21")
def test_an_owner_that_gave_up_its_keys_never_hears_of_the_registrys_end_either(keys):
    former = Probe.start()
    register(former, keys, "k")
    former.ask(lambda: keys.unregister("k"))

    kill_the_keeper()

    assert former.is_alive()
    assert received_nothing(former)


@rule("D89")
def test_a_registry_that_its_supervisor_ends_leaves_holders_and_keys_alone():
    keys = Registry("keys")
    with Supervisor.start_link([keys], strategy="one_for_one") as supervisor:
        holder = Probe.start()
        register(holder, keys, "k")

        supervisor.terminate_child("keys")

        assert whereis("keys") is None
        assert holder.is_alive()
        assert received_nothing(holder)
        assert not is_free(keys, "k")


@rule("D90")
def test_a_tree_comes_up_only_with_the_registry_before_those_who_use_it():
    keys = Registry("keys")

    class Holder(Actor):
        def on_start(self):
            keys.register("k")

    with pytest.raises(StartFailed) as failed:
        Supervisor.start_link([Holder, keys], strategy="rest_for_one")
    match failed.value.reason:
        case Shutdown(FailedToStartChild(id=child, reason=Crashed(error))):
            assert child is Holder
            assert isinstance(error, UnknownRegistry)
        case other:
            pytest.fail(f"the start failed with {other}")

    with Supervisor.start_link([keys, Holder], strategy="rest_for_one") as supervisor:
        assert [entry.owner for entry in keys.lookup("k")] == [
            info.child for info in supervisor.which_children() if info.id is Holder
        ]


@rule("D75")
def test_an_exit_signal_ends_the_registrys_actor_and_touches_no_entry(keys):
    holder = Probe.start()
    register(holder, keys, "k")
    keeper = whereis("keys")

    holder.ask(lambda: keeper.exit("a signal"))

    assert keeper.join(CAP)
    assert holder.is_alive()
    assert not is_free(keys, "k")


def test_a_keeper_killed_as_it_starts_never_takes_over(keys, monkeypatch):
    gate, holder = Gate(), Probe.start()
    register(holder, keys, "k")
    kill_the_keeper()
    adopt = RegistryTable.adopt

    def adopt_late(table, keeper):
        gate.pass_through()
        adopt(table, keeper)

    monkeypatch.setattr(RegistryTable, "adopt", adopt_late)
    starter = Probe.start()
    starter.tell(keys.start_link)
    gate.await_arrival()
    late = whereis("keys")
    late.kill()
    monkeypatch.undo()
    keys.start_link()

    gate.open()
    assert late.join(CAP)
    holder.stop()
    assert holder.join(CAP)
    caught_up()

    assert keys.holders() == []
