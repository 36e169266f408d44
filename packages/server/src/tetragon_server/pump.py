# SPDX-License-Identifier: Apache-2.0
"""Kernel records to subscribers: drain, observe, encode once, publish; in bounded turns."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final, Protocol

from tetragon_core.stats import Counter

from .ancestors import wants_ancestors, with_ancestors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tetragon_core.events import Event
    from tetragon_core.messages import Message
    from tetragon_core.stats import Stats

    from .bus import Bus
    from .encode import EventEncoder

__all__ = ["EventSource", "Pump", "RecordSource"]

_log = logging.getLogger(__name__)

_RECORDS_PER_TURN: Final = 256
"""About 5 ms of work: long enough to be cheap, short enough for the senders to get their turn."""
_GATHER_S: Final = 0.002
"""Records are gathered this long after the first: a wake-up for each costs more than the rest."""
_ERRORS_LOGGED: Final = 10
_NOT_EVERYONES: Final = frozenset(
    {
        Counter.SUBSCRIBER_DROPPED,
        Counter.RING_LOST_FORK,
        Counter.CGROUPS_REFUSED,
        Counter.CONTAINER_CGROUPS_FULL,
        Counter.EXPORT_LOST,
        Counter.EXPORT_TOO_LARGE,
    }
)


class RecordSource(Protocol):
    """The part of a sensor the pump uses."""

    def fileno(self) -> int:
        """A descriptor that is readable while records are there."""

    def acknowledge(self) -> None:
        """Keep fileno() quiet until the ring was emptied and another record came."""

    def drain(self, limit: int) -> list[Message]:
        """About `limit` records that are there now, in order; fewer mean that it was all."""

    def losses(self) -> int:
        """Records lost so far on the way here; asked for every turn, so it has to be cheap."""


class EventSource(Protocol):
    """The part of the observer the pump uses."""

    def feed(self, message: Message) -> Sequence[Event]:
        """The events one record makes, in order."""


class Pump:
    """One per agent."""

    def __init__(  # noqa: PLR0913  # the places records and their losses come from, and go to
        self,
        source: RecordSource,
        observer: EventSource,
        encoder: EventEncoder,
        bus: Bus,
        stats: Stats,
        *,
        ancestors: frozenset[str] = frozenset(),
        more_losses: Callable[[], int] = int,
        notice: Callable[[], object] = int,
        taps: Sequence[Callable[[Event], object]] = (),
        complete: Callable[[Iterable[Event]], Iterable[Event]] = iter,
    ) -> None:
        """`ancestors`: types of events that list them. `more_losses`: records lost elsewhere.

        `notice` is called before each batch: what it tells the bus comes with the batch's events.
        `taps` get each event before it is encoded, whether anybody subscribes or not. `complete`
        keeps events that have to wait, and gives them to publish_complete() later.
        """
        self._source = source
        self._observer = observer
        self._encoder = encoder
        self._bus = bus
        self._stats = stats
        self._ancestors = ancestors
        self._next_turn: asyncio.TimerHandle | None = None
        self._errors = 0
        self._more_losses = more_losses
        self._notice = notice
        self._taps = tuple(taps)
        self._complete = complete
        self._loss_mark = self._mark()
        self._lost = self._total_lost()

    def start(self) -> None:
        """Take records as they come, until stop()."""
        asyncio.get_running_loop().add_reader(self._source.fileno(), self._on_readable)

    def stop(self) -> None:
        """Take what is there, and no more."""
        asyncio.get_running_loop().remove_reader(self._source.fileno())
        if self._next_turn is not None:
            self._next_turn.cancel()
        self.feed(self.drain_all())

    def _on_readable(self) -> None:
        """The first record after a pause; those that follow it at once will share its turn."""
        self._source.acknowledge()
        if self._next_turn is None:
            loop = asyncio.get_running_loop()
            self._next_turn = loop.call_later(_GATHER_S, self._turn)

    def _turn(self) -> None:
        self._next_turn = None
        records = self._source.drain(_RECORDS_PER_TURN)
        self.feed(records)
        if len(records) >= _RECORDS_PER_TURN:
            # More may wait, and the descriptor stays quiet; but the senders have their turn first.
            self._next_turn = asyncio.get_running_loop().call_later(0, self._turn)

    def drain_all(self) -> list[Message]:
        """Every record that is there now, not fed yet."""
        records: list[Message] = []
        while more := self._source.drain(_RECORDS_PER_TURN):
            records += more
        return records

    def feed(self, messages: Iterable[Message]) -> None:
        """Turn records into events and publish them, then tell what was lost meanwhile."""
        self._notice()
        for message in messages:
            try:
                self.publish(self._observer.feed(message))
            except Exception:  # noqa: BLE001  # one bad record must not end the rest
                self._count_error()
        self._tell_lost()

    def publish(self, events: Iterable[Event]) -> None:
        """Events that are known already, such as those of the /proc walk, go the same way."""
        self.publish_complete(self._complete(events))

    def publish_complete(self, events: Iterable[Event]) -> None:
        """Events that have their container and pod."""
        is_wanted = bool(self._bus.subscribers)
        if not is_wanted and not self._taps:
            return
        for event in events:
            is_short = self._ancestors and wants_ancestors(event, self._ancestors)
            complete = with_ancestors(event) if is_short else event
            for tap in self._taps:
                tap(complete)
            if is_wanted:
                self._bus.publish(self._encoder.encode(complete))

    def _tell_lost(self) -> None:
        mark = self._mark()
        if mark == self._loss_mark:
            return
        self._loss_mark = mark
        # After the batch, not before: the ring was full of records older than the ones it refused.
        lost = self._total_lost()
        if lost != self._lost:
            self._bus.note_lost(lost - self._lost)
            self._lost = lost

    def _mark(self) -> tuple[int, int, int]:
        """Changes whenever something was lost; cheap."""
        return self._source.losses(), self._more_losses(), self._errors

    def _total_lost(self) -> int:
        """Events that were never made.

        A fork makes none, and what one subscriber or the export loses is that one's.
        """
        values = self._stats.snapshot()
        return sum(
            value
            for counter, value in values.items()
            if counter.lost and counter not in _NOT_EVERYONES
        )

    def _count_error(self) -> None:
        self._errors += 1
        self._stats.add(Counter.HANDLER_ERRORS)
        if self._errors <= _ERRORS_LOGGED:
            _log.exception("a record could not be handled")
