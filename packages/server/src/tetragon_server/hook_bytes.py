# SPDX-License-Identifier: Apache-2.0
"""Hits of hooks as bytes of `ProcessKprobe`, `ProcessLsm`, … The envelope is not made here.

What all hits of a hook share is made once; the process and its parent are the cache's bytes.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from tetragon import tetragon_pb2 as pb

from .hook_layouts import describe, layout_of
from .message_bytes import field_writers
from .wire import delimited, tag, varint

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tetragon_core.events import HookHit
    from tetragon_core.hooks import ArgumentValue, HookInfo, HookMessage, StackFrame
    from tetragon_core.process import Process

    from .hook_layouts import HookLayout
    from .process_bytes import ProcessSerializer

__all__ = ["HookEncoder"]


_ADDRESS_TAG: Final = tag(pb.StackTraceEntry.ADDRESS_FIELD_NUMBER, wire_type=0)
_LABEL_TAG: Final = tag(pb.KprobeArgument.LABEL_FIELD_NUMBER)
_TID_TAG: Final = tag(pb.Process.TID_FIELD_NUMBER)
_REFCNT_TAG: Final = tag(pb.Process.REFCNT_FIELD_NUMBER, wire_type=0)
_VALUE_TAG: Final = tag(1, wire_type=0)
"""Of the only field of a wrapper such as UInt32Value."""
_TRUE: Final = varint(1)

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
        self._constants: dict[int, tuple[HookInfo, HookLayout, bytes]] = {}

    def encode(self, event: HookHit) -> tuple[int, bytes, bytes]:
        """Event type, tag of its field, and the event."""
        hit = event.hit
        _, layout, constant = self._constant(hit.info)
        acting = self._acting(event, shows_thread=layout.shows_thread)
        parts = [constant, delimited(layout.process, acting)]
        if event.parent is not None:
            parts.append(delimited(layout.parent, self._process_bytes(event.parent)))
        parts += [delimited(layout.ancestors, self._process_bytes(one)) for one in event.ancestors]
        if layout.build_id:
            _add_load(parts, layout, hit)
        else:
            self._add_hit(parts, layout, hit)
        return layout.kind, layout.event, b"".join(parts)

    def _add_hit(self, parts: list[bytes], layout: HookLayout, hit: HookMessage) -> None:
        """What the type of event has no field for is left out."""
        if hit.action:
            parts += (layout.action, varint(hit.action))
        parts += [delimited(layout.args, _argument(one)) for one in hit.arguments]
        if hit.is_monitored:
            parts += (layout.is_monitored, _TRUE)
        if hit.data and layout.data:
            parts += [delimited(layout.data, _argument(one)) for one in hit.data]
        if hit.return_value is not None and layout.return_value:
            parts.append(delimited(layout.return_value, _argument(hit.return_value)))
        if hit.return_action and layout.return_action:
            parts += (layout.return_action, varint(hit.return_action))
        if hit.kernel_stack and layout.kernel_stack:
            parts += self._frames(layout.kernel_stack, hit.kernel_stack)
        if hit.user_stack and layout.user_stack:
            parts += self._frames(layout.user_stack, hit.user_stack)
        if hit.ima_hash and layout.ima_hash:
            parts.append(delimited(layout.ima_hash, hit.ima_hash.encode()))

    def _acting(self, event: HookHit, *, shows_thread: bool) -> bytes:
        """The process with the thread that hit, and its reference count, as Tetragon has it.

        A field that comes twice is merged, and the later value holds; so they are only appended.
        """
        process, tid, refcnt = event.process, event.hit.tid, event.refcnt
        if not shows_thread:
            return self._process_bytes(process)
        encoded = process.encoded
        if not encoded:
            encoded = process.encoded = self._serializer.serialize(process)
        if process.node is None:
            return encoded
        if tid != process.pid:
            encoded += delimited(_TID_TAG, _VALUE_TAG + varint(tid))
        return encoded + _REFCNT_TAG + varint(refcnt) if refcnt > 0 else encoded

    def _constant(self, info: HookInfo) -> tuple[HookInfo, HookLayout, bytes]:
        known = self._constants.get(id(info))
        if known is None:
            if len(self._constants) >= _HOOKS_KEPT:
                self._constants.clear()
            # The entry holds the hook, so that no other can get its identity.
            known = self._constants[id(info)] = info, layout_of(info.event), describe(info)
        return known

    def _frames(self, field_tag: bytes, stack: Sequence[StackFrame]) -> list[bytes]:
        if not self._expose_addresses:
            return [delimited(field_tag, _frame(frame._replace(address=0))) for frame in stack]
        return [
            delimited(field_tag, _ADDRESS_TAG + varint(frame.address) + _frame(frame))
            for frame in stack
        ]


def _add_load(parts: list[bytes], layout: HookLayout, hit: HookMessage) -> None:
    for one in hit.arguments:
        if one.field == "string_arg":
            parts.append(delimited(layout.path, str(one.value).encode("utf-8", "replace")))
        elif one.field == "bytes_arg" and isinstance(one.value, bytes):
            parts.append(delimited(layout.build_id, one.value))


def _argument(argument: ArgumentValue) -> bytes:
    body = _ARGUMENT[argument.field](argument.value)
    return body + delimited(_LABEL_TAG, argument.label.encode()) if argument.label else body


@lru_cache(_FRAMES_KEPT)
def _frame(frame: StackFrame) -> bytes:
    """All but the address."""
    return pb.StackTraceEntry(
        offset=frame.offset, symbol=frame.symbol, module=frame.module
    ).SerializeToString()
