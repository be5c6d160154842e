"""For tests of what is supervised: children that end with the test, and a crash at each point of their code."""

from __future__ import annotations

import functools
import inspect
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypeVar, overload

import pykka

from actors import ActorRef, GenServer, GenServerRef, current_runtime, whereis
from actors.testing import StepTooLong, System
from actors.testing._exploring import many_runs
from actors.testing._injection import check_count, check_selector, holds, selects
from actors.testing._runs import check_scenario, refuse_async
from actors.testing._shown import name_of, said_by, shown
from actors.testing._simulation import MAX_STEPS
from actors.testing._told import source_of
from actors.testing.probe import ProbeActor
from supervision.children import Child, child_spec
from supervision.errors import ChildNotFound
from supervision.supervisor import Supervisor, SupervisorRef

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from typing_extensions import Unpack

    from actors._process import Process
    from actors.child_spec import Overrides
    from actors.testing import Selector
    from actors.testing._runs import Scenario

__all__ = [
    "CrashPoint",
    "CrashSweep",
    "Outcome",
    "StartSupervised",
    "crash_sweep",
    "start_supervised",
    "stop_supervised",
]

A = TypeVar("A", bound=pykka.Actor)
G = TypeVar("G", bound="GenServer[Any]")


class TestSupervisor(Supervisor):
    """The supervisor of what a test starts; one for each runtime."""

    # It is no test, though pytest would take it for one.
    __test__ = False
    is_of_the_test = True

    def __init__(self) -> None:
        # Without end: a test that goes on for too long fails of that.
        super().__init__((), strategy="one_for_one", max_restarts=1_000_000, max_seconds=1.0)


_NAME = "the supervisor of the test"


class StartSupervised(Protocol):
    """The type of `start_supervised`, the function and the fixture of pytest: the ref is that of the child's class."""

    @overload
    def __call__(self, child: type[G], **overrides: Unpack[Overrides]) -> GenServerRef[G]: ...

    @overload
    def __call__(self, child: tuple[type[G], *tuple[Any, ...]], **overrides: Unpack[Overrides]) -> GenServerRef[G]: ...

    @overload
    def __call__(self, child: type[A], **overrides: Unpack[Overrides]) -> ActorRef[A]: ...

    @overload
    def __call__(self, child: tuple[type[A], *tuple[Any, ...]], **overrides: Unpack[Overrides]) -> ActorRef[A]: ...

    @overload
    def __call__(self, child: Child, **overrides: Unpack[Overrides]) -> ActorRef[Any]: ...

    def __call__(self, child: Any, **overrides: Any) -> Any:
        """Start a child under a supervisor that ends with the test."""
        ...


def _typed(function: Callable[..., Any]) -> StartSupervised:
    return function


@_typed
def start_supervised(child: Child, **overrides: Unpack[Overrides]) -> ActorRef[Any]:
    """Start a child under a supervisor that ends with the test: the last that was started first.

    It is restarted as its spec says, without a limit of how often. The supervisor is one of the current runtime's, of
    a simulation or a real one, and ends with that.

    Args:
        child: in any form that a supervisor takes: a class, `(class, *arguments)`, a `ChildSpec`, a Registry, a Queue.
        overrides: fields of its spec to be others, such as `id=` or `restart=`.

    Returns:
        Its ref; that of its first life.

    Raises:
        AssertionError: its start raised `Ignore`.
        ChildAlreadyStarted: one with the same id was started; give another `id=`.
        InvalidChildSpec: it is no child.
        RuntimeError: no system, nor any other runtime, was entered: nothing would end it.
        StartFailed: it couldn't be started.

    Example:
        counter = start_supervised(Counter)
    """
    spec = child_spec(child, **overrides)
    if not current_runtime()._is_entered:
        msg = "start_supervised() has no system that would end the child with the test: have the test take the fixture "
        msg += "`system` or `real_system`, or enter one: with System() as system"
        raise RuntimeError(msg)
    supervisor = whereis(_NAME)
    if supervisor is None:
        supervisor = TestSupervisor.start_link(name=_NAME)
    assert isinstance(supervisor, SupervisorRef)
    ref = supervisor.start_child(spec)
    if ref is None:
        raise AssertionError(f"child {spec.id!r} was not started: its on_start raised Ignore")
    return ref


