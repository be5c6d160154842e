"""An exception that the handler of a signal raises amid a send or a start: Ctrl-C, an alarm, a test that is too slow.

It is raised here at each place at which the interpreter runs such handlers, one after the other: at the begin of a
function, after a call, and where a loop goes on.
"""

from __future__ import annotations

import contextlib
import dis
import functools
import logging
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from queue import Full

import pytest

import actors
from actors import (
    Actor,
    ActorDied,
    AlreadyAttached,
    MailboxFull,
    NameUnavailable,
    NoProc,
    Queue,
    QueueClosed,
    Registry,
    Reject,
    Runtime,
    UnknownHandler,
    Worker,
    link,
    monitor,
    register_name,
    telemetry,
    unregister_name,
    whereis,
)
from actors._clock import SystemClock
from actors._future import Future
from actors._lifeline import lifeline
from actors.testing import settle
from tests.support import Gate, Probe

PACKAGE = str(Path(actors.__file__).parent)
SECONDS = 5.0
"""How long what is wedged is waited for."""


class Interrupt(BaseException):
    """What the handler raises."""


class Echo(Actor):
    def on_start(self):
        self.is_up = True

    def on_receive(self, message):
        return message


class Idle(Actor):
    """One that has nothing to run before its first message."""

    def on_receive(self, message):
        return message


class Failing(Actor):
    """One that can't be made."""

    def __init__(self):
        super().__init__()
        raise ValueError


class Waiting(Actor):
    """Answers with what a future gives."""

    def on_receive(self, future):
        return future.get(timeout=SECONDS)


class Witness(Actor):
    """Is linked to another, and watches it; says what it has heard."""

    trap_exit = True

    def __init__(self, ref):
        super().__init__()
        self.ref = ref
        self.heard = set()

    def on_start(self):
        link(self.ref)
        monitor(self.ref)

    def on_receive(self, message):
        if message == "heard":
            return self.heard
        self.heard.add(type(message).__name__)
        return None


class Collector(Worker):
    """Notes what it is handed, and refuses some of it."""

    def __init__(self, queue, handled):
        super().__init__(queue)
        self.handled = handled

    def handle_event(self, event):
        self.handled.append(event)
        if event == "refused":
            raise Reject("no")


class Owner(Actor):
    """Holds a key; and, when told to, is at work until the gate opens."""

    def on_start(self):
        if whereis("keys") is not None:
            Registry("keys").register("key")

    def on_receive(self, message):
        if isinstance(message, Gate):
            message.pass_through()


class Place:
    """The place, counted from 1 in the order in which the calling thread comes to them, at which to interrupt."""

    def __init__(self, number, paths=(PACKAGE,)):
        self.where = None
        self._left = number
        self._paths = paths
        self._thread = threading.get_ident()
        # Frames whose last instruction was a call: it's done when what follows it is about to be.
        self._calling = set()

    def interrupted(self):
        return self._traced() if sys.version_info < (3, 12) else self._monitored()

    @contextmanager
    def _traced(self):
        before = sys.gettrace()
        sys.settrace(self._enter)
        try:
            yield
        finally:
            sys.settrace(before)

    def _enter(self, frame, _event, _argument):
        if not frame.f_code.co_filename.startswith(self._paths):
            return None
        frame.f_trace_lines = False
        frame.f_trace_opcodes = True
        # The begin of a function is told of as a call, and not as an opcode.
        self._come(frame, frame.f_lasti)

        def trace(frame, event, _argument):
            if event == "opcode":
                self._come(frame, frame.f_lasti)
            return trace

        return trace

    @contextmanager
    def _monitored(self):
        """Do the same where a trace isn't told of the opcodes of frames that begin meanwhile."""
        monitoring = sys.monitoring
        instruction = monitoring.events.INSTRUCTION
        monitoring.use_tool_id(TOOL, "interrupts")
        monitoring.register_callback(TOOL, instruction, self._look)
        monitoring.set_events(TOOL, instruction)
        try:
            yield
        finally:
            monitoring.set_events(TOOL, 0)
            monitoring.register_callback(TOOL, instruction, None)
            monitoring.free_tool_id(TOOL)

    def _look(self, code, offset):
        if threading.get_ident() == self._thread and code.co_filename.startswith(self._paths):
            self._come(sys._getframe(1), offset)

    def _come(self, frame, offset):
        name = names_of(frame.f_code)[offset]
        if name == "SWAP":
            # What follows a call in `return call()` of a `with`: the interpreter is still in that, and a trace isn't.
            self._calling.discard(frame)
            return
        if name == "PUSH_EXC_INFO":
            # The call has raised: no handler runs before that is caught.
            self._calling.discard(frame)
            return
        is_place = frame in self._calling or name == "RESUME" or name.startswith("JUMP_BACKWARD")
        self._calling.discard(frame)
        if name.startswith("CALL") and not name.startswith("CALL_INTRINSIC"):
            self._calling.add(frame)
        if is_place and self._left > 0:
            self._left -= 1
            if self._left == 0:
                self._calling.clear()
                code = frame.f_code
                self.where = f"{Path(code.co_filename).name}:{frame.f_lineno} {code.co_name}, before {name}"
                raise Interrupt


