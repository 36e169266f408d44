# SPDX-License-Identifier: Apache-2.0
"""Cgroups that fork and exec more than the settings allow: when that began, and when it ended.

The kernel side counts, and marks the execs (bpf/include/rate.h); marked ones make no event, which
the observer sees to. Here only the two events around them are made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from .arguments import decode_text
from .events import Throttle
from .stats import Counter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .clock import Clock
    from .messages import ThrottleMessage
    from .stats import Stats

__all__ = ["CgroupRate", "Throttling"]

_CALM_NS: Final = 5_000_000_000
"""CALM_NS of bpf/include/wire.h: execs are marked for as long after the last excess."""


class CgroupRate(NamedTuple):
    """So many forks and execs of a cgroup on one CPU in this time are too many."""

    events: int
    interval_ns: int


class Throttling:
    """Which cgroups are throttled; the observer's."""

    def __init__(self, clock: Clock, stats: Stats) -> None:
        self._clock = clock
        self._stats = stats
        self._cgroups: dict[int, str] = {}

    def begin(self, message: ThrottleMessage) -> Throttle | None:
        """The event, unless the cgroup is throttled already, on account of another CPU."""
        if message.cgroup_id in self._cgroups:
            return None
        cgroup = self._cgroups[message.cgroup_id] = decode_text(message.cgroup)
        self._stats.add(Counter.THROTTLE_STARTS)
        return Throttle(cgroup, self._clock.to_wall_ns(message.ktime_ns), is_start=True)

    def end(
        self, now_ktime_ns: int, last_excess_ns: Callable[[int], int | None]
    ) -> Sequence[Throttle]:
        """The events of cgroups that did not do too much for five seconds, on any CPU.

        `last_excess_ns`: when a cgroup (by id) last did too much; None when nobody knows it.
        """
        calm = [
            cgroup_id
            for cgroup_id in self._cgroups
            if (last_excess_ns(cgroup_id) or 0) + _CALM_NS < now_ktime_ns
        ]
        self._stats.add(Counter.THROTTLE_STOPS, len(calm))
        self._stats.add(Counter.EVENTS, len(calm))
        time_ns = self._clock.to_wall_ns(now_ktime_ns)
        return [Throttle(self._cgroups.pop(one), time_ns, is_start=False) for one in calm]
