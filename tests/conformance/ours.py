"""Plays scenarios on our runtime: in a simulation, or on threads with a clock that stands still."""

from __future__ import annotations

from contextlib import suppress
from typing import Literal

from actors import ActorDied, Runtime
from actors.testing import ManualClock, System, settle
from tests.conformance.cast import start
from tests.conformance.language import Scenario
from tests.conformance.outcome import Outcome
from tests.conformance.world import World

__all__ = ["play", "play_on_threads"]

LONGEST = 1_000
"""Switch points after which a scenario never comes to rest: none takes more than 250."""


def play(scenario: Scenario, seed: object = 0) -> Outcome:
    """Play a scenario in a simulation, in the schedule that a seed says."""
    with System(seed, record=False, max_steps=LONGEST) as system:
        system.expect_crash(BaseException, times=None, at_least=0)
        return World(start, system.run_until_idle, system.advance).play(scenario)


def play_on_threads(scenario: Scenario, runs_on: Literal["shared", "thread"]) -> Outcome:
    """Play a scenario on real threads."""
    clock = ManualClock()

    def advance(seconds: float) -> None:
        clock.advance(seconds)
        settle()

    with Runtime(clock=clock) as runtime:
        world = World(start, settle, advance, runs_on)
        try:
            return world.play(scenario)
        finally:
            for ref in world.refs.values():
                with suppress(ActorDied):
                    ref.kill()
            runtime.close(5.0)
