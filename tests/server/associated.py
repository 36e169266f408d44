# SPDX-License-Identifier: Apache-2.0
"""An association and the tables it asks, and events for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from builders import make_process
from server.builders import image
from tetragon_core.events import ProcessExec, ProcessExit
from tetragon_core.stats import Counter
from tetragon_core.workloads.cgroup_table import CgroupTable
from tetragon_core.workloads.model import Container
from tetragon_core.workloads.table import Rank, WorkloadTable
from tetragon_server.association import Association

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from tetragon_core.events import Event
    from tetragon_core.process import Process

__all__ = ["ID", "OTHER", "WAIT_S", "Side", "exec_of", "exit_of", "name_of", "run_in"]

ID: Final = "0123456789abcdef" * 4
OTHER: Final = "fedcba9876543210" * 4
WAIT_S: Final = 30.0


class Side:
    """An association with one source that is asked about every cgroup but those of the host."""

    def __init__(self, loop: asyncio.AbstractEventLoop, max_events: int = 100) -> None:
        self.loop = loop
        self.now_s = 0.0
        self.late: list[Event] = []
        self.table = WorkloadTable(CgroupTable())
        self.table.sources.append(lambda cgroup: bool(cgroup.container_id))
        self.association = Association(
            self.table,
            self._publish,
            wait_s=WAIT_S,
            max_events=max_events,
            clock_s=lambda: self.now_s,
        )
        self.table.cgroups.add(1, "/system.slice")
        self.table.cgroups.add(7, f"/docker/{ID}")
        self.table.cgroups.add(8, f"/docker/{OTHER}")

    def _publish(self, events: Sequence[Event]) -> None:
        self.late += events

    def feed(self, *events: Event) -> list[Event]:
        """Those that need not wait."""

        async def complete() -> list[Event]:
            return list(self.association.complete(events))

        return self.loop.run_until_complete(complete())

    def learn(self, cgroup_id: int = 7, name: str = "web") -> None:
        """Let the source answer."""
        container = Container(id=ID if cgroup_id == 7 else OTHER, name=name)
        self.table.learn(container, Rank.RUNTIME, cgroup_id=cgroup_id)

    def look(self, now_s: float) -> None:
        """Let the clock go on, and the association look at it."""

        async def look() -> None:
            self.association._look()

        self.now_s = now_s
        self.loop.run_until_complete(look())

    @property
    def counts(self) -> tuple[int, int]:
        """Events that waited, and that left without all."""
        counted = self.association.counters()
        return counted[Counter.EVENTS_WAITED], counted[Counter.EVENTS_INCOMPLETE]


def run_in(cgroup_id: int, pid: int = 42) -> Process:
    """A process of that cgroup, without a name of a container."""
    return make_process(pid, image=image(cgroup_id=cgroup_id, container_id=""))


def exec_of(process: Process, parent: Process | None = None) -> ProcessExec:
    """It begins."""
    return ProcessExec(process, parent, 1)


def exit_of(process: Process) -> ProcessExit:
    """It ends."""
    return ProcessExit(process, None, 2, 0, "")


def name_of(process: Process) -> str:
    """Of its container, as the event shows it."""
    workload = process.workload
    assert workload is not None
    return workload.container.name if workload.container is not None else "host"
