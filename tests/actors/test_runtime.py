"""A runtime is a world of actors: its own clock, names and tables; and it ends them all."""

from __future__ import annotations

import threading

import pykka
import pytest

from actors import (
    Killed,
    Runtime,
    Shutdown,
    current_runtime,
    monitor,
    now,
    send_after,
    trap_exit,
    whereis,
)
from supervision import Supervisor
from tests.support import CAP, Gate, ManualClock, Probe, TrappingProbe, crash

rule = pytest.mark.rule


class Logged(Probe):
    """A probe that writes down its starts and stops."""

    def __init__(self, log, name):
        super().__init__()
        self.log = log
        self.label = name

    def on_start(self):
        self.log.append(f"{self.label} starts")

    def on_stop(self):
        self.log.append(f"{self.label} stops")


def test_a_runtime_is_chosen_by_with():
    with Runtime() as runtime:
        assert current_runtime() is runtime
        with Runtime() as inner:
            assert current_runtime() is inner
        assert current_runtime() is runtime


def test_the_default_runtime_is_made_once():
    found = []

    def look():
        # A thread of its own has chosen none.
        found.append(current_runtime())

    for _ in range(2):
        thread = threading.Thread(target=look)
        thread.start()
        thread.join(CAP)

    assert found[0] is found[1]
    assert found[0] is not current_runtime()


def test_leaving_a_runtime_ends_its_actors_only():
    outside = Probe.start()

    with Runtime():
        inside = Probe.start()

    assert (inside.state(), inside.exit_reason) == ("gone", Shutdown())
    assert outside.is_alive()


def test_names_belong_to_their_runtime():
    outer = Probe.options(name="cache").start()

    with Runtime():
        assert whereis("cache") is None
        inner = Probe.options(name="cache").start()
        assert whereis("cache") is inner

    assert whereis("cache") is outer


def test_a_runtime_takes_its_time_from_its_clock():
    clock = ManualClock()

    with Runtime(clock=clock):
        before = now()
        clock.advance(60)

        assert now() - before == 60


def test_a_closed_runtime_leaves_no_thread_behind():
    before = set(threading.enumerate())

    with Runtime():
        refs = [Probe.start() for _ in range(5)]
        send_after(refs[0], "never", 3600)
        supervisor = Supervisor.start_link([Probe, (Probe.options(name="other"))], strategy="one_for_one")

    left = set(threading.enumerate()) - before
    # The one that keeps the program alive is the process's, not the runtime's.
    assert [thread.name for thread in left if thread.name != "actors-lifeline"] == []
    assert supervisor.state() == "gone"


def test_stopping_all_goes_backwards_and_runs_the_last_hooks(runtime):
    log = []
    for name in ("first", "second", "third"):
        Logged.start_link(log, name)
    log.clear()

    runtime.stop_all()

    assert log == ["third stops", "second stops", "first stops"]
    assert runtime.processes() == []


def test_stopping_all_ends_actors_that_trap_exits(runtime):
    actor = TrappingProbe.start()

    runtime.stop_all()

    assert actor.exit_reason == Shutdown()


def test_stopping_all_lets_parents_end_their_children(runtime):
    log = []

    class Parent(Logged):
        def on_start(self):
            trap_exit(True)
            self.child = Logged.options(trap_exit=True).start_link(self.log, "child")

        def on_stop(self):
            self.child.stop(reason=Shutdown("by its parent"))
            super().on_stop()

    parent = Parent.start_link(log, "parent")
    child = parent.ask(lambda: parent.proxy().child).get()

    runtime.stop_all()

    assert child.exit_reason == Shutdown("by its parent")
    assert log == ["child starts", "child stops", "parent stops"]


def test_nothing_is_restarted_while_all_are_stopped(runtime):
    log = []
    children = [(Logged, log, "one"), Logged.options(name="two").child_spec(log, "two")]
    Supervisor.start_link(children, strategy="one_for_all", max_restarts=100)

    runtime.stop_all()

    assert log == ["one starts", "two starts", "two stops", "one stops"]
    assert runtime.processes() == []


def test_what_does_not_end_in_time_is_killed(runtime, clock):
    gate = Gate()
    stuck = Probe.start()
    stuck.tell(gate.pass_through)
    gate.await_arrival()
    stopping = threading.Thread(target=runtime.stop_all, args=(10.0,))
    stopping.start()
    clock.await_timers()

    clock.advance(10.0)

    stopping.join(CAP)
    assert (stuck.state(), stuck.exit_reason) == ("abandoned", Killed())
    gate.open()
    assert stuck.join(CAP)


def test_orphans_are_stopped_too(runtime):
    parent = Probe.start()
    child = parent.ask(Probe.start_link)
    parent.stop()
    assert child.is_alive()

    runtime.stop_all()

    assert child.exit_reason == Shutdown()


def test_stopping_all_leaves_plain_actors_of_others_alone(runtime):
    plain = pykka.ThreadingActor.start()
    Probe.start().ask(lambda: monitor(plain))

    runtime.stop_all()

    assert plain.is_alive()
    plain.stop()


def test_a_runtime_without_actors_has_nothing_to_stop(runtime):
    runtime.stop_all()
    runtime.stop_all()

    assert runtime.processes() == []


def test_a_runtime_lists_its_actors_in_the_order_started(runtime):
    refs = [Probe.start() for _ in range(3)]
    refs[1].stop()

    assert [process.ref for process in runtime.processes()] == [refs[0], refs[2]]


def test_a_crash_in_one_runtime_is_not_felt_in_another():
    outside = TrappingProbe.start()

    with Runtime():
        inside = Probe.start()
        inside.tell(crash)
        assert inside.join(CAP)

    assert outside.ask(lambda: "alive") == "alive"


def test_a_runtime_that_has_ended_cant_be_entered_again():
    runtime = Runtime()
    with runtime:
        pass

    with pytest.raises(RuntimeError, match="this runtime has ended"):
        runtime.__enter__()
