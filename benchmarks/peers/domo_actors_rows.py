"""domo-actors: actors as protocols, whose calls are messages, on asyncio."""

import asyncio

from _peer import Peer, main
from domo_actors import Actor, Definition, Protocol, stage
from domo_actors.actors.address import Uuid7Address
from domo_actors.actors.protocol import ProtocolInstantiator


class Echo(Actor):
    async def tell(self, _number):
        pass

    async def ask(self, number):
        return number


class Sender(Actor):
    def __init__(self, echo):
        super().__init__()
        self.echo = echo

    async def tell(self, order):
        how, count = order
        for number in range(count):
            if how == "tell":
                self.echo.tell(number)
            else:
                await self.echo.ask(number)

    ask = tell


def protocol_of(actor_class):
    class Instantiator(ProtocolInstantiator):
        def instantiate(self, definition):
            return actor_class(*definition.parameters())

    class ItsProtocol(Protocol):
        def type(self):
            return actor_class.__name__

        def instantiator(self):
            return Instantiator()

    return ItsProtocol()


def start(actor_class, *arguments):
    return stage().actor_for(protocol_of(actor_class), Definition(actor_class.__name__, Uuid7Address(), arguments))


class DomoActors(Peer):
    # Its mailbox calls itself once for each message that waits. A thousand are too many for Python: some are lost.
    cannot = ("tell, from outside", "tell, actor to actor")

    async def __aexit__(self, *exc_info):
        await stage().close()

    async def echo(self):
        return start(Echo)

    async def sender(self, echo):
        return start(Sender, echo)

    # Each call gives a promise; who tells doesn't wait for it.
    async def tell(self, actor, message):
        actor.tell(message)

    async def ask(self, actor, message):
        return await actor.ask(message)

    async def stop(self, actor):
        return actor.stop()

    async def stopped(self, stopping):
        await stopping


if __name__ == "__main__":
    main(DomoActors(), lambda function, *arguments: asyncio.run(function(*arguments)))
