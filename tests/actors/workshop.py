"""What the tests of Queue and Worker share: queues, workers that do what a function says, and ways to wait for them."""

from __future__ import annotations

from actors import Backoff, Queue, Worker, checkpoint, whereis
from tests.support import Gate


def started(**settings):
    """A queue of these settings, started, that backs off for 0.1, 0.2, 0.4 ... seconds."""
    queue = Queue("jobs", **{"backoff": Backoff(0.1, jitter=0.0), **settings})
    queue.start_link()
    return queue


class Recorder(Worker):
    """Tells a list what it handles."""

    use_daemon_thread = True

    def __init__(self, queue, log):
        super().__init__(queue)
        self.log = log

    def handle_event(self, event):
        self.log.append(event)


class Scripted(Worker):
    """Does with an event what a function says, which may wait, raise, or return."""

    use_daemon_thread = True

    def __init__(self, queue, script):
        super().__init__(queue)
        self.script = script

    def handle_event(self, event):
        self.script(event)


class Forgiving(Scripted):
    """Fails an event, and lives."""

    on_error = "fail"


class Two(Scripted):
    """Has two events in hand: one that it handles, and one that waits in its mailbox."""

    max_demand = 2
    min_demand = 0


def wait_then_unwind(gate):
    """A script that waits at the gate, and then comes by where a kill takes effect."""

    def script(_event):
        gate.pass_through()
        checkpoint()

    return script


def at_work(queue, event, script=None, *, worker=Scripted):
    """A worker that has `event` in hand, and the gate at which it waits with it; then a kill takes effect."""
    gate = Gate()
    ref = worker.start_link(queue, script(gate) if script else wait_then_unwind(gate))
    queue.put(event)
    gate.await_arrival()
    return ref, gate


def caught_up():
    """Wait until the queue's actor has handled what it was sent before."""
    whereis("jobs").ask("handled what came before")


def settle(queue):
    """Wait until nothing that is due now is ready or in flight, and all have said so."""
    assert queue._backlog().wait_idle(0.0, None)
    caught_up()
    assert queue._backlog().wait_idle(0.0, None)


def balance(queue):
    """Whether every event is accounted for."""
    stats = queue.stats()
    return stats.put == stats.ready + stats.delayed + stats.in_flight + stats.acked + stats.dead
