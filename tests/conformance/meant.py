"""Differences that are meant, and that random scenarios run into: what each is, and what has to be the same still."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from tests.conformance.language import Json, Op, Scenario, open_gate
from tests.conformance.ours import play
from tests.conformance.outcome import Epoch, Outcome, differences
from tests.conformance.random.course import RETURNS
from tests.conformance.random.foretold import foretold
from tests.conformance.touched import acts, has_acted, touched, untouched

__all__ = ["MEANT", "Meant", "meaning"]


@dataclass(frozen=True)
class Meant:
    """A difference that is meant.

    Args:
        rule: of docs/semantics.md.
        why: what is different.
        rest: what has to be the same still, of OTP's outcome and of ours.
    """

    rule: str
    why: str
    rest: Callable[[Scenario, Outcome, Outcome], tuple[Outcome, Outcome]]


def meaning(scenario: Scenario, theirs: Outcome, ours: Outcome) -> list[Meant]:
    """Return the differences that are meant and explain this one, together; none when they don't."""
    found = []
    for meant in MEANT:
        rest = meant.rest(scenario, theirs, ours)
        if rest != (theirs, ours) and differences(theirs, ours):
            found.append(meant)
            theirs, ours = rest
    return [] if differences(theirs, ours) else found


def _noproc_in_any_order(_: Scenario, theirs: Outcome, ours: Outcome) -> tuple[Outcome, Outcome]:
    return _exits_first(theirs), _exits_first(ours)


def _exits_first(outcome: Outcome) -> Outcome:
    return [
        {observer: {sender: _with_exits_first(seen) for sender, seen in of.items()} for observer, of in epoch.items()}
        for epoch in outcome
    ]


def _with_exits_first(seen: list[Json]) -> list[Json]:
    """Put a dead one's exits into the places of its first messages, and its downs into those of the others."""
    of_the_dead = sorted((what for what in seen if what in _OF_THE_DEAD), key=_OF_THE_DEAD.index)
    return [of_the_dead.pop(0) if what in _OF_THE_DEAD else what for what in seen]


_OF_THE_DEAD: list[Json] = [["exit", "noproc"], ["down", "noproc"]]


def _an_end_at_a_gate_comes_later(scenario: Scenario, theirs: Outcome, ours: Outcome) -> tuple[Outcome, Outcome]:
    """Leave out what the ends can have touched of those who, on OTP, end at their gates, and here when those open.

    A gate that has an actor's name is that actor's. Who isn't seen to end so isn't left out.
    """
    held = _held_when_they_end(scenario, theirs, ours)
    if not held or len(theirs) != len(ours):
        return theirs, ours
    opened = _with_gates_opened(scenario, held)
    until_the_end = play(opened) if opened is not scenario else ours
    if not all(_ends_later(opened, theirs, until_the_end, one, held) for one in held.values()):
        return theirs, ours
    return _untouched(scenario, {one.actor: one.since for one in held.values()}, theirs, ours)


@dataclass(frozen=True)
class _Held:
    """One that has ended on OTP at its gate, and not here.

    Args:
        actor: its name.
        reason: of what.
        since: the epoch.
        rest: what it does after its gate.
    """

    actor: str
    reason: Json
    since: int
    rest: list[Op]


def _held_when_they_end(scenario: Scenario, theirs: Outcome, ours: Outcome) -> dict[str, _Held]:
    held: dict[str, _Held] = {}
    waiting: dict[str, list[Op]] = {}
    for number, (step, their_epoch, our_epoch) in enumerate(zip(scenario.steps, theirs[1:], ours[1:], strict=False), 1):
        waiting.pop(step.get("open", ""), None)
        waiting.update(_gates(step.get("do", [])))
        for actor in waiting.keys() - held.keys():
            reason = _end_of(actor, their_epoch)
            if reason is not None and _end_of(actor, our_epoch) is None:
                held[actor] = _Held(actor, reason, number, waiting[actor])
    return held


def _with_gates_opened(scenario: Scenario, held: dict[str, _Held]) -> Scenario:
    """Return a scenario in which the gates are opened at last at which somebody has been held."""
    left = [actor for actor, one in held.items() if open_gate(actor) not in scenario.steps[one.since :]]
    return replace(scenario, steps=[*scenario.steps, *map(open_gate, left)]) if left else scenario


def _ends_later(scenario: Scenario, theirs: Outcome, ours: Outcome, one: _Held, held: dict[str, _Held]) -> bool:
    """Whether it ends here as on OTP once it may go on, and those who are linked to it and watch it hear of that."""
    ends = [number for number, epoch in enumerate(ours) if _end_of(one.actor, epoch) is not None]
    opens = scenario.steps.index(open_gate(one.actor), one.since) + 1
    if len(ends) != 1:
        return False
    (number,) = ends
    reason = _end_of(one.actor, ours[number])
    if number < opens:
        # A kill waits for nobody.
        return reason == "killed" and (one.reason == "killed" or _is_killed(scenario, one.actor, number))
    # Of those who are held and linked, one may end by the other's end.
    if number != opens and scenario.steps[number - 1] not in [open_gate(other) for other in held]:
        return False
    own = _own_end(one)
    if own is not None:
        return bool(reason == own)
    return bool(reason == one.reason) and _is_heard_of(scenario, theirs, ours, one, number)


