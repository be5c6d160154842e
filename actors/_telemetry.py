"""The telemetry of one runtime: who listens to which events, and how they are told."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from actors._checks import check_function, check_name
from actors._clock import wall_nanoseconds
from actors._process import current
from actors.errors import AlreadyAttached, ExitRequest, ProcessKilled, UnknownHandler
from actors.messages import Crashed

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping
    from types import TracebackType
    from typing import Self

    from actors._clock import Clock

__all__ = [
    "ACTOR",
    "HANDLER_FAILURE",
    "MESSAGE",
    "Event",
    "HandlerFunction",
    "Measurements",
    "Metadata",
    "Span",
    "Telemetry",
    "checked_event",
    "failure",
]

logger = logging.getLogger("pykka_otp.telemetry")

Event: TypeAlias = tuple[str, ...]
"""The name of an event, such as `("my_app", "request", "stop")`."""

Measurements: TypeAlias = "Mapping[str, float]"
"""Numbers by name; those that we make ourselves are whole nanoseconds."""

Metadata: TypeAlias = "Mapping[str, Any]"
"""Anything else that is to be known of an event, by name."""

HandlerFunction: TypeAlias = "Callable[[Event, Measurements, Metadata, Any], object]"
"""What `attach` takes: `function(event, measurements, metadata, config)`."""

ACTOR: Event = ("pykka_otp", "actor")
"""Prefix of the span that is an actor's life."""

MESSAGE: Event = ("pykka_otp", "message")
"""Prefix of the span around a handler."""

HANDLER_FAILURE: Event = ("telemetry", "handler", "failure")


@dataclass(frozen=True, slots=True, eq=False)
class _Handler:
    id: Hashable
    events: tuple[Event, ...]
    function: HandlerFunction
    config: Any


class Telemetry:
    """Hands events to those who listen to them. What `actors.telemetry` does, for one runtime.

    Args:
        clock: what the times of spans are taken from.
        changed: called when it may be that others are listened to than before.
    """

    def __init__(self, clock: Clock, changed: Callable[[], None]) -> None:
        self._clock = clock
        self._changed = changed
        # A finalizer that detaches may come between two lines of the same thread that holds it.
        self._lock = threading.RLock()
        self._by_id: dict[Hashable, _Handler] = {}
        # Never changed, but replaced: it is read without the lock.
        self._by_event: dict[Event, tuple[_Handler, ...]] = {}

    def attach(self, handler_id: Hashable, event: Event, function: HandlerFunction, config: Any = None) -> None:
        self.attach_many(handler_id, (event,), function, config)

    def attach_many(
        self, handler_id: Hashable, events: Iterable[Event], function: HandlerFunction, config: Any = None
    ) -> None:
        check_name(handler_id, "handler_id")
        check_function(function)
        handler = _Handler(handler_id, tuple(dict.fromkeys(map(checked_event, events))), function, config)
        try:
            self._add(handler)
            self._changed()
        except BaseException:
            # Most likely raised by the handler of a signal. It may be attached, and has to be told of all.
            self._changed()
            raise

    def detach(self, handler_id: Hashable) -> None:
        check_name(handler_id, "handler_id")
        with self._lock:
            handler = self._by_id.get(handler_id)
            if handler is None or not self._remove(handler):
                raise UnknownHandler(handler_id)
        self._changed()

    def execute(self, event: Event, measurements: Measurements, metadata: Metadata) -> None:
        """Call the handlers of just this event, in this thread; what they raise harms nobody (G2, G3)."""
        for handler in self._by_event.get(event, ()):
            try:
                handler.function(event, measurements, metadata, handler.config)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001 - whatever it is, it ends this handler and nothing else
                process = current()
                if isinstance(error, ProcessKilled) and process is not None and process.killed:
                    # It met the kill of the actor whose code emits; that takes effect where it enters the runtime next.
                    continue
                self._drop(handler, event, error)

    def span(self, prefix: Event, metadata: Metadata | None = None) -> Span:
        return Span(self, self._clock, checked_event(prefix), metadata or {})

    def listens_to(self, prefix: Event) -> bool:
        """Tell whether anybody listens to an event of this span."""
        return any(event[:-1] == prefix for event in self._by_event)

    def times(self) -> dict[str, float]:
        """What is measured where a span begins."""
        return {"monotonic_time": self.monotonic_time(), "system_time": wall_nanoseconds()}

    def monotonic_time(self) -> int:
        """The runtime's time, in nanoseconds."""
        return round(self._clock.now() * 1e9)

    def _drop(self, handler: _Handler, event: Event, error: BaseException) -> None:
        with self._lock:
            was_attached = self._remove(handler)
        if not was_attached:
            # In another thread it has failed as well.
            return
        self._changed()
        kind, reason, traceback = failure(error)
        self.execute(
            HANDLER_FAILURE,
            self.times(),
            {
                "event_name": event,
                "handler_id": handler.id,
                "handler_config": handler.config,
                "kind": kind,
                "reason": reason,
                "stacktrace": traceback,
            },
        )
        logger.error(
            "the telemetry handler %r failed on %s, and is detached",
            handler.id,
            event,
            exc_info=(type(error), error, error.__traceback__),
            extra={"handler_id": handler.id, "event_name": event},
        )

    def _add(self, handler: _Handler) -> None:
        with self._lock:
            if handler.id in self._by_id:
                raise AlreadyAttached(handler.id)
            self._set({**self._by_id, handler.id: handler})

    def _remove(self, handler: _Handler) -> bool:
        if self._by_id.get(handler.id) is not handler:
            return False
        self._set({handler_id: one for handler_id, one in self._by_id.items() if one is not handler})
        return True

    def _set(self, by_id: dict[Hashable, _Handler]) -> None:
        by_event: dict[Event, tuple[_Handler, ...]] = {}
        for handler in by_id.values():
            for event in handler.events:
                by_event[event] = (*by_event.get(event, ()), handler)
        # No handler of a signal comes between the two.
        self._by_id = by_id
        self._by_event = by_event


