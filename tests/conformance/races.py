"""What the rules allow a race to come to, whether OTP was seen to come to it or not."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tests.conformance.language import Json
from tests.conformance.outcome import Epoch, Outcome

__all__ = ["ALLOWED", "is_allowed"]


def is_allowed(name: str, outcome: Outcome) -> bool:
    """Whether the rules of a race, by the name of its scenario, allow an outcome."""
    first, comes_to = ALLOWED[name]
    return outcome in [comes_to(one) for one in first]


def _did(who: str, *what: Json) -> Epoch:
    return {f"{who}#1": {f"{who}#1": [["did", *one] for one in what]}}


def _answers(op: str, winner: str, taken: Json, everybody: str) -> Epoch:
    """One is told that it is done, and the others whose it is."""
    answers = {one: "ok" if one == winner else taken for one in everybody}
    return {label: seen for one, answer in answers.items() for label, seen in _did(one, [op, answer]).items()}


def _one_starts(starter: str) -> Outcome:
    """Of several starts under one name one wins, and the others hear of its server (A34, A35)."""
    server = f"s{starter}#1"
    answers = _answers("start", starter, ["error", ["already_started", server]], "abcd")
    asked = _did("m", ["whereis", server], ["call", ["ok", "hello"]])
    return [{}, {**answers, server: {server: [["init"]]}}, asked]


def _one_starts_and_is_held(starter: str) -> Outcome:
    """The others hear so at once, and the winner when its server is up (A34, A35, A46)."""
    server = f"s{starter}#1"
    answers = _answers("start", starter, ["error", ["already_started", server]], "abcd")
    own = f"{starter}#1"
    told = {label: seen for label, seen in answers.items() if label != own}
    return [{}, {**told, server: {server: [["init"]]}}, _did("m", ["whereis", server]), {own: answers[own]}]


def _holds(owner: str) -> list[Json]:
    return [["lookup", [[f"{owner}#1", owner]]], ["count", 1]]


def _registers(owner: str, rivals: str) -> Epoch:
    return _answers("reg", owner, ["already_registered", f"{owner}#1"], rivals)


_MINE = _did("a", ["reg", "ok"])


def _one_registers(owner: str) -> Outcome:
    """Of several who want a key one gets it, and the others hear whose it is (D13, D76)."""
    return [{}, _registers(owner, "abc"), _did("a", *_holds(owner))]


def _one_registers_over_the_dead(owner: str) -> Outcome:
    """So it is with a dead owner's key, before it is cleaned up and afterwards (D14, D79)."""
    dies: Epoch = {"*": {"a#1": [["end", "killed"]]}}
    holds = _did("b", *_holds(owner))
    return [{}, _MINE, {}, dies, _registers(owner, "bc"), holds, holds]


def _is_given_up(first: str) -> Outcome:
    """Who wants a key that is given up gets it afterwards, and hears whose it is before (D13, D77)."""
    wants = _did("b", ["reg", "ok" if first == "a" else ["already_registered", "a#1"]])
    found = [["b#1", "b"]] if first == "a" else []
    return [{}, _MINE, {**_did("a", ["unreg", "ok"]), **wants}, _did("c", ["lookup", found])]


def _its_owner_dies(first: str) -> Outcome:
    """Who wants a dying owner's key gets it afterwards, and hears whose it is before; then it is free (D13, D14)."""
    dies: Epoch = {"*": {"a#1": [["end", "boom"]]}}
    taken = ["already_registered", f"{'b' if first == 'a' else 'a'}#1"]
    answers = ("ok", taken) if first == "a" else (taken, "ok")
    return [{}, _MINE, {**dies, **_did("b", ["reg", answers[0]])}, _did("c", ["reg", answers[1]])]


def _has_in_turn(first: int) -> Outcome:
    """A worker that asks for one at a time has the events in the order in which they came (E47, E82)."""
    events = [{"w#1": {"Q": [["events", [event]]]}} for event in (first, 3 - first)]
    return [{}, events[0], _did("p", ["waiting", 1]), events[1]]


def _asks_first(first: str) -> Outcome:
    """Who asks first has as many as it has asked for, and the other what is left (E45, E46)."""
    late = "b" if first == "a" else "a"
    handed = {f"{first}#1": {"Q": [["events", [1]]]}, f"{late}#1": {"Q": [["events", [3]]]}}
    started = {**_did("p", ["start", "ok"]), **_did("q", ["start", "ok"])}
    return [{}, {}, {**handed, **started}, _did("p", ["waiting", 0]), {f"{first}#1": {"Q": [["events", [2]]]}}]


def _of_two_signals(reason: str) -> Outcome:
    """The first decides (A21), and here a kill also overtakes a signal that has not taken effect yet (A6)."""
    return [{}, {}, {"*": {"v#1": [["end", reason]]}, "m#1": {"v#1": [["down", reason]]}}]


ALLOWED: dict[str, tuple[Iterable[Json], Callable[[Json], Outcome]]] = {
    "of four who start a server under one name at once exactly one does": ("abcd", _one_starts),
    "of four who start a server under one name at once three hear so while its init runs": (
        "abcd",
        _one_starts_and_is_held,
    ),
    "of three who want one key at once exactly one gets it": ("abc", _one_registers),
    "of two who want a dead owner's key at once exactly one gets it": ("bc", _one_registers_over_the_dead),
    "a key that is given up as another wants it goes to that one or to nobody": ("ab", _is_given_up),
    "an owner dies as another wants its key": ("ab", _its_owner_dies),
    "a fatal signal, and a kill right behind it": (("boom", "killed"), _of_two_signals),
    "two put an event at once, for a worker with one in hand": ((1, 2), _has_in_turn),
    "two workers are started at once, for three events": ("ab", _asks_first),
}
"""What each race comes to, by who was first."""
