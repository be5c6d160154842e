"""Tests of the shop with pytest: the plugin brings the fixtures."""

import threading

import pytest
from shop import CUSTOMERS, ORDERS, Packer, children

from actors import checkpoint
from supervision.testing import crash_sweep, start_supervised

TEA = [("ann", "tea"), ("ben", "tea")]


def open_shop(sent):
    for child in children(lambda *order: sent.append(order)):
        start_supervised(child)


@pytest.fixture
def sent(system):
    """What a shop at work has sent."""
    sent = []
    open_shop(sent)
    return sent


def test_orders_are_sent(system, sent):
    for order in TEA:
        ORDERS.put(order)

    system.run_until(lambda: sorted(sent) == TEA)


def test_an_order_whose_packer_crashes_is_packed_by_another(system, sent):
    crash = system.crash(Packer, OSError("the scales are broken"))

    ORDERS.put(("ann", "tea"))

    system.run_until(lambda: sent == [("ann", "tea")])
    assert crash.fired == 1


def test_a_customer_whose_packer_has_crashed_is_free_for_others(system, sent):
    system.crash_at(Packer, "unregister")

    ORDERS.put(("ann", "tea"))

    # It was sent, and nobody has heard of it: so it is sent again.
    system.run_until(lambda: len(sent) == 2)
    system.run_until_idle()
    assert CUSTOMERS.lookup("ann") == []


def two_orders_of_one_customer(system):
    at_work = []

    def send(customer, _item):
        assert customer not in at_work, f"{customer} is served by two packers"
        at_work.append(customer)
        checkpoint()
        at_work.remove(customer)
        done.append(customer)

    done = []
    for child in children(send):
        start_supervised(child)
    for item in "tea", "milk":
        ORDERS.put(("ann", item))
    system.run_until(lambda: len(done) == 2)


def test_no_customer_is_served_by_two_packers_at_once(explore):
    explore(two_orders_of_one_customer, schedules=100)


def a_day(system):
    sent = []
    open_shop(sent)
    for order in TEA:
        ORDERS.put(order)
    system.run_until(lambda: set(sent) == set(TEA))
    system.run_until_idle()


def test_no_order_is_lost_whoever_crashes_wherever():
    def nobody_is_held(_system):
        return not any(CUSTOMERS.lookup(customer) for customer, _ in TEA)

    crash_sweep(a_day, finally_=nobody_is_held).check()


def test_it_works_with_threads_and_real_time_too(real_system, start_supervised):
    sent = threading.Event()
    for child in children(lambda *_order: sent.set()):
        start_supervised(child)

    ORDERS.put(("ann", "tea"))

    assert sent.wait(10)
