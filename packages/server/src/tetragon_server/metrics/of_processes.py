# SPDX-License-Identifier: Apache-2.0
"""Metrics of the process cache, and of events that lack their process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tetragon_core.stats import Counter

from .family import OWN_PREFIX, Family

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .family import Sample
    from .scrape import Scrape

__all__ = ["PROCESSES"]

_EVENT_TYPES: Final = (
    "PROCESS_EXEC",
    "PROCESS_EXIT",
    "PROCESS_KPROBE",
    "PROCESS_TRACEPOINT",
    "PROCESS_LOADER",
    "PROCESS_UPROBE",
    "PROCESS_THROTTLE",
    "PROCESS_LSM",
    "PROCESS_USDT",
    "RATE_LIMIT_INFO",
)
_LOOKED_FOR: Final = ("process_info", "parent_info", "ancestors_info", "pod_info")


def _size(scrape: Scrape) -> Iterator[Sample]:
    yield (), len(scrape.sources.cache)


def _capacity(scrape: Scrape) -> Iterator[Sample]:
    yield (), scrape.sources.cache.statistics().capacity


def _evictions(scrape: Scrape) -> Iterator[Sample]:
    yield (), scrape.sources.cache.statistics().evictions


def _misses(scrape: Scrape) -> Iterator[Sample]:
    yield ("get",), scrape.sources.cache.statistics().misses
    yield ("remove",), 0


def _unknown(scrape: Scrape) -> Iterator[Sample]:
    yield (), scrape.counters[Counter.PROCESS_UNKNOWN]


def _failures(_: Scrape) -> Iterator[Sample]:
    for event_type in _EVENT_TYPES:
        for wanted in _LOOKED_FOR:
            yield (event_type, wanted), 0


PROCESSES: Final = (
    Family(
        name="tetragon_process_cache_size",
        kind="gauge",
        text="Processes in the cache",
        read=_size,
    ),
    Family(
        name="tetragon_process_cache_capacity",
        kind="gauge",
        text="Processes the cache can hold",
        read=_capacity,
    ),
    Family(
        name="tetragon_process_cache_evictions_total",
        kind="counter",
        text="Entries given up because the cache was full, of its number or of its bytes",
        read=_evictions,
    ),
    Family(
        name="tetragon_process_cache_misses_total",
        kind="counter",
        text="Processes looked for in the cache and not found",
        labels=("operation",),
        read=_misses,
        differs="nothing is removed that is not there, so `remove` stays 0",
    ),
    Family(
        name="tetragon_events_missing_process_info_total",
        kind="counter",
        text="Events about a process nothing else is known of",
        read=_unknown,
    ),
    Family(
        name="tetragon_event_cache_fetch_failures_total",
        kind="counter",
        text="Events that waited for missing data until it was given up",
        labels=("event_type", "entry_type"),
        read=_failures,
        differs="0: no event waits here; see tetragon_events_missing_process_info_total",
    ),
    Family(
        name=f"{OWN_PREFIX}process_cache_entries",
        kind="gauge",
        text="processes in the cache",
        read=_size,
    ),
)
