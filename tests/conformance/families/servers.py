"""GenServers: starts, calls, casts, continues, time-outs, ends (rules A34 to A39, A46 to A78)."""

from __future__ import annotations

from tests.conformance.language import Json, Newer, Op, Scenario, Step, advance, at, open_gate, race

__all__ = ["SCENARIOS"]

PROC: Json = {"kind": "proc"}
TRAPPING: Json = {"kind": "proc", "trap": True}
SERVER: Json = {"kind": "server"}
TRAPPING_SERVER: Json = {"kind": "server", "trap": True}

NO_SIGNAL = "a failed start_link is an exception only, and no exit signal comes on top (A49)"
NOT_CUT = "an init that runs isn't cut: its parent's end takes effect when it has returned (A53)"

CONSUMED = Newer(
    "OTP 27",
    "the exit of a child that failed to start is taken out of its starter's mailbox (A50)",
    ([1, "p#1", "s#1", []],),
)


def declines(*seen: Json) -> Newer:
    """What is seen of an init that declines."""
    return Newer(
        "OTP 27", "an init may return an error: the server ends normally, and its starter gets the reason (A48)", seen
    )


BEHIND_END = "who waits behind a stop, or the end of the parent, hears of the end before terminate has run (A61)"
BY_CALL = "who waits for a server that it is linked to hears of the end by its call, and not by the link (A61)"
ANY_END = "a stop says whether the server has ended, whatever of (A76, A77)"

ENDINGS: dict[str, Op] = {
    "stops normally": ["stop", "normal"],
    "stops with shutdown": ["stop", "shutdown"],
    "stops with shutdown and a detail": ["stop", ["shutdown", 1]],
    "stops with a reason of its own": ["stop", "boom"],
    "exits normally": ["exit", "normal"],
    "exits": ["exit", "boom"],
    "raises": ["raise", "ouch"],
    "returns what it can't": ["bad", "wat"],
}

REASONS: dict[str, Json] = {
    "normal": "normal",
    "shutdown": "shutdown",
    "shutdown with a detail": ["shutdown", 1],
    "a reason of its own": "boom",
}

STATE: list[Op] = [["reply_state"]]

INITS: dict[str, list[Op]] = {
    "is up": [["push", 1]],
    "ignores the start": [["ignore"]],
    "stops normally": [["stop", "normal"]],
    "stops with shutdown": [["stop", "shutdown"]],
    "stops with a reason of its own": [["stop", "boom"]],
    "exits normally": [["exit", "normal"]],
    "exits": [["exit", "boom"]],
    "raises": [["raise", "ouch"]],
    "returns what it can't": [["bad", "wat"]],
    "is killed": [["signal", "s", "kill"]],
    "declines with an error": [["error", "boom"]],
}

QUIET_INITS = {"is up", "ignores the start", "stops normally", "exits normally", "declines with an error"}
"""Those that hurt nobody over a link."""


def _starts() -> list[Scenario]:
    """Each way to start and not to start, with and without a link."""
    scenarios = []
    for what, init in INITS.items():
        server = {**SERVER, "init": init}
        newer = what == "declines with an error"
        start = "start" if what in QUIET_INITS and not newer else "start_unseen"
        after = at("m", ["alive", "s"], ["alive", "p"])
        ends: list[Json] = [1, "*", "s#1", [["end", "normal"]]]
        told: list[Json] = [1, "p#1", "p#1", [["did", "start", ["error", "boom"]], ["note", "on"]]]
        lives: list[Json] = [2, "m#1", "m#1", [["did", "alive", False], ["did", "alive", True]]]
        scenarios += [
            Scenario(
                f"an init that {what}, without a link",
                ("A46", "A47", "A48"),
                {"p": PROC, "m": PROC},
                [at("p", ["start", "s", server], ["note", "on"]), after],
                newer=declines(ends, told) if newer else None,
            ),
            Scenario(
                f"an init that {what}, with a link",
                ("A46", "A47", "A48", "A49"),
                {"p": PROC, "m": PROC},
                [at("p", [start, "s", server, "link"], ["gate", "g"]), after],
                differs="" if what in QUIET_INITS else NO_SIGNAL,
                newer=declines(ends, [1, "*", "p#1", []], lives) if newer else None,
            ),
            Scenario(
                f"an init that {what}, with a link to one that traps exits",
                ("A47", "A48", "A50"),
                {"p": TRAPPING, "m": PROC},
                [at("p", ["start", "s", server, "link"], ["note", "on"]), after],
                newer=declines(ends, told, *CONSUMED.seen)
                if newer
                else None
                if what in ("is up", "is killed")
                else CONSUMED,
            ),
        ]
    return scenarios


