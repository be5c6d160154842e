"""Tasks: what becomes of them and their owners, awaits, yields, shutdowns, streams (rules A79 to A100)."""

from __future__ import annotations

from tests.conformance.language import Json, Newer, Op, Scenario, Step, advance, at, open_gate

__all__ = ["SCENARIOS"]

PROC: Json = {"kind": "proc"}
TRAPPING: Json = {"kind": "proc", "trap": True}
SERVER: Json = {"kind": "server"}

NOT_CUT = "the function of a task isn't cut: an exit signal takes effect when it has returned (A86, A88)"
BY_AWAIT = "an owner that doesn't catch it ends by its await, and not by the link (A82)"
BY_LINK_LATER = (
    "the exit signal of a task takes effect when its owner's handler has returned, who so hears of it (A12, A82, A87)"
)
BY_EXCEPTION = "an element that fails is an exception in who goes through the stream, and no exit signal (A97)"
LENIENT = "a task that needs no process can be shut down and ignored, which gives its value (A92)"
AT_ONCE = "who awaits a task again isn't kept waiting (A85)"

NO_MESSAGE = "the value and the end of a task are no messages to its owner, but for the exit of the link (A94)"

OWNERS: dict[str, Json] = {"an owner": PROC, "an owner that traps exits": TRAPPING}

ENDS: dict[str, list[Op]] = {
    "returns": [],
    "raises": [["raise", "ouch"]],
    "exits": [["exit", "boom"]],
    "exits normally": [["exit", "normal"]],
    "exits with shutdown": [["exit", "shutdown"]],
    "exits with shutdown and a detail": [["exit", ["shutdown", 1]]],
}

REASONS: dict[str, Json] = {
    "normal": "normal",
    "shutdown": "shutdown",
    "a reason of its own": "boom",
}

GATE: Op = ["gate", "g"]
WORK: Op = ["async", "t", [GATE], 7]


def _then(*ops: Op, work: Op = WORK) -> list[Step]:
    """Have an owner do something when its task has ended; it is busy until then."""
    return [at("o", work, ["gate", "h"], *ops), open_gate("g"), open_gate("h")]


def _ends() -> list[Scenario]:
    """Each end of a task, as an owner sees it that does nothing, that awaits, that awaits and doesn't catch it."""
    scenarios = []
    for whose, owner in OWNERS.items():
        people = {"o": owner, "m": PROC}
        for what, ops in ENDS.items():
            work: Op = ["async", "t", [GATE, *ops], 7]
            dies = owner is PROC and what not in ("returns", "exits normally")
            after = at("m", ["alive", "o"], ["alive", "t"])
            scenarios += [
                Scenario(
                    f"a task of {whose} {what}, and nobody awaits it",
                    ("A79", "A80", "A82"),
                    people,
                    [at("o", work), open_gate("g"), after],
                ),
                Scenario(
                    f"a task of {whose} {what}, and is awaited",
                    ("A79", "A80", "A81", "A82"),
                    people,
                    [at("o", work), at("o", ["await", "t"], ["note", "on"]), open_gate("g"), after],
                    differs=BY_LINK_LATER if dies else "",
                ),
                Scenario(
                    f"a task of {whose} {what}, and is awaited by one that doesn't catch it",
                    ("A81", "A82"),
                    people,
                    [at("o", work), at("o", ["await!", "t"], ["note", "on"]), open_gate("g"), after],
                    differs=BY_AWAIT if dies else "",
                ),
                Scenario(
                    f"a task of {whose} {what}, and is yielded",
                    ("A82", "A87"),
                    people,
                    [at("o", work), at("o", ["yield", "t"], ["note", "on"]), open_gate("g"), after],
                    differs=BY_LINK_LATER if dies else "",
                ),
            ]
            if not dies:
                scenarios += [
                    Scenario(
                        f"a task of {whose} {what}, and is {asked} when it has ended",
                        rules,
                        people,
                        _then(op, ["yield", "t", 0], ["note", "on"], work=work),
                    )
                    for asked, op, rules in (
                        ("awaited", ["await", "t"], ("A81", "A85")),
                        ("yielded", ["yield", "t"], ("A85", "A87")),
                        ("shut down", ["shutdown", "t"], ("A85", "A88")),
                        ("killed", ["shutdown", "t", "brutal_kill"], ("A85", "A89")),
                        ("ignored", ["disown", "t"], ("A85", "A92")),
                    )
                ]
    return scenarios


