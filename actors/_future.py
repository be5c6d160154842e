"""Futures: Pykka's interface, for threads, actors and asyncio alike; and the future of an ask, which is the request."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import queue
import reprlib
import sys
from typing import TYPE_CHECKING, Any, TypeVar

import pykka

from actors._awaited import ActorTask, InnerWait, is_in_event_loop
from actors._clock import SystemClock, ThreadWaiter, check_timeout
from actors._mail import Asked, Wrapping, unwrapped
from actors._process import FORKED, chosen, current
from actors.errors import ActorDied, CallTimeout

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from types import TracebackType

    from typing_extensions import TypeIs

    from actors._clock import Clock, Waiter, Wakeable
    from actors._process import Process
    from actors.runtime import Runtime

    ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

__all__ = ["Future", "Request"]

T = TypeVar("T")
M = TypeVar("M")
J = TypeVar("J")
R = TypeVar("R")


class _Unset:
    """No outcome yet."""


class _Raised:
    """The outcome is an exception."""

    __slots__ = ("exception", "traceback")

    def __init__(self, exception: BaseException, traceback: TracebackType | None) -> None:
        self.exception = exception
        self.traceback = traceback


_UNSET = _Unset()

# Of what users ask, which may be of any size, and whose own repr() may fail.
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 100

_REAL_TIME = SystemClock()
"""For futures that belong to no runtime."""


def _is_unset(outcome: object) -> TypeIs[_Unset]:
    return outcome is _UNSET


class Future(pykka.Future[T]):
    """A value that is there now or later. Works as `pykka.Future`; made by `ref.ask(message, block=False)`.

    `get()` blocks the calling thread or actor. `await` waits for it in any event loop, and doesn't block that;
    cancelling the await gives up the wait, not the request.
    """

    # Pykka's own `__init__` is not called: what it sets is here, since there is one for each message.
    _get_hook: Callable[[float | None], T] | None = None
    _hook_result: T | _Unset = _UNSET
    _sources: tuple[pykka.Future[Any], ...] = ()

    target: Process | None = None
    """Whose code alone can set the outcome; None when anybody's may."""

    def _is_over(self) -> bool:
        return bool(self._outcome)

    # The outcome is the first entry, once there is one. Whoever waits adds itself to the waiters first and looks for
    # the outcome second; whoever sets it adds it first and looks for waiters second. That adding to a list is atomic
    # makes locks needless.
    _outcome: list[T | _Raised | None]
    _waiters: list[Wakeable]

    def __init__(self, runtime: Runtime | None = None) -> None:
        self._runtime = runtime
        self._outcome = []
        self._waiters = []

    def get(self, *, timeout: float | None = None) -> T:
        """Return the value, waiting for it.

        Args:
            timeout: seconds; None waits for ever, 0 doesn't wait.

        Raises:
            CallTimeout: the time is over (a `pykka.Timeout`).
            ValueError: `timeout` is no number of seconds, or negative.
            Deadlock: an actor waits for one that waits for it; not when `timeout` is 0.
            Exception: what the actor raised; `ActorDied` when it ended before it answered.
        """
        if self._get_hook is not None:
            return self._get_by_hook(self._get_hook, timeout)
        if timeout is not None:
            check_timeout(timeout)
        if not self._outcome:
            self._wait(timeout)
        outcome = self._outcome[0]
        if type(outcome) is _Raised:
            raise outcome.exception.with_traceback(outcome.traceback)
        return outcome  # type: ignore[return-value]  # Pykka lets any future hold None

    def set(self, value: T | None = None) -> None:
        self._settle(value)

    def set_exception(self, exc_info: Any = None) -> None:
        """Set an exception as the outcome: `(type, value, traceback)`, by default the one being handled."""
        info: ExcInfo = sys.exc_info() if exc_info is None else exc_info
        exception_type, exception, traceback = info
        if exception_type is None:
            msg = "set_exception() takes an exc_info, or is called while an exception is handled; got neither"
            raise TypeError(msg)
        self._settle(_Raised(exception if exception is not None else exception_type(), traceback))

    def set_get_hook(self, func: Callable[[float | None], T]) -> None:
        if self._outcome:
            raise queue.Full
        self._get_hook = func
        self._sources = ()

    # Derived futures, as Pykka's; those know what they are made of, so that an await waits for that

    def filter(self: pykka.Future[Iterable[J]], func: Callable[[J], bool]) -> Future[Iterable[J]]:
        return _derive((self,), lambda timeout: list(filter(func, self.get(timeout=timeout))))

    def join(self: pykka.Future[Any], *futures: pykka.Future[Any]) -> Future[Iterable[Any]]:
        sources = (self, *futures)
        return _derive(sources, lambda timeout: [source.get(timeout=timeout) for source in sources])

    def map(self, func: Callable[[T], M]) -> Future[M]:
        return _derive((self,), lambda timeout: func(self.get(timeout=timeout)))

    def reduce(self: pykka.Future[Iterable[J]], func: Callable[[R, J], R], *args: R) -> Future[R]:
        return _derive((self,), lambda timeout: functools.reduce(func, self.get(timeout=timeout), *args))

    def __await__(self) -> Generator[Any, None, T]:
        if not is_in_event_loop():
            # Driven by hand, which Pykka allows.
            yield
        elif self._get_hook is None:
            yield from self._await_outcome()
        elif self._sources:
            for source in self._sources:
                # Pykka's own blocks in its await.
                is_ours = isinstance(source, Future)
                yield from source.__await__() if is_ours else asyncio.to_thread(source.get).__await__()
        else:
            # A hook of somebody's own, which may block.
            yield from asyncio.to_thread(self.get).__await__()
        return self.get()

    __iter__ = __await__

    # Waiting

    def _get_by_hook(self, hook: Callable[[float | None], T], timeout: float | None) -> T:
        if _is_unset(self._hook_result):
            self._hook_result = hook(timeout)
        return self._hook_result

    def _settle(self, outcome: T | _Raised | None) -> None:
        if self._get_hook is not None or not self._try_settle(outcome):
            raise queue.Full

    def _try_settle(self, outcome: T | _Raised | None) -> bool:
        """Set the outcome and wake who waits; False when somebody else was first."""
        if self._outcome:
            return False
        try:
            self._outcome.append(outcome)
            self._release_all()
        except BaseException:
            # Most likely raised by the handler of a signal. The outcome is there, and nobody sets another.
            self._release_all()
            raise
        # Of two at the same moment one was first, and is told so.
        return self._outcome[0] is outcome

    def _release_all(self) -> None:
        # All of them, though some may go meanwhile.
        for waiter in self._waiters[:]:
            waiter.release()

    def _add_waiter(self, waiter: Wakeable) -> bool:
        """Have `waiter` released by the outcome; False when that is there."""
        self._waiters.append(waiter)
        return not self._outcome

    def forward_to(self, future: pykka.Future[Any]) -> None:
        """Have another future set as well when the outcome comes."""
        self._add_waiter(_Forward(self, future))

    def _wait(self, timeout: float | None) -> None:
        """Wait for the outcome.

        Raises:
            CallTimeout: it isn't there in time.
        """
        process = current()
        if process is None:
            self._refuse_of_parent()
            waiter: Waiter = ThreadWaiter()
            if self._add_waiter(waiter):
                waiter.wait(self._clock(), timeout)
        else:
            if self._runtime is not process.runtime:
                self._refuse_of_parent()
            waiter = process.new_waiter(timeout)
            try:
                if self._add_waiter(waiter):
                    self._wait_in(process, waiter, timeout)
            except BaseException:
                # Killed, it may be, while the future goes on to be waited for by others.
                self._waiters.remove(waiter)
                raise
        if not self._outcome:
            self._waiters.remove(waiter)
            raise self._timed_out(timeout)

    def _wait_in(self, process: Process, waiter: Waiter, timeout: float | None) -> None:
        if timeout == 0:
            # Who only looks waits for nobody.
            process.wait(waiter, timeout)
        else:
            process.wait_for(self, waiter, timeout)

    def _timed_out(self, timeout: float | None) -> CallTimeout:
        return CallTimeout(f"nothing has come within {timeout} seconds", "timeout")

    def _await_outcome(self) -> Generator[Any, None, None]:
        loop = asyncio.get_running_loop()
        waiter = _LoopWaiter(loop)
        if not self._add_waiter(waiter):
            return
        try:
            self._refuse_of_parent()
            yield from self._await_release(waiter)
        finally:
            self._waiters.remove(waiter)

    def _await_release(self, waiter: _LoopWaiter) -> Generator[Any, None, None]:
        process = current()
        if process is None and self._runtime is not None:
            self._runtime.help_on(self._is_over, waiter.done)
        task = asyncio.current_task()
        if process is None or not isinstance(task, ActorTask) or task.process is not process:
            yield from waiter.done.__await__()
            return
        with InnerWait(task, process, self, waiter.release) as inner:
            inner.refuse_deadlock()
            yield from waiter.done.__await__()

    def _refuse_of_parent(self) -> None:
        if self._runtime is not None and self._runtime.is_of_parent:
            msg = "only an actor of the process that forked this one could answer, and that lives there"
            raise ActorDied(msg, FORKED)

    def _clock(self) -> Clock:
        runtime = self._runtime or chosen.get()
        return _REAL_TIME if runtime is None else runtime.clock


