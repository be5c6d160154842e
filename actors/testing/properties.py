"""Hypothesis with simulated actors: what they are told, what goes wrong and who goes on are drawn together.

This module imports `hypothesis`, which no other does.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar, get_args

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize

from actors.testing._policy import InTurn, RandomWalk
from actors.testing.system import System

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from hypothesis.strategies import SearchStrategy

    from actors.testing._injection import Fault, Selector

__all__ = ["Case", "DrawnFault", "FaultKind", "SystemMachine", "cases", "faults", "seeds"]

C = TypeVar("C")

FaultKind: TypeAlias = Literal["crash", "kill"]

_SEEDS = 2**32


def seeds() -> SearchStrategy[int]:
    """Draw what a schedule hangs on; 0 is the simplest, in which everybody goes on in turn."""
    return st.integers(0, _SEEDS - 1)


def _new_system(seed: int) -> System:
    system = System(seed, policy=RandomWalk(seed) if seed else InTurn())
    if not seed:
        # By its seed alone they would go on by chance.
        system.again = "System(0, policy=actors.testing.explore.InTurn())"
    return system


@dataclass(frozen=True)
class DrawnFault:
    """Something that is to go wrong: what `faults()` draws.

    Args:
        kind: `"crash"` or `"kill"`.
        actor: whom it strikes.
        point: where in its code.
        nth: the n-th time that it comes there.
    """

    kind: FaultKind
    actor: Selector
    point: str
    nth: int

    def inject(self, system: System) -> Fault:
        """Have it go wrong in this system, if it comes to that."""
        inject = system.kill_at if self.kind == "kill" else system.crash_at
        return inject(self.actor, self.point, nth=self.nth, must_strike=False)


def faults(
    *actors: Selector,
    kinds: Sequence[FaultKind] = get_args(FaultKind),
    points: Sequence[str] = ("receive", "handled"),
    up_to: int = 10,
) -> SearchStrategy[DrawnFault]:
    """Draw what goes wrong.

    Args:
        actors: who may be struck: refs, classes, or names such as `"Worker-2"`.
        kinds: in which ways.
        points: where: `"receive"`, before a message is handled; `"handled"`, after it; `"on_start"`, as it starts; or a
            switch point, `"register"`.
        up_to: how often an actor has come there at most.
    """
    return st.builds(
        DrawnFault, st.sampled_from(kinds), st.sampled_from(actors), st.sampled_from(points), st.integers(1, up_to)
    )


@dataclass(frozen=True)
class Case(Generic[C]):
    """One case of a test: what `cases()` draws.

    Args:
        seed: of the schedule.
        commands: what the test is to do, in this order.
        faults: what goes wrong.
    """

    seed: int
    commands: list[C]
    faults: list[DrawnFault]

    @contextmanager
    def system(self) -> Generator[System]:
        """A system for the case, in which what was drawn goes wrong."""
        with _new_system(self.seed) as system:
            for fault in self.faults:
                fault.inject(system)
            yield system


def cases(
    commands: SearchStrategy[C],
    faults: SearchStrategy[DrawnFault] | None = None,
    *,
    max_commands: int = 20,
    max_faults: int = 3,
) -> SearchStrategy[Case[C]]:
    """Draw commands, faults and one seed: all that a run hangs on.

    Args:
        commands: draws one of what the test can do.
        faults: draws one of what can go wrong; nothing does by default.
        max_commands: how many commands at most.
        max_faults: how many faults at most.

    Example:
        @given(cases(st.sampled_from(["u1", "u2"]), faults("Worker-1", "Worker-2")))
        def test_no_user_is_synced_twice_at_once(case):
            with case.system() as system:
                job = start_job()
                for user in case.commands:
                    job.tell(user)
                system.run_until_idle()
                assert not job.overlaps
    """
    drawn_faults: SearchStrategy[list[DrawnFault]] = (
        st.just([]) if faults is None else st.lists(faults, max_size=max_faults)
    )
    return st.builds(Case, seeds(), st.lists(commands, max_size=max_commands), drawn_faults)


class SystemMachine(RuleBasedStateMachine):
    """A state machine whose rules act on simulated actors: each of its runs has a system, whose seed is drawn.

    Start the actors in `begin()`; `initialize` rules of your own come after it, in any order. Rules tell and ask, let
    time pass, or inject what goes wrong; invariants are looked at between them.

    Example:
        class Locks(SystemMachine):
            def begin(self):
                self.clerk = Clerk.start()

            @rule(key=st.sampled_from("ab"))
            def take(self, key):
                self.clerk.tell(("take", key))

            @rule(fault=faults(Clerk))
            def something_goes_wrong(self, fault):
                fault.inject(self.system)

            @rule()
            def wait(self):
                self.system.run_until_idle()

            @invariant()
            def no_key_is_held_twice(self):
                assert ...

        TestLocks = Locks.TestCase
    """

    system: System
    """The system of this run."""

    def __init__(self) -> None:
        super().__init__()
        # Hypothesis takes them in any order, and has no other way to say which comes first.
        self._first: list[Any] = getattr(self, "_initialize_rules_to_run", [])
        self._after_begin = [rule for rule in self._first if rule.function.__name__ != "_begin"]
        self._first[:] = [rule for rule in self._first if rule not in self._after_begin]

    @initialize(seed=seeds())
    def _begin(self, seed: int) -> None:
        self._first += self._after_begin
        self.system = _new_system(seed)
        self.system.__enter__()
        self.begin()

    def begin(self) -> None:
        """Start the actors; called once in each run, before any rule."""

    def teardown(self) -> None:
        """End the system; what is wrong then fails the run, unless something has before."""
        system: Any = getattr(self, "system", None)
        if system is not None:
            system.__exit__(*sys.exc_info())
