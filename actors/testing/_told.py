"""How a run is told: as a note to what a test fails with, and as a picture."""

from __future__ import annotations

import functools
import linecache
import re
from typing import TYPE_CHECKING, NamedTuple

from actors.testing._shown import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["LAST_STEPS", "Step", "has_story", "sequence_diagram", "source_of"]


class Step(NamedTuple):
    """One entry of a trace: at this time, this actor came to a point of its code.

    Args:
        at: virtual seconds since the beginning.
        actor: its name, `Class-n#k`.
        point: what it was about to do: `"tell"`, `"register"`, ...; or what happened to it: `"receive"`, `"ended"`.
        about: with what: a message, a key, another actor.
    """

    at: float
    actor: str
    point: str
    about: str

    def __str__(self) -> str:
        return f"{self.at:9.3f}  {self.actor:<20} {self.point} {self.about}".rstrip()


LAST_STEPS = "the last steps"
"""What a story begins with."""


def has_story(error: BaseException) -> bool:
    """Tell whether an error has been told the story of its run."""
    return any(note.startswith(LAST_STEPS) for note in getattr(error, "__notes__", ()))


def source_of(function: object) -> str:
    """Say which function it is, if it is one: by its name; a lambda, which has none, by the line that it is in."""
    while isinstance(function, functools.partial):
        function = function.func
    code = getattr(function, "__code__", None)
    if code is None or getattr(function, "__name__", None) != "<lambda>":
        return shown(function)
    return linecache.getline(code.co_filename, code.co_firstlineno).strip() or shown(function)


_ARROWS = {
    "tell": "->>",
    "ask": "->>",
    "stop": "-x",
    "exit": "-x",
    "kill": "-x",
    "link": "-->>",
    "unlink": "-->>",
    "monitor": "-->>",
    "send_after": "-)",
}
"""How what an actor does to another is drawn."""

_TARGET = re.compile(r"(\S+)#\d+ ?(.*)", re.DOTALL)


def sequence_diagram(steps: Iterable[Step]) -> str:
    """Draw steps as a sequence diagram, in the language of Mermaid."""
    names: dict[str, str] = {}
    lines = []
    for step in steps:
        actor = _participant(step.actor.partition("#")[0], names)
        target = _TARGET.fullmatch(step.about) if step.point in _ARROWS else None
        if target is None:
            lines.append(f"    Note over {actor}: {_text(step.point, step.about)}")
        else:
            other = _participant(target[1], names)
            arrow = _ARROWS[step.point]
            lines.append(f"    {actor}{arrow}{other}: {_text(step.point, target[2])}")
    participants = [f"    participant {alias} as {name}" for name, alias in names.items()]
    return "\n".join(["sequenceDiagram", *participants, *lines])


def _participant(name: str, names: dict[str, str]) -> str:
    return names.setdefault(name, f"p{len(names) + 1}")


def _text(point: str, about: str) -> str:
    # Neither a line of its own, nor an entity, nor the end of a statement.
    text = f"{point} {about}".strip().replace("\n", " ")
    return text.translate({ord("#"): "#35;", ord(";"): "#59;"})
