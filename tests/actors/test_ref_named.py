"""Named refs follow the name, from one actor to the next."""

from __future__ import annotations

import queue

import pytest

from actors import (
    Actor,
    ActorDied,
    ActorRef,
    NamedRef,
    Normal,
    NoSuchName,
    Undelivered,
    named,
    register_name,
    unregister_name,
)
from tests.support import CAP, Probe, received

rule = pytest.mark.rule


class Counter(Actor):
    def __init__(self, count=0):
        self.count = count

    def on_receive(self, amount):
        self.count += amount
        return self.count

    def add(self, amount):
        return self.on_receive(amount)


def test_a_named_ref_can_be_made_before_its_actor():
    ref = named("counter")
    assert not ref.is_alive()

    Counter.options(name="counter").start(1)

    assert ref.is_alive()
    assert ref.ask(1) == 2


@rule("A10")
def test_a_named_ref_follows_the_name_to_the_next_actor():
    ref = named("counter")
    first = Counter.options(name="counter").start(1)
    assert ref.ask(1) == 2
    first.stop()

    Counter.options(name="counter").start(10)

    assert ref.ask(1) == 11


@rule("A33")
def test_a_named_ref_follows_the_name_to_another_living_actor():
    ref = named("counter")
    Counter.options(name="counter").start(1)
    other = Counter.start(10)
    unregister_name("counter")

    register_name("counter", other)

    assert ref.ask(1) == 11


@rule("A38")
def test_a_named_ref_does_what_a_ref_does():
    actor = Probe.options(name="probe").start()
    ref = named("probe")

    ref.tell("hello")
    assert received(actor) == "hello"
    assert ref.ask(lambda: "reply", block=False).get() == "reply"
    assert (ref.name, ref.state(), ref.exit_reason) == ("probe", "alive", None)
    assert ref.stop() is True
    assert actor.exit_reason == Normal()


@pytest.mark.parametrize("end", [lambda ref: ref.exit("boom"), lambda ref: ref.kill()], ids=["exit", "kill"])
def test_a_named_ref_ends_who_has_the_name(end):
    actor = Probe.options(name="probe").start()

    end(named("probe"))

    assert actor.join(CAP)


def test_a_named_ref_is_a_ref_to_pykka_too():
    actor = Counter.options(name="counter").start()
    ref = named("counter")

    assert isinstance(ref, ActorRef)
    assert ref.actor_class is Counter
    assert ref.actor_urn == actor.actor_urn


def test_a_proxy_of_a_named_ref_follows_the_name_too():
    first = Counter.options(name="counter").start(1)
    proxy = named("counter").proxy()
    assert proxy.add(1).get() == 2
    first.stop()

    Counter.options(name="counter").start(10)

    assert proxy.add(1).get() == 11


def test_what_is_told_to_one_who_ends_meanwhile_is_lost_with_that_one(runtime, monkeypatch):
    dead, living = Probe.start(), Probe.options(name="probe").start()
    dead.stop()
    # Who had the name when it was looked up, and since then another has it.
    holders = iter([dead._process, living._process])
    monkeypatch.setattr(runtime, "whereis", lambda _name: next(holders))
    letters = queue.SimpleQueue()
    runtime.dead_letters.listen(letters.put)

    with pytest.raises(ActorDied):
        named("probe").tell("late")

    assert letters.get(timeout=CAP) == Undelivered(dead, "late", Normal())


def test_named_refs_are_equal_by_name():
    assert named("a") == named("a")
    assert named("a") != named("b")
    assert named("a") != "a"
    assert len({named("a"), named("a"), named("b")}) == 2


def test_a_named_ref_shows_its_name():
    assert repr(named("counter")) == str(named("counter")) == "<NamedRef 'counter'>"


@rule("A39")
def test_without_an_actor_a_named_ref_has_no_life_to_show():
    ref = named("nobody")

    assert ref.name == "nobody"
    with pytest.raises(NoSuchName):
        ref.state()
    with pytest.raises(ActorDied):
        ref.join()


def test_a_named_ref_has_no_attributes_but_a_refs():
    Counter.options(name="counter").start()

    with pytest.raises(AttributeError):
        _ = named("counter").count


def test_named_makes_named_refs():
    assert isinstance(named("counter"), NamedRef)
