# SPDX-License-Identifier: Apache-2.0
"""The operators + - * / % and the sign. Whole numbers have 64 bits and never wrap around."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from ..errors import CelRuntimeError
from ..types import BYTES, DOUBLE, DURATION, INT, STRING, TIMESTAMP, UINT
from ..values import INT_MAX, INT_MIN, UINT_MAX, Duration, Timestamp, Uint
from .overloads import LIST, Function, Overload, by_bytes, by_items

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..types import Type

__all__ = ["ROWS", "checked_duration", "checked_int", "checked_timestamp", "checked_uint"]

_EARLIEST: Final = -62_135_596_800 * 10**9
_LATEST: Final = 253_402_300_800 * 10**9 - 1
"""The years 1 to 9999 in nanoseconds since 1970."""


def checked_int(value: int) -> int:
    """Take a value that fits 64 bits with sign; CelRuntimeError otherwise."""
    if INT_MIN <= value <= INT_MAX:
        return value
    raise CelRuntimeError("integer overflow")


def checked_uint(value: int) -> Uint:
    """Take a value that fits 64 bits without sign; CelRuntimeError otherwise."""
    if 0 <= value <= UINT_MAX:
        return Uint(value)
    raise CelRuntimeError("unsigned integer overflow")


def checked_duration(nanoseconds: int) -> Duration:
    """Take nanoseconds that fit 64 bits, some 292 years; CelRuntimeError otherwise."""
    if INT_MIN <= nanoseconds <= INT_MAX:
        return Duration(nanoseconds)
    raise CelRuntimeError("duration overflow")


def checked_timestamp(nanoseconds: int) -> Timestamp:
    """Take nanoseconds since 1970 within the years 1 to 9999; CelRuntimeError otherwise."""
    if _EARLIEST <= nanoseconds <= _LATEST:
        return Timestamp(nanoseconds)
    raise CelRuntimeError("timestamp overflow")


def _quotient(left: int, right: int) -> int:
    """Round towards zero, as the processor does."""
    if right == 0:
        raise CelRuntimeError("division by zero")
    return abs(left) // abs(right) * (1 if (left < 0) == (right < 0) else -1)


def _remainder(left: int, right: int) -> int:
    """The rest has the sign of the left side; the one quotient that overflows is an error here."""
    if right == 0:
        raise CelRuntimeError("modulus by zero")
    checked_int(_quotient(left, right))
    rest = abs(left) % abs(right)
    return -rest if left < 0 else rest


def _double_quotient(left: float, right: float) -> float:
    if right != 0:
        return left / right
    if left == 0 or math.isnan(left):
        return math.nan
    return math.copysign(math.inf, left) * math.copysign(1, right)


def _double_product(left: float, right: float) -> float:
    return left * right


def _on(
    one: Type, operation: Callable[[int, int], int], checked: Callable[[int], object]
) -> Overload:
    return Overload((one, one), one, lambda left, right: checked(operation(left, right)))


def _plus(left: int, right: int) -> int:
    return int.__add__(left, right)


def _minus(left: int, right: int) -> int:
    return int.__sub__(left, right)


def _times(left: int, right: int) -> int:
    return int.__mul__(left, right)


def _joined(one: Type, cost: Callable[..., int]) -> Overload:
    return Overload((one, one), one, lambda left, right: left + right, cost=cost)


def _moved(left: Type, right: Type, operation: Callable[[int, int], int]) -> Overload:
    def call(first: int, second: int) -> Timestamp:
        return checked_timestamp(operation(first, second))

    return Overload((left, right), TIMESTAMP, call)


def _between(left: Timestamp, right: Timestamp) -> Duration:
    return checked_duration(_minus(left, right))


ROWS: Final = (
    Function(
        "_+_",
        (
            _joined(BYTES, by_bytes),
            Overload((DOUBLE, DOUBLE), DOUBLE, float.__add__),
            _on(DURATION, _plus, checked_duration),
            _moved(DURATION, TIMESTAMP, _plus),
            _moved(TIMESTAMP, DURATION, _plus),
            _on(INT, _plus, checked_int),
            _joined(LIST, by_items),
            _joined(STRING, by_bytes),
            _on(UINT, _plus, checked_uint),
        ),
    ),
    Function(
        "_-_",
        (
            Overload((DOUBLE, DOUBLE), DOUBLE, float.__sub__),
            _on(DURATION, _minus, checked_duration),
            _on(INT, _minus, checked_int),
            _moved(TIMESTAMP, DURATION, _minus),
            Overload((TIMESTAMP, TIMESTAMP), DURATION, _between),
            _on(UINT, _minus, checked_uint),
        ),
    ),
    Function(
        "_*_",
        (
            Overload((DOUBLE, DOUBLE), DOUBLE, _double_product),
            _on(INT, _times, checked_int),
            _on(UINT, _times, checked_uint),
        ),
    ),
    Function(
        "_/_",
        (
            Overload((DOUBLE, DOUBLE), DOUBLE, _double_quotient),
            _on(INT, _quotient, checked_int),
            _on(UINT, _quotient, checked_uint),
        ),
    ),
    Function("_%_", (_on(INT, _remainder, checked_int), _on(UINT, _remainder, checked_uint))),
    Function(
        "-_",
        (
            Overload((DOUBLE,), DOUBLE, float.__neg__),
            Overload((INT,), INT, lambda value: checked_int(-value)),
        ),
    ),
)
