"""The threads of `asyncio.to_thread()`, and of `run_in_executor()` without an executor."""

from __future__ import annotations

import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["HelperThreads"]

SIZE = min(32, (os.cpu_count() or 1) + 4)
"""How many there are at most: as many as the standard library's own executor has."""


class HelperThreads(ThreadPoolExecutor):
    """Runs functions in threads that hold no program: that is for the actors to do that wait for them.

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
        self._helpers: list[threading.Thread] = []
        # One for each thread that waits, and that nothing has been put into the queue for.
        self._waits = threading.Semaphore(0)

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self._calls.put((future, partial(function, *args, **kwargs)))
        if not self._waits.acquire(blocking=False) and len(self._helpers) < SIZE:
            self._begin_another()
        self._note(function, future)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - the base's
        if cancel_futures:
            while not self._calls.empty():
                call = self._calls.get()
                if call is not None:
                    call[0].cancel()
        for _ in self._helpers:
            self._calls.put(None)
        if wait:
            for helper in self._helpers:
                helper.join()

    def _begin_another(self) -> None:
        helper = threading.Thread(target=self._run, name=f"actors-to-thread-{len(self._helpers) + 1}", daemon=True)
        try:
            helper.start()
        except RuntimeError:
            # Where there are others, those do it all.
            if self._helpers:
                return
            self._calls.get()
            raise
        self._helpers.append(helper)

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            _carry_out(*call)
            # Not kept while nothing is to be done.
            del call
            self._waits.release()


def _carry_out(future: Future[Any], function: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = function()
    except BaseException as error:  # noqa: BLE001 - it is raised where the function is waited for
        future.set_exception(error)
        # The traceback has this frame, and so would keep the future that keeps it.
        del future
    else:
        future.set_result(result)
