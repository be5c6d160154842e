"""The event loop on which the coroutines of async handlers run: one for each runtime, on a thread of its own.

An actor waits for its handler's coroutine. Tasks that this starts beside itself are the actor's as well, and so is what
it has run in other threads: they may outlive the handler, and the actor isn't gone before they have ended.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import socket
import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from actors._awaited import ActorTask, AwaitedCoroutine, Errand, run_errand
from actors._process import NONE_YET, OVER, current
from actors._to_thread import HelperThreads
from actors.errors import NotBegun, ProcessKilled

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from concurrent.futures import Future

    from actors._clock import Waiter
    from actors._process import Process
    from actors._watchdog import Watchdog

__all__ = ["EventLoop"]

logger = logging.getLogger("pykka_otp.event_loop")


_UNSET = object()


class _CoroutineRun(AwaitedCoroutine):
    """One coroutine of one actor, from the handler that returned it to its end."""

    def __init__(self, event_loop: EventLoop, process: Process, coroutine: Coroutine[Any, Any, Any]) -> None:
        super().__init__()
        self._event_loop = event_loop
        self.process = process
        self.coroutine = coroutine
        self.waiter = process.new_waiter()
        self.context = contextvars.copy_context()
        self.has_begun = False
        self.error: BaseException | None = None

    def begin(self) -> None:
        if self.process.tasks is None:
            self.process.tasks = NONE_YET
        self.task = self._event_loop.new_task(self._run(), self.context)
        self.task.process = self.process
        self.task.add_done_callback(self._done)

    async def _run(self) -> Any:
        """Run the coroutine; what it raises that is no error, such as `SystemExit`, would end the loop of all."""
        if self.process.killed:
            return None
        self.has_begun = True
        try:
            return await self.coroutine
        except (Exception, asyncio.CancelledError):
            raise
        except BaseException as error:  # noqa: BLE001 - it is raised in the actor
            self.error = error
            self._event_loop.note_raised(error)
            return None

    def keep_variables(self) -> None:
        """Have what the coroutine has set of context variables be set in the actor: it ran in a copy of its context."""
        for variable, value in self.context.items():
            if variable.get(_UNSET) is not value:
                variable.set(value)

    def result(self) -> Any:
        assert self.task is not None, "it was begun, or nobody would have released the waiter"
        value = self.task.result()
        if self.error is not None:
            raise self.error
        return value

    def cancel(self, ended: Waiter) -> None:
        assert self.task is not None, "what is posted is done in order"
        self.task.add_done_callback(lambda _task: ended.release())
        self.task.cancel()

    def _done(self, task: asyncio.Task[Any]) -> None:
        # When it was cancelled before its first step, nobody has awaited the coroutine.
        self.coroutine.close()
        if not task.cancelled():
            # Seen, also when the actor was killed and nobody asks for it any more.
            task.exception()
        self.waiter.release()


class EventLoop:
    """Runs coroutines for actors, which wait meanwhile: one message at a time, as with any handler."""

    _task_class: type[ActorTask] = ActorTask

    def __init__(self, watchdog: Watchdog) -> None:
        self._set_up(asyncio.new_event_loop())
        self._helpers = HelperThreads(self._note_thread)
        self._loop.set_default_executor(self._helpers)
        self._loop.set_default_executor = self._refuse_another_executor  # type: ignore[method-assign]
        self._watchdog = watchdog
        # Whether it waits until there is something to do; and how often it has looked.
        self._waits = True
        self._looks = 0
        self._note_waits()
        self._thread = threading.Thread(target=self._run, name="actors-event-loop", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            self._loop.close()
            raise
        watchdog.event_loop = self

    def _set_up(self, loop: asyncio.AbstractEventLoop) -> None:
        # A finalizer that closes a runtime may come between two lines of the same thread that holds it.
        self._lock = threading.RLock()
        # What others want to be done here; taken all at once.
        self._posted: list[Callable[[], object]] = []
        self._on_idle: list[Callable[[], object]] = []
        self._is_closing = False
        self._is_closed = False
        self._is_left_behind = False
        self._loop = loop
        self._loop.set_task_factory(self._new_task)
        self._loop.set_task_factory = self._refuse_another_factory  # type: ignore[method-assign]
        self._run_in_executor = loop.run_in_executor
        # There is no other way to know for whom a thread waits: the loop has made the future when the thread has begun.
        loop.run_in_executor = self._run_in_thread  # type: ignore[method-assign, assignment]
        loop.shutdown_default_executor = self._refuse_to_shut_down  # type: ignore[method-assign]
        # What coroutines run in threads: done when it has ended there, and not when nobody waits for it any more.
        self._in_threads: set[asyncio.Future[None]] = set()

    @property
    def ident(self) -> int | None:
        """The thread's."""
        return self._thread.ident

    # For the watchdog

    def _note_waits(self) -> None:
        """Have it known when the loop waits until there is something to do, and the watchdog roused when there is."""
        # There is no public way. A loop of another library's, which has none of its own, isn't watched.
        selector: Any = getattr(self._loop, "_selector", None)
        if selector is None:
            return
        select = selector.select

        def noted(timeout: float | None = None) -> Any:
            self._looks += 1
            if timeout == 0:
                return select(timeout)
            with self._lock:
                self._waits = True
            try:
                return select(timeout)
            finally:
                # First: the watchdog says first that it will sleep, and looks here afterwards.
                with self._lock:
                    self._waits = False
                if self._watchdog.asleep:
                    self._watchdog.rouse()

        selector.select = noted

    @property
    def progress(self) -> object:
        """What changes whenever it goes on with something else; None while it waits until there is something."""
        with self._lock:
            return None if self._waits else (self._looks, asyncio.current_task(self._loop))

    @property
    def running(self) -> Process | None:
        """Whose code it runs; nobody's while that waits for a thread to begin, which may take its time."""
        if self._helpers.begins_thread:
            return None
        return getattr(asyncio.current_task(self._loop), "process", None)

    # Called by actors

    def run(self, process: Process, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine to its end, in the name of an actor whose code calls; return or raise what it does.

        A kill cancels it, and is raised when it has really ended: as `NotBegun` when it had not taken its first step.
        """
        run = _CoroutineRun(self, process, coroutine)
        # Before it begins, and may come to wait itself.
        process.waiting_for = run
        if not self._post(run.begin):
            process.waiting_for = None
            coroutine.close()
            raise RuntimeError("the runtime of this actor has ended, and runs no more coroutines")
        try:
            process.wait(run.waiter, None)
        except ProcessKilled:
            # Not to be ended by the kill: the actor's code runs until the coroutine has ended.
            self._await(process, run.cancel)
            if not run.has_begun:
                raise NotBegun(process.label) from None
            raise
        finally:
            process.waiting_for = None
        run.keep_variables()
        return run.result()

    def end_tasks(self, process: Process) -> None:
        """Cancel the tasks that an actor's coroutines have started, and wait until all have ended."""
        self._await(process, partial(self._cancel_tasks, process))

    def _await(self, process: Process, begin: Callable[[Waiter], object]) -> None:
        ended = process.new_waiter()
        # Where nothing is done any more, nothing is left to wait for.
        if self._post(partial(begin, ended)):
            ended.wait(process.runtime.clock, None)

    def _post(self, callback: Callable[[], object]) -> bool:
        """Have something done on the thread of the loop, soon and in order; False when nothing is any more."""
        with self._lock:
            if self._is_closed:
                return False
            is_first = not self._posted
            self._posted.append(callback)
            if is_first:
                self._loop.call_soon_threadsafe(self._do_posted)
            return True

    # Called from anywhere

    def when_idle(self, callback: Callable[[], object]) -> None:
        """Have `callback` called, on the thread of the loop, when all coroutines wait."""
        with self._lock:
            is_first = not self._on_idle
            self._on_idle.append(callback)
        if is_first:
            self._loop.call_soon_threadsafe(self._look_whether_idle)

    def close(self, seconds: float) -> None:
        """Cancel what is left, and end the thread. What doesn't end in time is left behind, and the thread with it."""
        self._post(self._stop)
        if self._thread is not threading.current_thread():
            self._thread.join(seconds)

    def leave_behind(self) -> None:
        """End the thread in a forked child, if that is what forked, and touch nothing that is the parent's too."""
        self._is_left_behind = True
        self._stop()

    # Called on the thread of the loop

    def new_task(self, coroutine: Coroutine[Any, Any, Any], context: contextvars.Context) -> ActorTask:
        """Make a task that isn't one of those that an actor's coroutine has started."""
        return self._task_class(coroutine, loop=self._loop, context=context)

    def note_raised(self, error: BaseException) -> None:
        """Be told what a coroutine has raised that is no error; it will be raised in the actor."""

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        while not self._is_closing:
            self._drive(self._loop.run_forever)
        if self._is_left_behind:
            return
        while not self._is_closed:
            self._drive(lambda: self._loop.run_until_complete(self._cancel_all()))
            with self._lock:
                self._is_closed = not (self._posted or self._in_threads or asyncio.all_tasks(self._loop))
        self._drive(lambda: self._loop.run_until_complete(self._loop.shutdown_asyncgens()))
        self._loop.close()

    def _drive(self, run: Callable[[], object]) -> None:
        # Whatever somebody's coroutine does to the loop, it is that of all others too.
        try:
            run()
        except BaseException:
            logger.exception("a task or a callback of a coroutine's own has raised what would end the program")

    async def _cancel_all(self) -> None:
        tasks = asyncio.all_tasks(self._loop) - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.wait([*tasks, *self._in_threads, asyncio.ensure_future(asyncio.sleep(0))])

    def _stop(self) -> None:
        # A second time it would stop what the end itself awaits.
        if not self._is_closing:
            self._is_closing = True
            self._loop.stop()

    def _do_posted(self) -> None:
        with self._lock:
            posted, self._posted = self._posted, []
        for callback in posted:
            callback()

    def _look_whether_idle(self) -> None:
        # Nobody but the loop itself knows what it has to run next, and it has no public way to say it.
        if getattr(self._loop, "_ready", ()):
            self._loop.call_soon(self._look_whether_idle)
            return
        with self._lock:
            callbacks, self._on_idle = self._on_idle, []
        for callback in callbacks:
            callback()

    def _new_task(self, loop: asyncio.AbstractEventLoop, coroutine: Any, /, **options: Any) -> ActorTask:
        """Make a task: it is the actor's whose code asks for it, until it has ended."""
        task = self._task_class(coroutine, loop=loop, **options)
        process = task.process = current()
        # Kept alive as well, which a loop doesn't do by itself.
        if process is not None and not self._keep(process, task):
            # Of a callback that nobody has cancelled.
            task.cancel()
        return task

    def _run_in_thread(self, executor: Any, function: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        """Run a function in a thread; in one of ours, it is known there for whom it waits."""
        process = current()
        if process is None or function is socket.getaddrinfo:
            return self._run_in_executor(executor, function, *args)
        if process.gone or process.tasks is OVER:
            raise RuntimeError(f"{process.label} has ended, and runs nothing in a thread any more")
        if executor is not None:
            future = executor.submit(function, *args)
            self._note_thread(function, future)
            return asyncio.wrap_future(future, loop=self._loop)
        return run_errand(Errand(process, self._loop), self._run_in_executor, function, *args)

    async def _refuse_to_shut_down(self, timeout: float | None = None) -> None:  # noqa: ARG002, ASYNC109 - as asyncio's
        """Keep the threads for all others, whatever somebody's coroutine does at its end."""
        raise RuntimeError("the threads of asyncio.to_thread() are for all actors of the runtime, and end with that")

    def _refuse_another_factory(self, factory: object) -> None:
        raise RuntimeError(
            "tasks are made so that they end with the actor that has started them, for all actors of the runtime; "
            f"make yours with {factory!r} itself"
        )

    def _refuse_another_executor(self, executor: object) -> None:
        raise RuntimeError(
            "the threads of asyncio.to_thread() are for all actors of the runtime, and stay; "
            f"hand {executor!r} to loop.run_in_executor() instead"
        )

    def _note_thread(self, function: Callable[..., object], future: Future[Any]) -> None:
        """Note that something is run in a thread, for the actor whose code asks for it."""
        # That is the loop's own, no code of an actor, and may take half a minute.
        if function is socket.getaddrinfo:
            return
        ended: asyncio.Future[None] = self._loop.create_future()
        self._in_threads.add(ended)
        ended.add_done_callback(self._in_threads.discard)
        process = current()
        if process is not None:
            self._keep(process, ended)
        future.add_done_callback(lambda _future: self._post(partial(ended.set_result, None)))

    def _keep(self, process: Process, task: asyncio.Future[Any]) -> bool:
        """Have the actor not be gone before this has ended; False when it is, or has no more to wait for."""
        tasks = process.tasks
        if process.gone or tasks is OVER:
            return False
        if not isinstance(tasks, dict):
            tasks = process.tasks = {}
        tasks[task] = None
        # Which isn't to await it.
        asyncio.Future.add_done_callback(task, tasks.pop)
        return True

    def _cancel_tasks(self, process: Process, ended: Waiter) -> None:
        """Cancel an actor's tasks, the first first, until none is left, since one that ends may leave others behind."""
        left = dict.fromkeys(task for task in process.tasks or () if not task.done())

        def one_ended(task: asyncio.Future[Any]) -> None:
            del left[task]
            if not left:
                self._cancel_tasks(process, ended)

        if not left:
            # Here, where all tasks begin: none does between the look and this.
            process.tasks = OVER
            ended.release()
        for task in tuple(left):
            task.add_done_callback(one_ended)
            # What runs in a thread goes on, whoever doesn't wait for it any more.
            if task not in self._in_threads:
                task.cancel()
