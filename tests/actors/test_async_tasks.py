"""Tasks that coroutines of an actor start beside themselves: they are the actor's, and end with it."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from actors import Crashed, Down, Killed, Normal, Runtime, exit
from tests.actors.coroutines import Answering, Latch
from tests.support import CAP, crash, received, watching

rule = pytest.mark.rule

SOON = 0.01
"""Seconds; for what must not happen before something else does."""

NEVER = 3600.0
"""Seconds; for what must not pass while the test runs."""


class Background:
    """A task that waits for ever, and what is to be seen of it."""

    def __init__(self, clean_up=None):
        self.log = []
        self._clean_up = clean_up

    async def start(self):
        """Called in a handler."""
        self.task = asyncio.create_task(self._run())
        # So that it has begun when the handler returns.
        await asyncio.sleep(0)

    async def _run(self):
        self.log.append("begins")
        try:
            await asyncio.sleep(NEVER)
        finally:
            if self._clean_up is not None:
                await self._clean_up()
            self.log.append("ends")


def started(background):
    """An actor that has started the task, and is idle."""
    ref = Answering.start()
    ref.ask(background.start)
    return ref


def test_a_task_lives_on_across_the_messages_that_follow():
    found = []

    async def work(wake):
        await wake.wait()
        return "done"

    async def start():
        found.append(asyncio.Event())
        found.append(asyncio.create_task(work(found[0])))

    async def look():
        wake, task = found
        was_done = task.done()
        wake.set()
        return was_done, await task

    ref = Answering.start()
    ref.ask(start)
    ref.ask(started_nothing)
    # The loop keeps no task alive by itself.
    gc.collect()

    assert ref.ask(look) == (False, "done")


async def started_nothing():
    pass


async def fail():
    crash()


async def leave():
    exit("done here")


ENDS = {
    "stopped": (lambda ref: ref.stop(block=False), Normal()),
    "told to exit": (lambda ref: ref.exit("go"), "go"),
    "leaving": (lambda ref: ref.tell(leave), "done here"),
    "crashing": (lambda ref: ref.tell(fail), None),
    "killed": (lambda ref: ref.kill(), Killed()),
}


@pytest.mark.parametrize("end", ENDS)
def test_an_actor_that_ends_is_gone_when_its_tasks_are_cancelled_and_have_ended(end):
    act, reason = ENDS[end]
    background = Background(clean_up=lambda: asyncio.sleep(0))
    ref = started(background)

    act(ref)

    assert ref.join(CAP)
    assert ref.exit_reason == reason or isinstance(ref.exit_reason, Crashed)
    assert background.log == ["begins", "ends"]


def test_an_orderly_end_is_told_when_the_tasks_have_ended():
    latch = Latch()
    background = Background(clean_up=latch.pass_through)
    ref = started(background)
    watcher = watching(ref)

    ref.stop(block=False)
    latch.await_arrival()
    # Its mailbox is closed, and no more than that is known.
    assert (ref.is_alive(), ref.state()) == (False, "dead")
    latch.open()

    assert isinstance(received(watcher), Down)
    assert background.log == ["begins", "ends"]


@rule("A6")
@pytest.mark.parametrize("is_busy", [True, False], ids=["in a handler", "idle"])
def test_a_killed_actor_is_abandoned_until_its_tasks_have_ended(is_busy):
    latch, handler = Latch(), Latch()
    background = Background(clean_up=latch.pass_through)
    ref = started(background)
    if is_busy:
        ref.tell(handler.pass_through)
        handler.await_arrival()

    ref.kill()
    latch.await_arrival()
    assert (ref.state(), ref.exit_reason) == ("abandoned", Killed())
    latch.open()

    assert ref.join(CAP)
    assert background.log == ["begins", "ends"]


def test_a_task_that_starts_another_as_it_ends_leaves_none_behind():
    second = Background()
    first = Background(clean_up=second.start)
    ref = started(first)

    ref.stop()

    assert (first.log, second.log) == (["begins", "ends"], ["begins", "ends"])


def test_the_last_hook_may_still_end_the_tasks_in_its_own_way():
    log = []

    class Flushing(Answering):
        async def on_receive(self, message):
            self.closing = asyncio.Event()
            self.task = asyncio.create_task(self.flush())

        async def flush(self):
            await self.closing.wait()
            log.append("flushed")

        async def on_stop(self):
            self.closing.set()
            await self.task

    ref = Flushing.start()
    ref.ask("go")
    ref.stop()

    assert log == ["flushed"]


def test_the_tasks_of_one_actor_outlive_another():
    background = Background()
    other, ref = started(background), Answering.start()
    ref.ask(started_nothing)

    ref.stop()

    assert background.log == ["begins"]
    other.stop()


def test_a_task_shows_its_attributes_as_any_task_does():
    class Plain(asyncio.Task):
        """Made as people make them."""

    async def show():
        task, plain = asyncio.current_task(), Plain(asyncio.sleep(0))
        await plain
        return getattr(task, "__dict__", "none"), getattr(plain, "__dict__", "none")

    assert type(Answering.start().ask(show)[0]) is type(Answering.start().ask(show)[1])


def test_what_an_actor_awaits_itself_is_no_burden_to_its_end():
    async def gather():
        return await asyncio.gather(*(asyncio.sleep(0, number) for number in range(3)))

    ref = Answering.start()

    assert ref.ask(gather) == [0, 1, 2]
    assert ref.stop()


def test_a_task_that_fails_ends_nobody_and_is_logged_by_asyncio(caplog):
    failed = threading.Event()

    async def fail_soon():
        failed.set()
        crash()

    async def start():
        asyncio.get_running_loop().create_task(fail_soon())

    ref = Answering.start()
    ref.ask(start)
    assert failed.wait(CAP)
    ref.ask(started_nothing)

    assert ref.is_alive()
    gc.collect()
    (record,) = caplog.records
    assert (record.name, record.exc_info[1].args) == ("asyncio", ("boom",))
    assert record.getMessage().startswith("ActorTask exception was never retrieved")


def test_a_task_that_a_callback_starts_after_the_end_is_cancelled():
    background, found, done = Background(), [], threading.Event()

    async def note_where():
        found.extend([asyncio.get_running_loop(), contextvars.copy_context()])

    ref = Answering.start()
    ref.ask(note_where)
    ref.stop()
    loop, context = found

    def call_back():
        loop.create_task(background.start()).add_done_callback(lambda _task: done.set())

    loop.call_soon_threadsafe(call_back, context=context)

    assert done.wait(CAP)
    assert background.log == []


@rule("A6")
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_what_a_callback_starts_as_its_actor_goes_does_not_outlive_it(end, runs_on):
    background, found, refused, done = Background(), [], [], threading.Event()
    executor = ThreadPoolExecutor()

    async def note_where():
        found.extend([asyncio.get_running_loop(), contextvars.copy_context()])

    def start_late():
        loop = found[0]
        loop.create_task(background.start())
        for where in (None, executor):
            try:
                loop.run_in_executor(where, background.log.append, "runs in a thread")
            except RuntimeError as error:
                refused.append(str(error))
        loop.call_soon(done.set)

    def have_it_called_back(_process):
        loop, context = found
        loop.call_soon_threadsafe(start_late, context=context)
        assert done.wait(CAP)

    ref = Answering.options(runs_on=runs_on).start()
    ref.ask(note_where)
    ref._process.when_gone(have_it_called_back)
    ref.stop() if end == "stop" else ref.kill()

    assert ref.join(CAP)
    assert background.log == []
    assert refused == ["Answering has ended, and runs nothing in a thread any more"] * 2
    executor.shutdown()


def test_a_task_factory_of_ones_own_is_refused():
    async def replace_the_factory():
        asyncio.get_running_loop().set_task_factory(None)

    ref = Answering.start()
    with pytest.raises(RuntimeError, match="tasks are made so that they end with the actor"):
        ref.ask(replace_the_factory)


# Threads that are awaited


@rule("A6")
@pytest.mark.parametrize("is_own", [False, True], ids=["of to_thread", "of its own executor"])
def test_a_killed_actor_is_abandoned_until_what_it_runs_in_a_thread_has_ended(is_own, gate, request):
    executor = None
    if is_own:
        executor = ThreadPoolExecutor()
        request.addfinalizer(executor.shutdown)

    async def work():
        await asyncio.get_running_loop().run_in_executor(executor, gate.pass_through)

    ref = Answering.start()
    ref.tell(work)
    gate.await_arrival()

    ref.kill()

    assert ref.join(SOON) is False
    assert ref.state() == "abandoned"
    gate.open()
    assert ref.join(CAP)


def test_an_actor_that_has_given_up_a_thread_is_not_gone_before_that_has_ended(gate):
    async def give_up():
        loop = asyncio.get_running_loop()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(None) as timeout:
                # Called when the function has been given to a thread; not to be given up before it runs there.
                loop.call_soon(lambda: (gate.await_arrival(), timeout.reschedule(loop.time())))
                await asyncio.to_thread(gate.pass_through)

    ref = Answering.start()
    ref.ask(give_up)

    ref.stop(block=False)

    assert ref.join(SOON) is False
    assert ref.state() == "dead"
    gate.open()
    assert ref.join(CAP)


def test_nobody_waits_for_an_address_that_is_looked_up(monkeypatch, gate):
    """It is none of the actor's code that runs in the thread, and may take half a minute."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: gate.pass_through())

    async def look_up():
        await asyncio.get_running_loop().getaddrinfo("nowhere", 80)

    ref = Answering.start()
    ref.tell(look_up)
    gate.await_arrival()

    ref.kill()

    assert ref.join(CAP)


