"""What a run has failed with, so that it is known again: in other schedules, and when the code has changed."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from types import CodeType, TracebackType

__all__ = ["Failure", "is_as_before", "line_of"]


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
        message = str(error).partition("\n")[0]
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


def line_of(error: BaseException) -> str:
    """The line of the user's code that has raised an exception; nothing where there is no source."""
    raised = _place_of(error)
    return "" if raised is None else _lines_of(raised[0]).get(raised[1], "")


def is_as_before(error: BaseException, failure: str, line: str) -> bool:
    """Tell whether an exception is what was raised before, though the code may have changed.

    It is when it has the same type, and comes from the same line of the same function. Where the function has no such
    line any more, or it isn't known, the message tells.

    Args:
        failure: the text of the `Failure` then.
        line: what `line_of` gave then.
    """
    now = str(Failure.of(error))
    if now.partition(": ")[0] != failure.partition(": ")[0]:
        return False
    raised = _place_of(error)
    if line and raised is not None and line in _lines_of(raised[0]).values():
        return line_of(error) == line
    return now == failure


def _place_of(error: BaseException) -> tuple[CodeType, int] | None:
    """The innermost function of the user's code, and the number of the line in its file."""
    place = None
    traceback: TracebackType | None = (error.__cause__ or error).__traceback__
    while traceback is not None:
        module = str(traceback.tb_frame.f_globals.get("__name__")).partition(".")[0]
        if module not in _NOT_USERS:
            place = (traceback.tb_frame.f_code, traceback.tb_lineno)
        traceback = traceback.tb_next
    return place


_NOT_USERS = ("actors", "supervision", "pykka", "_pytest", "unittest")


def _lines_of(code: CodeType) -> dict[int, str]:
    """The source of a function, by the numbers of the lines in its file."""
    try:
        lines, first = inspect.getsourcelines(code)
    except (OSError, TypeError):
        return {}
    return {number: line.strip() for number, line in enumerate(lines, start=first or 1)}
