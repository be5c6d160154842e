"""A scenario that isn't played, since something isn't built, says so only as long as that isn't there."""

from __future__ import annotations

import pytest

from actors import Actor, Registry, StartFailed
from actors.testing import System
from supervision import ChildSpec, Supervisor, SupervisorRef
from tests.conformance.library import FAMILIES, written
from tests.conformance.not_built import NOT_BUILT, IsBuilt, is_there
from tests.conformance.ours import play
from tests.conformance.quiet import quiet
from tests.test_semantics import rows

NOT_YET = [scenario for family in FAMILIES for scenario in written(family) if scenario.not_yet]


def scenario_of(name):
    (scenario,) = [scenario for scenario in NOT_YET if scenario.name == name]
    return scenario


@pytest.mark.parametrize("what", NOT_BUILT)
def test_what_is_said_not_to_be_built_is_not_there(what):
    there = [name for name in NOT_BUILT[what] if is_there(name)]

    assert there == [], f"its scenarios are to be played: {what}"


@pytest.mark.parametrize(
    "name",
    [
        "actors.Registry",
        "actors.Registry.lookup",
        "actors.Registry(keys)",
        "supervision.SupervisorRef.which_children",
        "supervision.Supervisor(strategy)",
        "supervision.ChildSpec(restart)",
        "supervision.ChildInfo(child)",
    ],
)
def test_what_is_there_is_found(name):
    assert is_there(name)


@pytest.mark.parametrize("name", sorted({name for names in NOT_BUILT.values() for name in names}))
def test_what_would_have_what_is_not_built_is_there(name):
    owner = name.partition("(")[0] if "(" in name else name.rpartition(".")[0]

    assert owner in ("actors", "supervision") or is_there(owner)


@pytest.mark.parametrize(
    ("owner", "method", "name"),
    [
        (SupervisorRef, "get_childspec", "specs are asked for by their ids"),
        (Registry, "lock", "a lock keeps off who wants the same one, and nobody else"),
    ],
)
def test_a_scenario_fails_once_what_it_is_about_is_there(owner, method, name, monkeypatch):
    monkeypatch.setattr(owner, method, lambda *_: "wrong", raising=False)

    with quiet(), pytest.raises(IsBuilt, match=method):
        play(scenario_of(name))


def test_a_start_that_tells_more_than_who_was_started_is_not_built():
    def start():
        return Actor.start_link(), "more"

    with System(0) as system:
        system.expect_crash(BaseException, times=None, at_least=0)
        with pytest.raises(StartFailed):
            Supervisor.start_link([ChildSpec(start, id="a")], strategy="one_for_one")


@pytest.mark.parametrize("rule", sorted({scenario.not_yet for scenario in NOT_YET}))
def test_a_rule_that_is_said_not_to_be_built_is_not_kept(rule):
    states = {row.number: row.state for row in rows()}

    assert states.get(rule, "left out") != "kept", "its scenarios are to be played"
