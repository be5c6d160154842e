"""Going through the schedules of a scenario: which there are, what was seen of them, whether they come out the same."""

from __future__ import annotations

import contextlib
import gc
import itertools
import logging
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from actors.testing._policy import InTurn, Policy, Systematic
from actors.testing._runs import NotDeterministic, Run, Scenario, World, first_difference, run
from actors.testing._stand_ins import stand_ins
from actors.testing._watch import StepTooLong

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

__all__ = [
    "AGAIN",
    "Exploration",
    "Found",
    "Limits",
    "NothingExplored",
    "Plan",
    "PolicyMaker",
    "Seen",
    "Which",
    "compare",
    "go_around",
    "go_through",
    "many_runs",
]

PolicyMaker: TypeAlias = "Callable[[str, int], Policy]"
"""Makes the policy of one run: of its seed, and of about how many decisions there are in a run."""

AGAIN = 100
"""One in so many is run twice."""


@contextlib.contextmanager
def many_runs() -> Generator[None]:
    """Have many runs made: no failures logged meanwhile, the garbage of several collected together, stand-ins kept.

    What hundreds of crashes would say nobody reads, and what is logged keeps what it refers to.
    """
    # What tasks have failed with is logged by asyncio.
    loggers = [logging.getLogger(name) for name in ("pykka_otp", "asyncio")]
    levels = [logger.level for logger in loggers]
    threshold, *others = gc.get_threshold()
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    # Below, it is collected several times in each run; far above, it has left the processor's caches. 0 means never.
    gc.set_threshold(threshold and max(threshold, _OBJECTS), *others)
    try:
        with stand_ins:
            yield
    finally:
        gc.set_threshold(threshold, *others)
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


_OBJECTS = 10_000
"""Objects after which garbage is looked for: some megabytes."""


# Which runs there are


@dataclass(frozen=True, slots=True)
class Which:
    """One of the runs.

    Args:
        number: of the run.
        decisions: about how many a run has.
        path: the decisions to begin with, when all schedules are gone through.
    """

    number: int
    decisions: int = 0
    path: tuple[int, ...] | None = None

    def __str__(self) -> str:
        return f"schedule {self.number}"


@dataclass(frozen=True, slots=True)
class Plan:
    """Which runs there are."""

    scenario: Scenario
    seed: str
    policies: tuple[PolicyMaker, ...]
    world: World

    def seed_of(self, which: Which) -> str:
        """What chance there is in a run; none in its schedule, when all are gone through."""
        return f"{self.seed}-{0 if which.path is not None else which.number}"

    def policy_of(self, which: Which) -> Policy:
        """Make the policy of a run."""
        if which.path is not None:
            return Systematic(None, which.path)
        if which.number == 0:
            return InTurn()
        make = self.policies[(which.number - 1) % len(self.policies)]
        return make(self.seed_of(which), which.decisions)

    def run(self, which: Which, *, record: bool = False) -> Run:
        """Run one."""
        return self.run_by(self.policy_of(which), which, record=record)

    def run_by(self, policy: Policy, which: Which, *, record: bool = False) -> Run:
        """Run one by this policy, which is that of the run."""
        seed = self.seed_of(which)
        try:
            return run(self.scenario, seed, policy, self.world, record=record)
        except StepTooLong as error:
            error.add_note(f"it was {which}, seed {seed!r}")
            raise

    def twice(self, schedules: int, *, exhaustive: bool) -> list[Which]:
        """Those of so many that are run twice; of all schedules, the one in turn."""
        if exhaustive:
            return [Which(0, path=())]
        decisions = len(self.run(Which(0)).decisions)
        return [Which(number, decisions) for number in range(0, schedules, AGAIN)]


@dataclass(frozen=True, slots=True)
class Limits:
    """When to end.

    Args:
        schedules: how many runs; None for any number.
        deadline: after which no new run begins, by `time.monotonic()`; None for never.
    """

    schedules: int | None
    deadline: float | None

    def is_late(self) -> bool:
        """Whether the time is over."""
        return self.deadline is not None and time.monotonic() >= self.deadline

    def numbers(self) -> Iterable[int]:
        """The numbers of the runs."""
        return itertools.count() if self.schedules is None else range(self.schedules)


