"""Random scenarios, without Elixir: where its outcomes are needed, the product's own, unbroken, stand in for them."""

from __future__ import annotations

import functools
import json
from concurrent.futures import Future
from random import Random

import pytest

from actors.testing import Livelock
from tests.conformance import __main__ as main
from tests.conformance import trial
from tests.conformance.generate import RANDOM_FAMILIES, comes_out_in_one_way, generate
from tests.conformance.language import Scenario, advance, at, open_gate, race
from tests.conformance.library import recorded
from tests.conformance.meant import meaning
from tests.conformance.mutants import MUTANTS, found_by
from tests.conformance.ours import play
from tests.conformance.pasted import pasted
from tests.conformance.quiet import quiet
from tests.conformance.random.foretold import foretold
from tests.conformance.shrink import shrunk
from tests.conformance.trial import Tally, try_all

SEED = 3
SCHEDULES = 3
SOON = 200
"""Scenarios in which a mutant is found."""

FEW = 30
"""Scenarios that are played."""


@pytest.fixture(autouse=True)
def without_logs():
    with quiet():
        yield


def families(test):
    return pytest.mark.parametrize("family", RANDOM_FAMILIES)(test)


@families
def test_a_random_scenario_is_data(family):
    for scenario in generate(family, 30, SEED):
        assert Scenario.from_json(json.loads(json.dumps(scenario.to_json()))) == scenario


@families
def test_a_random_scenario_comes_out_in_one_way(family):
    for scenario in generate(family, 30, SEED):
        assert comes_out_in_one_way(family, scenario)
        outcome, *others = [play(scenario, seed) for seed in range(SCHEDULES)]
        assert others == [outcome] * (SCHEDULES - 1), scenario


@families
def test_a_seed_gives_the_same_scenarios_however_many(family):
    scenarios = generate(family, 30, SEED)

    assert generate(family, 10, SEED) == scenarios[:10]
    assert generate(family, 10, SEED + 1) != scenarios[:10]
    assert len({json.dumps(scenario.to_json()) for scenario in scenarios}) == len(scenarios)


# Processes


PROC = {"kind": "proc"}
TRAPPING = {"kind": "proc", "trap": True}
THREE = {"a": PROC, "b": PROC, "c": PROC}


@pytest.mark.parametrize(
    "steps",
    [
        [at("a", ["send", "b", 1], ["signal", "b", "boom"])],
        [at("a", ["send", "b", 1], ["signal", "b", "kill"])],
        [at("a", ["link", "b"]), at("a", ["send", "b", 1], ["exit", "boom"])],
        [at("a", ["link", "b"]), at("b", ["link", "c"]), at("a", ["send", "c", 1], ["raise", "ouch"])],
        [at("a", ["signal", "b", "boom"], ["alive", "b"])],
        [at("a", ["signal", "b", "boom"], ["signal", "b", "kill"])],
        [at("a", ["link", "b"]), at("a", ["signal", "b", "boom"], ["note", 1])],
        [at("a", ["link", "c"]), at("b", ["link", "c"], ["signal", "a", "x"], ["signal", "c", "y"])],
        [at("a", ["register", "n", "b"]), at("a", ["signal", "b", "boom"], ["send", "@n", 1])],
        [
            at("a", ["tell", "b", [["link", "c"]]]),
            at("a", ["link", "b"], ["monitor", "c", "m"]),
            at("c", ["exit", "x"]),
        ],
        [at("a", ["tell", "b", [["note", 1]]], ["note", 2])],
        [at("a", ["gate", "a"]), at("a", ["note", 1])],
        [at("a", ["link", "b"], ["monitor", "@n", "m"], ["gate", "a"], ["signal", "b", "boom"]), open_gate("a")],
        [at("a", ["gate", "a"], ["send", "b", 1], ["signal", "b", "boom"])],
        [race(("a", [["note", 1]]), ("b", [["note", 2]]))],
    ],
    ids=json.dumps,
)
def test_what_may_come_out_in_several_ways_is_refused(steps):
    assert not comes_out_in_one_way("processes", Scenario("", (), THREE, steps))


@pytest.mark.parametrize(
    "steps",
    [
        [at("a", ["signal", "b", "boom"], ["signal", "b", "bang"], ["send", "b", 1], ["send", "c", 2])],
        [at("a", ["link", "b"]), at("a", ["send", "c", 1], ["exit", "boom"])],
        [at("a", ["link", "b"]), at("a", ["send", "b", 1], ["exit", "normal"])],
        [at("b", ["trap", True]), at("a", ["send", "b", 1], ["send", "c", 2], ["tell", "b", [["exit", "boom"]]])],
        [
            at("a", ["link", "b"], ["gate", "a"], ["unlink", "b"], ["exit", "boom"]),
            at("c", ["note", 1]),
            open_gate("a"),
        ],
    ],
    ids=json.dumps,
)
def test_what_comes_out_in_one_way_is_not_refused(steps):
    assert comes_out_in_one_way("processes", Scenario("", (), THREE, steps))


# Servers


SERVER = {"kind": "server"}
AT_WORK = {"a": PROC, "b": SERVER, "c": SERVER}


