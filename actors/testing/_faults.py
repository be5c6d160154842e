"""Making actors fail, and waiting for their end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from actors._adopted import AdoptedProcess, process_of
from actors._clock import check_seconds
from actors._mail import Control
from actors._process import ALIVE, wait_for_any
from actors.errors import ActorDied
from actors.gen_server import GenServer
from actors.messages import NoProc
from actors.testing._clock import PATIENCE_SECONDS
from actors.testing._settle import refuse_in_actors

if TYPE_CHECKING:
    from collections.abc import Callable

    import pykka

    from actors._process import Process
    from actors.messages import ExitReason

__all__ = ["await_down", "crash", "wait_until"]


class _Fault(Control):
    """A message that no handler gets to see."""


def crash(ref: pykka.ActorRef[Any], exception: BaseException, timeout: float = PATIENCE_SECONDS) -> None:
    """Have an actor end as if its handler had raised `exception`, at its next message boundary; wait until it is gone.

    It comes ahead of what lies in the mailbox (for a plain Pykka actor: with the next message in it). What follows is
    that of any crash: the report in the log, `on_failure` or `terminate`, the exit reason `Crashed(exception)` for
    links and monitors, the restart by a supervisor.

    Args:
        timeout: seconds of real time.

    Raises:
        ActorDied: it has ended before.
        AssertionError: it is not gone in time; the handler before is still running.
        RuntimeError: called by an actor.
        TypeError: `exception` is none.
        ValueError: `timeout` is no finite number of seconds, or negative.
    """
    refuse_in_actors("crash")
    if not isinstance(exception, BaseException):
        msg = f"exception must be what the handler is to raise, such as ValueError('boom'); got {exception!r}"
        raise TypeError(msg)
    check_seconds(timeout)
    process = process_of(ref)
    actor: Any = None if process is None or process.reason is not ALIVE else process.actor
    if process is None or actor is None:
        raise ActorDied(f"{ref} can't be crashed: it has ended", NoProc())

    def fail(*_args: object) -> NoReturn:
        raise exception

    setattr(actor, "handle_info" if isinstance(actor, GenServer) else "on_receive", fail)
    if isinstance(process, AdoptedProcess):
        process.put(_Fault())
    else:
        process.put_back([_Fault()])
    if not wait_until(process, lambda process: process.gone, timeout):
        raise AssertionError(f"{ref} is {process.state}, and not gone, {timeout} seconds after it was to crash")


def await_down(ref: pykka.ActorRef[Any], timeout: float = PATIENCE_SECONDS) -> ExitReason:
    """Wait until an actor has ended, as those who monitor it see it, and return its exit reason.

    One that was killed may be abandoned then, and not gone yet. An actor that ended long ago has its reason still.

    Args:
        timeout: seconds of real time.

    Raises:
        AssertionError: it still lives after that time.
        RuntimeError: called by an actor; that has `monitor()`.
        ValueError: `timeout` is no finite number of seconds, or negative.
    """
    refuse_in_actors("await_down")
    check_seconds(timeout)
    process = process_of(ref)
    if process is None:
        return NoProc()
    if not wait_until(process, lambda process: process.announced, timeout):
        raise AssertionError(f"{ref} is {process.state} still, after {timeout} seconds")
    return process.reason


def wait_until(process: Process, reached: Callable[[Process], bool], seconds: float) -> bool:
    """Wait until an actor's life has come so far; False after some seconds of real time, whatever its clock."""
    return wait_for_any([process], reached, max(seconds, 0.0), clock=process.runtime.real_time)
