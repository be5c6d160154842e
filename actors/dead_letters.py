"""Dead letters: messages that nobody will ever handle, and starts that failed when nobody waited for them."""

from __future__ import annotations

import logging
import queue
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import pykka
from pykka import messages as pykka_messages

from actors._checks import check_listener
from actors._mail import Asked, Control, Fired, unwrapped
from actors._observer import Traced
from actors._process import chosen
from actors.messages import Exit, ExitReason

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors.runtime import Runtime

__all__ = ["DeadLetterListener", "DeadLetters", "FailedStart", "Listening", "Undelivered"]

logger = logging.getLogger("pykka_otp.dead_letters")


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A message that was told, or sent by a timer, and that nobody will ever handle.

    Args:
        ref: whom it was sent to.
        message: the message.
        reason: what that one died of; `NoProc()` when it was sent to a name that nobody has; a `MailboxFull` when it
            was dropped by a mailbox with a bound.
    """

    ref: pykka.ActorRef[Any]
    message: object
    reason: ExitReason


@dataclass(frozen=True, slots=True)
class FailedStart:
    """An actor died before it was up, of an error in `on_start` or in `init`.

    Args:
        ref: the actor.
        reason: what it died of.
    """

    ref: pykka.ActorRef[Any]
    reason: ExitReason


DeadLetterListener: TypeAlias = "Callable[[Undelivered | FailedStart], object] | pykka.ActorRef[Any]"


class Listening:
    """What `dead_letters.listen()` returns."""

    def __init__(self, dead_letters: DeadLetters, listener: DeadLetterListener) -> None:
        self._dead_letters = dead_letters
        self.listener = listener

    def cancel(self) -> None:
        """Tell the listener no more; twice is as good as once."""
        self._dead_letters._drop(self)


class DeadLetters:
    """What a runtime could not deliver: counted, and told to those who listen. It is `runtime.dead_letters`.

    Messages count that were told, or sent by a timer, to an actor that had ended, or that waited in the mailbox of one
    that ended, such as those behind a stop, or that a mailbox with a bound dropped. Each counts once. Those that were
    asked don't: their askers get an error. Nor does one whose handler had begun, however that ended; nor what the
    runtime itself sends: `Exit`, `Down`, stops, `Traced`.

    Example:
        listening = current_runtime().dead_letters.listen(print)
        ref.tell("too late")  # prints Undelivered(ref=..., message='too late', reason=...)
        listening.cancel()
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        # A finalizer that sends may come between two lines of the same thread that holds it.
        self._lock = threading.RLock()
        self._count = 0
        self._listening: tuple[Listening, ...] = ()
        self._letters: queue.SimpleQueue[Undelivered | FailedStart | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False
        # Logged once, and not each time that it is tried again.
        self._lacks_thread = False

    @property
    def count(self) -> int:
        """How many messages there were that nobody will ever handle."""
        return self._count

    def listen(self, listener: DeadLetterListener) -> Listening:
        """Have each `Undelivered` and each `FailedStart` from now on told to `listener`.

        Args:
            listener: an actor's ref, which gets them as messages; or a function, which is called with them on a thread
                of the runtime's own, soon and one after the other. One that raises, or has ended, is removed, and that
                is logged.

        Raises:
            TypeError: `listener` is neither a function nor a ref.
        """
        check_listener(listener)
        listening = Listening(self, listener)
        with self._lock:
            self._listening = (*self._listening, listening)
        return listening

    def add(self, ref: pykka.ActorRef[Any], message: object, reason: ExitReason) -> None:
        """Count a message, unless it is one that nobody misses. May be called with any lock held."""
        if isinstance(message, _NOT_MISSED):
            return
        with self._lock:
            self._count += 1
        self._tell(Undelivered(ref, unwrapped(message), reason))

    def add_failed_start(self, ref: pykka.ActorRef[Any], reason: ExitReason) -> None:
        """Tell of an actor that died before it was up."""
        self._tell(FailedStart(ref, reason))

    def close(self, timeout: float | None = None) -> None:
        """Tell what is left to tell, then nothing more; leave no thread behind.

        Args:
            timeout: seconds to wait for that, since a listener may take its time; None waits for ever.
        """
        with self._lock:
            self._closed = True
            thread = self._thread
        # Also for one that has begun, and could not say so.
        self._letters.put(None)
        if thread is not None and thread is not threading.current_thread():
            thread.join(None if timeout is None else max(timeout, 0.0))

    def _tell(self, letter: Undelivered | FailedStart) -> None:
        if not self._listening and not logger.isEnabledFor(logging.DEBUG):
            return
        # Not here, since a message may be lost in the midst of anything, and with locks held.
        self._letters.put(letter)
        with self._lock:
            if self._thread is None and not self._closed:
                self._begin()

    def _begin(self) -> None:
        thread = threading.Thread(target=self._run, name="actors-dead-letters", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            # Tried again for the next one. Who has lost a message has no part in it.
            if not self._lacks_thread:
                self._lacks_thread = True
                logger.exception("no thread can be started for the listeners to dead letters")
            return
        self._thread = thread
        self._lacks_thread = False

    def _run(self) -> None:
        if not self._has_begun():
            return
        chosen.set(self._runtime)
        while (letter := self._letters.get()) is not None:
            self._report(letter)

    def _has_begun(self) -> bool:
        """Be told by a thread that it has come; False when it isn't needed.

        Its starter may have been interrupted, and not know that it has started it.
        """
        me = threading.current_thread()
        with self._lock:
            if self._thread is None:
                self._thread = me
            return self._thread is me

    def _report(self, letter: Undelivered | FailedStart) -> None:
        if isinstance(letter, Undelivered):
            logger.debug("nobody will handle %r, sent to %s: %r", letter.message, letter.ref, letter.reason)
        else:
            logger.debug("%s died before it was up: %r", letter.ref, letter.reason)
        for listening in self._listening:
            listener = listening.listener
            try:
                if isinstance(listener, pykka.ActorRef):
                    listener.tell(letter)
                else:
                    listener(letter)
            except BaseException:  # whatever it is, it ends this listening and nothing else
                self._drop(listening)
                logger.exception("a listener to dead letters failed, and is removed")

    def _drop(self, listening: Listening) -> None:
        with self._lock:
            self._listening = tuple(one for one in self._listening if one is not listening)


_NOT_MISSED = (Asked, Control, Fired, Exit, Traced, Undelivered, FailedStart, pykka_messages._ActorStop)
