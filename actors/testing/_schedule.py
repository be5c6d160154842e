"""Schedules: what a run did otherwise than in turn, written down so that code that has changed can have it again.

Nothing in it is the number of a step. Each deviation is at an actor's place: a point of its code, with this kind of
message, for the n-th time. So an actor or a message more, elsewhere, leaves it as it is.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self, TypeAlias

from actors._backlog import Events
from actors.testing._policy import InTurn
from actors.testing._shown import name_of, shape, shown
from actors.testing._simulation import MAX_STEPS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from actors._process import Process
    from actors.testing._bodies import Body
    from actors.testing._injection import Fault
    from actors.testing._policy import Policy
    from actors.testing._simulation import Simulation
    from actors.testing.system import Delivery

__all__ = ["Decisions", "Deviation", "Follower", "Kind", "Recorder", "Schedule", "Whereabouts"]

Kind: TypeAlias = Literal["switch", "turn", "unharmed", "fault"]


class _Place(NamedTuple):
    """Where an actor is: at this point of its code, with this kind of message, for the n-th time."""

    actor: str
    point: str
    message: str
    nth: int


@dataclass(frozen=True, slots=True)
class Deviation:
    """One thing that went otherwise than in turn.

    Args:
        kind: `"switch"`: at the point, before what it does there, another goes on. `"turn"`: it was to go on there, or
            to begin with a message, and another goes on first. `"unharmed"`: it was killed, and its code goes on from
            there. `"fault"`: what a test has injected strikes there, as it does nowhere else.
        actor: whose place it is, `Class-n#k`.
        point: which point: `"tell"`, `"register"`, ...; `"receive"` for a message that it is about to handle.
        message: what kind of message or value is at hand there.
        nth: how often that actor came to such a point with such a message, this time included.
        then: who goes on; or what goes wrong.
        turns: how often it has had its turn at this very place before, as one that waits for a lock again may.
        shown: the message itself, for people to read.
    """

    kind: Kind
    actor: str
    point: str
    message: str = ""
    nth: int = 1
    then: str = ""
    turns: int = 0
    shown: str = field(default="", compare=False)

    def __str__(self) -> str:
        message = self.shown or self.message
        time = "" if self.nth == 1 else f", time {self.nth}"
        sentence = _SENTENCES.get((self.kind, self.point)) or _SENTENCES[self.kind, ""]
        about = f"{self.point}({message}){time}"
        return f"{self.actor}: {sentence.format(about=about, message=message + time, then=self.then)}"


_SENTENCES: dict[tuple[Kind, str], str] = {
    ("switch", ""): "at {about}, before that {then} goes on",
    ("turn", "begin"): "before its turn, {then} goes on first",
    ("turn", "receive"): "before it handles {message}, {then} goes on first",
    ("turn", "events"): "before it gets {message}, {then} goes on first",
    ("turn", ""): "back from {about}, {then} goes on first",
    ("unharmed", ""): "killed, goes on from {about}",
    ("fault", "receive"): "{then} before it handles {message}",
    ("fault", "handled"): "{then} when it has handled {message}, before it answers",
    ("fault", ""): "{then} at {about}",
}


@dataclass(frozen=True, slots=True)
class Schedule:
    """A run of a scenario: its seed, and what went otherwise than in turn. `replay()` has it again.

    Args:
        seed: that of the `System`.
        deviations: in the order in which they came.
        failure: what the scenario failed with.
        delivery: when messages arrived, as of the `System`.
        statement: the one that raised it, by which it is told from other failures of that function.
        scenario: whose run it is: its module and its name; empty where nobody has said so.
        max_steps: switch points after which it was taken for one that never ends.
        test: the test of pytest that has found it, by its id; empty where it was none.
    """

    seed: str
    deviations: tuple[Deviation, ...] = ()
    failure: str = ""
    delivery: Delivery = "runtime"
    statement: str = ""
    scenario: str = field(default="", compare=False)
    max_steps: int = MAX_STEPS
    test: str = field(default="", compare=False)

    def __str__(self) -> str:
        return "\n".join(f"  {deviation}" for deviation in self.deviations) or "  everybody in turn"

    def save(self, path: str | Path) -> None:
        """Write it to a file, as JSON."""
        deviations = [_short(deviation) for deviation in self.deviations]
        statement = {"statement": self.statement} if self.statement else {}
        scenario = {"scenario": self.scenario} if self.scenario else {}
        test = {"test": self.test} if self.test else {}
        max_steps = {"max_steps": self.max_steps} if self.max_steps != MAX_STEPS else {}
        content = {
            **test,
            **scenario,
            "seed": self.seed,
            "failure": self.failure,
            **statement,
            "delivery": self.delivery,
            **max_steps,
            "deviations": deviations,
        }
        Path(path).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read it from a file.

        Raises:
            ValueError: the file holds no schedule.
        """
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
            deviations = tuple(Deviation(**deviation) for deviation in content["deviations"])
            return cls(
                content["seed"],
                deviations,
                content["failure"],
                content["delivery"],
                content.get("statement", ""),
                content.get("scenario", ""),
                content.get("max_steps", MAX_STEPS),
                content.get("test", ""),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} must be what Schedule.save() has written; {error!r}") from error

    def as_test(self, scenario: str) -> str:
        """Write it as a test, to be pasted beside the scenario of this name, such as `clerks` or `TestClerks().run`."""
        has_name = _is_name(scenario)
        scenario = scenario.rpartition("<locals>.")[2]
        name = re.sub(r"\W+", "_", scenario).strip("_")
        lines = [
            "from actors.testing.explore import Deviation, Schedule, replay",
            "",
            "",
            f"def test_{name.removeprefix('test_')}_again():",
            "    schedule = Schedule(",
            f"        {self.seed!r},",
            "        (",
        ]
        for deviation in self.deviations:
            lines.append(f"            # {deviation}")
            arguments = ", ".join(f"{name}={value!r}" for name, value in _short(deviation).items() if name != "shown")
            lines.append(f"            Deviation({arguments}),")
        lines += ["        ),", f"        {self.failure!r},"]
        lines += [] if self.delivery == "runtime" else [f"        delivery={self.delivery!r},"]
        lines += [f"        statement={self.statement!r},"] if self.statement else []
        lines += [f"        max_steps={self.max_steps},"] if self.max_steps != MAX_STEPS else []
        lines += ["    )"]
        if not has_name:
            lines += ["    # Put the name of the scenario here: it is one that a test beside it doesn't know."]
            scenario = scenario if _is_name(scenario) else "scenario"
        lines += [f"    replay({scenario}, schedule)"]
        return "\n".join(lines)


