"""What blocks a thread, replaced while a simulation runs: by what blocks an actor; or refused, with what to do instead.

A lock that an actor holds while others go on in the same thread would let them in, or stop them all. So locks, and all
that the standard library makes of them, are the simulation's own when they are made by the test or by actors; one that
was made before may not be held across a switch point.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import queue
import sys
import threading
import time
from _thread import allocate_lock
from opcode import opmap
from typing import TYPE_CHECKING, Any

from actors._process import current, new_waiter

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from types import CodeType, FrameType

    from actors._clock import Waiter
    from actors._process import Process
    from actors.testing._simulation import Simulation

__all__ = [
    "NotSimulated",
    "check_acquire",
    "check_sleep",
    "locks_of",
    "reentrant_at_hand",
    "refuse_held",
    "stand_ins",
    "where_called",
]

_RealLock: Any = type(threading.Lock())
_RealRLock: Any = type(threading.RLock())
_REAL = frozenset({_RealLock, _RealRLock})


_sleep = time.sleep


def check_acquire(blocking: bool, timeout: float) -> None:  # noqa: FBT001 - as threading's
    """Refuse what the real locks refuse to be acquired with, as they do."""
    if not blocking or timeout != -1:
        allocate_lock().acquire(blocking, timeout)


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


@contextlib.contextmanager
def _running_in(thread: int, simulation: Simulation) -> Generator[None]:
    around = _simulations.get(thread)
    _simulations[thread] = simulation
    try:
        yield
    finally:
        if around is None:
            del _simulations[thread]
        else:
            _simulations[thread] = around


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

    def __init__(self, *, reentrant: bool = False) -> None:
        self._lock = allocate_lock()
        self._reentrant = reentrant
        # Of a reentrant one.
        self._owner: object = None
        self._depth = 0
        # Of actors, and of the test.
        self._waiting: list[Waiter] = []

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002 - as threading's
        check_acquire(blocking, timeout)
        if self._reentrant and self._is_mine():
            self._depth += 1
            return True
        simulation = _simulations.get(threading.get_ident())
        if simulation is None:
            if not self._lock.acquire(blocking, timeout):
                return False
        else:
            deadline = None if timeout < 0 else simulation.clock.now() + timeout
            while not self._lock.acquire(blocking=False):
                if not blocking or not self._wait(simulation, deadline):
                    return False
        self._owner = _me()
        self._depth = 1
        return True

    def _wait(self, simulation: Simulation, deadline: float | None) -> bool:
        waiter = new_waiter()
        self._waiting.append(waiter)
        clock = simulation.clock
        left = None if deadline is None else max(deadline - clock.now(), 0.0)
        try:
            # A kill doesn't end the wait for a lock.
            is_free = waiter.wait(clock, left)
        finally:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
        return is_free

    def release(self) -> None:
        if self._reentrant:
            if not self._is_mine():
                raise RuntimeError("cannot release un-acquired lock")
            self._depth -= 1
            if self._depth:
                return
            self._owner = None
        self._lock.release()
        if self._waiting:
            self._waiting.pop(0).release()

    def _is_mine(self) -> bool:
        if not self._depth:
            return False
        simulation = _simulations.get(threading.get_ident())
        # Code that is ended by nobody's turn lets go of what was its own.
        return self._owner == _me() or (simulation is not None and simulation.is_unwinding)

    def locked(self) -> bool:
        return bool(self._lock.locked())

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_exc_info: object) -> None:
        self.release()

    def _at_fork_reinit(self) -> None:
        self._lock = allocate_lock()
        self._owner = None
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


@contextlib.contextmanager
def stand_ins(  # noqa: C901 - one small function for each
    simulation: Simulation,
) -> Generator[Callable[[type], None]]:
    """Replace what blocks a thread, for code that this thread runs.

    Yields:
        A function that does so, too, for what the modules around a class have bound to names of their own.
    """
    thread = threading.get_ident()
    originals: list[tuple[Any, str, Any]] = []
    made: dict[Any, Any] = {}
    bound: set[type] = set()

    def replace(where: Any, name: str, make: Callable[[Any], Any]) -> None:
        original = getattr(where, name)
        originals.append((where, name, original))
        made[original] = make(original)
        setattr(where, name, made[original])

    def replace_around(cls: type) -> None:
        if cls in bound:
            return
        bound.add(cls)
        for module, name, original in _names_around(cls, made):
            if getattr(module, name, None) is original:
                originals.append((module, name, original))
                setattr(module, name, made[original])

    # What an import binds to names meanwhile may be called in another simulation, or when there is none.

    def is_users() -> bool:
        return threading.get_ident() in _simulations and not _caller().startswith(_OWN)

    def lock(reentrant: bool) -> Callable[[Any], Any]:  # noqa: FBT001
        def make(original: Any) -> Any:
            def lock() -> Any:
                return SimulatedLock(reentrant=reentrant) if is_users() else original()

            return lock

        return make

    def sleep(original: Any) -> Any:
        def sleep(seconds: float) -> None:
            running = _simulations.get(threading.get_ident())
            if running is None:
                original(seconds)
                return
            check_sleep(seconds)
            running.sleep(seconds)

        return sleep

    def refused(what: str, instead: str) -> Callable[[Any], Any]:
        def make(original: Any) -> Any:
            def refuse(*args: Any, **kwargs: Any) -> Any:
                running = _simulations.get(threading.get_ident())
                if running is not None and running.running is not None and current() is not None:
                    running.fail(NotSimulated(what, where_called(), instead))
                return original(*args, **kwargs)

            return refuse

        return make

    def simple_queue(original: Any) -> Any:
        python_queue: Any = queue._PySimpleQueue  # type: ignore[attr-defined]  # the one that is made of locks

        def make_queue() -> Any:
            return python_queue() if is_users() else original()

        return make_queue

    replace(time, "sleep", sleep)
    replace(threading, "Lock", lock(reentrant=False))
    replace(threading, "_allocate_lock", lock(reentrant=False))
    replace(threading, "RLock", lock(reentrant=True))
    replace(threading.Thread, "start", refused("the start of a thread", "start an actor, or a Task"))
    replace(asyncio, "run", refused("asyncio.run()", "make the handler `async def`"))
    replace(queue, "SimpleQueue", simple_queue)
    try:
        with _running_in(thread, simulation):
            yield replace_around
    finally:
        for where, name, original in originals:
            setattr(where, name, original)


_OWN = ("actors", "supervision", "pykka", "logging", "asyncio", "concurrent", "greenlet", "contextvars", "random")
_LOCK_MAKERS = ("threading", "queue")


def _caller() -> str:
    """The module of the code that makes a lock, by way of whatever."""
    frame: Any = sys._getframe(3)
    while frame is not None and frame.f_globals.get("__name__") in _LOCK_MAKERS:
        frame = frame.f_back
    return "" if frame is None else str(frame.f_globals.get("__name__"))


def where_called() -> str:
    """The file and line of the user's code that calls."""
    frame: Any = sys._getframe(2)
    while frame is not None and (str(frame.f_globals.get("__name__")).startswith((*_OWN, *_LOCK_MAKERS))):
        frame = frame.f_back
    return "an unknown place" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"


