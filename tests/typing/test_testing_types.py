"""What type checkers see of the test kit; `make check` runs them over this file too."""

from __future__ import annotations

# An error that is expected here and isn't found is an error itself.
# pyright: reportUnnecessaryTypeIgnoreComment=true
from dataclasses import dataclass
from typing import Any, assert_type

import pytest

from actors import Actor, ActorRef, Down, ExitReason, GenServer, GenServerRef, Ok, Queue, Worker
from actors.testing import Fault, Held, SimulatedTestCase, System, like
from actors.testing.explore import Exploration
from supervision.pytest_plugin import Explore
from supervision.testing import CrashPoint, StartSupervised, crash_sweep, start_supervised


@dataclass(frozen=True)
class Order:
    number: int


class Shop(Actor):
    def on_receive(self, message: object) -> object:
        return message


def test_a_message_has_the_type_that_was_asked_for() -> None:
    with System() as system:
        probe = system.probe()
        for _ in range(4):
            probe.ref.tell(Order(1))

        assert_type(probe.assert_receive(Order), Order)
        assert_type(probe.assert_receive(like(Order, number=1)), Order)
        assert_type(probe.assert_receive(Order(1)), Order)
        assert_type(probe.assert_receive(lambda message: bool(message.number == 1)), Any)
        assert_type(probe.do(lambda: 5), int)


def test_a_down_has_a_reason() -> None:
    with System() as system:
        probe = system.probe()
        shop = Shop.start()
        probe.monitor(shop)
        shop.stop()

        assert_type(probe.assert_receive(Down).reason, ExitReason)


def test_faults_are_what_can_be_looked_at() -> None:
    with System() as system:
        assert_type(system.crash(Shop, nth=2, when="after", must_strike=False), Fault)
        assert_type(system.hold("Shop-1", must_strike=False), Held)
        system.run_until(lambda: True)
        with pytest.raises(ValueError, match="when must be 'before' or 'after'"):
            system.crash(Shop, when="later")  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="times must be a whole number"):
            system.expect_crash(times="twice")  # type: ignore[arg-type]


class SyncWorker(Worker):
    # Each may name what it gets as it likes.
    def handle_event(self, user: str) -> None:
        pass


class Sleeper(Actor):
    async def on_receive(self, seconds: float) -> float:
        return seconds


def test_a_message_is_chosen_by_a_function_of_it() -> None:
    with System() as system:
        system.crash(SyncWorker, message=lambda event: event == "ann", must_strike=False)
        system.drop(Sleeper, lambda seconds: seconds > 1, must_strike=False)

        assert_type(Sleeper.start().ask(1.0), Any)


def one_order(system: System) -> None:
    start_supervised(Shop).tell(Order(1))
    system.run_until_idle()


def test_a_sweep_has_points() -> None:
    assert_type(crash_sweep(one_order).survived, list[CrashPoint])


class Counter(GenServer[int]):
    def init(self, count: int) -> Ok[int]:
        return Ok(count)


def test_what_is_supervised_has_a_ref_of_its_class() -> None:
    with System():
        assert_type(start_supervised(Shop, id="shop"), ActorRef[Shop])
        assert_type(start_supervised((Shop,)), ActorRef[Shop])
        assert_type(start_supervised((Counter, 1)), GenServerRef[Counter])
        assert_type(start_supervised((Counter, 1), id="another"), GenServerRef[Counter])
        assert_type(start_supervised(Shop.child_spec().replace(id="third")), ActorRef[Any])
        assert_type(start_supervised(Queue("jobs")), ActorRef[Any])


def takes_the_fixtures(start: StartSupervised, explore: Explore) -> None:
    assert_type(start((Counter, 1)), GenServerRef[Counter])
    assert_type(explore(one_order, schedules=10), Exploration)


def test_the_function_and_the_fixture_have_the_same_type() -> None:
    fixture: StartSupervised = start_supervised

    assert fixture is start_supervised


def test_a_test_case_has_a_system() -> None:
    class Case(SimulatedTestCase):
        def runTest(self) -> None:
            assert_type(self.system, System)

    result = Case().run()

    assert result is not None
    assert result.wasSuccessful()
