"""A runtime is a world of actors: its own clock, names and tables; and it ends them all."""

from __future__ import annotations

import asyncio
import contextvars
import math
import threading

import pykka
import pytest

from actors import (
    Actor,
    Deadlock,
    Killed,
    ProcessKilled,
    Runtime,
    Shutdown,
    WouldBlock,
    checkpoint,
    current_runtime,
    monitor,
    now,
    send_after,
    trap_exit,
    whereis,
)
from actors import runtime as runtime_module
from actors.testing import settle
from supervision import Supervisor
from tests.actors.coroutines import Answering
from tests.support import CAP, Gate, ManualClock, Probe, TrappingProbe, crash, ended

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


class Stopping(threading.Thread):
    """Stops all actors, within 10 seconds of a clock that the test moves."""

    def __init__(self, runtime, clock):
        super().__init__()
        self.runtime, self.clock, self.error = runtime, clock, None
        self.start()

    def run(self):
        try:
            self.runtime.stop_all(10.0)
        except BaseException as error:
            self.error = error

    def take(self, seconds):
        """Have so much time pass while somebody is waited for, in as many steps as there are waits."""
        for _ in range(round(seconds / 2.5)):
            self.clock.await_timers()
            self.clock.advance(2.5)


def stuck_at(gate, ref):
    """The actor, in a handler that doesn't return before the gate is open."""
    ref.tell(gate.pass_through)
    gate.await_arrival()
    return ref


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
    stopping = Stopping(runtime, clock)

    stopping.take(10.0)

    stopping.join(CAP)
    assert (stuck.state(), stuck.exit_reason) == ("abandoned", Killed())
    gate.open()
    ended(stuck)


def test_one_that_is_stuck_costs_no_other_its_end(runtime, clock, gate):
    log = []
    others = [Logged.start_link(log, name) for name in ("first", "second")]
    stuck = stuck_at(gate, Probe.start())
    log.clear()
    stopping = Stopping(runtime, clock)

    stopping.take(5.0)

    assert [ended(other).exit_reason for other in others] == [Shutdown()] * 2
    assert sorted(log) == ["first stops", "second stops"]
    assert stuck.is_alive()
    stopping.take(5.0)
    stopping.join(CAP)
    assert stuck.exit_reason == Killed()


def test_many_that_are_stuck_cost_no_other_its_end(runtime, clock):
    gates = [Gate() for _ in range(10)]
    other = Probe.start()
    stuck = [stuck_at(gate, Probe.options(runs_on="thread").start()) for gate in gates]
    stopping = Stopping(runtime, clock)

    stopping.take(5.0)

    assert ended(other).exit_reason == Shutdown()
    for gate in gates:
        gate.open()
    stopping.join(CAP)
    assert [ended(ref).exit_reason for ref in stuck] == [Shutdown()] * 10


def test_the_order_is_kept_for_half_of_the_time(runtime, clock, gate):
    log = []
    Logged.start_link(log, "first")
    slow = stuck_at(gate, Probe.start())
    stopping = Stopping(runtime, clock)

    clock.await_timers()
    clock.advance(4.9)
    gate.open()
    ended(slow)
    stopping.join(CAP)

    assert log == ["first starts", "first stops"]
    assert runtime.processes() == []


def test_children_of_one_that_is_stuck_end_in_order_too(runtime, clock, gate, caplog):
    log = []
    parent = Probe.options(runs_on="thread").start()
    child = parent.ask(lambda: Logged.start_link(log, "child"))
    tree = parent.ask(lambda: Supervisor.start_link([(Logged, log, "grandchild")], strategy="one_for_one"))
    stuck_at(gate, parent)
    stopping = Stopping(runtime, clock)

    stopping.take(7.5)

    assert (ended(child).exit_reason, ended(tree).exit_reason) == (Shutdown(), Shutdown())
    assert sorted(log) == ["child starts", "child stops", "grandchild starts", "grandchild stops"], "nothing restarted"
    assert caplog.records == []
    stopping.take(2.5)
    stopping.join(CAP)
    assert parent.exit_reason == Killed()


