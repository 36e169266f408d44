# SPDX-License-Identifier: Apache-2.0
"""One subscriber's way through the history: which events it gets, encoded a few at a time.

Nothing is copied beforehand, so a client that reads slowly holds no memory: what history forgets
meanwhile is counted as dropped for that subscriber. What a filter is, is not known here.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from google.protobuf.timestamp_pb2 import Timestamp

from tetragon import events_pb2 as events_pb
from tetragon_core.events import Throttle

from .encode import lost_suffix
from .wire import tag, varint

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tetragon_core.events import Event

    from .bus import Subscription, View
    from .encode import EncodedEvent, EventEncoder
    from .history import History

__all__ = ["STATE_KEY", "Replay"]

STATE_KEY: Final = "tetragon-mini-history-bin"
"""Of the initial metadata; the value is a HistoryState."""

_NUMBER_TAG: Final = tag(events_pb.GetEventsResponse.NUMBER_FIELD_NUMBER, wire_type=0)
_SLICE: Final = 64
_SLICE_S: Final = 0.002
"""After so many events or so long, others have their turn: a filter may take its time."""


class Replay:
    """Made in the turn of the event loop in which its subscription is: so nothing lies between."""

    def __init__(
        self,
        history: History,
        encoder: EventEncoder,
        wanted: events_pb.History,
        kinds: frozenset[int] | None,
        view: View | None,
    ) -> None:
        """`kinds` and `view`: what the subscriber wants, as in its subscription."""
        self._history = history
        self._encoder = encoder
        self._wanted = wanted
        self._kinds = kinds
        self._view = view
        self._passed_over = 0
        self._next = history.newest + 1
        self._continues = wanted.run == history.run
        self._since_ns = 0 if self._continues else _nanoseconds(wanted.since)
        first = self._first()
        self._forgotten = max(0, history.oldest - first) if self._continues else 0
        self._position = max(first, history.oldest)
        known = wanted.after if self._continues else self._position
        self._told_lost = history.lost_before(min(known, self._next))

    def _first(self) -> int:
        """Number of the first event that may be sent, before any has been looked at."""
        wanted = self._wanted
        if self._continues:
            return min(wanted.after + 1, self._next)
        if wanted.last and self._takes_all:
            return self._next - wanted.last
        return self._history.oldest if wanted.last or wanted.HasField("since") else self._next

    @property
    def _takes_all(self) -> bool:
        return not self._wanted.HasField("since") and self._kinds is None and self._view is None

    def metadata(self) -> dict[str, bytes]:
        """Tells the subscriber about the history."""
        history = self._history
        started, since = Timestamp(), Timestamp()
        started.FromNanoseconds(history.started_ns)
        since.FromNanoseconds(history.complete_since_ns)
        state = events_pb.HistoryState(
            run=history.run,
            started=started,
            complete_since=since,
            next=self._next,
            forgotten=self._forgotten,
        )
        return {STATE_KEY: state.SerializeToString()}

    def live(self, event: EncodedEvent) -> bytes | None:
        """View of the subscription: the newest event, with its number."""
        seen = event.payload if self._view is None else self._view(event)
        return None if seen is None else seen + _NUMBER_TAG + varint(self._history.newest)

    async def batches(self, max_bytes: int) -> AsyncIterator[list[bytes]]:
        """Everything to send, oldest first."""
        if self._wanted.last and not self._continues and not self._takes_all:
            self._position = await self._find_last(self._wanted.last)
            self._told_lost = self._history.lost_before(self._position)
        while self._position < self._next:
            if batch := self._slice(max_bytes):
                yield batch
            await asyncio.sleep(0)

    def lost_at_end(self) -> int:
        """Records lost after the newest event of history; known before anything is sent."""
        before_newest = self._history.lost_before(self._next - 1)
        return self._history.lost_before(self._next) - max(self._told_lost, before_newest)

    def settle(self, subscription: Subscription) -> None:
        """Leave other losses that no event here told of to the next event of the subscription."""
        lost = self._history.lost_before(self._next - 1) - self._told_lost
        subscription.owe(lost=max(0, lost), dropped=self._passed_over)

    async def _find_last(self, count: int) -> int:
        """Number of the event from which on `count` are wanted, or of the oldest."""
        history, end = self._history, self._next
        while end > history.oldest:
            begin = max(history.oldest, end - _SLICE)
            events = history.read(begin, end - begin)
            until_s = time.perf_counter() + _SLICE_S
            for number in range(end - 1, begin - 1, -1):
                count -= self._payload(events[number - begin]) is not None
                if not count:
                    return number
                if time.perf_counter() > until_s:
                    await asyncio.sleep(0)
                    until_s = time.perf_counter() + _SLICE_S
            end = begin
            await asyncio.sleep(0)
        return end

    def _slice(self, max_bytes: int) -> list[bytes]:
        """Some of the events that come next, as far as they are wanted."""
        history = self._history
        if history.oldest > self._position:
            self._passed_over += history.oldest - self._position
            self._position = history.oldest
        batch: list[bytes] = []
        room = max_bytes
        until_s = time.perf_counter() + _SLICE_S
        for event in history.read(self._position, min(_SLICE, self._next - self._position)):
            payload = self._payload(event)
            if payload is not None:
                batch.append(payload + self._suffix(self._position))
                room -= len(payload)
            self._position += 1
            if room <= 0 or time.perf_counter() > until_s:
                break
        return batch

    def _suffix(self, number: int) -> bytes:
        """The number, and what was lost since the event before."""
        suffix = _NUMBER_TAG + varint(number)
        lost = self._history.lost_before(number) - self._told_lost
        if lost:
            self._told_lost += lost
            suffix += lost_suffix(before_agent=lost, in_queue=0)
        return suffix

    def _payload(self, event: Event) -> bytes | None:
        """What the subscriber gets of `event`, as it got it then; None: nothing."""
        if event.time_ns < self._since_ns:
            return None
        encoded = self._encoder.encode(event)
        if not isinstance(event, Throttle):
            for one in (event.process, event.parent, *event.ancestors):
                if one is not None and one.retired_ktime_ns:
                    # As after an exit: the bytes of what ended are not kept.
                    one.encoded = b""
        if self._kinds is not None and encoded.kind not in self._kinds:
            return None
        return encoded.payload if self._view is None else self._view(encoded)


def _nanoseconds(time: Timestamp) -> int:
    """Whatever a client has put in."""
    return time.seconds * 1_000_000_000 + time.nanos
