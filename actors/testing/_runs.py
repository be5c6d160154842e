"""One run of a scenario, what came of it, and whether it comes out the same again."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from actors.testing._failure import Failure
from actors.testing._schedule import Decisions, Follower, Recorder, Whereabouts
from actors.testing._shown import shown
from actors.testing._stand_ins import stand_ins
from actors.testing._watch import StepTooLong
from actors.testing.system import System

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actors.testing._policy import Policy
    from actors.testing._schedule import Deviation
    from actors.testing.system import Delivery

__all__ = [
    "NotDeterministic",
    "Run",
    "Scenario",
    "check_scenario",
    "first_difference",
    "follow",
    "refuse_async",
    "run",
    "run_recorded",
]

Scenario: TypeAlias = "Callable[[System], object]"
"""What is explored: starts actors, has them work, and asserts what must hold. It may inject faults, and use probes."""


class NotDeterministic(AssertionError):
    """A scenario did one thing in one run, and another in another with the same seed.

    Args:
        which: which schedule it was.
        first: the step at which they part, in the one.
        second: and in the other.
    """

    def __init__(self, which: str, number: int, first: str, second: str) -> None:
        super().__init__(
            f"{which} came out otherwise when it was run again; the first step that differs is number {number}:\n"
            f"  {first}\n  {second}\n{_CAUSES}"
        )
        self.first = first
        self.second = second


_CAUSES = """the usual causes, and what to do instead:
  random: use system.random
  uuid4(): use system.uuid4()
  time.time(), datetime.now(): use actors.now()
  the order of a set of strings, or of objects such as asyncio.gather() returns: sort it, or take a list
  id(), hash(), the repr of an object: don't let them decide anything
  something that the run before has left behind: a variable of a module or class, a file, a cache
  what a test has patched, with elsewhere=True or workers: it isn't patched in other processes"""


class Run(NamedTuple):
    """What came of one run.

    Args:
        decisions: which there were, as numbers.
        steps: switch points that were passed.
        faults: what was to go wrong, and how often it has.
        error: what it failed with.
        failure: the same, as it is known again.
        trace: step by step, when it was recorded.
        deviations: what went otherwise than in turn, when that was recorded.
    """

    decisions: list[int]
    steps: int
    faults: list[tuple[tuple[str, str, str, str], int]]
    error: BaseException | None
    failure: Failure | None
    trace: list[str]
    deviations: tuple[Deviation, ...] = ()


@dataclass(frozen=True, slots=True)
class World:
    """What the systems of all runs have in common: arguments of `System`."""

    max_steps: int
    delivery: Delivery = "runtime"

    def system(self, seed: str, policy: Policy, *, record: bool = True) -> System:
        """Make the system of one run."""
        system = System(seed, policy=policy, delivery=self.delivery, record=record, max_steps=self.max_steps)
        # In one of the runs; not in each.
        system._must_strike = False
        return system


def run(scenario: Scenario, seed: str, policy: Policy, world: World, *, record: bool = False) -> Run:
    """Run a scenario once."""
    decisions = Decisions(policy)
    system = world.system(seed, decisions, record=record)
    return _carry_out(scenario, system, decisions)


def run_recorded(scenario: Scenario, seed: str, policy: Policy, world: World) -> Run:
    """Run a scenario once, and write down what happens."""
    return _recorded(scenario, seed, Recorder(policy), (), world)


def follow(scenario: Scenario, seed: str, deviations: Sequence[Deviation], world: World) -> tuple[Run, list[Deviation]]:
    """Run a scenario once, with these deviations; return also those that could not be."""
    follower = Follower(deviations)
    recorder = Recorder(follower, follower.may_strike)
    came = _recorded(scenario, seed, recorder, (follower.whereabouts,), world)
    return came, follower.missed


def _recorded(
    scenario: Scenario, seed: str, recorder: Recorder, lookers_on: Sequence[Whereabouts], world: World
) -> Run:
    decisions = Decisions(recorder)
    system = world.system(seed, decisions)
    for whereabouts in (recorder.whereabouts, *lookers_on):
        whereabouts.watch(system._simulation)
    system._faults.may_strike = recorder.may_strike
    came = _carry_out(scenario, system, decisions)
    return came._replace(deviations=tuple(recorder.deviations))


def _carry_out(scenario: Scenario, system: System, decisions: Decisions) -> Run:
    error = _failure_of(scenario, system)
    return Run(
        decisions=decisions.made,
        steps=system._simulation.steps,
        faults=[(fault.target, fault.fired) for fault in system.faults if fault.must_strike or fault.fired],
        error=error,
        failure=None if error is None else Failure.of(error),
        trace=list(map(str, system.trace)),
    )


def _failure_of(scenario: Scenario, system: System) -> BaseException | None:
    """Run a scenario; return what it failed with, which tells how things were then.

    Raises:
        StepTooLong: it blocks for real; in the next run it would do so again, for as long.
    """
    try:
        with system:
            stand_ins.replace_around(getattr(scenario, "__module__", None) or "")
            try:
                result: Any = scenario(system)
            except BaseException as error:
                # It isn't had again by its seed alone.
                error.add_note(system.story().rpartition("\nagain with")[0])
                raise
    except StepTooLong:
        raise
    except BaseException as error:
        # Pytest's failures are no Exception; all others that aren't are none of the scenario's.
        if isinstance(error, Exception) or type(error).__name__ == "Failed":
            return error
        raise
    refuse_async(scenario, result)
    return None


def check_scenario(scenario: object, what: str = "a scenario") -> None:
    """Refuse what can't be run with a system.

    Raises:
        TypeError: saying what it must be.
    """
    if inspect.iscoroutinefunction(scenario):
        raise TypeError(f"{what} must be a function that isn't async; {shown(scenario)} is")
    if inspect.isgeneratorfunction(scenario) or inspect.isasyncgenfunction(scenario):
        raise TypeError(f"{what} must be a function that does its work when it is called; {shown(scenario)} yields")
    if not callable(scenario):
        raise TypeError(f"{what} must be a function that is called with a System; got {shown(scenario)}")
    try:
        signature = inspect.signature(scenario)
    except ValueError:
        # It tells nothing, as functions of C.
        return
    try:
        signature.bind(None)
    except TypeError as error:
        msg = f"{what} must be a function that is called with a System, and nothing else"
        raise TypeError(f"{msg}; got {shown(scenario)}{signature}") from error


def refuse_async(scenario: Scenario, result: Any) -> None:
    """Refuse a scenario that was called and has something to be awaited still.

    Raises:
        TypeError: it has.
    """
    if hasattr(result, "__await__"):
        if hasattr(result, "close"):
            # It isn't complained of as well.
            result.close()
        raise TypeError(f"a scenario must be a function that isn't async; {shown(scenario)} is")


def first_difference(one: Sequence[str], other: Sequence[str]) -> tuple[int, str, str] | None:
    """Where two traces part: the number of the step, from 1, and the two steps; None when they are the same."""
    for number, (first, second) in enumerate(zip_longest(one, other, fillvalue="nothing more"), start=1):
        if first != second:
            return number, first, second
    return None
