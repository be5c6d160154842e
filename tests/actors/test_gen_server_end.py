"""The end of a GenServer: when `terminate` runs, with what, and who hears of it."""

from __future__ import annotations

import logging
import queue
import threading

import pytest

from actors import (
    Actor,
    ActorDied,
    BadReturn,
    CallTimeout,
    Continue,
    Crashed,
    Exit,
    GenServer,
    Killed,
    NoReply,
    Normal,
    NoSuchName,
    Ok,
    Refusal,
    Reply,
    Shutdown,
    Stop,
    current_actor,
    exit,
    link,
    sleep,
    unlink,
    whereis,
)
from tests.actors.scripted import Scripted, TrappingScripted, adding, answer, doing, returning, state_of
from tests.support import CAP, Gate, Probe, TrappingProbe, crash, ended, received, watching

rule = pytest.mark.rule

BOOM = Crashed(ValueError("boom"))


def wait_at(gate):
    """A cast that waits at a gate."""

    def wait(state):
        gate.pass_through()
        return NoReply(state)

    return wait


def child_of(parent, server_class=TrappingScripted):
    """A server that was started by a probe with a link, and what its `terminate` gets."""
    log = []
    return parent.ask(lambda: server_class.start_link(lambda: Ok(()), log)), log


# When terminate runs


@rule("A71", "A72")
@pytest.mark.parametrize(
    ("end", "reason", "state"),
    [
        (lambda server: server.cast(returning(Stop("why", "new"))), "why", "new"),
        (lambda server: server.cast(returning(Stop("why"))), "why", "old"),
        (lambda server: server.cast(returning(Stop(Normal(), None))), Normal(), None),
        (lambda server: server.cast(doing(crash)), BOOM, "old"),
        (lambda server: server.cast(doing(lambda: exit("foo"))), "foo", "old"),
        (lambda server: server.cast(returning("wat")), BadReturn("wat"), "old"),
        (lambda server: server.ask(doing(crash), block=False), BOOM, "old"),
        (lambda server: server.ask(doing(lambda: exit("foo")), block=False), "foo", "old"),
        (lambda server: server.tell(crash), BOOM, "old"),
        (lambda server: server.tell(lambda: exit("foo")), "foo", "old"),
        (lambda server: server.cast(returning(NoReply("newer", Continue(doing(crash))))), BOOM, "newer"),
        (lambda server: server.cast(returning(NoReply("newer", Continue(returning(Stop("why")))))), "why", "newer"),
        (lambda server: server.stop(reason="custom"), "custom", "old"),
        (lambda server: server.stop(), Normal(), "old"),
    ],
    ids=[
        *("stop", "stop as it is", "stop with None", "crash", "exit", "bad return", "call crashes", "call exits"),
        *("info crashes", "info exits", "continue crashes", "continue stops", "stopped", "stopped normally"),
    ],
)
def test_terminate_gets_the_reason_and_the_last_good_state(end, reason, state):
    class Obedient(Scripted):
        def handle_info(self, message, state):
            return message()

    log = []
    server = Obedient.start(lambda: Ok("old"), log)

    end(server)

    assert ended(server).exit_reason == reason
    assert log == [(reason, state)]


@rule("A71")
@pytest.mark.parametrize("reason", [Shutdown(), "w"], ids=repr)
def test_terminate_does_not_run_when_a_signal_ends_the_server(reason):
    log = []
    server = Scripted.start(lambda: Ok(()), log)

    server.exit(reason)

    assert ended(server).exit_reason == reason
    assert log == []


@rule("A71")
def test_terminate_does_not_run_when_a_linked_actor_ends_the_server():
    log = []
    helper = Probe.start()
    server = Scripted.start(lambda: Ok(link(helper)), log)

    helper.tell(crash)

    assert ended(server).exit_reason == BOOM
    assert log == []


@rule("A71")
def test_terminate_does_not_run_when_the_parent_ends_a_server_that_does_not_trap():
    parent = Probe.start()
    server, log = child_of(parent, Scripted)

    parent.stop(reason=Shutdown())

    assert ended(server).exit_reason == Shutdown()
    assert log == []


@rule("A71")
@pytest.mark.parametrize("server_class", [Scripted, TrappingScripted])
def test_terminate_does_not_run_after_a_kill(server_class):
    log = []
    server = server_class.start(lambda: Ok(()), log)

    server.kill()

    assert ended(server).exit_reason == Killed()
    assert log == []


