"""What type checkers see of a Supervisor; `make check` runs them over this file too."""

from __future__ import annotations

from typing import assert_type

from supervision import ChildInfo, Supervisor, SupervisorOptions, SupervisorRef


def test_a_supervisor_has_a_ref_of_its_own_however_it_is_started() -> None:
    options = Supervisor.options(name="above")
    started = [
        assert_type(Supervisor.start_link(strategy="one_for_one"), SupervisorRef),
        assert_type(assert_type(options, SupervisorOptions).start_link(strategy="one_for_one"), SupervisorRef),
        assert_type(Supervisor.options(runs_on="thread").start(strategy="one_for_one"), SupervisorRef),
    ]

    for supervisor in started:
        assert assert_type(supervisor.which_children(), list[ChildInfo]) == []
