# SPDX-License-Identifier: Apache-2.0
"""The process cache: every image that runs, and those that ended but can still be referred to.

One writer, no locks, no clock of its own. An entry leaves when its image ended, the grace period is
over (a late event may still name it) and no entry in the cache has it as parent; so a parent and
all ancestors stay as long as their descendants. A full cache gives up, in this order: the entry
that ended longest ago and has no children here, any that ended, and only then the oldest that runs.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .ids import try_parse_exec_id
from .stats import Counter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .process import Process
    from .stats import Stats

__all__ = ["DEFAULT_CAPACITY", "DEFAULT_GRACE_NS", "CacheStatistics", "ProcessCache"]

DEFAULT_CAPACITY: Final = 65_536
DEFAULT_ENDED_BYTES: Final = 32 << 20
"""Text of images that ended. Without it a process that execs itself with long arguments, each time
one entry, could fill the agent's memory long before their number matters."""
DEFAULT_GRACE_NS: Final = 30_000_000_000
"""With a collection every 30 s, an entry stays 30 to 60 s after its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheStatistics:
    """Sizes at one moment."""

    entries: int
    live: int
    retired: int
    held: int
    """Of the retired ones, those kept for their children."""
    capacity: int
    evictions: int
    """Entries given up so far because there were too many, or because of their bytes."""
    misses: int
    """Keys asked for so far and not found."""


class ProcessCache:
    """Images by key, and the current image of each running process by tgid."""

    def __init__(
        self,
        stats: Stats,
        *,
        capacity: int = DEFAULT_CAPACITY,
        grace_ns: int = DEFAULT_GRACE_NS,
        ended_bytes: int = DEFAULT_ENDED_BYTES,
    ) -> None:
        self._stats = stats
        self._capacity = capacity
        self._grace_ns = grace_ns
        self._max_ended_bytes = ended_bytes
        self._ended_bytes = 0
        # Keys are those of ProcessKey as plain tuples, which cost a fifth to make.
        # Ordered dictionaries, because taking the first item of a plain one after many removals at
        # the front walks over the holes.
        self._entries: OrderedDict[tuple[int, int], Process] = OrderedDict()
        self._idle: OrderedDict[tuple[int, int], Process] = OrderedDict()
        self._held: OrderedDict[tuple[int, int], Process] = OrderedDict()
        self._evictions = 0
        self._misses = 0
        self._live: dict[int, Process] = {}
        self._ended: dict[int, Process] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Process]:
        return iter(self._entries.values())

    def get(self, key: tuple[int, int]) -> Process | None:
        """Return the entry of exactly this image."""
        found = self._entries.get(key)
        if found is None:
            self._misses += 1
        return found

    def by_exec_id(self, exec_id: str) -> Process | None:
        """Return the entry with this exec id."""
        key = try_parse_exec_id(exec_id)
        entry = self._entries.get(key) if key else None
        return entry if entry and entry.exec_id == exec_id else None

    def live(self, tgid: int) -> Process | None:
        """Return the current image of the running process `tgid`."""
        return self._live.get(tgid)

    def ended(self, tgid: int) -> Process | None:
        """Return the last image of the last process `tgid` that ended, while it is kept."""
        return self._ended.get(tgid)

    def add(self, process: Process) -> None:
        """Enter a running image; `process.parent` must be set and gains a reference."""
        key = process.key
        if key in self._entries:
            self._remove(key, self._entries[key])
        parent = process.parent
        if parent is not None:
            parent.refcnt += 1
            parent.cached_children += 1
            if parent.cached_children == 1 and parent.retired_ktime_ns:
                self._hold(parent)
        self._entries[key] = process
        self._live[process.pid] = process
        if len(self._entries) > self._capacity:
            self._evict(process, (self._idle, self._held, self._entries))

    def retire(self, process: Process, now_ktime_ns: int) -> None:
        """Note that this image ended; it stays for late events. A second call does nothing."""
        if process.retired_ktime_ns:
            return
        process.retired_ktime_ns = now_ktime_ns or 1
        process.refcnt -= 1
        if process.parent is not None:
            process.parent.refcnt -= 1
        key = process.key
        if self._live.get(process.pid) is process:
            del self._live[process.pid]
            if key in self._entries:
                self._ended[process.pid] = process
        if self._entries.get(key) is process:
            (self._held if process.cached_children else self._idle)[key] = process
            self._ended_bytes += _text_bytes(process)
            ended = (self._idle, self._held)
            while self._ended_bytes > self._max_ended_bytes and self._evict(process, ended):
                pass

    def collect(self, now_ktime_ns: int) -> int:
        """Remove what ended longer than the grace period ago; return how many entries went."""
        limit = now_ktime_ns - self._grace_ns
        before = len(self._entries)
        while self._idle:
            key, process = next(iter(self._idle.items()))
            if process.retired_ktime_ns > limit:
                break
            self._remove(key, process)
        return before - len(self._entries)

    def statistics(self) -> CacheStatistics:
        """Sizes now."""
        return CacheStatistics(
            entries=len(self._entries),
            live=len(self._live),
            retired=len(self._idle) + len(self._held),
            held=len(self._held),
            capacity=self._capacity,
            evictions=self._evictions,
            misses=self._misses,
        )

    def _hold(self, process: Process) -> None:
        key = process.key
        if self._idle.pop(key, None) is not None:
            self._held[key] = process

    def _remove(self, key: tuple[int, int], process: Process) -> None:
        del self._entries[key]
        if self._ended.get(process.pid) is process:
            del self._ended[process.pid]
        if process.retired_ktime_ns:
            self._ended_bytes -= _text_bytes(process)
        self._idle.pop(key, None)
        self._held.pop(key, None)
        parent = process.parent
        if parent is None:
            return
        # Without this link the chain above stays alive behind the cache's back: a process that
        # execs itself for ever would have an image chain without end.
        process.parent = None
        parent.cached_children -= 1
        if not parent.cached_children:
            parent_key = parent.key
            if self._held.pop(parent_key, None) is not None:
                self._idle[parent_key] = parent

    def _evict(self, newest: Process, tiers: Sequence[Mapping[tuple[int, int], Process]]) -> bool:
        """Remove one entry, of the first tier that has any to spare; tell whether one had."""
        for tier in tiers:
            for key, process in tier.items():
                # Never what the caller is about to report, nor its parent.
                if process is newest or process is newest.parent:
                    continue
                if not process.retired_ktime_ns:
                    self.retire(process, 1)
                    self._stats.add(Counter.CACHE_EVICTED)
                self._remove(key, process)
                self._evictions += 1
                return True
        return False


def _text_bytes(process: Process) -> int:
    """About what the texts of its image take; an image that several share counts for each."""
    return process.image.text_bytes if process.image is not None else 0
