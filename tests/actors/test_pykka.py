"""What of Pykka's own making the runtime stands on: when Pykka changes it, this says where to look."""

from __future__ import annotations

import inspect
import queue

import pykka
import pytest
from pykka import messages
from pykka._envelope import Envelope

from actors._future import Future


def parameters(function):
    return list(inspect.signature(function).parameters)


@pytest.mark.parametrize(
    ("hook", "expected"),
    [
        ("_start_actor_loop", ["self"]),
        ("_actor_loop_setup", ["self"]),
        ("_actor_loop_teardown", ["self"]),
        ("_handle_receive", ["self", "message"]),
        ("_handle_failure", ["self", "exception_type", "exception_value", "traceback"]),
        ("_stop", ["self"]),
        ("on_failure", ["self", "exception_type", "exception_value", "traceback"]),
    ],
)
def test_pykkas_actors_have_the_hooks_that_are_wrapped(hook, expected):
    assert parameters(getattr(pykka.ThreadingActor, hook)) == expected


def test_pykkas_loop_calls_its_hooks_on_the_instance():
    source = inspect.getsource(pykka.Actor._actor_loop) + inspect.getsource(pykka.Actor._actor_loop_running)

    for call in (
        "self._actor_loop_setup()",
        "self._actor_loop_teardown()",
        "self._handle_receive(envelope.message)",
        "self._handle_failure(",
        "self.on_failure(",
        "self.actor_stopped.is_set()",
        "self.actor_inbox.get()",
    ):
        assert call in source


def test_pykka_stops_an_actor_on_its_own_message():
    assert "self._stop()" in inspect.getsource(pykka.Actor._handle_receive)
    assert messages._ActorStop() == ()


def test_pykkas_inbox_is_a_queue_that_can_be_emptied():
    assert isinstance(pykka.ThreadingActor._create_actor_inbox(), queue.Queue)


def test_pykkas_envelope_holds_a_message_and_who_waits_for_the_answer():
    envelope = Envelope("message", None)

    assert (envelope.message, envelope.reply_to) == ("message", None)
    assert parameters(Envelope) == ["message", "reply_to"]


def test_pykkas_ref_knows_its_actor_weakly():
    class Plain(pykka.ThreadingActor):
        pass

    actor = Plain()

    assert actor.actor_ref._actor_weakref() is actor
    assert actor._actor_ref is actor.actor_ref


def test_pykkas_future_keeps_its_hook_where_ours_looks():
    assert Future()._get_hook is None
    assert {"get", "set", "set_exception", "set_get_hook"} <= set(vars(pykka.Future))


def test_pykkas_registry_takes_and_forgets_refs():
    ref = pykka.ThreadingActor().actor_ref

    pykka.ActorRegistry.register(ref)
    assert ref in pykka.ActorRegistry.get_all()
    pykka.ActorRegistry.unregister(ref)

    assert ref not in pykka.ActorRegistry.get_all()
    pykka.ActorRegistry.unregister(ref)