def _starting() -> list[Scenario]:
    """What happens while an init runs."""
    slow = {**SERVER, "init": [["gate", "g"]]}
    people = {"p": PROC, "c": PROC, "m": PROC}
    waits: dict[str, Op] = {
        "is up": ["push", 1],
        "goes on at once": ["ok", ["continue", [["push", 1]]]],
        "stops": ["stop", "boom"],
        "raises": ["raise", "ouch"],
        "ignores the start": ["ignore"],
        "declines with an error": ["error", "boom"],
    }

    def declined(epoch: int, *others: Json) -> Newer:
        starter: Json = [epoch, "p#1", "p#1", [["did", "start", ["error", "boom"]]]]
        return declines([epoch, "*", "s#1", [["end", "normal"]]], starter, *others)

    return [
        Scenario(
            "a start waits for the init",
            ("A46",),
            people,
            [at("p", ["start", "s", slow], ["note", "on"]), at("m", ["alive", "s"]), open_gate("g")],
        ),
        *(
            Scenario(
                f"a message and a call during an init that {what}",
                ("A52", "A61", "A64", *(["A48"] if then[0] == "error" else [])),
                people,
                [
                    at("p", ["start", "s", {**SERVER, "init": [["gate", "g"], then]}]),
                    at("m", ["tell", "s", [["push", 2]]]),
                    at("c", ["call", "s", STATE]),
                    open_gate("g"),
                    at("c", ["call", "s", STATE]),
                ],
                newer=declined(4, [4, "c#1", "c#1", [["did", "call", ["exit", "normal"]]]])
                if then[0] == "error"
                else None,
            )
            for what, then in waits.items()
        ),
        Scenario(
            "a call that has no time to wait for the init",
            ("A52", "A60"),
            people,
            [
                at("p", ["start", "s", slow]),
                at("c", ["call", "s", [["push", 1]], 2]),
                advance(10),
                open_gate("g"),
                at("c", ["call", "s", STATE]),
            ],
        ),
        *(
            Scenario(
                f"the starter of a server is killed, while an init runs that {what}",
                ("A49", "A53"),
                people,
                [
                    at("p", ["start_unseen", "s", {**spec, "init": [["gate", "g"], ["note", "ready"]]}, how]),
                    at("m", ["signal", "p", "kill"]),
                    at("m", ["alive", "p"]),
                    open_gate("g"),
                    at("m", ["alive", "s"]),
                ],
                differs=differs,
            )
            for what, spec, how, differs in (
                ("has no link", SERVER, "start", ""),
                ("has a link", SERVER, "link", NOT_CUT),
                ("has a link and traps exits", TRAPPING_SERVER, "link", ""),
            )
        ),
        *(
            Scenario(
                f"an init that takes too long, {what}",
                ("A36", "A51"),
                {"p": starter, "m": PROC},
                [
                    at("p", ["start", "s", {**slow, "name": "q", "start_timeout": 8}, how], ["note", "on"]),
                    at("m", ["whereis", "q"]),
                    advance(16),
                    at("m", ["alive", "s"], ["alive", "p"], ["whereis", "q"]),
                ],
            )
            for what, starter, how in (
                ("without a link", PROC, "start"),
                ("with a link", PROC, "link"),
                ("with a link to one that traps exits", TRAPPING, "link"),
            )
        ),
        Scenario(
            "an init that is done in time",
            ("A51",),
            people,
            [at("p", ["start", "s", {**slow, "start_timeout": 9}]), advance(1), open_gate("g"), advance(12)],
        ),
        Scenario(
            "a killed init, and who waits for it",
            ("A48", "A52"),
            people,
            [at("p", ["start", "s", slow]), at("c", ["call", "s", STATE]), at("m", ["signal", "s", "kill"])],
        ),
        *(
            Scenario(
                f"those that an init has linked, when it {what}",
                ("A54", *(["A48"] if then[0] == "error" else [])),
                {"p": PROC, "h": PROC, "t": TRAPPING},
                [at("p", ["start", "s", {**SERVER, "init": [["link", "h"], ["link", "t"], then]}])],
                newer=declined(1, [1, "*", "h#1", []], [1, "t#1", "s#1", [["exit", "normal"]]])
                if then[0] == "error"
                else None,
            )
            for what, then in waits.items()
            if what != "goes on at once"
        ),
    ]


def _races() -> list[Scenario]:
    """Several start a server each at once, all under one name."""
    starters = ("a", "b", "c", "d")

    def starts(*init: Op) -> Step:
        return race(*((one, [["start", f"s{one}", {**SERVER, "name": "q", "init": list(init)}]]) for one in starters))

    people = {**dict.fromkeys(starters, PROC), "m": PROC}
    return [
        Scenario(
            "of four who start a server under one name at once exactly one does",
            ("A34", "A35"),
            people,
            [starts(), at("m", ["whereis", "q"], ["call", "@q", [["reply", "hello"]]])],
        ),
        Scenario(
            "of four who start a server under one name at once three hear so while its init runs",
            ("A34", "A35"),
            people,
            [starts(["gate", "g"]), at("m", ["whereis", "q"]), open_gate("g")],
        ),
    ]


def _names() -> list[Scenario]:
    named = {**SERVER, "name": "q"}
    people = {"p": TRAPPING, "m": PROC}
    return [
        *(
            Scenario(
                f"a start under a name that is taken, {what}",
                ("A34",),
                {"s": named, **people},
                [at("p", ["start", "o", {**named, "init": [["note", "never"]]}, how]), at("m", ["whereis", "q"])],
            )
            for what, how in (("without a link", "start"), ("with a link", "link"))
        ),
        Scenario(
            "two starts under one name, one while the other's init runs",
            ("A34", "A35"),
            people,
            [
                at("p", ["start", "s", {**named, "init": [["whereis", "q"], ["gate", "g"]]}]),
                at("m", ["whereis", "q"], ["start", "o", named], ["send", "@q", 1]),
                open_gate("g"),
            ],
        ),
        *_races(),
        *(
            Scenario(
                f"the name of a server whose init {what} is free again",
                ("A36",),
                {**people, "p": PROC},
                [
                    at("p", ["start", "s", {**named, "init": init}], ["whereis", "q"], ["start", "s", named]),
                    at("p", ["whereis", "q"]),
                ],
            )
            for what, init in INITS.items()
            if what in ("ignores the start", "stops with a reason of its own", "raises", "exits normally")
        ),
        Scenario(
            "the name of a server that was stopped is free",
            ("A37",),
            {"s": named, **people},
            [at("m", ["halt", "s", "normal"], ["whereis", "q"], ["start", "o", named], ["whereis", "q"])],
        ),
        Scenario(
            "the name of a server that is ending is taken until it has ended",
            ("A33", "A37"),
            {"s": {**named, "terminate": [["whereis", "q"], ["gate", "g"]]}, **people},
            [
                at("m", ["halt", "@q", "normal"], ["whereis", "q"]),
                at("p", ["start", "o", named]),
                open_gate("g"),
                at("p", ["start", "o", named]),
            ],
        ),
        Scenario(
            "a server is called, cast to, told and stopped by its name",
            ("A38", "A58"),
            {"s": named, **people},
            [
                at("m", ["cast", "@q", [["push", 1]]], ["tell", "@q", [["push", 2]]], ["call", "@q", STATE]),
                at("m", ["halt", "@q", "normal"]),
            ],
        ),
        Scenario(
            "a name that nobody has is called, cast to and stopped",
            ("A39", "A68", "A76"),
            people,
            [
                at("m", ["cast", "@q", STATE], ["call", "@q", STATE], ["halt", "@q", "normal"], ["note", "on"]),
                at("m", ["call!", "@q", STATE]),
            ],
        ),
        Scenario(
            "a call by name goes on with who had the name",
            ("A58", "A61"),
            {"s": named, "o": SERVER, **people},
            [
                at("p", ["call", "@q", [["noreply"]]]),
                at("m", ["unregister", "q"], ["register", "q", "o"], ["halt", "s", "boom"]),
                at("m", ["call", "@q", STATE]),
            ],
        ),
    ]


