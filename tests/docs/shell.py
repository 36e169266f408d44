# SPDX-License-Identifier: Apache-2.0
"""The shell of one page: a bash in a sandbox, told what to do over a pipe."""

from __future__ import annotations

import base64
import contextlib
import os
import secrets
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from docs.pages import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["Done", "Job", "Shell", "page_shell"]

COMMAND_S: Final = 60
END_S: Final = 20
POLL_S: Final = 0.05
_SET_UP: Final = Path(__file__).with_name("sandbox.sh")
_JOBS: Final = "/srv/jobs"


class Done(NamedTuple):
    """What became of a command."""

    status: int
    lines: list[str]
    """Standard output and standard error."""


class Job(NamedTuple):
    """A command in the background."""

    pid: int
    output: Path

    def lines(self) -> list[str]:
        """What it has printed so far."""
        return self.output.read_text(errors="replace").splitlines()


class Shell:
    """Runs commands one after the other in one bash, so that each finds what those before left."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._token = secrets.token_hex(8)
        self._jobs: list[Job] = []
        self._started = 0

    def run(self, command: str, timeout_s: float = COMMAND_S) -> Done:
        """Run it to its end; status -1 when the shell has ended, and a TimeoutError in time."""
        assert self._process.stdin is not None
        coded = base64.b64encode(command.encode()).decode()
        line = f'eval "$(printf %s {coded} | base64 -d)" </dev/null 2>&1'
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(f"{line}; printf '\\n{self._token} %d\\n' $?\n".encode())
            self._process.stdin.flush()
        return self._read(time.monotonic() + timeout_s, command)

    def _read(self, deadline: float, command: str) -> Done:
        assert self._process.stdout is not None
        out, data = self._process.stdout.fileno(), b""
        mark = f"\n{self._token} ".encode()
        while not (mark in data and data.endswith(b"\n")):
            if not select.select([out], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise TimeoutError(f"{command!r} goes on; printed so far: {data.decode()!r}")
            piece = os.read(out, 1 << 16)
            if not piece:
                return Done(-1, data.decode(errors="replace").splitlines())
            data += piece
        text, _, status = data.decode(errors="replace").rpartition(mark.decode())
        return Done(int(status), text.splitlines())

    def start(self, command: str) -> Job:
        """Let it run in the background."""
        self._started += 1
        output = f"{_JOBS}/{self._started}"
        done = self.run(
            f": >{output}\n{{ {command.rstrip().rstrip('&')}\n}} >{output} 2>&1 &\necho $!"
        )
        assert done.status == 0, done.lines
        job = Job(int(done.lines[-1]), Path(f"/proc/{self._process.pid}/root{output}"))
        self._jobs.append(job)
        return job

    def wait(self, job: Job) -> Done:
        """Wait for its end."""
        return Done(self.run(f"wait {job.pid}").status, job.lines())

    def stop(self, job: Job) -> None:
        """End a job as Ctrl-C does, and wait for its end."""
        self.run(f"kill -INT -- -{job.pid}; wait {job.pid}")

    def stop_all(self) -> None:
        """End all jobs."""
        for job in self._jobs:
            self.run(f"kill -TERM -- -{job.pid} 2>/dev/null && wait {job.pid}", END_S)
        self._jobs.clear()

    def wait_lines(
        self, job: Job, missing: Callable[[list[str]], Sequence[str]], during: str = ""
    ) -> Sequence[str]:
        """Wait until nothing of its output is missing, running `during` meanwhile; what is."""
        deadline = time.monotonic() + COMMAND_S
        while (left := missing(job.lines())) and time.monotonic() < deadline:
            self.run(during or f"sleep {POLL_S}")
        return left

    def close(self) -> None:
        """End what still runs."""
        for job in self._jobs:
            with contextlib.suppress(TimeoutError):
                self.run(f"kill -TERM -- -{job.pid} && wait {job.pid}", END_S)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(job.pid, signal.SIGKILL)
        self._process.kill()
        self._process.communicate()


@contextlib.contextmanager
def page_shell(program: Path) -> Iterator[Shell]:
    """A shell in a sandbox where `program` is installed."""
    process = subprocess.Popen(
        ["unshare", "--mount", "--net", "--uts", "bash"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={"PATH": os.environ["PATH"], "TERM": "dumb"},
    )
    shell = Shell(process)
    try:
        done = shell.run(f"set -- '{program}' '{ROOT / 'contrib'}'; . '{_SET_UP}'")
        assert done.status == 0, "\n".join(done.lines)
        yield shell
    finally:
        shell.close()
