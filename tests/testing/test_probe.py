"""A probe: an actor whose mailbox the test reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import pytest

from actors import Actor, Crashed, Deadlock, Down, Exit, NoProc, Normal, link, send_after
from actors.testing import ANY, System, like


@dataclass(frozen=True)
class Order:
    number: int
    what: str


class Shop(Actor):
    """Sends what it is told on to another."""

    def __init__(self, other):
        self.other = other

    def on_receive(self, message):
        if isinstance(message, Exception):
            raise message
        self.other.tell(message)


@pytest.fixture
def system():
    with System() as system:
        yield system


@pytest.fixture
def probe(system):
    return system.probe()


@pytest.mark.parametrize(
    "wanted",
    [
        Order(1, "tea"),
        Order,
        lambda message: message.what == "tea",
        like(Order, what="tea"),
        like(Order, number=int),
        like(Order, number=lambda number: number < 2),
        ANY,
    ],
)
def test_a_message_is_known_by_its_value_its_type_a_function_or_some_of_its_fields(probe, wanted):
    probe.ref.tell(Order(1, "tea"))

    assert probe.assert_receive(wanted) == Order(1, "tea")


def test_messages_before_the_one_that_matches_are_skipped_and_gone(system, probe):
    for number in 1, 2, 3:
        probe.ref.tell(Order(number, "tea"))

    assert probe.assert_receive(like(Order, number=2)).number == 2

    system.run_until_idle()
    assert probe.received == [Order(3, "tea")]


def test_a_message_is_waited_for_in_virtual_time(system, probe):
    probe.do(lambda: send_after(probe.ref, "late", 0.9))

    assert probe.assert_receive("late") == "late"
    assert system.now() == 0.9


def test_one_that_comes_too_late_fails_and_shows_what_came_and_the_story(probe):
    probe.ref.tell(Order(1, "tea"))
    probe.do(lambda: send_after(probe.ref, "late", 5.0))

    with pytest.raises(AssertionError) as caught:
        probe.assert_receive(like(Order, number=2), within=3.0)

    assert str(caught.value) == (
        "ProbeActor-1#1 got nothing like like(Order, number=2) within 3.0 seconds; it got\n"
        "  Order(number=1, what='tea')"
    )
    assert "receive Order(number=1, what='tea')" in caught.value.__notes__[0]


def test_a_failure_shows_what_was_skipped_or_taken_before_as_well(probe):
    for message in 1, "a", 2, "b", 3.0, None:
        probe.ref.tell(message)
    probe.assert_receive(str)
    probe.assert_receive(float)

    with pytest.raises(AssertionError) as caught:
        probe.assert_receive(1)

    assert str(caught.value) == (
        "ProbeActor-1#1 got nothing like 1 within 1.0 seconds; it got\n"
        "  1 (skipped)\n  'a' (taken)\n  2 (skipped)\n  'b' (skipped)\n  3.0 (taken)\n  None"
    )


def test_a_failure_shows_the_last_dozens_of_what_is_gone_and_says_how_many_came_before(probe):
    for number in range(100):
        probe.ref.tell(number)
        probe.assert_receive(number)

    with pytest.raises(AssertionError) as caught:
        probe.assert_receive()

    assert str(caught.value).splitlines()[1:] == ["  (50 more)", *(f"  {number} (taken)" for number in range(50, 100))]


def test_what_was_refuted_is_shown_with_what_was_taken(probe):
    for message in 1, 2:
        probe.ref.tell(message)
    probe.assert_receive(1)

    with pytest.raises(AssertionError, match=r"got 2, which was not to come; it got\n  1 \(taken\)\n  2\n"):
        probe.refute_receive()


def test_refuting_lets_the_time_pass_in_which_nothing_is_to_come(system, probe):
    probe.do(lambda: send_after(probe.ref, "late", 5.0))

    probe.refute_receive(within=4.0)
    assert system.now() == 4.0
    with pytest.raises(AssertionError, match="ProbeActor-1#1 got 'late', which was not to come"):
        probe.refute_receive("late", within=1.0)


def test_refuting_one_message_says_nothing_of_others(probe):
    probe.ref.tell("another")

    probe.refute_receive(Order)

    assert probe.received == ["another"]


def test_a_down_of_what_it_monitors(system, probe):
    shop = Shop.start(probe.ref)
    probe.monitor(shop)
    shop.tell("hello")
    system.expect_crash(ValueError)
    shop.tell(ValueError("closed"))

    assert probe.assert_down(shop, Crashed) == Crashed(ValueError("closed"))


def test_a_down_of_another_reason_is_none(system, probe):
    shop = Shop.start(probe.ref)
    probe.monitor(shop)
    shop.stop()

    with pytest.raises(AssertionError, match=r"nothing like like\(Down, ref=Shop-1#1, reason=Crashed\)"):
        probe.assert_down(shop, Crashed)


def test_a_predicate_that_fails_says_why(probe):
    def deadlocked(_message):
        raise Deadlock("of its own", "deadlock")

    probe.ref.tell("hello")

    with pytest.raises(Deadlock, match="of its own"):
        probe.assert_receive(deadlocked)


def test_a_down_of_what_has_ended_before(probe):
    shop = Shop.start(probe.ref)
    shop.stop()
    probe.monitor(shop)

    assert probe.assert_down(shop) == NoProc()


def test_it_traps_exits(probe):
    shop = Shop.start(probe.ref)
    probe.do(lambda: link(shop))

    shop.stop()

    assert probe.assert_receive(Exit).reason == Normal()


def test_what_it_does_may_fail_without_its_end(probe):
    with pytest.raises(ZeroDivisionError):
        probe.do(lambda: 1 / 0)

    assert probe.ref.is_alive()


def test_two_probes_get_each_their_own(system, probe):
    other = system.probe()
    probe.ref.tell(1)
    other.ref.tell(2)

    assert (probe.assert_receive(int), other.assert_receive(int)) == (1, 2)
    assert probe.received == other.received == []


def test_a_matcher_shows_what_it_matches():
    assert repr(like(Down, reason=Crashed)) == "like(Down, reason=Crashed)"


class Point(NamedTuple):
    x: int


class Slotted:
    __slots__ = ("x",)


class Open:
    def __init__(self):
        self.y = 1


@pytest.mark.parametrize("cls", [Order, Point, Slotted, Down])
def test_a_matcher_for_an_attribute_that_no_message_of_the_class_can_have_is_refused(cls):
    with pytest.raises(TypeError, match=f"{cls.__name__} has no 'reson' that a message could be known by; it has "):
        like(cls, reson=Crashed)


def test_what_objects_have_beside_their_fields_is_theirs_and_a_class_that_does_not_say_may_have_any():
    assert like(Point, x=1, __len__=ANY)(Point(1))
    assert like(Open, y=1)(Open())


@dataclass(frozen=True)
class Summed:
    parts: tuple

    def __post_init__(self):
        object.__setattr__(self, "y", sum(self.parts))


@dataclass
class Noted:
    """May get more from whoever has it."""

    x: int


class FurtherSummed(Summed):
    """Not a dataclass itself."""


class Pair(tuple):  # noqa: SLOT001 - what this is about
    """Has more than its parts."""


class Answering:
    __slots__ = ("x",)

    def __getattr__(self, name):
        return 1


@dataclass(frozen=True)
class Given:
    x: int

    def __init__(self):
        vars(self).update(x=1, y=1)


@dataclass(frozen=True)
class Base:
    x: int


@dataclass(frozen=True)
class Derived(Base):
    y: int


class Sized(Protocol):
    y: int


def having(message, **attributes):
    vars(message).update(attributes)
    return message


@pytest.mark.parametrize(
    ("cls", "message"),
    [
        (Summed, Summed((1,))),
        (Noted, having(Noted(1), y=1)),
        (FurtherSummed, FurtherSummed((1,))),
        (Pair, having(Pair(), y=1)),
        (Answering, Answering()),
        (Given, Given()),
        (Base, Derived(1, y=1)),
        (runtime_checkable(Sized), Derived(1, y=1)),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_a_message_is_known_by_any_attribute_that_it_has(cls, message):
    assert like(cls, y=1)(message)
    assert not like(cls, y=2)(message)


def test_a_down_of_what_it_does_not_monitor_fails_and_says_so(probe):
    shop = Shop.start(probe.ref)
    shop.stop()

    with pytest.raises(AssertionError) as caught:
        probe.assert_down(shop)

    assert str(caught.value) == (
        "ProbeActor-1#1 got nothing like like(Down, ref=Shop-1#1, reason=ANY) within 1.0 seconds, "
        "and doesn't monitor Shop-1#1: probe.monitor() has it do so; it got\n  nothing"
    )


def test_what_is_matched_by_anything_is_called_so(probe):
    with pytest.raises(AssertionError, match="got nothing like ANY within"):
        probe.assert_receive()


@pytest.mark.parametrize("receive", ["assert_receive", "refute_receive"])
def test_a_matcher_that_acts_is_told_that_it_may_only_look(system, probe, receive):
    other = system.probe()
    probe.ref.tell("question")

    def is_answered(message):
        return other.ref.ask(message) is None

    with pytest.raises(RuntimeError, match=r"is_answered, .* a probe, sends 'question'; .* may only look"):
        getattr(probe, receive)(is_answered)

    assert probe.received == ["question"]
    other.refute_receive()


@pytest.mark.parametrize("look", ["assert_receive", "refute_receive", "assert_down"])
def test_a_probe_whose_system_has_ended_asserts_nothing_and_shows_what_it_got(look):
    with System() as system:
        probe = system.probe()
        probe.ref.tell("hello")
        system.run_until_idle()

    with pytest.raises(RuntimeError, match="this system has ended"):
        getattr(probe, look)(probe.ref)

    assert probe.received == ["hello"]
