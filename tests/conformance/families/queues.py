"""Queues and their workers: demand, batches, who gets what, and what ends do (rules E1 to E88).

The queue is that of GenStage's documentation; an event is a list of its name and of what its worker does with it.
"""

from __future__ import annotations

from dataclasses import replace

from tests.conformance.language import Json, Op, Scenario, Step, advance, at, open_gate, race

__all__ = ["SCENARIOS"]

PROC: Json = {"kind": "proc"}
QUEUE: Json = {"kind": "queue", "name": "Q"}

ONE_IN_HAND = "a worker's max_demand is 1, unless it says otherwise (E5, F29)"
REFUSED = "limits that can't work fail the start of a worker, instead of leaving it without events (E12)"
GIVEN_BACK = "what a worker had not begun when it ended goes to another (E65, E84, F1)"
TRIED_AGAIN = "what a worker had begun when it ended is tried again, as often as the queue says (E65, E84, E88, F1, F5)"
OVERTAKEN = "an event that waits goes to whoever asks, also when a worker has left that had asked before (E49)"
OUTLIVES = "the queue's content outlives its actor, and its workers stay subscribed (E62, E66, E69, E85, F21)"


def worker(max_demand: int | None = None, min_demand: int | None = None, **spec: Json) -> Json:
    """Return the spec of a worker of the queue `Q`."""
    limits = {"max_demand": max_demand, "min_demand": min_demand}
    return {"kind": "worker", "queue": "Q", **{key: one for key, one in limits.items() if one is not None}, **spec}


def events(first: int, last: int, *ops: Op) -> list[Json]:
    """Return events with names from first to last; each does the same."""
    return [[number, list(ops)] for number in range(first, last + 1)]


def put(some: list[Json]) -> Step:
    """Have `p` put events, all at once."""
    return at("p", ["put", "Q", some])


def puts(*several: list[Json]) -> list[Step]:
    """Have `p` put events, one list of them after the other."""
    return [put(some) for some in several]


def held(first: int, last: int, gate: str = "g") -> list[Json]:
    """Return events of which each waits at a gate."""
    return events(first, last, ["gate", gate])


WAITING = at("p", ["waiting", "Q"])


def _demand() -> list[Scenario]:
    """In what calls a message of events is handled, and what the demand is after it."""
    table = [
        (1, 0, 1),
        (2, 1, 2),
        (3, 1, 3),
        (5, 2, 5),
        (7, 3, 5),
        (7, 3, 7),
        (10, 0, 9),
        (10, 0, 10),
        (10, 1, 10),
        (10, 5, 1),
        (10, 5, 4),
        (10, 5, 5),
        (10, 5, 6),
        (10, 5, 9),
        (10, 5, 10),
        (10, 8, 3),
        (10, 9, 10),
    ]
    scenarios = [
        Scenario(
            f"a message of {size} for a worker that asks for {most}, and again at {least}",
            ("E16", "E17", "E18", "E20"),
            {"Q": QUEUE, "p": PROC},
            [
                put(events(1, size)),
                at("p", ["start", "w", worker(most, least)]),
                put([[100, [["gate", "g"]]], *events(101, 100 + most)]),
                WAITING,
                open_gate("g"),
                WAITING,
            ],
        )
        for most, least, size in table
    ]
    scenarios += [
        Scenario(
            f"a worker that asks for {most}, and doesn't say when again",
            ("E5", "E17", "E18"),
            {"Q": QUEUE, "p": PROC},
            [put(events(1, 2 * most)), at("p", ["start", "w", worker(most)]), put(events(101, 100 + most)), WAITING],
        )
        for most in (1, 2, 3, 4, 9, 10)
    ]
    scenarios += [
        Scenario(
            f"{count} events that wait for a worker that asks for {most}, and again at {least}",
            ("E17", "E18", "E22"),
            {"Q": QUEUE, "p": PROC},
            [put(events(1, count)), at("p", ["start", "w", worker(most, least)]), WAITING],
        )
        for most, least, count in ((20, 4, 60), (20, 16, 30), (10, 0, 25), (1, 0, 4))
    ]
    scenarios += [
        Scenario(
            "a lower demand is filled up to the maximum",
            ("E18", "E20"),
            {"Q": QUEUE, "w": worker(10, 5), "p": PROC},
            [
                *[put(events(10 * n, 10 * n + size - 1)) for n, size in enumerate((3, 4, 4, 3), 1)],
                put(held(100, 112)),
                WAITING,
                open_gate("g"),
                WAITING,
            ],
        ),
        Scenario(
            "small messages are not cut at the minimum",
            ("E21",),
            {"Q": QUEUE, "w": worker(10, 7), "p": PROC},
            [put(events(1, 2)), put(events(11, 12)), put(events(21, 22)), put(held(31, 45)), WAITING, open_gate("g")],
        ),
        Scenario(
            "a worker that says nothing of its demand",
            ("E5", "E83"),
            {"Q": QUEUE, "w": worker(), "p": PROC},
            [put(held(1, 3)), WAITING, open_gate("g"), WAITING],
            differs=ONE_IN_HAND,
        ),
    ]
    wrong: dict[str, Json] = {
        "of none": worker(0),
        "below none": worker(-1),
        "with a minimum as high": worker(5, 5),
        "with a minimum below none": worker(5, -1),
    }
    scenarios += [
        Scenario(
            f"a worker with a maximum {what}",
            ("E7", "E12"),
            {"Q": QUEUE, "p": PROC},
            [put(events(1, 2)), at("p", ["start", "w", spec]), WAITING],
            differs=REFUSED,
        )
        for what, spec in wrong.items()
    ]
    return scenarios


