"""The comparison of outcomes notices what counts, and nothing else."""

from __future__ import annotations

import copy

import pytest

from tests.conformance.library import FAMILIES, recorded
from tests.conformance.outcome import canonical, differences, events_of

OUTCOMES = [
    outcome
    for family in FAMILIES
    for stored in recorded(family)["scenarios"]
    for outcome in stored.get("outcomes") or [stored["outcome"]]
]


def kind(what):
    return what[0] if what[0] != "did" else f"did {what[1]}"


def places(is_one):
    """Where, in what was recorded, there is such an event: the outcome, the list that it is in, and its place."""
    for outcome in OUTCOMES:
        for number, epoch in enumerate(outcome):
            for observer, of in epoch.items():
                for sender, seen in of.items():
                    for index in range(len(seen)):
                        if is_one(seen, index):
                            yield outcome, (number, observer, sender), index


def changed(outcome, place, change):
    number, observer, sender = place
    other = copy.deepcopy(outcome)
    change(other[number][observer][sender])
    return other


KINDS = sorted(
    {
        kind(seen[index])
        for o in OUTCOMES
        for e in o
        for of in e.values()
        for seen in of.values()
        for index in range(len(seen))
    }
)


@pytest.mark.parametrize("wanted", KINDS)
def test_an_event_that_is_missing_or_doubled_is_noticed(wanted):
    outcome, place, index = next(places(lambda seen, index: kind(seen[index]) == wanted))

    assert differences(outcome, changed(outcome, place, lambda seen: seen.pop(index)))
    assert differences(outcome, changed(outcome, place, lambda seen: seen.insert(index, seen[index])))


ANOTHER = ["did", "something else", None]


def after_another(wanted):
    """An outcome in which such an event comes after another of its sender: a recorded one, or made of one."""
    found = next(places(lambda seen, at: at > 0 and kind(seen[at]) == wanted and seen[at] != seen[at - 1]), None)
    if found is None:
        outcome, place, index = next(places(lambda seen, at: kind(seen[at]) == wanted))
        found = changed(outcome, place, lambda seen: seen.insert(index, ANOTHER)), place, index + 1
    return found


@pytest.mark.parametrize("wanted", KINDS)
def test_two_events_of_one_sender_that_are_swapped_are_noticed(wanted):
    outcome, place, index = after_another(wanted)

    assert differences(outcome, changed(outcome, place, lambda seen: seen.insert(index - 1, seen.pop(index))))


def test_the_order_of_two_senders_is_not_compared():
    one, other = ["m", "a", ["msg", 1]], ["m", "b", ["msg", 2]]

    assert differences(canonical([[one, other]]), canonical([[other, one]])) == []


def test_an_event_in_another_epoch_is_noticed():
    event = ["m", "a", ["msg", 1]]

    assert differences(canonical([[event], []]), canonical([[], [event]]))


def test_events_are_had_back_from_an_outcome():
    for outcome in OUTCOMES:
        assert canonical(events_of(outcome)) == outcome
