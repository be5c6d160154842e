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
        self.exits = {}
        self.group = anyio.create_task_group()
        await self.group.__aenter__()
        return self

    async def __aexit__(self, *exc_info):
        self.group.cancel_scope.cancel()
        await self.group.__aexit__(*exc_info)

    async def exited(self, pid, _reason):
        self.exits[pid].set()

    async def echo(self):
        echo = await Echo.start_link(task_group=self.group, on_exit=self.exited)
        self.exits[echo.pid] = anyio.Event()
        return echo

    async def sender(self, echo):
        return await Sender.start_link(echo, task_group=self.group)

    async def stop(self, actor):
        actor.cancel_scope.cancel()
        return self.exits[actor.pid]

    async def stopped(self, stopping):
        await stopping.wait()


if __name__ == "__main__":
    main(Fauxtp(), anyio.run)
