"""The attributes of objects, as they lie there: for where no code of the objects' own is to be called, nor to fail."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["attributes_of"]

_NONE: Mapping[str, Any] = MappingProxyType({})


def attributes_of(value: object) -> Mapping[str, Any]:
    """Return what an object keeps by name; nothing of one that keeps nothing so, or doesn't show it."""
    try:
        # Past a `__getattr__`, which may make up any.
        kept = object.__getattribute__(value, "__dict__")
    except Exception:  # noqa: BLE001 - it is a property of the object's own, or there is none
        return _NONE
    return kept if isinstance(kept, dict | MappingProxyType) else _NONE
