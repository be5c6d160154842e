"""python -m benchmarks.measure SIDE ROW SIZE: do the work of one row on one side, and print the figure.

Each measurement has a process of its own, so that none meets what another has left behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pykka

from actors import Actor, GenServer, Ok, Reply, Runtime
from benchmarks.cases import CASES
from supervision import Supervisor


class ThreadActor(Actor):
    runs_on = "thread"


BASES = {"shared": Actor, "thread": ThreadActor, "pykka": pykka.ThreadingActor}


def actors_on(base):
    """The actors of a side: one that answers, and one that sends to it."""

    class Echo(base):
        def on_receive(self, message):
            return message

    class Sender(base):
        def __init__(self, target):
            super().__init__()
            self.target = target

        def on_receive(self, message):
            how, count = message
            send = getattr(self.target, how)
            for number in range(count):
                send(number)

    return Echo, Sender


@contextlib.contextmanager
def stopwatch():
    """Times what is inside; the seconds are in the list that it gives."""
    seconds = []
    begin = time.perf_counter()
    yield seconds
    seconds.append(time.perf_counter() - begin)


# Rows that are the same on every side


def tell_outside(base, count):
    """Messages a second from a thread to one actor, until the last is handled."""
    echo = actors_on(base)[0].start()
    with stopwatch() as seconds:
        for number in range(count):
            echo.tell(number)
        echo.ask("done")
    return count / seconds[0]


def tell_between(base, count):
    """Messages a second from one actor to another, a thousand in each handler, until the last is handled."""
    echo_class, sender_class = actors_on(base)
    echo = echo_class.start()
    sender = sender_class.start(echo)
    with stopwatch() as seconds:
        for _ in range(count // 1000):
            sender.tell(("tell", 1000))
        sender.ask(("tell", 0))
        echo.ask("done")
    return (count // 1000) * 1000 / seconds[0]


def ask_outside(base, count):
    """Asks a second from a thread to one actor, one after the other."""
    echo = actors_on(base)[0].start()
    with stopwatch() as seconds:
        for number in range(count):
            echo.ask(number)
    return count / seconds[0]


def ask_between(base, count):
    """Asks a second from one actor to another, one after the other."""
    echo_class, sender_class = actors_on(base)
    sender = sender_class.start(echo_class.start())
    sender.ask(("ask", 10))
    with stopwatch() as seconds:
        sender.ask(("ask", count))
    return count / seconds[0]


def start_and_stop(base, count):
    """Lives a second: so many are started, then all are asked to stop, then all have stopped."""
    echo_class = actors_on(base)[0]
    with stopwatch() as seconds:
        refs = [echo_class.start() for _ in range(count)]
        stops = [ref.stop(block=False) for ref in refs]
        for stop in stops:
            stop.get()
    return count / seconds[0]


COMMON = {
    "tell, from outside": tell_outside,
    "tell, actor to actor": tell_between,
    "ask, from outside": ask_outside,
    "ask, between actors": ask_between,
    "start and stop": start_and_stop,
}


# Rows of our own


class Idle(Actor):
    use_daemon_thread = True

    def on_receive(self, message):
        return message


class Asker(Actor):
    """Asks others, one after the other."""

    use_daemon_thread = True

    def __init__(self, refs):
        self.refs = refs

    def on_receive(self, _message):
        return all(ref.ask(number) == number for number, ref in enumerate(self.refs))


class Server(GenServer[None]):
    use_daemon_thread = True

    def init(self):
        return Ok(None)

    def handle_call(self, request, _sender, state):
        return Reply(request, state)


class Spawner(Actor):
    """Starts children under a supervisor, one by one."""

    def on_receive(self, message):
        supervisor, count = message
        for number in range(count):
            supervisor.start_child(Idle.child_spec().replace(id=number))


def supervised_starts(count):
    """Children a second, started one by one by an actor, by `start_child`."""
    supervisor = Supervisor.start_link([], strategy="one_for_one")
    spawner = Spawner.start()
    with stopwatch() as seconds:
        spawner.ask((supervisor, count))
    return count / seconds[0]


def memory_of(actor_class, count):
    """Bytes of an idle actor, as proportional set size."""
    first = actor_class.start()
    first.ask("begin") if actor_class is not Server else first.call("begin")
    before = pss()
    refs = [actor_class.start() for _ in range(count)]
    refs[-1].ask("the last one is up")
    return (pss() - before) / len(refs)


def pss():
    with Path("/proc/self/smaps_rollup").open() as lines:
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def million(count):
    """Seconds until so many are started; all of them answer an ask afterwards."""
    with stopwatch() as seconds:
        refs = [Idle.start() for _ in range(count)]
    gigabytes = pss() / 1e9
    # Asked by another actor, which takes seconds; each ask from a thread may take a tenth of a millisecond.
    assert Asker.start(refs).ask("do all answer?")
    print(f"{gigabytes:.2f} GB with {count:,} live actors, all of which have answered", file=sys.stderr)
    return seconds[0] if gigabytes < 1.5 else float("inf")


def idle(seconds):
    """Wake-ups of all threads of a process with 10,000 idle actors in so many seconds, and its CPU time in ticks."""
    program = [sys.executable, "-m", "benchmarks.measure", "shared", "be idle", "10000"]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        # What was awake while they were started goes to sleep.
        time.sleep(1)
        before = activity(process.pid)
        time.sleep(seconds)
        after = activity(process.pid)
        process.stdin.close()
    return after - before


def be_idle(count):
    refs = [Idle.start() for _ in range(count)]
    refs[-1].ask("the last one is up")
    print("ready", flush=True)
    sys.stdin.read()
    os._exit(0)


def activity(pid):
    """Voluntary context switches of all threads of a process, and its ticks of CPU time."""
    switches = 0
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        lines = status.read_text().splitlines()
        switches += sum(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches"))
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return switches + int(fields[11]) + int(fields[12])


class Blocker(Actor):
    use_daemon_thread = True

    def on_receive(self, message):
        time.sleep(0.05)
        self.actor_ref.tell(message)


def beside_blockers(seconds):
    """Milliseconds, 99th percentile, of an ask to a light actor beside 200 that block; the first second is left out."""
    named = threading.Event()

    class Listener(logging.Handler):
        def emit(self, record):
            if "Blocker" in record.getMessage():
                named.set()

    logging.getLogger("pykka_otp.scheduler").addHandler(Listener())
    for _ in range(200):
        Blocker.start().tell("go on")
    light = Idle.start()
    begin = time.perf_counter()
    latencies = []
    while (now := time.perf_counter()) < begin + 1 + seconds:
        light.ask("are you there?")
        if now > begin + 1:
            latencies.append(time.perf_counter() - now)
        time.sleep(0.005)
    assert named.is_set(), "the log didn't name the class that blocks"
    return sorted(latencies)[int(len(latencies) * 0.99)] * 1000


class Awaiting(Actor):
    use_daemon_thread = True

    async def on_receive(self, message):
        await asyncio.sleep(0.1)
        return message


def async_handlers(count):
    """Seconds until so many actors, asked at once, have each awaited a tenth of a second and answered."""
    refs = [Awaiting.start() for _ in range(count)]
    refs[0].ask("the event loop is there")
    with stopwatch() as seconds:
        for answer in [ref.ask("go", block=False) for ref in refs]:
            answer.get()
    return seconds[0]


OURS = {
    "start under a supervisor": supervised_starts,
    "an idle actor": lambda count: memory_of(Idle, count),
    "an idle GenServer": lambda count: memory_of(Server, count),
    "a million live actors": million,
    "10,000 idle actors": idle,
    "be idle": be_idle,
    "light actors beside 200 blocking ones": beside_blockers,
    "10,000 async handlers": async_handlers,
}


def figure(side, row, size):
    if side in BASES and row in COMMON:
        return COMMON[row](BASES[side], size)
    if row in OURS:
        return OURS[row](size)
    case = next(case for case in CASES if case.name == row)
    return (case.ours if side == "shared" else case.theirs)(size)


def main():
    side, row, size = sys.argv[1], sys.argv[2], int(sys.argv[3])
    # Crashes and blocking are part of what is measured; their logs are not.
    logging.getLogger("pykka_otp").addHandler(logging.NullHandler())
    logging.getLogger("pykka_otp").propagate = False
    logging.getLogger("pykka").setLevel(logging.CRITICAL)
    with contextlib.ExitStack() as stack:
        if row in OURS:
            # Its runtime is left alone: ending a million actors is no part of a row.
            Runtime().__enter__()
        else:
            stack.enter_context(Runtime())
        value = figure(side, row, size)
        if side == "pykka":
            pykka.ActorRegistry.stop_all()
    print(json.dumps(value), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
