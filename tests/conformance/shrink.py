"""Makes a scenario as small as it can be while it still shows what it shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.conformance.language import Json, Op, Scenario, Step

__all__ = ["shrunk", "smaller"]

NEEDED = {"kind", "id", "keys", "queue"}
"""What a spec always says."""


def shrunk(scenario: Scenario, shows: Callable[[Scenario], bool]) -> Scenario:
    """Return the smallest scenario that is found by leaving out one thing after the other, and still shows it."""
    while True:
        found = next((one for one in smaller(scenario) if shows(one)), None)
        if found is None:
            return scenario
        scenario = found


def smaller(scenario: Scenario) -> Iterator[Scenario]:
    """Yield the scenarios that have one thing less: much of it first."""
    for number in range(len(scenario.steps)):
        yield replace(scenario, steps=scenario.steps[:number])
    for label in scenario.actors:
        others = [step for step in scenario.steps if not _is_in(label, step)]
        if others == scenario.steps:
            yield replace(scenario, actors={other: spec for other, spec in scenario.actors.items() if other != label})
        else:
            yield replace(scenario, steps=others)
    for number, step in enumerate(scenario.steps):
        before, after = scenario.steps[:number], scenario.steps[number + 1 :]
        yield replace(scenario, steps=before + after)
        for less in _less(step):
            yield replace(scenario, steps=[*before, less, *after])
    for label, spec in scenario.actors.items():
        for less in _simpler(spec):
            yield replace(scenario, actors={**scenario.actors, label: less})


def _is_in(label: str, what: Json) -> bool:
    match what:
        case dict():
            return any(_is_in(label, part) for part in what.values())
        case list():
            return any(_is_in(label, part) for part in what)
    return bool(what == label)


def _less(step: Step) -> Iterator[Step]:
    if "do" in step:
        for ops in _without_one(step["do"]):
            if ops:
                yield {**step, "do": ops}


def _simpler(spec: Json) -> Iterator[Json]:
    """Yield what has one child less, or does or says one thing less."""
    for number, child in enumerate(spec.get("children", [])):
        before, after = spec["children"][:number], spec["children"][number + 1 :]
        yield {**spec, "children": before + after}
        for less in _simpler(child):
            yield {**spec, "children": [*before, less, *after]}
    for when in ("init", "terminate"):
        for less in _without_one(spec.get(when, [])):
            yield {**spec, when: less}
    for key in spec.keys() - NEEDED:
        yield {other: value for other, value in spec.items() if other != key}


def _without_one(ops: list[Op]) -> Iterator[list[Op]]:
    for number, op in enumerate(ops):
        before, after = ops[:number], ops[number + 1 :]
        yield before + after
        for place, arg in enumerate(op):
            # What it does, or has another do, in turn.
            if isinstance(arg, dict):
                for less in _simpler(arg):
                    yield [*before, [*op[:place], less, *op[place + 1 :]], *after]
            if isinstance(arg, list) and arg and isinstance(arg[0], list):
                for inner in _without_one(arg):
                    yield [*before, [*op[:place], inner, *op[place + 1 :]], *after]
