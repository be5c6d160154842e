"""Faults that a test injects into simulated actors, and where."""

from __future__ import annotations

import difflib
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import pykka

from actors._mail import unwrapped
from actors.ref import ActorRef, NamedRef
from actors.testing._shown import name_of, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actors._process import Process

__all__ = [
    "ANY",
    "POINTS",
    "Fault",
    "Faults",
    "Held",
    "InjectedCrash",
    "Matcher",
    "NeverStruck",
    "Selector",
    "check_count",
    "check_nth",
    "check_point",
    "check_selector",
    "holds",
    "matcher_shown",
    "matches",
    "selects",
]


class InjectedCrash(Exception):
    """What an injected crash raises unless it was given another exception."""


class NeverStruck(AssertionError):
    """Faults were injected that never struck; the message says which, and how often each was met.

    Args:
        faults: those.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        lines = "\n".join(f"  {fault.asked}: met {fault.met} times" for fault in faults)
        super().__init__(
            f"what was injected never struck:\n{lines}\nsee that the actor comes there, and how often; "
            "or inject it with must_strike=False, if it needn't strike"
        )
        self.faults = list(faults)


class _Any:
    def __repr__(self) -> str:
        return "ANY"


ANY = _Any()
"""Matches every message."""

Selector: TypeAlias = "pykka.ActorRef[Any] | type[pykka.Actor] | str"
"""Which actors: by a ref; by their class; by the name in the trace, `"Worker-2"`, or `"Worker-2#1"` for one life."""

Matcher: TypeAlias = "Callable[[Any], object] | object"
"""Which messages: those equal to it; of this type; or, when it is a function, those for which it returns True."""


def selects(selector: Selector, process: Process) -> bool:
    """Tell whether a process is among those that are meant."""
    if isinstance(selector, pykka.ActorRef):
        return _leads_to(selector, process)
    if isinstance(selector, type):
        # The test's own actors are only meant by themselves.
        is_tests = getattr(process.actor_class, "is_of_the_test", False)
        return issubclass(process.actor_class, selector) and (not is_tests or hasattr(selector, "is_of_the_test"))
    name = name_of(process)
    return name == selector or name.partition("#")[0] == selector


def _leads_to(ref: pykka.ActorRef[Any], process: Process) -> bool:
    if isinstance(ref, NamedRef):
        # Whoever has it: nobody may, just now.
        return bool(ref.name == process.name)
    # A plain Pykka actor's own ref isn't the one that the runtime has given it.
    return ref == process.ref if isinstance(ref, ActorRef) else ref.actor_urn == process.urn


def check_selector(selector: object) -> None:
    """Refuse what names no actor.

    Raises:
        TypeError: saying what was expected, and what came.
    """
    is_class = isinstance(selector, type) and issubclass(selector, pykka.Actor)
    if not is_class and not isinstance(selector, pykka.ActorRef | str):
        msg = f"actor must be a ref, a class of actors, or a name such as 'Worker-2' or 'Worker-2#1'; got {selector!r}"
        raise TypeError(msg)


POINTS = frozenset(
    {"on_start", "receive", "handled", "stash", "unstash", "checkpoint", "sleep", "trap_exit"}
    | {"start", "tell", "ask", "send_after", "stop", "exit", "kill", "link", "unlink", "monitor", "demonitor"}
    | {"register_name", "unregister_name", "register", "unregister", "lookup", "keys", "count", "holders"}
    | {"whereis", "is_alive", "cancel", "remaining", "reply"}
    | {"put", "take", "ack", "close", "pause", "resume", "join", "drain", "stats", "pending"}
    | {"dead_letters", "retry", "purge"}
)
"""The points of an actor's code: where it starts, comes to a message, is done with it, or enters the runtime."""


_OF_MESSAGES = frozenset({"receive", "handled", "take"})
"""Those at which all that is at hand is messages: one, or the events that a worker handles together."""


def check_point(point: object, name: str = "point") -> None:
    """Refuse what is no point of an actor's code.

    Raises:
        ValueError: saying which there are, what came, and what may have been meant.
    """
    if not isinstance(point, str) or point not in POINTS:
        known = ", ".join(map(repr, sorted(POINTS)))
        meant = difflib.get_close_matches(str(point), sorted(POINTS), 1)
        guess = f"; did you mean {meant[0]!r}?" if meant else ""
        raise ValueError(f"{name} must be a point of an actor's code: {known}; got {point!r}{guess}")


def check_count(count: object, name: str, least: int = 1) -> None:
    """Refuse what is no whole number, or below the least.

    Raises:
        ValueError: saying what was expected, and what came.
    """
    if not _is_count(count, least):
        raise ValueError(f"{name} must be a whole number >= {least}; got {count!r}")


def check_nth(nth: object) -> None:
    """Refuse what says no time at which something strikes; None is for each.

    Raises:
        ValueError: saying what was expected, and what came.
    """
    if nth is not None and not _is_count(nth, 1):
        raise ValueError(f"nth must be a whole number >= 1: the first time is 1; got {nth!r}")


