"""A simulated world of actors for one test."""

from __future__ import annotations

import functools
import hashlib
import random
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias, TypeVar, get_args

from actors._clock import check_seconds
from actors._kill import kill
from actors._mail import unwrapped
from actors.errors import ProcessKilled
from actors.inspection import _holds
from actors.messages import Crashed
from actors.runtime import current_runtime
from actors.testing._deadlocks import whom_it_awaits
from actors.testing._held_locks import locks_of, refuse_held
from actors.testing._injection import (
    ANY,
    Fault,
    Faults,
    Held,
    InjectedCrash,
    Matcher,
    NeverStruck,
    Selector,
    check_count,
    check_point,
    check_selector,
    holds,
    matches,
    selects,
)
from actors.testing._plain import simulated
from actors.testing._policy import Policy, RandomWalk
from actors.testing._post import Dropped, Post, is_users
from actors.testing._shown import name_of, shown
from actors.testing._simulated import SimulatedRuntime, crash_of
from actors.testing._simulation import MAX_STEPS, TURNS_EACH, Livelock, Simulation, messages_of
from actors.testing._stand_ins import RunningIn, package_called, stand_ins
from actors.testing._told import LAST_STEPS, Step, has_story, sequence_diagram, source_of
from actors.testing._watch import watch
from actors.testing.probe import Probe

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    import pykka

    from actors._process import Process
    from actors.runtime import Runtime

__all__ = ["Delivery", "NotReached", "System", "UnexpectedCrash"]

Delivery: TypeAlias = Literal["runtime", "otp"]

A = TypeVar("A", bound="pykka.Actor")
T = TypeVar("T")

_LAST = 30
"""Steps that a failure shows."""

_TURNS_AT_END = 1000
"""Turns that those have who go on for ever, when the test is over."""

_NOT_ENTERED = "this system isn't entered yet, and does and checks nothing before: with System() as system: ..."

_ENDED = "this system has ended, and does and checks nothing any more: have it do that inside of its `with` or fixture"

_MAIL = "mail"
"""Where messages are lost: no point of anybody's code."""

_POINTS = {"before": "receive", "after": "handled"}
"""Where it is, in an actor's code, that it is before its handler's work or after it."""


class NotReached(AssertionError):
    """What a test waited for by `run_until()` has not come to hold in its time; the message says what, and how long."""


class UnexpectedCrash(AssertionError):
    """Actors crashed, and the test didn't say that they would; or didn't, and it did."""


