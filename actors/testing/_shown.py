"""How a simulation shows what it sees: the same in every run, whatever addresses, hashes and urns there are."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import fractions
import heapq
import itertools
import pathlib
import re
import types
import uuid
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import pykka

from actors._mail import Wrapping
from actors._process import Monitor, Process
from actors.testing._attributes import attributes_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    _Part: TypeAlias = Callable[[Any], str]
    """How a part of a value is shown."""

    _Way: TypeAlias = Callable[[Any, _Part], str]
    """How values of a type are shown, given how their parts are."""

__all__ = ["name_of", "said_by", "shape", "shown", "without_addresses"]

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
    known_as: str | None = getattr(process, "known_as", None)
    return process.label if known_as is None else known_as


def shown(value: object) -> str:
    """Show a value by its type and its fields; what would be long, in part; what can't be shown, by its type."""
    return _cut(_part_shown(value, _DEPTH), _TOTAL_LENGTH)


def _part_shown(value: object, depth: int) -> str:
    try:
        if isinstance(value, _PLAIN) or isinstance(value, _VALUES):  # noqa: SIM101 - most are plain
            return _plain(value)
        if depth == 0:
            return "..."
        return _by_type(value, lambda part: _part_shown(part, depth - 1))
    except Exception:  # noqa: BLE001 - whatever its code raises, the run goes on as if nobody had looked
        return f"{type(value).__name__}(...)"


def _plain(value: object) -> str:
    text = repr(value)
    # A text may tell of an object, as that of an exception does.
    return _cut(_ADDRESSES.sub("", text) if " at 0x" in text else text)


def shape(value: object, depth: int = 2) -> str:
    """Show what kind of value it is: its type and those of its parts; of a tuple, what it begins with as it is."""
    try:
        if isinstance(value, tuple) and value and isinstance(value[0], str):
            rest = "".join(f", {shape(part, depth - 1)}" for part in value[1:_WIDTH])
            return _cut(f"({_plain(value[0])}{rest})", _TOTAL_LENGTH)
        if isinstance(value, _PLAIN) or isinstance(value, _VALUES) or depth == 0:  # noqa: SIM101 - most are plain
            return type(value).__name__
        return _cut(_by_type(value, lambda part: shape(part, depth - 1)), _TOTAL_LENGTH)
    except Exception:  # noqa: BLE001 - as in `_part_shown()`
        return type(value).__name__


def said_by(error: BaseException) -> str:
    """Return what an exception says; of one whose `str()` fails, how it is shown."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - whatever it is, it isn't what a test has failed with
        return shown(error)


def without_addresses(text: str) -> str:
    """Leave out of what an exception says the addresses of objects and the urns of actors, which runs differ in."""
    return _URNS.sub("", _ADDRESSES.sub("", text))


_ADDRESSES = re.compile(r" at 0x[0-9a-fA-F]+")
_URNS = re.compile(r" ?\(?urn:uuid:[0-9a-f-]+\)?")


def _by_type(value: object, part: _Part) -> str:
    cls = type(value)
    if getattr(value, "__class__", None) is not cls:
        # It passes for another, as a mock does; the next one of its class may not.
        return _way_of(value)(value, part)
    show = _ways.get(cls)
    if show is None:
        if len(_ways) > _CLASSES:
            _ways.clear()
        show = _ways[cls] = _way_of(value)
    return show(value, part)


_ways: dict[type, _Way] = {}
"""How values of a class are shown: to find that out takes longer than to do it."""

_CLASSES = 1000
"""How many are known; tests make classes that are used once."""


def _way_of(value: Any) -> _Way:  # noqa: C901, PLR0911, PLR0912 - a table of types
    """How to show a value of this type."""
    name = type(value).__name__
    match value:
        case pykka.ActorRef():
            return lambda value, _part: _name_of_ref(value)
        case Process():
            return lambda value, _part: name_of(value)
        case Monitor():
            return lambda value, part: f"Monitor({part(value.given)})"
        case enum.Enum():
            return lambda value, _part: str(value)
        case type() | types.FunctionType() | types.MethodType() | types.BuiltinFunctionType():
            return lambda value, _part: str(value.__name__)
        case BaseException():
            return lambda value, part: without_addresses(f"{name}({_all(value.args, part)})")
        case Wrapping():
            return lambda value, part: part(value.content)
        case tuple():
            prefix = "" if type(value) is tuple else name
            return lambda value, part: f"{prefix}({_all(value, part)})"
        case list():
            return lambda value, part: f"[{_all(value, part)}]"
        case dict():
            return lambda value, part: "{" + _all(value, lambda key: f"{part(key)}: {part(value[key])}") + "}"
        case set() | frozenset():
            # In no order of their own.
            return lambda value, part: "{" + _joined(heapq.nsmallest(_WIDTH, map(part, value)), len(value)) + "}"
        case _ if is_dataclass(value):
            names = [field.name for field in fields(value)]
            return lambda value, part: f"{name}({_some(value, names, part)})"
        case _:
            return lambda value, part: f"{name}({_attributes(value, part)})"


def _some(value: object, names: list[str], part: _Part) -> str:
    return ", ".join([f"{name}={part(getattr(value, name, None))}" for name in names])


def _all(values: Collection[Any], part: _Part) -> str:
    return _joined([part(value) for value in itertools.islice(values, _WIDTH)], len(values))


def _joined(parts: list[str], count: int) -> str:
    return ", ".join([*parts, "..."] if count > _WIDTH else parts)


def _attributes(value: object, part: _Part) -> str:
    attributes = attributes_of(value)
    return ", ".join(f"{name}={part(attributes[name])}" for name in attributes if not name.startswith("_"))


def _name_of_ref(ref: pykka.ActorRef[Any]) -> str:
    attributes = attributes_of(ref)
    process = attributes.get("_process")
    if isinstance(process, Process):
        return name_of(process)
    name = getattr(ref, "name", None)
    if name is not None:
        return f"named({name!r})"
    # Of a plain actor in a simulation.
    return str(attributes.get("known_as", ref.actor_class.__name__))


def _cut(text: str, length: int = _LENGTH) -> str:
    return text if len(text) <= length else f"{text[:length]}..."
