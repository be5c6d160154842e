"""The mutants: each is a method of the product but for one fault, which its name tells."""

from __future__ import annotations

from actors import _bounded, _process, registry
from actors._adopted import process_of
from actors._backlog import Backlog
from actors._bounded import BoundedProcess
from actors._future import Future
from actors._links import effect_of_signal
from actors._mail import Asked, Fired
from actors._process import ALIVE, Monitor, Process, current, pass_by
from actors._scheduler import Pool
from actors.errors import AlreadyRegistered, ProcessKilled
from actors.gen_server import From
from actors.messages import Down, Exit, NoProc, Normal
from actors.process import Timer
from actors.ref import NamedRef
from actors.registry import RegistryTable
from supervision import supervisor
from supervision.restart import Intensity
from tests.lines import scenarios as lines
from tests.mutants import scenarios as actors
from tests.mutants.mutant import MUTANTS, mutant

__all__ = ["MUTANTS"]


# Seen by threads that are handed on line by line


@mutant(Process, "monitor", "0b4d0bdc3f31", lines.a_monitor_at_a_kill)
def a_monitor_misses_a_death_between_check_and_add(self, target, given):
    with self.runtime.lock:
        if target is None or target.announced:
            monitor = Monitor(self, None, given)
            self.put(Fired(Down(given, NoProc(), monitor)))
            return monitor
    monitor = Monitor(self, target, given)
    with self.runtime.lock:
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


@mutant(Process, "put", "9b36d69247fa", lines.a_kill_while_others_ask, schedules=3000)
def a_message_to_one_that_dies_just_now_is_left_unanswered(self, message):
    if self.reason is not ALIVE:
        return False
    try:
        self.inbox.append(message)
        if self._idle:
            self.home.rouse(self)
    except BaseException:
        self.wake()
        raise
    return True


@mutant(Process, "rest", "96723036bb1e", lines.an_idle_actor_that_is_told_and_stopped)
def an_actor_goes_to_rest_without_a_second_look(self):
    if self.inbox or self.taken or self.fatal is not ALIVE or self.killed:
        return False
    self._idle.append(None)
    return True


@mutant(Process, "wait", "cf12b000642b", lines.a_kill_of_one_that_is_about_to_wait)
def a_kill_is_looked_for_before_the_wait_is_known(self, waiter, timeout, clock=None):
    clock = clock or self.runtime.clock
    if not self.runs_here:
        return self._wait_elsewhere(waiter, timeout, clock)
    if self.killed:
        raise ProcessKilled(self.label)
    self.waiter = waiter
    try:
        return waiter.wait(clock, timeout)
    finally:
        self.waiter = None
        if self.killed:
            raise ProcessKilled(self.label)


@mutant(Process, "_take_many", "19fb22370078", lines.a_mailbox_taken_from_in_bulk_at_a_kill)
def messages_that_are_moved_are_not_seen_by_a_kill(self):
    with _process._taking:
        if self.taken:
            return
        taken = self.inbox[::-1]
        del self.inbox[: len(taken)]
    self.taken = taken


@mutant(Process, "announce", "5753f303b63a", lines.a_name_at_the_end_of_its_holder)
def a_name_is_released_after_the_down(self):
    self.announced = True
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
        monitor.watcher.put(Fired(Down(monitor.given, self.reason, monitor)))
        monitors.pop(monitor, None)
    self.monitors = None
    for monitor in self.watching or ():
        monitor.forget()
    self.watching = None
    self.runtime.release_name(self)


@mutant(BoundedProcess, "_let_next_in", "78181fd30e40", lines.askers_that_wait_for_room_at_a_kill)
def who_is_let_in_as_the_actor_dies_is_forgotten(self):
    while self._senders and self._has_room():
        sender = self._senders.popleft()
        self._let_in(sender.message)
        sender.release()


@mutant(Future, "_add_waiter", "8c15d4d6173e", lines.a_future_that_two_wait_for)
def who_waits_looks_first_and_is_known_second(self, waiter):
    is_unset = not self._outcome
    self._waiters.append(waiter)
    return is_unset


