"""Registries: keys, their owners, and what becomes of both (rules D1 to D90)."""

from __future__ import annotations

from tests.conformance.language import Json, Op, Scenario, Step, at, open_gate

__all__ = ["SCENARIOS"]

PROC: Json = {"kind": "proc"}
TRAPPING: Json = {"kind": "proc", "trap": True}
UNIQUE: Json = {"kind": "registry", "keys": "unique"}
DUPLICATE: Json = {"kind": "registry", "keys": "duplicate"}

REGISTRIES: dict[str, Json] = {"unique": UNIQUE, "duplicate": DUPLICATE}

SKIPPED = "reads skip owners that are gone, cleaned up or not (D26)"
OUTLIVES = "the registry's table outlives its actor, and owners aren't linked to it (D70)"

SEEN: list[Op] = [["lookup", "R", "k"], ["keys", "R", "a"], ["keys", "R", "b"], ["count", "R"]]
"""All that can be read of the key `k`, and of the owners `a` and `b`."""


def _keys() -> list[Scenario]:
    """What may be a key, and which keys are the same."""
    several: dict[str, Json] = {
        "a name": "k",
        "nil": None,
        "a number": 1,
        "a fraction": 1.5,
        "a boolean": False,
        "an empty list": [],
        "a list of several things": ["k", 1, [None]],
    }
    scenarios = [
        Scenario(
            f"{what} is a key of a {kind} registry",
            ("D11", "D19", "D25", "D30", "D32"),
            {"R": spec, "a": PROC, "b": PROC},
            [
                at("a", ["reg", "R", key, "v"], ["lookup", "R", key]),
                at("b", ["lookup", "R", key], ["keys", "R", "a"], ["keys", "R", "b"], ["count", "R"]),
                at("a", ["unreg", "R", key], ["lookup", "R", key], ["keys", "R", "a"], ["count", "R"]),
            ],
        )
        for kind, spec in REGISTRIES.items()
        for what, key in several.items()
    ]
    pairs: list[tuple[str, Json, Json]] = [
        ("1 and 1.0", 1, 1.0),
        ("1 and true", 1, True),
        ("0 and false", 0, False),
        ("nil and false", None, False),
        ("lists of 1 and of 1.0", [1], [1.0]),
    ]
    scenarios += [
        Scenario(
            f"{what} are two keys of a {kind} registry",
            ("D12",),
            {"R": spec, "a": PROC, "b": PROC},
            [
                at("a", ["reg", "R", one, "one"]),
                at("b", ["reg", "R", other, "other"]),
                at("a", ["lookup", "R", one], ["lookup", "R", other], ["count", "R"]),
                at("a", ["unreg", "R", other], ["lookup", "R", one], ["lookup", "R", other]),
                at("a", ["unreg", "R", one], ["lookup", "R", one], ["lookup", "R", other]),
            ],
        )
        for kind, spec in REGISTRIES.items()
        for what, one, other in pairs
    ]
    return scenarios


def _unique() -> list[Scenario]:
    """What two can do to one another with a key that only one can have."""
    actors = {"R": UNIQUE, "a": PROC, "b": PROC}
    mine = at("a", ["reg", "R", "k", 1])
    tables: dict[str, tuple[tuple[str, ...], list[Step]]] = {
        "a key that another has is refused, with its owner": (("D13",), [mine, at("b", ["reg", "R", "k", 2], *SEEN)]),
        "a key that one has oneself is refused, with oneself": (
            ("D13", "D82"),
            [mine, at("a", ["reg", "R", "k", 2], *SEEN)],
        ),
        "a key that is refused again and again leaves nothing behind": (
            ("D13",),
            [mine, at("b", *[["reg", "R", "k", n] for n in (2, 3)]), at("a", ["unreg", "R", "k"], *SEEN)],
        ),
        "a key that is given up can be had by another": (
            ("D19", "D77"),
            [mine, at("a", ["unreg", "R", "k"]), at("b", ["lookup", "R", "k"], ["reg", "R", "k", 2], *SEEN)],
        ),
        "a key that is given up can be had again": (
            ("D19", "D77"),
            [mine, at("a", ["unreg", "R", "k"], ["reg", "R", "k", 2], *SEEN)],
        ),
        "a key is given up for another that wanted it": (
            ("D13", "D77"),
            [mine, at("b", ["reg", "R", "k", 2]), at("a", ["unreg", "R", "k"]), at("b", ["reg", "R", "k", 3], *SEEN)],
        ),
        "nobody can give up another's key": (("D19", "D20"), [mine, at("b", ["unreg", "R", "k"], *SEEN)]),
        "to give up a key that nobody has is no error": (("D19",), [at("a", ["unreg", "R", "k"], *SEEN)]),
        "to give up a key twice is no error, and costs the next owner nothing": (
            ("D19", "D20"),
            [
                mine,
                at("a", ["unreg", "R", "k"], ["unreg", "R", "k"]),
                at("b", ["reg", "R", "k", 2]),
                at("a", ["unreg", "R", "k"], *SEEN),
            ],
        ),
        "who has several keys gives up one of them": (
            ("D19", "D30", "D32"),
            [
                mine,
                at("a", ["reg", "R", "l", 2], ["reg", "R", "m", 3], ["unreg", "R", "l"], *SEEN, ["lookup", "R", "l"]),
            ],
        ),
        "several have a key each": (
            ("D25", "D30", "D32"),
            [mine, at("b", ["reg", "R", "l", 2], *SEEN, ["lookup", "R", "l"])],
        ),
        "a key that was found free may have been taken since": (
            ("D78",),
            [at("b", ["lookup", "R", "k"], ["gate", "g"], ["reg", "R", "k", 2], *SEEN), mine, open_gate("g")],
        ),
        "a registration is seen at once by others, and so is its end": (
            ("D77",),
            [
                at(
                    "a",
                    ["reg", "R", "k", 1],
                    ["tell", "b", SEEN],
                    ["gate", "g"],
                    ["unreg", "R", "k"],
                    ["tell", "b", SEEN],
                )
            ]
            + [open_gate("g")],
        ),
    }
    scenarios = [Scenario(what, rules, actors, steps) for what, (rules, steps) in tables.items()]
    scenarios += [
        Scenario(
            "two registries know nothing of each other's keys",
            ("D11", "D19"),
            {"R": UNIQUE, "S": UNIQUE, "a": PROC, "b": PROC},
            [
                mine,
                at("b", ["lookup", "S", "k"], ["reg", "S", "k", 2], ["reg", "R", "l", 3]),
                at("b", ["unreg", "S", "k"], *SEEN, ["lookup", "S", "k"], ["count", "S"]),
            ],
        ),
    ]
    return scenarios


