"""What keeps the program alive for actors that have no thread of their own."""

from __future__ import annotations

import threading
from typing import Protocol

from actors._fork import in_child

__all__ = ["Lifeline", "lifeline"]


class Holder(Protocol):
    """Who may keep the program alive."""

    holds_program: bool


class Lifeline:
    """Keeps the program alive while an actor lives that isn't a daemon, as a thread of its own would.

    There is one for all runtimes: a thread that waits for the main thread to end, and then for the last such actor.
    """

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Begin with no actor and no thread, as a forked child does."""
        # A finalizer that ends an actor may come between two lines of the same thread that holds it.
        self._lock = threading.RLock()
        self._is_over = threading.Condition(self._lock)
        self._count = 0
        self._thread: threading.Thread | None = None

    def hold(self, holder: Holder) -> None:
        """Have the program live as long as this one does."""
        with self._lock:
            if self._thread is None:
                # First, since it may fail; it waits for the lock.
                thread = threading.Thread(target=self._wait, name="actors-lifeline", daemon=False)
                thread.start()
                self._thread = thread
            # No handler of a signal comes between the two.
            self._count += 1
            holder.holds_program = True

    def let_go(self, holder: Holder) -> None:
        """Have the program live no longer for this one, if it did."""
        if not holder.holds_program:
            return
        with self._lock:
            holder.holds_program = False
            self._count -= 1
            if self._count == 0:
                self._is_over.notify_all()

    def _wait(self) -> None:
        threading.main_thread().join()
        with self._lock:
            self._is_over.wait_for(lambda: self._count == 0)
            # There may be others yet, which other threads start.
            self._thread = None


lifeline = Lifeline()
in_child(lifeline.renew)
