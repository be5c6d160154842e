"""What type checkers see of a Task; `make check` runs them over this file too."""

from __future__ import annotations

# An error that is expected here and isn't found is an error itself.
# pyright: reportUnnecessaryTypeIgnoreComment=true
from typing import assert_type

from actors import Done, Exited, Task


def text_of(number: int) -> str:
    return str(number)


async def text_later(number: int) -> str:
    return str(number)


def test_a_task_has_the_type_of_its_functions_value() -> None:
    task = Task.async_(text_of, 3)

    assert_type(task, Task[str])
    assert_type(task.yield_(), Done[str] | Exited | None)
    assert_type(Task.completed(3).await_(), int)


def test_a_coroutine_function_has_the_type_of_what_it_awaits() -> None:
    assert_type(Task.async_(text_later, 3).await_(), str)


def test_a_task_that_is_on_its_own_is_an_actor() -> None:
    assert_type(Task.start(text_of, 3).stop(), bool)
    assert_type(Task.start_link(text_of, 3).stop(), bool)


def test_several_have_the_type_of_all() -> None:
    tasks = [Task.async_(text_of, 3), Task.async_(text_later, 4)]
    others = [Task.completed("three")]

    assert_type(Task.await_many(tasks), list[str])
    assert_type(Task.await_many(Task.async_(text_of, number) for number in range(3)), list[str])
    assert_type(Task.yield_many(others), list[tuple[Task[str], Done[str] | Exited | None]])


def test_a_stream_has_the_type_of_its_functions_value() -> None:
    for outcome in Task.async_stream([1, 2], text_of):
        assert_type(outcome, Done[str] | Exited)
    for later in Task.async_stream([1, 2], text_later):
        assert_type(later, Done[str] | Exited)


def test_arguments_are_checked() -> None:
    def never_called() -> None:
        Task.async_(text_of, "three")  # type: ignore[call-overload]

    assert callable(never_called)
