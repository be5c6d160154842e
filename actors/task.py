"""Tasks: a function run once, by an actor of its own, whose value is waited for."""

from __future__ import annotations

import inspect
import math
import os
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, Literal, ParamSpec, TypeAlias, TypeVar, get_args, overload

from actors._checks import check_flag
from actors._clock import check_timeout
from actors._kill import kill
from actors._mail import Control, StopRequest
from actors._process import Process, current, lock_of_all, wait_for_any
from actors.actor import Actor
from actors.child_spec import ChildSpec
from actors.errors import ActorDied, CallTimeout, Deadlock, NotTheOwner
from actors.messages import ExitReason, Killed, NoProc, Normal, Shutdown, shown
from actors.runtime import current_runtime

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator, Iterable, Iterator, Sequence

    from actors._clock import Clock
    from actors._scheduler import RunsOn
    from actors.ref import ActorRef

__all__ = ["Done", "Exited", "Task"]

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
V_co = TypeVar("V_co", covariant=True)
T = TypeVar("T")

_SECONDS = 5.0
"""OTP's time-out, of whatever waits for a task."""


@dataclass(frozen=True, slots=True)
class Done(Generic[R_co]):
    """A task's function has returned `value`."""

    value: R_co


@dataclass(frozen=True, slots=True)
class Exited:
    """A task ended without a value, of `reason`."""

    reason: ExitReason


OnTimeout: TypeAlias = Literal["nothing", "kill_task", "ignore"]
OnStreamTimeout: TypeAlias = Literal["exit", "kill_task"]


