"""Locks that nobody opens any more: their waiters stand in a circle, or for what somebody had who is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors._process import Process
from actors.testing._shown import name_of, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from actors.testing._bodies import Body
    from actors.testing._stand_ins import SimulatedLock

__all__ = ["stuck", "wait_of"]


def stuck(waits: Mapping[Body, SimulatedLock], *, with_gone: bool = True) -> list[Body]:
    """Find those who wait for ever.

    Args:
        waits: who waits for which lock, without a time-out.
        with_gone: whether those are meant, too, whose lock an actor had that has ended; not only circles.
    """
    return [body for body in waits if _is_stuck(body, waits, with_gone=with_gone)]


def _is_stuck(body: Body, waits: Mapping[Body, SimulatedLock], *, with_gone: bool) -> bool:
    seen: set[object] = set()
    at: Any = body
    while at in waits and at not in seen:
        seen.add(at)
        holder = waits[at].owner
        if holder is at:
            # It waits to be notified, as at a condition; anybody may do that.
            return False
        at = holder
    return at in seen or (with_gone and isinstance(at, Process) and at.gone)


def wait_of(body: Any) -> str:
    """Say who waits for whom, or for a lock of whose, and what it handles."""
    if not isinstance(body, Process):
        return f"{body.known_as} waits"
    process: Any = body
    handles = "" if body.handling is None else f", handling {shown(body.handling)}"
    held_at = process.runtime.simulation.held.get(body)
    if held_at is not None:
        return f"{name_of(body)} is held at {held_at!r}{handles}: hold() has returned what is to release() it"
    return f"{name_of(body)} waits{_for_whom(body)}{handles}"


def _for_whom(process: Any) -> str:
    simulation = process.runtime.simulation
    lock: SimulatedLock | None = simulation.lock_waits.get(process)
    owner = None if lock is None else lock.owner
    if isinstance(owner, Process) and owner is not process:
        return f" for a lock that {name_of(owner)} {'had when it ended' if owner.gone else 'has'}"
    waits = process.waiting_for
    if waits is None or waits.target is None:
        return ""
    stranger = ", which isn't in this simulation"
    is_here = getattr(waits.target, "simulation", None) is simulation
    return f" for {name_of(waits.target)}{'' if is_here else stranger}"