# The end of the loop


def test_what_an_abandoned_actor_still_awaits_is_cancelled_again_when_the_runtime_ends(caplog, capfd):
    latch, log = Latch(), []

    async def clean_up_for_ever():
        latch.arrived.release()
        try:
            await asyncio.sleep(NEVER)
        finally:
            latch.arrived.release()
            try:
                await asyncio.sleep(NEVER)
            finally:
                log.append("ends")

    with Runtime() as runtime:
        ref = Answering.start()
        ref.tell(clean_up_for_ever)
        latch.await_arrival()
        ref.kill()
        latch.await_arrival()

        runtime.close(timeout=0.0)

    assert ref.join(CAP)
    assert log == ["ends"]
    gc.collect()
    assert [record for record in caplog.records if record.name == "asyncio"] == []
    assert capfd.readouterr().err == ""


def test_a_runtime_ends_though_a_coroutine_does_not_let_itself_be_cancelled():
    begun, found = threading.Event(), []

    async def never_give_up():
        loop = asyncio.get_running_loop()
        opened = loop.create_future()
        found.append(lambda: loop.call_soon_threadsafe(opened.set_result, None))
        begun.set()
        while not opened.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.shield(opened)

    with Runtime() as runtime:
        ref = Answering.start()
        ref.tell(never_give_up)
        assert begun.wait(CAP)

        runtime.close(timeout=0.0)

        assert (ref.state(), ref.exit_reason) == ("abandoned", Killed())
        (let_go,) = found
        let_go()
        assert ref.join(CAP)
