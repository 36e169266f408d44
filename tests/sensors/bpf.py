# SPDX-License-Identifier: Apache-2.0
"""Executes BPF instructions in Python: arithmetic, jumps, loads, stores. No helpers, no maps.

Written from RFC 9669, apart from the assembler and its opcode tables, so that both can be wrong
only in different ways.
"""

from __future__ import annotations

import functools
import struct
from typing import Final

__all__ = ["Machine", "MachineError"]

_U64: Final = (1 << 64) - 1
_U32: Final = (1 << 32) - 1
_STEPS: Final = 1_000_000
_SIZES: Final = {0x00: 4, 0x08: 2, 0x10: 1, 0x18: 8}


class MachineError(Exception):
    """The program did what no program may do."""


class Machine:
    """Registers and memory; each piece of memory is far from every other."""

    def __init__(self) -> None:
        self.registers: list[int | None] = [None] * 11
        self.steps = 0
        self._memory: dict[int, bytearray] = {}

    def map(self, content: bytes) -> int:
        """Make memory with that content; its address."""
        address = 0xFFFF_8800_0000_0000 + (len(self._memory) << 20)
        self._memory[address] = bytearray(content)
        return address

    def content(self, address: int) -> bytes:
        """What is in memory made by `map`."""
        return bytes(self._memory[address])

    def run(self, program: bytes) -> int:
        """Execute until `exit`; the value of R0. Raises MachineError."""
        code = _decoded(program)
        at = 0
        while True:
            if not 0 <= at < len(code):
                raise MachineError(f"jump out of the program to {at}")
            self.steps += 1
            if self.steps > _STEPS:
                raise MachineError("endless")
            opcode, registers, offset, immediate = code[at]
            at += 1
            target, source, kind = registers & 15, registers >> 4, opcode & 7
            if opcode == 0x95:
                return self._get(0)
            if opcode == 0x18:
                self.registers[target] = self.wide(source, immediate & _U32, code[at][3] & _U32)
                at += 1
            elif opcode == 0x85:
                self.call(source, immediate)
            elif kind in {5, 6}:
                at += offset if self._holds(opcode, target, source, immediate) else 0
            elif kind in {4, 7}:
                self._arithmetic(opcode, target, source, immediate)
            else:
                self._access(opcode, target, source, offset, immediate)

    def _access(self, opcode: int, target: int, source: int, offset: int, immediate: int) -> None:
        """Loads, stores, and what is atomic."""
        kind = opcode & 7
        if opcode == 0xDB:
            self._atomic(self._get(target) + offset, source, immediate)
        elif kind == 1:
            self.registers[target] = self._load(self._get(source) + offset, opcode)
        else:
            value = self._get(source) if kind == 3 else immediate
            self._store(self._get(target) + offset, opcode, value)

    def wide(self, kind: int, low: int, high: int) -> int:
        """What an instruction with 64 immediate bits loads; `kind` 0 is a number."""
        if kind:
            raise MachineError("no maps here")
        return high << 32 | low

    def call(self, kind: int, number: int) -> None:
        """A call: `kind` 0 of a helper, 1 of a function."""
        raise MachineError(f"no call {kind} of {number} here")

    def _atomic(self, address: int, source: int, operation: int) -> None:
        """On eight bytes: 0 adds, 0xe1 exchanges."""
        memory, at = self._place(address, 8)
        old = int.from_bytes(memory[at : at + 8], "little")
        new = {0x00: old + self._get(source), 0xE1: self._get(source)}[operation]
        memory[at : at + 8] = (new & _U64).to_bytes(8, "little")
        if operation == 0xE1:
            self.registers[source] = old

    def _get(self, register: int) -> int:
        value = self.registers[register]
        if value is None:
            raise MachineError(f"r{register} was never set")
        return value

    def _place(self, address: int, size: int) -> tuple[bytearray, int]:
        address &= _U64
        for start, memory in self._memory.items():
            if start <= address and address + size <= start + len(memory):
                return memory, address - start
        raise MachineError(f"{size} bytes at {address:#x} are nobody's")

    def _load(self, address: int, opcode: int) -> int:
        size = _SIZES[opcode & 0x18]
        memory, at = self._place(address, size)
        return int.from_bytes(memory[at : at + size], "little")

    def _store(self, address: int, opcode: int, value: int) -> None:
        size = _SIZES[opcode & 0x18]
        memory, at = self._place(address, size)
        memory[at : at + size] = (value & (1 << 8 * size) - 1).to_bytes(size, "little")

    def _arithmetic(self, opcode: int, target: int, source: int, immediate: int) -> None:
        operation, wide = opcode & 0xF0, opcode & 7 == 7
        bits = 64 if wide else 32
        mask = (1 << bits) - 1
        if operation == 0xD0:
            self.registers[target] = self._swapped(self._get(target), opcode, immediate)
            return
        right = (self._get(source) if opcode & 8 else immediate) & mask
        if operation == 0xB0:
            self.registers[target] = right
            return
        left = self._get(target) & mask
        shift = right & bits - 1
        values = {
            0x00: left + right,
            0x10: left - right,
            0x20: left * right,
            0x40: left | right,
            0x50: left & right,
            0x60: left << shift,
            0x70: left >> shift,
            0xA0: left ^ right,
            0x30: left // right if right else 0,
            0x90: left % right if right else left,
            0xC0: _signed(left, bits) >> shift,
        }
        self.registers[target] = values[operation] & mask

    @staticmethod
    def _swapped(value: int, opcode: int, bits: int) -> int:
        raw = (value & (1 << bits) - 1).to_bytes(bits // 8, "little")
        return int.from_bytes(raw, "big" if opcode & 8 else "little")

    def _holds(self, opcode: int, target: int, source: int, immediate: int) -> bool:
        operation = opcode & 0xF0
        if operation == 0x00:
            return True
        bits = 64 if opcode & 7 == 5 else 32
        mask = (1 << bits) - 1
        left = self._get(target) & mask
        right = (self._get(source) if opcode & 8 else immediate) & mask
        low, high = _signed(left, bits), _signed(right, bits)
        return {
            0x10: left == right,
            0x20: left > right,
            0x30: left >= right,
            0x40: bool(left & right),
            0x50: left != right,
            0x60: low > high,
            0x70: low >= high,
            0xA0: left < right,
            0xB0: left <= right,
            0xC0: low < high,
            0xD0: low <= high,
        }[operation]


@functools.lru_cache(maxsize=4)
def _decoded(program: bytes) -> list[tuple[int, ...]]:
    return list(struct.iter_unpack("<BBhi", program))


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> bits - 1 else value
