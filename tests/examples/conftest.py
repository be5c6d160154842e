"""What the tests of the example need of the machine."""

from __future__ import annotations

import pytest

from tests.examples.program import require_postgres


@pytest.fixture(autouse=True)
def programs(request: pytest.FixtureRequest) -> None:
    """Tests with the marker `postgres` need a server's programs."""
    if request.node.get_closest_marker("postgres") is not None:
        require_postgres()
