"""Which scenarios of processes can come out in one way only, so that two that play them can be compared.

Within a step one actor acts, and others react to it: they read what they were sent, and die of what they are linked to.
It comes out in one way unless one may die before it reads, or may die of two reasons. So whoever acts is refused what
would let that be, with everything taken at its worst: links and monitors are never undone, and the dead may live.
"""

from __future__ import annotations

from collections import defaultdict

from tests.conformance.language import Json, Op, Scenario, Step

__all__ = ["Course", "Turn", "comes_out_in_one_way"]

DISTURBING = {"exit", "raise", "signal"}


def comes_out_in_one_way(scenario: Scenario) -> bool:
    """Whether a scenario of processes has one outcome, whatever the schedule; False when that isn't certain."""
    course = Course(scenario.actors)
    return all(course.takes(step) for step in scenario.steps)


class Course:
    """What may have happened in a scenario so far.

    Args:
        actors: the scenario's.
    """

    def __init__(self, actors: dict[str, Json]) -> None:
        self.actors = actors
        self.links: defaultdict[str, set[str]] = defaultdict(set)
        self.watchers: defaultdict[str, set[str]] = defaultdict(set)
        self.holders: defaultdict[str, set[str]] = defaultdict(set)
        self.trapping = {label for label, spec in actors.items() if spec.get("trap")}
        self.mortal = set(actors) - self.trapping
        """Those that may not trap exits; one that has switched is here too."""
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
        return Turn(self, actor) if actor in self.actors and actor not in self.held else None

    def bearers(self, label: str) -> set[str]:
        """Whom a label may mean."""
        return self.holders[label] if label.startswith("@") else {label}

    def struck(self, actor: str, reason: Json, sender: str) -> set[str]:
        """Who may die of a signal."""
        if reason == "kill":
            return {actor} | self.bereft(actor, "killed")
        if actor not in self.mortal or (reason == "normal" and actor != sender):
            return set()
        return {actor} | self.bereft(actor, reason)

    def bereft(self, actor: str, reason: Json) -> set[str]:
        """Who may die when an actor dies."""
        found: set[str] = set()
        ahead = set() if reason == "normal" else {actor}
        while ahead:
            more = self.links[ahead.pop()] & self.mortal - found - {actor}
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
    """What one actor does at a time.

    Args:
        course: the scenario.
        actor: who acts.
        told: who may be reading what it was sent.
    """

    def __init__(self, course: Course, actor: str, told: set[str] | None = None) -> None:
        self._course = course
        self._actor = actor
        self._told = told or set()
        # By its signals: who may be dying, who may be reading of that, and to whom they went, if to one only.
        self._doomed: set[str] = set()
        self._heard: set[str] = set()
        self._target: str | None = None
        self._has_waited = False
        self._is_over = False
        self._begun: set[str] = set()
        """Monitors of this turn."""

    def take(self, op: Op) -> bool:
        """Have the actor do this next; False, and nothing has happened, when it may come out in several ways."""
        name, *args = op
        if self._is_over:
            return False
        if name in {"send", *DISTURBING}:
            return bool(getattr(self, f"_{name}")(*args))
        if name == "note":
            return True
        if self._doomed:
            return False
        if name == "tell":
            to, ops = args
            turn = self.tell(to)
            return turn is not None and all(turn.take(op) for op in ops)
        return bool(getattr(self, f"_{name}", self._other)(*args))

    def tell(self, to: str) -> Turn | None:
        """Have another act, and do nothing more; None when it may come out in several ways."""
        course = self._course
        if self._is_over or self._doomed or self._has_waited or to == self._actor:
            return None
        if to not in course.actors or to in course.held:
            return None
        self._is_over = True
        return Turn(course, to, self._told | self._heard)

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
        self._told = self._told | {self._actor}

    def _demonitor(self, name: str, _flush: bool) -> bool:
        # The Down of one that is dead already comes at a moment of OTP's own.
        return name not in self._begun

    def _register(self, name: str, label: str) -> bool:
        if label not in self._course.actors:
            return False
        self._course.holders[f"@{name}"].add(label)
        return True

    def _alive(self, label: str) -> bool:
        return self._is_known(label)

    def _after(self, _timer: str, to: str, *_: Json) -> bool:
        return self._is_known(to)

    def _gate(self, gate: str) -> bool:
        if gate != self._actor or self._has_waited:
            return False
        self._course.held.add(self._actor)
        self._has_waited = True
        self._told = set()
        return True

    def _is_known(self, label: str) -> bool:
        return label.startswith("@") or label in self._course.actors

    # What others react to

    def _send(self, to: str, _value: Json) -> bool:
        # What it does after its gate, it does in a step that nobody knows yet.
        if self._has_waited or not self._is_known(to) or (self._doomed and to.startswith("@")):
            return False
        bearers = self._course.bearers(to)
        if bearers & self._doomed and to != self._target:
            return False
        self._told = self._told | bearers
        return True

    def _signal(self, to: str, reason: Json) -> bool:
        course = self._course
        if to not in course.actors:
            return False
        struck = course.struck(to, reason, self._actor)
        if struck and course.watch_each_other(to, struck - {to}):
            return False
        if self._target == to:
            # Those of one sender arrive in their order. But a kill may come before one that traps exits has read the
            # others, and overtakes them here (A21).
            if reason == "kill" or struck & self._told:
                return False
        elif struck & (self._told | self._heard | self._doomed):
            return False
        self._target = to if self._target in {None, to} else ""
        self._doomed |= struck
        self._heard |= {to} | course.told_of(struck)
        self._is_over = self._actor in {to, *struck} or self._has_waited
        return True

    def _exit(self, reason: Json) -> bool:
        bereft = self._course.bereft(self._actor, reason)
        if bereft & (self._told | self._heard | self._doomed) or self._course.watch_each_other(self._actor, bereft):
            return False
        self._is_over = True
        return True

    def _raise(self, _message: str) -> bool:
        return self._exit("crash")
