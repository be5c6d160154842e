"""What a supervisor decides about restarts, as pure functions."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors import Crashed, Killed, NoProc, Normal, Shutdown
from supervision import InvalidOption
from supervision.restart import Intensity, affected, check_strategy, is_clean_end, needs_restart

rule = pytest.mark.rule

ORDERLY = [Normal(), Shutdown(), Shutdown("enough")]
ABNORMAL = [
    Crashed(RuntimeError("boom")),
    Crashed(SystemExit(0)),
    Killed(),
    NoProc(),
    "normal",
    "shutdown",
    ("shutdown", "a", "b"),
    None,
]


@rule("B19", "B23")
@pytest.mark.parametrize("reason", ORDERLY + ABNORMAL, ids=repr)
def test_a_permanent_child_is_restarted_whatever_it_died_of(reason):
    assert needs_restart("permanent", reason)


@rule("B19", "B23")
@pytest.mark.parametrize("reason", ORDERLY + ABNORMAL, ids=repr)
def test_a_transient_child_is_restarted_only_after_an_abnormal_end(reason):
    assert needs_restart("transient", reason) == (reason not in ORDERLY)


@rule("B19")
@pytest.mark.parametrize("reason", ORDERLY + ABNORMAL, ids=repr)
def test_a_temporary_child_is_restarted_never(reason):
    assert not needs_restart("temporary", reason)


@rule("B24", "B25", "B26")
@pytest.mark.parametrize(
    ("strategy", "expected"),
    [("one_for_one", "c"), ("one_for_all", "abcde"), ("rest_for_one", "cde")],
)
def test_the_strategy_says_who_is_restarted_with_a_child(strategy, expected):
    assert "".join(affected(strategy, "abcde", "c")) == expected


@given(
    strategy=st.sampled_from(["one_for_one", "one_for_all", "rest_for_one"]),
    count=st.integers(1, 8),
    data=st.data(),
)
def test_the_affected_are_a_run_of_children_that_holds_the_failed_one(strategy, count, data):
    children = list(range(count))
    failed = data.draw(st.sampled_from(children))

    group = list(affected(strategy, children, failed))

    assert failed in group
    assert group == list(range(group[0], group[-1] + 1))
    assert group[0] in {0, failed}
    assert group[-1] in {failed, count - 1}
    assert children == list(range(count))


@rule("B63")
@pytest.mark.parametrize(
    ("restart", "shutdown", "clean"),
    [
        ("permanent", 5.0, [Shutdown()]),
        ("permanent", "infinity", [Shutdown()]),
        ("transient", 5.0, [Shutdown(), Shutdown("x"), Normal()]),
        ("temporary", 5.0, [Shutdown(), Shutdown("x"), Normal()]),
        ("permanent", "brutal_kill", [Killed()]),
        ("transient", "brutal_kill", [Killed(), Shutdown(), Shutdown("x"), Normal()]),
        ("temporary", "brutal_kill", [Killed(), Shutdown(), Shutdown("x"), Normal()]),
    ],
)
def test_which_ends_are_clean_depends_on_restart_type_and_shutdown(restart, shutdown, clean):
    reasons = [Shutdown(), Shutdown("x"), Normal(), Killed(), Crashed(RuntimeError("boom")), "other"]

    assert [reason for reason in reasons if is_clean_end(restart, shutdown, reason)] == [
        reason for reason in reasons if reason in clean
    ]


@rule("B36")
def test_as_many_restarts_as_allowed_pass_and_one_more_does_not():
    intensity = Intensity(2, 5.0)

    assert [intensity.allows_restart(t) for t in (0.0, 1.0, 2.0)] == [True, True, False]


@rule("B36")
def test_with_no_restarts_allowed_the_first_is_too_many():
    assert not Intensity(0, 5.0).allows_restart(0.0)


@rule("B37")
@pytest.mark.parametrize(
    ("first", "second", "allowed"),
    [
        # OTP's answers depend on the phase of the second; ours only on the distance.
        (0.05, 1.90, True),
        (0.05, 2.02, True),
        (0.90, 1.95, True),
        (0.90, 2.05, True),
        (0.05, 1.04, False),
        (0.90, 1.80, False),
        (1.00, 2.00, False),
    ],
)
def test_the_window_is_exact_seconds_and_its_edge_counts(first, second, allowed):
    intensity = Intensity(1, 1)
    intensity.allows_restart(first)

    assert intensity.allows_restart(second) == allowed


@rule("B38")
def test_restarts_spread_over_time_are_allowed_for_ever():
    intensity = Intensity(2, 10.0)

    assert all(intensity.allows_restart(5.5 * n) for n in range(100))


@rule("B36", "B38")
@given(
    max_restarts=st.integers(0, 4),
    max_seconds=st.integers(1, 20),
    gaps=st.lists(st.integers(0, 12), max_size=40),
)
def test_the_sliding_window_counts_as_a_naive_count_does(max_restarts, max_seconds, gaps):
    intensity = Intensity(max_restarts, max_seconds)
    times, now = [], 0
    for gap in gaps:
        now += gap
        times.append(now)

        allowed = intensity.allows_restart(now)

        assert allowed == (sum(1 for t in times if t >= now - max_seconds) <= max_restarts)


@rule("B8")
@pytest.mark.parametrize("value", [-1, 1.5, "3", None, True])
def test_max_restarts_must_be_a_whole_number_not_negative(value):
    with pytest.raises(InvalidOption, match="max_restarts must be") as caught:
        Intensity(max_restarts=value)

    assert caught.value.reason == ("invalid_intensity", value)


@rule("B8")
@pytest.mark.parametrize("value", [0, -1, 0.0, math.inf, "5", None, True])
def test_max_seconds_must_be_a_positive_finite_number(value):
    with pytest.raises(InvalidOption, match="max_seconds must be") as caught:
        Intensity(max_seconds=value)

    assert caught.value.reason == ("invalid_period", value)


@rule("B8")
@pytest.mark.parametrize("value", ["foo", None, 1, []])
def test_what_is_no_strategy_is_refused_with_the_choices_named(value):
    with pytest.raises(InvalidOption, match="'one_for_one', 'one_for_all', 'rest_for_one'") as caught:
        check_strategy(value)

    assert caught.value.reason == ("invalid_strategy", value)


@rule("B8")
def test_by_default_three_restarts_within_five_seconds_are_allowed():
    intensity = Intensity()

    assert (intensity.max_restarts, intensity.max_seconds) == (3, 5.0)
