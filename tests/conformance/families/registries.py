"""Registries: keys, their owners, and what becomes of both (rules D1 to D90)."""

from __future__ import annotations

from tests.conformance.language import Json, Newer, Op, Scenario, Step, advance, at, open_gate, race

__all__ = ["SCENARIOS"]

PROC: Json = {"kind": "proc"}
TRAPPING: Json = {"kind": "proc", "trap": True}
UNIQUE: Json = {"kind": "registry", "keys": "unique"}
DUPLICATE: Json = {"kind": "registry", "keys": "duplicate"}

REGISTRIES: dict[str, Json] = {"unique": UNIQUE, "duplicate": DUPLICATE}

SKIPPED = "reads skip owners that are gone, cleaned up or not (D26, D67)"
OUTLIVES = "the registry's table outlives its actor, and owners aren't linked to it (D60, D70, D71, D72, D86, D87, D89)"

UNIQUE_BY_DEFAULT = "keys are unique unless it is said otherwise (D1)"
STRINGS = "a name is a string (D2)"
NAMED = "a registry that has no name can't be made (D2)"
A_WORKER = "a registry is one actor, a child like any other (D8)"

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


def _bursts() -> list[Scenario]:
    """What becomes of the supervisor of owners, and of who tries again and again."""
    workers: list[Json] = [{"id": f"w{n}", "called": "w", "kind": "proc"} for n in range(5)]
    of_workers: Json = {"kind": "sup", "max_restarts": 3, "max_seconds": 5, "children": workers}
    return [
        Scenario(
            "what cleans up in a registry crashes, with five workers that own keys",
            ("D88",),
            {
                "top": {"kind": "sup", "children": [{"id": "R", **UNIQUE}, {"id": "W", **of_workers}]},
                "b": PROC,
            },
            [
                *[at(f"w#{n}", ["reg", "R", f"k{n}", n]) for n in range(1, 6)],
                at("b", ["count", "R"], ["crash", "R"]),
                at("b", ["count_children", "W"], ["count_children", "top"], ["count", "R"]),
            ],
            differs=OUTLIVES.replace("D60, ", "D60, D88, "),
        ),
        Scenario(
            "who wants a busy key is told so at once, each time, until its owner's end",
            ("D85", "D13", "D14"),
            {"R": UNIQUE, "a": PROC, "b": PROC},
            [
                at("a", ["reg", "R", "k", 1]),
                at("b", *[["reg", "R", "k", 2]] * 3, ["monitor", "a", "m1"]),
                at("a", ["exit", "boom"]),
                at("b", ["reg", "R", "k", 2], ["lookup", "R", "k"]),
            ],
        ),
    ]


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


def _unbuilt(what: str, rules: tuple[str, ...], registry: Json, *steps: Step, **actors: Json) -> Scenario:
    """One whose first rule isn't built yet."""
    return Scenario(what, rules, {"R": registry, "a": PROC, "b": PROC, **actors}, list(steps), not_yet=rules[0])


