"""What a scenario's actors do on our runtime; `oracle/ops.ex` is its other side."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, suppress
from enum import Enum
from itertools import islice
from typing import TYPE_CHECKING, Any

import actors
from actors import (
    Actor,
    ActorDied,
    AlreadyRegistered,
    CallExit,
    ChildSpec,
    Crashed,
    Done,
    Exited,
    ExitRequest,
    GenServer,
    Ignore,
    InvalidChildSpec,
    NameUnavailable,
    NoSuchName,
    NotTheOwner,
    Registry,
    StartFailed,
    Task,
    UnknownRegistry,
)
from supervision import (
    ChildAlreadyPresent,
    ChildAlreadyStarted,
    ChildNotFound,
    ChildRestarting,
    ChildRunning,
    InvalidOption,
)
from supervision import child_spec as make_spec
from tests.conformance.canonical import Thrown, reason_of, spec_error
from tests.conformance.language import Json
from tests.conformance.not_built import NOT_BUILT
from tests.conformance.world import TICK, Do, Say

if TYPE_CHECKING:
    from tests.conformance.world import World

__all__ = ["Player", "Returned", "child_spec", "seconds"]


class Returned(Exception):
    """What a callback is to return; raised by the operation that says so."""

    def __init__(self, what: list[Json]) -> None:
        super().__init__(what)
        self.what = what


def seconds(ticks: int | None) -> float | None:
    """Return ticks in seconds."""
    return None if ticks is None else ticks * TICK


def child_spec(world: World, spec: Json, sup: str) -> ChildSpec:
    """Return the spec of a child that a scenario describes."""
    shutdown = spec.get("shutdown")
    for what in ("significant", "info"):
        if what in spec:
            raise world.lacks(f"{what} of a child")
    fields: dict[str, Any] = {
        "start": lambda: _child(world, spec, sup),
        "id": spec["id"],
        "restart": spec.get("restart", "permanent"),
        "shutdown": seconds(shutdown) if isinstance(shutdown, int) else shutdown,
        "type": spec.get("type", "supervisor" if spec["kind"] == "sup" else "worker"),
        **spec.get("fields", {}),
    }
    if "omits" in spec:
        fields[spec["omits"]] = None
    return ChildSpec(**fields)


def _child(world: World, spec: Json, sup: str) -> Any:
    """The start function of children: called in the supervisor."""
    match spec.get("start"):
        case ["raise", message]:
            raise RuntimeError(message)
        case ["exit", reason]:
            return actors.exit(reason_of(reason))
        case ["return", value]:
            return value
        case how:
            return world.start(spec.get("called", spec["id"]), spec, how or "link", sup)


class Player:
    """Plays one actor's part: runs its operations, in its own code.

    Args:
        world: the scenario.
        label: the actor's.
    """

    def __init__(self, world: World, label: str) -> None:
        self.world = world
        self.label = label
        self.sender = label
        self.state: list[Json] = []
        self.emitted: list[Json] = []
        self.call: Any = None
        self._attempt = int(label.rsplit("#", 1)[1])

    def run(self, ops: list[Json], sender: str | None = None) -> None:
        """Do one after the other; the sender is who wants it."""
        if sender is not None:
            self.sender = sender
        for name, *args in ops:
            if name in NOT_BUILT:
                raise self.world.lacks(name)
            operation: Callable[..., None] = getattr(self, f"op_{name}".replace("!", "_or_die"))
            operation(*args)

    def returned(self, ops: list[Json], sender: str | None = None) -> list[Json] | None:
        """Do them; return what they say is to be returned, or None."""
        try:
            self.run(ops, sender)
        except Returned as returned:
            return returned.what
        return None

    def _did(self, name: str, value: Any) -> None:
        self.world.saw(self.label, self.label, ["did", name, self.world.term(value)])

    # Messages

    def op_send(self, to: str, value: Json) -> None:
        self._post("send", to, Say(self.label, value))

    def op_tell(self, to: str, ops: list[Json]) -> None:
        self._post("tell", to, Do(self.label, ops))

    def op_note(self, value: Json) -> None:
        self.world.saw(self.label, self.sender, ["note", value])

    def _post(self, name: str, to: str, message: object) -> None:
        try:
            self.world.target(to).tell(message)
        except NoSuchName:
            self._did(name, "noproc")
        except ActorDied:
            # Differs (A7): to tell the dead is an error here.
            return

    # Ends, links and monitors

    def op_exit(self, reason: Json) -> None:
        actors.exit(reason_of(reason))

    def op_raise(self, message: str) -> None:
        raise RuntimeError(message)

    def op_throw(self, value: Json) -> None:
        raise Thrown(value)

    def op_catch(self, ops: list[Json]) -> None:
        try:
            self.run(ops)
        except ExitRequest as request:
            self._did("catch", ["exit", request.reason])
        except Returned:
            raise
        except Exception:
            self._did("catch", ["error"])

    def op_signal(self, to: str, reason: Json) -> None:
        try:
            ref = self.world.target(to)
            ref.kill() if reason == "kill" else ref.exit(reason_of(reason))
        except NoSuchName:
            return

    def op_trap(self, flag: bool) -> None:
        self._did("trap", actors.trap_exit(flag))

    def op_link(self, to: str) -> None:
        try:
            actors.link(self.world.target(to))
        except ActorDied:
            self._did("link", "noproc")

    def op_unlink(self, to: str) -> None:
        actors.unlink(self.world.target(to))

    def op_monitor(self, to: str, name: str) -> None:
        self.world.monitors[name] = actors.monitor(self.world.target(to))

    def op_demonitor(self, name: str, flush: bool) -> None:
        monitor = self.world.monitors.get(name)
        self._did("demonitor", "unknown" if monitor is None else actors.demonitor(monitor, flush=flush))

    # Names

    def op_register(self, name: str, label: str) -> None:
        try:
            actors.register_name(name, self.world.target(label))
        except NameUnavailable:
            self._did("register", "refused")
        else:
            self._did("register", True)

    def op_unregister(self, name: str) -> None:
        try:
            actors.unregister_name(name)
        except NameUnavailable:
            self._did("unregister", "refused")
        else:
            self._did("unregister", True)

    def op_whereis(self, name: str | list[Json]) -> None:
        self._did("whereis", actors.whereis(self.world.plain(name)))

    def op_alive(self, label: str) -> None:
        self._did("alive", self.world.target(label).is_alive())

    # Time

    def op_after(self, timer: str, to: str, value: Json, ticks: int) -> None:
        message = Say("clock", value)
        self.world.timers[timer] = actors.send_after(self.world.target(to), message, ticks * TICK)

    def op_cancel(self, name: str) -> None:
        timer = self.world.timers.get(name)
        self._did("cancel", "unknown" if timer is None else timer.cancel() is not None)

    def op_remaining(self, name: str) -> None:
        timer = self.world.timers.get(name)
        self._did("remaining", "unknown" if timer is None else timer.remaining() is not None)

    # How it goes on

    def op_gate(self, gate: str) -> None:
        self.world.gate(gate).ask("pass")

    def op_on(self, attempt: int, ops: list[Json]) -> None:
        if self._attempt == attempt:
            self.run(ops)

    def op_since(self, attempt: int, ops: list[Json]) -> None:
        if self._attempt >= attempt:
            self.run(ops)

    # Servers

    def op_push(self, value: Json) -> None:
        self.state = [*self.state, value]

    def _server(self, to: str | list[Json]) -> Any:
        return actors.GenServer.named(to[1:]) if to[0] == "@" else self.world.target(to)

    def op_cast(self, to: str, ops: list[Json]) -> None:
        self._server(to).cast(Do(self.label, ops))

    def op_call(self, to: str, ops: list[Json], *timeout: int) -> None:
        self._called("call", lambda: self._server(to).call(Do(self.label, ops), self._limit(timeout)))

    def op_call_or_die(self, to: str, ops: list[Json], *timeout: int) -> None:
        self._did("call", ["ok", self._server(to).call(Do(self.label, ops), self._limit(timeout))])

    def op_halt(self, to: str, reason: Json, *timeout: int) -> None:
        self._called("halt", lambda: self._halt(self.world.target(to), reason_of(reason), self._limit(timeout)))

    def _halt(self, ref: Any, reason: Any, timeout: float | None) -> str:
        if not ref.stop(reason=reason, timeout=timeout):
            raise ActorDied("it had ended before", actors.NoProc())
        if not isinstance(ref, actors.NamedRef) and ref.exit_reason != reason:
            raise ActorDied("it ended otherwise", ref.exit_reason)
        return "ok"

    def op_look(self, to: str) -> None:
        self._did("look", actors.inspect_state(self.world.target(to)))

    def op_keep(self, name: str) -> None:
        self.world.senders[name] = self.call

    def op_answer(self, name: str, value: Json) -> None:
        self.world.senders[name].reply(value)

    def op_reply(self, *args: Json) -> None:
        raise Returned(["reply", *args])

    def op_reply_state(self, *then: Json) -> None:
        raise Returned(["reply", self.state, *then])

    def op_noreply(self, *args: Json) -> None:
        raise Returned(["noreply", *args])

    def op_stop(self, *args: Json) -> None:
        raise Returned(["stop", *args])

    def op_bad(self, value: Json) -> None:
        raise Returned(["bad", value])

    def op_ok(self, *then: Json) -> None:
        raise Returned(["ok", *then])

    def op_ignore(self) -> None:
        raise Returned(["ignore"])

    def op_error(self, reason: Json) -> None:
        raise Returned(["error", reason])

    # Tasks

    def _work(self, name: str, ops: list[Json], value: Json) -> Json:
        """What a task does."""
        ref = actors.current_actor()
        assert ref is not None, "a task is an actor"
        player = Player(self.world, self.world.enter(name, ref))
        self.world.watch(ref)
        player.run(ops)
        return value

    def op_async(self, name: str, ops: list[Json], value: Json) -> None:
        self.world.tasks[name] = Task.async_(self._work, name, ops, value)

    def op_completed(self, name: str, value: Json) -> None:
        self.world.tasks[name] = Task.completed(value)

    def op_run(self, name: str, ops: list[Json], how: str) -> None:
        begin = Task.start_link if how == "link" else Task.start
        begin(self._work, name, ops, None)

    def op_await(self, name: str, *timeout: int) -> None:
        self._called("await", lambda: self.world.tasks[name].await_(self._limit(timeout)))

    def op_await_or_die(self, name: str, *timeout: int) -> None:
        self._did("await", ["ok", self.world.tasks[name].await_(self._limit(timeout))])

    def op_await_many(self, names: list[str], *timeout: int) -> None:
        tasks = [self.world.tasks[name] for name in names]
        self._called("await_many", lambda: Task.await_many(tasks, self._limit(timeout)))

    def op_yield(self, name: str, *timeout: int) -> None:
        self._asked("yield", lambda: self.world.tasks[name].yield_(self._limit(timeout)))

    def op_yield_many(
        self, names: list[str], timeout: int | None = None, options: dict[str, Json] | None = None
    ) -> None:
        tasks = [self.world.tasks[name] for name in names]

        def outcomes() -> list[Any]:
            return [outcome for _, outcome in Task.yield_many(tasks, seconds(timeout), **(options or {}))]

        self._asked("yield_many", outcomes)

    def op_shutdown(self, name: str, *timeout: Any) -> None:
        limit = "brutal_kill" if timeout == ("brutal_kill",) else self._limit(timeout)
        self._asked("shutdown", lambda: self.world.tasks[name].shutdown(limit))

    def op_disown(self, name: str) -> None:
        self._asked("disown", self.world.tasks[name].ignore)

    def _stream(self, items: list[Json], options: dict[str, Json]) -> Any:
        options = {**options, "timeout": seconds(options.get("timeout"))}
        return Task.async_stream(items, lambda item: self._work(*item), **options)

    def op_make_stream(self, items: list[Json], options: dict[str, Json]) -> None:
        with closing(self._stream(items, options)):
            self._did("make_stream", "ok")

    def op_stream(self, items: list[Json], options: dict[str, Json], *take: int) -> None:
        try:
            with closing(self._stream(items, options)) as stream:
                for outcome in islice(stream, *(take or (None,))):
                    self._did("stream", _outcome(outcome))
        except CallExit as error:
            self._did("stream", ["over", error.reason])
        else:
            self._did("stream", "over")

    # Agents

    def _agent(self, to: str) -> Any:
        return actors.Agent.named(to[1:]) if to.startswith("@") else self.world.target(to)

    def op_get(self, to: str, ops: list[Json], *timeout: int) -> None:
        self._called("get", lambda: self._agent(to).get(self._changing(ops), self._limit(timeout)))

    def op_update(self, to: str, ops: list[Json], *timeout: int) -> None:
        def update() -> str:
            self._agent(to).update(self._changing(ops), self._limit(timeout))
            return "ok"

        self._called("update", update)

    def op_get_and_update(self, to: str, ops: list[Json], *timeout: int) -> None:
        pair = self._changing(ops, lambda before, after: (before, after))
        self._called("get_and_update", lambda: self._agent(to).get_and_update(pair, self._limit(timeout)))

    def op_agent_cast(self, to: str, ops: list[Json]) -> None:
        self._agent(to).cast(self._changing(ops))

    def _changing(
        self, ops: list[Json], result: Callable[[list[Json], list[Json]], Any] = lambda _, after: after
    ) -> Callable[[list[Json]], Any]:
        def change(state: list[Json]) -> Any:
            ref = actors.current_actor()
            player = Player(self.world, self.world.label_of(ref))
            player.state = state
            returned = player.returned(ops)
            return result(state, player.state) if returned is None else returned[1]

        return change

    # Supervisors

    def op_start_child(self, sup: str, spec: Json) -> None:
        self._supervised("start_child", lambda: self._sup(sup).start_child(child_spec(self.world, spec, sup)))

    def op_terminate_child(self, sup: str, child: str) -> None:
        self._supervised("terminate_child", lambda: self._sup(sup).terminate_child(child), "ok")

    def op_restart_child(self, sup: str, child: str) -> None:
        self._supervised("restart_child", lambda: self._sup(sup).restart_child(child))

    def op_delete_child(self, sup: str, child: str) -> None:
        self._supervised("delete_child", lambda: self._sup(sup).delete_child(child), "ok")

    def op_spec_of(self, what: Json, overrides: dict[str, Json]) -> None:
        try:
            spec = make_spec(_template(what), **overrides)
        except (InvalidChildSpec, TypeError):
            self._did("spec_of", "refused")
        else:
            given = [getattr(spec, name) for name in sorted(overrides) if name != "id"]
            name: Any = "M" if spec.id is Template else spec.id
            self._did("spec_of", [name, spec.start.__name__, spec.args, spec.restart, *given])

    def op_default_spec(self, argument: Json) -> None:
        class Plain(GenServer[Json]):
            """One that says nothing of how it is started under a supervisor."""

        spec = Plain.child_spec(argument)
        # A class as what starts a child is its `start_link`.
        start = "start_link" if spec.start is Plain else repr(spec.start)
        shutdown = int(spec.shutdown * 1000) if isinstance(spec.shutdown, float) else spec.shutdown
        said = [start, list(spec.args), spec.restart, shutdown, spec.type]
        self._did("default_spec", [spec.id is Plain, *said])

    def op_which_children(self, sup: str) -> None:
        def which() -> Any:
            return [[one.id, one.child, one.type] for one in self._sup(sup).which_children()]

        self._supervised("which_children", which, None)

    def op_count_children(self, sup: str) -> None:
        def count() -> Any:
            counts = self._sup(sup).count_children()
            return [counts.specs, counts.active, counts.supervisors, counts.workers]

        self._supervised("count_children", count, None)

    def _sup(self, sup: str) -> Any:
        return self.world.target(sup)

    def _supervised(self, name: str, function: Callable[[], Any], answer: Any = "child") -> None:
        outcome: Any
        try:
            value = function()
            outcome = ["ok", value] if answer == "child" else answer or value
        except ChildAlreadyStarted as error:
            outcome = ["error", ["already_started", error.ref]]
        except ChildAlreadyPresent:
            outcome = ["error", "already_present"]
        except ChildNotFound:
            outcome = ["error", "not_found"]
        except ChildRunning:
            outcome = ["error", "running"]
        except ChildRestarting:
            outcome = ["error", "restarting"]
        except InvalidChildSpec as error:
            outcome = ["error", spec_error(error.reason, self.world.label_of)]
        except StartFailed as error:
            outcome = ["error", error.reason]
        except CallExit as error:
            outcome = ["exit", error.reason]
        self._did(name, outcome)

    # Registries

    def op_reg(self, registry: str, key: Json, value: Json) -> None:
        self._in_table("reg", lambda: Registry(registry).register(_hashable(key), value))

    def op_reg_or_die(self, registry: str, key: Json, value: Json) -> None:
        try:
            Registry(registry).register(_hashable(key), value)
        except AlreadyRegistered as error:
            actors.exit(("already_registered", error.owner))
        self._did("reg", "ok")

    def op_unreg(self, registry: str, key: Json) -> None:
        self._in_table("unreg", lambda: Registry(registry).unregister(_hashable(key)))

    def op_registry_spec(self, options: dict[str, Json]) -> None:
        try:
            spec = Registry(options.get("name", ""), keys=options["keys"]).child_spec()
        except ValueError:
            self._did("registry_spec", "refused")
        else:
            self._did("registry_spec", [spec.id, spec.type, spec.restart, spec.shutdown])

    def op_lookup(self, registry: str, key: Json) -> None:
        def found() -> Any:
            return [[one.owner, one.value] for one in Registry(registry).lookup(_hashable(key))]

        self._in_table("lookup", found)

    def op_keys(self, registry: str, label: str) -> None:
        def keys() -> Any:
            found: list[Any] = Registry(registry).keys(self.world.target(label))
            return sorted(found)

        self._in_table("keys", keys)

    def op_count(self, registry: str) -> None:
        self._in_table("count", lambda: Registry(registry).count())

    def op_freeze(self, registry: str) -> None:
        keeper = self.world.refs[registry]
        actor: Any = keeper._process.actor

        def hold(_message: Any) -> None:
            del actor.on_receive
            self.world.gate(f"thaw {registry}").ask("pass")

        actor.on_receive = hold
        keeper.tell("freeze")

    def op_thaw(self, registry: str) -> None:
        self.world.gate(f"thaw {registry}").cast("open")

    def op_crash(self, registry: str) -> None:
        self.world.refs[registry].kill()

    def _in_table(self, name: str, function: Callable[[], Any]) -> None:
        outcome: Any
        try:
            value = function()
            outcome = "ok" if value is None else value
        except AlreadyRegistered as error:
            outcome = ["already_registered", error.owner]
        except UnknownRegistry:
            outcome = "unknown_registry"
        self._did(name, outcome)

    # Queues

    def op_put(self, queue: str, events: list[Json]) -> None:
        table = self.world.queues[queue]
        if len(events) == 1:
            table.put(events[0])
            return
        # As one emission of a producer: nothing is handed out before all are there.
        table.pause()
        table.put_many(events)
        if queue not in self.world.paused:
            table.resume()

    def op_pause(self, queue: str) -> None:
        self.world.paused.add(queue)
        self.world.queues[queue].pause()

    def op_resume(self, queue: str) -> None:
        self.world.paused.remove(queue)
        self.world.queues[queue].resume()

    def op_waiting(self, queue: str) -> None:
        self._did("waiting", self.world.queues[queue].stats().ready)

    def op_emit(self, events: list[Json]) -> None:
        self.emitted = [*self.emitted, *events]

    # Starts

    def op_start(self, name: str, spec: Json, how: str = "start") -> None:
        try:
            self.world.start(name, spec, how)
        except Ignore:
            self._did("start", "ignore")
        except StartFailed as error:
            self._did("start", ["error", error.reason])
        except (InvalidChildSpec, InvalidOption) as error:
            # As `start_link` of OTP returns what here is raised.
            self._did("start", ["error", Crashed(error)])
        except (TypeError, ValueError):
            self._did("start", "refused")
        else:
            self._did("start", "ok")

    def op_start_unseen(self, name: str, spec: Json, how: str) -> None:
        # For a start that fails: whether its starter lives to see that, hangs on which of two signals is the faster.
        with suppress(Ignore, StartFailed):
            self.world.start(name, spec, how)

    # What the others have in common

    def _limit(self, timeout: tuple[int, ...]) -> float | None:
        return seconds(timeout[0]) if timeout else None

    def _called(self, name: str, function: Callable[[], Any]) -> None:
        try:
            self._did(name, ["ok", function()])
        except NotTheOwner:
            self._did(name, "refused")
        except CallExit as error:
            self._did(name, ["exit", error.reason])

    def _asked(self, name: str, function: Callable[[], Any]) -> None:
        try:
            self._did(name, _outcome(function()))
        except NotTheOwner:
            self._did(name, "refused")


class Template(Actor):
    """A class that says itself how it is started under a supervisor."""

    @classmethod
    def child_spec(cls, argument: Json = None) -> ChildSpec:
        """Return the spec: who gives no argument gives an empty list."""
        return ChildSpec(cls.start_link, (argument or [],), id=cls, restart="temporary")


def _template(what: Json) -> Any:
    match what:
        case "M":
            return Template
        case "Enum":
            return Enum
        case [module, argument]:
            return (_template(module), argument)
        case {"of": module}:
            return make_spec(_template(module))
    return what


def _hashable(key: Json) -> Any:
    if isinstance(key, dict):
        return frozenset((name, _hashable(value)) for name, value in key.items())
    return tuple(map(_hashable, key)) if isinstance(key, list) else key


def _outcome(value: Any) -> Any:
    match value:
        case Done(what):
            return ["ok", what]
        case Exited(reason):
            return ["exit", reason]
        case list():
            return [_outcome(one) for one in value]
    return value
