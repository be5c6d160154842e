"""The command line: what is wrong is said in one line, with exit code 2."""

from __future__ import annotations

import pytest

from examples.user_sync.options import Options, parse


def test_defaults_are_those_of_the_readme():
    assert parse([]) == Options(
        input=None, lock="registry", workers=8, latency=0.02, crash_rate=0.0, retry_delay=0.05, attempts=10
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["--workers", "0"],
        ["--workers", "-1"],
        ["--workers", "two"],
        ["--workers", "1.5"],
        ["--workers", "1" + "0" * 400],
        ["--latency", "-0.1"],
        ["--latency", "nan"],
        ["--latency", "inf"],
        ["--latency", "quick"],
        ["--retry-delay", "-1"],
        ["--crash-rate", "1.01"],
        ["--crash-rate", "-0.1"],
        ["--poison-rate", "nan"],
        ["--attempts", "0"],
        ["--seed", "x"],
        ["--processes", "0"],
        ["--kill-registry-after", "0"],
        ["--kill-queue-after", "soon"],
        ["--lock", "hope"],
        ["--no-such-option"],
        ["one", "two"],
    ],
)
def test_a_bad_option_is_one_line_and_exit_code_two(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        parse(arguments)

    assert ended.value.code == 2
    complaint = capsys.readouterr().err
    assert complaint.startswith("user_sync: ")
    assert complaint.count("\n") == 1


def test_a_dash_means_standard_input_not_an_option():
    assert parse(["-"]).input == "-"
