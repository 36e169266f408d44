# SPDX-License-Identifier: Apache-2.0
"""What the kernel counts of one program: how often it ran, for how long, and when it was skipped.

Asked for by whoever measures the agent; nothing here asks the kernel.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ProgramRuns"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramRuns:
    """One program at one place, at one moment."""

    sensor: str
    """What it belongs to, by Tetragon's names: `generic_kprobe`, `__base__`."""
    attach: str
    """Where it runs: a symbol or an event; of many only their number."""
    section: str
    """How it is attached, and where."""
    runs: int
    """Only counted while somebody pays for that; see `kernel.bpf_stats_enabled`."""
    time_ns: int
    """Of these runs."""
    skipped: int | None
    """Runs skipped because it was active on the CPU already; None if others run in its place."""
    probe_missed: int | None = None
    """Hits its probe lost before it; None where the kernel does not tell."""
