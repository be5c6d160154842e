"""Locks from before a simulation: looked for in what the code has at hand that is left, since others go on there.

A reentrant one would let them in, who run in the same thread; another would stop them all.
"""

from __future__ import annotations

import sys
import threading
from contextlib import suppress
from types import FunctionType, MemberDescriptorType, MethodType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from actors._life import _receive, _run, turn
from actors.testing._attributes import attributes_of
from actors.testing._bytecode import Entry, Names, entries_of, is_within, names_in, takes_any
from actors.testing._stand_ins import LOCK_MAKERS, OWN, NotSimulated, package_of, where_called
from actors.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import CodeType, FrameType

    from actors._process import Process
    from actors.testing._simulation import Simulation

__all__ = ["locks_at_hand", "locks_of", "refuse_held"]

K = TypeVar("K")

_RealLock: Any = type(threading.Lock())
_RealRLock: Any = type(threading.RLock())
_REAL = frozenset({_RealLock, _RealRLock})
_REENTRANT = frozenset({_RealRLock, threading.Condition})
_SIMPLE = frozenset({str, bytes, int, float, bool})


def refuse_held(simulation: Simulation, locks: list[tuple[str, Any]]) -> None:
    """Refuse that others go on while a lock is held that doesn't keep them out."""
    for name, lock in locks:
        if lock._is_owned() if isinstance(lock, _RealRLock) else lock.locked():
            instead = "release it before, or make it inside of the simulation, where it is the simulation's own"
            simulation.fail(NotSimulated(f"the lock {name}, held across a switch point,", where_called(), instead))


# Of an actor

_of_classes: dict[type, list[tuple[str, Any]]] = {}


def locks_of(process: Process) -> list[tuple[str, Any]]:
    """The locks that an actor's code has at hand in its attributes, its class and its module; with their names."""
    cls = process.actor_class
    found = _of_classes.get(cls)
    if found is None:
        if len(_of_classes) > _CLASSES:
            _of_classes.clear()
        found = []
        for base in cls.__mro__:
            if str(base.__module__).partition(".")[0] in OWN:
                continue
            found += _real_locks(f"{base.__name__}.", vars(base))
            module = sys.modules.get(base.__module__)
            if module is not None:
                found += _real_locks(f"{base.__module__}.", vars(module))
        _of_classes[cls] = found
    own = attributes_of(process.actor)
    # Most have none: to see that takes less than to look at each.
    return found if _REAL.isdisjoint(map(type, own.values())) else [*found, *_real_locks("self.", own)]


_CLASSES = 1000
"""How many are known; tests make classes that are used once."""


def _real_locks(prefix: str, names: Any) -> list[tuple[str, Any]]:
    return [(prefix + name, value) for name, value in names.items() if type(value) in _REAL]


# Of the functions that are left


class _Suspect(NamedTuple):
    """A user's function that may hold a lock while it calls; and what it enters or acquires by name."""

    code: CodeType
    entries: tuple[Entry, ...]


class _Helper(NamedTuple):
    """A user's function that others may hold a lock by; and what it names."""

    code: CodeType
    names: list[Names]


# By the id of the code, since its hash takes long; kept, so that no other gets the same. What holds no lock of a user's
# while it calls, the runtime's and functions without a `with` and an `acquire`; and what may.
_harmless: dict[int, CodeType] = {}
_suspects: dict[int, _Suspect] = {}
_helpers: dict[int, _Helper] = {}


def locks_at_hand(simulation: Simulation) -> list[tuple[str, Any]]:
    """The locks that the code which is left enters by name, such as `with self.shop.lock`; with their names.

    And the reentrant ones that it has in variables, or in what these refer to, however it may enter them; and those of
    a helper that it enters: a context manager, a property, a function that returns a lock.
    """
    found: list[tuple[str, Any]] = []
    # The innermost are those of the simulation itself, down to what it has put in place of the runtime's.
    frame: FrameType | None = sys._getframe(_INNERMOST)
    while frame is not None:
        code = frame.f_code
        # Nearly all are: this is on the way of each step.
        if id(code) not in _harmless:
            if id(code) in _OUTERMOST:
                break
            suspect = _suspects.get(id(code)) or _look_at(frame)
            if suspect is not None:
                found += _locks_of_function(frame, suspect, simulation)
        frame = frame.f_back
    return found


_INNERMOST = 4
"""This one, `leave()`, who calls that, and who calls him: `checkpoint()` or a wait."""

_OUTERMOST = {id(function.__code__): function for function in (turn, _run, _receive, Worker._handle_group)}
"""What calls an actor's code, and isn't called by any: the innermost of these are met first."""


def _look_at(frame: FrameType) -> _Suspect | None:
    """Find out whether it is a user's function that has a `with`, or acquires something."""
    code = frame.f_code
    if not takes_any(code) or package_of(frame.f_globals) in OWN | LOCK_MAKERS:
        _keep(_harmless, code, code)
        return None
    return _keep(_suspects, code, _Suspect(code, tuple(entries_of(code))))


def _keep(known: dict[int, K], code: CodeType, what: K) -> K:
    if len(known) > _FUNCTIONS:
        known.clear()
    known[id(code)] = what
    return what


_FUNCTIONS = 10_000
"""How many are known; tests make functions that are used once."""