def _patterns() -> list[Scenario]:
    """Entries that are picked by patterns and conditions."""
    look: list[Op] = [["lookup", "R", "k"], ["keys", "R", "a"]]
    pairs = at("a", *[["reg", "R", "k", value] for value in ([1, "x"], [2, "x"], [2, "x"], [3, 3])])
    numbers = [
        at("a", *[["reg", "R", "k", n] for n in (1, 2, 3)]),
        at("b", ["reg", "R", "k", 9], ["reg", "R", "l", 9]),
        at("a", *[["reg", "R", "k", n] for n in (4, 5, 6)]),
    ]
    large: list[Json] = [[">", "$1", 3]]
    given_up: list[Scenario] = [
        _unbuilt(
            "of one's entries under a key those are given up that fit a pattern",
            ("D22",),
            DUPLICATE,
            pairs,
            *[at("a", ["unregister_match", "R", "k", pattern], *look) for pattern in ([9, "_"], [1, "_"], "_")],
        ),
        _unbuilt(
            "nobody can give up another's entries by a pattern",
            ("D22", "D20"),
            UNIQUE,
            at("a", ["reg", "R", "k", 1]),
            at("b", ["unregister_match", "R", "k", "_"], *SEEN),
        ),
        _unbuilt(
            "a number of another type doesn't fit a pattern",
            ("D22",),
            UNIQUE,
            at("a", ["reg", "R", "k", [2, "x", 2]], ["unregister_match", "R", "k", [2.0, "_", "_"]], *look),
            at("a", ["unregister_match", "R", "k", [2, "_", "_"]], *look),
        ),
        _unbuilt(
            "entries are given up by a condition, and the rest keeps its order",
            ("D22",),
            DUPLICATE,
            *numbers,
            at("a", ["unregister_match", "R", "k", "$1", large], ["values", "R", "k", "a"], *SEEN),
        ),
    ]
    picks: dict[str, tuple[tuple[str, ...], Op]] = {
        "all": (("D33",), ["match", "R", "k", "_"]),
        "by a part of their values": (("D33",), ["match", "R", "k", [2, "_"]]),
        "by two equal parts": (("D33",), ["match", "R", "k", ["$1", "$1"]]),
        "by the size of their values": (("D33",), ["match", "R", "k", ["_", "_", "_"]]),
        "by a number of another type": (("D33",), ["match", "R", "k", [2.0, "_"]]),
        "by two conditions": (("D33",), ["match", "R", "k", ["$1", "_"], [[">", "$1", 1], ["<", "$1", 3]]]),
        "by a condition that fails on some": (("D34",), ["match", "R", "k", ["_", "$1"], [[">", ["+", "$1", 1], 0]]]),
        "and counted": (("D34",), ["count_match", "R", "k", [2, "_"]]),
        "and counted by a condition that fails on all": (
            ("D34",),
            ["count_match", "R", "k", "$1", [[">", ["+", "$1", 1], 0]]],
        ),
        "by a condition that is none": (("D33",), ["match", "R", "k", "$1", [["nonsense", "$1"]]]),
    }
    picked = [
        _unbuilt(f"entries of a key are picked {what}", rules, DUPLICATE, pairs, at("b", op))
        for what, (rules, op) in picks.items()
    ]
    keys: list[Scenario] = [
        _unbuilt(
            "a key that looks like a wildcard is none",
            ("D33", "D24"),
            UNIQUE,
            at("a", *[["reg", "R", key, key] for key in ("a", "b", "_", "$1")]),
            at("a", ["match", "R", "_", "_"], ["match", "R", "$1", "_"], ["unregister_match", "R", "$1", "_"]),
            at("a", ["unreg", "R", "_"], ["count", "R"]),
        ),
        _unbuilt(
            "a key that is a map doesn't mean those that have more",
            ("D33", "D24"),
            UNIQUE,
            at("a", ["reg", "R", {"a": 1}, "small"], ["reg", "R", {"a": 1, "b": 2}, "large"]),
            at("a", ["match", "R", {"a": 1}, "_"], ["unreg", "R", {"a": 1}], ["lookup", "R", {"a": 1, "b": 2}]),
        ),
        _unbuilt(
            "a pattern that is a map fits values that have more",
            ("D33",),
            DUPLICATE,
            at("a", ["reg", "R", "k", {"a": 1}], ["reg", "R", "k", {"a": 1, "b": 2}], ["reg", "R", "k", {"b": 2}]),
            at("b", *[["count_match", "R", "k", pattern] for pattern in ({"a": 1}, {"b": "_"}, {})]),
        ),
    ]
    any_: Json = ["_", "_", "_"]
    selects: dict[str, list[Json]] = {
        "the first that fits decides": [[["k", "_", "_"], [], "first"], [any_, [], "second"]],
        "with what is to be seen of them": [[["$1", "$2", "$3"], [], ["$3", "$2", "$1"]]],
        "by their owners' values": [[["_", "_", "$1"], [[">", "$1", 1]], "$1"]],
        "in no way": [],
        "by what is no pattern of entries": [["_", [], "$_"]],
    }
    full = [at("a", ["reg", "R", "k", 1], ["reg", "R", "l", 2]), at("b", ["reg", "R", "m", 3])]
    selected = [
        _unbuilt(f"entries of all keys are selected, {what}", ("D35",), UNIQUE, *full, at("b", ["select", "R", specs]))
        for what, specs in selects.items()
    ]
    counts: dict[str, list[Json]] = {
        "all": [[any_, [], True]],
        "of one key, and then all": [[["k", "_", "_"], [], True], [any_, [], True]],
        "but those of which the first that fits says no": [[["k", "_", "_"], [], False], [any_, [], True]],
        "by what is no pattern of entries": [["_", [], True]],
    }
    counted = [
        _unbuilt(
            f"entries of all keys are counted, {what}", ("D35",), UNIQUE, *full, at("b", ["count_select", "R", specs])
        )
        for what, specs in counts.items()
    ]
    return [*given_up, *picked, *keys, *selected, *counted]


