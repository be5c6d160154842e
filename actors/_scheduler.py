"""Where actors run: many on few shared threads, or each on a thread of its own.

A *carrier* is a thread that runs actors which others have put into its *pool*'s queue, a turn at a time. When the code
of an actor waits, its greenlet is parked and the carrier goes on with others: what waits costs no thread. The loop of a
carrier runs in greenlets too, so that an actor that doesn't wait costs no switch.

A carrier that is stuck in one handler, since that computes or blocks the thread, is found by the *watchdog*, which
has a spare carrier take over the queue. A class that has been stuck a few times is moved to the pool of blocking
carriers, where its actors wait for each other and for nobody else.

Nothing here polls while nothing is to be done. Who puts into a queue looks afterwards whether a carrier sleeps; who is
about to sleep says so first and looks into the queue afterwards. Both look by means of the queue's own lock or the
pool's, never by a bare read alone, so this holds without the interpreter's lock as well: of two threads that do both,
at least one sees what the other has done.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
import weakref
from collections import deque
from contextvars import Context
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from greenlet import GreenletExit, getcurrent, greenlet

from actors._clock import ThreadWaiter, real_now
from actors._life import depart, turn
from actors._lifeline import lifeline
from actors._process import Process, current, set_current
from actors._watchdog import WATCH_SECONDS, Watchdog
from actors.messages import Crashed

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._clock import Clock

__all__ = ["BLOCKING_CARRIERS", "Carrier", "OwnThread", "Pool", "RunsOn", "Scheduler"]

logger = logging.getLogger("pykka_otp.scheduler")

RunsOn: TypeAlias = Literal["shared", "thread"]

BLOCKING_CARRIERS = 32
"""How many actors of classes that block may run at once."""

QUICK_SECONDS = 0.005
"""An actor isn't quick that holds its thread for longer at a time: in a turn, or in a part of it between two waits. A
class moves back when all of its actors were quick for `QUIET_SECONDS`."""

QUIET_SECONDS = 10.0

LINGER_SECONDS = 5.0
"""How long a thread that isn't needed waits to be needed again."""

IDLE_GREENLETS = 256
"""How many loops a carrier keeps for reuse."""


class OwnThread:
    """Runs one actor, on its own thread for life."""

    __slots__ = ("_awaits_thread", "_bell", "ident", "thread", "woke")

    new_waiter = ThreadWaiter

    def __init__(self, process: Process, name: str, *, daemon: bool) -> None:
        # How many messages were handled when it last woke, and when that was.
        self.woke: tuple[int, float] | None = None
        self._bell = threading.Lock()
        self._bell.acquire()
        # One entry, until its thread has the claim of the actor; or nobody is to run it.
        self._awaits_thread: list[None] = [None]
        self.ident: int | None = None
        self.thread = threading.Thread(target=self._run, args=(process,), name=name, daemon=daemon)

    def schedule(self, _process: Process) -> None:
        self._bell.release()

    def rouse(self, process: Process) -> None:
        try:
            del process._idle[0]
        except IndexError:
            return
        self._bell.release()

    def forgo(self) -> bool:
        """Have its thread not run the actor, if that has not begun to; False when it has."""
        try:
            del self._awaits_thread[0]
        except IndexError:
            return False
        return True

    def let_end(self) -> None:
        # Threads that are stopped by the thousand, and all awake, would wait for the interpreter's lock together, each
        # waking up every few milliseconds to ask for it: that costs more than their ends.
        time.sleep(0)

    def join(self) -> None:
        # One that could not be started has no thread to wait for.
        if self.thread.ident is not None and self.thread is not threading.current_thread():
            self.thread.join()

    def _run(self, process: Process) -> None:
        if not self.forgo():
            # Its starter, which was interrupted, was first.
            return
        set_current(process)
        self.ident = threading.get_ident()
        process.driver = self
        scheduler = process.runtime.scheduler
        while not process.gone:
            try:
                turn(process)
            except BaseException as error:  # noqa: BLE001 - reported, and of this actor alone
                _end_by_error(process, error)
            if not process.gone and process.rest():
                scheduler.tell_rest()
                self._bell.acquire()
                self.woke = (process.handled, process.runtime.clock.now())
        scheduler.tell_rest()


