"""A runtime whose threads are those of an exploration: each actor's own loop is run by one of them, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from actors import Runtime
from actors._process import chosen
from actors._scheduler import OwnThread
from actors.testing.threads import ThreadReport, explore_threads

__all__ = ["LineScenario", "World", "live"]


class _Timeless:
    """A clock that nobody asks for a call: what waits here waits for others."""

    def now(self):
        return 0.0

    def wait(self, lock, timeout):
        return lock.acquire() if timeout is None else lock.acquire(timeout=timeout)


class _Scheduler:
    """Gives each actor a home of its own, as for `runs_on = "thread"`, and leaves it to the exploration to run that."""

    on_rest = None

    def start(self, process, _runs_on, *, daemon, begins=True):
        process.home = OwnThread(process, process.label, daemon=daemon)

    def tell_rest(self):
        """Nobody waits for it."""


class LineRuntime(Runtime):
    """The product's own, but for who runs the threads."""

    def __init__(self):
        self.is_of_parent = False
        self._begin(_Timeless(), _Scheduler())


class World:
    """What the threads of one schedule share: actors, and what was seen."""

    def __init__(self):
        self.runtime = LineRuntime()
        self.seen: list[Any] = []

    def start(self, actor_class, *args, **options):
        """Start an actor; `live(ref)` runs it."""
        token = chosen.set(self.runtime)
        try:
            return actor_class.options(**options).start(*args)
        finally:
            chosen.reset(token)


def live(ref):
    """Be the thread of an actor, until that is gone."""
    ref._process.home._run(ref._process)


@dataclass(frozen=True)
class LineScenario:
    """What some threads do to a part of the product at the same time, and what has to be so afterwards."""

    given: Callable[[], Any]
    threads: Sequence[Callable[[Any], object]]
    check: Callable[[Any], object]
    only: Sequence[ModuleType]

    def explore(self, schedules: int, also: Sequence[ModuleType] = ()) -> ThreadReport:
        """Run it in so many schedules; handed on at the lines of other modules too, when there is code to look at."""
        return explore_threads(
            *self.threads, only=[*self.only, *also], given=self.given, check=self.check, schedules=schedules
        )
