"""Tasks: started, awaited, given up, ended; by actors and from outside of them."""

from __future__ import annotations

import asyncio
import gc
import threading
from contextlib import closing
from functools import partial

import pytest

from actors import (
    Actor,
    ActorDied,
    CallTimeout,
    Crashed,
    Deadlock,
    Done,
    Exit,
    Exited,
    Killed,
    NoProc,
    Normal,
    NotTheOwner,
    Shutdown,
    Task,
    WouldBlock,
    current_actor,
    exit,
    trap_exit,
)
from actors._future import Future
from actors.testing import settle
from supervision import Supervisor
from tests.actors.scripted import Shy
from tests.support import CAP, Gate, Probe, TrappingProbe, crash, ended, received, received_nothing

rule = pytest.mark.rule


def through(gate, value="late"):
    gate.pass_through()
    return value


@rule("A79", "C28")
def test_a_task_gives_its_owner_what_the_function_returns():
    assert Task.async_(lambda one, two: one + two, 1, two=2).await_() == 3


@rule("A79", "C28")
def test_a_task_is_linked_to_the_actor_that_started_it_and_ends_normally():
    owner = TrappingProbe.start()

    def run():
        task = Task.async_(lambda: "value")
        return task._process.ref, task.await_()

    ref, value = owner.ask(run)

    assert value == "value"
    assert received(owner) == Exit(ref, Normal())
    assert ref.exit_reason == Normal()


def test_a_coroutine_function_runs_on_the_event_loop():
    async def double(number):
        await asyncio.sleep(0)
        return number * 2

    assert Task.async_(double, 4).await_() == 8


def test_a_coroutine_function_that_is_killed_before_its_first_step_is_left_without_a_word(gate, recwarn):
    async def hold():
        gate.pass_through()

    async def never():
        pass

    def begin():
        begun.set()
        return never()

    begun = threading.Event()
    holding = Task.async_(hold)
    gate.await_arrival()
    task = Task.async_(begin)
    assert begun.wait(CAP)

    task.shutdown("brutal_kill")
    gate.open()
    holding.await_()
    ended(task._process.ref)
    gc.collect()

    assert list(recwarn) == []


@pytest.mark.threads
def test_any_other_function_has_a_thread_of_its_own():
    assert Task.async_(threading.get_ident).await_() != threading.get_ident()


@rule("A80", "A81", "C32")
def test_who_awaits_a_task_that_fails_gets_what_it_died_of():
    task = Task.async_(crash)

    with pytest.raises(ActorDied) as raised:
        task.await_()
    assert isinstance(raised.value.reason, Crashed)
    assert str(raised.value.reason.exception) == "boom"


@rule("A80", "A81")
@pytest.mark.parametrize("reason", [Normal(), Shutdown(), "why"])
def test_a_task_may_end_with_a_reason_and_no_value(reason):
    with pytest.raises(ActorDied) as raised:
        Task.async_(exit, reason).await_()
    assert raised.value.reason == reason


def work(how, **_options):
    how()


@rule("A80", "C35")
@pytest.mark.parametrize("how", [crash, lambda: exit("why")], ids=["crash", "exit"])
def test_the_log_of_a_task_that_fails_shows_who_started_what_with_what(how, caplog):
    starter = TrappingProbe.start()

    task = starter.ask(lambda: Task.async_(work, how, mode="fast"))

    ended(task._process.ref)
    (record,) = caplog.records
    call = record.call
    assert (call.function, call.args, call.kwargs) == (work, (how,), {"mode": "fast"})
    assert record.started_by == starter
    assert repr(call) == f"{__name__}.work({how!r}, mode='fast')"
    assert f"call: {__name__}.work(" in record.getMessage()
    assert "started_by: <" in record.getMessage()


@rule("A80")
def test_an_argument_that_cant_be_shown_keeps_no_function_out_of_the_log(caplog):
    ended(Task.async_(work, crash, shy=Shy())._process.ref)

    assert f"call: {__name__}.work(" in caplog.records[0].getMessage()


@rule("A80", "C35")
def test_a_task_that_ends_in_order_is_not_logged(caplog):
    for reason in (Normal(), Shutdown(), Shutdown("why")):
        ended(Task.async_(exit, reason)._process.ref)

    assert caplog.records == []


