# SPDX-License-Identifier: Apache-2.0
"""Options: sizes of buffers, tables and queues, and how often they are tidied up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tetragon_core.errors import UsageError

from .kinds import OPTIONAL_SIZE, POSITIVE_DURATION, SIZE, number
from .option import option

__all__ = ["SizeOptions"]

_PIDS_MAX: Final = 1 << 22
"""No kernel has more processes."""
_RING_BYTES: Final = 8 << 20
"""One ring for the host here, so larger than Tetragon's 64 KiB per CPU."""
_RING_MIN: Final = 4096
_RING_MAX: Final = 1 << 31
_PROCESSES: Final = 32_768


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class SizeOptions:
    """What bounds the agent's memory."""

    event_queue_size: int = option(
        10_000, "Events that wait for one subscriber.", number(minimum=1)
    )
    event_queue_bytes: int = option(
        64 * 1024 * 1024, "Bytes that wait for one subscriber.", SIZE, is_ours=True
    )
    """Ours, because one event may hold 128 KiB of arguments."""
    event_queue_total_bytes: int = option(
        256 * 1024 * 1024, "Bytes that wait for all subscribers together.", SIZE, is_ours=True
    )
    """Beyond 256 KiB that each may have in any case."""
    event_history_size: int = option(
        2000,
        "Events kept for clients that ask for earlier ones; 0: none.",
        number(minimum=0),
        is_ours=True,
    )
    event_history_bytes: int = option(
        16 * 1024 * 1024, "About the most memory they may take.", SIZE, is_ours=True
    )
    rb_size: int = option(
        0,
        "Size of the ring buffer for each CPU; all of them share it. 0: as --rb-size-total.",
        SIZE,
        differs="rounded up to a power of two, as the BPF ring buffer wants it",
    )
    rb_size_total: int = option(
        0,
        "Size of the ring buffer; 0: 8M.",
        SIZE,
        differs="0 is 8M, not 64K for each CPU: one large ring loses less; rounded as --rb-size",
    )
    execve_map_entries: int = option(
        0, "Processes in the kernel's table; 0: 32768.", number(minimum=0, maximum=_PIDS_MAX)
    )
    execve_map_size: int = option(
        0,
        "Size of the kernel's table of processes, instead of its entries.",
        OPTIONAL_SIZE,
        differs="an entry has 24 bytes, so there are more of them",
    )
    process_cache_size: int = option(65_536, "Processes the agent remembers.", number(minimum=1))
    process_cache_gc_interval: float = option(
        30.0, "How often processes that have ended are looked for.", POSITIVE_DURATION
    )

    def check_sizes(self) -> None:
        """Raise UsageError for two options that say the same thing, or an impossible ring."""
        if self.rb_size and self.rb_size_total:
            raise UsageError("rb-size and rb-size-total exclude each other; give one of them")
        if self.execve_map_entries and self.execve_map_size:
            raise UsageError(
                "execve-map-entries and execve-map-size exclude each other; give one of them"
            )
        for name, size in {"rb-size": self.rb_size, "rb-size-total": self.rb_size_total}.items():
            if size and not _RING_MIN <= size <= _RING_MAX:
                raise UsageError(f"{name} is {size} bytes; a ring buffer has 4K to 2G")

    def ring_bytes(self, cpus: int) -> int:
        """Size of the one ring buffer on a host with that many CPUs; raises UsageError."""
        wanted = self.rb_size * cpus or self.rb_size_total or _RING_BYTES
        if wanted > _RING_MAX:
            raise UsageError(
                f"rb-size is {self.rb_size} bytes for each of {cpus} CPUs; all together have to be"
                " at most 2G"
            )
        return wanted

    def process_entries(self, entry_bytes: int) -> int:
        """Entries of the kernel's table of processes, one of which takes `entry_bytes`."""
        entries = self.execve_map_entries or self.execve_map_size // entry_bytes
        return min(entries, _PIDS_MAX) or _PROCESSES
