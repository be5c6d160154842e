"""Processes: ends, links, exit signals, monitors, names, timers (rules A1 to A45)."""

from __future__ import annotations

from tests.conformance.language import Json, Op, Scenario, advance, at, race

__all__ = ["SCENARIOS"]

PROC: Json = {"kind": "proc"}
TRAPPING: Json = {"kind": "proc", "trap": True}

PARENT = "every actor that was started with a link has a parent, whose end it follows as a GenServer does (A23, A63)"

OVERTAKES = (
    "a signal takes effect when its target is between two messages, and a kill at once, since `Killed()` tells that "
    "its victim's code may still run (A6, A21)"
)

ENDS: dict[str, list[Op]] = {
    "normal": [["exit", "normal"]],
    "shutdown": [["exit", "shutdown"]],
    "shutdown with a detail": [["exit", ["shutdown", 1]]],
    "a reason of its own": [["exit", "boom"]],
    "a reason called kill": [["exit", "kill"]],
    "an exception": [["raise", "ouch"]],
}

SIGNALS: dict[str, Json] = {
    "normal": "normal",
    "shutdown": "shutdown",
    "shutdown with a detail": ["shutdown", 1],
    "a reason of its own": "boom",
    "a kill": "kill",
    "killed": "killed",
}

KINDS: dict[str, Json] = {"a process": PROC, "a trapping process": TRAPPING}


def _ends() -> list[Scenario]:
    """Each end, with who is linked to it and who watches."""
    scenarios = []
    for what, ops in ENDS.items():
        watchers = {"t": TRAPPING, "n": PROC, "m": PROC, "p": PROC}
        setups = [at("t", ["link", "p"]), at("n", ["link", "p"]), at("m", ["monitor", "p", "m1"])]
        scenarios.append(
            Scenario(
                f"the end by {what}, as links and monitors see it",
                ("A1", "A2", "A3", "A5", "A12", "A13", "A14", "A24"),
                watchers,
                [*setups, at("p", *ops), at("m", ["alive", "n"], ["alive", "t"], ["alive", "p"])],
            )
        )
        scenarios.append(
            Scenario(
                f"the end by {what}, after messages",
                ("A28",),
                {"t": TRAPPING, "m": PROC, "p": PROC},
                [
                    at("t", ["link", "p"]),
                    at("m", ["monitor", "p", "m1"]),
                    at("p", *[["send", to, n] for n in (1, 2, 3) for to in ("t", "m")], *ops),
                ],
            )
        )
        if what != "an exception":
            scenarios.append(
                Scenario(
                    f"an exit by {what} that is caught",
                    ("A3",),
                    {"m": PROC, "p": PROC},
                    [at("m", ["monitor", "p", "m1"]), at("p", ["catch", ops], ["send", "m", "alive"])],
                )
            )
        scenarios.append(
            Scenario(
                f"the end by {what}, along a chain of links",
                ("A12", "A13"),
                {"t": TRAPPING, "a": PROC, "b": PROC, "c": PROC},
                [
                    at("t", ["link", "a"]),
                    at("a", ["link", "b"]),
                    at("b", ["link", "c"]),
                    at("c", *ops),
                    at("t", *[["alive", one] for one in "abc"]),
                ],
            )
        )
        for how, differs in (("server", ""), ("proc", PARENT)):
            scenarios.append(
                Scenario(
                    f"a {how}'s parent ends by {what}",
                    ("A22", "A23", "A63"),
                    {"p": PROC, "m": PROC},
                    [
                        at(
                            "p",
                            ["start", "n", {"kind": how}, "link"],
                            ["start", "t", {"kind": how, "trap": True}, "link"],
                        ),
                        at("m", ["monitor", "n", "m1"], ["monitor", "t", "m2"]),
                        at("p", *ops),
                        at("m", ["alive", "n"], ["alive", "t"]),
                    ],
                    differs=differs,
                )
            )
    return scenarios


def _thrown() -> list[Scenario]:
    """What is thrown, and never caught, as links, monitors and the name see it."""
    watchers = {"t": TRAPPING, "n": PROC, "m": PROC, "p": PROC}
    setups = [at("t", ["link", "p"]), at("n", ["link", "p"]), at("m", ["monitor", "p", "m1"], ["register", "x", "p"])]
    return [
        Scenario(
            f"{what} that is thrown and never caught",
            ("A4", "A12", "A13"),
            watchers,
            [*setups, at("p", ["throw", value]), at("m", ["alive", "n"], ["alive", "t"], ["whereis", "x"])],
        )
        for what, value in (("a word", "ball"), ("a list", ["a", 1]), ("what would be an orderly reason", "normal"))
    ]


