"""Telemetry: what happens, told to functions that listen, in the thread where it happens.

An event has a name, a tuple of strings; measurements, which are numbers; and metadata. The runtime's own events are
listed in `docs/telemetry.md`; yours are whatever you `execute()`. Handlers belong to the current runtime. An event that
nobody listens to costs next to nothing, and most of our own nothing at all.

OTP: the library `telemetry` (G1 to G6).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from actors._telemetry import Event, Measurements, Metadata, Span, checked_event
from actors.runtime import current_runtime

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

__all__ = ["Event", "Measurements", "Metadata", "Span", "attach", "attach_many", "detach", "execute", "span"]

C = TypeVar("C")


def attach(
    handler_id: Hashable,
    event: Event,
    function: Callable[[Event, Measurements, Metadata, C], object],
    config: C = None,  # type: ignore[assignment]  # no config is the config None
) -> None:
    """Have `function(event, measurements, metadata, config)` called for each event of just this name.

    It is called by whoever emits the event, before that goes on, so it should be quick. When it raises it is detached
    from all of its events, that is logged, and told as the event `("telemetry", "handler", "failure")`; the others, and
    who emits, notice nothing.

    Args:
        handler_id: a name for it, by which it is detached.
        event: the whole name; a prefix of one is another one.
        function: what is called.
        config: whatever it is to get as well.

    Raises:
        AlreadyAttached: this id is in use, for whatever event.
        ValueError: the event is not a tuple of strings.
        TypeError: `function` can't be called, or `handler_id` is not hashable.

    OTP: `telemetry:attach/4` (G1, G2, G3).
    """
    current_runtime().telemetry.attach(handler_id, event, function, config)


def attach_many(
    handler_id: Hashable,
    events: Iterable[Event],
    function: Callable[[Event, Measurements, Metadata, C], object],
    config: C = None,  # type: ignore[assignment]  # no config is the config None
) -> None:
    """Have a function called for each of several events, as `attach` does for one.

    OTP: `telemetry:attach_many/4` (G1).
    """
    current_runtime().telemetry.attach_many(handler_id, events, function, config)


def detach(handler_id: Hashable) -> None:
    """Have it called no more, for none of its events. An event that is being told may still reach it.

    Raises:
        UnknownHandler: nothing is attached by this id: it never was, or has failed.

    OTP: `telemetry:detach/1` (G1).
    """
    current_runtime().telemetry.detach(handler_id)


def execute(event: Event, measurements: Measurements | None = None, metadata: Metadata | None = None) -> None:
    """Tell those who listen to this event of it, one after the other, and return then.

    Raises:
        ValueError: the event is not a tuple.

    OTP: `telemetry:execute/3` (G2).
    """
    given: object = event
    if not isinstance(given, tuple):
        checked_event(event)
    current_runtime().telemetry.execute(event, measurements or {}, metadata or {})


def span(prefix: Event, metadata: Metadata | None = None) -> Span:
    """Return a piece of work, to be used with `with`, that is told of as it begins and as it ends.

    The names of its events are `prefix` and one more word:

    - `"start"`, with `monotonic_time` and `system_time`, and this metadata;
    - then `"stop"`, with `duration` and `monotonic_time`, and what was put into `span.metadata` and
      `span.measurements`;
    - or `"exception"`, with `duration` and `monotonic_time`, this metadata, and `kind`, `reason` and `stacktrace`.

    Times are whole nanoseconds. All have the same `telemetry_span_context` in their metadata, a new one unless given.
    When the calling actor is killed meanwhile, no event ends the span.

    Example:
        >>> def show(event, measurements, metadata, config):
        ...     print(event[-1], metadata["user"], measurements["duration"] >= 0)
        >>> attach("show", ("my_app", "sync", "stop"), show)
        >>> with span(("my_app", "sync"), {"user": 7}) as sync:
        ...     sync.metadata["user"] = 7
        stop 7 True
        >>> detach("show")

    OTP: `telemetry:span/3` (G4, G5); differs: a span is a block, and not a function.
    """
    return current_runtime().telemetry.span(prefix, metadata)
