"""The product with one method broken, and how soon that is found."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal
from unittest import mock

from actors.testing.threads import FailedSchedule
from tests.lines.world import LineScenario

__all__ = ["MUTANTS", "Found", "Mutant", "StaleMutant", "first_failure", "mutant"]


class StaleMutant(AssertionError):
    """The method that a mutant replaces isn't the one any more that it was made from."""


@dataclass(frozen=True)
class Found:
    """In which schedule, from 1, a scenario failed; and by what."""

    schedule: int
    error: BaseException


@dataclass(frozen=True)
class Mutant:
    """One method of the product, replaced by a broken one.

    Args:
        where: the class, or the module.
        name: the method, or the function.
        source: the digest of the original that it was made from.
        broken: what stands in its place.
        scenario: what finds it: a function of a seed, which runs actors; or what threads do, line by line.
        schedules: in how many of them, at most.
    """

    where: Any
    name: str
    source: str
    broken: Callable[..., Any]
    scenario: Callable[..., Any]
    schedules: int

    @property
    def what(self) -> str:
        return self.broken.__name__.replace("_", " ").strip()

    @property
    def level(self) -> Literal["actors", "lines"]:
        return "lines" if self.scenario.__module__.startswith("tests.lines") else "actors"

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Have the product broken.

        Raises:
            StaleMutant: the original has changed.
        """
        original = inspect.getattr_static(self.where, self.name)
        digest = digest_of(original)
        if digest != self.source:
            msg = f"{self.where.__name__}.{self.name} has changed; make {self.broken.__name__}() anew from it, and then"
            raise StaleMutant(f"{msg} give it source={digest!r}")
        with mock.patch.object(self.where, self.name, self.broken):
            yield

    def hunt(self) -> Found | None:
        """Run the scenario until it fails by the mutant; None when it never does."""
        with self.applied():
            return first_failure(self.scenario, self.schedules, also=[sys.modules[self.broken.__module__]])


def digest_of(function: Any) -> str:
    """What changes when the function is written otherwise."""
    return hashlib.sha256(inspect.getsource(function).encode()).hexdigest()[:12]


def first_failure(scenario: Callable[..., Any], schedules: int, also: Sequence[ModuleType] = ()) -> Found | None:
    """Run a scenario of either level with seeds from 0; None when it never fails.

    Args:
        also: whose lines count as those of the product do.
    """
    if scenario.__module__.startswith("tests.lines"):
        threads: LineScenario = scenario()
        try:
            threads.explore(schedules, also)
        except FailedSchedule as failed:
            return Found(failed.schedule, failed.error)
        return None
    for seed in range(schedules):
        try:
            scenario(seed)
        except Exception as error:
            return Found(seed + 1, error)
    return None


MUTANTS: list[Mutant] = []


def mutant(
    where: Any, name: str, source: str, scenario: Callable[..., Any], *, schedules: int = 1000
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Have the function below stand in for a method of the product."""

    def enter(broken: Callable[..., Any]) -> Callable[..., Any]:
        MUTANTS.append(Mutant(where, name, source, broken, scenario, schedules))
        return broken

    return enter
