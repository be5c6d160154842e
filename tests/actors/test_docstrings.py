"""The examples in the docstrings that show what comes out do what they show."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import actors
import actors.testing
import supervision

MODULES = [
    f"{package.__name__}.{module.name}"
    for package in (actors, actors.testing, supervision)
    for module in pkgutil.iter_modules(package.__path__)
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_do_what_they_show(name):
    failed, _ = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)

    assert failed == 0


def test_the_example_of_an_actor_is_one_that_runs():
    _, attempted = doctest.testmod(importlib.import_module("actors.actor"))

    assert attempted > 0