def _locks_of_function(frame: FrameType, suspect: _Suspect, simulation: Simulation) -> list[tuple[str, Any]]:
    variables, module, harmless = frame.f_locals, frame.f_globals, simulation.harmless_entries
    found = []
    for entry in suspect.entries:
        for names in entry.given:
            # What is text or a number in one of a class is so in all.
            simple = (names, type(variables.get(names[0])))
            if simple not in harmless:
                given = _reached(names, variables, module)
                found += _reentrant_of({".".join(names): given})
                if type(given) in _SIMPLE:
                    harmless.add(simple)
        of = _reached(entry.whose, variables, module)
        # Most steps come by the same. It isn't kept: of its class, what lies there later is made as it was.
        place = (id(suspect.code), entry.at, type(of), id(of)) if entry.is_called else ()
        if place not in harmless:
            entered = _locks_of_entry(frame, entry, of)
            found += entered
            if place and not entered:
                harmless.add(place)
    return found + _reentrant_of(variables)


def _locks_of_entry(frame: FrameType, entry: Entry, of: Any) -> list[tuple[str, Any]]:
    is_bare = entry.whose is entry.names
    owner, value = (None, of) if is_bare else (of, _attribute(of, entry.names[-1]))
    lock = _lock_of(value)
    # A reentrant one knows whose it is. Another may be held elsewhere, unless this is within its `with`.
    if type(lock) is _RealRLock or (type(lock) is _RealLock and entry.is_block and is_within(frame, entry)):
        return [(".".join(entry.names), lock)]
    return _locks_of_entered(owner, value, entry) if entry.is_block else []


def _reached(names: Names, variables: Mapping[str, Any], module: Mapping[str, Any]) -> Any:
    """What names lead to, from a variable of a function or of its module on; None when nothing is there."""
    value = None
    for at, name in enumerate(names):
        value = _attribute(value, name) if at else variables.get(name, module.get(name))
    return value


def _attribute(of: Any, name: str) -> Any:
    """What an attribute holds, without calling any code of others; None when that takes some."""
    own = attributes_of(of)
    if name in own:
        return own[name]
    is_class = issubclass(type(of), type)
    for cls in (of if is_class else type(of)).__mro__:
        if name in vars(cls):
            held = vars(cls)[name]
            return held if is_class or type(held) is not MemberDescriptorType else _in_slot(held, of)
    return None


def _in_slot(slot: MemberDescriptorType, of: Any) -> Any:
    """What it holds; None when it is empty."""
    with suppress(AttributeError):
        return slot.__get__(of)
    return None


def _reentrant_of(variables: Mapping[str, Any]) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in variables.items():
        kind = type(value)
        if kind in _REENTRANT:
            found.append((name, value))
        # Most have no attributes of their own.
        elif kind.__dictoffset__ or issubclass(kind, dict):
            within = value if issubclass(kind, dict) else attributes_of(value)
            # As in `locks_of()`.
            if not _REENTRANT.isdisjoint(map(type, within.values())):
                found += [(f"{name}, at {key!r}", part) for key, part in within.items() if type(part) in _REENTRANT]
    if not found:
        return found
    locks = [(name, _lock_of(lock)) for name, lock in found]
    return [(name, lock) for name, lock in locks if type(lock) is _RealRLock]


def _lock_of(lock: Any) -> Any:
    """A lock, or that of a condition."""
    return getattr(lock, "_lock", None) if type(lock) is threading.Condition else lock


# Of the helpers that they enter


def _locks_of_entered(owner: Any, value: Any, entry: Entry) -> list[tuple[str, Any]]:
    """The reentrant locks of what a `with` enters that isn't one, or of what is called to give that."""
    if not entry.is_called and not isinstance(value, property):
        owner, value = value, _attribute(type(value), "__enter__")
    elif isinstance(value, type):
        owner, value = None, _attribute(value, "__enter__")
    prefix = ".".join(entry.names)
    return [(f"{prefix}: {name}", lock) for name, lock in _locks_of_helper(owner, value, _DEPTH)]


_DEPTH = 3
"""How many helpers are looked at that call one another."""


def _locks_of_helper(owner: Any, helper: Any, depth: int) -> list[tuple[str, Any]]:
    """The reentrant locks that a user's function names, which is called on `owner`; and those of its helpers."""
    owner, function = _bound(owner, helper)
    if depth == 0 or function is None or package_of(function.__globals__) in OWN | LOCK_MAKERS:
        return []
    code = function.__code__
    known = _helpers.get(id(code)) or _keep(_helpers, code, _Helper(code, names_in(code)))
    variables = _variables_of(function, owner)
    reached, found = {}, []
    for names in known.names:
        whose: Any = None
        value: Any = variables.get(names[0], function.__globals__.get(names[0]))
        for name in names[1:]:
            whose, value = value, _attribute(value, name)
        reached[".".join(names)] = value
        found += _locks_of_helper(whose, value, depth - 1)
    return _reentrant_of(reached) + found


def _bound(owner: Any, helper: Any) -> tuple[Any, FunctionType | None]:
    """What function it is, and what that is called on."""
    match helper:
        case property():
            helper = helper.fget
        case MethodType():
            owner, helper = helper.__self__, helper.__func__
        case staticmethod() | classmethod():
            owner, helper = owner if isinstance(owner, type) else type(owner), helper.__func__
        case _:
            pass
    # What a `contextmanager` is made of.
    while isinstance(helper, FunctionType) and "__wrapped__" in helper.__dict__:
        helper = helper.__dict__["__wrapped__"]
    return owner, helper if isinstance(helper, FunctionType) else None


def _variables_of(function: FunctionType, owner: Any) -> dict[str, Any]:
    """What is known of a function's variables before it is called on `owner`: None of most."""
    code = function.__code__
    variables = dict.fromkeys(code.co_varnames)
    if code.co_argcount:
        variables[code.co_varnames[0]] = owner
    return variables | _closed_over(function)


def _closed_over(function: FunctionType) -> dict[str, Any]:
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with suppress(ValueError):
            found[name] = cell.cell_contents
    return found