@pytest.mark.parametrize(
    "steps",
    [
        [at("b", ["call", "a", [["note", 1]]])],
        [at("a", ["cast", "b", [["note", 1]]], ["note", 2])],
        [at("b", ["call", "b", [["note", 1]]])],
        [at("b", ["call", "c", [["call", "b", [["note", 1]]]]])],
        [at("a", ["call", "b", [["signal", "a", "boom"]]])],
        [at("a", ["call", "b", [["signal", "b", "boom"]]])],
        [at("a", ["link", "b"]), at("a", ["call", "b", [["stop", "boom"]]])],
        [at("a", ["call", "b", [["stop", "boom", 1]]], ["alive", "b"])],
        [at("a", ["call", "b", [["cast", "c", [["note", 1]]]]])],
        [at("a", ["send", "b", 1], ["halt", "b", "normal"])],
        [at("b", ["link", "c"]), at("c", ["monitor", "a", "m"]), at("a", ["signal", "b", "boom"], ["exit", "normal"])],
        [
            at("a", ["start", "x", {**SERVER, "trap": True}, "link"]),
            at("a", ["signal", "x", "normal"], ["call", "x", [["note", 1]]]),
        ],
        [at("a", ["signal", "c", "boom"], ["start", "x", SERVER, "link"])],
        [at("a", ["exit", "normal"]), at("a", ["start", "x", SERVER, "link"])],
        [at("a", ["start", "x", {**SERVER, "trap": True}, "link"], ["send", "x", 1], ["exit", "normal"])],
    ],
    ids=json.dumps,
)
def test_what_may_come_out_in_several_ways_is_refused_to_servers(steps):
    assert not comes_out_in_one_way("servers", Scenario("", (), AT_WORK, steps))


@pytest.mark.parametrize(
    "steps",
    [
        [at("a", ["call", "b", [["call", "c", [["push", 1], ["reply_state"]]], ["stop", "boom", 1]]], ["note", 2])],
        [at("a", ["call", "b", [["note", 1]]], ["monitor", "b", "m"], ["cast", "b", [["bad", 1]]])],
        [at("a", ["monitor", "b", "m"], ["call", "b", [["stop", "boom"]]], ["send", "c", 1], ["exit", "normal"])],
        [at("b", ["noreply", ["continue", [["push", 1], ["stop", "boom"]]]])],
        [at("a", ["halt", "b", "boom"], ["send", "c", 1])],
        [at("a", ["start", "x", {**SERVER, "trap": True}, "link"]), at("a", ["exit", "normal"]), at("x", ["note", 1])],
        [at("a", ["start", "x", SERVER, "link"], ["send", "x", 1], ["exit", "normal"])],
    ],
    ids=json.dumps,
)
def test_what_comes_out_in_one_way_is_not_refused_to_servers(steps):
    assert comes_out_in_one_way("servers", Scenario("", (), AT_WORK, steps))


# Supervisors


def child(label, *init, **spec):
    return {"id": label, "kind": "server", "trap": True, "init": list(init), **spec}


def sup(*children, **spec):
    return {"kind": "sup", "children": list(children), **spec}


FLAKY = ["on", 2, [["gate", "g"], ["stop", "nope"]]]
BELOW = {"id": "s", **sup(child("c", ["on", 2, [["gate", "h"]]]), {"id": "l", **sup()})}
TREE = {"m": PROC, "o": PROC, "p": PROC, "t": TRAPPING, "sup": sup(child("a"), child("b", FLAKY), BELOW)}
ASK = ["which_children", "sup"]
B_CRASHES = at("b", ["exit", "boom"])


@pytest.mark.parametrize(
    "steps",
    [
        [at("m", ["signal", "a", "boom"], ASK)],
        [at("m", ["halt", "sup", "normal"], ["note", 1])],
        [at("m", ["terminate_child", "sup", "a"], ASK)],
        [at("a", ["exit", "boom"], ["note", 1])],
        [at("m", ["link", "a"])],
        [at("m", ["monitor", "x", "m1"])],
        [at("p", ASK)],
        [at("m", ["exit", "boom"])],
        [at("m", ["signal", "s", "kill"])],
        [B_CRASHES, B_CRASHES],
        [B_CRASHES, at("m", ["signal", "b", "boom"])],
        [B_CRASHES, at("m", ["signal", "sup", "kill"])],
        [B_CRASHES, at("m", ASK), at("m", ASK)],
        [B_CRASHES, at("m", ["halt", "sup", "shutdown"])],
        [B_CRASHES, at("p", ["exit", "bang"]), at("m", ["halt", "sup", "bang"])],
        [at("c", ["exit", "boom"]), at("m", ASK)],
        [at("m", ["start_child", "sup", child("c")])],
        [at("m", ["start_child", "sup", child("x", ["gate", "g"])])],
        [at("m", ["start_child", "sup", child("x", ["stop", "nope"], trap=False)])],
        [at("m", ["start_child", "sup", child("x", trap=False, terminate=[["gate", "k"]])])],
        [at("m", ["start_child", "sup", {**BELOW, "shutdown": "brutal_kill"}])],
        [at("m", ["start_child", "sup", {"id": "a", "kind": "proc"}])],
        [at("m", ["start_child", "sup", {"id": "x", **sup(max_seconds=1)}])],
        [advance(100), advance(20)],
        [at("sup", ["note", 1])],
        [open_gate("k")],
    ],
    ids=json.dumps,
)
def test_what_may_come_out_in_several_ways_is_refused_to_supervisors(steps):
    assert not comes_out_in_one_way("supervisors", Scenario("", (), TREE, steps))


