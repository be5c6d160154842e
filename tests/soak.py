"""A random crowd of actors that start, ask, link, watch, register, crash and are killed; at the end nothing is left.

Plain actors and async ones, servers, tasks, on threads that they share and on their own, some with mailboxes that have
a bound; under names, and in registries whose keepers are killed too.

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
    Continue,
    Deadlock,
    GenServer,
    MailboxFull,
    Monitor,
    NameUnavailable,
    NoReply,
    Ok,
    Registry,
    Reply,
    Runtime,
    StartFailed,
    Stop,
    Task,
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
from actors.registry import RegistryKeeper
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
    MailboxFull,
    NameUnavailable,
    StartFailed,
    UnknownRegistry,
    WouldBlock,
)
"""What may come of anything that is done to an actor that others kill."""

KEYS, NAMES = range(20), ("ann", "bob", "cleo")

INFRASTRUCTURE = (RegistryKeeper, Supervisor)

NEVER = 3600.0
"""Seconds until a timer fires that ends with its actor, or with what it was set for."""


def work(amount):
    for _ in range(amount):
        checkpoint()
    return amount


def fail(_amount):
    raise ValueError("crash")


async def work_slowly(amount):
    await asyncio.sleep(0.001)
    return amount


class Citizen(Actor):
    """Does what it is told, by means of all that an actor has."""

    use_daemon_thread = True

    def __init__(self, registries):
        self.registries = registries
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
        type(self).options(runs_on=runs_on, link=True).start(self.registries)

    def spawn_and_wait(self, runs_on):
        type(self).options(runs_on=runs_on, start_timeout=1.0).start_link(self.registries)

    def delegate(self, function, timeout):
        return Task.async_(function, 10).await_(timeout)

    def delegate_all(self, function, timeout):
        return len(Task.yield_many([Task.async_(function, 10) for _ in range(2)], timeout, on_timeout="kill_task"))

    def delegate_and_give_up(self, function):
        return Task.async_(function, 10).shutdown("brutal_kill")

    def stream(self, function, timeout):
        return list(Task.async_stream(range(3), function, max_concurrency=2, timeout=timeout, on_timeout="kill_task"))

    def hold(self, registry, key):
        self.registries[registry].register(key)

    def release(self, registry, key):
        self.registries[registry].unregister(key)

    def remind(self, seconds):
        send_after(self.actor_ref, ("work", 1), seconds)

    def work(self, amount):
        return work(amount)

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


class Labourer(Citizen):
    """Its mailbox has a bound, for whose room others wait; so it waits for nobody."""

    def on_receive(self, message):
        return work(1)


class Clerk(GenServer):
    """Answers now, later, or never; its state are those who wait."""

    use_daemon_thread = True

    def init(self, registries):
        return Ok([], then=NEVER)

    def handle_call(self, request, sender, waiting):
        match request[0]:
            case "work":
                return Reply(work(request[1]), waiting, then=NEVER)
            case "ask" | "ask_later":
                # The answer comes when nothing else has for a while.
                return NoReply([*waiting, sender], then=0.001)
            case "tell":
                return Reply("soon", waiting, then=Continue(request[1]))
            case "crash":
                raise ValueError("crash")
            case "leave":
                return Stop("had enough", reply="goodbye")
            case _:
                return Reply("not here", waiting)

    def handle_continue(self, other, waiting):
        other.tell(("work", 1))
        return NoReply(waiting)

    def handle_cast(self, request, waiting):
        return self.handle_info(request, waiting)

    def handle_info(self, message, waiting):
        # A time-out, a Down, an Exit, an order that was told.
        for sender in waiting:
            sender.reply("at last")
        return NoReply([], then=NEVER)


class AsyncClerk(Clerk):
    """The same, in coroutines."""

    async def handle_call(self, request, sender, waiting):
        await asyncio.sleep(0)
        return super().handle_call(request, sender, waiting)

    async def terminate(self, reason, waiting):
        await asyncio.sleep(0)


class Soak:
    """One run."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.done = collections.Counter()
        self.failed = collections.Counter()
        self.leaks = []
        self.refs = []
        self.registries = {"keys": Registry("keys"), "groups": Registry("groups", keys="duplicate")}

    def round(self):
        registries = self.registries.values()
        with Supervisor.start_link(registries, strategy="one_for_one", max_restarts=10**6) as supervisor:
            for _ in range(ROUND):
                self.do_something()
            self.end_all()
            self.look_for_keys(supervisor)
            self.look_for_names()
            self.look_for_timers()

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
            self._cast: 5,
            self._run_task: 2,
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
        chance = self.random
        actor_class = chance.choice([Citizen, PoliteCitizen, AsyncCitizen, Citizen, Labourer, Clerk, AsyncClerk])
        bound = chance.choice([None, None, 1, 5])
        options = actor_class.options(
            name=chance.choice(NAMES) if chance.random() < 0.05 else None,
            trap_exit=chance.random() < 0.3,
            # A thread costs more than an actor: few of them do.
            runs_on="thread" if chance.random() < 0.15 else "shared",
            max_mailbox=3 if actor_class is Labourer else bound,
            # Who waits for room must not be waited for.
            overflow="block" if actor_class is Labourer else chance.choice(["raise", "drop_oldest", "drop_newest"]),
        )
        self.refs.append(options.start(self.registries))
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
                ("delegate", *self.task()),
                ("delegate_all", *self.task()),
                ("delegate_and_give_up", self.task()[0]),
                ("stream", *self.task()) if chance.random() < 0.2 else ("work", 1),
                ("hold", *self.place()),
                ("release", *self.place()),
                ("remind", chance.choice([chance.random() * 0.01, NEVER])),
                ("work", 100),
                ("block", 0.02 if chance.random() < 0.02 else 0.0),
                ("crash",) if chance.random() < 0.1 else ("work", 1),
                ("leave",) if chance.random() < 0.1 else ("work", 1),
            ]
        )

    def task(self):
        """A function for a task, and the seconds that it may take; few are on threads."""
        functions = [work_slowly, work_slowly, work_slowly, work, fail if self.random.random() < 0.2 else work_slowly]
        return self.random.choice(functions), self.random.choice([0.0, 0.001, 0.05])

    def place(self):
        return self.random.choice(list(self.registries)), self.random.choice(KEYS)

    def _cast(self):
        ref = self.one()
        if issubclass(ref.actor_class, GenServer):
            ref.cast(("work", 1))

    def _run_task(self):
        function, timeout = self.task()
        task = Task.async_(function, 10)
        self.random.choice([task.await_, task.yield_, task.shutdown])(timeout)

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
        keeper = whereis(self.random.choice(list(self.registries)))
        if keeper is not None and self.random.random() < 0.2:
            keeper.kill()

    def end_all(self):
        """End everybody, those as well that others have started meanwhile, and wait until they are gone."""
        self.refs.clear()
        while crowd := [process for process in self.crowd() if not process.killed]:
            for process in crowd:
                process.ref.kill()
        for process in self.crowd():
            if not process.ref.join(PATIENCE):
                self.leaks.append(f"{process} has not ended in {PATIENCE} seconds")

    def crowd(self):
        processes = current_runtime().processes()
        return [process for process in processes if not issubclass(process.actor_class, INFRASTRUCTURE)]

    def look_for_keys(self, supervisor):
        # A keeper may have been killed just now, and hears of each end after that is seen.
        supervisor.which_children()
        for name, registry in self.registries.items():
            whereis(name).ask("handled what came before")
            if registry.count() or registry.holders():
                self.leaks.append(f"keys of {name} are held by nobody: {registry.holders()}")

    def look_for_names(self):
        self.leaks += [f"{name!r} is the name of {whereis(name)} still" for name in NAMES if whereis(name) is not None]

    def look_for_timers(self):
        # What actors have set is of no use any more, but for what is to fire soon.
        clock = current_runtime().clock
        waiting = [ticket for _, _, ticket in list(clock._tickets) if ticket.callback is not None]
        late = [ticket for ticket in waiting if ticket.deadline > clock.now() + 1.0]
        self.leaks += [f"{ticket.callback} is to be called still" for ticket in late]


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


def is_of_ended_thread(one):
    """Whether a greenlet stands for a thread itself, which has ended."""
    return one.parent is None and one.dead


def leaked_objects(before):
    gc.collect()
    # The greenlet library frees what it has of a thread some time after that has ended.
    there = [thing for thing in gc.get_objects() if not (isinstance(thing, greenlet) and is_of_ended_thread(thing))]
    left = {kind: [thing for thing in there if isinstance(thing, kind)] for kind in before}
    return [
        f"{len(left[kind]) - count} {kind.__name__}s are left, of {left[kind][-5:]}"
        for kind, count in before.items()
        if len(left[kind]) > count
    ]


def run(seconds, seed):
    """Soak for so many seconds, at least two rounds; return the summary and the leaks."""
    errors = Errors()
    logging.getLogger("pykka_otp").addHandler(errors)
    logging.getLogger("pykka_otp").propagate = False
    threads = set(threading.enumerate())
    objects = {kind: alive(kind) for kind in (Process, greenlet, Future, Monitor, Citizen, Clerk, Task, asyncio.Task)}
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
    soak.leaks += [f"{name!r} is a name still" for name in runtime._names]
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
