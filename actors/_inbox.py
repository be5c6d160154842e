"""The mailbox of an actor, as Pykka sees it."""

from __future__ import annotations

from contextlib import suppress
from queue import Empty
from typing import TYPE_CHECKING, Any

from pykka._envelope import Envelope

from actors._future import Request
from actors._mail import unwrapped

if TYPE_CHECKING:
    from actors._process import Process

__all__ = ["Inbox"]


class Inbox:
    """What `actor_inbox` is: `pykka.ActorInbox`, over the mailbox that the runtime keeps."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def put(self, envelope: Envelope[Any], /) -> None:
        """Put a message in, as `tell` does, or as `ask` when the envelope says where the reply is to go."""
        message = envelope.message
        if envelope.reply_to is not None:
            message = Request(message, self._process)
            message.forward_to(envelope.reply_to)
        if not self._process.put(message):
            self._process.lose(message)

    def get(self) -> Envelope[Any]:
        """Take the next message out.

        Raises:
            queue.Empty: there is none; it doesn't wait for one.
        """
        with suppress(IndexError):
            message = self._process.take()
            if isinstance(message, Request):
                message.defer()
                return Envelope(message.content, message.reply_to)
            return Envelope(unwrapped(message))
        raise Empty

    def empty(self) -> bool:
        """Tell whether no message waits."""
        return self.qsize() == 0

    def qsize(self) -> int:
        """Return how many messages wait."""
        return self._process.mailbox_length()
