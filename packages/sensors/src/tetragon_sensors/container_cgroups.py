# SPDX-License-Identifier: Apache-2.0
"""The kernel's table of containers' cgroups, for the programs of policies that select containers.

cgroup id -> id of the container's home: the cgroup that its runtime made for it. User space enters
a container's cgroups; those made inside of one of them later get its entry by a program
(bpf/cgroup.bpf.c) before anything can run in them, and lose it when they are removed. What is not
in the table is not in a container, as far as user space has been told.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import LoadError

from .features import may_allocate
from .kernel.maps import MapFlag, MapKind, MapSpec, create_map

if TYPE_CHECKING:
    from .kernel.maps import Map

__all__ = ["CONTAINER_CGROUPS", "ID_BYTES", "ContainerCgroups", "container_map"]

_log = logging.getLogger(__name__)

CONTAINER_CGROUPS: Final = "container_cgroups"
"""The map's name; both sides of an entry are ids of cgroups (u64)."""
ID_BYTES: Final = 8
_ENTRIES: Final = 65_536
_ENTRIES_ALLOCATED: Final = 16_384
"""Where every entry takes its memory, 80 bytes, at once."""


class ContainerCgroups:
    """One per base sensor, which makes the map before its programs and closes it after them."""

    def __init__(self, map_: Map) -> None:
        self._map = map_
        self.refused = 0
        """Cgroups that the full table could not take."""

    def enter(self, cgroup_id: int, home_id: int) -> None:
        """Have a cgroup belong to the container at home in `home_id`: itself, or one around it.

        What is inside of it already has to be entered too, after it: only what is made later gets
        the entry by itself. Changing an entry leaves those of cgroups inside as they are.
        """
        try:
            self._map.update(_bytes(cgroup_id), _bytes(home_id))
        except LoadError:
            if not self.refused:
                _log.warning("the kernel's table of containers' cgroups is full")
            self.refused += 1

    def leave(self, cgroup_id: int) -> None:
        """Have it belong to no container; the kernel has done so when the cgroup is gone."""
        self._map.delete(_bytes(cgroup_id))

    def home(self, cgroup_id: int) -> int:
        """Home of the container that it belongs to; 0: none."""
        return int.from_bytes(self._map.lookup(_bytes(cgroup_id)) or b"", "little")


def container_map() -> Map:
    """Make the map, empty. Raises LoadError."""
    allocates = may_allocate()
    return create_map(
        MapSpec(
            kind=MapKind.HASH,
            key_bytes=ID_BYTES,
            value_bytes=ID_BYTES,
            max_entries=_ENTRIES if allocates else _ENTRIES_ALLOCATED,
            name="container_cgrps",
            flags=MapFlag.NO_PREALLOC if allocates else MapFlag.NONE,
        )
    )


def _bytes(cgroup_id: int) -> bytes:
    return cgroup_id.to_bytes(ID_BYTES, "little")