def _awaits() -> list[Scenario]:
    people = {"o": PROC, "p": PROC, "m": PROC}
    return [
        Scenario(
            "an await that is out of time, and caught",
            ("A81", "A83"),
            people,
            [
                at("o", WORK),
                at("o", ["await", "t", 2]),
                advance(10),
                at("m", ["alive", "t"]),
                open_gate("g"),
                at("o", ["note", "on"]),
            ],
        ),
        Scenario(
            "an await that is out of time, and caught by one that traps exits",
            ("A83",),
            {**people, "o": TRAPPING},
            [at("o", WORK), at("o", ["await", "t", 2]), advance(10), open_gate("g"), at("o", ["note", "on"])],
        ),
        Scenario(
            "an await that is out of time, and not caught",
            ("A83", "A86"),
            people,
            [at("o", WORK), at("o", ["await!", "t", 2]), advance(10), open_gate("g"), at("m", ["alive", "t"])],
            differs=NOT_CUT,
        ),
        Scenario(
            "an await in time, and the time goes on",
            ("A81",),
            people,
            [
                at("o", WORK),
                at("o", ["await", "t", 9]),
                advance(1),
                open_gate("g"),
                advance(12),
                at("o", ["note", "on"]),
            ],
        ),
        Scenario(
            "an await without any time",
            ("A81", "A83"),
            people,
            [at("o", WORK), at("o", ["await", "t", 0]), open_gate("g"), at("o", ["yield", "t", 0])],
        ),
        Scenario(
            "a task gives an error as its value",
            ("A81",),
            people,
            _then(["await", "t"], work=["async", "t", [GATE], ["error", "boom"]]),
        ),
        *(
            Scenario(
                f"a task is {what} by another than its owner",
                ("A84",),
                people,
                [at("o", WORK), at("p", op), at("o", ["await", "t"]), open_gate("g")],
            )
            for what, op in {
                "awaited": ["await", "t"],
                "awaited among others": ["await_many", ["t"]],
                "yielded": ["yield", "t"],
                "yielded among others": ["yield_many", ["t"]],
                "shut down": ["shutdown", "t"],
                "killed": ["shutdown", "t", "brutal_kill"],
                "ignored": ["disown", "t"],
            }.items()
        ),
        Scenario(
            "a task is awaited again",
            ("A85",),
            people,
            [*_then(["await", "t"], ["await", "t", 2]), advance(10)],
            differs=AT_ONCE,
        ),
        Scenario(
            "a task is awaited again, without any time",
            ("A85",),
            people,
            _then(["await", "t"], ["await", "t", 0], ["yield", "t", 0]),
        ),
        Scenario(
            "a task is shut down when it was awaited",
            ("A85", "A88"),
            people,
            _then(["await", "t"], ["shutdown", "t"], ["shutdown", "t", "brutal_kill"]),
        ),
        Scenario(
            "a task is awaited when it was yielded",
            ("A85", "A87"),
            people,
            _then(["yield", "t"], ["await", "t", 0]),
        ),
        Scenario(
            "a task is yielded too early, and again",
            ("A87",),
            people,
            [
                at("o", WORK),
                at("o", ["yield", "t", 2]),
                advance(10),
                at("o", ["yield", "t", 0]),
                at("o", ["yield", "t"], ["yield", "t", 0]),
                open_gate("g"),
            ],
        ),
        Scenario(
            "a task is awaited when it was yielded too early",
            ("A87",),
            people,
            [at("o", WORK), at("o", ["yield", "t", 0]), at("o", ["await", "t"]), open_gate("g")],
        ),
        Scenario(
            "a task is killed that is awaited",
            ("A81", "A82"),
            {**people, "o": TRAPPING},
            [at("o", WORK), at("o", ["await", "t"]), at("m", ["signal", "t", "kill"])],
        ),
        Scenario(
            "a task is killed that is yielded",
            ("A87",),
            {**people, "o": TRAPPING},
            [at("o", WORK), at("o", ["yield", "t"]), at("m", ["signal", "t", "kill"])],
        ),
        Scenario(
            "a task is killed whose owner doesn't trap exits",
            ("A82",),
            people,
            [at("o", WORK), at("m", ["signal", "t", "kill"]), at("m", ["alive", "o"])],
        ),
        Scenario(
            "what a task has sent arrives",
            ("A28", "A79"),
            {**people, "o": TRAPPING},
            _then(["await", "t"], work=["async", "t", [["send", "o", 1], ["send", "m", 2], GATE], 7]),
        ),
        Scenario(
            "a task calls its owner, a server",
            ("A79",),
            {"o": SERVER, "m": PROC},
            [
                at("o", ["async", "t", [["call", "o", [["push", 1], ["reply_state"]]]], 7], ["gate", "h"], ["push", 2]),
                open_gate("h"),
                at("m", ["call", "o", [["reply_state"]]]),
            ],
        ),
    ]


