# SPDX-License-Identifier: Apache-2.0
"""Events' bytes to JSON lines, with what a sink has to know of each.

An event is made a message first. To cut out the bytes of processes that are known and to write only
the rest that way was tried: for a process's first events, which most are, it gained nothing.
"""

from __future__ import annotations

import time
from typing import Final

from tetragon import events_pb2 as pb

from ..jsontext import JsonFormat
from .sink import ExportedEvent

__all__ = ["JsonLines"]

_SECOND_NS: Final = 1_000_000_000
_KINDS: Final = {
    field.name: field.number
    for field in pb.GetEventsResponse.DESCRIPTOR.oneofs_by_name["event"].fields
}


class JsonLines:
    """Makes the lines of one exporter."""

    def __init__(self, *, node_name: str, cluster_name: str) -> None:
        """Both go into lines that are not made of an event."""
        self._format = JsonFormat()
        self._node_name = node_name
        self._cluster_name = cluster_name

    def line(self, payload: bytes) -> ExportedEvent:
        """A GetEventsResponse as Tetragon would write it: without fields of ours.

        Raises DecodeError for bytes that are none.
        """
        message = pb.GetEventsResponse.FromString(payload)
        kind = message.WhichOneof("event")
        stamp = message.time
        return ExportedEvent(
            0 if kind is None else _KINDS[kind],
            stamp.seconds * _SECOND_NS + stamp.nanos,
            self._format.text(message).encode(),
        )

    def rate_limit_info(self, dropped: int) -> ExportedEvent:
        """The line that tells how many events the rate limit has kept out."""
        message = pb.GetEventsResponse(node_name=self._node_name, cluster_name=self._cluster_name)
        message.rate_limit_info.number_of_dropped_process_events = dropped
        now_ns = time.time_ns()
        message.time.seconds, message.time.nanos = divmod(now_ns, _SECOND_NS)
        return ExportedEvent(pb.RATE_LIMIT_INFO, now_ns, self._format.text(message).encode())
