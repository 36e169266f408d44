# SPDX-License-Identifier: Apache-2.0
"""Metrics of the export file. Other places events are exported to are in our own counters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .family import Family

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .family import Sample
    from .scrape import Scrape

__all__ = ["EXPORT"]


def _events(scrape: Scrape) -> Iterator[Sample]:
    yield (), 0 if (file := scrape.export_file) is None else file.exported


def _bytes(scrape: Scrape) -> Iterator[Sample]:
    yield (), 0 if (file := scrape.export_file) is None else file.exported_bytes


def _last(scrape: Scrape) -> Iterator[Sample]:
    if (file := scrape.export_file) is not None and file.last_event_time_ns:
        yield (), file.last_event_time_ns / 1e9


def _rate_limited(scrape: Scrape) -> Iterator[Sample]:
    yield (), 0 if (file := scrape.export_file) is None else file.rate_limited


EXPORT: Final = (
    Family(
        name="tetragon_events_exported_total",
        kind="counter",
        text="Events written to the export file",
        read=_events,
    ),
    Family(
        name="tetragon_events_exported_bytes_total",
        kind="counter",
        text="Bytes written to the export file",
        read=_bytes,
    ),
    Family(
        name="tetragon_events_last_exported_timestamp",
        kind="gauge",
        text="Time of the last event written to the export file, in seconds since the epoch",
        read=_last,
        differs="absent, not 0, until there is one",
    ),
    Family(
        name="tetragon_export_ratelimit_events_dropped_total",
        kind="counter",
        text="Events the rate limit kept out of the export",
        read=_rate_limited,
    ),
)
