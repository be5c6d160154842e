"""What the scripts of the peers share: the rows, done by means of what each peer says of itself.

Run as `python <peer>.py ROW SIZE` in an environment that has the peer, and none of ours; prints the figure, per second.
"""

from __future__ import annotations

import json
import sys
import time


class Peer:
    """A library of actors that are coroutines.

    An echo answers what it is asked. A sender is given an echo; asked `(how, count)`, it tells or asks that one so many
    numbers. What the libraries call from outside is a coroutine that is no actor's.

    `cannot` names the rows that it can't do.
    """

    cannot = ()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *exc_info):
        """End it all."""

    async def echo(self):
        raise NotImplementedError

    async def sender(self, echo):
        raise NotImplementedError

    async def tell(self, actor, message):
        raise NotImplementedError

    async def ask(self, actor, message):
        raise NotImplementedError

    async def stop(self, actor):
        """Have it end. Gives what `stopped` waits for; None when it has ended already."""
        raise NotImplementedError

    async def stopped(self, stopping):
        """Wait until it has ended."""


async def tell_outside(peer, count):
    echo = await peer.echo()
    tell = peer.tell
    begin = time.perf_counter()
    for number in range(count):
        await tell(echo, number)
    await peer.ask(echo, "done")
    return count / (time.perf_counter() - begin)


async def tell_between(peer, count):
    echo = await peer.echo()
    sender = await peer.sender(echo)
    begin = time.perf_counter()
    for _ in range(count // 1000):
        await peer.tell(sender, ("tell", 1000))
    await peer.ask(sender, ("tell", 0))
    await peer.ask(echo, "done")
    return (count // 1000) * 1000 / (time.perf_counter() - begin)


async def ask_outside(peer, count):
    echo = await peer.echo()
    ask = peer.ask
    begin = time.perf_counter()
    for number in range(count):
        await ask(echo, number)
    return count / (time.perf_counter() - begin)


async def ask_between(peer, count):
    sender = await peer.sender(await peer.echo())
    await peer.ask(sender, ("ask", 10))
    begin = time.perf_counter()
    await peer.ask(sender, ("ask", count))
    return count / (time.perf_counter() - begin)


async def start_and_stop(peer, count):
    begin = time.perf_counter()
    echoes = [await peer.echo() for _ in range(count)]
    for stopping in [await peer.stop(echo) for echo in echoes]:
        await peer.stopped(stopping)
    return count / (time.perf_counter() - begin)


ROWS = {
    "tell, from outside": tell_outside,
    "tell, actor to actor": tell_between,
    "ask, from outside": ask_outside,
    "ask, between actors": ask_between,
    "start and stop": start_and_stop,
}


async def measure(peer, row, count):
    async with peer:
        return await ROWS[row](peer, count)


def main(peer, run):
    """Do the row that is asked for, null if it can't. `run` runs a coroutine function with its arguments."""
    row, size = sys.argv[1], int(sys.argv[2])
    print(json.dumps(None if row in peer.cannot else run(measure, peer, row, size)), flush=True)


async def send(tell, ask, echo, order):
    """What a sender does."""
    how, count = order
    call = tell if how == "tell" else ask
    for number in range(count):
        await call(echo, number)
