"""A supervisor beside a small model of one: whatever is done to both, they agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, run_state_machine_as_test
from hypothesis.stateful import rule as step

from actors import Runtime, Shutdown
from supervision import (
    ChildAlreadyPresent,
    ChildAlreadyStarted,
    ChildNotFound,
    ChildRunning,
    SupervisorError,
)
from tests.supervision.nursery import Nursery, family, ours, plain, trapping
from tests.support import CAP

rule = pytest.mark.rule

NAMES = st.sampled_from("abcde")
RESTARTS = st.sampled_from(["permanent", "transient", "temporary"])
KINDS = st.sampled_from([ours, plain, trapping])


@dataclass
class Place:
    """A child of the model; `number` is that of the start it runs since, None while it is down."""

    name: str
    restart: str
    number: int | None = None


class Model:
    """What OTP says, in lists: numbers stand for refs."""

    def __init__(self, strategy: str) -> None:
        self.strategy = strategy
        self.places: list[Place] = []
        self.log: list[str] = []
        self._starts = 0

    def find(self, name: str) -> Place:
        for place in self.places:
            if place.name == name:
                return place
        raise ChildNotFound(name)

    def start_child(self, name: str, restart: str) -> None:
        for place in self.places:
            if place.name == name:
                raise ChildAlreadyPresent(name) if place.number is None else ChildAlreadyStarted(name, None)
        self.places.append(Place(name, restart))
        self._start(self.places[-1])

    def terminate_child(self, name: str) -> None:
        self._end(self.find(name))

    def restart_child(self, name: str) -> None:
        self._start(self._that_is_down(name))

    def delete_child(self, name: str) -> None:
        self.places.remove(self._that_is_down(name))

    def ended(self, name: str, *, abnormally: bool) -> None:
        place = self.find(name)
        if not abnormally:
            self.log.append(f"{name} stops")
        place.number = None
        if place.restart == "temporary":
            self.places.remove(place)
        elif place.restart == "permanent" or abnormally:
            self._restart(place)

    def _restart(self, failed: Place) -> None:
        first = self.places.index(failed)
        group = {"one_for_one": [failed], "one_for_all": list(self.places), "rest_for_one": self.places[first:]}
        for place in reversed(group[self.strategy]):
            self._end(place)
        for place in group[self.strategy]:
            if place in self.places:
                self._start(place)

    def _that_is_down(self, name: str) -> Place:
        place = self.find(name)
        if place.number is not None:
            raise ChildRunning(name)
        return place

    def _start(self, place: Place) -> None:
        self.log.append(f"{place.name} starts")
        self._starts += 1
        place.number = self._starts

    def _end(self, place: Place) -> None:
        if place.number is not None:
            self.log.append(f"{place.name} stops")
        place.number = None
        if place.restart == "temporary":
            self.places.remove(place)


def outcome(call: Any, *arguments: Any) -> type | None:
    """The error that a call was refused with."""
    try:
        call(*arguments)
    except SupervisorError as refused:
        return type(refused)
    return None


class Beside(RuleBasedStateMachine):
    """Does the same to a supervisor and to its model."""

    @initialize(strategy=st.sampled_from(["one_for_one", "one_for_all", "rest_for_one"]))
    def start(self, strategy: str) -> None:
        self.runtime = Runtime().__enter__()
        self.nursery = Nursery()
        self.sup = family(self.nursery, strategy=strategy, max_restarts=10**6)
        self.model = Model(strategy)
        self.refs: dict[int, Any] = {}

    @step(name=NAMES, restart=RESTARTS, kind=KINDS)
    def start_child(self, name: str, restart: str, kind: Any) -> None:
        refused = outcome(self.sup.ref.start_child, kind(self.nursery, name, restart=restart))

        assert refused == outcome(self.model.start_child, name, restart)

    @step(name=NAMES, call=st.sampled_from(["terminate_child", "restart_child", "delete_child"]))
    def call(self, name: str, call: str) -> None:
        assert outcome(getattr(self.sup.ref, call), name) == outcome(getattr(self.model, call), name)

    @precondition(lambda self: any(place.number for place in self.model.places))
    @step(data=st.data(), end=st.sampled_from(["crash", "normal", "shutdown"]))
    def end_child(self, data: Any, end: str) -> None:
        name = data.draw(st.sampled_from([place.name for place in self.model.places if place.number]))

        if end == "crash":
            self.sup.end(name)
        else:
            ref = self.sup[name]
            ref.stop(reason=Shutdown()) if end == "shutdown" else ref.stop()
            assert ref.join(CAP)

        self.model.ended(name, abnormally=end == "crash")

    @invariant()
    def they_agree(self) -> None:
        children = self.sup.children()
        assert list(children) == [place.name for place in self.model.places]
        for place in self.model.places:
            if place.number is None:
                assert children[place.name] is None
            else:
                # A ref is new where the model's number is, and the same where that is the same.
                assert children[place.name] is self.refs.setdefault(place.number, children[place.name])
        assert len(set(self.refs.values())) == len(self.refs)
        running = {place.number for place in self.model.places if place.number}
        assert {number for number, ref in self.refs.items() if ref.is_alive()} == running
        assert self.nursery.diary == self.model.log

    def teardown(self) -> None:
        if hasattr(self, "runtime"):
            self.runtime.__exit__()


@rule("B19", "B24", "B25", "B26", "B27", "B28", "B31", "B71", "B73", "B74", "B75", "B76", "B78")
def test_a_supervisor_does_what_its_model_does():
    run_state_machine_as_test(
        Beside, settings=settings(max_examples=40, stateful_step_count=25, deadline=None, print_blob=False)
    )
