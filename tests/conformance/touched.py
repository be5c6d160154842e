"""Whom it can make a difference to in a scenario that somebody ends later than elsewhere, or not at all.

Everything is taken at its worst: what ties two together is never undone, and whoever is asked may say otherwise.
Actors, names, monitors, timers, registries and keys are all told apart by their labels.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.conformance.language import Json, Op, Scenario
from tests.conformance.outcome import Epoch

__all__ = ["acts", "has_acted", "touched", "untouched"]

Tie = tuple[str, str]
"""If the first one is touched, so is the second."""

NOTHING_ANSWERS = {"send", "signal", "tell", "cast", "after"}
"""What makes no difference to who does it, when it is done to a label."""

CONCERNS_NOBODY = {"note", "exit", "raise", "catch", "trap", "push", "reply", "reply_state", "stop", "bad", "noreply"}


def touched(scenario: Scenario, ended: dict[str, int]) -> list[set[str]]:
    """Return whom it can have touched until each epoch.

    Args:
        scenario: what is played.
        ended: whose ends differ, and from which epoch on.
    """
    found: set[str] = set()
    lasting = [tie for actor, op in _at_birth(scenario) for tie in _lasting(actor, op)]
    until: list[set[str]] = [set()]
    for number in range(1, len(scenario.steps) + 1):
        ops = list(acts(scenario, number))
        lasting += [tie for actor, op in ops for tie in _lasting(actor, op)]
        found |= {actor for actor, first in ended.items() if first <= number}
        found = _spread(found, [*lasting, *(tie for actor, op in ops for tie in _momentary(actor, op))])
        until.append(found)
    return until


def untouched(epoch: Epoch, touched: set[str]) -> Epoch:
    """Return what those who can't have been touched saw of each other."""
    seen = {
        observer: {
            sender: [what for what in all_ if not (what[0] == "dead" and what[1] in touched)]
            for sender, all_ in of.items()
            if not {_name(observer), _name(sender)} & touched
        }
        for observer, of in epoch.items()
    }
    kept = {observer: {sender: all_ for sender, all_ in of.items() if all_} for observer, of in seen.items()}
    return {observer: of for observer, of in kept.items() if of}


def has_acted(scenario: Scenario, actor: str, numbers: range) -> bool:
    """Whether in these epochs an actor may have done anything, or had anything done to it."""
    return any(actor == doer or actor in _concerned(op) for number in numbers for doer, op in acts(scenario, number))


def acts(scenario: Scenario, number: int) -> Iterator[tuple[str, Op]]:
    """Yield who does what by the step that leads to an epoch, or is told to."""
    step = scenario.steps[number - 1]
    if "at" in step:
        yield from _acts(step["at"], step["do"])


def _acts(actor: str, ops: list[Op]) -> Iterator[tuple[str, Op]]:
    for op in ops:
        yield actor, op
        match op:
            case ["tell" | "cast" | "call", to, inner, *_]:
                yield from _acts(to, inner)
            case ["noreply", ["continue", inner]]:
                yield from _acts(actor, inner)
            case ["start", label, spec, *_]:
                yield from _acts_of(label, spec)


def _at_birth(scenario: Scenario) -> Iterator[tuple[str, Op]]:
    for label, spec in scenario.actors.items():
        yield from _acts_of(label, spec)


def _acts_of(label: str, spec: Json) -> Iterator[tuple[str, Op]]:
    for when in ("init", "terminate"):
        yield from _acts(label, spec.get(when, []))


def _lasting(actor: str, op: Op) -> list[Tie]:
    """Return the ties that an operation makes, and that are there from then on."""
    match op:
        case ["link" | "start" | "reg" | "reg!", other, *_]:
            return _both(actor, other)
        case ["monitor", other, monitor]:
            return [(_name(other), actor), *_both(actor, monitor)]
        case ["register" | "after", name, other, *_]:
            return _both(name, _name(other))
    return []


def _momentary(actor: str, op: Op) -> Iterator[Tie]:
    for other in _concerned(op):
        yield actor, other
        if op[0] not in NOTHING_ANSWERS or (op[0] == "send" and op[1].startswith("@")):
            yield other, actor


def _concerned(op: Op) -> list[str]:
    """Return what an operation is about."""
    name, *args = op
    if name in CONCERNS_NOBODY:
        return []
    if name in {"signal", "halt"}:
        # The other argument is a reason.
        args = args[:1]
    return [_name(arg) for arg in args if isinstance(arg, str)]


def _both(one: str, other: str) -> list[Tie]:
    return [(one, other), (other, one)]


def _name(label: str) -> str:
    return label.removeprefix("@").partition("#")[0]


def _spread(found: set[str], ties: list[Tie]) -> set[str]:
    while more := {other for one, other in ties if one in found} - found:
        found = found | more
    return found
