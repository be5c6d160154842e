"""Mail on its way: how messages and signals reach an actor in a simulation, and which don't.

By default they arrive at once, as the runtime has it. A `Post` keeps them on their way for as long as the policy says;
only what one actor sends to one other comes in the order in which it was sent (A28).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from pykka import messages as pykka_messages

from actors._future import Request
from actors._mail import Control, Fired, StopRequest, unwrapped
from actors._process import ALIVE, current
from actors.messages import Down, Exit
from actors.testing._shown import name_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from greenlet import greenlet

    from actors._process import Monitor, Process
    from actors.testing._simulation import Simulation

__all__ = ["Dropped", "Post", "is_users"]


class Dropped(Exception):
    """What a fault raises that has a message be lost."""


def is_users(message: object) -> bool:
    """Tell whether a message is one that users have sent, and not the runtime: no signal, no answer, no event."""
    content = unwrapped(message)
    signals = (Control, Exit, Down, pykka_messages._ActorStop)
    return not isinstance(content, signals) and not isinstance(message, Control | Fired)


class _Letter(NamedTuple):
    deliver: Callable[[], object]
    # What it is from, when that may be taken back: a monitor, or the link between the two.
    of: Monitor | str | None = None


class _Courier:
    """Brings one actor what another sends, in order; each piece takes as long as it is not his turn."""

    greenlet: greenlet | None = None

    def __init__(self, post: Post, sender: Process | None, receiver: Process) -> None:
        self.known_as = f"mail from {'the test' if sender is None else name_of(sender)} to {name_of(receiver)}"
        self.letters: deque[_Letter] = deque()
        self._post = post
        self._is_ready = False

    def take(self, letter: _Letter) -> None:
        self.letters.append(letter)
        if not self._is_ready:
            self._is_ready = True
            self._post.simulation.ready.append(self)

    def run_once(self, simulation: Simulation) -> None:
        # There may be none left: a wait has had them brought.
        if self.letters:
            self.deliver_next()
        self._is_ready = bool(self.letters)
        if self._is_ready:
            simulation.ready.append(self)

    def deliver_next(self) -> None:
        letter = self.letters.popleft()
        self._post.is_delivering = True
        try:
            letter.deliver()
        finally:
            self._post.is_delivering = False


class Post:
    """All that is on its way in a simulation."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.is_delivering = False
        self._couriers: dict[tuple[Process | None, Process], _Courier] = {}

    def send(
        self,
        sender: Process | None,
        receiver: Process,
        deliver: Callable[[], object],
        of: Monitor | str | None = None,
    ) -> None:
        """Have something delivered later, after all that this sender has sent to this receiver before."""
        courier = self._couriers.get((sender, receiver))
        if courier is None:
            courier = self._couriers[sender, receiver] = _Courier(self, sender, receiver)
        courier.take(_Letter(deliver, of))

    def mail(self, receiver: Process, message: object, put: Callable[[object], bool]) -> bool:
        """Send a message, or put it at once when it is none that travels; False when its receiver is dead."""
        if isinstance(message, Control) and not isinstance(message, StopRequest):
            return put(message)
        sender = _sender_of(message, receiver)
        if sender is receiver or receiver.reason is not ALIVE:
            return put(message)

        def deliver() -> None:
            if not put(message):
                receiver.lose(message)

        self.send(sender, receiver, deliver, message.down.monitor if isinstance(message, Fired) else None)
        if sender is not None and isinstance(message, Request):
            message._add_waiter(_Answered(self, sender))
        return True

    def flush(self, sender: Process | None, receiver: Process) -> None:
        """Deliver all that is on its way between two: the receiver learns of what came after it."""
        courier = self._couriers.get((sender, receiver))
        while courier is not None and courier.letters:
            courier.deliver_next()

    def take_back(self, sender: Process | None, receiver: Process, of: Monitor | str) -> None:
        """Have what belongs to a monitor or a link arrive no more, which the receiver has given up."""
        courier = self._couriers.get((sender, receiver))
        if courier is not None:
            courier.letters = deque(letter for letter in courier.letters if letter.of is not of)


class _Answered:
    """Has what the one who answers has sent before come before the answer."""

    def __init__(self, post: Post, asker: Process) -> None:
        self._post = post
        self._asker = asker

    def release(self) -> None:
        if not self._post.is_delivering:
            self._post.flush(current(), self._asker)


def _sender_of(message: object, receiver: Process) -> Process | None:
    if isinstance(message, Fired):
        monitor = message.down.monitor
        return monitor.target or _process_of(monitor.given) or receiver
    sender = current()
    if sender is receiver and isinstance(message, Exit):
        # It has linked one that is dead, and might have sent something before.
        return _process_of(message.ref) or receiver
    return sender


def _process_of(ref: object) -> Process | None:
    process: Process | None = getattr(ref, "__dict__", {}).get("_process")
    return process
