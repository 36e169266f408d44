# SPDX-License-Identifier: Apache-2.0
"""Functions to one program: puts them behind each other and lets the calls find them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .assembler import INSTRUCTION
from .typeinfo import FUNC_INFO, function_types

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .assembler import Assembler

__all__ = ["Function", "LinkedProgram", "link"]


@dataclass(frozen=True, slots=True)
class Function:
    """A written function that others call with u64 numbers."""

    code: Assembler
    parameters: int


@dataclass(frozen=True, slots=True)
class LinkedProgram:
    """What the kernel is given."""

    instructions: bytes
    btf: bytes
    """Empty when the program has one function only."""
    func_info: bytes

    def __len__(self) -> int:
        return len(self.instructions) // INSTRUCTION.size


def link(main: Assembler, functions: Sequence[Function] = ()) -> LinkedProgram:
    """Main first, then those functions that are reached from it."""
    known = {function.code.name: function for function in functions}
    order = [main]
    for code in order:  # grows while we go
        for _, name in code.calls:
            called = known[name].code
            if called not in order:
                order.append(called)
    starts: dict[str, int] = {}
    length = 0
    for code in order:
        starts[code.name] = length
        length += len(code)
    parts: list[bytes] = []
    for code in order:
        body = list(code.instructions())
        for index, name in code.calls:
            opcode, registers, offset, _ = INSTRUCTION.unpack(body[index])
            distance = starts[name] - starts[code.name] - index - 1
            body[index] = INSTRUCTION.pack(opcode, registers, offset, distance)
        parts += body
    if len(order) == 1:
        return LinkedProgram(b"".join(parts), b"", b"")
    btf, ids = function_types(
        [(main.name, 1), *((code.name, known[code.name].parameters) for code in order[1:])]
    )
    info = b"".join(
        FUNC_INFO.pack(starts[code.name], number) for code, number in zip(order, ids, strict=True)
    )
    return LinkedProgram(b"".join(parts), btf, info)
