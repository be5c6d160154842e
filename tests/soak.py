"""A random crowd of actors that start, ask, link, watch, register, crash and are killed; at the end nothing is left.

    python -m tests.soak --seconds 600 --seed 1

Ends with 0 when nothing leaked and the runtime reported no error of its own; says what did otherwise. The seed decides
what is done, the machine's threads in which order it happens.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import faulthandler
import functools
import gc
import logging
import random
import resource
import sys
import threading
import time

import pykka
from greenlet import greenlet

from actors import (
    Actor,
    ActorDied,
    AlreadyRegistered,
    AlreadyStarted,
    CallTimeout,
    Deadlock,
    NameUnavailable,
    Registry,
    Runtime,
    StartFailed,
    UnknownRegistry,
    WouldBlock,
    checkpoint,
    current_runtime,
    demonitor,
    exit,
    link,
    monitor,
    named,
    send_after,
    trap_exit,
    unlink,
    whereis,
)
from actors._future import Future
from actors._process import Process
from supervision import Supervisor

CROWD = 150
"""Actors that are there at a time, about."""

ROUND = 3_000
"""Things done until all are ended, and looked after."""

PATIENCE = 30.0
"""Seconds after which an actor, or a thread, that ought to have ended has leaked."""

MEGABYTES = 48
"""By how much the program may grow after the first rounds. It comes from what the interpreter caches, not from us."""

EXPECTED = (
    ActorDied,
    AlreadyRegistered,
    AlreadyStarted,
    CallTimeout,
    Deadlock,
    NameUnavailable,
    StartFailed,
    UnknownRegistry,
    WouldBlock,
)
"""What may come of anything that is done to an actor that others kill."""

KEYS, NAMES = range(20), ("ann", "bob", "cleo")


class Citizen(Actor):
    """Does what it is told, by means of all that an actor has."""

    use_daemon_thread = True

    def __init__(self, keys):
        self.keys = keys
        self.monitors = []

    def on_receive(self, message):
        match message:
            case (str(what), *args):
                return getattr(self, what)(*args)
            case _:
                # An Exit, a Down, a timer's.
                return None

    def ask(self, other, timeout):
        return other.ask(("work", 10), timeout=timeout)

    def ask_later(self, other):
        return other.ask(("work", 10), block=False)

    def tell(self, other):
        other.tell(("work", 10))

    def tell_by_name(self, name):
        if whereis(name) is not None:
            named(name).tell(("work", 1))

    def watch(self, other):
        self.monitors.append(monitor(other))

    def unwatch(self):
        while self.monitors:
            demonitor(self.monitors.pop(), flush=True)

    def tie(self, other):
        link(other)

    def untie(self, other):
        unlink(other)

    def trap(self, flag):
        trap_exit(flag)

    def spawn(self, runs_on):
        type(self).options(runs_on=runs_on, link=True).start(self.keys)

    def spawn_and_wait(self, runs_on):
        type(self).options(runs_on=runs_on, start_timeout=1.0).start_link(self.keys)

    def hold(self, key):
        self.keys.register(key)

    def release(self, key):
        self.keys.unregister(key)

    def remind(self, seconds):
        send_after(self.actor_ref, ("work", 1), seconds)

    def work(self, amount):
        for _ in range(amount):
            checkpoint()
        return amount

    def block(self, seconds):
        time.sleep(seconds)

    def crash(self):
        raise ValueError("crash")

    def leave(self):
        exit("had enough")


class PoliteCitizen(Citizen):
    """Lives on when an ask fails."""

    crash_on_failed_ask = False


class AsyncCitizen(Citizen):
    """Takes its time with each message, and doesn't keep others from theirs."""

    async def on_receive(self, message):
        await asyncio.sleep(0)
        if isinstance(message, tuple) and message[0] in ("ask", "ask_later"):
            return await message[1].ask(("work", 10), block=False)
        return super().on_receive(message)