def _is_count(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def matcher_shown(matcher: Matcher) -> str:
    """Show what is matched."""
    return "ANY" if matcher is ANY else shown(matcher)


def holds(looked: object) -> bool:
    """Whether what a look at an invariant has returned says that it holds; what only asserts returns None."""
    return looked is None or bool(looked)


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
        must_strike: whether a test fails in which it never does.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - each says another thing
        self,
        what: str,
        actor: Selector,
        at: str,
        message: Matcher,
        nth: int | None,
        act: _Act,
        *,
        must_strike: bool = True,
    ) -> None:
        check_selector(actor)
        check_nth(nth)
        self.what = what
        self.at = at
        self.fired = 0
        self.must_strike = must_strike
        # How often somebody came there whom it might have struck.
        self.met = 0
        self._actor = actor
        self._message = message
        self._nth = nth
        self._act = act

    def meet(self, process: Process, about: tuple[object, ...]) -> bool:
        """Tell whether it is to strike now, and count that it may have been."""
        if self._nth is not None and self.met >= self._nth:
            return False
        if not selects(self._actor, process) or not any(self._is_meant(one) for one in self._values(about)):
            return False
        self.met += 1
        return self._nth is None or self.met == self._nth

    def _values(self, about: tuple[object, ...]) -> tuple[object, ...]:
        if self.at in _OF_MESSAGES:
            return about
        return about[-1:] or (None,)

    def _is_meant(self, message: object) -> bool:
        try:
            return matches(self._message, unwrapped(message))
        except Exception as error:
            error.add_note(f"the function that was given as message= has raised it, for the {self.what} at {self.at!r}")
            raise

    def strike(self, process: Process) -> None:
        """Have it happen."""
        self.fired += 1
        self._act(process)

    @property
    def target(self) -> tuple[str, str, str, str]:
        """What goes wrong, for whom, where, and with what; whichever time it is."""
        return self.what, shown(self._actor), self.at, matcher_shown(self._message)

    @property
    def asked(self) -> str:
        """The same in words, and which time."""
        message = "" if self._message is ANY else f", message {shown(self._message)}"
        time = "" if self._nth in {None, 1} else f", time {self._nth}"
        return f"{self.what} of {shown(self._actor)} at {self.at!r}{message}{time}"

    def __repr__(self) -> str:
        return f"<{self.what} at {self.at!r}, fired {self.fired} times>"


class Held:
    """An actor that is held at a point: what `hold()` returns. Like other faults it counts how often it has `fired`."""

    def __init__(self, at: str = "receive") -> None:
        self.at = at
        self.fired = 0
        self._waiter: Any = None
        self._is_released = False

    @property
    def has_arrived(self) -> bool:
        """Whether the actor stands there."""
        return self._waiter is not None

    def wait(self, process: Process) -> None:
        """Stand there, in the actor's code, until it is released."""
        self.fired += 1
        if self._is_released:
            return
        simulated: Any = process
        self._waiter = simulated.simulation.new_waiter()
        held = simulated.simulation.held
        held[process] = self.at
        try:
            process.wait(self._waiter, None)
        finally:
            del held[process]

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
        self._struck: list[Process] = []

    def add(self, fault: Fault) -> Fault:
        """Have it strike from now on."""
        self._by_point[fault.at].append(fault)
        return fault

    def all(self) -> list[Fault]:
        """All that were added."""
        return [fault for faults in self._by_point.values() for fault in faults]

    def check(self) -> None:
        """See that all have struck that must.

        Raises:
            NeverStruck: it says which haven't.
        """
        never = [fault for fault in self.all() if fault.must_strike and not fault.fired]
        if never:
            raise NeverStruck(never)

    def at(self, process: Process, point: str, about: tuple[object, ...]) -> None:
        """Have those strike that are to strike here."""
        faults = self._by_point.get(point)
        if not faults:
            return
        # All of them count that somebody came here, though one may let him go no further.
        for fault in [fault for fault in faults if fault.meet(process, about)]:
            if self.may_strike(fault, process, about):
                fault.strike(process)

    def may_be_at(self, point: str) -> bool:
        """Tell whether anything may strike there."""
        return point in self._by_point

    def was_struck_by(self, process: Process, error: BaseException) -> bool:
        """Tell whether an actor ends of this by a fault: in its own code, or by the reason of one that was struck.

        What an ask has brought to it, and it doesn't catch, is a crash of its own.
        """
        struck = zip(self._struck, self.injected, strict=True)
        return any(raised is error and (one is process or one.reason is process.reason) for one, raised in struck)

    def raising(self, make: Callable[[], BaseException]) -> _Act:
        """What strikes by an exception."""

        def strike(process: Process) -> None:
            error = make()
            self.injected.append(error)
            self._struck.append(process)
            raise error

        return strike