@rule("A71")
def test_terminate_does_not_run_when_a_kill_meets_a_callback_that_fails():
    log = []
    server = Scripted.start(lambda: Ok(()), log)
    gate = Gate()

    def fail(_state):
        gate.pass_through()
        crash()

    server.cast(fail)
    gate.await_arrival()
    server.kill()
    gate.open()

    assert ended(server).exit_reason == Killed()
    assert log == []


@rule("A71")
@pytest.mark.parametrize(
    "waiting",
    [
        lambda log: cast_to(Scripted.start(lambda: Ok(()), log), doing(lambda: sleep(60.0))),
        lambda log: Scripted.start(lambda: Ok((), Continue(doing(lambda: sleep(60.0)))), log),
        lambda log: cast_to(Scripted.start(lambda: Ok(()), log, terminate=lambda: sleep(60.0)), returning(Stop("why"))),
    ],
    ids=["cast", "continue", "terminate"],
)
def test_a_kill_unwinds_a_callback_that_waits_and_runs_no_terminate(waiting, clock):
    log = []
    server = waiting(log)
    clock.await_timers()

    # What terminate had begun before is all that there is of it.
    begun = list(log)
    server.kill()

    assert ended(server).exit_reason == Killed()
    assert log == begun


def cast_to(server, request):
    server.cast(request)
    return server


@rule("A71")
def test_terminate_runs_once():
    log = []
    server = Scripted.start(lambda: Ok("old"), log, terminate=crash)

    server.cast(returning(Stop("why", "new")))

    assert ended(server).exit_reason == BOOM
    assert log == [("why", "new")]


@rule("A72")
@pytest.mark.parametrize("returned", [Stop("other"), NoReply("other"), "wat"], ids=repr)
def test_what_terminate_returns_is_of_no_account(returned):
    class Chatty(Scripted):
        def terminate(self, reason, state):
            return returned

    server = Chatty.start()

    assert server.stop(reason="why") is True
    assert server.exit_reason == "why"


@rule("A71")
def test_terminate_may_be_a_coroutine_function():
    log = []

    class Slow(Scripted):
        async def terminate(self, reason, state):
            log.append((reason, state))

    Slow.start().stop()

    assert log == [(Normal(), ())]


# Parents and others


@rule("A63", "A71")
@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (lambda parent: parent.stop(), Normal()),
        (lambda parent: parent.stop(reason=Shutdown()), Shutdown()),
        (lambda parent: parent.stop(reason="why"), "why"),
        (lambda parent: parent.tell(crash), BOOM),
        (lambda parent: parent.kill(), Killed()),
    ],
    ids=["normal", "shutdown", "other", "crash", "kill"],
)
def test_a_trapping_server_terminates_with_its_parent(end, reason):
    parent = Probe.start()
    server, log = child_of(parent)

    end(parent)

    assert ended(server).exit_reason == reason
    assert log == [(reason, ())]


@rule("A63")
def test_a_signal_of_the_parent_counts_as_its_end():
    parent = Probe.start()
    server, log = child_of(parent)

    parent.ask(lambda: server.exit(Normal()))

    assert ended(server).exit_reason == Normal()
    assert log == [(Normal(), ())]


@rule("A63")
@pytest.mark.parametrize("server_class", [Scripted, TrappingScripted])
def test_a_message_that_looks_like_the_end_of_the_parent_counts_as_it(server_class):
    parent = Probe.start()
    server, log = child_of(parent, server_class)

    server.tell(Exit(parent, "why"))

    assert ended(server).exit_reason == "why"
    assert log == [("why", ())]


@rule("A63")
def test_the_exit_of_anybody_else_is_a_message():
    parent, other = Probe.start(), Probe.start()
    server, _ = child_of(parent)

    other.ask(lambda: server.exit(Shutdown()))

    assert state_of(server) == (Exit(other, Shutdown()),)


@rule("A63")
def test_a_server_without_a_parent_reads_a_signal_of_its_own():
    server = TrappingScripted.start(lambda: Ok(()), [])

    server.call(lambda _sender, state: Reply(server.exit(Shutdown()), state))

    assert state_of(server) == (Exit(server, Shutdown()),)


