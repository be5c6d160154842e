"""Locks from before a simulation: looked for in what the code has at hand that is left, since others go on there.

A reentrant one would let them in, who run in the same thread; another would stop them all.
"""

from __future__ import annotations

import dis
import sys
import threading
from types import MemberDescriptorType
from typing import TYPE_CHECKING, Any, NamedTuple

from actors._life import turn
from actors.testing._stand_ins import LOCK_MAKERS, OWN, NotSimulated, package_of, where_called

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import CodeType, FrameType

    from actors._process import Process
    from actors.testing._simulation import Simulation

__all__ = ["locks_at_hand", "locks_of", "refuse_held"]

_RealLock: Any = type(threading.Lock())
_RealRLock: Any = type(threading.RLock())
_REAL = frozenset({_RealLock, _RealRLock})
_REENTRANT = frozenset({_RealRLock, threading.Condition})


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
                break
            found += _real_locks(f"{base.__name__}.", vars(base))
            module = sys.modules.get(base.__module__)
            if module is not None:
                found += _real_locks(f"{base.__module__}.", vars(module))
        _of_classes[cls] = found
    own = getattr(process.actor, "__dict__", {})
    # Most have none: to see that takes less than to look at each.
    return found if _REAL.isdisjoint(map(type, own.values())) else [*found, *_real_locks("self.", own)]


_CLASSES = 1000
"""How many are known; tests make classes that are used once."""


def _real_locks(prefix: str, names: Any) -> list[tuple[str, Any]]:
    return [(prefix + name, value) for name, value in names.items() if type(value) in _REAL]


# Of the functions that are left


class _Named(NamedTuple):
    """What is entered, or acquired, and is a name or an attribute of one: `("self", "shop", "lock")`; and where."""

    names: tuple[str, ...]
    enters: bool
    at: int


class _Suspect(NamedTuple):
    """A user's function that may hold a lock while it calls; and what it enters or acquires by name."""

    code: CodeType
    named: tuple[_Named, ...]


# By the id of the code, since its hash takes long; kept, so that no other gets the same. What holds no lock of a user's
# while it calls, the runtime's and functions without a `with` and an `acquire`; and what may.
_harmless: dict[int, CodeType] = {}
_suspects: dict[int, _Suspect] = {}


def locks_at_hand() -> list[tuple[str, Any]]:
    """The locks that the code which is left enters by name, such as `with self.shop.lock`; with their names.

    And the reentrant ones that it has in variables, or in what these refer to, however it may enter them.
    """
    found: list[tuple[str, Any]] = []
    # The innermost are those of the simulation itself, down to what it has put in place of the runtime's.
    frame: FrameType | None = sys._getframe(_INNERMOST)
    while frame is not None:
        code = frame.f_code
        # Nearly all are: this is on the way of each step.
        if id(code) not in _harmless:
            if code is _OUTERMOST:
                break
            suspect = _suspects.get(id(code)) or _look_at(frame)
            if suspect is not None:
                found += _locks_of_function(frame, suspect)
        frame = frame.f_back
    return found


_INNERMOST = 4
"""This one, `leave()`, who calls that, and who calls him: `checkpoint()` or a wait."""

_OUTERMOST = turn.__code__
"""Calls an actor's code."""


def _look_at(frame: FrameType) -> _Suspect | None:
    """Find out whether it is a user's function that has a `with`, or acquires something."""
    code = frame.f_code
    takes_any = "acquire" in code.co_names or not _WITH.isdisjoint(code.co_code[::2])
    if not takes_any or package_of(frame) in OWN | LOCK_MAKERS:
        if len(_harmless) > _FUNCTIONS:
            _harmless.clear()
        _harmless[id(code)] = code
        return None
    if len(_suspects) > _FUNCTIONS:
        _suspects.clear()
    suspect = _suspects[id(code)] = _Suspect(code, tuple(_named_in(code)))
    return suspect


