# SPDX-License-Identifier: Apache-2.0
"""Mappings as bytes of any protobuf message, by its descriptor. Which messages is not known here.

A writer is made once for each field. It costs half of filling a message object and asking that for
its bytes, and takes plain values: `{"path": "/etc/passwd"}`, numbers for wrappers, names or numbers
for enums.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.descriptor import FieldDescriptor

from .wire import delimited, tag, varint

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    # The library's Python and C classes; only their common attributes are used.
    AnyDescriptor = Any
    AnyField = Any

    # What a field takes depends on its descriptor.
    Write = Callable[[Any], bytes]

__all__ = ["field_writers", "message_writer"]

_UNSIGNED: Final = (1 << 64) - 1
"""A negative number is written as the 64-bit number with the same bits."""
_VALUE_TAG: Final = tag(1, wire_type=0)
"""Of the only field of a wrapper such as UInt32Value."""
_VARINTS: Final = frozenset(
    {
        FieldDescriptor.TYPE_BOOL,
        FieldDescriptor.TYPE_ENUM,
        FieldDescriptor.TYPE_INT32,
        FieldDescriptor.TYPE_INT64,
        FieldDescriptor.TYPE_UINT32,
        FieldDescriptor.TYPE_UINT64,
    }
)


def field_writers(descriptor: AnyDescriptor) -> Mapping[str, Write]:
    """For each field a function: value → the field, also when the value is the default one."""
    return {field.name: _writer(field) for field in descriptor.fields}


@cache  # one for each message type of the API
def message_writer(descriptor: AnyDescriptor) -> Callable[[Mapping[str, object]], bytes]:
    """A function: mapping of field names → the message's bytes; None and defaults are left out.

    A wrapper is there when its value is not None. The function raises KeyError for a name that is
    no field.
    """
    writers = {
        field.name: (_writer(field), field.message_type is not None) for field in descriptor.fields
    }

    def write(values: Mapping[str, object]) -> bytes:
        parts = []
        for name, value in values.items():
            write_field, is_message = writers[name]
            if value or (is_message and value is not None):
                parts.append(write_field(value))
        return b"".join(parts)

    return write


def _writer(field: AnyField) -> Write:
    write = _single(field)
    if field.is_repeated:
        return lambda values: b"".join([write(value) for value in values])
    return write


def _single(field: AnyField) -> Write:
    if field.type in _VARINTS:
        return _varint_writer(field)
    field_tag = tag(field.number)
    if field.type == FieldDescriptor.TYPE_STRING:
        return lambda value: delimited(field_tag, value.encode("utf-8", "replace"))
    if field.type == FieldDescriptor.TYPE_BYTES:
        return lambda value: delimited(field_tag, value)
    if field.type != FieldDescriptor.TYPE_MESSAGE:
        raise NotImplementedError(f"{field.full_name}: no field of the API has this type")
    if field.message_type.full_name.startswith("google.protobuf."):
        return lambda value: delimited(field_tag, _wrapped(value))
    write_message = message_writer(field.message_type)  # no message of the API is in itself
    return lambda value: delimited(field_tag, write_message(value))


def _varint_writer(field: AnyField) -> Write:
    field_tag = tag(field.number, wire_type=0)
    if field.enum_type is None:
        return lambda value: field_tag + varint(value & _UNSIGNED)
    numbers = {name: value.number for name, value in field.enum_type.values_by_name.items()}

    def write(value: int | str) -> bytes:
        number: int = numbers[value] if isinstance(value, str) else value
        return field_tag + varint(number & _UNSIGNED)

    return write


def _wrapped(value: int) -> bytes:
    return _VALUE_TAG + varint(value & _UNSIGNED) if value else b""