@pytest.mark.parametrize(
    "steps",
    [
        [at("m", ASK, ASK, ["monitor", "a", "m1"], ["signal", "a", "boom"])],
        [at("t", ["link", "s"]), at("m", ["signal", "sup", "kill"])],
        [open_gate("g"), at("m", ["terminate_child", "sup", "a"], ASK, ["restart_child", "sup", "a"])],
        [B_CRASHES, at("a", ["raise", "ouch"]), at("m", ASK), at("o", ["terminate_child", "sup", "b"])],
        [B_CRASHES, at("m", ASK), open_gate("g"), at("m", ASK)],
        [B_CRASHES, at("m", ["halt", "sup", "bang"]), at("p", ["exit", "bang"])],
        [at("m", ["start_child", "s", child("x", ["gate", "k"], ["ignore"])]), at("a", ["exit", "boom"])],
    ],
    ids=json.dumps,
)
def test_what_comes_out_in_one_way_is_not_refused_to_supervisors(steps):
    tree = {**TREE, "sup": sup(child("a"), child("b", FLAKY), {"id": "s", **sup(child("c"))})}

    assert comes_out_in_one_way("supervisors", Scenario("", (), tree, steps))


@pytest.mark.parametrize(
    ("starter", "init", "how", "is_taken"),
    [
        ("p", [], ["link"], True),
        ("p", [["stop", "nope"]], ["link"], False),
        ("p", [], [], False),
        ("n", [["stop", "nope"]], [], True),
        ("n", [], ["link"], False),
        ("n", [["gate", "g"]], [], False),
    ],
)
def test_who_starts_a_supervisor_is_sure_that_it_starts_or_keeps_no_link(starter, init, how, is_taken):
    start = ["start", "sup", sup(child("a", *init)), *how]
    scenario = Scenario("", (), {"n": PROC, "p": PROC}, [at(starter, start)])

    assert comes_out_in_one_way("supervisors", scenario) is is_taken


# Registries


TABLES = {"R": {"kind": "registry", "keys": "unique"}, "D": {"kind": "registry", "keys": "duplicate"}}
READERS = {**TABLES, "a": PROC, "b": PROC, "c": SERVER}
HAS_K = at("b", ["reg", "R", "k", 1])


@pytest.mark.parametrize(
    "steps",
    [
        [HAS_K, at("a", ["signal", "b", "kill"], ["lookup", "R", "k"])],
        [HAS_K, at("a", ["signal", "b", "kill"], ["reg", "R", "k", 2])],
        [at("a", ["halt", "c", "boom"], ["reg", "R", "k", 2], ["lookup", "R", "k"])],
        [at("a", ["halt", "c", "boom"], ["reg", "D", "k", 2])],
        [HAS_K, at("a", ["freeze", "R"]), at("b", ["exit", "boom"]), at("a", ["lookup", "R", "k"])],
        [HAS_K, at("a", ["freeze", "R"]), at("b", ["exit", "boom"]), at("a", ["thaw", "R"], ["count", "R"])],
        [at("a", ["freeze", "R"], ["thaw", "R"], ["freeze", "R"])],
        [at("a", ["gate", "a"], ["lookup", "R", "k"]), at("b", ["freeze", "R"])],
        [at("a", ["tell", "b", [["reg", "R", "k", 1]]]), at("a", ["halt", "R", "normal"])],
        [at("a", ["signal", "R", "boom"])],
        [at("a", ["halt", "R", "normal"]), at("a", ["lookup", "R", "k"])],
        [at("a", ["signal", "R", "kill"], ["reg", "R", "k", 1])],
    ],
    ids=json.dumps,
)
def test_what_may_come_out_in_several_ways_is_refused_to_those_who_use_registries(steps):
    assert not comes_out_in_one_way("registries", Scenario("", (), READERS, steps))


@pytest.mark.parametrize(
    "steps",
    [
        [HAS_K, at("a", ["signal", "b", "kill"]), at("a", ["lookup", "R", "k"], ["reg", "R", "k", 2])],
        [at("c", ["reg", "R", "k", 1]), at("a", ["halt", "c", "boom"], ["reg", "R", "k", 2])],
        [
            HAS_K,
            at("a", ["freeze", "R"]),
            at("b", ["exit", "boom"]),
            at("a", ["reg", "R", "k", 2], ["lookup", "D", "k"]),
        ],
        [HAS_K, at("a", ["freeze", "R"]), at("b", ["exit", "boom"]), at("a", ["thaw", "R"]), at("a", ["count", "R"])],
        [HAS_K, at("b", ["unreg", "R", "k"]), at("a", ["monitor", "R", "m"], ["halt", "R", "normal"])],
    ],
    ids=json.dumps,
)
def test_what_comes_out_in_one_way_is_not_refused_to_those_who_use_registries(steps):
    assert comes_out_in_one_way("registries", Scenario("", (), READERS, steps))


