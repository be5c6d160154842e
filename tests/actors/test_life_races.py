"""Ends that race with everything else: one winner, one Down, one reason, and nobody left waiting."""

from __future__ import annotations

import contextlib
import contextvars
import queue
import threading

import pykka
import pytest

from actors import (
    Actor,
    ActorDied,
    AlreadyStarted,
    Down,
    Killed,
    Normal,
    StartFailed,
    demonitor,
    link,
    monitor,
    unlink,
    whereis,
)
from tests.support import CAP, Probe, TrappingProbe, crash, received, received_nothing

rule = pytest.mark.rule

pytestmark = pytest.mark.usefixtures("hasty_threads")


def at_once(*jobs):
    """Run these jobs, each in a thread of its own, as nearly at the same time as may be; return what they returned."""
    barrier = threading.Barrier(len(jobs))
    results, errors = [None] * len(jobs), []

    def run(number, job):
        barrier.wait(CAP)
        try:
            results[number] = job()
        except BaseException as error:
            errors.append(error)

    threads = [
        # In a copy of the test's context each, and so in its runtime.
        threading.Thread(target=contextvars.copy_context().run, args=(run, number, job), daemon=True)
        for number, job in enumerate(jobs)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(CAP)
        assert not thread.is_alive(), "a job hangs"
    assert errors == []
    return results


@rule("A35")
def test_of_many_starts_under_one_name_one_wins():
    made = []

    class Single(Actor):
        use_daemon_thread = True

        def __init__(self):
            made.append(self)

    def start():
        try:
            return ("started", Single.options(name="single").start())
        except AlreadyStarted as taken:
            return ("taken", taken.ref)

    results = at_once(*[start] * 200)

    assert [what for what, _ in results].count("started") == 1
    assert {ref for _, ref in results} == {whereis("single")}
    assert len(made) == 1


@rule("A35")
def test_of_concurrent_starters_that_wait_one_wins():
    for _ in range(25):
        starters = [Probe.start() for _ in range(4)]
        start = start_of_a_single(threading.Barrier(4))

        answers = [starter.ask(start, block=False) for starter in starters]
        results = [answer.get() for answer in answers]

        assert sorted(what for what, _ in results) == ["started", "taken", "taken", "taken"]
        assert len({ref for _, ref in results}) == 1
        results[0][1].stop()
        for starter in starters:
            starter.stop()


def start_of_a_single(arrived):
    """A start under one name whose winner is up when the three others have been answered."""

    class Slow(Probe):
        def on_start(self):
            arrived.wait(CAP)

    def start():
        try:
            return ("started", Slow.options(name="single").start_link())
        except AlreadyStarted as taken:
            arrived.wait(CAP)
            return ("taken", taken.ref)

    return start


ENDS = {
    "stop": lambda ref: ref.stop(block=False),
    "kill": lambda ref: ref.kill(),
    "exit": lambda ref: ref.exit("boom"),
    "crash": lambda ref: ref.tell(crash),
}


@rule("A61")
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_no_asker_is_left_waiting_by_an_end(end):
    for _ in range(30):
        actor = Probe.start()

        def ask_until_it_is_over(actor=actor):
            with contextlib.suppress(ActorDied):
                while True:
                    assert actor.ask(lambda: "reply", timeout=CAP) == "reply"

        def tell_until_it_is_over(actor=actor):
            with contextlib.suppress(ActorDied):
                for _ in range(200):
                    actor.tell(lambda: None)

        at_once(*[ask_until_it_is_over] * 3, tell_until_it_is_over, lambda actor=actor: end(actor))

        assert actor.join(CAP)


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_the_thread_of_an_actor_ends_though_others_write_to_it(end):
    for _ in range(100):
        actor = Probe.options(runs_on="thread").start()
        thread = actor.ask(threading.current_thread)
        flowing = threading.Barrier(4)

        def tell_until_it_is_over(actor=actor, flowing=flowing):
            flowing.wait(CAP)
            with contextlib.suppress(ActorDied):
                for _ in range(200):
                    actor.tell(None)

        def end_it(actor=actor, flowing=flowing):
            flowing.wait(CAP)
            for _ in range(20):
                actor.tell(None)
            quietly(end, actor)

        at_once(*[tell_until_it_is_over] * 3, end_it)

        thread.join(CAP)
        assert not thread.is_alive()


@rule("A8", "A24")
@pytest.mark.parametrize("end", [end for name, end in ENDS.items() if name != "kill"], ids=["stop", "exit", "crash"])
def test_a_kill_that_races_with_an_end_gives_one_down_and_one_reason(end):
    watcher = Probe.start()

    for _ in range(200):
        actor = Probe.options(name="racer").start()
        watch = watcher.ask(lambda actor=actor: monitor(actor))

        at_once(actor.kill, lambda actor=actor: quietly(end, actor))

        down = received(watcher)
        assert actor.join(CAP)
        assert down.monitor is watch
        assert down.reason == actor.exit_reason
        assert received_nothing(watcher)
        assert whereis("racer") is None
        assert actor not in pykka.ActorRegistry.get_all()


def quietly(end, actor):
    with contextlib.suppress(ActorDied):
        end(actor)


@rule("A24")
def test_kills_that_race_with_each_other_give_one_down():
    watcher = Probe.start()

    for _ in range(50):
        actor = Probe.start()
        watcher.ask(lambda actor=actor: monitor(actor))

        at_once(*[actor.kill] * 4)

        assert received(watcher).reason == Killed()
        assert actor.join(CAP)
        assert received_nothing(watcher)


@rule("A24", "A25")
def test_a_monitor_that_races_with_the_end_gives_one_down():
    watcher = Probe.start()

    for _ in range(200):
        actor = Probe.start()

        at_once(lambda actor=actor: actor.stop(), lambda actor=actor: watcher.ask(lambda: monitor(actor)))

        assert received(watcher).ref is actor
        assert received_nothing(watcher)


@rule("A26")
def test_a_flush_that_races_with_the_end_leaves_no_down_to_come():
    watcher = Probe.start()
    downs = watcher._process.actor.received

    for _ in range(200):
        actor = Probe.start()
        watch = watcher.ask(lambda actor=actor: monitor(actor))

        def flush(watch=watch):
            demonitor(watch, flush=True)
            return downs.qsize()

        _, handled = at_once(actor.stop, lambda flush=flush: watcher.ask(flush))

        watcher.ask(lambda: None)
        assert downs.qsize() == handled


@rule("A19")
def test_an_unlink_that_races_with_the_end_leaves_no_exit_to_come():
    watcher = TrappingProbe.start()
    exits = watcher._process.actor.received

    for _ in range(200):
        actor = Probe.start()
        watcher.ask(lambda actor=actor: link(actor))

        def undo(actor=actor):
            unlink(actor)
            return exits.qsize() + watcher.actor_inbox.qsize()

        _, arrived = at_once(actor.stop, lambda undo=undo: watcher.ask(undo))

        watcher.ask(lambda: None)
        assert exits.qsize() == arrived


@rule("A8")
def test_who_sees_the_down_of_a_killed_actor_finds_it_nowhere():
    found = []

    class Watcher(Probe):
        def on_receive(self, message):
            if not isinstance(message, Down):
                return super().on_receive(message)
            if message.ref in pykka.ActorRegistry.get_all() or not message.ref.actor_stopped.is_set():
                found.append(message)
            return self.received.put(message)

    watcher = Watcher.start()
    for _ in range(300):
        actor = Probe.start()
        watcher.ask(lambda actor=actor: monitor(actor))
        assert not actor.actor_stopped.is_set()

        actor.kill()
        received(watcher)

    assert found == []


@rule("A12", "A18")
def test_a_link_that_races_with_the_end_gives_one_exit():
    watcher = TrappingProbe.start()

    for _ in range(200):
        actor = Probe.start()

        at_once(lambda actor=actor: actor.stop(), lambda actor=actor: watcher.ask(lambda: link(actor)))

        assert received(watcher).ref is actor
        assert received_nothing(watcher)


@rule("A76")
def test_stops_that_race_with_each_other_all_return():
    for _ in range(50):
        actor = Probe.start()

        answers = at_once(*[actor.stop] * 4)

        assert True in answers
        assert actor.exit_reason == Normal()


@rule("A6")
def test_a_kill_that_races_with_a_handler_never_leaves_its_asker_waiting():
    for _ in range(200):
        actor = Probe.start()

        def ask(actor=actor):
            try:
                return actor.ask(lambda: "reply", timeout=CAP)
            except ActorDied:
                return "died"

        answers = at_once(ask, ask, actor.kill)

        assert set(answers[:2]) <= {"reply", "died"}
        assert actor.join(CAP)


@rule("A48")
def test_a_kill_that_races_with_a_start_gives_a_ref_or_an_error():
    begun = queue.SimpleQueue()

    class Announced(Probe):
        def __init__(self):
            super().__init__()
            begun.put(self.actor_ref)

    def start():
        try:
            return Announced.start_link()
        except StartFailed as failure:
            return failure.reason

    def kill():
        ref = begun.get(timeout=CAP)
        ref.kill()
        return ref

    for _ in range(100):
        result, ref = at_once(start, kill)

        assert result in (ref, Killed())
        assert ref.join(CAP)
        assert ref not in pykka.ActorRegistry.get_all()
