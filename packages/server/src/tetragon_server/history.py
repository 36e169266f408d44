# SPDX-License-Identifier: Apache-2.0
"""The newest events, for who asks later. Nothing is encoded or chosen here; see replay.py.

Events are kept as the core made them, so keeping one costs half a microsecond, and they come in
chunks, so that what they take is counted once for many. An event holds its process, the parent and
listed ancestors, and nothing behind these: a process that the cache gives up loses its own parent.
"""

from __future__ import annotations

import os
import time
from bisect import bisect_right
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

from tetragon_core.events import HookHit, ProcessExec, Throttle
from tetragon_core.process import Process

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tetragon_core.events import Event
    from tetragon_core.hooks import HookMessage

__all__ = ["History"]

_CHUNK: Final = 64
_PROCESS_BYTES: Final = 2000
"""Of a process and its image, texts aside: measured for execs, with room for decoded fields."""
_HIT_BYTES: Final = 800
_VALUE_BYTES: Final = 200
_FRAME_BYTES: Final = 100
_REFERENCE_BYTES: Final = 8


class _Chunk(NamedTuple):
    events: Sequence[Event]
    size: int
    """About what goes when it goes, in bytes."""


class History:
    """Bounded by number and by size, each to a chunk. Used in the event loop's thread only."""

    def __init__(self, *, max_events: int, max_bytes: int) -> None:
        self.run = os.urandom(16).hex()
        """Names this run of the agent."""
        self.started_ns = time.time_ns()
        """When it began; events of processes that ran already are older."""
        self.complete_since_ns = self.started_ns
        """No event of this time or later is forgotten."""
        self.oldest = 1
        """Number of the oldest event here; they are numbered from 1 on."""
        self.bytes = 0
        """About what all complete chunks take."""
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._chunk = min(_CHUNK, max_events)
        self._chunks: deque[_Chunk] = deque()
        self._complete = 0
        self._open: list[Event] = []
        self._lost_at: list[int] = [0]
        self._lost_total: list[int] = [0]

    def add(self, event: Event) -> None:
        """Keep `event` as the newest."""
        self._open.append(event)
        if len(self._open) >= self._chunk:
            self._close_chunk()

    @property
    def newest(self) -> int:
        """Number of the newest event; 0 before the first."""
        return self._complete + len(self._open)

    def note_lost(self, records: int) -> None:
        """Remember that so many records never became events, after the newest one."""
        self._lost_at.append(self.newest + 1)
        self._lost_total.append(self._lost_total[-1] + records)

    def lost_before(self, number: int) -> int:
        """Records noted as lost before event `number`, since the start or for long enough."""
        return self._lost_total[max(0, bisect_right(self._lost_at, number) - 1)]

    def read(self, first: int, count: int) -> list[Event]:
        """`count` events from number `first` on, which must be here, or as many as there are."""
        skipped = first - self.oldest
        index, offset = divmod(skipped, self._chunk)
        found: list[Event] = []
        while len(found) < count and index < len(self._chunks):
            found += self._chunks[index].events[offset : offset + count - len(found)]
            index, offset = index + 1, 0
        if len(found) < count:
            found += self._open[offset : offset + count - len(found)]
        return found

    def _close_chunk(self) -> None:
        chunk = _Chunk(tuple(self._open), _size(self._open))
        self._open.clear()
        self._chunks.append(chunk)
        self._complete += len(chunk.events)
        self.bytes += chunk.size
        while self._complete - self.oldest >= self._max_events or self.bytes > self._max_bytes:
            self._forget()

    def _forget(self) -> None:
        """Let the oldest chunk go."""
        chunk = self._chunks.popleft()
        self.oldest += len(chunk.events)
        self.bytes -= chunk.size
        newest_ns = max(event.time_ns for event in chunk.events)
        self.complete_since_ns = max(self.complete_since_ns, newest_ns + 1)
        passed = bisect_right(self._lost_at, self.oldest) - 1
        del self._lost_at[:passed], self._lost_total[:passed]


def _size(events: Sequence[Event]) -> int:
    """About how many bytes these events alone hold. What several share counts once.

    This is most of what keeping an event costs, hence indexes instead of names: the first two
    fields of an event are its process and the parent.
    """
    held: set[object] = {event[0] for event in events}
    held.update([event[1] for event in events])
    size = 0
    for event in events:
        if isinstance(event, Throttle):
            continue
        if event.ancestors:
            held.update(event.ancestors)
            size += _REFERENCE_BYTES * len(event.ancestors)
        if isinstance(event, HookHit):
            size += _hit_size(event.hit)
        elif isinstance(event, ProcessExec) and event.environment is not None:
            size += event.environment.text_bytes
    processes = [one for one in held if isinstance(one, Process)]
    images = {id(one.image): one.image for one in processes if one.image is not None}
    texts = sum([image.text_bytes for image in images.values()])
    return size + texts + _PROCESS_BYTES * len(processes)


def _hit_size(hit: HookMessage) -> int:
    arguments = (*hit.arguments, *hit.data)
    frames = len(hit.kernel_stack) + len(hit.user_stack)
    return _HIT_BYTES + sum(_value_size(one.value) for one in arguments) + _FRAME_BYTES * frames


def _value_size(value: object) -> int:
    """A value is a number, a text, bytes, or a mapping of these by name."""
    texts = value.values() if isinstance(value, dict) else (value,)
    return _VALUE_BYTES + sum(len(one) for one in texts if isinstance(one, str | bytes))
