"""One life: begin, one message after the other, an end with one reason."""

from __future__ import annotations

import gc
import logging
import threading
import weakref

import pykka
import pytest

from actors import (
    Actor,
    ActorDied,
    Crashed,
    Down,
    Exit,
    Normal,
    ProcessKilled,
    Refusal,
    Shutdown,
    exit,
    info,
    link,
    monitor,
    unlink,
    whereis,
)
from actors._process import lock_of_all
from tests.support import CAP, INTERRUPT, Gate, Probe, TrappingProbe, crash, ended, received, received_nothing, watching

rule = pytest.mark.rule


class Logged(Probe):
    """A probe that writes down which of its hooks have run."""

    def __init__(self, log):
        super().__init__()
        self.log = log

    def on_start(self):
        self.log.append("on_start")

    def on_stop(self):
        self.log.append("on_stop")

    def on_failure(self, exception_type, exception_value, traceback):
        self.log.append(("on_failure", exception_type, exception_value.args, traceback is not None))


@rule("A1")
def test_a_stopped_actor_ends_with_normal_and_runs_on_stop():
    log = []
    actor = Logged.start(log)

    actor.stop()

    assert actor.exit_reason == Normal()
    assert log == ["on_start", "on_stop"]


def test_an_actor_may_stop_itself():
    class Shy(Actor):
        def on_receive(self, message):
            self.stop()
            return "bye"

    actor = Shy.start()

    assert actor.ask("hello") == "bye"
    assert ended(actor).exit_reason == Normal()


@rule("A2")
def test_an_exception_in_a_told_message_ends_the_actor():
    log = []
    actor = Logged.start(log)

    actor.tell(crash)

    assert ended(actor).exit_reason == Crashed(ValueError("boom"))
    assert log == ["on_start", ("on_failure", ValueError, ("boom",), True)]


@rule("A2", "A58")
def test_an_exception_in_an_asked_message_ends_the_actor_too():
    class Strict(Logged):
        crash_on_failed_ask = True

    log = []
    actor = Strict.start(log)

    with pytest.raises(ValueError, match="boom"):
        actor.ask(crash)

    assert ended(actor).exit_reason == Crashed(ValueError("boom"))
    assert log == ["on_start", ("on_failure", ValueError, ("boom",), True)]


def test_a_failed_ask_ends_nobody_where_the_class_says_so():
    class Plain(Actor):
        crash_on_failed_ask = False

        def on_receive(self, message):
            raise ValueError(message)

    actor = Plain.start()

    with pytest.raises(ValueError, match="boom"):
        actor.ask("boom")
    assert actor.is_alive()

    actor.tell("boom")
    assert ended(actor).exit_reason == Crashed(ValueError("boom"))


def test_a_refusal_is_raised_in_the_asker_only():
    actor = Probe.start()

    with pytest.raises(ValueError, match="not enough"):
        actor.ask(lambda: Refusal(ValueError("not enough")))

    assert actor.ask(lambda: "alive") == "alive"


def test_a_refusal_of_a_told_message_does_nothing():
    actor = Probe.start()

    actor.tell(lambda: Refusal(ValueError("not enough")))

    assert actor.ask(lambda: "alive") == "alive"


@rule("A3")
def test_an_actor_that_exits_runs_on_stop():
    log = []
    actor = Logged.start(log)

    actor.tell(lambda: exit("why"))

    assert ended(actor).exit_reason == "why"
    assert log == ["on_start", "on_stop"]


@rule("A12")
def test_an_actor_ended_by_a_signal_runs_on_stop():
    log = []
    actor = Logged.start(log)

    actor.exit(Shutdown())

    assert ended(actor).exit_reason == Shutdown()
    assert log == ["on_start", "on_stop"]


@pytest.mark.parametrize("error", [SystemExit(3), INTERRUPT, GeneratorExit()], ids=repr)
@rule("A2", "A4")
@pytest.mark.threads
def test_what_would_end_a_program_ends_one_actor_only(error):
    def handler():
        raise error

    neighbour, plain = Probe.start(), pykka.ThreadingActor.start()
    actor = Probe.start()

    actor.tell(handler)

    assert ended(actor).exit_reason == Crashed(error)
    assert neighbour.is_alive()
    assert plain.is_alive()
    plain.stop()


