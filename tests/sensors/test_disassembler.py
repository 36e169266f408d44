# SPDX-License-Identifier: Apache-2.0
"""Every kind of instruction the assembler writes has its text, and places have their names."""

from __future__ import annotations

from tetragon_sensors.program.assembler import Assembler
from tetragon_sensors.program.disassembler import disassemble
from tetragon_sensors.program.opcodes import ALU, Helper, Register

R0, R1, R6, R10 = Register.R0, Register.R1, Register.R6, Register.FP


def text_of(asm: Assembler, **names: dict[int, str]) -> list[str]:
    """Lines without their numbers."""
    code = b"".join(asm.finish()[0])
    lines = disassemble(code, names.get("maps"), names.get("labels"))
    return [line if line.endswith(":") else line.split(maxsplit=1)[1] for line in lines]


def test_memory() -> None:
    """Loads, stores and atomic operations."""
    asm = Assembler("test")
    asm.load(R1, R6, 8, 4)
    asm.store(R10, -8, R1, 8)
    asm.store(R10, -16, -7, 2)
    asm.exchange(R6, 0, R1)
    asm.atomic_add(R6, 16, R1)

    assert [
        "r1 = *(u32 *)(r6 +8)",
        "*(u64 *)(r10 -8) = r1",
        "*(u16 *)(r10 -16) = -7",
        "r1 = xchg((u64 *)(r6 +0), r1)",
        "lock *(u64 *)(r6 +16) += r1",
    ] == text_of(asm)


def test_arithmetic() -> None:
    """Both widths, numbers of every size, byte order."""
    asm = Assembler("test")
    asm.mov(R1, -5)
    asm.mov(R6, 0xFFFF_FFFF_8000_0001)
    asm.alu("arsh", R1, R6)
    asm.alu32("mov", R0, R0)
    asm.byte_swap(R1, 16)

    assert ["r1 = -5", "r6 = 0xffffffff80000001", "r1 s>>= r6", "w0 = w0", "r1 = be16 r1"] == (
        text_of(asm)
    )


def test_every_operation_has_a_sign() -> None:
    """None of the assembler's operations is missing."""
    asm = Assembler("test")
    for name in ALU:
        if name != "end":
            asm.alu(name, R1, R6)

    assert len(ALU) - 1 == len(set(text_of(asm)))


def test_calls() -> None:
    """Helpers have names; functions of the kernel are known by their type."""
    asm = Assembler("test")
    asm.call(Helper.GET_CURRENT_PID_TGID)
    asm.call_kernel(4711)

    assert ["call get_current_pid_tgid", "call kernel function 4711"] == text_of(asm)


def test_places_and_maps() -> None:
    """Jumps and calls name where they go; descriptors become names where these are known."""
    asm = Assembler("test")
    asm.load_map(R1, 7)
    asm.load_map_value(R1, 9, 24)
    asm.jump(R1, "s<", R6, "far")
    asm.call(Helper.KTIME_GET_BOOT_NS)
    asm.call(199)  # type: ignore[arg-type]  # a helper we do not know
    asm.jump(R1, "==", 3, "end")
    asm.goto("far")
    asm.label("other")
    asm.exit()
    asm.label("far")
    asm.jump(R1, "&", 1, "other")
    asm.label("end")
    asm.exit()

    assert [
        "r1 = ring",
        "r1 = map 9[0] +24",
        "if r1 s< r6 goto L10",
        "call ktime_get_boot_ns",
        "call helper 199",
        "if r1 == 3 goto out",
        "goto L10",
        "L9:",
        "exit",
        "L10:",
        "if r1 & 1 goto L9",
        "out:",
        "exit",
    ] == text_of(asm, maps={7: "ring"}, labels={11: "out"})
