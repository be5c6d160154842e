"""The Python peers, each in an environment of its own, since they need Pythons and versions that exclude each other.

The scripts are named after their peers, with `_rows` behind, as a `casty.py` would hide the casty that it imports.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from shutil import which

HERE = Path(__file__).parent
ENVIRONMENTS = HERE.parent / ".peers"
PYTHONS = ("3.13", "3.12", "3.11")
"""The newest that a peer can do with is taken."""
SECONDS = 600


@dataclass(frozen=True)
class Peer:
    """A library, and the oldest and the newest Python on which it runs in the versions that are pinned.

    `share` is how much smaller its sizes are, so that a measurement takes some seconds: figures are per second.
    """

    name: str
    oldest: str = "3.11"
    newest: str = "3.13"
    share: float = 0.25

    @property
    def script(self) -> Path:
        return HERE / f"{self.name.replace('-', '_')}_rows.py"

    @property
    def requirements(self) -> Path:
        return HERE / "requirements" / f"{self.name}.txt"

    @property
    def version(self) -> str:
        return re.search(rf"^{self.name}==(\S+)", self.requirements.read_text(), re.MULTILINE)[1]

    @property
    def python(self) -> Path:
        return ENVIRONMENTS / self.name / "bin" / "python"

    def takes(self, python: str) -> bool:
        return _ordered(self.oldest) <= _ordered(python) <= _ordered(self.newest)


PEERS = {
    peer.name: peer
    for peer in (
        Peer("casty", oldest="3.12"),
        Peer("thespian"),
        Peer("triotp", oldest="3.13", share=0.1),
        Peer("fauxtp", share=0.1),
        Peer("papyra", oldest="3.13", share=0.1),
        Peer("domo-actors", share=0.1),
        Peer("xoscar", oldest="3.12", share=0.1),
        Peer("otpylib", share=0.1),
        Peer("everything-is-an-actor", oldest="3.12"),
    )
}


def installed() -> list[Peer]:
    """The peers that can be measured; the environments of the others are made, and who has none is said."""
    return [peer for peer in PEERS.values() if python_of(peer) is not None]


def python_of(peer: Peer) -> Path | None:
    """The Python of its environment, which is made when it isn't there; None when it can't be, and why is said."""
    done = ENVIRONMENTS / peer.name / "installed.txt"
    pinned = peer.requirements.read_text()
    if done.exists() and done.read_text() == pinned:
        return peer.python
    python = _find_python(peer)
    problem = f"there is no Python {peer.oldest} to {peer.newest}" if python is None else _install(peer, python)
    if problem is not None:
        print(f"{peer.name} is left out: {problem}", file=sys.stderr)
        return None
    done.write_text(pinned)
    return peer.python


def _install(peer: Peer, python: str) -> str | None:
    """Make its environment; what has gone wrong, if anything."""
    for command in (
        [python, "-m", "venv", "--clear", str(ENVIRONMENTS / peer.name)],
        [str(peer.python), "-m", "pip", "install", "--quiet", "--no-deps", "-r", str(peer.requirements)],
    ):
        try:
            ended = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            return str(error)
        if ended.returncode:
            return next(reversed(ended.stderr.strip().splitlines()), f"exit code {ended.returncode}")
    return None


def _find_python(peer: Peer) -> str | None:
    candidates = (
        candidate
        for python in PYTHONS
        if peer.takes(python)
        for candidate in (
            which(f"python{python}"),
            *map(str, Path.home().glob(f".pyenv/versions/{python}*/bin/python3")),
        )
    )
    return next((candidate for candidate in candidates if candidate and _runs(candidate)), None)


def _runs(python: str) -> bool:
    """Whether it is really there: a name on the path may only stand for one that isn't installed."""
    return subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0


def _ordered(python: str) -> tuple[int, ...]:
    return tuple(map(int, python.split(".")))
