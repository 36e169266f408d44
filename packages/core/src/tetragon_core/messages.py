# SPDX-License-Identifier: Apache-2.0
"""What the kernel said, decoded but not interpreted. No lookups and no text formatting here.

Every time is in nanoseconds on the boot clock (CLOCK_BOOTTIME). A ProcessKey names one image of one
process: its ktime is the exec time, or the fork time while the process has not called exec. A
process that ran before the sensor was attached has its start time rounded down to USER_HZ (10 ms),
which is what /proc/PID/stat shows too, so the kernel side and the /proc walk derive the same key on
their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntFlag
from typing import TYPE_CHECKING, Final, NamedTuple

from .hooks import HookMessage

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "TICK_NS",
    "Capabilities",
    "Credentials",
    "ExecFlag",
    "ExecMessage",
    "ExitMessage",
    "ForkMessage",
    "Message",
    "Namespaces",
    "ProcessKey",
]

TICK_NS: Final = 10_000_000
"""Nanoseconds of one /proc clock tick (USER_HZ is 100 in the ABI of x86_64 and arm64)."""


class ProcessKey(NamedTuple):
    """One image of one process; (0, 0) means unknown."""

    tgid: int
    ktime_ns: int


class Credentials(NamedTuple):
    """Ids in the initial user namespace (struct cred)."""

    uid: int
    gid: int
    euid: int
    egid: int
    suid: int
    sgid: int
    fsuid: int
    fsgid: int
    securebits: int


class Capabilities(NamedTuple):
    """Bit sets, bit N is capability number N."""

    permitted: int
    effective: int
    inheritable: int


class Namespaces(NamedTuple):
    """Inode numbers; 0 where the kernel has no such namespace."""

    uts: int
    ipc: int
    mnt: int
    pid: int
    pid_for_children: int
    net: int
    time: int
    time_for_children: int
    cgroup: int
    user: int


class ExecFlag(IntFlag):
    """Bits of ExecMessage.flags; the numbers of enum exec_flag in bpf/include/wire.h."""

    FIRST = 0x1
    """First exec since the fork."""
    BY_EXECVEAT = 0x2
    """The image was named by a descriptor."""
    SETUID = 0x4
    """The set-user-ID bit of the file took effect and changed the effective uid."""
    SETGID = 0x8
    FILE_CAPS = 0x10
    """File capabilities raised the permitted set."""
    TRUNCATED_ARGS = 0x20
    """More than 128 KiB of arguments; what fits is in argv."""
    ERROR_ARGS = 0x40
    """The arguments, or the rest of them, could not be read."""
    ERROR_FILENAME = 0x80
    ERROR_CWD = 0x100
    """The working directory could not be read at all."""
    PARTIAL_CWD = 0x200
    """Only the last part of the working directory was read (too deep, or unreachable)."""
    PARTIAL_EXECUTABLE = 0x400
    DELETED = 0x800
    """The executed file has no name any more."""
    UNTRACKED = 0x1000
    """The kernel's process table was full; the process is not in it."""
    PARENT_UNTRACKED = 0x2000
    """The parent was not in the kernel's process table; its key was derived from its start time."""
    ERROR_CGROUP = 0x4000


@dataclass(slots=True, kw_only=True)
class ExecMessage:
    """A successful exec.

    Whoever decodes one may leave fields unset and say in `read_rest` who knows them: most processes
    end without anybody having looked at what they were.
    """

    process: ProcessKey
    previous: ProcessKey
    """The image this process had until now."""
    parent: ProcessKey
    """Current image of the real parent."""
    fork_ktime_ns: int
    tid: int
    """Thread that called exec, before it took over the group leader's id."""
    nspid: int
    """Pid in the process's own pid namespace; 0 when that is the initial one."""
    auid: int
    flags: int
    inode: int
    nlink: int
    cgroup_id: int
    credentials: Credentials
    capabilities: Capabilities
    namespaces: Namespaces
    cgroup: bytes
    tty: bytes
    filename: bytes
    """The name given to exec, as given."""
    interpreter: bytes
    """Empty unless a script."""
    cwd: bytes
    executable: bytes
    """Resolved path of the loaded file, as the process sees it."""
    argv: tuple[bytes, ...]
    text_bytes: int = field(default=0, compare=False, repr=False)
    """About what its texts take; never changes."""
    record: bytes = field(default=b"", compare=False, repr=False)
    """For `read_rest`, until it was called."""
    read_rest: Callable[[ExecMessage, bytes], None] | None = field(
        default=None, compare=False, repr=False
    )
    """Sets every field that is unset; None when none is."""

    def __post_init__(self) -> None:
        """For a message that is complete from the beginning."""
        self.text_bytes = 2 * sum(map(len, self.argv)) + len(self.filename) + len(self.cwd)

    def __getattr__(self, name: str) -> object:
        """Called for an unset slot only, that is once: it sets them all."""
        read_rest = self.read_rest if name in ExecMessage.__slots__ else None
        if read_rest is None:
            raise AttributeError(name)
        self.read_rest = None
        read_rest(self, self.record)
        self.record = b""
        return getattr(self, name)


class ForkMessage(NamedTuple):
    """A new process (not a thread)."""

    process: ProcessKey
    parent: ProcessKey
    nspid: int


class ExitMessage(NamedTuple):
    """The last thread of a process ended."""

    process: ProcessKey
    ktime_ns: int
    code: int
    """As wait(2) reports it: exit status << 8, or signal number, | 0x80 when core was dumped."""
    kernel_thread: bool = False
    """A thread of the kernel: forgotten without an event."""


Message = ExecMessage | ForkMessage | ExitMessage | HookMessage
