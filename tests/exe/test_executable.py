# SPDX-License-Identifier: Apache-2.0
"""The one executable, copied alone to a directory and run without any environment."""

from __future__ import annotations

import signal
import subprocess
from typing import TYPE_CHECKING, Final

import tetragon_core
from exe.executables import BUILT, DEADLINE_S, fence, next_event, running_agent, start

if TYPE_CHECKING:
    from pathlib import Path

EXECS: Final = 23
MAX_BYTES: Final = 25_000_000


def test_is_small_enough() -> None:
    """One file of at most 25 MB."""
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
