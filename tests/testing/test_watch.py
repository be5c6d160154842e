"""A step that takes too much of the machine's time fails the test, which doesn't hang."""

from __future__ import annotations

import asyncio
import io
import os
import socket
import sys
import threading
from contextlib import suppress

import pytest

from actors import Actor
from actors.testing import StepTooLong, System

# Where no simulation finds it.
NEVER_RELEASED = [threading.Lock()]
NEVER_RELEASED[0].acquire()


def wait_for_a_lock():
    NEVER_RELEASED[0].acquire()


def wait_for_a_socket():
    one, other = socket.socketpair()
    with one, other:
        one.recv(1)


def go_round_and_round():
    while os:
        pass


class Stuck(Actor):
    def on_receive(self, block):
        block()


@pytest.mark.parametrize("block", [wait_for_a_lock, wait_for_a_socket, go_round_and_round])
def test_what_blocks_for_real_fails_with_its_stack(block):
    with pytest.raises(StepTooLong, match=block.__name__) as caught, System(step_seconds=0.3):
        Stuck.start().ask(block)

    assert "KeyboardInterrupt" not in caught.value.__notes__[0]


def test_what_catches_everything_fails_all_the_same():
    def block():
        try:
            wait_for_a_lock()
        except BaseException:
            return

    with pytest.raises(StepTooLong, match="wait_for_a_lock"), System(step_seconds=0.3) as system:
        Stuck.start().tell(block)
        system.run_until_idle()


class StuckInACoroutine(Actor):
    async def on_receive(self, block):
        block()


class StuckInATask(Actor):
    async def on_receive(self, block):
        async def run():
            block()

        await asyncio.create_task(run())


@pytest.mark.parametrize("actor_class", [StuckInACoroutine, StuckInATask])
def test_what_blocks_an_async_handler_fails_its_test_and_interrupts_no_other(actor_class):
    with pytest.raises(StepTooLong, match="wait_for_a_lock"), System(step_seconds=0.3):
        actor_class.start().ask(wait_for_a_lock)

    with System():
        assert actor_class.start().ask(lambda: None) is None


class StuckAtItsEnd(Actor):
    def on_stop(self):
        go_round_and_round()


def test_what_blocks_for_real_when_all_are_stopped_fails_as_well():
    with pytest.raises(StepTooLong, match="go_round_and_round"), System(step_seconds=0.3):
        StuckAtItsEnd.start()


class StuckWhenItIsEnded(Actor):
    runs_on = "thread"

    def on_receive(self, _message):
        try:
            threading.Event().wait()
        finally:
            go_round_and_round()


def test_what_blocks_for_real_when_it_is_ended_fails_as_well():
    with pytest.raises(StepTooLong, match="go_round_and_round"), System(step_seconds=0.3) as system:
        StuckWhenItIsEnded.start().tell("wait")
        system.run_until_idle()


def test_a_time_for_a_step_must_be_one():
    with pytest.raises(ValueError, match="step_seconds must be a finite number"):
        System(step_seconds=float("inf"))


def test_what_swallows_each_interrupt_is_interrupted_again_and_says_where_it_is(monkeypatch):
    printed = io.StringIO()
    monkeypatch.setattr(sys, "__stderr__", printed)

    class Stubborn(Actor):
        def on_receive(self, _message):
            while not printed.getvalue():
                with suppress(BaseException):
                    wait_for_a_lock()

    with pytest.raises(StepTooLong, match="wait_for_a_lock"), System(step_seconds=0.3) as system:
        Stubborn.start().tell("begin")
        system.run_until_idle()

    assert "a step of a simulation takes too long" in printed.getvalue()
    assert "wait_for_a_lock" in printed.getvalue()