def _signals() -> list[Scenario]:
    """Each signal, to each kind of process, with and without a link."""
    scenarios = []
    for what, reason in SIGNALS.items():
        for whom, spec in KINDS.items():
            for linked in (False, True):
                scenarios.append(  # noqa: PERF401
                    Scenario(
                        f"{what} as a signal to {whom}{' that is linked' if linked else ''}",
                        ("A6", "A12", "A13", "A15"),
                        {"s": TRAPPING, "v": spec, "m": PROC},
                        [
                            at("m", ["monitor", "v", "m1"]),
                            *([at("s", ["link", "v"])] if linked else []),
                            at("s", ["signal", "v", reason]),
                            at("m", ["alive", "v"], ["alive", "s"]),
                        ],
                    )
                )
            scenarios.append(
                Scenario(
                    f"{what} as a signal of {whom} to itself",
                    ("A16",),
                    {"v": spec, "m": PROC},
                    [at("m", ["monitor", "v", "m1"]), at("v", ["signal", "v", reason]), at("m", ["alive", "v"])],
                )
            )
        scenarios.append(
            Scenario(
                f"{what} as a signal to a dead process",
                ("A7",),
                {"s": PROC, "v": PROC},
                [at("v", ["exit", "normal"]), at("s", ["signal", "v", reason], ["send", "v", 1], ["note", "on"])],
            )
        )
    for first, second in (("a", "b"), ("kill", "a"), ("normal", "a"), ("a", "normal")):
        for whom, spec in KINDS.items():
            scenarios.append(
                Scenario(
                    f"{first} and then {second} as signals to {whom}",
                    ("A21",),
                    {"s": PROC, "v": spec, "m": PROC},
                    [at("m", ["monitor", "v", "m1"]), at("s", ["signal", "v", first], ["signal", "v", second])],
                )
            )
    scenarios.append(
        Scenario(
            "a fatal signal, and a kill right behind it",
            ("A21",),
            {"s": PROC, "v": PROC, "m": PROC},
            [at("m", ["monitor", "v", "m1"]), race(("s", [["signal", "v", "boom"], ["signal", "v", "kill"]]))],
            differs=OVERTAKES,
        )
    )
    return scenarios


def _trapping() -> list[Scenario]:
    return [
        Scenario(
            f"trapping, switched {'off' if after else 'on'} before the exit",
            ("A17",),
            {"v": {"kind": "proc", "trap": not after}, "p": PROC, "m": PROC},
            [at("m", ["monitor", "v", "m1"]), at("v", ["link", "p"], ["trap", after]), at("p", ["exit", "boom"])],
        )
        for after in (False, True)
    ] + [
        Scenario(
            "trapping, switched off with an exit in the mailbox",
            ("A17",),
            {"v": TRAPPING, "p": PROC},
            [
                at("v", ["link", "p"]),
                at("v", ["gate", "g"], ["trap", False]),
                at("p", ["exit", "boom"]),
                {"open": "g"},
                at("v", ["alive", "v"]),
            ],
        )
    ]