def _callbacks() -> list[Scenario]:
    """Each end of each callback, as the caller, a monitor and terminate see it."""

    def by_continue(ops: list[Op]) -> Step:
        return at("c", ["cast", "s", [["push", 2], ["noreply", ["continue", ops]]]])

    ways = {
        "call": lambda ops: at("c", ["call", "s", ops]),
        "cast": lambda ops: at("c", ["cast", "s", ops]),
        "message": lambda ops: at("c", ["tell", "s", ops]),
        "continue": by_continue,
    }
    people = {"s": SERVER, "c": PROC, "m": PROC}
    return [
        *(
            Scenario(
                f"the callback of a {kind} {what}",
                ("A57", "A58", "A61", "A71", "A72"),
                people,
                [
                    at("m", ["monitor", "s", "m1"], ["cast", "s", [["push", 1]]]),
                    way([["push", 3], ending]),
                    at("c", ["alive", "s"], ["call", "s", STATE]),
                ],
            )
            for kind, way in ways.items()
            for what, ending in ENDINGS.items()
        ),
        *(
            Scenario(
                f"a callback gives a reply, and stops with {what}",
                ("A57", "A75"),
                people,
                [at("m", ["monitor", "s", "m1"]), at("c", ["call", "s", [["push", 1], ["stop", reason, "answer"]]])],
            )
            for what, reason in REASONS.items()
        ),
        Scenario(
            "a callback gives a reply, and something that can't follow",
            ("A57", "A58"),
            people,
            [at("c", ["call", "s", [["push", 1], ["reply", "answer", ["bad", "wat"]]]])],
        ),
        Scenario(
            "a callback gives a new state, and something that can't follow",
            ("A57", "A72"),
            people,
            [at("c", ["cast", "s", [["push", 1], ["noreply", ["bad", "wat"]]]])],
        ),
        Scenario(
            "an init gives a state, and something that can't follow",
            ("A47",),
            people,
            [at("c", ["start", "o", {**SERVER, "init": [["push", 1], ["ok", ["bad", "wat"]]]}])],
        ),
        Scenario(
            "an exit that a callback catches",
            ("A3", "A57"),
            people,
            [at("c", ["call", "s", [["catch", [["exit", "boom"]]], ["push", 1], ["reply_state"]]])],
        ),
    ]


