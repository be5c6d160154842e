"""Starting a GenServer: who waits, who is linked, and who hears of an `init` that fails."""

from __future__ import annotations

import logging

import pytest

from actors import (
    ActorDied,
    AlreadyStarted,
    BadReturn,
    CallTimeout,
    ChildSpec,
    Continue,
    Crashed,
    Deadlock,
    Error,
    Exit,
    GenServer,
    GenServerRef,
    Ignore,
    Killed,
    NoReply,
    Normal,
    NotAnActor,
    Ok,
    Reply,
    Shutdown,
    StartFailed,
    Stop,
    current_actor,
    exit,
    link,
    sleep,
    trap_exit,
    whereis,
)
from supervision import Supervisor
from tests.actors.scripted import Scripted, Shy, TrappingScripted, adding, answer, doing, state_of
from tests.support import Gate, Probe, TrappingProbe, crash, ended, received_nothing

rule = pytest.mark.rule


def ignore():
    raise Ignore


def held(gate, returned):
    """An `init` that waits at a gate, and then returns this."""

    def init():
        gate.pass_through()
        return returned

    return init


def noting(born, do):
    """An `init` that adds its server's ref to `born` first."""

    def init():
        born.append(current_actor())
        return do()

    return init


FAILURES = [
    (lambda: Stop("bad"), "bad"),
    (lambda: Stop(Normal()), Normal()),
    (lambda: Stop(Shutdown()), Shutdown()),
    (lambda: Stop("bad", "state"), "bad"),
    (crash, Crashed(ValueError("boom"))),
    (lambda: exit("foo"), "foo"),
    (lambda: "wat", BadReturn("wat")),
    (lambda: None, BadReturn(None)),
    (lambda: NoReply(()), BadReturn(NoReply(()))),
    (lambda: Ok((), then="soon"), BadReturn(Ok((), then="soon"))),
    (lambda: Stop("bad", reply=1), BadReturn(Stop("bad", reply=1))),
    (lambda: current_actor().kill(), Killed()),
]


@rule("A46")
@pytest.mark.parametrize("start", [Scripted.start, Scripted.start_link])
def test_a_start_waits_until_init_has_returned(start):
    log = []

    def init():
        log.append("init")
        return Ok("state")

    server = start(init)

    assert log == ["init"]
    assert isinstance(server, GenServerRef)
    assert state_of(server) == "state"


@rule("A46")
def test_a_started_server_is_not_linked_to_its_starter():
    starter = Probe.start()
    server = starter.ask(Scripted.start)

    server.cast(doing(crash))
    ended(server)

    assert starter.ask(lambda: "alive") == "alive"


@rule("A46")
def test_a_server_started_with_a_link_has_it_before_init_runs():
    starter = TrappingProbe.start()
    links = []

    starter.ask(lambda: Scripted.start_link(lambda: Ok(links.extend(current_actor()._process.links))))

    assert [process.ref for process in links] == [starter]


@rule("A46", "A63")
@pytest.mark.parametrize("linked_later", [False, True])
def test_a_server_started_without_a_link_has_no_parent_whose_end_would_be_its_own(linked_later):
    starter = Probe.start()
    server = starter.ask(TrappingScripted.start)
    if linked_later:
        starter.ask(lambda: link(server))

    starter.stop(reason="why")

    assert state_of(server) == ((Exit(starter, "why"),) if linked_later else ())


@rule("A46")
def test_a_start_has_all_the_time_it_takes(clock):
    starter, gate = Probe.start(), Gate()
    starting = starter.ask(lambda: Scripted.start(held(gate, Ok("state"))), block=False)
    gate.await_arrival()

    clock.advance(1_000_000.0)
    gate.open()

    assert state_of(starting.get()) == "state"


def test_a_link_may_be_an_option_of_the_start():
    starter = Probe.start()
    server = starter.ask(Scripted.options(link=True).start)

    server.cast(doing(lambda: exit("why")))

    assert ended(starter).exit_reason == "why"


def test_a_link_needs_an_actor_that_starts():
    with pytest.raises(NotAnActor):
        Scripted.options(link=True).start()