def _is_name(scenario: str) -> bool:
    return all(part.removesuffix("()").isidentifier() for part in scenario.split("."))


def _short(deviation: Deviation) -> dict[str, Any]:
    """The fields that say something, with the names of all that are always looked at."""
    return {name: value for name, value in asdict(deviation).items() if value not in ("", 0)}


class Whereabouts:
    """Knows at which place of its code each actor of a simulation is."""

    def __init__(self) -> None:
        self._times: Counter[tuple[str, str, str]] = Counter()
        self._places: dict[object, tuple[_Place, str]] = {}
        self._simulation: Simulation | None = None

    def watch(self, simulation: Simulation) -> None:
        """Look on from now on."""
        self._simulation = simulation
        simulation.listeners.append(self._note)

    def _note(self, process: Process, point: str, about: tuple[object, ...]) -> None:
        simulation = self._simulation
        body = None if simulation is None else simulation.running
        if body is None:
            return
        message = shape(about[-1]) if about else ""
        key = (name_of(process), point, message)
        self._times[key] += 1
        self._places[body] = (_Place(*key, self._times[key]), shown(about[-1]) if about else "")

    def at_point(self, body: Body) -> tuple[_Place, str]:
        """The place of one who runs, or has left; with what it has at hand there."""
        return self._places.get(body) or (_Place(body.known_as, "begin", "", 1), "")

    def at_turn(self, body: Any) -> tuple[_Place, str]:
        """The place of one who waits for its turn: where it left, or before the next message."""
        if body.greenlet is not None or not hasattr(body, "inbox"):
            return self.at_point(body)
        if not (body.taken or body.inbox):
            return _Place(body.known_as, "begin", "", 1), ""
        message = body.taken[-1] if body.taken else body.inbox[0]
        kind, point = shape(message), "events" if isinstance(message, Events) else "receive"
        return _Place(body.known_as, point, kind, self._times[body.known_as, point, kind] + 1), shown(message)

    def of_fault(self, process: Process, fault: Fault, about: tuple[object, ...]) -> tuple[_Place, str]:
        """The place at which something is to go wrong."""
        message = shape(about[-1]) if about else ""
        key = (name_of(process), f"{fault.what} at {fault.at}", message)
        self._times[key] += 1
        return _Place(name_of(process), fault.at, message, self._times[key]), shown(about[-1]) if about else ""


