"""What would block the one thread of a simulation is the simulation's own, or refused with what to do instead."""

from __future__ import annotations

import _thread
import asyncio
import queue
import sched
import sys
import threading
import time
from concurrent import futures
from concurrent.futures import Future
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace

import pykka
import pytest

from actors import Actor, Deadlock, Queue, Worker, checkpoint, now, sleep
from actors.testing import settle
from actors.testing._stand_ins import NotSimulated, SimulatedLock
from actors.testing.explore import explore
from actors.testing.system import System
from supervision.testing import start_supervised
from tests.support import Probe
from tests.testing import bound_before

MADE_BEFORE = threading.Lock()
REENTRANT = threading.RLock()


class Echo(Actor):
    def on_receive(self, message):
        return message


def test_sleeping_takes_virtual_time_for_actors_and_for_the_test():
    with System() as system:
        probe = Probe.start()

        assert probe.ask(lambda: time.sleep(3) or now()) == 3.0
        time.sleep(2)

        assert system.now() == 5.0


@pytest.mark.parametrize("runs_on", ["shared", "thread"])
def test_a_kill_ends_no_sleep_of_the_machine_s_as_it_ends_none_in_truth(runs_on):
    log = []

    def work():
        time.sleep(10)
        log.append(now())

    with System() as system:
        probe = Probe.options(runs_on=runs_on).start()
        probe.tell(work)
        system.advance(1)
        probe.kill()
        system.advance(4)
        assert not probe.is_alive()
        assert log == []

        system.advance(20)
        assert log == [10.0]


def test_an_event_that_was_made_here_is_waited_for_while_others_go_on():
    with System():
        opened = threading.Event()
        waiting, opening = Probe.start(), Probe.start()

        waited = waiting.ask(lambda: opened.wait() and now(), block=False)
        opening.tell(lambda: sleep(4.0) or opened.set())

        assert waited.get() == 4.0


def test_a_lock_that_was_made_here_lets_one_body_in_at_a_time():
    with System():
        lock = threading.Lock()

        def hold():
            with lock:
                began = now()
                sleep(1.0)
                return began, now()

        spans = sorted(answer.get() for answer in [Probe.start().ask(hold, block=False) for _ in range(3)])

    assert spans == [(0.0, 1.0), (1.0, 2.0), (2.0, 3.0)]


def test_a_reentrant_lock_lets_its_owner_in_again_and_nobody_else():
    with System():
        lock = threading.RLock()

        def hold():
            with lock, lock:
                began = now()
                sleep(1.0)
                return began

        assert sorted(answer.get() for answer in [Probe.start().ask(hold, block=False) for _ in range(2)]) == [0.0, 1.0]


@pytest.mark.parametrize("kind", ["Queue", "SimpleQueue"])
def test_a_queue_that_was_made_here_waits_by_virtual_time(kind):
    with System():
        items = getattr(queue, kind)()
        getting, putting = Probe.start(), Probe.start()

        got = getting.ask(lambda: (items.get(), now()), block=False)
        putting.tell(lambda: sleep(2.0) or items.put("item"))

        assert got.get() == ("item", 2.0)


def test_a_time_out_of_a_wait_is_virtual_too():
    with System():
        assert Probe.start().ask(lambda: (threading.Event().wait(60.0), now())) == (False, 60.0)


def _got(make):
    try:
        make().get(timeout=3)
    except queue.Empty:
        return "empty"


TIMED = {
    "Queue.get": lambda: _got(queue.Queue),
    "LifoQueue.get": lambda: _got(queue.LifoQueue),
    "SimpleQueue.get": lambda: _got(queue.SimpleQueue),
    "Condition.wait_for": lambda: _in(threading.Condition(), lambda condition: condition.wait_for(bool, timeout=3)),
    "Semaphore.acquire": lambda: threading.Semaphore(0).acquire(timeout=3),
    "Event.wait": lambda: threading.Event().wait(3),
    "concurrent.futures.wait": lambda: futures.wait([Future()], timeout=3),
}


def _in(condition, wait):
    with condition:
        return wait(condition)


@pytest.mark.parametrize("wait", TIMED.values(), ids=TIMED)
def test_all_time_outs_are_virtual(wait):
    with System() as system:
        Probe.start().ask(wait)

        assert system.now() == 3.0