def _is_killed(scenario: Scenario, actor: str, number: int) -> bool:
    return any(op == ["signal", actor, "kill"] for _, op in acts(scenario, number))


def _own_end(one: _Held) -> Json:
    """Return the reason of which it ends by itself in what it does after its gate, if it does."""
    for op in one.rest:
        if op == ["signal", one.actor, "kill"]:
            return "killed"
        if op[0] in RETURNS:
            return RETURNS[op[0]](*op[1:])
    return None


def _is_heard_of(scenario: Scenario, theirs: Outcome, ours: Outcome, one: _Held, number: int) -> bool:
    """Whether its end reaches those here, too, whom it has reached on OTP, unless something else happened to them."""
    since = range(one.since + 1, len(scenario.steps) + 1)
    in_the_rest = {arg for op in one.rest for arg in op if isinstance(arg, str)}
    for actor in scenario.actors.keys() - {one.actor} - in_the_rest:
        if has_acted(scenario, actor, since):
            continue
        if _end_of(actor, theirs[one.since]) == one.reason and _is_linked(scenario, actor, one):
            # Another's end may have come first.
            if _lives_on(actor, ours[: number + 1]):
                return False
        elif _lives_on(actor, [*theirs, *ours]) and _heard(theirs, actor, one) != _heard(ours, actor, one):
            return False
    return True


def _is_linked(scenario: Scenario, actor: str, one: _Held) -> bool:
    links = [
        {doer, *op[1:]} for number in range(1, one.since + 1) for doer, op in acts(scenario, number) if op[0] == "link"
    ]
    return {actor, one.actor} in links


def _lives_on(actor: str, outcome: Outcome) -> bool:
    return all(_end_of(actor, epoch) is None for epoch in outcome)


def _heard(outcome: Outcome, observer: str, one: _Held) -> list[Json]:
    return sorted(
        what
        for epoch in outcome[one.since :]
        for what in epoch.get(f"{observer}#1", {}).get(f"{one.actor}#1", [])
        if what in (["exit", one.reason], ["down", one.reason])
    )


def _end_of(actor: str, epoch: Epoch) -> Json:
    """Return of what an actor ends in an epoch, if it does."""
    ends = epoch.get("*", {}).get(f"{actor}#1")
    return ends[0][1] if ends else None


def _untouched(scenario: Scenario, ended: dict[str, int], theirs: Outcome, ours: Outcome) -> tuple[Outcome, Outcome]:
    """Leave out of both what the ends can have touched that differ, each from an epoch on."""
    until = touched(scenario, ended)
    return (
        [untouched(epoch, reached) for epoch, reached in zip(theirs, until, strict=True)],
        [untouched(epoch, reached) for epoch, reached in zip(ours, until, strict=True)],
    )


def _a_signal_of_its_own_is_read(scenario: Scenario, theirs: Outcome, ours: Outcome) -> tuple[Outcome, Outcome]:
    """Leave out what the ends can have touched of servers that stop on OTP by the signal that they read, of themselves.

    It lives on here.
    """
    ended: dict[str, int] = {}
    for number, (their_epoch, our_epoch) in enumerate(zip(theirs, ours, strict=True)):
        for label, of in our_epoch.items():
            read = [what[1] for what in of.get(label, []) if what[0] == "exit"]
            stopped = [what[2] for what in their_epoch.get(label, {}).get(label, []) if what[0] == "terminate"]
            if any(reason in read for reason in stopped):
                ended.setdefault(label.partition("#")[0], number)
    return _untouched(scenario, ended, theirs, ours) if ended else (theirs, ours)


def _as_foretold(rule: str) -> Callable[[Scenario, Outcome, Outcome], tuple[Outcome, Outcome]]:
    def rest(scenario: Scenario, theirs: Outcome, ours: Outcome) -> tuple[Outcome, Outcome]:
        """Compare what came of a queue with what is foretold of it here, when it came out as foretold on OTP."""
        known = foretold(scenario)
        if known is None or rule not in known.causes or known.part_of(theirs) != known.theirs:
            return theirs, ours
        return known.ours, known.part_of(ours)

    return rest


def _gates(ops: list[Op]) -> Iterator[tuple[str, list[Op]]]:
    """Yield the gates that are come to, and what is done after each."""
    for number, (name, *args) in enumerate(ops, 1):
        if name == "gate":
            yield args[0], ops[number:]
        elif name == "tell":
            yield from _gates(args[1])


MEANT = [
    Meant(
        "A63",
        "a server without a parent reads its own signal when it traps exits; on OTP it is its own parent, and stops",
        _a_signal_of_its_own_is_read,
    ),
    Meant(
        "A29",
        "of a dead one, the exit of a link and the down of a monitor come as they were made",
        _noproc_in_any_order,
    ),
    Meant(
        "A12",
        "an actor that waits in a handler when a fatal signal comes finishes it first",
        _an_end_at_a_gate_comes_later,
    ),
    Meant("F21", "a queue's content outlives its actor, and its workers stay subscribed", _as_foretold("F21")),
    Meant("F1", "what a worker had not begun when it ended goes to another", _as_foretold("F1")),
    Meant("A12", "a worker that handles an event when a fatal signal comes finishes it first", _as_foretold("A12")),
    Meant("E49", "an event goes to whoever asks, also when a worker that had asked has left", _as_foretold("E49")),
]
