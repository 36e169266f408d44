# SPDX-License-Identifier: Apache-2.0
"""Name{field: value}: building protobuf messages from values of expressions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from .declarations import single_type
from .errors import CelRuntimeError
from .values import Duration, Map, Timestamp, Uint, type_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.protobuf.descriptor import Descriptor, FieldDescriptor

__all__ = ["new_message", "setter"]

_SECOND_NS: Final = 10**9
_CLASSES: Final = {"bool": bool, "bytes": bytes, "double": float, "int": int, "string": str} | {
    "uint": Uint
}


def new_message(descriptor: Descriptor | None) -> Message:
    """Make an empty message."""
    assert descriptor is not None, "only of fields that are messages"
    return GetMessageClass(descriptor)()


def setter(field: FieldDescriptor) -> Callable[[Any, object], None]:
    """Build the function that puts a value into this field of a message.

    It raises CelRuntimeError where the value's type or range is not the field's.
    """
    name = field.name
    entry = field.message_type
    if entry is not None and entry.GetOptions().map_entry:
        return _map_setter(entry, name)
    convert = _converter(field)
    if field.is_repeated:
        return lambda message, value: _fill(getattr(message, name), convert, value, name)
    if entry is not None:
        return lambda message, value: _copy(message, name, convert(value))
    return lambda message, value: _assign(message, name, convert(value))


def _map_setter(entry: Descriptor, name: str) -> Callable[[Any, object], None]:
    key, value = (_converter(entry.fields_by_name[one]) for one in ("key", "value"))
    is_message = entry.fields_by_name["value"].message_type is not None

    def put(message: Any, entries: object) -> None:  # noqa: ANN401 - a message class has the field as attribute
        if not isinstance(entries, Map):
            raise CelRuntimeError(f"a map was expected for {name}, found {type_name(entries)}")
        target = getattr(message, name)
        for one in entries:
            converted = value(entries[one])
            if not is_message:
                _guarded(partial(target.update, {key(one): converted}), name)
            elif converted is not None:
                target[key(one)].CopyFrom(converted)

    return put


def _converter(field: FieldDescriptor) -> Callable[[object], Any]:
    """How a value becomes what Python's protobuf takes; None stands for leaving a message out."""
    one = single_type(field)
    if one.kind == "wrapper":
        convert = _scalar(one.params[0].kind, field.name)
        return lambda value: None if value is None else _wrapped(field, convert(value))
    if one.kind in {"timestamp", "duration"}:
        wanted = Timestamp if one.kind == "timestamp" else Duration
        return lambda value: None if value is None else _time(field, wanted, value)
    if one.kind == "message":
        return lambda value: None if value is None else _message(field, value)
    return _scalar(one.kind, field.name)


def _scalar(kind: str, name: str) -> Callable[[object], object]:
    wanted = _CLASSES[kind]

    def convert(value: object) -> object:
        if value.__class__ is not wanted:
            raise CelRuntimeError(f"{kind} was expected for {name}, found {type_name(value)}")
        return int(value) if isinstance(value, Uint) else value

    return convert


def _wrapped(field: FieldDescriptor, value: object) -> Message:
    message = new_message(field.message_type)
    _assign(message, "value", value)
    return message


def _time(field: FieldDescriptor, wanted: type[int], value: object) -> Message:
    if not isinstance(value, wanted):
        raise CelRuntimeError(f"a time was expected for {field.name}, found {type_name(value)}")
    message = new_message(field.message_type)
    sign = -1 if wanted is Duration and value < 0 else 1
    seconds, nanoseconds = divmod(sign * int(value), _SECOND_NS)
    _assign(message, "seconds", sign * seconds)
    _assign(message, "nanos", sign * nanoseconds)
    return message


def _message(field: FieldDescriptor, value: object) -> Message:
    if isinstance(value, Message) and value.DESCRIPTOR is field.message_type:
        return value
    wanted = single_type(field)
    raise CelRuntimeError(f"{wanted} was expected for {field.name}, found {type_name(value)}")


def _fill(
    target: Any,  # noqa: ANN401 - protobuf has containers of several classes for repeated fields
    convert: Callable[[object], Any],
    value: object,
    name: str,
) -> None:
    if not isinstance(value, list):
        raise CelRuntimeError(f"a list was expected for {name}, found {type_name(value)}")
    elements = [element for one in value if (element := convert(one)) is not None]
    _guarded(lambda: target.extend(elements), name)


def _copy(message: Message, name: str, value: Message | None) -> None:
    if value is not None:
        getattr(message, name).CopyFrom(value)


def _assign(message: Message, name: str, value: object) -> None:
    _guarded(lambda: setattr(message, name, value), name)


def _guarded(put: Callable[[], object], name: str) -> None:
    try:
        put()
    except (ValueError, TypeError) as error:
        raise CelRuntimeError(f"a value in the range of {name} was expected: {error}") from None
