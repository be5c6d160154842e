"""Scenarios played on both sides, and compared."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Semaphore

from tests.conformance.language import Scenario
from tests.conformance.meant import Meant, meaning
from tests.conformance.otp import Oracle
from tests.conformance.ours import play
from tests.conformance.outcome import Outcome, differences

__all__ = ["Difference", "Tally", "difference", "on_otp", "try_again", "try_all"]

SIDE_BY_SIDE = 32
"""How many are played at a time on OTP, where time passes as it does."""

LONG = 60
"""Seconds after which one that OTP still plays is given up."""

SCHEDULES = 2
"""In how many each is played here."""

REPEATS = 10
"""How often one that differs is played on OTP again, before that counts."""


UNSTABLE = 1000
"""Of so many scenarios, one may come out in more than one way on OTP; and one of fewer."""


@dataclass(frozen=True)
class Difference:
    """What came out otherwise here than on OTP.

    Args:
        scenario: of what.
        lines: what is different.
        meant: the differences that are meant and explain it.
    """

    scenario: Scenario
    lines: list[str]
    meant: list[Meant]


@dataclass
class Tally:
    """What came of many scenarios.

    Args:
        played: how many there were.
        once: how many came out otherwise once, and never again.
        unstable: those that come out on OTP in more than one way.
        meant: those that differ, and are meant to.
        different: those that differ, and are not.
    """

    played: int = 0
    once: int = 0
    unstable: list[Scenario] = field(default_factory=list)
    meant: list[Difference] = field(default_factory=list)
    different: list[Difference] = field(default_factory=list)

    @property
    def too_unstable(self) -> bool:
        """Whether more than a few come out on OTP in more than one way, so that nothing is known of them."""
        return len(self.unstable) > max(1, self.played // UNSTABLE)


def on_otp(oracle: Oracle, scenarios: Iterable[Scenario]) -> Iterator[tuple[Scenario, Outcome]]:
    """Play scenarios side by side; yield each with what came of it, in their order."""
    places = Semaphore(SIDE_BY_SIDE)
    submitted: deque[tuple[Scenario, Future[Outcome]]] = deque()
    for scenario in scenarios:
        places.acquire()
        future = oracle.submit(scenario)
        future.add_done_callback(lambda _: places.release())
        submitted.append((scenario, future))
        # The others go on when the first is one in which time passes.
        while submitted[0][1].done() and len(submitted) > 1:
            first, future = submitted.popleft()
            yield first, future.result()
    for scenario, future in submitted:
        try:
            outcome = future.result(timeout=LONG)
        except TimeoutError:
            raise TimeoutError(f"OTP didn't come to rest in {json.dumps(scenario.to_json())}") from None
        yield scenario, outcome


def difference(scenario: Scenario, theirs: Outcome) -> Difference | None:
    """Play a scenario here; return what is different from what came of it on OTP, if anything is.

    An exception that ends the play, such as a livelock, is a difference too, and never meant.
    """
    for seed in range(SCHEDULES):
        try:
            ours = play(scenario, seed)
        except Exception as error:
            return Difference(scenario, [f"{type(error).__name__} here: {error}"], [])
        lines = differences(theirs, ours)
        if lines:
            return Difference(scenario, lines, meaning(scenario, theirs, ours))
    return None


def try_all(oracle: Oracle, scenarios: Iterable[Scenario]) -> Tally:
    """Play all on both sides."""
    tally = Tally()
    for scenario, theirs in on_otp(oracle, scenarios):
        tally.played += 1
        if difference(scenario, theirs):
            _look_closer(oracle, scenario, tally)
    return tally


def _look_closer(oracle: Oracle, scenario: Scenario, tally: Tally) -> None:
    outcome = try_again(oracle, scenario)
    if outcome is None:
        tally.unstable.append(scenario)
        return
    found = difference(scenario, outcome)
    if found is None:
        tally.once += 1
    elif found.meant:
        tally.meant.append(found)
    else:
        tally.different.append(found)


def try_again(oracle: Oracle, scenario: Scenario, times: int = REPEATS) -> Outcome | None:
    """Play a scenario on OTP so many times; return what comes of it each time, or None when that isn't one thing."""
    outcomes = {json.dumps(outcome, sort_keys=True) for _, outcome in on_otp(oracle, [scenario] * times)}
    return json.loads(outcomes.pop()) if len(outcomes) == 1 else None