def _owners() -> list[Scenario]:
    """The end of an owner, and its tasks."""
    return [
        *(
            Scenario(
                f"the owner of a task ends by {what}, and the task is at work",
                ("A86",),
                {"o": PROC, "m": PROC},
                [
                    at("o", WORK),
                    at("o", ["exit", reason]),
                    at("m", ["alive", "t"]),
                    open_gate("g"),
                    at("m", ["alive", "t"]),
                ],
                differs="" if reason == "normal" else NOT_CUT,
            )
            for what, reason in REASONS.items()
        ),
        *(
            Scenario(
                f"the owner of a task that traps exits ends by {what}",
                ("A86",),
                {"o": PROC, "m": PROC},
                [
                    at("o", ["async", "t", [["trap", True], GATE, ["send", "m", "done"]], 7]),
                    at("o", ["exit", reason]),
                    open_gate("g"),
                ],
            )
            for what, reason in REASONS.items()
        ),
        Scenario(
            "the owner of a task is killed, and the task is at work",
            ("A86",),
            {"o": PROC, "m": PROC},
            [
                at("o", WORK),
                at("m", ["signal", "o", "kill"]),
                at("m", ["alive", "t"]),
                open_gate("g"),
                at("m", ["alive", "t"]),
            ],
            differs=NOT_CUT,
        ),
        Scenario(
            "one of two tasks fails, and takes the owner and the other along",
            ("A82", "A86"),
            {"o": PROC, "m": PROC},
            [
                at("o", ["async", "t", [GATE, ["exit", "boom"]], 1], ["async", "u", [["gate", "h"]], 2]),
                open_gate("g"),
                open_gate("h"),
                at("m", ["alive", "u"]),
            ],
            differs=NOT_CUT,
        ),
        Scenario(
            "a task of a task",
            ("A79", "A81"),
            {"o": PROC},
            [
                at("o", ["async", "t", [["async", "u", [GATE], 1], ["await", "u"]], 2]),
                at("o", ["await", "t"]),
                open_gate("g"),
            ],
        ),
    ]


def _shutdowns() -> list[Scenario]:
    """What a shutdown makes of tasks that are at work."""
    hows: dict[str, tuple[list[Json], tuple[str, ...]]] = {
        "shut down": ([], ("A88",)),
        "shut down, with a limit": ([3], ("A88",)),
        "killed": (["brutal_kill"], ("A89",)),
    }
    return [
        *(
            Scenario(
                f"a task of {whose} that is at work is {what}",
                rules,
                {"o": owner, "m": PROC},
                [at("o", WORK), at("o", ["shutdown", "t", *how]), advance(14), open_gate("g"), at("m", ["alive", "t"])],
                differs=NOT_CUT if what != "killed" else "",
            )
            for whose, owner in OWNERS.items()
            for what, (how, rules) in hows.items()
        ),
        *(
            Scenario(
                f"a task that traps exits is {what}",
                rules,
                {"o": TRAPPING, "m": PROC},
                [
                    at("o", ["async", "t", [["trap", True], GATE], "cleaned"]),
                    at("o", ["shutdown", "t", *how]),
                    advance(1),
                    *then,
                    at("m", ["alive", "t"]),
                ],
            )
            for what, how, rules, then in (
                ("shut down, and ends in time", [9], ("A88",), [open_gate("g")]),
                ("shut down without a limit, and ends at last", [], ("A88",), [advance(9), open_gate("g")]),
                ("shut down, and is too late", [3], ("A88",), [advance(14)]),
                ("killed", ["brutal_kill"], ("A89",), [advance(1)]),
            )
        ),
        Scenario(
            "a task that is being shut down is killed by another",
            ("A88",),
            {"o": PROC, "m": PROC},
            [
                at("o", ["async", "t", [["trap", True], GATE], 7]),
                at("o", ["shutdown", "t"]),
                at("m", ["signal", "t", "kill"]),
            ],
        ),
        Scenario(
            "a task that is being shut down exits normally",
            ("A88",),
            {"o": PROC},
            [
                at("o", ["async", "t", [["trap", True], GATE, ["exit", "normal"]], 7]),
                at("o", ["shutdown", "t"]),
                open_gate("g"),
            ],
        ),
        Scenario(
            "a task that is being shut down fails, and its owner doesn't trap exits",
            ("A88",),
            {"o": PROC},
            [
                at("o", ["async", "t", [["trap", True], GATE, ["raise", "ouch"]], 7]),
                at("o", ["shutdown", "t"]),
                open_gate("g"),
                at("o", ["note", "on"]),
            ],
        ),
        Scenario(
            "a task that was killed is killed again",
            ("A89",),
            {"o": TRAPPING, "m": PROC},
            [
                at("o", WORK, ["gate", "h"], ["shutdown", "t", "brutal_kill"]),
                at("m", ["signal", "t", "kill"]),
                open_gate("h"),
            ],
        ),
        Scenario(
            "a task that was killed is shut down",
            ("A88",),
            {"o": TRAPPING, "m": PROC},
            [at("o", WORK, ["gate", "h"], ["shutdown", "t"]), at("m", ["signal", "t", "kill"]), open_gate("h")],
        ),
    ]


