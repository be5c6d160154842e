"""Arguments that can't work, refused where they are given: what was expected, what came, what to do."""

from __future__ import annotations

import pykka

__all__ = [
    "check_flag",
    "check_function",
    "check_listener",
    "check_name",
    "check_reason",
    "check_ref",
]


def check_ref(ref: object) -> None:
    """Refuse what is no actor's ref.

    Raises:
        TypeError: saying how to come by one.
    """
    if isinstance(ref, pykka.ActorRef):
        return
    got, hint = repr(ref), ""
    if isinstance(ref, str):
        hint = f"; for an actor's name it is named({ref!r})"
    elif isinstance(ref, pykka.Actor | pykka.ActorProxy):
        hint = "; it is its actor_ref"
    elif isinstance(ref, type) and issubclass(ref, pykka.Actor):
        got, hint = f"the class {ref.__name__}", "; start it, and take what start() returns"
    raise TypeError(f"ref must be an actor's ref; got {got}{hint}")


def check_listener(listener: object) -> None:
    """Refuse what can't be told anything."""
    if not callable(listener) and not isinstance(listener, pykka.ActorRef):
        raise TypeError(f"listener must be a function, or an actor's ref; got {listener!r}")


def check_function(function: object) -> None:
    """Refuse what telemetry can't call."""
    if not callable(function):
        raise TypeError(f"function must be callable, with four arguments; got {function!r}")


def check_name(name: object, what: str = "name") -> None:
    """Refuse what can't be looked up."""
    try:
        hash(name)
    except TypeError as error:
        raise TypeError(f"{what} must be hashable, as a str or a tuple of str; got {name!r}") from error


def check_flag(flag: object, what: str = "flag") -> None:
    """Refuse what only looks true or false."""
    if not isinstance(flag, bool):
        raise TypeError(f"{what} must be True or False; got {flag!r}")


def check_reason(reason: object) -> None:
    """Refuse None as an exit reason: whoever reads `exit_reason` takes it for a living actor's."""
    if reason is None:
        msg = "reason must not be None, which is the exit_reason of those that live; Normal() is an orderly end"
        raise ValueError(msg)