class Decisions:
    """Takes the decisions of a policy, and keeps them as numbers: equal for runs that took the same way."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self.made: list[int] = []

    def next_of(self, ready: Sequence[Body], running: Body | None) -> Body:
        chosen = self._policy.next_of(ready, running)
        self.made.append(-1 if chosen is running else ready.index(chosen))
        return chosen

    def kill_lands(self, body: Body) -> bool:
        lands = self._policy.kill_lands(body)
        self.made.append(-2 if lands else -3)
        return lands


class Recorder:
    """Takes the decisions of a policy, and writes down those that are otherwise than in turn.

    Args:
        may_strike: who has the last word on what goes wrong; by default it does, as the test says.
    """

    def __init__(
        self, policy: Policy, may_strike: Callable[[Fault, Process, tuple[object, ...]], bool] | None = None
    ) -> None:
        self.deviations: list[Deviation] = []
        self.whereabouts = Whereabouts()
        self._policy = policy
        self._may_strike = may_strike
        self._in_turn = InTurn()
        self._turns: Counter[_Place] = Counter()

    def next_of(self, ready: Sequence[Body], running: Body | None) -> Body:
        chosen = self._policy.next_of(ready, running)
        in_turn = self._in_turn.next_of(ready, running)
        if running is None:
            place, about = self.whereabouts.at_turn(in_turn)
            turns = self._turns[place]
            if chosen is in_turn:
                self._turns[place] += 1
            else:
                self.deviations.append(Deviation("turn", *place, chosen.known_as, turns, about))
        elif chosen is not in_turn:
            place, about = self.whereabouts.at_point(running)
            self.deviations.append(Deviation("switch", *place, chosen.known_as, 0, about))
        return chosen

    def kill_lands(self, body: Body) -> bool:
        lands = self._policy.kill_lands(body)
        if not lands:
            place, about = self.whereabouts.at_point(body)
            self.deviations.append(Deviation("unharmed", *place, "", 0, about))
        return lands

    def may_strike(self, fault: Fault, process: Process, about: tuple[object, ...]) -> bool:
        """Write down that something goes wrong, if it does."""
        place, shown_about = self.whereabouts.of_fault(process, fault, about)
        strikes = self._may_strike is None or self._may_strike(fault, process, about)
        if strikes:
            self.deviations.append(Deviation("fault", *place, fault.what, 0, shown_about))
        return strikes


class Follower:
    """Everybody in turn, but for the deviations of a schedule. What a test has injected strikes only where they say."""

    def __init__(self, deviations: Sequence[Deviation]) -> None:
        # By kind and place, in their order.
        self._left: dict[tuple[Kind, _Place, int], list[Deviation]] = {}
        for deviation in deviations:
            place = _Place(deviation.actor, deviation.point, deviation.message, deviation.nth)
            self._left.setdefault((deviation.kind, place, deviation.turns), []).append(deviation)
        self.whereabouts = Whereabouts()
        self._in_turn = InTurn()
        self._turns: Counter[_Place] = Counter()
        self.unmet: list[Deviation] = []
        """Those that came to their place, and couldn't be."""

    @property
    def missed(self) -> list[Deviation]:
        """Those that were not, so far."""
        return [*self.unmet, *(deviation for left in self._left.values() for deviation in left)]

    def _take(self, kind: Kind, place: _Place, turns: int = 0) -> Deviation | None:
        left = self._left.get((kind, place, turns))
        return left.pop(0) if left else None

    def next_of(self, ready: Sequence[Body], running: Body | None) -> Body:
        in_turn = self._in_turn.next_of(ready, running)
        if running is not None:
            place, _ = self.whereabouts.at_point(running)
            return self._follow(self._take("switch", place), [*ready, running]) or in_turn
        place, _ = self.whereabouts.at_turn(in_turn)
        followed = self._follow(self._take("turn", place, self._turns[place]), ready)
        if followed is None:
            self._turns[place] += 1
        return followed or in_turn

    def _follow(self, deviation: Deviation | None, ready: Sequence[Body]) -> Body | None:
        if deviation is None:
            return None
        body = next((body for body in ready if body.known_as == deviation.then), None)
        if body is None:
            self.unmet.append(deviation)
        return body

    def kill_lands(self, body: Body) -> bool:
        place, _ = self.whereabouts.at_point(body)
        return self._take("unharmed", place) is None

    def may_strike(self, fault: Fault, process: Process, about: tuple[object, ...]) -> bool:
        """Tell whether the schedule has it strike here."""
        place, _ = self.whereabouts.of_fault(process, fault, about)
        left = self._left.get(("fault", place, 0), [])
        meant = next((deviation for deviation in left if deviation.then == fault.what), None)
        if meant is not None:
            left.remove(meant)
        return meant is not None
