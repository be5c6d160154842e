"""Supervisors: specs, starts, restarts, intensity, retries, shutdown, calls, their own ends (rules B1 to B91).

What they report (B93 to B97) shows in all of them.
"""

from __future__ import annotations

from tests.conformance.language import Json, Op, Scenario, Step, advance, at, open_gate

__all__ = ["SCENARIOS"]

PROC: Json = {"kind": "proc"}
TRAPPING: Json = {"kind": "proc", "trap": True}

AT_ONCE = "what doesn't trap exits and gets no time to end is killed, though nothing is reported (B60)"
LINKED = "a supervisor links what a start function has not (B67)"
TRUE_REASON = "a child that died unseen is reported with what it died of (B66)"
FINISHES = "a message in hand is finished before its reader ends of a shutdown (B62)"
FOR_FREE = "a spec without an id has its start as its id (B1)"
UNKNOWN = "a field that a spec doesn't have here is an error (B1)"
CHECKED = "the values of a spec are checked when it is made (B5)"
NOT_CUT = "an init that runs isn't cut: its parent's end takes effect when it has returned (A53)"
LIVES = "an exit signal that a living child sends is none of its supervisor's business (B87)"
BEHIND_STOP = "who asks one that is being stopped hears at once that it has ended (A61)"

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
    """A supervisor, whose reports show."""
    return {"kind": "sup", "reports": True, "children": list(children), **spec}


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
A_ENDS = at("a", ["stop", "normal"])


