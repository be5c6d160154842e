"""Where GenStage is, and which: the one whose source the environment names, or else Mix's."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

__all__ = ["GEN_STAGE_SOURCE", "LEFT_OUT", "GenStage", "by_mix", "found", "of_source"]

GEN_STAGE_SOURCE = "GEN_STAGE_SOURCE"
"""The environment variable that says where the source of GenStage is."""

LEFT_OUT = f"left out, since {GEN_STAGE_SOURCE} doesn't say where GenStage's source is, and Mix can't install it"
"""What is said of scenarios that need GenStage when there is none."""

_PACKAGE = '{:gen_stage, "~> 1.2"}'
_PATIENCE = 120.0
"""Seconds that Mix has to fetch and compile it."""

_INSTALL = """
Mix.install([{dependency}])
IO.puts(["found ", :code.lib_dir(:gen_stage, :ebin), " ", Application.spec(:gen_stage, :vsn)])
"""


@dataclass(frozen=True)
class GenStage:
    """A GenStage that is there.

    Args:
        version: its number; of a source that doesn't say so, a digest of it.
        sources: what is to be compiled.
        beams: the folder in which it is compiled already.
    """

    version: str
    sources: tuple[Path, ...] = ()
    beams: Path | None = None


def found() -> GenStage | None:
    """Return the GenStage that is there, if any is.

    Raises:
        FileNotFoundError: the environment names a folder that hasn't its source.
    """
    named = os.environ.get(GEN_STAGE_SOURCE)
    return of_source(Path(named)) if named else by_mix()


def of_source(folder: Path) -> GenStage:
    """Return the one whose source is in a folder."""
    sources = tuple(sorted((folder / "lib").rglob("*.ex")))
    if not sources:
        what = "must name the folder of GenStage's source, in which lib/gen_stage.ex is"
        raise FileNotFoundError(f"{GEN_STAGE_SOURCE} {what}; got {str(folder)!r}")
    return GenStage(_number(folder) or _digest(sources), sources)


def _number(folder: Path) -> str | None:
    for name, pattern in (("mix.exs", r'(?:@version|version:)\s+"([^"]+)"'), ("VERSION", r"(\S+)")):
        file = folder / name
        if file.is_file() and (number := re.search(pattern, file.read_text())):
            return number[1]
    return None


def _digest(sources: tuple[Path, ...]) -> str:
    digest = hashlib.sha256()
    for source in sources:
        digest.update(source.read_bytes())
    return f"source {digest.hexdigest()[:12]}"


def by_mix(dependency: str = _PACKAGE) -> GenStage | None:
    """Return the one that Mix installs, or None when it can't: without Hex, or without a network."""
    if shutil.which("mix") is None:
        return None
    command = ["elixir", "-e", _INSTALL.replace("{dependency}", dependency)]
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=_PATIENCE
        )
    except subprocess.TimeoutExpired:
        return None
    answer = re.search(r"^found (.+) (\S+)$", done.stdout, re.MULTILINE)
    return GenStage(answer[2], beams=Path(answer[1])) if answer else None
