"""Plain Pykka actors that outlive the runtime that knew them."""

from __future__ import annotations

import threading

import pykka

from actors import Down, Runtime, adopt, monitor, register_name, send_after, whereis
from tests.support import CAP, Probe, received


class Plain(pykka.ThreadingActor):
    """Nothing but Pykka's: runs what it is sent."""

    use_daemon_thread = True

    def on_receive(self, message):
        return message()


def known_to_a_runtime_that_has_ended():
    with Runtime():
        plain = Plain.start()
        adopt(plain)
        register_name("plain", plain)
    return plain


def test_a_plain_actor_lives_on_when_the_runtime_that_knew_it_ends_and_can_start_others():
    plain = known_to_a_runtime_that_has_ended()

    ref = plain.ask(Probe.start)

    assert ref.ask(lambda: "here") == "here"
    plain.stop()


def test_it_is_of_the_runtime_around_from_then_on():
    with Runtime() as outer:
        plain = known_to_a_runtime_that_has_ended()

        started = plain.ask(Probe.start)

        assert {process.ref for process in outer.processes()} == {adopt(plain), started}
        assert (started.ask(lambda: whereis("plain")), whereis("plain")) == (None, None)
    plain.stop()


def test_a_message_that_it_sends_itself_later_comes():
    plain = known_to_a_runtime_that_has_ended()
    arrived = threading.Event()

    plain.ask(lambda: send_after(plain, arrived.set, 0.001))

    assert arrived.wait(CAP)
    plain.stop()


def test_who_watches_it_is_told_of_its_end_in_whatever_runtime_it_has_been():
    probe = Probe.start()
    with Runtime():
        plain = Plain.start()
        adopt(plain)
    probe.ask(lambda: monitor(plain))

    plain.stop()

    assert isinstance(received(probe), Down)


def test_one_that_is_watched_from_another_runtime_stays_watched():
    probe = Probe.start()
    with Runtime():
        plain = Plain.start()
        adopt(plain)
        probe.ask(lambda: monitor(plain))

    plain.stop()

    assert received(probe).ref == plain
