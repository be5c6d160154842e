"""Actors whose handlers are coroutines, and where those wait."""

from __future__ import annotations

import asyncio
import threading

from actors import Actor
from tests.support import CAP


class Latch:
    """Where coroutines wait until the test lets them on, which may be at once."""

    def __init__(self):
        self.arrived = threading.Semaphore(0)
        self._loop = None
        self._open = None

    async def pass_through(self):
        if self._open is None:
            self._loop = asyncio.get_running_loop()
            self._open = asyncio.Event()
        self.arrived.release()
        await self._open.wait()

    def await_arrival(self):
        assert self.arrived.acquire(timeout=CAP)

    def open(self):
        self._loop.call_soon_threadsafe(self._open.set)


class Waiting(Actor):
    """Logs what it begins and ends, and waits in between."""

    use_daemon_thread = True

    def __init__(self, latch=None, log=None):
        self.latch, self.log = latch, log if log is not None else []

    async def on_receive(self, message):
        self.log.append(f"begins {message}")
        try:
            await self.latch.pass_through()
        finally:
            self.log.append(f"ends {message}")
        return message


class Answering(Actor):
    """Runs the coroutine function that it is sent."""

    use_daemon_thread = True

    async def on_receive(self, message):
        return await message()


async def five():
    return 5
