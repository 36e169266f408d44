# SPDX-License-Identifier: Apache-2.0
"""Where `getevents` gets its events: agents, files of JSON lines, or standard input."""

from __future__ import annotations

import heapq
import os
import stat
import sys
import time
from collections import deque
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from tetragon.events_pb2 import GetEventsResponse
from tetragon_core.errors import ConnectionFailedError

from .compact.text import escape
from .history import STATE_KEY, limit_text, read_history_state
from .merging import merged, time_ns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tetragon.events_pb2 import GetEventsRequest, HistoryState

    from .event_filters import EventChoice
    from .following import Met
    from .history import Earlier
    from .settings import ClientSettings

__all__ = ["Wishes", "from_agents", "from_files", "is_stdin_data"]

_STDIN: Final = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """Which events are wanted, and for how long."""

    choice: EventChoice
    earlier: Earlier
    follow: bool = False
    reconnect_s: float | None = None
    """Pause before connecting again in Tetragon's way; None: do not."""


def is_stdin_data() -> bool:
    """True when standard input brings events: it is open and no terminal or other device."""
    try:
        return not stat.S_ISCHR(os.fstat(_STDIN).st_mode)
    except OSError:
        return False


def from_agents(settings: ClientSettings, wishes: Wishes) -> Iterator[GetEventsResponse]:
    """Events of the agent, or of several, merged by time."""
    addresses = [one for one in settings.server_address.split(",") if one]
    if len(addresses) < 2:
        return _from_one(replace(settings, server_address="".join(addresses)), wishes, "")
    return merged(
        {
            one: _from_one(replace(settings, server_address=one), wishes, f"{one}: ")
            for one in addresses
        },
        _tell,
    )


def _from_one(settings: ClientSettings, wishes: Wishes, prefix: str) -> Iterator[GetEventsResponse]:
    request = wishes.choice.request()

    def tell(text: str) -> None:
        _tell(prefix + text)

    if wishes.follow:
        from .following import Follower  # noqa: PLC0415  # imports gRPC

        # It has pauses of its own, and says what it waits for.
        connect = partial(_connect, replace(settings, retries=0))
        return Follower(connect, request, wishes.earlier, tell).events()

    def met(state: HistoryState | None) -> None:
        if limit := limit_text(wishes.earlier, state):
            tell(limit)

    def connect_once() -> Iterator[GetEventsResponse]:
        yield from _connect(settings, request, met if wishes.earlier else None)
        # Upstream's client exits with 0 and no word; nobody would know why.
        tell("the agent ended the stream")

    if wishes.earlier:
        request.history.CopyFrom(wishes.earlier.history())
    if wishes.reconnect_s is None:
        return connect_once()
    return _reconnecting(connect_once, request, wishes.reconnect_s)


def _connect(
    settings: ClientSettings, request: GetEventsRequest, met: Met | None
) -> Iterator[GetEventsResponse]:
    """One stream. `met` is told what the agent says of its history."""
    from .client import AgentClient  # noqa: PLC0415  # files are read without gRPC

    def tell_state(metadata: Mapping[str, str | bytes]) -> None:
        if met is not None:
            met(read_history_state(metadata.get(STATE_KEY)))

    with AgentClient(settings) as client:
        told = None if met is None else tell_state
        yield from client.stream("GetEvents", request, GetEventsResponse, told)


def _reconnecting(
    connect: Callable[[], Iterator[GetEventsResponse]], request: GetEventsRequest, wait_s: float
) -> Iterator[GetEventsResponse]:
    """Events of one connection after the other, for ever; earlier ones of the first that works."""
    while True:
        try:
            for event in connect():
                request.ClearField("history")
                yield event
        except ConnectionFailedError as error:
            _tell(f"getevents: err:{error} retrying in {wait_s:g}s")
        time.sleep(wait_s)


def from_files(paths: Sequence[str], limit: int, wishes: Wishes) -> Iterator[GetEventsResponse]:
    """Events of files of JSON lines, merged by time; `-` is standard input."""
    from .event_files import from_file  # noqa: PLC0415  # agents need none of it

    sources = {path: from_file(path, limit, follow=wishes.follow) for path in paths}
    if len(sources) == 1:
        events = next(iter(sources.values()))
    elif wishes.follow:
        events = merged(sources, _tell)
    else:
        events = heapq.merge(*sources.values(), key=time_ns)
    since_ns = wishes.earlier.since_ns
    if since_ns is not None:
        events = (event for event in events if time_ns(event) >= since_ns)
    events = wishes.choice.select(events)
    if wishes.earlier.last and not wishes.follow:
        return iter(deque(events, maxlen=wishes.earlier.last))
    return events


def _tell(text: str) -> None:
    """A line for the user, beside the events."""
    sys.stderr.write(f"{escape(text)}\n")
