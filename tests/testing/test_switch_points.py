"""Whatever an actor asks of the runtime is a switch point: what is read before and written after may be lost."""

from __future__ import annotations

import pykka
import pytest

from actors import (
    Actor,
    ActorDied,
    GenServer,
    NoReply,
    Ok,
    Queue,
    Registry,
    checkpoint,
    named,
    register_name,
    send_after,
    whereis,
)
from actors.testing import System
from actors.testing.explore import ScenarioFailed, explore
from supervision.testing import start_supervised


class Idle(Actor):
    def on_receive(self, message):
        return message


class Plain(pykka.ThreadingActor):
    def on_receive(self, message):
        return message


class Desk(GenServer):
    """Keeps those who ask, to be answered later, by others."""

    def init(self, asking):
        return Ok(asking)

    def handle_call(self, _request, sender, asking):
        asking.append(sender)
        return NoReply(asking)


class Asking(Actor):
    def on_receive(self, desk):
        return desk.call("one day", timeout=None)


class Clerk(Actor):
    """Adds one to a sum, and does something between reading and writing it."""

    def __init__(self, sums, between):
        self.sums = sums
        self.between = between

    def on_receive(self, _message):
        before = self.sums["sum"]
        self.between()
        self.sums["sum"] = before + 1


class PlainClerk(pykka.ThreadingActor):
    """As a `Clerk`."""

    def __init__(self, sums, between):
        super().__init__()
        self.sums = sums
        self.between = between

    on_receive = Clerk.on_receive


def of_an_actor(_system):
    idle = Idle.start()
    yield from (idle.is_alive, lambda: idle.tell("so"), lambda: idle.ask("so"), lambda: idle.ask("so", block=False))
    yield from (lambda: idle.stop(block=False), idle.kill, idle.proxy().actor_urn.get, checkpoint)


def of_an_adopted_one(system):
    plain = system.adopt(Plain).start()
    yield from (lambda: plain.tell("so"), lambda: plain.ask("so"), lambda: plain.ask("so", block=False))
    yield from (lambda: plain.stop(block=False), plain.is_alive)


def of_names(_system):
    numbers, idle = iter(range(9)), [Idle.start() for _ in range(2)]
    yield from (lambda: whereis("boss"), named("boss").is_alive)
    yield lambda: register_name(next(numbers), idle.pop())


def of_timers(_system):
    idle = Idle.start()
    timer = send_after(idle, "so", 1.0)
    yield from (lambda: send_after(idle, "so", 1.0), timer.cancel, timer.remaining)


def of_calls(system):
    asking = []
    desk = Desk.start(asking)
    for _ in range(2):
        Asking.start().tell(desk)
    system.run_until_idle()
    yield lambda: asking.pop().reply("now")


def of_a_registry(_system):
    registry = Registry("users", keys="duplicate")
    start_supervised(registry)
    idle = Idle.start()
    yield from (registry.count, registry.holders, lambda: registry.lookup("u1"), lambda: registry.keys(idle))


def of_a_queue(_system):
    queue = Queue("work")
    start_supervised(queue)
    yield from (queue.stats, queue.pending, queue.dead_letters, queue.purge, queue.pause, queue.resume, queue.close)
    yield from (lambda: queue.join(0.0), lambda: queue.drain(0.0))


def of_a_queue_that_is_open(_system):
    queue = Queue("work")
    start_supervised(queue)
    yield lambda: queue.put("u1")


OPERATIONS = {
    of_an_actor: 8,
    of_an_adopted_one: 5,
    of_names: 3,
    of_timers: 3,
    of_calls: 1,
    of_a_registry: 4,
    of_a_queue: 9,
    of_a_queue_that_is_open: 1,
}
"""Makes what is operated on, and yields what to do with it; how much that is."""


@pytest.mark.parametrize("is_adopted", [False, True])
@pytest.mark.parametrize(
    ("operations", "number"), [(of, number) for of, count in OPERATIONS.items() for number in range(count)]
)
def test_others_may_go_on_before_each_operation(operations, number, is_adopted):
    def scenario(system):
        sums = {"sum": 0}
        between = list(operations(system))[number]
        clerks = [(system.adopt(PlainClerk) if is_adopted else Clerk).start(sums, between) for _ in range(2)]
        for clerk in clerks:
            clerk.tell("add")
        system.run_until_idle()
        assert sums == {"sum": 2}

    with pytest.raises(ScenarioFailed) as caught:
        explore(scenario, schedules=100)

    assert "assert {'sum': 1} == {'sum': 2}" in str(caught.value.failure)


@pytest.mark.parametrize("operations", OPERATIONS)
def test_all_operations_are_tried(operations):
    with System() as system:
        # Of those who are never answered.
        system.expect_crash(ActorDied, times=None, at_least=0)
        assert len(list(operations(system))) == OPERATIONS[operations]