def _handling() -> list[Scenario]:
    """When a worker asks again, and what it does meanwhile."""
    tables: dict[str, tuple[tuple[str, ...], Json, list[Step]]] = {
        "a worker never has more in hand than its maximum": (
            ("E16", "E22"),
            worker(3),
            [put(held(1, 9)), WAITING, open_gate("g"), WAITING],
        ),
        "a worker asks again when a batch was handled, and not before": (
            ("E19",),
            worker(4, 2),
            [
                put([*held(1, 1, "first"), *events(2, 2), *held(3, 3, "second"), *events(4, 9)]),
                WAITING,
                open_gate("first"),
                WAITING,
                open_gate("second"),
                WAITING,
            ],
        ),
        "a worker handles all batches of a message before it reads on": (
            ("E17", "E19"),
            worker(4, 2),
            [
                put([*held(1, 1, "first"), *events(2, 2), *held(3, 3, "second"), *events(4, 4)]),
                at("p", ["send", "w", "hello"]),
                open_gate("first"),
                open_gate("second"),
            ],
        ),
        "a worker that has asked gets what is put later, as it is put": (
            ("E26", "E82"),
            worker(4),
            [put(events(1, 1)), put(events(2, 3)), put(events(4, 4)), put(events(5, 5)), put(events(6, 12)), WAITING],
        ),
        "a worker gets several messages that were put while it was busy": (
            ("E17", "E47"),
            worker(4, 0),
            [
                put(held(1, 1)),
                put(events(2, 3)),
                put(events(4, 4)),
                put(events(5, 9)),
                WAITING,
                open_gate("g"),
                WAITING,
            ],
        ),
        "no events are no call": (("E25",), worker(2), [*puts([], events(1, 1), []), WAITING]),
        "a worker puts events into its own queue, and they come last": (
            ("E47", "E82"),
            worker(1),
            [
                put([[1, [["put", "Q", events(11, 12)], ["gate", "g"]]], *events(2, 3)]),
                WAITING,
                open_gate("g"),
                WAITING,
            ],
        ),
        "a worker that puts an event for each that it handles goes on": (
            ("E82",),
            worker(2, 1),
            [put([[1, [["put", "Q", [[2, [["put", "Q", events(3, 4)]]]]]]]]), WAITING],
        ),
        "what a worker is told comes between its events": (
            ("E19",),
            worker(1),
            [
                put(held(1, 2)),
                at("p", ["tell", "w", [["note", "hello"], ["put", "Q", events(3, 3)]]]),
                open_gate("g"),
                WAITING,
            ],
        ),
    }
    scenarios = [
        Scenario(what, rules, {"Q": QUEUE, "w": spec, "p": PROC}, steps)
        for what, (rules, spec, steps) in tables.items()
    ]
    scenarios += [
        Scenario(
            "what was put without workers is handed out from the oldest on, to one after the other",
            ("E27", "E28"),
            {"Q": QUEUE, "p": PROC},
            [
                *puts(held(1, 3), held(4, 10)),
                at("p", ["start", "a", worker(4)], ["waiting", "Q"]),
                at("p", ["start", "b", worker(5)], ["waiting", "Q"]),
                at("p", ["start", "c", worker(5)], ["waiting", "Q"]),
                put(held(11, 16)),
                WAITING,
            ],
        ),
        Scenario(
            "two who put, and the order in which they did",
            ("E47",),
            {"Q": QUEUE, "w": worker(10), "p": PROC, "q": PROC},
            [
                put(held(1, 1)),
                at("q", ["put", "Q", events(2, 3)]),
                put(events(4, 4)),
                at("q", ["put", "Q", events(5, 5)]),
                open_gate("g"),
            ],
        ),
        Scenario(
            "two queues have workers of their own",
            ("E23",),
            {
                "Q": QUEUE,
                "R": {"kind": "queue", "name": "R"},
                "a": worker(2),
                "b": {**worker(1), "queue": "R"},
                "p": PROC,
            },
            [
                put(held(1, 4)),
                at("p", ["put", "R", held(11, 13)]),
                at("p", ["waiting", "Q"], ["waiting", "R"]),
                open_gate("g"),
            ],
        ),
        Scenario(
            "a paused queue hands out nothing, and a worker that comes meanwhile gets its events later",
            ("E34",),
            {"Q": QUEUE, "p": PROC},
            [
                at("p", ["pause", "Q"], ["put", "Q", held(1, 5)], ["start", "w", worker(3)]),
                at("p", ["resume", "Q"]),
                WAITING,
                open_gate("g"),
            ],
        ),
        Scenario(
            "a paused queue hands out nothing to who has asked, and forgets nobody",
            ("E34",),
            {"Q": QUEUE, "a": worker(1), "b": worker(1), "p": PROC},
            [
                at("p", ["pause", "Q"], ["put", "Q", held(1, 1)], ["put", "Q", held(2, 3, "h")]),
                at("p", ["resume", "Q"]),
                WAITING,
                open_gate("g"),
            ],
        ),
        Scenario(
            "a pause leaves a worker what it has, and what it asks for meanwhile comes later",
            ("E34",),
            {"Q": QUEUE, "w": worker(2, 1), "p": PROC},
            [
                *puts(held(1, 2), events(3, 6)),
                at("p", ["pause", "Q"]),
                open_gate("g"),
                at("p", ["resume", "Q"]),
                WAITING,
            ],
        ),
    ]
    return scenarios


