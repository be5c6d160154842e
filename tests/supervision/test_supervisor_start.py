"""How a supervisor starts: its children in order, or none."""

from __future__ import annotations

import threading

import pytest

from actors import (
    Actor,
    AlreadyStarted,
    Crashed,
    Deadlock,
    Ignore,
    InvalidChildSpec,
    Shutdown,
    StartFailed,
    _waits,
    actor,
    named,
    whereis,
)
from actors._process import Process
from supervision import ChildSpec, DuplicateChildId, FailedToStartChild, InvalidOption, Supervisor
from tests.supervision.nursery import (
    BOOMED,
    Family,
    Ours,
    Plain,
    boom,
    fail,
    family,
    ignore,
    ours,
    plain,
    throw,
    trapping,
)
from tests.support import CAP, Probe, TrappingProbe, received_nothing

rule = pytest.mark.rule


def start(children, **options):
    return Supervisor.start_link(children, **{"strategy": "one_for_one", **options})


def fails_to_start(child_id, reason):
    return Shutdown(FailedToStartChild(child_id, reason))


@pytest.mark.threads
@rule("B10")
@pytest.mark.parametrize("kind", [ours, plain])
def test_children_start_in_order_before_start_link_returns(nursery, kind):
    sup = family(nursery, [kind(nursery, name) for name in "abc"])

    assert nursery.entries() == ["a starts", "b starts", "c starts"]
    assert sup.names() == ["a", "b", "c"]
    assert all(child.is_alive() for child in sup.children().values())


@pytest.mark.threads
@rule("B10")
@pytest.mark.parametrize("kind", [ours, plain])
def test_a_child_waits_until_the_one_before_is_up(nursery, kind):
    gate = nursery.gate()
    nursery.starts_with("b", gate.pass_through)
    starter = Probe.start()

    started = starter.ask(lambda: start([kind(nursery, name) for name in "abc"]), block=False)
    gate.await_arrival()
    assert nursery.entries() == ["a starts", "b starts"]
    gate.open()

    assert started.get(timeout=CAP).is_alive()
    assert nursery.entries() == ["c starts"]


@rule("B10")
def test_while_a_child_starts_the_supervisor_answers_nobody_else(nursery):
    sup, gate = family(nursery), nursery.gate()
    nursery.starts_with("a", gate.pass_through)

    adding = Probe.start().ask(lambda: sup.ref.start_child(ours(nursery, "a")), block=False)
    gate.await_arrival()
    counting = Probe.start().ask(sup.counts, block=False)
    gate.open()

    assert adding.get(timeout=CAP).is_alive()
    assert counting.get(timeout=CAP) == (1, 1, 0, 1)


@rule("B3")
@pytest.mark.parametrize("bad", [{"shutdown": -1}, {"restart": "foo"}])
def test_a_bad_spec_anywhere_in_the_list_starts_nothing(nursery, bad):
    class Bad(Actor):
        @classmethod
        def child_spec(cls):
            return ChildSpec(cls, **bad)

    with pytest.raises(InvalidChildSpec):
        start([ours(nursery, "a"), Bad])

    assert nursery.entries() == []


@rule("B3", "B4")
def test_an_id_that_stands_twice_starts_nothing(nursery):
    with pytest.raises(DuplicateChildId) as caught:
        start([ours(nursery, "a"), ours(nursery, "a", restart="temporary")])

    assert caught.value.reason == ("duplicate_child_name", "a")
    assert nursery.entries() == []


@rule("B6")
@pytest.mark.parametrize("bad", ["a string", None, int])
def test_what_is_no_child_is_an_error_of_the_caller(nursery, bad):
    with pytest.raises(InvalidChildSpec):
        start([ours(nursery, "a"), bad], name="sup")

    assert nursery.entries() == []
    assert whereis("sup") is None


@rule("B3", "B8")
@pytest.mark.parametrize(
    ("children", "strategy", "error"), [([], "foo", InvalidOption), ([int], "one_for_one", InvalidChildSpec)]
)
def test_what_is_given_is_checked_so_with_options_too(children, strategy, error):
    with pytest.raises(error):
        Supervisor.options(runs_on="thread").start_link(children, strategy=strategy)


@rule("B6")
def test_a_supervisor_without_a_strategy_is_an_error_of_the_caller(nursery):
    with pytest.raises(StartFailed, match="strategy") as caught:
        Supervisor.start_link([ours(nursery, "a")])

    assert isinstance(caught.value.reason.exception, TypeError)
    assert nursery.entries() == []


@rule("B8")
@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ({"strategy": "foo"}, ("invalid_strategy", "foo")),
        ({"max_restarts": -1}, ("invalid_intensity", -1)),
        ({"max_restarts": 1.5}, ("invalid_intensity", 1.5)),
        ({"max_seconds": 0}, ("invalid_period", 0)),
    ],
    ids=str,
)
def test_a_bad_option_is_an_error_of_the_caller(nursery, option, reason):
    with pytest.raises(InvalidOption) as caught:
        start([ours(nursery, "a")], **option)

    assert caught.value.reason == reason
    assert nursery.entries() == []


