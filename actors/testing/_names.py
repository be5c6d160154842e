"""What the actors of a simulation are called, the same in each run."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from actors.testing._shown import name_of

if TYPE_CHECKING:
    from collections.abc import Hashable

    from actors._process import Process

__all__ = ["Names"]


class _Place(NamedTuple):
    """Whose child an actor is, which one, and of which class."""

    parent: Process | None
    child_id: Hashable
    name: str


class Names:
    """Names of actors, `Class-n#k`: by the order of their start, and `k` for those that follow one another.

    An actor follows another when that was started by the same parent, as the same child of that if it is a supervisor,
    is of the same class, and has ended: as others see it, since the code of one that was killed may go on.
    """

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._places: dict[str, _Place] = {}
        # Those that have ended and have no successor yet.
        self._ended: dict[_Place, list[str]] = {}

    def name(self, actor_class: type, parent: Process | None) -> str:
        """Name an actor that is about to start."""
        child_id = None if parent is None else getattr(parent.actor, "_otp_starting", None)
        place = _Place(parent, child_id, actor_class.__name__)
        ended = self._ended.get(place)
        if parent is not None and ended:
            base, _, number = ended.pop(0).rpartition("#")
            label = f"{base}#{int(number) + 1}"
        else:
            self._counts[place.name] = count = self._counts.get(place.name, 0) + 1
            label = f"{place.name}-{count}#1"
        self._places[label] = place
        return label

    def ended(self, process: Process) -> None:
        """Know that an actor has ended: the next may follow it."""
        place = self._places.pop(name_of(process), None)
        if place is not None:
            self._ended.setdefault(place, []).append(name_of(process))
