"""What a supervisor keeps for its children, found by id and by actor in one step, however many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator

    import pykka

    from actors.child_spec import ChildSpec
    from actors.ref import ActorRef

__all__ = ["Record", "Records"]


class Record:
    """One child: its spec, and its actor of the moment."""

    __slots__ = ("is_restarting", "ref", "spec")

    def __init__(self, spec: ChildSpec) -> None:
        self.spec = spec
        self.ref: ActorRef[Any] | None = None
        self.is_restarting = False

    @property
    def child(self) -> ActorRef[Any] | Literal["restarting"] | None:
        return "restarting" if self.is_restarting else self.ref


class Records:
    """The children in the order in which they are started."""

    def __init__(self, specs: Iterable[ChildSpec]) -> None:
        self._by_id: dict[Hashable, Record] = {spec.id: Record(spec) for spec in specs}
        self._by_ref: dict[pykka.ActorRef[Any], Record] = {}

    def __iter__(self) -> Iterator[Record]:
        """Go through all that are there now, whatever becomes of them meanwhile."""
        return iter(list(self._by_id.values()))

    def __reversed__(self) -> Iterator[Record]:
        return reversed(list(self._by_id.values()))

    def __len__(self) -> int:
        return len(self._by_id)

    def __contains__(self, record: Record) -> bool:
        return self._by_id.get(record.spec.id) is record

    def with_id(self, child_id: Hashable) -> Record | None:
        return self._by_id.get(child_id)

    def with_ref(self, ref: pykka.ActorRef[Any]) -> Record | None:
        return self._by_ref.get(ref)

    def add(self, record: Record) -> None:
        self._by_id[record.spec.id] = record

    def remove(self, record: Record) -> None:
        self.take_down(record)
        del self._by_id[record.spec.id]

    def bring_up(self, record: Record, ref: ActorRef[Any]) -> None:
        """Give a child its actor."""
        record.ref = ref
        self._by_ref[ref] = record

    def take_down(self, record: Record) -> None:
        """Leave a child without an actor, and without a restart to come."""
        if record.ref is not None:
            self._by_ref.pop(record.ref, None)
        record.ref = None
        record.is_restarting = False
