"""The rule of exit signals, as a pure function."""

from __future__ import annotations

from typing import Literal, TypeAlias

from actors.messages import ExitReason, Normal

__all__ = ["Effect", "effect_of_signal"]

Effect: TypeAlias = Literal["ignore", "message", "die"]


def effect_of_signal(reason: ExitReason, *, trapping: bool, from_self: bool = False) -> Effect:
    """What an exit signal does to the actor that receives it: nothing, a message `Exit`, or its end.

    The signal of a dying linked actor and the explicit `ref.exit(reason)` follow one rule, with one exception:
    `Normal` is ignored by an actor that doesn't trap exits unless it sent the signal to itself. A kill is no
    exit signal: it can't be trapped, and doesn't come by here.

    OTP: A12, A13, A15, A16.
    """
    if trapping:
        return "message"
    if isinstance(reason, Normal) and not from_self:
        return "ignore"
    return "die"
