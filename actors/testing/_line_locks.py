"""Locks of threads that take turns: who would block hands on instead."""

from __future__ import annotations

import queue
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from threading import get_ident
from typing import TYPE_CHECKING, Any, Protocol

from actors.testing._stand_ins import CLOCKS, check_acquire, check_sleep

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from types import ModuleType

__all__ = ["line_locks"]

_RealLock: Any = type(threading.Lock())
_RealRLock: Any = type(threading.RLock())


class _Turns(Protocol):
    """What locks want of those who take turns.

    Args:
        now: seconds that have passed, by the time-outs of waits that have ended by them, and by sleeps.
    """

    now: float

    @property
    def idents(self) -> set[int]:
        """The threads that take part, and the one that has them do so."""
        ...

    def at_lock(self) -> None:
        """Be where another may go on."""
        ...

    def block(self, lock: Any, /, *, is_timed: bool) -> bool:
        """Have others go on until the lock may be free; False when the time is over."""
        ...


class LineLock:
    """Does what a `threading.Lock` does, and what an `RLock` does when it is reentrant."""

    def __init__(self, turns: _Turns, *, reentrant: bool = False) -> None:
        self._turns = turns
        self._reentrant = reentrant
        self._owner: int | None = None
        self._depth = 0

    @property
    def is_free(self) -> bool:
        """Whether somebody who waits could have it."""
        return not self._depth

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002 - as threading's
        check_acquire(blocking, timeout)
        self._turns.at_lock()
        me = get_ident()
        if self._depth and self._reentrant and self._owner == me:
            self._depth += 1
            return True
        while self._depth:
            if not blocking:
                return False
            if not self._turns.block(self, is_timed=timeout >= 0):
                self._turns.now += timeout
                return False
        self._owner = me
        self._depth = 1
        return True

    def release(self) -> None:
        if not self._depth or (self._reentrant and self._owner != get_ident()):
            raise RuntimeError("cannot release un-acquired lock" if self._reentrant else "release unlocked lock")
        self._depth -= 1
        if not self._depth:
            self._owner = None
        self._turns.at_lock()

    def locked(self) -> bool:
        return self._depth > 0

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_exc_info: object) -> None:
        self.release()

    # What `threading.Condition` wants of a lock

    def _is_owned(self) -> bool:
        return self._depth > 0 and (not self._reentrant or self._owner == get_ident())

    def _release_save(self) -> int:
        depth, self._depth = self._depth, 1
        self.release()
        return depth

    def _acquire_restore(self, depth: int) -> None:
        self.acquire()
        self._depth = depth


class _LockFromBefore(LineLock):
    """Stands for a lock that is older than the exploration; other threads meet it there still."""

    def __init__(self, turns: _Turns, real: Any) -> None:
        super().__init__(turns, reentrant=isinstance(real, _RealRLock))
        self._real = real

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002 - as threading's
        if get_ident() not in self._turns.idents:
            return bool(self._real.acquire(blocking, timeout))
        if not super().acquire(blocking, timeout):
            return False
        if self._depth == 1:
            self._real.acquire()
        return True

    def release(self) -> None:
        takes_part = get_ident() in self._turns.idents
        if not takes_part or self._depth == 1:
            self._real.release()
        if takes_part:
            super().release()


@contextmanager
def line_locks(turns: _Turns, only: Sequence[ModuleType]) -> Generator[None]:
    """Replace the locks at the top of modules, and those that the threads of an exploration make."""
    with ExitStack() as replaced:
        _replace_makers(turns, only, replaced)
        _replace_locks_from_before(turns, only, replaced)
        _replace_what_blocks(turns, replaced)
        yield


def _replace(where: Any, name: str, new: Any, replaced: ExitStack) -> None:
    replaced.callback(setattr, where, name, getattr(where, name))
    setattr(where, name, new)


def _replace_makers(turns: _Turns, only: Sequence[ModuleType], replaced: ExitStack) -> None:
    def maker(original: Callable[[], Any], make: Callable[[], Any]) -> Callable[[], Any]:
        return lambda: make() if get_ident() in turns.idents else original()

    make_lock = maker(threading.Lock, lambda: LineLock(turns))
    make_rlock = maker(threading.RLock, lambda: LineLock(turns, reentrant=True))
    makers: dict[int, Any] = {id(threading.Lock): make_lock, id(threading.RLock): make_rlock}
    for module in only:
        for name, value in list(vars(module).items()):
            if id(value) in makers:
                _replace(module, name, makers[id(value)], replaced)
    _replace(threading, "Lock", make_lock, replaced)
    _replace(threading, "_allocate_lock", make_lock, replaced)
    _replace(threading, "RLock", make_rlock, replaced)
    python_queue: Any = queue._PySimpleQueue  # type: ignore[attr-defined]  # the one that is made of locks
    _replace(queue, "SimpleQueue", maker(queue.SimpleQueue, python_queue), replaced)
    # By this they count their time-outs.
    for where, name in CLOCKS:
        _replace(where, name, _clock(turns, getattr(where, name)), replaced)


def _clock(turns: _Turns, original: Callable[[], float]) -> Callable[[], float]:
    return lambda: turns.now if get_ident() in turns.idents else original()


def _replace_locks_from_before(turns: _Turns, only: Sequence[ModuleType], replaced: ExitStack) -> None:
    from_before = {
        id(value): _LockFromBefore(turns, value)
        for module in only
        for value in vars(module).values()
        if isinstance(value, (_RealLock, _RealRLock))
    }
    # Wherever else they are known by a name.
    for where in list(sys.modules.values()) if from_before else ():
        for name, value in list(getattr(where, "__dict__", {}).items()):
            if id(value) in from_before:
                _replace(where, name, from_before[id(value)], replaced)


def _replace_what_blocks(turns: _Turns, replaced: ExitStack) -> None:
    real_sleep, real_start = time.sleep, threading.Thread.start

    def sleep(seconds: float) -> None:
        if get_ident() in turns.idents:
            check_sleep(seconds)
            turns.now += seconds
            turns.at_lock()
        else:
            real_sleep(seconds)

    def start(thread: threading.Thread) -> None:
        if get_ident() in turns.idents:
            raise RuntimeError("no thread can be started while threads are explored; give explore_threads() a function")
        real_start(thread)

    _replace(time, "sleep", sleep, replaced)
    _replace(threading.Thread, "start", start, replaced)
