"""The oracle: real Elixir and OTP, which play scenarios in one VM that stays up."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import IO, Self

from tests.conformance import gen_stage
from tests.conformance.language import Json, Scenario
from tests.conformance.outcome import Outcome, canonical

__all__ = ["Oracle", "is_there"]

_SOURCES = Path(__file__).parent / "oracle"


def is_there() -> bool:
    """Tell whether this machine has Elixir."""
    return shutil.which("elixirc") is not None


class Oracle:
    """A running VM.

    Args:
        looks: how many times running all must rest, until a step counts as done.
    """

    def __init__(self, looks: int = 3) -> None:
        self._looks = looks
        self._gen_stage: gen_stage.GenStage | None = None
        self._beams = tempfile.TemporaryDirectory(prefix="conformance-")
        self._waiting: dict[int, Future[Outcome]] = {}
        self._lock = threading.Lock()
        self._last_id = 0
        self.versions: dict[str, str] = {}
        """Of what it is made."""

    def __enter__(self) -> Self:
        self._gen_stage = gen_stage.found()
        self._compile()
        command = ["elixir", *self._paths, "-e", "Conformance.Oracle.serve()"]
        self._vm = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        _, versions = self._output.readline().split(" ", 1)
        elixir, otp = json.loads(versions)
        stages = self._gen_stage.version if self._gen_stage else "none"
        self.versions = {"elixir": elixir, "otp": otp, "gen_stage": stages}
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._input.close()
        try:
            self._vm.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._vm.kill()
            self._vm.wait()
        self._reader.join()
        self._output.close()
        self._beams.cleanup()

    @property
    def has_stages(self) -> bool:
        """Whether it has GenStage."""
        return self._gen_stage is not None

    def submit(self, scenario: Scenario) -> Future[Outcome]:
        """Have a scenario played, beside others; return the future of what comes of it."""
        future: Future[Outcome] = Future()
        with self._lock:
            self._last_id += 1
            self._waiting[self._last_id] = future
            actors = [[name, spec] for name, spec in scenario.actors.items()]
            self._input.write(f"{{{self._last_id},{self._looks},{term(actors)},{term(scenario.steps)}}}.\n")
            self._input.flush()
        return future

    def play(self, scenario: Scenario) -> Outcome:
        """Play a scenario, and return what came of it."""
        return self.submit(scenario).result(timeout=60)

    @property
    def _input(self) -> IO[str]:
        assert self._vm.stdin is not None
        return self._vm.stdin

    @property
    def _output(self) -> IO[str]:
        assert self._vm.stdout is not None
        return self._vm.stdout

    @property
    def _paths(self) -> list[str]:
        beams = [self._beams.name]
        if self._gen_stage and self._gen_stage.beams:
            beams.append(str(self._gen_stage.beams))
        return [part for folder in beams for part in ("-pa", folder)]

    def _compile(self) -> None:
        sources = sorted(_SOURCES.glob("*.ex"))
        if self._gen_stage is None:
            sources = [source for source in sources if source.name != "stages.ex"]
        elif self._gen_stage.sources:
            self._run_compiler(list(self._gen_stage.sources))
        self._run_compiler(sources)

    def _run_compiler(self, sources: list[Path]) -> None:
        command = ["elixirc", *self._paths, "-o", self._beams.name, *map(str, sources)]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"elixirc can't compile {sources[0].parent}:\n{done.stdout}{done.stderr}")

    def _read(self) -> None:
        for line in self._output:
            number, outcome = line.split(" ", 1)
            self._waiting.pop(int(number)).set_result(canonical(json.loads(outcome)))
        for future in self._waiting.values():
            future.set_exception(RuntimeError("the oracle has ended"))


def term(value: Json) -> str:
    """Write JSON as an Erlang term: strings are atoms, and None is nil."""
    match value:
        case None:
            return "nil"
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case str():
            escaped = value.replace("\\", "\\\\").replace("'", "\\'")
            return f"'{escaped}'"
        case list() | tuple():
            return f"[{','.join(map(term, value))}]"
        case dict():
            return f"#{{{','.join(f'{term(key)}=>{term(item)}' for key, item in value.items())}}}"
    raise TypeError(f"no term for {value!r}")
