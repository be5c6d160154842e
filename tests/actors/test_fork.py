"""A forked child has no actors of its parent's, and may start its own; nothing in it waits for ever."""

from __future__ import annotations

import asyncio
import functools
import gc
import json
import os
import sys
import threading
import traceback
import warnings

import pykka
import pytest

from actors import (
    Actor,
    ActorDied,
    Runtime,
    Shutdown,
    adopt,
    current_actor,
    current_runtime,
    whereis,
)
from actors._fork import in_child
from actors._future import Future
from actors._mail import NO_REPLY
from tests.support import CAP, Gate, Probe, held_elsewhere

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the platform has no fork")


def fork():
    with warnings.catch_warnings():
        # There are threads, and these tests are about what becomes of them.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def in_forked_child(look):
    """What `look` returns in a forked child, as JSON has it. A child that hangs is ended, and fails the test."""
    reading, writing = os.pipe()
    child = fork()
    if child == 0:
        try:
            answer = json.dumps(look())
        except BaseException:
            answer = json.dumps(traceback.format_exc())
        os.write(writing, answer.encode())
        os._exit(0)
    os.close(writing)
    return answer_of(child, reading)


def answer_of(child, reading):
    ender = threading.Timer(CAP, os.kill, (child, 9))
    ender.start()
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    ender.cancel()
    assert os.waitstatus_to_exitcode(status) == 0, f"the child ended with {status}, and said {said!r}"
    return json.loads(said)


def raised_by(function, *args, **kwargs):
    try:
        return f"nothing: {function(*args, **kwargs)!r}"
    except Exception as error:
        return type(error).__name__


class Echo(Probe):
    def on_receive(self, message):
        return message() if callable(message) else message


def test_the_parents_actors_are_dead_in_the_child():
    ref = Echo.options(name="echo").start()

    def look():
        return [
            ref.state(),
            repr(ref.exit_reason),
            ref.is_alive(),
            ref.actor_stopped.is_set(),
            raised_by(ref.tell, "hello"),
            raised_by(ref.ask, "hello"),
            ref.stop(),
            ref.join(),
            whereis("echo"),
            len(pykka.ActorRegistry.get_all()),
        ]

    ref.ask("up")
    assert in_forked_child(look) == [
        "gone",
        repr(Shutdown("forked")),
        False,
        True,
        "ActorDied",
        "ActorDied",
        False,
        True,
        None,
        0,
    ]
    assert ref.ask("still here") == "still here"


def test_a_future_of_the_parents_raises_in_the_child_instead_of_waiting():
    gate = Gate()
    busy = Echo.options(runs_on="thread").start()
    in_hand, queued = busy.ask(gate.pass_through, block=False), busy.ask("queued", block=False)
    deferred = Echo.start().ask(lambda: NO_REPLY, block=False)
    gate.await_arrival()
    answered = Echo.start().ask("answered", block=False)
    assert answered.get(timeout=CAP) == "answered"

    async def wait_for(future):
        return await future

    def look():
        unanswered = [in_hand, queued, deferred, busy.stop(block=False)]
        return [
            *(raised_by(future.get) for future in unanswered[:3]),
            unanswered[3].get(),
            raised_by(queued.map(str).get),
            raised_by(lambda: asyncio.run(wait_for(queued))),
            Echo.start().ask(lambda: raised_by(queued.get)),
            answered.get(),
        ]

    assert in_forked_child(look) == [*["ActorDied"] * 3, False, "ActorDied", "ActorDied", "ActorDied", "answered"]
    gate.open()
    assert queued.get(timeout=CAP) == "queued"


def test_the_child_starts_actors_in_a_runtime_of_its_own(runtime):
    Echo.options(name="echo").start()

    def look():
        ref = Echo.options(name="echo").start()
        with Runtime():
            inner = Echo.start_link().ask("inner")
        return [current_runtime() is runtime, ref.ask("hello"), ref.ask(lambda: Echo.start().ask("two")), inner]

    assert in_forked_child(look) == [False, "hello", "two", "inner"]


def test_leaving_the_parents_runtime_in_the_child_does_not_hang():
    def look():
        with Runtime() as runtime:
            gate = Gate()
            Echo.options(runs_on="thread").start().tell(gate.pass_through)
            gate.await_arrival()
            child = fork()
            if child == 0:
                refused = raised_by(functools.partial(runtime.admit, None))
                runtime.close()
                os._exit(0 if refused == "RuntimeError" else 1)
            gate.open()
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    assert in_forked_child(look) == 0


def test_locks_that_others_hold_are_free_in_the_child(runtime):
    gate = Gate()
    ref = Echo.start()

    def hold():
        with runtime.lock, pykka.ActorRegistry._actor_refs_lock, runtime.clock._changed:
            gate.pass_through()

    holder = threading.Thread(target=hold)
    holder.start()
    gate.await_arrival()

    def look():
        return [raised_by(ref.ask, 1), Echo.start().ask("hello"), adopt(ref).state(), len(runtime.processes())]

    outcome = in_forked_child(look)
    gate.open()
    holder.join(CAP)

    assert outcome == ["ActorDied", "hello", "gone", 0]