def test_a_task_is_shown_with_its_function():
    task = Task.async_(crash)

    assert f"{crash.__module__}.crash" in repr(task)
    with pytest.raises(ActorDied, match=r"support\.crash"):
        task.await_()


@pytest.mark.parametrize(
    ("function", "name"),
    [([].clear, "list.clear"), (partial(exit, "why"), "functools.partial(<function exit")],
    ids=["method", "partial"],
)
def test_whatever_can_be_called_has_a_name(function, name):
    task = Task.async_(function)

    assert repr(task).startswith(f"<Task {name}")


@pytest.mark.parametrize(
    "start",
    [
        Task.async_,
        Task.start,
        Task.start_link,
        Task.child_spec,
        lambda function: Task.async_stream([1], function),
    ],
    ids=["async_", "start", "start_link", "child_spec", "async_stream"],
)
def test_what_cant_be_called_is_refused_at_once(start):
    with pytest.raises(TypeError, match=r"function must be callable; got 3"):
        start(3)


def test_a_coroutine_instead_of_its_function_is_refused_with_what_to_give():
    async def double(number):
        return number * 2

    with closing(double(4)) as coroutine, pytest.raises(TypeError, match="a coroutine; give its function"):
        Task.async_(coroutine)


@rule("A81")
def test_an_error_that_is_returned_is_a_value():
    error = ValueError("returned")

    assert Task.async_(lambda: error).await_() is error


@rule("A82", "C29")
def test_a_task_that_fails_ends_an_owner_that_doesnt_trap_exits():
    owner = Probe.start()

    def catch_it():
        with pytest.raises(ActorDied):
            Task.async_(exit, "why").await_()

    owner.tell(catch_it)

    assert ended(owner).exit_reason == "why"


@rule("A82")
def test_one_that_traps_exits_lives_on_and_gets_the_exit():
    owner = TrappingProbe.start()

    def catch_it():
        task = Task.async_(exit, "why")
        with pytest.raises(ActorDied):
            task.await_()
        return task._process.ref

    ref = owner.ask(catch_it)

    assert received(owner) == Exit(ref, "why")


@rule("A82")
def test_an_owner_survives_a_task_that_ends_normally_without_a_value_when_it_catches_that():
    owner = Probe.start()

    with pytest.raises(ActorDied) as raised:
        owner.ask(lambda: Task.async_(exit, Normal()).await_())

    assert raised.value.reason == Normal()
    assert received_nothing(owner)


@rule("A82")
def test_one_that_doesnt_catch_it_crashes_of_it():
    owner = Probe.start()
    owner._process.actor.crash_on_failed_ask = True

    owner.tell(lambda: Task.async_(exit, Normal()).await_())

    crashed = ended(owner).exit_reason.exception
    assert isinstance(crashed, ActorDied)
    assert crashed.reason == Normal()


@rule("A81", "A87", "A88", "A90", "A91")
@pytest.mark.parametrize(
    ("query", "outcome"),
    [
        (Task.await_, CallTimeout),
        (Task.yield_, None),
        (Task.shutdown, Exited(Killed())),
        (lambda task: Task.await_many([task]), CallTimeout),
        (lambda task: Task.yield_many([task])[0][1], None),
    ],
    ids=["await_", "yield_", "shutdown", "await_many", "yield_many"],
)
def test_a_task_is_waited_for_five_seconds_by_default(query, outcome, clock, gate):
    owner = TrappingProbe.start()
    task = owner.ask(lambda: Task.async_(through, gate))
    gate.await_arrival()

    def outcome_of_the_query():
        try:
            return query(task)
        except CallTimeout:
            return CallTimeout

    answer = owner.ask(outcome_of_the_query, block=False)
    clock.await_timers()
    clock.advance(4.9)
    clock.await_timers()
    with pytest.raises(CallTimeout):
        answer.get(timeout=0)
    clock.advance(0.1)

    assert answer.get() == outcome


@rule("A83")
def test_a_task_that_is_too_slow_goes_on_and_cant_be_awaited_again(clock, gate):
    owner = Probe.start()
    tasks = []

    def give_up():
        tasks.append(Task.async_(through, gate))
        with pytest.raises(CallTimeout):
            tasks[0].await_(timeout=3)

    waiting = owner.ask(give_up, block=False)
    gate.await_arrival()
    clock.await_timers()
    clock.advance(3)
    waiting.get(timeout=None)
    gate.open()

    assert ended(tasks[0]._process.ref).exit_reason == Normal()
    with pytest.raises(CallTimeout, match="awaited before"):
        owner.ask(tasks[0].await_)
    assert received_nothing(owner)


