"""A crash at each point of a scenario: what is survived is told from what is not, and from what was not reached."""

from __future__ import annotations

import functools

import pytest

from actors import Actor, Queue, Registry, Worker, checkpoint, named
from actors.testing import InjectedCrash, StepTooLong, System
from supervision import Supervisor
from supervision.testing import crash_sweep, start_supervised
from tests.testing import explored


class Teller(Actor):
    """Writes what it is told into a ledger: first the entry, then the sum."""

    def __init__(self, ledger):
        self.ledger = ledger

    def on_receive(self, amount):
        self.ledger["entries"].append(amount)
        checkpoint()
        self.ledger["sum"] += amount


def ledger():
    return {"entries": [], "sum": 0}


def names(points):
    return [(point.actor, point.point) for point in points]


def careless(system):
    """Loses the sum when the teller crashes in between."""
    book = ledger()
    teller = start_supervised((Teller, book))
    teller.tell(5)
    system.run_until_idle()
    assert book["sum"] == sum(book["entries"]), "the sum is wrong"


def test_each_point_is_crashed_at_once_and_what_is_not_survived_says_why():
    swept = crash_sweep(careless)

    assert names(swept.points) == [("Teller-1#1", "receive"), ("Teller-1#1", "checkpoint"), ("Teller-1#1", "handled")]
    assert names(swept.not_survived) == [("Teller-1#1", "checkpoint")]
    assert names(swept.survived) == [("Teller-1#1", "receive"), ("Teller-1#1", "handled")]
    assert swept.not_reached == []


TABLE = """
careless: 3 points, 2 survived, 1 not survived, 0 not reached
actor       fault  point       survived  not survived  not reached
Teller-1#1  crash  receive            1             0            0
Teller-1#1  crash  checkpoint         0             1            0
Teller-1#1  crash  handled            1             0            0
  Teller-1#1: crash at checkpoint, time 1: not survived: AssertionError: the sum is wrong
"""


def test_its_text_is_a_table_with_what_was_not_survived():
    assert str(crash_sweep(careless)) == TABLE.strip()


def test_a_check_fails_with_the_table_and_a_failure_says_how_to_have_it_again():
    with pytest.raises(AssertionError, match="careless: 3 points, 2 survived") as caught:
        crash_sweep(careless).check()

    failure = caught.value.__cause__
    assert "the sum is wrong" in str(failure)
    again = again_with(failure)
    assert again == (
        "with System(seed=0) as system:\n"
        "    system.expect_crash(BaseException, times=None, at_least=0)\n"
        "    system.crash_at('Teller-1#1', 'checkpoint', nth=1)\n"
        "    careless(system)\n"
        "    system.run_until_idle()"
    )
    with pytest.raises(AssertionError, match="the sum is wrong"):
        exec(again, {"System": System, "careless": careless})


def again_with(failure):
    return failure.__notes__[0].rpartition("again with: ")[2]


BOOK = ledger()
"""What checks look at; each run begins it anew."""


def one_deposit(system):
    BOOK.update(ledger())
    start_supervised((Teller, BOOK)).tell(5)


def in_order(_system):
    return BOOK["sum"] == sum(BOOK["entries"])


def says_so(system):
    """Asks an actor, which nobody may who is called at each step."""
    return start_supervised((Accountant, BOOK)).ask("is it in order?")


class Accountant(Actor):
    def __init__(self, ledger):
        self.ledger = ledger

    def on_receive(self, _question):
        return self.ledger["sum"] == sum(self.ledger["entries"])


def nobody_is_restarted(system):
    return not any(step.actor.endswith("#2") for step in system.trace)


class Restless(Teller):
    def on_start(self):
        if self.ledger["entries"]:
            self.on_receive(0)

    def on_receive(self, amount):
        super().on_receive(amount)
        if amount == 0:
            self.actor_ref.tell(0)


def restless_after_a_crash(system):
    BOOK.update(ledger())
    start_supervised((Restless, BOOK)).tell(5)


