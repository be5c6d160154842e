"""Differences that are meant, and that random scenarios run into: what each is, and what has to be the same still."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.conformance.language import Json, Op, Scenario
from tests.conformance.outcome import Outcome, differences
from tests.conformance.random.foretold import foretold

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


def _until_an_end_at_a_gate(scenario: Scenario, theirs: Outcome, ours: Outcome) -> tuple[Outcome, Outcome]:
    """Leave off when somebody ends on OTP who waits at its gate, which has its name, and doesn't end here."""
    waiting: set[str] = set()
    for number, (step, their_epoch, our_epoch) in enumerate(zip(scenario.steps, theirs[1:], ours[1:], strict=False), 1):
        waiting.discard(step.get("open", ""))
        waiting |= set(_gates(step.get("do", [])))
        ended = their_epoch.get("*", {}).keys() - our_epoch.get("*", {}).keys()
        if ended & {f"{actor}#1" for actor in waiting}:
            return theirs[:number], ours[:number]
    return theirs, ours


def _until_a_signal_of_its_own(_: Scenario, theirs: Outcome, ours: Outcome) -> tuple[Outcome, Outcome]:
    """Leave off when a server stops on OTP by the signal that it reads here, of itself."""
    for number, (their_epoch, our_epoch) in enumerate(zip(theirs, ours, strict=True)):
        for label, of in our_epoch.items():
            read = [what[1] for what in of.get(label, []) if what[0] == "exit"]
            stopped = [what[2] for what in their_epoch.get(label, {}).get(label, []) if what[0] == "terminate"]
            if any(reason in read for reason in stopped):
                return theirs[:number], ours[:number]
    return theirs, ours


def _as_foretold(rule: str) -> Callable[[Scenario, Outcome, Outcome], tuple[Outcome, Outcome]]:
    def rest(scenario: Scenario, theirs: Outcome, ours: Outcome) -> tuple[Outcome, Outcome]:
        """Compare what came of a queue with what is foretold of it here, when it came out as foretold on OTP."""
        known = foretold(scenario)
        if known is None or rule not in known.causes or known.part_of(theirs) != known.theirs:
            return theirs, ours
        return known.ours, known.part_of(ours)

    return rest


def _gates(ops: list[Op]) -> Iterator[str]:
    for name, *args in ops:
        if name == "gate":
            yield args[0]
        elif name == "tell":
            yield from _gates(args[1])


MEANT = [
    Meant(
        "A63",
        "a server without a parent reads its own signal when it traps exits; on OTP it is its own parent, and stops",
        _until_a_signal_of_its_own,
    ),
    Meant(
        "A29",
        "of a dead one, the exit of a link and the down of a monitor come as they were made",
        _noproc_in_any_order,
    ),
    Meant(
        "A12", "an actor that waits in a handler when a fatal signal comes finishes it first", _until_an_end_at_a_gate
    ),
    Meant("F21", "a queue's content outlives its actor, and its workers stay subscribed", _as_foretold("F21")),
    Meant("F1", "what a worker had not begun when it ended goes to another", _as_foretold("F1")),
    Meant("A12", "a worker that handles an event when a fatal signal comes finishes it first", _as_foretold("A12")),
    Meant("E49", "an event goes to whoever asks, also when a worker that had asked has left", _as_foretold("E49")),
]
