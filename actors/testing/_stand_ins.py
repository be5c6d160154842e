"""What blocks a thread, replaced while a simulation runs: by what blocks an actor; or refused, with what to do instead.

A lock that an actor holds while others go on in the same thread would let them in, or stop them all. So locks, and all
that the standard library makes of them, are the simulation's own when they are made by the test or by actors; one that
was made before may not be held across a switch point.
"""

from __future__ import annotations

import _thread
import asyncio
import math
import queue
import sys
import sysconfig
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import pykka

from actors import _pykka_registry
from actors._fork import free_in_child
from actors._process import current, new_waiter

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, ModuleType

    from actors._clock import Waiter
    from actors.testing._simulation import Simulation

__all__ = [
    "CLOCKS",
    "LOCK_MAKERS",
    "OWN",
    "NotSimulated",
    "RunningIn",
    "check_acquire",
    "check_sleep",
    "give_place_to",
    "is_of_library",
    "package_called",
    "package_of",
    "refuse_plain",
    "stand_ins",
    "take_the_place_of_others",
    "where_called",
]

_sleep = time.sleep


def check_acquire(blocking: bool, timeout: float) -> None:  # noqa: FBT001 - as threading's
    """Refuse what the real locks refuse to be acquired with, as they do."""
    if not blocking or timeout != -1:
        _thread.allocate_lock().acquire(blocking, timeout)


def check_sleep(seconds: float) -> None:
    """Refuse what the real `time.sleep()` refuses, as it does."""
    try:
        is_time = 0 <= seconds < math.inf
    except TypeError:
        is_time = False
    if not is_time:
        _sleep(seconds)


class NotSimulated(AssertionError):
    """Somebody in a simulation did what would stop all others, or can't be the same in each run.

    Args:
        what: what it did.
        where: file and line.
        instead: what to do, or to hand in by the test.
    """

    def __init__(self, what: str, where: str, instead: str) -> None:
        super().__init__(f"{what} can't be simulated, at {where}; {instead}")
        self.what = what
        self.where = where
        self.instead = instead


_simulations: dict[int, Simulation] = {}
"""By thread: what runs there now. What was made in one may be used in the next, or when there is none any more."""


