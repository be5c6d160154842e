"""Ways in which the product is broken, each of which random scenarios have to find."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from actors import _kill, _process, worker
from actors._adopted import process_of
from actors._backlog import Backlog, Delivery, Events
from actors._demand import Allotment, Batch, DemandDispatcher, split_batches
from actors._links import Effect, effect_of_signal
from actors._mail import NO_REPLY, Fired, StopRequest
from actors._process import ALIVE, Monitor, Process
from actors.errors import AlreadyRegistered, ExitRequest, NameUnavailable, StartFailed
from actors.gen_server import Continue, From, GenServer, Reply, Stop, _is_then, _reason_of
from actors.messages import Down, Exit, Killed, NoProc, Normal, Shutdown
from actors.process import Timer
from actors.ref import NamedRef
from actors.registry import Registry, RegistryTable, _Entry, _strict
from actors.runtime import Runtime
from actors.worker import Worker
from supervision import supervisor
from supervision._records import Record, Records
from supervision.errors import ChildAlreadyPresent, ChildAlreadyStarted
from supervision.restart import Intensity, affected, is_clean_end, needs_restart
from supervision.supervisor import Supervisor, _TryAgain
from tests.conformance.language import Scenario
from tests.conformance.outcome import Outcome
from tests.conformance.trial import difference
from tests.mutants.mutant import Found, Mutant

__all__ = ["HEAD", "MUTANTS", "found_by", "row"]

WITHIN = 2000
"""Scenarios of its family in which each has to be found."""

MUTANTS: dict[str, list[Mutant]] = {"processes": [], "servers": [], "supervisors": [], "registries": [], "queues": []}
"""By the family that finds them."""


def found_by(mutant: Mutant, played: Sequence[tuple[Scenario, Outcome]]) -> Found | None:
    """Return which of the scenarios that were played on OTP, from 1, finds a mutant, if one does."""

    def compare(number: int) -> None:
        found = difference(*played[number])
        assert found is None or found.meant, found.lines

    return replace(mutant, scenario=compare, schedules=len(played)).hunt()


HEAD = """\
| family | the product, but | what is broken | in scenario |
|---|---|---|---|"""


def row(family: str, mutant: Mutant, scenario: object) -> str:
    """Return one line of the table of docs/conformance.md."""
    return f"| {family} | {mutant.what} | `{mutant.where.__name__}.{mutant.name}` | {scenario} |"


def broken(family: str, where: Any, name: str, source: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Have the function below stand in for a method of the product."""

    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        MUTANTS[family].append(Mutant(where, name, source, function, _none, WITHIN))
        return function

    return enter


def _none(_number: int) -> None:
    """Stands for the scenarios, which `found_by()` is given."""


# Exit signals


@broken("processes", _process, "effect_of_signal", "284033d72dcc")
def a_normal_end_kills_who_is_linked(reason, *, trapping, from_self=False) -> Effect:
    return effect_of_signal("normal" if isinstance(reason, Normal) else reason, trapping=trapping, from_self=from_self)


@broken("processes", _process, "effect_of_signal", "284033d72dcc")
def a_normal_end_is_hidden_from_who_traps_exits(reason, *, trapping, from_self=False) -> Effect:
    return "ignore" if isinstance(reason, Normal) else effect_of_signal(reason, trapping=trapping, from_self=from_self)


@broken("processes", _process, "effect_of_signal", "284033d72dcc")
def a_normal_signal_to_oneself_is_ignored(reason, *, trapping, from_self=False) -> Effect:
    return effect_of_signal(reason, trapping=trapping)


@broken("processes", _kill._Kill, "declare", "578a92001ff5")
def a_killed_one_has_died_of_kill(self):
    process = self._process
    process.killed = process.alert = True
    process.reason = "kill"
    process.take_out()


@broken("processes", Process, "_receive_signal", "5d75a524a204")
def a_link_to_a_killed_one_cannot_be_trapped(self, sender, reason, *, from_self=False):
    if self.reason is not ALIVE:
        return
    trapping = self.trapping and not isinstance(reason, Killed)
    match effect_of_signal(reason, trapping=trapping, from_self=from_self):
        case "message":
            self.put(Exit(sender.ref if sender is not None else None, reason))
        case "die":
            if self.fatal is ALIVE:
                self.fatal = reason
            self.wake()
        case _:
            pass


