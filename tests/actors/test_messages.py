"""Exit reasons and the runtime's own messages are plain values."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import Crashed, Down, Exit, Killed, NoProc, Normal, Refusal, Shutdown, is_orderly

rule = pytest.mark.rule

WITHOUT_FIELDS = [Normal, Killed, NoProc, Shutdown]


@rule("A5", "A6")
def test_reasons_of_different_kinds_are_never_equal():
    made = [Normal(), Killed(), NoProc(), Shutdown(), Shutdown("why"), Crashed(ValueError())]

    assert all((a == b) == (a is b) for a in made for b in made)


@pytest.mark.parametrize("kind", WITHOUT_FIELDS)
def test_reasons_of_one_kind_are_equal_and_true(kind):
    assert kind() == kind()
    assert hash(kind()) == hash(kind())
    assert kind()


@rule("A5")
def test_a_shutdown_is_told_apart_by_its_detail():
    assert Shutdown("a") == Shutdown("a")
    assert Shutdown("a") != Shutdown("b")
    assert Shutdown() == Shutdown(None)


@rule("A2")
def test_crashes_are_equal_by_exception_type_and_args():
    assert Crashed(ValueError("boom")) == Crashed(ValueError("boom"))
    assert Crashed(ValueError("boom")) != Crashed(ValueError("bang"))
    assert Crashed(ValueError("boom")) != Crashed(TypeError("boom"))
    assert Crashed(ValueError("boom")) != ValueError("boom")


@rule("A2")
@given(args=st.lists(st.one_of(st.integers(), st.text(), st.lists(st.integers()))))
def test_equal_crashes_have_equal_hashes_whatever_the_args(args):
    one, other = Crashed(ValueError(*args)), Crashed(ValueError(*args))

    assert one == other
    assert hash(one) == hash(other)


@rule("A5")
@pytest.mark.parametrize("reason", [Normal(), Shutdown(), Shutdown("why")], ids=repr)
def test_normal_and_shutdown_are_orderly_ends(reason):
    assert is_orderly(reason)


@rule("A5")
@pytest.mark.parametrize(
    "reason", [Killed(), NoProc(), Crashed(ValueError()), None, "normal", Normal, ("shutdown", 1)], ids=repr
)
def test_every_other_reason_is_no_orderly_end(reason):
    assert not is_orderly(reason)


@pytest.mark.parametrize(
    "value",
    [Shutdown("why"), Crashed(ValueError()), Exit(None, Normal()), Down(None, Normal(), None), Refusal(ValueError())],
    ids=lambda value: type(value).__name__,
)
def test_what_travels_between_actors_can_not_be_changed(value):
    field = dataclasses.fields(value)[0].name

    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, field, "other")


def test_reasons_are_made_to_be_matched():
    match Shutdown("why"):
        case Shutdown(detail):
            assert detail == "why"

    match Crashed(KeyError("k")):
        case Crashed(KeyError() as error):
            assert error.args == ("k",)


@pytest.mark.parametrize("given", ["no", None, ValueError, SystemExit(1)], ids=repr)
def test_what_cant_be_raised_in_the_asker_is_no_refusal(given):
    with pytest.raises(TypeError, match=r"takes an exception, which is raised in the asker: Refusal\(ValueError"):
        Refusal(given)