class RunningIn:
    """While it is entered, a simulation runs in this thread, and what blocks a thread is replaced for its code."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._around: Simulation | None = None

    def __enter__(self) -> None:
        stand_ins.__enter__()
        self._around = _simulations.get(self._simulation.thread)
        _simulations[self._simulation.thread] = self._simulation

    def __exit__(self, *_exc_info: object) -> None:
        if self._around is None:
            del _simulations[self._simulation.thread]
        else:
            _simulations[self._simulation.thread] = self._around
        stand_ins.__exit__()


def take_the_place_of_others(simulation: Simulation) -> Simulation | None:
    """Have it be what runs in its thread, though another was entered within it; return that one, if there is one."""
    inner = _simulations.get(simulation.thread)
    if inner is None or inner is simulation:
        return None
    _simulations[simulation.thread] = simulation
    return inner


def give_place_to(simulation: Simulation) -> None:
    """Have it be what runs in its thread again."""
    _simulations[simulation.thread] = simulation


def _me() -> object:
    """Whose a lock is that is acquired now: the body's that runs; otherwise the thread's."""
    thread = threading.get_ident()
    simulation = _simulations.get(thread)
    return (simulation and simulation.running) or thread


class SimulatedLock:
    """Does what a `threading.Lock` does, and what an `RLock` does when it is reentrant, for actors of a simulation.

    For threads that run no simulation it is a real one. So it may outlive the simulation that it was made in, as one at
    the top of a module does that an actor was the first to import.
    """

    def __init__(self, *, reentrant: bool = False, is_gate: bool = False) -> None:
        self._lock = _thread.allocate_lock()
        self._reentrant = reentrant
        self._owner: object = None
        # Which coroutine of that has it, if one has.
        self._task: asyncio.Task[Any] | None = None
        # Whether others open it than who has shut it, as they do with what waits at a condition.
        self._is_gate = is_gate
        # Of a reentrant one.
        self._depth = 0
        # Of actors, and of the test.
        self._waiting: list[Waiter] = []

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002 - as threading's
        if not blocking or timeout != -1:
            check_acquire(blocking, timeout)
        if self._reentrant and self._is_mine():
            self._depth += 1
            return True
        # Most are free.
        if not (self._lock.acquire(False) or self._acquire_later(blocking, timeout)):  # noqa: FBT003 - as threading's
            return False
        self._owner = _me()
        if asyncio._get_running_loop() is not None:
            self._task = asyncio.current_task()
        if self._reentrant:
            self._depth = 1
        return True

    def _acquire_later(self, blocking: bool, timeout: float) -> bool:  # noqa: FBT001 - as threading's
        """Acquire what another has now, or wait in vain."""
        simulation = _simulations.get(threading.get_ident())
        if simulation is None:
            return bool(self._lock.acquire(blocking, timeout))
        deadline = None if timeout < 0 else simulation.clock.now() + timeout
        while not self._lock.acquire(blocking=False):
            if not blocking or not self._wait(simulation, deadline):
                return False
        return True

    def _wait(self, simulation: Simulation, deadline: float | None) -> bool:
        """Wait until it is given up and this one is the next to try; False when the time is over before."""
        waiter = new_waiter()
        self._waiting.append(waiter)
        clock = simulation.clock
        left = None if deadline is None else max(deadline - clock.now(), 0.0)
        body = simulation.running
        if deadline is None and body is not None:
            simulation.lock_waits[body] = self
        try:
            # A kill doesn't end the wait for a lock.
            waiter.wait(clock, left)
        except BaseException:
            if waiter not in self._waiting:
                # It was woken, and won't try: somebody else is to.
                self._wake_next()
            raise
        finally:
            if body is not None:
                simulation.lock_waits.pop(body, None)
                simulation.told_of.discard(body)
            # Whoever gives it up at the moment when the time is over may have woken this one, and so nobody else.
            is_next = waiter not in self._waiting
            if not is_next:
                self._waiting.remove(waiter)
        return is_next

    def _wake_next(self) -> None:
        if self._waiting:
            self._waiting.pop(0).release()

    def release(self) -> None:
        if self._reentrant:
            if not self._is_mine():
                raise RuntimeError("cannot release un-acquired lock")
            self._depth -= 1
            if self._depth:
                return
        elif self._owner != _me():
            self._is_gate |= self._is_opened_on_purpose()
        self._owner = self._task = None
        self._lock.release()
        self._wake_next()

    def _is_mine(self) -> bool:
        if not self._depth:
            return False
        simulation = _simulations.get(threading.get_ident())
        # Code that is ended by nobody's turn lets go of what was its own.
        return self._owner == _me() or (simulation is not None and simulation.is_unwinding)

    def _is_opened_on_purpose(self) -> bool:
        """Whether another opens it now than who has shut it, and doesn't only tidy up after a simulation."""
        simulation = _simulations.get(threading.get_ident())
        return self._owner is not None and simulation is not None and not simulation.is_unwinding

    def locked(self) -> bool:
        return bool(self._lock.locked())

    @property
    def owner(self) -> object:
        """Who alone is to open it: an actor or another body, or a thread that runs none; None when anybody may."""
        return None if self._is_gate else self._owner

    @property
    def task(self) -> asyncio.Task[Any] | None:
        """Which of the owner's coroutines is to open it, if one is."""
        return None if self._is_gate else self._task

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_exc_info: object) -> None:
        self.release()

    def _at_fork_reinit(self) -> None:
        self._lock = _thread.allocate_lock()
        self._owner = self._task = None
        self._depth = 0
        self._waiting.clear()

    # What `threading.Condition` wants of a reentrant lock

    def _is_owned(self) -> bool:
        return self._is_mine() if self._reentrant else self.locked()

    def _release_save(self) -> int:
        depth, self._depth = self._depth, 1
        self.release()
        return depth

    def _acquire_restore(self, depth: int) -> None:
        self.acquire()
        self._depth = depth


# Stand-ins: each does what the original does in a thread that runs no simulation. What an import binds to names
# meanwhile may be called in another simulation, or when there is none.


def _lock(**kind: bool) -> Callable[[Any], Any]:
    def make(original: Any) -> Any:
        def lock() -> Any:
            return SimulatedLock(**kind) if _is_made_here() else original()

        return lock

    return make


def _simple_queue(original: Any) -> Any:
    python_queue: Any = queue._PySimpleQueue  # type: ignore[attr-defined]  # the one that is made of locks

    def make_queue() -> Any:
        return python_queue() if _is_made_here() else original()

    return make_queue


def _simulated_sleep(original: Any) -> Any:
    def sleep(seconds: float) -> None:
        running = _simulations.get(threading.get_ident())
        if running is None:
            original(seconds)
            return
        check_sleep(seconds)
        if seconds == 0:
            # Time stands still; others may go on all the same.
            running.step_aside()
        running.sleep(seconds)

    return sleep


