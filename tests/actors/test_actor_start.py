"""Starting: who waits, who is linked, and who hears of a start that fails."""

from __future__ import annotations

import pytest

from actors import (
    Actor,
    ActorDied,
    CallTimeout,
    Crashed,
    Exit,
    Ignore,
    Killed,
    Normal,
    NotAnActor,
    Shutdown,
    StartFailed,
    current_actor,
    exit,
    link,
    trap_exit,
    whereis,
)
from tests.support import Gate, Probe, TrappingProbe, crash, ended, received, received_nothing, watching

rule = pytest.mark.rule


def failing(cause, hook="on_start"):
    """An actor class that fails to start, for this cause."""

    def fail(self):
        cause()

    return type("Failing", (Probe,), {hook: fail})


def ignore():
    raise Ignore


class Held(Probe):
    """A probe whose start waits at a gate."""

    def __init__(self, gate, then=lambda: None):
        super().__init__()
        self.gate = gate
        self.then = then

    def on_start(self):
        self.gate.pass_through()
        self.then()


@rule("A46")
def test_start_does_not_wait_for_on_start():
    gate = Gate()

    ref = Held.start(gate)

    gate.await_arrival()
    assert ref.is_alive()
    gate.open()


@rule("A46")
def test_start_link_waits_until_on_start_has_returned():
    log = []

    class Slow(Probe):
        def on_start(self):
            log.append("up")

    Slow.start_link()

    assert log == ["up"]


@rule("A46")
def test_start_makes_no_link_and_no_parent():
    parent = Probe.start()
    child = parent.ask(TrappingProbe.start)

    parent.ask(lambda: child.exit(Shutdown()))
    parent.stop(reason="boom")

    assert received(child) == Exit(parent, Shutdown())
    assert received_nothing(child)


@rule("A46")
def test_start_link_links_before_on_start_runs():
    gate = Gate()
    parent = Probe.start()
    parent.tell(lambda: Held.options(name="child").start_link(gate))
    gate.await_arrival()
    child = whereis("child")

    parent.kill()
    gate.open()

    assert ended(child).exit_reason == Killed()


def test_start_link_outside_of_actors_links_to_nobody():
    child = Probe.start_link()

    assert child.ask(current_actor) is child


def test_the_option_link_needs_an_actor_to_link_to():
    with pytest.raises(NotAnActor, match="link=True"):
        Probe.options(link=True).start()


@rule("A22")
def test_the_option_link_links_without_waiting():
    gate = Gate()
    parent = TrappingProbe.start()

    child = parent.ask(lambda: Probe.options(link=True).start())
    child.tell(gate.pass_through)
    gate.await_arrival()
    child.exit("boom")
    gate.open()

    assert received(parent) == Exit(child, "boom")


@rule("A48")
@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        (crash, Crashed(ValueError("boom"))),
        (lambda: exit("foo"), "foo"),
        (lambda: exit(Normal()), Normal()),
        (lambda: exit(Shutdown()), Shutdown()),
        (lambda: current_actor().kill(), Killed()),
    ],
    ids=["raises", "exits", "exits normally", "exits with shutdown", "is killed"],
)
def test_a_failing_start_link_says_what_the_actor_died_of(cause, reason):
    with pytest.raises(StartFailed) as raised:
        failing(cause).start_link()

    assert raised.value.reason == reason
    assert "Failing could not be started" in str(raised.value)


@rule("A48")
def test_a_failing_start_link_shows_the_exception_as_its_cause():
    with pytest.raises(StartFailed) as raised:
        failing(crash).start_link()

    assert isinstance(raised.value.__cause__, ValueError)


@rule("A48")
@pytest.mark.parametrize(
    ("cause", "reason"),
    [(crash, Crashed(ValueError("boom"))), (lambda: exit("foo"), "foo")],
    ids=["raises", "exits"],
)
def test_a_failing_init_says_why_as_on_start_does(cause, reason):
    starter = Probe.start()

    with pytest.raises(StartFailed) as raised:
        starter.ask(failing(cause, "__init__").start_link)

    assert raised.value.reason == reason
    assert starter.is_alive()


def test_a_failing_init_raises_as_it_is_in_start():
    with pytest.raises(ValueError, match="boom"):
        failing(crash, "__init__").start()


@rule("A47", "A48")
@pytest.mark.parametrize("hook", ["__init__", "on_start"])
def test_ignore_comes_through_to_who_starts(hook):
    starter = TrappingProbe.start()

    with pytest.raises(Ignore):
        starter.ask(failing(ignore, hook).start_link)

    assert received_nothing(starter)


@rule("A47")
@pytest.mark.parametrize("hook", ["__init__", "on_start"])
@pytest.mark.parametrize("inner_hook", ["__init__", "on_start"])
def test_who_starts_one_that_ignores_its_start_has_not_ignored_its_own(inner_hook, hook):
    starter = TrappingProbe.start()

    with pytest.raises(StartFailed) as failed:
        starter.ask(failing(failing(ignore, inner_hook).start_link, hook).start_link)

    assert isinstance(failed.value.reason, Crashed)
    assert isinstance(failed.value.reason.exception, Ignore)


@rule("A48")
def test_an_actor_that_ignores_its_start_ends_normally():
    class Ignoring(Probe):
        def on_start(self):
            raise Ignore

    ref = Ignoring.start()

    assert ended(ref).exit_reason == Normal()


