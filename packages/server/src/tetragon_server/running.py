# SPDX-License-Identifier: Apache-2.0
"""The running agent: every part wired to the others, from the attached sensor to the last stream.

One thread, one event loop:

    ring ─ drain ─► observer ─ events ─► encoder ─ bytes ─► bus ─► a queue for each subscriber
"""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from tetragon_core.cache import ProcessCache
from tetragon_core.clock import BootClock
from tetragon_core.ids import node_name
from tetragon_core.observer import Observer
from tetragon_core.users import UserNames

from .access.audit import AuditLog
from .answers import Answers
from .bus import Bus
from .encode import EventEncoder, fallback_suffix
from .export.assembly import Export
from .filter_rules import FilterRules
from .grpc_server import GrpcServer
from .health import health_service
from .heap import timed_collection
from .history import History
from .host import passwd_file
from .inspection import InspectionRpcs
from .kernel_features import InfoRpc
from .logs import ConfiguredLevel
from .metrics import AgentMetrics
from .metrics.scrape import MeasuredSensor, Sources
from .policies.assembly import Policies
from .process_message import ProcessBuilder
from .pump import Pump, RecordSource
from .redaction import read_redaction
from .runtime_files import agent_info, info_file
from .runtime_hook import RuntimeHookRpc
from .service import ApiService
from .serving import ApiServer
from .settings.effective import effective_values
from .settings.reloading import Reloading
from .stop_signals import stop_signal

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping

    from tetragon_core.enforcement import EnforcementLimits
    from tetragon_core.messages import Namespaces
    from tetragon_core.procfs import ProcScanner
    from tetragon_core.stats import Counter, Stats

    from .config import AgentConfig
    from .endpoints import Endpoints
    from .policies.engine import Ask, EarlierRuns, PolicyEngine
    from .settings.reloading import Reload

    OpenEngine = Callable[
        ["Sensor", Namespaces | None, Ask | None, EnforcementLimits], PolicyEngine
    ]
    OpenEarlier = Callable[[Path], EarlierRuns | None]

__all__ = ["Agent", "Sensor"]

_log = logging.getLogger(__name__)

_THROTTLING_S = 1
"""How often the end of a throttling is looked for; as Tetragon."""
_DRAIN_S = 0.7
"""For what is queued when the agent stops; all of the stop may take two seconds."""
_EXPORT_S = 0.5
"""For writing what the export has queued by then; a disk that hangs must not keep the agent."""


class Sensor(RecordSource, MeasuredSensor, Protocol):
    """What the agent needs of the base sensor. It is attached when it is entered."""

    def counters(self) -> Mapping[Counter, int]:
        """Losses on the kernel's side, since the sensor was attached."""

    def missed(self) -> Mapping[Counter, int]:
        """Runs of its programs the kernel skipped; costs system calls."""

    def last_excess_ns(self, cgroup_id: int) -> int | None:
        """When a cgroup last exceeded cgroup-rate; None when it is not known."""


