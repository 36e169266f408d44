# SPDX-License-Identifier: Apache-2.0
"""Reading fields of protobuf messages as values of expressions.

An unset message reads as one with all defaults, an unset wrapper as null: so says the definition.
"""

from __future__ import annotations

from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.message import Message

from .declarations import single_type
from .errors import CelRuntimeError
from .types import DURATION, TIMESTAMP, UINT, wrapper
from .values import Duration, Map, Timestamp, Uint, type_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.descriptor import Descriptor, FieldDescriptor

    from .types import Type

    Reader = Callable[[Any], object]

__all__ = ["converter", "has", "is_set", "reader", "select"]

_SECOND_NS: Final = 10**9
_READERS: Final = 1024
"""Fields whose reader is kept; the API has some 400."""


def reader(field: FieldDescriptor) -> Reader:
    """Build the function that takes this field out of a message."""
    name = field.name
    entry = field.message_type
    if entry is not None and entry.GetOptions().map_entry:
        key, value = _element(entry.fields_by_name["key"]), _element(entry.fields_by_name["value"])
        return lambda message: Map(
            (key(one), value(other)) for one, other in getattr(message, name).items()
        )
    element = _element(field)
    if field.is_repeated:
        return lambda message: [element(one) for one in getattr(message, name)]
    if entry is not None and single_type(field).kind == "wrapper":
        return lambda message: element(getattr(message, name)) if message.HasField(name) else None
    if element is _same:
        return lambda message: getattr(message, name)
    return lambda message: element(getattr(message, name))


def is_set(field: FieldDescriptor) -> Callable[[Any], bool]:
    """Build the function that has() calls: present, not empty, or not the default."""
    name = field.name
    if field.has_presence:
        return lambda message: message.HasField(name)
    return lambda message: bool(getattr(message, name))


def select(value: object, name: str) -> object:
    """Take a field or key out of a value whose type is known only now."""
    if isinstance(value, Map):
        return value[name]
    return _reader_named(_descriptor_of(value), name)(value)


def has(value: object, name: str) -> bool:
    """What the macro of this name says of a value whose type is known only now.

    What has no fields has not this one, as cel-go says; a list could have elements: an error.
    """
    if isinstance(value, Map):
        return name in value
    if not isinstance(value, Message | list):
        return False
    return _presence_named(_descriptor_of(value), name)(value)


def _descriptor_of(value: object) -> Descriptor:
    if isinstance(value, Message):
        descriptor: Descriptor = value.DESCRIPTOR  # type: ignore[assignment]  # the C class's stub
        return descriptor
    raise CelRuntimeError(f"a message or map was expected, found {type_name(value)}")


@lru_cache(_READERS)
def _reader_named(descriptor: Descriptor, name: str) -> Reader:
    return reader(_field_named(descriptor, name))


@lru_cache(_READERS)
def _presence_named(descriptor: Descriptor, name: str) -> Callable[[Any], bool]:
    return is_set(_field_named(descriptor, name))


def _field_named(descriptor: Descriptor, name: str) -> FieldDescriptor:
    field = descriptor.fields_by_name.get(name)
    if field is None:
        raise CelRuntimeError(f"{descriptor.full_name} has no field {name}")
    return field


def _same(value: object) -> object:
    return value


def _element(field: FieldDescriptor) -> Callable[[Any], object]:
    """How one value of a field becomes a value of expressions."""
    return converter(single_type(field))


def converter(one: Type) -> Callable[[Any], object]:
    """How what Python's protobuf has for a type becomes a value of expressions."""
    if one == UINT:
        return Uint
    if one == TIMESTAMP:
        return lambda message: Timestamp(message.seconds * _SECOND_NS + message.nanos)
    if one == DURATION:
        return lambda message: Duration(message.seconds * _SECOND_NS + message.nanos)
    if one == wrapper(UINT):
        return lambda message: Uint(message.value)
    return attrgetter("value") if one.kind == "wrapper" else _same


def present(value: object) -> object:
    """Refuse a null where a message is read: a list may hold both."""
    if value is None:
        raise CelRuntimeError("a message was expected, found null_type")
    return value