@pytest.mark.parametrize(
    ("scenario", "options", "error"),
    [
        (one_deposit, {"finally_": in_order}, "what is to hold .* doesn't"),
        (one_deposit, {"finally_": says_so, "actors": [Teller]}, "what is to hold .* doesn't"),
        (one_deposit, {"always": nobody_is_restarted}, "what is to hold always doesn't"),
        (one_deposit, {"finally_": in_order, "kill": True, "faults": 2, "seed": "7"}, "what is to hold .* doesn't"),
        (restless_after_a_crash, {"max_steps": 200}, "max_steps=200"),
        (restless_after_a_crash, {"max_steps": 200, "finally_": in_order}, "max_steps=200"),
    ],
)
def test_what_a_failure_says_to_have_it_again_fails_as_before(scenario, options, error):
    not_survived = crash_sweep(scenario, **options).not_survived

    assert not_survived
    for point in not_survived:
        with pytest.raises(type(point.failure), match=error):
            exec(again_with(point.failure), dict(globals()))


@pytest.mark.parametrize(
    ("when", "line"), [("always", "system.always(lambda: always(system))"), ("finally_", "held = finally_(system)")]
)
def test_a_check_without_a_name_is_to_be_put_there(when, line):
    scenario, check = functools.partial(one_deposit), functools.partial(nobody_is_restarted)
    swept = crash_sweep(scenario, **{when: check})

    assert "    scenario(system)\n" in again_with(swept.not_survived[0].failure)
    assert f"\n    {line}" in again_with(swept.not_survived[0].failure)


def test_the_same_point_is_crashed_at_each_time_that_it_is_come_to():
    def three(system):
        teller = start_supervised((Teller, ledger()))
        for amount in 1, 2, 3:
            teller.tell(amount)
        system.run_until_idle()

    swept = crash_sweep(three)

    assert [(p.nth, p.about) for p in swept.points if p.point == "receive"] == [(1, "1"), (2, "2"), (3, "3")]
    swept.check()


def test_what_is_always_to_hold_is_seen_at_each_step_and_what_holds_in_the_end_after_recovery():
    books = []

    def scenario(system):
        books.append(ledger())
        start_supervised((Teller, books[-1])).tell(5)

    def never_negative(_system):
        return books[-1]["sum"] >= 0

    def in_order(_system):
        return books[-1]["sum"] == sum(books[-1]["entries"])

    swept = crash_sweep(scenario, always=never_negative, finally_=in_order)

    assert names(swept.not_survived) == [("Teller-1#1", "checkpoint")]
    assert "what is to hold in the end doesn't: in_order" in str(swept.not_survived[0].failure)
    with pytest.raises(AssertionError, match="what is to hold always doesn't: in_order"):
        crash_sweep(scenario, always=in_order)


def test_a_check_without_a_name_is_told_by_its_line():
    with pytest.raises(AssertionError, match=r"what is to hold always doesn't: .*lambda _system: False"):
        crash_sweep(one_deposit, always=lambda _system: False)
    with pytest.raises(AssertionError, match=r"what is to hold in the end doesn't: .*lambda _system: False"):
        crash_sweep(one_deposit, finally_=lambda _system: False)


@pytest.mark.parametrize("when", ["always", "finally_"])
def test_what_is_false_in_any_way_doesnt_hold_and_none_does(when):
    with pytest.raises(AssertionError, match=r"what is to hold .* doesn't"):
        crash_sweep(repaired_once, **{when: lambda _system: []})
    crash_sweep(repaired_once, **{when: lambda _system: None}).check()


def test_the_crashes_that_a_scenario_expects_need_not_come_after_another():
    class Strict(Teller):
        def on_receive(self, amount):
            raise ValueError(amount)

    def scenario(system):
        system.expect_crash(ValueError)
        start_supervised((Strict, ledger())).tell(5)
        system.run_until_idle()

    crash_sweep(scenario).check()


class Child(Actor):
    """Does nothing."""


class Foreman(Actor):
    """Starts a child when it is told to."""

    def on_receive(self, _message):
        Child.start()
        return "started"


def test_an_actor_that_starts_others_is_crashed_there_and_not_at_its_own_start():
    def scenario(system):
        start_supervised(Foreman.options(name="foreman").child_spec())
        for _ in range(2):
            try:
                named("foreman").ask("start another")
            except InjectedCrash:
                system.run_until_idle()

    swept = crash_sweep(scenario)

    starts = [point for point in swept.points if point.point == "start"]
    assert [(p.actor, p.nth, p.about) for p in starts] == [("Foreman-1#1", 1, "Child"), ("Foreman-1#1", 2, "Child")]
    swept.check()


