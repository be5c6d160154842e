"""Which scenarios of processes and servers can come out in one way only, so that two that play them can be compared.

Within a step one actor acts, and others react to it: they read what they were sent, and die of what they are linked to.
It comes out in one way unless one may die before it reads, or may die of two reasons. So whoever acts is refused what
would let that be, with everything taken at its worst: links and monitors are never undone, and the dead may live.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from tests.conformance.language import Json, Op, Scenario, Step

__all__ = ["RETURNS", "Course", "Turn", "comes_out_in_one_way"]


def comes_out_in_one_way(scenario: Scenario) -> bool:
    """Whether a scenario has one outcome, whatever the schedule; False when that isn't certain."""
    course = Course(scenario.actors)
    return all(course.takes(step) for step in scenario.steps)


class Course:
    """What may have happened in a scenario so far.

    Args:
        actors: the scenario's.
    """

    def __init__(self, actors: dict[str, Json]) -> None:
        self.actors = dict(actors)
        self.links: defaultdict[str, set[str]] = defaultdict(set)
        self.watchers: defaultdict[str, set[str]] = defaultdict(set)
        self.holders: defaultdict[str, set[str]] = defaultdict(set)
        self.trapping = {label for label, spec in actors.items() if spec.get("trap")}
        self.mortal = set(actors) - self.trapping
        """Those that may not trap exits; one that has switched is here too."""
        self.children: defaultdict[str, set[str]] = defaultdict(set)
        """Whom an actor has started with a link."""
        self.fallen: set[str] = set()
        """Who may be dead."""
        self.held: set[str] = set()
        """Who may wait at its gate, which has its name."""

    def takes(self, step: Step) -> bool:
        """Go on by a step; False when it may come out in several ways."""
        match step:
            case {"at": actor, "do": ops}:
                turn = self.turn(actor)
                return turn is not None and all(turn.take(op) for op in ops)
            case {"open": gate}:
                self.held.discard(gate)
                return gate in self.actors
            case {"advance": _}:
                return True
        return False

    def turn(self, actor: str) -> Turn | None:
        """Have an actor act; None when it may be held at its gate."""
        return Turn(self, actor) if self.may_act(actor) else None

    def may_act(self, actor: str) -> bool:
        """Whether an actor is known, and can't be held at its gate."""
        return actor in self.actors and actor not in self.held

    def bearers(self, label: str) -> set[str]:
        """Whom a label may mean."""
        return self.holders[label] if label.startswith("@") else {label}

    def struck(self, actor: str, reason: Json, sender: str) -> set[str]:
        """Who may die of a signal."""
        if reason == "kill":
            return {actor} | self.bereft(actor, "killed")
        # A signal of the parent is taken for its end; and on OTP a server without a parent is its own (A63).
        is_own = actor == sender and self.actors[actor]["kind"] == "server"
        if is_own or actor in self.children[sender]:
            return {actor} | self.bereft(actor, reason)
        if actor not in self.mortal or (reason == "normal" and actor != sender):
            return set()
        return {actor} | self.bereft(actor, reason)

    def bereft(self, actor: str, reason: Json) -> set[str]:
        """Who may die when an actor dies."""
        found: set[str] = set()
        ahead = {actor}
        while ahead:
            one = ahead.pop()
            # Even one that traps exits ends with its parent, whatever the reason (A63).
            linked = set() if reason == "normal" else self.links[one] & self.mortal
            more = (linked | self.children[one] & self.trapping) - found - {actor}
            found |= more
            ahead |= more
        return found

    def told_of(self, dying: set[str]) -> set[str]:
        """Who may read of a death."""
        return {one for actor in dying for one in self.links[actor] | self.watchers[actor]}

    def watch_each_other(self, first: str, bereft: set[str]) -> bool:
        """Whether of those who die one after the other, one may read of another's end before its own."""
        return any(self.watchers[actor] & bereft for actor in {first, *bereft})


