"""Locks that nobody opens any more: their waiters stand in a circle, or for what somebody had who is gone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from actors._awaited import ActorTask, AwaitedCoroutine, errands_awaited
from actors._process import Process
from actors._waits import parts_of, who_ends
from actors.testing._shown import name_of, shown
from actors.testing._to_thread import Helper

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from actors._waits import Waits
    from actors.testing._bodies import Body
    from actors.testing._stand_ins import SimulatedLock

__all__ = ["stuck", "wait_of", "whom_it_awaits"]


def stuck(waits: Mapping[Body, SimulatedLock], *, with_gone: bool = True) -> list[Body]:
    """Find those who wait for a lock for ever.

    Args:
        waits: who waits for which lock, without a time-out.
        with_gone: whether those are meant, too, whose lock an actor had that has ended; not only circles.
    """
    needs: dict[Any, list[Any]] = {}
    found: list[Any] = list(waits)
    while found:
        body = found.pop()
        if body not in needs:
            needs[body] = _needed_by(body, waits)
            found += needs[body]
    in_vain = set(needs)
    # Whoever needs none of those who are left can go on, and then those that need him.
    while can_go_on := {body for body in in_vain if in_vain.isdisjoint(needs[body])}:
        if with_gone:
            can_go_on = {body for body in can_go_on if not _is_gone(body)}
        if not can_go_on:
            break
        in_vain -= can_go_on
    return [body for body in waits if body in in_vain]


def _needed_by(body: Any, waits: Mapping[Body, SimulatedLock]) -> list[Any]:
    """Who has to go on first: the one who has a lock, or those who have been asked, and who runs the coroutine."""
    if body in waits:
        return [one for one in (waits[body].owner, waits[body].task) if one is not None]
    if isinstance(body, ActorTask):
        return [] if body.done() else [body.get_loop(), *_asked(_awaited_by(body)), *_helpers_of(body, waits)]
    if not isinstance(body, Process):
        return []
    wait = body.waiting_for
    asked: list[Any] = _asked(parts_of(wait))
    simulation = getattr(body, "simulation", None)
    if simulation is not None and isinstance(wait, AwaitedCoroutine):
        asked.append(simulation.event_loop)
    return asked


def _awaited_by(task: ActorTask) -> Sequence[Waits]:
    coroutine = AwaitedCoroutine()
    coroutine.task = task
    return coroutine.parts()


def _helpers_of(task: ActorTask, waits: Mapping[Body, SimulatedLock]) -> list[Any]:
    """Who runs functions that the task awaits, and waits for a lock."""
    errands = list(errands_awaited(task))
    return [body for body in waits if isinstance(body, Helper) and body.errand in errands]


def _asked(waits: Sequence[Waits]) -> list[Process]:
    asked = [who_ends(wait) or _plain_of(wait) for wait in waits if not wait._is_over()]
    return [process for process in asked if process is not None]


def _plain_of(wait: Waits) -> Process | None:
    """The plain actor of which this is the answer."""
    asked: Process | None = getattr(wait, "asked", None)
    return asked


def whom_it_awaits(process: Process) -> Process | None:
    """Whom an actor waits for, if that is known; the first of those."""
    awaited = [part.target or _plain_of(part) for part in parts_of(process.waiting_for)]
    return next((one for one in awaited if one is not None), None)


def _is_gone(body: object) -> bool:
    process = body.process if isinstance(body, ActorTask) else body
    return isinstance(process, Process) and process.gone


def wait_of(body: Any, waits: Mapping[Body, SimulatedLock]) -> str:
    """Say who waits for whom, or for a lock of whose, and what it handles."""
    if not isinstance(body, Process):
        return f"{body.known_as} waits{_for_whose_lock(body, waits)}{_in_whose_coroutine(body)}"
    process: Any = body
    handles = "" if body.handling is None else f", handling {shown(body.handling)}"
    held_at = process.runtime.simulation.held.get(body)
    if held_at is not None:
        return f"{name_of(body)} is held at {held_at!r}{handles}: hold() has returned what is to release() it"
    return f"{name_of(body)} waits{_for_whose_lock(body, waits) or _for_whom(body)}{handles}"


def _for_whose_lock(body: Any, waits: Mapping[Body, SimulatedLock]) -> str:
    lock = waits.get(body)
    if lock is None:
        return ""
    if lock.owner is body:
        return " for a lock that it has itself"
    owner: Any = lock.task.process if isinstance(lock.task, ActorTask) else lock.owner
    if isinstance(owner, Process):
        return f" for a lock that {name_of(owner)} {'had when it ended' if owner.gone else 'has'}"
    known_as = getattr(owner, "known_as", None)
    return "" if known_as is None else f" for a lock that {known_as} has"


def _in_whose_coroutine(body: Any) -> str:
    """Of the event loop, whose code it is at."""
    task = asyncio.current_task(body) if isinstance(body, asyncio.AbstractEventLoop) else None
    process = getattr(task, "process", None)
    return "" if process is None else f", in a coroutine of {name_of(process)}"


def _for_whom(process: Any) -> str:
    awaited: Any = whom_it_awaits(process)
    if awaited is None:
        return ""
    stranger = ", which isn't in this simulation"
    is_here = getattr(awaited, "simulation", None) is process.runtime.simulation
    return f" for {name_of(awaited)}{'' if is_here else stranger}"
