# SPDX-License-Identifier: Apache-2.0
"""The event loop of `getevents`: from a source through a format to standard output."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, Protocol

from .compact.text import escape
from .output import StreamOutput
from .signals import StoppedQuietly
from .unprintable import UnprintableEventError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tetragon.events_pb2 import GetEventsResponse, PolicyFallback

__all__ = ["Format", "print_events"]

_REASONS: Final = 100
"""Kinds of notes that are remembered; a stream that invents more is not worth a line each."""


class Format(Protocol):
    """Turns an event into text; raises UnprintableEventError when it has none for it."""

    def render(self, response: GetEventsResponse, /) -> str | bytes:
        """All lines of the event, with their line ends."""


def print_events(
    events: Iterator[GetEventsResponse], form: Format, *, has_nodes: bool = False
) -> None:
    """Print until the events end, somebody stops us, or nobody reads any more.

    `has_nodes`: events come from several nodes, and notes say from which.
    """
    unprintable: set[str] = set()
    with StoppedQuietly(), StreamOutput(sys.stdout.fileno()) as output:
        for response in events:
            if response.HasField("lost"):
                _note(output, _loss_text(response, has_nodes=has_nodes))
            try:
                text = form.render(response)
            except UnprintableEventError as error:
                _note_once(output, str(error), unprintable)
            except (ValueError, OverflowError, OSError):
                # What the C library and Python's say of a time that no calendar has.
                _note_once(output, "a time in it is out of range", unprintable)
            else:
                output.write(text)
            for fallback in response.policy_fallbacks:
                _note(output, _fallback_text(fallback))


def _note(output: StreamOutput, text: str) -> None:
    """A line on standard error, after the events it follows."""
    output.flush()
    sys.stderr.write(f"{text}\n")


def _note_once(output: StreamOutput, reason: str, noted: set[str]) -> None:
    """A newer agent may send many events of a kind this client does not know."""
    if reason not in noted and len(noted) < _REASONS:
        noted.add(reason)
        _note(output, f"events are not printed (said once): {escape(reason)}")


def _loss_text(response: GetEventsResponse, *, has_nodes: bool) -> str:
    lost = response.lost
    where = f" of {escape(response.node_name)}" if has_nodes else ""
    parts = []
    if lost.before_agent:
        parts.append(f"{_events(lost.before_agent)} in the agent's kernel buffer")
    if lost.in_queue:
        parts.append(f"{_events(lost.in_queue)} because this client reads too slowly")
    return f"lost before this event{where}: {', '.join(parts)}"


def _fallback_text(fallback: PolicyFallback) -> str:
    names = (fallback.domain, fallback.policy_namespace, fallback.policy_name)
    return (
        f"policy {escape('/'.join(filter(None, names)))} killed more than"
        f" {fallback.max_kills_per_minute} times within a minute and only monitors from now on"
    )


def _events(number: int) -> str:
    return "1 event" if number == 1 else f"{number} events"