@broken("processes", Process, "_receive_signal", "5d75a524a204")
def the_last_of_two_fatal_signals_decides(self, sender, reason, *, from_self=False):
    if self.reason is not ALIVE:
        return
    match effect_of_signal(reason, trapping=self.trapping, from_self=from_self):
        case "message":
            self.put(Exit(sender.ref if sender is not None else None, reason))
        case "die":
            self.fatal = reason
            self.wake()
        case _:
            pass


@broken("processes", Process, "_receive_signal", "5d75a524a204")
def a_fatal_signal_to_one_that_waits_is_forgotten(self, sender, reason, *, from_self=False):
    if self.reason is not ALIVE:
        return
    match effect_of_signal(reason, trapping=self.trapping, from_self=from_self):
        case "message":
            self.put(Exit(sender.ref if sender is not None else None, reason))
        case "die":
            if self.waiting_for is not None and not from_self:
                return
            if self.fatal is ALIVE:
                self.fatal = reason
            self.wake()
        case _:
            pass


@broken("processes", Process, "_receive_signal", "5d75a524a204")
def one_that_waits_dies_normally_of_a_fatal_signal(self, sender, reason, *, from_self=False):
    if self.reason is not ALIVE:
        return
    match effect_of_signal(reason, trapping=self.trapping, from_self=from_self):
        case "message":
            self.put(Exit(sender.ref if sender is not None else None, reason))
        case "die":
            if self.fatal is ALIVE:
                waits = self.waiting_for is not None and not from_self
                self.fatal = Normal() if waits else reason
            self.wake()
        case _:
            pass


# Links


@broken("processes", Process, "add_link", "f3b5c06f4771")
def a_link_has_one_side(self, other):
    if other.links is None:
        other.links = {}
    other.links[self] = None


@broken("processes", Process, "unlink", "dc135f76f887")
def a_link_is_undone_on_one_side(self, other):
    with self.runtime.lock:
        if self.links is not None:
            self.links.pop(other, None)


@broken("processes", Process, "link", "e1f72d708fbe")
def who_traps_exits_hears_nothing_of_a_dead_one_it_links(self, other):
    if other is self:
        return
    with self.runtime.lock:
        if not other.announced:
            self.add_link(other)


# Monitors


@broken("processes", Process, "announce", "5753f303b63a")
def a_monitor_fires_twice(self):
    self.announced = True
    self.runtime.release_name(self)
    links = self.links or {}
    for peer in list(links):
        if peer.links is not None:
            peer.links.pop(self, None)
        if peer is not self.quiet_for:
            peer._receive_signal(self, self.reason)
        links.pop(peer, None)
    self.links = None
    monitors = self.monitors or {}
    for monitor in list(monitors):
        monitor.active = False
        if monitor.watcher.watching is not None:
            monitor.watcher.watching.pop(monitor, None)
        for _ in range(2):
            monitor.watcher.put(Fired(Down(monitor.given, self.reason, monitor)))
        monitors.pop(monitor, None)
    self.monitors = None
    for monitor in self.watching or ():
        monitor.forget()
    self.watching = None


@broken("processes", Process, "announce", "5753f303b63a")
def downs_come_before_exits(self):
    self.announced = True
    self.runtime.release_name(self)
    monitors = self.monitors or {}
    for monitor in list(monitors):
        monitor.active = False
        if monitor.watcher.watching is not None:
            monitor.watcher.watching.pop(monitor, None)
        monitor.watcher.put(Fired(Down(monitor.given, self.reason, monitor)))
        monitors.pop(monitor, None)
    self.monitors = None
    links = self.links or {}
    for peer in list(links):
        if peer.links is not None:
            peer.links.pop(self, None)
        if peer is not self.quiet_for:
            peer._receive_signal(self, self.reason)
        links.pop(peer, None)
    self.links = None
    for monitor in self.watching or ():
        monitor.forget()
    self.watching = None


