"""What a `with` holds is given back wherever an exception comes, the handler of a signal's among them.

CPython 3.12 and 3.13 compile some loops within a `with` so that the jump to their begin, where such handlers run, lies
outside of it (python/cpython#130279): an exception there leaves a lock locked. None of ours may be written so.
"""

from __future__ import annotations

import dis
import sys
from itertools import pairwise
from pathlib import Path
from types import CodeType

import pytest

import actors
import supervision

FILES = sorted(path for package in (actors, supervision) for path in Path(package.__file__).parent.rglob("*.py"))


def functions(code):
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from functions(constant)


def left_uncovered(code):
    """The lines from which a loop goes on, within a `with`, where that isn't left properly by an exception."""
    compiled = dis.Bytecode(code)
    instructions = list(compiled)
    # What was thrown into a coroutine, which is in no main thread, and so in no handler's.
    ends_of_await = {one.offset for one in instructions if one.opname == "END_SEND"}
    ends_of_with = {
        one.offset
        for one, following in pairwise(instructions)
        if (one.opname, following.opname) == ("PUSH_EXC_INFO", "WITH_EXCEPT_START")
    }

    def handlers(offset):
        """Where an exception leads that is raised here, and from there."""
        reached, left = set(), [offset]
        for place in left:
            targets = {one.target for one in compiled.exception_entries if one.start <= place < one.end} - reached
            reached |= targets
            left += targets
        return reached & ends_of_with

    return [
        one.positions.lineno
        for one in instructions
        if one.opname == "JUMP_BACKWARD"
        and one.argval not in ends_of_await
        and handlers(one.argval) - handlers(one.offset)
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_loop_within_a_with_is_covered_by_it(path):
    module = compile(path.read_text(), str(path), "exec")

    assert {code.co_qualname: left for code in functions(module) if (left := left_uncovered(code))} == {}


@pytest.mark.skipif(not (3, 12) <= sys.version_info < (3, 13, 1), reason="other versions may compile it properly")
def test_a_loop_that_is_not_covered_is_noticed():
    module = compile("def read():\n    with lock:\n        return [one for one in found if one]\n", "example", "exec")

    assert [line for code in functions(module) for line in left_uncovered(code)] == [3]
