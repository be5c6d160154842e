"""A simulated system: its time, its faults, the crashes that are expected, what must always hold, its story."""

from __future__ import annotations

import asyncio
import contextvars
import re
import signal
import threading
import time
from pathlib import Path

import pykka
import pytest
from greenlet import greenlet

import actors
from actors import (
    Actor,
    ActorDied,
    Continue,
    Crashed,
    Deadlock,
    GenServer,
    Killed,
    NoReply,
    Ok,
    Registry,
    Reply,
    Shutdown,
    StartFailed,
    checkpoint,
    link,
    named,
    now,
    send_after,
    sleep,
    whereis,
)
from actors.testing import InjectedCrash, Livelock, NeverStruck, NotReached, NotSimulated, System, UnexpectedCrash, like
from actors.testing._injection import POINTS
from actors.testing.explore import explore
from supervision.testing import crash_sweep, start_supervised, stop_supervised


class Counter(Actor):
    def __init__(self):
        self.count = 0

    def on_receive(self, message):
        self.count += message
        return self.count


class Sleeper(Actor):
    def on_receive(self, seconds):
        sleep(seconds)
        return now()


class Ticker(Actor):
    """Counts the seconds."""

    def __init__(self):
        self.ticks = 0

    def on_start(self):
        send_after(self.actor_ref, "tick", 1.0)

    def on_receive(self, message):
        self.ticks += 1
        send_after(self.actor_ref, "tick", 1.0)


class Asker(Actor):
    """Asks another, whom it is told."""

    def __init__(self):
        self.other = None

    def on_receive(self, message):
        if isinstance(message, tuple):
            self.other = message[1]
            return None
        return self.other.ask(message)


def ticks(ref):
    return ref._process.actor.ticks


# Time


def test_run_until_idle_leaves_the_clock_alone():
    with System() as system:
        ticker = Ticker.start()

        system.run_until_idle()

        assert system.now() == 0
        assert ticks(ticker) == 0


def test_advance_runs_all_that_is_due_until_then_each_at_its_time():
    with System() as system:
        ticker = Ticker.start()

        system.advance(3.5)

        assert system.now() == 3.5
        assert ticks(ticker) == 3
        assert [step.at for step in system.trace if step.point == "receive"] == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf"), "1"])
def test_time_advances_by_a_finite_number_of_seconds_and_not_back(seconds):
    with System() as system, pytest.raises(ValueError, match="seconds must be a finite number of seconds >= 0"):
        system.advance(seconds)


def test_run_until_jumps_from_timer_to_timer_until_something_holds():
    with System() as system:
        ticker = Ticker.start()

        system.run_until(lambda: ticks(ticker) == 40)

        assert system.now() == 40


def test_run_until_what_can_never_come_is_a_deadlock_at_once():
    with System() as system:
        with pytest.raises(Deadlock, match="nobody can run, and there is no timer"):
            system.run_until(lambda: False)

        assert system.now() == 0


def test_a_simulation_may_end_in_another_greenlet_than_the_one_that_waited_first():
    system = System()
    system.__enter__()
    for sleeper in [Sleeper.start() for _ in range(3)]:
        sleeper.tell(100)
    system.run_until_idle()

    def end():
        system.run_until_idle()
        system.__exit__(None, None, None)
        return "ended"

    ending = greenlet(end)
    ending.gr_context = contextvars.copy_context()
    assert ending.switch() == "ended"


def test_run_until_fails_when_the_time_is_over_and_says_what_it_waited_for():
    with System() as system:
        ticker = Ticker.start()

        with pytest.raises(NotReached) as caught:
            system.run_until(lambda: ticks(ticker) == 100)

        assert system.now() == 60
        said = "system.run_until(lambda: ticks(ticker) == 100) has not come to hold within 60.0 seconds"
        assert str(caught.value) == said
        assert "60.000  Ticker-1#1           receive 'tick'" in caught.value.__notes__[0]


def test_a_condition_that_has_a_name_is_told_by_it():
    def all_have_rung():
        return False

    with System() as system:
        Ticker.start()

        with pytest.raises(NotReached, match=r"^all_have_rung has not come to hold within 3\.5 seconds"):
            system.run_until(all_have_rung, within=3.5)


def test_run_until_looks_once_more_when_its_time_is_over():
    with System() as system:
        Ticker.start()

        system.run_until(lambda: system.now() >= 2.5, within=2.5)


def test_a_condition_must_be_a_function():
    with System() as system, pytest.raises(TypeError, match=r"condition must be a function .*; got True"):
        system.run_until(True)


def test_a_policy_decides_who_is_next():
    with pytest.raises(TypeError, match=r"policy must be a Policy, such as InTurn.*; got 3"):
        System(policy=3)


def test_a_probe_lives_in_a_system_that_is_entered():
    outer = System()
    with pytest.raises(RuntimeError, match="with System"):
        outer.probe()

    with outer, System() as inner:
        assert inner.probe().ref.is_alive()
        with pytest.raises(RuntimeError, match="with System"):
            outer.probe()