TOOL = 4
"""A number of a monitoring tool that nobody else has: those below 3 are for debuggers, coverage and profilers."""


@functools.cache
def names_of(code):
    return {one.offset: one.opname for one in dis.get_instructions(code)}


def tell(ref):
    ref.tell("told")


def ask(ref):
    ref.ask("asked", timeout=SECONDS)


def ask_meanwhile(ref):
    ref.ask("asked", block=False)


def stop(ref):
    ref.stop(timeout=SECONDS)


def start(_ref):
    Echo.start()


def start_idle(_ref):
    Idle.start()


def start_named(_ref):
    Echo.options(name="one").start()


def start_link(_ref):
    Echo.start_link()


def start_alone(_ref):
    Echo.options(runs_on="thread").start()


def start_failing(_ref):
    with contextlib.suppress(ValueError):
        Failing.options(name="one").start()
    assert whereis("one") is None


STARTS = [start, start_idle, start_named, start_link, start_alone, start_failing]
CASES = [(what, False) for what in (tell, ask, stop, *STARTS)] + [(what, True) for what in STARTS]
"""What is interrupted, and whether it is the first that is done in its runtime."""


def interrupted_at(number, what, runs_on, *, is_first):
    """Interrupt at this place; return which it is, and what is wrong afterwards. None for the place: there is none."""
    place = Place(number)
    held = lifeline._count
    wrong = []
    runtime = Runtime()
    with runtime:
        ref = None
        if not is_first:
            ref = Echo.options(runs_on=runs_on).start()
            ref.ask("up", timeout=SECONDS)
        with contextlib.suppress(Interrupt), place.interrupted():
            what(ref)
        if what is not stop and ref is not None:
            wrong += not_answering(ref, "the old one")
        wrong += not_answering(Echo.start(), "a new one")
        closing = threading.Thread(target=runtime.close, args=(SECONDS,), daemon=True)
        closing.start()
        closing.join(2 * SECONDS)
        if closing.is_alive():
            return place.where, [*wrong, "close() doesn't return"]
    wrong += [f"{process} is left" for process in runtime.processes()]
    if lifeline._count != held:
        wrong.append("the program never ends")
    return place.where, wrong


def not_answering(ref, who):
    try:
        ref.ask("there?", timeout=SECONDS)
    except Exception as error:
        return [f"{who}: {error!r}"]
    return []


def places(*paths):
    """Each place, to be interrupted at, as long as one is come to; in the files below these paths, if any are given."""
    number, place = 0, None
    while place is None or place.where is not None:
        number += 1
        place = Place(number, paths or (PACKAGE,))
        yield place
    assert number > MIN_PLACES, "it came to no places"


MIN_PLACES = 3


@pytest.mark.timeout(120)
@pytest.mark.parametrize("overflow", ["block", "raise", "drop_oldest", "drop_newest"])
@pytest.mark.parametrize("send", [tell, ask], ids=["tell", "ask"])
def test_an_interrupted_send_takes_no_room_for_good(send, overflow, runs_on, caplog):
    caplog.set_level(logging.CRITICAL + 1)
    for place in places():
        with Runtime():
            ref = Echo.options(max_mailbox=1, overflow=overflow, runs_on=runs_on).start()
            ref.ask("up", timeout=SECONDS)
            with contextlib.suppress(Interrupt), place.interrupted():
                send(ref)
            # It may be there still.
            settle()
            assert not_answering(ref, place.where) == []


class Keeper(Actor):
    """Notes what it handles; waits for a future that it is told."""

    def on_start(self):
        self.handled = []

    def on_receive(self, message):
        if isinstance(message, Future):
            return message.get(timeout=SECONDS)
        self.handled.append(message)
        return None


