# SPDX-License-Identifier: Apache-2.0
"""Events' bytes to JSON lines, with what a sink has to know of each."""

from __future__ import annotations

import time
from typing import Final

from tetragon import events_pb2 as pb

from ..jsontext import JsonFormat
from .sink import ExportedEvent

__all__ = ["JsonLines"]

_SECOND_NS: Final = 1_000_000_000


class JsonLines:
    """Makes the lines of one exporter."""

    def __init__(self, *, node_name: str, cluster_name: str) -> None:
        """Both go into lines that are not made of an event."""
        self._format = JsonFormat()
        self._node_name = node_name
        self._cluster_name = cluster_name

    def line(self, payload: bytes) -> ExportedEvent:
        """A GetEventsResponse as Tetragon would write it: without fields of ours."""
        message = pb.GetEventsResponse.FromString(payload)
        kind = message.WhichOneof("event")
        number = 0 if kind is None else message.DESCRIPTOR.fields_by_name[kind].number
        stamp = message.time
        line = self._format.text(message).encode()
        return ExportedEvent(number, stamp.seconds * _SECOND_NS + stamp.nanos, line)

    def rate_limit_info(self, dropped: int) -> ExportedEvent:
        """The line that tells how many events the rate limit has kept out."""
        message = pb.GetEventsResponse(node_name=self._node_name, cluster_name=self._cluster_name)
        message.rate_limit_info.number_of_dropped_process_events = dropped
        now_ns = time.time_ns()
        message.time.seconds, message.time.nanos = divmod(now_ns, _SECOND_NS)
        return ExportedEvent(pb.RATE_LIMIT_INFO, now_ns, self._format.text(message).encode())