def _values() -> list[Scenario]:
    """What belongs to an entry, and to the registry itself."""
    mine = at("a", ["reg", "R", "k", 1])
    scenarios = [
        _unbuilt(
            f"the values that each has under a key of a {kind} registry",
            ("D29",),
            spec,
            at("a", ["reg", "R", "k", 1], ["reg", "R", "l", 2]),
            at("b", ["reg", "R", "k", 3]),
            at("a", ["reg", "R", "k", 1]),
            at("b", *[["values", "R", key, one] for key in ("k", "l", "m") for one in ("a", "b")]),
        )
        for kind, spec in REGISTRIES.items()
    ]
    updates: dict[str, tuple[tuple[str, ...], list[Step]]] = {
        "an owner replaces its value": (("D37",), [mine, at("a", ["update_value", "R", "k", [], 2], *SEEN)]),
        "nobody replaces another's value": (
            ("D37",),
            [mine, at("b", ["update_value", "R", "k", [["raise", "ouch"]], 2], *SEEN)],
        ),
        "nobody replaces the value of a key that nobody has": (
            ("D37",),
            [at("b", ["update_value", "R", "k", [["raise", "ouch"]], 2], *SEEN)],
        ),
        "an owner fails to replace its value, and keeps the old one": (
            ("D39",),
            [mine, at("a", ["catch", [["update_value", "R", "k", [["raise", "ouch"]], 2]]], *SEEN)],
        ),
        "an owner that gives up its key while it replaces the value has it all the same": (
            ("D80",),
            [mine, at("a", ["update_value", "R", "k", [["unreg", "R", "k"]], 2], ["lookup", "R", "k"], ["count", "R"])],
        ),
        "a value is replaced in who asks for that": (
            ("D39",),
            [mine, at("a", ["update_value", "R", "k", [["send", "b", "hello"], ["lookup", "R", "k"]], 2])],
        ),
    }
    scenarios += [_unbuilt(what, rules, UNIQUE, *steps) for what, (rules, steps) in updates.items()]
    scenarios += [
        _unbuilt(
            f"{whose} value in a duplicate registry can't be replaced",
            ("D38",),
            DUPLICATE,
            *steps,
            at("a", ["update_value", "R", "k", [], 2], *SEEN),
        )
        for whose, steps in {"one's own": [mine], "a free key's": []}.items()
    ]
    with_meta: Json = {**UNIQUE, "meta": {"a": 1, "b": None}}
    seen: list[Op] = [["meta", "R", key] for key in ("a", "b", "c")]
    scenarios += [
        _unbuilt("a registry begins with metadata", ("D5", "D40"), with_meta, at("a", *seen)),
        _unbuilt(
            "metadata outlive who has put them",
            ("D40",),
            UNIQUE,
            at("a", ["put_meta", "R", "a", 1], ["put_meta", "R", ["t", 1], 5], ["exit", "normal"]),
            at("b", *seen, ["meta", "R", ["t", 1]], ["count", "R"]),
        ),
        _unbuilt(
            "metadata are replaced and deleted by anybody",
            ("D40",),
            UNIQUE,
            at("a", ["put_meta", "R", "a", 1], ["put_meta", "R", "b", 2]),
            at("b", ["put_meta", "R", "a", 3], *seen, *[["delete_meta", "R", key] for key in ("b", "c")], *seen),
        ),
        _unbuilt(
            "a number is no key of metadata",
            ("D40",),
            UNIQUE,
            at("a", ["catch", [["put_meta", "R", 1, 1]]], ["catch", [["meta", "R", 1]]]),
        ),
        Scenario(
            "metadata outlive what cleans up in a registry, and not the registry",
            ("D41",),
            {"S": {"kind": "sup", "children": [{"id": "R", **with_meta}]}, "b": PROC},
            [
                at("b", ["put_meta", "R", "a", 2], ["put_meta", "R", "c", 3], ["crash", "R"]),
                at("b", *seen, ["halt", "R", "shutdown"]),
                at("b", *seen),
            ],
            not_yet="D41",
        ),
    ]
    scenarios += [
        _unbuilt(f"{what} in a registry that isn't there is an error", (rule, "D10"), UNIQUE, at("a", op))
        for what, rule, op in (
            ("reading metadata", "D40", ["meta", "X", "a"]),
            ("putting metadata", "D40", ["put_meta", "X", "a", 1]),
            ("picking entries", "D33", ["match", "X", "k", "_"]),
            ("reading an owner's values", "D29", ["values", "X", "k", "a"]),
            ("replacing a value", "D37", ["update_value", "X", "k", [], 1]),
            ("a dispatch", "D42", ["dispatch", "X", "k", []]),
            ("asking for a name", "D49", ["whereis", ["via", "X", "k"]]),
            ("asking by a name", "D49", ["call", ["via", "X", "k"], []]),
            ("starting under a name", "D49", ["start", "s", {"kind": "server", "name": ["via", "X", "k"]}]),
        )
    ]
    return scenarios


