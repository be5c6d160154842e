"""Outcomes: what was seen in a scenario, so that two can be compared.

An *event* is `[observer, sender, what]`: who saw it, of whom, and what. A scenario's steps cut its events into epochs.
Within one, only the order of what one observer saw of one sender counts, which covers a death's `Down` and `Exit`, and
what the dead had sent before. Nothing else is promised, here or there.
"""

from __future__ import annotations

from typing import TypeAlias

from tests.conformance.language import Json, Newer

__all__ = ["Epoch", "Event", "Outcome", "canonical", "differences", "events_of", "told"]

Event: TypeAlias = list[Json]
Epoch: TypeAlias = dict[str, dict[str, list[Json]]]
"""What each observer saw of each sender, in order."""

Outcome: TypeAlias = list[Epoch]


def canonical(epochs: list[list[Event]]) -> Outcome:
    """Return events so that two outcomes are equal when nothing that counts is different."""
    return [_canonical(epoch) for epoch in epochs]


def _canonical(events: list[Event]) -> Epoch:
    seen: Epoch = {}
    for observer, sender, what in events:
        seen.setdefault(observer, {}).setdefault(sender, []).append(what)
    return {observer: dict(sorted(seen[observer].items())) for observer in sorted(seen)}


def events_of(outcome: Outcome) -> list[list[Event]]:
    """Return an outcome's events, epoch by epoch."""
    return [
        [[observer, sender, what] for observer, of in epoch.items() for sender, all_ in of.items() for what in all_]
        for epoch in outcome
    ]


def told(recorded: Outcome, newer: Newer) -> Outcome:
    """Return what comes of a scenario on a newer version: what was recorded, but for what is told to be otherwise."""
    epochs = [{observer: dict(of) for observer, of in epoch.items()} for epoch in recorded]
    for number, observer, sender, seen in newer.seen:
        epochs[number].setdefault(observer, {})[sender] = seen
    return canonical(events_of(epochs))


def differences(theirs: Outcome, ours: Outcome) -> list[str]:
    """Return what is different, in lines; none when the outcomes are the same."""
    lines = []
    if len(theirs) != len(ours):
        lines.append(f"{len(theirs)} epochs in OTP, {len(ours)} here")
    for number, (their_epoch, our_epoch) in enumerate(zip(theirs, ours, strict=False)):
        for observer in sorted({*their_epoch, *our_epoch}):
            of_theirs, of_ours = their_epoch.get(observer, {}), our_epoch.get(observer, {})
            lines += [
                f"epoch {number}, {observer} of {sender}: {of_theirs.get(sender, [])} in OTP, "
                f"{of_ours.get(sender, [])} here"
                for sender in sorted({*of_theirs, *of_ours})
                if of_theirs.get(sender) != of_ours.get(sender)
            ]
    return lines
