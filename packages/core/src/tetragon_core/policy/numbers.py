# SPDX-License-Identifier: Apache-2.0
"""Whole numbers and ranges of numbers as policies write them."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

__all__ = ["Range", "integer_limits", "parse_integer", "parse_range", "parse_sized_integer"]

_NUMBER: Final = re.compile(
    r"(?P<sign>[+-]?)(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<bin>[01]+)"
    r"|0[oO]?(?P<oct>[0-7]+)|(?P<dec>0|[1-9][0-9]*))"
)
_BASES: Final = {"hex": 16, "bin": 2, "oct": 8, "dec": 10}
_MAX_DIGITS: Final = 80
"""More than any 64-bit number has in base 2; keeps hostile text cheap."""


class Range(NamedTuple):
    """Numbers from `low` to `high`, both included."""

    low: int
    high: int


def parse_integer(text: str) -> int:
    """A number in decimal, hexadecimal (0x), octal (0 or 0o) or binary (0b); `_` may group digits.

    Raises ValueError.
    """
    digits = text.strip().replace("_", "") if len(text) <= _MAX_DIGITS else ""
    match = _NUMBER.fullmatch(digits)
    if match is None:
        raise ValueError(f'"{text[:_MAX_DIGITS]}" is not a whole number')
    base = str(match.lastgroup)
    magnitude = int(match[base], _BASES[base])
    return -magnitude if match["sign"] == "-" else magnitude


def integer_limits(bits: int, *, signed: bool) -> Range:
    """Smallest and largest number that fit."""
    return Range(-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else Range(0, (1 << bits) - 1)


def parse_sized_integer(text: str, bits: int, *, signed: bool) -> int:
    """A number that fits the type.

    The bits of a signed type may be written in hexadecimal: 0xffffffff is -1 in 32 bits.
    Raises ValueError.
    """
    number = parse_integer(text)
    low, high = integer_limits(bits, signed=signed)
    if low <= number <= high:
        return number
    unsigned = 0 <= number < 1 << bits and text.strip().lower().startswith("0x")
    if signed and unsigned:
        return number - (1 << bits)
    kind = "signed" if signed else "unsigned"
    raise ValueError(f"{text.strip()} does not fit {kind} {bits} bits: {low} to {high}")


def parse_range(text: str, bits: int = 64, *, signed: bool = True) -> Range:
    """`min:max`, both included. Raises ValueError."""
    low_text, colon, high_text = text.partition(":")
    if not colon:
        raise ValueError(f'"{text}" is no range; write min:max')
    low = parse_sized_integer(low_text, bits, signed=signed)
    high = parse_sized_integer(high_text, bits, signed=signed)
    if low > high:
        raise ValueError(f"{text}: the range ends before it starts")
    return Range(low, high)