def _refused() -> list[Scenario]:
    """Registries that can't be started, and what a child spec says of one that can."""
    specs: dict[str, tuple[str, Json]] = {
        "without partitions": ("D3", {**UNIQUE, "partitions": 0}),
        "with metadata that have no keys": ("D5", {**UNIQUE, "meta": [1]}),
        "with metadata in a map": ("D5", {**UNIQUE, "meta": ["a_map", {"a": 1}]}),
        "with metadata under a key of two parts": ("D5", {**UNIQUE, "meta": [[["t", 1], 5]]}),
        "with a listener that is no name": ("D4", {**UNIQUE, "listeners": ["a_pid"]}),
        "that is to be compressed once": ("D6", {**UNIQUE, "compressed": 1}),
    }
    named: dict[str, tuple[str, Json, str]] = {
        "of no kind": ("D1", {"kind": "registry"}, UNIQUE_BY_DEFAULT),
        "of a duplicate kind that there isn't": ("D1", {"kind": "registry", "keys": ["duplicate", "value"]}, ""),
        "without a name": ("D2", {**UNIQUE, "called": None}, ""),
        "with a text as its name": ("D2", {**UNIQUE, "called": "text"}, STRINGS),
    }
    return [
        Scenario(
            "a registry of another kind can't be started",
            ("D1",),
            {"a": PROC},
            [at("a", ["start", "S", {"kind": "registry", "keys": "shared"}], ["lookup", "S", "k"])],
        ),
        *[
            Scenario(
                f"a registry {what} can't be started",
                (rule,),
                {"a": PROC},
                [at("a", ["start", "S", spec], ["lookup", "S", "k"])],
                differs=differs,
            )
            for what, (rule, spec, differs) in named.items()
        ],
        Scenario(
            "a child spec of a registry is named like it",
            ("D7", "D8"),
            {"a": PROC},
            [at("a", ["registry_spec", {"name": "n", "keys": "unique"}])],
            differs=A_WORKER,
        ),
        Scenario(
            "a child spec of a registry without a name",
            ("D2", "D7"),
            {"a": PROC},
            [at("a", ["registry_spec", {"keys": "unique"}])],
            differs=NAMED,
        ),
        *[
            _unbuilt(
                f"a registry {what} can't be started", (rule,), UNIQUE, at("a", ["start", "S", spec], ["whereis", "S"])
            )
            for what, (rule, spec) in specs.items()
        ],
    ]


def _dispatch() -> list[Scenario]:
    """A function is called with the entries of a key."""
    split: Json = {**DUPLICATE, "partitions": 4}
    kinds = {**REGISTRIES, "split duplicate": split}
    ways = {"dispatch": "", "dispatch_parallel": ", in tasks where there may be some"}
    fill = at("a", ["reg", "R", "k", 1], ["reg", "R", "k", 2], ["reg", "R", "l", 3])
    scenarios = [
        _unbuilt(
            f"a dispatch calls with the entries of a key of a {kind} registry{how}",
            ("D45" if how else "D44" if spec == split else "D42", "D42"),
            spec,
            fill,
            at("b", [way, "R", "k", []]),
        )
        for kind, spec in kinds.items()
        for way, how in ways.items()
    ]
    scenarios += [
        _unbuilt(
            f"a dispatch calls nothing for a key that nobody has{how}",
            ("D43",),
            split,
            fill,
            at("b", [way, "R", "m", [["raise", "ouch"]]]),
        )
        for way, how in ways.items()
    ]
    scenarios += [
        _unbuilt(
            "a dispatch calls once with all entries of a key that several have",
            ("D44",),
            DUPLICATE,
            fill,
            at("b", ["reg", "R", "k", 4]),
            at("b", ["dispatch", "R", "k", []]),
        ),
        _unbuilt(
            "what a dispatch calls may send to the owners, who hear nothing else of it",
            ("D42",),
            DUPLICATE,
            fill,
            at("b", ["dispatch", "R", "k", [["send", "a", "hello"]]]),
        ),
        _unbuilt(
            "an error in a dispatch reaches who began it",
            ("D46",),
            split,
            fill,
            at("b", ["catch", [["dispatch", "R", "k", [["raise", "ouch"]]]]], ["count", "R"]),
        ),
        _unbuilt(
            "who doesn't expect an error in a dispatch dies of it",
            ("D46",),
            DUPLICATE,
            fill,
            at("b", ["dispatch", "R", "k", [["raise", "ouch"]]]),
        ),
        _unbuilt(
            "what a dispatch calls may register, and give up",
            ("D48",),
            DUPLICATE,
            fill,
            at("b", ["dispatch", "R", "k", [["reg", "R", "k", 9], ["lookup", "R", "k"]]]),
            at("a", ["dispatch", "R", "k", [["unreg", "R", "k"], ["lookup", "R", "k"]]]),
            at("b", ["dispatch", "R", "k", []]),
        ),
    ]
    return scenarios


