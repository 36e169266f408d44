# SPDX-License-Identifier: Apache-2.0
"""How the rate of a cgroup is written: EVENTS,INTERVAL."""

from __future__ import annotations

from typing import Final

from tetragon_core.throttling import CgroupRate

from .kinds import DURATION, Kind

__all__ = ["RATE", "read_rate"]

_MAX_S: Final = 3600
"""Of an interval: the kernel side multiplies it with numbers of events, in 64 bits."""


def read_rate(text: str) -> CgroupRate | None:
    """None for no text, or a zero on either side. Raises ValueError."""
    if not text:
        return None
    events, comma, interval = text.partition(",")
    if not comma or not events.strip().isdecimal():
        raise ValueError(f'"{text}" is no rate; write it like 1000,1s')
    seconds = DURATION.parse(interval.strip())
    if seconds > _MAX_S:
        raise ValueError(f"an interval of {interval.strip()} is too long; at most 1h")
    rate = CgroupRate(int(events), round(seconds * 1e9))
    return rate if all(rate) else None


def _checked(text: str) -> str:
    read_rate(text)
    return text


RATE: Final = Kind(name="rate", parse=_checked)