@mutant(Pool, "schedule", "341b2d282337", lines.two_that_put_into_the_queue_of_one_carrier)
def a_carrier_that_falls_asleep_just_now_is_not_woken(self, process):
    has_sleepers = bool(self.sleepers)
    self.queue.append(process)
    if has_sleepers:
        self.wake_one()


@mutant(Pool, "retire", "0686b83e9ad0", lines.a_carrier_that_goes_when_something_is_put)
def a_carrier_goes_before_another_is_there(self, carrier):
    with self.lock:
        if not carrier.asleep:
            return False
        if not carrier.surplus:
            self.sleepers.remove(carrier)
            self.sleepers.insert(0, self._new_carrier())
        carrier.asleep = False
        self._strike(carrier)
        return True


@mutant(RegistryTable, "insert", "bb4811bb89d9", lines.owners_that_want_one_key)
def a_key_is_looked_up_and_taken_in_two_steps(self, key, value, owner):
    strict = registry._strict(key)
    entry = registry._Entry(key, owner, value, self._clock.now())
    entries = self._entries.get(strict)
    if self._unique and entries is not None:
        holder = entries[0].owner
        if not holder.gone:
            raise AlreadyRegistered(self._name, key, holder.ref)
        self._remove(strict, holder)
        entries = None
    with self._lock:
        new_owner = owner not in self._keys_of
        self._keys_of.setdefault(owner, set()).add(strict)
        if entries is None:
            self._entries[strict] = [entry]
        else:
            entries.append(entry)
    if new_owner:
        owner.when_gone(self._owner_gone)


# Seen by actors that are handed on where they enter the runtime


@mutant(Intensity, "allows_restart", "110b4a4efe1c", actors.a_child_that_crashes_too_often)
def one_restart_too_few_is_allowed(self, now):
    self._times.append(now)
    while now - self._times[0] > self.max_seconds:
        self._times.popleft()
    return len(self._times) < self.max_restarts


@mutant(Backlog, "ask", "82b46f9e0876", actors.a_job_whose_workers_crash)
def demand_is_counted_twice(self, subscription, count):
    with self._lock:
        if not self._dispatcher.ask(subscription, 2 * count):
            return
        self._demand += 2 * count
        if self._ready:
            self._hand_out()


@mutant(RegistryTable, "remove", "6154509e6b5d", actors.a_key_that_somebody_else_gives_up)
def unregister_takes_somebody_elses_key(self, key, owner):
    with self._lock:
        for entry in list(self._entries.get(registry._strict(key), ())):
            self._remove(registry._strict(key), entry.owner)


@mutant(RegistryTable, "insert", "bb4811bb89d9", actors.a_job_whose_workers_are_killed)
def a_key_is_free_when_its_owner_is_declared_dead(self, key, value, owner):
    strict = registry._strict(key)
    entry = registry._Entry(key, owner, value, self._clock.now())
    with self._lock:
        entries = self._entries.get(strict)
        if self._unique and entries is not None:
            holder = entries[0].owner
            if not holder.announced:
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
        owner.when_ended(self._owner_gone)


@mutant(From, "reply", "8f75bb75d80f", actors.answers_that_come_later)
def a_late_reply_goes_to_the_ask_in_hand(self, value):
    pass_by("reply", value)
    process = current()
    asked = process.handling if process is not None and isinstance(process.handling, Asked) else self._asked
    return asked._try_settle(value)


@mutant(Process, "announce", "5753f303b63a", actors.an_end_that_is_watched)
def a_down_is_sent_twice(self):
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


@mutant(Process, "_receive_signal", "5d75a524a204", actors.an_end_that_reaches_who_is_linked)
def an_exit_signal_to_one_at_work_is_lost(self, sender, reason, *, from_self=False):
    if self.reason is not ALIVE:
        return
    match effect_of_signal(reason, trapping=self.trapping, from_self=from_self):
        case "message":
            self.put(Exit(sender.ref if sender is not None else None, reason))
        case "die" if self.handling is None:
            if self.fatal is ALIVE:
                self.fatal = reason
            self.wake()
        case _:
            pass


@mutant(Process, "unlink", "dc135f76f887", actors.an_end_after_an_unlink)
def an_unlink_is_known_to_one_side_only(self, other):
    with self.runtime.lock:
        if self.links is not None:
            self.links.pop(other, None)


