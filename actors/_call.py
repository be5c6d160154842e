"""An ask by an actor that shares its thread: the most frequent wait of all, in as few steps as can be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from greenlet import getcurrent

from actors._future import Future, Request, _Raised
from actors._scheduler import Parked
from actors._waits import refuse_deadlock
from actors.errors import ActorDied
from actors.messages import NoProc

if TYPE_CHECKING:
    from actors._process import Process
    from actors._scheduler import Carrier

__all__ = ["call"]


class ParkedRequest(Request, Parked):
    """A request, the future of its answer, and the wait for that, in one. Nobody but its maker waits for it."""

    @property
    def reply_to(self) -> Future[Any]:
        # Not itself, which has no list of who waits.
        future: Future[Any] = Future(self._runtime)
        future.forward_to(self)
        return future

    def answer(self, value: object) -> None:
        # As `release()` does, without the call.
        if not self._outcome:
            try:
                self._outcome.append(value)
                self._is_released = True
                carrier = self._carrier
                carrier.ready.append(self)
                if carrier.asleep:
                    carrier.wake()
            except BaseException:
                # As in the base: most likely raised by the handler of a signal.
                self.release()
                raise

    def _release_all(self) -> None:
        self.release()


_new = ParkedRequest.__new__


def call(asker: Process, carrier: Carrier, target: Process, message: object, timeout: float | None) -> Any:
    """Ask in the asker's own code, which runs on the thread of that carrier; return what was answered, or raise it.

    Raises:
        ActorDied: the other has ended.
        CallTimeout: no answer in time.
        Deadlock: the other waits for the asker.
        ProcessKilled: the asker is killed.
    """
    # Without an `__init__`: to call one from a class takes as long as the rest of this.
    request = _new(ParkedRequest)
    request.message = message
    request.target = target
    request.parked = None
    request._runtime = target.runtime
    request._carrier = carrier
    request._is_released = False
    outcome: list[Any] = []
    request._outcome = outcome
    asker.waiting_for = asker.waiter = request
    try:
        if target is asker or target.waiting_for is not None:
            refuse_deadlock(asker, request)
        if not target.put(request):
            raise ActorDied(f"{target.ref} not found", NoProc())
        if not outcome and not asker.killed:
            if timeout is None:
                # Answered since: that is looked at by this very thread, and not before it has left here.
                request.parked = me = getcurrent()
                carrier.park(me)
            else:
                request.wait(asker.runtime.clock, timeout)
    finally:
        asker.waiting_for = asker.waiter = None
    if asker.killed:
        asker.unwind()
    if not outcome:
        raise request._timed_out(timeout)
    answer = outcome[0]
    if type(answer) is _Raised:
        raise answer.exception.with_traceback(answer.traceback)
    return answer
