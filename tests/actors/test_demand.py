"""The arithmetic of demand: what a consumer asks for, and who gets the next events."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors._demand import DemandDispatcher, check_demand, split_batches

rule = pytest.mark.rule


def batches(events, *, limits, demand=None):
    max_demand, min_demand = limits
    cut, after = split_batches(
        events, max_demand=max_demand, min_demand=min_demand, demand=max_demand if demand is None else demand
    )
    return [tuple(batch) for batch in cut], after


@rule("E17", "E18", "E20")
@pytest.mark.parametrize(
    ("limits", "events", "expected", "after"),
    [
        ((1, 0), 1, [(1, 1)], 1),
        ((10, 5), 10, [(5, 5), (5, 5)], 10),
        ((10, 5), 1, [(1, 0)], 9),
        ((10, 5), 4, [(4, 0)], 6),
        ((10, 5), 5, [(5, 5)], 10),
        ((10, 5), 6, [(5, 5), (1, 0)], 9),
        ((10, 5), 9, [(5, 5), (4, 0)], 6),
        ((1000, 500), 1000, [(500, 500), (500, 500)], 1000),
        ((1000, 500), 499, [(499, 0)], 501),
        ((1000, 500), 750, [(500, 500), (250, 0)], 750),
        ((7, 3), 7, [(4, 4), (3, 0)], 4),
        ((7, 3), 5, [(4, 4), (1, 0)], 6),
        ((3, 1), 3, [(2, 2), (1, 0)], 2),
        ((5, 2), 5, [(3, 3), (2, 0)], 3),
        ((2, 1), 2, [(1, 1), (1, 1)], 2),
        ((10, 0), 10, [(10, 10)], 10),
        ((10, 0), 9, [(9, 0)], 1),
        ((10, 9), 10, [(1, 1)] * 10, 10),
        ((10, 8), 3, [(2, 2), (1, 0)], 9),
        ((10, 1), 10, [(9, 9), (1, 0)], 9),
    ],
)
def test_a_message_is_cut_and_asked_for_by_the_numbers(limits, events, expected, after):
    assert batches(events, limits=limits) == (expected, after)


@rule("E18")
@pytest.mark.parametrize(("demand", "events", "expected"), [(7, 3, [(3, 6)]), (6, 4, [(4, 8)])])
def test_a_lower_demand_is_filled_up_to_the_maximum(demand, events, expected):
    assert batches(events, limits=(10, 5), demand=demand) == (expected, 10)


@rule("E21")
def test_small_messages_are_not_cut_at_the_minimum():
    demand, cuts = 1000, []
    for _ in range(3):
        cut, demand = batches(100, limits=(1000, 750), demand=demand)
        cuts += cut

    assert cuts == [(100, 0), (100, 0), (100, 300)]


def calls_of_a_counting_producer(limits, calls):
    """The sizes of a consumer's calls when its producer answers each ask with so many events at once."""
    asks, sizes, demand = [limits[0]], [], limits[0]
    while len(sizes) < calls:
        cut, demand = batches(asks.pop(0), limits=limits, demand=demand)
        sizes += [size for size, _ in cut]
        asks += [ask for _, ask in cut if ask]
    return sizes[:calls]


@rule("E17", "E18")
@pytest.mark.parametrize(
    ("limits", "sizes"),
    [
        ((1000, 500), [500, 500, 500, 500]),
        ((100, 80), [20] * 8),
        ((100, 20), [80, 20, 80, 80, 20]),
        ((1, 0), [1, 1, 1]),
    ],
)
def test_the_calls_with_a_producer_that_fills_every_demand(limits, sizes):
    assert calls_of_a_counting_producer(limits, len(sizes)) == sizes


@rule("E24")
def test_events_beyond_the_demand_are_handled_but_not_asked_for_again():
    assert batches(7, limits=(4, 2)) == ([(2, 2), (2, 2), (2, 0), (1, 0)], 4)


@rule("E25")
def test_no_events_are_no_call_and_no_ask():
    assert batches(0, limits=(10, 5)) == ([], 10)


limits = st.integers(1, 50).flatmap(lambda top: st.tuples(st.just(top), st.integers(0, top - 1)))


@rule("E22")
@given(limits=limits, sizes=st.lists(st.integers(1, 60), max_size=20))
def test_the_demand_never_exceeds_the_maximum_nor_is_left_low(limits, sizes):
    top, bottom = limits
    demand = top
    for size in sizes:
        events = min(size, demand)
        cut, after = batches(events, limits=limits, demand=demand)

        assert sum(batch[0] for batch in cut) == events
        assert all(batch[0] <= top - bottom for batch in cut)
        assert after == demand - events + sum(batch[1] for batch in cut)
        assert bottom < after <= top
        demand = after


@rule("E5")
def test_the_lower_limit_is_half_the_upper_by_default():
    assert [check_demand(top, None) for top in (1, 2, 3, 10)] == [(1, 0), (2, 1), (3, 1), (10, 5)]


@rule("E7")
@pytest.mark.parametrize(
    ("top", "bottom", "complaint"),
    [
        (0, None, "max_demand must be a whole number of events >= 1; got 0"),
        (1.5, None, "got 1.5"),
        (True, None, "got True"),
        (None, None, "got None"),
        (5, 5, "min_demand must be a whole number of events from 0 to 4; got 5"),
        (5, -1, "got -1"),
        (1, 1, "from 0 to 0; got 1"),
    ],
)
def test_limits_that_cannot_work_are_refused(top, bottom, complaint):
    with pytest.raises(ValueError, match=complaint):
        check_demand(top, bottom)


