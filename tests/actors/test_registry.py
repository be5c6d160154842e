"""The Registry: what belongs to whom, and what others see of it."""

from __future__ import annotations

import threading
from contextvars import copy_context

import pykka
import pytest

from actors import (
    ActorDied,
    AlreadyRegistered,
    AlreadyStarted,
    NotAnActor,
    Registration,
    Registry,
    Runtime,
    UnknownRegistry,
    adopt,
    whereis,
)
from tests.support import Probe, ended

rule = pytest.mark.rule


@pytest.fixture
def keys():
    """A registry of unique keys, started."""
    registry = Registry("keys")
    registry.start_link()
    return registry


@pytest.fixture
def subscribers():
    """A registry of duplicate keys, started."""
    registry = Registry("subscribers", keys="duplicate")
    registry.start_link()
    return registry


@pytest.fixture
def found_by_all_threads(runtime, monkeypatch):
    """Make the test's runtime the default one, which threads find that nobody told of another."""
    monkeypatch.setattr("actors.runtime._default", [runtime])


def register(probe, registry, key, value=None):
    probe.ask(lambda: registry.register(key, value))


def owners(registry, key):
    return [registration.owner for registration in registry.lookup(key)]


@rule("D1", "D2")
@pytest.mark.parametrize("arguments", [{"name": ""}, {"name": None}, {"name": "x", "keys": "some"}])
def test_a_registry_that_cannot_be_is_refused_at_once(arguments):
    with pytest.raises(ValueError, match="must be"):
        Registry(**arguments)


@rule("D2")
def test_a_name_that_is_taken_stops_the_start(keys):
    with pytest.raises(AlreadyStarted) as refused:
        Registry("keys").start_link()

    assert refused.value.ref is whereis("keys")


@rule("D7")
def test_a_registrys_child_spec_is_named_like_it():
    assert Registry("left").child_spec().id == "left"
    assert Registry("left").child_spec().restart == "permanent"


@rule("D10")
def test_a_registry_never_started_is_unknown_to_every_call():
    unknown = Registry("unknown")
    probe = Probe.start()

    for call in (
        lambda: unknown.register("k"),
        lambda: unknown.unregister("k"),
        lambda: unknown.lookup("k"),
        lambda: unknown.keys(probe),
        unknown.count,
        unknown.holders,
    ):
        with pytest.raises(UnknownRegistry, match="unknown registry: 'unknown'"):
            probe.ask(call)


@rule("D11")
def test_only_actors_can_register_and_unregister(keys):
    with pytest.raises(NotAnActor, match="register"):
        keys.register("k")
    with pytest.raises(NotAnActor, match="unregister"):
        keys.unregister("k")


@rule("D12")
def test_keys_of_different_types_are_different_keys(keys):
    probe = Probe.start()
    several = [
        1,
        1.0,
        True,
        "1",
        (1,),
        (1.0,),
        (True,),
        frozenset({1}),
        frozenset({1.0}),
        None,
        ("a", (1,)),
        ("a", (1.0,)),
    ]

    for number, key in enumerate(several):
        register(probe, keys, key, number)

    assert [keys.lookup(key)[0].value for key in several] == list(range(len(several)))
    probe.ask(lambda: keys.unregister(1))
    assert keys.lookup(1) == []
    assert keys.lookup(1.0) != []


@rule("D24")
def test_a_key_that_looks_like_a_pattern_is_a_key_like_others(keys):
    probe = Probe.start()
    register(probe, keys, "held")

    for pattern in ["_", "$1", ("_", "$1"), ..., "*"]:
        assert keys.lookup(pattern) == []
        probe.ask(lambda pattern=pattern: keys.unregister(pattern))
        register(probe, keys, pattern)
        assert owners(keys, pattern) == [probe]
        probe.ask(lambda pattern=pattern: keys.unregister(pattern))

    assert probe.ask(lambda: keys.keys(probe)) == ["held"]


def test_a_key_that_cannot_be_hashed_is_a_type_error(keys):
    with pytest.raises(TypeError, match="unhashable"):
        Probe.start().ask(lambda: keys.register(["k"]))