@pytest.mark.parametrize(
    "wait",
    [
        lambda: pykka.ThreadingFuture().get(timeout=3),
        lambda: list(futures.as_completed([Future()], timeout=3)),
        lambda: wait_by_the_clock(threading.Condition(), 3),
    ],
    ids=["a future of Pykka's", "futures as they are completed", "what counts by the monotonic clock"],
)
def test_time_outs_that_are_counted_by_the_monotonic_clock_are_virtual(wait):
    def try_it():
        with suppress(TimeoutError, pykka.Timeout):
            wait()

    with System() as system:
        Probe.start().ask(try_it)

        assert system.now() == 3.0


def wait_by_the_clock(condition, seconds):
    deadline = time.monotonic() + seconds
    with condition:
        while (left := deadline - time.monotonic()) > 0:
            condition.wait(left)


def test_as_much_time_has_passed_by_the_clock_as_was_slept_however_many_look_at_it():
    def measured():
        begun = [time.monotonic() for _ in range(10)]
        sleep(1.0)
        return [time.monotonic() - moment for moment in begun]

    with System():
        for asleep in [Probe.start().ask(measured, block=False) for _ in range(200)]:
            assert asleep.get() == [1.0] * 10


def test_the_clock_never_goes_back_from_one_actor_to_another():
    with System():
        stamping, reading = Probe.start(), Probe.start()
        stamp = stamping.ask(lambda: [time.monotonic() for _ in range(5000)][-1])

        assert reading.ask(time.monotonic) >= stamp


def test_what_a_test_s_own_coroutines_read_from_the_clock_is_the_machine_s_as_is_what_they_sleep():
    async def test():
        before = time.monotonic()
        await asyncio.sleep(0)
        return before

    real = time.monotonic()
    with System():
        assert asyncio.run(test()) >= real


def test_the_test_polls_until_a_moment_of_the_clock_by_which_it_sleeps():
    with System() as system:
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            time.sleep(0.5)

        assert system.now() == 3.0


@dataclass
class Job:
    deadline: float = field(default_factory=lambda: time.monotonic() + 5)


def test_a_moment_that_the_test_reads_from_the_clock_is_one_for_its_actors():
    with System() as system:
        system.advance(100)
        job = Job()
        assert job.deadline == pytest.approx(105)

        left = Probe.start().ask(lambda: job.deadline - time.monotonic())

        assert left == pytest.approx(5)


def test_what_libraries_read_from_the_clock_in_the_test_is_the_machines():
    before = time.monotonic()
    with System(), closing(asyncio.new_event_loop()) as loop:
        assert loop.time() >= before
        due = []
        plan = sched.scheduler(time.monotonic)
        plan.enterabs(before, 1, due.append, ("of real time",))
        plan.run(blocking=False)
        assert due == ["of real time"]


def test_a_barrier_that_is_not_passed_in_time_is_broken_then():
    with System() as system:
        assert isinstance(Probe.start().ask(lambda: _broken(threading.Barrier(2))), threading.BrokenBarrierError)

        assert system.now() == 3.0


def _broken(barrier):
    try:
        barrier.wait(timeout=3)
    except threading.BrokenBarrierError as broken:
        return broken


@pytest.mark.parametrize(
    ("make", "get", "answer"),
    [
        (pykka.ThreadingFuture, pykka.ThreadingFuture.get, pykka.ThreadingFuture.set),
        (Future, Future.result, Future.set_result),
    ],
    ids=["of Pykka", "of concurrent"],
)
def test_a_future_that_an_actor_made_is_waited_for_while_others_go_on(make, get, answer):
    def ask_another():
        future = make()
        Probe.start().tell(lambda: sleep(1.0) or answer(future, 7))
        return get(future, timeout=3), now()

    with System():
        assert Probe.start().ask(ask_another) == (7, 1.0)


def test_a_wait_for_what_nobody_will_set_is_a_deadlock_at_once():
    with System(), pytest.raises(Deadlock, match="the test waits for what can never come"):
        Probe.start().ask(threading.Event().wait)


class Holder(Actor):
    """Asks another while it holds a lock that the simulation doesn't know."""

    def __init__(self, lock, echo):
        self.lock, self.echo = lock, echo

    def on_receive(self, _message):
        with self.lock:
            return self.echo.ask("hello")


