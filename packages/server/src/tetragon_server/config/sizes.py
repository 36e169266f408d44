# SPDX-License-Identifier: Apache-2.0
"""Options: sizes of buffers, tables and queues."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .kinds import SIZE, number
from .option import option

__all__ = ["SizeOptions"]

_PIDS_MAX: Final = 1 << 22
"""No kernel has more processes."""


@dataclass(frozen=True, kw_only=True)
class SizeOptions:
    """What bounds the agent's memory."""

    event_queue_size: int = option(
        10_000, "Events that wait for one subscriber.", number(minimum=1)
    )
    event_queue_bytes: int = option(
        64 * 1024 * 1024, "Bytes that wait for one subscriber.", SIZE, is_ours=True
    )
    """Ours, because one event may hold 128 KiB of arguments."""
    event_history_size: int = option(
        2000,
        "Events kept for clients that ask for earlier ones; 0: none.",
        number(minimum=0),
        is_ours=True,
    )
    event_history_bytes: int = option(
        16 * 1024 * 1024, "About the most memory they may take.", SIZE, is_ours=True
    )
    rb_size_total: int = option(8 * 1024 * 1024, "Size of the ring buffer.", SIZE)
    """One for the host here, so larger than Tetragon's 64 KiB per CPU."""
    execve_map_entries: int = option(
        32_768, "Processes in the kernel's table.", number(minimum=1, maximum=_PIDS_MAX)
    )
    process_cache_size: int = option(65_536, "Processes the agent remembers.", number(minimum=1))
