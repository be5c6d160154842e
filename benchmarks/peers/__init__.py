"""The Python peers, each in an environment of its own, since they need Pythons and versions that exclude each other."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from shutil import which

HERE = Path(__file__).parent
ENVIRONMENTS = HERE.parent / ".peers"
SECONDS = 600


@dataclass(frozen=True)
class Peer:
    """A library, and how much smaller its sizes are, so that a measurement takes some seconds: figures are per second.

    `but` names the rows that it can't do.
    """

    name: str
    share: float = 0.25
    but: tuple[str, ...] = ()

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


PEERS = {
    peer.name: peer
    for peer in (
        # Its actors are there when they are sent something, and go when they are idle: nobody starts or stops them.
        Peer("casty", but=("start and stop",)),
        Peer("thespian"),
        Peer("triotp", 0.1),
        Peer("fauxtp", 0.1),
        Peer("papyra", 0.1),
        # Its mailbox calls itself once for each message that waits, and a thousand are too many for Python.
        Peer("domo-actors", 0.1, but=("tell, from outside", "tell, actor to actor")),
        Peer("xoscar", 0.1),
        Peer("otpylib", 0.1),
        Peer("everything-is-an-actor"),
    )
}


def installed() -> list[Peer]:
    """The peers that can be measured; the environments of the others are made, and who has none is said."""
    return [peer for peer in PEERS.values() if _install(peer)]


def _install(peer: Peer) -> bool:
    done = peer.python.parent / f"{peer.version}-is-installed"
    if done.exists():
        return True
    python = _find_python()
    if python is None:
        print(f"{peer.name} is left out: there is no Python 3.13", file=sys.stderr)
        return False
    for command in (
        [python, "-m", "venv", "--clear", str(ENVIRONMENTS / peer.name)],
        [str(peer.python), "-m", "pip", "install", "--quiet", "--no-deps", "-r", str(peer.requirements)],
    ):
        ended = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
        if ended.returncode:
            print(f"{peer.name} is left out: {ended.stderr.strip().splitlines()[-1]}", file=sys.stderr)
            return False
    done.touch()
    return True


def _find_python() -> str | None:
    """A Python on which all of them run: what is pinned was resolved for 3.13."""
    candidates = [which("python3.13"), *map(str, Path.home().glob(".pyenv/versions/3.13*/bin/python3"))]
    return next((candidate for candidate in candidates if candidate and _runs(candidate)), None)


def _runs(python: str) -> bool:
    """Whether it is really there: a name on the path may only stand for one that isn't installed."""
    return subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0