def _virtual_time(original: Callable[[], float]) -> Callable[[], float]:
    def time() -> float:
        running = _simulations.get(threading.get_ident())
        return original() if running is None else running.clock.now()

    return time


def _virtual_time_of_users(original: Callable[[], float]) -> Callable[[], float]:
    def monotonic() -> float:
        running = _simulations.get(threading.get_ident())
        if running is None:
            return original()
        caller = sys._getframe(1)
        # Only where waits are virtual too: what libraries wait for in the test, such as a socket, is real, and so is
        # what its coroutines sleep.
        is_virtual = _is_users(running, caller) and (
            running.running is not None
            or not (is_of_library(caller.f_code.co_filename) or asyncio._get_running_loop() is not None)
        )
        return running.look_at_clock() if is_virtual else original()

    return monotonic


def _refused(what: str, instead: str) -> Callable[[Any], Any]:
    def make(original: Any) -> Any:
        def refuse(*args: Any, **kwargs: Any) -> Any:
            running = _simulations.get(threading.get_ident())
            if running is not None and running.running is not None and current() is not None:
                running.fail(NotSimulated(what, where_called(), instead))
            return original(*args, **kwargs)

        return refuse

    return make


def refuse_plain(running: Simulation, cls: type[pykka.Actor]) -> NoReturn:
    """Refuse a plain Pykka actor, which has a thread of its own; in the test when it is an actor that wants it.

    Raises:
        NotSimulated: it says what to do.
    """
    adopted = f"system.adopt({cls.__name__})"
    instead = f"take {adopted} for the class, as in start_supervised(({adopted}, ...))"
    refusal = NotSimulated(f"the plain Pykka actor {cls.__name__}", where_called(), instead)
    if running.running is not None and current() is not None and threading.get_ident() == running.thread:
        running.fail(refusal)
    raise refusal


def _plain_refused(original: Any) -> Any:
    def start_loop(self: Any) -> None:
        running = _simulations.get(threading.get_ident())
        if running is not None:
            # It has no loop that would end it.
            _pykka_registry.remove(self.actor_ref)
            refuse_plain(running, type(self))
        original(self)

    return start_loop


_INSTEAD_OF_A_THREAD = "start an actor (system.adopt() makes one of a plain Pykka class), or a Task"
_INSTEAD_OF_A_LOOP = "make the handler `async def`"

_REPLACED: tuple[tuple[Any, str, Callable[[Any], Any]], ...] = (
    (time, "sleep", _simulated_sleep),
    (time, "monotonic", _virtual_time_of_users),
    # What waits at conditions. In some versions it is the same as the next, which stands for it in modules of users.
    (threading, "_allocate_lock", _lock(is_gate=True)),
    (threading, "Lock", _lock()),
    (threading, "RLock", _lock(reentrant=True)),
    (threading.Thread, "start", _refused("the start of a thread", _INSTEAD_OF_A_THREAD)),
    (pykka.ThreadingActor, "_start_actor_loop", _plain_refused),
    (_thread, "start_new_thread", _refused("the start of a thread", _INSTEAD_OF_A_THREAD)),
    (asyncio, "run", _refused("asyncio.run()", _INSTEAD_OF_A_LOOP)),
    (asyncio.BaseEventLoop, "run_forever", _refused("an event loop of its own", _INSTEAD_OF_A_LOOP)),
    (queue, "SimpleQueue", _simple_queue),
)
"""What blocks a thread, or starts one: where it is, its name there, and what makes a stand-in of it."""

CLOCKS: tuple[tuple[Any, str], ...] = ((threading, "_time"), (queue, "time"))
"""By what the time-outs of conditions, semaphores, barriers and queues are counted: `time.monotonic`."""

OWN = frozenset(
    {"actors", "supervision", "pykka", "logging", "asyncio", "concurrent", "greenlet", "contextvars", "random"}
)
"""Packages that are no user's code: their locks are real, and they hold none of a user's while they call."""

LOCK_MAKERS = frozenset({"threading", "queue"})
"""Modules whose locks are as those are that who calls them makes."""

_OF_FUTURES = frozenset({"pykka", "concurrent"})
"""Whose locks actors wait for in futures. For the test they are real, as are the threads that it starts."""


def package_of(module: dict[str, Any]) -> str:
    """The package, at the top, of a module that has these names."""
    return str(module.get("__name__")).partition(".")[0]


def _is_users(running: Simulation, frame: FrameType | None) -> bool:
    """Whether it is a user's code, or a future's for an actor, that calls there, by way of whatever makes locks."""
    while frame is not None and package_of(frame.f_globals) in LOCK_MAKERS:
        frame = frame.f_back
    package = "" if frame is None else package_of(frame.f_globals)
    return package not in OWN or (package in _OF_FUTURES and running.running is not None)