def _calls() -> list[Scenario]:
    people = {"s": SERVER, "c": PROC, "d": PROC, "m": PROC}
    busy = at("m", ["cast", "s", [["gate", "g"]]])
    signals: dict[str, Json] = {"a kill": "kill", "shutdown": "shutdown", "a reason of its own": "boom"}
    return [
        Scenario(
            "casts, messages and calls stand in one queue",
            ("A56",),
            people,
            [
                at(
                    "c",
                    ["cast", "s", [["push", 1]]],
                    ["tell", "s", [["push", 2]]],
                    ["cast", "s", [["push", 3]]],
                    ["call", "s", [["push", 4]]],
                    ["tell", "s", [["push", 5]]],
                    ["call", "s", STATE],
                )
            ],
        ),
        Scenario(
            "what comes while a callback runs waits for its end",
            ("A56",),
            people,
            [
                busy,
                at("c", ["cast", "s", [["push", 1]]], ["tell", "s", [["push", 2]]], ["call", "s", STATE]),
                open_gate("g"),
            ],
        ),
        Scenario(
            "a callback sees what came before its own cast to itself",
            ("A56", "A69"),
            people,
            [
                at("m", ["cast", "s", [["gate", "g"], ["cast", "s", [["push", 2]]]]]),
                at("c", ["cast", "s", [["push", 1]]]),
                open_gate("g"),
                at("c", ["call", "s", STATE]),
            ],
        ),
        *(
            Scenario(
                f"{what} ends a server while somebody waits for it",
                ("A58", "A61"),
                people,
                [at("c", ["call", "s", [["push", 1], ["noreply"]]]), at("m", ["signal", "s", reason])],
            )
            for what, reason in signals.items()
        ),
        *(
            Scenario(
                f"a caller that doesn't catch it, when the server ends by {what}",
                ("A58",),
                people,
                [at("m", ["monitor", "c", "m1"]), at("c", ["call!", "s", [["stop", reason]]])],
            )
            for what, reason in REASONS.items()
        ),
        Scenario(
            "a caller that doesn't catch it, when the server raises",
            ("A58",),
            people,
            [at("m", ["monitor", "c", "m1"]), at("c", ["call!", "s", [["raise", "ouch"]]])],
        ),
        Scenario(
            "a caller that doesn't catch it, when its time is over",
            ("A58", "A62"),
            people,
            [busy, at("c", ["call!", "s", STATE, 2]), advance(10), open_gate("g"), at("m", ["call", "s", STATE])],
        ),
        Scenario(
            "a call of one that is dead",
            ("A58", "A61"),
            people,
            [at("m", ["halt", "s", "boom"]), at("c", ["call", "s", STATE], ["call!", "s", STATE])],
        ),
        Scenario(
            "a call that is out of time is handled all the same, and its answer is dropped",
            ("A58", "A59", "A60"),
            people,
            [
                busy,
                at("c", ["call", "s", [["push", 1], ["reply", "late"]], 2], ["call", "s", STATE]),
                advance(10),
                open_gate("g"),
            ],
        ),
        Scenario(
            "a call by name that is out of time",
            ("A59", "A60"),
            {**people, "s": {**SERVER, "name": "q"}},
            [
                busy,
                at("c", ["call", "@q", [["push", 1], ["reply", "late"]], 2], ["call", "@q", STATE]),
                advance(10),
                open_gate("g"),
            ],
        ),
        Scenario(
            "the server ends after a call is out of time",
            ("A59",),
            people,
            [
                busy,
                at("c", ["call", "s", STATE, 2]),
                advance(10),
                at("m", ["signal", "s", "kill"]),
                at("c", ["note", "on"]),
            ],
        ),
        Scenario(
            "a call without any time goes out",
            ("A60", "A62"),
            people,
            [busy, at("c", ["call", "s", [["push", 1]], 0]), open_gate("g"), at("c", ["call", "s", STATE])],
        ),
        Scenario(
            "a call with a time below zero doesn't go out",
            ("A62",),
            people,
            [at("c", ["catch", [["call", "s", [["push", 1]], -1]]], ["call", "s", STATE])],
        ),
        Scenario(
            "a call without a limit waits on",
            ("A62",),
            people,
            [busy, at("c", ["call", "s", STATE]), advance(10), open_gate("g")],
        ),
        Scenario(
            "a call in time, and the time goes on",
            ("A59",),
            people,
            [busy, at("c", ["call", "s", STATE, 9]), advance(1), open_gate("g"), advance(12), at("c", ["note", "on"])],
        ),
        Scenario(
            "the request of a caller that is dead is handled",
            ("A60",),
            people,
            [
                busy,
                at("c", ["call", "s", [["push", 1], ["reply", "nobody"]]]),
                at("m", ["signal", "c", "kill"]),
                open_gate("g"),
                at("d", ["call", "s", STATE]),
            ],
        ),
        Scenario(
            "all who wait hear of the end, and who comes later does not",
            ("A61",),
            people,
            [
                at("m", ["cast", "s", [["gate", "g"], ["stop", "boom"]]]),
                at("c", ["call", "s", STATE]),
                at("d", ["call", "s", STATE]),
                at("m", ["call", "s", STATE]),
                open_gate("g"),
                at("m", ["call", "s", STATE]),
            ],
        ),
        Scenario(
            "one was left without an answer and another waits, when the server ends",
            ("A61", "A67"),
            people,
            [
                at("d", ["call", "s", [["noreply"]]]),
                busy,
                at("c", ["call", "s", [["stop", "shutdown"]]]),
                open_gate("g"),
            ],
        ),
        Scenario(
            "those whose call isn't in hand, and an end that takes long",
            ("A61",),
            {**people, "s": {**SERVER, "terminate": [["gate", "t"]]}},
            [
                at("d", ["call", "s", [["noreply"]]]),
                busy,
                at("c", ["call", "s", [["stop", "boom"]]]),
                at("m", ["call", "s", STATE]),
                open_gate("g"),
                open_gate("t"),
            ],
        ),
        Scenario(
            "one who was left without an answer, one behind a stop, and an end that takes long",
            ("A61", "A71"),
            {**people, "s": {**SERVER, "terminate": [["gate", "t"]]}},
            [
                at("d", ["call", "s", [["noreply"]]]),
                busy,
                at("c", ["halt", "s", "boom"]),
                at("m", ["call", "s", STATE]),
                open_gate("g"),
                open_gate("t"),
            ],
            differs=BEHIND_END,
        ),
        Scenario(
            "a starter that calls a server it is linked to, which stops",
            ("A61",),
            people,
            [at("c", ["start", "o", SERVER, "link"]), at("c", ["call!", "o", [["stop", "boom"]]])],
            differs=BY_CALL,
        ),
        Scenario(
            "a starter that calls a server it isn't linked to, which stops",
            ("A61",),
            people,
            [at("c", ["start", "o", SERVER]), at("c", ["call!", "o", [["stop", "boom"]]])],
        ),
        Scenario(
            "a starter that traps exits calls a server, which stops",
            ("A61",),
            {**people, "c": TRAPPING},
            [at("c", ["start", "o", SERVER, "link"]), at("c", ["call", "o", [["stop", "boom"]]], ["note", "on"])],
        ),
        Scenario(
            "a cast to one that is dead",
            ("A68",),
            people,
            [at("m", ["signal", "s", "kill"]), at("c", ["cast", "s", [["push", 1]]], ["note", "on"])],
        ),
        Scenario(
            "a server calls itself, and catches it",
            ("A69",),
            people,
            [at("c", ["call", "s", [["call", "s", STATE], ["push", 1], ["reply_state"]]])],
        ),
        Scenario(
            "a server calls itself, and doesn't catch it",
            ("A69",),
            people,
            [at("c", ["call", "s", [["call!", "s", STATE]]])],
        ),
        Scenario(
            "a server calls another, which is dead, and doesn't catch it",
            ("A58",),
            {**people, "o": SERVER},
            [at("m", ["signal", "o", "kill"]), at("c", ["call", "s", [["call!", "o", STATE]]])],
        ),
        Scenario(
            "a server calls another for its caller",
            ("A56", "A58"),
            {**people, "o": SERVER},
            [
                at("c", ["call", "s", [["call", "o", [["push", 1], ["reply_state"]]], ["push", 2], ["reply_state"]]]),
                at("c", ["call", "o", STATE]),
            ],
        ),
    ]


