# SPDX-License-Identifier: Apache-2.0
"""Writes one BPF function, an instruction a call; jumps go to labels. Knows no kernel types."""

from __future__ import annotations

from typing import Final

from .jumps import resolve_jumps
from .opcodes import ALU, INSTRUCTION, JUMP, MODES, SIZES, Helper, InstructionClass, Register
from .reach import leave_out_unreached

__all__ = ["Assembler", "fits_in_imm"]

_REGISTER_SOURCE: Final = 0x08
_PSEUDO_MAP_FD: Final = 1
_PSEUDO_MAP_VALUE: Final = 2
_PSEUDO_CALL: Final = 1
_PSEUDO_KFUNC_CALL: Final = 2
_FETCH: Final = 0x01
_XCHG: Final = 0xE0 | _FETCH
_WORD: Final = 1 << 32


def fits_in_imm(value: int) -> bool:
    """Whether `value` is what a 32-bit immediate, sign-extended, can be."""
    return -(1 << 31) <= value < 1 << 31


class Assembler:
    """One function in the making. Registers are Register; sizes are in bytes."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._calls: list[tuple[int, str]] = []
        self._code: list[bytes] = []
        self._labels: dict[str, int] = {}
        self._jumps: list[tuple[int, str]] = []
        self._numbers = 0

    def __len__(self) -> int:
        return len(self._code)

    def new_label(self, hint: str) -> str:
        """A label nobody has yet."""
        self._numbers += 1
        return f"{hint}_{self._numbers}"

    def label(self, name: str) -> None:
        """Jumps to `name` come here."""
        assert name not in self._labels, f"label {name} twice in {self.name}"
        self._labels[name] = len(self._code)

    def is_used(self, label: str) -> bool:
        """Whether some jump goes to `label`."""
        return any(target == label for _, target in self._jumps)

    def mov(self, target: Register, source: Register | int) -> None:
        """Set a register; an int may be any 64-bit number, signed or not."""
        if isinstance(source, Register):
            self._emit(InstructionClass.ALU64 | ALU["mov"] | _REGISTER_SOURCE, target, source)
        elif fits_in_imm(source):
            self._emit(InstructionClass.ALU64 | ALU["mov"], target, immediate=source)
        else:
            self._wide(target, 0, source & (_WORD - 1), source >> 32 & (_WORD - 1))

    def alu(self, operation: str, target: Register, source: Register | int) -> None:
        """`target = target operation source` in 64 bits."""
        self._alu(InstructionClass.ALU64, operation, target, source)

    def alu32(self, operation: str, target: Register, source: Register | int) -> None:
        """The same in 32 bits; the upper half becomes zero."""
        self._alu(InstructionClass.ALU32, operation, target, source)

    def byte_swap(self, register: Register, bits: int) -> None:
        """Between host and network order; the bits above become zero."""
        self._emit(InstructionClass.ALU32 | ALU["end"] | _REGISTER_SOURCE, register, immediate=bits)

    def extend(self, register: Register, size: int, *, signed: bool) -> None:
        """Make the lowest `size` bytes the whole of the register's value."""
        bits = 64 - 8 * size
        if bits:
            self.alu("lsh", register, bits)
            self.alu("arsh" if signed else "rsh", register, bits)

    def load(self, target: Register, base: Register, offset: int, size: int) -> None:
        """`target = *(base + offset)`, zero-extended."""
        self._emit(InstructionClass.LDX | MODES["mem"] | SIZES[size], target, base, offset)

    def store(self, base: Register, offset: int, source: Register | int, size: int) -> None:
        """`*(base + offset) = source`."""
        if isinstance(source, Register):
            self._emit(InstructionClass.STX | MODES["mem"] | SIZES[size], base, source, offset)
        else:
            self._emit(InstructionClass.ST | MODES["mem"] | SIZES[size], base, 0, offset, source)

    def exchange(self, base: Register, offset: int, register: Register) -> None:
        """Swap `register` with the u64 at `base + offset`, atomically (5.12)."""
        self._emit(InstructionClass.STX | MODES["atomic"] | SIZES[8], base, register, offset, _XCHG)

    def atomic_add(self, base: Register, offset: int, register: Register) -> None:
        """Add `register` to the u64 at `base + offset`."""
        self._emit(InstructionClass.STX | MODES["atomic"] | SIZES[8], base, register, offset)

    def jump(self, left: Register, comparison: str, right: Register | int, label: str) -> None:
        """Go to `label` if `left comparison right`, in 64 bits."""
        if isinstance(right, Register):
            code, source, immediate = _REGISTER_SOURCE, right, 0
        else:
            code, source, immediate = 0, Register.R0, right
        self._jumps.append((len(self._code), label))
        self._emit(
            InstructionClass.JMP | JUMP[comparison] | code, left, source, immediate=immediate
        )

    def goto(self, label: str) -> None:
        """Go to `label`."""
        self._jumps.append((len(self._code), label))
        self._emit(InstructionClass.JMP | JUMP["always"])

    def call(self, helper: Helper) -> None:
        """Call the kernel: arguments in R1 to R5, result in R0; R1 to R5 are lost."""
        self._emit(InstructionClass.JMP | JUMP["call"], immediate=helper)

    def call_function(self, name: str) -> None:
        """Call another function of the program."""
        self._calls.append((len(self._code), name))
        self._emit(InstructionClass.JMP | JUMP["call"], 0, _PSEUDO_CALL, immediate=-1)

    def call_kernel(self, type_id: int) -> None:
        """Call a function of the kernel that is there for programs (kfunc), by its BTF id."""
        self._emit(InstructionClass.JMP | JUMP["call"], 0, _PSEUDO_KFUNC_CALL, immediate=type_id)

    def load_map(self, target: Register, fd: int) -> None:
        """Address of a map."""
        self._wide(target, _PSEUDO_MAP_FD, fd, 0)

    def load_map_value(self, target: Register, fd: int, offset: int = 0) -> None:
        """Address inside the value of an array map that has one element."""
        self._wide(target, _PSEUDO_MAP_VALUE, fd, offset)

    def exit(self) -> None:
        """Return R0."""
        self._emit(InstructionClass.JMP | JUMP["exit"])

    def finish(self) -> tuple[list[bytes], list[tuple[int, str]]]:
        """Instructions of eight bytes each, jumps resolved, and where the calls are among them.

        What is not reached is left out.
        """
        left = leave_out_unreached(self._code, self._labels, self._jumps)
        code, starts = resolve_jumps(left.code, left.labels, left.jumps)
        calls = [
            (starts[left.places[index]], name)
            for index, name in self._calls
            if index in left.places
        ]
        return code, calls

    def _alu(
        self, kind: InstructionClass, operation: str, target: Register, source: Register | int
    ) -> None:
        if isinstance(source, Register):
            self._emit(kind | ALU[operation] | _REGISTER_SOURCE, target, source)
        else:
            self._emit(kind | ALU[operation], target, immediate=source)

    def _wide(self, target: Register, kind: int, low: int, high: int) -> None:
        self._emit(0x18, target, kind, immediate=_signed(low))
        self._emit(0, immediate=_signed(high))

    def _emit(
        self, opcode: int, target: int = 0, source: int = 0, offset: int = 0, immediate: int = 0
    ) -> None:
        self._code.append(INSTRUCTION.pack(opcode, target | source << 4, offset, immediate))


def _signed(word: int) -> int:
    return word - _WORD if word >= _WORD >> 1 else word
