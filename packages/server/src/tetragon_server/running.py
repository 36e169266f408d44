# SPDX-License-Identifier: Apache-2.0
"""The running agent: its parts wired to each other, from the attached sensor to the last stream.

One thread, one event loop. How records become events is in `pipeline.py`.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tetragon_core.ids import node_name
from tetragon_core.workloads.cgroup_table import CgroupTable
from tetragon_core.workloads.table import WorkloadTable

from .access.audit import AuditLog
from .announcements import Announcements
from .answers import Answers
from .bus import Bus
from .cgroup_walk import host_cgroups
from .encode import fallback_suffix
from .export.assembly import Export
from .filter_rules import FilterRules
from .grpc_server import GrpcServer
from .health import health_service
from .heap import timed_collection
from .inspection import InspectionRpcs
from .kernel_features import InfoRpc
from .logs import ConfiguredLevel
from .metrics import AgentMetrics
from .pipeline import Pipeline, Sensor, host_namespaces
from .policies.assembly import Policies
from .runtime_files import agent_info, info_file
from .runtime_hook import RuntimeHookRpc
from .service import ApiService
from .service_manager import ServiceManager
from .serving import ApiServer
from .settings.effective import effective_values
from .settings.reloading import Reloading
from .stop_signals import stop_signal
from .surroundings import Place, open_surroundings

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping

    from tetragon_core.enforcement import EnforcementLimits
    from tetragon_core.messages import Namespaces
    from tetragon_core.procfs import ProcScanner
    from tetragon_core.stats import Stats

    from .config import AgentConfig
    from .endpoints import Endpoints
    from .metrics.scrape import Sources
    from .policies.engine import Ask, EarlierRuns, PolicyEngine
    from .settings.reloading import Reload

    OpenEngine = Callable[[Sensor, Namespaces | None, Ask | None, EnforcementLimits], PolicyEngine]
    OpenEarlier = Callable[[Path], EarlierRuns | None]

__all__ = ["Agent", "Sensor"]

_log = logging.getLogger(__name__)

_DRAIN_S: Final = 0.7
"""For what is queued when the agent stops; all of the stop may take two seconds."""
_EXPORT_S: Final = 0.5
"""For writing what the export has queued by then; a disk that hangs must not keep the agent."""


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
        self.probe: Callable[[], Mapping[str, bool]] = dict  # features of the kernel
        self.service_manager = ServiceManager()
        self._sensor = sensor
        self._stats = stats
        self._node_name = node_name()
        self._bus = Bus(
            max_events=config.event_queue_size,
            max_bytes=config.event_queue_bytes,
            max_total_bytes=config.event_queue_total_bytes,
        )
        self._audit = AuditLog(config.audit_log)
        self.export = Export(config, self._bus, node_name=self._node_name)
        host = host_namespaces(scanner)
        self._workloads = WorkloadTable(CgroupTable(), gone_pods=config.deleted_pod_cache_size)
        self._policies = Policies(
            config,
            lambda ask: open_engine(sensor, host, ask, limits),
            limits,
            lambda: open_earlier(config.keep_root),
            self._audit.of_file,
            self._workloads,
        )
        for source in (
            self._bus.counters,
            self._audit.counters,
            self.export.counters,
            self._policies.requests.counters,
            self._policies.manager.counters,
            self._policies.filters.counters,
        ):
            stats.add_source(source)
        self._announcements = Announcements(
            self._workloads,
            Path(host_cgroups(config.procfs, scanner.hierarchy)),
            stats,
            is_needed=lambda: bool(self._policies.filters),
        )
        self._surroundings = open_surroundings(
            Place(
                config=config,
                table=self._workloads,
                stats=stats,
                node_name=self._node_name,
                policies=self._policies,
                announce=self._announcements.announce,
            )
        )
        self._metrics = AgentMetrics(config)
        self._pipeline = Pipeline(
            config,
            sensor,
            stats,
            scanner,
            self._bus,
            host,
            node_name=self._node_name,
            losses=self._policies.manager.losses,
            notice=self._tell_fallbacks,
            taps=self._metrics.taps,
            workloads=self._workloads,
        )
        self.reloads: list[Reload] = [
            ConfiguredLevel(config).reload,
            self._pipeline.reload,
            self.export.reload,
            self._policies.reload,
        ]
        """Called with the settings at each SIGHUP; parts that follow them are entered here."""
        self._reloading = Reloading(config, reread, self.reloads)

    def _tell_fallbacks(self) -> None:
        """The event of the kill that was one too many comes with the news, or right before it."""
        for entry in self._policies.manager.new_fallbacks():
            self._bus.tell(fallback_suffix(entry))

    async def serve(self, endpoints: Endpoints) -> None:
        """Everything between the attached sensor and the end of the last stream."""
        stopped = stop_signal(self.service_manager.reloading(self._reloading.reload))
        self.service_manager.starting("loading policies")
        self.export.start()
        try:
            for one in self._surroundings:
                await one.start()
            self._pipeline.start()
            await self._policies.start()
            await self._listen(endpoints, stopped)
        finally:
            for one in reversed(self._surroundings):
                await one.close()
            await self._policies.close(is_clean=stopped.is_set())
            await self.export.close(_EXPORT_S)
            self._audit.close()

    async def _listen(self, endpoints: Endpoints, stopped: asyncio.Event) -> None:
        api = ApiServer(self._config, self._service(), self._audit)
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
            if endpoints.metrics:
                await self._metrics.listen(self._measured(), endpoints.metrics)
            tasks = [asyncio.create_task(work) for work in self._background()]
            _log.info("agent is ready", extra={"attrs": {"server": endpoints.advertised}})
            self.service_manager.ready(f"listening at {endpoints.advertised}")
            await stopped.wait()
            self.service_manager.stopping()
            self._pipeline.stop()
            for task in tasks:
                task.cancel()
            self._metrics.close()
            await self._bus.drain(_DRAIN_S)
            await asyncio.gather(api.stop(), health.stop())

    def _service(self) -> ApiService:
        """The rpcs, each answered by the part that knows."""
        config, pipeline = self._config, self._pipeline
        answers = Answers(
            lambda: effective_values(self._reloading.config), self._stats, self._probes()
        )
        parts = (
            self._policies.rpcs,
            InspectionRpcs(pipeline.cache, pipeline.builder, config.procfs),
            self.export.rpcs,
            RuntimeHookRpc(self._announcements),
            InfoRpc(answers, self.probe, self._policies.worker.run),
        )
        more = {name: answer for part in parts for name, answer in part.answers().items()}
        rules = FilterRules(
            with_process_cred=config.enable_process_cred, ancestors=config.ancestor_types
        )
        history = None if pipeline.history is None else (pipeline.history, pipeline.encoder)
        return ApiService(self._bus, answers, more, history, rules)

    @staticmethod
    def _probes() -> Mapping[str, bool]:
        return {"btf": Path("/sys/kernel/btf/vmlinux").exists()}

    def _background(self) -> Iterator[Coroutine[None, None, None]]:
        yield self._keep_house()
        yield from self._pipeline.background()

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(self._config.process_cache_gc_interval)
            self._tell_fallbacks()
            self._pipeline.keep_house()
            self._metrics.keep_house()

    def _measured(self) -> Sources:
        from .metrics.scrape import Sources  # noqa: PLC0415  # only if somebody may ask

        return Sources(
            config=self._config,
            node_name=self._node_name,
            stats=self._stats,
            cache=self._pipeline.cache,
            bus=self._bus,
            sensor=self._sensor,
            policies=self._policies.manager.entries,
            hits=self._policies.received,
            events=self._metrics.counts,
            exports=self.export.statistics,
        )
