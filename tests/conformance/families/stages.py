"""Stages: subscriptions, their messages and callbacks, options and warnings (rules E1 to E36, E63 to E68).

Most is not built here, where a worker has one subscription, which it makes itself, to a queue; so stages of any type
are played on OTP alone. A process that is no stage plays the other side by hand, message by message.
"""

from __future__ import annotations

from dataclasses import replace

from tests.conformance.language import Json, Op, Scenario, Step, at, open_gate

__all__ = ["SCENARIOS"]

PROC: Json = {"kind": "proc"}
QUEUE: Json = {"kind": "queue", "name": "Q"}
WORKER: Json = {"kind": "worker", "queue": "Q"}
PRODUCER: Json = {"kind": "stage", "type": "producer"}
CONSUMER: Json = {"kind": "stage", "type": "consumer"}
MIDDLE: Json = {"kind": "stage", "type": "producer_consumer"}

MODES = ("permanent", "transient", "temporary")

OUTLIVES = "a queue's content outlives its actor, and takes subscriptions meanwhile (E9, F21)"
REFUSED = "what a queue can't be made of is an error at once, before anything is started (E14, E32)"
UNTOLD = "what a handler returns is dropped, and nobody is told (E33)"


def _unbuilt(what: str, rules: tuple[str, ...], actors: Json, *steps: Step, rule: str = "") -> Scenario:
    """One that can't be played here; the rule that isn't built yet is its first, if it doesn't say another."""
    return Scenario(what, rules, {**actors, "p": PROC}, list(steps), not_yet=rule or rules[0])


def events(first: int, last: int, *ops: Op) -> list[Json]:
    """Return events with names from first to last; each has its consumer do the same."""
    return [[number, list(ops)] for number in range(first, last + 1)]


def emit(first: int, last: int, *ops: Op, stage: str = "P") -> Step:
    """Have a stage emit events, all at once."""
    return at(stage, ["emit", events(first, last, *ops)])


def subscribe(tag: str = "s", stage: str = "C", to: str = "P", **options: Json) -> Step:
    """Have `p` subscribe a stage; the subscription gets a name."""
    return at("p", ["subscribe", stage, to, {"as": tag, **options}])


def post(actor: str, to: str, role: str, tag: str, *what: Json) -> Step:
    """Have an actor send a message to a producer or a consumer by hand."""
    return at(actor, ["post", to, role, tag, list(what)])


def to_producer(*what: Json, tag: str = "s") -> Step:
    """Have `f`, who plays a consumer, send `P` a message."""
    return post("f", "P", "producer", tag, *what)


def to_consumer(*what: Json, tag: str = "s") -> Step:
    """Have `f`, who plays a producer, send `C` a message."""
    return post("f", "C", "consumer", tag, *what)


def played(tag: str = "s", ask: int | None = None) -> list[Step]:
    """Have `f`, who plays a consumer, subscribe to `P`, and ask."""
    return [to_producer("subscribe", {}, tag=tag), *([to_producer("ask", ask, tag=tag)] if ask else [])]


PAIR: Json = {"P": PRODUCER, "C": CONSUMER}
OF_HAND: Json = {"P": PRODUCER, "f": PROC}
"""A producer, and who plays its consumer."""
BY_HAND: Json = {"C": CONSUMER, "f": PROC}
"""A consumer, and who plays its producer."""


