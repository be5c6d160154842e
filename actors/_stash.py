"""Putting a message aside until the actor is ready for it."""

from __future__ import annotations

from actors._bounded import BoundedProcess
from actors._mail import Control
from actors._process import ALIVE
from actors.actor import Actor
from actors.errors import CannotStash, StashFull
from actors.process import _caller

__all__ = ["stash", "unstash"]


def stash() -> None:
    """Put the message in hand aside, as if it had not come yet; `unstash()` brings it back.

    Called in a handler, once for its message. What the handler returns is ignored: somebody who asked goes on waiting.
    A handler that fails after that ends its actor, whatever `crash_on_failed_ask` says, since nobody's ask is in hand.
    When the actor ends, those who asked get `ActorDied`; what was told is a dead letter. `info(ref).messages_stashed`
    tells how many there are.

    Example:
        >>> from actors import Actor, stash, unstash
        >>> class Cache(Actor):
        ...     def __init__(self):
        ...         self.entries = None
        ...
        ...     def on_receive(self, message):
        ...         match message:
        ...             case ("fill", entries):
        ...                 self.entries = entries
        ...                 unstash()
        ...             case _ if self.entries is None:
        ...                 stash()
        ...             case ("get", key):
        ...                 return self.entries[key]
        >>> cache = Cache.start()
        >>> early = cache.ask(("get", "a"), block=False)
        >>> cache.tell(("fill", {"a": 1}))
        >>> early.get()
        1
        >>> cache.stop()
        True

    Raises:
        CannotStash: no message is in hand, or it was stashed already; or it is none of those that can be: what a
            Worker gets from its Queue (raise `Snooze` there), an idle time-out, None.
        StashFull: as many messages are stashed as may wait in the mailbox, `max_mailbox`.
        NotAnActor: called outside of actors.

    Akka: `stash()`; differs: a restarted actor is a new one, and doesn't find there what its predecessor has stashed.
    OTP has selective receive for it.
    """
    process = _caller("stash")
    if not isinstance(process.actor, Actor):
        raise CannotStash(f"{process.label} is a plain Pykka actor, and those can't stash; make it an actors.Actor")
    message = process.handling
    if message is None or process.reason is not ALIVE:
        raise CannotStash("no message is in hand: stash() is called in a handler, and once for its message")
    if isinstance(message, Control):
        raise CannotStash(f"{process.label} can't stash what it got: that isn't a message of another actor's")
    if isinstance(process, BoundedProcess) and len(process.stashed or ()) >= process.max_mailbox:
        raise StashFull(process.ref, process.max_mailbox)
    process.stash(message)


def unstash() -> None:
    """Put all stashed messages back, before all others in the mailbox, in the order in which they came.

    They are handled after the running handler; and may be more than `max_mailbox`. Called in the actor's own code; does
    nothing when no message is stashed.

    Raises:
        NotAnActor: called outside of actors.

    Akka: `unstashAll()`.
    """
    _caller("unstash").unstash()