class System:
    """A world in which the product's own actors run in one thread, in virtual time, one step after the other.

    At each *switch point*, where an actor's code enters the runtime (tell, ask, a wait, start, stop, link, monitor,
    register, lookup, put, a timer, `sleep()`, `checkpoint()`), the seed decides who goes on; between two of them an
    actor's code is atomic. The same seed makes the same run. Time stands still while anybody can run, and jumps to the
    next timer when the test waits and nobody can.

        with System(seed=7) as system:
            counter = Counter.start()
            assert counter.ask("add") == 1

    The test itself isn't interrupted: others run while it waits, by `get()`, `ask()`, `stop()` and the methods here.

    Args:
        seed: any value; decides everything that is left open.
        policy: who goes on at a switch point; by default anybody may, as the seed says.
        delivery: when messages, exits and Downs arrive: `"runtime"` at once, as in the runtime; `"otp"` any time later,
            as long as what one actor sends to one other comes in the order in which it was sent (A28). Kills, answers,
            timers, events of a queue, and all that goes to an actor with a bound on its mailbox come at once in both.
        record: whether to keep the trace, for `trace`, `digest` and `story()`; a run is quicker without.
        max_steps: switch points after which a run is taken for one that never ends, and fails with `Livelock`; it is
            when somebody, such as a coroutine, has gone on so often without any, too, in one wait of the test's, or has
            looked at `time.monotonic()` so often while time stood still.
        max_time: the same, in virtual seconds.
        step_seconds: seconds of real time that an actor's code may take between two switch points; past it the test
            fails with `StepTooLong`, which shows where it was. In the main thread, the call is interrupted; elsewhere
            the test fails when it returns. Nobody is hurried in a debugger.

    Raises:
        TypeError: `policy` is none.
        ValueError: `delivery` is another; a number is none, or below 1.
    """

    def __init__(  # noqa: PLR0913 - each says another thing
        self,
        seed: object = 0,
        *,
        policy: Policy | None = None,
        delivery: Delivery = "runtime",
        record: bool = True,
        max_steps: int = MAX_STEPS,
        max_time: float = 1_000_000.0,
        step_seconds: float = 30.0,
    ) -> None:
        check_count(max_steps, "max_steps")
        check_seconds(max_time, "max_time")
        check_seconds(step_seconds, "step_seconds")
        self.seed = seed
        self.again = f"seed={seed!r}"
        """How to have the same run again, as a failure says it."""
        self._simulation = Simulation(
            RandomWalk(seed) if policy is None else policy,
            max_steps=max_steps,
            max_time=max_time,
            step_seconds=step_seconds,
        )
        if policy is not None and not hasattr(policy, "next_of"):
            raise TypeError(f"policy must be a Policy, such as InTurn(), or None; got {policy!r}")
        if delivery not in get_args(Delivery):
            raise ValueError(f"delivery must be 'runtime' or 'otp'; got {delivery!r}")
        if delivery == "otp":
            self._simulation.post = Post(self._simulation)
        self._runtime = SimulatedRuntime(self._simulation, seed)
        # Why nothing can be done here, nor expected, while that is so.
        self._refusal: str | None = _NOT_ENTERED
        self._trace: list[Step] = []
        self._faults = Faults()
        self._simulation.injected = self._faults.injected
        self._must_strike = True
        self._must_crash = True
        self._is_checked = True
        self._crashes: list[tuple[Process, BaseException]] = []
        self._seen_crashes: list[tuple[Process, BaseException]] = []
        # While timers come after the test: whose crashes are the test's still, until so many messages are handled.
        self._left_to_do: dict[Process, int] | None = None
        self._expected: list[_Expected] = []
        self._invariants: list[Callable[[], object]] = []
        self._story: str | None = None
        # Those that actors have at hand, and may not hold while others go on.
        self._locks: dict[Process, list[tuple[str, Any]]] = {}
        self._running_in = RunningIn(self._simulation)
        if record:
            self._simulation.listeners.append(self._note)
        self._simulation.ended = self._ended
        self._simulation.begun = self._begun

    # Life

    def __enter__(self) -> Self:
        self._runtime.__enter__()
        self._refusal = None
        self._running_in.__enter__()
        watch.add(self._simulation)
        stand_ins.replace_around(package_called())
        return self

    def __exit__(
        self, exception_type: type[BaseException] | None, failure: BaseException | None, tb: TracebackType | None
    ) -> None:
        exception = failure
        if exception is None and self._is_checked:
            try:
                self._see_the_end()
            except BaseException as late:  # noqa: BLE001 - raised when all have ended
                exception_type, exception, tb = type(late), late, None
        self._simulation.after_step = None
        interruption, self._simulation.interruption = self._simulation.interruption, None
        if isinstance(exception, KeyboardInterrupt) and interruption is not None:
            # It came a moment too late for the step.
            exception_type, exception, tb = type(interruption), interruption, None
        if exception is not None:
            self.explain(exception)
        elif self._trace and (self._crashes or self._expected or self.faults):
            # As it is before all are ended, for what is told of after that.
            self._story = self.story()
        # Nobody is told of anything else when it has failed, or was skipped.
        self._simulation.has_failed = exception is not None or not self._is_checked
        try:
            self._exit_runtime(exception_type, exception, tb)
        finally:
            try:
                self._simulation.close()
            finally:
                self._refusal = _ENDED
                self._running_in.__exit__()
                watch.remove(self._simulation)
        if exception is None and self._is_checked:
            self.check_crashes()
            self._check_stuck()
            self._check_expected()
            self._check_faults()
        elif exception is not None and exception is not failure:
            raise exception from None

    def _see_the_end(self) -> None:
        """Have those run who can; and see what is to hold until then, and who waits for ever for a lock."""
        simulation = self._simulation
        if self._invariants or simulation.waits_in_vain():
            # Some may go on for ever; those are seen for long enough.
            with suppress(Livelock):
                self.run_until_idle()
        else:
            self._go_on_for_a_while()
        simulation.after_step = None
        if simulation.waits_in_vain():
            # Timers that come after the test are none of its story.
            self._story = self.story()
            self.check_crashes()
            self._left_to_do = self._to_be_handled()
            try:
                simulation.see_who_is_stuck()
            finally:
                self._left_to_do = None

    def _go_on_for_a_while(self) -> None:
        """Have those run who can: to be stopped might come before what was sent, and what follows from that."""
        simulation = self._simulation
        last = simulation.turns + _TURNS_AT_END + TURNS_EACH * sum(map(messages_of, self._runtime.processes()))
        # Who goes on for ever comes to many switch points, too; one who does so within a turn is a Livelock.
        last_step = 0.9 * simulation.max_steps
        simulation.run_until(lambda: simulation.turns > last or simulation.steps > last_step, 0.0)

    def _to_be_handled(self) -> dict[Process, int]:
        """How many messages each will have handled, who has some, when those are done."""
        at_work = [process for process in self._runtime.processes() if messages_of(process)]
        return {process: process.handled + messages_of(process) for process in at_work}

    def _exit_runtime(
        self, exception_type: type[BaseException] | None, exception: BaseException | None, tb: TracebackType | None
    ) -> None:
        try:
            self._runtime.__exit__(exception_type, exception, tb)
        except Livelock:
            # Those that went on without end are why it has failed, and resist their end; they are unwound next.
            if not self._simulation.has_failed:
                raise

    def _check_entered(self) -> None:
        """Refuse to do or expect anything, where nothing would come of it.

        Raises:
            RuntimeError: the system isn't entered yet, or has ended.
        """
        if self._refusal is not None:
            raise RuntimeError(self._refusal)

    def _check_stuck(self) -> None:
        deadlock = self._simulation.stuck
        if deadlock is not None:
            self.explain(deadlock)
            raise deadlock

    @functools.cached_property
    def random(self) -> random.Random:
        """For users' code that needs chance: as the seed says."""
        return random.Random(f"{self.seed} of users")

    @property
    def runtime(self) -> Runtime:
        """The runtime of the simulation."""
        return self._runtime

    # Time

    def now(self) -> float:
        """Return the virtual seconds since the beginning."""
        return self._simulation.clock.now()

    def run_until_idle(self) -> None:
        """Have everybody run until nobody can; time stands still.

        Raises:
            RuntimeError: the system isn't entered yet, or has ended; so with all that does or expects something.
        """
        self._check_entered()
        self._check_invariants()
        self._simulation.run_until_idle()

    def advance(self, seconds: float) -> None:
        """Let time pass, and everybody run who can meanwhile, each at his time.

        Raises:
            ValueError: `seconds` is no finite number, or negative: time doesn't go back.
        """
        self._check_entered()
        check_seconds(seconds, "seconds")
        self._check_invariants()
        self._simulation.advance(seconds)
        self._check_invariants()

    def run_until(self, condition: Callable[[], object], *, within: float = 60.0) -> None:
        """Have everybody run, and time pass, until a condition holds; it is looked at after each step.

        Args:
            condition: called amid the work of actors, so it only looks, as a check of `always()` does.
            within: virtual seconds.

        Raises:
            Deadlock: it never will: nobody can run, and there is no timer that would let time pass.
            NotReached: the time was over before.
            RuntimeError: `condition` asks, tells, stops or starts actors, sets timers or waits.
            TypeError: `condition` can't be called.
            ValueError: `within` is no finite number of seconds, or negative.
        """
        self._check_entered()
        if not callable(condition):
            raise TypeError(f"condition must be a function that looks whether something holds; got {condition!r}")
        check_seconds(within, "within")
        self._check_invariants()
        look = functools.partial(self._look_at, condition, condition, "run_until()")
        if not self._simulation.run_until(look, within, must_come=True):
            error = NotReached(f"{source_of(condition)} has not come to hold within {within} seconds")
            self.explain(error)
            raise error

    def always(self, check: Callable[[], object]) -> None:
        """Have something hold from now on, until the end of the test, when nobody can run any more: an invariant.

        It is looked at after each step, and by the methods that have actors run, also when none does. At the end of the
        test those have their turn first who can run; while all are stopped after that, it needn't hold.

        Args:
            check: called by the test's own code after each step, amid the work of actors, so it only looks: one that
                asks, tells, stops or starts actors, sets timers or waits fails the test with a `RuntimeError`. It holds
                when it returns None or what is true; it fails by an exception, or by anything else: False, 0, an empty
                list. When it has failed it isn't looked at again.

        Raises:
            TypeError: `check` can't be called.
        """
        self._check_entered()
        if not callable(check):
            raise TypeError(f"check must be a function that looks whether something holds; got {check!r}")
        self._invariants.append(check)
        self._simulation.after_step = self._check_invariants

    def _check_invariants(self) -> None:
        self._simulation.refuse_looker("has the simulation go on")
        for check in self._invariants:
            it_holds = False
            try:
                it_holds = holds(self._look_at(check, check, "always()"))
            finally:
                if not it_holds:
                    # It is told of once.
                    self._invariants.remove(check)
            if not it_holds:
                raise AssertionError(f"what is to hold always doesn't: {source_of(check)}")

    def _look_at(self, look: Callable[[], T], given: object, to: str) -> T:
        """Call what only looks; in words, what was given by the test, and to what."""
        simulation = self._simulation
        simulation.looker = (given, to)
        drops, simulation.drops = simulation.drops, self._refuse_to_send
        try:
            return look()
        finally:
            simulation.looker, simulation.drops = None, drops

    def _refuse_to_send(self, _process: Process, message: object) -> bool:
        self._simulation.refuse_looker(f"sends {shown(unwrapped(message))}")
        return False

    # What happens

    def uuid4(self) -> uuid.UUID:
        """Return a random UUID, as the seed says."""
        return uuid.UUID(int=self.random.getrandbits(128), version=4)

    @property
    def trace(self) -> list[Step]:
        """What has happened, step by step."""
        return list(self._trace)

    @property
    def digest(self) -> str:
        """The trace in short: two runs have the same one when they did the same."""
        return hashlib.sha256("\n".join(map(str, self._trace)).encode()).hexdigest()[:16]

    def story(self) -> str:
        """Tell the last steps, who is there, and how to have it again; what a failure shows, once."""
        if self._story is not None:
            return self._story
        steps = "\n".join(f"  {step}" for step in self._trace[-_LAST:]) or "  nothing"
        there = "\n".join(f"  {_at_work(process)}" for process in self._runtime.processes()) or "  nobody"
        return f"{LAST_STEPS}:\n{steps}\nthe actors:\n{there}\nagain with: {self.again}"

    def explain(self, error: BaseException) -> None:
        """Add the story to what a test fails with, as a note, unless it has one."""
        if not has_story(error):
            error.add_note(self.story())

    def mermaid(self) -> str:
        """Show the trace as a sequence diagram, in the language of Mermaid."""
        return sequence_diagram(self._trace)

    def probe(self) -> Probe:
        """Start an actor that keeps what it gets for the test to look at.

        Raises:
            RuntimeError: the system isn't entered, or has ended, or another was entered within it.
        """
        self._check_entered()
        if current_runtime() is not self._runtime:
            raise RuntimeError("a probe lives in a system that is entered: with System() as system: system.probe()")
        return Probe(self)

    def adopt(self, cls: type[A]) -> type[A]:
        """Return a class of plain Pykka actors that do what those of `cls` do, in the simulation.

        Raises:
            TypeError: `cls` is no class of plain Pykka actors.

        Example:
            Legacy = system.adopt(LegacyThreadingActor)
            ref = Legacy.start()
        """
        return simulated(cls)

    # Faults: each that must strike, and never does, fails the test at its end

    def crash(  # noqa: PLR0913 - each says another thing
        self,
        actor: Selector,
        exception: BaseException | type[BaseException] | None = None,
        *,
        message: Matcher = ANY,
        nth: int = 1,
        when: Literal["before", "after"] = "before",
        must_strike: bool = True,
    ) -> Fault:
        """Have an actor crash at its n-th message, or its n-th that matches.

        Of a worker, messages are the events that it handles, here and in all other faults; those that `handle_events`
        gets together count as one, which matches when any of them does.

        Args:
            actor: a ref, a class, or a name such as `"Worker-2"`; the n-th message of all that are meant.
            exception: what is raised; by default an `InjectedCrash`.
            when: before its handler begins; or after it has done its work, and before it answers, or an event is done.
            must_strike: whether the test fails at its end when this has never struck, as of all faults.

        Raises:
            TypeError: `actor` names no actor, or `exception` can't be raised.
            ValueError: `nth` is no whole number, or below 1; or `when` is neither.
        """
        if when not in _POINTS:
            raise ValueError(f"when must be 'before' or 'after' its handler's work; got {when!r}")
        return self._raise(actor, exception, _POINTS[when], message, nth, must_strike=must_strike)

    def crash_at(  # noqa: PLR0913 - each says another thing
        self,
        actor: Selector,
        point: str,
        exception: BaseException | type[BaseException] | None = None,
        *,
        message: Matcher = ANY,
        nth: int = 1,
        must_strike: bool = True,
    ) -> Fault:
        """Have an actor crash when it comes to a point of its code, such as `"register"`, for the n-th time.

        Raises:
            TypeError: as of `crash()`.
            ValueError: there is no such point; or `nth` is no whole number, or below 1.
        """
        check_point(point)
        return self._raise(actor, exception, point, message, nth, must_strike=must_strike)

    def kill_at(
        self, actor: Selector, point: str, *, message: Matcher = ANY, nth: int = 1, must_strike: bool = True
    ) -> Fault:
        """Have an actor killed, by nobody, when it comes to a point of its code for the n-th time.

        Raises:
            TypeError: `actor` names no actor.
            ValueError: as of `crash_at()`.
        """
        check_point(point)
        return self._inject(Fault("kill", actor, point, message, nth, kill, must_strike=must_strike))

    def fail_start(
        self,
        actor: Selector,
        exception: BaseException | type[BaseException] | None = None,
        *,
        times: int = 1,
        must_strike: bool = True,
    ) -> list[Fault]:
        """Have the next starts of an actor fail, as many as `times`: a crash at its point `"on_start"`.

        Raises:
            TypeError: as of `crash()`.
            ValueError: `times` is no whole number, or below 1.
        """
        check_count(times, "times")
        numbers = range(1, times + 1)
        return [self._raise(actor, exception, "on_start", ANY, nth, must_strike=must_strike) for nth in numbers]

    def slow(
        self,
        actor: Selector,
        seconds: float,
        *,
        message: Matcher = ANY,
        nth: int | None = None,
        must_strike: bool = True,
    ) -> Fault:
        """Have an actor's handlers take so many virtual seconds before they begin: the n-th, or all.

        Raises:
            TypeError: `actor` names no actor.
            ValueError: `seconds` is no finite number, or negative; or `nth` is no whole number, or below 1.
        """
        check_seconds(seconds, "seconds")

        def wait(process: Process) -> None:
            process.wait(self._simulation.new_waiter(), seconds)

        return self._inject(Fault("slow", actor, "receive", message, nth, wait, must_strike=must_strike))

    def hold(
        self, actor: Selector, at: str = "receive", *, message: Matcher = ANY, nth: int = 1, must_strike: bool = True
    ) -> Held:
        """Hold an actor when it comes to a point of its code for the n-th time, until `release()` of what is returned.

        A coroutine that is held holds up the event loop, and with it all async actors of the simulation.

        Raises:
            TypeError: `actor` names no actor.
            ValueError: there is no such point; or `nth` is no whole number, or below 1.
        """
        check_point(at, "at")
        held = Held(at)
        self._inject(Fault("hold", actor, at, message, nth, held.wait, must_strike=must_strike))
        return held

    def drop(self, actor: Selector, message: Matcher = ANY, *, nth: int | None = 1, must_strike: bool = True) -> Fault:
        """Have a message to an actor be lost on its way: its n-th that matches, or all.

        Only what users send, by tell, ask or a timer, is ever lost; who asked waits in vain. No exit, no Down, no
        answer, nothing of a queue's.

        Args:
            nth: which time, from 1; None for each.

        Raises:
            TypeError: `actor` names no actor.
            ValueError: `nth` is no whole number, or below 1.
        """

        def lose(_process: Process) -> None:
            raise Dropped

        fault = self._add(Fault("drop", actor, _MAIL, message, nth, lose, must_strike=must_strike))
        self._simulation.drops = self._drops
        return fault

    def _drops(self, process: Process, message: object) -> bool:
        if not is_users(message):
            return False
        content = unwrapped(message)
        try:
            self._faults.at(process, _MAIL, (content,))
        except Dropped:
            self._simulation.note(process, "dropped", (content,))
            self._simulation.lost.append((process, content))
            return True
        return False

    def _raise(  # noqa: PLR0913 - each says another thing
        self,
        actor: Selector,
        exception: BaseException | type[BaseException] | None,
        point: str,
        message: Matcher,
        nth: int,
        *,
        must_strike: bool,
    ) -> Fault:
        made = InjectedCrash if exception is None else exception
        if not isinstance(made, BaseException) and not (isinstance(made, type) and issubclass(made, BaseException)):
            raise TypeError(f"exception must be an exception, or a class of exceptions; got {exception!r}")
        make = made if isinstance(made, type) else lambda: made
        if isinstance(made, type):
            _check_makes(made)
        act = self._faults.raising(make)
        return self._inject(Fault("crash", actor, point, message, nth, act, must_strike=must_strike))

    def _inject(self, fault: Fault) -> Fault:
        strikes = self._simulation.strikes
        if self._faults.at not in strikes:
            strikes.append(self._faults.at)
        return self._add(fault)

    def _add(self, fault: Fault) -> Fault:
        self._check_entered()
        return self._faults.add(fault)

    @property
    def faults(self) -> list[Fault]:
        """All that were injected, with how often each has struck."""
        return self._faults.all()

    # Crashes

    def expect_crash(
        self,
        exception: Matcher = Exception,
        *,
        actor: Selector | None = None,
        times: int | None = 1,
        at_least: int = 1,
    ) -> None:
        """Say that actors will crash; the test fails at its end when they don't, or when others do.

        Args:
            exception: what is raised: a class, an exception with the same `args`, or a function.
            actor: who; None for anybody.
            times: how often; None for any number of times.
            at_least: how often, when it is any number of times; 0 when they may come, and needn't.

        Raises:
            TypeError: `actor` names no actor; or `exception` is nothing that an exception could match.
            ValueError: `times` is no whole number, or below 1; or `at_least` is none, or below 0.
        """
        self._check_entered()
        if actor is not None:
            check_selector(actor)
        _check_matches_exceptions(exception)
        check_count(at_least, "at_least", least=0)
        if times is not None and (not isinstance(times, int) or isinstance(times, bool) or times < 1):
            raise ValueError(f"times must be a whole number >= 1, or None for any number of times; got {times!r}")
        self._expected.append(_Expected(exception, actor, times, at_least))

    def check_crashes(self) -> None:
        """See that none has crashed but those who were expected to; of each crash it tells once. Called at the end.

        Raises:
            UnexpectedCrash: it says which.
        """
        crashes, self._crashes = self._crashes, []
        # Those that fit the fewest first, so that a wider one takes none that a narrower one could.
        self._seen_crashes += crashes
        fitting = sorted(self._expected, key=self._width_of)
        unexpected = [crash for crash in crashes if not any(one.takes(*crash) for one in fitting)]
        if unexpected:
            error = unexpected[0][1]
            who = ", ".join(f"{name_of(process)} crashed of {shown(error)}" for process, error in unexpected)
            others = "".join(f"\n  {one}" for one in self._expected)
            but = f"; what was expected:{others}" if others else ""
            crash = UnexpectedCrash(f"{who}; expect_crash() it, if that is meant{but}")
            self.explain(crash)
            raise crash from error

    def _width_of(self, expected: _Expected) -> tuple[int, bool]:
        """How many crashes it could take; of two that could take as many, one that takes any number comes last."""
        return sum(expected.fits(*crash) for crash in self._seen_crashes), expected.takes_any_number

    def leave_unchecked(self) -> None:
        """Have nothing more be looked for at the end: the test has failed, which says more, or was skipped."""
        self._is_checked = False

    def _check_expected(self) -> None:
        """See that there were the crashes that were expected."""
        missed = [one for one in self._expected if one.is_missed]
        if missed and self._must_crash:
            crash = UnexpectedCrash("; ".join(map(str, missed)))
            self.explain(crash)
            raise crash

    def _check_faults(self) -> None:
        """See that all have struck that must."""
        if self._must_strike:
            try:
                self._faults.check()
            except NeverStruck as error:
                self.explain(error)
                raise

    # Told by the simulation

    def _begun(self, process: Process) -> None:
        stand_ins.replace_around(process.actor_class.__module__)
        locks = locks_of(process)
        if locks:
            self._locks[process] = locks
            self._simulation.before_leaving = self._before_leaving
        if self._faults.may_be_at("on_start"):
            actor: Any = process.actor
            on_start = actor.on_start

            def strike_first() -> object:
                del actor.on_start
                self._faults.at(process, "on_start", ())
                return on_start()

            actor.on_start = strike_first
        self._simulation.note(process, "on_start", ())

    def _before_leaving(self, body: Any) -> None:
        if body in self._locks:
            refuse_held(self._simulation, self._locks[body])

    def _note(self, process: Process, point: str, about: tuple[object, ...]) -> None:
        self._trace.append(Step(self.now(), name_of(process), point, " ".join(map(shown, about))))

    def _ended(self, process: Process) -> None:
        error = crash_of(process)
        if error is None or isinstance(error, ProcessKilled) or self._faults.was_struck_by(process, error):
            return
        if self._left_to_do is None or process.handled <= self._left_to_do.get(process, -1):
            self._crashes.append((process, error))


