# SPDX-License-Identifier: Apache-2.0
"""What the exporter needs of a place that events are written to. No queues here."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from tetragon_core.errors import TetragonError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ExportedEvent", "Sink", "SinkError"]


class ExportedEvent(NamedTuple):
    """One event, ready to be written."""

    kind: int
    """EventType: the number of the event's field in GetEventsResponse."""
    time_ns: int
    """Since the Unix epoch; 0 for an event without a time."""
    line: bytes
    """The event as one JSON object, without a line end."""


class SinkError(TetragonError):
    """Events could not be written; the message is one line that says what to do."""

    def __init__(self, message: str, written: int = 0) -> None:
        super().__init__(message)
        self.written = written
        """So many of the batch's first events are written; the rest will be offered again."""


class Sink(Protocol):
    """Blocking calls, made one at a time from a thread of the sink's own."""

    @property
    def name(self) -> str:
        """One word for log lines and metrics."""
        ...

    @property
    def max_line_bytes(self) -> int:
        """Longer lines cannot be written at all; they are counted and left out."""
        ...

    @property
    def refused(self) -> int:
        """Of the events that count as written, how many the place will never take; since start."""
        ...

    def write(self, batch: Sequence[ExportedEvent]) -> None:
        """Write all of `batch`, in order, each event once and whole.

        Raises SinkError with the number of events that were written before it went wrong; the
        same events, without these, come again later.
        """
        ...

    def close(self) -> None:
        """Let go of everything; called once, after the last write."""
        ...
