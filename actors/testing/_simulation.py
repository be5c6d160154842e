"""The engine: all actors run in one thread, in virtual time, and a policy decides at each switch point who goes on.

The test runs in the same thread. While it waits, actors run; nothing else ever does. An actor's code runs in a
greenlet, which it leaves where it waits, and where the policy has somebody else go on at a switch point.
"""

from __future__ import annotations

import math
import threading
from collections import Counter, deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

from greenlet import getcurrent, greenlet

from actors._process import Process, current, new_waiter
from actors.errors import Deadlock, ProcessKilled
from actors.testing._bodies import SimulatedScheduler
from actors.testing._deadlocks import stuck, wait_of
from actors.testing._held_locks import locks_at_hand, refuse_held
from actors.testing._interrupts import give_back, take_interrupts
from actors.testing._names import Names
from actors.testing._shown import name_of, shape, shown
from actors.testing._stand_ins import NotSimulated, give_place_to, take_the_place_of_others, where_called
from actors.testing._told import source_of
from actors.testing._virtual_clock import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._clock import Waiter
    from actors.testing._bodies import Body
    from actors.testing._policy import Policy
    from actors.testing._post import Post
    from actors.testing._stand_ins import SimulatedLock

__all__ = ["MAX_STEPS", "TURNS_EACH", "Livelock", "Simulation", "messages_of"]

MAX_STEPS = 100_000
"""Switch points after which a run is taken for one that never ends, where nobody says otherwise."""


class Livelock(AssertionError):
    """A simulation went on for longer than it may; the message names who did what again and again."""


def _turn_of(body: Body) -> str:
    """Whose turn it is, and what he is at; of the event loop, whose coroutine's."""
    process: Any = body if isinstance(body, Process) else getattr(body, "whose", None)
    if process is None:
        return str(body.known_as)
    handles = "" if process.handling is None else f" handles {shown(process.handling)}"
    return f"{name_of(process)}{handles}"


def _most_of(what: list[str]) -> str:
    return "\n".join(f"  {one} ({count} times)" for one, count in Counter(what).most_common(_REPEATING))


_RECENT = 1000
"""Steps that are looked at when there are too many."""

_REPEATING = 5
"""How many of those that repeat most are named."""

_PATIENCE = 10
"""How many times as often the test may wait until a time is over, and an actor look at the time: each has its reasons,
or polls for ever."""

_TURNS = 300
"""Turns that are looked at when there are too many."""

TURNS_EACH = 10
"""How many turns a message may take, a task, or a timer: the event loop begins a task and ends it, and the actor goes
on then."""

_TIMERS = 1000
"""How many timers may open, when the test is over, a lock for which somebody waits."""

_LOST = 5
"""Messages that are named of those that were lost."""

_UNHEARD = (
    "the event loop isn't woken by event.set(), future.set_result(), queue.put_nowait() or task.cancel() of code that "
    "runs elsewhere than in its coroutines: take loop.call_soon_threadsafe(event.set), or "
    "asyncio.run_coroutine_threadsafe(queue.put(item), loop)"
)

_STUBBORN = 10
"""How often code that swallows its end is asked again."""


def messages_of(process: Process) -> int:
    """How many messages an actor has, the one in hand included."""
    return process.mailbox_length() + (process.handling is not None)


def _to_do(process: Process) -> int:
    """How many messages it has, and tasks of coroutines."""
    return messages_of(process) + len(process.tasks or ())


def _nobody_told(_process: Process) -> None:
    """Nobody wants to know."""


_given_up: list[greenlet] = []
"""Code that swallows its end. As garbage it would be ended once more, and go on."""

_SHUT = threading.Lock()
"""What opens never."""

_SHUT.acquire()