# Queues


def a_worker(most, least=0, **spec):
    return {"kind": "worker", "queue": "Q", "max_demand": most, "min_demand": least, **spec}


def put(*numbers, ops=()):
    return ["put", "Q", [[number, list(ops)] for number in numbers]]


def held(*numbers):
    return put(*numbers, ops=[["gate", "g"]])


def crash(number):
    return put(number, ops=[["raise", "ouch"]])


QUEUE = {"Q": {"kind": "queue", "name": "Q"}, "p": PROC, "q": PROC}
STAGES = {**QUEUE, "v": a_worker(1), "w": a_worker(4, 2)}


@pytest.mark.parametrize(
    "steps",
    [
        [at("p", put(1), put(2))],
        [at("p", ["signal", "w", "kill"], put(1))],
        [at("p", ["signal", "w", "boom"], ["signal", "w", "kill"])],
        [at("p", ["send", "w", 1], ["signal", "w", "kill"])],
        [at("p", put(1, 2, 3), ["signal", "w", "kill"])],
        [at("p", put(1)), at("p", held(2, 3, 4, 5, 6)), at("p", put(7), ["waiting", "Q"])],
        [at("p", held(1, 2, 3, 4, 5)), at("p", crash(6)), at("p", ["start", "x", a_worker(1)])],
        [at("p", held(1, 2, 3, 4, 5, 6, 7, 8)), at("p", crash(9)), open_gate("g")],
        [at("p", ["pause", "Q"], ["pause", "Q"])],
        [at("p", ["pause", "Q"], put(1), put(2)), at("p", ["resume", "Q"])],
        [at("p", ["pause", "Q"]), at("p", ["waiting", "Q"])],
        [at("p", ["halt", "Q", "normal"]), at("p", ["halt", "Q", "normal"])],
        [at("p", ["halt", "Q", "normal"]), at("p", ["start", "x", a_worker(1)])],
        [at("w", ["gate", "g"]), at("w", ["note", 1])],
        [at("p", ["tell", "x", []])],
        [at("p", ["start", "x", {"kind": "worker", "queue": "Q"}])],
        [advance(1)],
    ],
    ids=json.dumps,
)
def test_what_may_come_out_in_several_ways_is_refused_to_those_who_use_queues(steps):
    assert not comes_out_in_one_way("queues", Scenario("", (), STAGES, steps))


@pytest.mark.parametrize(
    "steps",
    [
        [at("p", put(1)), at("q", put(2, 3), ["alive", "w"], ["monitor", "v", "m"])],
        [at("p", held(1, 2, 3, 4), ["put", "Q", [[5, [["gate", "h"]]]]]), at("p", ["waiting", "Q"]), open_gate("g")],
        [at("p", ["pause", "Q"], put(1, 2)), at("p", ["signal", "v", "kill"]), at("p", ["resume", "Q"])],
        [at("p", ["tell", "w", [["gate", "g"]]]), at("p", put(1, 2)), open_gate("g")],
        [at("w", ["exit", "boom"]), at("p", crash(1)), at("p", put(2)), at("p", ["start", "x", a_worker(2)])],
    ],
    ids=json.dumps,
)
def test_what_comes_out_in_one_way_is_not_refused_to_those_who_use_queues(steps):
    assert comes_out_in_one_way("queues", Scenario("", (), STAGES, steps))


def test_what_is_foretold_of_recorded_queues_came_out():
    known = [(stored, foretold(Scenario.from_json(stored))) for stored in recorded("queues")["scenarios"]]
    certain = [(stored, will) for stored, will in known if will]

    for stored, will in certain:
        assert will.part_of(stored["outcome"]) == will.theirs, stored["name"]
        assert will.part_of(stored.get("ours", stored["outcome"])) == will.ours, stored["name"]
    assert len(certain) > 50


def test_what_is_foretold_of_random_queues_comes_out_here():
    for scenario in generate("queues", 100, SEED):
        will = foretold(scenario)
        assert will.part_of(play(scenario)) == will.ours, scenario


# What is shown of a difference


def test_a_scenario_is_made_as_small_as_can_be():
    big = Scenario(
        "of it all",
        (),
        {"a": TRAPPING, "b": TRAPPING, "c": PROC},
        [
            at("a", ["link", "b"], ["note", 1]),
            at("c", ["monitor", "b", "m1"], ["tell", "a", [["note", 2], ["note", 3]]]),
            advance(4),
            at("b", ["note", 4], ["exit", "boom"], ["note", 5]),
            at("a", ["alive", "b"]),
        ],
    )

    small = shrunk(big, lambda scenario: ["exit", "boom"] in [sent for epoch in play(scenario) for sent in read(epoch)])

    assert small.actors == {"a": TRAPPING, "b": PROC}
    assert small.steps == [at("a", ["link", "b"]), at("b", ["exit", "boom"])]