def _replies() -> list[Scenario]:
    people = {"s": SERVER, "c": PROC, "d": PROC}
    asked = at("c", ["call", "s", [["keep", "f"], ["noreply"]]])
    return [
        Scenario("a call is answered by another, later", ("A67",), people, [asked, at("d", ["answer", "f", "later"])]),
        Scenario(
            "a call is answered by the server, in another callback",
            ("A67",),
            people,
            [asked, at("d", ["cast", "s", [["answer", "f", "later"], ["push", 1]]]), at("d", ["call", "s", STATE])],
        ),
        Scenario(
            "a server is at work for others while one waits for its answer",
            ("A56", "A67"),
            people,
            [asked, at("d", ["call", "s", [["push", 1], ["reply_state"]]]), at("d", ["answer", "f", "later"])],
        ),
        Scenario(
            "a callback answers, and returns another reply",
            ("A67",),
            people,
            [
                at(
                    "c",
                    ["call", "s", [["keep", "f"], ["answer", "f", "first"], ["reply", "second"]]],
                    ["call", "s", STATE],
                )
            ],
        ),
        Scenario(
            "a callback answers, and returns no reply",
            ("A67",),
            people,
            [at("c", ["call", "s", [["keep", "f"], ["answer", "f", "first"], ["push", 1]]], ["call", "s", STATE])],
        ),
        Scenario(
            "a callback answers, and stops",
            ("A67",),
            people,
            [at("c", ["call", "s", [["keep", "f"], ["answer", "f", "first"], ["stop", "boom"]]])],
        ),
        Scenario(
            "a call is answered twice, by others",
            ("A67",),
            people,
            [asked, at("d", ["answer", "f", "first"], ["answer", "f", "second"]), at("c", ["call", "s", STATE])],
        ),
        Scenario(
            "the second answer to a call isn't one to the next",
            ("A59", "A67"),
            people,
            [
                asked,
                at("d", ["answer", "f", "first"]),
                at("c", ["call", "s", [["keep", "g"], ["noreply"]]]),
                at("d", ["answer", "f", "second"]),
                at("d", ["answer", "g", "third"]),
            ],
        ),
        Scenario(
            "an answer to one that is dead",
            ("A60", "A67"),
            people,
            [asked, at("d", ["signal", "c", "kill"]), at("d", ["answer", "f", "late"], ["note", "on"])],
        ),
        Scenario(
            "an answer to one that is out of time",
            ("A59", "A67"),
            people,
            [
                at("c", ["call", "s", [["keep", "f"], ["noreply"]], 2]),
                advance(10),
                at("d", ["answer", "f", "late"]),
                at("c", ["call", "s", STATE]),
            ],
        ),
        Scenario(
            "an answer after the server has ended",
            ("A61", "A67"),
            people,
            [asked, at("d", ["halt", "s", "boom"]), at("d", ["answer", "f", "late"]), at("c", ["note", "on"])],
        ),
        Scenario(
            "two calls are answered in another order",
            ("A67",),
            people,
            [
                asked,
                at("d", ["call", "s", [["keep", "h"], ["noreply"]]]),
                at("s", ["answer", "h", "to d"]),
                at("s", ["answer", "f", "to c"]),
            ],
        ),
    ]


def _parents() -> list[Scenario]:
    """Who ends a server from outside: its parent, others, those that it is linked to."""
    people = {"p": TRAPPING, "o": TRAPPING, "m": PROC}

    def child(spec: Json) -> Step:
        return at("p", ["start", "s", spec, "link"], ["cast", "s", [["push", 1]]])

    return [
        *(
            Scenario(
                f"{what} as a signal of {whose} to {whom}",
                ("A63", "A71"),
                people,
                [
                    child(spec),
                    at("m", ["monitor", "s", "m1"]),
                    at(sender, ["signal", "s", reason]),
                    at("m", ["alive", "s"]),
                ],
            )
            for whom, spec in (("a server", SERVER), ("a server that traps exits", TRAPPING_SERVER))
            for whose, sender in (("its parent", "p"), ("another", "o"))
            for what, reason in {**REASONS, "a kill": "kill"}.items()
        ),
        *(
            Scenario(
                f"the parent of {whom} ends by {what}",
                ("A63", "A71"),
                {**people, "p": PROC},
                [child(spec), at("m", ["monitor", "s", "m1"]), at("p", ["exit", reason]), at("m", ["alive", "s"])],
            )
            for whom, spec in (("a server", SERVER), ("a server that traps exits", TRAPPING_SERVER))
            for what, reason in {**REASONS, "a reason called kill": "kill"}.items()
        ),
        *(
            Scenario(
                f"one that {whom} has linked ends by {what}",
                ("A63", "A71"),
                {"s": spec, "w": PROC, "m": PROC},
                [
                    at("m", ["monitor", "s", "m1"]),
                    at("m", ["cast", "s", [["push", 1], ["link", "w"]]]),
                    at("w", ["exit", reason]),
                    at("m", ["alive", "s"]),
                ],
            )
            for whom, spec in (("a server", SERVER), ("a server that traps exits", TRAPPING_SERVER))
            for what, reason in REASONS.items()
        ),
        Scenario(
            "a server that is unlinked from its parent outlives it",
            ("A63",),
            people,
            [child(TRAPPING_SERVER), at("p", ["unlink", "s"], ["exit", "boom"]), at("m", ["call", "s", STATE])],
        ),
        Scenario(
            "a server without a link has no parent",
            ("A46", "A63"),
            people,
            [
                at("p", ["start", "s", TRAPPING_SERVER], ["link", "s"], ["exit", "boom"]),
                at("m", ["call", "s", STATE]),
            ],
        ),
        Scenario(
            "the queue before the end of the parent is worked off, and that behind it is not",
            ("A63", "A73"),
            people,
            [
                child(TRAPPING_SERVER),
                at("m", ["cast", "s", [["gate", "g"], ["push", 2]]]),
                at("m", ["cast", "s", [["push", 3]]]),
                at("p", ["signal", "s", "shutdown"]),
                at("m", ["cast", "s", [["push", 4]]]),
                open_gate("g"),
            ],
        ),
        Scenario(
            "one who waits behind the end of the parent, and an end that takes long",
            ("A61", "A63"),
            people,
            [
                child({**TRAPPING_SERVER, "terminate": [["gate", "t"]]}),
                at("m", ["cast", "s", [["gate", "g"]]]),
                at("p", ["signal", "s", "shutdown"]),
                at("o", ["call", "s", STATE]),
                open_gate("g"),
                open_gate("t"),
            ],
            differs=BEHIND_END,
        ),
        Scenario(
            "one who was left without an answer, and the parent ends",
            ("A61", "A63"),
            people,
            [
                child({**TRAPPING_SERVER, "terminate": [["gate", "t"]]}),
                at("o", ["call", "s", [["noreply"]]]),
                at("p", ["signal", "s", "shutdown"]),
                open_gate("t"),
            ],
        ),
        Scenario(
            "terminate answers one who was left without an answer",
            ("A67", "A71"),
            {"s": {**SERVER, "terminate": [["answer", "f", "at last"]]}, "c": PROC, "m": PROC},
            [at("c", ["call", "s", [["keep", "f"], ["noreply"]]]), at("m", ["halt", "s", "shutdown"])],
        ),
        Scenario(
            "a server begins to trap exits when it is up",
            ("A17", "A63"),
            people,
            [child(SERVER), at("m", ["cast", "s", [["trap", True]]]), at("p", ["exit", "boom"])],
        ),
        Scenario(
            "a server is watched, and watches",
            ("A24", "A71"),
            {**people, "s": SERVER},
            [
                at("m", ["cast", "s", [["monitor", "o", "m1"]]]),
                at("o", ["exit", "boom"]),
                at("m", ["call", "s", STATE]),
            ],
        ),
    ]


