# SPDX-License-Identifier: Apache-2.0
"""Instructions to text, for `explain` and for whoever has to read a program that was refused.

One line an instruction, in the notation of the kernel's verifier: `r1 = *(u64 *)(r6 +8)`.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Final

from .opcodes import ALU, INSTRUCTION, JUMP, MODES, SIZES, Helper, InstructionClass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["disassemble"]

_ALU_SIGNS: Final = {
    "add": "+=",
    "sub": "-=",
    "mul": "*=",
    "div": "/=",
    "or": "|=",
    "and": "&=",
    "lsh": "<<=",
    "rsh": ">>=",
    "mod": "%=",
    "xor": "^=",
    "mov": "=",
    "arsh": "s>>=",
}
_ALU_NAMES: Final = {code: name for name, code in ALU.items()}
_JUMP_NAMES: Final = {code: name for name, code in JUMP.items()}
_BYTES: Final = {code: size for size, code in SIZES.items()}
_HELPERS: Final = {int(helper): helper.name.lower() for helper in Helper}
_WIDE: Final = 0x18
_REGISTER_SOURCE: Final = 0x08
_EXCHANGE: Final = 0xE1
_MAP, _MAP_VALUE, _FUNCTION, _KERNEL_FUNCTION = 1, 2, 1, 2
_U32: Final = 1 << 32


def disassemble(
    instructions: bytes,
    maps: Mapping[int, str] | None = None,
    labels: Mapping[int, str] | None = None,
) -> Iterator[str]:
    """A line for each instruction, and one for each place that is jumped to or called.

    `maps` names maps by descriptor; `labels` names places by the number of their instruction, those
    without a name are called after their number.
    """
    return _Listing(instructions, maps or {}, labels or {}).lines()


class _Listing:
    def __init__(self, code: bytes, maps: Mapping[int, str], labels: Mapping[int, str]) -> None:
        self.code = list(INSTRUCTION.iter_unpack(code))
        self.maps = maps
        self.labels = dict(labels)
        for index, (opcode, registers, offset, immediate) in enumerate(self.code):
            kind, operation = opcode & 7, opcode & 0xF0
            if kind not in {InstructionClass.JMP, InstructionClass.JMP32}:
                continue
            if operation == JUMP["call"]:
                if registers >> 4 == _FUNCTION:
                    self._name(index + 1 + immediate, "function")
            elif operation != JUMP["exit"]:
                self._name(index + 1 + offset, "L")

    def _name(self, place: int, prefix: str) -> str:
        return self.labels.setdefault(place, f"{prefix}{place}")

    def lines(self) -> Iterator[str]:
        skip = -1
        for index, (opcode, registers, offset, immediate) in zip(count(), self.code):
            if index in self.labels:
                yield f"{self.labels[index]}:"
            if index == skip:
                continue
            if opcode == _WIDE:
                skip = index + 1
                text = self._wide(registers, immediate, self.code[skip][3])
            else:
                text = self._text(index, opcode, registers, offset, immediate)
            yield f"{index:6}  {text}"

    def _wide(self, registers: int, low: int, high: int) -> str:
        target, kind = f"r{registers & 15}", registers >> 4
        name = self.maps.get(low, f"map {low}")
        if kind == _MAP:
            return f"{target} = {name}"
        if kind == _MAP_VALUE:
            return f"{target} = {name}[0] +{high}"
        return f"{target} = {(high % _U32) << 32 | low % _U32:#x}"

    def _text(self, index: int, opcode: int, registers: int, offset: int, immediate: int) -> str:
        kind = opcode & 7
        if kind in {InstructionClass.ALU32, InstructionClass.ALU64}:
            return _alu(opcode, registers, immediate)
        if kind in {InstructionClass.JMP, InstructionClass.JMP32}:
            return self._jump(index, opcode, registers, offset, immediate)
        return _memory(opcode, registers, offset, immediate)

    def _jump(self, index: int, opcode: int, registers: int, offset: int, immediate: int) -> str:
        name = _JUMP_NAMES[opcode & 0xF0]
        if name == "exit":
            return "exit"
        if name == "call":
            if registers >> 4 == _FUNCTION:
                return f"call {self.labels[index + 1 + immediate]}"
            if registers >> 4 == _KERNEL_FUNCTION:
                return f"call kernel function {immediate}"
            return f"call {_HELPERS.get(immediate, f'helper {immediate}')}"
        label = self.labels[index + 1 + offset]
        if name == "always":
            return f"goto {label}"
        letter = "w" if opcode & 7 == InstructionClass.JMP32 else "r"
        right = f"{letter}{registers >> 4}" if opcode & _REGISTER_SOURCE else str(immediate)
        return f"if {letter}{registers & 15} {name} {right} goto {label}"


def _alu(opcode: int, registers: int, immediate: int) -> str:
    name = _ALU_NAMES[opcode & 0xF0]
    letter = "w" if opcode & 7 == InstructionClass.ALU32 else "r"
    target = f"{letter}{registers & 15}"
    if name == "end":
        order = "be" if opcode & _REGISTER_SOURCE else "le"
        return f"r{registers & 15} = {order}{immediate} r{registers & 15}"
    right = f"{letter}{registers >> 4}" if opcode & _REGISTER_SOURCE else str(immediate)
    return f"{target} {_ALU_SIGNS[name]} {right}"


def _memory(opcode: int, registers: int, offset: int, immediate: int) -> str:
    low, high = registers & 15, registers >> 4
    bits = f"u{8 * _BYTES[opcode & 0x18]} *"
    if opcode & 7 == InstructionClass.LDX:
        return f"r{low} = *({bits})(r{high} {offset:+})"
    place = f"({bits})(r{low} {offset:+})"
    if opcode & 7 == InstructionClass.ST:
        return f"*{place} = {immediate}"
    if opcode & 0xE0 != MODES["atomic"]:
        return f"*{place} = r{high}"
    if immediate == _EXCHANGE:
        return f"r{high} = xchg({place}, r{high})"
    return f"lock *{place} += r{high}"