def _split() -> list[Scenario]:
    """A registry in partitions shows the same of single keys."""
    return [
        _unbuilt(
            f"a {kind} registry in partitions",
            ("D3",),
            {**spec, "partitions": 4},
            at("a", ["reg", "R", "k", 1], ["reg", "R", "l", 2]),
            at("b", ["reg", "R", "m", 3], *SEEN, ["lookup", "R", "m"]),
            at("b", ["unreg", "R", "m"], ["unreg", "R", "k"], *SEEN),
            at("a", ["unreg", "R", "k"], ["exit", "boom"]),
            at("b", *SEEN, ["lookup", "R", "l"]),
        )
        for kind, spec in REGISTRIES.items()
    ]


def _placed() -> list[Scenario]:
    """Which partition looks after which owner, and what it takes along."""
    unique: Json = {**UNIQUE, "partitions": 4}
    duplicate: Json = {**DUPLICATE, "partitions": 4}
    kinds = {"unique": unique, "duplicate": duplicate}

    def owner(place: int, **spec: Json) -> Json:
        return {**PROC, "falls_into": [place, 4], **spec}

    keys = [f"k{number}" for number in range(16)]
    mine = [at("a", ["reg", "R", "k", 1]), at("c", ["reg", "R", "l", 2])]
    seen = at("b", ["lookup", "R", "k"], ["lookup", "R", "l"], ["count", "R"])
    both = [at("a", ["reg", "R", "k", 1]), at("c", ["reg", "R", "k", 2])]
    scenarios = [
        *[
            _unbuilt(
                f"all keys of an owner of a {kind} registry are looked after by one partition",
                ("D9",),
                spec,
                at("a", ["count", "R"], ["spread", "R", keys], ["count", "R"]),
            )
            for kind, spec in kinds.items()
        ],
        *[
            _unbuilt(
                f"a {kind} registry is a supervisor of so many partitions",
                ("D3", "D8"),
                spec,
                at("a", ["count_children", "R"]),
            )
            for kind, spec in kinds.items()
        ],
        *[
            _unbuilt(
                f"a partition of a {kind} registry crashes, whose owners {what}",
                ("D3", "D60", "D70"),
                spec,
                *mine,
                at("b", ["crash_of", "R", "a", "own"]),
                seen,
                a=owner(0, **way),
                c=owner(1, **way),
            )
            for kind, spec in kinds.items()
            for what, way in (("trap exits", {"trap": True}), ("don't", {}))
        ],
        *[
            _unbuilt(
                f"a partition of a {kind} registry crashes that looks after nobody",
                ("D3", "D60"),
                spec,
                mine[0],
                at("b", ["crash_of", "R", "a", "other"]),
                at("b", ["lookup", "R", "k"], ["count", "R"]),
                a={**PROC, "trap": True},
            )
            for kind, spec in kinds.items()
        ],
        _unbuilt(
            "a dispatch calls once for each partition that has owners of the key, the last one first",
            ("D44",),
            duplicate,
            *both,
            at("b", ["dispatch", "R", "k", []]),
            a=owner(0),
            c=owner(3),
        ),
        _unbuilt(
            "an error in a dispatch passes over the partitions that are left",
            ("D46", "D44"),
            duplicate,
            *both,
            at("b", ["catch", [["dispatch", "R", "k", [["raise", "ouch"]]]]]),
            a=owner(0),
            c=owner(3),
        ),
    ]
    fails = [["gate", "g"], ["raise", "ouch"]]
    scenarios += [
        _unbuilt(
            f"an error in a task of a dispatch, of one that {what}",
            ("D47",),
            {**DUPLICATE, "partitions": 2},
            at("a", ["reg", "R", "k", 1]),
            at("b", ["catch", [["dispatch_parallel", "R", "k", fails]]], ["note", "on"]),
            open_gate("g"),
            a={**PROC, "falls_into": [0, 2]},
            b={**PROC, **way},
        )
        for what, way in (("doesn't trap exits", {}), ("traps exits", {"trap": True}))
    ]
    return scenarios


