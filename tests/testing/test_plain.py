"""Plain Pykka actors in a simulation, as their classes are."""

from __future__ import annotations

import threading

import pykka
import pytest

from actors import Actor, Crashed, Deadlock, Killed, adopt, monitor
from actors.testing import NotSimulated, TestRuntime
from actors.testing.system import System
from supervision import Supervisor
from supervision.testing import start_supervised
from tests.support import Probe


class Plain(pykka.ThreadingActor):
    def __init__(self, other=None):
        super().__init__()
        self.other = other

    def on_receive(self, message):
        if isinstance(message, BaseException):
            raise message
        return self.other.ask(message) if self.other is not None else message


def test_plain_actors_ask_each_other():
    with System() as system:
        Simulated = system.adopt(Plain)
        last = Simulated.start()

        assert Simulated.start(Simulated.start(last)).ask("hello") == "hello"


def test_the_class_has_the_same_name_and_is_one_of_its_kind():
    with System() as system:
        Simulated = system.adopt(Plain)

    assert Simulated.__name__ == "Plain"
    assert issubclass(Simulated, Plain)


def test_its_urn_is_the_same_in_each_run_as_others_are():
    def urn():
        with System() as system:
            return system.adopt(Plain).start().actor_urn

    assert urn() == urn()


def test_proxies_work():
    with System() as system:
        assert system.adopt(Plain).start("other").proxy().other.get() == "other"


def test_a_failed_ask_does_not_end_a_plain_actor():
    with System() as system:
        plain = system.adopt(Plain).start()

        with pytest.raises(ValueError, match="boom"):
            plain.ask(ValueError("boom"))

        assert plain.ask("still there") == "still there"


def test_a_probe_sees_what_a_plain_actor_died_of():
    with System() as system:
        plain = system.adopt(Plain).start()
        probe = system.probe()
        probe.monitor(plain)
        system.expect_crash(ValueError)

        plain.tell(ValueError("boom"))

        assert probe.assert_down(plain) == Crashed(ValueError("boom"))


def test_a_supervisor_starts_a_plain_actor_again():
    with System() as system:
        system.expect_crash(SystemExit)
        with Supervisor.start_link([system.adopt(Plain)], strategy="one_for_one") as supervisor:
            first = supervisor.which_children()[0].child

            first.tell(SystemExit())
            system.run_until_idle()

            second = supervisor.which_children()[0].child
            assert second.is_alive()
            assert [step.actor for step in system.trace if step.point == "ended"] == ["Plain-1#1"]
            assert second.ask("again") == "again"
        assert [step.actor for step in system.trace if step.point == "ended"][1] == "Plain-1#2"


def test_a_killed_plain_actor_is_gone_when_its_loop_has_noticed():
    with System() as system:
        plain = system.adopt(Plain).start()
        probe = Probe.start()
        assert plain.ask("up") == "up"

        adopt(plain).kill()

        assert not plain.is_alive()
        system.run_until_idle()
        assert [step.about for step in system.trace if step.point == "ended"] == [f"{Killed()!r}"]
        assert probe.ask(lambda: "others live") == "others live"


# Those that nobody has adopted


class Asking(Actor):
    """Starts, monitors, tells or asks whom it was given."""

    def __init__(self, ref=None):
        self.ref = ref

    def on_receive(self, message):
        match message:
            case "start":
                Plain.start()
            case "monitor":
                monitor(self.ref)
            case "tell":
                self.ref.tell("hello")
            case "ask":
                return self.ref.ask("hello")
        return None


@pytest.fixture
def real_plain():
    ref = Plain.start()
    yield ref
    ref.stop()


def test_a_plain_actor_started_in_the_test_is_refused_and_leaves_nothing_behind():
    before = pykka.ActorRegistry.get_all()

    with System(), pytest.raises(NotSimulated, match=r"actor Plain can't .*; take system.adopt\(Plain\)") as caught:
        Plain.start()

    assert __file__ in caught.value.where
    assert pykka.ActorRegistry.get_all() == before


def test_one_that_was_adopted_fails_to_start_as_often_as_it_is_to():
    with System() as system:
        adopted = system.adopt(Plain)
        system.fail_start(Plain, ValueError)
        first, second = adopted.start(), adopted.start()
        system.run_until_idle()

        assert not first.is_alive()
        assert second.ask("there") == "there"
        assert [step.actor for step in system.trace if step.point == "on_start"] == ["Plain-1#1", "Plain-2#1"]


def test_one_that_was_adopted_may_hold_no_lock_from_before_while_others_go_on():
    class Holding(Plain):
        lock = threading.Lock()

        def on_receive(self, message):
            self.lock.acquire()

    with pytest.raises(NotSimulated, match=r"the lock Holding.lock, held across"), System() as system:
        system.adopt(Holding).start().tell("hold")
        system.run_until_idle()


def test_one_that_an_actor_starts_is_refused_in_the_test():
    with System(), pytest.raises(NotSimulated, match=r"take system.adopt\(Plain\)"):
        Asking.start().ask("start")


def test_one_that_is_to_be_supervised_is_refused_with_how_to_write_that():
    match = r"start_supervised\(\(system.adopt\(Plain\), ...\)\)"
    with System(), pytest.raises(NotSimulated, match=match) as refused:
        start_supervised((Plain,))

    # The supervisor starts it, whose code is nobody's in the test.
    assert __file__ in refused.value.where


def test_one_that_runs_for_real_is_not_monitored_and_works_on(real_plain):
    with System() as system:
        with pytest.raises(NotSimulated, match="the plain Pykka actor Plain"):
            system.probe().monitor(real_plain)
        with pytest.raises(NotSimulated, match="the plain Pykka actor Plain"):
            Asking.start(real_plain).ask("monitor")

    assert real_plain.ask("still there") == "still there"


def test_one_that_runs_for_real_may_be_told(real_plain):
    with System():
        Asking.start(real_plain).ask("tell")

    assert real_plain.ask("still there") == "still there"


def test_who_asks_an_actor_of_another_runtime_learns_that_it_is_not_in_this_simulation():
    with TestRuntime():
        real = Asking.start()
        with System():
            asking = Asking.start(real)
            with pytest.raises(Deadlock, match="waits for Asking, which isn't in this simulation, handling 'ask'"):
                asking.ask("ask")


class Simulated(Actor):
    pass


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (int, "a class of plain Pykka actors"),
        (7, "a class of plain Pykka actors"),
        (Simulated, "is simulated as it is"),
    ],
)
def test_what_is_no_class_of_plain_actors_is_not_adopted(given, says):
    with System() as system, pytest.raises(TypeError, match=says):
        system.adopt(given)


def test_what_was_adopted_before_stays_as_it_is():
    with System() as system:
        adopted = system.adopt(pykka.ThreadingActor)

        assert system.adopt(adopted) is adopted
