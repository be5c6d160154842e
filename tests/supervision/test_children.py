"""The forms in which a supervisor's children can be given."""

from __future__ import annotations

import pykka
import pytest

from actors import Actor, InvalidChildSpec
from supervision import ChildSpec, DuplicateChildId, Supervisor, child_spec
from supervision.children import check_ids

rule = pytest.mark.rule


class Ours(Actor):
    pass


class Quitter(Actor):
    @classmethod
    def child_spec(cls, *args):
        return ChildSpec(cls, args, restart="temporary")


class Plain(pykka.ThreadingActor):
    pass


class Thing:
    """An object that says itself how it is started."""

    def child_spec(self):
        return ChildSpec(Ours, ("a thing",), id=self)


@rule("B5", "B7")
@pytest.mark.parametrize("cls", [Ours, Plain])
def test_a_bare_class_is_a_permanent_worker_named_after_it(cls):
    spec = child_spec(cls)

    assert spec == ChildSpec(cls, (), {}, id=cls, restart="permanent", shutdown=5.0, type="worker")


@rule("B5")
@pytest.mark.parametrize("cls", [Ours, Plain])
def test_a_tuple_gives_the_class_and_its_arguments(cls):
    spec = child_spec((cls, 1, "two"))

    assert (spec.start, spec.args, spec.id) == (cls, (1, "two"), cls)


@rule("B5", "B7")
def test_a_class_may_say_its_own_defaults():
    spec = child_spec((Quitter, "foo"), id="x", shutdown="infinity")

    assert spec == ChildSpec(Quitter, ("foo",), id="x", restart="temporary", shutdown="infinity")


@rule("B5")
def test_an_object_may_say_how_it_is_started():
    thing = Thing()

    assert child_spec(thing) == ChildSpec(Ours, ("a thing",), id=thing)


@rule("B5")
def test_a_spec_is_returned_as_it_is():
    spec = ChildSpec(Ours)

    assert child_spec(spec) is spec


@rule("A55", "B7")
def test_a_supervisor_as_child_has_unlimited_time_to_end():
    spec = child_spec((Supervisor, [Ours]))

    assert (spec.id, spec.type, spec.shutdown, spec.restart) == (Supervisor, "supervisor", "infinity", "permanent")


@rule("B7")
def test_options_with_a_name_make_a_child_with_that_id():
    spec = child_spec((Ours.options(name="front"), 1))

    assert (spec.id, spec.args) == ("front", (1,))


@rule("B5")
@pytest.mark.parametrize("field", ["id", "restart", "shutdown", "type", "start", "args"])
def test_an_override_replaces_its_field_and_no_other(field):
    values = {"id": "x", "restart": "transient", "shutdown": 1, "type": "supervisor", "start": Plain, "args": (7,)}
    base = ChildSpec(Ours, (1,), shutdown=2)

    changed = child_spec(base, **{field: values[field]})

    fields = ["id", "restart", "shutdown", "type", "start", "args"]
    assert {name: getattr(changed, name) for name in fields} == {
        **{name: getattr(base, name) for name in fields},
        field: values[field],
    }


@rule("B1", "B5")
def test_the_default_of_shutdown_follows_an_override_of_the_type():
    assert child_spec(Ours, type="supervisor").shutdown == "infinity"


@rule("B5")
def test_an_unknown_override_is_an_error_that_names_it():
    with pytest.raises(TypeError, match="bogus"):
        child_spec(Ours, bogus=1)


@rule("B5", "B6")
@pytest.mark.parametrize("child", ["Ours", None, 1, (), ("Ours", 1), [Ours], {"id": "x"}, int, (int, 1)], ids=repr)
def test_what_is_no_child_is_refused_with_the_accepted_forms(child):
    with pytest.raises(InvalidChildSpec, match=r"a child is an actor class, a tuple \(class, \*arguments\)") as caught:
        child_spec(child)

    assert caught.value.reason == ("invalid_child_spec", child)


@rule("B6")
def test_a_child_spec_method_must_return_a_spec():
    class Wrong(Actor):
        @classmethod
        def child_spec(cls):
            return {"id": "x"}

    with pytest.raises(InvalidChildSpec, match="must return a ChildSpec"):
        child_spec(Wrong)


@rule("B4")
def test_two_children_of_one_class_need_different_ids():
    with pytest.raises(DuplicateChildId, match="two children have id") as caught:
        check_ids([child_spec(Ours), child_spec((Ours, 1), restart="temporary")])

    assert caught.value.reason == ("duplicate_child_name", Ours)


@rule("B4")
def test_ids_are_compared_by_value_and_not_by_identity():
    specs = [ChildSpec(Ours, id=("shard", n)) for n in (1, 2)]
    check_ids(specs)

    with pytest.raises(DuplicateChildId):
        check_ids([*specs, ChildSpec(Plain, id=("shard", int("2")))])