@pytest.mark.parametrize("lock", [MADE_BEFORE, REENTRANT], ids=["Lock", "RLock"])
def test_a_lock_from_before_may_not_be_held_while_others_go_on(lock):
    with pytest.raises(NotSimulated, match="held across a switch point") as refused, System():
        Holder.start(lock, Echo.start()).ask("go")

    assert __file__ in refused.value.where
    assert "inside of the simulation" in refused.value.instead
    # Its code was unwound, and has let go.
    assert lock.acquire(blocking=False)
    lock.release()


class Passing(Actor):
    """Lets others pass while it holds a lock of this module."""

    def on_receive(self, message):
        with MADE_BEFORE:
            checkpoint()


@pytest.mark.timeout(20)
def test_a_lock_from_before_stops_nobody_when_the_test_has_failed():
    with pytest.raises(NotSimulated, match="MADE_BEFORE"), System(seed=1) as system:
        for passing in [Passing.start() for _ in range(5)]:
            passing.tell("go")
        system.run_until_idle()

    assert not MADE_BEFORE.locked()


class Told(Actor):
    """Gets a lock by a message, and lets others pass while it holds it."""

    def on_receive(self, message):
        message(checkpoint)


def _local(lock, do):
    with lock:
        do()


def _in_a_dict(lock, do):
    at_hand = {"lock": lock}
    with at_hand["lock"]:
        do()


def _in_an_attribute(lock, do):
    at_hand = SimpleNamespace(lock=lock)
    with at_hand.lock:
        do()


def _acquired(lock, do):
    lock.acquire()
    try:
        do()
    finally:
        lock.release()


class Shop:
    """What an actor has, and somebody else has made; with a lock of its own."""

    def __init__(self, lock):
        self.lock = lock


class Slotted:
    """The same, without a dictionary."""

    __slots__ = ("lock",)

    def __init__(self, lock):
        self.lock = lock


def _further_away(lock, do):
    at_hand = SimpleNamespace(shop=Shop(lock))
    with at_hand.shop.lock:
        do()


def _in_a_slot(lock, do):
    at_hand = SimpleNamespace(shop=Slotted(lock))
    with at_hand.shop.lock:
        do()


def _of_a_class(lock, do):
    kind = type("Kind", (), {"lock": lock})
    at_hand = SimpleNamespace(shop=kind())
    with at_hand.shop.lock:
        do()


def _acquired_further_away(lock, do):
    at_hand = SimpleNamespace(shop=Shop(lock))
    at_hand.shop.lock.acquire()
    try:
        do()
    finally:
        at_hand.shop.lock.release()


def _after_another(lock, do):
    at_hand = SimpleNamespace(shop=Shop(lock))
    with nullcontext() as _nothing, at_hand.shop.lock:
        do()


def _in_another_module(lock, do):
    bound_before.SHOP = Shop(lock)
    with bound_before.SHOP.lock:
        do()


BY_NAME = [_further_away, _after_another, _in_a_slot, _of_a_class, _in_another_module]


@pytest.mark.parametrize(
    ("kind", "hold"),
    [
        *[(kind, hold) for kind in (threading.Lock, threading.RLock, threading.Condition) for hold in BY_NAME],
        *[(kind, _acquired_further_away) for kind in (threading.RLock, threading.Condition)],
    ],
)
def test_a_lock_from_before_that_is_held_by_its_name_may_not_let_others_in(kind, hold):
    lock = kind()

    with pytest.raises(NotSimulated, match="lock, held across a switch point"), System(seed=1) as system:
        for told in [Told.start() for _ in range(3)]:
            told.tell(lambda do: hold(lock, do))
        system.run_until_idle()


class LockKeeper:
    """Has a lock from before, and gives it away in all the ways that there are."""

    def __init__(self, lock):
        self.own = lock
        self._locks = {"mine": lock}
        self._guard = LockGuard(lock)

    def lock_of(self, user):
        return self._locks[user]

    @property
    def lock(self):
        return self._locks["mine"]

    @contextmanager
    def locked(self, *_users, **_how):
        with self.lock_of("mine"):
            yield

    @property
    def guard(self):
        return self._guard


class LockGuard:
    """A context manager that has a lock."""

    def __init__(self, lock):
        self._lock = lock

    def __enter__(self):
        self._lock.acquire()

    def __exit__(self, *_exc_info):
        self._lock.release()


