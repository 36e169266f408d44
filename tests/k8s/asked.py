# SPDX-License-Identifier: Apache-2.0
"""A table of workloads whose changes can be awaited, and look-ups at one runtime for it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tetragon_core.workloads.cgroup_table import CgroupTable
from tetragon_core.workloads.table import WorkloadTable
from tetragon_k8s.runtimes.lookups import Lookups

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tetragon_core.workloads.cgroup_table import Cgroup
    from tetragon_core.workloads.model import Workload
    from tetragon_k8s.runtimes.runtime import Runtime

__all__ = ["DEADLINE_S", "Asked", "asked_of", "cgroup_at", "container_id"]

DEADLINE_S = 30


class Asked:
    """What an agent has of containers."""

    def __init__(self) -> None:
        self.table = WorkloadTable(CgroupTable())
        self._changed = asyncio.Event()
        self.table.changed.append(lambda _: self._changed.set())

    def appear(self, cgroup_id: int, path: str) -> None:
        """A cgroup is made."""
        self.table.cgroups.add(cgroup_id, path)

    def end(self, cgroup_id: int) -> None:
        """It is removed."""
        self.table.cgroups.remove(cgroup_id)

    async def until(self, holds: Callable[[], object]) -> None:
        """Return when it holds, looked at with each change."""
        async with asyncio.timeout(DEADLINE_S):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    async def workload(self, cgroup_id: int) -> Workload:
        """Of its processes, when events need wait for it no longer."""
        await self.until(lambda: self.table.workload(cgroup_id, "") is not None)
        found = self.table.workload(cgroup_id, "")
        assert found is not None
        return found

    async def name(self, cgroup_id: int) -> str:
        """Of its container."""
        container = (await self.workload(cgroup_id)).container
        return container.name if container is not None else ""


@asynccontextmanager
async def asked_of(
    runtime: Runtime, *, patience_s: float = 30.0, call_s: float = 10.0
) -> AsyncIterator[Asked]:
    """A table whose only source is this runtime."""
    asked = Asked()
    lookups = Lookups(runtime, asked.table, patience_s=patience_s, call_s=call_s)
    lookups.start()
    try:
        yield asked
    finally:
        await lookups.close()


def container_id(number: int) -> str:
    """64 digits."""
    return f"{number:064x}"


def cgroup_at(path: str, cgroup_id: int = 7) -> Cgroup:
    """As the table has it."""
    table = CgroupTable()
    table.add(cgroup_id, path)
    found = table.get(cgroup_id)
    assert found is not None
    return found