def _end_by_error(process: Process, error: BaseException) -> None:
    """Report an error of the runtime's own in an actor's turn, which that actor alone dies of.

    Whatever it is: on a thread that isn't the main one, a `SystemExit` or a `KeyboardInterrupt` means nothing else.
    """
    logger.critical("an error of the runtime itself, in a turn of %s", process.label, exc_info=error)
    process.close(Crashed(error))
    process.refuse(process.handling)
    # Its own attempt to be gone may be what has failed.
    depart(process)


class Kind:
    """A class of actors as the scheduler sees it: in which pool its actors run, and how often it was stuck."""

    def __init__(self, actor_class: type, pool: Pool, forget: Callable[[object], object]) -> None:
        # Not kept alive by this: classes may be made by the thousand, in functions.
        self._actor_class = weakref.ref(actor_class, forget)
        self.label = actor_class.__name__
        self.stuck = 0
        self.is_named = False
        self.quick_since = 0.0
        self.move(pool)

    def move(self, pool: Pool) -> None:
        """Run its actors in this pool from their next turn on."""
        self.pool = pool
        self.schedule = pool.schedule
        self.rouse = pool.rouse

    def let_end(self) -> None:
        """Nothing to do: no thread ends with the actor."""

    def join(self) -> None:
        """Nothing to wait for: no thread ends with the actor."""