@rule("A47", "A48")
@pytest.mark.parametrize(("do", "reason"), FAILURES)
def test_a_start_fails_with_what_the_server_died_of(do, reason):
    born, log = [], []

    with pytest.raises(StartFailed) as raised:
        Scripted.start(noting(born, do), log)

    assert born[0].exit_reason == reason, "dead when the start returns"
    assert raised.value.reason == reason
    ended(born[0])
    assert log == []


@rule("A48")
def test_who_starts_a_server_that_is_killed_in_its_init_hears_of_it_at_once():
    gate, starter, born = Gate(), TrappingProbe.start(), []
    starting = starter.ask(lambda: Scripted.start_link(noting(born, held(gate, Ok(())))), block=False)
    gate.await_arrival()

    born[0].kill()

    with pytest.raises(StartFailed) as raised:
        starting.get()
    assert raised.value.reason == Killed()
    assert received_nothing(starter)
    gate.open()
    ended(born[0])


@rule("A47")
@pytest.mark.parametrize(
    ("returned", "then"), [("wat", ""), (Ok((), then=-1), ", where then is")], ids=["value", "then"]
)
def test_a_bad_return_of_init_says_what_it_may_return(returned, then):
    with pytest.raises(StartFailed, match=r"callback='Scripted\.init\(\)', expected='Ok\(state\), Error.*" + then):
        Scripted.start(lambda: returned)


@rule("A48")
def test_a_starter_hears_of_a_failure_whose_reason_cant_be_shown():
    with pytest.raises(StartFailed, match="could not be started: <Shy whose repr"):
        Scripted.start(lambda: Stop(Shy()))


@rule("A47", "A48")
def test_a_server_may_ignore_its_start():
    born, log = [], []

    with pytest.raises(Ignore):
        Scripted.start(noting(born, ignore), log)

    assert ended(born[0]).exit_reason == Normal()
    assert log == []


@rule("A47", "A48")
def test_a_server_that_declines_ends_normally_and_quietly(caplog):
    born, log = [], []

    with caplog.at_level(logging.WARNING), pytest.raises(StartFailed) as raised:
        Scripted.start(noting(born, lambda: Error("no such user")), log)

    assert raised.value.reason == "no such user"
    assert str(raised.value) == "Scripted could not be started: 'no such user'"
    assert ended(born[0]).exit_reason == Normal()
    assert log == []
    assert caplog.records == []


def test_a_server_without_init_says_so():
    class Empty(GenServer[None]):
        pass

    with pytest.raises(StartFailed) as raised:
        Empty.start(1, x=2)

    assert str(raised.value.reason.exception) == (
        "Empty must define init(), and return Ok(state); it was started with (1,) {'x': 2}"
    )


def test_an_init_of_pythons_that_hides_the_servers_own_is_refused_with_what_to_do():
    class Misled(GenServer[int]):
        def __init__(self, start):
            self.start_at = start

        def init(self, start):
            return Ok(start)

    with pytest.raises(StartFailed) as raised:
        Misled.start(1)

    assert isinstance(raised.value.reason.exception, TypeError)
    assert str(raised.value.reason.exception) == (
        "Misled.__init__() doesn't call super().__init__(); "
        "define init() instead, which gets the arguments of start() and returns Ok(state)"
    )


def test_a_server_may_have_an_init_of_pythons_that_passes_its_arguments_on():
    class Prepared(Scripted):
        def __init__(self, *args):
            super().__init__(*args)
            self.prepared = True

    assert state_of(Prepared.start(lambda: Ok("state"))) == "state"


@rule("A49", "A50")
@pytest.mark.parametrize("starter_class", [Probe, TrappingProbe])
@pytest.mark.parametrize(("do", "reason"), [*FAILURES, (lambda: Error("bad"), "bad")])
def test_a_starter_that_catches_a_failed_linked_start_is_not_hurt(starter_class, do, reason):
    starter = starter_class.start()

    with pytest.raises(StartFailed) as raised:
        starter.ask(lambda: Scripted.start_link(do))

    assert raised.value.reason == reason
    assert received_nothing(starter)


