# SPDX-License-Identifier: Apache-2.0
"""The `ancestors` of an event: the processes above the parent, nearest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tetragon_core.events import HookHit, Throttle

if TYPE_CHECKING:
    from tetragon_core.events import Event
    from tetragon_core.process import Process

__all__ = ["wants_ancestors", "with_ancestors"]

_TOP_PID: Final = 2
"""The line ends at init or kthreadd; the pseudo process above them is never listed."""


def wants_ancestors(event: Event, types: frozenset[str]) -> bool:
    """True when `event` is of one of these types; `base` means execs and exits."""
    if isinstance(event, HookHit):
        return event.hit.info.event.value.removeprefix("process_") in types
    return "base" in types and not isinstance(event, Throttle)


def with_ancestors(event: Event) -> Event:
    """`event` with its ancestors, as far as they are known."""
    if isinstance(event, Throttle):
        return event
    line: list[Process] = []
    below = event.parent
    while below is not None and below.pid > _TOP_PID and below.parent is not None:
        below = below.parent
        line.append(below)
    return event._replace(ancestors=tuple(line))
