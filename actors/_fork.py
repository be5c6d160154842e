"""What a forked child needs: it has one thread, and finds locks held by threads that it doesn't have."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["free_in_child", "in_child"]

L = TypeVar("L")


def in_child(function: Callable[[], object]) -> None:
    """Have a function called in each child that the program forks, in the order in which these were given."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=function)


def free_in_child(lock: L) -> L:
    """Have a lock, one that lives as long as the program, be free in each child, whoever held it; return it."""
    reinit: Any = lock
    in_child(reinit._at_fork_reinit)
    return lock
