# SPDX-License-Identifier: Apache-2.0
"""Leaves out what is never executed: kernels refuse a program with an instruction nothing reaches.

Whoever emits code need not know whether what follows is reached: behind a filter that always holds,
nothing is. Jumps to the next instruction go too, and jumps to jumps take the direct way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from .opcodes import JUMP, InstructionClass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Reached", "leave_out_unreached"]

_GOTO: Final = InstructionClass.JMP | JUMP["always"]
_EXIT: Final = InstructionClass.JMP | JUMP["exit"]
_WIDE_LOAD: Final = 0x18


class Reached(NamedTuple):
    """What is left of a function."""

    code: list[bytes]
    labels: dict[str, int]
    jumps: list[tuple[int, str]]
    places: dict[int, int]
    """Number of an instruction before -> now; not of those left out."""


def leave_out_unreached(
    code: Sequence[bytes], labels: Mapping[str, int], jumps: Sequence[tuple[int, str]]
) -> Reached:
    """The code without what cannot be reached from its first instruction."""
    jumps = _without_detours(code, labels, jumps)
    targets = {index: labels[label] for index, label in jumps}
    kept = _reached(code, targets)
    behind = [0] * (len(code) + 1)
    """How many instructions are kept from that one on."""
    for index in range(len(code) - 1, -1, -1):
        is_goto = code[index][0] == _GOTO and index in targets
        if kept[index] and is_goto and targets[index] > index:
            kept[index] = behind[index + 1] != behind[targets[index]]
        behind[index] = behind[index + 1] + kept[index]
    places = {index: behind[0] - behind[index] for index in range(len(code)) if kept[index]}
    return Reached(
        [code[index] for index in places],
        {label: behind[0] - behind[index] for label, index in labels.items()},
        [(places[index], label) for index, label in jumps if kept[index]],
        places,
    )


def _without_detours(
    code: Sequence[bytes], labels: Mapping[str, int], jumps: Sequence[tuple[int, str]]
) -> list[tuple[int, str]]:
    """Jumps to a goto go where that goes."""
    gotos = {index: label for index, label in jumps if code[index][0] == _GOTO}
    straight = []
    for index, label in jumps:
        tried = {label}
        while (further := gotos.get(labels[label], label)) not in tried:
            label = further  # noqa: PLW2901  the way on
            tried.add(label)
        straight.append((index, label))
    return straight


def _reached(code: Sequence[bytes], targets: Mapping[int, int]) -> list[bool]:
    reached = [False] * len(code)
    waiting = [0]
    while waiting:
        index = waiting.pop()
        while index < len(code) and not reached[index]:
            reached[index] = True
            opcode = code[index][0]
            if opcode == _WIDE_LOAD:
                index += 1
                reached[index] = True
            if index in targets:
                waiting.append(targets[index])
            if opcode in {_GOTO, _EXIT}:
                break
            index += 1
    return reached
