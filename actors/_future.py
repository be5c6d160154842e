"""The future of an ask: Pykka's interface; waiting goes by the runtime, so that a kill ends it."""

from __future__ import annotations

import queue
import sys
import threading
from typing import TYPE_CHECKING, Any, TypeVar

import pykka

from actors._clock import new_waiter, wake
from actors.errors import CallTimeout
from actors.runtime import current_runtime

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from typing_extensions import TypeIs

    from actors._clock import Waiter
    from actors.runtime import Runtime

    ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

__all__ = ["Future"]

T = TypeVar("T")


class _Unset:
    """No outcome yet."""


class _Raised:
    """The outcome is an exception."""

    __slots__ = ("exception", "traceback")

    def __init__(self, exception: BaseException, traceback: TracebackType | None) -> None:
        self.exception = exception
        self.traceback = traceback


_UNSET = _Unset()


def _is_unset(outcome: object) -> TypeIs[_Unset]:
    return outcome is _UNSET


class Future(pykka.Future[T]):
    """A value that is there now or later. Works as `pykka.Future`; made by `ref.ask(message, block=False)`."""

    def __init__(self, runtime: Runtime | None = None) -> None:
        super().__init__()
        self._runtime = runtime
        self._lock = threading.Lock()
        self._outcome: T | _Raised | _Unset | None = _UNSET
        self._waiters: list[Waiter] = []

    def get(self, *, timeout: float | None = None) -> T:
        """Return the value, waiting for it.

        Args:
            timeout: seconds; None waits for ever, 0 doesn't wait.

        Raises:
            CallTimeout: the time is over (a `pykka.Timeout`).
            Exception: what the actor raised; `ActorDied` when it ended before it answered.
        """
        if self._get_hook is not None:
            return super().get(timeout=timeout)
        outcome = self._outcome
        if _is_unset(outcome):
            outcome = self._wait(timeout)
        if isinstance(outcome, _Raised):
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
        with self._lock:
            if not _is_unset(self._outcome):
                raise queue.Full
            super().set_get_hook(func)

    def _settle(self, outcome: T | _Raised | None) -> None:
        with self._lock:
            if not _is_unset(self._outcome) or self._get_hook is not None:
                raise queue.Full
            self._outcome = outcome
            waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            wake(waiter)

    def _wait(self, timeout: float | None) -> T | _Raised | None:
        waiter = new_waiter()
        with self._lock:
            if not _is_unset(self._outcome):
                return self._outcome
            self._waiters.append(waiter)
        (self._runtime or current_runtime()).wait(waiter, timeout)
        with self._lock:
            if not _is_unset(self._outcome):
                return self._outcome
            self._waiters.remove(waiter)
        msg = f"no answer within {timeout} seconds; the request stays with the actor, and is handled all the same"
        raise CallTimeout(msg, "timeout")
