# SPDX-License-Identifier: Apache-2.0
"""Conversions between types, with the forms of text that upstream's library reads and writes."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final, NoReturn

from ..errors import CelRuntimeError
from ..types import BOOL, BYTES, DOUBLE, DURATION, DYN, INT, STRING, TIMESTAMP, UINT, type_of
from ..values import INT_MAX, TypeName, Uint, type_name
from .arithmetic import checked_int, checked_timestamp, checked_uint
from .overloads import A, Function, Overload, by_bytes
from .time_texts import duration_of, duration_text, timestamp_of, timestamp_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..types import Type

__all__ = ["ROWS"]

_TRUE: Final = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE: Final = frozenset({"0", "f", "F", "false", "FALSE", "False"})
_WHOLE: Final = re.compile(r"[+-]?[0-9]+")
_UNSIGNED: Final = re.compile(r"[0-9]+")
_DIGITS: Final = "[0-9]+(?:_[0-9]+)*"
_DECIMAL: Final = re.compile(
    rf"[+-]?(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][+-]?{_DIGITS})?"
)
"""Underscores between digits are Go's, for doubles only."""
_NOT_FINITE: Final = re.compile(r"[+-]?inf(?:inity)?|nan", re.IGNORECASE)
_HEXADECIMAL: Final = re.compile(
    r"[+-]?0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][+-]?[0-9]+"
)
_LONGEST_NUMBER: Final = 400
"""Characters; what is longer is no number of 64 bits, and reading it would take long."""

_EXPONENT_FROM: Final = 1e6
"""Go's %g writes an exponent from here on, Python only from 1e+16; below 1e-04 both do."""


def _fail(wanted: str, text: str) -> NoReturn:
    raise CelRuntimeError(f"a text that is a {wanted} was expected, found {text[:40]!r}")


def _bool_of_text(text: str) -> bool:
    if text not in _TRUE | _FALSE:
        _fail("bool", text)
    return text in _TRUE


def _int_of_text(text: str) -> int:
    if len(text) > _LONGEST_NUMBER or not _WHOLE.fullmatch(text):
        _fail("int", text)
    return checked_int(int(text))


def _uint_of_text(text: str) -> Uint:
    if len(text) > _LONGEST_NUMBER or not _UNSIGNED.fullmatch(text):
        _fail("uint", text)
    return checked_uint(int(text))


def _double_of_text(text: str) -> float:
    if _NOT_FINITE.fullmatch(text):
        return float(text)
    try:
        if _HEXADECIMAL.fullmatch(text):
            return float.fromhex(text)
        if not _DECIMAL.fullmatch(text) or math.isinf(value := float(text)):
            _fail("double", text)
    except OverflowError:
        _fail("double", text)
    return value


def _whole(value: float) -> int:
    if not math.isfinite(value):
        raise CelRuntimeError("integer overflow")
    return int(value)


def _int_of_double(value: float) -> int:
    """Cut the fraction off; the two ends of the range are errors, as in upstream's library."""
    if not -(2.0**63) < value < float(INT_MAX):
        raise CelRuntimeError("integer overflow")
    return int(value)


def _uint_of_double(value: float) -> Uint:
    if value < 0:
        raise CelRuntimeError("unsigned integer overflow")
    return checked_uint(_whole(value))


def _text_of_double(value: float) -> str:
    """The shortest form that reads back the same, as Go's %g."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("+Inf" if value > 0 else "-Inf")
    text = repr(value).removesuffix(".0")
    if "e" in text or abs(value) < _EXPONENT_FROM:
        return text
    sign, digits = ("-", text[1:]) if value < 0 else ("", text)
    exponent = len(digits.partition(".")[0]) - 1
    rest = (digits[1:].replace(".", "")).rstrip("0")
    return f"{sign}{digits[0]}{'.' if rest else ''}{rest}e+{exponent:02d}"


def _text_of_bytes(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise CelRuntimeError("bytes in UTF-8 were expected") from None


def _same(value: object) -> object:
    return value


def _to(
    name: str, result: Type, conversions: tuple[tuple[Type, Callable[..., object]], ...]
) -> Function:
    return Function(
        name,
        tuple(
            Overload((one,), result, call, cost=by_bytes if one in {STRING, BYTES} else None)
            for one, call in ((result, _same), *conversions)
        ),
    )


ROWS: Final = (
    _to("bool", BOOL, ((STRING, _bool_of_text),)),
    _to("bytes", BYTES, ((STRING, str.encode),)),
    _to("double", DOUBLE, ((INT, float), (STRING, _double_of_text), (UINT, float))),
    _to("duration", DURATION, ((STRING, duration_of),)),
    Function("dyn", (Overload((A,), DYN, _same),)),
    _to(
        "int",
        INT,
        (
            (DOUBLE, _int_of_double),
            (DURATION, int),
            (STRING, _int_of_text),
            (TIMESTAMP, lambda value: int(value) // 10**9),
            (UINT, lambda value: checked_int(int(value))),
        ),
    ),
    _to(
        "string",
        STRING,
        (
            (BOOL, lambda value: "true" if value else "false"),
            (BYTES, _text_of_bytes),
            (DOUBLE, _text_of_double),
            (DURATION, duration_text),
            (INT, str),
            (TIMESTAMP, timestamp_text),
            (UINT, lambda value: str(int(value))),
        ),
    ),
    _to(
        "timestamp",
        TIMESTAMP,
        ((INT, lambda value: checked_timestamp(value * 10**9)), (STRING, timestamp_of)),
    ),
    Function("type", (Overload((A,), type_of(A), lambda value: TypeName(type_name(value))),)),
    _to("uint", UINT, ((DOUBLE, _uint_of_double), (INT, checked_uint), (STRING, _uint_of_text))),
)
