# SPDX-License-Identifier: Apache-2.0
"""Size and start times of the built executable, on this host; medians of several runs."""

from __future__ import annotations

import os
import select
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .programs import agent

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Start", "first_event", "version"]

RUNS: Final = 11
EVENT_RUNS: Final = 5
POLL_S: Final = 0.02

Start = tuple[float, float]
"""CPU and elapsed time in milliseconds."""


def version(program: Path) -> Start:
    """`version`, which needs no agent."""
    return _median([_run([str(program), "version"]) for _ in range(RUNS)])


def first_event(program: Path) -> Start:
    """`getevents` until it has printed an event, with an agent of the same file (needs root)."""
    with tempfile.TemporaryDirectory() as name, agent([str(program)], Path(name)):
        command = [
            *(str(program), "getevents", "-o", "compact"),
            f"--server-address=unix://{name}/tetragon.sock",
        ]
        return _median([_run(command, until_output=True) for _ in range(EVENT_RUNS)])


def _median(runs: Sequence[Start]) -> Start:
    cpu, elapsed = zip(*runs, strict=True)
    return statistics.median(cpu), statistics.median(elapsed)


def _run(command: list[str], *, until_output: bool = False) -> Start:
    """Start, wait for the end or for output, and ask the kernel what was used."""
    start = time.monotonic()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        while until_output and not select.select([process.stdout], [], [], POLL_S)[0]:
            # Something has to happen that it can show.
            subprocess.run(["true"], check=True)
        elapsed = time.monotonic() - start
        if until_output:
            process.terminate()
        _, _, used = os.wait4(process.pid, 0)
        process.returncode = 0  # it has been waited for
    if not until_output:
        elapsed = time.monotonic() - start
    return (used.ru_utime + used.ru_stime) * 1e3, elapsed * 1e3
