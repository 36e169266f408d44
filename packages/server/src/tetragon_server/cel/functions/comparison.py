# SPDX-License-Identifier: Apache-2.0
"""The operators < <= > >= and the one notion of equality, which also decides `in`.

Equality never fails on different types: they are different values, except that the three kinds of
number are compared by what they count.
"""

from __future__ import annotations

import operator
from itertools import permutations
from typing import TYPE_CHECKING, Final

from ..errors import CelRuntimeError
from ..types import BOOL, BYTES, DOUBLE, DURATION, INT, STRING, TIMESTAMP, UINT
from ..values import NUMBERS, Map, Opaque, type_name
from .overloads import Function, Overload, by_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

    Spend = Callable[[int], None]
    """Takes from the evaluation's cost limit; raises beyond it."""

__all__ = ["ROWS", "contains", "equals"]


def equals(left: object, right: object, spend: Spend) -> bool:
    """Compare two values of any types; CelRuntimeError for an opaque value and another type."""
    one, other = left.__class__, right.__class__
    if left is None or right is None:
        return left is right
    if one in NUMBERS:
        return other in NUMBERS and _same_number(left, right)
    if isinstance(left, list):
        return isinstance(right, list) and _same_lists(left, right, spend)
    if isinstance(left, Map):
        return isinstance(right, Map) and _same_maps(left, right, spend)
    if one is not other:
        if isinstance(left, Opaque):
            message = f"no such overload: _==_ of ({type_name(left)}, {type_name(right)})"
            raise CelRuntimeError(message)
        return False
    spend(_cost(left))
    return bool(left == right)


def contains(value: object, container: object, spend: Spend) -> bool:
    """Decide `value in container`; CelRuntimeError where container is neither list nor map."""
    if isinstance(container, Map):
        return value in container
    if not isinstance(container, list):
        message = f"no such overload: @in of ({type_name(value)}, {type_name(container)})"
        raise CelRuntimeError(message)
    spend(len(container))
    return any(
        equals(value, one, spend)
        for one in container
        if not isinstance(value, Opaque) or one.__class__ is value.__class__
    )


def _same_number(left: object, right: object) -> bool:
    if isinstance(left, float) or isinstance(right, float):
        return float(left) == float(right)  # type: ignore[arg-type]  # the caller asked for the class
    return left == right


def _same_lists(left: list[object], right: list[object], spend: Spend) -> bool:
    spend(min(len(left), len(right)))
    return len(left) == len(right) and all(
        equals(*pair, spend) for pair in zip(left, right, strict=True)
    )


def _same_maps(left: Map, right: Map, spend: Spend) -> bool:
    spend(min(len(left), len(right)))
    return len(left) == len(right) and all(
        key in right and equals(left[key], right[key], spend) for key in left
    )


def _cost(value: object) -> int:
    if isinstance(value, str | bytes):
        return by_bytes(value)
    size: Callable[[], int] | None = getattr(value, "ByteSize", None)
    return 1 if size is None else 1 + size() // 64


def _ordered(operation: Callable[[float, float], bool]) -> Callable[[float, float], bool]:
    """Compare numbers of which one is a double: NaN has no place, as in upstream's library."""

    def call(left: float, right: float) -> bool:
        first, second = float(left), float(right)
        if first != first or second != second:  # noqa: PLR0124 - only NaN differs from itself
            raise CelRuntimeError("NaN values cannot be ordered")
        return operation(first, second)

    return call


def _row(name: str, operation: Callable[..., bool]) -> Function:
    ordered = _ordered(operation)
    plain = [
        Overload((one, one), BOOL, operation, cost=by_bytes if one in {STRING, BYTES} else None)
        for one in (BOOL, INT, UINT, STRING, BYTES, TIMESTAMP, DURATION)
    ]
    mixed = [
        Overload(pair, BOOL, ordered if DOUBLE in pair else operation, is_mixed_numbers=True)
        for pair in permutations((INT, UINT, DOUBLE), 2)
    ]
    return Function(name, (*plain, Overload((DOUBLE, DOUBLE), BOOL, ordered), *mixed))


ROWS: Final = (
    _row("_<_", operator.lt),
    _row("_<=_", operator.le),
    _row("_>_", operator.gt),
    _row("_>=_", operator.ge),
)
