# SPDX-License-Identifier: Apache-2.0
"""Types that the checker works with, and when one may stand for another. No names, no functions.

Types of the CEL language definition, section "Gradual type checking": a wrapper is a number, text
or truth value that may be null, dyn is a value whose type is known only when the event is there,
and a variable stands for a type that is not known yet.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

__all__ = [
    "BOOL",
    "BYTES",
    "DOUBLE",
    "DURATION",
    "DYN",
    "INT",
    "NULL",
    "STRING",
    "TIMESTAMP",
    "TYPE",
    "UINT",
    "Type",
    "TypeTooLargeError",
    "is_more_general",
    "list_of",
    "map_of",
    "message",
    "opaque",
    "same",
    "type_of",
    "variable",
    "wrapper",
]

_MAX_SIZE: Final = 1000
"""Parts of one type. Macros can double a type with a dozen characters; nobody means to."""


class TypeTooLargeError(ValueError):
    """A type has more parts than any expression needs."""


@dataclass(frozen=True, slots=True)
class Type:
    """One type: kind says which parts count (name for message, opaque, variable; params else)."""

    kind: str
    name: str = ""
    params: tuple[Type, ...] = ()
    size: int = field(init=False, compare=False, default=1)
    has_variables: bool = field(init=False, compare=False, default=False)

    def __post_init__(self) -> None:
        size = 1 + sum(param.size for param in self.params)
        if size > _MAX_SIZE:
            raise TypeTooLargeError(f"a type of at most {_MAX_SIZE} parts was expected")
        open_ = self.kind == "variable" or any(param.has_variables for param in self.params)
        object.__setattr__(self, "size", size)
        object.__setattr__(self, "has_variables", open_)

    def __str__(self) -> str:
        name = self.name or self.kind
        return f"{name}({', '.join(map(str, self.params))})" if self.params else name


BOOL: Final = Type("bool")
BYTES: Final = Type("bytes")
DOUBLE: Final = Type("double")
DURATION: Final = Type("duration")
DYN: Final = Type("dyn")
INT: Final = Type("int")
NULL: Final = Type("null")
STRING: Final = Type("string")
TIMESTAMP: Final = Type("timestamp")
TYPE: Final = Type("type")
UINT: Final = Type("uint")


def list_of(element: Type) -> Type:
    """Build the type of a list."""
    return Type("list", params=(element,))


def map_of(key: Type, value: Type) -> Type:
    """Build the type of a map."""
    return Type("map", params=(key, value))


def message(name: str) -> Type:
    """Build the type of a protobuf message from its full name."""
    return Type("message", name)


def opaque(name: str) -> Type:
    """Build a type of a function library, such as net.IP."""
    return Type("opaque", name)


def variable(name: str) -> Type:
    """Build a type that is not known yet."""
    return Type("variable", name)


def wrapper(wrapped: Type) -> Type:
    """Build the type of google.protobuf's wrapper messages: a value or null."""
    return Type("wrapper", params=(wrapped,))


def type_of(value: Type) -> Type:
    """Build the type of a name of a type."""
    return Type("type", params=(value,))


def same(left: Type, right: Type) -> bool:
    """Equal, where a wrapper counts as what it wraps (as in upstream's library)."""
    left, right = _unwrapped(left), _unwrapped(right)
    return (
        (left.kind, left.name, len(left.params)) == (right.kind, right.name, len(right.params))
    ) and all(same(*pair) for pair in zip(left.params, right.params, strict=True))


def _unwrapped(one: Type) -> Type:
    return one.params[0] if one.kind == "wrapper" else one


def is_more_general(left: Type, right: Type) -> bool:
    """Left says as much as right or less, for two types that can be assigned to each other."""
    if left.kind in {"dyn", "variable"}:
        return True
    if right.kind in {"dyn", "variable"}:
        return False
    if left.kind == right.kind and left.kind in {"list", "map"}:
        return all(is_more_general(*pair) for pair in zip(left.params, right.params, strict=True))
    return (left.kind == right.kind == "type") or same(left, right)
