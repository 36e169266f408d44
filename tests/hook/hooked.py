# SPDX-License-Identifier: Apache-2.0
"""Runs the hook's program as a runtime does: no environment, state on standard input."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import tetragon_core
import tetragon_crio_hook
from hook.agents import DEADLINE_S

PATHS = [str(Path(one.__path__[0]).parent) for one in (tetragon_core, tetragon_crio_hook)]
CODE = "import sys; sys.path[:0] = {paths!r}; from tetragon_crio_hook.__main__ import main; "
STATE = {"ociVersion": "1.0", "id": "0abc", "pid": 0, "status": "creating"}
SPEC = {
    "root": {"path": "rootfs"},
    "linux": {"cgroupsPath": "/kubepods/0abc"},
    "annotations": {"io.kubernetes.pod.namespace": "n"},
}


class Hooked:
    """A bundle and the hook's files."""

    def __init__(self, directory: Path) -> None:
        self.bundle = directory / "bundle"
        self.bundle.mkdir()
        self.programs = directory / "programs"
        self.programs.mkdir()
        self.log = self.programs / "tetragon-oci-hook.log"
        self.write_spec(SPEC)

    def write_spec(self, content: Any) -> None:
        """The bundle's config.json."""
        (self.bundle / "config.json").write_text(json.dumps(content))

    def command(self, *words: str) -> list[str]:
        """Command line of the program."""
        code = CODE.format(paths=PATHS) + f"sys.exit(main({str(self.programs)!r}))"
        return [sys.executable, "-IS", "-c", code, *words]

    def start(self, *words: str, **streams: Any) -> subprocess.Popen[str]:
        """Start it in the bundle."""
        streams = {
            "stdin": subprocess.PIPE,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
        } | streams
        return subprocess.Popen(self.command(*words), env={}, cwd=self.bundle, text=True, **streams)

    def run(self, *words: str, state: Any = STATE) -> tuple[int, str]:
        """Exit code and standard error."""
        text = state if isinstance(state, str) else json.dumps(state | {"bundle": str(self.bundle)})
        with self.start(*words) as process:
            _, errors = process.communicate(text, timeout=DEADLINE_S)
        return process.returncode, errors

    def lines(self) -> list[dict[str, Any]]:
        """The log."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]
