"""How programs end that have actors: as they do with Pykka's own, and without a word of ours."""

from __future__ import annotations

import contextlib
import functools
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pykka
import pytest

from actors import Killed
from supervision import Supervisor
from tests.support import CAP, Gate, Probe

on_both = pytest.mark.parametrize("runs_on", ["shared", "thread"], indirect=True)

ROOT = Path(__file__).resolve().parents[1]

PROGRAM = """
import asyncio, atexit, os, signal, sys, threading
import pykka
import actors

ending, kind, base = sys.argv[1:]

class Base(pykka.ThreadingActor if base == "pykka" else actors.Actor):
    if base != "pykka":
        runs_on = base

class Live(Base):
    def on_receive(self, message):
        print("the actor ends by itself")
        self.stop()

class Daemon(Base):
    use_daemon_thread = True

    def on_receive(self, reached):
        reached.set()
        threading.Event().wait()

class Blocked(Base):
    def on_receive(self, reached):
        reached.set()
        threading.main_thread().join()
        print("the actor is let go")
        self.stop()

class Awaiting(Base):
    async def on_receive(self, reached):
        reached.set()
        while threading.main_thread().is_alive():
            await asyncio.sleep(0.01)
        print("the actor is let go")
        self.stop()

class Delegating(Base):
    async def on_receive(self, reached):
        await asyncio.to_thread(self.block, reached)
        # Such a thread is had at this time of the program too.
        await asyncio.to_thread(print, "the actor is let go")
        self.stop()

    def block(self, reached):
        reached.set()
        threading.main_thread().join()

class DaemonDelegating(Delegating):
    use_daemon_thread = True

    def block(self, reached):
        reached.set()
        threading.Event().wait()

if base == "pykka":
    # It has no async handlers, and this is what they are compared to.
    Awaiting = Delegating = Blocked
    DaemonDelegating = Daemon

def tell_later(ref):
    threading.main_thread().join()
    ref.tell("end")

# It comes after all threads that the program waits for.
atexit.register(print, "the program ends")
classes = {"live": Live, "daemon": Daemon, "blocked": Blocked, "awaiting": Awaiting}
classes |= {"delegating": Delegating, "daemon delegating": DaemonDelegating}
ref = classes[kind].start()
reached = threading.Event()
if kind == "live":
    threading.Thread(target=tell_later, args=[ref], daemon=True).start()
else:
    ref.tell(reached)
    reached.wait()
print("the main thread ends", flush=True)
if ending == "raises":
    raise ValueError("the main thread's own")
elif ending == "exits":
    sys.exit(3)
elif ending == "interrupted":
    signal.raise_signal(signal.SIGINT)
"""

DAEMONS = """
import asyncio, logging, random, sys, threading, time
from actors import Actor
# On a machine that is busy, all block.
logging.getLogger("pykka_otp.scheduler").disabled = True

class Leaf(Actor):
    use_daemon_thread = True

    def on_receive(self, message):
        if random.random() < 0.1:
            time.sleep(0.0005)
        return sum(range(random.randrange(1000)))

class Busy(Actor):
    use_daemon_thread = True

    def on_receive(self, begun):
        leaves = [Leaf.start() for _ in range(3)]
        begun.release()
        while True:
            for leaf in leaves:
                leaf.ask("work")
            print("busy")

class Waiting(Actor):
    use_daemon_thread = True

    async def on_receive(self, begun):
        begun.release()
        await asyncio.sleep(3600)

class Spinning(Actor):
    use_daemon_thread = True

    def on_receive(self, begun):
        begun.release()
        while True:
            pass

begun = threading.Semaphore(0)
classes = [Busy, Busy, Busy, Busy, Waiting, Spinning][: int(sys.argv[1])]
for actor_class in classes:
    actor_class.options(runs_on=sys.argv[2]).start().tell(begun)
for _ in classes:
    begun.acquire()
"""


class Outcome(NamedTuple):
    """What can be seen of a program that has ended."""

    returncode: int
    stdout: str
    stderr: str


@functools.cache
def outcome(ending, kind, base):
    return run_program(PROGRAM, ending, kind, base)


def run_program(program, *args):
    (done,) = run_programs([(program, *args)])
    return done


PROGRAM_SECONDS = 60
"""How long a program may take on a machine that is busy, until it's held to be stuck."""


def run_programs(programs):
    """Run programs with their arguments, side by side; what became of each."""
    with contextlib.ExitStack() as stack:
        begun = [stack.enter_context(begin(program)) for program in programs]
        return [await_end(running) for running in begun]


