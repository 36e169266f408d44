# SPDX-License-Identifier: Apache-2.0
"""CPU of the OCI hook that the executable installs, for each start of a container, on this host."""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .programs import agent

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["HookCosts", "hook_costs", "installed_hook"]

RUNS: Final = 41
SPEC: Final = {
    "root": {"path": "rootfs"},
    "linux": {"cgroupsPath": "/kubepods/burstable/pod1/0abc"},
    "annotations": {f"io.example/{number}": "value" * 10 for number in range(20)},
}

HookCosts = dict[str, float]
"""What was started → milliseconds of CPU, the median of several."""


def hook_costs(program: Path, other: Path | None = None) -> HookCosts:
    """The installed hook with an agent (needs root), Python alone, and another hook's program."""
    with tempfile.TemporaryDirectory() as name, installed_hook(program, Path(name)) as installed:
        directory = Path(name)
        state = directory / "state.json"
        state.write_text(json.dumps({"id": "0abc", "bundle": name}))
        (directory / "config.json").write_text(json.dumps(SPEC))
        (directory / "run").mkdir()
        with agent([str(program)], directory / "run"):
            address = f"--grpc-address=unix://{directory}/run/tetragon.sock"
            words = ("createRuntime", address, f"--log-fname={directory}/hook.log")
            costs = {
                "python -IS -c pass": _cost([sys.executable, "-IS", "-c", "pass"], state),
                "hook": _cost([str(installed), *words], state),
            }
            if other is not None:
                costs[str(other)] = _cost([str(other), *words], state)
    return costs


@contextlib.contextmanager
def installed_hook(program: Path, directory: Path) -> Iterator[Path]:
    """The program that the executable installs below `directory`."""
    where = (f"--dir={directory}/opt", f"--config={directory}/hooks.d", "--runtime=podman")
    for verb in ("install", "uninstall"):
        subprocess.run([program, "hook", verb, *where], check=True, capture_output=True)
        if verb == "install":
            yield directory / "opt/tetragon-oci-hook"


def _cost(command: list[str], state: Path) -> float:
    costs = []
    for _ in range(RUNS):
        with state.open("rb") as file:
            process = subprocess.Popen(command, stdin=file, cwd=state.parent, env={})
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"bench: {command[0]} ended with exit code {process.returncode}")
        costs.append((usage.ru_utime + usage.ru_stime) * 1000)
    return statistics.median(costs)
