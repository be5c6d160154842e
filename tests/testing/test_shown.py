"""How values are shown in traces and failures: the same in each run, and never at length."""

from __future__ import annotations

from actors.testing._shown import shape, shown

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
