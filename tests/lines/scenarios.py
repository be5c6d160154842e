"""Parts of the product as several threads use them at once, each with what has to be so afterwards."""

from __future__ import annotations

import contextlib
import queue
from unittest import mock

from actors import (
    Actor,
    ActorDied,
    AlreadyRegistered,
    CallTimeout,
    _bounded,
    _future,
    _kill,
    _process,
    _scheduler,
    registry,
    task,
)
from actors._future import Future
from actors._kill import kill
from actors._mail import Fired
from actors._scheduler import Carrier, Pool
from actors.messages import Down, Killed
from actors.registry import RegistryTable
from tests.lines.world import LineScenario, World, live

__all__ = ["SCENARIOS"]


class Notes(Actor):
    """Notes what it handles, and answers with it."""

    use_daemon_thread = True

    def __init__(self, seen):
        self.seen = seen

    def on_receive(self, message):
        self.seen.append(message)
        return message


# The mailbox


class MailWorld(World):
    """One actor that others ask and tell."""

    def __init__(self, **options):
        super().__init__()
        self.ref = self.start(Notes, self.seen, **options)
        self.process = self.ref._process
        self.asked = {}
        self.refused = []

    def live(self):
        live(self.ref)

    def ask(self, *messages):
        for message in messages:
            try:
                self.asked[message] = self.ref.ask(message, block=False)
            except ActorDied:
                self.refused.append(message)

    def tell(self, *messages):
        for message in messages:
            try:
                self.ref.tell(message)
            except ActorDied:
                self.refused.append(message)

    def ask_twice(self):
        self.ask("a", "b")

    def tell_many(self):
        self.tell("c", "d", "e")

    def kill(self):
        kill(self.process)

    def stop(self):
        self.ref.stop(block=False)

    def put_back(self):
        self.process.put_back(["x", "y"])

    def nobody_waits_and_nothing_is_handled_twice(self):
        for message, answer in self.asked.items():
            assert answer._outcome, f"{message!r} was never answered"
        assert len(set(self.seen)) == len(self.seen), f"handled twice: {self.seen}"
        assert self.process.gone
        assert self.process.mailbox_length() == 0, "left in the mailbox of a dead actor"
        answered = [message for message, answer in self.asked.items() if answer._outcome[0] == message]
        assert set(answered) <= set(self.seen)

    def what_was_told_is_handled_or_a_dead_letter(self):
        self.nobody_waits_and_nothing_is_handled_twice()
        told = ["c", "d", "e"]
        handled = [message for message in self.seen if message in told]
        assert handled == told[: len(handled)], f"out of order: {handled}"
        # One that was in hand when the kill came has begun, and isn't lost; one that was refused is told to its sender.
        assert len(handled) + self.runtime.dead_letters.count >= len(told), "lost without a trace"


def a_kill_while_others_ask():
    return LineScenario(
        MailWorld,
        [MailWorld.live, MailWorld.ask_twice, MailWorld.kill],
        MailWorld.nobody_waits_and_nothing_is_handled_twice,
        [_process, _kill],
    )


def a_kill_while_others_tell():
    return LineScenario(
        MailWorld,
        [MailWorld.live, MailWorld.tell_many, MailWorld.kill],
        MailWorld.what_was_told_is_handled_or_a_dead_letter,
        [_process, _kill],
    )


def a_stop_while_others_ask():
    return LineScenario(
        MailWorld,
        [MailWorld.live, MailWorld.ask_twice, MailWorld.stop],
        MailWorld.nobody_waits_and_nothing_is_handled_twice,
        [_process],
    )


def messages_put_back_at_a_kill():
    return LineScenario(
        MailWorld,
        [MailWorld.live, MailWorld.put_back, MailWorld.ask_twice, MailWorld.kill],
        MailWorld.nobody_waits_and_nothing_is_handled_twice,
        [_process, _kill],
    )


class FullMailWorld(MailWorld):
    """One whose mailbox is taken from in bulk, which else takes many messages."""

    def live(self):
        with mock.patch.object(_process, "_MANY", 1):
            super().live()


