"""What the README shows works as it is written there; and what pages share with it: `snippets` and `run`."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# What a snippet lets crash is logged too, to stderr when nobody listens; any other word there is a mistake.
QUIET = "import logging; logging.lastResort = logging.NullHandler(); "


def snippets(page):
    """The Python snippets of a page: each with its line there, and the output which follows it, or nothing."""
    text = (ROOT / page).read_text()
    blocks = re.finditer(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", text, re.DOTALL | re.MULTILINE)
    return [
        pytest.param(block[1], block[2] or "", id=f"{page}:{text[: block.start()].count(chr(10)) + 1}")
        for block in blocks
    ]


def run(snippet):
    """Run a snippet as a program of its own, `program.py`; return what it prints."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder).resolve() / "program.py"
        program.write_text(QUIET + snippet)
        done = subprocess.run(
            [sys.executable, "-X", "dev", "-W", "error", str(program)],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=15,
            check=False,
        )

    assert done.stderr == ""
    assert done.returncode == 0
    return done.stdout.replace(str(program), program.name)


@pytest.mark.parametrize(("snippet", "output"), snippets("README.md"))
def test_each_snippet_runs_as_it_stands(snippet, output):
    assert sorted(run(snippet).splitlines()) == sorted(output.splitlines())


def test_every_file_that_a_page_links_to_exists():
    pages = [ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("examples/**/*.md")]

    for page in pages:
        links = re.findall(r"\]\(([^)#:]+)\)", page.read_text())
        assert [link for link in links if not (page.parent / link).exists()] == [], page


def test_the_program_understands_every_option_that_its_page_names():
    page = (ROOT / "examples" / "user_sync" / "README.md").read_text()
    help_text = subprocess.run(
        [sys.executable, "-m", "examples.user_sync", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout

    named = set(re.findall(r"(?<![\w-])(--[a-z][a-z-]*)", page)) - {"--format", "--help"}

    assert {option for option in named if option not in help_text} == set()