@mutant(Process, "demonitor", "2eff0d632e94", actors.a_watch_that_is_given_up)
def a_flush_leaves_the_down_in_the_mailbox(self, monitor, *, flush):
    with self.runtime.lock:
        if monitor.watcher is not self:
            return False
        was_active, monitor.active = monitor.active, False
        if monitor.is_of_dead():
            was_active = monitor.flushed = True
        if self.watching is not None:
            self.watching.pop(monitor, None)
        monitor.forget()
        return was_active


@mutant(Process, "unstash", "8840b2057bcc", actors.messages_put_aside)
def what_was_put_aside_comes_back_in_reverse(self):
    with _process._taking:
        stashed, self.stashed = self.stashed, None
    if stashed:
        self.put_back(stashed[::-1])


@mutant(BoundedProcess, "take", "015897e85377", actors.senders_that_wait_for_room)
def who_waits_for_room_is_not_let_in(self):
    with self._room:
        message = Process.take(self)
        if _bounded._is_bounded(message):
            self._held -= 1
    return message


@mutant(Timer, "__init__", "2a2f0929182c", actors.a_message_for_later)
def a_timer_fires_early(self, runtime, ref, message, seconds):
    self._runtime = runtime
    self._ref = ref
    self._message = message
    self._name = ref.name if isinstance(ref, NamedRef) else None
    self._target = process_of(ref) if self._name is None else None
    self._ticket = runtime.clock.call_at(runtime.clock.now() + seconds * 0.9, self._fire)
    if self._target is not None:
        self._target.when_ended(self._drop)
        if self._ticket.callback is None:
            self._forget()


@mutant(Backlog, "take_back", "5ec835565e08", actors.a_job_whose_workers_crash)
def what_a_gone_worker_had_not_begun_is_lost(self, process):
    with self._lock:
        subscription = self._subscriptions.pop(process, None)
        if subscription is None:
            return
        self._demand -= self._dispatcher.cancel(subscription)
        in_hand = list(subscription.in_hand.values())
    failures = {
        delivery: (reason, self._backoff(delivery.job, reason))
        for delivery in in_hand
        if (reason := self._failure(delivery, process.reason)) is not ALIVE
    }
    with self._lock:
        for delivery in list(subscription.in_hand.values()):
            self._settle(delivery)
            self._taken_back += 1
            if delivery in failures:
                self._try_again(delivery.job, *failures[delivery])
        self._poke_if(bool(self._ready))
        self._notice()


@mutant(Backlog, "ack", "0d49ca6cf658", actors.a_job_whose_workers_crash)
def an_ack_counts_for_anothers_delivery(self, delivery):
    with self._lock:
        oldest = next(iter(self._in_flight.values()), delivery)
        if not self._settle(oldest):
            return False
        self._acked += 1
        self._notice()
        return True


@mutant(Backlog, "snooze", "88ad8ecbe68c", actors.an_event_that_is_snoozed)
def a_snooze_counts_as_an_attempt(self, delivery, seconds):
    with self._lock:
        if not self._settle(delivery):
            return False
        self._snoozed += 1
        self._delay(delivery.job, seconds)
        self._poke_if(condition=True)
        self._notice()
        return True


@mutant(Backlog, "_has_room", "2f93680938d5", actors.a_queue_with_room_for_two)
def put_ignores_maxsize(self):
    return True


@mutant(supervisor, "affected", "6b3185816680", actors.a_family_that_is_restarted)
def one_for_all_starts_in_reverse(strategy, children, failed):
    match strategy:
        case "one_for_one":
            return [failed]
        case "one_for_all":
            return list(reversed(list(children)))
        case "rest_for_one":
            in_order = list(children)
            return in_order[in_order.index(failed) :]


@mutant(supervisor, "needs_restart", "4195ef129fb1", actors.a_child_that_has_had_enough)
def a_transient_child_that_was_shut_down_is_started_again(restart, reason):
    match restart:
        case "permanent":
            return True
        case "transient":
            return not isinstance(reason, Normal)
        case "temporary":
            return False
