"""What the two packages offer: all of it is listed, there, and documented."""

from __future__ import annotations

import inspect

import pytest

import actors
import actors.testing
import supervision


@pytest.mark.parametrize("package", [actors, actors.testing, supervision])
def test_all_names_are_there_in_order_and_once(package):
    assert package.__all__ == sorted(set(package.__all__))
    assert [name for name in package.__all__ if not hasattr(package, name)] == []


@pytest.mark.parametrize("package", [actors, actors.testing, supervision])
def test_public_classes_and_their_methods_are_documented(package):
    classes = [getattr(package, name) for name in package.__all__ if inspect.isclass(getattr(package, name))]

    assert [name for cls in classes for name in undocumented(cls)] == []


def undocumented(cls):
    """The class, and its public methods and properties, that say nothing of themselves."""
    own = {name: member for name, member in vars(cls).items() if not name.startswith("_")}
    members = {name: m for name, m in own.items() if inspect.isfunction(m) or isinstance(m, property | classmethod)}
    # An override without a docstring says what the method that it overrides says.
    silent = [name for name, member in members.items() if not inspect.getdoc(getattr(cls, name)) and not member.__doc__]
    return [f"{cls.__name__}.{name}" for name in silent] + ([] if cls.__doc__ else [cls.__name__])


@pytest.mark.parametrize("package", [actors, actors.testing, supervision])
def test_public_functions_are_documented(package):
    functions = [getattr(package, name) for name in package.__all__ if inspect.isfunction(getattr(package, name))]

    assert [function.__name__ for function in functions if not function.__doc__] == []