@pytest.mark.timeout(120)
@pytest.mark.parametrize("overflow", ["raise", "drop_oldest", "drop_newest"])
@pytest.mark.parametrize("send", [tell, ask_meanwhile], ids=["tell", "ask"])
def test_an_interrupted_send_to_a_full_mailbox_loses_nothing_that_was_there(send, overflow, runs_on, caplog):
    caplog.set_level(logging.CRITICAL + 1)
    for place in places():
        letters = []
        release = Future()
        with Runtime() as runtime:
            runtime.dead_letters.listen(lambda letter, letters=letters: letters.append(letter.message))
            ref = Keeper.options(max_mailbox=3, overflow=overflow, runs_on=runs_on).start()
            ref.tell(release)
            settle()
            handled = ref._process.actor.handled
            for message in (1, 2, 3):
                ref.tell(message)
            with contextlib.suppress(Interrupt, MailboxFull), place.interrupted():
                send(ref)
            release.set(None)
            settle()
            # There is room again, for all of them.
            for message in (4, 5, 6):
                ref.tell(message)
            settle()
            assert ref._process.mailbox_length() == ref._process._held == 0, place.where
        # One whose telling of was interrupted is told of again.
        numbers = [one for one in handled if isinstance(one, int)]
        assert numbers == sorted({*range(1, 7)} - {*letters}), (place.where, handled, letters)
        assert len(handled) == len({*handled}), place.where


def test_an_interrupted_exit_is_received_or_may_be_sent_again(runs_on, caplog):
    caplog.set_level(logging.CRITICAL + 1)
    for place in places():
        with Runtime():
            ref = Echo.options(runs_on=runs_on).start()
            ref.ask("up", timeout=SECONDS)
            with contextlib.suppress(Interrupt), place.interrupted():
                ref.exit("why")
            ref.exit("why")
            assert ref.join(SECONDS), place.where


def test_an_interrupted_answer_reaches_who_waits_or_may_be_given_again():
    for place in places():
        future = Future()
        with Runtime():
            waiting = Waiting.start()
            answer = waiting.ask(future, block=False)
            settle()
            with contextlib.suppress(Interrupt), place.interrupted():
                future.set("the answer")
            with contextlib.suppress(Full):
                future.set("the answer")
            assert answer.get(timeout=SECONDS) == "the answer", place.where


def all_end_but_the_lifeline(threads, place):
    for thread in threads:
        if thread.name != "actors-lifeline":
            thread.join(SECONDS)
            assert not thread.is_alive(), (thread, place.where)


@pytest.mark.timeout(120)
def test_an_interrupted_close_may_be_done_again(caplog):
    caplog.set_level(logging.CRITICAL + 1)
    before = set(threading.enumerate())
    for place in places():
        runtime = Runtime()
        with runtime:
            Echo.start().ask("up", timeout=SECONDS)
            with contextlib.suppress(Interrupt), place.interrupted():
                runtime.close(SECONDS)
        assert runtime.processes() == [], place.where
        all_end_but_the_lifeline(set(threading.enumerate()) - before, place)


def test_an_interrupt_leaves_no_watchdog_that_outlives_the_runtime():
    before = set(threading.enumerate())

    for place in places():
        with Runtime() as runtime:
            with contextlib.suppress(Interrupt), place.interrupted():
                runtime.scheduler.watchdog.rouse()
            runtime.scheduler.watchdog.rouse()
            watchdogs = [one for one in set(threading.enumerate()) - before if one.name == "actors-watchdog"]
            assert watchdogs, place.where
        for watchdog in watchdogs:
            watchdog.join(SECONDS)
            assert not watchdog.is_alive(), place.where


def asleep(clock):
    """Set when the clock's thread waits for what is to come."""
    is_asleep = threading.Event()
    wait = clock._changed.wait

    def announced(timeout=None):
        # With the lock held: nobody comes before it waits indeed.
        is_asleep.set()
        return wait(timeout)

    clock._changed.wait = announced
    return is_asleep


@pytest.mark.parametrize("is_first", [False, True], ids=["later", "first"])
def test_an_interrupted_timer_keeps_no_clock_from_later_ones_nor_from_being_closed(is_first):
    # The start of a thread fails by itself when it is interrupted in there.
    paths = [PACKAGE] if is_first else [PACKAGE, threading.__file__]
    for place in places(*paths):
        clock = SystemClock()
        if not is_first:
            is_asleep = asleep(clock)
            clock.call_at(clock.now() + 3600.0, print)
            assert is_asleep.wait(SECONDS)
        with contextlib.suppress(Interrupt), place.interrupted():
            clock.call_at(clock.now(), int)
        later = threading.Event()
        clock.call_at(clock.now(), later.set)
        assert later.wait(SECONDS), place.where
        closing = threading.Thread(target=clock.close, daemon=True)
        closing.start()
        closing.join(SECONDS)
        assert not closing.is_alive(), place.where