@rule("A83")
def test_an_owner_that_doesnt_catch_it_dies_and_its_task_with_it(clock, gate):
    tasks = []

    def give_up():
        tasks.append(Task.async_(through, gate))
        tasks[0].await_(timeout=3)

    owner = Probe.start()
    owner._process.actor.crash_on_failed_ask = True
    owner.tell(give_up)
    gate.await_arrival()
    clock.await_timers()
    clock.advance(3)

    reason = ended(owner).exit_reason
    assert isinstance(reason.exception, CallTimeout)
    # The signal takes effect when the function has returned.
    gate.open()
    assert ended(tasks[0]._process.ref).exit_reason is reason


@rule("A84", "C32")
@pytest.mark.parametrize(
    "query",
    [
        Task.await_,
        Task.yield_,
        Task.shutdown,
        Task.ignore,
        lambda task: Task.await_many([task]),
        lambda task: Task.yield_many([task]),
    ],
    ids=["await_", "yield_", "shutdown", "ignore", "await_many", "yield_many"],
)
def test_only_the_owner_may_query_a_task(query):
    owner, other = Probe.start(), Probe.start()
    task = owner.ask(lambda: Task.async_(lambda: "value"))

    with pytest.raises(NotTheOwner, match="must be queried by its owner"):
        other.ask(lambda: query(task))
    with pytest.raises(NotTheOwner):
        query(task)
    assert owner.ask(task.await_) == "value"


@rule("A85")
@pytest.mark.parametrize(
    "query",
    [Task.await_, Task.yield_, Task.shutdown, Task.ignore, lambda task: Task.await_many([task])],
    ids=["await_", "yield_", "shutdown", "ignore", "await_many"],
)
def test_a_value_is_given_once(query):
    task = Task.async_(lambda: "value")
    ended(task._process.ref)
    query(task)

    with pytest.raises(CallTimeout, match="awaited before"):
        task.await_()
    with pytest.raises(CallTimeout, match="awaited before"):
        Task.await_many([Task.completed(1), task])
    assert task.yield_() is None
    assert Task.yield_many([task]) == [(task, None)]
    assert task.shutdown() == Exited(NoProc())
    assert task.ignore() is None


@rule("A86", "C29")
@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (lambda owner: owner.kill(), Killed()),
        (lambda owner: owner.stop(reason=Shutdown()), Shutdown()),
        (lambda owner: owner.tell(crash), Crashed(ValueError("boom"))),
    ],
    ids=["kill", "shutdown", "crash"],
)
def test_a_task_ends_with_its_owner(end, reason, gate):
    owner = Probe.start()
    task = owner.ask(lambda: Task.async_(through, gate))
    gate.await_arrival()

    end(owner)
    ended(owner)
    gate.open()

    assert ended(task._process.ref).exit_reason == reason


@rule("A86", "C29")
def test_a_task_goes_on_when_its_owner_ends_normally(gate):
    owner = Probe.start()
    done = []
    task = owner.ask(lambda: Task.async_(lambda: done.append(through(gate))))
    gate.await_arrival()

    owner.stop()
    gate.open()

    assert ended(task._process.ref).exit_reason == Normal()
    assert done == ["late"]


@rule("A86")
def test_a_task_that_traps_exits_outlives_its_owner(gate):
    owner = Probe.start()
    done = []

    def run():
        trap_exit(True)
        done.append(through(gate))

    task = owner.ask(lambda: Task.async_(run))
    gate.await_arrival()

    owner.kill()
    gate.open()

    assert ended(task._process.ref).exit_reason == Normal()
    assert done == ["late"]


@rule("A6", "A87")
def test_what_a_killed_task_returns_is_thrown_away(gate):
    task = Task.async_(through, gate)
    gate.await_arrival()

    task._process.ref.kill()
    gate.open()
    ended(task._process.ref)

    assert task.yield_() == Exited(Killed())


@rule("A87", "C33")
def test_a_yield_says_what_came_of_the_task():
    assert Task.async_(lambda: "value").yield_() == Done("value")
    assert Task.async_(exit, "why").yield_() == Exited("why")
    assert Task.async_(exit, Normal()).yield_() == Exited(Normal())


