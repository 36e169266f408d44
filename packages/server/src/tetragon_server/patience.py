# SPDX-License-Identifier: Apache-2.0
"""How long clients' filters may keep the agent from its events, all of them together.

Filters are bounded, but not for every text: a pattern that RE2 has to simulate takes most of a
second for 128 KiB of arguments. Whoever may send filters and start programs could so keep the agent
busy until events are lost. Ordinary filters take microseconds and are never looked at here; where
one took long, processor time is measured for a while, and the stream that uses up what is allowed
is ended.
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
"""For one event and one stream; a hundred patterns take a tenth of it."""
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

    def limited(self, view: View) -> View:
        """The same view; it raises ViewError when slow ones have used up all that is allowed."""

        def limited_view(event: EncodedEvent) -> bytes | None:
            begin_s = self._clock_s()
            if begin_s < self._watched_until_s:
                return self._watched(view, event)
            seen = view(event)
            end_s = self._clock_s()
            if end_s - begin_s > _SLOW_S:
                self._watched_until_s = end_s + _WATCH_S
            return seen

        return limited_view

    def _watched(self, view: View, event: EncodedEvent) -> bytes | None:
        begin_s = self._processor_s()
        seen = view(event)
        took_s = self._processor_s() - begin_s
        if took_s > _SLOW_S:
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
                f"the filters took {took_s * 1000:.0f} ms for one event, and this agent has no more"
                " time for slow ones: use smaller counts in patterns, and simpler expressions"
            )
