# SPDX-License-Identifier: Apache-2.0
"""From the sensor's records to the bus, with what is remembered on the way.

    ring ─ drain ─► observer ─ events ─► taps, encoder ─ bytes ─► bus

Who subscribes, and policies, are not known here.
"""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from tetragon_core.cache import ProcessCache
from tetragon_core.clock import BootClock
from tetragon_core.observer import Observer
from tetragon_core.stats import Counter
from tetragon_core.users import UserNames

from .association import Association
from .cgroup_walk import CgroupWalk, host_cgroups
from .container_cgroups import ContainerCgroups
from .encode import EventEncoder
from .history import History
from .host import own_cgroup_namespace, passwd_file
from .metrics.measured import MeasuredSensor
from .process_message import DOCKER_LENGTH, MAX_ID_LENGTH, ProcessBuilder
from .pump import Pump, RecordSource

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence

    from tetragon_core.events import Event
    from tetragon_core.messages import Namespaces
    from tetragon_core.procfs import ProcScanner
    from tetragon_core.redaction import Redaction
    from tetragon_core.stats import Stats
    from tetragon_core.workloads.table import WorkloadTable

    from .bus import Bus
    from .config import AgentConfig
    from .container_cgroups import KernelTable

__all__ = ["Pipeline", "Sensor", "host_namespaces"]

_log = logging.getLogger(__name__)

_THROTTLING_S: Final = 1
"""How often the end of a throttling is looked for; as Tetragon."""


class Sensor(RecordSource, MeasuredSensor, Protocol):
    """What the agent needs of the base sensor. It is attached when it is entered."""

    @property
    def containers(self) -> KernelTable:
        """Where programs look up which cgroups are in containers."""

    def counters(self) -> Mapping[Counter, int]:
        """Losses on the kernel's side, since the sensor was attached."""

    def missed(self) -> Mapping[Counter, int]:
        """Runs of its programs the kernel skipped; costs system calls."""

    def last_excess_ns(self, cgroup_id: int) -> int | None:
        """When a cgroup last exceeded cgroup-rate; None when it is not known."""


