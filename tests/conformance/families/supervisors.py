"""Supervisors: specs, starts, restarts, intensity, retries, shutdown, calls, and their own ends (rules B1 to B91)."""

from __future__ import annotations

from tests.conformance.language import Json, Op, Scenario, Step, advance, at, open_gate

__all__ = ["SCENARIOS"]

PROC: Json = {"kind": "proc"}
TRAPPING: Json = {"kind": "proc", "trap": True}

STRATEGIES = ("one_for_one", "one_for_all", "rest_for_one")
RESTARTS = ("permanent", "transient", "temporary")

ENDS: dict[str, list[Op]] = {
    "normal": [["stop", "normal"]],
    "shutdown": [["stop", "shutdown"]],
    "shutdown with a detail": [["stop", ["shutdown", 1]]],
    "a reason of its own": [["exit", "boom"]],
    "an exception": [["raise", "ouch"]],
    "a reason called killed": [["exit", "killed"]],
    "a list that begins with shutdown": [["exit", ["shutdown", 1, 2]]],
}

FAILURES: dict[str, Json] = {
    "stops in its init": {"init": [["stop", "nope"]]},
    "exits in its init": {"init": [["exit", "nope"]]},
    "raises in its init": {"init": [["raise", "ouch"]]},
    "returns what no init may": {"init": [["bad", "weird"]]},
    "is stopped as by a shutdown in its init": {"init": [["stop", "shutdown"]]},
    "stops normally in its init": {"init": [["stop", "normal"]]},
    "has a start function that raises": {"start": ["raise", "ouch"]},
    "has a start function that exits": {"start": ["exit", "nope"]},
    "has a start function that returns no actor": {"start": ["return", "weird"]},
}


def child(label: str, /, *init: Op, trap: bool = True, **spec: Json) -> Json:
    """A server as a child: it traps exits, so that its terminate shows."""
    return {"id": label, "kind": "server", "trap": trap, **({"init": list(init)} if init else {}), **spec}


def sup(*children: Json, **spec: Json) -> Json:
    """A supervisor."""
    return {"kind": "sup", "children": list(children), **spec}


def sub(label: str, /, *children: Json, **spec: Json) -> Json:
    """A supervisor as a child."""
    return {"id": label, **sup(*children, **spec)}


def crash(*names: str) -> list[Step]:
    """Have children crash, each when all has come of the crash before."""
    return [at(name, ["exit", "boom"]) for name in names]


def look(sup_: str = "sup") -> Step:
    """See what a supervisor says of its children."""
    return at("m", ["which_children", sup_], ["count_children", sup_])


def scene(name: str, rules: tuple[str, ...], supervisor: Json, *steps: Step, **others: Json) -> Scenario:
    """A supervisor, `sup`, that runs, and three bystanders, m, n and o; after all, what it says of its children."""
    actors = {"m": PROC, "n": PROC, "o": PROC, "sup": supervisor}
    return Scenario(name, rules, actors, [*steps, look()], **others)


def started(name: str, rules: tuple[str, ...], supervisor: Json, *steps: Step, **others: Json) -> Scenario:
    """A supervisor, `sup`, that a bystander, n, starts: the start may fail, or take its time."""
    actors = {"m": PROC, "n": PROC, "o": PROC}
    return Scenario(name, rules, actors, [at("n", ["start", "sup", supervisor]), *steps], **others)


def busy(sup_: str = "sup", gate: str = "busy") -> Step:
    """Keep a supervisor busy with a start, of which nothing remains, until a gate is opened."""
    nobody = child("nobody", ["gate", gate], ["ignore"], restart="temporary")
    return at("o", ["start_child", sup_, nobody])


FREE = open_gate("busy")

KILL_B = at("m", ["signal", "b", "kill"])