def a_mailbox_taken_from_in_bulk_at_a_kill():
    return LineScenario(
        FullMailWorld,
        [FullMailWorld.live, FullMailWorld.tell_many, FullMailWorld.ask_twice, FullMailWorld.kill],
        FullMailWorld.what_was_told_is_handled_or_a_dead_letter,
        [_process, _kill],
    )


def an_idle_actor_that_is_told_and_stopped():
    """Nobody kills it: whoever is told last wakes it, or it sleeps for ever."""

    class IdleWorld(MailWorld):
        def tell_and_stop(self):
            self.tell("c")
            self.stop()

        def tell_another(self):
            self.tell("d")

        def all_was_handled(self):
            assert {"c"} <= set(self.seen) <= {"c", "d"}

    return LineScenario(
        IdleWorld,
        [IdleWorld.live, IdleWorld.tell_and_stop, IdleWorld.tell_another],
        IdleWorld.all_was_handled,
        [_process],
    )


# The mailbox with a bound


class BoundedWorld(MailWorld):
    """One whose mailbox has room for one message; who sends waits."""

    def __init__(self):
        super().__init__(max_mailbox=1, overflow="block")

    def first(self):
        self.tell("c", "d", "e")

    def second(self):
        self.tell("p", "q")

    def first_then_stop(self):
        self.tell("c", "d", "e")
        self.stop()

    def in_order_and_none_lost(self):
        for sent in ("cde", "pq"):
            handled = [message for message in self.seen if message in sent]
            assert handled == list(sent[: len(handled)]), f"out of order: {self.seen}"
        assert self.process.senders_waiting == 0
        # Gone, it has refused all that was left; what comes to the dead is told to who sends.
        assert self.process.gone
        lost = self.runtime.dead_letters.count
        assert len(self.seen) + lost >= 5, f"lost without a trace: {self.seen}"


def senders_that_wait_for_room_at_a_kill():
    return LineScenario(
        BoundedWorld,
        [BoundedWorld.live, BoundedWorld.first, BoundedWorld.second, BoundedWorld.kill],
        BoundedWorld.in_order_and_none_lost,
        [_process, _kill, _bounded],
    )


class BoundedAskWorld(BoundedWorld):
    """One whose mailbox has room for one message; who asks waits."""

    def ask_more(self):
        self.ask("s", "t")


def askers_that_wait_for_room_at_a_kill():
    return LineScenario(
        BoundedAskWorld,
        [BoundedAskWorld.live, BoundedAskWorld.ask_twice, BoundedAskWorld.ask_more, BoundedAskWorld.kill],
        BoundedAskWorld.nobody_waits_and_nothing_is_handled_twice,
        [_process, _kill, _bounded],
    )


class DroppingWorld(MailWorld):
    """One whose mailbox has room for one message, which a later one takes."""

    def __init__(self):
        super().__init__(max_mailbox=1, overflow="drop_oldest")

    def tell_more(self):
        self.tell("p", "q")

    def all_are_accounted_for(self):
        self.nobody_waits_and_nothing_is_handled_twice()
        told = [message for message in self.seen if message in "cdepq"]
        assert len(told) + self.runtime.dead_letters.count + len(self.refused) >= len("cdepq"), "lost without a trace"


def senders_that_take_each_others_room_at_a_kill():
    return LineScenario(
        DroppingWorld,
        [DroppingWorld.live, DroppingWorld.tell_many, DroppingWorld.tell_more, DroppingWorld.kill],
        DroppingWorld.all_are_accounted_for,
        [_process, _kill, _bounded],
    )


def askers_that_take_each_others_room_at_a_kill():
    return LineScenario(
        DroppingWorld,
        [DroppingWorld.live, DroppingWorld.ask_twice, DroppingWorld.tell_more, DroppingWorld.kill],
        DroppingWorld.nobody_waits_and_nothing_is_handled_twice,
        [_process, _kill, _bounded],
    )


