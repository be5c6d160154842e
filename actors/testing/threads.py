"""Races between threads, found line by line: real threads, of which one runs at a time, as a seed says."""

from __future__ import annotations

import contextvars
import gc
import inspect
import linecache
import math
import random
import sys
import threading
from collections.abc import Collection
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from threading import get_ident
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, overload

from actors.errors import Deadlock
from actors.testing._clock import PATIENCE_SECONDS
from actors.testing._injection import check_count, holds
from actors.testing._line_locks import __file__ as locks_file
from actors.testing._line_locks import line_locks
from actors.testing._shown import said_by, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from types import FrameType

__all__ = ["FailedSchedule", "LineStep", "NothingToExplore", "ThreadReport", "explore_threads"]

S = TypeVar("S")

_Lock = threading.Lock


class LineStep(NamedTuple):
    """One step of an interleaving: this thread was about to run this line, or to go on in it with a lock.

    Args:
        thread: `"name-n"`: the function that it runs, and its place among those given, from 1.
        file: as Python knows it.
        line: from 1.
        function: whose line it is.
    """

    thread: str
    file: str
    line: int
    function: str

    def __str__(self) -> str:
        place = f"{_short(self.file)}:{self.line}"
        source = linecache.getline(self.file, self.line).rstrip()
        return f"{self.thread:<16} {place:<28} {self.function:<24} {source}".rstrip()


class FailedSchedule(AssertionError):
    """One schedule of the threads failed; its cause is what was raised, by a thread or by the check.

    Args:
        seed: `explore_threads(..., seed=seed, schedules=1)` runs it again.
        schedule: which it was, from 1.
        steps: who ran which line, from the beginning to the failure.
        error: what was raised; a `Deadlock` when no thread could go on.
    """

    def __init__(self, seed: int, schedule: int, steps: Sequence[LineStep], error: BaseException) -> None:
        lines = "\n".join(f"  {line}" for line in _readable(steps)) or "  nothing"
        what = f"{type(error).__name__}: {said_by(error)}"
        super().__init__(f"schedule {schedule}: {what}\nthe steps:\n{lines}\nagain with: seed={seed}, schedules=1")
        self.seed = seed
        self.schedule = schedule
        self.steps = tuple(steps)
        self.error = error


class NothingToExplore(AssertionError):
    """There was but one schedule: one thread alone, or none that came to a line of the named modules, or to a lock."""


@dataclass(frozen=True, slots=True)
class ThreadReport:
    """What `explore_threads()` has seen.

    Args:
        schedules: how many were run.
        distinct: how many of them handed on at other places, or to other threads.
        points: lines and lock operations, of all schedules, at which another could have gone on.
        switches: at how many of them another did.
    """

    schedules: int
    distinct: int
    points: int
    switches: int


@overload
def explore_threads(
    *functions: Callable[[], object],
    only: Sequence[ModuleType],
    schedules: int = ...,
    seed: int = ...,
    check: Callable[[], object] | None = ...,
    max_points: int = ...,
) -> ThreadReport: ...


@overload
def explore_threads(
    *functions: Callable[[S], object],
    only: Sequence[ModuleType],
    given: Callable[[], S],
    schedules: int = ...,
    seed: int = ...,
    check: Callable[[S], object] | None = ...,
    max_points: int = ...,
) -> ThreadReport: ...