@pytest.mark.threads
@rule("B11")
@pytest.mark.parametrize("kind", [ours, plain])
def test_an_exception_in_on_start_is_why_the_start_failed(nursery, kind):
    nursery.starts_with("c", throw(boom()))

    with pytest.raises(StartFailed) as caught:
        start([kind(nursery, "c")])

    assert caught.value.reason == fails_to_start("c", BOOMED)


@rule("B11")
def test_an_exit_in_on_start_is_why_the_start_failed(nursery):
    nursery.starts_with("c", fail("nope"))

    with pytest.raises(StartFailed) as caught:
        start([ours(nursery, "c")])

    assert caught.value.reason == fails_to_start("c", "nope")


@rule("B11")
@pytest.mark.parametrize("kind", [Ours, Plain])
def test_an_exception_in_init_is_why_the_start_failed(kind):
    with pytest.raises(StartFailed) as caught:
        start([ChildSpec(kind, ("too", "many", "arguments"), id="c")])

    reason = caught.value.reason.detail.reason
    assert isinstance(reason.exception, TypeError)


@rule("B11")
@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (throw(boom()), BOOMED),
        (throw(SystemExit(3)), Crashed(SystemExit(3))),
        (fail("nope"), "nope"),
        (lambda: "weird", "weird"),
        (lambda: None, None),
        (lambda: Ours, Ours),
    ],
    ids=["raises", "raises SystemExit", "exits", "returns a value", "returns nothing", "returns a class"],
)
def test_a_start_function_that_starts_nothing_fails_the_start(function, reason):
    with pytest.raises(StartFailed) as caught:
        start([ChildSpec(function, id="c")])

    assert caught.value.reason == fails_to_start("c", reason)


@rule("B11", "B67")
@pytest.mark.parametrize("linked", [True, False])
def test_a_start_function_may_return_any_ref_and_is_linked(nursery, linked):
    function = Ours.start_link if linked else Ours.start
    sup = family(nursery, [ChildSpec(function, (nursery, "a"), id="a")])

    old = sup.end("a")

    assert sup["a"].is_alive()
    assert sup["a"] != old


@pytest.mark.threads
@rule("B67")
def test_a_start_function_may_start_a_plain_pykka_actor(nursery):
    sup = family(nursery, [ChildSpec(Plain.start, (nursery, "a"), id="a")])

    old = sup.end("a")

    assert sup["a"].is_alive()
    assert sup["a"] != old


@rule("B67")
def test_a_start_function_may_return_a_named_ref(nursery):
    def start_named():
        Ours.options(name="front").start_link(nursery, "a")
        return named("front")

    sup = family(nursery, [ChildSpec(start_named, id="a")])

    old = sup.end("a")

    assert sup["a"].is_alive()
    assert sup["a"] != old


@rule("B12")
def test_a_child_that_ignores_its_start_keeps_its_place(nursery):
    for name in "at":
        nursery.starts_with(name, ignore)

    sup = family(nursery, ["a", ours(nursery, "t", restart="temporary"), "b"])

    assert sup.names() == ["a", "b"]
    assert sup["a"] is None
    assert sup["b"].is_alive()
    assert sup.counts() == (2, 1, 0, 2)


@pytest.mark.threads
@rule("B13")
@pytest.mark.parametrize("kind", [trapping, ours, plain])
def test_a_failed_start_ends_those_before_it_in_reverse(nursery, reports, kind):
    nursery.starts_with("c", fail("nope"))
    children = [kind(nursery, "a"), kind(nursery, "t", restart="temporary"), kind(nursery, "b")]

    with pytest.raises(StartFailed) as caught:
        start([*children, ours(nursery, "c"), kind(nursery, "d")])

    assert caught.value.reason == fails_to_start("c", "nope")
    assert nursery.entries() == [
        *["a starts", "t starts", "b starts", "c starts"],
        *["b stops", "t stops", "a stops"],
    ]
    assert reports() == [("start_error", "c", "nope")]
    assert reports.full()[0].child is None


@rule("B13")
@pytest.mark.parametrize("restart", ["permanent", "transient", "temporary"])
def test_a_failed_start_of_any_restart_type_fails_the_supervisor(nursery, restart):
    nursery.starts_with("t", fail("nope"))

    with pytest.raises(StartFailed) as caught:
        start([ours(nursery, "a"), ours(nursery, "t", restart=restart)], max_restarts=100)

    assert caught.value.reason == fails_to_start("t", "nope")
    assert nursery.entries() == ["a starts", "t starts", "a stops"]


@rule("B14")
def test_reasons_of_failed_starts_nest(nursery, reports):
    nursery.starts_with("w", fail("nope"))
    mid = Supervisor.child_spec([ours(nursery, "w")], strategy="one_for_one").replace(id="mid")

    with pytest.raises(StartFailed) as caught:
        start([ours(nursery, "a"), mid])

    inner = fails_to_start("w", "nope")
    assert caught.value.reason == fails_to_start("mid", inner)
    assert reports() == [("start_error", "w", "nope"), ("start_error", "mid", inner)]
    assert nursery.entries() == ["a starts", "w starts", "a stops"]