def test_a_handler_may_fork_and_go_on_in_the_child_outside_of_actors():
    gate = Gate()
    other = Echo.options(runs_on="thread").start()
    other.tell(gate.pass_through)
    gate.await_arrival()

    def look():
        return [repr(current_actor()), raised_by(other.ask, "hello"), Echo.start().ask("hello")]

    outcome = Echo.start().ask(lambda: in_forked_child(look))

    gate.open()
    assert outcome == ["None", "ActorDied", "hello"]


def test_a_child_whose_handler_returns_ends():
    reading, writing = os.pipe()
    done = []

    class Forking(Actor):
        use_daemon_thread = True

        def on_receive(self, message):
            child = fork()
            if child == 0:
                os.write(writing, b'"returned"')
            return child

        def on_stop(self):
            done.append(os.getpid())

    waiting = Echo.start()
    forking = Forking.start()
    child = waiting.ask(lambda: forking.ask("go"))

    os.close(writing)
    assert answer_of(child, reading) == "returned"
    assert forking.stop()
    assert done == [os.getpid()]


def test_the_childs_program_lives_as_long_as_its_actors(tmp_path):
    program = """
import os, sys, threading, warnings
from actors import Actor
warnings.simplefilter("ignore")

class Last(Actor):
    def on_receive(self, message):
        threading.main_thread().join()
        print("the child's actor ends", flush=True)
        self.stop()

class Idle(Actor):
    pass

idle = Idle.start()
child = os.fork()
if child == 0:
    Last.start().tell("go")
else:
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    idle.stop()
    print("the parent ends", code)
"""
    import subprocess

    done = subprocess.run([sys.executable, "-c", program], check=False, capture_output=True, text=True, timeout=15)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["the child's actor ends", "the parent ends 0"]


class Async(Actor):
    """Awaits what the function gives that it is sent."""

    use_daemon_thread = True

    async def on_receive(self, message):
        return await message()


def test_a_coroutine_of_the_parents_goes_on_there_alone():
    answer, begun, log = Future(), threading.Event(), []

    async def wait():
        begun.set()
        try:
            return await answer
        finally:
            log.append("ends")

    waiting = Async.start()
    asked = waiting.ask(wait, block=False)
    assert begun.wait(CAP)

    async def six():
        await asyncio.sleep(0)
        return 6

    def look():
        with Runtime():
            inner = Async.start().ask(six)
        gc.collect()
        return [raised_by(asked.get), Async.start().ask(six), inner, log]

    assert in_forked_child(look) == ["ActorDied", 6, 6, []]
    answer.set("answer")
    assert asked.get(timeout=CAP) == "answer"
    assert waiting.ask(six) == 6


def test_a_coroutine_may_fork_and_the_child_ends_when_it_has_to_wait():
    reading, writing = os.pipe()
    parent, begun, answer = os.getpid(), threading.Event(), Future()

    async def wait():
        begun.set()
        try:
            return await answer
        finally:
            if os.getpid() != parent:
                os.write(writing, b"not to run in the child")

    async def fork_and_start():
        child = fork()
        if child == 0:
            with Runtime():
                said = [Echo.start().ask("a new one"), repr(current_actor())]
            os.write(writing, json.dumps(said).encode())
            await asyncio.sleep(3600)
        return child

    waiting = Async.start().ask(wait, block=False)
    assert begun.wait(CAP)
    child = Async.start().ask(fork_and_start)
    os.close(writing)

    assert answer_of(child, reading) == ["a new one", "None"]
    answer.set("answer")
    assert waiting.get(timeout=CAP) == "answer"


def test_what_is_to_be_done_in_the_child_is_done_in_order():
    said = []
    in_child(lambda: said.append("first"))
    in_child(lambda: said.append("second"))

    assert in_forked_child(lambda: said) == ["first", "second"]
    assert said == []


def test_a_future_of_nobodys_works_on_in_the_child():
    future = Future()

    def look():
        future.set("by the child")
        return future.get()

    assert in_forked_child(look) == "by the child"
    assert raised_by(future.get, timeout=0) == "CallTimeout"


def test_the_error_in_the_child_says_where_the_actor_is():
    unanswered = Echo.start().ask(lambda: NO_REPLY, block=False)

    def look():
        with pytest.raises(ActorDied, match="the process that forked this one") as caught:
            unanswered.get()
        return repr(caught.value.reason)

    assert in_forked_child(look) == repr(Shutdown("forked"))


@pytest.mark.parametrize("overflow", ["block", "drop_oldest"])
def test_a_mailbox_with_a_bound_that_a_thread_is_at_is_dead_in_the_child(overflow):
    ref = Echo.options(max_mailbox=1, overflow=overflow).start()
    ref.ask("up")

    with held_elsewhere(ref._process._room):
        assert in_forked_child(lambda: [raised_by(ref.tell, "hello"), raised_by(ref.ask, "hello")]) == ["ActorDied"] * 2