@rule("A63")
def test_a_server_that_was_unlinked_from_its_parent_outlives_it():
    parent = Probe.start()
    server, _ = child_of(parent)
    parent.ask(lambda: unlink(server))

    parent.kill()
    ended(parent)

    assert state_of(server) == ()


@rule("A73")
def test_what_came_before_the_end_of_the_parent_is_handled_and_the_rest_is_not():
    parent = Probe.start()
    server, log = child_of(parent)
    gate = Gate()
    server.cast(wait_at(gate))
    gate.await_arrival()

    server.cast(adding(1))
    server.cast(adding(2))
    parent.ask(lambda: server.exit(Shutdown()))
    server.cast(adding(3))
    gate.open()

    assert ended(server).exit_reason == Shutdown()
    assert log == [(Shutdown(), (1, 2))]


@rule("A73", "A76")
def test_a_stop_comes_after_what_was_sent_before():
    log = []
    server = Scripted.start(lambda: Ok(()), log)
    gate = Gate()
    server.cast(wait_at(gate))
    gate.await_arrival()

    server.cast(adding(1))
    stopped = server.stop(block=False)
    server.cast(adding(2))
    gate.open()

    assert stopped.get() is True
    assert log == [(Normal(), (1,))]


# A terminate that fails


@rule("A74", "A76")
@pytest.mark.parametrize(
    ("terminate", "reason"), [(crash, BOOM), (lambda: exit("other"), "other")], ids=["raises", "exits"]
)
@pytest.mark.parametrize(
    "end",
    [
        lambda server: server.stop(),
        lambda server: server.cast(returning(Stop("why"))),
        lambda server: server.cast(doing(lambda: exit("why"))),
    ],
    ids=["stopped", "stop", "exit"],
)
def test_a_terminate_that_fails_gives_the_reason(end, terminate, reason):
    server = Scripted.start(terminate=terminate)
    watcher = watching(server)

    end(server)

    assert ended(server).exit_reason == reason
    assert received(watcher).reason == reason


@rule("A61", "A74")
def test_a_caller_gets_the_reason_of_a_terminate_that_failed():
    server = Scripted.start(terminate=crash)

    with pytest.raises(ActorDied) as raised:
        server.call(returning(Stop("why")))

    assert raised.value.reason == BOOM


# Answers at the end


@rule("A75")
def test_the_answer_of_a_server_that_stops_comes_after_terminate():
    log = []
    server = Scripted.start(lambda: Ok(()), log)

    assert server.call(returning(Stop("why", "new", reply="rep"))) == "rep"

    assert log == [("why", "new")]
    assert ended(server).exit_reason == "why"


@rule("A75")
def test_the_answer_of_a_server_that_stops_may_be_none():
    assert Scripted.start().call(returning(Stop("why", (), reply=None))) is None


@rule("A75")
def test_a_server_that_stops_may_refuse_the_call():
    server = Scripted.start()

    with pytest.raises(ValueError, match="not enough"):
        server.call(returning(Stop(Normal(), (), reply=Refusal(ValueError("not enough")))))

    assert ended(server).exit_reason == Normal()


@rule("A74", "A75")
@pytest.mark.parametrize(
    ("terminate", "reason"), [(crash, BOOM), (lambda: exit("other"), "other")], ids=["raises", "exits"]
)
def test_the_answer_comes_though_terminate_fails(terminate, reason):
    server = Scripted.start(terminate=terminate)

    assert server.call(returning(Stop("why", (), reply="rep"))) == "rep"

    assert ended(server).exit_reason == reason


@rule("A75")
def test_the_answer_is_too_late_when_the_time_is_up_in_terminate(clock):
    server = Scripted.start(terminate=lambda: sleep(60.0))

    call = Probe.start().ask(lambda: server.call(returning(Stop("why", (), reply="rep")), timeout=2.0), block=False)
    clock.await_timers(2)
    clock.advance(2.0)

    with pytest.raises(CallTimeout):
        call.get()
    clock.advance(60.0)
    assert ended(server).exit_reason == "why"


@rule("A75")
def test_a_kill_in_terminate_takes_the_place_of_the_answer():
    gate = Gate()
    server = Scripted.start(terminate=gate.pass_through)
    call = server.ask(returning(Stop("why", (), reply="rep")), block=False)
    gate.await_arrival()

    server.kill()

    with pytest.raises(ActorDied) as raised:
        call.get()
    assert raised.value.reason == Killed()
    gate.open()


