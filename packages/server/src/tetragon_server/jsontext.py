# SPDX-License-Identifier: Apache-2.0
"""Protobuf messages as JSON text in Tetragon's form: names as declared, unset fields left out.

One writer is made per message type from its descriptor and kept. It does not read JSON.
"""

from __future__ import annotations

import base64
import json
import time
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.descriptor import FieldDescriptor

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.descriptor import Descriptor, EnumDescriptor, OneofDescriptor
    from google.protobuf.message import Message

    # The library's Python and C classes; only their common attributes are used.
    AnyDescriptor = Any

    # Values of a field have the type its descriptor says, hence Any.
    Write = Callable[[Any], str]

__all__ = ["FIRST_EXTENSION", "JsonFormat"]

FIRST_EXTENSION: Final = 2000
"""Fields from this number up are ours; other readers of the JSON do not know them."""

_WIDE: Final = frozenset((FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64))
_BOOLEANS: Final = {False: "false", True: "true"}
_WRAPPERS: Final = frozenset(
    f"google.protobuf.{name}Value"
    for name in ("Bool", "Bytes", "Int32", "Int64", "String", "UInt32", "UInt64")
)

# The same process is in many events: as itself, then as the parent of others.
_REPEATING: Final = "tetragon.Process"
_REMEMBERED_BYTES: Final = 4 * 1024 * 1024


class JsonFormat:
    """Renders events as JSON, one line each."""

    def __init__(self, *, all_fields: bool = False) -> None:
        self._all_fields = all_fields
        self._writers: dict[str, Write] = {}

    def render(self, message: Message) -> str:
        """One object and a line end."""
        return f"{self.text(message)}\n"

    def text(self, message: Message) -> str:
        """The object alone."""
        return self._message_writer(message.DESCRIPTOR)(message)

    def _message_writer(self, descriptor: AnyDescriptor) -> Write:
        name = descriptor.full_name
        if name not in self._writers:
            self._writers[name] = self._special_writer(descriptor) or self._object(descriptor)
        return self._writers[name]

    def _special_writer(self, descriptor: AnyDescriptor) -> Write | None:
        """Well-known types have forms of their own."""
        name = descriptor.full_name
        if name == "google.protobuf.Timestamp":
            return _TimestampWriter()
        if name in _WRAPPERS:
            write = self._scalar(descriptor.fields_by_name["value"])
            return lambda message: write(message.value)
        return _library_text if name.startswith("google.protobuf.") else None

    def _object(self, descriptor: AnyDescriptor) -> Write:
        """Writer of a message: the fields that are set, in the order of their declaration.

        Reading each field by name costs half of what asking for the list of set fields does.
        """
        rows = self._rows(descriptor)

        def write(message: Message) -> str:
            parts = []
            for has_presence, name, prefix, write_value in rows:
                if has_presence:
                    if message.HasField(name):
                        parts.append(prefix + write_value(getattr(message, name)))
                elif prefix:
                    if value := getattr(message, name):
                        parts.append(prefix + write_value(value))
                elif text := write_value(message):
                    parts.append(text)
            return f"{{{','.join(parts)}}}"

        return _Remembering(write) if descriptor.full_name == _REPEATING else write

    def _rows(self, descriptor: AnyDescriptor) -> list[tuple[bool, str, str, Write]]:
        """How to write each field: presence, name, name as JSON, writer of the value.

        A oneof is one row without a JSON name, whose writer gets the whole message.
        """
        rows: list[tuple[bool, str, str, Write]] = []
        for field in descriptor.fields:
            oneof = field.containing_oneof
            if oneof is not None and len(oneof.fields) > 1:
                if field is oneof.fields[0]:
                    rows.append((False, oneof.name, "", self._oneof(oneof)))
            elif field.number < FIRST_EXTENSION or self._all_fields:
                prefix = f'"{field.name}":'
                has_presence = field.has_presence and not field.is_repeated
                rows.append((has_presence, field.name, prefix, self._value(field)))
        return rows

    def _oneof(self, oneof: OneofDescriptor) -> Write:
        """Writer of the member that is set, made when it first is; empty text when none is."""
        members = {field.name: field for field in oneof.fields}
        writers: dict[str, Write] = {}
        group = oneof.name

        def write(message: Message) -> str:
            name = message.WhichOneof(group)
            if name is None:
                return ""
            if name not in writers:
                writers[name] = self._value(members[name])
            return f'"{name}":{writers[name](getattr(message, name))}'

        return write

    def _value(self, field: FieldDescriptor) -> Write:
        """Writer of a field's value: a map, a list or one thing."""
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            return self._map(field.message_type)
        write = self._single(field)
        if field.is_repeated:
            return lambda values: f"[{','.join([write(value) for value in values])}]"
        return write

    def _map(self, entry: Descriptor) -> Write:
        write = self._value(entry.fields_by_name["value"])

        # Keys are strings in every map of this API.
        def write_map(items: Any) -> str:  # noqa: ANN401  # as in Write
            pairs = (f"{encode_basestring(key)}:{write(items[key])}" for key in sorted(items))
            return f"{{{','.join(pairs)}}}"

        return write_map

    def _single(self, field: FieldDescriptor) -> Write:
        if field.message_type is not None:
            return self._message_writer(field.message_type)
        return self._scalar(field)

    def _scalar(self, field: FieldDescriptor) -> Write:
        if field.type == FieldDescriptor.TYPE_STRING:
            return encode_basestring
        if field.type == FieldDescriptor.TYPE_BYTES:
            return _bytes_text
        if field.enum_type is not None:
            return _enum_writer(field.enum_type)
        if field.cpp_type in _WIDE:
            return '"{}"'.format
        if field.type == FieldDescriptor.TYPE_BOOL:
            return _BOOLEANS.__getitem__
        # Only whole numbers are left: this API has no others.
        return str