def _messages() -> list[Scenario]:
    """The messages of which a subscription is made."""
    from_f = subscribe(to="f", max_demand=4, min_demand=2, cancel="temporary")
    scenarios = [
        _unbuilt(
            "a consumer's three messages, and a producer's two",
            ("E1",),
            BY_HAND,
            from_f,
            to_consumer("events", events(1, 4)),
            to_consumer("events", events(5, 5)),
            at("p", ["unsubscribe", "s", "enough"]),
            to_consumer("cancel", "enough"),
        ),
        _unbuilt(
            "a producer's two messages, and a consumer's three",
            ("E1",),
            OF_HAND,
            *played(ask=3),
            emit(1, 5),
            to_producer("ask", 1),
            to_producer("cancel", "enough"),
            emit(6, 6),
        ),
        _unbuilt(
            "events that were sent before a cancel come before it",
            ("E1",),
            BY_HAND,
            from_f,
            at(
                "f",
                ["post", "C", "consumer", "s", ["events", events(1, 3)]],
                ["post", "C", "consumer", "s", ["cancel", 1]],
            ),
        ),
        _unbuilt(
            "events that a producer emits before it cancels come before that",
            ("E1", "E63"),
            OF_HAND,
            *played(ask=3),
            at("P", ["unsubscribe", "s", "enough"], ["emit", events(1, 2)]),
            emit(3, 3),
        ),
        _unbuilt(
            "a consumer that gets more than it asked for handles that, and asks for none of it again",
            ("E24", "E1"),
            {**BY_HAND, "C": {**CONSUMER, "logs": True}},
            from_f,
            to_consumer("events", events(1, 7)),
            to_consumer("events", events(8, 8)),
            rule="E1",
        ),
        _unbuilt(
            "a message without events is no call, and no ask",
            ("E25", "E1"),
            BY_HAND,
            from_f,
            to_consumer("events", []),
            rule="E1",
        ),
    ]
    unknown: dict[str, tuple[Json, list[Step]]] = {
        "an ask of a subscription that nobody knows is answered with a cancel": (OF_HAND, [to_producer("ask", 1)]),
        "a cancel of a subscription that a producer doesn't know is passed over": (OF_HAND, [to_producer("cancel", 1)]),
        "events of a subscription that nobody knows are dropped, and answered with a cancel": (
            BY_HAND,
            [to_consumer("events", events(1, 2))],
        ),
        "a cancel of a subscription that a consumer doesn't know is passed over": (BY_HAND, [to_consumer("cancel", 1)]),
    }
    scenarios += [_unbuilt(what, ("E15", "E1"), actors, *steps, rule="E1") for what, (actors, steps) in unknown.items()]
    scenarios += [
        _unbuilt(
            "a tag that a producer knows is refused, and its first subscription stays",
            ("E6",),
            {**OF_HAND, "P": {**PRODUCER, "logs": True}},
            *played(ask=1),
            to_producer("subscribe", {"max_demand": 5}),
            to_producer("ask", 1),
            emit(1, 3),
        ),
        _unbuilt(
            "a consumer whose tag is refused loses its first subscription",
            ("E6",),
            PAIR,
            subscribe(max_demand=2, cancel="temporary"),
            at("C", ["post", "P", "producer", "s", ["subscribe", {}]]),
            emit(1, 1),
        ),
        _unbuilt(
            "a permanent consumer whose tag is refused ends",
            ("E6", "E62"),
            PAIR,
            subscribe(),
            at("C", ["post", "P", "producer", "s", ["subscribe", {}]]),
        ),
    ]
    return scenarios


def _handshake() -> list[Scenario]:
    """What consumer and producer do when one is subscribed to the other, and in which order."""
    says: Json = {**CONSUMER, "subscribe": [["send", "f", "subscribed"]]}
    noted: Json = {**PRODUCER, "subscribe": [["note", "subscribed"]]}
    scenarios = [
        _unbuilt(
            "a consumer subscribes, is told of it, and asks",
            ("E2", "E5"),
            {"f": PROC, "C": says},
            subscribe(to="f", max_demand=10, foo="bar"),
        ),
        _unbuilt(
            "a consumer that is subscribed in its init does the same",
            ("E2", "E11"),
            {"f": PROC},
            at("p", ["start", "C", {**says, "options": {"subscribe_to": [["f", {"as": "s", "max_demand": 3}]]}}]),
        ),
        _unbuilt(
            "a consumer in the middle asks without anybody behind it",
            ("E2", "E37"),
            {"f": PROC, "C": {**says, "type": "producer_consumer"}},
            subscribe(to="f", max_demand=4),
        ),
        _unbuilt(
            "a consumer that wants to ask for itself sends no ask",
            ("E2", "E41"),
            {"f": PROC, "C": {**says, "subscribe": [*says["subscribe"], ["ok", "manual"]]}},
            subscribe(to="f", max_demand=4),
        ),
        _unbuilt(
            "a consumer that stops when it is told of its subscription has subscribed, and not asked",
            ("E2",),
            {"f": PROC, "C": {**says, "subscribe": [*says["subscribe"], ["stop", "boom"]]}},
            subscribe(to="f"),
        ),
        _unbuilt(
            "a producer is told of a subscription before it is asked",
            ("E3",),
            {**PAIR, "P": noted},
            subscribe(max_demand=3, partition="a"),
        ),
        _unbuilt(
            "a producer hears of the end of who is subscribed",
            ("E3", "E65"),
            PAIR,
            subscribe(max_demand=3),
            at("p", ["signal", "C", "kill"]),
            emit(1, 2),
        ),
        _unbuilt(
            "a producer can't have its consumer ask for itself",
            ("E3",),
            {**PAIR, "P": {**noted, "subscribe": [["ok", "manual"]]}},
            subscribe(),
        ),
        _unbuilt(
            "a producer that stops when it is told of a subscription takes a permanent consumer along",
            ("E3", "E62"),
            {**PAIR, "P": {**noted, "subscribe": [["stop", "boom"]]}},
            subscribe(),
        ),
        _unbuilt(
            "a producer is told of a subscription before its dispatcher refuses it",
            ("E3", "E54"),
            {**PAIR, "P": {**PRODUCER, "options": {"dispatcher": "Elixir.GenStage.BroadcastDispatcher"}}},
            subscribe(max_demand=3),
            subscribe("t", max_demand=3),
            emit(1, 2),
        ),
        _unbuilt(
            "a producer replaces a subscription before it accepts another",
            ("E3", "E64"),
            {**PAIR, "P": noted},
            subscribe(max_demand=3, cancel="temporary"),
            at("p", ["resubscribe", "C", "s", "change", "P", {"as": "t", "max_demand": 5, "cancel": "temporary"}]),
        ),
    ]
    wrong: dict[str, Json] = {
        "a maximum of none": {"max_demand": 0},
        "a maximum that is no number": {"max_demand": "infinity"},
        "a minimum as high": {"max_demand": 5, "min_demand": 5},
        "a minimum as high as a maximum of one": {"max_demand": 1, "min_demand": 1},
        "a minimum below none": {"min_demand": -1},
        "a minimum above its maximum by default": {"min_demand": 1000},
        "no such way to end": {"cancel": "never"},
        "nothing but wrong options": {"max_demand": 0, "min_demand": -1, "cancel": "never"},
    }
    scenarios += [
        _unbuilt(
            f"a consumer that is to be subscribed with {what} sends nothing for that, and goes on",
            ("E2", "E7"),
            BY_HAND,
            at(
                "p",
                ["subscribe", "C", "f", {"as": "s", **options}],
                ["subscribe", "C", "f", {"as": "t", "max_demand": 2}],
            ),
        )
        for what, options in wrong.items()
    ]
    return scenarios