class Pool:
    """Carriers and the queue from which they take actors.

    `size` of them run actors at a time; those that another has taken the queue over from come on top.
    """

    def __init__(self, watchdog: Watchdog, name: str, size: int, *, for_blockers: bool = False) -> None:
        self.queue: deque[Process] = deque()
        self.lock = threading.RLock()
        self.for_blockers = for_blockers
        self.watchdog = watchdog
        self.closing = False
        self._name = name
        self._numbers = itertools.count(1)
        self._new_carrier = partial(TimedCarrier if for_blockers else Carrier, self)
        self.sleepers = [self._new_carrier() for _ in range(size)]
        self.carriers: list[Carrier] = []

    def schedule(self, process: Process) -> None:
        """Have an actor run, which is claimed."""
        self.queue.append(process)
        if self.sleepers:
            self.wake_one()

    def rouse(self, process: Process) -> None:
        """Have an actor run, if it is idle; and in any case what is in the queue."""
        try:
            del process._idle[0]
        except IndexError:
            if not self.queue:
                return
        else:
            self.queue.append(process)
        if self.sleepers:
            self.wake_one()

    def begin(self) -> None:
        """Have a carrier, before anything is put into the queue.

        Raises:
            RuntimeError: there is none, and no thread can be started for one.
        """
        with self.lock:
            if not self.carriers:
                self.wake_one()

    def wake_one(self) -> None:
        """Wake a carrier, if one sleeps."""
        with self.lock:
            if not self.sleepers:
                return
            carrier = self.sleepers[-1]
            try:
                self.ring(carrier)
            except RuntimeError:
                # Where there are others, those do it all.
                if self.carriers:
                    return
                if not self.for_blockers:
                    raise
                self._give_up()
                return
            # As `_mark_awake()` does, without the call.
            if carrier.asleep:
                carrier.asleep = False
                self.sleepers.remove(carrier)

    def _give_up(self) -> None:
        """Have what nobody will take out of the queue run beside the others again."""
        while self.queue:
            process = self.queue.popleft()
            kind: Any = process.home
            self.watchdog.move_back(kind)
            kind.schedule(process)

    def wake(self, carrier: Carrier) -> None:
        """Wake this one, if it sleeps."""
        with self.lock:
            if carrier.asleep:
                self.ring(carrier)
                self._mark_awake(carrier)

    def ring(self, carrier: Carrier) -> None:
        """Ring the bell of a carrier that is to be marked as awake next; called with the lock held.

        In this order, so that one whose waker is interrupted by the handler of a signal is awake at worst, and marks
        itself.
        """
        if carrier.thread is None:
            thread = carrier.start(f"{self._name}-{next(self._numbers)}")
            if carrier.thread is None:
                self._adopt(carrier, thread)
            return
        try:
            carrier.bell.release()
        except RuntimeError:
            # Rung already, by one who was interrupted; and it has not heard that yet.
            return

    def _adopt(self, carrier: Carrier, thread: threading.Thread) -> None:
        carrier.thread = thread
        self.carriers.append(carrier)

    def _mark_awake(self, carrier: Carrier) -> None:
        if carrier.asleep:
            carrier.asleep = False
            if not carrier.surplus:
                self.sleepers.remove(carrier)

    def has_begun(self, carrier: Carrier) -> bool:
        """Be told by the thread of a carrier that it has come; False when another was started for that carrier.

        Its starter may have been interrupted, and not know that it has started it.
        """
        me = threading.current_thread()
        with self.lock:
            if carrier.thread is None:
                self._adopt(carrier, me)
            if carrier.thread is not me:
                return False
            self._mark_awake(carrier)
            return True

    def fall_asleep(self, carrier: Carrier) -> bool:
        """Mark it as asleep, unless it is to end."""
        with self.lock:
            if self.closing and not carrier.has_parked:
                self._strike(carrier)
                return False
            carrier.asleep = True
            if not carrier.surplus:
                self.sleepers.append(carrier)
        if self.watchdog.scheduler.on_rest is not None:
            self.watchdog.scheduler.tell_rest()
        return True

    def get_up(self, carrier: Carrier) -> bool:
        """Mark it as awake; False when somebody else has, and has rung its bell."""
        with self.lock:
            if not carrier.asleep:
                return False
            self._mark_awake(carrier)
            return True

    def retire(self, carrier: Carrier) -> bool:
        """Let a carrier go that has slept long enough; False when it was woken just now."""
        with self.lock:
            if not carrier.asleep:
                return False
            if not carrier.surplus:
                # First: who puts into the queue at this very moment has to see one that sleeps, and comes to wake it.
                self.sleepers.insert(0, self._new_carrier())
                self.sleepers.remove(carrier)
            carrier.asleep = False
            self._strike(carrier)
            return True

    def _strike(self, carrier: Carrier) -> None:
        if carrier in self.carriers:
            self.carriers.remove(carrier)

    def replace(self, stuck: Carrier) -> bool:
        """Have a spare carrier take the place of one that is stuck; False when it has none to give up.

        Raises:
            RuntimeError: no thread can be started for a spare one, and so all wait for the one that is stuck.
        """
        with self.lock:
            if stuck.surplus or self.closing:
                return False
            spare = next((one for one in self.carriers if one.surplus and one.asleep), None)
            spare = spare or self._new_carrier()
            stuck.surplus = True
            spare.surplus = False
            spare.asleep = False
            try:
                self.ring(spare)
            except RuntimeError:
                stuck.surplus = False
                raise
            return True

    def reinstate(self, carrier: Carrier) -> None:
        """Give the queue back to one that isn't stuck any more, if the spare one sleeps."""
        with self.lock:
            spare = self.sleepers[-1] if self.sleepers else None
            if spare is not None and spare.thread is not None:
                carrier.surplus = False
                # It has to look again how long it is to sleep, now that it isn't needed.
                self.wake(spare)
                spare.surplus = True

    def awake(self) -> list[Carrier]:
        """Those that don't sleep."""
        with self.lock:
            carriers = list(self.carriers)
        return [carrier for carrier in carriers if not carrier.asleep]

    def leave_behind(self) -> None:
        """Have nothing left to do in a forked child, where one of the carriers may be the thread that forked."""
        self.lock = threading.RLock()
        self.closing = True
        self.queue.clear()
        for carrier in self.carriers:
            carrier.leave_behind()

    def close(self) -> list[Carrier]:
        """Have the carriers end when nothing is left to do; returns those that will do so soon.

        Not one where the code of an abandoned actor still waits, for a coroutine that doesn't let itself be cancelled.
        """
        with self.lock:
            self.closing = True
            carriers = list(self.carriers)
            for carrier in carriers:
                self.wake(carrier)
        return [one for one in carriers if one.running is None and not one.has_parked]


