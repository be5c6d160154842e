"""The project that shows how actors are tested: its tests pass, with pytest and with unittest."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from tests.test_readme import ROOT


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "program", [["pytest", "-p", "supervision.pytest_plugin", "-p", "no:asyncio"], ["unittest", "discover", "tests"]]
)
def test_its_tests_pass_somewhere_else(tmp_path, program):
    project = shutil.copytree(ROOT / "examples" / "testing", tmp_path / "shop")

    done = subprocess.run(
        [sys.executable, "-m", *program],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
