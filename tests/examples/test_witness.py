"""The log of the witness: what it says, and that it survives the death of its writer."""

from __future__ import annotations

import pytest

# Under another name: pytest takes a class whose name begins like this one's for a test.
from examples.user_sync.witness import Testimony as Says
from examples.user_sync.witness import Witness, WitnessError, read_testimony


@pytest.fixture
def path(tmp_path):
    return tmp_path / "witness.log"


def tear(path, count):
    """Cut the last bytes off the file, as a writer leaves it that is killed in the middle."""
    path.write_bytes(path.read_bytes()[:-count])


def test_a_file_that_is_not_there_says_nothing(path):
    assert read_testimony(path) == Says(0, 0, 0, 0, 0, frozenset())
    assert not path.exists()


def test_begins_ends_and_aborts_are_each_counted(path):
    with Witness(path) as witness:
        witness.end(witness.begin("ann"))
        witness.abort(witness.begin("bob"))
        witness.begin("ann")
        assert read_testimony(path) == Says(3, 1, 1, 0, 0, frozenset({"ann", "bob"}))


def test_a_begin_inside_a_sync_is_a_double_sync(path):
    with Witness(path) as witness:
        first = witness.begin("ann")
        witness.begin("bob")
        second = witness.begin("ann")
        witness.end(first)
        witness.abort(second)
        witness.begin("ann")
    assert read_testimony(path).double_syncs == 1


def test_a_user_id_may_be_any_text(path):
    users = {"", " ", "a b", "line\nbreak", "\u2028", "\0", "Ünï/¢ødé?#%2F", "☃🎿", '"}\\'}
    with Witness(path) as witness:
        for user in users:
            witness.end(witness.begin(user))
    testimony = read_testimony(path)
    assert testimony.users == users
    assert testimony.ends == len(users)


def test_each_record_is_in_the_file_at_once(path):
    with Witness(path) as witness:
        sync = witness.begin("ann")
        assert read_testimony(path).begins == 1
        witness.end(sync)
        assert read_testimony(path).ends == 1


def test_a_new_witness_aborts_what_was_left_open(path):
    with Witness(path) as witness:
        witness.begin("ann")
        witness.end(witness.begin("bob"))
        witness.begin("cid")
    with Witness(path):
        assert read_testimony(path) == Says(3, 1, 2, 0, 1, frozenset({"ann", "bob", "cid"}))


def test_a_new_witness_goes_on_with_the_numbers(path):
    with Witness(path) as witness:
        first = witness.begin("ann")
    with Witness(path) as witness:
        second = witness.begin("ann")
    assert second > first
    assert read_testimony(path).double_syncs == 0


def test_each_start_after_the_first_is_a_restart(path):
    for _ in range(3):
        with Witness(path):
            pass
    assert read_testimony(path).restarts == 2


@pytest.mark.parametrize("cut", [2, 3, 10, 20, 30])
def test_a_torn_begin_was_never_recorded_at_all(path, cut):
    with Witness(path) as witness:
        witness.end(witness.begin("ann"))
        witness.begin("bob")
    tear(path, cut)
    assert read_testimony(path).users == {"ann"}
    with Witness(path) as witness:
        witness.end(witness.begin("cid"))
    assert read_testimony(path) == Says(2, 2, 0, 0, 1, frozenset({"ann", "cid"}))


def test_a_torn_end_leaves_a_sync_to_abort(path):
    with Witness(path) as witness:
        witness.end(witness.begin("ann"))
    tear(path, 5)
    assert read_testimony(path).ends == 0
    with Witness(path):
        assert read_testimony(path) == Says(1, 0, 1, 0, 1, frozenset({"ann"}))


def test_a_record_that_lacks_only_its_newline_counts(path):
    with Witness(path) as witness:
        witness.begin("ann")
    tear(path, 1)
    assert read_testimony(path).begins == 1
    with Witness(path):
        assert read_testimony(path) == Says(1, 0, 1, 0, 1, frozenset({"ann"}))


def test_writers_may_be_killed_again_while_they_start(path):
    with Witness(path) as witness:
        witness.begin("ann")
        witness.begin("bob")
    tear(path, 4)
    for _ in range(3):
        with Witness(path):
            pass
        tear(path, 6)
    with Witness(path):
        pass
    assert read_testimony(path) == Says(1, 0, 1, 0, 4, frozenset({"ann"}))


@pytest.mark.parametrize(
    "text",
    [
        "hello\nworld\n",
        '{"record": "start"}\n{"rec\n{"record": "begin", "sync": 1, "user": "ann"}\n',
        '{"record": "end", "sync": 1}\n',
        '{"record": "party"}\n',
        "[]\n",
    ],
)
def test_what_no_witness_wrote_is_no_testimony(path, text):
    path.write_text(text)
    with pytest.raises(WitnessError, match=r"witness\.log, line \d: not a record"):
        read_testimony(path)