def _by_a_call(shop, do):
    with shop.keeper.lock_of("mine"):
        do()


def _by_a_property(shop, do):
    with shop.keeper.lock:
        do()


def _by_a_context_manager(shop, do):
    with shop.keeper.locked("user", by=do):
        do()


def _by_an_object(shop, do):
    with shop.keeper._guard:
        do()


def _by_one_of_another_module(shop, do):
    bound_before.SHOP = shop.keeper
    with nullcontext() as _nothing, bound_before.SHOP.locked(do, by=[shop, do]):
        do()


def _by_a_function(shop, do):
    @contextmanager
    def locked():
        with shop.keeper.lock:
            yield

    with locked():
        do()


def _by_a_class(shop, do):
    bound_before.SHOP = Shop(shop.keeper.lock)
    with bound_before.Shut():
        do()


class Guard:
    """A context manager whose lock is that of what it is given."""

    def __init__(self, *_users, of):
        self._keeper = of

    def __enter__(self):
        self._keeper.own.acquire()

    def __exit__(self, *_exc_info):
        self._keeper.own.release()


@contextmanager
def _locked(_user, keeper):
    with keeper.own:
        yield


def _by_what_a_class_is_given(shop, do):
    with Guard(shop, "user", of=shop.keeper):
        do()


def _by_what_a_function_is_given(shop, do):
    with _locked(len("user"), shop.keeper):
        do()


def _by_what_is_given_of_another_module(shop, do):
    bound_before.SHOP = shop.keeper
    with nullcontext() as _nothing, _locked("user", bound_before.SHOP):
        do()


BY_A_HELPER = [
    _by_what_a_class_is_given,
    _by_what_a_function_is_given,
    _by_what_is_given_of_another_module,
    _by_a_call,
    _by_a_property,
    _by_a_context_manager,
    _by_an_object,
    _by_one_of_another_module,
    _by_a_function,
    _by_a_class,
]


@pytest.mark.parametrize("kind", [threading.RLock, threading.Condition])
@pytest.mark.parametrize("hold", BY_A_HELPER)
def test_a_reentrant_lock_from_before_that_is_held_by_a_helper_may_not_let_others_in(kind, hold):
    shop = SimpleNamespace(keeper=LockKeeper(kind()))

    with pytest.raises(NotSimulated, match=r"the lock \w+.*, held across a switch point"), System(seed=1) as system:
        for told in [Told.start() for _ in range(3)]:
            told.tell(lambda do: hold(shop, do))
        system.run_until_idle()


def hold_in_another_module():
    with bound_before.SHOP.lock:
        checkpoint()


class HoldsAtItsStart(Actor):
    def on_start(self):
        hold_in_another_module()


class HoldsAtItsEnd(Actor):
    def on_stop(self):
        hold_in_another_module()


class HoldsAtWork(Worker):
    def handle_events(self, _events):
        hold_in_another_module()


@pytest.mark.parametrize("kind", [HoldsAtItsStart, HoldsAtItsEnd, HoldsAtWork])
def test_a_lock_from_before_may_not_let_others_in_wherever_an_actor_holds_it(kind):
    bound_before.SHOP = Shop(threading.RLock())

    with pytest.raises(NotSimulated, match=r"bound_before.SHOP.lock, held across"), System() as system:
        jobs = Queue("jobs")
        start_supervised(jobs)
        jobs.put("job")
        for other in [Told.start() for _ in range(3)]:
            other.tell(lambda do: [do() for _ in range(10)])
        start_supervised((kind, jobs) if kind is HoldsAtWork else kind).stop(block=False)
        system.run_until_idle()


@pytest.mark.parametrize("holds", [_by_a_call, _by_a_context_manager, _by_what_a_class_is_given])
def test_a_lock_from_before_is_found_in_one_of_a_class_though_another_has_none(holds):
    before = SimpleNamespace(keeper=LockKeeper(threading.RLock()))
    shops = []

    with pytest.raises(NotSimulated, match=r"the lock \w+.*, held across a switch point"), System(seed=1) as system:
        for shop in [SimpleNamespace(keeper=LockKeeper(threading.RLock())), before]:
            shops.append(shop)
            for told in [Told.start() for _ in range(3)]:
                told.tell(lambda do, shop=shop: holds(shop, do))
            system.run_until_idle()

    assert shops[-1] is before