@rule("A87")
def test_a_yield_never_raises_though_the_link_ends_an_owner_that_doesnt_trap_exits():
    owner = Probe.start()
    outcomes = []

    owner.tell(lambda: outcomes.append(Task.async_(exit, "why").yield_()))

    assert ended(owner).exit_reason == "why"
    assert outcomes == [Exited("why")]


@rule("A87", "A91")
@pytest.mark.parametrize(
    "look", [Task.yield_, lambda task: Task.yield_many([task])[0][1]], ids=["yield_", "yield_many"]
)
def test_a_task_may_ask_its_owner_who_yields_to_it_and_answers_when_the_time_is_over(look, clock):
    owner = Probe.start()
    tasks = []

    def begin_and_look():
        tasks.append(Task.async_(owner.ask, lambda: "answer"))
        return look(tasks[0])

    early = owner.ask(begin_and_look, block=False)
    clock.await_timers()
    settle()
    clock.advance(5.0)

    assert early.get(timeout=CAP) is None
    assert owner.ask(tasks[0].yield_) == Done("answer")


@rule("A87", "C33")
def test_a_yield_that_came_too_early_may_be_repeated(gate):
    task = Task.async_(through, gate)
    gate.await_arrival()

    assert task.yield_(timeout=0) is None
    assert task.yield_(timeout=0) is None
    gate.open()

    assert task.yield_() == Done("late")


@rule("A88")
def test_a_shutdown_gives_the_value_that_came_meanwhile(clock, gate):
    owner = Probe.start()
    task = owner.ask(lambda: Task.async_(through, gate))
    gate.await_arrival()

    answer = owner.ask(task.shutdown, block=False)
    clock.await_timers()
    gate.open()

    assert answer.get() == Done("late")


@rule("A88", "C33")
def test_a_shutdown_that_has_to_kill_says_so(clock, gate):
    owner = TrappingProbe.start()
    task = owner.ask(lambda: Task.async_(through, gate))
    gate.await_arrival()

    answer = owner.ask(lambda: task.shutdown(timeout=3), block=False)
    clock.await_timers()
    clock.advance(3)

    assert answer.get(timeout=None) == Exited(Killed())
    assert received_nothing(owner)


@rule("A88")
@pytest.mark.parametrize(
    ("function", "outcome"),
    [
        (lambda: "value", Done("value")),
        (lambda: exit(Shutdown()), None),
        (lambda: exit(Normal()), Exited(Normal())),
        (lambda: exit(Shutdown("why")), Exited(Shutdown("why"))),
        (lambda: exit("why"), Exited("why")),
        (crash, Exited(Crashed(ValueError("boom")))),
        (lambda: current_actor().kill(), Exited(Killed())),
    ],
    ids=["value", "shutdown", "normal", "shutdown why", "exit", "crash", "kill"],
)
def test_a_shutdown_of_a_task_that_has_ended_tells_how(function, outcome):
    task = Task.async_(function)
    ended(task._process.ref)

    assert task.shutdown() == outcome


@rule("A88")
@pytest.mark.parametrize(("traps", "outcome"), [(False, None), (True, Exited(Killed()))], ids=["plain", "trapping"])
def test_a_shutdown_of_a_task_that_asks_its_owner_waits_for_nothing(traps, outcome):
    owner = TrappingProbe.start()
    shut_down = Future()

    def ask_the_owner():
        trap_exit(traps)
        return owner.ask("never answered")

    def start_and_shut_down():
        task = Task.async_(ask_the_owner)
        shut_down.get()
        return task.shutdown(timeout=None)

    answer = owner.ask(start_and_shut_down, block=False)
    settle()
    shut_down.set(None)

    assert answer.get(timeout=CAP) == outcome


@rule("A88")
def test_a_task_that_dies_of_its_shutdown_gives_nothing(clock, gate):
    owner = TrappingProbe.start()
    task = owner.ask(lambda: Task.async_(lambda: exit(through(gate, Shutdown()))))
    gate.await_arrival()

    answer = owner.ask(task.shutdown, block=False)
    clock.await_timers()
    gate.open()

    assert answer.get() is None
    assert task._process.reason == Shutdown()
    assert received_nothing(owner)


@rule("A88")
def test_a_task_that_traps_exits_may_end_as_it_likes(clock, gate):
    owner = TrappingProbe.start()

    def clean_up():
        trap_exit(True)
        return through(gate, "cleaned up")

    task = owner.ask(lambda: Task.async_(clean_up))
    gate.await_arrival()

    answer = owner.ask(task.shutdown, block=False)
    clock.await_timers()
    gate.open()

    assert answer.get() == Done("cleaned up")
    assert task._process.reason == Normal()


