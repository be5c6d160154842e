"""Who may play in a scenario on our runtime; `oracle/actors.ex` is its other side."""

from __future__ import annotations

from typing import Any

import actors
from actors import (
    Actor,
    ActorRef,
    Agent,
    Continue,
    Down,
    Error,
    Exit,
    From,
    GenServer,
    IdleTimeout,
    Ignore,
    NoReply,
    Ok,
    Queue,
    Registry,
    Reply,
    Shutdown,
    Stop,
    Worker,
    current_actor,
    unlink,
)
from supervision import Supervisor
from tests.conformance.canonical import reason_of
from tests.conformance.language import Json
from tests.conformance.ops import Player, child_spec, seconds
from tests.conformance.world import Do, Say, World

__all__ = ["start"]


def start(world: World, name: str, spec: Json, how: str, parent: str | None) -> ActorRef[Any]:
    """Start what a scenario describes; how is "start" or "link"."""
    linked = how == "link"
    match spec["kind"]:
        case "proc":
            return _options(Process, world, spec, link=linked).start(world, name, spec, parent)
        case "server":
            return _start(_options(Server, world, spec), linked, world, name, spec, parent)
        case "bare":
            return _start(_options(Bare, world, spec), linked, world, name, spec)
        case "agent":
            return _start(_options(Agent, world, spec), linked, lambda: _make_state(world, name, spec))
        case "sup":
            ref = _options(Sup, world, spec).start_link(world, name, spec, parent)
            if not linked and current_actor() is not None:
                unlink(ref)
            return ref
        case "registry":
            return _table(world, name, linked, _registry(world, name, spec))
        case "queue":
            return _table(world, name, linked, _queue(world, name, spec))
        case "worker":
            demand = {key: spec[key] for key in ("max_demand", "min_demand") if key in spec}
            cls = type("Consumer", (Consumer,), demand)
            # An actor's plain start doesn't wait until it is subscribed, as GenStage's does.
            return _free(linked, _options(cls, world, spec).start_link(world, name, spec, parent))
        case "stage":
            raise world.lacks("stages that are neither a queue nor its worker")
    raise ValueError(f"no such kind: {spec}")


def _options(cls: Any, world: World, spec: Json, *, link: bool = False) -> Any:
    trapping = True if spec.get("trap") else None
    return cls.options(
        name=world.plain(spec.get("name")),
        link=link,
        trap_exit=trapping,
        start_timeout=seconds(spec.get("start_timeout")),
        runs_on=world.runs_on,
    )


def _start(options: Any, linked: bool, *args: Any) -> ActorRef[Any]:
    ref: ActorRef[Any] = options.start_link(*args) if linked else options.start(*args)
    return ref


def _registry(world: World, name: str, spec: Json) -> Registry:
    for option in ("partitions", "listeners", "meta", "compressed"):
        if option in spec:
            raise world.lacks(f"{option} of a registry")
    return Registry(spec.get("called", name), **{key: spec[key] for key in ["keys"] if key in spec})


def _table(world: World, name: str, linked: bool, table: Registry | Queue) -> ActorRef[Any]:
    ref = _free(linked, table.start_link())
    world.enter(name, ref)
    world.watch(ref)
    return ref


def _queue(world: World, name: str, spec: Json) -> Queue:
    if name not in world.queues:
        attempts = spec.get("max_attempts", 1)
        world.queues[name] = Queue(name, max_attempts=attempts, maxsize=spec.get("maxsize"), **spec.get("options", {}))
    return world.queues[name]


def _free(linked: bool, ref: ActorRef[Any]) -> ActorRef[Any]:
    if not linked and current_actor() is not None:
        unlink(ref)
    return ref


def witness(player: Player, message: Any) -> None:
    """See a message that isn't a call or a cast."""
    world, label = player.world, player.label
    match message:
        case Say():
            world.saw(label, message.sender, ["msg", message.value])
        case Exit(ref, reason):
            world.saw(label, world.label_of(ref), ["exit", world.term(reason)])
        case Down(ref, reason):
            world.saw(label, world.label_of(ref), ["down", world.term(reason)])
        case IdleTimeout():
            world.saw(label, "clock", ["timeout"])
        case _:
            raise TypeError(f"{label} got {message!r}")


class Process(Actor):
    """A plain actor: sees what it gets, and does what it is told."""

    def __init__(self, world: World, name: str, spec: Json, parent: str | None) -> None:
        self._spec = spec
        self._player = Player(world, world.enter(name, self.actor_ref))
        self._is_child = parent is not None
        if self._is_child:
            # Its supervisor may end it before it runs.
            world.watch(self.actor_ref)

    def on_start(self) -> None:
        if not self._is_child:
            self._player.world.watch(self.actor_ref)
        self._player.run(self._spec.get("init", []))

    def on_receive(self, message: Any) -> None:
        match message:
            case Do():
                self._player.run(message.ops, message.sender or self._player.label)
            case _:
                witness(self._player, message)


