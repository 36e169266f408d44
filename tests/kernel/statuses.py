# SPDX-License-Identifier: Apache-2.0
"""The lines "PID STATUS" that workloads print about their children."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_statuses"]


def read_statuses(output: Path) -> list[tuple[int, int]]:
    """(pid, wait status) of each child, in the order they ended."""
    pairs = (line.split() for line in output.read_text().splitlines())
    return [(int(pid), int(status)) for pid, status in pairs]