def test_what_is_killed_is_named_in_the_log_once(runtime, clock, gate, caplog):
    stuck_at(gate, Probe.options(runs_on="thread").start())
    other = Probe.start()
    stopping = Stopping(runtime, clock)

    stopping.take(5.0)
    ended(other)
    stopping.take(5.0)
    stopping.join(CAP)

    (record,) = caplog.records
    assert record.getMessage().startswith("Probe was killed")


@pytest.mark.parametrize("end", [Runtime.stop_all, Runtime.close])
def test_all_are_killed_at_once_when_there_is_no_time(end, hasty_threads, caplog):
    log = []
    with Runtime() as runtime:
        loners = [Logged.start(log, "one of many") for _ in range(50)]
        children = [Logged.options(name=name).child_spec(log, name) for name in ("first", "second", "third")]
        Supervisor.start_link(children, strategy="one_for_one", max_restarts=100)
        for loner in loners:
            loner.ask(lambda: None)
        # One that has answered is still at it for a moment.
        settle()
        refs = [process.ref for process in runtime.processes()]
        log.clear()

        end(runtime, 0)

        assert {ended(ref).exit_reason for ref in refs} == {Killed()}
        assert log == [], "nobody has run a last hook, nor was started again"
        assert runtime.processes() == []
    assert caplog.records == []


def test_an_actor_that_fails_to_start_meanwhile_is_no_hindrance(runtime, clock, gate):
    class Failing(Actor):
        def __init__(self):
            gate.pass_through()
            raise ValueError("boom")

    def start():
        with pytest.raises(ValueError, match="boom"):
            Failing.start()

    starting = threading.Thread(target=contextvars.copy_context().run, args=(start,))
    starting.start()
    gate.await_arrival()
    stopping = Stopping(runtime, clock)
    clock.await_timers()

    gate.open()
    starting.join(CAP)
    stopping.join(CAP)

    assert stopping.error is None
    assert runtime.processes() == []


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


@pytest.mark.parametrize("end", [Runtime.stop_all, Runtime.close])
def test_an_actor_that_would_wait_for_its_own_end_is_told_so(end, runtime):
    actor, other = Probe.start(), Probe.start()

    with pytest.raises(Deadlock, match=f"{end.__name__}.* its own among them; call it outside of actors"):
        actor.ask(lambda: end(runtime))

    assert actor.ask(lambda: Probe.start().ask(lambda: "up")) == "up", "nothing has ended"
    assert other.is_alive()


def test_an_actor_may_end_a_runtime_that_is_not_its_own():
    actor = Probe.start()
    with Runtime() as other:
        inner = Probe.start()

        actor.ask(other.close)

    assert (inner.state(), inner.exit_reason) == ("gone", Shutdown())


class Awaiting(Actor):
    """Calls coroutine functions, and awaits them."""

    crash_on_failed_ask = False

    async def on_receive(self, function):
        return await function()


@pytest.mark.parametrize("end", [Runtime.stop_all, Runtime.close])
def test_a_coroutine_that_would_wait_for_the_end_of_another_runtime_is_refused_before_anything_is_done(end):
    actor = Awaiting.start()
    with Runtime() as other:
        inner = Probe.start()

        async def end_other():
            end(other)

        with pytest.raises(WouldBlock, match=r"await asyncio.to_thread"):
            actor.ask(end_other)

        assert inner.is_alive()
        assert Probe.start().ask(lambda: "up") == "up"


@pytest.mark.parametrize("end", [Runtime.stop_all, Runtime.close])
def test_a_coroutine_ends_another_runtime_in_a_thread(end):
    actor = Awaiting.start()
    with Runtime() as other:
        inner = Probe.start()

        actor.ask(lambda: asyncio.to_thread(end, other))

    assert (inner.state(), inner.exit_reason) == ("gone", Shutdown())


def test_an_actor_that_ends_another_runtime_waits_by_the_clock_of_that(gate):
    actor, clock = Probe.start(), ManualClock()
    with Runtime(clock=clock) as other:
        stuck = stuck_at(gate, Probe.start())
        stopped = actor.ask(lambda: other.stop_all(10.0), block=False)

        for _ in range(4):
            clock.await_timers()
            clock.advance(2.5)

        stopped.get(timeout=CAP)
        assert (stuck.state(), stuck.exit_reason) == ("abandoned", Killed())
        gate.open()


