"""The Registry and death: a key is free when no line of its owner's code can run any more, and not before."""

from __future__ import annotations

import threading

import pytest

from actors import Actor, AlreadyRegistered, ProcessKilled, Registry, checkpoint, whereis
from supervision import Supervisor
from tests.support import CAP, Gate, Probe

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


class Holder(Actor):
    """Holds a key, and waits at a gate in the place that it is told."""

    use_daemon_thread = True

    def __init__(self, registry, gate, place):
        self.registry, self.gate, self.place = registry, gate, place

    def on_start(self):
        self.registry.register("k")

    def on_receive(self, message):
        if message == "crash":
            raise ValueError(message)
        try:
            self.wait_in("handler")
            raise ValueError(message)
        finally:
            self.wait_in("finally")

    def on_stop(self):
        self.wait_in("on_stop")

    def on_failure(self, *_exc_info):
        self.wait_in("on_failure")

    def wait_in(self, place):
        if self.place == place:
            self.gate.pass_through()


@rule("D14", "D66", "D81")
@pytest.mark.parametrize("way", ["stop", "crash", "kill", "exit"])
def test_a_key_is_free_however_its_owner_ended(way, keys):
    holder = Holder.start_link(keys, Gate(), None)

    {"stop": holder.stop, "crash": lambda: holder.tell("crash"), "kill": holder.kill, "exit": lambda: holder.exit("x")}[
        way
    ]()
    assert holder.join(CAP)

    assert keys.lookup("k") == []
    assert is_free(keys, "k")


@rule("D14")
@pytest.mark.parametrize(
    ("place", "end"),
    [
        ("on_failure", lambda ref: ref.tell("crash")),
        ("on_stop", lambda ref: ref.stop(block=False)),
        ("finally", lambda ref: ref.tell("work")),
    ],
)
def test_a_key_is_held_while_its_owners_last_code_runs(place, end, keys):
    gate = Gate()
    holder = Holder.start_link(keys, gate, place)
    end(holder)
    gate.await_arrival()

    assert not is_free(keys, "k")
    assert [registration.owner for registration in keys.lookup("k")] == [holder]
    gate.open()
    assert holder.join(CAP)

    assert is_free(keys, "k")


@rule("D14")
def test_an_abandoned_owner_keeps_its_key_until_its_code_ends(keys):
    gate = Gate()
    holder = Holder.start_link(keys, gate, "handler")
    holder.tell("work")
    gate.await_arrival()

    holder.kill()

    assert holder.state == "abandoned"
    assert not is_free(keys, "k")
    assert [(entry.key, entry.owner, entry.state) for entry in keys.holders()] == [("k", holder, "abandoned")]
    gate.open()
    assert holder.join(CAP)
    assert is_free(keys, "k")


@rule("D14", "D26", "D68", "D79")
def test_a_registration_over_a_gone_owner_works_before_any_cleanup(keys):
    gate = Gate()
    keeper = whereis("keys")
    keeper._process.actor.on_receive = lambda _message: gate.pass_through()
    keeper.tell("be busy")
    gate.await_arrival()
    first, second = Probe.start(), Probe.start()
    register(first, keys, "k")
    first.kill()
    assert first.join(CAP)

    assert keys.lookup("k") == []
    assert keys.count() == 0
    assert [entry.state for entry in keys.holders()] == ["gone"]
    register(second, keys, "k")

    del keeper._process.actor.on_receive
    gate.open()
    keeper.ask("handled what came before")
    assert [registration.owner for registration in keys.lookup("k")] == [second]


@rule("D78")
def test_an_owner_may_die_between_lookup_and_register(keys):
    first, second = Probe.start(), Probe.start()
    register(first, keys, "k")
    found = keys.lookup("k")

    first.stop()

    assert not found[0].owner.is_alive()
    register(second, keys, "k")
    assert [registration.owner for registration in keys.lookup("k")] == [second]


@rule("D83")
def test_an_owner_that_lives_on_after_an_error_keeps_its_key(keys):
    holder = Probe.start()

    def forget_to_unregister():
        keys.register("k")
        raise ValueError

    with pytest.raises(ValueError):
        holder.ask(forget_to_unregister)

    assert not is_free(keys, "k")


@rule("D70")
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


def test_a_kill_inside_register_never_leaves_half_an_entry(keys):
    """A thousand workers take and give back a key as fast as they can, and are killed wherever they are."""

    class Busy(Actor):
        use_daemon_thread = True

        def __init__(self, began):
            self.began = began

        def on_receive(self, key):
            self.began.set()
            while True:
                keys.register(key)
                checkpoint()
                keys.unregister(key)

    for number in range(1_000):
        began = threading.Event()
        worker = Busy.start(began)
        worker.tell(number % 7)
        assert began.wait(CAP)
        worker.kill()
        assert worker.join(CAP)
        assert keys.lookup(number % 7) == []

    assert keys.count() == 0
    whereis("keys").ask("handled what came before")
    assert keys.holders() == []


def test_a_killed_actor_registers_nothing_any_more(keys):
    gate = Gate()
    outcome = []

    class Stubborn(Actor):
        use_daemon_thread = True

        def on_receive(self, _message):
            gate.pass_through()
            try:
                keys.register("k")
            except ProcessKilled:
                outcome.append("refused")
                raise

    worker = Stubborn.start()
    worker.tell("work")
    gate.await_arrival()
    worker.kill()
    gate.open()

    assert worker.join(CAP)
    assert outcome == ["refused"]
    assert keys.holders() == []