@pytest.mark.parametrize("hold", BY_A_HELPER)
def test_a_lock_of_the_simulations_own_may_be_held_by_a_helper(hold):
    with System(seed=1) as system:
        shop = SimpleNamespace(keeper=LockKeeper(threading.RLock()))
        for told in [Told.start() for _ in range(3)]:
            told.tell(lambda do: hold(shop, do))
        system.run_until_idle()


@pytest.mark.parametrize("before", [False, True], ids=["that another has", "that it held before"])
def test_a_lock_is_left_alone_that_the_code_does_not_hold(before):
    at_hand = SimpleNamespace(shop=Shop(threading.Lock()))
    lock = at_hand.shop.lock

    def hold_and_try(do):
        with at_hand.shop.lock:
            pass
        lock.acquire()
        do()
        lock.release()

    def try_it(do):
        if at_hand.shop.lock.acquire(blocking=False):
            at_hand.shop.lock.release()
        do()

    with System(seed=1) as system:
        if not before:
            lock.acquire()
        Told.start().tell(hold_and_try if before else try_it)
        for told in [Told.start() for _ in range(3)]:
            told.tell(lambda do: do())
        system.run_until_idle()


def test_a_lock_is_held_in_a_block_within_its_own():
    at_hand = SimpleNamespace(shop=Shop(threading.Lock()))

    def within(do):
        with at_hand.shop.lock:
            try:
                with nullcontext():
                    do()
            finally:
                pass

    with pytest.raises(NotSimulated, match=r"at_hand.shop.lock"), System(seed=1) as system:
        for told in [Told.start() for _ in range(3)]:
            told.tell(within)
        system.run_until_idle()


@pytest.mark.parametrize("name", ["actors_of_a_shop", "random_walk", "queue_shop", "logging_setup.locks"])
def test_a_module_is_a_users_though_its_name_begins_like_another(name):
    module = {"__name__": name, "threading": threading}
    exec("def hold(lock, do):\n    with lock: do()\n\ndef make(): return threading.Lock()", module)
    lock = threading.RLock()

    with pytest.raises(NotSimulated, match="the lock lock, held"), System(seed=1):
        assert isinstance(Probe.start().ask(module["make"]), SimulatedLock)
        for told in [Told.start() for _ in range(8)]:
            told.tell(lambda do: module["hold"](lock, do))
        settle()


def test_no_code_of_others_is_called_to_look_for_a_lock():
    class Shop:
        @property
        def lock(self):
            raise AssertionError("called")

    def enter_none(do):
        at_hand = SimpleNamespace(shop=Shop())
        do()
        if not at_hand:
            with at_hand.shop.lock:
                pass

    with System(seed=1) as system:
        for told in [Told.start() for _ in range(3)]:
            told.tell(enter_none)
        system.run_until_idle()


class Unbound:
    """Raises when anybody looks at it, as what stands for a request does where there is none."""

    def _look(self):
        raise RuntimeError("there is none now")

    __class__ = __dict__ = property(_look)


def _empty_slot():
    return Slotted.__new__(Slotted)


def _its_class():
    return Slotted


async def _task():
    return asyncio.create_task(asyncio.sleep(0))


@pytest.mark.parametrize("make", [Unbound, _empty_slot, _its_class, _task], ids=lambda make: make.__name__)
def test_a_variable_that_keeps_no_lock_is_looked_at_whatever_it_is(make):
    class Having(Actor):
        async def on_receive(self, want):
            shop = make() if make is not _task else await make()
            checkpoint()
            if want:
                with shop.lock:
                    pass
            return now()

    with System(seed=1):
        answers = [Having.start().ask(None, block=False) for _ in range(3)]

        assert [answer.get() for answer in answers] == [0.0] * 3


@pytest.mark.parametrize("hold", [_local, _in_a_dict, _in_an_attribute, _acquired])
@pytest.mark.parametrize("kind", [threading.RLock, threading.Condition], ids=["RLock", "Condition"])
def test_a_reentrant_lock_from_before_that_a_message_brings_may_not_let_others_in(kind, hold):
    lock = kind()
    with pytest.raises(NotSimulated, match=r"the lock \w+.*, held across a switch point") as refused, System(seed=1):
        for told in [Told.start() for _ in range(2)]:
            told.ask(lambda do: hold(lock, do))

    assert __file__ in refused.value.where