@rule("A2", "A58")
def test_who_asked_hears_of_a_system_exit_and_does_not_share_it():
    def handler():
        raise SystemExit(3)

    asker, actor = Probe.start(), Probe.start()

    with pytest.raises(ActorDied) as raised:
        asker.ask(lambda: actor.ask(handler))

    assert raised.value.reason == Crashed(SystemExit(3))
    assert asker.is_alive()


@rule("A74")
def test_an_exception_in_on_stop_is_the_reason():
    class Clumsy(Probe):
        def on_stop(self):
            crash()

    actor = Clumsy.start()
    watcher = watching(actor)

    assert actor.stop() is True

    assert actor.exit_reason == Crashed(ValueError("boom"))
    assert received(watcher).reason == Crashed(ValueError("boom"))


@rule("A74")
def test_an_exit_in_on_stop_is_the_reason():
    class Fickle(Probe):
        def on_stop(self):
            exit("other")

    actor = Fickle.start()
    watcher = watching(actor)

    actor.stop(reason="why")

    assert received(watcher).reason == "other"


def test_an_exception_in_on_failure_does_not_replace_the_first():
    class Clumsy(Probe):
        def on_failure(self, *exc_info):
            crash("again")

    actor = Clumsy.start()
    watcher = watching(actor)

    actor.tell(crash)

    assert received(watcher).reason == Crashed(ValueError("boom"))
    assert received_nothing(watcher)


def test_a_system_exit_in_a_last_hook_is_contained():
    class Clumsy(Probe):
        def on_stop(self):
            raise SystemExit(1)

    actor = Clumsy.start()

    actor.stop()

    assert actor.exit_reason == Crashed(SystemExit(1))


@rule("A6")
def test_raising_process_killed_by_hand_is_a_crash():
    def handler():
        raise ProcessKilled

    actor = Probe.start()

    with pytest.raises(ActorDied) as raised:
        actor.ask(handler)

    assert isinstance(ended(actor).exit_reason, Crashed)
    assert raised.value.reason == actor.exit_reason


def held_in(hook):
    """An actor class that waits in this hook, and the gate at which it does."""
    gate = Gate()
    return type("Held", (Probe,), {hook: lambda self, *_: gate.pass_through()}), gate


@rule("A8")
@pytest.mark.parametrize(
    ("hook", "cause", "reason"),
    [("on_stop", lambda: exit("why"), "why"), ("on_failure", crash, Crashed(ValueError("boom")))],
    ids=["on_stop", "on_failure"],
)
def test_an_actor_in_its_last_hook_is_dead_and_not_gone(hook, cause, reason):
    held, gate = held_in(hook)
    actor = held.options(name="held").start()
    watcher = watching(actor)

    actor.tell(cause)
    gate.await_arrival()

    assert (actor.state(), actor.is_alive(), actor.exit_reason) == ("dead", False, reason)
    assert whereis("held") is actor
    assert received_nothing(watcher)
    assert actor.join(0) is False

    gate.open()

    assert received(watcher).reason == reason
    assert ended(actor).state() == "gone"
    assert received_nothing(watcher)


@rule("A7")
@pytest.mark.parametrize("hook", ["on_stop", "on_failure"])
def test_an_actor_in_its_last_hook_takes_no_messages(hook):
    held, gate = held_in(hook)
    actor = held.start()
    actor.tell(crash if hook == "on_failure" else lambda: exit("why"))
    gate.await_arrival()

    with pytest.raises(ActorDied):
        actor.tell("too late")
    with pytest.raises(ActorDied):
        actor.ask("too late")

    gate.open()


@rule("A61")
@pytest.mark.parametrize("hook", ["on_stop", "on_failure"])
def test_who_waits_in_the_queue_is_answered_before_the_last_hook_has_run(hook):
    held, gate = held_in(hook)
    first = Gate()
    cause = crash if hook == "on_failure" else lambda: exit("why")
    actor = held.start()
    actor.tell(lambda: (first.pass_through(), cause()))
    first.await_arrival()
    answers = [actor.ask("never", block=False) for _ in range(3)]

    first.open()
    gate.await_arrival()

    for answer in answers:
        with pytest.raises(ActorDied) as raised:
            answer.get()
        assert raised.value.reason == actor.exit_reason
    gate.open()


