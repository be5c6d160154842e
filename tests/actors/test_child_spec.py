"""Child specs: their defaults, and what they refuse."""

from __future__ import annotations

import dataclasses
import math

import pykka
import pytest

from actors import Actor, ChildSpec, InvalidChildSpec

rule = pytest.mark.rule


class Ours(Actor):
    pass


class Plain(pykka.ThreadingActor):
    pass


@rule("B1")
def test_only_the_start_of_a_spec_is_required():
    spec = ChildSpec(Ours)

    assert spec == ChildSpec(Ours, (), {}, id=Ours, restart="permanent", shutdown=5.0, type="worker")


@rule("B1")
def test_a_supervisor_has_unlimited_time_by_default():
    assert ChildSpec(Ours, type="supervisor").shutdown == "infinity"


@rule("B1")
@pytest.mark.parametrize("shutdown", [0, 0.25, "infinity", "brutal_kill"])
def test_a_shutdown_that_is_given_stays(shutdown):
    assert ChildSpec(Ours, shutdown=shutdown, type="supervisor").shutdown == shutdown


@rule("B1", "B2")
@pytest.mark.parametrize("start", [Ours, Plain, Ours.start_link, lambda: None])
def test_a_start_is_an_actor_class_or_a_callable(start):
    assert ChildSpec(start).start is start


@rule("B2")
@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"start": None}, ("missing_start",)),
        ({"start": "Ours"}, ("invalid_mfa", "Ours")),
        ({"start": int}, ("invalid_mfa", int)),
        ({"args": "jobs"}, ("invalid_mfa", "jobs")),
        ({"args": 7}, ("invalid_mfa", 7)),
        ({"kwargs": ["jobs"]}, ("invalid_mfa", ["jobs"])),
        ({"id": []}, ("invalid_id", [])),
        ({"restart": "foo"}, ("invalid_restart_type", "foo")),
        ({"restart": None}, ("invalid_restart_type", None)),
        ({"type": "foo"}, ("invalid_child_type", "foo")),
        ({"shutdown": -1}, ("invalid_shutdown", -1)),
        ({"shutdown": math.inf}, ("invalid_shutdown", math.inf)),
        ({"shutdown": True}, ("invalid_shutdown", True)),
        ({"shutdown": "soon"}, ("invalid_shutdown", "soon")),
    ],
    ids=str,
)
def test_a_bad_field_is_refused_when_the_spec_is_made(fields, reason):
    with pytest.raises(InvalidChildSpec) as caught:
        ChildSpec(**{"start": Ours, **fields})

    assert caught.value.reason == reason
    assert repr(reason[-1]) in str(caught.value) or reason == ("missing_start",)


@rule("B2")
def test_of_two_bad_fields_the_first_in_order_is_named():
    with pytest.raises(InvalidChildSpec) as caught:
        ChildSpec("Ours", restart="foo", type="foo", shutdown=-1)
    assert caught.value.reason == ("invalid_mfa", "Ours")

    with pytest.raises(InvalidChildSpec) as caught:
        ChildSpec(Ours, restart="foo", type="bar", shutdown=-1)
    assert caught.value.reason == ("invalid_restart_type", "foo")

    with pytest.raises(InvalidChildSpec) as caught:
        ChildSpec(Ours, type="bar", shutdown=-1)
    assert caught.value.reason == ("invalid_child_type", "bar")


@rule("B1")
def test_an_unknown_field_is_an_error_that_names_it():
    with pytest.raises(TypeError, match="bogus"):
        ChildSpec(Ours, bogus=1)


@rule("B5")
def test_replace_checks_the_new_values_and_keeps_the_rest():
    spec = ChildSpec(Ours, (1,), {"two": 2}, id="x", shutdown=1)

    assert spec.replace(restart="transient") == ChildSpec(
        Ours, (1,), {"two": 2}, id="x", shutdown=1, restart="transient"
    )
    with pytest.raises(InvalidChildSpec):
        spec.replace(shutdown=-1)


@rule("B1", "B5")
def test_replacing_the_type_keeps_a_shutdown_of_ones_own():
    assert ChildSpec(Ours, shutdown=1).replace(type="supervisor").shutdown == 1


def test_a_spec_is_a_value_that_nobody_changes():
    arguments, options = [1], {"two": 2}
    spec = ChildSpec(Ours, arguments, options)

    arguments.append(3)
    options["two"] = 3

    assert (spec.args, spec.kwargs) == ((1,), {"two": 2})
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.restart = "temporary"
