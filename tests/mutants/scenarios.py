"""Small worlds of actors, each run in the simulation as a seed says, with what has to be so."""

from __future__ import annotations

from actors import (
    Actor,
    AlreadyRegistered,
    GenServer,
    Queue,
    Registry,
    Snooze,
    Worker,
    checkpoint,
    demonitor,
    link,
    monitor,
    named,
    send_after,
    sleep,
    stash,
    unlink,
    unstash,
)
from actors.gen_server import NoReply, Ok, Reply
from actors.messages import Crashed, Down, Shutdown
from actors.testing.system import System
from supervision import ChildSpec, Supervisor

__all__ = ["SCENARIOS"]


class Quiet(Actor):
    """An actor that doesn't keep the program alive."""

    use_daemon_thread = True


# Queue, workers and keys


jobs = Queue("jobs", max_attempts=4, backoff=lambda _attempt, _reason: 0.1)
locks = Registry("locks", keys="unique")


class Sync(Worker):
    """Works on a user, alone."""

    use_daemon_thread = True
    max_demand = 2
    min_demand = 1

    def __init__(self, queue, seen):
        super().__init__(queue)
        self.seen = seen

    def handle_event(self, event):
        user, _ = event
        try:
            locks.register(user)
        except AlreadyRegistered:
            raise Snooze(0.5) from None
        try:
            assert user not in self.seen.inside, f"two work on {user} at once"
            self.seen.inside.add(user)
            try:
                sleep(0.1)
                self.seen.synced.append(event)
                in_flight = jobs.stats().in_flight
                assert in_flight <= 3 * Sync.max_demand, f"{in_flight} events in hand, and nobody asked for so many"
            finally:
                self.seen.inside.discard(user)
        finally:
            locks.unregister(user)


class Seen:
    def __init__(self):
        self.inside = set()
        self.synced = []


def _job(seed, *faults):
    seen = Seen()
    with System(seed) as system:
        workers = [ChildSpec(Sync, (jobs, seen), id=f"sync-{number}") for number in range(3)]
        supervisor = Supervisor.start_link([locks, jobs, *workers], strategy="one_for_one", max_restarts=100)
        for fault in faults:
            fault(system)
        events = [(f"user-{number % 3}", number) for number in range(9)]
        jobs.put_many(events)
        assert jobs.join(timeout=100.0), f"not all was handled: {jobs.stats()}"
        stats = jobs.stats()
        assert stats.put == stats.acked == len(events), f"some are lost: {stats}"
        assert set(seen.synced) == set(events), f"never handled: {set(events) - set(seen.synced)}"
        supervisor.stop()


def a_job_whose_workers_crash(seed):
    _job(
        seed,
        lambda system: system.crash_at(Sync, "sleep", nth=1 + seed % 4),
        lambda system: system.crash_at(Sync, "ack", nth=1 + seed % 6),
    )


def a_job_whose_workers_are_killed(seed):
    _job(
        seed,
        lambda system: system.kill_at(Sync, "sleep", nth=1 + seed % 5),
        lambda system: system.kill_at(Sync, "register", nth=2 + seed % 5),
    )


def a_queue_with_room_for_two(seed):
    small = Queue("small", maxsize=2)

    class Producer(Quiet):
        def on_receive(self, number):
            small.put(number)
            waiting = small.stats().ready
            assert waiting <= 2, f"{waiting} events wait where there is room for two"

    class Slow(Worker):
        use_daemon_thread = True

        def handle_event(self, event):
            sleep(1.0)

    with System(seed) as system:
        Supervisor.start_link([small, (Slow, small)], strategy="one_for_one")
        for number in range(8):
            Producer.start().tell(number)
        system.run_until(lambda: small.stats().acked == 8)


def an_event_that_is_snoozed(seed):
    late = Queue("late", max_attempts=2)
    snoozed = []

    class Sleepy(Worker):
        use_daemon_thread = True
        on_error = "fail"

        def handle_event(self, event):
            if len(snoozed) < 3:
                snoozed.append(event)
                raise Snooze(1.0)
            raise ValueError("no use")

    with System(seed):
        Supervisor.start_link([late, (Sleepy, late)], strategy="one_for_one")
        late.put("event")
        late.join(timeout=100.0)
        (letter,) = late.dead_letters()
        assert letter.attempts == 2, f"{letter.attempts} attempts, of which some were none"


# Keys


class Owner(Quiet):
    """Does with its keys what it is told to."""

    crash_on_failed_ask = False

    def on_receive(self, message):
        return message()


def a_key_that_somebody_else_gives_up(seed):
    with System(seed):
        locks.start_link()
        owner, other = Owner.start(), Owner.start()
        owner.ask(lambda: locks.register("key"))
        other.tell(lambda: locks.unregister("key"))
        other.ask(lambda: None)
        assert [found.owner for found in locks.lookup("key")] == [owner]


# Messages


class Note(Quiet):
    """Notes what it gets."""

    trap_exit = False

    def __init__(self, got):
        self.got = got

    def on_receive(self, message):
        self.got.append(message)


def messages_put_aside(seed):
    got = []

    class Patient(Quiet):
        is_ready = False

        def on_receive(self, message):
            if message == "ready":
                self.is_ready = True
                unstash()
            elif not self.is_ready:
                stash()
            else:
                got.append(message)

    with System(seed) as system:
        patient = Patient.start()
        for message in (1, 2, 3, "ready", 4):
            patient.tell(message)
        system.run_until_idle()
    assert got == [1, 2, 3, 4], f"came as {got}"


