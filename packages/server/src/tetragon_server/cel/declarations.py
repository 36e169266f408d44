# SPDX-License-Identifier: Apache-2.0
"""What names mean: variables, messages, fields and enum values, all read from protobuf descriptors.

Nothing is declared by hand, so an event or field added to the API can be used in an expression.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from google.protobuf import duration_pb2, timestamp_pb2, wrappers_pb2
from google.protobuf.descriptor import FieldDescriptor

from .types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    TYPE,
    UINT,
    Type,
    list_of,
    map_of,
    message,
    opaque,
    type_of,
    variable,
    wrapper,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from google.protobuf.descriptor import Descriptor, EnumDescriptor, FileDescriptor

__all__ = [
    "Constant",
    "Declarations",
    "Meaning",
    "Named",
    "Variable",
    "event_declarations",
    "field_type",
    "single_type",
]

_SCALARS = {
    FieldDescriptor.CPPTYPE_BOOL: BOOL,
    FieldDescriptor.CPPTYPE_DOUBLE: DOUBLE,
    FieldDescriptor.CPPTYPE_ENUM: INT,
    FieldDescriptor.CPPTYPE_FLOAT: DOUBLE,
    FieldDescriptor.CPPTYPE_INT32: INT,
    FieldDescriptor.CPPTYPE_INT64: INT,
    FieldDescriptor.CPPTYPE_STRING: STRING,
    FieldDescriptor.CPPTYPE_UINT32: UINT,
    FieldDescriptor.CPPTYPE_UINT64: UINT,
}
_WELL_KNOWN = {
    "google.protobuf.BoolValue": wrapper(BOOL),
    "google.protobuf.BytesValue": wrapper(BYTES),
    "google.protobuf.DoubleValue": wrapper(DOUBLE),
    "google.protobuf.Duration": DURATION,
    "google.protobuf.FloatValue": wrapper(DOUBLE),
    "google.protobuf.Int32Value": wrapper(INT),
    "google.protobuf.Int64Value": wrapper(INT),
    "google.protobuf.StringValue": wrapper(STRING),
    "google.protobuf.Timestamp": TIMESTAMP,
    "google.protobuf.UInt32Value": wrapper(UINT),
    "google.protobuf.UInt64Value": wrapper(UINT),
}
_TYPE_NAMES = {
    "bool": BOOL,
    "bytes": BYTES,
    "double": DOUBLE,
    "google.protobuf.Duration": DURATION,
    "google.protobuf.Timestamp": TIMESTAMP,
    "int": INT,
    "list": list_of(variable("A")),
    "map": map_of(variable("A"), variable("B")),
    "net.CIDR": opaque("net.CIDR"),
    "net.IP": opaque("net.IP"),
    "null_type": NULL,
    "string": STRING,
    "type": TYPE,
    "uint": UINT,
}


@dataclass(frozen=True, slots=True)
class Variable:
    """A name for a value: an event's field name, or a macro's variable."""

    name: str
    type: Type
    is_local: bool = False


@dataclass(frozen=True, slots=True)
class Constant:
    """The name of an enum value."""

    value: int


@dataclass(frozen=True, slots=True)
class Named:
    """The name of a type, used as a value; name is what type() gives."""

    name: str
    type: Type


Meaning = Variable | Constant | Named


class Declarations:
    """The names an expression may use: the oneof's fields as variables, and their files' types."""

    def __init__(self, envelope: Descriptor, oneof: str, container: str) -> None:
        events = envelope.oneofs_by_name[oneof].fields
        self.variables = {one.name: Variable(one.name, single_type(one)) for one in events}
        self.numbers = {single_type(one).name: one.number for one in events}
        self._container = container
        self._messages: dict[str, Descriptor] = {}
        self._enums: dict[str, int] = {}
        for file in (*_files(envelope.file), wrappers_pb2.DESCRIPTOR, *_TIME_FILES):
            messages, enums = file.message_types_by_name, file.enum_types_by_name
            self._read(messages.values(), enums.values())

    def candidates(self, name: str) -> tuple[str, ...]:
        """The full names that a name may stand for, the first one first."""
        return (name[1:],) if name.startswith(".") else (f"{self._container}.{name}", name)

    def meaning(self, name: str) -> Meaning | None:
        """What a name stands for, None for nothing."""
        return next((m for one in self.candidates(name) if (m := self._meaning(one))), None)

    def message_type(self, name: str) -> tuple[Descriptor, Type] | None:
        """The message that a name in Name{...} stands for, and the type of the result."""
        for one in self.candidates(name):
            if one in self._messages:
                return self._messages[one], _WELL_KNOWN.get(one) or message(one)
        return None

    def descriptor(self, one: Type) -> Descriptor:
        """The descriptor of a message type."""
        return self._messages[one.name]

    def _meaning(self, name: str) -> Meaning | None:
        if name in self.variables:
            return self.variables[name]
        if name in _TYPE_NAMES:
            return Named(name, type_of(_TYPE_NAMES[name]))
        if name in self._messages:
            return Named(name, type_of(_WELL_KNOWN.get(name) or message(name)))
        return Constant(self._enums[name]) if name in self._enums else None

    def _read(self, messages: Iterable[Descriptor], enums: Iterable[EnumDescriptor]) -> None:
        for one in messages:
            self._messages[one.full_name] = one
            self._read(one.nested_types, one.enum_types)
        for enum in enums:
            self._enums.update({f"{enum.full_name}.{v.name}": v.number for v in enum.values})


_TIME_FILES = (timestamp_pb2.DESCRIPTOR, duration_pb2.DESCRIPTOR)


def _files(file: FileDescriptor) -> Iterator[FileDescriptor]:
    yield file
    for one in file.dependencies:
        yield from _files(one)


def field_type(field: FieldDescriptor) -> Type:
    """The type of a field's value."""
    entry = field.message_type
    if entry is not None and entry.GetOptions().map_entry:
        key, value = entry.fields_by_name["key"], entry.fields_by_name["value"]
        return map_of(single_type(key), single_type(value))
    return list_of(single_type(field)) if field.is_repeated else single_type(field)


def single_type(field: FieldDescriptor) -> Type:
    """The type of a field's value, of one element where it is repeated."""
    if field.message_type is not None:
        name = field.message_type.full_name
        return _WELL_KNOWN.get(name) or message(name)
    return BYTES if field.type == FieldDescriptor.TYPE_BYTES else _SCALARS[field.cpp_type]


@cache
def event_declarations() -> Declarations:
    """The names for event filters: one variable per event, in the container `tetragon`."""
    from tetragon import events_pb2  # noqa: PLC0415 - tests of the language bring other messages

    envelope = events_pb2.DESCRIPTOR.message_types_by_name["GetEventsResponse"]
    return Declarations(envelope, "event", "tetragon")
