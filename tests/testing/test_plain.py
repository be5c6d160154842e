"""Plain Pykka actors in a simulation, as their classes are."""

from __future__ import annotations

import gc
import threading

import pykka
import pytest

from actors import Actor, Crashed, Deadlock, Killed, adopt, monitor, send_after, sleep
from actors.testing import Livelock, NotSimulated, TestRuntime
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


class Asked(pykka.ThreadingActor):
    """Asks whom it is told to, as long as it is told to wait for the answer."""

    def on_receive(self, message):
        if isinstance(message, tuple):
            other, timeout = message
            return other.ask("hello", timeout=timeout)
        return message


class AskedOfOurs(Actor):
    """Asks as Pykka does."""

    def on_receive(self, other):
        return other.ask("hello")


def in_a_circle(system):
    Simulated = system.adopt(Asked)
    one, other = Simulated.start(), Simulated.start()
    other.tell((one, None))
    return one.ask((other, None), block=False)


def with_one_of_ours(system):
    one, other = system.adopt(Asked).start(), AskedOfOurs.start()
    other.tell(one)
    return one.ask((other, None), block=False)


def of_itself(system):
    one = system.adopt(Asked).start()
    return one.ask((one, None), block=False)


@pytest.mark.parametrize(
    ("scenario", "waits"),
    [
        (
            in_a_circle,
            [
                "Asked-1#1 waits for Asked-2#1, handling (Asked-2#1, None)",
                "Asked-2#1 waits for Asked-1#1, handling (Asked-1#1, None)",
            ],
        ),
        (
            with_one_of_ours,
            [
                "Asked-1#1 waits for AskedOfOurs-1#1, handling (AskedOfOurs-1#1, None)",
                "AskedOfOurs-1#1 waits for Asked-1#1, handling Asked-1#1",
            ],
        ),
        (of_itself, ["Asked-1#1 waits for Asked-1#1, handling (Asked-1#1, None)"]),
    ],
)
def test_who_asks_a_plain_actor_is_shown_to_wait_for_that(scenario, waits):
    with System() as system, pytest.raises(Deadlock) as failed:
        scenario(system).get()

    assert str(failed.value).splitlines()[1:] == [f"  {line}" for line in waits]


class Beating(Actor):
    """Has a timer, always."""

    def on_start(self):
        send_after(self.actor_ref, "beat", 10)

    def on_receive(self, _message):
        send_after(self.actor_ref, "beat", 10)


def test_a_story_tells_who_waits_for_a_plain_actor():
    with pytest.raises(Livelock) as failed, System(max_steps=100) as system:
        Beating.start()
        in_a_circle(system).get()

    story = "\n".join(failed.value.__notes__)
    assert "Asked-1#1 (alive), handles (Asked-2#1, None), waits for Asked-2#1" in story
    assert "Asked-2#1 (alive), handles (Asked-1#1, None), waits for Asked-1#1" in story


def test_plain_actors_that_ask_each_other_for_a_time_wait_as_long_as_they_do_in_pykka():
    with System() as system:
        Simulated = system.adopt(Asked)
        one, other = Simulated.start(), Simulated.start()
        other.tell((one, 4))

        with pytest.raises(pykka.Timeout):
            one.ask((other, 2))

        assert system.now() == 2


def test_an_actor_that_has_ended_is_shown_by_the_same_name():
    with System() as system:
        plain = system.adopt(Asked).start()
        plain.stop()
        gc.collect()
        Probe.start().tell(plain)
        system.run_until_idle()

        assert "receive Asked-1#1" in system.story()


def test_a_lock_is_found_that_a_plain_actor_has_while_it_asks_another_who_waits_for_it():
    class Locked(pykka.ThreadingActor):
        def on_receive(self, message):
            with lock:
                if message is not None:
                    sleep(1)
                    message.ask(None)

    with pytest.raises(Deadlock, match="Locked-2#1 waits for a lock that Locked-1#1 has"), System() as system:
        lock = threading.Lock()
        Simulated = system.adopt(Locked)
        asking, asked = Simulated.start(), Simulated.start()
        asking.tell(asked)
        asked.tell(None)
        system.advance(5)
