# SPDX-License-Identifier: Apache-2.0
"""A hook's message and the process it names, as an event. Finding the process is not done here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .events import HookHit
from .messages import ProcessKey
from .process import Process
from .stats import Counter

if TYPE_CHECKING:
    from .clock import Clock
    from .hooks import HookMessage
    from .stats import Stats

__all__ = ["hook_hit"]

_NOBODY: Final = ProcessKey(0, 0)


def hook_hit(message: HookMessage, process: Process | None, clock: Clock, stats: Stats) -> HookHit:
    """The event of `message`; of a process nobody knows it has what the message itself says.

    Unlike an exit, a hit ends nothing: the process runs on and the cache is left alone.
    """
    to_wall_ns = clock.to_wall_ns
    if process is None:
        stats.add(Counter.PROCESS_UNKNOWN)
        process = Process(None, message.process, _NOBODY)
        process.start_time_ns = to_wall_ns(message.process.ktime_ns)
    return HookHit(
        process=process,
        parent=process.parent,
        time_ns=to_wall_ns(message.ktime_ns),
        hit=message,
        refcnt=process.refcnt,
    )
