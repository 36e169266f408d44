# SPDX-License-Identifier: Apache-2.0
"""What the kernel said, decoded but not interpreted. No lookups and no text formatting here.

Every time is in nanoseconds on the boot clock (CLOCK_BOOTTIME). A ProcessKey names one image of one
process: its ktime is the exec time, or the fork time while the process has not called exec. A
process that ran before the sensor was attached has its start time rounded down to USER_HZ (10 ms),
which is what /proc/PID/stat shows too, so the kernel side and the /proc walk derive the same key on
their own.
"""

from __future__ import annotations

from enum import IntFlag
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .cgroup_messages import CgroupMessage
from .hooks import HookMessage

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "TICK_NS",
    "Capabilities",
    "CgroupMessage",
    "Credentials",
    "ExecDetails",
    "ExecFlag",
    "ExecMessage",
    "ExitMessage",
    "ForkMessage",
    "Message",
    "Namespaces",
    "ProcessKey",
    "ProcessMessage",
    "ThrottleMessage",
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
    ENVIRON = 0x8000
    """The message carries the environment."""
    TRUNCATED_ENVIRON = 0x1_0000
    """More than 128 KiB of arguments and environment together."""
    ERROR_ENVIRON = 0x2_0000
    THROTTLED = 0x4_0000
    """Its cgroup forks and execs more than the settings allow: no event is wanted."""


class ExecDetails(NamedTuple):
    """What an exec loaded, and how; nothing that the place among other processes depends on."""

    tid: int
    """Thread that called exec, before it took over the group leader's id."""
    auid: int
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
    executable: bytes
    """Resolved path of the loaded file, as the process sees it."""
    argv: tuple[bytes, ...]


# One of these is made for every record, and most are thrown away without having been looked at. So
# they are neither tuples of tuples nor dataclasses: they hold numbers, and make a key when asked.


class _KernelMessage:
    """A message names a process; two messages are equal when all they say is."""

    __slots__ = ("process_ktime_ns", "process_tgid")
    FIELDS = ()  # type: tuple[str, ...]

    def __init__(self, process: ProcessKey) -> None:
        self.process_tgid, self.process_ktime_ns = process

    @property
    def process(self) -> ProcessKey:
        """Whom it is about."""
        return ProcessKey(self.process_tgid, self.process_ktime_ns)

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return False
        return all(getattr(self, name) == getattr(other, name) for name in self.FIELDS)

    __hash__ = None  # type: ignore[assignment]  # how Python says: not hashable

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.FIELDS)
        return f"{type(self).__name__}({fields})"


class ExecMessage(_KernelMessage):
    """A successful exec. The fields of ExecDetails can be read as if they were its own."""

    __slots__ = (
        *("previous_tgid", "previous_ktime_ns", "parent_tgid", "parent_ktime_ns", "fork_ktime_ns"),
        *("nspid", "flags", "cwd", "text_bytes", "record", "read_details", "_details", "environ"),
    )
    FIELDS = (
        *("process", "previous", "parent", "fork_ktime_ns", "nspid", "flags", "cwd", "details"),
        "environ",
    )

    def __init__(
        self,
        *,
        process: ProcessKey,
        previous: ProcessKey,
        parent: ProcessKey,
        fork_ktime_ns: int,
        nspid: int,
        flags: int,
        cwd: bytes,
        environ: bytes = b"",
        **details: Any,  # noqa: ANN401  each has its own type
    ) -> None:
        """A complete one; a decoder may leave out the details and set `read_details`."""
        super().__init__(process)
        self.previous_tgid, self.previous_ktime_ns = previous
        self.parent_tgid, self.parent_ktime_ns = parent
        self.fork_ktime_ns = fork_ktime_ns
        self.nspid = nspid
        """Pid in the process's own pid namespace; 0 when that is the initial one."""
        self.flags = flags
        self.cwd = cwd
        self.environ = environ
        """As it lies in the process's memory: each variable with a NUL behind it."""
        self._details = ExecDetails(**details)
        self.text_bytes = 2 * sum(map(len, details["argv"])) + len(details["filename"]) + len(cwd)
        """About what its texts take; never changes."""
        self.record = b""
        """For `read_details`."""
        self.read_details: Callable[[bytes], ExecDetails] | None = None

    @property
    def previous(self) -> ProcessKey:
        """The image this process had until now."""
        return ProcessKey(self.previous_tgid, self.previous_ktime_ns)

    @property
    def parent(self) -> ProcessKey:
        """Current image of the real parent."""
        return ProcessKey(self.parent_tgid, self.parent_ktime_ns)

    @property
    def details(self) -> ExecDetails:
        """Read from the record when first asked for."""
        if self.read_details is not None:
            self._details = self.read_details(self.record)
            self.record = b""
            self.read_details = None
        return self._details

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  the type is that of the detail
        if name not in ExecDetails._fields:
            raise AttributeError(name)
        return getattr(self.details, name)


class ForkMessage(_KernelMessage):
    """A new process (not a thread)."""

    __slots__ = ("nspid", "parent_ktime_ns", "parent_tgid")
    FIELDS = ("process", "parent", "nspid")

    def __init__(self, process: ProcessKey, parent: ProcessKey, nspid: int) -> None:
        super().__init__(process)
        self.parent_tgid, self.parent_ktime_ns = parent
        self.nspid = nspid

    @property
    def parent(self) -> ProcessKey:
        """Current image of the real parent."""
        return ProcessKey(self.parent_tgid, self.parent_ktime_ns)


class ExitMessage(_KernelMessage):
    """The last thread of a process ended."""

    __slots__ = ("code", "kernel_thread", "ktime_ns")
    FIELDS = ("process", "ktime_ns", "code", "kernel_thread")

    def __init__(
        self, process: ProcessKey, ktime_ns: int, code: int, *, kernel_thread: bool = False
    ) -> None:
        super().__init__(process)
        self.ktime_ns = ktime_ns
        self.code = code
        """As wait(2) tells it: exit status << 8, or signal number, | 0x80 when core was dumped."""
        self.kernel_thread = kernel_thread
        """A thread of the kernel: forgotten without an event."""


class ThrottleMessage(NamedTuple):
    """A cgroup came to fork and exec too much on a CPU."""

    process: ProcessKey
    """Whose fork or exec was one too many."""
    ktime_ns: int
    cgroup_id: int
    cgroup: bytes
    """Last component of its path."""


ProcessMessage = ExecMessage | ForkMessage | ExitMessage | HookMessage | ThrottleMessage

Message = ProcessMessage | CgroupMessage