class Parked:
    """A wait of a greenlet: the waiter of actors on carriers."""

    __slots__ = ("_carrier", "_is_released", "parked")

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self._is_released = False
        # Touched by the carrier's own thread alone. So it doesn't matter how often, and when, others release.
        self.parked: greenlet | None = None

    def wait(self, clock: Clock, timeout: float | None) -> bool:
        if timeout is None:
            if not self._is_released:
                self.parked = me = getcurrent()
                # Released since: that is looked at by this very thread, and not before it has left here.
                self._carrier.park(me)
            return True
        if timeout <= 0:
            return self._is_released
        ticket = clock.call_at(clock.now() + timeout, self.release)
        if not self._is_released:
            self.parked = me = getcurrent()
            self._carrier.park(me)
        return clock.cancel(ticket)

    def release(self) -> None:
        """Have its carrier go on with what waits, soon."""
        self._is_released = True
        carrier = self._carrier
        try:
            carrier.ready.append(self)
            if carrier.asleep:
                carrier.wake()
        except BaseException:
            # As in `put()` of an actor.
            carrier.wake()
            raise


class Carrier:
    """A thread that runs the actors of a pool, each for a turn."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._queue = pool.queue
        self.ready: deque[Parked] = deque()
        # Not methods, since they are called for each wait and each turn.
        self.new_waiter = partial(Parked, self)
        self._run_turn: Callable[[Process], None] = turn
        self._idle: list[greenlet] = []
        self._queue_first = False
        # Where its thread began; and what that hands to a loop which begins.
        self._hub: greenlet
        self._handed: Process | greenlet | None = None
        self.bell = threading.Lock()
        self.bell.acquire()
        self.thread: threading.Thread | None = None
        self.ident: int | None = None
        # How often actors have been parked here, and gone on.
        self._parks = self._resumptions = 0
        # These two change under the pool's lock: whether it waits for its bell; whether a spare has its place.
        self.asleep = True
        self.surplus = False
        # Whose code runs; or has run last, while it looks for the next.
        self.running: Process | None = None

    # Called from anywhere

    def start(self, name: str) -> threading.Thread:
        thread = threading.Thread(target=self._run, name=name, daemon=True)
        thread.start()
        return thread

    def wake(self) -> None:
        self._pool.wake(self)

    def leave_behind(self) -> None:
        self.ready = deque(maxlen=0)
        self._parks = self._resumptions

    @property
    def has_parked(self) -> bool:
        """Whether it has to go on with some that wait."""
        return self._parks != self._resumptions

    @property
    def progress(self) -> object:
        """What changes whenever it goes on with something else."""
        process = self.running
        return None if process is None else (process, process.handled, self._resumptions)

    @property
    def is_waited_for(self) -> bool:
        return bool(self.ready or (self._pool.queue and not self.surplus))

    def look_at(self, process: Process) -> None:
        """Note whose code it is running; called by the watchdog."""
        process.look_at(WATCH_SECONDS)

    # Called in its own thread

    def park(self, me: greenlet) -> None:
        """Leave `me`, the current greenlet, until it is resumed, and go on with others."""
        process = self.running
        self._parks += 1
        try:
            item = self._next()
            if not isinstance(item, greenlet):
                (self._idle.pop() if self._idle else self._hub).switch(item)
            elif item is not me:
                item.switch()
        finally:
            self._resumptions += 1
            self.running = process
        if self.surplus:
            self._pool.reinstate(self)

    def _run(self) -> None:
        if self._pool.watchdog.asleep:
            self._pool.watchdog.rouse()
        if not self._pool.has_begun(self):
            return
        self.ident = threading.get_ident()
        self._hub = getcurrent()
        while not self._has_served():
            pass
        for loop in self._idle:
            loop.throw()
        # Who keeps the first greenlet of a thread that has ended is searched for, through all objects that there are.
        self._idle.clear()
        del self._hub

    def _has_served(self) -> bool:
        """Run what comes, to the end; False after an error, since those that are parked here can go on nowhere else."""
        try:
            self._serve()
        except BaseException:
            self.running = None
            logger.critical("an error of the runtime itself, in %s", threading.current_thread().name, exc_info=True)
            if not self._pool.get_up(self):
                # Nor is it to be woken again by a bell that it hasn't heard.
                self.bell.acquire(blocking=False)
            return False
        return True

    def _serve(self) -> None:
        item = self._next()
        while item is not None:
            # Every loop is begun by this one line, so that none has another's frames beneath it, which would pile up.
            # And when the interpreter ends while a loop runs, and unwinds the stack of this thread, it has to find each
            # frame as it was then; and no arguments, which it would drop, though it may touch no object any more.
            loop = item if isinstance(item, greenlet) else greenlet(self._loop)
            self._handed, item = item, None
            item = loop.switch()

    def _loop(self) -> Process | greenlet | None:
        """Run what is next, in a greenlet that a wait of an actor may park; what it returns is for another to run."""
        me = getcurrent()
        turn_of = self._turn
        me.gr_context = context = Context()
        item, self._handed = self._handed, None
        while item is not None:
            if isinstance(item, greenlet):
                if len(self._idle) >= IDLE_GREENLETS:
                    return item
                self._idle.append(me)
                item = item.switch()
                continue
            own = item.context
            if own is not None:
                own.run(turn_of, item, own)
            elif turn_of(item, context):
                me.gr_context = context = Context()
            # Not kept while nothing is to be done.
            item = own = None
            item = self._next()
        return None

    def _turn(self, process: Process, context: Context) -> bool:
        """Run an actor for a turn; True when the context isn't for others, since it has set variables there."""
        kind: Any = process.home
        if kind.pool is not self._pool:
            kind.schedule(process)
            return False
        if current() is not process:
            set_current(process)
        process.driver = self
        self.running = process
        run = self._run_turn
        try:
            run(process)
        except GreenletExit:
            # The stack is unwound, and nothing may go on here.
            raise
        except BaseException as error:  # noqa: BLE001 - reported, and of this actor alone
            _end_by_error(process, error)
        has_variables = len(context) > 1
        if process.gone:
            set_current(None)
            return has_variables
        if has_variables:
            process.context = context
        # Only now may another carrier have it.
        if not process.rest():
            kind.schedule(process)
        return has_variables

    def _next(self) -> Process | greenlet | None:
        """What to run next, waiting for it; None when the thread is to end."""
        # In turn from both, so that neither those who wait to go on nor the others starve.
        self._queue_first = queue_first = not self._queue_first
        queue, ready = self._queue, self.ready
        try:
            if queue and (queue_first or not ready) and not self.surplus:
                return queue.popleft()
            if ready:
                wait = ready.popleft()
                parked, wait.parked = wait.parked, None
                if parked is not None:
                    return parked
        except IndexError:
            pass
        return self._take() or self._await_next()

    def _await_next(self) -> Process | greenlet | None:
        # Who was answered last wakes meanwhile, and waits until this thread sleeps: so, in as few steps as can be.
        self.running = None
        pool = self._pool
        while True:
            if not pool.fall_asleep(self):
                return None
            item = self._take()
            if item is None:
                if not self._await_bell():
                    return None
                if self.asleep and not pool.get_up(self):
                    # Rung again meanwhile, maybe, by one who came after the first, which was interrupted.
                    self.bell.acquire(blocking=False)
                item = self._take()
            elif not pool.get_up(self):
                self.bell.acquire()
            if pool.watchdog.asleep:
                pool.watchdog.rouse()
            if item is not None:
                return item

    def _take(self) -> Process | greenlet | None:
        """What there is to run, from wherever; None when there is nothing."""
        while self.ready:
            wait = self.ready.popleft()
            parked, wait.parked = wait.parked, None
            # None: released again, after it was resumed, or before it was parked.
            if parked is not None:
                return parked
        if self.surplus or not self._queue:
            return None
        try:
            return self._queue.popleft()
        except IndexError:
            return None

    def _await_bell(self) -> bool:
        """Sleep; False when the thread isn't needed any more."""
        if self.has_parked or not (self.surplus or self._pool.for_blockers):
            return self.bell.acquire()
        if self.bell.acquire(timeout=LINGER_SECONDS):
            return True
        if self._pool.retire(self):
            return False
        return self.bell.acquire()


