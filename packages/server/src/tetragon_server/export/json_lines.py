# SPDX-License-Identifier: Apache-2.0
"""Events' bytes to JSON lines, with what a sink has to know of each.

Most of an event's bytes are a process and its parent, known from events before: their bytes are cut
out and their JSON is put in, and only the rest is made a message. What does not look like what the
agent's own encoder writes goes the plain way, through one message; a test compares both.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp

from tetragon import events_pb2 as pb

from ..jsontext import JsonFormat
from ..wire import delimited, tag
from .sink import ExportedEvent

if TYPE_CHECKING:
    from google.protobuf.message import Message

__all__ = ["JsonLines"]

_SECOND_NS: Final = 1_000_000_000
_PROCESS_TYPE: Final = "tetragon.Process"
_MORE: Final = 0x80
"""The bit of a varint's byte that says that another follows."""
_SEVEN_BITS: Final = 0x7F
_TWO_BYTES: Final = b"\x80"
_TIME_TAG: Final = tag(pb.GetEventsResponse.TIME_FIELD_NUMBER)


class _EventType:
    """How one kind of event is written."""

    def __init__(self, field: Any) -> None:  # noqa: ANN401  # descriptors have several classes
        """`field`: the event's own in GetEventsResponse."""
        self.kind: int = field.number
        self.prefix = f'{{"{field.name}":{{'
        self.new: type[Message] = GetMessageClass(field.message_type)
        self.processes: list[tuple[int, str, str]] = []
        """The fields that come first, if they are processes: key, name as JSON, name."""
        for place, one in enumerate(field.message_type.fields, start=1):
            is_process = (
                one.message_type is not None and one.message_type.full_name == _PROCESS_TYPE
            )
            if one.number != place or one.is_repeated or not is_process:
                break
            self.processes.append((tag(one.number)[0], f'"{one.name}":', one.name))


_EVENT_TYPES: Final = {
    tag(field.number): _EventType(field)
    for field in pb.GetEventsResponse.DESCRIPTOR.oneofs_by_name["event"].fields
}


class JsonLines:
    """Makes the lines of one exporter."""

    def __init__(self, *, node_name: str, cluster_name: str) -> None:
        """Both go into lines that are not made of an event."""
        self._format = JsonFormat()
        self._node_name = node_name
        self._cluster_name = cluster_name
        response = pb.GetEventsResponse
        self._origin = delimited(tag(response.NODE_NAME_FIELD_NUMBER), node_name.encode())
        if cluster_name:
            cluster = delimited(tag(response.CLUSTER_NAME_FIELD_NUMBER), cluster_name.encode())
            self._origin += cluster
        self._origin += _TIME_TAG
        empty = response(node_name=node_name, cluster_name=cluster_name)
        empty.time.SetInParent()
        zero = self._format.time_text(0, 0)
        self._before_time, _, self._after_time = self._format.text(empty)[1:].partition(zero)

    def line(self, payload: bytes) -> ExportedEvent:
        """A GetEventsResponse as Tetragon would write it: without fields of ours."""
        return self._spliced(payload) or self._plain(payload)

    def _plain(self, payload: bytes) -> ExportedEvent:
        message = pb.GetEventsResponse.FromString(payload)
        kind = message.WhichOneof("event")
        number = 0 if kind is None else message.DESCRIPTOR.fields_by_name[kind].number
        stamp = message.time
        line = self._format.text(message).encode()
        return ExportedEvent(number, stamp.seconds * _SECOND_NS + stamp.nanos, line)

    def _spliced(self, payload: bytes) -> ExportedEvent | None:
        """None for what is not laid out as by the agent's own encoder."""
        head = payload[:2] if payload[:1] >= _TWO_BYTES else payload[:1]
        event = _EVENT_TYPES.get(head)
        if event is None:
            return None
        size, at = _length(payload, len(head))
        end = at + size
        body = self._body(event, payload, at, end)
        if body is None or not payload.startswith(self._origin, end):
            return None
        at = end + len(self._origin)
        size, at = _length(payload, at)
        if at + size != len(payload):
            return None
        stamp = Timestamp.FromString(payload[at:])
        when = self._format.time_text(stamp.seconds, stamp.nanos)
        line = f"{event.prefix}{body}}},{self._before_time}{when}{self._after_time}"
        time_ns = stamp.seconds * _SECOND_NS + stamp.nanos
        return ExportedEvent(event.kind, time_ns, line.encode())

    def _body(self, event: _EventType, payload: bytes, at: int, end: int) -> str | None:
        """The fields of the event, between these places."""
        parts = []
        for key, prefix, _ in event.processes:
            if at < end and payload[at] == key:
                size, at = _length(payload, at + 1)
                parts.append(prefix + self._format.process_text(payload[at : at + size]))
                at += size
        if at < end:
            message = event.new.FromString(payload[at:end])
            for _, _, name in event.processes:
                if message.HasField(name):
                    return None
            # Without the braces; empty when only fields of ours are left.
            parts.append(self._format.text(message)[1:-1])
        return ",".join(filter(None, parts)) if at <= end else None

    def rate_limit_info(self, dropped: int) -> ExportedEvent:
        """The line that tells how many events the rate limit has kept out."""
        message = pb.GetEventsResponse(node_name=self._node_name, cluster_name=self._cluster_name)
        message.rate_limit_info.number_of_dropped_process_events = dropped
        now_ns = time.time_ns()
        message.time.seconds, message.time.nanos = divmod(now_ns, _SECOND_NS)
        return ExportedEvent(pb.RATE_LIMIT_INFO, now_ns, self._format.text(message).encode())


def _length(data: bytes, at: int) -> tuple[int, int]:
    """The varint at this place, and where it ends."""
    value = data[at]
    at += 1
    if value < _MORE:
        return value, at
    value &= _SEVEN_BITS
    shift = 7
    while True:
        byte = data[at]
        at += 1
        value |= (byte & _SEVEN_BITS) << shift
        if byte < _MORE:
            return value, at
        shift += 7
