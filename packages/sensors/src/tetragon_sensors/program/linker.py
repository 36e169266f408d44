# SPDX-License-Identifier: Apache-2.0
"""Functions to one program: puts them behind each other and lets the calls find them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tetragon_core.errors import LoadError

from .opcodes import INSTRUCTION
from .typeinfo import FUNC_INFO, function_types

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .assembler import Assembler

__all__ = ["MOST_INSTRUCTIONS", "Function", "LinkedProgram", "link"]

MOST_INSTRUCTIONS: Final = 1_000_000
"""BPF_COMPLEXITY_LIMIT_INSNS, since 5.2; the verifier's work has the same limit."""


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
    """Main first, then those functions that are reached from it.

    Raises LoadError when it is longer than any kernel takes.
    """
    known = {function.code.name: function for function in functions}
    bodies = {main.name: main.finish()}
    order = [main.name]
    for name in order:  # grows while we go
        for _, called in bodies[name][1]:
            if called not in bodies:
                bodies[called] = known[called].code.finish()
                order.append(called)
    starts: dict[str, int] = {}
    length = 0
    for name in order:
        starts[name] = length
        length += len(bodies[name][0])
    if length > MOST_INSTRUCTIONS:
        raise LoadError(
            f"the filters need a program of {length:,} instructions; kernels take at most "
            f"{MOST_INSTRUCTIONS:,}: spread the values over several policies"
        )
    parts: list[bytes] = []
    for name in order:
        body, calls = bodies[name]
        for index, called in calls:
            opcode, registers, offset, _ = INSTRUCTION.unpack(body[index])
            distance = starts[called] - starts[name] - index - 1
            body[index] = INSTRUCTION.pack(opcode, registers, offset, distance)
        parts += body
    if len(order) == 1:
        return LinkedProgram(b"".join(parts), b"", b"")
    btf, ids = function_types(
        [(main.name, 1), *((name, known[name].parameters) for name in order[1:])]
    )
    info = b"".join(
        FUNC_INFO.pack(starts[name], number) for name, number in zip(order, ids, strict=True)
    )
    return LinkedProgram(b"".join(parts), btf, info)