@rule("A50")
def test_a_server_that_ignores_a_linked_start_leaves_no_exit_behind():
    starter = TrappingProbe.start()

    with pytest.raises(Ignore):
        starter.ask(lambda: Scripted.start_link(ignore))

    assert received_nothing(starter)


@rule("A36", "A48")
@pytest.mark.parametrize("do", [lambda: Stop("bad"), lambda: Error("bad"), ignore, crash])
def test_a_failed_start_has_freed_the_name(do):
    with pytest.raises((StartFailed, Ignore)):
        Scripted.options(name="server").start(do)

    assert whereis("server") is None


@rule("A34")
def test_a_name_that_is_taken_is_answered_at_once_by_who_has_it():
    gate = Gate()
    starter = Probe.start()
    first = starter.ask(lambda: Scripted.options(name="server").start(held(gate, Ok(()))), block=False)
    gate.await_arrival()

    with pytest.raises(AlreadyStarted) as raised:
        Scripted.options(name="server").start()

    gate.open()
    assert raised.value.ref == first.get()


@rule("A34")
@pytest.mark.parametrize("start", ["start", "start_link"])
def test_a_name_that_is_taken_links_nobody_and_runs_no_init(start):
    starter, ran = TrappingProbe.start(), []
    options = Scripted.options(name="server")
    first = options.start()

    with pytest.raises(AlreadyStarted) as raised:
        starter.ask(lambda: getattr(options, start)(lambda: ran.append("init")))
    first.kill()
    ended(first)

    assert raised.value.reason == ("already_started", first)
    assert ran == []
    assert received_nothing(starter)


@rule("A51")
@pytest.mark.parametrize("starter_class", [Probe, TrappingProbe])
def test_an_init_that_takes_too_long_is_given_up(starter_class, clock):
    starter = starter_class.start()
    born, log = [], []

    def init():
        sleep(60.0)
        log.append("later")
        return Ok(())

    options = Scripted.options(name="slow", start_timeout=2.0)
    failed = starter.ask(lambda: options.start_link(noting(born, init)), block=False)
    clock.await_timers(2)
    clock.advance(2.0)

    with pytest.raises(StartFailed) as raised:
        failed.get()
    assert raised.value.reason == "timeout"
    assert whereis("slow") is None
    assert ended(born[0]).exit_reason == Killed()
    assert received_nothing(starter)
    assert log == []


@rule("A52", "A64")
def test_what_is_sent_during_init_waits_for_it_and_for_its_continue():
    gate = Gate()
    starting = Probe.start().ask(
        lambda: Scripted.options(name="server").start(held(gate, Ok((), Continue(adding("continue"))))), block=False
    )
    gate.await_arrival()
    named = Scripted.named("server")

    named.tell("during")
    call = named.ask(lambda _sender, state: Reply(state, state), block=False)

    gate.open()
    assert call.get() == ("continue", "during")
    starting.get()


@rule("A52")
def test_a_call_during_init_is_out_of_time_by_its_own_clock(clock):
    gate = Gate()
    starting = Probe.start().ask(lambda: Scripted.options(name="server").start(held(gate, Ok(()))), block=False)
    gate.await_arrival()

    call = Probe.start().ask(lambda: Scripted.named("server").call(answer(1), timeout=1.0), block=False)
    clock.await_timers()
    clock.advance(1.0)

    with pytest.raises(CallTimeout):
        call.get()
    gate.open()
    starting.get()


@rule("A52")
@pytest.mark.parametrize(
    ("do", "reason"),
    [(lambda: Stop("nope"), "nope"), (lambda: Error("nope"), Normal()), (ignore, Normal())],
    ids=["stop", "error", "ignore"],
)
def test_who_calls_during_an_init_that_fails_gets_what_the_server_died_of(do, reason):
    gate = Gate()

    def init():
        gate.pass_through()
        return do()

    starting = Probe.start().ask(lambda: Scripted.options(name="server").start(init), block=False)
    gate.await_arrival()

    call = Scripted.named("server").ask(answer(1), block=False)
    gate.open()

    with pytest.raises(ActorDied) as raised:
        call.get()
    assert raised.value.reason == reason
    with pytest.raises((StartFailed, Ignore)):
        starting.get()


