# SPDX-License-Identifier: Apache-2.0
"""The agent's export as one part: made from the settings, started before the first event."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from .event_log_rpcs import EventLogRpcs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tetragon_core.stats import Counter

    from ..bus import Bus
    from ..config import AgentConfig
    from .export_file import ExportFile
    from .exporter import Exporter, ExportStatistics

__all__ = ["Export"]

_log = logging.getLogger(__name__)


class Export:
    """The export file and the other places that the settings name; one selection for all."""

    def __init__(self, config: AgentConfig, bus: Bus, *, node_name: str) -> None:
        """From here on it gets every event. Raises UsageError for settings that cannot be used."""
        self._file: ExportFile | None = None
        self._exporter: Exporter | None = None
        per_minute = config.export_events_per_minute if config.has_export else 0
        if per_minute != 0:
            self._open(config, bus, node_name, per_minute)
        self.rpcs = EventLogRpcs(self._file)

    def _open(self, config: AgentConfig, bus: Bus, node_name: str, per_minute: int) -> None:
        # Few agents export, and their start need not wait for it.
        from .exporter import Exporter  # noqa: PLC0415  # see above
        from .json_lines import JsonLines  # noqa: PLC0415  # see above
        from .rate_limit import RateLimit  # noqa: PLC0415  # see above
        from .selection import Selection  # noqa: PLC0415  # see above
        from .sinks import open_feeds  # noqa: PLC0415  # see above

        self._selection = Selection(config)
        self._rate_limit = RateLimit(per_minute, time.monotonic)
        feeds = open_feeds(config, node_name)
        if config.export_filename:
            from .export_file import ExportFile  # noqa: PLC0415  # gzip and more, for this only

            self._file = ExportFile(config)
            feeds.append(self._file.feed)
        self._exporter = Exporter(
            bus,
            self._selection,
            self._rate_limit,
            JsonLines(node_name=node_name, cluster_name=config.cluster_name),
            feeds,
            # All processes that run already come at once.
            max_events=max(config.event_queue_size, config.process_cache_size),
        )

    def start(self) -> None:
        """Begin to write, in the running event loop."""
        if self._exporter is not None:
            self._exporter.start()
        if self._file is not None:
            self._file.start()

    async def close(self, timeout_s: float) -> None:
        """Write what is queued, as far as the time allows."""
        if self._file is not None:
            self._file.stop()
        if self._exporter is not None:
            await self._exporter.close(timeout_s)

    def reload(self, config: AgentConfig) -> None:
        """Take over limits and filters; UsageError leaves all as it was."""
        if self._exporter is None:
            if config.has_export and config.export_events_per_minute != 0:
                _log.warning(
                    "nothing is exported before a restart: export-rate-limit was 0 at the start"
                )
            return
        self._selection.reload(config)
        self._rate_limit.set(config.export_events_per_minute)
        if self._file is not None:
            self._file.reload(config)

    def statistics(self) -> Mapping[str, ExportStatistics]:
        """Numbers by sink; none without an export."""
        return {} if self._exporter is None else self._exporter.statistics()

    def counters(self) -> Mapping[Counter, int]:
        """Source for Stats."""
        return {} if self._exporter is None else self._exporter.counters()
