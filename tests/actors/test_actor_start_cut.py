"""Starts that are cut short: killed, by a killed starter, or too slow."""

from __future__ import annotations

import pykka
import pytest

from actors import CallTimeout, Killed, StartFailed, named, whereis
from tests.support import CAP, Gate, Probe, TrappingProbe, received_nothing

rule = pytest.mark.rule


class Held(Probe):
    """A probe whose start waits at a gate, and blocks the thread."""

    runs_on = "thread"

    def __init__(self, gate):
        super().__init__()
        self.gate = gate

    def on_start(self):
        self.gate.pass_through()


@rule("A6")
def test_an_actor_killed_before_it_was_made_never_runs():
    gate = Gate()
    log = []

    class Slow(Probe):
        def __init__(self):
            super().__init__()
            gate.pass_through()

        def on_start(self):
            log.append("on_start")

    answer = Probe.start().ask(Slow.options(name="slow").start, block=False)
    gate.await_arrival()

    whereis("slow").kill()
    gate.open()

    actor = answer.get()
    assert actor.join(CAP)
    assert log == []
    assert actor not in pykka.ActorRegistry.get_all()


@rule("A22")
def test_a_killed_starter_starts_nobody_more():
    gate = Gate()
    log = []

    class Child(Probe):
        def __new__(cls):
            gate.pass_through()
            return super().__new__(cls)

        def on_start(self):
            log.append("on_start")

    parent = Probe.start()
    parent.tell(Child.options(name="child").start_link)
    gate.await_arrival()

    parent.kill()
    gate.open()

    assert parent.join(CAP)
    assert whereis("child") is None
    assert log == []


@rule("A22")
def test_a_killed_starters_child_is_not_left_without_its_signal():
    gate = Gate()
    children = []

    class Child(Probe):
        def __init__(self):
            super().__init__()
            children.append(self.actor_ref)
            gate.pass_through()

    parent = Probe.start()
    parent.tell(Child.start_link)
    gate.await_arrival()

    parent.kill()
    gate.open()

    assert children[0].join(CAP)
    assert children[0].exit_reason == Killed()


@rule("A51")
def test_a_start_that_takes_too_long_is_given_up(clock):
    gate = Gate()
    starter = TrappingProbe.start()
    options = Held.options(name="slow", start_timeout=0.05)
    answer = starter.ask(lambda: options.start_link(gate), block=False)
    gate.await_arrival()
    clock.await_timers()
    child = whereis("slow")

    clock.advance(0.05)

    with pytest.raises(StartFailed) as raised:
        answer.get()
    assert raised.value.reason == "timeout"
    assert isinstance(raised.value.__cause__, CallTimeout)
    assert child.exit_reason == Killed()
    assert whereis("slow") is None
    assert received_nothing(starter)
    gate.open()
    assert child.join(CAP)


@rule("A51")
def test_a_starter_is_not_hurt_by_a_start_that_takes_too_long(clock):
    gate = Gate()
    starter = Probe.start()
    answer = starter.ask(lambda: Held.options(start_timeout=1).start_link(gate), block=False)
    gate.await_arrival()
    clock.await_timers()

    clock.advance(1)

    with pytest.raises(StartFailed):
        answer.get()
    assert starter.is_alive()
    gate.open()


@rule("A51")
def test_a_start_that_is_done_when_it_is_given_up_hurts_nobody(clock):
    gate = Gate()
    starter = Probe.options(runs_on="thread").start()
    wait = clock.wait

    def finish_start_when_time_is_over(waiter, timeout):
        in_time = wait(waiter, timeout)
        if timeout == 1:
            # The time is over, and only now on_start returns: before the starter can do anything about it.
            gate.open()
            assert named("slow").ask(lambda: "up") == "up"
        return in_time

    clock.wait = finish_start_when_time_is_over
    answer = starter.ask(lambda: Held.options(name="slow", start_timeout=1).start_link(gate), block=False)
    gate.await_arrival()
    clock.await_timers()

    clock.advance(1)

    with pytest.raises(StartFailed):
        answer.get()
    assert starter.ask(lambda: "unhurt") == "unhurt"


@rule("A51")
def test_a_start_in_time_is_not_given_up_later(clock):
    child = Probe.options(start_timeout=5).start_link()

    clock.advance(10)

    assert child.ask(lambda: "alive") == "alive"
