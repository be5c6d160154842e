"""Registries: keys, their owners, and what becomes of both (rules D1 to D90)."""

from __future__ import annotations

from tests.conformance.language import Json, Op, Scenario, Step, at, open_gate, race

__all__ = ["SCENARIOS"]

PROC: Json = {"kind": "proc"}
TRAPPING: Json = {"kind": "proc", "trap": True}
UNIQUE: Json = {"kind": "registry", "keys": "unique"}
DUPLICATE: Json = {"kind": "registry", "keys": "duplicate"}

REGISTRIES: dict[str, Json] = {"unique": UNIQUE, "duplicate": DUPLICATE}

SKIPPED = "reads skip owners that are gone, cleaned up or not (D26, D67)"
OUTLIVES = "the registry's table outlives its actor, and owners aren't linked to it (D60, D70, D71, D72, D86, D87, D89)"

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
                ),
                open_gate("g"),
            ],
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


def _owners() -> list[Scenario]:
    """Who owns a key: whoever registers, for whomever."""
    server: Json = {"kind": "server"}
    mine: Op = ["reg", "R", "k", 1]
    last = at("b", ["reg", "R", "k", 2], *SEEN)
    tables: dict[str, tuple[tuple[str, ...], list[Step]]] = {
        "a server that registers in a call is the owner, and not its caller": (
            ("D11",),
            [at("a", ["start", "s", server], ["call", "s", [mine]]), last, at("s", ["exit", "boom"]), last],
        ),
        "a server that registers in its init is the owner when it has started": (
            ("D11", "D77"),
            [at("a", ["start", "s", {**server, "init": [mine]}], *SEEN), last, at("s", ["exit", "boom"]), last],
        ),
        "an agent owns what is registered in an update": (
            ("D11",),
            [
                at("a", ["start", "s", {"kind": "agent"}], ["update", "s", [mine]]),
                last,
                at("a", ["halt", "s", "normal"]),
                last,
            ],
        ),
        "a task owns what it registers, until it ends": (
            ("D11", "D84"),
            [
                at("a", ["async", "t", [mine, ["gate", "g"]], "done"]),
                last,
                open_gate("g"),
                last,
            ],
        ),
        "who started a task can't give up the task's key": (
            ("D20", "D84"),
            [at("a", ["async", "t", [mine, ["gate", "g"]], "done"], ["unreg", "R", "k"]), last, open_gate("g")],
        ),
        "a task can't give up the key of who started it": (
            ("D20", "D84"),
            [at("a", mine, ["async", "t", [["unreg", "R", "k"]], "done"], ["await", "t"]), last],
        ),
        "who is told to register owns the key, and not who told it": (
            ("D11",),
            [at("a", ["tell", "c", [mine]]), last, at("a", ["exit", "boom"]), last],
        ),
    }
    scenarios = [
        Scenario(what, rules, {"R": UNIQUE, "a": PROC, "b": PROC, "c": PROC}, steps)
        for what, (rules, steps) in tables.items()
    ]
    failures: dict[str, Op] = {
        "stops": ["stop", "boom"],
        "stops normally": ["stop", "normal"],
        "is ignored": ["ignore"],
        "raises": ["raise", "ouch"],
        "exits": ["exit", "boom"],
    }
    scenarios += [
        Scenario(
            f"a server that registers, and whose init then {what}, has nothing when its starter hears of it",
            ("D14", "D66"),
            {"R": UNIQUE, "a": PROC, "b": PROC},
            [at("a", ["start", "s", {**server, "init": [mine, op]}], ["reg", "R", "k", 2], *SEEN)],
        )
        for what, op in failures.items()
    ]
    ends: dict[str, list[Op]] = {
        "stops": [["stop", "normal"]],
        "stops with a reason": [["stop", "boom"]],
        "raises": [["raise", "ouch"]],
        "exits": [["exit", "shutdown"]],
    }
    scenarios += [
        Scenario(
            f"a server that {what} has its key until it has terminated",
            ("D14", "D66"),
            {
                "R": UNIQUE,
                "s": {**server, "init": [mine], "terminate": [["lookup", "R", "k"], ["gate", "g"]]},
                "a": PROC,
                "b": PROC,
            },
            [at("s", *ops), last, open_gate("g"), last],
        )
        for what, ops in ends.items()
    ]
    scenarios.append(
        Scenario(
            "a server can register as it terminates, and the key is free after it",
            ("D11", "D66"),
            {"R": UNIQUE, "s": {**server, "terminate": [mine, ["lookup", "R", "k"]]}, "a": PROC, "b": PROC},
            [at("a", ["halt", "s", "normal"]), last],
        )
    )
    return scenarios


