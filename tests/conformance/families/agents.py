"""Agents: their states, what is done to them, and how they fail (rules A101 to A106)."""

from __future__ import annotations

from tests.conformance.language import Json, Newer, Op, Scenario, advance, at, open_gate

__all__ = ["SCENARIOS"]

PROC: Json = {"kind": "proc"}
TRAPPING: Json = {"kind": "proc", "trap": True}
AGENT: Json = {"kind": "agent", "init": [["push", 0]]}
PEOPLE: Json = {"a": AGENT, "c": PROC, "m": PROC}

NO_SIGNAL = "a failed start_link is an exception only, and no exit signal comes on top (A49)"
CONSUMED = Newer(
    "OTP 27",
    "the exit of a child that failed to start is taken out of its starter's mailbox (A50)",
    ([1, "c#1", "a#1", []],),
)

ASKS = ("get", "update", "get_and_update")
"""What is asked of an agent."""

FAILS: dict[str, Op] = {
    "raises": ["raise", "ouch"],
    "exits": ["exit", "boom"],
    "exits normally": ["exit", "normal"],
    "exits with shutdown": ["exit", "shutdown"],
}

VALUES: dict[str, Json] = {
    "nothing": None,
    "a word that is a return of servers": "ignore",
    "a list that is a return of servers": ["stop", 1],
    "a number": 7,
}

PUSH: list[Op] = [["push", 1]]


def _starts() -> list[Scenario]:
    return [
        *(
            Scenario(
                f"an agent begins with {what}",
                ("A102",),
                {"c": PROC},
                [at("c", ["start", "a", {**AGENT, "init": [["bad", value]]}], ["look", "a"])],
            )
            for what, value in VALUES.items()
        ),
        *(
            Scenario(
                f"the function that makes an agent's state {what}",
                ("A102",),
                {"c": PROC, "m": PROC},
                [at("c", ["start", "a", {**AGENT, "init": [fail]}], ["note", "on"]), at("m", ["alive", "a"])],
            )
            for what, fail in FAILS.items()
        ),
        *(
            Scenario(
                f"the function that makes an agent's state {what}, with a link to one that traps exits",
                ("A50", "A102"),
                {"c": TRAPPING, "m": PROC},
                [at("c", ["start", "a", {**AGENT, "init": [fail]}, "link"], ["note", "on"]), at("m", ["alive", "a"])],
                newer=CONSUMED,
            )
            for what, fail in FAILS.items()
        ),
        Scenario(
            "the function that makes an agent's state exits, with a link",
            ("A49", "A102"),
            {"c": PROC, "m": PROC},
            [
                at("c", ["start_unseen", "a", {**AGENT, "init": [["exit", "boom"]]}, "link"], ["gate", "g"]),
                at("m", ["alive", "c"]),
            ],
            differs=NO_SIGNAL,
        ),
        Scenario(
            "a start waits for the state of the agent",
            ("A46", "A102"),
            {"c": PROC, "m": PROC},
            [
                at("c", ["start", "a", {**AGENT, "init": [["gate", "g"], ["push", 0]]}], ["note", "on"]),
                at("m", ["get", "a", PUSH]),
                open_gate("g"),
            ],
        ),
        Scenario(
            "an agent under a name that is taken",
            ("A34",),
            {**PEOPLE, "a": {**AGENT, "name": "q"}},
            [at("c", ["start", "b", {**AGENT, "name": "q"}]), at("m", ["whereis", "q"])],
        ),
    ]


