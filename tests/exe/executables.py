# SPDX-License-Identifier: Apache-2.0
"""Runs the built executable: agents and clients of it, almost without environment."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[2]
BUILT: Final = ROOT / "dist/tetragon-mini"
ENVIRONMENT: Final = {"TETRAGON_MINI_PROGRAM_DIR": str(ROOT / "build/program")}
"""Of what the tests start: nothing but where it unpacks itself, so that the host stays as it is."""
DEADLINE_S: Final = 60
POLL_S: Final = 0.02


def start(executable: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start it almost without environment: no PATH, no HOME, nothing of this Python."""
    return subprocess.Popen(
        [str(executable), *arguments],
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextlib.contextmanager
def running_agent(executable: Path, run_directory: Path, *options: str) -> Iterator[str]:
    """An agent that listens on a unix socket of its own; the address."""
    path = run_directory / "a.sock"
    agent = start(
        executable,
        "agent",
        f"--run-dir={run_directory}",
        f"--server-address=unix://{path}",
        "--unix-socket=",
        "--health-server-address=",
        *options,
    )
    try:
        wait_for_socket(path, agent)
        yield f"unix://{path}"
    finally:
        agent.send_signal(signal.SIGTERM)
        _, errors = agent.communicate(timeout=DEADLINE_S)
    assert agent.returncode == 0, errors


def wait_for_socket(path: Path, agent: subprocess.Popen[str]) -> None:
    """Wait until somebody listens there."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline and agent.poll() is None:
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(path)) == 0:
                return
        with contextlib.suppress(subprocess.TimeoutExpired):
            agent.wait(POLL_S)
    pytest.fail(f"the agent does not listen; exit code {agent.poll()}")


def fence(lines: Iterator[str], word: str = "exe-fence") -> None:
    """Start processes with this argument until one of them is seen."""
    stop = subprocess.Popen(["/bin/sh", "-c", f"while /bin/true {word}; do :; done"])
    try:
        next_event(lines, word)
    finally:
        stop.kill()
        stop.wait()


def next_event(lines: Iterator[str], prefix: str) -> tuple[str, str]:
    """The type and the argument of the next event whose arguments start with `prefix`."""
    for line in lines:
        event = json.loads(line)
        for kind in ("process_exec", "process_exit"):
            arguments = event.get(kind, {}).get("process", {}).get("arguments", "")
            if arguments.startswith(prefix):
                return kind, arguments
    pytest.fail(f"the stream ended before an event of {prefix}")
