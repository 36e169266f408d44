# SPDX-License-Identifier: Apache-2.0
"""Leaves out what no jump and no preceding instruction reaches: verifiers refuse such programs.

A generator that writes each part on its own cannot know, for one, that a selector without filters
always wins, so that what follows it is never run.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Final

from .opcodes import JUMP, InstructionClass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Reachable", "find_reachable"]

_GOTO: Final = InstructionClass.JMP | JUMP["always"]
_EXIT: Final = InstructionClass.JMP | JUMP["exit"]
_WIDE_LOAD: Final = 0x18


class Reachable:
    """Which instructions stay, and their new numbers."""

    def __init__(self, kept: Sequence[bool]) -> None:
        self.kept = kept
        self._before = list(accumulate(kept, initial=0))

    def moved(self, index: int) -> int:
        """New number of an instruction, or of the next one that stays."""
        return self._before[index]


def find_reachable(
    code: Sequence[bytes], labels: Mapping[str, int], jumps: Sequence[tuple[int, str]]
) -> Reachable:
    """Follow the code from its first instruction; a jump goes to a label."""
    targets = {index: labels[label] for index, label in jumps}
    kept = [False] * len(code)
    waiting = [0]
    while waiting:
        at = waiting.pop()
        while at < len(code) and not kept[at]:
            kept[at] = True
            if at in targets:
                waiting.append(targets[at])
            if code[at][0] in {_GOTO, _EXIT}:
                break
            if code[at][0] == _WIDE_LOAD:
                kept[at + 1] = True
                at += 1
            at += 1
    return Reachable(kept)