def _shares() -> list[Scenario]:
    """Which of several workers gets what; all have their hands full at the end, so that nothing else decides."""
    three = {"a": worker(4, 0), "b": worker(4, 0), "c": worker(4, 0)}
    one_each = {"a": worker(1), "b": worker(1), "c": worker(1)}
    tables: dict[str, tuple[tuple[str, ...], Json, list[Step]]] = {
        "events go whole to who has asked for most, and has waited longest": (
            ("E44", "E45"),
            three,
            [*puts(*[held(n, n) for n in (1, 2, 3)], held(4, 5), held(6, 12)), WAITING, open_gate("g")],
        ),
        "one emission for all, and one more": (
            ("E45", "E82"),
            three,
            [put([*held(1, 4), *held(5, 13, "h")]), WAITING, open_gate("g"), WAITING],
        ),
        "who asks for most gets most": (
            ("E44", "E45"),
            {"a": worker(2, 0), "b": worker(10, 0), "c": worker(3, 0)},
            [*puts(held(1, 7), held(8, 9), held(10, 12), held(13, 14), held(15, 15)), WAITING, open_gate("g")],
        ),
        "who asks for less waits until the others have as little": (
            ("E44", "E45"),
            {"a": worker(3, 0), "b": worker(1), "c": worker(2, 0)},
            [*[put(held(n, n)) for n in range(1, 7)], WAITING, open_gate("g")],
        ),
        "idle workers get an event each, in the order in which they asked": (
            ("E46", "E82"),
            one_each,
            [
                *puts(*[held(n, n, f"g{n}") for n in range(1, 6)]),
                WAITING,
                open_gate("g2"),
                open_gate("g3"),
                WAITING,
                open_gate("g1"),
                put(held(6, 6, "g6")),
                WAITING,
            ],
        ),
        "workers that become idle stand in line": (
            ("E46", "E82"),
            one_each,
            [*puts(*[held(n, n, f"g{n}") for n in (1, 2, 3)])]
            + [open_gate(f"g{n}") for n in (3, 1, 2)]
            + [put(events(4, 4)), put(events(5, 5)), put(events(6, 6)), put(events(7, 7))],
        ),
        "who has a long job holds up nobody else": (
            ("E83",),
            one_each,
            [put(held(1, 1)), *[put(events(n, n)) for n in range(2, 8)], WAITING, open_gate("g")],
        ),
        "who asks for much takes all, and the others are idle": (
            ("E83",),
            {"a": worker(20), "b": worker(2), "c": worker(2)},
            [put(held(1, 12)), WAITING, open_gate("g")],
        ),
    }
    return [
        Scenario(what, rules, {"Q": QUEUE, **workers, "p": PROC}, steps)
        for what, (rules, workers, steps) in tables.items()
    ]