@broken("processes", Process, "monitor", "0b4d0bdc3f31")
def a_monitor_of_a_dead_one_says_of_what_it_died(self, target, given):
    with self.runtime.lock:
        if target is None or target.announced:
            monitor = Monitor(self, None, given)
            self.put(Fired(Down(given, NoProc() if target is None else target.reason, monitor)))
            return monitor
        monitor = Monitor(self, target, given)
        if target is self:
            monitor.active = False
        else:
            if target.monitors is None:
                target.monitors = {}
            target.monitors[monitor] = None
            if self.watching is None:
                self.watching = {}
            self.watching[monitor] = None
        return monitor


@broken("processes", Process, "demonitor", "2eff0d632e94")
def a_monitor_of_another_may_be_ended(self, monitor, *, flush):
    with self.runtime.lock:
        was_active, monitor.active = monitor.active, False
        if monitor.is_of_dead():
            was_active = flush = True
        monitor.flushed = monitor.flushed or flush
        if monitor.watcher.watching is not None:
            monitor.watcher.watching.pop(monitor, None)
        monitor.forget()
        return was_active


# Names


@broken("processes", Runtime, "release_name", "04f3f74b2939")
def a_dead_one_keeps_its_name(self, process):
    return


@broken("processes", Runtime, "register_name", "6752d120bd50")
def one_may_have_two_names(self, name, process):
    with self.lock:
        if process.announced or name in self._names:
            raise NameUnavailable(name)
        self._names[name] = process
        process.name = name


# Timers


@broken("processes", Timer, "cancel", "66c5dc4b2d7d")
def a_timer_that_is_cancelled_fires(self):
    return self.remaining()


@broken("processes", Timer, "__init__", "2a2f0929182c")
def a_timer_for_a_name_is_for_who_has_it_first(self, runtime, ref, message, seconds):
    self._runtime = runtime
    self._ref = ref
    self._message = message
    self._name = None
    self._target = runtime.whereis(ref.name) if isinstance(ref, NamedRef) else process_of(ref)
    self._ticket = runtime.clock.call_at(runtime.clock.now() + seconds, self._fire)
    if self._target is not None:
        self._target.when_ended(self._drop)
        if self._ticket.callback is None:
            self._forget()


# Servers


@broken("servers", GenServer, "_otp_stopping", "01208bd7ea68")
def a_signal_has_a_server_clean_up(self, reason, *, signalled):
    self._cancel_idle()
    self._terminate(reason)


@broken("servers", GenServer, "_keep", "8537b1be32ca")
def a_server_that_stops_cleans_up_its_state_of_before(self, state):
    return


@broken("servers", GenServer, "_end", "26eceb56496e")
def a_server_that_crashes_does_not_clean_up(self, error):
    self._otp_terminated = True
    raise ExitRequest(_reason_of(error)) from error


@broken("servers", GenServer, "_terminate", "b70dee51d402")
def a_server_may_clean_up_twice(self, reason):
    self._run_next(self.terminate, reason, self._otp_state)


@broken("servers", GenServer, "_go_on", "d5feba2f29fd")
def a_continue_is_forgotten(self, then):
    if then is not None and not isinstance(then, Continue):
        self._await_idle(then)


@broken("servers", GenServer, "_handle_asked", "67155a97bbda")
def who_calls_a_server_that_stops_gets_no_reply(self, request, asked):
    sender = From(asked)
    returned = self._run(self.handle_call, request, sender, self._otp_state)
    match returned:
        case Reply(value, state, None):
            self._otp_state = state
            return value
        case Reply(value, state, then) if _is_then(then):
            self._otp_state = state
            if self._otp_process.handling is asked:
                self._otp_process.end_handling(request)
                sender._answer(value)
            self._go_on(then)
        case Stop(reason, state, reply) if reply is not NO_REPLY:
            self._keep(state)
            self._terminate(reason)
            raise ExitRequest(reason)
        case _:
            then = self._accept(returned, "handle_call")
            if self._otp_process.handling is asked:
                self._defer(asked)
            self._go_on(then)
    return NO_REPLY


