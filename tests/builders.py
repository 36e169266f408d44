# SPDX-License-Identifier: Apache-2.0
"""Values for tests: each builder gives something sensible, and takes any field by name."""

from __future__ import annotations

from typing import Any

from tetragon_core.messages import (
    Capabilities,
    Credentials,
    ExecFlag,
    ExecMessage,
    ExitMessage,
    ForkMessage,
    Namespaces,
    ProcessKey,
)
from tetragon_core.process import Image, Process
from tetragon_core.scanned import ScannedProcess

ROOT = Credentials(0, 0, 0, 0, 0, 0, 0, 0, 0)
USER = Credentials(1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000, 0)
NO_CAPABILITIES = Capabilities(0, 0, 0)
HOST_NAMESPACES = Namespaces(*range(4026531830, 4026531840))


def make_exec(process: tuple[int, int], **fields: Any) -> ExecMessage:
    """Build the first exec of process (tgid, ktime_ns), a child of an unknown process."""
    key = ProcessKey(*process)
    values: dict[str, Any] = {
        "process": key,
        "previous": ProcessKey(key.tgid, key.ktime_ns - 1),
        "parent": ProcessKey(1, 0),
        "fork_ktime_ns": key.ktime_ns - 1,
        "tid": key.tgid,
        "nspid": 0,
        "auid": 1000,
        "flags": int(ExecFlag.FIRST),
        "inode": 7,
        "nlink": 1,
        "cgroup_id": 1,
        "credentials": USER,
        "capabilities": NO_CAPABILITIES,
        "namespaces": HOST_NAMESPACES,
        "cgroup": b"session-1.scope",
        "tty": b"",
        "filename": b"/bin/ls",
        "interpreter": b"",
        "cwd": b"/home/user",
        "executable": b"/usr/bin/ls",
        "argv": (b"ls", b"-l"),
    }
    return ExecMessage(**_keys(values | fields))


def make_fork(process: tuple[int, int], parent: tuple[int, int], nspid: int = 0) -> ForkMessage:
    """Build the fork of process (tgid, ktime_ns)."""
    return ForkMessage(process=ProcessKey(*process), parent=ProcessKey(*parent), nspid=nspid)


def make_exit(
    process: tuple[int, int], ktime_ns: int = 0, code: int = 0, *, kernel_thread: bool = False
) -> ExitMessage:
    """Build the exit of process (tgid, ktime_ns), one second after its key's time."""
    return ExitMessage(
        process=ProcessKey(*process),
        ktime_ns=ktime_ns or process[1] + 10**9,
        code=code,
        kernel_thread=kernel_thread,
    )


def make_process(pid: int = 42, ktime_ns: int = 5000, **fields: Any) -> Process:
    """Build a running image that is in no cache yet."""
    process = Process("n", ProcessKey(pid, ktime_ns), ProcessKey(0, 0))
    values: dict[str, Any] = {
        "start_time_ns": ktime_ns,
        "fork_time_ns": ktime_ns,
        "fork_ktime_ns": ktime_ns,
        "flags": "execve",
        "image": Image(binary="/bin/ls", arguments="-l", cwd="/"),
        "in_init_tree": False,
    }
    for name, value in (values | fields).items():
        setattr(process, name, value)
    return process


def make_scanned(tgid: int, start_ktime_ns: int = 10_000_000, **fields: Any) -> ScannedProcess:
    """Build a process that the walk found, a child of pid 0."""
    values: dict[str, Any] = {
        "tgid": tgid,
        "ppid": 0,
        "start_ktime_ns": start_ktime_ns,
        "comm": "old",
        "executable": "/usr/bin/old",
        "argv": (b"old", b"-x"),
        "cwd": "/",
        "credentials": ROOT,
    }
    return ScannedProcess(**values | fields)


def _keys(values: dict[str, Any]) -> dict[str, Any]:
    keys = {name: ProcessKey(*values[name]) for name in ("process", "previous", "parent")}
    return values | keys
