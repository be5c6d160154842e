"""Actors that share threads: fair turns, waits that cost no thread, handlers that block and hold nobody up."""

from __future__ import annotations

import contextvars
import gc
import logging
import threading
import weakref

import pytest
from greenlet._greenlet import get_clocks_used_doing_optional_cleanup

from actors import Actor, ActorDied, Crashed, Killed, Runtime, StartFailed, _scheduler, _watchdog, exit, trace, whereis
from actors._future import Future
from actors._life import TURN
from actors._process import Process
from actors._scheduler import Carrier, Kind, Pool
from actors._watchdog import Watchdog
from actors.testing import settle
from tests.support import CAP, Gate, Probe, ended, received


class Shared(Probe):
    """A probe on a thread that it shares with others."""

    runs_on = "shared"


class Owner(Probe):
    """A probe that may block: nobody shares its thread."""

    runs_on = "thread"


class Blocker(Shared):
    """A probe that blocks the thread that it shares."""

    def on_receive(self, message):
        if isinstance(message, Gate):
            message.pass_through()
            return None
        return super().on_receive(message)


@pytest.fixture
def runs_on():
    """Every class here says where it runs."""
    return "shared"


@pytest.fixture
def hasty_watchdog(monkeypatch):
    """Have the watchdog look often, and what isn't needed go away soon."""
    monkeypatch.setattr(_watchdog, "WATCH_SECONDS", 0.001)
    monkeypatch.setattr(_scheduler, "LINGER_SECONDS", 0.001)


def thread_name():
    return threading.current_thread().name


def block(blocker, beside):
    """Have an actor block its thread until another has been served all the same."""
    gate = Gate()
    blocked = blocker.ask(gate, block=False)
    gate.await_arrival()
    assert beside.ask(lambda: "served") == "served"
    gate.open()
    blocked.get(timeout=CAP)


# Turns


def test_one_flooded_actor_does_not_starve_the_others():
    log = []

    class Logging(Actor):
        runs_on = "shared"

        def on_receive(self, message):
            log.append(message)

    flooded, other = Logging.start(), Logging.start()

    def flood():
        for _ in range(10 * TURN):
            flooded.tell("flood")
        other.tell("other")

    Shared.start().ask(flood)
    flooded.stop()

    assert log.index("other") == TURN
    assert log.count("flood") == 10 * TURN


def test_those_who_wait_and_those_who_come_have_their_turns_alternately():
    """An endless exchange of asks doesn't keep a third from being served, nor an endless flood the exchange."""
    served = threading.Event()

    class Endless(Shared):
        def on_receive(self, message):
            if message == "go on" and not served.is_set():
                self.actor_ref.tell("go on")
            return super().on_receive(message)

    Endless.start().tell("go on")
    asker, answerer = Shared.start(), Shared.start()

    def exchange():
        return sum(answerer.ask(lambda: 1) for _ in range(100))

    assert asker.ask(exchange, timeout=CAP) == 100
    served.set()


def test_a_thousand_actors_wait_on_one_thread():
    gate = Gate()
    slow = Owner.start()
    slow.tell(gate.pass_through)
    gate.await_arrival()
    actors = [Shared.start() for _ in range(3_000)]

    answers = [actor.ask(lambda: (slow.ask(lambda: "at last"), thread_name()), block=False) for actor in actors]

    # Served after all of them have begun to wait, since it was told last.
    here = Shared.start().ask(thread_name)
    gate.open()
    assert {answer.get(timeout=CAP) for answer in answers} == {("at last", here)}


