# SPDX-License-Identifier: Apache-2.0
"""Search for texts anywhere in a text: two functions for each filter, as loops in one would not do.

The inner one compares at a few neighbouring positions. The verifier walks every round of a loop, so
how many they are depends on how much there is to compare; the outer one calls it along the text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tetragon_sensors.program.assembler import fits_in_imm
from tetragon_sensors.program.linker import Function
from tetragon_sensors.program.opcodes import Helper, Register

from .emitter import STRING_BYTES
from .matching import steps
from .reading import KernelReader, Stack
from .record import LIMIT, WALK_OFFSET

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tetragon_sensors.program.assembler import Assembler

    from .reading import Environment

__all__ = ["search_functions"]

R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, FP = Register

_VERIFIED: Final = 12_000
"""Instructions of the inner function's rounds together, about."""
_MOST_POSITIONS: Final = 64
_RECORD: Final = 8
"""Of the map's value: the record is behind the mark that it is taken."""
_LEFT: Final = _RECORD + WALK_OFFSET
"""Bytes from the position to the text's end. In a register the verifier would learn something of it
at each comparison, and go through what follows once for all it can know."""


def search_functions(
    name: str, environment: Environment, texts: Iterable[bytes], *, ignore_case: bool
) -> Iterator[Function]:
    """`name(scratch slot, offset in the record, length)`: 1 if one of the texts is there, else 0.

    Without regard to the case of ASCII letters if asked for.
    """
    wanted = sorted({text.lower() if ignore_case else text for text in texts}, key=len)
    inner = f"{name}_at"
    size = sum(3 * len(list(steps(len(text)))) + 3 for text in wanted)
    positions = max(1, min(_MOST_POSITIONS, _VERIFIED // size))
    yield _outer(name, inner, environment, positions)
    yield _inner(inner, environment, wanted, positions, ignore_case=ignore_case)


def _outer(name: str, inner: str, environment: Environment, positions: int) -> Function:
    asm = KernelReader(name, environment).asm
    for kept, given in ((R6, R1), (R7, R2), (R8, R3)):
        asm.mov(kept, given)
    asm.mov(R9, 0)
    asm.label("loop")
    asm.jump(R9, ">=", R8, "none")
    asm.mov(R1, R6)
    asm.mov(R2, R7)
    asm.alu("add", R2, R9)
    asm.mov(R3, R8)
    asm.alu("sub", R3, R9)
    asm.call_function(inner)
    asm.jump(R0, "!=", 0, "some")
    asm.alu("add", R9, positions)
    asm.jump(R9, "<", STRING_BYTES, "loop")
    asm.label("none")
    asm.mov(R0, 0)
    asm.exit()
    asm.label("some")
    asm.mov(R0, 1)
    asm.exit()
    return Function(asm, 3)


def _inner(
    name: str, environment: Environment, texts: list[bytes], positions: int, *, ignore_case: bool
) -> Function:
    asm = KernelReader(name, environment).asm
    asm.mov(R8, R2)
    asm.mov(R9, R3)
    asm.store(FP, Stack.KEY, R1, 4)
    asm.mov(R2, FP)
    asm.alu("add", R2, Stack.KEY)
    asm.load_map(R1, environment.maps["scratch"])
    asm.call(Helper.MAP_LOOKUP_ELEM)
    asm.jump(R0, "==", 0, "none")
    asm.mov(R7, R0)
    asm.store(R7, _LEFT, R9, 8)
    asm.jump(R8, ">", LIMIT + STRING_BYTES, "none")
    asm.mov(R6, R7)
    asm.alu("add", R6, R8)
    asm.mov(R9, 0)
    asm.label("loop")
    for text in texts:
        _compare(asm, text, ignore_case=ignore_case)
    asm.alu("add", R6, 1)
    asm.load(R1, R7, _LEFT, 8)
    asm.alu("sub", R1, 1)
    asm.store(R7, _LEFT, R1, 8)
    # the shortest text is the first: without room for it there is none for any
    asm.jump(R1, "<", len(texts[0]), "none")
    asm.alu("add", R9, 1)
    asm.jump(R9, "<", positions, "loop")
    asm.label("none")
    asm.mov(R0, 0)
    asm.exit()
    asm.label("some")
    asm.mov(R0, 1)
    asm.exit()
    return Function(asm, 3)


def _compare(asm: Assembler, text: bytes, *, ignore_case: bool) -> None:
    """Jump to `some` if the text is at R6."""
    differs = asm.new_label("differs")
    asm.load(R1, R7, _LEFT, 8)
    asm.jump(R1, "<", len(text), differs)
    for at, size in steps(len(text)):
        part = text[at : at + size]
        asm.load(R1, R6, _RECORD + at, size)
        if ignore_case:
            # the bit that tells lower from upper case, set where the text has a letter
            letters = bytes(0x20 * (ord("a") <= byte <= ord("z")) for byte in part)
            _operate(asm, "or", int.from_bytes(letters, "little"))
        value = int.from_bytes(part, "little")
        if fits_in_imm(value):
            asm.jump(R1, "!=", value, differs)
        else:
            asm.mov(R5, value)
            asm.jump(R1, "!=", R5, differs)
    asm.goto("some")
    asm.label(differs)


def _operate(asm: Assembler, operation: str, value: int) -> None:
    if fits_in_imm(value):
        asm.alu(operation, R1, value)
    else:
        asm.mov(R5, value)
        asm.alu(operation, R1, R5)
