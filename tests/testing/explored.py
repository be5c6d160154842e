"""Scenarios to explore: known races, the same without them, and one whose schedules can be counted by hand."""

from __future__ import annotations

import os
import random
import threading
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from actors import Actor, Down, Queue, Registry, Worker, checkpoint, monitor, now, send_after, sleep
from actors.testing.explore import Pct, RandomWalk
from actors.testing.system import System

# Lost update: both read, and both write what they have made of it.


class Account(Actor):
    def __init__(self):
        self.balance = 0

    def on_receive(self, message):
        match message:
            case "balance":
                return self.balance
            case ("set", balance):
                self.balance = balance
            case ("add", amount):
                self.balance += amount
        return None


class Clerk(Actor):
    def __init__(self, account):
        self.account = account

    def on_receive(self, amount):
        balance = self.account.ask("balance")
        self.account.tell(("set", balance + amount))


class FairClerk(Actor):
    def __init__(self, account):
        self.account = account

    def on_receive(self, amount):
        self.account.tell(("add", amount))


def _paid_in_by(clerk_class):
    account = Account.start()
    clerks = [clerk_class.start(account) for _ in range(2)]
    for clerk in clerks:
        clerk.tell(1)
    return account


def lost_update(system):
    account = _paid_in_by(Clerk)
    system.run_until_idle()
    assert account.ask("balance") == 2


def no_lost_update(system):
    account = _paid_in_by(FairClerk)
    system.run_until_idle()
    assert account.ask("balance") == 2


# Check, then act: by tells, so that nobody ever waits.


class Theatre(Actor):
    def __init__(self, *, reserves):
        self.reserves = reserves
        self.free = {"A1", "A2"}
        self.sold = []

    def on_receive(self, message):
        match message:
            case ("which is free?", asker):
                free = sorted(self.free)
                if self.reserves and free:
                    self.free.discard(free[0])
                asker.tell(("free", free))
            case ("buy", seat):
                self.free.discard(seat)
                self.sold.append(seat)
            case "sold":
                return self.sold
        return None


class Visitor(Actor):
    def __init__(self, theatre):
        self.theatre = theatre

    def on_receive(self, message):
        match message:
            case "go":
                self.theatre.tell(("which is free?", self.actor_ref))
            case ("free", [seat, *_]):
                self.theatre.tell(("buy", seat))


def _theatre(system, *, reserves):
    theatre = Theatre.start(reserves=reserves)
    for visitor in [Visitor.start(theatre) for _ in range(2)]:
        visitor.tell("go")
    system.run_until_idle()
    assert sorted(theatre.ask("sold")) == ["A1", "A2"]


def seat_sold_twice(system):
    _theatre(system, reserves=False)


def no_seat_sold_twice(system):
    _theatre(system, reserves=True)


# Double sync: a plain table says who is being synced; another may come between the look and the entry. In turn nothing
# goes wrong.


class Syncer(Actor):
    def __init__(self, table, overlaps):
        self.table = table
        self.overlaps = overlaps

    def on_receive(self, user):
        if user in self.table:
            return
        checkpoint()
        self.sync(user)

    def sync(self, user):
        if user in self.table:
            self.overlaps.append(user)
        self.table.add(user)
        checkpoint()
        self.table.discard(user)


class SyncerThatLooksAgain(Syncer):
    def sync(self, user):
        if user not in self.table:
            super().sync(user)


class SyncerThatEntersAtOnce(Syncer):
    def on_receive(self, user):
        if user not in self.table:
            self.sync(user)


def _syncs(system, syncer_class):
    table, overlaps = set(), []
    for syncer in [syncer_class.start(table, overlaps) for _ in range(3)]:
        syncer.tell("u1")
        syncer.tell("u2")
    system.run_until_idle()
    assert not overlaps, f"synced twice at once: {overlaps}"


def double_sync(system):
    _syncs(system, Syncer)


def no_double_sync(system):
    _syncs(system, SyncerThatEntersAtOnce)


def double_sync_mended_by_a_second_look(system):
    # Named as the ones whose steps it is to have.
    _syncs(system, type("Syncer", (SyncerThatLooksAgain,), {}))


# An audit while money is moved: in turn it comes before or after.


class Mover(Actor):
    def on_receive(self, message):
        source, target = message
        source.tell(("add", -1))
        target.tell(("add", 1))


class Auditor(Actor):
    def __init__(self, sums):
        self.sums = sums

    def on_receive(self, accounts):
        self.sums.append(sum(account.ask("balance") for account in accounts))


def audit(system):
    sums = []
    audit_into(sums, system)
    assert sums == [0]