class _Remembering:
    """The writer of processes with a bounded memory of texts by the bytes of their message."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._texts: dict[bytes, str] = {}
        self._size = 0

    def __call__(self, process: Any) -> str:  # noqa: ANN401  # as all writers
        key = process.SerializeToString()
        text = self._texts.get(key)
        if text is None:
            text = self._write(process)
            self._size += len(key) + len(text)
            if self._size > _REMEMBERED_BYTES:
                self._texts.clear()
                self._size = len(key) + len(text)
            self._texts[key] = text
        return text


def _bytes_text(value: bytes) -> str:
    return f'"{base64.b64encode(value).decode()}"'


def _library_text(message: Message) -> str:
    """Any, Duration and the like do not occur in events; the library's form will do."""
    from google.protobuf import json_format  # noqa: PLC0415  # 15 ms that no event needs

    return json.dumps(json_format.MessageToDict(message), ensure_ascii=False)


def _enum_writer(enum: EnumDescriptor) -> Write:
    """Names in quotes; numbers that have none stay numbers."""
    names = {value.number: f'"{value.name}"' for value in enum.values}
    return lambda number: names.get(number) or str(number)


class _TimestampWriter:
    """RFC 3339 with 0, 3, 6 or 9 digits; the part up to the second is kept for the next call."""

    def __init__(self) -> None:
        self._second = 0
        self._text = '"1970-01-01T00:00:00'

    def __call__(self, stamp: Any) -> str:  # noqa: ANN401  # as all writers
        seconds, nanos = stamp.seconds, stamp.nanos
        if seconds != self._second:
            self._second = seconds
            self._text = time.strftime('"%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))
        if nanos == 0:
            return f'{self._text}Z"'
        if nanos % 1000:
            return f'{self._text}.{nanos:09d}Z"'
        if nanos % 1_000_000:
            return f'{self._text}.{nanos // 1000:06d}Z"'
        return f'{self._text}.{nanos // 1_000_000:03d}Z"'
