# SPDX-License-Identifier: Apache-2.0
"""Comparisons of bytes as code: texts, their starts and ends, network addresses.

Constants are in the instructions, eight bytes a step: there is nothing to look up, no limit on how
many values there are, and the first word tells most of them apart.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from tetragon_sensors.program.assembler import fits_in_imm
from tetragon_sensors.program.opcodes import Register

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tetragon_sensors.program.assembler import Assembler

__all__ = ["emit_equal", "emit_networks", "emit_prefix", "emit_suffix"]

R1, R2, R5 = Register.R1, Register.R2, Register.R5


def emit_equal(
    asm: Assembler, text: Register, length: Register, values: Iterable[bytes], found: str
) -> None:
    """Jump to `found` if the text is one of `values`."""
    for size, group in groupby(sorted(set(values), key=lambda v: (len(v), v)), key=len):
        following = asm.new_label("length")
        asm.jump(length, "!=", size, following)
        for value in group:
            _compare(asm, text, value, found)
        asm.label(following)


def emit_prefix(
    asm: Assembler, text: Register, length: Register, values: Iterable[bytes], found: str
) -> None:
    """Jump to `found` if the text starts with one of `values`."""
    for value in _without_longer(values):
        following = asm.new_label("prefix")
        asm.jump(length, "<", len(value), following)
        _compare(asm, text, value, found)
        asm.label(following)


def emit_suffix(
    asm: Assembler, text: Register, length: Register, values: Iterable[bytes], found: str
) -> None:
    """Jump to `found` if the text ends with one of `values`. R2 is lost."""
    for value in sorted(set(values), key=len):
        following = asm.new_label("suffix")
        asm.jump(length, "<", len(value), following)
        asm.mov(R2, length)
        asm.alu("sub", R2, len(value))
        asm.alu("add", R2, text)
        _compare(asm, R2, value, found)
        asm.label(following)


def emit_networks(
    asm: Assembler, base: Register, offset: int, networks: Iterable[tuple[bytes, int]], found: str
) -> None:
    """Jump to `found` if the address at `base + offset` is in one of (address, prefix length)."""
    for address, prefix in sorted(networks):
        whole, rest = divmod(prefix, 8)
        mask = b"\xff" * whole
        if rest:
            mask += bytes([0xFF00 >> rest & 0xFF])
        mask = mask.ljust(len(address), b"\0")
        following = asm.new_label("network")
        for at, size in _steps(len(address)):
            part = int.from_bytes(mask[at : at + size], "little")
            if not part:
                continue
            value = int.from_bytes(address[at : at + size], "little") & part
            asm.load(R1, base, offset + at, size)
            if part != (1 << 8 * size) - 1:
                asm.mov(R5, part)
                asm.alu("and", R1, R5)
            _differs(asm, value, following)
        asm.goto(found)
        asm.label(following)


def _without_longer(values: Iterable[bytes]) -> Iterator[bytes]:
    """Those of which no other value is the start."""
    kept: list[bytes] = []
    for value in sorted(set(values)):
        if not kept or not value.startswith(kept[-1]):
            kept.append(value)
    return iter(kept)


def _compare(asm: Assembler, text: Register, value: bytes, found: str) -> None:
    """Jump to `found` if the bytes at `text` are `value`. R1 and R5 are lost."""
    differs = asm.new_label("differs")
    for at, size in _steps(len(value)):
        asm.load(R1, text, at, size)
        _differs(asm, int.from_bytes(value[at : at + size], "little"), differs)
    asm.goto(found)
    asm.label(differs)


def _differs(asm: Assembler, value: int, label: str) -> None:
    if fits_in_imm(value):
        asm.jump(R1, "!=", value, label)
    else:
        asm.mov(R5, value)
        asm.jump(R1, "!=", R5, label)


_STEPS: Final = (8, 4, 2, 1)


def _steps(length: int) -> Iterator[tuple[int, int]]:
    """Offsets and sizes of the loads that cover `length` bytes."""
    at = 0
    for size in _STEPS:
        while length - at >= size:
            yield at, size
            at += size
