# SPDX-License-Identifier: Apache-2.0
"""Where a program finds the arguments of the function it is attached to: one class per context.

Each method writes instructions that set `target`; R6 holds the context. Calls are made where memory
of the kernel has to be read, so R0 to R5 are lost.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from tetragon_sensors.program.opcodes import Register

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tetragon_sensors.kernel.tracefs import Field

    from .emitter import Emitter

__all__ = [
    "COMMON_FIELDS",
    "REGISTERS",
    "RETURN_ADDRESS_BYTES",
    "STACK_POINTER",
    "FieldsFrame",
    "Frame",
    "RawSyscallFrame",
    "RegistersFrame",
    "SyscallEventFrame",
    "SyscallFrame",
    "UserRegistersFrame",
    "WordsFrame",
    "register_file",
]


@dataclass(frozen=True, slots=True)
class RegisterFile:
    """Offsets in struct pt_regs (arch/*/include/asm/ptrace.h)."""

    arguments: tuple[int, ...]
    syscall_arguments: tuple[int, ...]
    compat_arguments: tuple[int, ...]
    """Of a 32-bit system call, in the registers of the 64-bit kernel."""
    result: int
    names: dict[str, tuple[int, int]]
    """Register name -> offset and size."""


def _x86_names() -> dict[str, tuple[int, int]]:
    order = (
        *("r15", "r14", "r13", "r12", "bp", "bx", "r11", "r10", "r9", "r8", "ax", "cx", "dx"),
        *("si", "di", "orig_ax", "ip", "cs", "flags", "sp", "ss"),
    )
    names: dict[str, tuple[int, int]] = {}
    for number, name in enumerate(order):
        offset = 8 * number
        if name[0] == "r":
            names |= {name + end: (offset, size) for end, size in _WIDTHS}
            continue
        names["r" + name] = names[name if name in _OTHERS else "r" + name] = (offset, 8)
        if name not in _OTHERS:
            names |= {"e" + name: (offset, 4), name: (offset, 2)}
        if name in _BYTES:
            names |= {name[0] + "l": (offset, 1), name[0] + "h": (offset + 1, 1)}
        if name in {"si", "di", "bp", "sp"}:
            names[name + "l"] = (offset, 1)
    return names


COMMON_FIELDS: Final = 4
"""Of every event's format file, before its own."""

_WIDTHS: Final = (("", 8), ("d", 4), ("w", 2), ("b", 1))
_OTHERS: Final = {"orig_ax", "cs", "ss", "flags"}
_BYTES: Final = {"ax", "bx", "cx", "dx"}

_FILES: Final = {
    "x86_64": RegisterFile(
        (112, 104, 96, 88, 72, 64),
        (112, 104, 96, 56, 72, 64),
        (40, 88, 96, 104, 112, 32),
        80,
        _x86_names(),
    ),
    "aarch64": RegisterFile(
        tuple(8 * n for n in range(8)),
        # x0 is overwritten by the result; its old value is kept behind pstate (orig_x0)
        (272, 8, 16, 24, 32, 40),
        (272, 8, 16, 24, 32, 40),
        0,
        {f"x{n}": (8 * n, 8) for n in range(31)}
        | {f"w{n}": (8 * n, 4) for n in range(31)}
        | {"sp": (248, 8), "pc": (256, 8), "pstate": (264, 8)},
    ),
}
REGISTERS: Final = _FILES.get(platform.machine(), _FILES["x86_64"])
STACK_POINTER: Final = (REGISTERS.names.get("rsp") or REGISTERS.names["sp"])[0]
RETURN_ADDRESS_BYTES: Final = 8 if "rsp" in REGISTERS.names else 0
"""Of the stack, taken by a call and given back by the return."""


def register_file(arch: str) -> RegisterFile:
    """Registers of x86_64 or aarch64, wherever this runs."""
    return _FILES[arch]


class Frame(Protocol):
    """Access to arguments and result."""

    def argument(self, emitter: Emitter, target: Register, index: int) -> None:
        """Set `target` to argument `index`, as wide as the frame keeps it."""

    def result(self, emitter: Emitter, target: Register) -> None:
        """Set `target` to what the function returned."""


@dataclass(frozen=True, slots=True)
class WordsFrame:
    """fentry, fexit, raw tracepoints: an array of u64, the result behind the arguments."""

    count: int

    def argument(self, emitter: Emitter, target: Register, index: int) -> None:
        emitter.asm.load(target, Register.R6, 8 * index, 8)

    def result(self, emitter: Emitter, target: Register) -> None:
        emitter.asm.load(target, Register.R6, 8 * self.count, 8)


@dataclass(frozen=True, slots=True)
class RegistersFrame:
    """kprobe, kretprobe: the registers at the probe."""

    def argument(self, emitter: Emitter, target: Register, index: int) -> None:
        emitter.asm.load(target, Register.R6, REGISTERS.arguments[index], 8)

    def result(self, emitter: Emitter, target: Register) -> None:
        emitter.asm.load(target, Register.R6, REGISTERS.result, 8)


@dataclass(frozen=True, slots=True)
class UserRegistersFrame(RegistersFrame):
    """uprobe, uretprobe: registers of a process, by the same convention of calls."""


@dataclass(frozen=True, slots=True)
class SyscallFrame:
    """A system call's wrapper, whose only argument is a pointer to the registers of user space."""

    inner: Frame
    """How the wrapper's own argument is found."""
    is_32_bit: bool = False

    def argument(self, emitter: Emitter, target: Register, index: int) -> None:
        self.inner.argument(emitter, Register.R3, 0)
        if self.is_32_bit:
            emitter.load_kernel(target, Register.R3, REGISTERS.compat_arguments[index], 4)
        else:
            emitter.load_kernel(target, Register.R3, REGISTERS.syscall_arguments[index], 8)

    def result(self, emitter: Emitter, target: Register) -> None:
        self.inner.result(emitter, target)


@dataclass(frozen=True, slots=True)
class RawSyscallFrame:
    """raw_syscalls/sys_enter as a raw tracepoint, a third of the cost: (struct pt_regs *, long id).

    Only its first field, the number of the call, can be asked for; the other is an array.
    """

    def argument(self, emitter: Emitter, target: Register, index: int) -> None:
        assert index == COMMON_FIELDS
        emitter.asm.load(target, Register.R6, 8, 8)

    def result(self, emitter: Emitter, target: Register) -> None:  # noqa: ARG002  part of Frame
        raise AssertionError("tracepoints return nothing")


@dataclass(frozen=True, slots=True)
class FieldsFrame:
    """A tracepoint through perf: fields at the offsets of its format file.

    An index counts the fields of the format file from 0, the four common ones included.
    """

    fields: Sequence[Field]

    def argument(self, emitter: Emitter, target: Register, index: int) -> None:
        field = self.fields[index - COMMON_FIELDS]
        if field.is_array and not field.is_data_loc:  # the value is where it is
            emitter.asm.mov(target, Register.R6)
            emitter.asm.alu("add", target, field.offset)
            return
        emitter.asm.load(target, Register.R6, field.offset, field.size)
        emitter.asm.extend(target, field.size, signed=field.signed)

    def result(self, emitter: Emitter, target: Register) -> None:  # noqa: ARG002  part of Frame
        raise AssertionError("tracepoints return nothing")


@dataclass(frozen=True, slots=True)
class SyscallEventFrame:
    """The tracepoints syscalls/sys_enter_* and sys_exit_*: words behind the call's number."""

    count: int
    """Arguments the call has; the kernel refuses a program that looks behind them."""

    def argument(self, emitter: Emitter, target: Register, index: int) -> None:
        if index < self.count:
            emitter.asm.load(target, Register.R6, 16 + 8 * index, 8)
        else:
            emitter.asm.mov(target, 0)

    def result(self, emitter: Emitter, target: Register) -> None:
        emitter.asm.load(target, Register.R6, 16, 8)
