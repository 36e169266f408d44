# SPDX-License-Identifier: Apache-2.0
"""Hits of hooks as bytes of `ProcessKprobe` and `ProcessTracepoint`. The envelope is not made here.

What all hits of a hook share is made once; the process and its parent are the cache's bytes.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from tetragon import events_pb2 as events_pb
from tetragon import tetragon_pb2 as pb
from tetragon_core.hooks import HookEvent

from .message_bytes import field_writers
from .wire import delimited, tag, varint

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tetragon_core.events import HookHit
    from tetragon_core.hooks import ArgumentValue, HookInfo, HookMessage, StackFrame
    from tetragon_core.process import Process

    from .process_bytes import ProcessSerializer

__all__ = ["HookEncoder"]


class _Layout(NamedTuple):
    """Numbers of one type of event."""

    kind: int
    field_tag: bytes
    process: bytes
    parent: bytes
    ancestors: bytes
    args: bytes
    action: bytes


def _layout(kind: int, message: type[pb.ProcessKprobe | pb.ProcessTracepoint]) -> _Layout:
    return _Layout(
        kind=kind,
        field_tag=tag(kind),  # the number of the event's field is that of its type
        process=tag(message.PROCESS_FIELD_NUMBER),
        parent=tag(message.PARENT_FIELD_NUMBER),
        ancestors=tag(message.ANCESTORS_FIELD_NUMBER),
        args=tag(message.ARGS_FIELD_NUMBER),
        action=tag(message.ACTION_FIELD_NUMBER, wire_type=0),
    )


_KPROBE: Final = _layout(events_pb.PROCESS_KPROBE, pb.ProcessKprobe)
_TRACEPOINT: Final = _layout(events_pb.PROCESS_TRACEPOINT, pb.ProcessTracepoint)
_DATA_TAG: Final = tag(pb.ProcessKprobe.DATA_FIELD_NUMBER)
_RETURN_TAG: Final = tag(pb.ProcessKprobe.DESCRIPTOR.fields_by_name["return"].number)
_RETURN_ACTION_TAG: Final = tag(pb.ProcessKprobe.RETURN_ACTION_FIELD_NUMBER, wire_type=0)
_KERNEL_STACK_TAG: Final = tag(pb.ProcessKprobe.KERNEL_STACK_TRACE_FIELD_NUMBER)
_USER_STACK_TAG: Final = tag(pb.ProcessKprobe.USER_STACK_TRACE_FIELD_NUMBER)
_ADDRESS_TAG: Final = tag(pb.StackTraceEntry.ADDRESS_FIELD_NUMBER, wire_type=0)
_LABEL_TAG: Final = tag(pb.KprobeArgument.LABEL_FIELD_NUMBER)
_TID_TAG: Final = tag(pb.Process.TID_FIELD_NUMBER)
_REFCNT_TAG: Final = tag(pb.Process.REFCNT_FIELD_NUMBER, wire_type=0)
_VALUE_TAG: Final = tag(1, wire_type=0)
"""Of the only field of a wrapper such as UInt32Value."""

_ARGUMENT: Final = field_writers(pb.KprobeArgument.DESCRIPTOR)
_HOOKS_KEPT: Final = 4096
_FRAMES_KEPT: Final = 4096


class HookEncoder:
    """One per agent, beside its EventEncoder."""

    def __init__(
        self,
        serializer: ProcessSerializer,
        process_bytes: Callable[[Process], bytes],
        *,
        expose_addresses: bool = False,
    ) -> None:
        self._serializer = serializer
        self._process_bytes = process_bytes
        self._expose_addresses = expose_addresses
        # By identity: hashing a hook's texts for each of its hits costs more than all the rest.
        self._constants: dict[int, tuple[HookInfo, bytes]] = {}

    def encode(self, event: HookHit) -> tuple[int, bytes, bytes]:
        """Event type, tag of its field, and the event."""
        hit = event.hit
        layout = _KPROBE if hit.info.event is HookEvent.KPROBE else _TRACEPOINT
        parts = [
            self._constant(hit.info),
            delimited(layout.process, self._acting(event.process, hit.tid)),
        ]
        if event.parent is not None:
            parts.append(delimited(layout.parent, self._process_bytes(event.parent)))
        if hit.action:
            parts += (layout.action, varint(hit.action))
        parts += [delimited(layout.args, _argument(one)) for one in hit.arguments]
        parts += [delimited(layout.ancestors, self._process_bytes(one)) for one in event.ancestors]
        if layout is _KPROBE:
            self._add_kprobe_parts(parts, hit)
        return layout.kind, layout.field_tag, b"".join(parts)

    def _add_kprobe_parts(self, parts: list[bytes], hit: HookMessage) -> None:
        parts += [delimited(_DATA_TAG, _argument(one)) for one in hit.data]
        if hit.return_value is not None:
            parts.append(delimited(_RETURN_TAG, _argument(hit.return_value)))
        if hit.return_action:
            parts += (_RETURN_ACTION_TAG, varint(hit.return_action))
        if hit.kernel_stack:
            parts += self._frames(_KERNEL_STACK_TAG, hit.kernel_stack)
        if hit.user_stack:
            parts += self._frames(_USER_STACK_TAG, hit.user_stack)

    def _acting(self, process: Process, tid: int) -> bytes:
        """The process with the thread that hit, and the live reference count, as Tetragon has it.

        A field that comes twice is merged, and the later value holds; so they are only appended.
        """
        encoded = process.encoded
        if not encoded:
            encoded = process.encoded = self._serializer.serialize(process)
        if process.node is None:
            return encoded
        if tid != process.pid:
            encoded += delimited(_TID_TAG, _VALUE_TAG + varint(tid))
        return encoded + _REFCNT_TAG + varint(process.refcnt) if process.refcnt > 0 else encoded

    def _constant(self, info: HookInfo) -> bytes:
        known = self._constants.get(id(info))
        if known is None:
            if len(self._constants) >= _HOOKS_KEPT:
                self._constants.clear()
            # The entry holds the hook, so that no other can get its identity.
            known = self._constants[id(info)] = info, _describe(info)
        return known[1]

    def _frames(self, field_tag: bytes, stack: Sequence[StackFrame]) -> list[bytes]:
        if not self._expose_addresses:
            return [delimited(field_tag, _frame(frame._replace(address=0))) for frame in stack]
        return [
            delimited(field_tag, _ADDRESS_TAG + varint(frame.address) + _frame(frame))
            for frame in stack
        ]


def _describe(info: HookInfo) -> bytes:
    if info.event is HookEvent.KPROBE:
        return pb.ProcessKprobe(
            function_name=info.function_name,
            policy_name=info.policy_name,
            message=info.message,
            tags=info.tags,
        ).SerializeToString()
    return pb.ProcessTracepoint(
        subsys=info.subsystem,
        event=info.tracepoint,
        policy_name=info.policy_name,
        message=info.message,
        tags=info.tags,
    ).SerializeToString()


def _argument(argument: ArgumentValue) -> bytes:
    body = _ARGUMENT[argument.field](argument.value)
    return body + delimited(_LABEL_TAG, argument.label.encode()) if argument.label else body


@lru_cache(_FRAMES_KEPT)
def _frame(frame: StackFrame) -> bytes:
    """All but the address."""
    return pb.StackTraceEntry(
        offset=frame.offset, symbol=frame.symbol, module=frame.module
    ).SerializeToString()