@broken("servers", GenServer, "_handle_asked", "67155a97bbda")
def what_a_call_has_changed_is_lost(self, request, asked):
    sender = From(asked)
    returned = self._run(self.handle_call, request, sender, self._otp_state)
    match returned:
        case Reply(value, _, None):
            return value
        case Reply(value, state, then) if _is_then(then):
            self._otp_state = state
            if self._otp_process.handling is asked:
                self._otp_process.end_handling(request)
                sender._answer(value)
            self._go_on(then)
        case Stop(reason, state, reply) if reply is not NO_REPLY:
            self._keep(state)
            try:
                self._terminate(reason)
            finally:
                sender._answer(reply)
            raise ExitRequest(reason)
        case _:
            then = self._accept(returned, "handle_call")
            if self._otp_process.handling is asked:
                self._defer(asked)
            self._go_on(then)
    return NO_REPLY


@broken("servers", Process, "request_stop", "9a50cfdb5d7d")
def a_server_that_is_stopped_ends_normally(self, _reason, done=None):
    was_idle = self.is_idle
    if not self.put(StopRequest(Normal(), done)):
        if done is not None:
            self.when_ended(lambda _process: done.set(False))
    elif was_idle:
        self.home.let_end()


_made = Process.__init__


@broken("servers", Process, "__init__", "d2a78e7e8c72")
def a_server_that_traps_exits_outlives_its_parent(self, runtime, actor_class, *, parent=None, trapping=False):
    _made(self, runtime, actor_class, trapping=trapping)


# Supervisors


@broken("supervisors", supervisor, "needs_restart", "4195ef129fb1")
def a_transient_child_that_is_shut_down_is_restarted(restart, reason) -> bool:
    return needs_restart("permanent" if restart == "transient" and isinstance(reason, Shutdown) else restart, reason)


@broken("supervisors", supervisor, "needs_restart", "4195ef129fb1")
def a_permanent_child_that_ends_normally_is_not_restarted(restart, reason) -> bool:
    return needs_restart("transient" if isinstance(reason, Normal) else restart, reason)


@broken("supervisors", supervisor, "affected", "6b3185816680")
def the_rest_for_one_are_those_before_it(strategy, children, failed):
    if strategy == "rest_for_one":
        return [*reversed(affected(strategy, list(reversed(list(children))), failed))]
    return affected(strategy, children, failed)


@broken("supervisors", Supervisor, "_terminate_all", "9e2c939601df")
def children_are_ended_in_the_order_of_their_starts(self):
    for record in self._records:
        self._terminate(record)


@broken("supervisors", Records, "take_down", "365c2f49aaae")
def the_exit_of_a_former_incarnation_counts(self, record):
    record.ref = None
    record.is_restarting = False


# How often they restart


@broken("supervisors", Intensity, "allows_restart", "110b4a4efe1c")
def one_restart_too_many_is_allowed(self, now) -> bool:
    self._times.append(now)
    while now - self._times[0] > self.max_seconds:
        self._times.popleft()
    return len(self._times) <= self.max_restarts + 1


@broken("supervisors", Intensity, "allows_restart", "110b4a4efe1c")
def no_restart_grows_old(self, now) -> bool:
    self._times.append(now)
    return len(self._times) <= self.max_restarts


@broken("supervisors", Supervisor, "_try_again", "038e80e30554")
def a_restart_is_tried_again_though_the_child_was_terminated(self, record):
    if record in self._records:
        self._restart(record)


@broken("supervisors", Supervisor, "_restart", "46b82d4e4952")
def a_failed_restart_is_tried_again_before_all_else(self, record):
    if not self._intensity.allows_restart(self._otp_process.runtime.clock.now()):
        self._report("shutdown", "reached_max_restart_intensity", record)
        self._records.take_down(record)
        raise ExitRequest(Shutdown())
    group = affected(self._strategy, self._records, record)
    self._records.take_down(record)
    for sibling in reversed(group):
        self._terminate(sibling)
    for sibling in [r for r in group if r in self._records]:
        try:
            self._start(sibling)
        except StartFailed as failure:
            self._report("start_error", failure.reason, sibling)
            sibling.is_restarting = True
            self._restart(sibling)
            return