def audit_into(sums, system):
    accounts = [Account.start(), Account.start()]
    Mover.start().tell(accounts)
    Auditor.start(sums).tell(accounts)
    system.run_until_idle()


# Two halves of work, with a switch point between them


class TwoHalves(Actor):
    def __init__(self, name, done):
        self.name = name
        self.done = done

    def on_receive(self, message):
        self.done.append(self.name)
        checkpoint()
        self.done.append(self.name)


def halves(names, ways):
    """A scenario that writes down in which order the halves were done."""

    def scenario(system):
        done = []
        for worker in [TwoHalves.start(name, done) for name in names]:
            worker.tell("work")
        system.run_until_idle()
        ways.append("".join(done))

    return scenario


# With faults


def crashes_are_survived(system):
    system.crash(Clerk, nth=2)
    account = _paid_in_by(Clerk)
    system.run_until_idle()
    assert account.ask("balance") == 1


def money_is_lost_in_a_crash(system):
    """Of what goes wrong, only the crash of the account matters."""
    system.slow(FairClerk, 0.5)
    system.crash(FairClerk, nth=2, when="after")
    system.crash(Account, message=("add", 1), nth=2)
    account = _paid_in_by(FairClerk)
    system.advance(1.0)
    assert account.is_alive(), "the account is gone"


class Stubborn(Actor):
    """Has a thread of its own, and so needn't notice that it was killed."""

    runs_on = "thread"

    def on_receive(self, message):
        for _ in range(5):
            checkpoint()


class Killer(Actor):
    def on_receive(self, victim):
        victim.kill()


def killed_while_at_work(system):
    stubborn = Stubborn.start()
    stubborn.tell("work")
    Killer.start().tell(stubborn)
    system.run_until_idle()
    assert not stubborn.is_alive()


def crash_that_never_comes(system):
    system.crash(Clerk, nth=20)
    _paid_in_by(Clerk)
    system.run_until_idle()


# Not the same each time


class Dice(Actor):
    """Throws as it is told to, and tells somebody."""

    def __init__(self, other):
        self.other = other

    def on_receive(self, throw):
        self.other.tell(("thrown", throw()))


class Table(Actor):
    def on_receive(self, message):
        pass


def _throw(throw):
    def scenario(system):
        table = Table.start()
        for dice in [Dice.start(table) for _ in range(2)]:
            dice.tell(throw)
        system.run_until_idle()

    return scenario


def by_random(system):
    _throw(random.random)(system)


def by_uuid(system):
    _throw(uuid.uuid4)(system)


def by_real_time(system):
    _throw(time.perf_counter)(system)


def _names_as_they_come():
    return tuple({"ada", "barbara", "grace", "hedy", "joan", "katherine", "margaret", "radia"})


def _names_in_order():
    return tuple(sorted(_names_as_they_come()))


def by_the_order_of_a_set(system):
    _throw(_names_as_they_come)(system)


def by_the_order_of_names(system):
    _throw(_names_in_order)(system)


def by_chance_of_the_system(system):
    _throw(lambda: (system.random.random(), system.uuid4()))(system)


def fails_by_the_order_of_a_set(system):
    by_the_order_of_a_set(system)
    raise AssertionError


class Failing(Worker):
    use_daemon_thread = True
    on_error = "fail"

    def handle_event(self, event):
        raise ValueError(event)


def an_event_that_is_tried_again(system):
    """Each time a little later than it must be: that is left to chance."""
    queue = Queue("tried", max_attempts=3)
    queue.start_link()
    for _ in range(2):
        Failing.start(queue)
    queue.put("event")
    queue.join(timeout=100.0)


# Of everything something: its trace is to be the same wherever it runs


@dataclass(frozen=True)
class Order:
    key: str
    tags: frozenset[str]


class Shop(Actor):
    def __init__(self, registry):
        self.registry = registry

    def on_receive(self, message):
        match message:
            case Order(key, _):
                self.registry.register(key)
                send_after(self.actor_ref, ("later", key, {"ids": uuid.UUID(int=7), "at": now()}), 1.5)
                checkpoint()
            case ("later", key, _):
                self.registry.unregister(key)
                if key == "u2":
                    raise ValueError(key, {"b", "a"})


class Customer(Actor):
    def on_receive(self, message):
        if isinstance(message, Down):
            return
        for number, shop in enumerate(message):
            monitor(shop)
            shop.tell(Order(f"u{number}", frozenset({"new", "large", "urgent"})))
        sleep(1)


def everything(system):
    registry = Registry("shops")
    registry.start_link()
    shops = [Shop.start(registry) for _ in range(3)]
    Customer.start().tell(shops)
    stubborn = Stubborn.start()
    stubborn.tell("work")
    Killer.start().tell(stubborn)
    system.expect_crash(ValueError)
    system.advance(10)


