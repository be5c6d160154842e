"""The threads of `asyncio.to_thread()`, and of `run_in_executor()` without an executor."""

from __future__ import annotations

import itertools
import logging
import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["HelperThreads"]

logger = logging.getLogger("pykka_otp.event_loop")

LIMIT = 1000
"""How many there are at most. So many may wait for each other, or hang."""

SPARE = min(32, (os.cpu_count() or 1) + 4)
"""How many are kept when they have nothing to do: as many as the standard library's own executor has."""


class HelperThreads(ThreadPoolExecutor):
    """Runs functions in threads that hold no program: that is for the actors to do that wait for them.

    There is one for each function that runs, since one that asks an actor may wait for another function here.

    The standard library's own is joined at the end of the program, by which a daemon's helper would hold that up; and
    takes nothing more when the main thread has ended, though actors may live on. It is the base since asyncio takes no
    other executor.

    Args:
        note: called with the future of each function.
    """

    def __init__(self, note: Callable[[Callable[..., object], Future[Any]], object]) -> None:
        super().__init__()
        self._note = note
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        # A finalizer that has something run may come between two lines of the same thread that holds it.
        self._lock = threading.RLock()
        self._helpers: set[threading.Thread] = set()
        self._numbers = itertools.count(1)
        # How many calls there are, in the queue and in hand.
        self._open = 0
        self._has_warned = False
        self.begins_thread = False
        """Whether who hands a function over waits at this moment for a thread to begin."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        with self._lock:
            self._calls.put((future, partial(function, *args, **kwargs)))
            self._open += 1
            if self._open > len(self._helpers):
                self._begin_another()
        self._note(function, future)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - the base's
        if cancel_futures:
            while not self._calls.empty():
                call = self._calls.get()
                if call is not None:
                    call[0].cancel()
        with self._lock:
            helpers = list(self._helpers)
        for _ in helpers:
            self._calls.put(None)
        if wait:
            for helper in helpers:
                helper.join()

    def _begin_another(self) -> None:
        if len(self._helpers) >= LIMIT:
            if not self._has_warned:
                self._has_warned = True
                logger.warning("all %d threads of asyncio.to_thread() are busy; what else is to run there waits", LIMIT)
            return
        helper = threading.Thread(target=self._run, name=f"actors-to-thread-{next(self._numbers)}", daemon=True)
        self.begins_thread = True
        try:
            helper.start()
        except RuntimeError:
            # Where there are others, those do it all.
            if self._helpers:
                return
            self._calls.get()
            self._open -= 1
            raise
        finally:
            self.begins_thread = False
        self._helpers.add(helper)

    def _run(self) -> None:
        is_needed = True
        while is_needed and (call := self._calls.get()) is not None:
            is_needed = self._carry_out(*call)
            # Not kept while nothing is to be done.
            del call

    def _carry_out(self, future: Future[Any], function: Callable[[], Any]) -> bool:
        """Call a function; False when this thread isn't needed any more."""
        if not future.set_running_or_notify_cancel():
            return self._note_end()
        try:
            result = function()
        except BaseException as error:  # noqa: BLE001 - it is raised where the function is waited for
            is_needed = self._note_end()
            future.set_exception(error)
            # The traceback has this frame, and so would keep the future that keeps it.
            del future
        else:
            is_needed = self._note_end()
            future.set_result(result)
        return is_needed

    def _note_end(self) -> bool:
        # First of all: who gets the result may have something else to run, for which this thread is there.
        with self._lock:
            self._open -= 1
            is_needed = len(self._helpers) - self._open <= SPARE
            if not is_needed:
                self._helpers.discard(threading.current_thread())
            return is_needed