def _many() -> list[Scenario]:
    people = {"o": PROC, "m": PROC}
    both: list[Op] = [["async", "t", [GATE], 1], ["async", "u", [["gate", "h"]], 2]]
    names: Json = ["t", "u"]

    def fails(*ops: Op) -> list[Op]:
        return [["async", "t", [GATE, *ops], 1], ["async", "u", [["gate", "h"]], 2]]

    return [
        *(
            Scenario(
                f"two tasks are {what} together, and {order}",
                rules,
                people,
                [at("o", *both), at("o", [op, asked]), *map(open_gate, gates), at("o", ["yield", "t", 0])],
            )
            for what, op, rules in (("awaited", "await_many", ("A90",)), ("yielded", "yield_many", ("A91",)))
            for order, asked, gates in (
                ("end in their order", names, "gh"),
                ("end in the other order", names, "hg"),
                ("are asked for in the other order", names[::-1], "gh"),
            )
        ),
        Scenario(
            "no tasks are awaited and yielded",
            ("A90", "A91"),
            people,
            [at("o", ["await_many", []], ["yield_many", []])],
        ),
        *(
            Scenario(
                f"one of two tasks that are awaited together {what}",
                ("A90",),
                {**people, "o": TRAPPING},
                [
                    at("o", *fails(*ops)),
                    at("o", ["await_many", names]),
                    open_gate("g"),
                    open_gate("h"),
                    at("o", ["note", "on"]),
                ],
            )
            for what, ops in ENDS.items()
            if ops
        ),
        *(
            Scenario(
                f"one of two tasks that are yielded together {what}",
                ("A91",),
                {**people, "o": TRAPPING},
                [
                    at("o", *fails(*ops)),
                    at("o", ["yield_many", names]),
                    open_gate("g"),
                    open_gate("h"),
                    at("o", ["note", "on"]),
                ],
            )
            for what, ops in ENDS.items()
            if ops
        ),
        Scenario(
            "two tasks are awaited together, and one is out of time",
            ("A90",),
            people,
            [
                at("o", *both),
                at("o", ["await_many", names, 7]),
                open_gate("g"),
                advance(14),
                open_gate("h"),
                at("o", ["yield", "t", 0], ["yield", "u", 0]),
            ],
        ),
        Scenario(
            "two tasks are yielded together, and one is out of time",
            ("A91",),
            people,
            [
                at("o", *both),
                at("o", ["yield_many", names, 7]),
                open_gate("g"),
                advance(14),
                at("o", ["yield", "t", 0], ["await", "u"]),
                open_gate("h"),
            ],
        ),
        Scenario(
            "one clock runs for all that are awaited together",
            ("A90",),
            people,
            [
                at("o", *both),
                at("o", ["await_many", names, 16]),
                advance(9),
                open_gate("g"),
                advance(14),
                open_gate("h"),
            ],
        ),
        Scenario(
            "messages to an owner wait while it awaits many",
            ("A90",),
            people,
            [at("o", *both), at("o", ["await_many", names]), at("m", ["send", "o", 1]), open_gate("g"), open_gate("h")],
        ),
    ]


