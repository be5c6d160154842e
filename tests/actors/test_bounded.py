"""Mailboxes with a bound: who waits, who gets an error, and what is dropped."""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading

import pytest

from actors import (
    Actor,
    ActorDied,
    CallTimeout,
    Deadlock,
    Down,
    Exit,
    MailboxFull,
    Shutdown,
    WouldBlock,
    current_actor,
    monitor,
    send_after,
    trap_exit,
)
from tests.support import CAP, Gate, Probe, ended, received, received_nothing


class Bounded(Probe):
    """A probe whose mailbox holds two messages, and which can be held up while others go on."""

    runs_on = "thread"
    max_mailbox = 2


class Raising(Bounded):
    overflow = "raise"


class DroppingOldest(Bounded):
    overflow = "drop_oldest"


class DroppingNewest(Bounded):
    overflow = "drop_newest"


def held_up(actor_class=Bounded, **options):
    """An actor that waits in a handler, with an empty mailbox; and the gate at which it does."""
    gate = Gate()
    ref = actor_class.options(**options).start()
    ref.tell(gate.pass_through)
    gate.await_arrival()
    return ref, gate


def full(actor_class=Bounded, **options):
    """An actor that waits in a handler, with a full mailbox: the messages 1 and 2."""
    ref, gate = held_up(actor_class, **options)
    ref.tell(1)
    ref.tell(2)
    return ref, gate


def all_received(ref, count):
    return [received(ref) for _ in range(count)]


class Waiting:
    """A call in a thread of its own; or in an actor, which a thread of its own asks for it."""

    def __init__(self, call):
        self._call = call
        self.error = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        try:
            self._call()
        except Exception as error:
            self.error = error

    def ended(self):
        self._thread.join(CAP)
        assert not self._thread.is_alive(), "it still waits"
        return self.error


def await_senders(ref, count):
    """Wait until so many senders stand in line. The line has no other sign outside of itself."""
    process = ref._process
    deadline = threading.Event()
    for _ in itertools.count():
        with process._room:
            if len(process._senders) >= count and all(sender.waiter for sender in process._senders):
                return
        assert not deadline.wait(0), "no time-out is set"


# Waiting for room


def test_a_thread_that_tells_waits_until_there_is_room():
    ref, gate = full()
    telling = Waiting(lambda: ref.tell(3))
    await_senders(ref, 1)

    gate.open()

    assert telling.ended() is None
    assert all_received(ref, 3) == [1, 2, 3]
