# SPDX-License-Identifier: Apache-2.0
"""Metrics of what the API server tells of pods, under Tetragon's names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tetragon_core.stats import Counter

from .family import Family

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .family import Sample
    from .scrape import Scrape

__all__ = ["PODS"]

_WATCHER: Final = "k8s"


def _changes(scrape: Scrape) -> Iterator[Sample]:
    yield (_WATCHER,), scrape.counters[Counter.POD_CHANGES]


def _errors(scrape: Scrape) -> Iterator[Sample]:
    yield (_WATCHER, "failed_to_get_pod"), scrape.counters[Counter.PODS_UNREADABLE]


def _hits(scrape: Scrape) -> Iterator[Sample]:
    yield (), scrape.counters[Counter.GONE_POD_HITS]


def _evictions(scrape: Scrape) -> Iterator[Sample]:
    yield (), scrape.counters[Counter.GONE_PODS_FORGOTTEN]


PODS: Final = (
    Family(
        name="tetragon_watcher_events_total",
        kind="counter",
        text="Changes of pods that the API server told",
        labels=("watcher",),
        read=_changes,
        differs="what a list tells is not counted",
    ),
    Family(
        name="tetragon_watcher_errors_total",
        kind="counter",
        text="Pods of the API server that could not be read",
        labels=("watcher", "error"),
        read=_errors,
    ),
    Family(
        name="tetragon_watcher_delete_pod_cache_hits",
        kind="counter",
        text="Times a pod was found although it was gone",
        read=_hits,
    ),
    Family(
        name="tetragon_watcher_delete_pod_cache_evictions",
        kind="counter",
        text="Pods that were gone for too long to be found any more",
        read=_evictions,
    ),
)
