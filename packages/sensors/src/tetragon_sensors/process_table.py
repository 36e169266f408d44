# SPDX-License-Identifier: Apache-2.0
"""The base sensor's table of processes, read from outside the agent: for debugging only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import LoadError

from . import _wire
from .kernel.inventory import map_descriptor
from .kernel.maps import Map, MapKind, MapSpec
from .kernel.pins import open_pinned_map

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["TableEntry", "process_table"]

_KEY_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class TableEntry:
    """What the kernel's programs know of a process."""

    pid: int
    ktime_ns: int
    parent_ktime_ns: int
    parent_pid: int
    flags: int


def process_table(number: int | None, path: Path) -> Iterator[TableEntry]:
    """Every entry of map `number`, or without a number of the map pinned at `path`.

    Raises LoadError, also for another map than such a table.
    """
    spec = MapSpec(kind=MapKind.HASH, key_bytes=_KEY_BYTES, value_bytes=_wire.PROC_ENTRY.size)
    with open_pinned_map(path) if number is None else Map(map_descriptor(number), spec) as table:
        if (table.spec.key_bytes, table.spec.value_bytes) != (spec.key_bytes, spec.value_bytes):
            raise LoadError(f"{path} is no table of processes of this version")
        for key, value in table.items():
            yield TableEntry(int.from_bytes(key, "little"), *_wire.PROC_ENTRY.unpack(value))
