# SPDX-License-Identifier: Apache-2.0
"""Encoded events to subscribers: the same bytes to all, a bounded queue for each. No network here.

A full queue drops the new event, for its own subscriber only, counts it, and the next event that
fits carries a `lost` note: exactly where the gap is. The same note tells of records lost before the
agent saw them. It never travels alone: clients written for Tetragon take every response for an
event. A subscriber of a host that stays silent after a loss therefore learns of it from
`GetHealth`, or with the next event.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import TetragonError
from tetragon_core.stats import Counter

from .encode import lost_suffix

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .encode import EncodedEvent

    View = Callable[[EncodedEvent], bytes | None]

__all__ = ["Bus", "Subscription", "ViewError"]

_POLL_S: Final = 0.01
_NOTES_BYTES: Final = 8192
_OWN_BYTES: Final = 256 * 1024
"""What a queue may hold when others hold all there is: no slow reader costs a quick one events."""
MAX_STREAMS: Final = 1024
"""Subscribers at a time, beside those of the agent itself."""


class ViewError(TetragonError):
    """A view cannot go on: its subscription ends with these words."""


class _Budget:
    """What all queues together hold; each may hold a little, however full the others are."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self.queued_bytes = 0

    def has_room(self, size: int, own_bytes: int) -> bool:
        return own_bytes + size <= _OWN_BYTES or self.queued_bytes + size <= self._max_bytes


class Subscription:
    """One subscriber's queue. The bus fills it, one sender empties it."""

    def __init__(
        self,
        *,
        kinds: frozenset[int] | None,
        view: View | None,
        max_events: int,
        max_bytes: int,
        already_lost: int,
        budget: _Budget,
    ) -> None:
        self._budget = budget
        self.dropped = 0
        self.accepted = 0
        self._kinds = kinds
        self._view = view
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._queue: deque[bytes] = deque()
        self._queued_bytes = 0
        self._told_lost = already_lost
        self._told_dropped = 0
        self._notes = b""
        self._closed = False
        self._failure: ViewError | None = None
        self._changed = asyncio.Event()

    def offer(self, event: EncodedEvent, total_lost: int) -> None:
        """Queue `event` if it is wanted and fits; `total_lost` counts since the agent's start."""
        if self._kinds is not None and event.kind not in self._kinds:
            return
        try:
            seen = event.payload if self._view is None else self._view(event)
        except ViewError as error:
            self._failure = error
            self._kinds = frozenset()
            self.close()
            return
        if seen is None:
            return
        payload = seen + self._notes
        if total_lost != self._told_lost or self.dropped != self._told_dropped:
            payload += lost_suffix(
                before_agent=total_lost - self._told_lost,
                in_queue=self.dropped - self._told_dropped,
            )
        if not self._has_room(len(payload)):
            self.dropped += 1
            return
        self._told_lost, self._told_dropped = total_lost, self.dropped
        self._notes = b""
        self._queue.append(payload)
        self._queued_bytes += len(payload)
        self._budget.queued_bytes += len(payload)
        self.accepted += 1
        self._changed.set()

    def note(self, suffix: bytes) -> None:
        """Have the next event that is queued end with these fields; too many are left out."""
        if len(self._notes) + len(suffix) <= _NOTES_BYTES:
            self._notes += suffix

    def owe(self, *, lost: int = 0, dropped: int = 0) -> None:
        """Have the next event tell of these losses, too: of history, which was sent before."""
        self._told_lost -= lost
        self.dropped += dropped

    def _has_room(self, size: int) -> bool:
        # An event larger than the whole byte limit still goes out, alone.
        fits = self._queued_bytes + size <= self._max_bytes or not self._queue
        is_allowed = self._budget.has_room(size, self._queued_bytes) or not self._queue
        return fits and is_allowed and len(self._queue) < self._max_events

    def forget(self) -> None:
        """Nobody will take what is queued."""
        self._budget.queued_bytes -= self._queued_bytes
        self._queued_bytes = 0
        self._queue.clear()

    def close(self) -> None:
        """What is queued is still handed out, then the stream ends."""
        self._closed = True
        self._changed.set()

    @property
    def has_events(self) -> bool:
        """True when take() would not wait."""
        return bool(self._queue)

    @property
    def queued(self) -> int:
        """Events that were not taken yet."""
        return len(self._queue)

    async def take(self, max_events: int, max_bytes: int) -> list[bytes]:
        """The oldest events, at least one, as many as fit; empty only when the bus has closed.

        Raises ViewError after the last event of a view that failed.
        """
        while not self._queue and not self._closed:
            self._changed.clear()
            await self._changed.wait()
        if self._failure is not None and not self._queue:
            raise self._failure
        batch: list[bytes] = []
        room = max_bytes
        while self._queue and len(batch) < max_events:
            if batch and len(self._queue[0]) > room:
                break
            payload = self._queue.popleft()
            room -= len(payload)
            self._queued_bytes -= len(payload)
            self._budget.queued_bytes -= len(payload)
            batch.append(payload)
        return batch


