# SPDX-License-Identifier: Apache-2.0
"""A directory in which functions of lima/provision run, with stand-ins for what they call."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

__all__ = ["FETCH", "Machine"]

PROVISION: Final = Path(__file__).parents[2] / "lima/provision"
FETCH: Final = 'mkdir -p "$(dirname "$3")" && cp "$ARCHIVE" "$3"\n'
"""Of the program that downloads: it has one file for every address."""
_CHANGING: Final = ("apt-get", "systemctl", "modprobe", "sysctl", "make", "tetragon-mini")


class Machine:
    """A directory with stand-ins that write down how they are called: this host stays as it is."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.bin = directory / "bin"
        self.bin.mkdir()
        self.calls = directory / "calls"
        self.calls.touch()
        for name in _CHANGING:
            self.add(name)

    def add(self, name: str, script: str = "") -> None:
        """A program that notes its name and arguments and then does as the script says."""
        path = self.bin / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >>{self.calls}\n{script}')
        path.chmod(0o755)

    def run(
        self, script: str, functions: str, **variables: str | Path
    ) -> subprocess.CompletedProcess[str]:
        """Read the script without running it, and call functions of it."""
        environment = {name: str(value) for name, value in variables.items()}
        return subprocess.run(
            ["sh", "-euc", f'. "{PROVISION / script}"\n{functions}'],
            env={"PATH": f"{self.bin}:{os.environ['PATH']}", "FUNCTIONS_ONLY": "1", **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def called(self) -> list[str]:
        """What was called since the last time."""
        lines = self.calls.read_text().splitlines()
        self.calls.write_text("")
        return lines
