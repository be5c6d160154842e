"""triotp: GenServers on trio, which are modules there."""

from types import SimpleNamespace

import trio
from _peer import Peer, main, send
from triotp import gen_server, mailbox


async def init(begun_and_state):
    begun, state = begun_and_state
    begun.set()
    return state


async def terminate(_reason, _state):
    pass


async def answer(message, _caller, state):
    return gen_server.Reply(message), state


async def ignore(message, state):
    return (gen_server.Stop() if message == "stop" else gen_server.NoReply()), state


async def send_and_answer(order, _caller, echo):
    await send(gen_server.cast, gen_server.call, echo, order)
    return gen_server.Reply(None), echo


async def send_on(order, echo):
    await send(gen_server.cast, gen_server.call, echo, order)
    return gen_server.NoReply(), echo


HOOKS = {"init": init, "terminate": terminate}
ECHO = SimpleNamespace(**HOOKS, handle_call=answer, handle_cast=ignore)
SENDER = SimpleNamespace(**HOOKS, handle_call=send_and_answer, handle_cast=send_on)


class Triotp(Peer):
    tell = staticmethod(gen_server.cast)
    ask = staticmethod(gen_server.call)

    async def __aenter__(self):
        mailbox._init()
        self.number = 0
        self.ends = {}
        self.nursery_of = trio.open_nursery()
        self.nursery = await self.nursery_of.__aenter__()
        return self

    async def __aexit__(self, *exc_info):
        self.nursery.cancel_scope.cancel()
        await self.nursery_of.__aexit__(*exc_info)

    async def start(self, module, argument=None):
        self.number += 1
        name = f"server-{self.number}"
        begun, self.ends[name] = trio.Event(), trio.Event()
        self.nursery.start_soon(self.serve, module, (begun, argument), name)
        await begun.wait()
        return name

    async def serve(self, module, argument, name):
        await gen_server.start(module, argument, name)
        self.ends[name].set()

    async def echo(self):
        return await self.start(ECHO)

    async def sender(self, echo):
        return await self.start(SENDER, echo)

    async def stop(self, actor):
        await gen_server.cast(actor, "stop")
        return self.ends[actor]

    async def stopped(self, stopping):
        await stopping.wait()


if __name__ == "__main__":
    main(Triotp(), trio.run)
