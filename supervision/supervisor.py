"""The Supervisor: starts its children in order, starts them again when they end, and ends them in reverse order."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeAlias, cast

import pykka

from actors import (
    Actor,
    ActorRef,
    ChildSpec,
    Crashed,
    Deadlock,
    Exit,
    ExitReason,
    ExitRequest,
    Ignore,
    InvalidChildSpec,
    Killed,
    Normal,
    Options,
    ProcessKilled,
    Refusal,
    Shutdown,
    StartFailed,
    adopt,
)
from actors._adopted import start_adopted
from actors._kill import kill
from actors._mail import Control
from actors._process import ALIVE
from supervision._records import Record, Records
from supervision.children import Child, check_ids, child_spec
from supervision.errors import (
    ChildAlreadyPresent,
    ChildAlreadyStarted,
    ChildNotFound,
    ChildRestarting,
    ChildRunning,
    InvalidOption,
    SupervisorError,
)
from supervision.restart import Intensity, Strategy, affected, check_strategy, is_clean_end, needs_restart

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable
    from types import TracebackType

    from actors._bounded import Overflow
    from actors._process import Process
    from actors._scheduler import RunsOn
    from actors.child_spec import ChildType

__all__ = [
    "ChildCounts",
    "ChildInfo",
    "FailedToStartChild",
    "Report",
    "Supervisor",
    "SupervisorOptions",
    "SupervisorRef",
]

logger = logging.getLogger("pykka_otp.supervisor")
progress = logging.getLogger("pykka_otp.progress")

ReportContext: TypeAlias = Literal["start_error", "child_terminated", "shutdown_error", "shutdown", "progress"]


@dataclass(frozen=True, slots=True)
class FailedToStartChild:
    """The detail of the `Shutdown` with which a supervisor ends whose child couldn't be started (B13)."""

    id: Hashable
    reason: ExitReason


@dataclass(frozen=True, slots=True)
class ChildInfo:
    """A child as `which_children()` shows it (B76).

    Args:
        id: its id.
        child: its ref; None when it doesn't run; `"restarting"` while a failed restart is tried again.
        type: `"worker"` or `"supervisor"`.
    """

    id: Hashable
    child: ActorRef[Any] | Literal["restarting"] | None
    type: ChildType


@dataclass(frozen=True, slots=True)
class ChildCounts:
    """What `count_children()` returns: children known, running now, and known of each type (B77)."""

    specs: int
    active: int
    supervisors: int
    workers: int


@dataclass(frozen=True, slots=True)
class Report:
    """What a supervisor logs, as the attribute `report` of the log record (B93, G8).

    Args:
        supervisor: its name, or its ref.
        context: what happened.
        reason: why; None in `"progress"`, `"reached_max_restart_intensity"` in `"shutdown"`.
        offender: the spec of the child.
        child: the child's ref; None when it has none.
    """

    supervisor: object
    context: ReportContext
    reason: ExitReason
    offender: ChildSpec
    child: ActorRef[Any] | None


# What a supervisor is asked, and what it tells itself.


@dataclass(frozen=True, slots=True)
class _StartChild:
    spec: ChildSpec


@dataclass(frozen=True, slots=True)
class _TerminateChild:
    id: Hashable


@dataclass(frozen=True, slots=True)
class _RestartChild:
    id: Hashable


@dataclass(frozen=True, slots=True)
class _DeleteChild:
    id: Hashable


@dataclass(frozen=True, slots=True)
class _WhichChildren:
    pass


@dataclass(frozen=True, slots=True)
class _CountChildren:
    pass


@dataclass(frozen=True, slots=True)
class _TryAgain(Control):
    record: Record


