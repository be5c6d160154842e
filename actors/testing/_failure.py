"""What a run has failed with, so that it is known again: in other schedules, and when the code has changed."""

from __future__ import annotations

import ast
import functools
import linecache
import re
from typing import TYPE_CHECKING, NamedTuple

from actors.testing._shown import said_by, without_addresses
from actors.testing._stand_ins import is_of_library

if TYPE_CHECKING:
    from types import CodeType, TracebackType

__all__ = ["Failure", "is_as_before", "statement_of"]


class Failure(NamedTuple):
    """What a run failed with, so that it is known again: the same type at the same place, and the like said of it.

    Args:
        type: of the exception.
        place: the function of the user's that has raised it.
        line: in that function.
        message: its first line, without what differs between schedules.
    """

    type: str
    place: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.type} in {self.place}: {self.message}"

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """Describe an exception."""
        message = without_addresses(said_by(error).partition("\n")[0])
        # What differs between one schedule and the next: numbers, addresses, and what is quoted.
        message = re.sub(r"'[^']*'|\"[^\"]*\"", "'...'", message)
        message = re.sub(r"0x[0-9a-fA-F]+|\d+", "0", message)
        # However many they are.
        message = re.sub(r"('...'|0)(, \1)+", r"\1", message)
        raised = _place_of(error)
        if raised is None:
            return cls(type(error).__name__, "the scenario", 0, message)
        code, number = raised
        return cls(type(error).__name__, code.co_qualname, number - code.co_firstlineno, message)


def statement_of(error: BaseException) -> str:
    """The statement of the user's code that has raised an exception; nothing where there is no source."""
    raised = _place_of(error)
    if raised is None:
        return ""
    code, number = raised
    around = [one for one in _statements(code) if one.lineno <= number <= (one.end_lineno or 0)]
    return _text(around[-1]) if around else ""


def is_as_before(error: BaseException, failure: str, statement: str) -> bool:
    """Tell whether an exception is what was raised before, though the code may have changed.

    It is when it has the same type, and comes from the same statement of the same function. Where the function has no
    such statement any more, or it isn't known, the message tells.

    Args:
        failure: the text of the `Failure` then.
        statement: what `statement_of` gave then.
    """
    now = str(Failure.of(error))
    if now.partition(": ")[0] != failure.partition(": ")[0]:
        return False
    raised = _place_of(error)
    if raised is not None and statement in map(_text, _statements(raised[0])):
        return statement_of(error) == statement
    return now == failure


def _place_of(error: BaseException) -> tuple[CodeType, int] | None:
    """The innermost function of the user's code, and the number of the line in its file; else of a library."""
    place = of_library = None
    traceback: TracebackType | None = (error.__cause__ or error).__traceback__
    while traceback is not None:
        module = str(traceback.tb_frame.f_globals.get("__name__")).partition(".")[0]
        if module not in _NOT_USERS:
            of_library = (traceback.tb_frame.f_code, traceback.tb_lineno)
            if not is_of_library(of_library[0].co_filename):
                place = of_library
        traceback = traceback.tb_next
    return place or of_library


_NOT_USERS = ("actors", "supervision", "pykka", "_pytest", "unittest")


def _statements(code: CodeType) -> list[ast.stmt]:
    """Those of a function, or of its module where it is none with a name; what is inside of another comes later."""
    try:
        module = _module("".join(linecache.getlines(code.co_filename)))
    except SyntaxError:
        return []
    functions = [one for one in ast.walk(module) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
    function = next((one for one in functions if _first_line(one) == code.co_firstlineno), module)
    return [one for one in ast.walk(function) if isinstance(one, ast.stmt)]


# A failure that is made small is looked at again and again.
@functools.lru_cache(maxsize=8)
def _module(source: str) -> ast.Module:
    return ast.parse(source)


def _first_line(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return min(one.lineno for one in (function, *function.decorator_list))


def _text(statement: ast.stmt) -> str:
    # However it is broken into lines; without what it has inside.
    return ast.unparse(statement).partition("\n")[0]
