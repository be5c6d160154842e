"""Code that swallows its end, and goes on: it comes to no end, but the test does, and says whose it is."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest

from actors import Actor, checkpoint, sleep
from actors.testing import Livelock, System


class Stubborn(Actor):
    """Does it again and again, and dies of nothing."""

    def on_receive(self, do):
        while True:
            with suppress(BaseException):
                do()


class StubbornInItsThread(Stubborn):
    runs_on = "thread"


def wait_for_an_event():
    threading.Event().wait()


WAITS = {
    "sleep": lambda: sleep(1),
    "time.sleep": lambda: time.sleep(1),
    "event": wait_for_an_event,
    "checkpoint": checkpoint,
}


@pytest.mark.parametrize("actor_class", [Stubborn, StubbornInItsThread])
@pytest.mark.parametrize("do", WAITS.values(), ids=WAITS)
def test_code_that_swallows_its_end_is_given_up_and_fails_the_test(actor_class, do):
    with pytest.raises(Livelock, match=f"{actor_class.__name__}-1#1"), System(max_steps=1000) as system:
        actor_class.start().tell(do)
        system.run_until_idle()


@pytest.mark.parametrize("do", WAITS.values(), ids=WAITS)
def test_a_test_that_has_failed_ends_though_code_swallows_its_end(do):
    def fail():
        with System(max_steps=1000) as system:
            Stubborn.start().tell(do)
            with suppress(Livelock):
                system.run_until_idle()
            raise ValueError("its own")

    with pytest.raises(ValueError, match="its own"):
        fail()


def test_others_come_to_their_end_beside_it():
    ended = []

    class Orderly(Actor):
        def on_receive(self, _message):
            try:
                wait_for_an_event()
            finally:
                ended.append("ended")

    with pytest.raises(Livelock, match=r"Stubborn-1#1 .* swallows what ends it"), System(max_steps=1000) as system:
        Stubborn.start().tell(wait_for_an_event)
        Orderly.start().tell("wait")
        system.run_until_idle()

    assert ended == ["ended"]


PROGRAM = """
from actors import Actor, sleep
from actors.testing import System

class Stubborn(Actor):
    def on_receive(self, _message):
        while True:
            try:
                sleep(1)
            except:
                pass

try:
    with System(max_steps=1000) as system:
        Stubborn.start().tell("begin")
        system.run_until_idle()
except AssertionError as error:
    print(type(error).__name__)
"""


def test_a_program_ends_in_which_code_was_given_up():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)

    assert (done.stdout, "GreenletExit" in done.stderr) == ("Livelock\n", False)
