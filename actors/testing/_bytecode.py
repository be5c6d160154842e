"""What a function enters, acquires and names, as its code says: nothing is called to find out."""

from __future__ import annotations

import dis
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, FrameType

__all__ = ["Entry", "Names", "entries_of", "is_within", "names_in", "takes_any"]

Names = tuple[str, ...]
"""A variable, and attributes from it on: `("self", "shop", "lock")`."""


class Entry(NamedTuple):
    """Something that a function enters by a `with`, or acquires.

    Args:
        names: what it is called there.
        is_called: whether it is what a call of that gives, as in `with self.shop.locked():`.
        is_block: whether it is entered, and not acquired.
        at: where in the code.
        whose: of what that is an attribute; itself when it is none.
        given: what the call is given that isn't a variable of the function's own.
    """

    names: Names
    is_called: bool
    is_block: bool
    at: int
    whose: Names
    given: tuple[Names, ...]


_ENTERED_BY = ("BEFORE_WITH", "LOAD_SPECIAL")
"""What a `with` begins with, in the versions of Python."""

_WITH = {dis.opmap[name] for name in _ENTERED_BY if name in dis.opmap}

_NOISE = frozenset({"CACHE", "COPY", "EXTENDED_ARG", "NOP", "PRECALL", "PUSH_NULL"})

_CALLS = frozenset({"CALL", "CALL_FUNCTION_EX", "CALL_KW"})

_ATTRIBUTES = frozenset({"LOAD_ATTR", "LOAD_METHOD"})

_OF_MODULES = frozenset({"LOAD_GLOBAL", "LOAD_NAME"})

_LOADS_A_NAME = ("LOAD_FAST", "LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF")


def takes_any(code: CodeType) -> bool:
    """Tell whether a function enters or acquires anything."""
    return "acquire" in code.co_names or not _WITH.isdisjoint(code.co_code[::2])


def entries_of(code: CodeType) -> Iterator[Entry]:
    """Find what a function enters or acquires by a name, or by the call of one."""
    steps = _steps_of(code)
    for at, step in enumerate(steps):
        is_block = step.opname in _ENTERED_BY
        if not is_block and step.argval != "acquire":
            continue
        is_called = is_block and steps[at - 1].opname in _CALLS
        begin = _behind_callee(steps[:at]) if is_called else at
        names = _names_before(steps[:begin])
        if names:
            given = tuple(_far_names(steps[begin:at]))
            yield Entry(names, is_called, is_block, step.offset, names[:-1] or names, given)


def names_in(code: CodeType) -> list[Names]:
    """Find all names that a function makes use of, with their attributes."""
    steps = _steps_of(code)
    found = {_names_before(steps[: at + 1]) for at, step in enumerate(steps) if _is_named(step)}
    return sorted(found - {()})


def _far_names(steps: list[dis.Instruction]) -> Iterator[Names]:
    """Find what steps load that is more than a variable."""
    for at, step in enumerate(steps):
        is_whole = _is_named(step) and not (at + 1 < len(steps) and steps[at + 1].opname in _ATTRIBUTES)
        if is_whole and (step.opname in _ATTRIBUTES or step.opname in _OF_MODULES):
            yield _names_before(steps[: at + 1])


def is_within(frame: FrameType, entry: Entry) -> bool:
    """Tell whether a function is in the block of a `with`."""
    # Where it goes on after an exception between `start` and `end`; there is no public function for it.
    parse = dis._parse_exception_table  # type: ignore[attr-defined]
    table: list[tuple[int, int, int]] = [(one.start, one.end, one.target) for one in parse(frame.f_code)]
    behind = min((block for block in table if block[0] > entry.at), default=None)
    at: int | None = frame.f_lasti
    # A block within, and the end of one, are within what is around.
    while behind is not None and at is not None:
        at = next((target for start, end, target in table if start <= at < end), None)
        if at == behind[2]:
            return True
    return False


def _steps_of(code: CodeType) -> list[dis.Instruction]:
    return [step for step in dis.get_instructions(code) if step.opname not in _NOISE]


def _is_named(step: dis.Instruction) -> bool:
    return step.opname in _ATTRIBUTES or any(kind in step.opname for kind in _LOADS_A_NAME)


def _names_before(steps: list[dis.Instruction]) -> Names:
    """The name that the last of these steps load."""
    attributes: list[str] = []
    while steps and steps[-1].opname in _ATTRIBUTES:
        attributes.insert(0, steps[-1].argval)
        steps = steps[:-1]
    if not steps or not _is_named(steps[-1]):
        return ()
    root = steps[-1].argval
    # Two variables may be dealt with at once: it is the second.
    return (root[-1] if isinstance(root, tuple) else root, *attributes)


def _behind_callee(steps: list[dis.Instruction]) -> int:
    """Of steps whose last is a call: where what is called has been loaded, and what it is given begins."""
    begin = _begin_of(steps[-1])
    # The call begins in the source where what is called does, and its arguments don't.
    last = -1
    for at, step in enumerate(steps):
        if _begin_of(step) == begin and begin is not None:
            if step.opname in _CALLS:
                break
            if _is_named(step):
                last = at
    return last + 1


def _begin_of(step: dis.Instruction) -> tuple[int, int] | None:
    positions = step.positions
    if positions is None or positions.lineno is None or positions.col_offset is None:
        return None
    return positions.lineno, positions.col_offset
