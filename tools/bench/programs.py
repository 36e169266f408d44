# SPDX-License-Identifier: Apache-2.0
"""Starts agent, client and load for a measurement and ends them. It measures nothing."""

from __future__ import annotations

import contextlib
import os
import subprocess
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["Load", "agent", "client", "compile_load"]

READY: Final = b"agent is ready"


class Load:
    """The load generator."""

    def __init__(self, program: Path) -> None:
        self.program = program

    def run(self, kind: str, count: int, *, pause_us: int = 0) -> int:
        """Make `count` processes; return the CPU nanoseconds each took."""
        command = [str(self.program), kind, str(count), str(pause_us)]
        return int(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)

    @property
    def calls(self) -> Path:
        """The program that makes system calls, which lies beside it."""
        return self.program.with_name("calls")


def compile_load(source: Path, target: Path) -> Path:
    """Build the load generator: static, so that exec costs no dynamic linking."""
    command = ["gcc", "-O2", "-Wall", "-Werror", "-static", "-o", str(target), str(source)]
    subprocess.run(command, check=True)
    return target


@contextlib.contextmanager
def agent(program: Sequence[str], run_dir: Path, *more: str) -> Iterator[subprocess.Popen[bytes]]:
    """An agent of its own, ready, on a socket in `run_dir`; `more` are options."""
    options = (f"--run-dir={run_dir}", "--health-server-address=")
    address = f"--server-address=unix://{run_dir}/tetragon.sock"
    command = [*program, "agent", *options, address, *more]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            _wait_for(process, READY)
            yield process
        finally:
            process.terminate()


@contextlib.contextmanager
def client(
    program: Sequence[str], run_dir: Path, output: Path, form: str
) -> Iterator[subprocess.Popen[bytes]]:
    """`getevents` that writes to the file `output`."""
    address = f"--server-address=unix://{run_dir}/tetragon.sock"
    command = [*program, "getevents", "-o", form, address]
    with (
        output.open("wb") as file,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()


def _wait_for(process: subprocess.Popen[bytes], text: bytes) -> None:
    """Read standard error until `text` is in it; the time limit is the machine's own.

    A deadline would mean nothing: under icount the clock jumps while a file comes from the host.
    """
    assert process.stderr is not None
    seen = b""
    while text not in seen:
        more = os.read(process.stderr.fileno(), 4096)
        if not more:
            raise RuntimeError(f"the program did not say {text.decode()!r}: {seen.decode()}")
        seen += more
