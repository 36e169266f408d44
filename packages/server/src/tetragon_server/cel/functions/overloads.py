# SPDX-License-Identifier: Apache-2.0
"""What a row of the function table is made of, and how a call finds its row by the values' types.

To add a function, add a Function to the rows of one of the modules beside this one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..errors import CelRuntimeError
from ..types import (
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
    list_of,
    map_of,
    variable,
)
from ..values import Duration, Map, Opaque, Timestamp, TypeName, Uint, type_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..types import Type

__all__ = ["LIST", "MAP", "A", "B", "Dispatch", "Function", "Overload", "by_bytes", "by_items"]

A: Final = variable("A")
B: Final = variable("B")
LIST: Final = list_of(A)
MAP: Final = map_of(A, B)

_CLASSES: Final = {
    BOOL: bool,
    BYTES: bytes,
    DOUBLE: float,
    DURATION: Duration,
    INT: int,
    LIST: list,
    MAP: Map,
    NULL: type(None),
    STRING: str,
    TIMESTAMP: Timestamp,
    TYPE: TypeName,
    UINT: Uint,
}


@dataclass(frozen=True, slots=True)
class Overload:
    """One signature: types, and the Python function that is called with values of these types.

    cost gives, from the values, what the call takes of the evaluation's limit, for functions whose
    time or memory grows with their arguments. A row for mixed numbers is not for numbers whose
    types are known, unless upstream's checker forgets to refuse them (see checker.py).
    """

    params: tuple[Type, ...]
    result: Type
    call: Callable[..., object]
    is_member: bool = False
    cost: Callable[..., int] | None = None
    is_mixed_numbers: bool = False

    def accepts(self, classes: tuple[type, ...]) -> bool:
        """Tell whether values of these classes fit the parameters."""
        return len(classes) == len(self.params) and all(map(_fits, self.params, classes))


@dataclass(frozen=True, slots=True)
class Function:
    """A name and its signatures; several rows may have the same name."""

    name: str
    overloads: tuple[Overload, ...]


class Dispatch:
    """Finds the overload for values; remembers what it found per combination of classes."""

    def __init__(self, name: str, overloads: tuple[Overload, ...]) -> None:
        self._name = name
        self._overloads = overloads
        self.found: dict[tuple[type, ...], Overload] = {}

    def find(self, *values: object) -> Overload:
        """The overload for these values; CelRuntimeError if there is none."""
        classes = tuple(value.__class__ for value in values)
        for one in self._overloads:
            if one.accepts(classes):
                return self.found.setdefault(classes, one)
        types = ", ".join(map(type_name, values))
        raise CelRuntimeError(f"no such overload: {self._name} of ({types})")


def by_bytes(*values: object) -> int:
    """Cost of going through texts once."""
    return 1 + sum(len(value) for value in values if isinstance(value, str | bytes)) // 64


def by_items(*values: object) -> int:
    """Cost of going through lists once."""
    return 1 + sum(len(value) for value in values if isinstance(value, list))


def _fits(param: Type, one: type) -> bool:
    if param.kind == "variable":
        return True
    if param.kind == "opaque":
        return issubclass(one, Opaque) and one.cel_name == param.name
    return _CLASSES[param] is one