def test_an_interrupted_close_of_a_queue_may_be_done_again():
    for place in places():
        with Runtime():
            queue = Queue("queue", maxsize=1)
            queue.start_link()
            queue.put("first")
            wait_for_room = [Probe.start().ask(lambda queue=queue: queue.put("second"), block=False) for _ in range(2)]
            settle()
            with contextlib.suppress(Interrupt), place.interrupted():
                queue.close()
            queue.close()
            for one in wait_for_room:
                with pytest.raises(QueueClosed):
                    one.get(timeout=SECONDS)
            assert queue.pending() == ["first"], place.where


def test_an_interrupted_pause_of_a_queue_may_be_done_again():
    for place in places():
        with Runtime():
            queue = Queue("queue")
            queue.start_link()
            queue.put("first")
            drains = Probe.start().ask(lambda queue=queue: queue.drain(timeout=2 * SECONDS), block=False)
            settle()
            with contextlib.suppress(Interrupt), place.interrupted():
                queue.pause()
            queue.pause()
            assert drains.get(timeout=SECONDS).ready == 1, place.where


def is_complete(stats):
    return stats.put == stats.ready + stats.delayed + stats.in_flight + stats.acked + stats.dead


@pytest.mark.rule("F30")
@pytest.mark.parametrize("delay", [0.0, 1e-9])
def test_an_event_whose_put_is_interrupted_is_handled_or_was_never_put(delay):
    for place in places():
        with Runtime():
            queue = Queue("queue")
            queue.start_link()
            handled = []
            Collector.start(queue, handled)
            with contextlib.suppress(Interrupt), place.interrupted():
                queue.put("first", delay=delay)
            assert is_complete(queue.stats()), place.where
            assert queue.join(SECONDS), place.where
            queue.put("second")
            assert queue.join(SECONDS), place.where
            assert handled in (["first", "second"], ["second"]), place.where
            assert is_complete(queue.stats()), place.where


@pytest.mark.rule("F5")
def test_a_dead_letter_whose_retry_is_interrupted_is_dead_or_put_back():
    for place in places():
        with Runtime():
            queue = Queue("queue", max_attempts=1)
            queue.start_link()
            handled = []
            Collector.start(queue, handled)
            queue.put("refused")
            assert queue.join(SECONDS)
            (letter,) = queue.dead_letters()
            with contextlib.suppress(Interrupt), place.interrupted():
                queue.retry(letter)
            assert is_complete(queue.stats()), place.where
            queue.retry(letter)
            assert queue.join(SECONDS), place.where
            assert handled[:2] == ["refused", "refused"], place.where
            assert is_complete(queue.stats()), place.where


def test_an_interrupt_leaves_one_thread_that_tells_of_dead_letters(caplog):
    caplog.set_level(logging.CRITICAL + 1)
    before = set(threading.enumerate())
    for place in places():
        told = []
        with Runtime() as runtime:
            ref = Echo.start()
            ref.stop()
            runtime.dead_letters.listen(told.append)
            with contextlib.suppress(Interrupt, ActorDied), place.interrupted():
                ref.tell("first")
            with contextlib.suppress(ActorDied):
                ref.tell("second")
            threads = [one for one in set(threading.enumerate()) - before if one.name == "actors-dead-letters"]
            assert threads, place.where
        for thread in threads:
            thread.join(SECONDS)
            assert not thread.is_alive(), place.where
        assert [letter.message for letter in told] in (["first", "second"], ["second"]), place.where


def test_an_interrupted_close_of_dead_letters_may_be_done_again():
    before = set(threading.enumerate())
    for place in places():
        told = []
        with Runtime() as runtime:
            runtime.dead_letters.listen(told.append)
            runtime.dead_letters.add(Echo.start(), "late", NoProc())
            with contextlib.suppress(Interrupt), place.interrupted():
                runtime.dead_letters.close(SECONDS)
            runtime.dead_letters.close(SECONDS)
            assert {one.name for one in set(threading.enumerate()) - before}.isdisjoint({"actors-dead-letters"}), (
                place.where
            )
        assert [letter.message for letter in told] == ["late"], place.where


@pytest.mark.rule("A33")
def test_a_name_whose_release_is_interrupted_is_held_or_free():
    for place in places():
        with Runtime():
            ref = Echo.options(name="old").start()
            with contextlib.suppress(Interrupt), place.interrupted():
                unregister_name("old")
            assert (whereis("old") is None) == (ref.name is None), place.where
            with contextlib.suppress(NameUnavailable):
                unregister_name("old")
            register_name("new", ref)
            assert whereis("new") == ref, place.where