def test_a_tree_of_supervisors_is_made_small_too():
    big = Scenario(
        "",
        (),
        {"m": PROC, "sup": sup(child("a", ["push", 1]), {"id": "s", **sup(child("b"), child("c"))})},
        [B_CRASHES],
    )

    small = shrunk(big, lambda scenario: ["end", "boom"] in [seen for epoch in play(scenario) for seen in read(epoch)])

    assert small.actors == {"sup": {"kind": "sup", "children": [{"id": "s", **sup({"id": "b", "kind": "server"})}]}}
    assert small.steps == [B_CRASHES]


def test_what_is_told_is_made_small_too():
    big = Scenario("", (), {"a": PROC, "b": PROC}, [at("a", ["tell", "b", [["note", 1], ["note", 2], ["note", 3]]])])

    small = shrunk(big, lambda scenario: ["note", 2] in [seen for epoch in play(scenario) for seen in read(epoch)])

    assert small.steps == [at("a", ["tell", "b", [["note", 2]]])]


def read(epoch):
    return [what for of in epoch.values() for seen in of.values() for what in seen]


@families
def test_a_scenario_is_printed_as_one_writes_it(family):
    words = {"Scenario": Scenario, "at": at, "open_gate": open_gate, "advance": advance}

    for scenario in generate(family, 30, SEED):
        assert eval(pasted(scenario), words) == scenario


# Differences that are meant


def test_an_end_at_a_gate_may_come_later_here():
    scenario = Scenario("", (), THREE, [at("a", ["gate", "a"]), at("b", ["note", 1], ["signal", "a", "boom"])])
    noted = {"b#1": {"b#1": [["note", 1]]}}
    theirs = [{}, {}, {"*": {"a#1": [["end", "boom"]]}, **noted}]

    assert play(scenario) == [{}, {}, noted]
    assert [meant.rule for meant in meaning(scenario, theirs, play(scenario))] == ["A12"]


HELD = [at("a", ["gate", "a"]), at("b", ["note", 1], ["signal", "a", "boom"]), at("c", ["note", 2])]
"""On OTP, `a` ends in the second step."""


@pytest.mark.parametrize("steps", [HELD, [*HELD, open_gate("a")]], ids=["never opened", "opened"])
@pytest.mark.parametrize(
    "broken", ["a_fatal_signal_to_one_that_waits_is_forgotten", "one_that_waits_dies_normally_of_a_fatal_signal"]
)
def test_an_end_at_a_gate_has_to_come_of_the_same_reason_when_it_opens(steps, broken):
    mutant = next(one for one in MUTANTS["processes"] if one.broken.__name__ == broken)
    scenario = Scenario("", (), THREE, steps)
    theirs = on_otp(steps, {"*": {"a#1": [["end", "boom"]]}})

    assert [meant.rule for meant in meaning(scenario, theirs, play(scenario))] == ["A12"]
    with mutant.applied():
        assert meaning(scenario, theirs, play(scenario)) == []


def test_what_a_late_end_cannot_have_touched_may_not_differ():
    steps = [*HELD, open_gate("a")]
    scenario = Scenario("", (), THREE, steps)
    theirs = on_otp(steps, {"*": {"a#1": [["end", "boom"]]}})

    for number, observer in [(2, "b#1"), (3, "c#1")]:
        ours = play(scenario)
        ours[number][observer] = {observer: [["note", 9]]}
        assert meaning(scenario, theirs, ours) == []


@pytest.mark.parametrize("tie", [["link", "a"], ["monitor", "a", "m"]])
def test_who_is_tied_to_one_that_ends_late_hears_of_it_then(tie):
    kind = {"link": "exit", "monitor": "down"}[tie[0]]
    steps = [at("d", tie), *HELD, open_gate("a")]
    scenario = Scenario("", (), {**THREE, "d": TRAPPING}, steps)
    theirs = [{}, *on_otp(steps[1:], {"*": {"a#1": [["end", "boom"]]}, "d#1": {"a#1": [[kind, "boom"]]}})]

    ours = play(scenario)
    assert ours[5]["d#1"] == {"a#1": [[kind, "boom"]]}
    assert [meant.rule for meant in meaning(scenario, theirs, ours)] == ["A12"]
    del ours[5]["d#1"]
    assert meaning(scenario, theirs, ours) == []


def on_otp(steps, ends):
    """What comes of them when `a` ends at its gate, and `d` hears of it."""
    return [{}, {}, {**ends, "b#1": {"b#1": [["note", 1]]}}, {"c#1": {"c#1": [["note", 2]]}}, *[{} for _ in steps[3:]]]


def test_what_comes_before_that_may_not_differ():
    scenario = Scenario("", (), THREE, [at("a", ["gate", "a"]), at("b", ["note", 1]), at("b", ["signal", "a", "boom"])])
    theirs = [{}, {}, {}, {"*": {"a#1": [["end", "boom"]]}}]

    assert meaning(scenario, theirs, play(scenario)) == []


def test_an_end_without_a_gate_may_not_come_later_here():
    scenario = Scenario("", (), THREE, [at("b", ["signal", "a", "boom"])])

    assert meaning(scenario, [{}, {"*": {"a#1": [["end", "boom"]]}}], [{}, {}]) == []