def _newer() -> list[Scenario]:
    """What a newer Elixir's Registry has: locks, and duplicate registries that are split by keys or by owners."""
    done: Json = ["did", "lock", "done"]
    failed: Json = ["did", "catch", ["error"]]

    def lock(*ops: Op, key: str = "k") -> Op:
        return ["catch", [["lock", "R", key, list(ops)]]]

    def seen(epoch: int, who: str, *what: Json) -> Json:
        return [epoch, f"{who}#1", f"{who}#1", list(what)]

    def note(number: int) -> Json:
        return ["note", number]

    def locks(what: str, rules: tuple[str, ...], steps: list[Step], told: list[Json]) -> Scenario:
        why = "a registry has locks (D61, D62, D63, D64, D65)"
        people = {"R": UNIQUE, **dict.fromkeys("abcdm", PROC)}
        return Scenario(what, rules, people, steps, newer=Newer("Elixir 1.19", why, tuple(told)), not_yet=rules[0])

    held = at("a", lock(["gate", "g"], note(1)))
    waits = [at(who, lock(note(number))) for number, who in enumerate("bc", 2)]
    free = open_gate("g")
    scenarios = [
        locks(
            "a lock keeps off who wants the same one, and nobody else",
            ("D61",),
            [held, waits[0], at("c", lock(note(3), key="l")), free],
            [
                seen(1, "a"),
                seen(2, "b"),
                seen(3, "c", note(3), done),
                seen(4, "a", note(1), done),
                seen(4, "b", note(2), done),
            ],
        ),
        locks(
            "the keys of locks are not those that are registered",
            ("D61",),
            [
                at("b", ["reg", "R", "k", 1]),
                at("a", lock(["reg", "R", "k", 2], ["keys", "R", "a"], ["count", "R"])),
            ],
            [
                seen(
                    2,
                    "a",
                    ["did", "reg", ["already_registered", "b#1"]],
                    ["did", "keys", []],
                    ["did", "count", 1],
                    done,
                )
            ],
        ),
        locks(
            "a lock is free when its holder's function raises",
            ("D62",),
            [at("a", lock(["gate", "g"], ["raise", "ouch"])), waits[0], free],
            [seen(1, "a"), seen(2, "b"), seen(3, "a", failed), seen(3, "b", note(2), done)],
        ),
        locks(
            "a lock is free when its holder's function exits",
            ("D62",),
            [at("a", lock(["gate", "g"], ["exit", "boom"])), waits[0], free],
            [seen(1, "a"), seen(2, "b"), seen(3, "a", ["did", "catch", ["exit", "boom"]]), seen(3, "b", note(2), done)],
        ),
        locks(
            "a lock is free when its holder is killed",
            ("D62",),
            [held, waits[0], at("m", ["signal", "a", "kill"])],
            [seen(1, "a"), seen(2, "b"), seen(3, "b", note(2), done)],
        ),
        locks(
            "who was killed while it waited for a lock is passed over",
            ("D62",),
            [held, *waits, at("m", ["signal", "b", "kill"]), free],
            [seen(1, "a"), seen(2, "b"), seen(3, "c"), seen(5, "a", note(1), done), seen(5, "c", note(3), done)],
        ),
        locks(
            "who waits for a lock has it in turn",
            ("D62",),
            [held, *[at(who, lock(note(who), ["gate", who])) for who in "bcd"], free, *map(open_gate, "bcd")],
            [
                *[seen(epoch, who) for epoch, who in enumerate("abcd", 1)],
                seen(5, "a", note(1), done),
                seen(5, "b", note("b")),
                seen(6, "b", done),
                seen(6, "c", note("c")),
                seen(7, "c", done),
                seen(7, "d", note("d")),
                seen(8, "d", done),
            ],
        ),
        locks(
            "who has a lock and asks for it again waits for itself, as long as one waits",
            ("D63", "D64"),
            [at("a", lock(lock(note(1)), note(2))), advance(115), advance(20)],
            [seen(1, "a"), seen(3, "a", ["did", "catch", ["exit", ["call_exit", "timeout"]]], note(2), done)],
        ),
        locks(
            "who gave up waiting for a lock has it later, and doesn't know",
            ("D64",),
            [held, waits[0], advance(135), free, waits[1]],
            [
                seen(1, "a"),
                seen(2, "b"),
                seen(3, "b", ["did", "catch", ["exit", ["call_exit", "timeout"]]]),
                seen(4, "a", note(1), done),
                seen(5, "c"),
            ],
        ),
        locks(
            "what watches over a lock crashes: its holder goes on, who waits fails, and the next has it at once",
            ("D65",),
            [held, waits[0], at("m", ["crash", "R"]), waits[1], free],
            [
                seen(1, "a"),
                seen(2, "b"),
                seen(3, "b", ["did", "catch", ["exit", ["call_exit", "killed"]]]),
                seen(4, "c", note(3), done),
                seen(5, "a", note(1), done),
            ],
        ),
    ]
    scenarios += [
        Scenario(
            f"the keys of an owner of a duplicate registry that is split by {by} are looked after by {how_many}",
            ("D9",),
            {"a": PROC},
            [
                at("a", ["start", "S", {"kind": "registry", "keys": ["duplicate", kind], "partitions": 4}]),
                at("a", ["catch", [["spread", "S", [f"k{number}" for number in range(16)]]]]),
            ],
            newer=Newer(
                "Elixir 1.19",
                "a duplicate registry may be split by keys as well as by owners (D9)",
                (seen(1, "a", ["did", "start", "ok"]), seen(2, "a", ["did", "spread", partitions])),
            ),
            not_yet="D9",
        )
        for by, kind, how_many, partitions in (
            ("owners", "pid", "one partition", 1),
            ("keys", "key", "all partitions", 4),
        )
    ]
    return scenarios