@broken("supervisors", Supervisor, "_restart", "46b82d4e4952")
def a_child_that_fails_to_start_is_restarted_for_ever(self, record):
    if not record.is_restarting and not self._intensity.allows_restart(self._otp_process.runtime.clock.now()):
        self._report("shutdown", "reached_max_restart_intensity", record)
        self._records.take_down(record)
        raise ExitRequest(Shutdown())
    group = affected(self._strategy, self._records, record)
    self._records.take_down(record)
    for sibling in reversed(group):
        self._terminate(sibling)
    for sibling in [r for r in group if r in self._records]:
        try:
            self._start(sibling)
        except StartFailed as failure:
            self._report("start_error", failure.reason, sibling)
            sibling.is_restarting = True
            self._otp_process.put(_TryAgain(sibling))
            return


# What is left of their children


@broken("supervisors", supervisor, "is_clean_end", "1a391886d1a5")
def any_orderly_end_is_clean(_restart, shutdown, reason) -> bool:
    return is_clean_end("transient", shutdown, reason)


@broken("supervisors", Supervisor, "_set_down", "c0ee91f855b8")
def a_temporary_child_that_has_ended_is_kept(self, record):
    self._records.take_down(record)


@broken("supervisors", Supervisor, "_start_child", "5f2bb25c941a")
def a_child_that_could_not_be_started_is_kept(self, spec):
    known = self._records.with_id(spec.id)
    if known is not None:
        if known.ref is not None:
            raise ChildAlreadyStarted(spec.id, known.ref)
        raise ChildAlreadyPresent(spec.id)
    record = Record(spec)
    self._records.add(record)
    self._start(record)
    return record.ref


# Registries


@broken("registries", RegistryTable, "insert", "bb4811bb89d9")
def a_dead_owner_keeps_its_key_until_it_is_cleaned_up(self, key, value, owner):
    strict = _strict(key)
    entry = _Entry(key, owner, value, self._clock.now())
    with self._lock:
        entries = self._entries.get(strict)
        if self._unique and entries is not None:
            raise AlreadyRegistered(self._name, key, entries[0].owner.ref)
        new_owner = owner not in self._keys_of
        self._keys_of.setdefault(owner, set()).add(strict)
        if entries is None:
            self._entries[strict] = [entry]
        else:
            entries.append(entry)
    if new_owner:
        owner.when_gone(self._owner_gone)


@broken("registries", RegistryTable, "insert", "bb4811bb89d9")
def an_owner_may_register_its_key_again(self, key, value, owner):
    strict = _strict(key)
    entry = _Entry(key, owner, value, self._clock.now())
    with self._lock:
        entries = self._entries.get(strict)
        if self._unique and entries is not None:
            holder = entries[0].owner
            if not holder.gone and holder is not owner:
                raise AlreadyRegistered(self._name, key, holder.ref)
            self._remove(strict, holder)
            entries = None
        new_owner = owner not in self._keys_of
        self._keys_of.setdefault(owner, set()).add(strict)
        if entries is None:
            self._entries[strict] = [entry]
        else:
            entries.append(entry)
    if new_owner:
        owner.when_gone(self._owner_gone)


@broken("registries", RegistryTable, "insert", "bb4811bb89d9")
def who_registers_last_has_the_key(self, key, value, owner):
    strict = _strict(key)
    entry = _Entry(key, owner, value, self._clock.now())
    with self._lock:
        entries = self._entries.get(strict)
        if self._unique and entries is not None:
            self._remove(strict, entries[0].owner)
            entries = None
        new_owner = owner not in self._keys_of
        self._keys_of.setdefault(owner, set()).add(strict)
        if entries is None:
            self._entries[strict] = [entry]
        else:
            entries.append(entry)
    if new_owner:
        owner.when_gone(self._owner_gone)