class SupervisorRef(ActorRef["Supervisor"]):
    """A ref to a supervisor, with what can be asked of it.

    Each call is handled in its turn, while no child is being started or ended, and waits without limit. All raise
    `ActorDied` when the supervisor has ended, or ends before it answers (B70).

    As a context manager it stops the supervisor, and with it all children, in the end:

        with Supervisor.start_link([...], strategy="one_for_one") as supervisor:
            ...
    """

    def start_child(self, child: Child) -> ActorRef[Any] | None:
        """Add a child at the end of the order, and start it.

        Returns:
            Its ref; None when its `on_start` raised `Ignore`.

        Raises:
            InvalidChildSpec: it is no child.
            ChildAlreadyStarted: a child with its id runs.
            ChildAlreadyPresent: one is known, and doesn't run.
            StartFailed: it couldn't be started; nothing of it is kept.

        OTP: `Supervisor.start_child/2` (B71, B72).
        """
        return cast("ActorRef[Any] | None", self.ask(_StartChild(child_spec(child))))

    def terminate_child(self, child_id: Hashable) -> None:
        """End a child, within its shutdown time; its place is kept unless it is temporary (B73).

        Raises:
            ChildNotFound: there is no child with this id.
        """
        self.ask(_TerminateChild(child_id))

    def restart_child(self, child_id: Hashable) -> ActorRef[Any] | None:
        """Start a child that doesn't run, at its place; return its ref, or None when it raised `Ignore` (B74).

        Raises:
            ChildNotFound: there is no child with this id.
            ChildRunning: it runs.
            ChildRestarting: it is being restarted.
            StartFailed: it couldn't be started.
        """
        return cast("ActorRef[Any] | None", self.ask(_RestartChild(child_id)))

    def delete_child(self, child_id: Hashable) -> None:
        """Forget a child that doesn't run (B75).

        Raises:
            ChildNotFound: there is no child with this id.
            ChildRunning: it runs.
            ChildRestarting: it is being restarted.
        """
        self.ask(_DeleteChild(child_id))

    def which_children(self) -> list[ChildInfo]:
        """List the children, the last in start order first (B76)."""
        return cast("list[ChildInfo]", self.ask(_WhichChildren()))

    def count_children(self) -> ChildCounts:
        """Count the children (B77)."""
        return cast("ChildCounts", self.ask(_CountChildren()))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exception_type: type[BaseException] | None, exception: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.stop(reason=Shutdown())