def stop_supervised(child_id: Hashable) -> None:
    """End a child that `start_supervised` has started, within its shutdown time, and forget it.

    Args:
        child_id: the id of its spec: the class, unless it was given another.

    Raises:
        ChildNotFound: none with this id was started here, or it was stopped before.
    """
    supervisor = whereis(_NAME)
    if not isinstance(supervisor, SupervisorRef):
        raise ChildNotFound(child_id)
    supervisor.terminate_child(child_id)
    # A temporary one is forgotten as it ends.
    if any(child.id == child_id for child in supervisor.which_children()):
        supervisor.delete_child(child_id)


# A crash at each point

Outcome: TypeAlias = Literal["survived", "not survived", "not reached"]


@dataclass(frozen=True, slots=True)
class CrashPoint:
    """A point of an actor's code, and what became of a crash there.

    Args:
        actor: its name, `Class-n#k`.
        point: what it was about to do: `"receive"`, `"tell"`, `"register"`, ...; `"handled"` when it had done it.
        nth: the how-manieth time that it came there.
        about: with what: a message, a key, another actor.
        fault: `"crash"` or `"kill"`.
        outcome: `"not reached"` when the run with the crash never came there: it hangs on more than its seed.
        failure: what the scenario or an invariant raised, when it was not survived.
        after: the crash that came before, when this is the second of a run.
    """

    actor: str
    point: str
    nth: int
    about: str
    fault: Literal["crash", "kill"] = "crash"
    outcome: Outcome = "not reached"
    failure: BaseException | None = None
    after: CrashPoint | None = None

    @property
    def place(self) -> str:
        """What happens where, in words."""
        about = f"{self.point} {self.about}".rstrip()
        before = "" if self.after is None else f", after {self.after.place}"
        return f"{self.actor}: {self.fault} at {about}, time {self.nth}{before}"

    def __str__(self) -> str:
        failure = "" if self.failure is None else f": {type(self.failure).__name__}: {_first_line(self.failure)}"
        return f"{self.place}: {self.outcome}{failure}"


@dataclass(frozen=True, slots=True)
class CrashSweep:
    """What `crash_sweep()` has found. Its text is a table.

    Args:
        scenario: its name.
        points: all of them, in the order in which they were come to.
    """

    scenario: str
    points: tuple[CrashPoint, ...]

    @property
    def survived(self) -> list[CrashPoint]:
        """Those after which all was well in the end."""
        return self._with("survived")

    @property
    def not_survived(self) -> list[CrashPoint]:
        """Those after which something was wrong."""
        return self._with("not survived")

    @property
    def not_reached(self) -> list[CrashPoint]:
        """Those that the run with the crash didn't come to."""
        return self._with("not reached")

    def check(self) -> None:
        """See that all points were reached, and survived.

        Raises:
            AssertionError: with the table; its cause is the first failure.
        """
        if len(self.survived) < len(self.points):
            failures = [point.failure for point in self.not_survived]
            raise AssertionError(str(self)) from (failures[0] if failures else None)

    def _with(self, outcome: Outcome) -> list[CrashPoint]:
        return [point for point in self.points if point.outcome == outcome]

    def __str__(self) -> str:
        outcomes: tuple[Outcome, ...] = ("survived", "not survived", "not reached")
        counts = Counter((point.actor, point.fault, point.point, point.outcome) for point in self.points)
        places = dict.fromkeys((point.actor, point.fault, point.point) for point in self.points)
        rows = [("actor", "fault", "point", *outcomes)]
        rows += [(*place, *(str(counts[*place, outcome]) for outcome in outcomes)) for place in places]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(map(_aligned, cells, widths)) for cells in rows]
        summary = ", ".join(f"{len(self._with(outcome))} {outcome}" for outcome in outcomes)
        wrong = [f"  {point}" for point in self.points if point.outcome != "survived"]
        return "\n".join([f"{self.scenario}: {len(self.points)} points, {summary}", *lines, *wrong])


def _aligned(cell: str, width: int) -> str:
    return cell.rjust(width) if cell.isdigit() else cell.ljust(width)