def _continues() -> list[Scenario]:
    people = {"s": SERVER, "c": PROC, "m": PROC}
    goes_on: list[Op] = [["gate", "g"], ["push", 2]]
    return [
        Scenario(
            "a continue of an init comes before what the init has sent",
            ("A64",),
            people,
            [
                at(
                    "c",
                    [
                        "start",
                        "o",
                        {**SERVER, "init": [["send", "o", "sent"], ["ok", ["continue", [["note", "continued"]]]]]},
                    ],
                )
            ],
        ),
        Scenario(
            "a chain of continues comes before what they have sent",
            ("A64",),
            people,
            [
                at(
                    "s",
                    ["send", "s", "first"],
                    [
                        "noreply",
                        [
                            "continue",
                            [
                                ["note", "one"],
                                ["send", "s", "second"],
                                ["noreply", ["continue", [["note", "two"], ["push", 1]]]],
                            ],
                        ],
                    ],
                ),
                at("c", ["call", "s", STATE]),
            ],
        ),
        Scenario(
            "a continue comes before a call that waits",
            ("A64",),
            people,
            [
                at("m", ["cast", "s", [["gate", "g"], ["noreply", ["continue", [["push", 1]]]]]]),
                at("c", ["call", "s", [["push", 2], ["reply_state"]]]),
                open_gate("g"),
            ],
        ),
        Scenario(
            "a reply is sent before the continue that follows it",
            ("A64",),
            people,
            [
                at("c", ["call", "s", [["push", 1], ["reply", "early", ["continue", goes_on]]]]),
                at("m", ["call", "s", STATE]),
                open_gate("g"),
            ],
        ),
        Scenario(
            "a start is done before the continue of its init",
            ("A46", "A64"),
            people,
            [
                at("c", ["start", "o", {**SERVER, "init": [["ok", ["continue", goes_on]]]}], ["note", "on"]),
                at("m", ["call", "o", STATE]),
                open_gate("g"),
            ],
        ),
        *(
            Scenario(
                f"a continue after an answered call {what}",
                ("A64", "A71"),
                people,
                [at("m", ["monitor", "s", "m1"]), at("c", ["call", "s", [["reply", "early", ["continue", [end]]]]])],
            )
            for what, end in ENDINGS.items()
            if what in ("stops normally", "stops with a reason of its own", "raises")
        ),
        *(
            Scenario(
                f"the continue of an init {what}",
                ("A64", "A71"),
                {**people, "c": TRAPPING},
                [at("c", ["start", "o", {**SERVER, "init": [["push", 1], ["ok", ["continue", [end]]]]}, "link"])],
            )
            for what, end in ENDINGS.items()
            if what in ("stops normally", "stops with a reason of its own", "raises")
        ),
        Scenario(
            "the parent of a server ends while a continue runs",
            ("A63", "A64"),
            {"p": PROC, "c": PROC},
            [
                at("p", ["start", "s", TRAPPING_SERVER, "link"]),
                at("c", ["call", "s", [["reply", "early", ["continue", goes_on]]]]),
                at("p", ["exit", "boom"]),
                open_gate("g"),
            ],
        ),
        Scenario(
            "a call is answered by the continue that follows it",
            ("A64", "A67"),
            people,
            [
                at(
                    "c",
                    ["call", "s", [["keep", "f"], ["noreply", ["continue", [["push", 1], ["answer", "f", "later"]]]]]],
                ),
                at("m", ["call", "s", STATE]),
            ],
        ),
        Scenario(
            "a continue of a message",
            ("A64",),
            people,
            [
                at("c", ["tell", "s", [["noreply", ["continue", [["note", "on"], ["push", 1]]]]]]),
                at("c", ["call", "s", STATE]),
            ],
        ),
    ]


