"""xoscar: actors whose methods are called, in Cython; on uvloop, which its pools take, and in one process."""

import uvloop
import xoscar
from _peer import Peer, main

ADDRESS = "127.0.0.1:0"


class Echo(xoscar.Actor):
    async def handle(self, message):
        return message


class Sender(xoscar.Actor):
    def __init__(self, echo):
        super().__init__()
        self.echo = echo

    async def handle(self, order):
        how, count = order
        handle = self.echo.handle.tell if how == "tell" else self.echo.handle
        for number in range(count):
            await handle(number)


class Xoscar(Peer):
    async def __aenter__(self):
        self.pool = await xoscar.create_actor_pool(ADDRESS, n_process=0)
        return self

    async def __aexit__(self, *exc_info):
        await self.pool.stop()

    async def start(self, actor_class, *arguments):
        return await xoscar.create_actor(actor_class, *arguments, address=self.pool.external_address)

    async def echo(self):
        return await self.start(Echo)

    async def sender(self, echo):
        return await self.start(Sender, echo)

    async def tell(self, actor, message):
        await actor.handle.tell(message)

    async def ask(self, actor, message):
        return await actor.handle(message)

    async def stop(self, actor):
        await xoscar.destroy_actor(actor)


if __name__ == "__main__":
    main(Xoscar(), lambda function, *arguments: uvloop.run(function(*arguments)))
