"""The rule of exit signals."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import Killed, NoProc, Normal, Shutdown
from actors._links import effect_of_signal

rule = pytest.mark.rule

ABNORMAL = [Shutdown(), Shutdown("why"), Killed(), NoProc(), "boom", 0, ("a", 1)]

reasons = st.one_of(st.sampled_from([Normal(), *ABNORMAL]), st.text(), st.integers())


@rule("A12", "A15")
def test_normal_from_another_is_ignored_without_trapping():
    assert effect_of_signal(Normal(), trapping=False) == "ignore"


@rule("A16")
def test_normal_from_oneself_ends_an_actor_without_trapping():
    assert effect_of_signal(Normal(), trapping=False, from_self=True) == "die"


@rule("A5", "A12", "A14")
@pytest.mark.parametrize("reason", ABNORMAL, ids=repr)
@pytest.mark.parametrize("from_self", [False, True])
def test_every_other_reason_ends_an_actor_without_trapping(reason, from_self):
    assert effect_of_signal(reason, trapping=False, from_self=from_self) == "die"


@rule("A13", "A15", "A16")
@given(reason=reasons, from_self=st.booleans())
def test_every_signal_is_a_message_when_trapping_exits(reason, from_self):
    assert effect_of_signal(reason, trapping=True, from_self=from_self) == "message"


@given(reason=reasons, trapping=st.booleans(), from_self=st.booleans())
def test_only_a_normal_signal_is_ever_ignored(reason, trapping, from_self):
    effect = effect_of_signal(reason, trapping=trapping, from_self=from_self)

    assert effect != "ignore" or reason == Normal()
