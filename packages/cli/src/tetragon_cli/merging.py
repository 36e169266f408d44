# SPDX-License-Identifier: Apache-2.0
"""Events of several sources as one stream, in order of time as far as waiting a moment allows.

Each source is read by a thread of its own. An event waits 200 ms for older ones of other sources;
one that comes later than that is out of order, and never lost. What is read ahead is bounded.
"""

from __future__ import annotations

import heapq
import itertools
import queue
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

from tetragon_core.errors import TetragonError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tetragon.events_pb2 import GetEventsResponse

__all__ = ["merged", "time_ns"]

_WINDOW_S: Final = 0.2
_READ_AHEAD: Final = 1000
_HELD: Final = 10_000


class _Held(NamedTuple):
    """An event that waits; sorted by time, then by arrival."""

    time_ns: int
    arrival: int
    due_s: float
    event: GetEventsResponse


class _End(NamedTuple):
    """A source is at its end."""

    name: str
    error: TetragonError | None


def merged(
    sources: Mapping[str, Iterator[GetEventsResponse]], tell: Callable[[str], object]
) -> Iterator[GetEventsResponse]:
    """All events of all sources; one that fails is told, and its error raised after the others."""
    items: queue.Queue[GetEventsResponse | _End] = queue.Queue(_READ_AHEAD)
    for name, events in sources.items():
        threading.Thread(target=_read, args=(name, events, items), daemon=True).start()
    window = _Window()
    running, failure = len(sources), None
    while running:
        try:
            item = items.get(timeout=window.pause_s())
        except queue.Empty:
            pass
        else:
            if isinstance(item, _End):
                running -= 1
                failure = failure or item.error
                if item.error is not None:
                    tell(f"{item.name}: {item.error}")
            else:
                window.add(item)
        yield from window.due()
    yield from window.rest()
    if failure is not None:
        raise failure


def _read(
    name: str,
    events: Iterator[GetEventsResponse],
    items: queue.Queue[GetEventsResponse | _End],
) -> None:
    error = None
    try:
        for event in events:
            items.put(event)
    except TetragonError as raised:
        error = raised
    finally:
        items.put(_End(name, error))


class _Window:
    """Events that wait for older ones."""

    def __init__(self) -> None:
        self._by_time: list[_Held] = []
        self._by_arrival: deque[_Held] = deque()
        self._arrivals = itertools.count()
        self._gone: set[int] = set()
        """Arrivals that have left by time and are still in the other order."""

    def add(self, event: GetEventsResponse) -> None:
        """Let an event wait."""
        due_s = time.monotonic() + _WINDOW_S
        held = _Held(time_ns(event), next(self._arrivals), due_s, event)
        heapq.heappush(self._by_time, held)
        self._by_arrival.append(held)

    def pause_s(self) -> float | None:
        """Until the next event has waited long enough; None without one."""
        if not self._by_arrival:
            return None
        return max(0.0, self._by_arrival[0].due_s - time.monotonic())

    def due(self) -> Iterator[GetEventsResponse]:
        """What has waited long enough, with all that is older: a clock may be behind."""
        now = time.monotonic()
        while self._by_arrival:
            first = self._by_arrival[0]
            if first.arrival in self._gone:
                self._gone.remove(first.arrival)
                self._by_arrival.popleft()
            elif first.due_s <= now or len(self._by_time) > _HELD:
                yield self._oldest()
            else:
                break

    def rest(self) -> Iterator[GetEventsResponse]:
        """Everything, at the end."""
        while self._by_time:
            yield self._oldest()

    def _oldest(self) -> GetEventsResponse:
        held = heapq.heappop(self._by_time)
        self._gone.add(held.arrival)
        return held.event


def time_ns(event: GetEventsResponse) -> int:
    """When it happened, since the Unix epoch; 0 when it does not say."""
    return event.time.seconds * 1_000_000_000 + event.time.nanos