ENDS: dict[str, list[Step]] = {
    "that ends normally": [at("a", ["exit", "normal"])],
    "that is shut down": [at("b", ["signal", "a", "shutdown"])],
    "that ends of a reason": [at("a", ["exit", "boom"])],
    "that raises": [at("a", ["raise", "ouch"])],
    "that is killed": [at("b", ["signal", "a", "kill"])],
    "that is killed as it waits": [at("a", ["gate", "g"]), at("b", ["signal", "a", "kill"])],
    "that ends with one that it is linked with": [at("a", ["link", "c"]), at("c", ["exit", "boom"])],
}


def _ends() -> list[Scenario]:
    """What an owner's end does to its keys."""
    scenarios = []
    for what, end in ENDS.items():
        actors = {"a": PROC, "b": PROC, "c": PROC}
        taken = at("b", ["monitor", "a", "m1"], ["reg", "R", "k", 2])
        scenarios += [
            Scenario(
                f"the key of an owner {what} is free for the next",
                ("D14", "D66", "D81"),
                {"R": UNIQUE, **actors},
                [at("a", ["reg", "R", "k", 1]), taken, *end, at("b", ["reg", "R", "k", 3], *SEEN)],
            ),
            Scenario(
                f"all keys of an owner {what} are free, and those of others are not",
                ("D66", "D68"),
                {"R": UNIQUE, **actors},
                [
                    at("a", *[["reg", "R", key, 1] for key in ("k", "l", "m")]),
                    at("c", ["trap", True]),
                    at("b", ["reg", "R", "n", 2]),
                    *end,
                    at("b", *SEEN, *[["lookup", "R", key] for key in ("l", "m", "n")]),
                ],
            ),
            Scenario(
                f"all entries of an owner {what} are gone from a duplicate registry",
                ("D66", "D68"),
                {"R": DUPLICATE, **actors},
                [
                    at("a", ["reg", "R", "k", 1], ["reg", "R", "k", 2], ["reg", "R", "l", 3]),
                    at("b", ["reg", "R", "k", 4], ["reg", "R", "l", 5]),
                    *end,
                    at("b", *SEEN, ["lookup", "R", "l"]),
                ],
            ),
        ]
    survived: dict[str, tuple[Json, Step]] = {
        "an error that it catches": (PROC, at("a", ["catch", [["raise", "ouch"]]])),
        "an exit that it catches": (PROC, at("a", ["catch", [["exit", "boom"]]])),
        "a signal that it traps": (TRAPPING, at("b", ["signal", "a", "boom"])),
        "the end of one that it is linked with": (TRAPPING, at("a", ["link", "c"], ["tell", "c", [["raise", "x"]]])),
    }
    scenarios += [
        Scenario(
            f"an owner keeps its key over {what}",
            ("D83",),
            {"R": UNIQUE, "a": spec, "b": PROC, "c": PROC},
            [at("a", ["reg", "R", "k", 1]), step, at("b", ["reg", "R", "k", 2], *SEEN)],
        )
        for what, (spec, step) in survived.items()
    ]
    scenarios += [
        Scenario(
            "a registry used as a lock: the work is one's own until it is given up",
            ("D81", "D82"),
            {"R": UNIQUE, "a": PROC, "b": PROC},
            [
                at("a", ["reg", "R", "k", 1], ["gate", "g"], ["unreg", "R", "k"]),
                at("b", ["reg", "R", "k", 2]),
                open_gate("g"),
                at("b", ["reg", "R", "k", 3]),
                at("a", ["reg", "R", "k", 4]),
                at("b", ["unreg", "R", "k"]),
                at("a", ["reg", "R", "k", 5], *SEEN),
            ],
        ),
        Scenario(
            "who was refused has the key once its owner's end was seen",
            ("D14", "D78", "D81"),
            {"R": UNIQUE, "a": PROC, "b": PROC},
            [
                at("a", ["reg", "R", "k", 1]),
                at("b", ["reg", "R", "k", 2], ["monitor", "a", "m1"]),
                at("a", ["raise", "ouch"]),
                at("b", ["reg", "R", "k", 3], *SEEN),
            ],
        ),
        Scenario(
            "the keys of one that died without any are none",
            ("D30",),
            {"R": UNIQUE, "a": PROC, "b": PROC},
            [at("a", ["exit", "boom"]), at("b", *SEEN)],
        ),
    ]
    return scenarios


