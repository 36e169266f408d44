# SPDX-License-Identifier: Apache-2.0
"""The one executable, copied alone to a directory and run without any environment."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

import tetragon_core

if TYPE_CHECKING:
    from collections.abc import Iterator

BUILT: Final = Path(__file__).parents[2] / "dist/tetragon-mini"
EXECS: Final = 23
DEADLINE_S: Final = 60
POLL_S: Final = 0.02
MAX_BYTES: Final = 22_000_000


@pytest.fixture
def executable(tmp_path: Path) -> Path:
    """A copy with nothing beside it."""
    assert BUILT.exists(), "run `make dist`, which `make test` does"
    return Path(shutil.copy(BUILT, tmp_path))


def start(executable: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start it without an environment: no PATH, no HOME, nothing of this Python."""
    return subprocess.Popen(
        [str(executable), *arguments],
        env={},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextlib.contextmanager
def running_agent(executable: Path, run_directory: Path) -> Iterator[str]:
    """An agent that listens on a unix socket of its own; the address."""
    path = run_directory / "a.sock"
    agent = start(
        executable,
        "agent",
        f"--run-dir={run_directory}",
        f"--server-address=unix://{path}",
        "--unix-socket=",
        "--health-server-address=",
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


def test_is_small_enough() -> None:
    """One file of at most 22 MB."""
    assert BUILT.stat().st_size <= MAX_BYTES


def test_version_needs_nothing_else(executable: Path) -> None:
    """It prints its version where nothing of the source tree can be seen."""
    client = start(executable, "version")
    output, errors = client.communicate(timeout=DEADLINE_S)

    assert (0, f"CLI version: {tetragon_core.__version__}\n", "") == (
        client.returncode,
        output,
        errors,
    )


def test_no_agent_is_one_line_and_an_error(executable: Path, tmp_path: Path) -> None:
    """Where nobody listens it says so in one line."""
    client = start(executable, "getevents", f"--server-address=unix://{tmp_path}/none.sock")
    output, errors = client.communicate(timeout=DEADLINE_S)

    assert (1, "") == (errors.count("\n"), output)
    assert client.returncode != 0


def test_every_start_and_end_is_seen_once(executable: Path, tmp_path: Path) -> None:
    """Agent and client of the same file show each of 23 processes starting and ending, in order."""
    names = [f"exe-test-{number}" for number in range(EXECS)]

    with running_agent(executable, tmp_path) as address:
        client = start(executable, "getevents", "-o", "json", f"--server-address={address}")
        assert client.stdout is not None
        lines = iter(client.stdout)
        # The client follows from some moment on; the events of a process of ours tell that it does.
        fence(lines)
        for name in names:
            subprocess.run(["/bin/true", name], check=True)
        seen = [next_event(lines, "exe-test-") for _ in range(2 * EXECS)]
        client.send_signal(signal.SIGINT)
        client.communicate(timeout=DEADLINE_S)

    expected = [(kind, name) for name in names for kind in ("process_exec", "process_exit")]
    assert expected == seen


def fence(lines: Iterator[str]) -> None:
    """Start processes until one of them is seen."""
    stop = subprocess.Popen(["/bin/sh", "-c", "while /bin/true exe-fence; do :; done"])
    try:
        next_event(lines, "exe-fence")
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
