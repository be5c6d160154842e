"""A runtime that leaves nothing behind, or says what."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Self

from actors._clock import SystemClock, check_seconds
from actors._process import is_gone
from actors.messages import shown
from actors.registry import RegistryTable
from actors.runtime import Runtime
from actors.testing._faults import wait_until

if TYPE_CHECKING:
    from actors._clock import Clock
    from actors._process import Process

__all__ = ["LeakedActors", "TestRuntime"]


class LeakedActors(AssertionError):
    """What a `TestRuntime` found left behind at its end.

    Args:
        actors: those that didn't end when they were stopped, and how far their life has come.
        keys: those of registries that are held still: `(registry, key, holder)`.
        threads: the names of threads that were begun meanwhile, and haven't ended.
    """

    def __init__(
        self,
        actors: tuple[str, ...] = (),
        keys: tuple[tuple[str, object, str], ...] = (),
        threads: tuple[str, ...] = (),
    ) -> None:
        lines = [f"{actor} has outlived the runtime" for actor in actors]
        lines += [f"key {shown(key)} of registry {registry!r} is held by {holder}" for registry, key, holder in keys]
        lines += [f"the thread {thread!r} has not ended" for thread in threads]
        super().__init__("left behind:\n" + "\n".join(f"- {line}" for line in lines))
        self.actors = actors
        self.keys = keys
        self.threads = threads


class TestRuntime(Runtime):
    """A runtime for one test: at its end all actors are stopped, and what is left behind makes the test fail.

    with TestRuntime(clock=ManualClock()) as runtime:
        ref = MyActor.start()

    Left behind are actors that don't end when they are stopped (they are killed then, and code that runs on is
    *abandoned*), keys of registries that they hold, and threads that were begun meanwhile. Plain Pykka actors that the
    test has linked or monitored have to be stopped by it.

    Args:
        clock: where time comes from; the machine's monotonic clock by default.
        carriers: how many threads run the actors that share threads.
        patience: seconds of real time, whatever the clock says, in which all must have ended.

    Raises:
        TypeError: `clock` is no clock.
        ValueError: `carriers` is no whole number, or below 1; `patience` is no finite number of seconds, or below 0.
    """

    # It is no test, though pytest would take it for one.
    __test__ = False

    def __init__(self, *, clock: Clock | None = None, carriers: int = 1, patience: float = 5.0) -> None:
        check_seconds(patience, "patience")
        super().__init__(clock=clock, carriers=carriers)
        self._patience = patience
        self._threads_before: set[threading.Thread] = set()
        self._left: list[Process] = []

    def __enter__(self) -> Self:
        threads_before = set(threading.enumerate())
        super().__enter__()
        self._threads_before = threads_before
        return self

    def __exit__(self, *exc_info: object) -> None:
        super().__exit__(*exc_info)
        if any(exc_info):
            # What the test itself has raised says more.
            return
        # Threads first, since they are waited for.
        threads = self._new_threads()
        actors = tuple(f"{p.ref} ({'killed' if p.gone else p.state})" for p in self._left)
        keys = self._held_keys()
        if actors or keys or threads:
            raise LeakedActors(actors, keys, threads)

    def close(self, timeout: float | None = None) -> None:
        """Stop all actors, in real time, and the clock.

        Args:
            timeout: seconds of real time; None: the runtime's `patience`.

        Raises:
            ValueError: `timeout` is no finite number of seconds, or negative.
            Deadlock: an actor of this runtime calls.
            WouldBlock: a coroutine of another runtime's actor calls.
        """
        real_time = SystemClock()
        timeout = self._patience if timeout is None else timeout
        begun = real_time.now()
        # Before they go to another runtime.
        guests = [process for process in self.processes() if process.is_guest]
        left = self._close(timeout, real_time)
        deadline = begun + timeout
        left += [guest for guest in guests if not wait_until(guest, is_gone, deadline - real_time.now())]
        real_time.close()
        # What was left when it was closed before is left still.
        self._left += [process for process in left if process not in self._left]

    def _held_keys(self) -> tuple[tuple[str, object, str], ...]:
        tables = [table for (kind, _), table in self._tables.items() if issubclass(kind, RegistryTable)]
        found: Any = [(table, entry) for table in tables for entry in table.entries()]  # type: ignore[attr-defined]
        return tuple((table._name, entry.key, str(entry.owner.ref)) for table, entry in found)

    def _new_threads(self) -> tuple[str, ...]:
        real_time = SystemClock()
        deadline = real_time.now() + self._patience
        new = [thread for thread in threading.enumerate() if thread not in self._threads_before]
        for thread in new:
            if thread is not threading.current_thread() and thread.name not in _LASTING:
                thread.join(max(deadline - real_time.now(), 0.0))
        return tuple(thread.name for thread in new if thread.is_alive() and thread.name not in _LASTING)


_LASTING = frozenset({"actors-lifeline", "actors-testing-watch"})
"""Threads that one program has one of, whatever begins and ends in it."""