def _asking() -> list[Scenario]:
    """Who asks for a subscription, and what it hears."""
    busy = at("p", ["tell", "P", [["gate", "g"]]])
    scenarios = [
        _unbuilt(
            "who subscribes a consumer doesn't wait for the producer",
            ("E4",),
            PAIR,
            busy,
            subscribe(max_demand=2),
            open_gate("g"),
            emit(1, 2),
        ),
        _unbuilt(
            "who subscribes a consumer waits for the consumer",
            ("E4",),
            PAIR,
            at("p", ["tell", "C", [["gate", "g"]]]),
            subscribe(max_demand=2),
            open_gate("g"),
            emit(1, 2),
        ),
        _unbuilt(
            "who only wishes a consumer to be subscribed doesn't wait",
            ("E4",),
            PAIR,
            at("p", ["tell", "C", [["gate", "g"]]]),
            at("p", ["subscribe_async", "C", "P", {"as": "s", "max_demand": 2}]),
            open_gate("g"),
            emit(1, 2),
        ),
        _unbuilt(
            "to subscribe a consumer that has ended is an error, to wish it isn't",
            ("E4",),
            PAIR,
            at("p", ["halt", "C", "normal"]),
            at("p", *[[op, "C", "P", {"as": "s"}] for op in ("subscribe", "subscribe_async")]),
        ),
        _unbuilt(
            "a wish with wrong options is logged by the consumer, and no more",
            ("E4", "E7"),
            {**PAIR, "C": {**CONSUMER, "logs": True}},
            at("p", ["subscribe_async", "C", "P", {"as": "s", "max_demand": 0}]),
        ),
        _unbuilt(
            "a subscription to nobody is an error of who asks for it",
            ("E4",),
            PAIR,
            at("p", *[[op, "C", None, {"as": "s"}] for op in ("subscribe", "subscribe_async")]),
        ),
    ]
    hears: Json = {"C": {**CONSUMER, "logs": True}}
    scenarios += [
        _unbuilt(
            f"a {mode} subscription to a name that nobody has",
            ("E8", "E4"),
            hears,
            subscribe(to="@X", cancel=mode),
            at("p", ["alive", "C"]),
            rule="E4",
        )
        for mode in MODES
    ]
    with_logs: Json = {"P": {**PRODUCER, "logs": True}, "C": {**CONSUMER, "logs": True}, "R": PRODUCER, "f": PROC}
    scenarios += [
        _unbuilt(
            "a producer can't be subscribed",
            ("E13",),
            with_logs,
            subscribe(stage="P", to="R"),
            at("p", ["subscribe_async", "P", "R", {"as": "s"}]),
            subscribe(max_demand=1),
            emit(1, 1),
        ),
        _unbuilt(
            "a consumer that is taken for a producer logs it, and goes on",
            ("E13",),
            with_logs,
            post("f", "C", "producer", "s", "subscribe", {}),
            post("f", "C", "producer", "s", "ask", 3),
            subscribe("t", max_demand=1),
            emit(1, 1),
        ),
        _unbuilt(
            "a producer that is taken for a consumer logs it, and goes on",
            ("E13",),
            with_logs,
            post("f", "P", "consumer", "s", "events", events(1, 2)),
            post("f", "P", "consumer", "s", "cancel", "boom"),
            subscribe("t", max_demand=1),
            emit(1, 1),
        ),
    ]
    return scenarios


