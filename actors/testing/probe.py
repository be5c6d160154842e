"""An actor that shows a test what it gets."""

from __future__ import annotations

import inspect
from collections import deque
from types import WrapperDescriptorType
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar, overload

from actors._clock import check_seconds
from actors.actor import Actor
from actors.messages import Down, ExitReason
from actors.process import monitor
from actors.testing._injection import ANY, matcher_shown, matches
from actors.testing._shown import name_of, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pykka

    from actors.ref import ActorRef
    from actors.testing.system import System

__all__ = ["Like", "Probe", "like"]

T = TypeVar("T")


class Like(Generic[T]):
    """Messages of a class with some attributes: what `like()` returns."""

    def __init__(self, cls: type[T], attributes: dict[str, object]) -> None:
        self._cls = cls
        self._attributes = attributes

    def __call__(self, message: object) -> bool:
        """Tell whether a message is one of them."""
        return isinstance(message, self._cls) and all(
            hasattr(message, name) and matches(wanted, getattr(message, name))
            for name, wanted in self._attributes.items()
        )

    def __repr__(self) -> str:
        attributes = "".join(f", {name}={matcher_shown(value)}" for name, value in self._attributes.items())
        return f"like({self._cls.__name__}{attributes})"


def like(cls: type[T], /, **attributes: object) -> Like[T]:
    """Match messages of a class whose attributes are equal to these, of these types, or accepted by these functions.

    Raises:
        TypeError: no message of this class can have such an attribute. That is known of classes with `__slots__` all
            the way, named tuples among them, and of frozen dataclasses whose `__init__` is the generated one; unless
            they have a `__getattr__`, a `__post_init__`, or subclasses that may have others.

    Example:
        probe.assert_receive(like(Down, reason=Crashed))
    """
    for name in attributes:
        if not _may_have(cls, name):
            there = ", ".join(_fields_of(cls)) or "no fields"
            raise TypeError(f"{cls.__name__} has no {name!r} that a message could be known by; it has {there}")
    return Like(cls, attributes)


def _may_have(cls: type, name: str) -> bool:
    """Whether an object that passes for one of this class may have an attribute of this name."""
    if type(cls).__instancecheck__ is not type.__instancecheck__:
        # As abstract classes and protocols do, it says itself which are.
        return True
    return any(
        hasattr(one, name) or name in _fields_of(one) or not _has_only_fields(one) for one in _with_subclasses(cls)
    )


def _with_subclasses(cls: type) -> Iterator[type]:
    yield cls
    subclasses: list[type] = cls.__subclasses__()
    for subclass in subclasses:
        yield from _with_subclasses(subclass)


def _has_only_fields(cls: type) -> bool:
    """Whether its objects have no attributes but those that the class names."""
    if hasattr(cls, "__getattr__") or not isinstance(cls.__getattribute__, WrapperDescriptorType):
        return False
    return not cls.__dictoffset__ or (_is_frozen(cls) and not hasattr(cls, "__post_init__"))


def _is_frozen(cls: type) -> bool:
    """Whether it is a frozen dataclass that sets its fields itself."""
    params = vars(cls).get("__dataclass_params__")
    init = vars(cls).get("__init__")
    return params is not None and params.frozen and init is not None and init.__code__.co_filename == "<string>"


def _fields_of(cls: type) -> dict[str, None]:
    """The names that a class has for what its objects are to have."""
    names: dict[str, None] = dict.fromkeys(getattr(cls, "_fields", ()))
    for base in reversed(cls.__mro__):
        slots = vars(base).get("__slots__", ())
        names |= dict.fromkeys([slots] if isinstance(slots, str) else slots)
        names |= dict.fromkeys(inspect.get_annotations(base))
    return names


class ProbeActor(Actor):
    """Keeps what it gets; runs what it is asked to."""

    use_daemon_thread = True
    crash_on_failed_ask = False
    trap_exit = True
    is_of_the_test = True

    def __init__(self, received: list[Any]) -> None:
        self._received = received

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, _Do):
            return message.function()
        self._received.append(message)
        return None


class _Do:
    def __init__(self, function: Callable[[], Any]) -> None:
        self.function = function


_SHOWN = 50
"""Messages that are gone and shown with a failure."""