class Span:
    """A piece of work that is told of when it begins and when it ends: what `span()` returns, to be used with `with`.

    The event `stop` carries what was put into `metadata` here, and the further `measurements`; not what the span began
    with.
    """

    def __init__(self, telemetry: Telemetry, clock: Clock, prefix: Event, start_metadata: Metadata) -> None:
        self.metadata: dict[str, Any] = {}
        """Metadata of the event `stop`."""
        self.measurements: dict[str, float] = {}
        """Measurements of the event `stop`, beside `duration` and `monotonic_time`."""
        self._telemetry = telemetry
        self._clock = clock
        self._prefix = prefix
        self._context: object = start_metadata.get("telemetry_span_context") or object()
        self._start_metadata = self._with_context(start_metadata)
        self._began = 0.0

    def __enter__(self) -> Self:
        self._began = self._clock.now()
        self._telemetry.execute((*self._prefix, "start"), self._telemetry.times(), self._start_metadata)
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exception is None:
            measurements = {**self.measurements, **self._duration()}
            self._telemetry.execute((*self._prefix, "stop"), measurements, self._with_context(self.metadata))
        elif not isinstance(exception, ProcessKilled):
            kind, reason, stacktrace = failure(exception)
            metadata = {**self._start_metadata, "kind": kind, "reason": reason, "stacktrace": stacktrace}
            self._telemetry.execute((*self._prefix, "exception"), self._duration(), metadata)

    def _duration(self) -> dict[str, float]:
        return {
            "duration": round((self._clock.now() - self._began) * 1e9),
            "monotonic_time": self._telemetry.monotonic_time(),
        }

    def _with_context(self, metadata: Metadata) -> dict[str, Any]:
        return {**metadata, "telemetry_span_context": self._context}


def failure(error: BaseException) -> tuple[str, object, TracebackType | None]:
    """What is told of an exception: its kind, `"error"` or `"exit"`; the exception or the exit reason; where."""
    if not isinstance(error, ExitRequest):
        return "error", error, error.__traceback__
    if isinstance(error.reason, Crashed):
        return "error", error.reason.exception, error.reason.exception.__traceback__
    return "exit", error.reason, error.__traceback__


def checked_event(event: Event) -> Event:
    """Refuse what is no name of an event."""
    given: object = event
    if isinstance(given, tuple) and given and all(isinstance(part, str) for part in event):
        return event
    msg = f"the name of an event must be a non-empty tuple of strings, as ('my_app', 'request', 'stop'); got {event!r}"
    raise ValueError(msg)