def _to_the_dead() -> list[Scenario]:
    """Subscriptions to producers that have ended."""
    stop = at("p", ["halt", "P", "normal"])
    alive = at("p", ["alive", "C"])
    scenarios = [
        _unbuilt(
            f"a {mode} subscription to a producer that has ended",
            ("E9", "E62"),
            PAIR,
            stop,
            subscribe(cancel=mode),
            alive,
        )
        for mode in MODES
    ]
    scenarios += [
        _unbuilt(
            f"a consumer starts with a {mode} subscription to a producer that has ended",
            ("E9", "E11"),
            {"P": PRODUCER},
            stop,
            at("p", ["start", "C", {**CONSUMER, "options": {"subscribe_to": [["P", {"as": "s", "cancel": mode}]]}}]),
            alive,
        )
        for mode in MODES
    ]
    gone = at("p", ["put", "Q", events(1, 1)], ["halt", "Q", "normal"])
    scenarios += [
        Scenario(
            f"a {mode} worker of a queue that has ended",
            ("E9", "E62"),
            {"Q": QUEUE, "p": PROC},
            [gone, at("p", ["start", "w", {**WORKER, "cancel": mode}]), at("p", ["alive", "w"])],
            differs=OUTLIVES,
        )
        for mode in MODES
    ]
    scenarios += [
        Scenario(
            "a worker of a queue that has ended is restarted until its supervisor gives up",
            ("E9", "E11"),
            {"Q": QUEUE, "S": {"kind": "sup"}, "p": PROC},
            [gone, at("p", ["start_child", "S", {"id": "w", **WORKER}]), at("p", ["alive", "S"])],
            differs=OUTLIVES,
        )
    ]
    return scenarios


def _several() -> list[Scenario]:
    """Consumers with more than one subscription."""
    two: Json = {"P": PRODUCER, "R": PRODUCER, "C": CONSUMER}
    return [
        _unbuilt(
            "a consumer that is subscribed twice has two demands",
            ("E10", "E23"),
            PAIR,
            *[subscribe(tag, max_demand=4, min_demand=2) for tag in ("s", "t")],
            emit(1, 8),
        ),
        _unbuilt(
            "a consumer asks each of its producers as its subscription says",
            ("E10", "E23"),
            two,
            subscribe(max_demand=2),
            subscribe("t", to="R", max_demand=10, min_demand=8),
            emit(1, 2),
            emit(11, 13, stage="R"),
            emit(3, 5),
            emit(14, 20, stage="R"),
        ),
        _unbuilt(
            "a consumer may end with one of its producers, and outlive another",
            ("E10", "E62"),
            two,
            subscribe(max_demand=2, cancel="temporary"),
            subscribe("t", to="R", max_demand=2),
            at("p", ["halt", "P", "shutdown"]),
            emit(1, 1, stage="R"),
            at("p", ["halt", "R", "shutdown"]),
        ),
        _unbuilt(
            "one of a consumer's two subscriptions to a producer is cancelled",
            ("E10", "E63"),
            PAIR,
            subscribe(max_demand=2, cancel="temporary"),
            subscribe("t", max_demand=3, cancel="temporary"),
            at("p", ["unsubscribe", "s", "enough"]),
            emit(1, 5),
        ),
        _unbuilt(
            "a consumer is subscribed in its init, and again later",
            ("E10", "E11"),
            {"P": PRODUCER, "R": PRODUCER},
            at(
                "p",
                [
                    "start",
                    "C",
                    {**CONSUMER, "options": {"subscribe_to": [[to, {"max_demand": 1}] for to in ("P", "R")]}},
                ],
            ),
            subscribe("t", max_demand=2),
            emit(1, 3),
            emit(4, 4, stage="R"),
        ),
        _unbuilt(
            "a consumer that can't be subscribed to its first producer doesn't come to the next",
            ("E10", "E11"),
            {"P": PRODUCER},
            at("p", ["start", "C", {**CONSUMER, "options": {"subscribe_to": [[to, {}] for to in ("@X", "P")]}}]),
        ),
    ]


