"""casty: virtual actors on asyncio, with a runtime in Rust, which serialises each message."""

import asyncio
from dataclasses import dataclass

from _peer import Peer, main
from casty import ActorSystem, Askable, Context, actor


@dataclass(frozen=True)
class Number:
    number: int


@dataclass(frozen=True)
class Question(Askable[int]):
    number: int


@dataclass(frozen=True)
class Order(Askable[int]):
    how: str
    count: int


@actor(initial=0)
async def echo(context: Context[int, Number | Question]) -> None:
    async for message in context.inbox:
        if isinstance(message, Question):
            message.reply_to.tell(message.number)


@actor(initial=0)
async def sender(context: Context[int, Order]) -> None:
    target = context.system.ref(echo, "echo-1")
    async for message in context.inbox:
        for number in range(message.count):
            if message.how == "tell":
                target.tell(Number(number))
            else:
                await target.ask(Question(number))
        message.reply_to.tell(message.count)


class Casty(Peer):
    # An actor there begins with a message that it gets, and a release may come before that: nobody just starts one.
    cannot = ("start and stop",)

    async def __aenter__(self):
        self.system = ActorSystem()
        await self.system.__aenter__()
        self.number = 0
        return self

    async def __aexit__(self, *exc_info):
        await self.system.__aexit__(*exc_info)

    async def echo(self):
        self.number += 1
        return self.system.ref(echo, f"echo-{self.number}")

    async def sender(self, _echo):
        return self.system.ref(sender, "sender")

    async def tell(self, actor, message):
        actor.tell(Order(*message) if isinstance(message, tuple) else Number(message))

    async def ask(self, actor, message):
        if isinstance(message, tuple):
            return await actor.ask(Order(*message))
        return await actor.ask(Question(message if isinstance(message, int) else 0))


if __name__ == "__main__":
    main(Casty(), lambda function, *arguments: asyncio.run(function(*arguments)))