@rule("A48")
@pytest.mark.parametrize("start", ["start", "start_link"])
def test_an_actor_that_ignores_its_start_in_its_init_ends_normally(start):
    refs = []

    class Ignoring(Probe):
        def __init__(self):
            super().__init__()
            refs.append(self.actor_ref)
            raise Ignore

    with pytest.raises(Ignore):
        getattr(Ignoring, start)()

    assert ended(refs[0]).exit_reason == Normal()


@rule("A50")
@pytest.mark.parametrize("cause", [crash, lambda: exit("foo"), lambda: exit(Normal()), ignore])
def test_a_trapping_starter_gets_no_exit_of_a_failed_start(cause):
    died = []

    class Failing(Probe):
        def on_start(self):
            died.append(self.actor_ref)
            cause()

    starter = TrappingProbe.start()

    with pytest.raises((StartFailed, Ignore)):
        starter.ask(Failing.start_link)

    assert received_nothing(starter)
    assert not died[0].is_alive()


@rule("A49")
def test_a_starter_that_catches_the_failure_lives():
    starter = Probe.start()

    def start():
        try:
            failing(crash).start_link()
        except StartFailed as failure:
            return failure.reason

    assert starter.ask(start) == Crashed(ValueError("boom"))
    assert starter.is_alive()


@rule("A49")
def test_a_starter_that_does_not_catch_the_failure_dies_of_it():
    starter = Probe.start()

    starter.tell(lambda: failing(crash).start_link())

    assert isinstance(ended(starter).exit_reason.exception, StartFailed)


@rule("A46")
def test_a_start_that_nobody_waits_for_fails_as_any_death():
    gate = Gate()
    ref = Held.start(gate, crash)
    watcher = watching(ref)

    gate.open()

    assert received(watcher).reason == Crashed(ValueError("boom"))


@rule("A52")
def test_messages_during_the_start_are_handled_after_it():
    gate = Gate()
    log = []
    ref = Held.start(gate, lambda: log.append("on_start"))
    gate.await_arrival()
    ref.tell(lambda: log.append("told"))
    answer = ref.ask(lambda: list(log), block=False)

    gate.open()

    assert answer.get() == ["on_start", "told"]


@rule("A52")
@pytest.mark.parametrize(
    ("cause", "reason"),
    [(lambda: exit("nope"), "nope"), (crash, Crashed(ValueError("boom"))), (ignore, Normal())],
    ids=["exits", "raises", "ignores"],
)
def test_who_asked_during_a_failing_start_gets_its_reason(cause, reason):
    gate = Gate()
    ref = Held.start(gate, cause)
    gate.await_arrival()
    answer = ref.ask("hello", block=False)

    gate.open()

    with pytest.raises(ActorDied) as raised:
        answer.get()
    assert raised.value.reason == reason


@rule("A52")
def test_who_asks_during_the_start_waits_by_its_own_clock(clock):
    gate = Gate()
    ref = Held.start(gate)
    gate.await_arrival()
    answer = Probe.start().ask(lambda: ref.ask(lambda: None, timeout=0.05), block=False)
    clock.await_timers()

    clock.advance(0.05)

    with pytest.raises(CallTimeout):
        answer.get()
    assert ref.is_alive()
    gate.open()


@rule("A53")
def test_a_child_whose_parent_dies_during_its_start_dies_of_it():
    gate = Gate()
    handled = []
    parent = Probe.start()
    child = parent.ask(lambda: Held.options(link=True).start(gate))
    gate.await_arrival()
    child.tell(lambda: handled.append("never"))

    parent.stop(reason="boom")
    gate.open()

    assert ended(child).exit_reason == "boom"
    assert handled == []


@rule("A53", "A63")
def test_a_trapping_child_whose_parent_dies_during_its_start_runs_on_stop():
    gate = Gate()
    log = []

    class Careful(Held):
        def on_start(self):
            trap_exit(True)
            super().on_start()
            log.append("on_start")

        def on_stop(self):
            log.append("on_stop")

    parent = Probe.start()
    child = parent.ask(lambda: Careful.options(link=True).start(gate))
    gate.await_arrival()

    parent.stop(reason="boom")
    gate.open()

    assert ended(child).exit_reason == "boom"
    assert log == ["on_start", "on_stop"]


@rule("A53")
def test_an_unlinked_start_goes_on_though_its_starter_was_killed():
    gate = Gate()
    starter = Probe.start()
    child = starter.ask(lambda: Held.start(gate))
    gate.await_arrival()

    starter.kill()
    gate.open()

    assert child.ask(lambda: "up") == "up"


@rule("A54")
@pytest.mark.parametrize(("cause", "lives"), [(ignore, True), (lambda: exit("bad"), False)], ids=["ignored", "failed"])
def test_helpers_linked_during_a_start_share_its_end(cause, lives):
    helper = Probe.start()
    watcher = watching(helper)

    class Linked(Probe):
        def on_start(self):
            link(helper)
            cause()

    with pytest.raises((StartFailed, Ignore)):
        Linked.start_link()

    if lives:
        assert received_nothing(helper)
    else:
        assert received(watcher).reason == "bad"


def test_a_subclass_of_actor_alone_can_be_started():
    assert Actor.start_link().stop() is True
