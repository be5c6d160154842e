"""A kill: dead for everybody at once; gone when the code has ended, and not before."""

from __future__ import annotations

import logging

import pytest

import actors
from actors import (
    ActorDied,
    Exit,
    Killed,
    Normal,
    ProcessKilled,
    Queue,
    Registry,
    checkpoint,
    link,
    sleep,
    whereis,
)
from actors._future import Future, Request
from actors._process import current
from actors.gen_server import From
from actors.testing import settle
from tests.support import CAP, Gate, Probe, TrappingProbe, crash, received, received_nothing, watching

rule = pytest.mark.rule


class Hooked(Probe):
    """A probe that writes down which of its last hooks have run."""

    def __init__(self, log=None):
        super().__init__()
        self.log = [] if log is None else log

    def on_stop(self):
        self.log.append("on_stop")

    def on_failure(self, *exc_info):
        self.log.append("on_failure")


@rule("A6")
@pytest.mark.parametrize("actor_class", [Probe, TrappingProbe])
def test_an_idle_actor_is_gone_when_it_was_killed(actor_class):
    actor = actor_class.start()
    actor.ask(lambda: None)
    watcher = watching(actor)

    actor.kill()

    assert received(watcher).reason == Killed()
    assert actor.join(CAP)
    assert (actor.state(), actor.exit_reason) == ("gone", Killed())


@rule("A6", "A71")
def test_a_kill_runs_no_last_hook():
    log = []
    actor = Hooked.start(log)

    actor.kill()

    assert actor.join(CAP)
    assert log == []


@rule("A6", "A8")
def test_an_actor_killed_in_a_handler_is_dead_at_once_and_gone_later():
    gate = Gate()
    actor = Probe.options(name="busy").start()
    watcher, linked = watching(actor), TrappingProbe.start()
    linked.ask(lambda: link(actor))
    actor.tell(gate.pass_through)
    gate.await_arrival()

    actor.kill()

    assert received(watcher).reason == Killed()
    assert received(linked) == Exit(actor, Killed())
    assert whereis("busy") is None
    assert (actor.is_alive(), actor.state(), actor.exit_reason) == (False, "abandoned", Killed())
    assert actor.join(0) is False

    gate.open()

    assert actor.join(CAP)
    assert actor.state() == "gone"
    assert received_nothing(watcher)


@rule("A6", "A58")
def test_who_asked_a_killed_actor_is_answered_at_once():
    gate = Gate()
    actor = Probe.start()
    in_hand = actor.ask(gate.pass_through, block=False)
    gate.await_arrival()
    queued = actor.ask(lambda: "never", block=False)

    actor.kill()

    for answer in (in_hand, queued):
        with pytest.raises(ActorDied) as raised:
            answer.get()
        assert raised.value.reason == Killed()
    gate.open()
    assert actor.join(CAP)


@rule("A6", "A67")
def test_what_a_killed_handler_returns_is_thrown_away():
    gate = Gate()
    actor = Probe.start()
    answer = actor.ask(lambda: (gate.pass_through(), "result"), block=False)
    gate.await_arrival()

    actor.kill()
    gate.open()
    assert actor.join(CAP)

    with pytest.raises(ActorDied):
        answer.get()


@rule("A6")
@pytest.mark.parametrize("hook", ["on_stop", "on_failure"])
def test_an_actor_killed_in_its_last_hook_is_down_once_with_killed(hook):
    gate = Gate()
    held = type("Held", (Probe,), {hook: lambda self, *_: gate.pass_through()})
    actor = held.options(name="held").start()
    watcher = watching(actor)
    actor.tell(crash if hook == "on_failure" else lambda: actors.exit(Normal()))
    gate.await_arrival()

    actor.kill()

    assert received(watcher).reason == Killed()
    assert whereis("held") is None
    assert actor.state() == "abandoned"
    gate.open()
    assert actor.join(CAP)
    assert (actor.state(), actor.exit_reason) == ("gone", Killed())
    assert received_nothing(watcher)


