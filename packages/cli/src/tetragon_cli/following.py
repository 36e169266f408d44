# SPDX-License-Identifier: Apache-2.0
"""`--follow`: one agent's events over its restarts, without gaps where its history allows it.

An agent that is there again is asked for what came after the last event that was printed. What
cannot be had any more is said: between which times something is missing, or how much.
"""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, Final, Protocol

from tetragon.events_pb2 import GetEventsRequest, History
from tetragon_core.errors import TetragonError

from .client import RefusedError, UnavailableError
from .history import limit_text, time_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tetragon.events_pb2 import GetEventsResponse, HistoryState

    from .history import Earlier

    Met = Callable[[HistoryState | None], object]

__all__ = ["Clock", "Connect", "Follower"]

_FIRST_PAUSE_S: Final = 0.25
_LONGEST_PAUSE_S: Final = 5.0
_LAST_S: Final = 253_402_300_799
"""The last second of the year 9999, the latest that a Timestamp may have."""


class Connect(Protocol):
    """Opens a stream. `met` is called when the agent answers; None: it keeps no history."""

    def __call__(self, request: GetEventsRequest, met: Met, /) -> Iterator[GetEventsResponse]:
        """Events until the connection ends; UnavailableError if it could not be made or broke."""


class Clock:
    """This host's."""

    def now_ns(self) -> int:
        """Since the Unix epoch."""
        return time.time_ns()

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        time.sleep(seconds)


@dataclasses.dataclass(slots=True)
class _Place:
    """How far we are: in which run of the agent, and after which event."""

    run: str
    after: int


class Follower:
    """Follows one agent for ever."""

    def __init__(
        self,
        connect: Connect,
        request: GetEventsRequest,
        earlier: Earlier,
        tell: Callable[[str], object],
        clock: Clock | None = None,
    ) -> None:
        """`tell` is given lines for the user."""
        self._clock = clock or Clock()
        self._connect = connect
        self._request = request
        self._earlier = earlier
        self._tell = tell
        self._place: _Place | None = None
        """None until an event came, or at least an agent with a history."""
        self._run = ""
        self._begun_ns = 0
        """When the first agent answered; 0 before that."""
        self._newest: GetEventsResponse | None = None
        """The last one with a time that can be."""
        self._broken_ns = 0
        self._sure_until_ns = 0
        """Nothing older is missing."""
        self._pause_s = _FIRST_PAUSE_S

    def events(self) -> Iterator[GetEventsResponse]:
        """One connection after the other."""
        while True:
            try:
                yield from self._one_stream()
                self._note_break("the agent ended the stream")
            except UnavailableError as error:
                self._note_break(error.what, was_silent=error.was_silent)
            except RefusedError:
                raise
            except TetragonError as error:
                # Not the first try, so this is a moment of a restart and not a wrong option.
                if not self._begun_ns and not self._broken_ns:
                    raise
                self._note_break(str(error))
            self._clock.sleep(self._pause_s)
            self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)

    def _one_stream(self) -> Iterator[GetEventsResponse]:
        for event in self._connect(self._next_request(), self._met):
            if event.number:
                self._place = _Place(self._run, event.number)
            if 0 <= event.time.seconds < _LAST_S and 0 <= event.time.nanos < 10**9:
                self._newest = event
            yield event

    def _next_request(self) -> GetEventsRequest:
        request = GetEventsRequest()
        request.CopyFrom(self._request)
        request.history.CopyFrom(self._wanted())
        return request

    def _wanted(self) -> History:
        if not self._begun_ns or (self._place is None and self._newest is None):
            return self._earlier.history()
        wanted = History()
        if self._newest is not None and self._newest.HasField("time"):
            wanted.since.FromNanoseconds(_time_ns(self._newest) + 1)
        else:
            wanted.since.FromNanoseconds(self._begun_ns)
        if self._place is not None:
            wanted.run, wanted.after = self._place.run, self._place.after
        return wanted

    def _note_break(self, what: str, *, was_silent: bool = False) -> None:
        """Say it once, however many attempts follow."""
        if not self._broken_ns:
            self._broken_ns = self._clock.now_ns()
            self._sure_until_ns = self._broken_ns
            if was_silent:
                newest = self._newest
                self._sure_until_ns = self._begun_ns if newest is None else _time_ns(newest)
            self._tell(f"{what}; waiting for it")

    def _met(self, state: HistoryState | None) -> None:
        """An agent has answered."""
        if self._begun_ns:
            self._tell_what_is_missing(state)
        else:
            if self._broken_ns:
                self._tell("the agent is there")
            if limit := limit_text(self._earlier, state):
                self._tell(limit)
            self._begun_ns = self._clock.now_ns()
            if state is not None and not self._earlier:
                self._place = _Place(state.run, state.next - 1)
        self._run = state.run if state is not None else ""
        self._broken_ns = 0
        self._pause_s = _FIRST_PAUSE_S

    def _tell_what_is_missing(self, state: HistoryState | None) -> None:
        away = f"after {(self._clock.now_ns() - self._broken_ns) / 1e9:.1f}s"
        gone = time_text(self._sure_until_ns)
        if state is None:
            missing = f"events between {gone} and {time_text(self._clock.now_ns())} are missing"
            self._tell(f"the agent is back {away} and keeps no history: {missing}")
        elif state.run != self._run:
            missing = f"events between {gone} and {_text(state)} are missing"
            self._tell(f"another agent is there {away}: {missing}")
        elif state.forgotten:
            what = f"up to {state.forgotten} events since {gone} are not in its history any more"
            self._tell(f"the agent is back {away}: {what}")
        else:
            self._tell(f"the agent is back {away}: nothing is missing")


def _text(state: HistoryState) -> str:
    return time_text(state.complete_since.ToNanoseconds())


def _time_ns(event: GetEventsResponse) -> int:
    nanoseconds: int = event.time.ToNanoseconds()
    return nanoseconds