def _links() -> list[Scenario]:
    scenarios = []
    ops: dict[str, list[Op]] = {
        "linked once": [["link", "p"]],
        "linked twice": [["link", "p"], ["link", "p"]],
        "linked and unlinked": [["link", "p"], ["unlink", "p"]],
        "linked twice and unlinked": [["link", "p"], ["link", "p"], ["unlink", "p"]],
        "unlinked without a link": [["unlink", "p"]],
        "unlinked and linked": [["unlink", "p"], ["link", "p"]],
    }
    for what, done in ops.items():
        for whom, spec in KINDS.items():
            for reason in ("boom", "normal"):
                scenarios.append(  # noqa: PERF401
                    Scenario(
                        f"{whom} {what}, and an end by {reason}",
                        ("A11", "A12", "A13", "A19", "A20"),
                        {"v": spec, "p": PROC},
                        [at("v", *done), at("p", ["exit", reason]), at("v", ["note", "alive"])],
                    )
                )
    for whom, spec in KINDS.items():
        scenarios += [
            Scenario(
                f"{whom} links a dead process",
                ("A18",),
                {"v": spec, "p": PROC},
                [at("p", ["exit", "boom"]), at("v", ["link", "p"], ["note", "on"])],
            ),
            Scenario(
                f"{whom} unlinks a dead process",
                ("A20",),
                {"v": spec, "p": PROC},
                [at("p", ["exit", "boom"]), at("v", ["unlink", "p"], ["note", "on"])],
            ),
            Scenario(
                f"{whom} links itself",
                ("A11",),
                {"v": spec, "m": PROC},
                [at("m", ["monitor", "v", "m1"]), at("v", ["link", "v"], ["note", "on"], ["exit", "boom"])],
            ),
            Scenario(
                f"{whom} is unlinked by the other side",
                ("A11", "A19"),
                {"v": spec, "p": PROC},
                [at("v", ["link", "p"]), at("p", ["unlink", "v"], ["exit", "boom"]), at("v", ["note", "on"])],
            ),
            Scenario(
                f"{whom} is linked with many that end together",
                ("A12", "A13"),
                {"v": spec, "a": PROC, "b": PROC, "c": PROC},
                [
                    at("v", ["link", "a"]),
                    at("a", ["link", "b"], ["link", "c"]),
                    at("v", ["link", "b"], ["link", "c"]),
                    at("a", ["exit", "boom"]),
                ],
            ),
        ]
    scenarios += [
        Scenario(
            "an exit that has arrived when the link is undone",
            ("A19",),
            {"t": TRAPPING, "p": PROC},
            [
                at("t", ["link", "p"]),
                at("t", ["gate", "g"], ["unlink", "p"]),
                at("p", ["exit", "boom"]),
                {"open": "g"},
            ],
        ),
        Scenario(
            "two links of a star, with a kill",
            ("A12", "A14"),
            {"hub": PROC, "a": PROC, "b": TRAPPING, "m": PROC},
            [
                at("m", ["monitor", "hub", "1"], ["monitor", "a", "2"], ["monitor", "b", "3"]),
                at("hub", ["link", "a"], ["link", "b"]),
                at("m", ["signal", "hub", "kill"]),
            ],
        ),
    ]
    return scenarios


