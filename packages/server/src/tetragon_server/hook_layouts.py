# SPDX-License-Identifier: Apache-2.0
"""Where the parts of a hook's hit stand in its event, by type of event. A type is added as one row
of MESSAGES. Nothing of a single hit is known here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tetragon import events_pb2 as events_pb
from tetragon import tetragon_pb2 as pb
from tetragon_core.hooks import HookEvent

from .wire import tag

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from google.protobuf.message import Message

    from tetragon_core.hooks import HookInfo

    # The library's Python and C classes; only their common attributes are used.
    AnyField = Any

__all__ = ["MESSAGES", "HookLayout", "describe", "layout_of"]

MESSAGES: Final[Mapping[HookEvent, type[Message]]] = {
    HookEvent.KPROBE: pb.ProcessKprobe,
    HookEvent.TRACEPOINT: pb.ProcessTracepoint,
    HookEvent.LSM: pb.ProcessLsm,
    HookEvent.UPROBE: pb.ProcessUprobe,
    HookEvent.USDT: pb.ProcessUsdt,
    HookEvent.LOADER: pb.ProcessLoader,
}


class HookLayout(NamedTuple):
    """What stands before each part of one type of event; empty where the event has no such part."""

    kind: int
    """Number of the event's type, and of its field in GetEventsResponse."""
    event: bytes
    process: bytes
    parent: bytes
    ancestors: bytes
    args: bytes
    data: bytes
    return_value: bytes
    action: bytes
    return_action: bytes
    kernel_stack: bytes
    user_stack: bytes
    is_monitored: bytes
    ima_hash: bytes
    path: bytes
    """Of what was loaded; other events say it of their hook."""
    build_id: bytes

    @property
    def shows_thread(self) -> bool:
        """True where Tetragon tells the thread that hit; of a load it does not."""
        return not self.build_id


def layout_of(event: HookEvent) -> HookLayout:
    """The layout of one type of event."""
    fields = MESSAGES[event].DESCRIPTOR.fields_by_name
    kind = events_pb.GetEventsResponse.DESCRIPTOR.fields_by_name[event.value].number
    build_id = _tag(fields, "buildid")
    return HookLayout(
        kind=kind,
        event=tag(kind),
        process=_tag(fields, "process"),
        parent=_tag(fields, "parent"),
        ancestors=_tag(fields, "ancestors"),
        args=_tag(fields, "args"),
        data=_tag(fields, "data"),
        return_value=_tag(fields, "return"),
        action=_tag(fields, "action"),
        return_action=_tag(fields, "return_action"),
        kernel_stack=_tag(fields, "kernel_stack_trace"),
        user_stack=_tag(fields, "user_stack_trace"),
        is_monitored=_tag(fields, "is_monitored"),
        ima_hash=_tag(fields, "ima_hash"),
        path=_tag(fields, "path") if build_id else b"",
        build_id=build_id,
    )


def _tag(fields: Mapping[str, AnyField], name: str) -> bytes:
    if name not in fields:
        return b""
    field = fields[name]
    is_varint = field.cpp_type in {field.CPPTYPE_BOOL, field.CPPTYPE_ENUM}
    return tag(field.number, wire_type=0) if is_varint else tag(field.number)


def describe(info: HookInfo) -> bytes:
    """What all hits of a hook have in common, as fields of its type of event."""
    values: Mapping[str, object] = {
        "function_name": info.function_name,
        "subsys": info.subsystem,
        "event": info.tracepoint,
        "path": info.path,
        "symbol": info.symbol,
        "offset": info.offset,
        "ref_ctr_offset": info.ref_ctr_offset,
        "provider": info.provider,
        "name": info.probe,
        "policy_name": info.policy_name,
        "message": info.message,
        "tags": info.tags,
    }
    message = MESSAGES[info.event]
    fields = message.DESCRIPTOR.fields_by_name
    known = {name: value for name, value in values.items() if name in fields}
    return message(**known).SerializeToString()