def senders_that_wait_for_room():
    return LineScenario(
        BoundedWorld,
        [BoundedWorld.live, BoundedWorld.first_then_stop, BoundedWorld.second],
        BoundedWorld.in_order_and_none_lost,
        [_process, _bounded],
    )


# The future


class FutureWorld:
    """Some who wait for one answer, and some who give it."""

    def __init__(self):
        self.future = Future()
        self.got = []
        self.given = []

    def _set(self, value):
        try:
            self.future.set(value)
            self.given.append(value)
        except queue.Full:
            self.given.append(None)

    def set_one(self):
        self._set(1)

    def set_two(self):
        self._set(2)

    def get(self):
        self.got.append(self.future.get())

    def get_in_time(self):
        try:
            self.got.append(self.future.get(timeout=5.0))
        except CallTimeout:
            self.got.append("late")

    def the_first_answer_is_everybodys(self):
        answer = self.future.get()
        assert [value for value in self.given if value is not None] == [answer], (
            f"{self.given} were told that it counts"
        )
        assert set(self.got) <= {answer, "late"}, f"{self.got}, and not {answer}"


def a_future_that_two_set():
    return LineScenario(
        FutureWorld,
        [FutureWorld.get, FutureWorld.set_one, FutureWorld.set_two],
        FutureWorld.the_first_answer_is_everybodys,
        [_future],
    )


def a_future_that_two_wait_for():
    return LineScenario(
        FutureWorld,
        [FutureWorld.get, FutureWorld.get, FutureWorld.set_one],
        FutureWorld.the_first_answer_is_everybodys,
        [_future],
    )


def a_future_with_a_wait_that_is_over():
    return LineScenario(
        FutureWorld,
        [FutureWorld.get_in_time, FutureWorld.get, FutureWorld.set_one],
        FutureWorld.the_first_answer_is_everybodys,
        [_future],
    )


# A kill, and an actor that waits


class WaitWorld(World):
    """An actor whose handler waits for what never comes."""

    def __init__(self):
        super().__init__()
        never = Future(self.runtime)

        class Waits(Notes):
            def on_receive(self, message):
                never.get()

        self.ref = self.start(Waits, self.seen)
        self.ref.tell("wait")

    def live(self):
        live(self.ref)

    def kill(self):
        kill(self.ref._process)

    def it_has_ended(self):
        assert self.ref._process.gone


def a_kill_of_one_that_is_about_to_wait():
    return LineScenario(WaitWorld, [WaitWorld.live, WaitWorld.kill], WaitWorld.it_has_ended, [_process, _kill])


# Monitors


class MonitorWorld(World):
    """One that watches another which ends."""

    def __init__(self):
        super().__init__()
        self.watcher = self.start(Notes, self.seen)._process
        self.ref = self.start(Notes, [])
        self.target = self.ref._process
        # Never handles anything: what it gets lies in its mailbox.
        self.monitors = []

    def watch(self):
        self.monitors.append(self.watcher.monitor(self.target, self.ref))

    def watch_and_give_up(self):
        monitor = self.watcher.monitor(self.target, self.ref)
        self.seen.append(self.watcher.demonitor(monitor, flush=False))

    def live(self):
        live(self.ref)

    def kill(self):
        kill(self.target)

    def stop(self):
        self.ref.stop(block=False)

    @property
    def downs(self):
        fired = [message.down for message in self.watcher.inbox if isinstance(message, Fired)]
        # One that was flushed stays there, and isn't handled.
        return [down for down in fired if not down.monitor.flushed]

    def there_is_one_down_for_each(self):
        assert [down.monitor for down in self.downs] == self.monitors
        assert not self.watcher.watching, "watches still what is dead"

    def there_is_a_down_unless_it_gave_up_in_time(self):
        was_active = self.seen[0]
        assert len(self.downs) == (0 if was_active else 1)


def a_monitor_at_a_kill():
    return LineScenario(
        MonitorWorld,
        [MonitorWorld.watch, MonitorWorld.kill],
        MonitorWorld.there_is_one_down_for_each,
        [_process, _kill],
    )


