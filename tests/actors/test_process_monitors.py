"""Monitors: one Down for each, at the right time, with the right reason."""

from __future__ import annotations

import gc
import threading

import pykka
import pytest

from actors import (
    ActorDied,
    Crashed,
    Down,
    Exit,
    Killed,
    Monitor,
    NoProc,
    Normal,
    NotAnActor,
    Shutdown,
    demonitor,
    exit,
    link,
    monitor,
    named,
    register_name,
    stash,
    unregister_name,
    unstash,
    whereis,
)
from actors.testing import TestRuntime
from tests.support import CAP, Gate, Probe, TrappingProbe, crash, received, received_nothing, watching

rule = pytest.mark.rule


@rule("A1", "A24")
def test_a_stopped_actor_is_down_with_normal():
    actor = Probe.start()
    watcher = watching(actor)

    actor.stop()

    down = received(watcher)
    assert (down.ref, down.reason) == (actor, Normal())


@rule("A2", "A24")
def test_a_crashed_actor_is_down_with_its_exception_and_traceback():
    actor = Probe.start()
    watcher = watching(actor)

    actor.tell(crash)

    reason = received(watcher).reason
    assert reason == Crashed(ValueError("boom"))
    assert reason.exception.__traceback__ is not None


@rule("A3", "A24")
@pytest.mark.parametrize("reason", [("a", 1), "kill", Shutdown("why"), 0], ids=repr)
def test_an_actor_that_exits_is_down_with_what_it_gave(reason):
    actor = Probe.start()
    watcher = watching(actor)

    actor.tell(lambda: exit(reason))

    assert received(watcher).reason == reason


@rule("A6", "A24")
def test_a_killed_actor_is_down_with_killed():
    actor = TrappingProbe.start()
    watcher = watching(actor)

    actor.kill()

    assert received(watcher).reason == Killed()


@rule("A24")
def test_each_monitor_gets_a_down_of_its_own():
    actor, watcher = Probe.start(), Probe.start()
    first, second = watcher.ask(lambda: (monitor(actor), monitor(actor)))

    actor.stop(reason="x")

    assert first is not second
    assert [received(watcher), received(watcher)] == [Down(actor, "x", first), Down(actor, "x", second)]
    assert received_nothing(watcher)


@rule("A25")
def test_monitoring_a_dead_actor_gives_noproc_and_not_its_reason():
    actor, watcher = Probe.start(), Probe.start()
    actor.stop(reason="foo")

    watch = watcher.ask(lambda: monitor(actor))

    assert received(watcher) == Down(actor, NoProc(), watch)
    assert received_nothing(watcher)


@rule("A25")
def test_an_actor_in_its_last_hook_is_not_down_yet():
    gate = Gate()

    class Lingering(Probe):
        def on_stop(self):
            gate.pass_through()

    actor = Lingering.start()
    actor.stop(block=False, reason="late")
    gate.await_arrival()

    watcher = watching(actor)
    assert received_nothing(watcher)
    gate.open()

    assert received(watcher).reason == "late"


@rule("A26")
def test_a_monitor_that_was_ended_gives_no_down():
    actor, watcher = Probe.start(), Probe.start()
    watch = watcher.ask(lambda: monitor(actor))

    assert watcher.ask(lambda: demonitor(watch)) is True

    actor.stop()
    assert received_nothing(watcher)
    assert watcher.ask(lambda: demonitor(watch)) is False


@rule("A26")
def test_ending_one_monitor_leaves_the_others():
    actor, watcher = Probe.start(), Probe.start()
    first, second = watcher.ask(lambda: (monitor(actor), monitor(actor)))
    watcher.ask(lambda: demonitor(first))

    actor.stop()

    assert received(watcher).monitor is second
    assert received_nothing(watcher)


def with_a_down_queued(then):
    """A watcher that has a Down in its mailbox when it runs `then(monitor)`; and what that returned."""
    gate = Gate()
    actor, watcher = Probe.start(), Probe.start()
    watch = watcher.ask(lambda: monitor(actor))
    answer = watcher.ask(lambda: (gate.pass_through(), then(watch)), block=False)
    gate.await_arrival()
    actor.stop()
    gate.open()
    return watcher, answer.get()[1]


