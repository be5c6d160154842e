"""Scenarios as one writes them: to be pasted into a family."""

from __future__ import annotations

import json

from tests.conformance.language import Json, Scenario, Step

__all__ = ["pasted"]


def pasted(scenario: Scenario) -> str:
    """Return the code of a scenario."""
    steps = "".join(f"        {_step(step)},\n" for step in scenario.steps)
    stages = "    stages=True,\n" if scenario.stages else ""
    return (
        f"Scenario(\n    {_value(scenario.name)},\n    {scenario.rules!r},\n    {_value(scenario.actors)},\n"
        f"    [\n{steps}    ],\n{stages})"
    )


def _step(step: Step) -> str:
    match step:
        case {"at": actor, "do": ops}:
            return f"at({', '.join(map(_value, [actor, *ops]))})"
        case {"race": acts}:
            return f"race({', '.join(f'({_value(actor)}, {_value(ops)})' for actor, ops in acts)})"
        case {"open": gate}:
            return f"open_gate({_value(gate)})"
        case {"advance": ticks}:
            return f"advance({ticks})"
    raise ValueError(f"no step: {step}")


def _value(value: Json) -> str:
    match value:
        case str():
            return json.dumps(value)
        case list():
            return f"[{', '.join(map(_value, value))}]"
        case dict():
            return "{" + ", ".join(f"{_value(key)}: {_value(one)}" for key, one in value.items()) + "}"
    return repr(value)
