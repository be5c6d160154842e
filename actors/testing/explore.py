"""Exploration: a scenario run in many schedules, and the one that fails made small, saved, and had again."""

from __future__ import annotations

import inspect
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from actors.testing._elsewhere import check_importable, compare_elsewhere, go_around_together, refuse
from actors.testing._exploring import (
    Exploration,
    Found,
    Limits,
    NothingExplored,
    Plan,
    PolicyMaker,
    Seen,
    compare,
    go_around,
    go_through,
    many_runs,
)
from actors.testing._failure import is_as_before, statement_of
from actors.testing._injection import check_count
from actors.testing._policy import InTurn, Pct, Policy, RandomWalk
from actors.testing._runs import NotDeterministic, Run, Scenario, World, check_scenario, follow, run_recorded
from actors.testing._schedule import Deviation, Kind, Schedule
from actors.testing._shown import said_by
from actors.testing._shrink import Smaller
from actors.testing._simulation import MAX_STEPS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from actors.testing._exploring import Which
    from actors.testing.system import Delivery

__all__ = [
    "Deviation",
    "Exploration",
    "InTurn",
    "Kind",
    "NotDeterministic",
    "NotExhausted",
    "NothingExplored",
    "Pct",
    "Policy",
    "PolicyMaker",
    "RandomWalk",
    "Scenario",
    "ScenarioFailed",
    "Schedule",
    "StaleReplay",
    "explore",
    "replay",
]


class ScenarioFailed(AssertionError):
    """A scenario failed in one of its schedules.

    Args:
        schedule: the smallest that was found to fail so.
        failure: what the scenario raised, with that schedule.
        explored: what was seen until then.
    """

    def __init__(self, message: str, schedule: Schedule, failure: BaseException, explored: Exploration) -> None:
        super().__init__(message)
        self.schedule = schedule
        self.failure = failure
        self.explored = explored


class StaleReplay(AssertionError):
    """A schedule was to be had again, and can't be: the code has changed, and passes for want of what happened then.

    Args:
        unmet: the deviations that could not be.
    """

    def __init__(self, unmet: Sequence[Deviation]) -> None:
        super().__init__(
            f"the scenario passes, but {_not_met(unmet)}\n"
            "the code they belong to has changed; explore() again, and keep what that finds, or drop this schedule"
        )
        self.unmet = list(unmet)


class NotExhausted(AssertionError):
    """All schedules were to be gone through, and the time or the number was over before.

    Args:
        explored: what was seen until then.
    """

    def __init__(self, explored: Exploration) -> None:
        super().__init__(
            f"{explored}: not all were gone through; give more schedules= or seconds=, or fewer preemptions=, "
            "or make the scenario smaller"
        )
        self.explored = explored


def _not_met(unmet: Sequence[Deviation]) -> str:
    steps = "\n".join(f"  {deviation}" for deviation in unmet)
    return f"{len(unmet)} of its schedule's steps were not met:\n{steps}"


