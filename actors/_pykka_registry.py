"""Pykka's registry of all living actors, made so that an actor is taken out of it as fast as it is put in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, SupportsIndex, overload, runtime_checkable

import pykka

from actors._fork import free_in_child

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["add", "remove"]


class _Living(list[pykka.ActorRef[Any]]):
    """What `get_all()` gives. Backwards, as `stop_all()` goes through it, it leaves out children of supervisors.

    Those end with their supervisor: one that is stopped before it would only be restarted.
    """

    def __reversed__(self) -> Iterator[pykka.ActorRef[Any]]:
        return iter([ref for ref in self if not _is_ended_by_another(ref)][::-1])


def _is_ended_by_another(ref: pykka.ActorRef[Any]) -> bool:
    # Of ours the ref knows the record, of plain Pykka's the actor, if there is one.
    process: Any = getattr(ref, "_process", None) or getattr(ref._actor_weakref(), "_otp_process", None)
    # Once, since the parent may go meanwhile.
    parent: Any = None if process is None else process.parent
    if process is None or parent is None:
        return False
    # One that ends already isn't in the registry any more, so that nobody would wait for what it still has to end.
    supervisor: Any = parent.actor if parent.state == "alive" else None
    return isinstance(supervisor, _EndsOthers) and supervisor._otp_ends(process.ref)


@runtime_checkable
class _EndsOthers(Protocol):
    def _otp_ends(self, ref: pykka.ActorRef[Any], /) -> bool: ...


class _Refs:
    """What Pykka keeps in a list, in which removal takes time in proportion to its length: an ordered set.

    It can do what Pykka does with that list.
    """

    def __init__(self, refs: list[pykka.ActorRef[Any]]) -> None:
        self._refs: dict[pykka.ActorRef[Any], None] = dict.fromkeys(refs)

    def append(self, ref: pykka.ActorRef[Any]) -> None:
        self._refs[ref] = None

    def remove(self, ref: pykka.ActorRef[Any]) -> None:
        try:
            del self._refs[ref]
        except KeyError:
            msg = f"{ref} isn't registered"
            raise ValueError(msg) from None

    def discard(self, ref: pykka.ActorRef[Any]) -> None:
        self._refs.pop(ref, None)

    def __iter__(self) -> Iterator[pykka.ActorRef[Any]]:
        # Over a copy: entering and removing take one step, and no lock.
        return iter(list(self._refs))

    def __contains__(self, ref: object) -> bool:
        return ref in self._refs

    def __len__(self) -> int:
        return len(self._refs)

    @overload
    def __getitem__(self, index: SupportsIndex) -> pykka.ActorRef[Any]: ...

    @overload
    def __getitem__(self, index: slice) -> list[pykka.ActorRef[Any]]: ...

    def __getitem__(self, index: SupportsIndex | slice) -> pykka.ActorRef[Any] | list[pykka.ActorRef[Any]]:
        living = _Living(self._refs)
        return living if index == slice(None) else living[index]


_lock = free_in_child(pykka.ActorRegistry._actor_refs_lock)
with _lock:
    _refs = _Refs(list(pykka.ActorRegistry._actor_refs))
    pykka.ActorRegistry._actor_refs = _refs  # type: ignore[assignment]  # does what is done with the list


def add(ref: pykka.ActorRef[Any]) -> None:
    """Enter a living actor."""
    _refs.append(ref)


def remove(ref: pykka.ActorRef[Any]) -> None:
    """Take out an actor that has ended, if it was entered."""
    _refs.discard(ref)