@rule("A26")
def test_without_flush_a_down_that_has_arrived_stays():
    watcher, was_on = with_a_down_queued(demonitor)

    assert was_on is False
    assert received(watcher).reason == Normal()


@rule("A26")
def test_with_flush_a_down_that_has_arrived_is_removed():
    watcher, was_on = with_a_down_queued(lambda watch: demonitor(watch, flush=True))

    assert was_on is False
    assert received_nothing(watcher)


@rule("A26")
def test_a_flushed_down_does_not_come_back():
    def flush_and_once_more(watch):
        demonitor(watch, flush=True)
        demonitor(watch)

    watcher, _ = with_a_down_queued(flush_and_once_more)

    assert received_nothing(watcher)


@rule("A25", "A26")
def test_the_down_of_a_dead_actor_comes_after_what_the_watcher_does_now():
    actor, watcher = Probe.start(), Probe.start()
    actor.stop()

    def watch_and_stop_watching():
        watch = monitor(actor)
        return demonitor(watch), demonitor(watch)

    assert watcher.ask(watch_and_stop_watching) == (True, False)
    assert received_nothing(watcher)


@rule("A25", "A26")
def test_the_down_of_a_dead_actor_stays_once_the_watcher_has_done_what_it_did():
    gate = Gate()
    actor, watcher = Probe.start(), Probe.start()
    actor.stop()
    watching = watcher.ask(lambda: monitor(actor), block=False)
    was_on = watcher.ask(lambda: (gate.pass_through(), demonitor(watching.get()))[1], block=False)
    gate.open()

    assert was_on.get() is False


@rule("A25", "A26")
def test_the_down_of_a_dead_actor_stays_that_a_start_has_watched():
    actor = Probe.start()
    actor.stop()

    class Watching(Probe):
        def on_start(self):
            super().on_start()
            self.watch = monitor(actor)

        def on_receive(self, message):
            return demonitor(self.watch) if message == "stop watching" else super().on_receive(message)

    assert Watching.start().ask("stop watching") is False


@rule("A26", "A30")
def test_nobody_ends_the_monitor_of_another():
    actor, watcher, stranger = Probe.start(), Probe.start(), Probe.start()
    watch = watcher.ask(lambda: monitor(actor))

    assert stranger.ask(lambda: demonitor(watch, flush=True)) is False

    actor.stop()
    assert received(watcher).monitor is watch


@rule("A27")
def test_a_monitor_by_name_gives_the_name_back():
    actor, watcher = Probe.options(name="cache").start(), Probe.start()
    watch = watcher.ask(lambda: monitor(named("cache")))

    actor.stop()

    assert received(watcher) == Down(named("cache"), Normal(), watch)


@rule("A27")
def test_a_monitor_by_name_watches_who_had_the_name():
    actor, watcher = Probe.options(name="cache").start(), Probe.start()
    watcher.ask(lambda: monitor(named("cache")))
    unregister_name("cache")
    other = Probe.start()
    register_name("cache", other)

    other.stop()
    assert received_nothing(watcher)

    actor.stop(reason="mine")
    assert received(watcher).reason == "mine"


@rule("A25", "A27")
def test_monitoring_a_free_name_gives_noproc():
    watcher = Probe.start()

    watch = watcher.ask(lambda: monitor(named("nobody")))

    assert received(watcher) == Down(named("nobody"), NoProc(), watch)


@rule("A28")
def test_what_an_actor_sent_arrives_before_its_down():
    watcher = Probe.start()

    for _ in range(200):
        actor = Probe.start()
        watcher.ask(lambda actor=actor: monitor(actor))

        actor.tell(lambda: ([watcher.tell(number) for number in (1, 2, 3)], exit(Normal())))

        assert [received(watcher) for _ in range(3)] == [1, 2, 3]
        assert received(watcher).reason == Normal()


@rule("A28")
@pytest.mark.parametrize("end", [lambda: exit("why"), crash], ids=["exit", "crash"])
def test_what_an_actor_sent_arrives_before_its_exit(end):
    watcher = TrappingProbe.start()

    for _ in range(100):
        actor = Probe.start()
        watcher.ask(lambda actor=actor: link(actor))

        actor.tell(lambda: ([watcher.tell(number) for number in (1, 2, 3)], end()))

        assert [received(watcher) for _ in range(3)] == [1, 2, 3]
        assert received(watcher).ref is actor


