"""The runtime: the one object that all that is not a value hangs on."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Self, TypeVar
from weakref import WeakSet

from actors._clock import Clock, SystemClock
from actors._event_loop import EventLoop
from actors._fork import free_in_child, in_child
from actors._observer import Observer
from actors._process import Process, chosen, current, lock_of_all, new_waiter, set_current
from actors._scheduler import Scheduler, lifeline
from actors._telemetry import ACTOR, MESSAGE, Telemetry
from actors.dead_letters import DeadLetters
from actors.errors import AlreadyStarted, NameUnavailable, ProcessKilled
from actors.messages import Shutdown

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Hashable
    from contextvars import Token

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

    Actors belong to the runtime in which they were started, and start others there. Threads of your own that are to
    work with a runtime other than the default one need its context: `contextvars.copy_context().run(...)`.

    In a child that the program forks all actors have ended, of `Shutdown("forked")`: waiting for an answer of theirs
    raises `ActorDied`. What is started there lives in a new default runtime.

    Args:
        clock: where time comes from; the machine's monotonic clock by default.
        carriers: how many threads run the actors that share threads. More than one only pays where the interpreter
            has no global lock.
    """

    def __init__(self, *, clock: Clock | None = None, carriers: int = 1) -> None:
        if not isinstance(carriers, int) or isinstance(carriers, bool) or carriers < 1:
            msg = f"carriers must be a whole number >= 1; got {carriers!r}"
            raise ValueError(msg)
        self.is_of_parent = False
        self._begin(clock if clock is not None else SystemClock(), Scheduler(carriers))
        _runtimes.add(self)

    def _begin(self, clock: Clock, scheduler: Scheduler) -> None:
        self.clock = clock
        self.scheduler = scheduler
        self.lock = lock_of_all
        self._event_loop: EventLoop | None = None
        self._processes: dict[Process, None] = {}
        self._names: dict[Hashable, Process] = {}
        self.telemetry = Telemetry(self.clock, self._fit_observers)
        self.dead_letters = DeadLetters(self)
        self._observes_all = False
        self._is_closed = False
        self._tables: dict[tuple[type, str], object] = {}
        self._token: Token[Runtime | None] | None = None

    def __enter__(self) -> Self:
        if self._is_closed:
            msg = "this runtime has ended, and can't be entered again; make a new one: Runtime()"
            raise RuntimeError(msg)
        self._token = chosen.set(self)
        return self

    def __exit__(self, *_exc_info: object) -> None:
        if self._token is not None:
            chosen.reset(self._token)
            self._token = None
        self.close()

    def close(self, timeout: float = 10.0) -> None:
        """Stop all actors, as `stop_all` does, and the clock."""
        self._is_closed = True
        self.stop_all(timeout)
        self.scheduler.close()
        with self.lock:
            event_loop, self._event_loop = self._event_loop, None
        if event_loop is not None:
            event_loop.close()
        self.dead_letters.close()
        self.clock.close()

    def stop_all(self, timeout: float = 10.0) -> None:
        """End all actors: those without a parent first, latest first, which end their children; then what is left.

        Supervisors are such roots, so nothing is restarted meanwhile. What doesn't end in time is killed. Plain Pykka
        actors that were started by somebody else, and are only linked or monitored here, are left alone.

        Args:
            timeout: seconds for all together.
        """
        deadline = self.clock.now() + timeout
        self._stop_each([process for process in self._own_processes() if process.parent is None], deadline)
        self._stop_each(self._own_processes(), deadline)

    def _own_processes(self) -> list[Process]:
        return [process for process in self.processes() if not process.is_guest]

    def _stop_each(self, processes: list[Process], deadline: float) -> None:
        for process in reversed(processes):
            process.request_stop(Shutdown())
            process.wait_until(_is_gone, max(deadline - self.clock.now(), 0.0))
        for process in reversed(processes):
            process.kill()
            if process.gone:
                process.home.join()

    def leave_behind(self) -> list[Process]:
        """Be what a forked child has of its parent's runtime: empty, and for nobody to use; return who was in it."""
        left = list(self._processes)
        self.is_of_parent = True
        self.scheduler.leave_behind()
        clock = SystemClock() if isinstance(self.clock, SystemClock) else self.clock
        self._begin(clock, Scheduler())
        for process in left:
            process.leave_behind()
        return left

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
            if self._event_loop is None:
                self._event_loop = EventLoop()
            return self._event_loop

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

    def admit(self, process: Process, *, link: bool = False, name: Hashable | None = None) -> None:
        """Enter a new actor, with its name and the link to its parent, in one step (A22, A35).

        Raises:
            AlreadyStarted: the name belongs to another actor.
        """
        if name is None and not link and not self._observes_all and not self.is_of_parent:
            self._processes[process] = None
            # Entered first, looked at second: who begins to look on does it the other way round.
            if not self._observes_all:
                return
        with self.lock:
            if self.is_of_parent:
                msg = "this runtime belongs to the process that forked this one; choose another: with Runtime(): ..."
                raise RuntimeError(msg)
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

    def forget(self, process: Process) -> None:
        """Drop a gone actor; called with the lock held."""
        self._processes.pop(process, None)
        if process.holds_program:
            process.holds_program = False
            lifeline.let_go()

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
            process = self._names.pop(name, None)
            if process is None:
                msg = f"nobody is named {name!r}"
                raise NameUnavailable(msg)
            process.name = None

    def release_name(self, process: Process) -> None:
        """Free the name of an actor that ends; called with the lock held."""
        if process.name is not None:
            self._names.pop(process.name, None)
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


def _is_gone(process: Process) -> bool:
    return process.gone


_default_lock = free_in_child(threading.Lock())
_default: list[Runtime] = []
_runtimes: WeakSet[Runtime] = WeakSet()
# Actors of the parent's, in a forked child. What some of them wait with must never be freed: that would end their code.
_left_behind: list[Process] = []


def current_runtime() -> Runtime:
    """The runtime of the calling actor; else the one of the `with runtime:` around; else the default one."""
    process = current()
    if process is not None:
        return process.runtime
    runtime = chosen.get()
    if runtime is not None:
        return runtime
    if not _default:
        with _default_lock:
            if not _default:
                _default.append(Runtime())
    return _default[0]


def _start_afresh() -> None:
    """Leave all actors behind in a forked child, which may start its own: whatever is used next is new."""
    set_current(None)
    chosen.set(None)
    _default.clear()
    for runtime in list(_runtimes):
        _left_behind.extend(runtime.leave_behind())


in_child(_start_afresh)
