"""Random scenarios, of a seed."""

from __future__ import annotations

import importlib
from random import Random
from typing import Any

from tests.conformance.language import Scenario

__all__ = ["RANDOM_FAMILIES", "comes_out_in_one_way", "generate"]

RANDOM_FAMILIES = ["processes", "servers", "supervisors", "registries"]
"""Modules of `tests.conformance.random`: each has `scenario()`, which writes one, and `comes_out_in_one_way()`."""


def generate(family: str, number: int, seed: int) -> list[Scenario]:
    """Return so many random scenarios of a family; for a seed always the same."""
    # Each has a seed of its own, so that it is the same however many there are.
    return [_module(family).scenario(Random(f"{family} {seed} {one}")) for one in range(number)]


def comes_out_in_one_way(family: str, scenario: Scenario) -> bool:
    """Whether a scenario of a family has one outcome, whatever the schedule; False when that isn't certain."""
    return bool(_module(family).comes_out_in_one_way(scenario))


def _module(family: str) -> Any:
    return importlib.import_module(f"tests.conformance.random.{family}")
