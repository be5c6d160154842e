"""python -m tests.pykka_suite: run Pykka's own tests, unmodified but for what they run on, against our Actor.

The source archive is downloaded, by pip and its hash, into a temporary folder. Every test passes, on both `runs_on`,
except those in `EXCEPTIONS`; one of these that passes is an error too.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]

EXCEPTIONS = {
    "tests/test_actor.py::test_all_actors_are_stopped_on_base_exception": (
        "a BaseException ends the actor that raised it, and nobody else"
    ),
    "tests/test_logging.py::test_base_exception_is_logged": (
        "it is logged as an error, and `on_failure` runs; nobody else is stopped"
    ),
}


def main():
    with tempfile.TemporaryDirectory() as folder:
        suite = fetch(Path(folder))
        conftest = suite / "tests" / "conftest.py"
        conftest.write_text(conftest.read_text() + "\n\n" + Path(__file__).with_name("runtimes.py").read_text())
        return judge(run(suite))


def fetch(folder):
    """Download and unpack the tests; return the folder that holds them."""
    requirement = ROOT / "requirements" / "pykka-suite.txt"
    download = [sys.executable, "-m", "pip", "download", "-qq", "--disable-pip-version-check", "--require-hashes"]
    download += ["--no-deps", "--no-binary", ":all:", "--no-build-isolation", "--dest", str(folder)]
    subprocess.run([*download, "-r", str(requirement)], check=True)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder / archive.name.removesuffix(".tar.gz")


def run(suite):
    """Run the tests; return the outcome of each, by its id."""
    (suite / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:randomly", "--tb=short", "--timeout=60", "tests"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=suite, env=environment, capture_output=True, text=True, check=False)
    print(done.stdout)
    print(done.stderr, file=sys.stderr)
    return dict(re.findall(r"^(tests/\S+) (PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)", done.stdout, re.MULTILINE))


def judge(outcomes):
    """Compare the outcomes with what is expected; return the exit code."""
    unexpected = []
    for test, outcome in sorted(outcomes.items()):
        is_exception = re.sub(r"\[.*", "", test) in EXCEPTIONS
        if (outcome == "PASSED") == is_exception:
            unexpected.append(f"{outcome} {test}")
    excepted = [test for test in outcomes if re.sub(r"\[.*", "", test) in EXCEPTIONS]
    if len(excepted) != 2 * len(EXCEPTIONS):
        unexpected.append(f"of the listed exceptions only these were run: {excepted}")
    print(f"{len(outcomes)} tests of Pykka's, {len(excepted)} of them listed exceptions:")
    for test, reason in EXCEPTIONS.items():
        print(f"  {test}: {reason}")
    for line in unexpected:
        print(f"UNEXPECTED: {line}", file=sys.stderr)
    return 1 if unexpected or not outcomes else 0


if __name__ == "__main__":
    sys.exit(main())
