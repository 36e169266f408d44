# SPDX-License-Identifier: Apache-2.0
"""Policies about system calls as such: single ones, lists of them, and all."""

from __future__ import annotations

import ctypes
import os
import platform
import signal
from typing import TYPE_CHECKING, Final

from kernel.surroundings import without_calls_of_x86
from tetragon_core.hooks import ArgumentValue
from tetragon_core.syscalls import number as syscall_number

from .case import Case, in_turn
from .spaces import entering_pid_namespace, in_pid_namespace
from .values import Hit, number, size, syscall, text

if TYPE_CHECKING:
    from tetragon_sensors.kernel.facts import Kernel

__all__ = ["CASES"]

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_NOWHERE: Final = b"/dev/null/seen"
_ABI: Final = "x64" if platform.machine() == "x86_64" else "arm64"
_ENTER: Final = "raw_syscalls/sys_enter"
_KILL: Final = "/usr/bin/kill"
_NO_CLOCK: Final = 99
_NO_PROCESS: Final = 0x3FFF_FFFF
_PEEK: Final = 1


def number_of(name: str) -> int:
    """Of a system call, in this machine's own ABI."""
    found = syscall_number(_ABI, name)
    assert found is not None
    return found


def call(name: str, *arguments: int | bytes | None) -> int:
    """A system call by its name, whatever comes of it."""
    return int(_LIBC.syscall(number_of(name), *arguments))


def failing(name: str, *arguments: int | bytes | None) -> None:
    """A system call that does nothing but fail."""
    assert call(name, *arguments) == -1


def duplicate() -> None:
    """Call dup and dup2, which not every machine has."""
    os.close(call("dup", 0))
    if _ABI == "x64":
        os.close(call("dup2", 0, 200))


def duplicate_otherwise() -> None:
    """Call dup3, which is not asked for."""
    os.close(call("dup3", 0, 200, os.O_CLOEXEC))


def duplicates() -> tuple[str, ...]:
    """What `duplicate` calls."""
    return ("dup", "dup2") if _ABI == "x64" else ("dup",)


def become(program: str, *arguments: str) -> None:
    """Execute a program in this process."""
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 1)
    os.execv(program, [program, *arguments])


def kill(*arguments: str) -> None:
    """The program kill; its parent waits for it."""
    pid = os.fork()
    if not pid:
        become(_KILL, *arguments or ("-0", str(os.getpid())))
    os.waitpid(pid, 0)


def write_to_null() -> None:
    """Write where it is lost."""
    os.write(os.open("/dev/null", os.O_WRONLY), b"seen")


def pivot() -> None:
    """Ask for a root that cannot be one."""
    failing("pivot_root", _NOWHERE, b"/seen")


def set_clock() -> None:
    """Set a clock that is not there."""
    failing("clock_settime", _NO_CLOCK, None)


def can_trace(kernel: Kernel) -> bool:
    """Whether the kernel lists its functions."""
    return kernel.tracefs.traceable is not None


def entered(name: str) -> Hit:
    """Of the tracepoint at all system calls, with a typed number."""
    value = {"id": number_of(name), "abi": _ABI}
    return Hit(_ENTER, (ArgumentValue("syscall_id", value),))


CASES: Final = (
    Case(
        policy="tracingpolicy/sys_mount",
        act=lambda: failing("mount", b"seen", _NOWHERE, None, 0, None),
        expected=(syscall("mount", text("seen"), text(_NOWHERE.decode())),),
        miss=lambda: failing("umount2", _NOWHERE, 0),
    ),
    Case(
        policy="tracingpolicy/sys_pivot_root",
        act=lambda: entering_pid_namespace(pivot),
        expected=(syscall("pivot_root", text(_NOWHERE.decode()), text("/seen")),),
        miss=in_turn(pivot, lambda: in_pid_namespace(pivot)),
    ),
    Case(
        policy="tracingpolicy/sys_ptrace",
        act=lambda: failing("ptrace", _PEEK, _NO_PROCESS, 0x1234),
        expected=(syscall("ptrace", number(0x1234)),),
        miss=lambda: failing("kill", _NO_PROCESS, 0),
    ),
    Case(
        policy="tracingpolicy/sys_clock_settime",
        act=lambda: entering_pid_namespace(set_clock),
        expected=(syscall("clock_settime", number(_NO_CLOCK)),),
        miss=in_turn(set_clock, lambda: in_pid_namespace(set_clock)),
    ),
    Case(
        policy="tracingpolicy/sys_setuid",
        act=lambda: os.setuid(0),
        expected=(syscall("setuid", number(0)),),
        miss=lambda: os.setgid(0),
    ),
    Case(
        policy="tracingpolicy/list-syscalls",
        act=duplicate,
        expected=tuple(map(syscall, duplicates())),
        miss=duplicate_otherwise,
    ),
    Case(
        policy="tracingpolicy/list-syscalls-tracepoint",
        refused=without_calls_of_x86,
        act=duplicate,
        expected=tuple(Hit(_ENTER, (size(number_of(name)),)) for name in duplicates()),
        miss=duplicate_otherwise,
    ),
    Case(
        policy="tracingpolicy/list-syscalls-generated",
        act=kill,
        expected=(syscall("kill"), syscall("exit_group")),
        of=frozenset(syscall(name).name for name in ("kill", "exit_group", "getppid")),
        miss=in_turn(os.getppid, lambda: os.kill(os.getpid(), 0)),
    ),
    Case(
        policy="tracingpolicy/raw_syscalls",
        act=lambda: failing("kill", _NO_PROCESS, signal.SIGKILL),
        expected=(entered("kill"),),
        some=True,
        floods=True,
        miss=os.getppid,
    ),
    Case(
        policy="tracingpolicy/list-generated-ftrace",
        refused=lambda kernel: "" if can_trace(kernel) else "does not tell which functions can be",
        act=lambda: kill("-l"),
        expected=(Hit("ksys_write"),),
        of=frozenset({"ksys_write"}),
        miss=write_to_null,
    ),
)