def explore_threads(  # noqa: PLR0913 - each says another thing
    *functions: Callable[..., object],
    only: Sequence[ModuleType],
    given: Callable[[], Any] | None = None,
    schedules: int = 1000,
    seed: int = 0,
    check: Callable[..., object] | None = None,
    max_points: int = 100_000,
) -> ThreadReport:
    """Run functions in threads, again and again, each time handed on from one to the other at other lines.

    One thread runs at a time. At each line of the named modules, and each time that a lock is acquired or released,
    the seed says whether another goes on, and which. Between two of them, and in all other code, a thread is atomic.

        def count(counter):
            counter.add()

        def is_two(counter):
            assert counter.value == 2

        explore_threads(count, count, only=[counters], given=Counter, check=is_two)

    Locks, and what the standard library makes of them, are of the exploration when `given`, a function, or the code of
    a named module makes them meanwhile; so are those that a named module has at its top. A wait with a time-out may
    end by it at any moment. Nothing else that blocks may be used, and no thread be started.

    Args:
        functions: one thread for each; two at least.
        only: whose lines count.
        given: makes what they share, anew for each schedule; it is what they and `check` are called with.
        schedules: how many.
        seed: of the first; each further one has the next. The same seed makes the same schedule.
        check: called after each schedule when all have ended; it fails by raising, or by returning what is false and
            not None.
        max_points: lines and lock operations after which a schedule is taken for one that never ends.

    Raises:
        FailedSchedule: a thread or the check raised something; or no thread could go on, or they never ended.
        NothingToExplore: in no schedule was there a place at which another could have gone on: there is one function,
            or none of them came to a line of the modules, or to a lock.
        TypeError: `only` is no list of modules, or one has no code of Python; a function is none, or async; `seed` or
            `schedules` is no whole number.
        ValueError: there are no functions, no modules, or no schedules; or `max_points` is less than 1.
    """
    _check(functions, seed=seed, schedules=schedules, max_points=max_points)
    modules = only if isinstance(only, Collection) else [None]
    if not all(isinstance(module, ModuleType) and getattr(module, "__file__", None) for module in modules):
        raise TypeError(f"only must be a list of modules of Python code, such as [counters]; got {only!r}")
    if not functions or not only or schedules < 1:
        what = f"{len(functions)} functions, {len(only)} modules, {schedules} schedules"
        raise ValueError(f"to explore takes a function, a module and a schedule, at least; got {what}")
    turns = _Turns(functions, {str(module.__file__) for module in only}, max_points)
    distinct: set[int] = set()
    points = switches = 0
    with turns.threads_started(), line_locks(turns, only):
        for number in range(schedules):
            error = turns.run(seed + number, given, check)
            if error is not None:
                steps = turns.steps_of(seed + number, given, check, error)
                raise FailedSchedule(seed + number, number + 1, steps, error) from error
            distinct.add(hash(tuple(turns.handed)))
            points += turns.points
            switches += len(turns.handed)
    if len(functions) == 1:
        raise NothingToExplore("there was one thread, and no other that could go on; give two functions, or one twice")
    if not points:
        names = ", ".join(module.__name__ for module in only)
        raise NothingToExplore(f"no thread came to a line of {names}, nor to a lock; is that where they run?")
    return ThreadReport(schedules, len(distinct), points, switches)


def _check(functions: Sequence[object], *, seed: object, schedules: object, max_points: object) -> None:
    for function in functions:
        if inspect.iscoroutinefunction(function) or not callable(function):
            raise TypeError(f"functions must be such that aren't async; got {function!r}")
    if not isinstance(seed, int):
        raise TypeError(f"seed must be a whole number, to which others are added; got {seed!r}")
    if not isinstance(schedules, int):
        raise TypeError(f"schedules must be a whole number; got {schedules!r}")
    check_count(max_points, "max_points")


class _Abandoned(BaseException):
    """Unwinds a thread of a schedule that has failed."""


class _Thread:
    """One of those that take turns."""

    def __init__(self, name: str, index: int, function: Callable[..., object]) -> None:
        self.name = name
        self.index = index
        self.function = function
        self.bell = _Lock()
        self.bell.acquire()
        self.thread: threading.Thread | None = None
        self.call: Callable[[], object] | None = None
        self.error: BaseException | None = None
        self.is_done = True
        # The lock that it waits for, and whether it may give up.
        self.waits_for: Any = None
        self.is_timed = False

    @property
    def can_go_on(self) -> bool:
        if self.is_done:
            return False
        return self.waits_for is None or self.is_timed or self.waits_for.is_free


