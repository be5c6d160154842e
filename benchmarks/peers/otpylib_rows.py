"""otpylib: GenServers on asyncio."""

import asyncio

from _peer import Peer, main, send
from otpylib import gen_server, process
from otpylib.gen_server.data import NoReply, Reply, Stop
from otpylib.module import GEN_SERVER, OTPModule
from otpylib.runtime import set_runtime
from otpylib.runtime.backends.asyncio_backend.backend import AsyncIOBackend


class Echo(metaclass=OTPModule, behavior=GEN_SERVER, version="1.0.0"):
    async def init(self, argument):
        return argument

    async def handle_call(self, request, _from, state):
        return Reply(request), state

    async def handle_cast(self, request, state):
        return (Stop() if request == "stop" else NoReply()), state

    async def handle_info(self, _message, state):
        return NoReply(), state

    async def terminate(self, _reason, _state):
        pass


class Sender(metaclass=OTPModule, behavior=GEN_SERVER, version="1.0.0"):
    async def init(self, echo):
        return echo

    async def handle_call(self, order, _from, echo):
        await send(gen_server.cast, gen_server.call, echo, order)
        return Reply(None), echo

    async def handle_cast(self, order, echo):
        await send(gen_server.cast, gen_server.call, echo, order)
        return NoReply(), echo

    async def handle_info(self, _message, echo):
        return NoReply(), echo

    async def terminate(self, _reason, _state):
        pass


class Otpylib(Peer):
    """Its servers are named, since a call looks its server up by name."""

    tell = staticmethod(gen_server.cast)
    ask = staticmethod(gen_server.call)

    async def __aenter__(self):
        self.number = 0
        return self

    async def start(self, module, argument=None):
        self.number += 1
        name = f"server-{self.number}"
        await gen_server.start(module, argument, name=name)
        return name

    async def echo(self):
        return await self.start(Echo)

    async def sender(self, echo):
        return await self.start(Sender, echo)

    async def stop(self, actor):
        await process.monitor(process.whereis(actor))
        await gen_server.cast(actor, "stop")

    async def stopped(self, _stopping):
        """One has ended for each message that comes of the monitors."""
        await process.receive()


def run(function, *arguments):
    """Run it in a process of its own there, as whoever starts a server must be one."""

    async def begin():
        backend = AsyncIOBackend()
        await backend.initialize()
        set_runtime(backend)
        outcome = asyncio.get_running_loop().create_future()

        async def inside():
            try:
                outcome.set_result(await function(*arguments))
            except Exception as error:  # noqa: BLE001 - it is for who waits
                outcome.set_exception(error)

        await process.spawn(inside, mailbox=True)
        return await outcome

    return asyncio.run(begin())


if __name__ == "__main__":
    main(Otpylib(), run)