def test_an_exit_and_a_down_of_a_dead_one_come_in_any_order():
    scenario = Scenario(
        "", (), {"a": TRAPPING, "b": PROC}, [at("b", ["exit", "normal"]), at("a", ["monitor", "b", "m"], ["link", "b"])]
    )
    ended = {"*": {"b#1": [["end", "normal"]]}}

    def read(*what):
        return [{}, ended, {"a#1": {"b#1": list(what)}}]

    exit_, down = ["exit", "noproc"], ["down", "noproc"]
    assert play(scenario) == read(down, exit_)
    assert [meant.rule for meant in meaning(scenario, read(exit_, down), play(scenario))] == ["A29"]
    assert meaning(scenario, read(exit_, down, down), play(scenario)) == []
    assert meaning(scenario, read(["exit", "boom"], down), read(down, ["exit", "boom"])) == []


def test_a_server_that_is_nobodys_child_reads_its_own_signal_here():
    scenario = Scenario("", (), {"b": {**SERVER, "trap": True}}, [at("b", ["signal", "b", "boom"])])
    born = {"b#1": {"b#1": [["init"]]}}
    theirs = [born, {"*": {"b#1": [["end", "boom"]]}, "b#1": {"b#1": [["terminate", "b#1", "boom", []]]}}]

    assert play(scenario) == [born, {"b#1": {"b#1": [["exit", "boom"]]}}]
    assert [meant.rule for meant in meaning(scenario, theirs, play(scenario))] == ["A63"]
    assert meaning(scenario, theirs, [born, {}]) == []


def test_who_has_nothing_to_do_with_a_server_that_reads_its_own_signal_may_not_differ():
    actors = {"b": {**SERVER, "trap": True}, "c": PROC, "d": PROC}
    steps = [at("c", ["link", "b"]), at("b", ["signal", "b", "boom"]), at("c", ["note", 1]), at("d", ["note", 2])]
    scenario = Scenario("", (), actors, steps)
    ours = play(scenario)
    ended = {"b#1": [["end", "boom"]], "c#1": [["end", "boom"]]}
    gone = {"*": ended, "b#1": {"b#1": [["terminate", "b#1", "boom", []]]}}
    theirs = [*ours[:2], gone, {"*": {"*": [["dead", "c"]]}}, ours[4]]

    assert [meant.rule for meant in meaning(scenario, theirs, ours)] == ["A63"]
    assert meaning(scenario, theirs, [*ours[:4], {"d#1": {"d#1": [["note", 3]]}}]) == []


@pytest.mark.parametrize(
    ("rule", "steps"),
    [
        ("F1", [at("p", held(1, 2, 3, 4)), at("p", ["signal", "w", "kill"]), at("p", ["waiting", "Q"])]),
        ("F21", [at("p", held(1, 2, 3)), at("q", ["halt", "Q", "normal"]), at("q", put(4)), open_gate("g")]),
        ("A12", [at("p", held(1, 2)), at("p", ["signal", "w", "boom"]), open_gate("g")]),
        ("E49", [at("p", ["signal", "w", "kill"]), at("p", put(1, 2)), at("p", ["start", "x", a_worker(2)])]),
    ],
)
def test_a_difference_of_queues_is_meant_when_it_is_the_one_that_is_foretold(rule, steps):
    scenario = Scenario("", (), {**QUEUE, "w": a_worker(4, 2)}, steps)
    will = foretold(scenario)
    ours = play(scenario)

    assert will.causes == {rule}
    assert will.theirs != will.ours == will.part_of(ours)
    assert [meant.rule for meant in meaning(scenario, will.theirs, ours)] == [rule]
    assert meaning(scenario, will.theirs, [*ours[:-1], {}]) == []
    assert meaning(scenario, [*will.theirs[:1], {}, *will.theirs[2:]], ours) == []


# The whole of it


class StandIn:
    """In place of OTP: gives the outcomes that it has."""

    def __init__(self, outcomes):
        self._outcomes = outcomes

    def submit(self, scenario):
        future = Future()
        future.set_result(self._outcomes[json.dumps(scenario.to_json())])
        return future


class Ours:
    """In place of OTP: what comes of a scenario here."""

    def submit(self, scenario):
        future = Future()
        future.set_result(play(scenario))
        return future


@functools.cache
def scenarios(family):
    return generate(family, SOON, SEED)


@functools.cache
def few_played(family):
    return [(scenario, play(scenario)) for scenario in scenarios(family)[:FEW]]


def stand_in(few):
    return StandIn({json.dumps(scenario.to_json()): outcome for scenario, outcome in few})


@families
def test_the_product_differs_in_nothing_from_itself(family):
    few = few_played(family)

    tally = try_all(stand_in(few), [scenario for scenario, _ in few])

    assert (tally.played, tally.once, tally.unstable, tally.meant, tally.different) == (FEW, 0, [], [], [])


def test_what_is_broken_is_told_as_different():
    few = few_played("processes")
    mutant = next(one for one in MUTANTS["processes"] if one.broken.__name__ == "a_monitor_fires_twice")

    with mutant.applied():
        tally = try_all(stand_in(few), [scenario for scenario, _ in few])

    assert tally.different
    # Ends are noted by means of monitors too.
    assert all("'down'" in line or "'end'" in line for found in tally.different for line in found.lines)


