"""What keeps the program alive for actors that have no thread of their own."""

from __future__ import annotations

import threading

from actors._fork import in_child

__all__ = ["Lifeline", "lifeline"]


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

    def hold(self) -> None:
        with self._lock:
            if self._thread is None:
                # First, since it may fail; it waits for the lock.
                thread = threading.Thread(target=self._wait, name="actors-lifeline", daemon=False)
                thread.start()
                self._thread = thread
            self._count += 1

    def let_go(self) -> None:
        with self._lock:
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