class Supervisor(Actor):
    """An actor that keeps others running.

    Children start one after the other, each when the one before is up, and end in the reverse order. When a child
    ends, its restart type and its exit reason decide whether it is started again, and the strategy which siblings are
    restarted with it. More than `max_restarts` restarts within `max_seconds`, and the supervisor gives up: it ends
    its children, and itself with `Shutdown()`.

    Args:
        children: the initial children, in start order; any form of `Child`.
        strategy: `"one_for_one"` restarts the child that ended; `"one_for_all"` all of them; `"rest_for_one"` that
            one and those started after it.
        max_restarts: how many restarts are allowed within the window.
        max_seconds: the length of the window, in seconds.

    Raises:
        InvalidChildSpec: an entry is no child, or two have the same id; nothing is started (B3, B6).
        InvalidOption: a bad strategy, `max_restarts` or `max_seconds` (B8).

    Example:
        Supervisor.start_link([locks, jobs, (SyncWorker, jobs)], strategy="rest_for_one")

    OTP: `Supervisor` (B10 to B91).
    """

    use_daemon_thread: ClassVar[bool] = True
    trap_exit: ClassVar[bool] = True
    _otp_second_stop_waits: ClassVar[bool] = True
    # The id of the child that is being started, by which its lives are told from those of others.
    _otp_starting: Hashable = None

    def __init__(
        self,
        children: Iterable[Child] = (),
        *,
        strategy: Strategy,
        max_restarts: int = 3,
        max_seconds: float = 5.0,
    ) -> None:
        check_strategy(strategy)
        specs = [child_spec(child) for child in children]
        check_ids(specs)
        self._strategy: Strategy = strategy
        self._intensity = Intensity(max_restarts, max_seconds)
        self._records = Records(specs)

    @classmethod
    def start_link(  # pyright: ignore[reportIncompatibleMethodOverride] - Self is invariant
        cls, *args: Any, name: Hashable | None = None, **kwargs: Any
    ) -> SupervisorRef:
        """Start a supervisor and all its children, and link it to the calling actor, its parent.

        Takes what the class takes, and `name`, the supervisor's name. A subclass may take arguments of its own, and
        pass children and options to `super().__init__()`.

        Raises:
            InvalidChildSpec: a child can't be one; nothing was started (B3, B6).
            InvalidOption: a bad strategy, `max_restarts` or `max_seconds`; nothing was started (B8).
            AlreadyStarted: another actor has the name; nothing was started (B17).
            StartFailed: a child couldn't be started: those before it were ended again. `reason` is
                `Shutdown(FailedToStartChild(id, reason))` (B13).
        """
        return cls.options(name=name).start_link(*args, **kwargs)

    @classmethod
    def options(  # noqa: PLR0913  # pyright: ignore[reportIncompatibleMethodOverride] - Self is invariant
        cls,
        *,
        name: Hashable | None = None,
        link: bool = False,
        trap_exit: bool | None = None,
        start_timeout: float | None = None,
        runs_on: RunsOn | None = None,
        max_mailbox: int | None = None,
        overflow: Overflow | None = None,
    ) -> SupervisorOptions:
        """Return how to start a supervisor of this class; as `Actor.options`."""
        return SupervisorOptions(
            cls,
            name=name,
            link=link,
            trap_exit=trap_exit,
            start_timeout=start_timeout,
            runs_on=runs_on,
            max_mailbox=max_mailbox,
            overflow=overflow,
        )

    @classmethod
    def child_spec(cls, *args: object, **kwargs: object) -> ChildSpec:
        """Return the spec of a supervisor as a child: it has all the time that it needs to end (B7)."""
        return ChildSpec(cls.start_link, args, kwargs, id=cls, type="supervisor")

    def _otp_create_ref(self, process: Process) -> SupervisorRef:
        return SupervisorRef(process)

    def _otp_ends(self, ref: pykka.ActorRef[Any]) -> bool:
        return self._records.with_ref(ref) is not None

    # Its life

    def on_start(self) -> None:
        """Start the children in order; when one can't be, end those before it in reverse, and give up (B10, B13)."""
        for record in self._records:
            try:
                self._start(record)
            except StartFailed as failure:
                self._report("start_error", failure.reason, record)
                self._terminate_all()
                raise ExitRequest(Shutdown(FailedToStartChild(record.spec.id, failure.reason))) from failure

    def on_stop(self) -> None:
        """End the children in reverse order (B61, B86, B89)."""
        self._terminate_all()

    def on_failure(self, *_exc_info: object, **_named: object) -> None:
        """End the children when the supervisor itself fails."""
        self._terminate_all()

    def on_receive(self, message: object) -> object:
        """Handle a child's end, or a call; a call that can't be granted is refused."""
        try:
            return self._handle(message)
        except (SupervisorError, StartFailed) as refused:
            return Refusal(refused)

    def _handle(self, message: object) -> object:
        match message:
            case Exit(ref, reason):
                self._child_ended(ref, reason)
            case _TryAgain(record):
                self._try_again(record)
            case _StartChild(spec):
                return self._start_child(spec)
            case _TerminateChild(child_id):
                self._terminate(self._find(child_id))
            case _RestartChild(child_id):
                return self._restart_child(self._find(child_id))
            case _DeleteChild(child_id):
                self._delete_child(self._find(child_id))
            case _WhichChildren():
                return [ChildInfo(r.spec.id, r.child, r.spec.type) for r in reversed(self._records)]
            case _CountChildren():
                return self._count()
            case _:
                logger.error("%s got an unexpected message: %r", self._otp_process.label, message)
                return Refusal(TypeError(f"a supervisor is asked by the methods of its ref; got {message!r}"))
        return None

    # A child's end, and what follows

    def _child_ended(self, ref: pykka.ActorRef[Any] | None, reason: ExitReason) -> None:
        # By its ref, never by its id: the exit of a former incarnation must not restart the present one (B32, B33).
        record = self._records.with_ref(ref) if ref is not None else None
        # One that lives has only sent a signal (B87): a second one beside it would be nobody's wish.
        if record is None or ref is None or _lives(record):
            return
        wants_restart = needs_restart(record.spec.restart, reason)
        if wants_restart or not isinstance(reason, Normal | Shutdown):
            self._report("child_terminated", reason, record)
        if wants_restart:
            self._restart(record)
        else:
            self._set_down(record)

    def _try_again(self, record: Record) -> None:
        """Try a failed restart again, unless the child was stopped, deleted or restarted meanwhile (B51)."""
        if record.is_restarting and record in self._records:
            self._restart(record)

    def _restart(self, record: Record) -> None:
        """Restart a child, with the siblings that the strategy says; or give up (B36, B43)."""
        if not self._intensity.allows_restart(self._otp_process.runtime.clock.now()):
            self._report("shutdown", "reached_max_restart_intensity", record)
            self._records.take_down(record)
            raise ExitRequest(Shutdown())
        group = affected(self._strategy, self._records, record)
        self._records.take_down(record)
        for sibling in reversed(group):
            self._terminate(sibling)
        for sibling in [r for r in group if r in self._records]:
            try:
                self._start(sibling)
            except StartFailed as failure:
                # Those started in this round stay, those behind it wait: the next try is a restart of this one (B52).
                self._report("start_error", failure.reason, sibling)
                sibling.is_restarting = True
                # To the end of the mailbox, so that between two tries all others are heard (B47, B48).
                self._otp_process.put(_TryAgain(sibling))
                return

    # Starting and ending one child

    def _start(self, record: Record) -> None:
        """Start a child at its place; `Ignore` is no failure: it has no actor then (B12, B57)."""
        self._otp_starting = record.spec.id
        try:
            self._records.bring_up(record, self._link(_start(record.spec)))
        except Ignore:
            self._set_down(record)
        else:
            self._report("progress", None, record)
        finally:
            self._otp_starting = None

    def _link(self, ref: ActorRef[Any]) -> ActorRef[Any]:
        # A start function may have forgotten to link, and an unlinked child's end would go unseen (B67).
        process = ref._process
        if process.parent is None:
            process.parent = self._otp_process
        links = process.links
        # A child that was linked and has lost its links has died, and its exit is on the way.
        if links is None or self._otp_process not in links:
            self._otp_process.link(process)
        if self._otp_process.killed:
            # Who was linked at the kill has had its signal (B88); this one came too late for it.
            process.signal(self._otp_process, Killed())
            self._otp_process.unwind()
        return ref

    def _terminate(self, record: Record) -> None:
        """End a child that runs: shutdown, wait, kill; whatever comes of it, it is down then (B59, B64)."""
        ref = record.ref
        if ref is not None:
            reason = _shut_down(ref, record.spec, self._otp_process)
            if not is_clean_end(record.spec.restart, record.spec.shutdown, reason):
                self._report("shutdown_error", reason, record)
        self._set_down(record)

    def _terminate_all(self) -> None:
        for record in reversed(self._records):
            self._terminate(record)

    def _set_down(self, record: Record) -> None:
        """Keep a child's place without an actor; a temporary one has no place to keep (B19, B78)."""
        self._records.take_down(record)
        if record.spec.restart == "temporary":
            self._records.remove(record)

    # What it is asked

    def _find(self, child_id: Hashable) -> Record:
        record = self._records.with_id(child_id)
        if record is None:
            raise ChildNotFound(child_id)
        return record

    def _start_child(self, spec: ChildSpec) -> ActorRef[Any] | None:
        known = self._records.with_id(spec.id)
        if known is not None:
            if known.ref is not None:
                raise ChildAlreadyStarted(spec.id, known.ref)
            raise ChildAlreadyPresent(spec.id)
        record = Record(spec)
        self._records.add(record)
        try:
            self._start(record)
        except BaseException:
            self._records.remove(record)
            raise
        return record.ref

    def _restart_child(self, record: Record) -> ActorRef[Any] | None:
        _refuse_active(record)
        self._start(record)
        return record.ref

    def _delete_child(self, record: Record) -> None:
        _refuse_active(record)
        self._records.remove(record)

    def _count(self) -> ChildCounts:
        return ChildCounts(
            specs=len(self._records),
            active=sum(map(_lives, self._records)),
            supervisors=sum(1 for r in self._records if r.spec.type == "supervisor"),
            workers=sum(1 for r in self._records if r.spec.type == "worker"),
        )

    # Reports

    def _report(self, context: ReportContext, reason: ExitReason, record: Record) -> None:
        if context == "progress" and not progress.isEnabledFor(logging.INFO):
            return
        name = self._otp_process.name
        report = Report(name if name is not None else self.actor_ref, context, reason, record.spec, record.ref)
        if context == "progress":
            progress.info("%s started %r", self._otp_process.label, record.spec.id, extra={"report": report})
        else:
            logger.error(
                "%s: %s of child %r: %r",
                self._otp_process.label,
                context,
                record.spec.id,
                reason,
                extra={"report": report},
            )