ENDS: dict[str, list[Op]] = {
    "ends normally": [["exit", "normal"]],
    "shuts down": [["exit", "shutdown"]],
    "ends of a reason": [["exit", "boom"]],
    "raises": [["raise", "ouch"]],
}


def _worker_ends() -> list[Scenario]:
    """What a worker's end does to what it had in hand, and to the others. Here an event is tried once."""
    scenarios = [
        Scenario(
            f"a worker that {what} with its only event in hand costs the others nothing",
            ("E65", "E84", "E87"),
            {"Q": QUEUE, "w": worker(1), "v": worker(1), "p": PROC},
            [
                put([[1, [["gate", "g"], *ops]], *held(2, 2, "h"), *events(3, 4)]),
                open_gate("g"),
                WAITING,
                open_gate("h"),
                WAITING,
            ],
        )
        for what, ops in ENDS.items()
    ]
    scenarios += [
        Scenario(
            f"a worker that {what} in its first batch, with more in its hands",
            ("E65", "E84"),
            {"Q": QUEUE, "w": worker(3, 1), "p": PROC},
            [put([[1, ENDS[what]], *events(2, 5)]), WAITING, at("p", ["start", "v", worker(5)]), WAITING],
            differs=GIVEN_BACK,
        )
        for what in ("ends normally", "raises")
    ]
    again: Json = {**QUEUE, "max_attempts": 3}
    scenarios += [
        Scenario(
            "a worker that raises in its second batch, with a message in its mailbox",
            ("E19", "E65"),
            {"Q": QUEUE, "w": worker(4, 2), "p": PROC},
            [
                put([*events(1, 2), [3, ENDS["raises"]], *events(4, 9)]),
                WAITING,
                at("p", ["start", "v", worker(4)]),
                WAITING,
            ],
            differs=GIVEN_BACK,
        ),
        Scenario(
            "a worker that is killed with its only event in hand",
            ("E65", "E84"),
            {"Q": QUEUE, "w": worker(1), "v": worker(1), "p": PROC},
            [
                put([*held(1, 1), *held(2, 2, "h"), *events(3, 3)]),
                at("p", ["signal", "w", "kill"]),
                WAITING,
                open_gate("h"),
                WAITING,
            ],
        ),
        Scenario(
            "a worker that is killed with its only event in hand, which is tried again",
            ("E65", "E84"),
            {"Q": again, "w": worker(1), "v": worker(1), "p": PROC},
            [
                put([[1, [["on", 1, [["note", "here"]]], ["gate", "g"]]], *events(2, 2)]),
                at("p", ["signal", "w", "kill"]),
                WAITING,
                open_gate("g"),
            ],
            differs=TRIED_AGAIN,
        ),
        Scenario(
            "a worker that raises with its only event in hand, which is tried again",
            ("E65", "E84", "E88"),
            {"Q": again, "S": {"kind": "sup", "children": [{"id": "w", **worker(1)}]}, "p": PROC},
            [put([[1, [["on", 1, [["raise", "ouch"]]]]], *events(2, 2)]), advance(10), WAITING],
            differs=TRIED_AGAIN,
        ),
        Scenario(
            "an idle worker that had asked for more than comes is killed",
            ("E49", "E65"),
            {"Q": QUEUE, "w": worker(10), "p": PROC},
            [
                at("p", ["signal", "w", "kill"]),
                put(events(1, 3)),
                at("p", ["start", "v", worker(5)]),
                put(events(4, 5)),
                WAITING,
            ],
            differs=OVERTAKEN,
        ),
        Scenario(
            "an idle worker is killed, and is restarted by its supervisor before anything is put",
            ("E11", "E65"),
            {"Q": QUEUE, "S": {"kind": "sup", "children": [{"id": "w", **worker(1)}]}, "p": PROC},
            [at("p", ["signal", "w", "kill"]), put(events(1, 1)), put(events(2, 3)), WAITING],
        ),
        Scenario(
            "an idle worker is killed beside another, that has asked too",
            ("E65", "E82"),
            {"Q": QUEUE, "w": worker(1), "v": worker(1), "p": PROC},
            [at("p", ["signal", "w", "kill"]), put(held(1, 1)), WAITING, open_gate("g"), WAITING],
        ),
    ]
    return scenarios


