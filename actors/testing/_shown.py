"""How a simulation shows what it sees: the same in every run, whatever addresses, hashes and urns there are."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import fractions
import heapq
import itertools
import pathlib
import types
import uuid
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

import pykka

from actors._mail import Wrapping
from actors._process import Monitor, Process

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

__all__ = ["name_of", "shape", "shown"]

_DEPTH = 4
_WIDTH = 20
_LENGTH = 200
_TOTAL_LENGTH = 2000

_PLAIN = (int, float, complex, bool, str, bytes, type(None), type(Ellipsis))

# Those that show themselves by their value, and keep it where nobody looks.
_VALUES = (
    dt.date,
    dt.time,
    dt.timedelta,
    decimal.Decimal,
    fractions.Fraction,
    pathlib.PurePath,
    range,
    uuid.UUID,
)


def name_of(process: Process) -> str:
    """Name an actor as traces do, `Class-n#k`; one that isn't simulated, by its class."""
    return getattr(process, "known_as", process.label)


def shown(value: object) -> str:
    """Show a value by its type and its fields; what would be long, in part."""
    if isinstance(value, _PLAIN) or isinstance(value, _VALUES):  # noqa: SIM101 - most are plain
        return _cut(repr(value))
    return _cut(_part_shown(value, _DEPTH), _TOTAL_LENGTH)


def _part_shown(value: object, depth: int) -> str:
    if isinstance(value, _PLAIN) or isinstance(value, _VALUES):  # noqa: SIM101 - most are plain
        return _cut(repr(value))
    if depth == 0:
        return "..."
    return _by_type(value, lambda part: _part_shown(part, depth - 1))


def shape(value: object, depth: int = 2) -> str:
    """Show what kind of value it is: its type and those of its parts; of a tuple, what it begins with as it is."""
    if isinstance(value, tuple) and value and isinstance(value[0], str):
        rest = "".join(f", {shape(part, depth - 1)}" for part in value[1:_WIDTH])
        return _cut(f"({_cut(repr(value[0]))}{rest})", _TOTAL_LENGTH)
    if isinstance(value, _PLAIN) or isinstance(value, _VALUES) or depth == 0:  # noqa: SIM101 - most are plain
        return type(value).__name__
    return _cut(_by_type(value, lambda part: shape(part, depth - 1)), _TOTAL_LENGTH)


def _by_type(value: object, part: Callable[[object], str]) -> str:  # noqa: C901, PLR0911, PLR0912 - a table of types
    match value:
        case pykka.ActorRef():
            return _name_of_ref(value)
        case Process():
            return name_of(value)
        case Monitor():
            return f"Monitor({part(value.given)})"
        case enum.Enum():
            return str(value)
        case type():
            return value.__name__
        case BaseException():
            return f"{type(value).__name__}({_all(value.args, part)})"
        case Wrapping():
            return part(value.content)
        case tuple():
            name = "" if type(value) is tuple else type(value).__name__
            return f"{name}({_all(value, part)})"
        case list():
            return f"[{_all(value, part)}]"
        case dict():
            return "{" + _all(value, lambda key: f"{part(key)}: {part(value[key])}") + "}"
        case set() | frozenset():
            # In no order of their own.
            return "{" + _joined(heapq.nsmallest(_WIDTH, map(part, value)), len(value)) + "}"
        case types.FunctionType() | types.MethodType() | types.BuiltinFunctionType():
            return value.__name__
        case _ if is_dataclass(value):
            shown_fields = (f"{field.name}={part(getattr(value, field.name, None))}" for field in fields(value))
            return f"{type(value).__name__}({', '.join(shown_fields)})"
        case _:
            return f"{type(value).__name__}({_attributes(value, part)})"


def _all(values: Collection[Any], part: Callable[[Any], str]) -> str:
    return _joined([part(value) for value in itertools.islice(values, _WIDTH)], len(values))


def _joined(parts: list[str], count: int) -> str:
    return ", ".join([*parts, "..."] if count > _WIDTH else parts)


def _attributes(value: object, part: Callable[[object], str]) -> str:
    attributes = getattr(value, "__dict__", {})
    return ", ".join(f"{name}={part(attributes[name])}" for name in attributes if not name.startswith("_"))


def _name_of_ref(ref: pykka.ActorRef[Any]) -> str:
    process = getattr(ref, "__dict__", {}).get("_process")
    if isinstance(process, Process):
        return name_of(process)
    name = getattr(ref, "name", None)
    return ref.actor_class.__name__ if name is None else f"named({name!r})"


def _cut(text: str, length: int = _LENGTH) -> str:
    return text if len(text) <= length else f"{text[:length]}..."