def _options() -> list[Scenario]:
    """With what a stage can be started, and with what it can't."""

    def start(spec: Json) -> Step:
        return at("p", ["start", "x", spec], ["alive", "p"])

    wrong: dict[str, Json] = {
        "a producer that is to subscribe": {**PRODUCER, "options": {"subscribe_to": []}},
        "a consumer with a buffer": {**CONSUMER, "options": {"buffer_size": 3}},
        "a consumer with a dispatcher": {**CONSUMER, "options": {"dispatcher": "Elixir.GenStage.BroadcastDispatcher"}},
        "a stage in the middle that is to gather": {**MIDDLE, "options": {"demand": "accumulate"}},
        "a producer with an option that nobody knows": {**PRODUCER, "options": {"foo": 1}},
        "a producer with a mode that nobody knows": {**PRODUCER, "options": {"demand": "never"}},
        "a producer that is to keep what nobody can": {**PRODUCER, "options": {"buffer_keep": "middle"}},
        "a producer with a dispatcher that is none": {**PRODUCER, "options": {"dispatcher": 1}},
        "a producer whose init gives what means nothing": {**PRODUCER, "init": [["bad", "hello"]]},
        "a consumer whose init stops": {**CONSUMER, "init": [["stop", "boom"]]},
        "a consumer whose init has nothing to run": {**CONSUMER, "init": [["ignore"]]},
    }
    right: dict[str, Json] = {
        "a producer": {**PRODUCER, "options": {"buffer_size": "infinity", "buffer_keep": "first", "demand": "forward"}},
        "a stage in the middle": {**MIDDLE, "options": {"buffer_size": 3, "buffer_keep": "last", "subscribe_to": []}},
        "a consumer": {**CONSUMER, "options": {"subscribe_to": []}},
    }
    scenarios = [_unbuilt(f"{what} doesn't start", ("E14",), {}, start(spec)) for what, spec in wrong.items()]
    scenarios += [
        _unbuilt(f"{what} starts with all of its options", ("E14",), {}, start(spec)) for what, spec in right.items()
    ]
    begins: dict[str, list[Op]] = {"has nothing to run": [["ignore"]], "stops": [["stop", "boom"]]}
    scenarios += [
        Scenario(
            f"a worker whose init {what}",
            ("E14",),
            {"Q": QUEUE, "S": {"kind": "sup"}, "p": PROC},
            [
                at("p", ["put", "Q", events(1, 1)]),
                at("p", ["start", "w", {**WORKER, "max_demand": 1, "init": ops}]),
                at("p", ["start_child", "S", {"id": "v", **WORKER, "max_demand": 1, "init": ops}]),
                at("p", ["which_children", "S"], ["waiting", "Q"]),
            ],
        )
        for what, ops in begins.items()
    ]
    scenarios += [
        Scenario(
            f"a queue with {what}",
            (rule,),
            {"p": PROC},
            [at("p", ["start", "X", {"kind": "queue", **spec}], ["alive", "p"])],
            differs="" if what == "room for some" else REFUSED,
        )
        for what, rule, spec in (
            ("an option that it hasn't", "E14", {"options": {"foo": 1}}),
            ("room for nothing", "E32", {"maxsize": 0}),
            ("room for less than nothing", "E32", {"maxsize": -1}),
            ("room for what is no number", "E32", {"maxsize": "much"}),
            ("room for some", "E32", {"maxsize": 3}),
        )
    ]
    return scenarios


def _emitting() -> list[Scenario]:
    """What is emitted in calls, by consumers, and into full buffers."""
    emitting: Op = ["emit", events(1, 3)]
    early: list[Op] = [["keep", "k"], ["answer", "k", "early"], emitting, ["noreply"]]
    scenarios = [
        _unbuilt(
            f"events of a call come {what}",
            ("E29",),
            OF_HAND,
            *played(ask=3),
            at("f", ["request", "P", ops]),
        )
        for what, ops in {
            "before its answer": [emitting, ["reply", "done"]],
            "after an answer that is given before": early,
        }.items()
    ]
    scenarios += [
        _unbuilt(
            "events of a call that nobody has asked for are buffered, and it is answered",
            ("E29", "E28"),
            PAIR,
            at("p", ["call", "P", [emitting, ["reply", "done"]]]),
            subscribe(max_demand=2, min_demand=0),
        )
    ]
    deaf: Json = {**PAIR, "C": {**CONSUMER, "logs": True}}
    lost: dict[str, list[Step]] = {
        "as it handles events": [emit(1, 2, ["emit", events(11, 12)])],
        "as it answers a call": [at("p", ["call", "C", [["emit", events(11, 12)], ["reply", "done"]]]), emit(1, 1)],
        "of a cast": [at("p", ["cast", "C", [["emit", events(11, 12)]]]), emit(1, 1)],
        "of a message": [at("C", ["emit", events(11, 12)]), emit(1, 1)],
    }
    scenarios += [
        _unbuilt(f"what a consumer emits {what} is lost, and logged", ("E33",), deaf, subscribe(max_demand=2), *steps)
        for what, steps in lost.items()
    ]
    emitted: list[Json] = [[1, [["emit", events(11, 12)]]], *events(2, 2)]
    scenarios += [
        Scenario(
            f"what a worker's handler returns is lost{and_so_on}",
            ("E33",),
            {"Q": QUEUE, "w": {**WORKER, "max_demand": 1, **spec}, "p": PROC},
            [at("p", ["put", "Q", emitted]), at("p", ["waiting", "Q"])],
            differs=differs,
        )
        for and_so_on, spec, differs in (("", {}, ""), (", and logged", {"logs": True}, UNTOLD))
    ]
    scenarios += _discarding()
    return scenarios


