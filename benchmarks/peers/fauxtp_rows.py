"""fauxtp: GenServers on anyio."""

import anyio
from _peer import Peer, main, send
from fauxtp import GenServer, call, cast


async def ask(server, request):
    return await call(server.pid, request, timeout=60)


async def tell(server, request):
    await cast(server.pid, request)


class Echo(GenServer):
    async def handle_call(self, request, _from, state):
        return request, state

    async def handle_cast(self, _request, state):
        return state


class Sender(GenServer):
    def __init__(self, echo):
        super().__init__()
        self.echo = echo

    async def handle_call(self, request, _from, state):
        return await send(tell, ask, self.echo, request), state

    async def handle_cast(self, request, state):
        await send(tell, ask, self.echo, request)
        return state


class Fauxtp(Peer):
    tell = staticmethod(tell)
    ask = staticmethod(ask)

    async def __aenter__(self):
        self.group = anyio.create_task_group()
        await self.group.__aenter__()
        return self

    async def __aexit__(self, *exc_info):
        self.group.cancel_scope.cancel()
        await self.group.__aexit__(*exc_info)

    async def echo(self):
        return await Echo.start_link(task_group=self.group)

    async def sender(self, echo):
        return await Sender.start_link(echo, task_group=self.group)

    async def stop(self, actor):
        actor.cancel_scope.cancel()


if __name__ == "__main__":
    main(Fauxtp(), anyio.run)