@rule("A88", "A89")
@pytest.mark.parametrize(("timeout", "outcome"), [(5.0, Exited(Killed())), ("brutal_kill", None)])
def test_a_shutdown_of_a_task_that_was_killed_by_another_tells_so(timeout, outcome, gate):
    task = Task.async_(through, gate)
    gate.await_arrival()

    task._process.ref.kill()

    assert task.shutdown(timeout) == outcome


@rule("A89")
def test_a_brutal_kill_waits_for_nothing(gate):
    owner = TrappingProbe.start()
    task = owner.ask(lambda: Task.async_(through, gate))
    gate.await_arrival()

    assert owner.ask(lambda: task.shutdown("brutal_kill")) is None
    assert task._process.reason == Killed()
    assert received_nothing(owner)


@rule("A89")
def test_a_brutal_kill_of_one_that_died_of_shutdown_says_that():
    task = Task.async_(exit, Shutdown())
    ended(task._process.ref)

    assert task.shutdown("brutal_kill") == Exited(Shutdown())


@rule("A90")
def test_many_are_awaited_in_the_order_of_the_list():
    assert Task.await_many([Task.async_(lambda n=n: n) for n in range(5)]) == [0, 1, 2, 3, 4]
    assert Task.await_many([]) == []


@rule("A90", "A91")
def test_many_may_come_one_by_one():
    assert Task.await_many(Task.async_(lambda n=n: n) for n in range(3)) == [0, 1, 2]
    outcomes = Task.yield_many(Task.async_(lambda n=n: n) for n in range(3))
    assert [outcome for _, outcome in outcomes] == [Done(0), Done(1), Done(2)]


@rule("A90")
def test_the_first_death_is_raised_at_once(gate):
    slow = Task.async_(through, gate)
    failing = Task.async_(exit, "why")

    with pytest.raises(ActorDied) as raised:
        Task.await_many([slow, failing], timeout=None)
    assert raised.value.reason == "why"


@rule("A90")
def test_a_normal_end_without_a_value_is_a_death_too(gate):
    with pytest.raises(ActorDied) as raised:
        Task.await_many([Task.async_(through, gate), Task.async_(exit, Normal())], timeout=None)

    assert raised.value.reason == Normal()


@rule("A90")
def test_those_that_were_awaited_with_one_that_failed_cant_be_awaited_again(gate):
    slow, failing = Task.async_(through, gate), Task.async_(exit, "why")

    with pytest.raises(ActorDied):
        Task.await_many([slow, failing])

    gate.open()
    with pytest.raises(CallTimeout, match="awaited before"):
        slow.await_()


@rule("A90", "A91")
@pytest.mark.parametrize(
    "wait", [Task.await_many, lambda tasks, timeout: [outcome for _, outcome in Task.yield_many(tasks, timeout)]]
)
def test_one_clock_runs_for_all(wait, clock):
    owner, gates = Probe.start(), [Gate(), Gate()]
    tasks = owner.ask(lambda: [Task.async_(through, gate) for gate in gates])

    answer = owner.ask(lambda: wait(tasks, timeout=3), block=False)
    clock.await_timers()
    clock.advance(2)
    gates[0].open()
    ended(tasks[0]._process.ref)
    clock.await_timers()
    clock.advance(1)

    if wait is Task.await_many:
        with pytest.raises(CallTimeout):
            answer.get()
    else:
        assert answer.get() == [Done("late"), None]
    gates[1].open()


@rule("A91")
def test_many_are_yielded_with_what_came_of_them(gate):
    tasks = [Task.async_(lambda: "value"), Task.async_(exit, "why"), Task.async_(through, gate)]
    for task in tasks[:2]:
        ended(task._process.ref)

    outcomes = Task.yield_many(tasks, timeout=0)

    assert outcomes == [(tasks[0], Done("value")), (tasks[1], Exited("why")), (tasks[2], None)]
    gate.open()
    assert tasks[2].await_() == "late"