def _discarding() -> list[Scenario]:
    """Buffers that are full."""

    def full(**spec: Json) -> Json:
        return {
            **PAIR,
            "P": {**PRODUCER, "logs": True, **spec, "options": {"buffer_size": 5, **spec.get("options", {})}},
        }

    rest = subscribe(max_demand=20, min_demand=0)
    ways: dict[str, Json] = {
        "a buffer that is full loses its oldest events": {},
        "a buffer that is to keep the last loses its oldest events": {"options": {"buffer_keep": "last"}},
        "a buffer that is to keep the first loses the newest events": {"options": {"buffer_keep": "first"}},
    }
    scenarios = [
        _unbuilt(f"{what}, and warns how many", ("E31", "E30"), full(**spec), emit(1, 5), emit(6, 8), rest)
        for what, spec in ways.items()
    ]
    scenarios += [
        _unbuilt(
            "each emission that has no room is warned of",
            ("E31", "E30"),
            full(),
            *[emit(first, last) for first, last in ((1, 8), (9, 9), (10, 30))],
            rest,
        ),
        _unbuilt(
            "what is handed out needs no room",
            ("E31", "E30"),
            full(),
            subscribe(max_demand=4, min_demand=0),
            emit(1, 9, ["gate", "g"]),
            emit(10, 10),
            open_gate("g"),
        ),
        _unbuilt(
            "a buffer without a bound loses nothing",
            ("E31", "E30"),
            full(options={"buffer_size": "infinity"}),
            emit(1, 9),
            rest,
        ),
        *[
            _unbuilt(
                f"a producer that is told of what is lost has {what}",
                ("E31",),
                full(warns=warns, options={"buffer_keep": "first"}),
                emit(1, 8),
                emit(9, 9),
                rest,
            )
            for what, warns in {"it warned of": True, "nobody warned": False}.items()
        ],
    ]
    return scenarios


def _producing() -> list[Scenario]:
    """What reaches a producer's code of what it is asked for, and what its buffer holds."""

    def waiting(stage: str = "P") -> Step:
        return at("p", ["buffered", stage])

    emitting: Json = {**PRODUCER, "demand": [["emit", events(1, 10)]]}
    gathering: Json = {**PRODUCER, "options": {"demand": "accumulate", "buffer_size": 3}, "logs": True}
    large: list[Step] = [emit(1, 2), at("P", ["emit_from_to", 3, 10_007]), waiting()]
    scenarios = [
        _unbuilt(
            "a buffer is emptied from the oldest on, and only what is missing is asked for",
            ("E27", "E26", "E36"),
            OF_HAND,
            emit(1, 10),
            *played(ask=4),
            waiting(),
            to_producer("ask", 8),
            waiting(),
            emit(11, 11),
            emit(12, 13),
            waiting(),
        ),
        _unbuilt(
            "a producer that emits more than it is asked for is not asked until that is gone",
            ("E26", "E27"),
            {**OF_HAND, "P": emitting},
            *played(ask=3),
            to_producer("ask", 5),
            to_producer("ask", 5),
            waiting(),
        ),
        _unbuilt(
            "what all callbacks of a producer emit is buffered in order",
            ("E28", "E36"),
            PAIR,
            emit(1, 3),
            at("p", ["cast", "P", [["emit", events(4, 5)]]]),
            at("p", ["call", "P", [["emit", events(6, 6)], ["reply", "done"]]]),
            waiting(),
            subscribe(max_demand=4, min_demand=0),
        ),
        _unbuilt(
            "what is emitted while a producer gathers is in no buffer, and is never too much",
            ("E34", "E36"),
            {**OF_HAND, "P": gathering},
            *played(ask=2),
            emit(1, 5),
            to_producer("ask", 2),
            waiting(),
            at("p", ["resume", "P"]),
            waiting(),
        ),
        _unbuilt(
            "what is asked while a producer gathers is asked one by one",
            ("E34", "E26"),
            {**OF_HAND, "P": {**gathering, "demand": [["emit", events(1, 1)]]}},
            *played(ask=2),
            *played("t", ask=2),
            at("p", ["resume", "P"]),
        ),
        _unbuilt(
            "a buffer has room for ten thousand, if nobody says otherwise",
            ("E30", "E31", "E36"),
            {**OF_HAND, "P": {**PRODUCER, "logs": True}},
            *large,
            *played(ask=2),
        ),
        _unbuilt(
            "the buffer of a stage in the middle has room for all",
            ("E30", "E36"),
            {"P": {**MIDDLE, "logs": True}},
            *large,
        ),
        _unbuilt(
            "a consumer has no buffer, and logs the question",
            ("E36",),
            {"C": {**CONSUMER, "logs": True}},
            waiting("C"),
        ),
    ]
    counted = Scenario(
        "what waits in a queue is counted",
        ("E36",),
        {"Q": QUEUE, "p": PROC},
        [
            at("p", ["waiting", "Q"], ["put", "Q", events(1, 3, ["gate", "g"])], ["waiting", "Q"]),
            at("p", ["start", "w", {**WORKER, "max_demand": 2}]),
            at("p", ["waiting", "Q"]),
            open_gate("g"),
            at("p", ["waiting", "Q"]),
        ],
    )
    return [*(replace(scenario, not_yet="E26") for scenario in scenarios), counted]


