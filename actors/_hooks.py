"""The functions of a user's that the runtime calls, looked at when their class is made: whether they can be called."""

from __future__ import annotations

import inspect
from types import FunctionType
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Hooks", "check_hooks"]

Hooks: TypeAlias = "Mapping[str, tuple[str, ...] | None]"
"""Names of methods, with what each is called with; None where that is for the user to say."""


def check_hooks(cls: type, hooks: Hooks) -> None:
    """Refuse a class with a hook that takes not what it gets, or that is a generator function, or no function at all.

    What it takes is looked at of plain functions only, as they were written or decorated.

    Raises:
        TypeError: naming the hook.
    """
    for name, arguments in hooks.items():
        owner = next((base for base in cls.__mro__ if name in vars(base)), None)
        if owner is None or (owner is not cls and hasattr(owner, "_otp_hooks")):
            # It was looked at when its own class was made.
            continue
        function = vars(owner)[name]
        if isinstance(function, FunctionType):
            _check_hook(f"{cls.__name__}.{name}", function, arguments)
        elif not callable(function) and not hasattr(type(function), "__get__"):
            raise TypeError(f"{cls.__name__}.{name} must be a method; got {function!r}")


def _check_hook(what: str, function: FunctionType, arguments: tuple[str, ...] | None) -> None:
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise TypeError(
            f"{what} is a generator function, so its code would not run when it is called; "
            "leave out its yield: return a list, or await what takes time, in an async def"
        )
    if arguments is None:
        return
    # Not that of what a decorator has wrapped, which may give it more.
    signature = inspect.signature(function, follow_wrapped=False)
    try:
        signature.bind("self", *arguments)
    except TypeError as error:
        wanted = ", ".join(("self", *arguments))
        given = signature.replace(return_annotation=signature.empty)
        raise TypeError(f"{what} must take ({wanted}); it takes {given}") from error
