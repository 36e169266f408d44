# SPDX-License-Identifier: Apache-2.0
"""Boot clock to wall clock."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tetragon_core.clock import BootClock, ManualClock

if TYPE_CHECKING:
    import pytest


def test_the_offset_lies_between_two_readings() -> None:
    """Now, converted, is between the wall clock before and after, to a millisecond."""
    clock = BootClock()
    before = time.time_ns()
    converted = clock.to_wall_ns(clock.boot_ns())
    after = time.time_ns()

    assert before - 1_000_000 <= converted <= after + 1_000_000


def test_distances_are_kept_and_steps_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step of the wall clock shows only after measuring again."""
    readings = {time.CLOCK_BOOTTIME: 100, time.CLOCK_REALTIME: 5_000}
    monkeypatch.setattr(time, "clock_gettime_ns", lambda which: readings[which])
    clock = BootClock()
    readings[time.CLOCK_REALTIME] = 9_000

    assert clock.to_wall_ns(107) - clock.to_wall_ns(100) == 7
    assert clock.to_wall_ns(100) == 5_000
    assert clock.measure() == 4_000
    assert clock.to_wall_ns(100) == 9_000


def test_an_interrupted_reading_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long gap, short gap, long gap: the short one gives the offset."""
    gaps = [(0, 900, 1_000), (2_000, 2_510, 2_020), *[(3_000, 9_000, 4_000)] * 3]
    readings = [reading for gap in gaps for reading in gap]
    monkeypatch.setattr(time, "clock_gettime_ns", lambda _: readings.pop(0))

    assert BootClock().to_wall_ns(0) == 500


def test_a_manual_clock_moves_when_told() -> None:
    """And only then."""
    clock = ManualClock(boot_ns=5, offset_ns=100)
    clock.advance(10)

    assert (clock.boot_ns(), clock.to_wall_ns(1)) == (15, 101)
