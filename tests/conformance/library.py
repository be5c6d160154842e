"""The scenarios: as the code has them, and as they were stored with what came of them on OTP."""

from __future__ import annotations

import functools
import importlib
import json
from pathlib import Path
from typing import Any

from tests.conformance.language import Json, Scenario

__all__ = ["FAMILIES", "recorded", "store", "written"]

FAMILIES = ["processes", "servers", "tasks", "agents", "supervisors", "registries", "queues", "stages"]
"""Modules of `tests.conformance.families`."""

_PLACE = Path(__file__).parent / "scenarios"


def written(family: str) -> list[Scenario]:
    """Return a family's scenarios, as the code has them."""
    scenarios: list[Scenario] = importlib.import_module(f"tests.conformance.families.{family}").SCENARIOS
    return scenarios


@functools.cache
def recorded(family: str) -> dict[str, Any]:
    """Return what is stored of a family. It is read once, and to be changed by nobody.

    `versions` says of what the oracle was made, `unstable` names what came out in more than one way, and was left out,
    and `scenarios` has each with its `outcome` on OTP, and with `ours` where that comes out otherwise and is meant to;
    one that races has all its `outcomes`, and as `ours` those that come here only, where these are meant.
    """
    stored: dict[str, Any] = json.loads((_PLACE / f"{family}.json").read_text())
    return stored


def store(family: str, what: dict[str, Json]) -> None:
    """Store what was recorded of a family: a scenario a line."""
    head = json.dumps({name: said for name, said in what.items() if name != "scenarios"})[:-1]
    lines = ",\n".join(json.dumps(scenario) for scenario in what["scenarios"])
    (_PLACE / f"{family}.json").write_text(f'{head}, "scenarios": [\n{lines}\n]}}\n')
    recorded.cache_clear()
