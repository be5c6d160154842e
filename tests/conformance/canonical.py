"""Exit reasons, errors and refs as the comparison knows them: what the oracle's terms look like."""

from __future__ import annotations

from typing import Any

from actors import (
    BadReturn,
    CallExit,
    Crashed,
    InvalidChildSpec,
    Killed,
    NoProc,
    NoReply,
    Normal,
    Ok,
    Reply,
    Shutdown,
    UnknownQueue,
    UnknownRegistry,
)
from supervision import FailedToStartChild, InvalidOption
from tests.conformance.language import Json

__all__ = ["Thrown", "reason_of", "spec_error", "term"]


class Thrown(BaseException):
    """A value that is thrown: there is no `throw` in Python, and no `except Exception` catches this either."""


def term(value: Any, label_of: Any) -> Json:
    """Return an exit reason, or what may be in one, as JSON.

    Args:
        value: an exit reason, or a value.
        label_of: gives the label of a ref, or None for what is no ref.
    """
    match value:
        case Normal():
            return "normal"
        case Shutdown(detail=None):
            return "shutdown"
        case Shutdown(detail):
            return ["shutdown", term(detail, label_of)]
        case Killed():
            return "killed"
        case NoProc():
            return "noproc"
        case Crashed(NotImplementedError()):
            return ["crash", "no_callback"]
        case Crashed(CallExit() as error):
            return ["call_exit", term(error.reason, label_of)]
        case Crashed(InvalidChildSpec() as error):
            return ["start_spec", spec_error(error.reason, label_of)]
        case Crashed(InvalidOption() as error):
            return ["supervisor_data", term(error.reason, label_of)]
        case Crashed(RuntimeError() as error) if type(error) is RuntimeError:
            return ["crash", str(error)]
        case Crashed(Thrown(args=(what,))):
            return ["crash", ["thrown", term(what, label_of)]]
        case Crashed(UnknownQueue()):
            return "noproc"
        case Crashed(UnknownRegistry()):
            return ["crash", "Elixir.ArgumentError"]
        case Crashed(error):
            return ["crash", type(error).__name__]
        case BadReturn(what):
            return ["bad_return", term(what, label_of)]
        case Ok(state, then):
            return ["ok", term(state, label_of), term(then, label_of)]
        case Reply(answer, state, then):
            return ["reply", term(answer, label_of), term(state, label_of), term(then, label_of)]
        case NoReply(state, then):
            return ["noreply", term(state, label_of), term(then, label_of)]
        case FailedToStartChild(child_id, reason):
            return ["failed_to_start_child", child_id, term(reason, label_of)]
        case tuple() | list():
            return [term(item, label_of) for item in value]
        case None | bool() | int() | float() | str():
            return value
    return label_of(value)


def spec_error(reason: tuple[Any, ...], label_of: Any) -> Json:
    """Return what is wrong with a spec: OTP's errors that say only that are no tuples."""
    return term(reason[0] if len(reason) == 1 else reason, label_of)


def reason_of(written: Json) -> Any:
    """Return the exit reason that a scenario has written down."""
    match written:
        case "normal":
            return Normal()
        case "shutdown":
            return Shutdown()
        case ["shutdown", detail]:
            return Shutdown(detail)
        case "killed":
            return Killed()
        case "noproc":
            return NoProc()
    return written
