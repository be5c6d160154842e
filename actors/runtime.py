"""The runtime: the one object that all that is not a value hangs on."""

from __future__ import annotations

import random
import threading
from typing import TYPE_CHECKING, Any, Self, TypeVar
from weakref import WeakSet

from actors._bounded import Bound, BoundedProcess
from actors._clock import Clock, SystemClock, check_seconds
from actors._ending import await_gone, end_all
from actors._event_loop import EventLoop
from actors._fork import free_in_child, in_child
from actors._kill import kill_all
from actors._lifeline import lifeline
from actors._observer import Observer
from actors._process import Process, chosen, current, lock_of_all, new_waiter, set_current
from actors._scheduler import Scheduler
from actors._telemetry import ACTOR, MESSAGE, Telemetry
from actors.dead_letters import DeadLetters
from actors.errors import AlreadyStarted, Deadlock, NameUnavailable, ProcessKilled

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine, Hashable

    import pykka

    from actors._clock import Waiter
    from actors._observer import Traced

__all__ = ["Runtime", "current_runtime"]

T = TypeVar("T")


class Runtime:
    """A world of actors: its clock, its scheduler, its process table and names, its telemetry and dead letters.

    A default one is made on first use. A test, or a program that wants its own, runs inside another:

        with Runtime() as runtime:
            ref = MyActor.start()
        # all of its actors have ended here

    Actors belong to the runtime in which they were started, and start others there: their code can't enter another.
    Threads of your own that are to work with a runtime other than the default one need its context:
    `contextvars.copy_context().run(...)`. It is entered once, with `RuntimeError` for whoever enters it again, and
    always ends when it is left, in whatever context that is.

    In a child that the program forks all actors have ended, of `Shutdown("forked")`: waiting for an answer of theirs
    raises `ActorDied`. What is started there lives in a new default runtime.

    Args:
        clock: where time comes from; the machine's monotonic clock by default.
        carriers: how many threads run the actors that share threads. More than one only pays where the interpreter
            has no global lock.

    Raises:
        TypeError: `clock` is no clock.
        ValueError: `carriers` is no whole number, or less than 1.
    """

    _moment_seconds = 0.2
    """Real time that what was killed, and threads that are to end, have for it in any case."""

    def __init__(self, *, clock: Clock | None = None, carriers: int = 1) -> None:
        if clock is not None and (isinstance(clock, type) or not isinstance(clock, Clock)):
            msg = f"clock must be a Clock, such as actors.testing.ManualClock(), or None; got {clock!r}"
            raise TypeError(msg)
        if not isinstance(carriers, int) or isinstance(carriers, bool) or carriers < 1:
            msg = f"carriers must be a whole number >= 1; got {carriers!r}"
            raise ValueError(msg)
        self.is_of_parent = False
        self._begin(clock if clock is not None else SystemClock(), Scheduler(carriers))
        _runtimes.add(self)

    def _begin(self, clock: Clock, scheduler: Any) -> None:
        self.clock = clock
        self.scheduler = scheduler
        self.lock = lock_of_all
        self._event_loop: EventLoop | None = None
        self._processes: dict[Process, None] = {}
        self._names: dict[Hashable, Process] = {}
        self.telemetry = Telemetry(self.clock, self._fit_observers)
        self.dead_letters = DeadLetters(self)
        self._observes_all = False
        # Whether it is being ended, or was; and whether that is done.
        self._is_closed = False
        self._has_ended = False
        # Why nothing can be started here.
        self._refusal: str | None = None
        # Whether starting is but entering: nobody looks on, and nothing is refused.
        self._is_plain = True
        self._tables: dict[tuple[type, str], object] = {}
        # While it is entered, what was chosen before.
        self._is_entered = False
        self._outer: Runtime | None = None

    @property
    def real_time(self) -> Clock:
        """What the patience of tests is measured by, whatever the clock says."""
        return _real_time

    def __enter__(self) -> Self:
        if self._is_closed:
            msg = "this runtime has ended, and can't be entered again; make a new one: Runtime()"
            raise RuntimeError(msg)
        if self._is_entered:
            msg = "this runtime has been entered already; one `with` is enough, which ends it when it is left"
            raise RuntimeError(msg)
        process = current()
        if process is not None:
            msg = f"{process.label} can't enter a runtime: what an actor starts lives in the actor's own; "
            msg += "enter it in a thread that is no actor's, such as a threading.Thread of yours"
            raise RuntimeError(msg)
        self._is_entered = True
        self._outer = chosen.get()
        chosen.set(self)
        return self

    def __exit__(self, *_exc_info: object) -> None:
        # In another context it may never have been chosen: the steps of an async fixture may be tasks of their own.
        if self._is_entered and chosen.get() is self:
            chosen.set(self._living_outer())
        self._is_entered = False
        self.close()

    def _living_outer(self) -> Runtime | None:
        """The runtime of the `with` around, which may have been left first."""
        outer = self._outer
        while outer is not None and outer._is_closed:
            outer = outer._outer
        return outer

    def close(self, timeout: float = 10.0) -> None:
        """Stop all actors, as `stop_all` does, then the clock and the threads; nothing can be started here any more.

        Code that can't be ended, since it blocks its thread, or is a coroutine that resists its cancellation, is
        *abandoned*: named in the log when it is killed, and left to run on. Closing what has been closed does nothing.

        Args:
            timeout: seconds for all together; 0 kills all at one moment.

        Raises:
            ValueError: `timeout` is no finite number of seconds, or negative; nothing was stopped.
            Deadlock: an actor of this runtime calls, and would wait for its own end; nothing was stopped.
            WouldBlock: a coroutine of another runtime's actor calls, which all others there would wait for; nothing was
                stopped. It may await `asyncio.to_thread(runtime.close)`.
        """
        self._close(timeout, self.clock)

    def _close(self, timeout: float, clock: Clock) -> list[Process]:
        """Close within a time by this clock; return those that did not end by themselves."""
        self._refuse_to_end("close", timeout)
        if self._has_ended or self.is_of_parent:
            return []
        deadline = clock.now() + timeout
        self._is_closed = True
        with _default_lock:
            if self in _default:
                _default.clear()
        killed = end_all(self._own_processes, timeout, clock)
        self._refuse_starts("this runtime has ended; make a new one: with Runtime(): ...")
        # Those who were started a moment ago.
        kill_all(self._own_processes())
        # Whatever the clock says, since these wait for threads.
        real_time = SystemClock()
        threads_deadline = real_time.now() + max(deadline - clock.now(), self._moment_seconds)
        event_loop = self._event_loop
        if event_loop is not None:
            event_loop.close(threads_deadline - real_time.now())
        self.scheduler.close(threads_deadline - real_time.now())
        self.dead_letters.close(threads_deadline - real_time.now())
        for process in killed:
            await_gone(process, real_time, threads_deadline)
        real_time.close()
        self.clock.close()
        self._move_guests()
        # Last: the handler of a signal may have this end before, and it can be closed again then.
        self._event_loop = None
        self._has_ended = True
        return killed

    def _move_guests(self) -> None:
        """Have those who live on be known to a runtime that does."""
        guests = [process for process in self.processes() if process.is_guest]
        if not guests:
            return
        host = self._living_outer() or _default_runtime()
        with self.lock:
            for process in guests:
                if process.gone:
                    continue
                self.release_name(process)
                self._processes.pop(process, None)
                process.runtime = host
                host._processes[process] = None
                host._fit_observer(process)

    def stop_all(self, timeout: float = 10.0) -> None:
        """End all actors in order; kill those that don't end in time.

        Those without a living parent are asked one after the other, latest first, and end their children themselves.
        Supervisors are such roots, so nothing is restarted meanwhile. Plain Pykka actors that were started by somebody
        else, and are only linked or monitored here, are left alone.

        What is stuck costs the others their order, but not their end: after half of the time all roots that are left
        are asked at once, after three quarters all actors that are left, parents first. So everybody has been asked,
        and has had time for `on_stop`, before anybody is killed.

        Args:
            timeout: seconds for all together. 0 kills all at one moment: nobody runs `on_stop`.

        Raises:
            ValueError: `timeout` is no finite number of seconds, or negative; nothing was stopped.
            Deadlock: an actor of this runtime calls, and would wait for its own end; nothing was stopped.
            WouldBlock: a coroutine of another runtime's actor calls, which all others there would wait for; nothing was
                stopped. It may await `asyncio.to_thread(runtime.stop_all)`.

        OTP: `init:stop` ends applications in the reverse of their order, then kills what is left; differs, since there
        an application that is stuck costs all others their end when `-shutdown_time` is over.
        """
        self._refuse_to_end("stop_all", timeout)
        end_all(self._own_processes, timeout, self.clock)

    def _refuse_to_end(self, function: str, timeout: object) -> None:
        check_seconds(timeout)
        process = current()
        if process is not None and process.runtime is self:
            msg = f"{process.label} can't call {function}(), which waits for the end of all actors, its own among them"
            msg += f"; call it outside of actors: threading.Thread(target=runtime.{function}).start()"
            raise Deadlock(msg, "calling_self")
        if process is not None:
            process.refuse_to_block()

    def _own_processes(self) -> list[Process]:
        return [process for process in self.processes() if not process.is_guest]

    def leave_behind(self) -> list[object]:
        """Be what a forked child has of its parent's runtime: empty, and for nobody to use; return what was in it."""
        left = list(self._processes)
        event_loop = self._event_loop
        self.is_of_parent = True
        self.scheduler.leave_behind()
        if event_loop is not None:
            event_loop.leave_behind()
        clock = SystemClock() if isinstance(self.clock, SystemClock) else self.clock
        self._begin(clock, Scheduler())
        self._refuse_starts("this runtime is that of the parent process; choose another: with Runtime(): ...")
        for process in left:
            process.leave_behind()
        return [*left, event_loop]

    # Waiting

    def wait(self, waiter: Waiter, timeout: float | None) -> bool:
        """Block the calling thread or actor until `waiter` is released; False after `timeout` seconds."""
        process = current()
        if process is None:
            return waiter.wait(self.clock, timeout)
        return process.wait(waiter, timeout)

    def new_waiter(self) -> Waiter:
        """A waiter for one wait of the calling thread or actor."""
        return new_waiter()

    def random(self) -> float:
        """Return a random number, at least 0 and less than 1, for delays that are to be spread."""
        return random.random()

    # Async handlers

    @property
    def event_loop_ident(self) -> int | None:
        """The thread on which coroutines run; None before there is one."""
        event_loop = self._event_loop
        return None if event_loop is None else event_loop.ident

    def run_coroutine(self, process: Process, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine for an actor whose code calls, and wait for it."""
        try:
            event_loop = self._event_loop or self._begin_event_loop()
        except BaseException:
            coroutine.close()
            raise
        return event_loop.run(process, coroutine)

    def _begin_event_loop(self) -> EventLoop:
        with self.lock:
            if self._refusal is not None:
                raise RuntimeError(self._refusal)
            if self._event_loop is None:
                self._event_loop = self._new_event_loop()
            return self._event_loop

    def _new_event_loop(self) -> EventLoop:
        return EventLoop(self.scheduler.watchdog)

    def help_on(self, is_over: Callable[[], bool], done: asyncio.Future[None]) -> None:
        """Do what is needed for something to hold in the end, which is awaited: nothing, actors run by themselves."""

    def end_tasks(self, process: Process) -> None:
        """Cancel the tasks that coroutines of a dead actor have started, and wait for their end."""
        event_loop = self._event_loop
        if event_loop is not None:
            event_loop.end_tasks(process)

    # The process table

    def processes(self) -> list[Process]:
        """All actors that aren't gone yet, in the order in which they were started."""
        with self.lock:
            return list(self._processes)

    def abandoned(self) -> list[pykka.ActorRef[Any]]:
        """Return those that were killed and whose code still runs, in the order in which they were started.

        What they have registered, and what they work at, is held until it has ended. A program that would rather end
        than run with many of them looks here, when an actor has ended with `Killed()`, how many there are.
        """
        return [process.ref for process in self.processes() if process.state == "abandoned"]

    def new_process(
        self, actor_class: type[pykka.Actor], parent: Process | None, *, trapping: bool, bound: Bound | None = None
    ) -> Process:
        """Make the record of an actor that is about to start."""
        if bound is None:
            return Process(self, actor_class, parent=parent, trapping=trapping)
        return BoundedProcess(self, actor_class, bound, parent=parent, trapping=trapping)

    def admit(self, process: Process, *, link: bool = False, name: Hashable | None = None) -> None:
        """Enter a new actor, with its name and the link to its parent, in one step (A22, A35).

        Raises:
            AlreadyStarted: the name belongs to another actor.
            RuntimeError: this runtime has ended.
        """
        if name is None and not link and self._is_plain:
            self._processes[process] = None
            # Entered first, looked at second: who changes it does it the other way round.
            if self._is_plain:
                return
        with self.lock:
            if self._refusal is not None:
                self._processes.pop(process, None)
                raise RuntimeError(self._refusal)
            if process.parent is not None and process.parent.announced:
                # Its children have had their signal; one more would never get it.
                raise ProcessKilled(process.parent.label)
            if name is not None:
                holder = self._names.get(name)
                if holder is not None:
                    raise AlreadyStarted(name, holder.ref)
                self._names[name] = process
                process.name = name
            self._processes[process] = None
            if self._observes_all:
                process.observer = Observer()
            if link and process.parent is not None:
                process.add_link(process.parent)

    def _refuse_starts(self, why: str) -> None:
        with self.lock:
            self._refusal = why
            self._is_plain = False

    def forget(self, process: Process) -> None:
        """Drop a gone actor; called with the lock held."""
        self._processes.pop(process, None)
        lifeline.let_go(process)

    # Those who look on

    def add_listener(self, process: Process, key: object, listener: Callable[[Traced], object]) -> bool:
        """Have a listener told of what an actor does; False when it has ended."""
        with self.lock:
            if process.gone:
                return False
            if process.observer is None:
                process.observer = Observer()
            process.observer.listeners[key] = listener
            return True

    def remove_listener(self, process: Process, key: object) -> None:
        """Have a listener told no more."""
        with self.lock:
            if process.observer is not None:
                process.observer.listeners.pop(key, None)
            self._fit_observer(process)

    def _fit_observers(self) -> None:
        with self.lock:
            self._observes_all = self.telemetry.listens_to(ACTOR) or self.telemetry.listens_to(MESSAGE)
            self._is_plain = not self._observes_all and self._refusal is None
            for process in list(self._processes):
                self._fit_observer(process)

    def _fit_observer(self, process: Process) -> None:
        if process.observer is None:
            process.observer = Observer() if self._observes_all else None
        elif not self._observes_all and not process.observer.listeners:
            process.observer = None

    # Names

    def whereis(self, name: Hashable) -> Process | None:
        """The actor that has this name now (A33)."""
        return self._names.get(name)

    def register_name(self, name: Hashable, process: Process) -> None:
        """Give an actor its name (A32)."""
        with self.lock:
            if process.announced:
                msg = f"{process.label} can't be named {name!r}: it has ended"
                raise NameUnavailable(msg)
            if process.runtime is not self:
                msg = f"{process.label} can't be named {name!r}: it is of another runtime, with names of its own"
                raise NameUnavailable(msg)
            if process.name is not None:
                msg = (
                    f"{process.label} can't be named {name!r}: it is named {process.name!r}, and an actor has one name"
                )
                raise NameUnavailable(msg)
            if name is None or name in self._names:
                holder = self._names.get(name)
                taken = "None is no name" if holder is None else f"{holder.label} has it"
                msg = f"{process.label} can't be named {name!r}: {taken}"
                raise NameUnavailable(msg)
            self._names[name] = process
            process.name = name

    def unregister_name(self, name: Hashable) -> None:
        """Free a name, whoever has it (A33)."""
        with self.lock:
            process = self._names.get(name)
            if process is None:
                msg = f"nobody is named {name!r}"
                raise NameUnavailable(msg)
            # No handler of a signal comes between the two.
            process.name = None
            del self._names[name]

    def release_name(self, process: Process) -> None:
        """Free the name of an actor that ends; called with the lock held."""
        if process.name is not None:
            if self._names.get(process.name) is process:
                del self._names[process.name]
            process.name = None

    # Tables: what outlives the actor that keeps it

    def table(self, kind: type[T], name: str) -> T | None:
        """The table of this kind and name, if there ever was one."""
        found: Any = self._tables.get((kind, name))
        return found  # type: ignore[no-any-return]  # its key says its type

    def table_or_new(self, kind: type[T], name: str, make: Callable[[], T]) -> T:
        """The table of this kind and name, made when there is none."""
        with self.lock:
            found: Any = self._tables.get((kind, name))
            if found is None:
                found = self._tables[kind, name] = make()
            return found  # type: ignore[no-any-return]  # its key says its type


_real_time = SystemClock()
# A finalizer that starts an actor, or looks for one, may come between two lines of the same thread that holds it.
_default_lock = free_in_child(threading.RLock())
_default: list[Runtime] = []
_runtimes: WeakSet[Runtime] = WeakSet()
# What a forked child has of its parent's actors, and coroutines. It must never be freed: that would end their code.
_left_behind: list[object] = []


def current_runtime() -> Runtime:
    """The runtime of the calling actor; else the one of the `with runtime:` around; else the default one."""
    process = current()
    if process is not None:
        return process.runtime
    runtime = chosen.get()
    if runtime is not None:
        return runtime
    return _default_runtime()


def _default_runtime() -> Runtime:
    try:
        return _default[0]
    except IndexError:
        with _default_lock:
            if not _default:
                runtime = Runtime()
                # A finalizer may have made one meanwhile.
                if not _default:
                    _default.append(runtime)
            return _default[0]


def _start_afresh() -> None:
    """Leave all actors behind in a forked child, which may start its own: whatever is used next is new."""
    set_current(None)
    chosen.set(None)
    _default.clear()
    for runtime in list(_runtimes):
        _left_behind.extend(runtime.leave_behind())


in_child(_start_afresh)
