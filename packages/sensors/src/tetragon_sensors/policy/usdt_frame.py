# SPDX-License-Identifier: Apache-2.0
"""Where a program at a USDT probe finds the arguments: as the note of its sites says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tetragon_sensors.program.opcodes import Register

from .usdt_arguments import Constant, InMemory, InRegister

if TYPE_CHECKING:
    from .emitter import Emitter
    from .usdt_arguments import UsdtArgument

__all__ = ["UsdtFrame"]

R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, FP = Register


@dataclass(frozen=True, slots=True)
class UsdtFrame:
    """Sites whose arguments are in the same places; R6 holds the registers of user space."""

    arguments: tuple[UsdtArgument, ...]
    """None that is used is Unreadable."""

    def is_in_memory(self, index: int) -> bool:
        """Whether an argument is in memory of the process, which may not be there."""
        return isinstance(self.arguments[index].place, InMemory)

    def argument(self, emitter: Emitter, target: Register, index: int) -> None:
        """Set `target` to an argument, extended to 64 bits; 0 when its memory is not there."""
        self.argument_or(emitter, target, index, "")

    def argument_or(self, emitter: Emitter, target: Register, index: int, failed: str) -> None:
        """The same; jumps to `failed` with R0 negative when the argument's memory is not there."""
        asm = emitter.asm
        one = self.arguments[index]
        match one.place:
            case Constant():
                asm.mov(target, one.constant)
                return
            case InRegister() as register:
                asm.load(target, R6, register.offset, register.bytes)
            case InMemory() as memory:
                self.address(emitter, R3, memory)
                emitter.load_user(target, R3, 0, one.size)
                if failed:
                    asm.jump(R0, "s<", 0, failed)
            case unreadable:
                raise AssertionError(f"{one.text} was let through: {unreadable.reason}")
        asm.extend(target, one.size, signed=one.is_signed)

    def address(self, emitter: Emitter, target: Register, memory: InMemory) -> None:
        """Set `target` to the address of an argument. R2 is lost."""
        asm = emitter.asm
        asm.mov(target, memory.displacement)
        for register in memory.bases:
            asm.load(R2, R6, register.offset, register.bytes)
            asm.alu("add", target, R2)
        if memory.index is not None:
            register = memory.index.register
            asm.load(R2, R6, register.offset, register.bytes)
            if memory.index.is_signed:
                asm.extend(R2, register.bytes, signed=True)
            asm.alu("lsh", R2, memory.index.shift)
            asm.alu("add", target, R2)

    def result(self, emitter: Emitter, target: Register) -> None:  # noqa: ARG002  part of Frame
        """Never asked for."""
        raise AssertionError("USDT probes return nothing")
