# SPDX-License-Identifier: Apache-2.0
"""Each event gets its container and pod; it waits for them if somebody may still tell.

Events of one container keep their order: while one waits, those after it wait too. Those of the
host and of other containers pass. What cannot be known in time leaves marked, and is counted.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

from tetragon_core.events import Throttle
from tetragon_core.stats import Counter
from tetragon_core.workloads.model import HOST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tetragon_core.events import Event, ProcessEvent
    from tetragon_core.process import Process
    from tetragon_core.workloads.cgroup_table import Cgroup
    from tetragon_core.workloads.model import Workload
    from tetragon_core.workloads.table import WorkloadTable

__all__ = ["Association"]

_SETTLED: Final = 4096
"""Cgroups whose answer is kept: asked for each exec, it would cost more than all else here."""
_LOOK_S: Final = 0.25
"""How often events that have waited for too long are looked for."""


class _Waiting(NamedTuple):
    event: ProcessEvent
    deadline_s: float
    """On the clock of time.monotonic()."""


class Association:
    """One per agent; between the observer and everybody who gets events."""

    def __init__(
        self,
        table: WorkloadTable,
        publish: Callable[[Sequence[Event]], object],
        *,
        wait_s: float,
        max_events: int,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`publish` gets events that have waited; `max_events` may wait at once."""
        self._table = table
        self._publish = publish
        self._wait_s = wait_s
        self._max_events = max_events
        self._clock_s = clock_s
        self._queues: dict[int, deque[_Waiting]] = {}
        self._count = 0
        self._waited = 0
        self._unknown = 0
        self._timer: asyncio.TimerHandle | None = None
        self._settled: dict[int, Workload] = {}
        """Of cgroups whose processes need not wait; until anything changes."""
        for changes in (table.changed, table.cgroups.made, table.cgroups.removed):
            changes.append(self._forget_settled)
        table.changed.append(lambda cgroup: self._on_changed(cgroup.id))
        table.missing.decided.append(self._on_changed)

    def complete(self, events: Iterable[Event]) -> Sequence[Event]:
        """Those of `events` that need not wait, with container and pod."""
        return [event for event in events if not self._has_to_wait(event)]

    def counters(self) -> Mapping[Counter, int]:
        """Source for Stats."""
        return {
            Counter.EVENTS_WAITED: self._waited,
            Counter.EVENTS_INCOMPLETE: self._unknown,
        }

    def release_all(self) -> None:
        """Let everything go as it is: the agent ends."""
        for key in list(self._queues):
            self._release(key)
        if self._timer is not None:
            self._timer.cancel()

    def _has_to_wait(self, event: Event) -> bool:
        if isinstance(event, Throttle):
            return False
        process = event.process
        workload = process.workload
        if workload is None or workload.is_incomplete:
            key = self._key_of_waiting(process) if self._queues else 0
            key = key or self._try(process)
            if key:
                self._hold(key, event)
                return True
            self._unknown += _is_marked(process)
        self._settle_others(event)
        return False

    def _key_of_waiting(self, process: Process) -> int:
        """Of the queue with events of its own cgroup: it must not overtake them."""
        cgroup_id = process.image.cgroup_id if process.image is not None else 0
        return cgroup_id if cgroup_id in self._queues else 0

    def _try(self, process: Process) -> int:
        """Give the process its workload, or return the key of what it has to wait for."""
        image = process.image
        if image is None or not (image.cgroup_id or image.container_id):
            _give(process, HOST)
            return 0
        found = self._settled.get(image.cgroup_id)
        if found is None:
            found = self._table.workload(image.cgroup_id, image.container_id)
            if found is not None and not found.is_incomplete:
                self._keep_settled(image.cgroup_id, found)
        if found is None:
            home = self._table.home(image.cgroup_id)
            return home.id if home is not None else image.cgroup_id
        _give(process, found)
        return 0

    def _keep_settled(self, cgroup_id: int, workload: Workload) -> None:
        if cgroup_id in self._table.cgroups and len(self._settled) < _SETTLED:
            self._settled[cgroup_id] = workload

    def _forget_settled(self, _: Cgroup) -> None:
        self._settled.clear()

    def _settle_others(self, event: ProcessEvent) -> None:
        """Parent and ancestors never make an event wait: mostly they have had events before."""
        if event.parent is not None:
            self._settle(event.parent)
        for ancestor in event.ancestors:
            self._settle(ancestor)

    def _hold(self, key: int, event: ProcessEvent) -> None:
        while self._count >= self._max_events and self._queues:
            self._release(next(iter(self._queues)))
        queue = self._queues.setdefault(key, deque())
        queue.append(_Waiting(event, self._clock_s() + self._wait_s))
        self._count += 1
        self._waited += 1
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_LOOK_S, self._look)

    def _on_changed(self, key: int) -> None:
        queue = self._queues.get(key)
        if queue:
            now = self._try(queue[0].event.process)
            if not now:
                self._release(key)
            elif now != key:  # it turned out to be inside of another container
                del self._queues[key]
                self._queues.setdefault(now, deque()).extend(queue)

    def _release(self, key: int) -> None:
        """Publish what waits for a container, in order, with what is known now."""
        queue = self._queues.pop(key)
        self._count -= len(queue)
        events = [one.event for one in queue]
        for event in events:
            self._unknown += self._settle(event.process).is_incomplete
            self._settle_others(event)
        self._publish(events)

    def _settle(self, process: Process) -> Workload:
        """Give the process its workload, complete or not."""
        workload = process.workload
        if workload is None or workload.is_incomplete:
            image = process.image
            workload = HOST
            if image is not None and (image.cgroup_id or image.container_id):
                workload = self._table.best(image.cgroup_id, image.container_id)
            _give(process, workload)
        return workload

    def _look(self) -> None:
        self._timer = None
        now = self._clock_s()
        for key in [key for key, queue in self._queues.items() if queue[0].deadline_s <= now]:
            self._table.stop_waiting(key)
            self._release(key)
        if self._queues:
            self._timer = asyncio.get_running_loop().call_later(_LOOK_S, self._look)


def _is_marked(process: Process) -> bool:
    return process.workload is not None and process.workload.is_incomplete


def _give(process: Process, workload: Workload) -> None:
    if process.workload is not None:
        process.encoded = b""  # made when less was known
    process.workload = workload
