# SPDX-License-Identifier: Apache-2.0
"""Keeps the kernel's table of containers' cgroups as WorkloadTable has it.

The kernel side does it alone for cgroups that are made inside of a container, or removed; here is
what it cannot know: which cgroup a container begins with, and what is inside of it already.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tetragon_core.workloads.cgroup_table import Cgroup
    from tetragon_core.workloads.table import WorkloadTable

__all__ = ["ContainerCgroups", "KernelTable"]


class KernelTable(Protocol):
    """Cgroup id -> id of the container's home, where programs look it up."""

    def enter(self, cgroup_id: int, home_id: int) -> None:
        """Set the home of a cgroup; a full table counts it."""

    def leave(self, cgroup_id: int) -> None:
        """Take a cgroup out."""


class ContainerCgroups:
    """One per agent. Listens to both tables, so it has to be there before they are filled."""

    def __init__(self, table: WorkloadTable, kernel: KernelTable) -> None:
        self._table = table
        self._kernel = kernel
        self._homes: dict[int, int] = {}
        """Cgroup -> home, of all that the kernel's table should have."""
        table.changed.append(self._on_changed)
        table.cgroups.made.append(self._on_made)
        table.cgroups.removed.append(self._on_removed)

    def __len__(self) -> int:
        return len(self._homes)

    def _on_made(self, cgroup: Cgroup) -> None:
        self._put_right(cgroup)

    def _on_changed(self, cgroup: Cgroup) -> None:
        """Something is known of a container; only if its home is new, all inside is looked at."""
        if self._put_right(cgroup):
            inside = f"{cgroup.path}/"
            for other in self._table.cgroups:
                if other.path.startswith(inside):
                    self._put_right(other)

    def _put_right(self, cgroup: Cgroup) -> bool:
        """Whether that changed anything."""
        if cgroup.id not in self._table.cgroups:
            return False
        home_id = self._home_id(cgroup)
        if self._homes.get(cgroup.id, 0) == home_id:
            return False
        if home_id:
            self._homes[cgroup.id] = home_id
            self._kernel.enter(cgroup.id, home_id)
        else:
            del self._homes[cgroup.id]
            self._kernel.leave(cgroup.id)
        return True

    def _home_id(self, cgroup: Cgroup) -> int:
        """0 for the host's; what a source was only asked about is the host's for now."""
        home = self._table.home(cgroup.id)
        if home is None:
            return 0
        is_container = bool(home.container_id) or self._table.cgroups.is_container(home.id)
        return home.id if is_container else 0

    def _on_removed(self, cgroup: Cgroup) -> None:
        if self._homes.pop(cgroup.id, 0):
            self._kernel.leave(cgroup.id)  # has been done unless the cgroup was only renamed
