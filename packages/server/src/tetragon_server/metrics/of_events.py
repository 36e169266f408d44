# SPDX-License-Identifier: Apache-2.0
"""Metrics of events, by the process they are about. Counting them is in `event_counts.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .family import OWN_PREFIX, Family, summed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .event_counts import Subject
    from .family import Sample
    from .scrape import Scrape

__all__ = ["EVENTS"]

_PROCESS: Final = ("namespace", "workload", "pod", "binary", "node_name")
_CONTAINERS: Final = "namespace, workload and pod are empty until pods are known"


def _by_process(
    scrape: Scrape, labels: Callable[[Subject], tuple[str, ...] | None]
) -> Iterator[Sample]:
    """What was counted, for those subjects that have `labels`."""
    config, counts = scrape.sources.config, scrape.sources.events
    if counts is None:
        return iter(())
    node = scrape.sources.node_name if "node_name" in config.metric_labels else ""
    return summed(
        ((*found, "", "", "", binary, node), count)
        for subject, binary, count in counts
        if (found := labels(subject)) is not None
    )


def _types(scrape: Scrape) -> Iterator[Sample]:
    return _by_process(scrape, lambda one: (one.event_type,) if one.event_type else None)


def _hooks(scrape: Scrape) -> Iterator[Sample]:
    return _by_process(scrape, lambda one: (one.policy, one.hook) if one.policy else None)


def _syscalls(scrape: Scrape) -> Iterator[Sample]:
    return _by_process(scrape, lambda one: (one.syscall,) if one.syscall else None)


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