def _monitors() -> list[Scenario]:
    scenarios = []
    for count in (1, 2, 3):
        for what, ops in ENDS.items():
            scenarios.append(
                Scenario(
                    f"{count} monitors of one process, and its end by {what}",
                    ("A24", "A29"),
                    {"m": PROC, "p": PROC},
                    [at("m", *[["monitor", "p", f"m{n}"] for n in range(count)]), at("p", *ops)],
                )
            )
    for what, ops in ENDS.items():
        scenarios.append(
            Scenario(
                f"a monitor of a process that ended by {what} before",
                ("A25",),
                {"m": PROC, "p": PROC},
                [at("p", *ops), at("m", ["monitor", "p", "m1"])],
            )
        )
    for flush in (False, True):
        flushed = " with flush" if flush else ""
        scenarios += [
            Scenario(
                f"a monitor ended{flushed} before the end",
                ("A26",),
                {"m": PROC, "p": PROC},
                [at("m", ["monitor", "p", "m1"], ["demonitor", "m1", flush]), at("p", ["exit", "boom"])],
            ),
            Scenario(
                f"a monitor ended{flushed} twice",
                ("A26",),
                {"m": PROC, "p": PROC},
                [
                    at("m", ["monitor", "p", "m1"], ["demonitor", "m1", flush], ["demonitor", "m1", flush]),
                    at("p", ["exit", "boom"]),
                ],
            ),
            Scenario(
                f"a monitor ended{flushed} with its down in the mailbox",
                ("A26",),
                {"m": PROC, "p": PROC},
                [
                    at("m", ["monitor", "p", "m1"], ["gate", "g"], ["demonitor", "m1", flush]),
                    at("p", ["exit", "boom"]),
                    {"open": "g"},
                ],
            ),
            Scenario(
                f"one of two monitors ended{flushed}",
                ("A24", "A26"),
                {"m": PROC, "p": PROC},
                [
                    at("m", ["monitor", "p", "m1"], ["monitor", "p", "m2"], ["demonitor", "m1", flush]),
                    at("p", ["exit", "boom"]),
                ],
            ),
            Scenario(
                f"a monitor of a dead process ended{flushed} at once",
                ("A26",),
                {"m": PROC, "p": PROC},
                [at("p", ["exit", "boom"]), at("m", ["monitor", "p", "m1"], ["demonitor", "m1", flush])],
            ),
            Scenario(
                f"a monitor ended{flushed} by another",
                ("A30",),
                {"m": PROC, "o": PROC, "p": PROC},
                [at("m", ["monitor", "p", "m1"]), at("o", ["demonitor", "m1", flush]), at("p", ["exit", "boom"])],
            ),
        ]
    scenarios += [
        Scenario(
            "a monitor of oneself",
            ("A30",),
            {"m": PROC},
            [at("m", ["monitor", "m", "m1"], ["note", "on"], ["demonitor", "m1", True])],
        ),
        Scenario(
            "a link and a monitor of the same process",
            ("A29",),
            {"t": TRAPPING, "p": PROC},
            [at("t", ["link", "p"], ["monitor", "p", "m1"]), at("p", ["exit", "boom"])],
        ),
        Scenario(
            "a monitor and a link of the same process",
            ("A29",),
            {"t": TRAPPING, "p": PROC},
            [at("t", ["monitor", "p", "m1"], ["link", "p"]), at("p", ["exit", "boom"])],
        ),
        Scenario(
            "a watcher ends, and who was watched after it",
            ("A31",),
            {"m": PROC, "p": PROC},
            [at("m", ["monitor", "p", "m1"], ["exit", "boom"]), at("p", ["note", "on"], ["exit", "boom"])],
        ),
        Scenario(
            "two who watch each other",
            ("A24", "A31"),
            {"a": PROC, "b": PROC},
            [at("a", ["monitor", "b", "m1"]), at("b", ["monitor", "a", "m2"]), at("a", ["exit", "x"])],
        ),
    ]
    return scenarios


def _names() -> list[Scenario]:
    actors = {"a": PROC, "b": PROC, "m": TRAPPING}
    register: list[Op] = [["register", "n", "a"]]
    tables: dict[str, tuple[tuple[str, ...], list[Op]]] = {
        "a name of its own": (("A32", "A33"), [*register, ["whereis", "n"]]),
        "a name that is taken": (("A32",), [*register, ["register", "n", "b"], ["whereis", "n"]]),
        "a name that it has": (("A32",), [*register, ["register", "n", "a"], ["whereis", "n"]]),
        "a second name": (("A32",), [*register, ["register", "o", "a"], ["whereis", "n"], ["whereis", "o"]]),
        "a name after another was freed": (
            ("A32", "A33"),
            [*register, ["unregister", "n"], ["register", "o", "a"], ["whereis", "n"], ["whereis", "o"]],
        ),
        "a name that is freed by another": (("A33",), [*register, ["unregister", "n"], ["whereis", "n"]]),
        "a name that is freed twice": (("A33",), [*register, ["unregister", "n"], ["unregister", "n"]]),
        "a name that passes on": (
            ("A33",),
            [*register, ["unregister", "n"], ["register", "n", "b"], ["whereis", "n"], ["send", "@n", 1]],
        ),
        "a name that nobody has": (
            ("A7", "A33"),
            [["whereis", "n"], ["unregister", "n"], ["send", "@n", 1], ["alive", "@n"]],
        ),
        "a message to a name": (("A33",), [*register, ["send", "@n", 1], ["send", "@n", 2]]),
    }
    scenarios = [Scenario(what, rules, actors, [at("m", *ops)]) for what, (rules, ops) in tables.items()]
    for what, ops in ENDS.items():
        scenarios += [
            Scenario(
                f"the name of one that ends by {what} is free for another",
                ("A8", "A33"),
                actors,
                [
                    at("m", *register, ["monitor", "a", "m1"], ["link", "a"]),
                    at("a", *ops),
                    at("m", ["whereis", "n"], ["alive", "a"], ["register", "n", "b"], ["whereis", "n"]),
                ],
            ),
            Scenario(
                f"a monitor by name, and an end by {what}",
                ("A27",),
                actors,
                [at("m", *register, ["monitor", "@n", "m1"]), at("a", *ops)],
            ),
        ]
    scenarios += [
        Scenario(
            "a dead process gets no name",
            ("A32",),
            actors,
            [at("a", ["exit", "normal"]), at("m", ["register", "n", "a"], ["whereis", "n"])],
        ),
        Scenario("a monitor of a name that nobody has", ("A27",), actors, [at("m", ["monitor", "@n", "m1"])]),
        Scenario(
            "a monitor by name stays with who had the name",
            ("A27",),
            actors,
            [
                at("m", *register, ["monitor", "@n", "m1"], ["unregister", "n"], ["register", "n", "b"]),
                at("b", ["exit", "boom"]),
                at("a", ["exit", "bang"]),
            ],
        ),
        Scenario(
            "the next holder of a name gets no old mail",
            ("A10",),
            actors,
            [
                at("m", *register),
                at("a", ["gate", "g"]),
                at("m", ["send", "@n", 1], ["signal", "a", "kill"]),
                at("m", ["register", "n", "b"], ["send", "@n", 2]),
            ],
        ),
    ]
    return scenarios


