# SPDX-License-Identifier: Apache-2.0
"""Metrics of events, by the process they are about. Counting them is in `event_counts.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .family import OWN_PREFIX, Family

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .event_counts import Subject
    from .family import Sample
    from .scrape import Scrape

__all__ = ["EVENTS"]

_PROCESS: Final = ("namespace", "workload", "pod", "binary", "node_name")
_CONTAINERS: Final = "containers outside of Kubernetes have the pod that stands for them in events"


def _by_process(scrape: Scrape, group: Callable[[Subject], tuple[str, ...]]) -> Iterator[Sample]:
    """What was counted, by `group` and process."""
    config, counts = scrape.sources.config, scrape.sources.events
    node = scrape.sources.node_name if "node_name" in config.metric_labels else ""
    totals = () if counts is None else counts.totals(group)
    return (((*found, node), count) for found, count in totals)


def _types(scrape: Scrape) -> Iterator[Sample]:
    return _by_process(scrape, lambda one: (one.event_type,))


def _hooks(scrape: Scrape) -> Iterator[Sample]:
    return _by_process(scrape, lambda one: (one.policy, one.hook))


def _syscalls(scrape: Scrape) -> Iterator[Sample]:
    return _by_process(scrape, lambda one: (one.syscall,))


def _series(scrape: Scrape) -> Iterator[Sample]:
    if (counts := scrape.sources.events) is not None:
        yield (), counts.series


def _folded(scrape: Scrape) -> Iterator[Sample]:
    if (counts := scrape.sources.events) is not None:
        yield (), counts.folded


EVENTS: Final = (
    Family(
        name="tetragon_events_total",
        kind="counter",
        text="Events made, whether anybody received them or not",
        labels=("type", *_PROCESS),
        read=_types,
        differs=f"{_CONTAINERS}; binary is `<other>` for those beyond the limit of series",
    ),
    Family(
        name="tetragon_policy_events_total",
        kind="counter",
        text="Events of policies by the hook that was hit",
        labels=("policy", "hook", *_PROCESS),
        read=_hooks,
        differs="as tetragon_events_total",
    ),
    Family(
        name="tetragon_syscalls_total",
        kind="counter",
        text="Events of raw_syscalls/sys_enter by the system call that was entered",
        labels=("syscall", *_PROCESS),
        read=_syscalls,
        differs="as tetragon_events_total",
    ),
    Family(
        name=f"{OWN_PREFIX}event_series",
        kind="gauge",
        text="Sets of labels that events are counted apart for; there is a limit",
        read=_series,
    ),
    Family(
        name=f"{OWN_PREFIX}events_folded_total",
        kind="counter",
        text="Events counted under the binary <other> because the limit of series was reached",
        read=_folded,
    ),
)
