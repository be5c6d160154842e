"""What is injected at a message strikes at it in whatever way it was sent, and in whatever way its actor was named."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

import pykka
import pytest
from pykka.messages import ProxyCall

from actors import (
    Actor,
    ActorDied,
    Agent,
    CallExit,
    Crashed,
    Down,
    GenServer,
    IdleTimeout,
    NoReply,
    Ok,
    Queue,
    Reply,
    Worker,
    monitor,
    named,
    send_after,
)
from actors.testing import System, like
from supervision.testing import start_supervised


class Plain(Actor):
    """Does nothing with what it gets; but for a function, which it calls."""

    def on_receive(self, message):
        return message() if callable(message) else message

    def deposit(self, amount):
        return amount


class Server(GenServer):
    def init(self):
        return Ok(0)

    def handle_call(self, request, sender, state):
        return Reply(request, state)

    def handle_cast(self, request, state):
        return NoReply(state, 1.0 if request == "wait" else None)

    def handle_info(self, message, state):
        return NoReply(state)


class Legacy(pykka.ThreadingActor):
    def on_receive(self, message):
        return message


class Box(Worker):
    def handle_event(self, event):
        """It is done at once."""


def increase(state):
    return state + 1


def plain(_system):
    return Plain.start()


def server(_system):
    return Server.start()


def agent(_system):
    return Agent.start(int)


def legacy(system):
    return system.adopt(Legacy).start()


def worker(_system):
    queue = Queue("jobs")
    start_supervised(queue)
    worker = start_supervised((Box, queue))
    worker.queue = queue
    return worker


def ask(ref, message):
    ref.ask(message, block=False)


def update(ref, change):
    with suppress(CallExit):
        ref.update(change, timeout=1.0)


def is_increase(message):
    return getattr(message, "change", message) is increase


KINDS = {
    "told": (plain, lambda ref: ref.tell(5), 5),
    "asked": (plain, lambda ref: ask(ref, 5), 5),
    "sent after a time": (plain, lambda ref: send_after(ref, 5, 1.0), 5),
    "a proxied call": (plain, lambda ref: ref.proxy().deposit(5), like(ProxyCall, args=(5,))),
    "a Down": (plain, lambda ref: ref.ask(partial(monitor, ended()), block=False), Down),
    "info": (server, lambda ref: ref.tell(5), 5),
    "a call": (server, lambda ref: ask(ref, 5), 5),
    "a cast": (server, lambda ref: ref.cast(5), 5),
    "a time-out": (server, lambda ref: ref.cast("wait"), IdleTimeout),
    "an agent's cast": (agent, lambda ref: ref.cast(increase), is_increase),
    "an agent's call": (agent, lambda ref: update(ref, increase), is_increase),
    "told to a plain one": (legacy, lambda ref: ref.tell(5), 5),
    "asked of a plain one": (legacy, lambda ref: ask(ref, 5), 5),
    "an event": (worker, lambda ref: ref.queue.put(5), 5),
}


def ended():
    actor = Plain.start()
    actor.stop()
    return actor


FAULTS = {
    "crash before": lambda system, actor, message: system.crash(actor, message=message),
    "crash after": lambda system, actor, message: system.crash(actor, message=message, when="after"),
    "crash at": lambda system, actor, message: system.crash_at(actor, "receive", message=message),
    "kill at": lambda system, actor, message: system.kill_at(actor, "receive", message=message),
    "slow": lambda system, actor, message: system.slow(actor, 1.0, message=message),
    "hold": lambda system, actor, message: system.hold(actor, message=message),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_strikes_at_the_message_that_it_was_injected_for(kind, fault):
    start, send, message = KINDS[kind]
    with System(seed=1) as system:
        ref = start(system)
        FAULTS[fault](system, ref, message)

        send(ref)
        system.advance(3.0)

        assert [one.fired for one in system.faults] == [1]


NAMES = {
    "by its ref": lambda ref: ref,
    "by the name that it has": lambda _ref: named("counter"),
    "by its class": lambda _ref: Server,
    "by the name in the trace": lambda _ref: "Server-1",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_fault_strikes_the_actor_that_is_meant_and_no_other(name):
    with System() as system:
        ref = Server.options(name="counter").start()
        Plain.start().tell("before")
        fault = system.crash(NAMES[name](ref), ValueError, message=5)

        ref.cast(5)
        system.run_until_idle()

        assert fault.fired == 1
        assert not ref.is_alive()


def test_a_fault_by_a_name_strikes_who_has_it_when_it_comes_to_that():
    with System() as system:
        fault = system.crash(named("counter"))
        Server.start().cast(5)

        Server.options(name="counter").start().cast(5)
        system.run_until_idle()

        assert fault.fired == 1
        assert [step.actor for step in system.trace if step.point == "ended"] == ["Server-2#1"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_server_crashes_as_one_whose_callback_fails(when):
    ended = []

    class Tidy(Server):
        def terminate(self, reason, state):
            ended.append(reason)

    with System() as system:
        server, error = Tidy.start(), ValueError("boom")
        system.crash(server, error, when=when)

        with pytest.raises(ActorDied) as died:
            server.call("work")

        assert died.value.reason == server.exit_reason == Crashed(error)
    assert ended == [Crashed(error)]
