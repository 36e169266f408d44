# SPDX-License-Identifier: Apache-2.0
"""How long clients' filters may keep the agent from its events, all of them together.

Filters are bounded, but not for every text: a pattern that RE2 has to simulate takes most of a
second for 128 KiB of arguments. Whoever may send filters and start programs could so keep the agent
busy until events are lost; so could hundreds of streams whose filters take a little each. Ordinary
filters take microseconds and are never looked at here; where those of one event took long,
processor time is measured for a while, and the stream that uses up what is allowed is ended.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from .bus import ViewError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .bus import View
    from .encode import EncodedEvent

__all__ = ["Patience"]

_SLOW_S: Final = 0.005
"""For one event, of one stream or all together; a hundred patterns take a tenth of it."""
_WATCH_S: Final = 60.0
_BURST_S: Final = 1.0
_SHARE: Final = 0.1
"""Of all time, beyond the burst, for events that are slow."""

_log = logging.getLogger(__name__)


class Patience:
    """Of one agent. Used from the event loop's thread only."""

    def __init__(
        self,
        clock_s: Callable[[], float] = time.perf_counter,
        processor_s: Callable[[], float] = time.thread_time,
    ) -> None:
        """`processor_s` is asked where `clock_s` raised suspicion: it is ten times as dear."""
        self._clock_s = clock_s
        self._processor_s = processor_s
        self._watched_until_s = 0.0
        self._used_s = 0.0
        self._used_at_s = 0.0
        self._event: EncodedEvent | None = None
        self._event_s = 0.0
        """What views have taken for `_event`, so far; wall time when nothing is suspicious."""
        self._event_views = 0

    def limited(self, view: View) -> View:
        """The same view; it raises ViewError when slow ones have used up all that is allowed."""

        def limited_view(event: EncodedEvent) -> bytes | None:
            if event is not self._event:
                self._event, self._event_s, self._event_views = event, 0.0, 0
            begin_s = self._clock_s()
            if begin_s < self._watched_until_s:
                return self._watched(view, event)
            seen = view(event)
            end_s = self._clock_s()
            self._event_s += end_s - begin_s
            self._event_views += 1
            if self._event_s > _SLOW_S:
                self._watched_until_s = end_s + _WATCH_S
            return seen

        return limited_view

    def _watched(self, view: View, event: EncodedEvent) -> bytes | None:
        begin_s = self._processor_s()
        seen = view(event)
        took_s = self._processor_s() - begin_s
        self._event_s += took_s
        self._event_views += 1
        # Of many that are slow only together, those that take less than others are spared.
        is_costly = took_s * self._event_views >= self._event_s
        if took_s > _SLOW_S or (self._event_s > _SLOW_S and is_costly):
            self._use(took_s)
        return seen

    def _use(self, took_s: float) -> None:
        now_s = self._clock_s()
        regained_s = (now_s - self._used_at_s) * _SHARE
        self._used_s = max(0.0, self._used_s - regained_s) + took_s
        self._used_at_s = now_s
        if self._used_s > _BURST_S:
            _log.warning("a client's filters take too long; its stream is ended")
            raise ViewError(
                f"the filters took {took_s * 1000:.3g} ms for one event, those of all streams"
                f" {self._event_s * 1000:.0f} ms, and this agent has no more time for slow ones:"
                " use fewer filters, smaller counts in patterns, and simpler expressions"
            )
