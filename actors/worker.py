"""The Worker: asks a queue for events, and handles them."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from actors._backlog import Backlog, Delivery, Events
from actors._clock import check_seconds
from actors._demand import check_demand, split_batches
from actors._kill import kill
from actors._life import UNFINISHED, finish
from actors._process import ALIVE
from actors.actor import Actor
from actors.errors import HandlerTimeout, UnknownQueue
from actors.messages import Crashed, ExitReason

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator, Sequence

    from actors._backlog import Subscription
    from actors._hooks import Hooks
    from actors._process import Process
    from actors._scheduler import RunsOn
    from actors.queue import Queue

__all__ = ["Reject", "Retry", "Snooze", "Worker"]

logger = logging.getLogger("pykka_otp.worker")


class Snooze(Exception):
    """Raised by a handler to get the same event later: `seconds` from now, this attempt not counted (F8)."""

    def __init__(self, seconds: float) -> None:
        check_seconds(seconds, "Snooze")
        super().__init__(seconds)
        self.seconds = seconds


class Retry(Exception):
    """Raised by a handler whose attempt failed: try again `after` seconds, by default as the queue backs off (F8)."""

    def __init__(self, after: float | None = None) -> None:
        if after is not None:
            check_seconds(after, "Retry")
        super().__init__(after)
        self.after = after


class Reject(Exception):
    """Raised by a handler for an event that is no use trying again: straight to the dead letters (F8)."""

    def __init__(self, reason: ExitReason) -> None:
        super().__init__(reason)
        self.reason = reason


class Worker(Actor):
    """An actor that handles a queue's events: override `handle_event`, or `handle_events` for whole batches.

    It asks for `max_demand` events and, whenever only `min_demand` are left to come, for as many as are missing. An
    event is done when the handler returns. A handler may also raise `Snooze`, `Retry` or `Reject`; any other exception
    ends the worker (its supervisor starts another), and counts as a failed attempt of the event.

    It runs on a thread of its own, so handlers may block; they may be `async def` as well.

    Example:
        class SyncWorker(Worker):
            timeout = 30.0

            def handle_event(self, user):
                sync(user)

        jobs = Queue("jobs")
        Supervisor.start_link([jobs, (SyncWorker, jobs)], strategy="rest_for_one")

    GenStage: a consumer with automatic demand (E16 to E22). Differs: `max_demand` is 1 unless the class says
    otherwise (F29), and the subscription survives the queue's actor (F21).
    """

    _otp_hooks: ClassVar[Hooks] = {**Actor._otp_hooks, "handle_event": ("event",), "handle_events": ("events",)}

    runs_on: ClassVar[RunsOn] = "thread"

    max_demand: ClassVar[int] = 1
    """How many events it may have in hand, handled and waiting. More than 1 trades latency for throughput."""

    min_demand: ClassVar[int | None] = None
    """When so many are left to come, it asks again; None for half of `max_demand`."""

    timeout: ClassVar[float | None] = None
    """Seconds that one call of the handler may take; then the worker is killed, and its supervisor starts another.
    Its code can't be stopped: what it holds, in the queue and in registries, stays held until that code has ended."""

    on_error: ClassVar[Literal["crash", "fail"]] = "crash"
    """Whether an exception of the handler, its `exit()` included, ends the worker, or only fails the event (F4)."""

    def __init__(self, queue: Queue) -> None:
        """Create a worker for `queue`.

        Raises:
            ValueError: `max_demand`, `min_demand`, `timeout` or `on_error` of the class is none that works (E7).
            TypeError: the class overrides no handler.
        """
        # Private to this class, so that a subclass may name its own attributes as it likes.
        self.__queue = queue
        self.__max_demand, self.__min_demand = check_demand(self.max_demand, self.min_demand)
        if self.timeout is not None:
            check_seconds(self.timeout, "timeout")
        if self.on_error not in ("crash", "fail"):
            msg = f"on_error must be 'crash' or 'fail'; got {self.on_error!r}"
            raise ValueError(msg)
        cls = type(self)
        self.__takes_batches = cls.handle_events is not Worker.handle_events
        if not self.__takes_batches and cls.handle_event is Worker.handle_event:
            msg = f"{cls.__name__} must override handle_event(event), or handle_events(events)"
            raise TypeError(msg)

    def handle_event(self, event: Any, /) -> Coroutine[Any, Any, None] | None:
        """Handle one event; override this or `handle_events`."""
        raise NotImplementedError

    def handle_events(self, events: Sequence[Any], /) -> Coroutine[Any, Any, None] | None:
        """Handle a batch of up to `max_demand - min_demand` events; they are done, or fail, together."""
        raise NotImplementedError

    def _otp_after_start(self) -> None:
        runtime = self._otp_process.runtime
        backlog = runtime.table(Backlog, self.__queue.name)
        if backlog is None:
            raise UnknownQueue(self.__queue.name)
        self.__backlog = backlog
        self.__watch = None if self.timeout is None else _Watch(self._otp_process, self.timeout)
        self.__subscription: Subscription = backlog.subscribe(self._otp_process)
        self.__demand = self.__max_demand
        backlog.ask(self.__subscription, self.__max_demand)

    def _handle_receive(self, message: Any) -> Any:
        if isinstance(message, Events):
            self._handle_deliveries(message.deliveries)
            return None
        return super()._handle_receive(message)

    def _otp_handler_of(self, message: object) -> str:
        if not isinstance(message, Events):
            return super()._otp_handler_of(message)
        return "handle_events" if self.__takes_batches else "handle_event"

    def _handle_deliveries(self, deliveries: list[Delivery]) -> None:
        batches, self.__demand = split_batches(
            len(deliveries), max_demand=self.__max_demand, min_demand=self.__min_demand, demand=self.__demand
        )
        rest = iter(deliveries)
        for size, ask in batches:
            handled = self._handle_batch(list(islice(rest, size)))
            if not handled:
                return
            if ask:
                self.__backlog.ask(self.__subscription, ask)

    def _handle_batch(self, batch: list[Delivery]) -> bool:
        """Handle a batch; False when the worker is to end first: what it didn't begin is taken back from it."""
        groups = [batch] if self.__takes_batches else [[delivery] for delivery in batch]
        for group in groups:
            # A killed worker finishes what it is at, but begins nothing more.
            if self._otp_process.alert:
                self._otp_process.checkpoint("take", *(delivery.event for delivery in group))
            if self._otp_process.fatal is not ALIVE:
                return False
            self._handle_group(group)
        return True

    def _handle_group(self, group: list[Delivery]) -> None:
        try:
            if self.__watch is None:
                self.__handle(group)
            else:
                with self.__watch.over(group):
                    self.__handle(group)
        except (Snooze, Retry, Reject) as answer:
            for delivery in group:
                self._give_back(delivery, answer)
        except Exception as error:
            if self.on_error == "crash":
                # The deliveries are left in hand: they are taken back, as failed, when this worker is gone.
                raise
            logger.exception("%s: handling failed", self._otp_process.label)
            for delivery in group:
                self.__backlog.fail(delivery, Crashed(error))
        else:
            for delivery in group:
                if self._otp_process.alert:
                    self._otp_process.pass_by("ack", delivery.event)
                self.__backlog.ack(delivery)

    def __handle(self, group: list[Delivery]) -> None:
        for delivery in group:
            delivery.started = True
        if self._otp_process.alert:
            self._otp_process.begin_handling(*(delivery.event for delivery in group))
        if self.__takes_batches:
            handled: object = self.handle_events([delivery.event for delivery in group])
        else:
            handled = self.handle_event(group[0].event)
        if type(handled) in UNFINISHED:
            finish(self._otp_process, handled)
        if self._otp_process.alert:
            self._otp_process.end_handling(*(delivery.event for delivery in group))

    def _give_back(self, delivery: Delivery, answer: Snooze | Retry | Reject) -> None:
        match answer:
            case Snooze(seconds=seconds):
                self.__backlog.snooze(delivery, seconds)
            case Retry(after=after):
                self.__backlog.fail(delivery, Crashed(answer.__cause__ or answer), after)
            case Reject(reason=reason):
                self.__backlog.reject(delivery, reason)


