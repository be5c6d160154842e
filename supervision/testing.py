"""For tests of what is supervised: children that end with the test, and a crash at each point of their code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors import ActorRef, whereis
from supervision.children import Child, child_spec
from supervision.supervisor import Supervisor, SupervisorRef

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from actors.child_spec import Overrides

__all__ = ["start_supervised"]


class TestSupervisor(Supervisor):
    """The supervisor of what a test starts; one for each runtime."""

    # It is no test, though pytest would take it for one.
    __test__ = False

    def __init__(self) -> None:
        # Without end: a test that goes on for too long fails of that.
        super().__init__((), strategy="one_for_one", max_restarts=1_000_000, max_seconds=1.0)


_NAME = "the supervisor of the test"


def start_supervised(child: Child, **overrides: Unpack[Overrides]) -> ActorRef[Any]:
    """Start a child under a supervisor that ends with the test: the last that was started first.

    It is restarted as its spec says, without a limit of how often. The supervisor is one of the current runtime's, of
    a simulation or a real one, and ends with that.

    Args:
        child: in any form that a supervisor takes: a class, `(class, *arguments)`, a `ChildSpec`, a Registry, a Queue.
        overrides: fields of its spec to be others, such as `id=` or `restart=`.

    Returns:
        Its ref; that of its first life.

    Raises:
        AssertionError: its start raised `Ignore`.
        ChildAlreadyStarted: one with the same id was started; give another `id=`.
        InvalidChildSpec: it is no child.
        StartFailed: it couldn't be started.

    Example:
        counter = start_supervised(Counter)
    """
    spec = child_spec(child, **overrides)
    supervisor = whereis(_NAME)
    if supervisor is None:
        supervisor = TestSupervisor.start_link(name=_NAME)
    assert isinstance(supervisor, SupervisorRef)
    ref = supervisor.start_child(spec)
    if ref is None:
        raise AssertionError(f"child {spec.id!r} was not started: its on_start raised Ignore")
    return ref