class Request(Future[Any], Asked, Wrapping):
    """An ask: what is asked, and the future of the answer. It lies in the mailbox itself."""

    message: object

    def __init__(self, message: object, target: Process) -> None:
        self.message = message
        self.target = target
        self._runtime = target.runtime
        self._outcome = []
        self._waiters = []

    @property
    def content(self) -> object:
        return unwrapped(self.message)

    @property
    def reply_to(self) -> Future[Any]:
        """Where the answer goes, and where anybody may wait for it."""
        return self

    # The first answer counts: the handler may return at the same moment as its actor is killed.

    def answer(self, value: object) -> None:
        """Answer, unless somebody else has."""
        if not self._outcome:
            try:
                self._outcome.append(value)
                for waiter in self._waiters[:]:
                    waiter.release()
            except BaseException:
                self._release_all()
                raise

    def refuse(self, error: BaseException) -> None:
        """Answer with an error, unless somebody else has answered."""
        self._try_settle(_Raised(error, error.__traceback__))

    def _timed_out(self, timeout: float | None) -> CallTimeout:
        # None when its handler has left the answer to others.
        who = "nobody has" if self.target is None else f"{self.target.ref} has not"
        what = f"{who} answered {_SHORT.repr(unwrapped(self.message))} within {timeout} seconds"
        return CallTimeout(f"{what}; the request stays, and is handled all the same", "timeout")

    def defer(self) -> None:
        """Have it answered later, by anybody."""
        self.target = None


class _Forward:
    """Hands an outcome on to another future."""

    def __init__(self, source: Future[Any], target: pykka.Future[Any]) -> None:
        self._source = source
        self._target = target

    def release(self) -> None:
        outcome = self._source._outcome[0]
        with contextlib.suppress(queue.Full):
            if type(outcome) is _Raised:
                self._target.set_exception((type(outcome.exception), outcome.exception, outcome.traceback))
            else:
                self._target.set(outcome)


class _LoopWaiter:
    """Wakes a coroutine."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.done: asyncio.Future[None] = loop.create_future()

    def release(self) -> None:
        # The loop may have been closed, just now, over a wait that nobody waits any more.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._set)

    def _set(self) -> None:
        if not self.done.done():
            self.done.set_result(None)


def _derive(sources: tuple[pykka.Future[Any], ...], hook: Callable[[float | None], M]) -> Future[M]:
    future: Future[M] = Future()
    future.set_get_hook(hook)
    future._sources = sources
    return future
