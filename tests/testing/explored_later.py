"""Two scenarios of `explored` some changes later: variables have other names, and somebody else is at work as well."""

from __future__ import annotations

from actors import Actor, checkpoint


class Passerby(Actor):
    def on_receive(self, message):
        checkpoint()
        checkpoint()


class Syncer(Actor):
    def __init__(self, in_progress, doubles):
        self.in_progress = in_progress
        self.doubles = doubles

    def on_receive(self, person):
        if person in self.in_progress:
            return
        checkpoint()
        self.sync(person)

    def sync(self, person):
        if person in self.in_progress:
            self.doubles.append(person)
        self.in_progress.add(person)
        checkpoint()
        self.in_progress.discard(person)


def _syncs(system):
    in_progress, doubles = set(), []
    syncers = [Syncer.start(in_progress, doubles) for _ in range(3)]
    passerby = Passerby.start()
    passerby.tell("good morning")
    for syncer in syncers:
        syncer.tell("u1")
        syncer.tell("u2")
    passerby.tell("good evening")
    system.run_until_idle()
    assert not doubles, f"synced twice at once: {doubles}"


def double_sync(system):
    _syncs(system)


class Account(Actor):
    def __init__(self):
        self.amount = 0

    def on_receive(self, message):
        match message:
            case "balance":
                return self.amount
            case ("add", more):
                self.amount += more
        return None


class Mover(Actor):
    def on_receive(self, message):
        here, there = message
        here.tell(("add", -1))
        there.tell(("add", 1))


class Auditor(Actor):
    def __init__(self, totals):
        self.totals = totals

    def on_receive(self, accounts):
        self.totals.append(sum(account.ask("balance") for account in accounts))


def audit(system):
    totals = []
    accounts = [Account.start(), Account.start()]
    passerby = Passerby.start()
    Mover.start().tell(accounts)
    passerby.tell("good morning")
    Auditor.start(totals).tell(accounts)
    system.run_until_idle()
    assert totals == [0]
