"""The event loop on which the coroutines of async handlers run: one for each runtime, on a thread of its own."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import threading
from typing import TYPE_CHECKING, Any

from actors._process import AwaitedCoroutine
from actors.errors import ProcessKilled

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from actors._clock import Waiter
    from actors._process import Process

__all__ = ["EventLoop"]

logger = logging.getLogger("pykka_otp.event_loop")


class _Call(AwaitedCoroutine):
    """One coroutine of one actor, from the handler that returned it to its end."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], waiter: Waiter) -> None:
        super().__init__()
        self.coroutine = coroutine
        self.waiter = waiter
        self.context = contextvars.copy_context()
        self.cancelled = False
        self.error: BaseException | None = None

    async def run(self) -> Any:
        """Run the coroutine; what it raises that is no error, such as `SystemExit`, would end the loop of all."""
        try:
            return await self.coroutine
        except (Exception, asyncio.CancelledError):
            raise
        except BaseException as error:  # noqa: BLE001 - it is raised in the actor
            self.error = error

    def result(self) -> Any:
        assert self.task is not None, "it was begun, or nobody would have released the waiter"
        value = self.task.result()
        if self.error is not None:
            raise self.error
        return value

    def done(self, task: asyncio.Task[Any]) -> None:
        # When it was cancelled before its first step, nobody has awaited the coroutine.
        self.coroutine.close()
        if not task.cancelled():
            # Seen, also when the actor was killed and nobody asks for it any more.
            task.exception()
        self.waiter.release()


class EventLoop:
    """Runs coroutines for actors, which wait meanwhile: one message at a time, as with any handler."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._new: list[_Call] = []
        self._on_idle: list[Callable[[], object]] = []
        self._is_closing = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="actors-event-loop", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            self._loop.close()
            raise

    @property
    def ident(self) -> int | None:
        """The thread's."""
        return self._thread.ident

    def run(self, process: Process, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine to its end, in the name of an actor whose code calls; return or raise what it does.

        A kill cancels it, and is raised when it has really ended.
        """
        call = _Call(coroutine, process.new_waiter())
        # Before it begins, and may come to wait itself.
        process.waiting_for = call
        with self._lock:
            is_first = not self._new
            self._new.append(call)
        if is_first:
            self._loop.call_soon_threadsafe(self._begin)
        try:
            process.wait(call.waiter, None)
        except ProcessKilled:
            self._end(process, call)
            raise
        finally:
            process.waiting_for = None
        return call.result()

    def when_idle(self, callback: Callable[[], object]) -> None:
        """Have `callback` called, on the thread of the loop, when all coroutines wait."""
        with self._lock:
            is_first = not self._on_idle
            self._on_idle.append(callback)
        if is_first:
            self._loop.call_soon_threadsafe(self._look_whether_idle)

    def _look_whether_idle(self) -> None:
        # Nobody but the loop itself knows what it has to run next, and it has no public way to say it.
        if getattr(self._loop, "_ready", ()):
            self._loop.call_soon(self._look_whether_idle)
            return
        with self._lock:
            callbacks, self._on_idle = self._on_idle, []
        for callback in callbacks:
            callback()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop)
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        # Whatever somebody's coroutine does to the loop, it is that of all others too.
        while not self._is_closing:
            try:
                self._loop.run_forever()
            except BaseException:
                logger.exception("a task or a callback of a coroutine's own has raised what would end the program")
        self._loop.close()

    def _stop(self) -> None:
        self._is_closing = True
        self._loop.stop()

    def _begin(self) -> None:
        with self._lock:
            calls, self._new = self._new, []
        for call in calls:
            if call.cancelled:
                call.coroutine.close()
                call.waiter.release()
                continue
            call.task = self._loop.create_task(call.run(), context=call.context)
            call.task.add_done_callback(call.done)

    def _end(self, process: Process, call: _Call) -> None:
        ended = process.new_waiter()

        def cancel() -> None:
            call.cancelled = True
            if call.task is None or call.task.done():
                ended.release()
            else:
                call.task.add_done_callback(lambda _task: ended.release())
                call.task.cancel()

        self._loop.call_soon_threadsafe(cancel)
        # Not to be ended by the kill: the actor's code runs until the coroutine has ended.
        ended.wait(process.runtime.clock, None)
        if call.task is None:
            call.coroutine.close()
