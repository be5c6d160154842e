"""What is measured: each case does the same work with this library and with what users would take instead."""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pykka

from actors import Actor, Queue, Registry, Runtime, Worker
from supervision import Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Case:
    """`ours` and `theirs` do so many operations, and return how many they did per second."""

    name: str
    rival: str
    operations: int
    ours: Callable[[int], float]
    theirs: Callable[[int], float]


def per_second(count, work):
    began = time.perf_counter()
    work()
    return count / (time.perf_counter() - began)


class Locker(Actor):
    """Registers and unregisters itself under keys, `count` times."""

    def __init__(self, registry):
        self.registry = registry

    def on_receive(self, count):
        for number in range(count):
            self.registry.register(number)
            self.registry.unregister(number)


def registry_pairs(count):
    registry = Registry("bench")
    with Runtime():
        registry.start_link()
        locker = Locker.start(registry)
        speed = per_second(count, lambda: locker.ask(count))
        locker.stop()
        return speed


def bare_table_pairs(count):
    table, lock, me = {}, threading.Lock(), object()

    def work():
        for number in range(count):
            with lock:
                if number not in table:
                    table[number] = me
            with lock:
                del table[number]

    return per_second(count, work)


class Nothing(Worker):
    def handle_event(self, event):
        pass


class NothingInBatches(Worker):
    max_demand = 100

    def handle_events(self, events):
        pass


def queue_of(worker_class):
    def run(count):
        jobs = Queue("bench")
        with Runtime():
            jobs.start_link()
            for _ in range(4):
                worker_class.start(jobs)

            def work():
                jobs.put_many(range(count))
                jobs.join()

            return per_second(count, work)

    return run


def bare_queue(count):
    """Four threads on a `queue.Queue`: no acknowledgement, no retry, no supervision."""
    jobs = queue.Queue()

    def drain():
        while jobs.get() is not None:
            jobs.task_done()
        jobs.task_done()

    threads = [threading.Thread(target=drain) for _ in range(4)]
    for thread in threads:
        thread.start()

    def work():
        for number in range(1, count + 1):
            jobs.put(number)
        jobs.join()

    speed = per_second(count, work)
    for _ in threads:
        jobs.put(None)
    for thread in threads:
        thread.join()
    return speed


class Mortal(Actor):
    def __init__(self, starts):
        self.starts = starts

    def on_start(self):
        self.starts.put(self.actor_ref)

    def on_receive(self, message):
        raise SystemExit


def restarts(count):
    starts = queue.SimpleQueue()
    with (
        Runtime(),
        Supervisor.start_link([(Mortal, starts)], strategy="one_for_one", max_restarts=count + 1, max_seconds=3600.0),
    ):

        def work():
            for _ in range(count):
                starts.get().tell("die")
            starts.get()

        return per_second(count, work)


class PlainMortal(pykka.ThreadingActor):
    def __init__(self, starts):
        super().__init__()
        self.starts = starts

    def on_start(self):
        self.starts.put(self.actor_ref)

    def on_receive(self, message):
        raise RuntimeError

    def on_failure(self, *exc_info):
        PlainMortal.start(self.starts)


def restarts_by_hand(count):
    """A plain Pykka actor that starts its successor in `on_failure`."""
    starts = queue.SimpleQueue()
    PlainMortal.start(starts)

    def work():
        for _ in range(count):
            starts.get().tell("die")

    speed = per_second(count, work)
    starts.get().stop()
    return speed


CASES = [
    Case("crash and restart", "Pykka, by hand", 1_000, restarts, restarts_by_hand),
    Case("register and unregister", "a dict and a lock", 100_000, registry_pairs, bare_table_pairs),
    Case("queue, one event a call", "threads on a queue.Queue", 20_000, queue_of(Nothing), bare_queue),
    Case("queue, batches of 50", "threads on a queue.Queue", 50_000, queue_of(NothingInBatches), bare_queue),
]
