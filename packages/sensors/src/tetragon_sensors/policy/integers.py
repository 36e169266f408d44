# SPDX-License-Identifier: Apache-2.0
"""Sets of numbers: every integer operator is one, and becomes a binary search in code.

Equal, InRange, InMap, GT, LT, ports, protocols and states all ask whether a number lies in a union
of ranges; their negations ask the opposite. So there is one kind of code, and no ceiling.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tetragon_sensors.program.assembler import fits_in_imm
from tetragon_sensors.program.opcodes import Register

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tetragon_sensors.program.assembler import Assembler

__all__ = ["IntegerSet", "emit_membership"]

_LINEAR: Final = 3
"""Up to this many ranges are compared one after the other."""


@dataclass(frozen=True, slots=True)
class IntegerSet:
    """Disjoint ranges in ascending order, both ends included."""

    ranges: tuple[tuple[int, int], ...]
    signed: bool = False
    """How the numbers compare: as s64 or as u64."""

    @classmethod
    def of(cls, ranges: Iterable[tuple[int, int]], *, signed: bool = False) -> IntegerSet:
        """Join what touches or overlaps; a range that ends before it starts is empty."""
        joined: list[tuple[int, int]] = []
        for low, high in sorted(one for one in ranges if one[0] <= one[1]):
            if joined and low <= joined[-1][1] + 1:
                joined[-1] = (joined[-1][0], max(high, joined[-1][1]))
            else:
                joined.append((low, high))
        return cls(tuple(joined), signed)

    def __contains__(self, number: object) -> bool:
        """Whether a number of the set's signedness is in it."""
        return any(low <= number <= high for low, high in self.ranges)  # type: ignore[operator]  # numbers only

    @property
    def least(self) -> int:
        """Smallest number that the registers can hold."""
        return -(1 << 63) if self.signed else 0

    @property
    def greatest(self) -> int:
        """Largest number that the registers can hold."""
        return (1 << 63) - 1 if self.signed else (1 << 64) - 1


def emit_membership(asm: Assembler, number: Register, members: IntegerSet, found: str) -> None:
    """Jump to `found` if `number` is in the set, else go on. R5 is lost."""
    missed = asm.new_label("missed")
    _search(asm, number, members, members.ranges, found, missed)
    asm.label(missed)


def _search(
    asm: Assembler,
    number: Register,
    members: IntegerSet,
    ranges: Sequence[tuple[int, int]],
    found: str,
    missed: str,
) -> None:
    if len(ranges) <= _LINEAR:
        for low, high in ranges:
            _one(asm, number, members, low, high, found)
        asm.goto(missed)
        return
    middle = len(ranges) // 2
    lower = asm.new_label("lower")
    _compare(asm, number, "<", ranges[middle][0], members, lower)
    _search(asm, number, members, ranges[middle:], found, missed)
    asm.label(lower)
    _search(asm, number, members, ranges[:middle], found, missed)


def _one(
    asm: Assembler, number: Register, members: IntegerSet, low: int, high: int, found: str
) -> None:
    if low == high:
        _compare(asm, number, "==", low, members, found)
        return
    below = asm.new_label("below")
    if low > members.least:
        _compare(asm, number, "<", low, members, below)
    if high < members.greatest:
        _compare(asm, number, "<=", high, members, found)
    else:
        asm.goto(found)
    asm.label(below)


def _compare(
    asm: Assembler, number: Register, comparison: str, value: int, members: IntegerSet, label: str
) -> None:
    signed = members.signed and comparison != "=="
    if not members.signed and value >= 1 << 63:
        value -= 1 << 64  # the same bits; an immediate is sign-extended
    right: Register | int = value
    if not fits_in_imm(value):
        asm.mov(Register.R5, value)
        right = Register.R5
    asm.jump(number, ("s" if signed else "") + comparison, right, label)
