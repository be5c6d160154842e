"""What scenarios are about that this runtime doesn't have yet, and the public names that would bring it."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

__all__ = ["NOT_BUILT", "IsBuilt", "NotBuilt", "error_of", "is_there"]


class NotBuilt(Exception):
    """A scenario is about what this runtime doesn't have yet."""


class IsBuilt(Exception):
    """A scenario isn't played since it is about what this runtime doesn't have; but by now it does."""


_VIA = ("actors.Via", *(f"actors.Registry.{name}" for name in ("via", "named", "name_of", "whereis")))
_PARTITIONS = ("actors.Registry(partitions)",)
_STAGES = tuple(f"actors.{name}" for name in ("GenStage", "Stage", "Producer", "Consumer", "ProducerConsumer"))

NOT_BUILT: dict[str, tuple[str, ...]] = {
    # Operations that only the oracle has.
    **{
        name: (f"actors.Registry.{name}",)
        for name in (
            *("values", "update_value", "unregister_match", "match", "count_match", "select", "count_select"),
            *("meta", "put_meta", "delete_meta", "dispatch", "lock"),
        )
    },
    "dispatch_parallel": ("actors.Registry.dispatch", *_PARTITIONS),
    "spread": _PARTITIONS,
    "crash_of": _PARTITIONS,
    "get_childspec": ("supervision.SupervisorRef.get_childspec", "supervision.SupervisorRef.child_spec"),
    **dict.fromkeys(
        (
            *("emit_from_to", "buffered", "mode", "subscribe", "subscribe_async", "resubscribe", "unsubscribe"),
            *("post", "request"),
        ),
        _STAGES,
    ),
    # What actors are described with.
    "names that are keys of a registry": _VIA,
    "stages that are neither a queue nor its worker": _STAGES,
    "partitions of a registry": _PARTITIONS,
    "listeners of a registry": ("actors.Registry(listeners)",),
    "meta of a registry": ("actors.Registry(meta)",),
    "compressed of a registry": ("actors.Registry(compressed)",),
    "auto_shutdown": ("supervision.Supervisor(auto_shutdown)",),
    "significant of a child": ("supervision.ChildSpec(significant)",),
    "info of a child": ("supervision.Started", "supervision.ChildInfo(info)"),
}
"""Each of them, and by which names it would come: `module.Class.method`, or `module.Class(parameter)`."""


def error_of(what: str) -> NotBuilt | IsBuilt:
    """Return the error by which a scenario ends that is about what isn't built yet, or has been built since."""
    there = [name for name in NOT_BUILT[what] if is_there(name)]
    return IsBuilt(f"{there[0]} is there: play the scenarios of {what}") if there else NotBuilt(what)


def is_there(name: str) -> bool:
    """Whether this runtime has what a name of `NOT_BUILT` says."""
    path, _, parameter = name.removesuffix(")").partition("(")
    module, *attributes = path.split(".")
    found: Any = importlib.import_module(module)
    for attribute in attributes:
        if not hasattr(found, attribute):
            return False
        found = getattr(found, attribute)
    return not parameter or parameter in inspect.signature(found).parameters