def _late() -> list[Scenario]:
    """An owner has died, and what cleans up after it is frozen."""
    before = [at("a", ["reg", "R", "k", 1]), at("b", ["freeze", "R"]), at("b", ["signal", "a", "kill"])]
    thaw = at("b", ["thaw", "R"])
    tables: dict[str, tuple[tuple[str, ...], list[Step]]] = {
        "a registration over a dead owner needs no clean-up, and isn't undone by it": (
            ("D14", "D68"),
            [*before, at("b", ["reg", "R", "k", 2], ["lookup", "R", "k"], ["count", "R"]), thaw, at("b", *SEEN)],
        ),
        "of two who register over a dead owner the second is refused": (
            ("D14", "D79"),
            [*before, at("b", ["reg", "R", "k", 2]), at("c", ["reg", "R", "k", 3]), thaw, at("b", *SEEN)],
        ),
        "who registered over a dead owner gives up the key before the clean-up": (
            ("D14", "D68"),
            [*before, at("b", ["reg", "R", "k", 2], ["unreg", "R", "k"], ["lookup", "R", "k"]), thaw, at("b", *SEEN)],
        ),
        "who registered over a dead owner dies before the clean-up, too": (
            ("D14", "D68"),
            [
                *before,
                at("c", ["reg", "R", "k", 2], ["exit", "boom"]),
                at("b", ["reg", "R", "k", 3], ["lookup", "R", "k"]),
                thaw,
                at("b", *SEEN),
            ],
        ),
        "nobody can give up a dead owner's key": (
            ("D14", "D20"),
            [*before, at("b", ["unreg", "R", "k"], ["reg", "R", "k", 2]), thaw, at("b", *SEEN)],
        ),
        "to register, to give up and to read waits for no clean-up": (
            ("D17", "D77"),
            [
                at("b", ["freeze", "R"]),
                at("a", ["reg", "R", "k", 1], *SEEN),
                at("b", ["reg", "R", "k", 2], *SEEN),
                at("a", ["unreg", "R", "k"], *SEEN),
                at("b", ["reg", "R", "k", 3], *SEEN),
                thaw,
                at("b", *SEEN),
            ],
        ),
    }
    stale: dict[str, Op] = {
        "asked for the key": ["lookup", "R", "k"],
        "asked for that owner's keys": ["keys", "R", "a"],
        "asked for its count": ["count", "R"],
    }
    scenarios = [
        Scenario(what, rules, {"R": UNIQUE, "a": PROC, "b": PROC, "c": PROC}, steps)
        for what, (rules, steps) in tables.items()
    ]
    scenarios += [
        Scenario(
            f"a {kind} registry, {what} while an owner is dead and not cleaned up",
            ("D26", "D67"),
            {"R": spec, "a": PROC, "b": PROC},
            [*before, at("b", op), thaw, at("b", op)],
            differs=SKIPPED,
        )
        for kind, spec in REGISTRIES.items()
        for what, op in stale.items()
    ]
    scenarios.append(
        Scenario(
            "who registers a duplicate key beside a dead owner comes behind it",
            ("D15", "D26"),
            {"R": DUPLICATE, "a": PROC, "b": PROC},
            [*before, at("b", ["reg", "R", "k", 2], *SEEN), thaw, at("b", *SEEN)],
            differs=SKIPPED,
        )
    )
    return scenarios


