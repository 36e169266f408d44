# SPDX-License-Identifier: Apache-2.0
"""Expressions of CelExpr filters as code.

A number is in R8, extended to 64 bits as its type says; what waits for its other half is on the
stack. A condition is never a number unless it is compared with another one: it is jumps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tetragon_core.policy.expressions import COMPARISONS, Call, Literal, Operand
from tetragon_sensors.program.assembler import fits_in_imm
from tetragon_sensors.program.opcodes import Register

from .reading import Stack

if TYPE_CHECKING:
    from collections.abc import Callable

    from tetragon_core.policy.expressions import Expression
    from tetragon_sensors.program.assembler import Assembler

__all__ = ["MAX_WAITING", "ExpressionCode", "waiting_numbers"]

R8, R9, FP = Register.R8, Register.R9, Register.FP

MAX_WAITING: Final = 8
"""Numbers there is room for at Stack.WIDE."""
_ARITHMETIC: Final = {"+": "add", "-": "sub", "and": "and", "or": "or", "xor": "xor"}
_OPPOSITE: Final = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


def waiting_numbers(part: Expression) -> int:
    """How many numbers wait on the stack at most while the expression is computed."""
    if not isinstance(part, Call):
        return 0
    needed = [waiting_numbers(one) for one in part.parts]
    if part.name in {"&&", "||"} or len(needed) == 1:
        return max(needed)
    waits = 0 if isinstance(part.parts[1], Literal) else 1
    return max(needed[0], needed[1] + waits)


class ExpressionCode:
    """Writes the code of expressions. `load` sets R8 to an argument's value, as its type says."""

    def __init__(self, asm: Assembler, load: Callable[[int], None]) -> None:
        self.asm = asm
        self.load = load
        self.waiting = 0

    def jump_if(self, part: Expression, target: str, *, when: bool) -> None:
        """Go to `target` if the condition is `when`, else go on."""
        if isinstance(part, Literal):
            if bool(part.value) is when:
                self.asm.goto(target)
            return
        assert isinstance(part, Call), "an argument is no condition"
        if part.name == "!":
            self.jump_if(part.parts[0], target, when=not when)
        elif part.name in COMPARISONS:
            self._compare(part, target, when=when)
        elif (part.name == "||") is when:  # each side decides alone
            for one in part.parts:
                self.jump_if(one, target, when=when)
        else:
            over = self.asm.new_label("over")
            self.jump_if(part.parts[0], over, when=not when)
            self.jump_if(part.parts[1], target, when=when)
            self.asm.label(over)

    def _compare(self, part: Call, target: str, *, when: bool) -> None:
        right = self._sides(part)
        comparison = part.name if when else _OPPOSITE[part.name]
        if part.parts[0].kind.signed and comparison not in {"==", "!="}:
            comparison = f"s{comparison}"
        self.asm.jump(R8, comparison, right, target)

    def _sides(self, part: Call) -> Register | int:
        """The left one in R8; returns the right one, in R9 unless an instruction can hold it."""
        asm = self.asm
        left, right = part.parts
        self._number(left)
        if isinstance(right, Literal):
            value = _as_signed(right.value)
            if fits_in_imm(value):
                return value
            asm.mov(R9, value)
            return R9
        place = Stack.WIDE + 8 * self.waiting
        self.waiting += 1
        assert self.waiting <= MAX_WAITING, "the check counted otherwise"
        asm.store(FP, place, R8, 8)
        self._number(right)
        asm.mov(R9, R8)
        asm.load(R8, FP, place, 8)
        self.waiting -= 1
        return R9

    def _number(self, part: Expression) -> None:
        """Set R8."""
        asm = self.asm
        if isinstance(part, Literal):
            asm.mov(R8, _as_signed(part.value))
        elif isinstance(part, Operand):
            self.load(part.position)
        elif not part.kind.bits:
            self._truth(part)
        else:
            if part.name in _ARITHMETIC:
                asm.alu(_ARITHMETIC[part.name], R8, self._sides(part))
            else:
                self._number(part.parts[0])
                if part.name == "not":
                    asm.alu("xor", R8, -1)
            asm.extend(R8, part.kind.bits // 8, signed=part.kind.signed)

    def _truth(self, part: Expression) -> None:
        """R8 = 1 or 0."""
        holds, over = self.asm.new_label("holds"), self.asm.new_label("over")
        self.jump_if(part, holds, when=True)
        self.asm.mov(R8, 0)
        self.asm.goto(over)
        self.asm.label(holds)
        self.asm.mov(R8, 1)
        self.asm.label(over)


def _as_signed(value: int) -> int:
    """The same 64 bits; immediates are sign-extended."""
    return value - (1 << 64) if value >> 63 == 1 else value