@rule("A6")
def test_an_actor_killed_in_a_finally_is_abandoned_until_it_has_ended():
    at_wait, in_finally = Gate(), Gate()
    actor = Probe.start()

    def handler():
        try:
            at_wait.pass_through()
            checkpoint()
        finally:
            in_finally.pass_through()

    actor.tell(handler)
    at_wait.await_arrival()

    actor.kill()
    at_wait.open()
    in_finally.await_arrival()

    assert actor.state() == "abandoned"
    in_finally.open()
    assert actor.join(CAP)
    assert actor.state() == "gone"


locks = Registry("locks")
full = Queue("full", maxsize=1)


def fill():
    full.put("first")
    full.put("one too many")


WAITS = {
    "future.get": lambda: Future().get(),
    "future.get with time-out": lambda: Future().get(timeout=60),
    "ask": lambda: whereis("never answers").ask("hello"),
    "sleep": lambda: sleep(60),
    "put": fill,
    "join": lambda: whereis("never answers").join(),
}


@rule("A6")
@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
def test_a_kill_wakes_an_actor_out_of_its_wait(wait):
    gate, never = Gate(), Gate()
    unwound = []
    full.start_link()
    other = Probe.options(name="never answers").start()
    other.tell(never.pass_through)
    actor = Hooked.start(unwound)

    def handler():
        gate.open()
        gate.pass_through()
        try:
            wait()
        except Exception:
            unwound.append("except")
        finally:
            unwound.append("finally")

    actor.tell(handler)
    gate.await_arrival()

    actor.kill()

    assert actor.join(CAP)
    assert unwound == ["finally"]
    never.open()


ENTRIES = {
    "checkpoint": lambda _other: checkpoint(),
    "tell": lambda other: other.tell("hello"),
    "ask": lambda other: other.ask("hello"),
    "ask without blocking": lambda other: other.ask("hello", block=False),
    "stop": lambda other: other.stop(),
    "start": lambda _other: Probe.start(),
    "start_link": lambda _other: Probe.start_link(),
    "link": link,
    "monitor": actors.monitor,
    "trap_exit": lambda _other: actors.trap_exit(True),
    "unlink": actors.unlink,
    "demonitor": lambda _other: actors.demonitor(None),
    "exit": lambda _other: actors.exit("by itself"),
    "exit signal": lambda other: other.exit("boom"),
    "kill": lambda other: other.kill(),
    "tell by name": lambda _other: actors.named("other").tell("hello"),
    "send_after": lambda other: actors.send_after(other, "hello", 0),
    "register_name": lambda other: actors.register_name("another", other),
    "unregister_name": lambda _other: actors.unregister_name("other"),
    "stash": lambda _other: actors.stash(),
    "register": lambda _other: locks.register("key"),
    "put": lambda _other: full.put("event"),
    "sleep": lambda _other: sleep(0),
    "is_alive": lambda other: other.is_alive(),
    "is_alive by name": lambda _other: actors.named("other").is_alive(),
    "whereis": lambda _other: whereis("other"),
    "stats": lambda _other: full.stats(),
}


@rule("A6", "A12")
@pytest.mark.parametrize("enter", ENTRIES.values(), ids=ENTRIES)
def test_a_kill_takes_effect_where_the_code_next_enters_the_runtime(enter):
    gate = Gate()
    raised = []
    locks.start_link()
    full.start_link()
    other = Probe.options(name="other").start()
    actor = Probe.start()

    def handler():
        gate.pass_through()
        try:
            enter(other)
        except BaseException as error:
            raised.append(type(error))
            raise

    actor.tell(handler)
    gate.await_arrival()

    actor.kill()
    gate.open()

    assert actor.join(CAP)
    assert raised == [ProcessKilled]
    assert received_nothing(other)
    assert whereis("other") is other
    assert locks.count() == 0
    assert actor.exit_reason == Killed()