class Bus:
    """Everyone who wants events. Used from the event loop's thread only."""

    def __init__(
        self, *, max_events: int, max_bytes: int, max_total_bytes: int = 256 * 1024 * 1024
    ) -> None:
        """Limits of one queue, and of what all of them hold together beyond a little each."""
        self._budget = _Budget(max_total_bytes)
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._subscriptions: set[Subscription] = set()
        self._lost = 0
        self._loss_taps: list[Callable[[int], object]] = []
        self._past_accepted = 0
        self._past_dropped = 0

    def subscribe(
        self,
        kinds: frozenset[int] | None = None,
        view: View | None = None,
        *,
        max_events: int | None = None,
    ) -> Subscription:
        """A queue that gets everything published from now on, or only these kinds of it.

        `view` then says what of such an event is sent: its bytes, or nothing with None.
        `max_events` is for a queue of another length than the usual one.
        """
        subscription = Subscription(
            kinds=kinds,
            view=view,
            max_events=max_events or self._max_events,
            max_bytes=self._max_bytes,
            already_lost=self._lost,
            budget=self._budget,
        )
        self._subscriptions.add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Forget the queue; its counts stay in the totals."""
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)
            subscription.forget()
            self._past_accepted += subscription.accepted
            self._past_dropped += subscription.dropped

    @property
    def subscribers(self) -> int:
        """How many listen now."""
        return len(self._subscriptions)

    def publish(self, event: EncodedEvent) -> None:
        """Offer `event` to each subscriber."""
        for subscription in self._subscriptions:
            subscription.offer(event, self._lost)

    def note_lost(self, records: int) -> None:
        """The next event of every subscriber tells that so many records never came here."""
        self._lost += records
        for tap in self._loss_taps:
            tap(records)

    def tap_losses(self, tap: Callable[[int], object]) -> None:
        """Have `tap` called with each number of records that never came here."""
        self._loss_taps.append(tap)

    def tell(self, suffix: bytes) -> None:
        """Append fields to the next event of every subscriber; alone they would be no event."""
        for subscription in self._subscriptions:
            subscription.note(suffix)

    def counters(self) -> Mapping[Counter, int]:
        """Source for Stats."""
        accepted = sum(one.accepted for one in self._subscriptions)
        dropped = sum(one.dropped for one in self._subscriptions)
        return {
            Counter.EVENTS_SENT: self._past_accepted + accepted,
            Counter.SUBSCRIBER_DROPPED: self._past_dropped + dropped,
        }

    async def drain(self, timeout_s: float) -> None:
        """End every stream once its queue is empty; give up on slow ones after `timeout_s`."""
        for subscription in self._subscriptions:
            subscription.close()
        deadline = asyncio.get_running_loop().time() + timeout_s
        # Polled: there is no event for several queues being gone.
        while self._subscriptions and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110  # see above
            await asyncio.sleep(_POLL_S)