@broken("registries", RegistryTable, "insert", "bb4811bb89d9")
def who_registers_last_stands_first(self, key, value, owner):
    strict = _strict(key)
    entry = _Entry(key, owner, value, self._clock.now())
    with self._lock:
        entries = self._entries.get(strict)
        if self._unique and entries is not None:
            holder = entries[0].owner
            if not holder.gone:
                raise AlreadyRegistered(self._name, key, holder.ref)
            self._remove(strict, holder)
            entries = None
        new_owner = owner not in self._keys_of
        self._keys_of.setdefault(owner, set()).add(strict)
        if entries is None:
            self._entries[strict] = [entry]
        else:
            entries.insert(0, entry)
    if new_owner:
        owner.when_gone(self._owner_gone)


@broken("registries", RegistryTable, "remove", "6154509e6b5d")
def who_unregisters_a_key_takes_it_from_all(self, key, _owner):
    with self._lock:
        for entry in self._entries.get(_strict(key), ()):
            self._remove(_strict(key), entry.owner)


@broken("registries", RegistryTable, "remove", "6154509e6b5d")
def who_unregisters_one_key_loses_all(self, _key, owner):
    self.drop(owner)


@broken("registries", RegistryTable, "remove", "6154509e6b5d")
def of_two_entries_one_is_unregistered(self, key, owner):
    with self._lock:
        entries = self._entries.get(_strict(key), [])
        one = next((entry for entry in entries if entry.owner is owner), None)
        others = [entry for entry in entries if entry is not one]
        if others:
            self._entries[_strict(key)] = others
        elif one is not None:
            self._remove(_strict(key), owner)


@broken("registries", RegistryTable, "drop", "58fed258c9d4")
def what_others_have_registered_since_goes_with_a_dead_owner(self, owner):
    with self._lock:
        for strict in self._keys_of.pop(owner, ()):
            self._entries.pop(strict, None)


@broken("registries", Registry, "keys", "1f75f77fa3c6")
def a_key_that_one_has_twice_stands_once(self, owner):
    process = process_of(owner)
    return list({entry.key for entry in self._table().entries() if entry.owner is process})


# Demand


@broken("queues", worker, "split_batches", "62066a68039e")
def a_worker_asks_again_when_one_less_is_left(events, *, max_demand, min_demand, demand):
    batches = []
    for _ in range(0, events, max_demand - min_demand):
        size = min(events, max_demand - min_demand)
        events -= size
        demand -= size
        ask = max_demand - demand if demand <= max(min_demand - 1, 0) else 0
        demand += ask
        batches.append(Batch(size, ask))
    return tuple(batches), demand


@broken("queues", worker, "split_batches", "62066a68039e")
def a_worker_asks_again_for_what_it_has_just_handled(events, *, max_demand, min_demand, demand):
    batches = []
    for _ in range(0, events, max_demand - min_demand):
        size = min(events, max_demand - min_demand)
        events -= size
        demand -= size
        ask = size if demand <= min_demand else 0
        demand += ask
        batches.append(Batch(size, ask))
    return tuple(batches), demand


@broken("queues", worker, "split_batches", "62066a68039e")
def a_batch_may_be_as_large_as_the_demand(events, *, max_demand, min_demand, demand):
    demand -= events
    ask = max_demand - demand if demand <= min_demand else 0
    return (Batch(events, ask),), demand + ask


@broken("queues", Worker, "_handle_deliveries", "57c7e28cc09f")
def a_worker_asks_again_before_it_has_handled_a_batch(self, deliveries):
    batches, self._Worker__demand = split_batches(
        len(deliveries),
        max_demand=self._Worker__max_demand,
        min_demand=self._Worker__min_demand,
        demand=self._Worker__demand,
    )
    rest = iter(deliveries)
    for size, ask in batches:
        if ask:
            self._Worker__backlog.ask(self._Worker__subscription, ask)
        handled = self._handle_batch(list(islice(rest, size)))
        if not handled:
            return


@broken("queues", Backlog, "ask", "82b46f9e0876")
def of_what_a_worker_asks_for_one_is_forgotten(self, subscription, count):
    count = max(count - 1, 1)
    with self._lock:
        if not self._dispatcher.ask(subscription, count):
            return
        self._demand += count
        if self._ready:
            self._hand_out()


@broken("queues", Backlog, "ask", "82b46f9e0876")
def who_asks_gets_nothing_once_the_queue_has_ended(self, subscription, count):
    with self._lock:
        if not self._dispatcher.ask(subscription, count):
            return
        self._demand += count
        if self._ready and self._keeper.reason is ALIVE:
            self._hand_out()


