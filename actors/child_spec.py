"""Child specs: what a supervisor must know of a child. A value; supervisors are another floor."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict, get_args

import pykka
from typing_extensions import Unpack

from actors.errors import InvalidChildSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

__all__ = ["ChildSpec", "ChildType", "Overrides", "Restart", "Shutdown"]

Restart: TypeAlias = Literal["permanent", "transient", "temporary"]
"""When to restart a child that ended: always; when its end was abnormal; never (B19)."""

Shutdown: TypeAlias = float | Literal["infinity", "brutal_kill"]
"""How long a child has for its orderly end, in seconds; or for ever; or not at all (B59)."""

ChildType: TypeAlias = Literal["worker", "supervisor"]

_RESTARTS: tuple[str, ...] = get_args(Restart)
_CHILD_TYPES: tuple[str, ...] = get_args(ChildType)


class Overrides(TypedDict, total=False):
    """The fields of a `ChildSpec` that may be given anew."""

    id: Hashable
    start: Callable[..., Any]
    args: tuple[object, ...]
    kwargs: Mapping[str, object]
    restart: Restart
    shutdown: Shutdown | None
    type: ChildType


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """What a supervisor must know of a child: how to start it, when to restart it, how to end it.

    Args:
        start: an actor class, ours or any of Pykka's; or a callable that starts an actor and returns its ref.
        args: the positional arguments for `start`.
        kwargs: the keyword arguments for `start`.
        id: names the child within its supervisor; any hashable value. By default `start` itself, so two children of
            one class need ids.
        restart: `"permanent"` (restarted whatever it died of), `"transient"` (only after an abnormal end) or
            `"temporary"` (never).
        shutdown: seconds that the child has for an orderly end before it is killed; `"infinity"`, or `"brutal_kill"`
            for no time at all. By default 5 for a worker and `"infinity"` for a supervisor.
        type: `"worker"` or `"supervisor"`; sets the default of `shutdown`, and is counted.

    Raises:
        InvalidChildSpec: a field has a value that no supervisor can use; checked at once, before anything starts.

    OTP: the child specification map (B1, B2). Unknown fields are errors here.
    """

    start: Callable[..., Any]
    args: tuple[object, ...] = ()
    kwargs: Mapping[str, object] = field(default_factory=dict[str, object])
    id: Hashable = None
    restart: Restart = "permanent"
    shutdown: Shutdown | None = None
    type: ChildType = "worker"

    def __post_init__(self) -> None:
        _check_start(self.start)
        _check_arguments(self.args, self.kwargs)
        if self.id is None:
            object.__setattr__(self, "id", self.start)
        _check_hashable(self.id)
        if self.restart not in _RESTARTS:
            raise _not_among("restart", self.restart, _RESTARTS, "invalid_restart_type")
        if self.type not in _CHILD_TYPES:
            raise _not_among("type", self.type, _CHILD_TYPES, "invalid_child_type")
        if self.shutdown is None:
            object.__setattr__(self, "shutdown", _default_shutdown(self.type))
        else:
            _check_shutdown(self.shutdown)
        # Copied, since a restart years later must start what was given now.
        if type(self.args) is not tuple:
            object.__setattr__(self, "args", tuple(self.args))
        object.__setattr__(self, "kwargs", dict(self.kwargs))

    def replace(self, **overrides: Unpack[Overrides]) -> ChildSpec:
        """Return a spec with some fields given anew (B5). A default shutdown follows a new type.

        Raises:
            TypeError: there is no such field.
        """
        if "type" in overrides and self.shutdown == _default_shutdown(self.type):
            overrides.setdefault("shutdown", None)
        # By hand: it's on the way of each child that is started with an id of its own.
        fields: Overrides = {
            "start": self.start,
            "args": self.args,
            "kwargs": self.kwargs,
            "id": self.id,
            "restart": self.restart,
            "shutdown": self.shutdown,
            "type": self.type,
        }
        fields.update(overrides)
        return ChildSpec(**fields)


def _check_start(start: Any) -> None:
    if start is None:
        message = "a child spec needs start: an actor class, or a callable that returns an actor's ref; got None"
        raise InvalidChildSpec(message, ("missing_start",))
    if isinstance(start, type):
        if not issubclass(start, pykka.Actor):
            message = f"start must be an actor class or a callable that returns an actor's ref; got the class {start}"
            raise InvalidChildSpec(message, ("invalid_mfa", start))
    elif not callable(start):
        message = f"start must be an actor class or a callable that returns an actor's ref; got {start!r}"
        raise InvalidChildSpec(message, ("invalid_mfa", start))


def _check_arguments(args: object, kwargs: object) -> None:
    if type(args) is not tuple and (isinstance(args, str | bytes) or not isinstance(args, Iterable)):
        message = f"args must be a tuple of the arguments for start, such as ({args!r},); got {args!r}"
        raise InvalidChildSpec(message, ("invalid_mfa", args))
    if type(kwargs) is not dict and not isinstance(kwargs, Mapping):
        message = f"kwargs must be a dict of the keyword arguments for start; got {kwargs!r}"
        raise InvalidChildSpec(message, ("invalid_mfa", kwargs))


def _default_shutdown(child_type: ChildType) -> Shutdown:
    return "infinity" if child_type == "supervisor" else 5.0


def _check_hashable(child_id: object) -> None:
    try:
        hash(child_id)
    except TypeError:
        message = f"id must be hashable, since children are found by it; got {child_id!r}"
        raise InvalidChildSpec(message, ("invalid_id", child_id)) from None


def _not_among(name: str, value: object, choices: tuple[str, ...], code: str) -> InvalidChildSpec:
    message = f"{name} must be one of {', '.join(map(repr, choices))}; got {value!r}"
    return InvalidChildSpec(message, (code, value))


def _check_shutdown(value: object) -> None:
    if value in ("infinity", "brutal_kill"):
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        message = f"shutdown must be seconds >= 0, 'infinity' or 'brutal_kill'; got {value!r}"
        raise InvalidChildSpec(message, ("invalid_shutdown", value))
