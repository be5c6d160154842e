"""How values are shown in traces and failures: the same in each run, and never at length."""

from __future__ import annotations

import asyncio
import textwrap
from functools import partial
from types import MethodType

import pytest

from actors import Actor
from actors.testing import System
from actors.testing._shown import said_by, shape, shown
from actors.testing.explore import explore
from actors.testing.threads import explore_threads
from supervision.testing import crash_sweep

LONG = 2100


class PassesFor:
    def __init__(self, cls):
        self._cls = cls

    @property
    def __class__(self):
        return self._cls

    def __iter__(self):
        return iter([1, 2])

    def __len__(self):
        return 2


def test_what_passes_for_another_is_shown_as_that_one_each_time():
    assert shown(PassesFor(list)) == "[1, 2]"
    assert shown(PassesFor(PassesFor)) == "PassesFor()"
    assert shown(PassesFor(tuple)) == "PassesFor(1, 2)"


def test_of_what_has_many_parts_the_first_are_shown():
    assert shown(list(range(100))) == f"[{', '.join(map(str, range(20)))}, ...]"
    assert shown(dict.fromkeys(range(100), 0)) == f"{{{', '.join(f'{n}: 0' for n in range(20))}, ...}}"


def test_of_a_set_those_are_shown_that_come_first_in_order_whatever_order_it_has():
    words = [f"{number:03}" for number in range(100)]
    first = ", ".join(map(repr, words[:20]))

    assert shown(set(words)) == shown(frozenset(reversed(words))) == f"{{{first}, ...}}"
    assert shown(set(words[:20])) == f"{{{first}}}"
    assert shape(set(words)) == f"{{{', '.join(['str'] * 20)}, ...}}"


def test_one_value_is_never_shown_at_length():
    deep = [[[["a" * 100] * 20] * 20] * 20] * 20

    class Wide:
        def __init__(self):
            vars(self).update({f"name_{number}": number for number in range(10_000)})

    for value in (deep, Wide(), [deep] * 20, {"x": deep}):
        assert len(shown(value)) < LONG
        assert len(shape(value)) < LONG
        assert shown(value).endswith("...")


# What can't be shown


class MadeUp:
    """Has whatever attribute it is asked for, and none of its own."""

    __slots__ = ("name",)

    def __getattr__(self, name):
        return 5


class Unbound:
    """Raises when anybody looks at it, as what stands for a request does where there is none."""

    def _look(self):
        raise RuntimeError("there is none now")

    __class__ = __dict__ = property(_look)
    __iter__ = __len__ = _look


class Broken(int):
    def __repr__(self):
        raise ValueError("no repr")


class Endless(list):
    def __iter__(self):
        raise KeyError("no parts")


UNSHOWABLE = {
    "Unbound": Unbound,
    "Broken": partial(Broken, 1),
    "Endless": partial(Endless, [1]),
    "int": partial(pow, 10, 5000),
    "method": partial(MethodType, partial(print), 1),
}


@pytest.mark.parametrize("name", UNSHOWABLE)
def test_what_can_not_be_shown_is_shown_by_its_type(name):
    value = UNSHOWABLE[name]()

    assert shown(value) == f"{name}(...)"
    assert shown([1, value, {"key": value}]) == f"[1, {name}(...), {{'key': {name}(...)}}]"
    assert shown(ValueError(value)) == f"ValueError({name}(...))"
    assert name in shape([value]) + shape(("tag", value)) + shape(value)


def test_of_what_makes_up_its_attributes_none_is_shown():
    assert shown(MadeUp()) == "MadeUp()"
    assert shape(MadeUp()) == "MadeUp()"


class Mute(Exception):
    """Says nothing of itself, nor of what it is about."""

    def __str__(self):
        raise KeyError("no text")

    __repr__ = __str__


def test_an_exception_that_says_nothing_is_shown_by_what_it_is_made_of():
    assert said_by(ValueError("boom")) == "boom"
    assert said_by(Mute("for", 1)) == "Mute('for', 1)"


def fail(*_args):
    raise Mute("now")


@pytest.mark.parametrize("look", [explore, crash_sweep, lambda scenario: explore_threads(scenario, only=[textwrap])])
def test_a_failure_by_an_exception_that_says_nothing_is_told_all_the_same(look):
    def scenario(_system=None):
        if _system is not None:
            Taking.start().ask("before")
        textwrap.dedent("a line of a module")
        fail()

    with pytest.raises((AssertionError, Mute)) as failed:
        look(scenario)

    assert failed.type is Mute or r"Mute('now')" in str(failed.value)


class Taking(Actor):
    async def on_receive(self, message):
        self.last = message
        return "taken"


async def work():
    """Has nothing to do."""


@pytest.mark.parametrize("name", [*UNSHOWABLE, "MadeUp"])
def test_what_can_not_be_shown_may_be_told_kept_and_had_in_a_test_that_fails(name):
    with pytest.raises(ZeroDivisionError) as failed, System(seed=1):
        taking = Taking.start()
        assert taking.ask({**UNSHOWABLE, "MadeUp": MadeUp}[name]()) == "taken"
        raise ZeroDivisionError

    assert f"receive {name}(" in "".join(failed.value.__notes__)


class Handing(Actor):
    """Keeps a task of its own, and tells others of it."""

    async def on_receive(self, probe):
        self.task = asyncio.create_task(work())
        probe.tell(self.task)
        self.kept = [self.task]


def test_a_task_of_an_actor_may_be_told_kept_and_had_in_a_test_that_fails():
    with pytest.raises(ZeroDivisionError) as failed, System() as system:
        probe = system.probe()
        Handing.start().ask(probe.ref)
        assert isinstance(probe.assert_receive(), asyncio.Task)
        raise ZeroDivisionError

    assert "SimulatedTask(" in "".join(failed.value.__notes__)
