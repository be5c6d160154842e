"""What the actors of a simulation are called, the same in each run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.testing._shown import name_of

if TYPE_CHECKING:
    from actors._process import Process

__all__ = ["Names"]


class Names:
    """Names of actors, `Class-n#k`: by the order of their start, and `k` for those that follow one another.

    An actor follows another when that was started by the same parent, is of the same class, and has ended.
    """

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._parents: dict[Any, tuple[object, str]] = {}
        # By parent and class: those that have ended and have no successor yet.
        self._ended: dict[tuple[object, str], list[str]] = {}

    def name(self, actor_class: type, parent: Process | None) -> str:
        """Name an actor that is about to start."""
        place = (parent, actor_class.__name__)
        ended = self._ended.get(place)
        if parent is not None and ended:
            base, _, number = ended.pop(0).rpartition("#")
            label = f"{base}#{int(number) + 1}"
        else:
            self._counts[place[1]] = count = self._counts.get(place[1], 0) + 1
            label = f"{place[1]}-{count}#1"
        self._parents[label] = place
        return label

    def ended(self, process: Process) -> None:
        """Know that an actor is gone: the next may follow it."""
        place = self._parents.pop(name_of(process), None)
        if place is not None:
            self._ended.setdefault(place, []).append(name_of(process))