@rule("A91")
@pytest.mark.parametrize(
    ("on_timeout", "awaited_again"), [("nothing", Done("late")), ("kill_task", None), ("ignore", None)]
)
def test_what_is_late_is_left_or_killed_or_ignored(on_timeout, awaited_again, gate):
    task = Task.async_(through, gate)
    gate.await_arrival()

    assert Task.yield_many([task], timeout=0, on_timeout=on_timeout) == [(task, None)]
    gate.open()

    assert task.yield_() == awaited_again
    assert ended(task._process.ref).exit_reason == (Killed() if on_timeout == "kill_task" else Normal())


@rule("A91")
def test_a_limit_is_enough_and_the_others_may_be_awaited(gate):
    quick, slow = Task.async_(lambda: "value"), Task.async_(through, gate)

    outcomes = Task.yield_many([quick, slow], timeout=None, limit=1, on_timeout="kill_task")

    assert outcomes == [(quick, Done("value")), (slow, None)]
    gate.open()
    assert slow.await_() == "late"


@rule("A91")
def test_a_death_counts_for_the_limit_as_a_value_does(gate):
    slow, failing = Task.async_(through, gate), Task.async_(exit, Normal())

    assert Task.yield_many([slow, failing], None, limit=1) == [(slow, None), (failing, Exited(Normal()))]


@rule("A91")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"limit": 0}, "limit must be a whole number >= 1; got 0"),
        ({"limit": 1.0}, "limit must be a whole number >= 1; got 1.0"),
        ({"on_timeout": "kill"}, "on_timeout must be one of 'nothing', 'kill_task', 'ignore'; got 'kill'"),
        ({"timeout": -1}, "timeout must be seconds >= 0"),
    ],
)
def test_a_yield_of_many_refuses_what_it_cant_do(arguments, message):
    with pytest.raises(ValueError, match=message):
        Task.yield_many([], **arguments)


@rule("A92")
def test_an_ignored_task_goes_on_alone(gate):
    owner = TrappingProbe.start()
    task = owner.ask(lambda: Task.async_(through, gate))
    gate.await_arrival()

    assert owner.ask(task.ignore) is None
    gate.open()

    assert ended(task._process.ref).exit_reason == Normal()
    assert received_nothing(owner)
    assert owner.ask(task.yield_) is None


@rule("A92")
@pytest.mark.parametrize(("function", "outcome"), [(lambda: "value", Done("value")), (lambda: exit("x"), Exited("x"))])
def test_ignoring_a_task_that_is_done_gives_what_came_of_it(function, outcome):
    task = Task.async_(function)
    ended(task._process.ref)

    assert task.ignore() == outcome


@rule("A92")
def test_a_completed_task_needs_no_actor():
    task = Task.completed("value")

    assert repr(task) == "<Task of 'value'>"
    assert task.await_() == "value"
    assert Task.completed("value").yield_() == Done("value")
    assert Task.completed("value").shutdown() == Done("value")
    assert Task.completed("value").shutdown("brutal_kill") == Done("value")
    assert Task.completed("value").ignore() == Done("value")
    assert Task.await_many([Task.completed(1), Task.async_(lambda: 2)]) == [1, 2]


@rule("A93")
def test_a_task_may_run_on_its_own(gate):
    owner = TrappingProbe.start()

    alone = owner.ask(lambda: Task.start(through, gate))
    linked = owner.ask(lambda: Task.start_link(exit, "why"))
    gate.await_arrival()

    assert received(owner) == Exit(linked, "why")
    gate.open()
    ended(alone)
    assert received_nothing(owner)


@rule("A93")
def test_a_task_that_runs_on_its_own_hurts_nobody():
    starter = Probe.start()

    alone = starter.ask(lambda: Task.start(crash))

    assert isinstance(ended(alone).exit_reason, Crashed)
    assert received_nothing(starter)


@rule("A93", "C27", "C34")
def test_a_task_under_a_supervisor_is_temporary():
    ran = threading.Event()
    spec = Task.child_spec(ran.set)
    supervisor = Supervisor.start_link([spec], strategy="one_for_one")

    assert ran.wait(CAP)
    assert (spec.id, spec.restart) == (Task, "temporary")
    supervisor.stop()


@rule("A94")
def test_an_owner_gets_no_messages_of_its_task_but_what_its_link_gives():
    owner = Probe.start()

    assert owner.ask(lambda: Task.async_(lambda: "value").await_()) == "value"
    assert received_nothing(owner)


