"""One scenario as it is played on our runtime: who is who, what was seen, which gates are open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from typing import Any, Literal

from actors import (
    Actor,
    ActorDied,
    ActorRef,
    Down,
    From,
    GenServer,
    Monitor,
    NamedRef,
    NoReply,
    Ok,
    Queue,
    Reply,
    Task,
    Timer,
    monitor,
    named,
)
from tests.conformance.canonical import term
from tests.conformance.language import Json, Scenario, Step
from tests.conformance.not_built import IsBuilt, NotBuilt, error_of
from tests.conformance.outcome import Event, Outcome, canonical
from tests.conformance.reports import reports_seen

__all__ = ["TICK", "Do", "Say", "World"]

TICK = 0.04
"""Seconds, of a clock that is moved by hand."""


class World:
    """One scenario as it is played.

    Args:
        start: starts what a scenario describes: `start(world, name, spec, how, parent)`; how is "start" or "link".
        rest: goes on until nobody can.
        advance: lets time pass, in seconds.
        runs_on: where its actors run.
    """

    def __init__(
        self,
        start: Callable[..., ActorRef[Any]],
        rest: Callable[[], None],
        advance: Callable[[float], None],
        runs_on: Literal["shared", "thread"] = "shared",
    ) -> None:
        self._start = start
        self._rest = rest
        self._advance = advance
        self.runs_on = runs_on
        self.refs: dict[str, ActorRef[Any]] = {}
        self._labels: dict[ActorRef[Any], str] = {}
        self._attempts: Counter[str] = Counter()
        self._events: list[Event] = []
        self._gates: dict[str, Any] = {}
        self._watcher = Watcher.start(self)
        self.reporting: dict[ActorRef[Any], str] = {}
        """The supervisors whose reports show, and their names."""
        self.logging: dict[ActorRef[Any], str] = {}
        """The servers whose abnormal ends are logged, and the labels of those who see that."""
        # What operations give names to.
        self.monitors: dict[str, Monitor] = {}
        self.timers: dict[str, Timer] = {}
        self.tasks: dict[str, Task[Any]] = {}
        self.senders: dict[str, From] = {}
        self.queues: dict[str, Queue] = {}
        self.paused: set[str] = set()
        self._lacking: NotBuilt | IsBuilt | None = None

    def play(self, scenario: Scenario) -> Outcome:
        """Play it.

        Raises:
            NotBuilt: it is about what isn't there yet.
            IsBuilt: it would be played by now if somebody had seen to that.
        """
        with reports_seen(self):
            try:
                return self._play(scenario)
            finally:
                # It may have been raised in an actor, and have come to nobody.
                if self._lacking is not None:
                    raise self._lacking

    def lacks(self, what: str) -> NotBuilt | IsBuilt:
        """Return the error by which a scenario ends that is about what isn't built yet."""
        self._lacking = error_of(what)
        return self._lacking

    def _play(self, scenario: Scenario) -> Outcome:
        for name, spec in scenario.actors.items():
            self.start(name, spec, "start")
        self._rest()
        epochs = [self._cut()]
        for step in scenario.steps:
            self._take(step)
            self._rest()
            epochs.append(self._cut())
        # Who is let go on may come to a gate that is new.
        for gate in list(self._gates):
            self._open(gate)
        return canonical(epochs)

    def _take(self, step: Step) -> None:
        match step:
            case {"at": actor, "do": ops}:
                self._tell(actor, ops)
            case {"race": acts}:
                for actor, ops in acts:
                    self._tell(actor, ops)
            case {"open": gate}:
                self._open(gate)
            case {"advance": ticks}:
                self._advance(ticks * TICK)
            case _:
                raise ValueError(f"no step: {step}")

    def _tell(self, actor: str, ops: list[Json]) -> None:
        try:
            self.refs[actor].tell(Do(None, ops))
        except (KeyError, ActorDied):
            self.saw("*", "*", ["dead", actor])

    # Who is who

    def start(self, name: str, spec: Json, how: str, parent: str | None = None) -> ActorRef[Any]:
        """Start what a scenario describes."""
        return self._start(self, name, spec, how, parent)

    def enter(self, name: str, ref: ActorRef[Any]) -> str:
        """Give an actor its label."""
        self._attempts[name] += 1
        label = f"{name}#{self._attempts[name]}"
        self.refs[name] = self.refs[label] = ref
        self._labels[ref] = label
        return label

    def watch(self, ref: ActorRef[Any]) -> None:
        """Note when an actor ends; called in its own code, or by its starter."""
        self._watcher.ask(ref)

    def target(self, label: str | list[Json]) -> ActorRef[Any]:
        """Return whom a label means."""
        label = self.plain(label)
        return named(label[1:]) if label.startswith("@") else self.refs[label]

    def plain(self, name: Json) -> Any:
        """Return a name, or None, that isn't a key of a registry."""
        if isinstance(name, list):
            raise self.lacks("names that are keys of a registry")
        return name

    def label_of(self, ref: Any) -> Any:
        """Return the label of an actor; or its ref, when it is on its way to get one."""
        if ref is None:
            return "outside"
        if isinstance(ref, Hashable) and ref in self._labels:
            return self._labels[ref]
        if isinstance(ref, ActorRef) and not isinstance(ref, NamedRef):
            return ref
        return _unlabelled(ref)

    # What was seen

    def saw(self, observer: str, sender: str, what: list[Json]) -> None:
        """Note that an observer saw something of a sender."""
        self._events.append([observer, sender, what])

    def term(self, value: Any) -> Json:
        """Return an exit reason, or a value, as it is noted."""
        return term(value, self.label_of)

    def _cut(self) -> list[Event]:
        events, self._events = self._events, []
        return [self._settled(event) for event in events]

    def _settled(self, what: Json) -> Json:
        """Return what was seen with the labels of those that had none yet."""
        if isinstance(what, list):
            return [self._settled(part) for part in what]
        return self._labels.get(what) or _unlabelled(what) if isinstance(what, ActorRef) else what

    # Gates

    def gate(self, gate: str) -> Any:
        """Return the actor that keeps a gate: who asks it to pass waits until it is open."""
        # Several may come to a new gate at once: they wait at the one that is there first.
        return self._gates.get(gate) or self._gates.setdefault(gate, Gate.start())

    def _open(self, gate: str) -> None:
        self.gate(gate).cast("open")
        self._rest()


