# SPDX-License-Identifier: Apache-2.0
"""Durations as flags and settings take them: 30s, 1h30m, 250ms. Numbers without a unit are not."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["parse_duration_s"]

_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART: Final = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")


def parse_duration_s(text: str) -> float:
    """Seconds; raises ValueError with one line for anything else."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f'"{text}" is no duration; write it like 30s, 5m or 1h30m')
    return sum(float(number) * _UNITS[unit] for number, unit in parts)