TIDIES_UP = {
    "cancel": lambda timer: timer.cancel() > 0,
    "close": lambda _timer: full.close() is None,
    "pause": lambda _timer: full.pause() is None,
    "resume": lambda _timer: full.resume() is None,
    "purge": lambda _timer: full.purge() == 0,
    "reply": lambda _timer: From(Request("a call", current())).reply("late"),
}


@rule("A6", "A12")
@pytest.mark.parametrize("tidy_up", TIDIES_UP.values(), ids=TIDIES_UP)
def test_a_kill_passes_by_what_the_code_tidies_up_with(tidy_up):
    gate, seen = Gate(), []
    full.start_link()
    timer = actors.send_after(Probe.start(), "late", 60.0)
    actor = Probe.start()

    def handler():
        try:
            gate.pass_through()
            checkpoint()
        finally:
            seen.append(tidy_up(timer))

    actor.tell(handler)
    gate.await_arrival()

    actor.kill()
    gate.open()

    assert actor.join(CAP)
    assert seen == [True]


@rule("A6")
def test_code_that_swallows_the_kill_is_abandoned_until_it_ends():
    at_wait, after = Gate(), Gate()
    actor = Probe.start()

    def handler():
        at_wait.pass_through()
        try:
            checkpoint()
        except BaseException:
            after.pass_through()

    actor.tell(handler)
    at_wait.await_arrival()
    actor.kill()
    at_wait.open()
    after.await_arrival()

    assert actor.state() == "abandoned"
    after.open()
    assert actor.join(CAP)
    assert actor.exit_reason == Killed()


@rule("A6")
def test_code_that_swallows_the_kill_is_met_by_it_again():
    gate = Gate()
    met = []
    actor = Probe.start()

    def handler():
        gate.pass_through()
        for _ in range(3):
            try:
                checkpoint()
            except ProcessKilled:
                met.append("kill")

    actor.tell(handler)
    gate.await_arrival()
    actor.kill()
    gate.open()

    assert actor.join(CAP)
    assert met == ["kill"] * 3


@rule("A6")
def test_an_abandoned_actor_handles_no_further_message():
    gate = Gate()
    handled = []
    actor = Probe.start()
    actor.tell(gate.pass_through)
    gate.await_arrival()
    actor.tell(lambda: handled.append("never"))

    actor.kill()
    gate.open()

    assert actor.join(CAP)
    assert handled == []


@rule("A6")
def test_an_abandoned_body_is_reported(caplog):
    gate = Gate()
    actor = Probe.start()
    actor.tell(gate.pass_through)
    gate.await_arrival()

    actor.kill()

    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "killed while its code was running" in record.message
    gate.open()
    assert actor.join(CAP)


@rule("A6")
def test_one_that_waits_ends_where_it_waits_and_is_no_abandoned_body(caplog):
    asker, sleeper = Probe.start(), Probe.start()
    sleeper.tell(lambda: sleep(3600.0))
    asker.tell(lambda: sleeper.ask("never answered"))
    settle()

    for actor in (asker, sleeper):
        actor.kill()
        assert actor.join(CAP)

    assert caplog.records == []


@rule("A6", "A21")
def test_a_dead_actor_can_not_be_killed():
    actor = Probe.start()
    actor.stop(reason="before")

    actor.kill()

    assert actor.exit_reason == "before"
    assert actor.state() == "gone"


@rule("A6")
def test_killing_twice_is_killing_once(caplog):
    gate = Gate()
    actor = Probe.start()
    watcher = watching(actor)
    actor.tell(gate.pass_through)
    gate.await_arrival()

    actor.kill()
    actor.kill()
    gate.open()

    assert actor.join(CAP)
    assert received(watcher).reason == Killed()
    assert received_nothing(watcher)
    assert len(caplog.records) == 1


@rule("A6")
def test_stop_returns_when_the_actor_is_killed_instead():
    gate = Gate()
    actor = Probe.start()
    actor.tell(gate.pass_through)
    gate.await_arrival()
    answer = actor.stop(block=False)

    actor.kill()

    assert answer.get() is True
    gate.open()
    assert actor.join(CAP)
