"""How the children of a supervisor may be given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import pykka
from typing_extensions import Unpack, runtime_checkable

from actors import ChildSpec, InvalidChildSpec
from supervision.errors import DuplicateChildId

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actors.child_spec import Overrides

__all__ = ["Child", "HasChildSpec", "check_ids", "child_spec"]


@runtime_checkable
class HasChildSpec(Protocol):
    """Whatever says itself how it is started under a supervisor: a Registry, a Queue, `Actor.options(...)`."""

    def child_spec(self) -> ChildSpec:
        """Return the spec."""
        ...


Child: TypeAlias = ChildSpec | HasChildSpec | type[pykka.Actor] | tuple[Any, ...]
"""A child: a `ChildSpec`; an actor class; a tuple of a class and its arguments; or what has a `child_spec()`."""


def child_spec(child: Child, **overrides: Unpack[Overrides]) -> ChildSpec:
    """Return the spec of a child, in whatever form it is given, with some fields given anew.

    Example:
        child_spec((SyncWorker, jobs), id="sync-2", restart="transient")

    Raises:
        InvalidChildSpec: it is no child, or an override has a bad value.
        TypeError: there is no such field.

    OTP: `Supervisor.child_spec/2` (B5).
    """
    spec = _spec_of(child)
    return spec.replace(**overrides) if overrides else spec


def _spec_of(child: Any) -> ChildSpec:
    match child:
        case ChildSpec():
            return child
        case tuple() if child and _makes_spec(child[0]):
            made: Any = child[0].child_spec(*child[1:])
            return _checked(made, child)
        case tuple() if child and _is_plain_actor(child[0]):
            return ChildSpec(child[0], child[1:])
        case _ if _makes_spec(child):
            return _checked(child.child_spec(), child)
        case _ if _is_plain_actor(child):
            return ChildSpec(child)
        case _:
            message = (
                "a child is an actor class, a tuple (class, *arguments), a ChildSpec, or an object with child_spec(); "
                f"got {child!r}"
            )
            raise InvalidChildSpec(message, ("invalid_child_spec", child))


def _makes_spec(thing: object) -> bool:
    return callable(getattr(thing, "child_spec", None))


def _is_plain_actor(thing: object) -> bool:
    return isinstance(thing, type) and issubclass(thing, pykka.Actor)


def _checked(spec: object, child: object) -> ChildSpec:
    if isinstance(spec, ChildSpec):
        return spec
    message = f"child_spec() of {child!r} must return a ChildSpec; got {spec!r}"
    raise InvalidChildSpec(message, ("invalid_child_spec", spec))


def check_ids(specs: Iterable[ChildSpec]) -> None:
    """Refuse a list in which an id stands twice (B4)."""
    seen = set()
    for spec in specs:
        if spec.id in seen:
            raise DuplicateChildId(spec.id)
        seen.add(spec.id)