def _timers() -> list[Scenario]:
    actors = {"a": PROC, "b": PROC, "m": PROC}
    timers = [["after", "t1", "a", 1, 2], ["after", "t2", "a", 2, 4], ["after", "t3", "a", 3, 6]]
    scenarios = [
        Scenario(f"three timers, after {ticks} ticks", ("A40", "A44"), actors, [at("m", *timers), advance(ticks)])
        for ticks in (1, 3, 5, 8)
    ]
    scenarios += [
        Scenario(
            f"three timers, the {which} cancelled",
            ("A41",),
            actors,
            [at("m", *timers, ["cancel", which], ["cancel", which], ["remaining", which]), advance(8)],
        )
        for which in ("t1", "t2", "t3")
    ]
    scenarios += [
        Scenario(
            "a timer cancelled when it has fired",
            ("A41",),
            actors,
            [at("m", ["after", "t", "a", 1, 1]), advance(3), at("m", ["remaining", "t"], ["cancel", "t"])],
        ),
        Scenario(
            "a timer that is not due yet",
            ("A41",),
            actors,
            [at("m", ["after", "t", "a", 1, 9], ["remaining", "t"]), advance(1), at("m", ["remaining", "t"])],
        ),
        Scenario(
            "timers with one deadline, in the order made",
            ("A44",),
            actors,
            [at("m", *[["after", f"t{n}", "a", n, 2] for n in range(4)]), advance(4)],
        ),
        Scenario(
            "a timer for a dead process",
            ("A42",),
            actors,
            [at("a", ["exit", "normal"]), at("m", ["after", "t", "a", 1, 2], ["remaining", "t"], ["cancel", "t"])],
        ),
        Scenario(
            "a timer whose process dies",
            ("A42",),
            actors,
            [
                at("m", ["after", "t", "a", 1, 9], ["remaining", "t"]),
                at("a", ["exit", "normal"]),
                at("m", ["remaining", "t"], ["cancel", "t"]),
            ],
        ),
        Scenario(
            "a timer for a name goes to who has it then",
            ("A42",),
            actors,
            [
                at("m", ["register", "n", "a"], ["after", "t", "@n", 1, 3]),
                at("a", ["exit", "normal"]),
                at("m", ["remaining", "t"], ["register", "n", "b"]),
                advance(5),
            ],
        ),
        Scenario(
            "a timer for a name that nobody has then",
            ("A42",),
            actors,
            [
                at("m", ["register", "n", "a"], ["after", "t", "@n", 1, 2]),
                at("a", ["exit", "normal"]),
                advance(4),
                at("m", ["note", "on"]),
            ],
        ),
        Scenario(
            "a timer outlives its maker",
            ("A43",),
            actors,
            [at("m", ["after", "t", "a", 1, 2], ["exit", "boom"]), advance(4)],
        ),
        Scenario(
            "a timer cancelled by another",
            ("A43",),
            actors,
            [at("m", ["after", "t", "a", 1, 2]), at("b", ["remaining", "t"], ["cancel", "t"]), advance(4)],
        ),
    ]
    return scenarios


SCENARIOS = [*_ends(), *_thrown(), *_signals(), *_trapping(), *_links(), *_monitors(), *_names(), *_timers()]