@rule("D13")
def test_a_held_key_is_refused_and_keeps_its_value(keys):
    holder, rival = Probe.start(), Probe.start()
    register(holder, keys, "k", 1)

    with pytest.raises(AlreadyRegistered, match=r"key 'k' of registry 'keys' is held by Probe") as refused:
        register(rival, keys, "k", 2)

    assert refused.value.owner is holder
    assert keys.lookup("k") == [Registration(holder, 1)]
    assert keys.keys(rival) == []


@rule("D13", "D82")
def test_registering_twice_is_refused_with_oneself_as_owner(keys):
    holder = Probe.start()
    register(holder, keys, "k", 1)

    with pytest.raises(AlreadyRegistered) as refused:
        register(holder, keys, "k", 2)

    assert refused.value.owner is holder
    assert keys.lookup("k") == [Registration(holder, 1)]
    assert keys.count() == 1


@rule("D15", "D30", "D32")
def test_a_duplicate_registry_is_a_bag(subscribers):
    probe = Probe.start()
    register(probe, subscribers, "k", "v")
    register(probe, subscribers, "k", "v")

    assert subscribers.lookup("k") == [Registration(probe, "v")] * 2
    assert subscribers.keys(probe) == ["k", "k"]
    assert subscribers.count() == 2


@rule("D28")
def test_owners_of_a_duplicate_key_come_in_order_of_registration(subscribers):
    probes = [Probe.start() for _ in range(5)]
    for probe in probes:
        register(probe, subscribers, "k")

    assert owners(subscribers, "k") == probes


@rule("D19", "D20")
def test_unregister_takes_only_the_callers_entries(subscribers):
    one, other = Probe.start(), Probe.start()
    for probe in (one, other, one):
        register(probe, subscribers, "k")
    register(one, subscribers, "w")

    one.ask(lambda: subscribers.unregister("k"))
    one.ask(lambda: subscribers.unregister("never"))

    assert owners(subscribers, "k") == [other]
    assert subscribers.keys(one) == ["w"]


@rule("D20")
def test_nobody_can_release_anothers_key(keys):
    holder, rival = Probe.start(), Probe.start()
    register(holder, keys, "k")

    rival.ask(lambda: keys.unregister("k"))

    assert owners(keys, "k") == [holder]


@rule("D25")
def test_a_key_that_nobody_has_is_looked_up_as_empty(keys):
    assert keys.lookup("k") == []


@rule("D77")
def test_a_registration_is_seen_by_everybody_at_once(keys):
    probe = Probe.start()

    register(probe, keys, "k")
    assert owners(keys, "k") == [probe]
    probe.ask(lambda: keys.unregister("k"))

    assert keys.lookup("k") == []


def test_registries_of_different_names_know_nothing_of_each_other(keys, subscribers):
    one, other = Probe.start(), Probe.start()
    register(one, keys, "k")

    register(other, subscribers, "k")

    assert owners(keys, "k") == [one]
    assert owners(subscribers, "k") == [other]


def test_a_registry_of_the_same_name_elsewhere_is_another(keys):
    register(Probe.start(), keys, "k")

    with Runtime():
        with pytest.raises(UnknownRegistry):
            keys.lookup("k")
        keys.start_link()
        assert keys.lookup("k") == []


def test_holders_show_key_owner_time_and_state(keys, clock):
    probe = Probe.start()
    clock.advance(5)
    register(probe, keys, "k")

    (holder,) = keys.holders()

    assert (holder.key, holder.owner, holder.since, holder.state) == ("k", probe, 1005.0, "alive")


class Plain(pykka.ThreadingActor):
    use_daemon_thread = True

    def __init__(self, registry):
        super().__init__()
        self.registry = registry

    def on_receive(self, message):
        if message == "crash":
            raise ValueError(message)
        return self.registry.register(message)


@pytest.mark.threads
def test_a_plain_pykka_actor_owns_what_is_registered_for_it(keys):
    plain = Plain.start(keys)

    keys.register("k", owner=plain)

    assert owners(keys, "k") == [adopt(plain)]
    plain.tell("crash")
    ended(plain)
    assert keys.lookup("k") == []