def test_an_actor_runs_on_one_carrier_at_a_time_and_its_mail_stays_in_order(hasty_threads):
    """Three carriers, many receivers, senders inside and outside of actors."""

    class Receiver(Actor):
        runs_on = "shared"
        use_daemon_thread = True

        def __init__(self):
            self.seen, self.inside, self.clashes = {}, None, 0

        def on_receive(self, message):
            self.clashes += self.inside is not None
            self.inside = message
            if message is None:
                self.inside = None
                return self.seen, self.clashes
            sender, number = message
            self.seen.setdefault(sender, []).append(number)
            self.clashes += self.inside is not message
            self.inside = None
            return number

    def send(sender):
        for number in range(200):
            for receiver in receivers:
                if number % 10:
                    receiver.tell((sender, number))
                else:
                    assert receiver.ask((sender, number)) == number

    with Runtime(carriers=3) as runtime:
        receivers = [Receiver.start() for _ in range(5)]
        inside = [Shared.start().ask(lambda sender=sender: send(sender), block=False) for sender in range(4)]
        threads = [threading.Thread(target=send, args=(sender,)) for sender in range(4, 7)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(CAP)
        for answer in inside:
            answer.get(timeout=CAP)

        for receiver in receivers:
            assert receiver.ask(None) == ({sender: list(range(200)) for sender in range(7)}, 0)
        assert len(runtime.scheduler.light.carriers) > 1


def test_what_an_actor_has_set_of_context_variables_is_not_left_to_others_when_it_ends():
    user = contextvars.ContextVar("user", default="nobody")
    other = Shared.start()
    ending = Shared.start()

    def set_and_end():
        user.set("ada")
        exit("done")

    ending.tell(set_and_end)

    assert ended(ending).exit_reason == "done"
    assert other.ask(user.get) == "nobody"


def test_a_class_is_forgotten_with_the_last_of_its_actors():
    class Passing(Shared):
        pass

    ref = Passing.start()
    ref.ask(lambda: "up")
    ref.stop()
    # It makes sure that nobody is at work on its end any more.
    Shared.start().ask(lambda: "served")

    forgotten = weakref.ref(Passing)
    del Passing, ref
    gc.collect()

    assert forgotten() is None


# Handlers that block


def test_who_blocks_holds_nobody_up_and_is_named_once_with_file_and_line(caplog, hasty_watchdog):
    blocker, other = Blocker.start(), Shared.start()

    for _ in range(2):
        block(blocker, beside=other)

    (record,) = caplog.records
    assert (record.name, record.levelname) == ("pykka_otp.scheduler", "WARNING")
    assert record.getMessage().startswith("Blocker blocks the thread that it shares with others, at ")
    file, line = record.where.rsplit(":", 1)
    assert file.endswith("support.py")
    assert int(line) > 0
    assert "runs_on = 'thread'" in record.getMessage()


@pytest.fixture
def move(monkeypatch, hasty_watchdog):
    """A function that has a class block so often that it is moved to the blocking carriers."""
    moved = threading.Event()
    move = Kind.move

    def note(kind, pool):
        move(kind, pool)
        if pool.for_blockers:
            moved.set()

    def block_again_and_again(blocker):
        other = Shared.start()
        # Nobody has to be relieved while a spare carrier of the time before is still there.
        for _ in range(10 * _watchdog.MOVED_AFTER):
            if moved.is_set():
                break
            block(blocker, beside=other)
        assert moved.wait(CAP)

    monkeypatch.setattr(Kind, "move", note)
    return block_again_and_again


def test_who_blocks_is_named_with_the_line_of_an_application_installed_below_the_standard_library(monkeypatch):
    monkeypatch.setattr(_watchdog, "_STANDARD", "/usr/lib/python3")
    monkeypatch.setattr(_watchdog, "_INSTALLED", ("/usr/lib/python3/site-packages",))
    reached, free = threading.Event(), threading.Lock()
    free.acquire()
    names = {"reached": reached, "free": free}
    for file, line in (
        ("/usr/lib/python3/socket.py", "def read(): reached.set(); free.acquire()"),
        ("/usr/lib/python3/site-packages/app.py", "def handle(): read()"),
        ("/usr/lib/python3/threading.py", "def run(): handle()"),
    ):
        exec(compile(line, file, "exec"), names)
    thread = threading.Thread(target=names["run"])
    thread.start()
    assert reached.wait(CAP)

    where = _watchdog._where(thread.ident)

    free.release()
    thread.join(CAP)
    assert where == "/usr/lib/python3/site-packages/app.py:1"


def test_a_class_that_blocks_again_and_again_moves_to_threads_for_those(move):
    blocker, other = Blocker.start(), Shared.start()
    assert blocker.ask(thread_name).startswith("actors-")

    move(blocker)

    assert blocker.ask(thread_name).startswith("actors-blocking-")
    assert not other.ask(thread_name).startswith("actors-blocking-")
    assert Blocker.start().ask(thread_name).startswith("actors-blocking-")


def test_a_class_that_was_quick_for_long_enough_moves_back(monkeypatch, move):
    blocker = Blocker.start()
    move(blocker)
    assert blocker.ask(thread_name).startswith("actors-blocking-")

    monkeypatch.setattr(_scheduler, "QUICK_SECONDS", CAP)
    monkeypatch.setattr(_scheduler, "QUIET_SECONDS", 0.0)
    blocker.ask(lambda: "quick")
    blocker.ask(lambda: "and on its way")

    assert not blocker.ask(thread_name).startswith("actors-blocking-")


@pytest.fixture
def seconds(monkeypatch):
    """The time by which the carriers measure how long an actor holds their thread: a list of one number."""
    seconds = [1000.0]
    for module in (_scheduler, _watchdog):
        monkeypatch.setattr(module, "real_now", lambda: seconds[0])
    return seconds


def test_to_wait_for_an_answer_is_quick(seconds, move):
    blocker, answer = Blocker.start(), Future()
    move(blocker)

    waited = blocker.ask(answer.get, block=False)
    settle()
    seconds[0] += _scheduler.QUIET_SECONDS + 1
    answer.set("at last")

    assert waited.get(timeout=CAP) == "at last"
    assert not blocker.ask(thread_name).startswith("actors-blocking-")


def test_who_blocks_before_it_waits_for_an_answer_is_not_quick(seconds, move):
    blocker, answer = Blocker.start(), Future()
    move(blocker)

    def block_and_wait():
        seconds[0] += _scheduler.QUIET_SECONDS + 1
        return answer.get()

    waited = blocker.ask(block_and_wait, block=False)
    settle()
    answer.set("at last")

    assert waited.get(timeout=CAP) == "at last"
    assert blocker.ask(thread_name).startswith("actors-blocking-")


def test_a_class_one_of_whose_actors_still_blocks_is_not_quick(monkeypatch, seconds, move):
    looked = threading.Semaphore(0)
    look = Watchdog._look

    def note(watchdog):
        busy = look(watchdog)
        looked.release()
        return busy

    monkeypatch.setattr(Watchdog, "_look", note)
    blocker, quick, gate = Blocker.start(), Blocker.start(), Gate()
    move(quick)
    blocked = blocker.ask(gate, block=False)
    gate.await_arrival()

    for _ in range(4):
        seconds[0] += 0.4 * _scheduler.QUIET_SECONDS
        # The second of two has begun after the time has passed.
        while looked.acquire(blocking=False):
            pass
        assert looked.acquire(timeout=CAP)
        assert looked.acquire(timeout=CAP)
        quick.ask(lambda: "quick")

    assert quick.ask(thread_name).startswith("actors-blocking-")
    gate.open()
    blocked.get(timeout=CAP)


def test_a_class_that_has_moved_back_and_blocks_again_is_not_named_again(caplog, runtime, move):
    blocker, other = Blocker.start(), Shared.start()
    move(blocker)
    runtime.scheduler.watchdog.move_back(blocker._process.home)

    block(blocker, beside=other)

    assert len(caplog.records) == 1


def test_blockers_wait_for_each_other_and_nobody_waits_for_them(monkeypatch, move):
    monkeypatch.setattr(_scheduler, "BLOCKING_CARRIERS", 2)
    inside, most = [], []

    class Counted(Blocker):
        def on_receive(self, message):
            inside.append(message)
            most.append(len(inside))
            answer = super().on_receive(message)
            inside.remove(message)
            return answer

    with Runtime():
        other = Shared.start()
        move(Counted.start())
        most.clear()
        gates = [Gate() for _ in range(6)]
        answers = [Counted.start().ask(gate, block=False) for gate in gates]
        for gate in gates[:2]:
            gate.await_arrival()

        assert other.ask(lambda: "served") == "served"

        for gate in gates:
            gate.open()
        for answer in answers:
            answer.get(timeout=CAP)
        assert max(most) == 2


def test_the_thread_of_one_that_blocked_goes_away_again(runtime, hasty_watchdog):
    blocker, other = Blocker.start(), Shared.start()
    other.ask(lambda: "up")
    (stuck,) = runtime.scheduler.light.carriers

    block(blocker, beside=other)

    stuck.thread.join(CAP)
    assert not stuck.thread.is_alive()
    assert len(runtime.scheduler.light.carriers) == 1
    assert blocker.ask(thread_name) == other.ask(thread_name)


class Noticing(list):
    """A list that calls `notice` each time that it has changed."""

    def __init__(self, items, notice):
        super().__init__(items)
        self._notice = notice

    def insert(self, index, item):
        super().insert(index, item)
        self._notice()

    def remove(self, item):
        super().remove(item)
        self._notice()


def test_who_comes_at_any_moment_of_a_carriers_leaving_finds_one_to_wake(runtime):
    """The first half of `schedule()` as another thread would run it, amid the steps of `retire()`."""
    pool = Pool(runtime.scheduler.watchdog, "actors-leaving", 1, for_blockers=True)
    (carrier,) = pool.sleepers
    found = []
    pool.sleepers = Noticing(pool.sleepers, lambda: found.append(bool(pool.sleepers)))

    assert pool.retire(carrier)

    assert found
    assert all(found)
    assert carrier not in pool.sleepers
    assert not carrier.asleep


def test_who_waits_on_a_thread_that_is_blocked_goes_on_there_when_it_is_free(hasty_watchdog):
    slow_gate, gate = Gate(), Gate()
    slow = Owner.start()
    slow.tell(slow_gate.pass_through)
    slow_gate.await_arrival()
    waiting, blocker, other = Shared.start(), Blocker.start(), Shared.start()

    waited = waiting.ask(lambda: (thread_name(), slow.ask(lambda: "answer"), thread_name()), block=False)
    blocked = blocker.ask(gate, block=False)
    gate.await_arrival()
    assert other.ask(lambda: "served") == "served"
    slow_gate.open()
    gate.open()

    before, answer, after = waited.get(timeout=CAP)
    assert (answer, before) == ("answer", after)
    blocked.get(timeout=CAP)


# What goes wrong


ANY_ERROR = pytest.mark.parametrize("error", [RuntimeError("injected"), KeyboardInterrupt(), SystemExit(3)], ids=repr)


@ANY_ERROR
def test_an_error_of_a_carriers_own_ends_neither_it_nor_who_waits_there(error, monkeypatch, caplog):
    waiting, other = Shared.start(), Shared.start()
    gate = Gate()
    slow = Owner.start()
    slow.tell(gate.pass_through)
    gate.await_arrival()
    waited = waiting.ask(lambda: (other.ask(lambda: 1), slow.ask(lambda: "answer")), block=False)
    next_item = Carrier._next

    def fail_once(carrier):
        monkeypatch.setattr(Carrier, "_next", next_item)
        raise error

    # From inside of a turn: the carrier looks for the next one when it has ended.
    other.ask(lambda: monkeypatch.setattr(Carrier, "_next", fail_once))

    assert other.ask(lambda: "served", timeout=CAP) == "served"
    gate.open()
    assert waited.get(timeout=CAP) == (1, "answer")
    (record,) = caplog.records
    assert record.levelno == logging.CRITICAL
    assert record.getMessage().startswith("an error of the runtime itself, in actors-")
    assert record.exc_info[1] is error


@ANY_ERROR
def test_an_error_of_a_carrier_that_falls_asleep_leaves_it_to_be_woken(error, monkeypatch, caplog):
    other = Shared.start()
    fall_asleep = Pool.fall_asleep
    failed = threading.Event()

    def fail_once(pool, carrier):
        monkeypatch.setattr(Pool, "fall_asleep", fall_asleep)
        fall_asleep(pool, carrier)
        failed.set()
        raise error

    other.ask(lambda: monkeypatch.setattr(Pool, "fall_asleep", fail_once))
    assert failed.wait(CAP)

    assert [other.ask(lambda: "served", timeout=CAP) for _ in range(10)] == ["served"] * 10
    assert [record.levelno for record in caplog.records] == [logging.CRITICAL]


@ANY_ERROR
@pytest.mark.parametrize("place", [Shared, Owner], ids=["shared", "thread"])
def test_an_error_of_the_runtimes_own_in_a_turn_ends_that_actor_alone(place, error, monkeypatch, caplog):
    victim, other = place.start(), Shared.start()
    take = Process.take

    def fail(process):
        if process is victim._process:
            raise error
        return take(process)

    victim.ask(lambda: "up")
    monkeypatch.setattr(Process, "take", fail)
    asked = victim.ask("never handled", block=False)

    assert isinstance(ended(victim).exit_reason, Crashed)
    with pytest.raises(ActorDied):
        asked.get(timeout=CAP)
    assert other.ask(lambda: "served") == "served"
    (record,) = caplog.records
    assert record.levelno == logging.CRITICAL
    assert record.getMessage() == f"an error of the runtime itself, in a turn of {place.__name__}"
    assert record.exc_info[1] is error


@pytest.mark.parametrize("place", [Shared, Owner], ids=["shared", "thread"])
def test_an_interrupt_that_a_listener_raises_as_an_actor_ends_keeps_neither_that_nor_others_from_it(place, caplog):
    victim, other = place.start(), Shared.start()

    def interrupt(event):
        if event.event == "ended":
            raise KeyboardInterrupt

    trace(victim, interrupt)
    victim.tell(lambda: exit("done"))

    assert ended(victim).exit_reason == "done"
    assert other.ask(lambda: "served", timeout=CAP) == "served"
    assert [record.levelno for record in caplog.records if record.name == "pykka_otp.scheduler"] == [logging.CRITICAL]


# No more threads to be had


def test_an_actor_for_which_no_carrier_can_be_started_is_not_left_behind(shortage):
    with Runtime() as runtime:
        with shortage("actors-"), pytest.raises(RuntimeError, match="can't start new thread"):
            Shared.start()

        assert runtime.processes() == []
        assert list(runtime.scheduler.light.queue) == []
        assert Shared.start().ask(lambda: "served", timeout=CAP) == "served"


def test_an_actor_whose_own_thread_can_not_be_started_is_not_left_behind(runtime, shortage):
    with shortage("Owner"):
        with pytest.raises(RuntimeError, match="can't start new thread"):
            Owner.options(name="owner").start()
        with pytest.raises(StartFailed):
            Owner.options(name="owner").start_link()

    assert (runtime.processes(), whereis("owner")) == ([], None)
    assert Owner.options(name="owner").start().ask(lambda: "served", timeout=CAP) == "served"


def test_a_watchdog_that_can_not_be_started_is_started_later(caplog, hasty_watchdog, shortage):
    with Runtime():
        with shortage("actors-watchdog"):
            assert [Shared.start().ask(lambda: "served", timeout=CAP) for _ in range(3)] == ["served"] * 3
        blocker, other = Blocker.start(), Shared.start()

        block(blocker, beside=other)

    shortages = [record for record in caplog.records if "no thread" in record.getMessage()]
    assert len(shortages) == 1


def test_no_spare_carrier_to_be_had_is_logged_once_and_all_wait_for_the_one_that_is_stuck(
    caplog, runtime, hasty_watchdog, shortage
):
    blocker, other = Blocker.start(), Shared.start()
    looks = threading.Semaphore(0)
    replace = Pool.replace

    def note(pool, carrier):
        try:
            return replace(pool, carrier)
        finally:
            looks.release()

    gate = Gate()
    with shortage("actors-"), pytest.MonkeyPatch.context() as patch:
        patch.setattr(Pool, "replace", note)
        blocker.tell(gate)
        gate.await_arrival()
        answer = other.ask(lambda: "served", block=False)
        for _ in range(3):
            assert looks.acquire(timeout=CAP)
        gate.open()

        assert answer.get(timeout=CAP) == "served"

    (record,) = caplog.records
    assert record.getMessage() == "no thread can be started for a spare carrier: can't start new thread"


def test_a_class_that_blocks_runs_beside_the_others_while_no_thread_can_be_started_for_it(move, shortage):
    blocker, other = Blocker.start(), Shared.start()

    with shortage("actors-blocking"):
        move(blocker)

        assert blocker.ask(thread_name, timeout=CAP) == other.ask(thread_name)


# The end


def test_no_search_through_all_objects_comes_of_the_end_of_a_carrier():
    """The library of greenlets makes one when somebody keeps the first of a thread's that has ended."""
    before = get_clocks_used_doing_optional_cleanup()

    for _ in range(3):
        with Runtime():
            Shared.start().ask(lambda: "served")

    # What comes of the first is done by the end of the last.
    assert get_clocks_used_doing_optional_cleanup() == before


def test_a_runtime_is_left_though_its_actors_block(hasty_watchdog):
    gates = [Gate() for _ in range(4)]
    with Runtime() as runtime:
        blocked = [Blocker.start(), Blocker.start(), Owner.start(), Owner.start()]
        for ref, gate in zip(blocked, gates, strict=True):
            ref.tell(gate if ref.actor_class is Blocker else gate.pass_through)
            gate.await_arrival()
        carriers = list(runtime.scheduler.light.carriers)

        runtime.close(timeout=0.0)

        assert [(ref.state(), ref.exit_reason) for ref in blocked] == [("abandoned", Killed())] * 4
        for gate in gates:
            gate.open()
        assert all(ref.join(CAP) for ref in blocked)
    for carrier in carriers:
        carrier.thread.join(CAP)
        assert not carrier.thread.is_alive()


# Nothing to begin with


class Hooked(Shared):
    """A probe whose hook for its start is the instance's own."""

    def __init__(self):
        super().__init__()
        self.on_start = lambda: self.received.put("begun")


@pytest.mark.parametrize("start", [Shared.start, Shared.start_link], ids=["start", "start_link"])
def test_an_actor_with_nothing_to_run_at_its_start_is_up_before_anybody_else_has_a_turn(start):
    def start_and_look():
        child = start()
        return child._process.started

    assert Shared.start().ask(start_and_look)


def test_a_hook_that_only_the_instance_has_is_run():
    hooked = Hooked.start()

    hooked.ask(lambda: None)
    assert received(hooked) == "begun"
