"""An actor is what a Pykka user expects: hooks, proxies, registry, unit tests without a thread."""

from __future__ import annotations

import threading

import pykka
import pytest

from actors import (
    Actor,
    ActorDied,
    Crashed,
    Options,
    Runtime,
    current_runtime,
)
from tests.support import CAP, Probe

rule = pytest.mark.rule


class Account(Actor):
    """An actor to be used by proxy."""

    use_daemon_thread = True
    currency = "NOK"

    def __init__(self, balance=0):
        self.balance = balance
        self.owner = Owner()
        self._secret = "hidden"

    def deposit(self, amount):
        self.balance += amount
        return self.balance

    def withdraw(self, amount):
        if amount > self.balance:
            raise ValueError("not enough")
        return self.deposit(-amount)

    def thread_name(self):
        return threading.current_thread().name


@pykka.traversable
class Owner:
    name = "Kari"

    def greet(self):
        return f"I am {self.name}"


def test_an_actor_is_one_of_pykkas():
    ref = Account.start()

    assert issubclass(Actor, pykka.Actor)
    assert isinstance(ref, pykka.ActorRef)
    assert ref.actor_class is Account


def test_the_arguments_of_start_are_those_of_init():
    assert Account.start(5).proxy().balance.get() == 5
    assert Account.start(balance=6).proxy().balance.get() == 6


def test_wrong_arguments_fail_in_who_starts():
    with pytest.raises(TypeError):
        Account.start(1, 2, 3)


def test_init_need_not_call_its_super():
    class Forgetful(Account):
        def __init__(self):
            pass

    ref = Forgetful.start()

    assert ref.proxy().currency.get() == "NOK"


def test_init_may_call_its_super_with_anything():
    class Dutiful(Actor):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.seen = (args, kwargs)

    ref = Dutiful.start(1, two=2)

    assert ref.proxy().seen.get() == ((1,), {"two": 2})


def test_an_actor_knows_its_ref_already_in_init():
    class Curious(Actor):
        def __init__(self):
            self.seen = self.actor_ref

    ref = Curious.start()

    assert ref.proxy().seen.get() is ref


def test_messages_without_a_handler_are_logged_as_in_pykka(caplog):
    ref = Actor.start()

    assert ref.ask("hello") is None
    assert ref.is_alive()
    assert "Unexpected message" in caplog.text


@pytest.mark.threads
def test_an_actor_on_a_thread_of_its_own_is_named_and_a_daemon_as_its_class_says():
    class Background(Account):
        runs_on = "thread"
        use_daemon_thread = True

    class Foreground(Account):
        runs_on = "thread"
        use_daemon_thread = False

        def is_daemon(self):
            return threading.current_thread().daemon

    name = Background.start().proxy().thread_name().get()

    assert name.startswith("Background-")
    assert name != threading.current_thread().name
    assert Foreground.start().proxy().is_daemon().get() is False


def test_pykkas_registry_knows_the_living_actors():
    ref = Account.start()

    assert pykka.ActorRegistry.get_by_urn(ref.actor_urn) is ref
    assert ref in pykka.ActorRegistry.get_by_class(Actor)

    ref.stop()
    assert pykka.ActorRegistry.get_by_urn(ref.actor_urn) is None


@pytest.mark.parametrize("how", [lambda ref: ref.kill(), lambda ref: ref.exit("boom"), lambda ref: ref.tell("crash")])
def test_pykkas_registry_forgets_whoever_ends(how):
    class Fragile(Actor):
        def on_receive(self, message):
            raise ValueError(message)

    ref = Fragile.start()

    how(ref)

    assert ref.join(CAP)
    assert ref not in pykka.ActorRegistry.get_all()


def test_an_actor_that_could_not_be_made_is_in_no_registry(runtime):
    class Failing(Actor):
        def __init__(self):
            raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        Failing.start()

    assert pykka.ActorRegistry.get_by_class(Failing) == []
    assert runtime.processes() == []


def test_pykkas_flags_show_the_end():
    ref = Account.start()
    assert not ref.actor_stopped.is_set()

    ref.stop()

    assert ref.actor_stopped.is_set()


# Proxies


@pytest.mark.threads
def test_a_proxy_calls_reads_and_writes_in_the_actor():
    account = Account.start(10).proxy()

    assert account.deposit(5).get() == 15
    account.balance = 3
    assert account.balance.get() == 3
    assert account.thread_name().get() != threading.current_thread().name


