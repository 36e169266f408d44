# SPDX-License-Identifier: Apache-2.0
"""A machine that systemd boots: starts it, runs commands in it one after the other, restarts it."""

from __future__ import annotations

import base64
import contextlib
import os
import selectors
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from vmlib.errors import VmError

from .initramfs import write_initramfs
from .qemu import Hardware, qemu_command

if TYPE_CHECKING:
    from pathlib import Path

    from vmlib.kernels import Kernel

__all__ = ["Done", "Machine", "copy_disk"]

BOOT_S: Final = 180
COMMAND_S: Final = 120
SHUTDOWN_S: Final = 90
CHUNK_BYTES: Final = 1 << 16
TAIL_LINES: Final = 40
BOOTED: Final = "systemctl is-system-running --wait"
REBOOT: Final = "systemctl --no-block reboot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What became of a command."""

    code: int
    output: str
    """Standard output and error in one."""


def copy_disk(image: Path, disk: Path) -> Path:
    """A disk that may be written to; only what is not empty is copied."""
    subprocess.run(["cp", "--sparse=always", "--reflink=auto", image, disk], check=True)
    return disk


class Machine:
    """One machine; what it writes to its disk is there after a restart."""

    def __init__(self, *, kernel: Kernel, image: Path, work: Path, shared: Path) -> None:
        """Prepare it in the empty directory `work`; /host in it will be `shared`."""
        self._hardware = Hardware(
            kernel=kernel.image,
            initramfs=work / "initramfs",
            disk=copy_disk(image, work / "disk"),
            console_log=work / "console",
            shared=shared,
        )
        with self._hardware.initramfs.open("wb") as file:
            write_initramfs(file, kernel)
        self._qemu: subprocess.Popen[bytes] | None = None
        self._received = b""
        self._number = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, timeout_s: float = BOOT_S) -> None:
        """Boot it and wait until systemd has started everything; VmError when it does not."""
        self._received = b""
        try:
            self._qemu = subprocess.Popen(
                qemu_command(self._hardware), stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        except FileNotFoundError:
            msg = "qemu-system-x86_64 is missing; run: tools/setup machine"
            raise VmError(msg) from None
        deadline = time.monotonic() + timeout_s
        while self._line(deadline) != "ready":
            pass  # the firmware or the kernel may have said something before
        self.run(BOOTED, timeout_s=deadline - time.monotonic())

    def run(self, command: str, *, timeout_s: float = COMMAND_S) -> Done:
        """Run a command of bash as root; VmError when it takes longer or the machine ends."""
        self._send(command)
        answer = self._line(time.monotonic() + timeout_s)
        number, code, output = (*answer.split(" "), "")[:3]
        assert number == str(self._number), answer
        return Done(code=int(code), output=base64.b64decode(output).decode(errors="replace"))

    def output(self, command: str, *, timeout_s: float = COMMAND_S) -> str:
        """What a command prints that has to succeed; VmError with its output when it fails."""
        done = self.run(command, timeout_s=timeout_s)
        if done.code != 0:
            raise VmError(f"{command} ended with {done.code}:\n{done.output}")
        return done.output

    def reboot(self) -> None:
        """Let systemd stop everything and boot again."""
        assert self._qemu is not None
        self._send(REBOOT)
        try:
            self._qemu.wait(SHUTDOWN_S)
        except subprocess.TimeoutExpired:
            raise self._failure("did not shut down") from None
        self.close()
        self.start()

    def close(self) -> None:
        """Turn it off at once."""
        if self._qemu is None:
            return
        self._qemu.kill()
        with contextlib.suppress(BrokenPipeError):  # what it had not read yet
            self._qemu.communicate()
        self._qemu = None

    def console(self) -> str:
        """What the kernel and systemd said since the last start."""
        log = self._hardware.console_log
        return log.read_text(errors="replace") if log.exists() else ""

    def _send(self, command: str) -> None:
        """Pass a command on to the unit `commands`."""
        assert self._qemu is not None
        assert self._qemu.stdin is not None
        self._number += 1
        text = base64.b64encode(command.encode()).decode()
        self._qemu.stdin.write(f"{self._number} {text}\n".encode())
        self._qemu.stdin.flush()

    def _line(self, deadline: float) -> str:
        """The next line of the second serial port."""
        assert self._qemu is not None
        assert self._qemu.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._qemu.stdout, selectors.EVENT_READ)
            while b"\n" not in self._received:
                left = deadline - time.monotonic()
                if left <= 0 or not selector.select(left):
                    raise self._failure("does not answer")
                data = os.read(self._qemu.stdout.fileno(), CHUNK_BYTES)
                if not data:
                    raise self._failure("ended")
                self._received += data
        line, _, self._received = self._received.partition(b"\n")
        return line.decode(errors="replace").strip()

    def _failure(self, what: str) -> VmError:
        self.close()  # an answer that comes later would be taken for another command's
        tail = "\n".join(self.console().splitlines()[-TAIL_LINES:])
        return VmError(f"the machine {what}; its console ends so:\n{tail}")
