# SPDX-License-Identifier: Apache-2.0
"""Policies with one hook in a file, and processes that run tests/workload/called.c."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from kernel.policies import PolicyRun
    from tetragon_core.hooks import HookMessage

__all__ = ["RESULT", "called", "hits_of_waiting", "plain", "start_waiting", "uprobe"]

_HEAD: Final = """\
apiVersion: cilium.io/v1alpha1
kind: TracingPolicy
metadata: {name: probed}
spec:
"""


RESULT: Final = "return: true, returnArg: {index: 0, type: %s}"
"""For a type."""


def uprobe(path: Path | str, place: str, more: str = "", options: str = "[]") -> str:
    """A policy with one uprobe; `place` and `more` are items of the hook in YAML."""
    return f"{_HEAD}  options: {options}\n  uprobes:\n  - {{path: '{path}', {place}, {more}}}\n"


def called(program: Path, times: int, output: Path | None = None) -> None:
    """Become the program; what it prints goes to a file."""
    with open(output or os.devnull, "wb") as file:  # noqa: PTH123  (os.devnull is no Path)
        os.dup2(file.fileno(), 1)
    os.execv(program, [str(program), str(times)])


def start_waiting(program: Path, times: int) -> subprocess.Popen[bytes]:
    """The program, which has been mapped and waits for a byte before it calls anything."""
    return subprocess.Popen(
        [program, str(times), "wait"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )


def hits_of_waiting(run: PolicyRun, process: subprocess.Popen[bytes]) -> list[HookMessage]:
    """Let it go on; its hits until it is over."""
    assert process.stdin is not None
    process.stdin.write(b"x")
    process.stdin.close()
    hits = run.hits_until_exit(process.pid)
    process.returncode = 0  # it was waited for
    return hits


def plain(hits: list[HookMessage]) -> list[tuple[str, list[object], object]]:
    """Symbol, values of the arguments, value of the result."""
    return [
        (
            hit.info.symbol,
            [one.value for one in hit.arguments],
            hit.return_value.value if hit.return_value else None,
        )
        for hit in hits
    ]
