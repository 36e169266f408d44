# SPDX-License-Identifier: Apache-2.0
"""The event loop of `getevents`: from a source through a format to standard output."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Protocol

from tetragon_core.errors import ConnectionFailedError

from .compact.text import escape
from .output import StreamOutput
from .signals import StoppedQuietly
from .unprintable import UnprintableEventError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tetragon.events_pb2 import GetEventsResponse, LostEvents, PolicyFallback

__all__ = ["Format", "print_events", "reconnecting"]


class Format(Protocol):
    """Turns an event into text; raises UnprintableEventError when it has none for it."""

    def render(self, response: GetEventsResponse, /) -> str:
        """All lines of the event, with their line ends."""


def print_events(events: Iterator[GetEventsResponse], form: Format) -> None:
    """Print until the events end, somebody stops us, or nobody reads any more."""
    with StoppedQuietly(), StreamOutput(sys.stdout.fileno()) as output:
        for response in events:
            if response.HasField("lost"):
                _note(output, _loss_text(response.lost))
            try:
                output.write(form.render(response))
            except UnprintableEventError as error:
                _note(output, f"an event was not printed: {error}")
            for fallback in response.policy_fallbacks:
                _note(output, _fallback_text(fallback))


def _note(output: StreamOutput, text: str) -> None:
    """A line on standard error, after the events it follows."""
    output.flush()
    sys.stderr.write(f"{text}\n")


def _loss_text(lost: LostEvents) -> str:
    parts = []
    if lost.before_agent:
        parts.append(f"{_events(lost.before_agent)} in the agent's kernel buffer")
    if lost.in_queue:
        parts.append(f"{_events(lost.in_queue)} because this client reads too slowly")
    return f"lost before this event: {', '.join(parts)}"


def _fallback_text(fallback: PolicyFallback) -> str:
    names = (fallback.domain, fallback.policy_namespace, fallback.policy_name)
    return (
        f"policy {escape('/'.join(filter(None, names)))} killed more than"
        f" {fallback.max_kills_per_minute} times within a minute and only monitors from now on"
    )


def _events(number: int) -> str:
    return "1 event" if number == 1 else f"{number} events"


def reconnecting(
    connect: Callable[[], Iterator[GetEventsResponse]], wait_s: float
) -> Iterator[GetEventsResponse]:
    """Events of one connection after the other, for ever."""
    while True:
        try:
            yield from connect()
        except ConnectionFailedError as error:
            sys.stderr.write(f"getevents: err:{error} retrying in {wait_s:g}s\n")
        time.sleep(wait_s)