@contextlib.contextmanager
def begin(program):
    command = [sys.executable, "-X", "faulthandler", "-c", *program]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        try:
            yield running
        finally:
            running.kill()


def await_end(running):
    try:
        stdout, stderr = running.communicate(timeout=PROGRAM_SECONDS)
    except subprocess.TimeoutExpired:
        # It prints where its threads are, and ends.
        running.send_signal(signal.SIGABRT)
        stdout, stderr = running.communicate()
        pytest.fail(f"it didn't end; it printed {stdout!r}, and its threads were at\n{stderr}")
    return Outcome(running.returncode, stdout, stderr)


CODES = {"returns": 0, "raises": 1, "exits": 3, "interrupted": -signal.SIGINT}
TRACEBACKS = {"returns": 0, "raises": 1, "exits": 0, "interrupted": 1}
LET_GO = ["the actor is let go"]
SAID = {
    "live": ["the actor ends by itself"],
    "daemon": [],
    "blocked": LET_GO,
    "awaiting": LET_GO,
    "delegating": LET_GO,
    "daemon delegating": [],
}


@on_both
@pytest.mark.parametrize("kind", SAID)
@pytest.mark.parametrize("ending", CODES)
def test_a_program_ends_as_it_does_with_pykkas_own_actors(ending, kind, runs_on):
    ended = outcome(ending, kind, runs_on)

    assert ended == outcome(ending, kind, "pykka")
    assert ended.returncode == CODES[ending]
    assert ended.stdout.splitlines() == ["the main thread ends", *SAID[kind], "the program ends"]
    assert ended.stderr.count("Traceback") == TRACEBACKS[ending]


@on_both
def test_an_interrupt_ends_an_ask_of_the_main_thread(runs_on):
    program = """
import signal, sys, threading
from actors import Actor

class Deaf(Actor):
    use_daemon_thread = True
    runs_on = sys.argv[1]

    def on_receive(self, message):
        # Again after a while: as long as the interpreter is on its way into the wait, it may drop one.
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        while not interrupted.wait(1.0):
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        threading.Event().wait()

# Its thread has begun before: to be interrupted in the start of one is another matter.
interrupted = threading.Event()
ref = Deaf.start()
try:
    ref.ask("hello")
except KeyboardInterrupt:
    interrupted.set()
    print("interrupted")
"""

    done = run_program(program, runs_on)

    assert (done.returncode, done.stdout, done.stderr) == (0, "interrupted\n", "")


@on_both
def test_an_interrupted_program_waits_for_its_actors_until_it_is_interrupted_again(runs_on):
    program = """
import pykka, signal, sys, threading
from actors import Actor

class Stubborn(Actor if sys.argv[1] != "pykka" else pykka.ThreadingActor):
    runs_on = sys.argv[1] if sys.argv[1] != "pykka" else None

    def on_receive(self, reached):
        reached.set()
        threading.main_thread().join()
        print("still waited for", flush=True)
        # More than once: as long as the interpreter is on its way into the wait, it may drop one.
        while True:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            threading.Event().wait(0.1)

reached = threading.Event()
Stubborn.start().tell(reached)
reached.wait()
signal.raise_signal(signal.SIGINT)
"""

    done, pykkas = (run_program(program, base) for base in (runs_on, "pykka"))

    assert done.stdout == pykkas.stdout == "still waited for\n"
    assert done.returncode == pykkas.returncode == -signal.SIGINT


@on_both
@pytest.mark.parametrize("count", ["1", "4", "6"])
def test_daemon_actors_are_cut_off_in_silence_wherever_they_are(count, runs_on):
    outcomes = run_programs([(DAEMONS, count, runs_on)] * 5)

    assert [(done.returncode, done.stderr) for done in outcomes] == [(0, "")] * 5


@on_both
@pytest.mark.parametrize("ending", CODES)
def test_a_program_that_leaves_its_runtime_ends_its_actors_in_order(ending, runs_on):
    program = """
import asyncio, signal, sys
from actors import Actor, Runtime

ending, runs_on = sys.argv[1:]

class Stopping(Actor):
    def __init__(self, name):
        self.name = name

    def on_stop(self):
        print(self.name, "stops")

class Awaiting(Stopping):
    async def on_receive(self, _message):
        await asyncio.sleep(0)

    async def on_stop(self):
        await asyncio.sleep(0)
        super().on_stop()

with Runtime():
    for number, actor_class in enumerate([Stopping, Awaiting, Stopping]):
        actor_class.options(runs_on=runs_on).start(number).tell("go")
    if ending == "raises":
        raise ValueError("the main thread's own")
    elif ending == "exits":
        sys.exit(3)
    elif ending == "interrupted":
        signal.raise_signal(signal.SIGINT)
"""

    done = run_program(program, ending, runs_on)

    assert done.returncode == CODES[ending]
    assert done.stdout.splitlines() == ["2 stops", "1 stops", "0 stops"]
    assert done.stderr.count("Traceback") == TRACEBACKS[ending]
    assert bool(done.stderr) == bool(TRACEBACKS[ending])