def test_a_proxy_can_defer_a_call():
    account = Account.start(10).proxy()

    assert account.deposit.defer(5) is None

    assert account.balance.get() == 15


def test_a_proxy_leads_through_traversable_attributes():
    account = Account.start().proxy()

    assert account.owner.greet().get() == "I am Kari"


@pytest.mark.parametrize("hidden", ["_secret", "_otp_process", "no_such_thing"])
def test_a_proxy_shows_no_private_attributes(hidden):
    account = Account.start().proxy()

    with pytest.raises(AttributeError):
        getattr(account, hidden)


def test_a_proxy_shows_what_there_is():
    shown = dir(Account.start().proxy())

    assert {"balance", "deposit", "owner"} <= set(shown)
    assert "_secret" not in shown


def test_the_futures_of_a_proxy_can_be_combined():
    accounts = [Account.start(amount).proxy() for amount in (1, 2, 3)]

    first, *others = [account.balance for account in accounts]

    assert first.join(*others).map(sum).get() == 6


def test_an_exception_in_a_proxied_call_ends_the_actor():
    ref = Account.start(1)

    with pytest.raises(ValueError, match="not enough"):
        ref.proxy().withdraw(2).get()

    assert ref.join(CAP)
    assert ref.exit_reason == Crashed(ValueError("not enough"))


def test_a_proxy_to_a_dead_actor_can_not_be_made():
    ref = Account.start()
    ref.stop()

    with pytest.raises(pykka.ActorDeadError):
        ref.proxy()


def test_a_proxy_outlives_its_actor_with_errors():
    ref = Account.start()
    account = ref.proxy()
    ref.stop()

    with pytest.raises(ActorDied):
        account.deposit(1).get()
    with pytest.raises(ActorDied):
        account.balance = 5


def test_an_actor_may_call_itself_by_a_proxy():
    class Chain(Actor):
        def __init__(self):
            self._self = self.actor_ref.proxy()

        def first(self):
            return self._self.second()

        def second(self):
            return "second"

    assert Chain.start().proxy().first().get().get() == "second"


# Unit tests of an actor's logic


def test_an_actor_made_directly_runs_nowhere(runtime):
    account = Account(5)

    assert account.deposit(2) == 7
    assert runtime.processes() == []
    assert pykka.ActorRegistry.get_by_class(Account) == []


def test_an_actor_made_directly_has_a_ref_and_a_mailbox():
    class Dutiful(Actor):
        def __init__(self):
            super().__init__()
            self.started = False

        def on_start(self):
            self.started = True

    actor = Dutiful()

    actor.actor_ref.tell("kept")

    assert actor.actor_ref.is_alive()
    assert actor.actor_inbox.get().message == "kept"
    assert not actor.started


def test_an_actor_made_directly_inside_another_is_not_that_one():
    probe = Probe.start()

    inner = probe.ask(lambda: Actor().actor_ref)

    assert inner is not probe
    assert probe.is_alive()


# Options


def test_options_can_be_kept_and_used_many_times():
    options = Account.options(trap_exit=True)

    first, second = options.start(1), options.start(balance=2)

    assert isinstance(options, Options)
    assert [first.proxy().balance.get(), second.proxy().balance.get()] == [1, 2]


def test_unknown_options_are_errors():
    with pytest.raises(TypeError):
        Account.options(mailbox=5)


@pytest.mark.parametrize(
    ("by_class", "option", "traps"), [(False, True, True), (True, False, False), (True, None, True)]
)
def test_the_option_to_trap_exits_outranks_the_class(by_class, option, traps):
    class Subject(Probe):
        trap_exit = by_class

    ref = Subject.options(trap_exit=option).start()

    ref.exit("boom")

    assert (ref.join(CAP) if not traps else ref.ask(lambda: True)) is True
    assert ref.is_alive() is traps


def test_actors_start_others_in_their_own_runtime(runtime):
    with Runtime() as other:
        probe = Probe.start()
        assert current_runtime() is other

    assert current_runtime() is runtime
    assert not probe.is_alive()
    assert Probe.start().ask(lambda: Probe.start().ask(current_runtime)) is runtime


def test_the_runtime_makes_the_mailbox_and_nobody_else():
    with pytest.raises(RuntimeError, match="mailbox"):
        Actor._create_actor_inbox()