@pytest.mark.parametrize("seconds", [-1.0, math.nan, math.inf, None, "soon", True])
@pytest.mark.parametrize("end", [Runtime.stop_all, Runtime.close])
def test_all_are_stopped_within_a_time(end, seconds, runtime):
    actor = Probe.start()

    with pytest.raises(ValueError, match="timeout must be a finite number of seconds >= 0; got"):
        end(runtime, seconds)

    assert actor.is_alive()
    assert Probe.start().is_alive()


@pytest.mark.parametrize("thing", [3, "now", ManualClock, object()])
def test_a_runtime_refuses_what_is_no_clock(thing):
    with pytest.raises(TypeError, match=r"clock must be a Clock, such as actors.testing.ManualClock\(\)"):
        Runtime(clock=thing)


@pytest.mark.parametrize("carriers", [0, -1, 1.5, "2", None, True])
def test_a_runtime_refuses_what_is_no_number_of_carriers(carriers):
    with pytest.raises(ValueError, match="carriers must be a whole number >= 1; got"):
        Runtime(carriers=carriers)


class Stubborn(Actor):
    """Its coroutine goes on when it is cancelled."""

    use_daemon_thread = True

    async def on_receive(self, message):
        begun, errors, log = message
        try:
            while True:
                begun.set()
                try:
                    await asyncio.Event().wait()
                except errors:
                    log.append("resists")
        finally:
            log.append("ends")


def test_closing_what_has_been_closed_does_nothing(gate):
    with Runtime() as runtime:
        ref = stuck_at(gate, Probe.start())
        runtime.close(0.0)

        runtime.close(CAP)

        assert ref.state() == "abandoned"


def test_a_task_of_a_coroutines_own_is_cancelled_at_the_end():
    begun, log = threading.Event(), []

    class Delegating(Actor):
        async def on_receive(self, message):
            self.task = asyncio.create_task(Stubborn.on_receive(self, message))

    with Runtime():
        Delegating.start().tell((begun, ZeroDivisionError, log))
        assert begun.wait(CAP)

    assert log == ["ends"]


def test_a_coroutine_that_blocks_the_event_loop_is_abandoned(gate):
    class Blocking(Actor):
        use_daemon_thread = True

        async def on_receive(self, _message):
            gate.pass_through()
            await asyncio.Event().wait()

    with Runtime() as runtime:
        ref = Blocking.start()
        ref.tell("go")
        gate.await_arrival()

        runtime.close(0.0)

        assert ref.state() == "abandoned"
        gate.open()
    ended(ref)


def test_code_that_outlives_its_runtime_begins_nothing_more(gate):
    log = []

    class Late(Probe):
        def on_receive(self, message):
            gate.pass_through()
            with pytest.raises(ProcessKilled):
                checkpoint()
            return self.wait()

        async def wait(self):
            log.append("a coroutine of the dead")

    with Runtime() as runtime:
        ref = Late.options(runs_on="thread").start()
        ref.tell("go")
        gate.await_arrival()
        runtime.close(0.0)
        gate.open()
        ended(ref)

    assert log == []
    assert "actors-event-loop" not in [thread.name for thread in threading.enumerate()]


def test_a_listener_to_dead_letters_that_blocks_holds_up_no_end(gate):
    with Runtime() as runtime:
        runtime.dead_letters.listen(lambda _letter: gate.pass_through())
        runtime.dead_letters.add(Probe.start(), "lost", Shutdown())
        gate.await_arrival()

        runtime.close(0.0)


def test_nothing_can_be_started_in_a_runtime_that_has_ended():
    with Runtime() as runtime:
        runtime.close()

        for start in (Probe.start, Probe.start_link, Probe.options(name="late").start):
            with pytest.raises(RuntimeError, match=r"this runtime has ended; make a new one: with Runtime\(\)"):
                start()

        assert runtime.processes() == []


def test_a_default_runtime_that_has_ended_is_followed_by_another():
    answers = []

    def end_it_and_start():
        # A thread of its own has chosen none.
        current_runtime().close()
        answers.append(Probe.start().ask(lambda: "up"))
        current_runtime().close()

    thread = threading.Thread(target=end_it_and_start)
    thread.start()
    thread.join(CAP)

    assert answers == ["up"]


