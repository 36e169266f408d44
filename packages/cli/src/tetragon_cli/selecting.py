# SPDX-License-Identifier: Apache-2.0
"""Filters for events that no agent has filtered: those of a file. The agent's own code does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tetragon.events_pb2 import GetEventsRequest, GetEventsResponse

__all__ = ["select"]


def select(
    events: Iterator[GetEventsResponse], request: GetEventsRequest
) -> Iterator[GetEventsResponse]:
    """What an agent would send of `events`; FilterError, at once, says what is wrong with it."""
    from tetragon_server.filters import compile_selection  # noqa: PLC0415  # loads RE2

    selected = compile_selection(request)
    return (kept for event in events if (kept := selected(event)) is not None)