def _supervised() -> list[Scenario]:
    """Registries, and those who register, in a supervisor's tree."""
    scenarios = []
    worker: Json = {"id": "w", "kind": "server", "init": [["reg", "R", "k", 1]]}
    crashes: dict[str, Step] = {
        "raises": at("w", ["raise", "ouch"]),
        "stops": at("w", ["stop", "normal"]),
        "is killed": at("b", ["signal", "w", "kill"]),
    }
    for strategy in ("one_for_one", "one_for_all", "rest_for_one"):
        scenarios += [
            Scenario(
                f"a child that {what} is restarted {strategy} and finds its key free",
                ("D14", "D66", "D81"),
                {
                    "R": UNIQUE,
                    "S": {
                        "kind": "sup",
                        "strategy": strategy,
                        "children": [worker, {"id": "x", "kind": "server", "init": [["reg", "R", "l", 2]]}],
                    },
                    "b": PROC,
                },
                [crash, at("b", ["reg", "R", "k", 3], ["lookup", "R", "k"], ["lookup", "R", "l"], ["count", "R"])],
            )
            for what, crash in crashes.items()
        ]
    dying: Json = {**worker, "init": [["reg!", "R", "k", 1]]}
    registry: Json = {"id": "R", **UNIQUE}
    trees: dict[str, tuple[tuple[str, ...], list[Json]]] = {
        "comes up with the registry before those who use it": (("D90",), [registry, dying]),
        "doesn't come up with the registry after those who use it": (("D10", "D90"), [dying, registry]),
        "doesn't come up when two children want one key": (("D13", "D90"), [registry, dying, {**dying, "id": "x"}]),
    }
    scenarios += [
        Scenario(
            f"a tree {what}",
            rules,
            {"T": {"kind": "sup"}, "b": PROC},
            [
                at("b", ["start_child", "T", {"id": "S", "kind": "sup", "children": children}]),
                at("b", ["count_children", "T"], ["whereis", "R"]),
            ],
        )
        for what, (rules, children) in trees.items()
    ]
    scenarios += [
        Scenario(
            "a child that is terminated gives its key to the next, and is refused when it is restarted",
            ("D13", "D66"),
            {"R": UNIQUE, "S": {"kind": "sup", "children": [dying]}, "b": PROC},
            [
                at("b", ["terminate_child", "S", "w"], ["reg", "R", "k", 2], ["restart_child", "S", "w"]),
                at("b", ["unreg", "R", "k"], ["restart_child", "S", "w"], ["lookup", "R", "k"]),
            ],
        ),
        Scenario(
            "two registries have a child each of one supervisor, by their names",
            ("D7",),
            {"S": {"kind": "sup", "children": [registry, {"id": "Q", **DUPLICATE}]}, "b": PROC},
            [
                at("b", ["which_children", "S"]),
                at("b", ["reg", "R", "k", 1], ["reg", "R", "k", 2], ["reg", "Q", "k", 3], ["reg", "Q", "k", 4]),
                at("b", ["lookup", "R", "k"], ["count", "R"], ["lookup", "Q", "k"], ["count", "Q"]),
            ],
        ),
    ]
    return scenarios


REGISTRY_ENDS: dict[str, Op] = {
    "is stopped": ["halt", "R", "normal"],
    "is shut down": ["halt", "R", "shutdown"],
    "is killed": ["signal", "R", "kill"],
}


