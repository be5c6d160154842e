"""Kills: ends that nobody can refuse, and that the handler of a signal may interrupt, but not undo by halves."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from actors._awaited import AwaitedCoroutine
from actors._process import lock_of_all
from actors.messages import Killed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from actors._clock import Waiter
    from actors._process import Process

__all__ = ["kill", "kill_all"]

logger = logging.getLogger("pykka_otp.crash")


def kill(process: Process) -> None:
    """End the actor now as others see it, and as soon as may be in truth (A6)."""
    kill_all([process])


def kill_all(processes: Iterable[Process]) -> None:
    """End these as `kill()` does, and all at one moment: none of them is told that another has ended."""
    kills: list[_Kill] = []
    try:
        _kill_all(processes, kills)
    except BaseException:
        # Most likely raised by the handler of a signal. Those whose end has begun have to come to it.
        _kill_all((), kills)
        raise


def _kill_all(processes: Iterable[Process], kills: list[_Kill]) -> None:
    with lock_of_all:
        # No comprehension with a condition: on Python 3.13 an interrupt in one would leave the lock locked
        # (python/cpython#130279).
        for process in processes:
            if process.gone or process.killed:
                continue
            kills.append(_Kill(process))
        for one in kills:
            one.declare()
        for one in kills:
            one.announce()
    for one in kills:
        one.carry_out()


class _Kill:
    """One kill. Each of its steps may be done again, and goes on where it was interrupted."""

    __slots__ = ("_handling", "_process", "_runs_on", "_waiters", "has_claim")

    def __init__(self, process: Process) -> None:
        self._process = process
        self._handling: object = None
        self._waiters: list[Waiter] | None = None
        self._runs_on = False
        self.has_claim = False

    def declare(self) -> None:
        """Have the actor take no message, and heed no signal, any more; called with the lock held."""
        process = self._process
        if process.announced:
            return
        process.killed = process.alert = True
        process.reason = Killed()
        # Out of all lists first: who has seen the Exit or the Down finds it nowhere (A8).
        process.take_out()

    def announce(self) -> None:
        """Tell others; called with the lock held."""
        process = self._process
        if self._waiters is None:
            self._handling = process.handling
            # One that waits here ends where it is woken; but not one that waits for a coroutine, which may resist.
            is_woken = process.waiter is not None and not isinstance(process.waiting_for, AwaitedCoroutine)
            self._runs_on = bool(process.tasks) or (process.busy and not is_woken)
            self._waiters = [one for one in (process.waiter, *(process.helpers or ())) if one is not None]
        process.announce()

    def carry_out(self) -> None:
        """Answer who waits for it, and have its code end; called without the lock."""
        process = self._process
        process.refuse_mail()
        process.refuse(self._handling)
        process.tell_ended()
        for waiter in self._waiters or ():
            waiter.release()
        process.claim_for(self)
        if self.has_claim:
            # Nobody runs it, and nobody will; but for tasks, whose end its home awaits.
            try:
                if process.tasks is None:
                    process.depart()
            finally:
                process.give_up_claim_of(self)
        process.wake()
        if self._runs_on:
            self._runs_on = False
            logger.warning(
                "%s was killed while its code was running: its registrations and deliveries are held until it ends",
                process.label,
                extra={"actor": process.label},
            )
