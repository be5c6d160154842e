"""What a queue holds: events ready and delayed, deliveries in flight, dead letters, and the demand of the workers.

Belongs to the runtime and outlives the queue's actor. Every method is atomic and may be called from any thread; what
is decided here is sent by the actor.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import math
import random
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors._demand import DemandDispatcher
from actors._mail import Control, Wrapping
from actors._process import ALIVE, Process, current, new_waiter
from actors.errors import QueueClosed, QueueFull
from actors.messages import ExitReason, Killed, is_orderly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from actors._clock import Waiter
    from actors.runtime import Runtime

__all__ = [
    "POKE",
    "Backlog",
    "Backoff",
    "DeadLetter",
    "Delivery",
    "Events",
    "Failure",
    "QueueSettings",
    "QueueStats",
    "Subscription",
]

logger = logging.getLogger("pykka_otp.queue")


class _Poke(Control):
    """Tells the queue's actor to look at its backlog."""


POKE = _Poke()


@dataclass(frozen=True, slots=True)
class Failure:
    """One attempt that failed: why, and when, in seconds of the runtime's clock."""

    reason: ExitReason
    at: float


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that was given up: its number in the queue, how often it was handed out, and why each attempt failed."""

    number: int
    event: object
    attempts: int
    failures: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class QueueStats:
    """A queue in numbers, all of events; at every moment `put = ready + delayed + in_flight + acked + dead` (F30).

    Args:
        put: that were ever put.
        ready: that wait for a worker.
        delayed: that wait for their time: put with a delay, snoozed, or to be tried again.
        in_flight: that a worker has, or had when it was last seen.
        acked: that were handled.
        dead: that were given up, those no longer kept as dead letters included.
        handed: hand-outs, each attempt of an event counted.
        failed: attempts that failed.
        snoozed: hand-outs that a worker gave back for later.
        taken_back: hand-outs taken back from workers that had gone.
        stale: answers for deliveries that weren't the worker's any more.
    """

    put: int
    ready: int
    delayed: int
    in_flight: int
    acked: int
    dead: int
    handed: int
    failed: int
    snoozed: int
    taken_back: int
    stale: int


class Backoff:
    """Seconds to wait before an event is tried again: `base`, doubled with each attempt, at most `cap`.

    Args:
        base: seconds before the second attempt.
        cap: seconds at most, jitter left out.
        jitter: share by which a wait may be longer, chosen at random; never shorter (F6).
        seed: for the random choice; None for what the runtime chooses, a different one each time.
    """

    def __init__(self, base: float = 0.1, *, cap: float = 60.0, jitter: float = 0.1, seed: int | None = None) -> None:
        self._base = base
        self._cap = cap
        self._jitter = jitter
        self._random = None if seed is None else random.Random(seed).random

    def __call__(self, attempt: int, _reason: ExitReason) -> float:
        """Return the seconds between attempt number `attempt` (from 1), which failed, and the next."""
        # The exponent is bounded, since floats are: by then the cap has decided long ago.
        seconds = min(self._cap, self._base * 2.0 ** min(attempt - 1, 64))
        return seconds * (1.0 + self._jitter * (self._random or _chance())())


def _chance() -> Callable[[], float]:
    """Where random numbers come from: the runtime of the actor that calls, which may have them be the same again."""
    process = current()
    return random.random if process is None else process.runtime.random


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """What a queue was made with; `Queue` says what each means."""

    max_attempts: int
    backoff: Callable[[int, ExitReason], float]
    maxsize: int | None
    max_dead_letters: int


class _Job:
    """An event on its way through the queue."""

    __slots__ = ("attempts", "event", "failures", "number")

    def __init__(self, number: int, event: object) -> None:
        self.number = number
        self.event = event
        self.attempts = 0
        self.failures: list[Failure] = []


class Subscription:
    """One worker's claim: what it has in hand, in the order of hand-out."""

    __slots__ = ("in_hand", "process")

    def __init__(self, process: Process) -> None:
        self.process = process
        self.in_hand: dict[int, Delivery] = {}


class Delivery:
    """One hand-out of an event to a worker. Its id is never used again.

    `started` and `error` are written by the worker: the handler has been called with it; what is known of its failure
    beyond the worker's exit reason.
    """

    __slots__ = ("error", "event", "id", "job", "started", "subscription")

    def __init__(self, delivery_id: int, job: _Job, subscription: Subscription) -> None:
        self.id = delivery_id
        self.job = job
        self.event = job.event
        self.subscription = subscription
        self.started = False
        self.error: ExitReason | None = None