def dispatcher(*asks):
    """A dispatcher in which consumers subscribed and asked, in this order."""
    made = DemandDispatcher()
    for consumer, _ in asks:
        made.subscribe(consumer)
    for consumer, count in asks:
        made.ask(consumer, count)
    return made


def given_to(made, *emissions):
    return [(consumer, count) for events in emissions for consumer, count in made.dispatch(events)]


@rule("E44", "E45")
def test_events_go_whole_to_whoever_has_most_demand_and_waits_longest():
    made = dispatcher(("a", 4), ("b", 4), ("d", 4))

    assert given_to(made, 1, 1, 1, 2) == [("a", 1), ("b", 1), ("d", 1), ("a", 2)]
    assert given_to(made, 15) == [("b", 3), ("d", 3), ("a", 1)]
    assert made.demand() == 0


@rule("E45")
def test_the_greedy_one_gets_all_until_others_have_more():
    made = dispatcher(("a", 2), ("b", 10), ("d", 3))

    assert given_to(made, 7, 2, 3) == [("b", 7), ("d", 2), ("b", 3)]


@rule("E46")
def test_idle_workers_are_served_in_the_order_of_their_asks():
    made = DemandDispatcher()
    for consumer in "abd":
        made.subscribe(consumer)
    for consumer in "bad":
        made.ask(consumer, 1)

    assert given_to(made, 4) == [("b", 1), ("a", 1), ("d", 1)]
    made.ask("d", 1)
    made.ask("b", 1)
    assert given_to(made, 2) == [("d", 1), ("b", 1)]


def test_a_leaver_takes_its_demand_along():
    made = dispatcher(("a", 10), ("b", 4))

    assert made.cancel("a") == 10
    assert made.cancel("a") == 0
    assert given_to(made, 9) == [("b", 4)]


@rule("E44", "E45")
def test_an_ask_moves_a_consumer_up_behind_its_equals():
    made = dispatcher(("a", 4), ("b", 2), ("d", 3))
    made.ask("d", 2)
    made.ask("b", 4)

    assert given_to(made, 15) == [("b", 6), ("d", 5), ("a", 4)]


@rule("E44")
def test_a_new_consumer_stands_last_among_its_equals():
    made = dispatcher(("a", 1))
    made.subscribe("b")
    made.ask("b", 1)

    assert given_to(made, 2) == [("a", 1), ("b", 1)]


@rule("E15")
def test_one_that_has_left_asks_for_nothing():
    made = dispatcher(("a", 1), ("b", 2))
    made.cancel("b")

    assert not made.ask("b", 5)
    assert not made.ask("never subscribed", 5)

    assert made.demand() == 1
    assert given_to(made, 9) == [("a", 1)]


class NaiveDispatcher:
    """Says for one event at a time who gets it, by sorting all who wait."""

    def __init__(self):
        self.demand = {}
        self.moved = {}
        self.moves = 0

    def subscribe(self, consumer):
        self.demand[consumer] = 0
        self.move(consumer)

    def cancel(self, consumer):
        return self.demand.pop(consumer, 0)

    def ask(self, consumer, count):
        if consumer not in self.demand:
            return False
        self.demand[consumer] += count
        self.move(consumer)
        return True

    def move(self, consumer):
        self.moves += 1
        self.moved[consumer] = self.moves

    def dispatch(self, events):
        allotments = []
        while events and any(self.demand.values()):
            first = min(self.demand, key=lambda consumer: (-self.demand[consumer], self.moved[consumer]))
            count = 0
            while events and self.demand[first]:
                self.demand[first] -= 1
                events -= 1
                count += 1
            self.move(first)
            allotments.append((first, count))
        return allotments


@rule("E44", "E45", "E46")
@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("subscribe"), st.sampled_from("abcd")),
            st.tuples(st.just("cancel"), st.sampled_from("abcd")),
            st.tuples(st.just("ask"), st.sampled_from("abcd"), st.integers(1, 6)),
            st.tuples(st.just("dispatch"), st.integers(1, 12)),
        ),
        max_size=60,
    )
)
def test_the_dispatcher_does_as_a_naive_one_does(steps):
    made, naive = DemandDispatcher(), NaiveDispatcher()
    for what, *arguments in steps:
        if what == "subscribe" and arguments[0] in naive.demand:
            continue
        expected = getattr(naive, what)(*arguments)
        assert getattr(made, what)(*arguments) == expected, (what, arguments)
        assert made.demand() == sum(naive.demand.values())


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(1, 9)), max_size=30), st.lists(st.integers(1, 9)))
def test_nobody_gets_more_than_it_asked_for_and_nothing_is_held_back(asks, emissions):
    made = DemandDispatcher()
    for consumer in "abcd":
        made.subscribe(consumer)
    demand = dict.fromkeys("abcd", 0)
    for consumer, count in asks:
        made.ask(consumer, count)
        demand[consumer] += count

    for events in emissions:
        before = sum(demand.values())
        handed = made.dispatch(events)
        for consumer, count in handed:
            demand[consumer] -= count
        assert all(left >= 0 for left in demand.values())
        assert sum(count for _, count in handed) == min(events, before)
        assert made.demand() == sum(demand.values())