def is_of_library(file: str) -> bool:
    """Tell whether it is one of Python's own modules, or of those that are installed."""
    return file.startswith(_LIBRARIES)


_LIBRARIES = tuple(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))


def _is_made_here() -> bool:
    """Whether what the caller's caller makes is a user's, in a simulation."""
    running = _simulations.get(threading.get_ident())
    return running is not None and _is_users(running, sys._getframe(2))


def package_called() -> str:
    """The package of the code that calls, be it by way of Python's own."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and package_of(frame.f_globals) in sys.stdlib_module_names:
        frame = frame.f_back
    return "" if frame is None else package_of(frame.f_globals)


def where_called() -> str:
    """The file and line of the user's code that calls; of the test's that waits, when only the runtime's does."""
    frame = _users(sys._getframe(2)) or _users(_frame_of_the_test())
    return "an unknown place" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _users(frame: FrameType | None) -> FrameType | None:
    while frame is not None and package_of(frame.f_globals) in OWN | LOCK_MAKERS:
        frame = frame.f_back
    return frame


def _frame_of_the_test() -> FrameType | None:
    """Where it waits meanwhile, if it does."""
    running = _simulations.get(threading.get_ident())
    hub: Any = running and running._hub
    frame: FrameType | None = hub and hub.gr_frame
    return frame


class _StandIns:
    """The stand-ins of this program: in place as long as anybody wants them, for all simulations of that time.

    To replace what is used everywhere takes longer than a short simulation; so who makes many of these wants them
    throughout.
    """

    def __init__(self) -> None:
        self._lock = free_in_child(_thread.allocate_lock())
        self._wanted = 0
        self._originals: list[tuple[Any, str, Any]] = []
        self._made: dict[Any, Any] = {}
        # Where names are replaced.
        self._around: set[_Around] = set()

    def __enter__(self) -> None:
        with self._lock:
            self._wanted += 1
            if self._wanted == 1:
                for where, name, make in _REPLACED:
                    original = getattr(where, name)
                    self._made[original] = make(original)
                    self._replace(where, name, original)
                for where, name in CLOCKS:
                    original = getattr(where, name)
                    self._originals.append((where, name, original))
                    setattr(where, name, _virtual_time(original))

    def __exit__(self, *_exc_info: object) -> None:
        with self._lock:
            self._wanted = max(self._wanted - 1, 0)
            if self._wanted == 0:
                for where, name, original in self._originals:
                    setattr(where, name, original)
                self._originals.clear()
                self._made.clear()
                self._around.clear()

    def replace_around(self, module: str) -> None:
        """Replace, too, what the modules of the same package as this one have bound to names of their own."""
        package = module.partition(".")[0]
        around = _Around(package, len(sys.modules), sys.modules.get(package))
        if around in self._around:
            return
        with self._lock:
            self._around.add(around)
            originals = {stand_in: original for original, stand_in in self._made.items()}
            for where, name, original in _names_in(around, originals):
                if getattr(where, name, None) is not original or original not in self._made:
                    continue
                self._replace(where, name, original)

    def _replace(self, where: Any, name: str, original: Any) -> None:
        self._originals.append((where, name, original))
        setattr(where, name, self._made[original])


stand_ins = _StandIns()


# Names that were bound before


class _Around(NamedTuple):
    """The modules of a package, as they are: more may be imported, and another by a name that was one's before."""

    package: str
    modules: int
    itself: ModuleType | None


_known: dict[_Around, list[tuple[Any, str, Any]]] = {}


def _names_in(around: _Around, originals: dict[Any, Any]) -> list[tuple[Any, str, Any]]:
    """Where a package has names of its own for what is replaced, or has been, as after `from time import sleep`."""
    if around.package in OWN or around.package in sys.stdlib_module_names:
        return []
    found = _known.get(around)
    if found is None:
        wanted = {**originals, **{original: original for original in originals.values()}}
        found = [
            (module, name, wanted[value])
            for module_name, module in list(sys.modules.items())
            if module_name.partition(".")[0] == around.package
            for name, value in list(vars(module).items())
            if type(value) in _TYPES and value in wanted
        ]
        _known[around] = found
    return found


_TYPES = frozenset(map(type, (time.sleep, threading.RLock, threading.Lock, asyncio.run, queue.SimpleQueue)))
"""Types of what is replaced: functions of Python and of C, and classes."""
