"""The Registry with many at it at once: a key has one holder, whoever is killed at whatever moment."""

from __future__ import annotations

import threading

import pytest

from actors import Actor, AlreadyRegistered, Registry, checkpoint, whereis
from supervision import Supervisor
from tests.support import CAP, Probe

rule = pytest.mark.rule


@pytest.fixture
def keys():
    """A registry of unique keys, started."""
    registry = Registry("keys")
    registry.start_link()
    return registry


class Key:
    """A key that takes its time, so that much may come between two looks at the table."""

    def __init__(self, number):
        self.number = number

    def __hash__(self):
        return hash(str(self.number))

    def __eq__(self, other):
        return isinstance(other, Key) and str(self.number) == str(other.number)


@rule("D76")
def test_of_two_hundred_at_once_exactly_one_gets_the_key(keys, hasty_threads):
    probes = [Probe.options(runs_on="thread").start() for _ in range(200)]
    for round_number in range(5):
        key = Key(round_number)
        together = threading.Barrier(200)

        def attempt(key=key, together=together):
            together.wait(CAP)
            try:
                keys.register(key)
            except AlreadyRegistered as refused:
                return refused.owner
            return "won"

        answers = [probe.ask(attempt, block=False) for probe in probes]
        outcomes = [answer.get(timeout=CAP) for answer in answers]

        (winner,) = [probe for probe, outcome in zip(probes, outcomes, strict=True) if outcome == "won"]
        assert [outcome for outcome in outcomes if outcome != "won"] == [winner] * 199
        assert [registration.owner for registration in keys.lookup(key)] == [winner]


@rule("D79")
def test_of_many_over_a_gone_owner_exactly_one_gets_the_key(keys, hasty_threads):
    rivals = [Probe.start() for _ in range(20)]
    for round_number in range(20):
        key, owner = Key(round_number), Probe.start()
        owner.ask(lambda key=key: keys.register(key))
        owner.kill()
        assert owner.join(CAP)
        together = threading.Barrier(len(rivals))

        def attempt(key=key, together=together):
            together.wait(CAP)
            try:
                keys.register(key)
            except AlreadyRegistered:
                return 0
            return 1

        answers = [rival.ask(attempt, block=False) for rival in rivals]

        assert sum(answer.get(timeout=CAP) for answer in answers) == 1


@rule("D18")
def test_a_kill_inside_register_never_leaves_half_an_entry(keys, hasty_threads):
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


class Locker(Actor):
    """Takes each key in turn, looks whether it is alone with it, and gives it back; counts its rounds."""

    use_daemon_thread = True

    def __init__(self, keys, inside, clashes):
        self.keys, self.inside, self.clashes = keys, inside, clashes

    def on_receive(self, rounds):
        for number in range(rounds):
            key = number % 3
            try:
                self.keys.register(key)
            except AlreadyRegistered:
                checkpoint()
                continue
            try:
                if self.inside.setdefault(key, self) is not self:
                    self.clashes.append(key)
                # A kill takes effect here, and the rest still runs, with the key held.
                checkpoint()
            finally:
                self.inside.pop(key, None)
            self.keys.unregister(key)
        return rounds


@rule("D81")
@pytest.mark.timeout(60)
def test_a_key_never_has_two_holders_whoever_is_killed(hasty_threads):
    keys, inside, clashes = Registry("keys"), {}, []
    with Supervisor.start_link([keys], strategy="one_for_one", max_restarts=1_000) as supervisor:
        lockers = [Locker.start(keys, inside, clashes) for _ in range(4)]
        answers = [locker.ask(1_000, block=False) for locker in lockers]
        for _ in range(100):
            victim = Locker.start(keys, inside, clashes)
            victim.tell(1_000_000)
            keeper = whereis("keys")
            if keeper is not None:
                keeper.kill()
            victim.kill()
            assert victim.join(CAP)
            supervisor.which_children()

        assert [answer.get(timeout=30) for answer in answers] == [1_000] * 4
        assert clashes == []
        assert keys.count() == 0
