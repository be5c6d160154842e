"""What the pages in docs/ show works as it is written there, and prints what they say."""

from __future__ import annotations

import pytest

from tests.test_readme import ROOT, run, snippets

PAGES = ["docs/from-pykka.md", "docs/runs-on.md", "docs/telemetry.md"]


@pytest.mark.parametrize(("snippet", "output"), [snippet for page in PAGES for snippet in snippets(page)])
def test_each_snippet_runs_as_it_stands_and_prints_what_follows_it(snippet, output):
    assert run(snippet) == output


def test_every_page_with_python_in_it_is_run():
    pages = {f"docs/{page.name}" for page in ROOT.glob("docs/*.md") if "```python" in page.read_text()}

    assert pages == set(PAGES)