def _enough() -> list[Scenario]:
    """Tasks that are yielded together, with a limit, or with what becomes of those that are late."""
    works: list[Op] = [
        ["async", name, [["gate", name], ["send", "m", name]], number] for number, name in enumerate("tuv", 1)
    ]
    one, two = (["ok", number] for number in (1, 2))

    def did(op: str, *outcomes: Json) -> list[Json]:
        return [["did", op, outcome] for outcome in outcomes]

    def yields(what: str, options: Json, *steps: Step, seen: list[Json]) -> Scenario:
        return Scenario(
            f"three tasks are yielded together {what}",
            ("A91",),
            {"o": PROC, "m": PROC},
            [
                at("o", *works),
                at("o", ["catch", [["yield_many", ["t", "u", "v"], 7, options]]]),
                open_gate("t"),
                *steps,
            ],
            newer=Newer(
                "Elixir 1.19",
                "some tasks may be enough, and the late ones may be killed or ignored (A91)",
                ([2, "o#1", "o#1", []], *seen),
            ),
        )

    return [
        *(
            yields(
                f"of which one is enough{what}",
                options,
                at("o", ["yield", "t", 0], ["yield", "u"], ["yield", "v"]),
                *map(open_gate, "uv"),
                seen=[[3, "o#1", "o#1", did("yield_many", [one, None, None])]],
            )
            for what, options in (
                ("", {"limit": 1}),
                (", and no late one is to be killed", {"limit": 1, "on_timeout": "kill_task"}),
            )
        ),
        yields(
            "of which two are enough",
            {"limit": 2},
            open_gate("u"),
            at("o", ["yield", "u", 0], ["yield", "v"]),
            open_gate("v"),
            seen=[[4, "o#1", "o#1", did("yield_many", [one, two, None])]],
        ),
        yields(
            "and those that are late are killed",
            {"on_timeout": "kill_task"},
            advance(14),
            at("o", ["yield", "u", 0]),
            *map(open_gate, "uv"),
            seen=[
                [4, "o#1", "o#1", did("yield_many", [one, None, None])],
                *([4, "*", f"{late}#1", [["end", "killed"]]] for late in "uv"),
                *([epoch, "*", f"{late}#1", []] for epoch, late in ((6, "u"), (7, "v"))),
                *([epoch, "m#1", f"{late}#1", []] for epoch, late in ((6, "u"), (7, "v"))),
            ],
        ),
        yields(
            "and those that are late are ignored",
            {"on_timeout": "ignore"},
            advance(14),
            at("o", ["exit", "boom"]),
            *map(open_gate, "uv"),
            seen=[
                [4, "o#1", "o#1", did("yield_many", [one, None, None])],
                *([5, "*", f"{late}#1", []] for late in "uv"),
                *([epoch, "*", f"{late}#1", [["end", "normal"]]] for epoch, late in ((6, "u"), (7, "v"))),
                *([epoch, "m#1", f"{late}#1", [["msg", late]]] for epoch, late in ((6, "u"), (7, "v"))),
            ],
        ),
    ]