_FUNCTIONS = 10_000
"""How many are known; tests make functions that are used once."""

_ENTERED_BY = ("BEFORE_WITH", "LOAD_SPECIAL")
"""What a `with` begins with, in the versions of Python."""

_WITH = {dis.opmap[name] for name in _ENTERED_BY if name in dis.opmap}


_NOISE = frozenset({"CACHE", "COPY", "EXTENDED_ARG", "NOP", "PRECALL", "PUSH_NULL"})


def _named_in(code: CodeType) -> Iterator[_Named]:
    steps = [one for one in dis.get_instructions(code) if one.opname not in _NOISE]
    for at, one in enumerate(steps):
        if one.opname in _ENTERED_BY or one.argval == "acquire":
            names = _name_before(steps[:at])
            if names:
                yield _Named(names, one.opname in _ENTERED_BY, one.offset)


_LOADS_A_NAME = ("LOAD_FAST", "LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF")


def _name_before(steps: list[dis.Instruction]) -> tuple[str, ...]:
    attributes: list[str] = []
    while steps and steps[-1].opname in ("LOAD_ATTR", "LOAD_METHOD"):
        attributes.insert(0, steps.pop().argval)
    if not steps or not any(kind in steps[-1].opname for kind in _LOADS_A_NAME):
        return ()
    root = steps[-1].argval
    # Two variables may be dealt with at once: it is the second.
    return (root[-1] if isinstance(root, tuple) else root, *attributes)


def _locks_of_function(frame: FrameType, suspect: _Suspect) -> list[tuple[str, Any]]:
    variables = frame.f_locals
    found = []
    for named in suspect.named:
        root, *attributes = named.names
        value: Any = variables.get(root, frame.f_globals.get(root))
        for name in attributes:
            value = _attribute(value, name)
        lock: Any = getattr(value, "_lock", None) if type(value) is threading.Condition else value
        # A reentrant one knows whose it is. Another may be held elsewhere, unless this is within its `with`.
        if type(lock) is _RealRLock or (type(lock) is _RealLock and named.enters and _is_within(frame, named.at)):
            found.append((".".join(named.names), lock))
    return found + _reentrant_of(variables)


def _is_within(frame: FrameType, entry: int) -> bool:
    """Whether a function is in the block of the `with` whose instruction is there."""
    # Where it goes on after an exception between `start` and `end`; there is no public function for it.
    parse: Any = dis._parse_exception_table  # type: ignore[attr-defined]
    table: list[tuple[int, int, int]] = [(one.start, one.end, one.target) for one in parse(frame.f_code)]
    behind = min((block for block in table if block[0] > entry), default=None)
    at: int | None = frame.f_lasti
    # A block within, and the end of one, are within what is around.
    while behind is not None and at is not None:
        at = next((target for start, end, target in table if start <= at < end), None)
        if at == behind[2]:
            return True
    return False


def _attribute(of: Any, name: str) -> Any:
    """What an attribute holds, without calling any code of others; None when that takes some."""
    own = getattr(of, "__dict__", {})
    if name in own:
        return own[name]
    for cls in (of if isinstance(of, type) else type(of)).__mro__:
        if name in vars(cls):
            held = vars(cls)[name]
            return held.__get__(of) if isinstance(held, MemberDescriptorType) else held
    return None


def _reentrant_of(variables: Mapping[str, Any]) -> list[tuple[str, Any]]:
    found = []
    for name, value in variables.items():
        within = value if isinstance(value, dict) else getattr(value, "__dict__", {})
        # As in `locks_of()`.
        if type(value) not in _REENTRANT and _REENTRANT.isdisjoint(map(type, within.values())):
            continue
        for key, part in ((None, value), *within.items()):
            lock: Any = part
            if type(part) is threading.Condition:
                lock = lock._lock
            if type(lock) is _RealRLock:
                found.append((name if key is None else f"{name}, at {key!r}", lock))
    return found
