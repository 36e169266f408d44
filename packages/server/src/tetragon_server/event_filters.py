# SPDX-License-Identifier: Apache-2.0
"""Which event kinds a GetEvents request asks for. A filter that is not known is refused, never
ignored: showing more than was asked for would be wrong without anyone noticing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf.unknown_fields import UnknownFieldSet
from grpclib.const import Status
from grpclib.exceptions import GRPCError

from tetragon import events_pb2 as events_pb

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["requested_kinds"]

_ALL_KINDS = frozenset(events_pb.EventType.values())


def requested_kinds(request: events_pb.GetEventsRequest) -> frozenset[int] | None:
    """Event kinds to send, None for all; GRPCError names the first filter not supported."""
    if request.field_filters:
        raise _unsupported("field_filters")
    if request.HasField("aggregation_options"):
        raise _unsupported("aggregation_options")
    allowed, denied = _matched(request.allow_list), _matched(request.deny_list)
    if not request.allow_list:
        allowed = _ALL_KINDS
    return None if allowed == _ALL_KINDS and not denied else allowed - denied


def _matched(filters: Iterable[events_pb.Filter]) -> frozenset[int]:
    """Kinds that at least one filter matches; a filter with nothing set matches every kind."""
    kinds: frozenset[int] = frozenset()
    for one in filters:
        for field, _ in one.ListFields():
            if field.number != events_pb.Filter.EVENT_SET_FIELD_NUMBER:
                raise _unsupported(f"filter {field.name}")
        if len(UnknownFieldSet(one)):
            raise _unsupported(f"filter field number {UnknownFieldSet(one)[0].field_number}")
        kinds |= frozenset(one.event_set) or _ALL_KINDS
    return kinds


def _unsupported(what: str) -> GRPCError:
    return GRPCError(
        Status.UNIMPLEMENTED,
        f"GetEvents: {what} is not supported by this agent; supported: filter event_set",
    )
