"""Supervision of actors: what keeps them running."""

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
from supervision.supervisor import ChildCounts, ChildInfo, FailedToStartChild, Report, Supervisor, SupervisorRef

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
    "SupervisorRef",
    "child_spec",
]
