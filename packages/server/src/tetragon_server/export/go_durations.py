# SPDX-License-Identifier: Apache-2.0
"""Durations as Go writes them, which clients read: 0s, 250ms, 1.5s, 5m0s, 1h0m0s."""

from __future__ import annotations

from typing import Final

__all__ = ["duration_text"]

_SMALL: Final = (("ms", 1_000_000), ("µs", 1000), ("ns", 1))
_MINUTE_NS: Final = 60 * 1_000_000_000


def duration_text(seconds: float) -> str:
    """`seconds`, not negative, to the nanosecond."""
    rest_ns = round(seconds * 1_000_000_000)
    if rest_ns == 0:
        return "0s"
    for unit, size in _SMALL:
        if size <= rest_ns < 1_000_000_000:
            return _decimal(rest_ns, size) + unit
    minutes, rest_ns = divmod(rest_ns, _MINUTE_NS)
    hours, minutes = divmod(minutes, 60)
    text = _decimal(rest_ns, 1_000_000_000) + "s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text


def _decimal(value: int, unit: int) -> str:
    whole, rest = divmod(value, unit)
    digits = f"{rest:0{len(str(unit)) - 1}d}".rstrip("0") if rest else ""
    return f"{whole}.{digits}" if digits else str(whole)
