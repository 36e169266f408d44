# SPDX-License-Identifier: Apache-2.0
"""Events as `GetEventsResponse` bytes, made once and shared by all subscribers.

A protobuf message is its fields in a row, in any order, so an event is joined from parts that are
ready: the process serialized when it was first seen, its parent, and constants. That is exact, not
an approximation: a test compares every kind of event with the message built the ordinary way.
Filters are not known here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, assert_never

from tetragon import events_pb2 as events_pb
from tetragon import tetragon_pb2 as pb
from tetragon_core.events import HookHit, ProcessExec, ProcessExit, Throttle

from .hook_bytes import HookEncoder
from .process_bytes import ProcessSerializer
from .process_message import build_binary_properties
from .wire import delimited, tag, timestamp, varint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tetragon_core.events import Event
    from tetragon_core.process import Process

    from .policies.entry import PolicyEntry
    from .process_message import ProcessBuilder

__all__ = ["EncodedEvent", "EventEncoder", "fallback_suffix", "lost_suffix"]

_RESPONSE: Final = events_pb.GetEventsResponse
_EXEC_TAG: Final = tag(_RESPONSE.PROCESS_EXEC_FIELD_NUMBER)
_EXIT_TAG: Final = tag(_RESPONSE.PROCESS_EXIT_FIELD_NUMBER)
_THROTTLE_TAG: Final = tag(_RESPONSE.PROCESS_THROTTLE_FIELD_NUMBER)
_NODE_NAME_TAG: Final = tag(_RESPONSE.NODE_NAME_FIELD_NUMBER)
_CLUSTER_NAME_TAG: Final = tag(_RESPONSE.CLUSTER_NAME_FIELD_NUMBER)
_TIME_TAG: Final = tag(_RESPONSE.TIME_FIELD_NUMBER)
_FALLBACK_TAG: Final = tag(_RESPONSE.POLICY_FALLBACKS_FIELD_NUMBER)
_LOST_TAG: Final = tag(_RESPONSE.LOST_FIELD_NUMBER)

_EXEC_PROCESS_TAG: Final = tag(pb.ProcessExec.PROCESS_FIELD_NUMBER)
_EXEC_PARENT_TAG: Final = tag(pb.ProcessExec.PARENT_FIELD_NUMBER)
_EXEC_ANCESTORS_TAG: Final = tag(pb.ProcessExec.ANCESTORS_FIELD_NUMBER)
_EXIT_PROCESS_TAG: Final = tag(pb.ProcessExit.PROCESS_FIELD_NUMBER)
_EXIT_PARENT_TAG: Final = tag(pb.ProcessExit.PARENT_FIELD_NUMBER)
_EXIT_ANCESTORS_TAG: Final = tag(pb.ProcessExit.ANCESTORS_FIELD_NUMBER)
_EXIT_SIGNAL_TAG: Final = tag(pb.ProcessExit.SIGNAL_FIELD_NUMBER)
_EXIT_STATUS_TAG: Final = tag(pb.ProcessExit.STATUS_FIELD_NUMBER, wire_type=0)
_EXIT_TIME_TAG: Final = tag(pb.ProcessExit.TIME_FIELD_NUMBER)

_PROPERTIES_TAG: Final = tag(pb.Process.BINARY_PROPERTIES_FIELD_NUMBER)
_ENVIRONMENT_TAG: Final = tag(pb.Process.ENVIRONMENT_VARIABLES_FIELD_NUMBER)
_NAME_TAG: Final = tag(pb.EnvVar.KEY_FIELD_NUMBER)
_VALUE_TAG: Final = tag(pb.EnvVar.VALUE_FIELD_NUMBER)
_REFCNT_ONE: Final = tag(pb.Process.REFCNT_FIELD_NUMBER, wire_type=0) + varint(1)


class EncodedEvent:
    """One event as every subscriber gets it."""

    __slots__ = ("_message", "kind", "payload")

    def __init__(self, kind: int, payload: bytes) -> None:
        self.kind = kind
        """Number of the event's field in GetEventsResponse, which is also its EventType."""
        self.payload = payload
        self._message: events_pb.GetEventsResponse | None = None

    @property
    def message(self) -> events_pb.GetEventsResponse:
        """The event as a message, for filters; decoded once for all. Nobody may change it."""
        if self._message is None:
            self._message = events_pb.GetEventsResponse.FromString(self.payload)
        return self._message