def explore(  # noqa: PLR0913 - each says another thing
    scenario: Scenario,
    *,
    schedules: int | None = None,
    seconds: float | None = None,
    workers: int = 1,
    policies: Sequence[PolicyMaker] = (RandomWalk, Pct),
    exhaustive: bool = False,
    preemptions: int | None = 2,
    seed: object = 0,
    max_steps: int = MAX_STEPS,
    delivery: Delivery = "runtime",
    elsewhere: bool = False,
    save: str | Path | None = None,
) -> Exploration:
    """Run a scenario in many schedules, and fail with the smallest that makes it fail.

    Each run has a `System` of its own, and a seed of its own, made of `seed` and its number. The first lets everybody
    go on in turn; the policies take turns over the others. One in a hundred is run twice, to see that it comes out the
    same, and so is one that fails; in this process alone, unless `elsewhere` or `workers` says otherwise. What the
    library would log of crashes is not logged meanwhile.

    Args:
        scenario: gets a `System`, starts actors, has them work, and asserts what must hold. It may inject faults. What
            it does must hang on nothing else: see `NotDeterministic`.
        schedules: how many; 1000 by default, or as many as `seconds` allows; 100,000 at most when `exhaustive`.
        seconds: of real time, after which no new run begins.
        workers: how many processes; with more than one, the scenario must be importable by them. They find the same.
        policies: who decides; each is called with the seed of the run, and with about how many decisions a run has.
        exhaustive: whether to go through all schedules with so many preemptions, one after the other.
        preemptions: how often, in a run, another goes on though the one at the switch point could, or a kill passes
            by; None for any number.
        seed: any value.
        max_steps: switch points after which a run is taken for one that never ends, and fails.
        delivery: when messages, exits and Downs arrive, as of `System`: `"otp"` goes through delays, too.
        elsewhere: whether those that are run twice are also run in another process, in which sets have another order;
            the scenario must be importable there, and nothing that a test has patched is patched there. With several
            workers they always are. In one process alone a set of strings has the same order each time, and what hangs
            on it isn't seen.
        save: a file to write the schedule to that fails.

    Returns:
        What was seen.

    Raises:
        NotDeterministic: two runs with the same seed were different.
        NotExhausted: all schedules were to be gone through, and there are more.
        NothingExplored: there was nothing to decide in any run; or something was injected that never struck.
        ScenarioFailed: with the smallest schedule that was found to fail, and a test that has it again.
        StepTooLong: it blocks for real, in the schedule that a note names. It isn't run again, and nothing is saved.
        TypeError: the scenario is no function of a `System`, or is async, or yields; a number is none; or something in
            `policies` makes no policy.
        ValueError: a number is less than 1, or `preemptions` no whole number; there is no policy; the scenario can't be
            imported by other processes; or several workers are to go through all schedules.

    Example:
        explore(two_clerks_and_an_account, schedules=5000)
    """
    check_scenario(scenario)
    _check_numbers(schedules=schedules, seconds=seconds, workers=workers)
    if preemptions is not None:
        check_count(preemptions, "preemptions", least=0)
    _check_policies(policies)
    if exhaustive and workers > 1:
        raise ValueError(f"workers must be 1 when exhaustive: all are gone through in order; got {workers}")
    plan = Plan(scenario, str(seed), tuple(policies), World(max_steps, delivery))
    limit = schedules if schedules is not None else _default_limit(seconds, exhaustive=exhaustive)
    if elsewhere:
        check_importable(plan)
    begin = time.monotonic()
    limits = Limits(limit, None if seconds is None else begin + seconds)
    seen = Seen()
    complete = None
    with many_runs():
        if exhaustive:
            found, complete = go_through(plan, seen, limits, preemptions)
        elif workers > 1:
            found = _find_together(plan, seen, limits, workers)
        else:
            found = go_around(plan, seen, limits)
        explored = seen.report(time.monotonic() - begin, complete)
        if found is not None:
            first = _run_again(plan, found, elsewhere=elsewhere or workers > 1)
            _fail(plan, found.which, first, explored, None if save is None else Path(save))
        if elsewhere:
            compare_elsewhere(plan, plan.twice(seen.schedules, exhaustive=exhaustive))
    seen.check(explored)
    if complete is False:
        raise NotExhausted(explored)
    return explored


def _check_numbers(**numbers: float | None) -> None:
    for name, number in numbers.items():
        if number is None:
            continue
        kind, said = (int | float, "a number") if name == "seconds" else (int, "a whole number")
        if not isinstance(number, kind) or isinstance(number, bool):
            raise TypeError(f"{name} must be {said}; got {number!r}")
        if number <= 0:
            raise ValueError(f"{name} must be more than 0, or there is nothing to see; got {number!r}")


def _check_policies(policies: Sequence[PolicyMaker]) -> None:
    if not isinstance(policies, Iterable) or not all(map(callable, policies)):
        raise TypeError(f"policies must be a list of classes or functions, such as [RandomWalk]; got {policies!r}")
    if not policies:
        raise ValueError("policies must name one at least, such as RandomWalk; got none")


def _default_limit(seconds: float | None, *, exhaustive: bool) -> int | None:
    if exhaustive:
        return _EXHAUSTED
    return 1000 if seconds is None else None