@pytest.mark.threads
@rule("B15")
@pytest.mark.parametrize("kind", [ours, plain])
def test_a_death_during_the_start_is_handled_after_it(nursery, reports, kind):
    gate = nursery.gate()
    nursery.starts_with("b", gate.pass_through)

    started = Probe.start().ask(lambda: start([kind(nursery, "a"), kind(nursery, "b")]), block=False)
    gate.await_arrival()
    nursery.latest["a"].tell(boom())
    assert nursery.latest["a"].join(CAP)
    assert (nursery.entries(), reports()) == (["a starts", "b starts"], [])
    gate.open()
    sup = Family(started.get(timeout=CAP))

    assert all(child.is_alive() for child in sup.children().values())
    assert reports() == [("child_terminated", "a", BOOMED)]
    assert nursery.entries() == ["a starts"]


@rule("B16")
def test_a_supervisor_may_ignore_its_own_start(nursery):
    class Unwanted(Supervisor):
        def __init__(self):
            raise Ignore

    with pytest.raises(Ignore):
        Unwanted.start_link(name="sup")

    assert whereis("sup") is None


@rule("B16")
def test_an_exception_in_its_own_init_is_why_it_failed(nursery):
    class Broken(Supervisor):
        def __init__(self):
            super().__init__([ours(nursery, "a")], strategy="one_for_one")
            raise boom()

    with pytest.raises(StartFailed) as caught:
        Broken.start_link()

    assert caught.value.reason == BOOMED
    assert nursery.entries() == []


@rule("B17")
def test_a_name_that_is_taken_starts_nothing(nursery):
    first = start([], name="sup")

    with pytest.raises(AlreadyStarted) as caught:
        start([ours(nursery, "a")], name="sup")

    assert caught.value.ref is first
    assert nursery.entries() == []


@rule("B18")
def test_the_starter_of_a_failed_supervisor_gets_no_signal(nursery):
    nursery.starts_with("a", fail("nope"))
    starter = TrappingProbe.start()

    with pytest.raises(StartFailed):
        starter.ask(lambda: start([ours(nursery, "a")]))

    assert received_nothing(starter)


@pytest.mark.threads
@rule("B70")
@pytest.mark.parametrize("kind", [ours, plain])
@pytest.mark.parametrize("call", ["which_children", "count_children"])
def test_a_starting_child_cannot_wait_for_its_supervisor(nursery, kind, call):
    sup = family(nursery)
    nursery.starts_with("a", getattr(sup.ref, call))

    with pytest.raises(StartFailed) as caught:
        sup.ref.start_child(kind(nursery, "a"))

    assert isinstance(caught.value.reason.exception, Deadlock)
    assert sup.counts() == (0, 0, 0, 0)


@rule("B70")
def test_a_start_function_cannot_wait_for_its_own_supervisor(nursery):
    sup = family(nursery)

    with pytest.raises(StartFailed) as caught:
        sup.ref.start_child(ChildSpec(sup.ref.which_children, id="a"))

    assert isinstance(caught.value.reason.exception, Deadlock)


@rule("B70")
def test_a_grandchild_that_asks_the_top_while_it_starts_is_refused():
    asked = []

    class Asks(Actor):
        use_daemon_thread = True

        def on_start(self):
            try:
                named("top").ask("anything")
            except Deadlock as refused:
                asked.append(refused)

    middle = Supervisor.child_spec([Asks], strategy="one_for_one")
    Supervisor.start_link([middle], strategy="one_for_one", name="top")

    assert len(asked) == 1


@rule("B70")
@pytest.mark.threads
def test_of_a_circle_the_one_is_refused_that_closes_it_and_not_the_one_that_waits_for_a_start(monkeypatch):
    has_asked, is_waited_for = threading.Event(), threading.Event()
    asked = []

    class Asks(Actor):
        use_daemon_thread = True
        runs_on = "thread"

        def on_start(self):
            try:
                named("top").ask("anything")
            except Deadlock as refused:
                asked.append(refused)

    def find_circle(asker, waits):
        found = real_circle(asker, waits)
        if asker.actor_class is Asks:
            has_asked.set()
            is_waited_for.wait(CAP)
        return found

    def wait_for_start(process, timeout):
        if process.actor_class is Asks:
            has_asked.wait(CAP)
        real_await_start(process, timeout)

    def wait(process, *arguments):
        if (target := getattr(process.waiting_for, "target", None)) and target.actor_class is Asks:
            is_waited_for.set()
        return real_wait(process, *arguments)

    real_circle, real_await_start, real_wait = _waits._circle, actor.await_start, Process.wait
    monkeypatch.setattr(_waits, "_circle", find_circle)
    monkeypatch.setattr(actor, "await_start", wait_for_start)
    monkeypatch.setattr(Process, "wait", wait)

    middle = Supervisor.child_spec([Asks], strategy="one_for_one")
    Supervisor.start_link([middle], strategy="one_for_one", name="top")

    assert len(asked) == 1
