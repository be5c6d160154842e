"""What the README shows works as it is written there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()


def test_the_twenty_lines_run_as_they_stand():
    (snippet,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)

    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", snippet],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=15,
        check=False,
    )

    assert done.stderr == ""
    assert sorted(done.stdout.splitlines()) == ["syncing ada", "syncing ada", "syncing barbara", "syncing grace"]


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