def test_a_runtime_that_has_ended_cant_be_entered_again():
    runtime = Runtime()
    with runtime:
        pass

    with pytest.raises(RuntimeError, match="this runtime has ended"):
        runtime.__enter__()


def test_a_runtime_may_be_left_in_another_context_than_it_was_entered_in():
    async def fixture():
        with Runtime():
            yield Probe.start()

    async def step(generator):
        return await anext(generator, None)

    outer = current_runtime()
    with asyncio.Runner() as runner:
        generator = fixture()
        # Each in a task of its own, as the plugins do that have async fixtures.
        actor = runner.run(step(generator), context=contextvars.copy_context())
        runner.run(step(generator), context=contextvars.copy_context())

    assert not actor.is_alive()
    assert current_runtime() is outer


def test_a_runtime_that_is_left_is_not_chosen_any_more_in_a_copy_of_its_context_either():
    outer = current_runtime()

    def leave_in_a_copy():
        runtime = Runtime()
        runtime.__enter__()

        def leave():
            runtime.__exit__()
            return current_runtime()

        return contextvars.copy_context().run(leave)

    assert contextvars.copy_context().run(leave_in_a_copy) is outer


def test_a_runtime_is_entered_once_at_a_time():
    outer = current_runtime()
    with Runtime() as runtime:
        with pytest.raises(RuntimeError, match="this runtime has been entered already; one `with` is enough"):
            runtime.__enter__()

        assert current_runtime() is runtime
        assert Probe.start().ask(lambda: "up") == "up"

    assert current_runtime() is outer


async def enter_in_a_coroutine():
    with Runtime():
        pass


def enter():
    with Runtime():
        pass


@pytest.mark.parametrize("code", [enter, enter_in_a_coroutine, lambda: asyncio.to_thread(enter)])
def test_an_actor_that_would_enter_a_runtime_is_told_that_what_it_starts_lives_in_its_own(code):
    actor = Answering.start()

    with pytest.raises(RuntimeError, match=r"can't enter a runtime: what an actor .* threading\.Thread"):
        actor.ask(code, timeout=CAP)


def test_runtimes_that_are_left_in_another_order_leave_none_chosen_that_has_ended():
    before = current_runtime()
    first, second = Runtime(), Runtime()

    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert current_runtime() is second
    second.__exit__(None, None, None)

    assert current_runtime() is before


def test_a_finalizer_that_looks_for_the_default_runtime_as_it_is_made_finds_the_same(monkeypatch):
    found = []

    class Interleaved(Runtime):
        def __init__(self):
            super().__init__()
            # As a finalizer may, between any two lines.
            if not found:
                found.append(None)
                found[0] = current_runtime()

    monkeypatch.setattr(runtime_module, "Runtime", Interleaved)
    monkeypatch.setattr(runtime_module, "_default", [])
    looking = threading.Thread(target=contextvars.Context().run, args=(lambda: found.append(current_runtime()),))
    looking.start()
    looking.join(CAP)

    assert found[0] is found[1]
    found[0].close()


def test_a_runtime_that_many_close_at_once_ends_once_for_all_of_them(caplog):
    before = set(threading.enumerate())
    runtime, at_once, failed = Runtime(), threading.Barrier(4), []
    with runtime:
        ref = Answering.start()
        ref.ask(started_a_task_that_never_ends)

        def close():
            at_once.wait(CAP)
            try:
                runtime.close()
            except BaseException as error:
                failed.append(error)

        closing = [threading.Thread(target=close) for _ in range(4)]
        for thread in closing:
            thread.start()
        for thread in closing:
            thread.join(CAP)
            assert not thread.is_alive()

    assert failed == []
    assert ref.state() == "gone"
    assert caplog.records == []
    for thread in set(threading.enumerate()) - before:
        if thread.name != "actors-lifeline":
            thread.join(CAP)
            assert not thread.is_alive(), thread


async def started_a_task_that_never_ends():
    asyncio.get_running_loop().create_task(asyncio.sleep(3600.0))