def crash_sweep(  # noqa: PLR0913 - each says another thing
    scenario: Scenario,
    *,
    actors: Iterable[Selector] = (),
    always: Callable[[System], object] | None = None,
    finally_: Callable[[System], object] | None = None,
    kill: bool = False,
    faults: Literal[1, 2] = 1,
    recovery: int = 10,
    seed: object = 0,
    max_steps: int = MAX_STEPS,
) -> CrashSweep:
    """Run a scenario once, and then once for each point of its actors' code, with a crash there.

    A point is where an actor comes to a message (`"receive"`), is done with it (`"handled"`), or enters the runtime:
    tell, ask, register, take, ack, and all other switch points. Those of an actor that starts are left out, since its
    first start has to succeed: `system.fail_start()` is for these. So are the test's own supervisor and probes; and all
    that comes after the crash, unless `faults` is 2.

    Crashes that follow from the injected one are no failures by themselves: what counts is that the scenario comes to
    its end, and what holds then. What the library would log of crashes is not logged meanwhile.

    Args:
        scenario: gets a `System`, starts actors under a supervisor, as by `start_supervised`, has them work, waits for
            them, and asserts what must hold.
        actors: whose points: classes, or names as in a trace; all when there are none.
        always: gets the system after each step; fails by an exception, or by returning what is false and not None. It
            only looks. What hangs on something that the scenario makes is given to `system.always()` by that.
        finally_: the same, once, when the scenario has returned and nobody has anything to do.
        kill: whether to kill at each point, too.
        faults: 2 for a second crash as well, during the recovery from each.
        recovery: at how many points after the first crash a second one is tried, those that actors come to first.
        seed: that of all runs.
        max_steps: switch points after which a run is taken for one that never ends, and is not survived.

    Raises:
        AssertionError: there is no point at all; or something in `actors` is nobody in the scenario.
        BaseException: what the scenario raises when nothing crashes.
        StepTooLong: it blocks for real, in the run that a note names; no other is made.
        TypeError: `actors` is no list, or something in it names no actor; or the scenario is async.
        ValueError: `faults` is neither 1 nor 2, or `recovery` or `max_steps` less than 1.

    Example:
        crash_sweep(sync_all_users, finally_=no_key_is_held).check()
    """
    if faults not in (1, 2):
        raise ValueError(f"faults must be 1, or 2 for a second crash during the recovery; got {faults!r}")
    if recovery < 1:
        raise ValueError(f"recovery must be >= 1 point at which a second crash is tried; got {recovery!r}")
    check_count(max_steps, "max_steps")
    check_scenario(scenario)
    for name, check in (("always", always), ("finally_", finally_)):
        if check is not None:
            check_scenario(check, name)
    if isinstance(actors, str) or not isinstance(actors, Iterable):
        raise TypeError(f"actors must be a list, such as ['Worker-1']; got {actors!r}")
    selectors = tuple(actors)
    for selector in selectors:
        check_selector(selector)
    runs = _Runs(scenario, selectors, seed, max_steps, always, finally_)
    with many_runs():
        points = runs.first()
        if kill:
            points = [changed for point in points for changed in (point, _as_kill(point))]
        swept: list[CrashPoint] = []
        for point in points:
            later: list[CrashPoint] = []
            swept.append(runs.run_with(point, later))
            seconds = later[:recovery] if faults > 1 else ()
            swept += [runs.run_with(replace(second, fault=point.fault, after=point)) for second in seconds]
    return CrashSweep(getattr(scenario, "__name__", type(scenario).__name__), tuple(swept))


def _as_kill(point: CrashPoint) -> CrashPoint:
    return replace(point, fault="kill")


def _is_users(process: Process) -> bool:
    return not issubclass(process.actor_class, TestSupervisor | ProbeActor)


