"""Faults that a test injects into simulated actors, and where."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import pykka

from actors.testing._shown import name_of, shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._process import Process

__all__ = [
    "ANY",
    "Fault",
    "Faults",
    "Held",
    "InjectedCrash",
    "Matcher",
    "Selector",
    "check_selector",
    "matches",
    "selects",
]


class InjectedCrash(Exception):
    """What an injected crash raises unless it was given another exception."""


class _Any:
    def __repr__(self) -> str:
        return "ANY"


ANY = _Any()
"""Matches every message."""

Selector: TypeAlias = "pykka.ActorRef[Any] | type[pykka.Actor] | str"
"""Which actors: by a ref; by their class; by the name in the trace, `"Worker-2"`, or `"Worker-2#1"` for one life."""

Matcher: TypeAlias = object
"""Which messages: those equal to it; of this type; or, when it is a function, those for which it returns True."""


def selects(selector: Selector, process: Process) -> bool:
    """Tell whether a process is among those that are meant."""
    if isinstance(selector, pykka.ActorRef):
        return selector == process.ref
    if isinstance(selector, type):
        return issubclass(process.actor_class, selector)
    name = name_of(process)
    return name == selector or name.partition("#")[0] == selector


def check_selector(selector: object) -> None:
    """Refuse what names no actor.

    Raises:
        TypeError: saying what was expected, and what came.
    """
    is_class = isinstance(selector, type) and issubclass(selector, pykka.Actor)
    if not is_class and not isinstance(selector, pykka.ActorRef | str):
        msg = f"actor must be a ref, a class of actors, or a name such as 'Worker-2' or 'Worker-2#1'; got {selector!r}"
        raise TypeError(msg)


def matches(matcher: Matcher, value: object) -> bool:
    """Tell whether a message is among those that are meant."""
    if matcher is ANY:
        return True
    if isinstance(matcher, type):
        return isinstance(value, matcher)
    if callable(matcher):
        return bool(matcher(value))
    return bool(matcher == value)


class _Act(Protocol):
    def __call__(self, process: Process, /) -> None: ...


class Fault:
    """One thing that is to go wrong: at a point of an actor's code, the n-th time that it comes there.

    Args:
        nth: which time, from 1; None for each.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - each says another thing
        self, what: str, actor: Selector, at: str, message: Matcher, nth: int | None, act: _Act
    ) -> None:
        self.what = what
        self.at = at
        self.fired = 0
        self._actor = actor
        self._message = message
        self._nth = nth
        self._act = act
        self._seen = 0

    def meet(self, process: Process, about: tuple[object, ...]) -> bool:
        """Tell whether it is to strike now, and count that it may have been."""
        if self._nth is not None and self._seen >= self._nth:
            return False
        if not selects(self._actor, process) or not matches(self._message, about[-1] if about else None):
            return False
        self._seen += 1
        return self._nth is None or self._seen == self._nth

    def strike(self, process: Process) -> None:
        """Have it happen."""
        self.fired += 1
        self._act(process)

    @property
    def target(self) -> tuple[str, str, str, str]:
        """What goes wrong, for whom, where, and with what; whichever time it is."""
        return self.what, shown(self._actor), self.at, shown(self._message)

    def __repr__(self) -> str:
        return f"<{self.what} at {self.at!r}, fired {self.fired} times>"


class Held:
    """An actor that is held at a point: what `hold()` returns."""

    def __init__(self) -> None:
        self._waiter: Any = None
        self._is_released = False

    @property
    def has_arrived(self) -> bool:
        """Whether the actor stands there."""
        return self._waiter is not None

    def wait(self, process: Process) -> None:
        """Stand there, in the actor's code, until it is released."""
        if self._is_released:
            return
        self._waiter = process.new_waiter()
        process.wait(self._waiter, None)

    def release(self) -> None:
        """Let it go on; and nobody is held here any more."""
        self._is_released = True
        if self._waiter is not None:
            self._waiter.release()


def _always(_fault: Fault, _process: Process, _about: tuple[object, ...]) -> bool:
    return True


class Faults:
    """What is to go wrong in a simulation, and what has been raised for that."""

    def __init__(self) -> None:
        self._by_point: defaultdict[str, list[Fault]] = defaultdict(list)
        # Who has the last word on each.
        self.may_strike: Callable[[Fault, Process, tuple[object, ...]], bool] = _always
        self.injected: list[BaseException] = []

    def add(self, fault: Fault) -> Fault:
        """Have it strike from now on."""
        self._by_point[fault.at].append(fault)
        return fault

    def all(self) -> list[Fault]:
        """All that were added."""
        return [fault for faults in self._by_point.values() for fault in faults]

    def at(self, process: Process, point: str, about: tuple[object, ...]) -> None:
        """Have those strike that are to strike here."""
        faults = self._by_point.get(point)
        if not faults:
            return
        # All of them count that somebody came here, though one may let him go no further.
        for fault in [fault for fault in faults if fault.meet(process, about)]:
            if self.may_strike(fault, process, about):
                fault.strike(process)

    @property
    def points(self) -> set[str]:
        """Where anything may strike."""
        return set(self._by_point)

    def raising(self, make: Callable[[], BaseException]) -> _Act:
        """What strikes by an exception."""

        def strike(_process: Process) -> None:
            error = make()
            self.injected.append(error)
            raise error

        return strike
