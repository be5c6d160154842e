"""The Worker whose handler takes too long: given up at once, and what it holds is held until its code has ended."""

from __future__ import annotations

import pytest

from actors import AlreadyRegistered, ChildSpec, Crashed, HandlerTimeout, Killed, Queue, Registry, checkpoint
from supervision import Supervisor
from tests.actors.workshop import Recorder, Scripted, started, wait_then_unwind
from tests.support import CAP, Gate, Probe

rule = pytest.mark.rule


@pytest.fixture
def queue():
    """A queue, started, that tries again at once."""
    return started(max_attempts=3, backoff=lambda _attempt, _reason: 0.0)


@rule("F9", "F24")
def test_a_hung_handler_is_abandoned_and_its_event_and_key_stay_held(queue, clock, caplog):
    locks = Registry("locks")
    locks.start_link()
    gate, begun = Gate(), []

    class Hanging(Scripted):
        timeout = 30.0

    def script(event):
        locks.register(event)
        begun.append(event)
        if len(begun) == 1:
            gate.pass_through()
            checkpoint()
        locks.unregister(event)

    with Supervisor.start_link([ChildSpec(Hanging, (queue, script), id="w")], strategy="one_for_one") as supervisor:
        hung = supervisor.which_children()[0].child
        queue.put("ada")
        gate.await_arrival()
        clock.advance(29.9)
        assert hung.is_alive()

        clock.advance(0.2)

        assert (hung.state(), hung.exit_reason) == ("abandoned", Killed())
        assert supervisor.which_children()[0].child is not hung
        assert queue.stats().in_flight == 1
        with pytest.raises(AlreadyRegistered):
            Probe.start().ask(lambda: locks.register("ada"))
        assert [holder.state for holder in locks.holders()] == ["abandoned"]
        assert "ran longer than 30.0 seconds" in caplog.text

        gate.open()
        assert hung.join(CAP)
        assert queue.join(CAP)
    assert begun == ["ada", "ada"]
    assert queue.stats().failed == 1


@rule("F9")
def test_a_handler_that_hung_too_often_is_a_dead_letter_with_that_reason(clock):
    queue, gates = Queue("jobs", max_attempts=1), [Gate()]
    queue.start_link()

    class Hanging(Scripted):
        timeout = 1.0

    def script(_event):
        gates[0].pass_through()
        checkpoint()

    hung = Hanging.start(queue, script)
    queue.put("x")
    gates[0].await_arrival()
    clock.advance(1.0)
    gates[0].open()
    assert hung.join(CAP)

    assert queue.join(CAP)
    (letter,) = queue.dead_letters()
    assert isinstance(letter.failures[0].reason, Crashed)
    assert isinstance(letter.failures[0].reason.exception, HandlerTimeout)


@rule("F9")
def test_quick_handlers_are_never_ended_by_the_time_limit(queue, clock):
    class Quick(Scripted):
        timeout = 1.0

    worker = Quick.start_link(queue, lambda _event: clock.advance(0.9))
    queue.put_many(range(10))

    assert queue.join(CAP)
    clock.advance(5.0)
    assert worker.is_alive()


@rule("F9")
def test_the_time_limit_is_of_each_call_not_of_the_first(queue, clock):
    class Limited(Scripted):
        timeout = 10.0

    gate = Gate()
    worker = Limited.start_link(queue, lambda event: event == "slow" and gate.pass_through())
    queue.put("quick")
    assert queue.join(CAP)
    clock.advance(6.0)

    queue.put("slow")
    gate.await_arrival()
    clock.advance(9.9)
    assert worker.is_alive()
    clock.advance(0.1)

    assert not worker.is_alive()
    gate.open()
    assert worker.join(CAP)


@rule("F9")
def test_a_handler_that_ends_by_itself_after_its_time_has_handled_its_event(queue, clock):
    class Limited(Scripted):
        timeout = 1.0

    gate, log = Gate(), []
    worker = Limited.start_link(queue, lambda _event: gate.pass_through())
    queue.put("slow")
    gate.await_arrival()
    clock.advance(1.0)
    assert worker.state() == "abandoned"
    Recorder.start_link(queue, log)

    gate.open()

    assert worker.join(CAP)
    assert queue.join(CAP)
    assert (queue.stats().acked, queue.stats().failed, log) == (1, 0, [])


@rule("F9", "F3")
def test_of_a_hung_batch_all_fail_and_what_was_not_begun_does_not(clock):
    class Batches(Scripted):
        timeout = 1.0
        max_demand = 4
        min_demand = 2

        def handle_events(self, events):
            self.script(events)

    queue, gate, log = started(max_attempts=1), Gate(), []
    queue.pause()
    queue.put_many("abcd")
    worker = Batches.start_link(queue, wait_then_unwind(gate))
    queue.resume()
    gate.await_arrival()
    clock.advance(1.0)
    gate.open()
    assert worker.join(CAP)
    Recorder.start_link(queue, log)

    assert queue.join(CAP)
    assert [letter.event for letter in queue.dead_letters()] == ["a", "b"]
    assert all(isinstance(letter.failures[0].reason.exception, HandlerTimeout) for letter in queue.dead_letters())
    assert log == ["c", "d"]


@rule("F9")
def test_a_supervisor_goes_on_restarting_while_bodies_hang(queue, clock):
    class Limited(Scripted):
        timeout = 1.0

    gates = [Gate() for _ in range(3)]

    def script(number):
        gates[number].pass_through()

    spec = ChildSpec(Limited, (queue, script), id="w")
    with Supervisor.start_link([spec], strategy="one_for_one", max_restarts=3) as supervisor:
        hung = []
        for number, gate in enumerate(gates):
            queue.put(number)
            gate.await_arrival()
            hung += [info.child for info in supervisor.which_children()]
            clock.advance(1.0)

        (info,) = supervisor.which_children()
        assert info.child not in hung
        assert [worker.state() for worker in hung] == ["abandoned"] * 3
        assert queue.stats().in_flight == 3
        for gate in gates:
            gate.open()
        assert queue.join(CAP)
    assert queue.stats().acked == 3