def test_what_comes_out_otherwise_on_otp_each_time_is_unstable():
    scenario = Scenario("", (), {"a": PROC}, [at("a", ["note", 1])])
    random = Random(SEED)

    class Otp:
        def submit(self, _):
            future = Future()
            future.set_result([{}, {"a#1": {"a#1": [["note", random.random()]]}}])
            return future

    tally = try_all(Otp(), [scenario])

    assert tally.unstable == [scenario]
    assert tally.different == []


@pytest.mark.parametrize(("played", "few"), [(10, 1), (999, 1), (1999, 1), (2000, 2), (10_000, 10)])
def test_no_more_than_one_in_a_thousand_may_be_unstable(played, few):
    scenario = Scenario("", (), THREE, [])

    assert not Tally(played, unstable=[scenario] * few).too_unstable
    assert Tally(played, unstable=[scenario] * (few + 1)).too_unstable


@pytest.mark.parametrize(("number", "is_fine"), [(1, True), (2, False)])
def test_a_run_fails_and_shows_them_when_too_many_are_unstable(capsys, monkeypatch, number, is_fine):
    unstable = [Scenario("", (), {"a": PROC}, [at("a", ["note", one])]) for one in range(number)]
    monkeypatch.setattr(main, "generate", lambda *_: unstable)
    random = Random(SEED)

    class Otp:
        def submit(self, _):
            future = Future()
            future.set_result([{}, {"a#1": {"a#1": [["note", random.random()]]}}])
            return future

    assert main.try_family(Otp(), "processes", number, SEED) is is_fine

    printed = capsys.readouterr().out
    assert f"{number} unstable on OTP" in printed
    assert ("too many" in printed) is not is_fine
    assert all(f"unstable on OTP:\n{json.dumps(scenario.to_json())}" in printed for scenario in unstable)


def test_an_exception_of_this_side_is_a_difference_and_the_others_are_played(monkeypatch):
    few = few_played("processes")
    fails_in, _ = few[1]

    def fail_in_one(scenario, seed=0):
        if scenario == fails_in:
            raise Livelock("nobody comes to rest")
        return play(scenario, seed)

    monkeypatch.setattr(trial, "play", fail_in_one)
    tally = try_all(stand_in(few), [scenario for scenario, _ in few])

    assert tally.played == FEW
    assert [(found.scenario, found.lines, found.meant) for found in tally.different] == [
        (fails_in, ["Livelock here: nobody comes to rest"], [])
    ]


def test_a_scenario_that_raises_here_is_printed_made_small(capsys, monkeypatch):
    scenario = Scenario("", (), {"a": PROC, "b": PROC}, [at("b", ["note", 1]), at("a", ["note", 2], ["note", 3])])

    def fail_of_two(scenario, seed=0):
        if any(["note", 2] in step["do"] for step in scenario.steps):
            raise Livelock("nobody comes to rest")
        return play(scenario, seed)

    monkeypatch.setattr(trial, "play", fail_of_two)
    monkeypatch.setattr(main, "generate", lambda *_: [scenario])

    assert not main.try_family(Ours(), "processes", 1, SEED)

    small = Scenario("", (), {"a": PROC}, [at("a", ["note", 2])])
    assert f"Livelock here: nobody comes to rest\n{json.dumps(small.to_json())}" in capsys.readouterr().out


def test_a_livelock_of_the_product_is_found_and_made_small(capsys, monkeypatch):
    name = "a_child_that_fails_to_start_is_restarted_for_ever"
    mutant = next(one for one in MUTANTS["supervisors"] if one.broken.__name__ == name)
    unbroken = getattr(mutant.where, mutant.name)

    class Unbroken:
        """In place of OTP: what comes of a scenario when nothing is broken."""

        def submit(self, scenario):
            with monkeypatch.context() as patched:
                patched.setattr(mutant.where, mutant.name, unbroken)
                return Ours().submit(scenario)

    fails_again = ["since", 2, [["exit", "nope"]]]
    tree = sup(child("a"), child("b", ["push", 1], fails_again))
    scenario = Scenario("", (), {"m": PROC, "sup": tree}, [at("m", ASK), B_CRASHES, at("m", ["note", 1])])
    monkeypatch.setattr(main, "generate", lambda *_: [scenario])
    with mutant.applied():
        assert not main.try_family(Unbroken(), "supervisors", 1, SEED)

    printed = capsys.readouterr().out
    small = Scenario("", (), {"sup": {"kind": "sup", "children": [child("b", fails_again)]}}, [B_CRASHES])
    assert "Livelock here: " in printed
    assert json.dumps(small.to_json()) in printed


@pytest.mark.parametrize(("number", "how"), [(4, "not found"), (5, "5")])
def test_mutants_are_hunted_until_each_is_found(capsys, monkeypatch, number, how):
    names = ("a_monitor_fires_twice", "a_monitor_of_a_dead_one_says_of_what_it_died")
    hunted = [mutant for mutant in MUTANTS["processes"] if mutant.broken.__name__ in names]
    monkeypatch.setattr(main, "MUTANTS", {"processes": hunted})
    nothing = Scenario("", (), THREE, [])
    monkeypatch.setattr(main, "generate", lambda *_: [nothing, *scenarios("processes")][:number])

    assert main.hunt_mutants(Ours(), "processes", number, SEED) is (how != "not found")

    assert capsys.readouterr().out.splitlines() == [
        "| processes | a monitor fires twice | `Process.announce` | 2 |",
        f"| processes | a monitor of a dead one says of what it died | `Process.monitor` | {how} |",
    ]