def _idle_timeouts() -> list[Scenario]:
    people = {"s": SERVER, "c": PROC, "m": PROC}
    after: Json = ["timeout", 10]
    ways: dict[str, Step] = {
        "a call": at("c", ["call", "s", [["reply", "answer", after]]]),
        "a call without a reply": at("c", ["call", "s", [["noreply", after]]]),
        "a cast": at("c", ["cast", "s", [["noreply", after]]]),
        "a message": at("c", ["tell", "s", [["noreply", after]]]),
        "a continue": at("c", ["cast", "s", [["noreply", ["continue", [["noreply", after]]]]]]),
        "an init": at("c", ["start", "s", {**SERVER, "init": [["ok", after]]}]),
    }
    ends: dict[str, Step] = {
        "a call": at("c", ["call", "s", STATE]),
        "a cast": at("c", ["cast", "s", [["push", 1]]]),
        "a message": at("c", ["send", "s", 1]),
    }
    set_out = at("c", ["cast", "s", [["noreply", after]]])
    set_out_long = at("c", ["cast", "s", [["noreply", ["timeout", 20]]]])
    return [
        *(
            Scenario(
                f"a server that is idle after {what}",
                ("A65",),
                {"c": PROC} if what == "an init" else people,
                [step, advance(1), advance(18), advance(12)],
            )
            for what, step in ways.items()
        ),
        *(
            Scenario(
                f"an idle time-out that {what} comes before",
                ("A65",),
                people,
                [set_out, advance(1), step, advance(18)],
            )
            for what, step in ends.items()
        ),
        Scenario(
            "an idle time-out that an exit comes before",
            ("A65",),
            {**people, "s": TRAPPING_SERVER},
            [set_out, advance(1), at("m", ["signal", "s", "boom"]), advance(18)],
        ),
        Scenario(
            "an idle time-out that is set out again",
            ("A65",),
            people,
            [set_out_long, advance(12), set_out_long, advance(12), advance(16)],
        ),
        Scenario(
            "an idle time-out of no time, and nothing that waits",
            ("A65",),
            people,
            [at("c", ["cast", "s", [["noreply", ["timeout", 0]]]]), advance(1)],
        ),
        Scenario(
            "an idle time-out of no time, and a message that waits",
            ("A65",),
            people,
            [
                at("c", ["cast", "s", [["gate", "g"], ["noreply", ["timeout", 0]]]]),
                at("c", ["send", "s", 1]),
                open_gate("g"),
                advance(2),
            ],
        ),
        Scenario(
            "an idle time-out of no time, and a message to itself",
            ("A65",),
            people,
            [at("c", ["start", "o", {**SERVER, "init": [["send", "o", "early"], ["ok", ["timeout", 0]]]}]), advance(2)],
        ),
        Scenario(
            "an idle time-out, and a message that waits already",
            ("A65",),
            people,
            [
                at("c", ["cast", "s", [["gate", "g"], ["noreply", after]]]),
                at("c", ["send", "s", 1]),
                open_gate("g"),
                advance(18),
            ],
        ),
        Scenario(
            "a look at the state of a server that is idle",
            ("A66",),
            people,
            [
                at("m", ["cast", "s", [["push", 1]]]),
                set_out_long,
                advance(12),
                at("c", ["look", "s"]),
                advance(12),
                advance(16),
            ],
        ),
        Scenario(
            "a server is stopped that is idle",
            ("A65", "A71"),
            people,
            [set_out, at("c", ["halt", "s", "normal"]), advance(18)],
        ),
        Scenario(
            "a server is killed that is idle",
            ("A65", "A71"),
            people,
            [set_out, at("c", ["signal", "s", "kill"]), advance(18)],
        ),
    ]


def _missing() -> list[Scenario]:
    people = {"s": {"kind": "bare"}, "c": PROC, "m": PROC}
    return [
        Scenario(
            "a message to a server that handles none",
            ("A70",),
            people,
            [at("c", ["send", "s", 1]), at("c", ["alive", "s"])],
        ),
        Scenario("a call to a server that handles none", ("A70",), people, [at("c", ["call", "s", STATE])]),
        Scenario("a cast to a server that handles none", ("A70",), people, [at("c", ["cast", "s", [["push", 1]]])]),
        Scenario(
            "a continue of a server that handles none",
            ("A46", "A70"),
            people,
            [at("c", ["start", "o", {"kind": "bare", "init": [["ok", ["continue", [["push", 1]]]]]}])],
        ),
        Scenario("a stop of a server that has no terminate", ("A76",), people, [at("c", ["halt", "s", "boom"])]),
    ]


