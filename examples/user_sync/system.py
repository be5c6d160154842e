"""The system as a tree: an application supervisor over the remote service, the Registry, the Queue and the workers."""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING, ClassVar

from actors import Actor, ChildSpec, Normal, Queue, QueueClosed, exit
from examples.user_sync.job import LOCKS, SyncWorker
from examples.user_sync.remote import ServiceProcess
from examples.user_sync.source import InputError, SyncEvent
from supervision import Supervisor, SupervisorRef, child_spec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from examples.user_sync.job import Job
    from examples.user_sync.remote import Listener

__all__ = ["Feed", "Feeder", "RemoteService", "start_system"]

CRASHES_PER_WORKER_AND_SECOND = 100


class RemoteService(Actor):
    """The remote service, a process of its own: this actor starts it, and ends when it ends."""

    use_daemon_thread: ClassVar[bool] = True

    def __init__(self, listener: Listener, witness: Path, latency: float) -> None:
        self._service = ServiceProcess(listener, witness, latency=latency)

    def on_start(self) -> None:
        self._service.start()
        threading.Thread(target=self._await_end, name="service-watch", daemon=True).start()

    def on_receive(self, message: object) -> None:
        msg = f"the remote service ended: exit code {message}"
        raise RuntimeError(msg)

    def on_stop(self) -> None:
        self._service.stop()

    def on_failure(self, *_exc_info: object) -> None:
        self._service.stop()

    def _await_end(self) -> None:
        code = self._service.wait()
        if self.actor_ref.is_alive():
            self.actor_ref.tell(code)


class Feed:
    """Where the events come from, and how far that has come."""

    def __init__(self, users: Iterator[str], poison_rate: float, seed: int) -> None:
        self._users = users
        self._poison_rate = poison_rate
        self._chance = random.Random(f"poison-{seed}")
        self.events = 0
        self.ended = threading.Event()
        self.error: InputError | None = None

    def pour_into(self, queue: Queue) -> None:
        """Put all events into the queue, waiting for room; ends early when the queue is closed."""
        try:
            for user in self._users:
                queue.put(SyncEvent(user, is_poison=self._chance.random() < self._poison_rate))
                self.events += 1
        except QueueClosed:
            return
        except InputError as error:
            self.error = error
        finally:
            self.ended.set()


class Feeder(Actor):
    """Puts the events into the queue, as fast as that has room for them."""

    use_daemon_thread: ClassVar[bool] = True

    def __init__(self, feed: Feed, queue: Queue) -> None:
        self._feed = feed
        self._into = queue

    def on_start(self) -> None:
        # Afterwards, and not here: a start is waited for.
        self.actor_ref.tell("pour")

    def on_receive(self, _message: object) -> None:
        self._feed.pour_into(self._into)
        exit(Normal())


def start_system(job: Job, feed: Feed, service: ChildSpec | None) -> SupervisorRef:
    """Start the tree, and return its root.

    A crash of the Registry or the Queue restarts just that actor, since what they hold outlives them: one_for_one.
    """
    feeder = ChildSpec(Feeder, (feed, job.queue), restart="temporary")
    children = [LOCKS, job.queue, _pool(job), feeder]
    return Supervisor.start_link([service, *children] if service else children, strategy="one_for_one")


def _pool(job: Job) -> ChildSpec:
    """The workers, under a supervisor of their own.

    Its intensity is chosen for the job: crashes are part of it, and each costs one event one of its attempts, so that
    no event can crash workers for ever. The supervisor is to give up only when workers crash without doing anything
    at all: more often than a worker can take an event, call the service and crash.
    """
    workers = [ChildSpec(SyncWorker, (job, number), id=number) for number in range(job.options.workers)]
    return child_spec(
        Supervisor.child_spec(
            workers,
            strategy="one_for_one",
            max_restarts=CRASHES_PER_WORKER_AND_SECOND * len(workers),
            max_seconds=1.0,
        ),
        id="workers",
    )
