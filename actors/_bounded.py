"""Mailboxes with a bound, and what becomes of a message that finds no room in one."""

from __future__ import annotations

import logging
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

from pykka import messages as pykka_messages

from actors._awaited import is_in_event_loop
from actors._mail import Asked, Control, Fired, Inspect, unwrapped
from actors._process import ALIVE, Process, current, new_waiter
from actors.errors import MailboxFull, WouldBlock
from actors.messages import Exit

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pykka

    from actors._clock import Waiter
    from actors.runtime import Runtime

__all__ = ["Bound", "BoundedProcess", "Overflow", "check_bound"]

logger = logging.getLogger("pykka_otp.mailbox")

Overflow: TypeAlias = Literal["block", "raise", "drop_oldest", "drop_newest"]

_OVERFLOWS = get_args(Overflow)


@dataclass(frozen=True, slots=True)
class Bound:
    """How many messages may wait in a mailbox, and what becomes of one that finds no room."""

    max_mailbox: int
    overflow: Overflow


_NEVER_BOUNDED = (Exit, Inspect, pykka_messages._ActorStop)

_OURS = (Control, Fired)


def _is_bounded(message: object) -> bool:
    """Whether a message counts against the bound: a user's does, and what the runtime itself sends doesn't."""
    return not (isinstance(message, _OURS) or isinstance(unwrapped(message), _NEVER_BOUNDED))


class _Sender:
    """One who waits for room, as the search for deadlocks sees it too; and the message that is to go in."""

    __slots__ = ("is_released", "message", "target", "turned_away", "waiter")

    def __init__(self, message: object, target: Process) -> None:
        self.message = message
        # Whose code makes room.
        self.target: Process | None = target
        # None while nobody waits: who asks waits for the answer.
        self.waiter: Waiter | None = None
        self.turned_away = False
        self.is_released = False

    def _is_over(self) -> bool:
        return self.is_released

    def release(self) -> None:
        self.is_released = True
        if self.waiter is not None:
            self.waiter.release()


