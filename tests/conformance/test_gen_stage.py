"""Where GenStage is found, and how its version is told."""

from __future__ import annotations

import shutil

import pytest

from tests.conformance import gen_stage
from tests.conformance.gen_stage import GEN_STAGE_SOURCE, by_mix, found, of_source

MIX = """
defmodule Stand.In do
  use Mix.Project
  @version "9.8.7"
  def project, do: [app: :gen_stage, version: @version]
end
"""


@pytest.fixture
def source(tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "gen_stage.ex").write_text("defmodule GenStage do\nend\n")
    return tmp_path


def test_the_source_is_where_the_environment_says(source, monkeypatch):
    monkeypatch.setenv(GEN_STAGE_SOURCE, str(source))

    assert found().sources == (source / "lib" / "gen_stage.ex",)


def test_a_folder_without_its_source_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setenv(GEN_STAGE_SOURCE, str(tmp_path))

    with pytest.raises(FileNotFoundError, match="must name the folder of GenStage's source"):
        found()


@pytest.mark.parametrize(
    ("file", "text", "version"),
    [
        ("mix.exs", MIX, "9.8.7"),
        ("mix.exs", 'def project, do: [app: :gen_stage, version: "1.2.3-rc.1"]', "1.2.3-rc.1"),
        ("VERSION", "4.5.6\n", "4.5.6"),
    ],
)
def test_the_version_is_the_one_that_the_source_says(source, file, text, version):
    (source / file).write_text(text)

    assert of_source(source).version == version


def test_a_source_that_says_no_version_has_a_digest(source):
    before = of_source(source).version
    (source / "lib" / "gen_stage.ex").write_text("defmodule GenStage do\n  def more, do: 1\nend\n")

    assert before.startswith("source ")
    assert of_source(source).version not in ("source ", before)


def test_mix_is_asked_when_the_environment_says_nothing(monkeypatch):
    of_mix = gen_stage.GenStage("1.2.3")
    monkeypatch.delenv(GEN_STAGE_SOURCE, raising=False)
    monkeypatch.setattr(gen_stage, "by_mix", lambda: of_mix)

    assert found() is of_mix


def test_without_mix_there_is_none(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)

    assert by_mix() is None


@pytest.mark.real
@pytest.mark.skipif(shutil.which("mix") is None, reason="this machine has no Mix")
def test_mix_installs_it(source, monkeypatch):
    (source / "mix.exs").write_text(MIX)
    monkeypatch.setenv("MIX_INSTALL_DIR", str(source / "installed"))

    of_mix = by_mix(f'{{:gen_stage, path: "{source}"}}')

    assert of_mix.version == "9.8.7"
    assert (of_mix.beams / "Elixir.GenStage.beam").is_file()


@pytest.mark.real
@pytest.mark.skipif(shutil.which("mix") is None, reason="this machine has no Mix")
def test_what_mix_can_not_install_is_not_there(tmp_path, monkeypatch):
    monkeypatch.setenv("MIX_INSTALL_DIR", str(tmp_path / "installed"))

    assert by_mix(f'{{:gen_stage, path: "{tmp_path / "nowhere"}"}}') is None
