# SPDX-License-Identifier: Apache-2.0
"""Boot-clock time to wall-clock time: records are stamped with CLOCK_BOOTTIME, the API is not."""

from __future__ import annotations

import time
from typing import Final, Protocol

__all__ = ["BootClock", "Clock", "ManualClock"]

_ATTEMPTS: Final = 5


class Clock(Protocol):
    """What the observer and the cache need to know about time."""

    def boot_ns(self) -> int:
        """Nanoseconds of CLOCK_BOOTTIME now."""
        ...

    def to_wall_ns(self, ktime_ns: int) -> int:
        """Nanoseconds since the Unix epoch at boot-clock time `ktime_ns`."""
        ...


class BootClock:
    """The host's clocks, with one measured offset between them.

    The offset is constant between two calls of `measure`, so events keep the distances the kernel
    saw. Call `measure` now and then (a timer of the agent), so that a step of the wall clock is
    followed.
    """

    def __init__(self) -> None:
        self._offset_ns = 0
        self.measure()

    def boot_ns(self) -> int:
        """Nanoseconds of CLOCK_BOOTTIME now."""
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)

    def to_wall_ns(self, ktime_ns: int) -> int:
        """Nanoseconds since the Unix epoch at boot-clock time `ktime_ns`."""
        return ktime_ns + self._offset_ns

    def measure(self) -> int:
        """Measure the offset again; return by how many nanoseconds it changed.

        The two clocks cannot be read at once. Of a few tries the one with the shortest gap between
        the readings before and after wins: being descheduled in between would falsify it.
        """
        _, offset = min(_measure_once() for _ in range(_ATTEMPTS))
        change = offset - self._offset_ns
        self._offset_ns = offset
        return change


def _measure_once() -> tuple[int, int]:
    before = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    wall = time.clock_gettime_ns(time.CLOCK_REALTIME)
    after = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    return after - before, wall - (before + after) // 2


class ManualClock:
    """A clock that moves only when told; for tests and replays."""

    def __init__(self, boot_ns: int = 0, offset_ns: int = 0) -> None:
        self._boot_ns = boot_ns
        self.offset_ns = offset_ns

    def boot_ns(self) -> int:
        """Nanoseconds of the boot clock as last set."""
        return self._boot_ns

    def to_wall_ns(self, ktime_ns: int) -> int:
        """Nanoseconds since the Unix epoch at boot-clock time `ktime_ns`."""
        return ktime_ns + self.offset_ns

    def advance(self, delta_ns: int) -> None:
        """Let `delta_ns` nanoseconds pass."""
        self._boot_ns += delta_ns