class Turn:
    """What one actor does at a time. It may have another act: call a server, and wait; or tell somebody, and be done.

    Args:
        course: the scenario.
        actor: who acts.
        before: the turn that this one is part of.
    """

    def __init__(self, course: Course, actor: str, before: Turn | None = None) -> None:
        self._course = course
        self._actor = actor
        self._is_first = before is None
        self._step: Reactions = before._step if before else Reactions()
        self._step.acting = self
        if self._step.target is not None:
            # What comes of several has no order.
            self._step.target = ""
        self._waiting: set[str] = set()
        """Who waits for an answer of this one, or of one that waits for it."""
        self._has_waited = False
        self._begun: set[str] = set()
        """Monitors of this turn."""

    def take(self, op: Op) -> bool:
        """Have the actor do this next; False, and it doesn't, when it may come out in several ways."""
        name, *args = op
        if self._step.acting is not self:
            return False
        if name == "note":
            return True
        if name == "noreply" and args:
            # What it goes on with, before anything else.
            return all(self.take(op) for op in args[0][1])
        if name in RETURNS:
            return self._end(RETURNS[name](*args))
        if name in {"send", "signal"}:
            return bool(getattr(self, f"_{name}")(*args))
        if self._step.doomed:
            return False
        if name in {"tell", "cast", "call"}:
            to, ops = args
            turn = self.begin(name, to)
            if turn is None or not all(turn.take(op) for op in ops):
                return False
            turn.give_back(self)
            return True
        return bool(getattr(self, f"_{name}", self._other)(*args))

    def begin(self, how: str, to: str) -> Turn | None:
        """Have another act, which is told to, or cast, or called; None when it may come out in several ways.

        Who calls waits, and goes on when it is given back; others do nothing more.
        """
        is_server = self._course.actors.get(to, {}).get("kind") == "server"
        if (how != "tell" and not is_server) or (how != "call" and self._waiting) or to in self._waiting:
            return None
        turn = self._next(to)
        if turn is not None and how == "call":
            turn._waiting = self._waiting | {self._actor}
        return turn

    def give_back(self, caller: Turn) -> None:
        """Have the caller go on, if one waits."""
        if self._waiting:
            self._step.acting = caller

    def _next(self, to: str) -> Turn | None:
        step, is_free = self._step, to in self._course.actors and to != self._actor and to not in self._course.held
        if step.acting is not self or step.doomed or self._has_waited or not is_free:
            return None
        step.told |= step.heard
        return type(self)(self._course, to, self)

    # What disturbs nobody

    def _other(self, *_: Json) -> bool:
        return True

    def _catch(self, ops: list[Op]) -> bool:
        return all(name in {"exit", "raise", "note"} for name, *_ in ops)

    def _trap(self, flag: bool) -> bool:
        (self._course.trapping if flag else self._course.mortal).add(self._actor)
        return True

    def _link(self, to: str) -> bool:
        if to not in self._course.actors:
            return False
        self._course.links[to].add(self._actor)
        self._course.links[self._actor].add(to)
        self._hear_of_the_dead()
        return True

    def _unlink(self, to: str) -> bool:
        return to in self._course.actors

    def _monitor(self, to: str, name: str) -> bool:
        if not self._is_known(to):
            return False
        self._begun.add(name)
        for target in self._course.bearers(to):
            self._course.watchers[target].add(self._actor)
        self._hear_of_the_dead()
        return True

    def _hear_of_the_dead(self) -> None:
        # Who links or watches one that is dead has a message of it.
        self._step.told.add(self._actor)

    def _demonitor(self, name: str, _flush: bool) -> bool:
        # The Down of one that is dead already comes at a moment of OTP's own.
        return name not in self._begun

    def _register(self, name: str, label: str) -> bool:
        if label not in self._course.actors:
            return False
        self._course.holders[f"@{name}"].add(label)
        return True

    def _start(self, label: str, spec: Json, how: str) -> bool:
        # Whoever isn't there can't be named by what follows, so it has to be certain that it comes to be.
        course = self._course
        if not self._is_first or self._has_waited or self._actor in course.fallen or label in course.actors:
            return False
        course.actors[label] = spec
        (course.trapping if spec.get("trap") else course.mortal).add(label)
        if how == "link":
            course.children[self._actor].add(label)
            self._link(label)
        return True

    def _alive(self, label: str) -> bool:
        return self._is_known(label)

    def _after(self, _timer: str, to: str, *_: Json) -> bool:
        return self._is_known(to)

    def _gate(self, gate: str) -> bool:
        if gate != self._actor or self._has_waited or self._waiting:
            return False
        self._course.held.add(self._actor)
        self._has_waited = True
        self._step.told = set()
        return True

    def _is_known(self, label: str) -> bool:
        return label.startswith("@") or label in self._course.actors

    # What others react to

    def _send(self, to: str, _value: Json) -> bool:
        # What it does after its gate, it does in a step that nobody knows yet.
        step = self._step
        if self._has_waited or not self._is_known(to) or (step.doomed and to.startswith("@")):
            return False
        bearers = self._course.bearers(to)
        if bearers & step.doomed and to != step.target:
            return False
        step.told |= bearers
        return True

    def _signal(self, to: str, reason: Json) -> bool:
        course, step = self._course, self._step
        # After its gate it has mail, and if it were to die of another's death, it might read that first.
        if to not in course.actors or (self._has_waited and to != self._actor):
            return False
        struck = course.struck(to, reason, self._actor)
        # One that answers, and has sent itself a signal, may or may not do so first (A12).
        spared = {*self._waiting, self._actor} if self._waiting else set()
        if struck & spared or (struck and course.watch_each_other(to, struck - {to})):
            return False
        if step.target == to:
            # Those of one sender arrive in their order. But a kill may come before one that traps exits has read the
            # others, and overtakes them here (A21).
            if reason == "kill" or struck & step.told:
                return False
        elif struck & step.affected or ({to} | course.told_of(struck)) & step.doomed:
            return False
        step.target = to if step.target in {None, to} else ""
        step.doomed |= struck
        course.fallen |= struck
        step.heard |= {to} | course.told_of(struck)
        if self._actor in {to, *struck}:
            step.acting = None
        return True

    def _end(self, reason: Json) -> bool:
        """Return, and end by a reason, or by none."""
        course, step = self._course, self._step
        if reason is not None:
            bereft = course.bereft(self._actor, reason)
            told = course.told_of({self._actor} | bereft)
            if bereft & (step.affected | self._waiting) or course.watch_each_other(self._actor, bereft):
                return False
            if told & step.doomed:
                return False
            step.doomed |= {self._actor} | bereft
            course.fallen |= step.doomed
            step.heard |= told
            step.target = ""
        step.acting = None
        return True

    def _halt(self, to: str, reason: Json) -> bool:
        turn = self.begin("call", to)
        if turn is None or to in self._step.told or not turn._end(reason):
            self._step.acting = self
            return False
        turn.give_back(self)
        if not self._course.bereft(to, reason):
            self._step.buried.add(to)
        return True


class Reactions:
    """What may be going on at a moment of a step."""

    def __init__(self) -> None:
        self.acting: Turn | None = None
        self.told: set[str] = set()
        """Who may be reading what it was sent."""
        self.heard: set[str] = set()
        """Who may be reading of a signal, or of an end."""
        self.doomed: set[str] = set()
        """Who may be dying."""
        self.buried: set[str] = set()
        """Who of them is dead for certain, when whoever acts goes on."""
        self.target: str | None = None
        """To whom signals went, if to one only."""

    @property
    def affected(self) -> set[str]:
        return self.told | self.heard | self.doomed


RETURNS: dict[str, Callable[..., Json]] = {
    "exit": lambda reason: reason,
    "raise": lambda message: ["crash", message],
    "stop": lambda reason, *_: reason,
    "bad": lambda value: ["bad_return", value],
    "noreply": lambda *_: None,
    "reply": lambda *_: None,
    "reply_state": lambda *_: None,
}
"""What ends what an actor does, and the reason of which it dies then."""