class BoundedProcess(Process):
    """The record of an actor that has a bound on its mailbox."""

    __slots__ = ("_held", "_room", "_senders", "dropped", "max_mailbox", "overflow")

    def __init__(
        self,
        runtime: Runtime,
        actor_class: type[pykka.Actor],
        bound: Bound,
        *,
        parent: Process | None = None,
        trapping: bool = False,
    ) -> None:
        super().__init__(runtime, actor_class, parent=parent, trapping=trapping)
        self.max_mailbox = bound.max_mailbox
        self.overflow: Overflow = bound.overflow
        self.dropped = 0
        # Guards what follows, and the mailbox against being taken from by two. A finalizer that sends may come between
        # two lines of the same thread that holds it.
        self._room = threading.RLock()
        self._held = 0
        # In the order in which they came; somebody is here only while there is no room.
        self._senders: deque[_Sender] = deque()

    @property
    def senders_waiting(self) -> int:
        """How many messages wait for room."""
        return len(self._senders)

    def put(self, message: object) -> bool:
        """Put a message into the mailbox when there is room, and do as `overflow` says when there is none.

        Raises:
            MailboxFull: a told message finds no room, and the mailbox is one that raises.
            WouldBlock: the sender would have to wait in the thread of an event loop.
            Deadlock: the sender would wait for an actor that waits for it.
        """
        if not _is_bounded(message):
            return super().put(message)
        if self.overflow == "block":
            return self._put_in_line(message)
        lost: list[object] = []
        try:
            with self._room:
                is_taken = self._exchange(message, lost)
            # Without the lock: what answers, and what logs, is the code of others.
            self._turn_away(lost)
        except BaseException:
            # Most likely raised by the handler of a signal, and nobody else has what found no room.
            self._turn_away(lost)
            raise
        return is_taken

    def put_at_once(self, message: object) -> bool:
        if self.overflow in ("drop_oldest", "drop_newest") or not _is_bounded(message):
            return self.put(message)
        with self._room:
            return self._let_in(message)

    def await_room(self, message: object) -> None:
        if is_in_event_loop():
            # Awaiting the answer is the wait.
            return
        with self._room:
            sender = next((sender for sender in self._senders if sender.message is message), None)
            if sender is None:
                return
            sender.waiter = waiter = new_waiter()
        self._wait(sender, waiter)

    def put_back(self, messages: Sequence[object]) -> None:
        with self._room:
            self._held += sum(map(_is_bounded, messages))
            super().put_back(messages)

    def take(self) -> object:
        with self._room:
            message = super().take()
            if _is_bounded(message):
                self._held -= 1
                self._let_next_in()
        return message

    def leave_behind(self) -> None:
        super().leave_behind()
        # A thread that isn't in the child may have held it.
        self._room = threading.RLock()
        self._senders = deque()

    def refuse_mail(self) -> None:
        senders: list[_Sender] = []
        try:
            self._turn_all_away(senders)
        except BaseException:
            # As above.
            self._turn_all_away(senders)
            raise

    def _turn_all_away(self, senders: list[_Sender]) -> None:
        with self._room:
            super().refuse_mail()
            senders += self._senders
            self._senders.clear()
        for sender in senders:
            sender.turned_away = True
            self.refuse(sender.message)
            sender.release()

    def _has_room(self) -> bool:
        return self._held < self.max_mailbox

    def _let_in(self, message: object) -> bool:
        """Put a message into the mailbox, as `Process.put` does, and count it."""
        if self.reason is not ALIVE:
            return False
        try:
            # The handler of a signal finds both of these done, or neither.
            self._held += 1
            self.inbox.append(message)
            if self._idle:
                self.home.rouse(self)
        except BaseException:
            self.wake()
            raise
        if self.reason is not ALIVE:
            self.refuse_mail()
        return True

    def _let_next_in(self) -> None:
        while self._senders and self._has_room():
            # By who makes the room, so that nobody comes between: senders keep their order.
            sender = self._senders.popleft()
            if not self._let_in(sender.message):
                # Dead since a moment: who ended it turns away all who wait.
                self._senders.appendleft(sender)
                return
            sender.release()

    def _put_in_line(self, message: object) -> bool:
        """Put a message in when there is room, and wait for that."""
        with self._room:
            if self.reason is not ALIVE:
                return False
            # An actor that waited for itself would wait for ever.
            if self._has_room() or current() is self:
                return self._let_in(message)
            sender = self._line_up(message)
        if sender.waiter is not None:
            self._wait(sender, sender.waiter)
        return not sender.turned_away or isinstance(message, Asked)

    def _line_up(self, message: object) -> _Sender:
        sender = _Sender(message, self)
        if not isinstance(message, Asked):
            _refuse_to_block_a_loop()
            sender.waiter = new_waiter()
        self._senders.append(sender)
        return sender

    def _wait(self, sender: _Sender, waiter: Waiter) -> None:
        process = current()
        try:
            if process is None:
                waiter.wait(self.runtime.clock, None)
            else:
                process.wait_for(sender, waiter, None)
        except BaseException:
            with self._room, suppress(ValueError):
                self._senders.remove(sender)
            raise

    def _exchange(self, message: object, lost: list[object]) -> bool:
        """Put a message in, for the oldest if need be and so wanted; False when the actor is dead.

        Args:
            lost: gets what finds no room, and whose sender isn't told by an exception.
        """
        if self.reason is not ALIVE:
            return False
        if self._has_room():
            return self._let_in(message)
        if self.overflow == "drop_oldest":
            # In first: an end that comes now finds both there.
            is_taken = self._let_in(message)
            self._take_oldest(lost)
            return is_taken
        if self.overflow == "raise" and not isinstance(message, Asked):
            raise self._full()
        lost.append(message)
        return True

    def _take_oldest(self, lost: list[object]) -> None:
        """Take out the oldest that count, while there are more than there is room for."""
        while self._held > self.max_mailbox and (oldest := self._oldest()) is not None:
            box, place, message = oldest
            with suppress(IndexError):
                # A finalizer may have taken it since; but no call, and so nobody else, comes between these.
                if box[place] is message:
                    del box[place]
                    self._held -= 1
                    lost.append(message)

    def _oldest(self) -> tuple[list[object], int, object] | None:
        if not self.taken:
            self._take_many()
        # Their last is the oldest of all.
        for box, step in ((self.taken or [], -1), (self.inbox, 1)):
            with suppress(IndexError):
                for place in range(len(box))[::step]:
                    message = box[place]
                    if not _is_bounded(message):
                        continue
                    return box, place, message
        return None

    def drop(self, message: object) -> None:
        """Lose a message that finds no room, and whose sender isn't told."""
        self.runtime.dead_letters.add(self.ref, message, self._full())
        self._report_drop()

    def _turn_away(self, lost: list[object]) -> None:
        while lost:
            message = lost[0]
            if not isinstance(message, Asked):
                self.drop(message)
            else:
                message.refuse(self._full())
                if self.overflow != "raise":
                    self._report_drop()
            del lost[0]

    def _report_drop(self) -> None:
        """Count a message that was dropped, and tell of the first."""
        with self._room:
            self.dropped += 1
            is_first = self.dropped == 1
        if is_first:
            logger.warning(
                "the mailbox of %s is full, with %d messages: from now on some are dropped, with overflow=%r",
                self.label,
                self.max_mailbox,
                self.overflow,
                extra={"actor": self.label, "max_mailbox": self.max_mailbox},
            )

    def _full(self) -> MailboxFull:
        return MailboxFull(self.ref, self.max_mailbox)


def check_bound(prefix: str, max_mailbox: object, overflow: object) -> None:
    """Refuse what is no bound, or no way to keep to it.

    Args:
        prefix: what stands before the names in the message: a class and a dot, or nothing.

    Raises:
        ValueError: saying what was expected, and what came.
    """
    is_count = isinstance(max_mailbox, int) and not isinstance(max_mailbox, bool) and max_mailbox >= 1
    if max_mailbox is not None and not is_count:
        raise ValueError(f"{prefix}max_mailbox must be a whole number >= 1, or None for no bound; got {max_mailbox!r}")
    if overflow not in _OVERFLOWS:
        choices = ", ".join(map(repr, _OVERFLOWS))
        raise ValueError(f"{prefix}overflow must be one of {choices}; got {overflow!r}")


def _refuse_to_block_a_loop() -> None:
    if is_in_event_loop():
        msg = "would block the event loop until the mailbox has room; ask(block=False) and await the answer instead"
        raise WouldBlock(msg)
