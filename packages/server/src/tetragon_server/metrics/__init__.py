# SPDX-License-Identifier: Apache-2.0
"""The agent's metrics, from counting to HTTP: the part of it that the agent wires up.

With metrics-server empty nothing of it runs: no event is counted and no library is loaded.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from tetragon_core.events import Event
    from tetragon_server.config import AgentConfig

    from .event_counts import EventCounts
    from .http_server import MetricsServer
    from .scrape import Sources

__all__ = ["AgentMetrics"]


class AgentMetrics:
    """One per agent."""

    def __init__(self, config: AgentConfig) -> None:
        self.counts: EventCounts | None = None
        """None when events are not to be counted."""
        if config.metrics_server and config.enable_event_metrics:
            from .event_counts import EventCounts  # noqa: PLC0415  # only if somebody may ask

            self.counts = EventCounts(config.metric_labels)
        self._server: MetricsServer | None = None

    @property
    def taps(self) -> Sequence[Callable[[Event], None]]:
        """What every event has to be given to."""
        return () if self.counts is None else (self.counts,)

    async def listen(self, sources: Sources, sockets: Sequence[socket.socket]) -> None:
        """Serve the page; without sockets nothing happens."""
        if not sockets:
            return
        from .http_server import MetricsServer  # noqa: PLC0415  # as the page
        from .page import CONTENT_TYPE, Page  # noqa: PLC0415  # 0.1 s: only with a metrics server

        self._server = MetricsServer(Page(sources).text, CONTENT_TYPE)
        await self._server.listen(sockets)

    def keep_house(self) -> None:
        """To be called now and then: gives up what did not happen for long."""
        if self.counts is not None:
            self.counts.give_up_idle(time.monotonic())

    def close(self) -> None:
        """Accept no more scrapes."""
        if self._server is not None:
            self._server.close()
