"""Fixtures of the supervisor's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.supervision.nursery import Nursery, Ours, Reports

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    """Makes the test's children; at the end nobody is left standing at a gate."""
    nursery = Nursery()
    yield nursery
    nursery.open_gates()


@pytest.fixture
def reports(caplog: pytest.LogCaptureFixture) -> Reports:
    """What the supervisors of the test report."""
    return Reports(caplog)


@pytest.fixture
def children_that_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Children block the thread that they run on: where their supervisor waits, it mustn't be on the same."""
    monkeypatch.setattr(Ours, "runs_on", "thread")