class EventEncoder:
    """Event → bytes; one per agent, because its options and its node's name are in them."""

    def __init__(
        self,
        builder: ProcessBuilder,
        *,
        node_name: str,
        cluster_name: str,
        expose_addresses: bool = False,
    ) -> None:
        self._builder = builder
        self._serializer = ProcessSerializer(builder)
        self._hooks = HookEncoder(
            self._serializer, self._process, expose_addresses=expose_addresses
        )
        self._origin = delimited(_NODE_NAME_TAG, node_name.encode())
        if cluster_name:
            self._origin += delimited(_CLUSTER_NAME_TAG, cluster_name.encode())

    def encode(self, event: Event) -> EncodedEvent:
        """`event` with time, node and cluster, as one GetEventsResponse."""
        when = timestamp(event.time_ns)
        kind: int
        if isinstance(event, ProcessExec):
            kind, field_tag, body = events_pb.PROCESS_EXEC, _EXEC_TAG, self._exec_body(event)
        elif isinstance(event, ProcessExit):
            kind, field_tag, body = events_pb.PROCESS_EXIT, _EXIT_TAG, self._exit_body(event, when)
        elif isinstance(event, HookHit):
            kind, field_tag, body = self._hooks.encode(event)
        elif isinstance(event, Throttle):
            kind, field_tag, body = events_pb.PROCESS_THROTTLE, _THROTTLE_TAG, _throttle_body(event)
        else:
            assert_never(event)
        envelope = (field_tag, varint(len(body)), body, self._origin, delimited(_TIME_TAG, when))
        return EncodedEvent(kind, b"".join(envelope))

    def _exec_body(self, event: ProcessExec) -> bytes:
        suffix = self._properties(event.process)
        if event.environment is not None:
            suffix += _environment(event.environment.variables)
        parts = [delimited(_EXEC_PROCESS_TAG, self._process(event.process) + suffix)]
        if event.parent is not None:
            parts.append(delimited(_EXEC_PARENT_TAG, self._process(event.parent)))
        parts += [delimited(_EXEC_ANCESTORS_TAG, self._process(one)) for one in event.ancestors]
        return b"".join(parts)

    def _exit_body(self, event: ProcessExit, when: bytes) -> bytes:
        parts = [delimited(_EXIT_PROCESS_TAG, self._process(event.process))]
        if event.parent is not None:
            parts.append(delimited(_EXIT_PARENT_TAG, self._process(event.parent)))
        if event.signal:
            parts.append(delimited(_EXIT_SIGNAL_TAG, event.signal.encode()))
        if event.status:
            parts.append(_EXIT_STATUS_TAG + varint(event.status))
        parts.append(delimited(_EXIT_TIME_TAG, when))
        parts += [delimited(_EXIT_ANCESTORS_TAG, self._process(one)) for one in event.ancestors]
        # The cache keeps what ended for late events, which hardly ever come: not its bytes as well.
        event.process.encoded = b""
        return b"".join(parts)

    def _process(self, process: Process) -> bytes:
        """Cached bytes; `refcnt` in exec and exit events is 1 for a forked image, else 0."""
        if not process.encoded:
            process.encoded = self._serializer.serialize(process)
        return process.encoded + _REFCNT_ONE if process.forked else process.encoded

    def _properties(self, process: Process) -> bytes:
        """Only `process_exec` tells what the exec changed, so the cached bytes do not."""
        image = process.image
        if image is None or image.properties is None or not self._builder.with_credentials:
            return b""
        body = build_binary_properties(image.properties).SerializeToString()
        return delimited(_PROPERTIES_TAG, body) if body else b""


def _environment(variables: Sequence[tuple[str, str]]) -> bytes:
    """Only `process_exec` shows it, so the cached bytes do not."""
    return b"".join(
        delimited(
            _ENVIRONMENT_TAG,
            delimited(_NAME_TAG, name.encode()) + delimited(_VALUE_TAG, value.encode()),
        )
        for name, value in variables
    )


def _throttle_body(event: Throttle) -> bytes:
    kind = events_pb.THROTTLE_START if event.is_start else events_pb.THROTTLE_STOP
    message = events_pb.ProcessThrottle(type=kind, cgroup=event.cgroup)
    return message.SerializeToString()


def fallback_suffix(entry: PolicyEntry) -> bytes:
    """What is appended to an event to say that a policy has given up enforcing."""
    body = events_pb.PolicyFallback(
        policy_name=entry.key.name,
        policy_namespace=entry.key.namespace,
        domain=entry.key.domain,
        max_kills_per_minute=entry.max_kills,
    ).SerializeToString()
    return delimited(_FALLBACK_TAG, body)


def lost_suffix(*, before_agent: int, in_queue: int) -> bytes:
    """What is appended to an event to say that others before it are missing."""
    body = events_pb.LostEvents(before_agent=before_agent, in_queue=in_queue).SerializeToString()
    return delimited(_LOST_TAG, body)
