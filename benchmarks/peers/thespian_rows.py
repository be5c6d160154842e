"""thespian: actors that are called back, here in one thread, which is the quickest of its systems."""

import asyncio

from _peer import Peer, main
from thespian.actors import Actor, ActorExitRequest, ActorSystem


class Ask:
    """A message that wants an answer, as `tell` and `ask` are all the same to an actor there."""

    def __init__(self, number):
        self.number = number


class Order:
    def __init__(self, echo, how, count, *, answer):
        self.echo, self.how, self.count, self.answer = echo, how, count, answer


class Echo(Actor):
    def receiveMessage(self, message, sender):  # noqa: N802 - as it is there
        if isinstance(message, Ask):
            self.send(sender, message.number)


class Sender(Actor):
    """Doesn't wait for an answer, which can't be done there: it sends the next when the one before is answered."""

    def receiveMessage(self, message, sender):  # noqa: N802 - as it is there
        if isinstance(message, Order):
            self.order, self.asker, self.left = message, sender, message.count
            if message.how == "tell":
                for number in range(message.count):
                    self.send(message.echo, number)
                self.left = 0
        elif isinstance(message, int):
            self.left -= 1
        else:
            return
        if self.left:
            self.send(self.order.echo, Ask(self.left))
        elif self.order.answer:
            self.send(self.asker, "done")


class Thespian(Peer):
    async def __aenter__(self):
        self.system = ActorSystem("simpleSystemBase")
        return self

    async def __aexit__(self, *exc_info):
        self.system.shutdown()

    async def echo(self):
        return self.system.createActor(Echo)

    async def sender(self, echo):
        self.target = echo
        return self.system.createActor(Sender)

    def order(self, message, *, answer):
        return Order(self.target, *message, answer=answer)

    async def tell(self, actor, message):
        self.system.tell(actor, self.order(message, answer=False) if isinstance(message, tuple) else message)

    async def ask(self, actor, message):
        asked = self.order(message, answer=True) if isinstance(message, tuple) else Ask(message)
        return self.system.ask(actor, asked, 60)

    async def stop(self, actor):
        self.system.tell(actor, ActorExitRequest())


if __name__ == "__main__":
    main(Thespian(), lambda function, *arguments: asyncio.run(function(*arguments)))