def _names() -> list[Scenario]:
    """Keys of a registry as the names of actors."""
    name: Json = ["via", "R", "k"]

    def named(*init: Op, to: Json = name) -> Json:
        return {"kind": "server", "name": to, "init": list(init)}

    def asked(to: Json = name) -> Op:
        return ["call", to, [["reply", "hello"]]]

    before: list[Step] = [at("a", ["start", "s", named()]), at("b", ["freeze", "R"], ["signal", "s", "kill"])]
    thaw = at("b", ["thaw", "R"])
    tables: dict[str, tuple[tuple[str, ...], list[Step]]] = {
        "a server has a key as its name": (
            ("D49",),
            [
                at("a", ["start", "s", named()], asked(), ["whereis", name], ["lookup", "R", "k"], ["keys", "R", "s"]),
                at("b", ["cast", name, [["note", "hi"]]], ["send", name, "hello"], ["halt", name, "normal"]),
                at("b", ["whereis", name], ["lookup", "R", "k"]),
            ],
        ),
        "a server's name brings a value, which doesn't count when it is asked": (
            ("D49",),
            [
                at("a", ["start", "s", named(to=[*name, "v"])], ["lookup", "R", "k"]),
                at("b", asked([*name, "other"]), asked(), ["lookup", "R", "k"]),
            ],
        ),
        "an actor that has registered a key itself is asked by it": (
            ("D49",),
            [
                at("a", ["start", "s", {"kind": "server", "init": [["reg", "R", "k", 1]]}]),
                at("b", asked(), ["whereis", name]),
            ],
        ),
        "a second server can't have a key as its name, and isn't begun": (
            ("D51",),
            [at("a", ["start", "s", named()], ["start", "t", named(["send", "b", "init"])], asked())],
        ),
        "a server can't have a key as its name that an actor has registered": (
            ("D51",),
            [at("a", ["reg", "R", "k", 1], ["start", "s", named()], ["lookup", "R", "k"])],
        ),
        "a server has its name before its init begins": (("D50",), [at("a", ["start", "s", named(["whereis", name])])]),
        "a server that is in its init has its name, and answers when that is over": (
            ("D50",),
            [
                at("a", ["start", "s", named(["gate", "g"])]),
                at("b", ["start", "t", named()], asked()),
                open_gate("g"),
            ],
        ),
        "asking through a key that nobody has": (
            ("D55",),
            [at("a", op) for op in (["whereis", name], asked(), ["halt", name, "normal"], ["cast", name, []])],
        ),
        "sending through a key that nobody has": (("D55",), [at("a", ["send", name, "hello"])]),
        "a server is stopped, and started under the same key, again and again": (
            ("D54",),
            [at("a", *[["start", "s", named()], ["halt", "s", "normal"]] * 3, ["start", "s", named()], asked())],
        ),
        "a dead owner's key names nobody before the clean-up": (
            ("D27",),
            [*before, at("b", ["whereis", name], asked()), thaw, at("b", ["whereis", name], ["lookup", "R", "k"])],
        ),
        "a dead owner's key is a name for the next before the clean-up": (
            ("D54",),
            [*before, at("b", ["start", "t", named()], asked()), thaw, at("b", asked(), ["lookup", "R", "k"])],
        ),
        "what is sent through a dead owner's key before the clean-up goes nowhere": (
            ("D56",),
            [*before, at("b", ["send", name, "hello"]), thaw, at("b", ["send", name, "hello"])],
        ),
    }
    failures: dict[str, Op] = {
        "stops": ["stop", "boom"],
        "is ignored": ["ignore"],
        "raises": ["raise", "ouch"],
    }
    return [
        *[_unbuilt(what, rules, UNIQUE, *steps) for what, (rules, steps) in tables.items()],
        *[
            _unbuilt(
                f"a server whose init {what} has no name when its starter hears of it",
                ("D53",),
                UNIQUE,
                at("a", ["start", "s", named(failure)], ["lookup", "R", "k"], ["start", "t", named()]),
            )
            for what, failure in failures.items()
        ],
        _unbuilt(
            "a key of a duplicate registry is no name",
            ("D57",),
            DUPLICATE,
            at("a", ["start", "s", named()], asked(), ["catch", [["whereis", name]]]),
        ),
    ]