@rule("A67", "A71")
@pytest.mark.parametrize(
    "end",
    [lambda server: server.stop(), lambda server: server.cast(doing(crash)), lambda server: server.tell(Exit(None, 1))],
    ids=["stop", "crash", "bad return"],
)
def test_terminate_may_answer_the_calls_that_are_left(end):
    class Kept(Scripted):
        def handle_info(self, message, state):
            return None

        def terminate(self, reason, state):
            state.reply("at last")

    server = Kept.start()
    call = server.ask(lambda sender, _state: NoReply(sender), block=False)

    end(server)

    assert call.get() == "at last"
    ended(server)


# Stop


@rule("A37", "A76")
def test_a_stopped_server_has_the_reason_and_its_name_is_free():
    server = Scripted.options(name="server").start()

    assert server.stop(reason="custom") is True

    assert server.exit_reason == "custom"
    assert whereis("server") is None


@rule("A76")
def test_stopping_a_server_that_has_ended_says_so():
    server = Scripted.start()
    server.stop()

    assert server.stop() is False


class SlowToEnd(GenServer[Gate]):
    """Takes its time for the end, which the test gives."""

    def init(self, gate):
        return Ok(gate)

    def handle_info(self, message, gate):
        return message()

    def terminate(self, reason, gate):
        gate.pass_through()


class SlowToStop(Actor):
    def __init__(self, gate):
        self.gate = gate

    def on_receive(self, message):
        return message()

    def on_stop(self):
        self.gate.pass_through()

    def on_failure(self, *_exc_info):
        self.gate.pass_through()


@rule("A37", "A76")
@pytest.mark.parametrize(
    ("end", "is_heard"),
    [
        (lambda ref: ref.stop(block=False), False),
        # The callback that has failed isn't over before `terminate` is.
        (lambda ref: ref.tell(crash), True),
    ],
    ids=["stopped", "crashed"],
)
def test_who_stops_a_server_that_ends_already_waits_until_it_has_and_its_name_is_free(end, is_heard, gate):
    ref = SlowToEnd.options(name="slow").start(gate)
    end(ref)
    gate.await_arrival()

    answer = ref.stop(block=False)

    with pytest.raises(CallTimeout):
        answer.get(timeout=0)
    gate.open()
    assert answer.get(timeout=CAP) is is_heard
    assert whereis("slow") is None


@pytest.mark.parametrize(
    "end", [lambda ref: ref.stop(block=False), lambda ref: ref.tell(crash)], ids=["stopped", "crashed"]
)
def test_who_stops_another_actor_that_ends_already_is_told_so_at_once(end, gate):
    ref = SlowToStop.start(gate)
    end(ref)
    gate.await_arrival()

    assert ref.stop() is False

    gate.open()


@pytest.mark.threads
def test_a_thread_of_an_actors_own_may_stop_it_while_it_waits_for_that_thread():
    class Reader(Actor):
        def on_start(self):
            self.enough = threading.Event()
            self.stopped = queue.Queue()
            self.thread = threading.Thread(target=self.read)
            self.thread.start()

        def read(self):
            self.enough.wait()
            self.stopped.put(self.actor_ref.stop())

        def on_receive(self, _message):
            return self.stopped

        def on_stop(self):
            self.enough.set()
            self.thread.join()

    reader = Reader.start()
    stopped = reader.ask("?")

    assert reader.stop(timeout=CAP) is True

    assert stopped.get(timeout=CAP) is False


@rule("A76")
def test_stopping_a_name_that_nobody_has_is_an_error():
    with pytest.raises(NoSuchName):
        Scripted.named("nobody").stop()


@rule("A69", "A76")
def test_a_server_that_stops_itself_and_waits_is_told_so():
    with pytest.raises(ActorDied) as raised:
        Scripted.start().call(doing(lambda: current_actor().stop()))

    assert raised.value.reason.exception.reason == "calling_self"


@rule("A76")
def test_a_stop_out_of_time_still_stops_later(clock):
    server = Scripted.start()
    gate = Gate()
    server.cast(wait_at(gate))
    gate.await_arrival()

    stopped = Probe.start().ask(lambda: server.stop(timeout=2.0), block=False)
    clock.await_timers()
    clock.advance(2.0)

    with pytest.raises(CallTimeout):
        stopped.get()
    assert server.is_alive()
    gate.open()
    assert ended(server).exit_reason == Normal()