# Who gets what


@broken("queues", DemandDispatcher, "_put_back", "6291ef742078")
def who_has_just_asked_goes_before_who_asks_for_as_much(self, claim):
    claims, demand = self._claims, claim.demand
    index = len(claims)
    while index and claims[index - 1].demand <= demand:
        index -= 1
    claims.insert(index, claim)


@broken("queues", DemandDispatcher, "_put_back", "6291ef742078")
def who_asks_for_much_stands_in_line_too(self, claim):
    index = len(self._claims)
    while index and self._claims[index - 1].demand == 0 < claim.demand:
        index -= 1
    self._claims.insert(index, claim)


@broken("queues", DemandDispatcher, "dispatch", "754be49786ec")
def events_are_spread_over_all(self, events):
    allotments = []
    while events > 0 and self._claims and self._claims[0].demand > 0:
        claim = self._claims.pop(0)
        events -= 1
        claim.demand -= 1
        self._put_back(claim)
        allotments.append(Allotment(claim.consumer, 1))
    return allotments


@broken("queues", Backlog, "_hand_out", "4a21f1c1467a")
def a_paused_queue_hands_out(self):
    self._release_due()
    while self._ready and self._demand > 0:
        for subscription, count in self._dispatcher.dispatch(len(self._ready)):
            self._demand -= count
            if subscription.process.reason is ALIVE:
                subscription.process.put(Events(self._deliver(subscription, count)))
            else:
                self._demand -= self._dispatcher.cancel(subscription)
    while self._putters and self._has_room():
        self._wake_putter()


@broken("queues", Backlog, "_deliver", "37d243032ed5")
def the_newest_event_is_handed_out_first(self, subscription, count):
    deliveries = []
    for _ in range(count):
        job = self._ready.pop()
        job.attempts += 1
        delivery = Delivery(next(self._delivery_ids), job, subscription)
        self._in_flight[delivery.id] = subscription.in_hand[delivery.id] = delivery
        deliveries.append(delivery)
    self._handed += count
    return deliveries


@broken("queues", Backlog, "_deliver", "37d243032ed5")
def an_event_is_handed_out_twice(self, subscription, count):
    deliveries = []
    for _ in range(count):
        job = self._ready[0]
        if job.attempts:
            self._ready.popleft()
        job.attempts += 1
        delivery = Delivery(next(self._delivery_ids), job, subscription)
        self._in_flight[delivery.id] = subscription.in_hand[delivery.id] = delivery
        deliveries.append(delivery)
    self._handed += count
    return deliveries


# What a worker's end does


_taken_back = Backlog.take_back


@broken("queues", Backlog, "take_back", "5ec835565e08")
def what_a_dead_worker_had_not_begun_is_lost(self, process):
    ready = list(self._ready)
    _taken_back(self, process)
    self._ready.clear()
    self._ready.extend(ready)


@broken("queues", Backlog, "take_back", "5ec835565e08")
def what_a_dead_worker_had_not_begun_comes_last(self, process):
    ready = len(self._ready)
    _taken_back(self, process)
    self._ready.rotate(ready - len(self._ready))


@broken("queues", Backlog, "take_back", "5ec835565e08")
def what_a_dead_worker_had_not_begun_comes_in_no_order(self, process):
    ready = len(self._ready)
    _taken_back(self, process)
    returned = [self._ready.popleft() for _ in range(len(self._ready) - ready)]
    self._ready.extendleft(returned)


@broken("queues", Backlog, "_failure", "db566846fc7e")
def what_a_dead_worker_had_begun_is_not_failed(self, delivery, _exit_reason):
    return ALIVE


@broken("queues", Worker, "_handle_batch", "476d3e07fd1b")
def a_worker_that_is_to_end_begins_another_batch(self, batch):
    groups = [batch] if self._Worker__takes_batches else [[delivery] for delivery in batch]
    for group in groups:
        self._otp_process.checkpoint("take", *(delivery.event for delivery in group))
        self._handle_group(group)
    return True