class SupervisorOptions(Options[Supervisor]):
    """How to start supervisors of a class: what `Supervisor.options()` returns. Can be kept, and used many times."""

    __slots__ = ()

    def start(self, *args: Any, **kwargs: Any) -> SupervisorRef:
        """Start a supervisor and don't wait for its children: `Actor.start` with these options."""
        return cast("SupervisorRef", super().start(*args, **kwargs))

    def start_link(self, *args: Any, **kwargs: Any) -> SupervisorRef:
        """Start a supervisor and all its children, linked: `Supervisor.start_link` with these options."""
        try:
            return cast("SupervisorRef", super().start_link(*args, **kwargs))
        except StartFailed as failure:
            if isinstance(failure.__cause__, InvalidChildSpec | InvalidOption):
                # What was given is wrong, not what was started with it: an error of the caller's.
                raise failure.__cause__ from None
            raise


def _lives(record: Record) -> bool:
    # Without a switch point, as `is_alive()` is one: the supervisor looks at its own children.
    return record.ref is not None and record.ref._process.reason is ALIVE


def _refuse_active(record: Record) -> None:
    if record.is_restarting:
        raise ChildRestarting(record.spec.id)
    if record.ref is not None:
        raise ChildRunning(record.spec.id)


def _start(spec: ChildSpec) -> ActorRef[Any]:
    """Call a child's start; every failure is a `StartFailed` with the reason (B11)."""
    start: Any = spec.start
    try:
        if isinstance(start, type) and issubclass(start, Actor):
            return start.start_link(*spec.args, **spec.kwargs)
        if isinstance(start, type):
            return start_adopted(start, spec.args, dict(spec.kwargs))
        started = start(*spec.args, **spec.kwargs)
        if isinstance(started, pykka.ActorRef):
            # The ref that its Exit will carry: never a named ref, and one of ours for a plain actor too.
            return adopt(started)
    except (StartFailed, Ignore, ProcessKilled):
        raise
    except ExitRequest as request:
        raise StartFailed(_name_of(spec), request.reason) from request
    except BaseException as error:
        raise StartFailed(_name_of(spec), Crashed(error)) from error
    msg = f"the start of child {spec.id!r} must return the ref of the actor that it started; got {started!r}"
    raise StartFailed(_name_of(spec), started) from TypeError(msg)


def _name_of(spec: ChildSpec) -> str:
    return f"child {spec.id!r}"


def _shut_down(ref: ActorRef[Any], spec: ChildSpec, supervisor: Process) -> ExitReason:
    """End a child as its spec says, and return what it died of (B59)."""
    process = ref._process
    is_given_time = True
    if spec.shutdown != "brutal_kill":
        process.signal(supervisor, Shutdown())
        timeout = None if spec.shutdown == "infinity" or spec.shutdown is None else float(spec.shutdown)
        is_given_time = _await_end(process, timeout) and timeout != 0
    if not process.gone:
        # A kill takes effect at once for everybody but the child's own code.
        kill(process)
    if not is_given_time and process.killed and process.fatal is not ALIVE:
        # It doesn't trap exits, and the signal came before the kill: with all the time it would have died of it (B60).
        return process.fatal
    return process.reason


def _await_end(process: Process, timeout: float | None) -> bool:
    """Give a child time to end; False when none would be enough, since it waits for its supervisor."""
    try:
        process.wait_until(lambda p: p.announced, timeout)
    except Deadlock:
        return False
    return True
