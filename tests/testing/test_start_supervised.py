"""What a test has started supervised, it may end."""

from __future__ import annotations

import contextvars

import pytest

from actors import Actor
from actors.testing import System
from supervision.errors import ChildNotFound
from supervision.testing import start_supervised, stop_supervised


class Counter(Actor):
    def on_receive(self, message):
        return message


@pytest.mark.parametrize("restart", ["permanent", "temporary"])
def test_a_child_that_is_stopped_has_ended_and_may_be_started_anew(restart):
    with System():
        first = start_supervised(Counter, restart=restart)
        stop_supervised(Counter)

        assert not first.is_alive()
        assert start_supervised(Counter, restart=restart).ask("again") == "again"


@pytest.mark.parametrize("others", [(), (Counter,)])
def test_what_was_not_started_cant_be_stopped(others):
    with System():
        for other in others:
            start_supervised(other)

        with pytest.raises(ChildNotFound):
            stop_supervised("nobody")


def test_what_nothing_would_end_is_not_started():
    with pytest.raises(RuntimeError, match=r"no system .* fixture `system` or `real_system`, or enter one"):
        contextvars.Context().run(start_supervised, Counter)
