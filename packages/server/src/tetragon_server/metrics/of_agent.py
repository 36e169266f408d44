# SPDX-License-Identifier: Apache-2.0
"""Metrics of the agent itself: its version, queues and errors, and every counter it has."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Final

from tetragon_core import __version__
from tetragon_core.hooks import HookEvent
from tetragon_core.stats import Counter

from .family import OWN_PREFIX, Family

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .family import Sample
    from .scrape import Scrape

__all__ = ["AGENT"]

_UNKNOWN_OPERATION: Final = "0"
_RING_LOST: Final = "ring_lost_"


def _build(_: Scrape) -> Iterator[Sample]:
    yield (__version__, f"Python {platform.python_version()}", "", "", ""), 1


def _handler_errors(scrape: Scrape) -> Iterator[Sample]:
    values = {
        "unknown_opcode": scrape.counters[Counter.RECORDS_BAD],
        "perf_empty_data": 0,
        "event_handler_failed": scrape.counters[Counter.HANDLER_ERRORS],
    }
    for error, value in values.items():
        yield (_UNKNOWN_OPERATION, error), value


def _overflowed(scrape: Scrape) -> Iterator[Sample]:
    yield (), scrape.counters[Counter.SUBSCRIBER_DROPPED]


def _loads(scrape: Scrape) -> Iterator[Sample]:
    loads = scrape.hits.get(HookEvent.LOADER, 0)
    yield ("LoaderReceived",), loads
    yield ("LoaderResolvedImm",), loads
    yield ("LoaderResolvedRetry",), 0


def _throttling(scrape: Scrape) -> Iterator[Sample]:
    yield ("throttle_start",), scrape.counters[Counter.THROTTLE_STARTS]
    yield ("throttle_stop",), scrape.counters[Counter.THROTTLE_STOPS]


def _subscribers(scrape: Scrape) -> Iterator[Sample]:
    yield (), scrape.sources.bus.subscribers


def _unreadable(scrape: Scrape) -> Iterator[Sample]:
    yield (), scrape.unreadable


def _ring_lost(scrape: Scrape) -> Iterator[Sample]:
    for counter, value in scrape.counters.items():
        if counter.label.startswith(_RING_LOST):
            yield (counter.label.removeprefix(_RING_LOST),), value


def _own(counter: Counter) -> Family:
    """A counter under our own name."""
    return Family(
        name=f"{OWN_PREFIX}{counter.label}_total",
        kind="counter",
        text=counter.help_text,
        read=lambda scrape: [((), scrape.counters[counter])],
    )


AGENT: Final = (
    Family(
        name="tetragon_build_info",
        kind="gauge",
        text="What was built, and how",
        labels=("version", "go_version", "commit", "time", "modified"),
        read=_build,
        differs="go_version is Python's; commit, time and modified are empty",
    ),
    Family(
        name="tetragon_handler_errors_total",
        kind="counter",
        text="Records that could not be handled",
        labels=("opcode", "error"),
        read=_handler_errors,
        differs="opcode is always 0; records that are short count as `unknown_opcode`",
    ),
    Family(
        name="tetragon_notify_overflowed_events_total",
        kind="counter",
        text="Events dropped because a subscriber's queue was full",
        read=_overflowed,
    ),
    Family(
        name="tetragon_process_loader_stats",
        kind="counter",
        text="Loads reported by the kernel, and how their process was found",
        labels=("count",),
        read=_loads,
        differs="the process is known at once, so LoaderResolvedRetry stays 0",
    ),
    Family(
        name="tetragon_cgroup_rate_total",
        kind="counter",
        text="Times a cgroup came to exceed cgroup-rate, and was below it again",
        labels=("type",),
        read=_throttling,
        differs="only throttle_start and throttle_stop: the kernel's side counts the rest",
    ),
    Family(
        name=f"{OWN_PREFIX}subscribers",
        kind="gauge",
        text="open GetEvents streams",
        read=_subscribers,
    ),
    Family(
        name=f"{OWN_PREFIX}metrics_unreadable_total",
        kind="counter",
        text="metrics left out of earlier pages because they could not be read",
        read=_unreadable,
    ),
    Family(
        name=f"{OWN_PREFIX}ring_lost_total",
        kind="counter",
        text="records the full ring buffer refused",
        labels=("record",),
        read=_ring_lost,
    ),
    *(_own(counter) for counter in Counter if not counter.label.startswith(_RING_LOST)),
)
