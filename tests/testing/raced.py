"""Small things with races, for threads to be explored over."""

from __future__ import annotations

import threading
from threading import Lock


class Counter:
    """Counts, and may lose a count."""

    def __init__(self):
        self.value = 0

    def add(self):
        value = self.value
        self.value = value + 1


class GuardedCounter(Counter):
    """Counts with a lock, which is made by a name of its own."""

    def __init__(self):
        super().__init__()
        self._lock = Lock()

    def add(self):
        with self._lock:
            super().add()


lock_of_module = threading.RLock()


class CounterOfModule(Counter):
    """Counts with a lock of its module, which it takes twice."""

    def add(self):
        with lock_of_module, lock_of_module:
            super().add()


class Forks:
    """Two locks, which two take in different order."""

    def __init__(self):
        self.left = threading.Lock()
        self.right = threading.Lock()

    def eat_from_left(self):
        with self.left, self.right:
            pass

    def eat_from_right(self):
        with self.right, self.left:
            pass


class Mail:
    """Hands one message over, by what the standard library makes of locks."""

    def __init__(self):
        self.sent = threading.Event()
        self.changed = threading.Condition()
        self.message = None

    def send(self):
        with self.changed:
            self.message = "hello"
            self.changed.notify()
        self.sent.set()

    def receive(self):
        with self.changed:
            while self.message is None:
                self.changed.wait()
        self.sent.wait()
        return self.message


class Flag:
    """Waits for what another does, without a lock."""

    def __init__(self):
        self.is_up = False

    def raise_it(self):
        self.is_up = True

    def await_it(self):
        while not self.is_up:
            pass


class Bell:
    """Is rung, or isn't."""

    def __init__(self):
        self._lock = threading.Lock()
        self._lock.acquire()
        self.heard = None

    def ring(self):
        self._lock.release()

    def wait(self, timeout=-1):
        self.heard = self._lock.acquire(timeout=timeout)
