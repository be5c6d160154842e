"""Names: one living actor has one, and gives it up before anybody hears of its end."""

from __future__ import annotations

import pykka
import pytest

from actors import (
    Actor,
    ActorDied,
    AlreadyStarted,
    Ignore,
    NameUnavailable,
    NoProc,
    NoSuchName,
    Runtime,
    StartFailed,
    named,
    register_name,
    unregister_name,
    whereis,
)
from tests.support import CAP, Gate, Probe, TrappingProbe, received, received_nothing

rule = pytest.mark.rule


@rule("A32")
def test_an_actor_of_another_runtime_gets_no_name_that_it_would_not_be_found_by_here(runtime):
    actor = Probe.start()

    with Runtime() as other:
        with pytest.raises(
            NameUnavailable, match="Probe can't be named 'cache': it is of another runtime, with names of its own"
        ):
            register_name("cache", actor)

        assert other.whereis("cache") is None
    assert runtime.whereis("cache") is None
    register_name("cache", actor)


@rule("A33")
def test_an_actor_is_found_by_its_name_while_it_has_it():
    actor = Probe.start()

    register_name("cache", actor)

    assert whereis("cache") is actor
    assert actor.name == "cache"
    unregister_name("cache")
    assert whereis("cache") is None
    assert actor.name is None


@rule("A33")
def test_a_name_that_nobody_has_is_found_nowhere():
    assert whereis("nobody") is None


@rule("A32")
def test_a_taken_name_is_refused():
    holder, other = Probe.start(), Probe.start()
    register_name("cache", holder)

    with pytest.raises(NameUnavailable, match="Probe has it"):
        register_name("cache", other)

    assert whereis("cache") is holder
    assert other.name is None


@rule("A32")
@pytest.mark.parametrize("name", ["cache", "another"])
def test_an_actor_has_one_name_at_most(name):
    actor = Probe.start()
    register_name("cache", actor)

    with pytest.raises(NameUnavailable, match="an actor has one name"):
        register_name(name, actor)

    assert actor.name == "cache"
    assert whereis("another") is None


@rule("A32")
def test_a_dead_actor_gets_no_name():
    actor = Probe.start()
    actor.stop()

    with pytest.raises(NameUnavailable, match="it has ended"):
        register_name("cache", actor)

    assert whereis("cache") is None


@rule("A32")
@pytest.mark.threads
def test_a_dead_plain_pykka_actor_gets_no_name():
    plain = pykka.ThreadingActor.start()
    plain.stop()

    with pytest.raises(NameUnavailable, match="it has ended"):
        register_name("cache", plain)

    assert whereis("cache") is None


@rule("A32")
def test_none_is_no_name():
    with pytest.raises(NameUnavailable, match="None is no name"):
        register_name(None, Probe.start())


@rule("A33")
def test_anybody_may_free_a_name():
    actor = Probe.options(name="cache").start()

    Probe.start().ask(lambda: unregister_name("cache"))

    assert whereis("cache") is None
    register_name("other", actor)
    assert actor.name == "other"


@rule("A33")
def test_freeing_a_name_that_nobody_has_is_an_error():
    with pytest.raises(NameUnavailable, match="nobody is named 'cache'"):
        unregister_name("cache")


@rule("A33")
def test_a_name_is_free_again_after_its_holders_end():
    first = Probe.options(name="cache").start()
    first.stop()

    second = Probe.start()
    register_name("cache", second)

    assert whereis("cache") is second
    assert first.name is None


@rule("A8", "A33")
def test_a_name_is_held_until_the_last_hook_has_run():
    gate = Gate()

    class Lingering(Probe):
        def on_stop(self):
            gate.pass_through()

    actor = Lingering.options(name="cache").start()
    end = actor.stop(block=False)
    gate.await_arrival()

    assert whereis("cache") is actor
    gate.open()
    assert end.get()
    assert whereis("cache") is None


@rule("A37")
def test_when_stop_has_returned_the_name_is_free():
    for _ in range(100):
        actor = Probe.options(name="cache").start()

        actor.stop()

        assert whereis("cache") is None


@rule("A7", "A39")
@pytest.mark.parametrize(
    "use",
    [
        lambda ref: ref.tell("hello"),
        lambda ref: ref.ask("hello"),
        lambda ref: ref.stop(),
        lambda ref: ref.exit("boom"),
    ],
    ids=["tell", "ask", "stop", "exit"],
)
def test_using_a_name_that_nobody_has_is_an_error(use):
    with pytest.raises(ActorDied) as raised:
        use(named("nobody"))

    assert raised.value.reason == NoProc()


@rule("A39")
def test_the_error_of_an_unknown_name_names_it():
    with pytest.raises(NoSuchName, match="'nobody'"):
        named("nobody").ask("hello")


@rule("A34")
@pytest.mark.parametrize("start", ["start", "start_link"])
def test_starting_under_a_taken_name_fails_without_a_trace(start):
    made = []

    class Second(Probe):
        def __init__(self):
            made.append("init")

        def on_start(self):
            made.append("on_start")

    holder = Probe.options(name="cache").start()
    starter = TrappingProbe.start()

    with pytest.raises(AlreadyStarted) as raised:
        starter.ask(getattr(Second.options(name="cache"), start))

    assert raised.value.ref is holder
    assert made == []
    holder.stop()
    assert received_nothing(starter)


@rule("A34", "A35")
def test_a_holder_that_still_starts_has_its_name_already():
    gate = Gate()

    class Slow(Probe):
        def on_start(self):
            gate.pass_through()

    first = Slow.options(name="slow").start()
    gate.await_arrival()

    with pytest.raises(AlreadyStarted) as raised:
        Slow.options(name="slow").start_link()

    assert raised.value.ref is first
    gate.open()
    assert first.ask(lambda: "up") == "up"


@rule("A35")
def test_an_actor_has_its_name_before_its_own_code_runs():
    class Curious(Probe):
        def __init__(self):
            super().__init__()
            self.seen = [whereis("curious")]

        def on_start(self):
            self.seen.append(whereis("curious"))

    actor = Curious.options(name="curious").start()

    assert actor.proxy().seen.get() == [actor, actor]


@rule("A35")
def test_messages_to_the_name_wait_while_its_holder_starts():
    class Greeted(Probe):
        def __init__(self):
            super().__init__()
            named("greeted").tell("from __init__")

    actor = Greeted.options(name="greeted").start()

    assert received(actor) == "from __init__"


@rule("A36")
@pytest.mark.parametrize("error", [ValueError, Ignore], ids=["fails", "ignores"])
@pytest.mark.parametrize("hook", ["__init__", "on_start"])
def test_a_failed_start_has_freed_the_name_when_it_returns(error, hook):
    def fail(self):
        raise error()

    failing = type("Failing", (Actor,), {hook: fail})

    for _ in range(100):
        with pytest.raises((StartFailed, Ignore)):
            failing.options(name="cache").start_link()

        assert whereis("cache") is None
        Probe.options(name="cache").start().stop()


@rule("A10")
def test_the_next_holder_of_a_name_gets_no_old_mail():
    gate = Gate()
    first = Probe.options(name="cache").start()
    first.tell(gate.pass_through)
    gate.await_arrival()
    first.tell("for the first")
    first.exit("boom")
    gate.open()
    assert first.join(CAP)

    second = Probe.options(name="cache").start()

    assert received_nothing(second)
    assert second is not first


def test_a_name_may_be_any_hashable_value():
    actor = Probe.options(name=("user", 7)).start()

    assert whereis(("user", 7)) is actor
    with pytest.raises(TypeError):
        Probe.options(name=["no"]).start()
