# SPDX-License-Identifier: Apache-2.0
"""Durations as the client's flags take them: as everywhere, and a bare number means seconds."""

from __future__ import annotations

import re

from tetragon_core import durations

__all__ = ["parse_duration_s"]


def parse_duration_s(text: str) -> float:
    """Seconds; raises ValueError with one line for anything else."""
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    return durations.parse_duration_s(text)
