"""Supervision of actors: what keeps them running."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from actors import ChildSpec, InvalidChildSpec
    from supervision.children import Child, HasChildSpec, child_spec
    from supervision.errors import (
        ChildAlreadyPresent,
        ChildAlreadyStarted,
        ChildNotFound,
        ChildRestarting,
        ChildRunning,
        DuplicateChildId,
        InvalidOption,
        SupervisorError,
    )
    from supervision.restart import Strategy
    from supervision.supervisor import (
        ChildCounts,
        ChildInfo,
        FailedToStartChild,
        Report,
        Supervisor,
        SupervisorOptions,
        SupervisorRef,
    )

__all__ = [
    "Child",
    "ChildAlreadyPresent",
    "ChildAlreadyStarted",
    "ChildCounts",
    "ChildInfo",
    "ChildNotFound",
    "ChildRestarting",
    "ChildRunning",
    "ChildSpec",
    "DuplicateChildId",
    "FailedToStartChild",
    "HasChildSpec",
    "InvalidChildSpec",
    "InvalidOption",
    "Report",
    "Strategy",
    "Supervisor",
    "SupervisorError",
    "SupervisorOptions",
    "SupervisorRef",
    "child_spec",
]

# Looked up when a name is first used, and not at once: pytest imports this package with its plugin, in every run of
# every project that has us installed, and before coverage has begun to measure.
_MODULES = ("children", "errors", "restart", "supervisor")


def __getattr__(name: str) -> object:
    if name in __all__:
        for module in _MODULES:
            found = vars(importlib.import_module(f"{__name__}.{module}"))
            if name in found:
                return globals().setdefault(name, found[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