def _unlabelled(ref: Any) -> str:
    name = getattr(ref, "name", None)
    return f"@{name}" if name is not None else repr(ref)


class Do:
    """Tells an actor what to do.

    Args:
        sender: whose wish it is; None for the scenario's own.
        ops: what.
    """

    def __init__(self, sender: str | None, ops: list[Json]) -> None:
        self.sender = sender
        self.ops = ops


class Say:
    """A message of a scenario's."""

    def __init__(self, sender: str, value: Json) -> None:
        self.sender = sender
        self.value = value


class Watcher(Actor):
    """Notes who ends, and of what."""

    def __init__(self, world: World) -> None:
        self._world = world

    def on_receive(self, message: Any) -> None:
        match message:
            case Down(ref, reason):
                self._world.saw("*", self._world.label_of(ref), ["end", self._world.term(reason)])
            case _:
                monitor(message)


class Gate(GenServer[list[From] | None]):
    """Holds who asks it, until it is told to open."""

    def init(self) -> Ok[Any]:
        return Ok([])

    def handle_call(self, request: Any, sender: From, waiting: Any) -> Any:
        return Reply(None, None) if waiting is None else NoReply([*waiting, sender])

    def handle_cast(self, request: Any, waiting: Any) -> Any:
        for sender in waiting or ():
            sender.reply(None)
        return NoReply(None)
