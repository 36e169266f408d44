# SPDX-License-Identifier: Apache-2.0
"""An event as filters look at it; the API's descriptors say which kinds of events have what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tetragon import events_pb2 as events_pb
from tetragon import tetragon_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Callable

    Predicate = Callable[["Subject"], bool]

__all__ = [
    "ALL_KINDS",
    "ANCESTOR_KINDS",
    "PARENT_KINDS",
    "POLICY_KINDS",
    "PROCESS_KINDS",
    "Subject",
]

_MEMBERS: Final = {
    field.name: field
    for field in events_pb.GetEventsResponse.DESCRIPTOR.oneofs_by_name["event"].fields
}
_NUMBERS: Final = {name: field.number for name, field in _MEMBERS.items()}


def _kinds_with(name: str) -> frozenset[int]:
    """Kinds whose message has a field of this name."""
    return frozenset(
        field.number
        for field in _MEMBERS.values()
        if field.message_type is not None and name in field.message_type.fields_by_name
    )


ALL_KINDS: Final = frozenset(events_pb.EventType.values())
"""UNDEF is among them: a response with no event that is known."""
PROCESS_KINDS: Final = _kinds_with("process")
PARENT_KINDS: Final = _kinds_with("parent")
ANCESTOR_KINDS: Final = _kinds_with("ancestors")
POLICY_KINDS: Final = _kinds_with("policy_name")


class Subject:
    """One event, taken apart once for all filters."""

    __slots__ = ("event", "kind", "process", "response")

    def __init__(self, response: events_pb.GetEventsResponse) -> None:
        name = response.WhichOneof("event")
        self.response = response
        self.kind = 0 if name is None else _NUMBERS[name]
        event: Any = None if name is None else getattr(response, name)
        self.event = event
        """The message of its kind; None without one."""
        self.process: pb.Process | None = None
        if self.kind in PROCESS_KINDS and event.HasField("process"):
            self.process = event.process

    @property
    def parent(self) -> pb.Process | None:
        """The process that started it."""
        if self.kind in PARENT_KINDS and self.event.HasField("parent"):
            parent: pb.Process = self.event.parent
            return parent
        return None
