"""Handlers and hooks that can't be called as they will be, or whose code wouldn't run, are refused with their class."""

from __future__ import annotations

import functools
import re

import pytest

from actors import (
    Actor,
    Agent,
    Crashed,
    GenServer,
    Ok,
    Queue,
    Reply,
    StartFailed,
    Worker,
    telemetry,
    trace,
)
from tests.support import Probe, ended, received

rule = pytest.mark.rule


def no_message(self):
    """Takes nothing."""


def keyword_only(self, *, message):
    """Takes its message in a way in which it isn't given."""


def two_messages(self, message, other):
    """Takes more than it is given."""


@pytest.mark.parametrize(
    ("handler", "shape"),
    [
        (no_message, "(self)"),
        (keyword_only, "(self, *, message)"),
        (two_messages, "(self, message, other)"),
    ],
)
def test_a_handler_that_cannot_be_called_is_refused_with_its_class(handler, shape):
    with pytest.raises(TypeError, match=re.escape(f"Wrong.on_receive must take (self, message); it takes {shape}")):
        type("Wrong", (Actor,), {"on_receive": handler})


@pytest.mark.parametrize("base", [Actor, Probe])
@pytest.mark.parametrize("hook", ["on_start", "on_receive", "on_stop", "on_failure"])
@pytest.mark.parametrize("thing", [None, 3])
def test_a_handler_that_is_no_function_is_refused_with_its_class(base, hook, thing):
    with pytest.raises(TypeError, match=f"Wrong.{hook} must be a method; got {thing!r}"):
        type("Wrong", (base,), {hook: thing})


@rule("A57")
@pytest.mark.parametrize(
    ("callback", "wanted"),
    [
        ("handle_call", "(self, request, sender, state)"),
        ("handle_cast", "(self, request, state)"),
        ("handle_info", "(self, message, state)"),
        ("handle_continue", "(self, argument, state)"),
        ("terminate", "(self, reason, state)"),
    ],
)
def test_a_servers_callback_that_cannot_be_called_is_refused_with_its_class(callback, wanted):
    with pytest.raises(TypeError, match=re.escape(f"Wrong.{callback} must take {wanted}; it takes (self, message)")):
        type("Wrong", (GenServer,), {callback: lambda self, message: None})


@pytest.mark.parametrize(
    ("base", "hook"),
    [
        (Actor, "on_start"),
        (Actor, "on_stop"),
        (Actor, "on_failure"),
        (Worker, "handle_event"),
        (Worker, "handle_events"),
    ],
)
def test_a_hook_that_cannot_be_called_is_refused_with_its_class(base, hook):
    with pytest.raises(TypeError, match=f"Wrong.{hook} must take"):
        type("Wrong", (base,), {hook: lambda self, one, two: None})


def generator(self, *args):
    yield "never"


async def asynchronous_generator(self, *args):
    yield "never"


@pytest.mark.parametrize("function", [generator, asynchronous_generator])
@pytest.mark.parametrize(
    ("base", "hook"),
    [
        (Actor, "on_receive"),
        (Actor, "on_start"),
        (Actor, "on_stop"),
        (Actor, "on_failure"),
        (GenServer, "init"),
        (GenServer, "handle_call"),
        (GenServer, "terminate"),
        (Worker, "handle_event"),
    ],
)
def test_a_handler_that_is_a_generator_is_refused_with_its_class(base, hook, function):
    with pytest.raises(TypeError, match=f"Wrong.{hook} is a generator function, so its code would not run"):
        type("Wrong", (base,), {hook: function})


def test_a_handler_may_come_from_elsewhere_and_take_more_than_it_is_given():
    class Mixin:
        def on_receive(self, message, again=False):
            return ("mixed in", message)

    class Mixed(Mixin, Actor):
        pass

    def twice(function):
        @functools.wraps(function)
        def called(self, message):
            return function(self, message, message)

        return called

    class Decorated(Actor):
        @twice
        def on_receive(self, message, other):
            return (message, other)

        def on_failure(self, *exc_info):
            pass

    assert Mixed.start().ask("hello") == ("mixed in", "hello")
    assert Decorated.start().ask("hello") == ("hello", "hello")