@pytest.mark.parametrize("is_error", [False, True], ids=["value", "error"])
def test_an_outcome_that_is_interrupted_on_its_way_to_another_future_arrives_as_it_is(is_error):
    def outcome(future):
        try:
            return future.get(timeout=SECONDS)
        except ZeroDivisionError:
            return "error"

    for place in places():
        future, other = Future(), Future()
        future.forward_to(other)

        def settle_it(future=future):
            if is_error:
                future.set_exception((ZeroDivisionError, ZeroDivisionError(), None))
            else:
                future.set("value")

        came = None
        try:
            with place.interrupted():
                settle_it()
        except Interrupt as interrupt:
            came = interrupt
        assert (came is None) == (place.where is None), place.where
        with contextlib.suppress(Full):
            settle_it()
        assert outcome(other) == outcome(future) == ("error" if is_error else "value"), place.where


def test_an_interrupted_attach_is_done_wholly_or_may_be_done_again():
    for place in places():
        called = []

        def handle(event, _measurements, _metadata, _config, called=called):
            called.append(event)

        def attach(handle=handle):
            telemetry.attach("handler", ("pykka_otp", "actor", "start"), handle)

        with Runtime():
            with contextlib.suppress(Interrupt), place.interrupted():
                attach()
            with contextlib.suppress(AlreadyAttached):
                attach()
            Echo.start().ask("up", timeout=SECONDS)
            assert len(called) == 1, place.where
            telemetry.detach("handler")
            Echo.start().ask("up", timeout=SECONDS)
            assert len(called) == 1, place.where


def test_a_handler_whose_attach_was_interrupted_is_told_of_all_or_of_nothing():
    for place in places():
        called = []

        def handle(event, _measurements, _metadata, _config, called=called):
            called.append(event)

        with Runtime():
            with contextlib.suppress(Interrupt), place.interrupted():
                telemetry.attach("handler", ("pykka_otp", "actor", "start"), handle)
            Echo.start().ask("up", timeout=SECONDS)
            try:
                telemetry.detach("handler")
            except UnknownHandler:
                assert called == [], place.where
            else:
                assert len(called) == 1, place.where


@pytest.mark.timeout(120)
@pytest.mark.parametrize("is_busy", [False, True], ids=["idle", "busy"])
def test_an_interrupted_kill_is_done_wholly_or_may_be_done_again(is_busy, runs_on, caplog):
    caplog.set_level(logging.CRITICAL + 1)
    held = lifeline._count
    for place in places():
        gate = Gate()
        with Runtime():
            Registry("keys").start_link()
            ref = Owner.options(runs_on=runs_on, name="owner").start()
            witness = Witness.start(ref)
            asked = None
            if is_busy:
                ref.tell(gate)
                gate.await_arrival()
                asked = ref.ask("never", block=False)
            with contextlib.suppress(Interrupt), place.interrupted():
                ref.kill()
            ref.kill()

            assert whereis("owner") is None, place.where
            if asked is not None:
                with pytest.raises(ActorDied):
                    asked.get(timeout=SECONDS)
            gate.open()
            assert ref.join(SECONDS), place.where
            assert Registry("keys").lookup("key") == [], place.where
            settle()
            assert witness.ask("heard", timeout=SECONDS) == {"Exit", "Down"}, place.where
    assert lifeline._count == held


@pytest.mark.timeout(120)
def test_an_interrupted_kill_of_all_is_done_wholly_or_may_be_done_again(runs_on, caplog):
    caplog.set_level(logging.CRITICAL + 1)
    held = lifeline._count
    before = set(threading.enumerate())
    for place in places():
        with Runtime() as runtime:
            refs = [Owner.options(runs_on=runs_on).start() for _ in range(2)]
            with contextlib.suppress(Interrupt), place.interrupted():
                runtime.close(0)
            runtime.close(0)

            assert runtime.processes() == [], place.where
            assert [ref.join(SECONDS) for ref in refs] == [True, True], place.where
        all_end_but_the_lifeline(set(threading.enumerate()) - before, place)
    assert lifeline._count == held


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("what", "is_first"), CASES, ids=lambda value: getattr(value, "__name__", None))
def test_an_interrupt_leaves_all_in_order_wherever_it_comes(what, is_first, runs_on, caplog):
    caplog.set_level(logging.CRITICAL + 1)
    wrong = {}
    number = 0
    while True:
        number += 1
        where, found = interrupted_at(number, what, runs_on, is_first=is_first)
        if where is None:
            break
        if found:
            wrong[where] = found
    assert not wrong
    assert number > 5, "it came to no places"