@dataclass(frozen=True, slots=True)
class _Runs:
    """How one run of a sweep is made."""

    scenario: Scenario
    selectors: tuple[Selector, ...]
    seed: object
    max_steps: int
    always: Callable[[System], object] | None
    finally_: Callable[[System], object] | None

    def first(self) -> list[CrashPoint]:
        """Run it with no crash, and list the points.

        Raises:
            AssertionError: there is none; or one who is chosen is nobody.
            BaseException: what it fails with.
        """
        points: list[CrashPoint] = []
        there: dict[Process, None] = {}
        failure = self.run(lambda system: self.list_points(system, points, there))
        if failure is not None:
            failure.add_note("the scenario fails so when nothing crashes")
            raise failure
        strangers = [one for one in self.selectors if not any(selects(one, process) for process in there)]
        if strangers:
            given = shown(strangers)
            names = ", ".join(name_of(process) for process in there if _is_users(process)) or "nobody"
            raise AssertionError(f"nobody who is meant by actors={given} came to any point; there were {names}")
        if not points:
            raise AssertionError("no actor came to any point: nothing was crashed; have actors work in the scenario")
        return points

    def list_points(
        self,
        system: System,
        points: list[CrashPoint],
        there: dict[Process, None],
        has_begun: Callable[[], object] = lambda: True,
    ) -> None:
        """Have all points listed to which actors come once it has begun, and all who come to any."""
        times: Counter[tuple[str, str]] = Counter()
        selectors = self.selectors

        def come(process: Process, point: str, about: tuple[object, ...]) -> None:
            place = (name_of(process), point)
            times[place] += 1
            there[process] = None
            is_meant = any(selects(selector, process) for selector in selectors) if selectors else _is_users(process)
            if is_meant and process.started and has_begun():
                points.append(CrashPoint(*place, times[place], " ".join(map(shown, about))))

        # Before what strikes, so that each is counted to which somebody came.
        system._simulation.strikes.insert(0, come)

    def run_with(self, point: CrashPoint, later: list[CrashPoint] | None = None) -> CrashPoint:
        """Run it with a crash at a point, after the one before if there is one, and see what becomes of it.

        Args:
            later: to be filled with the points that actors come to after that.
        """
        injected: list[Any] = []
        crashes = [point] if point.after is None else [point.after, point]

        def inject(system: System) -> None:
            if later is not None:
                self.list_points(system, later, {}, lambda: injected[0].fired)
            for crash in crashes:
                inject_at = {"crash": system.crash_at, "kill": system.kill_at}[crash.fault]
                injected.append(inject_at(crash.actor, crash.point, nth=crash.nth))
            # The outcome says so.
            system._must_strike = False
            # Nor need those come that the scenario expects, and one brings others with it.
            system._must_crash = False
            system.expect_crash(BaseException, times=None, at_least=0)
            system.again = self.again_with(crashes)

        try:
            failure = self.run(inject)
        except StepTooLong as error:
            error.add_note(f"it was the run with {point.place}")
            raise
        outcome: Outcome = "survived" if failure is None else "not survived"
        if not all(fault.fired for fault in injected):
            outcome = "not reached"
        return replace(point, outcome=outcome, failure=failure)

    def again_with(self, crashes: Sequence[CrashPoint]) -> str:
        """Write down what makes the same run outside of a sweep."""
        limit = "" if self.max_steps == MAX_STEPS else f", max_steps={self.max_steps}"
        lines = [
            f"with System(seed={self.seed!r}{limit}) as system:",
            "system.expect_crash(BaseException, times=None, at_least=0)",
        ]
        lines += [f"system.{crash.fault}_at({crash.actor!r}, {crash.point!r}, nth={crash.nth})" for crash in crashes]
        if self.always is not None:
            lines.append(f"system.always(lambda: {_called(self.always, 'always')}(system))")
        lines += [f"{_called(self.scenario, 'scenario')}(system)", "system.run_until_idle()"]
        if self.finally_ is not None:
            lines.append(f"held = {_called(self.finally_, 'finally_')}(system)")
            lines.append(f"assert held or held is None, {_not_in_the_end(self.finally_)!r}")
        return "\n    ".join(lines)

    def check_in_the_end(self, system: System) -> None:
        """See that what is to hold in the end does.

        Raises:
            AssertionError: it doesn't.
        """
        if self.finally_ is not None and not holds(self.finally_(system)):
            raise AssertionError(_not_in_the_end(self.finally_))

    def run(self, prepare: Callable[[System], None]) -> BaseException | None:
        """Run it; return what it fails with.

        Raises:
            StepTooLong: it blocks for real; in the next run it would do so again, for as long.
        """
        try:
            with System(self.seed, max_steps=self.max_steps) as system:
                prepare(system)
                if self.always is not None:
                    system.always(functools.partial(self.always, system))
                result: Any = self.scenario(system)
                system.run_until_idle()
                self.check_in_the_end(system)
        except (KeyboardInterrupt, SystemExit, GeneratorExit, StepTooLong):
            raise
        except BaseException as failure:  # noqa: BLE001 - pytest's own failures are no Exception
            return failure
        refuse_async(self.scenario, result)
        return None


def _called(function: Any, otherwise: str) -> str:
    """By which name a function is called; one that has none is to be put there."""
    name = getattr(function, "__name__", "")
    return name if name.isidentifier() and not inspect.ismethod(function) else otherwise


def _not_in_the_end(check: Callable[[System], object]) -> str:
    return f"what is to hold in the end doesn't: {source_of(check)}"


def _first_line(error: BaseException) -> str:
    return said_by(error).partition("\n")[0]
