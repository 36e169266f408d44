# SPDX-License-Identifier: Apache-2.0
"""The agent's state as metrics see it: what can be asked, and one reading of it.

A reading lives as long as one scrape, and asks for each thing at most once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tetragon_core.cache import ProcessCache
    from tetragon_core.hooks import HookEvent
    from tetragon_core.program_runs import ProgramRuns
    from tetragon_core.stats import Counter, Stats
    from tetragon_server.bus import Bus
    from tetragon_server.config import AgentConfig
    from tetragon_server.export.exporter import ExportStatistics
    from tetragon_server.policies.entry import PolicyEntry

    from .event_counts import EventCounts
    from .measured import MeasuredSensor

__all__ = ["PolicyRuns", "Scrape", "Sources"]

_BASE: Final = "__base__"
_FILE: Final = "file"
_STATISTICS: Final = Path("/proc/sys/kernel/bpf_stats_enabled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Parts of the agent that are read; nothing is read before somebody scrapes."""

    config: AgentConfig
    node_name: str
    stats: Stats
    cache: ProcessCache
    bus: Bus
    sensor: MeasuredSensor
    policies: Callable[[], Sequence[PolicyEntry]]
    hits: Callable[[], Mapping[HookEvent, int]]
    """Of all policies, by type."""
    events: EventCounts | None
    """None when enable-event-metrics is off."""
    exports: Callable[[], Mapping[str, ExportStatistics]]
    """By the name of the place events are written to."""


@dataclass(frozen=True, slots=True)
class PolicyRuns:
    """A program and the policy it belongs to."""

    policy: str
    namespace: str
    program: ProgramRuns


class Scrape:
    """One reading. Its properties raise TetragonError or OSError when the kernel refuses."""

    def __init__(self, sources: Sources, *, unreadable: int = 0) -> None:
        self.sources = sources
        self.unreadable = unreadable
        """Metrics left out so far because they could not be read, of all scrapes."""

    @cached_property
    def counters(self) -> Mapping[Counter, int]:
        """The agent's own counters."""
        return self.sources.stats.snapshot()

    @cached_property
    def received(self) -> Mapping[str, int]:
        """Records by the name of their kind."""
        return self.sources.sensor.received()

    @cached_property
    def hits(self) -> Mapping[HookEvent, int]:
        """Hits of policies by type."""
        return self.sources.hits()

    @cached_property
    def policies(self) -> Sequence[tuple[PolicyEntry, Mapping[str, int]]]:
        """Each policy with its counters."""
        return [(entry, entry.counters()) for entry in self.sources.policies()]

    @cached_property
    def programs(self) -> Sequence[PolicyRuns]:
        """Every program that is loaded."""
        found = [PolicyRuns(_BASE, "", one) for one in self.sources.sensor.program_runs()]
        for entry in self.sources.policies():
            name, namespace, _ = entry.key
            runs = () if entry.loaded is None else entry.loaded.program_runs()
            found += [PolicyRuns(name, namespace, one) for one in runs]
        return found

    @cached_property
    def export_file(self) -> ExportStatistics | None:
        """Of the export file; None when there is none."""
        return self.sources.exports().get(_FILE)

    @cached_property
    def counts_runs(self) -> bool:
        """Whether the kernel counts the runs of programs: it says 0 of all of them otherwise."""
        if self.sources.config.enable_program_stats:
            return True
        try:
            return _STATISTICS.read_text(encoding="ascii").strip() != "0"
        except OSError:
            return False
