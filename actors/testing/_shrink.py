"""Finding the few things that matter among many."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["shrink"]

T = TypeVar("T")


def shrink(items: Sequence[T], still: Callable[[Sequence[T]], bool], *, tries: int) -> list[T]:
    """Return as few of the items, in their order, as will do: each of those that are left is needed.

    Args:
        still: whether these do; true of all.
        tries: how often that may be asked; then more than are needed may be left.

    This is `ddmin` of Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input" (2002), which leaves
    out ever smaller parts.
    """
    left = list(items)
    size = len(left)
    while size and tries > 0:
        start = 0
        removed = False
        while start < len(left) and tries > 0:
            fewer = left[:start] + left[start + size :]
            tries -= 1
            if still(fewer):
                left = fewer
                removed = True
            else:
                start += size
        if size > 1 or not removed:
            size //= 2
    return left
