# SPDX-License-Identifier: Apache-2.0
"""Override of uprobes: the registers that the process goes on with, as `argRegs` writes them.

An assignment is `register=value` with a value of one of these forms, and they are done in order:

    rax=11          a number
    rbp=%rsp        another register
    rsp=8%rsp       another register plus a number
    rip=(%rsp)      what is in memory at another register
    rip=8(%rsp)     the same plus a number

Without any, the function returns at once: the register of results becomes argError, and the process
goes on where the function was called.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from tetragon_core.policy.numbers import parse_integer
from tetragon_core.policy.problems import did_you_mean
from tetragon_sensors.program.opcodes import Register

from .emitter import Stack
from .frames import REGISTERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .emitter import Emitter

__all__ = [
    "MAX_ASSIGNMENTS",
    "Assignment",
    "Value",
    "emit_assignments",
    "jump_by",
    "parse_assignment",
    "return_at_once",
]

R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, FP = Register

MAX_ASSIGNMENTS: Final = 18
"""As many as Tetragon takes."""
_SAVED: Final = Stack.ACTED - 8
"""What registers were before, downwards from here, one word each."""
_PAGE: Final = 4096
_COUNTER: Final = (REGISTERS.names.get("rip") or REGISTERS.names["pc"])[0]
_BREAKPOINT, _CALL = 0xCC, 0xE8
_SHAPE: Final = re.compile(
    r"\s*(?P<target>\w+)\s*=\s*"
    r"(?:(?P<at>[-+\w]*)\s*\(\s*%(?P<base>\w+)\s*\)|(?P<plus>[-+\w]*)\s*%(?P<other>\w+)"
    r"|(?P<number>[-+\w]+))\s*",
    re.ASCII,
)


class Value(Enum):
    """What a register becomes."""

    NUMBER = "number"
    REGISTER = "register"
    MEMORY = "memory"


class Assignment(NamedTuple):
    """One register; registers are an offset in struct pt_regs and a number of bytes."""

    target: tuple[int, int]
    value: Value
    source: tuple[int, int] = (0, 0)
    number: int = 0
    """The value itself, or what is added to the source."""


def parse_assignment(text: str) -> Assignment:
    """One of `argRegs`. Raises ValueError with what is wrong."""
    match = _SHAPE.fullmatch(text)
    if match is None:
        raise ValueError(f'"{text}" is no assignment; write rax=11, rax=8%rsp or rax=8(%rsp)')
    target = _register(match["target"])
    if match["number"] is not None:
        return Assignment(target, Value.NUMBER, number=_number(match["number"]))
    if match["base"] is not None:
        source = _register(match["base"])
        return Assignment(target, Value.MEMORY, source, _number(match["at"] or "0"))
    source = _register(match["other"])
    return Assignment(target, Value.REGISTER, source, _number(match["plus"] or "0"))


def _register(name: str) -> tuple[int, int]:
    found = REGISTERS.names.get(name)
    if found is None:
        raise ValueError(f'no register is called "{name}"{did_you_mean(name, REGISTERS.names)}')
    return found


def _number(text: str) -> int:
    number = parse_integer(text)
    if not -(1 << 63) <= number < 1 << 64:
        raise ValueError(f"{text} does not fit 64 bits")
    return number - (1 << 64) if number >= 1 << 63 else number


def return_at_once(error: int) -> tuple[str, ...]:
    """Assignments at the start of a function that make it return a number."""
    if "rsp" in REGISTERS.names:
        return ("rip=(%rsp)", f"rax={error}", "rsp=8%rsp")
    return (f"x0={error}", "pc=%x30")


def jump_by(distance: int) -> str:
    """The assignment that goes on so many bytes behind the probe."""
    counter = "rip" if "rip" in REGISTERS.names else "pc"
    return f"{counter}={distance}%{counter}"


def emit_assignments(
    emitter: Emitter, assignments: Sequence[Assignment], offset: int, failed: str
) -> None:
    """Do them all, or none: jump to `failed` with a negative R0 when memory cannot be read.

    None is done either when another program at the probe, which is at `offset` of its file, has
    redirected the call before. R6 is the context of a uprobe; R8 is used.
    """
    asm = emitter.asm
    over = asm.new_label("assigned")
    _leave_if_redirected(emitter, offset, over)
    reads = [place for place, one in enumerate(assignments) if one.value is Value.MEMORY]
    written = assignments[: reads[-1]] if reads else ()
    words = sorted({one.target[0] // 8 * 8 for one in written})
    for number, word in enumerate(words):
        asm.load(R8, R6, word, 8)
        asm.store(FP, _SAVED - 8 * number, R8, 8)
    restore = asm.new_label("restore")
    for one in assignments:
        _load(emitter, one, restore)
        asm.store(R6, one.target[0], R8, one.target[1])
    asm.goto(over)
    asm.label(restore)
    for number, word in enumerate(words):
        asm.load(R8, FP, _SAVED - 8 * number, 8)
        asm.store(R6, word, R8, 8)
    asm.goto(failed)
    asm.label(over)


def _leave_if_redirected(emitter: Emitter, offset: int, over: str) -> None:
    """Jump to `over` unless the process is still at the probe.

    Two policies, or an agent and the next one for a moment, may redirect the same call; to return
    from it twice would crash the process. The kernel does not tell where the probe is, but it is
    at that offset of a page, and on x86 a breakpoint, or the call that newer kernels put there.
    """
    asm = emitter.asm
    asm.load(R8, R6, _COUNTER, 8)
    asm.mov(R1, R8)
    asm.alu("and", R1, _PAGE - 1)
    asm.jump(R1, "!=", offset % _PAGE, over)
    if "rip" in REGISTERS.names:
        here = asm.new_label("here")
        emitter.load_user(R1, R8, 0, 1)
        asm.jump(R1, "==", _BREAKPOINT, here)
        asm.jump(R1, "!=", _CALL, over)
        asm.label(here)


def _load(emitter: Emitter, one: Assignment, failed: str) -> None:
    """R8 = the value."""
    asm = emitter.asm
    if one.value is Value.NUMBER:
        asm.mov(R8, one.number)
        return
    asm.load(R8, R6, *one.source)
    if one.number:
        asm.mov(R1, one.number)
        asm.alu("add", R8, R1)
    if one.value is Value.MEMORY:
        emitter.load_user(R8, R8, 0, 8)
        asm.extend(R0, 4, signed=True)
        asm.jump(R0, "!=", 0, failed)
