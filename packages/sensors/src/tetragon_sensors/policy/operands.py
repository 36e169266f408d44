# SPDX-License-Identifier: Apache-2.0
"""Values of filters as the code generator wants them: numbers, ranges, bytes.

The parser has checked their form, so nothing here can fail for a policy that was let through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tetragon_core.policy.model import ArgumentFilter

__all__ = ["is_negative", "mask_of", "number_of", "ranges_of", "texts_of"]

_NEGATIVE: Final = frozenset(
    {"NotEqual", "NotInMap", "NotInRange", "NotPrefix", "NotPostfix", "NotIn", "NotFileType"}
    | {"NotSAddr", "NotDAddr", "NotSPort", "NotDPort", "NotSPortPriv", "NotSportPriv"}
    | {"NotDPortPriv"}
)


def is_negative(operator: str) -> bool:
    """Whether the operator holds when none of its values matches."""
    return operator in _NEGATIVE


def number_of(text: str) -> int:
    """A number as policies write it: decimal, 0x, or octal with a leading 0."""
    digits = text.strip().lower()
    sign = -1 if digits.startswith("-") else 1
    digits = digits.lstrip("+-")
    if len(digits) > 1 and digits[0] == "0" and digits[1].isdigit():
        return sign * int(digits, 8)
    return sign * int(digits, 0)


def _wrapped(number: int, width: int, *, signed: bool) -> int:
    """The number that `width` bytes hold when `number` is put there (-1 is 0xffffffff)."""
    number &= (1 << 8 * width) - 1
    if signed and number >> 8 * width - 1:
        number -= 1 << 8 * width
    return number


def ranges_of(wanted: ArgumentFilter, width: int, *, signed: bool) -> Iterator[tuple[int, int]]:
    """The filter's values as ranges of numbers of that width."""
    least = -(1 << 8 * width - 1) if signed else 0
    greatest = (1 << 8 * width - signed) - 1
    for value in wanted.values:
        low, colon, high = str(value).partition(":")
        start = number_of(low)
        if not colon:
            start = _wrapped(start, width, signed=signed)
        end = number_of(high) if colon else start
        match wanted.operator:
            case "GT" | "GreaterThan":
                yield start + 1, greatest
            case "LT" | "LessThan":
                yield least, start - 1
            case _:
                yield max(start, least), min(end, greatest)


def mask_of(wanted: ArgumentFilter) -> int:
    """All bits any value of the filter asks for: one of them has to be set."""
    mask = 0
    for value in wanted.values:
        mask |= number_of(str(value)) & (1 << 64) - 1
    return mask - (1 << 64) if mask >> 63 else mask


def texts_of(wanted: ArgumentFilter, *, keeps_nul: bool) -> list[bytes]:
    """The filter's values as bytes."""
    values = [str(value).encode(errors="surrogateescape") for value in wanted.values]
    return values if keeps_nul else [value.removesuffix(b"\0") for value in values]
