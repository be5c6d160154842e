"""everything-is-an-actor: actors on asyncio."""

import asyncio

from _peer import Peer, main, send
from actor_for_agents import Actor, ActorSystem


async def tell(actor, message):
    await actor.tell(message)


async def ask(actor, message):
    return await actor.ask(message, timeout=60)


class Echo(Actor):
    async def on_receive(self, message):
        return message


class Sender(Actor):
    async def on_receive(self, message):
        if isinstance(message, tuple):
            await send(tell, ask, self.echo, message)
        else:
            self.echo = message


class EverythingIsAnActor(Peer):
    tell = staticmethod(tell)
    ask = staticmethod(ask)

    async def __aenter__(self):
        self.system = ActorSystem("bench")
        self.number = 0
        return self

    async def __aexit__(self, *exc_info):
        await self.system.shutdown()

    async def spawn(self, actor_class):
        self.number += 1
        return await self.system.spawn(actor_class, f"actor-{self.number}", mailbox_size=1_000_000)

    async def echo(self):
        return await self.spawn(Echo)

    async def sender(self, echo):
        sender = await self.spawn(Sender)
        await sender.ask(echo)
        return sender

    async def stop(self, actor):
        actor.stop()
        return actor

    async def stopped(self, stopping):
        await stopping.join()


if __name__ == "__main__":
    main(EverythingIsAnActor(), lambda function, *arguments: asyncio.run(function(*arguments)))