def test_an_actor_in_on_start_is_alive_and_takes_messages():
    held, gate = held_in("on_start")
    actor = held.start()
    gate.await_arrival()

    actor.tell("early")
    assert (actor.state(), actor.exit_reason) == ("alive", None)
    gate.open()

    assert received(actor) == "early"


@rule("A47", "A48")
@pytest.mark.parametrize(
    ("cause", "reason"),
    [(crash, Crashed(ValueError("boom"))), (lambda: exit("why"), "why")],
    ids=["raises", "exits"],
)
def test_a_failed_on_start_runs_no_last_hook(cause, reason):
    class Failing(Logged):
        def on_start(self):
            super().on_start()
            cause()

    log = []

    actor = Failing.start(log)

    assert ended(actor).exit_reason == reason
    assert log == ["on_start"]


@rule("A56")
def test_messages_are_handled_one_by_one_in_the_order_sent():
    handled = []
    actor = Probe.start()

    for number in range(0, 100, 2):
        actor.tell(lambda number=number: handled.append(number))
        actor.ask(lambda number=number: handled.append(number + 1), block=False)

    assert actor.ask(lambda: list(handled)) == list(range(100))


def errors_of(caplog):
    return [record for record in caplog.records if record.name == "pykka_otp.crash" and record.levelno >= logging.ERROR]


@rule("A9", "A78")
@pytest.mark.parametrize("cause", [crash, lambda: exit("why")], ids=["crash", "exit"])
def test_an_abnormal_end_is_logged_once_before_anybody_is_told(caplog, cause):
    actor, watcher = Probe.start(), TrappingProbe.start()
    watcher.ask(lambda: (link(actor), monitor(actor)))

    actor.tell(cause)
    assert isinstance(received(watcher), Exit)

    (record,) = errors_of(caplog)
    assert isinstance(received(watcher), Down)
    assert record.reason == actor.exit_reason
    assert record.actor == "Probe"


@rule("A9", "A78")
def test_being_stopped_with_an_abnormal_reason_is_logged_too(caplog):
    actor = Probe.start()

    actor.stop(reason="why")

    (record,) = errors_of(caplog)
    assert record.reason == "why"


@rule("A9")
def test_a_crash_is_logged_with_its_traceback(caplog):
    actor = Probe.start()

    actor.tell(crash)

    ended(actor)
    assert "in crash" in caplog.text
    assert "ValueError: boom" in caplog.text


@rule("A5", "A78")
@pytest.mark.parametrize("reason", [Normal(), Shutdown(), Shutdown("why")], ids=repr)
@pytest.mark.parametrize("how", ["stop", "exit"])
def test_an_orderly_end_is_not_logged_as_an_error(caplog, reason, how):
    actor = Probe.start()

    if how == "stop":
        actor.stop(reason=reason)
    else:
        actor.tell(lambda: exit(reason))

    ended(actor)
    assert errors_of(caplog) == []


@rule("A9")
def test_an_actor_ended_by_anothers_signal_logs_nothing_itself(caplog):
    actor = Probe.start()

    actor.exit("boom")

    ended(actor)
    assert errors_of(caplog) == []


@pytest.mark.threads
def test_the_youngest_of_many_generations_keeps_none_of_its_ancestors():
    class Generation(Actor):
        use_daemon_thread = True

        def on_receive(self, _message):
            child = type(self).options(link=True).start()
            unlink(child)
            return child

    eldest = Generation.start()
    youngest = eldest.ask("have a child").ask("have a child")
    known = weakref.ref(eldest)

    eldest.stop()
    info(youngest).parent.stop()
    # What has run last is known to its thread.
    Probe.start().ask(lambda: None)
    del eldest
    gc.collect()

    assert youngest.is_alive()
    assert known() is None


@pytest.mark.threads
def test_a_finalizer_may_wait_for_a_thread_that_needs_the_lock_of_all():
    is_over = []

    def link_and_start():
        with lock_of_all:
            pass

    class Session(Probe):
        def __del__(self):
            other = threading.Thread(target=link_and_start)
            other.start()
            other.join(CAP)
            is_over.append(not other.is_alive())

    ref = Session.start()
    ref.ask(lambda: None)
    ref.stop()
    ended(ref)
    del ref
    gc.collect()

    assert is_over == [True]