class Server(GenServer[list[Json]]):
    """A server whose callbacks do what a scenario says."""

    def init(self, world: World, name: str, spec: Json, parent: str | None) -> Any:
        self._parent = parent
        self._spec = spec
        self._player = player = Player(world, world.enter(name, self.actor_ref))
        world.watch(self.actor_ref)
        if "logs_to" in spec:
            world.logging[self.actor_ref] = spec["logs_to"]
        observer = parent or player.label
        world.saw(observer, observer, ["init"] if parent is None else ["init", player.label])
        match player.returned(spec.get("init", [])):
            case None | ["ok"]:
                return Ok(player.state)
            case ["ok", then]:
                return Ok(player.state, _then(then))
            case ["ignore"]:
                raise Ignore
            case ["stop", reason]:
                return Stop(reason_of(reason))
            case ["error", reason]:
                return Error(reason_of(reason))
            case [_, value]:
                return value

    def handle_call(self, request: Do, sender: From, state: list[Json]) -> Any:
        self._player.call = sender
        match self._callback(request, state):
            case None:
                return Reply("ok", self._player.state)
            case ["reply", value]:
                return Reply(value, self._player.state)
            case ["reply", value, then]:
                return Reply(value, self._player.state, _then(then))
            case ["stop", reason, value]:
                return Stop(reason_of(reason), self._player.state, value)
            case other:
                return self._answer(other)

    def handle_cast(self, request: Do, state: list[Json]) -> Any:
        return self._answer(self._callback(request, state))

    def handle_continue(self, argument: list[Json], state: list[Json]) -> Any:
        return self._answer(self._callback(Do(None, argument), state))

    def handle_info(self, message: Any, state: list[Json]) -> Any:
        if isinstance(message, Do):
            return self._answer(self._callback(message, state))
        witness(self._player, message)
        return NoReply(state)

    def terminate(self, reason: Any, state: list[Json]) -> None:
        player = self._player
        # What a supervisor does to its children, one after the other, is its own doing.
        observer = self._parent if self._parent and reason == Shutdown() else player.label
        player.world.saw(observer, observer, ["terminate", player.label, player.world.term(reason), state])
        player.run(self._spec.get("terminate", []))

    def _callback(self, what: Do, state: list[Json]) -> list[Json] | None:
        self._player.state = state
        return self._player.returned(what.ops, what.sender or self._player.label)

    def _answer(self, returned: list[Json] | None) -> Any:
        match returned:
            case None | ["noreply"]:
                return NoReply(self._player.state)
            case ["noreply", then]:
                return NoReply(self._player.state, _then(then))
            case ["stop", reason]:
                return Stop(reason_of(reason), self._player.state)
            case [_, value]:
                return value


class Bare(GenServer[list[Json]]):
    """A server that defines no callback but the one that it must."""

    def init(self, world: World, name: str, spec: Json) -> Any:
        player = Player(world, world.enter(name, self.actor_ref))
        world.watch(self.actor_ref)
        match player.returned(spec.get("init", [])):
            case None:
                return Ok([])
            case ["ok", ["continue", ops]]:
                return Ok([], Continue(ops))


def _then(then: Json) -> Any:
    match then:
        case ["continue", ops]:
            return Continue(ops)
        case ["timeout", ticks]:
            return seconds(ticks)
        case ["bad", value]:
            return value
    raise ValueError(f"no such then: {then}")


def _make_state(world: World, name: str, spec: Json) -> Any:
    ref = current_actor()
    assert ref is not None, "it runs in the agent"
    player = Player(world, world.enter(name, ref))
    world.watch(ref)
    returned = player.returned(spec.get("init", []))
    return player.state if returned is None else returned[1]


class Sup(Supervisor):
    """A supervisor of what a scenario describes."""

    def __init__(self, world: World, name: str, spec: Json, parent: str | None) -> None:
        label = world.enter(name, self.actor_ref)
        world.watch(self.actor_ref)
        if spec.get("reports"):
            world.reporting[self.actor_ref] = name
        if parent is not None:
            world.saw(parent, parent, ["init", label])
        if Player(world, label).returned(spec.get("init", [])) == ["ignore"]:
            raise Ignore
        children = [child_spec(world, child, name) for child in spec.get("children", [])]
        if "auto_shutdown" in spec:
            raise world.lacks("auto_shutdown")
        options = {key: spec[key] for key in ("max_restarts", "max_seconds") if key in spec}
        super().__init__(children, strategy=spec.get("strategy", "one_for_one"), **options)


class Consumer(Worker):
    """A worker that sees what it gets, and does what each event says."""

    def __init__(self, world: World, name: str, spec: Json, _parent: str | None) -> None:
        queue = spec["queue"].removeprefix("@")
        super().__init__(world.queues.get(queue) or Queue(queue))
        self._spec = spec
        self._player = Player(world, world.enter(name, self.actor_ref))

    def on_start(self) -> None:
        self._player.world.watch(self.actor_ref)
        match self._player.returned(self._spec.get("init", [])):
            case ["ignore"]:
                raise Ignore
            case ["stop", reason]:
                actors.exit(reason_of(reason))

    def handle_events(self, events: Any) -> Any:
        player, queue = self._player, self._spec["queue"]
        player.world.saw(player.label, queue, ["events", [event[0] for event in events]])
        for _, ops in events:
            player.run(ops, queue)
        emitted, player.emitted = player.emitted, []
        return emitted

    def on_receive(self, message: Any) -> None:
        match message:
            case Do():
                self._player.run(message.ops, message.sender or self._player.label)
            case _:
                witness(self._player, message)
