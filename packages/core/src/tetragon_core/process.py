# SPDX-License-Identifier: Apache-2.0
"""One image of one process as subscribers see it. The cache owns lifetime and lookup."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .messages import Capabilities, Credentials, Namespaces

__all__ = ["BinaryProperties", "Image", "Process"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BinaryProperties:
    """What an exec changed in privileges, and the inode of a file without a name."""

    setuid: int | None = None
    setgid: int | None = None
    raised_by_file_caps: bool = False
    raised_by_setuid: bool = False
    raised_by_setgid: bool = False
    inode: int | None = None
    """Set only when the executed file has no link left."""


@dataclass(slots=True, kw_only=True)
class Image:
    """What exec loaded; a forked child shares its parent's image. Text is valid Unicode already."""

    binary: str
    arguments: str
    cwd: str
    argv: tuple[bytes, ...] = ()
    executable: str = ""
    interpreter: str = ""
    tty: str = ""
    uid: int | None = None
    """Effective uid at exec."""
    auid: int | None = None
    cgroup_id: int = 0
    cgroup: str = ""
    container_id: str = ""
    by_execveat: bool = False
    credentials: Credentials | None = None
    capabilities: Capabilities | None = None
    namespaces: Namespaces | None = None
    properties: BinaryProperties | None = None
    text_bytes: int = field(init=False, compare=False, repr=False)
    """About what its texts take; never changes."""

    def __post_init__(self) -> None:
        self.text_bytes = 2 * len(self.arguments) + len(self.binary) + len(self.cwd)


@dataclass(slots=True, kw_only=True)
class Process:
    """A cache entry. `exec_id` and the wall-clock times never change once it exists."""

    exec_id: str
    parent_exec_id: str
    pid: int
    nspid: int
    """Pid in its own pid namespace; 0 in the initial one or when unknown."""
    ktime_ns: int
    start_time_ns: int
    """Wall clock (Unix epoch) of ktime_ns."""
    fork_time_ns: int
    """Wall clock of the fork; 0 when unknown."""
    fork_ktime_ns: int
    flags: str
    """Words of the `flags` field, in the API's order."""
    image: Image | None
    """None for a process nothing is known about but its pid and start time."""
    in_init_tree: bool | None
    """None when the process is unknown."""
    forked: bool = False
    """Has not called exec since its fork."""
    parent: Process | None = None
    exited: bool = False
    refcnt: int = 1
    """Its own life, plus one for each running process whose parent it is."""
    cached_children: int = 0
    """Entries in the cache that name this one as parent; the cache keeps it for them."""
    retired_ktime_ns: int = 0
    """When this image ended, by exit or by the next exec; 0 while it runs."""
    encoded: bytes = field(default=b"", repr=False)
    """Serialized form without refcnt and binary properties; filled by the encoder at first use."""
