# SPDX-License-Identifier: Apache-2.0
"""Settings of the agent on the command line, and what it prints instead of running."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

CHECK = ("agent", "--check-config", "--tracing-policy-dir", "")


def checked(run_client: Run, *words: str) -> tuple[int, list[str]]:
    """Exit code and lines of a check, without those about this machine's files."""
    done = run_client(*CHECK, *words)
    assert "" == done.stderr
    lines = done.stdout.splitlines()
    return done.returncode, [one for one in lines if not one.startswith(("read: ", "tracing-"))]


def test_a_good_configuration_is_shown(run_client: Run, tmp_path: Path) -> None:
    """What is set, from where; and what was accepted without effect."""
    (tmp_path / "rb-size-total").write_text("4096K\n", encoding="utf-8")
    (tmp_path / "cluster-name").write_text("hidden\n", encoding="utf-8")

    code, lines = checked(
        run_client, "--config-dir", str(tmp_path), "--cluster-name=c", "--gops-address", ":1", "-d"
    )

    assert 0 == code
    assert [
        "configuration is valid",
        "warning: --gops-address has no effect: the agent is no Go program; use py-spy or perf",
        "cluster-name: c [--cluster-name]",
        f"rb-size-total: 4M [{tmp_path}/rb-size-total]",
        "debug: true [--debug]",
        f"config-dir: {tmp_path} [--config-dir]",
    ] == lines


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("--no-enable-process-ns", []),
        ("--enable-process-ns=false", []),
        ("--enable-process-ns", ["enable-process-ns: true [--enable-process-ns]"]),
    ],
)
def test_a_switch_wins_over_a_file(
    run_client: Run, tmp_path: Path, word: str, expected: list[str]
) -> None:
    """Also switched off, whatever the default is."""
    (tmp_path / "enable-process-ns").write_text("true\n", encoding="utf-8")

    _, lines = checked(run_client, "--config-dir", str(tmp_path), word)

    assert expected == [line for line in lines if "process-ns" in line]


def test_every_problem_has_its_line(run_client: Run, tmp_path: Path) -> None:
    """Of values first; all else is looked at when these can be read."""
    (tmp_path / "rb-size").write_text("3x", encoding="utf-8")

    code, lines = checked(run_client, "--config-dir", str(tmp_path), "--process-cache-size", "0")

    assert 1 == code
    assert [
        f'rb-size in {tmp_path}/rb-size: "3x" is no size; write it like 65536, 512K or 8M',
        "--process-cache-size: 0 is out of range; at least 1",
    ] == lines


def test_an_unknown_flag_has_a_guess(run_client: Run) -> None:
    """As for every command."""
    done = run_client("agent", "--log-levle", "debug")

    assert 2 == done.returncode
    assert "No such option '--log-levle'" in done.stderr
    assert "--log-level" in done.stderr


def test_a_wrong_value_ends_the_start_in_one_line(run_client: Run) -> None:
    """Before anything is opened."""
    done = run_client("agent", "--rb-size", "8m")

    assert (2, 'Error: --rb-size: "8m" is no size; write it like 65536, 512K or 8M\n') == (
        done.returncode,
        done.stderr,
    )


def test_documents_are_yaml_with_tetragons_keys(run_client: Run) -> None:
    """Programs that read Tetragon's list of options can read ours."""
    done = run_client("agent", "--generate-docs")

    options = {one["name"]: one for one in yaml.safe_load(done.stdout)["options"]}
    assert {"name": "rb-size", "default_value": "0"}.items() <= options["rb-size"].items()
    assert "d" == options["debug"]["shorthand"]
    assert options["gops-address"]["usage"].startswith("No effect: ")


def test_help_has_a_short_note_of_options_without_effect(run_client: Run) -> None:
    """Their names only; each is accepted all the same."""
    done = run_client("agent", "--help")

    assert "--gops-address" not in done.stdout
    assert "gops-address" in done.stdout