@rule("A54")
@pytest.mark.parametrize(
    ("do", "reason"),
    [(ignore, None), (lambda: Error("bad"), None), (lambda: Stop("bad"), "bad"), (crash, Crashed(ValueError("boom")))],
    ids=["ignore", "error", "stop", "crash"],
)
def test_helpers_linked_in_an_init_share_its_end_and_outlive_one_that_declines(do, reason):
    helper = Probe.start()

    def init():
        link(helper)
        return do()

    with pytest.raises((StartFailed, Ignore)):
        Scripted.start(init)

    if reason is None:
        assert helper.ask(lambda: "alive") == "alive"
    else:
        assert ended(helper).exit_reason == reason


@rule("A53")
def test_a_server_whose_parent_dies_during_init_dies_of_it_without_terminate():
    gate = Gate()
    starter = Probe.start()
    born, log = [], []
    starter.tell(lambda: Scripted.start_link(noting(born, held(gate, Ok("state"))), log))
    gate.await_arrival()

    starter.kill()
    gate.open()

    assert ended(born[0]).exit_reason == Killed()
    assert log == []


@rule("A53", "A63")
def test_a_server_that_traps_exits_first_terminates_when_its_parent_died_during_init():
    gate = Gate()
    starter = Probe.start()
    born, log = [], []

    def init():
        born.append(current_actor())
        trap_exit(True)
        gate.pass_through()
        return Ok("state")

    starter.tell(lambda: Scripted.start_link(init, log))
    gate.await_arrival()
    starter.kill()
    gate.open()

    assert ended(born[0]).exit_reason == Killed()
    assert log == [(Killed(), "state")]


@rule("A53")
def test_a_server_without_a_parent_goes_on_when_its_starter_dies():
    gate = Gate()
    starter = Probe.start()
    starter.tell(lambda: Scripted.options(name="server").start(held(gate, Ok("state"))))
    gate.await_arrival()

    starter.kill()
    gate.open()

    assert state_of(Scripted.named("server")) == "state"


@rule("B70")
def test_an_init_that_calls_the_server_that_waits_for_it_is_told_so():
    parent = Scripted.start()

    def start_child(_sender, state):
        return Reply(TrappingScripted.start(lambda: parent.call(answer(1))), state)

    with pytest.raises(ActorDied) as raised:
        parent.call(start_child)

    failure = raised.value.reason.exception
    assert isinstance(failure, StartFailed)
    assert isinstance(failure.reason.exception, Deadlock)


@rule("A55")
def test_a_server_class_has_a_child_spec():
    assert Scripted.child_spec(1, log=2) == ChildSpec(Scripted, (1,), {"log": 2})
    assert Scripted.child_spec().shutdown == 5.0
    assert Scripted.child_spec().restart == "permanent"


@rule("A55")
def test_a_server_is_restarted_by_its_supervisor():
    supervisor = Supervisor.start_link([Scripted.options(name="server").child_spec()], strategy="one_for_one")
    named = Scripted.named("server")
    first = whereis("server")

    first.cast(adding("lost"))
    first.kill()
    supervisor.which_children()

    assert ended(first).exit_reason == Killed()
    assert state_of(named) == ()


@rule("A47")
def test_a_supervisor_keeps_the_place_of_a_server_that_ignores_its_start():
    supervisor = Supervisor.start_link([(Scripted, ignore)], strategy="one_for_one")

    assert [child.child for child in supervisor.which_children()] == [None]


@rule("A48")
def test_a_supervisor_hears_why_a_server_declined():
    supervisor = Supervisor.start_link([], strategy="one_for_one")

    with pytest.raises(StartFailed) as raised:
        supervisor.start_child((Scripted, lambda: Error("no such user")))

    assert raised.value.reason == "no such user"