@rule("A28")
def test_what_an_actor_sent_in_its_last_hook_arrives_before_its_down():
    watcher = Probe.start()

    class Parting(Probe):
        def on_stop(self):
            watcher.tell("farewell")

    actor = Parting.start()
    watcher.ask(lambda: monitor(actor))

    actor.stop()

    assert received(watcher) == "farewell"
    assert received(watcher).ref is actor


@rule("A29")
@pytest.mark.parametrize("steps", [(link, monitor), (monitor, link)], ids=["link first", "monitor first"])
def test_the_exit_of_a_link_comes_before_the_down(steps):
    actor, watcher = Probe.start(), TrappingProbe.start()
    watcher.ask(lambda: [step(actor) for step in steps])

    actor.stop(reason="x")

    assert received(watcher) == Exit(actor, "x")
    assert received(watcher).reason == "x"


@rule("A29")
def test_of_a_dead_one_exit_and_down_come_as_they_were_asked_for():
    actor, watcher = Probe.start(), TrappingProbe.start()
    actor.stop()

    watcher.ask(lambda: [step(actor) for step in (link, monitor, link)])

    assert [type(received(watcher)) for _ in range(3)] == [Exit, Down, Exit]


@rule("A29")
def test_several_monitors_fire_in_the_order_made():
    actor, watcher = Probe.start(), Probe.start()
    made = watcher.ask(lambda: [monitor(actor) for _ in range(10)])

    actor.kill()

    assert [received(watcher).monitor for _ in range(10)] == made


@rule("A30")
def test_monitoring_oneself_never_fires():
    actor = Probe.start()
    watcher = watching(actor)
    watch = actor.ask(lambda: monitor(actor))

    assert actor.ask(lambda: demonitor(watch)) is False
    assert received_nothing(actor)

    actor.stop()
    assert received(watcher).reason == Normal()


@rule("A31")
def test_a_monitored_actor_never_hears_of_its_watcher():
    actor = TrappingProbe.start()
    watcher = watching(actor)

    watcher.stop(reason="boom")

    assert received_nothing(actor)
    actor.stop()
    assert actor.exit_reason == Normal()


def monitors_there_are():
    gc.collect()
    return sum(isinstance(thing, Monitor) for thing in gc.get_objects())


@rule("A31")
def test_monitors_do_not_outlive_their_watchers():
    actor = Probe.start()
    before = monitors_there_are()

    for _ in range(50):
        watching(actor).stop()

    assert monitors_there_are() - before < 10


@pytest.mark.threads
def test_monitors_do_not_outlive_whom_they_watch():
    watcher = Probe.start()
    before = monitors_there_are()

    for _ in range(50):
        actor = Probe.start()
        watcher.ask(lambda actor=actor: monitor(actor) and None)
        actor.stop()
        received(watcher)

    assert monitors_there_are() - before < 10


@rule("A8", "A33")
@pytest.mark.parametrize("how", [lambda ref: ref.stop(block=False), lambda ref: ref.kill()], ids=["stop", "kill"])
def test_at_the_down_the_name_is_free_and_nobody_alive(how):
    for _ in range(100):
        actor = Probe.options(name="cache").start()
        watcher = watching(actor)

        how(actor)
        received(watcher)

        assert whereis("cache") is None
        assert not actor.is_alive()
        assert actor not in pykka.ActorRegistry.get_all()
        register_name("cache", watcher)
        watcher.stop()


@rule("A8", "A33")
def test_at_the_exit_the_name_is_free_and_nobody_alive():
    for _ in range(100):
        actor, watcher = Probe.options(name="cache").start(), TrappingProbe.start()
        watcher.ask(lambda actor=actor: link(actor))

        actor.tell(crash)
        received(watcher)

        assert whereis("cache") is None
        assert not actor.is_alive()
        register_name("cache", watcher)
        watcher.stop()