def _specs() -> list[Scenario]:
    bad: dict[str, Json] = {
        "a restart type that there isn't": {"restart": "often"},
        "a shutdown that there isn't": {"shutdown": "soon"},
        "a type that there isn't": {"type": "idler"},
    }
    scenarios = []
    for what, field in bad.items():
        scenarios += [
            started(f"a start with {what}", ("B2", "B3"), sup(child("a"), child("b", **field))),
            scene(
                f"a child to be added has {what}",
                ("B2", "B3", "B71"),
                sup(child("a")),
                at("m", ["start_child", "sup", child("b", **field)]),
            ),
        ]
    options: dict[str, Json] = {
        "a strategy that there isn't": {"strategy": "one_for_two"},
        "a max_restarts below none": {"max_restarts": -1},
        "a max_seconds of none": {"max_seconds": 0},
    }
    scenarios += [
        started(f"a start with {what}", ("B8",), sup(child("a"), **option)) for what, option in options.items()
    ]
    scenarios += [
        started("a start with an id that stands twice", ("B4",), sup(child("a"), child("a"))),
        started(
            "a start with an id that stands twice, once temporary",
            ("B4",),
            sup(child("a"), child("a", restart="temporary")),
        ),
        scene("a child is permanent unless it says otherwise", ("B1", "B19"), sup(child("a")), *ENDED_NORMALLY),
        scene(
            "a worker has five seconds to end unless it says otherwise",
            ("B1", "B59"),
            sup(child("a", terminate=[["gate", "g"]])),
            at("n", ["terminate_child", "sup", "a"]),
            advance(115),
            advance(20),
        ),
        scene(
            "a supervisor as a child has all the time to end unless it says otherwise",
            ("B1", "B7", "B59"),
            sup(sub("s", child("a", terminate=[["gate", "g"]], shutdown="infinity"))),
            at("n", ["terminate_child", "sup", "s"]),
            advance(135),
            open_gate("g"),
        ),
        scene(
            "three restarts in five seconds are allowed unless it says otherwise",
            ("B8", "B36"),
            sup(child("a"), child("b")),
            *crash("a", "a", "a"),
            look(),
            *crash("a"),
        ),
        scene(
            "three restarts in each five seconds are allowed unless it says otherwise",
            ("B8", "B37"),
            sup(child("a"), child("b")),
            *crash("a", "a", "a"),
            advance(155),
            *crash("a", "a", "a"),
            look(),
            *crash("a"),
        ),
    ]
    return scenarios


ENDED_NORMALLY = [at("a", ["stop", "normal"])]


def _starts() -> list[Scenario]:
    scenarios = []
    for what, failing in FAILURES.items():
        scenarios.append(
            started(
                f"a start whose third child {what}",
                ("B10", "B11", "B13", "B61"),
                sup(child("a"), child("b"), child("c", **failing), child("d")),
                at("m", ["note", "on"]),
            )
        )
    scenarios += [
        started(
            f"a start whose {restart} child fails",
            ("B13",),
            sup(child("a"), child("b", ["stop", "nope"], restart=restart), strategy=strategy),
        )
        for restart, strategy in zip(RESTARTS, STRATEGIES, strict=True)
    ]
    scenarios += [
        started(
            "a child starts when the one before is up, and the supervisor when all are",
            ("B10",),
            sup(child("a"), child("b", ["gate", "g"]), child("c", ["gate", "h"])),
            open_gate("g"),
            open_gate("h"),
            look(),
        ),
        started(
            "a supervisor that starts answers when it is up",
            ("B10", "B70"),
            sup(child("a"), child("b", ["gate", "g"])),
            at("m", ["which_children", "sup"]),
            open_gate("g"),
        ),
        started(
            "no restart is tried in a start that fails, whatever is allowed",
            ("B13",),
            sup(child("a"), child("b", ["on", 1, [["stop", "nope"]]]), max_restarts=9),
        ),
        started(
            "a start that fails gives a child its time to end",
            ("B13", "B59"),
            sup(child("a", terminate=[["gate", "g"]], shutdown=4), child("b", ["stop", "nope"])),
            advance(2),
            advance(4),
        ),
        started(
            "a start that fails ends a stopped, a temporary and a transient child alike",
            ("B13",),
            sup(
                child("a", restart="temporary"),
                child("b", restart="transient"),
                child("c", trap=False),
                child("d", ["raise", "ouch"]),
            ),
        ),
        started(
            "reasons of failed starts nest",
            ("B14",),
            sup(child("a"), sub("mid", child("b"), sub("low", child("c"), child("w", ["stop", "nope"])))),
        ),
        started(
            "a name that is taken starts nothing",
            ("B17",),
            sup(child("a"), name="taken"),
            at("m", ["start", "other", sup(child("b"), name="taken")]),
            look(),
        ),
        started("a supervisor ignores its own start", ("B16",), sup(child("a"), init=[["ignore"]])),
        started("a supervisor raises in its own init", ("B16",), sup(child("a"), init=[["raise", "ouch"]])),
        started("a supervisor exits in its own init", ("B16",), sup(child("a"), init=[["exit", "nope"]])),
        started(
            "a supervisor whose init ignores, as a child",
            ("B12", "B16"),
            sup(child("a"), sub("s", child("w"), init=[["ignore"]]), child("b")),
            look(),
        ),
        started(
            "a supervisor that fails in its init, as a child",
            ("B13", "B16"),
            sup(child("a"), sub("s", child("w"), init=[["raise", "ouch"]]), child("b")),
        ),
        started(
            "a supervisor without children", ("B10", "B76", "B77"), sup(), look(), at("m", ["halt", "sup", "normal"])
        ),
    ]
    scenarios += [
        started(
            f"a {restart} child ignores its start",
            ("B12",),
            sup(child("a"), child("b", ["on", 1, [["ignore"]]], restart=restart), child("c")),
            look(),
            at("m", ["restart_child", "sup", "b"]),
            look(),
        )
        for restart in RESTARTS
    ]
    scenarios += [
        started(
            f"a child dies while a sibling is started, under {strategy}",
            ("B15",),
            sup(child("a"), child("b", ["on", 1, [["gate", "g"]]]), child("c"), strategy=strategy),
            *crash("a"),
            open_gate("g"),
            look(),
        )
        for strategy in STRATEGIES
    ]
    scenarios += [
        started(
            "a child that dies while a sibling fails to start is not reason enough",
            ("B13", "B15"),
            sup(child("a"), child("b"), child("c", ["gate", "g"], ["stop", "nope"])),
            *crash("a"),
            open_gate("g"),
        ),
        Scenario(
            "a child that dies while a sibling is started, and no restart is allowed",
            ("B15", "B36", "B46"),
            {"n": TRAPPING},
            [
                at("n", ["start", "sup", sup(child("a"), child("b", ["gate", "g"]), max_restarts=0), "link"]),
                *crash("a"),
                open_gate("g"),
            ],
        ),
    ]
    return scenarios


