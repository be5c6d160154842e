"""The Registry and death: a key is free when no line of its owner's code can run any more, and not before."""

from __future__ import annotations

import pykka
import pytest

from actors import Actor, AlreadyRegistered, Killed, ProcessKilled, Registration, Registry, adopt, whereis
from tests.support import CAP, Gate, Probe, ended, received, watching

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

    assert holder.state() == "abandoned"
    assert not is_free(keys, "k")
    assert [(entry.key, entry.owner, entry.state) for entry in keys.holders()] == [("k", holder, "abandoned")]
    gate.open()
    assert holder.join(CAP)
    assert is_free(keys, "k")


@rule("D14", "D26", "D31", "D68", "D79")
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
    assert keys.keys(first) == []

    del keeper._process.actor.on_receive
    gate.open()
    keeper.ask("handled what came before")
    assert [registration.owner for registration in keys.lookup("k")] == [second]


@rule("D69")
def test_all_keys_of_an_owner_are_free_at_once_before_any_cleanup(keys):
    gate = Gate()
    keeper = whereis("keys")
    keeper._process.actor.on_receive = lambda _message: gate.pass_through()
    keeper.tell("be busy")
    gate.await_arrival()
    owner = Probe.start()
    for key in range(100):
        register(owner, keys, key)

    owner.stop()
    assert owner.join(CAP)

    assert [key for key in range(100) if keys.lookup(key)] == []
    assert [key for key in range(100) if not is_free(keys, key)] == []
    gate.open()


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


class Stubborn(Actor):
    """Does something with its key after its kill, and notes what became of it."""

    use_daemon_thread = True

    def __init__(self, keys, action, killed, done):
        self.keys, self.action, self.killed, self.done = keys, action, killed, done

    def on_receive(self, outcome):
        self.keys.register("held")
        self.killed.pass_through()
        try:
            self.action(self.keys, self.actor_ref)
            outcome.append("done")
        except ProcessKilled:
            outcome.append("refused")
        self.done.pass_through()


@rule("D14")
@pytest.mark.parametrize(
    "action",
    [
        lambda keys, _ref: keys.register("k"),
        lambda keys, ref: keys.register("k", owner=ref),
        lambda keys, _ref: keys.unregister("held"),
    ],
    ids=["register", "register itself as owner", "unregister"],
)
def test_a_killed_actor_changes_nothing_any_more(action, keys):
    killed, done, outcome = Gate(), Gate(), []
    worker = Stubborn.start(keys, action, killed, done)
    worker.tell(outcome)
    killed.await_arrival()

    worker.kill()
    killed.open()
    done.await_arrival()

    assert outcome == ["refused"]
    assert [(entry.key, entry.state) for entry in keys.holders()] == [("held", "abandoned")]
    done.open()
    assert worker.join(CAP)
    assert is_free(keys, "held")


@rule("D26", "D67")
@pytest.mark.parametrize("way", ["stop", "crash", "exit"])
def test_who_has_seen_the_end_of_an_owner_never_reads_it(way, keys):
    holder = Holder.start_link(keys, Gate(), None)
    watcher = watching(holder)

    {"stop": lambda: holder.stop(block=False), "crash": lambda: holder.tell("crash"), "exit": lambda: holder.exit("x")}[
        way
    ]()
    assert received(watcher).ref is holder

    assert keys.lookup("k") == []
    assert keys.keys(holder) == []
    assert keys.count() == 0


@rule("D14", "D26")
def test_an_abandoned_owner_is_read_though_its_end_was_told(keys):
    gate = Gate()
    holder = Holder.start_link(keys, gate, "handler")
    watcher = watching(holder)
    holder.tell("work")
    gate.await_arrival()

    holder.kill()

    assert received(watcher).reason == Killed()
    assert [registration.owner for registration in keys.lookup("k")] == [holder]
    assert keys.keys(holder) == ["k"]
    assert keys.count() == 1
    gate.open()
    assert holder.join(CAP)


@rule("D15", "D66", "D68")
def test_a_gone_owner_leaves_the_entries_of_others_as_they_were():
    subscribers = Registry("subscribers", keys="duplicate")
    subscribers.start_link()
    one, other = Probe.start(), Probe.start()
    for probe, value in ((one, 1), (other, 2), (one, 3), (other, 4)):
        probe.ask(lambda value=value: subscribers.register("k", value))

    one.kill()
    assert one.join(CAP)

    assert subscribers.lookup("k") == [Registration(other, 2), Registration(other, 4)]
    whereis("subscribers").ask("handled what came before")
    assert [entry.owner for entry in subscribers.holders()] == [other, other]


@rule("D11", "D14")
def test_an_owner_may_still_register_in_its_last_hook_and_is_freed_all_the_same(keys):
    gate = Gate()

    class Late(Actor):
        use_daemon_thread = True

        def on_stop(self):
            keys.register("k")
            gate.pass_through()

    late = Late.start_link()
    late.stop(block=False)
    gate.await_arrival()

    assert not is_free(keys, "k")
    assert [entry.state for entry in keys.holders()] == ["dead"]
    gate.open()
    assert late.join(CAP)
    assert is_free(keys, "k")


class Plain(pykka.ThreadingActor):
    """A plain Pykka actor that waits at a gate in the place that it is told."""

    use_daemon_thread = True

    def __init__(self, gate, place):
        super().__init__()
        self.gate, self.place = gate, place

    def on_receive(self, message):
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


@pytest.mark.threads
@rule("D14")
@pytest.mark.parametrize(
    ("place", "end"),
    [
        ("on_failure", lambda plain: plain.tell("crash")),
        ("on_stop", lambda plain: plain.stop(block=False)),
        ("finally", lambda plain: plain.tell("work")),
    ],
)
def test_a_plain_pykka_owner_keeps_its_key_while_its_last_code_runs(place, end, keys):
    gate = Gate()
    plain = Plain.start(gate, place)
    keys.register("k", owner=plain)
    end(plain)
    gate.await_arrival()

    assert not is_free(keys, "k")
    gate.open()
    ended(plain)

    assert is_free(keys, "k")


@pytest.mark.threads
@rule("D14")
def test_an_abandoned_plain_pykka_owner_keeps_its_key_until_its_code_ends(keys):
    gate = Gate()
    plain = Plain.start(gate, "handler")
    keys.register("k", owner=plain)
    plain.tell("work")
    gate.await_arrival()

    adopt(plain).kill()

    assert not is_free(keys, "k")
    gate.open()
    ended(plain)
    assert is_free(keys, "k")