def test_a_supervisor_is_crashed_where_it_starts_a_child_again():
    def scenario(system):
        book = ledger()
        teller = Teller.options(name="teller").child_spec(book)
        start_supervised(Supervisor.child_spec([teller], strategy="one_for_one"))
        named("teller").kill()
        system.run_until_idle()
        named("teller").tell(5)
        system.run_until_idle()
        assert book["sum"] == sum(book["entries"]) == 5

    swept = crash_sweep(scenario, actors=[Supervisor], faults=2)

    assert ("Supervisor-1#1", "start", "Teller") in {(p.actor, p.point, p.about) for p in swept.points}
    swept.check()


def test_kills_are_swept_too_when_asked_for():
    swept = crash_sweep(careless, kill=True)

    assert len(swept.points) == 6
    assert {point.fault for point in swept.not_survived} == {"crash", "kill"}


def test_the_points_of_some_actors_are_chosen():
    def two(system):
        start_supervised((Teller, ledger()), id=1).tell(5)
        start_supervised((Teller, ledger()), id=2).tell(5)
        system.run_until_idle()

    assert {point.actor for point in crash_sweep(two).points} == {"Teller-1#1", "Teller-2#1"}
    assert {point.actor for point in crash_sweep(two, actors=["Teller-2"]).points} == {"Teller-2#1"}
    with pytest.raises(TypeError, match="actor must be a ref, a class of actors, or a name"):
        crash_sweep(two, actors=[5])


def test_one_who_is_chosen_and_is_nobody_is_named_with_those_who_were_there():
    def two(system):
        start_supervised((Teller, ledger()), id=1).tell(5)
        start_supervised((Teller, ledger()), id=2).tell(5)
        system.run_until_idle()

    with pytest.raises(AssertionError, match=r"by actors=\['Teler-2'\] .* were Teller-1#1, Teller-2#1"):
        crash_sweep(two, actors=["Teller-1", "Teler-2"])
    with pytest.raises(AssertionError, match=r"nobody who is meant by actors=\[Idle\] .*; there were nobody"):
        crash_sweep(lambda _system: None, actors=[Idle])


class Idle(Actor):
    pass


@pytest.mark.parametrize("actors", ["Teller-1", Teller])
def test_actors_are_chosen_by_a_list(actors):
    with pytest.raises(TypeError, match=r"actors must be a list, such as \['Worker-1'\]; got .*Teller"):
        crash_sweep(repaired_once, actors=actors)


def test_an_async_scenario_is_refused():
    async def scenario(_system):
        pass

    with pytest.raises(TypeError, match="a scenario must be a function that isn't async; scenario is"):
        crash_sweep(scenario)


@pytest.mark.parametrize("what", ["always", "finally_"])
def test_what_is_to_hold_is_a_function_of_the_system(what):
    for wrong in (5, lambda: True):
        with pytest.raises(TypeError, match=f"{what} must be a function that is called with a System"):
            crash_sweep(careless, **{what: wrong})


@pytest.mark.parametrize("follows", [LookupError, SystemExit])
def test_crashes_that_follow_from_the_one_are_no_failures(follows):
    class Clerk(Actor):
        def on_receive(self, amount):
            try:
                named("teller").ask(amount)
            except Exception as error:
                raise follows from error

    def scenario(system):
        book = ledger()
        start_supervised(Teller.options(name="teller").child_spec(book))
        clerk = start_supervised(Clerk)
        clerk.tell(5)
        system.run_until_idle()

    swept = crash_sweep(scenario)

    assert {point.actor for point in swept.points} == {"Teller-1#1", "Clerk-1#1"}
    swept.check()


def test_a_scenario_that_fails_when_nothing_crashes_is_not_swept():
    def wrong(system):
        start_supervised((Teller, ledger())).tell("not a number")
        system.run_until_idle()

    with pytest.raises(AssertionError) as caught:
        crash_sweep(wrong)

    assert "the scenario fails so when nothing crashes" in caught.value.__notes__


def test_what_blocks_for_real_ends_the_sweep_in_its_first_run():
    runs = []

    def scenario(system):
        runs.append(system)
        explored.blocks_for_real(system)

    with pytest.raises(StepTooLong, match="_NEVER_RELEASED"):
        crash_sweep(scenario)
    assert len(runs) == 1