@dataclass(frozen=True, slots=True)
class Found:
    """A run that failed."""

    which: Which
    run: Run


# What was seen


@dataclass(frozen=True, slots=True)
class Exploration:
    """What `explore()` has seen.

    Args:
        schedules: runs.
        distinct: how many of them were different from all others.
        steps: switch points that were passed, in all runs.
        decisions: those at which more than one could go on.
        faults: how often something that was injected has struck.
        seconds: real time.
        complete: whether these were all schedules with so many preemptions; None when they weren't gone through.
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


class Seen:
    """What was seen so far."""

    def __init__(self) -> None:
        self.schedules = 0
        self.steps = 0
        self.decisions = 0
        self.ways: set[int] = set()
        self.faults: Counter[tuple[str, str, str, str]] = Counter()

    def add(self, came: Run) -> None:
        """See one more."""
        self.schedules += 1
        self.steps += came.steps
        self.decisions += len(came.decisions)
        self.ways.add(hash(tuple(came.decisions)))
        for target, fired in came.faults:
            self.faults[target] += fired

    def merge(self, other: Seen) -> None:
        """See what somebody else has seen."""
        self.schedules += other.schedules
        self.steps += other.steps
        self.decisions += other.decisions
        self.ways |= other.ways
        for target, fired in other.faults.items():
            self.faults[target] += fired

    def report(self, seconds: float, complete: bool | None) -> Exploration:  # noqa: FBT001
        """Sum it up."""
        return Exploration(
            schedules=self.schedules,
            distinct=len(self.ways),
            steps=self.steps,
            decisions=self.decisions,
            faults=self.faults.total(),
            seconds=max(seconds, 1e-9),
            complete=complete,
        )

    def check(self, explored: Exploration) -> None:
        """See that something was explored."""
        if not self.decisions:
            msg = f"{explored}: there was never more than one actor that could go on"
            raise NothingExplored(f"{msg}; have several at work, and wait for them when all were told what to do")
        never = [target for target in sorted(self.faults) if not self.faults[target]]
        if never:
            names = "\n".join(f"  {what} of {actor} at {at!r}, message {about}" for what, actor, at, about in never)
            msg = f"{explored}; what was injected never struck:\n{names}\nsee that the actor comes there, and how often"
            raise NothingExplored(msg)


# Going


def go_around(plan: Plan, seen: Seen, limits: Limits) -> Found | None:
    """Run one schedule after the other; return one that fails."""
    decisions = 0
    for number in limits.numbers():
        if number and limits.is_late():
            break
        which = Which(number, decisions)
        twice = number % AGAIN == 0
        came = plan.run(which, record=twice)
        seen.add(came)
        if number == 0:
            decisions = len(came.decisions)
        if came.error is not None:
            return Found(which, came)
        if twice:
            compare(which, came, plan.run(which, record=True))
    return None


def go_through(plan: Plan, seen: Seen, limits: Limits, preemptions: int | None) -> tuple[Found | None, bool]:
    """Run all schedules with so many preemptions; return one that fails, and whether these were all."""
    systematic = Systematic(preemptions)
    while True:
        which = Which(seen.schedules, path=systematic.path)
        twice = which.number % AGAIN == 0
        came = plan.run_by(systematic, which, record=twice)
        seen.add(came)
        if came.error is not None:
            return Found(which, came), False
        if systematic.strayed:
            raise NotDeterministic(
                str(which), len(which.path or ()), "a decision among more, in the run before", "a decision among fewer"
            )
        if twice:
            compare(which, came, plan.run(which, record=True))
        if not systematic.advance():
            return None, True
        if seen.schedules == limits.schedules or limits.is_late():
            return None, False


def compare(which: Which, one: Run, other: Run) -> None:
    """See that a run came out as it did before.

    Raises:
        NotDeterministic: it didn't.
    """
    if one.trace and other.trace:
        difference = first_difference(one.trace, other.trace)
    else:
        difference = first_difference(
            [f"decision {made}" for made in one.decisions], [f"decision {made}" for made in other.decisions]
        )
    if difference is None and one.failure != other.failure:
        ends = [str(came.failure or "the scenario passes") for came in (one, other)]
        difference = (len(other.trace) + 1, ends[0], ends[1])
    if difference is not None:
        raise NotDeterministic(str(which), *difference) from (one.error or other.error)
