# SPDX-License-Identifier: Apache-2.0
"""Comparisons of bytes as code: texts, their starts and ends, network addresses.

Constants are in the instructions, eight bytes a step, and there may be any number of values. Those
of one length are a tree: what they share is compared once, and where they differ the code searches
in halves, so that a thousand values cost a call little more than ten.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from tetragon_sensors.program.assembler import fits_in_imm
from tetragon_sensors.program.opcodes import Register

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tetragon_sensors.program.assembler import Assembler

__all__ = ["emit_equal", "emit_networks", "emit_prefix", "emit_suffix", "steps"]

_LINEAR: Final = 3
"""Up to this many words are compared one after the other."""

R1, R2, R5 = Register.R1, Register.R2, Register.R5


def emit_equal(
    asm: Assembler, text: Register, length: Register, values: Iterable[bytes], found: str
) -> None:
    """Jump to `found` if the text is one of `values`. R1 and R5 are lost."""
    for size, group in _by_length(values):
        following = asm.new_label("length")
        asm.jump(length, "!=", size, following)
        _one_of(asm, text, group, found)
        asm.label(following)


def emit_prefix(
    asm: Assembler, text: Register, length: Register, values: Iterable[bytes], found: str
) -> None:
    """Jump to `found` if the text starts with one of `values`. R1 and R5 are lost."""
    for size, group in _by_length(_without_longer(values)):
        following = asm.new_label("prefix")
        asm.jump(length, "<", size, following)
        _one_of(asm, text, group, found)
        asm.label(following)


def emit_suffix(
    asm: Assembler, text: Register, length: Register, values: Iterable[bytes], found: str
) -> None:
    """Jump to `found` if the text ends with one of `values`. R1, R2 and R5 are lost."""
    for size, group in _by_length(values):
        following = asm.new_label("suffix")
        asm.jump(length, "<", size, following)
        asm.mov(R2, length)
        asm.alu("sub", R2, size)
        asm.alu("add", R2, text)
        _one_of(asm, R2, group, found)
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
        for at, size in steps(len(address)):
            part = int.from_bytes(mask[at : at + size], "little")
            if not part:
                continue
            value = int.from_bytes(address[at : at + size], "little") & part
            asm.load(R1, base, offset + at, size)
            if part != (1 << 8 * size) - 1:
                asm.mov(R5, part)
                asm.alu("and", R1, R5)
            _jump(asm, "!=", value, following)
        asm.goto(found)
        asm.label(following)


def _without_longer(values: Iterable[bytes]) -> Iterator[bytes]:
    """Those of which no other value is the start."""
    kept: list[bytes] = []
    for value in sorted(set(values)):
        if not kept or not value.startswith(kept[-1]):
            kept.append(value)
    return iter(kept)


def _by_length(values: Iterable[bytes]) -> Iterator[tuple[int, list[bytes]]]:
    ordered = sorted(set(values), key=len)
    return ((size, list(group)) for size, group in groupby(ordered, key=len))


def _one_of(asm: Assembler, text: Register, values: Sequence[bytes], found: str) -> None:
    """Jump to `found` if the bytes at `text` are one of `values`, which are equally long."""
    missed = asm.new_label("differs")
    _branch(asm, text, values, list(steps(len(values[0]))), found, missed)
    asm.label(missed)


def _branch(
    asm: Assembler,
    text: Register,
    values: Sequence[bytes],
    steps: Sequence[tuple[int, int]],
    found: str,
    missed: str,
) -> None:
    """Code that goes to `found` or `missed`; all before the first step is known to be equal."""
    steps = _compare_shared(asm, text, values, steps, missed)
    if not steps:
        asm.goto(found)
        return
    at, size = steps[0]

    def word(value: bytes) -> int:
        return int.from_bytes(value[at : at + size], "little")

    groups = [(key, list(group)) for key, group in groupby(sorted(values, key=word), key=word)]
    asm.load(R1, text, at, size)

    def search(first: int, last: int) -> None:
        if last - first > _LINEAR:
            middle = (first + last) // 2
            lower = asm.new_label("lower")
            _jump(asm, "<", groups[middle][0], lower)
            search(middle, last)
            asm.label(lower)
            search(first, middle)
            return
        for number in range(first, last):
            key, group = groups[number]
            following = missed if number + 1 == last else asm.new_label("other")
            _jump(asm, "!=", key, following)
            _branch(asm, text, group, steps[1:], found, missed)
            if following != missed:
                asm.label(following)

    search(0, len(groups))


def _compare_shared(
    asm: Assembler,
    text: Register,
    values: Sequence[bytes],
    steps: Sequence[tuple[int, int]],
    missed: str,
) -> Sequence[tuple[int, int]]:
    """Compare what all values have in common; returns the steps from the first that differs."""
    for number, (at, size) in enumerate(steps):
        word = values[0][at : at + size]
        if any(value[at : at + size] != word for value in values):
            return steps[number:]
        asm.load(R1, text, at, size)
        _jump(asm, "!=", int.from_bytes(word, "little"), missed)
    return ()


def _jump(asm: Assembler, comparison: str, value: int, label: str) -> None:
    """Compare R1, which is not signed."""
    if fits_in_imm(value):
        asm.jump(R1, comparison, value, label)
    else:
        asm.mov(R5, value)
        asm.jump(R1, comparison, R5, label)


_STEPS: Final = (8, 4, 2, 1)


def steps(length: int) -> Iterator[tuple[int, int]]:
    """Offsets and sizes of the loads that cover `length` bytes."""
    at = 0
    for size in _STEPS:
        while length - at >= size:
            yield at, size
            at += size