QUEUE_ENDS: dict[str, Op] = {
    "is stopped": ["halt", "Q", "normal"],
    "is shut down": ["halt", "Q", "shutdown"],
    "is shut down with a detail": ["halt", "Q", ["shutdown", 1]],
    "ends of a reason": ["signal", "Q", "boom"],
    "is killed": ["signal", "Q", "kill"],
}


def _queue_ends() -> list[Scenario]:
    """What a queue's end does to its workers, and to what it holds."""
    lets_live = {"temporary": list(QUEUE_ENDS), "transient": list(QUEUE_ENDS)[:3], "permanent": []}
    scenarios = [
        Scenario(
            f"a {mode} worker, and its queue that {what}",
            ("E62", "E66", "E69"),
            {"Q": QUEUE, "w": worker(1, cancel=mode), "p": PROC},
            [put(events(1, 1)), at("p", end), at("p", ["alive", "w"])],
            differs="" if what in spared else OUTLIVES,
        )
        for mode, spared in lets_live.items()
        for what, end in QUEUE_ENDS.items()
    ]
    for mode, differs in (("temporary", ""), ("permanent", OUTLIVES)):
        scenarios += [
            Scenario(
                f"a {mode} worker handles what it was sent, though the queue has been killed since",
                ("E62", "E66"),
                {"Q": QUEUE, "w": worker(4, 0, cancel=mode), "p": PROC},
                [*puts(held(1, 1), events(2, 3), events(4, 4)), at("p", ["signal", "Q", "kill"]), open_gate("g")],
                differs=differs,
            ),
        ]
    under: Json = {"id": "Q", **QUEUE}
    scenarios += [
        Scenario(
            "a queue's content, and its crash",
            ("E66", "E85"),
            {"S": {"kind": "sup", "children": [under]}, "p": PROC},
            [put(events(1, 3)), at("p", ["signal", "Q", "kill"]), at("p", ["start", "w", worker(5)], ["waiting", "Q"])],
            differs=OUTLIVES,
        ),
        Scenario(
            "a temporary worker, and its queue's next incarnation",
            ("E69",),
            {"S": {"kind": "sup", "children": [under]}, "w": worker(5, cancel="temporary"), "p": PROC},
            [put(events(1, 1)), at("p", ["signal", "Q", "kill"]), put(events(2, 3)), WAITING],
            differs=OUTLIVES,
        ),
        Scenario(
            "a worker that ends itself and is restarted, and its queue's next incarnation",
            ("E11", "E69"),
            {
                "S": {
                    "kind": "sup",
                    "children": [under, {"id": "w", **worker(5, cancel="temporary"), "queue": "@Q"}],
                },
                "p": PROC,
            },
            [
                at("p", ["signal", "Q", "kill"]),
                at("w", ["exit", "boom"]),
                put(events(2, 3)),
                WAITING,
            ],
        ),
    ]
    missing: dict[str, tuple[Json, str]] = {
        "permanent": (worker(1), ""),
        "transient": (worker(1, cancel="transient"), ""),
        "temporary": (worker(1, cancel="temporary"), "a worker of a queue that was never started doesn't start (E8)"),
    }
    scenarios += [
        Scenario(
            f"a {mode} worker of a queue that isn't there",
            ("E8", "E11"),
            {"p": PROC, "S": {"kind": "sup"}},
            [
                at("p", ["start", "w", {**spec, "queue": "@X"}]),
                at("p", ["start_child", "S", {"id": "v", **spec, "queue": "@X"}]),
            ],
            differs=differs,
        )
        for mode, (spec, differs) in missing.items()
    ]
    return scenarios