ACTS = {
    "crash": lambda system: system.crash(Counter),
    "crash_at": lambda system: system.crash_at(Counter, "receive"),
    "kill_at": lambda system: system.kill_at(Counter, "receive"),
    "fail_start": lambda system: system.fail_start(Counter),
    "slow": lambda system: system.slow(Counter, 1),
    "hold": lambda system: system.hold(Counter),
    "drop": lambda system: system.drop(Counter),
    "expect_crash": lambda system: system.expect_crash(ValueError),
    "always": lambda system: system.always(lambda: False),
    "run_until_idle": lambda system: system.run_until_idle(),
    "advance": lambda system: system.advance(5),
    "run_until": lambda system: system.run_until(lambda: True),
    "probe": lambda system: system.probe(),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_a_system_that_is_not_entered_or_has_ended_does_and_expects_nothing_and_says_so(act):
    system = System()
    with pytest.raises(RuntimeError, match="this system isn't entered yet"):
        act(system)

    with system:
        pass
    with pytest.raises(RuntimeError, match="this system has ended"):
        act(system)

    assert system.faults == []
    assert system.now() == 0


def test_a_system_that_has_failed_has_ended_as_well():
    with pytest.raises(ValueError, match="wrong"), System() as system:
        raise ValueError("wrong")

    with pytest.raises(RuntimeError, match="this system has ended"):
        system.run_until_idle()


def test_a_system_that_has_ended_can_be_looked_at():
    with System() as system:
        fault = system.crash(Counter, nth=2, must_strike=False)
        Counter.start().ask(1)

    assert [step.point for step in system.trace][:2] == ["on_start", "receive"]
    assert system.digest
    assert "Counter-1" in system.mermaid()
    assert "Counter-1" in system.story()
    assert system.faults == [fault]
    assert fault.fired == 0
    assert system.now() == 0


def test_what_is_due_at_one_moment_comes_in_the_order_in_which_it_was_asked_for():
    came = []

    class Filling(Actor):
        def on_receive(self, number):
            came.append(number)

    with System() as system:
        filling = Filling.start()
        for number in range(5):
            send_after(filling, number, 1.0)
        send_after(filling, "at once", 0.0)

        system.run_until_idle()
        assert came == ["at once"]
        system.advance(1.0)

    assert came == ["at once", 0, 1, 2, 3, 4]


def test_a_wait_of_the_test_jumps_to_its_answer():
    with System() as system:
        assert Sleeper.start().ask(3600) == 3600

        assert system.now() == 3600


def test_a_wait_for_what_can_never_come_is_a_deadlock_at_once_and_says_who_waits_at_which_handler():
    with System():
        one, other = Asker.start(), Asker.start()
        one.ask(("other", other))
        silent = Holding.start()
        other.ask(("other", silent))

        with pytest.raises(Deadlock) as caught:
            one.ask("hello")

        assert str(caught.value) == (
            "the test waits for what can never come: nobody can run, and there is no timer\n"
            "  Asker-1#1 waits for Asker-2#1, handling 'hello'\n"
            "  Asker-2#1 waits for Holding-1#1, handling 'hello'\n"
            "  Holding-1#1 waits, handling 'hello'"
        )


class Holding(Actor):
    """Waits for an event that nobody sets."""

    def on_receive(self, message):
        threading.Event().wait()


def test_actors_that_ask_in_a_circle_get_a_deadlock_that_names_it():
    with System() as system:
        one, other = Asker.start(), Asker.start()
        one.ask(("other", other))
        other.ask(("other", one))
        system.expect_crash(Deadlock, times=None)

        with pytest.raises(Deadlock) as caught:
            one.ask("hello")

        assert "Asker-2#1 -> Asker-1#1 -> Asker-2#1" in str(caught.value)
        assert caught.value.__notes__[0] == "Asker-2#1 handles 'hello'\nAsker-1#1 handles 'hello'"


class Onward(Actor):
    """Asks the first that it gets with the rest."""

    def on_receive(self, others):
        if others:
            others[0].ask(others[1:])


def test_a_deadlock_shows_what_each_handles_as_the_trace_does():
    with System() as system:
        first, second = Onward.start(), Onward.start()
        system.expect_crash(Deadlock, times=None)

        with pytest.raises(Deadlock) as caught:
            first.ask([second, first])

        assert (
            caught.value.__notes__[0] == "Onward-2#1 handles [Onward-1#1]\nOnward-1#1 handles [Onward-2#1, Onward-1#1]"
        )


def test_actors_that_go_on_for_ever_are_a_livelock_that_says_who_does_what():
    class Ping(Actor):
        def on_receive(self, message):
            self.actor_ref.tell("ping")

    with System(max_steps=1000) as system:
        Ping.start().tell("ping")

        with pytest.raises(Livelock, match=r"Ping-1#1 tell str \(500 times\)"):
            system.run_until_idle()


async def yield_for_ever():
    while True:  # noqa: ASYNC110 - what this is about
        await asyncio.sleep(0)


async def poll_for_ever():
    while True:  # noqa: ASYNC110 - what this is about
        await asyncio.sleep(0.01)


def give_way_for_ever():
    while True:
        time.sleep(0)


def sleep_for_ever():
    while True:
        time.sleep(0.01)


def wait_again_and_again():
    while not threading.Event().wait(0.01):
        pass


@pytest.mark.parametrize(
    "go_on", [yield_for_ever, poll_for_ever, give_way_for_ever, sleep_for_ever, wait_again_and_again]
)
@pytest.mark.parametrize("has_other_at_work", [False, True])
def test_code_that_goes_on_for_ever_without_a_switch_point_is_a_livelock_that_says_whose(go_on, has_other_at_work):
    class Endless(Actor):
        def on_receive(self, function):
            return function()

    with pytest.raises(Livelock, match="max_steps=1000 turns") as caught, System(max_steps=1000):
        if has_other_at_work:
            Ticker.start()
        Endless.start().ask(go_on)

    assert f"\n  Endless-1#1 handles {go_on.__name__} (" in str(caught.value)


def test_what_resists_its_end_as_well_does_not_hang_the_test_either():
    class Stubborn(Actor):
        def on_receive(self, _message):
            left = 5
            while left:
                try:
                    give_way_for_ever()
                except BaseException:
                    left -= 1

    with pytest.raises(Livelock, match="Stubborn-1#1"), System(max_steps=1000):
        Stubborn.start().ask("go")


def test_a_test_that_polls_for_what_never_comes_is_a_livelock():
    with System(max_steps=1000), pytest.raises(Livelock, match="the test, which has waited in vain"):
        sleep_for_ever()


def test_a_test_that_looks_at_the_clock_until_it_is_late_enough_is_a_livelock():
    with System(max_steps=2000) as system:
        counter = Counter.start()

        with pytest.raises(Livelock, match=r"the test looked at time\.monotonic\(\) more often than max_steps=2000"):
            while time.monotonic() < 5:
                counter.ask(1)

        system.advance(5)
        assert time.monotonic() == 5


def test_an_actor_that_looks_at_the_clock_until_it_is_late_enough_is_one_too():
    class Impatient(Actor):
        def on_receive(self, _message):
            while time.monotonic() < 5:
                pass

    with pytest.raises(Livelock, match=r"Impatient-1#1 handles 'go' looked at time\.monotonic"), System(max_steps=2000):
        Impatient.start().ask("go")


def test_messages_that_are_handed_on_are_no_turns_too_many():
    class Stage(Actor):
        def __init__(self, following=None):
            self.following = following
            self.count = 0

        def on_receive(self, message):
            self.count += 1
            return self.count if self.following is None else self.following.tell(message)

    with System(max_steps=1000, record=False):
        last = Stage.start()
        first = Stage.start(Stage.start(last))
        for number in range(450):
            first.tell(number)

        assert last.ask("how many?") <= 451


def test_timers_of_one_moment_are_no_turns_too_many_however_many_there_are():
    with System(max_steps=100, record=False) as system:
        counter = Counter.start()
        for _ in range(1000):
            send_after(counter, 1, 5.0)
        system.advance(5.0)

        assert counter.ask(1) == 1001


def test_an_actor_may_look_at_the_clock_at_each_of_its_messages():
    class Timing(Actor):
        def on_receive(self, _message):
            begun = time.monotonic()
            return time.monotonic() - begun

    with System(max_steps=100, record=False):
        timing = Timing.start()
        for _ in range(300):
            assert timing.ask("how long?") == 0


class Idle(GenServer):
    """Has nothing to do, again and again."""

    def init(self, _argument):
        return Ok(None, then=0)

    def handle_info(self, _message, state):
        return NoReply(state, then=0)


def test_a_server_that_goes_on_for_ever_without_being_told_anything_is_a_livelock():
    with System(max_steps=1000) as system:
        Idle.start(None)

        with pytest.raises(Livelock, match="Idle-1#1"):
            system.run_until_idle()


def test_messages_are_no_turns_too_many_however_many_there_are():
    with System(max_steps=100, record=False):
        counter = Counter.start()
        for _ in range(1000):
            counter.tell(1)

        assert counter.ask(1) == 1001


class GivingWay(Actor):
    async def on_receive(self, times):
        for _ in range(times):
            await asyncio.sleep(0)


@pytest.mark.parametrize("times", [0, 1])
def test_messages_of_an_async_actor_are_no_turns_too_many_either(times):
    with System(max_steps=100, record=False):
        actor = GivingWay.start()
        for _ in range(1000):
            actor.tell(times)

        assert actor.ask(times) is None


def test_nor_are_those_of_many_async_actors():
    with System(max_steps=100, record=False) as system:
        for _ in range(1000):
            GivingWay.start().tell(1)

        system.run_until_idle()


def test_nor_are_many_tasks_of_one():
    class Gathering(Actor):
        async def on_receive(self, number):
            await asyncio.gather(*(asyncio.sleep(1.0, each) for each in range(number)))

    with System(max_steps=100, record=False):
        Gathering.start().ask(1000)


def test_tasks_that_become_more_and_more_are_a_livelock_soon():
    begun = []

    class Doubling(Actor):
        async def on_receive(self, _message):
            begun.append(asyncio.create_task(self.on_receive("double")))
            begun.append(asyncio.create_task(self.on_receive("double")))

    with pytest.raises(Livelock, match="max_steps=1000 turns"), System(max_steps=1000) as system:
        Doubling.start().tell("double")
        system.run_until_idle()

    assert len(begun) < 10_000


def test_a_sleep_of_no_time_lets_others_go_on():
    done = []

    class Waiting(Actor):
        def on_receive(self, _message):
            while not done:
                time.sleep(0)
            return "done"

    class Doing(Actor):
        def on_receive(self, message):
            done.append(message)

    with System() as system:
        answer = Waiting.start().ask("wait", block=False)
        Doing.start().tell("do")

        assert answer.get() == "done"
        assert system.now() == 0


def test_a_wait_beyond_the_time_there_is_is_a_livelock():
    with System(max_time=100.0) as system:
        Ticker.start()

        with pytest.raises(Livelock, match=r"more than max_time=100.0 virtual seconds"):
            system.run_until(lambda: False, within=1000.0)


# Who goes on


class Writer(Actor):
    def __init__(self, board):
        self.board = board

    def on_receive(self, message):
        seen = len(self.board)
        checkpoint()
        self.board.append(seen)


def board_after(seed):
    with System(seed) as system:
        board = []
        for writer in [Writer.start(board) for _ in range(4)]:
            writer.tell("write")
        system.run_until_idle()
        return tuple(board), system.digest


def test_the_same_seed_makes_the_same_run_and_others_make_others():
    assert board_after(3) == board_after(3)
    assert len({board_after(seed) for seed in range(20)}) > 10


def test_what_needs_chance_gets_it_from_the_seed():
    def drawn(seed):
        with System(seed) as system:
            return system.random.random(), system.uuid4()

    assert drawn(1) == drawn(1) != drawn(2)


# Faults


def test_an_actor_crashes_at_its_nth_message_before_it_is_handled():
    with System() as system:
        counter = Counter.start()
        fault = system.crash(counter, nth=2)

        assert counter.ask(1) == 1
        with pytest.raises(InjectedCrash):
            counter.ask(1)

        assert isinstance(counter.exit_reason, Crashed)
        assert fault.fired == 1


def test_an_actor_crashes_after_its_work_is_done_and_before_it_answers():
    done = []

    class Server(Actor):
        def on_receive(self, message):
            done.append(message)
            return "done"

    with System() as system:
        server = Server.start()
        system.crash(server, when="after")

        with pytest.raises(InjectedCrash):
            server.ask("work")

    assert done == ["work"]


class GoingOn(GenServer):
    """Has something to do when it has answered."""

    def init(self, done, then):
        self.then = then
        return Ok(done)

    def handle_call(self, request, sender, done):
        done.append(request)
        return Reply("done", done, then=self.then)

    def handle_continue(self, argument, done):
        done.append(argument)
        return NoReply(done)

    def terminate(self, reason, done):
        done.append("ended")


class GoingOnAsync(GoingOn):
    async def handle_call(self, request, sender, done):
        return super().handle_call(request, sender, done)


@pytest.mark.parametrize("cls", [GoingOn, GoingOnAsync])
@pytest.mark.parametrize(("then", "rest"), [(Continue("the rest"), ["the rest"]), (5.0, [])])
def test_a_server_that_goes_on_when_it_has_answered_crashes_before_that(cls, then, rest):
    done = []
    with System() as system:
        server = cls.start(done, then)
        system.crash(server, when="after", nth=2)

        assert server.call("first") == "done"
        with pytest.raises(ActorDied):
            server.call("second")

    assert done == ["first", *rest, "second", "ended"]


def test_a_server_crashes_after_a_cast_though_the_fault_came_in_the_midst_of_it_and_after_a_call_with_more_to_do():
    class Busy(GoingOn):
        def handle_cast(self, seconds, done):
            sleep(seconds)
            return NoReply(done)

    with System() as system:
        server = Busy.start([], Continue("the rest"))
        server.call("first")
        server.cast(1.0)
        system.run_until_idle()
        fault = system.crash(server, when="after")
        system.advance(1.0)

        assert fault.fired == 1


def test_an_actor_crashes_of_what_it_is_given():
    with System() as system:
        counter = Counter.start()
        system.crash(counter, OSError("disk full"))

        with pytest.raises(OSError, match="disk full"):
            counter.ask(1)


@pytest.mark.parametrize("matcher", [5, lambda message: message > 4, like(int, real=5)])
def test_an_actor_crashes_at_a_message_that_matches(matcher):
    with System() as system:
        counter = Counter.start()
        system.crash(Counter, message=matcher)

        assert counter.ask(1) == 1
        with pytest.raises(InjectedCrash):
            counter.ask(5)


def test_actors_are_chosen_by_ref_by_class_and_by_name():
    with System() as system:
        counters = [Counter.start() for _ in range(3)]
        system.crash(counters[0])
        system.crash("Counter-2")
        for counter in counters:
            counter.tell(1)
        system.run_until_idle()

        assert [counter.is_alive() for counter in counters] == [False, False, True]


def test_what_chooses_no_actor_is_refused():
    with System() as system, pytest.raises(TypeError, match="actor must be a ref, a class of actors, or a name"):
        system.crash(7)


def test_the_first_time_is_the_first():
    with System() as system, pytest.raises(ValueError, match="nth must be a whole number >= 1: the first time is 1"):
        system.crash(Counter, nth=0)


@pytest.mark.parametrize(
    ("inject", "says"),
    [
        (lambda system: system.crash_at(Counter, "recieve"), "point must be .* got 'recieve'; did you mean 'receive'?"),
        (lambda system: system.kill_at(Counter, "ended"), "point must be a point .*: 'ack', .*; got 'ended'"),
        (lambda system: system.hold(Counter, at="registr"), "at must be .* got 'registr'; did you mean 'register'?"),
        (lambda system: system.hold(Counter, at=7), "at must be .* got 7"),
        (lambda system: system.crash_at(Counter, "tell", nth=1.5), "nth must be a whole number >= 1.* got 1.5"),
        (lambda system: system.kill_at(Counter, "tell", nth=0), "nth must be a whole number >= 1.* got 0"),
        (lambda system: system.slow(Counter, 1.0, nth=0), "nth must be a whole number >= 1.* got 0"),
        (lambda system: system.slow(Counter, -5), "seconds must be a finite number of seconds >= 0; got -5"),
        (lambda system: system.drop(Counter, nth=True), "nth must be a whole number >= 1.* got True"),
        (lambda system: system.fail_start(Counter, times=0), "times must be a whole number >= 1; got 0"),
        (lambda _: System(max_steps=0), "max_steps must be a whole number >= 1; got 0"),
        (lambda _: System(max_time=-1.0), "max_time must be a finite number of seconds >= 0; got -1.0"),
        (lambda system: system.run_until(list, within=-1.0), "within must be a finite number of seconds >= 0; got -1"),
        (lambda system: system.expect_crash(times=None, at_least=-1), "at_least must be a whole number >= 0; got -1"),
    ],
)
def test_a_point_that_is_none_and_a_number_that_means_nothing_are_refused_at_once(inject, says):
    with System() as system:
        with pytest.raises(ValueError, match=says):
            inject(system)

        assert system.faults == []


def test_the_points_that_can_be_named_are_those_of_the_code():
    code = "\n".join(path.read_text() for path in Path(actors.__file__).parent.glob("*.py"))
    named = re.findall(r'(?:checkpoint|_caller|pass_by|_at)\("(\w+)"', code)

    assert set(named) | {"on_start", "receive", "handled"} == POINTS


# Faults that never struck


@pytest.mark.parametrize(
    ("inject", "says"),
    [
        (
            lambda system, **may: system.crash(Counter, message=9, **may),
            "crash of Counter at 'receive', message 9: met 0",
        ),
        (lambda system, **may: system.crash_at(Counter, "tell", **may), "crash of Counter at 'tell': met 0"),
        (
            lambda system, **may: system.kill_at("Counter-7", "receive", **may),
            "kill of 'Counter-7' at 'receive': met 0",
        ),
        (lambda system, **may: system.slow(Counter, 1.0, nth=3, **may), "slow of Counter at 'receive', time 3: met 2"),
        (lambda system, **may: system.hold("Counter-2", **may), "hold of 'Counter-2' at 'receive': met 0"),
        (lambda system, **may: system.drop(Counter, "x", **may), "drop of Counter at 'mail', message 'x': met 0"),
        (lambda system, **may: system.fail_start("Counter-2", **may), "crash of 'Counter-2' at 'on_start': met 0"),
    ],
)
def test_what_was_injected_and_never_struck_fails_the_test_unless_it_need_not(inject, says):
    def adds_two(**may):
        with System() as system:
            inject(system, **may)
            counter = Counter.start()
            counter.ask(1)
            counter.ask(1)

    with pytest.raises(NeverStruck) as caught:
        adds_two()
    assert f"  {says} times\n" in str(caught.value)
    assert "must_strike=False" in str(caught.value)
    assert "receive 1" in caught.value.__notes__[0]

    adds_two(must_strike=False)


def test_each_of_several_starts_that_are_to_fail_has_to():
    with pytest.raises(NeverStruck, match="crash of Counter at 'on_start', time 2: met 1 times"), System() as system:
        system.fail_start(Counter, times=2)
        with pytest.raises(StartFailed):
            Counter.start_link()


def test_a_test_that_fails_says_nothing_of_faults_that_never_struck():
    with pytest.raises(KeyError), System() as system:
        system.crash(Counter)
        raise KeyError


def test_one_who_comes_to_where_nobody_is_held_any_more_was_met():
    with System() as system:
        system.hold(Counter).release()
        Counter.start().ask(1)


def test_what_can_not_be_raised_is_refused():
    with System() as system, pytest.raises(TypeError, match="exception must be an exception, or a class"):
        system.crash(Counter, "boom")


def test_an_actor_crashes_at_a_point_of_its_code():
    keys = Registry("keys")

    class Holder(Actor):
        def on_receive(self, key):
            keys.register(key, "held")

    with System() as system:
        keys = start(keys)
        holder = Holder.start()
        system.crash_at(Holder, "register", message="b")

        holder.ask("a")
        with pytest.raises(InjectedCrash):
            holder.ask("b")

        assert keys.lookup("b") == []


def start(registry):
    registry.start_link()
    return registry


def test_an_actor_is_killed_at_a_point_of_its_code():
    with System() as system:
        system.kill_at(Sleeper, "sleep")
        sleeper = Sleeper.start()

        with pytest.raises(ActorDied):
            sleeper.ask(1)

        assert sleeper.exit_reason == Killed()


def test_an_actor_fails_to_start_so_many_times():
    with System() as system:
        system.fail_start(Counter, OSError("no room"), times=2)

        for _ in range(2):
            with pytest.raises(StartFailed) as caught:
                Counter.start_link()
            assert caught.value.reason == Crashed(OSError("no room"))
        assert Counter.start_link().ask(1) == 1


class Manager(Actor):
    """Starts another when it is told to."""

    def on_receive(self, message):
        Counter.start()
        return "started"


def test_a_start_that_is_to_fail_is_the_actors_own_and_not_that_of_another_by_it():
    with System() as system:
        start_supervised(Manager.options(name="manager").child_spec())
        fault = system.fail_start(Manager)[0]

        assert named("manager").ask("start another") == "started"
        assert fault.fired == 0

        whereis("manager").kill()
        system.run_until_idle()
        assert fault.fired == 1


def test_an_actor_crashes_where_it_starts_another_and_not_where_it_starts_itself():
    with System() as system:
        manager = Manager.start()
        system.crash_at(Manager, "start", nth=2)

        assert manager.ask("start another") == "started"
        with pytest.raises(InjectedCrash):
            manager.ask("start another")

        assert [step.about for step in system.trace if step.point == "start"] == ["Counter", "Counter"]


def test_an_actor_is_killed_and_held_where_it_starts_itself():
    with System() as system:
        system.kill_at("Counter-1", "on_start")
        held = system.hold("Counter-2", at="on_start")

        first, second = Counter.start(), Counter.start()
        system.run_until_idle()

        assert first.exit_reason == Killed()
        assert held.has_arrived
        held.release()
        assert second.ask(1) == 1


@pytest.mark.parametrize("runs_on", ["shared", "thread"])
def test_the_next_start_fails_of_one_that_is_killed_while_it_is_idle(runs_on):
    with System() as system:
        start_supervised(Counter.options(name="counter", runs_on=runs_on).child_spec())
        named("counter").ask(1)
        system.fail_start(Counter)

        whereis("counter").kill()
        system.run_until_idle()

        assert named("counter").ask(2) == 2
        starts = [step.point for step in system.trace if step.actor == "Counter-1#1"]
        assert starts.count("on_start") == 1


def test_a_handler_is_slow():
    with System() as system:
        counter = Counter.start()
        system.slow(counter, 5.0)

        counter.ask(1)
        counter.ask(1)

        assert system.now() == 10


def test_an_actor_is_held_at_a_point_while_the_test_acts():
    with System() as system:
        sleeper, counter = Sleeper.start(), Counter.start()
        held = system.hold(sleeper, at="sleep")
        answer = sleeper.ask(1, block=False)
        system.run_until_idle()
        assert held.has_arrived

        counter.ask(1)
        system.advance(10)
        held.release()

        assert answer.get() == 11


def test_an_actor_is_held_at_the_nth_time():
    with System() as system:
        counter = Counter.start()
        held = system.hold(counter, nth=2)
        assert held.fired == 0

        assert counter.ask(1) == 1
        counter.tell(1)
        system.run_until_idle()

        assert held.has_arrived
        assert held.fired == 1
        held.release()


def test_a_wait_for_one_who_is_held_says_so():
    with System() as system:
        counter = Counter.start()
        system.hold(counter)

        with pytest.raises(Deadlock, match=r"Counter-1#1 is held at 'receive', handling 1: hold\(\) has returned what"):
            counter.ask(1)


def test_an_exception_that_needs_arguments_is_refused_without_them():
    class NeedsTwo(Exception):
        def __init__(self, one, two):
            super().__init__(one, two)

    with System() as system, pytest.raises(TypeError, match=r"can't be called without arguments .* NeedsTwo\(...\)"):
        system.crash(Counter, NeedsTwo)


def test_a_matcher_that_fails_is_told_as_such():
    with System() as system:
        system.crash(Counter, message=lambda message: message["kind"], must_strike=False)
        system.expect_crash(TypeError)

        with pytest.raises(TypeError) as caught:
            Counter.start().ask(1)

    assert "the function that was given as message= has raised it" in caught.value.__notes__[0]


def test_a_fault_of_a_base_class_leaves_the_probes_and_the_supervisor_of_the_test_alone():
    with System() as system:
        probe = system.probe()
        system.crash(Actor)
        counter = start_supervised(Counter)
        probe.ref.tell("hello")
        assert probe.assert_receive() == "hello"

        with pytest.raises(InjectedCrash):
            counter.ask(1)


# Crashes


def test_a_crash_that_nobody_expects_fails_the_test_at_its_end():
    with pytest.raises(UnexpectedCrash) as caught, System() as system:
        Counter.start().tell("a word")
        system.run_until_idle()

    assert re.match(r"Counter-1#1 crashed of TypeError\(.*\); expect_crash\(\) it", str(caught.value))
    assert isinstance(caught.value.__cause__, TypeError)
    assert "receive 'a word'" in caught.value.__notes__[0]


@pytest.mark.parametrize("start", [Counter.start, lambda: start_supervised(Counter)])
@pytest.mark.parametrize("seed", range(20))
def test_what_lies_in_a_mailbox_when_the_test_ends_is_handled_before_the_actor_is_stopped(start, seed):
    with pytest.raises(UnexpectedCrash), System(seed):
        start().tell("a word")


@pytest.mark.parametrize("delivery", ["runtime", "otp"])
@pytest.mark.parametrize("seed", range(20))
def test_nor_is_any_stopped_before_what_follows_from_that(seed, delivery):
    class Handing(Actor):
        def on_receive(self, message):
            if not isinstance(message, int):
                self.other = message
            elif message:
                self.other.tell(message - 1)

    with System(seed, delivery=delivery):
        one, other = Handing.start(), Handing.start()
        one.tell(other)
        other.tell(one)
        one.tell(6)


def test_who_sends_to_itself_for_ever_is_stopped_when_the_test_ends():
    class Turning(Actor):
        turns = 0

        def on_receive(self, message):
            Turning.turns += 1
            self.actor_ref.tell(message)

    with System():
        Turning.start().tell("go on")

    assert 100 < Turning.turns < 2000


def test_who_comes_to_no_end_of_a_message_when_the_test_ends_is_a_livelock():
    class Spinning(Actor):
        def on_receive(self, _message):
            while True:
                checkpoint()

    with pytest.raises(Livelock, match=r"Spinning-1#1 checkpoint"), System():
        Spinning.start().tell("spin")


class Unruly(Actor):
    def on_stop(self):
        raise LookupError


@pytest.mark.parametrize(
    "stop",
    [
        lambda: Unruly.start().stop(),
        lambda: start_supervised(Unruly),
        lambda: start_supervised(Unruly) and stop_supervised(Unruly),
        lambda: Unruly.start().exit(Shutdown()),
    ],
    ids=["by hand", "at the end", "by its supervisor", "by a signal"],
)
def test_a_crash_in_on_stop_fails_the_test_however_the_actor_is_stopped(stop):
    with pytest.raises((UnexpectedCrash, LookupError)) as caught, System():
        stop()

    assert "LookupError" in repr(caught.value)


def test_a_crash_that_has_come_by_a_link_is_one_crash():
    class Linking(Actor):
        def on_receive(self, other):
            link(other)

    with System() as system:
        counter, linking = Counter.start(), Linking.start()
        linking.ask(counter)
        system.expect_crash(TypeError, actor=counter)
        counter.tell("a word")
        system.run_until_idle()

        assert not linking.is_alive()


class Trapping(Actor):
    """Ends by its parent's exit, and not by a signal."""

    trap_exit = True


class Parent(Actor):
    def on_start(self):
        self.child = Trapping.start_link()

    def on_receive(self, message):
        raise ValueError(message)


def test_a_crash_of_a_parent_that_ends_a_child_that_traps_exits_is_one_crash():
    with System() as system:
        parent = Parent.start()
        system.expect_crash(ValueError, actor=parent)
        parent.tell("boom")
    with System() as system:
        system.crash(Parent)
        Parent.start().tell("boom")


class Client(Actor):
    """Asks another, and doesn't expect that it crashes."""

    def __init__(self, other):
        self.other = other

    def on_receive(self, message):
        return self.other.ask(message)


def test_a_crash_that_was_injected_into_one_is_not_expected_of_another_that_asks_it():
    with pytest.raises(UnexpectedCrash, match=r"^Client-1#1 crashed of InjectedCrash\(\)"), System() as system:
        client = Client.start(Counter.start())
        system.crash(Counter)
        client.tell(1)

    with System() as system:
        client = Client.start(Counter.start())
        system.crash(Counter)
        system.expect_crash(InjectedCrash, actor=client)
        client.tell(1)


def test_a_crash_that_was_injected_is_expected_of_a_parent_that_ends_of_its_reason():
    class Parent(Actor):
        trap_exit = True

        def on_start(self):
            Counter.start_link().tell(1)

        def on_receive(self, message):
            actors.exit(message.reason)

    with System() as system:
        system.crash(Counter)
        parent = Parent.start()
        system.run_until_idle()

        assert parent.exit_reason == Crashed(InjectedCrash())


def test_a_crash_that_was_injected_is_expected():
    with System() as system:
        system.crash(Counter)
        Counter.start().tell(1)
        system.run_until_idle()


def test_a_crash_that_is_expected_and_does_not_come_fails_the_test():
    with pytest.raises(UnexpectedCrash) as caught, System() as system:
        system.expect_crash(ValueError, actor=Counter, times=2)
        failing(ValueError("one"))
        system.run_until_idle()

    assert str(caught.value) == "Counter was to crash of ValueError 2 times, and did so 1 times"


def failing(error):
    class Counter2(Counter):
        def on_receive(self, message):
            raise error

    Counter2.start().tell("work")


@pytest.mark.parametrize("exception", [ValueError, ValueError("boom"), lambda error: str(error) == "boom", Exception])
def test_an_expected_crash_is_known_by_its_class_by_what_it_says_or_by_a_function(exception):
    with System() as system:
        system.expect_crash(exception)
        failing(ValueError("boom"))
        system.run_until_idle()


@pytest.mark.parametrize(
    "expected", [{"exception": KeyError}, {"exception": ValueError("other")}, {"actor": "Other-1"}]
)
def test_a_crash_of_another_kind_than_expected_fails_the_test(expected):
    with pytest.raises(UnexpectedCrash), System() as system:
        system.expect_crash(**expected)
        failing(ValueError("boom"))
        system.run_until_idle()


@pytest.mark.parametrize("times", [0, -1, 1.5])
def test_a_crash_is_expected_at_least_once(times):
    with System() as system, pytest.raises(ValueError, match="times must be a whole number >= 1, or None"):
        system.expect_crash(times=times)


@pytest.mark.parametrize("count", [0, 3])
def test_crashes_that_may_come_needn_t(count):
    with System() as system:
        system.expect_crash(ValueError, times=None, at_least=0)
        for _ in range(count):
            failing(ValueError("boom"))
        system.run_until_idle()


def test_a_test_may_have_as_many_turns_as_it_likes_that_it_waits_for_one_by_one():
    class Yielding(Actor):
        async def on_receive(self, _message):
            await asyncio.sleep(0)

    with System(max_steps=100, record=False):
        yielding = Yielding.start()
        for number in range(300):
            yielding.ask(number)


def test_a_test_may_wait_in_vain_ten_times_as_often():
    with System(max_steps=100, record=False) as system:
        for _ in range(900):
            assert not threading.Event().wait(1.0)

        assert system.now() == 900


# Interrupts


def interrupt(*_anything):
    signal.raise_signal(signal.SIGINT)


async def interrupt_a_coroutine():
    interrupt()


async def interrupt_a_task():
    async def run():
        interrupt()

    task = asyncio.create_task(run())
    await asyncio.sleep(1.0)
    await task


async def interrupt_a_callback():
    asyncio.get_running_loop().call_soon(interrupt)
    await asyncio.sleep(1.0)


class Interrupted(Actor):
    """Is at what it is told to be when somebody wants the program to end."""

    def __init__(self, where):
        self.where = where

    def on_start(self):
        if self.where == "on_start":
            interrupt()

    def on_stop(self):
        if self.where == "on_stop":
            interrupt()

    def on_receive(self, function):
        return function()


@pytest.mark.parametrize(
    "act",
    [
        lambda: Interrupted.start("on_start"),
        lambda: Interrupted.start("on_stop").stop(),
        lambda: Interrupted.start("").ask(interrupt),
        lambda: Interrupted.start("").tell(interrupt),
        lambda: Interrupted.start("").ask(interrupt_a_coroutine),
        lambda: Interrupted.start("").ask(interrupt_a_task),
        lambda: Interrupted.start("").ask(interrupt_a_callback),
    ],
    ids=["on_start", "on_stop", "asked", "told", "a coroutine", "a task", "a callback"],
)
def test_an_interrupt_ends_the_test_at_once_and_is_no_crash_of_whoever_had_his_turn(act):
    with System() as system:
        with pytest.raises(KeyboardInterrupt):
            act()
            system.run_until_idle()

        assert system.now() == 0.0
        assert "KeyboardInterrupt" not in system.story()


@pytest.mark.parametrize("run", [explore, crash_sweep])
def test_an_interrupt_ends_all_runs_of_a_scenario(run):
    runs, interrupted_in = [], []

    def interrupt_it():
        interrupted_in.append(len(runs))
        interrupt()

    def scenario(system):
        runs.append(system)
        Interrupted.start("").tell(interrupt_it if len(runs) > 1 else checkpoint)
        Counter.start().tell(1)
        system.run_until_idle()

    with pytest.raises(KeyboardInterrupt):
        run(scenario)

    assert interrupted_in == [len(runs)]


def test_an_interrupt_that_is_injected_is_a_crash_as_any():
    with System() as system:
        counter = Counter.start()
        system.crash(counter, KeyboardInterrupt)
        counter.tell(1)

        system.run_until_idle()

        assert not counter.is_alive()
        assert "ended Crashed(exception=KeyboardInterrupt())" in str(system.trace[-1])


@pytest.mark.parametrize("errors", [(ValueError(), KeyError()), (KeyError(), ValueError())])
def test_a_crash_is_taken_by_the_narrowest_that_expects_it(errors):
    with System() as system:
        system.expect_crash(Exception)
        system.expect_crash(ValueError)
        for error in errors:
            failing(error)
        system.run_until_idle()


def test_a_crash_is_taken_by_one_that_expects_it_before_one_that_expects_any_number():
    with System() as system:
        system.expect_crash(times=None, at_least=0)
        system.expect_crash(ValueError)
        failing(ValueError("boom"))
        system.run_until_idle()


def test_a_crash_that_nobody_expects_is_told_with_those_that_were_expected():
    with pytest.raises(UnexpectedCrash) as caught, System() as system:
        system.expect_crash(KeyError)
        failing(ValueError("boom"))
        system.run_until_idle()

    assert str(caught.value) == (
        "Counter2-1#1 crashed of ValueError('boom'); expect_crash() it, if that is meant; what was expected:\n"
        "  an actor was to crash of KeyError, and did so 0 times"
    )


@pytest.mark.parametrize("exception", ["ValueError", int, 7])
def test_what_no_exception_can_match_is_refused(exception):
    with System() as system, pytest.raises(TypeError, match="exception must be a class of exceptions, an exception"):
        system.expect_crash(exception)


# Invariants


class Transfer(Actor):
    """Moves money between two accounts, with a look aside in between."""

    def on_receive(self, accounts):
        accounts["one"] -= 10
        checkpoint()
        accounts["other"] += 10


@pytest.mark.parametrize("holds", [lambda accounts: sum(accounts.values()) == 100, None])
def test_what_is_always_to_hold_is_looked_at_at_each_step(holds):
    accounts = {"one": 50, "other": 50}

    def check():
        if holds is not None:
            return holds(accounts)
        assert sum(accounts.values()) == 100
        return None

    with System() as system:
        system.always(check)

        with pytest.raises(AssertionError):
            Transfer.start().ask(accounts)

        assert system.trace[-1].point == "checkpoint"


class Filling(Actor):
    def on_receive(self, box):
        box.append("filled")


def test_an_invariant_holds_until_all_have_done_what_they_were_told():
    box = []

    with pytest.raises(AssertionError, match="to hold always") as caught, System() as system:
        system.always(lambda: not box)
        Filling.start().tell(box)

    assert "receive []" in caught.value.__notes__[0]


def test_an_invariant_is_looked_at_long_enough_where_somebody_goes_on_for_ever():
    class Endless(Actor):
        def on_receive(self, looks):
            looks.append("on")
            self.actor_ref.tell(looks)

    looks = []
    with System(max_steps=1000) as system:
        system.always(lambda: True)
        Endless.start().tell(looks)

    assert len(looks) > 100


def test_an_invariant_need_not_hold_while_all_are_stopped():
    box = []

    class Leaving(Actor):
        def on_stop(self):
            box.append("left")

    with System() as system:
        system.always(lambda: not box)
        Leaving.start()

    assert box == ["left"]


def test_a_test_that_has_failed_is_not_told_of_its_invariants_too():
    box = []

    with pytest.raises(LookupError), System() as system:
        system.always(lambda: not box)
        Filling.start().tell(box)
        raise LookupError


@pytest.mark.parametrize(
    "look",
    [
        lambda system: system.run_until_idle(),
        lambda system: system.advance(1.0),
        lambda system: system.run_until(lambda: True),
    ],
    ids=["run_until_idle", "advance", "run_until"],
)
def test_an_invariant_that_the_test_itself_breaks_is_seen_though_nobody_has_a_step_to_do(look):
    box = []
    with System() as system:
        system.always(lambda: not box)
        box.append("by the test")

        with pytest.raises(AssertionError, match="to hold always"):
            look(system)
        box.clear()


def test_an_invariant_about_the_time_is_looked_at_when_it_has_passed():
    with pytest.raises(AssertionError, match=r"to hold always doesn't: .*system.now\(\) < 5.0"), System() as system:
        system.always(lambda: system.now() < 5.0)
        system.advance(10.0)


@pytest.mark.parametrize("looked", [False, 0, [], ""])
def test_an_invariant_fails_by_whatever_is_false_but_none(looked):
    with pytest.raises(AssertionError, match="to hold always"), System() as system:
        system.always(lambda: looked)


@pytest.mark.parametrize("looked", [True, 1, ["something"], None])
def test_an_invariant_holds_by_whatever_is_true_and_by_none(looked):
    with System() as system:
        system.always(lambda: looked)
        Counter.start().ask(1)


def test_an_invariant_must_be_a_function():
    with System() as system, pytest.raises(TypeError, match="check must be a function"):
        system.always(5)


ACTS = {
    "ask": lambda system, ref: ref.ask(1),
    "ask and wait later": lambda system, ref: ref.ask(1, block=False),
    "tell": lambda system, ref: ref.tell(1),
    "stop": lambda system, ref: ref.stop(),
    "start": lambda system, ref: Counter.start(),
    "start_link": lambda system, ref: Counter.start_link(),
    "start one that was adopted": lambda system, ref: system.adopt(Legacy).start(),
    "probe": lambda system, ref: system.probe(),
    "send_after": lambda system, ref: send_after(ref, 1, 1.0),
    "sleep": lambda system, ref: time.sleep(1.0),
    "run_until_idle": lambda system, ref: system.run_until_idle(),
    "advance": lambda system, ref: system.advance(1.0),
    "run_until": lambda system, ref: system.run_until(lambda: True),
}


class Legacy(pykka.ThreadingActor):
    """A plain one."""


@pytest.mark.parametrize("wait", [lambda system, ref: ref.ask(1), lambda system, ref: system.run_until_idle()])
@pytest.mark.parametrize("make", [Counter.start, Counter.options(max_mailbox=9).start, None])
@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_a_check_that_acts_is_told_that_it_may_only_look(act, make, wait):
    with System() as system:
        ref = system.adopt(Legacy).start() if make is None else make()

        def everybody_answers():
            act(system, ref)

        system.always(everybody_answers)
        with pytest.raises(RuntimeError, match=r"everybody_answers, .* always\(\), .*; .* may only look"):
            wait(system, ref)

        assert ref.is_alive()
        # It is told of once.
        system.run_until_idle()


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_a_condition_that_acts_is_told_that_it_may_only_look_and_leaves_nothing_behind(act):
    with System() as system:
        counter = Counter.start()

        def it_answers():
            act(system, counter)

        with pytest.raises(RuntimeError, match=r"it_answers, .* run_until\(\), .*; .* may only look"):
            system.run_until(it_answers)

        assert counter.ask(0) == 0


def test_a_check_may_look_at_what_is_there():
    keys = Registry("keys")
    with System() as system:
        keys = start(keys)
        counter = Counter.start()

        def is_there():
            return counter.is_alive() and whereis("nobody") is None and keys.lookup("b") == [] and system.trace

        system.always(is_there)
        counter.ask(1)


def test_an_invariant_that_holds_changes_nothing():
    accounts = {"one": 50, "other": 50}
    looks = []
    with System() as system:
        system.always(lambda: looks.append(dict(accounts)))
        Transfer.start().ask(accounts)

    assert {"one": 40, "other": 50} in looks
    assert accounts == {"one": 40, "other": 60}


# What is told


def test_what_a_test_fails_with_tells_the_last_steps_the_actors_and_the_seed():
    with pytest.raises(AssertionError) as caught, System(seed=12):
        counter = Counter.start()
        assert counter.ask(1) == 2

    (story,) = caught.value.__notes__
    assert story == (
        "the last steps:\n"
        "      0.000  Counter-1#1          on_start\n"
        "      0.000  Counter-1#1          receive 1\n"
        "the actors:\n"
        "  Counter-1#1 (alive), holds {'count': 1}, 0 more in its mailbox\n"
        "again with: seed=12"
    )


def test_the_story_shows_what_a_gen_server_holds_and_whom_others_wait_for():
    class Server(GenServer):
        def init(self, argument):
            return Ok(argument)

        def handle_call(self, request, sender, state):
            return Reply(request, state)

    with System() as system:
        Server.start_link("the state")
        asker, sleeper = Asker.start(), Sleeper.start()
        asker.ask(("other", sleeper))
        asker.tell(100)
        system.run_until_idle()

        story = system.story()

    assert "Server-1#1 (alive), holds 'the state', 0 more in its mailbox" in story
    assert "Asker-1#1 (alive), handles 100, waits for Sleeper-1#1" in story


def test_the_trace_is_drawn_as_a_sequence_diagram():
    with System() as system:
        asker, counter = Asker.start(), Counter.start()
        asker.ask(("other", counter))
        asker.ask(5)
        asker.tell("a; b # c")
        system.expect_crash(TypeError, times=None)
        system.run_until_idle()

        lines = system.mermaid().splitlines()

    assert lines[:3] == ["sequenceDiagram", "    participant p1 as Asker-1", "    participant p2 as Counter-1"]
    assert "    p1->>p2: ask 5" in lines
    assert "    Note over p2: receive 5" in lines
    assert "    Note over p1: receive 'a#59; b #35; c'" in lines


# What can't be simulated


def test_a_thread_that_is_started_in_a_handler_is_refused_with_what_to_do_instead():
    class Threaded(Actor):
        def on_receive(self, message):
            threading.Thread(target=print).start()

    with System():
        threaded = Threaded.start()

        with pytest.raises(NotSimulated, match=r"the start of a thread can't be simulated, at .*; start an actor"):
            threaded.ask("go")
