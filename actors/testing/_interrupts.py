"""Interrupts, in a simulation that goes on within asyncio, which has them cancel a task: nobody would see that."""

from __future__ import annotations

import asyncio
import signal
import threading
from typing import Any

__all__ = ["give_back", "take_interrupts"]


def take_interrupts() -> Any:
    """Have Ctrl-C, and what ends a step that takes too long, interrupt what runs, and not cancel the test's task.

    Returns:
        What to give back when it is over; None where it is so anyway.
    """
    if asyncio._get_running_loop() is None:
        return None
    handler: Any = signal.getsignal(signal.SIGINT)
    # That of asyncio's own, which it keeps to itself; only the main thread has one, and may change it.
    is_asyncios = getattr(getattr(handler, "func", None), "__qualname__", "") == "Runner._on_sigint"
    if not is_asyncios or threading.current_thread() is not threading.main_thread():
        return None
    signal.signal(signal.SIGINT, signal.default_int_handler)
    return handler


def give_back(handler: Any) -> None:
    """Have interrupts be handled as before."""
    try:
        signal.signal(signal.SIGINT, handler)
    except KeyboardInterrupt:
        # One that has come by now, and first.
        signal.signal(signal.SIGINT, handler)
        raise
