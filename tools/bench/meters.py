# SPDX-License-Identifier: Apache-2.0
"""Reads what the kernel says a process has used: CPU, memory, BPF maps. It starts nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

__all__ = ["cpu_ns", "map_bytes", "memory_kib"]

RING_BUFFER: Final = 27
"""BPF_MAP_TYPE_RINGBUF (include/uapi/linux/bpf.h)."""


def cpu_ns(pid: int) -> int:
    """Time on the CPU of every thread that runs now."""
    tasks = Path(f"/proc/{pid}/task")
    return sum(int((one / "schedstat").read_text().split()[0]) for one in tasks.iterdir())


def memory_kib(pid: int) -> tuple[int, int]:
    """Resident memory now, and the most there ever was."""
    status = Path(f"/proc/{pid}/status").read_text()
    rss, high = (
        int(re.findall(rf"(?m)^{name}:\s+(\d+) kB", status)[0]) for name in ("VmRSS", "VmHWM")
    )
    return rss, high


def map_bytes(pid: int) -> tuple[int, int]:
    """Kernel memory of the BPF maps the process holds: of the ring buffer, of all others.

    What the kernel tells of a ring buffer differs by release, hence its size.
    """
    ring = other = 0
    maps = {fields["map_id"]: fields for fields in _descriptors(pid, "map_type")}
    for fields in maps.values():
        if int(fields["map_type"]) == RING_BUFFER:
            ring += int(fields["max_entries"])
        else:
            other += int(fields["memlock"])
    return ring, other


def _descriptors(pid: int, name: str) -> list[dict[str, str]]:
    """What the kernel tells about each open descriptor that has the field `name`."""
    found = []
    for file in Path(f"/proc/{pid}/fdinfo").iterdir():
        lines = file.read_text().splitlines()
        fields = {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}
        if name in fields:
            found.append(fields)
    return found