def test_a_reentrant_lock_from_before_that_is_let_go_in_time_is_left_alone():
    lock = threading.RLock()
    with System():

        def add(do):
            with lock:
                pass
            do()

        Told.start().ask(add)


@pytest.mark.timeout(20)
def test_a_test_may_go_on_after_a_lock_was_refused():
    with System(seed=1) as system:
        passing = [Passing.start() for _ in range(2)]
        for one in passing:
            one.tell("go")
        with pytest.raises(NotSimulated, match="MADE_BEFORE"):
            system.run_until_idle()
        system.run_until_idle()

        assert [one.is_alive() for one in passing].count(True) == 1


class Keeper(Actor):
    def on_receive(self, _message):
        MADE_BEFORE.acquire()


def test_a_lock_from_before_may_not_be_kept_when_a_handler_is_done():
    with pytest.raises(NotSimulated, match="held across a switch point"), System():
        Keeper.start().ask("keep it")

    MADE_BEFORE.release()


def test_a_lock_from_before_may_be_held_between_two_switch_points():
    with System():

        def hold():
            with MADE_BEFORE:
                return "held"

        assert Probe.start().ask(hold) == "held"


@pytest.mark.parametrize(
    ("do", "what"),
    [
        (lambda: threading.Thread(target=print).start(), "the start of a thread"),
        (lambda: _thread.start_new_thread(print, ()), "the start of a thread"),
        (lambda: asyncio.run(nothing()), r"asyncio.run\(\)"),
        (lambda: run_in_a_loop(nothing()), "an event loop of its own"),
    ],
)
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
def test_what_can_not_be_simulated_says_so_and_what_to_do(do, what):
    with pytest.raises(NotSimulated, match=what) as refused, System():
        Probe.start().ask(do)

    assert __file__ in refused.value.where


async def nothing():
    pass


def run_in_a_loop(coroutine):
    with closing(asyncio.new_event_loop()) as loop:
        loop.run_until_complete(coroutine)


def test_the_test_itself_may_start_threads():
    done = []

    with System():
        thread = threading.Thread(target=done.append, args=("done",))
        thread.start()
        thread.join()

    assert done == ["done"]


def test_what_a_module_has_bound_before_is_the_simulation_s_too():
    real = bound_before.sleep, bound_before.Lock

    with System():
        assert bound_before.Sleeper.start().ask(3.0) == 3.0
        lock, reentrant, items = bound_before.Maker.start().ask("make")

        assert type(lock) is type(reentrant) is SimulatedLock
        assert isinstance(items, queue._PySimpleQueue)

    assert (bound_before.sleep, bound_before.Lock) == real


@pytest.mark.parametrize(
    "naps",
    [
        bound_before.naps_in_a_system_of_its_own,
        bound_before.naps_in_a_system_that_is_entered_for_it,
        lambda: explore(bound_before.naps, schedules=1),
        lambda: bound_before.Napping("test_it").debug(),
    ],
    ids=["by whoever enters it", "by a stack of contexts", "in a scenario", "in a test case"],
)
def test_what_the_test_s_own_module_has_bound_before_is_so_before_any_actor_runs(naps):
    naps()


def test_what_a_module_has_bound_before_is_so_in_the_next_simulation_too_when_others_are_imported(monkeypatch):
    with System():
        Probe.start()
        monkeypatch.setitem(sys.modules, "another_module", ModuleType("another_module"))
        Probe.start().ask(now)

    with System() as system:
        bound_before.naps(system)


def test_all_is_as_before_when_the_simulation_has_ended():
    before = (time.sleep, threading.Lock, threading.RLock, threading.Thread.start, asyncio.run, queue.SimpleQueue)

    with System():
        assert time.sleep is not before[0]

    assert (
        time.sleep,
        threading.Lock,
        threading.RLock,
        threading.Thread.start,
        asyncio.run,
        queue.SimpleQueue,
    ) == before


# What was made in a simulation, and is used when it is over


class Making(Actor):
    """Makes something when it is first wanted, as a module does that is imported late."""

    def on_receive(self, make):
        return make()


def made_by_an_actor(make):
    with System():
        return Making.start().ask(make)


