# SPDX-License-Identifier: Apache-2.0
"""What the kernel said of cgroups, decoded but not interpreted."""

from __future__ import annotations

from enum import IntFlag
from typing import NamedTuple

__all__ = ["CgroupFlag", "CgroupMessage"]


class CgroupFlag(IntFlag):
    """Bits of CgroupMessage.flags; the numbers of enum cgroup_flag in bpf/include/wire.h."""

    GONE = 0x1
    """Removed; there is no path."""
    RENAMED = 0x2
    """It has another path now, and so have those inside of it."""
    NAME = 0x4
    """The path is too long for the kernel to tell: `path` is its last component alone."""


class CgroupMessage(NamedTuple):
    """A cgroup was made, renamed, or is gone."""

    ktime_ns: int
    cgroup_id: int
    parent_id: int
    """The cgroup it is in."""
    path: bytes = b""
    """In its hierarchy, from the root of the host."""
    flags: int = 0
