"""The language of scenarios: who is there, and what is done, step by step. Nothing but data, so it is stored as JSON.

A scenario begins with actors, which are started one after the other. Then come steps. Each waits for what it brings
about, and is followed by a rest, in which all go on until nobody can:

- `at(actor, *ops)` has an actor do something, a list of operations, one after the other; it waits until they are done,
  have ended the actor, or have it wait for others, and until those whom they kill have ended;
- `race((actor, ops), ...)` has several do so at once, and waits for all of them;
- `open_gate(gate)` lets those pass that wait there, now and later: slow starts, slow ends, handlers that are busy; it
  waits in the same way until those who waited there have done what they were about to;
- `advance(ticks)` lets time pass, and waits until all timers are over that are due.

An operation is a list that begins with its name, `["link", "b"]`; `ops.py` has them all, or says that they aren't
built yet. An actor's label is its name in the scenario, or, with a number, one of its incarnations: `"a#2"`. A label
that begins with `@` means whoever has that name when it is used; so does `["via", "R", "k"]`, of a registry's key.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, TypeAlias

__all__ = ["Json", "Newer", "Op", "Scenario", "Step", "advance", "at", "open_gate", "race"]

Json: TypeAlias = Any
Op: TypeAlias = list[Json]
Step: TypeAlias = dict[str, Json]


@dataclass(frozen=True)
class Newer:
    """What comes of a scenario on a version newer than the recorded one, as a rule tells it.

    Args:
        version: one that does so.
        why: what it does, and by which rule.
        seen: what is seen there, where that isn't what was recorded: each time the number of the epoch, the observer,
            the sender, and what is seen in their order.
    """

    version: str
    why: str
    seen: tuple[Json, ...]

    @classmethod
    def from_json(cls, json: dict[str, Json]) -> Newer:
        """Return what was stored."""
        return cls(json["version"], json["why"], tuple(json["seen"]))


@dataclass(frozen=True)
class Scenario:
    """What is played, on OTP and here.

    Args:
        name: what it shows, in a few words.
        rules: the rules of docs/semantics.md that it plays.
        actors: who is there at the beginning, by label, in the order of their starts.
        steps: what happens.
        stages: whether it needs GenStage.
        differs: why it comes out otherwise here, and is meant to, and by which rules; both outcomes are stored then. Of
            a race, that it comes out here in ways of our own as well, which are stored too.
        newer: what a version newer than the recorded one does, whose rules hold here; both outcomes are known then.
        not_yet: the rule that is not built yet, for which it can't be played here.
    """

    name: str
    rules: tuple[str, ...]
    actors: dict[str, Json]
    steps: list[Step]
    stages: bool = False
    differs: str = ""
    newer: Newer | None = None
    not_yet: str = ""

    def to_json(self) -> dict[str, Json]:
        """Return it as what is stored: what it has beside its steps only when there is something to say."""
        return {
            "name": self.name,
            "rules": list(self.rules),
            **{name: said for name in ("stages", "differs", "not_yet") if (said := getattr(self, name))},
            **({"newer": asdict(self.newer)} if self.newer else {}),
            "actors": self.actors,
            "steps": self.steps,
        }

    @classmethod
    def from_json(cls, json: dict[str, Json]) -> Scenario:
        """Return what was stored, by itself or with its outcome."""
        known = {field.name: json[field.name] for field in fields(cls) if field.name in json}
        newer = Newer.from_json(json["newer"]) if "newer" in json else None
        return cls(**{**known, "rules": tuple(json["rules"]), "newer": newer})

    @property
    def races(self) -> bool:
        """Whether several do something at once, so that it may come out in several ways."""
        return any("race" in step for step in self.steps)

    @property
    def ticks(self) -> int:
        """How much time passes in it."""
        return sum(step.get("advance", 0) for step in self.steps)


def at(actor: str, *ops: Op) -> Step:
    """Have an actor do something."""
    return {"at": actor, "do": list(ops)}


def race(*acts: tuple[str, list[Op]]) -> Step:
    """Have several actors do something at once."""
    return {"race": [[actor, ops] for actor, ops in acts]}


def open_gate(gate: str) -> Step:
    """Let all pass who wait at a gate."""
    return {"open": gate}


def advance(ticks: int) -> Step:
    """Let time pass."""
    return {"advance": ticks}
