# SPDX-License-Identifier: Apache-2.0
"""Shares the event loop's time between what clients send and everything else.

A client may send more than can be handled: 256 KiB, which is what one read brings, can be two
thousand calls that are cancelled at once. So what connections send is handled in pieces, one
connection after the other, some milliseconds at a time; a connection that waits for its turn is
not read from, and its peer has to wait, too. What the bytes mean is not known here.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Reader", "Turns"]

_PIECE_BYTES: Final = 2048
"""Some twenty short calls: a few milliseconds."""
_TURN_S: Final = 0.005
"""As long as a turn of the pump, which comes in between."""
_BURST_S: Final = 0.02
_SHARE: Final = 0.5
"""Of all time, beyond the burst."""


class Reader(Protocol):
    """A connection, as far as taking what its peer sends goes."""

    @property
    def is_ended(self) -> bool:
        """What the peer sends does not matter any more."""

    @property
    def is_blocked(self) -> bool:
        """The peer does not take what it was sent, so it gets no more; see `Turns.unblocked`."""

    def handle(self, data: bytes) -> None:
        """Do what the peer asks for."""

    def abort(self) -> None:
        """End the connection now."""

    def pause_reading(self) -> None:
        """Leave in the kernel what else comes."""

    def resume_reading(self) -> None:
        """Give `Turns.received` what comes."""


class Turns:
    """Those of one server's connections. Used in the event loop's thread only."""

    def __init__(self, clock_s: Callable[[], float] = time.perf_counter) -> None:
        self._clock_s = clock_s
        self._credit_s = _BURST_S
        self._credited_at_s = clock_s()
        self._waiting: dict[Reader, bytearray] = {}
        """What was read and not handled yet."""
        self._queue: deque[Reader] = deque()
        """Those of `_waiting` that are not blocked, next one first."""
        self._next_turn: asyncio.TimerHandle | None = None

    def received(self, reader: Reader, data: bytes) -> None:
        """Handle a little at once, if there is time for it, and more of it in turn."""
        rest = self._waiting.get(reader)
        if rest is not None:
            rest += data
        elif len(data) <= _PIECE_BYTES and self._has_time() and not reader.is_blocked:
            self._handle(reader, data)
        else:
            self._waiting[reader] = bytearray(data)
            self._queue.append(reader)
            reader.pause_reading()
            self._schedule()

    def unblocked(self, reader: Reader) -> None:
        """The peer has taken what it was sent."""
        if reader in self._waiting and reader not in self._queue:
            self._queue.append(reader)
            self._schedule()

    def forget(self, reader: Reader) -> None:
        """The connection has ended."""
        if self._waiting.pop(reader, None) is not None and reader in self._queue:
            self._queue.remove(reader)

    def _has_time(self) -> bool:
        now_s = self._clock_s()
        regained_s = (now_s - self._credited_at_s) * _SHARE
        self._credit_s = min(_BURST_S, self._credit_s + regained_s)
        self._credited_at_s = now_s
        return self._credit_s > 0

    def _handle(self, reader: Reader, data: bytes) -> None:
        if reader.is_ended:
            return
        begin_s = self._clock_s()
        try:
            reader.handle(data)
        except BaseException:
            reader.abort()  # as asyncio does where it calls by itself
            raise
        finally:
            self._credit_s -= self._clock_s() - begin_s

    def _schedule(self) -> None:
        if self._next_turn is None and self._queue:
            # Without credit, when half of a turn's time is regained.
            pause_s = 0 if self._has_time() else _TURN_S - self._credit_s / _SHARE
            self._next_turn = asyncio.get_running_loop().call_later(pause_s, self._turn)

    def _turn(self) -> None:
        self._next_turn = None
        until_s = self._clock_s() + _TURN_S
        try:
            while self._queue and self._has_time() and self._clock_s() < until_s:
                self._handle_piece(self._queue.popleft())
        finally:
            self._schedule()

    def _handle_piece(self, reader: Reader) -> None:
        if reader.is_blocked:
            return
        rest = self._waiting[reader]
        piece = bytes(rest[:_PIECE_BYTES])
        del rest[:_PIECE_BYTES]
        self._handle(reader, piece)
        if reader not in self._waiting:
            return
        if rest and not reader.is_ended:
            self._queue.append(reader)
        else:
            del self._waiting[reader]
            reader.resume_reading()