class Pipeline:
    """One per agent; used from its event loop."""

    def __init__(  # noqa: PLR0913  # where records come from, and where events go
        self,
        config: AgentConfig,
        sensor: Sensor,
        stats: Stats,
        scanner: ProcScanner,
        bus: Bus,
        host: Namespaces | None,
        *,
        node_name: str,
        losses: Callable[[], int],
        notice: Callable[[], object],
        taps: Sequence[Callable[[Event], object]],
        workloads: WorkloadTable,
    ) -> None:
        """`losses`, `notice` and `taps` are the pump's; the history becomes a tap as well."""
        self._sensor = sensor
        self._scanner = scanner
        self._has_rate = config.rate is not None
        self._missed = sensor.missed()
        stats.add_source(lambda: self._missed)
        self._clock = BootClock()
        self.cache = ProcessCache(stats, capacity=config.process_cache_size)
        self._observer = Observer(
            self.cache,
            self._clock,
            stats,
            node_name=node_name,
            redaction=_redaction(config),
            environment_names=config.environment_names,
            cgroups=workloads.cgroups,
        )
        self._cgroups = workloads.cgroups
        self._walk = CgroupWalk(self._cgroups, host_cgroups(config.procfs, scanner.hierarchy))
        self._in_cgroup_namespace = host is not None and host.cgroup != own_cgroup_namespace()
        self._containers = ContainerCgroups(workloads, sensor.containers)
        self._lost_cgroups = 0
        self._notice = notice
        self._association = Association(
            workloads,
            self._publish_complete,
            wait_s=config.pod_wait_s,
            max_events=config.event_waiting_size,
        )
        stats.add_source(self._association.counters)
        stats.add_source(lambda: {Counter.CGROUPS_REFUSED: workloads.cgroups.refused})
        self.builder = _process_builder(config, host)
        self.encoder = EventEncoder(
            self.builder,
            node_name=node_name,
            cluster_name=config.cluster_name,
            expose_addresses=config.expose_stack_addresses,
        )
        self.history = _history(config)
        self._pump = Pump(
            sensor,
            self._observer,
            self.encoder,
            bus,
            stats,
            ancestors=config.ancestor_types,
            more_losses=losses,
            notice=self._before_batch,
            taps=(*taps, *((self.history.add,) if self.history else ())),
            complete=self._association.complete,
        )
        if self.history is not None:
            bus.tap_losses(self.history.note_lost)

    def start(self) -> None:
        """Publish what runs already, then records as they come.

        Cgroups first, so that each process finds its own.

        The sensor is attached, so its records overlap with the walk: nothing lies between. The
        observer gets the walk together with the records that came meanwhile, and leaves each
        image to the one of the two that knows it better; the records themselves follow.
        """
        self._walk.enter_all()
        if self._in_cgroup_namespace:  # then our own mount shows only what is inside of that
            self._scanner.cgroup_root = self._walk.path_of(self._scanner.hierarchy.mount)
        scanned = list(self._scanner.scan())
        records = self._pump.drain_all()
        self._pump.publish(self._observer.add_scanned(scanned, records))
        self._pump.feed(records)
        _log.info("running processes are known", extra={"attrs": {"count": len(scanned)}})
        self._pump.start()

    def stop(self) -> None:
        """Publish what is there, and no more."""
        self._pump.stop()
        self._association.release_all()

    def _publish_complete(self, events: Sequence[Event]) -> None:
        self._pump.publish_complete(events)

    def background(self) -> Iterator[Coroutine[None, None, None]]:
        """What has to run beside it."""
        yield self._walk.keep_right()
        if self._has_rate:
            yield self._end_throttling()

    def _before_batch(self) -> None:
        lost = self._sensor.counters().get(Counter.RING_LOST_CGROUP, 0)
        if lost != self._lost_cgroups:
            self._lost_cgroups = lost
            self._cgroups.doubt()
        self._notice()

    async def _end_throttling(self) -> None:
        while True:
            await asyncio.sleep(_THROTTLING_S)
            throttling = self._observer.throttling
            now_ns = self._clock.boot_ns()
            self._pump.publish(throttling.end(now_ns, self._sensor.last_excess_ns))

    def reload(self, config: AgentConfig) -> None:
        """Take over redaction filters, for programs that start from now on."""
        self._observer.redact_with(_redaction(config))

    def keep_house(self) -> None:
        """Now and then: clocks drift apart, and what ended long ago is forgotten."""
        self._missed = self._sensor.missed()
        self._clock.measure()
        self.cache.collect(self._clock.boot_ns())


def host_namespaces(scanner: ProcScanner) -> Namespaces | None:
    """Those of pid 1; where it hides them even from root, our own are the best guess."""
    seen = scanner.host_namespaces()
    if seen is None:
        own = scanner.try_read(os.getpid())
        seen = own.namespaces if own else None
    return seen


def _process_builder(config: AgentConfig, host: Namespaces | None) -> ProcessBuilder:
    with_users = config.username_metadata == "unix"
    return ProcessBuilder(
        with_credentials=config.enable_process_cred,
        with_namespaces=config.enable_process_ns,
        host=host,
        users=UserNames(passwd_file(Path(config.procfs))) if with_users else None,
        docker_length=MAX_ID_LENGTH if config.enable_cgidmap else DOCKER_LENGTH,
    )


def _redaction(config: AgentConfig) -> Redaction | None:
    if not config.redaction_filters.strip():
        return None
    from .redaction import read_redaction  # noqa: PLC0415  # only with filters

    return read_redaction(config.redaction_filters)


def _history(config: AgentConfig) -> History | None:
    if not config.event_history_size:
        return None
    return History(max_events=config.event_history_size, max_bytes=config.event_history_bytes)
