# SPDX-License-Identifier: Apache-2.0
"""How many events a minute are exported: a token bucket. What is over the limit is counted here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["UNLIMITED", "RateLimit"]

UNLIMITED: Final = -1
_MINUTE_S: Final = 60.0


class RateLimit:
    """`per_minute` events at once, and one more each time a minute's share has passed."""

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        """`clock`: seconds that never go back. Any negative limit is none."""
        self.dropped = 0
        """Events over the limit, since the agent's start."""
        self._clock = clock
        self._told = 0
        self.set(per_minute)

    def set(self, per_minute: int) -> None:
        """Another limit from now on, with a full bucket; the same one changes nothing."""
        if per_minute == getattr(self, "_per_minute", None):
            return
        self._per_minute = per_minute
        self._tokens = float(per_minute)
        self._filled_s = self._clock()

    def take(self) -> bool:
        """Whether one more event is within the limit; counts it if not."""
        if self._per_minute < 0:
            return True
        now = self._clock()
        gained = (now - self._filled_s) * self._per_minute / _MINUTE_S
        self._tokens = min(self._tokens + gained, float(self._per_minute))
        self._filled_s = now
        if self._tokens < 1:
            self.dropped += 1
            return False
        self._tokens -= 1
        return True

    def take_report(self) -> int:
        """Events dropped since the last report."""
        new = self.dropped - self._told
        self._told = self.dropped
        return new