@on_both
@pytest.mark.parametrize("kind", ["Deaf", "DeafToAll", "Delegating", "Holding", "Blocking"])
def test_what_is_stuck_keeps_no_program_from_leaving_its_runtime(kind, runs_on):
    program = """
import asyncio, logging, sys, threading
from actors import Actor, Runtime
logging.basicConfig(format="%(message)s", stream=sys.stdout)
logging.getLogger("pykka_otp.scheduler").disabled = True

kind, runs_on = sys.argv[1:]
begun = threading.Event()

async def resist(errors):
    while True:
        begun.set()
        try:
            await asyncio.sleep(3600)
        except errors:
            pass

class Stuck(Actor):
    # Code that can't be ended would keep the program alive else.
    use_daemon_thread = True

class Deaf(Stuck):
    async def on_receive(self, _message):
        await resist(asyncio.CancelledError)

class DeafToAll(Stuck):
    async def on_receive(self, _message):
        await resist(BaseException)

class Delegating(Stuck):
    async def on_receive(self, _message):
        self.task = asyncio.create_task(resist(BaseException))

class Holding(Stuck):
    async def on_receive(self, _message):
        begun.set()
        threading.Event().wait()

class Blocking(Stuck):
    def on_receive(self, _message):
        begun.set()
        threading.Event().wait()

class Other(Actor):
    def on_stop(self):
        print("the other stops")

with Runtime() as runtime:
    Other.options(runs_on=runs_on).start()
    globals()[kind].options(runs_on=runs_on).start().tell("go")
    begun.wait()
    runtime.close(1.0)
print("the main thread ends")
"""

    done = run_program(program, kind, runs_on)

    assert (done.returncode, done.stderr) == (0, "")
    said = done.stdout.splitlines()
    assert (said[0], said[-1]) == ("the other stops", "the main thread ends")
    assert [line.split()[:2] for line in said[1:-1]] == [[kind, "was"]]


@on_both
@pytest.mark.skipif(
    (3, 12) <= sys.version_info < (3, 12, 2), reason="this Python starts no threads after the main thread's end"
)
def test_a_program_lives_until_its_last_actor_has_ended(runs_on):
    program = """
import atexit, sys, threading
from actors import Actor

class Passing(Actor):
    runs_on = sys.argv[1]

    def on_receive(self, number):
        print(number, flush=True)
        if number < 3:
            Passing.start().tell(number + 1)
        self.stop()

class First(Actor):
    # Alone at first: nobody else keeps the program alive.
    runs_on = "thread"

    def on_receive(self, message):
        threading.main_thread().join()
        Passing.start().tell(1)
        self.stop()

First.start().tell("go")
atexit.register(print, "end")
"""

    done = run_program(program, runs_on)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["1", "2", "3", "end"]


def test_a_start_that_failed_for_want_of_a_thread_has_no_part_in_how_long_the_program_lives():
    program = """
import threading
from actors import Actor

class Live(Actor):
    def on_receive(self, message):
        threading.main_thread().join()
        print("still alive")
        self.stop()

start = threading.Thread.start

def refuse(thread):
    if thread.name == "actors-lifeline":
        raise RuntimeError("can't start new thread")
    start(thread)

threading.Thread.start = refuse
try:
    Live.start()
except RuntimeError as error:
    print(error)
threading.Thread.start = start
Live.start().tell("go")
"""

    done = run_program(program)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["can't start new thread", "still alive"]


@on_both
def test_an_actor_that_crashes_at_the_end_is_reported_and_no_more(runs_on):
    program = """
import logging, sys, threading
from actors import Actor
logging.basicConfig(format="%(message)s", stream=sys.stdout)
logging.getLogger("pykka_otp.scheduler").disabled = True

class Fragile(Actor):
    runs_on = sys.argv[1]

    def on_receive(self, message):
        threading.main_thread().join()
        raise SystemExit(5)

Fragile.start().tell("go")
"""

    done = run_program(program, runs_on)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Unhandled exception in Fragile")


class Leaf(Probe):
    """A worker of the tree, that says where it is in its life."""

    def __init__(self, log, name):
        super().__init__()
        self.log, self.label = log, name

    def on_start(self):
        self.log.append(f"{self.label} starts")

    def on_stop(self):
        self.log.append(f"{self.label} stops")


