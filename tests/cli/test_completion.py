# SPDX-License-Identifier: Apache-2.0
"""Completion knows every command and option; bash, for real, completes words and file names."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import click
import pytest
from click.shell_completion import ShellComplete

from tetragon_cli.command_tree import CommandEntry, entries
from tetragon_cli.group import PROGRAM, root

if TYPE_CHECKING:
    from pathlib import Path

VARIABLE: Final = "_TETRAGON_MINI_COMPLETE"
SHOWN: Final = [entry for entry in entries() if not entry.is_hidden]
TABS: Final = {
    "tp set": "set-mode",
    "tracingpolicy add --mod": "--mode",
    "getevents -e PROCESS_EXI": "PROCESS_EXIT",
    "--server-address x eventl": "eventlog",
    "hook install --runtime p": "podman",
    "tp add pol": "policy.yaml",
}
SCRIPT: Final = """
source <(tetragon-mini completion bash)
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_tetragon_mini_completion tetragon-mini "${@: -1}"
[ "${COMPREPLY[*]}" ] || [[ "$(complete -p tetragon-mini)" != *"-o default"* ]] ||
    COMPREPLY=($(compgen -f -- "${@: -1}"))
echo "${COMPREPLY[*]}"
"""
"""What bash does when TAB is pressed behind the words."""


def completed(words: list[str], incomplete: str) -> set[str]:
    """What is offered."""
    shell = ShellComplete(root, {}, PROGRAM, VARIABLE)
    return {item.value for item in shell.get_completions(words, incomplete)}


@pytest.mark.parametrize("entry", SHOWN, ids=lambda entry: " ".join(entry.words) or PROGRAM)
def test_each_option_and_command_is_offered(entry: CommandEntry) -> None:
    """Behind the words of every command, its options; behind those of a group, its commands."""
    command = entry.context.command
    wanted = {
        name
        for one in command.params
        if isinstance(one, click.Option) and not one.hidden
        for name in one.opts
        if name.startswith("--")
    }
    inner = {one.words[-1] for one in SHOWN if one.words[:-1] == entry.words and one.words}

    assert set() == wanted - completed(list(entry.words), "--")
    assert set() == inner - completed(list(entry.words), "")


def test_bash_completes(tmp_path: Path) -> None:
    """Commands, aliases, options, their values, and files where there is nothing else to write."""
    program = tmp_path / "bin" / PROGRAM
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m tetragon_cli "$@"\n')
    program.chmod(0o755)
    (tmp_path / "policy.yaml").touch()
    environment = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"}

    answers = {}
    for words in TABS:
        command = ["bash", "--norc", "-c", SCRIPT, "bash", PROGRAM, *words.split()]
        done = subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
        )
        answers[words] = done.stdout.strip()

    assert answers == TABS