class Simulation:
    """Runs bodies, one step after the other.

    Args:
        policy: who goes on at each switch point.
        max_steps: how many switch points there may be; and, since code may go on without any, how many turns
            in one wait of the test.
        max_time: how many virtual seconds a test may wait for.
        step_seconds: how much of the machine's time a step may take.
    """

    # A dict of so many would be slower.
    __slots__ = (
        "_allowance",
        "_chosen",
        "_endless",
        "_gate",
        "_hub",
        "_idle",
        "_inner",
        "_interrupt",
        "_is_closed",
        "_loops",
        "_max_time",
        "_recent",
        "_resisted",
        "_stopped",
        "_taken",
        "_turns_limit",
        "_vain",
        "_was_to_do",
        "after_step",
        "before_leaving",
        "begun",
        "clock",
        "drops",
        "ended",
        "event_loop",
        "harmless_entries",
        "has_failed",
        "held",
        "injected",
        "interruption",
        "is_unwinding",
        "listeners",
        "lock_waits",
        "looker",
        "lost",
        "max_steps",
        "names",
        "policy",
        "post",
        "processes",
        "ready",
        "running",
        "scheduler",
        "step_seconds",
        "steps",
        "strikes",
        "stuck",
        "thread",
        "told_of",
        "turns",
    )

    def __init__(self, policy: Policy, *, max_steps: int, max_time: float, step_seconds: float) -> None:
        self.policy = policy
        self.step_seconds = step_seconds
        self.thread = threading.get_ident()
        # What the test is to fail with once it has its turn: a step took too long, or somebody wants it to end.
        self.interruption: BaseException | None = None
        # The last interrupt that has ended the test.
        self._interrupt: BaseException | None = None
        # At how many turns in vain there are too many: so many in one wait of the test's. How much there was to do
        # then, and how many more that allows for; None before.
        self._turns_limit = max_steps
        self._was_to_do = 0
        self._allowance: int | None = None
        # How often the test has waited until a time was over.
        self._vain = 0
        # Who had his turn since there were too many.
        self._endless: list[str] = []
        # Where users' functions enter by a call what has no lock from before: the code, where in it, and whose call it
        # is. And what they give to such calls that has none: its names, and the class of what has it.
        self.harmless_entries: set[tuple[object, ...]] = set()
        # Whether code is being ended, by nobody's turn.
        self.is_unwinding = False
        # How often somebody had his turn.
        self.turns = 0
        # Who can run, and waits for its turn, the longest first.
        self.ready: list[Body] = []
        self.clock = VirtualClock(self)
        self.scheduler = SimulatedScheduler(self)
        self.running: Body | None = None
        self.steps = 0
        # Looks whether whoever runs may be left; None when nobody wants to look.
        self.before_leaving: Callable[[Body | None], None] | None = None
        self.names = Names()
        # Told of each actor before its code runs first.
        self.begun: Callable[[Process], None] = _nobody_told
        # Told of each that is gone.
        self.ended: Callable[[Process], None] = _nobody_told
        # What goes wrong at a point, as a test has it.
        self.strikes: list[Callable[[Process, str, tuple[object, ...]], None]] = []
        # Whether a message is lost on its way; None when none ever is.
        self.drops: Callable[[Process, object], bool] | None = None
        # What was lost last, and on its way to whom.
        self.lost: deque[tuple[Process, object]] = deque(maxlen=_LOST)
        # What was raised for that, and is no accident.
        self.injected: list[BaseException] = []
        # Who waits for which of the locks that stand in for threading's, without a time-out.
        self.lock_waits: dict[Body, SimulatedLock] = {}
        # Who does so with the test's knowledge: it has got a `Deadlock` that says so.
        self.told_of: set[Body] = set()
        # What is left to tell when all have ended.
        self.stuck: Deadlock | Livelock | None = None
        # What is on its way; None when all arrives at once.
        self.post: Post | None = None
        # Whom the test holds, and where.
        self.held: dict[Process, str] = {}
        self.listeners: list[Callable[[Process, str, tuple[object, ...]], None]] = []
        self.max_steps = max_steps
        self._max_time = max_time
        self._chosen: Body | None = None
        # Where the test is while it waits; and what opens when that is over. None when it looks after each step itself.
        self._hub: greenlet | None = None
        # In which other simulation, that was entered within this one, the test is while it waits for this one.
        self._inner: Simulation | None = None
        self._gate: threading.Lock | None = None
        # What has handled interrupts before that, and will again.
        self._taken: Any = None
        self._loops: list[greenlet] = []
        self._idle: list[greenlet] = []
        self._is_closed = False
        # The one whose code a failure has stopped, until it is unwound.
        self._stopped: greenlet | None = None
        # At how many points code has come that was to end there, and goes on.
        self._resisted = 0
        # Whether the test has failed already: what else fails ends, and isn't told of.
        self.has_failed = False
        # The one of asyncio, when there is one: others must not take themselves for its coroutines.
        self.event_loop: Any = None
        self._recent: deque[tuple[Process, str, tuple[object, ...]]] = deque(maxlen=_RECENT)
        self.processes: Callable[[], list[Process]] = list
        # Called by the test's own code after each step, at every switch point; None when nobody wants to look.
        self.after_step: Callable[[], None] | None = None
        # What looks just now whether something holds, amid the work of others, and what it was given to; None while
        # nothing does.
        self.looker: tuple[object, str] | None = None

    # Called by the test

    def run_until_idle(self) -> None:
        """Have everybody run who can; time stands still."""
        self._enter(_SHUT)
        try:
            while self._step():
                pass
        finally:
            self._leave_to_test()

    def run_until(
        self,
        is_over: Callable[[], object],
        timeout: float | None,
        *,
        gate: threading.Lock | None = None,
        must_come: bool = False,
        raises: bool = True,
    ) -> bool:
        """Have everybody run, and time pass, until something holds; False after `timeout` seconds.

        Args:
            gate: a lock that is released before it holds: meanwhile bodies go on one after the other, without it being
                looked at.
            must_come: whether it is an error, too, that nothing can happen any more before `timeout`.
            raises: whether it is an error that it never will; else that is False, too.

        Raises:
            Deadlock: it never will: nobody can run, and there is no timer.
            Livelock: it goes on for longer than it may.
        """
        deadline = math.inf if timeout is None else self.clock.now() + timeout
        self._enter(gate)
        try:
            while not is_over():
                if self._step() and not (self._is_late_to_end() and deadline < math.inf):
                    continue
                due = self.clock.next_deadline()
                if due is None and (must_come or deadline == math.inf):
                    if raises:
                        raise self.never_over()
                    return False
                if not self._pass_time(due, deadline):
                    return bool(is_over())
            return True
        finally:
            self._leave_to_test()

    def advance(self, seconds: float) -> None:
        """Let time pass, and everybody run who can meanwhile, in order."""
        end = self.clock.now() + seconds
        self.run_until_idle()
        while (due := self.clock.next_deadline()) is not None and due <= end:
            self.clock.fire_next()
            self.run_until_idle()
        self.clock.move_to(end)

    def waits_in_vain(self, *, with_gone: bool = True) -> list[Body]:
        """Find those who wait for ever for a lock, as things stand, and of whom the test hasn't been told."""
        return [body for body in stuck(self.lock_waits, with_gone=with_gone) if body not in self.told_of]

    def see_who_is_stuck(self) -> None:
        """Let time pass for those who can't go on now, as long as others wait for ever for a lock: a timer may open it.

        Raises:
            Deadlock: none has.
        """
        # The time of what the test has injected is over.
        self.strikes.clear()
        # Others may go on for ever.
        with suppress(Livelock):
            for _ in range(_TIMERS):
                due = self.clock.next_deadline()
                if due is None or due > self._max_time or not self.waits_in_vain():
                    break
                self.clock.fire_next()
                self.run_until_idle()
        deadlock = self._deadlock_of(self.waits_in_vain())
        if deadlock is not None:
            raise deadlock

    def _deadlock_of(self, bodies: list[Body]) -> Deadlock | None:
        if not bodies:
            return None
        lines = "".join(f"\n  {wait_of(body, self.lock_waits)}" for body in bodies)
        return Deadlock(f"actors wait for locks that nobody can open any more{lines}", "deadlock")

    def close(self) -> None:
        """End what still waits somewhere: code that has swallowed its kill, or that a failure has left where it was."""
        self._note_stuck()
        self._is_closed = True
        for loop in self._idle:
            # Out of its own loop, since there is no more to do; and back here.
            loop.parent = getcurrent()
            loop.switch(None)
        for loop in self._loops:
            if not loop.dead:
                self._unwind(loop)
        self._loops.clear()
        self._idle.clear()
        # Most of what a run leaves behind, which would be garbage later, and all at once.
        self._recent.clear()
        self.lost.clear()

    def _note_stuck(self) -> None:
        # Without those that the end has taken a lock from: others might have opened it.
        if self.stuck is None:
            self.stuck = self._deadlock_of(self.waits_in_vain(with_gone=False))

    def free_event_loop(self) -> None:
        """End the code that the event loop waits in, so that its other coroutines come to their own ends."""
        for _ in range(_STUBBORN):
            loop = self.event_loop.greenlet
            if loop is None or loop.dead:
                return
            self._note_stuck()
            self._unwind(loop)
            self.run_until_idle()

    def _unwind(self, loop: greenlet) -> None:
        """End the code that is at work there: it may hold what others would wait for."""
        taken = take_interrupts()
        was_closed, self._is_closed = self._is_closed, True
        self.is_unwinding = True
        self._resisted = 0
        event_loop: Any = self.event_loop if self.event_loop and self.event_loop.greenlet is loop else None
        if event_loop is not None:
            event_loop.enter()
        try:
            for _ in range(_STUBBORN):
                if not loop.dead:
                    self.turns += 1
                    loop.parent = getcurrent()
                    with suppress(ProcessKilled):
                        loop.throw(ProcessKilled)
        except KeyboardInterrupt:
            if self.interruption is None:
                raise
        finally:
            if event_loop is not None:
                event_loop.leave()
            self._is_closed = was_closed
            self.is_unwinding = False
            if taken is not None:
                give_back(taken)
        self._raise_interruption()

    def _raise_interruption(self) -> None:
        if self.interruption is not None:
            interruption, self.interruption = self.interruption, None
            raise interruption

    def _pass_time(self, due: float | None, deadline: float) -> bool:
        """Move on to the next timer, which is due then; False when `deadline` comes first."""
        if due is not None and due <= deadline:
            if due > self._max_time:
                raise self.livelock(f"for more than max_time={self._max_time} virtual seconds")
            self.clock.fire_next()
            return True
        self.clock.move_to(deadline)
        # It may poll.
        self._vain += 1
        if self._vain >= _PATIENCE * self.max_steps:
            self._note_endless("the test, which has waited in vain")
        return False

    # Running

    def _enter(self, gate: threading.Lock | None) -> None:
        if threading.get_ident() != self.thread:
            what = f"a wait for simulated actors, by the thread {threading.current_thread().name!r},"
            instead = "they run in the thread of the test alone; have an actor, or a Task, do what the thread does"
            raise NotSimulated(what, where_called(), instead)
        self.refuse_looker("waits for actors")
        if self._hub is not None:
            msg = "only the test itself waits for the simulation; an actor waits for another by an ask, or sleep()"
            raise RuntimeError(msg)
        if self._stopped is not None:
            stopped, self._stopped = self._stopped, None
            self._unwind(stopped)
        self._hub = getcurrent()
        self._taken = take_interrupts()
        self._inner = take_the_place_of_others(self)
        self._gate = gate
        self._turns_limit = self._vain_turns() + self.max_steps
        self._allowance = None

    def _leave_to_test(self) -> None:
        self._hub = None
        if self._inner is not None:
            give_place_to(self._inner)
        if self._taken is not None:
            give_back(self._taken)

    def _step(self) -> bool:
        """Have bodies run until all wait, or the test has to look; False when nobody can."""
        body = self._next()
        if body is None:
            return False
        if self._vain_turns() >= self._turns_limit:
            self._look_at_endless(body)
        self._switch_to(body)
        self.running = None
        if self.interruption is not None:
            self._raise_interruption()
        if self.after_step is not None:
            self.after_step()
        return True

    def _vain_turns(self) -> int:
        """How many turns there were but those in which somebody handled what he was told at a switch point."""
        return self.turns - self.steps

    def _look_at_endless(self, body: Body) -> None:
        """See who goes on though there were too many turns, and say it when enough is seen."""
        to_do = sum(map(_to_do, self.processes())) + self.clock.due_now()
        if self._allowance is None:
            self._was_to_do, self._allowance = to_do, TURNS_EACH * to_do
        # What becomes more and more is never done; a task that sleeps has a timer beside it.
        elif to_do > 2 * self._was_to_do:
            self._allowance = 0
        more = min(self._allowance, self.max_steps)
        if more:
            self._allowance -= more
            self._turns_limit += more
            return
        # It is still to come when this fails.
        self._chosen = body
        self._note_endless(_turn_of(body))
        self._chosen = None

    def _is_late_to_end(self) -> bool:
        """Whether all are to end and some go on: those are killed after a time, which would stand still."""
        return self.has_failed and self._vain_turns() >= self._turns_limit

    def _note_endless(self, who: str) -> None:
        self._endless.append(who)
        if len(self._endless) >= (self.max_steps if self.has_failed else _TURNS):
            turns, self._endless = self._endless, []
            what = f"for more than max_steps={self.max_steps} turns"
            raise Livelock(f"the simulation went on {what}; of its last {len(turns)} turns\n{_most_of(turns)}")

    def _next(self) -> Body | None:
        """Take out who goes on; None when nobody can."""
        body = self._chosen
        if body is not None:
            self._chosen = None
            return body
        ready = self.ready
        if len(ready) > 1:
            body = self.policy.next_of(ready, None)
            ready.remove(body)
            return body
        return ready.pop() if ready else None

    def _next_at_once(self) -> Body | None:
        """Take out who goes on from here; None when nobody can, or the test has to look first, or to begin with it."""
        gate = self._gate
        if gate is None or self.after_step is not None or self.interruption is not None or not gate.locked():
            return None
        if self._vain_turns() >= self._turns_limit:
            return None
        body = self._next()
        if body is None or body.greenlet is not None or self._idle:
            return body
        # A greenlet counts as deep in calls as the code is that begins it.
        self._chosen = body
        return None

    def _switch_to(self, body: Body) -> None:
        self.running = body
        self.turns += 1
        loop = body.greenlet
        if loop is None:
            loop = body.greenlet = self._idle.pop() if self._idle else self._new_loop()
            loop.switch(body)
        else:
            loop.switch()

    def fail(self, failure: BaseException) -> None:
        """Raise it in the test, and let the code that is at work here go no further.

        It is unwound before others run again, and not at once: the test may want to see how things are.
        """
        self._end_what_failed()
        event_loop: Any = self.event_loop if self.event_loop is self.running else None
        if event_loop is not None:
            event_loop.leave()
        # It may have been about to let others go first.
        if self.running in self.ready:
            self.ready.remove(self.running)
        self.running = None
        self._stopped = getcurrent()
        hub: Any = self._hub
        hub.throw(failure)

    def _fail_of_steps(self) -> None:
        # To say it takes a while, and code that swallows its end comes here again and again.
        self._end_what_failed()
        self.fail(self.livelock(f"for more than max_steps={self.max_steps} switch points"))

    def _end_what_failed(self) -> None:
        if self.has_failed or self.is_unwinding:
            self._end_here("the test has failed before")

    def _end_here(self, why: str) -> NoReturn:
        """Have the code that is at work here go no further."""
        self._note_resisted()
        raise ProcessKilled(why)

    def _note_resisted(self) -> None:
        """Know that code comes here that is to end; for ever it doesn't, though it swallow whatever ends it."""
        if self.running is None and not self.is_unwinding:
            # It is the test's.
            return
        self._resisted += 1
        if self._resisted > self.max_steps:
            self._resisted = 0
            self._give_up()

    def _give_up(self) -> NoReturn:
        """Leave the code that is at work here for good."""
        if self.stuck is None:
            process = current()
            who = "the code of an actor" if process is None else name_of(process)
            what = f"came to more than max_steps={self.max_steps} points when it was to end"
            instead = "have it catch Exception, which no kill is, or let its loop end"
            self.stuck = Livelock(f"{who} {what}: it swallows what ends it, and is given up; {instead}")
        event_loop: Any = self.event_loop if self.event_loop is self.running else None
        if event_loop is not None:
            event_loop.leave()
        self.running = None
        me: Any = getcurrent()
        _given_up.append(me)
        while True:
            # It never has its turn again, whoever wakes it.
            with suppress(BaseException):
                (me.parent if self._hub is None else self._hub).switch()

    def _new_loop(self) -> greenlet:
        loop = greenlet(self._loop, self._hub)
        self._loops.append(loop)
        return loop

    def _loop(self, body: Body | None) -> None:
        me = getcurrent()
        while body is not None and not self._is_closed:
            body.run_once(self)
            body.greenlet = None
            if self._is_closed:
                return
            if self.before_leaving is not None and not self._may_leave(self.before_leaving):
                return
            self._idle.append(me)
            following = self._next_at_once()
            if following is not None and following.greenlet is None:
                self._idle.pop()
                self.running = body = following
                self.turns += 1
                body.greenlet = me
                continue
            if following is not None:
                self.running = following
                self.turns += 1
            onward: Any = self._hub if following is None else following.greenlet
            body = onward.switch()

    def _may_leave(self, look: Callable[[Body | None], None]) -> bool:
        try:
            look(self.running)
        except ProcessKilled:
            # It failed, and all has ended since.
            return False
        return True

    def step_aside(self) -> None:
        """Let others have their turn, if it is theirs."""
        if self.is_unwinding:
            self._end_here("the simulation has ended")
        body = self.running
        if body is not None:
            self.ready.append(body)
            self.leave()

    def leave(self) -> None:
        """Leave the current greenlet until it is switched to again."""
        if self._is_closed:
            self._end_here("the simulation has ended")
        if self.before_leaving is not None:
            self.before_leaving(self.running)
        held = locks_at_hand(self)
        if held:
            refuse_held(self, held)
        self._hand_over()

    def _hand_over(self) -> None:
        """Be left for whoever goes on, until it is switched to again."""
        event_loop: Any = self.event_loop if self.event_loop is self.running else None
        if event_loop is not None:
            event_loop.leave()
        body = self._next_at_once()
        if body is not None:
            self._switch_to(body)
        else:
            hub: Any = self._hub
            hub.switch()
        if event_loop is not None:
            event_loop.enter()

    # Called in the code of bodies

    def at_point(self, process: Any, point: str, about: tuple[object, ...]) -> None:
        """Be at a switch point: another may go on first."""
        # The actor; or the event loop, which runs a coroutine of the actor's.
        body = self.running
        if body is None:
            # The test, in an actor's name; or the simulation has ended.
            self._note_resisted()
            return
        self.steps = steps = self.steps + 1
        if steps > self.max_steps:
            self._fail_of_steps()
        self._recent.append((process, point, about))
        if self.listeners:
            for listener in self.listeners:
                listener(process, point, about)
        if self.strikes:
            for strike in self.strikes:
                strike(process, point, about)
        ready = self.ready
        if ready:
            chosen = self.policy.next_of(ready, body)
            if chosen is not body:
                ready.remove(chosen)
                ready.append(body)
                self._chosen = chosen
                self.leave()
                return
        if self.after_step is not None:
            self._chosen = body
            self._hand_over()

    def is_interrupted_by(self, error: BaseException) -> bool:
        """Whether it is an interrupt, as Ctrl-C raises it wherever the program is: that ends the test, and no actor."""
        if not isinstance(error, KeyboardInterrupt) or any(error is one for one in self.injected):
            return False
        # One that a coroutine has raised is raised again in whoever awaits it.
        if error is not self._interrupt:
            self._interrupt = error
            if self.interruption is None:
                self.interruption = error
        return True

    def note(self, process: Process, point: str, about: tuple[object, ...]) -> None:
        """Have those told who listen."""
        self._recent.append((process, point, about))
        if self.listeners:
            for listener in self.listeners:
                listener(process, point, about)

    def refuse_looker(self, what: str) -> None:
        """Refuse to have what only looks do anything: it would be looked at again amid that, without end.

        Raises:
            RuntimeError: it is what calls.
        """
        if self.looker is not None and threading.get_ident() == self.thread:
            given, to = self.looker
            who = f"{source_of(given)}, which was given to {to},"
            why = "it is called amid the work of actors, and may only look"
            instead = "at what they have written, system.trace, whereis(), is_alive(); have the test do the rest itself"
            raise RuntimeError(f"{who} {what}; {why}: {instead}")

    def livelock(self, what: str) -> Livelock:
        """Say who has done what again and again."""
        steps = [
            f"{name_of(process)} {point} {shape(about[-1]) if about else ''}" for process, point, about in self._recent
        ]
        return Livelock(f"the simulation went on {what}; of its last {len(steps)} steps\n{_most_of(steps)}")

    def never_over(self) -> Deadlock:
        """Say who waits for whom; the test is told of all who wait for a lock now."""
        waiting: list[Any] = [one for one in self.processes() if one.waiter or one.handling is not None]
        waiting += [body for body in self.lock_waits if body not in waiting]
        lines = "\n".join(f"  {wait_of(body, self.lock_waits)}" for body in waiting) or "  no actor waits"
        self.told_of.update(self.lock_waits)
        lost = "".join(f"\n  {name_of(one)} never got {shown(what)}: drop() has it be lost" for one, what in self.lost)
        unheard = "" if self.event_loop is None or not self.event_loop.has_unheard else f"\n  {_UNHEARD}"
        msg = f"the test waits for what can never come: nobody can run, and there is no timer\n{lines}{lost}{unheard}"
        return Deadlock(msg, "deadlock")

    def look_at_clock(self) -> float:
        """Say what time it is to code that may look until it is late enough, which it won't be by that."""
        who = self.running
        moment = self.clock.look(who)
        # An actor may look at each of its messages.
        if self.clock.looks[who] > self.max_steps * (1 if who is None else _PATIENCE):
            del self.clock.looks[who]
            whose = "the test" if who is None else _turn_of(who)
            what = (
                f"looked at time.monotonic() more often than max_steps={self.max_steps} allows, while time stood still"
            )
            instead = "who waits for it to pass lets it: by time.sleep(), system.advance() or system.run_until()"
            livelock = Livelock(f"{whose} {what}; {instead}")
            if who is not None:
                self.fail(livelock)
            raise livelock
        return moment

    def sleep(self, seconds: float) -> None:
        """Let time pass for the code that calls, of the test or of an actor; a kill doesn't end it."""
        self.new_waiter().wait(self.clock, seconds)

    def new_waiter(self) -> Waiter:
        """A waiter for what knows of no actors, as `time.sleep()`: in a coroutine it has all others of those wait."""
        return new_waiter() if self.running is None else self.scheduler.driver.new_waiter()

    def kill_lands(self, process: Any) -> bool:
        """Whether the code of a killed actor notices it now: one that shares its thread is unwound at once."""
        return process.home.runs_on == "shared" or self.policy.kill_lands(process)
