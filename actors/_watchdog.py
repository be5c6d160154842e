"""Who is stuck in a handler, or holds the event loop: found by a thread that looks now and then."""

from __future__ import annotations

import logging
import os
import sys
import sysconfig
import threading
import time
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actors._clock import real_now

if TYPE_CHECKING:
    from actors._event_loop import EventLoop
    from actors._process import Process
    from actors._scheduler import Carrier, Kind, Scheduler

__all__ = ["WATCH_SECONDS", "Watchdog"]

logger = logging.getLogger("pykka_otp.scheduler")

WATCH_SECONDS = 0.01
"""How often the watchdog looks, while there is anything to see."""

STUCK_AFTER = 2
"""Looks in a row that find nothing changed until a carrier counts as stuck."""

HELD_AFTER = 4
"""Looks in a row that find nothing changed until somebody counts as holding the event loop."""

MOVED_AFTER = 3
"""Times that a class has been stuck until it is moved to the blocking carriers."""

QUIET_LOOKS = 10
"""Looks in a row that find all carriers asleep, until the watchdog sleeps too."""


class Watchdog:
    """Looks, while carriers or the event loop are awake, whether one is stuck in a handler; sleeps while all do."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.scheduler = scheduler
        self._lock = threading.RLock()
        self._bell = threading.Lock()
        self._bell.acquire()
        self._thread: threading.Thread | None = None
        self._seen: dict[Carrier | EventLoop, tuple[object, int]] = {}
        # The event loop, once there is one; and the classes that were named since they held it.
        self.event_loop: EventLoop | None = None
        self._holders: weakref.WeakSet[type] = weakref.WeakSet()
        # Logged once, and not each time that it is tried again.
        self._lacks_threads = False
        self.asleep = True

    def rouse(self) -> None:
        try:
            self._rouse()
        except RuntimeError as error:
            # Who wakes next tries again.
            self._report_shortage("the watchdog", error)

    def _rouse(self) -> None:
        with self._lock:
            if not self.asleep:
                return
            if self._thread is None:
                thread = threading.Thread(target=self._run, name="actors-watchdog", daemon=True)
                thread.start()
                self._thread = thread
                self._lacks_threads = False
                self.asleep = False
            else:
                # No handler of a signal comes between the two.
                self.asleep = False
                self._bell.release()

    def _report_shortage(self, who: str, error: RuntimeError) -> None:
        if not self._lacks_threads:
            self._lacks_threads = True
            logger.error("no thread can be started for %s: %s", who, error)

    def move_back(self, kind: Kind) -> None:
        """Let a class that was quick for a while run beside the others again."""
        kind.stuck = 0
        kind.move(self.scheduler.light)

    def close(self) -> None:
        if self._thread is None:
            return
        self.rouse()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        if not self._has_begun():
            return
        pool = self.scheduler.light
        while not pool.closing:
            quiet_looks = 0
            while quiet_looks < QUIET_LOOKS and not pool.closing:
                time.sleep(WATCH_SECONDS)
                quiet_looks = 0 if self._has_seen_some() else quiet_looks + 1
            with self._lock:
                self.asleep = True
            # One that woke before it could see that the watchdog sleeps; or the end, seen as late.
            if self._is_needed():
                self.rouse()
            self._bell.acquire()

    def _has_begun(self) -> bool:
        """Be told by a thread that it has come; False when it isn't needed.

        Its starter may have been interrupted, and not know that it has started it.
        """
        me = threading.current_thread()
        with self._lock:
            if self._thread is None:
                self._thread = me
                self.asleep = False
            return self._thread is me

    def _is_needed(self) -> bool:
        pools = (self.scheduler.light, self.scheduler.blocking)
        is_loop_awake = self.event_loop is not None and self.event_loop.progress is not None
        return is_loop_awake or any(pool.closing or pool.awake() for pool in pools)

    def _has_seen_some(self) -> bool:
        """Look at all who are awake; False when nobody is."""
        try:
            return self._look()
        except BaseException:
            logger.critical("an error of the runtime itself, in the watchdog", exc_info=True)
            return True

    def _look(self) -> bool:
        seen: dict[Carrier | EventLoop, tuple[object, int]] = {}
        looks = (self._look_at_carriers(seen), self._look_at_blockers(), self._look_at_event_loop(seen))
        self._seen = seen
        return any(looks)

    def _looks(self, seen: dict[Carrier | EventLoop, tuple[object, int]], who: Carrier | EventLoop) -> int:
        """For how many looks in a row it has gone on with nothing else."""
        progress = who.progress
        before, looks = self._seen.get(who, (None, 0))
        looks = looks + 1 if before == progress else 0
        seen[who] = (progress, looks)
        return looks

    def _look_at_carriers(self, seen: dict[Carrier | EventLoop, tuple[object, int]]) -> bool:
        """Relieve the carriers that are stuck; False when all of them sleep."""
        awake = self.scheduler.light.awake()
        for carrier in awake:
            process = carrier.running
            if process is None:
                continue
            carrier.look_at(process)
            if self._looks(seen, carrier) >= STUCK_AFTER and carrier.is_waited_for:
                self._relieve(carrier, process)
        return bool(awake)

    def _look_at_blockers(self) -> bool:
        """See what those carriers do that may take their time; False when all of them sleep."""
        awake = self.scheduler.blocking.awake()
        for carrier in awake:
            process = carrier.running
            if process is not None:
                carrier.look_at(process)
        return bool(awake)

    def _look_at_event_loop(self, seen: dict[Carrier | EventLoop, tuple[object, int]]) -> bool:
        """Name whose coroutine holds the event loop; False when that waits."""
        loop = self.event_loop
        if loop is None or loop.progress is None:
            return False
        process = loop.running
        if process is not None:
            process.look_at(WATCH_SECONDS)
            # Whether others wait only the loop knows. None can be relieved, so there is no hurry.
            if self._looks(seen, loop) >= HELD_AFTER and process.actor_class not in self._holders:
                self._name_holder(loop, process)
        return True

    def _name_holder(self, loop: EventLoop, process: Process) -> None:
        where = _where(loop.ident)
        if loop.running is not process:
            return
        self._holders.add(process.actor_class)
        logger.warning(
            "%s blocks the event loop that all async handlers share, at %s; await asyncio.to_thread(...), "
            "or give the class runs_on = 'thread' and handlers that are no coroutines",
            process.label,
            where,
            extra={"actor": process.label, "where": where},
        )

    def _relieve(self, carrier: Carrier, process: Process) -> None:
        kind: Any = process.home
        where = _where(carrier.ident)
        try:
            if carrier.running is not process or not self.scheduler.light.replace(carrier):
                return
        except RuntimeError as error:
            self._report_shortage("a spare carrier", error)
            return
        self._lacks_threads = False
        kind.stuck += 1
        if not kind.is_named:
            kind.is_named = True
            logger.warning(
                "%s blocks the thread that it shares with others, at %s; give the class runs_on = 'thread', or await",
                kind.label,
                where,
                extra={"actor": kind.label, "where": where},
            )
        if kind.stuck == MOVED_AFTER:
            kind.quick_since = real_now()
            kind.move(self.scheduler.blocking)


def _where(ident: int | None) -> str:
    """The file and line at which a thread is, outside of the standard library and of this package."""
    frame = sys._current_frames().get(ident or 0)
    inner = frame
    while frame is not None:
        if _is_theirs(frame.f_code.co_filename):
            break
        frame = frame.f_back
    frame = frame or inner
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else "an unknown place"


def _is_theirs(filename: str) -> bool:
    """Whether a file is of neither: what is installed, as this package is too, may lie below the standard library."""
    if filename.startswith(_OURS):
        return False
    return filename.startswith(_INSTALLED) or not filename.startswith(_STANDARD)


_OURS = (str(Path(__file__).parent) + os.sep, "<")
_INSTALLED = (sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))
_STANDARD = sysconfig.get_path("stdlib")