@on_both
def test_stopping_all_ends_a_tree_of_three_levels_with_no_restart_and_no_word(runtime, caplog):
    log = []

    def branch(name):
        leaves = [Leaf.options(name=f"{name}{number}").child_spec(log, f"{name}{number}") for number in (1, 2)]
        return Supervisor.child_spec(leaves, strategy="one_for_all", max_restarts=100).replace(id=name)

    Supervisor.start_link([branch("a"), branch("b")], strategy="one_for_all", max_restarts=100)
    assert log == ["a1 starts", "a2 starts", "b1 starts", "b2 starts"]
    log.clear()

    runtime.stop_all()

    assert log == ["b2 stops", "b1 stops", "a2 stops", "a1 stops"]
    assert runtime.processes() == []
    assert caplog.records == []


@on_both
@pytest.mark.parametrize("block", [True, False])
def test_so_does_pykkas_way_of_stopping_all(runtime, block, caplog):
    log, others = [], []

    class Plain(pykka.ThreadingActor):
        def on_stop(self):
            log.append("plain stops")

    def branch(name, *more):
        leaf = Leaf.options(name=f"{name}1").child_spec(log, f"{name}1")
        return Supervisor.child_spec([leaf, *more], strategy="one_for_all", max_restarts=100).replace(id=name)

    others.append(Leaf.start(log, "before"))
    top = Supervisor.start_link([branch("a"), branch("b", Plain)], strategy="one_for_all", max_restarts=100)
    others.append(Leaf.start(log, "after"))
    for ref in others:
        ref.ask("?")
    log.clear()

    stopped = pykka.ActorRegistry.stop_all(block=block)

    assert (stopped if block else [each.get(timeout=CAP) for each in stopped]) == [True, True, True]
    assert sorted(log) == ["a1 stops", "after stops", "b1 stops", "before stops", "plain stops"]
    if block:
        assert log == ["after stops", "plain stops", "b1 stops", "a1 stops", "before stops"]
    assert top.join(CAP)
    assert runtime.processes() == []
    assert caplog.records == []


def test_children_of_what_is_no_supervisor_are_stopped_as_all_others(runtime):
    parent = Probe.start()
    child = parent.ask(Probe.start_link)

    assert pykka.ActorRegistry.stop_all() == [True, True]

    assert not child.is_alive()
    assert runtime.processes() == []


def test_helpers_that_a_supervisor_has_started_beside_its_children_are_stopped_as_all_others(runtime):
    class Above(Supervisor):
        def on_start(self):
            Probe.start_link()
            super().on_start()

    Above.start_link([Probe], strategy="one_for_one")

    assert pykka.ActorRegistry.stop_all() == [True, True]

    assert runtime.processes() == []


def test_children_of_a_supervisor_that_ends_already_are_waited_for(gate):
    class Slow(Probe):
        def on_stop(self):
            gate.pass_through()

    top = Supervisor.start_link([Probe, Slow], strategy="one_for_one")
    first = top.which_children()[-1].child
    top.stop(block=False)
    gate.await_arrival()

    assert pykka.ActorRegistry.get_all() == [first]
    assert pykka.ActorRegistry.stop_all() == [True]

    gate.open()
    assert top.join(CAP)


def test_all_are_among_those_that_live_whoever_ends_them():
    top = Supervisor.start_link([Probe], strategy="one_for_one")
    (child,) = top.which_children()

    assert pykka.ActorRegistry.get_all()[:] == [top, child.child]
    assert list(reversed(pykka.ActorRegistry.get_all())) == [top]


def test_stopping_all_gives_up_on_those_that_block_when_the_time_is_over(runtime):
    gates = [Gate(), Gate()]
    blocked = [Probe.options(runs_on="thread").start() for _ in gates]
    for ref, gate in zip(blocked, gates, strict=True):
        ref.tell(gate.pass_through)
        gate.await_arrival()
    idle = Probe.start()
    assert runtime.abandoned() == []

    runtime.stop_all(timeout=0.0)

    assert [(ref.state(), ref.exit_reason) for ref in blocked] == [("abandoned", Killed())] * 2
    assert runtime.abandoned() == blocked
    assert idle.join(CAP)
    for gate in gates:
        gate.open()
    assert all(ref.join(CAP) for ref in blocked)
    assert runtime.abandoned() == []


@pytest.mark.timeout(90)
def test_nothing_is_left_of_a_crowd_that_starts_asks_and_is_killed_at_random():
    done = subprocess.run(
        [sys.executable, "-m", "tests.soak", "--seconds", "5"],
        check=False,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=80,
    )

    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
