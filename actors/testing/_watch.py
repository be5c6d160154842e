"""A look at the machine's time: a step of a simulation that takes too much of it ends the test, and doesn't hang it."""

from __future__ import annotations

import signal
import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any, NamedTuple

from actors._fork import in_child

if TYPE_CHECKING:
    from types import FrameType

    from actors.testing._simulation import Simulation

__all__ = ["StepTooLong", "watch"]


class StepTooLong(AssertionError):
    """One step of a simulation took more of the machine's time than it may; the message shows where it was.

    What blocks there is not the simulation's own: a call into C, a socket, a lock or a queue from before. Hand in
    something in its place.
    """

    def __init__(self, seconds: float, stack: str) -> None:
        super().__init__(
            f"one step took more than step_seconds={seconds} of real time; it was at\n{stack}"
            "what blocks there isn't simulated; hand in something in its place"
        )
        self._arguments = (seconds, stack)

    def __reduce__(self) -> tuple[Any, ...]:
        # It is sent by processes that run a scenario.
        return type(self), self._arguments, self.__dict__


class _Seen(NamedTuple):
    """How far a simulation had come, when it was first seen there, and how often it was interrupted since."""

    come: int
    since: float
    times: int = 0


class _Watch:
    """A thread that looks now and then whether simulations go on."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Watch over nothing, without a thread."""
        self._watched: set[Simulation] = set()
        self._seen: dict[Simulation, _Seen] = {}
        self._thread: threading.Thread | None = None

    def add(self, simulation: Simulation) -> None:
        self._watched.add(simulation)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="actors-testing-watch", daemon=True)
            self._thread.start()

    def remove(self, simulation: Simulation) -> None:
        self._watched.discard(simulation)

    def _run(self) -> None:
        while True:
            _sleep(_LOOKS_SECONDS)
            watched = self._watched.copy()
            self._seen = {one: seen for one, seen in self._seen.items() if one in watched}
            for simulation in watched:
                self._look_at(simulation)

    def _look_at(self, simulation: Simulation) -> None:
        come, now = simulation.turns + simulation.steps, time.monotonic()
        seen = self._seen.get(simulation)
        is_at_work = simulation.running is not None or simulation.is_unwinding
        if not is_at_work or seen is None or seen.come != come:
            self._seen[simulation] = _Seen(come, now)
            return
        frame = sys._current_frames().get(simulation.thread)
        patience = simulation.step_seconds + seen.times * _AGAIN_SECONDS
        if frame is None or now - seen.since < patience or _is_debugged(frame):
            return
        self._seen[simulation] = seen._replace(times=seen.times + 1)
        stack = "".join(traceback.format_stack(frame)[-_FRAMES:])
        if not seen.times:
            simulation.interruption = StepTooLong(simulation.step_seconds, stack)
        can_be_interrupted = _can_be_interrupted(simulation.thread)
        if can_be_interrupted:
            # Again and again: code may swallow it, unless it comes between two of its tries.
            signal.pthread_kill(simulation.thread, signal.SIGINT)
        if seen.times == (_TRIES if can_be_interrupted else 0):
            # The test fails when the call returns; until then, this says why it hangs.
            print(f"a step of a simulation takes too long; it is at\n{stack}", file=sys.__stderr__, flush=True)


def _can_be_interrupted(thread: int) -> bool:
    """Whether a signal has a thread's call return: in the main thread, where nobody else handles it."""
    is_main = thread == threading.main_thread().ident
    return is_main and hasattr(signal, "pthread_kill") and signal.getsignal(signal.SIGINT) is signal.default_int_handler


def _is_debugged(frame: FrameType) -> bool:
    at: Any = frame
    while at is not None:
        if str(at.f_globals.get("__name__")).partition(".")[0] in _DEBUGGERS:
            return True
        at = at.f_back
    return False


_DEBUGGERS = frozenset({"pdb", "bdb", "ipdb", "IPython", "pudb", "pydevd", "debugpy", "_pydevd_bundle"})

_LOOKS_SECONDS = 0.1
"""Real time between two looks."""

_AGAIN_SECONDS = 0.5
"""Real time after which a step is interrupted again that goes on."""

_TRIES = 2
"""How often a step is interrupted in vain before its stack is printed."""

_FRAMES = 12
"""Innermost frames that are shown."""

# The real one: this module is loaded before any simulation runs.
_sleep = time.sleep

watch = _Watch()
# A forked child has no such thread.
in_child(watch.forget)
