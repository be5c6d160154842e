"""Runs in other processes: to have more of them at once, and to see that they come out the same there."""

from __future__ import annotations

import hashlib
import mmap
import os
import pickle
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NoReturn

from actors.testing._exploring import AGAIN, Limits, Plan, Seen, Which, compare, many_runs
from actors.testing._runs import NotDeterministic, Run
from actors.testing._shown import said_by
from actors.testing._watch import StepTooLong

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["CannotImport", "check_importable", "compare_elsewhere", "go_around_together", "refuse"]


class CannotImport(ValueError):
    """Another process can't have the scenario."""


_ADVICE = "make the scenario, and the policies, functions at the top of a module that can be imported"


def check_importable(plan: Plan) -> None:
    """See that another process may find the scenario.

    Raises:
        CannotImport: it can't.
    """
    _pickled(plan)


def _pickled(plan: Plan) -> bytes:
    try:
        content = pickle.dumps(plan)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise CannotImport(f"{plan.scenario!r} can't be run in another process: {error}; {_ADVICE}") from error
    if b"__main__" in content:
        raise CannotImport(f"{plan.scenario!r} can't be run in another process: it is of the main module; {_ADVICE}")
    return content


def _unpickled(content: bytes) -> Plan:
    try:
        plan: Plan = pickle.loads(content)  # noqa: S301 - our own, from the process that has started this one
    except Exception as error:
        raise CannotImport(f"the scenario can't be imported in another process: {error!r}; {_ADVICE}") from error
    return plan


class _Elsewhere:
    """A process that does something for this one, with the plan.

    Neither a fork, which would have the locks of this process and one of its threads, nor one that runs the main
    program again, which may not be made for that.
    """

    def __init__(self, task: Any, plan: bytes, *arguments: Any, hash_seed: int) -> None:
        path = os.pathsep.join(filter(None, sys.path))
        self._process = subprocess.Popen(  # noqa: S603 - this very interpreter
            [sys.executable, "-c", f"from {__name__} import answer; answer()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": str(hash_seed)},
        )
        assert self._process.stdin is not None, "it is a pipe"
        self._process.stdin.write(pickle.dumps((task, plan, arguments)))
        self._process.stdin.close()
        self._process.stdin = None

    def answer(self) -> Any:
        """Wait for what came of it."""
        content, _ = self._process.communicate()
        if self._process.returncode:
            code = self._process.returncode
            raise RuntimeError(f"a process that ran the scenario ended with exit code {code}; see what it has written")
        is_failure, answer = pickle.loads(content)  # noqa: S301 - our own, from the process that this one has started
        if is_failure:
            raise answer
        return answer

    def end(self) -> None:
        """Have it do no more."""
        # At its exit it closes the pipes, and waits.
        with self._process as process:
            process.kill()


def answer() -> None:
    """What the other process does."""
    # What the scenario prints is no answer.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    task, content, arguments = pickle.load(sys.stdin.buffer)  # noqa: S301 - our own, from the one that has started this
    try:
        # The scenario's module is imported as it was there: without stand-ins, which it could bind to its names.
        plan = _unpickled(content)
        with many_runs():
            came = (False, task(plan, *arguments))
    except Exception as error:  # noqa: BLE001 - raised again in the process that waits for it
        came = (True, _sendable(error))
    with answers:
        pickle.dump(came, answers)


def _sendable(error: Exception) -> Exception:
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    except Exception:  # noqa: BLE001 - there are many ways for an exception not to be
        return RuntimeError(f"in a process that ran the scenario: {type(error).__name__}: {said_by(error)}")
    return error


# Some runs


def runs_elsewhere(plan: Plan, which: Sequence[Which]) -> list[Run]:
    """Run some in a process in which sets have another order.

    Raises:
        CannotImport: the scenario can't be had there.
    """
    seed = next(seed for seed in (1234, 4321) if str(seed) != os.environ.get("PYTHONHASHSEED"))
    other = _Elsewhere(_run_some, _pickled(plan), which, hash_seed=seed)
    try:
        came: list[Run] = other.answer()
    finally:
        other.end()
    return came


def _run_some(plan: Plan, which: Sequence[Which]) -> list[Run]:
    # What was raised may be anything, and needn't be fit to be sent.
    return [plan.run(one, record=True)._replace(error=None) for one in which]


def compare_elsewhere(plan: Plan, which: Sequence[Which]) -> None:
    """See that some come out the same in a process in which sets have another order.

    Raises:
        CannotImport: the scenario can't be had there.
        NotDeterministic: they don't.
    """
    for one, there in zip(which, runs_elsewhere(plan, which), strict=True):
        compare(one, _without_texts(plan.run(one, record=True)), _without_texts(there))


