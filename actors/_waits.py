"""What actors wait for, and the search for circles: each in one waits for the next, and none can ever go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from actors._mail import Asked, unwrapped
from actors.errors import Deadlock, ProcessKilled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actors._process import Process

__all__ = ["AwaitedProcess", "Several", "Waits", "parts_of", "refuse_deadlock", "who_ends"]


class Waits(Protocol):
    """What an actor waits for, as the search for deadlocks sees it."""

    @property
    def target(self) -> Process | None:
        """Whose code alone can end the wait; None when anybody's may."""
        ...

    def _is_over(self) -> bool:
        """Whether what is waited for has come, though the one who waits hasn't seen it yet."""
        ...


class AwaitedProcess:
    """How far another actor is to come, as what is waited for."""

    __slots__ = ("reached", "target")

    def __init__(self, target: Process, reached: Callable[[Process], bool]) -> None:
        self.target: Process | None = target
        self.reached = reached

    def _is_over(self) -> bool:
        return self.target is None or self.reached(self.target)


class Several:
    """Waits each of which has to be over before the actor goes on."""

    def __init__(self, parts: Sequence[Waits] = ()) -> None:
        self._parts = parts

    def parts(self) -> Sequence[Waits]:
        return self._parts

    @property
    def target(self) -> Process | None:
        return next((part.target for part in self.parts()), None)

    def _is_over(self) -> bool:
        return all(part._is_over() for part in self.parts())


def refuse_deadlock(asker: Process, waits: Waits) -> None:
    """Refuse what `asker` is about to wait for, and has said so, when that can never come.

    An actor waits for another when only that one's code can end the wait: its handler, queued or running, is to answer;
    its `on_start` is to return; or it is to end. A deferred answer may come from anybody, and so may that of a handler
    which makes use of its `sender`: it may have handed that on.

    Raises:
        Deadlock: naming the cycle; a note says what each handles.
        ProcessKilled: there is one, and an exit signal has ended `asker` already but for the handler in hand (A15).
    """
    if not isinstance(waits, Several):
        target = waits.target
        if target is not asker and (target is None or target.waiting_for is None):
            # Most wait for one that waits for nobody.
            return
    circle = _circle(asker, waits)
    # Looked at twice: what stood both times, stood between the two, all of it at once.
    if not circle or not all(_stands(process, wait) for process, wait in circle):
        return
    if asker.is_doomed:
        raise ProcessKilled(asker.label)
    if len(circle) == 1:
        advice = "use tell(), or call the method directly" if isinstance(circle[0][1], Asked) else _TO_END
        msg = f"{asker.label} would wait for itself; {advice}"
        raise Deadlock(msg, "calling_self")
    processes = [process for process, _ in circle]
    names = _names(processes)
    msg = f"{names[0]} would wait for ever, each for the next: {' -> '.join([*names, names[0]])}"
    error = Deadlock(msg, "deadlock")
    at_work = [one for one in zip(processes, names, strict=True) if one[0].handling is not None]
    error.add_note("\n".join(f"{name} handles {_handled_by(process)}" for process, name in at_work))
    raise error


def _circle(asker: Process, waits: Waits) -> list[tuple[Process, Waits]]:
    """Who waits for what, from `asker` on until somebody waits for that; nothing if nobody does."""
    came_by: dict[Process, tuple[Process, Waits]] = {}
    edges = [(asker, part) for part in parts_of(waits)]
    for edge in edges:
        target = who_ends(edge[1])
        # What has come is no wait any more. Looked at in this order: it isn't taken back.
        if target is None or edge[1]._is_over() or target in came_by:
            continue
        came_by[target] = edge
        if target is asker:
            break
        edges.extend((target, part) for part in parts_of(target.waiting_for))
    else:
        return []
    circle = [came_by[asker]]
    while circle[-1][0] is not asker:
        circle.append(came_by[circle[-1][0]])
    return circle[::-1]


def _stands(process: Process, wait: Waits) -> bool:
    """Whether this actor can't go on before this wait is over, which another actor alone can bring about."""
    is_open = who_ends(wait) is not None and not wait._is_over()
    return is_open and any(part is wait for part in parts_of(process.waiting_for))


def who_ends(wait: Waits) -> Process | None:
    """The actor whose code alone can end this wait, if there is one."""
    target = wait.target
    if target is not None and target.handling is wait:
        actor: Any = target.actor
        if actor is not None and actor._otp_may_hand_on():
            return None
    return target


def parts_of(waits: Waits | None) -> Sequence[Waits]:
    """The waits that it is made of, or itself."""
    if waits is None:
        return ()
    return waits.parts() if isinstance(waits, Several) else (waits,)


def _names(processes: Sequence[Process]) -> list[str]:
    """What to call each of these: by its class, and by more where others are of that class too."""
    labels = [process.label for process in processes]
    return [
        label if labels.count(label) == 1 else process.full_label
        for process, label in zip(processes, labels, strict=True)
    ]


def _handled_by(process: Process) -> str:
    text = process.show(unwrapped(process.handling))
    return text if len(text) <= _LENGTH else f"{text[:_LENGTH]}..."


_LENGTH = 200
"""Characters of a message that an error shows."""

_TO_END = "to end, call exit(), or stop(block=False), and return"
