"""What type checkers see of an Actor, its ref and its proxy; `make check` runs them over this file too."""

from __future__ import annotations

from typing import Any, assert_type, cast

from pykka import ActorProxy, Future
from pykka.typing import ActorMemberMixin, proxy_field, proxy_method

from actors import Actor, ActorRef, NamedRef, Options, named


class Counter(Actor):
    """An actor with annotations."""

    def __init__(self, count: int) -> None:
        self.count = count

    def on_receive(self, message: int) -> int:
        self.count += message
        return self.count

    def add(self, amount: int) -> str:
        self.count += amount
        return f"{self.count}"


class CounterProxy(ActorMemberMixin, ActorProxy[Counter]):
    """What Pykka has people write for a proxy that type checkers know."""

    count = proxy_field(0)
    add = proxy_method(Counter.add)


def test_a_ref_knows_its_actor() -> None:
    assert_type(Counter.start(1), ActorRef[Counter])
    assert_type(Counter.start_link(1), ActorRef[Counter])
    assert_type(Counter.options(name="counter"), Options[Counter])
    assert_type(Counter.options(name="counter").start(1), ActorRef[Counter])
    assert_type(named("counter"), NamedRef[Any])


def test_an_ask_may_be_waited_for_later() -> None:
    counter = Counter.start(1)

    assert assert_type(counter.ask(1), Any) == 2
    assert assert_type(counter.ask(1, block=False), Future[Any]).get() == 3
    assert_type(counter.stop(), bool)


def test_a_proxy_is_typed_as_in_pykka() -> None:
    counter = Counter.start(1)
    proxy = cast("CounterProxy", assert_type(counter.proxy(), ActorProxy[Counter]))

    assert assert_type(proxy.count, Future[int]).get() == 1
    assert assert_type(proxy.add(2), Future[str]).get() == "3"

    def never_called() -> None:
        proxy.add("two")  # type: ignore[arg-type]

    assert callable(never_called)
