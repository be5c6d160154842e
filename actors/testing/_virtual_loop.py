"""The event loop of a simulation: coroutines take their steps as actors take theirs, in virtual time."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import threading
from typing import TYPE_CHECKING, Any

from greenlet import GreenletExit

from actors._awaited import ActorTask
from actors._event_loop import EventLoop, logger
from actors.errors import ProcessKilled
from actors.testing._stand_ins import NotSimulated, where_called
from actors.testing._to_thread import Helpers

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

    from greenlet import greenlet

    from actors._clock import Ticket
    from actors._process import Process
    from actors.testing._simulation import Simulation

__all__ = ["SimulatedEventLoop"]


def _number_of(future: Any) -> int:
    """Which it is, of those that are kept in sets: its place there hangs on no address, and is the same in each run."""
    if future.number is None:
        future.number = next(future.get_loop().numbers)
    number: int = future.number
    return number


class SimulatedTask(ActorTask):
    """A task that asyncio may hand out in a set."""

    number: int | None = None

    def __hash__(self) -> int:
        return _number_of(self)


class SimulatedFuture(asyncio.Future[Any]):
    """A future of which that holds too."""

    number: int | None = None

    def __hash__(self) -> int:
        return _number_of(self)


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop without a thread and without input: the simulation has it do one callback after the other."""

    known_as = "event loop"
    greenlet: greenlet | None = None

    def __init__(self, simulation: Simulation) -> None:
        super().__init__()
        self._simulation = simulation
        self._is_scheduled = False
        # Of its tasks and futures.
        self.numbers = itertools.count(1)
        # asyncio's own, which it keeps to itself.
        self._due: Any = self._ready  # type: ignore[attr-defined]
        self._timers: Any = self._scheduled  # type: ignore[attr-defined]
        # What the clock has for those, by their ids: two of them may be equal.
        self._tickets: dict[int, Ticket] = {}
        # Timers of code that runs elsewhere, which are seen when something wakes the loop.
        self._unheard: list[asyncio.TimerHandle] = []

    @property
    def whose(self) -> Process | None:
        """The actor whose coroutine does the next callback; None when it is a callback of nobody's."""
        task = getattr(self._due[0]._callback, "__self__", None) if self._due else None
        return getattr(task, "process", None)

    def time(self) -> float:
        return self._simulation.clock.now()

    def create_future(self) -> SimulatedFuture:
        return SimulatedFuture(loop=self)

    # In the stubs, the types of callbacks hang on a feature that isn't in all versions.

    def call_soon(  # type: ignore[override]
        self, callback: Any, *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        handle = super().call_soon(callback, *args, context=context)
        if asyncio._get_running_loop() is self:
            self._schedule()
        return handle

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Any, *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        handle = super().call_soon(callback, *args, context=context)
        self._schedule()
        return handle

    def call_at(  # type: ignore[override]
        self, when: float, callback: Any, *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        handle = super().call_at(when, callback, *args, context=context)
        if asyncio._get_running_loop() is self:
            self._have_come(handle)
        else:
            self._unheard.append(handle)
        return handle

    def _have_come(self, handle: asyncio.TimerHandle) -> None:
        self._tickets[id(handle)] = self._simulation.clock.call_at(handle.when(), self._schedule)

    @property
    def has_unheard(self) -> bool:
        """Whether code that runs elsewhere has called what doesn't wake the loop, as it wouldn't wake a real one."""
        return bool(self._unheard or (self._due and not self._is_scheduled))

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Have the clock, too, wait for it no more."""
        super()._timer_handle_cancelled(handle)  # type: ignore[misc]  # asyncio's own, which it keeps to itself
        ticket = self._tickets.pop(id(handle), None)
        if ticket is not None:
            self._simulation.clock.cancel(ticket)

    def _schedule(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            self._simulation.ready.append(self)

    def run_once(self, _simulation: Simulation) -> None:
        """Do one callback that is due."""
        while self._unheard:
            self._have_come(self._unheard.pop())
        self._take_timers()
        handle = self._due.popleft() if self._due else None
        if handle is not None and not handle._cancelled:
            self.enter()
            try:
                handle._run()
            except (GreenletExit, ProcessKilled):
                # The simulation ends.
                raise
            except BaseException as error:  # noqa: BLE001 - logged, and it is the loop of all
                if not self._simulation.is_interrupted_by(error):
                    logger.exception("a task or a callback of a coroutine's own has raised what would end the program")
            finally:
                self.leave()
        # Not before: it would be resumed where a callback of its own waits.
        self._is_scheduled = False
        self._take_timers()
        if self._due:
            self._schedule()

    def _take_timers(self) -> None:
        """Have done what is due by now."""
        now = self.time()
        while self._timers and (self._timers[0]._cancelled or self._timers[0]._when <= now):
            timer = heapq.heappop(self._timers)
            timer._scheduled = False
            self._tickets.pop(id(timer), None)
            if not timer._cancelled:
                self._due.append(timer)

    def enter(self) -> None:
        """Be the loop that asyncio finds in this thread."""
        self._outer = asyncio._get_running_loop()
        asyncio._set_running_loop(self)

    def leave(self) -> None:
        """Be it no more; the test may have one of its own."""
        asyncio._set_running_loop(self._outer)

    def _process_events(self, _events: Any) -> None:
        """There is no input."""

    def _write_to_self(self) -> None:
        """Nobody sleeps."""


def _refusing(name: str) -> Callable[..., None]:
    def refuse(loop: VirtualLoop, *_args: object, **_named: object) -> None:
        what = f"{name.removeprefix('_')}() of the event loop"
        loop._simulation.fail(NotSimulated(what, where_called(), "hand in something in place of what wants it"))

    return refuse


def _wants_a_real_one(name: str) -> bool:
    """Whether it is about sockets, pipes, processes or signals, which a loop has to have of its own."""
    is_missing = getattr(VirtualLoop, name) is getattr(asyncio.AbstractEventLoop, name, None)
    # A server has its sockets, and has bound them, before it asks for what is missing.
    return (
        name.startswith("_make_")
        or name in {"create_server", "getaddrinfo", "getnameinfo"}
        or (is_missing and not name.startswith("__"))
    )


for _name in filter(_wants_a_real_one, dir(asyncio.BaseEventLoop)):
    setattr(VirtualLoop, _name, _refusing(_name))


class SimulatedEventLoop(EventLoop):
    """Runs the coroutines of simulated actors."""

    _task_class = SimulatedTask

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._virtual = simulation.event_loop = VirtualLoop(simulation)
        # Those that have to be told of when they have failed and nobody asks; and how many there are at most before
        # the others are forgotten.
        self._tasks: list[Any] = []
        self._most = _TASKS
        self._set_up(self._virtual)
        self._virtual._default_executor = Helpers(simulation, self._note_thread)  # type: ignore[attr-defined]
        self._virtual.set_default_executor = self._refuse_another_executor  # type: ignore[method-assign]

    @property
    def ident(self) -> int | None:
        """The thread's, while a coroutine has it."""
        return threading.get_ident() if self._simulation.running is self._virtual else None

    def note_raised(self, error: BaseException) -> None:
        # Before the actor, which may not have its turn again, is ended by it.
        self._simulation.is_interrupted_by(error)

    def close(self, seconds: float) -> None:  # noqa: ARG002 - no thread is waited for
        """Cancel what is left; what doesn't end then is left behind."""
        self._virtual.enter()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._virtual.leave()
        try:
            self._simulation.run_until_idle()
            self._simulation.free_event_loop()
        finally:
            self._finish()

    def _finish(self) -> None:
        """Close the loop; of what is left in it nothing is said but that it failed, if nobody has asked."""
        self._is_closed = True
        for task in asyncio.all_tasks(self._loop):
            task._log_destroy_pending = False  # type: ignore[attr-defined]  # as asyncio itself does
        for failed in self._tasks:
            if isinstance(failed._exception, ProcessKilled):
                # The simulation has ended it.
                failed.exception()
            # What asyncio does when it is garbage, which would be at any time.
            failed.__del__()
        self._tasks.clear()
        self._loop.close()

    def _new_task(self, loop: asyncio.AbstractEventLoop, coroutine: Any, /, **options: Any) -> ActorTask:
        task = super()._new_task(loop, coroutine, **options)
        self._tasks.append(task)
        if len(self._tasks) > self._most:
            self._tasks = [task for task in self._tasks if not task.done() or task._log_traceback]
            self._most = max(2 * len(self._tasks), _TASKS)
        return task


_TASKS = 100
"""Tasks that are kept at first, whether they have failed or not."""
