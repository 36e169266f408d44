# SPDX-License-Identifier: Apache-2.0
"""Events from the bus to sinks: chosen, limited, made JSON once, queued for each sink.

It lives in the event loop's thread and never blocks there; writing is done by `feed.py`'s threads.

    bus ─ selection, rate limit ─► its queue ─ JSON ─► a queue and a thread for each sink
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tetragon_core.stats import Counter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..bus import Bus
    from ..encode import EncodedEvent
    from .feed import Feed
    from .json_lines import JsonLines
    from .rate_limit import RateLimit
    from .selection import Selection
    from .sink import ExportedEvent

__all__ = ["ExportStatistics", "Exporter"]

_log = logging.getLogger(__name__)

_BATCH_EVENTS: Final = 64
"""About a millisecond of work; then the ring has its turn."""
_BATCH_BYTES: Final = 256 * 1024
REPORT_S: Final = 60.0
"""Between two lines about the rate limit."""
_ERRORS_LOGGED: Final = 10
_POLL_S: Final = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportStatistics:
    """Numbers of one sink for metrics, since the agent's start."""

    exported: int
    """Events written."""
    exported_bytes: int
    """With line ends, and with lines about the rate limit."""
    last_event_time_ns: int
    """Of the last event written, since the epoch; 0 before the first one."""
    rate_limited: int
    """Events the rate limit has kept out; the same for all sinks of an exporter."""
    lost: int
    """Events wanted that were not written, because queues were full or the agent ended."""
    too_large: int
    """Events no file has room for."""
    write_errors: int
    """Failed attempts to write; their events were tried again."""


class Exporter:
    """One selection of events, for one or more sinks."""

    def __init__(  # the parts it connects
        self,
        bus: Bus,
        selection: Selection,
        rate_limit: RateLimit,
        lines: JsonLines,
        feeds: Sequence[Feed],
        *,
        max_events: int,
    ) -> None:
        """It gets every event that is published from now on, also before start()."""
        self._bus = bus
        self._selection = selection
        self._rate_limit = rate_limit
        self._lines = lines
        self._feeds = tuple(feeds)
        self._subscription = bus.subscribe(view=self._view, max_events=max_events)
        self._has_left = False
        self._unsent = 0
        """Events that were not even made JSON: wrong ones, and those left at the end."""
        self._tasks: list[asyncio.Task[None]] = []

    def _view(self, event: EncodedEvent) -> bytes | None:
        """What is exported of an event; the limit is after all filters, as in Tetragon."""
        seen = self._selection.view(event)
        if seen is None or not self._rate_limit.take():
            return None
        return seen

    def start(self) -> None:
        """Begin to write, in the running event loop."""
        for feed in self._feeds:
            feed.start()
        loop = asyncio.get_running_loop()
        self._tasks = [loop.create_task(self._forward()), loop.create_task(self._report())]

    async def _forward(self) -> None:
        try:
            while batch := await self._subscription.take(_BATCH_EVENTS, _BATCH_BYTES):
                events = [event for payload in batch if (event := self._line(payload))]
                for feed in self._feeds:
                    feed.offer(events)
                await asyncio.sleep(0)
        finally:
            self._leave()

    def _leave(self) -> None:
        """Get no more events; those that were not taken are lost."""
        if not self._has_left:
            self._has_left = True
            self._unsent += self._subscription.queued
        self._bus.unsubscribe(self._subscription)

    def _line(self, payload: bytes) -> ExportedEvent | None:
        try:
            return self._lines.line(payload)
        except Exception:  # noqa: BLE001  # one event must not end the export of all others; it is counted
            self._unsent += 1
            if self._unsent <= _ERRORS_LOGGED:
                _log.exception("an event cannot be exported")
            return None

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(REPORT_S)
            self.report_rate_limit()

    def report_rate_limit(self) -> None:
        """Write a line about the events dropped since the last one, if there are any."""
        if dropped := self._rate_limit.take_report():
            info = self._lines.rate_limit_info(dropped)
            for feed in self._feeds:
                feed.offer([info])

    async def close(self, timeout_s: float) -> None:
        """Write what is queued, as far as the time allows, and count the rest as lost."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        self._subscription.close()
        if self._tasks:
            forward, report = self._tasks
            report.cancel()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(forward, timeout_s)
            self.report_rate_limit()
            for feed in self._feeds:
                feed.close()
            # Polled: a thread that ends does not wake the loop.
            while asyncio.get_running_loop().time() < deadline:
                if all(feed.has_ended for feed in self._feeds):
                    break
                await asyncio.sleep(_POLL_S)
        self._leave()
        for feed in self._feeds:
            feed.abandon()

    def statistics(self) -> Mapping[str, ExportStatistics]:
        """Numbers of each sink, by its name."""
        return {feed.sink.name: self._statistics(feed) for feed in self._feeds}

    def _statistics(self, feed: Feed) -> ExportStatistics:
        counts = feed.counts
        return ExportStatistics(
            exported=counts.written,
            exported_bytes=counts.written_bytes,
            last_event_time_ns=counts.last_time_ns,
            rate_limited=self._rate_limit.dropped,
            lost=counts.lost + self._subscription.dropped + self._unsent,
            too_large=counts.too_large,
            write_errors=counts.errors,
        )

    def counters(self) -> Mapping[Counter, int]:
        """Source for Stats. What the bus dropped is counted by the bus."""
        all_counts = [feed.counts for feed in self._feeds]
        return {
            Counter.EXPORTED: sum(one.written for one in all_counts),
            Counter.EXPORT_RATE_LIMITED: self._rate_limit.dropped,
            Counter.EXPORT_LOST: sum(one.lost for one in all_counts) + self._unsent,
            Counter.EXPORT_TOO_LARGE: sum(one.too_large for one in all_counts),
            Counter.EXPORT_ERRORS: sum(one.errors for one in all_counts),
        }