def _listeners() -> list[Scenario]:
    """Those who are told of registrations."""
    told: Json = {"listeners": ["l"]}
    listener: Json = {"kind": "proc", "name": "l"}
    one: Op = ["reg", "R", "k", 1]
    pairs = at("a", *[["reg", "R", "k", value] for value in ([1, "x"], [2, "x"], [2, "x"])])
    tables: dict[str, tuple[tuple[str, ...], Json, list[Step]]] = {
        "a listener is told of registrations and their ends, in their order": (
            ("D58", "D4"),
            UNIQUE,
            [at("a", one, ["unreg", "R", "k"], ["reg", "R", "l", 2]), at("b", ["reg", "R", "k", 3])],
        ),
        "a listener has been told when the registration is over": (
            ("D58",),
            UNIQUE,
            [at("a", one, ["send", "l", "after"], ["unreg", "R", "k"], ["send", "l", "over"])],
        ),
        "a listener isn't told of an owner's end": (("D59",), UNIQUE, [at("a", one, ["exit", "boom"])]),
        "a listener isn't told of a refusal": (("D59",), UNIQUE, [at("a", one), at("b", one)]),
        "a listener isn't told of a new value": (
            ("D59", "D39"),
            UNIQUE,
            [at("a", one, ["update_value", "R", "k", [], 2])],
        ),
        "a listener is told when one gives up what it doesn't have": (
            ("D59a",),
            UNIQUE,
            [at("a", ["unreg", "R", "k"], ["unregister_match", "R", "k", "_"])],
        ),
        "a listener is told once of several entries that are given up": (
            ("D59a",),
            DUPLICATE,
            [pairs, at("a", ["unreg", "R", "k"])],
        ),
        "a listener is told of what is given up by a pattern when it was all": (
            ("D23",),
            DUPLICATE,
            [pairs, *[at("a", ["unregister_match", "R", "k", pattern]) for pattern in ([9, "_"], [1, "_"], "_")]],
        ),
    }
    return [
        *[_unbuilt(what, rules, {**spec, **told}, *steps, l=listener) for what, (rules, spec, steps) in tables.items()],
        _unbuilt(
            "a listener that isn't there fails the registration that is told to it, though it stands",
            ("D59b",),
            {**UNIQUE, "listeners": ["l", "ghost", "l"]},
            at("a", one, *SEEN, ["unreg", "R", "k"], *SEEN),
            l=listener,
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
    *_bursts(),
    *_races(),
    *_refused(),
    *_patterns(),
    *_values(),
    *_dispatch(),
    *_split(),
    *_placed(),
    *_newer(),
    *_names(),
    *_listeners(),
]