def test_a_down_is_handled_in_its_turn():
    gate = Gate()
    actor, watcher = Probe.start(), Probe.start()
    watcher.ask(lambda: monitor(actor))
    watcher.tell(gate.pass_through)
    gate.await_arrival()
    watcher.tell("before")
    actor.stop()
    watcher.tell("after")

    gate.open()

    assert [received(watcher), type(received(watcher)), received(watcher)] == ["before", Down, "after"]


@pytest.mark.parametrize("function", [monitor, demonitor], ids=["monitor", "demonitor"])
def test_only_actors_watch(function):
    actor = Probe.start()

    with pytest.raises(NotAnActor, match=f"{function.__name__}\\(\\)"):
        function(actor)


def test_a_monitor_shows_whom_it_watches():
    actor, watcher = Probe.start(), Probe.start()

    watch = watcher.ask(lambda: monitor(actor))

    assert str(actor) in repr(watch)
    assert actor.join(0) is False
    assert actor.stop(timeout=CAP)


# Between actors of two runtimes


def test_no_down_is_lost_between_two_runtimes(hasty_threads):
    """Deaths in one world and monitors from another, at the same time."""
    watchers = [Probe.start() for _ in range(3)]
    # The threads of this world are there before the other looks which are new.
    assert all(watcher.ask(lambda: True) for watcher in watchers)
    started = threading.Barrier(2)

    with TestRuntime():
        others = [Probe.start() for _ in range(100)]

        def kill_them():
            started.wait(CAP)
            for other in others:
                other.kill()

        killer = threading.Thread(target=kill_them)
        killer.start()
        started.wait(CAP)
        for other in others:
            for watcher in watchers:
                watcher.ask(lambda other=other: monitor(other))
        killer.join()

        for watcher in watchers:
            downs = [received(watcher) for _ in others]
            assert sorted(str(down.ref) for down in downs) == sorted(map(str, others))
            assert received_nothing(watcher)


# A Down that somebody passes on


@rule("A26")
def test_a_down_that_is_passed_on_is_a_message_like_any_other():
    actor, watcher, other = Probe.start(), Probe.start(), Probe.start()
    watch = watcher.ask(lambda: monitor(actor))
    actor.stop()
    down = received(watcher)
    watcher.ask(lambda: demonitor(watch, flush=True))

    other.tell(down)
    watcher.tell(down)

    assert received(other) is down
    assert received(watcher) is down


def test_a_down_that_is_made_by_hand_is_a_message_like_any_other():
    made = Down(None, "why", None)
    probe = Probe.start()

    probe.tell(made)

    assert received(probe) is made


def test_a_down_that_was_passed_on_to_a_dead_actor_is_a_dead_letter(runtime):
    actor, watcher, other = Probe.start(), Probe.start(), Probe.start()
    watcher.ask(lambda: monitor(actor))
    actor.stop()
    other.stop()

    with pytest.raises(ActorDied):
        other.tell(received(watcher))

    assert runtime.dead_letters.count == 1


@rule("A26")
def test_with_flush_a_down_that_was_stashed_is_removed():
    class Stashing(Probe):
        is_ready = False

        def on_receive(self, message):
            if isinstance(message, Down) and not self.is_ready:
                stash()
                return None
            return super().on_receive(message)

    def flush():
        watcher._process.actor.is_ready = True
        demonitor(watch, flush=True)
        unstash()

    actor, watcher = Probe.start(), Stashing.start()
    watch = watcher.ask(lambda: monitor(actor))
    actor.stop()

    watcher.ask(flush)

    assert received_nothing(watcher)


@pytest.mark.threads
@rule("A26")
def test_a_plain_pykka_actor_gets_a_down_unless_it_was_flushed():
    downs = []

    class Plain(pykka.ThreadingActor):
        def on_receive(self, message):
            if callable(message):
                return message()
            return downs.append(message)

    plain, first, second = Plain.start(), Probe.start(), Probe.start()
    link_to_adopt = watching(plain)
    flushed = plain.ask(lambda: monitor(first))
    kept = plain.ask(lambda: monitor(second))
    plain.ask(lambda: (first.stop(), second.stop(), demonitor(flushed, flush=True)))
    plain.ask(lambda: None)
    plain.stop()

    assert downs == [Down(second, Normal(), kept)]
    assert received(link_to_adopt).reason == Normal()