def _changes() -> list[Scenario]:
    named = {**PEOPLE, "a": {**AGENT, "name": "q"}}
    scenarios = []
    for who, actors, to in (("an agent", PEOPLE, "a"), ("an agent by its name", named, "@q")):
        scenarios += [
            Scenario(
                f"{what} of {who}",
                ("A101",),
                actors,
                [at("c", [what, to, PUSH], [what, to, [["push", 2]]]), at("m", ["look", "a"])],
            )
            for what in ASKS
        ]
        scenarios.append(
            Scenario(
                f"a cast to {who}",
                ("A101",),
                actors,
                [
                    at("c", ["agent_cast", to, PUSH], ["note", "on"], ["agent_cast", to, [["push", 2]]]),
                    at("m", ["look", "a"]),
                ],
            )
        )
    return [
        *scenarios,
        Scenario(
            "casts, updates and gets stand in one queue",
            ("A101",),
            PEOPLE,
            [
                at("m", ["agent_cast", "a", [["gate", "g"], ["push", 1]]]),
                at(
                    "c", ["agent_cast", "a", [["push", 2]]], ["update", "a", [["push", 3]]], ["get", "a", [["push", 4]]]
                ),
                open_gate("g"),
                at("m", ["look", "a"]),
            ],
        ),
        Scenario(
            "two who update an agent, one after the other",
            ("A101",),
            PEOPLE,
            [
                at("m", ["update", "a", [["gate", "g"], ["push", 1]]]),
                at("c", ["get_and_update", "a", [["push", 2]]]),
                open_gate("g"),
                at("m", ["get", "a", []]),
            ],
        ),
        Scenario(
            "a function runs in the agent",
            ("A101",),
            PEOPLE,
            [at("c", ["update", "a", [["send", "m", "from the agent"], ["push", 1]]]), at("c", ["get", "a", []])],
        ),
        Scenario(
            "an update makes the state what it returns, whatever that looks like",
            ("A101", "A102"),
            PEOPLE,
            [at("c", ["update", "a", [["bad", ["stop", 1]]]], ["get", "a", []])],
        ),
        Scenario(
            "a get returns what it returns, whatever that looks like",
            ("A101",),
            PEOPLE,
            [at("c", ["get", "a", [["bad", ["reply", 1]]]], ["get", "a", []])],
        ),
        Scenario(
            "an exit that a function catches",
            ("A101", "A103"),
            PEOPLE,
            [at("c", ["update", "a", [["catch", [["exit", "boom"]]], ["push", 1]]], ["get", "a", []])],
        ),
    ]


