"""A server whose callbacks do what the test says."""

from __future__ import annotations

from typing import Any

from actors import GenServer, NoReply, Ok, Reply


class Scripted(GenServer[Any]):
    """A server that is started, called and cast with functions: what its callbacks are to do.

    What else it gets it adds to its state, a tuple. `log` gets what `terminate` gets.
    """

    def init(self, do=lambda: Ok(()), log=None, terminate=lambda: None):
        self.log = log
        self.on_terminate = terminate
        return do()

    def handle_call(self, request, sender, state):
        return request(sender, state)

    def handle_cast(self, request, state):
        return request(state)

    def handle_info(self, message, state):
        return NoReply((*state, message))

    def handle_continue(self, argument, state):
        return argument(state)

    def terminate(self, reason, state):
        if self.log is not None:
            self.log.append((reason, state))
        self.on_terminate()


class TrappingScripted(Scripted):
    """One that traps exits."""

    trap_exit = True


class Shy:
    """What can't be shown."""

    def __repr__(self):
        raise ValueError


def answer(value):
    """A call: answered with this value."""
    return lambda _sender, state: Reply(value, state)


def adding(item, then=None):
    """A cast, or a continue: add an item to the state."""
    return lambda state: NoReply((*state, item), then)


def returning(value):
    """A call, a cast, or a continue: return this value, whatever it is."""
    return lambda *_arguments: value


def doing(function):
    """A call, a cast, or a continue: call this function, which is to end the server."""
    return lambda *_arguments: function()


def state_of(server):
    """The state of a server, when all that was sent to it before is handled."""
    return server.call(lambda _sender, state: Reply(state, state))