def test_a_task_that_asks_its_owner_which_awaits_it_is_told_so():
    owner = TrappingProbe.start()

    def await_one_that_asks_back():
        return Task.async_(lambda: owner.ask(lambda: "never")).await_(timeout=None)

    with pytest.raises((ActorDied, Deadlock)) as raised:
        owner.ask(await_one_that_asks_back)
    error = raised.value
    assert isinstance(error, Deadlock) or isinstance(error.reason.exception, Deadlock)


@pytest.mark.parametrize(
    "wait",
    [
        Task.await_many,
        lambda tasks, timeout: Task.yield_many(tasks, timeout)[0][1],
        lambda tasks, timeout: Task.yield_many(tasks, timeout, limit=2)[0][1],
    ],
    ids=["await_many", "yield_many", "yield_many of as many as there are"],
)
def test_a_task_that_asks_its_owner_which_awaits_it_among_others_is_told_so(wait):
    owner, gate = TrappingProbe.start(), Gate()

    def ask_back():
        try:
            return owner.ask(lambda: "never")
        finally:
            gate.open()

    def await_one_that_asks_back():
        return wait([Task.async_(ask_back), Task.async_(gate.pass_through)], None)

    assert isinstance(deadlock_of(owner, await_one_that_asks_back), Deadlock)


def test_the_next_of_an_ordered_stream_that_asks_its_owner_is_told_so():
    owner, gate = TrappingProbe.start(), Gate()

    def ask_back(is_first):
        if not is_first:
            return gate.pass_through()
        try:
            return owner.ask(lambda: "never")
        finally:
            gate.open()

    def await_one_that_asks_back():
        return next(Task.async_stream([True, False], ask_back, max_concurrency=2, timeout=None))

    assert isinstance(deadlock_of(owner, await_one_that_asks_back), Deadlock)


def deadlock_of(owner, function):
    """The error of whichever closes the circle: the owner's own, or what a task of its has died of."""
    try:
        outcome = owner.ask(function, timeout=CAP)
    except Deadlock as error:
        return error
    except ActorDied as error:
        return error.reason.exception
    return outcome.reason.exception


def test_one_that_asks_its_owner_is_answered_when_another_is_enough():
    owner = TrappingProbe.start()
    asked = threading.Event()

    def ask_back():
        answer = owner.ask(lambda: "answered", block=False)
        asked.set()
        return answer.get(timeout=CAP)

    def end_after_that():
        assert asked.wait(CAP)
        return "enough"

    def await_any():
        tasks = [Task.async_(ask_back), Task.async_(end_after_that)]
        outcomes = Task.yield_many(tasks, None, limit=1)
        return tasks[0], outcomes[1][1]

    asking, outcome = owner.ask(await_any, timeout=CAP)

    assert outcome == Done("enough")
    assert owner.ask(lambda: asking.await_(CAP), timeout=CAP) == "answered"


class Later(Actor):
    """Runs a coroutine function."""

    crash_on_failed_ask = False

    async def on_receive(self, function):
        return await function()


@pytest.mark.threads
@pytest.mark.parametrize(
    "query",
    [
        Task.await_,
        Task.yield_,
        Task.shutdown,
        lambda task: Task.await_many([task]),
        lambda task: Task.yield_many([task]),
    ],
    ids=["await_", "yield_", "shutdown", "await_many", "yield_many"],
)
def test_a_query_that_would_block_the_event_loop_is_refused_and_leaves_the_task_as_it_is(query, gate):
    owner = Later.start()

    async def query_too_early():
        task = Task.async_(through, gate)
        with pytest.raises(WouldBlock):
            query(task)
        return task

    async def query_again():
        return query(task)

    task = owner.ask(query_too_early)
    gate.open()

    assert ended(task._process.ref).exit_reason == Normal()
    assert owner.ask(query_again) in ("late", ["late"], Done("late"), [(task, Done("late"))])


def test_a_brutal_kill_blocks_nobody_and_so_is_for_coroutines_too(gate):
    async def kill():
        return Task.async_(through, gate).shutdown("brutal_kill")

    assert Later.start().ask(kill) is None


def test_a_task_knows_itself_as_an_actor():
    task = Task.async_(current_actor)

    assert task.await_() is task._process.ref


@pytest.mark.parametrize("timeout", [-1, float("nan")])
def test_a_bad_time_out_is_refused(timeout):
    with pytest.raises(ValueError, match="timeout must be seconds >= 0"):
        Task.completed(1).await_(timeout)