def _failures() -> list[Scenario]:
    return [
        *(
            Scenario(
                f"{what} of an agent whose function {how}",
                ("A101", "A103"),
                PEOPLE,
                [
                    at("m", ["monitor", "a", "m1"]),
                    at("c", [what, "a", [["push", 1], fail]], ["note", "on"]),
                    at("c", [what, "a", PUSH]),
                ],
            )
            for what in ASKS
            for how, fail in FAILS.items()
        ),
        *(
            Scenario(
                f"a cast to an agent whose function {how}",
                ("A101", "A103"),
                PEOPLE,
                [
                    at("m", ["monitor", "a", "m1"]),
                    at("c", ["agent_cast", "a", [fail]], ["note", "on"]),
                    at("c", ["agent_cast", "a", PUSH], ["get", "a", []]),
                ],
            )
            for how, fail in FAILS.items()
        ),
        *(
            Scenario(
                f"an update of an agent whose function {how}, by one that is linked to it and traps exits",
                ("A103",),
                {"c": TRAPPING},
                [at("c", ["start", "a", AGENT, "link"], ["update", "a", [fail]], ["note", "on"])],
            )
            for how, fail in FAILS.items()
        ),
        *(
            Scenario(
                f"a function that is to return a pair, and returns {what}",
                ("A103",),
                PEOPLE,
                [
                    at("m", ["monitor", "a", "m1"]),
                    at("c", ["get_and_update", "a", [["push", 1], ["bad", value]]], ["note", "on"]),
                ],
            )
            for what, value in (("a word", "wat"), ("nothing", None), ("a list of two", [1, 2]))
        ),
        Scenario(
            "all who wait for an agent hear of its end",
            ("A61", "A103"),
            {**PEOPLE, "d": PROC},
            [
                at("m", ["update", "a", [["gate", "g"], ["raise", "ouch"]]]),
                at("c", ["get", "a", []]),
                at("d", ["agent_cast", "a", PUSH], ["get", "a", []]),
                open_gate("g"),
            ],
        ),
        *(
            Scenario(
                f"{what} of an agent that is out of time",
                ("A104",),
                PEOPLE,
                [
                    at("c", [what, "a", [["gate", "g"], ["push", 1]], 2], ["note", "on"]),
                    advance(10),
                    open_gate("g"),
                    at("m", ["get", "a", []]),
                    at("c", ["note", "still"]),
                ],
            )
            for what in ASKS
        ),
        Scenario(
            "an update in the queue is out of time",
            ("A104",),
            PEOPLE,
            [
                at("m", ["agent_cast", "a", [["gate", "g"]]]),
                at("c", ["update", "a", PUSH, 2]),
                advance(10),
                open_gate("g"),
                at("m", ["get", "a", []]),
            ],
        ),
        *(
            Scenario(
                f"an agent asks itself, by {inner} in {outer}, and catches it",
                ("A105",),
                PEOPLE,
                [at("c", [outer, "a", [["push", 1], [inner, "a", []]]]), at("m", ["get", "a", []])],
            )
            for outer, inner in (("get", "get"), ("update", "get"), ("update", "update"), ("get_and_update", "update"))
        ),
        *(
            Scenario(
                f"an agent asks itself in {outer}, and doesn't catch it",
                ("A105",),
                PEOPLE,
                [at("m", ["monitor", "a", "m1"]), at("c", [outer, "a", [["push", 1], ["call!", "a", []]]])],
            )
            for outer in ASKS
        ),
        Scenario(
            "an agent casts to itself",
            ("A105",),
            PEOPLE,
            [at("c", ["update", "a", [["agent_cast", "a", [["push", 2]]], ["push", 1]]]), at("m", ["look", "a"])],
        ),
        Scenario(
            "an agent asks another",
            ("A101",),
            {**PEOPLE, "b": {"kind": "agent", "init": [["push", "b"]]}},
            [at("c", ["update", "a", [["get", "b", []], ["push", 1]]], ["get", "a", []])],
        ),
        *(
            Scenario(
                f"{what} of an agent that is dead, and of a name that nobody has",
                ("A101", "A103"),
                PEOPLE,
                [at("m", ["halt", "a", "normal"]), at("c", [what, "a", PUSH], [what, "@q", PUSH])],
            )
            for what in ASKS
        ),
        Scenario(
            "a cast to an agent that is dead, and to a name that nobody has",
            ("A101",),
            PEOPLE,
            [
                at("m", ["halt", "a", "normal"]),
                at("c", ["agent_cast", "a", PUSH], ["agent_cast", "@q", PUSH], ["note", "on"]),
            ],
        ),
    ]


def _as_servers() -> list[Scenario]:
    return [
        Scenario(
            "a message to an agent is dropped",
            ("A106",),
            PEOPLE,
            [at("c", ["send", "a", 1], ["get", "a", []]), at("m", ["alive", "a"])],
        ),
        *(
            Scenario(
                f"an agent is stopped with {reason}",
                ("A76", "A106"),
                PEOPLE,
                [
                    at("m", ["monitor", "a", "m1"]),
                    at("c", ["halt", "a", reason], ["alive", "a"]),
                    at("c", ["halt", "a", reason]),
                ],
            )
            for reason in ("normal", "shutdown", "boom")
        ),
        Scenario(
            "a stop of an agent stands behind what was sent before",
            ("A73", "A106"),
            PEOPLE,
            [
                at("m", ["update", "a", [["gate", "g"], ["push", 1]]]),
                at("c", ["halt", "a", "normal"]),
                open_gate("g"),
            ],
        ),
        *(
            Scenario(
                f"{reason} as a signal to an agent",
                ("A71", "A106"),
                PEOPLE,
                [at("m", ["monitor", "a", "m1"]), at("c", ["signal", "a", reason]), at("m", ["alive", "a"])],
            )
            for reason in ("normal", "shutdown", "boom", "kill")
        ),
        *(
            Scenario(
                f"the parent of {whom} ends by {reason}",
                ("A63", "A106"),
                {"c": PROC, "m": PROC},
                [at("c", ["start", "a", spec, "link"]), at("c", ["exit", reason]), at("m", ["alive", "a"])],
            )
            for whom, spec in (("an agent", AGENT), ("an agent that traps exits", {**AGENT, "trap": True}))
            for reason in ("normal", "boom")
        ),
    ]


SCENARIOS = [*_starts(), *_changes(), *_failures(), *_as_servers()]