def senders_that_wait_for_room(seed):
    got = []

    class Sender(Quiet):
        def on_receive(self, target):
            for number in range(3):
                target.tell((self.actor_ref, number))

    with System(seed) as system:
        small = Note.options(max_mailbox=1, overflow="block").start(got)
        senders = [Sender.start() for _ in range(2)]
        for sender in senders:
            sender.tell(small)
        system.run_until_idle()
        for sender in senders:
            assert [number for who, number in got if who == sender] == [0, 1, 2]


def a_message_for_later(seed):
    got = []

    with System(seed) as system:
        send_after(Note.start(got), "now", 10.0)
        system.advance(9.9)
        assert got == [], "came before its time"
        system.advance(0.2)
        assert got == ["now"]


def answers_that_come_later(seed):
    class Server(GenServer):
        use_daemon_thread = True

        def init(self):
            return Ok(None)

        def handle_call(self, request, sender, first):
            if first is None:
                return NoReply(sender)
            first.reply("to the first")
            return Reply("to the second", first)

    class Client(Quiet):
        def on_receive(self, server):
            return server.call("please")

    with System(seed):
        server = Server.start_link()
        answers = sorted(future.get() for future in [Client.start().ask(server, block=False) for _ in range(2)])
    assert answers == ["to the first", "to the second"], f"answered {answers}"


# Links and monitors


def an_end_that_is_watched(seed):
    with System(seed) as system:
        target = Owner.start()
        probe = system.probe()
        probe.monitor(target)
        target.stop(block=False)
        probe.assert_down(target)
        probe.refute_receive(Down, within=1.0)


def a_watch_that_is_given_up(seed):
    got = []

    class Watcher(Note):
        def on_receive(self, message):
            match message:
                case ("watch", ref):
                    self.watch = monitor(ref)
                    sleep(1.0)
                    demonitor(self.watch, flush=True)
                case _:
                    got.append(message)

    with System(seed) as system:
        target = Owner.start()
        Watcher.start(got).tell(("watch", target))
        target.stop(block=False)
        system.advance(5.0)
    assert got == [], "told of the end of what it watches no more"


def an_end_that_reaches_who_is_linked(seed):
    class Partner(Quiet):
        def on_receive(self, message):
            match message:
                case ("link", ref):
                    link(ref)
                case "work":
                    checkpoint()
                    sleep(1.0)
                case "crash":
                    raise ValueError("boom")

    with System(seed) as system:
        system.expect_crash(ValueError)
        one, other = Partner.start(), Partner.start()
        one.ask(("link", other))
        one.tell("work")
        other.tell("crash")
        system.advance(5.0)
        assert isinstance(one.exit_reason, Crashed), f"lives on, {one.exit_reason}"


def an_end_after_an_unlink(seed):
    class Partner(Quiet):
        def on_receive(self, message):
            match message:
                case ("link", ref):
                    link(ref)
                case ("unlink", ref):
                    unlink(ref)
                case "crash":
                    raise ValueError("boom")

    with System(seed) as system:
        system.expect_crash(ValueError)
        one, other = Partner.start(), Partner.start()
        one.ask(("link", other))
        one.ask(("unlink", other))
        other.tell("crash")
        system.advance(5.0)
        assert one.is_alive(), "died with one that it isn't linked to any more"


# Supervisors


class Child(Quiet):
    """A child that notes its starts."""

    def __init__(self, name, starts):
        self.name = name
        self.starts = starts

    def on_start(self):
        self.starts.append(self.name)

    def on_receive(self, message):
        raise ValueError(message)


def _children(starts, **overrides):
    return [
        ChildSpec(Child.options(name=name).start_link, (name, starts), id=name, **overrides) for name in ("a", "b", "c")
    ]


def a_family_that_is_restarted(seed):
    starts = []
    with System(seed) as system:
        system.expect_crash(ValueError)
        Supervisor.start_link(_children(starts), strategy="one_for_all")
        named("b").tell("boom")
        system.run_until_idle()
    assert starts == ["a", "b", "c"] * 2, f"started as {starts}"


def a_child_that_crashes_too_often(seed):
    starts = []
    with System(seed) as system:
        system.expect_crash(ValueError, times=3)
        supervisor = Supervisor.start_link(_children(starts), strategy="one_for_one", max_restarts=2, max_seconds=5.0)
        for _ in range(2):
            named("b").tell("boom")
            system.run_until_idle()
            assert supervisor.is_alive(), "gave up too early"
        named("b").tell("boom")
        system.run_until_idle()
        assert supervisor.exit_reason == Shutdown(), "didn't give up"


def a_child_that_has_had_enough(seed):
    starts = []
    with System(seed) as system:
        Supervisor.start_link(_children(starts, restart="transient"), strategy="one_for_one")
        named("b").exit(Shutdown("enough"))
        system.run_until_idle()
    assert starts == ["a", "b", "c"], f"started again: {starts}"


SCENARIOS = {
    scenario.__name__: scenario
    for scenario in (
        a_job_whose_workers_crash,
        a_job_whose_workers_are_killed,
        a_queue_with_room_for_two,
        an_event_that_is_snoozed,
        a_key_that_somebody_else_gives_up,
        messages_put_aside,
        senders_that_wait_for_room,
        a_message_for_later,
        answers_that_come_later,
        an_end_that_is_watched,
        a_watch_that_is_given_up,
        an_end_that_reaches_who_is_linked,
        an_end_after_an_unlink,
        a_family_that_is_restarted,
        a_child_that_crashes_too_often,
        a_child_that_has_had_enough,
    )
}