def _alone() -> list[Scenario]:
    """Tasks that nobody waits for."""
    return [
        *(
            Scenario(
                f"a task is ignored, and {what}",
                ("A92",),
                {"o": owner, "m": PROC},
                [
                    at("o", ["async", "t", [GATE, *ops], 7]),
                    at("o", ["disown", "t"]),
                    open_gate("g"),
                    at("o", ["yield", "t", 0], ["note", "on"]),
                ],
            )
            for owner, what, ops in (
                (PROC, "returns", []),
                (TRAPPING, "returns to one that traps exits", []),
                (PROC, "raises", [["raise", "ouch"]]),
                (TRAPPING, "raises, of one that traps exits", [["raise", "ouch"]]),
            )
        ),
        Scenario(
            "the owner of an ignored task ends",
            ("A92",),
            {"o": PROC, "m": PROC},
            [at("o", WORK), at("o", ["disown", "t"], ["exit", "boom"]), at("m", ["alive", "t"]), open_gate("g")],
        ),
        *(
            Scenario(
                f"a task that needs no process is {what}",
                ("A92",),
                {"o": PROC},
                [at("o", ["completed", "t", 7], op, ["yield", "t", 0])],
                differs=LENIENT if op[0] in ("shutdown", "disown") else "",
            )
            for what, op in {
                "awaited": ["await", "t"],
                "yielded": ["yield", "t"],
                "awaited among others": ["await_many", ["t"]],
                "yielded among others": ["yield_many", ["t"]],
                "shut down": ["shutdown", "t"],
                "ignored": ["disown", "t"],
            }.items()
        ),
        *(
            Scenario(
                f"a function that runs {what} {how}",
                ("A93",),
                {"o": PROC, "t": TRAPPING, "m": PROC},
                [
                    at("o", ["run", "f", [GATE, *ops], link], ["note", "on"]),
                    at("t", ["link", "f"]),
                    open_gate("g"),
                    at("m", ["alive", "o"]),
                ],
            )
            for what, link in (("alone", "start"), ("with a link", "link"))
            for how, ops in (("returns", []), ("raises", [["raise", "ouch"]]), ("exits normally", [["exit", "normal"]]))
        ),
        Scenario(
            "a function that runs alone outlives its starter",
            ("A93",),
            {"o": PROC, "m": PROC},
            [at("o", ["run", "f", [GATE, ["send", "m", "done"]], "start"]), at("o", ["exit", "boom"]), open_gate("g")],
        ),
    ]