def _check_makes(cls: type[BaseException]) -> None:
    """Refuse a class of exceptions that can't be made without arguments.

    Raises:
        TypeError: saying what to give instead.
    """
    try:
        cls()
    except TypeError as error:
        msg = f"exception is a class that can't be called without arguments ({error}); give one: {cls.__name__}(...)"
        raise TypeError(msg) from None


def _check_matches_exceptions(matcher: Matcher) -> None:
    """Refuse what no exception can match.

    Raises:
        TypeError: saying what was expected, and what came.
    """
    if isinstance(matcher, type):
        can_match = issubclass(matcher, BaseException)
    else:
        can_match = matcher is ANY or isinstance(matcher, BaseException) or callable(matcher)
    if not can_match:
        raise TypeError(f"exception must be a class of exceptions, an exception, or a function; got {matcher!r}")


class _Expected:
    """A crash that a test expects."""

    def __init__(self, exception: Matcher, actor: Selector | None, times: int | None, at_least: int) -> None:
        self._exception = exception
        self._actor = actor
        self._times = times
        self._at_least = at_least if times is None else times
        self._seen = 0

    def takes(self, process: Process, error: BaseException) -> bool:
        """Tell whether it is this one, and count it."""
        if (self._times is not None and self._seen >= self._times) or not self.fits(process, error):
            return False
        self._seen += 1
        return True

    def fits(self, process: Process, error: BaseException) -> bool:
        """Tell whether it may be this one."""
        if self._actor is not None and not selects(self._actor, process):
            return False
        wanted = self._exception
        return Crashed(wanted) == Crashed(error) if isinstance(wanted, BaseException) else matches(wanted, error)

    @property
    def takes_any_number(self) -> bool:
        return self._times is None

    @property
    def is_missed(self) -> bool:
        return self._seen < self._at_least

    def __str__(self) -> str:
        who = "an actor" if self._actor is None else shown(self._actor)
        times = "" if self._times in (None, 1) else f" {self._times} times"
        return f"{who} was to crash of {shown(self._exception)}{times}, and did so {self._seen} times"


def _at_work(process: Process) -> str:
    what = "" if process.handling is None else f", handles {shown(process.handling)}"
    awaited = whom_it_awaits(process)
    waits = "" if awaited is None else f", waits for {name_of(awaited)}"
    held = _holds(process)
    holds = f", holds {shown(held)}" if held else ""
    return f"{name_of(process)} ({process.state}){what}{waits}{holds}, {process.mailbox_length()} more in its mailbox"