def a_monitor_at_the_end_of_an_actor():
    return LineScenario(
        MonitorWorld,
        [MonitorWorld.live, MonitorWorld.watch, MonitorWorld.stop],
        MonitorWorld.there_is_one_down_for_each,
        [_process],
    )


def a_monitor_given_up_at_a_kill():
    return LineScenario(
        MonitorWorld,
        [MonitorWorld.watch_and_give_up, MonitorWorld.kill],
        MonitorWorld.there_is_a_down_unless_it_gave_up_in_time,
        [_process, _kill],
    )


class LinkWorld(World):
    """Two that are linked while one is killed."""

    def __init__(self):
        super().__init__()
        self.one = self.start(Notes, [], trap_exit=True)._process
        self.other = self.start(Notes, [])._process

    def link(self):
        self.one.link(self.other)

    def kill(self):
        kill(self.other)

    def there_is_one_exit(self):
        assert len(self.one.inbox) == 1
        assert not self.one.links
        assert self.other.links is None


def a_link_at_a_kill():
    return LineScenario(LinkWorld, [LinkWorld.link, LinkWorld.kill], LinkWorld.there_is_one_exit, [_process, _kill])


class NamedWorld(World):
    """One that starts its like when it hears of the end of a named one."""

    def __init__(self):
        super().__init__()
        self.ref = self.start(Notes, [], name="one")

        class Watches(Notes):
            def on_receive(watcher, message):
                if isinstance(message, Down):
                    self.seen.append(self.runtime.whereis("one"))
                    watcher.stop()

        self.watcher = self.start(Watches, [])
        self.watcher._process.monitor(self.ref._process, self.ref)

    def live(self):
        live(self.watcher)

    def kill(self):
        kill(self.ref._process)

    def the_name_was_free(self):
        assert self.seen == [None], "who was told of the end found the name taken"


def a_name_at_the_end_of_its_holder():
    return LineScenario(NamedWorld, [NamedWorld.live, NamedWorld.kill], NamedWorld.the_name_was_free, [_process, _kill])


# The run queue


class _Quiet:
    """The watchdog, where nothing is watched."""

    asleep = False

    class scheduler:
        on_rest = None


class _Carrier(Carrier):
    """A carrier whose thread is one of the exploration's."""

    def start(self, name):
        return self._pool


class PoolWorld:
    """One carrier that takes what others put into its queue."""

    def __init__(self, *, for_blockers=False):
        self.pool = Pool(_Quiet(), "pool", 0, for_blockers=for_blockers)
        self.pool._new_carrier = lambda: _Carrier(self.pool)
        self.carrier = _Carrier(self.pool)
        self.carrier.thread = self.carrier.start("first")
        self.carrier.asleep = False
        self.pool.carriers.append(self.carrier)
        self.taken = []

    def take_two(self):
        for _ in range(2):
            self.taken.append(self.carrier._next())

    def put_a(self):
        self.pool.schedule("a")

    def put_b(self):
        self.pool.schedule("b")

    def both_were_taken(self):
        assert sorted(self.taken) == ["a", "b"]


def two_that_put_into_the_queue_of_one_carrier():
    return LineScenario(
        PoolWorld, [PoolWorld.take_two, PoolWorld.put_a, PoolWorld.put_b], PoolWorld.both_were_taken, [_scheduler]
    )


class RetireWorld(PoolWorld):
    """A carrier that may go when it has had nothing to do for long."""

    def __init__(self):
        super().__init__(for_blockers=True)

    def take_all(self):
        while (item := self.carrier._next()) is not None:
            self.taken.append(item)

    def nothing_is_left_behind(self):
        # What wasn't taken is the next one's: it was woken, and its thread begun.
        begun = [carrier for carrier in self.pool.carriers if not carrier.asleep]
        assert not self.pool.queue or begun, f"{list(self.pool.queue)} is left, and nobody is awake"


def a_carrier_that_goes_when_something_is_put():
    return LineScenario(
        RetireWorld, [RetireWorld.take_all, RetireWorld.put_a], RetireWorld.nothing_is_left_behind, [_scheduler]
    )