class Agent:
    """The parts that live as long as the agent."""

    def __init__(
        self,
        config: AgentConfig,
        sensor: Sensor,
        stats: Stats,
        scanner: ProcScanner,
        open_engine: OpenEngine,
        limits: EnforcementLimits,
        open_earlier: OpenEarlier = lambda _: None,
        reread: Callable[[], AgentConfig] | None = None,
    ) -> None:
        self._config = config
        self.reloads: list[Reload] = []
        """Called with the settings at each SIGHUP; parts that follow them are entered here."""
        self._reloading = Reloading(config, reread, self.reloads)
        self.probe: Callable[[], Mapping[str, bool]] = dict  # features of the kernel
        self.reloads.append(ConfiguredLevel(config).reload)
        self._sensor = sensor
        self._stats = stats
        self._scanner = scanner
        self._missed = sensor.missed()
        self._clock = BootClock()
        self._cache = ProcessCache(stats, capacity=config.process_cache_size)
        self._bus = Bus(
            max_events=config.event_queue_size,
            max_bytes=config.event_queue_bytes,
            max_total_bytes=config.event_queue_total_bytes,
        )
        stats.add_source(self._bus.counters)
        self._audit = AuditLog(config.audit_log, stats)
        stats.add_source(lambda: self._missed)
        node = node_name()
        self.export = Export(config, self._bus, node_name=node)
        self.reloads.append(self.export.reload)
        stats.add_source(self.export.counters)
        self._observer = Observer(
            self._cache,
            self._clock,
            stats,
            node_name=node,
            redaction=read_redaction(config.redaction_filters),
            environment_names=config.environment_names,
        )
        host = self._host_namespaces()
        builder = self._process_builder(host)
        self._inspection = InspectionRpcs(self._cache, builder, config.procfs)
        encoder = EventEncoder(
            builder,
            node_name=node,
            cluster_name=config.cluster_name,
            expose_addresses=config.expose_stack_addresses,
        )
        self._policies = Policies(
            config,
            lambda ask: open_engine(sensor, host, ask, limits),
            limits,
            lambda: open_earlier(config.keep_root),
            self._audit.of_file,
        )
        self.reloads.append(lambda _: self._policies.look_again())
        stats.add_source(self._policies.requests.counters)
        stats.add_source(self._policies.manager.counters)
        history = _history(config)
        self._metrics = AgentMetrics(config)
        self._pump = Pump(
            sensor,
            self._observer,
            encoder,
            self._bus,
            stats,
            ancestors=config.ancestor_types,
            more_losses=self._policies.manager.losses,
            notice=self._tell_fallbacks,
            taps=(*self._metrics.taps, *((history.add,) if history else ())),
        )
        if history is not None:
            self._bus.tap_losses(history.note_lost)
        self._history = None if history is None else (history, encoder)

    def _tell_fallbacks(self) -> None:
        """The event of the kill that was one too many comes with the news, or right before it."""
        for entry in self._policies.manager.new_fallbacks():
            self._bus.tell(fallback_suffix(entry))

    def _process_builder(self, host: Namespaces | None) -> ProcessBuilder:
        with_users = self._config.username_metadata == "unix"
        return ProcessBuilder(
            with_credentials=self._config.enable_process_cred,
            with_namespaces=self._config.enable_process_ns,
            host=host,
            users=UserNames(passwd_file(Path(self._config.procfs))) if with_users else None,
        )

    def _host_namespaces(self) -> Namespaces | None:
        """Those of pid 1; where it hides them even from root, our own are the best guess."""
        seen = self._scanner.host_namespaces()
        if seen is None:
            own = self._scanner.try_read(os.getpid())
            seen = own.namespaces if own else None
        return seen

    async def serve(self, endpoints: Endpoints) -> None:
        """Everything between the attached sensor and the end of the last stream."""
        stopped = stop_signal(self._reloading.reload)
        self.export.start()
        try:
            self._find_running_processes()
            self._pump.start()
            await self._policies.start()
            await self._listen(endpoints, stopped)
        finally:
            await self._policies.close(is_clean=stopped.is_set())
            await self.export.close(_EXPORT_S)

    async def _listen(self, endpoints: Endpoints, stopped: asyncio.Event) -> None:
        runtime_hook = RuntimeHookRpc(self._stats)
        answers = self._answers()
        info_rpc = InfoRpc(answers, self.probe, self._policies.worker.run)
        parts = (self._policies.rpcs, self._inspection, self.export.rpcs, runtime_hook, info_rpc)
        more = {name: answer for part in parts for name, answer in part.answers().items()}
        rules = FilterRules(
            with_process_cred=self._config.enable_process_cred,
            ancestors=self._config.ancestor_types,
        )
        service = ApiService(self._bus, answers, more, self._history, rules)
        api = ApiServer(self._config, service, self._audit)
        self._stats.add_source(api.counters)
        self.reloads.append(api.reload)
        health = GrpcServer([health_service()])
        info = agent_info(
            server_address=endpoints.advertised,
            metrics_address=self._config.metrics_server,
            export_filename=self._config.export_filename,
        )
        with timed_collection(), info_file(Path(self._config.run_dir), info):
            await api.listen(endpoints.grpc)
            await health.listen(endpoints.health)
            await self._metrics.listen(self._measured(), endpoints.metrics)
            tasks = [asyncio.create_task(work) for work in self._background()]
            _log.info("agent is ready", extra={"attrs": {"server": endpoints.advertised}})
            await stopped.wait()
            self._pump.stop()
            for task in tasks:
                task.cancel()
            self._metrics.close()
            await self._bus.drain(_DRAIN_S)
            await asyncio.gather(api.stop(), health.stop())

    def _find_running_processes(self) -> None:
        """The sensor is attached, so its records overlap with the walk: nothing lies between.

        The observer gets the walk together with the records that came meanwhile, and leaves each
        image to the one of the two that knows it better; the records themselves follow.
        """
        scanned = list(self._scanner.scan())
        records = self._pump.drain_all()
        self._pump.publish(self._observer.add_scanned(scanned, records))
        self._pump.feed(records)
        _log.info("running processes are known", extra={"attrs": {"count": len(scanned)}})

    def _background(self) -> Iterator[Coroutine[None, None, None]]:
        yield self._keep_house()
        if self._config.rate is not None:
            yield self._end_throttling()

    async def _end_throttling(self) -> None:
        while True:
            await asyncio.sleep(_THROTTLING_S)
            throttling = self._observer.throttling
            now_ns = self._clock.boot_ns()
            self._pump.publish(throttling.end(now_ns, self._sensor.last_excess_ns))

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(self._config.process_cache_gc_interval)
            self._missed = self._sensor.missed()
            self._tell_fallbacks()
            self._clock.measure()
            self._cache.collect(self._clock.boot_ns())
            self._metrics.keep_house()

    def _answers(self) -> Answers:
        probes = {"btf": Path("/sys/kernel/btf/vmlinux").exists()}
        return Answers(lambda: effective_values(self._reloading.config), self._stats, probes)

    def _measured(self) -> Sources:
        return Sources(
            config=self._config,
            node_name=node_name(),
            stats=self._stats,
            cache=self._cache,
            bus=self._bus,
            sensor=self._sensor,
            policies=self._policies.manager.entries,
            hits=self._policies.received,
            events=self._metrics.counts,
            exports=self.export.statistics,
        )


def _history(config: AgentConfig) -> History | None:
    if not config.event_history_size:
        return None
    return History(max_events=config.event_history_size, max_bytes=config.event_history_bytes)
