"""Exploration: a scenario run in many schedules, and the one that fails made small, saved, and had again."""

from __future__ import annotations

import contextlib
import itertools
import logging
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from actors.testing._policy import InTurn, Pct, Policy, RandomWalk, Systematic
from actors.testing._runs import Failure, NotDeterministic, Run, Scenario, first_difference, follow, run, run_recorded
from actors.testing._schedule import Deviation, Kind, Schedule
from actors.testing._shrink import shrink

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

__all__ = [
    "Deviation",
    "Exploration",
    "InTurn",
    "Kind",
    "NotDeterministic",
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

PolicyMaker: TypeAlias = "Callable[[str, int], Policy]"
"""Makes the policy of one run: of its seed, and of about how many decisions there are in a run."""


@dataclass(frozen=True, slots=True)
class Exploration:
    """What `explore()` has seen.

    Args:
        schedules: runs.
        distinct: how many of them were different from all others.
        steps: switch points that were passed, in all runs.
        decisions: those at which more than one could go on.
        faults: what was injected, and how often it struck.
        seconds: real time.
        complete: whether there are no more schedules, with so many preemptions; None when they weren't counted.
    """

    schedules: int
    distinct: int
    steps: int
    decisions: int
    faults: int
    seconds: float
    complete: bool | None = None

    def __str__(self) -> str:
        rate = f"{self.schedules / self.seconds:.0f} schedules and {self.steps / self.seconds:.0f} steps a second"
        faults = f", {self.faults} faults" if self.faults else ""
        end = {None: "", True: "; these are all", False: "; there are more"}[self.complete]
        return (
            f"{self.schedules} schedules, {self.distinct} of them distinct; {self.steps} steps, "
            f"{self.decisions} decisions{faults}; {rate}{end}"
        )


class NothingExplored(AssertionError):
    """An exploration that shows nothing: there was nothing to decide, or what was injected never struck."""


class ScenarioFailed(AssertionError):
    """A scenario failed in one of its schedules.

    Args:
        schedule: the smallest that was found to fail so.
        failure: what the scenario raised, with that schedule.
        explored: what was seen until then.
        number: which schedule it was.
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
        steps = "\n".join(f"  {deviation}" for deviation in unmet)
        super().__init__(
            f"the scenario passes, but {len(unmet)} of its schedule's steps were not met:\n{steps}\n"
            "the code they belong to has changed; explore() again, and keep what that finds, or drop this schedule"
        )
        self.unmet = list(unmet)


def explore(  # noqa: PLR0913 - each says another thing
    scenario: Scenario,
    *,
    schedules: int | None = None,
    seconds: float | None = None,
    policies: Sequence[PolicyMaker] = (RandomWalk, Pct),
    exhaustive: bool = False,
    preemptions: int | None = 2,
    seed: object = 0,
    save: str | Path | None = None,
) -> Exploration:
    """Run a scenario in many schedules, and fail with the smallest that makes it fail.

    Each run has a `System` of its own, and a seed of its own, made of `seed` and its number. The first lets everybody
    go on in turn; the policies take turns over the others. One in a hundred is run twice, to see that it comes out the
    same, and so is one that fails. What the library would log of crashes is not logged.

    Args:
        scenario: gets a `System`, starts actors, has them work, and asserts what must hold. It may inject faults. What
            it does must hang on nothing else: see `NotDeterministic`.
        schedules: how many; 1000 by default, or as many as `seconds` allows; 100,000 at most when `exhaustive`.
        seconds: of real time, after which no new run begins.
        policies: who decides; each is called with the seed of the run, and with about how many decisions a run has.
        exhaustive: whether to go through all schedules with so many preemptions, one after the other.
        preemptions: how often, in a run, another goes on though the one at the switch point could, or a kill passes
            by; None for any number.
        seed: any value.
        save: a file to write the schedule to that fails.

    Returns:
        What was seen.

    Raises:
        NotDeterministic: two runs with the same seed were different.
        NothingExplored: there was nothing to decide in any run; or something was injected that never struck.
        ScenarioFailed: with the smallest schedule that was found to fail, and a test that has it again.
        ValueError: a number is less than 1, or there is no policy.

    Example:
        explore(two_clerks_and_an_account, schedules=5000)
    """
    for name, number in (("schedules", schedules), ("seconds", seconds)):
        if number is not None and number <= 0:
            raise ValueError(f"{name} must be more than 0, or there is nothing to see; got {number!r}")
    if not policies:
        raise ValueError("policies must name one at least, such as RandomWalk; got none")
    limit = schedules if schedules is not None else _default_limit(seconds, exhaustive=exhaustive)
    plan = _Plan(scenario, str(seed), tuple(policies))
    seen = _Seen()
    deadline = None if seconds is None else time.monotonic() + seconds
    with _silence():
        found, complete = (
            _go_through(plan, seen, limit, deadline, preemptions)
            if exhaustive
            else (_go_around(plan, seen, limit, deadline), None)
        )
    explored = seen.report(complete)
    if found is not None:
        _fail(plan, found, explored, None if save is None else Path(save))
    seen.check(explored)
    return explored


def _default_limit(seconds: float | None, *, exhaustive: bool) -> int | None:
    if exhaustive:
        return _EXHAUSTED
    return 1000 if seconds is None else None


_EXHAUSTED = 100_000
"""Schedules after which going through all is given up."""

_AGAIN = 100
"""One in so many is run twice."""


@contextlib.contextmanager
def _silence() -> Generator[None]:
    """Have the library log nothing: not what hundreds of crashes say, nor keep what they refer to."""
    logger = logging.getLogger("pykka_otp")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)


# The plan


@dataclass(frozen=True, slots=True)
class _Plan:
    """Which runs there are, by their number."""

    scenario: Scenario
    seed: str
    policies: tuple[PolicyMaker, ...]

    def seed_of(self, number: int) -> str:
        return f"{self.seed}-{number}"

    def policy_of(self, number: int, decisions: int) -> Policy:
        if number == 0:
            return InTurn()
        make = self.policies[(number - 1) % len(self.policies)]
        return make(self.seed_of(number), decisions)


@dataclass(frozen=True, slots=True)
class _Found:
    """A run that failed: its seed, and how to make its policy once more."""

    which: str
    seed: str
    policy: Callable[[], Policy]
    run: Run


class _Seen:
    """What was seen so far."""

    def __init__(self) -> None:
        self.schedules = 0
        self.steps = 0
        self.decisions = 0
        self.ways: set[int] = set()
        self.faults: Counter[tuple[str, str, str, str]] = Counter()
        self.injected: set[tuple[str, str, str, str]] = set()
        self._begin = time.perf_counter()

    def add(self, came: Run) -> None:
        self.schedules += 1
        self.steps += came.steps
        self.decisions += len(came.decisions)
        self.ways.add(hash(tuple(came.decisions)))
        for target, fired in came.faults:
            self.injected.add(target)
            self.faults[target] += fired

    def report(self, complete: bool | None) -> Exploration:  # noqa: FBT001
        seconds = time.perf_counter() - self._begin
        faults = self.faults.total()
        return Exploration(
            self.schedules, len(self.ways), self.steps, self.decisions, faults, max(seconds, 1e-9), complete
        )

    def check(self, explored: Exploration) -> None:
        """See that something was explored."""
        if not self.decisions:
            msg = (
                f"{explored}: there was never more than one actor that could go on; have more than one at work, and wait "
                "for them after all were told what to do"
            )
            raise NothingExplored(msg)
        never = [target for target in sorted(self.injected) if not self.faults[target]]
        if never:
            names = "\n".join(f"  {what} of {actor} at {at!r}, message {about}" for what, actor, at, about in never)
            msg = f"{explored}; what was injected never struck:\n{names}\nsee that the actor comes there, and how often"
            raise NothingExplored(msg)


def _go_around(plan: _Plan, seen: _Seen, limit: int | None, deadline: float | None) -> _Found | None:
    """Run one schedule after the other; return one that fails."""
    decisions = 0
    for number in itertools.count() if limit is None else range(limit):
        if deadline is not None and number and time.monotonic() >= deadline:
            break
        seed = plan.seed_of(number)
        came = run(plan.scenario, seed, plan.policy_of(number, decisions), record=number % _AGAIN == 0)
        seen.add(came)
        if number == 0:
            decisions = len(came.decisions)
        which = f"schedule {number} (seed {seed!r})"
        found = _Found(which, seed, _maker(plan, number, decisions), came)
        if came.error is not None:
            return found
        if number % _AGAIN == 0:
            _compare(found, run(plan.scenario, seed, found.policy(), record=True))
    return None


def _maker(plan: _Plan, number: int, decisions: int) -> Callable[[], Policy]:
    return lambda: plan.policy_of(number, decisions)


def _go_through(
    plan: _Plan, seen: _Seen, limit: int | None, deadline: float | None, preemptions: int | None
) -> tuple[_Found | None, bool]:
    """Run all schedules with so many preemptions; return one that fails, or whether these were all."""
    systematic = Systematic(preemptions)
    seed = plan.seed_of(0)
    while True:
        path = systematic.path
        number = seen.schedules
        again = number % _AGAIN == 0
        came = run(plan.scenario, seed, systematic, record=again)
        seen.add(came)
        found = _Found(f"schedule {number} of all", seed, lambda path=path: Systematic(None, path), came)  # type: ignore[misc]
        if came.error is not None:
            return found, False
        if again or systematic.strayed:
            _compare(found, run(plan.scenario, seed, found.policy(), record=True))
        if not systematic.advance():
            return None, True
        if seen.schedules == limit or (deadline is not None and time.monotonic() >= deadline):
            return None, False


def _compare(found: _Found, other: Run) -> None:
    """See that a run came out as it did before."""
    one = found.run
    if one.trace and other.trace:
        difference = first_difference(one.trace, other.trace)
    else:
        difference = first_difference(
            [f"decision {made}" for made in one.decisions], [f"decision {made}" for made in other.decisions]
        )
    if difference is None and one.failure != other.failure:
        difference = (
            len(other.trace) + 1,
            str(one.failure or "the scenario passes"),
            str(other.failure or "the scenario passes"),
        )
    if difference is not None:
        raise NotDeterministic(found.which, *difference) from (one.error or other.error)


# A failure


def _fail(plan: _Plan, found: _Found, explored: Exploration, save: Path | None) -> None:
    """Fail with the smallest schedule that fails as the one that was found."""
    with _silence():
        first = run_recorded(plan.scenario, found.seed, found.policy())
        _compare(found, first)
        _compare(_Found(found.which, found.seed, found.policy, first), run_recorded(plan.scenario, found.seed, found.policy()))
        smallest, tries = _smallest(plan.scenario, found.seed, first)
    failure = Failure.of(found.run.error) if found.run.error is not None else None
    schedule = Schedule(found.seed, smallest.deviations, str(failure))
    if save is not None:
        schedule.save(save)
    error = smallest.error
    assert error is not None
    name = getattr(plan.scenario, "__qualname__", type(plan.scenario).__name__)
    saved = "" if save is None else f"saved as {save}\n"
    message = (
        f"{found.which} failed: {type(error).__name__}: {error}\n\n"
        f"after {explored}\n"
        f"it takes {len(schedule.deviations)} steps out of turn, of {len(first.deviations)} in it "
        f"({tries} runs to find out):\n{schedule}\n{saved}"
        f"to have it again:\n\n{schedule.as_test(name)}\n\n{smallest.story}"
    )
    raise ScenarioFailed(message, schedule, error, explored) from error


_TRIES = 500
"""Runs that may be spent to make a schedule smaller."""


def _smallest(scenario: Scenario, seed: str, first: Run) -> tuple[Run, int]:
    """The run with the fewest deviations that fails as this one does, and how many runs that took."""
    wanted = first.failure
    runs = [first]

    def still(deviations: Sequence[Deviation]) -> bool:
        came, _ = follow(scenario, seed, deviations)
        if came.failure != wanted:
            return False
        runs.append(came)
        return True

    tries = 0

    def counted(deviations: Sequence[Deviation]) -> bool:
        nonlocal tries
        tries += 1
        return still(deviations)

    shrink(first.deviations, counted, tries=_TRIES)
    return min(reversed(runs), key=lambda came: len(came.deviations)), tries


def replay(scenario: Scenario, schedule: Schedule | str | Path) -> None:
    """Have a schedule again: everybody goes on in turn, but where it says otherwise; what is injected strikes so too.

    It passes when the scenario does, and all steps of the schedule were met.

    Args:
        schedule: one, or the file that one was saved to.

    Raises:
        StaleReplay: the scenario passes, but not all of the steps could be.
        ValueError: the file holds no schedule.
        BaseException: what the scenario raises; a note says whether it is what it raised before.
    """
    if not isinstance(schedule, Schedule):
        schedule = Schedule.load(schedule)
    came, missed = follow(scenario, schedule.seed, schedule.deviations)
    if came.error is not None:
        as_before = str(came.failure).partition(": ")[0] == schedule.failure.partition(": ")[0]
        came.error.add_note("failed as before" if as_before else f"failed otherwise than before: {schedule.failure}")
        raise came.error
    if missed:
        raise StaleReplay(missed)
