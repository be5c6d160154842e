"""The errors of supervisors. Each says what was expected, what came, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors import ActorError, InvalidChildSpec

if TYPE_CHECKING:
    from actors import ActorRef

__all__ = [
    "ChildAlreadyPresent",
    "ChildAlreadyStarted",
    "ChildNotFound",
    "ChildRestarting",
    "ChildRunning",
    "DuplicateChildId",
    "InvalidOption",
    "SupervisorError",
]


class SupervisorError(ActorError):
    """What a supervisor answers when it can't do what it was asked; it lives on, unchanged."""


class ChildNotFound(SupervisorError, LookupError):
    """The supervisor has no child with this id (B73 to B75)."""

    def __init__(self, child_id: object) -> None:
        super().__init__(f"there is no child {child_id!r}; which_children() lists those that there are")
        self.id = child_id


class ChildAlreadyStarted(SupervisorError):
    """A child with this id runs: `ref` (B71)."""

    def __init__(self, child_id: object, ref: ActorRef[Any]) -> None:
        super().__init__(f"child {child_id!r} runs already: {ref}; give the new one another id")
        self.id = child_id
        self.ref = ref


class ChildAlreadyPresent(SupervisorError):
    """A child with this id is known, and doesn't run (B71)."""

    def __init__(self, child_id: object) -> None:
        super().__init__(f"child {child_id!r} is known already; use restart_child(), or delete_child() first")
        self.id = child_id


class ChildRunning(SupervisorError):
    """The child runs, and must not for this (B74, B75)."""

    def __init__(self, child_id: object) -> None:
        super().__init__(f"child {child_id!r} runs; use terminate_child() first")
        self.id = child_id


class ChildRestarting(SupervisorError):
    """The child's restart failed, and is about to be tried again (B50)."""

    def __init__(self, child_id: object) -> None:
        super().__init__(f"child {child_id!r} is being restarted; terminate_child() ends the attempts")
        self.id = child_id


class DuplicateChildId(InvalidChildSpec):
    """Two entries of a children list have the same id (B4)."""

    def __init__(self, child_id: object) -> None:
        super().__init__(
            f"two children have id {child_id!r}. Ids must be unique within a supervisor; give one of them another: "
            f"ChildSpec(..., id='other')",
            ("duplicate_child_name", child_id),
        )
        self.id = child_id


class InvalidOption(ActorError, ValueError):
    """An option of a supervisor has a value that it can't use; `reason` is OTP's error value as a tuple (B8)."""

    def __init__(self, message: str, reason: tuple[object, ...]) -> None:
        super().__init__(message)
        self.reason = reason
