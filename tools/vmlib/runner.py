# SPDX-License-Identifier: Apache-2.0
"""Boots the machine, passes the command's output on and returns its exit code."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from .errors import VmError
from .initramfs import write_initramfs
from .qemu import Machine, qemu_command
from .shares import Share

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import FrameType
    from typing import IO

    from .guest import GuestCommand
    from .kernels import Kernel

__all__ = ["DIED", "TIMED_OUT", "Limits", "run_machine"]

TIMED_OUT: Final = 124
DIED: Final = 125
CHUNK_BYTES: Final = 1 << 16
TAIL_LINES: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much the machine may use, and how it counts time."""

    memory: str = "2G"
    cpus: int = 1
    icount: bool = False
    timeout_s: float = 600


def run_machine(
    kernel: Kernel,
    guest: GuestCommand,
    shares: Sequence[Share],
    limits: Limits,
    root: Path = Path("/"),
) -> int:
    """Run one command in one machine; its exit code, or TIMED_OUT, or DIED."""
    if root != Path("/"):
        place = Path("/lib/modules", kernel.release)
        shares = [*shares, Share(path=kernel.modules, place=place, is_readonly=True)]
    with tempfile.TemporaryDirectory(prefix="vm.") as name:
        work = Path(name)
        machine = Machine(
            kernel=kernel.image,
            initramfs=work / "initramfs",
            console_log=work / "console",
            exit_code=work / "exit-code",
            platform=kernel.platform,
            root=root,
            shares=shares,
            memory=limits.memory,
            cpus=limits.cpus,
            icount=limits.icount,
        )
        with machine.initramfs.open("wb") as file:
            write_initramfs(file, kernel, guest, shares, root)
        in_time = boot(qemu_command(machine), limits.timeout_s)
        code = read_exit_code(machine.exit_code)
        if code is None:
            say_why(machine.console_log, limits, in_time=in_time)
            return DIED if in_time else TIMED_OUT
        return code


def boot(command: list[str], timeout_s: float) -> bool:
    """Run QEMU to its end, False when it was killed because time was up."""
    deadline = time.monotonic() + timeout_s
    with started(command) as process:
        assert process.stdout is not None
        if not copy_output(process.stdout, deadline):
            return False
        process.wait()
    return True


@contextmanager
def started(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """QEMU, which does not outlive this block, also not on SIGTERM or Ctrl-C."""
    previous = signal.signal(signal.SIGTERM, raise_interrupt)
    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    except FileNotFoundError:
        msg = f"{command[0]} is missing; run: tools/setup vm"
        raise VmError(msg) from None
    try:
        with process:
            try:
                yield process
            finally:
                process.kill()
    finally:
        signal.signal(signal.SIGTERM, previous)


def raise_interrupt(_number: int, _frame: FrameType | None) -> None:
    """Let SIGTERM take the way of Ctrl-C."""
    raise KeyboardInterrupt


def copy_output(source: IO[bytes], deadline: float) -> bool:
    """Copy to standard output until QEMU closes its end; False when the deadline came first."""
    with selectors.DefaultSelector() as selector:
        selector.register(source, selectors.EVENT_READ)
        while (left := deadline - time.monotonic()) > 0:
            if not selector.select(left):
                continue
            data = os.read(source.fileno(), CHUNK_BYTES)
            if not data:
                return True
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
    return False


def read_exit_code(path: Path) -> int | None:
    """The command's exit code; None when the machine ended before the command did."""
    text = path.read_text().strip() if path.exists() else ""
    return int(text) if text.isdigit() else None


def say_why(console: Path, limits: Limits, *, in_time: bool) -> None:
    """Print the last lines of the console to standard error."""
    lines = console.read_text(errors="replace").splitlines() if console.exists() else []
    sys.stderr.write("\n".join(lines[-TAIL_LINES:]) + "\n")
    reason = "ended before the command did" if in_time else f"took over {limits.timeout_s:g} s"
    sys.stderr.write(f"vm: the machine {reason}; its console ends as above\n")
