"""What the pages in docs/ show works as it is written there, and prints what they say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from fnmatch import fnmatchcase

import pytest

from tests.test_readme import ROOT, run, snippets

PAGES = ["docs/from-pykka.md", "docs/runs-on.md", "docs/telemetry.md"]

TESTING = "docs/testing.md"
"""Its snippets stand in files of a folder, `# name.py`, those of tests are run by pytest."""


@pytest.mark.parametrize(("snippet", "output"), [snippet for page in PAGES for snippet in snippets(page)])
def test_each_snippet_runs_as_it_stands_and_prints_what_follows_it(snippet, output):
    assert run(snippet) == output


def test_every_page_with_python_in_it_is_run():
    pages = {f"docs/{page.name}" for page in ROOT.glob("docs/*.md") if "```python" in page.read_text()}

    assert pages == {*PAGES, TESTING}


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("snippet", "output"), snippets(TESTING))
def test_each_snippet_on_tests_passes_or_fails_as_the_page_says(snippet, output, tmp_path):
    for shown in snippets(TESTING):
        if file := file_of(shown.values[0]):
            (tmp_path / file).write_text(shown.values[0])
    file = file_of(snippet)
    is_test = (file or "").startswith("test_")
    plugins = ["-p", "supervision.pytest_plugin", "-p", "anyio"]
    program = ["-m", "pytest", *plugins, "-W", "error", file] if is_test else ["-c", snippet]

    done = subprocess.run(
        [sys.executable, *program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )

    assert done.stderr == ""
    if is_test:
        assert done.returncode == (1 if output else 0), done.stdout
        assert missing(output.splitlines(), done.stdout.splitlines()) == [], done.stdout
    else:
        assert done.stdout == output


def file_of(snippet):
    """The name of the file that a snippet stands in."""
    found = re.match(r"# (\w+\.py)\n", snippet)
    return found and found[1]


def missing(wanted, lines):
    """The lines, with `*` for anything, that don't come in this order."""
    rest = iter(lines)
    return [want for want in wanted if not any(fnmatchcase(line, re.sub(r"\[", "[[]", want)) for line in rest)]
