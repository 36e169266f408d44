# SPDX-License-Identifier: Apache-2.0
"""What engine and manager count of losses, by the names of the agent's counters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tetragon_core.stats import Counter

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["as_counters"]

_COUNTERS: Final = {
    "LOST_HIT": Counter.RING_LOST_HOOK,
    "HOOK_BUSY": Counter.HOOK_BUSY,
    "RETURN_LOST": Counter.HOOK_RETURN_LOST,
    "TABLE_FULL": Counter.HOOK_TABLE_FULL,
    "ORPHANED": Counter.HOOK_ORPHANED,
    "missed": Counter.HOOK_MISSED,
    "fallbacks": Counter.POLICY_FALLBACKS,
    "unattended": Counter.HOOK_UNATTENDED,
}


def as_counters(values: Mapping[str, int]) -> Mapping[Counter, int]:
    """Those that the agent has a counter for."""
    return {_COUNTERS[name]: value for name, value in values.items() if name in _COUNTERS}
