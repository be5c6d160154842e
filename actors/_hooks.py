"""The functions of a user's that the runtime calls, looked at when their class is made: whether they can be called."""

from __future__ import annotations

import dis
import functools
import inspect
from types import CodeType, FunctionType, MethodType
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Hooks", "check_hooks", "makes_use_of"]

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


def makes_use_of(hook: object, position: int) -> bool:
    """Whether a hook does anything with the argument at this position, from 0; also when that can't be seen."""
    if not isinstance(hook, MethodType) or not isinstance(hook.__func__, FunctionType):
        return True
    return _reads_argument(hook.__func__.__code__, position + 1)


@functools.lru_cache(maxsize=1024)
def _reads_argument(code: CodeType, position: int) -> bool:
    if position >= code.co_argcount or "locals" in code.co_names:
        return True
    name = code.co_varnames[position]
    # One instruction may be about two variables.
    about = (one.argval if isinstance(one.argval, tuple) else (one.argval,) for one in dis.get_instructions(code))
    return name in code.co_cellvars or any(name in names for names in about)
