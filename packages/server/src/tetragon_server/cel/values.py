# SPDX-License-Identifier: Apache-2.0
"""Values while an event is looked at: Python's own where they fit, and the few that Python lacks.

| CEL | Python |
|---|---|
| null, bool, int, double, string, bytes | None, bool, int, float, str, bytes |
| uint, timestamp, duration | Uint, Timestamp, Duration: subclasses of int, so the class tells |
| list, map | list, Map |
| message | the protobuf message |
| type | TypeName |
| opaque types of a library | a subclass of Opaque |
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from .errors import CelRuntimeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = [
    "INT_MAX",
    "INT_MIN",
    "NUMBERS",
    "UINT_MAX",
    "Duration",
    "Map",
    "Opaque",
    "Timestamp",
    "TypeName",
    "Uint",
    "type_name",
]

INT_MIN: Final = -(2**63)
INT_MAX: Final = 2**63 - 1
UINT_MAX: Final = 2**64 - 1


class Uint(int):
    """A 64-bit unsigned number; its class keeps it apart from a signed one."""

    __slots__ = ()


class Timestamp(int):
    """Nanoseconds since 1970-01-01T00:00:00Z, of the years 1 to 9999."""

    __slots__ = ()


class Duration(int):
    """Nanoseconds, 64 bits signed."""

    __slots__ = ()


class Opaque:
    """Base of values of function libraries: comparing one with another type is an error."""

    __slots__ = ()
    cel_name: ClassVar[str]


@dataclass(frozen=True, slots=True)
class TypeName:
    """A type as a value, the result of type(x)."""

    name: str


NUMBERS: Final = frozenset({int, Uint, float})

_NAMES: Final = {
    type(None): "null_type",
    bool: "bool",
    int: "int",
    Uint: "uint",
    float: "double",
    str: "string",
    bytes: "bytes",
    list: "list",
    Timestamp: "google.protobuf.Timestamp",
    Duration: "google.protobuf.Duration",
    TypeName: "type",
}


class Map:
    """A map whose keys 1, 1u and true differ, but where 1u finds 1 if there is no 1u."""

    __slots__ = ("_values",)

    def __init__(self, entries: Iterable[tuple[object, object]]) -> None:
        self._values = {}
        for key, value in entries:
            if key.__class__ not in _KEYS:
                raise CelRuntimeError(f"a map key of type {type_name(key)} is not supported")
            self._values[key.__class__, key] = value

    def __len__(self) -> int:
        return len(self._values)

    def __iter__(self) -> Iterator[object]:
        return (key for _, key in self._values)

    def __contains__(self, key: object) -> bool:
        return self._place(key) in self._values

    def __getitem__(self, key: object) -> object:
        try:
            return self._values[self._place(key)]
        except KeyError:
            raise CelRuntimeError(f"no such key: {key!r}") from None

    def _place(self, key: object) -> tuple[type, object]:
        """Where key is: with its own type first, else as the other kinds of whole number."""
        own = (key.__class__, key)
        if own[0] not in _KEYS:
            return (object, None)
        if own in self._values or not isinstance(key, int | float) or own[0] is bool:
            return own
        if isinstance(key, float) and not key.is_integer():
            return own
        others = ((int, int(key)), (Uint, Uint(int(key))))
        return next((place for place in others if place in self._values), own)


_KEYS: Final = frozenset({bool, int, Uint, float, str})


def type_name(value: object) -> str:
    """Name the type of a value as type() does."""
    if isinstance(value, Map):
        return "map"
    if isinstance(value, Opaque):
        return value.cel_name
    name = _NAMES.get(value.__class__)
    return name if name is not None else str(value.DESCRIPTOR.full_name)  # type: ignore[attr-defined]  # what is left is a protobuf message