class Task(Generic[V_co]):
    """A function that is run by an actor of its own, started by `Task.async_()`; its value is there for its owner.

        tasks = [Task.async_(fetch, url) for url in urls]
        pages = Task.await_many(tasks)

    Started by an actor, that is the owner, and the two are linked: a task that fails ends its owner, unless that traps
    exits; and a task ends with its owner. Started from outside of actors, whoever is outside is the owner.

    A function runs on a thread of its own, so it may block; a coroutine function on the runtime's event loop.

    OTP: Elixir's Task. Differs: the value and the end of a task are no messages to its owner (A79, A94).
    """

    def __init__(self, process: Process | None, results: list[V_co], function: str = "") -> None:
        """Not for users: `async_()` and `completed()` make tasks."""
        self._process = process
        self._function = function
        # The value, once the function has returned.
        self._results = results
        self._owner = current()
        self._is_consumed = False

    def __repr__(self) -> str:
        if self._process is None:
            return f"<Task of {self._results[0]!r}>"
        return f"<Task {self._function}, {self._process.ref}>"

    # Starting

    @overload
    @staticmethod
    def async_(function: Callable[P, Coroutine[Any, Any, R]], /, *args: P.args, **kwargs: P.kwargs) -> Task[R]: ...

    @overload
    @staticmethod
    def async_(function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Task[R]: ...

    @staticmethod
    def async_(function: Callable[P, Any], /, *args: P.args, **kwargs: P.kwargs) -> Task[Any]:
        """Run `function(*args, **kwargs)`, and return the task, whose value is to be waited for.

        Raises:
            TypeError: `function` can't be called.

        OTP: `Task.async/1` (A79, A80, A86).
        """
        results: list[Any] = []
        ref = _start(_WorkItem(function, args, kwargs), results, link=current() is not None)
        return Task(ref._process, results, _name_of(function))

    @staticmethod
    def completed(value: R) -> Task[R]:
        """Return a task that is done, and needs no actor.

        OTP: `Task.completed/1` (A92).
        """
        return Task(None, [value])

    @staticmethod
    def start(function: Callable[P, object], /, *args: P.args, **kwargs: P.kwargs) -> ActorRef[TaskProcess]:
        """Run a function on its own: linked to nobody, its value is lost.

        OTP: `Task.start/1` (A93).
        """
        return _start(_WorkItem(function, args, kwargs), [], link=False)

    @staticmethod
    def start_link(function: Callable[P, object], /, *args: P.args, **kwargs: P.kwargs) -> ActorRef[TaskProcess]:
        """Run a function, linked to the calling actor; its value is lost. There is no start to wait for.

        OTP: `Task.start_link/1` (A93).
        """
        return _start(_WorkItem(function, args, kwargs), [], link=current() is not None)

    @staticmethod
    def child_spec(function: Callable[..., object], /, *args: object, **kwargs: object) -> ChildSpec:
        """Return the spec with which a supervisor runs a function, once: it is temporary (A93)."""
        _check_function(function)
        return ChildSpec(Task.start_link, (function, *args), kwargs, id=Task, restart="temporary")

    # Waiting for one

    def await_(self, timeout: float | None = _SECONDS) -> V_co:
        """Return the value, waiting for it; once.

        Args:
            timeout: seconds; None waits for ever. When they are over the task goes on, and can't be awaited again
                (A83).

        Raises:
            ActorDied: the task ended without a value; `reason` is what it died of (A81, A82).
            CallTimeout: no value in time; or it has been awaited before, and no other comes (A85).
            NotTheOwner: called by another than who started it (A84).
            Deadlock: the task waits for its owner.
            WouldBlock: a coroutine of an actor's, which all others would wait for.
            ValueError: a bad `timeout`.

        OTP: `Task.await/2`.
        """
        check_timeout(timeout)
        self._check_owner()
        if self._is_consumed:
            raise _awaited_before(self)
        ended = self._wait(timeout)
        self._is_consumed = True
        if not ended:
            raise _too_slow(self, timeout)
        return self._open()

    def yield_(self, timeout: float | None = _SECONDS) -> Done[V_co] | Exited | None:
        """Return the value as `Done`, or why there is none as `Exited`; None after `timeout` seconds.

        It may be called again after None, and returns None at once after anything else (A85).

        OTP: `Task.yield/2` (A87).
        """
        check_timeout(timeout)
        self._check_owner()
        return self._take() if not self._is_consumed and self._wait(timeout, goes_on=True) else None

    def shutdown(self, timeout: float | Literal["brutal_kill"] | None = _SECONDS) -> Done[V_co] | Exited | None:
        """End the task; return what came of it, or None when it died of this.

        Args:
            timeout: seconds to wait for its end before it is killed; None waits for ever; `"brutal_kill"` kills at
                once. The function is not cut: it is waited for, and after a kill given up.

        OTP: `Task.shutdown/2` (A88, A89).
        """
        if timeout != "brutal_kill":
            check_timeout(timeout)
        self._check_owner()
        if self._is_consumed:
            return Exited(NoProc())
        died_of_it = Exited(Killed() if timeout == "brutal_kill" else Shutdown())
        process = self._process
        if process is not None:
            if timeout not in ("brutal_kill", 0):
                _refuse_to_block([self])
            self._unlink()
            if timeout != "brutal_kill":
                process.signal(self._owner, Shutdown())
                try:
                    self._wait(timeout)
                except Deadlock:
                    # It waits for its owner, which would take all the time there is. In OTP the signal ends that wait.
                    if process.is_doomed:
                        died_of_it = Exited(Killed())
            kill(process)
        outcome = self._take()
        return None if outcome == died_of_it else outcome

    def ignore(self) -> Done[V_co] | Exited | None:
        """Let the task go on alone; return what has come of it, or None. It can't be awaited any more.

        OTP: `Task.ignore/1` (A92).
        """
        self._check_owner()
        self._unlink()
        outcome = self._take() if not self._is_consumed and self._has_ended() else None
        self._is_consumed = True
        return outcome

    # Waiting for many

    @staticmethod
    def await_many(tasks: Iterable[Task[R]], timeout: float | None = _SECONDS) -> list[R]:
        """Return the values of all, in the order of `tasks`; the first that ends without one is raised at once.

        Args:
            timeout: seconds for all together.

        Raises:
            As `await_`.

        OTP: `Task.await_many/2` (A90).
        """
        check_timeout(timeout)
        tasks = list(tasks)
        for task in tasks:
            task._check_owner()
        consumed = next((task for task in tasks if task._is_consumed), None)
        if consumed is None and timeout != 0:
            _refuse_to_block(tasks)
        for task in tasks:
            task._is_consumed = True
        if consumed is not None:
            raise _awaited_before(consumed)
        for _ in _endings(tasks, timeout, len(tasks)):
            failed = next((task for task in tasks if task._has_ended() and not task._results), None)
            if failed is not None:
                failed._open()
        late = next((task for task in tasks if not task._has_ended()), None)
        if late is not None:
            raise _too_slow(late, timeout)
        return [task._open() for task in tasks]

    @staticmethod
    def yield_many(
        tasks: Iterable[Task[R]],
        timeout: float | None = _SECONDS,
        *,
        limit: int | None = None,
        on_timeout: OnTimeout = "nothing",
    ) -> list[tuple[Task[R], Done[R] | Exited | None]]:
        """Return each task with what has come of it, as `yield_` does, in the order of `tasks`.

        Args:
            timeout: seconds for all together.
            limit: how many are enough; None for all.
            on_timeout: what becomes of the others when the time is over: `"nothing"`, they may be waited for again;
                `"kill_task"`; `"ignore"`, they go on alone.

        OTP: `Task.yield_many/2` (A91).
        """
        check_timeout(timeout)
        _check_choice("on_timeout", on_timeout, OnTimeout)
        if limit is not None:
            _check_count("limit", limit)
        tasks = list(tasks)
        for task in tasks:
            task._check_owner()
        open_tasks = [task for task in tasks if not task._is_consumed]
        enough = len(open_tasks) if limit is None else min(limit, len(open_tasks))
        in_time = enough == 0
        for count in _endings(open_tasks, timeout, enough, goes_on=True):
            in_time = count >= enough
            if in_time:
                break
        return [(task, task._settle("nothing" if in_time else on_timeout)) for task in tasks]

    @overload
    @staticmethod
    def async_stream(
        inputs: Iterable[T],
        function: Callable[[T], Coroutine[Any, Any, R]],
        *,
        max_concurrency: int | None = None,
        ordered: bool = True,
        timeout: float | None = _SECONDS,
        on_timeout: OnStreamTimeout = "exit",
        zip_input_on_exit: bool = False,
    ) -> Iterator[Done[R] | Exited]: ...

    @overload
    @staticmethod
    def async_stream(
        inputs: Iterable[T],
        function: Callable[[T], R],
        *,
        max_concurrency: int | None = None,
        ordered: bool = True,
        timeout: float | None = _SECONDS,
        on_timeout: OnStreamTimeout = "exit",
        zip_input_on_exit: bool = False,
    ) -> Iterator[Done[R] | Exited]: ...

    @staticmethod
    def async_stream(  # noqa: PLR0913 - as Elixir's, by name
        inputs: Iterable[T],
        function: Callable[[T], Any],
        *,
        max_concurrency: int | None = None,
        ordered: bool = True,
        timeout: float | None = _SECONDS,
        on_timeout: OnStreamTimeout = "exit",
        zip_input_on_exit: bool = False,
    ) -> Iterator[Done[Any] | Exited]:
        """Call `function` with each of `inputs`, each in a task of its own, and yield what comes of them.

        Nothing is started before it is iterated over. When the iteration ends early, the tasks that run are killed.

        Args:
            inputs: taken one by one, as tasks are started.
            max_concurrency: how many tasks run at once; None for as many as there are processors.
            ordered: whether to yield in the order of `inputs`; else as they end.
            timeout: seconds for each task, from its start, which are looked at while an outcome is waited for; None for
                any time.
            on_timeout: what a task that takes longer does: `"exit"` ends the iteration with `CallTimeout`;
                `"kill_task"` ends that task, which is yielded as `Exited("timeout")`.
            zip_input_on_exit: whether the reason of an `Exited` is a pair of the input and the reason.

        Raises:
            TypeError, ValueError: a bad argument, at once (A100).
            ActorDied: while iterating, by an actor that doesn't trap exits: a task has failed (A97). To one that does,
                and outside of actors, it is yielded as `Exited`.

        OTP: `Task.async_stream/5` (A95 to A99).
        """
        _check_function(function)
        if max_concurrency is not None:
            _check_count("max_concurrency", max_concurrency)
        check_timeout(timeout)
        _check_choice("on_timeout", on_timeout, OnStreamTimeout)
        check_flag(zip_input_on_exit, "zip_input_on_exit")
        concurrency = max_concurrency or os.cpu_count() or 1
        kills = on_timeout == "kill_task"
        stream = _Stream(function, timeout, ordered=ordered, kills=kills, zips=zip_input_on_exit)
        return stream.run(iter(inputs), concurrency)

    # What has come of it

    def _has_ended(self) -> bool:
        return self._process is None or self._process.announced

    def _wait(self, timeout: float | None, *, goes_on: bool = False) -> bool:
        """Wait until it has ended; False after `timeout` seconds.

        Args:
            goes_on: whether the owner does without it when the time is over.
        """
        process = self._process
        if process is None or self._is_consumed or process.announced:
            return True
        return wait_for_any([process], _has_been_announced, timeout, clock=_clock_of_one_who(goes_on, timeout))

    def _settle(self, on_timeout: OnTimeout) -> Done[V_co] | Exited | None:
        """Return what has come of it; when nothing has, do as `on_timeout` says."""
        if self._is_consumed:
            return None
        if self._has_ended():
            return self._take()
        match on_timeout:
            case "nothing":
                return None
            case "kill_task":
                return self.shutdown("brutal_kill")
            case "ignore":
                return self.ignore()

    def _take(self) -> Done[V_co] | Exited:
        self._is_consumed = True
        return Done(self._results[0]) if self._results else Exited(self._reason)

    def _open(self) -> V_co:
        if self._results:
            return self._results[0]
        msg = f"{self!r} ended without a value: {shown(self._reason)}"
        raise ActorDied(msg, self._reason)

    @property
    def _reason(self) -> ExitReason:
        return self._process.reason if self._process is not None else None

    def _unlink(self) -> None:
        if self._process is not None and self._owner is not None:
            self._owner.unlink(self._process)

    def _check_owner(self) -> None:
        caller = current()
        if caller is not self._owner:
            owner = "outside of actors" if self._owner is None else self._owner.ref
            msg = (
                f"{self!r} must be queried by its owner ({owner}), not by {caller.ref if caller else 'another thread'}"
            )
            raise NotTheOwner(msg)


class _Run(Control):
    """Tells a task's actor to begin."""


_RUN = _Run()


class _WorkItem:
    """What a task is to do; shown as it would be written."""

    __slots__ = ("args", "function", "kwargs")

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        _check_function(function)
        self.function = function
        self.args = args
        self.kwargs = kwargs

    def __repr__(self) -> str:
        arguments = [*map(shown, self.args), *(f"{name}={shown(value)}" for name, value in self.kwargs.items())]
        return f"{_name_of(self.function)}({', '.join(arguments)})"


class TaskProcess(Actor):
    """Runs one function, and ends."""

    def __init__(self, call: _WorkItem, results: list[Any]) -> None:
        self._call = call
        self._results = results
        starter = current()
        self._started_by = None if starter is None else starter.ref

    def on_receive(self, message: object) -> Any:
        if message is not _RUN:
            return super().on_receive(message)
        call = self._call
        result = call.function(*call.args, **call.kwargs)
        if inspect.iscoroutine(result):
            # Itself, and not one that awaits it: cut off before its first step, that would leave it never awaited.
            result = self._otp_process.runtime.run_coroutine(self._otp_process, result)
        return self._end(result)

    def _end(self, result: object) -> None:
        process = self._otp_process
        # What a killed one returns is nobody's any more; nor may the kill come between.
        with lock_of_all:
            process.unwind()
            self._results.append(result)
        # Ahead of what came meanwhile, such as its owner's exit, which one that traps exits outlives (A86).
        process.put_back([StopRequest(Normal())])

    def _otp_last_state(self) -> dict[str, object]:
        return {"call": self._call, "started_by": self._started_by}


def _start(call: _WorkItem, results: list[Any], *, link: bool) -> ActorRef[TaskProcess]:
    runs_on: RunsOn = "shared" if inspect.iscoroutinefunction(call.function) else "thread"
    ref = TaskProcess.options(link=link, runs_on=runs_on).start(call, results)
    ref._process.put(_RUN)
    return ref


class _Element(Generic[T, R]):
    """One input of a stream, and its task."""

    def __init__(self, given: T, process: Process, results: list[R], deadline: float) -> None:
        self.given = given
        self.process = process
        self.results = results
        self.deadline = deadline
        self.has_ended = False
        self.timed_out = False


class _Stream(Generic[T, R]):
    """The tasks of one `async_stream`: those that run, and those that have ended and are to be yielded."""

    def __init__(
        self, function: Callable[[T], R], timeout: float | None, *, ordered: bool, kills: bool, zips: bool
    ) -> None:
        self._function = function
        self._timeout = timeout
        self._kills = kills
        self._zips = zips
        self._ordered = ordered
        self._running: list[_Element[T, R]] = []
        # What is to be yielded yet, the next first: all of them, or only those that have ended.
        self._following: deque[_Element[T, R]] = deque()

    def run(self, inputs: Iterator[T], concurrency: int) -> Generator[Done[R] | Exited, None, None]:
        consumer = current()
        if consumer is not None:
            consumer.refuse_to_block()
            consumer.when_ended(self._kill_all)
        following = self._following
        try:
            while True:
                for given in islice(inputs, concurrency - len(self._running)):
                    self._begin(given)
                if following and following[0].has_ended:
                    yield self._outcome(following.popleft(), consumer)
                elif self._running:
                    self._await_one()
                else:
                    return
        finally:
            self._kill_all()
            if consumer is not None:
                consumer.not_when_ended(self._kill_all)

    def _begin(self, given: T) -> None:
        results: list[R] = []
        ref = _start(_WorkItem(self._function, (given,), {}), results, link=False)
        deadline = math.inf if self._timeout is None else current_runtime().clock.now() + self._timeout
        element = _Element(given, ref._process, results, deadline)
        self._running.append(element)
        if self._ordered:
            self._following.append(element)

    def _await_one(self) -> None:
        """Wait until a task has ended, or has no time left."""
        clock = current_runtime().clock
        deadline = min(element.deadline for element in self._running)
        left = None if deadline == math.inf else max(deadline - clock.now(), 0.0)
        # The next in order; of those in no order, any will do.
        needed = [element.process for element in islice(self._following, 1)]
        wait_for_any([element.process for element in self._running], _has_been_announced, left, needed=needed)
        for element in list(self._running):
            if not element.process.announced:
                if clock.now() < element.deadline:
                    continue
                if not self._kills:
                    msg = f"a task of the stream took longer than {self._timeout} seconds"
                    raise CallTimeout(msg, "timeout")
                element.timed_out = True
                kill(element.process)
            self._running.remove(element)
            element.has_ended = True
            if not self._ordered:
                self._following.append(element)

    def _outcome(self, element: _Element[T, R], consumer: Process | None) -> Done[R] | Exited:
        if element.results and not element.timed_out:
            return Done(element.results[0])
        reason: ExitReason = "timeout" if element.timed_out else element.process.reason
        is_harmless = element.timed_out or isinstance(reason, Normal)
        if consumer is not None and not consumer.trapping and not is_harmless:
            msg = f"a task of the stream ended without a value: {shown(reason)}"
            raise ActorDied(msg, reason)
        return Exited((element.given, reason) if self._zips else reason)

    def _kill_all(self, _consumer: Process | None = None) -> None:
        # By the consumer, or by who kills it, or by both at a time.
        while self._running:
            for element in list(self._running):
                kill(element.process)
                with suppress(ValueError):
                    self._running.remove(element)


def _name_of(function: Callable[..., object]) -> str:
    name, module = getattr(function, "__qualname__", None), getattr(function, "__module__", None)
    if name is None:
        return shown(function)
    return name if module is None else f"{module}.{name}"


def _endings(tasks: Sequence[Task[Any]], timeout: float | None, enough: int, *, goes_on: bool = False) -> Iterator[int]:
    """Wait for the tasks, and yield how many have ended whenever that has changed, until all have or time is over.

    Args:
        enough: how many have to have ended for the caller to go on.
        goes_on: whether it does without them when the time is over.
    """
    clock = current_runtime().clock
    deadline = None if timeout is None else clock.now() + timeout
    while True:
        processes = [task._process for task in tasks if task._process is not None and not task._process.announced]
        yield len(tasks) - len(processes)
        if not processes:
            return
        left = None if deadline is None else max(deadline - clock.now(), 0.0)
        needed = processes if enough == len(tasks) else ()
        asked = _clock_of_one_who(goes_on, timeout)
        if not wait_for_any(processes, _has_been_announced, left, clock=asked, needed=needed):
            return


def _clock_of_one_who(goes_on: bool, timeout: float | None) -> Clock | None:  # noqa: FBT001 - reads as a sentence
    """Return the clock of a wait that closes no circle, since its time will be over; None for one that may."""
    return current_runtime().clock if goes_on and timeout is not None else None


def _refuse_to_block(tasks: Iterable[Task[Any]]) -> None:
    """Refuse, before anything is done, what will wait for these in a coroutine."""
    owner = current()
    if owner is not None and not all(task._has_ended() for task in tasks):
        owner.refuse_to_block()


def _has_been_announced(process: Process) -> bool:
    return process.announced


def _awaited_before(task: Task[Any]) -> CallTimeout:
    return CallTimeout(f"{task!r} was awaited before: no other value comes", "timeout")


def _too_slow(task: Task[Any], timeout: float | None) -> CallTimeout:
    msg = f"{task!r} has no value within {timeout} seconds; it goes on, and can't be awaited again"
    return CallTimeout(msg, "timeout")


def _check_function(function: object) -> None:
    if inspect.iscoroutine(function):
        msg = f"function must be callable; got {function!r}, a coroutine; give its function, and the arguments of that"
        raise TypeError(msg)
    if not callable(function):
        msg = f"function must be callable; got {function!r}"
        raise TypeError(msg)


def _check_count(name: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        msg = f"{name} must be a whole number >= 1; got {value!r}"
        raise ValueError(msg)


def _check_choice(name: str, value: object, choices: object) -> None:
    if value not in get_args(choices):
        msg = f"{name} must be one of {', '.join(map(repr, get_args(choices)))}; got {value!r}"
        raise ValueError(msg)
