# SPDX-License-Identifier: Apache-2.0
"""Jumps to numbers. An instruction jumps 32,767 others at most; longer ways go over islands.

An island is a `goto` that others jump to; several of them stand together in a block that the code
around jumps over. (There is an instruction for long jumps, but only since kernel 6.6.)
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from .opcodes import INSTRUCTION, JUMP, InstructionClass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["resolve_jumps"]

_STRIDE: Final = 16_000
"""Instructions from block to block."""
_NEAR: Final = 20_000
"""So far a jump is direct: there is a block before the end of every longer one."""
_GOTO: Final = InstructionClass.JMP | JUMP["always"]
_EXIT: Final = InstructionClass.JMP | JUMP["exit"]
_WIDE_LOAD: Final = 0x18


def resolve_jumps(
    code: Sequence[bytes], labels: Mapping[str, int], jumps: Sequence[tuple[int, str]]
) -> tuple[list[bytes], list[int]]:
    """The code with all jumps resolved, and where each of its instructions is now.

    `jumps` are numbers of instructions and the labels they go to. Backwards they have to be near.
    """
    layout = _Layout(code, labels)
    hops = [layout.hop(index, label) for index, label in jumps]
    layout.settle()
    starts = [layout.start_of(index) for index in range(len(code))]
    done: list[bytes] = []
    for block, end in enumerate((*layout.blocks, len(code))):
        start = layout.blocks[block - 1] if block else 0
        done += layout.islands_of(block - 1)
        done += code[start:end]
    for (index, label), block_of_island in zip(jumps, hops, strict=True):
        at = starts[index]
        done[at] = _aimed(done[at], layout.place(label, block_of_island) - at - 1)
    return done, starts


class _Layout:
    """Where the blocks are and which islands they have. A block stands before an instruction."""

    def __init__(self, code: Sequence[bytes], labels: Mapping[str, int]) -> None:
        self.labels = labels
        self.blocks = [
            # never between the halves of a wide load
            at + (code[at - 1][0] == _WIDE_LOAD)
            for at in range(_STRIDE, len(code) - 1, _STRIDE)
        ]
        self.guards = [code[at - 1][0] not in {_GOTO, _EXIT} for at in self.blocks]
        """Of each block: whether the code before runs into it, and so needs a jump over it."""
        self.islands: list[dict[str, int | None]] = [{} for _ in self.blocks]
        """Of each block: label -> block with the next island, None: straight to the label."""
        self.sizes = [0] * (len(self.blocks) + 1)
        """Instructions in all blocks before the one of that number."""

    def hop(self, index: int, label: str) -> int | None:
        """Block with the island that a jump from there has to take; None: it is near enough."""
        if self.labels[label] - index <= _NEAR:
            return None
        block = bisect_right(self.blocks, index)
        if label not in self.islands[block]:
            self.islands[block][label] = self.hop(self.blocks[block], label)
        return block

    def settle(self) -> None:
        """All hops are known: from now on it is known where everything is."""
        each = zip(self.islands, self.guards, strict=True)
        sizes = (len(islands) + (guard and bool(islands)) for islands, guard in each)
        self.sizes = list(accumulate(sizes, initial=0))

    def start_of(self, index: int) -> int:
        """Where an instruction of the original code is."""
        return index + self.sizes[bisect_right(self.blocks, index)]

    def place(self, label: str, block: int | None) -> int:
        """Where the label is, or its island in that block."""
        if block is None:
            return self.start_of(self.labels[label])
        number = list(self.islands[block]).index(label)
        return self.blocks[block] + self.sizes[block] + self.guards[block] + number

    def islands_of(self, block: int) -> list[bytes]:
        """The block's instructions; there is none before the first."""
        if block < 0 or not self.islands[block]:
            return []
        code = [_goto(len(self.islands[block]))] if self.guards[block] else []
        for label, following in self.islands[block].items():
            code.append(_goto(self.place(label, following) - self.place(label, block) - 1))
        return code


def _goto(distance: int) -> bytes:
    return INSTRUCTION.pack(_GOTO, 0, distance, 0)


def _aimed(jump: bytes, distance: int) -> bytes:
    opcode, registers, _, immediate = INSTRUCTION.unpack(jump)
    return INSTRUCTION.pack(opcode, registers, distance, immediate)
