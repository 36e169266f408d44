# SPDX-License-Identifier: Apache-2.0
"""Help in each place where one may ask for it, and completion without descriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tetragon_core import __version__

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize(
    "words", [("tp",), ("debug", "dump"), ("loglevel",), ("tp", "generate")], ids=" ".join
)
def test_a_group_alone_shows_its_commands(words: tuple[str, ...], run_client: Run) -> None:
    """That is no error, and the same as --help."""
    done = run_client(*words)

    assert (0, "") == (done.returncode, done.stderr)
    assert run_client(*words, "--help").stdout == done.stdout


@pytest.mark.parametrize("words", [(), ("status",), ("tp", "list")], ids=" ".join)
def test_help_before_the_command(words: tuple[str, ...], run_client: Run) -> None:
    """The same as --help behind it."""
    assert run_client(*words, "--help").stdout == run_client("help", *words).stdout


@pytest.mark.parametrize("words", [("nix",), ("tp", "nix"), ("status", "nix")], ids=" ".join)
def test_help_for_nothing(words: tuple[str, ...], run_client: Run) -> None:
    """The error names what is not known."""
    done = run_client("help", *words)

    assert done.returncode
    assert done.stderr.startswith('Error: unknown command "nix" for "tetragon-mini')


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_completion_without_descriptions(shell: str, run_client: Run) -> None:
    """The script is another; bash has none anyway."""
    plain = run_client("completion", shell, "--no-descriptions")

    assert (0, "") == (plain.returncode, plain.stderr)
    assert run_client("completion", shell).stdout != plain.stdout
    same = run_client("completion", "bash", "--no-descriptions")
    assert run_client("completion", "bash").stdout == same.stdout


def test_hidden_commands_are_not_completed(run_client: Run) -> None:
    """As with upstream's client; they run all the same."""
    listed = run_client("--help").stdout

    assert "  probe " in listed
    assert "  debug " not in listed
    assert 0 == run_client("debug", "--help").returncode


def test_what_it_was_built_with_comes_last(run_client: Run) -> None:
    """After the versions."""
    lines = run_client("version", "-b", "-d").stdout.splitlines()

    assert f"CLI version: {__version__}" == lines[0]
    assert lines[1].startswith("PythonVersion: 3.")