def _restart_types() -> list[Scenario]:
    scenarios = []
    for restart in RESTARTS:
        for what, ops in ENDS.items():
            scenarios.append(
                scene(
                    f"a {restart} child ends by {what}",
                    ("B19", "B23", "B24"),
                    sup(child("a"), child("b", restart=restart), child("c")),
                    at("b", *ops),
                )
            )
        scenarios += [
            scene(
                f"a {restart} child is killed",
                ("B19",),
                sup(child("a"), child("b", restart=restart), child("c")),
                KILL_B,
            ),
            scene(
                f"a {restart} child that doesn't trap exits gets a shutdown from a stranger",
                ("B19",),
                sup(child("a"), child("b", restart=restart, trap=False), child("c")),
                at("m", ["signal", "b", "shutdown"]),
            ),
        ]
    for strategy in ("one_for_all", "rest_for_one"):
        scenarios += [
            scene(
                f"an end by {what} of a {restart} child touches nobody under {strategy}",
                ("B19", "B22"),
                sup(child("a"), child("b", restart=restart), child("c"), strategy=strategy),
                at("b", *ENDS[what]),
            )
            for restart, what in (
                ("transient", "normal"),
                ("transient", "shutdown with a detail"),
                ("temporary", "a reason of its own"),
            )
        ]
    scenarios += [
        scene(
            "a transient child that ended keeps its place, and is started by hand",
            ("B21", "B71", "B74"),
            sup(child("a"), child("b", restart="transient"), child("c")),
            at("b", ["stop", "normal"]),
            at("m", ["start_child", "sup", child("b")], ["restart_child", "sup", "b"], ["restart_child", "sup", "b"]),
            *crash("b"),
        ),
        scene(
            "a temporary child that ended is forgotten, and its id can be used again",
            ("B19", "B31", "B78"),
            sup(child("a"), child("b", restart="temporary"), child("c")),
            *crash("b"),
            at("m", ["terminate_child", "sup", "b"], ["restart_child", "sup", "b"], ["delete_child", "sup", "b"]),
            at("m", ["start_child", "sup", child("b")]),
        ),
        scene(
            "a restarted server begins with a new state",
            ("B24",),
            sup(child("a", ["push", 1])),
            at("m", ["call", "a", [["push", 2], ["reply_state"]]]),
            *crash("a"),
            at("m", ["call", "a", [["reply_state"]]]),
        ),
        scene(
            "a restarted agent begins with a new state",
            ("B24",),
            sup({"id": "a", "kind": "agent", "init": [["push", 1]]}),
            at("m", ["update", "a", [["push", 2]]], ["get", "a", []], ["signal", "a", "kill"]),
            at("m", ["get", "a", []]),
        ),
        scene(
            "a name passes on to the child that is restarted",
            ("B24",),
            sup(child("a", name="worker")),
            at("m", ["call", "@worker", [["reply", 1]]]),
            *crash("a"),
            at("m", ["whereis", "worker"], ["call", "@worker", [["reply", 2]]]),
        ),
    ]
    return scenarios


SCENARIOS = [*_specs(), *_starts(), *_restart_types()]
