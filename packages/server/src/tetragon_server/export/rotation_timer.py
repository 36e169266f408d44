# SPDX-License-Identifier: Apache-2.0
"""Rotation by time: calls a function every so often, in the event loop. It moves no file."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["RotationTimer"]


class RotationTimer:
    """Off until an interval is set."""

    def __init__(self, rotate: Callable[[], None]) -> None:
        self.interval_s = 0.0
        """0: off."""
        self._rotate = rotate
        self._next: asyncio.TimerHandle | None = None

    def set(self, interval_s: float) -> None:
        """Begin to count anew; 0 stops it. Needs the running event loop."""
        self.stop()
        self.interval_s = interval_s
        if interval_s > 0:
            self._next = asyncio.get_running_loop().call_later(interval_s, self._ring)

    def stop(self) -> None:
        """Call no more; the interval is remembered."""
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _ring(self) -> None:
        self._rotate()
        self.set(self.interval_s)