class Probe:
    """An actor whose mailbox a test reads: what `system.probe()` returns. Its `ref` is what others send to.

    It traps exits, and answers None to whatever it is asked.
    """

    def __init__(self, system: System) -> None:
        self._system = system
        self._received: list[Any] = []
        # The last that are gone, each with how; and how many there were.
        self._gone: deque[tuple[Any, str]] = deque(maxlen=_SHOWN)
        self._times_gone = 0
        self.ref: ActorRef[Any] = ProbeActor.start(self._received)

    def do(self, function: Callable[[], T]) -> T:
        """Call a function in the probe's own code, and return what it returns: link, monitor, register by it."""
        answer: Any = self.ref.ask(_Do(function))
        return answer  # type: ignore[no-any-return]  # what the function returned

    def monitor(self, ref: pykka.ActorRef[Any]) -> None:
        """Have the probe get a `Down` when an actor ends."""
        self.do(lambda: monitor(ref))

    @property
    def received(self) -> list[Any]:
        """What it got and the test hasn't taken yet."""
        return list(self._received)

    @overload
    def assert_receive(self, message: type[T], *, within: float = ...) -> T: ...

    @overload
    def assert_receive(self, message: Like[T], *, within: float = ...) -> T: ...

    @overload
    def assert_receive(self, message: Callable[[Any], bool], *, within: float = ...) -> Any: ...

    @overload
    def assert_receive(self, message: T, *, within: float = ...) -> T: ...

    def assert_receive(self, message: Any = ANY, *, within: float = 1.0) -> Any:
        """Return the first message that matches, waiting for it; those before it are skipped, and gone.

        Args:
            message: one equal to it; of this type; for which this function, which only looks, returns True;
                `like(...)`.
            within: virtual seconds.

        Raises:
            AssertionError: none came; it says what did, and what of that was skipped or taken before.
            RuntimeError: the system has ended, after which there is `received`; or the function asks, tells, stops or
                starts actors, sets timers or waits.
        """
        return self._receive(message, within, lambda: "")

    def _receive(self, message: Any, within: float, why_not: Callable[[], str]) -> Any:
        found: list[Any] = []

        def look() -> bool:
            index = self._index_of(message)
            if index is None:
                return False
            found.append(self._received[index])
            self._let_go(index)
            return True

        self._system._check_entered()
        check_seconds(within, "within")
        if not self._system._simulation.run_until(look, within):
            self._fail(f"got nothing like {_wanted(message)} within {within} seconds{why_not()}")
        return found[0]

    def refute_receive(self, message: Any = ANY, *, within: float = 0.1) -> None:
        """Let time pass, and see that no message comes that matches.

        Raises:
            AssertionError: one came.
        """
        self._system.advance(within)
        wrong = self._index_of(message)
        if wrong is not None:
            self._fail(f"got {shown(self._received[wrong])}, which was not to come")

    def assert_down(self, ref: pykka.ActorRef[Any], reason: Any = ANY, *, within: float = 1.0) -> ExitReason:
        """Wait until an actor that the probe monitors has ended; return what it died of.

        Args:
            reason: what it is to have died of; matched as messages are.
            within: virtual seconds.
        """
        down = self._receive(like(Down, ref=ref, reason=reason), within, lambda: self._why_no_down(ref))
        reason_of_end: ExitReason = down.reason
        return reason_of_end

    def _why_no_down(self, ref: pykka.ActorRef[Any]) -> str:
        is_monitored = any(one.given == ref for one in self.ref._process.watching or ())
        seen = [*self._received, *(message for message, _ in self._gone)]
        if is_monitored or any(isinstance(message, Down) and message.ref == ref for message in seen):
            return ""
        return f", and doesn't monitor {shown(ref)}: probe.monitor() has it do so"

    def _index_of(self, message: Any) -> int | None:
        """Find the first that matches; what says so only looks."""
        places = (index for index, candidate in enumerate(self._received) if matches(message, candidate))
        return self._system._look_at(lambda: next(places, None), message, "a probe")

    def _let_go(self, taken: int) -> None:
        """Be rid of the message that is taken, and of those before it."""
        gone = [*((message, "skipped") for message in self._received[:taken]), (self._received[taken], "taken")]
        self._gone += gone
        self._times_gone += len(gone)
        del self._received[: taken + 1]

    def _fail(self, what: str) -> NoReturn:
        more = self._times_gone - len(self._gone)
        lines = [f"  ({more} more)"] if more else []
        lines += [f"  {shown(message)} ({how})" for message, how in self._gone]
        lines += [f"  {shown(message)}" for message in self._received]
        got = "\n".join(lines) or "  nothing"
        error = AssertionError(f"{name_of(self.ref._process)} {what}; it got\n{got}")
        self._system.explain(error)
        raise error


def _wanted(message: object) -> str:
    return repr(message) if isinstance(message, Like) else matcher_shown(message)
