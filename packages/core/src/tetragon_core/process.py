# SPDX-License-Identifier: Apache-2.0
"""One image of one process as subscribers see it. The cache owns lifetime and lookup."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .ids import exec_id

if TYPE_CHECKING:
    from .messages import Capabilities, Credentials, Namespaces
    from .workloads.model import Workload

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


class Process:
    """A cache entry. Its ids and wall-clock times never change once they are set.

    Not a dataclass: the ids are texts that most processes end without, so they are made when
    somebody asks.
    """

    __slots__ = (
        *("node", "key", "parent_key", "pid", "ktime_ns", "nspid", "start_time_ns", "fork_time_ns"),
        *("fork_ktime_ns", "flags", "image", "in_init_tree", "forked", "parent", "exited"),
        *("refcnt", "cached_children", "retired_ktime_ns", "encoded", "workload", "_exec_id"),
    )

    def __init__(self, node: str | None, key: tuple[int, int], parent_key: tuple[int, int]) -> None:
        """One that has just begun, and of which nothing else is known."""
        self.node = node
        """Part of its ids; None for an unknown process, which has none."""
        self.key = key
        self.parent_key = parent_key
        """Names the parent, whether that is known or not."""
        self.pid = key[0]
        self.ktime_ns = key[1]
        self.nspid = 0
        """Pid in its own pid namespace; 0 in the initial one or when unknown."""
        self.start_time_ns = 0
        """Wall clock (Unix epoch) of ktime_ns."""
        self.fork_time_ns = 0
        """Wall clock of the fork; 0 when unknown."""
        self.fork_ktime_ns = 0
        self.flags = ""
        """Words of the `flags` field, in the API's order."""
        self.image: Image | None = None
        """None for a process nothing is known about but its pid and start time."""
        self.in_init_tree: bool | None = None
        """None when the process is unknown."""
        self.forked = False
        """Has not called exec since its fork."""
        self.parent: Process | None = None
        self.exited = False
        self.refcnt = 1
        """Its own life, plus one for each running process whose parent it is."""
        self.cached_children = 0
        """Entries in the cache that name this one as parent; the cache keeps it for them."""
        self.retired_ktime_ns = 0
        """When this image ended, by exit or by the next exec; 0 while it runs."""
        self.encoded = b""
        """Serialized form without refcnt and binary properties; filled by the encoder."""
        self.workload: Workload | None = None
        """Container and pod; None before its first event."""
        self._exec_id = ""

    @property
    def exec_id(self) -> str:
        """Names this image among those of all nodes; empty for an unknown process."""
        if not self._exec_id and self.node is not None:
            self._exec_id = exec_id(self.node, self.key)  # asked for again by each child
        return self._exec_id

    @property
    def parent_exec_id(self) -> str:
        """Names the parent, known or not; empty for an unknown process."""
        if self.parent is not None and self.parent.key == self.parent_key:
            return self.parent.exec_id
        return "" if self.node is None else exec_id(self.node, self.parent_key)
