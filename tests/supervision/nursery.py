"""Children for the supervisor's tests: what they do when they start is said by the test, and a diary is kept."""

from __future__ import annotations

from collections import defaultdict, deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pykka

from actors import Actor, ChildSpec, Crashed, Ignore, current_actor, exit
from supervision import Supervisor, SupervisorRef
from tests.support import CAP, Gate

if TYPE_CHECKING:
    from collections.abc import Iterator

BOOMED = Crashed(RuntimeError("boom"))


def boom() -> Exception:
    """What makes a child crash with the reason `BOOMED`, when it is sent to it."""
    return RuntimeError("boom")


class Nursery:
    """Makes children by name.

    `diary` lists what happened to them, in order: `"a starts"` when `on_start` is called, `"a stops"` when `on_stop`
    is. `starts_with("a", fail(), None)` says what the next starts of `a` do; after the last they just succeed. `latest`
    has the child of each name that started last.
    """

    def __init__(self) -> None:
        self.diary: list[str] = []
        self.latest: dict[str, Any] = {}
        self._gates: list[Gate] = []
        self._at_start: defaultdict[str, deque[Any]] = defaultdict(deque)
        self._always_at_start: dict[str, Any] = {}
        self._at_stop: dict[str, Any] = {}

    def gate(self) -> Gate:
        """A gate that is opened at the end of the test, if the test doesn't."""
        gate = Gate()
        self._gates.append(gate)
        return gate

    def mark(self) -> Gate:
        """A gate that is open: it only tells that somebody came by."""
        gate = self.gate()
        gate.open()
        return gate

    def open_gates(self) -> None:
        for gate in self._gates:
            gate.open()

    def starts_with(self, name: str, *acts: Any) -> None:
        """What `name` does in its next calls of `on_start`, one each; None for nothing."""
        self._at_start[name].extend(acts)

    def always_starts_with(self, name: str, act: Any) -> None:
        """What `name` does in all calls of `on_start` that have nothing else to do."""
        self._always_at_start[name] = act

    def stops_with(self, name: str, act: Any) -> None:
        """What `name` does in `on_stop`."""
        self._at_stop[name] = act

    def starts(self, name: str) -> None:
        self.diary.append(f"{name} starts")
        self.latest[name] = current_actor()
        acts = self._at_start[name]
        act = acts.popleft() if acts else self._always_at_start.get(name)
        if act is not None:
            act()

    def stops(self, name: str) -> None:
        self.diary.append(f"{name} stops")
        act = self._at_stop.get(name)
        if act is not None:
            act()

    def entries(self) -> list[str]:
        """What the diary got since it was last read."""
        entries, self.diary[:] = list(self.diary), []
        return entries


class _Child:
    """What ours and Pykka's have in common: exceptions are raised, functions are called."""

    use_daemon_thread = True

    def __init__(self, nursery: Nursery, name: str) -> None:
        super().__init__()
        self.nursery = nursery
        self.name = name

    def on_start(self) -> None:
        self.nursery.starts(self.name)

    def on_stop(self) -> None:
        self.nursery.stops(self.name)

    def on_receive(self, message: Any) -> Any:
        if isinstance(message, BaseException):
            raise message
        return message() if callable(message) else message


class Ours(_Child, Actor):
    """A child that is an actor of ours."""


class Trapping(Ours):
    """One that traps exits."""

    trap_exit = True


class Plain(_Child, pykka.ThreadingActor):
    """A child that is an actor of plain Pykka."""


def fail(reason: object = "nope") -> Any:
    """An act of `on_start` or `on_stop`, or a message: end with `reason`."""
    return lambda: exit(reason)


def throw(error: BaseException) -> Any:
    """The same: raise `error`."""

    def act() -> None:
        raise error

    return act


def ignore() -> None:
    """An act of `on_start`: there is nothing to run."""
    raise Ignore


class Family:
    """A supervisor, as the tests look at it."""

    def __init__(self, ref: Any) -> None:
        self.ref = ref
        self.later: Any = _Later(ref._process)

    def __getitem__(self, name: str) -> Any:
        """What stands in the place of a child now: a ref, None, `"restarting"`."""
        return self.children()[name]

    def children(self) -> dict[str, Any]:
        """The children by id, in start order."""
        return {info.id: info.child for info in reversed(self.ref.which_children())}

    def names(self) -> list[str]:
        return list(self.children())

    def counts(self) -> tuple[int, int, int, int]:
        counts = self.ref.count_children()
        return counts.specs, counts.active, counts.supervisors, counts.workers

    @contextmanager
    def held(self, nursery: Nursery) -> Iterator[None]:
        """Keep the supervisor busy, with a start that comes to nothing, while the test fills its mailbox."""
        gate = nursery.gate()

        def start() -> None:
            gate.pass_through()
            raise Ignore

        holding = self.later.start_child(ChildSpec(start, id="held", restart="temporary"))
        gate.await_arrival()
        yield
        gate.open()
        assert holding.get(timeout=CAP) is None

    def end(self, name: str, message: Any = None) -> Any:
        """Let a child end, by default by a crash, and return its ref; the supervisor has been told of it then."""
        ref = self[name]
        ref.tell(message if message is not None else boom())
        assert ref.join(CAP)
        return ref


class _Later(SupervisorRef):
    """A supervisor's ref whose calls don't wait: each puts its request into the mailbox, and returns a future."""

    def ask(self, message: object, **_options: Any) -> Any:
        self._answer = super().ask(message, block=False)
        return self._answer

    def terminate_child(self, child_id: Any) -> Any:
        super().terminate_child(child_id)
        return self._answer

    def delete_child(self, child_id: Any) -> Any:
        super().delete_child(child_id)
        return self._answer


def family(nursery: Nursery, children: str | list[Any] = "", **options: Any) -> Family:
    """Start a supervisor outside of actors: `"abc"` are three permanent children of ours."""
    specs = [ours(nursery, name) if isinstance(name, str) else name for name in children]
    options.setdefault("strategy", "one_for_one")
    return Family(Supervisor.start_link(specs, **options))


def ours(nursery: Nursery, name: str, **fields: Any) -> ChildSpec:
    return ChildSpec(Ours, (nursery, name), id=name, **fields)


def trapping(nursery: Nursery, name: str, **fields: Any) -> ChildSpec:
    return ChildSpec(Trapping, (nursery, name), id=name, **fields)


def plain(nursery: Nursery, name: str, **fields: Any) -> ChildSpec:
    return ChildSpec(Plain, (nursery, name), id=name, **fields)


class Reports:
    """What supervisors have logged: `(context, child's id, reason)` of each error report."""

    def __init__(self, caplog: Any) -> None:
        self._caplog = caplog

    def __call__(self) -> list[tuple[str, object, object]]:
        return [(report.context, report.offender.id, report.reason) for report in self.full()]

    def full(self) -> list[Any]:
        """The reports themselves."""
        records = [record for record in list(self._caplog.records) if record.name == "pykka_otp.supervisor"]
        return [record.report for record in records if hasattr(record, "report")]
