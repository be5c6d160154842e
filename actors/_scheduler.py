"""Where actors run: for now each on an operating-system thread of its own."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from actors._process import Process

__all__ = ["ThreadScheduler"]


class ThreadScheduler:
    """Runs each actor's life on its own thread."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def run(self, process: Process, life: Callable[[Process], None], *, daemon: bool) -> None:
        """Start running `life(process)`; returns at once.

        Args:
            daemon: whether the program may end while the actor lives.
        """
        name = f"{process.label}-{next(self._numbers)}"
        process.thread = threading.Thread(target=life, args=(process,), name=name, daemon=daemon)
        process.thread.start()