def test_what_blocks_for_real_after_a_crash_ends_the_sweep_and_says_which_it_was():
    runs = []

    def scenario(system):
        runs.append(system)
        teller = start_supervised((Teller, ledger()))
        teller.tell(5)
        system.run_until_idle()
        if not teller.is_alive():
            explored.blocks_for_real(system)

    with pytest.raises(StepTooLong, match="_NEVER_RELEASED") as caught:
        crash_sweep(scenario)
    assert len(runs) == 2
    assert "it was the run with Teller-1#1: crash at receive 5, time 1" in caught.value.__notes__


def test_a_scenario_without_a_point_is_an_error_and_not_green():
    with pytest.raises(AssertionError, match="no actor came to any point"):
        crash_sweep(lambda _system: None)


def test_what_hangs_on_more_than_its_seed_is_not_reached():
    runs = []

    def scenario(system):
        runs.append(1)
        teller = start_supervised((Teller, ledger()))
        for amount in range(2 if len(runs) == 1 else 1):
            teller.tell(amount)
        system.run_until_idle()

    swept = crash_sweep(scenario)

    assert {(point.point, point.nth) for point in swept.not_reached} == {
        ("receive", 2),
        ("checkpoint", 2),
        ("handled", 2),
    }
    with pytest.raises(AssertionError, match="3 not reached"):
        swept.check()


def test_crashes_of_a_worker_its_queue_and_its_registry_are_survived_and_no_event_is_lost():
    done = []

    class Syncer(Worker):
        def __init__(self, queue, users):
            super().__init__(queue)
            self.users = users

        def handle_event(self, user):
            self.users.register(user)
            done.append(user)
            self.users.unregister(user)

    def scenario(system):
        done.clear()
        jobs, users = Queue("jobs"), Registry("users")
        start_supervised(users)
        start_supervised(jobs)
        for number in range(2):
            start_supervised((Syncer, jobs, users), id=number)
        for user in "abc":
            jobs.put(user)
        system.run_until(lambda: set(done) == set("abc"), within=600)

    swept = crash_sweep(scenario, kill=True)

    assert {point.point for point in swept.points} >= {"take", "ack", "register", "receive", "handled"}
    assert {point.actor.partition("-")[0] for point in swept.points} == {"Syncer", "QueueKeeper", "RegistryKeeper"}
    swept.check()


def test_what_is_injected_is_an_injected_crash():
    seen = []

    class Noting(Teller):
        def on_failure(self, _type, error, _traceback):
            seen.append(error)

    def scenario(system):
        start_supervised((Noting, ledger())).tell(5)
        system.run_until_idle()

    crash_sweep(scenario).check()

    assert [type(error) for error in seen] == [InjectedCrash] * 3


class Patient(Teller):
    """Puts its ledger right when it starts again, once."""

    def on_start(self):
        if self.ledger["entries"] and "repaired" not in self.ledger:
            self.ledger["repaired"] = True
            self.actor_ref.tell("repair")

    def on_receive(self, message):
        if message != "repair":
            super().on_receive(message)
            return
        checkpoint()
        self.ledger["sum"] = sum(self.ledger["entries"])


def repaired_once(system):
    """Survives one crash, and not another while it puts right what the first has broken."""
    book = ledger()
    start_supervised((Patient, book)).tell(5)
    system.run_until_idle()
    assert book["sum"] == sum(book["entries"]), "the sum is wrong"


def test_a_second_crash_comes_during_the_recovery_from_the_first():
    crash_sweep(repaired_once).check()

    swept = crash_sweep(repaired_once, faults=2)

    assert {(point.after.point, point.actor, point.point) for point in swept.not_survived} == {
        ("checkpoint", "Patient-1#2", "receive"),
        ("checkpoint", "Patient-1#2", "checkpoint"),
    }
    assert "crash at checkpoint, time 1, after Patient-1#1: crash at checkpoint, time 1: not survived" in str(swept)


def test_no_more_second_crashes_are_tried_than_was_said():
    swept = crash_sweep(repaired_once, faults=2, recovery=1)

    firsts = [point for point in swept.points if point.after is None]
    assert len(swept.points) <= 2 * len(firsts)
    assert len(swept.points) > len(firsts)


@pytest.mark.parametrize("wrong", [{"faults": 3}, {"recovery": 0}, {"max_steps": 0}])
def test_numbers_that_mean_nothing_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        crash_sweep(repaired_once, **wrong)
