"""Actors: `Actor`, to be subclassed; and how one is started."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, cast, get_args

import pykka
from pykka.messages import ProxyCall, ProxyGetAttr, ProxySetAttr

from actors import _pykka_registry
from actors._bounded import Bound, Overflow, check_bound
from actors._checks import check_flag, check_name
from actors._clock import check_timeout
from actors._future import Future
from actors._hooks import Hooks, check_hooks
from actors._kill import kill
from actors._process import ALIVE, Process, current
from actors._scheduler import RunsOn
from actors.child_spec import ChildSpec
from actors.errors import CallTimeout, ExitRequest, Ignore, IgnoredElsewhere, NotAnActor, StartFailed
from actors.messages import Crashed, Normal
from actors.ref import ActorRef
from actors.runtime import current_runtime

if TYPE_CHECKING:
    import threading
    from collections.abc import Hashable

    from actors._inbox import Inbox
    from actors.messages import ExitReason

__all__ = ["Actor", "Options"]

A = TypeVar("A", bound="Actor")

_PROXY_MESSAGES = frozenset({ProxyCall, ProxyGetAttr, ProxySetAttr})


class Actor(pykka.Actor):
    """An actor as in Pykka, with an OTP life: exit reasons, links, monitors, names, supervision.

    `start()`, `tell`, `ask`, `proxy()`, `on_start`, `on_receive`, `on_stop` and `on_failure` are Pykka's. Beyond them:

    - It dies of an *exit reason*: `Normal`, `Shutdown`, `Killed`, `Crashed`, or what it gave to `exit()`.
    - An exception that a handler raises ends it, whether the message was told or asked; the asker gets it too. Return
      a `Refusal` to answer with an error and live on. (In Pykka a failed ask doesn't end the actor:
      `crash_on_failed_ask = False` is that way.)
    - `on_stop` runs in every orderly end (stop, `exit`, exit signals, a supervisor's shutdown), `on_failure` after a
      crash, neither after a kill.
    - Its exception never reaches another actor but its askers and its links. A `SystemExit`, or the like, ends it
      alone: its askers get `ActorDied`.

    It runs on a thread that it shares with others, and doesn't hold up while it waits for an answer; one whose handlers
    block (HTTP, database drivers, files, long computations) has `runs_on = "thread"`, and a thread of its own. Handlers
    may be `async def`: the actor waits for the coroutine, and handles one message at a time all the same. None may be a
    generator, whose code would run in whoever got it: one that has `yield`, or takes other arguments than it will get,
    is refused with its class.

    Example:
        >>> class Counter(Actor):
        ...     def __init__(self):
        ...         self.count = 0
        ...
        ...     def on_receive(self, amount):
        ...         self.count += amount
        ...         return self.count
        >>> counter = Counter.start()
        >>> counter.ask(2)
        2
        >>> counter.stop()
        True
        >>> counter.exit_reason
        Normal()
    """

    use_daemon_thread: ClassVar[bool] = False
    """Whether the program may end while the actor lives. As in Pykka."""

    crash_on_failed_ask: ClassVar[bool] = True
    """Whether an exception raised for an asked message ends the actor (as in OTP), or only the ask (as in Pykka)."""

    trap_exit: ClassVar[bool] = False
    """Whether exit signals arrive as messages `Exit` from the start on (A13); `trap_exit()` changes it later."""

    runs_on: ClassVar[RunsOn] = "shared"
    """Where the actor's code runs: `"shared"`, on a thread with many others; `"thread"`, on one of its own for life."""

    max_mailbox: ClassVar[int | None] = None
    """How many messages may wait in the mailbox; None for no bound. Those that the runtime sends don't count: stops,
    `Exit`, `Down`; what a timer sends is let in when others would have to wait."""

    overflow: ClassVar[Overflow] = "block"
    """What happens to a message that finds no room.

    - `"block"`: its sender waits until there is room; who tells itself does not.
    - `"raise"`: its sender gets `MailboxFull`.
    - `"drop_oldest"`: the message that has waited longest makes room for it.
    - `"drop_newest"`: it is dropped itself.

    What is dropped is counted, logged the first time, and a dead letter; who asked it gets `MailboxFull`."""

    _otp_hooks: ClassVar[Hooks] = {
        "on_start": (),
        "on_receive": ("message",),
        "on_stop": (),
        "on_failure": ("exception_type", "exception_value", "traceback"),
    }
    _otp_second_stop_waits: ClassVar[bool] = False
    """Whether who stops it when it ends already waits until it has, as in OTP; else he is told so at once."""

    _otp_process: Process
    _otp_no_options: ClassVar[Options[Any]]

    if TYPE_CHECKING:
        # A subclass may name the message as it likes.
        def on_receive(self, message: Any, /) -> Any: ...  # noqa: D102  # pyright: ignore[reportIncompatibleMethodOverride]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _check_runs_on(f"{cls.__name__}.runs_on", cls.runs_on)
        check_bound(f"{cls.__name__}.", cls.max_mailbox, cls.overflow)
        check_hooks(cls, cls._otp_hooks)

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        """Create the actor; runs in the thread of who starts it, as in Pykka."""
        # Pykka's own is not called: what it would set up is there since `start()`, so a subclass can't forget it.
        if not hasattr(self, "_otp_process"):
            self._otp_attach(_new_process(Options(type(self)), parent=None))

    def _otp_attach(self, process: Process) -> None:
        process.actor = self
        self._otp_process = process
        process.ref = self._otp_create_ref(process)

    def _otp_create_ref(self, process: Process) -> ActorRef[Any]:
        return ActorRef(process)

    @property
    def actor_ref(self) -> ActorRef[Self]:  # pyright: ignore[reportIncompatibleMethodOverride] - Self is invariant
        """The actor's ref."""
        ref: Any = self._otp_process.ref
        return ref  # type: ignore[no-any-return]  # made by _otp_create_ref

    @property
    def _actor_ref(self) -> ActorRef[Self]:  # type: ignore[override]  # Pykka's are attributes
        return self.actor_ref

    @property
    def actor_urn(self) -> str:  # type: ignore[override]
        """A name for the actor that is unique in the world."""
        return self.actor_ref.actor_urn

    @property
    def actor_inbox(self) -> Inbox:  # type: ignore[override]
        """The actor's mailbox."""
        return self.actor_ref.actor_inbox

    @property
    def actor_stopped(self) -> threading.Event:  # type: ignore[override]
        """Set when the actor takes no more messages."""
        return self.actor_ref.actor_stopped

    @classmethod
    def start(cls, *args: Any, **kwargs: Any) -> ActorRef[Self]:  # pyright: ignore[reportIncompatibleMethodOverride] - Self is invariant
        """Start an actor, and don't wait for its `on_start`, as in Pykka.

        The arguments are those of `__init__`. An `on_start` that fails is a death like any other.
        """
        return _ref_of(_spawn(cls._otp_options(), args, kwargs, waits=False))

    @classmethod
    def start_link(cls, *args: Any, **kwargs: Any) -> ActorRef[Self]:
        """Start an actor, link it to the calling actor, and wait until its `on_start` has returned.

        Outside of actors there is nobody to link to, and only the wait remains.

        Raises:
            StartFailed: `__init__` or `on_start` failed; `reason` says why. No exit signal comes as well.
            Ignore: `on_start` raised it.

        OTP: `GenServer.start_link` (A22, A46, A48, A50); differs from A49: a failed start raises in the starter, which
        dies of it only when it doesn't catch it.
        """
        return cls._otp_options().start_link(*args, **kwargs)

    @classmethod
    def _otp_options(cls) -> Options[Self]:
        """How to start an actor of this class when nothing else was said."""
        options: Options[Self] | None = cls.__dict__.get("_otp_no_options")
        if options is None:
            options = cls._otp_no_options = Options(cls)
        return options

    @classmethod
    def options(  # noqa: PLR0913 - each says another thing of the start
        cls,
        *,
        name: Hashable | None = None,
        link: bool = False,
        trap_exit: bool | None = None,
        start_timeout: float | None = None,
        runs_on: RunsOn | None = None,
        max_mailbox: int | None = None,
        overflow: Overflow | None = None,
    ) -> Options[Self]:
        """Return how to start an actor of this class; options never travel in the arguments of `start()`.

        Args:
            name: the actor's name, which it has before `__init__` runs (A35); None for none.
            link: whether `start()` links it to the calling actor.
            trap_exit: whether it traps exits from the start on; None as the class says.
            start_timeout: seconds that `start_link()` waits for `on_start`, then kills the actor (A51); None: for ever.
            runs_on: where its code runs, `"shared"` or `"thread"`; None as the class says.
            max_mailbox: how many messages may wait in its mailbox; None as the class says.
            overflow: what happens to one that finds no room, `"block"`, `"raise"`, `"drop_oldest"` or
                `"drop_newest"`; None as the class says.

        Raises:
            ValueError: an unknown `runs_on` or `overflow`, a `max_mailbox` below 1, or a `start_timeout` below 0.
            TypeError: a `name` that is not hashable, or a `link` or `trap_exit` that is neither True nor False.

        Example:
            Session.options(name="admin", link=True).start(user_id)
        """
        return Options(
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
        """Return the child spec with which a supervisor starts this class with these arguments.

        Override it to change a class's defaults, or use `.replace(id=..., restart=...)` on what it returns.

        OTP: `use GenServer` defines the like (A55, B7).
        """
        return ChildSpec(cls, args, kwargs)

    @staticmethod
    def _create_actor_inbox() -> Any:
        """Not used: the mailbox belongs to the runtime's record of the actor."""
        msg = "an actor's mailbox is made by the runtime"
        raise RuntimeError(msg)

    @staticmethod
    def _create_future() -> pykka.Future[Any]:
        return Future()

    def _start_actor_loop(self) -> None:
        """As Pykka has it; for actors that were made by hand, and not by `start()`."""
        process = self._otp_process
        process.runtime.scheduler.start(process, self.runs_on, daemon=self.use_daemon_thread, begins=_begins(self))

    def _handle_receive(self, message: Any) -> Any:
        if type(message) in _PROXY_MESSAGES:
            return super()._handle_receive(message)
        return self.on_receive(message)

    def _otp_ends(self, ref: pykka.ActorRef[Any]) -> bool:  # noqa: ARG002 - for supervisors
        """Whether it ends that one before it ends itself."""
        return False

    def _otp_may_hand_on(self) -> bool:
        """Whether others than its handler may answer the message in hand."""
        return False

    def _otp_stopping(self, reason: ExitReason, *, signalled: bool) -> object:  # noqa: ARG002 - for other kinds of actors
        """Run the hook of an orderly end.

        Args:
            reason: what the actor dies of.
            signalled: whether an exit signal ends it.
        """
        # A hook that is a coroutine function gives the coroutine, to be run.
        return cast("object", self.on_stop())

    def _otp_failing(self, error: BaseException) -> object:
        """Run the hook of a crash."""
        return cast("object", self.on_failure(type(error), error, error.__traceback__))

    def _otp_after_start(self) -> None:
        """Run what must not depend on a subclass calling `super().on_start()`."""

    def _otp_last_state(self) -> dict[str, object]:
        """Return what the log of a crash shows of the actor beside its last message, by name."""
        return {}

    def _otp_inspect(self) -> object:
        """Return what `inspect_state()` shows."""
        return self._otp_held()

    def _otp_held(self) -> object:
        """Return what `info()` shows of the state; called from anywhere, at any time."""
        return public_attributes(self)

    def _otp_handler_of(self, message: object) -> str:  # noqa: ARG002 - for other kinds of actors
        """Return the name of the method that handles what lies so in the mailbox."""
        return "on_receive"


@dataclass(frozen=True, slots=True)
class Options(Generic[A]):
    """How to start actors of a class: what `Actor.options()` returns. Can be kept, and used many times."""

    actor_class: type[A]
    name: Hashable | None = None
    link: bool = False
    trap_exit: bool | None = None
    start_timeout: float | None = None
    runs_on: RunsOn | None = None
    max_mailbox: int | None = None
    overflow: Overflow | None = None

    def __post_init__(self) -> None:
        check_name(self.name)
        check_flag(self.link, "link")
        if self.trap_exit is not None:
            check_flag(self.trap_exit, "trap_exit")
        if self.runs_on is not None:
            _check_runs_on("runs_on", self.runs_on)
        check_timeout(self.start_timeout, "start_timeout")
        check_bound("", self.max_mailbox, self.actor_class.overflow if self.overflow is None else self.overflow)

    def start(self, *args: Any, **kwargs: Any) -> ActorRef[A]:
        """Start an actor and don't wait for it: `Actor.start` with these options.

        Raises:
            AlreadyStarted: another actor has the name; `ref` is that one (A34).
            NotAnActor: `link=True` outside of an actor.
        """
        process = _spawn(self, args, kwargs, waits=False)
        return _ref_of(process)

    def start_link(self, *args: Any, **kwargs: Any) -> ActorRef[A]:
        """Start an actor, linked, and wait for it: `Actor.start_link` with these options.

        Raises:
            AlreadyStarted: another actor has the name; `ref` is that one (A34).
            StartFailed: the actor died before it was up; or was killed, being too slow.
            Ignore: `on_start` raised it.
        """
        process = _spawn(self, args, kwargs, waits=True, link=current() is not None)
        await_start(process, self.start_timeout)
        return _ref_of(process)

    def child_spec(self, *args: object, **kwargs: object) -> ChildSpec:
        """Return the child spec of such an actor; its id is the name, when there is one."""
        spec = self.actor_class.child_spec(*args, **kwargs).replace(start=self.start_link)
        return spec.replace(id=self.name) if self.name is not None else spec


def _ref_of(process: Process) -> ActorRef[Any]:
    ref: Any = process.ref
    return ref  # type: ignore[no-any-return]  # made by _otp_create_ref


def _spawn(
    options: Options[Any], args: tuple[Any, ...], kwargs: dict[str, Any], *, waits: bool, link: bool | None = None
) -> Process:
    starter = current()
    link = options.link if link is None else link
    cls = options.actor_class
    _check_starter(cls, starter, waits=waits, link=link)
    process = _new_process(options, parent=starter if link else None)
    process.quiet_for = process.parent
    actor = cls.__new__(cls, *args, **kwargs)
    actor._otp_attach(process)
    is_admitted = False
    try:
        process.runtime.admit(process, link=link, name=options.name)
        is_admitted = True
        if process.observer is not None:
            process.observer.started(process)
        actor.__init__(*args, **kwargs)  # as type.__call__ does; but the name is taken before
        if not waits:
            process.quiet_for = None
        _pykka_registry.add(process.ref)
        if process.killed:
            # Before it was entered there.
            _pykka_registry.remove(process.ref)
        begins = _begins(actor)
        if waits and begins and starter is not None:
            # Known before the actor runs, so that it can't come to wait for its starter.
            starter.await_later(process, has_settled)
        runs_on = cls.runs_on if options.runs_on is None else options.runs_on
        process.runtime.scheduler.start(process, runs_on, daemon=actor.use_daemon_thread, begins=begins)
    except BaseException as error:
        if starter is not None and starter.runs_here:
            starter.waiting_for = None
        try:
            reason = _why_not_started(error)
            _undo(process, reason)
        except BaseException:
            # Most likely raised by the handler of a signal, and nobody else will end it.
            _undo(process, _why_not_started(error))
            raise
        if isinstance(error, Ignore) and reason == Normal():
            raise IgnoredElsewhere from error
        if is_admitted and waits and isinstance(error, Exception):
            raise StartFailed(cls.__name__, reason) from error
        raise
    return process


def _why_not_started(error: BaseException) -> ExitReason:
    """Return what an actor ends with whose start raised this."""
    match error:
        case ExitRequest():
            return error.reason
        case IgnoredElsewhere():
            # It has only passed on what another did.
            return Crashed(error)
        case Ignore():
            return Normal()
        case _:
            return Crashed(error)


def _undo(process: Process, reason: ExitReason) -> None:
    """End an actor whose start was broken off."""
    if not hasattr(process, "home"):
        # Still claimed by its starter.
        if not process.close(reason):
            process.shut()
        process.depart()
        return
    # The handler of a signal has interrupted the start, and code of the actor may run already.
    kill(process)


def _begins(actor: Actor) -> bool:
    """Tell whether an actor has anything to run before its first message."""
    cls = type(actor)
    has_no_hook = cls.on_start is pykka.Actor.on_start and "on_start" not in vars(actor)
    return not (has_no_hook and cls._otp_after_start is Actor._otp_after_start)


def _check_starter(cls: type[Actor], starter: Process | None, *, waits: bool, link: bool) -> None:
    if starter is None:
        if link:
            msg = f"{cls.__name__}: link=True links to the calling actor, and nobody calls from an actor"
            raise NotAnActor(msg)
        return
    starter.checkpoint("start", cls)
    if waits:
        starter.refuse_to_block()


def _new_process(options: Options[Any], parent: Process | None) -> Process:
    cls = options.actor_class
    trapping = cls.trap_exit if options.trap_exit is None else options.trap_exit
    max_mailbox = cls.max_mailbox if options.max_mailbox is None else options.max_mailbox
    if max_mailbox is None:
        return current_runtime().new_process(cls, parent, trapping=trapping)
    bound = Bound(max_mailbox, cls.overflow if options.overflow is None else options.overflow)
    return current_runtime().new_process(cls, parent, trapping=trapping, bound=bound)


def has_settled(process: Process) -> bool:
    """Tell whether an actor is up, or won't be."""
    return process.started or process.announced


def await_start(process: Process, timeout: float | None) -> None:
    """Wait until an actor is up; raise why it isn't."""
    if not (process.started or process.wait_until(has_settled, timeout)):
        # Unlinked first: it may be up at this very moment, and its kill must not hurt the starter all the same.
        if process.parent is not None:
            process.unlink(process.parent)
        kill(process)
        error = CallTimeout(f"on_start took longer than {timeout} seconds", "timeout")
        raise StartFailed(process.label, "timeout") from error
    if process.started:
        return
    if process.start_ignored:
        raise IgnoredElsewhere
    assert process.reason is not ALIVE, "announced, so it has died"
    cause = process.reason.exception if isinstance(process.reason, Crashed) else None
    raise StartFailed(process.label, process.reason) from cause


def public_attributes(actor: pykka.Actor) -> dict[str, object]:
    """What an actor that keeps its state in attributes shows of it, to whoever looks."""
    # Over a copy, which is made in one step: the actor may be at work.
    attributes = vars(actor).copy()
    return {name: held for name, held in attributes.items() if not name.startswith("_") and name not in _NOT_STATE}


# What Pykka keeps in attributes of its actors, and an adoption puts there.
_NOT_STATE = frozenset({"actor_inbox", "actor_ref", "actor_stopped", "actor_urn", "on_failure"})


def _check_runs_on(what: str, runs_on: object) -> None:
    if runs_on not in get_args(RunsOn):
        msg = f"{what} must be 'shared' or 'thread'; got {runs_on!r}"
        raise ValueError(msg)