def _trees() -> list[Scenario]:
    """Queues and workers under supervisors."""
    queue: Json = {"id": "Q", **QUEUE}
    brutal: Json = {"shutdown": "brutal_kill"}

    def named(label: str, **spec: Json) -> Json:
        return {"id": label, **worker(1, **spec), **brutal, "queue": "@Q"}

    three = [named(one) for one in ("a", "b", "c")]
    loyal = [named(one, cancel="temporary") for one in ("a", "b", "c")]
    poison: list[Json] = events(1, 4, ["raise", "ouch"])
    crash = put([*held(1, 1), [2, [["gate", "h"], ["raise", "ouch"]]], *held(3, 3), *held(4, 4, "i")])
    floors: Json = {"kind": "sup", "strategy": "rest_for_one"}
    inner: Json = {"id": "I", "kind": "sup"}
    scenarios = [
        Scenario(
            f"one worker of three under {strategy} crashes with its event in hand",
            ("E11", "E84", "E87"),
            {"S": {"kind": "sup", "strategy": strategy, "children": [queue, *three]}, "p": PROC},
            [crash, open_gate("h"), WAITING, open_gate("g"), WAITING],
        )
        for strategy in ("one_for_one", "rest_for_one")
    ]
    scenarios += [
        Scenario(
            "a worker on the lower of two floors crashes, and is restarted alone",
            ("E11", "E84", "E87"),
            {"S": {**floors, "children": [queue, {**inner, "children": three}]}, "p": PROC},
            [crash, open_gate("h"), WAITING, open_gate("g"), WAITING],
        ),
        Scenario(
            "an event after another crashes its worker, until the supervisor gives up",
            ("E88",),
            {"Q": QUEUE, "S": {"kind": "sup", "children": [{"id": "w", **worker(1)}]}, "p": PROC},
            [put(poison[:3]), put(events(11, 12)), at("p", ["alive", "S"]), *puts(poison[:1], events(13, 13)), WAITING],
        ),
        Scenario(
            "poisonous events, one at each of several workers, count for their supervisor together",
            ("E88",),
            {"Q": QUEUE, "S": {"kind": "sup", "children": [named("a"), named("b")]}, "p": PROC},
            [*[put([event]) for event in poison], at("p", ["alive", "S"], ["waiting", "Q"])],
        ),
        Scenario(
            "a worker is terminated with an event in hand, and is restarted later",
            ("E11", "E84"),
            {"S": {"kind": "sup", "children": [queue, named("a")]}, "p": PROC},
            [
                *puts(held(1, 1), events(2, 3)),
                at("p", ["terminate_child", "S", "a"], ["waiting", "Q"]),
                at("p", ["restart_child", "S", "a"]),
                WAITING,
            ],
        ),
        Scenario(
            "a child that is one more worker takes its share",
            ("E11", "E46"),
            {"S": {"kind": "sup", "children": [queue, named("a")]}, "p": PROC},
            [
                put([*held(1, 1), *held(2, 3, "h")]),
                at("p", ["start_child", "S", named("b")]),
                WAITING,
                open_gate("g"),
            ],
        ),
        Scenario(
            "an idle queue under rest_for_one crashes, and all its workers are subscribed again",
            ("E11", "E86"),
            {"S": {"kind": "sup", "strategy": "rest_for_one", "children": [queue, *loyal]}, "p": PROC},
            [at("p", ["signal", "Q", "kill"]), put(held(1, 3)), WAITING, open_gate("g")],
        ),
        Scenario(
            "an idle queue above a floor of workers crashes, and all of them are subscribed again",
            ("E11", "E86"),
            {"S": {**floors, "children": [queue, {**inner, "children": loyal}]}, "p": PROC},
            [at("p", ["signal", "Q", "kill"]), put(held(1, 3)), WAITING, open_gate("g")],
        ),
        *[
            Scenario(
                f"a queue under one_for_one crashes with two workers, and max_restarts is {most}",
                ("E85",),
                {"S": {"kind": "sup", "max_restarts": most, "children": [queue, *three[:2]]}, "p": PROC},
                [at("p", ["signal", "Q", "kill"]), at("p", ["alive", "S"])],
                differs=OUTLIVES,
            )
            for most in (1, 3)
        ],
    ]
    return scenarios