@dataclass(frozen=True, slots=True)
class Events(Control, Wrapping):
    """To a worker: what it asked for."""

    deliveries: list[Delivery]

    @property
    def content(self) -> list[object]:
        return [delivery.event for delivery in self.deliveries]


class Backlog:
    """The content of one queue."""

    def __init__(self, runtime: Runtime, name: str, settings: QueueSettings) -> None:
        self._runtime = runtime
        self._name = name
        self._settings = settings
        self._lock = threading.RLock()
        self._numbers = itertools.count(1)
        self._delivery_ids = itertools.count(1)

        self._ready: deque[_Job] = deque()
        self._delayed: list[tuple[float, int, _Job]] = []
        self._delay_order = itertools.count()
        self._in_flight: dict[int, Delivery] = {}
        self._dead: deque[DeadLetter] = deque(maxlen=settings.max_dead_letters)

        self._subscriptions: dict[Process, Subscription] = {}
        self._dispatcher: DemandDispatcher[Subscription] = DemandDispatcher()
        self._demand = 0
        self._closed = False
        self._paused = False

        self._putters: deque[Waiter] = deque()
        self._spectators: dict[Waiter, Callable[[], bool]] = {}
        self._keeper: Process | None = None
        self._poked = False

        self._put = self._acked = self._dead_count = 0
        self._handed = self._failed = self._snoozed = self._taken_back = self._stale = 0

    # Putting

    def put(self, event: object, delay: float, timeout: float | None) -> None:
        """Add an event, when there is room; `Queue.put` says how long that is waited for."""
        deadline = None if timeout is None else self._now() + timeout
        while (waiter := self._try_put(event, delay)) is not None:
            left = None if deadline is None else max(deadline - self._now(), 0.0)
            try:
                in_time = self._runtime.wait(waiter, left)
            finally:
                self._forget_putter(waiter)
            if not in_time:
                msg = f"queue {self._name!r} had no room for {event!r} within {timeout} seconds: it holds {len(self)}"
                raise QueueFull(msg)

    def _try_put(self, event: object, delay: float) -> Waiter | None:
        """Add an event and return None; or return what to wait on for room."""
        with self._lock:
            if self._closed:
                msg = f"queue {self._name!r} takes no more events: it was closed"
                raise QueueClosed(msg)
            # A worker of this queue that waited for room could wait for itself.
            if not self._has_room() and current() not in self._subscriptions:
                waiter = new_waiter()
                self._putters.append(waiter)
                return waiter
            job = _Job(next(self._numbers), event)
            try:
                self._add(job, delay)
                self._poke_if(self._demand > 0 or delay > 0)
            except BaseException:
                # Most likely raised by the handler of a signal. The event may be there, and has to be seen.
                self._poke_if(condition=True)
                raise
            return None

    def _add(self, job: _Job, delay: float) -> None:
        # No handler of a signal comes between the count and the event.
        if delay > 0:
            entry = self._delayed_entry(job, delay)
            self._put += 1
            heapq.heappush(self._delayed, entry)
        else:
            self._put += 1
            self._ready.append(job)

    def _forget_putter(self, waiter: Waiter) -> None:
        with self._lock:
            if waiter in self._putters:
                self._putters.remove(waiter)
            elif self._has_room():
                # It was woken for a place that it may not take (its time was over, or it was killed): wake another.
                self._wake_putter()

    def _has_room(self) -> bool:
        return self._settings.maxsize is None or len(self) < self._settings.maxsize

    def _wake_putter(self) -> None:
        if self._putters:
            # The handler of a signal may come between.
            self._putters[0].release()
            self._putters.popleft()

    def __len__(self) -> int:
        return len(self._ready) + len(self._delayed)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            # Those who wait for room learn of it by trying again. No `while`: interrupted where it goes on, Python 3.13
            # leaves this without giving up the lock (python/cpython#130279).
            for waiter in self._putters:
                waiter.release()
            self._putters.clear()

    # What workers say

    def subscribe(self, process: Process) -> Subscription:
        subscription = Subscription(process)
        with self._lock:
            self._subscriptions[process] = subscription
            self._dispatcher.subscribe(subscription)
        process.when_gone(self.take_back)
        return subscription

    def ask(self, subscription: Subscription, count: int) -> None:
        with self._lock:
            if not self._dispatcher.ask(subscription, count):
                # A killed worker, struck off already, whose code has come to its end only now.
                return
            self._demand += count
            if self._ready:
                # Nobody else waits for an event, or none would be ready (E82): it gets them without a detour.
                self._hand_out()

    def ack(self, delivery: Delivery) -> bool:
        with self._lock:
            if not self._settle(delivery):
                return False
            self._acked += 1
            self._notice()
            return True

    def fail(self, delivery: Delivery, reason: ExitReason, after: float | None = None) -> bool:
        if after is None:
            after = self._backoff(delivery.job, reason)
        with self._lock:
            if not self._settle(delivery):
                return False
            self._try_again(delivery.job, reason, after)
            self._notice()
            return True

    def reject(self, delivery: Delivery, reason: ExitReason) -> bool:
        with self._lock:
            if not self._settle(delivery):
                return False
            self._note_failure(delivery.job, reason)
            self._bury(delivery.job)
            self._notice()
            return True

    def snooze(self, delivery: Delivery, seconds: float) -> bool:
        with self._lock:
            if not self._settle(delivery):
                return False
            self._snoozed += 1
            delivery.job.attempts -= 1
            self._delay(delivery.job, seconds)
            self._poke_if(condition=True)
            self._notice()
            return True

    def _settle(self, delivery: Delivery) -> bool:
        """Take a delivery out of flight; False when it was taken back before (F10)."""
        if self._in_flight.pop(delivery.id, None) is None:
            self._stale += 1
            return False
        del delivery.subscription.in_hand[delivery.id]
        return True

    # What the actor does

    def adopt(self, keeper: Process) -> None:
        """Have `keeper` hand out from now on."""
        with self._lock:
            if keeper.reason is not ALIVE:
                # Killed while it started: another may be here already.
                return
            self._keeper = keeper
            self._poked = False

    def hand_out(self) -> None:
        """Send what is ready and due to the workers that asked for it."""
        with self._lock:
            self._poked = False
            self._hand_out()

    def _hand_out(self) -> None:
        self._release_due()
        if self._paused:
            return
        while self._ready and self._demand > 0:
            for subscription, count in self._dispatcher.dispatch(len(self._ready)):
                self._demand -= count
                if subscription.process.reason is ALIVE:
                    # Sent with the lock held, so that what a worker gets from two threads comes in order (E47). One
                    # that ends just now keeps it in hand until it is gone; then it is taken back.
                    subscription.process.put(Events(self._deliver(subscription, count)))
                else:
                    self._demand -= self._dispatcher.cancel(subscription)
        while self._putters and self._has_room():
            self._wake_putter()

    def _deliver(self, subscription: Subscription, count: int) -> list[Delivery]:
        deliveries = []
        for _ in range(count):
            job = self._ready.popleft()
            job.attempts += 1
            delivery = Delivery(next(self._delivery_ids), job, subscription)
            self._in_flight[delivery.id] = subscription.in_hand[delivery.id] = delivery
            deliveries.append(delivery)
        self._handed += count
        return deliveries

    def next_due(self) -> float | None:
        """When the next delayed event is due, in seconds of the runtime's clock."""
        with self._lock:
            return self._delayed[0][0] if self._delayed else None

    def take_back(self, process: Process) -> None:
        """Take back what a gone worker had in hand: to the front, in its old order; failures for a later attempt.

        Called as the worker goes, in its own thread: whoever sees it gone sees its events back.
        """
        with self._lock:
            subscription = self._subscriptions.get(process)
            if subscription is None:
                return
            self._demand -= self._dispatcher.cancel(subscription)
            in_hand = list(subscription.in_hand.values())
        failures = {
            delivery: (reason, self._backoff(delivery.job, reason))
            for delivery in in_hand
            if (reason := self._failure(delivery, process.reason)) is not ALIVE
        }
        with self._lock:
            for delivery in list(subscription.in_hand.values()):
                if delivery not in failures:
                    continue
                self._try_again(delivery.job, *failures[delivery])
                self._settle(delivery)
                self._taken_back += 1
            for delivery in reversed(list(subscription.in_hand.values())):
                self._in_flight.pop(delivery.id, None)
                # No handler of a signal comes before the event is back where it was.
                del subscription.in_hand[delivery.id]
                self._taken_back += 1
                # What was only in the worker's mailbox is no attempt (F3).
                delivery.job.attempts -= not delivery.started
                self._ready.appendleft(delivery.job)
            self._subscriptions.pop(process, None)
            self._poke_if(bool(self._ready))
            self._notice()

    def _failure(self, delivery: Delivery, exit_reason: ExitReason) -> ExitReason:
        """Why a gone worker's delivery failed; ALIVE when it didn't, and goes back as it was."""
        if not delivery.started:
            return ALIVE
        if delivery.error is not None:
            return delivery.error
        is_innocent = is_orderly(exit_reason) or isinstance(exit_reason, Killed)
        return ALIVE if is_innocent and delivery.job.attempts < self._settings.max_attempts else exit_reason

    # Failure and time

    def _try_again(self, job: _Job, reason: ExitReason, after: float) -> None:
        self._note_failure(job, reason)
        if job.attempts >= self._settings.max_attempts:
            self._bury(job)
        else:
            self._delay(job, after)
            self._poke_if(condition=True)

    def _note_failure(self, job: _Job, reason: ExitReason) -> None:
        self._failed += 1
        job.failures.append(Failure(reason, self._now()))

    def _bury(self, job: _Job) -> None:
        self._dead_count += 1
        self._dead.append(DeadLetter(job.number, job.event, job.attempts, tuple(job.failures)))

    def _backoff(self, job: _Job, reason: ExitReason) -> float:
        """Ask the user's function, without the lock: it may take its time, or look at the queue."""
        if job.attempts >= self._settings.max_attempts:
            return 0.0
        try:
            seconds = float(self._settings.backoff(job.attempts, reason))
        except BaseException:  # whatever it is, the event must not be lost over it
            logger.exception("queue %r: backoff(%r, %r) failed; trying again at once", self._name, job.attempts, reason)
            return 0.0
        return seconds if math.isfinite(seconds) else 0.0

    def _delay(self, job: _Job, seconds: float) -> None:
        heapq.heappush(self._delayed, self._delayed_entry(job, seconds))

    def _delayed_entry(self, job: _Job, seconds: float) -> tuple[float, int, _Job]:
        return self._now() + max(seconds, 0.0), next(self._delay_order), job

    def _release_due(self) -> None:
        if not self._delayed:
            return
        now = self._now()
        while self._delayed and self._delayed[0][0] <= now:
            self._ready.append(heapq.heappop(self._delayed)[2])

    def _now(self) -> float:
        return self._runtime.clock.now()

    # Watching

    def poke(self) -> None:
        with self._lock:
            self._poke_if(condition=True)

    def _poke_if(self, condition: bool) -> None:  # noqa: FBT001 - reads as a sentence
        if condition and not self._poked and self._keeper is not None:
            self._poked = self._keeper.put(POKE)

    def pause(self, *, paused: bool) -> None:
        with self._lock:
            self._paused = paused
            self._poke_if(not paused)
            self._notice()

    def wait_idle(self, due_until: float, timeout: float | None, *, even_paused: bool = False) -> bool:
        """Wait until nothing is in flight, nor to be handed out by `due_until`; False after `timeout` seconds.

        What a pause holds back isn't waited for, except with `even_paused`.
        """

        def is_idle() -> bool:
            waiting = self._ready or (self._delayed and self._delayed[0][0] <= due_until)
            held_back = self._paused and not even_paused
            return not self._in_flight and (held_back or not waiting)

        waiter = new_waiter()
        with self._lock:
            if is_idle():
                return True
            self._spectators[waiter] = is_idle
        try:
            return self._runtime.wait(waiter, timeout)
        finally:
            with self._lock:
                self._spectators.pop(waiter, None)

    def _notice(self) -> None:
        if not self._spectators:
            return
        for waiter in [waiter for waiter, is_reached in self._spectators.items() if is_reached()]:
            # The handler of a signal may come between.
            waiter.release()
            del self._spectators[waiter]

    # Looking inside

    def stats(self) -> QueueStats:
        with self._lock:
            return QueueStats(
                put=self._put,
                ready=len(self._ready),
                delayed=len(self._delayed),
                in_flight=len(self._in_flight),
                acked=self._acked,
                dead=self._dead_count,
                handed=self._handed,
                failed=self._failed,
                snoozed=self._snoozed,
                taken_back=self._taken_back,
                stale=self._stale,
            )

    def pending(self) -> list[object]:
        """All events that are ready, delayed or in flight."""
        with self._lock:
            delayed = (job for _, _, job in sorted(self._delayed, key=lambda entry: entry[:2]))
            jobs: Iterable[_Job] = itertools.chain(self._ready, delayed, (d.job for d in self._in_flight.values()))
            return [job.event for job in jobs]

    def dead_letters(self) -> list[DeadLetter]:
        with self._lock:
            return list(self._dead)

    def retry(self, letter: DeadLetter) -> bool:
        with self._lock:
            if letter not in self._dead:
                return False
            job = _Job(letter.number, letter.event)
            job.failures = list(letter.failures)
            job.attempts = min(letter.attempts, self._settings.max_attempts - 1)
            index = self._dead.index(letter)
            try:
                # No handler of a signal comes between these.
                del self._dead[index]
                self._dead_count -= 1
                self._ready.append(job)
                self._poke_if(self._demand > 0)
            except BaseException:
                # As in `_try_put`.
                self._poke_if(condition=True)
                raise
            return True

    def purge(self) -> int:
        with self._lock:
            purged = len(self._dead)
            self._dead.clear()
            return purged
