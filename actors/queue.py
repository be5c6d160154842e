"""The Queue: hands out events in batches, on demand, to the workers that asked for them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

from actors._backlog import (
    POKE,
    Backlog,
    Backoff,
    DeadLetter,
    Failure,
    QueueSettings,
    QueueStats,
)
from actors._clock import check_seconds
from actors._process import checkpoint, pass_by
from actors.actor import Actor
from actors.child_spec import ChildSpec
from actors.errors import UnknownQueue
from actors.runtime import current_runtime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from actors._clock import Ticket
    from actors.messages import ExitReason
    from actors.ref import ActorRef

__all__ = ["Backoff", "DeadLetter", "Failure", "Queue", "QueueStats"]


class Queue:
    """Events for workers: each is given to one worker that asked for it, until one has handled it.

    Made once, for instance at the top of a module, started as a child of a supervisor, and used from everywhere:

        jobs = Queue("jobs", max_attempts=5)
        ...
        jobs.put("user-7")

    An event stays with the queue until its worker's handler has returned. When the worker is *gone* before that, the
    event goes to another; an event that fails again and again becomes a dead letter. What the queue holds outlives a
    crash of its actor: puts and answers go on meanwhile, and nothing is handed out twice.

    Args:
        name: names the queue and its actor in the runtime.
        max_attempts: how often an event may be handed out before a failure makes it a dead letter (F3, F5).
        backoff: seconds to wait after a failure, from the number of the attempt that failed (from 1) and the reason;
            by default `Backoff()`: 0.1, doubled each time, at most 60, up to 10 % longer at random (F6).
        maxsize: how many events may wait, ready or delayed, before a `put` waits for room; None: any number. What
            comes back from workers is always taken (F14).
        max_dead_letters: how many dead letters are kept; then the oldest are dropped.

    Raises:
        ValueError: a bad argument.

    GenStage: the QueueBroadcaster example, with what real services need beside (F1, F29). An event may be any object.
    """

    def __init__(
        self,
        name: str,
        *,
        max_attempts: int = 3,
        backoff: Callable[[int, ExitReason], float] | None = None,
        maxsize: int | None = None,
        max_dead_letters: int = 10_000,
    ) -> None:
        if not isinstance(name, str) or not name:
            msg = f"name must be a string that isn't empty; got {name!r}"
            raise ValueError(msg)
        _check_count("max_attempts", max_attempts)
        _check_count("max_dead_letters", max_dead_letters)
        if maxsize is not None:
            _check_count("maxsize", maxsize)
        self.name = name
        self._settings = QueueSettings(max_attempts, backoff or Backoff(), maxsize, max_dead_letters)

    def __repr__(self) -> str:
        return f"Queue({self.name!r})"

    # Starting

    def child_spec(self) -> ChildSpec:
        """Return the spec with which a supervisor starts the queue's actor; its id is the queue's name."""
        return ChildSpec(self.start_link, id=self.name)

    def start_link(self) -> ActorRef[Any]:
        """Start the actor that hands out, linked to the calling actor; the queue's content is made if need be.

        Raises:
            AlreadyStarted: an actor has this name.
        """
        return QueueKeeper.options(name=self.name).start_link(self.name, self._settings)

    # Putting

    def put(self, event: object, *, delay: float = 0.0, timeout: float | None = None) -> None:
        """Add an event; from anywhere.

        Args:
            event: any object.
            delay: seconds before which it isn't handed out (F7).
            timeout: seconds to wait for room when the queue is full; None waits for ever, 0 doesn't wait. A worker of
                this queue never waits, since it may be the one to make room: what it puts is taken.

        Raises:
            QueueFull: no room in time.
            QueueClosed: the queue takes no more events.
            ValueError: `delay` or `timeout` is negative or not a number.
        """
        check_seconds(delay, "delay")
        if timeout is not None:
            check_seconds(timeout, "timeout")
        checkpoint("put", event)
        self._backlog().put(event, delay, timeout)

    def put_many(self, events: Iterable[object], *, delay: float = 0.0, timeout: float | None = None) -> int:
        """Add events one after the other, and return how many; each waits for room as `put` does."""
        count = 0
        for event in events:
            self.put(event, delay=delay, timeout=timeout)
            count += 1
        return count

    # Ending

    def close(self) -> None:
        """Take no more events; what is there is handed out."""
        self._at("close").close()

    def pause(self) -> None:
        """Hand out nothing until `resume()`; all else goes on, and what workers ask for is remembered (F22)."""
        self._at("pause").pause(paused=True)

    def resume(self) -> None:
        """Hand out again."""
        self._at("resume").pause(paused=False)

    def join(self, timeout: float | None = None) -> bool:
        """Wait until every event was handled, or is a dead letter; a delay, and a pause, are waited for.

        Args:
            timeout: seconds; None waits for ever.

        Returns:
            False when the time was over before.
        """
        return self._seen_at("join").wait_idle(math.inf, timeout, even_paused=True)

    def drain(self, timeout: float) -> QueueStats:
        """Take no more events, and wait until what is there has been handled.

        Events that are delayed beyond the time are not waited for; a paused queue waits for what is in flight only.
        When the time is over the queue is paused, so that what is left stays. What is still in flight then stays with
        its workers.

        Args:
            timeout: seconds.

        Returns:
            What is left then: `ready`, `delayed` and `in_flight`; `Queue.pending()` lists it (F23, F24).
        """
        backlog = self._at("drain")
        backlog.close()
        if not backlog.wait_idle(current_runtime().clock.now() + timeout, timeout):
            backlog.pause(paused=True)
        return backlog.stats()

    # Looking inside

    def stats(self) -> QueueStats:
        """Return the queue in numbers."""
        return self._seen_at("stats").stats()

    def pending(self) -> list[object]:
        """Return the events that are ready, delayed or in flight."""
        return self._seen_at("pending").pending()

    def dead_letters(self) -> list[DeadLetter]:
        """Return the events that were given up, oldest first, with the reasons (F5)."""
        return self._seen_at("dead_letters").dead_letters()

    def retry(self, letter: DeadLetter) -> bool:
        """Put a dead letter's event back, for at least one more attempt; False when it isn't there any more (F5)."""
        return self._at("retry", letter).retry(letter)

    def purge(self) -> int:
        """Forget all dead letters, and return how many there were."""
        return self._at("purge").purge()

    def _at(self, operation: str, *about: object) -> Backlog:
        """The backlog, for an actor that changes something, when it has been at that point: maybe as it tidies up."""
        pass_by(operation, *about)
        return self._backlog()

    def _seen_at(self, operation: str) -> Backlog:
        """The backlog, for one that looks, maybe again and again, when it has been at that point."""
        checkpoint(operation)
        return self._backlog()

    def _backlog(self) -> Backlog:
        backlog = current_runtime().table(Backlog, self.name)
        if backlog is None:
            raise UnknownQueue(self.name)
        return backlog


class QueueKeeper(Actor):
    """The queue's actor: hands out what is put or falls due to those who asked, and keeps the time."""

    use_daemon_thread: ClassVar[bool] = True

    def __init__(self, name: str, settings: QueueSettings) -> None:
        self._name = name
        self._settings = settings
        self._alarm: Ticket | None = None

    def on_start(self) -> None:
        runtime = self._otp_process.runtime
        self._backlog = runtime.table_or_new(Backlog, self._name, lambda: Backlog(runtime, self._name, self._settings))
        self._backlog.adopt(self._otp_process)
        self._hand_out()

    def on_receive(self, message: object) -> None:
        match message:
            case _ if message is POKE:
                self._hand_out()
            case _:
                super().on_receive(message)

    def on_stop(self) -> None:
        self._set_alarm(None)

    def on_failure(self, *_exc_info: object, **_named: object) -> None:
        self._set_alarm(None)

    def _hand_out(self) -> None:
        self._backlog.hand_out()
        self._set_alarm(self._backlog.next_due())

    def _set_alarm(self, due: float | None) -> None:
        """Have the actor woken when the earliest delayed event is due."""
        clock = self._otp_process.runtime.clock
        if self._alarm is not None:
            if self._alarm.callback is not None and self._alarm.deadline == due:
                return
            clock.cancel(self._alarm)
        self._alarm = clock.call_at(due, self._backlog.poke) if due is not None else None


def _check_count(name: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        msg = f"{name} must be a whole number >= 1; got {value!r}"
        raise ValueError(msg)
