# SPDX-License-Identifier: Apache-2.0
"""Programs of build/runtimes as commands: nothing of them is installed on this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import pytest

__all__ = ["LIBRARIES", "UNPACKED", "environment", "write_commands"]

UNPACKED: Final = Path(__file__).resolve().parents[2] / "build/runtimes"
LIBRARIES: Final = UNPACKED / "bookworm/usr/lib/x86_64-linux-gnu"
_PLACES: Final = ("usr/bin", "usr/sbin", "usr/libexec/podman")
_SYSTEM_LIBRARIES: Final = UNPACKED / "bookworm/lib/x86_64-linux-gnu"


def write_commands(directory: Path, *suites: str) -> Path:
    """A directory of scripts that start the programs of these suites; the first suite wins.

    A script each, since runtimes start one another without handing their environment on.
    """
    if not UNPACKED.is_dir():
        pytest.fail(f"{UNPACKED} is missing; run: tools/setup runtimes")
    directory.mkdir()
    for suite in suites:
        for place in _PLACES:
            for program in sorted((UNPACKED / suite / place).glob("*")):
                _write_command(directory / program.name, program)
    return directory


def _write_command(command: Path, program: Path) -> None:
    if command.exists():
        return
    command.write_text(
        f'#!/bin/sh\nexport LD_LIBRARY_PATH={LIBRARIES}:{_SYSTEM_LIBRARIES}\nexec {program} "$@"\n'
    )
    command.chmod(0o755)


def environment(commands: Path, **more: str) -> dict[str, str]:
    """For a program that looks for others by PATH."""
    return {"PATH": f"{commands}:{os.environ['PATH']}", "HOME": str(commands.parent), **more}
