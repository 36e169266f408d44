# SPDX-License-Identifier: Apache-2.0
"""Between the exporter and one sink: a bounded queue, a thread that may block, and its retries.

A sink that cannot write keeps its events here and disturbs neither the event loop nor other sinks.
What the queue has no room for is counted and told when the sink works again.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tetragon import events_pb2 as pb

from .sink import SinkError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .sink import ExportedEvent, Sink

__all__ = ["Feed", "FeedCounts"]

_log = logging.getLogger(__name__)

_BATCH_EVENTS: Final = 1024
_BATCH_BYTES: Final = 1024 * 1024
RETRIES_S: Final = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Pauses after failures in a row; the last one repeats."""


@dataclass(slots=True)
class FeedCounts:
    """What became of the events of one sink, since the agent's start."""

    written: int = 0
    """Without the lines that tell of the rate limit."""
    written_bytes: int = 0
    last_time_ns: int = 0
    """Time of the last event written."""
    lost: int = 0
    """Did not fit into the queue, were left in it when the agent stopped, or refused for good."""
    too_large: int = 0
    errors: int = 0
    """Failed attempts to write."""


class Feed:
    """Owns a sink and the thread that calls it."""

    def __init__(
        self,
        sink: Sink,
        *,
        max_events: int,
        max_bytes: int,
        retries_s: Sequence[float] = RETRIES_S,
        gather_s: float = 0.0,
    ) -> None:
        """`gather_s`: how long events are gathered after the first one, unless a batch is full."""
        self.sink = sink
        self.counts = FeedCounts()
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._retries_s = retries_s
        self._gather_s = gather_s
        self._queue: deque[ExportedEvent] = deque()
        self._queued_bytes = 0
        self._calls: deque[Callable[[], None]] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._failures = 0
        self._told_error = ""
        self._lost_before = 0
        self._refused = 0
        # A daemon: a write that never returns must not keep the agent from ending.
        self._thread = threading.Thread(target=self._run, name=f"export-{sink.name}", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def offer(self, events: Iterable[ExportedEvent]) -> None:
        """Queue what has room; never waits."""
        limit = self.sink.max_line_bytes
        with self._changed:
            for event in events:
                size = len(event.line)
                if size > limit:
                    self._count_too_large(size, limit)
                elif len(self._queue) < self._max_events and (
                    self._queued_bytes + size <= self._max_bytes or not self._queue
                ):
                    self._queue.append(event)
                    self._queued_bytes += size
                else:
                    self.counts.lost += 1
            self._changed.notify()

    def call(self, function: Callable[[], None]) -> None:
        """Have the sink's thread call it between two writes, soon; a SinkError is logged.

        While a sink hangs, what is asked for again waits once only.
        """
        with self._changed:
            if function not in self._calls:
                self._calls.append(function)
            self._changed.notify()

    def close(self) -> None:
        """Write what is queued, once, and end; does not wait for it."""
        with self._changed:
            self._closing = True
            self._changed.notify()

    @property
    def has_ended(self) -> bool:
        """True when everything is written, or given up."""
        return not self._thread.is_alive()

    def abandon(self) -> None:
        """Count what is still queued as lost: the agent ends without it."""
        with self._changed:
            left = len(self._queue)
            self.counts.lost += left
        if left:
            attrs = {"sink": self.sink.name, "events": left}
            _log.error("the agent ends before all events are exported", extra={"attrs": attrs})

    def _count_too_large(self, size: int, limit: int) -> None:
        self.counts.too_large += 1
        attrs = {"sink": self.sink.name, "bytes": size, "limit": limit}
        _log.warning("an event is too large to be exported", extra={"attrs": attrs})

    def _run(self) -> None:
        while True:
            self._wait()
            self._make_calls()
            if batch := self._batch():
                self._write(batch)
            if self._closing and (self._failures or not self._queue):
                break
        self.sink.close()

    def _wait(self) -> None:
        """Return when there is something to do, or after a failure when its pause is over."""
        with self._changed:
            if self._failures and not self._closing:
                pause = self._retries_s[min(self._failures, len(self._retries_s)) - 1]
                self._changed.wait_for(lambda: self._closing or self._calls, pause)
            else:
                self._changed.wait_for(lambda: self._closing or self._calls or self._queue)
                if self._gather_s:
                    self._changed.wait_for(self._is_batch_full, self._gather_s)

    def _is_batch_full(self) -> bool:
        is_urgent = self._closing or bool(self._calls)
        return is_urgent or len(self._queue) >= _BATCH_EVENTS or self._queued_bytes >= _BATCH_BYTES

    def _make_calls(self) -> None:
        while self._calls:
            try:
                self._calls.popleft()()
            except SinkError as error:
                self._tell(error)

    def _batch(self) -> list[ExportedEvent]:
        """The oldest events; they stay queued until they are written."""
        batch: list[ExportedEvent] = []
        size = 0
        with self._changed:
            for event in self._queue:
                size += len(event.line)
                if batch and (size > _BATCH_BYTES or len(batch) == _BATCH_EVENTS):
                    break
                batch.append(event)
        return batch

    def _write(self, batch: Sequence[ExportedEvent]) -> None:
        try:
            self.sink.write(batch)
        except SinkError as error:
            self._take_off(batch[: error.written])
            self._tell(error)
            return
        except Exception as error:  # noqa: BLE001  # counted; whatever a sink's library raises
            self._tell(SinkError(f"internal error of the sink: {error!r}"))
            return
        self._take_off(batch)
        if self._failures:
            self._tell_recovery()

    def _take_off(self, written: Sequence[ExportedEvent]) -> None:
        counts = self.counts
        with self._changed:
            for event in written:
                self._queue.popleft()
                self._queued_bytes -= len(event.line)
                counts.written_bytes += len(event.line) + 1
                if event.kind != pb.RATE_LIMIT_INFO:
                    counts.written += 1
                    counts.last_time_ns = event.time_ns
            refused = self.sink.refused - self._refused
            self._refused += refused
            counts.written -= refused
            counts.lost += refused

    def _tell(self, error: SinkError) -> None:
        """One line for each new reason, not for each attempt."""
        self.counts.errors += 1
        if not self._failures:
            self._lost_before = self.counts.lost
        self._failures += 1
        if str(error) != self._told_error:
            self._told_error = str(error)
            attrs = {"sink": self.sink.name, "error": str(error)}
            _log.error("events wait to be exported", extra={"attrs": attrs})

    def _tell_recovery(self) -> None:
        self._failures, self._told_error = 0, ""
        lost = self.counts.lost - self._lost_before
        attrs = {"sink": self.sink.name, "lost": lost}
        _log.warning("events are exported again", extra={"attrs": attrs})