def digests():
    found = []
    for policy in RandomWalk, Pct:
        with System("digest", policy=policy("digest")) as system:
            everything(system)
        found.append(system.digest)
    return found


# For other processes


def crash_of_the_second_payment(system):
    system.crash(Account, message=("add", 1), nth=2)
    _paid_in_by(FairClerk)
    system.run_until_idle()


async def not_a_scenario(system):
    """Never run."""


def ends_its_process(system):
    os._exit(3)


def prints(system):
    print("hello from", os.getpid())  # noqa: T201 - what this is about
    no_lost_update(system)


def fee():
    raise RuntimeError("there is no network")


class Charging(Actor):
    def on_receive(self, fees):
        before, more = len(fees), fee()
        checkpoint()
        fees[before:] = [more]


def fees_from_afar(system):
    fees = []
    for actor in [Charging.start(), Charging.start()]:
        actor.tell(fees)
    system.run_until_idle()
    assert len(fees) == 2, "a fee is missing"


@dataclass
class Book:
    lock: object = field(default_factory=threading.Lock)


def books_with_locks(system):
    _throw(Book)(system)


class Reader(Actor):
    def on_receive(self, book):
        with book.lock:
            checkpoint()


def reads_under_a_lock(system):
    book = Book()
    for reader in [Reader.start(), Reader.start()]:
        reader.tell(book)
    system.run_until_idle()


# What blocks for real

# Where no simulation finds it.
_NEVER_RELEASED = [threading.Lock()]
_NEVER_RELEASED[0].acquire()


class Stuck(Actor):
    def on_receive(self, message):
        checkpoint()
        _NEVER_RELEASED[0].acquire()


def blocks_for_real(system):
    system._simulation.step_seconds = 0.3
    Stuck.start().tell("work")
    system.run_until_idle()


def blocks_in_schedule_three(system):
    no_lost_update(system)
    if system.seed == "0-3":
        blocks_for_real(system)


def blocks_before_an_earlier_one_fails(system):
    no_lost_update(system)
    blocked = Path(os.environ["BLOCKED"])
    if system.seed == "0-3":
        # In the other process.
        while not blocked.exists():
            pass
        raise AssertionError("it fails in schedule 3")
    if system.seed == "0-5":
        blocked.touch()
        blocks_for_real(system)


# Order


class Ledger(Actor):
    """Writes down what it gets."""

    def __init__(self):
        self.lines = []

    def on_receive(self, line):
        if line is None:
            return self.lines
        self.lines.append(line)
        return None


class Till(Actor):
    """Books a sale, and passes on what it is handed."""

    def on_receive(self, message):
        book, *rest = message
        book(self, *rest)


def relies_on_order_between_senders(system):
    """A sale is booked before the bill is, since it is sent before; but by another."""
    ledger, clerk, till = Ledger.start(), Till.start(), Till.start()

    def sell(_till):
        ledger.tell("sale")
        clerk.tell((lambda _clerk: ledger.tell("bill"),))

    till.tell((sell,))
    system.run_until_idle()
    assert ledger.ask(None) == ["sale", "bill"]


def noted_walk(seed, decisions):
    """Note in a file of this process that it has taken this policy."""
    return _noted("walk", RandomWalk(seed, decisions))


def noted_pct(seed, decisions):
    """The same of the other one."""
    return _noted("pct", Pct(seed, decisions))


def _noted(name, policy):
    with (Path(os.environ["POLICIES_OF"]) / str(os.getpid())).open("a", encoding="utf-8") as file:
        file.write(f"{name}\n")
    return policy


# Woken together: what both do at one moment, they do beside each other.


class Napping(Actor):
    """Reads, and writes what it has made of it, when it wakes."""

    def on_receive(self, message):
        kind, box = message
        match kind:
            case "sleep":
                sleep(1.0)
                self.update(box)
            case "timer":
                send_after(self.actor_ref, ("update", box), 1.0)
            case "timer of no time":
                send_after(self.actor_ref, ("update", box), 0.0)
            case "update":
                self.update(box)

    def update(self, box):
        read = box[0]
        checkpoint()
        box[0] = read + 1


def _woken_by(kind, system):
    box = [0]
    for actor in [Napping.start(), Napping.start()]:
        actor.tell((kind, box))
    system.advance(1.0)
    assert box == [2]


def woken_by_sleeps(system):
    _woken_by("sleep", system)


def woken_by_timers(system):
    _woken_by("timer", system)


def woken_by_timers_of_no_time(system):
    _woken_by("timer of no time", system)