def _duplicate() -> list[Scenario]:
    """What many can do with one key."""
    actors = {"R": DUPLICATE, "a": PROC, "b": PROC}
    full = [at("a", ["reg", "R", "k", 1]), at("b", ["reg", "R", "k", 2]), at("a", ["reg", "R", "k", 3])]
    tables: dict[str, tuple[tuple[str, ...], list[Step]]] = {
        "each registration of a duplicate key is an entry, in their order": (
            ("D15", "D28", "D30", "D32"),
            [*full, at("b", *SEEN)],
        ),
        "the same duplicate key with the same value is two entries": (
            ("D15", "D30", "D32"),
            [at("a", ["reg", "R", "k", 1], ["reg", "R", "k", 1], *SEEN)],
        ),
        "one gives up all of its entries of a duplicate key, and no others": (
            ("D19", "D20"),
            [*full, at("a", ["reg", "R", "l", 4], ["unreg", "R", "k"], *SEEN, ["lookup", "R", "l"])],
        ),
        "a duplicate key that was given up and is had again comes last": (
            ("D19", "D28"),
            [*full, at("a", ["unreg", "R", "k"], ["reg", "R", "k", 5], *SEEN)],
        ),
        "nobody can give up another's entries of a duplicate key": (
            ("D19", "D20"),
            [at("a", ["reg", "R", "k", 1], ["reg", "R", "k", 2]), at("b", ["unreg", "R", "k"], *SEEN)],
        ),
        "the end of one owner of a duplicate key leaves the others' entries": (
            ("D66",),
            [*full, at("a", ["exit", "boom"]), at("b", *SEEN)],
        ),
    }
    return [Scenario(what, rules, actors, steps) for what, (rules, steps) in tables.items()]


def _unknown() -> list[Scenario]:
    """What is asked of a registry that was never started."""
    ops: dict[str, Op] = {
        "registering": ["reg", "X", "k", 1],
        "giving up a key": ["unreg", "X", "k"],
        "looking up a key": ["lookup", "X", "k"],
        "asking for one's keys": ["keys", "X", "a"],
        "counting": ["count", "X"],
    }
    return [
        Scenario(
            f"{what} in a registry that isn't there is an error", ("D10",), {"R": UNIQUE, "a": PROC}, [at("a", op)]
        )
        for what, op in ops.items()
    ] + [
        Scenario(
            "who doesn't expect a registry to be missing dies of it",
            ("D10",),
            {"m": PROC, "a": PROC},
            [at("m", ["monitor", "a", "m1"]), at("a", ["reg!", "X", "k", 1])],
        ),
        Scenario(
            "a registry can't have the name of an actor",
            ("D2",),
            {"a": {"kind": "proc", "name": "R"}, "b": PROC},
            [at("b", ["start", "R", UNIQUE], ["lookup", "R", "k"])],
        ),
        Scenario(
            "a registry can't have the name of another",
            ("D2",),
            {"R": UNIQUE, "a": PROC, "b": PROC},
            [at("a", ["reg", "R", "k", 1]), at("b", ["start", "R", DUPLICATE], ["whereis", "R"], *SEEN)],
        ),
        Scenario(
            "a registry's name is its actor's",
            ("D2",),
            {"R": UNIQUE, "a": PROC},
            [at("a", ["whereis", "R"], ["alive", "@R"], ["register", "R", "a"])],
        ),
    ]


SCENARIOS = [*_keys(), *_unique(), *_duplicate(), *_unknown()]
