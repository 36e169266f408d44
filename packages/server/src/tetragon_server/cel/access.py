# SPDX-License-Identifier: Apache-2.0
"""The index operator `container[key]`, for lists, maps and messages of unknown type."""

from __future__ import annotations

from .errors import CelRuntimeError
from .fields import select
from .values import NUMBERS, Map, type_name

__all__ = ["index"]


def index(container: object, key: object) -> object:
    """Take one value out; CelRuntimeError where there is none."""
    if isinstance(container, Map):
        return container[key]
    if isinstance(container, list):
        return container[_place(key, len(container))]
    if isinstance(key, str):
        return select(container, key)
    message = f"no such overload: _[_] of ({type_name(container)}, {type_name(key)})"
    raise CelRuntimeError(message)


def _place(key: object, length: int) -> int:
    # A timestamp is an int to Python; the class tells.
    if key.__class__ not in NUMBERS or not isinstance(key, int | float):
        raise CelRuntimeError(f"a number was expected as index, found {type_name(key)}")
    if isinstance(key, float) and not key.is_integer():
        raise CelRuntimeError(f"a whole number was expected as index, found {key}")
    if not 0 <= key < length:
        raise CelRuntimeError(f"index {key} is out of the range of a list of {length}")
    return int(key)
