"""Scenarios to explore: known races, the same without them, and one whose schedules can be counted by hand."""

from __future__ import annotations

import random
import time
import uuid

from actors import Actor, checkpoint

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
    def __init__(self, table, overlaps, *, looks_first):
        self.table = table
        self.overlaps = overlaps
        self.looks_first = looks_first

    def on_receive(self, user):
        if self.looks_first:
            if user in self.table:
                return
            checkpoint()
        if user in self.table and not self.looks_first:
            return
        if user in self.table:
            self.overlaps.append(user)
        self.table.add(user)
        checkpoint()
        self.table.discard(user)


def _syncs(system, *, looks_first):
    table, overlaps = set(), []
    for syncer in [Syncer.start(table, overlaps, looks_first=looks_first) for _ in range(3)]:
        syncer.tell("u1")
        syncer.tell("u2")
    system.run_until_idle()
    assert not overlaps, f"synced twice at once: {overlaps}"


def double_sync(system):
    _syncs(system, looks_first=True)


def no_double_sync(system):
    _syncs(system, looks_first=False)


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
    """Of two crashes and a slow handler only the crash of the account matters, and only when it comes late."""
    system.crash(Account, message=("add", 1), nth=2)
    system.slow(FairClerk, 0.0)
    account = _paid_in_by(FairClerk)
    probe = system.probe()
    probe.monitor(account)
    system.run_until_idle()
    assert not probe.received, "the account is gone"


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


by_random = _throw(random.random)
by_uuid = _throw(uuid.uuid4)
by_real_time = _throw(time.perf_counter)


def _names_as_they_come():
    return tuple({"ada", "barbara", "grace", "hedy", "joan", "katherine", "margaret", "radia"})


def _names_in_order():
    return tuple(sorted(_names_as_they_come()))


def by_the_order_of_a_set(system):
    _throw(_names_as_they_come)(system)


def by_the_order_of_names(system):
    _throw(_names_in_order)(system)


def by_chance_of_the_systems(system):
    _throw(lambda: (system.random.random(), system.uuid4()))(system)
