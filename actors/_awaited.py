"""Coroutines of actors, their tasks, and what those run in threads: which of their waits the actor's handler awaits."""

from __future__ import annotations

import asyncio
import functools
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary

from actors._waits import Several, parts_of, refuse_deadlock
from actors.errors import Deadlock, ProcessKilled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Self

    from actors._process import Process
    from actors._waits import Waits

__all__ = [
    "ActorTask",
    "AwaitedCoroutine",
    "Errand",
    "InnerWait",
    "errand_of_thread",
    "errands_awaited",
    "is_in_event_loop",
    "run_errand",
]


class _Waiting(Protocol):
    """Something of an actor's that may wait."""

    inner: InnerWait | None


class InnerWait:
    """A wait of a task, or of a thread: for what, and how to end it by an error. Known while in a `with`."""

    __slots__ = ("_by", "_process", "_release", "error", "waits")

    def __init__(self, by: _Waiting, process: Process, waits: Waits, release: Callable[[], object]) -> None:
        self._by = by
        self._process = process
        self.waits = waits
        self._release = release
        self.error: Deadlock | ProcessKilled | None = None

    def __enter__(self) -> Self:
        self._by.inner = self
        return self

    def __exit__(self, _type: object, raised: BaseException | None, _traceback: object) -> None:
        self._by.inner = None
        if self.error is not None and raised is None:
            raise self.error

    def refuse_deadlock(self) -> None:
        refuse_deadlock(self._process, self.waits)

    def look(self) -> None:
        """End it, if it closes a circle."""
        try:
            self.refuse_deadlock()
        except (Deadlock, ProcessKilled) as error:
            self.error = error
            self._release()


class ActorTask(asyncio.Task[Any]):
    """A task that knows whose it is, and what it waits for of other actors."""

    # On Python 3.11, a second base with attributes would hide these, and vars() of a task fail.
    process: Process | None = None
    inner: InnerWait | None = None

    def add_done_callback(self, callback: Callable[[Any], object], /, *, context: Any = None) -> None:
        super().add_done_callback(callback, context=context)
        has_begun = self.inner is not None or getattr(self, "_fut_waiter", None) is not None
        # Somebody comes to await it, who will do so after the step in which this is called.
        if has_begun and any(_inner_waits(self)):
            self.get_loop().call_soon(self._look)

    def _look(self) -> None:
        for inner in _inner_waits(self):
            inner.look()


class Errand:
    """What a coroutine has run in a thread; the future is done when that is."""

    inner: InnerWait | None = None

    def __init__(self, process: Process, loop: asyncio.AbstractEventLoop) -> None:
        self.process = process
        self._loop = loop

    def run(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function in the thread that is lent, and have it known there what for."""
        _thread.errand = self
        try:
            return function(*args)
        finally:
            _thread.errand = None

    def look_soon(self) -> None:
        """Look whether its wait closes a circle, when it is known who awaits it."""
        with suppress(RuntimeError):
            # Else the loop has been closed just now, and nobody awaits anything there.
            self._loop.call_soon_threadsafe(self._look)

    def _look(self) -> None:
        if (inner := self.inner) is not None:
            inner.look()


class _Thread(threading.local):
    errand: Errand | None = None


_thread = _Thread()

_errands: WeakKeyDictionary[asyncio.Future[Any], Errand] = WeakKeyDictionary()


def errand_of_thread(process: Process) -> Errand | None:
    """What the calling thread was lent for by a coroutine of this actor's."""
    errand = _thread.errand
    return errand if errand is not None and errand.process is process else None


def run_errand(
    errand: Errand, run: Callable[..., asyncio.Future[Any]], function: Callable[..., Any], *args: Any
) -> asyncio.Future[Any]:
    """Run a function in a thread, by means of `run`, and have it known there what for."""
    future = run(None, errand.run, function, *args)
    _errands[future] = errand
    return future


class AwaitedCoroutine(Several):
    """A coroutine of the actor's own, which may wait in its turn: what that waits for, the actor waits for."""

    def __init__(self) -> None:
        super().__init__()
        self.task: ActorTask | None = None

    def parts(self) -> Sequence[Waits]:
        inner_waits = () if self.task is None else _inner_waits(self.task)
        return [part for inner in inner_waits for part in parts_of(inner.waits)]


def _inner_waits(task: ActorTask) -> Iterator[InnerWait]:
    """The waits all of which have to be over before this task can go on, its own or those of others that it awaits.

    asyncio doesn't tell in public what a task awaits. Where it can't be seen, or is one of several any of which is
    enough, nothing is found: better a wait that isn't known of than an error for one that will be over.
    """
    return (inner for future in _all_awaited(task) if (inner := _inner_of(future)) is not None)


def errands_awaited(task: ActorTask) -> Iterator[Errand]:
    """What runs in threads and has to be over before this task can go on."""
    return (errand for future in _all_awaited(task) if (errand := _errands.get(future)) is not None)


def _inner_of(future: asyncio.Future[Any]) -> InnerWait | None:
    errand = _errands.get(future)
    if errand is not None:
        return errand.inner
    return future.inner if isinstance(future, ActorTask) else None


def _all_awaited(task: ActorTask) -> Iterator[asyncio.Future[Any]]:
    """The task, and what it awaits by way of others, as far as it can be seen; without what is done."""
    awaited: dict[asyncio.Future[Any], None] = {task: None}
    left: list[asyncio.Future[Any]] = [task]
    for future in left:
        if future.done():
            continue
        yield future
        if _inner_of(future) is None:
            following = [one for one in _awaited_by(future, task.process) if one not in awaited]
            awaited.update(dict.fromkeys(following))
            left.extend(following)


def _awaited_by(future: asyncio.Future[Any], process: Process | None) -> Iterable[Any]:
    """What has to be done, each of it, before this future can be."""
    if isinstance(future, asyncio.Task):
        awaited = getattr(future, "_fut_waiter", None)
        return () if awaited is None else (awaited,)
    if isinstance(future, _GATHERING):
        return tuple(getattr(future, "_children", ()))
    # One that others set: those can be seen that are tasks of this actor.
    tasks = () if process is None else list(process.tasks or ())
    return [task for task in tasks if not task.done() and _is_set_by(future, task)]


def _is_set_by(future: asyncio.Future[Any], task: asyncio.Future[Any]) -> bool:
    """Whether that is a task of a group which this future stands for, or the only one that `wait_for()` waits for."""
    callbacks = [callback for callback, _ in getattr(task, "_callbacks", None) or ()]
    for callback in callbacks:
        if isinstance(callback, functools.partial) and callback.func is _RELEASE_WAITER and callback.args[0] is future:
            return True
        owner = getattr(callback, "__self__", None)
        if isinstance(owner, asyncio.TaskGroup) and getattr(owner, "_on_completed_fut", None) is future:
            return True
    return False


_GATHERING: Any = getattr(asyncio.tasks, "_GatheringFuture", ())
_RELEASE_WAITER: Any = getattr(asyncio.tasks, "_release_waiter", None)


def is_in_event_loop() -> bool:
    """Whether the caller is a coroutine, or a callback of some event loop's."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
