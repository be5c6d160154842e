"""The slow remote service that the users are synced with: a program of its own.

    python -m examples.user_sync.service --witness FILE [--port N | --fd N] [--latency SECONDS]

It says `ready` and its address in one line on stdout when it serves, and ends on SIGTERM, or when its standard input
ends: with the process that holds the other end, however that one ends.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import sys
import threading
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.convertors import PathConvertor, register_url_convertor
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from examples.user_sync.witness import Witness

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

__all__ = ["make_app"]

HOST = "127.0.0.1"

GRACE = 0.001
"""Seconds between the arrival of a request and the begin of its sync.

What reached the service before the request has been seen by then, and above all that another client hung up: the two
may come in one batch, and in any order. So no sync is open of which the caller could know that it isn't. And a request
that was given up while it waited for the service never begins.
"""

GOODBYE = 1
"""Whole seconds that the syncs in progress get to end when the service is told to end."""

IDLE = 60
"""Whole seconds that an idle connection is kept: longer than clients keep theirs, so that they close it, not we."""


class _AnyText(PathConvertor):
    """Any part of a path, slashes and line breaks too."""

    regex = "(?s:.*)"


class Sync(Response):
    """The answer to a request for a sync, and the sync itself.

    The head of the answer says that the sync has begun, the end of its body that it was carried out. The sync is
    aborted when the client hangs up in between.
    """

    media_type = "application/json"

    def __init__(self, user: str, witness: Witness, latency: float) -> None:
        super().__init__()
        # The body isn't there yet, and neither is its length: it is sent in chunks.
        del self.headers["content-length"]
        self._user = user
        self._witness = witness
        self._latency = latency

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        if await self._carry_out(receive, send):
            answer = {"user": self._user, "synced_at": datetime.now(UTC).isoformat()}
            await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    async def _carry_out(self, receive: Receive, send: Send) -> bool:
        """Begin a sync, and return whether it came to its end."""
        sync = self._witness.begin(self._user)
        is_done = False
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            is_done = not await _hangs_up(receive, within=self._latency)
        finally:
            if is_done:
                self._witness.end(sync)
            else:
                self._witness.abort(sync)
        return is_done


async def _hangs_up(receive: Receive, *, within: float) -> bool:
    """Return True as soon as the client hangs up, or False after so many seconds in which it didn't."""
    try:
        async with asyncio.timeout(within):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True


def make_app(witness: Witness, latency: float) -> Starlette:
    """Return the service as an ASGI application; each sync takes `latency` seconds."""

    async def sync(request: Request) -> Response:
        await request.body()
        await asyncio.sleep(GRACE)
        if await request.is_disconnected():
            # An answer for nobody.
            return Response(status_code=HTTPStatus.BAD_REQUEST)
        return Sync(request.path_params["user"], witness, latency)

    async def health(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    register_url_convertor("text", _AnyText())
    return Starlette(routes=[Route("/users/{user:text}/sync", sync, methods=["POST"]), Route("/health", health)])


class _Server(uvicorn.Server):
    """Tells the parent process when it serves, and ends with it."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        threading.Thread(target=self._end_with_stdin, name="stdin", daemon=True).start()
        for listener in sockets or ():
            host, port = listener.getsockname()
            print(f"ready http://{host}:{port}", flush=True)

    def _end_with_stdin(self) -> None:
        # By the bytes: a thread that waits in Python's buffered standard input keeps it locked when the program ends.
        while os.read(0, 1024):
            pass
        self.should_exit = True


def _seconds(text: str) -> float:
    if not 0 <= (seconds := float(text)) < float("inf"):
        raise ValueError(text)
    return seconds


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.user_sync.service", allow_abbrev=False)
    parser.add_argument("--witness", type=Path, required=True, metavar="FILE", help="where to record each sync")
    parser.add_argument("--latency", type=_seconds, default=0.02, metavar="SECONDS", help="length of a sync (0.02)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--port", type=int, default=0, help="port to listen on; 0, the default: any that is free")
    where.add_argument("--fd", type=int, help="inherited socket that listens already")
    return parser.parse_args()


def _listen(port: int, fd: int | None) -> socket.socket:
    return socket.socket(fileno=fd) if fd is not None else socket.create_server((HOST, port))


def main() -> None:
    """Serve until told to end."""
    options = _parse()
    # Before the server takes these signals over, and again when it has ended on one of them and passes it on.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    with Witness(options.witness) as witness, _listen(options.port, options.fd) as listener:
        config = uvicorn.Config(
            make_app(witness, options.latency),
            http="h11",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_keep_alive=IDLE,
            timeout_graceful_shutdown=GOODBYE,
        )
        _Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