def test_a_mixins_handler_is_looked_at_too():
    class Mixin:
        def on_receive(self):
            return None

    with pytest.raises(TypeError, match="on_receive must take"):
        type("Wrong", (Mixin, Actor), {})


# Found out only when it is called


@pytest.mark.parametrize("send", ["tell", "ask"])
def test_an_answer_that_is_a_generator_is_an_error_and_not_an_answer(send):
    class Strict(Probe):
        crash_on_failed_ask = True

    probe = Strict.start()

    if send == "ask":
        with pytest.raises(TypeError, match="a handler of Strict gave a generator, whose code has not run"):
            probe.ask(lambda: (number for number in range(3)))
    else:
        probe.tell(lambda: (number for number in range(3)))

    assert isinstance(ended(probe).exit_reason, Crashed)
    assert isinstance(probe.exit_reason.exception, TypeError)


def test_a_method_that_is_a_generator_is_not_called_by_proxy():
    class Lister(Actor):
        crash_on_failed_ask = False

        def items(self):
            yield 1

        async def async_items(self):
            yield 1

        async def late_items(self):
            return self.items()

    lister = Lister.start()
    proxy = lister.proxy()

    for items in proxy.items, proxy.async_items, proxy.late_items:
        with pytest.raises(TypeError, match="a handler of Lister gave a"):
            items().get()

    assert lister.is_alive()


def test_a_trace_tells_of_a_generator_as_a_failure():
    events = []
    probe = Probe.start()
    trace(probe, lambda event: events.append(event.event))
    telemetry.attach("mine", ("pykka_otp", "message", "exception"), lambda event, *_: events.append(event[-1]))

    with pytest.raises(TypeError):
        probe.ask(lambda: (number for number in range(3)))

    assert events == ["received", "failed", "exception"]


@rule("A71")
def test_a_server_that_replies_with_a_generator_ends_and_terminates():
    terminated = []

    class Listing(GenServer[None]):
        def init(self):
            return Ok(None)

        def handle_call(self, request, sender, state):
            return Reply((number for number in range(3)), state)

        def terminate(self, reason, state):
            terminated.append(reason)

    server = Listing.start()

    with pytest.raises(TypeError, match="a handler of Listing gave a generator"):
        server.call("numbers")

    assert ended(server).exit_reason == terminated[0]
    assert len(terminated) == 1


@rule("A103")
def test_an_agents_function_gives_no_generator():
    agent = Agent.start(lambda: [1, 2])

    with pytest.raises(TypeError, match="gave a generator"):
        agent.get(lambda numbers: (number for number in numbers))


def test_a_hook_that_gives_a_generator_fails():
    class Delegating(Actor):
        def on_start(self):
            return self._prepare()

        def _prepare(self):
            yield

    with pytest.raises(StartFailed, match="gave a generator"):
        Delegating.start_link()


def test_a_worker_waits_for_a_handler_that_is_a_coroutine():
    handled = Probe.start()

    class Asynchronous(Worker):
        async def handle_event(self, event):
            handled.tell(event)
            if event == "bad":
                raise ValueError(event)

    class Batching(Worker):
        async def handle_events(self, events):
            handled.tell(list(events))

    one, many = Queue("one", max_attempts=1), Queue("many")
    one.start_link()
    many.start_link()
    worker = Asynchronous.start_link(one)
    Batching.start_link(many)
    one.put("good")
    one.put("bad")
    many.put("batch")

    assert sorted([received(handled) for _ in range(3)], key=str) == [["batch"], "bad", "good"]
    assert ended(worker).exit_reason == Crashed(ValueError("bad"))