# Names that were bound before

_of_packages: dict[tuple[str, int], list[tuple[Any, str, Any]]] = {}


def _names_around(cls: type, wanted: dict[Any, Any]) -> list[tuple[Any, str, Any]]:
    """Where the package of a class has names of its own for what is replaced, as after `from time import sleep`."""
    package = cls.__module__.partition(".")[0]
    if package in _OWN:
        return []
    # More may have been imported since it was looked through.
    key = package, len(sys.modules)
    found = _of_packages.get(key)
    if found is None:
        found = [
            (module, name, value)
            for module_name, module in list(sys.modules.items())
            if module_name.partition(".")[0] == package
            for name, value in list(vars(module).items())
            if type(value) in _REPLACED and value in wanted
        ]
        _of_packages[key] = found
    return found


_REPLACED = frozenset(map(type, (time.sleep, threading.RLock, threading.Lock, asyncio.run, queue.SimpleQueue)))
"""Types of what is replaced: functions of Python and of C, and classes."""


# Locks that were made before

_of_classes: dict[type, list[tuple[str, Any]]] = {}


def locks_of(process: Process) -> list[tuple[str, Any]]:
    """The locks that an actor's code has at hand in its attributes, its class and its module; with their names."""
    cls = process.actor_class
    found = _of_classes.get(cls)
    if found is None:
        found = []
        for base in cls.__mro__:
            if str(base.__module__).startswith(_OWN):
                break
            found += _real_locks(f"{base.__name__}.", vars(base))
            module = sys.modules.get(base.__module__)
            if module is not None:
                found += _real_locks(f"{base.__module__}.", vars(module))
        _of_classes[cls] = found
    own = getattr(process.actor, "__dict__", {})
    # Most have none: to see that takes less than to look at each.
    return found if _REAL.isdisjoint(map(type, own.values())) else [*found, *_real_locks("self.", own)]


def _real_locks(prefix: str, names: Any) -> list[tuple[str, Any]]:
    return [(prefix + name, value) for name, value in names.items() if type(value) in _REAL]


# By the id of their code, whose hash takes long. Kept, so that no other gets the same.
_functions: dict[int, tuple[CodeType, bool]] = {}


def reentrant_at_hand() -> list[tuple[str, Any]]:
    """The reentrant locks that the running code has in variables, or in what these refer to; with their names.

    One that it holds lets in whoever runs in the same thread. Another kind of lock blocks for real, and so the watch
    finds it.
    """
    found = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        known = _functions.get(id(code))
        if known is None:
            if len(_functions) > _FUNCTIONS:
                _functions.clear()
            known = _functions[id(code)] = (code, _may_hold(frame))
        if known[1]:
            found += _reentrant_of(frame.f_locals)
        frame = frame.f_back
    return found


_FUNCTIONS = 10_000
"""How many are known; tests make functions that are used once."""


def _may_hold(frame: FrameType) -> bool:
    """Whether it is a user's function that has a `with`, or acquires something."""
    if str(frame.f_globals.get("__name__")).startswith((*_OWN, *_LOCK_MAKERS)):
        return False
    return "acquire" in frame.f_code.co_names or not _WITH.isdisjoint(frame.f_code.co_code[::2])


_WITH = {opmap[name] for name in ("BEFORE_WITH", "LOAD_SPECIAL") if name in opmap}
"""What a `with` begins with, in the versions of Python."""


def _reentrant_of(variables: Mapping[str, Any]) -> list[tuple[str, Any]]:
    found = []
    for name, value in variables.items():
        within = value if isinstance(value, dict) else getattr(value, "__dict__", {})
        for key, part in ((None, value), *within.items()):
            lock: Any = part
            if type(part) is threading.Condition:
                lock = lock._lock
            if type(lock) is _RealRLock:
                found.append((name if key is None else f"{name}, at {key!r}", lock))
    return found


def refuse_held(simulation: Simulation, locks: list[tuple[str, Any]]) -> None:
    """Refuse that others go on while a lock is held that doesn't keep them out."""
    for name, lock in locks:
        if lock._is_owned() if isinstance(lock, _RealRLock) else lock.locked():
            instead = "release it before, or make it inside of the simulation, where it is the simulation's own"
            simulation.fail(NotSimulated(f"the lock {name}, held across a switch point,", where_called(), instead))