def _specs() -> list[Scenario]:
    bad: dict[str, Json] = {
        "a restart type that there isn't": {"restart": "often"},
        "a shutdown that there isn't": {"shutdown": "soon"},
        "a type that there isn't": {"type": "idler"},
        "a shutdown below none": {"fields": {"shutdown": -1}},
        "a start that is no function": {"fields": {"start": "soon"}},
        "no start": {"omits": "start"},
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
        "a max_restarts that is no whole number": {"max_restarts": 1.5},
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
        scene("a child is permanent unless it says otherwise", ("B1", "B19"), sup(child("a")), A_ENDS),
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


def _fields() -> list[Scenario]:
    """Fields that a spec may lack, may not know, and that can be asked for."""
    scenarios = [
        started(f"a start with a child {what}", rules, sup(child("a"), child("b", **spec)), differs=differs)
        for what, rules, spec, differs in (
            ("without an id", ("B1", "B2"), {"omits": "id"}, FOR_FREE),
            ("with modules that are none", ("B1", "B2"), {"fields": {"modules": "soon"}}, UNKNOWN),
            ("with a field that there isn't", ("B1",), {"fields": {"bogus": 1}}, UNKNOWN),
        )
    ]
    children = [
        child("x"),
        child("y", shutdown="brutal_kill"),
        sub("z"),
        child("t", restart="temporary"),
        child("u", restart="transient", shutdown=3, type="supervisor"),
    ]
    ask: dict[str, Op] = {one["id"]: ["get_childspec", "sup", one["id"]] for one in [*children, child("w")]}
    scenarios += [
        scene("specs are asked for by their ids", ("B9", "B1"), sup(*children), at("m", *ask.values()), not_yet="B9"),
        scene(
            "a spec can be asked for as long as it is kept",
            ("B9",),
            sup(*children),
            at("m", ["terminate_child", "sup", "x"], ask["x"], ["delete_child", "sup", "x"], ask["x"]),
            at("m", ["terminate_child", "sup", "t"], ask["t"]),
            at("m", ["start_child", "sup", child("w", restart="temporary")], ask["w"]),
            not_yet="B9",
        ),
    ]
    infos = [child("a", info="news"), child("t", info="news", restart="temporary")]
    scenarios += [
        scene(
            "a start tells more than who was started, and so does a restart by hand",
            ("B11", "B71", "B74"),
            sup(),
            *[at("m", ["start_child", "sup", one]) for one in infos],
            at("m", ["terminate_child", "sup", "a"], ["restart_child", "sup", "a"]),
            not_yet="B11",
        ),
        scene(
            "what a start tells more is dropped when the supervisor itself starts it",
            ("B11",),
            sup(*infos),
            *crash("a"),
            at("m", ["terminate_child", "sup", "a"], ["restart_child", "sup", "a"]),
            not_yet="B11",
        ),
    ]
    made: dict[str, tuple[tuple[str, ...], Op, str]] = {
        "a module with an argument": (("B5",), ["spec_of", ["M", "foo"], {}], ""),
        "a module with an argument, with an id and a shutdown of its own": (
            ("B5",),
            ["spec_of", ["M", "foo"], {"id": "x", "shutdown": "infinity"}],
            "",
        ),
        "a module alone": (("B5",), ["spec_of", "M", {}], ""),
        "a module alone, with a restart and a type of its own": (
            ("B5",),
            ["spec_of", "M", {"restart": "transient", "type": "supervisor"}],
            "",
        ),
        "a spec, with an id of its own": (("B5",), ["spec_of", {"of": "M"}, {"id": "x"}], ""),
        "a module, with a field that there isn't": (("B5",), ["spec_of", "M", {"bogus": 1}], ""),
        "a module, with a restart type that there isn't": (("B5",), ["spec_of", "M", {"restart": "often"}], CHECKED),
        "what is no child": (("B5", "B6"), ["spec_of", "text", {}], ""),
        "a module that makes no spec": (("B5", "B6"), ["spec_of", "Enum", {}], ""),
    }
    scenarios += [
        Scenario(f"a spec is made of {what}", rules, {"m": PROC}, [at("m", op)], differs=differs)
        for what, (rules, op, differs) in made.items()
    ]
    scenarios += [
        Scenario(
            "two specs are made of one module, each with an id of its own",
            ("B5", "B4"),
            {"m": PROC},
            [at("m", *[["spec_of", ["M", name], {"id": name}] for name in ("x", "y")])],
        )
    ]
    return scenarios


def _starts() -> list[Scenario]:
    scenarios = []
    for what, failing in FAILURES.items():
        scenarios.append(
            started(
                f"a start whose third child {what}",
                ("B10", "B11", "B13", "B61", "B93"),
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
            sup(child("a", terminate=[["gate", "g"]], shutdown=10), child("b", ["stop", "nope"])),
            advance(2),
            advance(14),
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
                    ("B19", "B20", "B23", "B24"),
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


def _strategies() -> list[Scenario]:
    """What a restart does to the siblings, and to what order."""
    scenarios = []
    for strategy in STRATEGIES:
        five = [child(name) for name in "abcde"]
        scenarios += [
            scene(
                f"child {name} of five crashes under {strategy}",
                ("B24", "B25", "B26", "B61"),
                sup(*five, strategy=strategy),
                *crash(name),
            )
            for name in "ace"
        ]
        scenarios += [
            scene(
                f"a child among those that don't trap exits is killed under {strategy}",
                ("B24", "B25", "B26", "B62"),
                sup(child("a", trap=False), child("b", trap=False), child("c", trap=False), strategy=strategy),
                KILL_B,
            ),
            scene(
                f"a temporary sibling is not seen again after a restart under {strategy}",
                ("B27",),
                sup(
                    child("a", restart="temporary"),
                    child("b"),
                    child("c", restart="temporary"),
                    child("d"),
                    strategy=strategy,
                ),
                *crash("b"),
            ),
            scene(
                f"siblings that are down, when one crashes under {strategy}",
                ("B28", "B73"),
                sup(
                    child("a", restart="transient"),
                    child("b"),
                    child("c", restart="transient"),
                    child("d"),
                    child("e", ["on", 1, [["ignore"]]]),
                    child("f"),
                    strategy=strategy,
                ),
                at("a", ["stop", "normal"]),
                at("c", ["stop", ["shutdown", 1]]),
                at("m", ["terminate_child", "sup", "d"], ["terminate_child", "sup", "f"], ["delete_child", "sup", "f"]),
                look(),
                *crash("b"),
            ),
            scene(
                f"transient siblings come back with a restart under {strategy}",
                ("B29",),
                sup(child("a", restart="transient"), child("b"), child("c", restart="transient"), strategy=strategy),
                *crash("b"),
            ),
            scene(
                f"a child that was added is the last, under {strategy}",
                ("B30", "B31"),
                sup(child("a"), child("b"), strategy=strategy),
                at("m", ["start_child", "sup", child("c")]),
                *crash("b"),
            ),
            scene(
                f"places are kept over terminate and restart, and not over delete and start, under {strategy}",
                ("B31",),
                sup(child("a"), child("b"), strategy=strategy),
                at("m", ["start_child", "sup", child("c")]),
                at("m", ["terminate_child", "sup", "a"], ["restart_child", "sup", "a"]),
                look(),
                at("m", ["terminate_child", "sup", "a"], ["delete_child", "sup", "a"]),
                at("m", ["start_child", "sup", child("a")]),
                look(),
                *crash("b"),
            ),
            scene(
                f"a sibling that ends badly doesn't hold up a restart under {strategy}",
                ("B35", "B64", "B96"),
                sup(child("a"), child("b"), child("c", terminate=[["raise", "worse"]]), strategy=strategy),
                *crash("b"),
            ),
            scene(
                f"a sibling takes its time to end in a restart under {strategy}",
                ("B25", "B26", "B59"),
                sup(child("a"), child("b"), child("c", terminate=[["gate", "g"]], shutdown=10), strategy=strategy),
                *crash("b"),
                advance(2),
                advance(14),
            ),
            scene(
                f"a sibling that has ended is told no more, in a restart under {strategy}",
                ("B34", "B65"),
                sup(child("a"), child("b"), child("c", restart="transient"), child("d"), strategy=strategy),
                busy(),
                *crash("b"),
                at("c", ["stop", "normal"]),
                FREE,
            ),
            scene(
                f"a temporary sibling that has crashed is forgotten in a restart under {strategy}",
                ("B27", "B34"),
                sup(child("a"), child("b"), child("c", restart="temporary"), child("d"), strategy=strategy),
                busy(),
                *crash("b", "c"),
                FREE,
            ),
            scene(
                f"a child dies while another is restarted, under {strategy}",
                ("B34",),
                sup(child("a"), child("b"), child("c", ["on", 2, [["gate", "g"]]]), strategy=strategy),
                *crash("b", "b", "a"),
                open_gate("g"),
            ),
        ]
        scenarios += [
            scene(
                f"{first} and then {second} crash at one time, with one restart allowed, under {strategy}",
                ("B32", "B39", "B40"),
                sup(child("a"), child("b"), child("c"), strategy=strategy, max_restarts=1),
                busy(),
                *crash(first, second),
                FREE,
            )
            for first, second in (("a", "b"), ("b", "a"), ("b", "c"))
        ]
    scenarios += [
        scene(
            "the exit of a former incarnation restarts nobody",
            ("B33", "B51"),
            sup(child("a"), child("b"), max_restarts=1),
            busy(),
            at("m", ["terminate_child", "sup", "a"]),
            at("n", ["restart_child", "sup", "a"]),
            *crash("a"),
            FREE,
            *crash("b"),
        ),
        scene(
            "a supervisor that is restarted has its first children only",
            ("B30", "B45"),
            sup(sub("s", child("a"), max_restarts=0), child("z"), strategy="one_for_all"),
            at("m", ["start_child", "s", child("b")], ["which_children", "s"]),
            *crash("b"),
            at("m", ["which_children", "s"]),
        ),
        scene(
            "siblings in a restart are ended each in its own way",
            ("B25", "B59", "B63"),
            sup(
                child("a", shutdown="brutal_kill"),
                child("b"),
                child("c", terminate=[["gate", "g"]], shutdown=10),
                child("d", trap=False, restart="transient"),
                child("e", terminate=[["exit", "normal"]], restart="transient"),
                child("f", terminate=[["exit", "normal"]], shutdown="infinity"),
                strategy="one_for_all",
            ),
            *crash("b"),
            advance(2),
            advance(14),
        ),
        scene(
            "a tree of supervisors is ended in reverse and started in order",
            ("B25", "B61"),
            sup(
                child("a"),
                sub("s", child("b"), child("c"), strategy="rest_for_one"),
                sub("t", child("d")),
                strategy="one_for_all",
            ),
            *crash("a"),
            at("m", ["which_children", "s"], ["which_children", "t"]),
        ),
        scene(
            "a crash deep in a tree is nobody's business above",
            ("B24", "B26"),
            sup(
                child("a"),
                sub("s", child("b"), sub("t", child("c"), child("d"), strategy="rest_for_one"), child("e")),
                strategy="one_for_all",
            ),
            *crash("c"),
            at("m", ["which_children", "s"], ["which_children", "t"]),
        ),
        scene(
            "children of several kinds are restarted together",
            ("B25",),
            sup(
                child("a"),
                {"id": "b", "kind": "agent", "init": [["push", 1]], "trap": True},
                {"id": "c", "kind": "proc"},
                sub("s", child("d")),
                strategy="one_for_all",
            ),
            at("c", ["exit", "boom"]),
            at("m", ["get", "b", []], ["alive", "c"], ["which_children", "s"]),
        ),
    ]
    return scenarios


def _intensity() -> list[Scenario]:
    scenarios = [
        scene(
            f"one crash more than {allowed} allowed",
            ("B36", "B43", "B46"),
            sup(child("a"), child("b"), child("c"), max_restarts=allowed),
            *crash(*"b" * allowed),
            look(),
            *crash("b"),
        )
        for allowed in range(4)
    ]
    for strategy in STRATEGIES:
        scenarios += [
            scene(
                f"a supervisor gives up under {strategy}",
                ("B43", "B61", "B90", "B93", "B96"),
                sup(
                    child("a"),
                    child("b", restart="transient"),
                    child("c"),
                    child("d", restart="temporary"),
                    child("e", trap=False),
                    strategy=strategy,
                    max_restarts=0,
                ),
                *crash("c"),
            ),
            scene(
                f"a restart of several counts once under {strategy}",
                ("B40",),
                sup(child("a"), child("b"), child("c"), strategy=strategy, max_restarts=2),
                *crash("a", "b"),
                look(),
                *crash("c"),
            ),
            scene(
                f"crashes of several add up under {strategy}",
                ("B39",),
                sup(child("a"), child("b"), strategy=strategy, max_restarts=2),
                *crash("a", "b"),
                look(),
                *crash("a"),
            ),
            scene(
                f"what a supervisor is asked counts nothing under {strategy}",
                ("B42", "B73", "B74"),
                sup(child("a"), child("b"), child("c"), strategy=strategy, max_restarts=0),
                at("m", *[["terminate_child", "sup", "b"], ["restart_child", "sup", "b"]] * 2),
                at("m", ["start_child", "sup", child("d")], ["start_child", "sup", child("e", ["stop", "nope"])]),
            ),
            scene(
                f"a restart by hand that fails counts nothing under {strategy}",
                ("B42", "B74"),
                sup(child("a"), child("b", ["since", 2, [["stop", "nope"]]]), strategy=strategy, max_restarts=0),
                at("m", ["terminate_child", "sup", "b"], ["restart_child", "sup", "b"], ["restart_child", "sup", "b"]),
            ),
            scene(
                f"ends that lead to no restart count nothing under {strategy}",
                ("B22", "B42"),
                sup(
                    child("a"),
                    child("b", restart="transient"),
                    child("c", restart="temporary"),
                    strategy=strategy,
                    max_restarts=0,
                ),
                at("b", ["stop", "shutdown"]),
                *crash("c"),
            ),
        ]
    # Gaps are of no time, or of a second more than the window, since OTP counts in whole seconds.
    scenarios += [
        scene(
            "restarts that are far apart go on for ever",
            ("B37", "B38"),
            sup(child("a"), child("b"), max_restarts=1, max_seconds=1),
            *crash("a"),
            advance(55),
            *crash("b"),
            advance(55),
            *crash("a"),
        ),
        scene(
            "of restarts that are far apart, the last two are near",
            ("B37", "B38"),
            sup(child("a"), child("b"), max_restarts=1, max_seconds=1),
            *crash("a"),
            advance(55),
            *crash("b", "a"),
        ),
        scene(
            "the window slides: each restart grows old by itself",
            ("B37", "B38"),
            sup(child("a"), child("b"), max_restarts=2, max_seconds=2),
            *crash("a"),
            advance(80),
            *crash("a", "a"),
            look(),
            *crash("a"),
        ),
        scene(
            "the window slides: it goes on with those restarts that are in it",
            ("B37", "B38"),
            sup(child("a"), child("b"), max_restarts=2, max_seconds=4),
            *crash("a"),
            advance(65),
            *crash("b"),
            advance(65),
            *crash("b"),
            look(),
            *crash("a"),
        ),
        scene(
            "a supervisor that gives up gives its children their time to end",
            ("B43", "B59"),
            sup(child("a"), child("b", terminate=[["gate", "g"]], shutdown=10), child("c"), max_restarts=0),
            *crash("c"),
            advance(2),
            advance(14),
        ),
        scene(
            "a restart of a supervisor begins with a window that is empty",
            ("B45",),
            sup(sub("s", child("a"), child("b"), max_restarts=1)),
            *crash("a", "a"),
            at("m", ["which_children", "s"]),
            *crash("b"),
            at("m", ["which_children", "s"]),
        ),
        scene(
            "supervisors give up one after the other, to the root",
            ("B43", "B45", "B46"),
            sup(
                child("z"),
                sub("s", child("y"), sub("t", child("a"), child("b"), max_restarts=0), max_restarts=0),
                max_restarts=0,
            ),
            *crash("a"),
        ),
        scene(
            "a supervisor that gives up costs the one above it one restart",
            ("B45",),
            sup(sub("s", child("a"), max_restarts=1), child("z"), max_restarts=1),
            *crash("a", "a", "a"),
            look(),
            *crash("a"),
        ),
    ]
    for restart in RESTARTS:
        scenarios += [
            scene(
                f"a {restart} supervisor gives up",
                ("B43", "B44", "B45"),
                sup(child("z"), sub("s", child("a"), child("b"), max_restarts=0, restart=restart)),
                *crash("a"),
            ),
            scene(
                f"a {restart} supervisor is killed",
                ("B19", "B88"),
                sup(child("z"), sub("s", child("a", trap=False), child("b", trap=False), restart=restart)),
                at("m", ["signal", "s", "kill"]),
            ),
            scene(
                f"a {restart} supervisor is stopped as a child",
                ("B19", "B89"),
                sup(child("z"), sub("s", child("a"), child("b"), restart=restart)),
                at("m", ["halt", "s", "shutdown"]),
            ),
        ]
    scenarios.append(
        Scenario(
            "who is linked to a supervisor that gives up hears of it",
            ("B46",),
            {"m": PROC, "t": TRAPPING, "n": PROC},
            [
                at("t", ["start", "sup", sup(child("a"), child("b"), max_restarts=0), "link"]),
                at("n", ["link", "sup"]),
                at("m", ["monitor", "sup", "m1"]),
                *crash("a"),
            ],
        )
    )
    return scenarios


def _retries() -> list[Scenario]:
    """Restarts whose start fails."""
    failures = {what: failing for what, failing in FAILURES.items() if "init" in failing}
    scenarios = [
        scene(
            f"a restarted child {what} at first",
            ("B11", "B41", "B47"),
            sup(child("a"), child("b", ["on", 2, failing["init"]]), child("c"), max_restarts=3),
            *crash("b"),
            look(),
            *crash("b"),
            look(),
            *crash("b"),
        )
        for what, failing in failures.items()
    ]
    scenarios += [
        scene(
            f"a start that always fails is tried {allowed} times",
            ("B41", "B49"),
            sup(child("a", ["since", 2, [["stop", "nope"]]]), child("b"), max_restarts=allowed),
            *crash("a"),
        )
        for allowed in range(4)
    ]
    for strategy in STRATEGIES:
        waiting: list[Op] = [["on", attempt, [["gate", f"g{attempt}"], ["stop", "flaky"]]] for attempt in (2, 3)]
        restarting = sup(child("a"), child("b", *waiting), child("c"), strategy=strategy, max_restarts=9)
        scenarios += [
            scene(
                f"a start that always fails ends the supervisor, under {strategy}",
                ("B41", "B43", "B49", "B53", "B54"),
                sup(
                    child("a"),
                    child("b", ["since", 2, [["stop", "nope"]]]),
                    child("c"),
                    strategy=strategy,
                    max_restarts=3,
                ),
                *crash("b"),
            ),
            scene(
                f"another child than the one that crashed fails to start at first, under {strategy}",
                ("B52", "B53", "B54"),
                sup(child("a"), child("b", ["on", 2, [["stop", "flaky"]]]), child("c"), strategy=strategy),
                *crash("a"),
                look(),
                *crash("b"),
            ),
            scene(
                f"the last child fails to start at first when the first crashed, under {strategy}",
                ("B52", "B53", "B54"),
                sup(child("a"), child("b"), child("c", ["on", 2, [["stop", "flaky"]]]), strategy=strategy),
                *crash("a", "c"),
            ),
            scene(
                f"two children fail to start in turn, under {strategy}",
                ("B41", "B52", "B53", "B54"),
                sup(
                    child("a", ["on", 2, [["stop", "flaky"]]]),
                    child("b", ["on", 2, [["stop", "flaky"]]]),
                    child("c"),
                    strategy=strategy,
                ),
                *crash("a"),
                look(),
                *crash("c"),
            ),
            scene(
                f"a child that is being restarted, as its supervisor shows it between two tries under {strategy}",
                ("B47", "B48", "B50"),
                restarting,
                *crash("b"),
                at("m", ["which_children", "sup"]),
                at("n", ["count_children", "sup"]),
                open_gate("g2"),
                open_gate("g3"),
            ),
            scene(
                f"a child that wouldn't start when another crashed, between two tries under {strategy}",
                ("B50", "B52"),
                restarting,
                *crash("a"),
                at("m", ["which_children", "sup"]),
                open_gate("g2"),
                open_gate("g3"),
            ),
            scene(
                f"a child is restarted with its group before its own new try, under {strategy}",
                ("B47", "B51"),
                sup(child("a"), child("b", waiting[0]), child("c"), strategy=strategy, max_restarts=2),
                *crash("b", "a"),
                open_gate("g2"),
            ),
            scene(
                f"a child that is being restarted is refused to other calls, under {strategy}",
                ("B50",),
                restarting,
                *crash("b"),
                at("m", ["restart_child", "sup", "b"]),
                at("n", ["delete_child", "sup", "b"]),
                at("o", ["start_child", "sup", child("b")]),
                open_gate("g2"),
                open_gate("g3"),
            ),
            scene(
                f"a child is terminated between two tries, under {strategy}",
                ("B50", "B51", "B55"),
                restarting,
                *crash("b"),
                at("m", ["terminate_child", "sup", "b"]),
                open_gate("g2"),
                look(),
                at("n", ["restart_child", "sup", "b"]),
                open_gate("g3"),
                look(),
                at("m", ["restart_child", "sup", "b"]),
            ),
            scene(
                f"a child is terminated and deleted between two tries, under {strategy}",
                ("B50", "B51", "B55"),
                restarting,
                *crash("b"),
                at("m", ["terminate_child", "sup", "b"]),
                at("n", ["delete_child", "sup", "b"]),
                open_gate("g2"),
                look(),
                *crash("a"),
            ),
            scene(
                f"a child is terminated and started by hand between two tries, under {strategy}",
                ("B50", "B51"),
                restarting,
                *crash("b"),
                at("m", ["terminate_child", "sup", "b"]),
                at("n", ["restart_child", "sup", "b"]),
                open_gate("g2"),
                open_gate("g3"),
            ),
            scene(
                f"a sibling crashes between two tries, under {strategy}",
                ("B47", "B48", "B51"),
                restarting,
                *crash("b", "a"),
                open_gate("g2"),
                open_gate("g3"),
                look(),
                *crash("c"),
            ),
            scene(
                f"a sibling behind is started by hand between two tries, under {strategy}",
                ("B56",),
                restarting,
                *crash("b"),
                at("m", ["restart_child", "sup", "c"]),
                open_gate("g2"),
                open_gate("g3"),
            ),
            scene(
                f"a child is added between two tries, under {strategy}",
                ("B48", "B71"),
                restarting,
                *crash("b"),
                at("m", ["start_child", "sup", child("d")]),
                open_gate("g2"),
                open_gate("g3"),
            ),
            scene(
                f"those behind a child whose tries were ended come back with their group, under {strategy}",
                ("B28", "B55"),
                restarting,
                *crash("b"),
                at("m", ["terminate_child", "sup", "b"]),
                open_gate("g2"),
                open_gate("g3"),
                *crash("a"),
            ),
            scene(
                f"a supervisor is stopped between two tries, under {strategy}",
                ("B58", "B69"),
                restarting,
                *crash("b"),
                at("m", ["halt", "sup", "shutdown"]),
                open_gate("g2"),
            ),
            scene(
                f"a supervisor is ended by the one above it between two tries, under {strategy}",
                ("B58", "B69"),
                sup(child("z"), sub("s", *restarting["children"], strategy=strategy, max_restarts=9)),
                *crash("b"),
                at("m", ["terminate_child", "sup", "s"]),
                open_gate("g2"),
            ),
            scene(
                f"a restarted child ignores its start, under {strategy}",
                ("B57",),
                sup(child("a"), child("b", ["on", 2, [["ignore"]]]), child("c"), strategy=strategy),
                *crash("b"),
                look(),
                at("m", ["restart_child", "sup", "b"]),
                look(),
                *crash("a"),
            ),
            scene(
                f"a sibling ignores its start in a restart, under {strategy}",
                ("B57",),
                sup(child("a"), child("b", ["on", 2, [["ignore"]]]), child("c"), strategy=strategy),
                *crash("a", "c"),
            ),
            scene(
                f"a new try ignores the start, under {strategy}",
                ("B57",),
                sup(
                    child("a"),
                    child("b", ["on", 2, [["stop", "flaky"]]], ["on", 3, [["ignore"]]]),
                    child("c"),
                    strategy=strategy,
                ),
                *crash("b"),
            ),
            scene(
                f"a transient child whose new start fails is tried again, under {strategy}",
                ("B47",),
                sup(
                    child("a"),
                    child("b", ["on", 2, [["stop", "shutdown"]]], restart="transient"),
                    child("c"),
                    strategy=strategy,
                ),
                *crash("b"),
            ),
        ]
    scenarios += [
        scene(
            "a supervisor whose new start fails is tried again",
            ("B14", "B45", "B47"),
            sup(child("z"), sub("s", child("a", ["on", 2, [["stop", "nope"]]]), max_restarts=0)),
            *crash("a"),
            at("m", ["which_children", "s"]),
        ),
        scene(
            "new tries and crashes share one budget",
            ("B39", "B41"),
            sup(child("a", ["on", 2, [["stop", "nope"]]]), child("b"), max_restarts=3),
            *crash("a", "b"),
            look(),
            *crash("b"),
        ),
        scene(
            "tries far apart go on for ever",
            ("B37", "B41"),
            sup(child("a", ["on", 2, [["gate", "g"], ["stop", "nope"]]]), max_restarts=1, max_seconds=1),
            *crash("a"),
            advance(55),
            open_gate("g"),
        ),
    ]
    return scenarios


def _shutdown() -> list[Scenario]:
    """How children are ended."""
    stubborn: list[Op] = [["gate", "g"]]
    scenarios = []
    for what, spec in {
        "traps exits": child("b"),
        "traps exits and is killed at once": child("b", shutdown="brutal_kill"),
        "has no time and doesn't trap exits": child("b", trap=False, shutdown="infinity"),
        "doesn't trap exits": child("b", trap=False),
        "doesn't trap exits and is killed at once": child("b", trap=False, shutdown="brutal_kill"),
        "crashes in its end": child("b", terminate=[["raise", "worse"]]),
        "ends normally": child("b", terminate=[["exit", "normal"]]),
        "ends with shutdown and a detail": child("b", terminate=[["exit", ["shutdown", 1]]]),
        "ends with a reason of its own": child("b", terminate=[["exit", "other"]]),
    }.items():
        scenarios += [
            scene(
                f"a {restart} child that {what} is terminated",
                ("B59", "B62", "B63", "B64", "B73", "B97"),
                sup(child("a"), {**spec, "restart": restart}, child("c"), max_restarts=0),
                at("m", ["terminate_child", "sup", "b"]),
            )
            for restart in RESTARTS
        ]
    scenarios += [
        scene(
            f"a {restart} child takes longer than it has",
            ("B59", "B64"),
            sup(child("a"), child("b", terminate=stubborn, shutdown=10, restart=restart), max_restarts=0),
            at("m", ["terminate_child", "sup", "b"]),
            advance(2),
            advance(14),
        )
        for restart in RESTARTS
    ]
    scenarios += [
        scene(
            "a child takes less time than it has",
            ("B59",),
            sup(child("a"), child("b", terminate=stubborn, shutdown=10)),
            at("n", ["terminate_child", "sup", "b"]),
            advance(2),
            open_gate("g"),
        ),
        scene(
            "a child has all the time that it wants",
            ("B59",),
            sup(child("a"), child("b", terminate=stubborn, shutdown="infinity")),
            at("n", ["terminate_child", "sup", "b"]),
            advance(135),
            open_gate("g"),
        ),
        scene(
            "a supervisor that waits for an end does nothing else",
            ("B59", "B70"),
            sup(child("a"), child("b", terminate=stubborn), child("c")),
            at("n", ["terminate_child", "sup", "b"]),
            at("m", ["which_children", "sup"]),
            at("o", ["terminate_child", "sup", "c"]),
            *crash("a"),
            open_gate("g"),
        ),
        scene(
            "the times of siblings add up",
            ("B60", "B61"),
            sup(*[child(name, terminate=[["gate", name]], shutdown=10) for name in "abc"]),
            at("n", ["halt", "sup", "normal"]),
            advance(2),
            advance(12),
            advance(10),
            advance(10),
        ),
        scene(
            "a child that is at work and traps exits finishes that first",
            ("B62",),
            sup(child("a"), child("b")),
            at("b", ["gate", "g"], ["note", "finished"]),
            at("n", ["terminate_child", "sup", "b"]),
            open_gate("g"),
        ),
        scene(
            "a child that traps exits reads what came before the shutdown, and nothing that came after",
            ("B62",),
            sup(child("a"), child("b")),
            at("b", ["gate", "g"]),
            at("m", ["send", "b", 1]),
            at("n", ["terminate_child", "sup", "b"]),
            at("m", ["send", "b", 2]),
            open_gate("g"),
        ),
        scene(
            "a child that is at work and doesn't trap exits ends amid it",
            ("B62",),
            sup(child("a"), child("b", trap=False)),
            at("b", ["gate", "g"], ["note", "finished"]),
            at("n", ["terminate_child", "sup", "b"]),
            open_gate("g"),
            differs=FINISHES,
        ),
        scene(
            "a child that is at work is killed when its time is over",
            ("B59", "B62"),
            sup(child("a"), child("b", shutdown=10)),
            at("b", ["gate", "g"], ["note", "finished"]),
            at("n", ["terminate_child", "sup", "b"]),
            advance(2),
            advance(14),
        ),
        scene(
            "a child that is at work is killed at once",
            ("B59",),
            sup(child("a"), child("b", shutdown="brutal_kill")),
            at("b", ["gate", "g"], ["note", "finished"]),
            at("n", ["terminate_child", "sup", "b"]),
            open_gate("g"),
        ),
        scene(
            "a child that is at work gets no time at all",
            ("B60",),
            sup(child("a"), child("b", shutdown=0)),
            at("b", ["gate", "g"], ["note", "finished"]),
            at("n", ["terminate_child", "sup", "b"]),
        ),
        scene(
            "a child that doesn't trap exits gets no time at all",
            ("B60",),
            sup(child("a"), child("b", trap=False, shutdown=0)),
            at("n", ["terminate_child", "sup", "b"]),
            differs=AT_ONCE,
        ),
        scene(
            "a child has unlinked itself, and is terminated",
            ("B66",),
            sup(child("a"), child("b"), child("c", trap=False)),
            at("b", ["unlink", "sup"]),
            at("c", ["unlink", "sup"]),
            at("m", ["terminate_child", "sup", "c"], ["terminate_child", "sup", "b"]),
        ),
        scene(
            "a child has unlinked itself, and crashes unseen",
            ("B66", "B67", "B77"),
            sup(child("a"), child("b")),
            at("b", ["unlink", "sup"]),
            *crash("b"),
            look(),
            at("m", ["restart_child", "sup", "b"], ["delete_child", "sup", "b"], ["start_child", "sup", child("b")]),
            at("m", ["terminate_child", "sup", "b"], ["restart_child", "sup", "b"]),
            differs=TRUE_REASON,
        ),
        scene(
            "a start function that doesn't link",
            ("B67", "B77"),
            sup(child("a"), child("b", start="start")),
            *crash("b"),
            look(),
            at("m", ["restart_child", "sup", "b"]),
            at("m", ["terminate_child", "sup", "b"], ["restart_child", "sup", "b"]),
            differs=LINKED,
        ),
        scene(
            "a supervisor with little time is killed amid its end",
            ("B68", "B88"),
            sup(
                child("z"),
                sub("s", child("a", trap=False), child("b"), child("c", terminate=stubborn, shutdown=40), shutdown=10),
            ),
            at("n", ["terminate_child", "sup", "s"]),
            advance(2),
            advance(14),
            open_gate("g"),
        ),
        scene(
            "children that are down are passed over in the end",
            ("B69",),
            sup(child("a"), child("b", restart="transient"), child("c"), child("d", ["ignore"]), child("e")),
            at("b", ["stop", "normal"]),
            at("m", ["terminate_child", "sup", "c"], ["halt", "sup", "normal"]),
        ),
    ]
    for restart in RESTARTS:
        scenarios += [
            scene(
                f"a {restart} child that ends by {what} when it is to be terminated",
                ("B42", "B65"),
                sup(child("a"), child("b", restart=restart), max_restarts=0),
                busy(),
                at("m", ["terminate_child", "sup", "b"]),
                at("b", *ENDS[what]),
                FREE,
            )
            for what in ("normal", "shutdown", "a reason of its own")
        ]
    return scenarios


def _calls() -> list[Scenario]:
    """What a supervisor is asked."""
    scenarios = [
        scene(
            "the life of a child, by calls",
            ("B71", "B73", "B74", "B75", "B76", "B77"),
            sup(),
            at("m", ["start_child", "sup", child("a")], ["start_child", "sup", child("a")]),
            at("m", ["terminate_child", "sup", "b"], ["restart_child", "sup", "b"], ["delete_child", "sup", "b"]),
            at("m", ["restart_child", "sup", "a"], ["delete_child", "sup", "a"]),
            at("m", ["terminate_child", "sup", "a"], ["which_children", "sup"], ["count_children", "sup"]),
            at("m", ["terminate_child", "sup", "a"], ["start_child", "sup", child("a")]),
            at("m", ["restart_child", "sup", "a"], ["restart_child", "sup", "a"]),
            at("m", ["terminate_child", "sup", "a"], ["delete_child", "sup", "a"], ["delete_child", "sup", "a"]),
            at("m", ["restart_child", "sup", "a"], ["which_children", "sup"], ["start_child", "sup", child("a")]),
        ),
        scene(
            "a spec that is refused is forgotten",
            ("B71",),
            sup(child("a")),
            at("m", ["start_child", "sup", child("a", restart="temporary")]),
            at("m", ["terminate_child", "sup", "a"], ["start_child", "sup", child("a", restart="temporary")]),
            at("m", ["restart_child", "sup", "a"]),
            *crash("a"),
        ),
        scene(
            "a child that was added is restarted by its own spec",
            ("B30", "B71"),
            sup(),
            at("m", ["start_child", "sup", child("a", ["push", 1])]),
            *crash("a"),
            at("m", ["call", "a", [["reply_state"]]]),
        ),
        scene(
            "the last started is listed first",
            ("B76", "B77"),
            sup(child("c"), sub("a"), child("b", restart="temporary"), child("d", ["ignore"])),
            at("m", ["start_child", "sup", sub("e", child("f"))]),
        ),
        scene(
            "supervisors are counted, also those that are down",
            ("B77",),
            sup(sub("s1"), sub("s2"), child("a"), sub("s3")),
            at("m", ["terminate_child", "sup", "s3"]),
        ),
        scene(
            "a type is counted as it was said",
            ("B77", "B79"),
            sup(child("a", type="supervisor"), sub("s", child("b"), type="worker")),
            *crash("a"),
        ),
        scene(
            "a worker that says it is a supervisor has all the time to end",
            ("B1", "B79"),
            sup(child("a", type="supervisor", terminate=[["gate", "g"]])),
            at("n", ["terminate_child", "sup", "a"]),
            advance(135),
            open_gate("g"),
        ),
        scene(
            "a dead child isn't active before its end is handled",
            ("B77",),
            sup(child("a"), child("b")),
            busy(),
            at("m", ["count_children", "sup"]),
            *crash("b"),
            FREE,
        ),
        scene(
            "calls are answered one after the other",
            ("B10", "B70"),
            sup(child("a")),
            at("m", ["start_child", "sup", child("b", ["gate", "g"])]),
            at("n", ["which_children", "sup"]),
            at("o", ["start_child", "sup", child("b")]),
            open_gate("g"),
        ),
        scene(
            "calls to a supervisor that has ended",
            ("B70",),
            sup(child("a")),
            at("n", ["halt", "sup", "shutdown"]),
            at("m", ["start_child", "sup", child("b")], ["terminate_child", "sup", "a"], ["restart_child", "sup", "a"]),
            at("m", ["delete_child", "sup", "a"], ["which_children", "sup"], ["count_children", "sup"]),
        ),
        scene(
            "a child under calls of its own supervisor",
            ("B70", "B76"),
            sup(child("a"), child("b")),
            at("a", ["which_children", "sup"], ["terminate_child", "sup", "b"], ["start_child", "sup", child("c")]),
        ),
        scene(
            "a temporary child that was terminated is forgotten",
            ("B73", "B78"),
            sup(child("a"), child("b", restart="temporary")),
            at("m", ["terminate_child", "sup", "b"], ["terminate_child", "sup", "b"], ["delete_child", "sup", "b"]),
            at("m", ["restart_child", "sup", "b"], ["start_child", "sup", child("b", restart="temporary")]),
        ),
        scene(
            "a restart by hand that fails, and one that doesn't",
            ("B42", "B74"),
            sup(child("a"), child("b", ["on", 2, [["stop", "nope"]]], ["on", 3, [["raise", "ouch"]]]), max_restarts=0),
            at("m", ["terminate_child", "sup", "b"], ["restart_child", "sup", "b"], ["which_children", "sup"]),
            at("m", ["restart_child", "sup", "b"], ["delete_child", "sup", "c"], ["restart_child", "sup", "b"]),
        ),
        scene(
            "a restart by hand is ignored",
            ("B74",),
            sup(child("a"), child("b", ["on", 2, [["ignore"]]])),
            at("m", ["terminate_child", "sup", "b"], ["restart_child", "sup", "b"], ["which_children", "sup"]),
            at("m", ["restart_child", "sup", "b"]),
        ),
        scene(
            "the name of a child that is added is taken",
            ("B72",),
            sup(child("a", name="taken")),
            at("m", ["start_child", "sup", child("b", name="taken")]),
        ),
        scene(
            "a supervisor is added, used, and ended",
            ("B30", "B71", "B73"),
            sup(child("a")),
            at("m", ["start_child", "sup", sub("s", child("b"), child("c"))], ["start_child", "s", child("d")]),
            *crash("d"),
            at("m", ["which_children", "s"], ["terminate_child", "sup", "s"], ["restart_child", "sup", "s"]),
            at("m", ["which_children", "s"]),
        ),
    ]
    scenarios += [
        scene(
            f"terminate_child touches no sibling under {strategy}",
            ("B73",),
            sup(child("a"), child("b"), child("c"), strategy=strategy, max_restarts=0),
            at("m", ["terminate_child", "sup", "b"]),
        )
        for strategy in STRATEGIES
    ]
    scenarios += [
        scene(
            f"a child to be added {what}",
            ("B11", "B42", "B72", "B97"),
            sup(child("a"), strategy="one_for_all", max_restarts=0),
            at("m", ["start_child", "sup", child("b", **failing)]),
            at("m", ["start_child", "sup", child("b")]),
        )
        for what, failing in FAILURES.items()
    ]
    scenarios += [
        scene(
            f"a {restart} child to be added ignores its start",
            ("B12", "B71"),
            sup(child("a")),
            at("m", ["start_child", "sup", child("b", ["on", 1, [["ignore"]]], restart=restart)]),
            look(),
            at("m", ["restart_child", "sup", "b"], ["start_child", "sup", child("b", ["push", 1])]),
        )
        for restart in RESTARTS
    ]
    return scenarios


def _own_ends() -> list[Scenario]:
    """How a supervisor itself ends."""
    two = sup(child("a"), child("b"), child("c", trap=False))
    reasons: dict[str, Json] = {
        "normal": "normal",
        "shutdown": "shutdown",
        "shutdown with a detail": ["shutdown", 1],
        "a reason of its own": "weird",
    }
    scenarios = []
    for what, reason in reasons.items():
        scenarios += [
            Scenario(
                f"the one who started a supervisor ends by {what}",
                ("B86", "B90"),
                {"m": PROC, "p": PROC},
                [at("p", ["start", "sup", two, "link"]), at("m", ["monitor", "sup", "m1"]), at("p", ["exit", reason])],
            ),
            scene(
                f"a supervisor is stopped with {what}",
                ("B61", "B89", "B90"),
                two,
                at("n", ["monitor", "sup", "m1"]),
                at("m", ["halt", "sup", reason]),
            ),
            scene(
                f"a stranger sends {what} to a supervisor",
                ("B87",),
                two,
                at("n", ["signal", "sup", reason]),
                *crash("a"),
            ),
            scene(
                f"a stranger that is linked to a supervisor ends by {what}",
                ("B87",),
                two,
                at("n", ["link", "sup"], ["exit", reason]),
                *crash("a"),
            ),
            scene(
                f"a permanent supervisor is stopped with {what}, as a child",
                ("B19", "B89"),
                sup(child("z"), sub("s", child("a"), child("b"))),
                at("n", ["halt", "s", reason]),
            ),
            scene(
                f"a transient supervisor is stopped with {what}, as a child",
                ("B19", "B89"),
                sup(child("z"), sub("s", child("a"), child("b"), restart="transient")),
                at("n", ["halt", "s", reason]),
            ),
        ]
    scenarios += [
        scene(
            "a child sends its supervisor an exit signal, and lives",
            ("B87",),
            two,
            at("a", ["signal", "sup", "boom"]),
            differs=LIVES,
        ),
        scene("a supervisor is killed", ("B88",), two, at("m", ["signal", "sup", "kill"])),
        scene(
            "a tree is killed at its root",
            ("B88",),
            sup(child("z"), sub("s", child("a"), child("b", trap=False)), child("y", trap=False)),
            at("m", ["signal", "sup", "kill"]),
        ),
        scene(
            "a supervisor is killed while it starts a child",
            ("A53", "B88"),
            sup(child("a"), child("b", trap=False)),
            at("n", ["start_child", "sup", child("c", ["gate", "g"], trap=False)]),
            at("m", ["signal", "sup", "kill"]),
            open_gate("g"),
            differs=NOT_CUT,
        ),
        scene(
            "who stops a supervisor waits no longer than it says",
            ("B89",),
            sup(child("a"), child("b", terminate=[["gate", "g"]])),
            at("m", ["halt", "sup", "normal", 10]),
            advance(2),
            advance(14),
            open_gate("g"),
        ),
        scene(
            "a supervisor is stopped twice",
            ("B89",),
            two,
            at("m", ["halt", "sup", "normal"], ["halt", "sup", "normal"]),
        ),
        scene(
            "a supervisor is stopped while it is busy",
            ("B70", "B89"),
            two,
            busy(),
            at("m", ["halt", "sup", "normal"]),
            at("n", ["which_children", "sup"]),
            FREE,
        ),
        scene(
            "a question waits in vain while a supervisor ends",
            ("A61", "B70"),
            sup(child("a"), child("b", terminate=[["gate", "g"]])),
            at("m", ["halt", "sup", "shutdown"]),
            at("n", ["which_children", "sup"]),
            open_gate("g"),
            differs=BEHIND_STOP,
        ),
        scene(
            "a child crashes while its supervisor ends",
            ("B65", "B89"),
            sup(child("a"), child("b", terminate=[["gate", "g"]]), child("c")),
            at("m", ["halt", "sup", "normal"]),
            *crash("a"),
            open_gate("g"),
        ),
        scene(
            "a message that a supervisor doesn't know is dropped",
            ("B91",),
            two,
            at("m", ["send", "sup", "hello"]),
            *crash("a"),
        ),
        Scenario(
            "the one who started a supervisor ends while it is busy",
            ("B86",),
            {"m": PROC, "p": PROC, "o": PROC},
            [at("p", ["start", "sup", two, "link"]), busy(), at("p", ["exit", "normal"]), FREE],
        ),
        Scenario(
            "the one who started a supervisor is killed",
            ("B86",),
            {"m": PROC, "p": PROC},
            [at("p", ["start", "sup", two, "link"]), at("m", ["signal", "p", "kill"])],
        ),
        Scenario(
            "a supervisor is unlinked from the one who started it",
            ("B86",),
            {"m": PROC, "p": PROC},
            [at("p", ["start", "sup", two, "link"], ["unlink", "sup"], ["exit", "boom"]), look()],
        ),
    ]
    return scenarios


def _auto_shutdown() -> list[Scenario]:
    """Supervisors that end with the work of their children."""

    def significant(name: str, restart: str = "transient", **spec: Json) -> Json:
        return child(name, restart=restart, significant=True, **spec)

    any_: Json = {"auto_shutdown": "any_significant"}
    all_: Json = {"auto_shutdown": "all_significant"}
    return [
        scene(
            "an end of any significant child is the end",
            ("B82",),
            sup(significant("a"), child("b"), significant("c"), **any_),
            A_ENDS,
            not_yet="B82",
        ),
        scene(
            "a significant child that crashes is restarted",
            ("B84",),
            sup(significant("a"), child("b"), significant("c"), **any_),
            *crash("a"),
            not_yet="B82",
        ),
        scene(
            "a temporary significant child ends, whatever of",
            ("B82",),
            sup(significant("a", "temporary"), child("b"), **any_),
            *crash("a"),
            not_yet="B82",
        ),
        scene(
            "a significant child that is terminated is no end",
            ("B84",),
            sup(significant("a", "temporary"), child("b"), **any_),
            at("m", ["terminate_child", "sup", "a"]),
            not_yet="B82",
        ),
        scene(
            "the end of all significant children is the end",
            ("B83",),
            sup(significant("a"), significant("b"), child("c"), **all_),
            A_ENDS,
            look(),
            at("b", ["stop", "normal"]),
            not_yet="B83",
        ),
        scene(
            "one significant child was terminated, and the other ends",
            ("B83",),
            sup(significant("a"), significant("b"), child("c"), **all_),
            at("m", ["terminate_child", "sup", "a"]),
            at("b", ["stop", "shutdown"]),
            not_yet="B83",
        ),
        scene(
            "one significant child ended, and the other is terminated",
            ("B83", "B84"),
            sup(significant("a"), significant("b"), child("c"), **all_),
            at("b", ["stop", "shutdown"]),
            at("m", ["terminate_child", "sup", "a"]),
            not_yet="B83",
        ),
        scene(
            "a significant bystander of a restart is no end",
            ("B84",),
            sup(significant("a", "temporary"), child("b"), strategy="one_for_all", **any_),
            *crash("b"),
            not_yet="B82",
        ),
        scene(
            "an end goes up from one significant supervisor to the next",
            ("B85",),
            sup(sub("s", significant("w"), restart="transient", significant=True, **any_), child("z"), **any_),
            at("w", ["stop", "normal"]),
            not_yet="B82",
        ),
        scene(
            "an end goes no further than a supervisor that isn't significant",
            ("B85",),
            sup(sub("s", significant("w"), restart="transient", **any_), child("z"), **any_),
            at("w", ["stop", "normal"]),
            not_yet="B82",
        ),
        started(
            "a significant child needs an auto_shutdown",
            ("B81",),
            sup(significant("a")),
            not_yet="B81",
        ),
        started(
            "a permanent child can't be significant",
            ("B81",),
            sup(significant("a", "permanent"), **any_),
            not_yet="B81",
        ),
    ]


SCENARIOS = [
    *_specs(),
    *_fields(),
    *_starts(),
    *_restart_types(),
    *_strategies(),
    *_intensity(),
    *_retries(),
    *_shutdown(),
    *_calls(),
    *_own_ends(),
    *_auto_shutdown(),
]