def _modes() -> list[Scenario]:
    """Stages that gather, and that are asked whether they do."""

    def mode(stage: str) -> Step:
        return at("p", ["mode", stage])

    def turned(stage: str, *ops: str) -> Step:
        return at("p", ["mode", stage], *[one for op in ops for one in ([op, stage], ["mode", stage])])

    return [
        _unbuilt(
            "a queue is asked whether it is paused",
            ("E35", "E34"),
            {"Q": QUEUE},
            turned("Q", "pause", "pause", "resume", "resume"),
        ),
        _unbuilt(
            "a producer that begins to gather is asked, and told to forward",
            ("E35", "E34"),
            {**OF_HAND, "P": {**PRODUCER, "options": {"demand": "accumulate", "buffer_size": 3}}},
            mode("P"),
            *played(ask=2),
            emit(1, 5),
            to_producer("ask", 2),
            at("p", ["resume", "P"]),
            mode("P"),
        ),
        _unbuilt(
            "a consumer forwards, whatever it is told",
            ("E35",),
            {"C": {**CONSUMER, "logs": True}},
            turned("C", "pause", "resume"),
        ),
        _unbuilt(
            "a stage in the middle forwards, whatever it is told",
            ("E35",),
            {"C": {**MIDDLE, "logs": True}},
            *[at("p", [op, "C"]) for op in ("pause", "resume")],
            at("p", ["alive", "C"]),
        ),
        _unbuilt("a stage in the middle doesn't outlive the question", ("E35",), {"C": MIDDLE}, mode("C")),
    ]


REASONS: dict[str, Json] = {
    "normally": "normal",
    "in a shutdown": "shutdown",
    "with a detail": ["shutdown", 1],
    "of a reason": "boom",
}


def _cancels() -> list[Scenario]:
    """Subscriptions that are cancelled, and replaced."""
    scenarios = [
        _unbuilt(
            f"a {mode} subscription is cancelled {what}",
            ("E63", "E62"),
            PAIR,
            subscribe(max_demand=3, cancel=mode),
            at("p", ["unsubscribe", "s", reason]),
            at("p", ["alive", "C"]),
        )
        for mode in MODES
        for what, reason in REASONS.items()
    ]
    busy = subscribe(max_demand=4, min_demand=2, cancel="temporary")
    scenarios += [
        _unbuilt(
            "a consumer that is busy handles what it was sent before it hears of a cancel",
            ("E63",),
            PAIR,
            busy,
            emit(1, 1, ["gate", "g"]),
            emit(2, 3),
            at("p", ["unsubscribe", "s", "normal"]),
            emit(4, 4),
            open_gate("g"),
        ),
        _unbuilt(
            "a producer cancels a subscription by itself",
            ("E63",),
            PAIR,
            busy,
            emit(1, 1),
            at("P", ["unsubscribe", "s", "enough"]),
            emit(2, 2),
        ),
        _unbuilt(
            "a consumer cancels its own subscription, and handles what comes before the answer",
            ("E63",),
            PAIR,
            busy,
            at("p", ["tell", "P", [["gate", "g"], ["emit", events(1, 2)]]]),
            at("C", ["unsubscribe", "s", "enough"]),
            open_gate("g"),
            emit(3, 3),
        ),
        _unbuilt(
            "a subscription that was cancelled is cancelled again",
            ("E63", "E15"),
            PAIR,
            busy,
            *[at("p", ["unsubscribe", "s", reason]) for reason in ("first", "second")],
        ),
        _unbuilt(
            "what a cancelled subscription had asked for is used up before the producer is asked again",
            ("E63", "E49"),
            {"P": PRODUCER, "C": CONSUMER, "f": PROC},
            subscribe(max_demand=10, cancel="temporary"),
            at("p", ["unsubscribe", "s", "enough"]),
            *played("t"),
            *[to_producer("ask", 4, tag="t") for _ in range(3)],
        ),
        _unbuilt(
            "a consumer that was let go is subscribed again",
            ("E63", "E69", "E49"),
            PAIR,
            busy,
            at("p", ["unsubscribe", "s", "enough"]),
            emit(1, 2),
            subscribe("t", max_demand=2),
        ),
    ]
    return [*scenarios, *_replaced()]


def _replaced() -> list[Scenario]:
    """Subscriptions that are replaced by others."""

    def instead(reason: Json, old: str = "s", to: str = "P", **options: Json) -> Step:
        return at("p", ["resubscribe", "C", old, reason, to, {"as": "t", "max_demand": 2, **options}])

    alive = at("p", ["alive", "C"])
    scenarios = [
        _unbuilt(
            f"a {mode} subscription is replaced {what}",
            ("E64", "E62"),
            PAIR,
            # The consumer waits, since its producer wouldn't learn its reason if it ended before it is watched again.
            subscribe(max_demand=4, cancel=mode),
            at("p", ["tell", "P", [["gate", "g"]]]),
            instead(reason, cancel="temporary"),
            at("p", ["tell", "C", [["gate", "h"]]]),
            open_gate("g"),
            open_gate("h"),
            emit(1, 3),
            alive,
        )
        for mode in MODES
        for what, reason in list(REASONS.items())[1::2]
    ]
    scenarios += [
        _unbuilt(
            "a subscription is replaced by one message, that names it",
            ("E64", "E1"),
            BY_HAND,
            subscribe(to="f", max_demand=4, cancel="temporary"),
            instead("change", to="f"),
        ),
        _unbuilt(
            "a subscription to one producer isn't replaced by one to another",
            ("E64", "E10"),
            {**PAIR, "R": PRODUCER},
            subscribe(max_demand=4, cancel="temporary"),
            instead("change", to="R", cancel="temporary"),
            emit(1, 1),
            emit(11, 11, stage="R"),
        ),
        _unbuilt(
            "a subscription that was cancelled is replaced as if it had never been",
            ("E64",),
            PAIR,
            subscribe(max_demand=4, cancel="temporary"),
            at("p", ["unsubscribe", "s", "enough"]),
            instead("change"),
            emit(1, 3),
        ),
    ]
    return scenarios