@rule("A76", "A77")
def test_a_server_that_ends_by_itself_before_the_stop_shows_its_own_reason():
    server = Scripted.start()
    gate = Gate()
    server.cast(wait_at(gate))
    gate.await_arrival()
    server.cast(returning(Stop("mine", ())))

    stopped = server.stop(block=False)
    gate.open()

    assert stopped.get() is True
    assert server.exit_reason == "mine"


# What is logged


class Repr:
    """Something in a log."""

    def __init__(self, text):
        self.text = text

    def __repr__(self):
        if self.text is None:
            raise ValueError
        return self.text


@rule("A78")
@pytest.mark.parametrize("send", ["cast", "tell", "ask"])
@pytest.mark.parametrize("end", [crash, lambda: exit("why")], ids=["crash", "exit"])
def test_the_log_of_an_abnormal_end_shows_the_last_message_and_the_state(end, send, caplog):
    class Obedient(Scripted):
        def handle_info(self, message, state):
            return message()

    state, message = Repr("<the state>"), doing(end)
    server = Obedient.start(lambda: Ok(state))

    getattr(server, send)(message, **({"block": False} if send == "ask" else {}))

    ended(server)
    (record,) = caplog.records
    assert (record.last_message, record.state) == (message, state)
    assert "\nlast_message: " in record.getMessage()
    assert "\nstate: <the state>" in record.getMessage()


@rule("A78")
@pytest.mark.parametrize(("state", "shown"), [(Repr("x" * 10_000), "x...x"), (Repr(None), "<Repr instance")])
def test_a_state_that_is_long_or_cant_be_shown_is_logged_all_the_same(state, shown, caplog):
    server = Scripted.start(lambda: Ok(state))

    server.cast(doing(crash))

    ended(server)
    text = caplog.records[0].getMessage()
    assert shown in text
    assert len(text) < 1_000


@rule("A78")
@pytest.mark.parametrize("reason", [Normal(), Shutdown(), Shutdown("x")], ids=repr)
def test_an_orderly_end_is_not_logged(reason, caplog):
    server = Scripted.start()

    server.cast(returning(Stop(reason, ())))

    ended(server)
    assert caplog.records == []


@rule("A9", "A78")
@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (doing(crash), "Unhandled exception in Scripted"),
        (returning(Stop("why", ())), "Scripted exited: 'why'"),
        (returning("wat"), "Scripted exited: BadReturn(value='wat', callback='Scripted.handle_call()'"),
    ],
)
def test_an_abnormal_end_is_logged_once(request_, message, caplog):
    server = Scripted.start()

    with caplog.at_level(logging.ERROR), pytest.raises(ActorDied):
        server.call(request_)

    ended(server)
    (record,) = caplog.records
    assert record.getMessage().startswith(message)


@rule("A61")
def test_a_linked_caller_of_a_server_that_ends_may_catch_it():
    caller = TrappingProbe.start()
    server = caller.ask(Scripted.start_link)

    with pytest.raises(ActorDied):
        caller.ask(lambda: server.call(returning(Stop("why", ()))))

    assert received(caller) == Exit(server, "why")


@rule("A61")
def test_a_linked_caller_that_doesnt_catch_it_dies_of_its_call_and_not_of_the_link():
    caller = Probe.start()
    caller._process.actor.crash_on_failed_ask = True
    server = caller.ask(Scripted.start_link)

    caller.tell(lambda: server.call(returning(Stop("why", ()))))

    crashed = ended(caller).exit_reason.exception
    assert isinstance(crashed, ActorDied)
    assert crashed.reason == "why"


@rule("A8")
def test_a_server_that_has_answered_is_dead_for_whoever_hears_of_its_end():
    server = Scripted.start()
    watcher = watching(server)

    server.call(returning(Stop(Normal(), (), reply="bye")))

    assert received(watcher).reason == Normal()
    assert not server.is_alive()
    with pytest.raises(ActorDied):
        server.call(answer(1))


def test_an_exception_may_be_an_answer_like_any_other():
    server = Scripted.start()

    assert server.call(returning(Reply(ValueError("a value"), ()))).args == ("a value",)