class _Turns:
    """Has threads run one at a time, and says who is next."""

    def __init__(self, functions: Sequence[Callable[..., object]], files: set[str], max_points: int) -> None:
        self.threads = [
            _Thread(f"{getattr(function, '__name__', 'thread').strip('<>')}-{index + 1}", index, function)
            for index, function in enumerate(functions)
        ]
        self.idents = {get_ident()}
        self.now = 0.0
        self.handed: list[tuple[int, int]] = []
        self._files = files
        self._max_points = max_points
        self._running: _Thread | None = None
        self._is_over = False
        self._failure: BaseException | None = None
        self._steps: list[LineStep] | None = None
        # Points until the next hand-over, and in how many points that will be, counted from the beginning.
        self._left = self._next = 0
        self._mean_log = -1.0
        self._random: Callable[[], float] = random.Random(0).random
        self._all_done = _Lock()
        self._all_done.acquire()

    @property
    def points(self) -> int:
        """How many there were so far in this schedule."""
        return self._next - self._left

    @contextmanager
    def threads_started(self) -> Generator[None]:
        """Have a thread for each function, to be used for all schedules."""
        for one in self.threads:
            one.thread = threading.Thread(target=self._live, args=(one,), name=one.name, daemon=True)
            one.thread.start()
            self.idents.add(one.thread.ident or 0)
        try:
            yield
        finally:
            for one in self.threads:
                # One that is stuck for real, as was reported, stays.
                if one.is_done and one.thread is not None:
                    one.call = None
                    one.bell.release()
                    one.thread.join()

    # One schedule

    def run(
        self, seed: int, given: Callable[[], Any] | None, check: Callable[..., object] | None
    ) -> BaseException | None:
        """Run the threads to their ends, and the check; return what went wrong."""
        arguments = () if given is None else (given(),)
        chance = random.Random(seed)
        self._random = chance.random
        # Some races want one hand-over at one place, some many: so schedules differ in how often there is one.
        self._mean_log = math.log1p(-_CHANCES[int(chance.random() * len(_CHANCES))])
        self.handed = []
        self.now = 0.0
        self._is_over = False
        self._failure = None
        self._next = self._left = self._gap()
        for one in self.threads:
            one.is_done = False
            one.error = None
            context = contextvars.copy_context()
            one.call = _bound(context.run, one.function, arguments)
        # A finalizer would run between any two lines.
        was_enabled = gc.isenabled()
        gc.disable()
        try:
            first = self._choose(self.threads)
            self._running = first
            self.handed.append((0, first.index))
            first.bell.release()
            self._await_end()
        finally:
            if was_enabled:
                gc.enable()
        self._running = None
        error = self._failure or next((one.error for one in self.threads if one.error is not None), None)
        if error is None and check is not None:
            try:
                looked = check(*arguments)
                if not holds(looked):
                    return AssertionError(f"the check doesn't hold: it returned {looked!r}")
            except Exception as failed:  # noqa: BLE001 - whatever it is, it is what is looked for
                return failed
        return error

    def steps_of(
        self,
        seed: int,
        given: Callable[[], Any] | None,
        check: Callable[..., object] | None,
        error: BaseException,
    ) -> list[LineStep]:
        """Run a schedule that has failed once more, and return who ran which line."""
        handed = self.handed
        steps: list[LineStep] = []
        self._steps = steps
        try:
            again = self.run(seed, given, check)
        finally:
            self._steps = None
        if type(again) is not type(error) or self.handed != handed:
            was = "it passed" if again is None else f"it failed by {shown(again)}"
            msg = f"the schedule with seed={seed} failed by {shown(error)}, and when it was run again {was}: what the"
            msg += " threads do depends on more than the seed: a random choice, the order of a set, the time?"
            raise AssertionError(msg) from error
        return steps

    def _await_end(self) -> None:
        seen = -1
        while not self._all_done.acquire(timeout=PATIENCE_SECONDS):
            if (now := self.points) == seen:
                stuck = self._running
                assert stuck is not None, "somebody has the turn until all are done"
                msg = f"{stuck.name} blocks its thread for real, or computes for long, at {self._place(stuck)}"
                raise AssertionError(msg)
            seen = now

    def _live(self, me: _Thread) -> None:
        while True:
            me.bell.acquire()
            if me.call is None:
                return
            if not self._is_over:
                try:
                    sys.settrace(self._trace)
                    try:
                        me.call()
                    finally:
                        sys.settrace(None)
                except _Abandoned:
                    pass
                except BaseException as error:  # noqa: BLE001 - whatever it is, it is what is looked for
                    me.error = error
            self._end(me)

    def _end(self, me: _Thread) -> None:
        me.is_done = True
        me.waits_for = None
        left = [one for one in self.threads if not one.is_done]
        if not left:
            self._all_done.release()
            return
        if not self._is_over:
            able = [one for one in left if one.can_go_on]
            if able:
                self._pass_to(self._choose(able))
                return
            self._fail(self._deadlock(left))
        self._pass_to(left[0])

    # At a point

    def _trace(self, frame: FrameType, _event: str, _argument: object) -> Any:
        if frame.f_code.co_filename in self._files:
            return self._trace_line
        return None

    def _trace_line(self, frame: FrameType, event: str, _argument: object) -> Any:
        if event == "line":
            self._left -= 1
            if self._steps is not None:
                self._note(frame)
            if self._left <= 0:
                self._hand_on()
        return self._trace_line

    def at_lock(self) -> None:
        """Be at an operation of a lock."""
        if self._running is None or self._is_over or get_ident() not in self.idents:
            return
        self._left -= 1
        if self._steps is not None:
            self._note(self._frame_of(sys._getframe()))
        if self._left <= 0:
            self._hand_on()

    def block(self, lock: Any, *, is_timed: bool) -> bool:
        """Have others go on until a lock is free, or somebody has had its chance; False when that ends the wait.

        Raises:
            Deadlock: nobody is there who could free it: all threads have ended.
        """
        me = self._running
        if me is None:
            raise Deadlock("a lock was left held by a thread that has ended, and is wanted again", "deadlock")
        if self._is_over:
            raise _Abandoned
        me.waits_for = lock
        me.is_timed = is_timed
        able = [one for one in self.threads if one.can_go_on]
        if not able:
            self._fail(self._deadlock([one for one in self.threads if not one.is_done]))
            raise _Abandoned
        self._hand_to(self._choose(able))
        me.waits_for = None
        return lock.is_free or not is_timed

    def _hand_on(self) -> None:
        if self._is_over:
            return
        gap = self._gap()
        self._left += gap
        self._next += gap
        if self._next > self._max_points:
            self._fail(AssertionError(f"the threads went on for more than max_points={self._max_points} lines"))
            raise _Abandoned
        me = self._running
        able = [one for one in self.threads if one is not me and one.can_go_on]
        if able:
            self._hand_to(self._choose(able))

    def _hand_to(self, other: _Thread) -> None:
        me = self._running
        if other is me:
            return
        self._pass_to(other)
        assert me is not None, "a thread hands on"
        me.bell.acquire()
        if self._is_over:
            raise _Abandoned

    def _pass_to(self, other: _Thread) -> None:
        self._running = other
        self.handed.append((self.points, other.index))
        other.bell.release()

    def _choose(self, able: Sequence[_Thread]) -> _Thread:
        return able[0] if len(able) == 1 else able[int(self._random() * len(able))]

    def _gap(self) -> int:
        return 1 + int(math.log(1.0 - self._random()) / self._mean_log)

    def _fail(self, failure: BaseException) -> None:
        self._failure = failure
        self._is_over = True

    # Showing

    def _note(self, frame: FrameType | None) -> None:
        if self._steps is not None and self._running is not None and frame is not None:
            code = frame.f_code
            self._steps.append(LineStep(self._running.name, code.co_filename, frame.f_lineno, code.co_qualname))

    def _frame_of(self, frame: FrameType | None) -> FrameType | None:
        """The innermost frame in the named modules."""
        while frame is not None and frame.f_code.co_filename not in self._files:
            frame = frame.f_back
        return frame

    def _deadlock(self, waiting: Sequence[_Thread]) -> Deadlock:
        lines = "\n".join(f"  {one.name} waits for a lock at {self._place(one)}" for one in waiting)
        return Deadlock(f"no thread can go on\n{lines}", "deadlock")

    def _place(self, one: _Thread) -> str:
        ident = one.thread.ident if one.thread is not None else None
        frame = sys._current_frames().get(ident or 0)
        while frame is not None and frame.f_code.co_filename in _OURS:
            frame = frame.f_back
        places: list[str] = []
        while frame is not None and frame.f_code.co_filename not in _OURS and len(places) < _CALLERS:
            places.append(f"{_short(frame.f_code.co_filename)}:{frame.f_lineno} {frame.f_code.co_qualname}")
            frame = frame.f_back
        return ", called at ".join(places)


_CHANCES = (0.5, 0.2, 0.1, 0.05, 0.02)
"""How likely it is at a point that another goes on: in one schedule this, in another that."""


_OURS = (__file__, locks_file)

_CALLERS = 4
"""How many of those who have called are shown of a thread that waits."""


def _bound(run: Callable[..., object], function: Callable[..., object], arguments: tuple[Any, ...]) -> Any:
    return lambda: run(function, *arguments)


def _short(file: str) -> str:
    return "/".join(Path(file).parts[-2:])


def _readable(steps: Sequence[LineStep]) -> Iterator[str]:
    """The steps, one a line, with a gap where another thread goes on."""
    before = None
    # A line, and locks in it, are told once.
    for step, _ in groupby(steps):
        yield ("" if before in (None, step.thread) else "\n  ") + str(step)
        before = step.thread