@pytest.mark.threads
def test_a_plain_pykka_actor_registers_itself_once_it_is_adopted(keys):
    plain = Plain.start(keys)
    adopt(plain)

    plain.ask("k")

    assert owners(keys, "k") == [adopt(plain)]
    plain.stop()


@pytest.mark.threads
def test_nothing_can_be_registered_for_a_plain_actor_that_ended(keys):
    plain = Plain.start(keys)
    plain.stop()

    with pytest.raises(ActorDied):
        keys.register("k", owner=plain)


@rule("D17")
def test_registering_waits_for_nobody_not_even_the_registrys_actor(keys):
    keeper = whereis("keys")
    release = threading.Event()
    keeper._process.actor.on_receive = lambda _message: release.wait(10)
    keeper.tell("be busy")

    probe = Probe.start()
    register(probe, keys, "k")
    seen = owners(keys, "k")
    probe.ask(lambda: keys.unregister("k"))

    assert seen == [probe]
    assert keys.lookup("k") == []
    release.set()


@rule("D11")
def test_no_actor_of_ours_can_be_given_a_key(keys):
    probe, other = Probe.start(), Probe.start()

    with pytest.raises(ValueError, match="owner= is for plain Pykka actors"):
        keys.register("k", owner=probe)
    with pytest.raises(ValueError, match="owner= is for plain Pykka actors"):
        other.ask(lambda: keys.register("k", owner=probe))

    assert keys.lookup("k") == []
    probe.ask(lambda: keys.register("k", owner=probe))
    assert owners(keys, "k") == [probe]


@rule("D11")
def test_a_thread_of_an_actor_that_is_gone_registers_nothing(keys):
    probe = Probe.start()
    context = probe.ask(copy_context)
    probe.stop()
    assert probe.join(10)

    with pytest.raises(ActorDied, match="the calling actor can't own a key: it has ended"):
        context.run(keys.register, "k")

    assert keys.holders() == []


@pytest.mark.threads
@rule("D20", "D84")
def test_a_helper_thread_of_the_owner_releases_nothing(keys, found_by_all_threads):
    holder, outcome = Probe.start(), []

    def release():
        with pytest.raises(NotAnActor):
            keys.unregister("k")
        outcome.append("refused")

    def work():
        keys.register("k")
        thread = threading.Thread(target=release)
        thread.start()
        thread.join()

    holder.ask(work)

    assert outcome == ["refused"]
    assert owners(keys, "k") == [holder]


@rule("D19")
def test_a_key_given_up_can_be_had_again_by_anybody(keys):
    one, other = Probe.start(), Probe.start()
    register(one, keys, "k")
    one.ask(lambda: keys.unregister("k"))

    register(other, keys, "k")
    other.ask(lambda: keys.unregister("k"))
    register(one, keys, "k", "again")

    assert keys.lookup("k") == [Registration(one, "again")]
    one.stop()
    assert one.join(10)
    assert keys.lookup("k") == []


@rule("D13")
def test_failed_registrations_leave_nothing_behind(keys):
    holder, rival = Probe.start(), Probe.start()
    register(holder, keys, "k")
    for probe in (holder, rival):
        with pytest.raises(AlreadyRegistered):
            register(probe, keys, "k")

    rival.stop()
    assert rival.join(10)

    assert owners(keys, "k") == [holder]
    assert keys.keys(holder) == ["k"]
    assert keys.count() == 1


class Selfish(pykka.ThreadingActor):
    """A plain Pykka actor that names itself as the owner."""

    use_daemon_thread = True

    def __init__(self, registry):
        super().__init__()
        self.registry = registry

    def on_receive(self, message):
        self.registry.register(message, owner=self.actor_ref)


@pytest.mark.threads
def test_a_plain_pykka_actor_may_name_itself_as_owner(keys, found_by_all_threads):
    plain = Selfish.start(keys)

    plain.ask("k")

    assert owners(keys, "k") == [adopt(plain)]
    plain.stop()
    ended(plain)
    assert keys.lookup("k") == []