def _registry_ends() -> list[Scenario]:
    """What a registry's end does to owners, and to those who are none."""
    scenarios = []
    for what, end in REGISTRY_ENDS.items():
        scenarios += [
            Scenario(
                f"the owners of a registry that {what}",
                ("D70", "D72"),
                {"R": UNIQUE, "a": PROC, "t": TRAPPING, "b": PROC},
                [
                    at("a", ["reg", "R", "k", 1]),
                    at("t", ["reg", "R", "l", 2]),
                    at("b", end),
                    at("b", ["alive", "a"], ["alive", "t"], ["lookup", "R", "k"], ["lookup", "R", "l"]),
                ],
                differs=OUTLIVES,
            ),
            Scenario(
                f"those who own nothing of a registry that {what}",
                ("D16", "D21"),
                {"R": UNIQUE, "a": PROC, "t": TRAPPING, "b": PROC},
                [
                    at("a", ["reg", "R", "k", 1], ["unreg", "R", "k"]),
                    at("t", ["reg", "R", "k", 2]),
                    at("a", ["reg", "R", "k", 3]),
                    at("t", ["unreg", "R", "k"]),
                    at("b", end),
                    at("b", ["alive", "a"], ["alive", "t"]),
                ],
            ),
        ]
    # One that is killed leaves its partitions' names taken for a moment on OTP, so it may fail to restart (D91).
    scenarios += [
        Scenario(
            f"a registry that {what} and is restarted, and an owner that traps exits",
            ("D70", "D71", "D87"),
            {"S": {"kind": "sup", "children": [{"id": "R", **UNIQUE}]}, "a": TRAPPING, "b": PROC},
            [
                at("a", ["reg", "R", "k", 1]),
                at("b", end),
                at("b", ["reg", "R", "k", 2], ["lookup", "R", "k"]),
                at("a", ["unreg", "R", "k"], *SEEN),
            ],
            differs=OUTLIVES,
        )
        for what, end in list(REGISTRY_ENDS.items())[:2]
    ]
    scenarios += [
        Scenario(
            "what cleans up in a registry crashes, and owners",
            ("D60", "D70"),
            {"S": {"kind": "sup", "children": [{"id": "R", **UNIQUE}]}, "a": PROC, "t": TRAPPING, "b": PROC},
            [
                at("a", ["reg", "R", "k", 1]),
                at("t", ["reg", "R", "l", 2]),
                at("b", ["crash", "R"]),
                at("b", ["alive", "a"], ["alive", "t"], ["count", "R"], ["reg", "R", "k", 3], ["lookup", "R", "k"]),
                at("t", ["reg", "R", "l", 4], ["lookup", "R", "l"]),
            ],
            differs=OUTLIVES,
        ),
    ]
    scenarios += [
        Scenario(
            f"{restart} children that own keys of a registry that {what}",
            ("D86", "D89"),
            {
                "R": UNIQUE,
                "S": {"kind": "sup", "children": [{"id": "w", "kind": "server", "restart": restart}]},
                "b": PROC,
            },
            [at("w", ["reg", "R", "k", 1]), at("b", end), at("b", ["which_children", "S"])],
            differs=OUTLIVES,
        )
        for restart in ("transient", "permanent")
        for what, end in REGISTRY_ENDS.items()
    ]
    return scenarios


def _races() -> list[Scenario]:
    """Several at once; each of the ways in which it came out on OTP is stored."""
    rivals = ("a", "b", "c")
    actors = {"R": UNIQUE, **dict.fromkeys(rivals, PROC)}
    everybody = [(one, [["reg", "R", "k", one]]) for one in rivals]
    return [
        Scenario(
            "of three who want one key at once exactly one gets it",
            ("D76",),
            actors,
            [race(*everybody), at("a", ["lookup", "R", "k"], ["count", "R"])],
        ),
        Scenario(
            "of two who want a dead owner's key at once exactly one gets it",
            ("D76", "D79"),
            actors,
            [
                at("a", ["reg", "R", "k", 1]),
                at("b", ["freeze", "R"]),
                at("b", ["signal", "a", "kill"]),
                race(*everybody[1:]),
                at("b", ["lookup", "R", "k"], ["count", "R"], ["thaw", "R"]),
                at("b", ["lookup", "R", "k"], ["count", "R"]),
            ],
        ),
        Scenario(
            "a key that is given up as another wants it goes to that one or to nobody",
            ("D76", "D77"),
            actors,
            [
                at("a", ["reg", "R", "k", 1]),
                race(("a", [["unreg", "R", "k"]]), everybody[1]),
                at("c", ["lookup", "R", "k"]),
            ],
        ),
        Scenario(
            "an owner dies as another wants its key",
            ("D14", "D76"),
            actors,
            [
                at("a", ["reg", "R", "k", 1]),
                race(("a", [["exit", "boom"]]), ("b", [["reg", "R", "k", 2]])),
                at("c", ["reg", "R", "k", 3]),
            ],
        ),
    ]


SCENARIOS = [
    *_keys(),
    *_unique(),
    *_duplicate(),
    *_unknown(),
    *_owners(),
    *_ends(),
    *_late(),
    *_supervised(),
    *_registry_ends(),
    *_races(),
]
