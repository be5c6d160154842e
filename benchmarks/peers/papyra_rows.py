"""papyra: actors on anyio, with persistence; that of what happens is left at its default, in memory."""

import anyio
from _peer import Peer, main, send
from papyra.actor import Actor
from papyra.system import ActorSystem


async def tell(actor, message):
    await actor.tell(message)


async def ask(actor, message):
    return await actor.ask(message)


class Echo(Actor):
    def __init__(self, ended):
        self.ended = ended

    async def receive(self, message):
        return message

    async def on_stop(self):
        self.ended.set()


class Sender(Actor):
    def __init__(self, echo):
        self.echo = echo

    async def receive(self, order):
        await send(tell, ask, self.echo, order)


class Papyra(Peer):
    tell = staticmethod(tell)
    ask = staticmethod(ask)

    async def __aenter__(self):
        self.ends = {}
        self.system = ActorSystem()
        await self.system.start()
        return self

    async def __aexit__(self, *exc_info):
        await self.system.aclose()

    # Without a bound: who tells from outside would else wait for the actor, message by message.
    async def echo(self):
        ended = anyio.Event()
        echo = self.system.spawn(lambda: Echo(ended), mailbox_capacity=None)
        self.ends[echo] = ended
        return echo

    async def sender(self, echo):
        return self.system.spawn(lambda: Sender(echo), mailbox_capacity=None)

    async def stop(self, actor):
        await self.system.stop(actor)
        return self.ends[actor]

    async def stopped(self, stopping):
        await stopping.wait()


if __name__ == "__main__":
    main(Papyra(), anyio.run)
