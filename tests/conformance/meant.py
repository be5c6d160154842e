"""Differences that are meant, and that random scenarios may run into: what each is, and from when on it shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.conformance.language import Op, Scenario
from tests.conformance.outcome import Outcome, differences

__all__ = ["MEANT", "Meant", "meaning"]


@dataclass(frozen=True)
class Meant:
    """A difference that is meant.

    Args:
        rule: of docs/semantics.md.
        why: what is different.
        since: finds in a scenario, and in what came of it on OTP, the first epoch that it may make different; None when
            it makes none.
    """

    rule: str
    why: str
    since: Callable[[Scenario, Outcome], int | None]

    def explains(self, scenario: Scenario, theirs: Outcome, ours: Outcome) -> bool:
        """Whether all that is different may come of it."""
        first = self.since(scenario, theirs)
        return first is not None and not differences(theirs[:first], ours[:first])


def meaning(scenario: Scenario, theirs: Outcome, ours: Outcome) -> Meant | None:
    """Return the difference that is meant and explains this one, if there is one."""
    return next((meant for meant in MEANT if meant.explains(scenario, theirs, ours)), None)


def _end_at_a_gate(scenario: Scenario, theirs: Outcome) -> int | None:
    """When somebody ends who waits at its gate, of anything but a kill."""
    waiting: set[str] = set()
    for number, (step, epoch) in enumerate(zip(scenario.steps, theirs[1:], strict=True), 1):
        waiting.discard(step.get("open", ""))
        waiting |= set(_gates(step.get("do", [])))
        ends = epoch.get("*", {})
        if any(what != ["end", "killed"] for actor in waiting for what in ends.get(f"{actor}#1", [])):
            return number
    return None


def _gates(ops: list[Op]) -> Iterator[str]:
    for name, *args in ops:
        if name == "gate":
            yield args[0]
        elif name == "tell":
            yield from _gates(args[1])


MEANT = [
    Meant("A12", "an actor that waits in a handler when a fatal signal comes finishes it first", _end_at_a_gate),
]