FOUND_IN = {
    "a_normal_end_kills_who_is_linked": 17,
    "a_normal_end_is_hidden_from_who_traps_exits": 8,
    "a_normal_signal_to_oneself_is_ignored": 42,
    "a_killed_one_has_died_of_kill": 27,
    "a_link_to_a_killed_one_cannot_be_trapped": 17,
    "the_last_of_two_fatal_signals_decides": 75,
    "a_fatal_signal_to_one_that_waits_is_forgotten": 107,
    "one_that_waits_dies_normally_of_a_fatal_signal": 107,
    "a_link_has_one_side": 24,
    "a_link_is_undone_on_one_side": 74,
    "who_traps_exits_hears_nothing_of_a_dead_one_it_links": 7,
    "a_monitor_fires_twice": 1,
    "downs_come_before_exits": 28,
    "a_monitor_of_a_dead_one_says_of_what_it_died": 4,
    "a_monitor_of_another_may_be_ended": 46,
    "a_dead_one_keeps_its_name": 2,
    "one_may_have_two_names": 37,
    "a_timer_that_is_cancelled_fires": 163,
    "a_timer_for_a_name_is_for_who_has_it_first": 42,
    "a_signal_has_a_server_clean_up": 2,
    "a_server_that_stops_cleans_up_its_state_of_before": 7,
    "a_server_that_crashes_does_not_clean_up": 1,
    "a_server_may_clean_up_twice": 1,
    "a_continue_is_forgotten": 9,
    "who_calls_a_server_that_stops_gets_no_reply": 4,
    "what_a_call_has_changed_is_lost": 17,
    "a_server_that_is_stopped_ends_normally": 3,
    "a_server_that_traps_exits_outlives_its_parent": 9,
    "a_transient_child_that_is_shut_down_is_restarted": 54,
    "a_permanent_child_that_ends_normally_is_not_restarted": 8,
    "the_rest_for_one_are_those_before_it": 2,
    "children_are_ended_in_the_order_of_their_starts": 6,
    "the_exit_of_a_former_incarnation_counts": 4,
    "one_restart_too_many_is_allowed": 1,
    "no_restart_grows_old": 194,
    "a_restart_is_tried_again_though_the_child_was_terminated": 172,
    "a_failed_restart_is_tried_again_before_all_else": 115,
    "a_child_that_fails_to_start_is_restarted_for_ever": 4,
    "any_orderly_end_is_clean": 22,
    "a_temporary_child_that_has_ended_is_kept": 3,
    "a_child_that_could_not_be_started_is_kept": 53,
    "a_dead_owner_keeps_its_key_until_it_is_cleaned_up": 30,
    "an_owner_may_register_its_key_again": 9,
    "who_registers_last_has_the_key": 2,
    "who_registers_last_stands_first": 2,
    "who_unregisters_a_key_takes_it_from_all": 4,
    "who_unregisters_one_key_loses_all": 13,
    "of_two_entries_one_is_unregistered": 33,
    "what_others_have_registered_since_goes_with_a_dead_owner": 11,
    "a_key_that_one_has_twice_stands_once": 118,
    "a_worker_asks_again_when_one_less_is_left": 35,
    "a_worker_asks_again_for_what_it_has_just_handled": 9,
    "a_batch_may_be_as_large_as_the_demand": 2,
    "a_worker_asks_again_before_it_has_handled_a_batch": 5,
    "of_what_a_worker_asks_for_one_is_forgotten": 5,
    "who_asks_gets_nothing_once_the_queue_has_ended": 177,
    "who_has_just_asked_goes_before_who_asks_for_as_much": 9,
    "who_asks_for_much_stands_in_line_too": 7,
    "events_are_spread_over_all": 5,
    "a_paused_queue_hands_out": 4,
    "the_newest_event_is_handed_out_first": 2,
    "an_event_is_handed_out_twice": 1,
    "what_a_dead_worker_had_not_begun_is_lost": 5,
    "what_a_dead_worker_had_not_begun_comes_last": 5,
    "what_a_dead_worker_had_not_begun_comes_in_no_order": 5,
    "what_a_dead_worker_had_begun_is_not_failed": 2,
    "a_worker_that_is_to_end_begins_another_batch": 143,
}
"""The first scenario of each family that finds a mutant, from 1. The others needn't be played for it."""


@pytest.mark.parametrize(
    ("family", "mutant"),
    [
        pytest.param(family, mutant, id=mutant.broken.__name__)
        for family, mutants in MUTANTS.items()
        for mutant in mutants
    ],
)
def test_a_mutant_is_found_soon(family, mutant):
    number = FOUND_IN[mutant.broken.__name__]
    scenario = scenarios(family)[number - 1]

    assert found_by(mutant, [(scenario, play(scenario))]), f"of the first {SOON}: {first_found(family, mutant)}"


def first_found(family, mutant):
    return found_by(mutant, [(scenario, play(scenario)) for scenario in scenarios(family)])