class TimedCarrier(Carrier):
    """A carrier for classes that block, which sees how long an actor holds its thread at a time."""

    def __init__(self, pool: Pool) -> None:
        super().__init__(pool)
        self._run_turn = self._timed_turn
        self._held_since = 0.0

    def look_at(self, process: Process) -> None:
        super().look_at(process)
        self._judge(process)

    def park(self, me: greenlet) -> None:
        process = self.running
        assert process is not None, "what is parked is the code of an actor whose turn it is"
        self._judge(process)
        super().park(me)
        self._held_since = real_now()

    def _timed_turn(self, process: Process) -> None:
        self._held_since = real_now()
        turn(process)
        self._judge(process)

    def _judge(self, process: Process) -> None:
        """See whether an actor has held the thread for too long to be quick, or its class was quick for long enough."""
        kind: Any = process.home
        now = real_now()
        if now - self._held_since > QUICK_SECONDS:
            kind.quick_since = now
        elif now - kind.quick_since > QUIET_SECONDS and kind.pool is self._pool:
            self._pool.watchdog.move_back(kind)


class Scheduler:
    """Starts actors where they are to run.

    Args:
        carriers: how many actors may run at once, of those that share threads. More than one is of use where the
            interpreter has no global lock; what is shared between carriers is right without it.
    """

    def __init__(self, carriers: int = 1) -> None:
        self.watchdog = Watchdog(self)
        self.light = Pool(self.watchdog, "actors", carriers)
        self.blocking = Pool(self.watchdog, "actors-blocking", BLOCKING_CARRIERS, for_blockers=True)
        # By the `id()` of the class, which is found faster than a weak reference, and not another's while that lives.
        self._kinds: dict[int, Kind] = {}
        self._numbers = itertools.count(1)
        # Called by each thread that has nothing left to run, while somebody wants to know.
        self.on_rest: Callable[[], object] | None = None

    def tell_rest(self) -> None:
        if (on_rest := self.on_rest) is not None:
            on_rest()

    def start(self, process: Process, runs_on: RunsOn, *, daemon: bool, begins: bool = True) -> None:
        """Run an actor that is claimed; returns at once.

        Args:
            daemon: whether the program may end while it lives.
            begins: whether it has anything to run before its first message. One that hasn't is up, and idle.

        Raises:
            RuntimeError: no thread can be started for it; nothing has been done.
            BaseException: by the handler of a signal. If it has a home, it was handed over to that.
        """
        # What runs from here on is its own.
        process.busy = False
        if runs_on == "thread":
            self._start_alone(process, daemon=daemon)
            return
        if not self.light.carriers:
            self.light.begin()
        if not daemon:
            lifeline.hold(process)
        kind = self._kinds.get(id(process.actor_class))
        if kind is None:
            kind = self._new_kind(process.actor_class)
        if not begins:
            process.mark_started()
            process.begin_idle(kind)
            return
        pool = kind.pool
        # What has a home is handed over: no handler of a signal comes between these two.
        process.home = kind
        pool.queue.append(process)
        if pool.sleepers:
            pool.wake_one()

    def _start_alone(self, process: Process, *, daemon: bool) -> None:
        home = OwnThread(process, f"{process.label}-{next(self._numbers)}", daemon=daemon)
        process.home = home
        try:
            home.thread.start()
        except BaseException:
            if home.forgo():
                del process.home
            raise

    def _new_kind(self, actor_class: type) -> Kind:
        kinds, key = self._kinds, id(actor_class)
        return kinds.setdefault(key, Kind(actor_class, self.light, lambda _: kinds.pop(key, None)))

    def leave_behind(self) -> None:
        """End, in a forked child, the thread that forked, when that was in a handler and comes back."""
        self.light.leave_behind()
        self.blocking.leave_behind()

    def close(self, seconds: float) -> None:
        """End the threads, within so many seconds. One that is stuck in a handler ends when that returns."""
        deadline = time.monotonic() + seconds
        leaving = [*self.light.close(), *self.blocking.close()]
        self.watchdog.close()
        for carrier in leaving:
            if carrier.thread is not None and carrier.thread is not threading.current_thread():
                carrier.thread.join(max(deadline - time.monotonic(), 0.0))