class Soak:
    """One run."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.done = collections.Counter()
        self.failed = collections.Counter()
        self.leaks = []
        self.refs = []
        self.keys = Registry("keys")

    def round(self):
        with Supervisor.start_link([self.keys], strategy="one_for_one", max_restarts=10**6) as supervisor:
            for _ in range(ROUND):
                self.do_something()
            self.end_all()
            self.look_for_keys(supervisor)

    def do_something(self):
        if len(self.refs) < CROWD:
            self.attempt("start", self.start)
            return
        # Some of the dead stay for a while: what is sent to them has to end well too.
        if self.random.random() < 0.2:
            self.refs = [ref for ref in self.refs if ref.is_alive() or self.random.random() < 0.5]
        what = self.random.choices(*zip(*self.choices().items(), strict=True))[0]
        self.attempt(what.__name__.strip("_"), what)

    def choices(self):
        return {
            self._tell: 60,
            self._ask: 30,
            self._ask_and_forget: 10,
            self._kill: 4,
            self._stop: 3,
            self._signal: 2,
            self._kill_keeper: 1,
        }

    def attempt(self, name, what):
        self.done[name] += 1
        try:
            what()
        except EXPECTED as error:
            self.failed[type(error).__name__] += 1
        except ValueError as error:
            if str(error) != "crash":
                raise
            self.failed["ValueError"] += 1

    def start(self):
        actor_class = self.random.choice([Citizen, PoliteCitizen, AsyncCitizen])
        # A thread costs more than an actor: few of them do.
        options = actor_class.options(
            name=self.random.choice(NAMES) if self.random.random() < 0.05 else None,
            trap_exit=self.random.random() < 0.3,
            runs_on="thread" if self.random.random() < 0.15 else "shared",
        )
        self.refs.append(options.start(self.keys))
        return self.refs[-1]

    def one(self):
        return self.random.choice(self.refs) if self.refs else self.start()

    def order(self):
        """Something for an actor to do."""
        chance = self.random
        return chance.choice(
            [
                ("ask", self.one(), chance.choice([0.0, 0.001, 0.05])),
                ("ask_later", self.one()),
                ("tell", self.one()),
                ("tell_by_name", chance.choice(NAMES)),
                ("watch", self.one()),
                ("unwatch",),
                ("tie", self.one()),
                ("untie", self.one()),
                ("trap", chance.random() < 0.5),
                ("spawn", "shared"),
                ("spawn_and_wait", "shared" if chance.random() < 0.9 else "thread"),
                ("hold", chance.choice(KEYS)),
                ("release", chance.choice(KEYS)),
                ("remind", chance.random() * 0.01),
                ("work", 100),
                ("block", 0.02 if chance.random() < 0.02 else 0.0),
                ("crash",) if chance.random() < 0.1 else ("work", 1),
                ("leave",) if chance.random() < 0.1 else ("work", 1),
            ]
        )

    def _tell(self):
        self.one().tell(self.order())

    def _ask(self):
        self.one().ask(self.order(), timeout=self.random.choice([0.0, 0.001, 0.1]))

    def _ask_and_forget(self):
        self.one().ask(self.order(), block=False)

    def _end(self, how):
        ref = self.one()
        self.refs.remove(ref)
        how(ref)

    def _kill(self):
        self._end(lambda ref: ref.kill())

    def _stop(self):
        self._end(lambda ref: ref.stop(block=False))

    def _signal(self):
        self._end(lambda ref: ref.exit("ended by a signal"))

    def _kill_keeper(self):
        keeper = whereis("keys")
        if keeper is not None and self.random.random() < 0.2:
            keeper.kill()

    def end_all(self):
        """End everybody, those as well that others have started meanwhile, and wait until they are gone."""
        self.refs.clear()
        while crowd := [ref for ref in pykka.ActorRegistry.get_all() if issubclass(ref.actor_class, Citizen)]:
            for ref in crowd:
                ref.kill()
        for process in current_runtime().processes():
            if issubclass(process.actor_class, Citizen) and not process.ref.join(PATIENCE):
                self.leaks.append(f"{process} has not ended in {PATIENCE} seconds")

    def look_for_keys(self, supervisor):
        # Its keeper may have been killed just now, and hears of each end after that is seen.
        supervisor.which_children()
        whereis("keys").ask("handled what came before")
        if self.keys.count() or self.keys.holders():
            self.leaks.append(f"keys are held by nobody: {self.keys.holders()}")


class Errors(logging.Handler):
    """Keeps what the runtime says of errors of its own."""

    def __init__(self):
        super().__init__(logging.CRITICAL)
        self.records = []

    def emit(self, record):
        self.records.append(record)


def alive(kind):
    gc.collect()
    return sum(1 for thing in gc.get_objects() if isinstance(thing, kind))


def megabytes():
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def leaked_threads(before):
    left = [thread for thread in threading.enumerate() if thread not in before and thread.name != "actors-lifeline"]
    for thread in left:
        thread.join(PATIENCE)
    return [f"the thread {thread.name} goes on" for thread in left if thread.is_alive()]


def leaked_objects(before):
    return [f"{alive(kind) - count} {kind.__name__}s are left" for kind, count in before.items() if alive(kind) > count]


def run(seconds, seed):
    """Soak for so many seconds, at least two rounds; return the summary and the leaks."""
    errors = Errors()
    logging.getLogger("pykka_otp").addHandler(errors)
    logging.getLogger("pykka_otp").propagate = False
    threads = set(threading.enumerate())
    objects = {kind: alive(kind) for kind in (Process, greenlet, Future, Citizen, asyncio.Task)}
    soak = Soak(seed)
    deadline = time.monotonic() + seconds
    rounds, grown_from = 0, 0.0
    with Runtime() as runtime:
        while rounds < 2 or time.monotonic() < deadline:
            soak.round()
            rounds += 1
            # What the first rounds take, the later ones use again.
            grown_from = megabytes() if rounds <= 2 else grown_from
    soak.leaks += [f"{process} is in the runtime's table" for process in runtime.processes()]
    soak.leaks += [f"{ref} is in pykka.ActorRegistry" for ref in pykka.ActorRegistry.get_all()]
    soak.leaks += leaked_threads(threads)
    del runtime
    soak.leaks += leaked_objects(objects)
    if (grown := megabytes() - grown_from) > MEGABYTES:
        soak.leaks.append(f"the program has grown by {grown:.0f} MB")
    soak.leaks += [f"{record.getMessage()}: {record.exc_info}" for record in errors.records]
    summary = [
        f"seed {seed}: {rounds} rounds, {sum(soak.done.values()):,} things done, {grown:+.1f} MB",
        "done: " + ", ".join(f"{name} {count:,}" for name, count in soak.done.most_common()),
        "raised: " + ", ".join(f"{name} {count:,}" for name, count in soak.failed.most_common()),
    ]
    return summary, soak.leaks


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600.0, help="how long, at least (default: 600)")
    parser.add_argument("--seed", type=int, default=None, help="what is done; by default another each time")
    args = parser.parse_args()
    seed = random.randrange(10**6) if args.seed is None else args.seed
    say = functools.partial(print, flush=True)
    say(f"seed {seed}")
    # A hang is a failure too, and shows where.
    faulthandler.dump_traceback_later(args.seconds + 4 * PATIENCE, exit=True)
    summary, leaks = run(args.seconds, seed)
    say(*summary, sep="\n")
    for leak in leaks[:50]:
        say(f"LEAK: {leak}")
    return 1 if leaks else 0


if __name__ == "__main__":
    sys.exit(main())