_EXHAUSTED = 100_000
"""Schedules after which going through all is given up."""


def _find_together(plan: Plan, seen: Seen, limits: Limits, workers: int) -> Found | None:
    which = go_around_together(plan, seen, limits, workers)
    if which is None:
        return None
    came = plan.run(which, record=True)
    if came.error is None:
        refuse(plan, which)
    return Found(which, came)


# A failure


def _run_again(plan: Plan, found: Found, *, elsewhere: bool) -> Run:
    """Have the run that was found again, and see that it comes out the same each time.

    Raises:
        NotDeterministic: it doesn't.
    """
    which = found.which
    first = run_recorded(plan.scenario, plan.seed_of(which), plan.policy_of(which), plan.world)
    compare(which, found.run, first)
    compare(which, first, plan.run(which, record=True))
    if elsewhere:
        compare_elsewhere(plan, [which])
    return first


def _fail(plan: Plan, which: Which, first: Run, explored: Exploration, save: Path | None) -> NoReturn:
    """Fail with the smallest schedule that fails as this one."""
    seed = plan.seed_of(which)
    smallest = Smaller(plan, which, first).smallest()
    error = smallest.error
    assert error is not None, "it fails as the first did"
    schedule = Schedule(
        seed,
        smallest.deviations,
        str(smallest.failure),
        plan.world.delivery,
        statement_of(error),
        full_name_of(plan.scenario),
        plan.world.max_steps,
    )
    if save is not None:
        schedule.save(save)
    saved = "" if save is None else f"saved as {save}\n"
    message = (
        f"{which} (seed {seed!r}) failed: {type(error).__name__}: {said_by(error)}\n\n"
        f"after {explored}\n"
        f"it takes {len(schedule.deviations)} steps out of turn; it had {len(first.deviations)} when it was found:\n"
        f"{schedule}\n{saved}"
        f"to have it again:\n\n{schedule.as_test(_name_of(plan.scenario))}"
    )
    raise ScenarioFailed(message, schedule, error, explored) from error


def full_name_of(scenario: Scenario) -> str:
    """The module and the name of a scenario, by which a schedule knows it."""
    named = scenario if hasattr(scenario, "__qualname__") else type(scenario)
    return f"{named.__module__}.{named.__qualname__}"


def _name_of(scenario: Scenario) -> str:
    whose = getattr(scenario, "__self__", None)
    if inspect.ismethod(scenario) and not isinstance(whose, type):
        return f"{type(whose).__qualname__}().{scenario.__name__}"
    return str(getattr(scenario, "__qualname__", f"<{type(scenario).__name__}>"))


def replay(scenario: Scenario, schedule: Schedule | str | Path, *, max_steps: int | None = None) -> None:
    """Have a schedule again: everybody goes on in turn, but where it says otherwise; what is injected strikes so too.

    It passes when the scenario does, and all steps of the schedule were met.

    Args:
        schedule: one, or the file that one was saved to.
        max_steps: as of `explore()`; by default as many as when it was found.

    Raises:
        StaleReplay: the scenario passes, but not all of the steps could be.
        StepTooLong: the scenario blocks for real.
        ValueError: the file holds no schedule.
        BaseException: what the scenario raises; notes say whether it is what it raised before, and which steps were not
            met. It is when it has the same type and comes from the same statement of the same function; or, when the
            function has no such statement any more, says the same.
    """
    check_scenario(scenario)
    if not isinstance(schedule, Schedule):
        schedule = Schedule.load(schedule)
    world = World(schedule.max_steps if max_steps is None else max_steps, schedule.delivery)
    came, missed = follow(scenario, schedule.seed, schedule.deviations, world)
    if came.error is not None:
        as_before = is_as_before(came.error, schedule.failure, schedule.statement)
        if missed:
            came.error.add_note(_not_met(missed))
        came.error.add_note("failed as before" if as_before else f"failed otherwise than before: {schedule.failure}")
        raise came.error
    if missed:
        raise StaleReplay(missed)