def _stops() -> list[Scenario]:
    people = {"s": SERVER, "c": PROC, "d": PROC, "m": PROC}
    fails: dict[str, Op] = {
        "raises": ["raise", "late"],
        "exits": ["exit", "other"],
        "exits normally": ["exit", "normal"],
    }
    return [
        *(
            Scenario(
                f"a stop with {what}",
                ("A71", "A76"),
                people,
                [
                    at("m", ["monitor", "s", "m1"], ["cast", "s", [["push", 1]]]),
                    at("c", ["halt", "s", reason], ["alive", "s"]),
                    at("c", ["halt", "s", reason]),
                ],
            )
            for what, reason in {**REASONS, "a reason called kill": "kill"}.items()
        ),
        Scenario(
            "a stop stands behind what was sent before",
            ("A73", "A76"),
            people,
            [
                at("m", ["cast", "s", [["gate", "g"], ["push", 1]]]),
                at("c", ["cast", "s", [["push", 2]]], ["halt", "s", "normal"]),
                at("d", ["cast", "s", [["push", 3]]]),
                open_gate("g"),
            ],
        ),
        Scenario(
            "a stop that is out of time",
            ("A76",),
            people,
            [
                at("m", ["cast", "s", [["gate", "g"], ["push", 1]]]),
                at("c", ["halt", "s", "normal", 2], ["alive", "s"]),
                advance(10),
                open_gate("g"),
                at("c", ["alive", "s"]),
            ],
        ),
        Scenario("a server stops itself", ("A69",), people, [at("c", ["call", "s", [["halt", "s", "normal"]]])]),
        Scenario(
            "a server that traps exits is stopped by another than its parent",
            ("A63", "A76"),
            {"s": TRAPPING_SERVER, "c": PROC},
            [at("c", ["halt", "s", "shutdown"])],
        ),
        Scenario(
            "two stop a server",
            ("A76",),
            people,
            [
                at("m", ["cast", "s", [["gate", "g"]]]),
                at("c", ["halt", "s", "boom"]),
                at("d", ["halt", "s", "boom"]),
                open_gate("g"),
            ],
            differs=ANY_END,
        ),
        *(
            Scenario(
                f"a server ends by itself before it comes to a stop, by {what}",
                ("A77",),
                people,
                [
                    at("m", ["cast", "s", [["gate", "g"], ["stop", reason]]]),
                    at("c", ["halt", "s", "normal"]),
                    open_gate("g"),
                ],
                differs=ANY_END if reason == "normal" else "",
            )
            for what, reason in REASONS.items()
        ),
        *(
            Scenario(
                f"a terminate that {what}, after a stop by another",
                ("A74", "A76"),
                {**people, "s": {**SERVER, "terminate": [then]}},
                [at("m", ["monitor", "s", "m1"]), at("c", ["halt", "s", "shutdown"])],
            )
            for what, then in fails.items()
        ),
        *(
            Scenario(
                f"a terminate that {what}, after a callback that {before}",
                ("A74",),
                {**people, "s": {**SERVER, "terminate": [then]}},
                [at("c", ["call", "s", [["push", 1], ENDINGS[before]]])],
            )
            for what, then in fails.items()
            for before in ("stops normally", "raises", "exits", "returns what it can't")
        ),
        *(
            Scenario(
                f"a terminate that {what}, after a reply",
                ("A74", "A75"),
                {**people, "s": {**SERVER, "terminate": [then]}},
                [at("m", ["monitor", "s", "m1"]), at("c", ["call", "s", [["stop", "boom", "answer"]]])],
            )
            for what, then in fails.items()
        ),
        Scenario(
            "a reply comes after terminate",
            ("A75",),
            {**people, "s": {**SERVER, "terminate": [["gate", "g"], ["note", "done"]]}},
            [at("c", ["call", "s", [["stop", "boom", "answer"]]]), open_gate("g")],
        ),
        Scenario(
            "a caller who has no time for terminate",
            ("A75",),
            {**people, "s": {**SERVER, "terminate": [["gate", "g"]]}},
            [
                at("c", ["call", "s", [["stop", "boom", "answer"]], 2]),
                advance(10),
                open_gate("g"),
                at("c", ["note", "on"]),
            ],
        ),
        Scenario(
            "a terminate that takes long, and a call that comes meanwhile",
            ("A61", "A71"),
            {**people, "s": {**SERVER, "terminate": [["gate", "g"]]}},
            [
                at("m", ["cast", "s", [["stop", "shutdown"]]]),
                at("c", ["call", "s", STATE, 2]),
                advance(10),
                open_gate("g"),
            ],
        ),
        Scenario(
            "a server is killed while it terminates",
            ("A6", "A71"),
            {**people, "s": {**SERVER, "terminate": [["gate", "g"], ["note", "never"]]}},
            [at("c", ["halt", "s", "boom"]), at("m", ["signal", "s", "kill"])],
        ),
        Scenario(
            "a terminate can send, cast and call",
            ("A71",),
            {
                **people,
                "o": SERVER,
                "s": {**SERVER, "terminate": [["send", "c", "bye"], ["call", "o", [["push", 1], ["reply_state"]]]]},
            },
            [at("c", ["halt", "s", "normal"]), at("c", ["call", "o", STATE])],
        ),
        Scenario(
            "the links of a server that stops",
            ("A12", "A71"),
            {**people, "t": TRAPPING, "n": PROC},
            [at("t", ["link", "s"]), at("n", ["link", "s"]), at("c", ["halt", "s", "shutdown"])],
        ),
    ]


def _logged() -> list[Scenario]:
    """What a server logs of its end, before those hear of it who watch it."""
    people: dict[str, Json] = {"c": PROC, "m": PROC, "t": TRAPPING}
    server: Json = {**SERVER, "logs_to": "m#1"}
    watched = [at("m", ["monitor", "s", "m1"]), at("t", ["link", "s"]), at("c", ["cast", "s", [["push", 1]]])]
    ends: dict[str, Step] = {
        **{
            f"{what} in a {how}": at("c", [how, "s", [["push", 2], ending]])
            for what, ending in ENDINGS.items()
            for how in ("cast", "call")
        },
        **{f"is stopped by {what}": at("c", ["halt", "s", reason]) for what, reason in REASONS.items()},
        "is killed": at("c", ["signal", "s", "kill"]),
        "gets a fatal signal": at("c", ["signal", "s", "boom"]),
    }
    return [
        Scenario(f"what is logged when a server {what}", ("A9", "A78"), {**people, "s": server}, [*watched, step])
        for what, step in ends.items()
    ] + [
        Scenario(
            "the spec of a server's class that says nothing of it, with one argument and another",
            ("A55",),
            {"m": PROC},
            [at("m", ["default_spec", 1], ["default_spec", [1, 2]])],
        )
    ]


SCENARIOS = [
    *_logged(),
    *_starts(),
    *_starting(),
    *_names(),
    *_callbacks(),
    *_calls(),
    *_replies(),
    *_parents(),
    *_continues(),
    *_idle_timeouts(),
    *_missing(),
    *_stops(),
]
