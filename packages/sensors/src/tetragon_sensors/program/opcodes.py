# SPDX-License-Identifier: Apache-2.0
"""Numbers of the BPF instruction set (RFC 9669) and of the helpers we call (uapi/linux/bpf.h)."""

from __future__ import annotations

from enum import IntEnum
from struct import Struct
from typing import Final

__all__ = ["ALU", "INSTRUCTION", "JUMP", "MODES", "SIZES", "Helper", "InstructionClass", "Register"]


INSTRUCTION: Final = Struct("<BBhi")
"""opcode, registers (source in the upper half), offset, immediate."""


class Register(IntEnum):
    """The machine's registers; R10 is the frame pointer and read-only."""

    R0 = 0
    R1 = 1
    R2 = 2
    R3 = 3
    R4 = 4
    R5 = 5
    R6 = 6
    R7 = 7
    R8 = 8
    R9 = 9
    FP = 10


class InstructionClass(IntEnum):
    """Lowest three bits of an opcode."""

    LD = 0
    LDX = 1
    ST = 2
    STX = 3
    ALU32 = 4
    JMP = 5
    JMP32 = 6
    ALU64 = 7


SIZES: Final = {4: 0x00, 2: 0x08, 1: 0x10, 8: 0x18}
"""Bytes of an access -> bits of the opcode."""

MODES: Final = {"imm": 0x00, "mem": 0x60, "atomic": 0xC0}

ALU: Final = {
    "add": 0x00,
    "sub": 0x10,
    "mul": 0x20,
    "div": 0x30,
    "or": 0x40,
    "and": 0x50,
    "lsh": 0x60,
    "rsh": 0x70,
    "mod": 0x90,
    "xor": 0xA0,
    "mov": 0xB0,
    "arsh": 0xC0,
    "end": 0xD0,
}
"""Operations of the arithmetic classes."""

JUMP: Final = {
    "always": 0x00,
    "==": 0x10,
    ">": 0x20,
    ">=": 0x30,
    "&": 0x40,
    "!=": 0x50,
    "s>": 0x60,
    "s>=": 0x70,
    "call": 0x80,
    "exit": 0x90,
    "<": 0xA0,
    "<=": 0xB0,
    "s<": 0xC0,
    "s<=": 0xD0,
}
"""Operations of the jump classes; `s` compares as signed numbers."""


class Helper(IntEnum):
    """Helper functions of the kernel."""

    MAP_LOOKUP_ELEM = 1
    MAP_UPDATE_ELEM = 2
    MAP_DELETE_ELEM = 3
    GET_CURRENT_PID_TGID = 14
    GET_CURRENT_TASK = 35
    PROBE_WRITE_USER = 36
    GET_STACK = 67
    GET_CURRENT_CGROUP_ID = 80
    GET_CURRENT_TASK_BTF = 158
    SEND_SIGNAL = 109
    PROBE_READ_USER = 112
    PROBE_READ_KERNEL = 113
    PROBE_READ_USER_STR = 114
    PROBE_READ_KERNEL_STR = 115
    KTIME_GET_BOOT_NS = 125
    RINGBUF_OUTPUT = 130
    COPY_FROM_USER = 148
    GET_FUNC_IP = 173
    GET_ATTACH_COOKIE = 174
    LOOP = 181
    IMA_FILE_HASH = 193