class _Watch:
    """Kills a worker whose handler runs longer than its time.

    One alarm at a time, set anew when it rings too early: a quick handler costs no timer.
    """

    def __init__(self, process: Process, timeout: float) -> None:
        self._process = process
        self._timeout = timeout
        self._clock = process.runtime.clock
        self._lock = threading.Lock()
        self._is_armed = False
        self._deadline: float | None = None
        self._group: list[Delivery] = []

    @contextmanager
    def over(self, group: list[Delivery]) -> Generator[None]:
        """Watch over one call of the handler."""
        with self._lock:
            self._group = group
            self._deadline = self._clock.now() + self._timeout
            if not self._is_armed:
                self._arm(self._deadline)
        try:
            yield
        finally:
            with self._lock:
                self._deadline = None

    def _arm(self, deadline: float) -> None:
        self._is_armed = True
        self._clock.call_at(deadline, self._ring)

    def _ring(self) -> None:
        with self._lock:
            self._is_armed = False
            if self._deadline is None or self._process.gone:
                return
            if self._clock.now() < self._deadline:
                self._arm(self._deadline)
                return
            error = Crashed(HandlerTimeout(f"the handler ran longer than {self._timeout} seconds"))
            for delivery in self._group:
                delivery.error = error
        logger.error("%s: the handler ran longer than %s seconds", self._process.label, self._timeout)
        kill(self._process)
