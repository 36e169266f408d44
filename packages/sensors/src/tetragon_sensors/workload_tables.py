# SPDX-License-Identifier: Apache-2.0
"""The tables by which policies select containers, from outside the agent: for debugging only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tetragon_core.errors import LoadError

from .kernel.inventory import map_descriptor
from .kernel.maps import Map, MapKind, MapSpec
from .kernel.pins import open_pinned_map

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["CGROUP_BYTES", "FILTERS_BYTES", "enter_cgroup", "read_table"]

CGROUP_BYTES: Final = 8
"""Of a value of the table of containers' cgroups: the id of the container's own."""
FILTERS_BYTES: Final = 64
"""Of the table of filters: a bit for each number."""


def read_table(number: int | None, path: Path, value_bytes: int) -> dict[int, int]:
    """Every entry of map `number`, or without a number of the map pinned at `path`: ids of cgroups,
    and values as numbers. Raises LoadError, also for another map.
    """
    with _opened(number, path, value_bytes) as table:
        return {int.from_bytes(k, "little"): int.from_bytes(v, "little") for k, v in table.items()}


def enter_cgroup(number: int | None, path: Path, cgroup_id: int, home_id: int) -> None:
    """Have a cgroup belong to a container, given that one's cgroup. Raises LoadError."""
    with _opened(number, path, CGROUP_BYTES) as table:
        table.update(cgroup_id.to_bytes(8, "little"), home_id.to_bytes(8, "little"))


def _opened(number: int | None, path: Path, value_bytes: int) -> Map:
    if number is not None:
        spec = MapSpec(kind=MapKind.HASH, key_bytes=CGROUP_BYTES, value_bytes=value_bytes)
        return Map(map_descriptor(number), spec)
    table = open_pinned_map(path)
    if (table.spec.key_bytes, table.spec.value_bytes) != (CGROUP_BYTES, value_bytes):
        table.close()
        raise LoadError(f"{path} is no such table of this version")
    return table