def _told_of_cancels() -> list[Scenario]:
    """The callbacks by which both sides are told of a cancel."""

    def told(stage: Json, *ops: Op) -> Json:
        return {**stage, "cancel": list(ops)}

    enough = at("p", ["unsubscribe", "s", "enough"])
    says: Op = ["send", "p", "told"]
    scenarios = [
        _unbuilt(
            "both sides are told of a cancel, before anybody ends",
            ("E67", "E62"),
            {"P": told(PRODUCER, says), "C": told(CONSUMER, says)},
            subscribe(),
            enough,
        ),
        _unbuilt(
            "a consumer is told of its producer's end, before it ends",
            ("E67", "E66"),
            {"P": PRODUCER, "C": told(CONSUMER, says)},
            subscribe(),
            at("p", ["signal", "P", "kill"]),
        ),
        _unbuilt(
            "a producer is told of its consumer's end",
            ("E67", "E65"),
            {"P": told(PRODUCER, says), "C": CONSUMER},
            subscribe(),
            at("p", ["signal", "C", "kill"]),
        ),
    ]
    scenarios += [
        _unbuilt(
            f"a consumer that stops when it is told of {what} ends of its own reason, {mode}",
            ("E67",),
            {"P": PRODUCER, "C": told(CONSUMER, ["stop", "mine"])},
            subscribe(cancel=mode),
            end,
        )
        for mode in MODES
        for what, end in {"a cancel": enough, "its producer's end": at("p", ["halt", "P", "normal"])}.items()
    ]
    scenarios += [
        _unbuilt(
            "a producer that stops when it is told of a cancel has cancelled it",
            ("E67",),
            {"P": told(PRODUCER, ["stop", "mine"]), "C": CONSUMER, "D": CONSUMER},
            subscribe(),
            subscribe("t", stage="D", cancel="temporary"),
            enough,
        ),
        _unbuilt(
            "what a producer emits when it is told of a cancel goes to who has left",
            ("E67",),
            {"P": told(PRODUCER, ["emit", events(1, 3)]), "C": CONSUMER, "f": PROC},
            *played(ask=10),
            subscribe("t", max_demand=2),
            to_producer("cancel", "enough"),
            emit(4, 4),
        ),
        _unbuilt(
            "what a producer emits when it is told of a cancel goes to who has asked for more",
            ("E67",),
            {"P": told(PRODUCER, ["emit", events(1, 3)]), "C": CONSUMER, "f": PROC},
            *played(ask=1),
            subscribe("t", max_demand=5),
            to_producer("cancel", "enough"),
            emit(4, 4),
        ),
        _unbuilt(
            "what a stage in the middle emits when it is told of a cancel goes on",
            ("E67", "E63"),
            {"P": PRODUCER, "M": told(MIDDLE, ["emit", events(11, 12)]), "C": CONSUMER},
            subscribe(stage="M", max_demand=2, cancel="temporary"),
            subscribe("t", to="M", max_demand=4),
            enough,
        ),
        _unbuilt(
            "what a consumer emits when it is told of a cancel is lost, and logged",
            ("E67", "E33"),
            {"P": PRODUCER, "C": told({**CONSUMER, "logs": True}, ["emit", events(11, 12)])},
            subscribe(cancel="temporary"),
            enough,
        ),
    ]
    scenarios += [
        _unbuilt(
            f"a {mode} consumer that hibernates when it is told of {what} goes on",
            ("E68", "E62"),
            {"P": PRODUCER, "C": told(CONSUMER, ["noreply", "hibernate"])},
            subscribe(cancel=mode),
            end,
            at("p", ["alive", "C"]),
        )
        for mode in MODES
        for what, end in {"a cancel": enough, "its producer's end": at("p", ["signal", "P", "kill"])}.items()
    ]
    return scenarios


SCENARIOS = [
    replace(scenario, stages=True)
    for scenario in [
        *_messages(),
        *_handshake(),
        *_asking(),
        *_to_the_dead(),
        *_several(),
        *_options(),
        *_emitting(),
        *_producing(),
        *_modes(),
        *_cancels(),
        *_told_of_cancels(),
    ]
]