def in_a_thread(do):
    """Begin to do something; call what is returned for what came of it."""
    outcome = Future()
    threading.Thread(target=lambda: outcome.set_result(do()), daemon=True).start()
    return lambda: outcome.result(timeout=10)


@pytest.mark.parametrize("kind", ["Lock", "RLock"])
def test_a_lock_keeps_real_threads_out_after_its_simulation(kind):
    def make():
        return getattr(threading, kind)()

    lock = made_by_an_actor(make)

    with lock:
        assert in_a_thread(lambda: lock.acquire(blocking=False))() is False
        waits = in_a_thread(lock.acquire)
    assert waits() is True


def test_a_lock_that_a_simulation_has_left_held_is_held():
    with System():
        lock = threading.Lock()
        lock.acquire()

    assert not lock.acquire(blocking=False)
    lock.release()
    assert lock.acquire(blocking=False)


def test_events_and_queues_wake_real_threads_after_their_simulation():
    opened, items, at_hand = made_by_an_actor(lambda: (threading.Event(), queue.Queue(), queue.SimpleQueue()))
    waits = [in_a_thread(opened.wait), in_a_thread(items.get), in_a_thread(at_hand.get)]

    opened.set()
    items.put("item")
    at_hand.put("other")

    assert [wait() for wait in waits] == [True, "item", "other"]


def test_a_lock_of_one_simulation_lets_one_body_in_at_a_time_in_the_next():
    def make():
        return threading.RLock()

    lock = made_by_an_actor(make)

    def hold():
        with lock:
            began = now()
            sleep(1.0)
            return began

    with System():
        assert sorted(answer.get() for answer in [Probe.start().ask(hold, block=False) for _ in range(2)]) == [0.0, 1.0]


def test_names_that_were_bound_in_one_simulation_are_of_use_in_the_next_and_after():
    make, wait = made_by_an_actor(lambda: (threading.Lock, time.sleep))

    with System() as system:
        wait(3.0)
        assert system.now() == 3.0
        assert isinstance(make(), SimulatedLock)
    wait(0)
    assert not isinstance(make(), SimulatedLock)


# Arguments that the real ones refuse

REFUSED = {
    "a negative time": (lambda: time.sleep(-1), ValueError),
    "no number": (lambda: time.sleep(float("nan")), ValueError),
    "an endless time": (lambda: time.sleep(float("inf")), OverflowError),
    "no time": (lambda: time.sleep("a while"), TypeError),
    "a time without a wait": (lambda: threading.Lock().acquire(False, 1), ValueError),
    "the same, reentrant": (lambda: threading.RLock().acquire(blocking=False, timeout=1), ValueError),
    "a negative time for a lock": (lambda: threading.Lock().acquire(timeout=-2), ValueError),
    "too long a time for a lock": (lambda: threading.Lock().acquire(timeout=1e12), OverflowError),
    "no time for a lock": (lambda: threading.Lock().acquire(timeout=None), TypeError),
}


@pytest.mark.parametrize(("call", "error"), REFUSED.values(), ids=REFUSED)
def test_what_the_real_ones_refuse_is_refused(call, error):
    with pytest.raises(error) as real:
        call()

    with System():
        with pytest.raises(error) as by_the_test:
            call()
        with pytest.raises(error) as by_an_actor:
            Probe.start().ask(call)

    assert str(real.value) == str(by_the_test.value) == str(by_an_actor.value)


# Other threads


@pytest.mark.parametrize(
    "wait",
    [
        lambda _system, echo: echo.ask(1),
        lambda _system, echo: echo.ask(1, block=False).get(timeout=5.0),
        lambda system, _echo: system.run_until_idle(),
        lambda system, _echo: system.advance(1.0),
    ],
)
def test_a_thread_of_its_own_is_refused_when_it_would_have_the_actors_run(wait):
    raised = []

    with System() as system:
        echo = Echo.start()
        assert echo.ask(0) == 0

        def run():
            try:
                wait(system, echo)
            except BaseException as error:
                raised.append(error)

        thread = threading.Thread(target=run, name="visitor")
        thread.start()
        thread.join()

        assert echo.ask(2) == 2

    (error,) = raised
    assert isinstance(error, NotSimulated)
    assert error.what == "a wait for simulated actors, by the thread 'visitor',"
    assert error.where.startswith(__file__)
    assert "the thread of the test" in error.instead