def _without_texts(came: Run) -> Run:
    """A run without what is said of its failures, and in which line: pytest changes both, and only in this process."""
    trace = [_ASSERTION.sub("AssertionError(...)", step) for step in came.trace]
    return came._replace(trace=trace, failure=came.failure and came.failure._replace(line=0, message="..."))


_ASSERTION = re.compile(r"AssertionError\(.*")


# Many runs


def go_around_together(plan: Plan, seen: Seen, limits: Limits, workers: int) -> Which | None:
    """Run schedules in several processes; return the first that fails.

    One in so many is run by two of them, in which sets have different orders.

    Raises:
        NotDeterministic: it came out otherwise there.
        StepTooLong: one blocks for real, and none before it fails.
    """
    content = _pickled(plan)
    seconds = None if limits.deadline is None else limits.deadline - time.monotonic()
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"\0" * 8 * workers)
        file.flush()
        others = [
            _Elsewhere(_run_share, content, index, workers, file.name, limits.schedules, seconds, hash_seed=index + 1)
            for index in range(workers)
        ]
        shares: list[_Share] = []
        blocked: list[tuple[int, StepTooLong]] = []
        first_failures = _FirstFailures(file.name)
        try:
            for index, other in enumerate(others):
                try:
                    shares.append(other.answer())
                except StepTooLong as error:
                    blocked.append((first_failures.of(index), error))
        finally:
            for other in others:
                other.end()
    for share in shares:
        seen.merge(share.seen)
    _compare_shares(plan, shares)
    failed = [share.failed for share in shares if share.failed is not None]
    first = min(failed, key=lambda which: which.number, default=None)
    if blocked:
        number, too_long = min(blocked, key=itemgetter(0))
        if first is None or number < first.number:
            raise too_long
    return first


@dataclass(slots=True)
class _Share:
    """What one of several processes has seen."""

    seen: Seen = field(default_factory=Seen)
    failed: Which | None = None
    traces: dict[Which, int] = field(default_factory=dict)
    """Of those that another runs as well, in short."""


class _FirstFailures:
    """What each of several processes has found first, in memory that they share."""

    def __init__(self, name: str) -> None:
        with open(name, "r+b") as file:  # noqa: PTH123 - its number is wanted
            self._numbers = memoryview(mmap.mmap(file.fileno(), 0)).cast("q")

    def note(self, index: int, number: int) -> None:
        """Know that the process with this index has found that this run fails."""
        # 0 is for none.
        self._numbers[index] = number + 1

    def of(self, index: int) -> int:
        """What the process with this index has found."""
        return self._numbers[index] - 1

    def are_before(self, number: int) -> bool:
        """Whether this run is of no interest any more: one before it is known to fail."""
        return any(0 < found <= number for found in self._numbers)


def _run_share(  # noqa: PLR0913, PLR0917 - what one process is told by another
    plan: Plan, index: int, workers: int, failures: str, schedules: int | None, seconds: float | None
) -> _Share:
    limits = Limits(schedules, None if seconds is None else time.monotonic() + seconds)
    first_failures = _FirstFailures(failures)
    share = _Share()
    # Everybody knows from the first about how many decisions a run has.
    decisions = len(plan.run(Which(0)).decisions)
    for number in limits.numbers():
        # Whoever has found a failure has no later ones looked at; so the first is found, whoever is quick.
        if (number and limits.is_late()) or first_failures.are_before(number):
            break
        twice = number % AGAIN == 0
        # Everybody takes all policies in turn: with some of them a run takes longer than with others.
        turn = number // len(plan.policies)
        if turn % workers == index:
            which = Which(number, decisions if number else 0)
            try:
                came = plan.run(which, record=twice)
            except StepTooLong:
                first_failures.note(index, number)
                raise
            share.seen.add(came)
            if came.error is not None:
                share.failed = which
                first_failures.note(index, number)
        elif twice and (turn + 1) % workers == index:
            which = Which(number, decisions if number else 0)
            came = plan.run(which, record=True)
        else:
            continue
        if twice:
            share.traces[which] = _short(came)
    return share


def _short(came: Run) -> int:
    return int.from_bytes(hashlib.sha256("\n".join([*came.trace, str(came.failure)]).encode()).digest()[:8], "big")


def _compare_shares(plan: Plan, shares: list[_Share]) -> None:
    first: dict[Which, int] = {}
    for share in shares:
        for which, trace in share.traces.items():
            if first.setdefault(which, trace) != trace:
                refuse(plan, which)


def refuse(plan: Plan, which: Which) -> NoReturn:
    """Say where a run that comes out otherwise elsewhere parts from what it is here."""
    compare_elsewhere(plan, [which])
    raise NotDeterministic(str(which), 1, "its trace in one process", "another trace in another; here the same again")