def _streams() -> list[Scenario]:
    def item(name: str, *ops: Op) -> Json:
        return [name, [["gate", name], *ops], f"value of {name}"]

    def says(name: str) -> Json:
        return [name, [["send", "m", name], ["gate", name]], f"value of {name}"]

    people = {"o": PROC, "m": PROC}
    trapping = {"o": TRAPPING, "m": PROC}
    two: Json = {"max_concurrency": 2}
    three = [says(name) for name in "abc"]
    wrong: Json = {**two, "on_timeout": "wat"}

    def refused(*seen: Json) -> Newer:
        why = "options of a stream that can't be are refused before anything is started (A100)"
        return Newer("Elixir 1.19", why, ([1, "o#1", "o#1", list(seen)],))

    return [
        *(
            Scenario(
                f"a stream that is {what}, and its tasks end {order}",
                ("A95", "A96"),
                people,
                [at("o", ["stream", three, {**two, "ordered": ordered}]), *map(open_gate, gates)],
            )
            for what, ordered in (("in order", True), ("in no order", False))
            for order, gates in (("in it", "abc"), ("the other way round", "bca"))
        ),
        *(
            Scenario(
                f"a stream of {width} at once",
                ("A95",),
                people,
                [
                    at("o", ["stream", [says(name) for name in "abcd"], {"max_concurrency": width}]),
                    *map(open_gate, "abcd"),
                ],
            )
            for width in (1, 2, 3, 4, 5)
        ),
        Scenario(
            "a slow head of a stream doesn't stop the others",
            ("A96",),
            people,
            [at("o", ["stream", [says(name) for name in "abcd"], two]), *map(open_gate, "bcda")],
        ),
        Scenario(
            "a slow head of a stream doesn't stop five others, which end before it",
            ("A96",),
            people,
            [at("o", ["stream", [says(name) for name in "abcdef"], two]), *map(open_gate, "bcdefa")],
        ),
        *(
            Scenario(
                f"three at once of a stream that is {what}, and the second ends first",
                ("A95", "A96"),
                people,
                [
                    at("o", ["stream", three, {"max_concurrency": 3, "ordered": ordered}]),
                    *map(open_gate, "bca"),
                    at("o", ["note", "on"]),
                ],
            )
            for what, ordered in (("in order", True), ("in no order", False))
        ),
        Scenario(
            "three at once of a stream of eight",
            ("A95",),
            people,
            [
                at("o", ["stream", [says(name) for name in "abcdefgh"], {"max_concurrency": 3}]),
                *map(open_gate, "abcdefgh"),
            ],
        ),
        Scenario(
            "a stream that is made and not gone through starts nothing",
            ("A95",),
            people,
            [at("o", ["note", "off"], ["make_stream", three, two], ["note", "on"])],
        ),
        Scenario("a stream of nothing", ("A95",), people, [at("o", ["stream", [], two])]),
        *(
            Scenario(
                f"an element of a stream of {whose} {what}",
                ("A97",),
                cast,
                [
                    at("o", ["stream", [item("a"), item("b", *ops), item("c")], two]),
                    *map(open_gate, "abc"),
                    at("o", ["note", "on"]),
                ],
                differs=BY_EXCEPTION if cast is people and what != "exits normally" else "",
            )
            for whose, cast in (("one", people), ("one that traps exits", trapping))
            for what, ops in ENDS.items()
            if ops
        ),
        Scenario(
            "an element of a stream is killed",
            ("A97",),
            trapping,
            [at("o", ["stream", [item("a"), item("b")], two]), at("m", ["signal", "a", "kill"]), open_gate("b")],
        ),
        *(
            Scenario(
                f"an element of a stream of {whose} takes too long, and {what}",
                ("A98",),
                cast,
                [
                    at("o", ["stream", [item("a"), item("b")], {**two, "timeout": 8, **options}]),
                    open_gate("a"),
                    advance(18),
                    at("m", ["alive", "b"]),
                    at("o", ["note", "on"]),
                ],
            )
            for whose, cast in (("one", people), ("one that traps exits", trapping))
            for what, options in (
                ("ends it", {}),
                ("is killed", {"on_timeout": "kill_task"}),
                ("is killed, and told with what it was given", {"on_timeout": "kill_task", "zip_input_on_exit": True}),
            )
        ),
        Scenario(
            "an element of a stream fails, and is told with what it was given",
            ("A98",),
            trapping,
            [
                at("o", ["stream", [item("a", ["exit", "boom"]), item("b")], {**two, "zip_input_on_exit": True}]),
                open_gate("a"),
                open_gate("b"),
            ],
        ),
        *(
            Scenario(
                f"a stream of {whose}, of which one is taken",
                ("A99",),
                cast,
                [
                    at("o", ["stream", [item(name) for name in "abc"], two, 1], ["alive", "b"]),
                    open_gate("a"),
                    at("o", ["note", "on"]),
                ],
            )
            for whose, cast in (("one", people), ("one that traps exits", trapping))
        ),
        *(
            Scenario(
                f"a stream with {what}",
                ("A100",),
                people,
                [at("o", ["catch", [["stream", [item("a")], options]]], ["note", "on"])],
                newer=newer,
            )
            for what, options, newer in (
                ("no task at once", {"max_concurrency": 0}, None),
                ("a time-out that does what there isn't", wrong, refused(["did", "catch", ["error"]], ["note", "on"])),
            )
        ),
        *(
            Scenario(
                f"a stream with {what} is made, and not gone through",
                ("A100",),
                people,
                [at("o", ["catch", [["make_stream", [item("a")], options]]], ["note", "on"])],
                newer=refused(["did", "catch", ["error"]], ["note", "on"]),
            )
            for what, options in (
                ("no task at once", {"max_concurrency": 0}),
                ("a time-out that does what there isn't", wrong),
            )
        ),
        Scenario(
            "who goes through a stream is killed",
            ("A99",),
            people,
            [
                at("o", ["stream", [item("a"), item("b")], two]),
                at("m", ["signal", "o", "kill"]),
                at("m", ["alive", "a"]),
            ],
        ),
    ]


def _messages() -> list[Scenario]:
    """What a server gets of its tasks that it doesn't wait for."""
    scenarios = []
    for whom, spec in (("a server", SERVER), ("a server that traps exits", {**SERVER, "trap": True})):
        for what, ops in ENDS.items():
            # Of one that fails, what it said before may come too late for a server that its end takes along (A12).
            says: list[Op] = [["send", "s", "hi"]] if what == "returns" else []
            scenarios.append(
                Scenario(
                    f"a task of {whom} {what}, and tells so by messages",
                    ("A94",),
                    {"s": {**spec, "hears_tasks": True}, "m": PROC},
                    [
                        at("s", ["async", "t", [GATE, *says, *ops], 7]),
                        open_gate("g"),
                        at("m", ["alive", "s"], ["alive", "t"]),
                    ],
                    differs=NO_MESSAGE if spec.get("trap") or what in ("returns", "exits normally") else "",
                )
            )
    return scenarios


SCENARIOS = [
    *_ends(),
    *_messages(),
    *_awaits(),
    *_owners(),
    *_shutdowns(),
    *_many(),
    *_enough(),
    *_alone(),
    *_streams(),
]