def _locks() -> list[Scenario]:
    """Workers that have a user to themselves while they handle an event of that user."""

    def of_user(number: int, *ops: Op) -> Json:
        return [number, [["reg", "R", "user", number], *ops]]

    tables: dict[str, tuple[tuple[str, ...], Json, list[Step]]] = {
        "of two workers with events of one user the second is refused, until the first is done": (
            ("D81", "E89"),
            {"a": worker(1), "b": worker(1)},
            [
                put([of_user(1, ["gate", "g"], ["unreg", "R", "user"])]),
                put([of_user(2)]),
                open_gate("g"),
                put([of_user(3, ["unreg", "R", "user"], ["gate", "h"])]),
                put([of_user(4)]),
            ],
        ),
        "a worker that forgets to give up a user is refused by itself": (
            ("D82", "E89"),
            {"a": worker(1), "b": worker(1)},
            [put([of_user(1)]), put(held(2, 2)), put([of_user(3)])],
        ),
        "a worker that crashes with a user leaves that user to its next incarnation": (
            ("D14", "D81", "E84"),
            {"S": {"kind": "sup", "children": [{"id": "a", **worker(1)}]}},
            [put([of_user(1, ["raise", "ouch"]), of_user(2), of_user(3, ["raise", "ouch"]), of_user(4)])],
        ),
        "a worker that is killed with a user leaves that user to the others": (
            ("D14", "D81", "E84"),
            {"a": worker(1), "b": worker(1)},
            [
                put([of_user(1, ["gate", "g"])]),
                put([of_user(2)]),
                at("p", ["signal", "a", "kill"]),
                put([of_user(3), of_user(4)]),
            ],
        ),
    }
    return [
        Scenario(what, rules, {"R": {"kind": "registry", "keys": "unique"}, "Q": QUEUE, **workers, "p": PROC}, steps)
        for what, (rules, workers, steps) in tables.items()
    ]


def _races() -> list[Scenario]:
    """Several at once; each of the ways in which it came out on OTP is stored."""
    return [
        Scenario(
            "two put an event at once, for a worker with one in hand",
            ("E47", "E82"),
            {"Q": QUEUE, "w": worker(1), "p": PROC, "q": PROC},
            [race(("p", [["put", "Q", held(1, 1)]]), ("q", [["put", "Q", held(2, 2)]])), WAITING, open_gate("g")],
        ),
        Scenario(
            "two workers are started at once, for three events",
            ("E45", "E46"),
            {"Q": QUEUE, "p": PROC, "q": PROC},
            [
                put(held(1, 3)),
                race(("p", [["start", "a", worker(2)]]), ("q", [["start", "b", worker(2)]])),
                WAITING,
                open_gate("g"),
            ],
        ),
    ]


SCENARIOS = [
    replace(scenario, stages=True)
    for scenario in [
        *_demand(),
        *_handling(),
        *_shares(),
        *_worker_ends(),
        *_queue_ends(),
        *_trees(),
        *_locks(),
        *_races(),
    ]
]