# The Registry's table


class TableWorld(World):
    """Owners who want the same key."""

    def __init__(self):
        super().__init__()
        self.table = RegistryTable(self.runtime, "locks", unique=True)
        self.refs = [self.start(Notes, []) for _ in range(3)]
        self.owners = [ref._process for ref in self.refs]
        self.inside = []

    def _work(self, owner):
        try:
            self.table.insert("key", None, owner)
        except AlreadyRegistered:
            return
        self.inside.append(owner)
        assert self.inside == [owner], "two hold one key"
        self.table.read("key")
        self.inside.remove(owner)
        self.table.remove("key", owner)

    def work_one(self):
        self._work(self.owners[0])

    def work_two(self):
        self._work(self.owners[1])

    def take_and_die(self):
        owner = self.owners[2]
        with contextlib.suppress(AlreadyRegistered):
            self.table.insert("key", None, owner)
        kill(owner)

    def the_key_is_free(self):
        assert not list(self.table.entries(with_gone=True)), "held by nobody who lives"
        assert self.owners[2].gone is (self.owners[2].reason == Killed())


def owners_that_want_one_key():
    return LineScenario(TableWorld, [TableWorld.work_one, TableWorld.work_two], TableWorld.the_key_is_free, [registry])


class DyingOwnerWorld(TableWorld):
    """An owner that is killed while its own code registers."""

    def live(self):
        # As its own thread would: gone when that has come to its end.
        owner = self.owners[2]
        try:
            self.table.insert("key", None, owner)
        except AlreadyRegistered:
            return
        finally:
            owner.depart()

    def kill(self):
        kill(self.owners[2])

    def kept_by_none(self):
        assert not list(self.table.entries()), "held by nobody who lives"


def an_owner_that_goes_as_it_registers():
    return LineScenario(
        DyingOwnerWorld,
        [DyingOwnerWorld.live, DyingOwnerWorld.kill, DyingOwnerWorld.work_one],
        DyingOwnerWorld.kept_by_none,
        [_process, _kill, registry],
    )


# Tasks


class TaskWorld(World):
    """A task that returns as it is killed."""

    def __init__(self):
        super().__init__()
        self.results = []
        self.ref = self.start(task.TaskProcess, task._WorkItem(int, (), {}), self.results)
        self.ref._process.put(task._RUN)

    def live(self):
        live(self.ref)

    def kill(self):
        self.ref.kill()
        self.seen.append(list(self.results))

    def what_has_come_of_it_stays(self):
        assert self.seen == [self.results], "a value of one that was dead by then"


def a_task_that_is_killed_as_it_returns():
    return LineScenario(TaskWorld, [TaskWorld.live, TaskWorld.kill], TaskWorld.what_has_come_of_it_stays, [task])


SCENARIOS = {
    scenario.__name__: scenario
    for scenario in (
        a_kill_while_others_ask,
        a_kill_while_others_tell,
        a_stop_while_others_ask,
        messages_put_back_at_a_kill,
        a_mailbox_taken_from_in_bulk_at_a_kill,
        an_idle_actor_that_is_told_and_stopped,
        senders_that_wait_for_room_at_a_kill,
        askers_that_wait_for_room_at_a_kill,
        senders_that_take_each_others_room_at_a_kill,
        askers_that_take_each_others_room_at_a_kill,
        senders_that_wait_for_room,
        a_future_that_two_set,
        a_future_that_two_wait_for,
        a_future_with_a_wait_that_is_over,
        a_kill_of_one_that_is_about_to_wait,
        a_monitor_at_a_kill,
        a_monitor_at_the_end_of_an_actor,
        a_monitor_given_up_at_a_kill,
        a_link_at_a_kill,
        a_name_at_the_end_of_its_holder,
        two_that_put_into_the_queue_of_one_carrier,
        a_carrier_that_goes_when_something_is_put,
        owners_that_want_one_key,
        an_owner_that_goes_as_it_registers,
        a_task_that_is_killed_as_it_returns,
    )
}
