"""What is promised about the distribution, and where each promise is kept."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]


def pins(file):
    lines = (ROOT / "requirements" / file).read_text().splitlines()
    pinned = [line.partition("==") for line in lines if "==" in line]
    return {canonicalize_name(name): version for name, _, version in pinned}


def test_the_library_stands_on_three_distributions():
    names = {Requirement(dependency).name for dependency in PROJECT["dependencies"]}
    assert names == {"pykka", "typing-extensions", "greenlet"}


@pytest.mark.parametrize("package", ["actors", "supervision"])
def test_the_wheel_carries_the_package_with_its_types(package):
    assert package in PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert (ROOT / package / "py.typed").is_file()


def test_the_changelog_opens_with_what_is_unreleased_or_with_the_version():
    first = re.search(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert first
    assert first[1] in {"Unreleased", PROJECT["version"]}


@pytest.mark.parametrize(
    ("file", "needs"),
    [
        ("run.txt", PROJECT["dependencies"] + PROJECT["optional-dependencies"]["examples"]),
        ("dev.txt", PYPROJECT["dependency-groups"]["dev"]),
    ],
)
def test_what_is_needed_is_pinned_in_its_range(file, needs):
    pinned = pins(file)
    for need in map(Requirement, needs):
        assert pinned[canonicalize_name(need.name)] in need.specifier


@pytest.mark.parametrize("file", ["run.txt", "dev.txt"])
def test_every_requirement_is_pinned(file):
    lines = (ROOT / "requirements" / file).read_text().splitlines()
    loose = [line for line in lines if not re.fullmatch(r"#.*|-r run\.txt|[\w.-]+==[\w.]+", line)]
    assert loose == []
